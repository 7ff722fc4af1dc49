/* Fetching single blocks, and block sync for a node that was away.  A height
 * counts only with its certificate; every block is executed here. */
#include "base/check.h"
#include "base/log.h"
#include "node/node.h"

#include <stdlib.h>

static bool up(const struct node *n, uint8_t index)
{
    struct peers_status s;

    peers_status(n->peers, &s, index);
    return s.up[CHANNEL_BULK];
}

/* The next validator after *last whose bulk connection is up. */
static bool next_peer(const struct node *n, uint8_t *last)
{
    for (uint32_t i = 1; i <= n->set.count; i++) {
        const uint8_t at = (uint8_t)((*last + i) % n->set.count);

        if ((int)at != n->me && up(n, at)) {
            *last = at;
            return true;
        }
    }
    return false;
}

void fetch_want(struct node *n, const struct hash *block)
{
    if (next_peer(n, &n->fetch_peer))
        (void)peers_send(n->peers,
                         n->fetch_peer,
                         CHANNEL_BULK,
                         MSG_GET_BLOCK,
                         bytes_of(block->raw, HASH_BYTES));
}

void sync_want(struct node *n, uint64_t to_height)
{
    uint8_t buf[16];
    struct writer w = writer_of(buf, sizeof buf);
    const uint64_t now = node_now_ms();

    if (now < n->sync_until_ms && n->sync_next > n->tip.height)
        return; /* asked, and blocks keep coming */
    if (!next_peer(n, &n->sync_peer))
        return;
    n->sync_target = to_height;
    n->sync_next = n->tip.height + 1;
    n->sync_until_ms = now + 1000;
    writer_u64(&w, n->sync_next);
    writer_u64(&w, to_height);
    (void)peers_send(
        n->peers, n->sync_peer, CHANNEL_BULK, MSG_SYNC_GET, writer_bytes(&w));
    log_info("sync",
             "asking for blocks",
             "from=%llu to=%llu peer=%u",
             (unsigned long long)n->sync_next,
             (unsigned long long)to_height,
             n->sync_peer);
}

/* A window of blocks for a peer, read on the reader thread. */
struct serve_task {
    struct task task;
    struct node *node;
    uint8_t to;
    uint64_t from;
    uint32_t count; /* asked for; then read */
    struct buf blocks[SYNC_WINDOW];
};

static bool read_one(struct node *n, struct buf *out, uint64_t height)
{
    struct store_value header = {0};
    struct store_value cert = {0};
    struct store_value body = {0};
    const bool ok =
        store_get_block(&header, n->store, height, STORE_HEADER) == ERR_NONE &&
        store_get_block(&cert, n->store, height, STORE_CERT) == ERR_NONE &&
        store_get_block(&body, n->store, height, STORE_BODY) == ERR_NONE;

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

    while (i < t->count && read_one(t->node, &t->blocks[i], t->from + i))
        i++;
    t->count = i;
}

static void serve_done(struct task *task)
{
    struct serve_task *t = (struct serve_task *)(void *)task;
    struct node *n = t->node;
    bool ok = !n->stopping;

    n->serving &= ~((uint64_t)1 << t->to);
    for (uint32_t i = 0; i < SYNC_WINDOW; i++) {
        ok = ok && i < t->count &&
             peers_send(n->peers,
                        t->to,
                        CHANNEL_BULK,
                        MSG_SYNC_BLOCK,
                        buf_bytes(&t->blocks[i])) == ERR_NONE;
        buf_deinit(&t->blocks[i]);
    }
    free(t);
}

/* One window at a time for a peer: 22 bytes that cost 48 reads are not to be
 * had faster than they are served. */
void sync_serve(struct node *n, uint8_t peer, struct bytes payload)
{
    struct reader r = reader_of(payload);
    const uint64_t from = reader_u64(&r);
    const uint64_t to = reader_u64(&r);
    struct serve_task *t;
    uint64_t last;

    if (reader_finish(&r) != ERR_NONE || from == 0 || from > to) {
        peers_misbehaved(n->peers, peer, CHANNEL_BULK, "malformed request");
        return;
    }
    last = to < n->durable_height ? to : n->durable_height;
    if (from > last || (n->serving >> peer & 1) != 0)
        return;
    n->serving |= (uint64_t)1 << peer;
    t = calloc(1, sizeof *t);
    ASSERT(t != NULL);
    t->task.run = run_serve;
    t->task.done = serve_done;
    t->node = n;
    t->to = peer;
    t->from = from;
    t->count =
        last - from < SYNC_WINDOW ? (uint32_t)(last - from + 1) : SYNC_WINDOW;
    pool_submit(n->reader, &t->task);
}

void sync_take(struct node *n, uint8_t peer, struct bytes payload)
{
    struct bytes header;
    struct bytes body;
    struct cert cert;
    struct header h;
    struct hash hash;
    struct block_entry *b;

    if (msg_sync_block_decode(&header, &cert, &body, payload) != ERR_NONE ||
        header_decode(&h, header) != ERR_NONE) {
        peers_misbehaved(n->peers, peer, CHANNEL_BULK, "malformed sync block");
        return;
    }
    if (h.height <= n->tip.height || h.height != n->sync_next ||
        h.height > n->sync_target)
        return; /* not asked for, or here by another way */
    hash = header_hash(&h);
    if (cert.kind != VOTE_FINALIZE || cert.about.height != h.height ||
        !hash_eq(&cert.about.block, &hash) || cert.epoch != h.epoch ||
        cert_check(&cert, &n->domain) != ERR_NONE) {
        peers_misbehaved(n->peers,
                         peer,
                         CHANNEL_BULK,
                         "a sync block without its certificate");
        return;
    }
    b = block_entry_add(n, &h, header);
    if (b == NULL || b->commit_wanted)
        return;
    if (!block_entry_set_body(b, body)) {
        peers_misbehaved(
            n->peers, peer, CHANNEL_BULK, "a body that is not the header's");
        return;
    }
    n->sync_next++;
    n->sync_until_ms = node_now_ms() + 1000;
    commit_block(n, b, &cert);
}
