/* The network: links between nodes that delay, stall and break. */
#include "tests/whole/whole_links.h"

#include "base/check.h"

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

struct way *link_way(int from, int to, uint8_t channel)
{
    return &net.way[from][to][channel];
}

/* ---- slots ---- */

int link_node(const struct pubkey *key)
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

struct side *link_side(int node, int other, uint8_t channel)
{
    struct peer *peer = peer_for(whole.node[node].peers, other);

    return peer != NULL ? &peer->side[channel] : NULL;
}

void link_drop(struct frame **list, struct frame ***last)
{
    while (*list != NULL) {
        struct frame *next = (*list)->next;

        free(*list);
        *list = next;
    }
    *last = list;
}

/* ---- connections ---- */

struct about *link_about(int node, int other, uint8_t k, uint64_t g)
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
    link_drop(&s->held, &s->held_last);
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
void link_close(int by, int other, uint8_t k, bool tell)
{
    const uint64_t g = *generation_of(by, other, k);
    struct item *i;

    if (!*open_of(by, other, k))
        return;
    *open_of(by, other, k) = false;
    for (int way = 0; way < 2; way++) {
        struct way *w =
            way == 0 ? &net.way[by][other][k] : &net.way[other][by][k];

        link_drop(&w->stuck, &w->stuck_last);
        memset(w->queued, 0, sizeof w->queued);
    }
    i = item_at(whole_soon(&whole.node[by], delay(by, other)),
                other,
                on_gone,
                link_about(other, by, k, g));
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
    const struct side *x = link_side(a, b, k);
    const struct side *y = link_side(b, a, k);

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
        struct item *i = item_at(at, to, on_up, link_about(to, from, k, g));

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
            link_close(w->index, b, k, false);
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
            link_close(c->node, c->other, k, true);
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
                    link_about(to, from, 0, whole.us));
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
    link_close(a, b, channel, true);
}

/* ---- frames ---- */

/* In the table of types; -1: no such frame. */
int link_type(const struct peers *p, uint8_t channel, uint8_t type)
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
    const int at = link_type(p, f->channel, f->type);
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

void link_take(void *arg)
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
    i = item_at(at, f->to, link_take, f);
    i->drop = free;
}

void net_transmit(struct whole_node *w,
                  int to,
                  uint8_t channel,
                  uint8_t type,
                  struct bytes payload)
{
    struct way *way = &net.way[w->index][to][channel];
    const int at = link_type(w->peers, channel, type);
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
