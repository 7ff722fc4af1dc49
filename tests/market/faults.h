/* faults.h - faults planted in a transaction that takes effect, alone and in
 * pairs: each alone gives a verdict, two at once give the lower number (R2),
 * none leaves anything behind (I13).
 *
 * The faults are independent of one another: a signature, a field or a row is
 * spoilt that no other fault of the pair reads in order to fail. */
#ifndef TESTS_MARKET_FAULTS_H
#define TESTS_MARKET_FAULTS_H

#include "tests/market/invariants.h"

struct faults_count {
    uint64_t alone; /* faults that were refused */
    uint64_t pairs;
};

/* faults_check plants them in m->tx, which is of one operation and has just
 * taken effect in a block that stood at `before`.  Afterwards it has taken
 * effect again.  False: *problem says what went wrong. */
bool faults_check(struct market *m,
                  const struct ledger_block *before,
                  struct faults_count *count,
                  char problem[PROBLEM_MAX]);

/* I11: a transaction that took effect does not without any one of its
 * signatures, nor with one more; I15: nor once more.  As faults_check. */
bool faults_signatures(struct market *m,
                       const struct ledger_block *before,
                       char problem[PROBLEM_MAX]);

#endif /* TESTS_MARKET_FAULTS_H */
