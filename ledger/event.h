/* event.h - what happened, one record for every kind.
 *
 * Events are canonical Borsh (event_schema), indexed over the whole block with
 * due work first; the cursor height.index is total.  Each event renews the
 * chain of every row it touches (event_chain), so a statement of account can be
 * shown to be complete.  Fields an event does not use are zero. */
#ifndef LEDGER_EVENT_H
#define LEDGER_EVENT_H

#include "base/schema.h"
#include "chain/limits.h"

/* Constant, number, name; what people call it is in document/terms.def.  In
 * general: account loses or is concerned, other
 * gains or is the creditor, quantity moved, second = what is left, queued or
 * declared.  FROZEN and FREEZE_*: quantity = effective, second = queued.
 * VALIDATOR_*, EVIDENCE_RECORDED: account = validator_id, number = institution;
 * second = software version or enum vote_conflict, quantity = view.
 * VALIDATORS_CHANGED: number = the new epoch, quantity = its validators,
 * document = hash of the set.  PARAMS_CHANGED: number = the new epoch, document
 * = hash of the parameters. */
#define EVENT_LIST(X)                                 \
    X(INSTITUTION_OPENED, 1, institution_opened)      \
    X(TX_VOIDED, 2, tx_voided)                        \
    X(INSTITUTION_CHANGED, 3, institution_changed)    \
    X(AUTHORITY_SET, 4, authority_set)                \
    X(CALENDAR_SET, 5, calendar_set)                  \
    X(ACCOUNT_OPENED, 10, account_opened)             \
    X(ACCOUNT_QUALIFIED, 11, account_qualified)       \
    X(LOOK_THROUGH, 12, look_through)                 \
    X(KEYS_ROTATED, 13, keys_rotated)                 \
    X(RECOVERY_OPENED, 14, recovery_opened)           \
    X(RECOVERY_CONTESTED, 15, recovery_contested)     \
    X(RECOVERY_DONE, 16, recovery_done)               \
    X(ACCOUNT_FROZEN, 17, account_frozen)             \
    X(ACCOUNT_THAWED, 18, account_thawed)             \
    X(ACCOUNT_CLOSED, 19, account_closed)             \
    X(SECURITY_CREATED, 20, security_created)         \
    X(REGISTER_OPENED, 21, register_opened)           \
    X(REGISTER_LINE, 22, register_line)               \
    X(REGISTER_LINES, 23, register_lines)             \
    X(REGISTER_CONFIRMED, 24, register_confirmed)     \
    X(REGISTER_CANCELLED, 25, register_cancelled)     \
    X(SECURITY_LISTED, 26, security_listed)           \
    X(SECURITY_DELISTED, 27, security_delisted)       \
    X(SECURITY_SUSPENDED, 28, security_suspended)     \
    X(SECURITY_RESUMED, 29, security_resumed)         \
    X(TRANSFERRED, 30, transferred)                   \
    X(GIVEN, 31, given)                               \
    X(DIVIDED, 32, divided)                           \
    X(SUCCEEDED, 33, succeeded)                       \
    X(TRANSFERRED_BY_COURT, 34, transferred_by_court) \
    X(TITLE_CONFIRMED, 35, title_confirmed)           \
    X(LOCKED, 36, locked)                             \
    X(UNLOCKED, 37, unlocked)                         \
    X(INSIDER_SET, 38, insider_set)                   \
    X(SECURITY_CHANGED, 39, security_changed)         \
    X(PLEDGED, 40, pledged)                           \
    X(PLEDGE_RELEASED_PART, 41, pledge_released_part) \
    X(PLEDGE_RELEASED, 42, pledge_released)           \
    X(PLEDGE_AMENDED, 43, pledge_amended)             \
    X(PLEDGE_DEFAULTED, 44, pledge_defaulted)         \
    X(PLEDGE_ENFORCED, 45, pledge_enforced)           \
    X(PLEDGE_REVOKED, 46, pledge_revoked)             \
    X(PLEDGE_ASSIGNED, 47, pledge_assigned)           \
    X(PLEDGE_CARRIED, 48, pledge_carried)             \
    X(FROZEN, 50, frozen)                             \
    X(FREEZE_CHANGED, 51, freeze_changed)             \
    X(FREEZE_RELEASED, 52, freeze_released)           \
    X(FREEZE_RENEWED, 53, freeze_renewed)             \
    X(FREEZE_LAPSED, 54, freeze_lapsed)               \
    X(FREEZE_EXECUTED, 55, freeze_executed)           \
    X(FREEZE_CARRIED, 56, freeze_carried)             \
    X(WITHDRAWN, 60, withdrawn)                       \
    X(CUSTODY_TRANSFERRED, 61, custody_transferred)   \
    X(BOARD_OPENED, 62, board_opened)                 \
    X(BOARD_MOVED, 63, board_moved)                   \
    X(BOARD_CONFIRMED, 64, board_confirmed)           \
    X(BOARD_CANCELLED, 65, board_cancelled)           \
    X(CLOSURE_SET, 66, closure_set)                   \
    X(CLOSURE_CANCELLED, 67, closure_cancelled)       \
    X(ACCOUNT_TRANSFERRED, 68, account_transferred)   \
    X(CORRECTED, 70, corrected)                       \
    X(CLAIM_OPENED, 71, claim_opened)                 \
    X(CLAIM_CLOSED, 72, claim_closed)                 \
    X(VALIDATOR_ANNOUNCED, 80, validator_announced)   \
    X(VALIDATOR_WITHDRAWN, 81, validator_withdrawn)   \
    X(VALIDATOR_READY, 82, validator_ready)           \
    X(VALIDATORS_CHANGED, 83, validators_changed)     \
    X(EVIDENCE_RECORDED, 84, evidence_recorded)       \
    X(PARAMS_CHANGED, 85, params_changed)

enum event_kind {
#define EVENT_KIND(id, number, name) EVENT_##id = (number),
    EVENT_LIST(EVENT_KIND)
#undef EVENT_KIND
        EVENT_KINDS = 86,
};

enum event_flag {                                /* bits */
                  EVENT_DURING_CLOSURE = 1,      /* the register was closed */
                  EVENT_CAP_EXCEEDED_BY_LAW = 2, /* more holders than the cap */
};
extern const char *const event_flag_names[2];

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
    uint16_t flags; /* enum event_flag bits */
    bool by_paper;  /* a paper document stood for a holder's signature */
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

/* chain' = SHA-256(0x13 | chain | salt | height u64 | index u32 | event bytes);
 * salt is the transaction's, NULL (zeros) for due work. */
struct hash event_chain(const struct hash *chain,
                        const uint8_t *salt,
                        uint64_t height,
                        uint32_t index,
                        struct bytes event);

/* Whether the event renews the chain of the account's holding of the security:
 * it does so exactly once, and no other event does. */
bool event_renews_holding(const struct event *e,
                          const char *security,
                          const struct hash *account);

#endif /* LEDGER_EVENT_H */
