#include "state/leaf_index.h"

#include "base/check.h"

#include <stdlib.h>

enum {
    PROBES_MAX = 128,
    CAP_MIN = 64,
};

/* Keys are hashes, numbers, codes, days: every byte may be what tells two of
 * them apart. */
uint32_t leaf_index_hash(const struct hash *key)
{
    uint64_t word[4];
    uint64_t h;

    memcpy(word, key->raw, sizeof word);
    h = (word[0] ^ 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 32 ^ word[1]) * 0x94d049bb133111ebu;
    h = (h ^ h >> 32 ^ word[2]) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 32 ^ word[3]) * 0x94d049bb133111ebu;
    return (uint32_t)(h >> 32);
}

void leaf_index_init(struct leaf_index *x, uint32_t keys)
{
    uint32_t cap = CAP_MIN;

    while (cap / 4 < keys) /* a quarter full at first */
        cap *= 2;
    *x = (struct leaf_index){.cap = cap};
    x->at = calloc(cap, sizeof x->at[0]);
    ASSERT(x->at != NULL);
}

void leaf_index_deinit(struct leaf_index *x)
{
    free(x->at);
    *x = (struct leaf_index){0};
}

bool leaf_index_is_full(const struct leaf_index *x)
{
    return x->used >= x->cap / 2;
}

void leaf_index_add(struct leaf_index *x, uint32_t hash, uint32_t leaf)
{
    const uint32_t mask = x->cap - 1;

    ASSERT(leaf != 0 && x->used < x->cap / 2);
    for (uint32_t n = 0; n < PROBES_MAX; n++) {
        struct leaf_slot *s = &x->at[(hash + n) & mask];

        if (s->leaf != 0)
            continue;
        *s = (struct leaf_slot){hash, leaf};
        x->used++;
        return;
    }
    x->left_out++;
}

/* Closes the gap at i: whatever stands after it and may stand there moves. */
static void close_gap(struct leaf_index *x, uint32_t i)
{
    const uint32_t mask = x->cap - 1;

    for (uint32_t k = (i + 1) & mask; x->at[k].leaf != 0; k = (k + 1) & mask) {
        const uint32_t home = x->at[k].hash & mask;

        /* How far from home it stands now, and would in the gap. */
        if (((k - home) & mask) >= ((k - i) & mask)) {
            x->at[i] = x->at[k];
            i = k;
        }
    }
    x->at[i] = (struct leaf_slot){0};
}

void leaf_index_remove(struct leaf_index *x, uint32_t hash, uint32_t leaf)
{
    const uint32_t mask = x->cap - 1;

    for (uint32_t n = 0; n < PROBES_MAX; n++) {
        const uint32_t i = (hash + n) & mask;

        if (x->at[i].leaf == leaf) {
            close_gap(x, i);
            x->used--;
            return;
        }
        if (x->at[i].leaf == 0)
            break;
    }
    ASSERT(x->left_out > 0);
    x->left_out--;
}

void leaf_index_shift(struct leaf_index *x, uint32_t by)
{
    for (uint32_t i = 0; i < x->cap; i++) {
        if (x->at[i].leaf != 0)
            x->at[i].leaf += by;
    }
}

uint32_t leaf_index_next(const struct leaf_index *x,
                         uint32_t hash,
                         uint32_t *at)
{
    const uint32_t mask = x->cap - 1;

    while (*at < PROBES_MAX) {
        const struct leaf_slot *s = &x->at[(hash + *at) & mask];

        if (s->leaf == 0)
            return 0;
        (*at)++;
        if (s->hash == hash)
            return s->leaf;
    }
    return 0;
}
