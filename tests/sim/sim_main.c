/* sim --seed N --views N [--nodes N] [--mutant NAME] [--app chain|ledger]
 *
 * Runs seeds from N on until so many views have passed, and ends with 1 at the
 * first violation, naming the seed that shows it again. */
#include "base/num.h"
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct sim *running;

/* An assertion of the core is a violation too: say which seed. */
static void on_abort(int number)
{
    (void)number;
    printf("sim: violation seed=%llu nodes=%u: an assertion failed\n",
           (unsigned long long)running->seed,
           running->params.n);
    fflush(stdout);
    _exit(1);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: sim [--seed N] [--seeds N] [--views N] [--nodes N] "
            "[--mutant NAME] [--app chain|ledger]\nmutants:");
    for (int m = 0; m < MUTANTS; m++)
        fprintf(stderr, " %s", core_mutant_names[m]);
    fprintf(stderr, "\n");
    return 2;
}

static bool find_mutant(enum core_mutant *out, const char *name)
{
    for (int m = 0; m < MUTANTS; m++) {
        if (strcmp(core_mutant_names[m], name) == 0) {
            *out = (enum core_mutant)m;
            return true;
        }
    }
    return false;
}

static bool find_app(const struct sim_app_ops **out, const char *name)
{
    static const struct sim_app_ops *const apps[] = {&sim_chain_app,
                                                     &sim_ledger_app};

    for (size_t i = 0; i < ARRAY_LEN(apps); i++) {
        if (strcmp(apps[i]->name, name) == 0) {
            *out = apps[i];
            return true;
        }
    }
    return false;
}

static uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void print_nodes(uint32_t counts)
{
    const char *comma = "";

    for (uint32_t n = 1; n <= SIM_NODES_MAX; n++) {
        if ((counts >> n & 1) != 0) {
            printf("%s%u", comma, n);
            comma = ",";
        }
    }
}

/* What each node thinks, for whoever looks into a violation. */
static void print_nodes_state(const struct sim *s)
{
    for (uint32_t i = 0; i < s->params.n; i++) {
        const struct sim_node *node = &s->nodes[i];
        const struct core *c = node->core;
        const struct core_cert_slot *slot =
            &c->certs[c->view % CORE_CERT_SLOTS];
        const bool here = slot->view == c->view;

        printf("  node %u:%s%s byz=%u view=%llu F=%llu height=%llu/%llu "
               "may_vote=%d busy=%d work=%d leader=%u prop=%d mine=%d%d%d "
               "observer=%d fresh=%d\n",
               i,
               node->up ? " up" : " down",
               node->correct ? "" : " faulty",
               node->byz,
               (unsigned long long)c->view,
               (unsigned long long)c->fin.view,
               (unsigned long long)node->height,
               (unsigned long long)c->fin.height,
               core_may_vote(c),
               core_is_busy(c),
               c->work,
               core_leader(c, c->view),
               here && slot->has_prop,
               here ? (int)slot->mine[VOTE_NOTARIZE].state : 0,
               here ? (int)slot->mine[VOTE_NULLIFY].state : 0,
               here ? (int)slot->mine[VOTE_FINALIZE].state : 0,
               c->observer,
               c->fresh);
    }
}

static void print_summary(const struct sim *s, uint64_t ms, int violations)
{
    printf("sim: app=%s seeds=%llu views=%llu nodes=",
           s->ops->name,
           (unsigned long long)s->total_seeds,
           (unsigned long long)s->total_views);
    print_nodes(s->node_counts);
    printf(" crashes=%llu blocks=%llu events=%llu simulated_s=%llu "
           "views_per_s=%llu violations=%d\n",
           (unsigned long long)s->total_crashes,
           (unsigned long long)s->total_blocks,
           (unsigned long long)s->total_events,
           (unsigned long long)(s->total_us / 1000000),
           (unsigned long long)(s->total_views * 1000 / (ms + 1)),
           violations);
}

int main(int argc, char **argv)
{
    static struct sim sim;
    uint64_t seed = 1;
    uint64_t seeds = UINT64_MAX;
    uint64_t views = 0;
    uint64_t nodes = 0;
    enum core_mutant mutant = MUTANT_NONE;
    const struct sim_app_ops *app = &sim_chain_app;
    const uint64_t from = clock_ms();
    uint64_t shown;

    for (int i = 1; i < argc; i += 2) {
        bool ok = i + 1 < argc;

        if (ok && strcmp(argv[i], "--seed") == 0)
            ok = num_parse_u64(&seed, argv[i + 1]);
        else if (ok && strcmp(argv[i], "--seeds") == 0)
            ok = num_parse_u64(&seeds, argv[i + 1]);
        else if (ok && strcmp(argv[i], "--views") == 0)
            ok = num_parse_u64(&views, argv[i + 1]);
        else if (ok && strcmp(argv[i], "--nodes") == 0)
            ok = num_parse_u64(&nodes, argv[i + 1]) && nodes >= 1 &&
                 nodes <= SIM_NODES_MAX;
        else if (ok && strcmp(argv[i], "--app") == 0)
            ok = find_app(&app, argv[i + 1]);
        else
            ok = ok && strcmp(argv[i], "--mutant") == 0 &&
                 find_mutant(&mutant, argv[i + 1]);
        if (!ok)
            return usage();
    }
    if (views == 0)
        views = seeds == UINT64_MAX ? 20000 : UINT64_MAX;
    sim_init(&sim, app);
    sim.mutant = mutant;
    running = &sim;
    signal(SIGABRT, on_abort);
    shown = from;
    while (sim.total_views < views && sim.total_seeds < seeds) {
        if (!sim_run(&sim, seed + sim.total_seeds, (uint32_t)nodes)) {
            printf("sim: violation seed=%llu nodes=%u time_ms=%llu: %s\n",
                   (unsigned long long)sim.seed,
                   sim.params.n,
                   (unsigned long long)(sim.now / SIM_MS),
                   sim.why);
            print_nodes_state(&sim);
            print_summary(&sim, clock_ms() - from, 1);
            return 1;
        }
        if (clock_ms() - shown > 10000) {
            shown = clock_ms();
            printf("sim: at seed %llu, %llu views\n",
                   (unsigned long long)sim.seed,
                   (unsigned long long)sim.total_views);
            fflush(stdout);
        }
    }
    print_summary(&sim, clock_ms() - from, 0);
    sim_deinit(&sim);
    return 0;
}
