/* The manifest of a backup: one text for one meaning. */
#include "storage/manifest.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct manifest sample(uint32_t files)
{
    struct manifest m = {.chain_id = {{1}},
                         .height = 12,
                         .block_hash = {{2}},
                         .state_root = {{3}}};
    const struct hash h = {{4}};

    for (uint32_t i = files; i-- > 0;) { /* backwards: kept in order */
        char name[32];

        snprintf(name, sizeof name, "db/%06u.sst", i);
        assert_int_equal(manifest_add(&m, name, i * 1000, &h), ERR_NONE);
    }
    return m;
}

static void test_manifest_written_is_read(void **state)
{
    (void)state;
    for (uint32_t files = 1; files < 300; files = files * 3 + 1) {
        struct manifest m = sample(files);
        struct manifest back;
        struct buf text = {0};
        struct buf again = {0};

        manifest_encode(&text, &m);
        assert_int_equal(manifest_decode(&back, buf_bytes(&text)), ERR_NONE);
        assert_int_equal(back.count, files);
        assert_int_equal(back.height, 12);
        manifest_encode(&again, &back);
        assert_true(bytes_eq(buf_bytes(&text), buf_bytes(&again)));
        assert_non_null(manifest_find(&back, "db/000000.sst"));
        assert_null(manifest_find(&back, "db/x"));
        buf_deinit(&text);
        buf_deinit(&again);
        manifest_free(&m);
        manifest_free(&back);
    }
}

static void test_manifest_changed_anywhere_is_refused(void **state)
{
    struct manifest m = sample(3);
    struct manifest back;
    struct buf text = {0};

    (void)state;
    manifest_encode(&text, &m);
    for (size_t i = 0; i < text.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            text.at[i] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(manifest_decode(&back, buf_bytes(&text)),
                                 ERR_NONE);
            assert_null(back.files);
            text.at[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_not_equal(manifest_decode(&back, bytes_of(text.at, i)),
                             ERR_NONE);
    }
    buf_append(&text, "\n", 1);
    assert_int_equal(manifest_decode(&back, buf_bytes(&text)), ERR_TRAILING);
    buf_deinit(&text);
    manifest_free(&m);
}

static void test_manifest_names_stay_inside_the_backup(void **state)
{
    static const char *const bad[] = {
        "",
        "..",
        "db/..",
        "/etc/passwd",
        "db/../x",
        "a/b",
        "db/",
        "db//x",
        ".hidden",
        "db/.x",
        "a b",
        "db/a\n",
        "db/db/x",
        "0123456789012345678901234567890123456789012345678901234567"
        "890123"};
    static const char *const good[] = {
        "genesis", "db/CURRENT", "db/000005.log"};
    struct manifest m = {.height = 0};
    const struct hash h = {{0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(manifest_add(&m, bad[i], 0, &h), ERR_RANGE);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(manifest_add(&m, good[i], 0, &h), ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(manifest_add(&m, good[i], 0, &h), ERR_EXISTS);
    manifest_free(&m);
}

/* Texts that say the same otherwise. */
static void test_manifest_has_one_text_only(void **state)
{
    static const char *const texts[] = {
        "equity-backup 2\n",
        "equity-backup 1\nchain 00\n",
        "equity-backup 1\r\n",
        "",
    };
    struct manifest back;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_not_equal(
            manifest_decode(&back, bytes_of(texts[i], strlen(texts[i]))),
            ERR_NONE);
    assert_int_equal(manifest_decode(&back, bytes_of("GIF89a", 6)),
                     ERR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_written_is_read),
        cmocka_unit_test(test_manifest_changed_anywhere_is_refused),
        cmocka_unit_test(test_manifest_names_stay_inside_the_backup),
        cmocka_unit_test(test_manifest_has_one_text_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
