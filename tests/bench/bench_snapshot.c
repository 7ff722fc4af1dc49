/* bench_snapshot - what a block waits for while a snapshot is taken.
 *
 *   bench_snapshot [HOLDINGS]    default: 1000000
 *
 * A register of so many holdings in securities of 1,000 holders, ten of them to
 * an account, in a database on this disk.  Blocks of 1,000 transfers are
 * written and indexed, twenty a second; first with nothing beside, then while
 * the node's own thread takes a snapshot, at the rate of the default
 * configuration and without limit.  "Commit" is the synced batch, "index" what
 * follows it. */
#include "base/check.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "ledger/rows.h"
#include "node/snapshots.h"
#include "node/start.h"
#include "tests/bench/chain.h"
#include "tests/bench/measure.h"
#include "tests/scratch.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    HOLDERS = CHAIN_HOLDERS,
    ACCOUNT_SECURITIES = CHAIN_SECURITIES,
    VALIDATORS = CHAIN_VALIDATORS,
    SHARES = CHAIN_SHARES,
    TRANSFERS = 1000,
    LOAD_CHANGES = 50000, /* of a block while the register is made */
    PLAIN_BLOCKS = 200,
    SAMPLES_MAX = 4096,
    EVERY_US = 50000,
    BLOCK_MS = 1000,
};

struct bench {
    char dir[64];
    struct config config;
    struct node *node;
    struct genesis genesis;
    struct valset set;
    struct secret secrets[VALIDATORS];
    struct state *state;
    uint64_t holdings;
    struct mtree_log log;
    struct hash tip_hash;
    uint64_t height; /* next */
    uint64_t commit_us[SAMPLES_MAX], index_us[SAMPLES_MAX];
    uint32_t samples;

    /* the block that is being made */
    uint32_t count;
    struct change *list;
    struct buf rows;
};

/* ---- rows whose totals agree ---- */

static void put(struct bench *b,
                const struct row_key *key,
                const struct schema *s,
                const void *row)
{
    struct change *c = &b->list[b->count++];
    struct writer w;

    ASSERT(b->rows.cap >= b->rows.size + ROW_BYTES_MAX); /* borrowed */
    w = writer_of(b->rows.at + b->rows.size, ROW_BYTES_MAX);
    schema_encode(&w, s, row);
    ASSERT(writer_ok(&w));
    *c = (struct change){.key = *key, .new_row = writer_bytes(&w)};
    b->rows.size += w.size;
}

static uint64_t accounts_of(const struct bench *b)
{
    return b->holdings / ACCOUNT_SECURITIES;
}

static struct row_key holding_key(const struct bench *b, uint64_t n)
{
    struct row_key k = {.table = TABLE_HOLDINGS,
                        .key = chain_hash(n % accounts_of(b))};
    char code[CODE_MAX + 1];

    snprintf(code, sizeof code, "S%010u", (uint32_t)(n / HOLDERS));
    k.tree = security_key(code);
    return k;
}

static void put_holding(struct bench *b, uint64_t n)
{
    static struct holding_row h;
    const struct row_key key = holding_key(b, n);

    h = (struct holding_row){.kind = ACCOUNT_ORDINARY,
                             .held = true,
                             .weight = 1,
                             .segment_count = 1,
                             .sequence = dice(),
                             .chain = chain_hash(dice())};
    h.segments[0].quantity.shares = SHARES;
    put(b, &key, &holding_row_schema, &h);
}

static void put_security(struct bench *b, uint64_t n)
{
    static struct security_row s;
    struct row_key key = {.table = TABLE_SECURITIES,
                          .key = holding_key(b, n * HOLDERS).tree};

    s = (struct security_row){.issuer = chain_hash(0),
                              .class = CLASS_ORDINARY,
                              .status = SECURITY_LISTED,
                              .registrar = 1,
                              .successor = "-",
                              .predecessor = "-",
                              .holder_count = HOLDERS,
                              .positions = HOLDERS,
                              .issued = {(uint64_t)HOLDERS * SHARES},
                              .chain = chain_hash(dice())};
    memcpy(s.code, key.key.raw, CODE_MAX);
    put(b, &key, &security_row_schema, &s);
}

static void put_account(struct bench *b, uint64_t n)
{
    static struct account_row a;
    const struct row_key key = {.table = TABLE_ACCOUNTS, .key = chain_hash(n)};

    a = (struct account_row){.custodian = 1,
                             .kind = ACCOUNT_ORDINARY,
                             .status = ACCOUNT_ACTIVE,
                             .authority = AUTHORITY_PAPER,
                             .frozen_by = "-",
                             .investors = 1,
                             .positions = ACCOUNT_SECURITIES,
                             .rights =
                                 n == 0 ? (uint32_t)(b->holdings / HOLDERS) : 0,
                             .identity = chain_hash(n),
                             .chain = chain_hash(n + 1)};
    put(b, &key, &account_row_schema, &a);
}

/* ---- blocks ---- */

static int by_key(const void *a, const void *b)
{
    const struct row_key *x = &((const struct change *)a)->key;
    const struct row_key *y = &((const struct change *)b)->key;
    int c = (int)x->table - (int)y->table;

    if (c == 0)
        c = hash_cmp(&x->tree, &y->tree);
    return c != 0 ? c : hash_cmp(&x->key, &y->key);
}

/* Sorted, each key once. */
static struct change_set changes_of(struct bench *b)
{
    uint32_t kept = 0;

    qsort(b->list, b->count, sizeof b->list[0], by_key);
    for (uint32_t i = 0; i < b->count; i++) {
        if (kept == 0 || by_key(&b->list[kept - 1], &b->list[i]) != 0)
            b->list[kept++] = b->list[i];
    }
    return (struct change_set){.list = b->list, .count = kept};
}

static void write_block(struct bench *b, bool sample)
{
    const struct hash set_hash = valset_hash(&b->set);
    const struct change_set set = changes_of(b);
    uint8_t bytes[HEADER_BYTES_MAX];
    struct state_undo *undo;
    struct buf roots = {0};
    struct cert cert;
    struct header h = {.version = HEADER_VERSION,
                       .chain_id = b->node->chain_id,
                       .view = b->height,
                       .height = b->height,
                       .time_ms = (b->height + 1) * BLOCK_MS,
                       .parent_hash = b->tip_hash,
                       .header_log_size = b->height,
                       .header_log_root = mtree_log_root(&b->log),
                       .tx_root = mtree_root(NULL, 0),
                       .validators_hash = set_hash,
                       .next_validators_hash = set_hash};
    struct store_block block = {.header = &h,
                                .body = bytes_of("\0\0\0\0", 4),
                                .events = bytes_of("\0\0\0\0", 4),
                                .changes = set,
                                .header_log = &b->log};
    uint64_t t[3];
    enum err e;

    state_apply(b->state, &h.state_root, &undo, &set);
    state_undo_free(undo);
    state_roots_append(&roots, b->state, &set);
    cert = chain_certify(&b->node->chain_id, &b->set, b->secrets, &h);
    block.hash = header_hash(&h);
    block.cert = b->height > 0 ? &cert : NULL;
    block.header_bytes = bytes_of(bytes, header_encode(bytes, &h));
    block.roots = buf_bytes(&roots);
    mtree_log_append(&b->log, &block.hash);
    t[0] = (wall_ns() / 1000);
    e = store_put_block(b->node->store, &block);
    ASSERT(e == ERR_NONE);
    t[1] = (wall_ns() / 1000);
    e = store_index(b->node->store, &block);
    ASSERT(e == ERR_NONE);
    t[2] = (wall_ns() / 1000);
    if (sample && b->samples < SAMPLES_MAX) {
        b->commit_us[b->samples] = t[1] - t[0];
        b->index_us[b->samples++] = t[2] - t[1];
    }
    buf_deinit(&roots);
    b->tip_hash = block.hash;
    b->height++;
    b->count = 0;
    b->rows.size = 0;
}

static void transfers(struct bench *b)
{
    for (int i = 0; i < TRANSFERS; i++) {
        const uint64_t security = dice() % (b->holdings / HOLDERS);

        put_holding(b, security * HOLDERS + dice() % HOLDERS);
        put_holding(b, security * HOLDERS + dice() % HOLDERS);
        put_security(b, security);
    }
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void print_part(const char *what, uint64_t *us, uint32_t count)
{
    qsort(us, count, sizeof us[0], by_size);
    printf("  %-8s p50 %6.2f ms, p99 %6.2f ms\n",
           what,
           (double)us[count / 2] / 1000,
           (double)us[(uint64_t)count * 99 / 100] / 1000);
}

static void paced_block(struct bench *b)
{
    const uint64_t from = (wall_ns() / 1000);
    uint64_t gone;

    transfers(b);
    write_block(b, true);
    gone = (wall_ns() / 1000) - from;
    if (gone < EVERY_US)
        usleep((useconds_t)(EVERY_US - gone));
}

static void print_samples(struct bench *b, const char *when)
{
    printf("%s: %u blocks of %d transfers\n", when, b->samples, TRANSFERS);
    print_part("commit", b->commit_us, b->samples);
    print_part("index", b->index_us, b->samples);
    b->samples = 0;
}

/* Blocks while the node's own thread takes one. */
static void beside(struct bench *b, uint64_t mib_s)
{
    struct snapshot_info list[SNAPSHOTS_HELD];
    struct snapshots *s;
    struct snapshots_progress p;
    char when[100];

    b->node->config.snapshot_mib_s = mib_s;
    s = snapshots_new(b->node);
    snapshots_due(s, b->height - 1);
    do {
        paced_block(b);
        p = snapshots_progress(s);
    } while (p.running);
    ASSERT(p.taken == 1 && snapshots_list(s, list) >= 1);
    snprintf(when,
             sizeof when,
             mib_s > 0 ? "beside a snapshot at %llu MiB/s"
                       : "beside a snapshot without limit",
             (unsigned long long)mib_s);
    print_samples(b, when);
    printf("  snapshot %llu ms: %u chunks of %llu rows, %llu MiB; manifest "
           "%llu bytes\n",
           (unsigned long long)p.last_ms,
           list[0].chunks,
           (unsigned long long)list[0].leaves,
           (unsigned long long)(list[0].bytes >> 20),
           (unsigned long long)list[0].manifest_bytes);
    snapshots_stop(s);
    mail_drain(b->node->mail);
    snapshots_free(s);
}

/* ---- set up ---- */

static int by_pubkey(const void *a, const void *b)
{
    return memcmp(a, b, PUBKEY_BYTES);
}

static void make_validators(struct bench *b)
{
    struct genesis *g = &b->genesis;

    g->validator_count = VALIDATORS;
    for (uint16_t i = 0; i < VALIDATORS; i++) {
        const struct secret s = {.raw = {[31] = (uint8_t)(i + 1)}};
        const enum err e = key_public(&g->validators[i].key, &s);

        ASSERT(e == ERR_NONE);
        g->validators[i].institution = (uint16_t)(i + 1);
        g->validators[i].spki_hash = chain_hash(i);
    }
    qsort(g->validators, VALIDATORS, sizeof g->validators[0], by_pubkey);
    for (uint32_t i = 0; i < VALIDATORS; i++)
        b->secrets[i].raw[31] = (uint8_t)g->validators[i].institution;
    b->set = genesis_valset(g);
}

static void open_all(struct bench *b)
{
    const struct store_options options = {.cache_bytes = 64 << 20,
                                          .create = true};
    char path[128];
    char message[200];
    const char *dir;
    enum err e;

    snprintf(b->dir, sizeof b->dir, "/tmp/equity-bench-XXXXXX");
    dir = mkdtemp(b->dir);
    ASSERT(dir != NULL);
    config_defaults(&b->config);
    snprintf(b->config.dir, sizeof b->config.dir, "%s", b->dir);
    b->config.snapshot_blocks = 1;
    evthread_use_pthreads();
    b->node = node_new(&b->config);
    b->node->chain_id = chain_hash(7);
    b->node->genesis = &b->genesis;
    b->node->base = event_base_new();
    event_base_priority_init(b->node->base, 2);
    b->node->mail = mail_new(b->node->base);
    snprintf(path, sizeof path, "%s/db", b->dir);
    e = store_open(&b->node->store,
                   path,
                   &b->node->chain_id,
                   &options,
                   message,
                   sizeof message);
    ASSERT(e == ERR_NONE);
    b->state = state_new();
    b->list = calloc(2 * LOAD_CHANGES, sizeof b->list[0]);
    ASSERT(b->list != NULL);
    buf_reserve(&b->rows, LOAD_CHANGES * 1024);
}

static void load(struct bench *b)
{
    const struct row_key validators = {.table = TABLE_VALIDATORS};
    const struct validators_row row = {.set = b->set};

    put(b, &validators, &validators_row_schema, &row);
    for (uint64_t n = 0; n < b->holdings; n++) {
        put_holding(b, n);
        if (n % HOLDERS == 0)
            put_security(b, n / HOLDERS);
        if (n < accounts_of(b))
            put_account(b, n);
        if (b->count + 3 > LOAD_CHANGES)
            write_block(b, false);
    }
    write_block(b, false);
}

static void close_all(struct bench *b)
{
    store_close(b->node->store);
    mail_free(b->node->mail);
    event_base_free(b->node->base);
    state_free(b->state);
    free(b->node);
    free(b->list);
    buf_deinit(&b->rows);
    scratch_remove(b->dir);
}

int main(int argc, char **argv)
{
    static struct bench b;

    b.holdings = 1000000;
    if (argc > 2 || (argc == 2 && (!num_parse_u64(&b.holdings, argv[1]) ||
                                   b.holdings < 10 * HOLDERS))) {
        fprintf(stderr, "usage: bench_snapshot [HOLDINGS]\n");
        return 2;
    }
    make_validators(&b);
    open_all(&b);
    load(&b);
    printf("%llu holdings\n", (unsigned long long)b.holdings);
    for (int i = 0; i < PLAIN_BLOCKS; i++)
        paced_block(&b);
    print_samples(&b, "with nothing beside");
    beside(&b, b.config.snapshot_mib_s);
    beside(&b, 0);
    close_all(&b);
    return 0;
}
