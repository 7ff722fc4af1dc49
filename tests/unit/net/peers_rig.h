/* peers_rig.h - two honest ends of net/ over real sockets, and a third side
 * that is not net/: TLS and bytes, with a valid key or without. */
#ifndef TESTS_PEERS_RIG_H
#define TESTS_PEERS_RIG_H

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "crypto/transport.h"
#include "net/peers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOT_PINNED "transport key is not the pinned one"
#define NOT_SIGNED "HELLO is not signed by its key"
#define MALFORMED  "malformed HELLO"
#define TOO_LONG   "frame is longer than its type allows"
#define UNKNOWN    "unknown frame type or version"
#define GARBAGE    "garbage instead of HELLO"
#define SLOW       "handshake took too long"
#define NO_TLS     "not a TLS 1.3 client with a certificate"

enum {
    VALIDATORS = 4,
    ROGUE_CLIENT = 0, /* the lower key dials: 0 dials NEAR */
    NEAR = 1,         /* honest; dials FAR and ROGUE_SERVER */
    FAR = 2,          /* honest */
    ROGUE_SERVER = 3,
    STRANGER = 4, /* keys of nobody */
    PEOPLE = 5,

    TYPE_VOTE = 11,
    TYPE_RARE = 12, /* has a rate */
    TYPE_BLOCK = 22,
    TYPE_GOSSIP = 23,
    RARE_PER_S = 5,
    SILENT_MS = 1500,
    VOTE_BYTES_MAX = 100,
    BLOCK_BYTES_MAX = 200000,
    WAIT_MS = 4000,
    HASTE_MS = 400, /* the handshake's deadline where it matters */
};

static const struct peers_type types[] = {
    {TYPE_VOTE, CHANNEL_CONSENSUS, VOTE_BYTES_MAX, CLASS_VOTE, 0},
    {TYPE_RARE, CHANNEL_CONSENSUS, VOTE_BYTES_MAX, CLASS_VOTE, RARE_PER_S},
    {TYPE_BLOCK, CHANNEL_BULK, BLOCK_BYTES_MAX, CLASS_BODY, 0},
    {TYPE_GOSSIP, CHANNEL_BULK, BLOCK_BYTES_MAX, CLASS_GOSSIP, 0},
};

struct person {
    struct secret secret; /* consensus */
    EVP_PKEY *key;        /* transport */
    X509 *certificate;
};

struct node {
    struct peers *peers;
    const struct person *person;
    uint64_t frames[VALIDATORS][CHANNELS];
    struct buf last;
    uint8_t last_type;
    uint32_t downs;
};

struct world {
    struct event_base *base;
    struct valset set;
    struct hash chain_id;
    struct person people[PEOPLE];
    struct node near;
    struct node far;
    int listener; /* of the rogue server */
};

static inline uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void pump(struct world *w)
{
    event_base_loop(w->base, EVLOOP_NONBLOCK);
    usleep(100);
}

#define WAIT_FOR(w, condition)  WAIT_MOST(w, condition, WAIT_MS)
#define WAIT_LONG(w, condition) WAIT_MOST(w, condition, 5 * WAIT_MS)
#define WAIT_MOST(w, condition, most_ms)                 \
    do {                                                 \
        const uint64_t until_ = now_ms() + (most_ms);    \
        while (!(condition)) {                           \
            if (now_ms() > until_)                       \
                fail_msg("waited in vain: " #condition); \
            pump(w);                                     \
        }                                                \
    } while (0)

static inline void on_frame(void *ctx,
                            uint8_t index,
                            uint8_t channel,
                            uint8_t type,
                            struct bytes payload)
{
    struct node *n = ctx;

    n->frames[index][channel]++;
    n->last_type = type;
    buf_clear(&n->last);
    buf_append(&n->last, payload.at, payload.size);
}

static inline void on_up(void *ctx, uint8_t index, uint8_t channel)
{
    (void)ctx;
    (void)index;
    (void)channel;
}

static inline void on_down(void *ctx, uint8_t index, uint8_t channel)
{
    struct node *n = ctx;

    (void)index;
    (void)channel;
    n->downs++;
}

static inline void on_sign(void *ctx,
                           struct signature *out,
                           const struct hash *digest)
{
    const struct node *n = ctx;

    assert_int_equal(key_sign(out, &n->person->secret, digest), ERR_NONE);
}

static inline void make_person(struct person *p, struct validator *v)
{
    struct secret transport;
    uint8_t public_bytes[32];

    assert_int_equal(key_new(&p->secret), ERR_NONE);
    assert_int_equal(transport_key_new(&transport), ERR_NONE);
    assert_int_equal(transport_identity(&p->key, &p->certificate, &transport),
                     ERR_NONE);
    assert_int_equal(key_public(&v->key, &p->secret), ERR_NONE);
    assert_int_equal(transport_public(public_bytes, &transport), ERR_NONE);
    v->spki_hash = transport_spki_hash(public_bytes);
}

static inline void forget_person(struct person *p)
{
    EVP_PKEY_free(p->key);
    X509_free(p->certificate);
    memset(p, 0, sizeof *p);
}

static inline void swap_people(struct world *w, uint32_t a, uint32_t b)
{
    const struct person p = w->people[a];
    const struct validator v = w->set.list[a];

    w->people[a] = w->people[b];
    w->people[b] = p;
    w->set.list[a] = w->set.list[b];
    w->set.list[b] = v;
}

/* The lower key dials: they are in the order of their keys. */
static inline void make_people(struct world *w)
{
    for (uint32_t i = 0; i < PEOPLE; i++)
        make_person(&w->people[i], &w->set.list[i]);
    for (uint32_t i = 1; i < VALIDATORS; i++) {
        for (uint32_t k = i; k > 0 && memcmp(&w->set.list[k - 1].key,
                                             &w->set.list[k].key,
                                             PUBKEY_BYTES) > 0;
             k--)
            swap_people(w, k - 1, k);
    }
}

static inline void identify(const struct world *w,
                            struct peers_identity known[VALIDATORS])
{
    memset(known, 0, VALIDATORS * sizeof known[0]);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        known[i].key = w->set.list[i].key;
        known[i].spki_hash = w->set.list[i].spki_hash;
        known[i].validator = true;
    }
}

static inline void start_node(struct world *w,
                              struct node *n,
                              uint8_t me,
                              uint32_t handshake_ms,
                              uint32_t silent_ms)
{
    const struct peers_config config = {.base = w->base,
                                        .self = w->set.list[me].key,
                                        .chain_id = w->chain_id,
                                        .key = w->people[me].key,
                                        .certificate =
                                            w->people[me].certificate,
                                        .listen_host = "127.0.0.1",
                                        .types = types,
                                        .type_count = ARRAY_LEN(types),
                                        .software = "honest/1",
                                        .protocol = HELLO_PROTOCOL,
                                        .handshake_ms = handshake_ms,
                                        .silent_ms = silent_ms};
    const struct peers_callbacks callbacks = {.on_frame = on_frame,
                                              .on_up = on_up,
                                              .on_down = on_down,
                                              .sign = on_sign,
                                              .ctx = n};

    struct peers_identity known[VALIDATORS];

    n->person = &w->people[me];
    identify(w, known);
    assert_int_equal(peers_new(&n->peers, &config, &callbacks), ERR_NONE);
    peers_know(n->peers, known, VALIDATORS, 0, HELLO_VALIDATOR);
}

static inline bool is_up(const struct node *n, uint8_t index, uint8_t channel)
{
    struct peers_status s;

    peers_status(n->peers, &s, index);
    return s.up[channel];
}

static inline bool honest_link_is_up(const struct world *w)
{
    return is_up(&w->near, FAR, CHANNEL_CONSENSUS) &&
           is_up(&w->near, FAR, CHANNEL_BULK) &&
           is_up(&w->far, NEAR, CHANNEL_CONSENSUS) &&
           is_up(&w->far, NEAR, CHANNEL_BULK);
}

static inline void start_world_with(struct world *w,
                                    uint32_t handshake_ms,
                                    uint32_t silent_ms)
{
    memset(w, 0, sizeof *w);
    memset(&w->chain_id, 7, sizeof w->chain_id);
    w->base = event_base_new();
    assert_non_null(w->base);
    w->listener = -1;
    w->set.count = VALIDATORS;
    make_people(w);
    start_node(w, &w->near, NEAR, handshake_ms, silent_ms);
    start_node(w, &w->far, FAR, handshake_ms, silent_ms);
    peers_set_address(
        w->near.peers, FAR, "127.0.0.1", peers_port(w->far.peers));
    WAIT_FOR(w, honest_link_is_up(w));
}

static inline void start_world(struct world *w, uint32_t handshake_ms)
{
    start_world_with(w, handshake_ms, 0);
}

static inline void stop_world(struct world *w)
{
    peers_free(w->near.peers);
    peers_free(w->far.peers);
    buf_deinit(&w->near.last);
    buf_deinit(&w->far.last);
    if (w->listener >= 0)
        close(w->listener);
    event_base_free(w->base);
    for (uint32_t i = 0; i < PEOPLE; i++)
        forget_person(&w->people[i]);
}

static inline void carry(struct world *w,
                         struct node *from,
                         uint8_t from_index,
                         struct node *to,
                         uint8_t to_index,
                         uint8_t channel)
{
    const uint8_t type = channel == CHANNEL_BULK ? TYPE_BLOCK : TYPE_VOTE;
    const uint64_t before = to->frames[from_index][channel];

    assert_int_equal(
        peers_send(from->peers, to_index, channel, type, bytes_of(&before, 8)),
        ERR_NONE);
    WAIT_FOR(w, to->frames[from_index][channel] == before + 1);
    assert_int_equal(to->last_type, type);
    assert_true(bytes_eq(buf_bytes(&to->last), bytes_of(&before, 8)));
}

/* The honest link carries frames, and it is still the first one. */
static inline void assert_honest_link(struct world *w)
{
    struct peers_status s;

    for (uint8_t k = 0; k < CHANNELS; k++) {
        carry(w, &w->near, NEAR, &w->far, FAR, k);
        carry(w, &w->far, FAR, &w->near, NEAR, k);
    }
    peers_status(w->near.peers, &s, FAR);
    assert_int_equal(s.connects, CHANNELS);
    assert_int_equal(s.refused, 0);
    peers_status(w->far.peers, &s, NEAR);
    assert_int_equal(s.connects, CHANNELS);
    assert_int_equal(s.refused, 0);
}

/* A side that is not peers.c: TLS and bytes. */
struct raw {
    struct world *world;
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

static inline int accept_any(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1;
}

static inline void raw_start(struct raw *r,
                             struct world *w,
                             int fd,
                             const struct person *p)
{
    const int one = 1;

    *r = (struct raw){.world = w, .fd = fd};
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one),
                     0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    r->context = SSL_CTX_new(TLS_method());
    assert_non_null(r->context);
    SSL_CTX_set_cert_verify_callback(r->context, accept_any, NULL);
    if (p != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(r->context, p->certificate),
                         1);
        assert_int_equal(SSL_CTX_use_PrivateKey(r->context, p->key), 1);
    }
    r->ssl = SSL_new(r->context);
    assert_non_null(r->ssl);
    assert_int_equal(SSL_set_fd(r->ssl, fd), 1);
}

static inline void raw_stop(struct raw *r)
{
    SSL_free(r->ssl);
    SSL_CTX_free(r->context);
    close(r->fd);
}

static inline int dial_tcp(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in a = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};

    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static inline void raw_dial(struct raw *r,
                            struct world *w,
                            const struct node *n,
                            const struct person *p)
{
    raw_start(r, w, dial_tcp(peers_port(n->peers)), p);
    SSL_set_connect_state(r->ssl);
}

/* Whether to try the SSL call again. */
static inline bool again(struct raw *r, int result)
{
    const int e = SSL_get_error(r->ssl, result);

    ERR_clear_error();
    pump(r->world);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

static inline bool raw_handshake(struct raw *r)
{
    const uint64_t until = now_ms() + WAIT_MS;
    int n;

    while ((n = SSL_do_handshake(r->ssl)) != 1) {
        if (!again(r, n) || now_ms() > until)
            return false;
    }
    return true;
}

static inline bool raw_write_until(struct raw *r,
                                   struct bytes b,
                                   uint64_t until)
{
    int n;

    while ((n = SSL_write(r->ssl, b.at, (int)b.size)) <= 0) {
        if (!again(r, n) || now_ms() > until)
            return false;
    }
    assert_int_equal(n, b.size);
    return true;
}

static inline bool raw_write(struct raw *r, struct bytes b)
{
    return raw_write_until(r, b, now_ms() + WAIT_MS);
}

/* To one that may be slow to read. */
static inline bool raw_write_slowly(struct raw *r, struct bytes b)
{
    return raw_write_until(r, b, now_ms() + 5 * WAIT_MS);
}

static inline bool raw_read(struct raw *r, uint8_t *out, size_t size)
{
    const uint64_t until = now_ms() + WAIT_MS;
    size_t got = 0;

    while (got < size) {
        const int n = SSL_read(r->ssl, out + got, (int)(size - got));

        if (n > 0)
            got += (size_t)n;
        else if (!again(r, n) || now_ms() > until)
            return false;
    }
    return true;
}

/* What is left to read ends, and soon. */
static inline void assert_closed(struct raw *r)
{
    const uint64_t until = now_ms() + WAIT_MS;
    uint8_t buf[1024];

    for (;;) {
        const int n = SSL_read(r->ssl, buf, sizeof buf);

        if (n <= 0 && !again(r, n))
            return;
        if (now_ms() > until)
            fail_msg("the connection is still open");
    }
}

struct frame {
    uint32_t length;
    uint8_t type;
    uint8_t version;
    uint32_t sent; /* bytes of payload that follow */
};

static inline bool raw_frame(struct raw *r,
                             struct frame f,
                             const uint8_t *payload)
{
    struct buf b = {0};
    uint8_t head[FRAME_HEADER_BYTES];
    struct writer w = writer_of(head, sizeof head);
    bool ok;

    writer_u32(&w, f.length);
    writer_u8(&w, f.type);
    writer_u8(&w, f.version);
    buf_append(&b, head, sizeof head);
    if (f.sent > 0)
        buf_append(&b, payload, f.sent);
    ok = raw_write(r, buf_bytes(&b));
    buf_deinit(&b);
    return ok;
}

static inline bool raw_read_hello(struct raw *r, struct hello *h)
{
    uint8_t buf[FRAME_HEADER_BYTES + HELLO_BYTES_MAX];

    if (!raw_read(r, buf, FRAME_HEADER_BYTES))
        return false;
    assert_int_equal(buf[4], FRAME_HELLO);
    assert_true(buf[2] == 0 && buf[3] == 0 && buf[1] < 2);
    return raw_read(r, buf + 6, (size_t)buf[0] + 256u * buf[1]) &&
           hello_decode(h, bytes_of(buf + 6, buf[0] + 256u * buf[1])) ==
               ERR_NONE;
}

static inline struct hello hello_of(const struct world *w,
                                    uint8_t index,
                                    uint8_t channel,
                                    bool dialer)
{
    return (struct hello){.protocol = HELLO_PROTOCOL,
                          .software = "rogue/1",
                          .chain_id = w->chain_id,
                          .key = w->set.list[index].key,
                          .channel = channel,
                          .dialer = dialer ? 1 : 0};
}

static inline void sign_hello(struct hello *h,
                              const struct raw *r,
                              const struct person *p)
{
    static const char label[] = "EXPORTER-equity-hello";
    uint8_t material[HELLO_EXPORT_BYTES];
    struct hash digest;

    assert_int_equal(SSL_export_keying_material(r->ssl,
                                                material,
                                                sizeof material,
                                                label,
                                                sizeof label - 1,
                                                NULL,
                                                0,
                                                0),
                     1);
    digest = hello_digest(h, material);
    assert_int_equal(key_sign(&h->sig, &p->secret, &digest), ERR_NONE);
}

/* cut bytes less, or more, than a whole HELLO. */
static inline bool raw_hello(struct raw *r, const struct hello *h, int cut)
{
    uint8_t buf[HELLO_BYTES_MAX] = {0};
    struct writer w = writer_of(buf, sizeof buf);
    uint32_t size;

    hello_encode(&w, h);
    size = (uint32_t)((int)w.size - cut);
    return raw_frame(
        r, (struct frame){size, FRAME_HELLO, FRAME_VERSION, size}, buf);
}

static inline bool told(const struct node *n, const char *reason)
{
    return strcmp(peers_last_refusal(n->peers), reason) == 0;
}

/* A good HELLO of the rogue validator, as far as on_up. */
static inline void raw_join(struct raw *r, struct world *w, uint8_t channel)
{
    struct hello h = hello_of(w, ROGUE_CLIENT, channel, true);
    struct hello answer;

    raw_dial(r, w, &w->near, &w->people[ROGUE_CLIENT]);
    assert_true(raw_handshake(r));
    sign_hello(&h, r, &w->people[ROGUE_CLIENT]);
    assert_true(raw_hello(r, &h, 0));
    assert_true(raw_read_hello(r, &answer));
    assert_memory_equal(&answer.key, &w->set.list[NEAR].key, PUBKEY_BYTES);
    assert_int_equal(answer.channel, channel);
    assert_string_equal(answer.software, "honest/1");
    WAIT_FOR(w, is_up(&w->near, ROGUE_CLIENT, channel));
}

/* NEAR dials a server that holds the keys of `p`; handshake and its HELLO. */
static inline void raw_answer(struct raw *r,
                              struct world *w,
                              const struct person *p)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    int fd = -1;

    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(w->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(w->listener, 16), 0);
    assert_int_equal(getsockname(w->listener, (struct sockaddr *)&a, &size), 0);
    peers_set_address(
        w->near.peers, ROGUE_SERVER, "127.0.0.1", ntohs(a.sin_port));
    WAIT_FOR(w, (fd = accept(w->listener, NULL, NULL)) >= 0);
    raw_start(r, w, fd, p);
    SSL_set_accept_state(r->ssl);
}

#endif /* TESTS_PEERS_RIG_H */
