#include "document/qr.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_qr_text_says_what_and_which_in_upper_case(void **state)
{
    struct hash chain;
    struct hash digest;
    char text[QR_TEXT_MAX];

    (void)state;
    memset(&chain, 0xab, sizeof chain);
    memset(&digest, 0x0c, sizeof digest);
    qr_text(text, RECEIPT_UNENCUMBERED, &chain, UINT64_MAX, &digest);
    assert_string_equal(
        text,
        "EQUITY:RECEIPT/UNENCUMBERED/"
        "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB/"
        "18446744073709551615/"
        "0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C");
}

static void test_qr_is_small_for_capitals_and_digits(void **state)
{
    static struct qr code;
    struct hash h;
    char text[QR_TEXT_MAX];

    (void)state;
    memset(&h, 0xab, sizeof h);
    qr_text(text, RECEIPT_UNENCUMBERED, &h, UINT64_MAX, &h);
    assert_true(qr_make(&code, text));
    assert_in_range(code.width, 21, 57); /* at most version 10 */
    for (uint32_t i = 0; i < 7; i++)     /* the upper edge of a corner mark */
        assert_int_equal(code.dark[i], 1);
    assert_int_equal(code.dark[7], 0);
}

static void test_qr_of_too_long_a_text_is_none(void **state)
{
    static struct qr code;
    static char text[9000];

    (void)state;
    memset(text, 'a', sizeof text - 1);
    assert_false(qr_make(&code, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qr_text_says_what_and_which_in_upper_case),
        cmocka_unit_test(test_qr_is_small_for_capitals_and_digits),
        cmocka_unit_test(test_qr_of_too_long_a_text_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
