/* What one validator may cost the real driver: floods of each kind by a peer
 * with valid keys.  What is over its limit is dropped or waits, and the node
 * goes on voting.  Then: a clock that is wrong. */
#include "tests/unit/node/driver_node.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

/* The node's wall clock, and only the node's, runs this far ahead. */
static _Atomic int64_t *clock_shift_ms;
static pid_t test_pid;

/* Takes the place of the C library's in this program. */
int clock_gettime(clockid_t id, struct timespec *t)
{
    const long failed = syscall(SYS_clock_gettime, id, t);

    if (failed == 0 && id == CLOCK_REALTIME && clock_shift_ms != NULL &&
        getpid() != test_pid) {
        const int64_t ms = *clock_shift_ms;

        t->tv_sec += ms / 1000;
        t->tv_nsec += ms % 1000 * 1000000;
        if (t->tv_nsec < 0) {
            t->tv_sec--;
            t->tv_nsec += 1000000000;
        } else if (t->tv_nsec >= 1000000000) {
            t->tv_sec++;
            t->tv_nsec -= 1000000000;
        }
    }
    return (int)failed;
}

static void start_ready(void)
{
    rig_start(&rig);
    rig_ready();
}

/* The node votes for the next block: it is not held up. */
static void assert_goes_on(uint64_t height)
{
    const struct link *b = &rig.chain[height];

    fake_propose(&rig.fakes[rig_leader(&rig, b->about.view)], b, BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, height));
    rig_announce(&rig, height);
    WAIT_FOR(rig_is_at(&rig, height));
}

static void test_driver_status_beyond_its_rate_is_dropped(void **state)
{
    enum { SENT = 300 };

    (void)state;
    start_ready();
    for (int i = 0; i < SENT; i++)
        fake_send_status(&rig.fakes[2]);
    WAIT_FOR(rig_peer(&rig, 2, "dropped") > SENT / 2);
    assert_true(fake_is_up(&rig.fakes[2], CHANNEL_CONSENSUS));
    assert_goes_on(1);
}

static void test_driver_requests_beyond_their_rate_are_dropped(void **state)
{
    enum { SENT = 400 };
    struct fake *f = &rig.fakes[2];

    (void)state;
    start_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    for (int i = 0; i < SENT; i++)
        fake_send(f,
                  MSG_GET_BLOCK,
                  bytes_of(rig.chain[1].about.block.raw, HASH_BYTES));
    WAIT_FOR(f->got[MSG_BLOCK] + rig_peer(&rig, 2, "dropped") >= SENT);
    assert_in_range(f->got[MSG_BLOCK], 1, 120);
    assert_true(fake_is_up(f, CHANNEL_BULK));
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
}

static bool nobody_has_bodies(struct fake *f, uint8_t type, struct bytes b)
{
    (void)f;
    (void)b;
    return type == MSG_GET_BLOCK;
}

/* A leader says its proposal again, as it may; then far too often. */
static void test_driver_the_same_proposal_again_and_again(void **state)
{
    (void)state;
    rig.answer = nobody_has_bodies;
    start_ready();
    for (int i = 0; i < 15; i++)
        fake_propose(&rig.fakes[1], &rig.chain[1], BODY_NONE);
    WAIT_FOR(rig.fakes[1].got[MSG_GET_BLOCK] + rig.fakes[2].got[MSG_GET_BLOCK] >
             0);
    assert_true(fake_is_up(&rig.fakes[1], CHANNEL_CONSENSUS));
    for (int i = 0; i < 80; i++)
        fake_propose(&rig.fakes[1], &rig.chain[1], BODY_NONE);
    WAIT_FOR(rig_logged(&rig, "the same proposal again and again"));
    rig.answer = NULL;
    WAIT_FOR(rig_notarized(&rig, 1)); /* it was sound all the same */
    rig_announce(&rig, 1);
    WAIT_FOR(rig_is_at(&rig, 1));
}

/* More transactions in one message than may be checked at once: all of them
 * are, and none is dropped. */
static void test_driver_a_long_message_of_transactions_waits(void **state)
{
    enum { TXS = 200 };
    const uint32_t day = (uint32_t)(node_wall_ms() / FIXTURE_DAY_MS);
    struct buf out = {0};
    uint8_t four[4];
    struct writer w = writer_of(four, sizeof four);

    (void)state;
    writer_u32(&w, TXS);
    buf_append(&out, four, sizeof four);
    for (uint32_t i = 0; i < TXS; i++) {
        const struct op_account_open op = fixture_account((uint8_t)(50 + i));
        const struct tx *tx = fixture_tx_on(&rig.f, day, OP_ACCOUNT_OPEN, &op);

        w = writer_of(four, sizeof four);
        writer_u32(&w, (uint32_t)tx->full_bytes.size);
        buf_append(&out, four, sizeof four);
        buf_append(&out, tx->full_bytes.at, tx->full_bytes.size);
    }
    start_ready();
    fake_send(&rig.fakes[3], MSG_TXS, buf_bytes(&out));
    fake_send(&rig.fakes[2], MSG_TXS, buf_bytes(&out)); /* the same ones */
    WAIT_FOR(rig_status(&rig, "mempool_txs") == TXS);
    assert_int_equal(rig_peer(&rig, 3, "dropped"), 0);
    assert_true(fake_is_up(&rig.fakes[3], CHANNEL_BULK));
    assert_goes_on(1);
    buf_deinit(&out);
}

/* ---- the clock ---- */

static bool clock_is_ready(void)
{
    json_t *status = rig_call(&rig, "node_status");
    bool ready = false;
    size_t i;
    json_t *c;

    json_array_foreach(json_object_get(status, "checks"), i, c)
    {
        if (strcmp(json_string_value(json_object_get(c, "check")), "clock") ==
            0)
            ready = json_is_true(json_object_get(c, "ok"));
    }
    json_decref(status);
    return ready;
}

/* A block after which the node leads. */
static uint64_t before_its_turn(void)
{
    uint64_t h = 1;

    while (rig_leader(&rig, rig.chain[h].about.view + 1) != NODE)
        h++;
    assert_true(h < CHAIN_BLOCKS);
    return h;
}

static void give_work(void)
{
    const struct op_account_open op = fixture_account(200);
    const struct tx *tx =
        fixture_tx_on(&rig.f,
                      (uint32_t)(node_wall_ms() / FIXTURE_DAY_MS),
                      OP_ACCOUNT_OPEN,
                      &op);
    struct buf out = {0};
    uint8_t head[8];
    struct writer w = writer_of(head, sizeof head);

    writer_u32(&w, 1);
    writer_u32(&w, (uint32_t)tx->full_bytes.size);
    buf_append(&out, head, sizeof head);
    buf_append(&out, tx->full_bytes.at, tx->full_bytes.size);
    fake_send(&rig.fakes[1], MSG_TXS, buf_bytes(&out));
    buf_deinit(&out);
}

static uint32_t proposals_heard(void)
{
    return rig.fakes[1].got[MSG_PROPOSAL] + rig.fakes[2].got[MSG_PROPOSAL] +
           rig.fakes[3].got[MSG_PROPOSAL];
}

/* H5 clock: behind by more than a minute it proposes nothing, and goes on
 * signing; set right, it proposes. */
static void test_driver_clock_jumped_back_stops_proposals(void **state)
{
    const uint64_t h = before_its_turn();
    struct candidate next = rig.chain[h + 1].about;
    struct cert notarized;

    (void)state;
    start_ready();
    rig_announce(&rig, h);
    WAIT_FOR(rig_is_at(&rig, h));
    WAIT_FOR(clock_is_ready());
    *clock_shift_ms = -120000;
    WAIT_FOR(rig_logged(&rig, "more than a minute behind"));
    assert_false(clock_is_ready());
    give_work();
    WAIT_FOR(rig_status(&rig, "mempool_txs") == 1);
    rig_idle(&rig, 1500);
    assert_int_equal(proposals_heard(), 0);
    *clock_shift_ms = 0;
    WAIT_FOR(proposals_heard() > 0);
    WAIT_FOR(rig_logged(&rig, "the clock agrees with the others' again"));
    WAIT_FOR(clock_is_ready());
    /* While behind it signs what carries no time: FINALIZE. */
    *clock_shift_ms = -120000;
    WAIT_FOR(!clock_is_ready());
    next.parent_view = rig.chain[h].about.view;
    notarized = rig_cert(&rig, VOTE_NOTARIZE, &next);
    for (uint8_t i = 1; i < VALIDATORS; i++)
        fake_send_cert(&rig.fakes[i], &notarized);
    WAIT_FOR(hash_eq(&rig.finalized.about.block, &next.block));
    *clock_shift_ms = 0;
}

static void test_driver_clock_a_little_off_is_told(void **state)
{
    (void)state;
    *clock_shift_ms = 600;
    start_ready();
    WAIT_FOR(rig_logged(&rig, "clock differs from the others'"));
    assert_false(clock_is_ready());
    assert_false(rig_logged(&rig, "more than a minute"));
    *clock_shift_ms = 0;
    WAIT_FOR(clock_is_ready());
}

static int make(void **state)
{
    test_pid = getpid();
    clock_shift_ms = mmap(NULL,
                          sizeof *clock_shift_ms,
                          PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS,
                          -1,
                          0);
    assert_true(clock_shift_ms != MAP_FAILED);
    return rig_make(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
        TEST(test_driver_status_beyond_its_rate_is_dropped),
        TEST(test_driver_requests_beyond_their_rate_are_dropped),
        TEST(test_driver_the_same_proposal_again_and_again),
        TEST(test_driver_a_long_message_of_transactions_waits),
        TEST(test_driver_clock_jumped_back_stops_proposals),
        TEST(test_driver_clock_a_little_off_is_told),
#undef TEST
    };

    return cmocka_run_group_tests(tests, make, rig_unmake);
}
