/* ops.h - the operations: each described once.
 *
 * A transaction's operation is one kind byte and the canonical bytes of its
 * struct.  Codec, JSON, command-line flags, help, rpc.discover and docs derive
 * from op_table.  Who must sign is data as well: signers[]. */
#ifndef LEDGER_OPS_H
#define LEDGER_OPS_H

#include "ledger/rows.h"
#include "ledger/verdict.h"

/* Every operation: constant, number, name.  From this list come the kinds, the
 * union, the table and the dispatch to the rules. */
#define OP_LIST(X)                                    \
    X(INSTITUTION_OPEN, 1, institution_open)          \
    X(VOID, 2, void)                                  \
    X(INSTITUTION_CHANGE, 3, institution_change)      \
    X(AUTHORITY_SET, 4, authority_set)                \
    X(CALENDAR_SET, 5, calendar_set)                  \
    X(ACCOUNT_OPEN, 10, account_open)                 \
    X(ACCOUNT_QUALIFY, 11, account_qualify)           \
    X(ACCOUNT_LOOK_THROUGH, 12, account_look_through) \
    X(ACCOUNT_ROTATE, 13, account_rotate)             \
    X(ACCOUNT_RECOVER, 14, account_recover)           \
    X(ACCOUNT_CONTEST, 15, account_contest)           \
    X(ACCOUNT_FREEZE, 16, account_freeze)             \
    X(ACCOUNT_THAW, 17, account_thaw)                 \
    X(ACCOUNT_CLOSE, 18, account_close)               \
    X(ACCOUNT_TRANSFER, 19, account_transfer)         \
    X(SECURITY_CREATE, 20, security_create)           \
    X(REGISTER_OPEN, 21, register_open)               \
    X(REGISTER_LINES, 22, register_lines)             \
    X(REGISTER_CONFIRM, 23, register_confirm)         \
    X(REGISTER_CANCEL, 24, register_cancel)           \
    X(SECURITY_LIST, 25, security_list)               \
    X(SECURITY_DELIST, 26, security_delist)           \
    X(SECURITY_SUSPEND, 27, security_suspend)         \
    X(SECURITY_RESUME, 28, security_resume)           \
    X(SECURITY_CHANGE, 29, security_change)           \
    X(TRANSFER, 30, transfer)                         \
    X(TRANSFER_PLEDGED, 31, transfer_pledged)         \
    X(TRANSFER_GIFT, 32, transfer_gift)               \
    X(TRANSFER_DEED, 33, transfer_deed)               \
    X(TRANSFER_MERGER, 34, transfer_merger)           \
    X(TRANSFER_JUDICIAL, 35, transfer_judicial)       \
    X(TITLE_CONFIRM, 36, title_confirm)               \
    X(LOCK_SET, 37, lock_set)                         \
    X(LOCK_LIFT, 38, lock_lift)                       \
    X(INSIDER_SET, 39, insider_set)                   \
    X(PLEDGE_CREATE, 40, pledge_create)               \
    X(PLEDGE_RELEASE_PART, 41, pledge_release_part)   \
    X(PLEDGE_RELEASE, 42, pledge_release)             \
    X(PLEDGE_CREATE_RANKED, 43, pledge_create_ranked) \
    X(PLEDGE_AMEND, 44, pledge_amend)                 \
    X(PLEDGE_DEFAULT, 45, pledge_default)             \
    X(PLEDGE_ENFORCE, 46, pledge_enforce)             \
    X(PLEDGE_REVOKE, 47, pledge_revoke)               \
    X(PLEDGE_ASSIGN, 48, pledge_assign)               \
    X(FREEZE_CREATE, 50, freeze_create)               \
    X(FREEZE_RELEASE, 51, freeze_release)             \
    X(FREEZE_RENEW, 52, freeze_renew)                 \
    X(SECURITY_WITHDRAW, 60, security_withdraw)       \
    X(CUSTODY_TRANSFER, 61, custody_transfer)         \
    X(BOARD_OPEN, 62, board_open)                     \
    X(BOARD_MOVE, 63, board_move)                     \
    X(BOARD_CONFIRM, 64, board_confirm)               \
    X(BOARD_CANCEL, 65, board_cancel)                 \
    X(CLOSURE_SET, 66, closure_set)                   \
    X(CLOSURE_CANCEL, 67, closure_cancel)             \
    X(CORRECT, 70, correct)                           \
    X(CORRECT_BY_DECISION, 71, correct_by_decision)   \
    X(CLAIM_CLOSE, 72, claim_close)                   \
    X(VALIDATOR_ANNOUNCE, 80, validator_announce)     \
    X(VALIDATOR_WITHDRAW, 81, validator_withdraw)     \
    X(VALIDATOR_READY, 82, validator_ready)           \
    X(VALIDATORS_CHANGE, 83, validators_change)       \
    X(EVIDENCE, 84, evidence)                         \
    X(PARAMS_CHANGE, 85, params_change)

enum op_kind {
#define OP_KIND(id, number, name) OP_##id = (number),
    OP_LIST(OP_KIND)
#undef OP_KIND
};

enum {
    OP_LINES_MAX = 512,
    NATURE_ANY = 255,
    PRIORS_MAX = SEGMENT_PLEDGES_MAX - 1,
    DEED_PARTS_MAX = 64,
};

/* Items of lists. */
struct code_item {
    char code[CODE_MAX + 1];
};
struct account_item {
    struct hash account;
};
struct number_item {
    uint64_t number;
};
extern const struct schema account_item_schema, number_item_schema;

struct register_line {
    struct hash account;
    uint8_t nature;
    struct qty quantity;
    uint32_t acquired; /* day */
};
extern const struct schema register_line_schema;

/* Which shares are meant: any (255, 0, 0), or those of a nature, under a
 * pledge or under a freeze. */
struct selector {
    uint8_t nature; /* NATURE_ANY = any */
    uint64_t pledge;
    uint64_t freeze;
};
extern const struct schema selector_schema;

enum pledge_treatment {
    TREATMENT_RELEASE = 1, /* the shares leave the pledge */
    TREATMENT_CARRY = 2,   /* they stay under it, with a new pledgor */
    PLEDGE_TREATMENTS,
};
extern const char *const pledge_treatment_names[PLEDGE_TREATMENTS];

enum deed_ground {
    GROUND_INHERITANCE = 1,
    GROUND_DIVORCE = 2,
    GROUND_ADMINISTRATIVE = 3, /* allocation of state shares */
    DEED_GROUNDS,
};
extern const char *const deed_ground_names[DEED_GROUNDS];

/* Shares of one kind for one account; 0 means exactly: under no pledge, under
 * no freeze. */
struct deed_part {
    struct hash to;
    struct qty quantity;
    uint64_t pledge;
    uint64_t freeze;
};
extern const struct schema deed_part_schema;

enum correction_reason {
    CORRECTION_ACCOUNT = 1,
    CORRECTION_QUANTITY = 2,
    CORRECTION_FORGED = 3,
    CORRECTION_LEFT_OUT = 4,
    CORRECTION_OTHER = 5,
    CORRECTION_REASONS,
};
extern const char *const correction_reason_names[CORRECTION_REASONS];

/* A validator by its institution, of which it is the only one, and its key. */
struct validator_item {
    uint16_t institution;
    struct pubkey key;
};
extern const struct schema validator_item_schema;

/* What a vote says besides epoch, view and signer; NULLIFY: nothing. */
struct evidence_vote {
    uint8_t kind; /* enum vote_kind */
    uint64_t parent_view;
    uint64_t height;
    struct hash block;
    struct signature sig;
};
extern const struct schema evidence_vote_schema;

struct op_institution_open {
    uint16_t number;
    char code[CODE_MAX + 1];
    uint16_t roles;
    uint32_t key_count;
    struct institution_key keys[INSTITUTION_KEYS_MAX];
};

struct op_void {
    struct hash voided;
};

struct op_institution_change {
    uint16_t number;
    uint16_t roles;
    uint32_t key_count;
    struct institution_key keys[INSTITUTION_KEYS_MAX];
};

struct op_authority_set {
    char code[CODE_MAX + 1];
    uint8_t type;
    char superior[CODE_MAX + 1];
};

struct op_params_change {
    struct genesis_params
        params; /* all of them, in force from the next block */
};

struct op_calendar_set {
    uint16_t year;
    uint8_t trading[YEAR_MAP_BYTES];
};

struct op_account_open {
    uint16_t custodian;
    uint8_t nonce[16];
    uint8_t kind;
    uint8_t authority;
    struct key_policy policy;
    bool pooled;
    struct hash identity;
    struct hash subject_tag;
    struct hash document;
};

struct op_account_qualify {
    struct hash account;
    uint16_t certifier;
    uint8_t class;
    uint32_t from;
    uint32_t to;
    struct hash document;
};

struct op_account_look_through {
    struct hash account;
    uint32_t investors;
    uint32_t security_count;
    struct code_item securities[64];
    struct hash document;
};

struct op_account_rotate {
    struct hash account;
    struct key_policy policy;
    struct hash court_consent;
    struct hash document;
};

struct op_account_recover {
    struct hash account;
    uint16_t second;
    struct key_policy policy;
    struct hash court_consent;
    struct hash document;
};

struct op_account_contest {
    struct hash account;
    struct hash document;
};

struct op_account_freeze {
    struct hash account;
    char authority[CODE_MAX + 1];
    struct hash document;
};

struct op_account_thaw {
    struct hash account;
    char authority[CODE_MAX + 1];
    struct hash document;
};

struct op_account_close {
    struct hash account;
    struct hash document;
};

struct op_account_transfer {
    struct hash account;
    uint16_t custodian;
    struct hash document;
};

struct op_security_create {
    char code[CODE_MAX + 1];
    struct hash issuer;
    uint16_t registrar;
    uint8_t class;
    uint8_t t_plus;
    uint16_t features;
    uint16_t investors;
    uint32_t holder_cap;
    struct hash cap_approval;
    struct hash terms;
    struct hash document;
};

struct op_register_open {
    char security[CODE_MAX + 1];
    struct qty issued;
    uint32_t line_count;
    struct hash root;
    struct hash document;
};

struct op_register_lines {
    char security[CODE_MAX + 1];
    uint32_t first;
    uint32_t line_count;
    struct register_line lines[OP_LINES_MAX];
};

struct op_register_confirm {
    char security[CODE_MAX + 1];
    struct hash document;
};

struct op_register_cancel {
    char security[CODE_MAX + 1];
    uint32_t account_count;
    struct account_item accounts[OP_LINES_MAX];
};

struct op_security_list {
    char security[CODE_MAX + 1];
    uint8_t tier;
    struct hash document;
};

struct op_security_delist {
    char security[CODE_MAX + 1];
    struct hash document;
};

struct op_security_suspend {
    char security[CODE_MAX + 1];
    struct hash document;
};

struct op_security_resume {
    char security[CODE_MAX + 1];
    struct hash document;
};

struct op_security_change {
    char security[CODE_MAX + 1];
    uint8_t t_plus;
    uint16_t features;
    uint16_t investors;
    uint32_t holder_cap;
    struct hash cap_approval;
    struct hash document;
};

struct op_transfer {
    char security[CODE_MAX + 1];
    struct hash from;
    struct hash to;
    struct qty quantity;
    struct selector selector;
    int64_t price_fen;
    struct hash payment;
    struct hash consent;
    struct hash document;
};

struct op_transfer_pledged {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash from;
    struct hash to;
    struct qty quantity;
    uint8_t treatment;
    int64_t price_fen;
    struct hash payment;
    struct hash proceeds;
    struct hash consent;
    struct hash document;
};

struct op_transfer_gift {
    char security[CODE_MAX + 1];
    struct hash from;
    struct hash to;
    struct qty quantity;
    struct selector selector;
    struct hash consent;
    struct hash document;
};

struct op_transfer_deed {
    char security[CODE_MAX + 1];
    struct hash from;
    uint8_t ground;
    uint32_t part_count;
    struct deed_part parts[DEED_PARTS_MAX];
    struct hash court_consent;
    struct hash document;
};

struct op_transfer_merger {
    char security[CODE_MAX + 1];
    struct hash from;
    struct hash to;
    struct hash document;
};

struct op_transfer_judicial {
    char security[CODE_MAX + 1];
    struct hash from;
    struct hash to;
    struct qty quantity;
    uint64_t number;
    char authority[CODE_MAX + 1];
    bool pledges_end;
    struct hash case_commitment;
    struct hash document;
};

struct op_title_confirm {
    char security[CODE_MAX + 1];
    struct hash from;
    struct hash to;
    struct qty quantity;
    uint8_t nature;
    struct hash document;
};

struct op_lock_set {
    char security[CODE_MAX + 1];
    struct hash account;
    struct qty quantity;
    uint32_t until;
    struct hash document;
};

struct op_lock_lift {
    char security[CODE_MAX + 1];
    struct hash account;
    struct qty quantity;
    uint32_t until;
    struct hash document;
};

struct op_insider_set {
    char security[CODE_MAX + 1];
    struct hash account;
    uint32_t term_end;
    uint32_t left_day;
    struct hash document;
};

struct op_pledge_create {
    char security[CODE_MAX + 1];
    struct hash pledgor;
    struct hash pledgee;
    struct qty quantity;
    struct selector selector;
    int64_t secured_fen;
    uint32_t term_end;
    bool covers_fruits;
    uint8_t constitutive_register;
    struct hash register_reference;
    struct hash document;
};

struct op_pledge_release_part {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash pledgor;
    struct qty quantity;
    struct hash document;
};

struct op_pledge_release {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash document;
};

struct op_pledge_create_ranked {
    char security[CODE_MAX + 1];
    uint32_t prior_count;
    struct number_item priors[PRIORS_MAX];
    struct hash pledgor;
    struct hash pledgee;
    struct qty quantity;
    int64_t secured_fen;
    uint32_t term_end;
    bool covers_fruits;
    uint8_t constitutive_register;
    struct hash register_reference;
    struct hash document;
};

struct op_pledge_amend {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash pledgor;
    struct qty more;
    int64_t secured_fen;
    uint32_t term_end;
    struct hash document;
};

struct op_pledge_default {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash document;
};

struct op_pledge_enforce {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash from;
    struct hash to;
    struct qty quantity;
    int64_t price_fen;
    struct hash price_basis;
    uint32_t agreed_day;
    struct hash consent;
    struct hash document;
};

struct op_pledge_revoke {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash party;
    struct hash document;
};

struct op_pledge_assign {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash to;
    struct hash document;
};

struct op_freeze_create {
    char security[CODE_MAX + 1];
    struct hash account;
    char authority[CODE_MAX + 1];
    struct hash case_commitment;
    uint64_t publicity_ms;
    uint64_t service_ms;
    uint32_t from;
    uint32_t to;
    struct qty quantity;
    bool covers_fruits;
    bool court_report;
    struct hash document;
};

struct op_freeze_release {
    char security[CODE_MAX + 1];
    uint64_t number;
    char authority[CODE_MAX + 1];
    struct qty quantity;
    struct hash document;
};

struct op_freeze_renew {
    char security[CODE_MAX + 1];
    uint64_t number;
    char authority[CODE_MAX + 1];
    uint32_t to;
    struct hash document;
};

struct op_security_withdraw {
    char security[CODE_MAX + 1];
    struct hash root;
    struct hash document;
};

struct op_custody_transfer {
    char security[CODE_MAX + 1];
    uint16_t registrar;
    struct hash root;
    struct hash document;
};

struct op_board_open {
    char security[CODE_MAX + 1];
    char new_code[CODE_MAX + 1];
    uint8_t tier;
    struct hash document;
};

struct op_board_move {
    char security[CODE_MAX + 1];
    uint32_t account_count;
    struct account_item accounts[OP_LINES_MAX];
    uint32_t pledge_count;
    struct number_item pledges[OP_LINES_MAX];
    uint32_t freeze_count;
    struct number_item freezes[OP_LINES_MAX];
};

struct op_board_confirm {
    char security[CODE_MAX + 1];
    struct hash document;
};

struct op_board_cancel {
    char security[CODE_MAX + 1];
    struct hash document;
};

struct op_closure_set {
    char security[CODE_MAX + 1];
    uint8_t kind;
    uint32_t base;
    struct hash document;
};

struct op_closure_cancel {
    char security[CODE_MAX + 1];
    uint8_t kind;
    uint32_t base;
    struct hash document;
};

struct op_correct {
    char security[CODE_MAX + 1];
    struct hash wrong_tx;
    uint8_t reason;
    struct hash from;
    struct hash to;
    struct qty quantity;
    bool claim;
    struct hash document;
};

struct op_correct_by_decision {
    char security[CODE_MAX + 1];
    struct hash wrong_tx;
    uint8_t reason;
    struct hash from;
    struct hash to;
    struct qty quantity;
    bool claim;
    char authority[CODE_MAX + 1];
    struct hash document;
};

struct op_claim_close {
    char security[CODE_MAX + 1];
    uint64_t number;
    struct hash creditor;
    struct qty quantity;
    struct hash document;
};

struct op_validator_announce {
    uint16_t number;
    struct pubkey key;
    struct hash spki_hash;
};

struct op_validator_withdraw {
    uint16_t number;
};

struct op_validator_ready {
    struct pubkey key;
    uint32_t version;
};

struct op_validators_change {
    uint32_t leave_count;
    struct validator_item leave[VALIDATORS_MAX];
    uint32_t join_count;
    struct validator_item join[VALIDATORS_MAX];
};

struct op_evidence {
    uint64_t epoch;
    struct hash validators_hash;
    struct pubkey key;
    uint64_t view;
    struct evidence_vote first;
    struct evidence_vote second;
};

union op_any {
#define OP_MEMBER(id, number, name) struct op_##name op_##name;
    OP_LIST(OP_MEMBER)
#undef OP_MEMBER
};

/* Who signs for the institution that files a transaction: what the strictest of
 * its operations asks for. */
enum op_filer {
    FILER_MAKER = 0, /* a maker of the institution */
    FILER_NODE = 1,  /* a maker, or the validator it runs */
    FILER_NONE = 2,  /* nobody: only the signers of the operation */
    OP_FILERS,
};
extern const char *const op_filer_texts[OP_FILERS]; /* for people */

/* Who must sign an operation, besides the filer. */
enum signer_who {
    SIGNER_NONE,
    SIGNER_GOVERNANCE,  /* operators of a quorum of validator institutions */
    SIGNER_ACCOUNT,     /* the account in the field at offset */
    SIGNER_NEW_KEYS,    /* the keys of the key_policy at also, for the account
                           at offset; of an account_open, for the new one */
    SIGNER_CUSTODIAN,   /* maker and checker, of the account at offset */
    SIGNER_OPERATOR,    /* an operator of the number at offset */
    SIGNER_VALIDATOR,   /* the consensus key at offset */
    SIGNER_INSTITUTION, /* maker and checker of the number at offset */
    SIGNER_ISSUER,      /* of the security in the code at offset */
    SIGNER_REGISTRAR,   /* maker and checker, of the security at offset */
    SIGNER_PLEDGEE,     /* of the pledge: security at offset, number at also */
    SIGNER_PRIOR_PLEDGEES, /* of the pledges an op_pledge_create_ranked names */
};

struct op_signer {
    enum signer_who who;
    size_t offset;
    size_t also;
    const char *text; /* for people: "transferor" */
};

enum {
    OP_SIGNERS_MAX = 4,
    OP_VERDICTS_MAX = 32,
    OP_TOUCHES_MAX = 2,
    OP_NO_DOCUMENT = 0xffff,
};

struct op_def {
    uint8_t kind;
    bool is_court;               /* stands first in a block */
    uint8_t filer;               /* enum op_filer: who signs for filing it */
    const struct schema *schema; /* its name is the operation's name */
    struct op_signer signers[OP_SIGNERS_MAX];
    size_t document_offset; /* of the paper document; OP_NO_DOCUMENT */
    bool document_required; /* E_SIG_MISSING without it */
    bool hands_over;        /* signed by who lost the role for it, too */
    /* Accounts it reads whose signature it does not need: the fields' offsets,
     * not 0; 0 ends them.  Only for fetching rows early. */
    size_t touches[OP_TOUCHES_MAX];
    enum verdict verdicts[OP_VERDICTS_MAX]; /* it may give; ends with V_OK */
};

#define OP_DEF(id, number, name) extern const struct op_def op_def_##name;
OP_LIST(OP_DEF)
#undef OP_DEF
extern const struct op_def *const op_table[];
extern const uint32_t op_table_count;

const struct op_def *op_find(uint8_t kind);
const struct op_def *op_find_name(const char *name);

/* op_decode reads kind byte and body.  op_encode writes both. */
MUST_USE enum err op_decode(const struct op_def **def,
                            union op_any *out,
                            struct bytes in);
void op_encode(struct writer *w, const struct op_def *def, const void *op);

/* account_id_of is the id an account_open creates: the tagged hash
 * equity/ACCOUNT/v1 of (chain_id, custodian u16, nonce). */
struct hash account_id_of(const struct hash *chain_id,
                          uint16_t custodian,
                          const uint8_t nonce[16]);
/* register_line_leaf is the RFC 9162 leaf hash of a line's bytes. */
struct hash register_line_leaf(const struct register_line *line);

#endif /* LEDGER_OPS_H */
