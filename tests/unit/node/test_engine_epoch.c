/* The block that changes who validates seals its epoch: as built and as
 * checked, by the same function. */
#include "node/engine.h"

#include "node/engine_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/node/epoch_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_change_of_validators_seals_the_epoch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
