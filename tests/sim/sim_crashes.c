/* A crash at every effect of one node: after each record that is written, each
 * message that is sent, each sync, each block that is applied or stored.
 *
 * A short run is recorded: how many such boundaries one node has in it.  Then
 * it runs again for each of them and each number of whole records that a crash
 * may leave of what is not synced; there the node ends, comes back, and the
 * network goes on until everything is final.  Once more all nodes end there.
 * The log of votes is that of the run, from before the crash too. */
#include "tests/sim/sim.h"

#include <stdio.h>

enum {
    TRACE_CHAOS_MS = 1200,
};

static void shape(struct sim *s)
{
    sim_choose(s);
    if (s->params.chaos_us > TRACE_CHAOS_MS * SIM_MS)
        s->params.chaos_us = TRACE_CHAOS_MS * SIM_MS;
    s->params.idle_us = 0;
    s->params.changes *= 4; /* most of these runs are to see an epoch end */
}

bool sim_boundary(struct sim *s, uint32_t i)
{
    static const uint64_t down_ms[] = {5, 300, 1500};
    struct sim_watch *w = &s->watch;

    if (!w->on || s->healed || w->crashed || w->node != i)
        return false;
    if (++w->count != w->target)
        return false;
    w->crashed = true;
    if (s->trace)
        sim_tell(s, "boundary %llu", (unsigned long long)w->count);
    if (w->keep == SIM_WATCH_ALL)
        sim_crash_all(s, down_ms[w->count % 3] * SIM_MS);
    else
        sim_crash(s, i, down_ms[w->count % 3] * SIM_MS);
    return true;
}

/* Who is watched: a correct node, another one for each trace. */
void sim_watch_begin(struct sim *s)
{
    uint32_t i = (uint32_t)(s->seed % s->instances);

    while (!s->nodes[i].correct)
        i = (i + 1) % s->instances;
    s->watch.node = i;
    s->watch.count = 0;
    s->watch.records = 0;
    s->watch.crashed = false;
}

static bool run_once(struct sim *s,
                     uint64_t seed,
                     uint64_t target,
                     uint32_t keep)
{
    s->watch.target = target;
    s->watch.keep = keep;
    return sim_run(s, seed);
}

static bool explain(struct sim *s)
{
    char why[sizeof s->why];

    memcpy(why, s->why, sizeof why);
    snprintf(s->why,
             sizeof s->why,
             "crash at boundary %llu, %u records kept: %.180s",
             (unsigned long long)s->watch.target,
             s->watch.keep,
             why);
    return false;
}

bool sim_crashes_run(struct sim *s, uint64_t seed)
{
    uint64_t boundaries;

    s->watch.on = true;
    s->shape = shape;
    s->limits.off |= SIM_BIT(FAULT_CRASH) | SIM_BIT(FAULT_CRASH_ALL) |
                     SIM_BIT(FAULT_TARGETED) | SIM_BIT(FAULT_SEAL) |
                     SIM_BIT(FAULT_DEAD);
    if (s->watch.only != 0) /* one of them, told again */
        return run_once(s, seed, s->watch.only, s->watch.only_keep) ||
               explain(s);
    if (!run_once(s, seed, 0, 0))
        return explain(s);
    boundaries = s->watch.count;
    s->total.traces++;
    for (uint64_t b = 1; b <= boundaries; b++) {
        uint32_t keep = 0;

        do {
            if (!run_once(s, seed, b, keep))
                return explain(s);
            s->total.boundaries++;
        } while (keep++ < s->watch.records);
        if (!run_once(s, seed, b, SIM_WATCH_ALL))
            return explain(s);
        s->total.boundaries++;
    }
    return true;
}
