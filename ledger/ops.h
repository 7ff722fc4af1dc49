/* ops.h - the operations: each described once.
 *
 * A transaction's operation is one kind byte and the canonical bytes of its
 * struct.  Codec, JSON, command-line flags, help, rpc.discover and docs derive
 * from op_table.  Who must sign is data as well: signers[]. */
#ifndef LEDGER_OPS_H
#define LEDGER_OPS_H

#include "ledger/rows.h"
#include "ledger/verdict.h"

enum op_kind {
    OP_INSTITUTION_OPEN = 1,
    OP_VOID = 2,
    OP_ACCOUNT_OPEN = 10,
    OP_SECURITY_CREATE = 20,
    OP_REGISTER_OPEN = 21,
    OP_REGISTER_LINES = 22,
    OP_REGISTER_CONFIRM = 23,
    OP_REGISTER_CANCEL = 24,
    OP_TRANSFER = 30,
    OP_PLEDGE_CREATE = 40,
    OP_PLEDGE_RELEASE_PART = 41,
    OP_PLEDGE_RELEASE = 42,
    OP_FREEZE_CREATE = 50,
    OP_FREEZE_RELEASE = 51,
};

enum {
    OP_LINES_MAX = 512,
    NATURE_ANY = 255,
};

struct op_institution_open {
    uint16_t number;
    char code[CODE_MAX + 1];
    uint16_t roles;
    uint32_t key_count;
    struct institution_key keys[INSTITUTION_KEYS_MAX];
};

struct op_void {
    struct hash voided; /* id of the transaction it stands against */
};

struct op_account_open {
    uint16_t custodian;
    uint8_t nonce[16]; /* random; the account id is a hash of it */
    uint8_t kind;
    uint8_t authority;
    uint8_t threshold;
    uint32_t key_count;
    struct pubkey keys[ACCOUNT_KEYS_MAX];
    struct hash identity;
    struct hash subject_tag;
    struct hash document;
};

struct op_security_create {
    char code[CODE_MAX + 1];
    struct hash issuer;
    uint16_t registrar;
    uint8_t class;
    uint8_t t_plus;
    uint32_t holder_cap;
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

struct register_line {
    struct hash account;
    uint8_t nature;
    struct qty quantity;
    uint32_t acquired; /* day */
};
extern const struct schema register_line_schema;

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
    struct {
        struct hash account;
    } accounts[OP_LINES_MAX];
};

/* Which shares are meant: any (255, 0, 0), or those of a nature, under a
 * pledge or under a freeze. */
struct selector {
    uint8_t nature; /* NATURE_ANY = any */
    uint64_t pledge;
    uint64_t freeze;
};
extern const struct schema selector_schema;

struct op_transfer {
    char security[CODE_MAX + 1];
    struct hash from;
    struct hash to;
    struct qty quantity;
    struct selector selector;
    int64_t price_fen; /* for all the shares together */
    struct hash payment;
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
    struct qty quantity;
    struct hash document;
};

struct op_pledge_release {
    char security[CODE_MAX + 1];
    uint64_t number;
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
    struct qty quantity; /* 0 = all that is left */
    struct hash document;
};

union op_any {
    struct op_institution_open institution_open;
    struct op_void void_;
    struct op_account_open account_open;
    struct op_security_create security_create;
    struct op_register_open register_open;
    struct op_register_lines register_lines;
    struct op_register_confirm register_confirm;
    struct op_register_cancel register_cancel;
    struct op_transfer transfer;
    struct op_pledge_create pledge_create;
    struct op_pledge_release_part pledge_release_part;
    struct op_pledge_release pledge_release;
    struct op_freeze_create freeze_create;
    struct op_freeze_release freeze_release;
};

/* Who must sign.  Every transaction also needs a maker key of its filing
 * institution. */
enum signer_who {
    SIGNER_NONE,
    SIGNER_GOVERNANCE,  /* operators of a quorum of validator institutions */
    SIGNER_ACCOUNT,     /* the account in the field at offset */
    SIGNER_NEW_ACCOUNT, /* the keys the operation itself enrols */
    SIGNER_INSTITUTION, /* maker and checker of the number at offset */
    SIGNER_ISSUER,      /* of the security in the code at offset */
    SIGNER_REGISTRAR,   /* maker and checker, of the security at offset */
    SIGNER_PLEDGOR,     /* of the pledge: security at offset, number at also */
    SIGNER_PLEDGEE,
};

struct op_signer {
    enum signer_who who;
    size_t offset;
    size_t also;
    const char *text; /* for people: "transferor" */
};

enum {
    OP_SIGNERS_MAX = 4,
    OP_VERDICTS_MAX = 16,
    OP_NO_DOCUMENT = 0xffff,
};

struct op_def {
    uint8_t kind;
    bool is_court;               /* stands first in a block */
    const struct schema *schema; /* its name is the operation's name */
    struct op_signer signers[OP_SIGNERS_MAX];
    size_t document_offset; /* of the paper document; OP_NO_DOCUMENT */
    enum verdict verdicts[OP_VERDICTS_MAX]; /* it may give; ends with V_OK */
};

extern const struct op_def op_table[];
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
