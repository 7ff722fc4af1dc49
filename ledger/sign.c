#include "ledger/sign.h"

static int principal_index(const struct tx *tx, const struct principal *p)
{
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], p) == 0)
            return (int)i;
    }
    return -1;
}

static enum verdict missing(struct exec *x,
                            const struct principal *who,
                            bool foreign_key)
{
    return exec_refuse(
        x, foreign_key ? V_SIG_INVALID : V_SIG_MISSING, &who->id, 0, 0);
}

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

/* Whether the operation needs the key for this principal: a rotation needs the
 * old keys and the new ones. */
static bool is_needed(const struct needs *all,
                      const struct principal *who,
                      const struct pubkey *key)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct need *n = &all->list[i];

        if (n->how == NEED_KEYS && principal_cmp(&n->who, who) == 0 &&
            key_in(n->keys, n->key_count, key))
            return true;
    }
    return false;
}

/* R34: A transaction that lacks a signature of an account and carries one by a
 * revoked key of it is refused as E_KEY_REVOKED. */
static enum verdict lacking_keys(struct exec *x,
                                 const struct needs *all,
                                 const struct principal *who)
{
    const int p = principal_index(x->tx, who);
    struct account_row a;
    const bool known = exec_account(x->b->view, &a, &who->id);
    bool foreign = false;

    for (uint32_t i = 0; i < x->tx->sig_count; i++) {
        const struct pubkey *key = &x->tx->sigs[i].key;

        if ((int)x->tx->sigs[i].principal != p || is_needed(all, who, key))
            continue;
        if (known && key_in(a.revoked, a.revoked_count, key))
            return exec_refuse(x, V_KEY_REVOKED, &who->id, 0, 0);
        foreign = true;
    }
    return missing(x, who, foreign);
}

/* One signature may serve two needs of the same principal. */
static enum verdict check_keys(struct exec *x,
                               const struct needs *all,
                               const struct need *n)
{
    const int p = principal_index(x->tx, &n->who);
    uint32_t found = 0;

    for (uint32_t i = 0; i < x->tx->sig_count && found < n->threshold; i++) {
        const struct tx_sig *s = &x->tx->sigs[i];

        if ((int)s->principal == p && key_in(n->keys, n->key_count, &s->key)) {
            x->sig_used[i] = true;
            found++;
        }
    }
    return found < n->threshold ? lacking_keys(x, all, &n->who) : V_OK;
}

/* Role bits of the institution's key that made signature i; 0 if it is not a
 * key of the institution. */
static uint16_t roles_of(const struct institution_row *row,
                         const struct pubkey *key)
{
    for (uint32_t i = 0; i < row->key_count; i++) {
        if (memcmp(&row->keys[i].key, key, sizeof *key) == 0)
            return row->keys[i].roles;
    }
    return 0;
}

struct institution_sigs {
    uint32_t count;
    uint32_t index[TX_SIGS_MAX]; /* into tx->sigs */
    uint16_t roles[TX_SIGS_MAX];
    bool foreign;
};

static void gather(struct institution_sigs *g,
                   const struct exec *x,
                   const struct principal *who,
                   const struct institution_row *row)
{
    const int p = principal_index(x->tx, who);

    g->count = 0;
    g->foreign = false;
    for (uint32_t i = 0; i < x->tx->sig_count; i++) {
        if ((int)x->tx->sigs[i].principal != p)
            continue;
        g->roles[g->count] = roles_of(row, &x->tx->sigs[i].key);
        g->foreign = g->foreign || g->roles[g->count] == 0;
        g->index[g->count++] = i;
    }
}

static bool get_institution(const struct exec *x,
                            struct institution_row *row,
                            const struct hash *id)
{
    static const struct hash zero;

    return exec_get(x->b->view, row, TABLE_INSTITUTIONS, &zero, id);
}

/* R17: A transaction filed by a registrar that is not the security's, without
 * any signature of the one that is, is refused as E_NOT_REGISTRAR. */
static bool filed_by_other_registrar(const struct exec *x, const struct need *n)
{
    const struct hash filer = institution_id(x->tx->institution);
    struct institution_row row;

    return n->registrar && !hash_eq(&filer, &n->who.id) &&
           get_institution(x, &row, &filer) &&
           (row.roles & ROLE_REGISTRAR) != 0;
}

/* R171: An institution that is no registrar any more makes no entry in a
 * register, and one that is neither registrar nor member signs for no account;
 * what it keeps it hands over to another. */
static enum verdict check_role(struct exec *x,
                               const struct need *n,
                               uint16_t roles)
{
    if (n->roles == 0 || (n->roles & roles) != 0 || x->def->hands_over)
        return V_OK;
    return exec_refuse(x, V_ROLE, &n->who.id, 0, 0);
}

/* The row of the filing institution, if it is asked for and no operation can
 * have changed it yet; else NULL. */
static const struct institution_row *filing_one(const struct exec *x,
                                                const struct hash *id)
{
    uint16_t number;

    return x->op_index == 0 && x->filer != NULL &&
                   institution_number(&number, id) && number == x->filer->number
               ? x->filer
               : NULL;
}

/* R6: Every entry in a register is signed by a maker and a checker of its
 * registrar, who are two. */
static enum verdict check_maker_checker(struct exec *x, const struct need *n)
{
    struct institution_row read;
    const struct institution_row *row = filing_one(x, &n->who.id);
    struct institution_sigs g;

    if (row == NULL && get_institution(x, &read, &n->who.id))
        row = &read;
    if (row == NULL)
        return exec_refuse(x, V_UNKNOWN, &n->who.id, 0, 0);
    gather(&g, x, &n->who, row);
    for (uint32_t m = 0; m < g.count; m++) {
        for (uint32_t c = 0; c < g.count; c++) {
            if (c != m && (g.roles[m] & KEY_MAKER) != 0 &&
                (g.roles[c] & KEY_CHECKER) != 0) {
                x->sig_used[g.index[m]] = true;
                x->sig_used[g.index[c]] = true;
                return check_role(x, n, row->roles);
            }
        }
    }
    if (g.count == 0 && filed_by_other_registrar(x, n))
        return exec_refuse(x, V_NOT_REGISTRAR, &n->who.id, 0, 0);
    return missing(x, &n->who, g.foreign);
}

static enum verdict check_operator(struct exec *x, const struct need *n)
{
    struct institution_row row;
    struct institution_sigs g;

    if (!get_institution(x, &row, &n->who.id))
        return exec_refuse(x, V_UNKNOWN, &n->who.id, 0, 0);
    gather(&g, x, &n->who, &row);
    for (uint32_t i = 0; i < g.count; i++) {
        if ((g.roles[i] & KEY_OPERATOR) != 0) {
            x->sig_used[g.index[i]] = true;
            return V_OK;
        }
    }
    return missing(x, &n->who, g.foreign);
}

bool sign_get_filer(const struct exec *x, struct institution_row *out)
{
    const struct hash id = institution_id(x->tx->institution);

    return get_institution(x, out, &id);
}

/* R169: Evidence may be filed by the validator that an institution runs, with
 * its consensus key in place of a maker's. */
static bool filed_by_validator(struct exec *x)
{
    static const struct hash zero;
    struct validators_row row;

    if (!exec_get(x->b->view, &row, TABLE_VALIDATORS, &zero, &zero))
        return false;
    for (uint32_t v = 0; v < row.set.count; v++) {
        const struct pubkey *key = &row.set.list[v].key;
        const struct principal who = {PRINCIPAL_VALIDATOR, validator_id(key)};
        const int p = principal_index(x->tx, &who);

        if (row.set.list[v].institution != x->tx->institution || p < 0)
            continue;
        for (uint32_t i = 0; i < x->tx->sig_count; i++) {
            if ((int)x->tx->sigs[i].principal == p &&
                memcmp(&x->tx->sigs[i].key, key, sizeof *key) == 0) {
                x->sig_used[i] = true;
                return true;
            }
        }
    }
    return false;
}

/* R179: What the whole transaction lacks or has too much, the filing
 * institution's maker or a signature that nothing needs, is told when every
 * operation of it would take effect.
 *
 * R180: A court or other body that is an institution here may file its orders
 * itself; the registrar signs them all the same. */
enum verdict sign_check_filer(struct exec *x,
                              const struct institution_row *row,
                              enum op_filer filing)
{
    const struct principal who = {PRINCIPAL_INSTITUTION,
                                  institution_id(x->tx->institution)};
    struct institution_sigs g;

    if (row == NULL)
        return exec_refuse(x, V_UNKNOWN, &who.id, 0, 0);
    if (filing == FILER_NODE && filed_by_validator(x))
        return V_OK;
    gather(&g, x, &who, row);
    for (uint32_t i = 0; i < g.count; i++) {
        if ((g.roles[i] & KEY_MAKER) != 0 && x->sig_used[g.index[i]])
            return V_OK; /* signed for an operation already */
    }
    for (uint32_t i = 0; i < g.count; i++) {
        if ((g.roles[i] & KEY_MAKER) != 0) {
            x->sig_used[g.index[i]] = true;
            return V_OK;
        }
    }
    return missing(x, &who, g.foreign);
}

/* R170: Governance is signed by an operator of each of as many institutions as
 * make a quorum of the validators in force, each running one of them. */
static enum verdict check_governance(struct exec *x, const struct need *n)
{
    uint32_t institutions = 0;
    static const struct hash zero;

    for (uint32_t p = 0; p < x->tx->principal_count; p++) {
        const struct principal *who = &x->tx->principals[p];
        struct institution_row row;
        struct institution_sigs g;

        if (who->kind != PRINCIPAL_INSTITUTION ||
            !get_institution(x, &row, &who->id) || !row.validator)
            continue;
        gather(&g, x, who, &row);
        for (uint32_t i = 0; i < g.count; i++) {
            if ((g.roles[i] & KEY_OPERATOR) != 0) {
                x->sig_used[g.index[i]] = true;
                institutions++;
                break;
            }
        }
    }
    if (institutions < n->threshold)
        return exec_refuse(x, V_SIG_MISSING, &zero, institutions, n->threshold);
    return V_OK;
}

static enum verdict check_need(struct exec *x,
                               const struct needs *all,
                               const struct need *n)
{
    switch ((enum need_how)n->how) {
    case NEED_KEYS:
        return check_keys(x, all, n);
    case NEED_MAKER:
    case NEED_MAKER_CHECKER:
        return check_maker_checker(x, n);
    case NEED_OPERATOR:
        return check_operator(x, n);
    case NEED_GOVERNANCE:
        return check_governance(x, n);
    case NEED_HOWS:
        break;
    }
    return V_OK;
}

/* The lowest verdict so far, with what it says. */
static void keep_lowest(struct exec *x, struct refusal *lowest, enum verdict v)
{
    if (v == V_OK || (lowest->verdict != V_OK && lowest->verdict <= v))
        return;
    if (x->why != NULL)
        *lowest = *x->why;
    lowest->verdict = v;
}

enum verdict sign_check_op(struct exec *x, const void *op)
{
    struct needs *n = x->needs;
    struct hash about;
    struct refusal lowest = {.verdict = V_OK};
    const enum verdict known =
        needs_of_op(n, &about, x->b->view, &x->b->chain_id, x->def, op);

    x->by_paper = n->by_paper;
    x->later = (struct refusal){.verdict = V_OK};
    if (n->document_missing)
        return exec_refuse(x, V_SIG_MISSING, &about, 0, 0);
    for (uint32_t i = 0; i < n->count; i++)
        keep_lowest(x, &lowest, check_need(x, n, &n->list[i]));
    if (known != V_OK)
        keep_lowest(x, &lowest, exec_refuse(x, known, &about, 0, 0));
    if (lowest.verdict == V_OK || lowest.verdict <= V_UNKNOWN)
        return sign_refuse(x, &lowest);
    x->later = lowest;
    return V_OK;
}

enum verdict sign_refuse(struct exec *x, const struct refusal *why)
{
    if (x->why != NULL && why->verdict != V_OK)
        *x->why = *why;
    return why->verdict;
}

/* R7: Exactly the needed signatures stand under a transaction, none more. */
enum verdict sign_check_rest(struct exec *x)
{
    bool principal_used[TX_PRINCIPALS_MAX] = {false};

    for (uint32_t i = 0; i < x->tx->sig_count; i++) {
        const uint8_t p = x->tx->sigs[i].principal;

        if (!x->sig_used[i])
            return exec_refuse(
                x, V_SIG_INVALID, &x->tx->principals[p].id, 0, 0);
        principal_used[p] = true;
    }
    for (uint32_t p = 0; p < x->tx->principal_count; p++) {
        if (!principal_used[p])
            return exec_refuse(
                x, V_SIG_MISSING, &x->tx->principals[p].id, 0, 0);
    }
    return V_OK;
}
