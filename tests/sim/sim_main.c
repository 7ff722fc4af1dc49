/* sim --seed N --seeds N --views N [--nodes N] [--mutant NAME] */
#include "tests/sim/sim.h"

#include "base/num.h"

#include <malloc.h>
#include <stdio.h>

static uint64_t number(const char *text)
{
    uint64_t n = 0;

    return num_parse_u64(&n, text) ? n : 0;
}

int main(int argc, char **argv)
{
    struct sim_options o = {.seed = 1, .views = 60};
    struct sim_result all = {0};
    uint64_t seeds = 1;
    uint64_t bad = 0;
    uint64_t first;

    /* Large short-lived blocks: keep them in the heap. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            o.seed = number(argv[i + 1]);
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = number(argv[i + 1]);
        else if (strcmp(argv[i], "--views") == 0)
            o.views = number(argv[i + 1]);
        else if (strcmp(argv[i], "--nodes") == 0)
            o.nodes = (uint32_t)number(argv[i + 1]);
        else if (strcmp(argv[i], "--mutant") == 0) {
            for (int m = 0; m < MUTANTS; m++) {
                if (strcmp(argv[i + 1], core_mutant_names[m]) == 0)
                    o.mutant = (enum core_mutant)m;
            }
        }
    }
    if (o.nodes > SIM_NODES_MAX) {
        fprintf(stderr, "sim: at most %d nodes\n", SIM_NODES_MAX);
        return 2;
    }
    first = o.seed;
    for (; o.seed < first + seeds; o.seed++) {
        const struct sim_result r = sim_run(&o);

        all.views += r.views;
        all.heights += r.heights;
        all.crashes += r.crashes;
        all.messages += r.messages;
        all.txs += r.txs;
        if (r.violation != NULL) {
            printf("sim: seed %llu at %llu ms: %s\n",
                   (unsigned long long)o.seed,
                   (unsigned long long)r.at_ms,
                   r.violation);
            if (bad++ >= 4)
                break;
        }
        if ((o.seed - first + 1) % 100 == 0)
            fprintf(stderr,
                    "sim: %llu seeds, %llu views\n",
                    (unsigned long long)(o.seed - first + 1),
                    (unsigned long long)all.views);
    }
    printf("sim: seeds=%llu views=%llu heights=%llu txs=%llu crashes=%llu "
           "messages=%llu violations=%llu\n",
           (unsigned long long)seeds,
           (unsigned long long)all.views,
           (unsigned long long)all.heights,
           (unsigned long long)all.txs,
           (unsigned long long)all.crashes,
           (unsigned long long)all.messages,
           (unsigned long long)bad);
    return bad == 0 ? 0 : 1;
}
