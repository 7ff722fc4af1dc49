/* The phases of a run. */
#include "tests/sim/sim.h"

#include "base/check.h"
#include "base/num.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void sim_fail(struct sim *s, const char *format, ...)
{
    va_list args;

    if (s->failed)
        return;
    s->failed = true;
    va_start(args, format);
    vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
    if (s->trace)
        sim_tell(s, "VIOLATION: %s", s->why);
}

void sim_configure(struct sim *s)
{
    struct genesis_params g;

    genesis_defaults(&g);
    s->instances = s->params.n + s->params.spare + s->params.twins;
    s->config = (struct core_config){
        .n = (uint8_t)s->params.n,
        .epoch = s->ops->epoch,
        .leader_seed = sim_random(s, RNG_SHAPE) >> 32,
        .timers = {.t_leader_ms = g.t_leader_ms,
                   .t_view_ms = g.t_view_ms,
                   .t_retry_ms = g.t_retry_ms,
                   .t_status_ms = g.t_status_ms,
                   .t_silent_ms = g.t_silent_ms,
                   .t_fetch_ms = g.t_fetch_ms,
                   .t_cap_ms = g.t_cap_ms,
                   .t_pace_ms = g.t_pace_ms,
                   .time_drift_ms = g.time_drift_ms},
        .mutant = s->mutant,
    };
}

static void clear_node(struct sim *s, struct sim_node *node)
{
    while (node->held_count > 0)
        sim_packet_drop(s, node->room.held[--node->held_count].packet);
    for (uint32_t k = 0; k < SIM_OLD_MAX; k++) {
        if (node->old[k] != NULL)
            sim_packet_drop(s, node->old[k]);
    }
    if (node->app != NULL)
        s->ops->free(node->app);
    memset(node, 0, offsetof(struct sim_node, room));
    buf_clear(&node->room.journal);
}

void sim_clear(struct sim *s)
{
    sim_queue_clear(s);
    for (uint32_t i = 0; i < s->instances; i++)
        clear_node(s, &s->nodes[i]);
    for (uint32_t b = 0; b < s->block_count; b++)
        sim_block_drop(s, b);
    sim_epochs_clear(s);
    if (s->block_count > 0)
        s->ops->close(s->world);
    s->block_count = 0;
    s->decided_height = 0;
    s->tx_count = s->change_count = 0;
    s->plan_count = 0;
    s->now = 0;
    s->groups = 0;
    s->packets = s->proposal_serial = 0;
    s->healed = false;
    s->healed_at = 0;
    s->injecting = true;
    s->failed = false;
    s->digest = 0;
    memset(s->run_faults, 0, sizeof s->run_faults);
}

/* Who attacks, and who is there twice. */
static void choose_roles(struct sim *s)
{
    const struct sim_params *p = &s->params;
    const uint32_t keys = p->n + p->spare;
    uint32_t attackers = p->byz_count;
    uint32_t twins = p->twins;

    while (attackers + twins > 0) {
        const uint32_t i =
            s->family != NULL ? 0
                              : (uint32_t)sim_between(s, RNG_NODE, 0, keys - 1);
        struct sim_node *node = &s->nodes[i];

        if (!node->correct)
            continue;
        node->correct = false;
        if (twins > 0) {
            struct sim_node *copy = &s->nodes[keys + --twins];

            sim_note(s, FAULT_TWINS);
            node->twin = copy->twin = true;
            copy->id = (uint8_t)i;
            copy->secret = node->secret;
            copy->correct = false;
        } else {
            attackers--;
            node->byz = p->byz;
            node->member = sim_chance(s, RNG_NODE, 512);
        }
    }
}

void sim_begin(struct sim *s)
{
    struct sim_block genesis = {.body = {0}};

    s->world = s->ops->open(s->params.n, &genesis.header);
    (void)sim_block_put(s, &genesis);
    s->config.genesis.block = s->blocks[0].hash;
    for (uint32_t i = 0; i < s->params.n + s->params.spare; i++)
        s->nodes[i].secret = sim_random(s, RNG_NODE);
    for (uint32_t i = 0; i < s->instances; i++) {
        struct sim_node *node = &s->nodes[i];

        node->id = (uint8_t)i;
        node->correct = true;
        node->clock.base = sim_between(s, RNG_NODE, 0, 5 * SIM_S);
        node->clock.wall_ms = (int64_t)sim_between(s, RNG_NODE, 0, 200) - 100 -
                              (int64_t)(node->clock.base / SIM_MS);
    }
    choose_roles(s);
    for (uint32_t i = 0; i < s->instances; i++)
        sim_node_start(s, i);
}

static bool stale(const struct sim *s, const struct sim_ev *ev)
{
    const struct sim_node *node = &s->nodes[ev->node];

    if (!node->up || node->life != ev->life)
        return true;
    return ev->kind == EV_MESSAGE && s->nodes[ev->from].up &&
           s->nodes[ev->from].life != ev->sender_life;
}

/* A node that stands still does later what it should do now. */
static bool postponed(struct sim *s, const struct sim_ev *ev)
{
    const uint64_t until = s->nodes[ev->node].paused_until;
    struct sim_ev later = *ev;

    if (until <= s->now)
        return false;
    later.at = until;
    sim_push(s, later);
    return true;
}

static void happen_to_network(struct sim *s, const struct sim_ev *ev)
{
    switch ((int)ev->kind) {
    case EV_INJECT:
        sim_inject(s);
        break;
    case EV_PLAN:
        if (ev->arg < SIM_PLAN_MAX)
            sim_carry_plan(s, (uint32_t)ev->arg);
        else
            s->nodes[ev->node].cut = 0;
        break;
    case EV_HEAL:
        sim_heal(s);
        break;
    case EV_CRASH:
        if (!s->healed && !stale(s, ev))
            sim_crash_targeted(s, ev->node);
        break;
    case EV_RESTART:
        if (!s->nodes[ev->node].up && !s->nodes[ev->node].dead)
            sim_node_start(s, ev->node);
        break;
    case EV_BYZ:
        sim_byz_tick(s, ev->node);
        sim_push(s,
                 (struct sim_ev){
                     .kind = EV_BYZ,
                     .node = ev->node,
                     .at = s->now + sim_between(s, RNG_BYZ, 5, 120) * SIM_MS});
        break;
    }
}

static void happen(struct sim *s, const struct sim_ev *ev)
{
    sim_digest(s, ev);
    if (ev->kind > EV_LINK_DOWN) {
        happen_to_network(s, ev);
        return;
    }
    if (!stale(s, ev)) {
        if (postponed(s, ev))
            return;
        if (ev->kind == EV_MESSAGE)
            sim_node_message(s, ev);
        else
            sim_node_event(s, ev);
    }
    if (ev->packet != NULL)
        sim_packet_drop(s, ev->packet);
}

void sim_run_until(struct sim *s, uint64_t until, bool stop_when_final)
{
    uint64_t commits = UINT64_MAX;
    uint64_t look = 0;
    struct sim_ev ev;

    while (!s->failed && sim_pop(s, &ev, until)) {
        s->now = ev.at;
        s->total.events++;
        happen(s, &ev);
        if (stop_when_final && s->params.forget && s->now >= look) {
            look = s->now + 100 * SIM_MS; /* nothing tells that it changed */
            commits = UINT64_MAX;
        }
        if (stop_when_final && s->commits != commits) {
            commits = s->commits;
            if (sim_all_final(s))
                return;
        }
    }
    if (!s->failed)
        s->now = until;
}

uint64_t sim_highest_view(const struct sim *s)
{
    uint64_t view = 0;

    for (uint32_t i = 0; i < s->instances; i++)
        view =
            num_max_u64(view, sim_views_of(s, i, s->nodes[i].room.core->view));
    return view;
}

/* A chain is born in calm weather: a node whose first start comes after the
 * first block may never vote (D45), and here all are to vote. */
static void be_born(struct sim *s)
{
    const struct sim_params chosen = s->params;

    s->params.loss = s->params.dup = s->params.hole = 0;
    s->params.targeted = 0;
    s->params.delay_hi = 2 * SIM_MS;
    sim_queue_fit(s, s->params.delay_hi);
    sim_begin(s);
    sim_run_until(s, 1200 * SIM_MS, false);
    for (uint32_t i = 0; i < s->instances; i++) {
        if (s->nodes[i].byz == 0 && !s->nodes[i].started)
            sim_fail(s, "node %u was not born in time", i);
    }
    s->params = chosen;
    sim_queue_fit(s, s->params.delay_hi);
}

static void schedule(struct sim *s)
{
    for (uint32_t i = 0; i < s->instances; i++) {
        if (s->nodes[i].byz != 0)
            sim_push(
                s,
                (struct sim_ev){.kind = EV_BYZ,
                                .node = (uint8_t)i,
                                .at = s->now + sim_between(s, RNG_BYZ, 0, 100) *
                                                   SIM_MS});
    }
    sim_make_plan(s);
    for (uint32_t k = 0; k < s->plan_count; k++)
        sim_push(
            s, (struct sim_ev){.kind = EV_PLAN, .arg = k, .at = s->plan[k].at});
    sim_push(
        s, (struct sim_ev){.kind = EV_HEAL, .at = s->now + s->params.chaos_us});
}

uint64_t sim_cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void sim_add_up(struct sim *s, uint64_t from_us)
{
    struct sim_totals *t = &s->total;
    const uint64_t views = sim_highest_view(s);
    const uint64_t took = sim_cpu_us() - from_us;

    t->seeds++;
    t->views += views;
    t->weather_seeds[s->params.weather]++;
    t->weather_views[s->params.weather] += views;
    t->weather_us[s->params.weather] += took;
    t->cpu_us += took;
    t->simulated_us += s->now;
    t->node_counts |= 1u << s->params.n;
    for (int f = 0; f < FAULTS; f++)
        t->faults[f] += s->run_faults[f];
    t->digest = sim_mix(t->digest ^ s->digest);
}

bool sim_run(struct sim *s, uint64_t seed)
{
    const uint64_t from_us = sim_cpu_us();

    sim_clear(s);
    s->seed = seed;
    for (uint32_t k = 0; k < RNG_STREAMS; k++)
        s->rng[k] = sim_mix(seed * 0x2545f4914f6cdd1du + k + 1) +
                    (k == RNG_SHAPE ? 0 : s->limits.salt);
    s->shape(s);
    sim_configure(s);
    be_born(s);
    if (s->watch.on)
        sim_watch_begin(s);
    sim_inject(s);
    schedule(s);
    sim_run_until(s, s->now + s->params.chaos_us, false);
    if (!s->failed)
        sim_run_quiet(s);
    sim_add_up(s, from_us);
    return !s->failed;
}

void sim_init(struct sim *s, const struct sim_app_ops *ops)
{
    memset(s, 0, sizeof *s);
    s->ops = ops;
    s->shape = sim_choose;
    s->effects = calloc(1, sizeof *s->effects);
    s->spare_core = calloc(1, sizeof *s->spare_core);
    s->proposal = calloc(1, sizeof *s->proposal);
    s->wanted = calloc(MSG_CERTS_MAX, sizeof s->wanted[0]);
    s->epochs = calloc(SIM_EPOCHS_MAX, sizeof s->epochs[0]);
    s->nodes = calloc(SIM_NODES_MAX, sizeof s->nodes[0]);
    s->blocks = calloc(SIM_BLOCKS_MAX, sizeof s->blocks[0]);
    s->block_index = calloc(4 * SIM_BLOCKS_MAX, sizeof s->block_index[0]);
    ASSERT(s->effects != NULL && s->spare_core != NULL && s->proposal != NULL &&
           s->wanted != NULL && s->nodes != NULL && s->blocks != NULL &&
           s->block_index != NULL && s->epochs != NULL);
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        struct sim_node_room *room = &s->nodes[i].room;

        room->core = calloc(1, sizeof *room->core);
        room->certs = calloc(SIM_HEIGHTS_MAX, sizeof room->certs[0]);
        ASSERT(room->core != NULL && room->certs != NULL);
    }
}

void sim_deinit(struct sim *s)
{
    sim_clear(s);
    while (s->free_packets != NULL) {
        struct sim_packet *next = s->free_packets->next_free;

        buf_deinit(&s->free_packets->bytes);
        free(s->free_packets);
        s->free_packets = next;
    }
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        buf_deinit(&s->nodes[i].room.journal);
        free(s->nodes[i].room.core);
        free(s->nodes[i].room.certs);
    }
    sim_queue_deinit(&s->queue);
    free(s->nodes);
    free(s->effects);
    free(s->spare_core);
    free(s->proposal);
    free(s->wanted);
    free(s->blocks);
    free(s->block_index);
    for (uint32_t k = 0; k < SIM_EPOCHS_MAX; k++)
        free(s->epochs[k].views);
    free(s->epochs);
}
