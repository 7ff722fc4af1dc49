#include "base/buf.h"

#include "base/check.h"

#include <stdlib.h>

void buf_reserve(struct buf *b, size_t extra)
{
    size_t cap = b->cap > 0 ? b->cap : 256;
    uint8_t *at;

    ASSERT(extra <= SIZE_MAX / 4 - b->size);
    if (b->size + extra <= b->cap)
        return;
    while (cap < b->size + extra)
        cap *= 2;
    at = realloc(b->at, cap); /* banned-ok: the growing buffer itself */
    ASSERT(at != NULL);
    b->at = at;
    b->cap = cap;
}

uint8_t *buf_append(struct buf *b, const void *from, size_t size)
{
    uint8_t *at;

    buf_reserve(b, size);
    if (b->at == NULL)
        return NULL; /* nothing yet, and nothing to add */
    at = b->at + b->size;
    if (size > 0) {
        if (from != NULL)
            memcpy(at, from, size);
        else
            memset(at, 0, size);
    }
    b->size += size;
    return at;
}

void buf_clear(struct buf *b)
{
    b->size = 0;
}

void buf_deinit(struct buf *b)
{
    free(b->at);
    *b = (struct buf){0};
}

struct bytes buf_bytes(const struct buf *b)
{
    return bytes_of(b->at, b->size);
}
