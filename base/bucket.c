#include "base/bucket.h"

#include "base/check.h"
#include "base/num.h"

enum {
    FULL_AFTER_MS = 3600000, /* no arithmetic needs longer gaps */
};

struct bucket bucket_of(uint32_t per_s, uint32_t burst, uint64_t now_ms)
{
    ASSERT(per_s > 0 && burst > 0);
    return (struct bucket){.per_s = per_s,
                           .burst = burst,
                           .left = (int64_t)burst * 1000,
                           .at_ms = now_ms};
}

static int64_t left_at(const struct bucket *b, uint64_t now_ms)
{
    const uint64_t gap = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    const int64_t full = (int64_t)b->burst * 1000;
    /* per_s in a second is per_s thousandths in a millisecond */
    const int64_t now =
        b->left + (int64_t)(num_min_u64(gap, FULL_AFTER_MS) * b->per_s);

    return now < full ? now : full;
}

bool bucket_take(struct bucket *b, uint32_t cost, uint64_t now_ms)
{
    const int64_t left = left_at(b, now_ms);

    b->left = left;
    if (now_ms > b->at_ms)
        b->at_ms = now_ms;
    if (left <= 0)
        return false;
    b->left -= (int64_t)cost * 1000;
    return true;
}

uint64_t bucket_wait_ms(const struct bucket *b, uint64_t now_ms)
{
    const int64_t left = left_at(b, now_ms);

    return left > 0 ? 0 : (uint64_t)(-left) / b->per_s + 1;
}
