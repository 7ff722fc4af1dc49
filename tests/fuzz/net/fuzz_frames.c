/* What an authenticated peer may write on a connection, in pieces of any size:
 * whatever it is, frames come whole, of a known type and no longer than it
 * allows, or the connection ends. */
#include "base/check.h"
#include "base/log.h"
#include "net/conn.h"

#include <event2/buffer.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TYPE_A = 11,
    TYPE_B = 12,
    A_MAX = 100,
    B_MAX = 3000,
};

static const struct peers_type types[] = {
    {TYPE_A, CHANNEL_CONSENSUS, A_MAX, CLASS_VOTE, 0},
    {TYPE_B, CHANNEL_CONSENSUS, B_MAX, CLASS_BODY, 50},
    {TYPE_B + 1, CHANNEL_BULK, B_MAX, CLASS_BODY, 0}, /* not this channel's */
};

static struct peers peers;
static size_t taken; /* bytes of frames */
static bool gone;

static void on_frame(void *ctx,
                     uint8_t index,
                     uint8_t channel,
                     uint8_t type,
                     struct bytes payload)
{
    (void)ctx;
    ASSERT(index == 1 && channel == CHANNEL_CONSENSUS);
    ASSERT(type == TYPE_A || type == TYPE_B);
    ASSERT(payload.size <= (type == TYPE_A ? A_MAX : B_MAX));
    taken += FRAME_HEADER_BYTES + payload.size;
}

static void on_down(void *ctx, uint8_t index, uint8_t channel)
{
    (void)ctx;
    (void)index;
    (void)channel;
    gone = true;
}

static void nothing(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx;
}

/* A connection that is up, over a pair of buffers instead of TLS. */
static struct conn *make(struct event_base *base, struct bufferevent **other)
{
    struct conn *c = calloc(1, sizeof *c);
    struct bufferevent *pair[2];
    const int failed =
        bufferevent_pair_new(base, BEV_OPT_DEFER_CALLBACKS, pair);

    ASSERT(c != NULL && failed == 0);
    ASSERT(queue_init(&c->out) == ERR_NONE);
    c->peers = &peers;
    c->bev = pair[0];
    c->deadline = evtimer_new(base, nothing, c);
    c->resume = evtimer_new(base, conn_on_resume, c);
    c->frames = bucket_of(1000000, 1000000, 0);
    c->index = 1;
    c->up = true;
    bufferevent_setcb(c->bev, conn_on_read, conn_on_write, NULL, c);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    bufferevent_enable(pair[1], EV_READ | EV_WRITE);
    peers.all = c;
    peers.peer[1].conn[CHANNEL_CONSENSUS] = c;
    *other = pair[1];
    return c;
}

static void start(struct event_base *base)
{
    memset(&peers, 0, sizeof peers);
    peers.config.base = base;
    /* Nobody is known, so that nobody is dialled again: no timers here. */
    peers.validators = 2;
    peers.config.types = types;
    peers.config.type_count = 3;
    peers.callbacks.on_frame = on_frame;
    peers.callbacks.on_down = on_down;
    peers.refusals_told = bucket_of(1, 1, 0);
    peers.peer[1].rate[1] = bucket_of(50, 100, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event_base *base = event_base_new();
    struct bufferevent *other;
    struct conn *c;
    size_t at = 0;

    ASSERT(base != NULL);
    log_set(LOG_BROKEN_ + 1, 0);
    start(base);
    taken = 0;
    gone = false;
    c = make(base, &other);
    /* Each piece is as long as its first byte says. */
    while (at < size && !gone) {
        size_t piece = (size_t)data[at++] * 16 + 1;

        if (piece > size - at)
            piece = size - at;
        bufferevent_write(other, data + at, piece);
        at += piece;
        for (int i = 0; i < 4; i++)
            event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ASSERT(taken <= size);
    if (!gone)
        conn_close(c, NULL);
    ASSERT(peers.all == NULL);
    bufferevent_free(other);
    event_base_free(base);
    return 0;
}
