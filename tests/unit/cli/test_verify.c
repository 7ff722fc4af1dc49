/* The first key in which the state after a block differs. */
#include "cli/verify.h"

#include "ledger/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    CHANGES = 5,
};

static struct engine_row_change own_list[CHANGES];

static struct engine_refusal own(uint32_t count)
{
    for (uint8_t i = 0; i < CHANGES; i++)
        own_list[i] = (struct engine_row_change){
            .key = {.table = TABLE_HOLDINGS, .tree = {{1}}, .key = {{i}}},
            .old_row = {{2}},
            .new_row = {{3, i}}};
    return (struct engine_refusal){
        .tx = UINT32_MAX, .change_count = count, .changes = own_list};
}

/* What a node says of changes first .. to - 1; change `wrong` ends otherwise.
 */
static json_t *page(uint8_t first, uint8_t to, int wrong)
{
    json_t *list = json_array();

    for (uint8_t i = first; i < to; i++) {
        const struct hash tree = {{1}};
        const struct hash key = {{i}};
        const struct hash old = {{2}};
        const struct hash new_row = {{3, i, i == wrong ? 9 : 0}};

        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:o, s:o}",
                                        "table",
                                        "holdings",
                                        "tree",
                                        json_of_hex(tree.raw, HASH_BYTES),
                                        "key",
                                        json_of_hex(key.raw, HASH_BYTES),
                                        "old",
                                        json_of_hex(old.raw, HASH_BYTES),
                                        "new",
                                        json_of_hex(new_row.raw, HASH_BYTES)));
    }
    return list;
}

static json_t *find(uint32_t count, json_t *p, bool last, uint32_t *at)
{
    const struct engine_refusal r = own(count);
    json_t *found = verify_first_in_page(&r, p, last, at);

    json_decref(p);
    return found;
}

static void test_verify_same_changes_have_no_difference(void **state)
{
    uint32_t at = 0;

    (void)state;
    assert_null(find(CHANGES, page(0, 3, -1), false, &at));
    assert_int_equal(at, 3);
    assert_null(find(CHANGES, page(3, CHANGES, -1), true, &at));
    assert_int_equal(at, CHANGES);
}

static void test_verify_first_other_row_is_named(void **state)
{
    uint32_t at = 0;
    json_t *found = find(CHANGES, page(0, CHANGES, 3), true, &at);
    const struct hash key = {{3}};
    json_t *wanted = json_of_hex(key.raw, HASH_BYTES);

    (void)state;
    assert_int_equal(at, 3);
    assert_true(json_equal(
        wanted, json_object_get(json_object_get(found, "here"), "key")));
    assert_true(json_equal(
        wanted, json_object_get(json_object_get(found, "node"), "key")));
    json_decref(wanted);
    json_decref(found);
}

static void test_verify_change_of_one_side_only_is_named(void **state)
{
    uint32_t at = 0;
    json_t *found = find(CHANGES, page(0, 4, -1), true, &at);

    (void)state;
    assert_int_equal(at, 4);
    assert_true(json_is_object(json_object_get(found, "here")));
    assert_true(json_is_null(json_object_get(found, "node")));
    json_decref(found);
    at = 0;
    found = find(2, page(0, 3, -1), true, &at);
    assert_int_equal(at, 2);
    assert_true(json_is_null(json_object_get(found, "here")));
    assert_true(json_is_object(json_object_get(found, "node")));
    json_decref(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_same_changes_have_no_difference),
        cmocka_unit_test(test_verify_first_other_row_is_named),
        cmocka_unit_test(test_verify_change_of_one_side_only_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
