/* buf.h - a growing byte buffer, for the shells (never the pure layers). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"

struct buf {
    uint8_t *at; /* owned; NULL while empty */
    size_t size;
    size_t cap;
};

/* buf_append copies size bytes to the end and returns where they now stand
 * (valid until the next append).  from may be NULL: the bytes are zeroed.
 * Running out of memory ends the process: a shell that cannot buffer a message
 * cannot go on. */
uint8_t *buf_append(struct buf *b, const void *from, size_t size);
void buf_reserve(struct buf *b, size_t extra);
void buf_clear(struct buf *b); /* size 0, keeps the memory */
void buf_deinit(struct buf *b);
struct bytes buf_bytes(const struct buf *b);

#endif /* BASE_BUF_H */
