#include "state/state.h"

#include "chain/mtree.h"
#include "crypto/hash.h"
#include "state/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/property/tree_model.h"

static const struct hash zero;

static struct row_key key_of(uint8_t table, const char *tree, const char *key)
{
    return (struct row_key){table, security_key(tree), security_key(key)};
}

static struct bytes text(const char *s)
{
    return bytes_of(s, strlen(s));
}

static void assert_hash(struct hash got, struct hash expected)
{
    assert_memory_equal(got.raw, expected.raw, sizeof got.raw);
}

/* Applies one change for good. */
static struct hash put(struct state *s, struct row_key key, const char *row)
{
    const struct change c = {key, state_get(s, &key), text(row)};
    const struct change_set set = {.list = &c, .count = 1};
    struct state_undo *undo;
    struct hash root;

    state_apply(s, &root, &undo, &set);
    state_undo_free(undo);
    return root;
}

static struct hash drop_day(struct state *s, uint32_t day, bool keep)
{
    const struct row_key drop = {TABLE_REFERENCES, day_key(day), {{0}}};
    const struct change_set set = {.drops = &drop, .drop_count = 1};
    struct state_undo *undo;
    struct hash root;

    state_apply(s, &root, &undo, &set);
    if (keep)
        state_undo_free(undo);
    else
        state_undo(s, undo);
    return root;
}

static void test_state_empty_root_is_of_sixteen_zero_slots(void **x)
{
    struct state *s = state_new();
    const struct hash slots[TABLE_SLOTS] = {{{0}}};
    static const struct model none;

    (void)x;
    assert_hash(state_root(s), proof_state_root(slots));
    assert_hash(state_root(s), model_root(&none));
    state_free(s);
}

static void test_state_one_row_is_a_leaf_by_hand(void **x)
{
    struct state *s = state_new();
    const struct row_key k = key_of(TABLE_ACCOUNTS, "", "A");
    struct hash slots[TABLE_SLOTS];
    struct hash row;
    uint8_t leaf[65] = {0x61, 'A'};

    (void)x;
    put(s, k, "one");
    row = hash_byte_tagged(0x15, text("one"), text(""));
    memcpy(leaf + 33, row.raw, sizeof row.raw);
    state_slot_roots(s, slots);
    assert_hash(slots[TABLE_ACCOUNTS], hash_of(bytes_of(leaf, sizeof leaf)));
    assert_hash(slots[TABLE_SECURITIES], zero);
    assert_hash(state_tree_root(s, TABLE_ACCOUNTS, &zero),
                slots[TABLE_ACCOUNTS]);
    state_free(s);
}

static void test_state_security_leaf_holds_the_roots_of_its_trees(void **x)
{
    struct state *s = state_new();
    const struct hash tree = security_key("S");
    struct hash roots[3];
    struct hash row;
    struct hash slots[TABLE_SLOTS];

    (void)x;
    put(s, key_of(TABLE_SECURITIES, "", "S"), "row");
    put(s, key_of(TABLE_HOLDINGS, "S", "A"), "a");
    put(s, key_of(TABLE_FREEZES, "S", "1"), "f");
    put(s, key_of(TABLE_HOLDINGS, "OTHER", "A"), "b");
    for (uint8_t i = 0; i < 3; i++)
        roots[i] = state_tree_root(s, (uint8_t)(TABLE_HOLDINGS + i), &tree);
    assert_false(hash_is_zero(&roots[0]));
    assert_true(hash_is_zero(&roots[1]));
    assert_false(hash_is_zero(&roots[2]));
    row = proof_security_row_hash(text("row"), roots);
    state_slot_roots(s, slots);
    {
        const struct model_leaf leaf = {tree, row};

        assert_hash(slots[TABLE_SECURITIES],
                    model_tree(TABLE_SECURITIES, &leaf, 1));
    }
    for (uint8_t i = TABLE_HOLDINGS; i <= TABLE_FREEZES; i++)
        assert_true(hash_is_zero(&slots[i]));
    state_free(s);
}

static void test_state_day_leaf_lives_as_long_as_its_tree(void **x)
{
    struct state *s = state_new();
    const struct hash empty = state_root(s);
    const struct row_key a = {TABLE_REFERENCES, day_key(7), {{1}}};
    const struct row_key b = {TABLE_REFERENCES, day_key(8), {{1}}};
    struct hash only_b;
    struct hash both;

    (void)x;
    only_b = put(s, b, "b");
    both = put(s, a, "a");
    assert_int_equal(state_row_count(s, TABLE_REFERENCES), 2);
    assert_hash(drop_day(s, 7, false), only_b);
    assert_hash(state_root(s), both);
    assert_int_equal(state_get(s, &a).size, 1);
    assert_hash(drop_day(s, 7, true), only_b);
    assert_int_equal(state_get(s, &a).size, 0);
    assert_int_equal(state_row_count(s, TABLE_REFERENCES), 1);
    assert_hash(drop_day(s, 7, true), only_b); /* there is none */
    assert_hash(put(s, b, ""), empty);
    state_free(s);
}

static void test_state_undo_of_a_drop_restores_the_day_made_again(void **x)
{
    struct state *s = state_new();
    const struct row_key old = {TABLE_REFERENCES, day_key(7), {{1}}};
    const struct row_key drop = {TABLE_REFERENCES, day_key(7), {{0}}};
    const struct change_set dropping = {.drops = &drop, .drop_count = 1};
    const struct change again = {
        {TABLE_REFERENCES, day_key(7), {{2}}}, {NULL, 0}, text("new")};
    const struct change_set adding = {.list = &again, .count = 1};
    struct state_undo *first;
    struct state_undo *second;
    struct hash before = put(s, old, "old");
    struct hash root;

    (void)x;
    state_apply(s, &root, &first, &dropping);
    state_apply(s, &root, &second, &adding);
    state_undo(s, second);
    state_undo(s, first);
    assert_hash(state_root(s), before);
    assert_true(bytes_eq(state_get(s, &old), text("old")));
    state_free(s);
}

static void test_state_load_refuses_what_is_no_row(void **x)
{
    struct state *s = state_new();
    static uint8_t large[ROW_BYTES_MAX + 1];
    const struct {
        struct row_key key;
        struct bytes row;
        enum err expected;
    } cases[] = {
        {key_of(TABLE_ACCOUNTS, "", "A"), text("a"), ERR_NONE},
        {key_of(TABLE_ACCOUNTS, "", "A"), text("a"), ERR_EXISTS},
        {key_of(TABLE_ACCOUNTS, "", "B"), text(""), ERR_RANGE},
        {key_of(TABLE_ACCOUNTS, "T", "B"), text("a"), ERR_RANGE},
        {key_of(TABLES_USED, "", "B"), text("a"), ERR_RANGE},
        {key_of(255, "", "B"), text("a"), ERR_RANGE},
        {key_of(TABLE_ACCOUNTS, "", "B"),
         bytes_of(large, sizeof large),
         ERR_RANGE},
        {key_of(TABLE_ACCOUNTS, "", "B"),
         bytes_of(large, sizeof large - 1),
         ERR_NONE},
        {key_of(TABLE_HOLDINGS, "T", "B"), text("a"), ERR_NONE},
    };

    (void)x;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(state_load(s, &cases[i].key, cases[i].row),
                         cases[i].expected);
    assert_int_equal(state_row_count(s, TABLE_ACCOUNTS), 2);
    assert_true(bytes_eq(state_get(s, &cases[0].key), text("a")));
    state_free(s);
}

static void test_state_join_moves_trees_but_not_onto_others(void **x)
{
    struct state *s = state_new();
    struct state *part = state_new();
    const struct row_key mine = key_of(TABLE_HOLDINGS, "S", "A");
    const struct row_key same_tree = key_of(TABLE_HOLDINGS, "S", "B");
    const struct row_key same_table = {TABLE_ACCOUNTS, zero, {{2}}};
    const struct row_key account = {TABLE_ACCOUNTS, zero, {{1}}};

    (void)x;
    assert_int_equal(state_load(s, &mine, text("a")), ERR_NONE);
    assert_int_equal(state_load(part, &same_tree, text("b")), ERR_NONE);
    assert_int_equal(state_join(s, part), ERR_EXISTS);
    assert_int_equal(state_row_count(part, TABLE_HOLDINGS), 1);
    assert_int_equal(state_row_count(s, TABLE_HOLDINGS), 1);
    state_free(part);

    part = state_new();
    assert_int_equal(state_load(part, &account, text("c")), ERR_NONE);
    assert_int_equal(state_join(s, part), ERR_NONE);
    assert_int_equal(state_row_count(part, TABLE_ACCOUNTS), 0);
    assert_true(bytes_eq(state_get(s, &account), text("c")));
    assert_int_equal(state_load(part, &same_table, text("d")), ERR_NONE);
    assert_int_equal(state_join(s, part), ERR_EXISTS);
    state_free(part);
    state_free(s);
}

static bool collect(void *ctx, const struct row_key *key, struct bytes row)
{
    char *out = ctx;

    assert_int_equal(row.size, 1);
    memcpy(out + strlen(out), key->key.raw, 4); /* zero-padded text */
    return strlen(out) < 4;                     /* stops in the middle */
}

static void test_state_each_visits_in_key_order_until_told(void **x)
{
    struct state *s = state_new();
    static const char *const keys[] = {"M", "B", "ZZ", "A", "AB", "Y", "C"};
    const struct hash tree = security_key("S");
    char seen[32] = "";

    (void)x;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(s, key_of(TABLE_HOLDINGS, "S", keys[i]), "x");
    put(s, key_of(TABLE_HOLDINGS, "T", "Q"), "x");
    state_each(s, TABLE_HOLDINGS, &tree, collect, seen);
    assert_string_equal(seen, "AABB");
    seen[0] = 0;
    state_each(s, TABLE_PLEDGES, &tree, collect, seen);
    assert_string_equal(seen, "");
    state_free(s);
}

/* A change of one holding among 1,024 hashes its row, its leaf and the nodes
 * above, once each; then the security's two, and 31 for the state. */
static void test_state_apply_hashes_each_dirty_node_once(void **x)
{
    struct state *s = state_new();
    struct row_key k = key_of(TABLE_HOLDINGS, "S", "");
    uint64_t before;

    (void)x;
    put(s, key_of(TABLE_SECURITIES, "", "S"), "row");
    for (uint32_t i = 0; i < 1024; i++) {
        k.key.raw[0] = (uint8_t)(i >> 2);
        k.key.raw[1] = (uint8_t)(i << 6);
        assert_int_equal(state_load(s, &k, text("x")), ERR_NONE);
    }
    (void)state_root(s);
    before = state_hash_count(s);
    put(s, k, "y");
    assert_int_equal(state_hash_count(s) - before,
                     2 + 10 + 2 + TABLE_SLOTS - 1);
    before = state_hash_count(s);
    put(s, key_of(TABLE_ACCOUNTS, "", "A"), "");
    assert_int_equal(state_hash_count(s) - before, TABLE_SLOTS - 1);
    state_free(s);
}

static void test_state_memory_does_not_grow_when_rows_come_and_go(void **x)
{
    struct state *s = state_new();
    uint64_t at = 0;

    (void)x;
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < 100; i++) {
            struct row_key k = {TABLE_REFERENCES, day_key(round), zero};

            k.key = hash_of(bytes_of(&i, sizeof i));
            put(s, k, "reference");
        }
        if (round >= 2)
            drop_day(s, round - 2, true);
        if (round == 3)
            at = state_memory_bytes(s);
    }
    assert_int_equal(state_memory_bytes(s), at);
    state_free(s);
}

static void test_change_set_root_is_the_log_of_its_leaves(void **x)
{
    const struct change list[] = {
        {key_of(TABLE_ACCOUNTS, "", "A"), {NULL, 0}, text("new")},
        {key_of(TABLE_HOLDINGS, "S", "A"), text("old"), {NULL, 0}},
    };
    const struct row_key drop = {TABLE_REFERENCES, day_key(7), {{9}}};
    const struct change_set set = {list, 2, &drop, 1};
    struct hash leaves[3];
    uint8_t buf[129];
    struct hash h;

    (void)x;
    for (int i = 0; i < 3; i++) {
        memset(buf, 0, sizeof buf);
        buf[0] = i < 2 ? list[i].key.table : TABLE_REFERENCES;
        memcpy(buf + 1, i < 2 ? list[i].key.tree.raw : drop.tree.raw, 32);
        if (i < 2)
            memcpy(buf + 33, list[i].key.key.raw, 32);
        h = proof_row_hash(i == 0 ? text("new") : text("old"));
        if (i < 2)
            memcpy(buf + (i == 0 ? 97 : 65), h.raw, 32);
        leaves[i] = mtree_leaf(bytes_of(buf, sizeof buf));
    }
    assert_hash(change_set_root(&set), mtree_root(leaves, 3));
    {
        const struct change_set none = {0};

        assert_hash(change_set_root(&none), hash_of(text("")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_empty_root_is_of_sixteen_zero_slots),
        cmocka_unit_test(test_state_one_row_is_a_leaf_by_hand),
        cmocka_unit_test(test_state_security_leaf_holds_the_roots_of_its_trees),
        cmocka_unit_test(test_state_day_leaf_lives_as_long_as_its_tree),
        cmocka_unit_test(test_state_undo_of_a_drop_restores_the_day_made_again),
        cmocka_unit_test(test_state_load_refuses_what_is_no_row),
        cmocka_unit_test(test_state_join_moves_trees_but_not_onto_others),
        cmocka_unit_test(test_state_each_visits_in_key_order_until_told),
        cmocka_unit_test(test_state_apply_hashes_each_dirty_node_once),
        cmocka_unit_test(test_state_memory_does_not_grow_when_rows_come_and_go),
        cmocka_unit_test(test_change_set_root_is_the_log_of_its_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
