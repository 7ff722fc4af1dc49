/* Fetching single blocks, and the windows of block sync: who is asked for what,
 * who answers, who does not. */
#include "node/sync.h"
#include "base/check.h"
#include "base/log.h"
#include "base/num.h"
#include "node/fill.h"

#include <stdlib.h>

/* Validators have every final block; so has who speaks of a later epoch, and
 * only certificates say whether it is true. */
static bool may_have(const struct node *n, uint8_t slot)
{
    return peers_is_up(n->peers, slot, CHANNEL_BULK) &&
           (link_is_validator(n, slot) || peers_is_source(n->peers, slot));
}

static uint32_t others(const struct node *n)
{
    uint32_t count = 0;

    for (uint8_t slot = 0; slot < PEERS_MAX; slot++)
        count += may_have(n, slot) ? 1 : 0;
    return count;
}

/* The next slot after *last that can be asked. */
static bool next_peer(const struct node *n, uint8_t *last)
{
    for (uint32_t i = 1; i <= PEERS_MAX; i++) {
        const uint8_t at = (uint8_t)((*last + i) % PEERS_MAX);

        if (may_have(n, at)) {
            *last = at;
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

void sync_new(struct node *n)
{
    n->sync = calloc(1, sizeof *n->sync);
    ASSERT(n->sync != NULL);
    sync_epoch(n);
    n->sync->ask = n->sync->low = n->tip.height + 1;
}

/* What others serve us depends on what we are. */
void sync_epoch(struct node *n)
{
    const uint32_t asks = n->me >= 0 ? SYNC_ASKS_PER_S : SYNC_ASKS_OBSERVER;

    for (uint32_t i = 0; i < PEERS_MAX; i++)
        n->sync->peers[i].asks = bucket_of(asks, asks, node_now_ms());
}

/* ---- windows ---- */

/* What of a window has not come is asked elsewhere. */
static void close_window(struct node *n, struct sync_window *w)
{
    struct sync *s = n->sync;

    for (uint64_t h = w->next; h <= w->last; h++) {
        struct sync_slot *slot = sync_slot_of(s, h);

        if (slot->height == h && slot->state == SYNC_ASKED)
            sync_drop_slot(n, slot);
    }
    s->peers[w->peer].open--;
    w->open = false;
}

static struct sync_window *find_window(struct sync *s,
                                       uint8_t peer,
                                       uint64_t next)
{
    for (size_t i = 0; i < ARRAY_LEN(s->windows); i++) {
        struct sync_window *w = &s->windows[i];

        if (w->open && w->peer == peer && w->next == next)
            return w;
    }
    return NULL;
}

void sync_down(struct node *n, uint8_t peer)
{
    struct sync *s = n->sync;

    for (size_t i = 0; i < ARRAY_LEN(s->windows); i++) {
        if (s->windows[i].open && s->windows[i].peer == peer)
            close_window(n, &s->windows[i]);
    }
    s->peers[peer].late = 0;
    s->peers[peer].stray = 0;
    if (!n->stopping)
        sync_pump(n);
}

/* Y3: it answers late or never. */
static void take_silence(struct node *n, struct sync_window *w, uint64_t now_ms)
{
    struct sync_peer *p = &n->sync->peers[w->peer];
    const uint8_t peer = w->peer;

    p->silences++;
    p->not_before_ms =
        now_ms + num_min_u64((uint64_t)1000 << num_min_u64(p->silences, 6),
                             SYNC_WAIT_MS_MAX);
    p->late += w->last - w->next + 1;
    log_unusual("sync",
                "a peer does not answer in time; its blocks are asked of "
                "another",
                "peer=%u from=%llu to=%llu times=%u",
                peer,
                (unsigned long long)w->next,
                (unsigned long long)w->last,
                p->silences);
    close_window(n, w);
    if (p->silences % SYNC_SILENCES_MAX == 0)
        peers_drop(n->peers, peer, CHANNEL_BULK, "silent in block sync");
}

void sync_tick(struct node *n)
{
    struct sync *s = n->sync;
    const uint64_t now_ms = node_now_ms();

    for (size_t i = 0; i < ARRAY_LEN(s->windows); i++) {
        if (s->windows[i].open && now_ms >= s->windows[i].deadline_ms)
            take_silence(n, &s->windows[i], now_ms);
    }
    sync_check_flush(n);
    sync_pump(n);
}

/* ---- asking ---- */

static bool is_usable(struct node *n,
                      uint8_t i,
                      uint64_t height,
                      uint64_t now_ms)
{
    const struct sync_peer *p = &n->sync->peers[i];

    return p->open < SYNC_OPEN_MAX && now_ms >= p->not_before_ms &&
           (now_ms >= p->lacks_until_ms || height < p->lacks_from) &&
           bucket_wait_ms(&p->asks, now_ms) == 0 && may_have(n, i);
}

/* The one with the fewest windows, in turn; false: nobody. */
static bool pick_peer(struct node *n, uint8_t *out, uint64_t height)
{
    struct sync *s = n->sync;
    const uint64_t now_ms = node_now_ms();
    uint32_t fewest = SYNC_OPEN_MAX;

    for (uint32_t k = 1; k <= PEERS_MAX; k++) {
        const uint8_t i = (uint8_t)((s->turn + k) % PEERS_MAX);

        if (s->peers[i].open < fewest && is_usable(n, i, height, now_ms)) {
            fewest = s->peers[i].open;
            *out = i;
        }
    }
    return fewest < SYNC_OPEN_MAX;
}

static struct sync_window *free_window(struct sync *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->windows); i++) {
        if (!s->windows[i].open)
            return &s->windows[i];
    }
    return NULL;
}

static uint32_t open_windows(const struct sync *s)
{
    uint32_t open = 0;

    for (size_t i = 0; i < ARRAY_LEN(s->peers); i++)
        open += s->peers[i].open;
    return open;
}

static bool is_empty(struct sync *s, uint64_t height)
{
    return sync_slot_of(s, height)->state == SYNC_EMPTY;
}

/* This height has been asked for; false also if one far below has its place. */
static bool is_asked(struct sync *s, uint64_t height)
{
    return !is_empty(s, height) && sync_slot_of(s, height)->height == height;
}

/* The next run of heights that nobody was asked for: *last is its end. */
static bool next_run(struct node *n, uint64_t *first, uint64_t *last)
{
    struct sync *s = n->sync;
    const uint64_t end =
        num_min_u64(s->target, n->submitted_height + SYNC_AHEAD);
    /* Short ways are divided among the peers as well. */
    const uint64_t share = (end - n->submitted_height) /
                               (SYNC_OPEN_MAX * num_max_u64(others(n), 1)) +
                           1;
    const uint64_t most =
        num_min_u64(num_max_u64(share, SYNC_WINDOW / 16), SYNC_WINDOW);
    uint64_t h = num_max_u64(s->ask, n->submitted_height + 1);

    while (h <= end && is_asked(s, h))
        h++;
    s->ask = h;
    if (h > end || !is_empty(s, h))
        return false;
    *first = h;
    while (h <= end && h - *first < most && is_empty(s, h))
        h++;
    *last = h - 1;
    return true;
}

static bool ask(struct node *n, uint8_t peer, uint64_t first, uint64_t last)
{
    struct sync *s = n->sync;
    struct sync_window *w = free_window(s);
    const struct msg_range range = {first, last};
    uint8_t buf[16];
    struct writer out = writer_of(buf, sizeof buf);
    const uint64_t now_ms = node_now_ms();

    if (w == NULL || !bucket_take(&s->peers[peer].asks, 1, now_ms))
        return false;
    msg_range_encode(&out, &range);
    if (peers_send(
            n->peers, peer, CHANNEL_BULK, MSG_SYNC_GET, writer_bytes(&out)) !=
        ERR_NONE)
        return false;
    *w = (struct sync_window){.open = true,
                              .peer = peer,
                              .first = first,
                              .next = first,
                              .last = last,
                              .deadline_ms = now_ms + SYNC_FIRST_MS};
    s->peers[peer].open++;
    s->turn = peer;
    for (uint64_t h = first; h <= last; h++) {
        struct sync_slot *slot = sync_slot_of(s, h);

        *slot = (struct sync_slot){.state = SYNC_ASKED, .height = h};
    }
    return true;
}

uint64_t sync_target(const struct node *n)
{
    return n->sync->target;
}

uint32_t sync_windows(const struct node *n)
{
    return open_windows(n->sync);
}

/* Room for one more window, each as large as it may be (Y4); one is always
 * asked for, or what is missing would never come. */
static bool has_room(const struct sync *s)
{
    const size_t open = open_windows(s);

    return open == 0 ||
           s->bytes + (open + 1) * SYNC_WINDOW_BYTES <= SYNC_BYTES_MAX;
}

/* What another way has committed meanwhile is no longer needed. */
static void forget_below(struct node *n)
{
    struct sync *s = n->sync;

    for (; s->low <= n->submitted_height; s->low++) {
        struct sync_slot *slot = sync_slot_of(s, s->low);

        if (slot->height == s->low &&
            (slot->state == SYNC_ASKED || slot->state == SYNC_READY ||
             slot->state == SYNC_HELD))
            sync_drop_slot(n, slot);
    }
}

static void tell_end(struct node *n)
{
    struct sync *s = n->sync;
    const uint64_t blocks = n->tip.height - s->began_height;
    const uint64_t ms = node_now_ms() - s->began_ms;

    if (s->began_ms == 0 || n->tip.height < s->target)
        return;
    s->began_ms = 0;
    log_info("sync",
             "caught up",
             "height=%llu blocks=%llu ms=%llu",
             (unsigned long long)n->tip.height,
             (unsigned long long)blocks,
             (unsigned long long)ms);
}

void sync_pump(struct node *n)
{
    uint64_t first;
    uint64_t last;
    uint8_t peer;

    if (n->stopping)
        return;
    commit_ready(n);
    forget_below(n);
    if (n->sync->target > n->submitted_height) {
        while (has_room(n->sync) && next_run(n, &first, &last) &&
               pick_peer(n, &peer, first) && ask(n, peer, first, last))
            ;
    }
    tell_end(n);
}

/* How far behind is nothing to speak of: who only observes always is. */
static uint64_t usual(const struct node *n)
{
    return n->me >= 0 ? 0 : SYNC_WINDOW / 16;
}

void sync_want(struct node *n, uint64_t to_height)
{
    struct sync *s = n->sync;

    if (to_height > s->target)
        s->target = to_height;
    if (s->began_ms == 0 && s->target > n->tip.height + usual(n)) {
        s->began_ms = node_now_ms();
        s->began_height = n->tip.height;
        log_info("sync",
                 "catching up",
                 "from=%llu to=%llu",
                 (unsigned long long)n->tip.height,
                 (unsigned long long)s->target);
    }
    sync_pump(n);
}

/* ---- answers ---- */

/* What was not asked for, or not any more.  A few are late; many are a flood.
 */
static struct sync_slot *stray(struct node *n, uint8_t peer, uint64_t height)
{
    struct sync *s = n->sync;
    struct sync_peer *p = &s->peers[peer];
    struct sync_slot *slot = sync_slot_of(s, height);

    if (p->late > 0) {
        p->late--;
        if (slot->height == height && slot->state == SYNC_ASKED)
            return slot; /* somebody else was asked; this one is here first */
    } else if (++p->stray == SYNC_STRAY_MAX) {
        peers_misbehaved(
            n->peers, peer, CHANNEL_BULK, "blocks that nobody asked for");
    }
    return NULL;
}

/* The slot that waits for this block; NULL: none does. */
static struct sync_slot *expect(struct node *n,
                                uint8_t peer,
                                uint64_t height,
                                size_t size)
{
    struct sync *s = n->sync;
    struct sync_window *w = find_window(s, peer, height);
    struct sync_slot *slot = sync_slot_of(s, height);

    if (w == NULL)
        return stray(n, peer, height);
    if (w->bytes >= SYNC_WINDOW_BYTES) {
        peers_misbehaved(
            n->peers, peer, CHANNEL_BULK, "more than a window of blocks");
        return NULL;
    }
    w->bytes += size;
    w->next++;
    w->deadline_ms = node_now_ms() + SYNC_NEXT_MS;
    if (w->next > w->last) {
        s->peers[peer].silences = 0;
        close_window(n, w);
    }
    return slot->height == height && slot->state == SYNC_ASKED ? slot : NULL;
}

void sync_take(struct node *n, uint8_t peer, struct bytes payload)
{
    struct sync *s = n->sync;
    struct bytes header;
    struct bytes body;
    struct block_entry *b = calloc(1, sizeof *b);
    struct sync_slot *slot;

    ASSERT(b != NULL);
    if (msg_sync_block_decode(&header, &b->commit_cert, &body, payload) !=
            ERR_NONE ||
        header_decode(&b->header, header) != ERR_NONE) {
        free(b);
        peers_misbehaved(n->peers, peer, CHANNEL_BULK, "malformed sync block");
        return;
    }
    if (fill_take(n, peer, b->header.height, header, &b->commit_cert, body)) {
        free(b);
        return;
    }
    slot = expect(n, peer, b->header.height, payload.size);
    if (slot == NULL || b->header.height <= n->submitted_height) {
        free(b);
        return;
    }
    b->used = true;
    b->of_sync = true;
    b->hash = header_hash(&b->header);
    buf_append(&b->header_bytes, header.at, header.size);
    buf_append(&b->body, body.at, body.size);
    slot->b = b;
    slot->from = peer;
    s->bytes += body.size;
    sync_check(n, slot);
    sync_pump(n);
}

/* The end of what a peer sends of a window: it has no more, or this is enough
 * at once. */
void sync_take_end(struct node *n, uint8_t peer, struct bytes payload)
{
    struct sync *s = n->sync;
    struct sync_peer *p = &s->peers[peer];
    struct sync_window *w;
    struct msg_range r;

    if (msg_range_decode(&r, payload) != ERR_NONE) {
        peers_misbehaved(n->peers, peer, CHANNEL_BULK, "malformed sync end");
        return;
    }
    if (fill_take_end(n, peer, &r))
        return;
    sync_check_flush(n);
    w = find_window(s, peer, r.to);
    if (w == NULL || w->first != r.from)
        return; /* all of it came, or it is late */
    if (r.to == r.from) {
        p->lacks_from = r.from;
        p->lacks_until_ms = node_now_ms() + SYNC_FIRST_MS;
    } else {
        p->silences = 0;
    }
    close_window(n, w);
    sync_pump(n);
}

void sync_free(struct node *n)
{
    if (n->sync == NULL)
        return;
    for (uint32_t i = 0; i < SYNC_AHEAD; i++) {
        n->sync->slots[i].state = SYNC_EMPTY;
        sync_drop_slot(n, &n->sync->slots[i]);
    }
    free(n->sync->batch);
    free(n->sync);
}
