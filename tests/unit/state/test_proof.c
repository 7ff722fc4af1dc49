#include "state/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/property/tree_model.h"

static const struct hash zero;

static struct state *sample(void)
{
    static const char *const holders[] = {"A", "AB", "B", "C", "ZZZ"};
    struct state *s = state_new();
    struct row_key k = {TABLE_SECURITIES, zero, security_key("S")};

    assert_int_equal(state_load(s, &k, bytes_of("security", 8)), ERR_NONE);
    k.key = security_key("T");
    assert_int_equal(state_load(s, &k, bytes_of("another", 7)), ERR_NONE);
    k = (struct row_key){TABLE_HOLDINGS, security_key("S"), zero};
    for (uint32_t i = 0; i < 5; i++) {
        k.key = security_key(holders[i]);
        assert_int_equal(state_load(s, &k, bytes_of(holders[i], 1)), ERR_NONE);
    }
    return s;
}

/* What an auditor does: row -> holdings root -> security leaf -> slot -> state
 * root, from nothing but rows, paths and slots. */
static void test_proof_leads_from_a_holding_to_the_state_root(void **x)
{
    struct state *s = sample();
    const struct row_key security = {TABLE_SECURITIES, zero, security_key("S")};
    const struct row_key holding = {
        TABLE_HOLDINGS, security.key, security_key("B")};
    struct hash slots[TABLE_SLOTS];
    struct hash roots[3] = {{{0}}};
    struct hash expected = state_root(s);
    struct hash got;
    struct tree_path path;
    bool present;

    (void)x;
    state_slot_roots(s, slots);
    proof_tree(&path, s, &holding);
    path.leaf_row_hash = proof_row_hash(bytes_of("B", 1));
    assert_int_equal(
        proof_fold(&roots[0], &present, &path, TABLE_HOLDINGS, &holding.key),
        ERR_NONE);
    assert_true(present);
    proof_tree(&path, s, &security);
    path.leaf_row_hash =
        proof_security_row_hash(bytes_of("security", 8), roots);
    assert_int_equal(proof_fold(&slots[TABLE_SECURITIES],
                                &present,
                                &path,
                                TABLE_SECURITIES,
                                &security.key),
                     ERR_NONE);
    assert_true(present);
    got = proof_state_root(slots);
    assert_memory_equal(got.raw, expected.raw, sizeof got.raw);
    state_free(s);
}

static void test_proof_of_absence_ends_in_another_leaf_or_in_nothing(void **x)
{
    struct state *s = sample();
    struct row_key k = {
        TABLE_HOLDINGS, security_key("S"), security_key("NOBODY")};
    const struct hash root = state_tree_root(s, k.table, &k.tree);
    struct tree_path path;
    struct hash got;
    bool present = true;

    (void)x;
    proof_tree(&path, s, &k);
    assert_false(path.empty);
    assert_int_equal(proof_fold(&got, &present, &path, k.table, &k.key),
                     ERR_NONE);
    assert_memory_equal(got.raw, root.raw, sizeof got.raw);
    assert_false(present);
    k.tree = security_key("T"); /* has no holdings */
    proof_tree(&path, s, &k);
    assert_true(path.empty);
    present = true;
    assert_int_equal(proof_fold(&got, &present, &path, k.table, &k.key),
                     ERR_NONE);
    assert_true(hash_is_zero(&got));
    assert_false(present);
    state_free(s);
}

static void make_unordered(struct tree_path *p)
{
    p->bits[1] = p->bits[0];
}

static void make_bit_too_large(struct tree_path *p)
{
    p->bits[p->count - 1] = 256;
}

static void make_too_long(struct tree_path *p)
{
    p->count = PROOF_STEPS_MAX + 1;
}

static void make_other_leaf(struct tree_path *p)
{
    memset(p->leaf_key.raw, 0xff, sizeof p->leaf_key.raw);
}

static void make_empty_with_steps(struct tree_path *p)
{
    p->empty = true;
}

static void make_empty_with_a_leaf(struct tree_path *p)
{
    p->empty = true;
    p->count = 0;
}

static void test_proof_fold_refuses_a_path_that_is_none(void **x)
{
    static const struct {
        void (*spoil)(struct tree_path *p);
        enum err expected;
    } cases[] = {
        {make_unordered, ERR_ORDER},
        {make_bit_too_large, ERR_RANGE},
        {make_too_long, ERR_RANGE},
        {make_other_leaf, ERR_MISMATCH},
        {make_empty_with_steps, ERR_RANGE},
        {make_empty_with_a_leaf, ERR_RANGE},
    };
    struct state *s = sample();
    const struct row_key k = {
        TABLE_HOLDINGS, security_key("S"), security_key("AB")};
    struct tree_path path;
    struct hash got;
    bool present;

    (void)x;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        proof_tree(&path, s, &k);
        assert_true(path.count >= 2);
        cases[i].spoil(&path);
        present = true;
        assert_int_equal(proof_fold(&got, &present, &path, k.table, &k.key),
                         cases[i].expected);
        assert_true(hash_is_zero(&got));
        assert_false(present);
    }
    state_free(s);
}

/* The bit is hashed: moving a test to another bit that both keys agree on
 * must not pass for the same node. */
static void test_proof_with_a_moved_bit_has_another_root(void **x)
{
    struct state *s = sample();
    const struct row_key k = {
        TABLE_HOLDINGS, security_key("S"), security_key("AB")};
    const struct hash root = state_tree_root(s, k.table, &k.tree);
    struct tree_path path;
    struct hash got;
    bool present;

    (void)x;
    proof_tree(&path, s, &k);
    path.bits[path.count - 1]++;
    assert_int_equal(proof_fold(&got, &present, &path, k.table, &k.key),
                     ERR_NONE);
    assert_memory_not_equal(got.raw, root.raw, sizeof got.raw);
    state_free(s);
}

/* Keys that differ in each bit in turn give the deepest tree there is. */
static void test_proof_of_the_deepest_tree_folds(void **x)
{
    struct state *s = state_new();
    struct row_key k = {TABLE_HOLDINGS, security_key("S"), zero};
    struct tree_path path;
    struct hash root;
    struct hash got;
    bool present;

    (void)x;
    assert_int_equal(state_load(s, &k, bytes_of("x", 1)), ERR_NONE);
    for (uint32_t bit = 0; bit < 256; bit++) {
        k.key = zero;
        k.key.raw[bit / 8] = (uint8_t)(0x80u >> bit % 8);
        assert_int_equal(state_load(s, &k, bytes_of("x", 1)), ERR_NONE);
    }
    k.key = zero;
    proof_tree(&path, s, &k);
    assert_int_equal(path.count, PROOF_STEPS_MAX);
    root = state_tree_root(s, k.table, &k.tree);
    assert_int_equal(proof_fold(&got, &present, &path, k.table, &k.key),
                     ERR_NONE);
    assert_true(present);
    assert_memory_equal(got.raw, root.raw, sizeof got.raw);
    state_free(s);
}

static void test_proof_slot_path_leads_from_each_slot_to_the_root(void **x)
{
    struct hash slots[TABLE_SLOTS];
    struct hash path[PROOF_SLOT_STEPS];
    struct hash root;

    (void)x;
    for (uint8_t i = 0; i < TABLE_SLOTS; i++)
        slots[i] = proof_row_hash(bytes_of(&i, 1));
    root = proof_state_root(slots);
    for (uint8_t i = 0; i < TABLE_SLOTS; i++) {
        struct hash got;

        proof_slot_path(path, slots, i);
        got = proof_slot_fold(&slots[i], path, i);
        assert_memory_equal(got.raw, root.raw, sizeof got.raw);
        got = proof_slot_fold(&slots[i], path, (uint8_t)(i ^ 1));
        assert_memory_not_equal(got.raw, root.raw, sizeof got.raw);
    }
}

static bool add_to_list(void *ctx, const struct row_key *key, struct bytes row)
{
    const struct hash h = proof_row_hash(row);

    assert_int_equal(proof_list_add(ctx, &key->key, &h), ERR_NONE);
    return true;
}

static void check_list(struct state *s, const struct hash *tree)
{
    struct proof_list l;
    const struct hash root = state_tree_root(s, TABLE_HOLDINGS, tree);
    struct hash got;

    proof_list_begin(&l, TABLE_HOLDINGS);
    state_each(s, TABLE_HOLDINGS, tree, add_to_list, &l);
    assert_int_equal(l.count, state_row_count(s, TABLE_HOLDINGS));
    got = proof_list_root(&l);
    assert_memory_equal(got.raw, root.raw, sizeof got.raw);
}

struct leaves {
    struct proof_leaf list[512];
    size_t count;
};

static bool keep_leaf(void *ctx, const struct row_key *key, struct bytes row)
{
    struct leaves *l = ctx;

    assert_true(l->count < 512);
    l->list[l->count++] = (struct proof_leaf){key->key, proof_row_hash(row)};
    return true;
}

/* Presence and absence, in trees of all sizes. */
static void test_proof_list_path_is_the_path_of_the_tree(void **x)
{
    static struct leaves l;
    static struct tree_path a;
    static struct tree_path b;
    struct dice d = {9};
    struct state *s = state_new();
    struct row_key k = {TABLE_HOLDINGS, security_key("S"), zero};

    (void)x;
    for (uint32_t n = 0; n < 300; n++) {
        enum err e;

        l.count = 0;
        state_each(s, TABLE_HOLDINGS, &k.tree, keep_leaf, &l);
        for (int i = 0; i < 6; i++) {
            const bool known = l.count > 0 && i % 2 == 0;

            k.key = known ? l.list[dice_below(&d, (uint32_t)l.count)].key
                          : dice_key(&d);
            proof_tree(&a, s, &k);
            proof_list_path(&b, k.table, l.list, l.count, &k.key);
            assert_memory_equal(&a, &b, sizeof a);
        }
        k.key = dice_key(&d);
        if (l.count > 0 && n % 7 == 3) { /* neighbours, deep down */
            k.key = l.list[n % l.count].key;
            k.key.raw[31] ^= 1;
        }
        e = state_load(s, &k, bytes_of("row", 3));
        assert_true(e == ERR_NONE || e == ERR_EXISTS);
        (void)state_root(s);
    }
    state_free(s);
}

/* Random trees of all sizes, and the deepest there is. */
static void test_proof_list_has_the_root_of_the_tree(void **x)
{
    struct dice d = {7};
    struct state *s = state_new();
    struct row_key k = {TABLE_HOLDINGS, security_key("S"), zero};

    (void)x;
    for (uint32_t n = 0; n < 400; n++) {
        enum err e;

        check_list(s, &k.tree);
        k.key = dice_key(&d);
        e = state_load(s, &k, bytes_of(&n, sizeof n));
        assert_true(e == ERR_NONE || e == ERR_EXISTS);
    }
    state_free(s);
    s = state_new();
    for (uint32_t bit = 0; bit <= 256; bit++) {
        k.key = zero;
        if (bit < 256)
            k.key.raw[bit / 8] = (uint8_t)(0x80u >> bit % 8);
        assert_int_equal(state_load(s, &k, bytes_of("x", 1)), ERR_NONE);
        check_list(s, &k.tree);
    }
    state_free(s);
}

static void test_proof_list_refuses_what_does_not_ascend(void **x)
{
    struct proof_list l;
    struct hash a = security_key("A");
    struct hash b = security_key("B");

    (void)x;
    proof_list_begin(&l, TABLE_HOLDINGS);
    assert_true(hash_is_zero(&l.last));
    assert_int_equal(proof_list_add(&l, &b, &a), ERR_NONE);
    assert_int_equal(proof_list_add(&l, &b, &a), ERR_ORDER);
    assert_int_equal(proof_list_add(&l, &a, &a), ERR_ORDER);
    assert_int_equal(l.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proof_leads_from_a_holding_to_the_state_root),
        cmocka_unit_test(
            test_proof_of_absence_ends_in_another_leaf_or_in_nothing),
        cmocka_unit_test(test_proof_fold_refuses_a_path_that_is_none),
        cmocka_unit_test(test_proof_with_a_moved_bit_has_another_root),
        cmocka_unit_test(test_proof_of_the_deepest_tree_folds),
        cmocka_unit_test(test_proof_slot_path_leads_from_each_slot_to_the_root),
        cmocka_unit_test(test_proof_list_has_the_root_of_the_tree),
        cmocka_unit_test(test_proof_list_path_is_the_path_of_the_tree),
        cmocka_unit_test(test_proof_list_refuses_what_does_not_ascend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
