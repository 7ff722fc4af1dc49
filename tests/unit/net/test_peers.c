/* Links between validators over real sockets: two honest ones carry frames
 * while a third one, with a valid key or without, does every wrong thing.  Each
 * time its connection ends, the reason is told, and the honest link stays. */
#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "crypto/transport.h"
#include "net/peers.h"

#include <arpa/inet.h>
#include <fcntl.h>
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

enum {
    VALIDATORS = 4,
    ROGUE_CLIENT = 0, /* the lower index dials: 0 dials NEAR */
    NEAR = 1,         /* honest; dials FAR and ROGUE_SERVER */
    FAR = 2,          /* honest */
    ROGUE_SERVER = 3,
    STRANGER = 4, /* keys of nobody */
    PEOPLE = 5,

    TYPE_VOTE = 11,
    TYPE_BLOCK = 22,
    VOTE_BYTES_MAX = 100,
    BLOCK_BYTES_MAX = 200000,
    WAIT_MS = 4000,
    HASTE_MS = 400, /* the handshake's deadline where it matters */
};

static const struct peers_type types[] = {
    {TYPE_VOTE, CHANNEL_CONSENSUS, VOTE_BYTES_MAX},
    {TYPE_BLOCK, CHANNEL_BULK, BLOCK_BYTES_MAX},
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

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void pump(struct world *w)
{
    event_base_loop(w->base, EVLOOP_NONBLOCK);
    usleep(100);
}

#define WAIT_FOR(w, condition)                           \
    do {                                                 \
        const uint64_t until_ = now_ms() + WAIT_MS;      \
        while (!(condition)) {                           \
            if (now_ms() > until_)                       \
                fail_msg("waited in vain: " #condition); \
            pump(w);                                     \
        }                                                \
    } while (0)

static void on_frame(void *ctx,
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

static void on_up(void *ctx, uint8_t index, uint8_t channel)
{
    (void)ctx;
    (void)index;
    (void)channel;
}

static void on_down(void *ctx, uint8_t index, uint8_t channel)
{
    struct node *n = ctx;

    (void)index;
    (void)channel;
    n->downs++;
}

static void on_sign(void *ctx, struct signature *out, const struct hash *digest)
{
    const struct node *n = ctx;

    assert_int_equal(key_sign(out, &n->person->secret, digest), ERR_NONE);
}

static void make_person(struct person *p, struct validator *v)
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

static void start_node(struct world *w,
                       struct node *n,
                       uint8_t me,
                       uint32_t handshake_ms)
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
                                        .handshake_ms = handshake_ms};
    const struct peers_callbacks callbacks = {.on_frame = on_frame,
                                              .on_up = on_up,
                                              .on_down = on_down,
                                              .sign = on_sign,
                                              .ctx = n};

    struct peers_identity known[VALIDATORS];

    n->person = &w->people[me];
    memset(known, 0, sizeof known);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        known[i].key = w->set.list[i].key;
        known[i].spki_hash = w->set.list[i].spki_hash;
    }
    assert_int_equal(peers_new(&n->peers, &config, &callbacks), ERR_NONE);
    peers_know(n->peers, known, VALIDATORS, 0, HELLO_VALIDATOR);
}

static bool is_up(const struct node *n, uint8_t index, uint8_t channel)
{
    struct peers_status s;

    peers_status(n->peers, &s, index);
    return s.up[channel];
}

static bool honest_link_is_up(const struct world *w)
{
    return is_up(&w->near, FAR, CHANNEL_CONSENSUS) &&
           is_up(&w->near, FAR, CHANNEL_BULK) &&
           is_up(&w->far, NEAR, CHANNEL_CONSENSUS) &&
           is_up(&w->far, NEAR, CHANNEL_BULK);
}

/* The lower key dials: they are in the order of their keys. */
static bool in_order(const struct world *w, uint32_t i)
{
    return memcmp(&w->set.list[i - 1].key, &w->set.list[i].key, PUBKEY_BYTES) <
           0;
}

static void swap_people(struct world *w, uint32_t a, uint32_t b)
{
    const struct person p = w->people[a];
    const struct validator v = w->set.list[a];

    w->people[a] = w->people[b];
    w->people[b] = p;
    w->set.list[a] = w->set.list[b];
    w->set.list[b] = v;
}

static void forget_person(struct person *p)
{
    EVP_PKEY_free(p->key);
    X509_free(p->certificate);
    memset(p, 0, sizeof *p);
}

static void start_world(struct world *w, uint32_t handshake_ms)
{
    memset(w, 0, sizeof *w);
    memset(&w->chain_id, 7, sizeof w->chain_id);
    w->base = event_base_new();
    assert_non_null(w->base);
    w->listener = -1;
    w->set.count = VALIDATORS;
    for (uint32_t i = 0; i < PEOPLE; i++)
        make_person(&w->people[i], &w->set.list[i]);
    for (uint32_t i = 1; i < VALIDATORS; i++) {
        for (uint32_t k = i; k > 0 && !in_order(w, k); k--)
            swap_people(w, k - 1, k);
    }
    start_node(w, &w->near, NEAR, handshake_ms);
    start_node(w, &w->far, FAR, handshake_ms);
    peers_set_address(
        w->near.peers, FAR, "127.0.0.1", peers_port(w->far.peers));
    WAIT_FOR(w, honest_link_is_up(w));
}

static void stop_world(struct world *w)
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

static void carry(struct world *w,
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
static void assert_honest_link(struct world *w)
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

static int accept_any(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1;
}

static void raw_start(struct raw *r,
                      struct world *w,
                      int fd,
                      const struct person *p)
{
    *r = (struct raw){.world = w, .fd = fd};
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

static void raw_stop(struct raw *r)
{
    SSL_free(r->ssl);
    SSL_CTX_free(r->context);
    close(r->fd);
}

static int dial_tcp(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in a = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};

    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void raw_dial(struct raw *r,
                     struct world *w,
                     const struct node *n,
                     const struct person *p)
{
    raw_start(r, w, dial_tcp(peers_port(n->peers)), p);
    SSL_set_connect_state(r->ssl);
}

/* Whether to try the SSL call again. */
static bool again(struct raw *r, int result)
{
    const int e = SSL_get_error(r->ssl, result);

    ERR_clear_error();
    pump(r->world);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

static bool raw_handshake(struct raw *r)
{
    const uint64_t until = now_ms() + WAIT_MS;
    int n;

    while ((n = SSL_do_handshake(r->ssl)) != 1) {
        if (!again(r, n) || now_ms() > until)
            return false;
    }
    return true;
}

static bool raw_write(struct raw *r, struct bytes b)
{
    const uint64_t until = now_ms() + WAIT_MS;
    int n;

    while ((n = SSL_write(r->ssl, b.at, (int)b.size)) <= 0) {
        if (!again(r, n) || now_ms() > until)
            return false;
    }
    assert_int_equal(n, b.size);
    return true;
}

static bool raw_read(struct raw *r, uint8_t *out, size_t size)
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
static void assert_closed(struct raw *r)
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

static bool raw_frame(struct raw *r, struct frame f, const uint8_t *payload)
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

static bool raw_read_hello(struct raw *r, struct hello *h)
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

static struct hello hello_of(const struct world *w,
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

static void sign_hello(struct hello *h,
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
static bool raw_hello(struct raw *r, const struct hello *h, int cut)
{
    uint8_t buf[HELLO_BYTES_MAX] = {0};
    struct writer w = writer_of(buf, sizeof buf);
    uint32_t size;

    hello_encode(&w, h);
    size = (uint32_t)((int)w.size - cut);
    return raw_frame(
        r, (struct frame){size, FRAME_HELLO, FRAME_VERSION, size}, buf);
}

static bool told(const struct node *n, const char *reason)
{
    return strcmp(peers_last_refusal(n->peers), reason) == 0;
}

/* What a caller does wrong in its HELLO. */
struct wrong_hello {
    const char *what;
    const char *reason;
    int cut;
    uint8_t transport; /* whose keys it has */
    uint8_t consensus;
    bool to_far; /* calls FAR instead of NEAR */
    void (*spoil)(struct hello *h);
};

static void spoil_nothing(struct hello *h)
{
    (void)h;
}
static void spoil_protocol(struct hello *h)
{
    h->protocol = HELLO_PROTOCOL + 1;
}
static void spoil_chain(struct hello *h)
{
    h->chain_id.raw[31] ^= 1;
}
static struct pubkey keys[PEOPLE]; /* of the world a case is in */
static void spoil_key(struct hello *h)
{
    h->key = keys[STRANGER];
}
static void spoil_key_to_near(struct hello *h)
{
    h->key = keys[NEAR];
}
static void spoil_key_to_far(struct hello *h)
{
    h->key = keys[FAR];
}
static void spoil_role_beyond(struct hello *h)
{
    h->role = HELLO_OBSERVER + 1;
}
static void spoil_channel(struct hello *h)
{
    h->channel = CHANNELS;
}
static void spoil_role(struct hello *h)
{
    h->dialer = !h->dialer;
}

#define NOT_PINNED "transport key is not the pinned one"
#define NOT_SIGNED "HELLO is not signed by its key"
#define NOT_KNOWN  "neither a validator nor announced"
#define MALFORMED  "malformed HELLO"
#define TOO_LONG   "frame is longer than its type allows"
#define UNKNOWN    "unknown frame type or version"
#define GARBAGE    "garbage instead of HELLO"
#define SLOW       "handshake took too long"
#define NO_TLS     "not a TLS 1.3 client with a certificate"

static void note_keys(const struct world *w)
{
    for (uint32_t i = 0; i < PEOPLE; i++)
        keys[i] = w->set.list[i].key;
}

static void refuse_hello(const struct wrong_hello *c)
{
    struct world w;
    struct raw r;
    struct hello h;
    struct node *n;
    struct peers_status s;

    start_world(&w, 0);
    note_keys(&w);
    n = c->to_far ? &w.far : &w.near;
    raw_dial(&r, &w, n, &w.people[c->transport]);
    assert_true(raw_handshake(&r));
    h = hello_of(&w, ROGUE_CLIENT, CHANNEL_CONSENSUS, true);
    c->spoil(&h);
    sign_hello(&h, &r, &w.people[c->consensus]);
    assert_true(raw_hello(&r, &h, c->cut));
    assert_closed(&r);
    if (!told(n, c->reason))
        fail_msg("%s: \"%s\"", c->what, peers_last_refusal(n->peers));
    peers_status(n->peers, &s, ROGUE_CLIENT);
    assert_int_equal(s.connects, 0);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

static void test_a_wrong_hello_is_refused_with_its_reason(void **x)
{
    static const struct wrong_hello cases[] = {
        {"a stranger's key", NOT_PINNED, 0, STRANGER, 0, false, spoil_nothing},
        {"a stranger", NOT_PINNED, 0, STRANGER, STRANGER, false, spoil_nothing},
        {"another's key", NOT_PINNED, 0, FAR, 0, false, spoil_nothing},
        {"another's name",
         NOT_PINNED,
         0,
         ROGUE_CLIENT,
         NEAR,
         true,
         spoil_key_to_near},
        {"stolen transport key",
         NOT_SIGNED,
         0,
         ROGUE_CLIENT,
         STRANGER,
         false,
         spoil_nothing},
        {"protocol", "wrong protocol version", 0, 0, 0, false, spoil_protocol},
        {"chain", "wrong chain", 0, 0, 0, false, spoil_chain},
        {"not known", NOT_KNOWN, 0, 0, STRANGER, false, spoil_key},
        {"our name",
         "our own identity from another process",
         0,
         0,
         0,
         false,
         spoil_key_to_near},
        {"whom we dial", NOT_PINNED, 0, 0, 0, false, spoil_key_to_far},
        {"role", "wrong role", 0, 0, 0, false, spoil_role},
        {"no such role", MALFORMED, 0, 0, 0, false, spoil_role_beyond},
        {"channel", MALFORMED, 0, 0, 0, false, spoil_channel},
        {"cut short", MALFORMED, 1, 0, 0, false, spoil_nothing},
        {"hardly begun", MALFORMED, 150, 0, 0, false, spoil_nothing},
        {"a byte too many", MALFORMED, -1, 0, 0, false, spoil_nothing},
    };

    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refuse_hello(&cases[i]);
}

static void test_a_hello_of_another_session_is_refused(void **x)
{
    struct world w;
    struct raw first;
    struct raw second;
    struct hello h;

    (void)x;
    start_world(&w, 0);
    raw_dial(&first, &w, &w.near, &w.people[ROGUE_CLIENT]);
    raw_dial(&second, &w, &w.near, &w.people[ROGUE_CLIENT]);
    assert_true(raw_handshake(&first));
    assert_true(raw_handshake(&second));
    h = hello_of(&w, ROGUE_CLIENT, CHANNEL_CONSENSUS, true);
    sign_hello(&h, &first, &w.people[ROGUE_CLIENT]);
    assert_true(raw_hello(&second, &h, 0));
    assert_closed(&second);
    assert_true(told(&w.near, NOT_SIGNED));
    assert_false(is_up(&w.near, ROGUE_CLIENT, CHANNEL_CONSENSUS));
    assert_true(raw_hello(&first, &h, 0)); /* where it is good */
    WAIT_FOR(&w, is_up(&w.near, ROGUE_CLIENT, CHANNEL_CONSENSUS));
    assert_honest_link(&w);
    raw_stop(&first);
    raw_stop(&second);
    stop_world(&w);
}

/* A good HELLO of the rogue validator, as far as on_up. */
static void raw_join(struct raw *r, struct world *w, uint8_t channel)
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

/* What a caller does wrong with a frame, before its HELLO or after. */
struct wrong_frame {
    const char *reason;
    struct frame frame;
};

static const uint8_t zeros[BLOCK_BYTES_MAX];

static void test_a_wrong_frame_before_hello_is_refused(void **x)
{
    static const struct wrong_frame cases[] = {
        {GARBAGE, {8, TYPE_VOTE, FRAME_VERSION, 8}},
        {GARBAGE, {16, FRAME_PING, FRAME_VERSION, 16}},
        {GARBAGE, {140, FRAME_HELLO, FRAME_VERSION + 1, 140}},
        {GARBAGE, {UINT32_MAX, 0, 0, 0}},
        {TOO_LONG, {HELLO_BYTES_MAX + 1, FRAME_HELLO, FRAME_VERSION, 0}},
        {TOO_LONG, {UINT32_MAX, FRAME_HELLO, FRAME_VERSION, 8}},
        {MALFORMED, {0, FRAME_HELLO, FRAME_VERSION, 0}},
        {MALFORMED, {HELLO_BYTES_MAX, FRAME_HELLO, FRAME_VERSION, 512}},
    };

    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct raw r;

        start_world(&w, 0);
        raw_dial(&r, &w, &w.near, &w.people[ROGUE_CLIENT]);
        assert_true(raw_handshake(&r));
        assert_true(raw_frame(&r, cases[i].frame, zeros));
        assert_closed(&r);
        assert_string_equal(peers_last_refusal(w.near.peers), cases[i].reason);
        assert_int_equal(w.near.frames[ROGUE_CLIENT][CHANNEL_CONSENSUS], 0);
        assert_honest_link(&w);
        raw_stop(&r);
        stop_world(&w);
    }
}

static void refuse_frame(const struct wrong_frame *c, uint8_t channel)
{
    struct world w;
    struct raw r;
    struct peers_status s;

    start_world(&w, 0);
    raw_join(&r, &w, channel);
    assert_true(raw_frame(&r, c->frame, zeros));
    assert_closed(&r);
    assert_string_equal(peers_last_refusal(w.near.peers), c->reason);
    peers_status(w.near.peers, &s, ROGUE_CLIENT);
    assert_string_equal(s.last_refusal, c->reason);
    assert_string_equal(s.software, "rogue/1");
    assert_int_equal(s.refused, 1);
    assert_int_equal(s.connects, 1);
    assert_false(s.up[channel]);
    assert_int_equal(w.near.downs, 1);
    assert_int_equal(w.near.frames[ROGUE_CLIENT][channel], 0);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

static void test_a_wrong_frame_ends_the_connection(void **x)
{
    static const struct wrong_frame cases[] = {
        {TOO_LONG, {UINT32_MAX, TYPE_VOTE, FRAME_VERSION, 8}},
        {TOO_LONG, {VOTE_BYTES_MAX + 1, TYPE_VOTE, FRAME_VERSION, 0}},
        {TOO_LONG, {17, FRAME_PING, FRAME_VERSION, 17}},
        {UNKNOWN, {8, TYPE_VOTE, FRAME_VERSION + 1, 8}},
        {UNKNOWN, {8, TYPE_VOTE, 0, 8}},
        {UNKNOWN, {8, 99, FRAME_VERSION, 8}},
        {UNKNOWN, {8, TYPE_BLOCK, FRAME_VERSION, 8}},  /* the other channel's */
        {UNKNOWN, {8, FRAME_HELLO, FRAME_VERSION, 8}}, /* a second time */
        {"malformed ping", {15, FRAME_PING, FRAME_VERSION, 15}},
        {"malformed ping", {0, FRAME_PONG, FRAME_VERSION, 0}},
    };
    static const struct wrong_frame bulk[] = {
        {UNKNOWN, {8, TYPE_VOTE, FRAME_VERSION, 8}},
        {TOO_LONG, {BLOCK_BYTES_MAX + 1, TYPE_BLOCK, FRAME_VERSION, 8}},
        {TOO_LONG, {UINT32_MAX, TYPE_BLOCK, FRAME_VERSION, 8}},
    };

    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refuse_frame(&cases[i], CHANNEL_CONSENSUS);
    for (size_t i = 0; i < ARRAY_LEN(bulk); i++)
        refuse_frame(&bulk[i], CHANNEL_BULK);
}

static void test_the_largest_and_the_empty_frame_arrive(void **x)
{
    struct world w;
    struct raw r;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_BULK);
    assert_true(raw_frame(
        &r,
        (struct frame){
            BLOCK_BYTES_MAX, TYPE_BLOCK, FRAME_VERSION, BLOCK_BYTES_MAX},
        zeros));
    WAIT_FOR(&w, w.near.frames[ROGUE_CLIENT][CHANNEL_BULK] == 1);
    assert_int_equal(w.near.last.size, BLOCK_BYTES_MAX);
    assert_true(
        raw_frame(&r, (struct frame){0, TYPE_BLOCK, FRAME_VERSION, 0}, zeros));
    WAIT_FOR(&w, w.near.frames[ROGUE_CLIENT][CHANNEL_BULK] == 2);
    assert_int_equal(w.near.last.size, 0);
    assert_int_equal(w.near.downs, 0);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

static void test_the_honest_link_pings_and_knows_its_peer(void **x)
{
    struct world w;
    struct peers_status s;

    (void)x;
    start_world(&w, 0);
    assert_honest_link(&w);
    do {
        pump(&w);
        peers_status(w.near.peers, &s, FAR);
    } while (s.rtt_us == 0);
    assert_string_equal(s.software, "honest/1");
    assert_true(s.rtt_us < 1000000);
    assert_true(s.offset_ms > -1000 && s.offset_ms < 1000);
    assert_true(s.bytes_in > 0 && s.bytes_out > 0 && s.heard_ms > 0);
    assert_int_equal(peers_find(w.near.peers, &w.set.list[FAR].key), FAR);
    assert_int_equal(peers_find(w.near.peers, &w.set.list[STRANGER].key), -1);
    assert_int_equal(peers_send(w.near.peers,
                                ROGUE_SERVER,
                                CHANNEL_BULK,
                                TYPE_BLOCK,
                                bytes_of(NULL, 0)),
                     ERR_NETWORK);
    assert_string_equal(peers_last_refusal(w.near.peers), "");
    stop_world(&w);
}

static void test_who_speaks_no_tls_1_3_with_a_certificate_is_refused(void **x)
{
    enum { PLAIN, NO_CERTIFICATE, OLD_TLS, KINDS };

    (void)x;
    for (int kind = 0; kind < KINDS; kind++) {
        static const char plain[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        struct world w;
        struct raw r;

        start_world(&w, 0);
        raw_dial(&r,
                 &w,
                 &w.near,
                 kind == NO_CERTIFICATE ? NULL : &w.people[ROGUE_CLIENT]);
        if (kind == PLAIN)
            assert_int_equal(write(r.fd, plain, sizeof plain - 1),
                             sizeof plain - 1);
        if (kind == OLD_TLS)
            SSL_set_max_proto_version(r.ssl, TLS1_2_VERSION);
        if (kind != PLAIN)
            (void)raw_handshake(&r);
        WAIT_FOR(&w, told(&w.near, NO_TLS));
        if (kind != PLAIN)
            assert_closed(&r);
        assert_honest_link(&w);
        raw_stop(&r);
        stop_world(&w);
    }
}

/* Feeds bytes one by one, so that each side's last byte is always fresh. */
static void drip(struct raw *r, const uint8_t *at, size_t size, bool plain)
{
    const uint64_t started = now_ms();

    for (size_t i = 0; i < size; i++) {
        const uint64_t next = now_ms() + 20;

        if (plain ? send(r->fd, at + i, 1, MSG_NOSIGNAL) != 1
                  : !raw_write(r, bytes_of(at + i, 1)))
            break;
        while (now_ms() < next)
            pump(r->world);
        if (told(&r->world->near, SLOW))
            break;
    }
    assert_string_equal(peers_last_refusal(r->world->near.peers), SLOW);
    assert_true(now_ms() - started < 4 * HASTE_MS);
}

static void test_a_slow_handshake_has_one_deadline(void **x)
{
    enum { SILENT_TCP, SILENT_TLS, DRIPS_TLS, DRIPS_HELLO, KINDS };

    (void)x;
    for (int kind = 0; kind < KINDS; kind++) {
        struct world w;
        struct raw r;
        /* a TLS record's head says 16 kB, a HELLO's 200 bytes */
        uint8_t slow[200] = {22, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb, 3, 3};

        start_world(&w, HASTE_MS);
        raw_dial(&r, &w, &w.near, &w.people[ROGUE_CLIENT]);
        if (kind == SILENT_TLS || kind == DRIPS_HELLO)
            assert_true(raw_handshake(&r));
        if (kind == DRIPS_TLS)
            drip(&r, slow, sizeof slow, true);
        if (kind == DRIPS_HELLO) {
            const uint8_t head[] = {200, 0, 0, 0, FRAME_HELLO, FRAME_VERSION};

            memcpy(slow, head, sizeof head);
            drip(&r, slow, sizeof slow, false);
        }
        WAIT_FOR(&w, told(&w.near, SLOW));
        if (kind == SILENT_TLS || kind == DRIPS_HELLO)
            assert_closed(&r);
        raw_stop(&r);
        assert_honest_link(&w);
        stop_world(&w);
    }
}

static void test_the_deadline_ends_with_the_handshake(void **x)
{
    struct world w;
    struct raw r;

    (void)x;
    start_world(&w, HASTE_MS);
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    for (const uint64_t end = now_ms() + HASTE_MS + 300; now_ms() < end;)
        pump(&w);
    assert_true(is_up(&w.near, ROGUE_CLIENT, CHANNEL_CONSENSUS));
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

static void test_many_silent_callers_do_not_keep_others_out(void **x)
{
    int crowd[PEERS_PENDING_MAX + 1];
    struct world w;
    struct raw r;

    (void)x;
    start_world(&w, HASTE_MS);
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
        crowd[i] = dial_tcp(peers_port(w.near.peers));
    WAIT_FOR(&w, told(&w.near, "too many handshakes at once"));
    assert_honest_link(&w);
    WAIT_FOR(&w, told(&w.near, SLOW));
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    assert_honest_link(&w);
    raw_stop(&r);
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
        close(crowd[i]);
    stop_world(&w);
}

static void test_a_second_process_with_one_identity_is_told(void **x)
{
    static const char reason[] =
        "a second connection with the same identity while the first one lives";
    struct world w;
    struct raw first;
    struct raw second;
    struct hello h;
    struct peers_status s;

    (void)x;
    start_world(&w, 0);
    raw_join(&first, &w, CHANNEL_CONSENSUS);
    raw_dial(&second, &w, &w.near, &w.people[ROGUE_CLIENT]);
    assert_true(raw_handshake(&second));
    h = hello_of(&w, ROGUE_CLIENT, CHANNEL_CONSENSUS, true);
    sign_hello(&h, &second, &w.people[ROGUE_CLIENT]);
    assert_true(raw_hello(&second, &h, 0));
    assert_closed(&second);
    assert_true(told(&w.near, reason));
    peers_status(w.near.peers, &s, ROGUE_CLIENT);
    assert_string_equal(s.last_refusal, reason);
    assert_true(s.up[CHANNEL_CONSENSUS]);
    assert_int_equal(w.near.downs, 0);
    assert_true(raw_frame(
        &first, (struct frame){8, TYPE_VOTE, FRAME_VERSION, 8}, zeros));
    WAIT_FOR(&w, w.near.frames[ROGUE_CLIENT][CHANNEL_CONSENSUS] == 1);
    assert_honest_link(&w);
    raw_stop(&first);
    raw_stop(&second);
    stop_world(&w);
}

static void test_who_misbehaved_on_bulk_is_banned_there(void **x)
{
    struct world w;
    struct raw r;
    struct hello h;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_BULK);
    peers_misbehaved(w.near.peers, ROGUE_CLIENT, CHANNEL_BULK, "a lie");
    assert_true(told(&w.near, "a lie"));
    assert_closed(&r);
    raw_stop(&r);
    raw_dial(&r, &w, &w.near, &w.people[ROGUE_CLIENT]);
    assert_true(raw_handshake(&r));
    h = hello_of(&w, ROGUE_CLIENT, CHANNEL_BULK, true);
    sign_hello(&h, &r, &w.people[ROGUE_CLIENT]);
    assert_true(raw_hello(&r, &h, 0));
    assert_closed(&r);
    assert_true(told(&w.near, "bulk connection is banned"));
    raw_stop(&r);
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

/* NEAR dials a server that holds the keys of `p`; handshake and its HELLO. */
static void raw_answer(struct raw *r, struct world *w, const struct person *p)
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

static void spoil_other_channel(struct hello *h)
{
    h->channel = !h->channel;
}

static void refuse_answer(const struct wrong_hello *c)
{
    struct world w;
    struct raw r;
    struct hello call;
    struct hello h;
    struct peers_status s;

    start_world(&w, 0);
    note_keys(&w);
    raw_answer(&r, &w, &w.people[c->transport]);
    assert_true(raw_handshake(&r));
    assert_true(raw_read_hello(&r, &call));
    assert_memory_equal(&call.key, &w.set.list[NEAR].key, PUBKEY_BYTES);
    h = hello_of(&w, ROGUE_SERVER, call.channel, false);
    c->spoil(&h);
    sign_hello(&h, &r, &w.people[c->consensus]);
    assert_true(raw_hello(&r, &h, c->cut));
    assert_closed(&r);
    if (!told(&w.near, c->reason))
        fail_msg("%s: \"%s\"", c->what, peers_last_refusal(w.near.peers));
    peers_status(w.near.peers, &s, ROGUE_SERVER);
    assert_string_equal(s.last_refusal, c->reason);
    assert_true(s.refused >= 1);
    assert_int_equal(s.connects, 0);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

static void test_a_wrong_answer_is_refused_with_its_reason(void **x)
{
    enum { S = ROGUE_SERVER };
    static const char other[] = "another validator than was dialled";
    static const struct wrong_hello cases[] = {
        {"a stranger", NOT_PINNED, 0, STRANGER, S, false, spoil_nothing},
        {"another's key", NOT_PINNED, 0, FAR, S, false, spoil_nothing},
        {"stolen key", NOT_SIGNED, 0, S, STRANGER, false, spoil_nothing},
        {"protocol", "wrong protocol version", 0, S, S, false, spoil_protocol},
        {"chain", "wrong chain", 0, S, S, false, spoil_chain},
        {"channel", "wrong channel", 0, S, S, false, spoil_other_channel},
        {"key", other, 0, S, FAR, false, spoil_key_to_far},
        {"role", "wrong role", 0, S, S, false, spoil_role},
        {"cut short", MALFORMED, 1, S, S, false, spoil_nothing},
    };

    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refuse_answer(&cases[i]);
}

static void test_a_server_that_joined_is_held_to_the_limits(void **x)
{
    struct world w;
    struct raw r;
    struct hello h;
    struct peers_status s;

    (void)x;
    start_world(&w, 0);
    raw_answer(&r, &w, &w.people[ROGUE_SERVER]);
    assert_true(raw_handshake(&r));
    assert_true(raw_read_hello(&r, &h));
    h = hello_of(&w, ROGUE_SERVER, h.channel, false);
    sign_hello(&h, &r, &w.people[ROGUE_SERVER]);
    assert_true(raw_hello(&r, &h, 0));
    WAIT_FOR(&w, is_up(&w.near, ROGUE_SERVER, h.channel));
    assert_true(raw_frame(
        &r,
        (struct frame){UINT32_MAX,
                       h.channel == CHANNEL_BULK ? TYPE_BLOCK : TYPE_VOTE,
                       FRAME_VERSION,
                       8},
        zeros));
    assert_closed(&r);
    peers_status(w.near.peers, &s, ROGUE_SERVER);
    assert_string_equal(s.last_refusal, TOO_LONG);
    assert_int_equal(s.connects, 1);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_honest_link_pings_and_knows_its_peer),
        cmocka_unit_test(test_a_wrong_hello_is_refused_with_its_reason),
        cmocka_unit_test(test_a_hello_of_another_session_is_refused),
        cmocka_unit_test(test_a_wrong_frame_before_hello_is_refused),
        cmocka_unit_test(test_a_wrong_frame_ends_the_connection),
        cmocka_unit_test(test_the_largest_and_the_empty_frame_arrive),
        cmocka_unit_test(
            test_who_speaks_no_tls_1_3_with_a_certificate_is_refused),
        cmocka_unit_test(test_a_slow_handshake_has_one_deadline),
        cmocka_unit_test(test_the_deadline_ends_with_the_handshake),
        cmocka_unit_test(test_many_silent_callers_do_not_keep_others_out),
        cmocka_unit_test(test_a_second_process_with_one_identity_is_told),
        cmocka_unit_test(test_who_misbehaved_on_bulk_is_banned_there),
        cmocka_unit_test(test_a_wrong_answer_is_refused_with_its_reason),
        cmocka_unit_test(test_a_server_that_joined_is_held_to_the_limits),
    };

    signal(SIGPIPE, SIG_IGN);
    log_set(LOG_BROKEN_, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
