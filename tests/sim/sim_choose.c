/* What a seed switches on: extremes often, most kinds of fault not at all. */
#include "tests/sim/sim.h"

#include "base/check.h"
#include "base/num.h"

#include <stdlib.h>

const char *const sim_fault_names[FAULTS] = {
    [FAULT_LOSS] = "loss",
    [FAULT_DUP] = "dup",
    [FAULT_REORDER] = "reorder",
    [FAULT_DELAY] = "delay",
    [FAULT_PARTITION] = "partition",
    [FAULT_ONE_WAY] = "one-way",
    [FAULT_HOLE] = "hole",
    [FAULT_LARGE] = "late-body",
    [FAULT_GONE] = "body-gone",
    [FAULT_SLOW_LINK] = "slow-link",
    [FAULT_CRASH] = "crash",
    [FAULT_CRASH_ALL] = "crash-all",
    [FAULT_FORGET] = "forget",
    [FAULT_TARGETED] = "crash-at-sync",
    [FAULT_LOST] = "lost-writes",
    [FAULT_TORN] = "torn-writes",
    [FAULT_DEAD] = "dead",
    [FAULT_SLOW_DISK] = "slow-disk",
    [FAULT_SLOW_STORE] = "slow-store",
    [FAULT_PAUSE] = "pause",
    [FAULT_CLOCK_JUMP] = "clock-jump",
    [FAULT_CLOCK_DRIFT] = "clock-drift",
    [FAULT_TWINS] = "twins",
    [FAULT_SEAL] = "crash-at-seal",
    [BYZ_SILENT] = "byz-silent",
    [BYZ_EQUIVOCATE] = "byz-equivocate",
    [BYZ_VOTES] = "byz-votes",
    [BYZ_NULLIFY] = "byz-nullify",
    [BYZ_BAD_BLOCKS] = "byz-bad-blocks",
    [BYZ_OLD_PARENTS] = "byz-old-parents",
    [BYZ_WITHHOLD] = "byz-withhold",
    [BYZ_REPLAY] = "byz-replay",
    [BYZ_GARBAGE] = "byz-garbage",
    [BYZ_LATE] = "byz-late",
    [BYZ_FUTURE] = "byz-future",
    [BYZ_EPOCH] = "byz-epoch",
    [BYZ_CLAIMS] = "byz-claims",
};
_Static_assert(FAULTS <= 64, "a bit for each");

bool sim_fault_find(enum sim_fault *out, const char *name)
{
    for (int f = 0; f < FAULTS; f++) {
        if (strcmp(sim_fault_names[f], name) == 0) {
            *out = (enum sim_fault)f;
            return true;
        }
    }
    return false;
}

/* ---- the shape ---- */

static uint64_t pick(struct sim *s, const uint64_t *list, uint32_t count)
{
    return list[sim_between(s, RNG_SHAPE, 0, count - 1)];
}
#define PICK(...)                         \
    pick(s,                               \
         (const uint64_t[]){__VA_ARGS__}, \
         (uint32_t)(sizeof(const uint64_t[]){__VA_ARGS__} / sizeof(uint64_t)))

static bool maybe(struct sim *s, enum sim_fault f, uint32_t of_1024)
{
    const bool yes = sim_chance(s, RNG_SHAPE, of_1024);

    return yes && !sim_is_off(s, f);
}

/* Who is faulty: attackers, second copies and those that stay dead are f
 * together at the most. */
static void choose_faulty(struct sim *s, uint32_t of_1024)
{
    struct sim_params *p = &s->params;
    uint32_t left = valset_faulty(p->n);
    uint32_t most;

    most = sim_chance(s, RNG_SHAPE, of_1024 / 3) ? left : 0;
    p->twins = (uint32_t)sim_between(s, RNG_SHAPE, most > 0 ? 1 : 0, most);
    if (p->twins > SIM_TWINS_MAX || sim_is_off(s, FAULT_TWINS))
        p->twins = sim_is_off(s, FAULT_TWINS) ? 0 : SIM_TWINS_MAX;
    left -= p->twins;
    most = sim_chance(s, RNG_SHAPE, of_1024) ? left : 0;
    p->byz_count = (uint32_t)sim_between(s, RNG_SHAPE, most > 0 ? 1 : 0, most);
    left -= p->byz_count;
    most = maybe(s, FAULT_DEAD, 307) ? left : 0;
    p->dead_count = (uint32_t)sim_between(s, RNG_SHAPE, 0, most);
    p->byz = 0;
    for (int f = BYZ_FIRST; f < FAULTS; f++) {
        if (maybe(s, (enum sim_fault)f, f == BYZ_SILENT ? 100 : 410))
            p->byz |= SIM_BIT(f);
    }
    if (p->byz == 0)
        p->byz_count = 0;
}

static void choose_calm(struct sim *s)
{
    struct sim_params *p = &s->params;

    if (s->limits.nodes == 0)
        p->n = (uint32_t)PICK(4, 4, 4, 4, 4, 4, 4, 7);
    choose_faulty(s, 150);
    p->delay_hi = PICK(1, 2, 5) * SIM_MS;
    p->fifo = true;
    p->fsync_hi = 1 * SIM_MS;
    p->execute_us = 100;
    p->inject_every = PICK(20, 30, 50) * SIM_MS;
    p->chaos_us = sim_between(s, RNG_SHAPE, 5, 30) * SIM_S;
}

static void choose_chaos(struct sim *s)
{
    struct sim_params *p = &s->params;
    const bool storm = p->weather == WEATHER_STORM;

    if (s->limits.nodes == 0)
        p->n = (uint32_t)PICK(4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 6, 7, 7, 10);
    choose_faulty(s, storm ? 614 : 400);
    p->delay_hi = PICK(2, 20, 100, 400, 1500) * SIM_MS;
    if (sim_is_off(s, FAULT_DELAY))
        p->delay_hi = num_min_u64(p->delay_hi, 50 * SIM_MS);
    p->fifo = !maybe(s, FAULT_REORDER, 600);
    if (maybe(s, FAULT_LOSS, storm ? 700 : 300))
        p->loss = (uint32_t)PICK(20, 100, 300, 410, 650);
    if (maybe(s, FAULT_HOLE, 150))
        p->hole = (uint32_t)PICK(300, 700, 1024);
    if (maybe(s, FAULT_DUP, 300))
        p->dup = 100;
    if (maybe(s, FAULT_TARGETED, storm ? 512 : 200))
        p->targeted = (uint32_t)sim_between(s, RNG_SHAPE, 2, 60);
    p->fsync_hi = PICK(1, 4, 60) * SIM_MS;
    p->execute_us = PICK(200, 20000);
    p->inject_every = PICK(20, 50, 300, 2000) * SIM_MS;
    if (maybe(s, FAULT_LARGE, 300))
        p->large = 700;
    if (maybe(s, FAULT_GONE, 150))
        p->gone = 60;
    if (maybe(s, FAULT_FORGET, 100))
        p->forget = true;
    p->chaos_us = sim_between(s, RNG_SHAPE, 2, storm ? 20 : 8) * SIM_S;
}

void sim_choose(struct sim *s)
{
    struct sim_params *p = &s->params;
    const uint64_t weather = sim_between(s, RNG_SHAPE, 0, 99);

    *p = (struct sim_params){.n = s->limits.nodes,
                             .delay_lo = 100,
                             .fsync_lo = 50,
                             .store_lag = 1,
                             .idle_us = 2 * SIM_S};
    p->weather = weather < 15   ? WEATHER_CALM
                 : weather < 60 ? WEATHER_MIXED
                                : WEATHER_STORM;
    if (p->weather == WEATHER_CALM)
        choose_calm(s);
    else
        choose_chaos(s);
    if (maybe(s, FAULT_SLOW_STORE, 200)) {
        sim_note(s, FAULT_SLOW_STORE);
        p->store_lag = sim_between(s, RNG_SHAPE, 3, 40);
    }
    if (s->ops->change != NULL)
        sim_epochs_choose(s);
    if (s->limits.chaos_ms != 0)
        p->chaos_us = num_min_u64(p->chaos_us, s->limits.chaos_ms * SIM_MS);
    if ((p->byz & SIM_BIT(BYZ_NULLIFY)) != 0 || sim_chance(s, RNG_SHAPE, 200))
        p->idle_us = 12 * SIM_S;
    if (maybe(s, FAULT_SLOW_LINK, 60)) {
        p->inject_every = 4 * SIM_S;
        p->slow = true;
    }
}

/* ---- the plan ---- */

static struct sim_step *add(struct sim *s, uint64_t at, enum sim_fault fault)
{
    struct sim_step *step = &s->plan[s->plan_count++];

    ASSERT(s->plan_count <= SIM_PLAN_MAX);
    *step = (struct sim_step){.at = at, .fault = fault};
    return step;
}

static uint8_t any_node(struct sim *s)
{
    return (uint8_t)sim_between(s, RNG_PLAN, 0, s->instances - 1);
}

static uint32_t any_set(struct sim *s)
{
    return (uint32_t)sim_between(s, RNG_PLAN, 0, (1u << s->instances) - 1);
}

static void plan_crash(struct sim *s, uint64_t at, bool all)
{
    const uint64_t count = all ? 1 : sim_between(s, RNG_PLAN, 1, 2);

    for (uint64_t k = 0; k < count; k++) {
        struct sim_step *step = add(s, at, all ? FAULT_CRASH_ALL : FAULT_CRASH);

        step->node = any_node(s);
        step->lasts = sim_between(s, RNG_PLAN, 1, 2000) * SIM_MS;
    }
}

/* Clocks far off are faults like others: of at most f nodes, or a chain could
 * get a time at which nobody votes for long. */
static void plan_clock(struct sim *s, struct sim_step *step)
{
    static const int64_t jumps[] = {
        -30, 50, -300, 300, 1000, -1000, 10000, -90000, 90000, 3600000};
    static const int64_t rates[] = {-100, 100, -10000, 10000, -100000, 100000};
    const bool jump = step->fault == FAULT_CLOCK_JUMP;
    const int64_t *list = jump ? jumps : rates;
    const size_t count = jump ? ARRAY_LEN(jumps) : ARRAY_LEN(rates);
    const int64_t small = jump ? 300 : 10000;

    step->arg = list[sim_between(s, RNG_PLAN, 0, count - 1)];
    if (step->arg <= small && step->arg >= -small)
        return;
    if (s->params.n < 4)
        step->arg = step->arg > 0 ? small : -small; /* f is 0 */
    else
        step->node =
            (uint8_t)((step->node % (s->ops->change != NULL
                                         ? 1
                                         : valset_faulty(s->params.n)) +
                       s->config.leader_seed) %
                      s->params.n);
}

static void plan_one(struct sim *s, uint64_t at, enum sim_fault fault)
{
    struct sim_step *step;

    if (fault == FAULT_CRASH || fault == FAULT_CRASH_ALL) {
        plan_crash(s, at, fault == FAULT_CRASH_ALL);
        return;
    }
    step = add(s, at, fault);
    step->node = any_node(s);
    if (fault == FAULT_PARTITION) {
        step->mask = sim_chance(s, RNG_PLAN, 400) ? 0 : any_set(s);
    } else if (fault == FAULT_ONE_WAY) {
        step->mask = any_set(s);
        step->lasts = sim_between(s, RNG_PLAN, 200, 5000) * SIM_MS;
    } else if (fault == FAULT_PAUSE) {
        step->lasts = sim_between(s, RNG_PLAN, 50, 4000) * SIM_MS;
    } else if (fault == FAULT_SLOW_DISK) {
        step->lasts = sim_between(s, RNG_PLAN, 500, 5000) * SIM_MS;
        step->arg = (int64_t)sim_between(s, RNG_PLAN, 100, 1500);
    } else if (fault == FAULT_CLOCK_JUMP || fault == FAULT_CLOCK_DRIFT) {
        plan_clock(s, step);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct sim_step *x = a;
    const struct sim_step *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->fault != y->fault)
        return x->fault < y->fault ? -1 : 1;
    return (int)x->node - (int)y->node;
}

/* Of 1024: how many seeds have this kind, by weather; and how often it comes,
 * in ms. */
struct habit {
    enum sim_fault fault;
    uint32_t seeds[WEATHERS];
    uint64_t lo_ms, hi_ms;
};

void sim_make_plan(struct sim *s)
{
    static const struct habit habits[] = {
        {FAULT_CRASH, {100, 300, 512}, 300, 6000},
        {FAULT_CRASH_ALL, {20, 100, 250}, 2000, 10000},
        {FAULT_PARTITION, {20, 250, 400}, 1000, 8000},
        {FAULT_ONE_WAY, {20, 200, 300}, 1000, 8000},
        {FAULT_PAUSE, {20, 150, 200}, 1000, 8000},
        {FAULT_SLOW_DISK, {20, 150, 200}, 1000, 8000},
        {FAULT_CLOCK_JUMP, {20, 150, 200}, 1000, 8000},
        {FAULT_CLOCK_DRIFT, {20, 150, 200}, 1000, 8000},
    };

    s->plan_count = 0;
    for (size_t h = 0; h < ARRAY_LEN(habits); h++) {
        const struct habit *x = &habits[h];
        const uint64_t every =
            sim_between(s, RNG_PLAN, x->lo_ms, x->hi_ms) * SIM_MS;
        uint64_t at = s->now;

        if (!sim_chance(s, RNG_PLAN, x->seeds[s->params.weather]) ||
            sim_is_off(s, x->fault))
            continue;
        for (uint32_t k = 0; k < SIM_PLAN_MAX / (2 * ARRAY_LEN(habits)); k++) {
            at += sim_between(s, RNG_PLAN, 1, 2 * every);
            if (at >= s->now + s->params.chaos_us)
                break;
            plan_one(s, at, x->fault);
        }
    }
    qsort(s->plan, s->plan_count, sizeof s->plan[0], by_time);
}
