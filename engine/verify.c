#include "engine/verify.h"

#include "ledger/evidence.h"

enum err verify_tx(const struct tx *tx)
{
    struct tx_proof proofs[TX_PROOFS_MAX];
    const uint32_t count = evidence_proofs(proofs, tx);

    TRY(tx_check_sigs(tx, NULL));
    for (uint32_t i = 0; i < count; i++) {
        if (!key_verify(&proofs[i].key, &proofs[i].digest, &proofs[i].sig))
            return ERR_SIGNATURE;
    }
    return ERR_NONE;
}
