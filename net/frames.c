#include "base/check.h"
#include "base/log.h"
#include "base/num.h"
#include "net/conn.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <sys/socket.h>

/* What goes over a connection: frames out by urgency, frames in by turns. */

enum {
    FRAMES_PER_TURN = 32,
    IN_HIGH = 128 << 10, /* read ahead, beyond the frame under way */
    IN_HIGH_HELLO = 2048,
    OUT_HIGH_CONSENSUS = 64 << 10, /* given to the socket's buffer at once */
    OUT_HIGH_BULK = 128 << 10,
    RATE_PAUSE_MS = 50,
    PONG_BYTES = 24,
    PING_BYTES = 16,
    REFUSED_BYTES = 5,
    RTT_US_MAX = 60000000,
};

/* ---- out ---- */

static size_t out_high(const struct conn *c)
{
    return c->channel == CHANNEL_BULK ? OUT_HIGH_BULK : OUT_HIGH_CONSENSUS;
}

size_t conn_queued(const struct conn *c)
{
    return queue_bytes(&c->out) +
           evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void fill(struct conn *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);

    if (c->leaving && queue_bytes_of(&c->out, CLASS_VOTE) == 0)
        return; /* its last frame is on the way */
    if (evbuffer_get_length(out) < out_high(c) / 2 + 1)
        queue_move(&c->out, out, out_high(c));
    if ((c->paused & PAUSE_QUEUE) != 0 &&
        conn_queued(c) <= PEERS_OUT_BULK_MAX / 2)
        conn_pause(c, PAUSE_QUEUE, false);
}

void conn_on_write(struct bufferevent *bev, void *ctx)
{
    struct conn *c = ctx;

    fill(c);
    if (c->leaving && conn_queued(c) == 0)
        shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static size_t class_max(const struct conn *c, uint8_t class)
{
    if (c->channel == CHANNEL_CONSENSUS)
        return PEERS_OUT_CONSENSUS_MAX;
    return class == CLASS_SYNC     ? PEERS_OUT_SYNC_MAX
           : class == CLASS_GOSSIP ? PEERS_OUT_GOSSIP_MAX
                                   : PEERS_OUT_BULK_MAX;
}

enum err conn_send(struct conn *c,
                   uint8_t class,
                   uint8_t type,
                   struct bytes payload)
{
    const size_t size = FRAME_HEADER_BYTES + payload.size;
    const size_t most = class_max(c, CLASS_BODY); /* of all classes together */
    enum err e;

    if (queue_bytes_of(&c->out, class) + size > class_max(c, class))
        return ERR_FULL;
    if (conn_queued(c) + size > most) {
        if (c->channel == CHANNEL_BULK)
            conn_pause(c, PAUSE_QUEUE, true);
        return ERR_FULL;
    }
    e = queue_put(&c->out, class, type, payload);
    if (e != ERR_NONE)
        return e;
    if (c->index >= 0)
        c->peers->peer[c->index].bytes_out += size;
    fill(c);
    return ERR_NONE;
}

void conn_ping(struct conn *c, uint64_t now_us)
{
    uint8_t payload[PING_BYTES];
    struct writer w = writer_of(payload, sizeof payload);

    writer_u64(&w, now_us);
    writer_u64(&w, net_wall_ms());
    (void)conn_send(c, CLASS_VOTE, FRAME_PING, writer_bytes(&w));
}

/* ---- pauses ---- */

void conn_pause(struct conn *c, unsigned why, bool on)
{
    const unsigned before = c->paused;

    c->paused = on ? before | why : before & ~why;
    if (before == 0 && c->paused != 0) {
        bufferevent_disable(c->bev, EV_READ);
    } else if (before != 0 && c->paused == 0) {
        c->heard_ms = net_now_ms(); /* its silence was our doing */
        bufferevent_enable(c->bev, EV_READ);
        bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    }
}

void conn_on_resume(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    conn_pause(ctx, PAUSE_RATE, false);
}

static bool slow_down(struct conn *c)
{
    static const struct timeval t = {0, RATE_PAUSE_MS * 1000};

    if (bucket_take(&c->frames, 1, net_now_ms()))
        return false;
    conn_pause(c, PAUSE_RATE, true);
    event_add(c->resume, &t);
    return true;
}

/* ---- in ---- */

static void take_ping(struct conn *c, struct bytes payload)
{
    uint8_t reply[PONG_BYTES];
    struct writer w = writer_of(reply, sizeof reply);

    writer_copy(&w, payload.at, payload.size);
    writer_u64(&w, net_wall_ms());
    (void)conn_send(c, CLASS_VOTE, FRAME_PONG, writer_bytes(&w));
}

/* False: the connection is gone. */
static bool take_pong(struct conn *c, struct bytes payload)
{
    struct peer *peer = &c->peers->peer[c->index];
    struct reader r = reader_of(payload);
    const uint64_t sent_us = reader_u64(&r);
    const uint64_t unused = reader_u64(&r);
    const uint64_t peer_wall_ms = reader_u64(&r);
    const uint64_t now_us = net_now_us();

    (void)unused; /* our own wall clock, which may have jumped meanwhile */
    if (sent_us > now_us || now_us - sent_us > RTT_US_MAX)
        return true;
    peer->rtt_us = now_us - sent_us;
    skew_note(&peer->skew, peer->rtt_us, peer_wall_ms, now_us / 1000);
    return net_alive(c, sent_us);
}

static void take_refusal(struct conn *c, struct bytes payload)
{
    struct peer *peer = &c->peers->peer[c->index];
    struct dialler *d = &peer->dialler[c->channel];
    struct reader r = reader_of(payload);
    const uint8_t code = reader_u8(&r);
    const uint64_t wait_ms = num_min_u64(reader_u32(&r), SCORE_BAN_MS_MAX);
    const char *why = net_refusal_text(code);

    snprintf(peer->refuses_us, sizeof peer->refuses_us, "%s", why);
    if (code == REFUSED_TWICE) {
        peer->twice++;
        log_broken("net",
                   "another process speaks with this validator's identity: "
                   "stop one of the two",
                   "told_by=%d channel=%u",
                   c->index,
                   c->channel);
    } else {
        log_unusual("net",
                    "a validator sends us away",
                    "peer=%d channel=%u reason=\"%s\" ms=%llu",
                    c->index,
                    c->channel,
                    why,
                    (unsigned long long)wait_ms);
    }
    d->not_before_ms = num_max_u64(d->not_before_ms, net_now_ms() + wait_ms);
    conn_close(c, NULL);
}

/* The type's place in the table; -1: not a type of this connection. */
static int find_type(const struct conn *c, uint8_t type)
{
    const struct peers_config *p = &c->peers->config;

    for (uint32_t i = 0; c->up && i < p->type_count; i++) {
        if (p->types[i].type == type && p->types[i].channel == c->channel)
            return (int)i;
    }
    return -1;
}

/* The largest payload of a type on this connection. */
static bool limit_of(const struct conn *c, uint8_t type, uint32_t *limit)
{
    const int i = find_type(c, type);

    *limit = i >= 0                ? c->peers->config.types[i].bytes_max
             : type == FRAME_HELLO ? HELLO_BYTES_MAX
             : type == FRAME_PING  ? PING_BYTES
             : type == FRAME_PONG  ? PONG_BYTES
                                   : REFUSED_BYTES;
    if (i >= 0)
        return true;
    /* Who answers our call has shown its pinned key: its refusal counts. */
    if (type == FRAME_REFUSED)
        return c->up || c->dialled;
    return c->up ? type == FRAME_PING || type == FRAME_PONG
                 : type == FRAME_HELLO;
}

/* False: the connection is gone. */
static bool take_own_frame(struct conn *c, uint8_t type, struct bytes payload)
{
    uint32_t size = 0;

    (void)limit_of(c, type, &size);
    if (payload.size != size) {
        conn_fault(c, "malformed ping or refusal");
        return false;
    }
    if (type == FRAME_REFUSED) {
        take_refusal(c, payload);
        return false;
    }
    if (type == FRAME_PONG)
        return take_pong(c, payload);
    take_ping(c, payload);
    return true;
}

/* False: the connection is gone. */
static bool take_frame(struct conn *c, uint8_t type, struct bytes payload)
{
    struct peers *p = c->peers;
    const int at = find_type(c, type);
    const int index = c->index;
    const uint8_t channel = c->channel;
    struct peer *peer;

    c->heard_ms = net_now_ms();
    if (index >= 0)
        p->peer[index].bytes_in += payload.size + FRAME_HEADER_BYTES;
    if (type == FRAME_HELLO)
        return conn_take_hello(c, payload); /* up now, or it waits paused */
    if (at < 0)
        return take_own_frame(c, type, payload);
    peer = &p->peer[index];
    if (p->config.types[at].per_s > 0 &&
        !bucket_take(&peer->rate[at], 1, c->heard_ms)) {
        peer->dropped++;
        return true;
    }
    p->callbacks.on_frame(
        p->callbacks.ctx, (uint8_t)index, channel, type, payload);
    return peer->conn[channel] == c; /* it may have been closed */
}

enum step {
    STEP_MORE, /* a frame was taken */
    STEP_WAIT, /* none is complete, or none may be read now */
    STEP_GONE,
};

static enum step read_frame(struct conn *c, struct evbuffer *in)
{
    uint8_t head[FRAME_HEADER_BYTES];
    struct reader r = reader_of(bytes_of(head, sizeof head));
    const size_t high = c->up ? IN_HIGH : IN_HIGH_HELLO;
    const uint8_t *at;
    uint32_t limit;
    size_t size;

    bufferevent_setwatermark(c->bev, EV_READ, 0, high);
    if (evbuffer_copyout(in, head, sizeof head) < (ev_ssize_t)sizeof head)
        return STEP_WAIT;
    size = reader_u32(&r);
    if (head[5] != FRAME_VERSION || !limit_of(c, head[4], &limit)) {
        conn_fault(c,
                   c->up ? "unknown frame type or version"
                         : "garbage instead of HELLO");
        return STEP_GONE;
    }
    if (size > limit) {
        conn_fault(c, "frame is longer than its type allows");
        return STEP_GONE;
    }
    size += sizeof head;
    if (evbuffer_get_length(in) < size) {
        bufferevent_setwatermark(
            c->bev, EV_READ, size, size > high ? size : high);
        return STEP_WAIT;
    }
    if (slow_down(c))
        return STEP_WAIT;
    at = evbuffer_pullup(in, (ev_ssize_t)size);
    if (at == NULL) {
        conn_close(c, NULL);
        return STEP_GONE;
    }
    if (!take_frame(c, head[4], bytes_of(at + sizeof head, size - sizeof head)))
        return STEP_GONE;
    evbuffer_drain(in, size);
    return STEP_MORE;
}

/* The libraries count priorities from the most urgent. */
static void place(struct conn *c)
{
    if (c->placed || !c->up || c->channel != CHANNEL_CONSENSUS)
        return;
    c->placed = bufferevent_priority_set(c->bev, 0) == 0;
}

void conn_on_read(struct bufferevent *bev, void *ctx)
{
    struct conn *c = ctx;
    struct evbuffer *in = bufferevent_get_input(bev);

    if (c->leaving) {
        evbuffer_drain(in, evbuffer_get_length(in));
        return;
    }
    for (int turn = 0; turn < FRAMES_PER_TURN; turn++) {
        if (c->paused != 0)
            return;
        switch (read_frame(c, in)) {
        case STEP_MORE:
            break;
        case STEP_WAIT:
            place(c);
            return;
        case STEP_GONE:
            return;
        }
    }
    bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}
