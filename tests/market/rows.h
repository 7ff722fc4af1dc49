/* rows.h - the register's rows in plain memory, for tests that apply millions
 * of operations: a hash table, a journal of the current step, a digest.
 *
 * A step is one transaction or the beginning of one block.  What the step
 * changed can be listed, with the rows as they were before, and taken back. */
#ifndef TESTS_MARKET_ROWS_H
#define TESTS_MARKET_ROWS_H

#include "ledger/view.h"

struct rows;

struct rows *rows_new(void);
void rows_free(struct rows *r);
struct ledger_view rows_view(struct rows *r);
struct bytes rows_get(const struct rows *r, const struct row_key *key);

/* rows_step forgets the journal: what is there now is what rows_back returns
 * to.  rows_block marks the state that snapshots are taken of. */
void rows_step(struct rows *r);
void rows_back(struct rows *r);
void rows_block(struct rows *r);

/* The rows that differ from the beginning of the step. */
struct rows_change {
    const struct row_key *key;
    struct bytes before;
    struct bytes after;
};
uint32_t rows_touched(const struct rows *r);
bool rows_change(const struct rows *r, uint32_t i, struct rows_change *out);

/* rows_digest depends on the set of rows only; for comparisons within one run.
 * rows_root is SHA-256 over the sorted rows, for comparisons between runs. */
struct rows_digest {
    uint64_t a;
    uint64_t b;
};
struct rows_digest rows_digest(const struct rows *r);
struct hash rows_root(const struct rows *r);

/* Visits the rows of one tree, or the first rows of all trees of a table; the
 * order means nothing. */
typedef void (*rows_visit_fn)(void *ctx,
                              const struct row_key *key,
                              struct bytes row);
void rows_each(const struct rows *r,
               uint8_t table,
               const struct hash *tree,
               rows_visit_fn visit,
               void *ctx);

/* Another answer to view.snapshot, when two views have to agree. */
void rows_snapshot_by(struct rows *r,
                      struct hash (*snapshot)(void *, const struct hash *),
                      void *ctx);

#endif /* TESTS_MARKET_ROWS_H */
