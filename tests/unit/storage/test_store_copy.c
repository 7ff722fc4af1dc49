/* Bodies removed and their disk given back; copies of a store that is used. */
#include "storage/store.h"
#include "tests/scratch.h"

#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    BLOCKS = 60,
    BODY = 1 << 20, /* of bytes that do not compress */
    EMPTY = 4,
};

static const struct hash chain = {{7}};

struct rig {
    char dir[64];
    struct store *store;
    struct mtree_log log;
    uint64_t next;
    uint8_t *body;
    uint64_t seed;
};

static enum err open_at(struct store **out,
                        const struct rig *r,
                        const char *name,
                        bool create,
                        bool read_only)
{
    const struct store_options options = {
        .cache_bytes = 1 << 20, .create = create, .read_only = read_only};
    char path[100];
    char message[200];

    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    return store_open(out, path, &chain, &options, message, sizeof message);
}

static int make_rig(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    snprintf(r->dir, sizeof r->dir, "/tmp/equity-copy-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    r->body = malloc(BODY);
    assert_non_null(r->body);
    r->seed = 1;
    assert_int_equal(open_at(&r->store, r, "db", true, false), ERR_NONE);
    *state = r;
    return 0;
}

static int free_rig(void **state)
{
    struct rig *r = *state;

    store_close(r->store);
    scratch_remove(r->dir);
    free(r->body);
    free(r);
    return 0;
}

static void fill_body(struct rig *r, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
        r->body[i] = (uint8_t)(r->seed >> 56);
    }
}

/* Block r->next: one row has its height, one event tells of it.  Its body is
 * none that could be split, unless it is EMPTY. */
static void put(struct rig *r, size_t body)
{
    static const uint8_t no_roots[8];
    const uint8_t height = (uint8_t)r->next;
    const struct change change = {
        .key = {.table = TABLE_CALENDAR, .key = {{3}}},
        .new_row = bytes_of(&height, 1)};
    const struct event event = {.kind = 1, .security = "-"};
    uint8_t events[EVENT_BYTES_MAX];
    uint8_t one[EVENT_BYTES_MAX];
    uint8_t header_bytes[HEADER_BYTES_MAX];
    const struct header header = {
        .version = HEADER_VERSION, .height = r->next, .tx_count = 0};
    const struct cert cert = {.kind = VOTE_FINALIZE,
                              .about = {.view = 9, .height = r->next},
                              .bitmap = 7};
    struct writer w = writer_of(one, sizeof one);
    struct writer list = writer_of(events, sizeof events);
    struct store_block b;

    schema_encode(&w, &event_schema, &event);
    writer_u32(&list, 1);
    writer_vec(&list, writer_bytes(&w));
    if (body > EMPTY)
        fill_body(r, body);
    else
        memset(r->body, 0, EMPTY);
    b = (struct store_block){
        .header = &header,
        .hash = header_hash(&header),
        .cert = r->next > 0 ? &cert : NULL,
        .header_bytes =
            bytes_of(header_bytes, header_encode(header_bytes, &header)),
        .body = bytes_of(r->body, body),
        .events = writer_bytes(&list),
        .changes = {.list = &change, .count = 1},
        .roots = bytes_of(no_roots, sizeof no_roots),
        .header_log = &r->log,
    };
    mtree_log_append(&r->log, &b.hash);
    assert_int_equal(store_put_block(r->store, &b), ERR_NONE);
    assert_int_equal(store_index(r->store, &b), ERR_NONE);
    r->next++;
}

static enum err get(struct store *s, uint64_t height, enum store_block_part p)
{
    struct store_value v;
    const enum err e = store_get_block(&v, s, height, p);

    if (e == ERR_NONE)
        store_value_free(&v);
    return e;
}

static uint64_t total;

static int add_size(const char *path,
                    const struct stat *st,
                    int flag,
                    struct FTW *ftw)
{
    (void)path;
    (void)flag;
    (void)ftw;
    total += (uint64_t)st->st_blocks * 512;
    return 0;
}

static uint64_t disk_of(const struct rig *r, const char *name)
{
    char path[100];

    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    total = 0;
    nftw(path, add_size, 16, FTW_PHYS);
    return total;
}

/* The database is closed and opened as by who prunes it: what was in the log of
 * writes is in files. */
static void reopen(struct rig *r)
{
    store_close(r->store);
    assert_int_equal(open_at(&r->store, r, "db", false, false), ERR_NONE);
}

static uint32_t events_of(struct store *s);

static void check_kept(struct store *s, uint64_t below, uint64_t blocks)
{
    struct store_view *v;
    const struct row_key key = {.table = TABLE_CALENDAR, .key = {{3}}};

    for (uint64_t h = 0; h < blocks; h++) {
        const enum err e = h < below ? ERR_PRUNED : ERR_NONE;
        struct mtree_log log;

        assert_int_equal(get(s, h, STORE_BODY), e);
        assert_int_equal(get(s, h, STORE_EVENTS), e);
        assert_int_equal(get(s, h, STORE_CHANGES), e);
        assert_int_equal(get(s, h, STORE_HEADER), ERR_NONE);
        assert_int_equal(get(s, h, STORE_ROOTS), ERR_NONE);
        assert_int_equal(get(s, h, STORE_CERT),
                         h == 0 ? ERR_NOT_FOUND : ERR_NONE);
        assert_int_equal(store_get_header_log(&log, s, h + 1), ERR_NONE);
    }
    for (uint64_t h = 0; h < blocks; h++) { /* the state as it was */
        struct store_value row;

        v = store_view_open(s);
        assert_int_equal(store_view_go_back(v, h), ERR_NONE);
        assert_int_equal(store_get_row(&row, v, &key), ERR_NONE);
        assert_int_equal(row.at[0], h);
        store_value_free(&row);
        store_view_close(v);
    }
    assert_int_equal(events_of(s), blocks);
}

static bool count_event(void *ctx,
                        uint64_t height,
                        uint32_t index,
                        struct bytes event)
{
    (void)height;
    (void)index;
    (void)event;
    ++*(uint32_t *)ctx;
    return true;
}

static uint32_t events_of(struct store *s)
{
    const struct store_event_filter all = {.by_security = false};
    struct store_view *v = store_view_open(s);
    uint32_t count = 0;

    assert_int_equal(store_each_event(v, &all, 0, 0, true, count_event, &count),
                     ERR_NONE);
    store_view_close(v);
    return count;
}

static void test_prune_gives_the_disk_back_and_keeps_the_rest(void **state)
{
    struct rig *r = *state;
    uint64_t before;
    uint64_t after;

    while (r->next < BLOCKS)
        put(r, BODY);
    reopen(r);
    before = disk_of(r, "db");
    assert_true(before > (uint64_t)BLOCKS * BODY);
    assert_int_equal(store_bodies_from(r->store), 0);
    assert_int_equal(store_prune(r->store, BLOCKS - 5), ERR_NONE);
    after = disk_of(r, "db");
    /* what is left: 5 bodies, and what is written beside them */
    print_message("disk before %llu, after %llu KiB\n",
                  (unsigned long long)before / 1024,
                  (unsigned long long)after / 1024);
    assert_true(after < (uint64_t)15 * BODY);
    assert_int_equal(store_bodies_from(r->store), BLOCKS - 5);
    check_kept(r->store, BLOCKS - 5, BLOCKS);
    reopen(r);
    assert_int_equal(store_bodies_from(r->store), BLOCKS - 5);
    check_kept(r->store, BLOCKS - 5, BLOCKS);
    put(r, 100); /* and it goes on */
    assert_int_equal(get(r->store, BLOCKS, STORE_BODY), ERR_NONE);
}

static void test_prune_never_goes_back_nor_takes_the_newest(void **state)
{
    struct rig *r = *state;

    assert_int_equal(store_prune(r->store, 0), ERR_RANGE); /* nothing there */
    while (r->next < 10)
        put(r, 100);
    assert_int_equal(store_prune(r->store, 10), ERR_RANGE);
    assert_int_equal(store_prune(r->store, 5), ERR_NONE);
    assert_int_equal(store_prune(r->store, 3), ERR_NONE);
    assert_int_equal(store_bodies_from(r->store), 5);
    assert_int_equal(store_prune(r->store, 9), ERR_NONE);
    check_kept(r->store, 9, 10);
}

struct writing {
    struct rig *rig;
    _Atomic bool stop;
};

static void *write_blocks(void *ctx)
{
    struct writing *w = ctx;

    while (!w->stop && w->rig->next < 250)
        put(w->rig, EMPTY);
    return NULL;
}

static enum err count_row(void *ctx,
                          const struct row_key *key,
                          struct bytes row)
{
    (void)key;
    *(uint8_t *)ctx = row.at[0];
    return ERR_NONE;
}

/* Whole blocks only; what is derived of them may be behind, when another thread
 * writes meanwhile. */
static void test_checkpoint_of_a_used_store_is_of_one_moment(void **state)
{
    struct rig *r = *state;
    struct writing w = {.rig = r};
    pthread_t thread;
    char path[100];

    put(r, EMPTY);
    assert_int_equal(pthread_create(&thread, NULL, write_blocks, &w), 0);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/copy%d", r->dir, i);
        usleep(20000);
        assert_int_equal(store_flush(r->store), ERR_NONE);
        assert_int_equal(store_checkpoint(r->store, path), ERR_NONE);
    }
    w.stop = true;
    pthread_join(thread, NULL);
    for (int i = 0; i < 3; i++) {
        char name[16];
        struct store *copy;
        struct store_tip tip;
        uint64_t replayed;
        uint8_t row = 0;

        snprintf(name, sizeof name, "copy%d", i);
        assert_int_equal(open_at(&copy, r, name, false, false), ERR_NONE);
        tip = store_tip_of(copy);
        assert_true(tip.any);
        assert_int_equal(store_index_catch_up(copy, &replayed), ERR_NONE);
        assert_true(replayed <= 1);
        assert_int_equal(store_each_row(copy, NULL, NULL, count_row, &row),
                         ERR_NONE);
        assert_int_equal(row, tip.height);
        check_kept(copy, 0, tip.height + 1);
        store_close(copy);
    }
}

static void test_checkpoint_does_not_write_over_anything(void **state)
{
    struct rig *r = *state;

    put(r, 10);
    assert_int_not_equal(store_checkpoint(r->store, r->dir), ERR_NONE);
}

/* A copy by the thread that writes has its indexes at its tip; reading it
 * leaves it as it is. */
static void test_checkpoint_is_read_without_being_changed(void **state)
{
    struct rig *r = *state;
    char path[100];
    char command[300];
    struct store *copy;
    uint8_t row = 0;

    while (r->next < 20)
        put(r, 3000);
    snprintf(path, sizeof path, "%s/copy", r->dir);
    assert_int_equal(store_checkpoint(r->store, path), ERR_NONE);
    snprintf(command,
             sizeof command,
             "cd %s && sha256sum [!L]* >../sums && test -s ../sums",
             path);
    assert_int_equal(system(command), 0);
    assert_int_equal(open_at(&copy, r, "copy", false, true), ERR_NONE);
    assert_int_equal(store_tip_of(copy).height, 19);
    assert_int_equal(store_each_row(copy, NULL, NULL, count_row, &row),
                     ERR_NONE);
    assert_int_equal(row, 19);
    store_close(copy);
    snprintf(command,
             sizeof command,
             "cd %s && sha256sum [!L]* | cmp - ../sums",
             path);
    assert_int_equal(system(command), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_rig, free_rig)
    const struct CMUnitTest tests[] = {
        TEST(test_prune_gives_the_disk_back_and_keeps_the_rest),
        TEST(test_prune_never_goes_back_nor_takes_the_newest),
        TEST(test_checkpoint_of_a_used_store_is_of_one_moment),
        TEST(test_checkpoint_does_not_write_over_anything),
        TEST(test_checkpoint_is_read_without_being_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
