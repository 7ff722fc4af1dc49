#include "base/check.h"
#include "chain/genesis.h"
#include "crypto/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct hash filled(uint8_t byte)
{
    struct hash h;

    memset(h.raw, byte, sizeof h.raw);
    return h;
}

static struct pubkey key(uint8_t n)
{
    struct secret s = {{0}};
    struct pubkey out;

    s.raw[31] = n;
    assert_int_equal(key_public(&out, &s), ERR_NONE);
    return out;
}

static int make(void **state)
{
    struct genesis *g = calloc(1, sizeof *g);

    assert_non_null(g);
    g->format = GENESIS_FORMAT;
    genesis_defaults(&g->params);
    g->institution_count = 1;
    g->institutions[0] = (struct genesis_institution){
        .number = 1,
        .code = "REG",
        .key_count = 1,
        .keys = {{key(3), KEY_OPERATOR}},
    };
    g->validator_count = 1;
    g->validators[0].key = key(4);
    g->validators[0].institution = 1;
    *state = g;
    return 0;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

static struct hash id_of(const struct genesis *g)
{
    struct hash id;

    assert_int_equal(genesis_chain_id(&id, g), ERR_NONE);
    return id;
}

/* E9 new chain: another origin is another chain. */
static void test_genesis_origin_is_part_of_the_chain_id(void **state)
{
    struct genesis *g = *state;
    const struct hash none = id_of(g);
    const char *why;
    struct hash one;
    struct hash other;

    g->origin_count = 1;
    g->origin[0] = (struct genesis_origin){filled(1), 77, filled(2), filled(3)};
    assert_int_equal(genesis_check(g, &why), ERR_NONE);
    one = id_of(g);
    g->origin[0].height = 78;
    other = id_of(g);
    assert_false(hash_eq(&none, &one));
    assert_false(hash_eq(&one, &other));
}

static void test_genesis_origin_that_names_no_block_is_refused(void **state)
{
    struct genesis *g = *state;
    const struct genesis_origin good = {filled(1), 0, filled(2), filled(3)};
    const char *why;

    assert_int_equal(genesis_check(g, &why), ERR_NONE);
    g->origin_count = 1;
    assert_int_equal(genesis_check(g, &why), ERR_RANGE);
    g->origin[0] = good;
    assert_int_equal(genesis_check(g, &why), ERR_NONE);
    g->origin[0].chain_id = filled(0);
    assert_int_equal(genesis_check(g, &why), ERR_RANGE);
    g->origin[0] = good;
    g->origin[0].block_hash = filled(0);
    assert_int_equal(genesis_check(g, &why), ERR_RANGE);
    g->origin[0] = good;
    g->origin[0].state_root = filled(0);
    assert_int_equal(genesis_check(g, &why), ERR_RANGE);
    assert_string_equal(why, "the origin names no block of another chain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_genesis_origin_is_part_of_the_chain_id, make, unmake),
        cmocka_unit_test_setup_teardown(
            test_genesis_origin_that_names_no_block_is_refused, make, unmake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
