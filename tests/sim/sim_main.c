/* sim [--seed N] [--seeds N] [--views N] [--jobs N] [--app NAME] ...
 *
 * Runs seeds from N on until so many seeds or views have passed, and ends with
 * 1 at the first violation, which it shrinks and tells. */
#include "base/num.h"
#include "tests/sim/sim_jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct options {
    struct sim_request request;
    struct sim_limits limits;
    enum core_mutant mutant;
    const struct sim_app_ops *app;
    bool trace;
    bool twice;
    uint64_t twins; /* views of the scripts; 0 = seeds */
    bool crashes;
    uint64_t boundary, keep;
    const char *leaders;
    const char *sides;
    bool shrink;
};

static int usage(void)
{
    fprintf(
        stderr,
        "sim: whole networks in one process, each from its seed\n\n"
        "  --seed N      first seed (1)\n"
        "  --seeds N     run so many seeds\n"
        "  --views N     or until so many views have passed\n"
        "  --jobs N      in so many processes (1)\n"
        "  --app NAME    chain (a hash chain), epochs (one that changes its\n"
        "                set of validators), ledger (the block engine)\n"
        "  --state FILE  go on where FILE says, and keep it up to date\n"
        "  --mutant NAME with a rule of the core removed\n"
        "  --twins V     all scripts of V views with a second copy of one\n"
        "                of four validators, instead of seeds\n"
        "  --leaders all|two|twin  --sides all|split  who leads and who is\n"
        "                apart in them\n"
        "  --crashes yes  every seed a short run; in it a crash at every\n"
        "                effect of one node\n"
        "  --boundary N --keep N  one of these, to be told\n"
        "leave out (a violation says which):\n"
        "  --off NAME,NAME...  kinds of faults\n"
        "  --plan-off K-L,...  steps of the plan\n"
        "  --nodes N --chaos-ms N --txs N\n"
        "  --salt N      other chances in the same shape\n"
        "  --trace yes   tell what happens\n"
        "  --twice yes   run each seed twice: the same must happen\n"
        "  --shrink no   a violation is not made smaller\n"
        "  --count yes   count the seeds with a violation, go on\nfaults:");
    for (int f = 0; f < FAULTS; f++)
        fprintf(stderr, " %s", sim_fault_names[f]);
    fprintf(stderr, "\nmutants:");
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
    static const struct sim_app_ops *const apps[] = {
        &sim_chain_app, &sim_epochs_app, &sim_ledger_app};

    for (size_t i = 0; i < ARRAY_LEN(apps); i++) {
        if (strcmp(apps[i]->name, name) == 0) {
            *out = apps[i];
            return true;
        }
    }
    return false;
}

static bool parse_off(struct sim_limits *l, char *list)
{
    char *rest;

    for (char *name = strtok_r(list, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        enum sim_fault f;

        if (!sim_fault_find(&f, name))
            return false;
        l->off |= SIM_BIT(f);
    }
    return true;
}

static bool parse_plan(struct sim_limits *l, char *list)
{
    char *rest;

    for (char *part = strtok_r(list, ",", &rest); part != NULL;
         part = strtok_r(NULL, ",", &rest)) {
        unsigned from;
        unsigned to;

        if (sscanf(part, "%u-%u", &from, &to) != 2 || to >= SIM_PLAN_MAX)
            return false;
        for (unsigned k = from; k <= to; k++)
            l->plan_off[k / 64] |= 1ull << k % 64;
    }
    return true;
}

static bool parse_number(uint64_t *out, const char *text, uint64_t max)
{
    return num_parse_u64(out, text) && *out <= max;
}

static bool take_limit(struct sim_limits *l, const char *name, char *value)
{
    uint64_t n = 0;

    if (strcmp(name, "--off") == 0)
        return parse_off(l, value);
    if (strcmp(name, "--plan-off") == 0)
        return parse_plan(l, value);
    if (strcmp(name, "--chaos-ms") == 0)
        return parse_number(&l->chaos_ms, value, 1000000);
    if (strcmp(name, "--txs") == 0 && parse_number(&n, value, SIM_TXS_MAX)) {
        l->txs = (uint32_t)n;
        return true;
    }
    if (strcmp(name, "--salt") == 0 && parse_number(&n, value, UINT32_MAX)) {
        l->salt = (uint32_t)n;
        return true;
    }
    if (strcmp(name, "--nodes") == 0 &&
        parse_number(&n, value, SIM_VALIDATORS_MAX)) {
        l->nodes = (uint32_t)n;
        return true;
    }
    return false;
}

static bool take_flag(struct options *o, const char *name, char *value)
{
    struct sim_request *r = &o->request;
    uint64_t n = 0;

    if (strcmp(name, "--seed") == 0)
        return num_parse_u64(&r->seed, value);
    if (strcmp(name, "--seeds") == 0)
        return num_parse_u64(&r->seeds, value);
    if (strcmp(name, "--views") == 0)
        return num_parse_u64(&r->views, value);
    if (strcmp(name, "--state") == 0) {
        r->state = value;
        return true;
    }
    if (strcmp(name, "--app") == 0)
        return find_app(&o->app, value);
    if (strcmp(name, "--mutant") == 0)
        return find_mutant(&o->mutant, value);
    if (strcmp(name, "--trace") == 0) {
        o->trace = strcmp(value, "yes") == 0;
        return true;
    }
    if (strcmp(name, "--twins") == 0)
        return parse_number(&o->twins, value, SCRIPT_VIEWS_MAX);
    if (strcmp(name, "--leaders") == 0) {
        o->leaders = value;
        return true;
    }
    if (strcmp(name, "--sides") == 0) {
        o->sides = value;
        return true;
    }
    if (strcmp(name, "--crashes") == 0) {
        o->crashes = strcmp(value, "yes") == 0;
        return true;
    }
    if (strcmp(name, "--boundary") == 0)
        return num_parse_u64(&o->boundary, value);
    if (strcmp(name, "--keep") == 0)
        return parse_number(&o->keep, value, UINT32_MAX);
    if (strcmp(name, "--twice") == 0) {
        o->twice = strcmp(value, "yes") == 0;
        return true;
    }
    if (strcmp(name, "--shrink") == 0) {
        o->shrink = strcmp(value, "no") != 0;
        return true;
    }
    if (strcmp(name, "--count") == 0) {
        r->count = strcmp(value, "yes") == 0;
        return true;
    }
    if (strcmp(name, "--jobs") == 0 && parse_number(&n, value, 64) && n > 0) {
        r->jobs = (uint32_t)n;
        return true;
    }
    return take_limit(&o->limits, name, value);
}

static uint64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Whether a seed says everything. */
static bool run_twice(struct sim *s, uint64_t seed)
{
    const bool ok = s->run(s, seed);
    const uint64_t digest = s->digest;

    if (!ok || !s->run(s, seed))
        return false;
    if (s->digest != digest)
        sim_fail(s, "the second run of the seed is another one");
    return !s->failed;
}

/* One seed, told as it goes. */
static int run_traced(struct sim *s, uint64_t seed)
{
    const bool ok = s->run(s, seed);

    if (!ok)
        sim_tell_nodes(s);
    sim_totals_print(&s->total, s->ops->name, 0, ok ? 0 : 1);
    return ok ? 0 : 1;
}

static int run_many(struct sim *s, const struct options *o)
{
    const uint64_t from = wall_ms();
    struct sim_outcome outcome;

    if (!sim_run_jobs(
            s, &outcome, &o->request, o->twice ? run_twice : s->run)) {
        fprintf(stderr, "sim: %s is of another run\n", o->request.state);
        return 2;
    }
    if (outcome.violation)
        printf("sim: violation seed=%llu: %s\n",
               (unsigned long long)outcome.failed_seed,
               outcome.why);
    if (s->family != NULL)
        sim_scripts_print(
            &outcome.totals, wall_ms() - from, outcome.violation ? 1 : 0);
    else if (o->crashes)
        sim_crashes_print(
            &outcome.totals, wall_ms() - from, outcome.violation ? 1 : 0);
    else
        sim_totals_print(&outcome.totals,
                         s->ops->name,
                         wall_ms() - from,
                         outcome.violation ? 1 : 0);
    if (o->request.count)
        printf("sim: violations=%llu of=%llu\n",
               (unsigned long long)outcome.violations,
               (unsigned long long)o->request.seeds);
    else if (outcome.violation && o->shrink && !o->crashes)
        sim_shrink(s, outcome.failed_seed);
    return outcome.violation ? 1 : 0;
}

/* Scripts are numbered from 0, and all are run unless a number is asked for. */
static bool use_scripts(struct sim *s, struct options *o)
{
    static struct sim_family family;
    struct sim_request *r = &o->request;
    uint64_t size;

    if (!sim_family_make(&family, (uint32_t)o->twins, o->leaders, o->sides))
        return false;
    size = sim_family_size(&family);
    printf("sim: twins views=%u leaders=%s sides=%s: %llu scripts, %llu with "
           "symmetric ones\n",
           family.views,
           o->leaders,
           o->sides,
           (unsigned long long)size,
           (unsigned long long)sim_family_all(&family));
    if (r->seed >= size)
        return false;
    r->seeds = num_min_u64(r->seeds, size - r->seed);
    r->what = "twins";
    s->family = &family;
    s->run = sim_script_run;
    return true;
}

static void use_crashes(struct sim *s, struct options *o)
{
    o->request.chunk = 1;
    o->request.what = "crashes";
    s->run = sim_crashes_run;
    s->watch.only = o->boundary;
    s->watch.only_keep = (uint32_t)o->keep;
}

int main(int argc, char **argv)
{
    static struct sim sim;
    struct options o = {.request = {.seed = UINT64_MAX,
                                    .seeds = UINT64_MAX,
                                    .jobs = 1,
                                    .chunk = 20},
                        .app = &sim_chain_app,
                        .leaders = "all",
                        .sides = "all",
                        .shrink = true};
    struct sim_request *r = &o.request;
    int code;

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc || !take_flag(&o, argv[i], argv[i + 1]))
            return usage();
    }
    if (r->seed == UINT64_MAX)
        r->seed = o.twins != 0 ? 0 : 1;
    if (r->views == 0)
        r->views = r->seeds == UINT64_MAX && o.twins == 0 ? 20000 : UINT64_MAX;
    r->seeds = num_min_u64(r->seeds, UINT64_MAX / 2);
    r->what = o.app->name;
    sim_init(&sim, o.app);
    sim.run = sim_run;
    sim.mutant = o.mutant;
    sim.limits = o.limits;
    sim.trace = o.trace;
    if (o.twins != 0 && !use_scripts(&sim, &o))
        return usage();
    if (r->count)
        r->chunk = 1;
    if (o.crashes)
        use_crashes(&sim, &o);
    code = o.trace ? run_traced(&sim, r->seed) : run_many(&sim, &o);
    sim_deinit(&sim);
    return code;
}
