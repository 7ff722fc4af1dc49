/* Reading the store: values, snapshots, lists, and the catch-up of indexes. */
#include "base/buf.h"
#include "base/check.h"
#include "chain/tx.h"
#include "storage/store_db.h"
#include "storage/store_import.h"

#include <stdlib.h>

void store_value_free(struct store_value *v)
{
    rocksdb_free(v->at);
    *v = (struct store_value){0};
}

enum err store_get(struct store_value *out,
                   struct store *s,
                   const rocksdb_readoptions_t *read,
                   int family,
                   struct bytes key)
{
    char *error = NULL;
    size_t size = 0;
    char *at = rocksdb_get_cf(s->db,
                              read != NULL ? read : s->read,
                              s->family[family],
                              (const char *)key.at,
                              key.size,
                              &size,
                              &error);

    *out = (struct store_value){(uint8_t *)at, size};
    if (error != NULL) {
        *out = (struct store_value){0};
        return store_failed(s, error);
    }
    return at != NULL ? ERR_NONE : ERR_NOT_FOUND;
}

/* What is not there, because the database begins later. */
static enum err absent(enum err e, bool is_before)
{
    return e == ERR_NOT_FOUND && is_before ? ERR_PRUNED : e;
}

/* Events, changes and roots come from executing a block. */
static bool begins_after(struct store *s,
                         uint64_t height,
                         enum store_block_part part)
{
    const uint64_t rows = store_rows_from(s);

    if (part == STORE_EVENTS || part == STORE_CHANGES)
        return rows > 0 && height <= rows;
    if (part == STORE_ROOTS)
        return height < rows;
    return height < store_blocks_from(s);
}

enum err store_get_block(struct store_value *out,
                         struct store *s,
                         uint64_t height,
                         enum store_block_part part)
{
    uint8_t key[16];
    struct writer w = writer_of(key, sizeof key);
    const int family = store_part_family(part);

    *out = (struct store_value){0};
    if (family == FAMILY_BODY && height < store_bodies_from(s))
        return ERR_PRUNED;
    store_part_key(&w, height, part);
    return absent(store_get(out, s, NULL, family, writer_bytes(&w)),
                  begins_after(s, height, part));
}

enum err store_get_tx(uint64_t *height,
                      uint32_t *index,
                      struct store *s,
                      const struct hash *tx_id)
{
    struct store_value v;
    struct reader r;

    TRY(store_get(&v, s, NULL, FAMILY_TXID, bytes_of(tx_id->raw, HASH_BYTES)));
    r = reader_of(bytes_of(v.at, v.size));
    *height = reader_u64(&r);
    *index = reader_u32(&r);
    store_value_free(&v);
    return reader_finish(&r) == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err store_get_header_log(struct mtree_log *out,
                              struct store *s,
                              uint64_t size)
{
    uint8_t key[8];
    struct writer w = writer_of(key, sizeof key);
    struct store_value v;

    *out = (struct mtree_log){.size = size};
    writer_be64(&w, size);
    TRY(absent(store_get(&v, s, NULL, FAMILY_HEADERS, writer_bytes(&w)),
               size < store_rows_from(s)));
    if (v.size != mtree_log_peak_count(out) * sizeof out->peaks[0]) {
        store_value_free(&v);
        return ERR_CORRUPT;
    }
    if (v.size > 0)
        memcpy(out->peaks, v.at, v.size);
    store_value_free(&v);
    return ERR_NONE;
}

struct store_view *store_view_open(struct store *s)
{
    struct store_view *v = calloc(1, sizeof *v);
    struct store_value mark;
    struct reader r;

    ASSERT(v != NULL);
    v->store = s;
    v->snapshot = rocksdb_create_snapshot(s->db);
    v->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(v->read, v->snapshot);
    rocksdb_readoptions_set_verify_checksums(v->read, 1);
    if (store_get(&mark,
                  s,
                  v->read,
                  FAMILY_META,
                  bytes_of(STORE_INDEX, strlen(STORE_INDEX))) == ERR_NONE) {
        r = reader_of(bytes_of(mark.at, mark.size));
        v->height = reader_u64(&r);
        store_value_free(&mark);
    }
    return v;
}

void store_view_close(struct store_view *v)
{
    if (v == NULL)
        return;
    rocksdb_readoptions_destroy(v->read);
    rocksdb_release_snapshot(v->store->db, v->snapshot);
    free(v);
}

uint64_t store_view_height(const struct store_view *v)
{
    return v->height;
}

enum err store_get_row(struct store_value *out,
                       struct store_view *v,
                       const struct row_key *key)
{
    uint8_t buf[STORE_ROW_KEY_BYTES];
    struct writer w = writer_of(buf, sizeof buf);

    if (v->past)
        return store_history_get(out, v, key);
    store_row_key(&w, key);
    return store_get(out, v->store, v->read, FAMILY_STATE, writer_bytes(&w));
}

bool store_read_row_key(struct row_key *key, const char *at, size_t size)
{
    struct reader r = reader_of(bytes_of(at, size));

    key->table = reader_u8(&r);
    key->tree = reader_hash(&r);
    key->key = reader_hash(&r);
    return reader_finish(&r) == ERR_NONE && key->table < TABLES_USED;
}

enum err store_iterator_end(struct store *s, rocksdb_iterator_t *it)
{
    char *error = NULL;

    rocksdb_iter_get_error(it, &error);
    rocksdb_iter_destroy(it);
    return error == NULL ? ERR_NONE : store_failed(s, error);
}

/* All rows pass once: large reads, and nothing of them stays in the cache. */
static rocksdb_readoptions_t *once_through(uint8_t key[STORE_ROW_KEY_BYTES],
                                           const struct row_key *to)
{
    enum {
        READ_BYTES = 256 << 10,
    };
    rocksdb_readoptions_t *o = rocksdb_readoptions_create();

    rocksdb_readoptions_set_verify_checksums(o, 1);
    rocksdb_readoptions_set_fill_cache(o, 0);
    rocksdb_readoptions_set_readahead_size(o, READ_BYTES);
    if (to != NULL) {
        struct writer w = writer_of(key, STORE_ROW_KEY_BYTES);

        store_row_key(&w, to);
        rocksdb_readoptions_set_iterate_upper_bound(
            o, (const char *)key, w.size);
    }
    return o;
}

static enum err visit_row(rocksdb_iterator_t *it, store_row_fn each, void *ctx)
{
    size_t key_size;
    size_t size;
    const char *key = rocksdb_iter_key(it, &key_size);
    const char *value = rocksdb_iter_value(it, &size);
    struct row_key row;

    return store_read_row_key(&row, key, key_size)
               ? each(ctx, &row, bytes_of(value, size))
               : ERR_CORRUPT;
}

static enum err each_row(struct store *s,
                         const rocksdb_readoptions_t *how,
                         const struct row_key *from,
                         store_row_fn each,
                         void *ctx)
{
    uint8_t first[STORE_ROW_KEY_BYTES];
    struct writer w = writer_of(first, sizeof first);
    rocksdb_iterator_t *it =
        rocksdb_create_iterator_cf(s->db, how, s->family[FAMILY_STATE]);
    enum err e = ERR_NONE;
    enum err failed;

    if (from != NULL) {
        store_row_key(&w, from);
        rocksdb_iter_seek(it, (const char *)first, w.size);
    } else {
        rocksdb_iter_seek_to_first(it);
    }
    for (; e == ERR_NONE && rocksdb_iter_valid(it); rocksdb_iter_next(it))
        e = visit_row(it, each, ctx);
    failed = store_iterator_end(s, it);
    return e != ERR_NONE ? e : failed;
}

enum err store_each_row(struct store *s,
                        const struct row_key *from,
                        const struct row_key *to,
                        store_row_fn each,
                        void *ctx)
{
    uint8_t bound[STORE_ROW_KEY_BYTES];
    rocksdb_readoptions_t *how = once_through(bound, to);
    const enum err e = each_row(s, how, from, each, ctx);

    rocksdb_readoptions_destroy(how);
    return e;
}

enum err store_view_each_row(struct store_view *v, store_row_fn each, void *ctx)
{
    rocksdb_readoptions_t *how = once_through(NULL, NULL);
    enum err e;

    ASSERT(!v->past);
    rocksdb_readoptions_set_snapshot(how, v->snapshot);
    e = each_row(v->store, how, NULL, each, ctx);
    rocksdb_readoptions_destroy(how);
    return e;
}

static enum err each_current(struct store_view *v,
                             uint8_t table,
                             const struct hash *tree,
                             const struct hash *after,
                             store_visit_fn visit,
                             void *ctx)
{
    rocksdb_iterator_t *it = rocksdb_create_iterator_cf(
        v->store->db, v->read, v->store->family[FAMILY_STATE]);
    struct row_key from = {.table = table, .tree = *tree};
    uint8_t buf[STORE_ROW_KEY_BYTES];
    struct writer w = writer_of(buf, sizeof buf);
    enum err e = ERR_NONE;
    enum err failed;

    if (after != NULL)
        from.key = *after;
    store_row_key(&w, &from);
    rocksdb_iter_seek(it, (const char *)buf, w.size);
    for (; rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
        size_t key_size;
        size_t size;
        const char *key = rocksdb_iter_key(it, &key_size);
        const char *value = rocksdb_iter_value(it, &size);
        struct row_key row;

        if (!store_read_row_key(&row, key, key_size)) {
            e = ERR_CORRUPT;
            break;
        }
        if (row.table != table || !hash_eq(&row.tree, tree))
            break;
        if (after != NULL && hash_eq(&row.key, after))
            continue;
        if (!visit(ctx, &row, bytes_of(value, size)))
            break;
    }
    failed = store_iterator_end(v->store, it);
    return e != ERR_NONE ? e : failed;
}

enum err store_each_row_of(struct store_view *v,
                           uint8_t table,
                           const struct hash *tree,
                           const struct hash *after,
                           store_visit_fn visit,
                           void *ctx)
{
    return v->past ? store_history_each(v, table, tree, after, visit, ctx)
                   : each_current(v, table, tree, after, visit, ctx);
}

static size_t event_prefix(uint8_t *out, const struct store_event_filter *f)
{
    struct writer w = writer_of(out, 64);

    if (f->by_security || f->by_account) {
        writer_u8(&w, f->by_security ? EVENTS_SECURITY : EVENTS_ACCOUNT);
        writer_hash(&w, &f->key);
    } else {
        writer_u8(&w, EVENTS_ALL);
    }
    return w.size;
}

static uint64_t read_be(const char *at, size_t size)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++)
        v = v << 8 | (uint8_t)at[i];
    return v;
}

/* One event under the iterator; positions of a filter lead to the event. */
static bool visit_event(struct store_view *v,
                        rocksdb_iterator_t *it,
                        size_t prefix,
                        bool direct,
                        store_event_fn visit,
                        void *ctx,
                        enum err *e)
{
    size_t key_size;
    size_t size;
    const char *key = rocksdb_iter_key(it, &key_size);
    uint64_t height;
    uint32_t index;
    struct store_value value;
    uint8_t all[13];
    bool go_on;

    if (key_size != prefix + 12) {
        *e = ERR_CORRUPT;
        return false;
    }
    height = read_be(key + prefix, 8);
    index = (uint32_t)read_be(key + prefix + 8, 4);
    if (direct) {
        const char *at = rocksdb_iter_value(it, &size);

        return visit(ctx, height, index, bytes_of(at, size));
    }
    all[0] = EVENTS_ALL;
    memcpy(all + 1, key + prefix, 12);
    *e = store_get(
        &value, v->store, v->read, FAMILY_EVENTS, bytes_of(all, sizeof all));
    if (*e != ERR_NONE)
        return false;
    go_on = visit(ctx, height, index, bytes_of(value.at, value.size));
    store_value_free(&value);
    return go_on;
}

enum err store_each_event(struct store_view *v,
                          const struct store_event_filter *filter,
                          uint64_t after_height,
                          uint32_t after_index,
                          bool from_start,
                          store_event_fn visit,
                          void *ctx)
{
    rocksdb_iterator_t *it = rocksdb_create_iterator_cf(
        v->store->db, v->read, v->store->family[FAMILY_EVENTS]);
    uint8_t from[64];
    const size_t prefix = event_prefix(from, filter);
    struct writer w = writer_of(from + prefix, sizeof from - prefix);
    enum err e = ERR_NONE;
    enum err failed;

    writer_be64(&w, from_start ? 0 : after_height);
    writer_be32(&w, from_start ? 0 : after_index);
    rocksdb_iter_seek(it, (const char *)from, prefix + w.size);
    for (; rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
        size_t key_size;
        const char *key = rocksdb_iter_key(it, &key_size);

        if (key_size < prefix || memcmp(key, from, prefix) != 0)
            break;
        if (!from_start && key_size == prefix + w.size &&
            memcmp(key, from, key_size) == 0)
            continue; /* strictly after */
        if (!visit_event(v,
                         it,
                         prefix,
                         !filter->by_security && !filter->by_account,
                         visit,
                         ctx,
                         &e))
            break;
    }
    failed = store_iterator_end(v->store, it);
    return e != ERR_NONE ? e : failed;
}

static void append_u32(struct buf *out, uint32_t v)
{
    uint8_t b[4];
    struct writer w = writer_of(b, sizeof b);

    writer_u32(&w, v);
    buf_append(out, b, sizeof b);
}

static void append_vec(struct buf *out, struct bytes v)
{
    append_u32(out, (uint32_t)v.size);
    buf_append(out, v.at, v.size);
}

void store_changes_encode(struct buf *out, const struct change_set *set)
{
    append_u32(out, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct change *c = &set->list[i];

        buf_append(out, &c->key.table, 1);
        buf_append(out, c->key.tree.raw, HASH_BYTES);
        buf_append(out, c->key.key.raw, HASH_BYTES);
        append_vec(out, c->old_row);
        append_vec(out, c->new_row);
    }
    append_u32(out, set->drop_count);
    for (uint32_t i = 0; i < set->drop_count; i++) {
        buf_append(out, &set->drops[i].table, 1);
        buf_append(out, set->drops[i].tree.raw, HASH_BYTES);
    }
}

enum err store_changes_decode(struct store_changes *out, struct bytes in)
{
    struct reader r = reader_of(in);

    *out = (struct store_changes){0};
    out->set.count = reader_count(&r, UINT32_MAX, 1 + 2 * HASH_BYTES + 8);
    out->list = calloc(out->set.count + 1, sizeof out->list[0]);
    ASSERT(out->list != NULL);
    for (uint32_t i = 0; i < out->set.count && r.err == ERR_NONE; i++) {
        struct change *c = &out->list[i];

        c->key.table = reader_u8(&r);
        c->key.tree = reader_hash(&r);
        c->key.key = reader_hash(&r);
        c->old_row = reader_vec(&r, ROW_BYTES_MAX);
        c->new_row = reader_vec(&r, ROW_BYTES_MAX);
        if (c->key.table >= TABLES_USED)
            reader_fail(&r, ERR_RANGE);
    }
    out->set.drop_count = reader_count(&r, UINT32_MAX, 1 + HASH_BYTES);
    out->drops = calloc(out->set.drop_count + 1, sizeof out->drops[0]);
    ASSERT(out->drops != NULL);
    for (uint32_t i = 0; i < out->set.drop_count; i++) {
        out->drops[i].table = reader_u8(&r);
        out->drops[i].tree = reader_hash(&r);
    }
    out->set.list = out->list;
    out->set.drops = out->drops;
    if (reader_finish(&r) != ERR_NONE) {
        store_changes_free(out);
        return ERR_CORRUPT;
    }
    return ERR_NONE;
}

void store_changes_free(struct store_changes *c)
{
    free(c->list);
    free(c->drops);
    *c = (struct store_changes){0};
}

/* Indexes one block again from the log. */
static enum err replay(struct store *s, uint64_t height)
{
    struct store_value header_bytes = {0};
    struct store_value body = {0};
    struct store_value events = {0};
    struct store_value changes = {0};
    struct store_value roots = {0};
    struct store_changes set = {0};
    struct body *split = malloc(sizeof *split);
    struct hash *ids = NULL;
    struct header header;
    enum err e = store_get_block(&header_bytes, s, height, STORE_HEADER);

    ASSERT(split != NULL);
    if (e == ERR_NONE)
        e = header_decode(&header,
                          bytes_of(header_bytes.at, header_bytes.size));
    if (e == ERR_NONE)
        e = store_get_block(&body, s, height, STORE_BODY);
    if (e == ERR_NONE)
        e = store_get_block(&events, s, height, STORE_EVENTS);
    if (e == ERR_NONE)
        e = store_get_block(&changes, s, height, STORE_CHANGES);
    if (e == ERR_NONE)
        e = store_get_block(&roots, s, height, STORE_ROOTS);
    if (e == ERR_NONE)
        e = store_changes_decode(&set, bytes_of(changes.at, changes.size));
    if (e == ERR_NONE)
        e = body_split(split, bytes_of(body.at, body.size));
    if (e == ERR_NONE && split->count != header.tx_count)
        e = ERR_CORRUPT;
    if (e == ERR_NONE) {
        struct tx *tx = malloc(sizeof *tx);
        struct store_block b = {
            .header = &header,
            .hash = header_hash(&header),
            .events = bytes_of(events.at, events.size),
            .changes = set.set,
            .roots = bytes_of(roots.at, roots.size),
        };

        ids = calloc(split->count + 1, sizeof ids[0]);
        ASSERT(tx != NULL && ids != NULL);
        for (uint32_t i = 0; i < split->count && e == ERR_NONE; i++) {
            e = tx_decode(tx, split->txs[i]);
            ids[i] = tx->id;
        }
        b.tx_ids = ids;
        if (e == ERR_NONE)
            e = store_index(s, &b);
        free(tx);
    }
    free(ids);
    free(split);
    store_changes_free(&set);
    store_value_free(&header_bytes);
    store_value_free(&body);
    store_value_free(&events);
    store_value_free(&changes);
    store_value_free(&roots);
    return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

enum err store_index_catch_up(struct store *s, uint64_t *replayed)
{
    uint64_t height = s->index.any ? s->index.height + 1 : 0;

    *replayed = 0;
    if (!s->tip.any)
        return ERR_NONE;
    for (; height <= s->tip.height; height++) {
        TRY(replay(s, height));
        (*replayed)++;
    }
    return ERR_NONE;
}
