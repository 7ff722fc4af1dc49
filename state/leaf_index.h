/* leaf_index.h - finds the leaf of a key without walking the tree (private to
 * state/).
 *
 * A crit-bit tree of a million keys is some twenty nodes deep, and each of them
 * is a cache miss of its own that waits for the one before.  Beside each larger
 * tree stands a table of (hash of the key, leaf) with open addressing: one miss
 * for the slot, one for the leaf.  It only answers where a leaf is; what the
 * tree is, its order and its hash, hangs on nothing here.
 *
 * The hash is not secret: somebody can make keys that meet in one place.  No
 * key stands further than PROBES_MAX slots from its own; what finds no room
 * there is left out, and as long as any is, a key that is not found here is
 * looked for in the tree. */
#ifndef STATE_LEAF_INDEX_H
#define STATE_LEAF_INDEX_H

#include "base/attr.h"
#include "base/bytes.h"

struct leaf_slot {
    uint32_t hash;
    uint32_t leaf; /* 0: free */
};

struct leaf_index {
    struct leaf_slot *at; /* NULL: the tree has none */
    uint32_t cap;         /* a power of two; at most half is used */
    uint32_t used;
    uint32_t left_out;
};

uint32_t leaf_index_hash(const struct hash *key);
void leaf_index_init(struct leaf_index *x, uint32_t keys);
void leaf_index_deinit(struct leaf_index *x);
bool leaf_index_is_full(const struct leaf_index *x);

/* leaf_index_add requires !leaf_index_is_full, and that the leaf is not in x;
 * leaf_index_remove that it is, or was left out. */
void leaf_index_add(struct leaf_index *x, uint32_t hash, uint32_t leaf);
void leaf_index_remove(struct leaf_index *x, uint32_t hash, uint32_t leaf);

/* leaf_index_shift: every leaf in x has moved on by so many. */
void leaf_index_shift(struct leaf_index *x, uint32_t by);

/* leaf_index_next gives the leaves whose keys have this hash, one after
 * another, from *at = 0; 0 when there are no more. */
uint32_t leaf_index_next(const struct leaf_index *x,
                         uint32_t hash,
                         uint32_t *at);

/* leaf_index_prefetch asks the memory for the slot where a search begins. */
static inline void leaf_index_prefetch(const struct leaf_index *x,
                                       uint32_t hash)
{
    __builtin_prefetch(&x->at[hash & (x->cap - 1)]);
}

#endif /* STATE_LEAF_INDEX_H */
