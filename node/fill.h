/* fill.h - the history behind a snapshot, fetched when there is nothing better
 * to do.
 *
 *   run of blocks below what is here --asked of one peer--> checked downward,
 *   each by the parent hash of the one above, its body, its certificate --> one
 *   batch --> the next run below, until block 1; then the log of headers
 *
 *   B1  nothing is asked while this node is behind the others.
 *   B2  one run at a time, of at most FILL_BLOCKS blocks and, after the first,
 *       about FILL_BYTES bytes.
 *   B3  who sends what does not fit is named and banned from bulk; who has not
 *       got it is not asked for a while.
 *
 * Its state is what the database says (storage/store_import.h). */
#ifndef NODE_FILL_H
#define NODE_FILL_H

#include "node/node.h"

struct fill;

/* NULL: nothing is to be filled in. */
struct fill *fill_new(struct node *n);
void fill_stop(struct fill *f); /* waits for what is being written */
void fill_free(struct fill *f);
void fill_tick(struct node *n);

/* Answers to block sync that are about heights up to the snapshot's are for
 * this; false: they are not. */
bool fill_take(struct node *n,
               uint8_t slot,
               uint64_t height,
               struct bytes header,
               const struct cert *cert,
               struct bytes body);
bool fill_take_end(struct node *n, uint8_t slot, const struct msg_range *r);
void fill_down(struct node *n, uint8_t slot);

#endif /* NODE_FILL_H */
