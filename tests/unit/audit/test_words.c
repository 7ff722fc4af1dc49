/* Every sentence in each language, and how a template is filled. */
#include "audit/words.h"
#include "base/attr.h"
#include "ledger/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The places of a template as bits; fails on a malformed one. */
static uint32_t places_of(const char *template)
{
    uint32_t places = 0;

    for (const char *at = template; *at != '\0'; at++) {
        assert_int_not_equal(*at, '}'); /* only behind its brace */
        if (*at != '{')
            continue;
        assert_in_range(at[1], '0', '9');
        places |= 1u << (at[1] - '0');
        assert_non_null(strchr(at, '}'));
        if (at[2] == ':')
            assert_true(strchr(at, '|') < strchr(at, '}'));
        else
            assert_int_equal(at[2], '}');
        at = strchr(at, '}');
    }
    return places;
}

static bool is_ascii(const char *text)
{
    while (*text != '\0') {
        if ((uint8_t)*text++ >= 0x80)
            return false;
    }
    return true;
}

static void test_words_sentences_are_whole_in_both_languages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SENTENCES; i++) {
        const char *en = sentence_template((enum sentence)i, LANG_EN);
        const char *zh = sentence_template((enum sentence)i, LANG_ZH);

        assert_true(strlen(en) > 10 && en[strlen(en) - 1] == '.');
        assert_true(is_ascii(en));
        assert_false(is_ascii(zh));
        assert_string_equal(zh + strlen(zh) - strlen("。"), "。");
        /* What one says, the other says; the words in order, no gap. */
        assert_int_equal(places_of(en), places_of(zh));
        assert_int_equal(places_of(en) & (places_of(en) + 1), 0);
    }
    assert_string_equal(sentence_template(SENTENCES, LANG_EN), "");
    assert_string_equal(sentence_template(SENTENCE_HOLDING, LANGS), "");
}

static void test_words_terms_are_whole_in_both_languages(void **state)
{
    (void)state;
    for (uint8_t i = 1; i < ACCOUNT_KINDS; i++) {
        assert_string_not_equal(term_account_kind(i, LANG_EN), "");
        assert_false(is_ascii(term_account_kind(i, LANG_ZH)));
    }
    for (uint8_t i = 1; i < ACCOUNT_STATUSES; i++) {
        assert_string_not_equal(term_account_status(i, LANG_EN), "");
        assert_false(is_ascii(term_account_status(i, LANG_ZH)));
    }
    assert_string_equal(term_account_kind(0, LANG_EN), "");
    assert_string_equal(term_account_kind(200, LANG_ZH), "");
    assert_string_equal(term_account_status(200, LANG_EN), "");
}

static void check_fill(const char *wanted,
                       const char *template,
                       const struct word *words,
                       size_t count)
{
    char out[64];

    words_fill(out, sizeof out, template, words, count);
    assert_string_equal(out, wanted);
}

static void test_words_fill_puts_words_in_their_places(void **state)
{
    const struct word words[] = {
        word_of("a"), word_of_number(1), word_of_number(UINT64_MAX)};

    (void)state;
    check_fill("plain", "plain", NULL, 0);
    check_fill("1 a a", "{1} {0} {0}", words, 3);
    check_fill("1 share, 18446744073709551615 shares",
               "{1} share{1:|s}, {2} share{2:|s}",
               words,
               3);
    check_fill("0 entries", "{0} entr{0:y|ies}", &(struct word){0}, 1);
    check_fill("ies", "{0:y|ies}", words, 3); /* a text is not one */
    check_fill("[]", "[{9}]", words, 3);
}

static void test_words_fill_takes_words_as_they_are(void **state)
{
    const struct word words[] = {word_of("{1}{0:a|b}%s"), word_of("x")};
    const struct word part = {.text = bytes_of("abcdef", 3)};

    (void)state;
    check_fill("{1}{0:a|b}%s x", "{0} {1}", words, 2);
    check_fill("abc.", "{0}.", &part, 1);
}

static void test_words_fill_cuts_what_does_not_fit(void **state)
{
    const struct word word = word_of("0123456789");
    char out[6];

    (void)state;
    memset(out, 'x', sizeof out);
    words_fill(out, 5, "a{0}b", &word, 1);
    assert_string_equal(out, "a012");
    assert_int_equal(out[5], 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_sentences_are_whole_in_both_languages),
        cmocka_unit_test(test_words_terms_are_whole_in_both_languages),
        cmocka_unit_test(test_words_fill_puts_words_in_their_places),
        cmocka_unit_test(test_words_fill_takes_words_as_they_are),
        cmocka_unit_test(test_words_fill_cuts_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
