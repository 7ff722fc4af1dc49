/* reader.h - bounded reading of untrusted Borsh bytes (little endian).
 *
 * A reader remembers its first failure.  After a failure every read returns
 * zeros and moves nothing, so a decoder reads straight through its fields and
 * asks once, at the end, with reader_finish.
 *
 *   Invariant: next[0 .. left) is readable, whatever was read before. */
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

struct reader reader_of(struct bytes in);

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
bool reader_bool(struct reader *r); /* 0 or 1; else ERR_RANGE */
struct hash reader_hash(struct reader *r);

/* reader_copy fills out[0 .. size); with zeros after a failure. */
void reader_copy(struct reader *r, void *out, size_t size);

/* reader_take borrows the next size bytes; empty after a failure. */
struct bytes reader_take(struct reader *r, size_t size);

/* reader_count reads a u32 element count and fails with ERR_RANGE above max,
 * with ERR_TRUNCATED when the remaining bytes cannot hold that many elements
 * of item_bytes_min each.  Returns 0 after a failure. */
uint32_t reader_count(struct reader *r, uint32_t max, size_t item_bytes_min);

/* reader_vec borrows a u32-length-prefixed byte vector of at most max. */
struct bytes reader_vec(struct reader *r, uint32_t max);

/* reader_fail records e, unless an earlier failure is already recorded. */
void reader_fail(struct reader *r, enum err e);

/* reader_finish returns the first failure, or ERR_TRAILING if bytes remain. */
MUST_USE enum err reader_finish(struct reader *r);

#endif /* BASE_READER_H */
