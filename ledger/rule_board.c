/* The transfer to another board: a security goes on under a new code, carried
 * over row by row.
 *
 * While it lasts the old code is MIGRATING and names its successor; the new one
 * is a DRAFT that names its predecessor, and MIGRATING once something moved.
 * No other operation is possible on either. */
#include "base/check.h"
#include "ledger/exec.h"

struct move {
    struct security_row from;
    struct security_row to;
    struct hash from_tree;
    struct hash to_tree;
    uint64_t rows;
};

/* R60: A board transfer begins from a registered or listed security without
 * open claims, towards a code that is free; from then on both codes stand
 * still. */
enum verdict rule_board_open(struct exec *x, const struct op_board_open *op)
{
    const struct hash new_key = security_key(op->new_code);
    struct security_row s;
    struct security_row to;
    struct event e = {.kind = EVENT_BOARD_OPENED,
                      .number = op->tier,
                      .document = op->document};
    enum verdict v = security_find(x, &s, op->security);

    if (v != V_OK)
        return v;
    if (exec_find_security(x, &to, op->new_code))
        return exec_refuse(x, V_EXISTS, &new_key, 0, 0);
    if (s.claims_open != 0)
        return exec_refuse(x, V_NOT_EMPTY, NULL, s.claims_open, 0);
    v = security_in(x, &s, 1u << SECURITY_REGISTERED | 1u << SECURITY_LISTED);
    if (v != V_OK)
        return v;
    if (op->tier == 0)
        return exec_refuse(x, V_QUANTITY, NULL, 0, 1);
    to = (struct security_row){
        .issuer = s.issuer,
        .registrar = s.registrar,
        .class = s.class,
        .status = SECURITY_DRAFT,
        .tier = op->tier,
        .t_plus = s.t_plus,
        .features = s.features,
        .investors = s.investors,
        .holder_cap = s.holder_cap,
        .cap_approval = s.cap_approval,
        .successor = "-",
        .closure_count = s.closure_count,
        .trades = s.trades,
        .traded = s.traded,
        .pledge_count = s.pledge_count,
        .freeze_count = s.freeze_count,
        .claim_count = s.claim_count,
        .terms = s.terms,
    };
    memcpy(to.code, op->new_code, sizeof to.code);
    memcpy(to.predecessor, s.code, sizeof to.predecessor);
    memcpy(to.closures, s.closures, sizeof to.closures);
    memcpy(s.successor, to.code, sizeof s.successor);
    s.status = SECURITY_MIGRATING;
    security_emit(x, &s, &e);
    security_emit(x, &to, &e);
    security_count(x, &to, 1);
    return V_OK;
}

/* Reads both securities of the transfer under way from the old code. */
static enum verdict pair_of(struct exec *x, struct move *m, const char *code)
{
    const struct hash key = security_key(code);
    enum verdict v = security_find(x, &m->from, code);
    bool found;

    if (v == V_OK)
        v = security_in(x, &m->from, 1u << SECURITY_MIGRATING);
    if (v != V_OK)
        return v;
    /* The new code of a transfer is MIGRATING too, but leads nowhere. */
    if (m->from.successor[0] == '-')
        return exec_refuse(x, V_SECURITY_STATE, &key, m->from.status, 0);
    found = exec_find_security(x, &m->to, m->from.successor);
    ASSERT(found);
    m->from_tree = key;
    m->to_tree = security_key(m->to.code);
    m->rows = 0;
    return V_OK;
}

static void move_qty(struct qty *from, struct qty *to, uint64_t q)
{
    ASSERT(from->shares >= q && to->shares <= INT64_MAX - q);
    from->shares -= q;
    to->shares += q;
}

static void move_count(uint32_t *from, uint32_t *to, uint32_t n)
{
    ASSERT(*from >= n && *to <= UINT32_MAX - n);
    *from -= n;
    *to += n;
}

static void erase(const struct exec *x,
                  const struct move *m,
                  uint8_t table,
                  const struct hash *key)
{
    const struct row_key k = {table, m->from_tree, *key};

    x->b->view->erase(x->b->view->ctx, &k);
}

static void emit_moved(struct exec *x, struct move *m, struct event *e)
{
    memcpy(e->security, m->to.code, sizeof e->security);
    exec_emit(x, e);
    m->rows++;
}

static void move_freeze(struct exec *x, struct move *m, uint64_t number)
{
    const struct hash key = number_key(number);
    struct due_row due = {.kind = DUE_FREEZE, .number = number};
    struct freeze_row f;
    struct event e = {.kind = EVENT_FREEZE_CARRIED, .number = number};

    if (!exec_freeze(x->b->view, &f, m->from.code, number))
        return;
    e.account = f.account;
    e.quantity = f.effective.shares;
    e.second = f.queued.shares;
    emit_moved(x, m, &e);
    erase(x, m, TABLE_FREEZES, &key);
    exec_put_freeze(x, &f, m->to.code);
    if (f.status != FREEZE_ACTIVE)
        return;
    move_count(&m->from.freezes_open, &m->to.freezes_open, 1);
    move_count(
        &m->from.court_reports, &m->to.court_reports, f.court_report ? 1 : 0);
    /* The item under the old code finds nothing any more. */
    memcpy(due.security, m->to.code, sizeof due.security);
    due_add(x, f.to + 1, &due);
}

static void move_pledge(struct exec *x, struct move *m, uint64_t number)
{
    const struct hash key = number_key(number);
    struct pledge_row p;
    struct event e = {.kind = EVENT_PLEDGE_CARRIED, .number = number};

    if (!exec_pledge(x->b->view, &p, m->from.code, number))
        return;
    e.account = p.pledgee;
    e.quantity = p.outstanding.shares;
    emit_moved(x, m, &e);
    erase(x, m, TABLE_PLEDGES, &key);
    exec_put_pledge(x, &p, m->to.code);
    if (p.status != PLEDGE_ACTIVE && p.status != PLEDGE_DEFAULTED)
        return;
    move_count(&m->from.pledges_open, &m->to.pledges_open, 1);
    m->from.secured_fen -= p.secured_fen;
    m->to.secured_fen += p.secured_fen;
}

static void move_totals(struct move *m, const struct holding_row *h)
{
    const struct position_day any_day = {0};
    const struct position_totals t = position_totals_of(h, &any_day);

    move_qty(&m->from.issued, &m->to.issued, t.total);
    move_qty(&m->from.pledged, &m->to.pledged, t.pledged);
    move_qty(&m->from.frozen, &m->to.frozen, t.frozen);
    for (uint32_t i = 0; i < h->freeze_count; i++)
        move_qty(&m->from.queued, &m->to.queued, h->freezes[i].queued.shares);
    move_count(&m->from.holder_count, &m->to.holder_count, h->weight);
    move_count(&m->from.positions, &m->to.positions, h->held ? 1 : 0);
}

/* R61: Positions move to the new code whole, pledges and freezes with their
 * numbers; quantities, marks and days stay as they are. */
static enum verdict move_holding(struct exec *x,
                                 struct move *m,
                                 const struct hash *account)
{
    struct holding_row h;
    const struct position_day any_day = {0};
    struct event e = {.kind = EVENT_BOARD_MOVED, .account = *account};

    if (!exec_get(x->b->view, &h, TABLE_HOLDINGS, &m->from_tree, account))
        return V_OK;
    x->lines += h.freeze_count;
    if (x->lines > TX_ROWS_MAX)
        return exec_refuse(x, V_LIMIT, account, TX_ROWS_MAX, x->lines);
    e.quantity = position_totals_of(&h, &any_day).total;
    emit_moved(x, m, &e);
    erase(x, m, TABLE_HOLDINGS, account);
    h.sequence++;
    exec_renew(x, &h.chain);
    exec_put(x, &h, TABLE_HOLDINGS, &m->to_tree, account);
    move_totals(m, &h);
    /* R62: The freezes on a position move with it, and each is due under the
     * new code on the day on which it was due under the old one. */
    for (uint32_t i = 0; i < h.freeze_count; i++)
        move_freeze(x, m, h.freezes[i].number);
    return V_OK;
}

/* A freeze that stands on a position moves with that alone. */
static bool stands_on_holding(const struct exec *x,
                              const struct move *m,
                              uint64_t number)
{
    struct freeze_row f;
    struct holding_row h;

    if (!exec_freeze(x->b->view, &f, m->from.code, number) ||
        !exec_get(x->b->view, &h, TABLE_HOLDINGS, &m->from_tree, &f.account))
        return false;
    for (uint32_t i = 0; i < h.freeze_count; i++) {
        if (h.freezes[i].number == number)
            return true;
    }
    return false;
}

enum verdict rule_board_move(struct exec *x, const struct op_board_move *op)
{
    struct move m;
    struct event e = {.kind = EVENT_BOARD_MOVED};
    enum verdict v = pair_of(x, &m, op->security);

    if (v != V_OK)
        return v;
    /* R63: One transaction moves at most 1,024 entries to a new code; entries
     * that are not there, or have moved, are passed over. */
    x->lines += op->account_count + op->pledge_count + op->freeze_count;
    if (x->lines > TX_ROWS_MAX)
        return exec_refuse(x, V_LIMIT, NULL, TX_ROWS_MAX, x->lines);
    for (uint32_t i = 0; i < op->account_count; i++) {
        v = move_holding(x, &m, &op->accounts[i].account);
        if (v != V_OK)
            return v;
    }
    for (uint32_t i = 0; i < op->pledge_count; i++)
        move_pledge(x, &m, op->pledges[i].number);
    for (uint32_t i = 0; i < op->freeze_count; i++) {
        if (!stands_on_holding(x, &m, op->freezes[i].number))
            move_freeze(x, &m, op->freezes[i].number);
    }
    if (m.rows > 0)
        m.to.status = SECURITY_MIGRATING;
    e.number = m.rows;
    e.second = m.from.issued.shares;
    security_emit(x, &m.from, &e);
    e.second = m.to.issued.shares;
    security_emit(x, &m.to, &e);
    return V_OK;
}

static bool nothing_left(const struct security_row *s)
{
    return s->issued.shares == 0 && s->pledged.shares == 0 &&
           s->frozen.shares == 0 && s->queued.shares == 0 &&
           s->holder_count == 0 && s->positions == 0 && s->pledges_open == 0 &&
           s->freezes_open == 0 && s->court_reports == 0 &&
           s->claims_open == 0 && s->secured_fen == 0;
}

/* R64: A board transfer ends when no share, pledge, freeze or claim is left
 * under the old code; that has then left the register, and the new code is
 * listed on its board. */
enum verdict rule_board_confirm(struct exec *x,
                                const struct op_board_confirm *op)
{
    struct move m;
    struct event e = {.kind = EVENT_BOARD_CONFIRMED, .document = op->document};
    enum verdict v = security_find(x, &m.from, op->security);

    if (v != V_OK)
        return v;
    if (!nothing_left(&m.from))
        return exec_refuse(x, V_NOT_EMPTY, NULL, m.from.issued.shares, 0);
    v = pair_of(x, &m, op->security);
    if (v != V_OK)
        return v;
    m.from.status = SECURITY_WITHDRAWN;
    m.to.status = SECURITY_LISTED;
    e.number = m.to.tier;
    e.quantity = m.to.issued.shares;
    security_emit(x, &m.from, &e);
    security_emit(x, &m.to, &e);
    security_count(x, &m.from, -1);
    return V_OK;
}

/* R65: A board transfer may be given up as long as nothing has moved; the old
 * code is then what it was, and the new one is free again. */
enum verdict rule_board_cancel(struct exec *x, const struct op_board_cancel *op)
{
    static const struct hash zero;
    struct move m;
    struct row_key key = {.table = TABLE_SECURITIES, .tree = zero};
    struct event e = {.kind = EVENT_BOARD_CANCELLED, .document = op->document};
    enum verdict v = pair_of(x, &m, op->security);

    if (v == V_OK && m.to.status != SECURITY_DRAFT)
        return exec_refuse(x, V_NOT_EMPTY, NULL, m.to.issued.shares, 0);
    if (v != V_OK)
        return v;
    key.key = m.to_tree;
    memcpy(e.security, m.to.code, sizeof e.security);
    exec_emit(x, &e);
    x->b->view->erase(x->b->view->ctx, &key);
    security_count(x, &m.to, -1);
    m.from.status = m.from.tier != 0 ? SECURITY_LISTED : SECURITY_REGISTERED;
    memset(m.from.successor, 0, sizeof m.from.successor);
    m.from.successor[0] = '-';
    security_emit(x, &m.from, &e);
    return V_OK;
}
