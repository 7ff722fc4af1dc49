/* What the node says of the links to the other validators, and to who follows.
 */
#include "node/node.h"
#include "rpc/schema_json.h"

#include <stdio.h>

static const char *const channel_names[CHANNELS] = {"consensus", "bulk"};

static json_t *link_json(const struct peers_status *p, uint8_t channel)
{
    return json_pack("{s:b, s:b, s:o, s:o, s:o}",
                     "up",
                     p->up[channel],
                     "paused",
                     p->paused[channel],
                     "queued_bytes",
                     json_of_u64(p->queued[channel]),
                     "faults",
                     json_of_u64(p->faults[channel]),
                     "barred_ms",
                     json_of_u64(p->barred_ms[channel]));
}

static json_t *clock_json(const struct peers_status *p)
{
    if (!p->clock_known)
        return json_null();
    return json_pack("{s:I, s:o}",
                     "offset_ms",
                     (json_int_t)p->offset_ms,
                     "error_ms",
                     json_of_u64(p->offset_error_ms));
}

/* index -1: it is no validator. */
static json_t *peer_json(const struct health *h,
                         const struct peers_status *p,
                         int index)
{
    const bool is_validator = index >= 0 && !p->source;

    return json_pack("{s:i, s:i, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, "
                     "s:o, s:o, s:o, "
                     "s:o, s:o, s:s, s:s, s:s}",
                     "validator",
                     is_validator ? index : -1,
                     "institution",
                     index >= 0 ? (int)h->set.list[index].institution : 0,
                     "role",
                     p->source      ? "source"
                     : is_validator ? "validator"
                                    : "observer",
                     "key",
                     json_of_hex(p->key.raw, sizeof p->key.raw),
                     "epoch",
                     json_of_u64(p->epoch),
                     "self",
                     index >= 0 && index == h->me,
                     "consensus",
                     link_json(p, CHANNEL_CONSENSUS),
                     "bulk",
                     link_json(p, CHANNEL_BULK),
                     "rtt_us",
                     json_of_u64(p->rtt_us),
                     "clock",
                     clock_json(p),
                     "bytes_in",
                     json_of_u64(p->bytes_in),
                     "bytes_out",
                     json_of_u64(p->bytes_out),
                     "bans",
                     json_of_u64(p->bans),
                     "dropped",
                     json_of_u64(p->dropped),
                     "twice",
                     json_of_u64(p->twice),
                     "refused",
                     json_of_u64(p->refused),
                     "last_refusal",
                     p->last_refusal,
                     "refuses_us",
                     p->refuses_us,
                     "software",
                     p->software);
}

/* What is known of a validator. */
static struct peers_status validator_status(const struct health *h, uint32_t i)
{
    struct peers_status p = {.key = h->set.list[i].key};

    for (int slot = 0; slot < PEERS_MAX; slot++) {
        if (h->peer[slot].known &&
            memcmp(&h->peer[slot].key, &p.key, sizeof p.key) == 0)
            return h->peer[slot];
    }
    return p;
}

/* The validators in their order, then who only follows. */
json_t *health_peers(struct node *n)
{
    const struct health h = health_look(n);
    json_t *list = json_array();

    for (uint32_t i = 0; i < h.set.count; i++) {
        const struct peers_status p = validator_status(&h, i);

        json_array_append_new(list, peer_json(&h, &p, (int)i));
    }
    for (int slot = 0; slot < PEERS_MAX; slot++) {
        const struct peers_status *p = &h.peer[slot];

        if (p->known && valset_find(&h.set, &p->key) < 0)
            json_array_append_new(list, peer_json(&h, p, -1));
    }
    return json_pack("{s:o, s:{s:i, s:I, s:b, s:b}}",
                     "peers",
                     list,
                     "clock",
                     "measured",
                     (int)h.clock.measured,
                     "median_offset_ms",
                     (json_int_t)h.clock.median_ms,
                     "off",
                     h.clock.off,
                     "proposes",
                     !h.clock.behind);
}

/* ---- metrics ---- */

static void add(struct buf *out, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct buf *out, const char *format, ...)
{
    char text[300];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_append(out, text, (size_t)size);
}

static void head(struct buf *out,
                 const char *name,
                 const char *type,
                 const char *help)
{
    add(out,
        "# HELP equity_%s %s\n# TYPE equity_%s %s\n",
        name,
        help,
        name,
        type);
}

/* A figure of each peer, or of each of its two channels. */
struct peer_metric {
    const char *name;
    const char *type;
    const char *help;
    bool by_channel;
    int64_t (*get)(const struct peers_status *p, uint8_t channel);
};

static int64_t get_up(const struct peers_status *p, uint8_t k)
{
    return p->up[k];
}
static int64_t get_queued(const struct peers_status *p, uint8_t k)
{
    return (int64_t)p->queued[k];
}
static int64_t get_paused(const struct peers_status *p, uint8_t k)
{
    return p->paused[k];
}
static int64_t get_faults(const struct peers_status *p, uint8_t k)
{
    return (int64_t)p->faults[k];
}
static int64_t get_barred(const struct peers_status *p, uint8_t k)
{
    return (int64_t)p->barred_ms[k] / 1000;
}
static int64_t get_rtt(const struct peers_status *p, uint8_t k)
{
    (void)k;
    return (int64_t)p->rtt_us;
}
static int64_t get_offset(const struct peers_status *p, uint8_t k)
{
    (void)k;
    return p->offset_ms;
}
static int64_t get_dropped(const struct peers_status *p, uint8_t k)
{
    (void)k;
    return (int64_t)p->dropped;
}
static int64_t get_twice(const struct peers_status *p, uint8_t k)
{
    (void)k;
    return (int64_t)p->twice;
}
static int64_t get_bans(const struct peers_status *p, uint8_t k)
{
    (void)k;
    return (int64_t)p->bans;
}

static const struct peer_metric peer_metrics[] = {
    {"peer_up", "gauge", "Connected.", true, get_up},
    {"peer_queued_bytes", "gauge", "Waiting to be sent.", true, get_queued},
    {"peer_paused", "gauge", "Not read at present.", true, get_paused},
    {"peer_faults_total", "counter", "Misbehaviour.", true, get_faults},
    {"peer_barred_seconds", "gauge", "Still kept out for.", true, get_barred},
    {"peer_bans_total", "counter", "Bans from bulk.", false, get_bans},
    {"peer_rtt_micros", "gauge", "Round trip.", false, get_rtt},
    {"peer_clock_offset_millis",
     "gauge",
     "Its clock less ours.",
     false,
     get_offset},
    {"peer_dropped_total",
     "counter",
     "Frames beyond a rate, or not sent for a full queue.",
     false,
     get_dropped},
    {"peer_duplicates_total",
     "counter",
     "Times its identity spoke from two processes.",
     false,
     get_twice},
};

/* Of each validator of the epoch, by its index. */
static void one_metric(const struct peer_metric *m,
                       const struct peers_status *of,
                       uint32_t count,
                       struct buf *out)
{
    head(out, m->name, m->type, m->help);
    for (uint32_t i = 0; i < count; i++) {
        for (uint8_t k = 0; k < (m->by_channel ? CHANNELS : 1); k++)
            add(out,
                m->by_channel ? "equity_%s{peer=\"%u\",channel=\"%s\"} %lld\n"
                              : "equity_%s{peer=\"%u\"%.0s} %lld\n",
                m->name,
                i,
                channel_names[k],
                (long long)m->get(&of[i], k));
    }
}

void health_peers_metrics(const struct health *h, struct buf *out)
{
    struct peers_status of[VALIDATORS_MAX];

    for (uint32_t i = 0; i < h->set.count; i++)
        of[i] = validator_status(h, i);
    for (size_t i = 0; i < ARRAY_LEN(peer_metrics); i++)
        one_metric(&peer_metrics[i], of, h->set.count, out);
    head(out,
         "clock_offset_millis",
         "gauge",
         "Median of the others\' clocks less ours.");
    add(out,
        "equity_clock_offset_millis %lld\n",
        (long long)h->clock.median_ms);
    head(out,
         "clock_alarm",
         "gauge",
         "1: off by more than 250 ms; 2: proposes "
         "nothing.");
    add(out,
        "equity_clock_alarm %d\n",
        h->clock.behind ? 2
        : h->clock.off  ? 1
                        : 0);
}
