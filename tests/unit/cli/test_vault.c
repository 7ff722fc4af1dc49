/* The commitments that stand on the ledger for a person. */
#include "cli/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* I14: each commitment is salted by itself and bound to its account. */
static void test_identity_differs_by_account_salt_and_content(void **state)
{
    const struct hash account = {{1}};
    const struct hash other_account = {{2}};
    const uint8_t salt[16] = {1};
    const uint8_t other_salt[16] = {2};
    const struct hash of[] = {
        vault_identity(&account, salt, "ID", "1", "A"),
        vault_identity(&other_account, salt, "ID", "1", "A"),
        vault_identity(&account, other_salt, "ID", "1", "A"),
        vault_identity(&account, salt, "PASSPORT", "1", "A"),
        vault_identity(&account, salt, "ID", "2", "A"),
        vault_identity(&account, salt, "ID", "1", "B"),
        vault_identity(&account, salt, "ID1", "", "A"),
    };
    const struct hash again = vault_identity(&account, salt, "ID", "1", "A");

    (void)state;
    assert_true(hash_eq(&of[0], &again));
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(hash_eq(&of[i], &of[k]));
    }
}

static void test_tag_is_the_persons_whatever_the_account(void **state)
{
    const struct secret key = {{1}};
    const struct secret other_key = {{2}};
    const struct hash tag = vault_tag(&key, "ID", "50010119900101123X");
    const struct hash same = vault_tag(&key, "id", "5001 0119 9001 0112 3x");
    const struct hash next = vault_tag(&key, "ID", "500101199001011231");
    const struct hash foreign =
        vault_tag(&other_key, "ID", "50010119900101123X");

    (void)state;
    assert_true(hash_eq(&tag, &same));
    assert_false(hash_eq(&tag, &next));
    assert_false(hash_eq(&tag, &foreign));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_differs_by_account_salt_and_content),
        cmocka_unit_test(test_tag_is_the_persons_whatever_the_account),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
