#include "ledger/needs.h"

#include "ledger/exec.h"

struct account_row *needs_account(struct needs *n, const struct hash *id)
{
    for (uint32_t i = 0; i < n->account_count; i++) {
        if (hash_eq(&n->accounts[i].id, id))
            return &n->accounts[i].row;
    }
    return NULL;
}

struct security_row *needs_security(struct needs *n, const char *code)
{
    return n->has_security && strcmp(n->security.code, code) == 0 ? &n->security
                                                                  : NULL;
}

/* Reads the account once; NULL: it is not there. */
static const struct account_row *read_account(struct needs *n,
                                              const struct ledger_view *view,
                                              const struct hash *id)
{
    struct needs_account *a;
    const struct account_row *known = needs_account(n, id);

    if (known != NULL)
        return known;
    /* With no room left the last one is forgotten. */
    if (n->account_count == NEEDS_MAX)
        n->account_count--;
    a = &n->accounts[n->account_count];
    if (!exec_account(view, &a->row, id))
        return NULL;
    a->id = *id;
    n->account_count++;
    return &a->row;
}

static const struct security_row *read_security(struct needs *n,
                                                const struct ledger_view *view,
                                                const char *code)
{
    const struct security_row *known = needs_security(n, code);

    if (known != NULL)
        return known;
    n->has_security = exec_security(view, &n->security, code);
    return n->has_security ? &n->security : NULL;
}

static struct need *add(struct needs *n)
{
    if (n->count >= NEEDS_MAX)
        return NULL;
    n->list[n->count].registrar = false;
    n->list[n->count].roles = 0;
    return &n->list[n->count++];
}

enum {
    MAY_KEEP_REGISTERS = ROLE_REGISTRAR,
    MAY_KEEP_ACCOUNTS = ROLE_REGISTRAR | ROLE_MEMBER,
};

/* Roles that satisfy both; 0 stands for all. */
static uint16_t roles_both(uint16_t a, uint16_t b)
{
    return (uint16_t)(a == 0 ? b : b == 0 ? a : a & b);
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
                            uint16_t roles,
                            const char *text)
{
    const struct hash id = institution_id(number);
    struct need *need;

    for (uint32_t i = 0; i < n->count; i++) {
        if (n->list[i].how == NEED_MAKER_CHECKER &&
            hash_eq(&n->list[i].who.id, &id)) {
            n->list[i].registrar = n->list[i].registrar || registrar;
            n->list[i].roles = roles_both(n->list[i].roles, roles);
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
    need->roles = roles;
    need->text = text;
}

/* R183: A qualification cites its evidence, a pledge its written contract, and
 * a security taken into custody the custody agreement. */
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
    const struct account_row *a = read_account(n, view, id);
    struct need *need;

    if (a == NULL) {
        *about = *id;
        return false;
    }
    if (a->authority == AUTHORITY_PAPER) {
        n->by_paper = true;
        if (document_is_missing(def, op))
            n->document_missing = true;
        add_institution(n, a->custodian, false, MAY_KEEP_ACCOUNTS, text);
        return true;
    }
    need = add(n);
    if (need == NULL)
        return true;
    need->how = NEED_KEYS;
    need->who = (struct principal){PRINCIPAL_ACCOUNT, *id};
    need->threshold = a->policy.threshold;
    need->key_count = a->policy.key_count;
    memcpy(need->keys,
           a->policy.keys,
           a->policy.key_count * sizeof a->policy.keys[0]);
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
    bool found = true;

    for (uint32_t i = 0; i < ranked->prior_count; i++) {
        struct hash missing;

        if (add_pledgee(
                n, &missing, view, def, s, op, ranked->priors[i].number))
            continue;
        if (found)
            *about = missing;
        found = false;
    }
    return found;
}

static bool add_governance(struct needs *n,
                           const struct ledger_view *view,
                           const char *text)
{
    static const struct hash zero;
    struct validators_row validators;
    struct need *need;

    if (!exec_get(view, &validators, TABLE_VALIDATORS, &zero, &zero) ||
        validators.set.count == 0)
        return false;
    need = add(n);
    if (need == NULL)
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
    const struct security_row *security;
    const struct account_row *account;
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
        account = read_account(n, view, &id);
        if (account == NULL) {
            *about = id;
            return false;
        }
        add_institution(
            n, account->custodian, false, MAY_KEEP_ACCOUNTS, s->text);
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
        add_institution(n, institution, false, 0, s->text);
        return true;
    case SIGNER_ISSUER:
    case SIGNER_REGISTRAR:
        security = read_security(n, view, (const char *)op + s->offset);
        if (security == NULL) {
            *about = security_key((const char *)op + s->offset);
            return false;
        }
        if (s->who == SIGNER_ISSUER)
            return add_account(
                n, about, view, &security->issuer, def, op, s->text);
        add_institution(
            n, security->registrar, true, MAY_KEEP_REGISTERS, s->text);
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
    enum verdict v = V_OK;

    out->count = 0;
    out->account_count = 0;
    out->has_security = false;
    out->by_paper = false;
    out->document_missing = false;
    memset(about, 0, sizeof *about);
    if (def->document_required && document_is_missing(def, op))
        out->document_missing = true;
    for (uint32_t i = 0; i < OP_SIGNERS_MAX; i++) {
        const struct op_signer *s = &def->signers[i];
        struct hash missing = {{0}};

        if (add_signer(out, &missing, view, chain_id, def, s, op))
            continue;
        if (v == V_OK)
            *about = missing;
        v = V_UNKNOWN;
    }
    return v;
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
    enum verdict all = V_OK;

    tx->principal_count = 0;
    memset(about, 0, sizeof *about);
    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def;
        struct needs n;
        struct hash missing;

        if (op_decode(&def, &op, tx->ops[i]) != ERR_NONE)
            return V_MALFORMED;
        filing = def->filer < filing ? def->filer : filing;
        if (needs_of_op(&n, &missing, view, &tx->chain_id, def, &op) != V_OK) {
            if (all == V_OK)
                *about = missing;
            all = V_UNKNOWN;
        }
        for (uint32_t k = 0; k < n.count; k++) {
            if (n.list[k].how != NEED_GOVERNANCE &&
                !add_principal(tx, &n.list[k].who))
                return V_LIMIT;
        }
    }
    if (filing != FILER_NONE && !add_principal(tx, &filer))
        return V_LIMIT;
    tx_sort_principals(tx);
    return all;
}
