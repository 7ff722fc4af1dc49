/* Pledges: the entry creates the right; a part is released by both sides, the
 * whole by the pledgee alone. */
#include "base/num.h"
#include "ledger/exec.h"

static void put_pledge(struct exec *x, struct pledge_row *p, const char *code)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(p->number);

    exec_renew(x, &p->chain);
    exec_put(x, p, TABLE_PLEDGES, &tree, &key);
}

static enum verdict check_parties(struct exec *x,
                                  const struct op_pledge_create *op,
                                  const struct security_row *s,
                                  struct account_row *pledgor)
{
    struct account_row pledgee;

    if (!exec_account(x->b->view, pledgor, &op->pledgor))
        return exec_refuse(x, V_UNKNOWN, &op->pledgor, 0, 0);
    if (!exec_account(x->b->view, &pledgee, &op->pledgee))
        return exec_refuse(x, V_UNKNOWN, &op->pledgee, 0, 0);
    if (pledgor->status != ACCOUNT_ACTIVE &&
        pledgor->status != ACCOUNT_RESTRICTED)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->pledgor, 0, 0);
    if (pledgee.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->pledgee, 0, 0);
    if (hash_eq(&op->pledgor, &op->pledgee))
        return exec_refuse(x, V_SELF, &op->pledgor, 0, 0);
    if (hash_eq(&op->pledgee, &s->issuer))
        return exec_refuse(x, V_PLEDGE_OWN_SHARES, &op->pledgee, 0, 0);
    return V_OK;
}

enum verdict rule_pledge_create(struct exec *x,
                                const struct op_pledge_create *op)
{
    const struct hash key = security_key(op->security);
    struct security_row s;
    struct account_row pledgor;
    struct holding_row h;
    struct pledge_row p;
    struct t_plus t;
    struct position_day day;
    uint64_t have;
    struct event e = {.kind = EVENT_PLEDGED,
                      .account = op->pledgor,
                      .other = op->pledgee,
                      .quantity = op->quantity.shares,
                      .second = op->quantity.shares,
                      .document = op->document};
    enum verdict v;

    if (!exec_security(x->b->view, &s, op->security))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    v = check_parties(x, op, &s, &pledgor);
    if (v != V_OK)
        return v;
    v = exec_open_security(&s, true);
    if (v != V_OK)
        return exec_refuse(x, v, &key, 0, 0);
    if (op->term_end != 0 && op->term_end < x->b->date)
        return exec_refuse(x, V_DATE, NULL, op->term_end, x->b->date);
    if (op->quantity.shares == 0 || op->secured_fen < 0)
        return exec_refuse(x, V_QUANTITY, NULL, op->quantity.shares, 1);
    day = exec_day(x, &t, &s);
    exec_holding(x->b->view, &h, s.code, &op->pledgor, pledgor.kind);
    v = position_pledge(&h,
                        &have,
                        op->quantity.shares,
                        s.pledge_count + 1,
                        &op->selector,
                        &day);
    if (v != V_OK)
        return exec_refuse(x, v, &op->pledgor, have, op->quantity.shares);
    s.pledge_count++;
    s.pledged.shares += op->quantity.shares;
    p = (struct pledge_row){
        .number = s.pledge_count,
        .status = PLEDGE_ACTIVE,
        .pledgee = op->pledgee,
        .original = op->quantity,
        .outstanding = op->quantity,
        .secured_fen = op->secured_fen,
        .registered_day = x->b->date,
        .term_end = op->term_end,
        .covers_fruits = op->covers_fruits,
        .constitutive_register = op->constitutive_register,
        .register_reference = op->register_reference,
        .document = op->document,
        .pledgor_count = 1,
        .pledgors = {{op->pledgor, op->quantity}},
    };
    e.number = p.number;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    exec_put_holding(x, &h, s.code, &op->pledgor);
    put_pledge(x, &p, s.code);
    exec_put_security(x, &s);
    return V_OK;
}

static enum verdict active_pledge(struct exec *x,
                                  struct security_row *s,
                                  struct pledge_row *p,
                                  const char *code,
                                  uint64_t number)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(number);

    if (!exec_security(x->b->view, s, code))
        return exec_refuse(x, V_UNKNOWN, &tree, 0, 0);
    if (!exec_get(x->b->view, p, TABLE_PLEDGES, &tree, &key))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (p->status != PLEDGE_ACTIVE && p->status != PLEDGE_DEFAULTED)
        return exec_refuse(x, V_SECURITY_STATE, &key, 0, 0);
    return V_OK;
}

/* Takes the pledge off `quantity` of one pledgor's shares.  Requires that the
 * event is emitted. */
static void release(struct exec *x,
                    struct security_row *s,
                    struct pledge_row *p,
                    uint32_t pledgor,
                    struct holding_row *h,
                    uint64_t quantity)
{
    p->pledgors[pledgor].outstanding.shares -= quantity;
    p->outstanding.shares -= quantity;
    s->pledged.shares -= quantity;
    exec_put_holding(x, h, s->code, &p->pledgors[pledgor].account);
}

enum verdict rule_pledge_release_part(struct exec *x,
                                      const struct op_pledge_release_part *op)
{
    struct security_row s;
    struct pledge_row p;
    struct holding_row h;
    struct t_plus t;
    struct position_day day;
    struct event e = {.kind = EVENT_PLEDGE_RELEASED_PART,
                      .number = op->number,
                      .quantity = op->quantity.shares,
                      .document = op->document};
    const enum verdict v = active_pledge(x, &s, &p, op->security, op->number);

    if (v != V_OK)
        return v;
    if (op->quantity.shares == 0)
        return exec_refuse(x, V_QUANTITY, NULL, 0, 1);
    if (op->quantity.shares >= p.outstanding.shares)
        return exec_refuse(
            x, V_PLEDGE_OVER, NULL, p.outstanding.shares, op->quantity.shares);
    exec_holding(
        x->b->view, &h, s.code, &p.pledgors[0].account, ACCOUNT_ORDINARY);
    if (!position_unpledge(&h, op->quantity.shares, op->number))
        return exec_refuse(x, V_LIMIT, &p.pledgors[0].account, 0, 0);
    day = exec_day(x, &t, &s);
    position_normalise(&h, &day);
    e.account = p.pledgors[0].account;
    e.other = p.pledgee;
    e.second = p.outstanding.shares - op->quantity.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    release(x, &s, &p, 0, &h, op->quantity.shares);
    put_pledge(x, &p, s.code);
    exec_put_security(x, &s);
    return V_OK;
}

enum verdict rule_pledge_release(struct exec *x,
                                 const struct op_pledge_release *op)
{
    struct security_row s;
    struct pledge_row p;
    struct holding_row h;
    struct event e = {.kind = EVENT_PLEDGE_RELEASED,
                      .number = op->number,
                      .document = op->document};
    const enum verdict v = active_pledge(x, &s, &p, op->security, op->number);

    if (v != V_OK)
        return v;
    e.account = p.pledgors[0].account;
    e.other = p.pledgee;
    e.quantity = p.outstanding.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    for (uint32_t i = 0; i < p.pledgor_count; i++) {
        const uint64_t q = p.pledgors[i].outstanding.shares;

        if (q == 0)
            continue;
        exec_holding(
            x->b->view, &h, s.code, &p.pledgors[i].account, ACCOUNT_ORDINARY);
        if (!position_unpledge(&h, q, op->number))
            return exec_refuse(x, V_LIMIT, &p.pledgors[i].account, 0, q);
        release(x, &s, &p, i, &h, q);
    }
    p.status = PLEDGE_RELEASED;
    put_pledge(x, &p, s.code);
    exec_put_security(x, &s);
    return V_OK;
}
