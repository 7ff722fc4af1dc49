/* rows.h - the rows of the register: C structs and their one description.
 *
 * Every row is stored as schema_encode of its struct.  Rows that people's
 * rights hang on carry `chain` last: it renews with each event that touches the
 * row and so hides the row from guessing (docs/FORMAT.md). */
#ifndef LEDGER_ROWS_H
#define LEDGER_ROWS_H

#include "base/schema.h"
#include "chain/cert.h"
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
    ACCOUNT_REVOKED_MAX = 8,
    CLOSURES_MAX = 8,
    NATURE_MAX = 99,
};

struct qty {
    uint64_t shares;
};

struct params_row {
    uint32_t validators_min; /* 4 in production, else 1 */
    uint32_t ready_blocks;   /* how long a READY counts */
    uint32_t recovery_days;  /* days a recovery of keys waits */
    uint32_t due_day;        /* first day whose due work is not all done */
    uint32_t due_next;       /* first item of that day that is not done */
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
    ACCOUNT_FROZEN = 2,
    ACCOUNT_CLOSED = 3,
    ACCOUNT_STATUSES,
};

/* Classes of qualified investors (Measures for regional equity markets, art.
 * 13); a security accepts a set of them, bit class - 1. */
enum investor_class {
    INVESTOR_NONE = 0,
    INVESTOR_FINANCIAL = 1, /* licensed institution, private-fund manager */
    INVESTOR_PRODUCT = 2,   /* their managed products */
    INVESTOR_FUND = 3,      /* pension or charity fund, filed private fund */
    INVESTOR_COMPANY = 4,   /* legal person above the set net assets */
    INVESTOR_PERSON = 5,    /* natural person: assets and experience */
    INVESTOR_CLASSES,
};
extern const char *const investor_class_names[INVESTOR_CLASSES];
extern const char *const investor_flag_names[INVESTOR_CLASSES - 1];

/* How a holder acts: threshold of keys, strictly ascending; threshold 0 and no
 * keys for paper. */
struct key_policy {
    uint8_t threshold;
    uint32_t key_count;
    struct pubkey keys[ACCOUNT_KEYS_MAX];
};

extern const char *const account_authority_names[AUTHORITY_KINDS];
extern const char *const account_kind_names[ACCOUNT_KINDS];
extern const char *const account_status_names[ACCOUNT_STATUSES];

struct account_row {
    uint16_t custodian;
    uint8_t kind;      /* enum account_kind */
    uint8_t status;    /* enum account_status */
    uint8_t authority; /* enum account_authority */
    struct key_policy policy;
    uint32_t revoked_count; /* newest last; the oldest falls out */
    struct pubkey revoked[ACCOUNT_REVOKED_MAX];
    uint32_t recovery_day; /* on which next takes effect; 0 = none pending */
    struct key_policy next;
    char frozen_by[CODE_MAX + 1]; /* authority; "-" */
    bool pooled;                  /* partnership, wealth product */
    uint32_t investors; /* holders it counts as; 0 = pooled, not declared */
    uint8_t class;      /* enum investor_class; judged on the day of use */
    uint32_t class_from;
    uint32_t class_to;
    uint32_t positions;      /* securities in which it has a share */
    uint32_t rights;         /* open pledges to it, open claims of it, its
                                securities in the register */
    struct hash identity;    /* salted commitment */
    struct hash subject_tag; /* one person, one account */
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

enum security_feature {                              /* bits */
                        FEATURE_REPEAT_PLEDGE = 1,   /* ranked pledges */
                        FEATURE_COMPANY_CONSENT = 2, /* articles restrict */
};
extern const char *const security_feature_names[2];

enum closure_kind {
    CLOSURE_MEETING = 1,  /* 20 days before a shareholders' meeting */
    CLOSURE_DIVIDEND = 2, /* 5 days before a dividend base date, and the day */
    CLOSURE_KINDS,
};
extern const char *const closure_kind_names[CLOSURE_KINDS];

/* Days on which the register takes no voluntary change of holders. */
struct closure {
    uint8_t kind; /* enum closure_kind */
    uint32_t base;
    uint32_t from; /* first and last closed day */
    uint32_t to;
};

struct security_row {
    char code[CODE_MAX + 1];
    struct hash issuer; /* account */
    uint16_t registrar; /* institution */
    uint8_t class;
    uint8_t status;
    uint8_t tier;             /* board of the market; 0 = not listed */
    uint8_t t_plus;           /* trading days between buy and sell; 0 = none */
    uint16_t features;        /* enum security_feature bits */
    uint16_t investors;       /* classes accepted; 0 = everybody */
    uint32_t holder_cap;      /* 0 = exempt */
    struct hash cap_approval; /* document of the exemption */
    char successor[CODE_MAX + 1];   /* after a board transfer; "-" */
    char predecessor[CODE_MAX + 1]; /* before it; "-" */
    uint32_t closure_count;
    struct closure closures[CLOSURES_MAX];
    /* Control totals: sums over the rows, checked after every block. */
    uint32_t holder_count; /* final investors with a share */
    uint32_t positions;    /* accounts of any kind with a share */
    struct qty issued;
    struct qty pledged;
    struct qty frozen;
    struct qty queued;
    uint32_t pledges_open;
    uint32_t freezes_open;
    uint32_t court_reports; /* open freezes that ask for a report first */
    uint32_t claims_open;
    /* Statistics: what the open pledges secure, and the trades so far with
     * the shares in them (which stop counting at INT64_MAX). */
    int64_t secured_fen;
    uint64_t trades;
    struct qty traded;
    uint64_t pledge_count; /* numbers given so far */
    uint64_t freeze_count;
    uint64_t claim_count;
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

/* An officer's quota: a quarter of the holding of 1 January a year. */
struct insider {
    uint32_t term_end; /* of the original term; 0 = no officer */
    uint32_t left_day; /* 0 = in office */
    uint16_t year;     /* to which base and sold belong */
    struct qty base;
    struct qty sold;
};

struct holding_row {
    uint8_t kind;    /* of the account: only ordinary ones count as holders */
    bool held;       /* there is a share */
    uint32_t weight; /* holders it counts as while held */
    uint32_t segment_count;
    struct segment segments[SEGMENTS_MAX];
    uint32_t freeze_count;
    struct holding_freeze freezes[HOLDING_FREEZES_MAX];
    uint32_t last_sale_day;
    struct insider insider;
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
    struct qty original; /* ever put under it */
    struct qty outstanding;
    struct qty released; /* original = outstanding + released + enforced */
    struct qty enforced;
    int64_t secured_fen;
    uint32_t registered_day;
    uint32_t default_day; /* of the notice; 0 = none */
    uint32_t term_end;    /* 0 = none */
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

/* What a correction could not take back from a later holder in good faith. */
struct claim_row {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash wrong_tx;
    struct hash debtor;
    struct hash creditor;
    struct qty quantity;
    struct qty open;
    struct hash document;
    struct hash chain;
};

enum due_kind {
    DUE_DAY = 1,      /* the day's row: how many items it has */
    DUE_FREEZE = 2,   /* the freeze may lapse */
    DUE_RECOVERY = 3, /* the account's recovery ends */
    DUE_KINDS,
};
extern const char *const due_kind_names[DUE_KINDS];

/* Due work, by day and number; an item that has nothing to do any more is
 * passed over. */
struct due_row {
    uint8_t kind; /* enum due_kind */
    uint32_t count;
    char security[CODE_MAX + 1]; /* "-" if none */
    uint64_t number;
    struct hash account;
};

/* The validators of an epoch.  The row at zeros is the set in force for the
 * next block; the block that changes it seals its epoch.  Sets of past epochs
 * stay under epoch_key. */
struct validators_row {
    struct valset set;
    uint64_t since_height; /* block that put it in force; 0 = the genesis */
};

/* A validator that its institution announced: the others let it follow, and
 * once it is ready it may join.  One for an institution. */
struct candidate_row {
    uint16_t institution;
    struct pubkey key;
    struct hash spki_hash;
    uint64_t announced_height;
    uint64_t ready_height; /* 0 = it has not said so */
    uint32_t version;      /* of its software, as it said */
};

/* A validator of the set in force, or one that was when it said so, lives. */
struct ready_row {
    uint16_t institution;
    struct pubkey key;
    uint64_t ready_height; /* block in which it said so last */
    uint32_t version;      /* of its software, as it said */
};

/* The shared parameters in force for the next block.  There is no such row
 * while they are those of the genesis. */
struct shared_row {
    struct genesis_params params;
    uint64_t since_height; /* block that put them in force */
};

/* Two votes by one validator that exclude each other. */
struct evidence_row {
    uint64_t epoch;
    uint64_t view;
    uint8_t type; /* enum vote_conflict */
    uint16_t institution;
    struct pubkey key;
    uint64_t height;   /* block that recorded it */
    struct hash tx_id; /* of the transaction with the votes */
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
    calendar_row_schema, claim_row_schema, due_row_schema,
    validators_row_schema, candidate_row_schema, evidence_row_schema,
    ready_row_schema, shared_row_schema;
extern const struct schema account_key_schema;

/* row_schema is the schema of a table's rows; NULL for an unused table. */
const struct schema *row_schema(uint8_t table);
extern const char *const table_names[TABLE_SLOTS];

#endif /* LEDGER_ROWS_H */
