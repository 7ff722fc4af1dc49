/* roots.h - what a later proof needs of the state after a block, beside rows.
 *
 * Rows of the past are kept flat; a tree of the past is hashed anew from them.
 * Only what would need other trees to be known is kept: the root of every table
 * after each block, and, of each security that the block changed, the roots of
 * its holdings, pledges and freezes.
 *
 * Bytes: slots u32 (bit i: the root of slot i follows), roots 32 each,
 * ascending; u32 count, of each security: key 32, three roots 32; ascending by
 * key. */
#ifndef STATE_ROOTS_H
#define STATE_ROOTS_H

#include "base/buf.h"
#include "base/reader.h"
#include "state/state.h"

enum {
    SECURITY_TREES = 3, /* holdings, pledges, freezes */
};

/* state_roots_append appends the roots of s as it stands, with those of the
 * securities that set changed.
 * Requires  s is hashed (nothing loaded or changed since the last root). */
void state_roots_append(struct buf *out,
                        struct state *s,
                        const struct change_set *set);

/* state_roots_append_slots appends the roots of the tables alone. */
void state_roots_append_slots(struct buf *out,
                              const struct hash slots[TABLE_SLOTS]);

/* Reading: roots of the tables; then each security with state_roots_next until
 * it returns false; then reader_finish.
 * Errors of state_roots_slots and in r->err: ERR_TRUNCATED, ERR_RANGE,
 * ERR_ORDER */
struct security_roots {
    struct hash security;
    struct hash roots[SECURITY_TREES];
};
struct roots_reader {
    struct reader r;
    uint32_t left;
    struct hash last;
    bool any;
};
MUST_USE enum err state_roots_open(struct roots_reader *out,
                                   struct hash slots[TABLE_SLOTS],
                                   struct bytes in);
bool state_roots_next(struct roots_reader *r, struct security_roots *out);
MUST_USE enum err state_roots_close(const struct roots_reader *r);

#endif /* STATE_ROOTS_H */
