/* replay.h - keeps what took effect in a market, and does it again from the
 * genesis.
 *
 * I11: whoever replays what took effect from the genesis comes to the same
 * rows; I12: nothing else, no clock and no order in memory, enters them. */
#ifndef TESTS_MARKET_REPLAY_H
#define TESTS_MARKET_REPLAY_H

#include "tests/market/market.h"

struct replay;

struct replay *replay_new(void);
void replay_free(struct replay *r);
/* A block that began, a transaction that took effect. */
void replay_block(struct replay *r, uint64_t time_ms);
void replay_tx(struct replay *r, const struct tx *tx);
/* Whether a new market, in which all that is done, ends with the same rows. */
bool replay_agrees(const struct replay *r, const struct market *m);

#endif /* TESTS_MARKET_REPLAY_H */
