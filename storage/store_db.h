/* store_db.h - the handles behind a store (private to storage/). */
#ifndef STORAGE_STORE_DB_H
#define STORAGE_STORE_DB_H

#include "storage/store.h"

#include <pthread.h>
#include <rocksdb/c.h>

enum {
    FAMILY_META = 0,
    FAMILY_BLOCK = 1,
    FAMILY_HEADERS = 2,
    FAMILY_STATE = 3,
    FAMILY_TXID = 4,
    FAMILY_EVENTS = 5,
    FAMILY_HISTORY = 6,
    FAMILY_BODY = 7,
    STORE_FAMILIES = 8,
    STORE_FORMAT = 2,
    STORE_SALT_BYTES = 8,
    STORE_ROW_KEY_BYTES = 1 + 2 * HASH_BYTES,
    STORE_HISTORY_KEY_BYTES = STORE_ROW_KEY_BYTES + 8,
    HISTORY_ROOTS = 0xff, /* in a key's place for the table: three roots */
    EVENTS_ALL = 1,
    EVENTS_SECURITY = 2,
    EVENTS_ACCOUNT = 3,
};

struct store {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_options_t *family_options[STORE_FAMILIES];
    rocksdb_column_family_handle_t *family[STORE_FAMILIES];
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *synced;
    rocksdb_writeoptions_t *unsynced;
    pthread_mutex_t lock; /* over what follows, but for failed */
    struct store_tip tip;
    struct store_tip index;
    uint64_t bodies_from;
    uint64_t rows_from, blocks_from, fill_below; /* store_import.h */
    uint64_t log_from; /* the log of headers is missing below; 0: not */
    char message[256];
    enum err failed; /* of a write: nothing is written any more */
    /* store_wal.c */
    uint8_t salt[STORE_SALT_BYTES];
    uint64_t on_disk; /* so many blocks are, beyond doubt */
    uint64_t marked;  /* so many were, by the log as it was found */
};

struct store_view {
    struct store *store;
    const rocksdb_snapshot_t *snapshot;
    rocksdb_readoptions_t *read;
    uint64_t height; /* what is answered is the state after this block */
    bool past;       /* from the history, not from the current rows */
};

/* store_failed keeps RocksDB's words, frees them, and says what kind of error
 * it is. */
enum err store_failed(struct store *s, char *message);

/* What a block's bulk is kept in, so that it can be removed and its disk be had
 * back: body, events and changes. */
int store_part_family(enum store_block_part part);
void store_part_key(struct writer *w,
                    uint64_t height,
                    enum store_block_part part);

/* store_get reads one key; read NULL: the newest. */
enum err store_get(struct store_value *out,
                   struct store *s,
                   const rocksdb_readoptions_t *read,
                   int family,
                   struct bytes key);
void store_row_key(struct writer *w, const struct row_key *key);
void store_history_key(struct writer *w,
                       const struct row_key *key,
                       uint64_t height);
bool store_keeps_history(uint8_t table);

/* ---- store_batch.c: what is written together ---- */

/* Names in the family of marks that more than one file writes. */
#define STORE_TIP     "tip"
#define STORE_INDEX   "index"
#define STORE_JOURNAL "journal"
#define STORE_BODIES  "bodies" /* store_import.h: bodies_from, fill_below */
#define STORE_FILL    "fill"

void store_batch_put(const struct store *s,
                     rocksdb_writebatch_t *batch,
                     int family,
                     struct bytes key,
                     struct bytes value);
void store_batch_part(const struct store *s,
                      rocksdb_writebatch_t *batch,
                      uint64_t height,
                      enum store_block_part part,
                      struct bytes value);
void store_batch_meta(const struct store *s,
                      rocksdb_writebatch_t *batch,
                      const char *name,
                      struct bytes value);
void store_batch_number(const struct store *s,
                        rocksdb_writebatch_t *batch,
                        const char *name,
                        uint64_t value);
void store_batch_forget(const struct store *s,
                        rocksdb_writebatch_t *batch,
                        const char *name);
/* Block `height` as STORE_TIP or STORE_INDEX. */
void store_batch_tip(const struct store *s,
                     rocksdb_writebatch_t *batch,
                     const char *name,
                     uint64_t height,
                     const struct hash *hash);
void store_batch_journal(const struct store *s,
                         rocksdb_writebatch_t *batch,
                         const struct store_journal *j);
void store_batch_tx(const struct store *s,
                    rocksdb_writebatch_t *batch,
                    const struct hash *id,
                    uint64_t height,
                    uint32_t index);
void store_batch_log(const struct store *s,
                     rocksdb_writebatch_t *batch,
                     const struct mtree_log *log);
/* Writes and destroys it; nothing is written any more after an error. */
enum err store_batch_write(struct store *s,
                           rocksdb_writebatch_t *batch,
                           const rocksdb_writeoptions_t *how);

enum err store_put_meta(struct store *s, const char *key, struct bytes value);
/* Reads a u64 of the meta family; *n stays as it is if there is none. */
enum err store_read_number(struct store *s, const char *name, uint64_t *n);

/* store_wal.c: the end of the database's own log. */
/* Before the database is opened, which empties its log. */
enum err store_wal_look(struct store *s, const char *dir);
/* ERR_CORRUPT: blocks that were on disk are gone. */
enum err store_wal_check(struct store *s,
                         const char *dir,
                         bool read_only,
                         char *message,
                         size_t cap);
/* Has a batch say which blocks are on disk. */
void store_wal_mark(const struct store *s, rocksdb_writebatch_t *batch);

bool store_read_row_key(struct row_key *key, const char *at, size_t size);
/* The marks of where a database begins, at its opening. */
enum err store_read_base(struct store *s);
/* Returns the iterator's error, if any, and destroys it. */
enum err store_iterator_end(struct store *s, rocksdb_iterator_t *it);

/* store_history.c: what store_get_row and store_each_row_of do in the past. */
enum err store_history_get(struct store_value *out,
                           struct store_view *v,
                           const struct row_key *key);
enum err store_history_each(struct store_view *v,
                            uint8_t table,
                            const struct hash *tree,
                            const struct hash *after,
                            store_visit_fn visit,
                            void *ctx);

#endif /* STORAGE_STORE_DB_H */
