/* The vote journal: what was synced is there; damage is told, never used. */
#include "storage/journal.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "base/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    HEADER = 64, /* of a segment */
    RECORD_HEADER = 48,
    RECORD = 96, /* with the 40 bytes of fill() */
    PAGE = 4096,
    PAGES = 5,
};

static const struct hash chain = {{7}};

/* The disk's answers to a flush and a write, if not the real ones. */
static int flush_errno;
static int write_errno;

int fdatasync(int fd)
{
    errno = flush_errno;
    return flush_errno != 0 ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *at, size_t size, off_t offset)
{
    errno = write_errno;
    return write_errno != 0
               ? -1
               : (ssize_t)syscall(SYS_pwrite64, fd, at, size, offset);
}

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

/* Three records, of 40 bytes each, each with its own sync. */
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
        assert_int_equal(journal_sync(j), ERR_NONE);
    }
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
    for (long i = 0; i < RECORD_HEADER + 40 + 4; i++) {
        struct seen s;
        struct journal_place at;
        struct journal *j;

        poke(HEADER + 2 * RECORD + i, 0xff);
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
    for (long i = 0; i < RECORD_HEADER + 40 + 4; i++) {
        struct seen s;
        struct journal_place at;

        poke(HEADER + RECORD + i, 0x01);
        assert_null(reopen(&s, ERR_CORRUPT, &at));
        assert_int_equal(at.offset, HEADER + RECORD);
        poke(HEADER + RECORD + i, 0x01);
    }
}

static void read_at(uint8_t *out, size_t size, long offset)
{
    const int fd = open(file, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, out, size, offset), (ssize_t)size);
    close(fd);
}

/* A segment got its name when all of it was on disk: one that is shorter has
 * lost what it had, votes among it, and nothing behind it says so. */
static void test_journal_cut_short_is_refused(void **state)
{
    static const off_t sizes[] = {HEADER + 2 * RECORD + RECORD - 3,
                                  HEADER + 2 * RECORD,
                                  (16 << 20) - 1,
                                  0};

    (void)state;
    fill();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct seen s;
        struct journal_place at;

        assert_int_equal(truncate(file, sizes[i]), 0);
        assert_null(reopen(&s, ERR_CORRUPT, &at));
        assert_int_equal(s.count, 0);
    }
}

/* The last record's padding is part of it. */
static void test_journal_segment_of_any_size_is_read_within_it(void **state)
{
    static uint8_t whole[HEADER + 3 * RECORD];

    (void)state;
    fill();
    read_at(whole, sizeof whole, 0);
    for (size_t size = 0; size <= sizeof whole; size++) {
        struct seen s = {0};
        struct journal_place at;
        uint8_t *in = malloc(size + 1); /* exactly, for the sanitizers */
        enum err e;

        assert_non_null(in);
        memcpy(in, whole, size);
        in = realloc(in, size > 0 ? size : 1);
        assert_non_null(in);
        e = journal_read_segment(bytes_of(in, size), &chain, each, &s, &at);
        if (size < HEADER)
            assert_int_not_equal(e, ERR_NONE);
        else
            assert_int_equal(s.count, (size - HEADER) / RECORD);
        free(in);
    }
}

static void write_at(const uint8_t *in, size_t size, long offset)
{
    const int fd = open(file, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, in, size, offset), (ssize_t)size);
    close(fd);
}

/* One sync of a body over several pages, a vote before it and two behind. */
static void append_batch(struct journal *j, const uint8_t *body, size_t size)
{
    for (uint8_t i = 4; i <= 7; i++) {
        const struct bytes payload =
            i == 5 ? bytes_of(body, size) : bytes_of(&i, 1);

        assert_int_equal(journal_append(j, i, 0, i, payload), ERR_NONE);
    }
    assert_int_equal(journal_sync(j), ERR_NONE);
}

/* J2: a power cut amid a sync may lose any of its pages and write any other.
 * Whatever is left, what was synced before is there, and the journal goes on;
 * no page of an earlier sync may be missing beside it. */
static void test_journal_any_pages_of_the_last_sync_may_be_lost(void **state)
{
    static uint8_t before[PAGES * PAGE];
    static uint8_t after[PAGES * PAGE];
    static uint8_t body[3 * PAGE + 500];
    struct seen s;
    struct journal_place at;
    struct journal *j;

    (void)state;
    memset(body, 9, sizeof body);
    fill();
    read_at(before, sizeof before, 0);
    j = reopen(&s, ERR_NONE, &at);
    append_batch(j, body, sizeof body);
    journal_close(j);
    read_at(after, sizeof after, 0);
    for (uint32_t lost = 0; lost < 1u << PAGES; lost++) {
        for (uint32_t i = 0; i < PAGES; i++)
            write_at((lost >> i & 1 ? before : after) + (size_t)i * PAGE,
                     PAGE,
                     (long)i * PAGE);
        j = reopen(&s, ERR_NONE, &at);
        assert_true(s.count >= 3 && s.count <= 7);
        assert_int_equal(s.count == 7, (lost & 0xf) == 0);
        for (uint8_t i = 3; i < s.count; i++)
            assert_int_equal(s.types[i], i + 1);
        assert_int_equal(journal_append(j, 3, 0, 9, bytes_of("\x9", 1)),
                         ERR_NONE);
        assert_int_equal(journal_sync(j), ERR_NONE);
        journal_close(j);
        journal_close(reopen(&s, ERR_NONE, &at));
        assert_int_equal(s.first[s.count - 1], 9);
        assert_int_equal(at.torn_bytes, 0);
    }
    /* The same, and a byte of what was synced before. */
    for (uint32_t lost = 0; lost < 7; lost++) {
        for (uint32_t i = 0; i < PAGES; i++)
            write_at((lost >> i & 1 && i > 0 ? before : after) +
                         (size_t)i * PAGE,
                     PAGE,
                     (long)i * PAGE);
        poke(HEADER + 2 * RECORD, 1);
        assert_null(reopen(&s, ERR_CORRUPT, &at));
    }
}

/* A record that follows another one than the one before it is not taken, good
 * as it is. */
static void test_journal_records_of_two_histories_do_not_mix(void **state)
{
    static uint8_t before[PAGE];
    static uint8_t other[PAGE];
    struct seen s;
    struct journal_place at;

    (void)state;
    fill();
    read_at(before, sizeof before, 0);
    for (uint8_t history = 1; history <= 2; history++) {
        struct journal *j;

        write_at(before, sizeof before, 0);
        j = reopen(&s, ERR_NONE, &at);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(journal_append(j, 2, 0, 4, bytes_of(&history, 1)),
                             ERR_NONE);
            assert_int_equal(journal_sync(j), ERR_NONE);
        }
        journal_close(j);
        if (history == 1)
            read_at(other, sizeof other, 0);
    }
    /* The fifth record of the first, behind the fourth of the second. */
    write_at(other + HEADER + 3 * RECORD + 56, 56, HEADER + 3 * RECORD + 56);
    journal_close(reopen(&s, ERR_NONE, &at));
    assert_int_equal(s.count, 4);
    assert_int_equal(s.first[3], 2);
}

/* A record as it would stand in a segment with this salt. */
static size_t forge(uint8_t *out, uint64_t sequence, const uint8_t salt[8])
{
    struct writer w = writer_of(out, 64);

    writer_u32(&w, 1);
    writer_u32(&w, 2);
    writer_u64(&w, sequence);
    writer_u64(&w, 0);
    writer_u64(&w, 1);
    writer_u64(&w, sequence);
    writer_u32(&w, 0);
    writer_u32(&w,
               crc32c_extend(crc32c_extend(0, bytes_of(salt, 4)),
                             bytes_of(out, w.size)));
    writer_u8(&w, 1);
    writer_u32(&w,
               crc32c_extend(crc32c_extend(0, bytes_of(salt + 4, 4)),
                             bytes_of(out, w.size)));
    return w.size;
}

/* Writes a body with a forged record of a later batch in it, tears the body's
 * first page off, and opens. */
static void open_with_forgery(const uint8_t salt[8], enum err expected)
{
    static uint8_t body[2 * PAGE];
    static uint8_t before[PAGE];
    struct seen s;
    struct journal_place at;
    struct journal *j;

    memset(body, 0, sizeof body);
    for (size_t i = PAGE; i + 64 <= sizeof body; i += 64)
        (void)forge(body + i, 6, salt);
    fill();
    read_at(before, sizeof before, 0);
    j = reopen(&s, ERR_NONE, &at);
    append_batch(j, body, sizeof body);
    journal_close(j);
    write_at(before, sizeof before, 0);
    journal_close(reopen(&s, expected, &at));
    assert_int_equal(s.count, 3);
}

/* A body from elsewhere cannot make a torn tail look like damage. */
static void test_journal_a_body_cannot_hold_a_later_record(void **state)
{
    static const uint8_t none[8];

    (void)state;
    open_with_forgery(none, ERR_NONE);
}

/* The forgery is good but for the salt, which only this node knows. */
static void test_journal_the_salt_alone_keeps_forgeries_out(void **state)
{
    uint8_t salt[8];
    uint8_t other[8];

    (void)state;
    read_at(salt, sizeof salt, 52);
    open_with_forgery(salt, ERR_CORRUPT);
    wipe(NULL);
    make(NULL);
    read_at(other, sizeof other, 52);
    assert_memory_not_equal(salt, other, sizeof salt);
}

/* Whoever is killed while a segment is filled leaves nothing but its temporary
 * file, which the next attempt takes over. */
static void test_journal_half_made_segments_do_no_harm(void **state)
{
    char temporary[96];
    struct seen s = {0};
    struct journal_place at;
    struct journal *j;

    (void)state;
    snprintf(temporary, sizeof temporary, "%s/journal.tmp", dir);
    assert_int_equal(rename(file, temporary), 0);
    assert_int_equal(truncate(temporary, 70000), 0);
    assert_int_equal(journal_open(&j, dir, &chain, each, &s, &at),
                     ERR_NOT_FOUND);
    assert_int_equal(journal_create(dir, &chain), ERR_NONE);
    assert_int_not_equal(access(temporary, F_OK), 0);
    fill();
    assert_int_equal(symlink("/dev/full", temporary), 0);
    j = reopen(&s, ERR_NONE, &at);
    assert_int_equal(journal_begin_segment(j), ERR_FULL);
    journal_close(j);
    journal_close(reopen(&s, ERR_NONE, &at));
    assert_int_equal(s.count, 3);
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

static enum err is_of_epoch(void *ctx, const struct journal_record *r)
{
    uint32_t *count = ctx;

    ++*count;
    return r->epoch == 7 && r->view == 9 ? ERR_NONE : ERR_MISMATCH;
}

/* D10 records name their epoch, and their view */
static void test_journal_record_names_its_epoch_and_view(void **state)
{
    struct seen s;
    struct journal_place at;
    struct journal *j = reopen(&s, ERR_NONE, &at);
    uint32_t count = 0;

    (void)state;
    assert_int_equal(journal_append(j, 2, 7, 9, bytes_of("x", 1)), ERR_NONE);
    assert_int_equal(journal_sync(j), ERR_NONE);
    journal_close(j);
    assert_int_equal(journal_open(&j, dir, &chain, is_of_epoch, &count, &at),
                     ERR_NONE);
    assert_int_equal(count, 1);
    journal_close(j);
}

static void fails(int *what, int code, enum err expected)
{
    struct seen s;
    struct journal_place at;
    struct journal *j = reopen(&s, ERR_NONE, &at);
    const uint64_t durable = journal_durable(j);

    assert_int_equal(journal_append(j, 2, 0, 1, bytes_of("x", 1)), ERR_NONE);
    *what = code;
    assert_int_equal(journal_sync(j), expected);
    *what = 0;
    assert_int_equal(journal_durable(j), durable);
    assert_int_equal(journal_sync(j), expected);
    assert_int_equal(journal_append(j, 2, 0, 2, bytes_of("y", 1)), expected);
    assert_int_equal(journal_begin_segment(j), expected);
    assert_int_equal(journal_drop_older(j, 1), expected);
    journal_close(j);
    journal_close(reopen(&s, ERR_NONE, &at)); /* a new process reads on */
}

/* H3 disk error, J4: a page that could not be flushed may be marked clean, so
 * that the next flush succeeds without it. */
static void test_journal_after_a_failed_flush_nothing_succeeds(void **state)
{
    (void)state;
    fails(&flush_errno, EIO, ERR_IO);
    fails(&flush_errno, ENOSPC, ERR_FULL);
    fails(&flush_errno, EDQUOT, ERR_FULL);
}

static void test_journal_after_a_failed_write_nothing_succeeds(void **state)
{
    (void)state;
    fails(&write_errno, EIO, ERR_IO);
    fails(&write_errno, ENOSPC, ERR_FULL);
}

static void test_journal_counts_what_is_on_disk(void **state)
{
    struct seen s;
    struct journal_place at;
    struct journal *j;

    (void)state;
    fill();
    j = reopen(&s, ERR_NONE, &at);
    assert_int_equal(journal_durable(j), 3);
    assert_int_equal(journal_append(j, 2, 0, 1, bytes_of("x", 1)), ERR_NONE);
    assert_int_equal(journal_durable(j), 3);
    assert_int_equal(journal_sync(j), ERR_NONE);
    assert_int_equal(journal_durable(j), 4);
    assert_int_equal(journal_begin_segment(j), ERR_NONE);
    assert_int_equal(journal_drop_older(j, 1), ERR_NONE);
    assert_int_equal(journal_durable(j), 4);
    journal_close(j);
    j = reopen(&s, ERR_NONE, &at);
    assert_int_equal(s.count, 0);
    assert_int_equal(journal_durable(j), 4);
    journal_close(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, wipe)
        TEST(test_journal_synced_records_are_there),
        TEST(test_journal_unsynced_record_is_not),
        TEST(test_journal_torn_last_record_is_cut),
        TEST(test_journal_damage_in_the_middle_is_refused),
        TEST(test_journal_cut_short_is_refused),
        TEST(test_journal_segment_of_any_size_is_read_within_it),
        TEST(test_journal_any_pages_of_the_last_sync_may_be_lost),
        TEST(test_journal_records_of_two_histories_do_not_mix),
        TEST(test_journal_a_body_cannot_hold_a_later_record),
        TEST(test_journal_the_salt_alone_keeps_forgeries_out),
        TEST(test_journal_half_made_segments_do_no_harm),
        TEST(test_journal_of_another_chain_is_refused),
        TEST(test_journal_is_never_made_twice_or_by_opening),
        TEST(test_journal_goes_on_in_a_new_segment),
        TEST(test_journal_a_long_checkpoint_is_kept_whole),
        TEST(test_journal_too_large_a_record_is_refused),
        TEST(test_journal_record_names_its_epoch_and_view),
        TEST(test_journal_after_a_failed_flush_nothing_succeeds),
        TEST(test_journal_after_a_failed_write_nothing_succeeds),
        TEST(test_journal_counts_what_is_on_disk),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
