/* The state as it was: rows by key and height, the newest version first. */
#include "base/check.h"
#include "storage/store_db.h"
#include "storage/store_import.h"

#include <stdlib.h>

/* Versions of one key that are stepped over before it is cheaper to seek. */
enum {
    STEPS = 8,
};

enum err store_view_go_back(struct store_view *v, uint64_t height)
{
    if (height > v->height)
        return ERR_RANGE;
    if (height < store_rows_from(v->store))
        return ERR_PRUNED;
    v->past = v->past || height < v->height;
    v->height = height;
    return ERR_NONE;
}

bool store_view_is_past(const struct store_view *v)
{
    return v->past;
}

static rocksdb_iterator_t *history_of(struct store_view *v)
{
    return rocksdb_create_iterator_cf(
        v->store->db, v->read, v->store->family[FAMILY_HISTORY]);
}

static void seek(rocksdb_iterator_t *it,
                 const struct row_key *key,
                 uint64_t height)
{
    uint8_t buf[STORE_HISTORY_KEY_BYTES];
    struct writer w = writer_of(buf, sizeof buf);

    store_history_key(&w, key, height);
    rocksdb_iter_seek(it, (const char *)buf, w.size);
}

/* The key under the iterator; false if it is not one of the history. */
static bool read_key(rocksdb_iterator_t *it,
                     struct row_key *key,
                     uint64_t *height)
{
    size_t size;
    const char *at = rocksdb_iter_key(it, &size);
    struct reader r = reader_of(bytes_of(at, size));

    key->table = reader_u8(&r);
    key->tree = reader_hash(&r);
    key->key = reader_hash(&r);
    *height = 0;
    for (int i = 0; i < 8; i++)
        *height = *height << 8 | reader_u8(&r);
    *height = ~*height;
    return reader_finish(&r) == ERR_NONE;
}

static bool same_key(const struct row_key *a, const struct row_key *b)
{
    return a->table == b->table && hash_eq(&a->tree, &b->tree) &&
           hash_eq(&a->key, &b->key);
}

enum err store_history_get(struct store_value *out,
                           struct store_view *v,
                           const struct row_key *key)
{
    rocksdb_iterator_t *it = history_of(v);
    struct row_key found;
    uint64_t height;
    enum err e = ERR_NOT_FOUND;
    enum err failed;

    *out = (struct store_value){0};
    seek(it, key, v->height);
    if (rocksdb_iter_valid(it)) {
        size_t size;
        const char *value = rocksdb_iter_value(it, &size);

        if (!read_key(it, &found, &height)) {
            e = ERR_CORRUPT;
        } else if (same_key(&found, key) && size > 0) {
            out->at = malloc(size);
            ASSERT(out->at != NULL);
            memcpy(out->at, value, size);
            out->size = size;
            e = ERR_NONE;
        }
    }
    failed = store_iterator_end(v->store, it);
    return failed != ERR_NONE ? failed : e;
}

/* Moves to the first version of the next key. */
static void skip_versions(rocksdb_iterator_t *it, const struct row_key *key)
{
    for (int i = 0; i < STEPS && rocksdb_iter_valid(it); i++) {
        struct row_key at;
        uint64_t height;

        rocksdb_iter_next(it);
        if (!rocksdb_iter_valid(it) || !read_key(it, &at, &height) ||
            !same_key(&at, key))
            return;
    }
    seek(it, key, 0); /* the oldest there can be */
    if (rocksdb_iter_valid(it)) {
        struct row_key at;
        uint64_t height;

        if (read_key(it, &at, &height) && same_key(&at, key))
            rocksdb_iter_next(it);
    }
}

/* Visits the newest version of each key not after the view's height. */
static enum err each_key(rocksdb_iterator_t *it,
                         const struct store_view *v,
                         const struct row_key *from,
                         bool strictly,
                         store_visit_fn visit,
                         void *ctx)
{
    seek(it, from, UINT64_MAX);
    while (rocksdb_iter_valid(it)) {
        struct row_key key;
        uint64_t height;
        size_t size;
        const char *value;

        if (!read_key(it, &key, &height))
            return ERR_CORRUPT;
        if (key.table != from->table || !hash_eq(&key.tree, &from->tree))
            break;
        if (height > v->height) { /* not yet: look for an older version */
            struct row_key older = key;

            seek(it, &key, v->height);
            if (!rocksdb_iter_valid(it) || !read_key(it, &older, &height))
                break;
            if (!same_key(&older, &key))
                continue; /* there was none; this is another key */
        }
        value = rocksdb_iter_value(it, &size);
        if (size > 0 && !(strictly && hash_eq(&key.key, &from->key)) &&
            !visit(ctx, &key, bytes_of(value, size)))
            break;
        skip_versions(it, &key);
    }
    return ERR_NONE;
}

enum err store_history_each(struct store_view *v,
                            uint8_t table,
                            const struct hash *tree,
                            const struct hash *after,
                            store_visit_fn visit,
                            void *ctx)
{
    struct row_key from = {.table = table, .tree = *tree};
    rocksdb_iterator_t *it = history_of(v);
    enum err e;
    enum err failed;

    if (after != NULL)
        from.key = *after;
    e = each_key(it, v, &from, after != NULL, visit, ctx);
    failed = store_iterator_end(v->store, it);
    return e != ERR_NONE ? e : failed;
}

enum err store_get_security_roots(struct hash out[SECURITY_TREES],
                                  struct store_view *v,
                                  const struct hash *security)
{
    const struct row_key key = {.table = HISTORY_ROOTS, .key = *security};
    struct store_value value;

    memset(out, 0, SECURITY_TREES * sizeof out[0]);
    TRY(store_history_get(&value, v, &key));
    if (value.size != SECURITY_TREES * sizeof out[0]) {
        store_value_free(&value);
        return ERR_CORRUPT;
    }
    memcpy(out, value.at, value.size);
    store_value_free(&value);
    return ERR_NONE;
}

static enum err time_of(uint64_t *out, struct store *s, uint64_t height)
{
    struct store_value v;
    struct header h;
    enum err e;

    TRY(store_get_block(&v, s, height, STORE_HEADER));
    e = header_decode(&h, bytes_of(v.at, v.size));
    store_value_free(&v);
    *out = h.time_ms;
    return e;
}

enum err store_height_at(uint64_t *out, struct store_view *v, uint64_t time_ms)
{
    const uint64_t first = store_blocks_from(v->store);
    uint64_t low = first; /* its time is not after time_ms */
    uint64_t high = v->height + 1;
    uint64_t t;

    *out = 0;
    TRY(time_of(&t, v->store, first));
    if (t > time_ms && first > 0)
        TRY(time_of(&t, v->store, 0));
    if (t > time_ms)
        return ERR_NOT_FOUND;
    TRY(time_of(&t, v->store, first));
    if (t > time_ms)
        return ERR_PRUNED;
    while (high - low > 1) { /* times ascend */
        const uint64_t middle = low + (high - low) / 2;

        TRY(time_of(&t, v->store, middle));
        if (t <= time_ms)
            low = middle;
        else
            high = middle;
    }
    *out = low;
    return ERR_NONE;
}
