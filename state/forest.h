/* forest.h - crit-bit Merkle trees in dense arrays (private to state/).
 *
 * All trees of a state share two arrays: inner nodes, each with its hash
 * message kept ready (updating a child is a store into the parent), and leaves
 * with their rows.  A change only marks the links on its path, each in the
 * parent that holds the stale hash; forest_hash then hashes each marked node
 * once, children before parents, and looks at no other. */
#ifndef STATE_FOREST_H
#define STATE_FOREST_H

#include "base/attr.h"
#include "base/bytes.h"
#include "state/leaf_index.h"

enum {
    FOREST_DEPTH_MAX = 257,
    FOREST_LEAF = 1u << 30, /* a reference with this bit is a leaf */
    NODE_MESSAGE_BYTES = 1 + 2 + 2 * HASH_BYTES,
};

/* A row is one allocation, so it moves between the tree and an undo record
 * without being copied. */
struct forest_row {
    uint32_t size;
    uint8_t at[];
};

struct forest_leaf {
    struct hash key;        /* in a free slot: the next free one */
    struct forest_row *row; /* owned; NULL in a free slot */
};

/* The bit that a node tests stands in its message: tag, bit u16 BE, left,
 * right.  There are as many of these as holdings, so every byte counts. */
struct forest_inner {
    uint32_t child[2]; /* in a free slot: child[0] is the next free one */
    uint8_t dirty;     /* bit i: side i's hash in the message is not current */
    uint8_t message[NODE_MESSAGE_BYTES];
};

/* The right edge of the tree that is being loaded in key order: there the next
 * leaf goes.  Any other change of structure ends it. */
struct forest_edge {
    const struct forest_tree *tree; /* NULL: none */
    uint32_t last;                  /* leaf */
    uint32_t depth;
    uint32_t inner[FOREST_DEPTH_MAX];
};

struct forest {
    struct forest_edge edge;
    struct forest_leaf *leaves;
    uint32_t leaf_count; /* slots used, index 0 never */
    uint32_t leaf_cap;
    uint32_t leaf_free;
    struct forest_inner *inners;
    uint32_t inner_count;
    uint32_t inner_cap;
    uint32_t inner_free;
    uint64_t row_bytes;   /* of all rows in trees, with their headers */
    uint64_t index_bytes; /* of the trees' indexes */
    uint64_t hash_count;
};

struct forest_tree {
    uint8_t table;
    struct hash id;   /* names the tree; zeros for tables with one tree */
    uint32_t root;    /* 0 = empty */
    uint32_t count;   /* leaves */
    struct hash hash; /* of the root, when not root_dirty; zeros if empty */
    bool root_dirty;
    bool dirty; /* changed since the last forest_hash */
    struct leaf_index index;
};

/* Makes the second hash input of a leaf: what stands for its row. */
typedef struct hash (*forest_row_hash_fn)(void *ctx,
                                          const struct forest_tree *t,
                                          const struct forest_leaf *leaf);

void forest_init(struct forest *f);
void forest_deinit(struct forest *f); /* frees all rows too */

const struct forest_leaf *forest_find(const struct forest *f,
                                      const struct forest_tree *t,
                                      const struct hash *key);
/* forest_set replaces the row of key and returns the old one (NULL if there
 * was none); row NULL removes the leaf.  Takes row, gives the old one. */
struct forest_row *forest_set(struct forest *f,
                              struct forest_tree *t,
                              const struct hash *key,
                              struct forest_row *row);
/* forest_append adds a row behind all others of t, if t was empty when the
 * first one was appended and nothing else was done since; else false, and row
 * is still the caller's. */
bool forest_append(struct forest *f,
                   struct forest_tree *t,
                   const struct hash *key,
                   struct forest_row *row);
/* forest_fetch asks the memory for the leaves and rows of many keys at once;
 * forest_warm walks for them side by side, from the roots in refs (which it
 * uses up).  So the processor waits for all of them together and not for one
 * after another.  Both change nothing; trees may be NULL. */
void forest_fetch(const struct forest *f,
                  const struct forest_tree *const *trees,
                  const struct hash *const *keys,
                  uint32_t count);
void forest_warm(const struct forest *f,
                 uint32_t *refs,
                 const struct hash *const *keys,
                 uint32_t count);
/* forest_touch marks the path to key, if there is such a leaf. */
void forest_touch(struct forest *f,
                  struct forest_tree *t,
                  const struct hash *key);
/* forest_hash_root brings the root's hash up to date; forest_hash does, and
 * notes that the tree is as it was hashed. */
void forest_hash_root(struct forest *f,
                      struct forest_tree *t,
                      forest_row_hash_fn row_hash,
                      void *ctx);
void forest_hash(struct forest *f,
                 struct forest_tree *t,
                 forest_row_hash_fn row_hash,
                 void *ctx);
/* forest_drop frees every node and row of t, and its index: t is empty. */
void forest_drop(struct forest *f, struct forest_tree *t);
/* Visits leaves in key order until visit returns false. */
typedef bool (*forest_visit_fn)(void *ctx, const struct forest_leaf *leaf);
void forest_each(const struct forest *f,
                 const struct forest_tree *t,
                 forest_visit_fn visit,
                 void *ctx);

struct forest_row *forest_row_new(struct bytes from);

static inline uint16_t forest_inner_bit(const struct forest_inner *n)
{
    return (uint16_t)(n->message[1] << 8 | n->message[2]);
}
/* What the message says of a side's hash; current unless that side is dirty. */
const uint8_t *forest_inner_hash(const struct forest_inner *n, int side);

struct hash forest_leaf_hash(uint8_t table,
                             const struct hash *key,
                             const struct hash *row_hash);
struct hash forest_node_hash(uint8_t table,
                             uint16_t bit,
                             const struct hash *left,
                             const struct hash *right);

struct state;
struct row_key;
/* The tree of a state that key is in (NULL: none), hashed. */
const struct forest_tree *state_tree_for_proof(struct state *s,
                                               const struct forest **forest,
                                               const struct row_key *key);

static inline int forest_bit(const struct hash *key, uint16_t bit)
{
    return key->raw[bit >> 3] >> (7 - (bit & 7)) & 1;
}
/* The first bit in which two keys differ; 256 if they do not. */
uint16_t forest_difference(const struct hash *a, const struct hash *b);

#endif /* STATE_FOREST_H */
