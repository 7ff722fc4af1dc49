/* state_parts.h - what the files of state.h share (private to state/). */
#ifndef STATE_STATE_PARTS_H
#define STATE_STATE_PARTS_H

#include "state/forest.h"
#include "state/state.h"
#include "state/tree_map.h"

struct state {
    struct forest forest;
    struct forest_tree *tables[TABLE_SLOTS]; /* of tables with one tree, and
                                                the days of references */
    struct tree_map inside;     /* trees of securities and of days */
    struct forest_tree **dirty; /* trees inside a security or a day */
    uint32_t dirty_count;
    uint32_t dirty_cap;
    uint64_t rows[TABLE_SLOTS];
};

/* Tables with a tree for each security or for each day. */
bool state_has_subtrees(uint8_t table);
/* The tree of key, made if there is none, marked. */
struct forest_tree *state_tree_to_change(struct state *s,
                                         const struct row_key *key);
/* Puts row (taken; NULL removes) and gives the old one. */
struct forest_row *state_put_row(struct state *s,
                                 const struct row_key *key,
                                 struct forest_row *row);
/* A tree inside a security or a day is to be hashed, and what is over it. */
void state_mark_dirty(struct state *s, struct forest_tree *t);
/* What stands for a row in its leaf; for securities the trees inside must be
 * hashed. */
struct hash state_row_hash(void *ctx,
                           const struct forest_tree *t,
                           const struct forest_leaf *leaf);

#endif /* STATE_STATE_PARTS_H */
