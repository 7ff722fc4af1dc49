/* Properties of positions, for any sequence of operations:
 *   P1  segments are canonical: strictly ascending, merged, none empty, and no
 *       more than fit
 *   P2  every function does to the position what it does to a heap of single
 *       shares, chosen one by one (the model), so totals, sums per pledge and
 *       sums per freeze agree
 *   P3  a failed function changes nothing
 *   P4  the freeze list: rank order, effective = the shares that carry it,
 *       never more waited for than there is, no entry without a share, and no
 *       frozen share without an entry
 *   P5  what a release sets free goes to the queue, only that
 *   P6  a queue waits for no more than the freeze does not hold yet
 *
 * SEED=n in the environment repeats a run. */
#include "base/check.h"
#include "ledger/position.h"
#include "tests/property/dice.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t seed = 1;

enum {
    UNITS_MAX = 400,
    UNIT_PLEDGES_MAX = 2,
    DAYS = 6, /* trade days 1..5; 0 = none */
    TODAY = 100,
    STEPS = 300000,
};

/* One share. */
struct unit {
    uint8_t nature;
    uint32_t lock;
    uint32_t day;
    uint32_t pledge_count;
    uint64_t pledge[UNIT_PLEDGES_MAX];
    uint64_t freeze;
};

struct world {
    struct dice d;
    int t_plus[DAYS]; /* 1 over, 0 not, -1 no calendar */
    struct position_day day;
    uint32_t unit_limit;
    uint32_t natures;
    uint64_t next_pledge;
    uint64_t next_freeze;

    uint32_t count;
    struct unit units[UNITS_MAX]; /* in canonical order */
    uint32_t freeze_count;
    struct holding_freeze freezes[HOLDING_FREEZES_MAX + 1];

    struct holding_row row;
    uint32_t refused; /* by a limit */
    uint32_t done[7];
};

static int t_plus(void *ctx, uint32_t day)
{
    const struct world *w = ctx;

    return w->t_plus[day];
}

static int cmp(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* The canonical order, from docs/RULES.md and rows.h. */
static int unit_cmp(const void *x, const void *y)
{
    const struct unit *a = x;
    const struct unit *b = y;
    const uint64_t left[] = {a->nature,
                             a->lock,
                             a->day,
                             a->pledge_count,
                             a->pledge[0],
                             a->pledge[1],
                             a->freeze};
    const uint64_t right[] = {b->nature,
                              b->lock,
                              b->day,
                              b->pledge_count,
                              b->pledge[0],
                              b->pledge[1],
                              b->freeze};
    int c = 0;

    for (size_t i = 0; c == 0 && i < ARRAY_LEN(left); i++)
        c = cmp(left[i], right[i]);
    return c;
}

static void sort_units(struct world *w)
{
    qsort(w->units, w->count, sizeof w->units[0], unit_cmp);
}

/* Why a share cannot be sold today. */
enum why { FREE, WAITS, NO_CALENDAR, LOCKED, BURDENED };

static enum why why_held(const struct world *w, const struct unit *u)
{
    if (u->pledge_count > 0 || u->freeze != 0)
        return BURDENED;
    if (u->lock > w->day.date)
        return LOCKED;
    if (u->day == 0 || w->day.t_plus_over == NULL || w->t_plus[u->day] == 1)
        return FREE;
    return w->t_plus[u->day] == 0 ? WAITS : NO_CALENDAR;
}

static bool has_pledge(const struct unit *u, uint64_t number)
{
    for (uint32_t i = 0; i < u->pledge_count; i++) {
        if (u->pledge[i] == number)
            return true;
    }
    return false;
}

static bool matches(const struct unit *u, const struct selector *s)
{
    return (s->nature == NATURE_ANY || s->nature == u->nature) &&
           (s->pledge == 0 || has_pledge(u, s->pledge)) &&
           (s->freeze == 0 || s->freeze == u->freeze);
}

static uint32_t segments_of(struct segment *out,
                            const struct unit *u,
                            uint32_t n)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++) {
        struct segment *s = &out[count];

        if (i > 0 && unit_cmp(&u[i - 1], &u[i]) == 0) {
            out[count - 1].quantity.shares++;
            continue;
        }
        *s = (struct segment){.quantity = {1},
                              .nature = u[i].nature,
                              .lock_until = u[i].lock,
                              .trade_day = u[i].day,
                              .pledge_count = u[i].pledge_count,
                              .freeze = u[i].freeze};
        for (uint32_t k = 0; k < u[i].pledge_count; k++)
            s->pledges[k].number = u[i].pledge[k];
        count++;
    }
    return count;
}

static void assert_same_segments(const struct segment *a,
                                 uint32_t a_count,
                                 const struct segment *b,
                                 uint32_t b_count)
{
    assert_int_equal(a_count, b_count);
    for (uint32_t i = 0; i < a_count; i++) {
        assert_int_equal(segment_cmp(&a[i], &b[i]), 0);
        assert_int_equal(a[i].quantity.shares, b[i].quantity.shares);
    }
}

static void check_segments(const struct world *w)
{
    static struct segment expected[UNITS_MAX];
    const struct holding_row *h = &w->row;

    assert_true(h->segment_count <= SEGMENTS_MAX);
    for (uint32_t i = 0; i < h->segment_count; i++) {
        assert_true(h->segments[i].quantity.shares >= 1);
        if (i > 0)
            assert_true(segment_cmp(&h->segments[i - 1], &h->segments[i]) < 0);
    }
    assert_same_segments(h->segments,
                         h->segment_count,
                         expected,
                         segments_of(expected, w->units, w->count));
}

static void check_freezes(const struct world *w)
{
    uint64_t frozen = 0;
    uint64_t listed = 0;

    assert_int_equal(w->row.freeze_count, w->freeze_count);
    for (uint32_t i = 0; i < w->freeze_count; i++) {
        const struct holding_freeze *a = &w->row.freezes[i];
        const struct holding_freeze *b = &w->freezes[i];
        uint64_t carried = 0;

        for (uint32_t k = 0; k < w->count; k++)
            carried += w->units[k].freeze == a->number;
        assert_int_equal(a->number, b->number);
        assert_int_equal(a->rank_ms, b->rank_ms);
        assert_int_equal(a->effective.shares, carried);
        assert_int_equal(a->queued.shares, b->queued.shares);
        assert_true(a->effective.shares + a->queued.shares > 0);
        assert_true(a->effective.shares + a->queued.shares <= w->count);
        assert_true(i == 0 || w->row.freezes[i - 1].rank_ms <= a->rank_ms);
        listed += carried;
    }
    for (uint32_t k = 0; k < w->count; k++)
        frozen += w->units[k].freeze != 0;
    assert_int_equal(frozen, listed);
}

static void check_totals(const struct world *w)
{
    const struct position_totals t = position_totals_of(&w->row, &w->day);
    uint64_t by[5] = {0};
    uint64_t pledged = 0;
    uint64_t frozen = 0;

    for (uint32_t i = 0; i < w->count; i++) {
        by[why_held(w, &w->units[i])]++;
        pledged += w->units[i].pledge_count > 0;
        frozen += w->units[i].freeze != 0;
    }
    assert_int_equal(t.total, w->count);
    assert_int_equal(t.available, by[FREE]);
    assert_int_equal(t.t_plus, by[WAITS]);
    assert_int_equal(t.locked, by[LOCKED]);
    assert_int_equal(t.pledged, pledged);
    assert_int_equal(t.frozen, frozen);
    assert_int_equal(t.calendar_missing, by[NO_CALENDAR] > 0);
}

static void check_same(const struct holding_row *a, const struct holding_row *b)
{
    assert_same_segments(
        a->segments, a->segment_count, b->segments, b->segment_count);
    assert_int_equal(a->freeze_count, b->freeze_count);
    assert_memory_equal(
        a->freezes, b->freezes, a->freeze_count * sizeof a->freezes[0]);
}

/* A limit may be named only by a position that is about that large. */
static void check_limit(struct world *w, uint32_t limit)
{
    assert_true(w->row.segment_count + 2 > limit);
    w->refused++;
}

static struct selector random_selector(struct world *w)
{
    struct selector s = {.nature = NATURE_ANY};

    if (dice_below(&w->d, 3) == 0)
        s.nature = (uint8_t)dice_below(&w->d, w->natures);
    if (dice_below(&w->d, 12) == 0)
        s.pledge = 1 + dice_below(&w->d, (uint32_t)w->next_pledge);
    if (dice_below(&w->d, 12) == 0)
        s.freeze = 1 + dice_below(&w->d, (uint32_t)w->next_freeze);
    return s;
}

static uint64_t random_quantity(struct world *w)
{
    switch (dice_below(&w->d, 8)) {
    case 0:
        return w->count;
    case 1:
        return (uint64_t)w->count + dice_below(&w->d, 4);
    case 2:
        return dice_below(&w->d, 2) == 0 ? 0 : UINT64_MAX;
    default:
        return 1 + dice_below(&w->d, 1 + w->count / 3);
    }
}

static void do_put(struct world *w)
{
    static const uint32_t limits[] = {SEGMENTS_VOLUNTARY_MAX, SEGMENTS_MAX, 3};
    struct unit u = {.nature = (uint8_t)dice_below(&w->d, w->natures)};
    struct segment s;
    const uint32_t limit = limits[dice_below(&w->d, 3)];
    uint32_t q = 1 + dice_below(&w->d, 6);
    bool merges = false;

    if (dice_below(&w->d, 3) == 0)
        u.lock = TODAY - 3 + dice_below(&w->d, 6);
    if (dice_below(&w->d, 2) == 0)
        u.day = dice_below(&w->d, DAYS);
    for (; u.pledge_count < UNIT_PLEDGES_MAX && dice_below(&w->d, 20) == 0;
         u.pledge_count++)
        u.pledge[u.pledge_count] = w->next_pledge++;
    segments_of(&s, &u, 1);
    s.quantity.shares = q;
    if (w->count + q > w->unit_limit)
        return;
    for (uint32_t i = 0; i < w->row.segment_count; i++)
        merges = merges || segment_cmp(&w->row.segments[i], &s) == 0;
    if (!position_put(&w->row, &s, limit)) {
        assert_true(!merges && w->row.segment_count >= limit);
        w->refused++;
        return;
    }
    assert_true(merges || w->row.segment_count <= limit);
    for (; q > 0; q--)
        w->units[w->count++] = u;
    sort_units(w);
}

static enum verdict why_not_take(const uint64_t by[5],
                                 uint64_t pledged,
                                 uint64_t frozen,
                                 uint64_t quantity,
                                 const struct selector *sel)
{
    if (by[NO_CALENDAR] > 0)
        return V_CALENDAR;
    if (by[WAITS] > 0 && quantity - by[FREE] <= by[WAITS])
        return V_T5;
    if (sel->pledge != 0 && pledged > 0)
        return V_PLEDGED;
    if (sel->freeze != 0 && frozen > 0)
        return V_FROZEN;
    if (by[LOCKED] > 0 && quantity - by[FREE] <= by[LOCKED] + by[WAITS])
        return V_LOCKED;
    return V_AVAILABLE;
}

/* What must follow a take: queues wait for shares that are there (P6), and what
 * waits for nothing is written off by the caller. */
static void leave(struct world *w)
{
    uint32_t kept = 0;

    position_leave(&w->row, 0, 0);
    for (uint32_t i = 0; i < w->freeze_count; i++) {
        struct holding_freeze *f = &w->freezes[i];

        f->queued.shares =
            num_min_u64(f->queued.shares, w->count - f->effective.shares);
        assert_int_equal(w->row.freezes[i].number, f->number);
        assert_int_equal(w->row.freezes[i].queued.shares, f->queued.shares);
        if (f->queued.shares + f->effective.shares > 0) {
            w->row.freezes[kept] = w->row.freezes[i];
            w->freezes[kept++] = *f;
        }
    }
    w->row.freeze_count = kept;
    w->freeze_count = kept;
}

/* R8: A position is a list of segments with one nature, lock, trade day, row of
 * pledges and freeze each; segments that are alike merge, and what is available
 * is derived, never stored. */
static void do_take(struct world *w)
{
    static struct segment taken[SEGMENTS_MAX];
    static struct segment expected[UNITS_MAX];
    static struct unit gone[UNITS_MAX];
    const struct selector sel = random_selector(w);
    const uint64_t quantity = random_quantity(w);
    const struct holding_row before = w->row;
    uint64_t by[5] = {0};
    uint64_t pledged = 0;
    uint64_t frozen = 0;
    uint64_t have;
    uint32_t taken_count;
    uint32_t gone_count = 0;
    uint32_t kept = 0;
    const enum verdict v = position_take(&w->row,
                                         taken,
                                         &taken_count,
                                         &have,
                                         quantity,
                                         &sel,
                                         &w->day,
                                         TAKE_AVAILABLE);

    for (uint32_t i = 0; i < w->count; i++) {
        if (!matches(&w->units[i], &sel))
            continue;
        by[why_held(w, &w->units[i])]++;
        pledged += w->units[i].pledge_count > 0;
        frozen += w->units[i].freeze != 0;
    }
    assert_int_equal(have, by[FREE]);
    if (by[FREE] < quantity) {
        assert_int_equal(v, why_not_take(by, pledged, frozen, quantity, &sel));
        assert_int_equal(taken_count, 0);
        check_same(&w->row, &before);
        return;
    }
    assert_int_equal(v, V_OK);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct unit u = w->units[i];

        if (gone_count < quantity && matches(&u, &sel) &&
            why_held(w, &u) == FREE)
            gone[gone_count++] = u;
        else
            w->units[kept++] = u;
    }
    w->count = kept;
    assert_same_segments(
        taken, taken_count, expected, segments_of(expected, gone, gone_count));
    leave(w);
}

static void do_pledge(struct world *w)
{
    static const enum why order[] = {FREE, WAITS, NO_CALENDAR, LOCKED};
    const struct selector sel = random_selector(w);
    const uint64_t quantity = random_quantity(w);
    const struct holding_row before = w->row;
    const uint64_t number = w->next_pledge;
    uint64_t left = quantity;
    uint64_t bare = 0;
    uint64_t pledged = 0;
    uint64_t frozen = 0;
    uint64_t have;
    const enum verdict v =
        position_pledge(&w->row, &have, quantity, number, &sel, &w->day);

    for (uint32_t i = 0; i < w->count; i++) {
        if (!matches(&w->units[i], &sel))
            continue;
        bare += why_held(w, &w->units[i]) != BURDENED;
        pledged += w->units[i].pledge_count > 0;
        frozen += w->units[i].freeze != 0;
    }
    assert_int_equal(have, bare);
    if (v != V_OK)
        check_same(&w->row, &before);
    if (bare < quantity) {
        assert_int_equal(v,
                         sel.freeze != 0 && frozen > 0    ? V_FROZEN
                         : sel.pledge != 0 && pledged > 0 ? V_PLEDGE_REPEAT
                                                          : V_AVAILABLE);
        return;
    }
    if (v == V_LIMIT) {
        check_limit(w, SEGMENTS_VOLUNTARY_MAX);
        return;
    }
    assert_int_equal(v, V_OK);
    assert_true(w->row.segment_count <= SEGMENTS_VOLUNTARY_MAX ||
                w->row.segment_count <= before.segment_count);
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        for (uint32_t i = 0; i < w->count && left > 0; i++) {
            struct unit *u = &w->units[i];

            if (!matches(u, &sel) || why_held(w, u) != order[k])
                continue;
            u->pledge_count = 1;
            u->pledge[0] = number;
            left--;
        }
    }
    w->next_pledge++;
    sort_units(w);
}

static void take_pledge_off(struct unit *u, uint64_t number)
{
    if (u->pledge[0] == number)
        u->pledge[0] = u->pledge[1];
    u->pledge[1] = 0;
    u->pledge_count--;
}

static void do_unpledge(struct world *w)
{
    const uint64_t number = 1 + dice_below(&w->d, (uint32_t)w->next_pledge);
    const struct holding_row before = w->row;
    uint64_t carried = 0;
    uint64_t quantity;
    uint64_t left;
    bool done;

    for (uint32_t i = 0; i < w->count; i++)
        carried += has_pledge(&w->units[i], number);
    quantity = dice_below(&w->d, (uint32_t)carried + 2);
    left = quantity;
    done = position_unpledge(&w->row, quantity, number);
    if (!done) {
        check_same(&w->row, &before);
        if (quantity <= carried)
            check_limit(w, SEGMENTS_MAX);
        return;
    }
    assert_true(quantity <= carried);
    for (int frozen = 0; frozen <= 1; frozen++) {
        for (uint32_t i = 0; i < w->count && left > 0; i++) {
            struct unit *u = &w->units[i];

            if (!has_pledge(u, number) || (u->freeze != 0) != frozen)
                continue;
            take_pledge_off(u, number);
            left--;
        }
    }
    sort_units(w);
}

/* Which of two shares without a freeze a freeze takes first. */
static bool sooner(const struct world *w,
                   const struct unit *a,
                   const struct unit *b)
{
    static const int group[] = {[FREE] = 0,
                                [WAITS] = 1,
                                [NO_CALENDAR] = 1,
                                [LOCKED] = 2,
                                [BURDENED] = 3};
    const int x = group[why_held(w, a)];
    const int y = group[why_held(w, b)];

    if (x != y)
        return x < y;
    if (x == 3) {
        const uint64_t p = a->pledge[a->pledge_count - 1];
        const uint64_t q = b->pledge[b->pledge_count - 1];

        if (p != q)
            return p > q;
    }
    return unit_cmp(a, b) < 0;
}

static uint64_t put_freeze(struct world *w, uint64_t quantity, uint64_t number)
{
    uint64_t n = 0;

    for (; n < quantity; n++) {
        struct unit *best = NULL;

        for (uint32_t i = 0; i < w->count; i++) {
            struct unit *u = &w->units[i];

            if (u->freeze == 0 && (best == NULL || sooner(w, u, best)))
                best = u;
        }
        if (best == NULL)
            break;
        best->freeze = number;
    }
    sort_units(w);
    return n;
}

static uint64_t swap_freeze(struct world *w,
                            uint64_t quantity,
                            uint64_t number,
                            uint64_t instead)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < w->count && n < quantity; i++) {
        if (w->units[i].freeze == number) {
            w->units[i].freeze = instead;
            n++;
        }
    }
    sort_units(w);
    return n;
}

static uint64_t model_freeze(struct world *w,
                             uint64_t number,
                             uint64_t rank,
                             uint64_t requested)
{
    struct holding_freeze mine = {.number = number, .rank_ms = rank};
    uint64_t left = requested;
    uint64_t n = put_freeze(w, left, number);
    uint32_t at = w->freeze_count;

    mine.effective.shares = n;
    left -= n;
    for (; at > 0 && w->freezes[at - 1].rank_ms > rank; at--) {
        struct holding_freeze *worse = &w->freezes[at - 1];

        n = swap_freeze(w, left, worse->number, number);
        worse->effective.shares -= n;
        worse->queued.shares += n;
        mine.effective.shares += n;
        left -= n;
    }
    mine.queued.shares = num_min_u64(left, w->count - mine.effective.shares);
    left -= mine.queued.shares;
    if (mine.effective.shares + mine.queued.shares == 0)
        return left;
    for (uint32_t i = w->freeze_count; i > at; i--)
        w->freezes[i] = w->freezes[i - 1];
    w->freezes[at] = mine;
    w->freeze_count++;
    return left;
}

static void do_freeze(struct world *w)
{
    const uint64_t requested = random_quantity(w);
    const uint64_t rank = dice_below(&w->d, 20);
    const struct holding_row before = w->row;
    uint64_t unfulfilled;

    if (!position_freeze(
            &w->row, &unfulfilled, w->next_freeze, rank, requested, &w->day)) {
        check_same(&w->row, &before);
        if (w->freeze_count < HOLDING_FREEZES_MAX)
            check_limit(w, SEGMENTS_MAX);
        else
            w->refused++;
        return;
    }
    assert_true(w->freeze_count < HOLDING_FREEZES_MAX);
    assert_int_equal(unfulfilled,
                     model_freeze(w, w->next_freeze++, rank, requested));
}

/* Only the shares that were freed go on to the queue (P5). */
static void model_unfreeze(struct world *w, uint32_t at, uint64_t quantity)
{
    struct holding_freeze *f = &w->freezes[at];
    const uint64_t number = f->number;
    const uint64_t from_queue = num_min_u64(quantity, f->queued.shares);
    uint64_t freed = quantity - from_queue;

    f->queued.shares -= from_queue;
    f->effective.shares -= freed;
    for (uint32_t i = 0; i < w->freeze_count && freed > 0; i++) {
        struct holding_freeze *next = &w->freezes[i];
        const uint64_t n = next->number == number
                               ? 0
                               : num_min_u64(next->queued.shares, freed);

        assert_int_equal(swap_freeze(w, n, number, next->number), n);
        next->queued.shares -= n;
        next->effective.shares += n;
        freed -= n;
    }
    assert_int_equal(swap_freeze(w, freed, number, 0), freed);
    f = &w->freezes[at];
    if (f->queued.shares + f->effective.shares == 0) {
        w->freeze_count--;
        for (uint32_t i = at; i < w->freeze_count; i++)
            w->freezes[i] = w->freezes[i + 1];
    }
}

static void do_unfreeze(struct world *w)
{
    const struct holding_row before = w->row;
    uint64_t from_queue;
    uint64_t queued;
    uint64_t has;
    uint64_t quantity;
    uint32_t at;

    if (w->freeze_count == 0) {
        assert_false(position_unfreeze(&w->row, &from_queue, 1, 1));
        return;
    }
    at = dice_below(&w->d, w->freeze_count);
    queued = w->freezes[at].queued.shares;
    has = queued + w->freezes[at].effective.shares;
    quantity =
        dice_below(&w->d, 3) == 0 ? has : dice_below(&w->d, (uint32_t)has + 2);
    if (!position_unfreeze(
            &w->row, &from_queue, quantity, w->freezes[at].number)) {
        check_same(&w->row, &before);
        if (quantity <= has)
            check_limit(w, SEGMENTS_MAX);
        return;
    }
    assert_true(quantity <= has);
    assert_int_equal(from_queue, num_min_u64(quantity, queued));
    model_unfreeze(w, at, quantity);
}

/* A day passes: the calendar moves on, and what is over is forgotten. */
static void do_normalise(struct world *w)
{
    for (uint32_t i = 1; i < DAYS; i++) {
        const uint32_t side = dice_below(&w->d, 20);

        w->t_plus[i] = side == 0 ? -1 : (int)(side % 2);
    }
    w->day.t_plus_over = dice_below(&w->d, 8) == 0 ? NULL : t_plus;
    w->day.date = TODAY - 4 + dice_below(&w->d, 7);
    position_normalise(&w->row, &w->day);
    for (uint32_t i = 0; i < w->count; i++) {
        struct unit *u = &w->units[i];

        if (u->lock <= w->day.date)
            u->lock = 0;
        if (w->day.t_plus_over == NULL || w->t_plus[u->day] == 1)
            u->day = 0;
    }
    sort_units(w);
}

static void new_world(struct world *w)
{
    static const uint32_t limits[] = {12, 40, 40, UNITS_MAX};
    const uint32_t size = dice_below(&w->d, ARRAY_LEN(limits));

    w->unit_limit = limits[size];
    w->natures = size == 3 ? 12 : 2;
    w->next_pledge = 1;
    w->next_freeze = 1;
    w->count = 0;
    w->freeze_count = 0;
    w->row = (struct holding_row){0};
    w->day = (struct position_day){TODAY, t_plus, w};
}

static uint32_t random_operation(struct dice *d)
{
    /* put, take, pledge, unpledge, freeze, unfreeze, normalise */
    static const uint8_t weights[] = {30, 14, 14, 12, 12, 13, 2};
    uint32_t at = dice_below(d, 97);
    uint32_t i = 0;

    for (; at >= weights[i]; i++)
        at -= weights[i];
    return i;
}

static void test_position_is_a_heap_of_single_shares(void **x)
{
    static void (*const operations[])(struct world *) = {do_put,
                                                         do_take,
                                                         do_pledge,
                                                         do_unpledge,
                                                         do_freeze,
                                                         do_unfreeze,
                                                         do_normalise};
    static struct world w;

    (void)x;
    w.d = (struct dice){seed};
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t i;

        if (step % 500 == 0)
            new_world(&w);
        i = random_operation(&w.d);
        operations[i](&w);
        w.done[i]++;
        check_segments(&w);
        check_freezes(&w);
        check_totals(&w);
    }
    printf("positions: %u steps, %u refused by a limit\n", STEPS, w.refused);
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        assert_true(w.done[i] > STEPS / 100);
    assert_true(w.refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_position_is_a_heap_of_single_shares),
    };

    if (!dice_seed(&seed))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
