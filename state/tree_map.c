#include "state/tree_map.h"

#include "base/check.h"

#include <stdlib.h>

void tree_map_init(struct tree_map *m)
{
    *m = (struct tree_map){.cap = 64};
    m->at = calloc(m->cap, sizeof(struct forest_tree *));
    ASSERT(m->at != NULL);
}

void tree_map_deinit(struct tree_map *m)
{
    for (uint32_t i = 0; i < m->cap; i++) {
        if (m->at[i] != NULL)
            leaf_index_deinit(&m->at[i]->index);
        free(m->at[i]);
    }
    free(m->at);
    *m = (struct tree_map){0};
}

void tree_map_clear(struct tree_map *m)
{
    memset(m->at, 0, m->cap * sizeof m->at[0]);
    m->used = 0;
}

static uint32_t place_of(const struct tree_map *m,
                         uint8_t table,
                         const struct hash *id)
{
    uint64_t h = 1469598103934665603u ^ table;

    for (size_t i = 0; i < sizeof id->raw; i += 8) {
        uint64_t word;

        memcpy(&word, id->raw + i, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return (uint32_t)(h >> 16) & (m->cap - 1);
}

struct forest_tree *tree_map_find(const struct tree_map *m,
                                  uint8_t table,
                                  const struct hash *id)
{
    uint32_t i = place_of(m, table, id);

    while (m->at[i] != NULL) {
        if (m->at[i]->table == table && hash_eq(&m->at[i]->id, id))
            return m->at[i];
        i = (i + 1) & (m->cap - 1);
    }
    return NULL;
}

void tree_map_prefetch(const struct tree_map *m,
                       uint8_t table,
                       const struct hash *id)
{
    __builtin_prefetch(&m->at[place_of(m, table, id)]);
}

static void put(struct tree_map *m, struct forest_tree *t)
{
    uint32_t i = place_of(m, t->table, &t->id);

    while (m->at[i] != NULL)
        i = (i + 1) & (m->cap - 1);
    m->at[i] = t;
    m->used++;
}

void tree_map_add(struct tree_map *m, struct forest_tree *t)
{
    if ((m->used + 1) * 2 > m->cap) {
        struct forest_tree **old = m->at;
        const uint32_t old_cap = m->cap;

        m->cap *= 2;
        m->at = calloc(m->cap, sizeof(struct forest_tree *));
        ASSERT(m->at != NULL);
        m->used = 0;
        for (uint32_t i = 0; i < old_cap; i++) {
            if (old[i] != NULL)
                put(m, old[i]);
        }
        free(old);
    }
    put(m, t);
}

/* Removes t from the map and closes the gap. */
void tree_map_remove(struct tree_map *m, const struct forest_tree *t)
{
    uint32_t i = place_of(m, t->table, &t->id);

    while (m->at[i] != t)
        i = (i + 1) & (m->cap - 1);
    m->at[i] = NULL;
    m->used--;
    for (i = (i + 1) & (m->cap - 1); m->at[i] != NULL;
         i = (i + 1) & (m->cap - 1)) {
        struct forest_tree *again = m->at[i];

        m->at[i] = NULL;
        m->used--;
        put(m, again);
    }
}
