/* What happens to freezes by itself: lapse on the day after the last one, and
 * what a change of the holding means to the freezes on it. */
#include "ledger/rule_freeze.h"

#include "base/check.h"

/* What the list says of a freeze; zeros if it is not there. */
static struct holding_freeze entry_of(const struct holding_row *h,
                                      uint64_t number)
{
    for (uint32_t i = 0; i < h->freeze_count; i++) {
        if (h->freezes[i].number == number)
            return h->freezes[i];
    }
    return (struct holding_freeze){.number = number};
}

/* R145: Every share that an order asked for is effective, queued, released,
 * lapsed, executed or unfulfilled, at all times.
 *
 * R152: A security's totals count each share under an effective freeze as
 * frozen and each queue in full. */
void freeze_follow(struct security_row *s,
                   struct freeze_row *f,
                   const struct holding_row *h)
{
    const struct holding_freeze now = entry_of(h, f->number);

    s->frozen.shares += now.effective.shares - f->effective.shares;
    s->queued.shares += now.queued.shares - f->queued.shares;
    f->effective = now.effective;
    f->queued = now.queued;
}

bool freeze_end_if_empty(struct security_row *s,
                         struct freeze_row *f,
                         enum freeze_status status)
{
    if (f->status != FREEZE_ACTIVE || f->effective.shares > 0 ||
        f->queued.shares > 0)
        return false;
    f->status = (uint8_t)status;
    s->freezes_open--;
    s->court_reports -= f->court_report ? 1 : 0;
    return true;
}

void freeze_take_out(struct exec *x,
                     struct security_row *s,
                     struct freeze_row *f,
                     struct holding_row *h,
                     uint64_t q,
                     struct qty *as)
{
    const uint64_t before = f->effective.shares + f->queued.shares;

    position_leave(h, q, f->number);
    freeze_follow(s, f, h);
    as->shares += q;
    f->lapsed.shares += before - q - f->effective.shares - f->queued.shares;
    (void)freeze_end_if_empty(
        s, f, f->executed.shares > 0 ? FREEZE_EXECUTED : FREEZE_RELEASED);
    exec_put_freeze(x, f, s->code);
}

/* Writes one freeze that changed, with its event.  Returns whether it ended. */
static bool settle_one(struct exec *x,
                       struct security_row *s,
                       struct freeze_row *f,
                       struct holding_row *h)
{
    const uint64_t before = f->effective.shares + f->queued.shares;
    bool ended;
    struct event e = {.kind = EVENT_FREEZE_CHANGED,
                      .account = f->account,
                      .number = f->number};

    freeze_follow(s, f, h);
    /* R151: A queue that has no shares left to wait for lapses by what is
     * missing. */
    ASSERT(f->effective.shares + f->queued.shares <= before);
    f->lapsed.shares += before - f->effective.shares - f->queued.shares;
    ended = freeze_end_if_empty(s, f, FREEZE_LAPSED);
    if (ended)
        e.kind = EVENT_FREEZE_LAPSED;
    e.quantity = f->effective.shares;
    e.second = f->queued.shares;
    memcpy(e.security, s->code, sizeof e.security);
    exec_emit(x, &e);
    exec_renew(x, &h->chain);
    exec_put_freeze(x, f, s->code);
    return ended;
}

void freeze_settle(struct exec *x,
                   struct security_row *s,
                   struct holding_row *h,
                   const struct hash *account,
                   uint64_t except)
{
    const struct hash tree = security_key(s->code);
    bool changed = false;

    for (uint32_t i = 0; i < h->freeze_count;) {
        const struct holding_freeze now = h->freezes[i];
        struct freeze_row f;
        bool found;

        i++;
        if (now.number == except)
            continue;
        found = exec_freeze(x->b->view, &f, s->code, now.number);
        ASSERT(found);
        if (f.effective.shares == now.effective.shares &&
            f.queued.shares == now.queued.shares)
            continue;
        changed = true;
        if (settle_one(x, s, &f, h)) {
            i--;
            h->freeze_count--;
            memmove(&h->freezes[i],
                    &h->freezes[i + 1],
                    (h->freeze_count - i) * sizeof h->freezes[0]);
        }
    }
    if (changed) {
        h->sequence++;
        exec_put(x, h, TABLE_HOLDINGS, &tree, account);
    }
}

/* R150: A freeze that is not renewed lapses in the first block dated after its
 * last day. */
void due_freeze(struct exec *x, const char *code, uint64_t number)
{
    struct due_row again = {.kind = DUE_FREEZE, .number = number};
    struct security_row s;
    struct side a;
    struct freeze_row f;
    struct t_plus t;
    struct position_day day;
    uint64_t from_queue;
    uint64_t left;
    bool found;
    struct event e = {.kind = EVENT_FREEZE_LAPSED, .number = number};

    /* Passed over: it ended before, was renewed, or went to another board. */
    if (!exec_find_security(x, &s, code) || s.status == SECURITY_WITHDRAWN ||
        !exec_freeze(x->b->view, &f, code, number) ||
        f.status != FREEZE_ACTIVE || f.to >= x->b->date)
        return;
    found = side_get(x, &a, &s, &f.account);
    ASSERT(found);
    day = exec_day(x, &t, &s);
    position_normalise(&a.h, &day);
    left = f.effective.shares + f.queued.shares;
    if (!position_unfreeze(&a.h, &from_queue, left, number)) {
        /* A holding can be too fragmented for the queue to move up.  Shares
         * stay frozen rather than escape it; the next day tries again. */
        memcpy(again.security, s.code, sizeof again.security);
        due_add(x, x->b->date + 1, &again);
        return;
    }
    f.lapsed.shares += left;
    freeze_follow(&s, &f, &a.h);
    (void)freeze_end_if_empty(&s, &f, FREEZE_LAPSED);
    e.account = f.account;
    memcpy(e.security, s.code, sizeof e.security);
    exec_emit(x, &e);
    exec_put_freeze(x, &f, s.code);
    side_put(x, &a, &s);
    freeze_settle(x, &s, &a.h, &a.id, number);
    exec_put_security(x, &s);
}
