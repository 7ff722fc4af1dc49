/* Transactions of peers on their way in: as many signatures of one peer are
 * under way as the threads need to be busy, and no more; the rest of its
 * message waits, and while it does, nothing is read from it.  Nothing is
 * dropped. */
#include "base/check.h"
#include "base/num.h"
#include "node/node.h"

enum {
    SIG_BYTES = 2 + PUBKEY_BYTES + SIGNATURE_BYTES,
};

/* An upper bound that costs nothing: each has its bytes. */
static uint32_t checks_of(size_t tx_bytes)
{
    return 1 + (uint32_t)num_min_u64(tx_bytes / SIG_BYTES, TX_SIGS_MAX);
}

static void check_from(struct node *n, uint8_t slot, struct bytes tx)
{
    struct mtx *m = mempool_new_tx(n, tx);

    m->from = slot;
    m->checks = checks_of(tx.size);
    n->pool.intake[slot].checks += m->checks;
    mempool_check(m);
}

static void feed(struct node *n, uint8_t slot)
{
    struct intake *in = &n->pool.intake[slot];

    /* Who only observes has a tenth of a validator's share. */
    const uint32_t most =
        link_is_validator(n, slot) ? CHECKS_MAX : CHECKS_MAX / 10;

    while (in->left > 0 && in->checks < most) {
        struct reader r =
            reader_of(bytes_of(in->frame.at + in->at, in->frame.size - in->at));
        const struct bytes tx = reader_vec(&r, TX_BYTES_MAX);
        const struct hash hash = tx_hash_of(tx);

        ASSERT(r.err == ERR_NONE); /* the message was looked through */
        in->at = in->frame.size - r.left;
        in->left--;
        if (mempool_by_hash(n, &hash) == NULL)
            check_from(n, slot, tx);
    }
    if (in->left == 0 && in->frame.size > 0) {
        buf_deinit(&in->frame);
        peers_pause(n->peers, slot, CHANNEL_BULK, false);
    }
}

void intake_take(struct node *n, uint8_t slot, struct bytes payload)
{
    struct intake *in = &n->pool.intake[slot];
    uint32_t count;
    size_t first;

    if (msg_txs_decode(&count, &first, payload) != ERR_NONE) {
        peers_misbehaved(
            n->peers, slot, CHANNEL_BULK, "malformed transactions message");
        return;
    }
    if (count == 0 || in->left > 0) /* the latter: it was not paused in time */
        return;
    buf_append(&in->frame, payload.at, payload.size);
    in->at = first;
    in->left = count;
    feed(n, slot);
    if (in->left > 0)
        peers_pause(n->peers, slot, CHANNEL_BULK, true);
}

void intake_checked(struct node *n, const struct mtx *m)
{
    struct intake *in = &n->pool.intake[m->from];

    ASSERT(in->checks >= m->checks);
    in->checks -= m->checks;
    if (!n->stopping)
        feed(n, m->from);
}

void intake_up(struct node *n, uint8_t slot)
{
    if (n->pool.intake[slot].left > 0)
        peers_pause(n->peers, slot, CHANNEL_BULK, true);
}

void intake_free(struct node *n)
{
    for (uint32_t i = 0; i < PEERS_MAX; i++)
        buf_deinit(&n->pool.intake[i].frame);
}
