/* driver_rig.h - a real node in its own process, among validators that are not.
 *
 * Validator 0 is node_run in a child: its files, threads, sockets and kill -9
 * are the real ones.  This process holds the keys of the other three, so it can
 * make any block final, and speaks for each of them over a real link, honestly
 * until a test's answer() takes over. */
#ifndef TESTS_DRIVER_RIG_H
#define TESTS_DRIVER_RIG_H

#include "consensus/msg.h"
#include "crypto/transport.h"
#include "node/node.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/engine/engine_fixture.h"

enum {
    VALIDATORS = 4,
    NODE = 0, /* the lowest index dials: the real one dials the others */
    CHAIN_BLOCKS = 24,
    WAIT_MS = 20000,
    RIG_PATH = 128,
    TYPES = 32, /* message types */
};

/* A valid block, final with three signatures. */
struct link {
    struct header header;
    struct candidate about;
    struct buf header_bytes;
    struct buf body;
    struct cert final;
};

struct rig;

struct fake {
    struct rig *rig;
    uint8_t index;
    struct peers *peers;
    uint16_t port;
    uint32_t got[TYPES]; /* frames by type */
    bool drop;           /* its links end after this turn */
};

struct rig {
    struct fixture f;
    struct valset set;
    struct vote_domain domain;
    struct secret consensus[VALIDATORS];
    struct secret transport[VALIDATORS];
    EVP_PKEY *tls_key[VALIDATORS];
    X509 *certificate[VALIDATORS];
    uint64_t leader_seed;
    struct hash genesis_block;
    struct link chain[CHAIN_BLOCKS + 1]; /* 1.. */

    struct event_base *base;
    struct fake fakes[VALIDATORS]; /* 1.. */
    /* What the fakes do with a frame; false: what an honest one does. */
    bool (*answer)(struct fake *f, uint8_t type, struct bytes payload);
    uint64_t final_height; /* what the honest ones say is final */
    struct vote held;      /* the node's newest vote that they remember */
    uint32_t lies;         /* for answer(): told so far */
    struct vote heard;     /* newest NOTARIZE of the node */
    struct vote finalized; /* newest FINALIZE of the node */

    char saved[RIG_PATH]; /* an initialised directory */
    char dir[RIG_PATH];   /* what a test uses of it */
    char log[RIG_PATH];
    struct config config;
    uint16_t rpc_port;
    pid_t pid;
};

static struct rig rig;

/* ---- keys, genesis, chain ---- */

static inline int rig_by_key(const void *a, const void *b)
{
    struct pubkey x;
    struct pubkey y;

    assert_int_equal(key_public(&x, a), ERR_NONE);
    assert_int_equal(key_public(&y, b), ERR_NONE);
    return memcmp(x.raw, y.raw, sizeof x.raw);
}

static inline void rig_genesis(struct rig *r)
{
    struct genesis *g = calloc(1, sizeof *g);
    struct secret other;
    const char *why;

    ASSERT(g != NULL);
    g->format = GENESIS_FORMAT;
    g->time_ms = FIXTURE_TIME;
    genesis_defaults(&g->params);
    /* A fetch that goes wrong once is no reason to give a view up. */
    g->params.t_leader_ms = 5000;
    g->params.t_view_ms = 10000;
    g->institution_count = 1;
    g->institutions[0] = (struct genesis_institution){
        .number = 1,
        .code = "REG",
        .roles = ROLE_REGISTRAR | ROLE_MEMBER,
        .key_count = 3,
        .keys = {{fixture_key(&r->f.maker, 1), KEY_MAKER},
                 {fixture_key(&r->f.checker, 2), KEY_CHECKER},
                 {fixture_key(&other, 3), KEY_OPERATOR}}};
    for (uint8_t i = 0; i < VALIDATORS; i++)
        assert_int_equal(key_new(&r->consensus[i]), ERR_NONE);
    qsort(r->consensus, VALIDATORS, sizeof r->consensus[0], rig_by_key);
    g->validator_count = VALIDATORS;
    for (uint8_t i = 0; i < VALIDATORS; i++) {
        struct validator *v = &g->validators[i];
        uint8_t public_bytes[32];

        assert_int_equal(key_public(&v->key, &r->consensus[i]), ERR_NONE);
        assert_int_equal(transport_key_new(&r->transport[i]), ERR_NONE);
        assert_int_equal(transport_public(public_bytes, &r->transport[i]),
                         ERR_NONE);
        assert_int_equal(transport_identity(&r->tls_key[i],
                                            &r->certificate[i],
                                            &r->transport[i]),
                         ERR_NONE);
        v->spki_hash = transport_spki_hash(public_bytes);
        v->institution = (uint16_t)(i + 1);
        if (i > 0)
            g->institutions[g->institution_count++] =
                (struct genesis_institution){
                    .number = v->institution,
                    .code = {'M', (char)('0' + i)},
                    .roles = ROLE_MEMBER,
                    .key_count = 1,
                    .keys = {{fixture_key(&other, (uint8_t)(10 + i)),
                              KEY_OPERATOR}}};
    }
    /* The first view is to be led by a fake. */
    do {
        engine_free(r->f.e);
        g->time_ms++;
        assert_int_equal(genesis_check(g, &why), ERR_NONE);
        assert_int_equal(genesis_chain_id(&r->f.chain_id, g), ERR_NONE);
        r->f.e = engine_new(g);
        r->genesis_block = engine_tip_hash(r->f.e);
        r->leader_seed =
            valset_leader_seed(&r->f.chain_id, 0, &r->genesis_block);
    } while (valset_leader(VALIDATORS, r->leader_seed, 1) != 1);
    r->f.genesis = g;
    r->set = genesis_valset(g);
    r->domain = (struct vote_domain){.chain_id = r->f.chain_id,
                                     .validators_hash = valset_hash(&r->set),
                                     .set = &r->set};
}

static inline uint8_t rig_leader(const struct rig *r, uint64_t view)
{
    return (uint8_t)valset_leader(VALIDATORS, r->leader_seed, view);
}

static inline struct vote rig_vote(const struct rig *r,
                                   uint8_t kind,
                                   const struct candidate *about,
                                   uint8_t signer)
{
    struct vote v = {.kind = kind, .about = *about, .signer = signer};

    assert_int_equal(vote_sign(&v, &r->domain, &r->consensus[signer]),
                     ERR_NONE);
    return v;
}

static inline struct cert rig_cert(const struct rig *r,
                                   uint8_t kind,
                                   const struct candidate *about)
{
    struct cert c = {.kind = kind, .about = *about};

    for (uint8_t i = 1; i < VALIDATORS; i++) {
        c.bitmap |= 1u << i;
        c.sigs[i - 1] = rig_vote(r, kind, about, i).sig;
    }
    assert_int_equal(cert_check(&c, &r->domain), ERR_NONE);
    return c;
}

static inline void rig_forget_chain(struct rig *r)
{
    for (uint32_t h = 1; h <= CHAIN_BLOCKS; h++) {
        buf_deinit(&r->chain[h].header_bytes);
        buf_deinit(&r->chain[h].body);
    }
    for (; r->f.tx_count > 0; r->f.tx_count--) {
        free(r->f.txs[r->f.tx_count - 1]);
        free(r->f.bytes[r->f.tx_count - 1]);
    }
}

/* One account a block; views led by the real node are left out.  Made anew for
 * each test: nobody votes for a block that is a minute old. */
static inline void rig_chain(struct rig *r)
{
    const uint64_t now = node_wall_ms();
    uint64_t view = 0;

    rig_forget_chain(r);
    engine_free(r->f.e);
    r->f.e = engine_new(r->f.genesis);
    for (uint32_t h = 1; h <= CHAIN_BLOCKS; h++) {
        const struct op_account_open op = fixture_account((uint8_t)h);
        struct link *at = &r->chain[h];
        struct engine_candidate_tx offered = {
            .tx = fixture_tx_on(
                &r->f, (uint32_t)(now / FIXTURE_DAY_MS), OP_ACCOUNT_OPEN, &op)};
        const struct executed_block *b;
        const uint64_t parent_view = view;

        do {
            view++;
        } while (rig_leader(r, view) == NODE);
        engine_build(
            r->f.e, &b, view, rig_leader(r, view), now + h, &offered, 1);
        ASSERT(b != NULL);
        at->header = b->header;
        at->about = (struct candidate){view, parent_view, h, b->hash};
        buf_append(&at->header_bytes, b->header_bytes.at, b->header_bytes.size);
        buf_append(&at->body, b->body.at, b->body.size);
        at->final = rig_cert(r, VOTE_FINALIZE, &at->about);
        (void)engine_commit(r->f.e, &b->hash);
    }
}

/* ---- the fakes ---- */

static inline void fake_send(struct fake *f, uint8_t type, struct bytes payload)
{
    (void)peers_send(f->peers,
                     NODE,
                     type < MSG_TXS ? CHANNEL_CONSENSUS : CHANNEL_BULK,
                     type,
                     payload);
}

static inline void fake_send_status(struct fake *f)
{
    const struct rig *r = f->rig;
    const struct link *tip = &r->chain[r->final_height];
    struct core_status s = {
        .final_view = tip->about.view,
        .view = tip->about.view + 1,
        .final_height = r->final_height,
        .final_hash = r->final_height > 0 ? tip->about.block : r->genesis_block,
        .applied_height = r->final_height,
        .map_from = tip->about.view + 1,
        .held = r->held};
    uint8_t buf[MSG_STATUS_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    msg_status_encode(&w, &s, 0);
    fake_send(f, MSG_STATUS, writer_bytes(&w));
}

static inline void fake_send_cert(struct fake *f, const struct cert *c)
{
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    cert_encode(&w, c);
    fake_send(f, MSG_CERT, writer_bytes(&w));
}

/* The body with its last byte changed, if wrong: of equal size. */
static inline void fake_send_block(struct fake *f,
                                   const struct link *b,
                                   bool wrong)
{
    struct buf body = {0};
    struct buf out = {0};
    struct writer w;

    buf_append(&body, b->body.at, b->body.size);
    body.at[body.size - 1] ^= wrong;
    buf_append(&out, NULL, 8 + b->header_bytes.size + body.size);
    w = writer_of(out.at, out.size);
    msg_block_encode(&w, buf_bytes(&b->header_bytes), buf_bytes(&body));
    fake_send(f, MSG_BLOCK, writer_bytes(&w));
    buf_deinit(&body);
    buf_deinit(&out);
}

static inline void fake_send_sync(struct fake *f,
                                  const struct link *b,
                                  const struct cert *cert,
                                  bool wrong)
{
    uint8_t cert_bytes[CERT_BYTES_MAX];
    struct writer c = writer_of(cert_bytes, sizeof cert_bytes);
    struct buf body = {0};
    struct buf out = {0};
    struct writer w;

    cert_encode(&c, cert);
    buf_append(&body, b->body.at, b->body.size);
    body.at[body.size - 1] ^= wrong;
    buf_append(&out, NULL, 12 + b->header_bytes.size + c.size + body.size);
    w = writer_of(out.at, out.size);
    msg_sync_block_encode(
        &w, buf_bytes(&b->header_bytes), writer_bytes(&c), buf_bytes(&body));
    fake_send(f, MSG_SYNC_BLOCK, writer_bytes(&w));
    buf_deinit(&body);
    buf_deinit(&out);
}

/* The leader's proposal of a block, with a body, a wrong one, or none. */
enum inline_body { BODY_RIGHT, BODY_WRONG, BODY_NONE };

static inline void fake_propose(struct fake *f,
                                const struct link *b,
                                enum inline_body kind)
{
    const struct rig *r = f->rig;
    const struct vote v = rig_vote(r, VOTE_NOTARIZE, &b->about, f->index);
    struct buf body = {0};
    struct buf out = {0};
    struct writer w;

    if (kind != BODY_NONE)
        buf_append(&body, b->body.at, b->body.size);
    if (kind == BODY_WRONG)
        body.at[body.size - 1] ^= 1;
    buf_append(&out, NULL, MSG_PROPOSAL_MAX);
    w = writer_of(out.at, out.size);
    msg_proposal_encode(&w,
                        &b->about,
                        &v,
                        buf_bytes(&b->header_bytes),
                        NULL,
                        0,
                        buf_bytes(&body));
    fake_send(f, MSG_PROPOSAL, writer_bytes(&w));
    buf_deinit(&body);
    buf_deinit(&out);
}

static inline void fake_serve(struct fake *f, struct bytes payload)
{
    struct reader r = reader_of(payload);
    const struct hash hash = reader_hash(&r);

    for (uint32_t h = 1; h <= CHAIN_BLOCKS; h++) {
        if (hash_eq(&hash, &f->rig->chain[h].about.block))
            fake_send_block(f, &f->rig->chain[h], false);
    }
}

static inline void read_sync_get(struct bytes payload,
                                 uint64_t *from,
                                 uint64_t *to)
{
    struct reader r = reader_of(payload);

    *from = reader_u64(&r);
    *to = reader_u64(&r);
    assert_int_equal(reader_finish(&r), ERR_NONE);
}

static inline void fake_serve_sync(struct fake *f, struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    read_sync_get(payload, &from, &to);
    for (uint32_t i = 0; i < SYNC_WINDOW && from <= to && from <= CHAIN_BLOCKS;
         i++, from++)
        fake_send_sync(
            f, &f->rig->chain[from], &f->rig->chain[from].final, false);
}

static inline void fake_on_frame(void *ctx,
                                 uint8_t index,
                                 uint8_t channel,
                                 uint8_t type,
                                 struct bytes payload)
{
    struct fake *f = ctx;
    struct vote v;

    (void)channel;
    assert_int_equal(index, NODE);
    f->got[type]++;
    if (type == MSG_VOTE && msg_vote_decode(&v, payload) == ERR_NONE) {
        if (v.kind == VOTE_NOTARIZE)
            f->rig->heard = v;
        else if (v.kind == VOTE_FINALIZE)
            f->rig->finalized = v;
    }
    if (f->rig->answer != NULL && f->rig->answer(f, type, payload))
        return;
    if (type == MSG_GET_BLOCK)
        fake_serve(f, payload);
    else if (type == MSG_SYNC_GET)
        fake_serve_sync(f, payload);
}

static inline void fake_on_up(void *ctx, uint8_t index, uint8_t channel)
{
    (void)index;
    if (channel == CHANNEL_CONSENSUS)
        fake_send_status(ctx);
}

static inline void fake_on_down(void *ctx, uint8_t index, uint8_t channel)
{
    (void)ctx;
    (void)index;
    (void)channel;
}

static inline void fake_sign(void *ctx,
                             struct signature *out,
                             const struct hash *digest)
{
    const struct fake *f = ctx;

    assert_int_equal(key_sign(out, &f->rig->consensus[f->index], digest),
                     ERR_NONE);
}

static inline void fake_listen(struct rig *r, uint8_t index)
{
    struct fake *f = &r->fakes[index];
    struct peers_identity known[VALIDATORS];
    const struct peers_config config = {.base = r->base,
                                        .self = r->set.list[index].key,
                                        .chain_id = r->f.chain_id,
                                        .key = r->tls_key[index],
                                        .certificate = r->certificate[index],
                                        .listen_host = "127.0.0.1",
                                        .listen_port = f->port,
                                        .types = replica_types,
                                        .type_count = REPLICA_TYPES,
                                        .software = "fake/1",
                                        .protocol = HELLO_PROTOCOL};
    const struct peers_callbacks callbacks = {.on_frame = fake_on_frame,
                                              .on_up = fake_on_up,
                                              .on_down = fake_on_down,
                                              .sign = fake_sign,
                                              .ctx = f};

    f->rig = r;
    f->index = index;
    memset(known, 0, sizeof known);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        known[i].key = r->set.list[i].key;
        known[i].spki_hash = r->set.list[i].spki_hash;
        known[i].validator = true;
    }
    assert_int_equal(peers_new(&f->peers, &config, &callbacks), ERR_NONE);
    peers_know(f->peers, known, VALIDATORS, 0, HELLO_VALIDATOR);
    f->port = peers_port(f->peers);
}

static inline bool fake_is_up(const struct fake *f, uint8_t channel)
{
    struct peers_status s;

    peers_status(f->peers, &s, NODE);
    return s.up[channel];
}

static inline void rig_pump(struct rig *r)
{
    event_base_loop(r->base, EVLOOP_NONBLOCK);
    for (uint8_t i = 1; i < VALIDATORS; i++) {
        if (!r->fakes[i].drop)
            continue;
        r->fakes[i].drop = false;
        peers_free(r->fakes[i].peers);
        fake_listen(r, i);
    }
    usleep(500);
}

#endif /* TESTS_DRIVER_RIG_H */
