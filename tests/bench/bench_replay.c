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
#include "tests/load/load.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    VALIDATORS = 4,
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

struct chain {
    struct genesis genesis;
    struct secret validators[VALIDATORS]; /* in the order of the set */
    struct secret maker;
    struct secret checker;
    struct engine *engine;
    struct archive_writer *writer;
    uint64_t signatures;
};

static struct pubkey new_key(struct secret *s)
{
    struct pubkey key;

    if (key_new(s) != ERR_NONE || key_public(&key, s) != ERR_NONE)
        abort();
    return key;
}

static void make_genesis(struct chain *c)
{
    struct genesis *g = &c->genesis;
    struct secret other;
    struct valset set;
    const char *why;

    g->format = GENESIS_FORMAT;
    g->time_ms = (uint64_t)20000 * 86400000 + 43200000;
    genesis_defaults(&g->params);
    g->institution_count = VALIDATORS;
    for (uint16_t i = 0; i < VALIDATORS; i++) {
        struct genesis_institution *x = &g->institutions[i];

        x->number = (uint16_t)(i + 1);
        snprintf(x->code, sizeof x->code, "I%u", x->number);
        x->roles = ROLE_REGISTRAR | ROLE_MEMBER;
        x->key_count = 3;
        x->keys[0] = (struct institution_key){
            new_key(i == 0 ? &c->maker : &other), KEY_MAKER};
        x->keys[1] = (struct institution_key){
            new_key(i == 0 ? &c->checker : &other), KEY_CHECKER};
        x->keys[2] = (struct institution_key){new_key(&other), KEY_OPERATOR};
    }
    g->validator_count = VALIDATORS;
    for (uint8_t i = 0; i < VALIDATORS; i++) {
        struct validator v = {.key = new_key(&c->validators[i]),
                              .spki_hash = {{(uint8_t)(i + 1)}},
                              .institution = (uint16_t)(i + 1)};
        struct secret s = c->validators[i];
        uint8_t at = i;

        for (; at > 0 &&
               memcmp(&v.key, &g->validators[at - 1].key, sizeof v.key) < 0;
             at--) {
            g->validators[at] = g->validators[at - 1];
            c->validators[at] = c->validators[at - 1];
        }
        g->validators[at] = v;
        c->validators[at] = s;
    }
    set = genesis_valset(g);
    if (genesis_check(g, &why) != ERR_NONE || valset_check(&set) != ERR_NONE) {
        fprintf(stderr, "bench: %s\n", why);
        abort();
    }
}

static struct bytes certify(struct chain *c,
                            uint8_t out[CERT_BYTES_MAX],
                            const struct header *h)
{
    const struct valset set = genesis_valset(&c->genesis);
    const struct vote_domain d = {h->chain_id, valset_hash(&set), &set};
    struct cert cert = {
        .kind = VOTE_FINALIZE,
        .about = {h->view, h->view - 1, h->height, header_hash(h)}};
    struct writer w = writer_of(out, CERT_BYTES_MAX);

    for (uint8_t i = 0; i < valset_quorum(VALIDATORS); i++) {
        struct vote v = {.kind = cert.kind, .about = cert.about};

        if (vote_sign(&v, &d, &c->validators[i]) != ERR_NONE)
            abort();
        cert.bitmap |= 1u << i;
        cert.sigs[i] = v.sig;
    }
    cert_encode(&w, &cert);
    return writer_bytes(&w);
}

static void keep(struct chain *c, const struct executed_block *b)
{
    uint8_t cert[CERT_BYTES_MAX];
    const struct bytes cb =
        b->header.height > 0 ? certify(c, cert, &b->header) : bytes_of(NULL, 0);

    if (archive_append(c->writer, b->header_bytes, cb, b->body) != ERR_NONE)
        abort();
}

static void add_block(struct chain *c,
                      struct engine_candidate_tx *txs,
                      uint32_t count)
{
    const struct executed_block *b;
    const struct header *tip = engine_tip(c->engine);

    engine_build(
        c->engine, &b, tip->height + 1, 0, tip->time_ms + 1000, txs, count);
    if (b == NULL || b->header.tx_count != count) {
        fprintf(stderr, "bench: %s\n", verdict_name(txs[0].verdict));
        abort();
    }
    keep(c, b);
    (void)engine_commit(c->engine, &b->hash);
}

static bool settle(void *ctx, const struct buf *bytes, const struct hash *id)
{
    struct tx *tx = malloc(sizeof *tx);
    struct engine_candidate_tx one = {.tx = tx};

    (void)id;
    if (tx == NULL || tx_decode(tx, buf_bytes(bytes)) != ERR_NONE)
        abort();
    add_block(ctx, &one, 1);
    free(tx);
    return true;
}

static void add_transfers(struct chain *c,
                          const struct load_market *m,
                          uint32_t first,
                          uint32_t count)
{
    struct engine_candidate_tx *offered = calloc(count, sizeof *offered);
    struct tx *txs = calloc(count, sizeof *txs);
    struct buf *bytes = calloc(count, sizeof *bytes);
    struct hash id;

    if (offered == NULL || txs == NULL || bytes == NULL)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        load_transfer(m, &bytes[i], &id, first + i);
        if (tx_decode(&txs[i], buf_bytes(&bytes[i])) != ERR_NONE)
            abort();
        offered[i].tx = &txs[i];
    }
    add_block(c, offered, count);
    for (uint32_t i = 0; i < count; i++)
        buf_deinit(&bytes[i]);
    free(bytes);
    free(txs);
    free(offered);
}

static void make_history(struct chain *c, const char *path, uint32_t transfers)
{
    static struct load_market m;
    uint8_t *room = malloc(GENESIS_BYTES_MAX);
    struct writer w = writer_of(room, GENESIS_BYTES_MAX);

    make_genesis(c);
    c->engine = engine_new(&c->genesis);
    schema_encode(&w, &genesis_schema, &c->genesis);
    if (genesis_chain_id(&m.chain_id, &c->genesis) != ERR_NONE ||
        archive_create(&c->writer, path, &m.chain_id, 0, writer_bytes(&w)) !=
            ERR_NONE)
        abort();
    keep(c, engine_genesis_block(c->engine));
    m.maker = c->maker;
    m.checker = c->checker;
    m.today = 20000;
    if (!load_make_by(&m, settle, c))
        abort();
    for (uint32_t i = 0; i < transfers; i += PER_BLOCK)
        add_transfers(c, &m, i, PER_BLOCK);
    if (archive_finish(c->writer) != ERR_NONE)
        abort();
    archive_writer_free(c->writer);
    engine_free(c->engine);
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
    const struct pubkey key = new_key(&secret);
    struct hash digest = {{1}};
    struct signature sig;

    if (key_sign(&sig, &secret, &digest) != ERR_NONE)
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

static struct result replay_file(const struct chain *c,
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
    static struct chain c;
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
