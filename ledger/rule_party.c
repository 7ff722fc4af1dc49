/* Institutions, accounts, and the voiding of a reference. */
#include "ledger/exec.h"

static const struct hash zero;

static bool institution_keys_ok(const struct op_institution_open *op)
{
    bool maker = false;
    bool checker = false;

    for (uint32_t i = 0; i < op->key_count; i++) {
        if (!key_is_valid(&op->keys[i].key) || op->keys[i].roles == 0)
            return false;
        maker = maker || (op->keys[i].roles & KEY_MAKER) != 0;
        checker = checker || (op->keys[i].roles & KEY_CHECKER) != 0;
        for (uint32_t k = 0; k < i; k++) {
            if (memcmp(&op->keys[k].key,
                       &op->keys[i].key,
                       sizeof op->keys[i].key) == 0)
                return false;
        }
    }
    return maker && checker && op->key_count >= 2;
}

enum verdict rule_institution_open(struct exec *x,
                                   const struct op_institution_open *op)
{
    const struct hash key = institution_id(op->number);
    struct institution_row row;
    struct event e = {.kind = EVENT_INSTITUTION_OPENED, .number = op->number};

    if (op->number == 0 ||
        exec_get(x->b->view, &row, TABLE_INSTITUTIONS, &zero, &key))
        return exec_refuse(x, V_EXISTS, &key, 0, 0);
    if (!institution_keys_ok(op))
        return exec_refuse(x, V_POLICY, &key, 0, 0);
    row = (struct institution_row){
        .number = op->number, .roles = op->roles, .key_count = op->key_count};
    memcpy(row.code, op->code, sizeof row.code);
    memcpy(row.keys, op->keys, op->key_count * sizeof row.keys[0]);
    exec_emit(x, &e);
    exec_put(x, &row, TABLE_INSTITUTIONS, &zero, &key);
    return V_OK;
}

/* The reference itself is used up by every transaction that takes effect. */
enum verdict rule_void(struct exec *x, const struct op_void *op)
{
    struct event e = {.kind = EVENT_TX_VOIDED, .document = op->voided};

    exec_emit(x, &e);
    return V_OK;
}

static bool account_policy_ok(const struct op_account_open *op)
{
    const struct key_policy *p = &op->policy;

    if (op->authority == AUTHORITY_PAPER)
        return p->threshold == 0 && p->key_count == 0;
    if (p->threshold < 1 || p->threshold > p->key_count)
        return false;
    for (uint32_t i = 0; i < p->key_count; i++) {
        if (!key_is_valid(&p->keys[i]) ||
            (i > 0 &&
             memcmp(&p->keys[i - 1], &p->keys[i], sizeof p->keys[i]) >= 0))
            return false;
    }
    return true;
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
    if ((institution.roles & (ROLE_REGISTRAR | ROLE_MEMBER)) == 0)
        return exec_refuse(x, V_ROLE, &custodian, 0, 0);
    if (op->kind == ACCOUNT_ORDINARY &&
        exec_get(x->b->view, &subject, TABLE_SUBJECTS, &zero, &op->subject_tag))
        return exec_refuse(x, V_DUPLICATE_SUBJECT, &subject.account, 0, 0);
    if (exec_account(x->b->view, &row, &id))
        return exec_refuse(x, V_EXISTS, &id, 0, 0);
    if (!account_policy_ok(op))
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
