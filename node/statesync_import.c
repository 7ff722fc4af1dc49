/* What was fetched, into the database. */
#include "node/statesync_parts.h"

#include "base/check.h"
#include "base/log.h"
#include "node/start.h"

#include <stdlib.h>

static enum err put_row(void *ctx, const struct row_key *key, struct bytes row)
{
    store_rows_put(ctx, key, row);
    return ERR_NONE;
}

/* The rows and roots that stand in the manifest.  Twice is as good as once. */
static enum err write_manifest_rows(struct statesync *x)
{
    const struct snapshot *s = x->snapshot;
    struct store_rows *rows = store_rows_new(x->node->store, s->header.height);
    enum err e = snapshot_each_row(s, put_row, rows);

    ASSERT(e == ERR_NONE);
    for (uint32_t i = 0; i < s->security_count; i++)
        store_rows_put_roots(rows, &s->securities[i]);
    e = store_rows_write(rows, UINT32_MAX);
    x->base_written = e == ERR_NONE;
    return e;
}

static void make_chunks(struct statesync *x)
{
    x->chunks =
        calloc((size_t)x->snapshot->chunk_count + 1, sizeof x->chunks[0]);
    ASSERT(x->chunks != NULL);
    x->done = x->next = 0;
    x->bytes_done = 0;
    x->base_written = false;
}

static void note_done(struct statesync *x, uint32_t index)
{
    x->chunks[index].state = CHUNK_DONE;
    x->done++;
    x->bytes_done += x->snapshot->chunks[index].bytes;
}

enum err statesync_begin(struct statesync *x)
{
    make_chunks(x);
    TRY(store_import_begin(x->node->store, buf_bytes(&x->manifest)));
    return write_manifest_rows(x);
}

bool statesync_resume(struct statesync *x)
{
    const struct valset set = genesis_valset(x->node->genesis);
    struct store_value v;
    const char *where = "";

    if (store_import_manifest(&v, x->node->store) != ERR_NONE)
        return false;
    buf_append(&x->manifest, v.at, v.size);
    store_value_free(&v);
    if (snapshot_open(&x->snapshot,
                      buf_bytes(&x->manifest),
                      &x->node->chain_id,
                      &set,
                      NULL,
                      &where) != ERR_NONE) {
        log_unusual("statesync",
                    "what was begun cannot be gone on with; another is begun",
                    "at=\"%s\"",
                    where);
        return false;
    }
    make_chunks(x);
    for (uint32_t i = 0; i < x->snapshot->chunk_count; i++) {
        if (store_import_has(x->node->store, i))
            note_done(x, i);
    }
    x->chosen = (struct msg_offer){.height = x->snapshot->header.height,
                                   .block = x->snapshot->hash,
                                   .id = x->snapshot->id,
                                   .manifest_bytes = (uint32_t)x->manifest.size,
                                   .chunks = x->snapshot->chunk_count};
    x->choosing = false;
    x->failed = write_manifest_rows(x);
    log_info("statesync",
             "goes on where it was",
             "height=%llu done=%u all=%u",
             (unsigned long long)x->chosen.height,
             x->done,
             x->snapshot->chunk_count);
    return true;
}

/* ---- a chunk ---- */

struct chunk_task {
    struct task task;
    struct statesync *x;
    uint32_t index;
    uint8_t slot;
    enum err wrong;  /* of the peer */
    enum err failed; /* of the database */
    struct buf bytes;
};

static void run_chunk(struct task *task)
{
    struct chunk_task *t = (struct chunk_task *)(void *)task;
    const struct snapshot *s = t->x->snapshot;
    const struct node *n = t->x->node;
    struct store_rows *rows;

    t->wrong = snapshot_chunk_check(s, t->index, buf_bytes(&t->bytes));
    if (t->wrong != ERR_NONE)
        return;
    if (datadir_free_bytes(n->config.dir) <
        DISK_ROOM_MIN + 8 * (uint64_t)t->bytes.size) {
        t->failed = ERR_FULL;
        return;
    }
    rows = store_rows_new(n->store, s->header.height);
    t->failed =
        snapshot_chunk_rows(s, t->index, buf_bytes(&t->bytes), put_row, rows);
    ASSERT(t->failed == ERR_NONE);
    t->failed = store_rows_write(rows, t->index);
}

static void chunk_done(struct task *task)
{
    struct chunk_task *t = (struct chunk_task *)(void *)task;
    struct statesync *x = t->x;
    const uint8_t slot = t->slot;
    const enum err wrong = t->wrong;

    x->checking--;
    if (t->failed != ERR_NONE)
        x->failed = t->failed;
    if (wrong != ERR_NONE) { /* F2 */
        log_unusual("statesync",
                    "a false chunk; it is asked of another peer",
                    "peer=%u chunk=%u height=%llu why=\"%s\"",
                    slot,
                    t->index,
                    (unsigned long long)x->chosen.height,
                    err_text(wrong));
        x->chunks[t->index].state = CHUNK_WANTED;
        x->next = t->index < x->next ? t->index : x->next;
        memset(&x->sources[slot].offers, 0, sizeof x->sources[slot].offers);
        peers_misbehaved(
            x->node->peers, slot, CHANNEL_BULK, "a false chunk of a snapshot");
    } else if (t->failed == ERR_NONE) {
        note_done(x, t->index);
    }
    buf_deinit(&t->bytes);
    free(t);
    statesync_pump(x);
}

void statesync_take_chunk(struct statesync *x,
                          uint32_t index,
                          uint8_t slot,
                          struct bytes bytes)
{
    struct chunk_task *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    t->task.run = run_chunk;
    t->task.done = chunk_done;
    t->x = x;
    t->index = index;
    t->slot = slot;
    buf_append(&t->bytes, bytes.at, bytes.size);
    pool_submit(x->pool, &t->task, 0);
}

/* ---- the end ---- */

/* The blocks that ended the epochs before; *count are in *out, to be freed. */
static void list_seals(const struct snapshot *s,
                       struct store_past_block **out,
                       uint32_t *count)
{
    struct reader r = reader_of(s->epochs);
    struct snapshot_epoch e;

    *count = 0;
    *out = calloc((size_t)s->epoch_count + 1, sizeof **out);
    ASSERT(*out != NULL);
    while (*count < s->epoch_count && snapshot_next_epoch(&r, &e)) {
        struct header h;
        const enum err failed = header_decode(&h, e.header);

        ASSERT(failed == ERR_NONE); /* it was verified */
        (*out)[(*count)++] = (struct store_past_block){
            .height = h.height, .header = e.header, .cert = e.cert};
    }
}

enum err statesync_finish(struct statesync *x)
{
    const struct snapshot *s = x->snapshot;
    struct node *n = x->node;
    struct buf roots = {0};
    struct store_past_block *seals;
    struct store_base base = {
        .height = s->header.height,
        .hash = s->hash,
        .block = {s->header.height, s->header_bytes, s->cert_bytes},
        .log = s->log,
        .journal = {.key = n->key},
    };
    enum err e;

    /* From here on an older journal than this one shows. */
    TRY(start_journal_records(&base.journal.records, n));
    list_seals(s, &seals, &base.seal_count);
    base.seals = seals;
    state_roots_append_slots(&roots, s->slots);
    base.roots = buf_bytes(&roots);
    e = store_import_finish(n->store, &base);
    buf_deinit(&roots);
    free(seals);
    if (e == ERR_NONE)
        log_info("statesync",
                 "all rows of the snapshot are here; now the start rebuilds "
                 "the state and compares",
                 "height=%llu chunks=%u ms=%llu",
                 (unsigned long long)base.height,
                 s->chunk_count,
                 (unsigned long long)(node_now_ms() - x->began_ms));
    return e;
}

void statesync_end(struct statesync *x)
{
    snapshot_free(x->snapshot);
    free(x->chunks);
    buf_deinit(&x->manifest);
}
