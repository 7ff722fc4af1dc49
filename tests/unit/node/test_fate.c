/* What became of a transaction: FINAL, VOID and EXPIRED are for ever. */
#include "ledger/rows.h"
#include "node/node.h"

#include "tests/scratch.h"
#include "tests/unit/engine/engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

struct rig {
    struct fixture f;
    struct store *store;
    char dir[64];
};

static void write_block(struct rig *r, const struct executed_block *b)
{
    const struct cert cert = {.kind = VOTE_FINALIZE};
    struct buf roots = {0};
    struct store_block s = {
        .header = &b->header,
        .hash = b->hash,
        .cert = b->header.height == 0 ? NULL : &cert,
        .header_bytes = b->header_bytes,
        .body = b->body,
        .events = b->events,
        .changes = b->changes,
        .tx_ids = b->tx_ids,
        .header_log = engine_header_log(r->f.e),
    };

    engine_roots(r->f.e, b, &roots);
    s.roots = buf_bytes(&roots);
    assert_int_equal(store_put_block(r->store, &s), ERR_NONE);
    assert_int_equal(store_index(r->store, &s), ERR_NONE);
    buf_deinit(&roots);
}

/* One transaction in a block of this business day. */
static void block_on(struct rig *r, uint32_t day, const struct tx *tx)
{
    struct engine_candidate_tx offered = {.tx = tx};
    const struct executed_block *b;
    const uint64_t noon = (uint64_t)day * FIXTURE_DAY_MS + FIXTURE_DAY_MS / 2;
    const uint64_t next = engine_tip(r->f.e)->time_ms + 1;

    engine_build(r->f.e, &b, 1, 0, noon > next ? noon : next, &offered, 1);
    assert_non_null(b);
    write_block(r, engine_commit(r->f.e, &b->hash));
}

static int open_rig(void **state)
{
    const struct store_options options = {.cache_bytes = 1 << 20,
                                          .create = true};
    struct rig *r = calloc(1, sizeof *r);
    char message[200];

    assert_non_null(r);
    fixture_init(&r->f);
    snprintf(r->dir, sizeof r->dir, "/tmp/equity-fate-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    assert_int_equal(store_open(&r->store,
                                r->dir,
                                &r->f.chain_id,
                                &options,
                                message,
                                sizeof message),
                     ERR_NONE);
    write_block(r, engine_genesis_block(r->f.e));
    *state = r;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *r = *state;

    store_close(r->store);
    fixture_deinit(&r->f);
    scratch_remove(r->dir);
    free(r);
    return 0;
}

static struct fate ask(const struct rig *r,
                       const struct hash *id,
                       const struct tx_facts *f)
{
    struct fate fate;

    assert_int_equal(fate_read(&fate, r->store, id, f, 0), ERR_NONE);
    return fate;
}

static void test_fate_final_needs_no_facts(void **state)
{
    struct rig *r = *state;
    const struct tx *tx = fixture_open(&r->f, 1);
    const struct tx_facts none = {0};

    assert_int_equal(ask(r, &tx->id, &none).kind, FATE_OPEN);
    block_on(r, FIXTURE_DAY, tx);
    assert_int_equal(ask(r, &tx->id, &none).kind, FATE_FINAL);
    assert_int_equal(ask(r, &tx->id, &none).height, 1);
}

static void test_fate_void_when_another_used_the_reference(void **state)
{
    struct rig *r = *state;
    const struct tx *tx = fixture_open(&r->f, 1);
    const struct tx_facts facts = tx_facts_of(tx);
    const struct hash other = {{1}};
    struct fate fate;

    assert_int_equal(ask(r, &other, &facts).kind, FATE_OPEN);
    block_on(r, FIXTURE_DAY, tx);
    fate = ask(r, &other, &facts);
    assert_int_equal(fate.kind, FATE_VOID);
    assert_memory_equal(&fate.by, &tx->id, HASH_BYTES);
    assert_int_equal(ask(r, &tx->id, &facts).kind, FATE_FINAL);
}

static void test_fate_expired_only_by_a_final_date(void **state)
{
    struct rig *r = *state;
    struct tx_facts facts = tx_facts_of(fixture_open(&r->f, 1));
    const struct hash id = {{1}};

    facts.valid_until = FIXTURE_DAY + 1;
    block_on(r, FIXTURE_DAY + 1, fixture_open(&r->f, 2));
    assert_int_equal(ask(r, &id, &facts).kind, FATE_OPEN);
    block_on(r, FIXTURE_DAY + 2, fixture_open(&r->f, 3));
    assert_int_equal(ask(r, &id, &facts).kind, FATE_EXPIRED);
    assert_int_equal(ask(r, &id, &facts).height, 2);
}

/* The reference's day leaves the window: nothing of it can take effect, though
 * its row, by which it would be void, is gone. */
static void test_fate_expired_when_the_window_has_passed(void **state)
{
    struct rig *r = *state;
    const struct tx *tx = fixture_open(&r->f, 1);
    struct tx_facts facts = tx_facts_of(tx);
    const uint32_t last = FIXTURE_DAY + TX_WINDOW_DAYS;
    const struct hash other = {{1}};
    struct op_account_open op = fixture_account(2);

    facts.valid_until = UINT32_MAX;
    assert_int_equal(tx_last_day(&facts), last);
    block_on(r, FIXTURE_DAY, tx);
    block_on(r, last, fixture_tx_on(&r->f, last, OP_ACCOUNT_OPEN, &op));
    assert_int_equal(ask(r, &other, &facts).kind, FATE_VOID);
    op = fixture_account(3);
    block_on(r, last + 1, fixture_tx_on(&r->f, last, OP_ACCOUNT_OPEN, &op));
    assert_int_equal(ask(r, &other, &facts).kind, FATE_EXPIRED);
    assert_int_equal(ask(r, &tx->id, &facts).kind, FATE_FINAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_fate_final_needs_no_facts, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(
            test_fate_void_when_another_used_the_reference,
            open_rig,
            close_rig),
        cmocka_unit_test_setup_teardown(
            test_fate_expired_only_by_a_final_date, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(
            test_fate_expired_when_the_window_has_passed, open_rig, close_rig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
