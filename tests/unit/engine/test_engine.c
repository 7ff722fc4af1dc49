#include "engine/engine.h"

#include "crypto/hash.h"
#include "engine/engine_state.h"
#include "ledger/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/engine/engine_fixture.h"

static const struct hash zero;

static void assert_hash(struct hash got, struct hash expected)
{
    assert_memory_equal(got.raw, expected.raw, sizeof got.raw);
}

static void assert_at_tip(const struct engine *e)
{
    const struct hash root = state_root(e->state);

    assert_hash(root, engine_tip(e)->state_root);
}

static const struct executed_block *build(struct fixture *f,
                                          const struct tx *const *txs,
                                          uint32_t count,
                                          struct engine_candidate_tx *offered)
{
    const struct executed_block *b;

    for (uint32_t i = 0; i < count; i++)
        offered[i].tx = txs[i];
    engine_build(f->e, &b, 7, 0, engine_tip(f->e)->time_ms + 5, offered, count);
    return b;
}

/* A block that outlives the engine's own copy. */
struct kept {
    struct header header;
    struct hash hash;
    uint8_t body[4096];
    size_t body_size;
};

static void keep(struct kept *k, const struct executed_block *b)
{
    assert_true(b->body.size <= sizeof k->body);
    k->header = b->header;
    k->hash = b->hash;
    memcpy(k->body, b->body.at, b->body.size);
    k->body_size = b->body.size;
}

static enum err execute(struct engine *e,
                        const struct kept *k,
                        const struct tx *const *txs,
                        const char **why)
{
    const struct executed_block *b;
    const enum err failed = engine_execute(
        e, &b, &k->header, bytes_of(k->body, k->body_size), txs, why);

    assert_true((b != NULL) == (failed == ERR_NONE));
    if (b != NULL)
        assert_hash(b->hash, k->hash);
    return failed;
}

static void test_engine_genesis_is_block_zero(void **x)
{
    struct fixture f;
    const struct executed_block *b;
    const struct header *h;
    static const uint8_t no_txs[4];
    struct hash leaf;

    (void)x;
    fixture_init(&f);
    b = engine_genesis_block(f.e);
    h = &b->header;
    assert_int_equal(h->height, 0);
    assert_int_equal(h->proposer, 0xffff);
    assert_int_equal(h->time_ms, FIXTURE_TIME);
    assert_int_equal(h->tx_count, 0);
    assert_int_equal(h->header_log_size, 0);
    assert_hash(h->header_log_root, hash_of(bytes_of(NULL, 0)));
    assert_hash(h->tx_root, hash_of(bytes_of(NULL, 0)));
    assert_hash(h->parent_hash, zero);
    assert_hash(h->chain_id, f.chain_id);
    assert_hash(b->hash, header_hash(h));
    assert_true(bytes_eq(b->body, bytes_of(no_txs, 4)));
    assert_true(bytes_eq(b->events, bytes_of(no_txs, 4)));
    assert_int_equal(b->changes.count, 4); /* params, validators,
                                               REG, COURT1 */
    assert_hash(h->change_root, change_set_root(&b->changes));
    assert_int_equal(engine_header_log(f.e)->size, 1);
    leaf = engine_tip_hash(f.e);
    assert_hash(mtree_log_root(engine_header_log(f.e)), mtree_root(&leaf, 1));
    assert_at_tip(f.e);
    fixture_deinit(&f);
}

/* X1 deterministic */
static void test_engine_replica_computes_the_builders_block(void **x)
{
    struct fixture f;
    struct engine *replica;
    struct hash hashes[8];

    (void)x;
    fixture_init(&f);
    replica = engine_new(f.genesis);
    hashes[0] = engine_tip_hash(replica);
    for (uint8_t i = 1; i < 6; i++) {
        const struct tx *txs[2] = {fixture_open(&f, i),
                                   fixture_open(&f, (uint8_t)(100 + i))};
        struct engine_candidate_tx offered[2];
        const struct executed_block *b = build(&f, txs, 2, offered);
        struct header decoded;
        struct kept k;
        const char *why;

        keep(&k, b);
        assert_int_equal(header_decode(&decoded, b->header_bytes), ERR_NONE);
        assert_hash(header_hash(&decoded), b->hash);
        assert_int_equal(b->header.body_bytes, b->body.size);
        assert_hash(b->tx_ids[1], txs[1]->id);
        assert_hash(b->tx_hashes[0], txs[0]->hash);
        assert_int_equal(execute(replica, &k, txs, &why), ERR_NONE);
        assert_true(engine_stands_at(replica, &k.hash));
        assert_int_equal(k.header.header_log_size, i);
        assert_hash(k.header.header_log_root, mtree_root(hashes, i));
        (void)engine_commit(f.e, &k.hash);
        (void)engine_commit(replica, &k.hash);
        hashes[i] = k.hash;
        assert_hash(engine_tip_hash(replica), k.hash);
        assert_false(engine_stands_at(replica, &k.hash));
    }
    engine_free(replica);
    fixture_deinit(&f);
}

/* X2 one on the tip */
static void test_engine_displaced_candidate_leaves_no_trace(void **x)
{
    struct fixture f;
    const struct tx *txs[3];
    struct engine_candidate_tx offered[2];
    struct kept a;
    struct kept b;
    const char *why;
    struct hash root;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    txs[0] = fixture_transfer(&f, 1, 2, 10);
    txs[1] = fixture_transfer(&f, 2, 4, 500);
    txs[2] = fixture_transfer(&f, 1, 4, 1000);
    keep(&a, build(&f, txs, 2, offered));
    keep(&b, build(&f, txs + 2, 1, offered)); /* a is displaced */
    assert_false(engine_stands_at(f.e, &a.hash));
    assert_true(engine_stands_at(f.e, &b.hash));
    assert_int_equal(execute(f.e, &a, txs, &why), ERR_NONE);
    assert_int_equal(execute(f.e, &b, txs + 2, &why), ERR_NONE);
    assert_int_equal(execute(f.e, &a, txs, &why), ERR_NONE);
    assert_int_equal(execute(f.e, &a, txs, &why), ERR_NONE); /* stands */
    assert_int_equal(engine_tip(f.e)->height, 4);
    (void)engine_commit(f.e, &a.hash);
    assert_int_equal(engine_tip(f.e)->height, 5);
    root = state_root(engine_state(f.e));
    assert_hash(root, a.header.state_root);
    assert_int_equal(execute(f.e, &b, txs + 2, &why), ERR_MISMATCH);
    assert_string_equal(why, "height or parent");
    assert_at_tip(f.e);
    fixture_deinit(&f);
}

static void spoil_version(struct kept *k)
{
    k->header.version++;
}

static void spoil_flags(struct kept *k)
{
    k->header.flags = HEADER_SEAL << 1;
}

static void spoil_seal(struct kept *k)
{
    k->header.flags = HEADER_SEAL;
}

static void spoil_tx_count(struct kept *k)
{
    k->header.tx_count = 0;
}

static void spoil_tx_count_max(struct kept *k)
{
    k->header.tx_count = BLOCK_TXS_MAX + 1;
}

static void spoil_body_bytes(struct kept *k)
{
    k->header.body_bytes++;
}

static void spoil_proposer(struct kept *k)
{
    k->header.proposer = 1;
}

static void spoil_time(struct kept *k)
{
    k->header.time_ms -= 5;
}

static void spoil_time_max(struct kept *k)
{
    k->header.time_ms = UINT64_MAX;
}

static void spoil_chain(struct kept *k)
{
    k->header.chain_id.raw[0] ^= 1;
}

static void spoil_epoch(struct kept *k)
{
    k->header.epoch++;
}

static void spoil_height(struct kept *k)
{
    k->header.height++;
}

static void spoil_parent(struct kept *k)
{
    k->header.parent_hash.raw[0] ^= 1;
}

static void spoil_tx_root(struct kept *k)
{
    k->header.tx_root.raw[0] ^= 1;
}

static void spoil_state_root(struct kept *k)
{
    k->header.state_root.raw[0] ^= 1;
}

static void spoil_change_root(struct kept *k)
{
    k->header.change_root.raw[0] ^= 1;
}

static void spoil_log_size(struct kept *k)
{
    k->header.header_log_size--;
}

static void spoil_log_root(struct kept *k)
{
    k->header.header_log_root.raw[0] ^= 1;
}

static void spoil_validators(struct kept *k)
{
    k->header.validators_hash.raw[0] ^= 1;
}

static void spoil_next_validators(struct kept *k)
{
    k->header.next_validators_hash.raw[0] ^= 1;
}

static void spoil_params(struct kept *k)
{
    k->header.params_hash.raw[0] ^= 1;
}

static void spoil_body(struct kept *k)
{
    k->body[20] ^= 1;
}

static void spoil_body_count(struct kept *k)
{
    k->body[0]++;
}

static void test_engine_refuses_a_header_that_says_something_else(void **x)
{
    static const struct {
        void (*spoil)(struct kept *k);
        enum err expected;
        const char *why;
    } cases[] = {
        {spoil_version, ERR_RANGE, "version, flags or limits of the header"},
        {spoil_flags, ERR_RANGE, "version, flags or limits of the header"},
        {spoil_tx_count,
         ERR_RANGE,
         "a block without transactions, and no due work is left after it"},
        {spoil_tx_count_max,
         ERR_RANGE,
         "version, flags or limits of the header"},
        {spoil_body_bytes, ERR_RANGE, "version, flags or limits of the header"},
        {spoil_proposer, ERR_RANGE, "proposer is no validator"},
        {spoil_time, ERR_RANGE, "time is not after the parent's"},
        {spoil_time_max, ERR_RANGE, "time is not after the parent's"},
        {spoil_chain, ERR_MISMATCH, "chain or epoch"},
        {spoil_epoch, ERR_MISMATCH, "chain or epoch"},
        {spoil_height, ERR_MISMATCH, "height or parent"},
        {spoil_parent, ERR_MISMATCH, "height or parent"},
        {spoil_tx_root, ERR_MISMATCH, "tx_root"},
        {spoil_state_root, ERR_MISMATCH, "state_root"},
        {spoil_change_root, ERR_MISMATCH, "change_root"},
        {spoil_log_size, ERR_MISMATCH, "header_log_root"},
        {spoil_log_root, ERR_MISMATCH, "header_log_root"},
        {spoil_seal, ERR_MISMATCH, "seal flag"},
        {spoil_validators, ERR_MISMATCH, "validators_hash"},
        {spoil_next_validators, ERR_MISMATCH, "validators_hash"},
        {spoil_params, ERR_MISMATCH, "params_hash"},
        {spoil_body, ERR_MISMATCH, "body"},
        {spoil_body_count, ERR_MISMATCH, "body"},
    };
    struct fixture f;
    struct engine *replica;
    const struct tx *txs[1];
    struct engine_candidate_tx offered[1];
    struct kept good;
    const char *why;

    (void)x;
    fixture_init(&f);
    replica = engine_new(f.genesis);
    txs[0] = fixture_open(&f, 1);
    keep(&good, build(&f, txs, 1, offered));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kept bad = good;

        cases[i].spoil(&bad);
        assert_int_equal(execute(replica, &bad, txs, &why), cases[i].expected);
        assert_string_equal(why, cases[i].why);
        assert_at_tip(replica);
    }
    assert_int_equal(execute(replica, &good, txs, &why), ERR_NONE);
    engine_free(replica);
    fixture_deinit(&f);
}

/* X3 only valid transactions */
static void test_engine_refuses_a_block_with_a_refused_transaction(void **x)
{
    struct fixture f;
    const struct tx *txs[2];
    struct engine_candidate_tx offered[2];
    struct kept k;
    const char *why;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    txs[0] = fixture_transfer(&f, 1, 2, 10);
    txs[1] = fixture_transfer(&f, 1, 2, 10);
    keep(&k, build(&f, txs, 2, offered));
    txs[1] = fixture_transfer(&f, 1, 2, 991);
    assert_int_equal(execute(f.e, &k, txs, &why), ERR_NONE); /* it stands */
    assert_null(build(&f, txs + 1, 0, offered));             /* displaces it */
    assert_int_equal(execute(f.e, &k, txs, &why), ERR_REFUSED);
    assert_string_equal(why, "E_AVAILABLE");
    assert_at_tip(f.e);
    txs[1] = txs[0];
    assert_int_equal(execute(f.e, &k, txs, &why), ERR_REFUSED);
    assert_string_equal(why, "E_DUPLICATE_SERIAL");
    assert_at_tip(f.e);
    fixture_deinit(&f);
}

static void test_engine_builder_drops_the_refused_and_puts_courts_first(
    void **x)
{
    struct fixture f;
    const struct tx *txs[4];
    struct engine_candidate_tx offered[4];
    const struct executed_block *b;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    txs[0] = fixture_transfer(&f, 1, 2, 900);
    txs[1] = fixture_transfer(&f, 4, 2, 1); /* has nothing */
    txs[2] = fixture_freeze(&f, 2, 500);
    txs[3] = fixture_transfer(&f, 1, 4, 200); /* would fit alone */
    b = build(&f, txs, 4, offered);
    assert_non_null(b);
    assert_int_equal(b->header.tx_count, 2);
    assert_hash(b->tx_ids[0], txs[2]->id);
    assert_hash(b->tx_ids[1], txs[0]->id);
    assert_int_equal(offered[0].verdict, V_OK);
    assert_int_equal(offered[1].verdict, V_AVAILABLE);
    assert_int_equal(offered[1].why.verdict, V_AVAILABLE);
    assert_int_equal(offered[2].verdict, V_OK);
    assert_int_equal(offered[3].verdict, V_AVAILABLE);
    assert_int_equal(offered[3].why.have, 100);
    fixture_deinit(&f);
}

static void test_engine_block_with_courts_last_is_refused(void **x)
{
    struct fixture f;
    const struct tx *txs[2];
    struct engine_candidate_tx offered[2];
    struct kept k;
    const char *why;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    txs[0] = fixture_transfer(&f, 1, 4, 1);
    txs[1] = fixture_freeze(&f, 2, 5);
    keep(&k, build(&f, txs, 2, offered));
    assert_null(build(&f, txs, 0, offered));
    assert_int_equal(execute(f.e, &k, txs, &why), ERR_REFUSED);
    assert_string_equal(why, "E_ORDER");
    fixture_deinit(&f);
}

static void test_engine_builder_of_nothing_stays_at_the_tip(void **x)
{
    struct fixture f;
    const struct tx *txs[1];
    struct engine_candidate_tx offered[1];

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    assert_null(build(&f, NULL, 0, offered));
    txs[0] = fixture_transfer(&f, 4, 2, 1);
    assert_null(build(&f, txs, 1, offered));
    assert_at_tip(f.e);
    assert_int_equal(engine_tip(f.e)->height, 4);
    fixture_deinit(&f);
}

/* X5 bounded work */
static void test_engine_builder_keeps_the_limits_of_the_genesis(void **x)
{
    struct fixture f;
    const struct tx *txs[8];
    struct engine_candidate_tx offered[8];
    const struct executed_block *b;
    size_t size;

    (void)x;
    fixture_init(&f);
    for (uint8_t i = 0; i < 8; i++)
        txs[i] = fixture_open(&f, (uint8_t)(i + 1));
    size = txs[0]->full_bytes.size;
    f.e->params.block_txs_max = 3;
    b = build(&f, txs, 8, offered);
    assert_int_equal(b->header.tx_count, 3);
    assert_int_equal(offered[3].verdict, V_LIMIT);
    assert_int_equal(offered[3].why.verdict, V_OK); /* not refused */
    f.e->params.block_txs_max = 100;
    f.e->params.block_bytes_max = (uint32_t)body_bytes_of(5, 5 * size);
    b = build(&f, txs, 8, offered);
    assert_int_equal(b->header.tx_count, 5);
    assert_int_equal(b->body.size, f.e->params.block_bytes_max);
    f.e->params.block_bytes_max--;
    b = build(&f, txs, 8, offered);
    assert_int_equal(b->header.tx_count, 4);
    fixture_deinit(&f);
}

static void test_engine_events_are_those_of_taken_transactions(void **x)
{
    struct fixture f;
    const struct tx *txs[5];
    struct engine_candidate_tx offered[5];
    const struct op_void op = {{{1}}};
    const struct executed_block *b;
    struct reader r;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    txs[0] = fixture_transfer(&f, 1, 2, 1);
    txs[1] = fixture_transfer(&f, 4, 1, 1); /* refused */
    txs[2] = fixture_tx(&f, OP_VOID, &op);
    txs[3] = fixture_transfer(&f, 1, 4, 2);
    txs[4] = fixture_tx(&f, OP_VOID, &op);
    b = build(&f, txs, 5, offered);
    /* Refused for a signature nothing needs, after its event. */
    assert_int_equal(offered[2].verdict, V_SIG_INVALID);
    assert_int_equal(offered[4].verdict, V_SIG_INVALID);
    assert_int_equal(b->event_count, 2);
    r = reader_of(b->events);
    assert_int_equal(reader_u32(&r), 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct bytes v = reader_vec(&r, EVENT_BYTES_MAX);
        struct event e;

        assert_true(bytes_eq(v, b->event_list[i].bytes));
        assert_int_equal(schema_decode(&e, &event_schema, v), ERR_NONE);
        assert_int_equal(e.kind, EVENT_TRANSFERRED);
        assert_int_equal(e.tx_index, i);
        assert_int_equal(e.quantity, i + 1);
        assert_int_equal(b->event_list[i].event.quantity, i + 1);
    }
    assert_int_equal(reader_finish(&r), ERR_NONE);
    fixture_deinit(&f);
}

static void test_engine_dry_run_changes_nothing(void **x)
{
    struct fixture f;
    const struct tx *taken[1];
    struct engine_candidate_tx offered[1];
    struct refusal why;
    const struct tx *all;
    const struct tx *rest;
    struct kept k;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    all = fixture_transfer(&f, 1, 2, 1000);
    rest = fixture_transfer(&f, 1, 2, 999);
    taken[0] = fixture_transfer(&f, 1, 4, 1);
    assert_int_equal(engine_dry_run(f.e, all, 0, &why), V_OK);
    assert_int_equal(engine_dry_run(f.e, all, 0, &why), V_OK);
    assert_at_tip(f.e);
    keep(&k, build(&f, taken, 1, offered)); /* now on the candidate */
    assert_int_equal(engine_dry_run(f.e, all, 0, &why), V_AVAILABLE);
    assert_int_equal(why.have, 999);
    assert_int_equal(engine_dry_run(f.e, rest, 0, &why), V_OK);
    assert_int_equal(engine_dry_run(f.e, taken[0], 0, &why),
                     V_DUPLICATE_SERIAL);
    assert_true(engine_stands_at(f.e, &k.hash));
    assert_hash(state_root(engine_state(f.e)), k.header.state_root);
    assert_int_equal(
        engine_dry_run(
            f.e, rest, FIXTURE_TIME + (uint64_t)31 * FIXTURE_DAY_MS, &why),
        V_EXPIRED);
    (void)engine_commit(f.e, &k.hash);
    assert_at_tip(f.e);
    fixture_deinit(&f);
}

static void test_engine_old_references_go_and_come_back(void **x)
{
    struct fixture f;
    const struct executed_block *b;
    const struct hash day = day_key(FIXTURE_DAY);
    struct engine_candidate_tx offered[1] = {{0}};
    const uint64_t later = FIXTURE_TIME + (uint64_t)31 * FIXTURE_DAY_MS;
    struct hash before;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    before = state_tree_root(engine_state(f.e), TABLE_REFERENCES, &day);
    assert_false(hash_is_zero(&before));
    {
        struct op_account_open op = fixture_account(50);

        offered[0].tx =
            fixture_tx_on(&f, FIXTURE_DAY + 31, OP_ACCOUNT_OPEN, &op);
    }
    engine_build(f.e, &b, 1, 0, later, offered, 1);
    assert_non_null(b);
    assert_int_equal(b->changes.drop_count, 1);
    assert_hash(b->changes.drops[0].tree, day);
    assert_hash(state_tree_root(engine_state(f.e), TABLE_REFERENCES, &day),
                zero);
    assert_null(build(&f, NULL, 0, offered)); /* takes it back */
    assert_at_tip(f.e);
    assert_hash(state_tree_root(engine_state(f.e), TABLE_REFERENCES, &day),
                before);
    engine_build(f.e, &b, 1, 0, later, offered, 1);
    (void)engine_commit(f.e, &b->hash);
    assert_null(build(&f, NULL, 0, offered));
    assert_hash(state_tree_root(engine_state(f.e), TABLE_REFERENCES, &day),
                zero);
    assert_at_tip(f.e);
    fixture_deinit(&f);
}

struct copy {
    struct engine *to;
    struct row_key skip; /* table TABLE_SLOTS: none */
};

static bool copy_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct copy *c = ctx;

    if (key->table == c->skip.table && hash_eq(&key->key, &c->skip.key))
        return true;
    assert_int_equal(engine_load_row(c->to, key, row), ERR_NONE);
    return true;
}

/* An engine loaded with the rows of f's, as after a restart. */
static struct engine *reloaded(struct fixture *f, struct row_key skip)
{
    struct copy c = {engine_new_empty(f->genesis), skip};
    const struct state *s = engine_state(f->e);
    const struct hash security = security_key("S");
    const struct hash day = day_key(FIXTURE_DAY);

    for (uint8_t t = 0; t < TABLES_USED; t++) {
        const bool inside = t >= TABLE_HOLDINGS && t <= TABLE_FREEZES;

        state_each(s,
                   t,
                   inside                  ? &security
                   : t == TABLE_REFERENCES ? &day
                                           : &zero,
                   copy_row,
                   &c);
    }
    return c.to;
}

static const struct row_key skip_none = {.table = TABLE_SLOTS};

static void test_engine_reloaded_goes_on_with_the_same_blocks(void **x)
{
    struct fixture f;
    struct engine *again;
    const struct tx *txs[1];
    struct engine_candidate_tx offered[1];
    struct kept k;
    const char *why;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    again = reloaded(&f, skip_none);
    assert_int_equal(
        engine_load_finish(again, engine_tip(f.e), engine_header_log(f.e)),
        ERR_NONE);
    assert_hash(engine_tip_hash(again), engine_tip_hash(f.e));
    txs[0] = fixture_transfer(&f, 1, 2, 1);
    keep(&k, build(&f, txs, 1, offered));
    assert_int_equal(execute(again, &k, txs, &why), ERR_NONE);
    engine_free(again);
    fixture_deinit(&f);
}

static void test_engine_load_finds_what_is_wrong(void **x)
{
    struct fixture f;
    struct engine *again;
    const struct row_key orphan = {TABLE_HOLDINGS, security_key("NONE"), zero};
    struct row_key skip_one = {.table = TABLE_HOLDINGS};
    struct header other;
    struct mtree_log log;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    skip_one.key = fixture_account_id(&f, 1);
    log = *engine_header_log(f.e);
    again = reloaded(&f, skip_one);
    assert_int_equal(engine_load_finish(again, engine_tip(f.e), &log),
                     ERR_MISMATCH);
    engine_free(again);

    /* The same rows under a header that agrees: only the sums tell. */
    again = reloaded(&f, skip_one);
    other = *engine_tip(f.e);
    other.state_root = state_root(engine_state(again));
    assert_int_equal(engine_load_finish(again, &other, &log), ERR_CORRUPT);
    engine_free(again);

    /* No root covers a holding of a security that is not there. */
    again = reloaded(&f, skip_none);
    assert_int_equal(engine_load_row(again, &orphan, bytes_of("x", 1)),
                     ERR_NONE);
    assert_int_equal(engine_load_finish(again, engine_tip(f.e), &log),
                     ERR_CORRUPT);
    engine_free(again);

    again = reloaded(&f, skip_none);
    assert_int_equal(engine_load_row(again, &orphan, bytes_of("x", 0)),
                     ERR_RANGE);
    log.size--;
    assert_int_equal(engine_load_finish(again, engine_tip(f.e), &log),
                     ERR_CORRUPT);
    engine_free(again);

    again = reloaded(&f, skip_none);
    log.size++;
    other = *engine_tip(f.e);
    other.chain_id.raw[0] ^= 1;
    assert_int_equal(engine_load_finish(again, &other, &log), ERR_MISMATCH);
    assert_int_equal(engine_load_finish(again, engine_tip(f.e), &log),
                     ERR_NONE);
    engine_free(again);
    fixture_deinit(&f);
}

/* The check stands apart from the operations: these changes come from none. */
static void test_engine_sums_refuse_changes_that_do_not_add_up(void **x)
{
    static struct holding_row holding = {
        .kind = ACCOUNT_ORDINARY,
        .held = true,
        .weight = 1,
        .segment_count = 1,
        .segments = {{.quantity = {5}, .nature = 1}}};
    const struct account_row account = {.kind = ACCOUNT_ORDINARY,
                                        .status = ACCOUNT_ACTIVE,
                                        .authority = AUTHORITY_PAPER,
                                        .frozen_by = "-",
                                        .positions = 1,
                                        .rights = 1}; /* it is the issuer */
    struct security_row security = {.code = "S",
                                    .class = CLASS_ORDINARY,
                                    .status = SECURITY_REGISTERED,
                                    .successor = "-",
                                    .predecessor = "-",
                                    .holder_count = 1,
                                    .positions = 1,
                                    .issued = {5}};
    struct claim_row claim = {
        .security = "S", .number = 1, .quantity = {1}, .open = {1}};
    const struct row_key a = {TABLE_ACCOUNTS, zero, zero};
    const struct row_key s = {TABLE_SECURITIES, zero, security_key("S")};
    const struct row_key h = {TABLE_HOLDINGS, s.key, zero};
    const struct row_key c = {TABLE_CLAIMS, zero, claim_key("S", 1)};
    const struct bytes none = bytes_of(NULL, 0);
    uint8_t bytes[5][1024];
    struct bytes rows[5];
    struct change list[4];
    const struct change_set set = {.list = list, .count = 3};
    const struct change_set not_the_account = {.list = list + 1, .count = 2};
    const struct change_set holding_alone = {.list = list + 2, .count = 1};
    const struct change_set with_claim = {.list = list, .count = 4};

    (void)x;
    for (int i = 0; i < 5; i++) {
        const struct schema *schema[] = {&account_row_schema,
                                         &security_row_schema,
                                         &holding_row_schema,
                                         &security_row_schema,
                                         &claim_row_schema};
        const void *row[] = {&account, &security, &holding, &security, &claim};
        struct writer w = writer_of(bytes[i], sizeof bytes[i]);

        security.issued.shares = i == 3 ? 6 : 5;
        schema_encode(&w, schema[i], row[i]);
        assert_true(writer_ok(&w));
        rows[i] = writer_bytes(&w);
    }
    list[0] = (struct change){a, none, rows[0]};
    list[1] = (struct change){s, none, rows[1]};
    list[2] = (struct change){h, none, rows[2]};
    list[3] = (struct change){c, none, rows[4]};
    assert_int_equal(engine_check_changes(&set), ERR_NONE);
    assert_int_equal(engine_check_changes(&not_the_account), ERR_MISMATCH);
    assert_int_equal(engine_check_changes(&holding_alone), ERR_MISMATCH);
    assert_int_equal(engine_check_changes(&with_claim), ERR_MISMATCH);
    list[1].new_row = rows[3];
    assert_int_equal(engine_check_changes(&set), ERR_MISMATCH);
    list[1].new_row = rows[1];
    list[2].new_row = bytes_of("garbage", 7);
    assert_int_equal(engine_check_changes(&set), ERR_CORRUPT);
    list[2].new_row = rows[2];
    list[1].old_row = bytes_of("garbage", 7);
    assert_int_equal(engine_check_changes(&set), ERR_CORRUPT);
    for (int i = 0; i < 3; i++) /* erased */
        list[i] = (struct change){list[i].key, list[i].new_row, none};
    assert_int_equal(engine_check_changes(&set), ERR_NONE);
}

/* As if an operation had forgotten the security's totals. */
static void test_engine_block_that_breaks_the_sums_is_not_applied(void **x)
{
    struct fixture f;
    struct header h = {.time_ms = FIXTURE_TIME + 100000};
    struct row_key k = {TABLE_HOLDINGS, security_key("S"), zero};
    struct ledger_view v;
    struct bytes row;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    engine_begin(f.e);
    v = overlay_view(f.e->overlay);
    k.key = fixture_account_id(&f, 1);
    row = v.get(v.ctx, &k);
    assert_true(row.size > 0);
    k.key = fixture_account_id(&f, 4);
    v.put(v.ctx, &k, row);
    assert_int_equal(engine_finish(f.e, &h, 0), ERR_MISMATCH);
    assert_false(f.e->now.any);
    assert_at_tip(f.e);
    engine_begin(f.e);
    assert_at_tip(f.e);
    fixture_deinit(&f);
}

/* Puts a block on the tip that enters `count` items of due work that have
 * nothing to do any more, for the day after. */
static void enter_due_work(struct fixture *f, uint32_t count)
{
    struct header h = {.time_ms = engine_tip(f->e)->time_ms + 1};
    struct ledger_view v;
    enum err failed;

    engine_begin(f->e);
    v = overlay_view(f->e->overlay);
    for (uint32_t i = 0; i <= count; i++) {
        const struct row_key k = {TABLE_DUE, zero, due_key(FIXTURE_DAY + 1, i)};
        const struct due_row row = {.kind = i == 0 ? DUE_DAY : DUE_RECOVERY,
                                    .count = i == 0 ? count : 0,
                                    .security = "-"};
        uint8_t buf[256];
        struct writer w = writer_of(buf, sizeof buf);

        schema_encode(&w, &due_row_schema, &row);
        assert_true(writer_ok(&w));
        v.put(v.ctx, &k, writer_bytes(&w));
    }
    failed = engine_finish(f->e, &h, 0);
    assert_int_equal(failed, ERR_NONE);
    engine_settle(f->e);
}

/* R41: A block does at most 1,000 items of due work; while any are left it
 * carries no transaction. */
static void test_engine_block_that_leaves_due_work_has_no_transaction(void **x)
{
    struct fixture f;
    const uint64_t next = FIXTURE_TIME + FIXTURE_DAY_MS;
    struct engine_candidate_tx offered[1] = {{0}};
    const struct executed_block *b;
    const struct tx *txs[1];
    struct engine *replica;
    struct refusal refusal;
    struct kept empty;
    struct kept full;
    const char *why;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    enter_due_work(&f, DUE_PER_BLOCK + 1);
    replica = reloaded(&f, skip_none);
    assert_int_equal(
        engine_load_finish(replica, engine_tip(f.e), engine_header_log(f.e)),
        ERR_NONE);
    txs[0] = offered[0].tx = fixture_open(&f, 77);
    assert_int_equal(engine_dry_run(f.e, txs[0], next, &refusal), V_DUE);
    engine_build(f.e, &b, 7, 0, next, offered, 1);
    assert_non_null(b);
    assert_int_equal(b->header.tx_count, 0);
    assert_int_equal(b->header.body_bytes, 4);
    assert_hash(b->header.tx_root, hash_of(bytes_of(NULL, 0)));
    assert_true(b->changes.count > DUE_PER_BLOCK);
    assert_int_equal(offered[0].verdict, V_LIMIT);
    assert_int_equal(offered[0].why.verdict, V_OK); /* it waits */
    keep(&empty, b);
    engine_build(f.e, &b, 7, 0, next, NULL, 0); /* nobody's work is enough */
    assert_non_null(b);
    assert_hash(b->hash, empty.hash);

    /* The same with a transaction. */
    full = empty;
    full.header.tx_count = 1;
    full.header.body_bytes =
        (uint32_t)body_bytes_of(1, txs[0]->full_bytes.size);
    full.body_size = full.header.body_bytes;
    assert_int_equal(execute(replica, &full, txs, &why), ERR_REFUSED);
    assert_string_equal(why, "E_DUE");
    assert_at_tip(replica);

    assert_int_equal(execute(replica, &empty, txs, &why), ERR_NONE);
    (void)engine_commit(replica, &empty.hash);
    (void)engine_commit(f.e, &empty.hash);
    assert_int_equal(engine_dry_run(f.e, txs[0], next, &refusal), V_OK);
    engine_build(f.e, &b, 8, 0, next + 1, NULL, 0);
    assert_null(b); /* one item is left: a transaction's block does it */
    engine_build(f.e, &b, 8, 0, next + 1, offered, 1);
    assert_int_equal(b->header.tx_count, 1);
    keep(&full, b);
    empty = full;
    empty.header.tx_count = 0;
    empty.header.body_bytes = 4;
    empty.body_size = 4;
    memset(empty.body, 0, 4);
    assert_int_equal(execute(replica, &empty, txs, &why), ERR_RANGE);
    assert_int_equal(execute(replica, &full, txs, &why), ERR_NONE);
    engine_free(replica);
    fixture_deinit(&f);
}

/* A withdrawal cites the root that the engine tells; what the same block
 * changed before makes it another register. */
static void test_engine_snapshot_is_what_a_withdrawal_cites(void **x)
{
    struct fixture f;
    struct op_security_withdraw op = {.security = "S", .document = {{1}}};
    const struct op_closure_set change = {.security = "S",
                                          .kind = CLOSURE_MEETING,
                                          .base = FIXTURE_DAY + 50,
                                          .document = {{1}}};
    struct engine_candidate_tx offered[2] = {{0}};
    const struct executed_block *b;
    uint64_t height;
    bool final;

    (void)x;
    fixture_init(&f);
    fixture_fill(&f);
    op.root = engine_snapshot(f.e, "S", &height, &final);
    assert_false(hash_is_zero(&op.root));
    assert_true(final);
    assert_int_equal(height, engine_tip(f.e)->height);
    offered[0].tx = fixture_tx(&f, OP_CLOSURE_SET, &change);
    offered[1].tx = fixture_tx(&f, OP_SECURITY_WITHDRAW, &op);
    engine_build(f.e, &b, 1, 0, engine_tip(f.e)->time_ms + 1000, offered, 2);
    assert_non_null(b);
    assert_int_equal(offered[0].verdict, V_OK);
    assert_int_equal(offered[1].verdict, V_ROOT_MISMATCH);
    (void)engine_snapshot(f.e, "S", &height, &final);
    assert_false(final); /* of a block that is not the tip yet */
    assert_int_equal(height, engine_tip(f.e)->height + 1);
    engine_build(
        f.e, &b, 1, 0, engine_tip(f.e)->time_ms + 1000, offered + 1, 1);
    assert_non_null(b);
    assert_int_equal(offered[1].verdict, V_OK);
    (void)engine_commit(f.e, &b->hash);
    op.root = engine_snapshot(f.e, "NONE", &height, &final);
    assert_true(hash_is_zero(&op.root));
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_engine_block_that_leaves_due_work_has_no_transaction),
        cmocka_unit_test(test_engine_genesis_is_block_zero),
        cmocka_unit_test(test_engine_replica_computes_the_builders_block),
        cmocka_unit_test(test_engine_displaced_candidate_leaves_no_trace),
        cmocka_unit_test(test_engine_refuses_a_header_that_says_something_else),
        cmocka_unit_test(
            test_engine_refuses_a_block_with_a_refused_transaction),
        cmocka_unit_test(
            test_engine_builder_drops_the_refused_and_puts_courts_first),
        cmocka_unit_test(test_engine_block_with_courts_last_is_refused),
        cmocka_unit_test(test_engine_builder_of_nothing_stays_at_the_tip),
        cmocka_unit_test(test_engine_builder_keeps_the_limits_of_the_genesis),
        cmocka_unit_test(test_engine_events_are_those_of_taken_transactions),
        cmocka_unit_test(test_engine_dry_run_changes_nothing),
        cmocka_unit_test(test_engine_old_references_go_and_come_back),
        cmocka_unit_test(test_engine_reloaded_goes_on_with_the_same_blocks),
        cmocka_unit_test(test_engine_load_finds_what_is_wrong),
        cmocka_unit_test(test_engine_block_that_breaks_the_sums_is_not_applied),
        cmocka_unit_test(test_engine_sums_refuse_changes_that_do_not_add_up),
        cmocka_unit_test(test_engine_snapshot_is_what_a_withdrawal_cites),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
