/* The first register: what was declared is what is loaded. */
#include "tests/unit/ledger/world.h"

#include "chain/mtree.h"

static const char S[] = "100001";

/* W01. R10: A register is confirmed when count, sum, root and holder cap agree
 * with what was declared. */
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

/* R9: A register is loaded in slices that follow one another, each holder once,
 * and never above the declared issue. */
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

/* R175: A line's nature is a code of the depository from 0 to 99, but for
 * shares subscribed and not paid (28) and records without legal effect (92 to
 * 94). */
static void test_register_nature_without_a_share_is_refused(void **state)
{
    static const struct {
        uint8_t nature;
        enum verdict expected;
    } cases[] = {{28, V_QUANTITY},
                 {92, V_QUANTITY},
                 {94, V_QUANTITY},
                 {100, V_QUANTITY},
                 {255, V_QUANTITY},
                 {27, V_OK},
                 {29, V_OK},
                 {91, V_OK},
                 {95, V_OK},
                 {99, V_OK}};
    struct world *w = world_new();
    struct op_register_open open = {
        .security = "100001", .issued = {50}, .line_count = 5};
    struct op_register_lines *lines = calloc(1, sizeof *lines);

    (void)state;
    memcpy(lines->security, S, sizeof S);
    lines->line_count = 1;
    world_security(w, S, 0, 200);
    assert_int_equal(world_do(w, OP_REGISTER_OPEN, &open), V_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        lines->lines[0] = (struct register_line){
            .account = world_account(w, (int)lines->first),
            .quantity = {10},
            .nature = cases[i].nature};
        assert_int_equal(world_do(w, OP_REGISTER_LINES, lines),
                         cases[i].expected);
        lines->first += cases[i].expected == V_OK ? 1 : 0;
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register_sum_off_by_one_is_refused),
        cmocka_unit_test(test_register_other_lines_than_declared_are_refused),
        cmocka_unit_test(test_register_same_holder_twice_is_refused),
        cmocka_unit_test(test_register_nature_without_a_share_is_refused),
        cmocka_unit_test(test_register_beyond_the_cap_is_refused),
        cmocka_unit_test(test_register_cancel_takes_all_lines_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
