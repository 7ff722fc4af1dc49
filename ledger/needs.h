/* needs.h - who must sign an operation, from its signer table and the rows.
 *
 * Used by the ledger when it applies a transaction, and by clients that build
 * one over a view of rows they asked a node for. */
#ifndef LEDGER_NEEDS_H
#define LEDGER_NEEDS_H

#include "chain/tx.h"
#include "ledger/ops.h"

enum need_how {
    NEED_KEYS = 1,          /* threshold keys of the account's policy */
    NEED_MAKER = 2,         /* one maker key of the institution */
    NEED_MAKER_CHECKER = 3, /* a maker and another, checker key */
    NEED_GOVERNANCE = 4,    /* operators of a quorum of validators */
    NEED_OPERATOR = 5,      /* one operator key of the institution */
    NEED_HOWS,
};

struct need {
    uint8_t how; /* enum need_how */
    struct principal who;
    uint8_t threshold; /* NEED_KEYS; NEED_GOVERNANCE: institutions */
    uint32_t key_count;
    struct pubkey keys[ACCOUNT_KEYS_MAX]; /* NEED_KEYS */
    bool registrar; /* the institution is needed as the security's registrar */
    uint16_t roles; /* of which the institution has one; 0: no matter */
    const char *text; /* of the signer table */
};

enum {
    NEEDS_MAX = 8,
};

/* A row that was read to tell the signers. */
struct needs_account {
    struct hash id;
    struct account_row row;
};

struct needs {
    uint32_t count;
    struct need list[NEEDS_MAX];
    bool by_paper;         /* a document stands for a signature */
    bool document_missing; /* none is cited though one is needed */
    /* What was read for it: the rule will want the same rows. */
    uint32_t account_count;
    struct needs_account accounts[NEEDS_MAX];
    bool has_security;
    struct security_row security;
};

/* What the needs hold of a row; NULL if it was not read for them. */
struct account_row *needs_account(struct needs *n, const struct hash *id);
struct security_row *needs_security(struct needs *n, const char *code);

/* needs_of_op lists the signers of one operation (not the filing institution's
 * maker, who signs but for FILER_NONE).
 * Returns V_OK, or V_UNKNOWN if some are not listed because *about does not
 * exist (the first such id); the others are listed all the same. */
enum verdict needs_of_op(struct needs *out,
                         struct hash *about,
                         const struct ledger_view *view,
                         const struct hash *chain_id,
                         const struct op_def *def,
                         const void *op);

/* needs_rows says which rows the operation will read, as far as its table
 * tells: accounts and their holdings, the security, the pledge.  For
 * view.fetch: not all of them, and no harm if one is not there.  Returns how
 * many, at most room. */
uint32_t needs_rows(struct row_key *keys,
                    uint32_t room,
                    const struct op_def *def,
                    const void *op);

/* needs_principals fills tx->principals, sorted, from the operations in tx->ops
 * and, if its maker must sign, the filing institution.  Governance needs are
 * left to the caller. Returns V_OK, V_MALFORMED, V_LIMIT, or V_UNKNOWN as
 * needs_of_op does. */
enum verdict needs_principals(struct tx *tx,
                              struct hash *about,
                              const struct ledger_view *view);

#endif /* LEDGER_NEEDS_H */
