/* Block sync between the real driver and peers that lie, stall, or have little:
 * what is missing is asked elsewhere, and it catches up. */
#include "tests/unit/node/driver_node.h"

static void send_range(struct fake *f, uint8_t type, uint64_t a, uint64_t b)
{
    const struct msg_range r = {a, b};
    uint8_t buf[16];
    struct writer w = writer_of(buf, sizeof buf);

    msg_range_encode(&w, &r);
    fake_send(f, type, writer_bytes(&w));
}

static void serve_run(struct fake *f, uint64_t from, uint64_t to)
{
    for (uint64_t h = from; h <= to && h <= CHAIN_BLOCKS; h++)
        fake_send_sync(f, &f->rig->chain[h], &f->rig->chain[h].final, false);
}

static void start_ready(void)
{
    rig_start(&rig);
    rig_ready();
}

static void catches_up(uint64_t height)
{
    rig_announce(&rig, height);
    WAIT_FOR(rig_is_at(&rig, height));
}

/* ---- near and far ---- */

static bool bodies_are_gone(struct fake *f, uint8_t type, struct bytes payload)
{
    (void)f;
    (void)payload;
    return type == MSG_GET_BLOCK;
}

static void test_driver_sync_at_a_distance_of_one(void **state)
{
    (void)state;
    rig.answer = bodies_are_gone; /* of memory; the logs have them */
    start_ready();
    for (uint64_t h = 1; h <= 3; h++)
        catches_up(h);
    rig_survives(3);
}

static bool first_run_is_late(struct fake *f,
                              uint8_t type,
                              struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    if (type == MSG_GET_BLOCK)
        return true;
    if (type != MSG_SYNC_GET)
        return false;
    read_sync_get(payload, &from, &to);
    if (from == 1 && rig.lies == 0) {
        rig.lies = f->index; /* the last ones come first */
        return true;
    }
    serve_run(f, from, to);
    if (rig.lies > 0 && from > 1)
        serve_run(&rig.fakes[rig.lies], 1, from - 1);
    return true;
}

/* Several are asked at once; what comes first waits for what comes before. */
static void test_driver_sync_puts_runs_in_order(void **state)
{
    uint32_t asked = 0;

    (void)state;
    rig.answer = first_run_is_late;
    start_ready();
    catches_up(CHAIN_BLOCKS);
    for (uint8_t i = 1; i < VALIDATORS; i++)
        asked += rig.fakes[i].got[MSG_SYNC_GET] > 0;
    assert_true(asked >= 2);
    assert_true(rig.lies > 0);
    rig_survives(CHAIN_BLOCKS);
}

/* ---- liars ---- */

enum lie_kind { LIE_BODY, LIE_CERT, LIE_OTHER_CERT, LIE_EPOCH, LIE_ORDER };
static enum lie_kind lie;

static void send_lie(struct fake *f, uint64_t from)
{
    const struct link *b = &rig.chain[from];
    struct cert c = b->final;
    struct link other = *b;
    uint8_t header[HEADER_BYTES_MAX];

    switch (lie) {
    case LIE_BODY:
        fake_send_sync(f, b, &c, true);
        return;
    case LIE_CERT:
        c.sigs[2].raw[33] ^= 1;
        fake_send_sync(f, b, &c, false);
        return;
    case LIE_OTHER_CERT: /* true, of another block */
        c = rig.chain[from + 1].final;
        fake_send_sync(f, b, &c, false);
        return;
    case LIE_EPOCH:
        other.header.epoch = 9;
        c.epoch = 9;
        memset(&other.header_bytes, 0, sizeof other.header_bytes);
        buf_append(
            &other.header_bytes, header, header_encode(header, &other.header));
        fake_send_sync(f, &other, &c, false);
        buf_deinit(&other.header_bytes);
        return;
    case LIE_ORDER:
        for (int i = 0; i < 600; i++)
            fake_send_sync(f, &rig.chain[from + 2], &c, false);
        return;
    }
}

static bool validator_1_lies(struct fake *f, uint8_t type, struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    if (type == MSG_GET_BLOCK)
        return true;
    if (type != MSG_SYNC_GET || f->index != 1)
        return false;
    read_sync_get(payload, &from, &to);
    rig.lies++;
    send_lie(f, from);
    return true;
}

static void lies_are_told(enum lie_kind kind, const char *reason)
{
    lie = kind;
    rig.answer = validator_1_lies;
    start_ready();
    catches_up(CHAIN_BLOCKS);
    assert_true(rig.lies > 0);
    assert_true(rig_logged(&rig, reason));
    assert_int_equal(rig_peer(&rig, 1, "bans"), 1);
    assert_int_equal(rig_peer(&rig, 2, "bans"), 0);
    assert_false(fake_is_up(&rig.fakes[1], CHANNEL_BULK));
    assert_true(fake_is_up(&rig.fakes[1], CHANNEL_CONSENSUS));
    rig_survives(CHAIN_BLOCKS);
}

static void test_driver_sync_bans_a_wrong_body(void **state)
{
    (void)state;
    lies_are_told(LIE_BODY, "a body that is not the header's");
}

static void test_driver_sync_bans_a_false_certificate(void **state)
{
    (void)state;
    lies_are_told(LIE_CERT, "a sync block without its certificate");
}

static void test_driver_sync_bans_another_blocks_certificate(void **state)
{
    (void)state;
    lies_are_told(LIE_OTHER_CERT, "a sync block without its certificate");
}

static void test_driver_sync_bans_an_unknown_epoch(void **state)
{
    (void)state;
    lies_are_told(LIE_EPOCH, "a sync block of an unknown epoch");
}

static void test_driver_sync_bans_a_flood_of_strays(void **state)
{
    (void)state;
    lies_are_told(LIE_ORDER, "blocks that nobody asked for");
}

/* ---- little, late, nothing ---- */

static bool validator_1_has_nothing(struct fake *f,
                                    uint8_t type,
                                    struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    if (type == MSG_GET_BLOCK)
        return true;
    if (type != MSG_SYNC_GET)
        return false;
    read_sync_get(payload, &from, &to);
    if (f->index == 1) {
        rig.lies++;
        send_range(f, MSG_SYNC_END, from, from);
        return true;
    }
    /* A few at a time. */
    serve_run(f, from, from + 2 < to ? from + 2 : to);
    if (from + 2 < to)
        send_range(f, MSG_SYNC_END, from, from + 3);
    return true;
}

static void test_driver_sync_goes_on_where_a_window_ends(void **state)
{
    uint64_t from;

    (void)state;
    rig.answer = validator_1_has_nothing;
    start_ready();
    from = node_now_ms();
    catches_up(CHAIN_BLOCKS);
    assert_true(node_now_ms() - from < 10000); /* nobody was waited for */
    assert_true(rig.lies > 0);
    assert_false(rig_logged(&rig, "does not answer in time"));
    assert_int_equal(rig_peer(&rig, 1, "bans"), 0);
}

static bool validator_1_is_mute(struct fake *f,
                                uint8_t type,
                                struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    if (type == MSG_GET_BLOCK)
        return true;
    if (type != MSG_SYNC_GET)
        return false;
    read_sync_get(payload, &from, &to);
    if (f->index == 1) {
        rig.lies++;
        return true;
    }
    serve_run(f, from, from); /* slowly, so that it takes a while */
    send_range(f, MSG_SYNC_END, from, from + 1);
    return true;
}

/* It is asked less and less, and told of; not banned: it may be slow. */
static void test_driver_sync_asks_a_mute_peer_less(void **state)
{
    (void)state;
    rig.answer = validator_1_is_mute;
    start_ready();
    catches_up(CHAIN_BLOCKS);
    assert_in_range(rig.lies, 1, 4);
    assert_true(rig_logged(&rig, "does not answer in time"));
    assert_int_equal(rig_peer(&rig, 1, "bans"), 0);
    assert_true(fake_is_up(&rig.fakes[1], CHANNEL_CONSENSUS));
}

static bool validator_1_is_late(struct fake *f,
                                uint8_t type,
                                struct bytes payload)
{
    uint64_t from;
    uint64_t to;

    if (type == MSG_GET_BLOCK)
        return true;
    if (type != MSG_SYNC_GET || f->index != 1)
        return type == MSG_SYNC_GET; /* nobody else says anything */
    read_sync_get(payload, &from, &to);
    usleep(1500000);
    serve_run(f, from, to);
    return true;
}

/* What comes late is taken all the same. */
static void test_driver_sync_takes_what_comes_late(void **state)
{
    (void)state;
    rig.answer = validator_1_is_late;
    start_ready();
    catches_up(4);
    assert_true(rig_logged(&rig, "does not answer in time"));
    assert_int_equal(rig_peer(&rig, 1, "bans"), 0);
}

/* ---- serving ---- */

static uint64_t served_next; /* height expected next */
static uint64_t ends;
static struct msg_range last_end;

static bool take_served(struct fake *f, uint8_t type, struct bytes payload)
{
    struct bytes header;
    struct bytes body;
    struct header h;
    struct cert c;

    (void)f;
    if (type == MSG_SYNC_BLOCK) {
        assert_int_equal(msg_sync_block_decode(&header, &c, &body, payload),
                         ERR_NONE);
        assert_int_equal(header_decode(&h, header), ERR_NONE);
        assert_int_equal(h.height, served_next++);
        assert_int_equal(cert_check(&c, &rig.domain), ERR_NONE);
        assert_true(bytes_eq(body, buf_bytes(&rig.chain[h.height].body)));
    }
    if (type == MSG_SYNC_END) {
        assert_int_equal(msg_range_decode(&last_end, payload), ERR_NONE);
        ends++;
    }
    return false;
}

static void test_driver_sync_serves_runs_and_says_where_they_end(void **state)
{
    struct fake *f = &rig.fakes[2];

    (void)state;
    start_ready();
    catches_up(CHAIN_BLOCKS);
    rig.answer = take_served;
    ends = 0;
    served_next = 3;
    send_range(f, MSG_SYNC_GET, 3, 9);
    WAIT_FOR(ends == 1);
    assert_true(served_next == 10 && last_end.from == 3 && last_end.to == 10);
    served_next = 20; /* further than it has */
    send_range(f, MSG_SYNC_GET, 20, 1000000);
    WAIT_FOR(ends == 2);
    assert_true(last_end.from == 20 && last_end.to == CHAIN_BLOCKS + 1);
    send_range(f, MSG_SYNC_GET, CHAIN_BLOCKS + 1, UINT64_MAX);
    WAIT_FOR(ends == 3);
    assert_true(last_end.to == CHAIN_BLOCKS + 1);
    served_next = 1; /* two at once: in turn */
    send_range(f, MSG_SYNC_GET, 1, 2);
    send_range(f, MSG_SYNC_GET, 3, 4);
    WAIT_FOR(ends == 5);
    assert_int_equal(served_next, 5);
}

static bool count_served(struct fake *f, uint8_t type, struct bytes payload)
{
    (void)f;
    (void)payload;
    return type == MSG_SYNC_BLOCK;
}

/* A hundred requests at once: a few are served, and consensus goes on. */
static void test_driver_sync_serves_within_its_rate(void **state)
{
    enum { SENT = 100 };
    struct fake *f = &rig.fakes[3];
    const struct link *next;
    uint64_t height = 8; /* the next view is a fake's */

    (void)state;
    while (rig.chain[height + 1].about.view != rig.chain[height].about.view + 1)
        height++;
    next = &rig.chain[height + 1];
    start_ready();
    catches_up(height);
    rig.answer = count_served;
    for (int i = 0; i < SENT; i++)
        send_range(f, MSG_SYNC_GET, 1, height);
    fake_propose(
        &rig.fakes[rig_leader(&rig, next->about.view)], next, BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, height + 1));
    WAIT_FOR(f->got[MSG_SYNC_BLOCK] >= height);
    rig_idle(&rig, 1000);
    assert_true(f->got[MSG_SYNC_BLOCK] < SENT * height * 2 / 3);
    assert_true(fake_is_up(f, CHANNEL_BULK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
        TEST(test_driver_sync_at_a_distance_of_one),
        TEST(test_driver_sync_puts_runs_in_order),
        TEST(test_driver_sync_bans_a_wrong_body),
        TEST(test_driver_sync_bans_a_false_certificate),
        TEST(test_driver_sync_bans_another_blocks_certificate),
        TEST(test_driver_sync_bans_an_unknown_epoch),
        TEST(test_driver_sync_bans_a_flood_of_strays),
        TEST(test_driver_sync_goes_on_where_a_window_ends),
        TEST(test_driver_sync_asks_a_mute_peer_less),
        TEST(test_driver_sync_takes_what_comes_late),
        TEST(test_driver_sync_serves_runs_and_says_where_they_end),
        TEST(test_driver_sync_serves_within_its_rate),
#undef TEST
    };

    return cmocka_run_group_tests(tests, rig_make, rig_unmake);
}
