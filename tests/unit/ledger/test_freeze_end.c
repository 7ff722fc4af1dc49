/* Freezes: renewal, lapse, and what a change of the holding does to them. */
#include "tests/unit/ledger/encumbered.h"

/* The due work for one freeze once more. */
static void lapse(struct world *w, uint64_t number)
{
    struct exec x = {.b = &w->block, .op_index = UINT32_MAX};

    due_freeze(&x, S, number);
    sound(w);
}

/* W24.  R149: A freeze is renewed before it has ended, to a later last day at
 * most three years from the day of the entry, and keeps its rank. */
static void test_freeze_renewal_follows_w24(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 4000);
    struct op_freeze_renew renew = {.security = "100001",
                                    .number = 1,
                                    .authority = "COURT-A",
                                    .document = {{6}}};
    uint32_t end = 0;
    uint32_t late = 0;

    (void)state;
    assert_true(num_days_of_date(&end, 2029, 3, 2));
    assert_true(num_days_of_date(&late, 2032, 3, 1));
    op.to = end;
    world_at(w, w->date);
    done(w, OP_FREEZE_CREATE, &op);
    world_at(w, end - 1); /* 2029-03-01 */
    renew.to = late + 1;
    world_refused(w, OP_FREEZE_RENEW, &renew, V_FREEZE_TERM);
    renew.to = end;
    world_refused(w, OP_FREEZE_RENEW, &renew, V_FREEZE_TERM);
    renew.to = late;
    done(w, OP_FREEZE_RENEW, &renew);
    assert_int_equal(freeze_of(w, 1).to, late);
    assert_int_equal(world_holding(w, S, HOLDER_A)->freezes[0].rank_ms, 1000);
    assert_int_equal(w->events[w->event_count - 1].kind, EVENT_FREEZE_RENEWED);
    world_at(w, end + 1); /* the old end means nothing any more */
    expect_freeze(w, 1, 4000, 0);
    world_at(w, late); /* the last day still counts */
    lapse(w, 1);
    expect_freeze(w, 1, 4000, 0);
    renew.to = late + 1;
    world_at(w, late);
    done(w, OP_FREEZE_RENEW, &renew);
    world_free(w);
}

/* W24.  R150: A freeze that is not renewed lapses in the first block dated
 * after its last day. */
static void test_freeze_lapses_on_the_day_after(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 7000);
    struct op_freeze_renew renew = {.security = "100001",
                                    .number = 1,
                                    .authority = "COURT-A",
                                    .document = {{1}}};
    uint32_t events;

    (void)state;
    op.court_report = true;
    op.to = TODAY + 10;
    world_at(w, w->date);
    done(w, OP_FREEZE_CREATE, &op);
    assert_int_equal(freeze(w, 6000, 0), V_OK);
    assert_int_equal(freeze(w, 1500, 0), V_OK);
    expect_freeze(w, 2, 3000, 3000);
    world_at(w, TODAY + 10); /* its last day */
    expect_freeze(w, 1, 7000, 0);
    events = w->event_count;
    world_at(w, TODAY + 11);
    sound(w);
    assert_int_equal(w->event_count, events + 3);
    assert_int_equal(w->events[events].kind, EVENT_FREEZE_LAPSED);
    assert_int_equal(w->events[events].tx_index, EVENT_NO_TX);
    assert_int_equal(w->events[events].number, 1);
    assert_int_equal(w->events[events + 1].kind, EVENT_FREEZE_CHANGED);
    assert_int_equal(w->events[events + 1].number, 2);
    assert_int_equal(w->events[events + 2].number, 3);
    assert_int_equal(freeze_of(w, 1).status, FREEZE_LAPSED);
    assert_int_equal(freeze_of(w, 1).lapsed.shares, 7000);
    expect_freeze(w, 1, 0, 0);
    expect_freeze(w, 2, 6000, 0);
    expect_freeze(w, 3, 1500, 0);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 2500);
    assert_int_equal(security_now(w).court_reports, 0);
    renew.to = TODAY + 100;
    world_refused(w, OP_FREEZE_RENEW, &renew, V_FREEZE_LAPSED);
    renew.to = TODAY; /* and no later day: the lower number */
    world_refused(w, OP_FREEZE_RENEW, &renew, V_FREEZE_TERM);
    events = w->event_count;
    lapse(w, 1); /* nothing more to do */
    assert_int_equal(w->event_count, events);
    world_free(w);
}

/* A purely queued freeze lapses too, and a released part stays released. */
static void test_freeze_lapses_with_what_is_left(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 900);

    (void)state;
    assert_int_equal(freeze(w, 1000, 0), V_OK);
    op.to = TODAY;
    done(w, OP_FREEZE_CREATE, &op);
    assert_int_equal(unfreeze(w, 2, 200, "COURT-A"), V_OK);
    world_at(w, TODAY + 1);
    sound(w);
    assert_int_equal(freeze_of(w, 2).lapsed.shares, 700);
    assert_int_equal(freeze_of(w, 2).released.shares, 200);
    expect_freeze(w, 1, 1000, 0);
    world_free(w);
}

/* A number that is not there, or whose security was withdrawn, is passed over.
 */
static void test_freeze_lapse_passes_over_what_is_gone(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 900);
    struct exec x = {.b = &w->block, .op_index = UINT32_MAX};

    (void)state;
    op.to = TODAY;
    world_at(w, w->date);
    done(w, OP_FREEZE_CREATE, &op);
    set_status(w, SECURITY_WITHDRAWN);
    world_at(w, TODAY + 1);
    lapse(w, 1);
    lapse(w, 2);
    due_freeze(&x, "999999", 1);
    expect_freeze(w, 1, 900, 0);
    world_free(w);
}

/* The queue cannot move up for want of segments: nothing is lost. */
static void test_freeze_lapse_that_does_not_fit_waits(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_freeze_create op = freeze_op(w, 1000);

    (void)state;
    shatter(w, HOLDER_A, SEGMENTS_MAX);
    op.to = TODAY;
    world_at(w, w->date);
    done(w, OP_FREEZE_CREATE, &op);
    assert_int_equal(freeze(w, 900, 0), V_OK);
    world_at(w, TODAY + 1);
    sound(w);
    expect_freeze(w, 1, 1000, 0);
    expect_freeze(w, 2, 0, 900);
    shatter(w, HOLDER_A, 1); /* merged by other events */
    {
        struct holding_row h = *world_holding(w, S, HOLDER_A);

        h.segments[0].freeze = 1;
        put_holding(w, HOLDER_A, &h);
    }
    world_at(w, TODAY + 2);
    sound(w);
    assert_int_equal(freeze_of(w, 1).status, FREEZE_LAPSED);
    expect_freeze(w, 2, 900, 0);
    world_free(w);
}

/* Takes q shares under freeze `number` away, as a court's transfer does. */
static void take_away(struct world *w, uint64_t q, uint64_t number)
{
    static struct segment taken[SEGMENTS_MAX];
    const struct selector sel = {NATURE_ANY, 0, number};
    const struct position_day day = {.date = w->date};
    struct exec x = {.b = &w->block, .op_index = UINT32_MAX};
    struct security_row s = security_now(w);
    const struct hash id = world_account(w, HOLDER_A);
    struct freeze_row f = freeze_of(w, number);
    struct event e = {
        .kind = EVENT_FREEZE_EXECUTED, .account = id, .number = number};
    struct side a;
    uint32_t count;
    uint64_t have;

    assert_true(side_get(&x, &a, &s, &id));
    assert_int_equal(
        position_take(&a.h, taken, &count, &have, q, &sel, &day, TAKE_ORDERED),
        V_OK);
    position_leave(&a.h, q, number);
    side_count(&a, &s);
    f.effective.shares -= q;
    f.executed.shares += q;
    s.frozen.shares -= q;
    if (f.effective.shares + f.queued.shares == 0) {
        f.status = FREEZE_EXECUTED;
        s.freezes_open--;
    }
    exec_emit(&x, &e);
    exec_put_freeze(&x, &f, S);
    side_put(&x, &a, &s);
    freeze_settle(&x, &s, &a.h, &a.id, number);
    exec_put_security(&x, &s);
    sound(w);
}

/* R151: A queue that has no shares left to wait for lapses by what is missing.
 */
static void test_freeze_queue_lapses_with_the_shares(void **state)
{
    struct world *w = with(10000, 0, 0);
    uint32_t events;

    (void)state;
    assert_int_equal(freeze(w, 6000, 0), V_OK);
    assert_int_equal(freeze(w, 9000, 0), V_OK);
    assert_int_equal(freeze(w, 8000, 0), V_OK);
    expect_freeze(w, 2, 4000, 5000);
    expect_freeze(w, 3, 0, 8000);
    take_away(w, 3500, 1); /* 6,500 are left */
    expect_freeze(w, 1, 2500, 0);
    expect_freeze(w, 2, 4000, 2500);
    expect_freeze(w, 3, 0, 6500);
    assert_int_equal(freeze_of(w, 2).lapsed.shares, 2500);
    assert_int_equal(freeze_of(w, 3).lapsed.shares, 1500);
    take_away(w, 2500, 1);
    assert_int_equal(freeze_of(w, 1).status, FREEZE_EXECUTED);
    expect_freeze(w, 2, 4000, 0);
    expect_freeze(w, 3, 0, 4000);
    events = w->event_count;
    take_away(w, 4000, 2); /* nothing is left for the third */
    assert_int_equal(w->events[events + 1].kind, EVENT_FREEZE_LAPSED);
    assert_int_equal(w->events[events + 1].number, 3);
    assert_int_equal(freeze_of(w, 3).status, FREEZE_LAPSED);
    assert_int_equal(freeze_of(w, 3).lapsed.shares, 8000);
    assert_int_equal(security_now(w).freezes_open, 0);
    assert_int_equal(security_now(w).queued.shares, 0);
    assert_int_equal(world_holding(w, S, HOLDER_A)->freeze_count, 0);
    world_free(w);
}

/* R152: A security's totals count each share under an effective freeze as
 * frozen and each queue in full. */
static void test_freeze_totals_of_the_security(void **state)
{
    struct world *w = with(1000, 700, 0);
    struct op_freeze_create op = freeze_op(w, 500);

    (void)state;
    assert_int_equal(freeze(w, 800, 0), V_OK);
    assert_int_equal(freeze(w, 900, 0), V_OK);
    assert_int_equal(freeze(w, 900, 0), V_OK);
    op.account = world_account(w, HOLDER_B);
    done(w, OP_FREEZE_CREATE, &op);
    assert_int_equal(security_now(w).frozen.shares, 1500);
    assert_int_equal(security_now(w).queued.shares, 700 + 900);
    assert_int_equal(security_now(w).freezes_open, 4);
    world_free(w);
}

/* Entries come in by rank, then by number, whatever the order of arrival. */
static void test_position_arrive_keeps_the_ranks(void **state)
{
    struct holding_row *h = calloc(1, sizeof *h);

    (void)state;
    ASSERT(h != NULL);
    assert_true(position_arrive(h, 7, 50, 1));
    assert_true(position_arrive(h, 3, 50, 1));
    assert_true(position_arrive(h, 9, 40, 1));
    assert_true(position_arrive(h, 5, 50, 1));
    assert_int_equal(h->freezes[0].number, 9);
    assert_int_equal(h->freezes[1].number, 3);
    assert_int_equal(h->freezes[2].number, 5);
    assert_int_equal(h->freezes[3].number, 7);
    while (h->freeze_count < HOLDING_FREEZES_MAX)
        assert_true(position_arrive(h, 100 + h->freeze_count, 60, 1));
    assert_false(position_arrive(h, 1, 1, 1));
    free(h);
}

static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % below;
}

/* One operation of any kind on rights, sensible or not. */
static void anything(struct world *w, uint64_t *seed)
{
    const struct security_row s = security_now(w);
    const uint64_t q = draw(seed, 400);
    const uint64_t number = 1 + draw(seed, s.pledge_count + 1);
    const uint64_t order = 1 + draw(seed, s.freeze_count + 1);
    struct op_pledge_create create = pledge_op(w, q);
    struct op_pledge_create_ranked ranked = {
        .security = "100001",
        .prior_count = 2,
        .priors = {{number}, {number + 1 + draw(seed, 3)}},
        .pledgor = create.pledgor,
        .pledgee = world_account(w, HOLDER_C),
        .quantity = {q},
        .constitutive_register = REGISTER_THIS};
    const struct op_pledge_release_part part = {.security = "100001",
                                                .number = number,
                                                .pledgor = create.pledgor,
                                                .quantity = {q}};
    const struct op_pledge_release full = {.security = "100001",
                                           .number = number};
    struct op_freeze_create order_op = freeze_op(w, q / 3);
    const uint64_t days = draw(seed, 20);

    if (draw(seed, 2) == 0)
        ranked.prior_count = 1;
    order_op.to = w->date + (uint32_t)days;
    switch (draw(seed, 8)) {
    case 0:
    case 1:
        (void)world_do(w, OP_PLEDGE_CREATE, &create);
        return;
    case 2:
        (void)world_do(w, OP_PLEDGE_CREATE_RANKED, &ranked);
        return;
    case 3:
        (void)world_do(w, OP_PLEDGE_RELEASE_PART, &part);
        return;
    case 4:
        (void)world_do(w, OP_PLEDGE_RELEASE, &full);
        return;
    case 5:
    case 6:
        order_op.publicity_ms = draw(seed, 2) * draw(seed, 5000);
        world_at(w, w->date);
        (void)world_do(w, OP_FREEZE_CREATE, &order_op);
        return;
    default:
        (void)unfreeze(w, order, draw(seed, 2) * q, "COURT-A");
        return;
    }
}

/* R145: Every share that an order asked for is effective, queued, released,
 * lapsed, executed or unfulfilled, at all times.
 *
 * R128: A security's total of pledged shares counts each share once, however
 * many pledges it carries. */
static void test_rights_stay_sound_whatever_happens(void **state)
{
    struct world *w = with(2000, 0, 0);
    uint64_t seed = 7;
    uint64_t ended = 0;

    (void)state;
    set_features(w, FEATURE_REPEAT_PLEDGE);
    for (uint32_t i = 0; i < 1500; i++) {
        anything(w, &seed);
        sound(w);
        if (i % 5 == 4)
            world_at(w, w->date + 3);
    }
    for (uint64_t k = 1; k <= security_now(w).freeze_count; k++)
        ended += freeze_of(w, k).lapsed.shares > 0 ? 1 : 0;
    assert_true(ended > 20);
    assert_true(security_now(w).pledge_count > 30);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_freeze_renewal_follows_w24),
        cmocka_unit_test(test_freeze_lapses_on_the_day_after),
        cmocka_unit_test(test_freeze_lapses_with_what_is_left),
        cmocka_unit_test(test_freeze_lapse_passes_over_what_is_gone),
        cmocka_unit_test(test_freeze_lapse_that_does_not_fit_waits),
        cmocka_unit_test(test_freeze_queue_lapses_with_the_shares),
        cmocka_unit_test(test_freeze_totals_of_the_security),
        cmocka_unit_test(test_position_arrive_keeps_the_ranks),
        cmocka_unit_test(test_rights_stay_sound_whatever_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
