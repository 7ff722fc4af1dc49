/* reader.h - bounded reading of untrusted Borsh bytes (little endian).
 *
 * A reader remembers its first failure.  After a failure every read returns
 * zeros and moves nothing, so a decoder reads straight through its fields and
 * asks once, at the end, with reader_finish.
 *
 *   Invariant: next[0 .. left) is readable, whatever was read before; left is 0
 *   after a failure.
 *
 * The small reads are here, inline: rows are decoded many times a transaction,
 * and a call for each field costs more than the field. */
#ifndef BASE_READER_H
#define BASE_READER_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

struct reader {
    const uint8_t *next;
    size_t left;
    enum err err;
};

static inline struct reader reader_of(struct bytes in)
{
    return (struct reader){.next = in.at, .left = in.size, .err = ERR_NONE};
}

/* reader_fail records e, unless an earlier failure is already recorded. */
void reader_fail(struct reader *r, enum err e);

/* reader_copy fills out[0 .. size); with zeros after a failure. */
static inline void reader_copy(struct reader *r, void *out, size_t size)
{
    if (size > r->left) {
        reader_fail(r, ERR_TRUNCATED);
        memset(out, 0, size);
    } else if (size > 0) {
        memcpy(out, r->next, size);
        r->next += size;
        r->left -= size;
    }
}

static inline uint8_t reader_u8(struct reader *r)
{
    uint8_t b[1];

    reader_copy(r, b, sizeof b);
    return b[0];
}

static inline uint16_t reader_u16(struct reader *r)
{
    uint8_t b[2];

    reader_copy(r, b, sizeof b);
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t reader_u32(struct reader *r)
{
    uint8_t b[4];

    reader_copy(r, b, sizeof b);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

static inline uint64_t reader_u64(struct reader *r)
{
    uint8_t b[8];

    reader_copy(r, b, sizeof b);
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 |
           (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 |
           (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
}

static inline bool reader_bool(struct reader *r) /* 0 or 1; else ERR_RANGE */
{
    const uint8_t b = reader_u8(r);

    if (b > 1) {
        reader_fail(r, ERR_RANGE);
        return false;
    }
    return b == 1;
}

static inline struct hash reader_hash(struct reader *r)
{
    struct hash h;

    reader_copy(r, h.raw, sizeof h.raw);
    return h;
}

/* reader_take borrows the next size bytes; empty after a failure. */
struct bytes reader_take(struct reader *r, size_t size);

/* reader_count reads a u32 element count and fails with ERR_RANGE above max,
 * with ERR_TRUNCATED when the remaining bytes cannot hold that many elements
 * of item_bytes_min each.  Returns 0 after a failure. */
uint32_t reader_count(struct reader *r, uint32_t max, size_t item_bytes_min);

/* reader_vec borrows a u32-length-prefixed byte vector of at most max. */
struct bytes reader_vec(struct reader *r, uint32_t max);

/* reader_finish returns the first failure, or ERR_TRAILING if bytes remain. */
MUST_USE enum err reader_finish(struct reader *r);

#endif /* BASE_READER_H */
