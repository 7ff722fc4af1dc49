/* A tree from its leaves in order: the right spine is all that is kept. */
#include "base/check.h"
#include "state/forest.h"
#include "state/proof.h"

void proof_list_begin(struct proof_list *l, uint8_t table)
{
    l->table = table;
    l->depth = 0;
    l->count = 0;
    memset(&l->last_key, 0, sizeof l->last_key);
    memset(&l->last, 0, sizeof l->last);
}

enum err proof_list_add(struct proof_list *l,
                        const struct hash *key,
                        const struct hash *row_hash)
{
    if (l->count > 0) {
        const uint16_t bit = forest_difference(&l->last_key, key);

        if (bit >= 8 * HASH_BYTES || forest_bit(key, bit) == 0)
            return ERR_ORDER;
        /* What tests a later bit than this lies wholly to the left. */
        while (l->depth > 0 && l->spine[l->depth - 1].bit > bit) {
            l->depth--;
            l->last = forest_node_hash(l->table,
                                       l->spine[l->depth].bit,
                                       &l->spine[l->depth].left,
                                       &l->last);
        }
        ASSERT(l->depth < PROOF_STEPS_MAX);
        l->spine[l->depth].bit = bit;
        l->spine[l->depth].left = l->last;
        l->depth++;
    }
    l->last = forest_leaf_hash(l->table, key, row_hash);
    l->last_key = *key;
    l->count++;
    return ERR_NONE;
}

struct hash proof_list_root(const struct proof_list *l)
{
    struct hash h = l->last;

    for (uint32_t i = l->depth; i > 0; i--)
        h = forest_node_hash(
            l->table, l->spine[i - 1].bit, &l->spine[i - 1].left, &h);
    return h;
}
