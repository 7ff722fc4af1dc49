/* What is taken away from a store: bodies of old blocks, and copies of it. */
#include "base/check.h"
#include "storage/store_db.h"

#include <stdio.h>

int store_part_family(enum store_block_part part)
{
    return part == STORE_BODY || part == STORE_EVENTS || part == STORE_CHANGES
               ? FAMILY_BODY
               : FAMILY_BLOCK;
}

void store_part_key(struct writer *w,
                    uint64_t height,
                    enum store_block_part part)
{
    writer_be64(w, height);
    writer_u8(w, (uint8_t)part);
}

uint64_t store_bodies_from(struct store *s)
{
    uint64_t height;

    pthread_mutex_lock(&s->lock);
    height = s->bodies_from;
    pthread_mutex_unlock(&s->lock);
    return height;
}

void store_message(struct store *s, char *out, size_t cap)
{
    pthread_mutex_lock(&s->lock);
    snprintf(out, cap, "%s", s->message);
    pthread_mutex_unlock(&s->lock);
}

/* The mark and the removal are one: nobody looks for what may be gone. */
static enum err mark_pruned(struct store *s, struct bytes limit, uint64_t below)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();

    store_batch_number(s, batch, STORE_BODIES, below);
    /* What is removed is not filled in again. */
    store_batch_forget(s, batch, STORE_FILL);
    rocksdb_writebatch_delete_range_cf(batch,
                                       s->family[FAMILY_BODY],
                                       "",
                                       0,
                                       (const char *)limit.at,
                                       limit.size);
    TRY(store_batch_write(s, batch, s->synced));
    pthread_mutex_lock(&s->lock);
    s->bodies_from = below;
    s->fill_below = 0;
    pthread_mutex_unlock(&s->lock);
    return ERR_NONE;
}

/* Whole files go at once; what is left in others goes when they are written
 * anew, which is done here and not some day. */
static enum err free_disk(struct store *s, struct bytes limit)
{
    rocksdb_compactoptions_t *o = rocksdb_compactoptions_create();
    char *error = NULL;

    rocksdb_delete_file_in_range_cf(s->db,
                                    s->family[FAMILY_BODY],
                                    "",
                                    0,
                                    (const char *)limit.at,
                                    limit.size,
                                    &error);
    if (error == NULL) {
        rocksdb_compactoptions_set_exclusive_manual_compaction(o, 1);
        rocksdb_compact_range_cf_opt(s->db,
                                     s->family[FAMILY_BODY],
                                     o,
                                     "",
                                     0,
                                     (const char *)limit.at,
                                     limit.size);
    }
    rocksdb_compactoptions_destroy(o);
    return error == NULL ? ERR_NONE : store_failed(s, error);
}

enum err store_prune(struct store *s, uint64_t below)
{
    uint8_t key[16];
    struct writer w = writer_of(key, sizeof key);

    TRY(s->failed);
    if (!s->index.any || below > s->index.height)
        return ERR_RANGE;
    if (below < store_bodies_from(s))
        below = store_bodies_from(s);
    writer_be64(&w, below);
    TRY(mark_pruned(s, writer_bytes(&w), below));
    return free_disk(s, writer_bytes(&w));
}

enum err store_flush(struct store *s)
{
    rocksdb_flushoptions_t *o = rocksdb_flushoptions_create();
    char *error = NULL;

    for (int i = 0; i < STORE_FAMILIES && error == NULL; i++)
        rocksdb_flush_cf(s->db, o, s->family[i], &error);
    rocksdb_flushoptions_destroy(o);
    return error == NULL ? ERR_NONE : store_failed(s, error);
}

enum err store_checkpoint(struct store *s, const char *dir)
{
    char *error = NULL;
    rocksdb_checkpoint_t *c = rocksdb_checkpoint_object_create(s->db, &error);

    if (error == NULL) {
        rocksdb_checkpoint_create(c, dir, 0, &error);
        rocksdb_checkpoint_object_destroy(c);
    }
    return error == NULL ? ERR_NONE : store_failed(s, error);
}
