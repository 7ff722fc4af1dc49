/* Archives in files: interrupted and gone on with, damaged and found. */
#include "archive/file.h"

#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/disk/disk.h"
#include "tests/unit/archive/history.h"

struct place {
    char dir[64];
    char path[80];
    char part[90];
    struct history *h;
    struct hash chain_id;
    struct bytes genesis;
    uint8_t *room;
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    struct writer w;

    assert_non_null(p);
    snprintf(p->dir, sizeof p->dir, "/tmp/equity-archive-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%s/a", p->dir);
    snprintf(p->part, sizeof p->part, "%s.part", p->path);
    p->h = history_new();
    p->chain_id = p->h->f.chain_id;
    p->room = malloc(GENESIS_BYTES_MAX);
    assert_non_null(p->room);
    w = writer_of(p->room, GENESIS_BYTES_MAX);
    schema_encode(&w, &genesis_schema, p->h->f.genesis);
    p->genesis = writer_bytes(&w);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    unlink(p->path);
    unlink(p->part);
    rmdir(p->dir);
    history_free(p->h);
    free(p->room);
    free(p);
    return 0;
}

static struct archive_writer *create(const struct place *p)
{
    struct archive_writer *w;

    assert_int_equal(archive_create(&w, p->path, &p->chain_id, 0, p->genesis),
                     ERR_NONE);
    return w;
}

static void append(const struct place *p,
                   struct archive_writer *w,
                   uint32_t first,
                   uint32_t to)
{
    uint8_t cert[CERT_BYTES_MAX];

    for (uint32_t i = first; i < to; i++) {
        const struct archive_block b = history_block(p->h, i, cert);

        assert_int_equal(
            archive_append(w, b.header_bytes, b.cert_bytes, b.body), ERR_NONE);
    }
}

/* Reads the file to its end; blocks is how many came. */
static enum err read_all(const char *path, uint32_t *blocks)
{
    struct archive_reader *r;
    struct archive_block b;
    enum err e = archive_open(&r, path);

    *blocks = 0;
    TRY(e);
    for (;;) {
        e = archive_next(r, &b);
        if (e != ERR_NONE || archive_walk_of(r)->ended)
            break;
        ++*blocks;
    }
    if (e == ERR_NONE)
        assert_int_equal(archive_offset(r), archive_size(r));
    archive_close(r);
    return e;
}

static void test_file_written_is_read(void **state)
{
    struct place *p = *state;
    struct archive_writer *w = create(p);
    struct archive_reader *r;
    uint32_t blocks;

    append(p, w, 0, p->h->count);
    assert_int_not_equal(access(p->path, F_OK), 0); /* not before its end */
    assert_int_equal(archive_finish(w), ERR_NONE);
    archive_writer_free(w);
    assert_int_not_equal(access(p->part, F_OK), 0);
    assert_int_equal(read_all(p->path, &blocks), ERR_NONE);
    assert_int_equal(blocks, p->h->count);
    assert_int_equal(archive_open(&r, p->path), ERR_NONE);
    assert_true(bytes_eq(archive_genesis(r), p->genesis));
    archive_close(r);
}

static void test_file_that_exists_is_not_written_over(void **state)
{
    struct place *p = *state;
    struct archive_writer *w = create(p);
    struct archive_writer *other;
    FILE *f;

    append(p, w, 0, 3);
    assert_int_equal(
        archive_create(&other, p->path, &p->chain_id, 0, p->genesis),
        ERR_LOCKED);
    f = fopen(p->path, "w"); /* somebody else was faster */
    assert_non_null(f);
    fclose(f);
    assert_int_equal(archive_finish(w), ERR_EXISTS);
    archive_writer_free(w);
    assert_int_equal(archive_create(&w, p->path, &p->chain_id, 0, p->genesis),
                     ERR_EXISTS);
}

/* Cut anywhere, the file is gone on with and comes out the same. */
static void test_file_cut_anywhere_is_gone_on_with(void **state)
{
    struct place *p = *state;
    struct archive_writer *w = create(p);
    struct stat whole;
    uint32_t blocks;

    append(p, w, 0, 8);
    assert_int_equal(archive_finish(w), ERR_NONE);
    archive_writer_free(w);
    assert_int_equal(stat(p->path, &whole), 0);
    for (off_t cut = 0; cut <= whole.st_size; cut += 61) {
        struct stat st;

        assert_int_equal(rename(p->path, p->part), 0);
        assert_int_equal(truncate(p->part, cut), 0);
        w = create(p);
        assert_true(archive_writer_walk(w)->next <= 8);
        append(p, w, (uint32_t)archive_writer_walk(w)->next, 8);
        assert_int_equal(archive_finish(w), ERR_NONE);
        archive_writer_free(w);
        assert_int_equal(stat(p->path, &st), 0);
        assert_int_equal(st.st_size, whole.st_size);
        assert_int_equal(read_all(p->path, &blocks), ERR_NONE);
        assert_int_equal(blocks, 8);
    }
}

static void test_file_part_with_rubbish_behind_is_gone_on_with(void **state)
{
    struct place *p = *state;
    struct archive_writer *w = create(p);
    FILE *f;
    uint32_t blocks;

    append(p, w, 0, 4);
    archive_writer_free(w);
    f = fopen(p->part, "a");
    assert_non_null(f);
    fputs("\1rubbish that a power cut left", f);
    fclose(f);
    w = create(p);
    assert_int_equal(archive_writer_walk(w)->next, 4);
    append(p, w, 4, 6);
    assert_int_equal(archive_finish(w), ERR_NONE);
    archive_writer_free(w);
    assert_int_equal(read_all(p->path, &blocks), ERR_NONE);
    assert_int_equal(blocks, 6);
}

static void test_file_part_of_another_run_is_refused(void **state)
{
    struct place *p = *state;
    struct archive_writer *w = create(p);

    append(p, w, 0, 2);
    archive_writer_free(w);
    assert_int_equal(archive_create(&w, p->path, &p->chain_id, 5, p->genesis),
                     ERR_MISMATCH);
}

static void test_file_block_that_does_not_fit_is_not_added(void **state)
{
    struct place *p = *state;
    struct archive_writer *w = create(p);
    uint8_t cert[CERT_BYTES_MAX];
    struct archive_block b;
    uint32_t blocks;

    append(p, w, 0, 3);
    b = history_block(p->h, 4, cert); /* 3 is left out */
    assert_int_equal(archive_append(w, b.header_bytes, b.cert_bytes, b.body),
                     ERR_ORDER);
    b = history_block(p->h, 3, cert);
    b.body.size--;
    assert_int_equal(archive_append(w, b.header_bytes, b.cert_bytes, b.body),
                     ERR_MISMATCH);
    append(p, w, 3, 5); /* no harm done */
    assert_int_equal(archive_finish(w), ERR_NONE);
    archive_writer_free(w);
    assert_int_equal(read_all(p->path, &blocks), ERR_NONE);
    assert_int_equal(blocks, 5);
}

static void test_file_faults_are_told_apart(void **state)
{
    struct place *p = *state;
    struct archive_writer *w;
    struct archive_reader *r;
    uint32_t blocks;
    FILE *f;

    assert_int_equal(archive_open(&r, p->path), ERR_NOT_FOUND);
    assert_int_equal(archive_open(&r, p->dir), ERR_IO);
    w = create(p);
    append(p, w, 0, 3);
    assert_int_equal(archive_finish(w), ERR_NONE);
    archive_writer_free(w);
    f = fopen(p->path, "a");
    assert_non_null(f);
    fputc(0, f);
    fclose(f);
    assert_int_equal(read_all(p->path, &blocks), ERR_TRAILING);
    assert_int_equal(blocks, 3);
    assert_int_equal(truncate(p->path, 3), 0);
    assert_int_equal(read_all(p->path, &blocks), ERR_TRUNCATED);
    f = fopen(p->path, "w");
    assert_non_null(f);
    fputs("something else entirely", f);
    fclose(f);
    assert_int_equal(read_all(p->path, &blocks), ERR_VERSION);
    for (int e = 0; e < 30; e++)
        assert_non_null(archive_fault((enum err)e));
}

/* Bodies are removed because of it: a copy in the cache alone is not enough. */
static void test_file_that_is_relied_on_is_on_disk(void **state)
{
    const struct place *p = *state;
    struct archive_writer *w = create(p);
    struct archive_reader *r;
    struct disk *d;
    uint64_t calls;

    append(p, w, 0, 3);
    assert_int_equal(archive_finish(w), ERR_NONE);
    archive_writer_free(w);
    d = disk_new(p->dir);
    assert_non_null(d);
    assert_int_equal(archive_open(&r, p->path), ERR_NONE);
    disk_plan_fault(d, 0, DISK_EIO);
    assert_int_equal(archive_sync(r, p->path), ERR_NONE);
    calls = disk_calls(d);
    assert_true(calls >= 2); /* the file, and its name */
    for (uint64_t i = 1; i <= calls; i++) {
        disk_plan_fault(d, i, DISK_EIO);
        assert_int_equal(archive_sync(r, p->path), ERR_IO);
    }
    archive_close(r);
    disk_free(d);
}

/* It is the register: for its owner's eyes. */
static void test_file_is_its_owners_alone(void **state)
{
    const struct place *p = *state;
    struct archive_writer *w = create(p);
    struct stat st;

    append(p, w, 0, 3);
    assert_int_equal(stat(p->part, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(archive_finish(w), ERR_NONE);
    archive_writer_free(w);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_file_written_is_read),
        TEST(test_file_that_exists_is_not_written_over),
        TEST(test_file_cut_anywhere_is_gone_on_with),
        TEST(test_file_part_with_rubbish_behind_is_gone_on_with),
        TEST(test_file_part_of_another_run_is_refused),
        TEST(test_file_block_that_does_not_fit_is_not_added),
        TEST(test_file_faults_are_told_apart),
        TEST(test_file_that_is_relied_on_is_on_disk),
        TEST(test_file_is_its_owners_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
