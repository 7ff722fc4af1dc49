/* The blocks under way: headers, bodies, and the check of their signatures. */
#include "base/check.h"
#include "base/log.h"
#include "engine/verify.h"
#include "node/node.h"

#include <stdlib.h>

struct block_entry *block_entry_find(struct node *n, const struct hash *hash)
{
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        if (n->blocks[i].used && hash_eq(&n->blocks[i].hash, hash))
            return &n->blocks[i];
    }
    return NULL;
}

static void reset(struct block_entry *b)
{
    struct buf header = b->header_bytes;
    struct buf body = b->body;

    buf_clear(&header);
    buf_clear(&body);
    memset(b, 0, sizeof *b);
    b->header_bytes = header;
    b->body = body;
}

/* A free place, or the one used longest ago that neither a task nor a vote
 * needs. */
static struct block_entry *place(struct node *n)
{
    struct block_entry *old = NULL;

    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        struct block_entry *b = &n->blocks[i];

        if (!b->used)
            return b;
        if (b->pins == 0 && !b->commit_wanted &&
            !core_promised_body(n->core, &b->hash) &&
            (old == NULL || b->touched_ms < old->touched_ms))
            old = b;
    }
    return old;
}

struct block_entry *block_entry_add(struct node *n,
                                    const struct header *h,
                                    struct bytes header_bytes)
{
    const struct hash hash = header_hash(h);
    struct block_entry *b = block_entry_find(n, &hash);

    if (b == NULL) {
        b = place(n);
        if (b == NULL)
            return NULL;
        reset(b);
        b->used = true;
        b->hash = hash;
        b->header = *h;
        buf_append(&b->header_bytes, header_bytes.at, header_bytes.size);
    }
    b->touched_ms = node_now_ms();
    return b;
}

bool block_entry_rival(const struct node *n,
                       const struct header *h,
                       const struct hash *hash)
{
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        const struct block_entry *b = &n->blocks[i];

        if (b->used && b->header.epoch == h->epoch &&
            b->header.view == h->view && b->header.proposer == h->proposer &&
            !hash_eq(&b->hash, hash))
            return true;
    }
    return false;
}

/* Whether the header commits to these very bytes: a wrong body that was taken
 * for the block's would make a valid block look invalid, and this node halt. */
bool block_body_fits(const struct header *h, struct bytes bytes)
{
    struct body *body;
    struct hash root;
    bool ok;

    if (bytes.size != h->body_bytes)
        return false;
    body = malloc(sizeof *body);
    ASSERT(body != NULL);
    ok = body_split(body, bytes) == ERR_NONE && body->count == h->tx_count;
    if (ok) {
        root = body_tx_root(body);
        ok = hash_eq(&root, &h->tx_root);
    }
    free(body);
    return ok;
}

bool block_entry_set_body(struct block_entry *b, struct bytes body)
{
    if (b->has_body)
        return true;
    if (!block_body_fits(&b->header, body))
        return false;
    buf_clear(&b->body);
    buf_append(&b->body, body.at, body.size);
    b->has_body = true;
    return true;
}

void blocks_forget(struct node *n, uint64_t up_to_height)
{
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        struct block_entry *b = &n->blocks[i];

        if (b->used && b->pins == 0 && !b->commit_wanted &&
            b->header.height <= up_to_height)
            reset(b);
    }
}

/* One part of the signatures of a block. */
struct verify_part {
    struct task task;
    struct node *node;
    struct block_entry *block;
    bool bad;
    uint32_t count;
    struct bytes txs[64];
};

static void run_part(struct task *task)
{
    struct verify_part *p = (struct verify_part *)(void *)task;
    struct tx *tx = malloc(sizeof *tx);

    ASSERT(tx != NULL);
    for (uint32_t i = 0; i < p->count && !p->bad; i++)
        p->bad =
            tx_decode(tx, p->txs[i]) != ERR_NONE || verify_tx(tx) != ERR_NONE;
    free(tx);
}

static void settle(struct node *n, struct block_entry *b)
{
    b->verifying = false;
    b->sigs_ok = !b->sigs_bad;
    if (b->execute_wanted)
        execute_block(n, b);
    if (b->commit_wanted)
        commit_block(n, b, &b->commit_cert);
}

static void part_done(struct task *task)
{
    struct verify_part *p = (struct verify_part *)(void *)task;
    struct block_entry *b = p->block;
    struct node *n = p->node;

    b->pins--;
    b->sigs_bad = b->sigs_bad || p->bad;
    free(p);
    if (--b->parts_left == 0)
        settle(n, b);
}

static void submit(struct node *n, struct verify_part *p)
{
    p->block->pins++;
    p->block->parts_left++;
    pool_submit(n->verify, &p->task, LANE_FIRST);
}

/* Checks what the mempool has not checked already: each signature is verified
 * once on a node. */
void block_entry_verify(struct node *n, struct block_entry *b)
{
    struct body *body;
    struct verify_part *p = NULL;
    uint32_t per_part = 16;

    if (b->sigs_ok || b->sigs_bad || b->verifying || !b->has_body)
        return;
    body = malloc(sizeof *body);
    ASSERT(body != NULL);
    b->verifying = true;
    b->parts_left = 1;
    if (body_split(body, buf_bytes(&b->body)) != ERR_NONE ||
        body->count != b->header.tx_count) {
        b->sigs_bad = true;
        body->count = 0;
    }
    for (uint32_t i = 0; i < body->count; i++) {
        const struct hash hash = tx_hash_of(body->txs[i]);
        const struct mtx *known = mempool_by_hash(n, &hash);

        if (known != NULL && known->state != MTX_CHECKING)
            continue;
        if (p == NULL) {
            p = calloc(1, sizeof *p);
            ASSERT(p != NULL);
            p->task.run = run_part;
            p->task.done = part_done;
            p->node = n;
            p->block = b;
        }
        p->txs[p->count++] = body->txs[i];
        if (p->count == per_part) {
            submit(n, p);
            p = NULL;
        }
    }
    if (p != NULL)
        submit(n, p);
    free(body);
    if (--b->parts_left == 0)
        settle(n, b);
}
