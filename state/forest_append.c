/* Loading in key order: each new leaf goes to the right edge of its tree. */
#include "state/forest_parts.h"

/* A leaf that begins a tree. */
static void begin(struct forest *f, struct forest_tree *t, uint32_t ref)
{
    f->edge.tree = t;
    f->edge.depth = 0;
    t->root = ref;
}

/* A leaf under a new inner node that tests bit.  What the node stands above is
 * complete; its hash is made when the tree is hashed, as that of every node
 * here. */
static void extend(struct forest *f,
                   struct forest_tree *t,
                   uint32_t ref,
                   uint16_t bit)
{
    const uint32_t at = forest_new_inner(f);
    struct forest_inner *n = &f->inners[at];
    struct forest_edge *e = &f->edge;
    uint32_t *link;

    while (e->depth > 0 &&
           forest_inner_bit(&f->inners[e->inner[e->depth - 1]]) > bit)
        e->depth--;
    link =
        e->depth > 0 ? &f->inners[e->inner[e->depth - 1]].child[1] : &t->root;
    forest_message_init(n, t->table, bit);
    n->dirty = forest_side(0) | forest_side(1);
    n->child[0] = *link;
    n->child[1] = ref;
    *link = at;
    e->inner[e->depth++] = at;
}

bool forest_append(struct forest *f,
                   struct forest_tree *t,
                   const struct hash *key,
                   struct forest_row *row)
{
    const struct hash *last;
    uint16_t bit = 0;
    uint32_t i;

    if (f->edge.tree == t) {
        last = &f->leaves[f->edge.last].key;
        if (hash_cmp(last, key) >= 0)
            return false;
        bit = forest_difference(last, key);
    } else if (t->count > 0) {
        return false;
    }
    i = forest_new_leaf(f);
    f->leaves[i] = (struct forest_leaf){.key = *key, .row = row};
    f->row_bytes += sizeof *row + row->size;
    if (t->count == 0)
        begin(f, t, i | FOREST_LEAF);
    else
        extend(f, t, i | FOREST_LEAF, bit);
    f->edge.last = i;
    t->count++;
    t->root_dirty = true;
    t->dirty = true;
    return true;
}
