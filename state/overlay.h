/* overlay.h - uncommitted rows over a state: what a block is executed against.
 *
 * Implements struct ledger_view.  Reads fall through to the state; writes stay
 * here until overlay_changes hands them over, sorted.  One point of return
 * (view.begin / rollback / accept), used by the ledger for each transaction. */
#ifndef STATE_OVERLAY_H
#define STATE_OVERLAY_H

#include "state/state.h"

struct overlay;

/* overlay_new borrows s, which must not change while the overlay is read. */
struct overlay *overlay_new(const struct state *s);
void overlay_free(struct overlay *o);
void overlay_reset(struct overlay *o, const struct state *s); /* empties it */

/* The view borrows o. */
struct ledger_view overlay_view(struct overlay *o);

/* overlay_changes returns the sorted change set, without rows that ended as
 * they began and without drops of trees that were not there; borrowed from o
 * until it changes. */
struct change_set overlay_changes(struct overlay *o);

#endif /* STATE_OVERLAY_H */
