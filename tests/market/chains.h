/* chains.h - the chains of holdings are what the events of a step make them. */
#ifndef TESTS_MARKET_CHAINS_H
#define TESTS_MARKET_CHAINS_H

#include "tests/market/invariants.h"

/* chains_step recomputes the chain of every holding that the last step changed
 * from the chain before and the events for which event_renews_holding says so,
 * looks that each such event did change its holdings, and that the movements of
 * these events make the shares after of the shares before.  due: the step was
 * the beginning of a block.  False: *problem says what is wrong. */
bool chains_step(const struct market *m, bool due, char problem[PROBLEM_MAX]);

#endif /* TESTS_MARKET_CHAINS_H */
