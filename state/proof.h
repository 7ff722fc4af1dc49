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
    PROOF_SLOT_STEPS = 5, /* log2(TABLE_SLOTS) */
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

/* The path from a table's slot up to the state root, nearest first; side i is
 * bit i of the table's number.
 * Requires  table < TABLE_SLOTS. */
void proof_slot_path(struct hash out[PROOF_SLOT_STEPS],
                     const struct hash slots[TABLE_SLOTS],
                     uint8_t table);
struct hash proof_slot_fold(const struct hash *slot,
                            const struct hash path[PROOF_SLOT_STEPS],
                            uint8_t table);

/* A whole tree hashed anew from its leaves, in key order: what shows that a
 * list is complete.  The memory needed is one path. */
struct proof_list {
    uint8_t table;
    uint32_t depth;
    struct {
        uint16_t bit;
        struct hash left;
    } spine[PROOF_STEPS_MAX];
    uint64_t count;
    struct hash last_key;
    struct hash last; /* of the newest subtree */
};
void proof_list_begin(struct proof_list *l, uint8_t table);
/* Errors    ERR_ORDER  key does not come after the one before it */
MUST_USE enum err proof_list_add(struct proof_list *l,
                                 const struct hash *key,
                                 const struct hash *row_hash);
/* The root over all that was added; zeros if nothing was. */
struct hash proof_list_root(const struct proof_list *l);

/* A leaf of a tree that is not in memory. */
struct proof_leaf {
    struct hash key;
    struct hash row_hash;
};
/* proof_list_path is what proof_tree gives, from all leaves of the tree in key
 * order.
 * Cost      hashes every leaf and node once */
void proof_list_path(struct tree_path *out,
                     uint8_t table,
                     const struct proof_leaf *leaves,
                     size_t count,
                     const struct hash *key);

#endif /* STATE_PROOF_H */
