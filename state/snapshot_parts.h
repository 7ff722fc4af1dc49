/* snapshot_parts.h - what the files of snapshot.h share (private to state/). */
#ifndef STATE_SNAPSHOT_PARTS_H
#define STATE_SNAPSHOT_PARTS_H

#include "state/proof.h"
#include "state/snapshot.h"

/* How a table stands in a snapshot. */
enum snapshot_kind {
    SNAPSHOT_INLINE,     /* all rows in the manifest */
    SNAPSHOT_SECURITIES, /* so, each with the roots of its three trees */
    SNAPSHOT_CUT,        /* one tree in pieces */
    SNAPSHOT_INSIDE,     /* of each security a tree in pieces */
    SNAPSHOT_DAYS,       /* of each day a tree in pieces */
};
enum snapshot_kind snapshot_kind_of(uint8_t table);

/* The right spine of a tree, while it is hashed from subtrees in order: what
 * proof_list is for leaves. */
struct snapshot_fold {
    uint8_t table;
    uint32_t depth;
    struct {
        uint16_t bit;
        struct hash left;
    } spine[PROOF_STEPS_MAX];
    struct hash last;
    bool any;
};
/* Errors    ERR_ORDER  no crit-bit tree has such bits */
MUST_USE enum err snapshot_fold_add(struct snapshot_fold *f,
                                    uint16_t bit,
                                    const struct hash *hash);
struct hash snapshot_fold_root(const struct snapshot_fold *f);

enum {
    SNAPSHOT_LEAF_HEAD = HASH_BYTES + 4, /* of a leaf, before its row */
    SNAPSHOT_PIECE_BYTES = 2 + 4 + HASH_BYTES,
    SNAPSHOT_CHUNK_BYTES = 4 + 4,
};

#endif /* STATE_SNAPSHOT_PARTS_H */
