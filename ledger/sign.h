/* sign.h - whether the signatures of a transaction are those it needs. */
#ifndef LEDGER_SIGN_H
#define LEDGER_SIGN_H

#include "ledger/exec.h"

/* sign_check_op checks that the signers of one operation signed, and marks
 * their signatures as used: V_OK, or the lowest of V_SIG_MISSING,
 * V_SIG_INVALID, V_KEY_REVOKED and V_UNKNOWN.  What stands behind these,
 * V_ROLE or V_NOT_REGISTRAR, is left in x->later for the caller, who knows what
 * the rule says; sign_refuse tells it. */
enum verdict sign_check_op(struct exec *x, const void *op);
enum verdict sign_refuse(struct exec *x, const struct refusal *why);
/* sign_get_filer reads the filing institution, before the operations: one may
 * change its keys.  False: there is none. */
bool sign_get_filer(const struct exec *x, struct institution_row *out);
/* sign_check_filer: the filing institution's maker, or for FILER_NODE its
 * validator; row is as it was before the operations, NULL if there was none. */
enum verdict sign_check_filer(struct exec *x,
                              const struct institution_row *row,
                              enum op_filer filing);
/* sign_check_rest: no signature and no principal that nothing needed. */
enum verdict sign_check_rest(struct exec *x);

#endif /* LEDGER_SIGN_H */
