/* driver_rig.h - a real node in its own process, among validators that are not.
 *
 * Validator 0 is node_run in a child: its files, threads, sockets and kill -9
 * are the real ones.  This process holds the keys of the other three, so it can
 * make any block final, and speaks for each of them over a real link, honestly
 * until a test's answer() takes over. */
#ifndef TESTS_DRIVER_RIG_H
#define TESTS_DRIVER_RIG_H

#include "base/hex.h"
#include "consensus/msg.h"
#include "crypto/keystore.h"
#include "crypto/transport.h"
#include "node/node.h"
#include "rpc/client.h"
#include "rpc/schema_json.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/node/engine_fixture.h"

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
    uint32_t lies;         /* for answer(): told so far */
    struct vote heard;     /* newest NOTARIZE of the node */

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
        .map_from = tip->about.view + 1};
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
    if (type == MSG_VOTE && msg_vote_decode(&v, payload) == ERR_NONE &&
        v.kind == VOTE_NOTARIZE)
        f->rig->heard = v;
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
    static const struct peers_type types[] = {
        {MSG_PROPOSAL, CHANNEL_CONSENSUS, MSG_PROPOSAL_MAX},
        {MSG_VOTE, CHANNEL_CONSENSUS, MSG_VOTE_MAX},
        {MSG_CERT, CHANNEL_CONSENSUS, MSG_CERT_MAX},
        {MSG_STATUS, CHANNEL_CONSENSUS, MSG_STATUS_MAX},
        {MSG_TXS, CHANNEL_BULK, MSG_TXS_MAX},
        {MSG_GET_BLOCK, CHANNEL_BULK, MSG_SMALL_MAX},
        {MSG_BLOCK, CHANNEL_BULK, MSG_BLOCK_MAX},
        {MSG_SYNC_GET, CHANNEL_BULK, MSG_SMALL_MAX},
        {MSG_SYNC_BLOCK, CHANNEL_BULK, MSG_SYNC_BLOCK_MAX},
    };
    struct fake *f = &r->fakes[index];
    const struct peers_config config = {.base = r->base,
                                        .set = &r->set,
                                        .me = index,
                                        .chain_id = r->f.chain_id,
                                        .key = r->tls_key[index],
                                        .certificate = r->certificate[index],
                                        .listen_host = "127.0.0.1",
                                        .listen_port = f->port,
                                        .types = types,
                                        .type_count = ARRAY_LEN(types),
                                        .software = "fake/1",
                                        .protocol = HELLO_PROTOCOL};
    const struct peers_callbacks callbacks = {.on_frame = fake_on_frame,
                                              .on_up = fake_on_up,
                                              .on_down = fake_on_down,
                                              .sign = fake_sign,
                                              .ctx = f};

    f->rig = r;
    f->index = index;
    assert_int_equal(peers_new(&f->peers, &config, &callbacks), ERR_NONE);
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

#define WAIT_FOR(condition)                                           \
    do {                                                              \
        const uint64_t until_ = node_now_ms() + WAIT_MS;              \
        while (!(condition)) {                                        \
            if (node_now_ms() > until_)                               \
                rig_give_up("waited in vain: " #condition, __LINE__); \
            rig_pump(&rig);                                           \
        }                                                             \
    } while (0)

static inline void rig_idle(struct rig *r, uint64_t ms)
{
    const uint64_t until = node_now_ms() + ms;

    while (node_now_ms() < until)
        rig_pump(r);
}

/* ---- the real node ---- */

static inline void rig_shell(const char *format, ...) PRINTF_LIKE(1, 2);

static inline void rig_shell(const char *format, ...)
{
    char command[600];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

static inline bool rig_logged(const struct rig *r, const char *text)
{
    uint8_t *at;
    size_t size;
    bool found;

    if (file_read(&at, &size, r->log, 64 << 20) != ERR_NONE)
        return false;
    found = memmem(at, size, text, strlen(text)) != NULL;
    free(at);
    return found;
}

static inline void rig_give_up(const char *why, int line)
{
    rig_shell("tail -n 25 %s >&2", rig.log);
    fail_msg("line %d: %s", line, why);
}

/* Runs node_init or node_run in a child. */
static inline pid_t rig_spawn(struct rig *r, int (*what)(const struct config *))
{
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        const int log = open(r->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log, STDERR_FILENO);
        /* The fakes' sockets are the parent's alone. */
        for (int fd = 3; fd < 256; fd++)
            close(fd);
        _exit(what(&r->config));
    }
    return pid;
}

static inline int rig_wait(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void rig_start(struct rig *r)
{
    assert_int_equal(r->pid, 0);
    r->pid = rig_spawn(r, node_run);
}

static inline void rig_kill(struct rig *r)
{
    if (r->pid <= 0)
        return;
    kill(r->pid, SIGKILL);
    assert_int_equal(rig_wait(r->pid), -1); /* it was alive until now */
    r->pid = 0;
}

/* The exit code of a node that must end by itself. */
static inline int rig_ends(struct rig *r)
{
    const uint64_t until = node_now_ms() + WAIT_MS;
    int status;

    while (waitpid(r->pid, &status, WNOHANG) == 0) {
        if (node_now_ms() > until)
            rig_give_up("the node does not end", __LINE__);
        rig_pump(r);
    }
    r->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* GET path; the caller frees.  NULL while nobody answers. */
static inline char *rig_get(struct rig *r, const char *path)
{
    struct rpc_client *c;
    char url[64];
    char *text = NULL;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", r->rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    if (rpc_client_get(c, path, &text) == 0)
        text = NULL;
    rpc_client_free(c);
    return text;
}

static inline bool rig_votes(struct rig *r)
{
    char *text = rig_get(r, "/readyz");
    const bool votes = text != NULL && strstr(text, "\"votes\"") != NULL;

    free(text);
    return votes;
}

static inline bool rig_links_up(const struct rig *r)
{
    for (uint8_t i = 1; i < VALIDATORS; i++) {
        if (!fake_is_up(&r->fakes[i], CHANNEL_CONSENSUS) ||
            !fake_is_up(&r->fakes[i], CHANNEL_BULK))
            return false;
    }
    return true;
}

/* Its durable height; *root is the state's root after its tip. */
static inline uint64_t rig_height(struct rig *r, struct hash *root)
{
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *json;
    uint64_t height = UINT64_MAX;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", r->rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    json = rpc_client_call(c, "node_status", json_object(), 2000, &why);
    if (json != NULL) {
        const char *hex =
            json_string_value(json_object_get(json, "state_root"));
        uint64_t tip;

        assert_true(json_u64(&height, json_object_get(json, "height")));
        assert_true(json_u64(&tip, json_object_get(json, "tip_height")));
        assert_non_null(hex);
        assert_true(hex_decode(root->raw, sizeof root->raw, hex));
        if (tip != height)
            height = UINT64_MAX; /* between two */
        json_decref(json);
    }
    rpc_client_free(c);
    return height;
}

/* The node stands at this height of the chain, with its root. */
static inline bool rig_is_at(struct rig *r, uint64_t height)
{
    struct hash root;

    return rig_height(r, &root) == height &&
           (height == 0 || hash_eq(&root, &r->chain[height].header.state_root));
}

static inline void rig_announce(struct rig *r, uint64_t height)
{
    r->final_height = height;
    for (uint8_t i = 1; i < VALIDATORS; i++)
        fake_send_cert(&r->fakes[i], &r->chain[height].final);
}

static inline bool rig_notarized(const struct rig *r, uint64_t height)
{
    return hash_eq(&r->heard.about.block, &r->chain[height].about.block);
}

/* Links are up and the node votes. */
static inline void rig_ready(void)
{
    WAIT_FOR(rig_links_up(&rig));
    WAIT_FOR(rig_votes(&rig));
}

/* kill -9, and up again: the same height, the same root, and it votes. */
static inline void rig_survives(uint64_t height)
{
    rig_kill(&rig);
    rig.answer = NULL;
    rig_start(&rig);
    rig_ready();
    WAIT_FOR(rig_is_at(&rig, height));
}

/* ---- set up and down ---- */

static inline uint16_t rig_free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&a, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&a, &size), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline void rig_keep_key(const struct rig *r,
                                const char *name,
                                uint8_t kind,
                                const struct secret *secret)
{
    struct keystore_info info = {.kind = kind, .label = "rig"};
    char path[2 * RIG_PATH];

    if (kind == KEYSTORE_ED25519)
        assert_int_equal(transport_public(info.public_bytes, secret), ERR_NONE);
    else
        memcpy(info.public_bytes, r->set.list[NODE].key.raw, PUBKEY_BYTES);
    snprintf(path, sizeof path, "%s/keys/%s", r->saved, name);
    assert_int_equal(keystore_write(path, &info, secret, "rig"), ERR_NONE);
}

static inline void rig_write(const char *path, const char *text)
{
    assert_int_equal(
        file_write_synced(path, bytes_of(text, strlen(text)), 0600), ERR_NONE);
}

static inline void rig_use(struct rig *r, const char dir[RIG_PATH])
{
    memcpy(r->config.dir, dir, RIG_PATH);
}

static inline int rig_make(void **state)
{
    struct rig *r = &rig;
    char template[] = "/tmp/equity-driver-XXXXXX";
    json_t *json;
    char *text;

    (void)state;
    assert_non_null(mkdtemp(template));
    snprintf(r->saved, sizeof r->saved, "%s/saved", template);
    snprintf(r->dir, sizeof r->dir, "%s/node", template);
    snprintf(r->log, sizeof r->log, "%s/log", template);
    rig_genesis(r);
    r->base = event_base_new();
    ASSERT(r->base != NULL);
    r->rpc_port = rig_free_port();
    config_defaults(&r->config);
    snprintf(r->config.genesis, CONFIG_TEXT_MAX, "%s/genesis.json", template);
    snprintf(
        r->config.passphrase_file, CONFIG_TEXT_MAX, "%s/passphrase", template);
    snprintf(r->config.peers_listen, CONFIG_TEXT_MAX, "127.0.0.1:0");
    snprintf(
        r->config.rpc_listen, CONFIG_TEXT_MAX, "127.0.0.1:%u", r->rpc_port);
    r->config.verify_threads = 1;
    r->config.cache_mib = 16;
    r->config.disk_reserve_mib = 1;
    json = schema_to_json(&genesis_schema, r->f.genesis);
    text = json_dumps(json, 0);
    json_decref(json);
    rig_write(r->config.genesis, text);
    free(text);
    rig_write(r->config.passphrase_file, "rig\n");
    rig_shell("mkdir -m 700 %s %s/keys", r->saved, r->saved);
    rig_keep_key(r, "consensus.key", KEYSTORE_SECP256K1, &r->consensus[NODE]);
    rig_keep_key(r, "transport.key", KEYSTORE_ED25519, &r->transport[NODE]);
    rig_use(r, r->saved);
    assert_int_equal(rig_wait(rig_spawn(r, node_init)), 0);
    rig_use(r, r->dir);
    return 0;
}

static inline int rig_unmake(void **state)
{
    struct rig *r = &rig;

    (void)state;
    rig_forget_chain(r);
    for (uint8_t i = 0; i < VALIDATORS; i++) {
        EVP_PKEY_free(r->tls_key[i]);
        X509_free(r->certificate[i]);
    }
    fixture_deinit(&r->f);
    event_base_free(r->base);
    rig_shell("rm -rf $(dirname %s)", r->saved);
    return 0;
}

/* A directory as after init, and three honest fakes. */
static inline int rig_setup(void **state)
{
    struct rig *r = &rig;

    (void)state;
    rig_shell("rm -rf %s %s && cp -a %s %s", r->dir, r->log, r->saved, r->dir);
    rig_chain(r);
    r->answer = NULL;
    r->final_height = 0;
    r->lies = 0;
    memset(&r->heard, 0, sizeof r->heard);
    for (uint8_t i = 1; i < VALIDATORS; i++) {
        memset(&r->fakes[i], 0, sizeof r->fakes[i]);
        fake_listen(r, i);
        snprintf(r->config.peer[i],
                 CONFIG_TEXT_MAX,
                 "127.0.0.1:%u",
                 r->fakes[i].port);
    }
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *r = &rig;

    (void)state;
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        (void)rig_wait(r->pid);
        r->pid = 0;
    }
    for (uint8_t i = 1; i < VALIDATORS; i++)
        peers_free(r->fakes[i].peers);
    return 0;
}

#endif /* TESTS_DRIVER_RIG_H */
