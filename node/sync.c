/* Fetching single blocks, and block sync for a node that was away.  A height
 * counts only with its certificate; every block is executed here.
 *
 * The certificates are of the epoch under way: what is asked for ends with a
 * block that is final by one of it, so at the latest with its last block.  Once
 * that is applied, what ended the next epoch is learned, and so on. */
#include "base/check.h"
#include "base/log.h"
#include "node/node.h"

#include <stdlib.h>

enum {
    /* Between two requests of one kind to one peer: what the other side serves
     * of them, and a little more. */
    VALIDATOR_PAUSE_MS = 50,
    OBSERVER_PAUSE_MS = 500,
    PAUSE_MARGIN_MS = 20,
};

/* Validators have every final block; so has who speaks of a later epoch, and
 * only certificates say whether it is true. */
static bool may_have(const struct node *n, uint8_t slot)
{
    return peers_is_up(n->peers, slot, CHANNEL_BULK) &&
           (link_is_validator(n, slot) || peers_is_source(n->peers, slot));
}

static bool may_ask(const struct node *n, uint8_t slot, uint64_t now)
{
    const uint32_t pause = n->me >= 0 ? VALIDATOR_PAUSE_MS : OBSERVER_PAUSE_MS;

    return may_have(n, slot) &&
           now >= n->asked_ms[slot] + pause + PAUSE_MARGIN_MS;
}

/* The next slot after *last that has blocks, and may be asked now. */
static bool next_peer(struct node *n, uint8_t *last)
{
    const uint64_t now = node_now_ms();

    for (uint32_t i = 1; i <= PEERS_MAX; i++) {
        const uint8_t at = (uint8_t)((*last + i) % PEERS_MAX);

        if (may_ask(n, at, now)) {
            *last = at;
            n->asked_ms[at] = now;
            return true;
        }
    }
    return false;
}

/* Who only observes asks for final blocks, by height. */
void fetch_want(struct node *n, const struct hash *block)
{
    if (n->me < 0)
        sync_want(n, n->core->fin.height);
    else if (next_peer(n, &n->fetch_peer))
        (void)peers_send(n->peers,
                         n->fetch_peer,
                         CHANNEL_BULK,
                         MSG_GET_BLOCK,
                         bytes_of(block->raw, HASH_BYTES));
}

/* A window from sync_next on, of the next peer. */
static void ask(struct node *n)
{
    uint8_t buf[16];
    struct writer w = writer_of(buf, sizeof buf);

    n->sync_due = !next_peer(n, &n->sync_peer);
    if (n->sync_due)
        return; /* at the next tick */
    n->sync_until_ms = node_now_ms() + 1000;
    n->sync_window_end = n->sync_target - n->sync_next < SYNC_WINDOW
                             ? n->sync_target
                             : n->sync_next + SYNC_WINDOW - 1;
    writer_u64(&w, n->sync_next);
    writer_u64(&w, n->sync_target);
    (void)peers_send(
        n->peers, n->sync_peer, CHANNEL_BULK, MSG_SYNC_GET, writer_bytes(&w));
    log_info("sync",
             "asking for blocks",
             "from=%llu to=%llu peer=%u",
             (unsigned long long)n->sync_next,
             (unsigned long long)n->sync_target,
             n->sync_peer);
}

void sync_tick(struct node *n)
{
    if (n->sync_due)
        ask(n);
}

void sync_want(struct node *n, uint64_t to_height)
{
    if (to_height <= n->tip.height ||
        (node_now_ms() < n->sync_until_ms && n->sync_next > n->tip.height))
        return; /* asked, and blocks keep coming */
    /* What will be committed is final by a certificate in the journal: it is on
     * disk before the blocks are, so that the journal is never the older. */
    if (journal_sync(n->journal) != ERR_NONE)
        return; /* the next sync of the loop tells, and stops the node */
    n->sync_target = to_height;
    n->sync_next = n->tip.height + 1;
    ask(n);
}

/* A window of blocks for a peer, read on the reader thread. */
struct serve_task {
    struct task task;
    struct node *node;
    uint8_t to; /* slot */
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

bool sync_may_serve(struct node *n, uint8_t slot, enum sync_service what)
{
    const uint64_t now = node_now_ms();

    if (link_is_validator(n, slot))
        return true; /* net/ has its rates */
    if (now < n->served_ms[what][slot] + OBSERVER_PAUSE_MS)
        return false;
    n->served_ms[what][slot] = now;
    return true;
}

/* One window at a time for a peer: 22 bytes that cost 48 reads are not to be
 * had faster than they are served. */
void sync_serve(struct node *n, uint8_t slot, struct bytes payload)
{
    struct reader r = reader_of(payload);
    const uint64_t from = reader_u64(&r);
    const uint64_t to = reader_u64(&r);
    struct serve_task *t;
    uint64_t last;

    if (reader_finish(&r) != ERR_NONE || from == 0 || from > to) {
        peers_misbehaved(n->peers, slot, CHANNEL_BULK, "malformed request");
        return;
    }
    last = to < n->durable_height ? to : n->durable_height;
    if (from > last || (n->serving >> slot & 1) != 0 ||
        !sync_may_serve(n, slot, SYNC_WINDOWS))
        return;
    n->serving |= (uint64_t)1 << slot;
    t = calloc(1, sizeof *t);
    ASSERT(t != NULL);
    t->task.run = run_serve;
    t->task.done = serve_done;
    t->node = n;
    t->to = slot;
    t->from = from;
    t->count =
        last - from < SYNC_WINDOW ? (uint32_t)(last - from + 1) : SYNC_WINDOW;
    pool_submit(n->reader, &t->task);
}

/* The next window comes while this one is executed; what has become final
 * meanwhile belongs to it. */
static void go_on(struct node *n)
{
    const uint64_t final = n->core->fin.height;

    if (final > n->sync_target && journal_sync(n->journal) == ERR_NONE)
        n->sync_target = final;
    if (n->sync_next <= n->sync_target)
        ask(n);
}

void sync_take(struct node *n, uint8_t slot, struct bytes payload)
{
    struct bytes header;
    struct bytes body;
    struct cert cert;
    struct header h;
    struct hash hash;
    struct block_entry *b;

    if (msg_sync_block_decode(&header, &cert, &body, payload) != ERR_NONE ||
        header_decode(&h, header) != ERR_NONE) {
        peers_misbehaved(n->peers, slot, CHANNEL_BULK, "malformed sync block");
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
                         slot,
                         CHANNEL_BULK,
                         "a sync block without its certificate");
        return;
    }
    b = block_entry_add(n, &h, header);
    if (b == NULL || b->commit_wanted)
        return;
    if (!block_entry_set_body(b, body)) {
        peers_misbehaved(
            n->peers, slot, CHANNEL_BULK, "a body that is not the header's");
        return;
    }
    n->sync_until_ms = node_now_ms() + 1000;
    n->sync_next++;
    commit_block(n, b, &cert);
    if (h.height == n->sync_window_end)
        go_on(n);
}
