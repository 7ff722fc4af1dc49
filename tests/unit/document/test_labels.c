/* Every label in both languages. */
#include "document/labels.h"
#include "document/model.h"
#include "ledger/event.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool is_ascii(const char *text)
{
    while (*text != '\0') {
        if ((uint8_t)*text++ >= 0x80)
            return false;
    }
    return true;
}

static void check_pair(const char *en, const char *zh)
{
    assert_true(en[0] != '\0' && zh[0] != '\0');
    assert_true(is_ascii(en));
    assert_false(is_ascii(zh));
}

static void test_labels_are_whole_in_both_languages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LABELS; i++) {
        const enum label l = (enum label)i;

        check_pair(label_in(l, LANG_EN), label_in(l, LANG_ZH));
        for (char place = '0'; place <= '9'; place++) {
            const char in[] = {'{', place, '}', '\0'};

            assert_int_equal(strstr(label_in(l, LANG_EN), in) != NULL,
                             strstr(label_in(l, LANG_ZH), in) != NULL);
        }
    }
    assert_string_equal(label_in(LABELS, LANG_EN), "");
    assert_string_equal(label_in(LABEL_NOTE, LANGS), "");
}

static void test_labels_name_every_event(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < EVENT_KINDS; i++) {
        if (event_kind_names[i] != NULL)
            check_pair(event_in(i, LANG_EN), event_in(i, LANG_ZH));
        else
            assert_string_equal(event_in(i, LANG_ZH), "");
    }
    assert_string_equal(event_in(200, LANG_EN), "");
}

static void test_labels_name_every_kind_of_receipt(void **state)
{
    (void)state;
    for (uint8_t i = 1; i < RECEIPT_KINDS; i++) {
        assert_true(model_title(i) < LABELS);
        for (uint8_t k = 1; k < i; k++)
            assert_int_not_equal(model_title(i), model_title(k));
    }
    assert_int_equal(model_title(0), LABELS);
}

static void test_labels_stand_side_by_side(void **state)
{
    const struct word words[] = {word_of_number(2), word_of_number(9)};
    char text[80];

    (void)state;
    label_text(text, sizeof text, LABEL_HEIGHT, 1u << LANG_EN);
    assert_string_equal(text, "Height");
    label_text(text, sizeof text, LABEL_HEIGHT, 1u << LANG_ZH);
    assert_string_equal(text, "高度");
    label_text(text, sizeof text, LABEL_HEIGHT, LANGUAGES_ALL);
    assert_string_equal(text, "Height 高度");
    label_fill(text, sizeof text, LABEL_PAGE, LANGUAGES_ALL, words, 2);
    assert_string_equal(text, "Page 2 of 9 第 2 页 共 9 页");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_are_whole_in_both_languages),
        cmocka_unit_test(test_labels_name_every_event),
        cmocka_unit_test(test_labels_name_every_kind_of_receipt),
        cmocka_unit_test(test_labels_stand_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
