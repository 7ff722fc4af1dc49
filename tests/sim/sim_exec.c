/* The executor of one node: one task after the other, each takes its time. */
#include "base/check.h"
#include "base/num.h"
#include "tests/sim/sim.h"

struct sim_task *sim_task(struct sim *s, uint32_t i, enum core_effect_kind kind)
{
    struct sim_node *node = &s->nodes[i];
    struct sim_task *t = &node->room.tasks[SIM_TASKS_MAX];

    if (node->task_count == SIM_TASKS_MAX)
        return t; /* asked for again, as in life */
    t = &node->room
             .tasks[(node->task_first + node->task_count++) % SIM_TASKS_MAX];
    t->kind = kind;
    t->with_body = false;
    t->epoch = node->room.core->config.epoch;
    if (node->task_count == 1)
        sim_push(s,
                 (struct sim_ev){.kind = EV_TASK_DONE,
                                 .node = (uint8_t)i,
                                 .life = node->life,
                                 .at = s->now + s->params.execute_us});
    return t;
}

static uint32_t build(struct sim *s, uint32_t i, const struct sim_task *t)
{
    struct sim_node *node = &s->nodes[i];
    const struct sim_block *tip = &s->blocks[node->room.chain[node->height]];
    struct sim_block b = {.header = tip->header};
    const uint64_t wall = sim_wall_ms(s, node);
    uint32_t txs[SIM_BLOCK_TXS];
    uint32_t count = 0;
    uint32_t id;

    if (t->candidate.height != node->height)
        return 0;
    while (node->first_open < s->tx_count &&
           (node->knows_tx[node->first_open] == 0 ||
            s->ops->has(node->app, node->first_open)))
        node->first_open++;
    for (uint32_t tx = node->first_open;
         tx < s->tx_count && count < SIM_BLOCK_TXS;
         tx++) {
        if (node->knows_tx[tx] != 0 && !s->ops->has(node->app, tx))
            txs[count++] = tx;
    }
    b.header.view = t->candidate.view;
    b.header.epoch = node->room.core->config.epoch;
    b.header.flags = 0;
    b.header.proposer = (uint16_t)sim_index(s, i);
    b.header.height = node->height + 1;
    b.header.parent_hash = tip->hash;
    b.header.time_ms =
        wall > tip->header.time_ms ? wall : tip->header.time_ms + 1;
    if (!s->ops->build(node->app, &b, txs, count)) {
        buf_deinit(&b.body);
        return 0;
    }
    id = sim_block_put(s, &b);
    if (id != 0)
        node->has_body[id] = 1;
    return id;
}

static bool executes(struct sim *s, const struct sim_node *node, uint32_t block)
{
    const struct sim_block *b = &s->blocks[block];
    const struct sim_block *tip = &s->blocks[node->room.chain[node->height]];

    return b->header.height == node->height + 1 &&
           hash_eq(&b->header.parent_hash, &tip->hash) &&
           b->header.time_ms > tip->header.time_ms &&
           s->ops->execute(node->app, b);
}

/* Makes the block the tip and strikes out what took effect. */
static void apply(struct sim *s, struct sim_node *node, uint32_t block)
{
    uint32_t txs[SIM_BLOCK_TXS + 1];
    const uint32_t count = s->ops->commit(node->app, &s->blocks[block], txs);

    for (uint32_t k = 0; k < count; k++)
        node->open_txs -= node->knows_tx[txs[k]] != 0 ? 1 : 0;
    node->final_txs += count;
    node->height++;
    ASSERT(node->height < SIM_HEIGHTS_MAX);
}

/* One block after the other gets to the disk. */
static void store(struct sim *s, struct sim_node *node)
{
    const uint64_t h = node->height;
    const uint64_t from = num_max_u64(
        s->now, h > node->stored + 1 ? node->room.stored_at[h - 1] : 0);

    node->room.stored_at[h] =
        from +
        sim_between(s, RNG_DISK, s->params.fsync_lo, s->params.fsync_hi) *
            s->params.store_lag;
}

/* A disk that works again writes soon what waits for it. */
void sim_store_hurry(struct sim *s, struct sim_node *node)
{
    for (uint64_t h = node->stored + 1; h <= node->height; h++)
        node->room.stored_at[h] =
            num_min_u64(node->room.stored_at[h], s->now + s->params.fsync_hi);
}

/* The newest block that is on disk. */
uint64_t sim_stored(const struct sim *s, const struct sim_node *node)
{
    uint64_t h = node->height;

    while (h > node->stored && node->room.stored_at[h] > s->now)
        h--;
    return h;
}

void sim_store_lose(struct sim *s, struct sim_node *node)
{
    node->stored = sim_stored(s, node);
}

/* Memory is short: a body that no vote promised may go. */
static void push_out(struct sim *s, struct sim_node *node, uint32_t block)
{
    if (node->has_body[block] == 0 || s->healed ||
        core_promised_body(node->room.core, &s->blocks[block].hash) ||
        !sim_chance(s, RNG_LARGE, s->params.gone))
        return;
    sim_note(s, FAULT_GONE);
    node->has_body[block] = 0;
}

static void commit(struct sim *s, uint32_t i, const struct sim_task *t)
{
    struct sim_node *node = &s->nodes[i];
    const struct sim_block *b = &s->blocks[t->block];
    struct core_event e = {.kind = ON_APPLIED};

    if (b->header.height != node->height + 1 || sim_boundary(s, i))
        return;
    push_out(s, node, t->block);
    if (node->has_body[t->block] == 0 && !t->with_body) {
        e = (struct core_event){
            .kind = ON_EXECUTED, .hash = b->hash, .gone = true};
        sim_node_feed(s, i, &e);
        return;
    }
    if (!executes(s, node, t->block)) {
        sim_fail(s, "node %u: a final block does not execute", i);
        return;
    }
    apply(s, node, t->block);
    node->room.chain[node->height] = t->block;
    cert_copy(&node->room.certs[node->height], &t->cert);
    s->commits++;
    /* The driver waits for the journal, which may be a new one meanwhile. */
    node->synced = num_max_u64(
        node->synced, num_min_u64(t->journal_size, node->room.journal.size));
    store(s, node);
    if (node->correct)
        sim_saw_commit(s, i, node->height, t->block);
    if (sim_boundary(s, i))
        return;
    e.height = node->height;
    e.hash = b->hash;
    e.seal = (b->header.flags & HEADER_SEAL) != 0;
    sim_node_feed(s, i, &e);
    if (node->up)
        sim_node_work(s, i);
    sim_redo(s, i);
}

static void answer(struct sim *s, uint32_t i, const struct sim_task *t)
{
    struct sim_node *node = &s->nodes[i];
    struct core_event e = {.kind = ON_EXECUTED,
                           .hash = s->blocks[t->block].hash};
    uint32_t built;

    switch ((int)t->kind) {
    case DO_BUILD:
        e.kind = ON_BUILT;
        e.candidate = t->candidate;
        built = build(s, i, t);
        if (built != 0)
            e.facts = block_facts_of(&s->blocks[built].header,
                                     &s->blocks[built].hash);
        break;
    case DO_EXECUTE:
        push_out(s, node, t->block);
        e.gone = node->has_body[t->block] == 0;
        e.yes = !e.gone && executes(s, node, t->block);
        /* A commit was faster: that it does not stand on the tip any more says
         * nothing against it. */
        if (!e.yes && s->blocks[t->block].header.height <= node->height)
            e.gone = true;
        break;
    case DO_COMMIT:
        commit(s, i, t);
        return;
    }
    if (t->epoch == node->room.core->config.epoch)
        sim_node_feed(s, i, &e);
}

void sim_task_done(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];

    ASSERT(node->task_count > 0);
    answer(s, i, &node->room.tasks[node->task_first]);
    node->task_first = (node->task_first + 1) % SIM_TASKS_MAX;
    node->task_count--;
    if (node->task_count > 0)
        sim_push(s,
                 (struct sim_ev){.kind = EV_TASK_DONE,
                                 .node = (uint8_t)i,
                                 .life = node->life,
                                 .at = s->now + s->params.execute_us});
}

/* What the journal knew to be final and the store, which may be blocks behind,
 * has not: no other node may have it either. */
void sim_redo(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    struct cert cert;
    struct sim_task *t;
    uint32_t block;

    if (!node->up || node->height >= node->journal_final)
        return;
    block = sim_journal_final(s, node, node->height + 1, &cert);
    if (block == 0 || cert.epoch != node->room.core->config.epoch)
        return;
    t = sim_task(s, i, DO_COMMIT);
    t->block = block;
    t->with_body = true;
    cert_copy(&t->cert, &cert);
    t->journal_size = node->room.journal.size;
}

/* The executor's state as the disk has it. */
void sim_load_state(struct sim *s, struct sim_node *node)
{
    const uint64_t stored = node->stored;

    if (node->app != NULL)
        s->ops->free(node->app);
    node->app = s->ops->make(s->world);
    node->height = 0;
    node->final_txs = 0;
    while (node->height < stored)
        apply(s, node, node->room.chain[node->height + 1]);
    node->open_txs = 0;
    node->first_open = 0;
}
