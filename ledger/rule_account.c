/* Accounts: opened, qualified, looked through, frozen, thawed, closed. */
#include "ledger/exec.h"

static const struct hash zero;

enum {
    INVESTORS_MAX = 1000000,
};

static bool policy_ok(const struct op_account_open *op)
{
    if (op->authority == AUTHORITY_PAPER)
        return op->policy.threshold == 0 && op->policy.key_count == 0;
    return keys_policy_ok(&op->policy);
}

/* R172: An ordinary account carries a commitment to its holder's identity and
 * the tag of the person. */
static bool identity_ok(const struct op_account_open *op)
{
    return op->kind != ACCOUNT_ORDINARY ||
           (!hash_is_zero(&op->identity) && !hash_is_zero(&op->subject_tag));
}

/* R18: An account is kept by a registrar or a member institution.
 *
 * R173: The accounts for own shares, for unconfirmed titles and for what is in
 * suspense are a registrar's. */
static bool may_keep(const struct institution_row *i, uint8_t kind)
{
    const uint16_t roles = kind == ACCOUNT_ORDINARY
                               ? ROLE_REGISTRAR | ROLE_MEMBER
                               : ROLE_REGISTRAR;

    return (i->roles & roles) != 0;
}

enum verdict rule_account_open(struct exec *x, const struct op_account_open *op)
{
    const struct hash id =
        account_id_of(&x->b->chain_id, op->custodian, op->nonce);
    const struct hash custodian = institution_id(op->custodian);
    struct institution_row institution;
    struct subject_row subject;
    struct account_row row;
    struct event e = {.kind = EVENT_ACCOUNT_OPENED,
                      .account = id,
                      .number = op->custodian,
                      .document = op->document};

    if (!exec_get(
            x->b->view, &institution, TABLE_INSTITUTIONS, &zero, &custodian))
        return exec_refuse(x, V_UNKNOWN, &custodian, 0, 0);
    if (!may_keep(&institution, op->kind))
        return exec_refuse(x, V_ROLE, &custodian, 0, 0);
    /* R19: One person or company has one ordinary account that is not closed;
     * the subject tag tells. */
    if (op->kind == ACCOUNT_ORDINARY &&
        exec_get(x->b->view, &subject, TABLE_SUBJECTS, &zero, &op->subject_tag))
        return exec_refuse(x, V_DUPLICATE_SUBJECT, &subject.account, 0, 0);
    if (exec_find_account(x, &row, &id))
        return exec_refuse(x, V_EXISTS, &id, 0, 0);
    if (!policy_ok(op) || !identity_ok(op))
        return exec_refuse(x, V_POLICY, &id, 0, 0);
    row = (struct account_row){
        .custodian = op->custodian,
        .kind = op->kind,
        .status = ACCOUNT_ACTIVE,
        .authority = op->authority,
        .policy = op->policy,
        .frozen_by = "-",
        .pooled = op->pooled,
        .investors = op->pooled ? 0 : 1,
        .identity = op->identity,
        .subject_tag = op->subject_tag,
    };
    exec_emit(x, &e);
    exec_put_account(x, &row, &id);
    if (op->kind == ACCOUNT_ORDINARY) {
        subject.account = id;
        exec_put(x, &subject, TABLE_SUBJECTS, &zero, &op->subject_tag);
    }
    return V_OK;
}

enum verdict rule_account_qualify(struct exec *x,
                                  const struct op_account_qualify *op)
{
    const struct hash certifier = institution_id(op->certifier);
    const bool ends = op->class == INVESTOR_NONE;
    struct institution_row institution;
    struct account_row a;
    struct event e = {.kind = EVENT_ACCOUNT_QUALIFIED,
                      .account = op->account,
                      .number = op->certifier,
                      .second = op->class,
                      .document = op->document};

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    if (!exec_get(
            x->b->view, &institution, TABLE_INSTITUTIONS, &zero, &certifier))
        return exec_refuse(x, V_UNKNOWN, &certifier, 0, 0);
    /* R21: A qualification is certified by a registrar or a member institution,
     * together with the account's custodian. */
    if ((institution.roles & (ROLE_REGISTRAR | ROLE_MEMBER)) == 0)
        return exec_refuse(x, V_ROLE, &certifier, 0, 0);
    if (a.status == ACCOUNT_CLOSED)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->account, 0, 0);
    /* R22: A qualification has not ended before today, and its first day is not
     * after its last; class none ends the one there is. */
    if (!ends && op->to < x->b->date)
        return exec_refuse(
            x, V_QUALIFICATION_EXPIRED, &op->account, op->to, x->b->date);
    if (!ends && op->from > op->to)
        return exec_refuse(x, V_DATE, &op->account, op->from, op->to);
    a.class = op->class;
    a.class_from = ends ? 0 : op->from;
    a.class_to = ends ? 0 : op->to;
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    return V_OK;
}

/* R24: A declaration of final investors names every security in which the
 * vehicle has a share, each once and in ascending order. */
static enum verdict check_holdings(struct exec *x,
                                   const struct op_account_look_through *op,
                                   const struct account_row *a)
{
    if (op->security_count != a->positions)
        return exec_refuse(
            x, V_SUM_MISMATCH, &op->account, a->positions, op->security_count);
    for (uint32_t i = 0; i < op->security_count; i++) {
        const char *code = op->securities[i].code;
        const struct hash key = security_key(code);
        struct holding_row h;

        exec_holding(x->b->view, &h, code, &op->account, a->kind);
        if (!h.held || (i > 0 && strcmp(op->securities[i - 1].code, code) >= 0))
            return exec_refuse(x, V_SUM_MISMATCH, &key, a->positions, i);
    }
    return V_OK;
}

static enum verdict check_look_through(struct exec *x,
                                       const struct op_account_look_through *op,
                                       const struct account_row *a)
{
    enum verdict v;

    for (uint32_t i = 0; i < op->security_count; i++) {
        const struct hash key = security_key(op->securities[i].code);
        struct security_row s;

        if (!exec_find_security(x, &s, op->securities[i].code))
            return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    }
    /* R23: Only a pooled vehicle declares final investors, and at least one and
     * at most a million of them. */
    if (a->status == ACCOUNT_CLOSED || !a->pooled)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->account, 0, 0);
    if (op->investors < 1 || op->investors > INVESTORS_MAX)
        return exec_refuse(
            x, V_QUANTITY, &op->account, INVESTORS_MAX, op->investors);
    v = check_holdings(x, op, a);
    if (v != V_OK)
        return v;
    x->lines += op->security_count;
    if (x->lines > TX_ROWS_MAX)
        return exec_refuse(x, V_LIMIT, &op->account, TX_ROWS_MAX, x->lines);
    return V_OK;
}

/* The account row says the new number already. */
static void recount(struct exec *x,
                    struct event *e,
                    const struct hash *account,
                    const char *code)
{
    struct security_row s;
    struct side side;

    /* R26: A declaration changes nothing of a register that was withdrawn. */
    if (!exec_find_security(x, &s, code) || s.status == SECURITY_WITHDRAWN ||
        !side_get(x, &side, &s, account))
        return;
    side_count(&side, &s);
    /* R25: A declaration counts at once in each of those securities; one that
     * takes the holders beyond the cap is recorded and says so. */
    e->flags = s.holder_cap != 0 && s.holder_count > s.holder_cap
                   ? EVENT_CAP_EXCEEDED_BY_LAW
                   : 0;
    e->second = s.holder_count;
    memcpy(e->security, s.code, sizeof e->security);
    exec_emit(x, e);
    side_put(x, &side, &s);
    exec_put_security(x, &s);
}

enum verdict rule_account_look_through(struct exec *x,
                                       const struct op_account_look_through *op)
{
    struct account_row a;
    struct event e = {.kind = EVENT_LOOK_THROUGH,
                      .account = op->account,
                      .number = op->investors,
                      .document = op->document};
    enum verdict v;

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    v = check_look_through(x, op, &a);
    if (v != V_OK)
        return v;
    a.investors = op->investors;
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    for (uint32_t i = 0; i < op->security_count; i++)
        recount(x, &e, &op->account, op->securities[i].code);
    return V_OK;
}

enum verdict rule_account_freeze(struct exec *x,
                                 const struct op_account_freeze *op)
{
    const struct hash key = security_key(op->authority);
    struct account_row a;
    struct event e = {.kind = EVENT_ACCOUNT_FROZEN,
                      .account = op->account,
                      .document = op->document};

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    /* R27: An account is frozen on the order of an authority on the ledger, if
     * it is active. */
    if (!authority_exists(x, op->authority))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (a.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->account, 0, 0);
    a.status = ACCOUNT_FROZEN;
    memcpy(a.frozen_by, op->authority, sizeof a.frozen_by);
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    return V_OK;
}

enum verdict rule_account_thaw(struct exec *x, const struct op_account_thaw *op)
{
    const struct hash key = security_key(op->authority);
    struct account_row a;
    struct event e = {.kind = EVENT_ACCOUNT_THAWED,
                      .account = op->account,
                      .document = op->document};

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    if (!authority_exists(x, op->authority))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (a.status != ACCOUNT_FROZEN)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->account, 0, 0);
    /* R28: A frozen account is thawed by the authority that froze it, or by
     * that authority's superior. */
    if (!authority_over(x, op->authority, a.frozen_by))
        return exec_refuse(x, V_FREEZE_AUTHORITY, &key, 0, 0);
    a.status = ACCOUNT_ACTIVE;
    memset(a.frozen_by, 0, sizeof a.frozen_by);
    a.frozen_by[0] = '-';
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    return V_OK;
}

/* R30: When an ordinary account is closed its person may open another. */
static void forget_subject(const struct exec *x,
                           const struct account_row *a,
                           const struct hash *account)
{
    const struct row_key key = {TABLE_SUBJECTS, zero, a->subject_tag};
    struct subject_row subject;

    if (a->kind == ACCOUNT_ORDINARY &&
        exec_get(
            x->b->view, &subject, TABLE_SUBJECTS, &zero, &a->subject_tag) &&
        hash_eq(&subject.account, account))
        x->b->view->erase(x->b->view->ctx, &key);
}

enum verdict rule_account_close(struct exec *x,
                                const struct op_account_close *op)
{
    struct account_row a;
    struct event e = {.kind = EVENT_ACCOUNT_CLOSED,
                      .account = op->account,
                      .document = op->document};

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    /* R29: An account is closed if it is active, has no position, no pledge to
     * it, no open claim and no security of its own in the register, and no
     * recovery of its keys is pending. */
    if (a.status != ACCOUNT_ACTIVE)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->account, 0, 0);
    if (a.positions != 0 || a.rights != 0)
        return exec_refuse(x, V_NOT_EMPTY, &op->account, a.positions, a.rights);
    if (a.recovery_day != 0)
        return exec_refuse(
            x, V_RECOVERY, &op->account, a.recovery_day, x->b->date);
    a.status = ACCOUNT_CLOSED;
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    forget_subject(x, &a, &op->account);
    return V_OK;
}

/* R177: An account passes to another custodian as it is, frozen or not, by its
 * holder and both custodians; creditors with a right on what it holds are told
 * before. */
enum verdict rule_account_transfer(struct exec *x,
                                   const struct op_account_transfer *op)
{
    const struct hash custodian = institution_id(op->custodian);
    struct institution_row institution;
    struct account_row a;
    struct event e = {.kind = EVENT_ACCOUNT_TRANSFERRED,
                      .account = op->account,
                      .number = op->custodian,
                      .document = op->document};

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    if (!exec_get(
            x->b->view, &institution, TABLE_INSTITUTIONS, &zero, &custodian))
        return exec_refuse(x, V_UNKNOWN, &custodian, 0, 0);
    if (!may_keep(&institution, a.kind))
        return exec_refuse(x, V_ROLE, &custodian, 0, 0);
    if (a.status == ACCOUNT_CLOSED)
        return exec_refuse(x, V_ACCOUNT_STATE, &op->account, 0, 0);
    if (a.custodian == op->custodian)
        return exec_refuse(x, V_SELF, &custodian, 0, 0);
    if (a.recovery_day != 0)
        return exec_refuse(
            x, V_RECOVERY, &op->account, a.recovery_day, x->b->date);
    e.second = a.custodian;
    a.custodian = op->custodian;
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    return V_OK;
}
