/* The slots of one forest put behind those of another. */
#include "base/check.h"
#include "state/forest_parts.h"

#include <stdlib.h>

static uint32_t shifted(uint32_t ref, struct forest_shift by)
{
    if (ref == 0)
        return 0;
    return ref + (forest_is_leaf(ref) ? by.leaves : by.inners);
}

/* Room for `more` slots behind `count`; grows by an eighth at least. */
static void *with_room(
    void *at, uint32_t *cap, uint32_t count, uint32_t more, size_t size)
{
    uint64_t want = (uint64_t)count + more;

    ASSERT(want < FOREST_LEAF);
    if (want <= *cap)
        return at;
    if (want < *cap + (uint64_t)*cap / 8)
        want = *cap + (uint64_t)*cap / 8;
    *cap = (uint32_t)want;
    at = realloc(at, want * size);
    ASSERT(at != NULL);
    return at;
}

struct forest_shift forest_join(struct forest *f, struct forest *from)
{
    const struct forest_shift by = {f->leaf_count - 1, f->inner_count - 1};
    const uint32_t leaves = from->leaf_count - 1;
    const uint32_t inners = from->inner_count - 1;

    ASSERT(from->leaf_free == 0 && from->inner_free == 0);
    f->leaves = with_room(
        f->leaves, &f->leaf_cap, f->leaf_count, leaves, sizeof f->leaves[0]);
    f->inners = with_room(
        f->inners, &f->inner_cap, f->inner_count, inners, sizeof f->inners[0]);
    if (leaves > 0)
        memcpy(f->leaves + f->leaf_count,
               from->leaves + 1,
               leaves * sizeof f->leaves[0]);
    for (uint32_t i = 0; i < inners; i++) {
        struct forest_inner *n = &f->inners[f->inner_count + i];

        *n = from->inners[1 + i];
        n->child[0] = shifted(n->child[0], by);
        n->child[1] = shifted(n->child[1], by);
    }
    f->leaf_count += leaves;
    f->inner_count += inners;
    f->row_bytes += from->row_bytes;
    f->index_bytes += from->index_bytes;
    f->hash_count += from->hash_count;
    from->edge.tree = NULL;
    from->leaf_count = 1;
    from->inner_count = 1;
    from->row_bytes = 0;
    from->index_bytes = 0;
    from->hash_count = 0;
    return by;
}

void forest_shift_tree(struct forest_tree *t, struct forest_shift by)
{
    t->root = shifted(t->root, by);
    leaf_index_shift(&t->index, by.leaves);
}
