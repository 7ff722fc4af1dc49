/* Corrections: new entries that name the wrong one, and the claims for what
 * cannot be taken back. */
#include "ledger/rule_move.h"

#include "base/num.h"

static const struct hash zero;

/* What both operations say. */
struct correction {
    const char *security;
    const struct hash *wrong_tx;
    const struct hash *from;
    const struct hash *to;
    uint64_t quantity;
    bool claim;
    uint8_t reason;
    const struct hash *document;
};

/* The parties of a correction may be of any kind, and frozen. */
static enum verdict check_parties(struct exec *x,
                                  struct move *m,
                                  const struct correction *c)
{
    const struct hash key = security_key(c->security);

    if (!exec_find_security(x, &m->s, c->security))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!side_get(x, &m->from, &m->s, c->from))
        return exec_refuse(x, V_UNKNOWN, c->from, 0, 0);
    if (!side_get(x, &m->to, &m->s, c->to))
        return exec_refuse(x, V_UNKNOWN, c->to, 0, 0);
    /* R103: A correction names the transaction that was wrong. */
    if (hash_is_zero(c->wrong_tx))
        return exec_refuse(x, V_UNKNOWN, c->wrong_tx, 0, 0);
    if (m->to.account.status == ACCOUNT_CLOSED)
        return exec_refuse(x, V_ACCOUNT_STATE, c->to, 0, 0);
    if (hash_eq(c->from, c->to))
        return exec_refuse(x, V_SELF, c->from, 0, 0);
    return move_security(x, m, true, true);
}

/* Moves what is still there: *moved of it, free of pledge and freeze. */
static enum verdict take_back(struct exec *x,
                              struct move *m,
                              const struct correction *c,
                              uint64_t *moved)
{
    static const struct selector plain = {.nature = NATURE_ANY};
    struct segment none[SEGMENTS_MAX];
    uint32_t none_count;
    uint64_t have;

    if (c->quantity < 1 || c->quantity > INT64_MAX)
        return exec_refuse(x, V_QUANTITY, NULL, c->quantity, 1);
    (void)position_take(
        &m->from.h, none, &none_count, &have, 0, &plain, &m->day, TAKE_EXACT);
    *moved = num_min_u64(have, c->quantity);
    /* R104: A correction takes back only shares that the wrong holder still has
     * free of pledge and freeze; nothing is taken from a later holder in good
     * faith, and the rest becomes an open claim if that is asked. */
    if (*moved < c->quantity && !c->claim)
        return exec_refuse(
            x, V_CORRECTION_UNRECOVERABLE, c->from, have, c->quantity);
    return position_take(&m->from.h,
                         m->taken,
                         &m->taken_count,
                         &have,
                         *moved,
                         &plain,
                         &m->day,
                         TAKE_EXACT);
}

static void open_claim(struct exec *x,
                       struct move *m,
                       const struct correction *c,
                       uint64_t rest)
{
    struct claim_row claim = {.number = m->s.claim_count + 1,
                              .wrong_tx = *c->wrong_tx,
                              .debtor = *c->from,
                              .creditor = *c->to,
                              .quantity = {rest},
                              .open = {rest},
                              .document = *c->document};
    const struct hash key = claim_key(m->s.code, claim.number);
    struct event e = {.kind = EVENT_CLAIM_OPENED,
                      .account = *c->from,
                      .other = *c->to,
                      .number = claim.number,
                      .quantity = rest,
                      .document = *c->document};

    memcpy(claim.security, m->s.code, sizeof claim.security);
    memcpy(e.security, m->s.code, sizeof e.security);
    exec_emit(x, &e);
    m->s.claim_count++;
    m->s.claims_open++;
    m->to.account.rights++;
    m->to.account_changed = true;
    exec_renew(x, &claim.chain);
    exec_put(x, &claim, TABLE_CLAIMS, &zero, &key);
}

static enum verdict apply(struct exec *x, const struct correction *c)
{
    struct move m;
    uint64_t moved = 0;
    struct event e = {.kind = EVENT_CORRECTED,
                      .account = *c->from,
                      .other = *c->to,
                      .number = c->reason,
                      .document = *c->document};
    enum verdict v = check_parties(x, &m, c);

    if (v != V_OK)
        return v;
    move_begin(x, &m);
    v = take_back(x, &m, c, &moved);
    if (v != V_OK)
        return v;
    if (!move_credit(&m, 0, true, true, 0, SEGMENTS_MAX))
        return exec_refuse(x, V_LIMIT, c->to, 0, SEGMENTS_MAX);
    position_leave(&m.from.h, moved, 0);
    move_count(&m);
    /* R102: History is not changed: a correction is an entry of its own, with
     * the signature of whoever loses shares by it or a decision. */
    e.quantity = moved;
    e.second = c->quantity - moved;
    e.flags = move_flags(&m);
    memcpy(e.security, m.s.code, sizeof e.security);
    exec_emit(x, &e);
    if (moved < c->quantity) {
        move_renew(x, &m);
        open_claim(x, &m, c, c->quantity - moved);
    }
    move_put(x, &m);
    return V_OK;
}

enum verdict rule_correct(struct exec *x, const struct op_correct *op)
{
    const struct correction c = {op->security,
                                 &op->wrong_tx,
                                 &op->from,
                                 &op->to,
                                 op->quantity.shares,
                                 op->claim,
                                 op->reason,
                                 &op->document};

    return apply(x, &c);
}

enum verdict rule_correct_by_decision(struct exec *x,
                                      const struct op_correct_by_decision *op)
{
    const struct hash deciding = security_key(op->authority);
    const struct correction c = {op->security,
                                 &op->wrong_tx,
                                 &op->from,
                                 &op->to,
                                 op->quantity.shares,
                                 op->claim,
                                 op->reason,
                                 &op->document};

    if (!authority_exists(x, op->authority))
        return exec_refuse(x, V_UNKNOWN, &deciding, 0, 0);
    return apply(x, &c);
}

enum verdict rule_claim_close(struct exec *x, const struct op_claim_close *op)
{
    const struct hash tree = security_key(op->security);
    const struct hash key = claim_key(op->security, op->number);
    const uint64_t q = op->quantity.shares;
    struct security_row s;
    struct claim_row claim;
    struct account_row creditor;
    struct event e = {.kind = EVENT_CLAIM_CLOSED,
                      .other = op->creditor,
                      .number = op->number,
                      .quantity = q,
                      .document = op->document};

    if (!exec_find_security(x, &s, op->security))
        return exec_refuse(x, V_UNKNOWN, &tree, 0, 0);
    /* R105: A claim is reduced and closed by its creditor and the registrar. */
    if (!exec_get(x->b->view, &claim, TABLE_CLAIMS, &zero, &key) ||
        !hash_eq(&claim.creditor, &op->creditor) ||
        !exec_find_account(x, &creditor, &op->creditor))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (s.status == SECURITY_WITHDRAWN)
        return exec_refuse(x, V_WITHDRAWN, &tree, 0, 0);
    if (claim.open.shares == 0)
        return exec_refuse(x, V_CLAIM_STATE, &key, 0, q);
    if (q < 1 || q > claim.open.shares)
        return exec_refuse(x, V_QUANTITY, NULL, claim.open.shares, q);
    claim.open.shares -= q;
    e.account = claim.debtor;
    e.second = claim.open.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    exec_renew(x, &claim.chain);
    exec_put(x, &claim, TABLE_CLAIMS, &zero, &key);
    if (claim.open.shares == 0) {
        s.claims_open--;
        creditor.rights--;
        exec_put_account(x, &creditor, &op->creditor);
    }
    exec_put_security(x, &s);
    return V_OK;
}
