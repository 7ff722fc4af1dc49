/* rows.h - the rows of the register: C structs and their one description.
 *
 * Every row is stored as schema_encode of its struct.  Rows that people's
 * rights hang on carry `chain` last: it renews with each event that touches the
 * row and so hides the row from guessing (docs/FORMAT.md). */
#ifndef LEDGER_ROWS_H
#define LEDGER_ROWS_H

#include "base/schema.h"
#include "chain/genesis.h"
#include "ledger/view.h"

enum {
    ACCOUNT_KEYS_MAX = 8,
    SEGMENTS_VOLUNTARY_MAX = 48, /* for operations of the parties */
    SEGMENTS_MAX = 128,          /* so that a court order always fits */
    SEGMENT_PLEDGES_MAX = 4,
    HOLDING_FREEZES_MAX = 64,
    PLEDGORS_MAX = 16,
    DRAFT_PEAKS_MAX = 32,
};

struct qty {
    uint64_t shares;
};

struct params_row {
    uint32_t validator_count;
};

struct institution_row {
    uint16_t number;
    char code[CODE_MAX + 1];
    uint16_t roles;
    bool validator; /* runs a validator: its operator signs governance */
    uint32_t key_count;
    struct institution_key keys[INSTITUTION_KEYS_MAX];
};

enum account_authority {
    AUTHORITY_KEYS = 1,  /* m of n keys sign */
    AUTHORITY_PAPER = 2, /* the custodian signs and cites a document */
    AUTHORITY_KINDS,
};

enum account_kind {
    ACCOUNT_ORDINARY = 1,
    ACCOUNT_TREASURY = 2,
    ACCOUNT_UNCONFIRMED = 3,
    ACCOUNT_SUSPENSE = 4,
    ACCOUNT_KINDS,
};

enum account_status {
    ACCOUNT_ACTIVE = 1,
    ACCOUNT_RESTRICTED = 2,
    ACCOUNT_FROZEN = 3,
    ACCOUNT_CLOSED = 4,
    ACCOUNT_STATUSES,
};

extern const char *const account_authority_names[AUTHORITY_KINDS];
extern const char *const account_kind_names[ACCOUNT_KINDS];
extern const char *const account_status_names[ACCOUNT_STATUSES];

struct account_row {
    uint16_t custodian;
    uint8_t kind;      /* enum account_kind */
    uint8_t status;    /* enum account_status */
    uint8_t authority; /* enum account_authority */
    uint8_t threshold; /* of keys; 0 for paper */
    uint32_t key_count;
    struct pubkey keys[ACCOUNT_KEYS_MAX]; /* strictly ascending */
    struct hash identity;                 /* salted commitment */
    struct hash subject_tag;
    struct hash chain;
};

struct subject_row {
    struct hash account;
};

enum security_status {
    SECURITY_DRAFT = 1,
    SECURITY_REGISTERED = 2,
    SECURITY_LISTED = 3,
    SECURITY_SUSPENDED = 4,
    SECURITY_MIGRATING = 5,
    SECURITY_WITHDRAWN = 6,
    SECURITY_STATUSES,
};

enum security_class {
    CLASS_ORDINARY = 1,
    CLASS_PREFERRED = 2,
    CLASS_CONVERTIBLE_BOND = 3,
    SECURITY_CLASSES,
};

extern const char *const security_status_names[SECURITY_STATUSES];
extern const char *const security_class_names[SECURITY_CLASSES];

struct security_row {
    char code[CODE_MAX + 1];
    struct hash issuer; /* account */
    uint16_t registrar; /* institution */
    uint8_t class;
    uint8_t status;
    uint8_t t_plus;      /* trading days between buy and sell; 0 = none */
    uint32_t holder_cap; /* 0 = exempt */
    uint32_t holder_count;
    struct qty issued;
    struct qty pledged;
    struct qty frozen;
    uint64_t pledge_count; /* numbers given so far */
    uint64_t freeze_count;
    struct hash terms; /* of the document with the terms */
    struct hash chain;
};

struct segment_pledge {
    uint64_t number;
};

/* Part of a position with one uniform set of attributes.  Canonical order, and
 * the order of taking: nature, lock, trade day, pledges, freeze. */
struct segment {
    struct qty quantity; /* >= 1 */
    uint8_t nature;
    uint32_t lock_until; /* first day on which it is free; 0 = no lock */
    uint32_t trade_day;  /* on which it was bought; 0 = T+n does not apply */
    uint32_t pledge_count;
    struct segment_pledge pledges[SEGMENT_PLEDGES_MAX]; /* in rank order */
    uint64_t freeze;                                    /* 0 = none */
};

/* A freeze on this holding, in rank order. */
struct holding_freeze {
    uint64_t number;
    uint64_t rank_ms; /* publicity time, else service time */
    struct qty effective;
    struct qty queued;
};

struct holding_row {
    uint8_t kind; /* of the account: only ordinary ones count as holders */
    uint32_t segment_count;
    struct segment segments[SEGMENTS_MAX];
    uint32_t freeze_count;
    struct holding_freeze freezes[HOLDING_FREEZES_MAX];
    uint32_t last_sale_day;
    uint64_t sequence; /* writes of this row so far */
    struct hash chain;
};

enum pledge_status {
    PLEDGE_ACTIVE = 1,
    PLEDGE_RELEASED = 2,
    PLEDGE_DEFAULTED = 3,
    PLEDGE_ENFORCED = 4,
    PLEDGE_REVOKED = 5,
    PLEDGE_STATUSES,
};
extern const char *const pledge_status_names[PLEDGE_STATUSES];

struct pledgor {
    struct hash account;
    struct qty outstanding;
};

enum constitutive_register {
    REGISTER_THIS = 1,      /* this ledger creates the right */
    REGISTER_REGULATOR = 2, /* the market regulator's does */
    REGISTER_DEPOSITORY = 3,
    REGISTERS,
};
extern const char *const constitutive_register_names[REGISTERS];

struct pledge_row {
    uint64_t number;
    uint8_t status;
    struct hash pledgee; /* account */
    struct qty original;
    struct qty outstanding;
    int64_t secured_fen;
    uint32_t registered_day;
    uint32_t term_end; /* 0 = none */
    bool covers_fruits;
    uint8_t constitutive_register;
    struct hash register_reference;
    struct hash document;
    uint32_t pledgor_count;
    struct pledgor pledgors[PLEDGORS_MAX];
    struct hash chain;
};

enum freeze_status {
    FREEZE_ACTIVE = 1,
    FREEZE_RELEASED = 2,
    FREEZE_LAPSED = 3,
    FREEZE_EXECUTED = 4,
    FREEZE_STATUSES,
};
extern const char *const freeze_status_names[FREEZE_STATUSES];

/* requested = effective + queued + released + lapsed + executed + unfulfilled
 */
struct freeze_row {
    uint64_t number;
    uint8_t status;
    struct hash account;
    char authority[CODE_MAX + 1];
    struct hash case_commitment;
    struct hash document;
    uint64_t publicity_ms; /* 0 = not published */
    uint64_t service_ms;
    uint32_t from;
    uint32_t to; /* last day */
    bool covers_fruits;
    bool court_report;
    struct qty requested;
    struct qty effective;
    struct qty queued;
    struct qty released;
    struct qty lapsed;
    struct qty executed;
    struct qty unfulfilled;
    struct hash chain;
};

struct reference_row {
    struct hash tx_id;
};

/* A register being loaded. */
struct draft_row {
    struct qty issued; /* declared */
    uint32_t line_count;
    struct hash root; /* RFC 9162 over the canonical bytes of the lines */
    uint32_t next_line;
    uint32_t peak_count;
    struct {
        struct hash hash;
    } peaks[DRAFT_PEAKS_MAX];
};

extern const struct schema params_row_schema, institution_row_schema,
    account_row_schema, subject_row_schema, security_row_schema, segment_schema,
    holding_row_schema, pledge_row_schema, freeze_row_schema,
    reference_row_schema, draft_row_schema, authority_row_schema,
    calendar_row_schema;

/* row_schema is the schema of a table's rows; NULL for an unused table. */
const struct schema *row_schema(uint8_t table);
extern const char *const table_names[TABLE_SLOTS];

#endif /* LEDGER_ROWS_H */
