/* Tasks of the executor and the writer: build, execute, commit, dry run. */
#include "base/check.h"
#include "base/log.h"
#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- execute ---- */

struct execute_task {
    struct task task;
    struct node *node;
    struct block_entry *block;
    uint64_t epoch; /* in which it was asked for */
    enum err err;
    const char *why;
    struct buf difference;
};

/* Decodes the body into the executor's scratch; pointers for the engine. */
static enum err decode_body(struct node *n,
                            const struct tx **out,
                            const struct block_entry *b)
{
    struct body *body = malloc(sizeof *body);
    enum err e;

    ASSERT(body != NULL);
    e = body_split(body, buf_bytes(&b->body));
    if (e == ERR_NONE && body->count != b->header.tx_count)
        e = ERR_MISMATCH;
    for (uint32_t i = 0; e == ERR_NONE && i < body->count; i++) {
        e = tx_decode(&n->scratch[i], body->txs[i]);
        out[i] = &n->scratch[i];
    }
    free(body);
    return e;
}

static enum err execute_now(struct node *n,
                            const struct block_entry *b,
                            const char **why)
{
    const struct tx **txs = calloc(BLOCK_TXS_MAX, sizeof *txs);
    const struct executed_block *done;
    enum err e;

    ASSERT(txs != NULL);
    *why = "body";
    e = decode_body(n, txs, b);
    if (e == ERR_NONE)
        e = engine_execute(
            n->engine, &done, &b->header, buf_bytes(&b->body), txs, why);
    free(txs);
    return e;
}

/* For the loop, in case it comes to a halt. */
static void copy_difference(struct node *n, struct buf *out)
{
    const struct bytes text = engine_difference(n->engine);

    buf_append(out, text.at, text.size);
}

static void keep_difference(struct node *n, struct buf *text)
{
    if (text->size == 0)
        return;
    buf_deinit(&n->difference);
    n->difference = *text;
    *text = (struct buf){0};
}

static void run_execute(struct task *task)
{
    struct execute_task *t = (struct execute_task *)(void *)task;

    t->err = execute_now(t->node, t->block, &t->why);
    if (t->err != ERR_NONE)
        copy_difference(t->node, &t->difference);
}

static void execute_done(struct task *task)
{
    struct execute_task *t = (struct execute_task *)(void *)task;
    struct core_event e = {
        .kind = ON_EXECUTED, .hash = t->block->hash, .yes = t->err == ERR_NONE};
    struct node *n = t->node;

    t->block->pins--;
    keep_difference(n, &t->difference);
    /* Block sync was faster: that it no longer stands on the tip says nothing
     * against it. */
    if (t->err != ERR_NONE && t->block->header.height <= n->tip.height)
        e.gone = true;
    else if (t->err != ERR_NONE)
        log_unusual("node",
                    "proposed block refused",
                    "height=%llu error=%s why=%s",
                    (unsigned long long)t->block->header.height,
                    err_name(t->err),
                    t->why);
    if (t->epoch == n->set.epoch)
        replica_feed(n, &e);
    free(t);
}

static void refuse_execution(struct node *n, const struct block_entry *b)
{
    struct core_event e = {.kind = ON_EXECUTED, .hash = b->hash, .yes = false};

    replica_feed(n, &e);
}

void execute_block(struct node *n, struct block_entry *b)
{
    struct execute_task *t;

    b->execute_wanted = true;
    if (!b->sigs_ok && !b->sigs_bad) {
        block_entry_verify(n, b);
        return;
    }
    b->execute_wanted = false;
    if (b->sigs_bad) {
        log_unusual("node",
                    "proposed block refused",
                    "height=%llu why=signatures or form",
                    (unsigned long long)b->header.height);
        refuse_execution(n, b);
        return;
    }
    t = calloc(1, sizeof *t);
    ASSERT(t != NULL);
    t->task.run = run_execute;
    t->task.done = execute_done;
    t->node = n;
    t->epoch = n->set.epoch;
    t->block = b;
    b->pins++;
    pool_submit(n->executor, &t->task, LANE_FIRST);
}

/* ---- commit ---- */

struct commit_task {
    struct task task;
    struct node *node;
    struct block_entry *block;
    struct cert cert;
    enum err err;
    const char *why;
    struct buf difference;
    struct write_task *write;
    struct valset set;                /* after it, if it seals */
    struct genesis_params params;     /* the same */
    struct candidate_row *candidates; /* after it, if they changed; owned */
    uint32_t candidate_count;
};

static bool changes_table(const struct change_set *set, uint8_t table)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->list[i].key.table == table)
            return true;
    }
    return false;
}

/* Who validates, and who is announced, belongs to the loop too. */
static void note_people(struct commit_task *t, const struct executed_block *b)
{
    struct engine *e = t->node->engine;

    if ((b->header.flags & HEADER_SEAL) != 0) {
        engine_validators(e, &t->set);
        engine_params(e, &t->params);
    }
    if (!changes_table(&b->changes, TABLE_CANDIDATES))
        return;
    t->candidates = calloc(PEERS_MAX, sizeof t->candidates[0]);
    ASSERT(t->candidates != NULL);
    t->candidate_count = engine_candidates(e, t->candidates, PEERS_MAX);
}

static void run_commit(struct task *task)
{
    struct commit_task *t = (struct commit_task *)(void *)task;
    struct node *n = t->node;
    const struct executed_block *b;

    t->err = ERR_NONE;
    if (engine_tip(n->engine)->height >= t->block->header.height)
        return; /* it is the tip already */
    if (!engine_stands_at(n->engine, &t->block->hash))
        t->err = execute_now(n, t->block, &t->why);
    if (t->err != ERR_NONE)
        copy_difference(n, &t->difference);
    if (t->err != ERR_NONE)
        return;
    b = engine_commit(n->engine, &t->block->hash);
    t->write = write_copy(n, b, &t->cert);
    note_people(t, b);
    proofs_tip(n);
}

/* Before the core hears of the block. */
static void take_people(struct node *n, const struct commit_task *t)
{
    if ((n->tip.flags & HEADER_SEAL) != 0) {
        n->next_set = t->set;
        n->next_params = t->params;
    }
    if (t->candidates == NULL)
        return;
    memcpy(n->candidates,
           t->candidates,
           t->candidate_count * sizeof n->candidates[0]);
    n->candidate_count = t->candidate_count;
    links_refresh(n);
}

static void commit_done(struct task *task)
{
    struct commit_task *t = (struct commit_task *)(void *)task;
    struct node *n = t->node;
    struct block_entry *b = t->block;

    b->pins--;
    b->commit_wanted = false;
    if (t->err != ERR_NONE) {
        keep_difference(n, &t->difference);
        n->failing = b;
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "a finalised block is invalid by our own execution: keep "
                  "the data directory and compare it with another node's",
                  t->why);
    } else if (t->write != NULL) {
        const uint32_t offset_ms = n->genesis->offset_ms;
        const bool new_day = ledger_date(n->tip.time_ms, offset_ms) !=
                             ledger_date(b->header.time_ms, offset_ms);

        n->tip = b->header;
        n->tip_hash = b->hash;
        take_people(n, t);
        mempool_committed(n, write_block_of(t->write), new_day);
        write_submit(n, t->write);
        replica_applied(n);
    }
    if (b->of_sync)
        sync_committed(n, b);
    free(t->candidates);
    free(t);
}

static void submit_commit(struct node *n, struct block_entry *b)
{
    struct commit_task *t = calloc(1, sizeof *t);

    ASSERT(t != NULL && b->header.height == n->submitted_height + 1);
    n->submitted_height = b->header.height;
    t->task.run = run_commit;
    t->task.done = commit_done;
    t->node = n;
    t->block = b;
    t->cert = b->commit_cert;
    b->pins++;
    pool_submit(n->executor, &t->task, LANE_FIRST);
}

/* The next block that may be committed, by whatever way it came. */
static struct block_entry *next_to_commit(struct node *n)
{
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        struct block_entry *b = &n->blocks[i];

        if (b->used && b->commit_wanted && b->sigs_ok &&
            b->header.height == n->submitted_height + 1)
            return b;
        if (b->pins == 0 && b->header.height <= n->submitted_height)
            b->commit_wanted = false; /* it came another way */
    }
    return sync_ready(n);
}

/* A4 one writer: submits what is due, in the order of heights; signature checks
 * of several blocks may end in any order. */
void commit_ready(struct node *n)
{
    struct block_entry *b;

    while (!n->stopping && (b = next_to_commit(n)) != NULL)
        submit_commit(n, b);
}

void commit_block(struct node *n,
                  struct block_entry *b,
                  const struct cert *cert)
{
    const struct cert copy = *cert;

    if (b->header.height <= n->submitted_height)
        return; /* under way already */
    b->commit_cert = copy;
    b->commit_wanted = true;
    if (!b->sigs_ok && !b->sigs_bad) {
        block_entry_verify(n, b); /* comes back here */
        return;
    }
    if (b->sigs_bad) {
        b->commit_wanted = false;
        n->failing = b;
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "a finalised block carries an invalid signature: keep the "
                  "data directory and compare it with another node's",
                  "");
        return;
    }
    commit_ready(n);
}

void commit_recovered(struct node *n)
{
    for (uint32_t i = 0; i < BLOCKS_MAX && !n->stopping; i++) {
        struct block_entry *b = &n->blocks[i];

        if (b->used && b->commit_wanted)
            commit_block(n, b, &b->commit_cert);
    }
}

/* ---- build ---- */

struct build_task {
    struct task task;
    struct node *node;
    struct candidate on;
    uint64_t epoch; /* in which it was asked for */
    uint16_t proposer;
    uint64_t time_ms;
    uint32_t count;
    struct mtx *txs[BLOCK_TXS_MAX];
    struct engine_candidate_tx offered[BLOCK_TXS_MAX];
    bool built;
    struct header header;
    struct buf header_bytes;
    struct buf body;
};

static void run_build(struct task *task)
{
    struct build_task *t = (struct build_task *)(void *)task;
    struct node *n = t->node;
    const struct executed_block *b = NULL;
    const struct header *tip = engine_tip(n->engine);
    uint64_t time_ms = t->time_ms;

    if (tip->height != t->on.height)
        return; /* the tip moved on */
    for (uint32_t i = 0; i < t->count; i++) {
        const enum err e = tx_decode(
            &n->scratch[i], bytes_of(t->txs[i]->bytes, t->txs[i]->size));

        ASSERT(e == ERR_NONE); /* it was decoded on its way in */
        t->offered[i].tx = &n->scratch[i];
    }
    if (time_ms <= tip->time_ms)
        time_ms = tip->time_ms + 1;
    engine_build(
        n->engine, &b, t->on.view, t->proposer, time_ms, t->offered, t->count);
    if (b == NULL)
        return;
    t->built = true;
    t->header = b->header;
    buf_append(&t->header_bytes, b->header_bytes.at, b->header_bytes.size);
    buf_append(&t->body, b->body.at, b->body.size);
}

static void build_done(struct task *task)
{
    struct build_task *t = (struct build_task *)(void *)task;
    struct node *n = t->node;
    struct core_event e = {.kind = ON_BUILT, .candidate = t->on};

    for (uint32_t i = 0; i < t->count; i++) {
        struct mtx *m = t->txs[i];

        if (t->offered[i].tx != NULL && t->offered[i].why.verdict != V_OK &&
            !m->gone && m->state == MTX_READY) {
            m->last = t->offered[i].why;
            m->judged = true;
            /* What the block took may be the reason, and the block may be
             * given up: only a refusal on the tip itself counts. */
            m->doubtful = t->built;
            if (!t->built)
                mempool_refused(n, m);
        }
        mempool_release(m);
    }
    if (t->built) {
        struct block_entry *b =
            block_entry_add(n, &t->header, buf_bytes(&t->header_bytes));

        if (b != NULL && block_entry_set_body(b, buf_bytes(&t->body))) {
            b->sigs_ok = true; /* checked on their way into the mempool */
            e.facts = block_facts_of(&t->header, &b->hash);
        }
    }
    buf_deinit(&t->header_bytes);
    buf_deinit(&t->body);
    replica_tell_work(n);
    if (t->epoch == n->set.epoch)
        replica_feed(n, &e);
    free(t);
}

/* H5 clock: the time of a block would be one that nobody accepts. */
static bool clock_forbids(struct node *n, const struct candidate *on)
{
    struct core_event nothing = {.kind = ON_BUILT, .candidate = *on};

    if (n->clock.behind)
        replica_feed(n, &nothing);
    return n->clock.behind;
}

void build_block(struct node *n, const struct candidate *on)
{
    struct build_task *t;

    if (clock_forbids(n, on))
        return;
    t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    t->task.run = run_build;
    t->task.done = build_done;
    t->node = n;
    t->on = *on;
    t->epoch = n->set.epoch;
    t->proposer = (uint16_t)n->me;
    t->time_ms = node_wall_ms();
    t->count = mempool_offer(n, t->txs);
    pool_submit(n->executor, &t->task, LANE_FIRST);
}

/* ---- dry run ---- */

static void run_dry(struct task *task)
{
    struct mtx *m = (struct mtx *)(void *)task;
    struct node *n = m->node;
    const enum err e = tx_decode(&n->scratch[0], bytes_of(m->bytes, m->size));

    ASSERT(e == ERR_NONE);
    m->verdict =
        engine_dry_run(n->engine, &n->scratch[0], node_wall_ms(), &m->why);
    m->on_tip = !engine_is_ahead(n->engine);
    if (m->verdict == V_OK)
        m->why = (struct refusal){.op_index = UINT32_MAX};
}

static void dry_done(struct task *task)
{
    struct mtx *m = (struct mtx *)(void *)task;

    mempool_dry_done(m->node, m);
}

/* Takes over one reference. */
void dry_run(struct node *n, struct mtx *m)
{
    m->task.run = run_dry;
    m->task.done = dry_done;
    pool_submit(n->executor, &m->task, LANE_CLIENTS);
}
