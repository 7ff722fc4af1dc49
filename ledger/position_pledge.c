/* Pledges on the segments of a position. */
#include "ledger/position_parts.h"

#include "base/check.h"
#include "base/num.h"

enum verdict position_pledge(struct holding_row *h,
                             uint64_t *have,
                             uint64_t quantity,
                             uint64_t number,
                             const struct selector *sel,
                             const struct position_day *day)
{
    static const enum hold order[] = {
        HOLD_NONE, HOLD_T_PLUS, HOLD_CALENDAR, HOLD_LOCK};
    const struct position_totals t = position_totals_selected(h, sel, day);
    struct holding_row next = *h;
    uint64_t left = quantity;
    uint64_t free_shares = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];

        if (position_selected(s, sel) && s->pledge_count == 0 && s->freeze == 0)
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

            if (!position_selected(s, sel) ||
                position_hold(s, day) != order[k]) {
                i++;
                continue;
            }
            q = num_min_u64(left, s->quantity.shares);
            to.pledge_count = 1;
            to.pledges[0].number = number;
            if (!position_change(&next, i, q, &to, SEGMENTS_VOLUNTARY_MAX))
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

            if (!position_carries(s, number) || (s->freeze != 0) != frozen) {
                i++;
                continue;
            }
            q = num_min_u64(left, s->quantity.shares);
            without_pledge(&to, number);
            if (!position_change(&next, i, q, &to, SEGMENTS_MAX))
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

uint64_t position_pledged_by(const struct holding_row *h, uint64_t number)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (position_carries(&h->segments[i], number))
            sum += h->segments[i].quantity.shares;
    }
    return sum;
}

/* Whether every pledge on the segment is among the priors, and there is one. */
static bool only_behind(const struct segment *s,
                        const uint64_t *priors,
                        uint32_t prior_count)
{
    for (uint32_t i = 0; i < s->pledge_count; i++) {
        bool found = false;

        for (uint32_t k = 0; k < prior_count; k++)
            found = found || priors[k] == s->pledges[i].number;
        if (!found)
            return false;
    }
    return s->pledge_count > 0;
}

enum verdict position_pledge_behind(struct holding_row *h,
                                    uint64_t *have,
                                    uint64_t quantity,
                                    uint64_t number,
                                    const uint64_t *priors,
                                    uint32_t prior_count)
{
    struct holding_row next = *h;
    uint64_t left = quantity;

    *have = 0;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (h->segments[i].freeze == 0 &&
            only_behind(&h->segments[i], priors, prior_count))
            *have += h->segments[i].quantity.shares;
    }
    if (*have < quantity)
        return V_AVAILABLE;
    for (uint32_t i = 0; left > 0 && i < next.segment_count;) {
        struct segment to = next.segments[i];
        uint64_t q;

        if (to.freeze != 0 || !only_behind(&to, priors, prior_count)) {
            i++;
            continue;
        }
        if (to.pledge_count >= SEGMENT_PLEDGES_MAX)
            return V_LIMIT;
        q = num_min_u64(left, to.quantity.shares);
        to.pledges[to.pledge_count++].number = number;
        if (!position_change(&next, i, q, &to, SEGMENTS_VOLUNTARY_MAX))
            return V_LIMIT;
        left -= q;
        i = 0;
    }
    ASSERT(left == 0);
    *h = next;
    return V_OK;
}
