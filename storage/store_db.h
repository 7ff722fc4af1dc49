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
    STORE_FAMILIES = 6,
    STORE_FORMAT = 1,
    STORE_ROW_KEY_BYTES = 1 + 2 * HASH_BYTES,
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
    pthread_mutex_t lock; /* over tip, index and message */
    struct store_tip tip;
    struct store_tip index;
    char message[256];
    enum err failed; /* of a write: nothing is written any more */
};

struct store_view {
    struct store *store;
    const rocksdb_snapshot_t *snapshot;
    rocksdb_readoptions_t *read;
    uint64_t height;
};

/* store_failed keeps RocksDB's words, frees them, and says what kind of error
 * it is. */
enum err store_failed(struct store *s, char *message);

/* store_get reads one key; read NULL: the newest. */
enum err store_get(struct store_value *out,
                   struct store *s,
                   const rocksdb_readoptions_t *read,
                   int family,
                   struct bytes key);
void store_row_key(struct writer *w, const struct row_key *key);

#endif /* STORAGE_STORE_DB_H */
