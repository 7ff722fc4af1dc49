/* What the node says of itself: status, readiness with reasons, metrics. */
#include "base/hex.h"
#include "node/node.h"
#include "node/snapshots.h"
#include "rpc/schema_json.h"
#include "storage/store_import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t validators_up(const struct node *n)
{
    uint32_t up = 0;

    for (uint8_t slot = 0; slot < PEERS_MAX; slot++)
        up += peers_is_up(n->peers, slot, CHANNEL_CONSENSUS) &&
                      link_is_validator(n, slot)
                  ? 1
                  : 0;
    return up;
}

void health_refresh(struct node *n)
{
    struct health h = {
        .set = n->set,
        .since_height = n->since_height,
        .me = n->me,
        .role = links_role(n),
        .synced = epoch_is_synced(n),
        .height = n->tip.height,
        .durable = n->durable_height,
        .tip_hash = n->tip_hash,
        .state_root = n->tip.state_root,
        .tip_time_ms = n->tip.time_ms,
        .view = n->core->view,
        .final_view = n->core->fin.view,
        .final_height = n->core->fin.height,
        .peers_up = validators_up(n),
        .quorum = valset_quorum(n->set.count),
        .may_vote = core_may_vote(n->core),
        .observer = n->core->observer,
        .busy = core_is_busy(n->core),
        .mempool_txs = n->pool.count,
        .mempool_bytes = n->pool.bytes,
        .disk_free = n->disk_free,
        .syncs = journal_sync_count(n->journal),
        .blocks = n->blocks_total,
        .txs = n->txs_total,
        .refused = n->refused_total,
        .dropped = n->dropped_total,
        .views = n->core->views_entered,
        .nullified = n->core->nullified,
        .evidence = n->core->evidence,
        .verify_waiting = pool_waiting(n->verify),
        .exec_waiting = pool_waiting(n->executor),
        .write_waiting = n->write_waiting,
        .sync_target = sync_target(n),
        .sync_windows = sync_windows(n),
        .clock = n->clock,
    };

    for (uint8_t slot = 0; slot < PEERS_MAX; slot++)
        peers_status(n->peers, &h.peer[slot], slot);
    memcpy(h.observer_why, n->observer_why, sizeof h.observer_why);
    pthread_mutex_lock(&n->health_lock);
    n->health = h;
    pthread_mutex_unlock(&n->health_lock);
}

struct health health_look(struct node *n)
{
    struct health h;

    pthread_mutex_lock(&n->health_lock);
    h = n->health;
    pthread_mutex_unlock(&n->health_lock);
    return h;
}

struct check {
    const char *name;
    bool ok;
    char reason[200];
};

enum {
    CHECKS = 6,
};

static void say(struct check *c,
                const char *name,
                bool ok,
                const char *format,
                ...) PRINTF_LIKE(4, 5);

static void say(
    struct check *c, const char *name, bool ok, const char *format, ...)
{
    va_list args;

    c->name = name;
    c->ok = ok;
    va_start(args, format);
    vsnprintf(c->reason, sizeof c->reason, format, args);
    va_end(args);
}

static const char *why_not_voting(const struct health *h)
{
    if (h->may_vote)
        return "votes";
    if (h->observer)
        return h->observer_why;
    if (h->role == NODE_CANDIDATE)
        return "is announced and not in the set of validators yet";
    if (h->me < 0)
        return "is not in the set of validators";
    return "waits for STATUS from a quorum after its start";
}

static bool run_checks(struct node *n, struct check c[CHECKS])
{
    const struct health h = health_look(n);
    const uint32_t with_me = h.me >= 0 ? 1 : 0;
    const uint64_t reserve = n->config.disk_reserve_mib << 20;
    bool all = true;

    say(&c[0],
        "synced",
        h.height >= h.final_height && (h.me >= 0 || h.synced),
        "epoch %llu, state at %llu of %llu final%s",
        (unsigned long long)h.set.epoch,
        (unsigned long long)h.height,
        (unsigned long long)h.final_height,
        h.synced ? "" : "; no quorum of this epoch says that there is no more");
    say(&c[1],
        "peers",
        h.peers_up + with_me >= h.quorum,
        "%u of %u other validators connected, quorum is %u%s",
        h.peers_up,
        h.set.count - with_me,
        h.quorum,
        with_me > 0 ? " with this one" : "");
    say(&c[2], "voting", h.may_vote, "%s", why_not_voting(&h));
    say(&c[3],
        "disk",
        h.disk_free >= reserve,
        "%llu MiB free, %llu MiB kept in reserve",
        (unsigned long long)(h.disk_free >> 20),
        (unsigned long long)n->config.disk_reserve_mib);
    say(&c[4],
        "storage",
        h.height - h.durable < 64,
        "%llu blocks wait for the disk",
        (unsigned long long)(h.height - h.durable));
    say(&c[5],
        "clock",
        !h.clock.off,
        "the clocks of %u others are %lld ms ahead of this one%s",
        h.clock.measured,
        (long long)h.clock.median_ms,
        h.clock.behind ? "; it proposes no block" : "");
    for (int i = 0; i < CHECKS; i++)
        all = all && c[i].ok;
    return all;
}

static json_t *checks_json(const struct check c[CHECKS])
{
    json_t *list = json_array();

    for (int i = 0; i < CHECKS; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:b, s:s}",
                                        "check",
                                        c[i].name,
                                        "ok",
                                        c[i].ok,
                                        "reason",
                                        c[i].reason));
    return list;
}

bool health_ready(void *ctx, struct buf *out)
{
    struct check c[CHECKS];
    const bool ready = run_checks(ctx, c);
    json_t *json =
        json_pack("{s:b, s:o}", "ready", ready, "checks", checks_json(c));
    char *text = json_dumps(json, JSON_INDENT(2));

    buf_append(out, text, strlen(text));
    buf_append(out, "\n", 1);
    free(text);
    json_decref(json);
    return ready;
}

static json_t *hash_json(const struct hash *h)
{
    return json_of_hex(h->raw, HASH_BYTES);
}

json_t *health_status(struct node *n)
{
    const struct health h = health_look(n);
    struct check c[CHECKS];
    const bool ready = run_checks(n, c);

    return json_pack(
        "{s:o, s:o, s:s, s:b, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:o, s:b, s:i, s:i, s:o, s:o, s:b, s:o, s:i}",
        "chain_id",
        hash_json(&n->chain_id),
        "epoch",
        json_of_u64(h.set.epoch),
        "role",
        node_role_names[h.role],
        "synced",
        h.synced,
        "validator",
        h.me,
        "validators",
        (int)h.set.count,
        "since_height",
        json_of_u64(h.since_height),
        "height",
        json_of_u64(h.durable),
        "earliest_body_height",
        json_of_u64(store_bodies_from(n->store)),
        "earliest_height",
        json_of_u64(store_blocks_from(n->store)),
        "earliest_state_height",
        json_of_u64(store_rows_from(n->store)),
        "tip_height",
        json_of_u64(h.height),
        "tip_hash",
        hash_json(&h.tip_hash),
        "state_root",
        hash_json(&h.state_root),
        "time_ms",
        json_of_u64(h.tip_time_ms),
        "view",
        json_of_u64(h.view),
        "final_view",
        json_of_u64(h.final_view),
        "busy",
        h.busy,
        "peers_up",
        (int)h.peers_up,
        "mempool_txs",
        (int)h.mempool_txs,
        "business_day",
        json_of_u64(ledger_date(node_wall_ms(), n->genesis->offset_ms)),
        "uptime_ms",
        json_of_u64(node_now_ms() - n->started_ms),
        "ready",
        ready,
        "checks",
        checks_json(c),
        "offset_ms",
        (int)n->genesis->offset_ms);
}

static void line(struct buf *out,
                 const char *name,
                 const char *type,
                 const char *help,
                 uint64_t value)
{
    char text[512];
    const int size = snprintf(text,
                              sizeof text,
                              "# HELP equity_%s %s\n# TYPE equity_%s %s\n"
                              "equity_%s %llu\n",
                              name,
                              help,
                              name,
                              type,
                              name,
                              (unsigned long long)value);

    buf_append(out, text, (size_t)size);
}

/* What waits, and what was asked. */
static void work_metrics(struct node *n,
                         const struct health *h,
                         struct buf *out)
{
    line(out,
         "verify_waiting",
         "gauge",
         "Signature tasks waiting.",
         h->verify_waiting);
    line(out,
         "execute_waiting",
         "gauge",
         "Executor tasks waiting.",
         h->exec_waiting);
    line(out,
         "write_waiting",
         "gauge",
         "Blocks waiting for the disk.",
         h->write_waiting);
    line(out,
         "sync_target_height",
         "gauge",
         "Final height that block sync goes to, or went to last.",
         h->sync_target);
    line(out,
         "sync_windows",
         "gauge",
         "Windows of blocks asked of peers.",
         h->sync_windows);
    line(out,
         "rpc_requests_total",
         "counter",
         "RPC calls answered.",
         n->rpc_requests);
    line(out,
         "rpc_errors_total",
         "counter",
         "RPC calls answered by an error.",
         n->rpc_errors);
}

void health_statesync_metrics(struct node *n, struct buf *out)
{
    const struct health h = health_look(n);

    line(out,
         "statesync_height",
         "gauge",
         "Height of the snapshot that is being fetched; 0: none is.",
         h.sync_height);
    line(out,
         "statesync_chunks_done",
         "gauge",
         "Chunks of it that are here.",
         h.sync_chunks_done);
    line(out, "statesync_chunks", "gauge", "Chunks it has.", h.sync_chunks);
    line(out,
         "disk_free_bytes",
         "gauge",
         "Free space of the data directory.",
         h.disk_free);
}

/* How far back this node has what. */
static void earliest_metrics(struct node *n, struct buf *out)
{
    line(out,
         "earliest_body_height",
         "gauge",
         "Lowest block whose body is here.",
         store_bodies_from(n->store));
    line(out,
         "earliest_height",
         "gauge",
         "Lowest block that is here, but for the genesis.",
         store_blocks_from(n->store));
    line(out,
         "earliest_state_height",
         "gauge",
         "Lowest block after which the state is known here.",
         store_rows_from(n->store));
}

static void snapshot_metrics(struct node *n, struct buf *out)
{
    struct snapshot_info list[SNAPSHOTS_HELD];
    const uint32_t count = snapshots_list(n->snapshots, list);
    const struct snapshots_progress p = snapshots_progress(n->snapshots);

    line(out,
         "snapshot_height",
         "gauge",
         "Newest snapshot that is here; 0: none.",
         count > 0 ? list[0].height : 0);
    line(out,
         "snapshot_running",
         "gauge",
         "Whether one is being taken.",
         p.running ? 1 : 0);
    line(out,
         "snapshot_rows",
         "gauge",
         "Rows read for it, or for the last one.",
         p.leaves);
    line(out, "snapshot_millis", "gauge", "What the last one took.", p.last_ms);
    line(out,
         "snapshot_failed_total",
         "counter",
         "Snapshots that were not taken for an error.",
         p.failed);
}

void health_metrics(void *ctx, struct buf *out)
{
    struct node *n = ctx;
    const struct health h = health_look(n);
    struct check c[CHECKS];
    static const char ready_head[] =
        "# HELP equity_ready Whether a readiness check passes.\n"
        "# TYPE equity_ready gauge\n";

    line(out, "height", "gauge", "Newest block on disk.", h.durable);
    line(out,
         "final_height",
         "gauge",
         "Newest final height known.",
         h.final_height);
    line(out, "view", "gauge", "Current view.", h.view);
    line(out, "final_view", "gauge", "Last final view.", h.final_view);
    line(out, "views_total", "counter", "Views entered.", h.views);
    line(out, "nullified_total", "counter", "Views given up.", h.nullified);
    line(out,
         "evidence_total",
         "counter",
         "Contradicting votes of other validators.",
         h.evidence);
    line(out, "blocks_total", "counter", "Blocks written.", h.blocks);
    line(out, "txs_total", "counter", "Transactions written.", h.txs);
    line(
        out, "tx_refused_total", "counter", "Transactions refused.", h.refused);
    line(out,
         "tx_dropped_total",
         "counter",
         "Transactions of peers not looked at: too many were being checked.",
         h.dropped);
    line(out, "mempool_txs", "gauge", "Transactions waiting.", h.mempool_txs);
    line(out, "mempool_bytes", "gauge", "Bytes waiting.", h.mempool_bytes);
    line(out, "peers", "gauge", "Validators connected.", h.peers_up);
    line(out, "epoch", "gauge", "Epoch of the next block.", h.set.epoch);
    line(out, "validators", "gauge", "Validators of the epoch.", h.set.count);
    line(out,
         "is_validator",
         "gauge",
         "Whether this node is one of them.",
         h.me >= 0 ? 1 : 0);
    line(out,
         "journal_syncs_total",
         "counter",
         "Flushes of the vote journal.",
         h.syncs);
    line(out,
         "disk_free_bytes",
         "gauge",
         "Free space of the data directory.",
         h.disk_free);
    work_metrics(n, &h, out);
    earliest_metrics(n, out);
    snapshot_metrics(n, out);
    health_peers_metrics(&h, out);
    (void)run_checks(n, c);
    buf_append(out, ready_head, sizeof ready_head - 1);
    for (int i = 0; i < CHECKS; i++) {
        char text[80];
        const int size = snprintf(text,
                                  sizeof text,
                                  "equity_ready{check=\"%s\"} %d\n",
                                  c[i].name,
                                  c[i].ok ? 1 : 0);

        buf_append(out, text, (size_t)size);
    }
}
