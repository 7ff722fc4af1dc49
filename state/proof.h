/* proof.h - one path from a leaf to the state root, and its offline check.
 *
 * Sides are derived from the key, never transmitted.  Folding requires bits
 * strictly increasing from root to leaf.  Absence of K: the path ends in
 * another leaf E and every tested bit of E equals K's. */
#ifndef STATE_PROOF_H
#define STATE_PROOF_H

#include "state/state.h"

enum {
    PROOF_STEPS_MAX = 256,
};

/* Steps from the root of one tree down to a leaf. */
struct tree_path {
    uint32_t count;
    uint16_t bits[PROOF_STEPS_MAX];
    struct hash siblings[PROOF_STEPS_MAX];
    struct hash leaf_key; /* == the key asked for: presence; else absence */
    struct hash leaf_row_hash;
    bool empty; /* the tree has no leaf: absence; all else is zero */
};

void proof_tree(struct tree_path *out,
                struct state *s,
                const struct row_key *key);
/* proof_fold recomputes the tree's root.
 * Errors    ERR_ORDER (bits), ERR_RANGE, ERR_MISMATCH (the path's leaf does not
 *           show presence or absence of key); *tree_root is then zeros */
MUST_USE enum err proof_fold(struct hash *tree_root,
                             bool *present,
                             const struct tree_path *path,
                             uint8_t table,
                             const struct hash *key);
struct hash proof_row_hash(struct bytes row);
/* row_hash of a security: row and the roots of its three trees. */
struct hash proof_security_row_hash(struct bytes row,
                                    const struct hash roots[3]);
struct hash proof_state_root(const struct hash slots[TABLE_SLOTS]);

#endif /* STATE_PROOF_H */
