#include "net/conn.h"

/* What is told of the peers. */

size_t peers_queued(const struct peers *p,
                    uint8_t slot,
                    uint8_t channel,
                    uint8_t class)
{
    const struct conn *c = p->peer[slot].conn[channel];

    return c != NULL && c->up ? queue_bytes_of(&c->out, class) : 0;
}

void peers_status(const struct peers *p, struct peers_status *out, uint8_t slot)
{
    const struct peer *peer = &p->peer[slot];
    const uint64_t now_ms = net_now_ms();

    memset(out, 0, sizeof *out);
    out->known = peer->known && !peer->self;
    out->source = peers_is_source(p, slot);
    out->key = peer->is.key;
    out->epoch = peer->epoch;
    out->observer = peer->observer;
    for (uint8_t k = 0; k < CHANNELS; k++) {
        const struct conn *c = peer->conn[k];

        out->barred_ms[k] = score_barred_ms(&peer->score, k, now_ms);
        out->faults[k] = peer->score.faults[k];
        out->up[k] = c != NULL && c->up;
        if (!out->up[k])
            continue;
        out->paused[k] = c->paused != 0;
        out->queued[k] = conn_queued(c);
        if (c->heard_ms > out->heard_ms)
            out->heard_ms = c->heard_ms;
    }
    out->bans = peer->score.bans;
    out->dropped = peer->dropped;
    out->twice = peer->twice;
    out->rtt_us = peer->rtt_us;
    out->clock_known = skew_offset(&peer->skew,
                                   &out->offset_ms,
                                   &out->offset_error_ms,
                                   now_ms,
                                   net_wall_ms());
    out->bytes_in = peer->bytes_in;
    out->bytes_out = peer->bytes_out;
    out->connects = peer->connects;
    out->refused = peer->refused;
    memcpy(out->last_refusal, peer->last_refusal, sizeof out->last_refusal);
    memcpy(out->refuses_us, peer->refuses_us, sizeof out->refuses_us);
    memcpy(out->software, peer->software, sizeof out->software);
}

/* An offset, less what it may be wrong by: what is beyond doubt of it. */
static int64_t surely(int64_t offset_ms, uint64_t error_ms)
{
    const int64_t e = (int64_t)error_ms;

    return offset_ms > e ? offset_ms - e : offset_ms < -e ? offset_ms + e : 0;
}

struct peers_clock peers_clock(const struct peers *p)
{
    const uint64_t now_ms = net_now_ms();
    const uint64_t wall_ms = net_wall_ms();
    int64_t offsets[PEERS_MAX];
    int64_t sure[PEERS_MAX];
    struct peers_clock out = {0};
    int64_t median;

    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        const struct peer *peer = &p->peer[i];
        const struct conn *c = peer->conn[CHANNEL_CONSENSUS];
        uint64_t error_ms;
        int64_t offset_ms;

        if (c == NULL || !c->up || c->source || !peer->is.validator ||
            !skew_offset(&peer->skew, &offset_ms, &error_ms, now_ms, wall_ms))
            continue;
        offsets[out.measured] = offset_ms;
        sure[out.measured++] = surely(offset_ms, error_ms);
    }
    out.median_ms = skew_median(offsets, out.measured);
    median = skew_median(sure, out.measured);
    if (p->validators == 0 || out.measured <= valset_faulty(p->validators))
        return out;
    out.off = median > SKEW_ALARM_MS || median < -SKEW_ALARM_MS;
    out.behind = median > SKEW_JUMP_MS;
    return out;
}

const char *peers_last_refusal(const struct peers *p)
{
    return p->last_refusal;
}
