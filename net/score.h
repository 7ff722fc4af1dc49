/* score.h - how a peer behaves, and for how long it is kept out.
 *
 * Bulk misbehaviour bans bulk alone, a minute at first, doubling up to an hour;
 * after a quiet hour the next ban is a minute again.  A fault on the consensus
 * connection ends that connection; a validator may come back a second later
 * and is never banned from consensus: its vote may be the one that counts.
 * Pure: the caller tells the time. */
#ifndef NET_SCORE_H
#define NET_SCORE_H

#include <stdbool.h>
#include <stdint.h>

enum peers_channel {
    CHANNEL_CONSENSUS = 0,
    CHANNEL_BULK = 1,
    CHANNELS = 2,
};

enum {
    SCORE_BAN_MS = 60000,
    SCORE_BAN_MS_MAX = 3600000,
    SCORE_QUIET_MS = 3600000,
    SCORE_PAUSE_MS = 1000, /* consensus: between two connections */
};

struct score {
    uint64_t barred_until_ms[CHANNELS];
    uint64_t ban_ms; /* the last ban's length; 0 = none yet */
    uint64_t bans;
    uint64_t faults[CHANNELS];
};

/* score_fault notes what no correct node does. */
void score_fault(struct score *s, uint8_t channel, uint64_t now_ms);
/* score_barred_ms: for how long this channel may not be opened; 0 = it may. */
uint64_t score_barred_ms(const struct score *s,
                         uint8_t channel,
                         uint64_t now_ms);

#endif /* NET_SCORE_H */
