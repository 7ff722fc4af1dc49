/* S5 and S6: after a heal everything becomes final in time, then all is quiet.
 *
 * The bound, in terms of the timers (T_cap, T_view, ...), the largest delay D
 * of a message, and F, the validators that never vote again or lie:
 *
 *   B = R + (F + 2) * T_cap + blocks * V(D, F) + epochs * W
 *
 *   R        what was under way, then one round of STATUS and repair for each
 *            CORE_PUSH_MAX views that are not final:
 *            rest + (1 + views / CORE_PUSH_MAX) * (T_status + T_retry + 2 D)
 *   T_cap    the view that everybody is in, then at most F with a leader that
 *            does nothing, then one with a leader that does, each at the cap
 *   V(D, F)  a block later on: views whose time-out is too short for D, and F
 *            with a leader that does nothing, one after the other:
 *            sum of T_view * 1.5^b, b = 0 .. b(D) + F + 1, and 4 D
 *   b(D)     the first b with T_leader * 1.5^b >= 4 D
 *   blocks   of the transactions that are not final at the heal, one for each
 *            that may change the set, and one more
 *   epochs   by which the last node is behind the first one
 *   W        what ended an epoch is told once a second to who asks (M6), then
 *            its blocks are fetched: 1 s + T_status + T_retry + 4 D
 *
 * Every part is taken 1% longer: clocks still drift. */
#include "base/num.h"
#include "tests/sim/sim.h"

static uint64_t capped(const struct sim *s, uint64_t base_ms, uint32_t b)
{
    const uint64_t cap = s->config.timers.t_cap_ms;

    for (; b > 0 && base_ms < cap; b--)
        base_ms += base_ms / 2;
    return num_min_u64(base_ms, cap);
}

static uint64_t block_ms(const struct sim *s,
                         uint64_t delay_ms,
                         uint32_t faulty)
{
    const struct core_timers *t = &s->config.timers;
    uint32_t enough = 0;
    uint64_t ms = 4 * delay_ms;

    while (capped(s, t->t_leader_ms, enough) < 4 * delay_ms &&
           capped(s, t->t_leader_ms, enough) < t->t_cap_ms)
        enough++;
    for (uint32_t b = 0; b <= enough + faulty + 1; b++)
        ms += capped(s, t->t_view_ms, b);
    return ms;
}

static uint64_t bound_ms(const struct sim *s, uint64_t rest_ms)
{
    const struct sim_params *p = &s->params;
    const struct core_timers *t = &s->config.timers;
    const uint32_t faulty = p->byz_count + p->dead_count + p->twins;
    const uint64_t delay_ms = p->delay_hi / SIM_MS + 1;
    uint64_t open_views = 0;
    uint64_t final_txs = SIM_NEVER;
    uint64_t epochs = 0;
    uint64_t blocks;

    for (uint32_t i = 0; i < s->instances; i++) {
        const struct sim_node *node = &s->nodes[i];

        if (!node->correct)
            continue;
        open_views =
            num_max_u64(open_views,
                        sim_highest_view(s) -
                            sim_views_of(s, i, node->room.core->fin.view));
        final_txs = num_min_u64(final_txs, node->final_txs);
        epochs = num_max_u64(epochs,
                             s->ops->epoch + s->epoch_count - 1 -
                                 node->room.core->config.epoch);
    }
    blocks = (s->tx_count - final_txs + SIM_BLOCK_TXS - 1) / SIM_BLOCK_TXS + 1;
    blocks += num_min_u64(s->tx_count - final_txs, s->change_count);
    return (rest_ms +
            (1 + open_views / CORE_PUSH_MAX) *
                (t->t_status_ms + t->t_retry_ms + 2 * delay_ms) +
            (faulty + 2) * (uint64_t)t->t_cap_ms +
            blocks * block_ms(s, delay_ms, faulty) +
            epochs * (1000 + t->t_status_ms + t->t_retry_ms + 4 * delay_ms)) *
           101 / 100;
}

static void keep_worst(struct sim *s, uint64_t took_ms, uint64_t limit_ms)
{
    struct sim_totals *t = &s->total;
    const uint64_t part = took_ms * 1000 / limit_ms;

    if (took_ms > t->live_worst_ms) {
        t->live_worst_ms = took_ms;
        t->live_worst_seed = s->seed;
    }
    if (part > t->live_part_max) {
        t->live_part_max = part;
        t->live_part_seed = s->seed;
    }
}

/* I7 pre-rotation: after so long a rest nobody waits for who is gone for good,
 * if only the dead were in the way. */
static void none_waits_for_the_dead(struct sim *s)
{
    const uint64_t needed_ms = (s->params.dead_count + 1) *
                               (uint64_t)(s->config.timers.t_silent_ms + 2000);

    if (s->params.byz_count + s->params.twins > 0 ||
        6 * SIM_S + s->params.idle_us < needed_ms * SIM_MS)
        return;
    for (uint32_t i = 0; i < s->instances && !s->failed; i++) {
        const struct core *c = s->nodes[i].room.core;

        if (!s->nodes[i].up || !s->nodes[i].correct)
            continue;
        for (uint32_t k = 0; k < s->instances; k++) {
            if (s->nodes[k].dead &&
                core_leader(c, c->view) == sim_peer(s, i, s->nodes[k].id))
                sim_fail(s, "node %u waits for the dead leader %u", i, k);
        }
    }
}

void sim_run_final(struct sim *s)
{
    const uint64_t from = s->now;
    /* Messages, syncs and tasks that were under way. */
    const uint64_t rest_ms = 4000;
    const uint64_t limit_ms = bound_ms(s, rest_ms);

    sim_run_until(s, from + limit_ms * SIM_MS, true);
    if (s->failed)
        return;
    if (!sim_all_final(s)) {
        sim_fail(s,
                 "a transaction is not final everywhere %llu ms after the heal",
                 (unsigned long long)limit_ms);
        return;
    }
    keep_worst(s, (s->now - from) / SIM_MS, limit_ms);
}

static void stay_idle(struct sim *s)
{
    const struct sim_params *p = &s->params;
    uint64_t from;

    sim_run_until(s, s->now + 6 * SIM_S, false);
    from = sim_highest_view(s);
    sim_run_until(s, s->now + p->idle_us, false);
    /* A faulty leader may give up its own view; the next one carries on. */
    if (sim_highest_view(s) >
        from + p->byz_count + p->dead_count + p->twins + 2)
        sim_fail(s,
                 "%llu views turned while idle",
                 (unsigned long long)(sim_highest_view(s) - from));
    if (sim_all_final(s)) {
        none_waits_for_the_dead(s);
        return;
    }
    /* A faulty node may know a transaction that all others have forgotten, and
     * propose it as late as now. */
    if (p->forget && p->byz_count > 0)
        sim_run_final(s);
    else
        sim_fail(s, "what was final is not any more");
}

void sim_run_quiet(struct sim *s)
{
    sim_run_final(s);
    if (!s->failed && s->params.idle_us > 0)
        stay_idle(s);
    for (uint32_t i = 0; i < s->instances && !s->failed; i++) {
        if (s->nodes[i].correct && !s->ops->sound(s->nodes[i].app))
            sim_fail(s, "node %u: shares are not conserved", i);
    }
}
