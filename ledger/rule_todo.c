/* Rules that are still to be written: each is refused. */
#include "ledger/exec.h"

#define TODO(name)                                                       \
    enum verdict rule_##name(struct exec *x, const struct op_##name *op) \
    {                                                                    \
        (void)op;                                                        \
        return exec_refuse(x, V_MALFORMED, NULL, 0, 0);                  \
    }

TODO(security_list)
TODO(security_delist)
TODO(security_suspend)
TODO(security_resume)
TODO(security_change)
TODO(transfer)
TODO(transfer_pledged)
TODO(transfer_gift)
TODO(transfer_deed)
TODO(transfer_merger)
TODO(transfer_judicial)
TODO(title_confirm)
TODO(lock_set)
TODO(lock_lift)
TODO(insider_set)
TODO(security_withdraw)
TODO(custody_transfer)
TODO(board_open)
TODO(board_move)
TODO(board_confirm)
TODO(board_cancel)
TODO(closure_set)
TODO(closure_cancel)
TODO(correct)
TODO(correct_by_decision)
TODO(claim_close)

enum verdict insider_check(const struct exec *x,
                           const struct holding_row *h,
                           uint64_t quantity,
                           uint64_t *left)
{
    (void)x;
    (void)h;
    *left = quantity;
    return V_OK;
}

void insider_sold(const struct exec *x,
                  struct holding_row *h,
                  uint64_t total_before,
                  uint64_t quantity)
{
    (void)x;
    (void)h;
    (void)total_before;
    (void)quantity;
}
