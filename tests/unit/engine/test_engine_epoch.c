/* The block that changes who validates seals its epoch: as built and as
 * checked, by the same function. */
#include "engine/engine.h"

#include "engine/engine_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/engine/epoch_fixture.h"

static void assert_hash(struct hash got, struct hash expected)
{
    assert_memory_equal(got.raw, expected.raw, sizeof got.raw);
}

/* A block that outlives the engine's own copy. */
struct kept {
    struct header header;
    struct hash hash;
    uint8_t body[4096];
    size_t body_size;
    const struct tx *txs[4];
};

static void build(struct kept *k,
                  struct engine *e,
                  const struct tx *const *txs,
                  uint32_t count)
{
    struct engine_candidate_tx offered[4] = {{0}};
    const struct executed_block *b;

    for (uint32_t i = 0; i < count; i++)
        offered[i].tx = txs[i];
    engine_build(e, &b, 7, 0, engine_tip(e)->time_ms + 5, offered, count);
    for (uint32_t i = 0; i < count; i++)
        assert_string_equal(verdict_name(offered[i].verdict), "OK");
    assert_non_null(b);
    assert_true(b->body.size <= sizeof k->body);
    k->header = b->header;
    k->hash = b->hash;
    memcpy(k->body, b->body.at, b->body.size);
    k->body_size = b->body.size;
    memcpy(k->txs, txs, count * sizeof txs[0]);
}

static enum err execute(struct engine *e,
                        const struct kept *k,
                        const char **why)
{
    const struct executed_block *b;

    return engine_execute(
        e, &b, &k->header, bytes_of(k->body, k->body_size), k->txs, why);
}

/* Builds a block of one transaction and makes it the tip of both. */
static struct kept step(struct epochs *f,
                        struct engine *replica,
                        const struct tx *tx)
{
    struct kept k;
    const char *why = "";

    build(&k, f->e, &tx, 1);
    assert_int_equal(execute(replica, &k, &why), ERR_NONE);
    (void)engine_commit(f->e, &k.hash);
    (void)engine_commit(replica, &k.hash);
    return k;
}

static void assert_plain(const struct header *h,
                         uint64_t epoch,
                         const struct valset *set)
{
    assert_int_equal(h->flags, 0);
    assert_int_equal(h->epoch, epoch);
    assert_hash(h->validators_hash, valset_hash(set));
    assert_hash(h->next_validators_hash, h->validators_hash);
}

/* E1 last block seals */
static void test_engine_change_of_validators_seals_the_epoch(void **x)
{
    struct epochs f;
    struct engine *replica;
    const struct tx *change;
    struct valset old;
    struct valset next;
    struct valset got;
    struct kept k;
    const char *why;

    (void)x;
    epochs_init(&f);
    replica = engine_new(f.genesis);
    old = genesis_valset(f.genesis);
    assert_plain(engine_tip(f.e), 0, &old);
    k = step(&f, replica, epoch_announce(&f, 5, USE_CONSENSUS));
    assert_plain(&k.header, 0, &old);
    k = step(&f, replica, epoch_ready(&f, 5, USE_CONSENSUS));
    assert_plain(&k.header, 0, &old);
    change = epoch_change(&f, 0, 0, 5, USE_CONSENSUS);
    build(&k, f.e, &change, 1);
    assert_int_equal(k.header.flags, HEADER_SEAL);
    assert_int_equal(k.header.epoch, 0);
    assert_hash(k.header.validators_hash, valset_hash(&old));
    engine_validators(f.e, &got); /* a candidate only: nothing changed yet */
    assert_memory_equal(&got, &old, sizeof got);
    assert_int_equal(execute(replica, &k, &why), ERR_NONE);
    (void)engine_commit(f.e, &k.hash);
    (void)engine_commit(replica, &k.hash);
    engine_validators(replica, &next);
    assert_int_equal(next.epoch, 1);
    assert_int_equal(next.count, 5);
    assert_int_equal(valset_check(&next), ERR_NONE);
    assert_hash(k.header.next_validators_hash, valset_hash(&next));
    k = step(&f, replica, epoch_announce(&f, 6, USE_CONSENSUS));
    assert_plain(&k.header, 1, &next);
    assert_int_equal(engine_validators_of(f.e, 0, &got), ERR_NONE);
    assert_memory_equal(&got, &old, sizeof got);
    assert_int_equal(engine_validators_of(f.e, 1, &got), ERR_NONE);
    assert_memory_equal(&got, &next, sizeof got);
    assert_int_equal(engine_validators_of(f.e, 2, &got), ERR_NOT_FOUND);
    engine_free(replica);
    epochs_deinit(&f);
}

/* The engines of builder and replica with institution 5 ready to join. */
static struct engine *candidate_ready(struct epochs *f)
{
    struct engine *replica;

    epochs_init(f);
    replica = engine_new(f->genesis);
    (void)step(f, replica, epoch_announce(f, 5, USE_CONSENSUS));
    (void)step(f, replica, epoch_ready(f, 5, USE_CONSENSUS));
    return replica;
}

static void no_seal(struct header *h)
{
    h->flags = 0;
}

static void no_seal_and_no_change(struct header *h)
{
    h->flags = 0;
    h->next_validators_hash = h->validators_hash;
}

static void next_is_the_same(struct header *h)
{
    h->next_validators_hash = h->validators_hash;
}

static void next_is_another(struct header *h)
{
    h->next_validators_hash.raw[0] ^= 1;
}

static void now_is_the_next(struct header *h)
{
    h->validators_hash = h->next_validators_hash;
}

static void epoch_is_the_next(struct header *h)
{
    h->epoch++;
}

static void test_engine_sealing_block_that_says_otherwise_is_refused(void **x)
{
    static const struct {
        void (*spoil)(struct header *h);
        const char *why;
    } cases[] = {
        {no_seal, "seal flag"},
        {no_seal_and_no_change, "seal flag"},
        {next_is_the_same, "validators_hash"},
        {next_is_another, "validators_hash"},
        {now_is_the_next, "validators_hash"},
        {epoch_is_the_next, "chain or epoch"},
    };
    struct epochs f;
    struct engine *replica = candidate_ready(&f);
    const struct tx *change = epoch_change(&f, 0, 0, 5, USE_CONSENSUS);
    struct kept good;
    struct valset set;
    const char *why;

    (void)x;
    build(&good, f.e, &change, 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kept bad = good;

        cases[i].spoil(&bad.header);
        assert_int_equal(execute(replica, &bad, &why), ERR_MISMATCH);
        assert_string_equal(why, cases[i].why);
        engine_validators(replica, &set);
        assert_int_equal(set.epoch, 0);
    }
    assert_int_equal(execute(replica, &good, &why), ERR_NONE);
    engine_free(replica);
    epochs_deinit(&f);
}

static void former_epoch(struct header *h)
{
    h->epoch = 0;
}

static void former_set(struct header *h)
{
    struct genesis *g = epoch_genesis(EPOCH_VALIDATORS);
    const struct valset old = genesis_valset(g);

    h->validators_hash = valset_hash(&old);
    h->next_validators_hash = h->validators_hash;
    free(g);
}

static void leader_of_no_set(struct header *h)
{
    h->proposer = 5;
}

static void test_engine_first_block_of_an_epoch_is_of_the_new_set(void **x)
{
    static const struct {
        void (*spoil)(struct header *h);
        enum err expected;
        const char *why;
    } cases[] = {
        {former_epoch, ERR_MISMATCH, "chain or epoch"},
        {former_set, ERR_MISMATCH, "validators_hash"},
        {leader_of_no_set, ERR_RANGE, "proposer is no validator"},
    };
    struct epochs f;
    struct engine *replica = candidate_ready(&f);
    const struct tx *tx;
    struct engine_candidate_tx offered[1] = {{0}};
    const struct executed_block *b;
    struct kept good;
    const char *why;

    (void)x;
    (void)step(&f, replica, epoch_change(&f, 0, 0, 5, USE_CONSENSUS));
    tx = offered[0].tx = epoch_announce(&f, 6, USE_CONSENSUS);
    engine_build(f.e, &b, 1, 4, engine_tip(f.e)->time_ms + 5, offered, 1);
    assert_non_null(b); /* by the fifth validator */
    good = (struct kept){b->header, b->hash, {0}, b->body.size, {tx}};
    assert_true(b->body.size <= sizeof good.body);
    memcpy(good.body, b->body.at, b->body.size);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kept bad = good;

        cases[i].spoil(&bad.header);
        assert_int_equal(execute(replica, &bad, &why), cases[i].expected);
        assert_string_equal(why, cases[i].why);
    }
    assert_int_equal(execute(replica, &good, &why), ERR_NONE);
    assert_int_equal(good.header.epoch, 1);
    engine_free(replica);
    epochs_deinit(&f);
}

static void test_engine_sealing_candidate_given_up_leaves_no_trace(void **x)
{
    struct epochs f;
    struct engine *replica = candidate_ready(&f);
    const struct tx *change = epoch_change(&f, 0, 0, 5, USE_CONSENSUS);
    const struct tx *other = epoch_announce(&f, 6, USE_CONSENSUS);
    struct valset set;
    struct kept sealing;
    struct kept plain;
    const char *why;

    (void)x;
    build(&sealing, f.e, &change, 1);
    build(&plain, f.e, &other, 1);
    assert_int_equal(plain.header.flags, 0);
    assert_int_equal(execute(replica, &sealing, &why), ERR_NONE);
    assert_int_equal(execute(replica, &plain, &why), ERR_NONE);
    (void)engine_commit(replica, &plain.hash);
    engine_validators(replica, &set);
    assert_int_equal(set.epoch, 0);
    assert_int_equal(set.count, EPOCH_VALIDATORS);
    (void)engine_commit(f.e, &plain.hash);
    (void)step(&f, replica, change);
    engine_validators(replica, &set);
    assert_int_equal(set.epoch, 1);
    engine_free(replica);
    epochs_deinit(&f);
}

/* Two changes are offered: one waits, and takes effect in the next epoch. */
static void test_engine_second_change_waits_for_the_next_epoch(void **x)
{
    struct epochs f;
    struct engine *replica = candidate_ready(&f);
    const struct tx *rotation;
    struct engine_candidate_tx offered[2] = {{0}};
    const struct executed_block *b;
    struct refusal why;
    struct valset set;

    (void)x;
    (void)step(&f, replica, epoch_announce(&f, 4, USE_CONSENSUS_NEW));
    (void)step(&f, replica, epoch_ready(&f, 4, USE_CONSENSUS_NEW));
    rotation = epoch_change_by(&f,
                               4,
                               USE_CONSENSUS,
                               4,
                               USE_CONSENSUS_NEW,
                               (uint16_t[]){1, 2, 3, 5, 0});
    offered[0].tx = epoch_change(&f, 0, 0, 5, USE_CONSENSUS);
    offered[1].tx = rotation;
    engine_build(f.e, &b, 7, 0, engine_tip(f.e)->time_ms + 5, offered, 2);
    assert_non_null(b);
    assert_int_equal(b->header.tx_count, 1);
    assert_int_equal(offered[0].verdict, V_OK);
    assert_int_equal(offered[1].verdict, V_EPOCH);
    assert_int_equal(engine_dry_run(f.e, rotation, b->header.time_ms + 5, &why),
                     V_OK);
    (void)engine_commit(f.e, &b->hash);
    {
        struct kept k;

        build(&k, f.e, &rotation, 1);
        assert_int_equal(k.header.flags, HEADER_SEAL);
        (void)engine_commit(f.e, &k.hash);
    }
    engine_validators(f.e, &set);
    assert_int_equal(set.epoch, 2);
    assert_int_equal(set.count, 5);
    engine_free(replica);
    epochs_deinit(&f);
}

static bool copy_row(void *ctx, const struct row_key *key, struct bytes row)
{
    assert_int_equal(engine_load_row(ctx, key, row), ERR_NONE);
    return true;
}

/* An engine loaded with the rows of another, as after a restart. */
static struct engine *reloaded(const struct epochs *f)
{
    static const struct hash none;
    const struct hash day = day_key(EPOCH_DAY);
    struct engine *again = engine_new_empty(f->genesis);

    for (uint8_t t = 0; t < TABLES_USED; t++)
        state_each(engine_state(f->e),
                   t,
                   t == TABLE_REFERENCES ? &day : &none,
                   copy_row,
                   again);
    return again;
}

static void test_engine_reloaded_after_a_seal_has_the_new_set(void **x)
{
    struct epochs f;
    struct engine *replica = candidate_ready(&f);
    struct engine *again;
    struct valset set;
    struct valset got;
    struct header tip;
    const struct mtree_log *log;

    (void)x;
    (void)step(&f, replica, epoch_change(&f, 0, 0, 5, USE_CONSENSUS));
    engine_validators(f.e, &set);
    log = engine_header_log(f.e);
    again = reloaded(&f);
    assert_int_equal(engine_load_finish(again, engine_tip(f.e), log), ERR_NONE);
    engine_validators(again, &got);
    assert_memory_equal(&got, &set, sizeof got);
    engine_free(again);
    /* A tip that names another set than the rows have. */
    tip = *engine_tip(f.e);
    tip.flags = 0;
    again = reloaded(&f);
    assert_int_equal(engine_load_finish(again, &tip, log), ERR_MISMATCH);
    tip.flags = HEADER_SEAL;
    tip.next_validators_hash = tip.validators_hash;
    assert_int_equal(engine_load_finish(again, &tip, log), ERR_MISMATCH);
    engine_free(again);
    engine_free(replica);
    epochs_deinit(&f);
}

/* E13 parameters at a start: the block that changes them is the last one under
 * the old ones, and seals the epoch. */
static void test_engine_change_of_parameters_seals_the_epoch(void **x)
{
    static const uint16_t operators[] = {1, 2, 3, 0};
    struct epochs f;
    struct engine *replica;
    struct engine *again;
    struct op_params_change op;
    struct genesis_params got;
    struct valset set;
    struct kept k;
    const struct tx *two[2];
    const char *why = "";

    (void)x;
    epochs_init(&f);
    replica = engine_new(f.genesis);
    op.params = f.genesis->params;
    op.params.t_leader_ms += 50;
    op.params.t_view_ms += 50;
    op.params.block_txs_max = 1;
    k = step(
        &f, replica, epoch_tx(&f, 1, OP_PARAMS_CHANGE, &op, operators, NULL));
    assert_int_equal(k.header.flags, HEADER_SEAL);
    assert_int_equal(k.header.epoch, 0);
    assert_hash(k.header.params_hash, genesis_params_hash(&f.genesis->params));
    engine_validators(replica, &set);
    assert_int_equal(set.epoch, 1);
    assert_int_equal(set.count, EPOCH_VALIDATORS);
    engine_params(replica, &got);
    assert_memory_equal(&got, &op.params, sizeof got);
    /* A restart has them from the rows. */
    again = reloaded(&f);
    assert_int_equal(
        engine_load_finish(again, engine_tip(f.e), engine_header_log(f.e)),
        ERR_NONE);
    engine_params(again, &got);
    assert_memory_equal(&got, &op.params, sizeof got);
    engine_free(again);
    /* The next block is of the new epoch, under the new limit. */
    two[0] = epoch_announce(&f, 5, USE_CONSENSUS);
    two[1] = epoch_announce(&f, 6, USE_CONSENSUS);
    f.e->params.block_txs_max = 2; /* a builder that breaks it */
    build(&k, f.e, two, 2);
    f.e->params.block_txs_max = 1;
    assert_int_equal(execute(replica, &k, &why), ERR_RANGE);
    k = step(&f, replica, two[0]);
    assert_int_equal(k.header.epoch, 1);
    assert_int_equal(k.header.flags, 0);
    assert_hash(k.header.params_hash, genesis_params_hash(&op.params));
    engine_free(replica);
    epochs_deinit(&f);
}

static void test_engine_lists_candidates_by_institution(void **x)
{
    struct epochs f;
    struct engine *replica = candidate_ready(&f);
    struct candidate_row list[4];
    struct pubkey key = epoch_pubkey(5, USE_CONSENSUS);

    (void)x;
    (void)step(&f, replica, epoch_announce(&f, 8, USE_CONSENSUS));
    (void)step(&f, replica, epoch_announce(&f, 2, USE_CONSENSUS_NEW));
    assert_int_equal(engine_candidates(replica, list, 4), 3);
    assert_int_equal(list[0].institution, 2);
    assert_int_equal(list[1].institution, 5);
    assert_int_equal(list[2].institution, 8);
    assert_memory_equal(&list[1].key, &key, sizeof key);
    assert_int_equal(list[1].version, 0x10203);
    assert_int_equal(list[1].ready_height, 2);
    assert_int_equal(list[2].ready_height, 0);
    assert_int_equal(engine_candidates(replica, list, 2), 2);
    (void)step(&f, replica, epoch_change(&f, 0, 0, 5, USE_CONSENSUS));
    assert_int_equal(engine_candidates(replica, list, 4), 2); /* it is one */
    engine_free(replica);
    epochs_deinit(&f);
}

/* Each header names the set that its parent announced. */
static void test_engine_sets_of_many_epochs_follow_one_another(void **x)
{
    static const uint16_t turn[] = {5, 6, 7, 8};
    struct epochs f;
    struct engine *replica;
    struct hash next;
    struct valset set;

    (void)x;
    epochs_init(&f);
    replica = engine_new(f.genesis);
    next = engine_tip(f.e)->next_validators_hash;
    for (uint16_t i = 0; i < ARRAY_LEN(turn); i++) {
        const uint16_t leave = i == 0 ? 4 : turn[i - 1];
        const struct tx *txs[3];

        txs[0] = epoch_announce(&f, turn[i], USE_CONSENSUS);
        txs[1] = epoch_ready(&f, turn[i], USE_CONSENSUS);
        txs[2] = epoch_change(&f, leave, USE_CONSENSUS, turn[i], USE_CONSENSUS);
        for (int k = 0; k < 3; k++) {
            const struct kept b = step(&f, replica, txs[k]);

            assert_hash(b.header.validators_hash, next);
            assert_int_equal(b.header.epoch, i);
            assert_int_equal(b.header.flags, k == 2 ? HEADER_SEAL : 0);
            next = b.header.next_validators_hash;
        }
    }
    for (uint64_t epoch = 0; epoch <= ARRAY_LEN(turn); epoch++) {
        assert_int_equal(engine_validators_of(replica, epoch, &set), ERR_NONE);
        assert_int_equal(set.epoch, epoch);
        assert_int_equal(set.count, 4);
    }
    engine_free(replica);
    epochs_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_change_of_validators_seals_the_epoch),
        cmocka_unit_test(
            test_engine_sealing_block_that_says_otherwise_is_refused),
        cmocka_unit_test(test_engine_first_block_of_an_epoch_is_of_the_new_set),
        cmocka_unit_test(
            test_engine_sealing_candidate_given_up_leaves_no_trace),
        cmocka_unit_test(test_engine_second_change_waits_for_the_next_epoch),
        cmocka_unit_test(test_engine_reloaded_after_a_seal_has_the_new_set),
        cmocka_unit_test(test_engine_change_of_parameters_seals_the_epoch),
        cmocka_unit_test(test_engine_lists_candidates_by_institution),
        cmocka_unit_test(test_engine_sets_of_many_epochs_follow_one_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
