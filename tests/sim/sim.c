/* The queue, chance, and the phases of a run. */
#include "tests/sim/sim.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- chance: splitmix64 ---- */

uint64_t sim_random(struct sim *s)
{
    uint64_t z = s->rng += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t sim_between(struct sim *s, uint64_t lo, uint64_t hi)
{
    return hi > lo ? lo + sim_random(s) % (hi - lo + 1) : lo;
}

bool sim_chance(struct sim *s, uint32_t of_1024)
{
    return of_1024 != 0 && (sim_random(s) & 1023) < of_1024;
}

/* ---- queue: a binary heap by (time, order of arrival) ---- */

static bool before(const struct sim_ev *a, const struct sim_ev *b)
{
    return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

void sim_push(struct sim *s, struct sim_ev ev)
{
    uint32_t at = s->heap_count++;

    if (s->heap_count > s->heap_cap) {
        s->heap_cap = s->heap_cap == 0 ? 4096 : 2 * s->heap_cap;
        s->heap = realloc(s->heap, s->heap_cap * sizeof s->heap[0]);
        ASSERT(s->heap != NULL);
    }
    ev.seq = s->seq++;
    while (at > 0 && before(&ev, &s->heap[(at - 1) / 2])) {
        s->heap[at] = s->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    s->heap[at] = ev;
}

static struct sim_ev pop(struct sim *s)
{
    const struct sim_ev first = s->heap[0];
    const struct sim_ev last = s->heap[--s->heap_count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= s->heap_count)
            break;
        if (child + 1 < s->heap_count &&
            before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!before(&s->heap[child], &last))
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = last;
    return first;
}

void sim_fail(struct sim *s, const char *format, ...)
{
    va_list args;

    if (s->failed)
        return;
    s->failed = true;
    va_start(args, format);
    vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
}

/* ---- what a seed switches on ---- */

static uint64_t pick(struct sim *s, const uint64_t *list, uint32_t count)
{
    return list[sim_between(s, 0, count - 1)];
}

static void choose(struct sim *s, uint32_t nodes)
{
    static const uint64_t sizes[] = {4, 4, 4, 5, 6, 7, 10};
    static const uint64_t delays[] = {2, 20, 100, 400, 1500};
    static const uint64_t losses[] = {0, 0, 20, 100, 300, 410};
    static const uint64_t syncs[] = {1, 4, 60};
    static const uint64_t gaps[] = {10, 50, 300, 2000};
    struct sim_params *p = &s->params;
    uint32_t f;

    memset(p, 0, sizeof *p);
    p->n = nodes != 0 ? nodes : (uint32_t)pick(s, sizes, ARRAY_LEN(sizes));
    f = valset_faulty(p->n);
    if (sim_chance(s, 614))
        p->byz_count = (uint32_t)sim_between(s, 1, f);
    if (p->byz_count > f)
        p->byz_count = f;
    p->byz_modes = (uint32_t)sim_between(s, 1, 63);
    if (sim_chance(s, 820))
        p->byz_modes &= ~(uint32_t)BYZ_SILENT;
    p->dead_count =
        sim_chance(s, 307) ? (uint32_t)sim_between(s, 0, f - p->byz_count) : 0;
    p->delay_lo = 100;
    p->delay_hi = pick(s, delays, ARRAY_LEN(delays)) * SIM_MS;
    p->loss = (uint32_t)pick(s, losses, ARRAY_LEN(losses));
    p->dup = sim_chance(s, 300) ? 100 : 0;
    p->partition_every =
        sim_chance(s, 400) ? sim_between(s, 1, 8) * 1000000 : 0;
    p->crash_every =
        sim_chance(s, 512) ? sim_between(s, 300, 6000) * SIM_MS : 0;
    p->crash_many = sim_chance(s, 512) ? 200 : 0;
    p->targeted = sim_chance(s, 512) ? (uint32_t)sim_between(s, 2, 60) : 0;
    p->fsync_lo = 50;
    p->fsync_hi = pick(s, syncs, ARRAY_LEN(syncs)) * SIM_MS;
    p->execute_us = sim_chance(s, 512) ? 200 : 20 * SIM_MS;
    p->inject_every = pick(s, gaps, ARRAY_LEN(gaps)) * SIM_MS;
    p->large = sim_chance(s, 300) ? 700 : 0;
    p->chaos_us = sim_between(s, 2, 20) * 1000000;
    p->slow = sim_chance(s, 60);
    if (p->slow)
        p->inject_every = 4000 * SIM_MS;
}

static void sign(void *ctx, struct vote *v)
{
    sim_sign(ctx, v);
}

static void configure(struct sim *s)
{
    struct genesis_params g;

    genesis_defaults(&g);
    s->config = (struct core_config){
        .n = (uint8_t)s->params.n,
        .epoch = s->ops->epoch,
        .leader_seed = sim_random(s),
        .timers = {.t_leader_ms = g.t_leader_ms,
                   .t_view_ms = g.t_view_ms,
                   .t_retry_ms = g.t_retry_ms,
                   .t_status_ms = g.t_status_ms,
                   .t_silent_ms = g.t_silent_ms,
                   .t_fetch_ms = g.t_fetch_ms,
                   .t_cap_ms = g.t_cap_ms,
                   .t_pace_ms = g.t_pace_ms,
                   .time_drift_ms = g.time_drift_ms},
        .sign = sign,
        .sign_ctx = s,
        .mutant = s->mutant,
    };
}

static void clear_run(struct sim *s)
{
    while (s->heap_count > 0) {
        struct sim_ev *ev = &s->heap[--s->heap_count];

        if (ev->packet != NULL)
            sim_packet_drop(s, ev->packet);
    }
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        struct sim_node *node = &s->nodes[i];

        while (node->held_count > 0)
            sim_packet_drop(s, node->held[--node->held_count].packet);
        if (node->app != NULL)
            s->ops->free(node->app);
        node->app = NULL;
        buf_clear(&node->journal);
        node->synced = 0;
        node->up = false;
        node->byz = 0;
        node->correct = true;
        node->height = node->stored = 0;
        node->seen_count = 0;
        memset(node->knows_tx, 0, sizeof node->knows_tx);
    }
    for (uint32_t b = 0; b < s->block_count; b++) {
        buf_deinit(&s->blocks[b].header_bytes);
        buf_deinit(&s->blocks[b].body);
    }
    memset(s->blocks, 0, s->block_count * sizeof s->blocks[0]);
    memset(s->block_index, 0, 4 * SIM_BLOCKS_MAX * sizeof s->block_index[0]);
    memset(s->views, 0, s->views_used * sizeof s->views[0]);
    if (s->block_count > 0)
        s->ops->close(s->world);
    s->views_used = 0;
    s->block_count = 0;
    s->decided_height = 0;
    s->tx_count = 0;
    s->now = 0;
    s->seq = 0;
    s->groups = 0;
    s->healed = false;
    s->injecting = true;
    s->failed = false;
}

static void begin(struct sim *s)
{
    struct sim_block genesis = {.body = {0}};

    s->world = s->ops->open(s->params.n, &genesis.header);
    (void)sim_block_put(s, &genesis);
    s->config.genesis.block = s->blocks[0].hash;
    for (uint32_t i = 0; i < s->params.n; i++) {
        struct sim_node *node = &s->nodes[i];

        node->key = sim_random(s);
        node->clock_ms = (int64_t)sim_between(s, 0, 200) - 100;
        node->chain[0] = 0;
    }
    for (uint32_t k = 0; k < s->params.byz_count;) {
        struct sim_node *node = &s->nodes[sim_between(s, 0, s->params.n - 1)];

        if (node->byz != 0)
            continue;
        node->byz = s->params.byz_modes;
        node->correct = false;
        k++;
    }
    for (uint32_t i = 0; i < s->params.n; i++)
        sim_node_start(s, i);
}

/* ---- things that happen to the network ---- */

static void inject(struct sim *s)
{
    const uint32_t tx = s->tx_count;

    if (tx == SIM_TXS_MAX || !s->injecting)
        return;
    s->tx_count++;
    for (uint32_t i = 0; i < s->params.n; i++) {
        if (s->nodes[i].up && !sim_chance(s, s->params.loss))
            sim_push(s,
                     (struct sim_ev){.kind = EV_TX,
                                     .node = (uint8_t)i,
                                     .life = s->nodes[i].life,
                                     .arg = tx,
                                     .at = s->now + sim_delay(s)});
    }
    sim_push(s,
             (struct sim_ev){
                 .kind = EV_INJECT,
                 .at = s->now + sim_between(s, 1, 2 * s->params.inject_every)});
}

static void crash(struct sim *s, uint32_t i)
{
    if (!s->nodes[i].up || !s->nodes[i].correct)
        return;
    sim_node_crash(s, i);
    sim_push(s,
             (struct sim_ev){.kind = EV_RESTART,
                             .node = (uint8_t)i,
                             .at = s->now + sim_between(s, 1, 2000) * SIM_MS});
}

static void nemesis(struct sim *s)
{
    if (s->healed)
        return;
    if (sim_chance(s, s->params.crash_many)) {
        for (uint32_t i = 0; i < s->params.n; i++)
            crash(s, i);
    } else {
        const uint64_t count = sim_between(s, 1, 2);

        for (uint64_t k = 0; k < count; k++)
            crash(s, (uint32_t)sim_between(s, 0, s->params.n - 1));
    }
    sim_push(s,
             (struct sim_ev){
                 .kind = EV_CRASH,
                 .node = SIM_NODES_MAX,
                 .at = s->now + sim_between(s, 1, 2 * s->params.crash_every)});
}

static void repartition(struct sim *s)
{
    if (s->healed)
        return;
    s->groups = sim_chance(s, 400)
                    ? 0
                    : (uint32_t)sim_between(s, 0, (1u << s->params.n) - 1);
    sim_push(
        s,
        (struct sim_ev){
            .kind = EV_PARTITION,
            .at = s->now + sim_between(s, 1, 2 * s->params.partition_every)});
}

/* After this, messages between live correct nodes arrive in time; up to f
 * nodes are faulty or dead for ever. */
static void heal(struct sim *s)
{
    struct sim_params *p = &s->params;
    uint32_t dead = p->dead_count;

    s->healed = true;
    s->injecting = false;
    s->groups = 0;
    p->loss = p->dup = p->targeted = 0;
    if (p->delay_hi > 40 * SIM_MS)
        p->delay_hi = 40 * SIM_MS;
    if (p->slow) {
        p->delay_lo = 250 * SIM_MS;
        p->delay_hi = 400 * SIM_MS;
    }
    if (p->fsync_hi > 4 * SIM_MS)
        p->fsync_hi = 4 * SIM_MS;
    if (p->execute_us > 5 * SIM_MS)
        p->execute_us = 5 * SIM_MS;
    for (uint32_t i = 0; i < p->n && dead > 0; i++) {
        const uint32_t at = (i + s->next_dead) % p->n;

        if (!s->nodes[at].correct)
            continue;
        sim_node_crash(s, at);
        s->nodes[at].correct = false;
        dead--;
    }
    s->next_dead++;
    for (uint32_t i = 0; i < p->n; i++) {
        if (!s->nodes[i].correct)
            continue;
        if (!s->nodes[i].up)
            sim_node_start(s, i);
        for (uint32_t tx = 0; tx < s->tx_count; tx++)
            sim_node_learn(s, i, tx);
        sim_node_work(s, i, true);
    }
}

static bool stale(const struct sim *s, const struct sim_ev *ev)
{
    const struct sim_node *node = &s->nodes[ev->node];

    if (!node->up || node->life != ev->life)
        return true;
    return ev->kind == EV_MESSAGE && s->nodes[ev->from].up &&
           s->nodes[ev->from].life != ev->sender_life;
}

static void happen(struct sim *s, const struct sim_ev *ev)
{
    switch ((enum sim_ev_kind)ev->kind) {
    case EV_INJECT:
        inject(s);
        break;
    case EV_PARTITION:
        repartition(s);
        break;
    case EV_HEAL:
        heal(s);
        break;
    case EV_CRASH:
        if (ev->node == SIM_NODES_MAX)
            nemesis(s);
        else if (!s->healed && !stale(s, ev))
            crash(s, ev->node);
        break;
    case EV_RESTART:
        if (!s->nodes[ev->node].up && s->nodes[ev->node].correct)
            sim_node_start(s, ev->node);
        break;
    case EV_BYZ:
        sim_byz_tick(s, ev->node);
        sim_push(
            s,
            (struct sim_ev){.kind = EV_BYZ,
                            .node = ev->node,
                            .at = s->now + sim_between(s, 5, 120) * SIM_MS});
        break;
    case EV_LOOK:
        break;
    case EV_MESSAGE:
        if (!stale(s, ev))
            sim_node_message(s, ev);
        sim_packet_drop(s, ev->packet);
        break;
    case EV_TICK:
    case EV_SYNCED:
    case EV_TASK_DONE:
    case EV_STORED:
    case EV_BODY:
    case EV_BLOCKS:
    case EV_TX:
    case EV_LINK_UP:
    case EV_LINK_DOWN:
        if (!stale(s, ev))
            sim_node_event(s, ev);
        break;
    }
}

static void run_until(struct sim *s, uint64_t until, bool stop_when_final)
{
    uint64_t look = s->now + 200 * SIM_MS;

    while (!s->failed && s->heap_count > 0 && s->heap[0].at <= until) {
        const struct sim_ev ev = pop(s);

        s->now = ev.at;
        s->total_events++;
        happen(s, &ev);
        if (stop_when_final && s->now >= look) {
            look = s->now + 200 * SIM_MS;
            if (sim_all_final(s))
                return;
        }
    }
    if (!s->failed)
        s->now = until;
}

static uint64_t highest_view(const struct sim *s)
{
    uint64_t view = 0;

    for (uint32_t i = 0; i < s->params.n; i++) {
        if (s->nodes[i].core->view > view)
            view = s->nodes[i].core->view;
    }
    return view;
}

/* S5 and S6 */
static void run_quiet(struct sim *s)
{
    uint64_t from;

    run_until(s, s->now + 240 * 1000000ull, true);
    if (!s->failed && !sim_all_final(s)) {
        sim_fail(s, "a transaction is not final everywhere 240 s after heal");
        return;
    }
    run_until(s, s->now + 6 * 1000000ull, false);
    from = highest_view(s);
    run_until(s, s->now + 12 * 1000000ull, false);
    /* A faulty leader may give up its own view; the next one carries on. */
    if (!s->failed &&
        highest_view(s) > from + s->params.byz_count + s->params.dead_count + 2)
        sim_fail(s,
                 "%llu views turned while idle",
                 (unsigned long long)(highest_view(s) - from));
    if (!s->failed && !sim_all_final(s))
        sim_fail(s, "what was final is not any more");
    for (uint32_t i = 0; i < s->params.n && !s->failed; i++) {
        if (s->nodes[i].correct && !s->ops->sound(s->nodes[i].app))
            sim_fail(s, "node %u: shares are not conserved", i);
    }
}

/* A chain is born in calm weather: a node whose first start comes after the
 * first block may never vote (D45), and here all are to vote. */
static void be_born(struct sim *s)
{
    const struct sim_params chosen = s->params;

    s->params.loss = s->params.dup = 0;
    s->params.targeted = 0;
    s->params.delay_hi = 2 * SIM_MS;
    begin(s);
    run_until(s, 1200 * SIM_MS, false);
    for (uint32_t i = 0; i < s->params.n; i++) {
        if (s->nodes[i].correct && s->nodes[i].core->fresh)
            sim_fail(s, "node %u was not born in time", i);
    }
    s->params = chosen;
}

bool sim_run(struct sim *s, uint64_t seed, uint32_t nodes)
{
    s->seed = seed;
    s->rng = seed * 0x2545f4914f6cdd1du + 1;
    clear_run(s);
    choose(s, nodes);
    configure(s);
    be_born(s);
    inject(s);
    for (uint32_t i = 0; i < s->params.n; i++) {
        if (s->nodes[i].byz != 0)
            sim_push(s,
                     (struct sim_ev){.kind = EV_BYZ,
                                     .node = (uint8_t)i,
                                     .at = s->now +
                                           sim_between(s, 0, 100) * SIM_MS});
    }
    if (s->params.crash_every != 0)
        sim_push(s,
                 (struct sim_ev){.kind = EV_CRASH,
                                 .node = SIM_NODES_MAX,
                                 .at = s->now + s->params.crash_every});
    if (s->params.partition_every != 0)
        sim_push(s,
                 (struct sim_ev){.kind = EV_PARTITION,
                                 .at = s->now + s->params.partition_every});
    sim_push(
        s, (struct sim_ev){.kind = EV_HEAL, .at = s->now + s->params.chaos_us});
    run_until(s, s->now + s->params.chaos_us, false);
    if (!s->failed)
        run_quiet(s);
    s->total_views += highest_view(s);
    s->total_seeds++;
    s->total_us += s->now;
    s->node_counts |= 1u << s->params.n;
    return !s->failed;
}

void sim_init(struct sim *s, const struct sim_app_ops *ops)
{
    memset(s, 0, sizeof *s);
    s->ops = ops;
    s->effects = calloc(1, sizeof *s->effects);
    s->proposal = calloc(1, sizeof *s->proposal);
    s->blocks = calloc(SIM_BLOCKS_MAX, sizeof s->blocks[0]);
    s->block_index = calloc(4 * SIM_BLOCKS_MAX, sizeof s->block_index[0]);
    s->views = calloc(SIM_VIEWS_MAX, sizeof s->views[0]);
    ASSERT(s->effects != NULL && s->proposal != NULL && s->blocks != NULL &&
           s->block_index != NULL && s->views != NULL);
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        s->nodes[i].core = calloc(1, sizeof *s->nodes[i].core);
        ASSERT(s->nodes[i].core != NULL);
    }
}

void sim_deinit(struct sim *s)
{
    clear_run(s);
    while (s->free_packets != NULL) {
        struct sim_packet *next = s->free_packets->next_free;

        buf_deinit(&s->free_packets->bytes);
        free(s->free_packets);
        s->free_packets = next;
    }
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        buf_deinit(&s->nodes[i].journal);
        free(s->nodes[i].core);
    }
    free(s->heap);
    free(s->effects);
    free(s->proposal);
    free(s->blocks);
    free(s->block_index);
    free(s->views);
}
