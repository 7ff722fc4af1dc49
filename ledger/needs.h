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
    const char *text; /* of the signer table */
};

enum {
    NEEDS_MAX = 8,
};

struct needs {
    uint32_t count;
    struct need list[NEEDS_MAX];
    bool by_paper;         /* a document stands for a signature */
    bool document_missing; /* none is cited though one is needed */
};

/* needs_of_op lists the signers of one operation (not the filing institution's
 * maker, who signs but for FILER_NONE).
 * Returns V_OK or V_UNKNOWN; *about is then the missing id. */
enum verdict needs_of_op(struct needs *out,
                         struct hash *about,
                         const struct ledger_view *view,
                         const struct hash *chain_id,
                         const struct op_def *def,
                         const void *op);

/* needs_principals fills tx->principals, sorted, from the operations in tx->ops
 * and, if its maker must sign, the filing institution.  Governance needs are
 * left to the caller. Returns V_OK, V_MALFORMED, V_UNKNOWN or V_LIMIT. */
enum verdict needs_principals(struct tx *tx,
                              struct hash *about,
                              const struct ledger_view *view);

#endif /* LEDGER_NEEDS_H */
