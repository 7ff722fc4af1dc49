/* The vault's file: what was synced is there; a torn end goes aside, damage is
 * told, and two processes do not write one file. */
#include "cli/vault.h"

#include "base/check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ENTRIES = 3,
};

static const struct secret key = {{1, 2, 3}};
static char dir[64];
static char path[96];

static struct vault_entry entry(uint8_t n)
{
    struct vault_entry e = {.account = {{n}},
                            .subject_tag = {{n, 1}},
                            .custodian = n,
                            .name = "张三",
                            .id_type = "居民身份证"};

    snprintf(e.id_number, sizeof e.id_number, "IDENTITY-%u", n);
    return e;
}

static enum err reopen(struct vault **v)
{
    return vault_open(v, path, &key);
}

/* Three records, the sizes of the file after each. */
static off_t sizes[ENTRIES + 1];

static off_t size_now(void)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static int make(void **state)
{
    struct vault *v;

    (void)state;
    snprintf(dir, sizeof dir, "/tmp/equity-vault-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/vault.eqv", dir);
    assert_int_equal(reopen(&v), ERR_NONE);
    sizes[0] = size_now();
    for (uint8_t i = 1; i <= ENTRIES; i++) {
        const struct vault_entry e = entry(i);

        assert_int_equal(vault_add(v, &e, true), ERR_NONE);
        sizes[i] = size_now();
    }
    vault_close(v);
    return 0;
}

static int wipe(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void holds(uint32_t count)
{
    struct vault *v;

    assert_int_equal(reopen(&v), ERR_NONE);
    assert_int_equal(vault_count(v), count);
    for (uint8_t i = 1; i <= count; i++) {
        const struct vault_entry e = entry(i);
        const struct vault_entry *found = vault_by_tag(v, &e.subject_tag);

        assert_non_null(found);
        assert_string_equal(found->id_number, e.id_number);
        assert_ptr_equal(found, vault_by_account(v, &e.account));
    }
    vault_close(v);
}

static void cut_to(off_t size)
{
    assert_int_equal(truncate(path, size), 0);
}

static void poke(off_t at)
{
    const int fd = open(path, O_RDWR);
    uint8_t b;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &b, 1, at), 1);
    b ^= 1;
    assert_int_equal(pwrite(fd, &b, 1, at), 1);
    close(fd);
}

static void append(size_t size)
{
    const int fd = open(path, O_WRONLY | O_APPEND);
    uint8_t *b = calloc(1, size);

    assert_true(fd >= 0 && b != NULL);
    memset(b, 0xa5, size);
    assert_int_equal(write(fd, b, size), size);
    close(fd);
    free(b);
}

static bool is_aside(void)
{
    char aside[128];

    snprintf(aside, sizeof aside, "%s.torn", path);
    return access(aside, F_OK) == 0;
}

static void test_vault_what_was_added_is_there(void **state)
{
    (void)state;
    holds(ENTRIES);
    assert_false(is_aside());
}

/* Killed in the middle of a write, at any byte. */
static void test_vault_a_torn_end_is_cut(void **state)
{
    struct vault *v;
    const struct vault_entry last = entry(ENTRIES);

    (void)state;
    for (off_t size = sizes[ENTRIES] - 1; size > sizes[ENTRIES - 1]; size--) {
        cut_to(size);
        holds(ENTRIES - 1);
        assert_int_equal(size_now(), sizes[ENTRIES - 1]);
        assert_int_equal(reopen(&v), ERR_NONE);
        assert_int_equal(vault_add(v, &last, true), ERR_NONE);
        vault_close(v);
    }
    holds(ENTRIES);
    assert_true(is_aside());
}

/* A power cut may leave pages of anything behind what was synced. */
static void test_vault_garbage_at_the_end_goes_aside(void **state)
{
    (void)state;
    append(5000);
    holds(ENTRIES);
    assert_int_equal(size_now(), sizes[ENTRIES]);
    assert_true(is_aside());
    poke(sizes[ENTRIES] - 1); /* the last record itself */
    holds(ENTRIES - 1);
}

static void test_vault_damage_before_a_record_is_told(void **state)
{
    struct vault *v;

    (void)state;
    for (off_t at = sizes[1]; at < sizes[2]; at++) {
        poke(at);
        assert_int_equal(reopen(&v), ERR_CORRUPT);
        assert_null(v);
        assert_int_equal(size_now(), sizes[ENTRIES]);
        poke(at);
    }
    holds(ENTRIES);
    assert_false(is_aside());
}

static void test_vault_of_another_key_is_not_touched(void **state)
{
    const struct secret other = {{9}};
    struct vault *v;

    (void)state;
    assert_int_equal(vault_open(&v, path, &other), ERR_PASSPHRASE);
    assert_null(v);
    assert_int_equal(size_now(), sizes[ENTRIES]);
    poke(0);
    assert_int_equal(reopen(&v), ERR_VERSION);
    poke(0);
    holds(ENTRIES);
}

static void test_vault_cut_short_when_it_was_made(void **state)
{
    (void)state;
    for (off_t size = 0; size < sizes[0]; size++) {
        cut_to(size);
        holds(0);
        assert_int_equal(size_now(), sizes[0]);
    }
}

static void test_vault_has_one_writer(void **state)
{
    struct vault *v;
    struct vault *second;

    (void)state;
    assert_int_equal(reopen(&v), ERR_NONE);
    assert_int_equal(reopen(&second), ERR_LOCKED);
    assert_null(second);
    vault_close(v);
    holds(ENTRIES);
}

/* What it holds can be read by nobody else. */
static void test_vault_bytes_say_nothing(void **state)
{
    uint8_t bytes[4096];
    const int fd = open(path, O_RDONLY);
    const ssize_t size = read(fd, bytes, sizeof bytes);
    struct stat st;

    (void)state;
    assert_true(size > 0);
    assert_null(memmem(bytes, (size_t)size, "张三", strlen("张三")));
    assert_null(memmem(bytes, (size_t)size, "IDENTITY", 8));
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, wipe)
        TEST(test_vault_what_was_added_is_there),
        TEST(test_vault_a_torn_end_is_cut),
        TEST(test_vault_garbage_at_the_end_goes_aside),
        TEST(test_vault_damage_before_a_record_is_told),
        TEST(test_vault_of_another_key_is_not_touched),
        TEST(test_vault_cut_short_when_it_was_made),
        TEST(test_vault_has_one_writer),
        TEST(test_vault_bytes_say_nothing),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
