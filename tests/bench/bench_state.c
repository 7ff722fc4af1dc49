/* bench_state - what the state costs: a hash, a transfer, a holding.
 *
 *   bench_state [HOLDINGS ...]    default: 10000 1000000
 *
 * Holdings lie in securities of 1,000 holders.  A block is 1,000 transfers;
 * each changes two holdings and the row of one security, and adds one
 * reference.  "Spread" takes the security at random, "one" always the same. */
#include "base/check.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "state/overlay.h"
#include "tests/bench/measure.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HOLDERS = 1000,
    TRANSFERS = 1000,
    BLOCKS = 20,
    ROW_BYTES = 82, /* of a plain position */
    SECURITY_BYTES = 190,
};

static struct hash security(uint64_t n)
{
    char code[17];

    snprintf(code, sizeof code, "S%010u", (uint32_t)n);
    return security_key(code);
}

static struct hash account(uint64_t n)
{
    return hash_of(bytes_of(&n, sizeof n));
}

static void fill(uint8_t *row, size_t size)
{
    for (size_t i = 0; i < size; i++)
        row[i] = (uint8_t)dice();
}

static void load(struct state *s, uint64_t holdings)
{
    uint8_t row[SECURITY_BYTES];
    const struct hash zero = {{0}};

    fill(row, sizeof row);
    for (uint64_t i = 0; i < holdings; i++) {
        const struct row_key k = {
            TABLE_HOLDINGS, security(i / HOLDERS), account(i)};
        enum err e;

        memcpy(row, &i, sizeof i);
        e = state_load(s, &k, bytes_of(row, ROW_BYTES));
        if (e == ERR_NONE && i % HOLDERS == 0) {
            const struct row_key own = {TABLE_SECURITIES, zero, k.tree};

            e = state_load(s, &own, bytes_of(row, SECURITY_BYTES));
        }
        ASSERT(e == ERR_NONE);
    }
}

static void change(struct ledger_view *v, const struct row_key *k, size_t size)
{
    uint8_t row[SECURITY_BYTES];
    const uint64_t n = dice();

    memset(row, 0, sizeof row);
    memcpy(row, &n, sizeof n);
    v->put(v->ctx, k, bytes_of(row, size));
}

static void transfer(struct ledger_view *v, uint64_t holdings, bool one)
{
    const uint64_t securities = holdings / HOLDERS;
    const uint64_t n = one ? 0 : dice() % securities;
    const struct hash zero = {{0}};
    struct row_key k = {TABLE_HOLDINGS, security(n), zero};
    uint64_t serial[2] = {dice(), dice()};

    v->begin(v->ctx);
    for (int side = 0; side < 2; side++) {
        k.key = account(n * HOLDERS + dice() % HOLDERS);
        (void)v->get(v->ctx, &k);
        change(v, &k, ROW_BYTES);
    }
    k = (struct row_key){TABLE_SECURITIES, zero, k.tree};
    (void)v->get(v->ctx, &k);
    change(v, &k, SECURITY_BYTES);
    k = (struct row_key){TABLE_REFERENCES,
                         day_key(20000),
                         reference_key(1, (const uint8_t *)serial)};
    (void)v->get(v->ctx, &k);
    change(v, &k, HASH_BYTES);
    v->accept(v->ctx);
}

struct cost {
    uint64_t overlay_ns;
    uint64_t apply_ns;
    uint64_t root_ns; /* of the changes */
    uint64_t undo_ns;
    uint64_t hashes;
};

static struct cost run(struct state *s, uint64_t holdings, bool one)
{
    struct cost c = {0};
    struct overlay *o = overlay_new(s);

    for (int block = 0; block < BLOCKS; block++) {
        struct ledger_view v = overlay_view(o);
        struct state_undo *undo;
        struct change_set set;
        struct hash root;
        struct hash changes;
        const uint64_t hashes = state_hash_count(s);
        const uint64_t t0 = thread_ns();
        uint64_t t1;
        uint64_t t2;
        uint64_t t3;

        for (int i = 0; i < TRANSFERS; i++)
            transfer(&v, holdings, one);
        set = overlay_changes(o);
        t1 = thread_ns();
        changes = change_set_root(&set);
        ASSERT(!hash_is_zero(&changes));
        t2 = thread_ns();
        state_apply(s, &root, &undo, &set);
        t3 = thread_ns();
        c.hashes += state_hash_count(s) - hashes;
        c.overlay_ns += t1 - t0;
        c.root_ns += t2 - t1;
        c.apply_ns += t3 - t2;
        state_undo(s, undo);
        c.undo_ns += thread_ns() - t3;
        state_apply(s, &root, &undo, &set);
        state_undo_free(undo);
        overlay_reset(o, s);
    }
    overlay_free(o);
    return c;
}

/* Root work of one transfer, what state_apply does, against one verification.
 */
static void report(const char *where, uint64_t holdings, const struct cost *c)
{
    const uint64_t n = (uint64_t)BLOCKS * TRANSFERS;
    char what[80];

    snprintf(what,
             sizeof what,
             "state root per transfer, %s, %llu holdings",
             where,
             (unsigned long long)holdings);
    row(what,
        "%.2f verifications",
        (double)c->apply_ns / (double)n / (double)verify_ns());
    row("- ns, hashes, ns a hash",
        "%llu, %llu, %llu",
        (unsigned long long)(c->apply_ns / n),
        (unsigned long long)(c->hashes / n),
        (unsigned long long)(c->apply_ns / c->hashes));
    row("- ns overlay, root of changes, taking back",
        "%llu, %llu, %llu",
        (unsigned long long)(c->overlay_ns / n),
        (unsigned long long)(c->root_ns / n),
        (unsigned long long)(c->undo_ns / n));
}

static void bench(uint64_t holdings)
{
    uint64_t before;
    struct state *s;
    uint64_t used;
    struct cost c;

    malloc_trim(0);
    before = resident_bytes();
    s = state_new();
    load(s, holdings);
    (void)state_root(s);
    used = resident_bytes() - before;
    row("memory of a holding, resident (as counted)",
        "%llu B (%llu B)",
        (unsigned long long)(used / holdings),
        (unsigned long long)(state_memory_bytes(s) / holdings));
    c = run(s, holdings, false);
    report("spread", holdings, &c);
    c = run(s, holdings, true);
    report("one security", holdings, &c);
    state_free(s);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        bench(10000);
        bench(1000000);
    }
    for (int i = 1; i < argc; i++) {
        uint64_t holdings;

        if (!num_parse_u64(&holdings, argv[i]) || holdings < HOLDERS) {
            fprintf(stderr, "usage: bench_state [HOLDINGS >= 1000 ...]\n");
            return 64;
        }
        bench(holdings);
    }
    return 0;
}
