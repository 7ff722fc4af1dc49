/* rule_freeze.h - what the files of the freeze rules share. */
#ifndef LEDGER_RULE_FREEZE_H
#define LEDGER_RULE_FREEZE_H

#include "ledger/exec.h"

/* freeze_follow takes over into f what the holding's list says of it, and into
 * the totals of s what that changes. */
void freeze_follow(struct security_row *s,
                   struct freeze_row *f,
                   const struct holding_row *h);
/* freeze_end_if_empty ends an active freeze that has nothing left.  Returns
 * whether it did. */
bool freeze_end_if_empty(struct security_row *s,
                         struct freeze_row *f,
                         enum freeze_status status);
/* freeze_take_out books that q shares under an active freeze left the holding
 * (they are taken already): *as (released or executed) grows, what its queue
 * loses lapses, it ends when nothing is left.  Writes the freeze; the caller
 * puts the holding and settles the others.  Requires that the event is emitted.
 */
void freeze_take_out(struct exec *x,
                     struct security_row *s,
                     struct freeze_row *f,
                     struct holding_row *h,
                     uint64_t q,
                     struct qty *as);

#endif /* LEDGER_RULE_FREEZE_H */
