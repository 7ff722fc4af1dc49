/* sim_jobs.h - many seeds in several processes, added up in their order.
 *
 * Workers take chunks of seeds; the parent adds up what they found strictly in
 * the order of chunks, and stops at the first chunk that completes what was
 * asked for or has a violation.  So the result depends on the seeds alone, not
 * on how many workers there are. */
#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include "tests/sim/sim.h"

struct sim_request {
    uint64_t seed;     /* first */
    uint64_t seeds;    /* at most */
    uint64_t views;    /* stop when so many have passed */
    uint32_t jobs;     /* processes */
    uint32_t chunk;    /* seeds at a time */
    const char *what;  /* one word, for the progress lines */
    const char *state; /* file to go on from, and to keep; or NULL */
    bool count;        /* violations, instead of ending at the first; chunk 1 */
};

struct sim_outcome {
    struct sim_totals totals;
    bool violation;
    uint64_t violations; /* counted */
    uint64_t failed_seed;
    char why[256];
};

/* Runs one seed, or one scenario, and adds to s->total; false: a violation. */
typedef bool (*sim_run_fn)(struct sim *s, uint64_t seed);

/* False: the state file is no good. */
bool sim_run_jobs(struct sim *s,
                  struct sim_outcome *out,
                  const struct sim_request *request,
                  sim_run_fn run);

void sim_totals_add(struct sim_totals *to, const struct sim_totals *more);
void sim_totals_print(const struct sim_totals *t,
                      const char *app,
                      uint64_t wall_ms,
                      int violations);

void sim_scripts_print(const struct sim_totals *t,
                       uint64_t wall_ms,
                       int violations);

void sim_crashes_print(const struct sim_totals *t,
                       uint64_t wall_ms,
                       int violations);

/* SIGPROF after so much time of this process' own: something does not end. */
void sim_limit_cpu(uint32_t seconds);

/* sim_shrink.c: leaves out of a seed what the violation does not need, and
 * tells what is left. */
void sim_shrink(struct sim *s, uint64_t seed);
/* The flags that say these limits. */
void sim_limits_print(const struct sim_limits *l);

#endif /* SIM_JOBS_H */
