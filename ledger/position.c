#include "ledger/position_parts.h"

#include "base/check.h"
#include "base/num.h"

static int cmp_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

/* R8: A position is a list of segments with one nature, lock, trade day, row of
 * pledges and freeze each; segments that are alike merge, and what is available
 * is derived, never stored. */
int segment_cmp(const struct segment *a, const struct segment *b)
{
    int c = cmp_u64(a->nature, b->nature);

    if (c == 0)
        c = cmp_u64(a->lock_until, b->lock_until);
    if (c == 0)
        c = cmp_u64(a->trade_day, b->trade_day);
    if (c == 0)
        c = cmp_u64(a->pledge_count, b->pledge_count);
    for (uint32_t i = 0; c == 0 && i < a->pledge_count; i++)
        c = cmp_u64(a->pledges[i].number, b->pledges[i].number);
    if (c == 0)
        c = cmp_u64(a->freeze, b->freeze);
    return c;
}

bool position_put(struct holding_row *h,
                  const struct segment *s,
                  uint32_t limit)
{
    uint32_t i = 0;

    ASSERT(s->quantity.shares >= 1);
    while (i < h->segment_count && segment_cmp(&h->segments[i], s) < 0)
        i++;
    if (i < h->segment_count && segment_cmp(&h->segments[i], s) == 0)
        return num_add_u64(&h->segments[i].quantity.shares,
                           h->segments[i].quantity.shares,
                           s->quantity.shares);
    if (h->segment_count >= limit || h->segment_count >= SEGMENTS_MAX)
        return false;
    memmove(&h->segments[i + 1],
            &h->segments[i],
            (h->segment_count - i) * sizeof h->segments[0]);
    h->segments[i] = *s;
    h->segment_count++;
    return true;
}

void position_drop(struct holding_row *h, uint32_t i)
{
    ASSERT(i < h->segment_count);
    h->segment_count--;
    memmove(&h->segments[i],
            &h->segments[i + 1],
            (h->segment_count - i) * sizeof h->segments[0]);
}

enum hold position_hold(const struct segment *s, const struct position_day *day)
{
    if (s->pledge_count > 0 || s->freeze != 0)
        return HOLD_ENCUMBERED;
    if (s->lock_until > day->date)
        return HOLD_LOCK;
    if (s->trade_day != 0 && day->t_plus_over != NULL) {
        const int over = day->t_plus_over(day->ctx, s->trade_day);

        if (over < 0)
            return HOLD_CALENDAR;
        if (over == 0)
            return HOLD_T_PLUS;
    }
    return HOLD_NONE;
}

struct position_totals position_totals_of(const struct holding_row *h,
                                          const struct position_day *day)
{
    struct position_totals t = {0};

    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];
        const uint64_t q = s->quantity.shares;

        t.total += q; /* cannot wrap: the sum is at most the issued shares */
        if (s->pledge_count > 0)
            t.pledged += q;
        if (s->freeze != 0)
            t.frozen += q;
        switch (position_hold(s, day)) {
        case HOLD_NONE:
            t.available += q;
            break;
        case HOLD_T_PLUS:
            t.t_plus += q;
            break;
        case HOLD_LOCK:
            t.locked += q;
            break;
        case HOLD_CALENDAR:
            t.calendar_missing = true;
            break;
        case HOLD_ENCUMBERED:
            break;
        }
    }
    return t;
}

void position_normalise(struct holding_row *h, const struct position_day *day)
{
    bool changed = false;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        struct segment *s = &h->segments[i];

        if (s->lock_until != 0 && s->lock_until <= day->date) {
            s->lock_until = 0;
            changed = true;
        }
        if (s->trade_day != 0 &&
            (day->t_plus_over == NULL ||
             day->t_plus_over(day->ctx, s->trade_day) == 1)) {
            s->trade_day = 0;
            changed = true;
        }
    }
    if (changed) {
        struct segment old[SEGMENTS_MAX];
        const uint32_t count = h->segment_count;

        memcpy(old, h->segments, count * sizeof old[0]);
        h->segment_count = 0;
        for (uint32_t i = 0; i < count; i++) {
            const bool fits = position_put(h, &old[i], SEGMENTS_MAX);

            ASSERT(fits);
        }
    }
}

bool position_carries(const struct segment *s, uint64_t number)
{
    for (uint32_t i = 0; i < s->pledge_count; i++) {
        if (s->pledges[i].number == number)
            return true;
    }
    return false;
}

bool position_selected(const struct segment *s, const struct selector *sel)
{
    if (sel->nature != NATURE_ANY && s->nature != sel->nature)
        return false;
    if (sel->pledge != 0 && !position_carries(s, sel->pledge))
        return false;
    return sel->freeze == 0 || s->freeze == sel->freeze;
}

struct position_totals position_totals_selected(const struct holding_row *h,
                                                const struct selector *sel,
                                                const struct position_day *day)
{
    struct holding_row some;

    some.segment_count = 0;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (position_selected(&h->segments[i], sel))
            some.segments[some.segment_count++] = h->segments[i];
    }
    return position_totals_of(&some, day);
}

uint64_t position_total(const struct holding_row *h)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < h->segment_count; i++)
        total += h->segments[i].quantity.shares;
    return total;
}

/* What a segment would be but for its freeze: 0 available, 1 under T+n, 2
 * locked. */
static int free_hold(const struct segment *s, const struct position_day *day)
{
    struct segment bare = *s;

    bare.freeze = 0;
    switch (position_hold(&bare, day)) {
    case HOLD_T_PLUS:
    case HOLD_CALENDAR:
        return 1;
    case HOLD_LOCK:
        return 2;
    case HOLD_NONE:
    case HOLD_ENCUMBERED:
        break;
    }
    return 0;
}

bool position_freezes_before(const struct segment *a,
                             const struct segment *b,
                             const struct position_day *day)
{
    const bool a_pledged = a->pledge_count > 0;
    const bool b_pledged = b->pledge_count > 0;
    int x;
    int y;

    if (a_pledged != b_pledged)
        return b_pledged;
    if (a_pledged) {
        const uint64_t p = a->pledges[a->pledge_count - 1].number;
        const uint64_t q = b->pledges[b->pledge_count - 1].number;

        return p != q ? p > q : segment_cmp(a, b) < 0;
    }
    x = free_hold(a, day);
    y = free_hold(b, day);
    return x != y ? x < y : segment_cmp(a, b) < 0;
}

bool position_change(struct holding_row *h,
                     uint32_t i,
                     uint64_t q,
                     const struct segment *to,
                     uint32_t limit)
{
    struct segment moved = *to;

    ASSERT(q >= 1 && q <= h->segments[i].quantity.shares);
    moved.quantity.shares = q;
    h->segments[i].quantity.shares -= q;
    if (h->segments[i].quantity.shares == 0)
        position_drop(h, i);
    return position_put(h, &moved, limit);
}

/* Whether the shares of a segment may go in this way. */
static bool takes(const struct segment *s,
                  const struct selector *sel,
                  const struct position_day *day,
                  enum take how)
{
    struct segment bare = *s;

    if (sel->nature != NATURE_ANY && s->nature != sel->nature)
        return false;
    switch (how) {
    case TAKE_AVAILABLE:
        return position_selected(s, sel) && position_hold(s, day) == HOLD_NONE;
    case TAKE_PLEDGED:
        bare.pledge_count = 0;
        return s->pledge_count == 1 && s->pledges[0].number == sel->pledge &&
               position_hold(&bare, day) == HOLD_NONE;
    case TAKE_EXACT:
        return s->freeze == sel->freeze &&
               (sel->pledge == 0 ? s->pledge_count == 0
                                 : s->pledge_count > 0 &&
                                       s->pledges[0].number == sel->pledge);
    case TAKE_ORDERED:
        return s->freeze == sel->freeze;
    }
    return false;
}

/* Why there are too few: the first reason that would cover what is missing. */
static enum verdict shortage(const struct holding_row *h,
                             const struct selector *sel,
                             const struct position_day *day,
                             enum take how,
                             uint64_t missing)
{
    struct holding_row some;
    struct position_totals t;

    if (how == TAKE_EXACT || how == TAKE_ORDERED)
        return V_AVAILABLE;
    some.segment_count = 0;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        struct segment s = h->segments[i];

        if (!position_selected(&s, sel))
            continue;
        if (how == TAKE_PLEDGED && s.pledge_count == 1)
            s.pledge_count = 0; /* the consent covers this one */
        some.segments[some.segment_count++] = s;
    }
    t = position_totals_of(&some, day);
    if (t.calendar_missing)
        return V_CALENDAR;
    if (missing <= t.t_plus)
        return V_T5;
    if (how == TAKE_PLEDGED ? t.pledged > 0 : sel->pledge != 0 && t.pledged > 0)
        return V_PLEDGED;
    if ((how == TAKE_PLEDGED || sel->freeze != 0) && t.frozen > 0)
        return V_FROZEN;
    if (t.locked > 0 && missing <= t.locked + t.t_plus)
        return V_LOCKED;
    return V_AVAILABLE;
}

/* The next segment to take from, or -1. */
static int next_to_take(const struct holding_row *h,
                        const struct selector *sel,
                        const struct position_day *day,
                        enum take how)
{
    int best = -1;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (!takes(&h->segments[i], sel, day, how))
            continue;
        if (how != TAKE_ORDERED)
            return (int)i;
        if (best < 0 ||
            position_freezes_before(&h->segments[i], &h->segments[best], day))
            best = (int)i;
    }
    return best;
}

enum verdict position_take(struct holding_row *h,
                           struct segment *taken,
                           uint32_t *taken_count,
                           uint64_t *have,
                           uint64_t quantity,
                           const struct selector *sel,
                           const struct position_day *day,
                           enum take how)
{
    uint64_t left = quantity;

    *taken_count = 0;
    *have = 0;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (takes(&h->segments[i], sel, day, how))
            *have += h->segments[i].quantity.shares;
    }
    if (*have < quantity)
        return shortage(h, sel, day, how, quantity - *have);
    while (left > 0) {
        const int i = next_to_take(h, sel, day, how);
        struct segment *s;
        uint64_t q;

        ASSERT(i >= 0);
        s = &h->segments[i];
        q = num_min_u64(left, s->quantity.shares);
        taken[*taken_count] = *s;
        taken[(*taken_count)++].quantity.shares = q;
        left -= q;
        s->quantity.shares -= q;
        if (s->quantity.shares == 0)
            position_drop(h, (uint32_t)i);
    }
    return V_OK;
}

/* Sets the lock of up to *left shares that have lock `was`; free ones only if
 * asked. */
static bool lock_some(struct holding_row *h,
                      uint64_t *left,
                      uint32_t was,
                      uint32_t until,
                      const struct position_day *day,
                      bool free_only)
{
    for (uint32_t i = 0; *left > 0 && i < h->segment_count;) {
        struct segment to = h->segments[i];
        uint64_t q;

        if (to.lock_until != was ||
            (free_only && position_hold(&to, day) != HOLD_NONE)) {
            i++;
            continue;
        }
        q = num_min_u64(*left, to.quantity.shares);
        to.lock_until = until;
        if (!position_change(h, i, q, &to, SEGMENTS_VOLUNTARY_MAX))
            return false;
        *left -= q;
        i = 0;
    }
    return true;
}

enum verdict position_lock(struct holding_row *h,
                           uint64_t *have,
                           uint64_t quantity,
                           uint32_t was,
                           uint32_t until,
                           const struct position_day *day)
{
    struct holding_row next = *h;
    uint64_t left = quantity;

    ASSERT(was != until);
    *have = 0;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (h->segments[i].lock_until == was)
            *have += h->segments[i].quantity.shares;
    }
    if (*have < quantity)
        return was == 0 ? V_AVAILABLE : V_LOCKED;
    if (!lock_some(&next, &left, was, until, day, true) ||
        !lock_some(&next, &left, was, until, day, false))
        return V_LIMIT;
    ASSERT(left == 0);
    *h = next;
    return V_OK;
}
