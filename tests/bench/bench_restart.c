/* bench_restart - how long a node takes to rebuild its state, and in how much
 * memory.
 *
 *   bench_restart [HOLDINGS [DIR]]      default: 1000000
 *
 * A store in DIR is kept, and used again if it is there.
 * A process of its own fills a store with the register, block by block, and
 * ends.  Then, as at a start: the store is opened, its rows are read, the
 * forest is built and hashed, the root compared and every sum taken anew; a
 * process for each time, with the pages of the files in memory and without.
 * Times are of the clock: several threads work. */
#include "base/check.h"
#include "base/num.h"
#include "node/start.h"
#include "tests/bench/chain.h"
#include "tests/bench/measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TIMES = 3,
};

/* ---- a start ---- */

/* The pages of the files go out of memory. */
static void forget_files(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    ASSERT(d != NULL);
    while ((e = readdir(d)) != NULL) {
        const int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
            continue;
        fsync(fd);
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
    closedir(d);
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static int start(struct chain *c, uint64_t holdings)
{
    const uint64_t begin = wall_ns();
    const uint64_t before = resident_bytes();
    struct engine *engine;
    struct header tip;
    uint64_t opened;
    uint64_t done;
    uint64_t cpu;
    enum err e;

    chain_open(c);
    opened = wall_ns();
    cpu = process_ns();
    e = load_engine(&engine, &tip, &c->genesis, c->store);
    done = wall_ns();
    cpu = process_ns() - cpu;
    if (e != ERR_NONE) {
        fprintf(stderr, "bench_restart: %s\n", err_text(e));
        return 1;
    }
    row("- by the clock, opening in it; CPU; load average",
        "%.2f s, %.2f; %.2f s; %.0f",
        seconds(done - begin),
        seconds(opened - begin),
        seconds(cpu),
        load_average());
    row("- memory of a holding and its share of the rest; most",
        "%llu B; %llu B",
        (unsigned long long)((resident_bytes() - before) / holdings),
        (unsigned long long)((resident_peak() - before) / holdings));
    return 0; /* the memory goes with the process */
}

/* ---- the parts, one after another ---- */

static enum err pass(void *ctx, const struct row_key *key, struct bytes row)
{
    (void)ctx;
    (void)key;
    (void)row;
    return ERR_NONE;
}

static enum err insert(void *ctx, const struct row_key *key, struct bytes row)
{
    return engine_load_row(ctx, key, row);
}

static uint64_t read_all(struct chain *c, store_row_fn each, void *ctx)
{
    const uint64_t from = thread_ns();
    const enum err e = store_each_row(c->store, NULL, NULL, each, ctx);

    ASSERT(e == ERR_NONE);
    return thread_ns() - from;
}

static int parts(struct chain *c, uint64_t holdings)
{
    struct engine *e = engine_new_empty(&c->genesis);
    uint64_t reading;
    uint64_t inserting;
    uint64_t hashing;

    chain_open(c);
    reading = read_all(c, pass, NULL);
    inserting = read_all(c, insert, e) - reading;
    hashing = thread_ns();
    engine_load_hash(e);
    hashing = thread_ns() - hashing;
    row("- ns a holding: read; insert and add up; hash",
        "%llu; %llu; %llu",
        (unsigned long long)(reading / holdings),
        (unsigned long long)(inserting / holdings),
        (unsigned long long)(hashing / holdings));
    return 0;
}

typedef int (*child_fn)(struct chain *c, uint64_t holdings);

static void in_child(child_fn what, struct chain *c, uint64_t holdings)
{
    pid_t pid;
    int status = 0;

    fflush(stdout);
    pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        status = what(c, holdings);
        fflush(stdout);
        _exit(status);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench_restart: a process failed; see %s\n", c->dir);
        exit(1);
    }
}

/* Waits until the library's own threads have merged what they will, as in a
 * node that has run for a while. */
static void settle(void)
{
    const uint64_t second = 1000000000;
    uint64_t cpu;

    do {
        cpu = process_ns();
        sleep(1);
    } while (process_ns() - cpu > second / 100);
}

static int fill_store(struct chain *c, uint64_t holdings)
{
    chain_open(c);
    chain_fill(c, state_new(), holdings);
    settle();
    chain_close(c);
    chain_open(c); /* what was in the log is merged too */
    settle();
    chain_close(c);
    return 0;
}

static bool has_store(const char *dir)
{
    char path[80];

    snprintf(path, sizeof path, "%s/CURRENT", dir);
    return access(path, F_OK) == 0;
}

int main(int argc, char **argv)
{
    static struct chain c;
    uint64_t holdings = 1000000;
    uint64_t began = wall_ns();

    if ((argc > 1 && !num_parse_u64(&holdings, argv[1])) ||
        holdings < CHAIN_HOLDERS * CHAIN_SECURITIES) {
        fprintf(stderr, "usage: bench_restart [HOLDINGS >= 10000 [DIR]]\n");
        return 64;
    }
    holdings -= holdings % (CHAIN_HOLDERS * CHAIN_SECURITIES);
    chain_new(&c, argc > 2 ? argv[2] : NULL);
    if (!has_store(c.dir))
        in_child(fill_store, &c, holdings);
    row("restart with the root compared, holdings",
        "%llu (store filled in %.0f s)",
        (unsigned long long)holdings,
        seconds(wall_ns() - began));
    row("restart, files in memory", "three times");
    for (int i = 0; i < TIMES; i++)
        in_child(start, &c, holdings);
    row("restart, files on the disk alone", "three times");
    for (int i = 0; i < TIMES; i++) {
        forget_files(c.dir);
        in_child(start, &c, holdings);
    }
    row("restart, CPU of its parts one after another", "one thread");
    in_child(parts, &c, holdings);
    if (argc < 3)
        chain_remove(&c);
    return 0;
}
