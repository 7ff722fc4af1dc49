/* The loop of state sync: peers, a tick, signals, and what clients may ask. */
#include "node/statesync_parts.h"

#include "base/check.h"
#include "base/log.h"
#include "node/start.h"
#include "rpc/schema_json.h"

#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void on_frame(void *ctx,
                     uint8_t slot,
                     uint8_t channel,
                     uint8_t type,
                     struct bytes payload)
{
    struct statesync *x = ctx;

    (void)channel; /* what is said of consensus is for later */
    switch (type) {
    case MSG_SNAPSHOT_OFFERS:
        statesync_offers(x, slot, payload);
        break;
    case MSG_SNAPSHOT_PART:
        statesync_part(x, slot, payload);
        break;
    case MSG_SNAPSHOT_ASK: /* it has nothing itself */
        (void)peers_send(x->node->peers,
                         slot,
                         CHANNEL_BULK,
                         MSG_SNAPSHOT_OFFERS,
                         bytes_of("\0\0\0\0", 4));
        break;
    default:
        break;
    }
}

static void on_up(void *ctx, uint8_t slot, uint8_t channel)
{
    struct statesync *x = ctx;

    if (channel != CHANNEL_BULK)
        return;
    log_info("net", "peer connected", "slot=%u", slot);
    x->ask_ms = 0;
    statesync_pump(x);
}

static void on_down(void *ctx, uint8_t slot, uint8_t channel)
{
    if (channel == CHANNEL_BULK)
        statesync_down(ctx, slot);
}

static void sign_hello(void *ctx,
                       struct signature *out,
                       const struct hash *digest)
{
    struct statesync *x = ctx;

    start_sign_hello(x->node, out, digest);
}

/* ---- what clients may ask ---- */

static void refresh_health(struct statesync *x)
{
    struct node *n = x->node;

    pthread_mutex_lock(&n->health_lock);
    n->health.sync_height = x->choosing ? 0 : x->chosen.height;
    n->health.sync_chunks_done = x->done;
    n->health.sync_chunks = x->snapshot != NULL ? x->snapshot->chunk_count : 0;
    n->health.disk_free = datadir_free_bytes(n->config.dir);
    pthread_mutex_unlock(&n->health_lock);
}

static json_t *progress_json(struct node *n)
{
    const struct health h = health_look(n);

    return json_pack("{s:o, s:i, s:i}",
                     "height",
                     json_of_u64(h.sync_height),
                     "chunks_done",
                     (int)h.sync_chunks_done,
                     "chunks",
                     (int)h.sync_chunks);
}

static void answer_syncing(void *ctx,
                           struct rpc_call *call,
                           const struct rpc_arg *a)
{
    (void)a;
    rpc_error(call,
              RPC_UNAVAILABLE,
              "E_SYNCING",
              "this node is fetching a snapshot of the state; ask again, or "
              "another node",
              true,
              progress_json(ctx));
}

static void answer_status(void *ctx,
                          struct rpc_call *call,
                          const struct rpc_arg *a)
{
    static const struct hash none;
    struct node *n = ctx;

    (void)a;
    rpc_result(call,
               json_pack("{s:o, s:s, s:b, s:s, s:s, s:o, s:o, s:o}",
                         "chain_id",
                         json_of_hex(n->chain_id.raw, HASH_BYTES),
                         "phase",
                         "snapshot",
                         "ready",
                         false,
                         "height",
                         "0",
                         "tip_height",
                         "0",
                         "state_root",
                         json_of_hex(none.raw, HASH_BYTES),
                         "uptime_ms",
                         json_of_u64(node_now_ms() - n->started_ms),
                         "snapshot",
                         progress_json(n)));
}

static bool not_ready(void *ctx, struct buf *out)
{
    json_t *json = json_pack("{s:b, s:[{s:s, s:b, s:s}], s:o}",
                             "ready",
                             false,
                             "checks",
                             "check",
                             "synced",
                             "ok",
                             false,
                             "reason",
                             "fetches a snapshot of the state",
                             "snapshot",
                             progress_json(ctx));
    char *text = json_dumps(json, JSON_INDENT(2));

    buf_append(out, text, strlen(text));
    buf_append(out, "\n", 1);
    free(text);
    json_decref(json);
    return false;
}

static void add_metrics(void *ctx, struct buf *out)
{
    health_statesync_metrics(ctx, out);
}

static void counted(void *ctx, enum rpc_method_id method, bool error)
{
    struct node *n = ctx;

    (void)method;
    n->rpc_requests++;
    n->rpc_errors += error ? 1 : 0;
}

static int serve_clients(struct node *n)
{
    struct rpc_backend backend = {.ready = not_ready,
                                  .metrics = add_metrics,
                                  .counted = counted,
                                  .ctx = n};

    for (int i = 0; i < RPC_METHODS; i++)
        backend.handlers[i] = answer_syncing;
    backend.handlers[RPC_NODE_STATUS] = answer_status;
    return start_rpc(n, &backend);
}

/* ---- the loop ---- */

static void look(struct statesync *x)
{
    statesync_pump(x);
    refresh_health(x);
    if (x->ended || x->failed != ERR_NONE)
        event_base_loopbreak(x->node->base);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    static const struct timeval interval = {0, 50000};
    struct statesync *x = ctx;

    (void)fd;
    (void)what;
    look(x);
    event_add(x->tick, &interval);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    struct statesync *x = ctx;

    (void)what;
    log_info("node", "stopping", "signal=%d", (int)fd);
    x->node->stopping = true;
    event_base_loopbreak(x->node->base);
}

static int open_loop(struct statesync *x)
{
    static const struct timeval soon = {0, 1000};
    const struct peers_callbacks callbacks = {.on_frame = on_frame,
                                              .on_up = on_up,
                                              .on_down = on_down,
                                              .sign = sign_hello,
                                              .ctx = x};
    struct node *n = x->node;
    int code;

    evthread_use_pthreads();
    n->base = start_make_base();
    n->mail = mail_new(n->base);
    x->pool = pool_new("statesync", 1, n->mail);
    x->tick = event_new(n->base, -1, 0, on_tick, x);
    event_add(x->tick, &soon);
    n->on_term = evsignal_new(n->base, SIGTERM, on_signal, x);
    n->on_int = evsignal_new(n->base, SIGINT, on_signal, x);
    event_add(n->on_term, NULL);
    event_add(n->on_int, NULL);
    refresh_health(x);
    code = start_peers(n, &callbacks);
    if (code == 0)
        code = serve_clients(n);
    if (code == 0)
        log_info("statesync",
                 "the state is fetched from peers",
                 "rpc=http://%s peers=%s",
                 n->config.rpc_listen,
                 n->config.peers_listen);
    return code;
}

/* Everything of it goes: the start makes its own. */
static void close_loop(struct statesync *x)
{
    struct node *n = x->node;

    x->ended = true;
    rpc_halt(n->rpc);
    pool_stop(x->pool);
    mail_drain(n->mail);
    rpc_stop(n->rpc);
    n->rpc = NULL;
    peers_free(n->peers);
    n->peers = NULL;
    event_free(x->tick);
    event_free(n->on_term);
    event_free(n->on_int);
    n->on_term = n->on_int = NULL;
    mail_free(n->mail);
    n->mail = NULL;
    event_base_free(n->base);
    n->base = NULL;
}

/* Nobody has a snapshot: the way of blocks. */
static int begin_with_blocks(struct statesync *x)
{
    struct node *n = x->node;
    enum err e = ERR_NONE;

    log_unusual("statesync",
                "no peer has a snapshot that can be used: this node executes "
                "the blocks from the genesis on",
                "peers=%u",
                n->set.count);
    if (store_is_importing(n->store)) {
        e = store_import_abandon(n->store);
        if (e == ERR_NONE)
            e = start_write_genesis(n);
    }
    return e == ERR_NONE
               ? 0
               : start_explain_storage(
                     e, "the first block cannot be written", n->config.dir);
}

static bool is_wanted(const struct node *n)
{
    const struct store_tip tip = store_tip_of(n->store);

    return store_is_importing(n->store) ||
           (tip.any && tip.height == 0 &&
            strcmp(n->config.sync, "snapshot") == 0);
}

static int run(struct statesync *x)
{
    struct node *n = x->node;
    int code;

    x->choosing = true;
    x->from = -1;
    x->began_ms = x->heard_ms = node_now_ms();
    (void)statesync_resume(x);
    code = open_loop(x);
    if (code == 0)
        event_base_dispatch(n->base);
    close_loop(x);
    if (code != 0 || n->stopping)
        return code;
    if (x->failed != ERR_NONE)
        return start_explain_storage(
            x->failed, "the snapshot cannot be written", n->config.dir);
    return x->given_up ? begin_with_blocks(x) : 0;
}

int statesync_run(struct node *n)
{
    struct statesync *x;
    int code;

    if (!is_wanted(n))
        return 0;
    if (!start_journal_is_born(n))
        return 0; /* the start says what is missing */
    x = calloc(1, sizeof *x);
    ASSERT(x != NULL);
    x->node = n;
    code = run(x);
    statesync_end(x);
    free(x);
    memset(&n->health, 0, sizeof n->health);
    return code;
}
