/* From a configuration to a running node, and back down. */
#include "node/start.h"
#include "base/check.h"
#include "base/log.h"
#include "node/bundle.h"
#include "node/control.h"
#include "node/fill.h"
#include "node/own_tx.h"
#include "node/prove.h"
#include "node/snapshots.h"
#include "node/statesync.h"
#include "node/trace.h"

#include <event2/thread.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

uint64_t node_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t node_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void start_bundle(struct node *n, const char *text, const char *detail)
{
    char path[BUNDLE_PATH_MAX];

    bundle_write(n, text, detail, path);
    log_broken("node",
               path[0] != '\0' ? "what is known of the halt was written down"
                               : "nothing could be written down of the halt",
               "files=\"%s\"",
               path);
}

void node_fail(struct node *n, int code, const char *text, const char *detail)
{
    if (n->stopping)
        return;
    n->stopping = true; /* nothing is signed or sent from here on */
    n->exit_code = code;
    log_broken("node", text, "detail=\"%s\" exit=%d", detail, code);
    if (code == EXIT_SAFETY_HALT)
        start_bundle(n, text, detail);
    n->failing = NULL;
    event_base_loopbreak(n->base);
}

void node_free(struct node *n)
{
    rpc_stop(n->rpc);
    peers_free(n->peers);
    if (n->tick != NULL)
        event_free(n->tick);
    if (n->core_timer != NULL)
        event_free(n->core_timer);
    if (n->gossip_event != NULL)
        event_free(n->gossip_event);
    if (n->links_event != NULL)
        event_free(n->links_event);
    if (n->on_term != NULL)
        event_free(n->on_term);
    if (n->on_int != NULL)
        event_free(n->on_int);
    mail_free(n->mail);
    if (n->base != NULL)
        event_base_free(n->base);
    engine_free(n->engine);
    /* After a halt nothing is flushed any more: the log is replayed at the
     * next start. */
    if (n->exit_code == 0)
        store_close(n->store);
    journal_close(n->journal);
    datadir_close(n->datadir);
    EVP_PKEY_free(n->tls_key);
    X509_free(n->tls_certificate);
    secret_wipe(&n->consensus_key);
    if (n->blocks != NULL) {
        for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
            buf_deinit(&n->blocks[i].header_bytes);
            buf_deinit(&n->blocks[i].body);
        }
    }
    replica_free_out(n);
    trace_free(n->trace);
    buf_deinit(&n->difference);
    buf_deinit(&n->last_event);
    sync_free(n);
    free(n->blocks);
    buf_deinit(&n->later);
    free(n->refusals);
    free(n->scratch);
    free(n->core);
    free(n->effects);
    free(n->genesis);
    pthread_mutex_destroy(&n->health_lock);
    free(n);
}

struct node *node_new(const struct config *config)
{
    struct node *n = calloc(1, sizeof *n);

    ASSERT(n != NULL);
    n->config = *config;
    n->out_last = &n->out_first;
    n->queue_last = &n->queue_first;
    n->write_last = &n->write_first;
    n->started_ms = node_now_ms();
    pthread_mutex_init(&n->health_lock, NULL);
    return n;
}

void start_sign_hello(void *ctx,
                      struct signature *out,
                      const struct hash *digest)
{
    struct node *n = ctx;
    const enum err e = key_sign(out, &n->consensus_key, digest);

    ASSERT(e == ERR_NONE);
}

static void on_link(struct node *n,
                    enum core_event_kind kind,
                    uint8_t slot,
                    const char *what)
{
    struct core_event e = {.kind = kind, .from = link_id(n, slot)};

    if (e.from < CORE_OBSERVER)
        log_info("net", what, "validator=%u", e.from);
    else
        log_info("net", what, "observer=%u", slot);
    replica_feed(n, &e);
}

static void on_up(void *ctx, uint8_t slot, uint8_t channel)
{
    struct node *n = ctx;

    if (channel == CHANNEL_CONSENSUS) {
        on_link(n, ON_UP, slot, "peer connected");
        return;
    }
    intake_up(n, slot);
    n->parts[slot].waiting = 0;
    sync_serve_reset(n, slot);
}

static void on_down(void *ctx, uint8_t slot, uint8_t channel)
{
    struct node *n = ctx;

    if (channel == CHANNEL_CONSENSUS) {
        on_link(n, ON_DOWN, slot, "peer disconnected");
        return;
    }
    sync_serve_reset(n, slot);
    fill_down(n, slot);
    sync_down(n, slot);
}

/* Or nothing. */
static bool is_address(const char *text)
{
    char host[256];
    uint16_t port;

    return text[0] == '\0' ||
           config_split_address(host, &port, text) == ERR_NONE;
}

int start_peers(struct node *n, const struct peers_callbacks *callbacks)
{
    struct peers_config c = {
        .base = n->base,
        .self = n->key,
        .chain_id = n->chain_id,
        .key = n->tls_key,
        .certificate = n->tls_certificate,
        .types = replica_types,
        .type_count = REPLICA_TYPES,
        .software = "equityd/1",
        .protocol = HELLO_PROTOCOL,
    };
    char host[256];
    enum err e;

    if (config_split_address(host, &c.listen_port, n->config.peers_listen) !=
        ERR_NONE)
        return start_complain("peers.listen is not an address",
                              n->config.peers_listen,
                              "write host:port",
                              EXIT_CONFIG);
    c.listen_host = host;
    for (uint32_t i = 0; i < VALIDATORS_MAX; i++) {
        if (!is_address(n->config.peer[i]))
            return start_complain("a peer's address is not one",
                                  n->config.peer[i],
                                  "write host:port",
                                  EXIT_CONFIG);
        if (!is_address(n->config.institution[i].text))
            return start_complain("an institution's address is not one",
                                  n->config.institution[i].text,
                                  "write host:port",
                                  EXIT_CONFIG);
    }
    e = peers_new(&n->peers, &c, callbacks);
    if (e != ERR_NONE)
        return start_complain(e == ERR_EXISTS ? "the port for peers is in use"
                                              : "the port for peers cannot be "
                                                "opened",
                              n->config.peers_listen,
                              "stop what uses it, or change peers.listen",
                              EXIT_CONFIG);
    links_on_refresh(-1, 0, n);
    return 0;
}

int start_rpc(struct node *n, const struct rpc_backend *backend)
{
    struct http_config http = {
        .allow_hosts = n->config.rpc_hosts,
        .body_max = 2 * TX_BYTES_MAX + (1 << 20),
        .connections_max = 1024,
        .per_address_max = 512,
        .head_deadline_ms = 5000,
        .body_deadline_ms = 15000,
        .idle_ms = 60000,
    };
    char host[256];
    enum err e;

    if (config_split_address(host, &http.port, n->config.rpc_listen) !=
        ERR_NONE)
        return start_complain("rpc.listen is not an address",
                              n->config.rpc_listen,
                              "write host:port",
                              EXIT_CONFIG);
    http.host = host;
    e = rpc_start(&n->rpc, &http, backend);
    if (e != ERR_NONE)
        return start_complain(e == ERR_EXISTS
                                  ? "the port for clients is in use"
                                  : "the port for clients cannot be opened",
                              n->config.rpc_listen,
                              "stop what uses it, or change rpc.listen",
                              EXIT_CONFIG);
    return 0;
}

/* What is looked at again and again; the core's own time is on core_timer. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct node *n = ctx;
    static const struct timeval interval = {0, 20000};
    const uint64_t now = node_now_ms();

    (void)fd;
    (void)what;
    sync_tick(n);
    sync_serve_tick(n);
    snapshots_serve_tick(n);
    fill_tick(n);
    links_tick(n);
    if (now >= n->second_ms) {
        n->second_ms = now + 1000;
        n->disk_free = datadir_free_bytes(n->config.dir);
        mempool_tick(n);
        clock_tick(n);
        own_tx_tick(n);
    }
    health_refresh(n);
    if (!n->stopping)
        event_add(n->tick, &interval);
}

static void on_core_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    replica_tick(ctx);
}

static void on_gossip(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    mempool_flush_gossip(ctx);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    struct node *n = ctx;

    (void)what;
    log_info("node", "stopping", "signal=%d", (int)fd);
    n->stopping = true;
    event_base_loopbreak(n->base);
}

static unsigned verify_threads(const struct node *n)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (n->config.verify_threads > 0)
        return (unsigned)n->config.verify_threads;
    return cores < 1                  ? 1
           : cores > POOL_THREADS_MAX ? POOL_THREADS_MAX
                                      : (unsigned)cores;
}

static void end_pool(struct node *n, struct pool **p)
{
    pool_stop(*p);
    *p = NULL; /* nothing may be given to it any more */
    mail_drain(n->mail);
}

/* Consensus, ticks and what the threads have done come first; bulk gets what is
 * left, two milliseconds at a time. */
struct event_base *start_make_base(void)
{
    static const struct timeval slice = {0, 2000};
    struct event_config *c = event_config_new();
    struct event_base *base;

    ASSERT(c != NULL);
    event_config_set_max_dispatch_interval(c, &slice, 64, 1);
    base = event_base_new_with_config(c);
    event_config_free(c);
    ASSERT(base != NULL);
    event_base_priority_init(base, 2); /* new events: 1 */
    return base;
}

/* Everything that lives as long as the loop. */
static int open_loop(struct node *n)
{
    static const struct timeval soon = {0, 1000};
    const struct peers_callbacks callbacks = {
        .on_frame = replica_frame,
        .on_up = on_up,
        .on_down = on_down,
        .sign = start_sign_hello,
        .ctx = n,
    };
    struct rpc_backend backend;
    int code;

    evthread_use_pthreads();
    n->base = start_make_base();
    n->mail = mail_new(n->base);
    n->verify = pool_new("verify", verify_threads(n), n->mail);
    n->executor = pool_new("executor", 1, n->mail);
    n->writer = pool_new("writer", 1, n->mail);
    n->reader = pool_new("reader", 1, n->mail);
    n->provers = pool_new("prover", 1, n->mail);
    n->snapshots = snapshots_new(n);
    n->fill = fill_new(n);
    n->prover = prover_new(n->store, n->genesis->offset_ms, PROVE_CACHE_BYTES);
    n->gossip_event = event_new(n->base, -1, 0, on_gossip, n);
    n->links_event = event_new(n->base, -1, 0, links_on_refresh, n);
    n->tick = event_new(n->base, -1, 0, on_tick, n);
    event_priority_set(n->tick, 0);
    event_add(n->tick, &soon);
    n->core_timer = event_new(n->base, -1, 0, on_core_timer, n);
    event_add(n->core_timer, &soon);
    n->on_term = evsignal_new(n->base, SIGTERM, on_signal, n);
    n->on_int = evsignal_new(n->base, SIGINT, on_signal, n);
    event_add(n->on_term, NULL);
    event_add(n->on_int, NULL);
    commit_recovered(n);
    code = start_peers(n, &callbacks);
    if (code != 0)
        return code;
    n->disk_free = datadir_free_bytes(n->config.dir);
    health_refresh(n);
    api_backend(&backend, n);
    code = start_rpc(n, &backend);
    if (code == 0 && control_start(&n->control, n) != ERR_NONE)
        code = start_complain("the socket for the operator cannot be made",
                              n->config.dir,
                              "check the data directory's file system",
                              EXIT_IO);
    if (code == 0)
        log_info("node",
                 "ready to serve",
                 "rpc=http://%s peers=%s validator=%d",
                 n->config.rpc_listen,
                 n->config.peers_listen,
                 n->me);
    return code;
}

static void close_loop(struct node *n)
{
    n->stopping = true;
    rpc_halt(n->rpc);
    control_stop(n->control);
    /* What one pool has done may still go on to the next. */
    end_pool(n, &n->reader);
    end_pool(n, &n->provers);
    end_pool(n, &n->verify);
    end_pool(n, &n->executor);
    write_flush(n);
    end_pool(n, &n->writer);
    snapshots_stop(n->snapshots);
    fill_stop(n->fill);
    mail_drain(n->mail);
    proofs_free(n);
    prover_free(n->prover);
    snapshots_free(n->snapshots);
    fill_free(n->fill);
    mempool_free(n);
    if (n->exit_code == 0)
        log_info("node",
                 "stopped",
                 "height=%llu",
                 (unsigned long long)n->durable_height);
}

int node_begin(struct node **out, const struct config *config)
{
    struct node *n = node_new(config);
    int code = start_load_genesis(n);

    *out = n;
    if (code == 0)
        code = start_load_keys(n);
    if (code == 0)
        code = start_open_datadir(n);
    if (code == 0) {
        backup_sweep(n->config.dir);
        code = start_open_store(n, false);
    }
    if (code == 0)
        code = statesync_run(n);
    if (code != 0 || n->stopping)
        return code;
    if (code == 0)
        code = start_load_state(n);
    if (code == 0)
        code = start_recover(n);
    if (code == 0)
        code = open_loop(n);
    return code;
}

int node_end(struct node *n)
{
    int code;

    if (n->base != NULL)
        close_loop(n);
    code = n->exit_code;
    node_free(n);
    return code;
}

int node_run(const struct config *config)
{
    struct node *n;
    int code;
    int end;

    signal(SIGPIPE, SIG_IGN);
    code = node_begin(&n, config);
    if (code == 0 && n->base != NULL)
        event_base_dispatch(n->base);
    end = node_end(n);
    return code != 0 ? code : end;
}
