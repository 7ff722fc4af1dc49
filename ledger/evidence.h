/* evidence.h - two votes that exclude each other, as an operation.
 *
 * The operation says all that the votes signed, so that whoever checks the
 * signatures of a transaction checks theirs too, without state; whether the key
 * was a validator's the ledger knows. */
#ifndef LEDGER_EVIDENCE_H
#define LEDGER_EVIDENCE_H

#include "chain/tx.h"
#include "ledger/ops.h"

/* A signature that a transaction carries besides its own. */
struct tx_proof {
    struct hash digest;
    struct pubkey key;
    struct signature sig;
};

enum {
    TX_PROOFS_MAX = 2 * TX_OPS_MAX,
};

/* evidence_proofs lists the signatures in the operations of tx: all must
 * verify, or the transaction's signatures are wrong.  An operation that does
 * not decode has none: the ledger refuses it.  Returns how many. */
uint32_t evidence_proofs(struct tx_proof out[TX_PROOFS_MAX],
                         const struct tx *tx);

/* evidence_op makes the operation of two votes, both by one signer of d->set.
 * Errors    ERR_RANGE     epoch, view or signer differ, or no such signer
 *           ERR_MISMATCH  they do not exclude each other */
MUST_USE enum err evidence_op(struct op_evidence *out,
                              const struct vote_domain *d,
                              const struct vote *a,
                              const struct vote *b);

/* evidence_conflict is what the operation shows; CONFLICT_NONE: nothing. */
enum vote_conflict evidence_conflict(const struct op_evidence *op);

#endif /* LEDGER_EVIDENCE_H */
