/* arena.h - memory that is given back all at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *first; /* owned */
};

/* arena_alloc returns zeroed memory aligned for any type, valid until
 * arena_reset or arena_deinit.  Running out of memory ends the process. */
void *arena_alloc(struct arena *a, size_t size);
void arena_reset(struct arena *a);
void arena_deinit(struct arena *a);

#endif /* BASE_ARENA_H */
