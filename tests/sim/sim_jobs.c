#include "tests/sim/sim_jobs.h"

#include "base/check.h"
#include "base/num.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    RING = 1024, /* chunks that may be done ahead of the sum */
    JOBS_MAX = 64,
    CHUNK_SECONDS_MAX = 120, /* of one chunk: something hangs */
    COUNT_SECONDS_MAX = 20,  /* of one seed, while violations are counted */
};

enum chunk_state {
    CHUNK_FREE,
    CHUNK_TAKEN,
    CHUNK_DONE,
    CHUNK_FAILED,
};

struct chunk {
    _Atomic int state;
    uint64_t number;
    uint64_t seed; /* the one under way */
    struct sim_totals totals;
    char why[256];
};

/* Shared by all processes. */
struct board {
    _Atomic uint64_t next;   /* chunk to be taken */
    _Atomic uint64_t merged; /* chunks added up */
    _Atomic bool stop;
    struct chunk ring[RING];
};

static struct board *board;
static struct chunk *under_way; /* of this worker */

static uint64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void sim_totals_add(struct sim_totals *to, const struct sim_totals *more)
{
    to->seeds += more->seeds;
    to->views += more->views;
    to->crashes += more->crashes;
    to->blocks += more->blocks;
    to->events += more->events;
    to->simulated_us += more->simulated_us;
    to->cpu_us += more->cpu_us;
    to->epochs += more->epochs;
    to->joins += more->joins;
    to->leaves += more->leaves;
    to->rotations += more->rotations;
    for (int w = 0; w < WEATHERS; w++) {
        to->weather_seeds[w] += more->weather_seeds[w];
        to->weather_views[w] += more->weather_views[w];
        to->weather_us[w] += more->weather_us[w];
    }
    for (int f = 0; f < FAULTS; f++)
        to->faults[f] += more->faults[f];
    to->traces += more->traces;
    to->boundaries += more->boundaries;
    to->replays += more->replays;
    if (more->live_worst_ms > to->live_worst_ms) {
        to->live_worst_ms = more->live_worst_ms;
        to->live_worst_seed = more->live_worst_seed;
    }
    if (more->live_part_max > to->live_part_max) {
        to->live_part_max = more->live_part_max;
        to->live_part_seed = more->live_part_seed;
    }
    to->digest = sim_mix(to->digest ^ more->digest);
    to->node_counts |= more->node_counts;
}

/* ---- worker ---- */

/* A failed assertion, or a crash, is a violation too. */
static void on_signal(int number)
{
    const char *why = number == SIGABRT   ? "an assertion failed"
                      : number == SIGPROF ? "it does not end"
                                          : "it crashed";

    if (under_way != NULL) {
        snprintf(under_way->why, sizeof under_way->why, "%s", why);
        atomic_store(&under_way->state, CHUNK_FAILED);
    }
    _exit(1);
}

void sim_limit_cpu(uint32_t seconds)
{
    const struct itimerval t = {.it_value = {.tv_sec = (time_t)seconds}};

    (void)setitimer(ITIMER_PROF, &t, NULL);
}

static void catch_signals(void)
{
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    signal(SIGPROF, on_signal);
}

static void run_chunk(struct sim *s,
                      struct chunk *c,
                      const struct sim_request *r,
                      sim_run_fn run)
{
    const uint64_t first = r->seed + c->number * r->chunk;
    const uint64_t left = r->seeds - c->number * r->chunk;

    memset(&s->total, 0, sizeof s->total);
    sim_limit_cpu(r->count ? COUNT_SECONDS_MAX : CHUNK_SECONDS_MAX);
    for (uint64_t k = 0; k < r->chunk && k < left; k++) {
        c->seed = first + k;
        if (!run(s, c->seed)) {
            memcpy(c->why, s->why, sizeof c->why);
            c->totals = s->total;
            atomic_store(&c->state, CHUNK_FAILED);
            return;
        }
    }
    c->totals = s->total;
    atomic_store(&c->state, CHUNK_DONE);
}

static void work(struct sim *s, const struct sim_request *r, sim_run_fn run)
{
    catch_signals();
    while (!atomic_load(&board->stop)) {
        const uint64_t number = atomic_fetch_add(&board->next, 1);
        struct chunk *c = &board->ring[number % RING];

        if (number >= (r->seeds + r->chunk - 1) / r->chunk)
            return;
        while (number - atomic_load(&board->merged) >= RING) {
            if (atomic_load(&board->stop))
                return;
            usleep(1000);
        }
        c->number = number;
        under_way = c;
        atomic_store(&c->state, CHUNK_TAKEN);
        run_chunk(s, c, r, run);
        under_way = NULL;
    }
}

static pid_t start_worker(struct sim *s,
                          const struct sim_request *r,
                          sim_run_fn run)
{
    const pid_t parent = getpid();
    const pid_t pid = fork();

    ASSERT(pid >= 0);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    work(s, r, run);
    _exit(0);
}

/* ---- the state between two runs ---- */

/* A run goes on where the file says; it begins anew if there is none. */
static bool load_state(struct sim_outcome *out, struct sim_request *r)
{
    FILE *f = fopen(r->state, "rb");
    uint64_t first;
    uint64_t next;
    bool ok;

    if (f == NULL)
        return errno == ENOENT;
    ok = fread(&first, sizeof first, 1, f) == 1 &&
         fread(&next, sizeof next, 1, f) == 1 &&
         fread(&out->totals, sizeof out->totals, 1, f) == 1 && getc(f) == EOF &&
         first == r->seed && next >= first && next - first <= r->seeds;
    fclose(f);
    if (!ok)
        return false;
    printf("sim: %s goes on at seed %llu, after %llu views\n",
           r->what,
           (unsigned long long)next,
           (unsigned long long)out->totals.views);
    r->seeds -= next - first;
    r->seed = next;
    return true;
}

static void save_state(const struct sim_outcome *out,
                       const struct sim_request *r,
                       uint64_t first,
                       uint64_t next)
{
    char path[4096];
    FILE *f;
    bool ok;

    if (r->state == NULL)
        return;
    snprintf(path, sizeof path, "%s.new", r->state);
    f = fopen(path, "wb");
    if (f == NULL)
        return;
    ok = fwrite(&first, sizeof first, 1, f) == 1 &&
         fwrite(&next, sizeof next, 1, f) == 1 &&
         fwrite(&out->totals, sizeof out->totals, 1, f) == 1;
    if (fclose(f) == 0 && ok)
        (void)rename(path, r->state);
}

/* ---- the sum ---- */

static void fail(struct sim_outcome *out, const struct chunk *c)
{
    out->violations++;
    if (out->violation)
        return; /* the first one is told */
    out->violation = true;
    out->failed_seed = c->seed;
    memcpy(out->why, c->why, sizeof out->why);
}

/* Adds up what is done, in order.  True: enough. */
static bool merge(struct sim_outcome *out, const struct sim_request *r)
{
    const uint64_t chunks = (r->seeds + r->chunk - 1) / r->chunk;

    for (;;) {
        const uint64_t number = atomic_load(&board->merged);
        struct chunk *c = &board->ring[number % RING];
        int state;

        if (number == chunks || out->totals.views >= r->views)
            return true;
        state = atomic_load(&c->state);
        if (state == CHUNK_FREE || state == CHUNK_TAKEN)
            return false;
        sim_totals_add(&out->totals, &c->totals);
        if (state == CHUNK_FAILED) {
            fail(out, c);
            if (!r->count)
                return true;
        }
        atomic_store(&c->state, CHUNK_FREE);
        atomic_store(&board->merged, number + 1);
    }
}

/* A worker that was killed leaves its chunk behind.  One that a violation ended
 * has another take its place, if they are counted. */
static bool all_gone(pid_t *pids,
                     struct sim *s,
                     const struct sim_request *r,
                     sim_run_fn run)
{
    bool gone = true;

    for (uint32_t k = 0; k < r->jobs; k++) {
        int status;

        if (pids[k] != 0 && waitpid(pids[k], &status, WNOHANG) == pids[k]) {
            pids[k] = 0;
            if (r->count && WIFEXITED(status) && WEXITSTATUS(status) != 0)
                pids[k] = start_worker(s, r, run);
        }
        gone = gone && pids[k] == 0;
    }
    return gone;
}

static void progress(const struct sim_outcome *out,
                     const struct sim_request *r,
                     uint64_t from_ms)
{
    const struct sim_totals *t = &out->totals;

    printf("sim: %s %llu s: %llu seeds, %llu views, %llu views/s and core\n",
           r->what,
           (unsigned long long)((wall_ms() - from_ms) / 1000),
           (unsigned long long)t->seeds,
           (unsigned long long)t->views,
           (unsigned long long)(t->views * 1000000 / (t->cpu_us + 1)));
    fflush(stdout);
}

bool sim_run_jobs(struct sim *s,
                  struct sim_outcome *out,
                  const struct sim_request *request,
                  sim_run_fn run)
{
    struct sim_request r = *request;
    const uint64_t from_ms = wall_ms();
    uint64_t told_ms = from_ms;
    pid_t pids[JOBS_MAX] = {0};
    bool gone = false;
    bool enough;

    memset(out, 0, sizeof *out);
    if (r.state != NULL && !load_state(out, &r))
        return false;
    board = mmap(NULL,
                 sizeof *board,
                 PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS,
                 -1,
                 0);
    ASSERT(board != MAP_FAILED && r.jobs <= JOBS_MAX && r.jobs > 0);
    fflush(stdout);
    for (uint32_t k = 0; k < r.jobs; k++)
        pids[k] = start_worker(s, &r, run);
    while (!(enough = merge(out, &r)) && !gone) {
        usleep(2000);
        gone = all_gone(pids, s, &r, run);
        if (wall_ms() - told_ms > 10000) {
            told_ms = wall_ms();
            progress(out, &r, from_ms);
            save_state(out,
                       &r,
                       request->seed,
                       r.seed + atomic_load(&board->merged) * r.chunk);
        }
    }
    if (!enough && !merge(out, &r)) {
        fail(out, &board->ring[atomic_load(&board->merged) % RING]);
        snprintf(out->why, sizeof out->why, "its process was killed");
    }
    atomic_store(&board->stop, true);
    for (uint32_t k = 0; k < r.jobs; k++) {
        if (pids[k] == 0)
            continue;
        kill(pids[k], SIGKILL);
        (void)waitpid(pids[k], NULL, 0);
    }
    if (!out->violation)
        save_state(out,
                   &r,
                   request->seed,
                   r.seed + num_min_u64(atomic_load(&board->merged) * r.chunk,
                                        r.seeds));
    munmap(board, sizeof *board);
    return true;
}

/* ---- the report ---- */

static void print_node_counts(uint32_t counts)
{
    const char *comma = "";

    for (uint32_t n = 1; n <= SIM_VALIDATORS_MAX; n++) {
        if ((counts >> n & 1) != 0) {
            printf("%s%u", comma, n);
            comma = ",";
        }
    }
}

static uint64_t rate(uint64_t views, uint64_t us)
{
    return views * 1000000 / (us + 1);
}

static void print_faults(const struct sim_totals *t)
{
    uint32_t column = 0;

    for (int f = 0; f < FAULTS; f++) {
        column += (uint32_t)printf("%s%s=%llu",
                                   column == 0 ? "  faults: " : " ",
                                   sim_fault_names[f],
                                   (unsigned long long)t->faults[f]);
        if (column > 60) {
            printf("\n");
            column = 0;
        }
    }
    if (column != 0)
        printf("\n");
}

void sim_totals_print(const struct sim_totals *t,
                      const char *app,
                      uint64_t ms,
                      int violations)
{
    static const char *const weather[WEATHERS] = {"calm", "mixed", "storm"};

    printf("sim: app=%s seeds=%llu views=%llu views_per_s_and_core=%llu "
           "violations=%d digest=%016llx\n  nodes=",
           app,
           (unsigned long long)t->seeds,
           (unsigned long long)t->views,
           (unsigned long long)rate(t->views, t->cpu_us),
           violations,
           (unsigned long long)t->digest);
    print_node_counts(t->node_counts);
    printf(" blocks=%llu crashes=%llu events=%llu replays_compared=%llu "
           "simulated_s=%llu cpu_s=%llu wall_s=%llu\n",
           (unsigned long long)t->blocks,
           (unsigned long long)t->crashes,
           (unsigned long long)t->events,
           (unsigned long long)t->replays,
           (unsigned long long)(t->simulated_us / 1000000),
           (unsigned long long)(t->cpu_us / 1000000),
           (unsigned long long)(ms / 1000));
    if (t->epochs != 0)
        printf("  epochs ended=%llu by joins=%llu leaves=%llu rotations=%llu\n",
               (unsigned long long)t->epochs,
               (unsigned long long)t->joins,
               (unsigned long long)t->leaves,
               (unsigned long long)t->rotations);
    for (int w = 0; w < WEATHERS; w++) {
        if (t->weather_seeds[w] != 0)
            printf("  %s: seeds=%llu views=%llu views_per_s_and_core=%llu\n",
                   weather[w],
                   (unsigned long long)t->weather_seeds[w],
                   (unsigned long long)t->weather_views[w],
                   (unsigned long long)rate(t->weather_views[w],
                                            t->weather_us[w]));
    }
    print_faults(t);
    printf("  after a heal all was final within %llu ms (seed %llu), and "
           "within %llu of 1000 of its bound (seed %llu)\n",
           (unsigned long long)t->live_worst_ms,
           (unsigned long long)t->live_worst_seed,
           (unsigned long long)t->live_part_max,
           (unsigned long long)t->live_part_seed);
}

void sim_scripts_print(const struct sim_totals *t, uint64_t ms, int violations)
{
    printf("sim: twins scripts=%llu scripts_per_s_and_core=%llu views=%llu "
           "views_per_s_and_core=%llu violations=%d digest=%016llx\n"
           "  events=%llu simulated_s=%llu cpu_s=%llu wall_s=%llu\n"
           "  after a script all was final within %llu ms (script %llu)\n",
           (unsigned long long)t->seeds,
           (unsigned long long)rate(t->seeds, t->cpu_us),
           (unsigned long long)t->views,
           (unsigned long long)rate(t->views, t->cpu_us),
           violations,
           (unsigned long long)t->digest,
           (unsigned long long)t->events,
           (unsigned long long)(t->simulated_us / 1000000),
           (unsigned long long)(t->cpu_us / 1000000),
           (unsigned long long)(ms / 1000),
           (unsigned long long)t->live_worst_ms,
           (unsigned long long)t->live_worst_seed);
}

void sim_crashes_print(const struct sim_totals *t, uint64_t ms, int violations)
{
    printf("sim: crashes traces=%llu crashes_at_effects=%llu runs=%llu "
           "views=%llu epochs=%llu violations=%d digest=%016llx\n"
           "  events=%llu cpu_s=%llu wall_s=%llu\n"
           "  after a heal all was final within %llu ms (trace %llu)\n",
           (unsigned long long)t->traces,
           (unsigned long long)t->boundaries,
           (unsigned long long)t->seeds,
           (unsigned long long)t->views,
           (unsigned long long)t->epochs,
           violations,
           (unsigned long long)t->digest,
           (unsigned long long)t->events,
           (unsigned long long)(t->cpu_us / 1000000),
           (unsigned long long)(ms / 1000),
           (unsigned long long)t->live_worst_ms,
           (unsigned long long)t->live_worst_seed);
}
