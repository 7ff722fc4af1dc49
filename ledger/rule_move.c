/* What the rules that move shares have in common. */
#include "ledger/rule_move.h"

#include "base/check.h"

/* R174: At its parties' will shares pass to an active ordinary account only. */
bool account_may_receive(const struct account_row *a)
{
    return a->status == ACCOUNT_ACTIVE && a->kind == ACCOUNT_ORDINARY;
}

enum verdict move_parties(struct exec *x,
                          struct move *m,
                          const char *security,
                          const struct hash *from,
                          const struct hash *to,
                          enum move_why why)
{
    const struct hash key = security_key(security);
    const bool at_will = why == MOVE_AT_WILL;

    if (!exec_find_security(x, &m->s, security))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!side_get(x, &m->from, &m->s, from))
        return exec_refuse(x, V_UNKNOWN, from, 0, 0);
    if (!side_get(x, &m->to, &m->s, to))
        return exec_refuse(x, V_UNKNOWN, to, 0, 0);
    /* R69: Nothing leaves a frozen account at its holder's will; what a court
     * or the law moves does. */
    if (m->from.account.status == ACCOUNT_CLOSED ||
        (at_will && m->from.account.status != ACCOUNT_ACTIVE))
        return exec_refuse(x, V_ACCOUNT_STATE, from, 0, 0);
    if (m->to.account.status == ACCOUNT_CLOSED ||
        (at_will && !account_may_receive(&m->to.account)))
        return exec_refuse(x, V_ACCOUNT_STATE, to, 0, 0);
    /* R71: Shares whose title is not confirmed leave their account only by the
     * confirmation of a title or by a correction. */
    if (m->from.account.kind == ACCOUNT_UNCONFIRMED)
        return exec_refuse(x, V_ACCOUNT_UNCONFIRMED, from, 0, 0);
    /* R70: Nobody transfers to the own account. */
    if (hash_eq(from, to))
        return exec_refuse(x, V_SELF, from, 0, 0);
    return V_OK;
}

enum verdict move_acquire(struct exec *x,
                          const struct move *m,
                          const struct hash *consent)
{
    const struct hash key = security_key(m->s.code);
    /* R72: Who acquires shares at will is qualified for the security on the day
     * of the entry. */
    const enum verdict v = exec_may_acquire(x, &m->s, &m->to.account);

    if (v != V_OK)
        return exec_refuse(x, v, &m->to.id, m->to.account.class_to, x->b->date);
    /* R73: Where the articles demand the company's consent a transfer at will
     * cites it. */
    if ((m->s.features & FEATURE_COMPANY_CONSENT) != 0 && hash_is_zero(consent))
        return exec_refuse(x, V_RESTRICTED, &key, 0, 0);
    return V_OK;
}

enum verdict move_security(struct exec *x,
                           struct move *m,
                           bool although_suspended,
                           bool although_closed)
{
    const struct hash key = security_key(m->s.code);
    /* R74: While a security is suspended no shares are transferred, given or
     * allocated; inheritance, division, court transfers and corrections go on.
     */
    const enum verdict v = exec_open_security(&m->s, although_suspended);

    if (v != V_OK)
        return exec_refuse(x, v, &key, 0, 0);
    /* R75: While the register is closed no holder changes at will; inheritance,
     * division, court transfers and corrections are entered and say so. */
    m->closed = exec_register_closed(x, &m->s);
    if (m->closed && !although_closed)
        return exec_refuse(x, V_REGISTER_CLOSED, &key, 0, 0);
    return V_OK;
}

void move_begin(struct exec *x, struct move *m)
{
    m->day = exec_day(x, &m->t, &m->s);
    position_normalise(&m->from.h, &m->day);
    position_normalise(&m->to.h, &m->day);
    m->pledged = pledge_shares(&m->from.h) + pledge_shares(&m->to.h);
    m->holders = m->s.holder_count;
    m->taken_count = 0;
}

bool move_quantity_ok(const struct qty *q)
{
    return q->shares >= 1 && q->shares <= INT64_MAX;
}

bool move_credit(struct move *m,
                 uint32_t trade_day,
                 bool locks_stay,
                 bool pledges_stay,
                 uint64_t freeze,
                 uint32_t limit)
{
    for (uint32_t i = 0; i < m->taken_count; i++) {
        struct segment s = m->taken[i];

        s.trade_day = trade_day;
        s.freeze = freeze;
        if (!locks_stay)
            s.lock_until = 0;
        if (!pledges_stay) {
            memset(s.pledges, 0, sizeof s.pledges);
            s.pledge_count = 0;
        }
        if (!position_put(&m->to.h, &s, limit))
            return false;
    }
    return true;
}

void move_count(struct move *m)
{
    side_count(&m->from, &m->s);
    side_count(&m->to, &m->s);
    m->s.pledged.shares +=
        pledge_shares(&m->from.h) + pledge_shares(&m->to.h) - m->pledged;
}

/* R77: A succession by law is entered though it takes the holders beyond the
 * cap, and says so; until they are back under it no further holder comes in at
 * will. */
uint16_t move_flags(const struct move *m)
{
    return (uint16_t)((m->closed ? EVENT_DURING_CLOSURE : 0) |
                      (exec_cap(&m->s, m->holders) != V_OK
                           ? EVENT_CAP_EXCEEDED_BY_LAW
                           : 0));
}

/* The receiver's entry among the pledgors: its own, an empty one or a new one;
 * NULL if there is no room. */
static struct pledgor *part_for(struct pledge_row *p,
                                const struct hash *account)
{
    struct pledgor *free_part = NULL;

    for (uint32_t i = 0; i < p->pledgor_count; i++) {
        if (hash_eq(&p->pledgors[i].account, account))
            return &p->pledgors[i];
        if (p->pledgors[i].outstanding.shares == 0)
            free_part = &p->pledgors[i];
    }
    if (free_part == NULL) {
        if (p->pledgor_count >= PLEDGORS_MAX)
            return NULL;
        free_part = &p->pledgors[p->pledgor_count++];
    }
    *free_part = (struct pledgor){.account = *account};
    return free_part;
}

static enum verdict move_pledge(struct exec *x,
                                struct move *m,
                                uint64_t number,
                                uint64_t q,
                                enum move_pledges how)
{
    struct pledge_row p;
    struct pledgor *part;
    const bool found = exec_pledge(x->b->view, &p, m->s.code, number);

    ASSERT(found);
    part = pledge_part_of(&p, &m->from.id);
    ASSERT(part != NULL && part->outstanding.shares >= q);
    part->outstanding.shares -= q;
    switch (how) {
    case PLEDGES_STAY:
        part = part_for(&p, &m->to.id);
        if (part == NULL)
            return exec_refuse(x, V_LIMIT, &m->to.id, 0, PLEDGORS_MAX);
        part->outstanding.shares += q;
        break;
    case PLEDGES_RELEASED:
        p.outstanding.shares -= q;
        p.released.shares += q;
        pledge_end_if_empty(x,
                            &m->s,
                            &p,
                            p.enforced.shares > 0 ? PLEDGE_ENFORCED
                                                  : PLEDGE_RELEASED,
                            &m->from,
                            &m->to);
        break;
    case PLEDGES_ENFORCED:
        p.outstanding.shares -= q;
        p.enforced.shares += q;
        pledge_end_if_empty(x, &m->s, &p, PLEDGE_ENFORCED, &m->from, &m->to);
        break;
    }
    exec_put_pledge(x, &p, m->s.code);
    return V_OK;
}

enum verdict move_pledges(struct exec *x, struct move *m, enum move_pledges how)
{
    for (uint32_t i = 0; i < m->taken_count; i++) {
        const struct segment *s = &m->taken[i];

        for (uint32_t k = 0; k < s->pledge_count; k++) {
            const enum verdict v = move_pledge(
                x, m, s->pledges[k].number, s->quantity.shares, how);

            if (v != V_OK)
                return v;
        }
    }
    return V_OK;
}

void move_renew(const struct exec *x, struct move *m)
{
    exec_renew(x, &m->from.h.chain);
    exec_renew(x, &m->to.h.chain);
}

void move_put(struct exec *x, struct move *m)
{
    side_put(x, &m->from, &m->s);
    side_put(x, &m->to, &m->s);
    freeze_settle(x, &m->s, &m->from.h, &m->from.id, 0);
    exec_put_security(x, &m->s);
}
