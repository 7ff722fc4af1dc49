/* Movements by hand; tests/market/chains.c checks them on random markets. */
#include "ledger/movement.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct hash A = {{'A'}};
static const struct hash B = {{'B'}};
static const struct hash C = {{'C'}};

static void check(uint8_t kind,
                  const struct hash *account,
                  const struct hash *other,
                  uint64_t in,
                  uint64_t out)
{
    struct event e = {.kind = kind, .account = *account, .quantity = 70};
    struct movement m;

    if (other != NULL)
        e.other = *other;
    m = movement_of(&e, &A);
    assert_int_equal(m.in, in);
    assert_int_equal(m.out, out);
}

static void test_movement_is_from_the_account_to_the_other(void **state)
{
    static const uint8_t kinds[] = {EVENT_TRANSFERRED,
                                    EVENT_GIVEN,
                                    EVENT_DIVIDED,
                                    EVENT_SUCCEEDED,
                                    EVENT_TRANSFERRED_BY_COURT,
                                    EVENT_TITLE_CONFIRMED,
                                    EVENT_PLEDGE_ENFORCED,
                                    EVENT_PLEDGE_CARRIED,
                                    EVENT_CORRECTED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        check(kinds[i], &A, &B, 0, 70);
        check(kinds[i], &B, &A, 70, 0);
        check(kinds[i], &B, &C, 0, 0);
        check(kinds[i], &A, &A, 0, 0);
    }
}

static void test_movement_of_a_first_line_is_in(void **state)
{
    (void)state;
    check(EVENT_REGISTER_LINE, &A, NULL, 70, 0);
    check(EVENT_REGISTER_LINE, &B, NULL, 0, 0);
}

static void test_movement_of_rights_and_codes_is_none(void **state)
{
    static const uint8_t kinds[] = {EVENT_PLEDGED,
                                    EVENT_PLEDGE_RELEASED,
                                    EVENT_FROZEN,
                                    EVENT_FREEZE_CHANGED,
                                    EVENT_LOCKED,
                                    EVENT_BOARD_MOVED,
                                    EVENT_PLEDGE_CARRIED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        check(kinds[i], &A, NULL, 0, 0);
    check(EVENT_FREEZE_CARRIED, &A, &B, 0, 0);
    check(EVENT_CLAIM_OPENED, &A, &B, 0, 0);
}

static void test_movement_add_refuses_what_is_no_quantity(void **state)
{
    uint64_t balance = 5;

    (void)state;
    assert_true(movement_add(&balance, &(struct movement){.in = 2}));
    assert_int_equal(balance, 7);
    assert_false(movement_add(&balance, &(struct movement){.out = 8}));
    assert_false(movement_add(&balance, &(struct movement){.in = UINT64_MAX}));
    assert_int_equal(balance, 7);
    assert_true(movement_add(&balance, &(struct movement){.out = 7}));
    assert_int_equal(balance, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_movement_is_from_the_account_to_the_other),
        cmocka_unit_test(test_movement_of_a_first_line_is_in),
        cmocka_unit_test(test_movement_of_rights_and_codes_is_none),
        cmocka_unit_test(test_movement_add_refuses_what_is_no_quantity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
