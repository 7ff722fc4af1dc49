/* The store: a block is one batch, what is derived follows, and a foreign or
 * busy directory is told. */
#include "storage/store.h"

#include "base/check.h"
#include "base/writer.h"
#include "chain/tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct hash chain = {{7}};
static char dir[64];
static char message[300];

static int make(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/equity-store-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int wipe(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static enum err open_store(struct store **out,
                           const struct hash *chain_id,
                           bool create)
{
    const struct store_options options = {.cache_bytes = 8 << 20,
                                          .create = create};

    return store_open(out, dir, chain_id, &options, message, sizeof message);
}

static struct store *opened(bool create)
{
    struct store *s;

    assert_int_equal(open_store(&s, &chain, create), ERR_NONE);
    return s;
}

static struct hash numbered(uint64_t n)
{
    struct hash h = {{1}};

    memcpy(h.raw + 8, &n, sizeof n);
    return h;
}

static struct row_key key_of(uint64_t n)
{
    return (struct row_key){TABLE_HOLDINGS, security_key("S"), numbered(n)};
}

/* A block with one transaction that sets row `height` and row 0. */
struct made {
    struct header header;
    struct store_block block;
    uint8_t head[HEADER_BYTES_MAX];
    uint8_t row[4];
    uint8_t events[4 + 4 + EVENT_BYTES_MAX];
    struct change changes[2];
    uint8_t body[4 + 4 + 1024];
    size_t body_size;
    struct hash id;
    struct cert cert;
};

static struct mtree_log headers;

/* A body with one signed transaction: its index is made from the bytes. */
static void make_body(struct made *m, uint8_t number)
{
    static const uint8_t op[] = {1, 2, 3};
    struct tx *tx = calloc(1, sizeof *tx);
    const struct secret secret = {{number, 1}};
    uint8_t unsigned_bytes[1024];
    struct writer w = writer_of(unsigned_bytes, sizeof unsigned_bytes);
    struct writer body = writer_of(m->body + 8, 1024);

    ASSERT(tx != NULL);
    tx->chain_id = chain;
    tx->institution = 1;
    tx->reference.serial[0] = number;
    tx->principals[tx->principal_count++] =
        (struct principal){PRINCIPAL_INSTITUTION, institution_id(1)};
    tx->ops[tx->op_count++] = bytes_of(op, sizeof op);
    tx_encode_unsigned(&w, tx);
    tx->id = tx_id_of(writer_bytes(&w));
    assert_int_equal(tx_sign(tx, 0, &secret), ERR_NONE);
    tx_encode(&body, tx);
    assert_true(writer_ok(&body));
    m->id = tx->id;
    m->body_size = 8 + body.size;
    w = writer_of(m->body, 8);
    writer_u32(&w, 1);
    writer_u32(&w, (uint32_t)body.size);
    free(tx);
}

static void make_block(struct made *m, uint64_t height)
{
    struct event e = {.kind = EVENT_TRANSFERRED, .security = "S"};
    struct writer w = writer_of(m->events + 8, EVENT_BYTES_MAX);
    struct writer head = writer_of(m->events, 8);
    static const uint8_t no_roots[8]; /* of no slot, of no security */

    memset(m, 0, sizeof *m);
    m->header = (struct header){
        .version = HEADER_VERSION, .height = height, .tx_count = 1};
    m->row[0] = (uint8_t)height;
    make_body(m, (uint8_t)(height + 1));
    e.account = numbered(height);
    schema_encode(&w, &event_schema, &e);
    assert_true(writer_ok(&w));
    writer_u32(&head, 1);
    writer_u32(&head, (uint32_t)w.size);
    for (int i = 0; i < 2; i++)
        m->changes[i] =
            (struct change){.key = key_of(i == 0 ? 0 : height),
                            .new_row = bytes_of(m->row, sizeof m->row)};
    m->cert = (struct cert){.kind = VOTE_FINALIZE,
                            .about = {.view = height, .height = height}};
    m->block = (struct store_block){
        .header = &m->header,
        .hash = numbered(2000 + height),
        .cert = height > 0 ? &m->cert : NULL,
        .header_bytes = bytes_of(m->head, header_encode(m->head, &m->header)),
        .body = bytes_of(m->body, m->body_size),
        .events = bytes_of(m->events, 8 + w.size),
        .changes = {m->changes, 2, NULL, 0},
        .roots = bytes_of(no_roots, sizeof no_roots),
        .tx_ids = &m->id,
        .header_log = &headers,
    };
    mtree_log_append(&headers, &m->block.hash);
}

static struct hash last_id; /* of the transaction put last */

static void put(struct store *s, uint64_t height, bool index)
{
    struct made *m = calloc(1, sizeof *m);

    ASSERT(m != NULL);
    if (height == 0)
        headers = (struct mtree_log){0};
    make_block(m, height);
    assert_int_equal(store_put_block(s, &m->block), ERR_NONE);
    if (index)
        assert_int_equal(store_index(s, &m->block), ERR_NONE);
    last_id = m->id;
    free(m);
}

static uint8_t row_of(struct store_view *v, uint64_t n)
{
    const struct row_key key = key_of(n);
    struct store_value value;
    uint8_t first;

    assert_int_equal(store_get_row(&value, v, &key), ERR_NONE);
    first = value.at[0];
    store_value_free(&value);
    return first;
}

static void test_store_a_block_is_there_after_it_was_put(void **state)
{
    struct store *s = opened(true);
    struct store_value v;
    struct mtree_log log;
    uint64_t height;
    uint32_t index;

    (void)state;
    assert_false(store_tip_of(s).any);
    put(s, 0, true);
    put(s, 1, true);
    store_close(s);
    s = opened(false);
    assert_int_equal(store_tip_of(s).height, 1);
    assert_int_equal(store_get_block(&v, s, 1, STORE_BODY), ERR_NONE);
    assert_true(v.size > 8);
    store_value_free(&v);
    assert_int_equal(store_get_block(&v, s, 1, STORE_CERT), ERR_NONE);
    store_value_free(&v);
    assert_int_equal(store_get_block(&v, s, 0, STORE_CERT), ERR_NOT_FOUND);
    assert_int_equal(store_get_block(&v, s, 2, STORE_BODY), ERR_NOT_FOUND);
    assert_int_equal(store_get_tx(&height, &index, s, &last_id), ERR_NONE);
    assert_int_equal(height, 1);
    assert_int_equal(index, 0);
    assert_int_equal(store_get_header_log(&log, s, 2), ERR_NONE);
    assert_memory_equal(&log, &headers, sizeof log);
    store_close(s);
}

/* The process ended between a block and its index. */
static void test_store_an_index_left_behind_is_caught_up(void **state)
{
    struct store *s = opened(true);
    struct store_view *v;
    uint64_t replayed;
    uint64_t height;
    uint32_t index;

    (void)state;
    put(s, 0, true);
    put(s, 1, true);
    put(s, 2, false);
    put(s, 3, false);
    v = store_view_open(s);
    assert_int_equal(store_view_height(v), 1);
    assert_int_equal(row_of(v, 0), 1);
    store_view_close(v);
    store_close(s);
    s = opened(false);
    assert_int_equal(store_index_catch_up(s, &replayed), ERR_NONE);
    assert_int_equal(replayed, 2);
    assert_int_equal(store_get_tx(&height, &index, s, &last_id), ERR_NONE);
    assert_int_equal(height, 3);
    v = store_view_open(s);
    assert_int_equal(store_view_height(v), 3);
    assert_int_equal(row_of(v, 0), 3);
    assert_int_equal(row_of(v, 2), 2);
    store_view_close(v);
    assert_int_equal(store_index_catch_up(s, &replayed), ERR_NONE);
    assert_int_equal(replayed, 0);
    store_close(s);
}

static void test_store_a_view_does_not_change(void **state)
{
    struct store *s = opened(true);
    struct store_view *v;

    (void)state;
    put(s, 0, true);
    v = store_view_open(s);
    put(s, 1, true);
    assert_int_equal(row_of(v, 0), 0);
    assert_int_equal(store_view_height(v), 0);
    store_view_close(v);
    store_close(s);
}

static bool see_event(void *ctx,
                      uint64_t height,
                      uint32_t index,
                      struct bytes event)
{
    uint64_t *seen = ctx;

    (void)index;
    assert_true(event.size > 0);
    *seen = *seen * 10 + height;
    return true;
}

static uint64_t events(struct store_view *v,
                       const struct store_event_filter *f,
                       uint64_t after)
{
    uint64_t seen = 0;

    assert_int_equal(
        store_each_event(v, f, after, 0, after == 0, see_event, &seen),
        ERR_NONE);
    return seen;
}

static void test_store_events_by_all_security_and_account(void **state)
{
    struct store *s = opened(true);
    struct store_view *v;
    struct store_event_filter f = {0};

    (void)state;
    for (uint64_t h = 0; h < 4; h++)
        put(s, h, true);
    v = store_view_open(s);
    assert_int_equal(events(v, &f, 0), 123);
    assert_int_equal(events(v, &f, 1), 23);
    f = (struct store_event_filter){.by_security = true,
                                    .key = security_key("S")};
    assert_int_equal(events(v, &f, 2), 3);
    f.key = security_key("T");
    assert_int_equal(events(v, &f, 0), 0);
    f = (struct store_event_filter){.by_account = true, .key = numbered(2)};
    assert_int_equal(events(v, &f, 0), 2);
    store_view_close(v);
    store_close(s);
}

static void test_store_keeps_how_far_the_journal_was(void **state)
{
    struct store *s = opened(true);
    struct store_journal j;
    struct made *m = calloc(1, sizeof *m);

    (void)state;
    ASSERT(m != NULL);
    put(s, 0, true);
    assert_int_equal(store_journal_of(&j, s), ERR_NONE);
    assert_int_equal(j.records, 0);
    make_block(m, 1);
    m->block.journal = (struct store_journal){{{2, 3}}, 77};
    assert_int_equal(store_put_block(s, &m->block), ERR_NONE);
    put(s, 2, false); /* that does not know it */
    store_close(s);
    s = opened(false);
    assert_int_equal(store_journal_of(&j, s), ERR_NONE);
    assert_int_equal(j.records, 77);
    assert_int_equal(j.key.raw[1], 3);
    assert_int_equal(store_forget_journal(s), ERR_NONE);
    assert_int_equal(store_journal_of(&j, s), ERR_NONE);
    assert_int_equal(j.records, 0);
    store_close(s);
    free(m);
}

static void test_store_of_another_chain_is_refused(void **state)
{
    const struct hash other = {{8}};
    struct store *s = opened(true);

    (void)state;
    put(s, 0, true);
    store_close(s);
    assert_int_equal(open_store(&s, &other, false), ERR_CHAIN);
    assert_null(s);
    assert_int_equal(open_store(&s, &other, true), ERR_CHAIN);
}

static void test_store_that_is_not_there_is_not_made(void **state)
{
    struct store *s;

    (void)state;
    assert_int_equal(open_store(&s, &chain, false), ERR_NOT_FOUND);
    assert_true(message[0] != '\0');
}

static void test_store_is_opened_once(void **state)
{
    struct store *s = opened(true);
    struct store *again;

    (void)state;
    assert_int_equal(open_store(&again, &chain, false), ERR_LOCKED);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, wipe)
        TEST(test_store_a_block_is_there_after_it_was_put),
        TEST(test_store_an_index_left_behind_is_caught_up),
        TEST(test_store_a_view_does_not_change),
        TEST(test_store_events_by_all_security_and_account),
        TEST(test_store_keeps_how_far_the_journal_was),
        TEST(test_store_of_another_chain_is_refused),
        TEST(test_store_that_is_not_there_is_not_made),
        TEST(test_store_is_opened_once),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
