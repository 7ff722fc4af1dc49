/* statesync.h - a fresh node fetches the state of a recent block from its peers
 * (state/snapshot.h), before anything else of it runs.
 *
 *   ask everybody --offers--> choose the newest --> manifest, from one peer
 *     --> verified from the genesis to the state root
 *     --> chunks, from all who offer the same, in any order
 *     --> each verified and written with its mark --> the end is one batch
 *     --> the start goes on: the state is rebuilt from all rows and its root
 *         and totals compared, as at every start; then block sync
 *
 *   F1  nothing counts that was not hashed up to the certified header.
 *   F2  a peer that sends a false manifest or chunk is named in the log with
 *       what it sent, and banned from bulk; others are asked.
 *   F3  killed at any moment, it goes on where it was: chunks that are marked
 *       are not fetched again.
 *   F4  if nobody offers the one that was begun any more, another is begun.
 *
 * While it runs, RPC answers node_status and metrics; all else is E_SYNCING. */
#ifndef NODE_STATESYNC_H
#define NODE_STATESYNC_H

#include "node/node.h"

/* statesync_run does nothing unless the database holds block 0 alone and
 * node.sync is snapshot, or an import was begun.  Returns 0 when the start may
 * go on (unless n->stopping: a signal came), else the exit code after telling
 * why.
 * Requires  genesis, keys, data directory and database are open */
int statesync_run(struct node *n);

#endif /* NODE_STATESYNC_H */
