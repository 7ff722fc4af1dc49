/* The index beside a tree: it finds what is there and nothing else, however
 * the keys were chosen. */
#include "state/leaf_index.h"
#include "state/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    LEAVES = 2000,
    SAME = 400, /* more keys with one hash than find room */
};

static uint64_t dice_state = 7;

static uint64_t dice(void)
{
    uint64_t z = dice_state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool finds(const struct leaf_index *x, uint32_t hash, uint32_t leaf)
{
    uint32_t at = 0;
    uint32_t found;

    while ((found = leaf_index_next(x, hash, &at)) != 0) {
        if (found == leaf)
            return true;
    }
    return false;
}

/* Hashes of few values, so that they cluster. */
static void test_index_finds_what_was_added_and_not_removed(void **state)
{
    static uint32_t hash[LEAVES + 1];
    static bool there[LEAVES + 1];
    struct leaf_index x;

    (void)state;
    leaf_index_init(&x, LEAVES);
    for (uint32_t i = 1; i <= LEAVES; i++)
        hash[i] = (uint32_t)dice() % 1500 + (uint32_t)(dice() << 20);
    for (int step = 0; step < 40000; step++) {
        const uint32_t i = 1 + (uint32_t)(dice() % LEAVES);

        if (there[i])
            leaf_index_remove(&x, hash[i], i);
        else
            leaf_index_add(&x, hash[i], i);
        there[i] = !there[i];
        if (step % 400 != 0)
            continue;
        for (uint32_t k = 1; k <= LEAVES; k++)
            assert_int_equal(finds(&x, hash[k], k), there[k]);
        assert_int_equal(x.left_out, 0);
    }
    leaf_index_deinit(&x);
}

static void test_index_with_one_hash_leaves_some_out(void **state)
{
    struct leaf_index x;
    uint32_t found = 0;

    (void)state;
    leaf_index_init(&x, SAME);
    for (uint32_t i = 1; i <= SAME; i++)
        leaf_index_add(&x, 77, i);
    assert_int_equal(x.used + x.left_out, SAME);
    assert_true(x.left_out > 0);
    for (uint32_t i = 1; i <= SAME; i++)
        found += finds(&x, 77, i) ? 1 : 0;
    assert_int_equal(found, x.used);
    for (uint32_t i = SAME; i >= 1; i--)
        leaf_index_remove(&x, 77, i);
    assert_int_equal(x.used, 0);
    assert_int_equal(x.left_out, 0);
    leaf_index_deinit(&x);
}

/* Key n of those whose hash is the same: the last word undoes the others. */
static struct hash colliding(uint64_t n)
{
    struct hash key = {{0}};
    uint64_t h;
    uint64_t last;

    memcpy(key.raw, &n, sizeof n);
    h = (n ^ 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 32) * 0x94d049bb133111ebu;
    h = (h ^ h >> 32) * 0xbf58476d1ce4e5b9u;
    last = h ^ h >> 32;
    memcpy(key.raw + 24, &last, sizeof last);
    return key;
}

static struct row_key row_key_of(uint64_t n)
{
    return (struct row_key){TABLE_HOLDINGS, {{1}}, colliding(n)};
}

/* Somebody chose the keys: rows are found all the same, and only they. */
static void test_state_with_colliding_keys_finds_every_row(void **state)
{
    struct state *s = state_new();
    struct state_undo *undo;
    struct hash root;
    const struct hash first = colliding(1);

    (void)state;
    for (uint64_t n = 1; n <= SAME; n++) {
        const struct row_key k = row_key_of(n);
        uint8_t row[8];
        enum err e;

        assert_int_equal(leaf_index_hash(&k.key), leaf_index_hash(&first));
        memcpy(row, &n, sizeof n);
        e = state_load(s, &k, bytes_of(row, sizeof row));
        assert_int_equal(e, ERR_NONE);
    }
    for (uint64_t n = 1; n <= 2 * SAME; n++) {
        const struct row_key k = row_key_of(n);
        const struct bytes row = state_get(s, &k);

        assert_int_equal(row.size, n <= SAME ? 8 : 0);
        if (row.size > 0)
            assert_memory_equal(row.at, &n, sizeof n);
    }
    for (uint64_t n = 1; n <= SAME; n++) { /* the odd ones go */
        const struct row_key k = row_key_of(n);
        const struct change c = {k, state_get(s, &k), bytes_of(NULL, 0)};
        const struct change_set set = {.list = &c, .count = 1};

        if (n % 2 == 0)
            continue;
        state_apply(s, &root, &undo, &set);
        state_undo_free(undo);
    }
    for (uint64_t n = 1; n <= SAME; n++) {
        const struct row_key k = row_key_of(n);

        assert_int_equal(state_get(s, &k).size, n % 2 == 0 ? 8 : 0);
    }
    state_free(s);
}

/* A tree that shrinks below the size of an index and grows again. */
static void test_state_that_shrinks_and_grows_finds_every_row(void **state)
{
    struct state *s = state_new();
    bool there[100] = {false};
    const uint8_t row[1] = {1};

    (void)state;
    for (int step = 0; step < 20000; step++) {
        const uint32_t n =
            (uint32_t)(dice() % (step / 2000 % 2 == 0 ? 100 : 30));
        const struct row_key k = {TABLE_ACCOUNTS, {{0}}, {{(uint8_t)n, 7}}};
        const struct bytes now = state_get(s, &k);
        const struct change c = {
            k, now, there[n] ? bytes_of(NULL, 0) : bytes_of(row, 1)};
        const struct change_set set = {.list = &c, .count = 1};
        struct state_undo *undo;
        struct hash root;

        assert_int_equal(now.size, there[n] ? 1 : 0);
        state_apply(s, &root, &undo, &set);
        if (step % 3 == 0) {
            state_undo(s, undo);
        } else {
            state_undo_free(undo);
            there[n] = !there[n];
        }
    }
    state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_finds_what_was_added_and_not_removed),
        cmocka_unit_test(test_index_with_one_hash_leaves_some_out),
        cmocka_unit_test(test_state_with_colliding_keys_finds_every_row),
        cmocka_unit_test(test_state_that_shrinks_and_grows_finds_every_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
