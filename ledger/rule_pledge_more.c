/* Pledges: their release, revocation, default and enforcement. */
#include "ledger/rule_move.h"

#include "base/check.h"
#include "base/num.h"

void pledge_end_if_empty(struct exec *x,
                         struct security_row *s,
                         struct pledge_row *p,
                         enum pledge_status status,
                         struct side *a,
                         struct side *b)
{
    struct account_row pledgee;

    if (p->outstanding.shares > 0)
        return;
    p->status = (uint8_t)status;
    s->pledges_open--;
    s->secured_fen -= p->secured_fen;
    if (b != NULL && hash_eq(&b->id, &p->pledgee))
        a = b;
    if (a != NULL && hash_eq(&a->id, &p->pledgee)) {
        a->account.rights--;
        a->account_changed = true;
        return;
    }
    if (exec_find_account(x, &pledgee, &p->pledgee)) {
        pledgee.rights--;
        exec_put_account(x, &pledgee, &p->pledgee);
    }
}

/* Books that q shares of a pledgor left the pledge. */
static void book(struct pledge_row *p, struct pledgor *of, uint64_t q)
{
    of->outstanding.shares -= q;
    p->outstanding.shares -= q;
}

enum verdict rule_pledge_release_part(struct exec *x,
                                      const struct op_pledge_release_part *op)
{
    struct security_row s;
    struct pledge_row p;
    struct side a;
    struct pledgor *part;
    struct t_plus t;
    struct position_day day;
    uint64_t pledged;
    const uint64_t q = op->quantity.shares;
    struct event e = {.kind = EVENT_PLEDGE_RELEASED_PART,
                      .account = op->pledgor,
                      .number = op->number,
                      .quantity = q,
                      .document = op->document};
    enum verdict v = pledge_get(x, &s, &p, op->security, op->number);

    if (v != V_OK)
        return v;
    part = pledge_part_of(&p, &op->pledgor);
    if (part == NULL || !side_get(x, &a, &s, &op->pledgor))
        return exec_refuse(x, V_UNKNOWN, &op->pledgor, 0, 0);
    v = pledge_open(x, &s, &p, true);
    if (v != V_OK)
        return v;
    if (!pledge_quantity_ok(&op->quantity))
        return exec_refuse(x, V_QUANTITY, NULL, q, 1);
    /* R123: Part of a pledge is released by pledgor and pledgee together: fewer
     * shares than are outstanding, and of that pledgor's only. */
    if (q >= p.outstanding.shares)
        return exec_refuse(x, V_PLEDGE_OVER, NULL, p.outstanding.shares, q);
    if (q > part->outstanding.shares)
        return exec_refuse(
            x, V_PLEDGE_OVER, &op->pledgor, part->outstanding.shares, q);
    day = exec_day(x, &t, &s);
    position_normalise(&a.h, &day);
    pledged = pledge_shares(&a.h);
    /* R124: A partial release takes unfrozen shares first. */
    if (!position_unpledge(&a.h, q, op->number))
        return exec_refuse(x, V_LIMIT, &op->pledgor, 0, SEGMENTS_MAX);
    book(&p, part, q);
    p.released.shares += q;
    s.pledged.shares -= pledged - pledge_shares(&a.h);
    e.other = p.pledgee;
    e.second = p.outstanding.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    side_put(x, &a, &s);
    exec_put_pledge(x, &p, s.code);
    exec_put_security(x, &s);
    return V_OK;
}

/* Takes the pledge off all its shares, with an event for each pledgor. */
static void release_all(struct exec *x,
                        struct security_row *s,
                        struct pledge_row *p,
                        enum event_kind kind,
                        enum pledge_status status,
                        const struct hash *document)
{
    struct t_plus t;
    const struct position_day day = exec_day(x, &t, s);

    for (uint32_t i = 0; i < p->pledgor_count; i++) {
        struct pledgor *part = &p->pledgors[i];
        const uint64_t q = part->outstanding.shares;
        struct side a;
        uint64_t pledged;
        struct event e = {.kind = (uint8_t)kind,
                          .account = part->account,
                          .other = p->pledgee,
                          .number = p->number,
                          .quantity = q,
                          .document = *document};
        bool ok;

        if (q == 0)
            continue;
        ok = side_get(x, &a, s, &part->account);
        ASSERT(ok);
        pledged = pledge_shares(&a.h);
        /* As many shares carry it as the row says, and none is split. */
        ok = position_unpledge(&a.h, q, p->number);
        ASSERT(ok);
        position_normalise(&a.h, &day);
        book(p, part, q);
        p->released.shares += q;
        s->pledged.shares -= pledged - pledge_shares(&a.h);
        e.second = p->outstanding.shares;
        memcpy(e.security, s->code, sizeof e.security);
        exec_emit(x, &e);
        pledge_end_if_empty(x, s, p, status, NULL, NULL);
        side_put(x, &a, s);
        exec_put_pledge(x, p, s->code);
    }
    exec_put_security(x, s);
}

enum verdict rule_pledge_release(struct exec *x,
                                 const struct op_pledge_release *op)
{
    struct security_row s;
    struct pledge_row p;
    enum verdict v = pledge_get(x, &s, &p, op->security, op->number);

    if (v == V_OK)
        v = pledge_open(x, &s, &p, true);
    if (v != V_OK)
        return v;
    /* R125: A whole pledge is released by the pledgee alone, for all its
     * pledgors. */
    release_all(x,
                &s,
                &p,
                EVENT_PLEDGE_RELEASED,
                p.enforced.shares > 0 ? PLEDGE_ENFORCED : PLEDGE_RELEASED,
                &op->document);
    return V_OK;
}

enum verdict rule_pledge_revoke(struct exec *x,
                                const struct op_pledge_revoke *op)
{
    struct security_row s;
    struct pledge_row p;
    enum verdict v = pledge_get(x, &s, &p, op->security, op->number);

    if (v != V_OK)
        return v;
    /* R126: A registration that was void from the beginning is revoked on a
     * decision that a pledgor or the pledgee brings. */
    if (!hash_eq(&op->party, &p.pledgee) &&
        pledge_part_of(&p, &op->party) == NULL)
        return exec_refuse(x, V_UNKNOWN, &op->party, 0, 0);
    v = pledge_open(x, &s, &p, true);
    if (v != V_OK)
        return v;
    release_all(x, &s, &p, EVENT_PLEDGE_REVOKED, PLEDGE_REVOKED, &op->document);
    return V_OK;
}

enum verdict rule_pledge_default(struct exec *x,
                                 const struct op_pledge_default *op)
{
    const struct hash key = number_key(op->number);
    struct security_row s;
    struct pledge_row p;
    struct event e = {.kind = EVENT_PLEDGE_DEFAULTED,
                      .number = op->number,
                      .document = op->document};
    enum verdict v = pledge_get(x, &s, &p, op->security, op->number);

    if (v == V_OK)
        v = pledge_open(x, &s, &p, true);
    if (v != V_OK)
        return v;
    /* R127: The pledgee gives notice of a default once; nothing moves by it. */
    if (p.status != PLEDGE_ACTIVE)
        return exec_refuse(x, V_PLEDGE_STATE, &key, 0, 0);
    for (uint32_t i = p.pledgor_count; i-- > 0;) {
        if (p.pledgors[i].outstanding.shares > 0)
            e.account = p.pledgors[i].account;
    }
    e.other = p.pledgee;
    e.quantity = p.outstanding.shares;
    e.second = p.outstanding.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    p.status = PLEDGE_DEFAULTED;
    p.default_day = x->b->date;
    exec_put_pledge(x, &p, s.code);
    exec_put_security(x, &s);
    return V_OK;
}

/* A disposal of pledged shares by agreement. */
struct disposal {
    struct security_row s;
    struct pledge_row p;
    struct side from;
    struct side to;
    struct pledgor *part;
    struct t_plus t;
    struct position_day day;
    uint64_t pledged;
    uint32_t holders; /* before */
    struct segment taken[SEGMENTS_MAX];
    uint32_t taken_count;
};

static enum verdict check_disposal(struct exec *x,
                                   const struct op_pledge_enforce *op,
                                   struct disposal *d)
{
    const struct hash tree = security_key(op->security);
    const struct hash key = number_key(op->number);
    enum verdict v = pledge_get(x, &d->s, &d->p, op->security, op->number);

    if (v != V_OK)
        return v;
    d->part = pledge_part_of(&d->p, &op->from);
    if (d->part == NULL || !side_get(x, &d->from, &d->s, &op->from))
        return exec_refuse(x, V_UNKNOWN, &op->from, 0, 0);
    if (!side_get(x, &d->to, &d->s, &op->to))
        return exec_refuse(x, V_UNKNOWN, &op->to, 0, 0);
    if (d->from.account.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->from, 0, 0);
    if (!account_may_receive(&d->to.account))
        return exec_refuse(x, V_ACCOUNT_STATE, &op->to, 0, 0);
    if (hash_eq(&op->from, &op->to))
        return exec_refuse(x, V_SELF, &op->to, 0, 0);
    /* R131: Who takes pledged shares by agreement must be one who may buy them
     * that day. */
    v = exec_may_acquire(x, &d->s, &d->to.account);
    if (v != V_OK)
        return exec_refuse(x, v, &op->to, 0, 0);
    /* R132: A disposal of pledged shares by agreement needs the company's
     * consent where the articles demand it, an open register and a security
     * that is not suspended. */
    if ((d->s.features & FEATURE_COMPANY_CONSENT) != 0 &&
        hash_is_zero(&op->consent))
        return exec_refuse(x, V_RESTRICTED, &tree, 0, 0);
    v = exec_open_security(&d->s, false);
    if (v == V_OK && exec_register_closed(x, &d->s))
        v = V_REGISTER_CLOSED;
    if (v != V_OK)
        return exec_refuse(x, v, &tree, 0, 0);
    /* R129: Pledged shares are disposed of by agreement only after notice of a
     * default. */
    if (d->p.status != PLEDGE_DEFAULTED)
        return exec_refuse(x, V_PLEDGE_STATE, &key, 0, 0);
    return V_OK;
}

/* Takes the shares; refusals in order of their numbers. */
static enum verdict take(struct exec *x,
                         const struct op_pledge_enforce *op,
                         struct disposal *d)
{
    const struct selector sel = {.nature = NATURE_ANY, .pledge = op->number};
    const uint64_t part = d->part->outstanding.shares;
    const uint64_t q = op->quantity.shares;
    uint64_t have;
    uint64_t quota;
    enum verdict taken;
    enum verdict insider;

    d->day = exec_day(x, &d->t, &d->s);
    position_normalise(&d->from.h, &d->day);
    position_normalise(&d->to.h, &d->day);
    d->pledged = pledge_shares(&d->from.h) + pledge_shares(&d->to.h);
    d->holders = d->s.holder_count;
    insider = insider_check(x, &d->from.h, q, &quota);
    taken = position_take(&d->from.h,
                          d->taken,
                          &d->taken_count,
                          &have,
                          num_min_u64(q, part),
                          &sel,
                          &d->day,
                          TAKE_PLEDGED);
    if (taken == V_CALENDAR)
        return exec_refuse(x, taken, &op->from, 0, 0);
    if (op->agreed_day > x->b->date)
        return exec_refuse(x, V_DATE, NULL, op->agreed_day, x->b->date);
    if (taken == V_T5)
        return exec_refuse(x, taken, &op->from, have, q);
    /* R134: An officer's quota and the half year after leaving bind a disposal
     * of pledged shares by agreement as they bind a sale. */
    if (insider == V_INSIDER_HALF_YEAR)
        return exec_refuse(x, insider, &op->from, 0, q);
    if (!pledge_quantity_ok(&op->quantity))
        return exec_refuse(x, V_QUANTITY, NULL, q, 1);
    /* R133: A disposal by agreement takes shares under that pledge alone,
     * neither frozen nor locked, and after T+n. */
    if (taken != V_OK)
        return exec_refuse(x, taken, &op->from, have, q);
    if (q > part)
        return exec_refuse(x, V_PLEDGE_OVER, &op->from, part, q);
    if (insider != V_OK)
        return exec_refuse(x, insider, &op->from, quota, q);
    /* R130: A pledgee gets pledged shares only by an agreement made on the day
     * of the default or later, at a price with its basis; an agreement before
     * it is void. */
    if (op->agreed_day < d->p.default_day || op->price_fen < 1 ||
        hash_is_zero(&op->price_basis))
        return exec_refuse(
            x, V_FORFEITURE, NULL, op->agreed_day, d->p.default_day);
    return V_OK;
}

/* R135: What is disposed of comes to its new holder free of pledge and lock,
 * and T+n does not apply to it. */
static bool credit(struct disposal *d)
{
    for (uint32_t i = 0; i < d->taken_count; i++) {
        const struct segment s = {.quantity = d->taken[i].quantity,
                                  .nature = d->taken[i].nature};

        if (!position_put(&d->to.h, &s, SEGMENTS_VOLUNTARY_MAX))
            return false;
    }
    return true;
}

enum verdict rule_pledge_enforce(struct exec *x,
                                 const struct op_pledge_enforce *op)
{
    const uint64_t q = op->quantity.shares;
    struct disposal d;
    struct event e = {.kind = EVENT_PLEDGE_ENFORCED,
                      .account = op->from,
                      .other = op->to,
                      .number = op->number,
                      .quantity = q,
                      .document = op->document};
    enum verdict v = check_disposal(x, op, &d);
    bool fits;

    if (v == V_OK)
        v = take(x, op, &d);
    if (v != V_OK)
        return v;
    fits = credit(&d);
    position_leave(&d.from.h, q, 0);
    insider_sold(&d.from.h, q);
    side_count(&d.from, &d.s);
    side_count(&d.to, &d.s);
    v = exec_cap(&d.s, d.holders);
    if (v != V_OK)
        return exec_refuse(x, v, &op->to, d.s.holder_cap, d.s.holder_count);
    if (!fits)
        return exec_refuse(x, V_LIMIT, &op->to, 0, SEGMENTS_VOLUNTARY_MAX);
    book(&d.p, d.part, q);
    d.p.enforced.shares += q;
    d.s.pledged.shares -=
        d.pledged - pledge_shares(&d.from.h) - pledge_shares(&d.to.h);
    e.second = d.p.outstanding.shares;
    memcpy(e.security, d.s.code, sizeof e.security);
    exec_emit(x, &e);
    /* R136: A pledge is enforced when nothing is left under it and some of it
     * was disposed of; until then the rest stays pledged. */
    pledge_end_if_empty(x, &d.s, &d.p, PLEDGE_ENFORCED, &d.from, &d.to);
    side_put(x, &d.from, &d.s);
    side_put(x, &d.to, &d.s);
    exec_put_pledge(x, &d.p, d.s.code);
    freeze_settle(x, &d.s, &d.from.h, &d.from.id, 0);
    exec_put_security(x, &d.s);
    return V_OK;
}
