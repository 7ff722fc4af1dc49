/* Random operations keep the invariants of the register.
 *
 *   prop_ledger [--seed N] [--ops N] [--state] [--table]
 *
 * Many small markets, each lived through from its genesis: accounts of every
 * sort, registers, courts, days that pass over weekends and years, operations
 * of all kinds.  After each, the invariants of what it touched (I1 to I8, I10,
 * I13, I16) by plain loops, and ever and again of everything; the chains of the
 * holdings from the events; a part of the
 * transactions is tried first (a trial gives the verdict of the execution).
 * The digest printed last depends on nothing but seed and number (I12).
 *
 * With --state each market is kept twice, in plain memory and in the real
 * overlay and state tree: verdicts, events and rows must agree, and the state
 * roots enter the digest. */
#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "state/overlay.h"
#include "tests/market/chains.h"
#include "tests/market/faults.h"
#include "tests/market/maker.h"
#include "tests/market/replay.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MARKET_OPS = 2500, /* transactions one market lives for */
    FULL_EVERY = 250,
    KINDS = 256,
    LATE_DAY = 21904, /* 2029-12-21 */
    REPLAY_EVERY = 8, /* markets */
};

/* The same market in the real state. */
struct shadow {
    struct state *state;
    struct overlay *overlay;
    struct ledger_view view;
    struct ledger_block block;
    struct hash root;
};

struct play {
    struct market *m;
    struct maker maker;
    struct shadow *shadow;
    struct replay *replay; /* of this market; NULL: not kept */
    struct hash digest;
    uint64_t ops;
    uint64_t tried[KINDS];
    uint64_t done[KINDS];
    uint64_t verdicts[1000];
    bool met[KINDS][1000];   /* refusals of each kind */
    uint32_t planted[KINDS]; /* transactions in which faults were */
    struct faults_count faults;
    char problem[PROBLEM_MAX];
};

static void into_digest(struct play *p, const void *what, size_t size)
{
    p->digest = hash_byte_tagged(
        0, bytes_of(&p->digest, sizeof p->digest), bytes_of(what, size));
}

/* ---- the real state beside the plain rows ---- */

static void shadow_apply(struct play *p, const struct change_set *set)
{
    struct shadow *s = p->shadow;
    struct state_undo *undo;

    state_apply(s->state, &s->root, &undo, set);
    state_undo_free(undo);
    overlay_reset(s->overlay, s->state);
    into_digest(p, &s->root, sizeof s->root);
}

static void shadow_end_block(void *ctx)
{
    struct play *p = ctx;
    const struct change_set set = overlay_changes(p->shadow->overlay);

    for (uint32_t i = 0; i < set.count; i++) {
        if (!bytes_eq(rows_get(p->m->rows, &set.list[i].key),
                      set.list[i].new_row))
            (void)snprintf(
                p->problem, PROBLEM_MAX, "state and plain rows differ");
    }
    shadow_apply(p, &set);
}

static void shadow_block(void *ctx, uint64_t parent_ms)
{
    struct play *p = ctx;
    struct shadow *s = p->shadow;

    ledger_begin_block(&s->block,
                       &p->m->block.chain_id,
                       p->m->block.height,
                       p->m->block.time_ms,
                       parent_ms,
                       0,
                       &s->view,
                       NULL,
                       NULL);
    if (s->block.event_count != p->m->block.event_count ||
        s->block.due_left != p->m->block.due_left)
        (void)snprintf(p->problem, PROBLEM_MAX, "due work differs");
}

static void shadow_tx(void *ctx, enum verdict v)
{
    struct play *p = ctx;
    struct shadow *s = p->shadow;
    struct refusal why;
    const enum verdict w = ledger_apply(&s->block, p->m->tx, &why);

    if (w != v || why.have != p->m->why.have || why.need != p->m->why.need ||
        s->block.event_count != p->m->block.event_count)
        (void)snprintf(p->problem,
                       PROBLEM_MAX,
                       "%s on the state, %s on plain rows",
                       verdict_name(w),
                       verdict_name(v));
}

static void shadow_begin(struct play *p)
{
    struct shadow *s = p->shadow;
    struct change_set genesis;

    if (s == NULL)
        return;
    s->state = state_new();
    s->overlay = overlay_new(s->state);
    s->view = overlay_view(s->overlay);
    ledger_genesis(p->m->genesis, &s->view);
    genesis = overlay_changes(s->overlay);
    shadow_apply(p, &genesis);
    rows_snapshot_by(p->m->rows, s->view.snapshot, s->overlay);
    shadow_block(p, p->m->genesis->time_ms);
    p->m->ctx = p;
    p->m->on_end = shadow_end_block;
    p->m->on_block = shadow_block;
    p->m->on_tx = shadow_tx;
}

static void shadow_end(struct play *p)
{
    if (p->shadow == NULL)
        return;
    shadow_end_block(p);
    overlay_free(p->shadow->overlay);
    state_free(p->shadow->state);
}

/* ---- what took effect, to be done again ---- */

static void keep_block(void *ctx, uint64_t parent_ms)
{
    struct play *p = ctx;

    (void)parent_ms;
    replay_block(p->replay, p->m->block.time_ms);
}

static void keep_tx(void *ctx, enum verdict v)
{
    struct play *p = ctx;

    if (v == V_OK)
        replay_tx(p->replay, p->m->tx);
}

static void keep_begin(struct play *p)
{
    p->replay = replay_new();
    p->m->ctx = p;
    p->m->on_block = keep_block;
    p->m->on_tx = keep_tx;
}

static void keep_end(struct play *p)
{
    if (p->replay == NULL)
        return;
    if (p->problem[0] == '\0' && !replay_agrees(p->replay, p->m))
        (void)snprintf(
            p->problem, PROBLEM_MAX, "I11: the replay ends with other rows");
    replay_free(p->replay);
    p->replay = NULL;
}

/* ---- one market ---- */

static bool fine(struct play *p)
{
    if (p->problem[0] == '\0' && p->m->problem[0] != '\0')
        memcpy(p->problem, p->m->problem, PROBLEM_MAX);
    return p->problem[0] == '\0';
}

static void next_block(struct play *p)
{
    const uint32_t today = p->m->block.date;

    switch (maker_roll(&p->maker, 40)) {
    case 0:
    case 1:
    case 2:
        market_date(p->m, today + 1);
        break;
    case 3:
        market_date(p->m, today + (uint32_t)maker_roll(&p->maker, 20));
        break;
    case 4:
        if (maker_roll(&p->maker, 12) == 0)
            market_date(p->m, today + (uint32_t)maker_roll(&p->maker, 400));
        else
            market_next_block(p->m);
        break;
    default:
        market_next_block(p->m);
        break;
    }
    (void)invariants_step(p->m->rows, p->m->block.date, NULL, 0, p->problem);
    (void)chains_step(p->m, true, p->problem);
    into_digest(p, &p->m->event_digest, sizeof p->m->event_digest);
}

static uint32_t make_tx(struct play *p, union op_any *op, uint8_t *kinds)
{
    const uint32_t count = maker_roll(&p->maker, 40) == 0
                               ? 2 + (uint32_t)maker_roll(&p->maker, 2)
                               : 1;

    for (uint32_t i = 0; i < count; i++)
        kinds[i] = maker_kind(&p->maker);
    /* Courts first in a block, and snapshots of what it has not changed;
     * seldom not, to see it refused. */
    if (((op_find(kinds[0])->is_court && p->m->block.courts_over) ||
         kinds[0] == OP_CUSTODY_TRANSFER || kinds[0] == OP_SECURITY_WITHDRAW)
            ? maker_roll(&p->maker, 50) != 0
            : p->m->block.due_left || maker_roll(&p->maker, 8) == 0)
        next_block(p);
    for (uint32_t i = 0; i < count; i++)
        maker_op(&p->maker, kinds[i], op + i);
    market_begin(p->m);
    for (uint32_t i = 0; i < count; i++)
        market_add(p->m, kinds[i], op + i);
    return count;
}

/* Now and then, and in the first of each kind.  Not with the real state beside
 * it, which has gone on. */
static void plant_faults(struct play *p,
                         const struct ledger_block *before,
                         uint8_t kind)
{
    if (p->shadow != NULL || p->problem[0] != '\0')
        return;
    if (p->planted[kind]++ % 100 < 3)
        (void)faults_check(p->m, before, &p->faults, p->problem);
    if (p->done[kind] % 16 == 1 && p->problem[0] == '\0')
        (void)faults_signatures(p->m, before, p->problem);
}

static void one_tx(struct play *p)
{
    static union op_any ops[MARKET_TX_OPS];
    uint8_t kinds[MARKET_TX_OPS];
    struct market_signing signing;
    struct ledger_block before;
    uint32_t count = 1;
    enum verdict v;
    uint32_t number;

    if (p->ops % 200 == 199) { /* the reference is used up, or is used now */
        kinds[0] = OP_VOID;
        if (p->m->tx->op_count == 0)
            return;
        before = p->m->block;
        v = market_again(p->m);
        for (uint32_t i = 0; i < p->m->tx->op_count; i++)
            kinds[i] = p->m->defs[i]->kind;
        count = p->m->tx->op_count;
    } else {
        count = make_tx(p, ops, kinds);
        maker_signing(&p->maker, &signing);
        p->m->twice = maker_roll(&p->maker, 4) == 0;
        before = p->m->block;
        v = market_send(p->m, &signing);
        for (uint32_t i = 0; i < count; i++) {
            p->tried[kinds[i]]++;
            p->done[kinds[i]] += v == V_OK ? 1 : 0;
            if (v == V_OK)
                maker_done(&p->maker, kinds[i], &ops[i]);
        }
    }
    if (v == V_OK && count == 1 && p->m->tx->op_count == 1)
        plant_faults(p, &before, kinds[0]);
    p->verdicts[v]++;
    if (p->m->why.op_index < count)
        p->met[kinds[p->m->why.op_index]][v] = true;
    if (v == V_OK) {
        (void)invariants_step(
            p->m->rows, p->m->block.date, kinds, count, p->problem);
        (void)chains_step(p->m, false, p->problem);
        if (count == 1 && p->m->tx->op_count == 1)
            (void)invariants_moved(p->m->rows,
                                   p->m->block.date,
                                   p->m->defs[0],
                                   &p->m->ops[0],
                                   p->problem);
    }
    number = (uint32_t)v;
    into_digest(p, &number, sizeof number);
    into_digest(p, &p->m->event_digest, sizeof p->m->event_digest);
}

static bool one_market(struct play *p, uint64_t seed, uint64_t ops)
{
    const uint64_t before = p->ops;

    p->m = market_new();
    shadow_begin(p);
    if (p->shadow == NULL && seed % REPLAY_EVERY == 1)
        keep_begin(p);
    maker_market(&p->maker, p->m, seed);
    if (seed % 16 == 5) /* near the end of the calendar */
        market_date(p->m, LATE_DAY);
    while (p->ops - before < ops && fine(p)) {
        one_tx(p);
        p->ops++;
        if (p->ops % FULL_EVERY == 0)
            (void)invariants_all(p->m->rows, p->m->block.date, p->problem);
    }
    if (fine(p)) {
        const struct hash root = rows_root(p->m->rows);

        into_digest(p, &root, sizeof root);
    }
    keep_end(p);
    if (!fine(p)) {
        fprintf(stderr,
                "prop_ledger: %s\n  after operation %lu of market %lu on day "
                "%u:",
                p->problem,
                (unsigned long)(p->ops - before),
                (unsigned long)seed,
                p->m->block.date);
        for (uint32_t i = 0; i < p->m->tx->op_count; i++)
            fprintf(stderr, " %s", p->m->defs[i]->schema->name);
        fprintf(stderr, "\n  ops=%lu\n", (unsigned long)p->ops);
    }
    shadow_end(p);
    market_free(p->m);
    return p->problem[0] == '\0';
}

/* ---- the program ---- */

static void print_table(const struct play *p)
{
    printf("| %-22s | %9s | %9s | %4s |\n", "operation", "tried", "done", "%");
    for (uint32_t i = 0; i < op_table_count; i++) {
        const uint8_t k = op_table[i]->kind;

        printf("| %-22s | %9lu | %9lu | %4lu |\n",
               op_table[i]->schema->name,
               (unsigned long)p->tried[k],
               (unsigned long)p->done[k],
               (unsigned long)(p->done[k] * 100 /
                               (p->tried[k] > 0 ? p->tried[k] : 1)));
    }
    printf("| %-27s | %9s |\n", "verdict", "given");
    for (uint32_t i = 0; i < verdict_count; i++)
        printf("| %-27s | %9lu |\n",
               verdict_name(verdict_all[i]),
               (unsigned long)p->verdicts[verdict_all[i]]);
    printf("named but not met:\n");
    for (uint32_t i = 0; i < op_table_count; i++) {
        const struct op_def *def = op_table[i];

        for (uint32_t n = 0; def->verdicts[n] != V_OK; n++) {
            if (!p->met[def->kind][def->verdicts[n]])
                printf("  %s %s\n",
                       def->schema->name,
                       verdict_name(def->verdicts[n]));
        }
    }
}

/* In a long run every kind of operation takes effect, and nearly every verdict
 * is given. */
static bool covered(const struct play *p)
{
    bool all = true;

    for (uint32_t i = 0; i < op_table_count; i++) {
        if (p->done[op_table[i]->kind] > 0)
            continue;
        fprintf(stderr,
                "prop_ledger: no %s took effect\n",
                op_table[i]->schema->name);
        all = false;
    }
    return all;
}

static void print_line(const struct play *p, uint64_t seed)
{
    char hex[2 * HASH_BYTES + 1];
    uint64_t tried = 0;
    uint64_t done = 0;
    uint32_t kinds = 0;
    uint32_t verdicts = 0;

    for (uint32_t i = 0; i < KINDS; i++) {
        tried += p->tried[i];
        done += p->done[i];
        kinds += p->done[i] > 0 ? 1 : 0;
    }
    for (uint32_t i = 0; i < verdict_count; i++)
        verdicts += p->verdicts[verdict_all[i]] > 0 ? 1 : 0;
    hex_encode(hex, p->digest.raw, HASH_BYTES);
    printf("prop_ledger: seed=%lu ops=%lu done=%lu%% kinds=%u of %u "
           "verdicts=%u of %u faults=%lu pairs=%lu digest=%s\n",
           (unsigned long)seed,
           (unsigned long)p->ops,
           (unsigned long)(tried > 0 ? done * 100 / tried : 0),
           kinds,
           op_table_count,
           verdicts,
           verdict_count,
           (unsigned long)p->faults.alone,
           (unsigned long)p->faults.pairs,
           hex);
}

int main(int argc, char **argv)
{
    static struct play play;
    static struct shadow shadow;
    uint64_t seed = 1;
    uint64_t ops = 1000000;
    bool table = false;
    bool ok = true;

    for (int i = 1; i < argc && ok; i++) {
        if (strcmp(argv[i], "--state") == 0)
            play.shadow = &shadow;
        else if (strcmp(argv[i], "--table") == 0)
            table = true;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            ok = num_parse_u64(&seed, argv[++i]);
        else if (strcmp(argv[i], "--ops") == 0 && i + 1 < argc)
            ok = num_parse_u64(&ops, argv[++i]);
        else
            ok = false;
    }
    if (!ok) {
        fprintf(stderr,
                "prop_ledger [--seed N] [--ops N] [--state] [--table]\n");
        return 2;
    }
    for (uint64_t n = 0; ok && play.ops < ops; n++) {
        const uint64_t left = ops - play.ops;

        ok = one_market(
            &play, seed * 1000003 + n, left < MARKET_OPS ? left : MARKET_OPS);
    }
    if (table)
        print_table(&play);
    if (ok && ops >= 500000)
        ok = covered(&play);
    if (ok)
        print_line(&play, seed);
    return ok ? 0 : 1;
}
