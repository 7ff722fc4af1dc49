#include "state/state.h"

#include "base/check.h"
#include "state/proof.h"
#include "state/state_parts.h"

#include <stdlib.h>

static const struct hash zero;

static bool inside_security(uint8_t table)
{
    return table == TABLE_HOLDINGS || table == TABLE_PLEDGES ||
           table == TABLE_FREEZES;
}

bool state_has_subtrees(uint8_t table)
{
    return inside_security(table) || table == TABLE_REFERENCES;
}

static struct forest_tree *tree_new(uint8_t table, const struct hash *id)
{
    struct forest_tree *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    t->table = table;
    t->id = *id;
    return t;
}

struct state *state_new(void)
{
    struct state *s = calloc(1, sizeof *s);

    ASSERT(s != NULL);
    forest_init(&s->forest);
    for (uint8_t i = 0; i < TABLE_SLOTS; i++)
        s->tables[i] = tree_new(i, &zero);
    tree_map_init(&s->inside);
    return s;
}

void state_free(struct state *s)
{
    if (s == NULL)
        return;
    forest_deinit(&s->forest);
    for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
        leaf_index_deinit(&s->tables[i]->index);
        free(s->tables[i]);
    }
    tree_map_deinit(&s->inside);
    free(s->dirty);
    free(s);
}

static struct forest_tree *tree_of(const struct state *s,
                                   const struct row_key *key)
{
    ASSERT(key->table < TABLES_USED);
    if (state_has_subtrees(key->table))
        return tree_map_find(&s->inside, key->table, &key->tree);
    return s->tables[key->table];
}

struct bytes state_get(const struct state *s, const struct row_key *key)
{
    const struct forest_tree *t = tree_of(s, key);
    const struct forest_leaf *leaf =
        t != NULL ? forest_find(&s->forest, t, &key->key) : NULL;

    if (leaf == NULL)
        return bytes_of(NULL, 0);
    return bytes_of(leaf->row->at, leaf->row->size);
}

uint64_t state_row_count(const struct state *s, uint8_t table)
{
    return s->rows[table];
}

bool state_has_tree(const struct state *s,
                    uint8_t table,
                    const struct hash *tree)
{
    const struct row_key key = {.table = table, .tree = *tree};
    const struct forest_tree *t = tree_of(s, &key);

    return t != NULL && t->count > 0;
}

uint64_t state_memory_bytes(const struct state *s)
{
    enum {
        MALLOC_BYTES = 12, /* about what each row costs beyond itself */
    };

    return s->forest.row_bytes + s->forest.leaf_count * (uint64_t)MALLOC_BYTES +
           s->forest.leaf_cap * (uint64_t)sizeof(struct forest_leaf) +
           s->forest.inner_cap * (uint64_t)sizeof(struct forest_inner) +
           s->forest.index_bytes +
           s->inside.used * (uint64_t)sizeof(struct forest_tree) +
           s->inside.cap * (uint64_t)sizeof s->inside.at[0];
}

uint64_t state_hash_count(const struct state *s)
{
    return s->forest.hash_count;
}

void state_mark_dirty(struct state *s, struct forest_tree *t)
{
    if (t->dirty)
        return;
    if (s->dirty_count >= s->dirty_cap) {
        s->dirty_cap = s->dirty_cap == 0 ? 64 : s->dirty_cap * 2;
        s->dirty = realloc(s->dirty, s->dirty_cap * sizeof s->dirty[0]);
        ASSERT(s->dirty != NULL);
    }
    s->dirty[s->dirty_count++] = t;
}

struct forest_tree *state_tree_to_change(struct state *s,
                                         const struct row_key *key)
{
    struct forest_tree *t = tree_of(s, key);

    if (t == NULL) {
        t = tree_new(key->table, &key->tree);
        tree_map_add(&s->inside, t);
    }
    if (state_has_subtrees(key->table))
        state_mark_dirty(s, t);
    return t;
}

struct forest_row *state_put_row(struct state *s,
                                 const struct row_key *key,
                                 struct forest_row *row)
{
    struct forest_row *old;
    struct forest_tree *t;
    uint32_t before;

    if (row == NULL && tree_of(s, key) == NULL)
        return NULL;
    t = state_tree_to_change(s, key);
    before = t->count;
    old = forest_set(&s->forest, t, &key->key, row);
    s->rows[key->table] = s->rows[key->table] + t->count - before;
    return old;
}

static struct hash security_hash(const struct state *s,
                                 const struct hash *security,
                                 struct bytes row)
{
    struct hash roots[3];

    for (uint8_t i = 0; i < 3; i++) {
        const struct forest_tree *inside =
            tree_map_find(&s->inside, (uint8_t)(TABLE_HOLDINGS + i), security);

        roots[i] = inside != NULL ? inside->hash : zero;
    }
    return proof_security_row_hash(row, roots);
}

struct hash state_security_hash(const struct state *s,
                                const struct hash *security)
{
    const struct row_key key = {.table = TABLE_SECURITIES, .key = *security};
    const struct bytes row = state_get(s, &key);

    ASSERT(s->dirty_count == 0);
    return row.size > 0 ? security_hash(s, security, row) : zero;
}

struct hash state_row_hash(void *ctx,
                           const struct forest_tree *t,
                           const struct forest_leaf *leaf)
{
    const struct state *s = ctx;
    const struct bytes row = bytes_of(leaf->row->at, leaf->row->size);

    if (t->table == TABLE_SECURITIES)
        return security_hash(s, &leaf->key, row);
    return proof_row_hash(row);
}

/* A day of references stands in the table's tree with its root as its row. */
static void set_day(struct state *s, const struct forest_tree *day)
{
    struct forest_row *row =
        day->root != 0 ? forest_row_new(bytes_of(day->hash.raw, HASH_BYTES))
                       : NULL;

    free(forest_set(&s->forest, s->tables[TABLE_REFERENCES], &day->id, row));
}

static void hash_all(struct state *s)
{
    for (uint32_t i = 0; i < s->dirty_count; i++) {
        struct forest_tree *t = s->dirty[i];

        forest_hash(&s->forest, t, state_row_hash, s);
        if (t->table == TABLE_REFERENCES)
            set_day(s, t);
        else
            forest_touch(&s->forest, s->tables[TABLE_SECURITIES], &t->id);
    }
    s->dirty_count = 0;
    for (uint32_t i = 0; i < TABLES_USED; i++)
        forest_hash(&s->forest, s->tables[i], state_row_hash, s);
}

void state_slot_roots(struct state *s, struct hash out[TABLE_SLOTS])
{
    hash_all(s);
    for (uint32_t i = 0; i < TABLE_SLOTS; i++)
        out[i] = s->tables[i]->hash;
}

struct hash state_root(struct state *s)
{
    struct hash slots[TABLE_SLOTS];

    state_slot_roots(s, slots);
    s->forest.hash_count += TABLE_SLOTS - 1;
    return proof_state_root(slots);
}

struct hash state_tree_root(struct state *s,
                            uint8_t table,
                            const struct hash *tree)
{
    const struct row_key key = {.table = table, .tree = *tree};
    const struct forest_tree *t;

    hash_all(s);
    t = tree_of(s, &key);
    return t != NULL ? t->hash : zero;
}

/* What a change replaced: old rows are owned here. */
struct undo_row {
    struct row_key key;
    struct forest_row *old;
};

struct state_undo {
    struct state *state;
    uint32_t row_count;
    struct undo_row *rows;
    uint32_t drop_count;
    struct forest_tree **drops; /* whole trees, out of the map */
};

static struct forest_tree *detach(struct state *s, const struct row_key *key)
{
    struct forest_tree *t;

    ASSERT(key->table == TABLE_REFERENCES);
    t = tree_map_find(&s->inside, key->table, &key->tree);
    if (t == NULL)
        return NULL;
    tree_map_remove(&s->inside, t);
    s->rows[key->table] -= t->count;
    free(forest_set(&s->forest, s->tables[TABLE_REFERENCES], &t->id, NULL));
    return t;
}

enum {
    WARM_TOGETHER = 16,
};

/* Fetches what a few changes will touch. */
static void warm(const struct state *s,
                 const struct row_key *const *keys,
                 uint32_t count)
{
    uint32_t refs[WARM_TOGETHER];
    const struct hash *inside[WARM_TOGETHER];

    ASSERT(count <= WARM_TOGETHER);
    for (uint32_t i = 0; i < count; i++) {
        const struct forest_tree *t = tree_of(s, keys[i]);

        refs[i] = t != NULL ? t->root : 0;
        inside[i] = &keys[i]->key;
    }
    forest_warm(&s->forest, refs, inside, count);
}

void state_fetch(const struct state *s,
                 const struct row_key *keys,
                 uint32_t count)
{
    const struct forest_tree *trees[STATE_FETCH_MAX];
    const struct hash *inside[STATE_FETCH_MAX];

    ASSERT(count <= STATE_FETCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (state_has_subtrees(keys[i].table))
            tree_map_prefetch(&s->inside, keys[i].table, &keys[i].tree);
    }
    for (uint32_t i = 0; i < count; i++) {
        trees[i] = tree_of(s, &keys[i]);
        inside[i] = &keys[i].key;
    }
    forest_fetch(&s->forest, trees, inside, count);
}

static void warm_changes(const struct state *s,
                         const struct change_set *set,
                         uint32_t from)
{
    const struct row_key *keys[WARM_TOGETHER];
    uint32_t n = 0;

    while (n < WARM_TOGETHER && from + n < set->count) {
        keys[n] = &set->list[from + n].key;
        n++;
    }
    warm(s, keys, n);
}

static void warm_undo(const struct state *s,
                      const struct state_undo *undo,
                      uint32_t from)
{
    const struct row_key *keys[WARM_TOGETHER];
    uint32_t n = 0;

    while (n < WARM_TOGETHER && from + n < undo->row_count) {
        keys[n] = &undo->rows[from + n].key;
        n++;
    }
    warm(s, keys, n);
}

/* Hashes the tree of a change that was made, if the next one (NULL: none) is of
 * another tree: its nodes are still near.  Changes are sorted, so each tree
 * comes once; hash_all finds it done and goes on to the tables. */
static void hash_passed(struct state *s,
                        const struct row_key *was,
                        const struct row_key *next)
{
    struct forest_tree *t;

    if (!state_has_subtrees(was->table) ||
        (next != NULL && next->table == was->table &&
         hash_eq(&next->tree, &was->tree)))
        return;
    t = tree_of(s, was);
    if (t != NULL)
        forest_hash_root(&s->forest, t, state_row_hash, s);
}

void state_apply(struct state *s,
                 struct hash *root,
                 struct state_undo **undo,
                 const struct change_set *set)
{
    struct state_undo *u = calloc(1, sizeof *u);

    ASSERT(u != NULL);
    u->state = s;
    u->rows = calloc(set->count + 1, sizeof u->rows[0]);
    u->drops = calloc(set->drop_count + 1, sizeof u->drops[0]);
    ASSERT(u->rows != NULL && u->drops != NULL);
    hash_all(s); /* so that no tree to be dropped is waiting */
    for (uint32_t i = 0; i < set->drop_count; i++) {
        struct forest_tree *t = detach(s, &set->drops[i]);

        if (t != NULL)
            u->drops[u->drop_count++] = t;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct change *c = &set->list[i];
        struct forest_row *row =
            c->new_row.size > 0 ? forest_row_new(c->new_row) : NULL;

        if (i % WARM_TOGETHER == 0)
            warm_changes(s, set, i);
        u->rows[i].key = c->key;
        u->rows[i].old = state_put_row(s, &c->key, row);
        hash_passed(
            s, &c->key, i + 1 < set->count ? &set->list[i + 1].key : NULL);
    }
    u->row_count = set->count;
    *root = state_root(s);
    *undo = u;
}

void state_undo(struct state *s, struct state_undo *undo)
{
    ASSERT(undo->state == s);
    for (uint32_t i = 0; i < undo->row_count; i++) {
        struct undo_row *r = &undo->rows[i];

        if (i % WARM_TOGETHER == 0)
            warm_undo(s, undo, i);
        free(state_put_row(s, &r->key, r->old));
        r->old = NULL;
        hash_passed(s, &r->key, i + 1 < undo->row_count ? &r[1].key : NULL);
    }
    hash_all(s);
    for (uint32_t i = 0; i < undo->drop_count; i++) {
        struct forest_tree *t = undo->drops[i];
        struct forest_tree *since = tree_map_find(&s->inside, t->table, &t->id);

        if (since != NULL) { /* made by a later block, empty by now */
            ASSERT(since->count == 0);
            tree_map_remove(&s->inside, since);
            forest_drop(&s->forest, since);
            free(since);
        }
        tree_map_add(&s->inside, t);
        s->rows[t->table] += t->count;
        set_day(s, t);
    }
    undo->drop_count = 0;
    hash_all(s);
    state_undo_free(undo);
}

void state_undo_free(struct state_undo *undo)
{
    if (undo == NULL)
        return;
    for (uint32_t i = 0; i < undo->row_count; i++)
        free(undo->rows[i].old);
    for (uint32_t i = 0; i < undo->drop_count; i++) {
        forest_drop(&undo->state->forest, undo->drops[i]);
        free(undo->drops[i]);
    }
    free(undo->rows);
    free(undo->drops);
    free(undo);
}

struct each_context {
    uint8_t table;
    const struct hash *tree;
    state_visit_fn visit;
    void *ctx;
};

static bool each_leaf(void *ctx, const struct forest_leaf *leaf)
{
    const struct each_context *x = ctx;
    const struct row_key key = {x->table, *x->tree, leaf->key};

    return x->visit(x->ctx, &key, bytes_of(leaf->row->at, leaf->row->size));
}

void state_each(const struct state *s,
                uint8_t table,
                const struct hash *tree,
                state_visit_fn visit,
                void *ctx)
{
    const struct row_key key = {.table = table, .tree = *tree};
    const struct forest_tree *t = tree_of(s, &key);
    struct each_context x = {table, tree, visit, ctx};

    if (t != NULL)
        forest_each(&s->forest, t, each_leaf, &x);
}

/* For proofs: the tree and the forest behind it. */
const struct forest_tree *state_tree_for_proof(struct state *s,
                                               const struct forest **forest,
                                               const struct row_key *key)
{
    hash_all(s);
    *forest = &s->forest;
    return tree_of(s, key);
}
