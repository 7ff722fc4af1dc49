/* Links between validators over real sockets: two honest ones carry frames
 * while a third one, with a valid key or without, does every wrong thing.  Each
 * time its connection ends, the reason is told, and the honest link stays. */
#include "tests/unit/net/peers_rig.h"

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
        {"not known",
         "neither a validator nor announced",
         0,
         0,
         STRANGER,
         false,
         spoil_key},
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
        {"malformed ping or refusal", {15, FRAME_PING, FRAME_VERSION, 15}},
        {"malformed ping or refusal", {0, FRAME_PONG, FRAME_VERSION, 0}},
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
        cmocka_unit_test(test_a_wrong_answer_is_refused_with_its_reason),
        cmocka_unit_test(test_a_server_that_joined_is_held_to_the_limits),
    };

    signal(SIGPIPE, SIG_IGN);
    log_set(LOG_BROKEN_, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
