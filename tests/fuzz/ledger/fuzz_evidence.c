/* The signatures that a transaction carries in its operations:
 *   P1  any transaction has at most as many as there is room for
 *   P2  an operation of evidence that decodes has two, others none
 *   P3  what they sign does not depend on the operation's own signatures */
#include "base/check.h"
#include "ledger/evidence.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t expected(const struct tx *tx, union op_any *op)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def;

        if (op_decode(&def, op, tx->ops[i]) == ERR_NONE &&
            def->kind == OP_EVIDENCE)
            count += 2;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tx *tx = malloc(sizeof *tx);
    union op_any *op = malloc(sizeof *op);
    struct tx_proof *proofs = malloc(TX_PROOFS_MAX * sizeof proofs[0]);
    uint32_t count;

    ASSERT(tx != NULL && op != NULL && proofs != NULL);
    if (tx_decode(tx, bytes_of(data, size)) == ERR_NONE) {
        count = evidence_proofs(proofs, tx);
        ASSERT(count <= TX_PROOFS_MAX && count == expected(tx, op));
        for (uint32_t i = 0; i < tx->op_count; i++) {
            const struct op_def *def;

            if (op_decode(&def, op, tx->ops[i]) == ERR_NONE &&
                def->kind == OP_EVIDENCE)
                (void)evidence_conflict(&op->op_evidence);
        }
    }
    free(proofs);
    free(op);
    free(tx);
    return 0;
}
