/* skew.h - how far the clocks of the others are from ours.
 *
 * A PONG tells the other's clock and how long the question took.  What is kept
 * is the other's clock against our *monotonic* one, so that a jump of our own
 * clock shows at once and not with the next answers.  Of the newest few
 * answers the quickest counts: its error is at most half its round trip.
 * Pure: the caller tells the time. */
#ifndef NET_SKEW_H
#define NET_SKEW_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SKEW_KEPT = 8,
    SKEW_ALARM_MS = 250,
    SKEW_JUMP_MS = 60000, /* behind the median: propose nothing */
};

struct skew_answer {
    uint64_t rtt_us;
    int64_t ahead_ms; /* its wall clock less our monotonic one */
};

struct skew {
    uint32_t count;
    uint32_t next;
    struct skew_answer list[SKEW_KEPT];
};

/* skew_note takes an answer that arrived now; nonsense is left out. */
void skew_note(struct skew *s,
               uint64_t rtt_us,
               uint64_t peer_wall_ms,
               uint64_t now_ms);
/* skew_offset: *offset_ms is the other's wall clock less ours, good to
 * *error_ms; false: not known yet. */
bool skew_offset(const struct skew *s,
                 int64_t *offset_ms,
                 uint64_t *error_ms,
                 uint64_t now_ms,
                 uint64_t wall_ms);

/* skew_median sorts list; of an even count the middle one nearer to zero: one
 * liar beside one honest clock does not raise an alarm.  0 of none. */
int64_t skew_median(int64_t *list, uint32_t count);

#endif /* NET_SKEW_H */
