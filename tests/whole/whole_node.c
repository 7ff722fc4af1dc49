/* A node's lives: its directory, its starts, and all the ways in which it
 * ends. */
#include "tests/whole/whole.h"

#include "base/check.h"
#include "node/start.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void on_restart(void *arg)
{
    struct whole_node *w = arg;

    w->restart = NULL;
    if (!w->running)
        node_up(w);
}

void node_up_later(struct whole_node *w, uint64_t us)
{
    if (w->restart != NULL)
        item_cancel(w->restart);
    w->restart = item_at(whole.us + us, -1, on_restart, w);
}

static bool on_own_thread(void)
{
    return (pid_t)syscall(SYS_gettid) == getpid();
}

static void on_sync(void *ctx)
{
    struct whole_node *w = ctx;

    if (on_own_thread() && whole.now == w)
        w->lag_us += w->sync_us + whole_draw(&whole.net, 0, w->sync_us);
}

static void on_call(void *ctx, uint64_t n, size_t write_size)
{
    (void)ctx;
    if (!on_own_thread())
        return;
    whole.total.disk_calls++;
    whole_mix(n << 32 ^ write_size);
}

static void open_disk(struct whole_node *w)
{
    w->disk = disk_new(w->dir);
    ASSERT(w->disk != NULL);
    disk_alone_after_fault(w->disk);
    disk_on_sync(w->disk, on_sync, w);
    disk_on_call(w->disk, on_call, w);
}

/* A library may hold on to a path for as long as the process lives: each life
 * has a directory of another name. */
static void move_on(struct whole_node *w)
{
    char to[WHOLE_PATH];

    snprintf(to,
             sizeof to,
             "%.120s/%llu-%llu-%u-%d-%u",
             whole.root,
             (unsigned long long)whole.seed,
             (unsigned long long)whole.call,
             whole.run,
             w->index,
             w->life + 1);
    ASSERT(syscall(SYS_renameat2, AT_FDCWD, w->dir, AT_FDCWD, to, 0) == 0);
    memcpy(w->dir, to, sizeof w->dir);
    snprintf(w->config.dir, sizeof w->config.dir, "%s", w->dir);
}

static void leave(struct whole_node *w, enum disk_left left)
{
    const uint64_t chance = dice_u64(&whole.fault);

    if (w->planned && disk_fault_happened(w->disk)) {
        whole.total.faults[w->plan]++;
        whole_tell("fault: %s", whole_fault_names[w->plan]);
    }
    w->planned = false;
    /* A database that was not closed has threads that try again. */
    disk_freeze(w->disk);
    disk_abandon(w->disk);
    (void)disk_crash(w->disk, left, chance);
    disk_free(w->disk);
    w->disk = NULL;
    move_on(w);
}

static enum disk_left left_by(enum node_end_kind how)
{
    if (how != END_POWER)
        return DISK_KEEP;
    return whole_draw(&whole.fault, 0, 3) == 0 ? DISK_LOSE : DISK_TEAR;
}

void node_down(struct whole_node *w, enum node_end_kind how)
{
    struct whole_node *before = whole.now;
    int code;

    if (!w->running)
        return;
    whole_tell("node %d goes down (%d)", w->index, (int)how);
    whole.now = w;
    if (how == END_KILL || how == END_POWER) {
        /* The process is gone; what this one does to clear up after it, nobody
         * sees. */
        disk_freeze(w->disk);
        w->node->stopping = true;
        w->node->exit_code = 0;
    }
    load_lost(w);
    code = node_end(w->node);
    whole.now = before;
    if (how == END_STOP && code != 0 && !disk_fault_happened(w->disk) &&
        w->index != whole.byz)
        whole_fail("W6 node %d ends with %d", w->index, code);
    w->running = false;
    w->node = NULL;
    leave(w, left_by(how));
}

/* Its start failed. */
static void give_up(struct whole_node *w, struct node *n, int code)
{
    const bool crashed = disk_is_frozen(w->disk);
    const bool excused =
        crashed || disk_fault_happened(w->disk) || w->index == whole.byz;

    whole_tell("node %d does not start: %d", w->index, code);
    if (!excused)
        whole_fail("W6 node %d does not start: %d", w->index, code);
    n->stopping = true;
    (void)node_end(n);
    w->running = false;
    w->node = NULL;
    whole.now = NULL;
    leave(w, crashed ? left_by(END_POWER) : DISK_KEEP);
    node_up_later(w, whole_draw(&whole.fault, 100000, 2000000));
}

void node_plan(struct whole_node *w, enum whole_fault f, uint64_t n)
{
    static const enum disk_fault what[] = {[FAULT_AT_CALL] = DISK_CRASH,
                                           [FAULT_EIO] = DISK_EIO,
                                           [FAULT_ENOSPC] = DISK_ENOSPC,
                                           [FAULT_SHORT] = DISK_SHORT};

    w->planned = true;
    w->plan = f;
    disk_plan_fault(w->disk, n, what[f]);
}

void node_up(struct whole_node *w)
{
    struct node *n;
    int code;

    ASSERT(!w->running);
    w->life++;
    w->running = true;
    if (w->disk == NULL)
        open_disk(w);
    if (w->life == 2 && whole.call != 0 && !whole.quiet)
        node_plan(w, whole.call_fault, whole.call);
    if (w->life > 1 && !whole.quiet &&
        (whole.kinds >> FAULT_AT_CALL & 1) != 0 &&
        whole_draw(&whole.fault, 0, 7) == 0)
        node_plan(w, FAULT_AT_CALL, whole_draw(&whole.fault, 1, 300));
    whole_tell("node %d starts", w->index);
    whole.now = w;
    w->lag_us = 0;
    whole.starting = true;
    code = node_begin(&n, &w->config);
    whole.starting = false;
    w->node = n;
    whole.total.restarts += w->life > 1;
    if (code != 0) {
        give_up(w, n, code);
        return;
    }
    w->busy_until_us = whole.us + w->lag_us;
    w->lag_us = 0;
    if (!disk_is_frozen(w->disk))
        check_start(w);
    whole.now = NULL;
    node_look(w);
}

void node_look(struct whole_node *w)
{
    struct whole_node *before = whole.now;

    if (!w->running)
        return;
    whole.now = NULL;
    if (disk_is_frozen(w->disk)) {
        whole_tell("node %d: the power fails at a call", w->index);
        node_down(w, END_POWER);
        node_up_later(w, whole_draw(&whole.fault, 100000, 3000000));
    } else if (w->node->stopping) {
        whole.total.halts++;
        if (!disk_fault_happened(w->disk))
            whole_fail(
                "W6 node %d halts by itself: %d", w->index, w->node->exit_code);
        node_down(w, END_FAULT);
        node_up_later(w, whole_draw(&whole.fault, 100000, 3000000));
    } else {
        check_event(w);
    }
    whole.now = before;
}

/* ---- a seed's nodes ---- */

static void copy_base(const struct whole_node *w)
{
    char command[4 * WHOLE_PATH];

    snprintf(command,
             sizeof command,
             "cp -a --sparse=always %s/base%u/%d %s",
             whole.root,
             whole.nodes,
             w->index,
             w->dir);
    ASSERT(system(command) == 0);
}

static void configure(struct whole_node *w)
{
    struct config *c = &w->config;

    config_defaults(c);
    snprintf(c->dir, sizeof c->dir, "%s", w->dir);
    snprintf(c->genesis,
             sizeof c->genesis,
             "%s/base%u/genesis.json",
             whole.root,
             whole.nodes);
    snprintf(c->passphrase_file,
             sizeof c->passphrase_file,
             "%s/base%u/passphrase",
             whole.root,
             whole.nodes);
    snprintf(c->peers_listen, sizeof c->peers_listen, "127.0.0.1:0");
    snprintf(c->rpc_listen, sizeof c->rpc_listen, "127.0.0.1:0");
    c->verify_threads = 2;
    c->cache_mib = 16;
    c->disk_reserve_mib = 1;
}

static void reset(const struct whole_base *b, uint64_t seed)
{
    struct dice d = {seed * 0x9e3779b97f4a7c15u + b->nodes};
    struct pubkey unused;
    char root[WHOLE_PATH];
    struct item **heap = whole.heap;
    const uint32_t cap = whole.heap_cap;
    const uint32_t off = whole.off;
    const uint32_t run = whole.run + 1;
    const uint64_t call = whole.call;
    const enum whole_fault call_fault = whole.call_fault;
    const struct whole_totals total = whole.total;
    const bool trace = whole.trace;
    const enum whole_mutant mutant = whole.mutant;

    /* Once a process it asks for chance of its own. */
    if (key_public(&unused, &b->keys[0]) != ERR_NONE)
        abort();
    queue_clear();
    memcpy(root, whole.root, sizeof root);
    memset(&whole, 0, sizeof whole);
    memcpy(whole.root, root, sizeof root);
    whole.base = b;
    whole.heap = heap;
    whole.heap_cap = cap;
    whole.off = off;
    whole.run = run;
    whole.call = call;
    whole.call_fault = call_fault;
    whole.total = total;
    whole.trace = trace;
    whole.mutant = mutant;
    whole.seed = seed;
    whole.nodes = b->nodes;
    whole.active = true;
    whole.byz = -1;
    whole.net.state = dice_u64(&d);
    whole.fault.state = dice_u64(&d);
    whole.load.state = dice_u64(&d);
    whole.bytes.state = dice_u64(&d);
    whole.digest = 0xcbf29ce484222325u;
}

void whole_begin(const struct whole_base *b, uint64_t seed)
{
    reset(b, seed);
    for (uint32_t i = 0; i < whole.nodes; i++) {
        struct whole_node *w = &whole.node[i];

        w->index = (int)i;
        w->boot_us = whole_draw(&whole.net, 1000000000, 9000000000);
        w->drift_ppm = (int64_t)whole_draw(&whole.net, 0, 200) - 100;
        w->sync_us = whole_draw(&whole.net, 50, 3000);
        snprintf(w->dir,
                 sizeof w->dir,
                 "%.120s/%llu-%llu-%u-%u-1",
                 whole.root,
                 (unsigned long long)seed,
                 (unsigned long long)whole.call,
                 whole.run,
                 i);
        copy_base(w);
        configure(w);
    }
    net_begin();
    for (uint32_t i = 0; i < whole.nodes; i++)
        node_up(&whole.node[i]);
}

void whole_end(void)
{
    for (uint32_t i = 0; i < whole.nodes; i++) {
        struct whole_node *w = &whole.node[i];
        char command[2 * WHOLE_PATH];

        node_down(w, END_KILL);
        disk_free(w->disk);
        w->disk = NULL;
        snprintf(command, sizeof command, "rm -rf %s", w->dir);
        ASSERT(w->dir[0] == '/' && system(command) == 0);
    }
    load_end();
    queue_clear();
}
