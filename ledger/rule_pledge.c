/* Pledges: their creation, alone or behind others, amendment and assignment. */
#include "ledger/rule_pledge.h"

#include "base/num.h"

enum verdict pledge_get(struct exec *x,
                        struct security_row *s,
                        struct pledge_row *p,
                        const char *code,
                        uint64_t number)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(number);

    if (!exec_find_security(x, s, code))
        return exec_refuse(x, V_UNKNOWN, &tree, 0, 0);
    if (!exec_pledge(x->b->view, p, code, number))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    return V_OK;
}

enum verdict pledge_open(struct exec *x,
                         const struct security_row *s,
                         const struct pledge_row *p,
                         bool although_suspended)
{
    const struct hash tree = security_key(s->code);
    const struct hash key = number_key(p->number);
    const enum verdict v = exec_open_security(s, although_suspended);

    if (v != V_OK)
        return exec_refuse(x, v, &tree, 0, 0);
    if (p->status != PLEDGE_ACTIVE && p->status != PLEDGE_DEFAULTED)
        return exec_refuse(x, V_PLEDGE_STATE, &key, 0, 0);
    return V_OK;
}

struct pledgor *pledge_part_of(struct pledge_row *p, const struct hash *account)
{
    for (uint32_t i = 0; i < p->pledgor_count; i++) {
        if (hash_eq(&p->pledgors[i].account, account))
            return &p->pledgors[i];
    }
    return NULL;
}

bool pledge_quantity_ok(const struct qty *q)
{
    return q->shares >= 1 && q->shares <= INT64_MAX;
}

/* R128: A security's total of pledged shares counts each share once, however
 * many pledges it carries. */
uint64_t pledge_shares(const struct holding_row *h)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (h->segments[i].pledge_count > 0)
            sum += h->segments[i].quantity.shares;
    }
    return sum;
}

/* R182: A security's statistics add up what its open pledges secure. */
bool pledge_secures(struct security_row *s, int64_t before, int64_t after)
{
    const int64_t rest = s->secured_fen - before;

    if (after > INT64_MAX - rest)
        return false;
    s->secured_fen = rest + after;
    return true;
}

/* R107: An issuer cannot take its own shares in pledge, nor through another
 * account of the same company. */
static bool is_issuer(const struct exec *x,
                      const struct security_row *s,
                      const struct hash *id,
                      const struct account_row *a)
{
    struct account_row issuer;

    if (hash_eq(id, &s->issuer))
        return true;
    return exec_find_account(x, &issuer, &s->issuer) &&
           !hash_is_zero(&a->subject_tag) &&
           hash_eq(&a->subject_tag, &issuer.subject_tag);
}

/* A pledge being entered. */
struct entry {
    struct security_row s;
    struct side pledgor;
    struct account_row pledgee;
    struct position_day day;
    struct t_plus t;
    struct pledge_row p; /* p.pledgee, p.original, p.pledgors[0] say who gives
                            how much to whom */
};

static enum verdict check_parties(struct exec *x,
                                  struct entry *n,
                                  const char *code)
{
    const struct hash key = security_key(code);
    const struct hash *from = &n->p.pledgors[0].account;
    const struct hash *to = &n->p.pledgee;
    enum verdict v;

    if (!exec_find_security(x, &n->s, code))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!side_get(x, &n->pledgor, &n->s, from))
        return exec_refuse(x, V_UNKNOWN, from, 0, 0);
    if (!exec_find_account(x, &n->pledgee, to))
        return exec_refuse(x, V_UNKNOWN, to, 0, 0);
    /* R108: Pledgor and pledgee have active accounts when a pledge is created.
     */
    if (n->pledgor.account.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, from, 0, 0);
    if (n->pledgee.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, to, 0, 0);
    /* R109: Shares whose title is not confirmed cannot be pledged. */
    if (n->pledgor.account.kind == ACCOUNT_UNCONFIRMED)
        return exec_refuse(x, V_ACCOUNT_UNCONFIRMED, from, 0, 0);
    /* R110: Nobody takes shares of the own account in pledge. */
    if (hash_eq(from, to))
        return exec_refuse(x, V_SELF, from, 0, 0);
    if (is_issuer(x, &n->s, to, &n->pledgee))
        return exec_refuse(x, V_PLEDGE_OWN_SHARES, to, 0, 0);
    /* R111: Pledges are created, released and amended while a security is
     * suspended or its register is closed, for no holder changes. */
    v = exec_open_security(&n->s, true);
    if (v != V_OK)
        return exec_refuse(x, v, &key, 0, 0);
    n->day = exec_day(x, &n->t, &n->s);
    position_normalise(&n->pledgor.h, &n->day);
    return V_OK;
}

static enum verdict check_terms(struct exec *x, const struct pledge_row *p)
{
    /* R112: The term of a secured debt that is entered does not end before the
     * day of the entry. */
    if (p->term_end != 0 && p->term_end < x->b->date)
        return exec_refuse(x, V_DATE, NULL, p->term_end, x->b->date);
    if (p->secured_fen < 0 || !pledge_quantity_ok(&p->original))
        return exec_refuse(x, V_QUANTITY, NULL, p->original.shares, 1);
    return V_OK;
}

/* Writes the pledge whose shares are marked already; pledged is what the
 * holding had under pledges before. */
static enum verdict enter(struct exec *x, struct entry *n, uint64_t pledged)
{
    struct event e = {.kind = EVENT_PLEDGED,
                      .account = n->pledgor.id,
                      .other = n->p.pledgee,
                      .number = n->s.pledge_count + 1,
                      .quantity = n->p.original.shares,
                      .second = n->p.original.shares,
                      .document = n->p.document};

    if (!pledge_secures(&n->s, 0, n->p.secured_fen))
        return exec_refuse(x, V_LIMIT, NULL, 0, 0);
    memcpy(e.security, n->s.code, sizeof e.security);
    exec_emit(x, &e);
    /* R106: The entry in the register creates the pledge, with a number of its
     * own for ever. */
    n->s.pledge_count++;
    n->s.pledges_open++;
    n->s.pledged.shares += pledge_shares(&n->pledgor.h) - pledged;
    n->pledgee.rights++;
    n->p.number = n->s.pledge_count;
    n->p.status = PLEDGE_ACTIVE;
    n->p.outstanding = n->p.original;
    n->p.registered_day = x->b->date;
    n->p.pledgor_count = 1;
    n->p.pledgors[0].outstanding = n->p.original;
    side_put(x, &n->pledgor, &n->s);
    exec_put_pledge(x, &n->p, n->s.code);
    exec_put_account(x, &n->pledgee, &n->p.pledgee);
    exec_put_security(x, &n->s);
    return V_OK;
}

enum verdict rule_pledge_create(struct exec *x,
                                const struct op_pledge_create *op)
{
    struct entry n = {.p = {.pledgee = op->pledgee,
                            .original = op->quantity,
                            .secured_fen = op->secured_fen,
                            .term_end = op->term_end,
                            .covers_fruits = op->covers_fruits,
                            .constitutive_register = op->constitutive_register,
                            .register_reference = op->register_reference,
                            .document = op->document,
                            .pledgors = {{.account = op->pledgor}}}};
    uint64_t pledged;
    uint64_t have;
    enum verdict v = check_parties(x, &n, op->security);

    if (v == V_OK)
        v = check_terms(x, &n.p);
    if (v != V_OK)
        return v;
    pledged = pledge_shares(&n.pledgor.h);
    /* R113: A pledge takes available shares first, then those under T+n, then
     * locked ones; frozen shares are never pledged.
     *
     * R114: Shares under a pledge are not pledged once more but behind it, by
     * the operation that names the pledges before. */
    v = position_pledge(&n.pledgor.h,
                        &have,
                        op->quantity.shares,
                        n.s.pledge_count + 1,
                        &op->selector,
                        &n.day);
    if (v != V_OK)
        return exec_refuse(x, v, &op->pledgor, have, op->quantity.shares);
    return enter(x, &n, pledged);
}

/* Reads the pledges that go before; they were found when the signers were. */
static enum verdict check_priors(struct exec *x,
                                 const struct op_pledge_create_ranked *op,
                                 uint64_t priors[PRIORS_MAX])
{
    for (uint32_t i = 0; i < op->prior_count; i++) {
        const struct hash key = number_key(op->priors[i].number);
        struct pledge_row p;

        priors[i] = op->priors[i].number;
        if (!exec_pledge(x->b->view, &p, op->security, priors[i]))
            return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
        /* R117: The pledges that a further pledge goes behind are active, named
         * each once in ascending order, and all their pledgees sign. */
        if (p.status != PLEDGE_ACTIVE || (i > 0 && priors[i] <= priors[i - 1]))
            return exec_refuse(x, V_PLEDGE_STATE, &key, 0, 0);
    }
    return V_OK;
}

enum verdict rule_pledge_create_ranked(struct exec *x,
                                       const struct op_pledge_create_ranked *op)
{
    struct entry n = {.p = {.pledgee = op->pledgee,
                            .original = op->quantity,
                            .secured_fen = op->secured_fen,
                            .term_end = op->term_end,
                            .covers_fruits = op->covers_fruits,
                            .constitutive_register = op->constitutive_register,
                            .register_reference = op->register_reference,
                            .document = op->document,
                            .pledgors = {{.account = op->pledgor}}}};
    const struct hash key = security_key(op->security);
    uint64_t priors[PRIORS_MAX] = {0};
    uint64_t pledged;
    uint64_t have;
    enum verdict v = check_parties(x, &n, op->security);

    if (v == V_OK)
        v = check_priors(x, op, priors);
    if (v == V_OK)
        v = check_terms(x, &n.p);
    if (v != V_OK)
        return v;
    pledged = pledge_shares(&n.pledgor.h);
    /* R116: A further pledge ranks last, on unfrozen shares whose pledges are
     * all among those it names. */
    v = position_pledge_behind(&n.pledgor.h,
                               &have,
                               op->quantity.shares,
                               n.s.pledge_count + 1,
                               priors,
                               op->prior_count);
    if (v == V_AVAILABLE)
        return exec_refuse(x, v, &op->pledgor, have, op->quantity.shares);
    /* R115: Shares are pledged repeatedly only in a security with that feature,
     * which is off by default. */
    if ((n.s.features & FEATURE_REPEAT_PLEDGE) == 0)
        return exec_refuse(x, V_PLEDGE_REPEAT, &key, 0, 0);
    if (v != V_OK)
        return exec_refuse(x, v, &op->pledgor, have, op->quantity.shares);
    return enter(x, &n, pledged);
}

/* A pledgor other than `a` with shares under the pledge; NULL if there is
 * none. */
static const struct pledgor *other_pledgor(const struct pledge_row *p,
                                           const struct hash *a)
{
    for (uint32_t i = 0; i < p->pledgor_count; i++) {
        if (p->pledgors[i].outstanding.shares > 0 &&
            !hash_eq(&p->pledgors[i].account, a))
            return &p->pledgors[i];
    }
    return NULL;
}

static enum verdict check_amend(struct exec *x,
                                const struct op_pledge_amend *op,
                                struct security_row *s,
                                struct pledge_row *p,
                                struct side *pledgor)
{
    const struct hash key = number_key(op->number);
    const struct pledgor *other;
    enum verdict v = pledge_get(x, s, p, op->security, op->number);

    if (v != V_OK)
        return v;
    /* R120: Of several pledgors none raises the secured amount without the
     * others. */
    other = other_pledgor(p, &op->pledgor);
    if (other != NULL && pledge_part_of(p, &op->pledgor) != NULL &&
        op->secured_fen > p->secured_fen)
        return exec_refuse(x, V_SIG_MISSING, &other->account, 0, 0);
    /* R119: More shares come from a pledgor of the pledge whose account is
     * active. */
    if (pledge_part_of(p, &op->pledgor) == NULL ||
        !side_get(x, pledgor, s, &op->pledgor))
        return exec_refuse(x, V_UNKNOWN, &op->pledgor, 0, 0);
    if (pledgor->account.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->pledgor, 0, 0);
    v = pledge_open(x, s, p, true);
    if (v != V_OK)
        return v;
    /* R118: A pledge is amended while it is active, not after a default. */
    if (p->status != PLEDGE_ACTIVE)
        return exec_refuse(x, V_PLEDGE_STATE, &key, 0, 0);
    if (op->term_end != 0 && op->term_end != p->term_end &&
        op->term_end < x->b->date)
        return exec_refuse(x, V_DATE, NULL, op->term_end, x->b->date);
    if (op->secured_fen < 0 || op->more.shares > INT64_MAX)
        return exec_refuse(x, V_QUANTITY, NULL, op->more.shares, 0);
    return V_OK;
}

enum verdict rule_pledge_amend(struct exec *x, const struct op_pledge_amend *op)
{
    static const struct selector any = {.nature = NATURE_ANY};
    struct security_row s;
    struct pledge_row p = {0};
    struct side pledgor;
    struct t_plus t;
    struct position_day day;
    uint64_t pledged;
    uint64_t have;
    struct event e = {.kind = EVENT_PLEDGE_AMENDED,
                      .account = op->pledgor,
                      .number = op->number,
                      .quantity = op->more.shares,
                      .document = op->document};
    enum verdict v = check_amend(x, op, &s, &p, &pledgor);

    if (v != V_OK)
        return v;
    day = exec_day(x, &t, &s);
    position_normalise(&pledgor.h, &day);
    pledged = pledge_shares(&pledgor.h);
    if (op->more.shares > 0) {
        v = position_pledge(
            &pledgor.h, &have, op->more.shares, op->number, &any, &day);
        if (v != V_OK)
            return exec_refuse(x, v, &op->pledgor, have, op->more.shares);
    }
    if (op->more.shares > INT64_MAX - p.original.shares ||
        !pledge_secures(&s, p.secured_fen, op->secured_fen))
        return exec_refuse(
            x, V_LIMIT, &op->pledgor, p.original.shares, op->more.shares);
    e.other = p.pledgee;
    e.second = p.outstanding.shares + op->more.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    s.pledged.shares += pledge_shares(&pledgor.h) - pledged;
    p.original.shares += op->more.shares;
    p.outstanding.shares += op->more.shares;
    pledge_part_of(&p, &op->pledgor)->outstanding.shares += op->more.shares;
    p.secured_fen = op->secured_fen;
    p.term_end = op->term_end;
    p.document = op->document;
    side_put(x, &pledgor, &s);
    exec_put_pledge(x, &p, s.code);
    exec_put_security(x, &s);
    return V_OK;
}

enum verdict rule_pledge_assign(struct exec *x,
                                const struct op_pledge_assign *op)
{
    struct security_row s;
    struct pledge_row p;
    struct account_row old;
    struct account_row new;
    const struct pledgor *part;
    struct event e = {.kind = EVENT_PLEDGE_ASSIGNED,
                      .other = op->to,
                      .number = op->number,
                      .document = op->document};
    enum verdict v = pledge_get(x, &s, &p, op->security, op->number);

    if (v != V_OK)
        return v;
    if (!exec_find_account(x, &new, &op->to))
        return exec_refuse(x, V_UNKNOWN, &op->to, 0, 0);
    if (!exec_find_account(x, &old, &p.pledgee))
        return exec_refuse(x, V_UNKNOWN, &p.pledgee, 0, 0);
    /* R121: A pledge follows the secured claim to its new creditor, from one
     * active account to another. */
    if (old.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &p.pledgee, 0, 0);
    if (new.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->to, 0, 0);
    /* R122: A pledge is assigned neither to one of its pledgors, nor to who has
     * it, nor to the issuer. */
    part = pledge_part_of(&p, &op->to);
    if (hash_eq(&op->to, &p.pledgee) ||
        (part != NULL && part->outstanding.shares > 0))
        return exec_refuse(x, V_SELF, &op->to, 0, 0);
    if (is_issuer(x, &s, &op->to, &new))
        return exec_refuse(x, V_PLEDGE_OWN_SHARES, &op->to, 0, 0);
    v = pledge_open(x, &s, &p, true);
    if (v != V_OK)
        return v;
    e.account = p.pledgee;
    e.quantity = p.outstanding.shares;
    e.second = p.outstanding.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    old.rights--;
    new.rights++;
    exec_put_account(x, &old, &p.pledgee);
    exec_put_account(x, &new, &op->to);
    p.pledgee = op->to;
    exec_put_pledge(x, &p, s.code);
    exec_put_security(x, &s);
    return V_OK;
}
