#include "ledger/position.h"

#include "base/check.h"
#include "base/num.h"

static int cmp_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

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

static void drop_segment(struct holding_row *h, uint32_t i)
{
    ASSERT(i < h->segment_count);
    h->segment_count--;
    memmove(&h->segments[i],
            &h->segments[i + 1],
            (h->segment_count - i) * sizeof h->segments[0]);
}

/* What keeps a segment from being sold today. */
enum hold {
    HOLD_NONE,
    HOLD_T_PLUS,
    HOLD_LOCK,
    HOLD_CALENDAR,
    HOLD_ENCUMBERED,
};

static enum hold hold_of(const struct segment *s,
                         const struct position_day *day)
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
        switch (hold_of(s, day)) {
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

static bool carries_pledge(const struct segment *s, uint64_t number)
{
    for (uint32_t i = 0; i < s->pledge_count; i++) {
        if (s->pledges[i].number == number)
            return true;
    }
    return false;
}

static bool selected(const struct segment *s, const struct selector *sel)
{
    if (sel->nature != NATURE_ANY && s->nature != sel->nature)
        return false;
    if (sel->pledge != 0 && !carries_pledge(s, sel->pledge))
        return false;
    return sel->freeze == 0 || s->freeze == sel->freeze;
}

/* What of the selected shares is free, and what keeps the rest. */
static struct position_totals totals_selected(const struct holding_row *h,
                                              const struct selector *sel,
                                              const struct position_day *day)
{
    struct holding_row some;

    some.segment_count = 0;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (selected(&h->segments[i], sel))
            some.segments[some.segment_count++] = h->segments[i];
    }
    return position_totals_of(&some, day);
}

enum verdict position_take(struct holding_row *h,
                           struct segment *taken,
                           uint32_t *taken_count,
                           uint64_t *have,
                           uint64_t quantity,
                           const struct selector *sel,
                           const struct position_day *day)
{
    const struct position_totals t = totals_selected(h, sel, day);
    uint64_t left = quantity;
    uint32_t i = 0;

    *taken_count = 0;
    *have = t.available;
    if (t.available < quantity) {
        if (t.calendar_missing)
            return V_CALENDAR;
        if (t.t_plus > 0 && quantity - t.available <= t.t_plus)
            return V_T5;
        if (sel->pledge != 0 && t.pledged > 0)
            return V_PLEDGED;
        if (sel->freeze != 0 && t.frozen > 0)
            return V_FROZEN;
        if (t.locked > 0 && quantity - t.available <= t.locked + t.t_plus)
            return V_LOCKED;
        return V_AVAILABLE;
    }
    while (left > 0) {
        struct segment *s = &h->segments[i];
        const uint64_t q = num_min_u64(left, s->quantity.shares);

        if (!selected(s, sel) || hold_of(s, day) != HOLD_NONE) {
            i++;
            continue;
        }
        taken[*taken_count] = *s;
        taken[(*taken_count)++].quantity.shares = q;
        left -= q;
        s->quantity.shares -= q;
        if (s->quantity.shares == 0)
            drop_segment(h, i);
        else
            i++;
    }
    return V_OK;
}

/* Moves q shares of segment i to the same attributes as changed by `to` (all
 * but its quantity).  The caller restarts its walk: indexes shift. */
static bool change_some(struct holding_row *h,
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
        drop_segment(h, i);
    return position_put(h, &moved, limit);
}

enum verdict position_pledge(struct holding_row *h,
                             uint64_t *have,
                             uint64_t quantity,
                             uint64_t number,
                             const struct selector *sel,
                             const struct position_day *day)
{
    static const enum hold order[] = {
        HOLD_NONE, HOLD_T_PLUS, HOLD_CALENDAR, HOLD_LOCK};
    const struct position_totals t = totals_selected(h, sel, day);
    struct holding_row next = *h;
    uint64_t left = quantity;
    uint64_t free_shares = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];

        if (selected(s, sel) && s->pledge_count == 0 && s->freeze == 0)
            free_shares += s->quantity.shares;
    }
    *have = free_shares;
    if (free_shares < quantity) {
        if (sel->freeze != 0 && t.frozen > 0)
            return V_FROZEN;
        if (sel->pledge != 0 && t.pledged > 0)
            return V_PLEDGE_REPEAT;
        return V_AVAILABLE;
    }
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        for (uint32_t i = 0; left > 0 && i < next.segment_count;) {
            const struct segment *s = &next.segments[i];
            struct segment to = *s;
            uint64_t q;

            if (!selected(s, sel) || hold_of(s, day) != order[k]) {
                i++;
                continue;
            }
            q = num_min_u64(left, s->quantity.shares);
            to.pledge_count = 1;
            to.pledges[0].number = number;
            if (!change_some(&next, i, q, &to, SEGMENTS_VOLUNTARY_MAX))
                return V_LIMIT;
            left -= q;
            i = 0;
        }
    }
    ASSERT(left == 0);
    *h = next;
    return V_OK;
}

static void without_pledge(struct segment *s, uint64_t number)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < s->pledge_count; i++) {
        if (s->pledges[i].number != number)
            s->pledges[kept++] = s->pledges[i];
    }
    s->pledge_count = kept;
}

bool position_unpledge(struct holding_row *h,
                       uint64_t quantity,
                       uint64_t number)
{
    struct holding_row next = *h;
    uint64_t left = quantity;

    for (int frozen = 0; frozen <= 1; frozen++) {
        for (uint32_t i = 0; left > 0 && i < next.segment_count;) {
            const struct segment *s = &next.segments[i];
            struct segment to = *s;
            uint64_t q;

            if (!carries_pledge(s, number) || (s->freeze != 0) != frozen) {
                i++;
                continue;
            }
            q = num_min_u64(left, s->quantity.shares);
            without_pledge(&to, number);
            if (!change_some(&next, i, q, &to, SEGMENTS_MAX))
                return false;
            left -= q;
            i = 0;
        }
    }
    if (left > 0)
        return false;
    *h = next;
    return true;
}

static uint64_t total_of(const struct holding_row *h)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < h->segment_count; i++)
        total += h->segments[i].quantity.shares;
    return total;
}

static uint64_t unfrozen_of(const struct holding_row *h)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (h->segments[i].freeze == 0)
            total += h->segments[i].quantity.shares;
    }
    return total;
}

/* The order in which a freeze takes shares: unpledged and free, T+n, locked,
 * then pledged, the latest pledge first. */
static bool better_to_freeze(const struct segment *a,
                             const struct segment *b,
                             const struct position_day *day)
{
    const bool a_pledged = a->pledge_count > 0;
    const bool b_pledged = b->pledge_count > 0;

    if (a_pledged != b_pledged)
        return b_pledged;
    if (a_pledged) {
        const uint64_t x = a->pledges[a->pledge_count - 1].number;
        const uint64_t y = b->pledges[b->pledge_count - 1].number;

        return x != y ? x > y : segment_cmp(a, b) < 0;
    }
    if (hold_of(a, day) != hold_of(b, day)) {
        const bool a_locked = a->lock_until > day->date;
        const bool b_locked = b->lock_until > day->date;

        if (a_locked != b_locked)
            return b_locked;
        return hold_of(a, day) == HOLD_NONE;
    }
    return segment_cmp(a, b) < 0;
}

/* Puts freeze `number` on q unfrozen shares. */
static bool freeze_shares(struct holding_row *h,
                          uint64_t q,
                          uint64_t number,
                          const struct position_day *day)
{
    while (q > 0) {
        int best = -1;
        struct segment to;
        uint64_t n;

        for (uint32_t i = 0; i < h->segment_count; i++) {
            if (h->segments[i].freeze == 0 &&
                (best < 0 ||
                 better_to_freeze(&h->segments[i], &h->segments[best], day)))
                best = (int)i;
        }
        ASSERT(best >= 0);
        to = h->segments[best];
        n = num_min_u64(q, to.quantity.shares);
        to.freeze = number;
        if (!change_some(h, (uint32_t)best, n, &to, SEGMENTS_MAX))
            return false;
        q -= n;
    }
    return true;
}

/* Takes freeze `number` off q shares and puts `instead` on them (0: none). */
static bool refreeze_shares(struct holding_row *h,
                            uint64_t q,
                            uint64_t number,
                            uint64_t instead)
{
    for (uint32_t i = 0; q > 0 && i < h->segment_count;) {
        struct segment to = h->segments[i];
        uint64_t n;

        if (to.freeze != number) {
            i++;
            continue;
        }
        n = num_min_u64(q, to.quantity.shares);
        to.freeze = instead;
        if (!change_some(h, i, n, &to, SEGMENTS_MAX))
            return false;
        q -= n;
        i = 0;
    }
    return q == 0;
}

bool position_freeze(struct holding_row *h,
                     uint64_t *unfulfilled,
                     uint64_t number,
                     uint64_t rank_ms,
                     uint64_t requested,
                     const struct position_day *day)
{
    struct holding_row next = *h;
    struct holding_freeze mine = {.number = number, .rank_ms = rank_ms};
    const uint64_t total = total_of(&next);
    uint32_t place = 0;
    uint64_t q;

    if (next.freeze_count >= HOLDING_FREEZES_MAX)
        return false;
    while (place < next.freeze_count && next.freezes[place].rank_ms <= rank_ms)
        place++;
    q = num_min_u64(requested, unfrozen_of(&next));
    if (!freeze_shares(&next, q, number, day))
        return false;
    mine.effective.shares = q;
    for (uint32_t i = next.freeze_count;
         i > place && mine.effective.shares < requested;
         i--) {
        struct holding_freeze *worst = &next.freezes[i - 1];

        q = num_min_u64(requested - mine.effective.shares,
                        worst->effective.shares);
        if (!refreeze_shares(&next, q, worst->number, number))
            return false;
        worst->effective.shares -= q;
        worst->queued.shares += q;
        mine.effective.shares += q;
    }
    mine.queued.shares = num_min_u64(requested - mine.effective.shares,
                                     total - mine.effective.shares);
    *unfulfilled = requested - mine.effective.shares - mine.queued.shares;
    if (mine.effective.shares + mine.queued.shares > 0) {
        memmove(&next.freezes[place + 1],
                &next.freezes[place],
                (next.freeze_count - place) * sizeof next.freezes[0]);
        next.freezes[place] = mine;
        next.freeze_count++;
    }
    *h = next;
    return true;
}

/* The shares that freeze `number` gives up go to the queue, best rank first,
 * the rest free.  Only they: a queue does not attach to what came in later. */
static bool promote(struct holding_row *h, uint64_t q, uint64_t number)
{
    for (uint32_t i = 0; i < h->freeze_count && q > 0; i++) {
        struct holding_freeze *f = &h->freezes[i];
        const uint64_t n = num_min_u64(f->queued.shares, q);

        if (n == 0 || f->number == number)
            continue;
        if (!refreeze_shares(h, n, number, f->number))
            return false;
        f->queued.shares -= n;
        f->effective.shares += n;
        q -= n;
    }
    return refreeze_shares(h, q, number, 0);
}

bool position_unfreeze(struct holding_row *h,
                       uint64_t *from_queue,
                       uint64_t quantity,
                       uint64_t number)
{
    struct holding_row next = *h;
    uint32_t at = 0;
    uint64_t q;

    while (at < next.freeze_count && next.freezes[at].number != number)
        at++;
    if (at == next.freeze_count)
        return false;
    if (quantity >
        next.freezes[at].effective.shares + next.freezes[at].queued.shares)
        return false;
    *from_queue = num_min_u64(quantity, next.freezes[at].queued.shares);
    next.freezes[at].queued.shares -= *from_queue;
    q = quantity - *from_queue;
    next.freezes[at].effective.shares -= q;
    if (!promote(&next, q, number))
        return false;
    if (next.freezes[at].effective.shares == 0 &&
        next.freezes[at].queued.shares == 0) {
        next.freeze_count--;
        memmove(&next.freezes[at],
                &next.freezes[at + 1],
                (next.freeze_count - at) * sizeof next.freezes[0]);
    }
    *h = next;
    return true;
}
