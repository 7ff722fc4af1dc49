#include "node/fill.h"

#include "base/check.h"
#include "base/log.h"
#include "base/num.h"
#include "ledger/rows.h"
#include "node/start.h"
#include "node/sync.h"
#include "storage/store_import.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FILL_BLOCKS = 256,
    FILL_BLOCKS_MIN = 4,
    FILL_BYTES = 8 << 20,
    FILL_EVERY_MS = 20, /* from one question to the next */
    FILL_WAIT_MS = 5000,
    FILL_LACKS_MS = 60000,
    FILL_TELL_MS = 5000,
    FILL_NICE = 10,
};

/* A block that came. */
struct past {
    struct header header;
    struct hash hash;
    struct buf header_bytes;
    struct buf cert;
    struct buf body;
    uint8_t from; /* slot */
};

enum fill_state {
    FILL_IDLE,
    FILL_ASKED,
    FILL_WRITING,
    FILL_LOG,
    FILL_DONE,
};

struct fill {
    struct node *node;
    struct pool *pool;
    enum fill_state state;
    _Atomic bool stopping;
    uint64_t base; /* the snapshot's height */

    /* the run low .. high */
    uint64_t low, high;
    uint64_t next; /* first that is not here */
    uint32_t most; /* blocks of a run */
    struct past *list;
    size_t bytes;
    bool open; /* a peer is asked for next .. high */
    uint8_t peer;
    uint64_t deadline_ms;
    uint64_t ask_ms; /* not before */
    uint64_t lacks_ms[PEERS_MAX];
    uint8_t turn;
    uint64_t told_ms;
};

struct fill *fill_new(struct node *n)
{
    struct fill *f;

    if (store_fill_below(n->store) == 0 && !store_log_is_missing(n->store))
        return NULL;
    f = calloc(1, sizeof *f);
    ASSERT(f != NULL);
    f->node = n;
    f->base = store_rows_from(n->store);
    f->most = FILL_BLOCKS;
    f->pool = pool_new("fill", 1, n->mail);
    return f;
}

static void drop_run(struct fill *f)
{
    for (uint64_t i = f->low; f->list != NULL && i <= f->high; i++) {
        struct past *p = &f->list[i - f->low];

        buf_deinit(&p->header_bytes);
        buf_deinit(&p->cert);
        buf_deinit(&p->body);
    }
    free(f->list);
    f->list = NULL;
    f->open = false;
    f->bytes = 0;
}

void fill_stop(struct fill *f)
{
    if (f == NULL)
        return;
    f->stopping = true;
    pool_stop(f->pool);
    f->pool = NULL;
}

void fill_free(struct fill *f)
{
    if (f == NULL)
        return;
    drop_run(f);
    free(f);
}

/* ---- checking and writing, on the pool ---- */

struct run_task {
    struct task task;
    struct fill *f;
    const char *fault; /* of who sent it */
    uint8_t slot;
    uint64_t height; /* where */
    enum err failed; /* of the database */
};

/* The hash that the highest block of the run must have. */
static enum err expected_hash(struct hash *out, const struct fill *f)
{
    struct header h;
    const bool first = f->high == f->base;

    TRY(load_header(&h, f->node->store, first ? f->high : f->high + 1));
    *out = first ? header_hash(&h) : h.parent_hash;
    return ERR_NONE;
}

static const char *check_cert(const struct fill *f,
                              const struct past *p,
                              struct validators_row *row,
                              struct store_view *v)
{
    struct vote_domain d = {.chain_id = f->node->chain_id, .set = &row->set};
    struct cert c;

    if (row->set.count == 0 || row->set.epoch != p->header.epoch) {
        if (load_validators(row, v, p->header.epoch) != ERR_NONE)
            return "a block of the past of an unknown epoch";
    }
    d.validators_hash = valset_hash(&row->set);
    if (msg_cert_decode(&c, buf_bytes(&p->cert)) != ERR_NONE ||
        c.kind != VOTE_FINALIZE || c.about.height != p->header.height ||
        !hash_eq(&c.about.block, &p->hash) || c.epoch != p->header.epoch ||
        cert_check(&c, &d) != ERR_NONE)
        return "a block of the past without its certificate";
    return NULL;
}

/* Downward: each is what the one above says its parent is. */
static void check_run(struct run_task *t)
{
    struct fill *f = t->f;
    struct store_view *v = store_view_open(f->node->store);
    struct validators_row row = {.set = {.count = 0}};
    struct hash expected;
    struct header zero;

    t->failed = expected_hash(&expected, f);
    for (uint64_t h = f->high + 1;
         h > f->low && t->fault == NULL && t->failed == ERR_NONE;
         h--) {
        struct past *p = &f->list[h - 1 - f->low];

        p->hash = header_hash(&p->header);
        t->slot = p->from;
        t->height = h - 1;
        if (!hash_eq(&p->hash, &expected))
            t->fault = "a block of the past that is not of this chain";
        else if (!block_body_fits(&p->header, buf_bytes(&p->body)))
            t->fault = "a body that is not the header's";
        else
            t->fault = check_cert(f, p, &row, v);
        expected = p->header.parent_hash;
    }
    store_view_close(v);
    if (t->failed != ERR_NONE || t->fault != NULL || f->low != 1)
        return;
    t->failed = load_header(&zero, f->node->store, 0);
    if (t->failed == ERR_NONE) {
        const struct hash genesis = header_hash(&zero);

        if (!hash_eq(&genesis, &expected))
            t->failed = ERR_MISMATCH; /* certified, and not of our genesis */
    }
}

/* The ids of its transactions; to be freed. */
static struct hash *ids_of(const struct past *p)
{
    struct hash *ids = calloc((size_t)p->header.tx_count + 1, sizeof *ids);
    struct body *body = malloc(sizeof *body);
    struct tx *tx = malloc(sizeof *tx);

    ASSERT(ids != NULL && body != NULL && tx != NULL);
    if (body_split(body, buf_bytes(&p->body)) == ERR_NONE) {
        for (uint32_t i = 0; i < body->count && i < p->header.tx_count; i++) {
            if (tx_decode(tx, body->txs[i]) == ERR_NONE)
                ids[i] = tx->id;
        }
    }
    free(tx);
    free(body);
    return ids;
}

static enum err write_run(struct fill *f)
{
    const uint32_t count = (uint32_t)(f->high - f->low + 1);
    struct store_fill_block *list = calloc(count, sizeof *list);
    struct hash **ids = calloc(count, sizeof *ids);
    enum err e = ERR_FULL;

    ASSERT(list != NULL && ids != NULL);
    for (uint32_t i = 0; i < count; i++) {
        const struct past *p = &f->list[i];

        ids[i] = ids_of(p);
        list[i] =
            (struct store_fill_block){.height = p->header.height,
                                      .header = buf_bytes(&p->header_bytes),
                                      .cert = buf_bytes(&p->cert),
                                      .body = buf_bytes(&p->body),
                                      .tx_count = p->header.tx_count,
                                      .tx_ids = ids[i]};
    }
    /* Less urgent than what the reserve is kept for. */
    if (datadir_free_bytes(f->node->config.dir) >
        (f->node->config.disk_reserve_mib << 20) + 4 * f->bytes)
        e = store_fill(f->node->store, list, count);
    for (uint32_t i = 0; i < count; i++)
        free(ids[i]);
    free(ids);
    free(list);
    return e;
}

static void run_run(struct task *task)
{
    struct run_task *t = (struct run_task *)(void *)task;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), FILL_NICE);
    check_run(t);
    if (t->failed == ERR_NONE && t->fault == NULL)
        t->failed = write_run(t->f);
}

static bool goes_on(void *ctx)
{
    const struct fill *f = ctx;

    return !f->stopping;
}

static void run_log(struct task *task)
{
    struct run_task *t = (struct run_task *)(void *)task;

    t->failed = store_fill_log(t->f->node->store, goes_on, t->f);
}

/* ---- on the loop ---- */

static void stop_for_ever(struct fill *f, enum err e)
{
    f->state = FILL_DONE;
    log_unusual("fill",
                e == ERR_FULL ? "the history behind the snapshot is not filled "
                                "in any further: there is not enough room "
                                "beside the reserve of this node"
                              : "the history behind the snapshot is not filled "
                                "in any further",
                "from=%llu why=\"%s\"",
                (unsigned long long)store_blocks_from(f->node->store),
                err_text(e));
}

static void log_done(struct task *task)
{
    struct run_task *t = (struct run_task *)(void *)task;
    struct fill *f = t->f;

    f->state = FILL_DONE;
    if (t->failed == ERR_NONE)
        log_info("fill",
                 "the history behind the snapshot is here, down to the "
                 "genesis",
                 "snapshot=%llu",
                 (unsigned long long)f->base);
    else if (t->failed != ERR_REFUSED)
        stop_for_ever(f, t->failed);
    free(t);
}

static void submit(struct fill *f, task_fn run, task_fn done)
{
    struct run_task *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    t->task.run = run;
    t->task.done = done;
    t->f = f;
    pool_submit(f->pool, &t->task, 0);
}

static void tell(struct fill *f)
{
    const uint64_t now_ms = node_now_ms();

    if (now_ms < f->told_ms + FILL_TELL_MS)
        return;
    f->told_ms = now_ms;
    log_info("fill",
             "history behind the snapshot",
             "from=%llu snapshot=%llu",
             (unsigned long long)store_blocks_from(f->node->store),
             (unsigned long long)f->base);
}

static void run_done(struct task *task)
{
    struct run_task *t = (struct run_task *)(void *)task;
    struct fill *f = t->f;
    const uint64_t count = f->high - f->low + 1;

    f->state = FILL_IDLE;
    if (t->fault != NULL) {
        log_unusual("fill",
                    "a false block of the past; it is asked of another peer",
                    "peer=%u height=%llu why=\"%s\"",
                    t->slot,
                    (unsigned long long)t->height,
                    t->fault);
        if (!f->node->stopping)
            peers_misbehaved(f->node->peers, t->slot, CHANNEL_BULK, t->fault);
    } else if (t->failed != ERR_NONE) {
        stop_for_ever(f, t->failed);
    } else {
        tell(f);
        /* Runs of about FILL_BYTES. */
        f->most = (uint32_t)num_min_u64(
            FILL_BLOCKS,
            num_max_u64(FILL_BLOCKS_MIN, FILL_BYTES / (f->bytes / count + 1)));
    }
    drop_run(f);
    free(t);
}

/* B1 */
static bool is_idle(const struct node *n)
{
    return sync_target(n) <= n->tip.height && sync_windows(n) == 0;
}

static bool pick_peer(struct fill *f, uint64_t now_ms)
{
    struct node *n = f->node;

    for (uint32_t k = 1; k <= PEERS_MAX; k++) {
        const uint8_t i = (uint8_t)((f->turn + k) % PEERS_MAX);

        if (peers_is_up(n->peers, i, CHANNEL_BULK) && link_is_validator(n, i) &&
            now_ms >= f->lacks_ms[i] &&
            bucket_take(&n->sync->peers[i].asks, 1, now_ms)) {
            f->turn = f->peer = i;
            return true;
        }
    }
    return false;
}

static void ask(struct fill *f, uint64_t now_ms)
{
    const struct msg_range range = {f->next, f->high};
    uint8_t room[16];
    struct writer w = writer_of(room, sizeof room);

    if (now_ms < f->ask_ms || !pick_peer(f, now_ms))
        return;
    f->ask_ms = now_ms + FILL_EVERY_MS;
    msg_range_encode(&w, &range);
    f->open = peers_send(f->node->peers,
                         f->peer,
                         CHANNEL_BULK,
                         MSG_SYNC_GET,
                         writer_bytes(&w)) == ERR_NONE;
    f->deadline_ms = now_ms + FILL_WAIT_MS;
}

static void begin_run(struct fill *f, uint64_t below)
{
    f->high = below - 1;
    f->low = below > f->most ? below - f->most : 1;
    f->next = f->low;
    f->list = calloc((size_t)(f->high - f->low + 1), sizeof f->list[0]);
    ASSERT(f->list != NULL);
    f->state = FILL_ASKED;
}

void fill_tick(struct node *n)
{
    struct fill *f = n->fill;
    const uint64_t now_ms = node_now_ms();

    if (f == NULL || n->stopping || !is_idle(n))
        return;
    if (f->state == FILL_IDLE) {
        const uint64_t below = store_fill_below(n->store);

        if (below > 1) {
            begin_run(f, below);
        } else if (store_log_is_missing(n->store)) {
            f->state = FILL_LOG;
            submit(f, run_log, log_done);
        } else {
            f->state = FILL_DONE;
        }
    }
    if (f->state != FILL_ASKED)
        return;
    if (f->open && now_ms >= f->deadline_ms) {
        f->open = false;
        f->lacks_ms[f->peer] = now_ms + FILL_LACKS_MS;
    }
    if (!f->open)
        ask(f, now_ms);
}

bool fill_take(struct node *n,
               uint8_t slot,
               uint64_t height,
               struct bytes header,
               const struct cert *cert,
               struct bytes body)
{
    struct fill *f = n->fill;
    uint8_t room[CERT_BYTES_MAX];
    struct writer w = writer_of(room, sizeof room);
    struct past *p;

    if (f == NULL || height > f->base)
        return false;
    if (f->state != FILL_ASKED || !f->open || slot != f->peer ||
        height != f->next)
        return true; /* it is late */
    p = &f->list[height - f->low];
    if (header_decode(&p->header, header) != ERR_NONE)
        return true;
    cert_encode(&w, cert);
    buf_append(&p->header_bytes, header.at, header.size);
    buf_append(&p->cert, room, w.size);
    buf_append(&p->body, body.at, body.size);
    p->from = slot;
    f->bytes += body.size + header.size + w.size;
    f->deadline_ms = node_now_ms() + FILL_WAIT_MS;
    if (++f->next > f->high) {
        f->open = false;
        f->state = FILL_WRITING;
        submit(f, run_run, run_done);
    }
    return true;
}

/* It has no more, or it was enough at once. */
bool fill_take_end(struct node *n, uint8_t slot, const struct msg_range *r)
{
    struct fill *f = n->fill;

    if (f == NULL || r->from > f->base)
        return false;
    if (f->state == FILL_ASKED && f->open && slot == f->peer &&
        r->to == f->next) {
        f->open = false;
        if (r->to == r->from)
            f->lacks_ms[slot] = node_now_ms() + FILL_LACKS_MS;
    }
    return true;
}

void fill_down(struct node *n, uint8_t slot)
{
    struct fill *f = n->fill;

    if (f != NULL && f->open && f->peer == slot)
        f->open = false;
}
