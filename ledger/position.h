/* position.h - the algebra of segments: take, mark, freeze, promote.
 *
 * A position is a list of segments in canonical order; equal neighbours are
 * merged; availability is derived, never stored (docs/RULES.md).
 *
 * Invariants
 *   P1  segments are strictly ascending by attributes, each quantity >= 1.
 *   P2  every function keeps the total, but put and take.
 *   P3  a failed function changes nothing. */
#ifndef LEDGER_POSITION_H
#define LEDGER_POSITION_H

#include "ledger/ops.h"

/* Answers whether shares bought on trade_day may be sold today (T+n):
 * 1 yes, 0 no, -1 the calendar has no entry. */
typedef int (*position_t_plus_fn)(void *ctx, uint32_t trade_day);

/* The day's view of a position. */
struct position_day {
    uint32_t date;
    position_t_plus_fn t_plus_over; /* NULL: T+n does not apply */
    void *ctx;
};

struct position_totals {
    uint64_t total;
    uint64_t available;
    uint64_t pledged;
    uint64_t frozen; /* under an effective freeze */
    uint64_t t_plus; /* free but for T+n */
    uint64_t locked; /* free but for a lock */
    bool calendar_missing;
};
struct position_totals position_totals_of(const struct holding_row *h,
                                          const struct position_day *day);
/* position_normalise drops locks and trade days that are over; merges. */
void position_normalise(struct holding_row *h, const struct position_day *day);

int segment_cmp(const struct segment *a, const struct segment *b);

/* position_put adds a segment.  False: no room (limit). */
MUST_USE bool position_put(struct holding_row *h,
                           const struct segment *s,
                           uint32_t limit);

/* Which of the selected shares position_take may remove. */
enum take {
    TAKE_AVAILABLE, /* at the holder's will: what is available */
    TAKE_PLEDGED,   /* with the pledgee's consent: under sel->pledge and no
                       other pledge, not frozen, not locked, T+n over */
    TAKE_EXACT,     /* by law: first pledge sel->pledge or (0) none, freeze
                       sel->freeze or (0) none; locks and T+n are no matter */
    TAKE_ORDERED,   /* by a court: under freeze sel->freeze or (0) under none;
                       pledges, locks and T+n are no matter; in the order in
                       which a freeze takes */
};

/* position_take removes `quantity` shares that match sel, in canonical order;
 * taken[*taken_count] gets them (room for SEGMENTS_MAX).  It does not touch the
 * list of freezes: see position_leave.
 * Returns V_OK or why not: V_PLEDGED, V_FROZEN (the selector names such, or
 * they are frozen besides), V_CALENDAR, V_T5, V_LOCKED, V_AVAILABLE; *have is
 * what could be taken. */
enum verdict position_take(struct holding_row *h,
                           struct segment *taken,
                           uint32_t *taken_count,
                           uint64_t *have,
                           uint64_t quantity,
                           const struct selector *sel,
                           const struct position_day *day,
                           enum take how);

/* position_leave must follow position_take (number 0 unless TAKE_ORDERED or
 * TAKE_EXACT took frozen shares), and freeze_settle it.  It books that
 * `quantity` shares under freeze `number` (0: under none) were taken out of the
 * holding: the freeze has that many fewer effective shares, every queue is
 * capped at what is left.  Freeze `number` leaves the list if it has nothing
 * left; another one stays with zeros until freeze_settle has written its row.
 */
void position_leave(struct holding_row *h, uint64_t quantity, uint64_t number);
/* position_arrive adds a freeze entry for `quantity` shares that came in under
 * freeze `number`; the segments carry it already.  False: limit. */
MUST_USE bool position_arrive(struct holding_row *h,
                              uint64_t number,
                              uint64_t rank_ms,
                              uint64_t quantity);

/* position_pledge puts pledge `number` on `quantity` shares: available first,
 * then T+n, then locked; never frozen, never pledged.
 * Returns V_OK, V_AVAILABLE, V_FROZEN, V_PLEDGE_REPEAT or V_LIMIT. */
enum verdict position_pledge(struct holding_row *h,
                             uint64_t *have,
                             uint64_t quantity,
                             uint64_t number,
                             const struct selector *sel,
                             const struct position_day *day);
/* position_pledge_behind puts pledge `number` last on `quantity` shares whose
 * pledges all are among priors[prior_count] and at least one of them; never
 * frozen.
 * Returns V_OK, V_AVAILABLE, or V_LIMIT (a share carries SEGMENT_PLEDGES_MAX).
 */
enum verdict position_pledge_behind(struct holding_row *h,
                                    uint64_t *have,
                                    uint64_t quantity,
                                    uint64_t number,
                                    const uint64_t *priors,
                                    uint32_t prior_count);
/* Shares under a pledge, frozen or not. */
uint64_t position_pledged_by(const struct holding_row *h, uint64_t number);
/* position_lock sets lock_until on `quantity` shares that have `was` (0: no
 * lock): available ones first, then the rest in canonical order.
 * Returns V_OK, V_AVAILABLE (was = 0) or V_LOCKED, V_LIMIT. */
enum verdict position_lock(struct holding_row *h,
                           uint64_t *have,
                           uint64_t quantity,
                           uint32_t was,
                           uint32_t until,
                           const struct position_day *day);
/* position_unpledge takes pledge `number` off `quantity` shares, unfrozen
 * first.  Requires that many carry it (false otherwise, or limit). */
MUST_USE bool position_unpledge(struct holding_row *h,
                                uint64_t quantity,
                                uint64_t number);

/* position_freeze lets a freeze of `requested` shares arrive with its rank: it
 * takes unfrozen shares, then displaces the worst ranks.  The holding's freeze
 * list then has it with what is effective and queued, unless both are zero;
 * *unfulfilled is the rest.
 * False: a limit (segments or freezes). */
MUST_USE bool position_freeze(struct holding_row *h,
                              uint64_t *unfulfilled,
                              uint64_t number,
                              uint64_t rank_ms,
                              uint64_t requested,
                              const struct position_day *day);
/* position_unfreeze releases `quantity` of freeze `number`: queued first, then
 * effective shares; freed shares promote the queue in rank order; queues are
 * capped again.  A freeze with nothing left leaves the list (see
 * position_leave).
 * False: it has less than quantity, or limit. */
MUST_USE bool position_unfreeze(struct holding_row *h,
                                uint64_t *from_queue,
                                uint64_t quantity,
                                uint64_t number);

#endif /* LEDGER_POSITION_H */
