/* transfers.h - for benches: a history of transfers with four signatures each,
 * its blocks final by three of four validators. */
#ifndef TESTS_BENCH_TRANSFERS_H
#define TESTS_BENCH_TRANSFERS_H

#include "engine/engine.h"
#include "tests/load/load.h"

enum {
    TRANSFERS_VALIDATORS = 4,
};

/* Takes a block that was committed just now; cert is NULL for block 0. */
struct transfers;
typedef void (*transfers_keep_fn)(void *ctx,
                                  const struct transfers *t,
                                  const struct executed_block *b,
                                  const struct cert *cert);

struct transfers {
    struct genesis genesis;
    struct secret validators[TRANSFERS_VALIDATORS]; /* in the set's order */
    struct secret maker;
    struct secret checker;
    struct load_market market;
    struct engine *engine;
    transfers_keep_fn keep;
    void *ctx;
};

/* transfers_genesis makes keys and genesis; transfers_begin the first blocks,
 * with the accounts and the security; transfers_add one block of transfers
 * numbered from `first` on; transfers_end frees the engine. */
void transfers_genesis(struct transfers *t);
void transfers_begin(struct transfers *t, transfers_keep_fn keep, void *ctx);
void transfers_add(struct transfers *t, uint32_t first, uint32_t count);
void transfers_end(struct transfers *t);

#endif /* TESTS_BENCH_TRANSFERS_H */
