/* writer.h - Borsh bytes (little endian) into the caller's memory.
 *
 * The small writes are inline, as in reader.h.
 *
 * A writer that runs out of room remembers it and goes on counting, so
 * writer.size is always the size the whole encoding needs.  With buf NULL and
 * cap 0 a writer only measures. */
#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include "base/bytes.h"

struct writer {
    uint8_t *buf;
    size_t cap;
    size_t size;
};

static inline struct writer writer_of(void *buf, size_t cap)
{
    return (struct writer){(uint8_t *)buf, cap, 0};
}

static inline bool writer_ok(const struct writer *w)
{
    return w->size <= w->cap;
}

/* writer_bytes borrows what was written.  Requires writer_ok. */
static inline struct bytes writer_bytes(const struct writer *w)
{
    return bytes_of(w->buf, w->size);
}

static inline void writer_copy(struct writer *w, const void *from, size_t size)
{
    if (size > 0 && w->size <= w->cap && size <= w->cap - w->size)
        memcpy(w->buf + w->size, from, size);
    w->size += size;
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    writer_copy(w, &v, 1);
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
    const uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};

    writer_copy(w, b, sizeof b);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
    const uint8_t b[4] = {
        (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

    writer_copy(w, b, sizeof b);
}

static inline void writer_u64(struct writer *w, uint64_t v)
{
    const uint8_t b[8] = {(uint8_t)v,
                          (uint8_t)(v >> 8),
                          (uint8_t)(v >> 16),
                          (uint8_t)(v >> 24),
                          (uint8_t)(v >> 32),
                          (uint8_t)(v >> 40),
                          (uint8_t)(v >> 48),
                          (uint8_t)(v >> 56)};

    writer_copy(w, b, sizeof b);
}

static inline void writer_hash(struct writer *w, const struct hash *h)
{
    writer_copy(w, h->raw, sizeof h->raw);
}

void writer_vec(struct writer *w, struct bytes v); /* u32 length, bytes */

/* writer_be32 and writer_be64 are for database keys, where order is meaning. */
void writer_be32(struct writer *w, uint32_t v);
void writer_be64(struct writer *w, uint64_t v);

#endif /* BASE_WRITER_H */
