/* Trade transfer by agreement. */
#include "base/num.h"
#include "ledger/exec.h"

/* Buying within n trading days of the own last sale is refused as well. */
static enum verdict check_buyer_t_plus(struct exec *x,
                                       const struct position_day *day,
                                       const struct holding_row *to,
                                       const struct hash *account)
{
    int over;

    if (day->t_plus_over == NULL || to->last_sale_day == 0)
        return V_OK;
    over = day->t_plus_over(day->ctx, to->last_sale_day);
    if (over < 0)
        return exec_refuse(x, V_CALENDAR, account, 0, 0);
    if (over == 0)
        return exec_refuse(x, V_T5, account, to->last_sale_day, x->b->date);
    return V_OK;
}

static enum verdict check_parties(struct exec *x,
                                  const struct op_transfer *op,
                                  struct account_row *from,
                                  struct account_row *to)
{
    if (!exec_account(x->b->view, from, &op->from))
        return exec_refuse(x, V_UNKNOWN, &op->from, 0, 0);
    if (!exec_account(x->b->view, to, &op->to))
        return exec_refuse(x, V_UNKNOWN, &op->to, 0, 0);
    if (from->status != ACCOUNT_ACTIVE && from->status != ACCOUNT_RESTRICTED)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->from, 0, 0);
    if (to->status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->to, 0, 0);
    if (from->kind == ACCOUNT_UNCONFIRMED)
        return exec_refuse(x, V_ACCOUNT_UNCONFIRMED, &op->from, 0, 0);
    if (hash_eq(&op->from, &op->to))
        return exec_refuse(x, V_SELF, &op->from, 0, 0);
    return V_OK;
}

/* Credits what was taken: nature stays, locks and trade days are the new
 * holder's own. */
static bool credit(struct holding_row *to,
                   const struct segment *taken,
                   uint32_t taken_count,
                   uint32_t trade_day)
{
    for (uint32_t i = 0; i < taken_count; i++) {
        const struct segment s = {.quantity = taken[i].quantity,
                                  .nature = taken[i].nature,
                                  .trade_day = trade_day};

        if (!position_put(to, &s, SEGMENTS_VOLUNTARY_MAX))
            return false;
    }
    return true;
}

static uint32_t holders_of(const struct holding_row *h)
{
    return h->kind == ACCOUNT_ORDINARY && h->segment_count > 0 ? 1 : 0;
}

enum verdict rule_transfer(struct exec *x, const struct op_transfer *op)
{
    const struct hash key = security_key(op->security);
    struct security_row s;
    struct account_row from_account;
    struct account_row to_account;
    struct holding_row from;
    struct holding_row to;
    struct segment taken[SEGMENTS_MAX];
    uint32_t taken_count;
    uint64_t have;
    uint32_t before;
    uint32_t after;
    struct t_plus t;
    struct position_day day;
    struct event e = {.kind = EVENT_TRANSFERRED,
                      .account = op->from,
                      .other = op->to,
                      .quantity = op->quantity.shares,
                      .document = op->document};
    enum verdict v;

    if (!exec_security(x->b->view, &s, op->security))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    v = check_parties(x, op, &from_account, &to_account);
    if (v != V_OK)
        return v;
    v = exec_open_security(&s, false);
    if (v != V_OK)
        return exec_refuse(x, v, &key, 0, 0);
    day = exec_day(x, &t, &s);
    exec_holding(x->b->view, &to, s.code, &op->to, to_account.kind);
    v = check_buyer_t_plus(x, &day, &to, &op->to);
    if (v != V_OK)
        return v;
    if (op->quantity.shares == 0 || op->price_fen < 0)
        return exec_refuse(x, V_QUANTITY, NULL, op->quantity.shares, 1);
    exec_holding(x->b->view, &from, s.code, &op->from, from_account.kind);
    before = holders_of(&from) + holders_of(&to);
    v = position_take(&from,
                      taken,
                      &taken_count,
                      &have,
                      op->quantity.shares,
                      &op->selector,
                      &day);
    if (v != V_OK)
        return exec_refuse(x, v, &op->from, have, op->quantity.shares);
    if (!credit(&to, taken, taken_count, s.t_plus > 0 ? x->b->date : 0))
        return exec_refuse(x, V_LIMIT, &op->to, 0, SEGMENTS_VOLUNTARY_MAX);
    after = holders_of(&from) + holders_of(&to);
    if (s.holder_cap != 0 && after > before && s.holder_count >= s.holder_cap)
        return exec_refuse(
            x, V_HOLDER_CAP, &key, s.holder_cap, s.holder_count + 1);
    s.holder_count = s.holder_count + after - before;
    position_normalise(&from, &day);
    if (s.t_plus > 0)
        from.last_sale_day = x->b->date;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    exec_put_holding(x, &from, s.code, &op->from);
    exec_put_holding(x, &to, s.code, &op->to);
    exec_put_security(x, &s);
    return V_OK;
}
