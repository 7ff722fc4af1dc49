/* invariants.h - what must hold of the register after every transaction,
 * computed from the rows with simple loops: not by the operations' code, not by
 * ledger/position.c, not by ledger/sums.c.
 *
 *   I1   every position added up is what is issued
 *   I2   every segment has a share; segments stand in order and are merged
 *   I3   the shares under a pledge are what is outstanding, pledgor by pledgor
 *   I4   every share of a freeze's request is accounted for
 *   I5   what is frozen is not pledged afterwards
 *   I6   what is available is what nothing rests on
 *   I7   a pledge, freeze or lock ends by its own kind of event only
 *   I8   rights are carried over, number by number, never made or lost
 *   I10  holders are those with a share, seen through
 *   I14  a row that changed renewed its chain
 *   V1 to V4, on validators: see invariants_gov.c
 *   I16  special accounts are no holders
 *
 * I11 and I15 are in faults.h and replay.h, I12 in replay.h, I13 in market.c,
 * the rest of I14 in tests/unit/ledger/test_private.c and cli/test_vault.c; I9
 * is of distributions, which there are none. */
#ifndef TESTS_MARKET_INVARIANTS_H
#define TESTS_MARKET_INVARIANTS_H

#include "tests/market/market.h"

enum {
    PROBLEM_MAX = 256,
};

/* A position's shares by what rests on them: every share is in exactly one of
 * the first six; locked counts those of any kind. */
struct parts {
    uint64_t total;
    uint64_t available;
    uint64_t pledged;        /* not frozen */
    uint64_t frozen;         /* not pledged */
    uint64_t pledged_frozen; /* both */
    uint64_t t_plus;         /* neither, but bought too recently */
    uint64_t lock;           /* neither, but locked */
    uint64_t locked;
    uint64_t queued;
};
bool invariants_parts(struct parts *out,
                      const struct rows *r,
                      uint32_t date,
                      const char *code,
                      const struct hash *account);

void invariants_parts_of(struct parts *out,
                         const struct rows *r,
                         uint32_t date,
                         uint8_t t_plus,
                         struct bytes holding);

/* invariants_all looks at every row; invariants_security at the positions of
 * one security; invariants_step at what the last step changed and at the
 * positions of the securities it touched.  kinds are its operations', none for
 * due work.  False: *problem says what is broken. */
bool invariants_all(const struct rows *r,
                    uint32_t date,
                    char problem[PROBLEM_MAX]);
bool invariants_security(const struct rows *r,
                         uint32_t date,
                         const struct hash *security,
                         char problem[PROBLEM_MAX]);
bool invariants_step(const struct rows *r,
                     uint32_t date,
                     const uint8_t *kinds,
                     uint32_t kind_count,
                     char problem[PROBLEM_MAX]);

/* What is on the ledger of those who validate (invariants_gov.c); a part of
 * invariants_all. */
bool invariants_gov(const struct rows *r, char problem[PROBLEM_MAX]);

/* Whether the operation did what its own fields say: from, to and quantity; a
 * transfer at will took what was available before it, and no more. */
bool invariants_moved(const struct rows *r,
                      uint32_t date,
                      const struct op_def *def,
                      const void *op,
                      char problem[PROBLEM_MAX]);

#endif /* TESTS_MARKET_INVARIANTS_H */
