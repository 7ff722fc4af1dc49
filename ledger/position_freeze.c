/* Freezes on the segments of a position, and their queue. */
#include "ledger/position_parts.h"

#include "base/check.h"
#include "base/num.h"

static uint64_t position_unfrozen(const struct holding_row *h)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (h->segments[i].freeze == 0)
            total += h->segments[i].quantity.shares;
    }
    return total;
}

/* Where a freeze stands in the list: by rank, then by number. */
static uint32_t place_of(const struct holding_row *h,
                         uint64_t number,
                         uint64_t rank_ms)
{
    uint32_t place = 0;

    while (place < h->freeze_count && (h->freezes[place].rank_ms < rank_ms ||
                                       (h->freezes[place].rank_ms == rank_ms &&
                                        h->freezes[place].number < number)))
        place++;
    return place;
}

static void insert(struct holding_row *h,
                   uint32_t place,
                   const struct holding_freeze *f)
{
    ASSERT(h->freeze_count < HOLDING_FREEZES_MAX);
    memmove(&h->freezes[place + 1],
            &h->freezes[place],
            (h->freeze_count - place) * sizeof h->freezes[0]);
    h->freezes[place] = *f;
    h->freeze_count++;
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
                (best < 0 || position_freezes_before(
                                 &h->segments[i], &h->segments[best], day)))
                best = (int)i;
        }
        ASSERT(best >= 0);
        to = h->segments[best];
        n = num_min_u64(q, to.quantity.shares);
        to.freeze = number;
        if (!position_change(h, (uint32_t)best, n, &to, SEGMENTS_MAX))
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
        if (!position_change(h, i, n, &to, SEGMENTS_MAX))
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
    const uint64_t total = position_total(&next);
    const uint32_t place = place_of(h, number, rank_ms);
    uint64_t q;

    if (next.freeze_count >= HOLDING_FREEZES_MAX)
        return false;
    q = num_min_u64(requested, position_unfrozen(&next));
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
    if (mine.effective.shares + mine.queued.shares > 0)
        insert(&next, place, &mine);
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

/* A queue waits for shares that are there: this caps each at what the freeze
 * does not hold yet.  Freeze `number` leaves the list if it has nothing left;
 * others stay with zeros until their rows are written (freeze_settle). */
static void cap_queues(struct holding_row *h, uint64_t number)
{
    const uint64_t total = position_total(h);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < h->freeze_count; i++) {
        struct holding_freeze f = h->freezes[i];
        const uint64_t held = num_min_u64(f.effective.shares, total);

        f.queued.shares = num_min_u64(f.queued.shares, total - held);
        if (f.number != number || f.effective.shares + f.queued.shares > 0)
            h->freezes[kept++] = f;
    }
    h->freeze_count = kept;
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
    cap_queues(&next, number);
    *h = next;
    return true;
}

void position_leave(struct holding_row *h, uint64_t quantity, uint64_t number)
{
    for (uint32_t i = 0; number != 0 && i < h->freeze_count; i++) {
        if (h->freezes[i].number == number) {
            ASSERT(h->freezes[i].effective.shares >= quantity);
            h->freezes[i].effective.shares -= quantity;
        }
    }
    cap_queues(h, number);
}

bool position_arrive(struct holding_row *h,
                     uint64_t number,
                     uint64_t rank_ms,
                     uint64_t quantity)
{
    const struct holding_freeze f = {
        .number = number, .rank_ms = rank_ms, .effective = {quantity}};

    if (h->freeze_count >= HOLDING_FREEZES_MAX)
        return false;
    insert(h, place_of(h, number, rank_ms), &f);
    return true;
}
