/* What happens to the network and to nodes, until it heals. */
#include "tests/sim/sim.h"

#include "base/check.h"
#include "base/num.h"

void sim_inject(struct sim *s)
{
    const uint32_t tx = s->tx_count;

    if (tx == SIM_TXS_MAX || !s->injecting ||
        (s->limits.txs != 0 && tx == s->limits.txs))
        return;
    s->tx_count++;
    if (s->ops->change != NULL && sim_chance(s, RNG_LOAD, s->params.changes))
        sim_change_set(s, tx);
    if (s->family != NULL) {
        for (uint32_t i = 0; i < s->instances; i++) {
            sim_node_learn(s, i, tx);
            sim_node_work(s, i);
        }
        return;
    }
    for (uint32_t i = 0; i < s->instances; i++) {
        if (s->nodes[i].up && !sim_chance(s, RNG_LOAD, s->params.loss))
            sim_push(s,
                     (struct sim_ev){.kind = EV_TX,
                                     .node = (uint8_t)i,
                                     .life = s->nodes[i].life,
                                     .arg = tx,
                                     .at = s->now + sim_delay(s)});
    }
    sim_push(
        s,
        (struct sim_ev){
            .kind = EV_INJECT,
            .at = s->now +
                  sim_between(s, RNG_LOAD, 1, 2 * s->params.inject_every)});
}

/* An attacker's crash would be one attack less; a second copy may. */
void sim_crash(struct sim *s, uint32_t i, uint64_t down_us)
{
    if (!s->nodes[i].up || s->nodes[i].byz != 0)
        return;
    sim_node_crash(s, i);
    sim_push(s,
             (struct sim_ev){.kind = EV_RESTART,
                             .node = (uint8_t)i,
                             .at = s->now + down_us});
}

void sim_crash_targeted(struct sim *s, uint32_t i)
{
    sim_note(s, FAULT_TARGETED);
    sim_crash(s, i, sim_between(s, RNG_TARGET, 1, 2000) * SIM_MS);
}

void sim_crash_all(struct sim *s, uint64_t down_us)
{
    for (uint32_t i = 0; i < s->instances; i++)
        sim_crash(s, i, 1 + sim_between(s, RNG_NODE, 0, down_us));
}

void sim_crash_at_seal(struct sim *s, uint32_t i)
{
    const uint64_t down_us = sim_between(s, RNG_TARGET, 1, 1000) * SIM_MS;

    sim_note(s, FAULT_SEAL);
    if (sim_chance(s, RNG_TARGET, 128))
        sim_crash_all(s, down_us);
    else
        sim_crash(s, i, down_us);
}

static void jump(struct sim *s, struct sim_node *node, int64_t by_ms)
{
    struct sim_clock *c = &node->clock;

    (void)s;
    c->wall_ms += by_ms;
    if (by_ms <= 300 && by_ms >= -300 && c->wall_ms > 400)
        c->wall_ms = 400;
    if (by_ms <= 300 && by_ms >= -300 && c->wall_ms < -400)
        c->wall_ms = -400;
}

void sim_carry_plan(struct sim *s, uint32_t k)
{
    const struct sim_step *step = &s->plan[k];
    struct sim_node *node = &s->nodes[step->node];

    if (s->healed || (s->limits.plan_off[k / 64] >> k % 64 & 1) != 0)
        return;
    if (s->trace)
        sim_tell(s,
                 "[%u] %s node=%u mask=%x arg=%lld for %llu ms",
                 k,
                 sim_fault_names[step->fault],
                 step->node,
                 step->mask,
                 (long long)step->arg,
                 (unsigned long long)(step->lasts / SIM_MS));
    sim_note(s, step->fault);
    switch ((int)step->fault) {
    case FAULT_CRASH:
        sim_crash(s, step->node, step->lasts);
        break;
    case FAULT_CRASH_ALL:
        sim_crash_all(s, step->lasts);
        break;
    case FAULT_PARTITION:
        s->groups = step->mask;
        break;
    case FAULT_ONE_WAY:
        node->cut = step->mask;
        sim_push(s,
                 (struct sim_ev){.kind = EV_PLAN,
                                 .node = step->node,
                                 .arg = SIM_PLAN_MAX,
                                 .at = s->now + step->lasts});
        break;
    case FAULT_PAUSE:
        node->paused_until = s->now + step->lasts;
        break;
    case FAULT_SLOW_DISK:
        node->slow_until = s->now + step->lasts;
        node->slow_us = (uint64_t)step->arg * SIM_MS;
        break;
    case FAULT_CLOCK_JUMP:
        jump(s, node, step->arg);
        break;
    case FAULT_CLOCK_DRIFT:
        sim_clock_set_rate(s, node, step->arg);
        if (node->up) {
            node->tick_at = s->now; /* planned by the old rate */
            sim_push(s,
                     (struct sim_ev){.kind = EV_TICK,
                                     .node = step->node,
                                     .life = node->life,
                                     .at = s->now});
        }
        break;
    }
}

/* The network and the disks are as they should be. */
static void heal_network(struct sim *s)
{
    struct sim_params *p = &s->params;

    s->groups = 0;
    p->loss = p->dup = p->targeted = p->hole = 0;
    p->delay_hi = num_min_u64(p->delay_hi, 40 * SIM_MS);
    if (p->slow) {
        sim_note(s, FAULT_SLOW_LINK);
        p->delay_lo = 250 * SIM_MS;
        p->delay_hi = 400 * SIM_MS;
    }
    p->store_lag = 1;
    p->fsync_hi = num_min_u64(p->fsync_hi, 4 * SIM_MS);
    p->execute_us = num_min_u64(p->execute_us, 5 * SIM_MS);
    sim_queue_fit(s, p->delay_hi);
}

static void heal_node(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];

    node->cut = 0;
    node->paused_until = node->slow_until = 0;
    sim_store_hurry(s, node);
    sim_clock_set_rate(
        s, node, (int64_t)sim_between(s, RNG_NODE, 0, 400) - 200);
    node->clock.wall_ms = 0;
    node->clock.wall_ms =
        (int64_t)(s->blocks[0].header.time_ms + s->now / SIM_MS) -
        (int64_t)sim_wall_ms(s, node) +
        (int64_t)sim_between(s, RNG_NODE, 0, 200) - 100;
    if (node->byz != 0)
        return;
    if (!node->up)
        sim_node_start(s, i);
    for (uint32_t tx = 0; tx < s->tx_count && !s->params.forget; tx++)
        sim_node_learn(s, i, tx);
    sim_node_work(s, i);
}

/* The whole site loses power: a tip that is not final is nobody's business but
 * the validators'. */
static void forget(struct sim *s)
{
    sim_note(s, FAULT_FORGET);
    for (uint32_t i = 0; i < s->instances; i++) {
        if (s->nodes[i].byz == 0)
            sim_node_crash(s, i);
    }
}

/* After this, messages between live correct nodes arrive in time; up to f
 * validators are faulty or dead for ever. */
void sim_heal(struct sim *s)
{
    const uint32_t keys = s->params.n + s->params.spare;
    uint32_t dead = s->params.dead_count;

    if (s->trace)
        sim_tell(s, "the network heals");
    s->healed = true;
    s->healed_at = s->now;
    s->injecting = false;
    heal_network(s);
    for (uint32_t k = 0; k < keys && dead > 0; k++) {
        const uint32_t i = (uint32_t)((k + s->seed) % keys);

        if (!s->nodes[i].correct)
            continue;
        sim_note(s, FAULT_DEAD);
        sim_node_crash(s, i);
        s->nodes[i].correct = false;
        s->nodes[i].dead = true;
        dead--;
    }
    if (s->params.forget)
        forget(s);
    for (uint32_t i = 0; i < s->instances; i++) {
        if (!s->nodes[i].dead)
            heal_node(s, i);
    }
}
