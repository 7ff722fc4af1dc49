/* In the place of net/peers.c, the part that the driver relies on: slots by
 * key, two channels to each in order, limits of what waits, rates by type, and
 * misbehaviour that closes a channel for a while. */
#include "tests/whole/whole_links.h"

#include "base/check.h"
#include "net/skew.h"

enum err peers_new(struct peers **out,
                   const struct peers_config *config,
                   const struct peers_callbacks *callbacks)
{
    struct peers *p = calloc(1, sizeof *p);

    ASSERT(p != NULL && whole.now != NULL);
    p->w = whole.now;
    p->config = *config;
    p->callbacks = *callbacks;
    p->w->peers = p;
    *out = p;
    return ERR_NONE;
}

void peers_free(struct peers *p)
{
    if (p == NULL)
        return;
    p->closing = true;
    net_lost(p->w);
    for (int i = 0; i < PEERS_MAX; i++) {
        for (int k = 0; k < CHANNELS; k++) {
            struct side *s = &p->peer[i].side[k];

            if (s->held != NULL)
                link_drop(&s->held, &s->held_last);
        }
    }
    p->w->peers = NULL;
    free(p);
}

uint16_t peers_port(const struct peers *p)
{
    (void)p;
    return 0;
}

int peers_find(const struct peers *p, const struct pubkey *key)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        if (p->peer[i].known &&
            memcmp(&p->peer[i].is.key, key, sizeof *key) == 0)
            return i;
    }
    return -1;
}

static void meet(struct peers *p, const struct peers_identity *id)
{
    struct peer *peer = p->peer;

    while (peer->known)
        peer++;
    *peer =
        (struct peer){.known = true, .is = *id, .node = link_node(&id->key)};
    peer->self = memcmp(&id->key, &p->config.self, sizeof id->key) == 0;
    for (int k = 0; k < CHANNELS; k++) {
        struct side *s = &peer->side[k];

        s->held_last = &s->held;
        for (uint32_t t = 0; t < p->config.type_count; t++) {
            const uint32_t per_s = p->config.types[t].per_s;

            if (per_s > 0)
                s->rate[t] = bucket_of(per_s, 2 * per_s, node_now_ms());
        }
    }
}

void peers_know(struct peers *p,
                const struct peers_identity *list,
                uint32_t count,
                uint64_t epoch,
                enum hello_role role)
{
    (void)epoch;
    (void)role;
    for (int i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &p->peer[i];
        bool stays = false;

        for (uint32_t k = 0; k < count; k++)
            stays =
                stays ||
                memcmp(&list[k].key, &peer->is.key, sizeof peer->is.key) == 0;
        if (!peer->known || stays)
            continue;
        for (uint8_t k = 0; peer->node >= 0 && k < CHANNELS; k++)
            link_close(p->w->index, peer->node, k, true);
        peer->known = false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (peers_find(p, &list[i].key) < 0)
            meet(p, &list[i]);
    }
}

const struct pubkey *peers_key(const struct peers *p, uint8_t slot)
{
    const struct peer *peer = &p->peer[slot];

    return peer->known && !peer->self ? &peer->is.key : NULL;
}

bool peers_is_up(const struct peers *p, uint8_t slot, uint8_t channel)
{
    return p->peer[slot].side[channel].generation != 0;
}

bool peers_is_source(const struct peers *p, uint8_t slot)
{
    (void)p;
    (void)slot;
    return false;
}

static bool has_room(const struct way *way,
                     uint8_t channel,
                     uint8_t class,
                     size_t size)
{
    size_t all = size;

    for (int c = 0; c < CLASSES; c++)
        all += way->queued[c];
    if (channel == CHANNEL_CONSENSUS)
        return all <= PEERS_OUT_CONSENSUS_MAX;
    return all <= PEERS_OUT_BULK_MAX &&
           (class != CLASS_SYNC ||
            way->queued[class] + size <= PEERS_OUT_SYNC_MAX) &&
           (class != CLASS_GOSSIP ||
            way->queued[class] + size <= PEERS_OUT_GOSSIP_MAX);
}

enum err peers_send(struct peers *p,
                    uint8_t slot,
                    uint8_t channel,
                    uint8_t type,
                    struct bytes payload)
{
    struct whole_node *w = p->w;
    const struct peer *peer = &p->peer[slot];
    const int at = link_type(p, channel, type);

    ASSERT(at >= 0);
    if (peer->side[channel].generation == 0 || node_is_dead(w))
        return ERR_NETWORK;
    if (!has_room(link_way(w->index, peer->node, channel),
                  channel,
                  p->config.types[at].class,
                  payload.size)) {
        if (channel == CHANNEL_CONSENSUS)
            link_close(w->index, peer->node, channel, true);
        return ERR_FULL;
    }
    if (w->index == whole.byz) {
        byz_send(w, peer->node, channel, type, payload);
        return ERR_NONE;
    }
    check_sent(w, type, payload);
    net_transmit(w, peer->node, channel, type, payload);
    return ERR_NONE;
}

void peers_misbehaved(struct peers *p,
                      uint8_t slot,
                      uint8_t channel,
                      const char *reason)
{
    struct peer *peer = &p->peer[slot];

    if (node_is_dead(p->w))
        return;
    whole_tell("node %d blames %d: %s", p->w->index, peer->node, reason);
    if (p->w->index != whole.byz && peer->node != whole.byz)
        whole_fail(
            "W7 node %d blames node %d: %s", p->w->index, peer->node, reason);
    /* score.h: bulk is kept out for longer than consensus. */
    peer->side[channel].barred_us =
        whole.us +
        (uint64_t)(channel == CHANNEL_BULK ? SCORE_BAN_MS : SCORE_PAUSE_MS) *
            1000;
    link_close(p->w->index, peer->node, channel, true);
}

void peers_drop(struct peers *p,
                uint8_t slot,
                uint8_t channel,
                const char *reason)
{
    whole_tell("node %d drops %d: %s", p->w->index, p->peer[slot].node, reason);
    if (!node_is_dead(p->w))
        link_close(p->w->index, p->peer[slot].node, channel, true);
}

/* What was held is taken, unless it is paused again. */
static void on_resume(void *arg)
{
    struct about *c = arg;
    struct side *s = link_side(c->node, c->other, c->channel);
    struct frame *f = s != NULL ? s->held : NULL;

    free(c);
    if (s == NULL || s->paused || f == NULL)
        return;
    s->held = NULL;
    s->held_last = &s->held;
    while (f != NULL) {
        struct frame *next = f->next;

        link_take(f); /* back among the held if it is paused again */
        f = next;
    }
}

void peers_pause(struct peers *p, uint8_t slot, uint8_t channel, bool on)
{
    struct peer *peer = &p->peer[slot];
    struct side *s = &peer->side[channel];
    struct item *i;

    if (s->generation == 0 || s->paused == on)
        return;
    s->paused = on;
    if (on || s->held == NULL)
        return;
    i = item_at(whole_soon(p->w, 1),
                p->w->index,
                on_resume,
                link_about(p->w->index, peer->node, channel, 0));
    i->drop = free;
}

size_t peers_queued(const struct peers *p,
                    uint8_t slot,
                    uint8_t channel,
                    uint8_t class)
{
    const struct peer *peer = &p->peer[slot];

    return peer->side[channel].generation != 0
               ? link_way(p->w->index, peer->node, channel)->queued[class]
               : 0;
}

void peers_status(const struct peers *p, struct peers_status *out, uint8_t slot)
{
    const struct peer *peer = &p->peer[slot];

    memset(out, 0, sizeof *out);
    out->known = peer->known && !peer->self;
    out->key = peer->is.key;
    for (uint8_t k = 0; k < CHANNELS; k++)
        out->up[k] = peer->side[k].generation != 0;
}

const char *peers_last_refusal(const struct peers *p)
{
    (void)p;
    return "";
}

/* As exact as it can be; skew.h's own tests have the measuring. */
struct peers_clock peers_clock(const struct peers *p)
{
    struct peers_clock out = {0};
    int64_t ahead[WHOLE_NODES];

    for (int i = 0; i < PEERS_MAX; i++) {
        const struct peer *peer = &p->peer[i];

        if (peer->known && peer->node >= 0 &&
            peer->side[CHANNEL_CONSENSUS].generation != 0)
            ahead[out.measured++] =
                whole.node[peer->node].wall_ms - p->w->wall_ms;
    }
    out.median_ms = skew_median(ahead, out.measured);
    if (out.measured <= valset_faulty(whole.nodes))
        return out;
    out.off = out.median_ms > SKEW_ALARM_MS || out.median_ms < -SKEW_ALARM_MS;
    out.behind = out.median_ms > SKEW_JUMP_MS;
    return out;
}
