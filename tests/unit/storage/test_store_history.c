/* The state as it was: every key at every height, beside a plain table. */
#include "storage/store.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    HEIGHTS = 60,
    KEYS = 40,
    SECURITIES = 2,
    BLOCK_MS = 1000,
};

static const struct hash chain = {{7}};

struct rig {
    char dir[64];
    struct store *store;
    struct mtree_log log;
    /* 0: absent; else the row is this byte, twice */
    uint8_t model[HEIGHTS][SECURITIES][KEYS];
    struct hash roots[HEIGHTS][SECURITIES]; /* of the holdings */
    uint32_t seed;
};

static uint32_t dice(struct rig *r, uint32_t below)
{
    r->seed = r->seed * 1103515245 + 12345;
    return (r->seed >> 16) % below;
}

static struct hash named(uint8_t first, uint8_t second)
{
    struct hash h = {{0}};

    h.raw[0] = first;
    h.raw[31] = second;
    return h;
}

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

static int make_rig(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->seed = 1;
    snprintf(r->dir, sizeof r->dir, "/tmp/equity-history-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    open_store(r);
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

/* What a block has beside the changes: roots that name its height. */
static void make_roots(struct buf *out,
                       struct rig *r,
                       const struct change_set *set)
{
    struct state *s = state_new();
    const uint64_t height = r->log.size;

    for (uint8_t i = 0; i < SECURITIES; i++) {
        for (uint8_t k = 0; k < KEYS; k++) {
            const uint8_t v = r->model[height][i][k];
            const uint8_t row[2] = {v, v};
            const struct row_key key = {
                TABLE_HOLDINGS, named(i, 0), named(k, 1)};

            if (v != 0)
                assert_int_equal(state_load(s, &key, bytes_of(row, 2)),
                                 ERR_NONE);
        }
    }
    (void)state_root(s);
    for (uint8_t i = 0; i < SECURITIES; i++) {
        const struct hash id = named(i, 0);

        r->roots[height][i] = state_tree_root(s, TABLE_HOLDINGS, &id);
    }
    state_roots_append(out, s, set);
    state_free(s);
}

/* One block with random changes; index: also what is derived. */
static void put_block(struct rig *r, bool index)
{
    static const uint8_t nothing[4] = {0};
    const uint64_t height = r->log.size;
    struct header h = {.version = HEADER_VERSION,
                       .height = height,
                       .time_ms = (height + 1) * BLOCK_MS};
    struct change list[SECURITIES * KEYS];
    uint8_t rows[SECURITIES * KEYS][2];
    struct store_block b = {.header = &h, .changes.list = list};
    struct buf roots = {0};
    uint8_t head[HEADER_BYTES_MAX];

    for (uint8_t i = 0; i < SECURITIES; i++) {
        for (uint8_t k = 0; k < KEYS; k++) {
            const uint8_t old = height > 0 ? r->model[height - 1][i][k] : 0;
            uint8_t *now = &r->model[height][i][k];
            struct change *c = &list[b.changes.count];

            *now = old;
            /* The first keys change often, the last ones seldom. */
            if (dice(r, 3 + k * 4u) != 0)
                continue;
            *now = (uint8_t)dice(r, 5) * (uint8_t)(1 + height);
            memset(rows[b.changes.count], *now, 2);
            *c = (struct change){
                .key = {TABLE_HOLDINGS, named(i, 0), named(k, 1)},
                .new_row = bytes_of(rows[b.changes.count], *now != 0 ? 2 : 0)};
            b.changes.count++;
        }
    }
    make_roots(&roots, r, &b.changes);
    b.header_bytes = bytes_of(head, header_encode(head, &h));
    b.hash = header_hash(&h);
    b.body = bytes_of(nothing, sizeof nothing);
    b.events = bytes_of(nothing, sizeof nothing);
    b.roots = buf_bytes(&roots);
    mtree_log_append(&r->log, &b.hash);
    b.header_log = &r->log;
    assert_int_equal(store_put_block(r->store, &b), ERR_NONE);
    if (index)
        assert_int_equal(store_index(r->store, &b), ERR_NONE);
    buf_deinit(&roots);
}

struct listed {
    const uint8_t *model; /* KEYS of one security at one height */
    uint8_t next;         /* key that should come next, or a later one */
    uint32_t seen;
};

static bool check_listed(void *ctx, const struct row_key *key, struct bytes row)
{
    struct listed *l = ctx;

    while (l->next < KEYS && l->model[l->next] == 0)
        l->next++;
    assert_true(l->next < KEYS);
    assert_int_equal(key->key.raw[0], l->next);
    assert_int_equal(row.size, 2);
    assert_int_equal(row.at[0], l->model[l->next]);
    l->next++;
    l->seen++;
    return true;
}

static uint32_t rows_at(const uint8_t *model, uint8_t after)
{
    uint32_t n = 0;

    for (uint8_t k = after; k < KEYS; k++)
        n += model[k] != 0 ? 1 : 0;
    return n;
}

static void check_security(struct rig *r, struct store_view *v, uint8_t i)
{
    const uint64_t height = store_view_height(v);
    const struct hash id = named(i, 0);
    const uint8_t *model = r->model[height][i];
    struct listed l = {.model = model};
    const uint8_t middle = (uint8_t)dice(r, KEYS);
    const struct hash after = named(middle, 1);

    for (uint8_t k = 0; k < KEYS; k++) {
        const struct row_key key = {TABLE_HOLDINGS, id, named(k, 1)};
        struct store_value row;
        const enum err e = store_get_row(&row, v, &key);

        assert_int_equal(e, model[k] != 0 ? ERR_NONE : ERR_NOT_FOUND);
        if (e == ERR_NONE)
            assert_int_equal(row.at[1], model[k]);
        store_value_free(&row);
    }
    assert_int_equal(
        store_each_row_of(v, TABLE_HOLDINGS, &id, NULL, check_listed, &l),
        ERR_NONE);
    assert_int_equal(l.seen, rows_at(model, 0));
    l = (struct listed){.model = model, .next = (uint8_t)(middle + 1)};
    assert_int_equal(
        store_each_row_of(v, TABLE_HOLDINGS, &id, &after, check_listed, &l),
        ERR_NONE);
    assert_int_equal(l.seen, rows_at(model, (uint8_t)(middle + 1)));
}

static void check_roots(struct rig *r, struct store_view *v, uint8_t i)
{
    const struct hash id = named(i, 0);
    struct hash roots[SECURITY_TREES];
    const enum err e = store_get_security_roots(roots, v, &id);

    if (e == ERR_NOT_FOUND) /* nothing of it had changed yet */
        assert_true(hash_is_zero(&r->roots[store_view_height(v)][i]));
    else
        assert_int_equal(e, ERR_NONE);
    assert_memory_equal(
        &roots[0], &r->roots[store_view_height(v)][i], HASH_BYTES);
}

static void check_all(struct rig *r)
{
    for (uint64_t height = 0; height < r->log.size; height++) {
        struct store_view *v = store_view_open(r->store);

        assert_int_equal(store_view_go_back(v, height), ERR_NONE);
        assert_int_equal(store_view_height(v), height);
        for (uint8_t i = 0; i < SECURITIES; i++) {
            check_security(r, v, i);
            check_roots(r, v, i);
        }
        store_view_close(v);
    }
}

static void test_history_is_what_the_state_was_at_every_height(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < HEIGHTS; i++)
        put_block(r, true);
    check_all(r);
}

static void test_history_lost_behind_the_log_is_made_again(void **state)
{
    struct rig *r = *state;
    uint64_t replayed;

    for (int i = 0; i < 20; i++)
        put_block(r, true);
    for (int i = 0; i < 20; i++)
        put_block(r, false);
    store_close(r->store);
    open_store(r);
    assert_int_equal(store_index_catch_up(r->store, &replayed), ERR_NONE);
    assert_int_equal(replayed, 20);
    check_all(r);
}

static void test_history_of_the_future_is_refused(void **state)
{
    struct rig *r = *state;
    struct store_view *v;

    for (int i = 0; i < 3; i++)
        put_block(r, true);
    v = store_view_open(r->store);
    assert_int_equal(store_view_go_back(v, 3), ERR_RANGE);
    assert_int_equal(store_view_go_back(v, 2), ERR_NONE);
    assert_false(store_view_is_past(v));
    assert_int_equal(store_view_go_back(v, 1), ERR_NONE);
    assert_true(store_view_is_past(v));
    store_view_close(v);
}

static void test_history_by_time_takes_the_newest_block_not_after(void **state)
{
    struct rig *r = *state;
    struct store_view *v;
    uint64_t height;

    for (int i = 0; i < 7; i++)
        put_block(r, true);
    v = store_view_open(r->store);
    assert_int_equal(store_height_at(&height, v, BLOCK_MS - 1), ERR_NOT_FOUND);
    for (uint64_t h = 0; h < 7; h++) {
        assert_int_equal(store_height_at(&height, v, (h + 1) * BLOCK_MS),
                         ERR_NONE);
        assert_int_equal(height, h);
        assert_int_equal(store_height_at(&height, v, (h + 2) * BLOCK_MS - 1),
                         ERR_NONE);
        assert_int_equal(height, h);
    }
    store_view_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_history_is_what_the_state_was_at_every_height,
            make_rig,
            free_rig),
        cmocka_unit_test_setup_teardown(
            test_history_lost_behind_the_log_is_made_again, make_rig, free_rig),
        cmocka_unit_test_setup_teardown(
            test_history_of_the_future_is_refused, make_rig, free_rig),
        cmocka_unit_test_setup_teardown(
            test_history_by_time_takes_the_newest_block_not_after,
            make_rig,
            free_rig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
