/* meant.h - what was probably meant by a word that is none of the known ones.
 */
#ifndef BASE_MEANT_H
#define BASE_MEANT_H

#include <stddef.h>

/* Try each known name, then look at best: the one that takes the fewest changes
 * of letters, if these are few for a word of that length. */
struct meant {
    const char *word;
    const char *best; /* NULL: nothing is like it */
    size_t distance;
};
void meant_try(struct meant *m, const char *name);

#endif /* BASE_MEANT_H */
