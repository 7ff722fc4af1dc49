/* The block log: a block is there whole or not at all, whatever stopped the
 * process, and what is derived from it is made again. */
#include "storage/store.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    LOST = 40, /* bytes */
};

static const struct hash chain = {{7}};
static char dir[64];

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char command[512];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

static int make(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/equity-store-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int wipe(void **state)
{
    (void)state;
    run("rm -rf %s", dir);
    return 0;
}

static struct store *open_store(const char *name, bool create)
{
    const struct store_options options = {.cache_bytes = 8 << 20,
                                          .create = create};
    char path[96];
    char message[256];
    struct store *s;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(
        store_open(&s, path, &chain, &options, message, sizeof message),
        ERR_NONE);
    return s;
}

static uint8_t header_bytes[HEADER_BYTES_MAX];
static const uint8_t nothing[8]; /* no events, no roots */

/* One row changes with each block: its value is the height. */
static enum err put(struct store *s, struct mtree_log *log, uint64_t height)
{
    const struct header header = {.version = HEADER_VERSION, .height = height};
    const struct cert cert = {.kind = VOTE_FINALIZE,
                              .about = {.view = 9, .height = height},
                              .bitmap = 7};
    const uint8_t row[1] = {(uint8_t)height};
    const struct change change = {.key = {.table = 1, .key = {{3}}},
                                  .new_row = bytes_of(row, sizeof row)};
    const struct hash hash = header_hash(&header);

    mtree_log_append(log, &hash);
    return store_put_block(
        s,
        &(struct store_block){
            .header = &header,
            .hash = hash,
            .cert = height > 0 ? &cert : NULL,
            .header_bytes =
                bytes_of(header_bytes, header_encode(header_bytes, &header)),
            .body = bytes_of(nothing, 4),
            .events = bytes_of(nothing, 4),
            .roots = bytes_of(nothing, 8),
            .changes = {.list = &change, .count = 1},
            .header_log = log,
        });
}

/* D6 one batch a block: the files as they are when the call has returned, for
 * the process never closes them, hold the block, its certificate and the tip;
 * the rows behind it are caught up. */
static void test_store_block_is_whole_when_put_returns(void **state)
{
    static const enum store_block_part parts[] = {STORE_HEADER,
                                                  STORE_CERT,
                                                  STORE_BODY,
                                                  STORE_EVENTS,
                                                  STORE_CHANGES,
                                                  STORE_ROOTS};
    const struct row_key key = {.table = 1, .key = {{3}}};
    struct store *s = open_store("db", true);
    struct mtree_log log = {0};
    struct mtree_log back;
    struct store_view *view;
    struct store_value v;
    uint64_t replayed;

    (void)state;
    for (uint64_t height = 0; height <= 2; height++)
        assert_int_equal(put(s, &log, height), ERR_NONE);
    run("cp -a %s/db %s/crashed && rm -f %s/crashed/LOCK", dir, dir, dir);
    store_close(s);
    s = open_store("crashed", false);
    assert_int_equal(store_tip_of(s).height, 2);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        assert_int_equal(store_get_block(&v, s, 2, parts[i]), ERR_NONE);
        store_value_free(&v);
    }
    assert_int_equal(store_get_header_log(&back, s, 3), ERR_NONE);
    assert_int_equal(back.size, log.size);
    assert_int_equal(store_index_catch_up(s, &replayed), ERR_NONE);
    assert_int_equal(replayed, 3);
    view = store_view_open(s);
    assert_int_equal(store_view_height(view), 2);
    assert_int_equal(store_get_row(&v, view, &key), ERR_NONE);
    assert_int_equal(v.size, 1);
    assert_int_equal(v.at[0], 2);
    store_value_free(&v);
    store_view_close(view);
    store_close(s);
}

/* B21: a torn end of the database's own log is cut, and the tip is the block
 * before, with all of its parts; it never stops half way. */
static void test_store_torn_end_loses_the_last_block_whole(void **state)
{
    struct store *s = open_store("db", true);
    struct mtree_log log = {0};
    struct store_value v;
    uint64_t tip;

    (void)state;
    for (uint64_t height = 0; height <= 4; height++)
        assert_int_equal(put(s, &log, height), ERR_NONE);
    for (int cut = 1; cut <= 1200; cut += 109) {
        run("rm -rf %s/torn && cp -a %s/db %s/torn && rm -f %s/torn/LOCK && "
            "truncate -s -%d $(ls -S %s/torn/*.log | head -n 1)",
            dir,
            dir,
            dir,
            dir,
            cut,
            dir);
        {
            struct store *torn = open_store("torn", false);

            tip = store_tip_of(torn).height;
            assert_true(tip < 4);
            for (uint64_t h = 1; h <= 4; h++) {
                for (int part = STORE_HEADER; part <= STORE_ROOTS; part++) {
                    const enum err e = store_get_block(
                        &v, torn, h, (enum store_block_part)part);

                    assert_int_equal(e, h <= tip ? ERR_NONE : ERR_NOT_FOUND);
                    store_value_free(&v);
                }
            }
            store_close(torn);
        }
    }
    store_close(s);
}

/* ---- sectors that did not get to the disk ---- */

static FILE *open_log(const char *name)
{
    char command[256];
    char path[256];
    FILE *f;

    snprintf(
        command, sizeof command, "ls -S %s/%s/*.log | head -n 1", dir, name);
    f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%255s", path), 1);
    pclose(f);
    f = fopen(path, "r+b");
    assert_non_null(f);
    return f;
}

static long log_size(const char *name)
{
    FILE *f = open_log(name);
    long size;

    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    fclose(f);
    return size;
}

/* A copy in which some bytes of the log are others; false: they are so. */
static bool lose(long at, uint8_t byte)
{
    uint8_t was[LOST];
    uint8_t now[LOST];
    FILE *f;

    run("rm -rf %s/torn && cp -a %s/db %s/torn && rm -f %s/torn/LOCK",
        dir,
        dir,
        dir,
        dir);
    f = open_log("torn");
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fread(was, 1, sizeof was, f), sizeof was);
    memset(now, byte, sizeof now);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fwrite(now, 1, sizeof now, f), sizeof now);
    fclose(f);
    return memcmp(was, now, sizeof was) != 0;
}

static enum err try_open(struct store **s)
{
    const struct store_options options = {.cache_bytes = 8 << 20};
    char path[96];
    char message[256];

    snprintf(path, sizeof path, "%s/torn", dir);
    return store_open(s, path, &chain, &options, message, sizeof message);
}

/* B15: of the last write any part may be missing in the middle. */
static void test_store_sectors_lost_at_the_end_are_a_torn_end(void **state)
{
    struct store *s = open_store("db", true);
    struct mtree_log log = {0};
    struct store *torn;
    long before;
    long size;

    (void)state;
    for (uint64_t height = 0; height <= 3; height++)
        assert_int_equal(put(s, &log, height), ERR_NONE);
    before = log_size("db");
    assert_int_equal(put(s, &log, 4), ERR_NONE);
    size = log_size("db");
    for (long at = before; at + LOST < size; at += 2 * LOST) {
        if (!lose(at, at / LOST % 4 == 0 ? 0 : 0xaa))
            continue;
        assert_int_equal(try_open(&torn), ERR_NONE);
        assert_int_equal(store_tip_of(torn).height, 3);
        /* It goes on from there, and what it writes is there. */
        log = (struct mtree_log){0};
        assert_int_equal(put(torn, &log, 4), ERR_NONE);
        store_close(torn);
        assert_int_equal(try_open(&torn), ERR_NONE);
        assert_int_equal(store_tip_of(torn).height, 4);
        store_close(torn);
    }
    store_close(s);
}

/* What a later batch says was on disk is damage if it cannot be read: refused,
 * and refused again. */
static void test_store_damage_before_the_last_block_is_refused(void **state)
{
    struct store *s = open_store("db", true);
    struct mtree_log log = {0};
    struct store *torn;
    long before;
    long after;

    (void)state;
    for (uint64_t height = 0; height <= 2; height++)
        assert_int_equal(put(s, &log, height), ERR_NONE);
    before = log_size("db");
    assert_int_equal(put(s, &log, 3), ERR_NONE);
    after = log_size("db");
    assert_int_equal(put(s, &log, 4), ERR_NONE);
    for (long at = before; at + LOST < after; at += 2 * LOST) {
        if (!lose(at, at / LOST % 4 == 0 ? 0 : 0xaa))
            continue;
        assert_int_equal(try_open(&torn), ERR_CORRUPT);
        assert_int_equal(try_open(&torn), ERR_CORRUPT);
    }
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, wipe)
        TEST(test_store_block_is_whole_when_put_returns),
        TEST(test_store_torn_end_loses_the_last_block_whole),
        TEST(test_store_sectors_lost_at_the_end_are_a_torn_end),
        TEST(test_store_damage_before_the_last_block_is_refused),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
