/* document.h - receipts as documents for people. */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include "audit/trust.h"
#include "cli/cli.h"
#include "cli/vault.h"

/* document_write makes a document of a receipt that is proven under t, in the
 * file that the flag `out` names; it heeds --lang and --vault.
 * Returns 0, or the exit code after saying why. */
int document_write(struct bytes receipt,
                   const struct trust *t,
                   const struct args *a,
                   const struct command *c,
                   const char *out);

/* args_vault opens the vault NAME.eqv that a flag names; its key, NAME.aes, is
 * beside it.  Returns 0, or the exit code after saying why. */
int args_vault(struct vault **out,
               const struct args *a,
               const struct command *c,
               const char *flag);

#endif /* CLI_DOCUMENT_H */
