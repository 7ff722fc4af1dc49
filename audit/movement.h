/* movement.h - what an event does to the number of shares of a holding. */
#ifndef AUDIT_MOVEMENT_H
#define AUDIT_MOVEMENT_H

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

#endif /* AUDIT_MOVEMENT_H */
