/* Taking a snapshot: all rows of a view, in order, once. */
#include "node/snapshots_parts.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/tally.h"
#include "ledger/rows.h"
#include "node/start.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    NICE = 10,
    PACE_BYTES = 1 << 20, /* between looks at the clock */
};

struct take {
    struct task task;
    struct snapshots *owner;
    struct store_view *view;
    uint64_t height;
    struct header header;
    struct snapshot_writer *file;
    struct snapshot_builder *builder;
    struct tally *tally;
    uint64_t began_ms;
    uint64_t bytes;     /* read */
    uint64_t paced;     /* of them, when the clock was looked at last */
    const char *failed; /* what is wrong */
};

/* ---- rows ---- */

/* H2 */
static void wait_turn(const struct take *t)
{
    const uint64_t per_s = t->owner->bytes_per_s;
    uint64_t due_ms;
    uint64_t gone_ms;

    if (per_s == 0)
        return;
    due_ms = t->bytes / (per_s / 1000 + 1);
    gone_ms = node_now_ms() - t->began_ms;
    if (due_ms > gone_ms) {
        const uint64_t ms = num_min_u64(due_ms - gone_ms, 1000);
        const struct timespec wait = {.tv_sec = (time_t)(ms / 1000),
                                      .tv_nsec = (long)(ms % 1000) * 1000000};

        nanosleep(&wait, NULL);
    }
}

/* Now and then. */
static enum err pace(struct take *t)
{
    const struct config *c = &t->owner->node->config;

    if (t->bytes - t->paced < PACE_BYTES)
        return ERR_NONE;
    t->paced = t->bytes;
    wait_turn(t);
    t->failed = "room beside the reserve of this node";
    return datadir_free_bytes(c->dir) <
                   (c->disk_reserve_mib << 20) + SNAPSHOT_MANIFEST_MAX
               ? ERR_FULL
               : ERR_NONE;
}

static enum err take_leaf(void *ctx, struct bytes leaf)
{
    struct take *t = ctx;

    return snapshot_writer_add(t->file, leaf);
}

static enum err take_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct take *t = ctx;

    if (t->owner->stopping)
        return ERR_REFUSED;
    t->failed = "a row";
    TRY(tally_row(t->tally, key, row));
    TRY(snapshot_build_row(t->builder, key, row));
    t->bytes += row.size + sizeof *key;
    t->owner->leaves++;
    return pace(t);
}

/* ---- what stands before the body ---- */

/* The end of the epoch before `epoch`, and its set. */
static enum err add_epoch(struct take *t, struct buf *out, uint64_t epoch)
{
    struct store *store = t->owner->node->store;
    struct snapshot_epoch e;
    struct store_value header = {0};
    struct store_value cert = {0};
    struct validators_row row;
    enum err err = load_validators(&row, t->view, epoch);

    if (err == ERR_NONE)
        err = store_get_block(&header, store, row.since_height, STORE_HEADER);
    if (err == ERR_NONE)
        err = store_get_block(&cert, store, row.since_height, STORE_CERT);
    if (err == ERR_NONE) {
        e.next = row.set;
        e.header = bytes_of(header.at, header.size);
        e.cert = bytes_of(cert.at, cert.size);
        snapshot_add_epoch(out, &e);
    }
    store_value_free(&header);
    store_value_free(&cert);
    return err;
}

static enum err put_head(struct take *t, struct buf *out)
{
    struct store *store = t->owner->node->store;
    struct buf epochs = {0};
    struct mtree_log log;
    struct store_value header = {0};
    struct store_value cert = {0};
    enum err e = ERR_NONE;

    for (uint64_t i = 1; i <= t->header.epoch && e == ERR_NONE; i++)
        e = add_epoch(t, &epochs, i);
    if (e == ERR_NONE)
        e = store_get_header_log(&log, store, t->height);
    if (e == ERR_NONE)
        e = store_get_block(&header, store, t->height, STORE_HEADER);
    if (e == ERR_NONE)
        e = store_get_block(&cert, store, t->height, STORE_CERT);
    if (e == ERR_NONE)
        snapshot_head_encode(out,
                             bytes_of(header.at, header.size),
                             bytes_of(cert.at, cert.size),
                             (uint32_t)t->header.epoch,
                             buf_bytes(&epochs),
                             &log);
    store_value_free(&header);
    store_value_free(&cert);
    buf_deinit(&epochs);
    return e;
}

/* ---- all of it ---- */

static enum err finish(struct take *t)
{
    struct buf manifest = {0};
    struct hash root;
    enum err e;

    t->failed = "the totals of a security or an account";
    TRY(tally_finish(t->tally));
    t->failed = "the header, its certificate, or a change of validators";
    e = put_head(t, &manifest);
    if (e == ERR_NONE) {
        t->failed = "the manifest";
        e = snapshot_build_finish(t->builder, &manifest, &root);
    }
    if (e == ERR_NONE && !hash_eq(&root, &t->header.state_root)) {
        t->failed = "the state root";
        e = ERR_MISMATCH;
    }
    if (e == ERR_NONE) {
        t->failed = "the files";
        e = snapshot_writer_finish(t->file, t->height, buf_bytes(&manifest));
    }
    buf_deinit(&manifest);
    return e;
}

static enum err take(struct take *t)
{
    struct snapshots *s = t->owner;

    t->failed = "the header";
    TRY(load_header(&t->header, s->node->store, t->height));
    t->failed = "the directory for it";
    TRY(snapshot_writer_new(&t->file, s->dir));
    t->failed = "the database";
    TRY(store_view_each_row(t->view, take_row, t));
    return finish(t);
}

static void tell(const struct take *t, enum err e)
{
    const uint64_t ms = node_now_ms() - t->began_ms;

    if (e == ERR_NONE)
        log_info("snapshot",
                 "taken",
                 "height=%llu rows=%llu bytes=%llu ms=%llu",
                 (unsigned long long)t->height,
                 (unsigned long long)t->owner->leaves,
                 (unsigned long long)snapshot_writer_bytes(t->file),
                 (unsigned long long)ms);
    else if (e == ERR_MISMATCH || e == ERR_CORRUPT)
        log_broken("snapshot",
                   "not taken: the database is not what its block says; stop "
                   "this node and start it: a start compares everything",
                   "height=%llu at=\"%s\" why=\"%s\"",
                   (unsigned long long)t->height,
                   t->failed,
                   err_text(e));
    else if (e != ERR_REFUSED)
        log_unusual("snapshot",
                    "not taken",
                    "height=%llu at=\"%s\" why=\"%s\"",
                    (unsigned long long)t->height,
                    t->failed,
                    err_text(e));
}

static void run_take(struct task *task)
{
    struct take *t = (struct take *)(void *)task;
    struct snapshots *s = t->owner;
    enum err e;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    t->began_ms = node_now_ms();
    t->builder = snapshot_build_new(take_leaf, t);
    t->tally = tally_new();
    e = s->stopping ? ERR_REFUSED : take(t);
    store_view_close(t->view);
    tell(t, e);
    if (e == ERR_NONE && !snapshots_hold(s, t->height))
        e = ERR_CORRUPT;
    snapshot_writer_free(t->file);
    snapshot_build_free(t->builder);
    tally_free(t->tally);
    s->last_ms = node_now_ms() - t->began_ms;
    s->taken += e == ERR_NONE ? 1 : 0;
    s->failed += e != ERR_NONE && e != ERR_REFUSED ? 1 : 0;
    s->running = false;
}

static void take_done(struct task *task)
{
    free(task);
}

static bool is_held(struct snapshots *s, uint64_t height)
{
    struct snapshot_info list[SNAPSHOTS_HELD];
    const uint32_t count = snapshots_list(s, list);

    return count > 0 && list[0].height >= height;
}

void snapshots_due(struct snapshots *s, uint64_t height)
{
    struct take *t;

    if (s->blocks == 0 || height % s->blocks != 0 || height == 0 ||
        s->stopping || is_held(s, height))
        return;
    if (s->running) {
        log_unusual("snapshot",
                    "left out: the one before is still being taken",
                    "height=%llu of=%llu",
                    (unsigned long long)height,
                    (unsigned long long)s->height);
        return;
    }
    s->running = true;
    s->height = height;
    s->leaves = 0;
    t = calloc(1, sizeof *t);
    ASSERT(t != NULL);
    t->task.run = run_take;
    t->task.done = take_done;
    t->owner = s;
    t->height = height;
    t->view = store_view_open(s->node->store);
    ASSERT(store_view_height(t->view) == height);
    pool_submit(s->pool, &t->task, 0);
}
