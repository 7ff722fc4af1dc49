/* Creating pledges, alone and behind others. */
#include "tests/unit/ledger/encumbered.h"

/* R106: The entry in the register creates the pledge, with a number of its own
 * for ever. */
static void test_pledge_create_enters_the_right(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create op = pledge_op(w, 6000);
    struct pledge_row p;

    (void)state;
    op.term_end = TODAY;
    op.covers_fruits = true;
    done(w, OP_PLEDGE_CREATE, &op);
    p = pledge_of(w, 1);
    assert_int_equal(p.status, PLEDGE_ACTIVE);
    assert_int_equal(p.original.shares, 6000);
    assert_int_equal(p.registered_day, TODAY);
    assert_int_equal(p.secured_fen, 100);
    assert_true(p.covers_fruits);
    assert_int_equal(w->events[w->event_count - 1].kind, EVENT_PLEDGED);
    assert_int_equal(w->events[w->event_count - 1].number, 1);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 4000);
    op.quantity.shares = 1;
    done(w, OP_PLEDGE_CREATE, &op);
    assert_int_equal(pledge_of(w, 2).outstanding.shares, 1);
    assert_int_equal(account_of(w, BANK).rights, 2);
    world_free(w);
}

/* W15.  R114: Shares under a pledge are not pledged once more but behind it, by
 * the operation that names the pledges before. */
static void test_pledge_refusals_follow_w15(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create op;

    (void)state;
    assert_int_equal(freeze(w, 1000, 0), V_OK);
    assert_int_equal(pledge(w, 4000), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 5000);
    op = pledge_op(w, 5001);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_AVAILABLE);
    assert_int_equal(w->why.have, 5000);
    assert_int_equal(w->why.need, 5001);
    op.quantity.shares = INT64_MAX;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_AVAILABLE);
    op = pledge_op(w, 1000);
    op.selector.freeze = 1;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_FROZEN);
    op = pledge_op(w, 4000);
    op.selector.pledge = 1;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_PLEDGE_REPEAT);
    op = pledge_op(w, 5000);
    w->skip_account[BANK] = true;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_SIG_MISSING);
    w->skip_account[BANK] = false;
    w->skip_account[HOLDER_A] = true;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_SIG_MISSING);
    w->skip_account[HOLDER_A] = false;
    done(w, OP_PLEDGE_CREATE, &op);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    world_free(w);
}

/* R107: An issuer cannot take its own shares in pledge, nor through another
 * account of the same company. */
static void test_pledge_to_the_issuer_is_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create op = pledge_op(w, 100);
    struct account_row bank = account_of(w, BANK);

    (void)state;
    op.pledgee = world_account(w, ISSUER);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_PLEDGE_OWN_SHARES);
    op.pledgee = world_account(w, BANK);
    bank.subject_tag = account_of(w, ISSUER).subject_tag;
    put_account(w, BANK, &bank);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_PLEDGE_OWN_SHARES);
    world_free(w);
}

/* R108: Pledgor and pledgee have active accounts when a pledge is created.
 *
 * R109: Shares whose title is not confirmed cannot be pledged.
 *
 * R110: Nobody takes shares of the own account in pledge. */
static void test_pledge_parties_that_may_not_are_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create op = pledge_op(w, 100);
    struct account_row a = account_of(w, HOLDER_A);

    (void)state;
    op.pledgee = world_account(w, HOLDER_A);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_SELF);
    op.pledgee = (struct hash){{9}};
    world_refused(w, OP_PLEDGE_CREATE, &op, V_UNKNOWN);
    op = pledge_op(w, 100);
    op.pledgor = (struct hash){{9}};
    world_refused(w, OP_PLEDGE_CREATE, &op, V_UNKNOWN);
    op = pledge_op(w, 100);
    op.security[0] = '9';
    world_refused(w, OP_PLEDGE_CREATE, &op, V_UNKNOWN);
    op = pledge_op(w, 100);
    set_account_status(w, HOLDER_A, ACCOUNT_FROZEN);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_ACCOUNT_STATE);
    set_account_status(w, HOLDER_A, ACCOUNT_CLOSED);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_ACCOUNT_STATE);
    set_account_status(w, HOLDER_A, ACCOUNT_ACTIVE);
    set_account_status(w, BANK, ACCOUNT_FROZEN);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_ACCOUNT_STATE);
    set_account_status(w, BANK, ACCOUNT_ACTIVE);
    a.kind = ACCOUNT_UNCONFIRMED;
    put_account(w, HOLDER_A, &a);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_ACCOUNT_UNCONFIRMED);
    world_free(w);
}

/* R111: Pledges are created, released and amended while a security is suspended
 * or its register is closed, for no holder changes. */
static void test_pledge_states_of_the_security(void **state)
{
    struct world *w = with(10000, 0, 0);
    const struct op_pledge_create op = pledge_op(w, 100);
    const struct op_pledge_release full = {.security = "100001", .number = 1};
    struct security_row s;

    (void)state;
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_DRAFT);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_WITHDRAWN);
    set_status(w, SECURITY_SUSPENDED);
    done(w, OP_PLEDGE_CREATE, &op);
    done(w, OP_PLEDGE_RELEASE, &full);
    set_status(w, SECURITY_LISTED);
    s = security_now(w);
    s.closure_count = 1;
    s.closures[0] =
        (struct closure){CLOSURE_DIVIDEND, TODAY + 1, TODAY - 4, TODAY + 1};
    put_security(w, &s);
    done(w, OP_PLEDGE_CREATE, &op);
    world_free(w);
}

/* R112: The term of a secured debt that is entered does not end before the day
 * of the entry. */
static void test_pledge_terms_at_their_borders(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create op = pledge_op(w, 100);

    (void)state;
    op.term_end = TODAY - 1;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_DATE);
    op.quantity.shares = 0; /* of two rules broken the lower number */
    world_refused(w, OP_PLEDGE_CREATE, &op, V_DATE);
    op.term_end = 0;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_QUANTITY);
    op.quantity.shares = (uint64_t)INT64_MAX + 1;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_QUANTITY);
    op.quantity.shares = 10001;
    op.secured_fen = -1;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_QUANTITY);
    op.secured_fen = 0;
    world_refused(w, OP_PLEDGE_CREATE, &op, V_AVAILABLE);
    op.quantity.shares = 10000;
    op.term_end = TODAY;
    done(w, OP_PLEDGE_CREATE, &op);
    world_free(w);
}

/* R113: A pledge takes available shares first, then those under T+n, then
 * locked ones; frozen shares are never pledged. */
static void test_pledge_takes_shares_in_order(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {1000, 0, 0};
    const struct hash a = world_account(w, HOLDER_A);
    struct op_pledge_create op = pledge_op(w, 150);
    struct holding_row h;

    (void)state;
    world_security(w, S, 5, 200);
    world_register(w, S, q);
    exec_holding(&w->view, &h, S, &a, ACCOUNT_ORDINARY);
    h.segment_count = 4;
    h.segments[0] = (struct segment){.quantity = {100}, .nature = 1};
    h.segments[1] = (struct segment){
        .quantity = {100}, .nature = 1, .lock_until = TODAY + 9};
    h.segments[2] = (struct segment){
        .quantity = {100}, .nature = 2, .trade_day = TODAY - 1};
    h.segments[3] = (struct segment){.quantity = {700}, .nature = 3};
    put_holding(w, HOLDER_A, &h);
    assert_int_equal(freeze(w, 650, 0), V_OK); /* 100 of 1, 550 of 3 */
    done(w, OP_PLEDGE_CREATE, &op);            /* the 150 of 3 left */
    op.quantity.shares = 100;
    done(w, OP_PLEDGE_CREATE, &op);
    done(w, OP_PLEDGE_CREATE, &op);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_AVAILABLE);
    h = *world_holding(w, S, HOLDER_A);
    for (uint32_t i = 0; i < h.segment_count; i++) {
        const struct segment *s = &h.segments[i];
        const uint64_t by = s->pledge_count > 0 ? s->pledges[0].number : 0;

        assert_true(s->freeze == 0 || by == 0);
        assert_int_equal(by,
                         s->freeze != 0       ? 0
                         : s->lock_until != 0 ? 3
                         : s->trade_day != 0  ? 2
                                              : 1);
    }
    world_free(w);
}

static void test_pledge_in_too_many_segments_is_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create op = pledge_op(w, 9900);

    (void)state;
    shatter(w, HOLDER_A, SEGMENTS_VOLUNTARY_MAX);
    world_refused(w, OP_PLEDGE_CREATE, &op, V_LIMIT);
    op.quantity.shares = 10000; /* all: no segment is split */
    done(w, OP_PLEDGE_CREATE, &op);
    world_free(w);
}

static struct op_pledge_create_ranked ranked_op(struct world *w, uint64_t q)
{
    return (struct op_pledge_create_ranked){
        .security = "100001",
        .prior_count = 1,
        .priors = {{1}},
        .pledgor = world_account(w, HOLDER_A),
        .pledgee = world_account(w, HOLDER_C),
        .quantity = {q},
        .constitutive_register = REGISTER_REGULATOR,
        .document = {{8}},
    };
}

/* R116: A further pledge ranks last, on unfrozen shares whose pledges are all
 * among those it names. */
static void test_pledge_ranked_stands_behind_the_first(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create_ranked op = ranked_op(w, 3000);
    const struct op_pledge_release first = {.security = "100001", .number = 1};
    const struct holding_row *h;

    (void)state;
    set_features(w, FEATURE_REPEAT_PLEDGE);
    assert_int_equal(pledge(w, 4000), V_OK);
    done(w, OP_PLEDGE_CREATE_RANKED, &op);
    assert_int_equal(security_now(w).pledged.shares, 4000); /* each once */
    h = world_holding(w, S, HOLDER_A);
    assert_int_equal(h->segments[2].pledge_count, 2);
    assert_int_equal(h->segments[2].pledges[0].number, 1);
    assert_int_equal(h->segments[2].pledges[1].number, 2);
    op.quantity.shares = 1001; /* 1,000 are under the first alone */
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_AVAILABLE);
    op.prior_count = 2;
    op.priors[1].number = 2;
    done(w, OP_PLEDGE_CREATE_RANKED, &op);
    done(w, OP_PLEDGE_RELEASE, &first);
    assert_int_equal(security_now(w).pledged.shares, 3001 - 1 + 1000);
    h = world_holding(w, S, HOLDER_A);
    assert_int_equal(position_pledged_by(h, 2), 3000);
    assert_int_equal(position_pledged_by(h, 3), 1001);
    world_free(w);
}

/* R115: Shares are pledged repeatedly only in a security with that feature,
 * which is off by default.
 *
 * R117: The pledges that a further pledge goes behind are active, named each
 * once in ascending order, and all their pledgees sign. */
static void test_pledge_ranked_refusals(void **state)
{
    struct world *w = with(10000, 0, 0);
    const struct op_pledge_default notice = {
        .security = "100001", .number = 2, .document = {{3}}};
    struct op_pledge_create_ranked op = ranked_op(w, 3000);

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    assert_int_equal(pledge(w, 500), V_OK);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_PLEDGE_REPEAT);
    op.quantity.shares = 4001; /* and too few: the lower number */
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_AVAILABLE);
    set_features(w, FEATURE_REPEAT_PLEDGE);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_AVAILABLE);
    op.quantity.shares = INT64_MAX;
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_AVAILABLE);
    op.quantity.shares = 0;
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_QUANTITY);
    op.term_end = TODAY - 1;
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_DATE);
    op = ranked_op(w, 3000);
    w->skip_account[BANK] = true;
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_SIG_MISSING);
    w->skip_account[BANK] = false;
    op.priors[0].number = 3;
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_UNKNOWN);
    op.prior_count = 2;
    op.priors[0].number = 2;
    op.priors[1].number = 1;
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_PLEDGE_STATE);
    op.priors[1].number = 2;
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_PLEDGE_STATE);
    assert_int_equal(world_do(w, OP_PLEDGE_DEFAULT, &notice), V_OK);
    op.prior_count = 1;
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_PLEDGE_STATE);
    op = ranked_op(w, 3000);
    op.pledgee = world_account(w, HOLDER_A);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_SELF);
    op.pledgee = world_account(w, ISSUER);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_PLEDGE_OWN_SHARES);
    op = ranked_op(w, 3000);
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_WITHDRAWN);
    set_status(w, SECURITY_REGISTERED);
    assert_int_equal(freeze(w, 9000, 0), V_OK); /* 3,500 of the pledged */
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_AVAILABLE);
    set_account_status(w, HOLDER_C, ACCOUNT_CLOSED);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_ACCOUNT_STATE);
    world_free(w);
}

static void test_pledge_ranked_from_an_unconfirmed_title_is_refused(
    void **state)
{
    struct world *w = with(10000, 0, 0);
    const struct op_pledge_create_ranked op = ranked_op(w, 1);
    struct account_row a = account_of(w, HOLDER_A);

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    a.kind = ACCOUNT_UNCONFIRMED;
    put_account(w, HOLDER_A, &a);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_ACCOUNT_UNCONFIRMED);
    world_free(w);
}

static void test_pledge_ranked_beyond_four_is_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create_ranked op = ranked_op(w, 100);

    (void)state;
    set_features(w, FEATURE_REPEAT_PLEDGE);
    assert_int_equal(pledge(w, 100), V_OK);
    for (uint32_t i = 1; i < SEGMENT_PLEDGES_MAX; i++) {
        op.prior_count = i;
        op.priors[i - 1].number = i;
        done(w, OP_PLEDGE_CREATE_RANKED, &op);
    }
    assert_int_equal(world_holding(w, S, HOLDER_A)->segments[1].pledge_count,
                     SEGMENT_PLEDGES_MAX);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_AVAILABLE);
    world_free(w);
}

static void test_pledge_ranked_in_too_many_segments_is_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_create_ranked op = ranked_op(w, 9000);

    (void)state;
    set_features(w, FEATURE_REPEAT_PLEDGE);
    shatter(w, HOLDER_A, SEGMENTS_VOLUNTARY_MAX);
    assert_int_equal(pledge(w, 10000), V_OK);
    world_refused(w, OP_PLEDGE_CREATE_RANKED, &op, V_LIMIT);
    op.quantity.shares = 10000;
    done(w, OP_PLEDGE_CREATE_RANKED, &op);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pledge_create_enters_the_right),
        cmocka_unit_test(test_pledge_refusals_follow_w15),
        cmocka_unit_test(test_pledge_to_the_issuer_is_refused),
        cmocka_unit_test(test_pledge_parties_that_may_not_are_refused),
        cmocka_unit_test(test_pledge_states_of_the_security),
        cmocka_unit_test(test_pledge_terms_at_their_borders),
        cmocka_unit_test(test_pledge_takes_shares_in_order),
        cmocka_unit_test(test_pledge_in_too_many_segments_is_refused),
        cmocka_unit_test(test_pledge_ranked_stands_behind_the_first),
        cmocka_unit_test(test_pledge_ranked_refusals),
        cmocka_unit_test(
            test_pledge_ranked_from_an_unconfirmed_title_is_refused),
        cmocka_unit_test(test_pledge_ranked_beyond_four_is_refused),
        cmocka_unit_test(test_pledge_ranked_in_too_many_segments_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
