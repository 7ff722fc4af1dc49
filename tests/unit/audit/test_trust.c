/* The trust file: what is written is read, what is wrong is named. */
#include "tests/unit/audit/tamper.h"

#include <stdio.h>

static const char hash_text[] =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static bool parse(struct trust *t, const char *text, char why[256])
{
    why[0] = '\0';
    return trust_parse(t, bytes_of(text, strlen(text)), why, 256) == ERR_NONE;
}

/* malloc'ed */
static char *text_of(const struct trust *t)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_true(trust_write(out, t));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void written_is_read(const struct trust *t)
{
    char *text = text_of(t);
    char *twice;
    struct trust again;
    char why[256];

    assert_true(parse(&again, text, why));
    twice = text_of(&again);
    assert_string_equal(twice, text);
    assert_int_equal(again.pin_count, t->pin_count);
    free(text);
    free(twice);
}

static void test_trust_written_is_read(void **state)
{
    struct trust t = rig_trust(rig(), story->traded);

    (void)state;
    t.offset_ms = 28800000;
    t.pin_count = 2;
    t.pins[1] = (struct trust_pin){UINT64_MAX, {{7}}};
    written_is_read(&t);
    t = rig_trust(rig(), 0);
    t.validators = false;
    memset(&t.set, 0, sizeof t.set);
    written_is_read(&t);
    t = rig_trust(rig(), story->traded);
    t.genesis = false;
    t.validators = false;
    memset(&t.genesis_hash, 0, sizeof t.genesis_hash);
    memset(&t.set, 0, sizeof t.set);
    written_is_read(&t);
}

static void test_trust_hash_at_finds_genesis_and_pins(void **state)
{
    struct trust t = rig_trust(rig(), story->traded);

    (void)state;
    assert_ptr_equal(trust_hash_at(&t, 0), &t.genesis_hash);
    assert_ptr_equal(trust_hash_at(&t, story->traded), &t.pins[0].hash);
    assert_null(trust_hash_at(&t, 1));
    t.genesis = false;
    assert_null(trust_hash_at(&t, 0));
}

static void fill(char *out, size_t size, const char *text)
{
    size_t at = 0;

    for (; *text != '\0'; text++) {
        const char *part = *text == '#' ? hash_text : text;
        const size_t n = *text == '#' ? strlen(hash_text) : 1;

        assert_true(at + n < size);
        memcpy(out + at, part, n);
        at += n;
    }
    out[at] = '\0';
}

static void test_trust_that_is_not_right_says_why(void **state)
{
    /* # stands for a hash. */
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "line 1"},
        {"[]", "the trust file must be an object"},
        {"{}", "format"},
        {"{\"format\":2}", "format must be 1"},
        {"{\"format\":1,\"format\":1}", "duplicate"},
        {"{\"format\":1,\"chain_id\":\"00\"}", "chain_id must be 64"},
        {"{\"format\":1,\"chain_id\":\"#\"}", "offset_ms"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":-1}", "offset_ms"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":86400001}",
         "offset_ms"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":1.5}", "offset_ms"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0}",
         "genesis or pinned"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"x\":0}",
         "not known"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"genesis\":{}}",
         "hash must be"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"pinned\":[]}",
         "1 to 64"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"pinned\":[{"
         "\"height\":\"0\",\"hash\":\"#\"}]}",
         "ascend from 1"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"pinned\":[{"
         "\"height\":7,\"hash\":\"#\"}]}",
         "in a string"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"pinned\":[{"
         "\"height\":\"07\",\"hash\":\"#\"}]}",
         "in a string"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"pinned\":[{"
         "\"height\":\"7\",\"hash\":\"#\"},{\"height\":\"7\",\"hash\":\"#\"}]"
         "}",
         "ascend from 1"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"genesis\":{"
         "\"hash\":\"#\",\"validators\":[]}}",
         "ascend by key"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"genesis\":{"
         "\"hash\":\"#\",\"validators\":[{}]}}",
         "key must be 66"},
        {"{\"format\":1,\"chain_id\":\"#\",\"offset_ms\":0,\"genesis\":{"
         "\"hash\":\"#\"}} x",
         "end of file expected"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trust t;
        struct trust none = {0};
        char text[1024];
        char why[256];

        fill(text, sizeof text, cases[i].text);
        assert_false(parse(&t, text, why));
        if (strstr(why, cases[i].why) == NULL)
            fail_msg("%s: %s", text, why);
        assert_memory_equal(&t, &none, sizeof t);
    }
}

static void test_trust_too_large_or_deep_is_refused(void **state)
{
    char *text = calloc(1, TRUST_BYTES_MAX + 2);
    struct trust t;
    char why[256];

    (void)state;
    assert_non_null(text);
    memset(text, ' ', TRUST_BYTES_MAX + 1);
    assert_false(parse(&t, text, why));
    memset(text, '[', TRUST_BYTES_MAX);
    text[TRUST_BYTES_MAX] = '\0';
    assert_false(parse(&t, text, why));
    assert_non_null(strstr(why, "nested"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trust_written_is_read),
        cmocka_unit_test(test_trust_hash_at_finds_genesis_and_pins),
        cmocka_unit_test(test_trust_that_is_not_right_says_why),
        cmocka_unit_test(test_trust_too_large_or_deep_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
