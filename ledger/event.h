/* event.h - what happened, one record for every kind.
 *
 * Events are canonical Borsh (event_schema), indexed over the whole block with
 * due work first; the cursor height.index is total.  Each event renews the
 * chain of every row it touches: chain' = SHA-256(0x13 | chain | tx salt |
 * height u64 | index u32 | event bytes), so a statement of account can be shown
 * to be complete.  Fields an event does not use are zero. */
#ifndef LEDGER_EVENT_H
#define LEDGER_EVENT_H

#include "base/schema.h"
#include "chain/limits.h"

enum event_kind {
    EVENT_INSTITUTION_OPENED = 1,
    EVENT_TX_VOIDED = 2,
    EVENT_ACCOUNT_OPENED = 10,
    EVENT_SECURITY_CREATED = 20,
    EVENT_REGISTER_OPENED = 21,
    EVENT_REGISTER_LINE = 22,  /* one holder's line */
    EVENT_REGISTER_LINES = 23, /* the whole slice; touches the security */
    EVENT_REGISTER_CONFIRMED = 24,
    EVENT_REGISTER_CANCELLED = 25,
    EVENT_TRANSFERRED = 30, /* account -> other */
    EVENT_PLEDGED = 40,     /* account = pledgor, other = pledgee */
    EVENT_PLEDGE_RELEASED_PART = 41,
    EVENT_PLEDGE_RELEASED = 42,
    EVENT_FROZEN = 50,          /* quantity = effective, second = queued */
    EVENT_FREEZE_CHANGED = 51,  /* by displacement or promotion */
    EVENT_FREEZE_RELEASED = 52, /* quantity = released */
    EVENT_KINDS = 53,
};

/* tx_index of due work. */
#define EVENT_NO_TX UINT32_MAX

extern const char *const event_kind_names[EVENT_KINDS];

enum {
    EVENT_BYTES_MAX = 320,
};

struct event {
    uint8_t kind;      /* enum event_kind */
    uint32_t tx_index; /* in the block; EVENT_NO_TX for due work */
    uint16_t op_index;
    bool by_paper; /* a paper document stood for a holder's signature */
    char security[CODE_MAX + 1]; /* "-" if none */
    struct hash account;
    struct hash other;
    uint64_t number; /* pledge or freeze number, institution number, index */
    uint64_t quantity;
    uint64_t second; /* outstanding after, queued, declared … */
    uint32_t day;
    struct hash document;
};

extern const struct schema event_schema;

#endif /* LEDGER_EVENT_H */
