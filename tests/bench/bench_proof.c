/* bench_proof - what receipts cost, made and checked.
 *
 *   bench_proof [HOLDINGS ...]    default: 1000000
 *
 * At the newest block: a holding among so many, in securities of 1,000 holders,
 * ten of them to an account; "taken" is the time on the executor's thread.  Of
 * the past: the register of 1,000 and of 100,000 holders, and a holding in it,
 * from the history; first, and when its leaves are kept.  Times are of the
 * thread that does the work. */
#include "audit/verify.h"
#include "base/check.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "node/prove.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    HOLDERS = 1000,
    ACCOUNT_SECURITIES = 10,
    TIMES = 2000,
    VALIDATORS = 4,
    SHARES = 100,
    DAY_MS = 86400000,
};

/* Of this thread alone: others share the machine. */
static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t dice_state = 1;

static uint64_t dice(void)
{
    uint64_t z = dice_state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static struct hash some_hash(uint64_t n)
{
    return hash_of(bytes_of(&n, sizeof n));
}

static void code_of(char out[CODE_MAX + 1], uint64_t n)
{
    snprintf(out, CODE_MAX + 1, "S%010u", (uint32_t)n);
}

/* ---- a chain of a few blocks ---- */

struct chain {
    struct secret secrets[VALIDATORS];
    struct valset set;
    struct trust trust;
    char dir[64];
    struct store *store;
    struct mtree_log log;
    struct header tip;
    struct hash tip_hash;
};

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, PUBKEY_BYTES);
}

static void chain_open(struct chain *c)
{
    const struct store_options options = {.create = true};
    char message[200];
    const char *dir;
    enum err e;

    memset(c, 0, sizeof *c);
    c->trust.chain_id = some_hash(7);
    c->set.count = VALIDATORS;
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        struct secret s = {{0}};

        s.raw[31] = (uint8_t)(i + 1);
        e = key_public(&c->set.list[i].key, &s);
        ASSERT(e == ERR_NONE);
        c->set.list[i].spki_hash = some_hash(i);
        c->set.list[i].institution = (uint16_t)(i + 1);
    }
    qsort(c->set.list, VALIDATORS, sizeof c->set.list[0], by_key);
    for (uint32_t i = 0; i < VALIDATORS; i++)
        c->secrets[i].raw[31] = (uint8_t)c->set.list[i].institution;
    snprintf(c->dir, sizeof c->dir, "/tmp/equity-bench-XXXXXX");
    dir = mkdtemp(c->dir);
    ASSERT(dir != NULL);
    e = store_open(&c->store,
                   c->dir,
                   &c->trust.chain_id,
                   &options,
                   message,
                   sizeof message);
    ASSERT(e == ERR_NONE);
}

static int remove_one(const char *path,
                      const struct stat *st,
                      int flag,
                      struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void chain_close(struct chain *c)
{
    store_close(c->store);
    nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct cert certify(const struct chain *c, const struct header *h)
{
    const struct vote_domain d = {
        c->trust.chain_id, valset_hash(&c->set), &c->set};
    struct cert cert = {.kind = VOTE_FINALIZE,
                        .about = {h->view, 0, h->height, header_hash(h)},
                        .bitmap = 7};

    for (uint8_t i = 0; i < 3; i++) {
        struct vote v = {
            .kind = VOTE_FINALIZE, .about = cert.about, .signer = i};
        const enum err e = vote_sign(&v, &d, &c->secrets[i]);

        ASSERT(e == ERR_NONE);
        cert.sigs[i] = v.sig;
    }
    return cert;
}

/* The next block: s with these changes. */
static void chain_block(struct chain *c,
                        struct state *s,
                        const struct change_set *set)
{
    uint8_t bytes[HEADER_BYTES_MAX];
    const struct hash set_hash = valset_hash(&c->set);
    const uint64_t height = c->log.size;
    struct header h = {.version = HEADER_VERSION,
                       .chain_id = c->trust.chain_id,
                       .view = height,
                       .height = height,
                       .time_ms = (20000 + height) * DAY_MS,
                       .proposer = height == 0 ? 0xffff : 0,
                       .parent_hash = c->tip_hash,
                       .header_log_size = height,
                       .header_log_root = mtree_log_root(&c->log),
                       .tx_root = mtree_root(NULL, 0),
                       .state_root = state_root(s),
                       .validators_hash = set_hash,
                       .next_validators_hash = set_hash};
    struct cert cert = certify(c, &h);
    struct buf roots = {0};
    struct store_block b = {.header = &h,
                            .hash = header_hash(&h),
                            .cert = height > 0 ? &cert : NULL,
                            .body = bytes_of("\0\0\0\0", 4),
                            .events = bytes_of("\0\0\0\0", 4),
                            .changes = *set,
                            .header_log = &c->log};
    enum err e;

    b.header_bytes = bytes_of(bytes, header_encode(bytes, &h));
    mtree_log_append(&c->log, &b.hash);
    state_roots_append(&roots, s, set);
    b.roots = buf_bytes(&roots);
    e = store_put_block(c->store, &b);
    ASSERT(e == ERR_NONE);
    e = store_index(c->store, &b);
    ASSERT(e == ERR_NONE);
    buf_deinit(&roots);
    c->tip = h;
    c->tip_hash = b.hash;
    if (height == 0) {
        c->trust.genesis = true;
        c->trust.genesis_hash = b.hash;
    }
}

/* ---- rows ---- */

static struct bytes encode(uint8_t *at, const struct schema *s, const void *row)
{
    struct writer w = writer_of(at, ROW_BYTES_MAX);

    schema_encode(&w, s, row);
    ASSERT(writer_ok(&w));
    return writer_bytes(&w);
}

static struct bytes holding(uint8_t *at, uint64_t n)
{
    static struct holding_row h;

    h = (struct holding_row){.kind = ACCOUNT_ORDINARY,
                             .held = true,
                             .weight = 1,
                             .segment_count = 1,
                             .sequence = n,
                             .chain = some_hash(~n)};
    h.segments[0].quantity.shares = SHARES;
    return encode(at, &holding_row_schema, &h);
}

static struct bytes security(uint8_t *at, uint64_t n, uint32_t holders)
{
    static struct security_row s;

    s = (struct security_row){.class = CLASS_ORDINARY,
                              .status = SECURITY_LISTED,
                              .registrar = 1,
                              .successor = "-",
                              .predecessor = "-",
                              .holder_count = holders,
                              .positions = holders,
                              .issued = {(uint64_t)holders * SHARES},
                              .chain = some_hash(n)};
    code_of(s.code, n);
    return encode(at, &security_row_schema, &s);
}

static struct bytes account(uint8_t *at, uint64_t n)
{
    static struct account_row a;

    a = (struct account_row){.custodian = 1,
                             .kind = ACCOUNT_ORDINARY,
                             .status = ACCOUNT_ACTIVE,
                             .authority = AUTHORITY_PAPER,
                             .frozen_by = "-",
                             .investors = 1,
                             .identity = some_hash(n),
                             .chain = some_hash(n + 1)};
    return encode(at, &account_row_schema, &a);
}

static struct bytes validators(uint8_t *at, const struct chain *c)
{
    const struct validators_row row = {.set = c->set};

    return encode(at, &validators_row_schema, &row);
}

static void load(struct state *s, const struct row_key *k, struct bytes row)
{
    const enum err e = state_load(s, k, row);

    ASSERT(e == ERR_NONE);
}

/* ---- the newest block ---- */

struct timing {
    uint64_t sum;
    uint64_t worst;
};

static void add(struct timing *t, uint64_t ns)
{
    t->sum += ns;
    t->worst = ns > t->worst ? ns : t->worst;
}

static void print(const char *name, const struct timing *t, uint32_t times)
{
    printf("  %-34s %10.3f ms, worst %10.3f ms\n",
           name,
           (double)t->sum / times / 1e6,
           (double)t->worst / 1e6);
}

static void fill(struct state *s, uint64_t holdings)
{
    uint8_t row[ROW_BYTES_MAX];
    const uint64_t accounts = holdings / ACCOUNT_SECURITIES;
    char code[CODE_MAX + 1];

    for (uint64_t i = 0; i < holdings; i++) {
        struct row_key k = {.table = TABLE_HOLDINGS,
                            .key = some_hash(i % accounts)};

        code_of(code, i / HOLDERS);
        k.tree = security_key(code);
        load(s, &k, holding(row, i));
        if (i % HOLDERS == 0) {
            const struct row_key own = {.table = TABLE_SECURITIES,
                                        .key = k.tree};

            load(s, &own, security(row, i / HOLDERS, HOLDERS));
        }
        if (i < accounts) {
            const struct row_key own = {.table = TABLE_ACCOUNTS,
                                        .key = some_hash(i)};

            load(s, &own, account(row, i));
        }
    }
}

static void newest(uint64_t holdings)
{
    static struct receipt receipt;
    static struct receipt_facts facts;
    static struct chain c;
    struct state *s = state_new();
    struct timing taken = {0};
    struct timing made = {0};
    struct timing checked = {0};
    uint8_t row[ROW_BYTES_MAX];
    struct change first = {.key = {.table = TABLE_VALIDATORS}};
    const struct change_set genesis = {.list = &first, .count = 1};
    const struct change_set none = {0};
    struct prover *p;
    size_t size = 0;

    holdings -= holdings % (HOLDERS * ACCOUNT_SECURITIES);
    chain_open(&c);
    first.new_row = validators(row, &c);
    load(s, &first.key, first.new_row);
    chain_block(&c, s, &genesis);
    fill(s, holdings);
    chain_block(&c, s, &none);
    p = prover_new(c.store, 0, PROVE_CACHE_BYTES);
    for (int i = 0; i < TIMES; i++) {
        const uint64_t n = dice() % holdings;
        struct prove_request q = {
            .kind = RECEIPT_HOLDING,
            .account = some_hash(n % (holdings / ACCOUNT_SECURITIES))};
        struct prove_live live = {0};
        struct prove_answer a;
        uint64_t at;
        enum err e;

        code_of(q.code, n / HOLDERS);
        at = cpu_ns();
        prove_take(&live, s, 1, &q);
        add(&taken, cpu_ns() - at);
        at = cpu_ns();
        e = prove(&a, p, &q, &live);
        add(&made, cpu_ns() - at);
        ASSERT(e == ERR_NONE);
        at = cpu_ns();
        receipt_check(&facts, &receipt, buf_bytes(&a.receipt), &c.trust);
        add(&checked, cpu_ns() - at);
        ASSERT(facts.outcome == RECEIPT_PROVEN);
        size += a.receipt.size;
        buf_deinit(&a.receipt);
        prove_live_free(&live);
    }
    printf("a holding among %llu, of the newest block (%zu bytes)\n",
           (unsigned long long)holdings,
           size / TIMES);
    print("taken from the state", &taken, TIMES);
    print("receipt made of it", &made, TIMES);
    print("checked, 3 signatures", &checked, TIMES);
    prover_free(p);
    state_free(s);
    chain_close(&c);
}

/* ---- the past ---- */

static struct timing past_once(struct chain *c,
                               struct prover *p,
                               const struct prove_request *q,
                               struct timing *checked)
{
    static struct receipt receipt;
    static struct receipt_facts facts;
    struct timing made = {0};
    struct prove_answer a;
    uint64_t at = cpu_ns();
    const enum err e = prove(&a, p, q, NULL);

    add(&made, cpu_ns() - at);
    ASSERT(e == ERR_NONE);
    at = cpu_ns();
    receipt_check(&facts, &receipt, buf_bytes(&a.receipt), &c->trust);
    *checked = (struct timing){0};
    add(checked, cpu_ns() - at);
    ASSERT(facts.outcome == RECEIPT_PROVEN && facts.block.height == 1);
    buf_deinit(&a.receipt);
    return made;
}

static int by_tree_and_key(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;

    if (x->key.table != y->key.table)
        return x->key.table < y->key.table ? -1 : 1;
    return memcmp(&x->key.key, &y->key.key, sizeof x->key.key);
}

/* Block 1 fills one register, block 2 changes it. */
static void past(uint32_t holders)
{
    static struct chain c;
    struct state *s = state_new();
    const uint32_t count = 2 * holders + 1;
    struct change *list = calloc(count + 1, sizeof list[0]);
    struct change_set set = {.list = list, .count = 1};
    struct prove_request q = {
        .kind = RECEIPT_REGISTER, .by_height = true, .height = 1};
    struct buf rows = {0};
    uint8_t row[ROW_BYTES_MAX];
    struct state_undo *undo;
    struct hash root;
    struct timing made;
    struct timing checked;
    struct prover *p;
    struct bytes changed;

    ASSERT(list != NULL);
    chain_open(&c);
    code_of(q.code, 0);
    list[0].key.table = TABLE_VALIDATORS;
    list[0].new_row = validators(row, &c);
    state_apply(s, &root, &undo, &set);
    state_undo_free(undo);
    chain_block(&c, s, &set);
    buf_reserve(&rows, (size_t)count * 512);
    for (uint32_t i = 0; i < count; i++) {
        const struct bytes made_row = i == 0 ? security(row, 0, holders)
                                      : i <= holders
                                          ? holding(row, i)
                                          : account(row, i - holders);

        list[i] = (struct change){
            .key = {.table = i == 0         ? TABLE_SECURITIES
                             : i <= holders ? TABLE_HOLDINGS
                                            : TABLE_ACCOUNTS,
                    .key = some_hash(i > holders ? i - holders : i)},
            .new_row = bytes_of(buf_append(&rows, made_row.at, made_row.size),
                                made_row.size)};
        if (i == 0)
            list[i].key.key = security_key(q.code);
        else if (i <= holders)
            list[i].key.tree = security_key(q.code);
    }
    qsort(list, count, sizeof list[0], by_tree_and_key);
    set.count = count;
    state_apply(s, &root, &undo, &set);
    state_undo_free(undo);
    chain_block(&c, s, &set);
    for (uint32_t i = 0; i < count; i++) { /* one holding is written again */
        if (list[i].key.table == TABLE_HOLDINGS)
            list[0] = list[i];
    }
    list[0].old_row = list[0].new_row;
    changed = holding(row, 1 << 30);
    list[0].new_row = changed;
    set.count = 1;
    state_apply(s, &root, &undo, &set);
    state_undo_free(undo);
    chain_block(&c, s, &set);
    p = prover_new(c.store, 0, PROVE_CACHE_BYTES);
    printf("a register of %u holders, of an older block\n", holders);
    made = past_once(&c, p, &q, &checked);
    print("the register made", &made, 1);
    print("... checked", &checked, 1);
    prover_free(p);
    p = prover_new(c.store, 0, PROVE_CACHE_BYTES);
    q.kind = RECEIPT_HOLDING;
    q.account = some_hash(1);
    made = past_once(&c, p, &q, &checked);
    print("a holding of it made, first", &made, 1);
    made = past_once(&c, p, &q, &checked);
    print("... and again", &made, 1);
    print("... checked", &checked, 1);
    prover_free(p);
    free(list);
    buf_deinit(&rows);
    state_free(s);
    chain_close(&c);
}

int main(int argc, char **argv)
{
    past(1000);
    past(100000);
    if (argc < 2)
        newest(1000000);
    for (int i = 1; i < argc; i++) {
        uint64_t holdings;

        if (!num_parse_u64(&holdings, argv[i]) ||
            holdings < HOLDERS * ACCOUNT_SECURITIES) {
            fprintf(stderr, "usage: bench_proof [HOLDINGS >= 10000 ...]\n");
            return 64;
        }
        newest(holdings);
    }
    return 0;
}
