/* Freezes on an authority's order: ranked by publicity, effective and queued,
 * released and renewed by the ordering authority or its superior. */
#include "ledger/rule_freeze.h"

#include "base/num.h"

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
    uint32_t last = 0;

    /* R138: An order has been served, is not published in the future, and its
     * first day has come. */
    if (op->service_ms == 0 || op->service_ms > x->b->time_ms ||
        op->publicity_ms > x->b->time_ms || op->from > x->b->date)
        return exec_refuse(x, V_DATE, NULL, op->service_ms, x->b->time_ms);
    /* R139: A freeze lasts three years at most from its first day, and its last
     * day has not passed when it is entered. */
    if (!three_years_after(&last, op->from) || op->to > last ||
        op->to < op->from || op->to < x->b->date)
        return exec_refuse(x, V_FREEZE_TERM, NULL, op->to, last);
    if (op->quantity.shares == 0 || op->quantity.shares > INT64_MAX)
        return exec_refuse(x, V_QUANTITY, NULL, op->quantity.shares, 1);
    return V_OK;
}

static enum verdict check_target(struct exec *x,
                                 const struct op_freeze_create *op,
                                 struct security_row *s,
                                 struct side *a)
{
    const struct hash key = security_key(op->security);
    const struct hash authority_key = security_key(op->authority);
    enum verdict v;

    if (!exec_find_security(x, s, op->security))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!side_get(x, a, s, &op->account))
        return exec_refuse(x, V_UNKNOWN, &op->account, 0, 0);
    if (!authority_exists(x, op->authority))
        return exec_refuse(x, V_UNKNOWN, &authority_key, 0, 0);
    /* R140: Freezes are entered, released and renewed while a security is
     * suspended or its register is closed. */
    v = exec_open_security(s, true);
    if (v != V_OK)
        return exec_refuse(x, v, &key, 0, 0);
    return check_order(x, op);
}

/* The sum of a holding's queues.  False: it does not fit a total. */
static bool queue_of(uint64_t *out, const struct holding_row *h)
{
    *out = 0;
    for (uint32_t i = 0; i < h->freeze_count; i++) {
        if (!num_add_u64(out, *out, h->freezes[i].queued.shares) ||
            *out > INT64_MAX)
            return false;
    }
    return true;
}

/* Lets the freeze arrive on the holding.  False: a limit. */
static bool arrive(const struct exec *x,
                   const struct security_row *s,
                   struct freeze_row *f,
                   struct holding_row *h)
{
    struct t_plus t;
    const struct position_day day = exec_day(x, &t, s);
    uint64_t before;
    uint64_t after;

    position_normalise(h, &day);
    /* R141: Freezes rank by the time of their publication, if not published by
     * that of service, and among equals by number.
     *
     * R142: A freeze takes free shares first, then those under T+n, locked
     * ones, and pledged ones beginning with the latest pledge; then it
     * displaces lower ranks, worst first.
     *
     * R143: What an order asks for beyond the shares it takes waits in a queue
     * for those that other freezes hold; what is not there at all stays
     * unfulfilled and is told. */
    return queue_of(&before, h) &&
           position_freeze(h,
                           &f->unfulfilled.shares,
                           f->number,
                           f->publicity_ms != 0 ? f->publicity_ms
                                                : f->service_ms,
                           f->requested.shares,
                           &day) &&
           queue_of(&after, h) &&
           after <= INT64_MAX - (s->queued.shares - before);
}

static void enter_due(struct exec *x,
                      const struct security_row *s,
                      const struct freeze_row *f)
{
    struct due_row work = {.kind = DUE_FREEZE, .number = f->number};

    memcpy(work.security, s->code, sizeof work.security);
    due_add(x, f->to + 1, &work);
}

enum verdict rule_freeze_create(struct exec *x,
                                const struct op_freeze_create *op)
{
    struct security_row s;
    struct side a;
    struct freeze_row f;
    struct event e = {
        .kind = EVENT_FROZEN, .account = op->account, .document = op->document};
    const enum verdict v = check_target(x, op, &s, &a);

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
    if (!arrive(x, &s, &f, &a.h))
        return exec_refuse(x, V_LIMIT, &op->account, 0, HOLDING_FREEZES_MAX);
    s.freeze_count++;
    s.freezes_open++;
    s.court_reports += f.court_report ? 1 : 0;
    freeze_follow(&s, &f, &a.h);
    /* R144: A freeze that has nothing effective and nothing queued left has
     * ended; one that finds nothing ends at once. */
    if (!freeze_end_if_empty(&s, &f, FREEZE_LAPSED))
        enter_due(x, &s, &f);
    e.number = f.number;
    e.quantity = f.effective.shares;
    e.second = f.queued.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    exec_put_freeze(x, &f, s.code);
    side_put(x, &a, &s);
    freeze_settle(x, &s, &a.h, &a.id, f.number);
    exec_put_security(x, &s);
    return V_OK;
}

/* Reads what an order on an existing freeze is about, and whether who gives it
 * may. */
static enum verdict check_authority(struct exec *x,
                                    const char *code,
                                    uint64_t number,
                                    const char *giving,
                                    struct security_row *s,
                                    struct freeze_row *f)
{
    const struct hash tree = security_key(code);
    const struct hash key = number_key(number);
    const struct hash given = security_key(giving);
    enum verdict v;

    if (!exec_find_security(x, s, code))
        return exec_refuse(x, V_UNKNOWN, &tree, 0, 0);
    if (!exec_freeze(x->b->view, f, code, number))
        return exec_refuse(x, V_UNKNOWN, &key, 0, 0);
    if (!authority_exists(x, giving))
        return exec_refuse(x, V_UNKNOWN, &given, 0, 0);
    /* R146: A freeze is released and renewed by the authority that ordered it
     * or its superior. */
    if (!authority_over(x, giving, f->authority))
        return exec_refuse(x, V_FREEZE_AUTHORITY, &given, 0, 0);
    v = exec_open_security(s, true);
    if (v != V_OK)
        return exec_refuse(x, v, &tree, 0, 0);
    return V_OK;
}

enum verdict rule_freeze_release(struct exec *x,
                                 const struct op_freeze_release *op)
{
    const struct hash key = number_key(op->number);
    struct security_row s;
    struct side a;
    struct freeze_row f = {0};
    struct t_plus t;
    struct position_day day;
    uint64_t from_queue;
    uint64_t left;
    uint64_t q;
    struct event e = {.kind = EVENT_FREEZE_RELEASED,
                      .number = op->number,
                      .document = op->document};
    const enum verdict v =
        check_authority(x, op->security, op->number, op->authority, &s, &f);

    if (v != V_OK)
        return v;
    if (f.status != FREEZE_ACTIVE)
        return exec_refuse(x, V_FREEZE_LAPSED, &key, 0, 0);
    left = f.effective.shares + f.queued.shares;
    q = op->quantity.shares != 0 ? op->quantity.shares : left;
    if (q > left)
        return exec_refuse(x, V_QUANTITY, &key, left, q);
    if (!side_get(x, &a, &s, &f.account))
        return exec_refuse(x, V_UNKNOWN, &f.account, 0, 0);
    day = exec_day(x, &t, &s);
    position_normalise(&a.h, &day);
    /* R147: A release takes from the queue first, then from what is effective.
     *
     * R148: Shares that a freeze gives up go to the queues in rank order, in
     * the same transaction or due work. */
    if (!position_unfreeze(&a.h, &from_queue, q, f.number))
        return exec_refuse(x, V_LIMIT, &f.account, 0, SEGMENTS_MAX);
    f.released.shares += q;
    freeze_follow(&s, &f, &a.h);
    (void)freeze_end_if_empty(&s, &f, FREEZE_RELEASED);
    e.account = f.account;
    e.quantity = f.effective.shares;
    e.second = f.queued.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    exec_put_freeze(x, &f, s.code);
    side_put(x, &a, &s);
    freeze_settle(x, &s, &a.h, &a.id, f.number);
    exec_put_security(x, &s);
    return V_OK;
}

enum verdict rule_freeze_renew(struct exec *x, const struct op_freeze_renew *op)
{
    const struct hash key = number_key(op->number);
    struct security_row s;
    struct freeze_row f = {0};
    uint32_t last = 0;
    struct event e = {.kind = EVENT_FREEZE_RENEWED,
                      .number = op->number,
                      .document = op->document};
    const enum verdict v =
        check_authority(x, op->security, op->number, op->authority, &s, &f);

    if (v != V_OK)
        return v;
    /* R149: A freeze is renewed before it has ended, to a later last day at
     * most three years from the day of the entry, and keeps its rank. */
    if (!three_years_after(&last, x->b->date) || op->to > last ||
        op->to <= f.to)
        return exec_refuse(x, V_FREEZE_TERM, &key, op->to, last);
    if (f.status != FREEZE_ACTIVE || f.to < x->b->date)
        return exec_refuse(x, V_FREEZE_LAPSED, &key, f.to, x->b->date);
    f.to = op->to;
    f.document = op->document;
    enter_due(x, &s, &f);
    e.account = f.account;
    e.quantity = f.effective.shares;
    e.second = f.queued.shares;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    exec_put_freeze(x, &f, s.code);
    exec_put_security(x, &s);
    return V_OK;
}
