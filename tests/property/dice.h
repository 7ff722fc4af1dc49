/* dice.h - a small repeatable generator (splitmix64) for the properties. */
#ifndef TESTS_DICE_H
#define TESTS_DICE_H

#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_u64(struct dice *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint32_t dice_below(struct dice *d, uint32_t n)
{
    return (uint32_t)(dice_u64(d) % n);
}

/* SEED=n in the environment repeats a run; 1 without it.  False: it is no
 * number. */
static inline bool dice_seed(uint64_t *seed)
{
    const char *text = getenv("SEED");

    *seed = 1;
    if (text != NULL && !num_parse_u64(seed, text)) {
        fprintf(stderr, "SEED must be a decimal number\n");
        return false;
    }
    printf("seed %llu\n", (unsigned long long)*seed);
    return true;
}

#endif /* TESTS_DICE_H */
