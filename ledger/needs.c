#include "ledger/needs.h"

#include "ledger/exec.h"

static struct need *add(struct needs *n)
{
    if (n->count >= NEEDS_MAX)
        return NULL;
    n->list[n->count].registrar = false;
    return &n->list[n->count++];
}

static void add_operator(struct needs *n, uint16_t number, const char *text)
{
    struct need *need = add(n);

    if (need == NULL)
        return;
    *need = (struct need){
        .how = NEED_OPERATOR,
        .who = {PRINCIPAL_INSTITUTION, institution_id(number)},
        .threshold = 1,
        .text = text,
    };
}

/* A consensus key proves that it is there. */
static void add_validator(struct needs *n,
                          const struct pubkey *key,
                          const char *text)
{
    struct need *need = add(n);

    if (need == NULL)
        return;
    *need = (struct need){
        .how = NEED_KEYS,
        .who = {PRINCIPAL_VALIDATOR, validator_id(key)},
        .threshold = 1,
        .key_count = 1,
        .keys = {*key},
        .text = text,
    };
}

static void add_institution(struct needs *n,
                            uint16_t number,
                            bool registrar,
                            const char *text)
{
    const struct hash id = institution_id(number);
    struct need *need;

    for (uint32_t i = 0; i < n->count; i++) {
        if (n->list[i].how == NEED_MAKER_CHECKER &&
            hash_eq(&n->list[i].who.id, &id)) {
            n->list[i].registrar = n->list[i].registrar || registrar;
            return;
        }
    }
    need = add(n);
    if (need == NULL)
        return;
    need->how = NEED_MAKER_CHECKER;
    need->who = (struct principal){PRINCIPAL_INSTITUTION, id};
    need->threshold = 2;
    need->key_count = 0;
    need->registrar = registrar;
    need->text = text;
}

static bool document_is_missing(const struct op_def *def, const void *op)
{
    const uint8_t *base = op;
    struct hash document = {{0}};

    if (def->document_offset != OP_NO_DOCUMENT)
        memcpy(&document, base + def->document_offset, sizeof document);
    return hash_is_zero(&document);
}

/* R5: A holder acts by its keys; one with an account on paper acts by its
 * custodian's maker and checker, who cite a document, and the event says so. */
static bool add_account(struct needs *n,
                        struct hash *about,
                        const struct ledger_view *view,
                        const struct hash *id,
                        const struct op_def *def,
                        const void *op,
                        const char *text)
{
    struct account_row a;
    struct need *need;

    if (!exec_account(view, &a, id)) {
        *about = *id;
        return false;
    }
    if (a.authority == AUTHORITY_PAPER) {
        n->by_paper = true;
        if (document_is_missing(def, op))
            n->document_missing = true;
        add_institution(n, a.custodian, false, text);
        return true;
    }
    need = add(n);
    if (need == NULL)
        return true;
    need->how = NEED_KEYS;
    need->who = (struct principal){PRINCIPAL_ACCOUNT, *id};
    need->threshold = a.policy.threshold;
    need->key_count = a.policy.key_count;
    memcpy(need->keys,
           a.policy.keys,
           a.policy.key_count * sizeof a.policy.keys[0]);
    need->text = text;
    return true;
}

/* The keys that an operation enrols prove that they are there. */
static void add_new_keys(struct needs *n,
                         const struct hash *id,
                         const struct key_policy *policy,
                         const char *text)
{
    struct need *need;

    if (policy->key_count == 0)
        return;
    need = add(n);
    if (need == NULL)
        return;
    need->how = NEED_KEYS;
    need->who = (struct principal){PRINCIPAL_ACCOUNT, *id};
    need->threshold = policy->threshold;
    need->key_count = policy->key_count;
    memcpy(
        need->keys, policy->keys, policy->key_count * sizeof policy->keys[0]);
    need->text = text;
}

static void add_new_account(struct needs *n,
                            const struct hash *chain_id,
                            const struct op_account_open *op,
                            const char *text)
{
    const struct hash id = account_id_of(chain_id, op->custodian, op->nonce);

    if (op->authority == AUTHORITY_PAPER) {
        n->by_paper = true;
        if (hash_is_zero(&op->document))
            n->document_missing = true;
        return;
    }
    add_new_keys(n, &id, &op->policy, text);
}

static bool add_pledgee(struct needs *n,
                        struct hash *about,
                        const struct ledger_view *view,
                        const struct op_def *def,
                        const struct op_signer *s,
                        const uint8_t *op,
                        uint64_t number)
{
    struct pledge_row pledge;

    if (!exec_pledge(view, &pledge, (const char *)op + s->offset, number)) {
        *about = number_key(number);
        return false;
    }
    return add_account(n, about, view, &pledge.pledgee, def, op, s->text);
}

static bool add_priors(struct needs *n,
                       struct hash *about,
                       const struct ledger_view *view,
                       const struct op_def *def,
                       const struct op_signer *s,
                       const uint8_t *op)
{
    const struct op_pledge_create_ranked *ranked =
        (const struct op_pledge_create_ranked *)(const void *)op;

    for (uint32_t i = 0; i < ranked->prior_count; i++) {
        if (!add_pledgee(n, about, view, def, s, op, ranked->priors[i].number))
            return false;
    }
    return true;
}

static bool add_governance(struct needs *n,
                           const struct ledger_view *view,
                           const char *text)
{
    static const struct hash zero;
    struct validators_row validators;
    struct need *need = add(n);

    if (need == NULL ||
        !exec_get(view, &validators, TABLE_VALIDATORS, &zero, &zero) ||
        validators.set.count == 0)
        return false;
    *need =
        (struct need){.how = NEED_GOVERNANCE,
                      .threshold = (uint8_t)valset_quorum(validators.set.count),
                      .text = text};
    return true;
}

static bool add_signer(struct needs *n,
                       struct hash *about,
                       const struct ledger_view *view,
                       const struct hash *chain_id,
                       const struct op_def *def,
                       const struct op_signer *s,
                       const uint8_t *op)
{
    struct security_row security;
    struct account_row account;
    struct pubkey key;
    struct hash id;
    uint16_t institution;
    uint64_t number;

    switch (s->who) {
    case SIGNER_NONE:
        return true;
    case SIGNER_GOVERNANCE:
        return add_governance(n, view, s->text);
    case SIGNER_ACCOUNT:
        memcpy(&id, op + s->offset, sizeof id);
        return add_account(n, about, view, &id, def, op, s->text);
    case SIGNER_NEW_KEYS:
        if (def->kind == OP_ACCOUNT_OPEN) {
            add_new_account(n,
                            chain_id,
                            (const struct op_account_open *)(const void *)op,
                            s->text);
            return true;
        }
        memcpy(&id, op + s->offset, sizeof id);
        add_new_keys(n,
                     &id,
                     (const struct key_policy *)(const void *)(op + s->also),
                     s->text);
        return true;
    case SIGNER_CUSTODIAN:
        memcpy(&id, op + s->offset, sizeof id);
        if (!exec_account(view, &account, &id)) {
            *about = id;
            return false;
        }
        add_institution(n, account.custodian, false, s->text);
        return true;
    case SIGNER_OPERATOR:
        memcpy(&institution, op + s->offset, sizeof institution);
        add_operator(n, institution, s->text);
        return true;
    case SIGNER_VALIDATOR:
        memcpy(&key, op + s->offset, sizeof key);
        add_validator(n, &key, s->text);
        return true;
    case SIGNER_INSTITUTION:
        memcpy(&institution, op + s->offset, sizeof institution);
        add_institution(n, institution, false, s->text);
        return true;
    case SIGNER_ISSUER:
    case SIGNER_REGISTRAR:
        if (!exec_security(view, &security, (const char *)op + s->offset)) {
            *about = security_key((const char *)op + s->offset);
            return false;
        }
        if (s->who == SIGNER_ISSUER)
            return add_account(
                n, about, view, &security.issuer, def, op, s->text);
        add_institution(n, security.registrar, true, s->text);
        return true;
    case SIGNER_PLEDGEE:
        memcpy(&number, op + s->also, sizeof number);
        return add_pledgee(n, about, view, def, s, op, number);
    case SIGNER_PRIOR_PLEDGEES:
        return add_priors(n, about, view, def, s, op);
    }
    return true;
}

enum verdict needs_of_op(struct needs *out,
                         struct hash *about,
                         const struct ledger_view *view,
                         const struct hash *chain_id,
                         const struct op_def *def,
                         const void *op)
{
    out->count = 0;
    out->by_paper = false;
    out->document_missing = false;
    memset(about, 0, sizeof *about);
    if (def->document_required && document_is_missing(def, op))
        out->document_missing = true;
    for (uint32_t i = 0; i < OP_SIGNERS_MAX; i++) {
        if (!add_signer(out, about, view, chain_id, def, &def->signers[i], op))
            return V_UNKNOWN;
    }
    return V_OK;
}

static bool add_principal(struct tx *tx, const struct principal *p)
{
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], p) == 0)
            return true;
    }
    if (tx->principal_count >= TX_PRINCIPALS_MAX)
        return false;
    tx->principals[tx->principal_count++] = *p;
    return true;
}

enum verdict needs_principals(struct tx *tx,
                              struct hash *about,
                              const struct ledger_view *view)
{
    const struct principal filer = {PRINCIPAL_INSTITUTION,
                                    institution_id(tx->institution)};
    uint8_t filing = FILER_NONE;
    union op_any op;

    tx->principal_count = 0;
    memset(about, 0, sizeof *about);
    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def;
        struct needs n;
        enum verdict v;

        if (op_decode(&def, &op, tx->ops[i]) != ERR_NONE)
            return V_MALFORMED;
        filing = def->filer < filing ? def->filer : filing;
        v = needs_of_op(&n, about, view, &tx->chain_id, def, &op);
        if (v != V_OK)
            return v;
        for (uint32_t k = 0; k < n.count; k++) {
            if (n.list[k].how != NEED_GOVERNANCE &&
                !add_principal(tx, &n.list[k].who))
                return V_LIMIT;
        }
    }
    if (filing != FILER_NONE && !add_principal(tx, &filer))
        return V_LIMIT;
    tx_sort_principals(tx);
    return V_OK;
}
