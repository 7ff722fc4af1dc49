/* forest_parts.h - what the files of forest.h share. */
#ifndef STATE_FOREST_PARTS_H
#define STATE_FOREST_PARTS_H

#include "state/forest.h"

static inline bool forest_is_leaf(uint32_t ref)
{
    return (ref & FOREST_LEAF) != 0;
}

static inline struct forest_leaf *forest_leaf_at(const struct forest *f,
                                                 uint32_t ref)
{
    return &f->leaves[ref & ~(uint32_t)FOREST_LEAF];
}

static inline uint8_t *forest_slot_of(struct forest_inner *n, int side)
{
    return n->message + 3 + side * HASH_BYTES;
}

/* The bit of `dirty` for a side. */
static inline uint8_t forest_side(int side)
{
    return (uint8_t)(1 << side);
}

uint32_t forest_new_leaf(struct forest *f);
uint32_t forest_new_inner(struct forest *f);
/* The leaf where a walk for key ends; 0 in an empty tree. */
uint32_t forest_walk(const struct forest *f,
                     const struct forest_tree *t,
                     const struct hash *key);
/* A leaf was added: the index has it from now on, if the tree is large enough
 * for one; forest_index_missing makes that of a tree which was appended to.
 * forest_index_drop frees the index. */
void forest_index_missing(struct forest *f, struct forest_tree *t);
void forest_index_added(struct forest *f, struct forest_tree *t, uint32_t ref);
void forest_index_drop(struct forest *f, struct forest_tree *t);
/* How far the slots of one forest moved when they were put into another. */
struct forest_shift {
    uint32_t leaves;
    uint32_t inners;
};
/* forest_join moves all slots of `from` behind those of f; its trees are to be
 * told by forest_shift_tree.  from keeps its room.
 * Requires  nothing was ever taken out of from */
struct forest_shift forest_join(struct forest *f, struct forest *from);
void forest_shift_tree(struct forest_tree *t, struct forest_shift by);
void forest_message_init(struct forest_inner *n, uint8_t table, uint16_t bit);

#endif /* STATE_FOREST_PARTS_H */
