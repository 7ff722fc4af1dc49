/* The ledger's engine behind the simulator's table: transfers of a register
 * that the first transaction opens. */
#include "tests/sim/sim_app.h"
#include "tests/sim/sim_world.h"

#include "base/check.h"
#include "state/state.h"

#include <stdlib.h>

/* What all nodes share: transactions by number, made when first needed. */
struct ledger_world {
    struct sim_world *market;
    struct bytes txs[SIM_TXS_MAX];
    struct hash ids[SIM_TXS_MAX];
    struct tx scratch[SIM_BLOCK_TXS + 1];
};

struct ledger_app {
    struct ledger_world *world;
    struct engine *engine;
    uint8_t has[SIM_TXS_MAX];
};

static void *ledger_open(uint32_t nodes, struct header *genesis)
{
    struct ledger_world *w = calloc(1, sizeof *w);
    struct engine *e;

    ASSERT(w != NULL);
    w->market = sim_world_new(nodes);
    e = engine_new(sim_world_genesis(w->market));
    *genesis = *engine_tip(e);
    engine_free(e);
    return w;
}

static void ledger_close(void *world)
{
    struct ledger_world *w = world;

    sim_world_free(w->market);
    free(w);
}

static void *ledger_make(void *world)
{
    struct ledger_app *a = calloc(1, sizeof *a);

    ASSERT(a != NULL);
    a->world = world;
    a->engine = engine_new(sim_world_genesis(a->world->market));
    return a;
}

static void ledger_free(void *self)
{
    struct ledger_app *a = self;

    engine_free(a->engine);
    free(a);
}

static struct bytes tx_of(struct ledger_world *w, uint32_t number)
{
    if (w->txs[number].at == NULL) {
        w->txs[number] = number == 0
                             ? sim_world_setup(w->market, 0)
                             : sim_world_tx(w->market,
                                            number,
                                            number * 0x9e3779b97f4a7c15u >> 7);
    }
    return w->txs[number];
}

static bool ledger_build(void *self,
                         struct sim_block *out,
                         const uint32_t *txs,
                         uint32_t tx_count)
{
    struct ledger_app *a = self;
    struct engine_candidate_tx offered[SIM_BLOCK_TXS];
    const struct executed_block *built;

    ASSERT(tx_count <= SIM_BLOCK_TXS);
    memset(offered, 0, sizeof offered);
    for (uint32_t i = 0; i < tx_count; i++) {
        struct tx *tx = &a->world->scratch[i];
        const enum err e = tx_decode(tx, tx_of(a->world, txs[i]));

        ASSERT(e == ERR_NONE);
        a->world->ids[txs[i]] = tx->id;
        offered[i].tx = tx;
    }
    engine_build(a->engine,
                 &built,
                 out->header.view,
                 out->header.proposer,
                 out->header.time_ms,
                 offered,
                 tx_count);
    if (built == NULL)
        return false;
    out->header = built->header;
    buf_append(&out->body, built->body.at, built->body.size);
    return true;
}

static bool ledger_execute(void *self, const struct sim_block *block)
{
    struct ledger_app *a = self;
    struct body *body = malloc(sizeof *body);
    const struct tx *txs[SIM_BLOCK_TXS + 1];
    const struct executed_block *done;
    const char *why;
    enum err e;

    ASSERT(body != NULL);
    e = body_split(body, buf_bytes(&block->body));
    if (e == ERR_NONE && body->count > SIM_BLOCK_TXS)
        e = ERR_RANGE;
    for (uint32_t i = 0; e == ERR_NONE && i < body->count; i++) {
        e = tx_decode(&a->world->scratch[i], body->txs[i]);
        txs[i] = &a->world->scratch[i];
    }
    free(body);
    return e == ERR_NONE && engine_execute(a->engine,
                                           &done,
                                           &block->header,
                                           buf_bytes(&block->body),
                                           txs,
                                           &why) == ERR_NONE;
}

static uint32_t ledger_commit(void *self,
                              const struct sim_block *block,
                              uint32_t *txs)
{
    struct ledger_app *a = self;
    const struct executed_block *done;
    bool ok = engine_stands_at(a->engine, &block->hash);

    if (!ok)
        ok = ledger_execute(self, block);
    ASSERT(ok);
    done = engine_commit(a->engine, &block->hash);
    for (uint32_t i = 0; i < done->header.tx_count; i++) {
        uint32_t tx = 0;

        while (tx < SIM_TXS_MAX &&
               !hash_eq(&a->world->ids[tx], &done->tx_ids[i]))
            tx++;
        ASSERT(tx < SIM_TXS_MAX && a->has[tx] == 0);
        a->has[tx] = 1;
        txs[i] = tx;
    }
    return done->header.tx_count;
}

static bool ledger_has(const void *self, uint32_t tx)
{
    const struct ledger_app *a = self;

    return a->has[tx] != 0;
}

static struct hash ledger_root(const void *self)
{
    const struct ledger_app *a = self;

    return state_root(engine_state(a->engine));
}

static bool ledger_sound(void *self)
{
    struct ledger_app *a = self;

    return engine_tip(a->engine)->height == 0 || sim_world_sums_hold(a->engine);
}

const struct sim_app_ops sim_ledger_app = {
    .name = "ledger",
    .epoch = 0,
    .open = ledger_open,
    .close = ledger_close,
    .make = ledger_make,
    .free = ledger_free,
    .build = ledger_build,
    .execute = ledger_execute,
    .commit = ledger_commit,
    .has = ledger_has,
    .root = ledger_root,
    .sound = ledger_sound,
};
