/* movement.h - what an event does to the number of shares of a holding, so that
 * a statement of account has balances.
 *
 * Invariant  the shares of a holding before a transaction, and the movements of
 *            those of its events that renew the holding, make the shares after
 *            it (tests/market/chains.c holds every random market to it). */
#ifndef LEDGER_MOVEMENT_H
#define LEDGER_MOVEMENT_H

#include "base/attr.h"
#include "ledger/event.h"

struct movement {
    uint64_t in;
    uint64_t out; /* at most one of the two is not 0 */
};

/* Of an event that renews the account's holding (event_renews_holding). */
struct movement movement_of(const struct event *e, const struct hash *account);

/* balance + in - out; false if that is no quantity. */
MUST_USE bool movement_add(uint64_t *balance, const struct movement *m);

#endif /* LEDGER_MOVEMENT_H */
