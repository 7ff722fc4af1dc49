/* verify.h - whether every signature of a transaction verifies: its signers'
 * over its id, and those that its operations carry (evidence).  Stateless; the
 * only check of signatures there is, for what clients, peers and blocks bring
 * alike.  Whose keys they are the ledger checks. */
#ifndef NODE_VERIFY_H
#define NODE_VERIFY_H

#include "chain/tx.h"

/* Errors    ERR_SIGNATURE */
MUST_USE enum err verify_tx(const struct tx *tx);

#endif /* NODE_VERIFY_H */
