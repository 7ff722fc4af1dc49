/* The worked cases of the rule book, with their exact numbers. */
#include "tests/unit/ledger/world.h"

#include "chain/mtree.h"

static const char S[] = "100001";

static enum verdict transfer(struct world *w, int from, int to, uint64_t q)
{
    struct op_transfer op = {.security = "100001",
                             .from = world_account(w, from),
                             .to = world_account(w, to),
                             .quantity = {q},
                             .selector = {NATURE_ANY, 0, 0},
                             .price_fen = 100,
                             .payment = {{1}},
                             .document = {{1}}};

    return world_do(w, OP_TRANSFER, &op);
}

static enum verdict pledge(struct world *w,
                           uint64_t q,
                           uint64_t of_pledge,
                           uint64_t of_freeze,
                           int pledgee)
{
    struct op_pledge_create op = {
        .security = "100001",
        .pledgor = world_account(w, HOLDER_A),
        .pledgee = world_account(w, pledgee),
        .quantity = {q},
        .selector = {NATURE_ANY, of_pledge, of_freeze},
        .constitutive_register = REGISTER_THIS,
    };

    return world_do(w, OP_PLEDGE_CREATE, &op);
}

static enum verdict freeze(struct world *w, uint64_t q, uint64_t publicity_ms)
{
    struct op_freeze_create op = {.security = "100001",
                                  .account = world_account(w, HOLDER_A),
                                  .authority = "COURT-A",
                                  .publicity_ms = publicity_ms,
                                  .service_ms = 1000,
                                  .from = w->date,
                                  .to = w->date + 100,
                                  .quantity = {q}};

    world_at(w, w->date); /* court operations open a block */
    return world_do(w, OP_FREEZE_CREATE, &op);
}

static enum verdict unfreeze(struct world *w,
                             uint64_t number,
                             uint64_t q,
                             const char *court)
{
    struct op_freeze_release op = {
        .security = "100001", .number = number, .quantity = {q}};

    memcpy(op.authority, court, strlen(court));
    world_at(w, w->date);
    return world_do(w, OP_FREEZE_RELEASE, &op);
}

static struct freeze_row freeze_of(struct world *w, uint64_t number)
{
    const struct hash tree = security_key(S);
    const struct hash key = number_key(number);
    struct freeze_row f = {0};

    assert_true(exec_get(&w->view, &f, TABLE_FREEZES, &tree, &key));
    assert_int_equal(f.requested.shares,
                     f.effective.shares + f.queued.shares + f.released.shares +
                         f.lapsed.shares + f.executed.shares +
                         f.unfulfilled.shares);
    return f;
}

static void expect_freeze(struct world *w,
                          uint64_t number,
                          uint64_t effective,
                          uint64_t queued)
{
    const struct freeze_row f = freeze_of(w, number);

    assert_int_equal(f.effective.shares, effective);
    assert_int_equal(f.queued.shares, queued);
}

static struct world *with(uint64_t a, uint64_t b, uint64_t c)
{
    struct world *w = world_new();
    const uint64_t q[3] = {a, b, c};

    world_security(w, S, 0, 200);
    world_register(w, S, q);
    return w;
}

/* W01: the register must reconcile. */
static void test_register_sum_off_by_one_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_register_open open = {
        .security = "100001", .issued = {1000000}, .line_count = 3};
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct op_register_confirm confirm = {.security = "100001"};
    const uint64_t q[3] = {600000, 250000, 149999};
    struct mtree_log log = {0};

    (void)state;
    memcpy(lines->security, S, sizeof S);
    for (int i = 0; i < 3; i++) {
        struct hash leaf;

        lines->lines[i] = (struct register_line){.account = world_account(w, i),
                                                 .quantity = {q[i]}};
        leaf = register_line_leaf(&lines->lines[i]);
        mtree_log_append(&log, &leaf);
    }
    lines->line_count = 3;
    open.root = mtree_log_root(&log);
    world_security(w, S, 0, 200);
    assert_int_equal(world_do(w, OP_REGISTER_OPEN, &open), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_CONFIRM, &confirm),
                     V_SUM_MISMATCH);
    assert_int_equal(world_do(w, OP_REGISTER_LINES, lines), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_CONFIRM, &confirm),
                     V_SUM_MISMATCH);
    assert_int_equal(w->why.have, 999999);
    assert_int_equal(w->why.need, 1000000);
    free(lines);
    world_free(w);
}

static void test_register_other_lines_than_declared_are_refused(void **state)
{
    struct world *w = world_new();
    struct op_register_open open = {
        .security = "100001", .issued = {10}, .line_count = 1, .root = {{9}}};
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct op_register_confirm confirm = {.security = "100001"};

    (void)state;
    memcpy(lines->security, S, sizeof S);
    lines->line_count = 1;
    lines->lines[0] = (struct register_line){
        .account = world_account(w, HOLDER_A), .quantity = {10}};
    world_security(w, S, 0, 200);
    assert_int_equal(world_do(w, OP_REGISTER_OPEN, &open), V_OK);
    lines->first = 1;
    assert_int_equal(world_do(w, OP_REGISTER_LINES, lines), V_LINES_ORDER);
    lines->first = 0;
    assert_int_equal(world_do(w, OP_REGISTER_LINES, lines), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_CONFIRM, &confirm),
                     V_ROOT_MISMATCH);
    free(lines);
    world_free(w);
}

static void test_register_same_holder_twice_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_register_open open = {
        .security = "100001", .issued = {20}, .line_count = 2};
    struct op_register_lines *lines = calloc(1, sizeof *lines);

    (void)state;
    memcpy(lines->security, S, sizeof S);
    lines->line_count = 2;
    for (int i = 0; i < 2; i++)
        lines->lines[i] = (struct register_line){
            .account = world_account(w, HOLDER_A), .quantity = {10}};
    world_security(w, S, 0, 200);
    assert_int_equal(world_do(w, OP_REGISTER_OPEN, &open), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_LINES, lines), V_DUPLICATE_HOLDER);
    free(lines);
    world_free(w);
}

static void test_register_beyond_the_cap_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_register_open open = {
        .security = "100001", .issued = {20}, .line_count = 2};
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct op_register_confirm confirm = {.security = "100001"};
    struct mtree_log log = {0};

    (void)state;
    memcpy(lines->security, S, sizeof S);
    lines->line_count = 2;
    for (int i = 0; i < 2; i++) {
        struct hash leaf;

        lines->lines[i] = (struct register_line){.account = world_account(w, i),
                                                 .quantity = {10}};
        leaf = register_line_leaf(&lines->lines[i]);
        mtree_log_append(&log, &leaf);
    }
    open.root = mtree_log_root(&log);
    world_security(w, S, 0, 1);
    assert_int_equal(world_do(w, OP_REGISTER_OPEN, &open), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_LINES, lines), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_CONFIRM, &confirm), V_HOLDER_CAP);
    free(lines);
    world_free(w);
}

static void test_register_cancel_takes_all_lines_out(void **state)
{
    struct world *w = world_new();
    struct op_register_open open = {
        .security = "100001", .issued = {20}, .line_count = 2};
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct op_register_cancel *cancel = calloc(1, sizeof *cancel);
    const uint64_t q[3] = {10, 0, 0};

    (void)state;
    memcpy(lines->security, S, sizeof S);
    memcpy(cancel->security, S, sizeof S);
    lines->line_count = 1;
    lines->lines[0] = (struct register_line){
        .account = world_account(w, HOLDER_A), .quantity = {10}};
    cancel->account_count = 1;
    cancel->accounts[0].account = world_account(w, HOLDER_A);
    world_security(w, S, 0, 200);
    assert_int_equal(world_do(w, OP_REGISTER_OPEN, &open), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_LINES, lines), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_CANCEL, cancel), V_OK);
    world_register(w, S, q); /* it can be opened again */
    assert_int_equal(world_totals(w, S, HOLDER_A).total, 10);
    free(lines);
    free(cancel);
    world_free(w);
}

/* W02: two spends of the same shares. */
static void test_transfer_second_spend_is_refused(void **state)
{
    struct world *w = with(5000, 0, 0);

    (void)state;
    assert_int_equal(transfer(w, HOLDER_A, HOLDER_B, 3000), V_OK);
    assert_int_equal(transfer(w, HOLDER_A, HOLDER_C, 3000), V_AVAILABLE);
    assert_int_equal(w->why.have, 2000);
    assert_int_equal(w->why.need, 3000);
    assert_int_equal(world_totals(w, S, HOLDER_A).total, 2000);
    assert_int_equal(world_totals(w, S, HOLDER_B).total, 3000);
    assert_int_equal(world_totals(w, S, HOLDER_C).total, 0);
    world_free(w);
}

/* W14: partial release by both, full release by the pledgee alone. */
static void test_pledge_release_follows_w14(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_release_part part = {
        .security = "100001", .number = 1, .quantity = {2500}};
    struct op_pledge_release full = {.security = "100001", .number = 1};

    (void)state;
    assert_int_equal(pledge(w, 6000, 0, 0, BANK), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 4000);
    assert_int_equal(world_do(w, OP_PLEDGE_RELEASE_PART, &part), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 6500);
    assert_int_equal(world_totals(w, S, HOLDER_A).pledged, 3500);
    part.quantity.shares = 4000;
    assert_int_equal(world_do(w, OP_PLEDGE_RELEASE_PART, &part), V_PLEDGE_OVER);
    part.quantity.shares = 1000;
    w->skip_account[HOLDER_A] = true;
    assert_int_equal(world_do(w, OP_PLEDGE_RELEASE_PART, &part), V_SIG_MISSING);
    w->skip_account[HOLDER_A] = false;
    w->skip_account[BANK] = true;
    assert_int_equal(world_do(w, OP_PLEDGE_RELEASE, &full), V_SIG_MISSING);
    w->skip_account[BANK] = false;
    assert_int_equal(world_do(w, OP_PLEDGE_RELEASE, &full), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 10000);
    assert_int_equal(world_do(w, OP_PLEDGE_RELEASE, &full), V_SECURITY_STATE);
    world_free(w);
}

/* W15: what may not be pledged. */
static void test_pledge_refusals_follow_w15(void **state)
{
    struct world *w = with(10000, 0, 0);

    (void)state;
    assert_int_equal(freeze(w, 1000, 0), V_OK);
    assert_int_equal(pledge(w, 4000, 0, 0, BANK), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 5000);
    assert_int_equal(pledge(w, 5001, 0, 0, BANK), V_AVAILABLE);
    assert_int_equal(pledge(w, 1000, 0, 1, BANK), V_FROZEN);
    assert_int_equal(pledge(w, 4000, 1, 0, BANK), V_PLEDGE_REPEAT);
    assert_int_equal(pledge(w, 100, 0, 0, ISSUER), V_PLEDGE_OWN_SHARES);
    assert_int_equal(pledge(w, 100, 0, 0, HOLDER_A), V_SELF);
    w->skip_account[BANK] = true;
    assert_int_equal(pledge(w, 5000, 0, 0, BANK), V_SIG_MISSING);
    w->skip_account[BANK] = false;
    assert_int_equal(pledge(w, 5000, 0, 0, BANK), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    world_free(w);
}

/* W19: freeze, queue, promotion. */
static void test_freeze_queue_and_promotion_follow_w19(void **state)
{
    struct world *w = with(10000, 0, 0);

    (void)state;
    assert_int_equal(freeze(w, 6000, 0), V_OK);
    assert_int_equal(freeze(w, 7000, 0), V_OK);
    assert_int_equal(freeze(w, 2000, 0), V_OK);
    expect_freeze(w, 1, 6000, 0);
    expect_freeze(w, 2, 4000, 3000);
    expect_freeze(w, 3, 0, 2000);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    assert_int_equal(unfreeze(w, 1, 2500, "COURT-A"), V_OK);
    expect_freeze(w, 1, 3500, 0);
    expect_freeze(w, 2, 6500, 500);
    expect_freeze(w, 3, 0, 2000);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    assert_int_equal(unfreeze(w, 1, 0, "COURT-A"), V_OK);
    expect_freeze(w, 2, 7000, 0);
    expect_freeze(w, 3, 2000, 0);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 1000);
    assert_int_equal(unfreeze(w, 1, 0, "COURT-A"), V_FREEZE_LAPSED);
    assert_int_equal(unfreeze(w, 2, 0, "COURT-B"), V_FREEZE_AUTHORITY);
    assert_int_equal(unfreeze(w, 2, 0, "COURT-HIGH"), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 8000);
    expect_freeze(w, 3, 2000, 0);
    world_free(w);
}

/* A queue waits for shares that are freed, not for those bought later. */
static void test_freeze_queue_does_not_take_later_purchases(void **state)
{
    struct world *w = with(5000, 3000, 0);

    (void)state;
    assert_int_equal(freeze(w, 5000, 0), V_OK);
    assert_int_equal(freeze(w, 5000, 0), V_OK);
    expect_freeze(w, 2, 0, 5000);
    assert_int_equal(transfer(w, HOLDER_B, HOLDER_A, 1000), V_OK);
    assert_int_equal(unfreeze(w, 1, 500, "COURT-A"), V_OK);
    expect_freeze(w, 1, 4500, 0);
    expect_freeze(w, 2, 500, 4500);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 1000);
    world_free(w);
}

/* W21: publicity time beats ledger order. */
static void test_freeze_rank_is_publicity_follows_w21(void **state)
{
    struct world *w = with(5000, 0, 0);

    (void)state;
    assert_int_equal(freeze(w, 4000, 2000), V_OK);
    expect_freeze(w, 1, 4000, 0);
    assert_int_equal(freeze(w, 3000, 1000), V_OK);
    expect_freeze(w, 2, 3000, 0);
    expect_freeze(w, 1, 2000, 2000);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    world_free(w);
}

/* W23: what is not there stays unfulfilled, and is told. */
static void test_freeze_beyond_the_position_is_unfulfilled(void **state)
{
    struct world *w = with(5000, 0, 0);

    (void)state;
    assert_int_equal(transfer(w, HOLDER_A, HOLDER_B, 3000), V_OK);
    assert_int_equal(freeze(w, 5000, 0), V_OK);
    expect_freeze(w, 1, 2000, 0);
    assert_int_equal(freeze_of(w, 1).unfulfilled.shares, 3000);
    world_free(w);
}

static void test_freeze_reaches_over_a_pledge(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_release full = {.security = "100001", .number = 1};

    (void)state;
    assert_int_equal(pledge(w, 4000, 0, 0, BANK), V_OK);
    assert_int_equal(freeze(w, 7000, 0), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 0);
    assert_int_equal(world_totals(w, S, HOLDER_A).pledged, 4000);
    assert_int_equal(world_totals(w, S, HOLDER_A).frozen, 7000);
    assert_int_equal(world_do(w, OP_PLEDGE_RELEASE, &full), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 3000);
    world_free(w);
}

/* W24, first part: the term. */
static void test_freeze_longer_than_three_years_is_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_freeze_create op = {.security = "100001",
                                  .account = world_account(w, HOLDER_A),
                                  .authority = "COURT-A",
                                  .service_ms = 1000,
                                  .from = TODAY,
                                  .quantity = {10}};
    uint32_t last = 0;

    (void)state;
    world_at(w, TODAY);
    assert_true(num_days_of_date(&last, 2029, 3, 2));
    op.to = last + 1;
    assert_int_equal(world_do(w, OP_FREEZE_CREATE, &op), V_FREEZE_TERM);
    op.to = last;
    assert_int_equal(world_do(w, OP_FREEZE_CREATE, &op), V_OK);
    op.service_ms = UINT64_MAX;
    assert_int_equal(world_do(w, OP_FREEZE_CREATE, &op), V_DATE);
    world_free(w);
}

/* W25: T+5 in both directions. */
static void test_transfer_t5_follows_w25(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {5000, 0, 0};

    (void)state;
    world_security(w, S, 5, 200);
    world_register(w, S, q);
    assert_int_equal(transfer(w, HOLDER_A, HOLDER_B, 1000), V_OK);
    world_at(w, TODAY + 3); /* Thursday: A sold on Monday */
    assert_int_equal(transfer(w, HOLDER_B, HOLDER_A, 500), V_T5);
    world_at(w, TODAY + 4); /* Friday */
    assert_int_equal(transfer(w, HOLDER_B, HOLDER_C, 500), V_T5);
    world_at(w, TODAY + 7); /* Monday, the fifth trading day */
    assert_int_equal(transfer(w, HOLDER_B, HOLDER_C, 500), V_OK);
    assert_int_equal(transfer(w, HOLDER_B, HOLDER_A, 500), V_OK);
    world_free(w);
}

static void test_transfer_without_a_calendar_year_is_refused(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {5000, 0, 0};

    (void)state;
    world_security(w, S, 5, 200);
    world_register(w, S, q);
    world_at(w, TODAY + 303); /* 2026-12-30 */
    assert_int_equal(transfer(w, HOLDER_A, HOLDER_B, 1000), V_OK);
    world_at(w, TODAY + 310); /* 2027-01-06: no map for 2027 */
    assert_int_equal(transfer(w, HOLDER_B, HOLDER_C, 10), V_CALENDAR);
    world_free(w);
}

/* W27, second part: replacing a holder keeps the count. */
static void test_transfer_holder_cap_counts_the_change(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {100, 100, 0};

    (void)state;
    world_security(w, S, 0, 2);
    world_register(w, S, q);
    assert_int_equal(transfer(w, HOLDER_A, HOLDER_C, 50), V_HOLDER_CAP);
    assert_int_equal(transfer(w, HOLDER_A, HOLDER_C, 100), V_OK);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register_sum_off_by_one_is_refused),
        cmocka_unit_test(test_register_other_lines_than_declared_are_refused),
        cmocka_unit_test(test_register_same_holder_twice_is_refused),
        cmocka_unit_test(test_register_beyond_the_cap_is_refused),
        cmocka_unit_test(test_register_cancel_takes_all_lines_out),
        cmocka_unit_test(test_transfer_second_spend_is_refused),
        cmocka_unit_test(test_pledge_release_follows_w14),
        cmocka_unit_test(test_pledge_refusals_follow_w15),
        cmocka_unit_test(test_freeze_queue_and_promotion_follow_w19),
        cmocka_unit_test(test_freeze_queue_does_not_take_later_purchases),
        cmocka_unit_test(test_freeze_rank_is_publicity_follows_w21),
        cmocka_unit_test(test_freeze_beyond_the_position_is_unfulfilled),
        cmocka_unit_test(test_freeze_reaches_over_a_pledge),
        cmocka_unit_test(test_freeze_longer_than_three_years_is_refused),
        cmocka_unit_test(test_transfer_t5_follows_w25),
        cmocka_unit_test(test_transfer_without_a_calendar_year_is_refused),
        cmocka_unit_test(test_transfer_holder_cap_counts_the_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
