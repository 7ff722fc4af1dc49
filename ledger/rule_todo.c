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
TODO(security_withdraw)
TODO(custody_transfer)
TODO(board_open)
TODO(board_move)
TODO(board_confirm)
TODO(board_cancel)
TODO(closure_set)
TODO(closure_cancel)
