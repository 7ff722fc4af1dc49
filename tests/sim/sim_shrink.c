/* A violation with everything left out that it does not need: kinds of faults,
 * nodes, steps of the plan, time, transactions.  Each attempt is a run of the
 * same seed in a process of its own, since it may end in an assertion. */
#include "base/check.h"
#include "base/num.h"
#include "tests/sim/sim_jobs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ATTEMPTS_MAX = 4000,
    SALTS = 12, /* other chances, if a smaller run does not fail at once */
    SALTS_LAST = 300,
    ATTEMPT_SECONDS_MAX = 20,
};

struct attempt {
    bool failed;
    uint64_t events;
    uint64_t digest;
    uint64_t chaos_ms;
    uint32_t nodes, txs, plan_count;
    uint64_t faults; /* that happened */
    char why[256];
};

struct shrinker {
    struct sim *s;
    uint64_t seed;
    struct attempt *shared; /* the child's answer */
    struct attempt best;
    uint32_t attempts;
};

static struct attempt *answer; /* of this child */

static void on_signal(int number)
{
    answer->failed = true;
    snprintf(answer->why,
             sizeof answer->why,
             "%s",
             number == SIGABRT   ? "an assertion failed"
             : number == SIGPROF ? "it does not end"
                                 : "it crashed");
    _exit(0);
}

static void report(const struct sim *s, bool ok)
{
    answer->failed = !ok;
    answer->events = s->total.events;
    answer->digest = s->digest;
    answer->chaos_ms = s->params.chaos_us / SIM_MS;
    answer->nodes = s->params.n;
    answer->txs = s->tx_count;
    answer->plan_count = s->plan_count;
    for (int f = 0; f < FAULTS; f++) {
        if (s->run_faults[f] != 0)
            answer->faults |= SIM_BIT(f);
    }
    memcpy(answer->why, s->why, sizeof answer->why);
}

/* The run with these limits, in a child. */
static struct attempt try(struct shrinker *x,
                          const struct sim_limits *limits,
                          bool trace)
{
    pid_t pid;

    x->attempts++;
    memset(x->shared, 0, sizeof *x->shared);
    fflush(stdout);
    pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        answer = x->shared;
        signal(SIGABRT, on_signal);
        signal(SIGSEGV, on_signal);
        signal(SIGPROF, on_signal);
        sim_limit_cpu(ATTEMPT_SECONDS_MAX);
        if (!trace && freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        x->s->limits = *limits;
        x->s->trace = trace;
        memset(&x->s->total, 0, sizeof x->s->total);
        report(x->s, x->s->run(x->s, x->seed));
        fflush(stdout);
        _exit(0);
    }
    (void)waitpid(pid, NULL, 0);
    return *x->shared;
}

/* Keeps the smaller limits if the run still fails: with the chances it has, or
 * with others. */
static bool keeps(struct shrinker *x, const struct sim_limits *limits)
{
    for (uint32_t k = 0; k <= SALTS && x->attempts < ATTEMPTS_MAX; k++) {
        struct sim_limits l = *limits;
        struct attempt a;

        l.salt += k;
        a = try(x, &l, false);
        if (a.failed) {
            x->s->limits = l;
            x->best = a;
            return true;
        }
    }
    return false;
}

/* Of many chances, those that fail soonest. */
static void choose_salt(struct shrinker *x)
{
    const uint32_t from = x->s->limits.salt;

    for (uint32_t k = 1; k <= SALTS_LAST; k++) {
        struct sim_limits l = x->s->limits;
        struct attempt a;

        l.salt = from + k;
        a = try(x, &l, false);
        if (a.failed && a.events < x->best.events) {
            x->s->limits = l;
            x->best = a;
        }
    }
}

static bool drop_faults(struct shrinker *x)
{
    bool any = false;

    for (int f = 0; f < FAULTS; f++) {
        struct sim_limits l = x->s->limits;

        if ((x->best.faults & SIM_BIT(f)) == 0 ||
            sim_is_off(x->s, (enum sim_fault)f))
            continue;
        l.off |= SIM_BIT(f);
        any = keeps(x, &l) || any;
    }
    return any;
}

static bool drop_nodes(struct shrinker *x)
{
    for (uint32_t n = 4; n < x->best.nodes; n++) {
        struct sim_limits l = x->s->limits;

        l.nodes = n;
        if (keeps(x, &l))
            return true;
    }
    return false;
}

static void set_off(struct sim_limits *l, uint32_t from, uint32_t to)
{
    for (uint32_t k = from; k < to; k++)
        l->plan_off[k / 64] |= 1ull << k % 64;
}

/* Halves of the plan, quarters of it, ... single steps. */
static bool drop_plan(struct shrinker *x)
{
    bool any = false;

    for (uint32_t size = SIM_PLAN_MAX; size > 0; size /= 2) {
        for (uint32_t from = 0; from < x->best.plan_count; from += size) {
            struct sim_limits l = x->s->limits;

            set_off(&l,
                    from,
                    (uint32_t)num_min_u64(from + size, x->best.plan_count));
            if (memcmp(&l, &x->s->limits, sizeof l) != 0)
                any = keeps(x, &l) || any;
        }
    }
    return any;
}

/* The smallest of *value in 1..now, by halving; the run need not be monotone in
 * it. */
static bool halve_down(struct shrinker *x, uint64_t now, bool time)
{
    uint64_t low = 0;
    bool any = false;

    while (now - low > 1) {
        const uint64_t middle = low + (now - low) / 2;
        struct sim_limits l = x->s->limits;

        if (time)
            l.chaos_ms = middle;
        else
            l.txs = (uint32_t)middle;
        if (keeps(x, &l)) {
            now = middle;
            any = true;
        } else {
            low = middle;
        }
    }
    return any;
}

void sim_limits_print(const struct sim_limits *l)
{
    const char *comma = " --off ";

    for (int f = 0; f < FAULTS; f++) {
        if ((l->off >> f & 1) != 0) {
            printf("%s%s", comma, sim_fault_names[f]);
            comma = ",";
        }
    }
    if (l->nodes != 0)
        printf(" --nodes %u", l->nodes);
    if (l->chaos_ms != 0)
        printf(" --chaos-ms %llu", (unsigned long long)l->chaos_ms);
    if (l->txs != 0)
        printf(" --txs %u", l->txs);
    if (l->salt != 0)
        printf(" --salt %u", l->salt);
    comma = " --plan-off ";
    for (uint32_t k = 0; k < SIM_PLAN_MAX; k++) {
        uint32_t to = k;

        while (to < SIM_PLAN_MAX && (l->plan_off[to / 64] >> to % 64 & 1) != 0)
            to++;
        if (to > k) {
            printf("%s%u-%u", comma, k, to - 1);
            comma = ",";
            k = to;
        }
    }
}

void sim_shrink(struct sim *s, uint64_t seed)
{
    struct shrinker x = {.s = s, .seed = seed};
    struct attempt first;

    x.shared = mmap(NULL,
                    sizeof *x.shared,
                    PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS,
                    -1,
                    0);
    ASSERT(x.shared != MAP_FAILED);
    first = try(&x, &s->limits, false);
    if (!first.failed) {
        printf("sim: seed %llu does not fail again\n",
               (unsigned long long)seed);
        return;
    }
    x.best = first;
    if (s->family != NULL) { /* a script is small already */
        (void)try(&x, &s->limits, true);
        munmap(x.shared, sizeof *x.shared);
        return;
    }
    for (int round = 0; round < 3; round++) {
        bool any = halve_down(&x, x.best.chaos_ms, true);

        any = drop_faults(&x) || any;
        any = drop_nodes(&x) || any;
        any = drop_plan(&x) || any;
        any = halve_down(&x, x.best.txs, false) || any;
        if (!any)
            break;
    }
    choose_salt(&x);
    printf("sim: shrunk from %llu to %llu events in %u attempts\n"
           "sim: what is left:\n",
           (unsigned long long)first.events,
           (unsigned long long)x.best.events,
           x.attempts);
    (void)try(&x, &s->limits, true);
    printf("sim: violation: %s\nsim: again: sim --seed %llu --seeds 1",
           x.best.why,
           (unsigned long long)seed);
    sim_limits_print(&s->limits);
    if (s->mutant != MUTANT_NONE)
        printf(" --mutant %s", core_mutant_names[s->mutant]);
    printf(" --app %s --trace\n", s->ops->name);
    munmap(x.shared, sizeof *x.shared);
}
