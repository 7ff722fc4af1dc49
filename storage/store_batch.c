/* What is written to the database together. */
#include "base/check.h"
#include "base/writer.h"
#include "storage/store_db.h"

void store_batch_put(const struct store *s,
                     rocksdb_writebatch_t *batch,
                     int family,
                     struct bytes key,
                     struct bytes value)
{
    rocksdb_writebatch_put_cf(batch,
                              s->family[family],
                              (const char *)key.at,
                              key.size,
                              (const char *)value.at,
                              value.size);
}

void store_batch_part(const struct store *s,
                      rocksdb_writebatch_t *batch,
                      uint64_t height,
                      enum store_block_part part,
                      struct bytes value)
{
    uint8_t key[16];
    struct writer w = writer_of(key, sizeof key);

    store_part_key(&w, height, part);
    store_batch_put(s, batch, store_part_family(part), writer_bytes(&w), value);
}

void store_batch_meta(const struct store *s,
                      rocksdb_writebatch_t *batch,
                      const char *name,
                      struct bytes value)
{
    store_batch_put(s, batch, FAMILY_META, bytes_of(name, strlen(name)), value);
}

void store_batch_number(const struct store *s,
                        rocksdb_writebatch_t *batch,
                        const char *name,
                        uint64_t value)
{
    uint8_t raw[8];
    struct writer w = writer_of(raw, sizeof raw);

    writer_u64(&w, value);
    store_batch_meta(s, batch, name, writer_bytes(&w));
}

void store_batch_forget(const struct store *s,
                        rocksdb_writebatch_t *batch,
                        const char *name)
{
    rocksdb_writebatch_delete_cf(
        batch, s->family[FAMILY_META], name, strlen(name));
}

void store_batch_tip(const struct store *s,
                     rocksdb_writebatch_t *batch,
                     const char *name,
                     uint64_t height,
                     const struct hash *hash)
{
    uint8_t value[8 + HASH_BYTES];
    struct writer w = writer_of(value, sizeof value);

    writer_u64(&w, height);
    writer_hash(&w, hash);
    store_batch_meta(s, batch, name, writer_bytes(&w));
}

void store_batch_journal(const struct store *s,
                         rocksdb_writebatch_t *batch,
                         const struct store_journal *j)
{
    uint8_t value[PUBKEY_BYTES + 8];
    struct writer w = writer_of(value, sizeof value);

    writer_copy(&w, j->key.raw, PUBKEY_BYTES);
    writer_u64(&w, j->records);
    store_batch_meta(s, batch, STORE_JOURNAL, writer_bytes(&w));
}

void store_batch_tx(const struct store *s,
                    rocksdb_writebatch_t *batch,
                    const struct hash *id,
                    uint64_t height,
                    uint32_t index)
{
    uint8_t value[12];
    struct writer w = writer_of(value, sizeof value);

    writer_u64(&w, height);
    writer_u32(&w, index);
    store_batch_put(
        s, batch, FAMILY_TXID, bytes_of(id->raw, HASH_BYTES), writer_bytes(&w));
}

void store_batch_log(const struct store *s,
                     rocksdb_writebatch_t *batch,
                     const struct mtree_log *log)
{
    uint8_t key[8];
    struct writer w = writer_of(key, sizeof key);

    writer_be64(&w, log->size);
    store_batch_put(
        s,
        batch,
        FAMILY_HEADERS,
        writer_bytes(&w),
        bytes_of(log->peaks, mtree_log_peak_count(log) * sizeof log->peaks[0]));
}

enum err store_batch_write(struct store *s,
                           rocksdb_writebatch_t *batch,
                           const rocksdb_writeoptions_t *how)
{
    char *error = NULL;

    store_wal_mark(s, batch);
    rocksdb_write(s->db, how, batch, &error);
    rocksdb_writebatch_destroy(batch);
    if (error == NULL)
        return ERR_NONE;
    s->failed = store_failed(s, error);
    return s->failed;
}
