/* Transfers by agreement, of free and of pledged shares. */
#include "tests/unit/ledger/moves.h"

/* W02: two spends of the same shares. */
static void test_transfer_second_spend_is_refused(void **state)
{
    struct world *w = with(5000, 0, 0);

    (void)state;
    sells(w, HOLDER_A, HOLDER_B, 3000);
    sells_not(w, HOLDER_A, HOLDER_C, 3000, V_AVAILABLE);
    assert_int_equal(w->why.have, 2000);
    assert_int_equal(w->why.need, 3000);
    assert_int_equal(total(w, HOLDER_A), 2000);
    assert_int_equal(total(w, HOLDER_B), 3000);
    assert_int_equal(total(w, HOLDER_C), 0);
    world_free(w);
}

/* R78: A transfer takes available shares only: under no pledge, no effective
 * freeze and no lock, and bought n trading days ago or earlier. */
static void test_transfer_quantities_at_each_border(void **state)
{
    struct world *w = with(5000, 0, 0);

    (void)state;
    assert_int_equal(pledge(w, 1000), V_OK);
    assert_int_equal(freeze(w, 500, 0), V_OK);
    sells_not(w, HOLDER_A, HOLDER_B, 0, V_QUANTITY);
    sells_not(w, HOLDER_A, HOLDER_B, 3501, V_AVAILABLE);
    sells_not(w, HOLDER_A, HOLDER_B, INT64_MAX, V_AVAILABLE);
    sells_not(w, HOLDER_A, HOLDER_B, UINT64_MAX, V_QUANTITY);
    sells(w, HOLDER_A, HOLDER_B, 1);
    sells(w, HOLDER_A, HOLDER_B, 3499);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_AVAILABLE);
    world_free(w);
}

static void test_transfer_of_encumbered_shares_says_which(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct op_transfer op = sale(w, HOLDER_A, HOLDER_B, 100);

    (void)state;
    assert_int_equal(pledge(w, 2000), V_OK);
    assert_int_equal(freeze(w, 1000, 0), V_OK);
    op.selector.pledge = 1;
    world_refused(w, OP_TRANSFER, &op, V_PLEDGED);
    op.selector.pledge = 0;
    op.selector.freeze = 1;
    world_refused(w, OP_TRANSFER, &op, V_FROZEN);
    op.selector.freeze = 0;
    lock_all(w, HOLDER_A, w->date + 1);
    world_refused(w, OP_TRANSFER, &op, V_LOCKED);
    lock_all(w, HOLDER_A, w->date); /* over today */
    goes(w, OP_TRANSFER, &op);
    world_free(w);
}

/* R69: Nothing leaves a frozen account at its holder's will; what a court or
 * the law moves does.
 *
 * R70: Nobody transfers to the own account. */
static void test_transfer_of_closed_frozen_and_own_accounts_is_refused(
    void **state)
{
    struct world *w = with(5000, 0, 0);

    (void)state;
    sells_not(w, HOLDER_A, HOLDER_A, 1, V_SELF);
    set_account_status(w, HOLDER_A, ACCOUNT_FROZEN);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_ACCOUNT_STATE);
    set_account_status(w, HOLDER_A, ACCOUNT_ACTIVE);
    set_account_status(w, HOLDER_B, ACCOUNT_FROZEN);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_ACCOUNT_STATE);
    set_account_status(w, HOLDER_B, ACCOUNT_CLOSED);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_ACCOUNT_STATE);
    sells(w, HOLDER_A, HOLDER_C, 1);
    world_free(w);
}

/* R71: Shares whose title is not confirmed leave their account only by the
 * confirmation of a title or by a correction. */
static void test_transfer_of_unconfirmed_title_is_refused(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct account_row a = account_of(w, HOLDER_A);

    (void)state;
    a.kind = ACCOUNT_UNCONFIRMED;
    put_account(w, HOLDER_A, &a);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_ACCOUNT_UNCONFIRMED);
    world_free(w);
}

/* R80: A trade names its price and the reference of the payment. */
static void test_transfer_without_price_or_payment_is_refused(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct op_transfer op = sale(w, HOLDER_A, HOLDER_B, 1);

    (void)state;
    op.price_fen = 0;
    world_refused(w, OP_TRANSFER, &op, V_PAYMENT);
    op.price_fen = -1;
    world_refused(w, OP_TRANSFER, &op, V_PAYMENT);
    op.price_fen = 1;
    op.payment = (struct hash){{0}};
    world_refused(w, OP_TRANSFER, &op, V_PAYMENT);
    op.payment.raw[0] = 1;
    goes(w, OP_TRANSFER, &op);
    world_free(w);
}

/* W28. R72: Who acquires shares at will is qualified for the security on the
 * day of the entry. */
static void test_transfer_qualification_is_judged_on_the_day(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct security_row s = security_now(w);
    struct account_row b = account_of(w, HOLDER_B);

    (void)state;
    s.investors = 1u << (INVESTOR_PERSON - 1);
    put_security(w, &s);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_NOT_QUALIFIED);
    b.class = INVESTOR_COMPANY;
    b.class_from = w->date;
    b.class_to = w->date;
    put_account(w, HOLDER_B, &b);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_NOT_QUALIFIED);
    b.class = INVESTOR_PERSON;
    put_account(w, HOLDER_B, &b);
    sells(w, HOLDER_A, HOLDER_B, 1);
    b = account_of(w, HOLDER_B);
    b.class_to = w->date - 1;
    put_account(w, HOLDER_B, &b);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_QUALIFICATION_EXPIRED);
    b.class_from = w->date + 1;
    b.class_to = w->date + 9;
    put_account(w, HOLDER_B, &b);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_QUALIFICATION_EXPIRED);
    sells_not(w, HOLDER_B, HOLDER_A, 1, V_NOT_QUALIFIED);
    world_free(w);
}

static void test_transfer_to_an_undeclared_vehicle_is_refused(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct account_row b = account_of(w, HOLDER_B);

    (void)state;
    b.pooled = true;
    b.investors = 0;
    put_account(w, HOLDER_B, &b);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_LOOK_THROUGH);
    b.investors = 3;
    put_account(w, HOLDER_B, &b);
    sells(w, HOLDER_A, HOLDER_B, 1);
    assert_int_equal(security_now(w).holder_count, 4);
    world_free(w);
}

/* R73: Where the articles demand the company's consent a transfer at will cites
 * it. */
static void test_transfer_without_the_companys_consent_is_refused(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct op_transfer op = sale(w, HOLDER_A, HOLDER_B, 1);

    (void)state;
    set_features(w, FEATURE_COMPANY_CONSENT);
    world_refused(w, OP_TRANSFER, &op, V_RESTRICTED);
    op.consent.raw[0] = 1;
    goes(w, OP_TRANSFER, &op);
    world_free(w);
}

/* R74: While a security is suspended no shares are transferred, given or
 * allocated; inheritance, division, court transfers and corrections go on. */
static void test_transfer_in_each_state_of_the_security(void **state)
{
    static const struct {
        enum security_status status;
        enum verdict verdict;
    } cases[] = {
        {SECURITY_DRAFT, V_SECURITY_STATE},
        {SECURITY_SUSPENDED, V_SUSPENDED},
        {SECURITY_MIGRATING, V_SECURITY_STATE},
        {SECURITY_WITHDRAWN, V_WITHDRAWN},
    };
    struct world *w = with(5000, 0, 0);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set_status(w, cases[i].status);
        sells_not(w, HOLDER_A, HOLDER_B, 1, cases[i].verdict);
    }
    set_status(w, SECURITY_LISTED);
    sells(w, HOLDER_A, HOLDER_B, 1);
    world_free(w);
}

/* W13. R75: While the register is closed no holder changes at will;
 * inheritance, division, court transfers and corrections are entered and say
 * so. */
static void test_transfer_while_the_register_is_closed_is_refused(void **state)
{
    struct world *w = with(5000, 0, 0);

    (void)state;
    close_register(w);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_REGISTER_CLOSED);
    assert_int_equal(pledge(w, 10), V_OK);
    assert_int_equal(freeze(w, 10, 0), V_OK);
    world_at(w, w->date + 1);
    sells(w, HOLDER_A, HOLDER_B, 1);
    world_free(w);
}

/* W25: T+5 in both directions. R79: Who sold shares of a security buys none of
 * it before the n-th trading day after, by the calendar on the ledger. */
static void test_transfer_t5_follows_w25(void **state)
{
    struct world *w = with_t_plus(5, 5000, 0, 0);

    (void)state;
    sells(w, HOLDER_A, HOLDER_B, 1000);
    world_at(w, TODAY + 3); /* Thursday: A sold on Monday */
    sells_not(w, HOLDER_B, HOLDER_A, 500, V_T5);
    sells_not(w, HOLDER_C, HOLDER_A, 500, V_T5);
    world_at(w, TODAY + 4); /* Friday */
    sells_not(w, HOLDER_B, HOLDER_C, 500, V_T5);
    world_at(w, TODAY + 7); /* Monday, the fifth trading day */
    sells(w, HOLDER_B, HOLDER_C, 500);
    sells(w, HOLDER_B, HOLDER_A, 500);
    world_free(w);
}

static void test_transfer_t5_counts_trading_days_only(void **state)
{
    struct world *w = with_t_plus(5, 5000, 0, 0);
    struct genesis_year map;
    static const struct hash zero;
    const struct hash key = day_key(2026);

    (void)state;
    assert_true(exec_get(&w->view, &map, TABLE_CALENDAR, &zero, &key));
    map.trading[62 / 8] &= (uint8_t) ~(1u << 62 % 8); /* 2026-03-04 */
    put_row(w, TABLE_CALENDAR, &zero, &key, &map);
    sells(w, HOLDER_A, HOLDER_B, 1000);
    world_at(w, TODAY + 7);
    sells_not(w, HOLDER_B, HOLDER_C, 500, V_T5);
    world_at(w, TODAY + 8);
    sells(w, HOLDER_B, HOLDER_C, 500);
    world_free(w);
}

static void test_transfer_without_a_calendar_year_is_refused(void **state)
{
    struct world *w = with_t_plus(5, 5000, 0, 0);

    (void)state;
    world_at(w, TODAY + 303); /* 2026-12-30 */
    sells(w, HOLDER_A, HOLDER_B, 1000);
    world_at(w, TODAY + 310); /* 2027-01-06: no map for 2027 */
    sells_not(w, HOLDER_B, HOLDER_C, 10, V_CALENDAR);
    sells_not(w, HOLDER_C, HOLDER_A, 10, V_CALENDAR);
    world_free(w);
}

/* W27. R76: No transfer at will takes the holders of a security beyond its cap,
 * with the final investors of pooled vehicles counted. */
static void test_transfer_holder_cap_counts_the_change(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {100, 100, 0};
    struct account_row fund = account_of(w, BANK);

    (void)state;
    world_security(w, S, 0, 2);
    world_register(w, S, q);
    sells_not(w, HOLDER_A, HOLDER_C, 50, V_HOLDER_CAP);
    assert_int_equal(w->why.have, 2);
    assert_int_equal(w->why.need, 3);
    sells(w, HOLDER_A, HOLDER_C, 100);
    fund.pooled = true;
    fund.investors = 2;
    put_account(w, BANK, &fund);
    sells_not(w, HOLDER_B, BANK, 100, V_HOLDER_CAP);
    fund.investors = 1; /* a filed fund */
    put_account(w, BANK, &fund);
    sells(w, HOLDER_B, BANK, 100);
    assert_int_equal(security_now(w).holder_count, 2);
    world_free(w);
}

static void test_transfer_into_too_many_segments_is_refused(void **state)
{
    struct world *w = with(5000, 100, 0);
    struct op_transfer op = sale(w, HOLDER_A, HOLDER_B, 1);
    struct holding_row b;

    (void)state;
    shatter(w, HOLDER_B, SEGMENTS_VOLUNTARY_MAX);
    b = *world_holding(w, S, HOLDER_B);
    b.segments[0].nature = 99; /* nature 0 is not there */
    for (uint32_t i = 0; i < b.segment_count; i++)
        b.segments[i].nature = (uint8_t)(i + 1);
    put_holding(w, HOLDER_B, &b);
    world_refused(w, OP_TRANSFER, &op, V_LIMIT);
    world_free(w);
}

/* R2: Of several broken rules of an operation the one with the lowest number is
 * told, of several entries of a list the first that fails, and of several
 * operations the first that fails. */
static void test_transfer_two_refusals_tell_the_lower_number(void **state)
{
    struct world *w = with_t_plus(5, 5000, 0, 0);
    struct op_transfer op = sale(w, HOLDER_A, HOLDER_B, 6000);

    (void)state;
    op.price_fen = 0;
    world_refused(w, OP_TRANSFER, &op, V_AVAILABLE);
    set_status(w, SECURITY_SUSPENDED);
    world_refused(w, OP_TRANSFER, &op, V_SUSPENDED);
    op.to = op.from;
    world_refused(w, OP_TRANSFER, &op, V_SELF);
    set_account_status(w, HOLDER_A, ACCOUNT_FROZEN);
    world_refused(w, OP_TRANSFER, &op, V_ACCOUNT_STATE);
    w->skip_checker = true;
    world_refused(w, OP_TRANSFER, &op, V_SIG_MISSING);
    world_free(w);
}

static struct op_transfer_pledged pledged(struct world *w,
                                          uint64_t q,
                                          uint8_t treatment)
{
    return (struct op_transfer_pledged){.security = "100001",
                                        .number = 1,
                                        .from = world_account(w, HOLDER_A),
                                        .to = world_account(w, HOLDER_B),
                                        .quantity = {q},
                                        .treatment = treatment,
                                        .price_fen = 2400000,
                                        .payment = {{1}},
                                        .proceeds = {{2}},
                                        .document = {{3}}};
}

/* W16. R81: Pledged shares are transferred with the pledgee's consent and a
 * statement that the proceeds prepay the debt or are deposited.
 *
 * R82: Pledged shares that are transferred leave the pledge, or stay under it
 * and the transferee becomes a pledgor, as the parties agree. */
static void test_transfer_pledged_follows_w16(void **state)
{
    struct world *w = with_t_plus(5, 10000, 0, 0);
    struct op_transfer_pledged op = pledged(w, 1500, TREATMENT_RELEASE);

    (void)state;
    assert_int_equal(pledge(w, 3500), V_OK);
    sells_not(w, HOLDER_A, HOLDER_B, 7000, V_AVAILABLE);
    op.proceeds = (struct hash){{0}};
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_PLEDGEE_CONSENT);
    op.proceeds.raw[0] = 1;
    w->skip_account[BANK] = true;
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_SIG_MISSING);
    w->skip_account[BANK] = false;
    done(w, OP_TRANSFER_PLEDGED, &op);
    assert_int_equal(world_holding(w, S, HOLDER_B)->segments[0].pledge_count,
                     0);
    assert_int_equal(world_holding(w, S, HOLDER_B)->segments[0].trade_day,
                     w->date);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 2000);
    assert_int_equal(pledge_of(w, 1).released.shares, 1500);
    world_free(w);

    w = with_t_plus(5, 10000, 0, 0);
    op = pledged(w, 1500, TREATMENT_CARRY);
    assert_int_equal(pledge(w, 3500), V_OK);
    done(w, OP_TRANSFER_PLEDGED, &op);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 3500);
    assert_int_equal(pledge_of(w, 1).pledgor_count, 2);
    assert_int_equal(world_totals(w, S, HOLDER_B).pledged, 1500);
    assert_int_equal(last_event(w)->kind, EVENT_PLEDGE_CARRIED);
    world_free(w);
}

static void test_transfer_pledged_of_all_ends_the_pledge(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_transfer_pledged op = pledged(w, 3500, TREATMENT_RELEASE);

    (void)state;
    assert_int_equal(pledge(w, 3500), V_OK);
    assert_int_equal(account_of(w, BANK).rights, 1);
    done(w, OP_TRANSFER_PLEDGED, &op);
    assert_int_equal(pledge_of(w, 1).status, PLEDGE_RELEASED);
    assert_int_equal(account_of(w, BANK).rights, 0);
    assert_int_equal(security_now(w).pledges_open, 0);
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_PLEDGE_STATE);
    world_free(w);
}

/* R83: A pledgee does not take shares over that stay under its own pledge. */
static void test_transfer_pledged_refusals(void **state)
{
    struct world *w = with_t_plus(5, 10000, 0, 0);
    struct op_transfer_pledged op = pledged(w, 3501, TREATMENT_RELEASE);
    struct op_transfer_pledged to_bank = pledged(w, 1, TREATMENT_CARRY);

    (void)state;
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_UNKNOWN);
    assert_int_equal(pledge(w, 3500), V_OK);
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_AVAILABLE);
    to_bank.to = world_account(w, BANK);
    world_refused(w, OP_TRANSFER_PLEDGED, &to_bank, V_SELF);
    to_bank.treatment = TREATMENT_RELEASE; /* a sale to the pledgee */
    done(w, OP_TRANSFER_PLEDGED, &to_bank);
    op.quantity.shares = 0;
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_QUANTITY);
    op.quantity.shares = 1;
    op.price_fen = 0;
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_PAYMENT);
    op.price_fen = 1;
    op.from = world_account(w, HOLDER_C);
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_PLEDGE_STATE);
    op.from = world_account(w, HOLDER_A);
    assert_int_equal(freeze(w, 10000, 0), V_OK);
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_FROZEN);
    close_register(w);
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_REGISTER_CLOSED);
    set_status(w, SECURITY_SUSPENDED);
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_SUSPENDED);
    set_features(w, FEATURE_COMPANY_CONSENT);
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_RESTRICTED);
    world_free(w);
}

/* A sale of what came in later shortens a queue: it waits for nothing more. */
static void test_transfer_caps_the_queue_it_leaves_behind(void **state)
{
    struct world *w = with(1000, 500, 0);

    (void)state;
    assert_int_equal(freeze(w, 1000, 1000), V_OK);
    assert_int_equal(freeze(w, 900, 2000), V_OK);
    expect_freeze(w, 2, 0, 900);
    sells(w, HOLDER_B, HOLDER_A, 400);
    sells(w, HOLDER_A, HOLDER_B, 400);
    expect_freeze(w, 2, 0, 900);
    sound(w);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfer_second_spend_is_refused),
        cmocka_unit_test(test_transfer_quantities_at_each_border),
        cmocka_unit_test(test_transfer_of_encumbered_shares_says_which),
        cmocka_unit_test(
            test_transfer_of_closed_frozen_and_own_accounts_is_refused),
        cmocka_unit_test(test_transfer_of_unconfirmed_title_is_refused),
        cmocka_unit_test(test_transfer_without_price_or_payment_is_refused),
        cmocka_unit_test(test_transfer_qualification_is_judged_on_the_day),
        cmocka_unit_test(test_transfer_to_an_undeclared_vehicle_is_refused),
        cmocka_unit_test(test_transfer_without_the_companys_consent_is_refused),
        cmocka_unit_test(test_transfer_in_each_state_of_the_security),
        cmocka_unit_test(test_transfer_while_the_register_is_closed_is_refused),
        cmocka_unit_test(test_transfer_t5_follows_w25),
        cmocka_unit_test(test_transfer_t5_counts_trading_days_only),
        cmocka_unit_test(test_transfer_without_a_calendar_year_is_refused),
        cmocka_unit_test(test_transfer_holder_cap_counts_the_change),
        cmocka_unit_test(test_transfer_into_too_many_segments_is_refused),
        cmocka_unit_test(test_transfer_two_refusals_tell_the_lower_number),
        cmocka_unit_test(test_transfer_pledged_follows_w16),
        cmocka_unit_test(test_transfer_pledged_of_all_ends_the_pledge),
        cmocka_unit_test(test_transfer_pledged_refusals),
        cmocka_unit_test(test_transfer_caps_the_queue_it_leaves_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
