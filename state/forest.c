#include "state/forest_parts.h"

#include "base/check.h"

#include <stdlib.h>

uint16_t forest_difference(const struct hash *a, const struct hash *b)
{
    for (uint16_t i = 0; i < HASH_BYTES; i++) {
        const uint8_t x = a->raw[i] ^ b->raw[i];

        if (x != 0)
            return (uint16_t)(8 * i + __builtin_clz(x) - 24);
    }
    return 8 * HASH_BYTES;
}

void forest_init(struct forest *f)
{
    *f = (struct forest){.leaf_count = 1, .inner_count = 1};
}

void forest_deinit(struct forest *f)
{
    for (uint32_t i = 1; i < f->leaf_count; i++)
        free(f->leaves[i].row);
    free(f->leaves);
    free(f->inners);
    *f = (struct forest){0};
}

struct forest_row *forest_row_new(struct bytes from)
{
    struct forest_row *row = malloc(sizeof *row + from.size);

    ASSERT(row != NULL && from.size > 0 && from.size <= UINT32_MAX);
    row->size = (uint32_t)from.size;
    memcpy(row->at, from.at, from.size);
    return row;
}

static uint32_t grown(uint32_t cap)
{
    ASSERT(cap < FOREST_LEAF);
    return cap == 0 ? 64 : cap < 1 << 12 ? cap * 2 : cap + cap / 8;
}

uint32_t forest_new_leaf(struct forest *f)
{
    uint32_t i = f->leaf_free;

    if (i != 0) {
        memcpy(&f->leaf_free, f->leaves[i].key.raw, sizeof f->leaf_free);
        return i;
    }
    if (f->leaf_count >= f->leaf_cap) {
        f->leaf_cap = grown(f->leaf_cap);
        f->leaves = realloc(f->leaves, f->leaf_cap * sizeof f->leaves[0]);
        ASSERT(f->leaves != NULL);
    }
    return f->leaf_count++;
}

static void free_leaf(struct forest *f, uint32_t i)
{
    f->leaves[i].row = NULL;
    memcpy(f->leaves[i].key.raw, &f->leaf_free, sizeof f->leaf_free);
    f->leaf_free = i;
}

uint32_t forest_new_inner(struct forest *f)
{
    uint32_t i = f->inner_free;

    if (i != 0) {
        f->inner_free = f->inners[i].child[0];
        return i;
    }
    if (f->inner_count >= f->inner_cap) {
        f->inner_cap = grown(f->inner_cap);
        f->inners = realloc(f->inners, f->inner_cap * sizeof f->inners[0]);
        ASSERT(f->inners != NULL);
    }
    return f->inner_count++;
}

static void free_inner(struct forest *f, uint32_t i)
{
    f->inners[i].child[0] = f->inner_free;
    f->inner_free = i;
}

/* Marks the path that a walk for key takes, its leaf included. */
static void mark_path(struct forest *f,
                      struct forest_tree *t,
                      const struct hash *key)
{
    uint32_t ref = t->root;

    t->dirty = true;
    t->root_dirty = true;
    while (!forest_is_leaf(ref)) {
        struct forest_inner *n = &f->inners[ref];

        const int side = forest_bit(key, forest_inner_bit(n));

        n->dirty |= forest_side(side);
        ref = n->child[side];
    }
}

void forest_touch(struct forest *f,
                  struct forest_tree *t,
                  const struct hash *key)
{
    if (forest_find(f, t, key) != NULL)
        mark_path(f, t, key);
}

/* Puts a new leaf under a new inner node that tests bit; marks the path. */
static void insert(struct forest *f,
                   struct forest_tree *t,
                   const struct hash *key,
                   uint32_t leaf_ref,
                   uint16_t bit)
{
    const uint32_t at = forest_new_inner(f);
    struct forest_inner *n = &f->inners[at];
    uint32_t *link = &t->root; /* what the new node will stand above … */
    const uint8_t *hash = t->hash.raw;
    bool dirty = t->root_dirty; /* … and whether that hash was stale */
    const int side = forest_bit(key, bit);

    t->root_dirty = true;
    while (!forest_is_leaf(*link) &&
           forest_inner_bit(&f->inners[*link]) < bit) {
        struct forest_inner *up = &f->inners[*link];
        const int down = forest_bit(key, forest_inner_bit(up));

        dirty = (up->dirty & forest_side(down)) != 0;
        up->dirty |= forest_side(down);
        hash = forest_slot_of(up, down);
        link = &up->child[down];
    }
    forest_message_init(n, t->table, bit);
    n->dirty = forest_side(side);
    if (dirty)
        n->dirty |= forest_side(!side);
    n->child[side] = leaf_ref;
    n->child[!side] = *link;
    memcpy(forest_slot_of(n, !side), hash, HASH_BYTES);
    *link = at;
}

static void add(struct forest *f,
                struct forest_tree *t,
                const struct hash *key,
                struct forest_row *row,
                uint32_t near)
{
    const uint32_t i = forest_new_leaf(f);
    const uint32_t ref = i | FOREST_LEAF;

    f->edge.tree = NULL;
    f->leaves[i] = (struct forest_leaf){.key = *key, .row = row};
    f->row_bytes += sizeof *row + row->size;
    if (near == 0) {
        t->root = ref;
        t->root_dirty = true;
    } else {
        insert(f,
               t,
               key,
               ref,
               forest_difference(&forest_leaf_at(f, near)->key, key));
    }
    t->count++;
    t->dirty = true;
    forest_index_added(f, t, ref);
}

/* Removes the inner node above a leaf: its other side takes its place, with
 * its hash.  Returns the leaf. */
static uint32_t lift_sibling(struct forest *f,
                             struct forest_tree *t,
                             const struct hash *key)
{
    struct forest_inner *up = NULL;
    int up_side = 0;
    uint32_t at = t->root;

    for (;;) {
        struct forest_inner *n = &f->inners[at];
        const int side = forest_bit(key, forest_inner_bit(n));
        const uint32_t next = n->child[side];
        const bool dirty = (n->dirty & forest_side(!side)) != 0;

        if (!forest_is_leaf(next)) {
            n->dirty |= forest_side(side);
            up = n;
            up_side = side;
            at = next;
            continue;
        }
        if (up == NULL) {
            t->root = n->child[!side];
            t->root_dirty = dirty;
            memcpy(t->hash.raw, forest_slot_of(n, !side), HASH_BYTES);
        } else {
            t->root_dirty = true;
            up->child[up_side] = n->child[!side];
            memcpy(forest_slot_of(up, up_side),
                   forest_slot_of(n, !side),
                   HASH_BYTES);
            if (!dirty)
                up->dirty &= forest_side(!up_side);
        }
        free_inner(f, at);
        return next;
    }
}

static struct forest_row *take_out(struct forest *f,
                                   struct forest_tree *t,
                                   const struct hash *key)
{
    uint32_t ref = t->root;
    struct forest_row *row;

    f->edge.tree = NULL;
    if (forest_is_leaf(ref)) {
        t->root = 0;
        t->root_dirty = false;
        memset(&t->hash, 0, sizeof t->hash);
    } else {
        ref = lift_sibling(f, t, key);
    }
    if (t->index.at != NULL)
        leaf_index_remove(
            &t->index, leaf_index_hash(key), ref & ~(uint32_t)FOREST_LEAF);
    row = forest_leaf_at(f, ref)->row;
    f->row_bytes -= sizeof *row + row->size;
    free_leaf(f, ref & ~(uint32_t)FOREST_LEAF);
    t->count--;
    t->dirty = true;
    return row;
}

struct forest_row *forest_set(struct forest *f,
                              struct forest_tree *t,
                              const struct hash *key,
                              struct forest_row *row)
{
    const uint32_t near = forest_walk(f, t, key);
    struct forest_leaf *leaf = near != 0 ? forest_leaf_at(f, near) : NULL;
    struct forest_row *old;

    if (leaf == NULL || !hash_eq(&leaf->key, key)) {
        if (row != NULL)
            add(f, t, key, row, near);
        return NULL;
    }
    if (row == NULL)
        return take_out(f, t, key);
    old = leaf->row;
    f->row_bytes += row->size;
    f->row_bytes -= old->size;
    leaf->row = row;
    mark_path(f, t, key);
    return old;
}

void forest_each(const struct forest *f,
                 const struct forest_tree *t,
                 forest_visit_fn visit,
                 void *ctx)
{
    uint32_t stack[FOREST_DEPTH_MAX];
    uint32_t depth = 0;

    if (t->root != 0)
        stack[depth++] = t->root;
    while (depth > 0) {
        const uint32_t ref = stack[--depth];

        if (forest_is_leaf(ref)) {
            if (!visit(ctx, forest_leaf_at(f, ref)))
                return;
        } else {
            ASSERT(depth + 2 <= FOREST_DEPTH_MAX);
            stack[depth++] = f->inners[ref].child[1];
            stack[depth++] = f->inners[ref].child[0];
        }
    }
}

void forest_drop(struct forest *f, struct forest_tree *t)
{
    uint32_t stack[FOREST_DEPTH_MAX];
    uint32_t depth = 0;

    if (t->root != 0)
        stack[depth++] = t->root;
    while (depth > 0) {
        const uint32_t ref = stack[--depth];

        if (forest_is_leaf(ref)) {
            struct forest_leaf *leaf = forest_leaf_at(f, ref);

            f->row_bytes -= sizeof *leaf->row + leaf->row->size;
            free(leaf->row);
            free_leaf(f, ref & ~(uint32_t)FOREST_LEAF);
        } else {
            stack[depth++] = f->inners[ref].child[1];
            stack[depth++] = f->inners[ref].child[0];
            free_inner(f, ref);
        }
    }
    forest_index_drop(f, t);
    f->edge.tree = NULL;
    t->root = 0;
    t->count = 0;
    t->root_dirty = false;
    t->dirty = false;
    memset(&t->hash, 0, sizeof t->hash);
}
