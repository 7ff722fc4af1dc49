/* sign.h - whether the signatures of a transaction are those it needs. */
#ifndef LEDGER_SIGN_H
#define LEDGER_SIGN_H

#include "ledger/exec.h"

/* sign_check_op checks that the signers of one operation signed, and marks
 * their signatures as used.  V_OK, V_UNKNOWN, V_SIG_MISSING, V_SIG_INVALID,
 * V_KEY_REVOKED, V_NOT_REGISTRAR. */
enum verdict sign_check_op(struct exec *x, const void *op);
/* sign_check_filer: the filing institution's maker. */
enum verdict sign_check_filer(struct exec *x);
/* sign_check_rest: no signature and no principal that nothing needed. */
enum verdict sign_check_rest(struct exec *x);

#endif /* LEDGER_SIGN_H */
