/* One side of a movement of shares, and what is counted of it. */
#include "ledger/exec.h"

bool side_get(const struct exec *x,
              struct side *out,
              const struct security_row *s,
              const struct hash *id)
{
    if (!exec_find_account(x, &out->account, id))
        return false;
    out->id = *id;
    out->account_changed = false;
    exec_holding(x->b->view, &out->h, s->code, id, out->account.kind);
    insider_turn(x->b->date, &out->h);
    return true;
}

/* A pooled vehicle that has declared nothing counts as one holder: it can only
 * have come in with the first register. */
static uint32_t weight_of(const struct side *a)
{
    if (!a->h.held || a->h.kind != ACCOUNT_ORDINARY)
        return 0;
    return a->account.investors > 1 ? a->account.investors : 1;
}

void side_count(struct side *a, struct security_row *s)
{
    const bool held = a->h.held;
    uint32_t weight;

    a->h.held = a->h.segment_count > 0;
    if (a->h.held != held) {
        const uint32_t step = a->h.held ? 1 : UINT32_MAX;

        s->positions += step;
        a->account.positions += step;
        a->account_changed = true;
    }
    weight = weight_of(a);
    s->holder_count += weight - a->h.weight;
    a->h.weight = weight;
}

void side_put_account(struct exec *x, struct side *a)
{
    if (a->account_changed)
        exec_put_account(x, &a->account, &a->id);
    a->account_changed = false;
}

void side_put(struct exec *x, struct side *a, const struct security_row *s)
{
    const struct hash tree = security_key(s->code);

    a->h.sequence++;
    exec_renew(x, &a->h.chain);
    exec_put(x, &a->h, TABLE_HOLDINGS, &tree, &a->id);
    side_put_account(x, a);
}
