/* change.h - whether a change of the set of validators is possible.
 *
 * Used by the ledger when it applies one, and by clients that prepare one over
 * a view of rows they asked a node for. */
#ifndef LEDGER_CHANGE_H
#define LEDGER_CHANGE_H

#include "ledger/ledger.h"
#include "ledger/ops.h"

struct change_plan {
    const struct op_validators_change *op; /* borrowed */
    const struct ledger_view *view;        /* borrowed */
    uint64_t height;                       /* of the block it would stand in */
    struct validators_row now;
    struct valset next; /* complete only if the change is possible */
    struct params_row params;
    struct valset_margin margin; /* zeros if its leavers are not all known */
    struct refusal why;          /* op_index is not set */
};

/* change_check returns V_OK or the refusal with the lowest number. */
enum verdict change_check(struct change_plan *c,
                          const struct ledger_view *view,
                          uint64_t height,
                          const struct op_validators_change *op);

#endif /* LEDGER_CHANGE_H */
