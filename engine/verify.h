/* verify.h - whether every signature of a transaction verifies: its signers'
 * over its id, and those that its operations carry (evidence).  Stateless; the
 * only check of signatures there is, for what clients, peers and blocks bring
 * alike.  Whose keys they are the ledger checks. */
#ifndef ENGINE_VERIFY_H
#define ENGINE_VERIFY_H

#include "chain/tx.h"

/* Errors    ERR_SIGNATURE */
MUST_USE enum err verify_tx(const struct tx *tx);

#endif /* ENGINE_VERIFY_H */
