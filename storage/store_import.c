#include "storage/store_import.h"

#include "base/check.h"
#include "storage/store_db.h"

#include <stdlib.h>

enum {
    CHUNK_KEY_BYTES = 5 + 4,
    LOG_RUN = 4096, /* headers to one batch of the log */
};

static const char import_name[] = "import";
static const char rows_name[] = "rows";
static const char blocks_name[] = "blocks";
static const char log_name[] = "log";

static struct bytes name_of(const char *text)
{
    return bytes_of(text, strlen(text));
}

static void delete_all(struct store *s, rocksdb_writebatch_t *batch, int family)
{
    uint8_t end[128];

    memset(end, 0xff, sizeof end);
    rocksdb_writebatch_delete_range_cf(
        batch, s->family[family], "", 0, (const char *)end, sizeof end);
}

/* The marks of chunks: "chunk", index. */
static void chunk_key(struct writer *w, uint32_t chunk)
{
    writer_copy(w, "chunk", 5);
    writer_be32(w, chunk);
}

static void delete_chunks(struct store *s, rocksdb_writebatch_t *batch)
{
    uint8_t end[CHUNK_KEY_BYTES + 1];

    memset(end, 0xff, sizeof end);
    memcpy(end, "chunk", 5);
    rocksdb_writebatch_delete_range_cf(batch,
                                       s->family[FAMILY_META],
                                       "chunk",
                                       5,
                                       (const char *)end,
                                       sizeof end);
}

/* No rows, no tip, no marks; manifest empty: no import. */
static enum err start_over(struct store *s, struct bytes manifest)
{
    static const int families[] = {FAMILY_STATE, FAMILY_HISTORY, FAMILY_EVENTS};
    rocksdb_writebatch_t *batch;

    TRY(s->failed);
    batch = rocksdb_writebatch_create();
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        delete_all(s, batch, families[i]);
    store_batch_forget(s, batch, STORE_TIP);
    store_batch_forget(s, batch, STORE_INDEX);
    store_batch_forget(s, batch, STORE_JOURNAL);
    delete_chunks(s, batch);
    if (manifest.size > 0)
        store_batch_meta(s, batch, import_name, manifest);
    else
        store_batch_forget(s, batch, import_name);
    TRY(store_batch_write(s, batch, s->synced));
    pthread_mutex_lock(&s->lock);
    s->tip = s->index = (struct store_tip){0};
    pthread_mutex_unlock(&s->lock);
    s->on_disk = 0;
    return ERR_NONE;
}

enum err store_import_begin(struct store *s, struct bytes manifest)
{
    ASSERT(manifest.size > 0);
    ASSERT(store_is_importing(s) || (s->tip.any && s->tip.height == 0));
    return start_over(s, manifest);
}

enum err store_import_abandon(struct store *s)
{
    ASSERT(store_is_importing(s));
    return start_over(s, bytes_of("", 0));
}

enum err store_import_manifest(struct store_value *out, struct store *s)
{
    return store_get(out, s, NULL, FAMILY_META, name_of(import_name));
}

bool store_is_importing(struct store *s)
{
    struct store_value v;
    const bool is = store_import_manifest(&v, s) == ERR_NONE;

    if (is)
        store_value_free(&v);
    return is;
}

bool store_import_has(struct store *s, uint32_t chunk)
{
    uint8_t key[CHUNK_KEY_BYTES];
    struct writer w = writer_of(key, sizeof key);
    struct store_value v;
    bool has;

    chunk_key(&w, chunk);
    has = store_get(&v, s, NULL, FAMILY_META, writer_bytes(&w)) == ERR_NONE;
    if (has)
        store_value_free(&v);
    return has;
}

/* ---- rows ---- */

struct store_rows {
    struct store *store;
    uint64_t height;
    rocksdb_writebatch_t *batch;
};

struct store_rows *store_rows_new(struct store *s, uint64_t height)
{
    struct store_rows *r = calloc(1, sizeof *r);

    ASSERT(r != NULL);
    r->store = s;
    r->height = height;
    r->batch = rocksdb_writebatch_create();
    return r;
}

void store_rows_put(struct store_rows *r,
                    const struct row_key *key,
                    struct bytes row)
{
    uint8_t raw[STORE_HISTORY_KEY_BYTES];
    struct writer w = writer_of(raw, sizeof raw);

    store_row_key(&w, key);
    store_batch_put(r->store, r->batch, FAMILY_STATE, writer_bytes(&w), row);
    if (!store_keeps_history(key->table))
        return;
    w = writer_of(raw, sizeof raw);
    store_history_key(&w, key, r->height);
    store_batch_put(r->store, r->batch, FAMILY_HISTORY, writer_bytes(&w), row);
}

void store_rows_put_roots(struct store_rows *r,
                          const struct security_roots *roots)
{
    const struct row_key key = {.table = HISTORY_ROOTS, .key = roots->security};
    uint8_t raw[STORE_HISTORY_KEY_BYTES];
    struct writer w = writer_of(raw, sizeof raw);

    store_history_key(&w, &key, r->height);
    store_batch_put(r->store,
                    r->batch,
                    FAMILY_HISTORY,
                    writer_bytes(&w),
                    bytes_of(roots->roots, sizeof roots->roots));
}

enum err store_rows_write(struct store_rows *r, uint32_t chunk)
{
    struct store *s = r->store;
    rocksdb_writebatch_t *batch = r->batch;
    uint8_t raw[CHUNK_KEY_BYTES];
    struct writer w = writer_of(raw, sizeof raw);

    free(r);
    if (s->failed != ERR_NONE) {
        rocksdb_writebatch_destroy(batch);
        return s->failed;
    }
    chunk_key(&w, chunk);
    if (chunk != UINT32_MAX)
        store_batch_put(
            s, batch, FAMILY_META, writer_bytes(&w), bytes_of("", 0));
    return store_batch_write(s, batch, s->unsynced);
}

/* ---- the end of an import ---- */

static void put_past(struct store *s,
                     rocksdb_writebatch_t *batch,
                     const struct store_past_block *b)
{
    store_batch_part(s, batch, b->height, STORE_HEADER, b->header);
    store_batch_part(s, batch, b->height, STORE_CERT, b->cert);
}

static void put_marks(struct store *s,
                      rocksdb_writebatch_t *batch,
                      const struct store_base *base)
{
    store_batch_tip(s, batch, STORE_TIP, base->height, &base->hash);
    store_batch_tip(s, batch, STORE_INDEX, base->height, &base->hash);
    store_batch_journal(s, batch, &base->journal);
    store_batch_number(s, batch, rows_name, base->height);
    store_batch_number(s, batch, blocks_name, base->height);
    store_batch_number(s, batch, STORE_BODIES, base->height + 1);
    store_batch_number(s, batch, STORE_FILL, base->height + 1);
    store_batch_number(s, batch, log_name, base->height);
    store_batch_forget(s, batch, import_name);
    delete_chunks(s, batch);
}

enum err store_import_finish(struct store *s, const struct store_base *base)
{
    rocksdb_writebatch_t *batch;
    struct mtree_log log = base->log;

    TRY(s->failed);
    ASSERT(log.size == base->height);
    batch = rocksdb_writebatch_create();
    put_past(s, batch, &base->block);
    store_batch_part(s, batch, base->height, STORE_ROOTS, base->roots);
    for (uint32_t i = 0; i < base->seal_count; i++)
        put_past(s, batch, &base->seals[i]);
    store_batch_log(s, batch, &log);
    mtree_log_append(&log, &base->hash);
    store_batch_log(s, batch, &log);
    put_marks(s, batch, base);
    TRY(store_batch_write(s, batch, s->synced));
    pthread_mutex_lock(&s->lock);
    s->tip = s->index = (struct store_tip){true, base->height, base->hash};
    s->rows_from = s->blocks_from = s->log_from = base->height;
    s->bodies_from = s->fill_below = base->height + 1;
    pthread_mutex_unlock(&s->lock);
    s->on_disk = base->height + 1;
    return ERR_NONE;
}

/* ---- history ---- */

static uint64_t read_locked(struct store *s, const uint64_t *value)
{
    uint64_t v;

    pthread_mutex_lock(&s->lock);
    v = *value;
    pthread_mutex_unlock(&s->lock);
    return v;
}

uint64_t store_rows_from(struct store *s)
{
    return read_locked(s, &s->rows_from);
}

uint64_t store_blocks_from(struct store *s)
{
    return read_locked(s, &s->blocks_from);
}

uint64_t store_fill_below(struct store *s)
{
    return read_locked(s, &s->fill_below);
}

bool store_log_is_missing(struct store *s)
{
    return read_locked(s, &s->log_from) > 0 && store_blocks_from(s) == 0;
}

enum err store_read_base(struct store *s)
{
    TRY(store_read_number(s, STORE_BODIES, &s->bodies_from));
    TRY(store_read_number(s, rows_name, &s->rows_from));
    TRY(store_read_number(s, blocks_name, &s->blocks_from));
    TRY(store_read_number(s, STORE_FILL, &s->fill_below));
    return store_read_number(s, log_name, &s->log_from);
}

static void fill_one(struct store *s,
                     rocksdb_writebatch_t *batch,
                     const struct store_fill_block *b)
{
    store_batch_part(s, batch, b->height, STORE_HEADER, b->header);
    store_batch_part(s, batch, b->height, STORE_CERT, b->cert);
    store_batch_part(s, batch, b->height, STORE_BODY, b->body);
    for (uint32_t i = 0; i < b->tx_count; i++)
        store_batch_tx(s, batch, &b->tx_ids[i], b->height, i);
}

enum err store_fill(struct store *s,
                    const struct store_fill_block *list,
                    uint32_t count)
{
    rocksdb_writebatch_t *batch;
    uint64_t lowest;

    TRY(s->failed);
    ASSERT(count > 0 && list[0].height > 0 &&
           list[count - 1].height + 1 == store_fill_below(s));
    batch = rocksdb_writebatch_create();
    for (uint32_t i = 0; i < count; i++)
        fill_one(s, batch, &list[i]);
    /* Block 0 has been there from the beginning. */
    lowest = list[0].height == 1 ? 0 : list[0].height;
    store_batch_number(s, batch, blocks_name, lowest);
    store_batch_number(s, batch, STORE_BODIES, lowest);
    store_batch_number(s, batch, STORE_FILL, lowest);
    TRY(store_batch_write(s, batch, s->unsynced));
    pthread_mutex_lock(&s->lock);
    s->blocks_from = s->bodies_from = s->fill_below = lowest;
    pthread_mutex_unlock(&s->lock);
    return ERR_NONE;
}

static enum err append_header(struct mtree_log *log,
                              struct store *s,
                              uint64_t height)
{
    struct store_value v;
    struct header h;
    struct hash hash;
    enum err e;

    TRY(store_get_block(&v, s, height, STORE_HEADER));
    e = header_decode(&h, bytes_of(v.at, v.size));
    store_value_free(&v);
    TRY(e);
    hash = header_hash(&h);
    mtree_log_append(log, &hash);
    return ERR_NONE;
}

enum err store_fill_log(struct store *s, bool (*goes_on)(void *ctx), void *ctx)
{
    const uint64_t end = read_locked(s, &s->log_from);
    struct mtree_log log = {.size = 0};
    struct mtree_log known;
    struct hash a;
    struct hash b;

    TRY(store_get_header_log(&known, s, end));
    while (log.size + 1 < end) {
        rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
        enum err e = ERR_NONE;

        for (int i = 0; i < LOG_RUN && log.size + 1 < end && e == ERR_NONE;
             i++) {
            e = append_header(&log, s, log.size);
            store_batch_log(s, batch, &log);
        }
        if (e == ERR_NONE && goes_on != NULL && !goes_on(ctx))
            e = ERR_REFUSED;
        if (e != ERR_NONE) {
            rocksdb_writebatch_destroy(batch);
            return e;
        }
        TRY(store_batch_write(s, batch, s->unsynced));
    }
    TRY(append_header(&log, s, log.size));
    a = mtree_log_root(&log);
    b = mtree_log_root(&known);
    if (!hash_eq(&a, &b))
        return ERR_MISMATCH;
    {
        rocksdb_writebatch_t *batch = rocksdb_writebatch_create();

        store_batch_forget(s, batch, log_name);
        TRY(store_batch_write(s, batch, s->unsynced));
    }
    pthread_mutex_lock(&s->lock);
    s->log_from = 0;
    pthread_mutex_unlock(&s->lock);
    return ERR_NONE;
}
