#include "base/writer.h"

void writer_copy(struct writer *w, const void *from, size_t size)
{
    if (size > 0 && w->size <= w->cap && size <= w->cap - w->size)
        memcpy(w->buf + w->size, from, size);
    w->size += size;
}

void writer_u8(struct writer *w, uint8_t v)
{
    writer_copy(w, &v, 1);
}

void writer_u16(struct writer *w, uint16_t v)
{
    const uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};

    writer_copy(w, b, sizeof b);
}

void writer_u32(struct writer *w, uint32_t v)
{
    const uint8_t b[4] = {
        (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

    writer_copy(w, b, sizeof b);
}

void writer_u64(struct writer *w, uint64_t v)
{
    writer_u32(w, (uint32_t)v);
    writer_u32(w, (uint32_t)(v >> 32));
}

void writer_hash(struct writer *w, const struct hash *h)
{
    writer_copy(w, h->raw, sizeof h->raw);
}

void writer_vec(struct writer *w, struct bytes v)
{
    writer_u32(w, (uint32_t)v.size);
    writer_copy(w, v.at, v.size);
}

void writer_be32(struct writer *w, uint32_t v)
{
    const uint8_t b[4] = {
        (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    writer_copy(w, b, sizeof b);
}

void writer_be64(struct writer *w, uint64_t v)
{
    writer_be32(w, (uint32_t)(v >> 32));
    writer_be32(w, (uint32_t)v);
}
