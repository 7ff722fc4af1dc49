/* A database that begins at a snapshot: chunks with their marks, the one batch
 * that makes it a database, and the history that is filled in behind. */
#include "storage/store_import.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    HEIGHT = 9, /* of the snapshot */
    TIME_MS = 1000,
};

static const struct hash chain = {{7}};

struct rig {
    char dir[64];
    struct store *store;
    struct header headers[HEIGHT + 1];
    struct hash hashes[HEIGHT + 1];
    uint8_t bytes[HEIGHT + 1][HEADER_BYTES_MAX];
    size_t sizes[HEIGHT + 1];
    struct mtree_log log; /* of 0 .. HEIGHT - 1 */
};

static void open_store(struct rig *r)
{
    const struct store_options options = {.cache_bytes = 1 << 20,
                                          .create = true};
    char message[200];

    assert_int_equal(
        store_open(
            &r->store, r->dir, &chain, &options, message, sizeof message),
        ERR_NONE);
}

static void open_again(struct rig *r)
{
    store_close(r->store);
    open_store(r);
}

static void put_genesis(struct rig *r)
{
    static const uint8_t nothing[4] = {0};
    const struct row_key key = {.table = TABLE_PARAMS};
    const struct change c = {.key = key, .new_row = bytes_of("genesis", 7)};
    struct mtree_log log = {.size = 0};
    const struct store_block b = {.header = &r->headers[0],
                                  .hash = r->hashes[0],
                                  .header_bytes =
                                      bytes_of(r->bytes[0], r->sizes[0]),
                                  .body = bytes_of(nothing, 4),
                                  .events = bytes_of(nothing, 4),
                                  .changes = {.list = &c, .count = 1},
                                  .roots = bytes_of("\0\0\0\0\0\0\0\0", 8),
                                  .header_log = &log};

    mtree_log_append(&log, &r->hashes[0]);
    assert_int_equal(store_put_block(r->store, &b), ERR_NONE);
    assert_int_equal(store_index(r->store, &b), ERR_NONE);
}

static int make_rig(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    snprintf(r->dir, sizeof r->dir, "/tmp/equity-import-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    for (uint64_t h = 0; h <= HEIGHT; h++) {
        r->headers[h] = (struct header){.version = HEADER_VERSION,
                                        .height = h,
                                        .time_ms = (h + 1) * TIME_MS};
        r->sizes[h] = header_encode(r->bytes[h], &r->headers[h]);
        r->hashes[h] = header_hash(&r->headers[h]);
        if (h < HEIGHT)
            mtree_log_append(&r->log, &r->hashes[h]);
    }
    open_store(r);
    put_genesis(r);
    *state = r;
    return 0;
}

static int free_rig(void **state)
{
    struct rig *r = *state;

    store_close(r->store);
    scratch_remove(r->dir);
    free(r);
    return 0;
}

static struct hash named(uint8_t n)
{
    struct hash h = {{0}};

    h.raw[0] = n;
    return h;
}

static void write_chunk(struct rig *r, uint32_t chunk, uint8_t key)
{
    struct store_rows *rows = store_rows_new(r->store, HEIGHT);
    const struct row_key k = {.table = TABLE_ACCOUNTS, .key = named(key)};

    store_rows_put(rows, &k, bytes_of(&key, 1));
    assert_int_equal(store_rows_write(rows, chunk), ERR_NONE);
}

static void finish(struct rig *r)
{
    const struct store_base base = {
        .height = HEIGHT,
        .hash = r->hashes[HEIGHT],
        .block = {HEIGHT,
                  bytes_of(r->bytes[HEIGHT], r->sizes[HEIGHT]),
                  bytes_of("certificate", 11)},
        .log = r->log,
        .roots = bytes_of("\0\0\0\0\0\0\0\0", 8),
        .journal = {.records = 3}};

    assert_int_equal(store_import_finish(r->store, &base), ERR_NONE);
}

static void import_all(struct rig *r)
{
    assert_int_equal(store_import_begin(r->store, bytes_of("manifest", 8)),
                     ERR_NONE);
    write_chunk(r, 0, 1);
    write_chunk(r, 1, 2);
    finish(r);
}

/* Blocks first .. last, one transaction each, whose id is its height. */
static void fill(struct rig *r, uint64_t first, uint64_t last)
{
    struct store_fill_block list[HEIGHT];
    struct hash ids[HEIGHT];
    uint32_t count = 0;

    for (uint64_t h = first; h <= last; h++, count++) {
        ids[count] = named((uint8_t)h);
        list[count] = (struct store_fill_block){
            .height = h,
            .header = bytes_of(r->bytes[h], r->sizes[h]),
            .cert = bytes_of("certificate", 11),
            .body = bytes_of("body", 4),
            .tx_count = 1,
            .tx_ids = &ids[count]};
    }
    assert_int_equal(store_fill(r->store, list, count), ERR_NONE);
}

static enum err count_row(void *ctx,
                          const struct row_key *key,
                          struct bytes row)
{
    (void)key;
    (void)row;
    ++*(uint32_t *)ctx;
    return ERR_NONE;
}

static uint32_t rows_of(struct store *s)
{
    uint32_t count = 0;

    assert_int_equal(store_each_row(s, NULL, NULL, count_row, &count),
                     ERR_NONE);
    return count;
}

static enum err part(struct store *s, uint64_t height, enum store_block_part p)
{
    struct store_value v;
    const enum err e = store_get_block(&v, s, height, p);

    store_value_free(&v);
    return e;
}

static void test_store_import_is_no_database_until_it_is_finished(void **state)
{
    struct rig *r = *state;
    struct store_value v;

    assert_false(store_is_importing(r->store));
    assert_int_equal(store_import_begin(r->store, bytes_of("manifest", 8)),
                     ERR_NONE);
    write_chunk(r, 1, 2);
    open_again(r);
    assert_true(store_is_importing(r->store));
    assert_false(store_tip_of(r->store).any);
    assert_int_equal(store_import_manifest(&v, r->store), ERR_NONE);
    assert_memory_equal(v.at, "manifest", 8);
    store_value_free(&v);
    assert_false(store_import_has(r->store, 0));
    assert_true(store_import_has(r->store, 1));
    write_chunk(r, 0, 1);
    finish(r);
    open_again(r);
    assert_false(store_is_importing(r->store));
    assert_false(store_import_has(r->store, 1));
    assert_int_equal(store_tip_of(r->store).height, HEIGHT);
    assert_int_equal(rows_of(r->store), 2); /* none of the genesis */
}

static void test_store_import_begun_again_forgets_the_one_before(void **state)
{
    struct rig *r = *state;

    assert_int_equal(store_import_begin(r->store, bytes_of("one", 3)),
                     ERR_NONE);
    write_chunk(r, 0, 1);
    assert_int_equal(store_import_begin(r->store, bytes_of("other", 5)),
                     ERR_NONE);
    assert_false(store_import_has(r->store, 0));
    assert_int_equal(rows_of(r->store), 0);
    assert_int_equal(store_import_abandon(r->store), ERR_NONE);
    open_again(r);
    assert_false(store_is_importing(r->store));
    put_genesis(r);
    assert_int_equal(rows_of(r->store), 1);
}

static void test_store_import_names_what_is_before_it_pruned(void **state)
{
    struct rig *r = *state;
    struct store_journal journal;
    struct store_view *v;
    struct store_value row;
    struct mtree_log log;
    const struct row_key key = {.table = TABLE_ACCOUNTS, .key = named(1)};
    uint64_t height;

    import_all(r);
    open_again(r);
    assert_int_equal(store_rows_from(r->store), HEIGHT);
    assert_int_equal(store_blocks_from(r->store), HEIGHT);
    assert_int_equal(store_bodies_from(r->store), HEIGHT + 1);
    assert_int_equal(part(r->store, HEIGHT, STORE_HEADER), ERR_NONE);
    assert_int_equal(part(r->store, HEIGHT, STORE_CERT), ERR_NONE);
    assert_int_equal(part(r->store, HEIGHT, STORE_BODY), ERR_PRUNED);
    assert_int_equal(part(r->store, HEIGHT - 1, STORE_HEADER), ERR_PRUNED);
    assert_int_equal(part(r->store, HEIGHT - 1, STORE_ROOTS), ERR_PRUNED);
    assert_int_equal(part(r->store, HEIGHT + 1, STORE_HEADER), ERR_NOT_FOUND);
    assert_int_equal(part(r->store, 0, STORE_HEADER), ERR_NONE);
    assert_int_equal(store_get_header_log(&log, r->store, HEIGHT + 1),
                     ERR_NONE);
    assert_int_equal(store_get_header_log(&log, r->store, HEIGHT - 1),
                     ERR_PRUNED);
    assert_int_equal(store_journal_of(&journal, r->store), ERR_NONE);
    assert_int_equal(journal.records, 3);
    v = store_view_open(r->store);
    assert_int_equal(store_view_height(v), HEIGHT);
    assert_int_equal(store_height_at(&height, v, (HEIGHT + 1) * TIME_MS),
                     ERR_NONE);
    assert_int_equal(height, HEIGHT);
    assert_int_equal(store_height_at(&height, v, 3 * TIME_MS), ERR_PRUNED);
    assert_int_equal(store_height_at(&height, v, TIME_MS - 1), ERR_NOT_FOUND);
    assert_int_equal(store_view_go_back(v, HEIGHT - 1), ERR_PRUNED);
    assert_int_equal(store_view_go_back(v, HEIGHT), ERR_NONE);
    assert_int_equal(store_get_row(&row, v, &key), ERR_NONE);
    store_value_free(&row);
    store_view_close(v);
}

static void test_store_fill_ends_at_the_genesis(void **state)
{
    struct rig *r = *state;
    uint64_t height;
    uint32_t index;
    struct hash id = named(2);
    struct mtree_log log;
    struct mtree_log expected = {.size = 0};

    import_all(r);
    assert_int_equal(store_fill_below(r->store), HEIGHT + 1);
    fill(r, 5, HEIGHT);
    open_again(r);
    assert_int_equal(store_fill_below(r->store), 5);
    assert_int_equal(store_bodies_from(r->store), 5);
    assert_int_equal(part(r->store, 5, STORE_BODY), ERR_NONE);
    assert_int_equal(part(r->store, 5, STORE_CHANGES), ERR_PRUNED);
    assert_int_equal(part(r->store, 4, STORE_HEADER), ERR_PRUNED);
    assert_int_equal(store_get_tx(&height, &index, r->store, &id),
                     ERR_NOT_FOUND);
    fill(r, 1, 4);
    open_again(r);
    assert_int_equal(store_fill_below(r->store), 0);
    assert_int_equal(store_blocks_from(r->store), 0);
    assert_int_equal(store_rows_from(r->store), HEIGHT);
    assert_int_equal(part(r->store, 0, STORE_BODY), ERR_NONE);
    assert_int_equal(store_get_tx(&height, &index, r->store, &id), ERR_NONE);
    assert_int_equal(height, 2);
    assert_true(store_log_is_missing(r->store));
    assert_int_equal(store_fill_log(r->store, NULL, NULL), ERR_NONE);
    open_again(r);
    assert_false(store_log_is_missing(r->store));
    for (uint64_t h = 0; h < HEIGHT; h++) {
        mtree_log_append(&expected, &r->hashes[h]);
        assert_int_equal(store_get_header_log(&log, r->store, h + 1), ERR_NONE);
        assert_memory_equal(log.peaks,
                            expected.peaks,
                            mtree_log_peak_count(&log) * sizeof log.peaks[0]);
    }
}

static void test_store_prune_ends_the_filling_in(void **state)
{
    struct rig *r = *state;

    import_all(r);
    fill(r, 5, HEIGHT);
    assert_int_equal(store_prune(r->store, 7), ERR_NONE);
    open_again(r);
    assert_int_equal(store_fill_below(r->store), 0);
    assert_int_equal(store_bodies_from(r->store), 7);
    assert_int_equal(store_blocks_from(r->store), 5);
    assert_int_equal(part(r->store, 5, STORE_BODY), ERR_PRUNED);
    assert_int_equal(part(r->store, 5, STORE_HEADER), ERR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_rig, free_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store_import_is_no_database_until_it_is_finished),
        TEST(test_store_import_begun_again_forgets_the_one_before),
        TEST(test_store_import_names_what_is_before_it_pruned),
        TEST(test_store_fill_ends_at_the_genesis),
        TEST(test_store_prune_ends_the_filling_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
