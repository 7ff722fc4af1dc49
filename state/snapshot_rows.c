/* The rows of a snapshot, in its manifest and in its chunks; what stands before
 * the body of a manifest. */
#include "state/snapshot_parts.h"

#include "base/check.h"

enum err snapshot_each_row(const struct snapshot *s,
                           snapshot_row_fn visit,
                           void *ctx)
{
    struct reader r = reader_of(s->body);

    for (uint8_t t = 0; t < TABLES_USED; t++) {
        const enum snapshot_kind kind = snapshot_kind_of(t);
        struct row_key key = {.table = t};
        uint32_t count;

        if (kind != SNAPSHOT_INLINE && kind != SNAPSHOT_SECURITIES)
            continue;
        count = reader_u32(&r);
        for (uint32_t i = 0; i < count; i++) {
            struct bytes row;

            key.key = reader_hash(&r);
            row = reader_vec(&r, ROW_BYTES_MAX);
            if (kind == SNAPSHOT_SECURITIES)
                (void)reader_take(&r, SECURITY_TREES * HASH_BYTES);
            TRY(visit(ctx, &key, row));
        }
    }
    ASSERT(r.err == ERR_NONE);
    return ERR_NONE;
}

/* ---- chunks ---- */

enum err snapshot_chunk_check(const struct snapshot *s,
                              uint32_t index,
                              struct bytes in)
{
    const struct snapshot_chunk *c = &s->chunks[index];
    struct reader r = reader_of(in);

    ASSERT(index < s->chunk_count);
    if (in.size != c->bytes)
        return ERR_RANGE;
    for (uint32_t i = 0; i < c->pieces; i++) {
        const struct snapshot_piece *p = &s->pieces[c->first + i];
        struct proof_list list;
        struct hash root;

        proof_list_begin(&list, s->trees[p->tree].table);
        for (uint32_t k = 0; k < p->leaves; k++) {
            const struct hash key = reader_hash(&r);
            const struct bytes row = reader_vec(&r, ROW_BYTES_MAX);
            const struct hash hash = proof_row_hash(row);

            TRY(r.err);
            if (row.size == 0)
                return ERR_RANGE;
            TRY(proof_list_add(&list, &key, &hash));
        }
        root = proof_list_root(&list);
        if (!hash_eq(&root, &p->hash))
            return ERR_MISMATCH;
    }
    return reader_finish(&r);
}

enum err snapshot_chunk_rows(const struct snapshot *s,
                             uint32_t index,
                             struct bytes in,
                             snapshot_row_fn visit,
                             void *ctx)
{
    const struct snapshot_chunk *c = &s->chunks[index];
    struct reader r = reader_of(in);

    for (uint32_t i = 0; i < c->pieces; i++) {
        const struct snapshot_piece *p = &s->pieces[c->first + i];
        const struct snapshot_tree *t = &s->trees[p->tree];
        struct row_key key = {.table = t->table, .tree = t->id};

        for (uint32_t k = 0; k < p->leaves; k++) {
            struct bytes row;

            key.key = reader_hash(&r);
            row = reader_vec(&r, ROW_BYTES_MAX);
            ASSERT(r.err == ERR_NONE); /* it was checked */
            TRY(visit(ctx, &key, row));
        }
    }
    return ERR_NONE;
}

/* ---- writing what stands before the body ---- */

static void put_vec(struct buf *out, struct bytes v)
{
    uint8_t raw[4];
    struct writer w = writer_of(raw, sizeof raw);

    writer_u32(&w, (uint32_t)v.size);
    buf_append(out, raw, sizeof raw);
    buf_append(out, v.at, v.size);
}

void snapshot_add_epoch(struct buf *epochs, const struct snapshot_epoch *e)
{
    uint8_t set[4096];
    struct writer w = writer_of(set, sizeof set);

    put_vec(epochs, e->header);
    put_vec(epochs, e->cert);
    schema_encode(&w, &valset_schema, &e->next);
    ASSERT(writer_ok(&w));
    buf_append(epochs, set, w.size);
}

void snapshot_head_encode(struct buf *out,
                          struct bytes header,
                          struct bytes cert,
                          uint32_t epoch_count,
                          struct bytes epochs,
                          const struct mtree_log *log)
{
    const uint32_t peaks = mtree_log_peak_count(log);
    uint8_t raw[8];
    struct writer w = writer_of(raw, sizeof raw);

    writer_u16(&w, SNAPSHOT_VERSION);
    buf_append(out, SNAPSHOT_MAGIC, sizeof SNAPSHOT_MAGIC - 1);
    buf_append(out, raw, w.size);
    put_vec(out, header);
    put_vec(out, cert);
    w = writer_of(raw, sizeof raw);
    writer_u32(&w, epoch_count);
    buf_append(out, raw, w.size);
    buf_append(out, epochs.at, epochs.size);
    w = writer_of(raw, sizeof raw);
    writer_u32(&w, peaks);
    buf_append(out, raw, w.size);
    buf_append(out, log->peaks[0].raw, (size_t)peaks * HASH_BYTES);
}
