#include "storage/store.h"

#include "base/buf.h"
#include "base/check.h"
#include "storage/store_db.h"

#include <stdio.h>
#include <stdlib.h>

/* Opening, closing and the two batches of a block. */

enum {
    BODY_PIECE_BYTES = 64 << 10,
    ROWS_PIECE_BYTES = 16 << 10,
};

static const char *const family_names[STORE_FAMILIES] = {"default",
                                                         "block",
                                                         "headers",
                                                         "state",
                                                         "txid",
                                                         "events",
                                                         "history",
                                                         "body"};

static rocksdb_options_t *family_options(struct store *s, int family)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table =
        rocksdb_block_based_options_create();

    rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
    rocksdb_options_set_compression(o, rocksdb_lz4_compression);
    if (family == FAMILY_BLOCK || family == FAMILY_HISTORY ||
        family == FAMILY_EVENTS || family == FAMILY_BODY)
        rocksdb_options_set_bottommost_compression(o, rocksdb_zstd_compression);
    /* What repeats is found within one such block. */
    if (family == FAMILY_BODY)
        rocksdb_block_based_options_set_block_size(table, BODY_PIECE_BYTES);
    if (family == FAMILY_HISTORY || family == FAMILY_EVENTS)
        rocksdb_block_based_options_set_block_size(table, ROWS_PIECE_BYTES);
    rocksdb_options_set_write_buffer_size(o, 16 << 20);
    rocksdb_block_based_options_set_block_cache(table, s->cache);
    if (family == FAMILY_STATE || family == FAMILY_TXID)
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_options_set_block_based_table_factory(o, table);
    rocksdb_block_based_options_destroy(table);
    return o;
}

static enum err classify(const char *message)
{
    if (strstr(message, "does not exist") != NULL)
        return ERR_NOT_FOUND;
    if (strstr(message, "olumn famil") != NULL)
        return ERR_VERSION; /* made by a release with others */
    if (strstr(message, "lock") != NULL || strstr(message, "LOCK") != NULL)
        return ERR_LOCKED;
    if (strstr(message, "No space") != NULL ||
        strstr(message, "no space") != NULL)
        return ERR_FULL;
    if (strstr(message, "Corruption") != NULL)
        return ERR_CORRUPT;
    return ERR_IO;
}

enum err store_failed(struct store *s, char *message)
{
    const enum err e = classify(message);

    pthread_mutex_lock(&s->lock);
    snprintf(s->message, sizeof s->message, "%s", message);
    pthread_mutex_unlock(&s->lock);
    rocksdb_free(message);
    return e;
}

static void set_options(struct store *s, const struct store_options *options)
{
    s->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(s->options, options->create);
    rocksdb_options_set_create_missing_column_families(s->options,
                                                       options->create);
    rocksdb_options_set_paranoid_checks(s->options, 1);
    rocksdb_options_set_max_open_files(s->options, -1);
    rocksdb_options_set_keep_log_file_num(s->options, 4);
    /* Up to the first record that is not whole: store_wal.c looks at what that
     * cut off. */
    rocksdb_options_set_wal_recovery_mode(s->options, 2);
    rocksdb_options_set_max_total_wal_size(s->options, 128 << 20);
    for (int i = 0; i < STORE_FAMILIES; i++)
        s->family_options[i] = family_options(s, i);
}

static enum err open_db(struct store *s,
                        const char *dir,
                        const struct store_options *options,
                        char *message,
                        size_t cap)
{
    const rocksdb_options_t *each[STORE_FAMILIES];
    char *error = NULL;
    enum err e;

    set_options(s, options);
    for (int i = 0; i < STORE_FAMILIES; i++)
        each[i] = s->family_options[i];
    if (options->read_only)
        s->db = rocksdb_open_for_read_only_column_families(s->options,
                                                           dir,
                                                           STORE_FAMILIES,
                                                           family_names,
                                                           each,
                                                           s->family,
                                                           0,
                                                           &error);
    else
        s->db = rocksdb_open_column_families(s->options,
                                             dir,
                                             STORE_FAMILIES,
                                             family_names,
                                             each,
                                             s->family,
                                             &error);
    if (error == NULL)
        return ERR_NONE;
    snprintf(message, cap, "%s", error);
    e = classify(error);
    rocksdb_free(error);
    return e;
}

enum err store_put_meta(struct store *s, const char *key, struct bytes value)
{
    char *error = NULL;

    rocksdb_put_cf(s->db,
                   s->synced,
                   s->family[FAMILY_META],
                   key,
                   strlen(key),
                   (const char *)value.at,
                   value.size,
                   &error);
    return error == NULL ? ERR_NONE : store_failed(s, error);
}

static enum err check_identity(struct store *s,
                               const struct hash *chain_id,
                               bool create)
{
    static const uint8_t format[4] = {STORE_FORMAT, 0, 0, 0};
    struct store_value v;
    enum err e = store_get(
        &v, s, NULL, FAMILY_META, bytes_of("format", strlen("format")));

    if (e == ERR_NOT_FOUND && create) {
        TRY(store_put_meta(s, "chain", bytes_of(chain_id->raw, HASH_BYTES)));
        return store_put_meta(s, "format", bytes_of(format, sizeof format));
    }
    TRY(e);
    e = v.size == sizeof format && memcmp(v.at, format, sizeof format) == 0
            ? ERR_NONE
            : ERR_VERSION;
    store_value_free(&v);
    TRY(e);
    TRY(store_get(
        &v, s, NULL, FAMILY_META, bytes_of("chain", strlen("chain"))));
    e = v.size == HASH_BYTES && memcmp(v.at, chain_id->raw, HASH_BYTES) == 0
            ? ERR_NONE
            : ERR_CHAIN;
    store_value_free(&v);
    return e;
}

/* Reads "tip" or "index": height u64, hash. */
static enum err read_mark(struct store *s,
                          const char *name,
                          struct store_tip *t)
{
    struct store_value v;
    struct reader r;
    const enum err e =
        store_get(&v, s, NULL, FAMILY_META, bytes_of(name, strlen(name)));

    *t = (struct store_tip){0};
    if (e == ERR_NOT_FOUND)
        return ERR_NONE;
    TRY(e);
    r = reader_of(bytes_of(v.at, v.size));
    t->any = true;
    t->height = reader_u64(&r);
    t->hash = reader_hash(&r);
    store_value_free(&v);
    return reader_finish(&r) == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err store_read_number(struct store *s, const char *name, uint64_t *n)
{
    struct store_value v;
    struct reader r;
    const enum err e =
        store_get(&v, s, NULL, FAMILY_META, bytes_of(name, strlen(name)));

    if (e == ERR_NOT_FOUND)
        return ERR_NONE;
    TRY(e);
    r = reader_of(bytes_of(v.at, v.size));
    *n = reader_u64(&r);
    store_value_free(&v);
    return reader_finish(&r) == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err store_open(struct store **out,
                    const char *dir,
                    const struct hash *chain_id,
                    const struct store_options *options,
                    char *message,
                    size_t cap)
{
    struct store *s = calloc(1, sizeof *s);
    enum err e;

    *out = NULL;
    message[0] = '\0';
    if (s == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&s->lock, NULL);
    s->cache = rocksdb_cache_create_lru(
        options->cache_bytes > 0 ? options->cache_bytes : 256 << 20);
    s->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(s->read, 1);
    s->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(s->synced, 1);
    s->unsynced = rocksdb_writeoptions_create();
    e = store_wal_look(s, dir);
    if (e == ERR_NONE)
        e = open_db(s, dir, options, message, cap);
    if (e == ERR_NONE)
        e = check_identity(s, chain_id, options->create);
    if (e == ERR_NONE)
        e = read_mark(s, STORE_TIP, &s->tip);
    if (e == ERR_NONE)
        e = read_mark(s, STORE_INDEX, &s->index);
    if (e == ERR_NONE)
        e = store_read_base(s);
    if (e == ERR_NONE)
        e = store_wal_check(s, dir, options->read_only, message, cap);
    if (e == ERR_NONE && s->index.any &&
        (!s->tip.any || s->index.height > s->tip.height))
        e = ERR_CORRUPT;
    if (e != ERR_NONE) {
        if (message[0] == '\0')
            snprintf(message, cap, "%s", err_text(e));
        store_close(s);
        return e;
    }
    *out = s;
    return ERR_NONE;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    /* After a failed write the library may assert while it closes: the handles
     * are left to the end of the process. */
    if (s->db != NULL && s->failed != ERR_NONE)
        return;
    if (s->db != NULL) {
        for (int i = 0; i < STORE_FAMILIES; i++)
            rocksdb_column_family_handle_destroy(s->family[i]);
        rocksdb_close(s->db);
    }
    for (int i = 0; i < STORE_FAMILIES; i++) {
        if (s->family_options[i] != NULL)
            rocksdb_options_destroy(s->family_options[i]);
    }
    if (s->options != NULL)
        rocksdb_options_destroy(s->options);
    rocksdb_readoptions_destroy(s->read);
    rocksdb_writeoptions_destroy(s->synced);
    rocksdb_writeoptions_destroy(s->unsynced);
    rocksdb_cache_destroy(s->cache);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct store_tip store_tip_of(struct store *s)
{
    struct store_tip t;

    pthread_mutex_lock(&s->lock);
    t = s->tip;
    pthread_mutex_unlock(&s->lock);
    return t;
}

static void put(struct store *s,
                rocksdb_writebatch_t *batch,
                int family,
                const struct writer *key,
                struct bytes value)
{
    ASSERT(writer_ok(key));
    store_batch_put(s, batch, family, writer_bytes(key), value);
}

enum err store_journal_of(struct store_journal *out, struct store *s)
{
    struct store_value v;
    struct reader r;
    const enum err e =
        store_get(&v,
                  s,
                  NULL,
                  FAMILY_META,
                  bytes_of(STORE_JOURNAL, strlen(STORE_JOURNAL)));

    *out = (struct store_journal){0};
    if (e == ERR_NOT_FOUND)
        return ERR_NONE;
    TRY(e);
    r = reader_of(bytes_of(v.at, v.size));
    reader_copy(&r, out->key.raw, PUBKEY_BYTES);
    out->records = reader_u64(&r);
    store_value_free(&v);
    return reader_finish(&r) == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err store_forget_journal(struct store *s)
{
    char *error = NULL;

    rocksdb_delete_cf(s->db,
                      s->synced,
                      s->family[FAMILY_META],
                      STORE_JOURNAL,
                      strlen(STORE_JOURNAL),
                      &error);
    return error == NULL ? ERR_NONE : store_failed(s, error);
}

static enum err put_block(struct store *s,
                          const struct store_block *b,
                          const rocksdb_writeoptions_t *how)
{
    rocksdb_writebatch_t *batch;
    uint8_t cert[CERT_BYTES_MAX];
    struct writer w = writer_of(cert, sizeof cert);
    struct buf changes = {0};
    const uint64_t height = b->header->height;

    TRY(s->failed);
    ASSERT(s->tip.any ? height == s->tip.height + 1 : height == 0);
    batch = rocksdb_writebatch_create();
    store_batch_part(s, batch, height, STORE_HEADER, b->header_bytes);
    if (b->cert != NULL) {
        cert_encode(&w, b->cert);
        store_batch_part(s, batch, height, STORE_CERT, writer_bytes(&w));
    }
    store_batch_part(s, batch, height, STORE_BODY, b->body);
    store_batch_part(s, batch, height, STORE_EVENTS, b->events);
    store_changes_encode(&changes, &b->changes);
    store_batch_part(s, batch, height, STORE_CHANGES, buf_bytes(&changes));
    store_batch_part(s, batch, height, STORE_ROOTS, b->roots);
    store_batch_log(s, batch, b->header_log);
    store_batch_tip(s, batch, STORE_TIP, height, &b->hash);
    if (b->journal.records > 0)
        store_batch_journal(s, batch, &b->journal);
    buf_deinit(&changes); /* the batch has copies */
    TRY(store_batch_write(s, batch, how));
    pthread_mutex_lock(&s->lock);
    s->tip = (struct store_tip){true, height, b->hash};
    pthread_mutex_unlock(&s->lock);
    return ERR_NONE;
}

/* D6 one batch a block, synced */
enum err store_put_block(struct store *s, const struct store_block *b)
{
    TRY(put_block(s, b, s->synced));
    s->on_disk = b->header->height + 1;
    return ERR_NONE;
}

enum err store_put_block_ahead(struct store *s, const struct store_block *b)
{
    return put_block(s, b, s->unsynced);
}

void store_row_key(struct writer *w, const struct row_key *key)
{
    writer_u8(w, key->table);
    writer_hash(w, &key->tree);
    writer_hash(w, &key->key);
}

static void index_changes(struct store *s,
                          rocksdb_writebatch_t *batch,
                          const struct change_set *set)
{
    uint8_t key[STORE_ROW_KEY_BYTES];
    uint8_t end[STORE_ROW_KEY_BYTES];

    for (uint32_t i = 0; i < set->drop_count; i++) {
        struct row_key from = set->drops[i];
        struct writer w = writer_of(key, sizeof key);
        struct writer x = writer_of(end, sizeof end);

        memset(&from.key, 0, sizeof from.key);
        store_row_key(&w, &from);
        memset(&from.key, 0xff, sizeof from.key);
        store_row_key(&x, &from);
        rocksdb_writebatch_delete_range_cf(batch,
                                           s->family[FAMILY_STATE],
                                           (const char *)key,
                                           w.size,
                                           (const char *)end,
                                           x.size);
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct change *c = &set->list[i];
        struct writer w = writer_of(key, sizeof key);

        store_row_key(&w, &c->key);
        if (c->new_row.size > 0)
            put(s, batch, FAMILY_STATE, &w, c->new_row);
        else
            rocksdb_writebatch_delete_cf(
                batch, s->family[FAMILY_STATE], (const char *)key, w.size);
    }
}

bool store_keeps_history(uint8_t table)
{
    return table != TABLE_REFERENCES && table != TABLE_DUE;
}

void store_history_key(struct writer *w,
                       const struct row_key *key,
                       uint64_t height)
{
    store_row_key(w, key);
    writer_be64(w, ~height); /* the newest first */
}

static void index_history(struct store *s,
                          rocksdb_writebatch_t *batch,
                          uint64_t height,
                          const struct change_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct change *c = &set->list[i];
        uint8_t key[STORE_HISTORY_KEY_BYTES];
        struct writer w = writer_of(key, sizeof key);

        if (!store_keeps_history(c->key.table))
            continue;
        store_history_key(&w, &c->key, height);
        put(s, batch, FAMILY_HISTORY, &w, c->new_row);
    }
}

static enum err index_roots(struct store *s,
                            rocksdb_writebatch_t *batch,
                            uint64_t height,
                            struct bytes roots)
{
    struct hash slots[TABLE_SLOTS];
    struct roots_reader r;
    struct security_roots one;

    TRY(state_roots_open(&r, slots, roots));
    while (state_roots_next(&r, &one)) {
        const struct row_key k = {.table = HISTORY_ROOTS, .key = one.security};
        uint8_t key[STORE_HISTORY_KEY_BYTES];
        struct writer w = writer_of(key, sizeof key);

        store_history_key(&w, &k, height);
        put(s,
            batch,
            FAMILY_HISTORY,
            &w,
            bytes_of(one.roots, sizeof one.roots));
    }
    return state_roots_close(&r);
}

/* Where an event is found by its security or an account: prefix, id, height,
 * index. */
struct position {
    uint8_t key[1 + HASH_BYTES + 8 + 4];
};

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct position));
}

static void add_position(struct position *out,
                         uint32_t *count,
                         uint8_t prefix,
                         const struct hash *id,
                         uint64_t height,
                         uint32_t index)
{
    struct position *p = &out[(*count)++];
    struct writer w = writer_of(p->key, sizeof p->key);

    writer_u8(&w, prefix);
    writer_hash(&w, id);
    writer_be64(&w, height);
    writer_be32(&w, index);
    ASSERT(writer_ok(&w) && w.size == sizeof p->key);
}

static void list_positions(struct position *out,
                           uint32_t *count,
                           uint64_t height,
                           uint32_t index,
                           struct bytes bytes)
{
    struct event e;

    if (schema_decode(&e, &event_schema, bytes) != ERR_NONE)
        return; /* our own bytes; the reader would tell */
    if (e.security[0] != '-') {
        const struct hash id = security_key(e.security);

        add_position(out, count, EVENTS_SECURITY, &id, height, index);
    }
    if (!hash_is_zero(&e.account))
        add_position(out, count, EVENTS_ACCOUNT, &e.account, height, index);
    if (!hash_is_zero(&e.other))
        add_position(out, count, EVENTS_ACCOUNT, &e.other, height, index);
}

/* In the order of keys: the library finds the place of each near the one
 * before, which is most of the cost of an index. */
static void index_events(struct store *s,
                         rocksdb_writebatch_t *batch,
                         uint64_t height,
                         struct bytes events)
{
    struct reader r = reader_of(events);
    const uint32_t count = reader_u32(&r);
    struct position *list = calloc((size_t)count * 3 + 1, sizeof *list);
    uint32_t positions = 0;

    ASSERT(list != NULL);
    for (uint32_t i = 0; i < count && r.err == ERR_NONE; i++) {
        const struct bytes event = reader_vec(&r, EVENT_BYTES_MAX);
        uint8_t key[16];
        struct writer w = writer_of(key, sizeof key);

        writer_u8(&w, EVENTS_ALL);
        writer_be64(&w, height);
        writer_be32(&w, i);
        put(s, batch, FAMILY_EVENTS, &w, event);
        list_positions(list, &positions, height, i, event);
    }
    qsort(list, positions, sizeof *list, by_key);
    for (uint32_t i = 0; i < positions; i++) {
        struct writer w = writer_of(list[i].key, sizeof list[i].key);

        w.size = sizeof list[i].key;
        put(s, batch, FAMILY_EVENTS, &w, bytes_of("", 0));
    }
    free(list);
}

enum err store_index(struct store *s, const struct store_block *b)
{
    rocksdb_writebatch_t *batch;

    TRY(s->failed);
    batch = rocksdb_writebatch_create();
    index_changes(s, batch, &b->changes);
    index_history(s, batch, b->header->height, &b->changes);
    if (index_roots(s, batch, b->header->height, b->roots) != ERR_NONE) {
        rocksdb_writebatch_destroy(batch);
        return ERR_CORRUPT;
    }
    for (uint32_t i = 0; i < b->header->tx_count; i++)
        store_batch_tx(s, batch, &b->tx_ids[i], b->header->height, i);
    index_events(s, batch, b->header->height, b->events);
    store_batch_tip(s, batch, STORE_INDEX, b->header->height, &b->hash);
    TRY(store_batch_write(s, batch, s->unsynced));
    pthread_mutex_lock(&s->lock);
    s->index = (struct store_tip){true, b->header->height, b->hash};
    pthread_mutex_unlock(&s->lock);
    return ERR_NONE;
}
