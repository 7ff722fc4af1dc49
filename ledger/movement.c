#include "ledger/movement.h"

#include "base/num.h"

enum moves {
    MOVES_NOTHING, /* marks, freezes, pledges; a change of code takes all along
                    */
    MOVES_IN,      /* to the account */
    MOVES_OVER,    /* from the account to the other */
};

static enum moves moves_of(const struct event *e)
{
    switch (e->kind) {
    case EVENT_REGISTER_LINE:
        return MOVES_IN;
    case EVENT_TRANSFERRED:
    case EVENT_GIVEN:
    case EVENT_DIVIDED:
    case EVENT_SUCCEEDED:
    case EVENT_TRANSFERRED_BY_COURT:
    case EVENT_TITLE_CONFIRMED:
    case EVENT_PLEDGE_ENFORCED:
    case EVENT_CORRECTED:
        return MOVES_OVER;
    case EVENT_PLEDGE_CARRIED: /* sold with the pledge on it */
        return hash_is_zero(&e->other) ? MOVES_NOTHING : MOVES_OVER;
    default:
        return MOVES_NOTHING;
    }
}

struct movement movement_of(const struct event *e, const struct hash *account)
{
    struct movement m = {0, 0};
    const enum moves moves = moves_of(e);

    if (moves == MOVES_IN && hash_eq(&e->account, account))
        m.in = e->quantity;
    if (moves != MOVES_OVER || hash_eq(&e->account, &e->other))
        return m;
    if (hash_eq(&e->account, account))
        m.out = e->quantity;
    else if (hash_eq(&e->other, account))
        m.in = e->quantity;
    return m;
}

bool movement_add(uint64_t *balance, const struct movement *m)
{
    uint64_t b = *balance;

    if (!num_add_u64(&b, b, m->in) || !num_sub_u64(&b, b, m->out))
        return false;
    *balance = b;
    return true;
}
