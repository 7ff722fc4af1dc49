/* Freezes: entry, rank, queue, release. */
#include "tests/unit/ledger/encumbered.h"

/* W19.  R148: Shares that a freeze gives up go to the queues in rank order, in
 * the same transaction or due work.
 *
 * R146: A freeze is released and renewed by the authority that ordered it or
 * its superior. */
static void test_freeze_queue_and_promotion_follow_w19(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_freeze_release other = {.security = "100001",
                                      .number = 1,
                                      .authority = "COURT-B",
                                      .document = {{1}}};
    uint32_t events;

    (void)state;
    assert_int_equal(freeze(w, 6000, 0), V_OK);
    assert_int_equal(freeze(w, 7000, 0), V_OK);
    assert_int_equal(freeze(w, 2000, 0), V_OK);
    expect_freeze(w, 1, 6000, 0);
    expect_freeze(w, 2, 4000, 3000);
    expect_freeze(w, 3, 0, 2000);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    sound(w);
    events = w->event_count;
    assert_int_equal(unfreeze(w, 1, 2500, "COURT-A"), V_OK);
    assert_int_equal(w->event_count, events + 2);
    assert_int_equal(w->events[events].kind, EVENT_FREEZE_RELEASED);
    assert_int_equal(w->events[events].quantity, 3500);
    assert_int_equal(w->events[events + 1].kind, EVENT_FREEZE_CHANGED);
    assert_int_equal(w->events[events + 1].number, 2);
    assert_int_equal(w->events[events + 1].quantity, 6500);
    assert_int_equal(w->events[events + 1].second, 500);
    expect_freeze(w, 1, 3500, 0);
    expect_freeze(w, 2, 6500, 500);
    expect_freeze(w, 3, 0, 2000);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    sound(w);
    world_at(w, w->date);
    world_refused(w, OP_FREEZE_RELEASE, &other, V_FREEZE_AUTHORITY);
    assert_int_equal(unfreeze(w, 1, 0, "COURT-A"), V_OK);
    assert_int_equal(freeze_of(w, 1).status, FREEZE_RELEASED);
    expect_freeze(w, 2, 7000, 0);
    expect_freeze(w, 3, 2000, 0);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 1000);
    sound(w);
    assert_int_equal(unfreeze(w, 2, 0, "COURT-HIGH"), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 8000);
    expect_freeze(w, 3, 2000, 0);
    sound(w);
    world_free(w);
}

/* A queue waits for shares that are freed, not for those bought later. */
static void test_freeze_queue_does_not_take_later_purchases(void **state)
{
    struct world *w = with(5000, 3000, 0);
    const struct op_transfer op = {.security = "100001",
                                   .from = world_account(w, HOLDER_B),
                                   .to = world_account(w, HOLDER_A),
                                   .quantity = {1000},
                                   .selector = {NATURE_ANY, 0, 0},
                                   .price_fen = 1,
                                   .payment = {{1}},
                                   .document = {{1}}};

    (void)state;
    assert_int_equal(freeze(w, 5000, 0), V_OK);
    assert_int_equal(freeze(w, 5000, 0), V_OK);
    expect_freeze(w, 2, 0, 5000);
    done(w, OP_TRANSFER, &op);
    assert_int_equal(unfreeze(w, 1, 500, "COURT-A"), V_OK);
    expect_freeze(w, 1, 4500, 0);
    expect_freeze(w, 2, 500, 4500);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 1000);
    sound(w);
    world_free(w);
}

/* W21.  R141: Freezes rank by the time of their publication, if not published
 * by that of service, and among equals by number. */
static void test_freeze_rank_is_publicity_follows_w21(void **state)
{
    struct world *w = with(5000, 0, 0);

    (void)state;
    assert_int_equal(freeze(w, 4000, 2000), V_OK);
    expect_freeze(w, 1, 4000, 0);
    assert_int_equal(freeze(w, 3000, 999), V_OK);
    expect_freeze(w, 2, 3000, 0);
    expect_freeze(w, 1, 2000, 2000);
    assert_int_equal(w->events[w->event_count - 1].kind, EVENT_FREEZE_CHANGED);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    sound(w);
    assert_int_equal(freeze(w, 1000, 0), V_OK); /* served at 1,000: between */
    expect_freeze(w, 2, 3000, 0);
    expect_freeze(w, 3, 1000, 0);
    expect_freeze(w, 1, 1000, 3000);
    assert_int_equal(freeze(w, 1000, 999),
                     V_OK); /* published with the second */
    expect_freeze(w, 2, 3000, 0);
    expect_freeze(w, 4, 1000, 0);
    expect_freeze(w, 3, 1000, 0);
    expect_freeze(w, 1, 0, 4000);
    sound(w);
    world_free(w);
}

/* W23.  R143: What an order asks for beyond the shares it takes waits in a
 * queue for those that other freezes hold; what is not there at all stays
 * unfulfilled and is told.
 *
 * R144: A freeze that has nothing effective and nothing queued left has ended;
 * one that finds nothing ends at once. */
static void test_freeze_beyond_the_position_is_unfulfilled(void **state)
{
    struct world *w = with(2000, 3000, 0);
    struct op_freeze_create op = freeze_op(w, INT64_MAX);

    (void)state;
    assert_int_equal(freeze(w, 5000, 0), V_OK);
    expect_freeze(w, 1, 2000, 0);
    assert_int_equal(freeze_of(w, 1).unfulfilled.shares, 3000);
    sound(w);
    op.account = world_account(w, HOLDER_C); /* holds nothing */
    world_at(w, w->date);
    done(w, OP_FREEZE_CREATE, &op);
    assert_int_equal(freeze_of(w, 2).unfulfilled.shares, INT64_MAX);
    assert_int_equal(freeze_of(w, 2).status, FREEZE_LAPSED);
    assert_int_equal(security_now(w).freezes_open, 1);
    assert_int_equal(w->events[w->event_count - 1].quantity, 0);
    op.account = world_account(w, HOLDER_B);
    done(w, OP_FREEZE_CREATE, &op);
    expect_freeze(w, 3, 3000, 0);
    world_free(w);
}

/* R142: A freeze takes free shares first, then those under T+n, locked ones,
 * and pledged ones beginning with the latest pledge; then it displaces lower
 * ranks, worst first. */
static void test_freeze_takes_shares_in_order(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {500, 0, 0};
    struct holding_row h;

    (void)state;
    world_security(w, S, 5, 200);
    world_register(w, S, q);
    h = *world_holding(w, S, HOLDER_A);
    h.segment_count = 3;
    h.segments[0] = (struct segment){
        .quantity = {100}, .nature = 1, .lock_until = TODAY + 9};
    h.segments[1] = (struct segment){
        .quantity = {100}, .nature = 2, .trade_day = TODAY - 1};
    h.segments[2] = (struct segment){.quantity = {300}, .nature = 3};
    put_holding(w, HOLDER_A, &h);
    assert_int_equal(pledge(w, 100), V_OK);
    assert_int_equal(pledge(w, 100), V_OK);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(freeze(w, 100, 1000 + i), V_OK);
    h = *world_holding(w, S, HOLDER_A);
    assert_int_equal(h.segment_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        const struct segment *s = &h.segments[i];

        assert_int_equal(s->freeze,
                         s->pledge_count > 0  ? 6 - s->pledges[0].number
                         : s->lock_until != 0 ? 3
                         : s->trade_day != 0  ? 2
                                              : 1);
    }
    assert_int_equal(freeze(w, 150, 1000), V_OK); /* the best rank */
    expect_freeze(w, 6, 150, 0);
    expect_freeze(w, 5, 0, 100);
    expect_freeze(w, 4, 50, 50);
    expect_freeze(w, 3, 100, 0);
    sound(w);
    world_free(w);
}

static void test_freeze_reaches_over_a_pledge(void **state)
{
    struct world *w = with(10000, 0, 0);
    const struct op_pledge_release full = {.security = "100001", .number = 1};

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    assert_int_equal(freeze(w, 7000, 0), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    assert_int_equal(world_totals(w, S, HOLDER_A).pledged, 4000);
    assert_int_equal(world_totals(w, S, HOLDER_A).frozen, 7000);
    done(w, OP_PLEDGE_RELEASE, &full);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 3000);
    world_free(w);
}

/* W24.  R139: A freeze lasts three years at most from its first day, and its
 * last day has not passed when it is entered. */
static void test_freeze_term_at_its_borders(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 10);
    uint32_t last = 0;
    uint32_t leap = 0;

    (void)state;
    assert_true(num_days_of_date(&last, 2029, 3, 2));
    assert_true(num_days_of_date(&leap, 2024, 2, 29));
    world_at(w, w->date);
    op.to = last + 1;
    world_refused(w, OP_FREEZE_CREATE, &op, V_FREEZE_TERM);
    op.to = TODAY - 1;
    op.from = TODAY - 1;
    world_refused(w, OP_FREEZE_CREATE, &op, V_FREEZE_TERM);
    op.to = 0;
    world_refused(w, OP_FREEZE_CREATE, &op, V_FREEZE_TERM);
    op.from = leap;
    assert_true(num_days_of_date(&op.to, 2027, 3, 1));
    world_refused(w, OP_FREEZE_CREATE, &op, V_FREEZE_TERM);
    op.to--; /* 28 February stands for the 29th */
    done(w, OP_FREEZE_CREATE, &op);
    op.from = TODAY;
    op.to = last;
    done(w, OP_FREEZE_CREATE, &op);
    op.to = TODAY; /* its only day is today */
    done(w, OP_FREEZE_CREATE, &op);
    world_free(w);
}

/* R138: An order has been served, is not published in the future, and its first
 * day has come. */
static void test_freeze_dates_at_their_borders(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 10);

    (void)state;
    world_at(w, w->date);
    op.service_ms = 0;
    world_refused(w, OP_FREEZE_CREATE, &op, V_DATE);
    op.service_ms = w->block.time_ms + 1;
    world_refused(w, OP_FREEZE_CREATE, &op, V_DATE);
    op.service_ms = UINT64_MAX;
    world_refused(w, OP_FREEZE_CREATE, &op, V_DATE);
    op.service_ms = w->block.time_ms;
    op.publicity_ms = w->block.time_ms + 1;
    world_refused(w, OP_FREEZE_CREATE, &op, V_DATE);
    op.publicity_ms = w->block.time_ms;
    op.from = TODAY + 1;
    world_refused(w, OP_FREEZE_CREATE, &op, V_DATE);
    op.from = TODAY;
    op.quantity.shares = 0;
    world_refused(w, OP_FREEZE_CREATE, &op, V_QUANTITY);
    op.quantity.shares = (uint64_t)INT64_MAX + 1;
    world_refused(w, OP_FREEZE_CREATE, &op, V_QUANTITY);
    op.quantity.shares = 1;
    done(w, OP_FREEZE_CREATE, &op);
    world_free(w);
}

/* R140: Freezes are entered, released and renewed while a security is suspended
 * or its register is closed. */
static void test_freeze_targets_and_states(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 10);
    struct op_freeze_release off = {.security = "100001",
                                    .number = 2,
                                    .authority = "COURT-A",
                                    .document = {{1}}};
    struct op_freeze_renew on = {.security = "100001",
                                 .number = 2,
                                 .authority = "COURT-A",
                                 .to = TODAY + 200,
                                 .document = {{1}}};

    (void)state;
    world_at(w, w->date);
    op.account = (struct hash){{9}};
    world_refused(w, OP_FREEZE_CREATE, &op, V_UNKNOWN);
    op = freeze_op(w, 10);
    op.authority[6] = 'Z';
    world_refused(w, OP_FREEZE_CREATE, &op, V_UNKNOWN);
    op = freeze_op(w, 10);
    op.security[0] = '9';
    world_refused(w, OP_FREEZE_CREATE, &op, V_UNKNOWN);
    op = freeze_op(w, 10);
    w->skip_checker = true;
    world_refused(w, OP_FREEZE_CREATE, &op, V_SIG_MISSING);
    w->skip_checker = false;
    set_status(w, SECURITY_DRAFT);
    world_refused(w, OP_FREEZE_CREATE, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_SUSPENDED);
    set_account_status(w, HOLDER_A, ACCOUNT_FROZEN);
    done(w, OP_FREEZE_CREATE, &op);
    world_refused(w, OP_FREEZE_RELEASE, &off, V_UNKNOWN);
    world_refused(w, OP_FREEZE_RENEW, &on, V_UNKNOWN);
    off.number = 1;
    on.number = 1;
    off.authority[6] = 'Z';
    on.authority[6] = 'Z';
    world_refused(w, OP_FREEZE_RELEASE, &off, V_UNKNOWN);
    world_refused(w, OP_FREEZE_RENEW, &on, V_UNKNOWN);
    off.authority[6] = 'A';
    on.authority[6] = 'B';
    world_refused(w, OP_FREEZE_RENEW, &on, V_FREEZE_AUTHORITY);
    on.authority[6] = 'A';
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_FREEZE_RELEASE, &off, V_SECURITY_STATE);
    world_refused(w, OP_FREEZE_RENEW, &on, V_SECURITY_STATE);
    world_refused(w, OP_FREEZE_CREATE, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_FREEZE_RELEASE, &off, V_WITHDRAWN);
    world_refused(w, OP_FREEZE_RENEW, &on, V_WITHDRAWN);
    world_refused(w, OP_FREEZE_CREATE, &op, V_WITHDRAWN);
    set_status(w, SECURITY_SUSPENDED);
    done(w, OP_FREEZE_RENEW, &on);
    done(w, OP_FREEZE_RELEASE, &off);
    world_refused(w, OP_FREEZE_RELEASE, &off, V_FREEZE_LAPSED);
    on.to++;
    world_refused(w, OP_FREEZE_RENEW, &on, V_FREEZE_LAPSED);
    world_free(w);
}

/* R147: A release takes from the queue first, then from what is effective. */
static void test_freeze_release_takes_the_queue_first(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_freeze_release op = {.security = "100001",
                                   .number = 2,
                                   .authority = "COURT-A",
                                   .quantity = {901},
                                   .document = {{1}}};

    (void)state;
    assert_int_equal(freeze(w, 600, 0), V_OK);
    assert_int_equal(freeze(w, 900, 0), V_OK);
    expect_freeze(w, 2, 400, 500);
    world_at(w, w->date);
    world_refused(w, OP_FREEZE_RELEASE, &op, V_QUANTITY);
    op.quantity.shares = INT64_MAX;
    world_refused(w, OP_FREEZE_RELEASE, &op, V_QUANTITY);
    op.quantity.shares = 499;
    done(w, OP_FREEZE_RELEASE, &op);
    expect_freeze(w, 2, 400, 1);
    op.quantity.shares = 2;
    done(w, OP_FREEZE_RELEASE, &op);
    expect_freeze(w, 2, 399, 0);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 1);
    op.quantity.shares = 399;
    done(w, OP_FREEZE_RELEASE, &op);
    assert_int_equal(freeze_of(w, 2).status, FREEZE_RELEASED);
    assert_int_equal(freeze_of(w, 2).released.shares, 900);
    world_free(w);
}

static void test_freeze_court_reports_are_counted(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 10);
    const struct op_freeze_release off = {.security = "100001",
                                          .number = 1,
                                          .authority = "COURT-HIGH",
                                          .document = {{1}}};

    (void)state;
    op.court_report = true;
    world_at(w, w->date);
    done(w, OP_FREEZE_CREATE, &op);
    assert_int_equal(security_now(w).court_reports, 1);
    done(w, OP_FREEZE_RELEASE, &off);
    assert_int_equal(security_now(w).court_reports, 0);
    world_free(w);
}

static void test_freeze_beyond_64_on_a_holding_is_refused(void **state)
{
    struct world *w = with(1000, 0, 0);
    const struct op_freeze_create op = freeze_op(w, 1);

    (void)state;
    for (uint32_t i = 0; i < HOLDING_FREEZES_MAX; i++)
        assert_int_equal(freeze(w, 10, 0), V_OK);
    sound(w);
    world_at(w, w->date);
    world_refused(w, OP_FREEZE_CREATE, &op, V_LIMIT);
    world_free(w);
}

static void test_freeze_in_too_many_segments_is_refused(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 900);
    struct op_freeze_release off = {.security = "100001",
                                    .number = 1,
                                    .authority = "COURT-A",
                                    .quantity = {900},
                                    .document = {{1}}};

    (void)state;
    shatter(w, HOLDER_A, SEGMENTS_MAX);
    world_at(w, w->date);
    world_refused(w, OP_FREEZE_CREATE, &op, V_LIMIT);
    op.quantity.shares = 1000;
    done(w, OP_FREEZE_CREATE, &op);
    world_refused(w, OP_FREEZE_RELEASE, &off, V_LIMIT);
    off.quantity.shares = 0;
    done(w, OP_FREEZE_RELEASE, &off);
    world_free(w);
}

/* The sum of all queues is a total of the security: it must fit as well. */
static void test_freeze_queues_beyond_a_total_are_refused(void **state)
{
    const uint64_t most = ((uint64_t)1 << 62) - 1;
    struct world *w = with(most, 0, 0);
    const struct op_freeze_create op = freeze_op(w, INT64_MAX);

    (void)state;
    assert_int_equal(freeze(w, most, 0), V_OK);
    assert_int_equal(freeze(w, most, 0), V_OK);
    assert_int_equal(freeze(w, INT64_MAX, 0), V_OK);
    sound(w);
    assert_int_equal(security_now(w).queued.shares, 2 * most);
    world_at(w, w->date);
    world_refused(w, OP_FREEZE_CREATE, &op, V_LIMIT);
    assert_int_equal(freeze(w, 1, 0), V_OK);
    assert_int_equal(security_now(w).queued.shares, INT64_MAX);
    assert_int_equal(freeze(w, 1, 0), V_LIMIT);
    assert_int_equal(freeze(w, 1, 999), V_LIMIT); /* displaces into a queue */
    sound(w);
    world_free(w);
}

/* R137: A freeze, its release and its renewal each cite the order. */
static void test_freeze_without_an_order_is_refused(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 10);
    const struct op_freeze_release off = {
        .security = "100001", .number = 1, .authority = "COURT-A"};
    const struct op_freeze_renew on = {.security = "100001",
                                       .number = 1,
                                       .authority = "COURT-A",
                                       .to = TODAY + 200};

    (void)state;
    world_at(w, w->date);
    done(w, OP_FREEZE_CREATE, &op);
    memset(&op.document, 0, sizeof op.document);
    world_refused(w, OP_FREEZE_CREATE, &op, V_SIG_MISSING);
    world_refused(w, OP_FREEZE_RELEASE, &off, V_SIG_MISSING);
    world_refused(w, OP_FREEZE_RENEW, &on, V_SIG_MISSING);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_freeze_queue_and_promotion_follow_w19),
        cmocka_unit_test(test_freeze_queue_does_not_take_later_purchases),
        cmocka_unit_test(test_freeze_rank_is_publicity_follows_w21),
        cmocka_unit_test(test_freeze_beyond_the_position_is_unfulfilled),
        cmocka_unit_test(test_freeze_takes_shares_in_order),
        cmocka_unit_test(test_freeze_reaches_over_a_pledge),
        cmocka_unit_test(test_freeze_term_at_its_borders),
        cmocka_unit_test(test_freeze_dates_at_their_borders),
        cmocka_unit_test(test_freeze_targets_and_states),
        cmocka_unit_test(test_freeze_release_takes_the_queue_first),
        cmocka_unit_test(test_freeze_court_reports_are_counted),
        cmocka_unit_test(test_freeze_beyond_64_on_a_holding_is_refused),
        cmocka_unit_test(test_freeze_in_too_many_segments_is_refused),
        cmocka_unit_test(test_freeze_queues_beyond_a_total_are_refused),
        cmocka_unit_test(test_freeze_without_an_order_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
