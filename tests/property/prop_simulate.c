/* tx_simulate gives exactly the verdict that execution would.
 *
 *   prop_simulate [--seed N] [--ops N]
 *
 * Random operations of all kinds (tests/market) go to the engine, each in a
 * block of its own, after it was asked what it would say of it: on its tip, or
 * on a candidate that is not the tip yet.  The dry run, the block it builds, a
 * second engine that checks the block, and plain rows beside them must say the
 * same, with the same reasons. */
#include "base/check.h"
#include "base/num.h"
#include "engine/engine.h"
#include "tests/market/maker.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MARKET_OPS = 1000, /* transactions one market lives for */
};

struct both {
    struct market *m;
    struct maker maker;
    struct engine *builder;
    struct engine *checker;
    struct hash standing; /* built, and not committed by the builder yet */
    bool ahead;
    bool parted;
    uint64_t asked;
    uint64_t taken;
    uint64_t on_candidates;
    uint64_t verdicts;
    bool met[1000];
    char problem[256];
};

static void problem(struct both *b, const char *what, const char *more)
{
    if (b->problem[0] == '\0')
        (void)snprintf(
            b->problem, sizeof b->problem, "%.60s: %.180s", what, more);
}

static struct hash snapshot(void *ctx, const struct hash *security)
{
    struct both *b = ctx;

    return state_security_hash(engine_state(b->checker), security);
}

static void set_up(struct both *b, uint64_t seed)
{
    struct genesis *g;
    enum err failed;

    b->m = market_new();
    g = b->m->genesis;
    g->format = GENESIS_FORMAT;
    genesis_defaults(&g->params);
    failed = genesis_chain_id(&b->m->block.chain_id, g);
    ASSERT(failed == ERR_NONE);
    b->builder = engine_new(g);
    b->checker = engine_new(g);
    b->ahead = false;
    b->parted = false;
    rows_snapshot_by(b->m->rows, snapshot, b);
    (void)seed;
}

static void tear_down(struct both *b)
{
    engine_free(b->builder);
    engine_free(b->checker);
    market_free(b->m);
}

static void settle(struct both *b)
{
    if (b->ahead)
        (void)engine_commit(b->builder, &b->standing);
    b->ahead = false;
}

/* The transaction as it would come from a client: decoded from its bytes. */
static void decode(const struct market *m, struct tx *out, uint8_t *bytes)
{
    struct writer w = writer_of(bytes, TX_BYTES_MAX);
    struct tx *sorted = malloc(sizeof *sorted);
    enum err failed;

    ASSERT(sorted != NULL);
    *sorted = *m->tx;
    tx_sort_sigs(sorted);
    tx_encode(&w, sorted);
    ASSERT(writer_ok(&w));
    failed = tx_decode(out, writer_bytes(&w));
    ASSERT(failed == ERR_NONE);
    free(sorted);
}

static bool same_reason(const struct refusal *a, const struct refusal *b)
{
    return a->verdict == b->verdict && a->op_index == b->op_index &&
           a->have == b->have && a->need == b->need;
}

static void check_block(struct both *b,
                        const struct executed_block *block,
                        const struct tx *tx)
{
    const struct executed_block *out;
    const struct tx *txs[] = {tx};
    const char *why = "";

    if (engine_execute(
            b->checker, &out, &block->header, block->body, txs, &why) !=
        ERR_NONE) {
        problem(b, "another engine refuses the block", why);
        return;
    }
    (void)engine_commit(b->checker, &block->hash);
}

/* The plain rows had the day's due work in a block of its own, an engine has it
 * in this one: a register that it touched has no snapshot here. */
static void compare_rows(struct both *b,
                         enum verdict here,
                         enum verdict asked,
                         const struct refusal *why)
{
    if (asked == V_ROOT_MISMATCH) {
        b->parted = here == V_OK; /* and so their ways part */
        return;
    }
    if (here != asked)
        problem(b, verdict_name(here), verdict_name(asked));
    if (here != V_OK && here != V_DUPLICATE_SERIAL &&
        !same_reason(why, &b->m->why))
        problem(b, "plain rows give other reasons", verdict_name(asked));
}

/* The market's transaction, asked for and then carried out, by everybody. */
static enum verdict one(struct both *b)
{
    static uint8_t bytes[TX_BYTES_MAX];
    static struct tx tx;
    struct engine_candidate_tx candidate = {.tx = &tx};
    const struct executed_block *block;
    const uint64_t now = b->m->block.time_ms;
    struct refusal why;
    enum verdict asked;
    enum verdict here;

    decode(b->m, &tx, bytes);
    if (b->ahead && maker_roll(&b->maker, 2) == 0)
        settle(b);
    b->on_candidates += b->ahead ? 1 : 0;
    asked = engine_dry_run(b->builder, &tx, now, &why);
    settle(b);
    engine_build(b->builder, &block, 1, 0, now, &candidate, 1);
    b->asked++;
    if (candidate.verdict != asked)
        problem(b, "asked and built differ", verdict_name(asked));
    if (asked != V_OK && !same_reason(&why, &candidate.why))
        problem(b, "asked and built give other reasons", verdict_name(asked));
    here = market_again(b->m);
    compare_rows(b, here, asked, &why);
    if ((block != NULL) != (asked == V_OK))
        problem(b, "a block without need, or none", verdict_name(asked));
    if (block != NULL) {
        b->standing = block->hash;
        b->ahead = true;
        b->taken++;
        check_block(b, block, &tx);
    }
    b->verdicts += b->met[asked] ? 0 : 1;
    b->met[asked] = true;
    return asked;
}

static void next_block(struct both *b)
{
    const uint32_t today = b->m->block.date;

    if (maker_roll(&b->maker, 30) == 0)
        market_date(b->m, today + 1 + (uint32_t)maker_roll(&b->maker, 9));
    else
        market_next_block(b->m);
}

static void one_op(struct both *b)
{
    static union op_any op;
    struct market_signing signing;
    const uint8_t kind = maker_kind(&b->maker);

    next_block(b);
    maker_op(&b->maker, kind, &op);
    maker_signing(&b->maker, &signing);
    market_begin(b->m);
    market_add(b->m, kind, &op);
    market_prepare(b->m, &signing);
    if (one(b) == V_OK)
        maker_done(&b->maker, kind, &op);
    else if (maker_roll(&b->maker, 50) == 0)
        (void)one(b); /* the refused one once more */
}

/* What the maker does to begin with happens on plain rows: the engines get it
 * block by block. */
static void copy_tx(void *ctx, enum verdict v)
{
    static uint8_t bytes[TX_BYTES_MAX];
    static struct tx tx;
    struct both *b = ctx;
    struct engine_candidate_tx candidate = {.tx = &tx};
    const struct executed_block *block;

    if (v != V_OK)
        return;
    decode(b->m, &tx, bytes);
    b->m->block.time_ms += 1000; /* each a block of its own */
    engine_build(b->builder, &block, 1, 0, b->m->block.time_ms, &candidate, 1);
    if (candidate.verdict != V_OK || block == NULL) {
        problem(b, "the beginning is refused", verdict_name(candidate.verdict));
        return;
    }
    (void)engine_commit(b->builder, &block->hash);
    check_block(b, block, &tx);
}

static bool one_market(struct both *b, uint64_t seed, uint64_t ops)
{
    set_up(b, seed);
    b->m->ctx = b;
    b->m->on_tx = copy_tx;
    maker_market(&b->maker, b->m, seed);
    b->m->on_tx = NULL;
    for (uint64_t i = 0; i < ops && !b->parted && b->problem[0] == '\0'; i++) {
        one_op(b);
        if (b->m->problem[0] != '\0')
            problem(b, "market", b->m->problem);
        if (b->problem[0] != '\0')
            fprintf(stderr,
                    "prop_simulate: %s\n  after operation %lu of market %lu: "
                    "%s\n",
                    b->problem,
                    (unsigned long)i,
                    (unsigned long)seed,
                    b->m->defs[0]->schema->name);
    }
    if (b->problem[0] != '\0' && b->asked == 0)
        fprintf(stderr, "prop_simulate: %s\n", b->problem);
    tear_down(b);
    return b->problem[0] == '\0';
}

int main(int argc, char **argv)
{
    static struct both both;
    uint64_t seed = 1;
    uint64_t ops = 20000;
    bool ok = true;

    for (int i = 1; i < argc && ok; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            ok = num_parse_u64(&seed, argv[++i]);
        else if (strcmp(argv[i], "--ops") == 0 && i + 1 < argc)
            ok = num_parse_u64(&ops, argv[++i]);
        else
            ok = false;
    }
    if (!ok) {
        fprintf(stderr, "prop_simulate [--seed N] [--ops N]\n");
        return 2;
    }
    for (uint64_t done = 0, n = 0; ok && done < ops; n++) {
        const uint64_t now = ops - done < MARKET_OPS ? ops - done : MARKET_OPS;

        ok = one_market(&both, seed * 1000003 + n, now);
        done += now;
    }
    if (ok)
        printf("prop_simulate: seed=%lu asked=%lu taken=%lu on_candidates=%lu "
               "verdicts=%lu\n",
               (unsigned long)seed,
               (unsigned long)both.asked,
               (unsigned long)both.taken,
               (unsigned long)both.on_candidates,
               (unsigned long)both.verdicts);
    return ok ? 0 : 1;
}
