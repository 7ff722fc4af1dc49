/* own_tx.h - transactions that the node itself files, signed by its consensus
 * key: that it is ready to validate, and evidence against a validator. */
#ifndef NODE_OWN_TX_H
#define NODE_OWN_TX_H

#include "base/buf.h"
#include "chain/tx.h"

struct node;
struct vote;

enum {
    SOFTWARE_VERSION = 1 << 16, /* major << 16 | minor << 8 | patch */
};

/* own_tx_make appends the full bytes of a transaction of one operation, filed
 * on `day` for an institution and signed by the consensus key alone. */
void own_tx_make(struct buf *out,
                 const struct hash *chain_id,
                 uint16_t institution,
                 uint32_t day,
                 const struct secret *consensus_key,
                 uint8_t kind,
                 const void *op);

/* own_tx_evidence files two votes of the present epoch that exclude each other,
 * if this node is a validator: one of each kind against each validator in an
 * epoch, so that who goes on misbehaving does not keep the network busy. */
void own_tx_evidence(struct node *n,
                     const struct vote *a,
                     const struct vote *b);

/* own_tx_tick, about once a second: an announced validator that is no member
 * yet, has every block and hears a quorum says READY, and again while that
 * grows old.  A member says it once when it is asked to. */
void own_tx_tick(struct node *n);
void own_tx_ask_ready(struct node *n);

#endif /* NODE_OWN_TX_H */
