/* bucket.h - how much of something one peer may have in a while.
 *
 * A token bucket that may go into debt: something is allowed while anything is
 * left, and takes all it costs.  So the mean is per_s, and what comes at once
 * at most burst and one more.  Pure: the caller tells the time. */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint32_t per_s;
    uint32_t burst;
    int64_t left;   /* thousandths */
    uint64_t at_ms; /* when `left` was true; monotonic */
};

/* A full one. */
struct bucket bucket_of(uint32_t per_s, uint32_t burst, uint64_t now_ms);
/* bucket_take takes `cost` and says true, or takes nothing and says false. */
MUST_USE bool bucket_take(struct bucket *b, uint32_t cost, uint64_t now_ms);
/* bucket_wait_ms: in how many milliseconds something is left; 0 = now. */
uint64_t bucket_wait_ms(const struct bucket *b, uint64_t now_ms);

#endif /* BASE_BUCKET_H */
