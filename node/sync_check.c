/* The check of blocks that were fetched: everything that a vote of this node
 * would have stood for, but the execution, on all verify threads. */
#include "base/check.h"
#include "base/log.h"
#include "engine/verify.h"
#include "node/sync.h"

#include <stdlib.h>

/* A block, or some transactions of one. */
struct sync_part {
    struct sync_slot *slot;
    const struct block_entry *b;
    const uint8_t *known;
    bool whole; /* certificate and body as well */
    uint32_t first, count;
    const char *fault;
    bool false_signature;
};

struct sync_batch {
    struct task task;
    struct node *node;
    uint64_t epoch;
    struct valset set; /* its own: the node's may change meanwhile */
    struct vote_domain domain;
    uint32_t checks;
    uint32_t count;
    struct sync_part parts[SYNC_PARTS];
};

struct sync_slot *sync_slot_of(struct sync *s, uint64_t height)
{
    return &s->slots[height % SYNC_AHEAD];
}

void sync_drop_slot(struct node *n, struct sync_slot *slot)
{
    struct sync *s = n->sync;

    ASSERT(slot->state != SYNC_CHECKING);
    if (slot->b != NULL) {
        s->bytes -= slot->b->body.size;
        buf_deinit(&slot->b->header_bytes);
        buf_deinit(&slot->b->body);
        free(slot->b);
    }
    free(slot->known);
    if (slot->height < s->ask && slot->height > n->submitted_height)
        s->ask = slot->height;
    *slot = (struct sync_slot){0};
}

/* ---- on a verify thread ---- */

static const char *find_fault(const struct sync_batch *batch,
                              const struct block_entry *b)
{
    const struct cert *c = &b->commit_cert;

    if (c->kind != VOTE_FINALIZE || c->about.height != b->header.height ||
        !hash_eq(&c->about.block, &b->hash) || c->epoch != b->header.epoch ||
        cert_check(c, &batch->domain) != ERR_NONE)
        return "a sync block without its certificate";
    if (!block_body_fits(&b->header, buf_bytes(&b->body)))
        return "a body that is not the header's";
    return NULL;
}

static bool is_known(const struct sync_part *p, uint32_t i)
{
    return p->known != NULL && (p->known[i / 8] >> (i % 8) & 1) != 0;
}

static void check_txs(struct sync_part *p, struct body *body, struct tx *tx)
{
    /* A body that does not split is told by the part that has the whole. */
    if (p->count == 0 || body_split(body, buf_bytes(&p->b->body)) != ERR_NONE ||
        body->count != p->b->header.tx_count)
        return;
    for (uint32_t i = p->first; i < p->first + p->count && !p->false_signature;
         i++) {
        if (!is_known(p, i))
            p->false_signature = tx_decode(tx, body->txs[i]) != ERR_NONE ||
                                 verify_tx(tx) != ERR_NONE;
    }
}

static void run_batch(struct task *task)
{
    struct sync_batch *batch = (struct sync_batch *)(void *)task;
    struct body *body = malloc(sizeof *body);
    struct tx *tx = malloc(sizeof *tx);

    ASSERT(body != NULL && tx != NULL);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct sync_part *p = &batch->parts[i];

        if (p->whole)
            p->fault = find_fault(batch, p->b);
        if (p->fault == NULL)
            check_txs(p, body, tx);
    }
    free(tx);
    free(body);
}

/* ---- on the loop ---- */

/* Every part of the block is checked. */
static void settle(struct node *n, struct sync_slot *slot)
{
    const char *fault = slot->fault;
    const uint8_t from = slot->from;

    slot->state = SYNC_READY;
    if (slot->height <= n->submitted_height) {
        sync_drop_slot(n, slot); /* it came another way */
        return;
    }
    if (fault != NULL) {
        sync_drop_slot(n, slot);
        peers_misbehaved(n->peers, from, CHANNEL_BULK, fault);
        return;
    }
    if (!slot->false_signature) {
        slot->b->sigs_ok = true;
        return;
    }
    n->failing = slot->b;
    node_fail(n,
              EXIT_SAFETY_HALT,
              "a finalised block carries an invalid signature: keep the data "
              "directory and compare it with another node's",
              "");
}

static void batch_done(struct task *task)
{
    struct sync_batch *batch = (struct sync_batch *)(void *)task;
    struct node *n = batch->node;

    for (uint32_t i = 0; i < batch->count; i++) {
        const struct sync_part *p = &batch->parts[i];
        struct sync_slot *slot = p->slot;

        if (p->fault != NULL)
            slot->fault = p->fault;
        slot->false_signature = slot->false_signature || p->false_signature;
        if (--slot->parts_left == 0 && !n->stopping)
            settle(n, slot);
    }
    free(batch);
    if (!n->stopping)
        sync_pump(n);
}

void sync_check_flush(struct node *n)
{
    struct sync_batch *batch = n->sync->batch;

    if (batch == NULL)
        return;
    n->sync->batch = NULL;
    pool_submit(n->verify, &batch->task, LANE_SYNC);
}

static struct sync_part *add_part(struct node *n,
                                  struct sync_slot *slot,
                                  uint32_t checks)
{
    struct sync_batch *batch = n->sync->batch;
    struct sync_part *p;

    if (batch != NULL && (batch->count == SYNC_PARTS ||
                          batch->checks + checks > SYNC_BATCH_CHECKS ||
                          batch->epoch != slot->b->header.epoch)) {
        sync_check_flush(n);
        batch = NULL;
    }
    if (batch == NULL) {
        batch = calloc(1, sizeof *batch);
        ASSERT(batch != NULL);
        batch->task.run = run_batch;
        batch->task.done = batch_done;
        batch->node = n;
        batch->epoch = slot->b->header.epoch;
        batch->set = n->set;
        batch->domain = n->domain;
        batch->domain.set = &batch->set;
        n->sync->batch = batch;
    }
    batch->checks += checks;
    p = &batch->parts[batch->count++];
    *p = (struct sync_part){.slot = slot, .b = slot->b, .known = slot->known};
    slot->parts_left++;
    return p;
}

/* What the mempool has checked is not checked again. */
static uint8_t *find_known(struct node *n, const struct block_entry *b)
{
    struct body *body;
    uint8_t *known;

    if (n->pool.count == 0)
        return NULL;
    body = malloc(sizeof *body);
    known = calloc(BLOCK_TXS_MAX / 8 + 1, 1);
    ASSERT(body != NULL && known != NULL);
    if (body_split(body, buf_bytes(&b->body)) != ERR_NONE)
        body->count = 0;
    for (uint32_t i = 0; i < body->count; i++) {
        const struct hash hash = tx_hash_of(body->txs[i]);
        const struct mtx *m = mempool_by_hash(n, &hash);

        if (m != NULL && m->state != MTX_CHECKING)
            known[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    free(body);
    return known;
}

/* Whether certificates of this epoch can be checked. */
static bool epoch_is_known(const struct node *n, uint64_t epoch)
{
    return epoch == n->set.epoch;
}

void sync_check(struct node *n, struct sync_slot *slot)
{
    const uint32_t txs = slot->b->header.tx_count;
    const uint32_t quorum = valset_quorum(n->set.count);
    struct sync_part *p;

    slot->state = SYNC_HELD;
    if (!epoch_is_known(n, slot->b->header.epoch))
        return; /* until the blocks before it are applied */
    slot->state = SYNC_CHECKING;
    slot->known = find_known(n, slot->b);
    slot->parts_left = 0;
    for (uint32_t first = 0; first == 0 || first < txs;
         first += SYNC_PART_TXS) {
        const uint32_t left = txs < first ? 0 : txs - first;
        const uint32_t count = left < SYNC_PART_TXS ? left : SYNC_PART_TXS;

        p = add_part(n, slot, (first == 0 ? quorum : 0) + 3 * count);
        p->whole = first == 0;
        p->first = first;
        p->count = count;
    }
    if (pool_waiting(n->verify) == 0)
        sync_check_flush(n);
}

/* The epoch of the next block is known by the state.  What was held for it is
 * checked now, and with it all that wait for the same; or it is false. */
static void release_held(struct node *n, struct sync_slot *slot)
{
    const uint8_t from = slot->from;

    if (slot->state != SYNC_HELD)
        return;
    if (epoch_is_known(n, slot->b->header.epoch)) {
        for (uint64_t h = slot->height; h < slot->height + SYNC_AHEAD; h++) {
            struct sync_slot *other = sync_slot_of(n->sync, h);

            if (other->state == SYNC_HELD &&
                epoch_is_known(n, other->b->header.epoch))
                sync_check(n, other);
        }
        return;
    }
    sync_drop_slot(n, slot);
    peers_misbehaved(
        n->peers, from, CHANNEL_BULK, "a sync block of an unknown epoch");
}

struct block_entry *sync_ready(struct node *n)
{
    const uint64_t next = n->submitted_height + 1;
    struct sync_slot *slot = sync_slot_of(n->sync, next);

    if (slot->height != next ||
        n->submitted_height - n->durable_height >= SYNC_UNWRITTEN_MAX)
        return NULL;
    if (n->tip.height == n->submitted_height)
        release_held(n, slot);
    if (slot->state != SYNC_READY)
        return NULL;
    slot->state = SYNC_COMMITTING;
    return slot->b;
}

void sync_committed(struct node *n, const struct block_entry *b)
{
    struct sync_slot *slot = sync_slot_of(n->sync, b->header.height);

    ASSERT(slot->b == b && slot->state == SYNC_COMMITTING);
    sync_drop_slot(n, slot);
}
