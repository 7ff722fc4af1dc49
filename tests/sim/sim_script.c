/* One script, played. */
#include "base/num.h"
#include "tests/sim/sim.h"

const struct sim_script *sim_script_now;

enum {
    SIDES_LAST_MS = 1500, /* longer than every first time-out */
    VIEW_MS_MAX = 60000,  /* of one view of a script, at the most */
};

uint32_t __real_valset_leader(uint32_t n, uint64_t seed, uint64_t view);
uint32_t __wrap_valset_leader(uint32_t n, uint64_t seed, uint64_t view);

/* The linker puts this in the place of valset_leader. */
uint32_t __wrap_valset_leader(uint32_t n, uint64_t seed, uint64_t view)
{
    if (sim_script_now != NULL && view >= 1 && view <= sim_script_now->views)
        return sim_script_now->leader[view];
    return __real_valset_leader(n, seed, view);
}

bool sim_script_lets(const struct sim *s,
                     uint32_t from,
                     uint32_t to,
                     uint64_t view)
{
    const struct sim_script *x = &s->script;

    if (view == 0 || view > x->views || x->side[view] == 0 ||
        (x->entered_at[view] != 0 &&
         s->now > x->entered_at[view] + SIDES_LAST_MS * SIM_MS))
        return true;
    return (x->side[view] >> from & 1) == (x->side[view] >> to & 1);
}

/* Every view of a script has something to do. */
void sim_script_entered(struct sim *s, uint64_t view)
{
    if (view > s->script.views + 1 || !s->injecting)
        return;
    if (view <= s->script.views) {
        if (s->script.entered_at[view] != 0)
            return;
        s->script.entered_at[view] = s->now;
    }
    sim_push(s, (struct sim_ev){.kind = EV_INJECT, .at = s->now});
}

static void shape(struct sim *s)
{
    s->params = (struct sim_params){.n = 4,
                                    .twins = 1,
                                    .fifo = true,
                                    .delay_lo = 100,
                                    .delay_hi = 1000,
                                    .fsync_lo = 50,
                                    .fsync_hi = 100,
                                    .store_lag = 1,
                                    .execute_us = 100};
    s->injecting = false;
    sim_configure(s);
    sim_queue_fit(s, s->params.delay_hi);
    sim_begin(s);
    sim_run_until(s, 1200 * SIM_MS, false); /* they hear of each other */
}

static bool past_the_script(const struct sim *s)
{
    for (uint32_t i = 0; i < s->instances; i++) {
        if (s->nodes[i].correct &&
            s->nodes[i].room.core->view <= s->script.views)
            return false;
    }
    return true;
}

static void tell(const struct sim *s)
{
    for (uint32_t v = 1; v <= s->script.views; v++)
        sim_tell(s,
                 "script: view %u, leader %u, sides %02x and the rest",
                 v,
                 s->script.leader[v],
                 s->script.side[v]);
}

bool sim_script_run(struct sim *s, uint64_t number)
{
    const uint64_t from_us = sim_cpu_us();
    uint64_t limit;

    sim_clear(s);
    s->seed = number;
    for (uint32_t k = 0; k < RNG_STREAMS; k++)
        s->rng[k] = sim_mix(k + 1 + s->limits.salt);
    memset(&s->script, 0, sizeof s->script);
    shape(s);
    sim_family_get(s->family, &s->script, number);
    sim_script_now = &s->script;
    if (s->trace)
        tell(s);
    s->injecting = true;
    sim_script_entered(s, 1);
    limit = s->now + s->script.views * (uint64_t)VIEW_MS_MAX * SIM_MS;
    while (!s->failed && !past_the_script(s) && s->now < limit)
        sim_run_until(s, num_min_u64(s->now + SIM_S, limit), true);
    if (!s->failed && !past_the_script(s))
        sim_fail(s, "the views of the script do not end");
    s->injecting = false;
    s->healed = true;
    if (!s->failed)
        sim_run_final(s);
    sim_script_now = NULL;
    sim_add_up(s, from_us);
    return !s->failed;
}
