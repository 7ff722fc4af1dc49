/* store_import.h - a database that begins at a snapshot, and the history that
 * is filled in behind it.
 *
 *   import   every row of the state after block S, chunk by chunk, each with
 *            the mark that it is here in one batch; then, in one synced batch,
 *            the block's header and certificate, those of the blocks that ended
 *            an epoch before it, and the tip.  Until then there is no tip.
 *   fill     blocks below, from S down, each with header, certificate, body
 *            and the index of its transactions, a run of them in one batch.
 *
 * Reads below what is there return ERR_PRUNED: rows before store_rows_from,
 * headers before store_blocks_from, bodies before store_bodies_from.  Block 0
 * is always there but for its body's mark.
 *
 *   meta     "import" -> the manifest, while an import is under way
 *            "chunk" index u32 BE -> nothing: it is here
 *            "rows" -> S u64; "blocks" -> lowest header u64; "fill" -> u64:
 *            blocks below are to be filled in; 0: none */
#ifndef STORAGE_STORE_IMPORT_H
#define STORAGE_STORE_IMPORT_H

#include "storage/store.h"

/* store_import_begin removes all rows and every mark of an earlier import.
 * Requires  the tip is block 0, or an import is under way
 * Errors    those of writing */
MUST_USE enum err store_import_begin(struct store *s, struct bytes manifest);
/* store_import_abandon leaves an empty database: block 0 is to be put again. */
MUST_USE enum err store_import_abandon(struct store *s);
/* The manifest of the import that is under way.
 * Errors    ERR_NOT_FOUND  none is */
MUST_USE enum err store_import_manifest(struct store_value *out,
                                        struct store *s);
bool store_is_importing(struct store *s);
/* Whether a chunk is here. */
bool store_import_has(struct store *s, uint32_t chunk);

/* One chunk, or the rows of the manifest. */
struct store_rows;
struct store_rows *store_rows_new(struct store *s, uint64_t height);
void store_rows_put(struct store_rows *r,
                    const struct row_key *key,
                    struct bytes row);
/* The roots of a security's trees. */
void store_rows_put_roots(struct store_rows *r,
                          const struct security_roots *roots);
/* store_rows_write writes them, unsynced, with the mark of the chunk
 * (UINT32_MAX: none), and frees r.  Thread-safe. */
MUST_USE enum err store_rows_write(struct store_rows *r, uint32_t chunk);

/* A block of the past: what proves it. */
struct store_past_block {
    uint64_t height;
    struct bytes header;
    struct bytes cert;
};

struct store_base {
    uint64_t height;
    struct hash hash;
    struct store_past_block block;
    uint32_t seal_count;
    const struct store_past_block *seals; /* the ends of epochs before */
    struct mtree_log log;                 /* of headers 0..height - 1 */
    struct bytes roots;                   /* state/roots.h */
    struct store_journal journal;
};
/* store_import_finish writes one synced batch: the database is one from now on,
 * and its tip is the block. */
MUST_USE enum err store_import_finish(struct store *s,
                                      const struct store_base *base);

/* The lowest heights of which rows and headers are here; 0: all. */
uint64_t store_rows_from(struct store *s);
uint64_t store_blocks_from(struct store *s);
/* Blocks below this one are to be filled in; 0: none are. */
uint64_t store_fill_below(struct store *s);

struct store_fill_block {
    uint64_t height;
    struct bytes header;
    struct bytes cert; /* empty for block 0 */
    struct bytes body;
    uint32_t tx_count;
    const struct hash *tx_ids;
};
/* store_fill writes a run of blocks that ends below the mark, ascending: the
 * last one is the one before it.  When the run begins at height 1 nothing is
 * left to be filled.  Any thread, one at a time.
 * Requires  list[count - 1].height + 1 == store_fill_below, ASSERTed */
MUST_USE enum err store_fill(struct store *s,
                             const struct store_fill_block *list,
                             uint32_t count);
/* store_fill_log writes the log of headers at every size up to S, from the
 * headers, once all of them are here; interrupted, it is called again.  goes_on
 * (may be NULL) is asked now and then.
 * Errors    ERR_REFUSED  goes_on said no; ERR_MISMATCH  they are not the
 *           headers that block S commits to */
MUST_USE enum err store_fill_log(struct store *s,
                                 bool (*goes_on)(void *ctx),
                                 void *ctx);
/* Whether store_fill_log is still to be called. */
bool store_log_is_missing(struct store *s);

#endif /* STORAGE_STORE_IMPORT_H */
