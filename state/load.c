/* The start of a node: rows without hashes, states joined. */
#include "base/check.h"
#include "state/forest_parts.h"
#include "state/state_parts.h"

#include <stdlib.h>

/* The row of a key that comes after all others of its tree. */
static bool append(struct state *s,
                   const struct row_key *key,
                   struct forest_row *row)
{
    struct forest_tree *t = state_tree_to_change(s, key);

    if (!forest_append(&s->forest, t, &key->key, row))
        return false;
    s->rows[key->table]++;
    return true;
}

enum err state_load(struct state *s,
                    const struct row_key *key,
                    struct bytes row)
{
    struct forest_row *new_row;
    struct forest_row *old;

    if (key->table >= TABLES_USED || row.size == 0 ||
        row.size > ROW_BYTES_MAX ||
        (!state_has_subtrees(key->table) && !hash_is_zero(&key->tree)))
        return ERR_RANGE;
    new_row = forest_row_new(row);
    if (append(s, key, new_row))
        return ERR_NONE;
    old = state_put_row(s, key, new_row);
    if (old == NULL)
        return ERR_NONE;
    free(state_put_row(s, key, old)); /* as it was */
    return ERR_EXISTS;
}

void state_hash_inside(struct state *s)
{
    for (uint32_t i = 0; i < s->dirty_count; i++)
        forest_hash_root(&s->forest, s->dirty[i], state_row_hash, s);
    for (uint8_t i = 0; i < TABLES_USED; i++) {
        if (i != TABLE_SECURITIES && !state_has_subtrees(i))
            forest_hash_root(&s->forest, s->tables[i], state_row_hash, s);
    }
}

static bool is_there(const struct state *s, const struct forest_tree *t)
{
    const struct forest_tree *own = tree_map_find(&s->inside, t->table, &t->id);

    return own != NULL;
}

static bool trees_meet(const struct state *s, const struct state *from)
{
    for (uint32_t i = 0; i < from->dirty_count; i++) {
        if (is_there(s, from->dirty[i]))
            return true;
    }
    for (uint32_t i = 0; i < TABLES_USED; i++) {
        if (s->tables[i]->count > 0 && from->tables[i]->count > 0)
            return true;
    }
    return false;
}

enum err state_join(struct state *s, struct state *from)
{
    struct forest_shift shift;

    ASSERT(from->inside.used == from->dirty_count &&
           from->tables[TABLE_REFERENCES]->count == 0);
    if (trees_meet(s, from))
        return ERR_EXISTS;
    shift = forest_join(&s->forest, &from->forest);
    for (uint32_t i = 0; i < from->dirty_count; i++) {
        struct forest_tree *t = from->dirty[i];

        forest_shift_tree(t, shift);
        tree_map_add(&s->inside, t);
        t->dirty = false;
        state_mark_dirty(s, t);
        t->dirty = true;
    }
    for (uint32_t i = 0; i < TABLES_USED; i++) {
        struct forest_tree *t = from->tables[i];

        s->rows[i] += from->rows[i];
        from->rows[i] = 0;
        if (t->count == 0)
            continue;
        forest_shift_tree(t, shift);
        from->tables[i] = s->tables[i]; /* which is empty */
        s->tables[i] = t;
    }
    tree_map_clear(&from->inside);
    from->dirty_count = 0;
    return ERR_NONE;
}
