/* The files of a backup: copied, checked, put back; whatever is done to them is
 * found. */
#include "storage/backup.h"

#include "storage/datadir.h"
#include "tests/disk/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char command[400];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

static const char *in(const char *name)
{
    static char paths[4][100];
    static int at;
    char *path = paths[at++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static bool count_ticks(void *ctx, uint64_t done, uint64_t all)
{
    int *left = ctx;

    assert_true(done <= all);
    return --*left > 0;
}

/* A "database" of a few files, and its backup in b. */
static void make_backup(struct manifest *m)
{
    struct backup_watch watch = {.tick = NULL};

    memset(m, 0, sizeof *m);
    m->height = 7;
    assert_int_equal(backup_begin(in("b")), ERR_NONE);
    assert_int_equal(backup_copy(m, in("b"), in("source"), 0, &watch),
                     ERR_NONE);
    assert_int_equal(backup_put(m, in("b"), "genesis", bytes_of("g", 1)),
                     ERR_NONE);
    assert_int_equal(backup_finish(m, in("b")), ERR_NONE);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/equity-backup-XXXXXX");
    assert_non_null(mkdtemp(dir));
    run("mkdir %s/source && cd %s/source && echo one >CURRENT && "
        "head -c 3000000 /dev/urandom >000001.sst && : >000002.log && "
        "echo talk >LOG && echo talk >LOG.old.1 && : >LOCK",
        dir,
        dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    run("rm -rf %s", dir);
    return 0;
}

static enum err check(struct backup_watch *watch)
{
    struct manifest m;
    enum err e = backup_read(&m, in("b"));

    if (e == ERR_NONE)
        e = backup_check(&m, in("b"), watch);
    manifest_free(&m);
    return e;
}

static void test_backup_made_is_whole(void **state)
{
    struct manifest m;
    struct backup_watch watch = {.tick = NULL};
    struct stat st;

    (void)state;
    make_backup(&m);
    assert_int_equal(m.count, 4); /* no talk of the library, no lock */
    assert_int_equal(check(&watch), ERR_NONE);
    assert_int_equal(stat(in("b"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(in("b/MANIFEST"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    run("cmp %s/b/db/000001.sst %s/source/000001.sst", dir, dir);
    run("echo talk >%s/b/db/LOG", dir); /* of who looked at it */
    assert_int_equal(check(&watch), ERR_NONE);
    manifest_free(&m);
}

static void test_backup_spoilt_is_found_and_named(void **state)
{
    static const struct {
        const char *command;
        const char *name;
        enum err e;
    } cases[] = {
        {"printf x | dd of=db/000001.sst bs=1 seek=1500000 conv=notrunc "
         "status=none",
         "db/000001.sst",
         ERR_MISMATCH},
        {"echo >>db/CURRENT", "db/CURRENT", ERR_MISMATCH},
        {"truncate -s -1 db/000001.sst", "db/000001.sst", ERR_MISMATCH},
        {"rm db/000002.log", "db/000002.log", ERR_NOT_FOUND},
        {"rm genesis", "genesis", ERR_NOT_FOUND},
        {"echo h >genesis", "genesis", ERR_MISMATCH},
        {"echo >db/000009.sst", "db/000009.sst", ERR_TRAILING},
        {"mkdir journal", "journal", ERR_TRAILING},
        {"rm db/CURRENT && ln -s ../../source/CURRENT db/CURRENT",
         "db/CURRENT",
         ERR_IO},
        {"rm MANIFEST", "", ERR_NOT_FOUND},
        {"sed -i 's/height 7/height 8/' MANIFEST", "", ERR_CORRUPT},
        {"rm -r db", "db/000001.sst", ERR_NOT_FOUND},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct manifest m;
        struct backup_watch watch = {.tick = NULL};

        make_backup(&m);
        manifest_free(&m);
        run("cd %s/b && %s", dir, cases[i].command);
        assert_int_equal(check(&watch), cases[i].e);
        if (cases[i].name[0] != '\0')
            assert_string_equal(watch.name, cases[i].name);
        run("rm -rf %s/b", dir);
    }
}

static void test_backup_does_not_write_over_anything(void **state)
{
    struct manifest m;
    struct backup_watch watch = {.tick = NULL};

    (void)state;
    run("mkdir %s/b", dir); /* empty: may be used */
    make_backup(&m);
    assert_int_equal(backup_begin(in("b")), ERR_EXISTS);
    assert_int_equal(backup_restore(&m, in("b"), in("source"), &watch),
                     ERR_EXISTS);
    manifest_free(&m);
}

static void test_backup_without_room_is_not_begun(void **state)
{
    struct manifest m = {.height = 0};
    struct backup_watch watch = {.tick = NULL};

    (void)state;
    assert_int_equal(backup_begin(in("b")), ERR_NONE);
    assert_int_equal(
        backup_copy(&m, in("b"), in("source"), datadir_free_bytes(dir), &watch),
        ERR_FULL);
    assert_int_not_equal(access(in("b/db"), F_OK), 0);
}

static void test_backup_given_up_is_none(void **state)
{
    struct manifest m = {.height = 0};
    int ticks = 2;
    struct backup_watch watch = {.tick = count_ticks, .ctx = &ticks};

    (void)state;
    assert_int_equal(backup_begin(in("b")), ERR_NONE);
    assert_int_equal(backup_copy(&m, in("b"), in("source"), 0, &watch),
                     ERR_REFUSED);
    manifest_free(&m);
    assert_int_equal(check(&watch), ERR_NOT_FOUND);
    backup_remove(in("b"));
    assert_int_not_equal(access(in("b"), F_OK), 0);
    backup_remove(in("b")); /* nothing: no harm */
}

static void test_backup_restored_is_compared_as_it_is_copied(void **state)
{
    struct manifest m;
    struct backup_watch watch = {.tick = NULL};

    (void)state;
    make_backup(&m);
    assert_int_equal(backup_restore(&m, in("b"), in("db"), &watch), ERR_NONE);
    run("cd %s && rm source/LO* && diff -r source db", dir);
    run("printf x | dd of=%s/b/db/000001.sst bs=1 conv=notrunc status=none",
        dir);
    assert_int_equal(backup_restore(&m, in("b"), in("db2"), &watch),
                     ERR_MISMATCH);
    manifest_free(&m);
}

static void test_backup_put_in_place_is_on_disk(void **state)
{
    struct disk *d;
    uint64_t calls;

    (void)state;
    run("cd %s && mkdir part db && touch part/a db/b", dir);
    assert_int_equal(backup_settle(in("part"), in("db")), ERR_EXISTS);
    run("cd %s && rm db/b && test -e part/a", dir);
    d = disk_new(dir);
    assert_non_null(d);
    disk_plan_fault(d, 0, DISK_EIO);
    assert_int_equal(backup_settle(in("part"), in("db")), ERR_NONE);
    calls = disk_calls(d);
    run("cd %s && test -e db/a && ! test -e part && mv db part", dir);
    disk_plan_fault(d, calls, DISK_EIO); /* that the name comes to disk */
    assert_int_equal(backup_settle(in("part"), in("db")), ERR_IO);
    assert_true(disk_fault_happened(d));
    run("cd %s && test -e db/a", dir);
    disk_free(d);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_backup_made_is_whole),
        TEST(test_backup_spoilt_is_found_and_named),
        TEST(test_backup_does_not_write_over_anything),
        TEST(test_backup_without_room_is_not_begun),
        TEST(test_backup_given_up_is_none),
        TEST(test_backup_restored_is_compared_as_it_is_copied),
        TEST(test_backup_put_in_place_is_on_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
