/* Blocks for a peer that was away, from the log, on the reader thread: a slice
 * at a time, so that clients' reads come between; no faster than its budget,
 * and than it reads. */
#include "base/check.h"
#include "base/num.h"
#include "node/sync.h"

#include <stdlib.h>

enum {
    SLICE_BLOCKS = 32,
    SLICE_BYTES = 256 << 10,
    QUEUED_MAX = 1 << 20, /* not sent yet: the next slice waits */
};

struct serve_task {
    struct task task;
    struct node *node;
    uint8_t to;
    uint32_t generation;
    uint64_t from;
    uint32_t count;   /* asked for; then read */
    size_t bytes_max; /* the block that reaches it is the last */
    size_t bytes;
    struct buf blocks[SLICE_BLOCKS];
};

bool sync_read_block(struct store *s, struct buf *out, uint64_t height)
{
    struct store_value header = {0};
    struct store_value cert = {0};
    struct store_value body = {0};
    const bool ok =
        store_get_block(&header, s, height, STORE_HEADER) == ERR_NONE &&
        store_get_block(&cert, s, height, STORE_CERT) == ERR_NONE &&
        store_get_block(&body, s, height, STORE_BODY) == ERR_NONE;

    if (ok) {
        struct writer w;

        buf_append(out, NULL, 12 + header.size + cert.size + body.size);
        w = writer_of(out->at, out->size);
        msg_sync_block_encode(&w,
                              bytes_of(header.at, header.size),
                              bytes_of(cert.at, cert.size),
                              bytes_of(body.at, body.size));
        out->size = w.size;
    }
    store_value_free(&header);
    store_value_free(&cert);
    store_value_free(&body);
    return ok;
}

static void run_serve(struct task *task)
{
    struct serve_task *t = (struct serve_task *)(void *)task;
    uint32_t i = 0;

    while (i < t->count && t->bytes < t->bytes_max &&
           sync_read_block(t->node->store, &t->blocks[i], t->from + i))
        t->bytes += t->blocks[i++].size;
    t->count = i;
}

static void send_end(struct node *n, uint8_t to, uint64_t from, uint64_t next)
{
    const struct msg_range r = {from, next};
    uint8_t buf[16];
    struct writer w = writer_of(buf, sizeof buf);

    msg_range_encode(&w, &r);
    (void)peers_send(
        n->peers, to, CHANNEL_BULK, MSG_SYNC_END, writer_bytes(&w));
}

static void serve_done(struct task *task)
{
    struct serve_task *t = (struct serve_task *)(void *)task;
    struct node *n = t->node;
    struct sync_serving *s = &n->serving[t->to];
    bool ok = !n->stopping && t->generation == s->generation;

    for (uint32_t i = 0; i < SLICE_BLOCKS; i++) {
        ok = ok && i < t->count &&
             peers_send(n->peers,
                        t->to,
                        CHANNEL_BULK,
                        MSG_SYNC_BLOCK,
                        buf_bytes(&t->blocks[i])) == ERR_NONE;
        if (ok)
            s->next++;
        buf_deinit(&t->blocks[i]);
    }
    if (t->generation == s->generation) {
        s->reading = false;
        s->bytes += t->bytes;
        s->broken = s->next < t->from + t->count || t->count == 0;
        (void)!bucket_take(
            &n->served[t->to], (uint32_t)t->bytes, node_now_ms());
        if (!n->stopping)
            sync_serve_more(n, t->to);
    }
    free(t);
}

static void read_slice(struct node *n, uint8_t to)
{
    struct sync_serving *s = &n->serving[to];
    struct serve_task *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    t->task.run = run_serve;
    t->task.done = serve_done;
    t->node = n;
    t->to = to;
    t->generation = s->generation;
    t->from = s->next;
    t->count = (uint32_t)num_min_u64(s->last - s->next + 1, SLICE_BLOCKS);
    t->bytes_max =
        (size_t)num_min_u64(SYNC_WINDOW_BYTES - s->bytes, SLICE_BYTES);
    s->reading = true;
    pool_submit(n->reader, &t->task, LANE_PEERS + (unsigned)to);
}

/* The next window that was asked for; false: none. */
static bool next_window(struct node *n, uint8_t to)
{
    struct sync_serving *s = &n->serving[to];
    const struct msg_range ask = s->asks[0];

    if (s->asked == 0)
        return false;
    s->asked--;
    memmove(s->asks, s->asks + 1, s->asked * sizeof s->asks[0]);
    s->active = true;
    s->broken = false;
    s->bytes = 0;
    s->first = s->next = ask.from;
    s->last = num_min_u64(ask.from + SYNC_WINDOW - 1,
                          num_min_u64(ask.to, n->durable_height));
    return true;
}

/* Within its budget, and what it has not read yet. */
static bool may_serve(struct node *n, uint8_t to)
{
    return bucket_wait_ms(&n->served[to], node_now_ms()) == 0 &&
           peers_queued(n->peers, to, CHANNEL_BULK, CLASS_SYNC) <= QUEUED_MAX;
}

void sync_serve_more(struct node *n, uint8_t to)
{
    struct sync_serving *s = &n->serving[to];

    while (!s->reading && (s->active || next_window(n, to))) {
        if (s->next > s->last || s->bytes >= SYNC_WINDOW_BYTES || s->broken) {
            send_end(n, to, s->first, s->next);
            s->active = false;
        } else if (may_serve(n, to)) {
            read_slice(n, to);
        } else {
            return; /* a tick looks again */
        }
    }
}

void sync_serve_tick(struct node *n)
{
    for (uint8_t i = 0; i < PEERS_MAX; i++)
        sync_serve_more(n, i);
}

void sync_serve(struct node *n, uint8_t peer, struct bytes payload)
{
    struct sync_serving *s = &n->serving[peer];
    struct msg_range ask;

    if (msg_range_decode(&ask, payload) != ERR_NONE) {
        peers_misbehaved(n->peers, peer, CHANNEL_BULK, "malformed request");
        return;
    }
    if (s->asked == ARRAY_LEN(s->asks))
        return; /* more than two windows at once: it asks again */
    s->asks[s->asked++] = ask;
    sync_serve_more(n, peer);
}

void sync_serve_reset(struct node *n, uint8_t peer)
{
    struct sync_serving *s = &n->serving[peer];

    *s = (struct sync_serving){.generation = s->generation + 1};
}
