/* Freezes on an authority's order: ranked by publicity, effective and queued,
 * released by the ordering authority or its superior. */
#include "base/num.h"
#include "ledger/exec.h"

static const struct hash zero;

static bool get_freeze(const struct exec *x,
                       struct freeze_row *f,
                       const char *code,
                       uint64_t number)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(number);

    return exec_get(x->b->view, f, TABLE_FREEZES, &tree, &key);
}

static void put_freeze(struct exec *x, struct freeze_row *f, const char *code)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(f->number);

    exec_renew(x, &f->chain);
    exec_put(x, f, TABLE_FREEZES, &tree, &key);
}

static bool get_authority(const struct exec *x,
                          struct genesis_authority *a,
                          const char *code)
{
    const struct hash key = security_key(code);

    return exec_get(x->b->view, a, TABLE_AUTHORITIES, &zero, &key);
}

/* The same day three years on (28 February for a 29th that is not there). */
static bool three_years_after(uint32_t *out, uint32_t day)
{
    uint32_t y;
    uint32_t m;
    uint32_t d;

    num_date_of_days(day, &y, &m, &d);
    return num_days_of_date(out, y + 3, m, d) ||
           num_days_of_date(out, y + 3, m, d - 1);
}

static enum verdict check_order(struct exec *x,
                                const struct op_freeze_create *op)
{
    uint32_t last;

    if (op->service_ms == 0 || op->service_ms > x->b->time_ms ||
        op->publicity_ms > x->b->time_ms || op->from > x->b->date)
        return exec_refuse(x, V_DATE, NULL, op->service_ms, x->b->time_ms);
    if (!three_years_after(&last, op->from) || op->to > last ||
        op->to < op->from || op->to < x->b->date)
        return exec_refuse(x, V_FREEZE_TERM, NULL, op->to, last);
    if (op->quantity.shares == 0 || op->quantity.shares > INT64_MAX)
        return exec_refuse(x, V_QUANTITY, NULL, op->quantity.shares, 1);
    return V_OK;
}

/* Writes what a change of the holding did to the other freezes on it, with an
 * event for each, and keeps the security's frozen total. */
static void settle_others(struct exec *x,
                          struct holding_row *h,
                          const struct hash *account,
                          const char *code,
                          uint64_t except)
{
    const struct hash tree = security_key(code);

    for (uint32_t i = 0; i < h->freeze_count; i++) {
        const struct holding_freeze *now = &h->freezes[i];
        struct freeze_row f;
        struct event e = {.kind = EVENT_FREEZE_CHANGED,
                          .account = *account,
                          .number = now->number,
                          .quantity = now->effective.shares,
                          .second = now->queued.shares};

        if (now->number == except || !get_freeze(x, &f, code, now->number))
            continue;
        if (f.effective.shares == now->effective.shares &&
            f.queued.shares == now->queued.shares)
            continue;
        f.effective = now->effective;
        f.queued = now->queued;
        memcpy(e.security, code, CODE_MAX + 1);
        exec_emit(x, &e);
        exec_renew(x, &h->chain);
        put_freeze(x, &f, code);
        exec_put(x, h, TABLE_HOLDINGS, &tree, account);
    }
}

static uint64_t effective_sum(const struct holding_row *h)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < h->freeze_count; i++)
        sum += h->freezes[i].effective.shares;
    return sum;
}

static const struct holding_freeze *entry_of(const struct holding_row *h,
                                             uint64_t number)
{
    for (uint32_t i = 0; i < h->freeze_count; i++) {
        if (h->freezes[i].number == number)
            return &h->freezes[i];
    }
    return NULL;
}

static enum verdict check_target(struct exec *x,
                                 const struct op_freeze_create *op,
                                 struct security_row *s,
                                 struct account_row *account)
{
    const struct hash key = security_key(op->security);
    const struct hash authority_key = security_key(op->authority);
    struct genesis_authority authority;
    enum verdict v;

    if (!exec_security(x->b->view, s, op->security))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!exec_account(x->b->view, account, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    if (!get_authority(x, &authority, op->authority))
        return exec_refuse(x, V_UNKNOWN, &authority_key, 0, 0);
    v = exec_open_security(s, true);
    if (v != V_OK)
        return exec_refuse(x, v, &key, 0, 0);
    return check_order(x, op);
}

enum verdict rule_freeze_create(struct exec *x,
                                const struct op_freeze_create *op)
{
    struct security_row s;
    struct account_row account;
    struct holding_row h;
    struct freeze_row f;
    struct t_plus t;
    struct position_day day;
    uint64_t before;
    const struct holding_freeze *mine;
    struct event e = {
        .kind = EVENT_FROZEN, .account = op->account, .document = op->document};
    const enum verdict v = check_target(x, op, &s, &account);

    if (v != V_OK)
        return v;
    f = (struct freeze_row){
        .number = s.freeze_count + 1,
        .status = FREEZE_ACTIVE,
        .account = op->account,
        .case_commitment = op->case_commitment,
        .document = op->document,
        .publicity_ms = op->publicity_ms,
        .service_ms = op->service_ms,
        .from = op->from,
        .to = op->to,
        .covers_fruits = op->covers_fruits,
        .court_report = op->court_report,
        .requested = op->quantity,
    };
    memcpy(f.authority, op->authority, sizeof f.authority);
    day = exec_day(x, &t, &s);
    exec_holding(x->b->view, &h, s.code, &op->account, account.kind);
    before = effective_sum(&h);
    if (!position_freeze(&h,
                         &f.unfulfilled.shares,
                         f.number,
                         op->publicity_ms != 0 ? op->publicity_ms
                                               : op->service_ms,
                         op->quantity.shares,
                         &day))
        return exec_refuse(x, V_LIMIT, &op->account, 0, HOLDING_FREEZES_MAX);
    mine = entry_of(&h, f.number);
    if (mine != NULL) {
        f.effective = mine->effective;
        f.queued = mine->queued;
    }
    s.freeze_count++;
    s.frozen.shares = s.frozen.shares + effective_sum(&h) - before;
    e.number = f.number;
    e.quantity = f.effective.shares;
    e.second = f.queued.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    put_freeze(x, &f, s.code);
    exec_put_holding(x, &h, s.code, &op->account);
    exec_put_security(x, &s);
    settle_others(x, &h, &op->account, s.code, f.number);
    return V_OK;
}

static enum verdict check_release(struct exec *x,
                                  const struct op_freeze_release *op,
                                  struct security_row *s,
                                  struct freeze_row *f)
{
    const struct hash tree = security_key(op->security);
    const struct hash key = number_key(op->number);
    const struct hash given = security_key(op->authority);
    struct genesis_authority ordering;
    struct genesis_authority releasing;

    if (!exec_security(x->b->view, s, op->security))
        return exec_refuse(x, V_UNKNOWN, &tree, 0, 0);
    if (!get_freeze(x, f, op->security, op->number))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!get_authority(x, &releasing, op->authority) ||
        !get_authority(x, &ordering, f->authority))
        return exec_refuse(x, V_UNKNOWN, &given, 0, 0);
    if (strcmp(op->authority, f->authority) != 0 &&
        strcmp(op->authority, ordering.superior) != 0)
        return exec_refuse(x, V_FREEZE_AUTHORITY, &given, 0, 0);
    if (f->status != FREEZE_ACTIVE)
        return exec_refuse(x, V_FREEZE_LAPSED, &key, 0, 0);
    if (op->quantity.shares > f->effective.shares + f->queued.shares)
        return exec_refuse(x,
                           V_QUANTITY,
                           &key,
                           f->effective.shares + f->queued.shares,
                           op->quantity.shares);
    return V_OK;
}

enum verdict rule_freeze_release(struct exec *x,
                                 const struct op_freeze_release *op)
{
    struct security_row s;
    struct holding_row h;
    struct freeze_row f;
    uint64_t before;
    uint64_t from_queue = 0;
    uint64_t quantity;
    const struct holding_freeze *mine;
    struct event e = {.kind = EVENT_FREEZE_RELEASED,
                      .number = op->number,
                      .document = op->document};
    const enum verdict v = check_release(x, op, &s, &f);

    if (v != V_OK)
        return v;
    quantity = op->quantity.shares != 0 ? op->quantity.shares
                                        : f.effective.shares + f.queued.shares;
    exec_holding(x->b->view, &h, s.code, &f.account, ACCOUNT_ORDINARY);
    before = effective_sum(&h);
    /* A freeze that found nothing to hold is in no holding's list. */
    if (quantity > 0 && !position_unfreeze(&h, &from_queue, quantity, f.number))
        return exec_refuse(x, V_LIMIT, &f.account, 0, quantity);
    mine = entry_of(&h, f.number);
    f.effective.shares = mine != NULL ? mine->effective.shares : 0;
    f.queued.shares = mine != NULL ? mine->queued.shares : 0;
    f.released.shares += quantity;
    if (f.effective.shares == 0 && f.queued.shares == 0)
        f.status = FREEZE_RELEASED;
    s.frozen.shares = s.frozen.shares + effective_sum(&h) - before;
    e.account = f.account;
    e.quantity = quantity;
    e.second = f.effective.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    put_freeze(x, &f, s.code);
    exec_put_holding(x, &h, s.code, &f.account);
    exec_put_security(x, &s);
    settle_others(x, &h, &f.account, s.code, f.number);
    return V_OK;
}
