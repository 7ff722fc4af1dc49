/* The hashes of a tree. */
#include "base/check.h"
#include "crypto/hash.h"
#include "state/forest_parts.h"

void forest_message_init(struct forest_inner *n, uint8_t table, uint16_t bit)
{
    memset(n->message, 0, sizeof n->message);
    n->message[0] = (uint8_t)(0x40 + table);
    n->message[1] = (uint8_t)(bit >> 8);
    n->message[2] = (uint8_t)bit;
}

const uint8_t *forest_inner_hash(const struct forest_inner *n, int side)
{
    return n->message + 3 + side * HASH_BYTES;
}

struct hash forest_node_hash(uint8_t table,
                             uint16_t bit,
                             const struct hash *left,
                             const struct hash *right)
{
    struct forest_inner n;

    forest_message_init(&n, table, bit);
    memcpy(forest_slot_of(&n, 0), left->raw, HASH_BYTES);
    memcpy(forest_slot_of(&n, 1), right->raw, HASH_BYTES);
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

static struct hash hash_leaf(struct forest *f,
                             const struct forest_tree *t,
                             uint32_t ref,
                             forest_row_hash_fn row_hash,
                             void *ctx)
{
    const struct forest_leaf *leaf = forest_leaf_at(f, ref);
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
    uint32_t stack[FOREST_DEPTH_MAX];
    uint32_t depth = 0;
    struct hash h;

    stack[depth++] = t->root;
    for (;;) {
        struct forest_inner *n = &f->inners[stack[depth - 1]];
        const int side = (n->dirty & forest_side(0)) != 0 ? 0 : 1;

        if (n->dirty != 0) {
            const uint32_t child = n->child[side];

            if (!forest_is_leaf(child)) {
                ASSERT(depth < FOREST_DEPTH_MAX);
                stack[depth++] = child;
                continue; /* the mark goes when the child is hashed */
            }
            h = hash_leaf(f, t, child, row_hash, ctx);
            memcpy(forest_slot_of(n, side), h.raw, HASH_BYTES);
            n->dirty &= forest_side(!side);
            continue;
        }
        h = hash_of(bytes_of(n->message, sizeof n->message));
        f->hash_count++;
        if (--depth == 0)
            return h;
        n = &f->inners[stack[depth - 1]];
        {
            const int done = (n->dirty & forest_side(0)) != 0 ? 0 : 1;

            memcpy(forest_slot_of(n, done), h.raw, HASH_BYTES);
            n->dirty &= forest_side(!done);
        }
    }
}

void forest_hash_root(struct forest *f,
                      struct forest_tree *t,
                      forest_row_hash_fn row_hash,
                      void *ctx)
{
    if (t->root_dirty) {
        t->hash = forest_is_leaf(t->root)
                      ? hash_leaf(f, t, t->root, row_hash, ctx)
                      : hash_inner(f, t, row_hash, ctx);
        forest_index_missing(f, t);
    }
    if (f->edge.tree == t)
        f->edge.tree = NULL; /* its nodes are not marked any more */
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
