#include "net/skew.h"

#include <stdlib.h>

/* Beyond the year 30000: no clock, and differences would overflow. */
static const uint64_t WALL_MS_MAX = UINT64_C(1) << 50;

void skew_note(struct skew *s,
               uint64_t rtt_us,
               uint64_t peer_wall_ms,
               uint64_t now_ms)
{
    const uint64_t half_ms = rtt_us / 2000;

    if (peer_wall_ms > WALL_MS_MAX || now_ms > WALL_MS_MAX ||
        half_ms > SKEW_JUMP_MS)
        return;
    s->list[s->next] = (struct skew_answer){
        rtt_us, (int64_t)(peer_wall_ms + half_ms) - (int64_t)now_ms};
    s->next = (s->next + 1) % SKEW_KEPT;
    if (s->count < SKEW_KEPT)
        s->count++;
}

bool skew_offset(const struct skew *s,
                 int64_t *offset_ms,
                 uint64_t *error_ms,
                 uint64_t now_ms,
                 uint64_t wall_ms)
{
    const struct skew_answer *best = NULL;

    *offset_ms = 0;
    *error_ms = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (best == NULL || s->list[i].rtt_us < best->rtt_us)
            best = &s->list[i];
    }
    if (best == NULL || wall_ms > WALL_MS_MAX || now_ms > WALL_MS_MAX)
        return false;
    *offset_ms = best->ahead_ms + (int64_t)now_ms - (int64_t)wall_ms;
    *error_ms = best->rtt_us / 2000 + 1;
    return true;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

int64_t skew_median(int64_t *list, uint32_t count)
{
    int64_t low;
    int64_t high;

    if (count == 0)
        return 0;
    qsort(list, count, sizeof list[0], by_value);
    low = list[(count - 1) / 2];
    high = list[count / 2];
    return llabs(low) < llabs(high) ? low : high;
}
