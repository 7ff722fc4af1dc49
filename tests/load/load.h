/* load.h - a small market on a running trial network, and transfers in it.
 *
 * For programs that put real nodes under load: one security, LOAD_HOLDERS
 * holders with keys of their own and more shares than any run moves.  Every
 * transfer carries four signatures: transferor, transferee, maker, checker. */
#ifndef TESTS_LOAD_H
#define TESTS_LOAD_H

#include "base/buf.h"
#include "crypto/key.h"
#include "rpc/client.h"

enum {
    LOAD_HOLDERS = 128,
};

struct load_market {
    struct hash chain_id;
    uint32_t today; /* business day */
    struct secret maker, checker;
    struct secret holder[LOAD_HOLDERS];
    struct hash account[LOAD_HOLDERS];
};

/* load_open reads the keys of institution 1 from the directory of the network
 * and asks c for chain and date; load_make opens the accounts and registers the
 * security.  Each says on stderr what went wrong. */
bool load_open(struct load_market *m, struct rpc_client *c, const char *dir);
bool load_make(struct load_market *m, struct rpc_client *c);

/* load_make_by has each of its transactions settled by the caller, in order;
 * chain_id, today, maker and checker are set. */
typedef bool (*load_settle_fn)(void *ctx,
                               const struct buf *tx,
                               const struct hash *id);
bool load_make_by(struct load_market *m, load_settle_fn settle, void *ctx);

/* load_transfer puts the signed bytes of a transfer into out and its id into
 * id; the same number twice makes two transactions. */
void load_transfer(const struct load_market *m,
                   struct buf *out,
                   struct hash *id,
                   uint32_t number);

/* load_submit: it is pending or final; else why says why not. */
bool load_submit(struct rpc_client *c,
                 const struct buf *tx,
                 struct rpc_failure *why);
bool load_wait_final(struct rpc_client *c,
                     const struct hash *id,
                     uint32_t timeout_ms);

#endif /* TESTS_LOAD_H */
