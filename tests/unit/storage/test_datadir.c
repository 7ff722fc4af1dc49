/* A data directory: of one chain, of one process; files whole or not at all. */
#include "storage/datadir.h"

#include "base/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct hash chain = {{7}};
static char dir[64];
static char path[128];

static int make(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/equity-datadir-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(datadir_create(dir, &chain), ERR_NONE);
    snprintf(path, sizeof path, "%s/CHAIN", dir);
    return 0;
}

static int wipe(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static enum err open_it(const struct hash *chain_id, long *holder)
{
    struct datadir *d;
    const enum err e = datadir_open(&d, dir, chain_id, holder);

    datadir_close(d);
    return e;
}

static void test_datadir_is_created_once(void **state)
{
    struct stat st;
    long holder;

    (void)state;
    assert_int_equal(datadir_create(dir, &chain), ERR_EXISTS);
    assert_int_equal(open_it(&chain, &holder), ERR_NONE);
    snprintf(path, sizeof path, "%s/keys", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_datadir_not_created_is_not_found(void **state)
{
    long holder;

    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_it(&chain, &holder), ERR_NOT_FOUND);
}

static void test_datadir_of_another_chain_is_refused(void **state)
{
    const struct hash other = {{8}};
    long holder;

    (void)state;
    assert_int_equal(open_it(&other, &holder), ERR_CHAIN);
}

static void change_mark(size_t at, size_t size)
{
    uint8_t *mark;
    size_t all;

    assert_int_equal(file_read(&mark, &all, path, 4096), ERR_NONE);
    mark[at] ^= 1;
    assert_int_equal(
        file_write_synced(path, bytes_of(mark, size != 0 ? size : all), 0600),
        ERR_NONE);
    free(mark);
}

static void test_datadir_of_another_format_is_refused(void **state)
{
    long holder;

    (void)state;
    change_mark(8, 0);
    assert_int_equal(open_it(&chain, &holder), ERR_VERSION);
}

static void test_datadir_with_a_damaged_mark_is_refused(void **state)
{
    long holder;

    (void)state;
    change_mark(0, 0);
    assert_int_equal(open_it(&chain, &holder), ERR_CORRUPT);
    change_mark(0, 20);
    assert_int_equal(open_it(&chain, &holder), ERR_CORRUPT);
}

/* The lock is the process's: it is gone when that was killed. */
static void test_datadir_second_process_hears_of_the_first(void **state)
{
    int ready[2];
    char byte;
    long holder;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct datadir *d;

        if (datadir_open(&d, dir, &chain, &holder) == ERR_NONE &&
            write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(open_it(&chain, &holder), ERR_LOCKED);
    assert_int_equal(holder, pid);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(open_it(&chain, &holder), ERR_NONE);
    close(ready[0]);
    close(ready[1]);
}

static void test_file_is_replaced_whole_or_not_at_all(void **state)
{
    uint8_t *at;
    size_t size;
    char where[192];

    (void)state;
    snprintf(where, sizeof where, "%s/file", dir);
    assert_int_equal(file_write_synced(where, bytes_of("one", 3), 0600),
                     ERR_NONE);
    assert_int_equal(file_write_synced(where, bytes_of("other", 5), 0600),
                     ERR_NONE);
    assert_int_equal(file_read(&at, &size, where, 5), ERR_NONE);
    assert_int_equal(size, 5);
    assert_memory_equal(at, "other", 5);
    free(at);
    assert_int_equal(file_read(&at, &size, where, 4), ERR_RANGE);
    assert_int_equal(file_read(&at, &size, dir, 4096), ERR_IO);
    snprintf(where, sizeof where, "%s/none/file", dir);
    assert_int_equal(file_write_synced(where, bytes_of("one", 3), 0600),
                     ERR_IO);
    assert_int_equal(file_read(&at, &size, where, 4), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, wipe)
        TEST(test_datadir_is_created_once),
        TEST(test_datadir_not_created_is_not_found),
        TEST(test_datadir_of_another_chain_is_refused),
        TEST(test_datadir_of_another_format_is_refused),
        TEST(test_datadir_with_a_damaged_mark_is_refused),
        TEST(test_datadir_second_process_hears_of_the_first),
        TEST(test_file_is_replaced_whole_or_not_at_all),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
