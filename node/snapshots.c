/* Holding snapshots, and sending parts of them. */
#include "node/snapshots.h"

#include "base/check.h"
#include "base/log.h"
#include "node/snapshots_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Static_assert((int)MSG_PART_BYTES_MAX == (int)SNAPSHOT_CHUNK_MAX,
               "a chunk is one message");
_Static_assert((int)MSG_OFFERS_MAX >= (int)SNAPSHOTS_HELD, "all are offered");

enum {
    READING_MAX = 2,      /* parts for one peer */
    QUEUED_MAX = 4 << 20, /* not sent yet: the next one waits */
};

static void held_free(struct held *h)
{
    if (h == NULL)
        return;
    if (h->manifest_fd >= 0)
        close(h->manifest_fd);
    if (h->leaves_fd >= 0)
        close(h->leaves_fd);
    free(h->chunk_at);
    free(h);
}

static void release(struct snapshots *s, struct held *h)
{
    uint32_t left;

    pthread_mutex_lock(&s->lock);
    left = --h->refs;
    pthread_mutex_unlock(&s->lock);
    if (left == 0)
        held_free(h);
}

/* Reads and verifies one on disk. */
static struct held *held_open(struct snapshots *s,
                              uint64_t height,
                              const char **why)
{
    struct held *h = calloc(1, sizeof *h);
    struct snapshot *made = NULL;
    uint8_t *at = NULL;
    size_t size = 0;
    uint64_t offset = 0;
    enum err e = snapshot_dir_manifest(
        &at, &size, s->dir, height, SNAPSHOT_MANIFEST_MAX);

    ASSERT(h != NULL);
    *why = "its manifest cannot be read";
    h->manifest_fd = snapshot_dir_open_manifest(s->dir, height);
    h->leaves_fd = snapshot_dir_open_leaves(s->dir, height);
    if (e == ERR_NONE)
        e = snapshot_open(
            &made, bytes_of(at, size), &s->chain_id, &s->genesis, NULL, why);
    if (e == ERR_NONE && made->header.height != height)
        e = ERR_MISMATCH;
    if (e == ERR_NONE &&
        (h->manifest_fd < 0 || h->leaves_fd < 0 ||
         lseek(h->leaves_fd, 0, SEEK_END) != (off_t)made->bytes)) {
        *why = "its leaves are not whole";
        e = ERR_TRUNCATED;
    }
    if (e != ERR_NONE) {
        free(at);
        snapshot_free(made);
        held_free(h);
        return NULL;
    }
    h->refs = 1;
    h->info = (struct snapshot_info){.height = height,
                                     .block = made->hash,
                                     .id = made->id,
                                     .manifest_bytes = size,
                                     .chunks = made->chunk_count,
                                     .leaves = made->leaves,
                                     .bytes = made->bytes};
    h->chunk_at = calloc((size_t)made->chunk_count + 1, sizeof h->chunk_at[0]);
    ASSERT(h->chunk_at != NULL);
    for (uint32_t i = 0; i < made->chunk_count; i++) {
        h->chunk_at[i] = offset;
        offset += made->chunks[i].bytes;
    }
    h->chunk_at[made->chunk_count] = offset;
    snapshot_free(made);
    free(at);
    return h;
}

bool snapshots_hold(struct snapshots *s, uint64_t height)
{
    const char *why;
    struct held *h = held_open(s, height, &why);
    struct held *oldest;

    if (h == NULL) {
        log_unusual("snapshot",
                    "a snapshot on disk is not used",
                    "height=%llu why=\"%s\"",
                    (unsigned long long)height,
                    why);
        snapshot_dir_remove(s->dir, height);
        return false;
    }
    pthread_mutex_lock(&s->lock);
    oldest = s->held[SNAPSHOTS_HELD - 1];
    memmove(&s->held[1], &s->held[0], (SNAPSHOTS_HELD - 1) * sizeof s->held[0]);
    s->held[0] = h;
    pthread_mutex_unlock(&s->lock);
    if (oldest != NULL) {
        snapshot_dir_remove(s->dir, oldest->info.height);
        release(s, oldest);
    }
    return true;
}

struct snapshots *snapshots_new(struct node *n)
{
    struct snapshots *s = calloc(1, sizeof *s);
    uint64_t heights[16];
    uint32_t count;

    ASSERT(s != NULL);
    pthread_mutex_init(&s->lock, NULL);
    s->node = n;
    s->chain_id = n->chain_id;
    s->genesis = genesis_valset(n->genesis);
    s->blocks = n->config.snapshot_blocks;
    s->bytes_per_s = n->config.snapshot_mib_s << 20;
    snprintf(s->dir, sizeof s->dir, "%s/snapshots", n->config.dir);
    count = snapshot_dir_list(s->dir, heights, ARRAY_LEN(heights));
    for (uint32_t i = count; i > 0; i--) /* the oldest first */
        (void)snapshots_hold(s, heights[i - 1]);
    s->pool = pool_new("snapshot", 1, n->mail);
    return s;
}

void snapshots_stop(struct snapshots *s)
{
    if (s == NULL)
        return;
    s->stopping = true;
    pool_stop(s->pool);
    s->pool = NULL;
}

void snapshots_free(struct snapshots *s)
{
    if (s == NULL)
        return;
    for (uint32_t i = 0; i < SNAPSHOTS_HELD; i++)
        held_free(s->held[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

uint32_t snapshots_list(struct snapshots *s,
                        struct snapshot_info out[SNAPSHOTS_HELD])
{
    uint32_t count = 0;

    pthread_mutex_lock(&s->lock);
    for (; count < SNAPSHOTS_HELD && s->held[count] != NULL; count++)
        out[count] = s->held[count]->info;
    pthread_mutex_unlock(&s->lock);
    return count;
}

struct snapshots_progress snapshots_progress(struct snapshots *s)
{
    return (struct snapshots_progress){
        .running = s->running,
        .height = s->height,
        .leaves = s->leaves,
        .taken = s->taken,
        .failed = s->failed,
        .last_ms = s->last_ms,
    };
}

/* ---- sending ---- */

static bool read_range(int fd, uint8_t *out, size_t size, uint64_t offset)
{
    while (size > 0) {
        const ssize_t n = pread(fd, out, size, (off_t)offset);

        if (n <= 0)
            return false;
        out += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

static struct held *find(struct snapshots *s, const struct hash *id)
{
    struct held *h = NULL;

    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < SNAPSHOTS_HELD && h == NULL; i++) {
        if (s->held[i] != NULL && hash_eq(&s->held[i]->info.id, id))
            h = s->held[i];
    }
    if (h != NULL)
        h->refs++;
    pthread_mutex_unlock(&s->lock);
    return h;
}

/* Where a part stands in which file; size 0: there is no such part. */
struct place {
    int fd;
    uint64_t offset;
    size_t size;
};

static struct place place_of(const struct held *h, const struct msg_part *what)
{
    struct place p = {.fd = h->leaves_fd};

    if (what->kind == MSG_PART_CHUNK) {
        if (what->index >= h->info.chunks)
            return p;
        p.offset = h->chunk_at[what->index];
        p.size = (size_t)(h->chunk_at[what->index + 1] - p.offset);
        return p;
    }
    p.fd = h->manifest_fd;
    p.offset = (uint64_t)what->index * MSG_PART_BYTES_MAX;
    if (p.offset < h->info.manifest_bytes)
        p.size = (size_t)num_min_u64(h->info.manifest_bytes - p.offset,
                                     MSG_PART_BYTES_MAX);
    return p;
}

void snapshots_read(struct snapshots *s,
                    const struct msg_part *what,
                    struct buf *out)
{
    struct held *h = find(s, &what->id);
    struct place p = {.size = 0};
    uint8_t *room = NULL;
    struct writer w;

    if (h != NULL)
        p = place_of(h, what);
    if (p.size > 0) {
        room = malloc(p.size);
        ASSERT(room != NULL);
        if (!read_range(p.fd, room, p.size, p.offset))
            p.size = 0;
    }
    if (h != NULL)
        release(s, h);
    buf_append(out, NULL, MSG_SNAPSHOT_PART_MAX - MSG_PART_BYTES_MAX + p.size);
    w = writer_of(out->at, out->size);
    msg_part_bytes_encode(&w, what, bytes_of(room, p.size));
    out->size = w.size;
    free(room);
}

void snapshots_serve_list(struct node *n, uint8_t slot)
{
    struct snapshot_info list[SNAPSHOTS_HELD];
    struct msg_offers m = {.count = snapshots_list(n->snapshots, list)};
    uint8_t room[MSG_SNAPSHOT_OFFERS_MAX];
    struct writer w = writer_of(room, sizeof room);

    for (uint32_t i = 0; i < m.count; i++)
        m.list[i] = (struct msg_offer){.height = list[i].height,
                                       .block = list[i].block,
                                       .id = list[i].id,
                                       .manifest_bytes =
                                           (uint32_t)list[i].manifest_bytes,
                                       .chunks = list[i].chunks};
    msg_offers_encode(&w, &m);
    (void)peers_send(
        n->peers, slot, CHANNEL_BULK, MSG_SNAPSHOT_OFFERS, writer_bytes(&w));
}

/* A part that a peer asked for, read on the reader's thread. */
struct part_task {
    struct task task;
    struct node *node;
    uint8_t slot;
    uint32_t generation;
    struct msg_part what;
    struct buf out;
};

static void run_part(struct task *task)
{
    struct part_task *t = (struct part_task *)(void *)task;

    snapshots_read(t->node->snapshots, &t->what, &t->out);
}

static void part_done(struct task *task)
{
    struct part_task *t = (struct part_task *)(void *)task;
    struct node *n = t->node;

    n->parts[t->slot].reading--;
    if (!n->stopping && t->generation == n->serving[t->slot].generation) {
        (void)!bucket_take(
            &n->served[t->slot], (uint32_t)t->out.size, node_now_ms());
        (void)peers_send(n->peers,
                         t->slot,
                         CHANNEL_BULK,
                         MSG_SNAPSHOT_PART,
                         buf_bytes(&t->out));
    }
    buf_deinit(&t->out);
    free(t);
}

static void read_part(struct node *n, uint8_t slot, const struct msg_part *what)
{
    struct part_task *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    t->task.run = run_part;
    t->task.done = part_done;
    t->node = n;
    t->slot = slot;
    t->generation = n->serving[slot].generation;
    t->what = *what;
    n->parts[slot].reading++;
    pool_submit(n->reader, &t->task, LANE_PEERS + (unsigned)slot);
}

/* A few at a time, within its budget, which is that of blocks as well, and what
 * it has not read yet; a tick looks again. */
static void serve_more(struct node *n, uint8_t slot)
{
    struct parts_serving *s = &n->parts[slot];

    if (s->reading >= READING_MAX || s->waiting == 0 ||
        bucket_wait_ms(&n->served[slot], node_now_ms()) > 0 ||
        peers_queued(n->peers, slot, CHANNEL_BULK, CLASS_SYNC) > QUEUED_MAX)
        return;
    read_part(n, slot, &s->asks[0]);
    s->waiting--;
    memmove(s->asks, s->asks + 1, s->waiting * sizeof s->asks[0]);
}

void snapshots_serve_tick(struct node *n)
{
    for (uint8_t i = 0; i < PEERS_MAX; i++)
        serve_more(n, i);
}

void snapshots_serve(struct node *n, uint8_t slot, struct bytes payload)
{
    struct parts_serving *s = &n->parts[slot];
    struct msg_part what;

    if (msg_part_decode(&what, payload) != ERR_NONE) {
        peers_misbehaved(n->peers, slot, CHANNEL_BULK, "malformed request");
        return;
    }
    if (s->waiting == PARTS_MAX)
        return; /* it asks again */
    s->asks[s->waiting++] = what;
    serve_more(n, slot);
}
