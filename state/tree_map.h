/* tree_map.h - finds a tree by its table and name (private to state/). */
#ifndef STATE_TREE_MAP_H
#define STATE_TREE_MAP_H

#include "state/forest.h"

/* Open addressing; at most half full.  Owns no tree until tree_map_deinit,
 * which frees them all. */
struct tree_map {
    struct forest_tree **at;
    uint32_t cap; /* a power of two */
    uint32_t used;
};

void tree_map_init(struct tree_map *m);
void tree_map_deinit(struct tree_map *m);
/* Forgets all trees and frees none. */
void tree_map_clear(struct tree_map *m);
struct forest_tree *tree_map_find(const struct tree_map *m,
                                  uint8_t table,
                                  const struct hash *id);
/* Asks the memory for where the search will begin. */
void tree_map_prefetch(const struct tree_map *m,
                       uint8_t table,
                       const struct hash *id);
/* Requires  no tree of that name in m. */
void tree_map_add(struct tree_map *m, struct forest_tree *t);
/* Requires  t in m. */
void tree_map_remove(struct tree_map *m, const struct forest_tree *t);

#endif /* STATE_TREE_MAP_H */
