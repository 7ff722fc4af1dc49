/* Blocks under way: a body counts only if the header commits to its bytes. */
#include "node/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* One transaction of three bytes. */
static const uint8_t body[] = {1, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c'};

static struct block_entry entry_of(uint32_t tx_count)
{
    struct block_entry b = {.used = true};
    struct body parts;

    assert_int_equal(body_split(&parts, bytes_of(body, sizeof body)), ERR_NONE);
    b.header.body_bytes = sizeof body;
    b.header.tx_count = tx_count;
    b.header.tx_root = body_tx_root(&parts);
    return b;
}

static void test_blocks_the_right_body_is_taken(void **state)
{
    struct block_entry b = entry_of(1);

    (void)state;
    assert_true(block_entry_set_body(&b, bytes_of(body, sizeof body)));
    assert_true(b.has_body);
    buf_deinit(&b.body);
}

/* Taken, it would make a valid block look invalid, and the node halt. */
static void test_blocks_another_body_of_the_same_size_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof body; i++) {
        struct block_entry b = entry_of(1);
        uint8_t other[sizeof body];

        memcpy(other, body, sizeof body);
        other[i] ^= 1;
        assert_false(block_entry_set_body(&b, bytes_of(other, sizeof other)));
        assert_false(b.has_body);
    }
}

static void test_blocks_size_and_count_must_agree(void **state)
{
    struct block_entry b = entry_of(2);

    (void)state;
    assert_false(block_entry_set_body(&b, bytes_of(body, sizeof body)));
    b = entry_of(1);
    assert_false(block_entry_set_body(&b, bytes_of(body, sizeof body - 1)));
}

/* A leader sends one block for a view; more would each be checked in full. */
static void test_blocks_a_second_one_of_a_view_is_a_rival(void **state)
{
    struct node *n = calloc(1, sizeof *n);
    struct block_entry *blocks = calloc(BLOCKS_MAX, sizeof blocks[0]);
    struct header h = {.view = 7, .proposer = 2};
    const struct hash first = {{1}};
    const struct hash second = {{2}};

    (void)state;
    assert_true(n != NULL && blocks != NULL);
    n->blocks = blocks;
    assert_false(block_entry_rival(n, &h, &first));
    blocks[3] = (struct block_entry){.used = true, .hash = first, .header = h};
    assert_false(block_entry_rival(n, &h, &first));
    assert_true(block_entry_rival(n, &h, &second));
    h.view = 8;
    assert_false(block_entry_rival(n, &h, &second));
    h.view = 7;
    h.proposer = 1;
    assert_false(block_entry_rival(n, &h, &second));
    free(blocks);
    free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_the_right_body_is_taken),
        cmocka_unit_test(test_blocks_another_body_of_the_same_size_is_refused),
        cmocka_unit_test(test_blocks_size_and_count_must_agree),
        cmocka_unit_test(test_blocks_a_second_one_of_a_view_is_a_rival),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
