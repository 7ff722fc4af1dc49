#include "base/arena.h"

#include "base/check.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 65536,
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) unsigned char at[];
};

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct arena_chunk *c = a->first;
    void *out;

    ASSERT(size <= SIZE_MAX / 2);
    size = (size + align - 1) / align * align;
    if (c == NULL || c->cap - c->used < size) {
        const size_t cap = size > CHUNK_BYTES ? size : CHUNK_BYTES;

        c = malloc(sizeof *c + cap); /* banned-ok: the arena itself */
        ASSERT(c != NULL);
        c->next = a->first;
        c->used = 0;
        c->cap = cap;
        a->first = c;
    }
    out = c->at + c->used;
    c->used += size;
    memset(out, 0, size);
    return out;
}

void arena_reset(struct arena *a)
{
    while (a->first != NULL && a->first->next != NULL) {
        struct arena_chunk *next = a->first->next;

        free(a->first);
        a->first = next;
    }
    if (a->first != NULL)
        a->first->used = 0;
}

void arena_deinit(struct arena *a)
{
    while (a->first != NULL) {
        struct arena_chunk *next = a->first->next;

        free(a->first);
        a->first = next;
    }
}
