/* bench_disk - what a transaction takes on disk, by kind.
 *
 *   bench_disk [TRANSFERS [PER_BLOCK]]      default: 100000 in blocks of 100
 *
 * A history of transfers with four signatures each goes into a store as a node
 * writes it. "raw" is what is put, keys included; "as written" are the files
 * once all is in them; "compacted" once each family is one sorted run. */
#include "base/check.h"
#include "base/num.h"
#include "storage/store_db.h" /* the size of each family */
#include "tests/bench/chain.h"
#include "tests/bench/measure.h"
#include "tests/bench/transfers.h"

#include <stdio.h>
#include <stdlib.h>

struct disk {
    struct chain chain; /* its directory and store alone */
    uint64_t body;
    uint64_t events;
    uint64_t changes;
    uint64_t blocks;
};

static void keep(void *ctx,
                 const struct transfers *t,
                 const struct executed_block *b,
                 const struct cert *cert)
{
    struct disk *d = ctx;
    struct buf roots = {0};
    struct buf changes = {0};
    struct store_block s = {.header = &b->header,
                            .hash = b->hash,
                            .cert = cert,
                            .header_bytes = b->header_bytes,
                            .body = b->body,
                            .events = b->events,
                            .changes = b->changes,
                            .tx_ids = b->tx_ids,
                            .header_log = engine_header_log(t->engine)};
    enum err e;

    engine_roots(t->engine, b, &roots);
    s.roots = buf_bytes(&roots);
    e = store_put_block_ahead(d->chain.store, &s);
    if (e == ERR_NONE)
        e = store_index(d->chain.store, &s);
    ASSERT(e == ERR_NONE);
    store_changes_encode(&changes, &b->changes);
    d->body += b->body.size;
    d->events += b->events.size;
    d->changes += changes.size;
    d->blocks++;
    buf_deinit(&roots);
    buf_deinit(&changes);
}

static void sizes(const struct store *s, uint64_t out[STORE_FAMILIES])
{
    for (int i = 0; i < STORE_FAMILIES; i++) {
        uint64_t n = 0;

        rocksdb_property_int_cf(
            s->db, s->family[i], "rocksdb.live-sst-files-size", &n);
        out[i] = n;
    }
}

static void compact(struct store *s)
{
    for (int i = 0; i < STORE_FAMILIES; i++)
        rocksdb_compact_range_cf(s->db, s->family[i], NULL, 0, NULL, 0);
}

static void report(const struct disk *d,
                   uint64_t transfers,
                   const uint64_t written[STORE_FAMILIES],
                   const uint64_t compacted[STORE_FAMILIES])
{
    static const char *const names[STORE_FAMILIES] = {
        "marks",
        "- headers, certificates, roots (block)",
        "- header log (headers)",
        "- rows as they are (state)",
        "- where a transaction is (txid)",
        "- events and where they are (events)",
        "- rows as they were (history)",
        "- bodies, events, changes (body)"};
    uint64_t sum[2] = {0};

    row("disk per transfer, transfers, blocks",
        "%llu, %llu",
        (unsigned long long)transfers,
        (unsigned long long)d->blocks);
    row("- raw bytes of body, events, changes",
        "%llu, %llu, %llu",
        (unsigned long long)(d->body / transfers),
        (unsigned long long)(d->events / transfers),
        (unsigned long long)(d->changes / transfers));
    for (int i = 1; i < STORE_FAMILIES; i++) {
        row(names[i],
            "%llu B, compacted %llu B",
            (unsigned long long)(written[i] / transfers),
            (unsigned long long)(compacted[i] / transfers));
        sum[0] += written[i];
        sum[1] += compacted[i];
    }
    row("- all",
        "%llu B, compacted %llu B",
        (unsigned long long)(sum[0] / transfers),
        (unsigned long long)(sum[1] / transfers));
}

int main(int argc, char **argv)
{
    static struct transfers t;
    static struct disk d;
    uint64_t transfers = 100000;
    uint64_t per_block = 100;
    uint64_t written[STORE_FAMILIES];
    uint64_t compacted[STORE_FAMILIES];
    enum err e;

    if ((argc > 1 && !num_parse_u64(&transfers, argv[1])) ||
        (argc > 2 && !num_parse_u64(&per_block, argv[2])) || per_block == 0 ||
        per_block > 1000 || transfers < per_block || transfers > 10000000) {
        fprintf(stderr, "usage: bench_disk [TRANSFERS [PER_BLOCK <= 1000]]\n");
        return 64;
    }
    transfers -= transfers % per_block;
    transfers_genesis(&t);
    chain_new(&d.chain, NULL);
    d.chain.trust.chain_id = t.market.chain_id;
    chain_open(&d.chain);
    transfers_begin(&t, keep, &d);
    for (uint64_t i = 0; i < transfers; i += per_block)
        transfers_add(&t, (uint32_t)i, (uint32_t)per_block);
    e = store_flush(d.chain.store);
    ASSERT(e == ERR_NONE);
    sizes(d.chain.store, written);
    compact(d.chain.store);
    sizes(d.chain.store, compacted);
    report(&d, transfers, written, compacted);
    transfers_end(&t);
    chain_remove(&d.chain);
    return 0;
}
