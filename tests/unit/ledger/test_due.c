/* Due work: when it is done, how much of it, and that nothing else goes
 * first. */
#include "tests/unit/ledger/world.h"

static const struct hash zero;

static struct params_row params(struct world *w)
{
    struct params_row p;

    assert_true(exec_get(&w->view, &p, TABLE_PARAMS, &zero, &zero));
    return p;
}

static uint32_t due_rows(const struct world *w)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->count; i++)
        count += w->rows[i].key.table == TABLE_DUE ? 1 : 0;
    return count;
}

/* Items that have nothing to do any more: of an account that is not there. */
static void add_items(struct world *w, uint32_t day, uint32_t count)
{
    struct exec x = {.b = &w->block, .op_index = UINT32_MAX};
    const struct due_row work = {.kind = DUE_RECOVERY, .account = {{0xee}}};

    for (uint32_t i = 0; i < count; i++)
        due_add(&x, day, &work);
    assert_int_equal(due_rows(w), count == 0 ? 0 : count + 1);
}

static struct op_void nothing(void)
{
    return (struct op_void){.voided = {{1}}};
}

static enum verdict file_void(struct world *w)
{
    const struct op_void op = nothing();

    return world_do(w, OP_VOID, &op);
}

/* R40: Due work is done by the first blocks of its business date, before any
 * transaction, in the order of day and entry. */
static void test_due_items_wait_for_their_day(void **state)
{
    struct world *w = world_new();

    (void)state;
    assert_int_equal(params(w).due_day, TODAY + 1); /* today's is done */
    add_items(w, TODAY + 2, 3);
    world_block(w, TODAY);
    world_block(w, TODAY + 1);
    assert_int_equal(due_rows(w), 4);
    assert_int_equal(params(w).due_day, TODAY + 2);
    world_block(w, TODAY + 2);
    assert_false(w->block.due_left);
    assert_int_equal(due_rows(w), 0);
    assert_int_equal(params(w).due_day, TODAY + 3);
    assert_int_equal(params(w).due_next, 1);
    world_free(w);
}

/* R41: A block does at most 1,000 items of due work; while any are left it
 * carries no transaction. */
static void test_due_more_than_a_block_does_keeps_transactions_out(void **state)
{
    struct world *w = world_new();
    const struct op_void op = nothing();

    (void)state;
    add_items(w, TODAY + 1, DUE_PER_BLOCK);
    world_block(w, TODAY + 1);
    assert_false(w->block.due_left);
    assert_int_equal(due_rows(w), 0);
    assert_int_equal(file_void(w), V_OK);

    add_items(w, TODAY + 2, DUE_PER_BLOCK + 1);
    world_block(w, TODAY + 2);
    assert_true(w->block.due_left);
    assert_int_equal(due_rows(w), 2);
    assert_int_equal(params(w).due_day, TODAY + 2);
    assert_int_equal(params(w).due_next, DUE_PER_BLOCK + 1);
    world_refused(w, OP_VOID, &op, V_DUE);
    world_block(w, TODAY + 2);
    assert_false(w->block.due_left);
    assert_int_equal(due_rows(w), 0);
    assert_int_equal(file_void(w), V_OK);
    world_free(w);
}

static void test_due_days_looked_at_are_bounded(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_block(w, TODAY + DUE_PER_BLOCK);
    assert_false(w->block.due_left);
    world_block(w, TODAY + 2 * DUE_PER_BLOCK + 1);
    assert_true(w->block.due_left);
    assert_int_equal(params(w).due_day, TODAY + 2 * DUE_PER_BLOCK + 1);
    world_block(w, TODAY + 2 * DUE_PER_BLOCK + 1);
    assert_false(w->block.due_left);
    world_free(w);
}

static void test_due_cursor_is_written_only_when_it_moves(void **state)
{
    struct world *w = world_new();
    const struct row_key key = {TABLE_PARAMS, zero, zero};
    const uint8_t *at = world_get(w, &key).at;

    (void)state;
    world_block(w, TODAY);
    assert_ptr_equal(world_get(w, &key).at, at);
    world_block(w, TODAY + 1);
    assert_ptr_not_equal(world_get(w, &key).at, at);
    world_free(w);
}

/* Left from the day before when its date is over: it goes on from there. */
static void test_due_rest_of_an_old_day_comes_first(void **state)
{
    struct world *w = world_new();
    struct exec x = {.b = &w->block, .op_index = UINT32_MAX};
    const struct due_row work = {.kind = DUE_RECOVERY, .account = {{0xee}}};

    (void)state;
    add_items(w, TODAY + 1, DUE_PER_BLOCK + 5);
    for (int i = 0; i < DUE_PER_BLOCK; i++)
        due_add(&x, TODAY + 2, &work);
    world_block(w, TODAY + 1);
    assert_true(w->block.due_left);
    world_block(w, TODAY + 2);
    assert_true(w->block.due_left);
    assert_int_equal(params(w).due_day, TODAY + 2);
    assert_int_equal(params(w).due_next, DUE_PER_BLOCK - 5 + 1);
    world_block(w, TODAY + 2);
    assert_false(w->block.due_left);
    assert_int_equal(due_rows(w), 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_items_wait_for_their_day),
        cmocka_unit_test(
            test_due_more_than_a_block_does_keeps_transactions_out),
        cmocka_unit_test(test_due_days_looked_at_are_bounded),
        cmocka_unit_test(test_due_cursor_is_written_only_when_it_moves),
        cmocka_unit_test(test_due_rest_of_an_old_day_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
