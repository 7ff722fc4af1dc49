/* tally.h - every security and account added up anew, from rows in order.
 *
 * What engine_audit does for a state in memory, for rows that are read one
 * after another, by (table, tree, key): a snapshot is added up while it is
 * taken, without a state. */
#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H

#include "base/attr.h"
#include "base/err.h"
#include "ledger/view.h"

struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *t);
/* Errors    ERR_CORRUPT   a row that does not decode or is impossible in itself
 *           as sums_of */
MUST_USE enum err tally_row(struct tally *t,
                            const struct row_key *key,
                            struct bytes row);
/* Errors    ERR_CORRUPT, ERR_MISMATCH  the totals differ, or a row belongs to
 * no security */
MUST_USE enum err tally_finish(struct tally *t);

#endif /* ENGINE_TALLY_H */
