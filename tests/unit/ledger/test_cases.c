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
        cmocka_unit_test(test_transfer_t5_follows_w25),
        cmocka_unit_test(test_transfer_without_a_calendar_year_is_refused),
        cmocka_unit_test(test_transfer_holder_cap_counts_the_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
