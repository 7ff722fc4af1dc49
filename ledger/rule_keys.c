/* The keys of holders: rotation, and recovery with a waiting period. */
#include "base/check.h"
#include "ledger/exec.h"

static const struct hash zero;

static bool key_in(const struct pubkey *keys,
                   uint32_t count,
                   const struct pubkey *key)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&keys[i], key, sizeof *key) == 0)
            return true;
    }
    return false;
}

/* R20: A holder's keys are valid and strictly ascending, and between one and
 * all of them must sign; an account on paper has none. */
bool keys_policy_ok(const struct key_policy *p)
{
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

/* R32: An account that acts by keys never goes back to paper, and a revoked key
 * it remembers is not enrolled again. */
static bool may_follow(const struct account_row *a, const struct key_policy *p)
{
    if (!keys_policy_ok(p))
        return false;
    for (uint32_t i = 0; i < p->key_count; i++) {
        if (key_in(a->revoked, a->revoked_count, &p->keys[i]))
            return false;
    }
    return true;
}

static void revoke(struct account_row *a, const struct pubkey *key)
{
    if (a->revoked_count == ACCOUNT_REVOKED_MAX) {
        a->revoked_count--;
        memmove(a->revoked,
                a->revoked + 1,
                a->revoked_count * sizeof a->revoked[0]);
    }
    a->revoked[a->revoked_count++] = *key;
}

/* R33: Keys that a rotation or a recovery replaces are revoked at once; an
 * account remembers the last eight. */
static void install(struct account_row *a, const struct key_policy *p)
{
    for (uint32_t i = 0; i < a->policy.key_count; i++) {
        if (!key_in(p->keys, p->key_count, &a->policy.keys[i]))
            revoke(a, &a->policy.keys[i]);
    }
    a->policy = *p;
    a->authority = AUTHORITY_KEYS;
}

enum verdict rule_account_rotate(struct exec *x,
                                 const struct op_account_rotate *op)
{
    struct account_row a;
    struct event e = {.kind = EVENT_KEYS_ROTATED,
                      .account = op->account,
                      .number = op->policy.key_count,
                      .document = op->document};

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    /* R176: The keys of a frozen account are replaced only with the court's
     * consent. */
    if (a.status == ACCOUNT_CLOSED ||
        (a.status == ACCOUNT_FROZEN && hash_is_zero(&op->court_consent)))
        return exec_refuse(x, V_ACCOUNT_STATE, &op->account, 0, 0);
    if (!may_follow(&a, &op->policy))
        return exec_refuse(x, V_POLICY, &op->account, 0, 0);
    /* R35: While a recovery is pending the keys are not rotated and no second
     * recovery is opened. */
    if (a.recovery_day != 0)
        return exec_refuse(
            x, V_RECOVERY, &op->account, a.recovery_day, x->b->date);
    /* R31: A holder on paper enrols its first keys through its custodian's
     * maker and checker citing a document, and acts by keys from then on. */
    install(&a, &op->policy);
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    return V_OK;
}

/* R36: Lost keys are recovered by the account's custodian together with a
 * second institution, which is a notary or another registrar. */
static bool may_vouch(const struct institution_row *second,
                      const struct account_row *a)
{
    return second->number != a->custodian &&
           (second->roles & (ROLE_NOTARY | ROLE_REGISTRAR)) != 0;
}

enum verdict rule_account_recover(struct exec *x,
                                  const struct op_account_recover *op)
{
    const struct hash second = institution_id(op->second);
    struct institution_row institution;
    struct params_row params;
    struct account_row a;
    struct due_row work = {.kind = DUE_RECOVERY, .account = op->account};
    struct event e = {.kind = EVENT_RECOVERY_OPENED,
                      .account = op->account,
                      .number = op->second,
                      .document = op->document};
    bool found;

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    if (!exec_get(x->b->view, &institution, TABLE_INSTITUTIONS, &zero, &second))
        return exec_refuse(x, V_UNKNOWN, &second, 0, 0);
    if (!may_vouch(&institution, &a))
        return exec_refuse(x, V_ROLE, &second, 0, 0);
    /* R37: Only an account that acts by keys and is not closed is recovered, a
     * frozen one only with the court's consent. */
    if (a.authority != AUTHORITY_KEYS || a.status == ACCOUNT_CLOSED ||
        (a.status == ACCOUNT_FROZEN && hash_is_zero(&op->court_consent)))
        return exec_refuse(x, V_ACCOUNT_STATE, &op->account, 0, 0);
    if (!may_follow(&a, &op->policy))
        return exec_refuse(x, V_POLICY, &op->account, 0, 0);
    if (a.recovery_day != 0)
        return exec_refuse(
            x, V_RECOVERY, &op->account, a.recovery_day, x->b->date);
    found = exec_get(x->b->view, &params, TABLE_PARAMS, &zero, &zero);
    ASSERT(found);
    a.recovery_day = x->b->date + params.recovery_days;
    a.next = op->policy;
    e.second = a.recovery_day;
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    due_add(x, a.recovery_day, &work);
    return V_OK;
}

static void forget_recovery(struct account_row *a)
{
    a->recovery_day = 0;
    a->next = (struct key_policy){0};
}

enum verdict rule_account_contest(struct exec *x,
                                  const struct op_account_contest *op)
{
    struct account_row a;
    struct event e = {.kind = EVENT_RECOVERY_CONTESTED,
                      .account = op->account,
                      .document = op->document};

    if (!exec_find_account(x, &a, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    /* R38: The keys in force end a pending recovery by contesting it. */
    if (a.recovery_day == 0)
        return exec_refuse(x, V_RECOVERY, &op->account, 0, x->b->date);
    e.second = a.recovery_day;
    forget_recovery(&a);
    exec_emit(x, &e);
    exec_put_account(x, &a, &op->account);
    return V_OK;
}

/* R39: An uncontested recovery gives the account its new keys with the first
 * block of the day on which the waiting period ends, and changes nothing else
 * of it.
 *
 * A contested one left no day; one asked for anew has a later day. */
void due_recovery(struct exec *x, const struct hash *account)
{
    struct account_row a;
    struct event e = {.kind = EVENT_RECOVERY_DONE, .account = *account};

    if (!exec_find_account(x, &a, account) || a.recovery_day == 0 ||
        a.recovery_day > x->b->date)
        return;
    e.number = a.next.key_count;
    e.second = a.recovery_day;
    install(&a, &a.next);
    forget_recovery(&a);
    exec_emit(x, &e);
    exec_put_account(x, &a, account);
}
