/* Transfers by agreement: of free shares, and of pledged ones with the
 * pledgee's consent. */
#include "ledger/rule_move.h"

#include "base/num.h"

/* The verdicts on dates and quantities, told in the order of their numbers. */
struct sale {
    uint64_t quantity;
    uint64_t have;
    uint64_t quota;
    enum verdict taken;
    enum verdict buyer;
    enum verdict insider;
};

/* R79: Who sold shares of a security buys none of it before the n-th trading
 * day after, by the calendar on the ledger. */
static enum verdict buyer_t_plus(const struct move *m)
{
    int over;

    if (m->day.t_plus_over == NULL || m->to.h.last_sale_day == 0)
        return V_OK;
    over = m->day.t_plus_over(m->day.ctx, m->to.h.last_sale_day);
    return over > 0 ? V_OK : over < 0 ? V_CALENDAR : V_T5;
}

static void try_sale(struct exec *x,
                     struct move *m,
                     struct sale *n,
                     const struct selector *sel,
                     enum take how)
{
    n->buyer = buyer_t_plus(m);
    n->insider = insider_check(x, &m->from.h, n->quantity, &n->quota);
    /* R78: A transfer takes available shares only: under no pledge, no
     * effective freeze and no lock, and bought n trading days ago or earlier.
     */
    n->taken = position_take(&m->from.h,
                             m->taken,
                             &m->taken_count,
                             &n->have,
                             n->quantity,
                             sel,
                             &m->day,
                             how);
}

static enum verdict judge_sale(struct exec *x,
                               const struct move *m,
                               const struct sale *n)
{
    if (n->buyer == V_CALENDAR)
        return exec_refuse(x, V_CALENDAR, &m->to.id, 0, 0);
    if (n->taken == V_CALENDAR)
        return exec_refuse(x, V_CALENDAR, &m->from.id, 0, 0);
    if (n->buyer == V_T5)
        return exec_refuse(
            x, V_T5, &m->to.id, m->to.h.last_sale_day, x->b->date);
    if (n->taken == V_T5)
        return exec_refuse(x, V_T5, &m->from.id, n->have, n->quantity);
    if (n->insider == V_INSIDER_HALF_YEAR)
        return exec_refuse(x, n->insider, &m->from.id, 0, n->quantity);
    if (n->quantity < 1 || n->quantity > INT64_MAX)
        return exec_refuse(x, V_QUANTITY, NULL, n->quantity, 1);
    if (n->taken != V_OK)
        return exec_refuse(x, n->taken, &m->from.id, n->have, n->quantity);
    if (n->insider != V_OK)
        return exec_refuse(x, n->insider, &m->from.id, n->quota, n->quantity);
    return V_OK;
}

/* R80: A trade names its price and the reference of the payment. */
static enum verdict check_payment(struct exec *x,
                                  int64_t price_fen,
                                  const struct hash *payment)
{
    if (price_fen < 1 || hash_is_zero(payment))
        return exec_refuse(x, V_PAYMENT, NULL, 0, 1);
    return V_OK;
}

/* R76: No transfer at will takes the holders of a security beyond its cap, with
 * the final investors of pooled vehicles counted. */
static enum verdict check_cap(struct exec *x, const struct move *m)
{
    const struct hash key = security_key(m->s.code);
    const enum verdict v = exec_cap(&m->s, m->holders);

    return v == V_OK
               ? v
               : exec_refuse(x, v, &key, m->s.holder_cap, m->s.holder_count);
}

/* R181: A security counts its trades and the shares in them. */
static void count_trade(struct security_row *s, uint64_t quantity)
{
    s->trades++;
    if (!num_add_u64(&s->traded.shares, s->traded.shares, quantity) ||
        s->traded.shares > INT64_MAX)
        s->traded.shares = INT64_MAX;
}

/* Credits, counts, books; the event is emitted by the caller after. */
static enum verdict settle_sale(struct exec *x,
                                struct move *m,
                                const struct sale *n,
                                bool pledges_stay)
{
    const uint32_t trade_day = m->s.t_plus > 0 ? x->b->date : 0;
    const bool fits = move_credit(
        m, trade_day, false, pledges_stay, 0, SEGMENTS_VOLUNTARY_MAX);
    enum verdict v;

    position_leave(&m->from.h, n->quantity, 0);
    insider_sold(&m->from.h, n->quantity);
    if (m->s.t_plus > 0)
        m->from.h.last_sale_day = x->b->date;
    move_count(m);
    count_trade(&m->s, n->quantity);
    v = check_cap(x, m);
    if (v != V_OK)
        return v;
    return fits ? V_OK
                : exec_refuse(x, V_LIMIT, &m->to.id, 0, SEGMENTS_VOLUNTARY_MAX);
}

enum verdict rule_transfer(struct exec *x, const struct op_transfer *op)
{
    struct move m;
    struct sale n = {.quantity = op->quantity.shares};
    struct event e = {.kind = EVENT_TRANSFERRED,
                      .account = op->from,
                      .other = op->to,
                      .quantity = op->quantity.shares,
                      .document = op->document};
    enum verdict v =
        move_parties(x, &m, op->security, &op->from, &op->to, MOVE_AT_WILL);

    if (v == V_OK)
        v = move_acquire(x, &m, &op->consent);
    if (v == V_OK)
        v = move_security(x, &m, false, false);
    if (v != V_OK)
        return v;
    move_begin(x, &m);
    try_sale(x, &m, &n, &op->selector, TAKE_AVAILABLE);
    v = judge_sale(x, &m, &n);
    if (v == V_OK)
        v = check_payment(x, op->price_fen, &op->payment);
    if (v == V_OK)
        v = settle_sale(x, &m, &n, false);
    if (v != V_OK)
        return v;
    memcpy(e.security, m.s.code, sizeof e.security);
    exec_emit(x, &e);
    move_put(x, &m);
    return V_OK;
}

static enum verdict check_pledged(struct exec *x,
                                  struct move *m,
                                  struct pledge_row *p,
                                  const struct op_transfer_pledged *op)
{
    const struct hash key = number_key(op->number);
    enum verdict v =
        move_parties(x, m, op->security, &op->from, &op->to, MOVE_AT_WILL);

    if (v != V_OK)
        return v;
    if (!exec_pledge(x->b->view, p, op->security, op->number))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    /* R83: A pledgee does not take shares over that stay under its own pledge.
     */
    if (op->treatment == TREATMENT_CARRY && hash_eq(&op->to, &p->pledgee))
        return exec_refuse(x, V_SELF, &op->to, 0, 0);
    v = exec_may_acquire(x, &m->s, &m->to.account);
    if (v != V_OK)
        return exec_refuse(x, v, &op->to, m->to.account.class_to, x->b->date);
    /* R81: Pledged shares are transferred with the pledgee's consent and a
     * statement that the proceeds prepay the debt or are deposited. */
    if (hash_is_zero(&op->proceeds))
        return exec_refuse(x, V_PLEDGEE_CONSENT, &p->pledgee, 0, 0);
    v = move_acquire(x, m, &op->consent);
    if (v == V_OK)
        v = move_security(x, m, false, false);
    if (v != V_OK)
        return v;
    if ((p->status != PLEDGE_ACTIVE && p->status != PLEDGE_DEFAULTED) ||
        pledge_part_of(p, &op->from) == NULL)
        return exec_refuse(x, V_PLEDGE_STATE, &key, 0, 0);
    return V_OK;
}

/* R82: Pledged shares that are transferred leave the pledge, or stay under it
 * and the transferee becomes a pledgor, as the parties agree. */
enum verdict rule_transfer_pledged(struct exec *x,
                                   const struct op_transfer_pledged *op)
{
    const struct selector sel = {.nature = NATURE_ANY, .pledge = op->number};
    const bool carry = op->treatment == TREATMENT_CARRY;
    struct move m;
    struct pledge_row p;
    struct sale n = {.quantity = op->quantity.shares};
    struct event e = {.kind = carry ? EVENT_PLEDGE_CARRIED : EVENT_TRANSFERRED,
                      .account = op->from,
                      .other = op->to,
                      .number = op->number,
                      .quantity = op->quantity.shares,
                      .document = op->document};
    enum verdict v = check_pledged(x, &m, &p, op);

    if (v != V_OK)
        return v;
    move_begin(x, &m);
    try_sale(x, &m, &n, &sel, TAKE_PLEDGED);
    v = judge_sale(x, &m, &n);
    if (v == V_OK)
        v = check_payment(x, op->price_fen, &op->payment);
    if (v == V_OK)
        v = settle_sale(x, &m, &n, carry);
    if (v != V_OK)
        return v;
    memcpy(e.security, m.s.code, sizeof e.security);
    exec_emit(x, &e);
    v = move_pledges(x, &m, carry ? PLEDGES_STAY : PLEDGES_RELEASED);
    if (v != V_OK)
        return v;
    move_put(x, &m);
    return V_OK;
}
