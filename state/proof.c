#include "state/proof.h"

#include "base/check.h"
#include "crypto/hash.h"
#include "state/forest.h"

struct hash proof_row_hash(struct bytes row)
{
    return hash_byte_tagged(0x15, row, bytes_of(NULL, 0));
}

struct hash proof_security_row_hash(struct bytes row,
                                    const struct hash roots[3])
{
    return hash_byte_tagged(
        0x15, row, bytes_of(roots, 3 * sizeof(struct hash)));
}

static struct hash slot_node(const struct hash *left, const struct hash *right)
{
    return hash_byte_tagged(0x30,
                            bytes_of(left->raw, HASH_BYTES),
                            bytes_of(right->raw, HASH_BYTES));
}

struct hash proof_state_root(const struct hash slots[TABLE_SLOTS])
{
    struct hash level[TABLE_SLOTS];

    memcpy(level, slots, sizeof level);
    for (uint32_t n = TABLE_SLOTS; n > 1; n /= 2) {
        for (uint32_t i = 0; i < n / 2; i++)
            level[i] = slot_node(&level[2 * i], &level[2 * i + 1]);
    }
    return level[0];
}

void proof_slot_path(struct hash out[PROOF_SLOT_STEPS],
                     const struct hash slots[TABLE_SLOTS],
                     uint8_t table)
{
    struct hash level[TABLE_SLOTS];
    uint32_t at = table;

    ASSERT(table < TABLE_SLOTS);
    memcpy(level, slots, sizeof level);
    for (uint32_t step = 0; step < PROOF_SLOT_STEPS; step++) {
        out[step] = level[at ^ 1];
        for (uint32_t i = 0; i < (uint32_t)TABLE_SLOTS >> (step + 1); i++)
            level[i] = slot_node(&level[2 * i], &level[2 * i + 1]);
        at >>= 1;
    }
}

struct hash proof_slot_fold(const struct hash *slot,
                            const struct hash path[PROOF_SLOT_STEPS],
                            uint8_t table)
{
    struct hash h = *slot;

    for (uint32_t step = 0; step < PROOF_SLOT_STEPS; step++)
        h = (table >> step & 1) != 0 ? slot_node(&path[step], &h)
                                     : slot_node(&h, &path[step]);
    return h;
}

void proof_tree(struct tree_path *out,
                struct state *s,
                const struct row_key *key)
{
    const struct forest *f;
    const struct forest_tree *t = state_tree_for_proof(s, &f, key);
    uint32_t ref = t != NULL ? t->root : 0;
    const struct forest_leaf *leaf;

    memset(out, 0, sizeof *out);
    if (ref == 0) {
        out->empty = true;
        return;
    }
    while ((ref & FOREST_LEAF) == 0) {
        const struct forest_inner *n = &f->inners[ref];
        const uint16_t bit = forest_inner_bit(n);
        const int side = forest_bit(&key->key, bit);

        ASSERT(out->count < PROOF_STEPS_MAX);
        out->bits[out->count] = bit;
        memcpy(out->siblings[out->count].raw,
               forest_inner_hash(n, !side),
               HASH_BYTES);
        out->count++;
        ref = n->child[side];
    }
    leaf = &f->leaves[ref & ~(uint32_t)FOREST_LEAF];
    out->leaf_key = leaf->key;
    if (key->table == TABLE_SECURITIES) {
        struct hash roots[3];

        for (uint8_t i = 0; i < 3; i++)
            roots[i] =
                state_tree_root(s, (uint8_t)(TABLE_HOLDINGS + i), &leaf->key);
        out->leaf_row_hash = proof_security_row_hash(
            bytes_of(leaf->row->at, leaf->row->size), roots);
    } else {
        out->leaf_row_hash =
            proof_row_hash(bytes_of(leaf->row->at, leaf->row->size));
    }
}

enum err proof_fold(struct hash *tree_root,
                    bool *present,
                    const struct tree_path *path,
                    uint8_t table,
                    const struct hash *key)
{
    struct hash h;

    *present = false;
    memset(tree_root, 0, sizeof *tree_root);
    if (path->empty)
        return path->count == 0 && hash_is_zero(&path->leaf_key) &&
                       hash_is_zero(&path->leaf_row_hash)
                   ? ERR_NONE
                   : ERR_RANGE;
    if (path->count > PROOF_STEPS_MAX)
        return ERR_RANGE;
    for (uint32_t i = 0; i < path->count; i++) {
        if (path->bits[i] >= 8 * HASH_BYTES)
            return ERR_RANGE;
        if (i > 0 && path->bits[i - 1] >= path->bits[i])
            return ERR_ORDER;
        if (forest_bit(&path->leaf_key, path->bits[i]) !=
            forest_bit(key, path->bits[i]))
            return ERR_MISMATCH;
    }
    h = forest_leaf_hash(table, &path->leaf_key, &path->leaf_row_hash);
    for (uint32_t i = path->count; i > 0; i--) {
        const uint16_t bit = path->bits[i - 1];
        const struct hash *sibling = &path->siblings[i - 1];

        h = forest_bit(key, bit) != 0
                ? forest_node_hash(table, bit, sibling, &h)
                : forest_node_hash(table, bit, &h, sibling);
    }
    *tree_root = h;
    *present = hash_eq(&path->leaf_key, key);
    return ERR_NONE;
}
