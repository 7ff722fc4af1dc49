/* Title, locks and officers. */
#include "base/num.h"
#include "tests/unit/ledger/moves.h"

static uint32_t day(uint32_t y, uint32_t m, uint32_t d)
{
    uint32_t out = 0;

    assert_true(num_days_of_date(&out, y, m, d));
    return out;
}

/* A market in which HOLDER_C is the unconfirmed-title account. */
static struct world *with_unconfirmed(void)
{
    struct world *w = world_new();
    const uint64_t q[3] = {600000, 250000, 150000};
    struct account_row c = account_of(w, HOLDER_C);

    c.kind = ACCOUNT_UNCONFIRMED;
    put_account(w, HOLDER_C, &c);
    world_security(w, S, 0, 200);
    world_register(w, S, q);
    return w;
}

/* W01, variant. R95: A confirmed title moves shares from the unconfirmed-title
 * account to the holder; what was issued stays the same. */
static void test_title_confirm_follows_w01(void **state)
{
    struct world *w = with_unconfirmed();
    struct op_title_confirm op = {.security = "100001",
                                  .from = world_account(w, HOLDER_C),
                                  .to = world_account(w, BANK),
                                  .quantity = {150001},
                                  .nature = NATURE_ANY,
                                  .document = {{1}}};

    (void)state;
    assert_int_equal(security_now(w).holder_count, 2);
    sells_not(w, HOLDER_C, BANK, 1, V_ACCOUNT_UNCONFIRMED);
    world_refused(w, OP_TITLE_CONFIRM, &op, V_AVAILABLE); /* over-claim */
    op.quantity.shares = 0;
    world_refused(w, OP_TITLE_CONFIRM, &op, V_QUANTITY);
    op.quantity.shares = 150000;
    op.from = world_account(w, HOLDER_A);
    world_refused(w, OP_TITLE_CONFIRM, &op, V_ACCOUNT_STATE);
    op.from = world_account(w, HOLDER_C);
    op.document = (struct hash){{0}};
    world_refused(w, OP_TITLE_CONFIRM, &op, V_SIG_MISSING);
    op.document.raw[0] = 1;
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_TITLE_CONFIRM, &op, V_WITHDRAWN);
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_TITLE_CONFIRM, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_REGISTERED);
    goes(w, OP_TITLE_CONFIRM, &op);
    assert_int_equal(total(w, BANK), 150000);
    assert_int_equal(total(w, HOLDER_C), 0);
    assert_int_equal(security_now(w).issued.shares, 1000000);
    assert_int_equal(security_now(w).holder_count, 3);
    world_free(w);
}

static struct op_lock_set lock(struct world *w, uint64_t q, uint32_t until)
{
    return (struct op_lock_set){.security = "100001",
                                .account = world_account(w, HOLDER_A),
                                .quantity = {q},
                                .until = until,
                                .document = {{1}}};
}

/* R96: A lock is set on shares that have none, pledged and frozen ones too,
 * until a day that is still to come. */
static void test_lock_set_holds_until_its_day(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_lock_set op = lock(w, 800, TODAY + 10);

    (void)state;
    assert_int_equal(pledge(w, 100), V_OK);
    goes(w, OP_LOCK_SET, &op);
    sells_not(w, HOLDER_A, HOLDER_B, 101, V_LOCKED);
    sells(w, HOLDER_A, HOLDER_B, 100);
    op.quantity.shares = 101;
    world_refused(w, OP_LOCK_SET, &op, V_AVAILABLE); /* 100 without a lock */
    op.quantity.shares = 100;
    goes(w, OP_LOCK_SET, &op);
    op.quantity.shares = 0;
    world_refused(w, OP_LOCK_SET, &op, V_QUANTITY);
    op.until = TODAY;
    world_refused(w, OP_LOCK_SET, &op, V_DATE);
    set_status(w, SECURITY_DRAFT);
    world_refused(w, OP_LOCK_SET, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_LOCK_SET, &op, V_WITHDRAWN);
    set_status(w, SECURITY_REGISTERED);
    world_at(w, TODAY + 9);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_LOCKED);
    world_at(w, TODAY + 10);
    sells(w, HOLDER_A, HOLDER_B, 800);
    set_account_status(w, HOLDER_A, ACCOUNT_CLOSED);
    world_refused(w, OP_LOCK_SET, &op, V_ACCOUNT_STATE);
    world_free(w);
}

/* R97: A lock is lifted before its day by issuer and registrar, who cite the
 * grounds. */
static void test_lock_lift_frees_shares(void **state)
{
    struct world *w = with(1000, 0, 0);
    const struct op_lock_set set = lock(w, 800, TODAY + 10);
    struct op_lock_lift op = {.security = "100001",
                              .account = world_account(w, HOLDER_A),
                              .quantity = {801},
                              .until = TODAY + 10,
                              .document = {{1}}};

    (void)state;
    goes(w, OP_LOCK_SET, &set);
    world_refused(w, OP_LOCK_LIFT, &op, V_LOCKED);
    op.quantity.shares = 500;
    op.until = TODAY + 11;
    world_refused(w, OP_LOCK_LIFT, &op, V_LOCKED);
    op.until = 0;
    world_refused(w, OP_LOCK_LIFT, &op, V_LOCKED);
    op.until = TODAY + 10;
    w->skip_account[ISSUER] = true;
    world_refused(w, OP_LOCK_LIFT, &op, V_SIG_MISSING);
    w->skip_account[ISSUER] = false;
    goes(w, OP_LOCK_LIFT, &op);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 700);
    op.quantity.shares = 0;
    world_refused(w, OP_LOCK_LIFT, &op, V_QUANTITY);
    world_free(w);
}

/* W17: an officer's shares, pledged while locked. */
static void test_locked_shares_are_pledged_but_not_sold(void **state)
{
    struct world *w = with(8000, 0, 0);
    const struct op_lock_set op = lock(w, 8000, day(2027, 3, 31));

    (void)state;
    goes(w, OP_LOCK_SET, &op);
    assert_int_equal(pledge(w, 5000), V_OK);
    sells_not(w, HOLDER_A, HOLDER_B, 3000, V_LOCKED);
    world_free(w);
}

static struct op_insider_set officer(struct world *w,
                                     uint32_t end,
                                     uint32_t left)
{
    return (struct op_insider_set){.security = "100001",
                                   .account = world_account(w, HOLDER_A),
                                   .term_end = end,
                                   .left_day = left,
                                   .document = {{1}}};
}

/* W26. R98: An officer's quota of a year is a quarter, rounded down, of what
 * was held when the year began or, in the first year, when the office was
 * entered.
 *
 * R99: An officer sells at most the quota a year while in office, and after
 * leaving early until the term fixed at appointment is over.
 *
 * R100: An officer who left sells nothing up to the same day six months later.
 */
static void test_insider_quota_follows_w26(void **state)
{
    struct world *w = with(10003, 0, 0);
    struct op_insider_set op = officer(w, day(2028, 12, 31), 0);
    struct op_transfer_judicial order = {.security = "100001",
                                         .from = world_account(w, HOLDER_A),
                                         .to = world_account(w, HOLDER_C),
                                         .quantity = {1},
                                         .authority = "COURT-A",
                                         .document = {{1}}};

    (void)state;
    goes(w, OP_INSIDER_SET, &op);
    sells(w, HOLDER_A, HOLDER_B, 1000);
    sells_not(w, HOLDER_A, HOLDER_B, 1501, V_INSIDER_QUOTA);
    assert_int_equal(w->why.have, 1500);
    sells(w, HOLDER_A, HOLDER_B, 1500);
    assert_int_equal(total(w, HOLDER_A), 7503);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_INSIDER_QUOTA);
    world_at(w, day(2027, 3, 1));
    sells_not(w, HOLDER_A, HOLDER_B, 1876, V_INSIDER_QUOTA);
    sells(w, HOLDER_A, HOLDER_B, 1);
    world_at(w, day(2027, 5, 10));
    op.left_day = w->date;
    goes(w, OP_INSIDER_SET, &op);
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_INSIDER_HALF_YEAR);
    world_at(w, day(2027, 11, 10));
    sells_not(w, HOLDER_A, HOLDER_B, 1, V_INSIDER_HALF_YEAR);
    world_at(w, w->date); /* a court is not bound, nor is the quota used */
    assert_int_equal(world_do(w, OP_TRANSFER_JUDICIAL, &order), V_OK);
    world_at(w, day(2027, 11, 11));
    sells_not(w, HOLDER_A, HOLDER_B, 1875, V_INSIDER_QUOTA);
    sells(w, HOLDER_A, HOLDER_B, 1874);
    world_at(w, day(2028, 12, 31));
    sells_not(w, HOLDER_A, HOLDER_B, 1407, V_INSIDER_QUOTA); /* 5,627 / 4 */
    world_at(w, day(2029, 1, 1));
    sells(w, HOLDER_A, HOLDER_B, 5627);
    world_free(w);
}

static void test_insider_gift_and_two_refusals(void **state)
{
    struct world *w = with(1000, 0, 0);
    const struct op_insider_set op = officer(w, day(2028, 12, 31), 0);
    struct op_transfer_gift gift = {.security = "100001",
                                    .from = world_account(w, HOLDER_A),
                                    .to = world_account(w, HOLDER_B),
                                    .quantity = {251},
                                    .selector = {NATURE_ANY, 0, 0},
                                    .document = {{1}}};

    (void)state;
    goes(w, OP_INSIDER_SET, &op);
    world_refused(w, OP_TRANSFER_GIFT, &gift, V_INSIDER_QUOTA);
    gift.quantity.shares = 1001;
    world_refused(w, OP_TRANSFER_GIFT, &gift, V_AVAILABLE);
    gift.quantity.shares = 250;
    goes(w, OP_TRANSFER_GIFT, &gift);
    sells_not(w, HOLDER_A, HOLDER_C, 1, V_INSIDER_QUOTA);
    world_free(w);
}

/* R101: An officer's entry leaves the insider list only when neither the half
 * year nor the original term runs any more; the term in it never becomes
 * shorter. */
static void test_insider_entry_stays_while_a_term_runs(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_insider_set op = officer(w, 0, 0);

    (void)state;
    world_refused(w, OP_INSIDER_SET, &op, V_DATE); /* there is none */
    op = officer(w, day(2026, 6, 30), TODAY + 1);
    world_refused(w, OP_INSIDER_SET, &op, V_DATE);
    op.left_day = 0;
    goes(w, OP_INSIDER_SET, &op);
    op.term_end--;
    world_refused(w, OP_INSIDER_SET, &op, V_DATE);
    op = officer(w, day(2026, 6, 30), TODAY);
    goes(w, OP_INSIDER_SET, &op);
    op = officer(w, 0, 0);
    world_at(w, day(2026, 9, 2)); /* six months after 2026-03-02 */
    world_refused(w, OP_INSIDER_SET, &op, V_DATE);
    world_at(w, day(2026, 9, 3));
    goes(w, OP_INSIDER_SET, &op);
    assert_int_equal(world_holding(w, S, HOLDER_A)->insider.term_end, 0);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_INSIDER_SET, &op, V_WITHDRAWN);
    set_status(w, SECURITY_DRAFT);
    world_refused(w, OP_INSIDER_SET, &op, V_SECURITY_STATE);
    set_account_status(w, HOLDER_A, ACCOUNT_CLOSED);
    world_refused(w, OP_INSIDER_SET, &op, V_ACCOUNT_STATE);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_title_confirm_follows_w01),
        cmocka_unit_test(test_lock_set_holds_until_its_day),
        cmocka_unit_test(test_lock_lift_frees_shares),
        cmocka_unit_test(test_locked_shares_are_pledged_but_not_sold),
        cmocka_unit_test(test_insider_quota_follows_w26),
        cmocka_unit_test(test_insider_gift_and_two_refusals),
        cmocka_unit_test(test_insider_entry_stays_while_a_term_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
