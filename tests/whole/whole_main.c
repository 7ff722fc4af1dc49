/* whole [--seed N] [--seeds N] [--jobs N] [--nodes N] [--twice yes] ...
 *
 * Runs seeds from N on, each in a process of its own, and ends with 1 if there
 * was a violation, with the seed that shows it. */
#include "tests/whole/whole.h"

#include "base/log.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    JOBS_MAX = 64,
    SEED_CPU_S = 120, /* or it does not end */
};

struct options {
    uint64_t seed, seeds, jobs, nodes;
    bool twice, log;
    bool count; /* go on after a violation, and count them */
    bool sweep; /* one seed, a fault at each of --seeds calls */
};

/* Between the processes. */
struct shared {
    struct whole_base base;
    struct whole_derived derived;
    struct job {
        struct whole_totals total;
        uint64_t violations, failed_seed;
        char why[256];
    } job[JOBS_MAX];
    volatile bool stop;
};

static struct shared *shared;

static int usage(void)
{
    fprintf(
        stderr,
        "whole: whole nodes in one process, each network from its seed\n\n"
        "  --seed N --seeds N  which (1, 1)\n"
        "  --jobs N      in so many processes (1)\n"
        "  --nodes N     1 to 7 (4)\n"
        "  --twice yes   each seed twice: the same must happen\n"
        "  --count yes   go on after a violation and count them\n"
        "  --mutant NAME with a fault planted in the driver\n"
        "  --off NAME,NAME...  kinds of faults that do not happen\n"
        "  --calls NAME  one seed; at_call, eio, enospc or short at each of\n"
        "                the first --seeds calls on files of a start\n"
        "  --trace yes   tell what happens; --log yes: the nodes' too\n"
        "faults:");
    for (int f = 0; f < WHOLE_FAULTS; f++)
        fprintf(stderr, " %s", whole_fault_names[f]);
    fprintf(stderr, "\nmutants:");
    for (int m = 1; m < WHOLE_PLANTS; m++)
        fprintf(stderr, " %s", whole_mutant_names[m]);
    fprintf(stderr, "\n");
    return 2;
}

static bool take_off(char *list)
{
    char *rest;

    for (char *name = strtok_r(list, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        int f = 0;

        while (f < WHOLE_FAULTS && strcmp(whole_fault_names[f], name) != 0)
            f++;
        if (f == WHOLE_FAULTS && strcmp(name, "all-faults") != 0)
            return false;
        whole.off |= f == WHOLE_FAULTS ? UINT32_MAX : 1u << f;
    }
    return true;
}

static bool take_sweep(struct options *o, const char *name)
{
    static const enum whole_fault all[] = {
        FAULT_AT_CALL, FAULT_EIO, FAULT_ENOSPC, FAULT_SHORT};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (strcmp(whole_fault_names[all[i]], name) != 0)
            continue;
        whole.call_fault = all[i];
        o->sweep = true;
    }
    return o->sweep;
}

static bool take_mutant(const char *name)
{
    for (int m = 1; m < WHOLE_PLANTS; m++) {
        if (strcmp(whole_mutant_names[m], name) == 0) {
            whole.mutant = (enum whole_mutant)m;
            return true;
        }
    }
    return false;
}

static bool take_flag(struct options *o, const char *name, char *value)
{
    const bool yes = strcmp(value, "yes") == 0;

    if (strcmp(name, "--seed") == 0)
        return num_parse_u64(&o->seed, value);
    if (strcmp(name, "--seeds") == 0)
        return num_parse_u64(&o->seeds, value);
    if (strcmp(name, "--jobs") == 0)
        return num_parse_u64(&o->jobs, value) && o->jobs >= 1 &&
               o->jobs <= JOBS_MAX;
    if (strcmp(name, "--nodes") == 0)
        return num_parse_u64(&o->nodes, value) && o->nodes >= 1 &&
               o->nodes <= WHOLE_NODES;
    if (strcmp(name, "--twice") == 0)
        o->twice = yes;
    else if (strcmp(name, "--count") == 0)
        o->count = yes;
    else if (strcmp(name, "--trace") == 0)
        whole.trace = yes;
    else if (strcmp(name, "--log") == 0)
        o->log = yes;
    else if (strcmp(name, "--mutant") == 0)
        return take_mutant(value);
    else if (strcmp(name, "--calls") == 0)
        return take_sweep(o, value);
    else if (strcmp(name, "--off") == 0)
        return take_off(value);
    else
        return false;
    return true;
}

static uint64_t real_ms(void)
{
    struct timespec t;

    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- one seed, in a process of its own ---- */

static void run_seed(const struct options *o, struct job *job, uint64_t seed)
{
    const struct itimerval limit = {.it_value = {SEED_CPU_S, 0}};
    uint64_t digest;
    bool ok;

    (void)setitimer(ITIMER_PROF, &limit, NULL);
    whole.total = job->total;
    ok = whole_seed(&shared->base, seed);
    digest = whole.digest;
    if (ok && o->twice) {
        ok = whole_seed(&shared->base, seed);
        if (ok && whole.digest != digest) {
            ok = false;
            snprintf(whole.why,
                     sizeof whole.why,
                     "the second run of the seed is another one");
        }
    }
    if (whole.trace)
        printf("whole: seed=%llu digest=%016llx\n",
               (unsigned long long)seed,
               (unsigned long long)digest);
    job->total = whole.total;
    if (!ok) {
        job->violations++;
        job->failed_seed = seed;
        snprintf(job->why, sizeof job->why, "%s", whole.why);
    }
}

/* What the process could not say itself. */
static void note_end(struct job *job, uint64_t seed, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    job->violations++;
    job->failed_seed = seed;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
        snprintf(job->why, sizeof job->why, "the seed does not end");
    else
        snprintf(job->why,
                 sizeof job->why,
                 "the process ended with status %#x",
                 (unsigned)status);
}

static void run_job(const struct options *o, uint64_t number)
{
    struct job *job = &shared->job[number];

    for (uint64_t i = number; i < o->seeds && !shared->stop; i += o->jobs) {
        const uint64_t violations = job->violations;
        const pid_t pid = fork();
        int status = 0;

        if (pid == 0) {
            whole.call = o->sweep ? i + 1 : 0;
            run_seed(o, job, o->seed + (o->sweep ? 0 : i));
            fflush(NULL);
            _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            abort();
        note_end(job, o->seed + i, status);
        if (job->violations == violations)
            continue;
        if (o->sweep)
            job->failed_seed = i + 1;
        if (o->count)
            fprintf(stderr,
                    "whole: %s=%llu: %s\n",
                    o->sweep ? "call" : "seed",
                    (unsigned long long)job->failed_seed,
                    job->why);
        else
            shared->stop = true;
    }
}

/* ---- all of them ---- */

static void add(struct whole_totals *to, const struct whole_totals *t)
{
    to->seeds += t->seeds;
    to->views += t->views;
    to->blocks += t->blocks;
    to->txs += t->txs;
    to->restarts += t->restarts;
    to->halts += t->halts;
    to->acks += t->acks;
    to->events += t->events;
    to->frames += t->frames;
    to->disk_calls += t->disk_calls;
    to->sim_ms += t->sim_ms;
    if (t->heal_ms_max > to->heal_ms_max)
        to->heal_ms_max = t->heal_ms_max;
    if (t->all_ms_max > to->all_ms_max)
        to->all_ms_max = t->all_ms_max;
    for (int f = 0; f < WHOLE_FAULTS; f++)
        to->faults[f] += t->faults[f];
}

static uint64_t print(const struct options *o, uint64_t ms)
{
    struct whole_totals t = {0};
    uint64_t violations = 0;

    for (uint64_t i = 0; i < o->jobs; i++) {
        add(&t, &shared->job[i].total);
        violations += shared->job[i].violations;
    }
    printf("sim-whole: nodes=%llu seeds=%llu views=%llu blocks=%llu txs=%llu "
           "acks=%llu restarts=%llu halts=%llu events=%llu frames=%llu "
           "disk_calls=%llu\n",
           (unsigned long long)o->nodes,
           (unsigned long long)t.seeds,
           (unsigned long long)t.views,
           (unsigned long long)t.blocks,
           (unsigned long long)t.txs,
           (unsigned long long)t.acks,
           (unsigned long long)t.restarts,
           (unsigned long long)t.halts,
           (unsigned long long)t.events,
           (unsigned long long)t.frames,
           (unsigned long long)t.disk_calls);
    printf("sim-whole: faults");
    for (int f = 0; f < WHOLE_FAULTS; f++)
        printf(
            " %s=%llu", whole_fault_names[f], (unsigned long long)t.faults[f]);
    printf("\nsim-whole: simulated_s=%llu first_block_after_healing_ms=%llu "
           "all_final_ms=%llu seconds=%.1f violations=%llu\n",
           (unsigned long long)(t.sim_ms / 1000),
           (unsigned long long)t.heal_ms_max,
           (unsigned long long)t.all_ms_max,
           (double)ms / 1000,
           (unsigned long long)violations);
    return violations;
}

/* In a process of its own: a library that has made threads survives no fork. */
static bool make_base(const char *root, const struct options *o)
{
    const pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        const bool ok =
            whole_base_make(&shared->base, root, (uint32_t)o->nodes);

        if (!ok)
            fprintf(stderr, "whole: the market: %s\n", whole.why);
        _exit(ok ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void run_jobs(const struct options *o)
{
    for (uint64_t i = 0; i < o->jobs; i++) {
        const pid_t pid = fork();

        if (pid < 0)
            abort();
        if (pid == 0) {
            run_job(o, i);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .seeds = 1, .jobs = 1, .nodes = 4};
    char root[WHOLE_PATH];
    char command[2 * WHOLE_PATH];
    const uint64_t from = real_ms();
    enum whole_mutant mutant;
    uint64_t violations;

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc || !take_flag(&o, argv[i], argv[i + 1]))
            return usage();
    }
    signal(SIGPIPE, SIG_IGN);
    log_set(o.log ? LOG_INFO_ : (enum log_level)(LOG_BROKEN_ + 1), 0);
    snprintf(root,
             sizeof root,
             "%s/equity-whole-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    shared = mmap(NULL,
                  sizeof *shared,
                  PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS,
                  -1,
                  0);
    if (shared == MAP_FAILED || mkdtemp(root) == NULL)
        return 2;
    whole_derived = &shared->derived;
    snprintf(whole.root, sizeof whole.root, "%s", root);
    mutant = whole.mutant;
    whole.mutant = PLANT_NONE;
    if (!make_base(root, &o)) {
        fprintf(stderr, "whole: no market; see %s\n", root);
        return 2;
    }
    whole.mutant = mutant;
    run_jobs(&o);
    violations = print(&o, real_ms() - from);
    for (uint64_t i = 0; i < o.jobs && !o.count; i++) {
        if (shared->job[i].violations > 0)
            printf("sim-whole: violation %s=%llu: %s\n",
                   o.sweep ? "call" : "seed",
                   (unsigned long long)shared->job[i].failed_seed,
                   shared->job[i].why);
    }
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command) == 0 && violations == 0 ? 0 : 1;
}
