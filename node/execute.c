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
    enum err err;
    const char *why;
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

static void run_execute(struct task *task)
{
    struct execute_task *t = (struct execute_task *)(void *)task;

    t->err = execute_now(t->node, t->block, &t->why);
}

static void execute_done(struct task *task)
{
    struct execute_task *t = (struct execute_task *)(void *)task;
    struct core_event e = {
        .kind = ON_EXECUTED, .hash = t->block->hash, .yes = t->err == ERR_NONE};
    struct node *n = t->node;

    t->block->pins--;
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
    free(t);
    replica_feed(n, &e);
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
    t->block = b;
    b->pins++;
    pool_submit(n->executor, &t->task);
}

/* ---- commit and write ---- */

/* A committed block, copied out of the engine for the writer. */
struct write_task {
    struct task task; /* first: ends when the index is written */
    struct task durable;
    struct node *node;
    struct store_block block;
    struct header header;
    struct cert cert;
    struct mtree_log log;
    struct buf bytes; /* everything the block borrows */
    struct change *changes;
    struct row_key *drops;
    struct hash *ids;
    enum err err;
};

struct commit_task {
    struct task task;
    struct node *node;
    struct block_entry *block;
    struct cert cert;
    enum err err;
    const char *why;
    struct write_task *write;
};

static size_t keep(struct buf *b, struct bytes v)
{
    const size_t at = b->size;

    buf_append(b, v.at, v.size);
    return at;
}

/* Deep copy: the engine's buffers are only good until its next block. */
static struct write_task *copy_block(struct node *n,
                                     const struct executed_block *b,
                                     const struct cert *cert)
{
    struct write_task *w = calloc(1, sizeof *w);
    const struct change_set *set = &b->changes;
    size_t header_at;
    size_t body_at;
    size_t events_at;
    size_t roots_at;
    size_t roots_size;
    size_t at;

    ASSERT(w != NULL);
    w->node = n;
    w->header = b->header;
    w->cert = *cert;
    w->log = *engine_header_log(n->engine);
    header_at = keep(&w->bytes, b->header_bytes);
    body_at = keep(&w->bytes, b->body);
    events_at = keep(&w->bytes, b->events);
    roots_at = w->bytes.size;
    engine_roots(n->engine, b, &w->bytes);
    at = w->bytes.size;
    roots_size = at - roots_at;
    for (uint32_t i = 0; i < set->count; i++) {
        keep(&w->bytes, set->list[i].old_row);
        keep(&w->bytes, set->list[i].new_row);
    }
    w->changes = calloc(set->count + 1, sizeof w->changes[0]);
    w->drops = calloc(set->drop_count + 1, sizeof w->drops[0]);
    w->ids = calloc(b->header.tx_count + 1, sizeof w->ids[0]);
    ASSERT(w->changes != NULL && w->drops != NULL && w->ids != NULL);
    for (uint32_t i = 0; i < set->count; i++) {
        struct change *c = &w->changes[i];

        c->key = set->list[i].key;
        c->old_row = bytes_of(w->bytes.at + at, set->list[i].old_row.size);
        at += c->old_row.size;
        c->new_row = bytes_of(w->bytes.at + at, set->list[i].new_row.size);
        at += c->new_row.size;
    }
    if (set->drop_count > 0)
        memcpy(w->drops, set->drops, set->drop_count * sizeof w->drops[0]);
    if (b->header.tx_count > 0)
        memcpy(w->ids, b->tx_ids, b->header.tx_count * sizeof w->ids[0]);
    w->block = (struct store_block){
        .header = &w->header,
        .hash = b->hash,
        .cert = &w->cert,
        .header_bytes = bytes_of(w->bytes.at + header_at, b->header_bytes.size),
        .body = bytes_of(w->bytes.at + body_at, b->body.size),
        .events = bytes_of(w->bytes.at + events_at, b->events.size),
        .changes = {w->changes, set->count, w->drops, set->drop_count},
        .roots = bytes_of(w->bytes.at + roots_at, roots_size),
        .tx_ids = w->ids,
        .header_log = &w->log,
    };
    return w;
}

static void write_free(struct write_task *w)
{
    buf_deinit(&w->bytes);
    free(w->changes);
    free(w->drops);
    free(w->ids);
    free(w);
}

static void run_write(struct task *task)
{
    struct write_task *w = (struct write_task *)(void *)task;

    /* After a block that could not be written none is: they stand in order. */
    if (w->node->write_failed != ERR_NONE) {
        w->err = w->node->write_failed;
        return;
    }
    /* The database library does not survive a full disk in every place: the
     * node stops while there still is a little room. */
    if (datadir_free_bytes(w->node->config.dir) < DISK_ROOM_MIN + w->bytes.size)
        w->err = ERR_FULL;
    else
        w->err = store_put_block(w->node->store, &w->block);
    w->node->write_failed = w->err;
    if (w->err != ERR_NONE)
        return;
    mail_post(w->node->mail, &w->durable);
    w->err = store_index(w->node->store, &w->block);
}

/* D7 final after disk: now, and only now, clients hear it. */
static void now_durable(struct task *task)
{
    struct write_task *w =
        (struct write_task *)(void *)((char *)task -
                                      offsetof(struct write_task, durable));
    struct node *n = w->node;

    n->durable_height = w->header.height;
    n->blocks_total++;
    n->txs_total += w->header.tx_count;
    mempool_durable(n, w->header.height, w->ids, w->header.tx_count);
    blocks_forget(n, w->header.height);
    replica_cut_journal(n);
}

static void write_done(struct task *task)
{
    struct write_task *w = (struct write_task *)(void *)task;

    if (w->err == ERR_FULL)
        node_fail(w->node,
                  EXIT_SAFETY_HALT,
                  "the disk is full: free space on the data directory's file "
                  "system, then start the node again; nothing acknowledged "
                  "is lost",
                  w->node->config.dir);
    else if (w->err != ERR_NONE)
        node_fail(w->node,
                  EXIT_SAFETY_HALT,
                  "the database refused a write: check the disk, then start "
                  "the node again",
                  err_text(w->err));
    else
        mempool_indexed(w->node, &w->block);
    write_free(w);
}

static void run_commit(struct task *task)
{
    struct commit_task *t = (struct commit_task *)(void *)task;
    struct node *n = t->node;

    t->err = ERR_NONE;
    if (engine_tip(n->engine)->height >= t->block->header.height)
        return; /* it is the tip already */
    if (!engine_stands_at(n->engine, &t->block->hash))
        t->err = execute_now(n, t->block, &t->why);
    if (t->err == ERR_NONE)
        t->write =
            copy_block(n, engine_commit(n->engine, &t->block->hash), &t->cert);
}

static void commit_done(struct task *task)
{
    struct commit_task *t = (struct commit_task *)(void *)task;
    struct node *n = t->node;
    struct block_entry *b = t->block;

    b->pins--;
    b->commit_wanted = false;
    if (t->err != ERR_NONE) {
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "a finalised block is invalid by our own execution: keep "
                  "the data directory and compare it with another node's",
                  t->why);
    } else if (t->write != NULL) {
        struct write_task *w = t->write;

        const uint32_t offset_ms = n->genesis->offset_ms;
        const bool new_day = ledger_date(n->tip.time_ms, offset_ms) !=
                             ledger_date(b->header.time_ms, offset_ms);

        n->tip = b->header;
        n->tip_hash = b->hash;
        w->block.journal = (struct store_journal){n->set.list[n->me].key,
                                                  journal_durable(n->journal)};
        mempool_committed(n, &w->block, new_day);
        w->task.run = run_write;
        w->task.done = write_done;
        w->durable.done = now_durable;
        pool_submit(n->writer, &w->task);
        replica_applied(n);
    }
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
    pool_submit(n->executor, &t->task);
}

/* A4 one writer: submits what is due, in the order of heights; signature checks
 * of several blocks may end in any order. */
static void submit_commits(struct node *n)
{
    for (bool found = true; found;) {
        found = false;
        for (uint32_t i = 0; i < BLOCKS_MAX && !found; i++) {
            struct block_entry *b = &n->blocks[i];

            if (b->used && b->commit_wanted && b->sigs_ok &&
                b->header.height == n->submitted_height + 1) {
                submit_commit(n, b);
                found = true;
            }
        }
    }
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
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "a finalised block carries an invalid signature: keep the "
                  "data directory and compare it with another node's",
                  "");
        return;
    }
    submit_commits(n);
}

/* ---- build ---- */

struct build_task {
    struct task task;
    struct node *node;
    struct candidate on;
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
    engine_build(n->engine,
                 &b,
                 t->on.view,
                 (uint16_t)n->me,
                 time_ms,
                 t->offered,
                 t->count);
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
    free(t);
    replica_tell_work(n);
    replica_feed(n, &e);
}

void build_block(struct node *n, const struct candidate *on)
{
    struct build_task *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    t->task.run = run_build;
    t->task.done = build_done;
    t->node = n;
    t->on = *on;
    t->time_ms = node_wall_ms();
    t->count = mempool_offer(n, t->txs);
    pool_submit(n->executor, &t->task);
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
    pool_submit(n->executor, &m->task);
}
