#include "tests/market/rows.h"

#include "base/check.h"
#include "crypto/hash.h"

#include <stdlib.h>

struct row {
    struct row_key key;
    uint8_t *at;
    size_t size; /* 0: absent */
    struct rows_digest digest;
    struct rows_digest block_digest; /* at rows_block; securities only */
    uint64_t step;                   /* in which it was journaled first */
    struct row *same_slot;
    struct row *same_tree;
};

struct tree {
    uint8_t table;
    struct hash name;
    struct rows_digest digest;
    struct rows_digest block_digest;
    struct row *first;
    struct tree *same_slot;
    struct tree *next;
};

struct former {
    struct row *row;
    uint8_t *at;
    size_t size;
    bool first; /* of this row in this step */
};

enum {
    ROW_SLOTS = 1 << 14,
    TREE_SLOTS = 1 << 10,
};

struct rows {
    struct row *slots[ROW_SLOTS];
    struct tree *tree_slots[TREE_SLOTS];
    struct tree *trees;
    struct former *log;
    uint32_t log_count;
    uint32_t log_cap;
    uint32_t log_begin; /* of the transaction */
    bool begun;
    uint64_t step;
    struct rows_digest digest;
    struct hash (*snapshot)(void *, const struct hash *);
    void *snapshot_ctx;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t mix_bytes(uint64_t h, const void *from, size_t size)
{
    const uint8_t *at = from;
    uint64_t v;

    for (; size >= 8; size -= 8, at += 8) {
        memcpy(&v, at, 8);
        h = mix(h, v);
    }
    v = size;
    memcpy(&v, at, size);
    return mix(h, v + (size << 60));
}

static uint64_t name_hash(uint8_t table, const struct hash *tree)
{
    return mix_bytes(table, tree->raw, 24);
}

static uint64_t key_hash(const struct row_key *key)
{
    return mix_bytes(
        name_hash(key->table, &key->tree), key->key.raw, sizeof key->key.raw);
}

static struct rows_digest digest_of(const struct row *row)
{
    struct rows_digest d = {0, 0};

    if (row->size == 0)
        return d;
    d.a = mix_bytes(key_hash(&row->key), row->at, row->size);
    d.b = mix(d.a, mix_bytes(~d.a, row->at, row->size));
    return d;
}

static void add(struct rows_digest *to, struct rows_digest d)
{
    to->a += d.a;
    to->b += d.b;
}

static void take_off(struct rows_digest *from, struct rows_digest d)
{
    from->a -= d.a;
    from->b -= d.b;
}

static bool same(struct rows_digest x, struct rows_digest y)
{
    return x.a == y.a && x.b == y.b;
}

struct rows *rows_new(void)
{
    struct rows *r = calloc(1, sizeof *r);

    ASSERT(r != NULL);
    r->step = 1;
    return r;
}

void rows_free(struct rows *r)
{
    if (r == NULL)
        return;
    rows_step(r);
    for (struct tree *t = r->trees; t != NULL;) {
        struct tree *next = t->next;

        for (struct row *row = t->first; row != NULL;) {
            struct row *after = row->same_tree;

            free(row->at);
            free(row);
            row = after;
        }
        free(t);
        t = next;
    }
    free(r->log);
    free(r);
}

static struct tree *find_tree(const struct rows *r,
                              uint8_t table,
                              const struct hash *name)
{
    struct tree *t = r->tree_slots[name_hash(table, name) % TREE_SLOTS];

    while (t != NULL && (t->table != table || !hash_eq(&t->name, name)))
        t = t->same_slot;
    return t;
}

static struct tree *get_tree(struct rows *r,
                             uint8_t table,
                             const struct hash *name)
{
    struct tree *t = find_tree(r, table, name);
    struct tree **slot = &r->tree_slots[name_hash(table, name) % TREE_SLOTS];

    if (t != NULL)
        return t;
    t = calloc(1, sizeof *t);
    ASSERT(t != NULL);
    t->table = table;
    t->name = *name;
    t->same_slot = *slot;
    *slot = t;
    t->next = r->trees;
    r->trees = t;
    return t;
}

static struct row *find_row(const struct rows *r, const struct row_key *key)
{
    struct row *row = r->slots[key_hash(key) % ROW_SLOTS];

    while (row != NULL && (row->key.table != key->table ||
                           !hash_eq(&row->key.key, &key->key) ||
                           !hash_eq(&row->key.tree, &key->tree)))
        row = row->same_slot;
    return row;
}

static struct row *get_row(struct rows *r, const struct row_key *key)
{
    struct row *row = find_row(r, key);
    struct row **slot = &r->slots[key_hash(key) % ROW_SLOTS];
    struct tree *t;

    if (row != NULL)
        return row;
    row = calloc(1, sizeof *row);
    ASSERT(row != NULL);
    row->key = *key;
    row->same_slot = *slot;
    *slot = row;
    t = get_tree(r, key->table, &key->tree);
    row->same_tree = t->first;
    t->first = row;
    return row;
}

/* Puts at (owned from now on) in the row's place; the row's former bytes are
 * returned to whoever keeps them. */
static void exchange(struct rows *r, struct row *row, uint8_t *at, size_t size)
{
    struct tree *t = find_tree(r, row->key.table, &row->key.tree);

    take_off(&r->digest, row->digest);
    take_off(&t->digest, row->digest);
    row->at = at;
    row->size = size;
    row->digest = digest_of(row);
    add(&r->digest, row->digest);
    add(&t->digest, row->digest);
}

static void set(struct rows *r, const struct row_key *key, struct bytes bytes)
{
    struct row *row = get_row(r, key);
    uint8_t *copy = NULL;

    if (r->log_count >= r->log_cap) {
        r->log_cap = r->log_cap == 0 ? 256 : r->log_cap * 2;
        r->log = realloc(r->log, r->log_cap * sizeof r->log[0]);
        ASSERT(r->log != NULL);
    }
    r->log[r->log_count++] =
        (struct former){row, row->at, row->size, row->step != r->step};
    row->step = r->step;
    if (bytes.size > 0) {
        copy = malloc(bytes.size);
        ASSERT(copy != NULL);
        memcpy(copy, bytes.at, bytes.size);
    }
    exchange(r, row, copy, bytes.size);
}

static void undo_to(struct rows *r, uint32_t count)
{
    while (r->log_count > count) {
        const struct former *f = &r->log[--r->log_count];

        free(f->row->at);
        exchange(r, f->row, f->at, f->size);
        if (f->first)
            f->row->step = 0;
    }
}

void rows_step(struct rows *r)
{
    ASSERT(!r->begun);
    for (uint32_t i = 0; i < r->log_count; i++)
        free(r->log[i].at);
    r->log_count = 0;
    r->step++;
}

void rows_back(struct rows *r)
{
    ASSERT(!r->begun);
    undo_to(r, 0);
}

void rows_block(struct rows *r)
{
    for (struct tree *t = r->trees; t != NULL; t = t->next) {
        t->block_digest = t->digest;
        if (t->table != TABLE_SECURITIES)
            continue;
        for (struct row *row = t->first; row != NULL; row = row->same_tree)
            row->block_digest = row->digest;
    }
}

struct bytes rows_get(const struct rows *r, const struct row_key *key)
{
    const struct row *row = find_row(r, key);

    return row == NULL ? bytes_of(NULL, 0) : bytes_of(row->at, row->size);
}

static struct bytes view_get(void *ctx, const struct row_key *key)
{
    return rows_get(ctx, key);
}

static void view_put(void *ctx, const struct row_key *key, struct bytes row)
{
    ASSERT(row.size >= 1 && row.size <= ROW_BYTES_MAX);
    set(ctx, key, row);
}

static void view_erase(void *ctx, const struct row_key *key)
{
    set(ctx, key, bytes_of(NULL, 0));
}

static void view_drop(void *ctx, uint8_t table, const struct hash *name)
{
    const struct tree *t = find_tree(ctx, table, name);

    if (t == NULL)
        return;
    for (struct row *row = t->first; row != NULL; row = row->same_tree) {
        if (row->size > 0)
            set(ctx, &row->key, bytes_of(NULL, 0));
    }
}

static struct hash view_snapshot(void *ctx, const struct hash *security)
{
    const struct rows *r = ctx;
    static const uint8_t tables[] = {
        TABLE_HOLDINGS, TABLE_PLEDGES, TABLE_FREEZES};
    const struct row_key key = {.table = TABLE_SECURITIES, .key = *security};
    const struct row *row = find_row(r, &key);
    struct rows_digest all;
    struct hash out = {{0}};

    if (row == NULL || row->size == 0 || !same(row->digest, row->block_digest))
        return out;
    if (r->snapshot != NULL)
        return r->snapshot(r->snapshot_ctx, security);
    all = row->digest;
    for (uint32_t i = 0; i < sizeof tables; i++) {
        const struct tree *t = find_tree(r, tables[i], security);

        if (t == NULL)
            continue;
        ASSERT(same(t->digest, t->block_digest)); /* else its row changed */
        add(&all, t->digest);
    }
    return hash_of(bytes_of(&all, sizeof all));
}

static void view_begin(void *ctx)
{
    struct rows *r = ctx;

    ASSERT(!r->begun);
    r->begun = true;
    r->log_begin = r->log_count;
}

static void view_rollback(void *ctx)
{
    struct rows *r = ctx;

    ASSERT(r->begun);
    undo_to(r, r->log_begin);
    r->begun = false;
}

static void view_accept(void *ctx)
{
    struct rows *r = ctx;

    ASSERT(r->begun);
    r->begun = false;
}

struct ledger_view rows_view(struct rows *r)
{
    return (struct ledger_view){.ctx = r,
                                .get = view_get,
                                .put = view_put,
                                .erase = view_erase,
                                .drop = view_drop,
                                .snapshot = view_snapshot,
                                .begin = view_begin,
                                .rollback = view_rollback,
                                .accept = view_accept};
}

uint32_t rows_touched(const struct rows *r)
{
    return r->log_count;
}

bool rows_change(const struct rows *r, uint32_t i, struct rows_change *out)
{
    const struct former *f = &r->log[i];

    if (!f->first)
        return false;
    *out = (struct rows_change){&f->row->key,
                                bytes_of(f->at, f->size),
                                bytes_of(f->row->at, f->row->size)};
    return !bytes_eq(out->before, out->after);
}

struct rows_digest rows_digest(const struct rows *r)
{
    return r->digest;
}

static int row_cmp(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a;
    const struct row *y = *(struct row *const *)b;
    int c = (int)x->key.table - (int)y->key.table;

    if (c == 0)
        c = hash_cmp(&x->key.tree, &y->key.tree);
    return c != 0 ? c : hash_cmp(&x->key.key, &y->key.key);
}

struct hash rows_root(const struct rows *r)
{
    struct row **list = NULL;
    size_t count = 0;
    size_t cap = 0;
    struct hash_state h;

    for (const struct tree *t = r->trees; t != NULL; t = t->next) {
        for (struct row *row = t->first; row != NULL; row = row->same_tree) {
            if (row->size == 0)
                continue;
            if (count >= cap) {
                cap = cap == 0 ? 1024 : cap * 2;
                list = realloc(list, cap * sizeof *list);
                ASSERT(list != NULL);
            }
            list[count++] = row;
        }
    }
    if (count > 0)
        qsort(list, count, sizeof *list, row_cmp);
    hash_begin(&h);
    for (size_t i = 0; i < count; i++) {
        hash_more(&h, &list[i]->key.table, 1);
        hash_more(&h, list[i]->key.tree.raw, HASH_BYTES);
        hash_more(&h, list[i]->key.key.raw, HASH_BYTES);
        hash_more(&h, list[i]->at, list[i]->size);
    }
    free(list);
    return hash_end(&h);
}

void rows_each(const struct rows *r,
               uint8_t table,
               const struct hash *tree,
               rows_visit_fn visit,
               void *ctx)
{
    const struct tree *t = find_tree(r, table, tree);

    if (t == NULL)
        return;
    for (const struct row *row = t->first; row != NULL; row = row->same_tree) {
        if (row->size > 0)
            visit(ctx, &row->key, bytes_of(row->at, row->size));
    }
}

void rows_snapshot_by(struct rows *r,
                      struct hash (*snapshot)(void *, const struct hash *),
                      void *ctx)
{
    r->snapshot = snapshot;
    r->snapshot_ctx = ctx;
}
