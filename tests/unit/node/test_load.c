/* A start: the rows of a store, loaded by several threads, against its newest
 * block; with one thing wrong or none. */
#include "base/check.h"
#include "node/start.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/bench/chain.h"

enum {
    HOLDINGS = CHAIN_HOLDERS * CHAIN_SECURITIES,
};

static const struct hash zero;

struct world {
    struct chain chain;
    struct state *state;
};

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->state = state_new();
    chain_new(&w->chain, NULL);
    chain_open(&w->chain);
    chain_fill(&w->chain, w->state, HOLDINGS);
    return w;
}

static void world_free(struct world *w)
{
    chain_remove(&w->chain);
    state_free(w->state);
    free(w);
}

/* A block that changes one row: in the store, and if told so in the state that
 * its header speaks of. */
static void change(struct world *w,
                   const struct row_key *key,
                   struct bytes row,
                   bool in_state)
{
    const struct change c = {.key = *key,
                             .old_row = key->table < TABLES_USED
                                            ? state_get(w->state, key)
                                            : bytes_of(NULL, 0),
                             .new_row = row};
    const struct change_set set = {.list = &c, .count = 1};
    struct state_undo *undo;
    struct hash root;

    if (in_state) {
        state_apply(w->state, &root, &undo, &set);
        chain_block(&w->chain, w->state, &set);
        state_undo_free(undo);
    } else {
        chain_block(&w->chain, w->state, &set);
    }
}

static enum err load(struct world *w, struct engine **out)
{
    struct header tip;

    return load_engine(out, &tip, &w->chain.genesis, w->chain.store);
}

static void assert_loads_as(struct world *w, enum err expected)
{
    struct engine *e;

    assert_int_equal(load(w, &e), expected);
    engine_free(e);
}

static struct row_key first_holding(void)
{
    char code[CODE_MAX + 1];

    chain_code(code, 0);
    return (struct row_key){TABLE_HOLDINGS, security_key(code), chain_hash(0)};
}

static void test_load_in_parts_gives_the_whole_state(void **x)
{
    struct world *w = world_new();
    const struct row_key key = first_holding();
    struct engine *e;
    struct hash root;
    struct state *s;

    (void)x;
    assert_int_equal(load(w, &e), ERR_NONE);
    s = engine_state(e);
    root = state_root(s);
    assert_memory_equal(&root, &w->chain.tip.state_root, sizeof root);
    for (uint8_t t = 0; t < TABLES_USED; t++)
        assert_int_equal(state_row_count(s, t), state_row_count(w->state, t));
    assert_true(bytes_eq(state_get(s, &key), state_get(w->state, &key)));
    assert_int_equal(engine_audit(e), ERR_NONE);
    assert_int_equal(engine_tip(e)->height, w->chain.tip.height);
    engine_free(e);
    world_free(w);
}

static void test_load_of_another_row_is_a_mismatch(void **x)
{
    struct world *w = world_new();
    const struct row_key key = first_holding();
    uint8_t row[ROW_BYTES_MAX];

    (void)x;
    change(w, &key, chain_holding(row, 1 << 20), false);
    assert_loads_as(w, ERR_MISMATCH);
    world_free(w);
}

static void test_load_of_a_row_too_few_is_a_mismatch(void **x)
{
    struct world *w = world_new();
    const struct row_key key = {TABLE_ACCOUNTS, zero, chain_hash(3)};

    (void)x;
    change(w, &key, bytes_of(NULL, 0), false);
    assert_loads_as(w, ERR_MISMATCH);
    world_free(w);
}

/* The root agrees; what a security says of its holdings does not. */
static void test_load_with_wrong_sums_is_corrupt(void **x)
{
    struct world *w = world_new();
    const struct row_key holding = first_holding();
    const struct row_key key = {TABLE_SECURITIES, zero, holding.tree};
    uint8_t row[ROW_BYTES_MAX];

    (void)x;
    change(w, &key, chain_security(row, 0, CHAIN_HOLDERS + 1), true);
    assert_loads_as(w, ERR_CORRUPT);
    world_free(w);
}

static void test_load_with_wrong_marks_of_an_account_is_corrupt(void **x)
{
    struct world *w = world_new();
    const struct row_key key = {TABLE_ACCOUNTS, zero, chain_hash(0)};
    uint8_t row[ROW_BYTES_MAX];

    (void)x;
    change(w, &key, chain_account(row, 0, 2), true);
    assert_loads_as(w, ERR_CORRUPT);
    world_free(w);
}

/* No root covers it, whether its security would be first or last. */
static void test_load_finds_a_row_of_no_security(void **x)
{
    static const char *const codes[] = {"A", "S0000000000A", "Z"};
    uint8_t row[ROW_BYTES_MAX];

    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct world *w = world_new();
        const struct row_key key = {
            TABLE_HOLDINGS, security_key(codes[i]), zero};

        change(w, &key, chain_holding(row, 1), false);
        assert_loads_as(w, ERR_CORRUPT);
        world_free(w);
    }
}

static void test_load_of_a_table_that_is_none_is_corrupt(void **x)
{
    struct world *w = world_new();
    const struct row_key key = {TABLES_USED + 3, zero, zero};

    (void)x;
    change(w, &key, bytes_of("x", 1), false);
    assert_loads_as(w, ERR_CORRUPT);
    world_free(w);
}

static void test_load_of_a_tree_in_a_table_of_one_is_refused(void **x)
{
    struct world *w = world_new();
    const struct row_key key = {TABLE_CLAIMS, {{1}}, zero};

    (void)x;
    change(w, &key, bytes_of("x", 1), false);
    assert_loads_as(w, ERR_RANGE);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_in_parts_gives_the_whole_state),
        cmocka_unit_test(test_load_of_another_row_is_a_mismatch),
        cmocka_unit_test(test_load_of_a_row_too_few_is_a_mismatch),
        cmocka_unit_test(test_load_with_wrong_sums_is_corrupt),
        cmocka_unit_test(test_load_with_wrong_marks_of_an_account_is_corrupt),
        cmocka_unit_test(test_load_finds_a_row_of_no_security),
        cmocka_unit_test(test_load_of_a_table_that_is_none_is_corrupt),
        cmocka_unit_test(test_load_of_a_tree_in_a_table_of_one_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
