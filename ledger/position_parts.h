/* position_parts.h - what the files of position.h share. */
#ifndef LEDGER_POSITION_PARTS_H
#define LEDGER_POSITION_PARTS_H

#include "ledger/position.h"

/* What keeps a segment from being sold today. */
enum hold {
    HOLD_NONE,
    HOLD_T_PLUS,
    HOLD_LOCK,
    HOLD_CALENDAR,
    HOLD_ENCUMBERED,
};

enum hold position_hold(const struct segment *s,
                        const struct position_day *day);
bool position_carries(const struct segment *s, uint64_t number);
bool position_selected(const struct segment *s, const struct selector *sel);
/* What of the selected shares is free, and what keeps the rest. */
struct position_totals position_totals_selected(const struct holding_row *h,
                                                const struct selector *sel,
                                                const struct position_day *day);
uint64_t position_total(const struct holding_row *h);
void position_drop(struct holding_row *h, uint32_t i);
/* position_change moves q shares of segment i to the attributes of `to` (its
 * quantity is ignored).  The caller restarts its walk: indexes shift. */
MUST_USE bool position_change(struct holding_row *h,
                              uint32_t i,
                              uint64_t q,
                              const struct segment *to,
                              uint32_t limit);
/* The order in which a freeze takes shares: unpledged and free, T+n, locked,
 * then pledged, the latest pledge first. */
bool position_freezes_before(const struct segment *a,
                             const struct segment *b,
                             const struct position_day *day);

#endif /* LEDGER_POSITION_PARTS_H */
