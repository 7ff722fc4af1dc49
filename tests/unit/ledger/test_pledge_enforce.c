/* Disposal of pledged shares by an agreement made after default. */
#include "tests/unit/ledger/encumbered.h"

static struct op_pledge_enforce enforce_op(struct world *w, uint64_t q)
{
    return (struct op_pledge_enforce){.security = "100001",
                                      .number = 1,
                                      .from = world_account(w, HOLDER_A),
                                      .to = world_account(w, HOLDER_B),
                                      .quantity = {q},
                                      .price_fen = 1,
                                      .price_basis = {{1}},
                                      .agreed_day = w->date,
                                      .document = {{1}}};
}

static void notice(struct world *w)
{
    const struct op_pledge_default op = {
        .security = "100001", .number = 1, .document = {{3}}};

    done(w, OP_PLEDGE_DEFAULT, &op);
}

/* HOLDER_A with 10,000 shares, 4,000 of them under pledge 1 in default. */
static struct world *in_default(void)
{
    struct world *w = with(10000, 0, 0);

    assert_int_equal(pledge(w, 4000), V_OK);
    notice(w);
    return w;
}

/* R135: What is disposed of comes to its new holder free of pledge and lock,
 * and T+n does not apply to it.
 *
 * R136: A pledge is enforced when nothing is left under it and some of it was
 * disposed of; until then the rest stays pledged. */
static void test_enforce_moves_shares_and_ends_the_pledge(void **state)
{
    struct world *w = in_default();
    struct op_pledge_enforce op = enforce_op(w, 1500);
    const struct holding_row *b;
    const struct event *e;

    (void)state;
    done(w, OP_PLEDGE_ENFORCE, &op);
    assert_int_equal(pledge_of(w, 1).status, PLEDGE_DEFAULTED);
    assert_int_equal(pledge_of(w, 1).enforced.shares, 1500);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 2500);
    b = world_holding(w, S, HOLDER_B);
    assert_int_equal(b->segment_count, 1);
    assert_int_equal(b->segments[0].pledge_count, 0);
    assert_int_equal(b->segments[0].trade_day, 0);
    assert_int_equal(world_totals(w, S, HOLDER_B).available, 1500);
    assert_int_equal(security_now(w).holder_count, 2);
    e = &w->events[w->event_count - 1];
    assert_int_equal(e->kind, EVENT_PLEDGE_ENFORCED);
    assert_int_equal(e->quantity, 1500);
    assert_int_equal(e->second, 2500);
    op.to = world_account(w, BANK); /* to the pledgee itself */
    op.quantity.shares = 2500;
    done(w, OP_PLEDGE_ENFORCE, &op);
    assert_int_equal(pledge_of(w, 1).status, PLEDGE_ENFORCED);
    assert_int_equal(account_of(w, BANK).rights, 0);
    assert_int_equal(account_of(w, BANK).positions, 1);
    assert_int_equal(world_totals(w, S, HOLDER_A).total, 6000);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_PLEDGE_STATE);
    world_free(w);
}

static void test_enforce_part_then_release_is_enforced(void **state)
{
    struct world *w = in_default();
    const struct op_pledge_enforce op = enforce_op(w, 1500);
    const struct op_pledge_release full = {.security = "100001", .number = 1};

    (void)state;
    done(w, OP_PLEDGE_ENFORCE, &op);
    done(w, OP_PLEDGE_RELEASE, &full);
    assert_int_equal(pledge_of(w, 1).status, PLEDGE_ENFORCED);
    assert_int_equal(pledge_of(w, 1).released.shares, 2500);
    world_free(w);
}

/* The last share of a holder goes: the buyer takes its place. */
static void test_enforce_of_all_shares_changes_the_holder(void **state)
{
    struct world *w = with(4000, 0, 0);
    struct op_pledge_enforce op;

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    notice(w);
    op = enforce_op(w, 4000);
    done(w, OP_PLEDGE_ENFORCE, &op);
    assert_int_equal(security_now(w).holder_count, 1);
    assert_int_equal(security_now(w).positions, 1);
    assert_int_equal(account_of(w, HOLDER_A).positions, 0);
    world_free(w);
}

/* R130: A pledgee gets pledged shares only by an agreement made on the day of
 * the default or later, at a price with its basis; an agreement before it is
 * void.
 */
static void test_enforce_by_forfeiture_is_refused(void **state)
{
    struct world *w = in_default();
    struct op_pledge_enforce op = enforce_op(w, 4000);

    (void)state;
    op.agreed_day = TODAY - 1;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_FORFEITURE);
    op.agreed_day = TODAY + 1;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_DATE);
    op.agreed_day = TODAY;
    op.price_fen = 0;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_FORFEITURE);
    op.price_fen = -1;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_FORFEITURE);
    op.price_fen = 1;
    memset(&op.price_basis, 0, sizeof op.price_basis);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_FORFEITURE);
    op = enforce_op(w, 4000);
    w->skip_account[HOLDER_A] = true; /* the pledgee alone */
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_SIG_MISSING);
    w->skip_account[HOLDER_A] = false;
    memset(&op.document, 0, sizeof op.document);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_SIG_MISSING);
    world_free(w);
}

/* R129: Pledged shares are disposed of by agreement only after notice of a
 * default. */
static void test_enforce_before_default_is_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    const struct op_pledge_enforce op = enforce_op(w, 4000);

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_PLEDGE_STATE);
    world_free(w);
}

static void test_enforce_quantities_at_their_borders(void **state)
{
    struct world *w = in_default();
    struct op_pledge_enforce op = enforce_op(w, 0);

    (void)state;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_QUANTITY);
    op.quantity.shares = (uint64_t)INT64_MAX + 1;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_QUANTITY);
    op.quantity.shares = INT64_MAX;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_PLEDGE_OVER);
    op.quantity.shares = 4001;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_PLEDGE_OVER);
    op.quantity.shares = 4000;
    done(w, OP_PLEDGE_ENFORCE, &op);
    world_free(w);
}

/* W17.  R133: A disposal by agreement takes shares under that pledge alone,
 * neither frozen nor locked, and after T+n. */
static void test_enforce_during_a_lock_follows_w17(void **state)
{
    struct world *w = with(8000, 0, 0);
    struct op_pledge_enforce op;
    uint32_t until = 0;

    (void)state;
    assert_true(num_days_of_date(&until, 2027, 4, 1)); /* the first free day */
    lock_all(w, HOLDER_A, until);
    assert_int_equal(pledge(w, 5000), V_OK);
    notice(w);
    world_at(w, TODAY + 274); /* 2026-12-01 */
    op = enforce_op(w, 5000);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_LOCKED);
    world_at(w, until - 1);
    op = enforce_op(w, 5000);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_LOCKED);
    op.quantity.shares = 1;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_LOCKED);
    world_at(w, until);
    op = enforce_op(w, 5000);
    done(w, OP_PLEDGE_ENFORCE, &op);
    world_free(w);
}

static void test_enforce_of_frozen_shares_is_refused(void **state)
{
    struct world *w = in_default();
    struct op_pledge_enforce op = enforce_op(w, 3001);

    (void)state;
    assert_int_equal(freeze(w, 7000, 0), V_OK); /* 1,000 of the pledged */
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_FROZEN);
    op.quantity.shares = 4001; /* and beyond the pledge: the lower number */
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_FROZEN);
    op.quantity.shares = 3000;
    done(w, OP_PLEDGE_ENFORCE, &op);
    assert_int_equal(world_totals(w, S, HOLDER_A).frozen, 7000);
    world_free(w);
}

static void test_enforce_of_shares_pledged_to_others_is_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    const struct op_pledge_create_ranked second = {
        .security = "100001",
        .prior_count = 1,
        .priors = {{1}},
        .pledgor = world_account(w, HOLDER_A),
        .pledgee = world_account(w, HOLDER_C),
        .quantity = {1000},
        .constitutive_register = REGISTER_THIS,
        .document = {{1}}};
    struct op_pledge_enforce op = enforce_op(w, 3001);

    (void)state;
    set_features(w, FEATURE_REPEAT_PLEDGE);
    assert_int_equal(pledge(w, 4000), V_OK);
    done(w, OP_PLEDGE_CREATE_RANKED, &second);
    notice(w);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_PLEDGED);
    op.quantity.shares = 3000;
    done(w, OP_PLEDGE_ENFORCE, &op);
    world_free(w);
}

static void test_enforce_under_t_plus_is_refused(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {1000, 0, 0};
    struct op_pledge_enforce op;
    struct holding_row h;

    (void)state;
    world_security(w, S, 5, 200);
    world_register(w, S, q);
    h = *world_holding(w, S, HOLDER_A);
    h.segments[0].trade_day = TODAY;
    put_holding(w, HOLDER_A, &h);
    assert_int_equal(pledge(w, 1000), V_OK);
    notice(w);
    world_at(w, TODAY + 4); /* Friday, the fourth trading day */
    op = enforce_op(w, 1000);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_T5);
    world_at(w, TODAY + 7);
    op = enforce_op(w, 1000);
    done(w, OP_PLEDGE_ENFORCE, &op);
    world_free(w);
}

static void test_enforce_without_a_calendar_year_is_refused(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {1000, 0, 0};
    struct op_pledge_enforce op;
    struct holding_row h;

    (void)state;
    world_security(w, S, 5, 200);
    world_register(w, S, q);
    world_at(w, TODAY + 310); /* 2027: no map */
    h = *world_holding(w, S, HOLDER_A);
    h.segments[0].trade_day = w->date - 1;
    put_holding(w, HOLDER_A, &h);
    assert_int_equal(pledge(w, 1000), V_OK);
    notice(w);
    op = enforce_op(w, 1000);
    op.agreed_day = w->date + 1; /* and a day to come: the lower number */
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_CALENDAR);
    world_free(w);
}

static void test_enforce_by_parties_that_may_not_is_refused(void **state)
{
    struct world *w = in_default();
    struct op_pledge_enforce op = enforce_op(w, 100);

    (void)state;
    op.to = op.from;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_SELF);
    op.to = (struct hash){{9}};
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_UNKNOWN);
    op = enforce_op(w, 100);
    op.from = world_account(w, HOLDER_C);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_UNKNOWN);
    op = enforce_op(w, 100);
    op.number = 2;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_UNKNOWN);
    op.number = 1;
    set_account_status(w, HOLDER_A, ACCOUNT_FROZEN);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_ACCOUNT_STATE);
    set_account_status(w, HOLDER_A, ACCOUNT_ACTIVE);
    set_account_status(w, HOLDER_B, ACCOUNT_CLOSED);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_ACCOUNT_STATE);
    set_account_status(w, HOLDER_B, ACCOUNT_ACTIVE);
    done(w, OP_PLEDGE_ENFORCE, &op);
    world_free(w);
}

/* R131: Who takes pledged shares by agreement must be one who may buy them that
 * day. */
static void test_enforce_to_an_unqualified_buyer_is_refused(void **state)
{
    struct world *w = in_default();
    const struct op_pledge_enforce op = enforce_op(w, 100);
    struct security_row s = security_now(w);
    struct account_row b = account_of(w, HOLDER_B);

    (void)state;
    s.investors = 1u << (INVESTOR_PERSON - 1);
    put_security(w, &s);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_NOT_QUALIFIED);
    b.class = INVESTOR_PERSON;
    b.class_from = TODAY - 100;
    b.class_to = TODAY - 1;
    put_account(w, HOLDER_B, &b);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_QUALIFICATION_EXPIRED);
    b.pooled = true;
    b.investors = 0;
    put_account(w, HOLDER_B, &b);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_LOOK_THROUGH);
    b.investors = 3;
    b.class_to = TODAY;
    put_account(w, HOLDER_B, &b);
    done(w, OP_PLEDGE_ENFORCE, &op);
    assert_int_equal(security_now(w).holder_count, 4);
    world_free(w);
}

/* R132: A disposal of pledged shares by agreement needs the company's consent
 * where the articles demand it, an open register and a security that is not
 * suspended. */
static void test_enforce_states_of_the_security(void **state)
{
    struct world *w = in_default();
    struct op_pledge_enforce op = enforce_op(w, 100);
    struct security_row s;

    (void)state;
    set_features(w, FEATURE_COMPANY_CONSENT);
    set_status(w, SECURITY_SUSPENDED);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_RESTRICTED);
    op.consent.raw[0] = 1;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_SUSPENDED);
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_WITHDRAWN);
    set_status(w, SECURITY_LISTED);
    s = security_now(w);
    s.closure_count = 1;
    s.closures[0] =
        (struct closure){CLOSURE_MEETING, TODAY + 1, TODAY - 19, TODAY};
    put_security(w, &s);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_REGISTER_CLOSED);
    world_at(w, TODAY + 1);
    done(w, OP_PLEDGE_ENFORCE, &op);
    world_free(w);
}

static void test_enforce_beyond_cap_or_limit_is_refused(void **state)
{
    struct world *w = with(10000, 100, 0);
    struct op_pledge_enforce op = enforce_op(w, 100);
    struct security_row s;

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    notice(w);
    s = security_now(w);
    s.holder_cap = 2;
    put_security(w, &s);
    op.to = world_account(w, HOLDER_C);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_HOLDER_CAP);
    op.to = world_account(w, HOLDER_B);
    shatter(w, HOLDER_B, SEGMENTS_VOLUNTARY_MAX);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_LIMIT);
    shatter(w, HOLDER_B, SEGMENTS_VOLUNTARY_MAX - 1);
    done(w, OP_PLEDGE_ENFORCE, &op);
    world_free(w);
}

/* R134: An officer's quota and the half year after leaving bind a disposal of
 * pledged shares by agreement as they bind a sale. */
static void test_enforce_beyond_an_officers_quota_is_refused(void **state)
{
    struct world *w = in_default();
    struct op_pledge_enforce op = enforce_op(w, 2501);
    struct holding_row h = *world_holding(w, S, HOLDER_A);

    (void)state;
    h.insider = (struct insider){.term_end = TODAY + 1000,
                                 .left_day = TODAY - 1,
                                 .year = 2026,
                                 .base = {10000}};
    put_holding(w, HOLDER_A, &h);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_INSIDER_HALF_YEAR);
    h.insider.left_day = 0;
    put_holding(w, HOLDER_A, &h);
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_INSIDER_QUOTA);
    op.price_fen = 0; /* and a forfeiture: the lower number */
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_INSIDER_QUOTA);
    op = enforce_op(w, 2500);
    done(w, OP_PLEDGE_ENFORCE, &op);
    op.quantity.shares = 1;
    world_refused(w, OP_PLEDGE_ENFORCE, &op, V_INSIDER_QUOTA);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enforce_moves_shares_and_ends_the_pledge),
        cmocka_unit_test(test_enforce_part_then_release_is_enforced),
        cmocka_unit_test(test_enforce_of_all_shares_changes_the_holder),
        cmocka_unit_test(test_enforce_by_forfeiture_is_refused),
        cmocka_unit_test(test_enforce_before_default_is_refused),
        cmocka_unit_test(test_enforce_quantities_at_their_borders),
        cmocka_unit_test(test_enforce_during_a_lock_follows_w17),
        cmocka_unit_test(test_enforce_of_frozen_shares_is_refused),
        cmocka_unit_test(test_enforce_of_shares_pledged_to_others_is_refused),
        cmocka_unit_test(test_enforce_under_t_plus_is_refused),
        cmocka_unit_test(test_enforce_without_a_calendar_year_is_refused),
        cmocka_unit_test(test_enforce_by_parties_that_may_not_is_refused),
        cmocka_unit_test(test_enforce_to_an_unqualified_buyer_is_refused),
        cmocka_unit_test(test_enforce_states_of_the_security),
        cmocka_unit_test(test_enforce_beyond_cap_or_limit_is_refused),
        cmocka_unit_test(test_enforce_beyond_an_officers_quota_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
