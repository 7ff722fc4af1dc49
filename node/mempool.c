/* Transactions on their way: checked, dry-run, sent around, waited for. */
#include "base/check.h"
#include "base/log.h"
#include "engine/verify.h"
#include "node/node.h"

#include <stdlib.h>

static uint32_t bucket(const struct hash *h)
{
    return (uint32_t)(h->raw[0] | h->raw[1] << 8) % MEMPOOL_BUCKETS;
}

struct mtx *mempool_by_hash(struct node *n, const struct hash *hash)
{
    struct mtx *m = n->pool.by_hash[bucket(hash)];

    while (m != NULL && !hash_eq(&m->hash, hash))
        m = m->next_by_hash;
    return m;
}

struct mtx *mempool_by_id(struct node *n, const struct hash *id)
{
    struct mtx *m = n->pool.by_id[bucket(id)];

    while (m != NULL && !hash_eq(&m->id, id))
        m = m->next_by_id;
    return m;
}

void mempool_release(struct mtx *m)
{
    ASSERT(m->refs > 0);
    if (--m->refs > 0)
        return;
    free(m->bytes);
    free(m);
}

static void list(struct node *n, struct mtx *m)
{
    struct mempool *p = &n->pool;

    m->next_by_hash = p->by_hash[bucket(&m->hash)];
    p->by_hash[bucket(&m->hash)] = m;
    m->next_by_id = p->by_id[bucket(&m->id)];
    p->by_id[bucket(&m->id)] = m;
    m->older = p->newest;
    if (p->newest != NULL)
        p->newest->newer = m;
    else
        p->oldest = m;
    p->newest = m;
    p->count++;
    p->bytes += m->size;
    m->listed = true;
    m->refs++;
}

static void unlink_hash(struct mtx **at, const struct mtx *m)
{
    while (*at != m)
        at = &(*at)->next_by_hash;
    *at = m->next_by_hash;
}

static void unlink_id(struct mtx **at, const struct mtx *m)
{
    while (*at != m)
        at = &(*at)->next_by_id;
    *at = m->next_by_id;
}

static void set_state(struct node *n, struct mtx *m, enum mtx_state state)
{
    if (m->state == MTX_READY)
        n->pool.ready--;
    m->state = state;
    if (m->state == MTX_READY)
        n->pool.ready++;
}

void mempool_remove(struct node *n, struct mtx *m)
{
    struct mempool *p = &n->pool;

    if (!m->listed)
        return;
    if (m->state == MTX_READY)
        p->ready--;
    unlink_hash(&p->by_hash[bucket(&m->hash)], m);
    unlink_id(&p->by_id[bucket(&m->id)], m);
    if (m->older != NULL)
        m->older->newer = m->newer;
    else
        p->oldest = m->newer;
    if (m->newer != NULL)
        m->newer->older = m->older;
    else
        p->newest = m->older;
    p->count--;
    p->bytes -= m->size;
    m->listed = false;
    m->gone = true;
    mempool_release(m);
}

/* A refusal is told to whoever waits and remembered for a while. */
void mempool_refused(struct node *n, struct mtx *m)
{
    const uint64_t soon = node_now_ms() + SUBMIT_ANSWER_MS;

    if (m->last.verdict == V_DUPLICATE_SERIAL &&
        hash_eq(&m->last.about, &m->id)) {
        /* The very same transaction is in a block: a repeat is no refusal. */
        if (m->submit != NULL && !n->stopping)
            ask_fate(n, m->submit, &m->id, &m->facts, soon);
        m->submit = NULL;
        mempool_remove(n, m);
        return;
    }
    n->refused_total++;
    refusal_keep(n, m);
    if (m->submit != NULL) {
        api_answer_refused(m->submit, &m->id, &m->last);
        m->submit = NULL;
    }
    mempool_remove(n, m);
    waiters_refused(n, m);
}

struct mtx *mempool_new_tx(struct node *n, struct bytes bytes)
{
    struct mtx *m = calloc(1, sizeof *m);

    ASSERT(m != NULL);
    m->node = n;
    m->refs = 1;
    m->bytes = malloc(bytes.size > 0 ? bytes.size : 1);
    ASSERT(m->bytes != NULL);
    memcpy(m->bytes, bytes.at, bytes.size);
    m->size = bytes.size;
    return m;
}

static void run_check(struct task *task)
{
    struct mtx *m = (struct mtx *)(void *)task;
    struct tx *tx = malloc(sizeof *tx);

    ASSERT(tx != NULL);
    m->decode_error = tx_decode(tx, bytes_of(m->bytes, m->size));
    m->id = tx->id;
    m->hash = tx->hash;
    m->facts = tx_facts_of(tx);
    m->court = m->decode_error == ERR_NONE && ledger_is_court(tx);
    if (m->decode_error == ERR_NONE &&
        !hash_eq(&tx->chain_id, &m->node->chain_id))
        m->decode_error = ERR_CHAIN; /* before the costly check */
    if (m->decode_error == ERR_NONE)
        m->decode_error = verify_tx(tx);
    if (m->decode_error == ERR_NONE)
        recheck_note(m, tx);
    free(tx);
}

static uint32_t of_institution(const struct node *n, uint16_t institution)
{
    uint32_t count = 0;

    for (const struct mtx *m = n->pool.oldest; m != NULL; m = m->newer)
        count += m->facts.institution == institution ? 1 : 0;
    return count;
}

/* Told to its sender alone: the bytes say nothing about the transaction of this
 * id.  Whoever saw the unsigned bytes could put a false signature on them, and
 * those who wait for the true one would hear a refusal. */
static void refuse_at_door(struct node *n, struct mtx *m, enum verdict v)
{
    m->verdict = v;
    m->why = (struct refusal){.verdict = v, .op_index = UINT32_MAX};
    if (m->decode_error != ERR_NONE && m->decode_error != ERR_CHAIN &&
        m->decode_error != ERR_SIGNATURE)
        memset(&m->id, 0, sizeof m->id);
    n->refused_total++;
    if (m->submit != NULL)
        api_answer_refused(m->submit, &m->id, &m->why);
    m->submit = NULL;
    mempool_release(m);
}

static void answer_known(struct node *n, struct mtx *m, struct mtx *known)
{
    if (m->submit != NULL) {
        if (known != NULL && known->state == MTX_CHECKING &&
            known->submit == NULL)
            known->submit = m->submit; /* the same, moments later */
        else
            api_answer_open(m->submit,
                            &m->id,
                            "PENDING",
                            known != NULL && known->judged ? &known->last
                                                           : NULL);
        m->submit = NULL;
    }
    (void)n;
    mempool_release(m);
}

/* What a correct node sends on, it has checked. */
static void blame_sender(struct node *n, const struct mtx *m)
{
    if (m->local || n->stopping)
        return;
    if (peers_is_up(n->peers, m->from, CHANNEL_BULK)) /* one fault of many */
        peers_misbehaved(n->peers,
                         m->from,
                         CHANNEL_BULK,
                         "a transaction that is malformed, of another chain "
                         "or not signed");
}

static void check_done(struct task *task)
{
    struct mtx *m = (struct mtx *)(void *)task;
    struct node *n = m->node;
    struct mtx *known;
    const uint64_t txs_max = n->config.mempool_txs;

    if (!m->local)
        intake_checked(n, m);
    if (m->decode_error != ERR_NONE) {
        blame_sender(n, m);
        refuse_at_door(n,
                       m,
                       m->decode_error == ERR_CHAIN       ? V_CHAIN
                       : m->decode_error == ERR_SIGNATURE ? V_SIG_INVALID
                                                          : V_MALFORMED);
        return;
    }
    known = mempool_by_id(n, &m->id);
    if (known != NULL) { /* the first valid version of an id is kept */
        answer_known(n, m, known);
        return;
    }
    if (n->pool.count >= txs_max ||
        n->pool.bytes + m->size > n->config.mempool_mib << 20 ||
        (n->pool.count > txs_max / 2 &&
         of_institution(n, m->facts.institution) > txs_max / 4)) {
        refuse_at_door(n, m, V_LIMIT);
        return;
    }
    m->arrived_ms = node_now_ms();
    m->state = MTX_CHECKING;
    list(n, m);
    dry_run(n, m); /* takes the reference of the check */
}

/* The way in starts here, from any thread; takes the first reference. */
void mempool_check(struct mtx *m)
{
    const int lane = m->local ? LANE_CLIENTS : LANE_PEERS + m->from;

    m->task.run = run_check;
    m->task.done = check_done;
    pool_submit(m->node->verify, &m->task, (unsigned)lane);
}

static void add_gossip(struct node *n, const struct mtx *m)
{
    uint8_t size[4];
    struct writer w = writer_of(size, sizeof size);

    if (n->gossip.size == 0)
        buf_append(&n->gossip, NULL, 4); /* count, at the end */
    writer_u32(&w, (uint32_t)m->size);
    buf_append(&n->gossip, size, sizeof size);
    buf_append(&n->gossip, m->bytes, m->size);
    n->gossip_count++;
    if (n->gossip.size > GOSSIP_BYTES)
        mempool_flush_gossip(n);
    else
        event_active(n->gossip_event, EV_TIMEOUT, 0);
}

/* I6 transactions reach all */
void mempool_flush_gossip(struct node *n)
{
    struct writer w = writer_of(n->gossip.at, 4);

    if (n->gossip_count == 0)
        return;
    writer_u32(&w, n->gossip_count);
    link_send_validators(n, CHANNEL_BULK, MSG_TXS, buf_bytes(&n->gossip));
    buf_clear(&n->gossip);
    n->gossip_count = 0;
}

void mempool_dry_done(struct node *n, struct mtx *m)
{
    const bool again = m->rechecking;

    m->rechecking = false;
    if (m->gone || m->state == MTX_COMMITTED) {
        mempool_release(m);
        return;
    }
    m->last = m->why;
    m->last.verdict = m->verdict;
    m->judged = true;
    /* Refused on a candidate that may yet be given up, it may still be taken:
     * asked again when the tip moves, and by who builds on the tip. */
    m->doubtful = m->verdict != V_OK && m->verdict != V_DUE && !m->on_tip;
    /* V_DUE is no refusal: it waits with the others for the blocks that do the
     * due work, which need somebody's work to be built. */
    if (m->verdict != V_OK && m->verdict != V_DUE && m->on_tip) {
        mempool_refused(n, m);
    } else if (!again) {
        set_state(n, m, MTX_READY);
        if (m->submit != NULL) {
            api_answer_open(m->submit, &m->id, "PENDING", &m->last);
            m->submit = NULL;
        }
        if (m->local)
            add_gossip(n, m);
    }
    mempool_release(m);
    replica_tell_work(n);
}

/* In a block that is the tip: no more eligible; told when it is on disk. */
void mempool_committed(struct node *n,
                       const struct store_block *b,
                       bool new_day)
{
    for (uint32_t i = 0; i < b->header->tx_count; i++) {
        struct mtx *m = mempool_by_id(n, &b->tx_ids[i]);

        if (m == NULL)
            continue;
        set_state(n, m, MTX_COMMITTED);
        m->height = b->header->height;
        m->index = i;
    }
    recheck_after(n, &b->changes, new_day);
    replica_tell_work(n);
}

void mempool_durable(struct node *n,
                     uint64_t height,
                     const struct hash *ids,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct mtx *m = mempool_by_id(n, &ids[i]);

        waiters_final(n, &ids[i], height, i);
        if (m == NULL)
            continue;
        if (m->submit != NULL) {
            api_answer_final(m->submit, &m->id, height, i);
            m->submit = NULL;
        }
    }
}

/* Found by the index from now on: no longer needed here. */
void mempool_indexed(struct node *n, const struct store_block *b)
{
    n->indexed_height = b->header->height;
    for (uint32_t i = 0; i < b->header->tx_count; i++) {
        struct mtx *m = mempool_by_id(n, &b->tx_ids[i]);

        /* Who asked between the block and its index found it nowhere. */
        waiters_final(n, &b->tx_ids[i], b->header->height, i);
        if (m != NULL)
            mempool_remove(n, m);
    }
    waiters_indexed(n, b);
}

/* Repairs losses: what has waited long is sent around once more. */
void mempool_tick(struct node *n)
{
    const uint64_t now = node_now_ms();
    uint32_t sent = 0;

    for (struct mtx *m = n->pool.oldest; m != NULL && sent < 256;
         m = m->newer) {
        if (m->state == MTX_READY && now - m->arrived_ms > 2000) {
            add_gossip(n, m);
            m->arrived_ms = now;
            sent++;
        }
    }
    waiters_tick(n, now);
}

void mempool_free(struct node *n)
{
    while (n->pool.oldest != NULL)
        mempool_remove(n, n->pool.oldest);
    waiters_free(n);
    intake_free(n);
    buf_deinit(&n->gossip);
}
