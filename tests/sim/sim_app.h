/* sim_app.h - what the simulated nodes execute, behind a table of functions.
 *
 * The simulator drives consensus; what a block does is the application's.  One
 * is a hash chain over transaction numbers, so that thousands of views a second
 * are possible; one is that chain with transactions that change the set of
 * validators; and one is the ledger's engine, which shows that shares are
 * conserved whatever happens. */
#ifndef SIM_APP_H
#define SIM_APP_H

#include "base/buf.h"
#include "chain/header.h"

enum {
    SIM_TXS_MAX = 2048, /* transactions in one run */
    SIM_BLOCK_TXS = 8,
};

/* A block as some node built it; all nodes share the registry of them. */
struct sim_block {
    struct hash hash;
    struct header header;
    struct buf header_bytes;
    struct buf body;
    uint32_t slot; /* of the registry's index */
};

struct sim_app_ops {
    const char *name;
    uint64_t epoch; /* of the genesis */
    /* open makes what the nodes of a run share, and the genesis header. */
    void *(*open)(uint32_t nodes, struct header *genesis);
    void (*close)(void *world);
    /* make gives one node's state at the genesis. */
    void *(*make)(void *world);
    void (*free)(void *self);
    /* build makes header and body of a block on the tip from offered
     * transactions; view, proposer, time, height and parent stand in
     * out->header.  False: none of them would take effect. */
    bool (*build)(void *self,
                  struct sim_block *out,
                  const uint32_t *txs,
                  uint32_t tx_count);
    /* execute says whether the block is valid on the tip. */
    bool (*execute)(void *self, const struct sim_block *block);
    /* commit makes a valid block the tip; txs (SIM_BLOCK_TXS + 1) gets the
     * transactions that took effect.  Returns their number. */
    uint32_t (*commit)(void *self,
                       const struct sim_block *block,
                       uint32_t *txs);
    /* has says whether a transaction has taken effect. */
    bool (*has)(const void *self, uint32_t tx);
    struct hash (*root)(const void *self);
    /* sound says whether nothing was made or lost. */
    bool (*sound)(void *self);
    /* change makes a transaction one that changes the set, of nodes as bits;
     * whether it does, and so seals its block, follows from the state it is
     * executed on.  NULL: there is one set for ever. */
    void (*change)(void *world, uint32_t tx, uint32_t leave, uint32_t join);
};

/* The nodes that are validators after this block, as its header says. */
uint32_t sim_members_after(const struct header *h);

extern const struct sim_app_ops sim_chain_app;
extern const struct sim_app_ops sim_epochs_app;
extern const struct sim_app_ops sim_ledger_app; /* the real engine */

#endif /* SIM_APP_H */
