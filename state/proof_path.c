/* A path in a tree that is not in memory: from all of its leaves. */
#include "base/check.h"
#include "state/forest.h"
#include "state/proof.h"

static struct hash root_of(uint8_t table,
                           const struct proof_leaf *leaves,
                           size_t count)
{
    struct proof_list l;

    proof_list_begin(&l, table);
    for (size_t i = 0; i < count; i++) {
        const enum err failed =
            proof_list_add(&l, &leaves[i].key, &leaves[i].row_hash);

        ASSERT(failed == ERR_NONE); /* they ascend */
    }
    return proof_list_root(&l);
}

/* The bit in which the halves of a range differ: keys ascend, so it is the
 * first one in which its first and last key do. */
static uint16_t split_bit(const struct hash *a, const struct hash *b)
{
    uint16_t bit = 0;

    while (forest_bit(a, bit) == forest_bit(b, bit))
        bit++;
    return bit;
}

/* How many of the leaves have a zero in this bit; they stand first. */
static size_t count_zeros(const struct proof_leaf *leaves,
                          size_t count,
                          uint16_t bit)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (forest_bit(&leaves[middle].key, bit) == 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void proof_list_path(struct tree_path *out,
                     uint8_t table,
                     const struct proof_leaf *leaves,
                     size_t count,
                     const struct hash *key)
{
    memset(out, 0, sizeof *out);
    out->empty = count == 0;
    if (out->empty)
        return;
    while (count > 1) {
        const uint16_t bit = split_bit(&leaves[0].key, &leaves[count - 1].key);
        const size_t zeros = count_zeros(leaves, count, bit);

        ASSERT(out->count < PROOF_STEPS_MAX);
        out->bits[out->count] = bit;
        if (forest_bit(key, bit) == 0) {
            out->siblings[out->count++] =
                root_of(table, leaves + zeros, count - zeros);
            count = zeros;
        } else {
            out->siblings[out->count++] = root_of(table, leaves, zeros);
            leaves += zeros;
            count -= zeros;
        }
    }
    out->leaf_key = leaves->key;
    out->leaf_row_hash = leaves->row_hash;
}
