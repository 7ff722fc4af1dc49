#include "node/own_tx.h"

#include "base/check.h"
#include "base/log.h"
#include "crypto/random.h"
#include "ledger/evidence.h"
#include "node/node.h"

#include <stdlib.h>

enum {
    READY_AGAIN_MS = 60000, /* after one that was not taken */
};

void own_tx_make(struct buf *out,
                 const struct hash *chain_id,
                 uint16_t institution,
                 uint32_t day,
                 const struct secret *consensus_key,
                 uint8_t kind,
                 const void *op)
{
    struct tx *tx = calloc(1, sizeof *tx);
    uint8_t *bytes = malloc(2 * (size_t)TX_BYTES_MAX);
    struct writer w = writer_of(bytes, TX_BYTES_MAX);
    struct pubkey key;
    enum err e = key_public(&key, consensus_key);

    ASSERT(tx != NULL && bytes != NULL && e == ERR_NONE);
    op_encode(&w, op_find(kind), op);
    tx->chain_id = *chain_id;
    tx->institution = institution;
    tx->reference.day = day;
    random_bytes(tx->reference.serial, sizeof tx->reference.serial);
    tx->valid_until = day + TX_WINDOW_DAYS;
    random_bytes(tx->salt, sizeof tx->salt);
    tx->principal_count = 1;
    tx->principals[0] =
        (struct principal){PRINCIPAL_VALIDATOR, validator_id(&key)};
    tx->op_count = 1;
    tx->ops[0] = writer_bytes(&w);
    w = writer_of(bytes + TX_BYTES_MAX, TX_BYTES_MAX);
    tx_encode_unsigned(&w, tx);
    tx->id = tx_id_of(writer_bytes(&w));
    e = tx_sign(tx, 0, consensus_key);
    ASSERT(e == ERR_NONE);
    w = writer_of(bytes + TX_BYTES_MAX, TX_BYTES_MAX);
    tx_encode(&w, tx);
    ASSERT(writer_ok(&w));
    buf_append(out, bytes + TX_BYTES_MAX, w.size);
    free(bytes);
    free(tx);
}

/* The way in is that of a client's transaction. */
static void submit(struct node *n,
                   uint16_t institution,
                   uint8_t kind,
                   const void *op)
{
    const uint32_t day = ledger_date(node_wall_ms(), n->genesis->offset_ms);
    struct buf bytes = {0};
    struct mtx *m;

    own_tx_make(
        &bytes, &n->chain_id, institution, day, &n->consensus_key, kind, op);
    m = mempool_new_tx(n, buf_bytes(&bytes));
    m->local = true;
    mempool_check(m);
    buf_deinit(&bytes);
}

void own_tx_evidence(struct node *n, const struct vote *a, const struct vote *b)
{
    struct op_evidence op;
    uint8_t bit;

    if (n->me < 0 || evidence_op(&op, &n->domain, a, b) != ERR_NONE)
        return;
    if (n->evidence_epoch != op.epoch) {
        n->evidence_epoch = op.epoch;
        memset(n->evidence_filed, 0, sizeof n->evidence_filed);
    }
    bit = (uint8_t)(1u << evidence_conflict(&op));
    if ((n->evidence_filed[a->signer] & bit) != 0)
        return;
    n->evidence_filed[a->signer] |= bit;
    submit(n, n->set.list[n->me].institution, OP_EVIDENCE, &op);
}

/* ---- READY ---- */

struct candidate_look {
    struct task task;
    struct node *node;
    struct pubkey key;
    struct candidate_row row;
    struct params_row params;
    uint64_t height;
    bool found;
};

static bool look_at(void *ctx, const struct row_key *key, struct bytes row)
{
    struct candidate_look *l = ctx;

    (void)key;
    l->found = schema_decode(&l->row, &candidate_row_schema, row) == ERR_NONE &&
               memcmp(&l->row.key, &l->key, sizeof l->key) == 0;
    return !l->found;
}

/* On the reader: institutions are few, and so are candidates. */
static void run_look(struct task *task)
{
    static const struct hash zero;
    static const struct row_key params_key = {.table = TABLE_PARAMS};
    struct candidate_look *l = (struct candidate_look *)(void *)task;
    struct store_view *v = store_view_open(l->node->store);
    struct store_value value;

    l->height = store_view_height(v);
    if (store_each_row_of(v, TABLE_CANDIDATES, &zero, NULL, look_at, l) !=
            ERR_NONE ||
        store_get_row(&value, v, &params_key) != ERR_NONE) {
        l->found = false;
    } else {
        l->found = l->found &&
                   schema_decode(&l->params,
                                 &params_row_schema,
                                 bytes_of(value.at, value.size)) == ERR_NONE;
        store_value_free(&value);
    }
    store_view_close(v);
}

static void look_done(struct task *task)
{
    struct candidate_look *l = (struct candidate_look *)(void *)task;
    struct node *n = l->node;
    const uint64_t fresh = l->params.ready_blocks / 2;
    const bool is_said =
        l->row.ready_height != 0 && l->height - l->row.ready_height <= fresh;

    n->ready_asking = false;
    if (l->found && !is_said && !n->stopping && n->me < 0) {
        const struct op_validator_ready op = {l->key, SOFTWARE_VERSION};

        n->ready_next_ms = node_now_ms() + READY_AGAIN_MS;
        log_info("node",
                 "says that it is ready to validate",
                 "institution=%u height=%llu",
                 l->row.institution,
                 (unsigned long long)l->height);
        submit(n, l->row.institution, OP_VALIDATOR_READY, &op);
    }
    free(l);
}

/* It has every block that it has heard to be final, on disk, would hear the
 * votes of a quorum, and its journal may vote (D45). */
static bool is_synced(const struct node *n)
{
    const uint32_t with_me = n->me >= 0 ? 1 : 0;

    return !n->need_sync && epoch_is_synced(n) && n->journal_started &&
           !n->core->observer && n->durable_height == n->tip.height &&
           n->health.peers_up + with_me >= n->health.quorum;
}

/* What lets a set shrink: a member says that it lives. */
static void say_as_member(struct node *n)
{
    const struct op_validator_ready op = {n->key, SOFTWARE_VERSION};
    const uint16_t institution = n->set.list[n->me].institution;

    n->ready_wanted = false;
    log_info("node",
             "says that it is ready",
             "institution=%u height=%llu",
             institution,
             (unsigned long long)n->tip.height);
    submit(n, institution, OP_VALIDATOR_READY, &op);
}

void own_tx_ask_ready(struct node *n)
{
    n->ready_wanted = true;
    own_tx_tick(n);
}

void own_tx_tick(struct node *n)
{
    struct candidate_look *l;

    if ((n->me >= 0 && !n->ready_wanted) || n->ready_asking || n->stopping ||
        !is_synced(n))
        return;
    if (n->me >= 0) {
        say_as_member(n);
        return;
    }
    if (node_now_ms() < n->ready_next_ms)
        return;
    l = calloc(1, sizeof *l);
    ASSERT(l != NULL);
    l->key = n->key;
    n->ready_asking = true;
    l->task.run = run_look;
    l->task.done = look_done;
    l->node = n;
    pool_submit(n->reader, &l->task, LANE_CLIENTS);
}
