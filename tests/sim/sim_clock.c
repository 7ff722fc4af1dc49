/* The clocks of a node: each runs at its own rate, and UTC may jump. */
#include "tests/sim/sim.h"

static uint64_t local_us(const struct sim *s, const struct sim_node *node)
{
    const struct sim_clock *c = &node->clock;
    const int64_t passed = (int64_t)(s->now - c->at);

    return c->base + (uint64_t)(passed + passed / 1000 * c->ppm / 1000);
}

uint64_t sim_local_ms(const struct sim *s, const struct sim_node *node)
{
    return local_us(s, node) / SIM_MS;
}

uint64_t sim_wall_ms(const struct sim *s, const struct sim_node *node)
{
    return s->blocks[0].header.time_ms +
           (uint64_t)((int64_t)(local_us(s, node) / SIM_MS) +
                      node->clock.wall_ms);
}

/* The first moment at which its clock shows local_ms. */
uint64_t sim_when(const struct sim *s,
                  const struct sim_node *node,
                  uint64_t local_ms)
{
    const struct sim_clock *c = &node->clock;
    const uint64_t wanted = local_ms * SIM_MS;
    const uint64_t here = local_us(s, node);
    int64_t left;

    if (wanted <= here)
        return s->now;
    left = (int64_t)(wanted - here);
    /* Rounded up by a little more than local_us may round down. */
    return s->now + (uint64_t)(left * 1000000 / (1000000 + c->ppm)) +
           (c->ppm != 0 ? SIM_MS : 0);
}

void sim_clock_set_rate(struct sim *s, struct sim_node *node, int64_t ppm)
{
    node->clock.base = local_us(s, node);
    node->clock.at = s->now;
    node->clock.ppm = ppm;
}
