/* Title, locks and the insider list. */
#include "ledger/rule_move.h"

/* R95: A confirmed title moves shares from the unconfirmed-title account to the
 * holder; what was issued stays the same. */
enum verdict rule_title_confirm(struct exec *x,
                                const struct op_title_confirm *op)
{
    const struct hash key = security_key(op->security);
    const struct selector sel = {.nature = op->nature};
    const uint64_t q = op->quantity.shares;
    struct move m;
    uint64_t have;
    struct event e = {.kind = EVENT_TITLE_CONFIRMED,
                      .account = op->from,
                      .other = op->to,
                      .quantity = q,
                      .second = op->nature,
                      .document = op->document};
    enum verdict v;

    if (!exec_find_security(x, &m.s, op->security))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!side_get(x, &m.from, &m.s, &op->from))
        return exec_refuse(x, V_UNKNOWN, &op->from, 0, 0);
    if (!side_get(x, &m.to, &m.s, &op->to))
        return exec_refuse(x, V_UNKNOWN, &op->to, 0, 0);
    if (m.from.account.kind != ACCOUNT_UNCONFIRMED ||
        m.from.account.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->from, 0, 0);
    if (m.to.account.kind != ACCOUNT_ORDINARY ||
        m.to.account.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->to, 0, 0);
    v = move_security(x, &m, true, false);
    if (v != V_OK)
        return v;
    if (!move_quantity_ok(&op->quantity))
        return exec_refuse(x, V_QUANTITY, NULL, q, 1);
    move_begin(x, &m);
    v = position_take(
        &m.from.h, m.taken, &m.taken_count, &have, q, &sel, &m.day, TAKE_EXACT);
    if (v != V_OK)
        return exec_refuse(x, v, &op->from, have, q);
    if (!move_credit(&m, 0, true, true, 0, SEGMENTS_MAX))
        return exec_refuse(x, V_LIMIT, &op->to, 0, SEGMENTS_MAX);
    position_leave(&m.from.h, q, 0);
    move_count(&m);
    e.flags = move_flags(&m);
    memcpy(e.security, m.s.code, sizeof e.security);
    exec_emit(x, &e);
    move_put(x, &m);
    return V_OK;
}

/* What the operations on one holding share. */
struct one {
    struct security_row s;
    struct side a;
    struct t_plus t;
    struct position_day day;
};

static enum verdict one_get(struct exec *x,
                            struct one *o,
                            const char *code,
                            const struct hash *account)
{
    const struct hash key = security_key(code);
    enum verdict v;

    if (!exec_find_security(x, &o->s, code))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!side_get(x, &o->a, &o->s, account))
        return exec_refuse(x, V_UNKNOWN, account, 0, 0);
    if (o->a.account.status == ACCOUNT_CLOSED)
        return exec_refuse(x, V_ACCOUNT_STATE, account, 0, 0);
    v = exec_open_security(&o->s, true);
    if (v != V_OK)
        return exec_refuse(x, v, &key, 0, 0);
    o->day = exec_day(x, &o->t, &o->s);
    position_normalise(&o->a.h, &o->day);
    return V_OK;
}

static void one_put(struct exec *x, struct one *o, struct event *e)
{
    e->account = o->a.id;
    memcpy(e->security, o->s.code, sizeof e->security);
    exec_emit(x, e);
    side_put(x, &o->a, &o->s);
    exec_put_security(x, &o->s);
}

enum verdict rule_lock_set(struct exec *x, const struct op_lock_set *op)
{
    const uint64_t q = op->quantity.shares;
    struct one o;
    uint64_t have;
    struct event e = {
        .kind = EVENT_LOCKED, .quantity = q, .document = op->document};
    enum verdict v = one_get(x, &o, op->security, &op->account);

    if (v != V_OK)
        return v;
    /* R96: A lock is set on shares that have none, pledged and frozen ones too,
     * until a day that is still to come. */
    if (op->until <= x->b->date)
        return exec_refuse(x, V_DATE, NULL, op->until, x->b->date);
    if (!move_quantity_ok(&op->quantity))
        return exec_refuse(x, V_QUANTITY, NULL, q, 1);
    v = position_lock(&o.a.h, &have, q, 0, op->until, &o.day);
    if (v != V_OK)
        return exec_refuse(x, v, &op->account, have, q);
    e.number = op->until;
    one_put(x, &o, &e);
    return V_OK;
}

enum verdict rule_lock_lift(struct exec *x, const struct op_lock_lift *op)
{
    const uint64_t q = op->quantity.shares;
    struct one o;
    uint64_t have = 0;
    struct event e = {
        .kind = EVENT_UNLOCKED, .quantity = q, .document = op->document};
    enum verdict v = one_get(x, &o, op->security, &op->account);

    if (v != V_OK)
        return v;
    if (!move_quantity_ok(&op->quantity))
        return exec_refuse(x, V_QUANTITY, NULL, q, 1);
    /* R97: A lock is lifted before its day by issuer and registrar, who cite
     * the grounds. */
    if (op->until == 0)
        return exec_refuse(x, V_LOCKED, &op->account, 0, q);
    v = position_lock(&o.a.h, &have, q, op->until, 0, &o.day);
    if (v != V_OK)
        return exec_refuse(x, v, &op->account, have, q);
    e.number = op->until;
    one_put(x, &o, &e);
    return V_OK;
}

enum verdict rule_insider_set(struct exec *x, const struct op_insider_set *op)
{
    struct one o;
    struct insider *in = &o.a.h.insider;
    struct event e = {.kind = EVENT_INSIDER_SET,
                      .number = op->term_end,
                      .second = op->left_day,
                      .document = op->document};
    enum verdict v = one_get(x, &o, op->security, &op->account);

    if (v != V_OK)
        return v;
    if (op->left_day > x->b->date)
        return exec_refuse(x, V_DATE, NULL, op->left_day, x->b->date);
    /* R101: An officer's entry leaves the insider list only when neither the
     * half year nor the original term runs any more; the term in it never
     * becomes shorter. */
    if (op->term_end == 0 ? op->left_day != 0 || in->term_end == 0 ||
                                !insider_over(x->b->date, in)
                          : op->term_end < in->term_end)
        return exec_refuse(x, V_DATE, NULL, op->term_end, in->term_end);
    if (op->term_end == 0) {
        *in = (struct insider){0};
    } else {
        const bool is_new = in->term_end == 0;

        in->term_end = op->term_end;
        in->left_day = op->left_day;
        if (is_new)
            insider_turn(x->b->date, &o.a.h);
    }
    one_put(x, &o, &e);
    return V_OK;
}
