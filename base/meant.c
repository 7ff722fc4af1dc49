#include "base/meant.h"

#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Letters to insert, remove, change or swap with their neighbour to make one
 * word of the other (the restricted Damerau-Levenshtein distance). */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t row[3][LONGEST + 1];
    const size_t size = strlen(b);

    if (strlen(a) > LONGEST || size > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= size; j++)
        row[0][j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t *now = row[i % 3];
        const size_t *above = row[(i + 2) % 3];
        const size_t *before = row[(i + 1) % 3]; /* above that */

        now[0] = i;
        for (size_t j = 1; j <= size; j++) {
            const size_t change = a[i - 1] != b[j - 1] ? 1 : 0;

            now[j] = least(above[j] + 1, now[j - 1] + 1, above[j - 1] + change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1, now[j]);
        }
    }
    return row[strlen(a) % 3][size];
}

void meant_try(struct meant *m, const char *name)
{
    const size_t d = distance(m->word, name);

    if (d <= 1 + strlen(m->word) / 4 && (m->best == NULL || d < m->distance)) {
        m->best = name;
        m->distance = d;
    }
}
