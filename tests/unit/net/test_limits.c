/* What one peer may cost, limit by limit: a hostile peer with valid keys goes
 * beyond each; it is held, told or closed as peers.h says, and the honest link
 * goes on. */
#include "tests/unit/net/peers_rig.h"

enum {
    FRAME_MAX = FRAME_HEADER_BYTES + BLOCK_BYTES_MAX,
};

static uint8_t zeros[BLOCK_BYTES_MAX];

/* Reads one frame, whatever it is; false: the connection has ended. */
static bool raw_read_frame(struct raw *r, uint8_t *type, struct buf *payload)
{
    uint8_t head[FRAME_HEADER_BYTES];
    struct reader at = reader_of(bytes_of(head, sizeof head));
    uint32_t size;

    if (!raw_read(r, head, sizeof head))
        return false;
    size = reader_u32(&at);
    *type = reader_u8(&at);
    buf_clear(payload);
    buf_append(payload, NULL, size);
    return size == 0 || raw_read(r, payload->at, size);
}

/* Like a live process: answers a PING; says what else came. */
static bool raw_live(struct raw *r, uint8_t *type, struct buf *payload)
{
    uint8_t pong[24] = {0};

    if (!raw_read_frame(r, type, payload))
        return false;
    if (*type != FRAME_PING)
        return true;
    memcpy(pong, payload->at, 16);
    return raw_frame(
        r, (struct frame){24, FRAME_PONG, FRAME_VERSION, 24}, pong);
}

/* The last frame before the end is a refusal with this code. */
static void assert_sent_away(struct raw *r, uint8_t code)
{
    struct buf payload = {0};
    uint8_t type = 0;

    do {
        if (!raw_live(r, &type, &payload))
            fail_msg("closed without a word");
    } while (type != FRAME_REFUSED);
    assert_int_equal(payload.size, 5);
    assert_int_equal(payload.at[0], code);
    buf_deinit(&payload);
    assert_closed(r);
}

static struct peers_status rogue(const struct world *w)
{
    struct peers_status s;

    peers_status(w->near.peers, &s, ROGUE_CLIENT);
    return s;
}

/* Calls, says HELLO, and waits for what comes. */
static void raw_call(struct raw *r, struct world *w, uint8_t channel)
{
    struct hello h = hello_of(w, ROGUE_CLIENT, channel, true);

    raw_dial(r, w, &w->near, &w->people[ROGUE_CLIENT]);
    assert_true(raw_handshake(r));
    sign_hello(&h, r, &w->people[ROGUE_CLIENT]);
    assert_true(raw_hello(r, &h, 0));
}

/* ---- one identity, two processes ---- */

static void test_two_live_processes_of_one_identity_are_both_told(void **x)
{
    struct world w;
    struct raw first;
    struct raw second;
    struct buf payload = {0};
    uint8_t type = 0;

    (void)x;
    start_world(&w, 0);
    raw_join(&first, &w, CHANNEL_CONSENSUS);
    raw_call(&second, &w, CHANNEL_CONSENSUS);
    while (type != FRAME_REFUSED)
        assert_true(raw_live(&first, &type, &payload));
    assert_int_equal(payload.at[0], REFUSED_TWICE);
    assert_closed(&first);
    assert_sent_away(&second, REFUSED_TWICE);
    assert_false(rogue(&w).up[CHANNEL_CONSENSUS]);
    assert_int_equal(rogue(&w).twice, 1);
    assert_int_equal(rogue(&w).faults[CHANNEL_CONSENSUS], 0);
    assert_non_null(strstr(rogue(&w).last_refusal, "same identity"));
    assert_int_equal(w.near.downs, 1);
    assert_honest_link(&w);
    raw_stop(&first);
    raw_stop(&second);
    raw_join(&first, &w, CHANNEL_CONSENSUS); /* alone it is let in again */
    raw_stop(&first);
    buf_deinit(&payload);
    stop_world(&w);
}

static void test_a_mute_connection_gives_way_to_a_new_one(void **x)
{
    const uint64_t from = now_ms();
    struct world w;
    struct raw first;
    struct raw second;
    struct hello answer;

    (void)x;
    start_world(&w, 0);
    raw_join(&first, &w, CHANNEL_BULK);
    raw_call(&second, &w, CHANNEL_BULK);
    assert_true(raw_read_hello(&second, &answer)); /* the first said nothing */
    assert_true(now_ms() - from >= PEERS_PROBE_MS);
    WAIT_FOR(&w, rogue(&w).connects == 2);
    assert_closed(&first);
    assert_true(rogue(&w).up[CHANNEL_BULK]);
    assert_int_equal(rogue(&w).twice, 0);
    assert_true(raw_frame(
        &second, (struct frame){8, TYPE_BLOCK, FRAME_VERSION, 8}, zeros));
    WAIT_FOR(&w, w.near.frames[ROGUE_CLIENT][CHANNEL_BULK] == 1);
    assert_honest_link(&w);
    raw_stop(&first);
    raw_stop(&second);
    stop_world(&w);
}

static void test_who_waits_takes_over_when_the_first_one_goes(void **x)
{
    struct world w;
    struct raw first;
    struct raw second;
    struct raw third;
    struct hello answer;

    (void)x;
    start_world(&w, 0);
    raw_join(&first, &w, CHANNEL_CONSENSUS);
    raw_call(&second, &w, CHANNEL_CONSENSUS);
    raw_call(&third, &w, CHANNEL_CONSENSUS); /* no room to wait for two */
    assert_sent_away(&third, REFUSED_TWICE);
    raw_stop(&first);
    assert_true(raw_read_hello(&second, &answer));
    WAIT_FOR(&w, rogue(&w).up[CHANNEL_CONSENSUS]);
    assert_int_equal(rogue(&w).connects, 2);
    assert_honest_link(&w);
    raw_stop(&second);
    raw_stop(&third);
    stop_world(&w);
}

/* ---- faults ---- */

static void test_who_misbehaved_on_bulk_is_banned_there_alone(void **x)
{
    struct world w;
    struct raw r;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_BULK);
    peers_misbehaved(w.near.peers, ROGUE_CLIENT, CHANNEL_BULK, "a lie");
    assert_true(told(&w.near, "a lie"));
    assert_closed(&r);
    raw_stop(&r);
    raw_call(&r, &w, CHANNEL_BULK);
    assert_sent_away(&r, REFUSED_BANNED);
    assert_true(told(&w.near, "bulk connection is banned"));
    assert_true(rogue(&w).barred_ms[CHANNEL_BULK] > SCORE_BAN_MS / 2);
    assert_int_equal(rogue(&w).bans, 1);
    assert_int_equal(rogue(&w).faults[CHANNEL_BULK], 1);
    raw_stop(&r);
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

/* A frame nobody may send is such a fault, by itself. */
static void test_an_overlong_bulk_frame_bans_bulk(void **x)
{
    struct world w;
    struct raw r;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_BULK);
    assert_true(raw_frame(
        &r, (struct frame){UINT32_MAX, TYPE_BLOCK, FRAME_VERSION, 8}, zeros));
    assert_closed(&r);
    assert_true(told(&w.near, TOO_LONG));
    raw_stop(&r);
    raw_call(&r, &w, CHANNEL_BULK);
    assert_sent_away(&r, REFUSED_BANNED);
    raw_stop(&r);
    assert_honest_link(&w);
    stop_world(&w);
}

static void test_a_consensus_fault_costs_a_second_and_no_ban(void **x)
{
    struct world w;
    struct raw r;

    (void)x;
    start_world(&w, 0);
    for (int i = 0; i < 2; i++) {
        uint64_t from;

        raw_join(&r, &w, CHANNEL_CONSENSUS);
        from = now_ms();
        peers_misbehaved(
            w.near.peers, ROGUE_CLIENT, CHANNEL_CONSENSUS, "a false vote");
        assert_closed(&r);
        raw_stop(&r);
        raw_call(&r, &w, CHANNEL_CONSENSUS);
        assert_sent_away(&r, REFUSED_TOO_SOON);
        raw_stop(&r);
        while (now_ms() - from <= SCORE_PAUSE_MS)
            pump(&w);
    }
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    assert_int_equal(rogue(&w).faults[CHANNEL_CONSENSUS], 2);
    assert_int_equal(rogue(&w).bans, 0);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

/* NEAR dials: it is told to stay away, and does. */
static void test_who_is_sent_away_says_why_and_waits(void **x)
{
    static const uint8_t refusal[5] = {REFUSED_TWICE, 0xb8, 0x0b, 0, 0};
    struct world w;
    struct raw r;
    struct hello h;
    struct peers_status s;
    uint64_t from;
    int fd;

    (void)x;
    start_world(&w, 0);
    raw_answer(&r, &w, &w.people[ROGUE_SERVER]);
    assert_true(raw_handshake(&r));
    assert_true(raw_read_hello(&r, &h));
    assert_true(raw_frame(
        &r, (struct frame){5, FRAME_REFUSED, FRAME_VERSION, 5}, refusal));
    assert_closed(&r);
    from = now_ms();
    peers_status(w.near.peers, &s, ROGUE_SERVER);
    assert_non_null(strstr(s.refuses_us, "same identity"));
    assert_int_equal(s.twice, 1);
    assert_int_equal(s.faults[h.channel], 0);
    /* The other channel calls as before; this one in three seconds. */
    while (now_ms() - from < 2500) {
        fd = accept(w.listener, NULL, NULL);
        if (fd >= 0)
            close(fd);
        peers_status(w.near.peers, &s, ROGUE_SERVER);
        assert_false(s.up[h.channel]);
        pump(&w);
    }
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

/* ---- handshakes ---- */

/* As many silent callers as there are places, all the time: an honest one gets
 * in, because who has had its time makes room. */
static void test_silent_callers_make_room_for_honest_ones(void **x)
{
    int crowd[4 * PEERS_PENDING_MAX];
    size_t callers = 0;
    uint64_t from;
    struct world w;
    struct raw r;

    (void)x;
    start_world(&w, 0);
    from = now_ms();
    while (callers < PEERS_PENDING_MAX)
        crowd[callers++] = dial_tcp(peers_port(w.near.peers));
    while (now_ms() - from < PEERS_GRACE_MS + 100)
        pump(&w);
    for (int i = 0; i < 8; i++) /* new ones displace the oldest */
        crowd[callers++] = dial_tcp(peers_port(w.near.peers));
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    assert_true(now_ms() - from < PEERS_HANDSHAKE_MS);
    assert_true(told(&w.near, "handshake gave way to a newer one"));
    assert_honest_link(&w);
    raw_stop(&r);
    while (callers > 0)
        close(crowd[--callers]);
    stop_world(&w);
}

/* ---- what is sent to whom does not read ---- */

static void test_a_deaf_consensus_peer_is_dropped_at_its_limit(void **x)
{
    struct world w;
    struct raw r;
    size_t sent = 0;
    enum err e;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    do {
        e = peers_send(w.near.peers,
                       ROGUE_CLIENT,
                       CHANNEL_CONSENSUS,
                       TYPE_VOTE,
                       bytes_of(zeros, VOTE_BYTES_MAX));
        sent += VOTE_BYTES_MAX;
        if (sent % (100 * VOTE_BYTES_MAX) == 0)
            pump(&w);
        assert_true(rogue(&w).queued[CHANNEL_CONSENSUS] <=
                    PEERS_OUT_CONSENSUS_MAX);
    } while (e == ERR_NONE && sent < 64u << 20);
    assert_int_equal(e, ERR_FULL);
    assert_false(rogue(&w).up[CHANNEL_CONSENSUS]);
    assert_true(told(&w.near, "its consensus queue is full"));
    assert_int_equal(rogue(&w).faults[CHANNEL_CONSENSUS], 0);
    assert_honest_link(&w);
    raw_stop(&r);
    raw_join(&r, &w, CHANNEL_CONSENSUS); /* and may come back at once */
    raw_stop(&r);
    stop_world(&w);
}

static enum err send_bulk(struct world *w, uint8_t type)
{
    return peers_send(w->near.peers,
                      ROGUE_CLIENT,
                      CHANNEL_BULK,
                      type,
                      bytes_of(zeros, BLOCK_BYTES_MAX));
}

/* Its requests are not read while 16 MiB of answers wait; gossip has a smaller
 * share, so that it never takes the place of a body. */
static void test_a_deaf_bulk_peer_is_not_read_at_its_limit(void **x)
{
    struct world w;
    struct raw r;
    struct buf payload = {0};
    uint8_t type;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_BULK);
    while (send_bulk(&w, TYPE_GOSSIP) == ERR_NONE)
        ;
    assert_true(rogue(&w).queued[CHANNEL_BULK] <=
                PEERS_OUT_GOSSIP_MAX + (256 << 10));
    assert_false(rogue(&w).paused[CHANNEL_BULK]);
    while (send_bulk(&w, TYPE_BLOCK) == ERR_NONE)
        assert_true(rogue(&w).queued[CHANNEL_BULK] <= PEERS_OUT_BULK_MAX);
    assert_true(rogue(&w).paused[CHANNEL_BULK]);
    assert_true(rogue(&w).up[CHANNEL_BULK]);
    assert_true(
        raw_frame(&r, (struct frame){8, TYPE_BLOCK, FRAME_VERSION, 8}, zeros));
    for (int i = 0; i < 300; i++)
        pump(&w);
    assert_int_equal(w.near.frames[ROGUE_CLIENT][CHANNEL_BULK], 0);
    assert_honest_link(&w);
    /* It reads, and is read again. */
    while (rogue(&w).paused[CHANNEL_BULK])
        assert_true(raw_read_frame(&r, &type, &payload));
    WAIT_FOR(&w, w.near.frames[ROGUE_CLIENT][CHANNEL_BULK] == 1);
    assert_int_equal(rogue(&w).faults[CHANNEL_BULK], 0);
    buf_deinit(&payload);
    raw_stop(&r);
    stop_world(&w);
}

/* What is urgent overtakes what waits. */
static void test_a_body_overtakes_gossip(void **x)
{
    struct world w;
    struct raw r;
    struct buf payload = {0};
    uint8_t type = 0;
    int gossip = 0;
    int before = 0;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_BULK);
    for (; send_bulk(&w, TYPE_GOSSIP) == ERR_NONE; gossip++)
        pump(&w);
    assert_int_equal(send_bulk(&w, TYPE_BLOCK), ERR_NONE);
    while (type != TYPE_BLOCK) {
        assert_true(raw_live(&r, &type, &payload));
        before += type == TYPE_GOSSIP;
    }
    /* before it only what sockets and buffers of both ends held already */
    assert_true(before < gossip - 15);
    buf_deinit(&payload);
    raw_stop(&r);
    stop_world(&w);
}

/* ---- what is sent too often ---- */

static void test_frames_beyond_the_rate_of_their_type_are_dropped(void **x)
{
    enum { SENT = 60 };
    struct world w;
    struct raw r;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    for (int i = 0; i < SENT; i++)
        assert_true(raw_frame(
            &r, (struct frame){8, TYPE_RARE, FRAME_VERSION, 8}, zeros));
    WAIT_FOR(&w,
             w.near.frames[ROGUE_CLIENT][CHANNEL_CONSENSUS] +
                     rogue(&w).dropped ==
                 SENT);
    /* twice the rate at once, and what a second or two gave */
    assert_in_range(w.near.frames[ROGUE_CLIENT][CHANNEL_CONSENSUS],
                    2 * RARE_PER_S,
                    2 * RARE_PER_S + 2 * RARE_PER_S + 1);
    assert_true(rogue(&w).up[CHANNEL_CONSENSUS]);
    assert_true(
        raw_frame(&r, (struct frame){8, TYPE_VOTE, FRAME_VERSION, 8}, zeros));
    WAIT_FOR(&w, w.near.last_type == TYPE_VOTE);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

/* Twenty thousand small frames as fast as they go: reading waits, the loop does
 * not. */
static void test_a_flood_of_frames_is_read_at_its_rate(void **x)
{
    enum { SENT = 20000, PER_WRITE = 500 };
    struct world w;
    struct raw r;
    struct buf many = {0};
    uint64_t from;

    (void)x;
    start_world(&w, 0);
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    for (int i = 0; i < PER_WRITE; i++) {
        uint8_t head[FRAME_HEADER_BYTES];
        struct writer b = writer_of(head, sizeof head);

        writer_u32(&b, 0);
        writer_u8(&b, TYPE_VOTE);
        writer_u8(&b, FRAME_VERSION);
        buf_append(&many, head, sizeof head);
    }
    from = now_ms();
    for (int i = 0; i < SENT / PER_WRITE; i++) {
        if (!raw_write_slowly(&r, buf_bytes(&many)))
            fail_msg("closed after %d frames", i * PER_WRITE);
        if (i % 8 == 0)
            assert_honest_link(&w);
    }
    WAIT_LONG(&w, w.near.frames[ROGUE_CLIENT][CHANNEL_CONSENSUS] == SENT);
    /* 8,000 at once, then 4,000 a second */
    assert_true(now_ms() - from >=
                1000 * (SENT - 2 * PEERS_FRAMES_PER_S) / PEERS_FRAMES_PER_S -
                    200);
    assert_true(rogue(&w).up[CHANNEL_CONSENSUS]);
    assert_honest_link(&w);
    buf_deinit(&many);
    raw_stop(&r);
    stop_world(&w);
}

/* ---- slow and paused ---- */

/* A frame that never ends: its sender cannot answer pings amid it. */
static void test_a_dripping_frame_ends_with_silence(void **x)
{
    struct world w;
    struct raw r;
    uint64_t from;

    (void)x;
    start_world_with(&w, 0, SILENT_MS);
    raw_join(&r, &w, CHANNEL_BULK);
    assert_true(raw_frame(
        &r,
        (struct frame){BLOCK_BYTES_MAX, TYPE_BLOCK, FRAME_VERSION, 100},
        zeros));
    from = now_ms();
    while (rogue(&w).up[CHANNEL_BULK] && now_ms() - from < 3 * SILENT_MS) {
        const uint64_t next = now_ms() + 50;

        (void)raw_write(&r, bytes_of(zeros, 1));
        while (now_ms() < next)
            pump(&w);
    }
    assert_false(rogue(&w).up[CHANNEL_BULK]);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

static void test_a_paused_peer_is_not_read_and_not_silent(void **x)
{
    struct world w;
    struct raw r;
    uint64_t from = now_ms();

    (void)x;
    start_world_with(&w, 0, SILENT_MS);
    raw_join(&r, &w, CHANNEL_BULK);
    peers_pause(w.near.peers, ROGUE_CLIENT, CHANNEL_BULK, true);
    assert_true(
        raw_frame(&r, (struct frame){8, TYPE_BLOCK, FRAME_VERSION, 8}, zeros));
    while (now_ms() - from < SILENT_MS + 1500)
        pump(&w);
    assert_true(rogue(&w).up[CHANNEL_BULK]);
    assert_int_equal(w.near.frames[ROGUE_CLIENT][CHANNEL_BULK], 0);
    peers_pause(w.near.peers, ROGUE_CLIENT, CHANNEL_BULK, false);
    WAIT_FOR(&w, w.near.frames[ROGUE_CLIENT][CHANNEL_BULK] == 1);
    assert_honest_link(&w);
    raw_stop(&r);
    stop_world(&w);
}

/* ---- clocks ---- */

/* Joins and answers pings with a clock of its own. */
static void answer_with_clock(struct raw *r, int64_t ahead_ms, int pings)
{
    struct buf payload = {0};
    uint8_t type;

    while (pings > 0) {
        uint8_t pong[24];
        struct reader at;
        struct writer b = writer_of(pong, sizeof pong);
        uint64_t wall_ms;

        assert_true(raw_read_frame(r, &type, &payload));
        if (type != FRAME_PING)
            continue;
        at = reader_of(bytes_of(payload.at + 8, 8));
        wall_ms = reader_u64(&at);
        writer_copy(&b, payload.at, 16);
        writer_u64(&b, wall_ms + (uint64_t)ahead_ms);
        assert_true(raw_frame(
            r, (struct frame){24, FRAME_PONG, FRAME_VERSION, 24}, pong));
        pings--;
    }
    buf_deinit(&payload);
}

static void test_the_clocks_of_peers_are_measured(void **x)
{
    struct world w;
    struct raw r;
    struct peers_clock c;

    (void)x;
    start_world(&w, 0);
    WAIT_FOR(&w, peers_clock(w.near.peers).measured == 1);
    c = peers_clock(w.near.peers); /* one may be a liar: f + 1 are asked */
    assert_false(c.off);
    raw_join(&r, &w, CHANNEL_CONSENSUS);
    answer_with_clock(&r, 100000, 1);
    WAIT_FOR(&w, peers_clock(w.near.peers).measured == 2);
    assert_true(rogue(&w).clock_known);
    assert_in_range(rogue(&w).offset_ms, 99000, 101000);
    /* One liar beside one honest clock raises no alarm. */
    c = peers_clock(w.near.peers);
    assert_true(c.median_ms > -1000 && c.median_ms < 1000);
    assert_false(c.off);
    assert_false(c.behind);
    raw_stop(&r);
    WAIT_FOR(&w, !rogue(&w).up[CHANNEL_CONSENSUS]);
    assert_int_equal(peers_clock(w.near.peers).measured, 1);
    stop_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_live_processes_of_one_identity_are_both_told),
        cmocka_unit_test(test_a_mute_connection_gives_way_to_a_new_one),
        cmocka_unit_test(test_who_waits_takes_over_when_the_first_one_goes),
        cmocka_unit_test(test_who_misbehaved_on_bulk_is_banned_there_alone),
        cmocka_unit_test(test_an_overlong_bulk_frame_bans_bulk),
        cmocka_unit_test(test_a_consensus_fault_costs_a_second_and_no_ban),
        cmocka_unit_test(test_who_is_sent_away_says_why_and_waits),
        cmocka_unit_test(test_silent_callers_make_room_for_honest_ones),
        cmocka_unit_test(test_a_deaf_consensus_peer_is_dropped_at_its_limit),
        cmocka_unit_test(test_a_deaf_bulk_peer_is_not_read_at_its_limit),
        cmocka_unit_test(test_a_body_overtakes_gossip),
        cmocka_unit_test(test_frames_beyond_the_rate_of_their_type_are_dropped),
        cmocka_unit_test(test_a_flood_of_frames_is_read_at_its_rate),
        cmocka_unit_test(test_a_dripping_frame_ends_with_silence),
        cmocka_unit_test(test_a_paused_peer_is_not_read_and_not_silent),
        cmocka_unit_test(test_the_clocks_of_peers_are_measured),
    };

    signal(SIGPIPE, SIG_IGN);
    log_set(LOG_BROKEN_ + 1, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
