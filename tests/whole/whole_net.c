/* In the place of net/peers.c: links between nodes that delay, stall and break,
 * and the part of peers.h that the driver relies on: slots by key, two channels
 * each in order, limits of what waits, rates by type, and misbehaviour that
 * closes a channel for a while. */
#include "tests/whole/whole.h"

#include "base/bucket.h"
#include "base/check.h"

#include "net/skew.h"

#include <stdio.h>

struct frame {
    struct frame *next;
    int from, to;
    uint64_t generation;
    uint8_t channel, type, class;
    size_t size;
    uint8_t payload[];
};

/* One end of a channel to another node. */
struct side {
    uint64_t generation; /* of the connection it has; 0: down */
    bool paused;
    struct frame *held, **held_last; /* while paused */
    uint64_t barred_us;              /* it takes no connection before */
    struct bucket rate[PEERS_TYPES_MAX];
};

/* One direction of a channel between two. */
struct way {
    uint64_t last_us;                  /* when the newest frame arrives */
    struct frame *stuck, **stuck_last; /* while it is cut */
    size_t queued[CLASSES];
};

struct peer {
    bool known, self;
    struct peers_identity is;
    int node; /* whose key it is; -1: of nobody here */
    struct side side[CHANNELS];
};

struct peers {
    struct whole_node *w;
    struct peers_config config;
    struct peers_callbacks callbacks;
    bool closing;
    struct peer peer[PEERS_MAX];
};

static struct {
    uint64_t generation[WHOLE_NODES][WHOLE_NODES][CHANNELS]; /* a < b; open */
    bool open[WHOLE_NODES][WHOLE_NODES][CHANNELS];
    struct way way[WHOLE_NODES][WHOLE_NODES][CHANNELS]; /* from, to */
    bool cut[WHOLE_NODES][WHOLE_NODES];
    uint64_t cut_since_us[WHOLE_NODES][WHOLE_NODES];
    uint64_t delay_us[WHOLE_NODES][WHOLE_NODES];
    uint64_t slow_us[WHOLE_NODES][WHOLE_NODES];
    uint64_t generations;
} net;

static uint64_t *generation_of(int a, int b, uint8_t k)
{
    return a < b ? &net.generation[a][b][k] : &net.generation[b][a][k];
}

static bool *open_of(int a, int b, uint8_t k)
{
    return a < b ? &net.open[a][b][k] : &net.open[b][a][k];
}

/* ---- slots ---- */

static int node_of(const struct pubkey *key)
{
    for (uint32_t i = 0; i < whole.nodes; i++) {
        if (memcmp(&whole.base->publics[i], key, sizeof *key) == 0)
            return (int)i;
    }
    return -1;
}

static struct peer *peer_for(struct peers *p, int node)
{
    for (int i = 0; p != NULL && i < PEERS_MAX; i++) {
        if (p->peer[i].known && !p->peer[i].self && p->peer[i].node == node)
            return &p->peer[i];
    }
    return NULL;
}

static struct side *side_of(int node, int other, uint8_t channel)
{
    struct peer *peer = peer_for(whole.node[node].peers, other);

    return peer != NULL ? &peer->side[channel] : NULL;
}

static void drop_frames(struct frame **list, struct frame ***last)
{
    while (*list != NULL) {
        struct frame *next = (*list)->next;

        free(*list);
        *list = next;
    }
    *last = list;
}

/* ---- connections ---- */

struct about {
    int node, other;
    uint8_t channel;
    uint64_t generation;
};

static struct about *about_of(int node, int other, uint8_t k, uint64_t g)
{
    struct about *c = calloc(1, sizeof *c);

    ASSERT(c != NULL);
    *c = (struct about){node, other, k, g};
    return c;
}

static uint64_t delay(int from, int to)
{
    const uint64_t base = net.delay_us[from][to] + net.slow_us[from][to];

    return base + whole_draw(&whole.net, 0, base / 2 + 50);
}

/* One end sees that the connection has gone. */
static void end_side(int node, int other, uint8_t k, uint64_t g, bool tell)
{
    struct peers *p = whole.node[node].peers;
    struct peer *peer = peer_for(p, other);
    struct side *s;

    if (peer == NULL || peer->side[k].generation != g)
        return;
    s = &peer->side[k];
    s->generation = 0;
    s->paused = false;
    drop_frames(&s->held, &s->held_last);
    if (tell && !p->closing && !node_is_dead(&whole.node[node]))
        p->callbacks.on_down(p->callbacks.ctx, (uint8_t)(peer - p->peer), k);
}

static void on_gone(void *arg)
{
    struct about *c = arg;

    end_side(c->node, c->other, c->channel, c->generation, true);
    free(c);
}

/* `by` closes; the other hears of it. */
static void close_link(int by, int other, uint8_t k, bool tell)
{
    const uint64_t g = *generation_of(by, other, k);
    struct item *i;

    if (!*open_of(by, other, k))
        return;
    *open_of(by, other, k) = false;
    for (int way = 0; way < 2; way++) {
        struct way *w =
            way == 0 ? &net.way[by][other][k] : &net.way[other][by][k];

        drop_frames(&w->stuck, &w->stuck_last);
        memset(w->queued, 0, sizeof w->queued);
    }
    i = item_at(whole_soon(&whole.node[by], delay(by, other)),
                other,
                on_gone,
                about_of(other, by, k, g));
    i->drop = free;
    end_side(by, other, k, g, tell);
}

static void on_up(void *arg)
{
    struct about *c = arg;
    struct peers *p = whole.node[c->node].peers;
    struct peer *peer = peer_for(p, c->other);

    if (peer != NULL && *open_of(c->node, c->other, c->channel) &&
        *generation_of(c->node, c->other, c->channel) == c->generation) {
        peer->side[c->channel].generation = c->generation;
        p->callbacks.on_up(
            p->callbacks.ctx, (uint8_t)(peer - p->peer), c->channel);
    }
    free(c);
}

static bool can_connect(int a, int b, uint8_t k)
{
    const struct side *x = side_of(a, b, k);
    const struct side *y = side_of(b, a, k);

    return !*open_of(a, b, k) && !net.cut[a][b] && !net.cut[b][a] &&
           whole.node[a].running && whole.node[b].running && x != NULL &&
           y != NULL && x->generation == 0 && y->generation == 0 &&
           x->barred_us <= whole.us && y->barred_us <= whole.us;
}

static void join_up(int a, int b, uint8_t k)
{
    const uint64_t g = ++net.generations;

    *generation_of(a, b, k) = g;
    *open_of(a, b, k) = true;
    for (int way = 0; way < 2; way++) {
        const int from = way == 0 ? a : b;
        const int to = way == 0 ? b : a;
        const uint64_t at = whole.us + 2 * delay(from, to);
        struct item *i = item_at(at, to, on_up, about_of(to, from, k, g));

        i->drop = free;
        net.way[from][to][k].last_us = at;
    }
}

/* Whoever is not connected tries again and again. */
static void on_dial(void *arg)
{
    (void)arg;
    for (int a = 0; a < (int)whole.nodes; a++) {
        for (int b = a + 1; b < (int)whole.nodes; b++) {
            for (uint8_t k = 0; k < CHANNELS; k++) {
                if (can_connect(a, b, k) && whole_draw(&whole.net, 0, 3) == 0)
                    join_up(a, b, k);
            }
        }
    }
    (void)item_at(
        whole.us + whole_draw(&whole.net, 20000, 60000), -1, on_dial, NULL);
}

void net_begin(void)
{
    const uint64_t far = whole_draw(&whole.net, 0, 3) == 0 ? 20000 : 1500;

    memset(&net, 0, sizeof net);
    for (int a = 0; a < WHOLE_NODES; a++) {
        for (int b = 0; b < WHOLE_NODES; b++) {
            net.delay_us[a][b] = whole_draw(&whole.net, 50, far);
            for (int k = 0; k < CHANNELS; k++)
                net.way[a][b][k].stuck_last = &net.way[a][b][k].stuck;
        }
    }
    (void)item_at(whole.us + 1000, -1, on_dial, NULL);
}

void net_lost(struct whole_node *w)
{
    for (int b = 0; b < (int)whole.nodes; b++) {
        for (uint8_t k = 0; b != w->index && k < CHANNELS; k++)
            close_link(w->index, b, k, false);
    }
}

/* ---- faults ---- */

static void forward(struct frame *f);

static void on_silence(void *arg)
{
    const struct about *c = arg;

    if (net.cut[c->other][c->node] &&
        net.cut_since_us[c->other][c->node] == c->generation) {
        for (uint8_t k = 0; k < CHANNELS; k++)
            close_link(c->node, c->other, k, true);
    }
    free(arg);
}

void net_cut(int from, int to, bool cut)
{
    if (net.cut[from][to] == cut)
        return;
    net.cut[from][to] = cut;
    if (cut) {
        struct item *i;

        net.cut_since_us[from][to] = whole.us;
        i = item_at(whole.us + PEERS_SILENT_MS * 1000,
                    to,
                    on_silence,
                    about_of(to, from, 0, whole.us));
        i->drop = free;
        return;
    }
    for (uint8_t k = 0; k < CHANNELS; k++) {
        struct way *w = &net.way[from][to][k];
        struct frame *f = w->stuck;

        w->stuck = NULL;
        w->stuck_last = &w->stuck;
        while (f != NULL) {
            struct frame *next = f->next;

            forward(f);
            f = next;
        }
    }
}

void net_slow(int from, int to, uint64_t us)
{
    net.slow_us[from][to] = us;
}

void net_break(int a, int b, uint8_t channel)
{
    close_link(a, b, channel, true);
}

/* ---- frames ---- */

/* In the table of types; -1: no such frame. */
static int type_of(const struct peers *p, uint8_t channel, uint8_t type)
{
    for (uint32_t i = 0; i < p->config.type_count; i++) {
        if (p->config.types[i].type == type &&
            p->config.types[i].channel == channel)
            return (int)i;
    }
    return -1;
}

static void take(struct peers *p, struct peer *peer, const struct frame *f)
{
    const uint8_t slot = (uint8_t)(peer - p->peer);
    const int at = type_of(p, f->channel, f->type);
    struct side *s = &peer->side[f->channel];

    if (at < 0 || f->size > p->config.types[at].bytes_max) {
        peers_misbehaved(p, slot, f->channel, "unknown frame, or too long");
        return;
    }
    if (p->config.types[at].per_s > 0 &&
        !bucket_take(&s->rate[at], 1, node_now_ms()))
        return;
    p->callbacks.on_frame(p->callbacks.ctx,
                          slot,
                          f->channel,
                          f->type,
                          bytes_of(f->payload, f->size));
}

static void on_frame(void *arg)
{
    struct frame *f = arg;
    struct peers *p = whole.node[f->to].peers;
    struct peer *peer = peer_for(p, f->from);
    struct side *s = peer != NULL ? &peer->side[f->channel] : NULL;

    if (s == NULL || s->generation != f->generation) {
        free(f);
        return;
    }
    if (s->paused) {
        f->next = NULL;
        *s->held_last = f;
        s->held_last = &f->next;
        return;
    }
    net.way[f->from][f->to][f->channel].queued[f->class] -= f->size;
    whole_mix(f->type);
    take(p, peer, f);
    free(f);
}

/* On its way; in order within its channel. */
static void forward(struct frame *f)
{
    struct way *way = &net.way[f->from][f->to][f->channel];
    uint64_t at = whole_soon(&whole.node[f->from], delay(f->from, f->to));
    struct item *i;

    if (at <= way->last_us)
        at = way->last_us + 1;
    way->last_us = at;
    i = item_at(at, f->to, on_frame, f);
    i->drop = free;
}

void net_transmit(struct whole_node *w,
                  int to,
                  uint8_t channel,
                  uint8_t type,
                  struct bytes payload)
{
    struct way *way = &net.way[w->index][to][channel];
    const int at = type_of(w->peers, channel, type);
    struct frame *f;

    if (!*open_of(w->index, to, channel))
        return;
    f = malloc(sizeof *f + payload.size);
    ASSERT(f != NULL);
    *f = (struct frame){
        .from = w->index,
        .to = to,
        .generation = *generation_of(w->index, to, channel),
        .channel = channel,
        .type = type,
        .class = at >= 0 ? w->peers->config.types[at].class : CLASS_VOTE,
        .size = payload.size};
    memcpy(f->payload, payload.at, payload.size);
    way->queued[f->class] += f->size;
    whole.total.frames++;
    whole_mix_bytes(payload.size > 512 ? bytes_of(payload.at, 512) : payload);
    if (net.cut[w->index][to]) {
        *way->stuck_last = f;
        way->stuck_last = &f->next;
        return;
    }
    forward(f);
}

/* ---- what the driver calls ---- */

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
                drop_frames(&s->held, &s->held_last);
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
    *peer = (struct peer){.known = true, .is = *id, .node = node_of(&id->key)};
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
            close_link(p->w->index, peer->node, k, true);
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
    const int at = type_of(p, channel, type);

    ASSERT(at >= 0);
    if (peer->side[channel].generation == 0 || node_is_dead(w))
        return ERR_NETWORK;
    if (!has_room(&net.way[w->index][peer->node][channel],
                  channel,
                  p->config.types[at].class,
                  payload.size)) {
        if (channel == CHANNEL_CONSENSUS)
            close_link(w->index, peer->node, channel, true);
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
    close_link(p->w->index, peer->node, channel, true);
}

void peers_drop(struct peers *p,
                uint8_t slot,
                uint8_t channel,
                const char *reason)
{
    whole_tell("node %d drops %d: %s", p->w->index, p->peer[slot].node, reason);
    if (!node_is_dead(p->w))
        close_link(p->w->index, p->peer[slot].node, channel, true);
}

/* What was held is taken, unless it is paused again. */
static void on_resume(void *arg)
{
    struct about *c = arg;
    struct side *s = side_of(c->node, c->other, c->channel);
    struct frame *f = s != NULL ? s->held : NULL;

    free(c);
    if (s == NULL || s->paused || f == NULL)
        return;
    s->held = NULL;
    s->held_last = &s->held;
    while (f != NULL) {
        struct frame *next = f->next;

        on_frame(f); /* back among the held if it is paused again */
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
                about_of(p->w->index, peer->node, channel, 0));
    i->drop = free;
}

size_t peers_queued(const struct peers *p,
                    uint8_t slot,
                    uint8_t channel,
                    uint8_t class)
{
    const struct peer *peer = &p->peer[slot];

    return peer->side[channel].generation != 0
               ? net.way[p->w->index][peer->node][channel].queued[class]
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
