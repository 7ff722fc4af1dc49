/* The messages of state sync. */
#include "consensus/msg.h"

static void offer_encode(struct writer *w, const struct msg_offer *o)
{
    writer_u64(w, o->height);
    writer_hash(w, &o->block);
    writer_hash(w, &o->id);
    writer_u32(w, o->manifest_bytes);
    writer_u32(w, o->chunks);
}

void msg_offers_encode(struct writer *w, const struct msg_offers *m)
{
    writer_u32(w, m->count);
    for (uint32_t i = 0; i < m->count; i++)
        offer_encode(w, &m->list[i]);
}

enum err msg_offers_decode(struct msg_offers *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    memset(out, 0, sizeof *out);
    out->count = reader_count(&r, MSG_OFFERS_MAX, MSG_OFFER_BYTES);
    for (uint32_t i = 0; i < out->count; i++) {
        struct msg_offer *o = &out->list[i];

        o->height = reader_u64(&r);
        o->block = reader_hash(&r);
        o->id = reader_hash(&r);
        o->manifest_bytes = reader_u32(&r);
        o->chunks = reader_u32(&r);
        if (o->height == 0 || o->manifest_bytes == 0 ||
            (i > 0 && o->height >= out->list[i - 1].height))
            reader_fail(&r, ERR_RANGE);
    }
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    return e;
}

void msg_part_encode(struct writer *w, const struct msg_part *m)
{
    writer_hash(w, &m->id);
    writer_u8(w, m->kind);
    writer_u32(w, m->index);
}

static void read_part(struct reader *r, struct msg_part *out)
{
    out->id = reader_hash(r);
    out->kind = reader_u8(r);
    out->index = reader_u32(r);
    if (out->kind >= MSG_PARTS)
        reader_fail(r, ERR_RANGE);
}

enum err msg_part_decode(struct msg_part *out, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    read_part(&r, out);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(out, 0, sizeof *out);
    return e;
}

void msg_part_bytes_encode(struct writer *w,
                           const struct msg_part *m,
                           struct bytes bytes)
{
    msg_part_encode(w, m);
    writer_vec(w, bytes);
}

enum err msg_part_bytes_decode(struct msg_part *out,
                               struct bytes *bytes,
                               struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    read_part(&r, out);
    *bytes = reader_vec(&r, MSG_PART_BYTES_MAX);
    e = reader_finish(&r);
    if (e != ERR_NONE) {
        memset(out, 0, sizeof *out);
        *bytes = bytes_of(NULL, 0);
    }
    return e;
}
