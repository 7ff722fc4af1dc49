/* Closings of the register; the end and the change of custody. */
#include "ledger/exec.h"

static const struct hash zero;

enum {
    MEETING_DAYS = 20,
    DIVIDEND_DAYS = 5,
    IN_CUSTODY = 1u << SECURITY_REGISTERED | 1u << SECURITY_LISTED |
                 1u << SECURITY_SUSPENDED,
};

static struct closure closure_of(uint8_t kind, uint32_t base)
{
    /* R50: The register is closed from the 20th day before a shareholders'
     * meeting to the day before it. */
    if (kind == CLOSURE_MEETING)
        return (struct closure){
            kind,
            base,
            base > MEETING_DAYS ? base - MEETING_DAYS : 1,
            base - 1,
        };
    /* R51: The register is closed from the 5th day before a dividend base date
     * to the base date itself. */
    return (struct closure){
        kind,
        base,
        base > DIVIDEND_DAYS ? base - DIVIDEND_DAYS : 1,
        base,
    };
}

static void drop_old_closures(struct security_row *s, uint32_t today)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < s->closure_count; i++) {
        if (s->closures[i].to >= today)
            s->closures[kept++] = s->closures[i];
    }
    s->closure_count = kept;
}

/* The index of a closing; closure_count if there is none. */
static uint32_t find_closure(const struct security_row *s,
                             uint8_t kind,
                             uint32_t base)
{
    uint32_t i = 0;

    while (i < s->closure_count &&
           (s->closures[i].kind != kind || s->closures[i].base != base))
        i++;
    return i;
}

/* R52: A closing is entered before its base date, once for each kind and date;
 * when it is over it is dropped. */
enum verdict rule_closure_set(struct exec *x, const struct op_closure_set *op)
{
    struct security_row s;
    struct closure c;
    struct event e = {.kind = EVENT_CLOSURE_SET,
                      .number = op->kind,
                      .quantity = op->base,
                      .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v != V_OK)
        return v;
    drop_old_closures(&s, x->b->date);
    if (find_closure(&s, op->kind, op->base) < s.closure_count)
        return exec_refuse(x, V_EXISTS, NULL, op->base, 0);
    v = security_in(x, &s, IN_CUSTODY);
    if (v != V_OK)
        return v;
    if (op->base <= x->b->date)
        return exec_refuse(x, V_DATE, NULL, x->b->date, op->base);
    if (s.closure_count >= CLOSURES_MAX)
        return exec_refuse(x, V_LIMIT, NULL, CLOSURES_MAX, s.closure_count + 1);
    c = closure_of(op->kind, op->base);
    s.closures[s.closure_count++] = c;
    e.second = c.from;
    security_emit(x, &s, &e);
    return V_OK;
}

/* R53: A closing that is not over may be taken back; the register is open from
 * then on. */
enum verdict rule_closure_cancel(struct exec *x,
                                 const struct op_closure_cancel *op)
{
    struct security_row s;
    uint32_t i;
    struct event e = {.kind = EVENT_CLOSURE_CANCELLED,
                      .number = op->kind,
                      .quantity = op->base,
                      .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v != V_OK)
        return v;
    drop_old_closures(&s, x->b->date);
    i = find_closure(&s, op->kind, op->base);
    if (i == s.closure_count) {
        const struct hash key = security_key(op->security);

        return exec_refuse(x, V_UNKNOWN, &key, op->base, 0);
    }
    v = security_in(x, &s, IN_CUSTODY);
    if (v != V_OK)
        return v;
    s.closure_count--;
    memmove(&s.closures[i],
            &s.closures[i + 1],
            (s.closure_count - i) * sizeof s.closures[0]);
    security_emit(x, &s, &e);
    return V_OK;
}

/* R54: The snapshot root cited when custody ends or passes over is that of the
 * register as it stands; any change of the security since, in the same block
 * too, is a mismatch. */
static bool root_agrees(const struct exec *x,
                        const struct security_row *s,
                        const struct hash *root)
{
    const struct hash key = security_key(s->code);
    const struct hash snapshot = x->b->view->snapshot(x->b->view->ctx, &key);

    return !hash_is_zero(&snapshot) && hash_eq(&snapshot, root);
}

/* R57: What has left the register stays readable, marked as without legal
 * effect. */
enum verdict rule_security_withdraw(struct exec *x,
                                    const struct op_security_withdraw *op)
{
    struct security_row s;
    struct event e = {
        .kind = EVENT_WITHDRAWN, .other = op->root, .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v != V_OK)
        return v;
    /* R55: Custody of a security ends only when no claim, pledge or freeze on
     * it is open. */
    if (s.claims_open != 0 || s.pledges_open != 0 || s.freezes_open != 0)
        return exec_refuse(x,
                           V_NOT_EMPTY,
                           NULL,
                           (uint64_t)s.claims_open + s.pledges_open +
                               s.freezes_open,
                           0);
    /* R56: A listed security is taken off its board before it leaves the
     * register. */
    v = security_in(x, &s, 1u << SECURITY_REGISTERED);
    if (v != V_OK)
        return v;
    if (!root_agrees(x, &s, &op->root))
        return exec_refuse(x, V_ROOT_MISMATCH, &op->root, 0, 0);
    s.status = SECURITY_WITHDRAWN;
    e.account = s.issuer;
    e.number = s.holder_count;
    e.quantity = s.issued.shares;
    security_emit(x, &s, &e);
    security_count(x, &s, -1);
    return V_OK;
}

/* R58: A register passes to another registrar with every position, pledge,
 * freeze, queue and mark unchanged; from then on the former registrar cannot
 * act on it. */
enum verdict rule_custody_transfer(struct exec *x,
                                   const struct op_custody_transfer *op)
{
    const struct hash registrar = institution_id(op->registrar);
    struct institution_row institution;
    struct security_row s;
    struct event e = {.kind = EVENT_CUSTODY_TRANSFERRED,
                      .other = op->root,
                      .number = op->registrar,
                      .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v != V_OK)
        return v;
    if (!exec_get(
            x->b->view, &institution, TABLE_INSTITUTIONS, &zero, &registrar))
        return exec_refuse(x, V_UNKNOWN, &registrar, 0, 0);
    if ((institution.roles & ROLE_REGISTRAR) == 0)
        return exec_refuse(x, V_ROLE, &registrar, 0, 0);
    if (op->registrar == s.registrar)
        return exec_refuse(x, V_SELF, &registrar, 0, 0);
    /* R59: A register does not pass to another registrar while a claim from a
     * correction is open. */
    if (s.claims_open != 0)
        return exec_refuse(x, V_NOT_EMPTY, NULL, s.claims_open, 0);
    v = security_in(x, &s, IN_CUSTODY);
    if (v != V_OK)
        return v;
    if (!root_agrees(x, &s, &op->root))
        return exec_refuse(x, V_ROOT_MISMATCH, &op->root, 0, 0);
    e.account = s.issuer;
    e.quantity = s.issued.shares;
    e.second = s.registrar;
    s.registrar = op->registrar;
    security_emit(x, &s, &e);
    return V_OK;
}
