/* Finding leaves: by a walk, by the index, many at once. */
#include "base/check.h"
#include "state/forest_parts.h"

enum {
    INDEX_FROM = 32, /* leaves a tree has before an index pays */
    FETCH_MAX = 64,
    LINE_BYTES = 64,
};

uint32_t forest_walk(const struct forest *f,
                     const struct forest_tree *t,
                     const struct hash *key)
{
    uint32_t ref = t->root;

    while (ref != 0 && !forest_is_leaf(ref)) {
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

/* A new index with room for twice as many keys as said, over all leaves. */
static void index_all(struct forest *f, struct forest_tree *t, uint32_t keys)
{
    uint32_t stack[FOREST_DEPTH_MAX];
    uint32_t depth = 0;

    f->index_bytes -= t->index.cap * sizeof t->index.at[0];
    leaf_index_deinit(&t->index);
    leaf_index_init(&t->index, keys);
    f->index_bytes += t->index.cap * sizeof t->index.at[0];
    stack[depth++] = t->root;
    while (depth > 0) {
        const uint32_t ref = stack[--depth];

        if (forest_is_leaf(ref)) {
            index_leaf(f, t, ref);
        } else {
            stack[depth++] = f->inners[ref].child[1];
            stack[depth++] = f->inners[ref].child[0];
        }
    }
}

void forest_index_missing(struct forest *f, struct forest_tree *t)
{
    if (t->index.at == NULL && t->count >= INDEX_FROM)
        index_all(f, t, (t->count + 1) / 2);
}

/* The leaf is in the tree already. */
void forest_index_added(struct forest *f, struct forest_tree *t, uint32_t ref)
{
    if (t->index.at == NULL && t->count < INDEX_FROM)
        return;
    if (t->index.at == NULL || leaf_index_is_full(&t->index))
        index_all(f, t, t->count);
    else
        index_leaf(f, t, ref);
}

void forest_index_drop(struct forest *f, struct forest_tree *t)
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
    ref = forest_walk(f, t, key);
    if (ref == 0)
        return NULL;
    leaf = forest_leaf_at(f, ref);
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
            if (forest_is_leaf(ref)) {
                __builtin_prefetch(forest_leaf_at(f, ref)->row);
                refs[i] = 0;
                continue;
            }
            n = &f->inners[ref];
            refs[i] = n->child[forest_bit(keys[i], forest_inner_bit(n))];
            more = true;
            if (forest_is_leaf(refs[i])) {
                __builtin_prefetch(forest_leaf_at(f, refs[i]));
            } else {
                n = &f->inners[refs[i]];
                __builtin_prefetch(n);
                __builtin_prefetch(n->message + sizeof n->message - 1);
            }
        }
    }
}
