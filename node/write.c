/* Blocks on their way to the disk.  What is committed while the writer is busy
 * waits and is written together: one flush for all of them, however many blocks
 * a node that was away brings in. */
#include "base/check.h"
#include "node/node.h"
#include "node/snapshots.h"

#include <stdlib.h>

enum {
    WRITE_BATCH_MAX = 64, /* blocks to one flush */
};

/* A committed block, copied out of the engine for the writer. */
struct write_task {
    struct write_task *next;
    struct store_block block;
    struct header header;
    struct cert cert;
    struct mtree_log log;
    struct buf bytes; /* everything the block borrows */
    struct change *changes;
    struct row_key *drops;
    struct hash *ids;
};

struct write_batch {
    struct task task;    /* first: ends when the index is written */
    struct task durable; /* when the blocks are on disk */
    struct node *node;
    struct write_task *first;
    enum err err;
};

static size_t keep(struct buf *b, struct bytes v)
{
    const size_t at = b->size;

    buf_append(b, v.at, v.size);
    return at;
}

/* Deep copy: the engine's buffers are only good until its next block. */
struct write_task *write_copy(struct node *n,
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

const struct store_block *write_block_of(const struct write_task *w)
{
    return &w->block;
}

/* The database library does not survive a full disk in every place: the node
 * stops while there still is a little room. */
static enum err put_all(struct write_batch *b)
{
    struct node *n = b->node;

    for (struct write_task *w = b->first; w != NULL; w = w->next) {
        if (datadir_free_bytes(n->config.dir) < DISK_ROOM_MIN + w->bytes.size)
            return ERR_FULL;
        TRY(w->next == NULL ? store_put_block(n->store, &w->block)
                            : store_put_block_ahead(n->store, &w->block));
    }
    return ERR_NONE;
}

/* The index, which clients see, follows what is on disk. */
static void run_batch(struct task *task)
{
    struct write_batch *b = (struct write_batch *)(void *)task;
    struct node *n = b->node;

    /* After a block that could not be written none is: they stand in order. */
    b->err = n->write_failed;
    if (b->err == ERR_NONE)
        b->err = put_all(b);
    n->write_failed = b->err;
    if (b->err != ERR_NONE)
        return;
    mail_post(n->mail, &b->durable);
    for (struct write_task *w = b->first; w != NULL && b->err == ERR_NONE;
         w = w->next) {
        b->err = store_index(n->store, &w->block);
        if (b->err == ERR_NONE)
            snapshots_due(n->snapshots, w->header.height);
    }
}

/* D7 final after disk: now, and only now, clients hear it. */
static void now_durable(struct task *task)
{
    struct write_batch *b =
        (struct write_batch *)(void *)((char *)task -
                                       offsetof(struct write_batch, durable));
    struct node *n = b->node;

    for (struct write_task *w = b->first; w != NULL; w = w->next) {
        n->durable_height = w->header.height;
        n->blocks_total++;
        n->txs_total += w->header.tx_count;
        mempool_durable(n, w->header.height, w->ids, w->header.tx_count);
    }
    blocks_forget(n, n->durable_height);
    replica_cut_journal(n);
    sync_pump(n);
}

static void free_tasks(struct write_task *w)
{
    while (w != NULL) {
        struct write_task *next = w->next;

        buf_deinit(&w->bytes);
        free(w->changes);
        free(w->drops);
        free(w->ids);
        free(w);
        w = next;
    }
}

static void tell_failure(struct node *n, enum err e)
{
    if (e == ERR_FULL)
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "the disk is full: free space on the data directory's file "
                  "system, then start the node again; nothing acknowledged "
                  "is lost",
                  n->config.dir);
    else
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "the database refused a write: check the disk, then start "
                  "the node again",
                  err_text(e));
}

static void batch_done(struct task *task)
{
    struct write_batch *b = (struct write_batch *)(void *)task;
    struct node *n = b->node;

    n->writing = false;
    if (b->err != ERR_NONE)
        tell_failure(n, b->err);
    for (struct write_task *w = b->first; b->err == ERR_NONE && w != NULL;
         w = w->next)
        mempool_indexed(n, &w->block);
    if (b->err == ERR_NONE)
        proofs_indexed(n);
    free_tasks(b->first);
    free(b);
    if (!n->stopping)
        write_flush(n);
}

/* Hands the writer what waits, up to a batch. */
static void begin_batch(struct node *n)
{
    struct write_batch *b = calloc(1, sizeof *b);
    struct write_task **end = &b->first;

    ASSERT(b != NULL);
    b->task.run = run_batch;
    b->task.done = batch_done;
    b->durable.done = now_durable;
    b->node = n;
    for (uint32_t i = 0; i < WRITE_BATCH_MAX && n->write_first != NULL; i++) {
        struct write_task *w = n->write_first;

        n->write_first = w->next;
        n->write_waiting--;
        w->next = NULL;
        *end = w;
        end = &w->next;
    }
    if (n->write_first == NULL)
        n->write_last = &n->write_first;
    n->writing = true;
    pool_submit(n->writer, &b->task, LANE_FIRST);
}

void write_flush(struct node *n)
{
    while (n->write_first != NULL && (!n->writing || n->stopping))
        begin_batch(n);
}

void write_submit(struct node *n, struct write_task *w)
{
    w->block.journal =
        (struct store_journal){n->key, journal_durable(n->journal)};
    w->next = NULL;
    *n->write_last = w;
    n->write_last = &w->next;
    n->write_waiting++;
    write_flush(n);
}
