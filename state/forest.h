/* forest.h - crit-bit Merkle trees in dense arrays (private to state/).
 *
 * All trees of a state share two arrays: inner nodes, each with its hash
 * message kept ready (updating a child is a store into the parent), and leaves
 * with their rows.  A changed path is only marked; forest_hash then hashes each
 * marked node once, children before parents. */
#ifndef STATE_FOREST_H
#define STATE_FOREST_H

#include "base/attr.h"
#include "base/bytes.h"

enum {
    FOREST_LEAF = 1u << 30, /* a reference with this bit is a leaf */
    NODE_MESSAGE_BYTES = 1 + 2 + 2 * HASH_BYTES,
};

struct forest_row {
    uint32_t size;
    uint8_t at[];
};

struct forest_leaf {
    struct hash key;
    struct forest_row *row; /* owned; NULL in a free slot */
    bool dirty;
    uint32_t next_free;
};

struct forest_inner {
    uint32_t child[2];
    uint16_t bit;
    bool dirty;
    uint8_t message[NODE_MESSAGE_BYTES];
};

struct forest {
    struct forest_leaf *leaves;
    uint32_t leaf_count; /* slots used, index 0 never */
    uint32_t leaf_cap;
    uint32_t leaf_free;
    struct forest_inner *inners;
    uint32_t inner_count;
    uint32_t inner_cap;
    uint32_t inner_free;
    uint64_t row_bytes;
};

struct forest_tree {
    uint8_t table;
    struct hash id;   /* names the tree; zeros for tables with one tree */
    uint32_t root;    /* 0 = empty */
    uint32_t count;   /* leaves */
    struct hash hash; /* of the root, when not dirty; zeros if empty */
    bool dirty;
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
/* forest_touch marks the path to key; false if there is no such leaf. */
bool forest_touch(struct forest *f,
                  struct forest_tree *t,
                  const struct hash *key);
void forest_hash(struct forest *f,
                 struct forest_tree *t,
                 forest_row_hash_fn row_hash,
                 void *ctx);
/* forest_drop frees every node and row of t. */
void forest_drop(struct forest *f, struct forest_tree *t);
/* Visits leaves in key order until visit returns false. */
typedef bool (*forest_visit_fn)(void *ctx, const struct forest_leaf *leaf);
void forest_each(const struct forest *f,
                 const struct forest_tree *t,
                 forest_visit_fn visit,
                 void *ctx);

struct forest_row *forest_row_new(struct bytes from);

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

int forest_bit(const struct hash *key, uint16_t bit);

#endif /* STATE_FOREST_H */
