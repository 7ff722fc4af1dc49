#include "net/score.h"

#include "base/check.h"
#include "base/num.h"

static void ban(struct score *s, uint64_t now_ms)
{
    const uint64_t over_ms = s->barred_until_ms[CHANNEL_BULK];

    if (now_ms < over_ms)
        return; /* one fault of several at once */
    if (s->ban_ms == 0 || now_ms - over_ms >= SCORE_QUIET_MS)
        s->ban_ms = SCORE_BAN_MS;
    else
        s->ban_ms = num_min_u64(s->ban_ms * 2, SCORE_BAN_MS_MAX);
    s->barred_until_ms[CHANNEL_BULK] = now_ms + s->ban_ms;
    s->bans++;
}

void score_fault(struct score *s, uint8_t channel, uint64_t now_ms)
{
    ASSERT(channel < CHANNELS);
    s->faults[channel]++;
    if (channel == CHANNEL_BULK)
        ban(s, now_ms);
    else
        s->barred_until_ms[channel] = now_ms + SCORE_PAUSE_MS;
}

uint64_t score_barred_ms(const struct score *s,
                         uint8_t channel,
                         uint64_t now_ms)
{
    const uint64_t until_ms = s->barred_until_ms[channel];

    return now_ms < until_ms ? until_ms - now_ms : 0;
}
