#include "state/forest.h"

#include "base/check.h"
#include "crypto/hash.h"

#include <stdlib.h>

enum {
    DEPTH_MAX = 257,
    INDEX_FROM = 32, /* leaves a tree has before an index pays */
    FETCH_MAX = 64,
    LINE_BYTES = 64,
};

int forest_bit(const struct hash *key, uint16_t bit)
{
    return key->raw[bit >> 3] >> (7 - (bit & 7)) & 1;
}

static uint16_t first_difference(const struct hash *a, const struct hash *b)
{
    uint16_t i = 0;

    while (a->raw[i] == b->raw[i])
        i++;
    return (uint16_t)(i * 8 + __builtin_clz((unsigned)(a->raw[i] ^ b->raw[i])) -
                      24);
}

static bool is_leaf(uint32_t ref)
{
    return (ref & FOREST_LEAF) != 0;
}

static struct forest_leaf *leaf_at(const struct forest *f, uint32_t ref)
{
    return &f->leaves[ref & ~(uint32_t)FOREST_LEAF];
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

static uint32_t new_leaf(struct forest *f)
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

static uint32_t new_inner(struct forest *f)
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

static void message_init(struct forest_inner *n, uint8_t table, uint16_t bit)
{
    memset(n->message, 0, sizeof n->message);
    n->message[0] = (uint8_t)(0x40 + table);
    n->message[1] = (uint8_t)(bit >> 8);
    n->message[2] = (uint8_t)bit;
}

uint16_t forest_inner_bit(const struct forest_inner *n)
{
    return (uint16_t)(n->message[1] << 8 | n->message[2]);
}

const uint8_t *forest_inner_hash(const struct forest_inner *n, int side)
{
    return n->message + 3 + side * HASH_BYTES;
}

static uint8_t *slot_of(struct forest_inner *n, int side)
{
    return n->message + 3 + side * HASH_BYTES;
}

struct hash forest_node_hash(uint8_t table,
                             uint16_t bit,
                             const struct hash *left,
                             const struct hash *right)
{
    struct forest_inner n;

    message_init(&n, table, bit);
    memcpy(slot_of(&n, 0), left->raw, HASH_BYTES);
    memcpy(slot_of(&n, 1), right->raw, HASH_BYTES);
    return hash_of(bytes_of(n.message, sizeof n.message));
}

struct hash forest_leaf_hash(uint8_t table,
                             const struct hash *key,
                             const struct hash *row_hash)
{
    uint8_t message[1 + 2 * HASH_BYTES];

    message[0] = (uint8_t)(0x60 + table);
    memcpy(message + 1, key->raw, HASH_BYTES);
    memcpy(message + 1 + HASH_BYTES, row_hash->raw, HASH_BYTES);
    return hash_of(bytes_of(message, sizeof message));
}

void forest_warm(const struct forest *f,
                 uint32_t *refs,
                 const struct hash *const *keys,
                 uint32_t count)
{
    bool more = true;

    while (more) {
        more = false;
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t ref = refs[i];
            const struct forest_inner *n;

            if (ref == 0)
                continue;
            if (is_leaf(ref)) {
                __builtin_prefetch(leaf_at(f, ref)->row);
                refs[i] = 0;
                continue;
            }
            n = &f->inners[ref];
            refs[i] = n->child[forest_bit(keys[i], forest_inner_bit(n))];
            more = true;
            if (is_leaf(refs[i])) {
                __builtin_prefetch(leaf_at(f, refs[i]));
            } else {
                n = &f->inners[refs[i]];
                __builtin_prefetch(n);
                __builtin_prefetch(n->message + sizeof n->message - 1);
            }
        }
    }
}

/* The leaf where a walk for key ends; 0 in an empty tree. */
static uint32_t walk(const struct forest *f,
                     const struct forest_tree *t,
                     const struct hash *key)
{
    uint32_t ref = t->root;

    while (ref != 0 && !is_leaf(ref)) {
        const struct forest_inner *n = &f->inners[ref];

        ref = n->child[forest_bit(key, forest_inner_bit(n))];
    }
    return ref;
}

/* ---- the index beside a tree ---- */

static void index_leaf(struct forest *f, struct forest_tree *t, uint32_t ref)
{
    const uint32_t i = ref & ~(uint32_t)FOREST_LEAF;

    leaf_index_add(&t->index, leaf_index_hash(&f->leaves[i].key), i);
}

/* A new index of twice the size, over all leaves. */
static void index_all(struct forest *f, struct forest_tree *t)
{
    uint32_t stack[DEPTH_MAX];
    uint32_t depth = 0;

    f->index_bytes -= t->index.cap * sizeof t->index.at[0];
    leaf_index_deinit(&t->index);
    leaf_index_init(&t->index, t->count);
    f->index_bytes += t->index.cap * sizeof t->index.at[0];
    stack[depth++] = t->root;
    while (depth > 0) {
        const uint32_t ref = stack[--depth];

        if (is_leaf(ref)) {
            index_leaf(f, t, ref);
        } else {
            stack[depth++] = f->inners[ref].child[1];
            stack[depth++] = f->inners[ref].child[0];
        }
    }
}

/* The leaf is in the tree already. */
static void index_added(struct forest *f, struct forest_tree *t, uint32_t ref)
{
    if (t->index.at == NULL && t->count < INDEX_FROM)
        return;
    if (t->index.at == NULL || leaf_index_is_full(&t->index))
        index_all(f, t);
    else
        index_leaf(f, t, ref);
}

static void index_drop(struct forest *f, struct forest_tree *t)
{
    f->index_bytes -= t->index.cap * sizeof t->index.at[0];
    leaf_index_deinit(&t->index);
}

static const struct forest_leaf *index_find(const struct forest *f,
                                            const struct forest_tree *t,
                                            const struct hash *key)
{
    const uint32_t hash = leaf_index_hash(key);
    uint32_t at = 0;
    uint32_t i;

    while ((i = leaf_index_next(&t->index, hash, &at)) != 0) {
        if (hash_eq(&f->leaves[i].key, key))
            return &f->leaves[i];
    }
    return NULL;
}

const struct forest_leaf *forest_find(const struct forest *f,
                                      const struct forest_tree *t,
                                      const struct hash *key)
{
    const struct forest_leaf *leaf = NULL;
    uint32_t ref;

    if (t->index.at != NULL) {
        leaf = index_find(f, t, key);
        if (leaf != NULL || t->index.left_out == 0)
            return leaf;
    }
    ref = walk(f, t, key);
    if (ref == 0)
        return NULL;
    leaf = leaf_at(f, ref);
    return hash_eq(&leaf->key, key) ? leaf : NULL;
}

static void prefetch_leaf(const struct forest_leaf *leaf)
{
    __builtin_prefetch(leaf);
    __builtin_prefetch((const uint8_t *)(leaf + 1) - 1);
}

/* Most rows are of two to four lines; the processor fetches on by itself. */
static void prefetch_row(const struct forest_leaf *leaf)
{
    const uint8_t *row = (const uint8_t *)leaf->row;

    __builtin_prefetch(row);
    __builtin_prefetch(row + LINE_BYTES);
    __builtin_prefetch(row + 2 * LINE_BYTES);
}

void forest_fetch(const struct forest *f,
                  const struct forest_tree *const *trees,
                  const struct hash *const *keys,
                  uint32_t count)
{
    uint32_t hash[FETCH_MAX];
    const struct forest_leaf *leaf[FETCH_MAX];

    ASSERT(count <= FETCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (trees[i] == NULL || trees[i]->index.at == NULL)
            continue;
        hash[i] = leaf_index_hash(keys[i]);
        leaf_index_prefetch(&trees[i]->index, hash[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        uint32_t found;

        leaf[i] = NULL;
        if (trees[i] == NULL || trees[i]->index.at == NULL)
            continue;
        found = leaf_index_next(&trees[i]->index, hash[i], &at);
        if (found == 0)
            continue;
        leaf[i] = &f->leaves[found];
        prefetch_leaf(leaf[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (leaf[i] != NULL)
            prefetch_row(leaf[i]);
    }
}

static uint8_t side_flag(int side)
{
    return (uint8_t)(1 << side);
}

/* Marks the path that a walk for key takes, its leaf included. */
static void mark_path(struct forest *f,
                      struct forest_tree *t,
                      const struct hash *key)
{
    uint32_t ref = t->root;

    t->dirty = true;
    t->root_dirty = true;
    while (!is_leaf(ref)) {
        struct forest_inner *n = &f->inners[ref];

        const int side = forest_bit(key, forest_inner_bit(n));

        n->dirty |= side_flag(side);
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
    const uint32_t at = new_inner(f);
    struct forest_inner *n = &f->inners[at];
    uint32_t *link = &t->root; /* what the new node will stand above … */
    const uint8_t *hash = t->hash.raw;
    bool dirty = t->root_dirty; /* … and whether that hash was stale */
    const int side = forest_bit(key, bit);

    t->root_dirty = true;
    while (!is_leaf(*link) && forest_inner_bit(&f->inners[*link]) < bit) {
        struct forest_inner *up = &f->inners[*link];
        const int down = forest_bit(key, forest_inner_bit(up));

        dirty = (up->dirty & side_flag(down)) != 0;
        up->dirty |= side_flag(down);
        hash = slot_of(up, down);
        link = &up->child[down];
    }
    message_init(n, t->table, bit);
    n->dirty = side_flag(side);
    if (dirty)
        n->dirty |= side_flag(!side);
    n->child[side] = leaf_ref;
    n->child[!side] = *link;
    memcpy(slot_of(n, !side), hash, HASH_BYTES);
    *link = at;
}

static void add(struct forest *f,
                struct forest_tree *t,
                const struct hash *key,
                struct forest_row *row,
                uint32_t near)
{
    const uint32_t i = new_leaf(f);
    const uint32_t ref = i | FOREST_LEAF;

    f->leaves[i] = (struct forest_leaf){.key = *key, .row = row};
    f->row_bytes += sizeof *row + row->size;
    if (near == 0) {
        t->root = ref;
        t->root_dirty = true;
    } else {
        insert(f, t, key, ref, first_difference(&leaf_at(f, near)->key, key));
    }
    t->count++;
    t->dirty = true;
    index_added(f, t, ref);
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
        const bool dirty = (n->dirty & side_flag(!side)) != 0;

        if (!is_leaf(next)) {
            n->dirty |= side_flag(side);
            up = n;
            up_side = side;
            at = next;
            continue;
        }
        if (up == NULL) {
            t->root = n->child[!side];
            t->root_dirty = dirty;
            memcpy(t->hash.raw, slot_of(n, !side), HASH_BYTES);
        } else {
            t->root_dirty = true;
            up->child[up_side] = n->child[!side];
            memcpy(slot_of(up, up_side), slot_of(n, !side), HASH_BYTES);
            if (!dirty)
                up->dirty &= side_flag(!up_side);
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

    if (is_leaf(ref)) {
        t->root = 0;
        t->root_dirty = false;
        memset(&t->hash, 0, sizeof t->hash);
    } else {
        ref = lift_sibling(f, t, key);
    }
    if (t->index.at != NULL)
        leaf_index_remove(
            &t->index, leaf_index_hash(key), ref & ~(uint32_t)FOREST_LEAF);
    row = leaf_at(f, ref)->row;
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
    const uint32_t near = walk(f, t, key);
    struct forest_leaf *leaf = near != 0 ? leaf_at(f, near) : NULL;
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

static struct hash hash_leaf(struct forest *f,
                             const struct forest_tree *t,
                             uint32_t ref,
                             forest_row_hash_fn row_hash,
                             void *ctx)
{
    const struct forest_leaf *leaf = leaf_at(f, ref);
    const struct hash r = row_hash(ctx, t, leaf);

    f->hash_count += 2;
    return forest_leaf_hash(t->table, &leaf->key, &r);
}

/* Hashes the marked nodes under an inner node, and it; ends with its hash. */
static struct hash hash_inner(struct forest *f,
                              const struct forest_tree *t,
                              forest_row_hash_fn row_hash,
                              void *ctx)
{
    uint32_t stack[DEPTH_MAX];
    uint32_t depth = 0;
    struct hash h;

    stack[depth++] = t->root;
    for (;;) {
        struct forest_inner *n = &f->inners[stack[depth - 1]];
        const int side = (n->dirty & side_flag(0)) != 0 ? 0 : 1;

        if (n->dirty != 0) {
            const uint32_t child = n->child[side];

            if (!is_leaf(child)) {
                ASSERT(depth < DEPTH_MAX);
                stack[depth++] = child;
                continue; /* the mark goes when the child is hashed */
            }
            h = hash_leaf(f, t, child, row_hash, ctx);
            memcpy(slot_of(n, side), h.raw, HASH_BYTES);
            n->dirty &= side_flag(!side);
            continue;
        }
        h = hash_of(bytes_of(n->message, sizeof n->message));
        f->hash_count++;
        if (--depth == 0)
            return h;
        n = &f->inners[stack[depth - 1]];
        {
            const int done = (n->dirty & side_flag(0)) != 0 ? 0 : 1;

            memcpy(slot_of(n, done), h.raw, HASH_BYTES);
            n->dirty &= side_flag(!done);
        }
    }
}

void forest_hash_root(struct forest *f,
                      struct forest_tree *t,
                      forest_row_hash_fn row_hash,
                      void *ctx)
{
    if (t->root_dirty)
        t->hash = is_leaf(t->root) ? hash_leaf(f, t, t->root, row_hash, ctx)
                                   : hash_inner(f, t, row_hash, ctx);
    t->root_dirty = false;
}

void forest_hash(struct forest *f,
                 struct forest_tree *t,
                 forest_row_hash_fn row_hash,
                 void *ctx)
{
    forest_hash_root(f, t, row_hash, ctx);
    t->dirty = false;
}

void forest_each(const struct forest *f,
                 const struct forest_tree *t,
                 forest_visit_fn visit,
                 void *ctx)
{
    uint32_t stack[DEPTH_MAX];
    uint32_t depth = 0;

    if (t->root != 0)
        stack[depth++] = t->root;
    while (depth > 0) {
        const uint32_t ref = stack[--depth];

        if (is_leaf(ref)) {
            if (!visit(ctx, leaf_at(f, ref)))
                return;
        } else {
            ASSERT(depth + 2 <= DEPTH_MAX);
            stack[depth++] = f->inners[ref].child[1];
            stack[depth++] = f->inners[ref].child[0];
        }
    }
}

void forest_drop(struct forest *f, struct forest_tree *t)
{
    uint32_t stack[DEPTH_MAX];
    uint32_t depth = 0;

    if (t->root != 0)
        stack[depth++] = t->root;
    while (depth > 0) {
        const uint32_t ref = stack[--depth];

        if (is_leaf(ref)) {
            struct forest_leaf *leaf = leaf_at(f, ref);

            f->row_bytes -= sizeof *leaf->row + leaf->row->size;
            free(leaf->row);
            free_leaf(f, ref & ~(uint32_t)FOREST_LEAF);
        } else {
            stack[depth++] = f->inners[ref].child[1];
            stack[depth++] = f->inners[ref].child[0];
            free_inner(f, ref);
        }
    }
    index_drop(f, t);
    t->root = 0;
    t->count = 0;
    t->root_dirty = false;
    t->dirty = false;
    memset(&t->hash, 0, sizeof t->hash);
}
