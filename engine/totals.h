/* totals.h - the control totals of everything, added up row by row (private to
 * the engine).
 *
 * Rows may come in any order and in parts that are joined; those of one
 * security one after another cost least, which is how trees and the store give
 * them. */
#ifndef ENGINE_TOTALS_H
#define ENGINE_TOTALS_H

#include "ledger/ledger.h"
#include "state/state.h"

/* Tables whose rows belong to a security. */
enum {
    TOTALS_TABLES = 4,
};
extern const uint8_t totals_tables[TOTALS_TABLES];
bool totals_of_security(uint8_t table);

void totals_add_marks(struct sums_marks *sum, const struct sums_marks *m);
/* Errors    ERR_MISMATCH */
MUST_USE enum err totals_compare(const struct sums_marks *a,
                                 const struct sums_marks *b);

struct totals {
    struct sums_entry *list; /* owned; a security may stand in it repeatedly */
    uint32_t count;
    uint32_t cap;
    struct sums_marks by_accounts;
    uint64_t rows; /* that belong to a security */
    enum err err;  /* the first row that is impossible in itself */
};

/* totals_add adds a row; what is wrong with it is told by totals_check. */
void totals_add(struct totals *t, const struct row_key *key, struct bytes row);
/* totals_join adds what is in from, which is empty then. */
void totals_join(struct totals *t, struct totals *from);
/* totals_check compares them with what the securities and the accounts in s
 * say; t may be asked again.
 * Errors    ERR_MISMATCH, ERR_CORRUPT */
MUST_USE enum err totals_check(struct totals *t, const struct state *s);

/* The same of securities that are kept elsewhere: begin, security for the row
 * of each, once and in any order, end.  Errors as above. */
struct totals_checking {
    const struct totals *totals;
    struct sums_marks by_rows;
    uint32_t found; /* entries whose security is there */
    enum err err;
};
void totals_check_begin(struct totals_checking *c, struct totals *t);
/* A state_each visitor; false: something is wrong, which end tells. */
bool totals_check_security(void *checking,
                           const struct row_key *key,
                           struct bytes row);
MUST_USE enum err totals_check_end(const struct totals_checking *c);
void totals_deinit(struct totals *t);

#endif /* ENGINE_TOTALS_H */
