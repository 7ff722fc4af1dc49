#include "state/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/state/snapshot_rig.h"

static enum err load(void *ctx, const struct row_key *key, struct bytes row)
{
    return state_load(ctx, key, row);
}

/* The root of a state made of nothing but what a receiver has checked. */
static struct hash receive(const struct rig *r, const struct snapshot *s)
{
    struct state *state = state_new();
    struct hash root;

    assert_int_equal(snapshot_each_row(s, load, state), ERR_NONE);
    for (uint32_t i = s->chunk_count; i > 0; i--) {
        const struct bytes chunk = rig_chunk(r, s, i - 1);

        assert_int_equal(snapshot_chunk_check(s, i - 1, chunk), ERR_NONE);
        assert_int_equal(snapshot_chunk_rows(s, i - 1, chunk, load, state),
                         ERR_NONE);
    }
    root = state_root(state);
    state_free(state);
    return root;
}

static void test_snapshot_leads_to_every_row_of_the_state(void **x)
{
    struct rig r;
    struct snapshot *s;
    struct hash root;
    struct hash expected;
    struct reader epochs;
    struct snapshot_epoch e;

    (void)x;
    rig_init(&r);
    rig_fill(&r, 100);
    rig_make(&r);
    expected = rig_state_root(&r);
    assert_memory_equal(&expected, &r.root, sizeof expected);
    s = rig_open(&r);
    root = receive(&r, s);
    assert_memory_equal(&expected, &root, sizeof expected);
    assert_int_equal(s->header.height, RIG_HEIGHT);
    assert_int_equal(s->security_count, 3);
    assert_int_equal(s->bytes, r.leaves.size);
    epochs = reader_of(s->epochs);
    assert_true(snapshot_next_epoch(&epochs, &e));
    assert_int_equal(e.next.epoch, 1);
    assert_false(snapshot_next_epoch(&epochs, &e));
    snapshot_free(s);
    rig_deinit(&r);
}

static void test_snapshot_of_a_state_of_nothing_has_no_chunk(void **x)
{
    struct rig r;
    struct snapshot *s;

    (void)x;
    rig_init(&r);
    rig_make(&r);
    s = rig_open(&r);
    assert_int_equal(s->chunk_count, 0);
    snapshot_free(s);
    rig_deinit(&r);
}

/* P2: trees that are too large for one piece, by leaves and by bytes. */
static void test_snapshot_of_large_trees_keeps_the_limits(void **x)
{
    static const struct hash none;
    static uint8_t large[20000];
    struct rig r;
    struct snapshot *s;
    struct hash root;
    uint32_t full = 0;

    (void)x;
    rig_init(&r);
    rig_fill(&r, 10);
    for (uint32_t i = 0; i < 150000; i++)
        rig_put(&r, TABLE_SUBJECTS, none, rig_number(i), bytes_of("x", 1));
    for (uint32_t i = 0; i < 300; i++)
        rig_put(&r,
                TABLE_CLAIMS,
                none,
                rig_number(i),
                bytes_of(large, sizeof large));
    rig_make(&r);
    s = rig_open(&r);
    assert_true(s->chunk_count > 10);
    for (uint32_t i = 0; i < s->chunk_count; i++) {
        assert_true(s->chunks[i].leaves <= SNAPSHOT_LEAVES_MAX);
        assert_true(s->chunks[i].bytes <= SNAPSHOT_CHUNK_MAX);
        full += s->chunks[i].bytes > SNAPSHOT_CHUNK_MAX / 4 ? 1 : 0;
    }
    assert_true(full > s->chunk_count / 2);
    root = receive(&r, s);
    assert_memory_equal(&root, &r.root, sizeof root);
    snapshot_free(s);
    rig_deinit(&r);
}

/* P1: whoever signed. */
static void test_snapshot_id_is_of_the_state_alone(void **x)
{
    struct rig r;
    struct snapshot *s;
    struct hash id;

    (void)x;
    rig_init(&r);
    rig_fill(&r, 10);
    rig_make(&r);
    s = rig_open(&r);
    id = s->id;
    snapshot_free(s);
    r.height++;
    rig_make(&r);
    s = rig_open(&r);
    assert_memory_equal(&s->id, &id, sizeof id);
    snapshot_free(s);
    r.rows[3].row = bytes_of("another row", 11);
    rig_make(&r);
    s = rig_open(&r);
    assert_memory_not_equal(&s->id, &id, sizeof id);
    snapshot_free(s);
    rig_deinit(&r);
}

static void test_snapshot_with_any_byte_of_its_manifest_flipped_is_refused(
    void **x)
{
    struct rig r;
    struct snapshot *s;
    struct hash id;

    (void)x;
    rig_init(&r);
    rig_fill(&r, 5);
    rig_make(&r);
    s = rig_open(&r);
    id = s->id;
    snapshot_free(s);
    for (size_t i = 0; i < r.manifest.size; i++) {
        r.manifest.at[i] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(
            rig_open_bytes(&s, &r, buf_bytes(&r.manifest), &id), ERR_NONE);
        assert_null(s);
        r.manifest.at[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t cut = 0; cut < r.manifest.size; cut++)
        assert_int_not_equal(
            rig_open_bytes(&s, &r, bytes_of(r.manifest.at, cut), &id),
            ERR_NONE);
    buf_append(&r.manifest, "x", 1);
    assert_int_equal(rig_open_bytes(&s, &r, buf_bytes(&r.manifest), &id),
                     ERR_TRAILING);
    rig_deinit(&r);
}

static void test_snapshot_chunk_with_any_byte_flipped_is_refused(void **x)
{
    struct rig r;
    struct snapshot *s;

    (void)x;
    rig_init(&r);
    rig_fill(&r, 20);
    rig_make(&r);
    s = rig_open(&r);
    assert_int_equal(s->chunk_count, 1);
    for (size_t i = 0; i < r.leaves.size; i++) {
        r.leaves.at[i] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(snapshot_chunk_check(s, 0, rig_chunk(&r, s, 0)),
                             ERR_NONE);
        r.leaves.at[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t cut = 0; cut < r.leaves.size; cut++)
        assert_int_equal(snapshot_chunk_check(s, 0, bytes_of(r.leaves.at, cut)),
                         ERR_RANGE);
    snapshot_free(s);
    rig_deinit(&r);
}

/* Leaves of equal size, so that only what they are differs. */
enum {
    LEAF = HASH_BYTES + 4 + 9, /* a holding */
};

/* Where the first holding begins. */
static size_t first_holding(const struct rig *r)
{
    size_t at = 0;

    for (uint32_t i = 0; r->rows[i].key.table != TABLE_HOLDINGS; i++) {
        if (r->rows[i].key.table == TABLE_ACCOUNTS)
            at += HASH_BYTES + 4 + r->rows[i].row.size;
    }
    return at;
}

static void test_snapshot_chunk_with_other_leaves_is_refused(void **x)
{
    struct rig r;
    struct snapshot *s;
    struct buf spoilt = {0};
    uint8_t *at;
    uint8_t kept[LEAF];

    (void)x;
    rig_init(&r);
    rig_fill(&r, 20);
    rig_make(&r);
    s = rig_open(&r);
    buf_append(&spoilt, r.leaves.at, r.leaves.size);
    at = spoilt.at + first_holding(&r);
    assert_memory_equal(at + HASH_BYTES + 4, "a holding", 9);

    memcpy(kept, at, LEAF); /* doubled */
    memcpy(at, at + LEAF, LEAF);
    assert_int_equal(snapshot_chunk_check(s, 0, buf_bytes(&spoilt)), ERR_ORDER);
    memcpy(at + LEAF, kept, LEAF); /* in another order */
    assert_int_equal(snapshot_chunk_check(s, 0, buf_bytes(&spoilt)), ERR_ORDER);
    memcpy(at + LEAF, at, LEAF);
    memcpy(at, kept, LEAF);
    assert_int_equal(snapshot_chunk_check(s, 0, buf_bytes(&spoilt)), ERR_NONE);
    memmove(at, at + LEAF, spoilt.size - first_holding(&r) - LEAF);
    assert_int_equal(
        snapshot_chunk_check(s, 0, bytes_of(spoilt.at, spoilt.size - LEAF)),
        ERR_RANGE); /* left out */
    assert_int_not_equal(snapshot_chunk_check(s, 0, buf_bytes(&spoilt)),
                         ERR_NONE);
    buf_deinit(&spoilt);
    snapshot_free(s);
    rig_deinit(&r);
}

static void test_snapshot_chunk_of_another_height_is_refused(void **x)
{
    struct rig r;
    struct rig later;
    struct snapshot *s;
    struct snapshot *other;

    (void)x;
    rig_init(&r);
    rig_fill(&r, 20);
    rig_make(&r);
    rig_init(&later);
    rig_fill(&later, 20);
    later.height++;
    rig_make(&later);
    for (uint32_t i = 0; i < later.row_count; i++) {
        if (later.rows[i].key.table == TABLE_HOLDINGS)
            later.rows[i].row = bytes_of("b holding", 9);
    }
    rig_make(&later);
    s = rig_open(&r);
    other = rig_open(&later);
    assert_int_equal(snapshot_chunk_check(s, 0, rig_chunk(&r, s, 0)), ERR_NONE);
    assert_int_equal(snapshot_chunk_check(s, 0, rig_chunk(&later, other, 0)),
                     ERR_MISMATCH);
    snapshot_free(s);
    snapshot_free(other);
    rig_deinit(&r);
    rig_deinit(&later);
}

static void refuse_head(const struct rig_faults *f, enum err expected)
{
    struct rig r;
    struct snapshot *s;

    rig_init(&r);
    rig_fill(&r, 3);
    rig_make_with(&r, f);
    assert_int_equal(rig_open_bytes(&s, &r, buf_bytes(&r.manifest), NULL),
                     expected);
    rig_deinit(&r);
}

static void test_snapshot_that_the_genesis_does_not_lead_to_is_refused(void **x)
{
    struct rig r;
    struct snapshot *s;
    struct hash other = {{8}};

    (void)x;
    refuse_head(&(struct rig_faults){.signers = 2}, ERR_QUORUM);
    refuse_head(&(struct rig_faults){.signers = 4}, ERR_QUORUM);
    refuse_head(&(struct rig_faults){.without_epoch = true}, ERR_MISMATCH);
    refuse_head(&(struct rig_faults){.no_seal = true}, ERR_RANGE);
    rig_init(&r);
    rig_fill(&r, 3);
    rig_make(&r);
    assert_int_equal(
        snapshot_open(
            &s, buf_bytes(&r.manifest), &other, &r.sets[0], NULL, NULL),
        ERR_CHAIN);
    r.sets[0] = rig_set(0, 1);
    assert_int_equal(rig_open_bytes(&s, &r, buf_bytes(&r.manifest), NULL),
                     ERR_MISMATCH);
    rig_deinit(&r);
}

static void test_snapshot_builder_refuses_rows_out_of_place(void **x)
{
    static const struct hash none;
    struct rig r;
    struct buf body = {0};
    struct hash root;
    struct snapshot_builder *b;
    struct row_key k = {TABLE_HOLDINGS, security_key("AAA"), rig_number(1)};

    (void)x;
    rig_init(&r);
    b = snapshot_build_new(rig_take_leaf, &r);
    assert_int_equal(snapshot_build_row(b, &k, bytes_of("row", 3)), ERR_NONE);
    assert_int_equal(snapshot_build_row(b, &k, bytes_of("row", 3)), ERR_ORDER);
    k.key = none;
    assert_int_equal(snapshot_build_row(b, &k, bytes_of("row", 3)), ERR_ORDER);
    k.table = TABLE_CLAIMS;
    assert_int_equal(snapshot_build_row(b, &k, bytes_of("row", 3)), ERR_RANGE);
    k.tree = none;
    assert_int_equal(snapshot_build_row(b, &k, bytes_of("", 0)), ERR_RANGE);
    assert_int_equal(snapshot_build_finish(b, &body, &root), ERR_CORRUPT);
    snapshot_build_free(b);
    buf_deinit(&body);
    rig_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_leads_to_every_row_of_the_state),
        cmocka_unit_test(test_snapshot_of_a_state_of_nothing_has_no_chunk),
        cmocka_unit_test(test_snapshot_of_large_trees_keeps_the_limits),
        cmocka_unit_test(test_snapshot_id_is_of_the_state_alone),
        cmocka_unit_test(
            test_snapshot_with_any_byte_of_its_manifest_flipped_is_refused),
        cmocka_unit_test(test_snapshot_chunk_with_any_byte_flipped_is_refused),
        cmocka_unit_test(test_snapshot_chunk_with_other_leaves_is_refused),
        cmocka_unit_test(test_snapshot_chunk_of_another_height_is_refused),
        cmocka_unit_test(
            test_snapshot_that_the_genesis_does_not_lead_to_is_refused),
        cmocka_unit_test(test_snapshot_builder_refuses_rows_out_of_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
