/* The vote journal against everything a disk does: its last batch torn at every
 * byte and in every combination of sectors, every bit of a record and of a
 * segment's header turned over, and every call that fails, falls short, finds
 * the disk full, or is the last one before a crash.
 *
 *   T1  what was acknowledged as synced is read again, in order, unchanged, and
 *       nothing that was never appended
 *   T2  a torn end is cut, and the journal goes on behind it
 *   T3  damage before the newest batch refuses the journal and says where
 *   T4  after a failed write or sync nothing is written or synced any more
 *   T5  a segment's header that is not as it was written is never accepted
 *
 * prop_journal [--all yes]: also each of the like writes that fill a segment.
 */
#include "base/check.h"
#include "storage/journal.h"
#include "tests/disk/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    RECORDS_MAX = 64,
    SEGMENT = 16 << 20,
    HEAD = 64,
    CALLS_MAX = 2000,
    FILL = 65536,
    SECTOR = 512,
};

static bool all_calls;
static char dir[200];
static const struct hash chain = {{7}};

/* ---- records ---- */

static size_t size_of(uint32_t i)
{
    static const size_t sizes[] = {0, 1, 16, 100, 731, 5000};

    return sizes[i % ARRAY_LEN(sizes)];
}

static struct bytes payload_of(uint32_t i)
{
    static uint8_t room[8192];
    const size_t size = size_of(i);

    for (size_t k = 0; k < size; k++)
        room[k] = (uint8_t)(i * 31 + k * 7 + 1);
    return bytes_of(room, size);
}

static enum err append(struct journal *j, uint32_t i)
{
    return journal_append(j, (uint8_t)(1 + i % 5), i / 9, i, payload_of(i));
}

/* What a reading found. */
struct found {
    uint32_t first, count;
};

static enum err take(void *ctx, const struct journal_record *r)
{
    struct found *f = ctx;
    const uint32_t i = (uint32_t)r->view;

    if (f->count == 0)
        f->first = i;
    assert_int_equal(i, f->first + f->count);
    assert_int_equal(r->type, 1 + i % 5);
    assert_int_equal(r->epoch, i / 9);
    assert_true(bytes_eq(r->payload, payload_of(i)));
    f->count++;
    return ERR_NONE;
}

static enum err read_all(struct found *f,
                         struct journal **out,
                         struct journal_place *at)
{
    *f = (struct found){0};
    return journal_open(out, dir, &chain, take, f, at);
}

/* It can be read, and goes on behind what was read. */
static void goes_on(const struct found *f, struct journal *j)
{
    const uint32_t next = f->first + f->count;
    struct journal_place at;
    struct found again;

    assert_int_equal(append(j, next), ERR_NONE);
    assert_int_equal(journal_sync(j), ERR_NONE);
    journal_close(j);
    assert_int_equal(read_all(&again, &j, &at), ERR_NONE);
    assert_int_equal(again.first, f->count > 0 ? f->first : next);
    assert_int_equal(again.count, f->count + 1);
    assert_int_equal(at.torn_bytes, 0);
    journal_close(j);
}

/* ---- one segment as a file ---- */

static int open_segment(uint32_t n)
{
    char path[300];
    int fd;

    snprintf(path, sizeof path, "%s/journal-%08u.log", dir, n);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void empty_dir(void)
{
    DIR *d;

    (void)mkdir(dir, 0700);
    d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[600];

        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        (void)unlink(path);
    }
    closedir(d);
}

/* Batches of `each` records; the offset at which each begins, and the end. */
static void make_batches(uint32_t batches,
                         uint32_t each,
                         uint64_t offsets[RECORDS_MAX])
{
    struct journal_place at;
    struct journal *j;
    struct found f;
    uint32_t i = 0;

    empty_dir();
    assert_int_equal(journal_create(dir, &chain), ERR_NONE);
    assert_int_equal(read_all(&f, &j, &at), ERR_NONE);
    for (uint32_t b = 0; b < batches; b++) {
        offsets[b] = journal_segment_bytes(j);
        for (uint32_t k = 0; k < each; k++)
            assert_int_equal(append(j, i++), ERR_NONE);
        assert_int_equal(journal_sync(j), ERR_NONE);
    }
    offsets[batches] = journal_segment_bytes(j);
    journal_close(j);
}

static void get(int fd, uint8_t *to, size_t size, uint64_t at)
{
    assert_int_equal(pread(fd, to, size, (off_t)at), size);
}

static void put(int fd, const uint8_t *from, size_t size, uint64_t at)
{
    assert_int_equal(pwrite(fd, from, size, (off_t)at), size);
}

/* T1, T2: the last batch begins at from and is size bytes; of what was written
 * only `left` is there. */
static void check_torn(int fd,
                       const uint8_t *left,
                       size_t size,
                       uint64_t from,
                       uint32_t least,
                       uint32_t most)
{
    struct journal_place at;
    struct journal *j;
    struct found f;

    put(fd, left, size, from);
    assert_int_equal(read_all(&f, &j, &at), ERR_NONE);
    assert_in_range(f.count, least, most);
    goes_on(&f, j);
}

static void clear_from(int fd, uint64_t from)
{
    static const uint8_t zeros[32768];

    put(fd, zeros, sizeof zeros, from);
}

static void test_journal_last_batch_torn_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t batches = 2; batches <= 5; batches++) {
        uint64_t offsets[RECORDS_MAX];
        uint8_t written[16384];
        uint8_t left[16384];
        uint64_t from;
        size_t size;
        int fd;

        make_batches(batches, 1, offsets);
        from = offsets[batches - 1];
        size = (size_t)(offsets[batches] - from);
        fd = open_segment(0);
        get(fd, written, size, from);
        for (size_t n = 0; n <= size; n++) {
            const bool whole = memcmp(written, left, 0) == 0 &&
                               n + 8 > size; /* the rest may be padding */

            memset(left, 0, size);
            memcpy(left, written, n);
            clear_from(fd, from);
            check_torn(fd,
                       left,
                       size,
                       from,
                       n == size ? batches : batches - 1,
                       whole ? batches : batches - 1);
        }
        close(fd);
    }
}

static void test_journal_last_batch_torn_in_any_sectors(void **state)
{
    uint64_t offsets[RECORDS_MAX];
    uint8_t written[32768];
    uint8_t left[32768];
    uint64_t from;
    size_t size;
    uint32_t sectors;
    int fd;

    (void)state;
    make_batches(2, 5, offsets); /* 848 bytes and more each */
    from = offsets[1];
    size = (size_t)(offsets[2] - from);
    fd = open_segment(0);
    get(fd, written, size, from);
    sectors = (uint32_t)((from + size - 1) / SECTOR - from / SECTOR) + 1;
    assert_in_range(sectors, 3, 12);
    for (uint32_t there = 0; there < 1u << sectors; there++) {
        memset(left, 0, size);
        for (size_t k = 0; k < size; k++) {
            if ((there >> ((from + k) / SECTOR - from / SECTOR) & 1) != 0)
                left[k] = written[k];
        }
        clear_from(fd, from);
        check_torn(
            fd, left, size, from, there + 1 == 1u << sectors ? 10 : 5, 10);
    }
    close(fd);
}

/* ---- bits ---- */

/* Padding behind a record is covered by nothing and means nothing. */
static bool is_padding(size_t payload, size_t at)
{
    return at >= 48 + payload + 4;
}

static void turn(int fd, uint64_t at, uint32_t bit)
{
    uint8_t byte;

    get(fd, &byte, 1, at);
    byte ^= (uint8_t)(1u << bit);
    put(fd, &byte, 1, at);
}

/* T2: no bit of the newest batch can be told from a torn end. */
static void test_journal_bit_of_the_newest_batch_is_cut(void **state)
{
    uint64_t offsets[RECORDS_MAX];
    uint8_t written[512];
    size_t size;
    int fd;

    (void)state;
    make_batches(3, 1, offsets); /* the last has 16 bytes of payload */
    size = (size_t)(offsets[3] - offsets[2]);
    fd = open_segment(0);
    get(fd, written, size, offsets[2]);
    for (size_t at = 0; at < size; at++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            struct journal_place place;
            struct journal *j;
            struct found f;

            clear_from(fd, offsets[2]);
            put(fd, written, size, offsets[2]);
            turn(fd, offsets[2] + at, bit);
            assert_int_equal(read_all(&f, &j, &place), ERR_NONE);
            assert_int_equal(f.count, is_padding(16, at) ? 3 : 2);
            if (!is_padding(16, at))
                assert_true(place.torn_bytes > 0);
            journal_close(j);
        }
    }
    close(fd);
}

/* T3 */
static void test_journal_bit_of_an_older_batch_refuses(void **state)
{
    uint64_t offsets[RECORDS_MAX];
    size_t size;
    int fd;

    (void)state;
    make_batches(5, 1, offsets); /* the third has 16 bytes of payload */
    size = (size_t)(offsets[3] - offsets[2]);
    fd = open_segment(0);
    for (size_t at = 0; at < size; at++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            struct journal_place place;
            struct journal *j;
            struct found f;
            enum err e;

            turn(fd, offsets[2] + at, bit);
            e = read_all(&f, &j, &place);
            if (is_padding(16, at)) {
                assert_int_equal(e, ERR_NONE);
                journal_close(j);
            } else {
                assert_int_equal(e, ERR_CORRUPT);
                assert_int_equal(place.segment, 0);
                assert_int_equal(place.offset, offsets[2]);
            }
            turn(fd, offsets[2] + at, bit);
        }
    }
    close(fd);
}

/* T5 */
static void test_journal_bit_of_a_segment_header_refuses(void **state)
{
    uint64_t offsets[RECORDS_MAX];
    int fd;

    (void)state;
    make_batches(2, 1, offsets);
    fd = open_segment(0);
    for (uint32_t at = 0; at < HEAD; at++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            struct journal_place place;
            struct journal *j;
            struct found f;
            enum err e;

            turn(fd, at, bit);
            e = read_all(&f, &j, &place);
            assert_true(e == ERR_CORRUPT || e == ERR_VERSION || e == ERR_CHAIN);
            assert_int_equal(f.count, 0);
            turn(fd, at, bit);
        }
    }
    close(fd);
}

/* ---- calls that fail ---- */

/* A life of a journal: what was asked for, and what was promised. */
struct life {
    bool created;
    uint32_t appended, synced;
    uint32_t checkpoint; /* first record of the second segment; 0 = none */
    bool dropping;       /* older segments may be gone */
    bool drop_failed;
    enum err e;
};

/* A dead process has promised nothing. */
static void live_batches(struct life *l,
                         struct disk *d,
                         struct journal *j,
                         uint32_t count)
{
    for (uint32_t b = 0; b < count && l->e == ERR_NONE; b++) {
        for (uint32_t k = 0; k < 1 + b % 3 && l->e == ERR_NONE; k++) {
            l->e = append(j, l->appended);
            if (l->e == ERR_NONE)
                l->appended++;
        }
        if (l->e == ERR_NONE)
            l->e = journal_sync(j);
        if (l->e == ERR_NONE && !disk_is_frozen(d))
            l->synced = l->appended;
    }
}

/* T4: it fails for good, and without a call. */
static void stays_failed(struct life *l, struct journal *j, struct disk *d)
{
    const uint64_t calls = disk_calls(d);

    assert_int_equal(append(j, l->appended), l->e);
    assert_int_equal(journal_sync(j), l->e);
    assert_int_equal(journal_begin_segment(j), l->e);
    assert_int_equal(disk_calls(d), calls);
}

static struct life live(struct disk *d)
{
    struct life l = {0};
    struct journal_place at;
    struct journal *j;
    struct found f = {0};

    l.e = journal_create(dir, &chain);
    l.created = l.e == ERR_NONE && !disk_is_frozen(d);
    if (!l.created)
        return l;
    l.e = journal_open(&j, dir, &chain, take, &f, &at);
    if (l.e != ERR_NONE)
        return l;
    live_batches(&l, d, j, 4);
    if (l.e == ERR_NONE) {
        l.e = journal_begin_segment(j);
        l.checkpoint = l.appended;
    }
    live_batches(&l, d, j, 2);
    if (l.e == ERR_NONE) {
        l.dropping = true;
        l.e = journal_drop_older(j, journal_segment(j));
        l.drop_failed = l.e != ERR_NONE;
    }
    live_batches(&l, d, j, 2);
    if (l.e != ERR_NONE && !disk_is_frozen(d) && !l.drop_failed)
        stays_failed(&l, j, d);
    journal_close(j);
    return l;
}

/* T1 */
static void check_promises(const struct life *l)
{
    struct journal_place at;
    struct journal *j;
    struct found f;
    const enum err e = read_all(&f, &j, &at);

    if (!l->created && e == ERR_NOT_FOUND)
        return;
    assert_int_equal(e, ERR_NONE);
    assert_in_range(f.first + f.count, l->synced, l->appended);
    if (f.count > 0 && f.first != 0) {
        assert_true(l->dropping);
        assert_int_equal(f.first, l->checkpoint);
    }
    goes_on(&f, j);
}

static size_t call_sizes[CALLS_MAX];
static uint64_t call_count;

static void note_call(void *ctx, uint64_t n, size_t write_size)
{
    (void)ctx;
    assert_true(n < CALLS_MAX);
    call_sizes[n] = write_size;
    call_count = n;
}

/* Of a row of like writes that fill a segment, the first two and the last. */
static bool is_worth_it(uint64_t n)
{
    return all_calls || n < 3 || n == call_count || call_sizes[n] != FILL ||
           call_sizes[n - 2] != FILL || call_sizes[n + 1] != FILL;
}

/* What fails is told; what falls short is finished. */
static void check_told(const struct life *l,
                       enum disk_fault fault,
                       const struct disk *d)
{
    if (!disk_fault_happened(d))
        return;
    if (fault == DISK_EIO)
        assert_int_equal(l->e, ERR_IO);
    if (fault == DISK_ENOSPC)
        assert_int_equal(l->e, ERR_FULL);
    if (fault != DISK_CRASH)
        assert_int_equal(disk_touched_after_failure(d), 0);
}

static void fail_at_every_call(enum disk_fault fault)
{
    uint64_t runs = 0;
    struct disk *d;
    struct life l;

    empty_dir();
    d = disk_new(dir);
    disk_on_call(d, note_call, NULL);
    disk_plan_fault(d, 0, DISK_EIO);
    l = live(d);
    assert_int_equal(l.e, ERR_NONE);
    disk_on_call(d, NULL, NULL);
    disk_free(d);
    for (uint64_t n = 1; n <= call_count; n++) {
        /* What is left of a run that was told of its failure matters less. */
        for (int left = fault == DISK_EIO || fault == DISK_CRASH ? DISK_KEEP
                                                                 : DISK_TEAR;
             left <= DISK_TEAR;
             left++) {
            if (!is_worth_it(n))
                continue;
            empty_dir();
            d = disk_new(dir);
            disk_plan_fault(d, n, fault);
            l = live(d);
            check_told(&l, fault, d);
            (void)disk_crash(d, (enum disk_left)left, n * 3);
            check_promises(&l);
            disk_free(d);
            runs++;
        }
    }
    printf("prop_journal: %llu calls, %llu runs\n",
           (unsigned long long)call_count,
           (unsigned long long)runs);
}

static void test_journal_every_call_fails_with_eio(void **state)
{
    (void)state;
    fail_at_every_call(DISK_EIO);
}

static void test_journal_every_call_finds_the_disk_full(void **state)
{
    (void)state;
    fail_at_every_call(DISK_ENOSPC);
}

static void test_journal_every_write_falls_short(void **state)
{
    (void)state;
    fail_at_every_call(DISK_SHORT);
}

static void test_journal_crash_at_every_call(void **state)
{
    (void)state;
    fail_at_every_call(DISK_CRASH);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_journal_last_batch_torn_at_every_byte),
        cmocka_unit_test(test_journal_last_batch_torn_in_any_sectors),
        cmocka_unit_test(test_journal_bit_of_the_newest_batch_is_cut),
        cmocka_unit_test(test_journal_bit_of_an_older_batch_refuses),
        cmocka_unit_test(test_journal_bit_of_a_segment_header_refuses),
        cmocka_unit_test(test_journal_every_call_fails_with_eio),
        cmocka_unit_test(test_journal_every_call_finds_the_disk_full),
        cmocka_unit_test(test_journal_every_write_falls_short),
        cmocka_unit_test(test_journal_crash_at_every_call),
    };
    char template[] = "/dev/shm/equity-journal-XXXXXX";
    char command[300];
    int failed;

    all_calls = argc == 3 && strcmp(argv[1], "--all") == 0;
    ASSERT(mkdtemp(template) != NULL);
    snprintf(dir, sizeof dir, "%s/j", template);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -rf %s", template);
    return system(command) == 0 && failed == 0 ? 0 : 1;
}
