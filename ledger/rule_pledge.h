/* rule_pledge.h - what the files of the pledge rules share. */
#ifndef LEDGER_RULE_PLEDGE_H
#define LEDGER_RULE_PLEDGE_H

#include "ledger/exec.h"

/* pledge_get reads the security and the pledge: V_OK or V_UNKNOWN.  Parties are
 * checked next, then pledge_open the states: V_OK, V_SECURITY_STATE,
 * V_SUSPENDED, V_WITHDRAWN or V_PLEDGE_STATE.  Both have refused already. */
enum verdict pledge_get(struct exec *x,
                        struct security_row *s,
                        struct pledge_row *p,
                        const char *code,
                        uint64_t number);
enum verdict pledge_open(struct exec *x,
                         const struct security_row *s,
                         const struct pledge_row *p,
                         bool although_suspended);
/* pledge_part_of is the account's part of the pledge, which may have come down
 * to zero; NULL if it is no pledgor. */
struct pledgor *pledge_part_of(struct pledge_row *p,
                               const struct hash *account);
/* A quantity that an operation may name. */
bool pledge_quantity_ok(const struct qty *q);
/* pledge_secures books that an open pledge secures `after` instead of `before`
 * fen.  False: the security's sum would be too large. */
MUST_USE bool pledge_secures(struct security_row *s,
                             int64_t before,
                             int64_t after);
/* Shares of the holding under any pledge, each counted once. */
uint64_t pledge_shares(const struct holding_row *h);
/* pledge_end_if_empty counts a pledge that has nothing left as ended.  Its
 * pledgee's account is that of a or b (may be NULL), which are put later, or is
 * put here.  Requires that the event is emitted. */
void pledge_end_if_empty(struct exec *x,
                         struct security_row *s,
                         struct pledge_row *p,
                         enum pledge_status status,
                         struct side *a,
                         struct side *b);

#endif /* LEDGER_RULE_PLEDGE_H */
