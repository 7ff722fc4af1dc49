/* sim.h - a whole network in one process, from one seed.
 *
 * The production core, message codecs and block engine are linked; replaced are
 * the clock, the network, the disk of the journal and the signatures (bound to
 * key and bytes, but fast). */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "consensus/core.h"
#include "consensus/msg.h"
#include "node/engine.h"

enum {
    SIM_NODES_MAX = 10,
    SIM_HEIGHTS_MAX = 4096,
};

struct sim_result {
    uint64_t views;
    uint64_t heights;
    uint64_t crashes;
    uint64_t messages;
    uint64_t txs;
    const char *violation; /* NULL: none */
    uint64_t at_ms;
};

struct sim_options {
    uint64_t seed;
    uint64_t views; /* stop the chaos after about this many */
    uint32_t nodes; /* 0: chosen by the seed */
    enum core_mutant mutant;
    bool verbose;
};

struct sim_result sim_run(const struct sim_options *o);

/* The ledger side (sim_world.c): one engine for each node, shared traffic. */
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

#endif /* TESTS_SIM_H */
