/* Securities: taken into custody, listed and delisted, suspended and resumed,
 * changed. */
#include "base/check.h"
#include "ledger/exec.h"

static const struct hash zero;

enum {
    T_PLUS_MAX = 60,
    HOLDERS_BY_LAW = 200, /* more, or no cap, cites an exemption */
};

/* R49: A security that has left the register takes no operation. */
enum verdict security_in(struct exec *x,
                         const struct security_row *s,
                         unsigned states)
{
    const struct hash key = security_key(s->code);

    if ((states >> s->status & 1) != 0)
        return V_OK;
    return exec_refuse(x,
                       s->status == SECURITY_WITHDRAWN ? V_WITHDRAWN
                                                       : V_SECURITY_STATE,
                       &key,
                       s->status,
                       0);
}

enum verdict security_find(struct exec *x,
                           struct security_row *s,
                           const char *code)
{
    const struct hash key = security_key(code);

    return exec_find_security(x, s, code)
               ? V_OK
               : exec_refuse(x, V_UNKNOWN, &key, 0, 0);
}

void security_emit(struct exec *x, struct security_row *s, struct event *e)
{
    memcpy(e->security, s->code, sizeof e->security);
    exec_emit(x, e);
    exec_put_security(x, s);
}

void security_count(struct exec *x, const struct security_row *s, int step)
{
    struct account_row issuer;
    const bool found = exec_find_account(x, &issuer, &s->issuer);

    ASSERT(found);
    issuer.rights += (uint32_t)step;
    exec_put_account(x, &issuer, &s->issuer);
}

/* Refuses parameters that no security has. */
static enum verdict check_parameters(struct exec *x,
                                     uint8_t t_plus,
                                     uint32_t holder_cap,
                                     const struct hash *cap_approval)
{
    /* R43: A security with a cap of more than 200 holders, or with none, cites
     * the approval of its exemption. */
    if ((holder_cap == 0 || holder_cap > HOLDERS_BY_LAW) &&
        hash_is_zero(cap_approval))
        return exec_refuse(x, V_POLICY, NULL, HOLDERS_BY_LAW, holder_cap);
    /* R44: Between buying and selling a security demands at most 60 trading
     * days. */
    if (t_plus > T_PLUS_MAX)
        return exec_refuse(x, V_POLICY, NULL, T_PLUS_MAX, t_plus);
    return V_OK;
}

/* R42: A security is taken into custody as a draft, by its issuer and one
 * registrar, under a code that is free. */
enum verdict rule_security_create(struct exec *x,
                                  const struct op_security_create *op)
{
    const struct hash key = security_key(op->code);
    const struct hash registrar = institution_id(op->registrar);
    struct institution_row institution;
    struct account_row issuer;
    struct security_row row;
    struct event e = {.kind = EVENT_SECURITY_CREATED,
                      .account = op->issuer,
                      .number = op->registrar,
                      .document = op->document};
    enum verdict v;

    if (!exec_get(
            x->b->view, &institution, TABLE_INSTITUTIONS, &zero, &registrar))
        return exec_refuse(x, V_UNKNOWN, &registrar, 0, 0);
    if (!exec_find_account(x, &issuer, &op->issuer))
        return exec_refuse(x, V_UNKNOWN, &op->issuer, 0, 0);
    if ((institution.roles & ROLE_REGISTRAR) == 0)
        return exec_refuse(x, V_ROLE, &registrar, 0, 0);
    if (issuer.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->issuer, 0, 0);
    if (exec_find_security(x, &row, op->code))
        return exec_refuse(x, V_EXISTS, &key, 0, 0);
    v = check_parameters(x, op->t_plus, op->holder_cap, &op->cap_approval);
    if (v != V_OK)
        return v;
    row = (struct security_row){
        .issuer = op->issuer,
        .registrar = op->registrar,
        .class = op->class,
        .status = SECURITY_DRAFT,
        .t_plus = op->t_plus,
        .features = op->features,
        .investors = op->investors,
        .holder_cap = op->holder_cap,
        .cap_approval = op->cap_approval,
        .successor = "-",
        .predecessor = "-",
        .terms = op->terms,
    };
    memcpy(row.code, op->code, sizeof row.code);
    security_emit(x, &row, &e);
    security_count(x, &row, 1);
    return V_OK;
}

/* R45: A registered security is listed on a board of the market, and a listed
 * one is moved to another board, each named by its number from 1. */
enum verdict rule_security_list(struct exec *x,
                                const struct op_security_list *op)
{
    struct security_row s;
    struct event e = {.kind = EVENT_SECURITY_LISTED,
                      .number = op->tier,
                      .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v == V_OK)
        v = security_in(
            x, &s, 1u << SECURITY_REGISTERED | 1u << SECURITY_LISTED);
    if (v != V_OK)
        return v;
    if (op->tier == 0)
        return exec_refuse(x, V_QUANTITY, NULL, 0, 1);
    e.second = s.tier;
    s.status = SECURITY_LISTED;
    s.tier = op->tier;
    security_emit(x, &s, &e);
    return V_OK;
}

/* R46: A listed security that is taken off its board stays registered. */
enum verdict rule_security_delist(struct exec *x,
                                  const struct op_security_delist *op)
{
    struct security_row s;
    struct event e = {.kind = EVENT_SECURITY_DELISTED,
                      .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v == V_OK)
        v = security_in(x, &s, 1u << SECURITY_LISTED);
    if (v != V_OK)
        return v;
    e.second = s.tier;
    s.status = SECURITY_REGISTERED;
    s.tier = 0;
    security_emit(x, &s, &e);
    return V_OK;
}

/* R47: A registered or listed security is suspended by its registrar, and
 * resumed as what it was. */
enum verdict rule_security_suspend(struct exec *x,
                                   const struct op_security_suspend *op)
{
    struct security_row s;
    struct event e = {.kind = EVENT_SECURITY_SUSPENDED,
                      .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v == V_OK)
        v = security_in(
            x, &s, 1u << SECURITY_REGISTERED | 1u << SECURITY_LISTED);
    if (v != V_OK)
        return v;
    s.status = SECURITY_SUSPENDED; /* the tier stays: it says what it was */
    security_emit(x, &s, &e);
    return V_OK;
}

enum verdict rule_security_resume(struct exec *x,
                                  const struct op_security_resume *op)
{
    struct security_row s;
    struct event e = {.kind = EVENT_SECURITY_RESUMED, .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v == V_OK)
        v = security_in(x, &s, 1u << SECURITY_SUSPENDED);
    if (v != V_OK)
        return v;
    s.status = s.tier != 0 ? SECURITY_LISTED : SECURITY_REGISTERED;
    e.number = s.tier;
    security_emit(x, &s, &e);
    return V_OK;
}

/* R48: The parameters of a registered, listed or suspended security may be
 * changed; what is done later is judged by the new ones. */
enum verdict rule_security_change(struct exec *x,
                                  const struct op_security_change *op)
{
    struct security_row s;
    struct event e = {.kind = EVENT_SECURITY_CHANGED,
                      .other = op->cap_approval,
                      .number = op->t_plus,
                      .second = op->holder_cap,
                      .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v == V_OK)
        v = check_parameters(x, op->t_plus, op->holder_cap, &op->cap_approval);
    if (v == V_OK)
        v = security_in(x,
                        &s,
                        1u << SECURITY_REGISTERED | 1u << SECURITY_LISTED |
                            1u << SECURITY_SUSPENDED);
    if (v != V_OK)
        return v;
    s.t_plus = op->t_plus;
    s.features = op->features;
    s.investors = op->investors;
    s.holder_cap = op->holder_cap;
    s.cap_approval = op->cap_approval;
    security_emit(x, &s, &e);
    return V_OK;
}
