/* sim_world.h - a small market: its genesis, its register, its traffic. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "engine/engine.h"

struct sim_world;
struct sim_world *sim_world_new(uint32_t nodes);
void sim_world_free(struct sim_world *w);
const struct genesis *sim_world_genesis(const struct sim_world *w);
/* A transfer between two of the world's holders; full bytes, kept by the
 * world.  number makes it unique. */
struct bytes sim_world_tx(struct sim_world *w,
                          uint64_t number,
                          uint64_t random);
/* Transactions that open the register, to be put in first. */
uint32_t sim_world_setup_count(const struct sim_world *w);
struct bytes sim_world_setup(const struct sim_world *w, uint32_t index);
/* Whether every security's rows add up to its totals (I1, I6). */
bool sim_world_sums_hold(struct engine *e);

#endif /* SIM_WORLD_H */
