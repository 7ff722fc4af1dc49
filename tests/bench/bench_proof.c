/* bench_proof - what receipts cost, made and checked.
 *
 *   bench_proof [HOLDINGS ...]    default: 1000000
 *
 * At the newest block: a holding among so many, in securities of 1,000 holders,
 * ten of them to an account; "taken" is the time on the executor's thread.  Of
 * the past: the register of 1,000 and of 100,000 holders, and a holding in it,
 * from the history; first, and when its leaves are kept.  Times are of the
 * thread that does the work. */
#include "base/check.h"
#include "base/num.h"
#include "node/prove.h"
#include "tests/bench/chain.h"
#include "tests/bench/measure.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TIMES = 2000,
};

static void load(void *s, const struct row_key *k, struct bytes row)
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
    row(name,
        "%.3f ms, worst %.3f ms",
        (double)t->sum / times / 1e6,
        (double)t->worst / 1e6);
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
    uint8_t bytes[ROW_BYTES_MAX];
    struct change first = {.key = {.table = TABLE_VALIDATORS}};
    const struct change_set genesis = {.list = &first, .count = 1};
    const struct change_set none = {0};
    struct prover *p;
    size_t size = 0;

    holdings -= holdings % (CHAIN_HOLDERS * CHAIN_SECURITIES);
    chain_new(&c, NULL);
    chain_open(&c);
    first.new_row = chain_validators(bytes, &c);
    load(s, &first.key, first.new_row);
    chain_block(&c, s, &genesis);
    chain_rows(holdings, 0, holdings, load, s);
    chain_block(&c, s, &none);
    p = prover_new(c.store, 0, PROVE_CACHE_BYTES);
    for (int i = 0; i < TIMES; i++) {
        const uint64_t n = dice() % holdings;
        struct prove_request q = {
            .kind = RECEIPT_HOLDING,
            .account = chain_hash(n % (holdings / CHAIN_SECURITIES))};
        struct prove_live live = {0};
        struct prove_answer a;
        uint64_t at;
        enum err e;

        chain_code(q.code, n / CHAIN_HOLDERS);
        at = thread_ns();
        prove_take(&live, s, 1, &q);
        add(&taken, thread_ns() - at);
        at = thread_ns();
        e = prove(&a, p, &q, &live);
        add(&made, thread_ns() - at);
        ASSERT(e == ERR_NONE);
        at = thread_ns();
        receipt_check(&facts, &receipt, buf_bytes(&a.receipt), &c.trust);
        add(&checked, thread_ns() - at);
        ASSERT(facts.outcome == RECEIPT_PROVEN);
        size += a.receipt.size;
        buf_deinit(&a.receipt);
        prove_live_free(&live);
    }
    row("receipt of a holding at the newest block, of so many",
        "%llu (%zu bytes)",
        (unsigned long long)holdings,
        size / TIMES);
    print("- taken from the state, on the executor", &taken, TIMES);
    print("- the receipt made of it", &made, TIMES);
    print("- checked, 3 signatures", &checked, TIMES);
    prover_free(p);
    state_free(s);
    chain_remove(&c);
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
    uint64_t at = thread_ns();
    const enum err e = prove(&a, p, q, NULL);

    add(&made, thread_ns() - at);
    ASSERT(e == ERR_NONE);
    at = thread_ns();
    receipt_check(&facts, &receipt, buf_bytes(&a.receipt), &c->trust);
    *checked = (struct timing){0};
    add(checked, thread_ns() - at);
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
    uint8_t bytes[ROW_BYTES_MAX];
    struct state_undo *undo;
    struct hash root;
    struct timing made;
    struct timing checked;
    struct prover *p;
    struct bytes changed;

    ASSERT(list != NULL);
    chain_new(&c, NULL);
    chain_open(&c);
    chain_code(q.code, 0);
    list[0].key.table = TABLE_VALIDATORS;
    list[0].new_row = chain_validators(bytes, &c);
    state_apply(s, &root, &undo, &set);
    state_undo_free(undo);
    chain_block(&c, s, &set);
    buf_reserve(&rows, (size_t)count * 512);
    for (uint32_t i = 0; i < count; i++) {
        const struct bytes made_row =
            i == 0         ? chain_security(bytes, 0, holders)
            : i <= holders ? chain_holding(bytes, i)
                           : chain_account(bytes, i - holders, 0);

        list[i] = (struct change){
            .key = {.table = i == 0         ? TABLE_SECURITIES
                             : i <= holders ? TABLE_HOLDINGS
                                            : TABLE_ACCOUNTS,
                    .key = chain_hash(i > holders ? i - holders : i)},
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
    changed = chain_holding(bytes, 1 << 30);
    list[0].new_row = changed;
    set.count = 1;
    state_apply(s, &root, &undo, &set);
    state_undo_free(undo);
    chain_block(&c, s, &set);
    p = prover_new(c.store, 0, PROVE_CACHE_BYTES);
    row("register of an older block, of so many holders", "%u", holders);
    made = past_once(&c, p, &q, &checked);
    print("- made", &made, 1);
    print("- checked", &checked, 1);
    prover_free(p);
    p = prover_new(c.store, 0, PROVE_CACHE_BYTES);
    q.kind = RECEIPT_HOLDING;
    q.account = chain_hash(1);
    made = past_once(&c, p, &q, &checked);
    print("- a holding of it made, first", &made, 1);
    made = past_once(&c, p, &q, &checked);
    print("- ... with its leaves kept", &made, 1);
    print("- checked", &checked, 1);
    prover_free(p);
    free(list);
    buf_deinit(&rows);
    state_free(s);
    chain_remove(&c);
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
            holdings < CHAIN_HOLDERS * CHAIN_SECURITIES) {
            fprintf(stderr, "usage: bench_proof [HOLDINGS >= 10000 ...]\n");
            return 64;
        }
        newest(holdings);
    }
    return 0;
}
