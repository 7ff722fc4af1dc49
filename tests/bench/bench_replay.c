/* bench_replay [TRANSFERS]: how fast a history is checked, as a ratio to the
 * rate at which this machine verifies signatures at all.
 *
 * A history of four validators is made first: blocks of 1,000 transfers of four
 * signatures each.  It is then read from a file and replayed as equity verify
 * chain does, beside runs of nothing but verifications: a shared machine is not
 * equally fast all the time. */
#include "archive/file.h"
#include "archive/replay.h"
#include "base/check.h"
#include "base/num.h"
#include "tests/bench/transfers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    PER_BLOCK = 1000,
    ROUNDS = 3,
    THREADS_MAX = 64,
};

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- the history ---- */

static void keep(void *ctx,
                 const struct transfers *t,
                 const struct executed_block *b,
                 const struct cert *cert)
{
    uint8_t room[CERT_BYTES_MAX];
    struct writer w = writer_of(room, sizeof room);

    (void)t;
    if (cert != NULL)
        cert_encode(&w, cert);
    if (archive_append(ctx, b->header_bytes, writer_bytes(&w), b->body) !=
        ERR_NONE)
        abort();
}

static void make_history(struct transfers *t, const char *path, uint32_t count)
{
    struct archive_writer *out;
    uint8_t *room = malloc(GENESIS_BYTES_MAX);
    struct writer w = writer_of(room, GENESIS_BYTES_MAX);

    transfers_genesis(t);
    schema_encode(&w, &genesis_schema, &t->genesis);
    if (archive_create(&out, path, &t->market.chain_id, 0, writer_bytes(&w)) !=
        ERR_NONE)
        abort();
    transfers_begin(t, keep, out);
    for (uint32_t i = 0; i < count; i += PER_BLOCK)
        transfers_add(t, i, PER_BLOCK);
    if (archive_finish(out) != ERR_NONE)
        abort();
    archive_writer_free(out);
    transfers_end(t);
    free(room);
}

/* ---- verifications alone ---- */

struct verify_run {
    pthread_t thread;
    uint64_t count;
    uint64_t until_us;
};

static void *verify_some(void *arg)
{
    struct verify_run *r = arg;
    struct secret secret;
    struct pubkey key;
    struct hash digest = {{1}};
    struct signature sig;

    if (key_new(&secret) != ERR_NONE || key_public(&key, &secret) != ERR_NONE ||
        key_sign(&sig, &secret, &digest) != ERR_NONE)
        abort();
    while (now_us() < r->until_us) {
        for (int i = 0; i < 50; i++)
            r->count += key_verify(&key, &digest, &sig) ? 1 : 0;
    }
    return NULL;
}

struct rate {
    uint64_t per_s;  /* of all threads, as the clock goes */
    uint64_t cpu_ns; /* of one verification */
};

static struct rate verify_rate(unsigned threads)
{
    static struct verify_run runs[THREADS_MAX];
    const uint64_t from = now_us();
    const uint64_t cpu = cpu_us();
    uint64_t sum = 0;

    memset(runs, 0, sizeof runs);
    for (unsigned i = 0; i < threads; i++) {
        runs[i].until_us = from + 1500000;
        if (pthread_create(&runs[i].thread, NULL, verify_some, &runs[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(runs[i].thread, NULL);
        sum += runs[i].count;
    }
    return (struct rate){sum * 1000000 / (now_us() - from),
                         (cpu_us() - cpu) * 1000 / sum};
}

/* ---- the replay ---- */

struct result {
    struct replay_totals totals;
    uint64_t us;
    uint64_t cpu_us;
};

static struct result replay_file(const struct transfers *c,
                                 const char *path,
                                 unsigned threads)
{
    struct replay *r = replay_new(&c->genesis, threads, NULL, NULL);
    struct archive_reader *in;
    struct archive_block b;
    const uint64_t from = now_us();
    const uint64_t cpu = cpu_us();
    struct result out;

    if (archive_open(&in, path) != ERR_NONE)
        abort();
    while (archive_next(in, &b) == ERR_NONE && !archive_walk_of(in)->ended) {
        if (replay_push(r, &b) != ERR_NONE)
            break;
    }
    if (replay_finish(r) != ERR_NONE || !archive_walk_of(in)->ended) {
        char text[REPLAY_TEXT_MAX];

        replay_say(text, replay_failure(r));
        fprintf(stderr, "bench: %s\n", text);
        abort();
    }
    archive_close(in);
    out = (struct result){replay_totals(r), now_us() - from, cpu_us() - cpu};
    replay_free(r);
    return out;
}

static void row(const char *what, const char *figure)
{
    printf("| %-52s | %-34s |\n", what, figure);
    fflush(stdout);
}

static void percent(char out[32], uint64_t part, uint64_t whole)
{
    snprintf(out,
             32,
             "%llu.%02llu",
             (unsigned long long)(part / whole),
             (unsigned long long)(part * 100 / whole % 100));
}

static void report(const struct result *r,
                   struct rate before,
                   struct rate after)
{
    const uint64_t rate = (before.per_s + after.per_s) / 2;
    const uint64_t cpu_ns = (before.cpu_ns + after.cpu_ns) / 2;
    const uint64_t done = r->totals.signatures * 1000000 / r->us;
    char text[80];
    char wall[32];
    char cpu[32];

    percent(wall, done, rate);
    percent(cpu, r->totals.signatures * cpu_ns / 1000, r->cpu_us);
    snprintf(text,
             sizeof text,
             "%llu a s, %llu of %llu possible",
             (unsigned long long)done,
             (unsigned long long)done,
             (unsigned long long)rate);
    row("signatures checked in a replay", text);
    row("ratio to verifications alone, by the clock", wall);
    row("ratio of CPU time spent in verifications", cpu);
}

int main(int argc, char **argv)
{
    static struct transfers c;
    char dir[] = "/tmp/equity-bench-XXXXXX";
    char path[64];
    char text[80];
    uint64_t transfers = 20000;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned threads = cores < 1             ? 1
                             : cores > THREADS_MAX ? THREADS_MAX
                                                   : (unsigned)cores;
    struct rate before;

    if ((argc > 1 && !num_parse_u64(&transfers, argv[1])) || transfers == 0 ||
        transfers > 10000000 || mkdtemp(dir) == NULL) {
        fprintf(stderr, "usage: bench_replay [TRANSFERS]\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/archive", dir);
    make_history(&c, path, (uint32_t)transfers);
    snprintf(text, sizeof text, "%u", threads);
    row("hardware threads", text);
    before = verify_rate(threads);
    for (int i = 0; i < ROUNDS; i++) {
        const struct result r = replay_file(&c, path, threads);
        const struct rate after = verify_rate(threads);

        if (i == 0) {
            snprintf(text,
                     sizeof text,
                     "%llu blocks, %llu transactions",
                     (unsigned long long)r.totals.blocks,
                     (unsigned long long)r.totals.txs);
            row("history", text);
        }
        report(&r, before, after);
        before = after;
    }
    unlink(path);
    rmdir(dir);
    return 0;
}
