#include "state/overlay.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdlib.h>

struct entry {
    struct row_key key;
    struct bytes base; /* the state's row; borrowed */
    struct bytes row;  /* as it is now; in the arena, or base */
};

/* What an entry was at the point of return. */
struct former {
    uint32_t entry;
    struct bytes row;
};

enum {
    DROPS_MAX = 64,
};

struct overlay {
    const struct state *state;
    struct arena rows;
    struct entry *entries;
    uint32_t count;
    uint32_t cap;
    uint32_t *map; /* entry index + 1; open addressing */
    uint32_t map_cap;
    bool marked;
    struct former *log; /* since begin */
    uint32_t log_count;
    uint32_t log_cap;
    struct row_key drops[DROPS_MAX];
    uint32_t drop_count;
    struct change *changes; /* the last overlay_changes */
};

struct overlay *overlay_new(const struct state *s)
{
    struct overlay *o = calloc(1, sizeof *o);

    ASSERT(o != NULL);
    o->state = s;
    o->map_cap = 256;
    o->map = calloc(o->map_cap, sizeof o->map[0]);
    ASSERT(o->map != NULL);
    return o;
}

void overlay_free(struct overlay *o)
{
    if (o == NULL)
        return;
    arena_deinit(&o->rows);
    free(o->entries);
    free(o->map);
    free(o->log);
    free(o->changes);
    free(o);
}

void overlay_reset(struct overlay *o, const struct state *s)
{
    o->state = s;
    arena_reset(&o->rows);
    o->count = 0;
    memset(o->map, 0, o->map_cap * sizeof o->map[0]);
    o->marked = false;
    o->log_count = 0;
    o->drop_count = 0;
}

static uint32_t place_of(const struct overlay *o, const struct row_key *key)
{
    uint64_t a;
    uint64_t b;
    uint64_t c;
    uint64_t d;
    uint64_t h;

    memcpy(&a, key->key.raw, 8);
    memcpy(&b, key->key.raw + 8, 8);
    memcpy(&c, key->tree.raw, 8);
    memcpy(&d, key->tree.raw + 8, 8);
    h = (a ^ b * 0x9e3779b97f4a7c15u) + (c ^ d * 0xc2b2ae3d27d4eb4fu) +
        key->table;
    h *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32) & (o->map_cap - 1);
}

static bool key_eq(const struct row_key *a, const struct row_key *b)
{
    return a->table == b->table && hash_eq(&a->key, &b->key) &&
           hash_eq(&a->tree, &b->tree);
}

static struct entry *find(struct overlay *o, const struct row_key *key)
{
    uint32_t i = place_of(o, key);

    while (o->map[i] != 0) {
        struct entry *e = &o->entries[o->map[i] - 1];

        if (key_eq(&e->key, key))
            return e;
        i = (i + 1) & (o->map_cap - 1);
    }
    return NULL;
}

static void map_put(struct overlay *o, uint32_t index)
{
    uint32_t i = place_of(o, &o->entries[index].key);

    while (o->map[i] != 0)
        i = (i + 1) & (o->map_cap - 1);
    o->map[i] = index + 1;
}

static void map_rebuild(struct overlay *o)
{
    memset(o->map, 0, o->map_cap * sizeof o->map[0]);
    for (uint32_t i = 0; i < o->count; i++)
        map_put(o, i);
}

static bool is_dropped(const struct overlay *o, const struct row_key *key)
{
    for (uint32_t i = 0; i < o->drop_count; i++) {
        if (o->drops[i].table == key->table &&
            hash_eq(&o->drops[i].tree, &key->tree))
            return true;
    }
    return false;
}

static struct bytes base_of(const struct overlay *o, const struct row_key *key)
{
    if (is_dropped(o, key))
        return bytes_of(NULL, 0);
    return state_get(o->state, key);
}

static struct entry *add(struct overlay *o, const struct row_key *key)
{
    struct entry *e;

    if (o->count >= o->cap) {
        o->cap = o->cap == 0 ? 128 : o->cap * 2;
        o->entries = realloc(o->entries, o->cap * sizeof o->entries[0]);
        ASSERT(o->entries != NULL);
    }
    e = &o->entries[o->count++];
    e->key = *key;
    e->base = base_of(o, key);
    e->row = e->base;
    if (o->count * 2 > o->map_cap) {
        o->map_cap *= 2;
        o->map = realloc(o->map, o->map_cap * sizeof o->map[0]);
        ASSERT(o->map != NULL);
        map_rebuild(o);
    } else {
        map_put(o, o->count - 1);
    }
    return e;
}

static struct bytes view_get(void *ctx, const struct row_key *key)
{
    struct overlay *o = ctx;
    const struct entry *e = find(o, key);

    return e != NULL ? e->row : base_of(o, key);
}

static void set(struct overlay *o, const struct row_key *key, struct bytes row)
{
    struct entry *e = find(o, key);

    if (e == NULL)
        e = add(o, key);
    if (o->marked) {
        if (o->log_count >= o->log_cap) {
            o->log_cap = o->log_cap == 0 ? 128 : o->log_cap * 2;
            o->log = realloc(o->log, o->log_cap * sizeof o->log[0]);
            ASSERT(o->log != NULL);
        }
        o->log[o->log_count++] =
            (struct former){(uint32_t)(e - o->entries), e->row};
    }
    e->row = row;
}

static void view_put(void *ctx, const struct row_key *key, struct bytes row)
{
    struct overlay *o = ctx;
    uint8_t *copy;

    ASSERT(row.size >= 1 && row.size <= ROW_BYTES_MAX);
    copy = arena_alloc(&o->rows, row.size);
    memcpy(copy, row.at, row.size);
    set(o, key, bytes_of(copy, row.size));
}

static void view_erase(void *ctx, const struct row_key *key)
{
    set(ctx, key, bytes_of(NULL, 0));
}

static void view_drop(void *ctx, uint8_t table, const struct hash *tree)
{
    struct overlay *o = ctx;
    const struct row_key key = {.table = table, .tree = *tree};

    ASSERT(o->count == 0); /* due work comes first in a block */
    if (is_dropped(o, &key) || !state_has_tree(o->state, table, tree))
        return;
    ASSERT(o->drop_count < DROPS_MAX);
    o->drops[o->drop_count++] = key;
}

static void view_begin(void *ctx)
{
    struct overlay *o = ctx;

    ASSERT(!o->marked);
    o->marked = true;
    o->log_count = 0;
}

static void view_rollback(void *ctx)
{
    struct overlay *o = ctx;

    ASSERT(o->marked);
    while (o->log_count > 0) {
        const struct former *f = &o->log[--o->log_count];

        o->entries[f->entry].row = f->row;
    }
    o->marked = false;
}

static void view_accept(void *ctx)
{
    struct overlay *o = ctx;

    ASSERT(o->marked);
    o->marked = false;
}

/* What is here already is near; the state fetches the rest. */
static void view_fetch(void *ctx, const struct row_key *keys, uint32_t count)
{
    struct overlay *o = ctx;
    struct row_key rest[VIEW_FETCH_MAX];
    uint32_t n = 0;

    for (uint32_t i = 0; i < count && n < VIEW_FETCH_MAX; i++) {
        if (find(o, &keys[i]) == NULL)
            rest[n++] = keys[i];
    }
    state_fetch(o->state, rest, n);
}

/* Every operation that touches anything of a security writes its row. */
static struct hash view_snapshot(void *ctx, const struct hash *security)
{
    struct overlay *o = ctx;
    const struct row_key key = {.table = TABLE_SECURITIES, .key = *security};
    const struct entry *e = find(o, &key);
    static const struct hash zero;

    if (e != NULL && e->row.at != e->base.at)
        return zero;
    return state_security_hash(o->state, security);
}

struct ledger_view overlay_view(struct overlay *o)
{
    return (struct ledger_view){.ctx = o,
                                .get = view_get,
                                .put = view_put,
                                .erase = view_erase,
                                .drop = view_drop,
                                .snapshot = view_snapshot,
                                .begin = view_begin,
                                .rollback = view_rollback,
                                .accept = view_accept,
                                .fetch = view_fetch};
}

static int key_cmp(const struct row_key *a, const struct row_key *b)
{
    int c = (int)a->table - (int)b->table;

    if (c == 0)
        c = hash_cmp(&a->tree, &b->tree);
    return c != 0 ? c : hash_cmp(&a->key, &b->key);
}

static int change_cmp(const void *a, const void *b)
{
    return key_cmp(&((const struct change *)a)->key,
                   &((const struct change *)b)->key);
}

static int drop_cmp(const void *a, const void *b)
{
    return key_cmp(a, b);
}

struct change_set overlay_changes(struct overlay *o)
{
    uint32_t count = 0;

    ASSERT(!o->marked);
    free(o->changes);
    o->changes = calloc(o->count + 1, sizeof o->changes[0]);
    ASSERT(o->changes != NULL);
    for (uint32_t i = 0; i < o->count; i++) {
        const struct entry *e = &o->entries[i];

        if (!bytes_eq(e->base, e->row))
            o->changes[count++] = (struct change){e->key, e->base, e->row};
    }
    qsort(o->changes, count, sizeof o->changes[0], change_cmp);
    qsort(o->drops, o->drop_count, sizeof o->drops[0], drop_cmp);
    return (struct change_set){.list = o->changes,
                               .count = count,
                               .drops = o->drops,
                               .drop_count = o->drop_count};
}
