/* The vote journal: what was synced is there; damage is told, never used. */
#include "storage/journal.h"

#include "base/check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct hash chain = {{7}};

struct seen {
    uint32_t count;
    uint8_t types[64];
    uint8_t first[64];
};

static enum err each(void *ctx, const struct journal_record *r)
{
    struct seen *s = ctx;

    s->types[s->count] = r->type;
    s->first[s->count++] = r->payload.size > 0 ? r->payload.at[0] : 0;
    return ERR_NONE;
}

static char dir[64];
static char file[96];

static int make(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/equity-journal-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/journal-00000000.log", dir);
    assert_int_equal(journal_create(dir, &chain), ERR_NONE);
    return 0;
}

static int wipe(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct journal *reopen(struct seen *s,
                              enum err expected,
                              struct journal_place *at)
{
    struct journal *j;

    memset(s, 0, sizeof *s);
    assert_int_equal(journal_open(&j, dir, &chain, each, s, at), expected);
    return j;
}

/* Three records, of 40 bytes each, all synced. */
static void fill(void)
{
    struct seen s;
    struct journal_place at;
    struct journal *j = reopen(&s, ERR_NONE, &at);
    uint8_t payload[40] = {0};

    for (uint8_t i = 1; i <= 3; i++) {
        payload[0] = i;
        assert_int_equal(
            journal_append(j, 2, 0, i, bytes_of(payload, sizeof payload)),
            ERR_NONE);
    }
    assert_int_equal(journal_sync(j), ERR_NONE);
    journal_close(j);
}

static void poke(long offset, uint8_t mask)
{
    const int fd = open(file, O_RDWR);
    uint8_t b;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &b, 1, offset), 1);
    b ^= mask;
    assert_int_equal(pwrite(fd, &b, 1, offset), 1);
    close(fd);
}

static void test_journal_synced_records_are_there(void **state)
{
    struct seen s;
    struct journal_place at;

    (void)state;
    fill();
    journal_close(reopen(&s, ERR_NONE, &at));
    assert_int_equal(s.count, 3);
    assert_int_equal(s.first[0], 1);
    assert_int_equal(s.first[2], 3);
    assert_int_equal(at.torn_bytes, 0);
}

static void test_journal_unsynced_record_is_not(void **state)
{
    struct seen s;
    struct journal_place at;
    struct journal *j = reopen(&s, ERR_NONE, &at);

    (void)state;
    assert_int_equal(journal_append(j, 2, 0, 1, bytes_of("x", 1)), ERR_NONE);
    journal_close(j);
    journal_close(reopen(&s, ERR_NONE, &at));
    assert_int_equal(s.count, 0);
}

/* J2: every byte of the last record may be wrong: it is cut, and the journal
 * goes on from the one before. */
static void test_journal_torn_last_record_is_cut(void **state)
{
    (void)state;
    fill();
    for (long i = 0; i < 76; i++) {
        struct seen s;
        struct journal_place at;
        struct journal *j;

        poke(64 + 2 * 80 + i, 0xff);
        j = reopen(&s, ERR_NONE, &at);
        assert_int_equal(s.count, 2);
        assert_true(at.torn_bytes > 0);
        assert_int_equal(journal_append(j, 2, 0, 3, bytes_of("\3", 1)),
                         ERR_NONE);
        assert_int_equal(journal_sync(j), ERR_NONE);
        journal_close(j);
        journal_close(reopen(&s, ERR_NONE, &at));
        assert_int_equal(s.count, 3);
        wipe(NULL);
        make(NULL);
        fill();
    }
}

/* J2: a wrong byte before a valid record refuses the journal. */
static void test_journal_damage_in_the_middle_is_refused(void **state)
{
    (void)state;
    fill();
    for (long i = 0; i < 76; i++) {
        struct seen s;
        struct journal_place at;

        poke(64 + 80 + i, 0x01);
        assert_null(reopen(&s, ERR_CORRUPT, &at));
        assert_int_equal(at.offset, 64 + 80);
        poke(64 + 80 + i, 0x01);
    }
}

static void test_journal_of_another_chain_is_refused(void **state)
{
    const struct hash other = {{8}};
    struct seen s = {0};
    struct journal_place at;
    struct journal *j;

    (void)state;
    assert_int_equal(journal_open(&j, dir, &other, each, &s, &at), ERR_CHAIN);
    assert_null(j);
}

static void test_journal_is_never_made_twice_or_by_opening(void **state)
{
    struct seen s = {0};
    struct journal_place at;
    struct journal *j;

    (void)state;
    assert_int_equal(journal_create(dir, &chain), ERR_EXISTS);
    assert_int_equal(
        journal_open(&j, "/tmp/equity-no-such-dir", &chain, each, &s, &at),
        ERR_NOT_FOUND);
}

static void test_journal_goes_on_in_a_new_segment(void **state)
{
    struct seen s;
    struct journal_place at;
    struct journal *j;

    (void)state;
    fill();
    j = reopen(&s, ERR_NONE, &at);
    assert_int_equal(journal_begin_segment(j), ERR_NONE);
    assert_int_equal(journal_append(j, 3, 0, 4, bytes_of("\4", 1)), ERR_NONE);
    assert_int_equal(journal_sync(j), ERR_NONE);
    journal_close(j);
    j = reopen(&s, ERR_NONE, &at);
    assert_int_equal(s.count, 4);
    assert_int_equal(journal_drop_older(j, journal_segment(j)), ERR_NONE);
    journal_close(j);
    journal_close(reopen(&s, ERR_NONE, &at));
    assert_int_equal(s.count, 1);
    assert_int_equal(s.first[0], 4);
}

/* A checkpoint with many bodies fills more than one segment: all of it stays,
 * or a restart would find a journal without its birth and its votes. */
static void test_journal_a_long_checkpoint_is_kept_whole(void **state)
{
    uint8_t *big = calloc(1, JOURNAL_PAYLOAD_MAX);
    struct seen s;
    struct journal_place at;
    struct journal *j;
    uint32_t first;

    (void)state;
    fill();
    j = reopen(&s, ERR_NONE, &at);
    assert_int_equal(journal_begin_segment(j), ERR_NONE);
    first = journal_segment(j);
    assert_int_equal(journal_append(j, 3, 0, 4, bytes_of("\4", 1)), ERR_NONE);
    for (int i = 0; i < 12; i++)
        assert_int_equal(
            journal_append(j, 2, 0, 5, bytes_of(big, JOURNAL_PAYLOAD_MAX)),
            ERR_NONE);
    assert_int_equal(journal_sync(j), ERR_NONE);
    assert_true(journal_segment(j) > first);
    assert_int_equal(journal_drop_older(j, first), ERR_NONE);
    journal_close(j);
    journal_close(reopen(&s, ERR_NONE, &at));
    assert_int_equal(s.count, 13);
    assert_int_equal(s.first[0], 4);
    free(big);
}

static void test_journal_too_large_a_record_is_refused(void **state)
{
    struct seen s;
    struct journal_place at;
    struct journal *j = reopen(&s, ERR_NONE, &at);
    uint8_t *big = calloc(1, JOURNAL_PAYLOAD_MAX + 1);

    (void)state;
    assert_int_equal(
        journal_append(j, 2, 0, 1, bytes_of(big, JOURNAL_PAYLOAD_MAX + 1)),
        ERR_RANGE);
    journal_close(j);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, wipe)
        TEST(test_journal_synced_records_are_there),
        TEST(test_journal_unsynced_record_is_not),
        TEST(test_journal_torn_last_record_is_cut),
        TEST(test_journal_damage_in_the_middle_is_refused),
        TEST(test_journal_of_another_chain_is_refused),
        TEST(test_journal_is_never_made_twice_or_by_opening),
        TEST(test_journal_goes_on_in_a_new_segment),
        TEST(test_journal_a_long_checkpoint_is_kept_whole),
        TEST(test_journal_too_large_a_record_is_refused),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
