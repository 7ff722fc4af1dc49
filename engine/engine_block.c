/* A block, from its transactions to its header: built or checked. */
#include "engine/engine_state.h"

#include "base/check.h"
#include "state/proof.h"

#include <stdlib.h>

/* The end of the year 9999, after which there are no dates. */
static const uint64_t TIME_MS_MAX = 253402300799999;

void engine_begin(struct engine *e)
{
    struct standing *n = &e->now;
    const uint8_t no_count[4] = {0};

    if (n->any && !n->committed)
        state_undo(e->state, n->undo);
    else
        state_undo_free(n->undo);
    n->undo = NULL;
    n->any = false;
    n->committed = false;
    n->block = (struct executed_block){0};
    n->event_count = 0;
    n->tx_count = 0;
    n->tx_bytes = 0;
    buf_clear(&n->header_bytes);
    buf_clear(&n->body);
    buf_clear(&n->events);
    buf_append(&n->body, no_count, sizeof no_count);
    buf_append(&n->events, no_count, sizeof no_count);
    overlay_reset(e->overlay, e->state);
}

static void append_vec(struct buf *b, struct bytes v)
{
    uint8_t size[4];
    struct writer w = writer_of(size, sizeof size);

    writer_u32(&w, (uint32_t)v.size);
    buf_append(b, size, sizeof size);
    buf_append(b, v.at, v.size);
}

/* Forgets the events from index on: they were of a refused transaction. */
static void cut_events(struct standing *n, uint32_t index)
{
    if (index >= n->event_count)
        return;
    n->events.size = n->event_at[index];
    n->event_count = index;
}

static void on_event(void *ctx,
                     uint32_t index,
                     const struct event *event,
                     struct bytes bytes)
{
    struct standing *n = ctx;

    cut_events(n, index);
    ASSERT(index == n->event_count);
    if (n->event_count >= n->event_cap) {
        n->event_cap = n->event_cap == 0 ? 256 : n->event_cap * 2;
        n->event_list =
            realloc(n->event_list, n->event_cap * sizeof n->event_list[0]);
        n->event_at =
            realloc(n->event_at, n->event_cap * sizeof n->event_at[0]);
        ASSERT(n->event_list != NULL && n->event_at != NULL);
    }
    n->event_at[n->event_count] = n->events.size;
    n->event_list[n->event_count].event = *event;
    n->event_count++;
    append_vec(&n->events, bytes);
}

/* Starts a block on the tip with its due work.  X1 deterministic: what follows
 * reads the block and the rows, nothing else. */
static void start(struct engine *e,
                  struct ledger_block *b,
                  struct ledger_view *view,
                  uint64_t time_ms)
{
    engine_begin(e);
    *view = overlay_view(e->overlay);
    ledger_begin_block(b,
                       &e->chain_id,
                       e->tip.height + 1,
                       time_ms,
                       e->tip.time_ms,
                       e->genesis->offset_ms,
                       view,
                       on_event,
                       &e->now);
}

static void take_tx(struct standing *n, const struct tx *tx)
{
    if (n->tx_count >= n->tx_cap) {
        n->tx_cap = n->tx_cap == 0 ? 64 : n->tx_cap * 2;
        n->tx_ids = realloc(n->tx_ids, n->tx_cap * sizeof n->tx_ids[0]);
        n->tx_hashes =
            realloc(n->tx_hashes, n->tx_cap * sizeof n->tx_hashes[0]);
        ASSERT(n->tx_ids != NULL && n->tx_hashes != NULL);
    }
    n->tx_ids[n->tx_count] = tx->id;
    n->tx_hashes[n->tx_count] = tx->hash;
    n->tx_count++;
    n->tx_bytes += tx->full_bytes.size;
    append_vec(&n->body, tx->full_bytes);
}

static void put_count(struct buf *b, uint32_t count)
{
    struct writer w = writer_of(b->at, 4);

    writer_u32(&w, count);
}

static struct hash tx_root_of(const struct standing *n)
{
    struct reader r = reader_of(buf_bytes(&n->body));
    struct mtree_log log = {0};

    (void)reader_u32(&r);
    for (uint32_t i = 0; i < n->tx_count; i++) {
        const struct hash leaf = mtree_leaf(reader_vec(&r, TX_BYTES_MAX));

        mtree_log_append(&log, &leaf);
    }
    ASSERT(r.err == ERR_NONE && r.left == 0);
    return mtree_log_root(&log);
}

/* Where each event's bytes stand, now that the buffer moves no more. */
static void point_events(struct standing *n)
{
    for (uint32_t i = 0; i < n->event_count; i++) {
        struct reader r = reader_of(bytes_of(n->events.at + n->event_at[i],
                                             n->events.size - n->event_at[i]));

        n->event_list[i].bytes = reader_vec(&r, EVENT_BYTES_MAX);
        ASSERT(r.err == ERR_NONE);
    }
}

enum err engine_read_validators(struct validators_row *out, struct bytes row)
{
    memset(out, 0, sizeof *out); /* the places beyond the last one too */
    return schema_decode(out, &validators_row_schema, row) == ERR_NONE &&
                   out->set.count > 0
               ? ERR_NONE
               : ERR_CORRUPT;
}

enum err engine_read_params(struct genesis_params *out, struct bytes row)
{
    struct shared_row shared;
    const char *why;

    if (schema_decode(&shared, &shared_row_schema, row) != ERR_NONE ||
        genesis_params_check(&shared.params, &why) != ERR_NONE)
        return ERR_CORRUPT;
    *out = shared.params;
    return ERR_NONE;
}

/* The parameters in force after the block; they change with the epoch. */
static void fill_params(struct engine *e, const struct change_set *changes)
{
    static const struct row_key in_force = {.table = TABLE_SHARED};

    e->now.params = e->params;
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct change *c = &changes->list[i];
        enum err failed;

        if (memcmp(&c->key, &in_force, sizeof in_force) != 0)
            continue;
        failed = engine_read_params(&e->now.params, c->new_row);
        ASSERT(failed == ERR_NONE);
        return;
    }
}

/* The set in force after the block.  E1 last block seals: the one that changes
 * it.  Builder and verifier both come here. */
static void fill_epoch(struct engine *e,
                       struct header *h,
                       const struct change_set *changes)
{
    static const struct row_key in_force = {.table = TABLE_VALIDATORS};
    struct standing *n = &e->now;

    n->validators = e->validators;
    h->flags = 0;
    h->epoch = e->validators.set.epoch;
    h->validators_hash = e->validators_hash;
    h->next_validators_hash = e->validators_hash;
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct change *c = &changes->list[i];
        enum err failed;

        if (memcmp(&c->key, &in_force, sizeof in_force) != 0)
            continue;
        failed = engine_read_validators(&n->validators, c->new_row);
        ASSERT(failed == ERR_NONE);
        if (c->old_row.size == 0)
            return; /* the genesis: epoch 0 begins, none ends */
        h->flags = HEADER_SEAL;
        h->next_validators_hash = valset_hash(&n->validators.set);
        return;
    }
}

static void fill_header(struct engine *e, struct header *h)
{
    const struct standing *n = &e->now;

    h->version = HEADER_VERSION;
    h->chain_id = e->chain_id;
    h->height = e->tip.height + 1;
    h->parent_hash = e->tip_hash;
    h->header_log_size = e->log.size;
    h->header_log_root = mtree_log_root(&e->log);
    h->tx_root = tx_root_of(n);
    h->tx_count = n->tx_count;
    h->body_bytes = (uint32_t)n->body.size;
    h->params_hash = e->params_hash;
}

enum err engine_finish(struct engine *e, struct header *h, uint32_t event_count)
{
    struct standing *n = &e->now;
    const struct change_set changes = overlay_changes(e->overlay);

    TRY(engine_check_changes(&changes));
    cut_events(n, event_count);
    ASSERT(n->event_count == event_count);
    ASSERT(n->body.size == body_bytes_of(n->tx_count, n->tx_bytes));
    put_count(&n->events, event_count);
    put_count(&n->body, n->tx_count);
    point_events(n);
    fill_header(e, h);
    fill_epoch(e, h, &changes);
    fill_params(e, &changes);
    h->change_root = change_set_root(&changes);
    state_apply(e->state, &h->state_root, &n->undo, &changes);
    n->any = true;
    buf_append(&n->header_bytes, NULL, HEADER_BYTES_MAX);
    n->header_bytes.size = header_encode(n->header_bytes.at, h);
    n->block = (struct executed_block){
        .header = *h,
        .hash = header_hash(h),
        .header_bytes = buf_bytes(&n->header_bytes),
        .body = buf_bytes(&n->body),
        .events = buf_bytes(&n->events),
        .event_list = n->event_list,
        .event_count = event_count,
        .changes = changes,
        .tx_ids = n->tx_ids,
        .tx_hashes = n->tx_hashes,
    };
    return ERR_NONE;
}

/* Asks for the rows of the next transactions of one kind together.  Returns
 * where the ones that come after begin. */
static uint32_t fetch(const struct ledger_block *b,
                      const struct engine_candidate_tx *txs,
                      uint32_t from,
                      uint32_t count,
                      bool court)
{
    const struct tx *list[LEDGER_FETCH_TXS];
    uint32_t n = 0;

    for (; n < LEDGER_FETCH_TXS && from < count; from++) {
        if (ledger_is_court(txs[from].tx) == court)
            list[n++] = txs[from].tx;
    }
    ledger_fetch(b->view, list, n);
    return from;
}

/* Applies the transactions of one kind (court or not) while they fit, X5
 * bounded work; those refused are left out, X3 only valid transactions. */
static void build_pass(struct engine *e,
                       struct ledger_block *b,
                       struct engine_candidate_tx *txs,
                       uint32_t tx_count,
                       bool court)
{
    const struct genesis_params *p = &e->params;
    struct standing *n = &e->now;
    uint32_t fetched = 0;

    for (uint32_t i = 0; i < tx_count && n->tx_count < p->block_txs_max; i++) {
        const struct tx *tx = txs[i].tx;

        if (i >= fetched)
            fetched = fetch(b, txs, i, tx_count, court);
        if (ledger_is_court(tx) != court ||
            body_bytes_of(n->tx_count + 1, n->tx_bytes + tx->full_bytes.size) >
                p->block_bytes_max)
            continue; /* of the other kind, or no room: not refused */
        txs[i].verdict = ledger_apply(b, tx, &txs[i].why);
        if (txs[i].verdict == V_OK)
            take_tx(n, tx);
    }
}

void engine_build(struct engine *e,
                  const struct executed_block **out,
                  uint64_t view,
                  uint16_t proposer,
                  uint64_t time_ms,
                  struct engine_candidate_tx *txs,
                  uint32_t tx_count)
{
    struct header h = {.view = view, .proposer = proposer, .time_ms = time_ms};
    struct ledger_view rows;
    struct ledger_block b;
    enum err failed;

    ASSERT(time_ms > e->tip.time_ms);
    ASSERT(time_ms <= TIME_MS_MAX);
    start(e, &b, &rows, time_ms);
    for (uint32_t i = 0; i < tx_count; i++) {
        txs[i].verdict = V_LIMIT; /* until it is looked at */
        txs[i].why = (struct refusal){0};
    }
    if (!b.due_left) {
        build_pass(e, &b, txs, tx_count, true);
        build_pass(e, &b, txs, tx_count, false);
    }
    *out = NULL;
    if (e->now.tx_count == 0 && !b.due_left)
        return;
    failed = engine_finish(e, &h, b.event_count);
    ASSERT(failed == ERR_NONE); /* our own operations broke the sums */
    *out = &e->now.block;
}

/* What the header says before anything is executed. */
static enum err check_frame(const struct engine *e,
                            const struct header *h,
                            struct bytes body,
                            const char **why)
{
    const struct genesis_params *p = &e->params;

    *why = "version, flags or limits of the header";
    if (h->version != HEADER_VERSION || (h->flags & ~HEADER_SEAL) != 0 ||
        h->tx_count > p->block_txs_max || body.size > p->block_bytes_max ||
        h->body_bytes != body.size)
        return ERR_RANGE;
    *why = "proposer is no validator";
    if (h->proposer >= e->validators.set.count)
        return ERR_RANGE;
    *why = "chain or epoch";
    if (!hash_eq(&h->chain_id, &e->chain_id) ||
        h->epoch != e->validators.set.epoch)
        return ERR_MISMATCH;
    *why = "height or parent";
    if (h->height != e->tip.height + 1 ||
        !hash_eq(&h->parent_hash, &e->tip_hash))
        return ERR_MISMATCH;
    *why = "time is not after the parent's";
    if (h->time_ms <= e->tip.time_ms || h->time_ms > TIME_MS_MAX)
        return ERR_RANGE;
    return ERR_NONE;
}

/* Which field of a header is not what execution gave. */
static const char *difference(const struct header *got,
                              const struct header *said)
{
    if (!hash_eq(&got->tx_root, &said->tx_root))
        return "tx_root";
    if (!hash_eq(&got->state_root, &said->state_root))
        return "state_root";
    if (!hash_eq(&got->change_root, &said->change_root))
        return "change_root";
    if (got->header_log_size != said->header_log_size ||
        !hash_eq(&got->header_log_root, &said->header_log_root))
        return "header_log_root";
    if (got->flags != said->flags)
        return "seal flag";
    if (!hash_eq(&got->validators_hash, &said->validators_hash) ||
        !hash_eq(&got->next_validators_hash, &said->next_validators_hash))
        return "validators_hash";
    if (!hash_eq(&got->params_hash, &said->params_hash))
        return "params_hash";
    return "body_bytes";
}

static enum err execute_all(struct engine *e,
                            struct header *h,
                            const struct tx *const *txs,
                            uint32_t tx_count,
                            struct bytes body,
                            const char **why)
{
    struct ledger_view rows;
    struct ledger_block b;

    start(e, &b, &rows, h->time_ms);
    *why = "a block without transactions, and no due work is left after it";
    if (tx_count == 0 && !b.due_left)
        return ERR_RANGE;
    for (uint32_t i = 0; i < tx_count; i++) {
        const uint32_t left = tx_count - i;
        enum verdict v;

        if (i % LEDGER_FETCH_TXS == 0)
            ledger_fetch(&rows,
                         txs + i,
                         left < LEDGER_FETCH_TXS ? left : LEDGER_FETCH_TXS);
        v = ledger_apply(&b, txs[i], NULL);
        if (v != V_OK) {
            *why = verdict_name(v);
            e->refused.tx = i;
            return ERR_REFUSED;
        }
        take_tx(&e->now, txs[i]);
    }
    *why = "control totals of a security";
    if (engine_finish(e, h, b.event_count) != ERR_NONE)
        return ERR_MISMATCH;
    *why = "body";
    return bytes_eq(body, e->now.block.body) ? ERR_NONE : ERR_MISMATCH;
}

static struct hash row_hash_of(struct bytes row)
{
    return row.size > 0 ? proof_row_hash(row) : (struct hash){{0}};
}

/* Keeps what a block changed that did not give what its header says. */
static void keep_changes(struct engine *e)
{
    const struct change_set *set = &e->now.block.changes;

    e->refused_list = calloc(set->count + 1, sizeof e->refused_list[0]);
    ASSERT(e->refused_list != NULL);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct change *c = &set->list[i];

        e->refused_list[i] = (struct engine_row_change){
            c->key, row_hash_of(c->old_row), row_hash_of(c->new_row)};
    }
    e->refused.changes = e->refused_list;
    e->refused.change_count = set->count;
}

enum err engine_execute(struct engine *e,
                        const struct executed_block **out,
                        const struct header *header,
                        struct bytes body,
                        const struct tx *const *txs,
                        const char **why)
{
    struct header h = {.view = header->view,
                       .proposer = header->proposer,
                       .time_ms = header->time_ms};
    const struct hash asked = header_hash(header);
    enum err failed;

    *out = NULL;
    *why = "";
    free(e->refused_list);
    e->refused_list = NULL;
    e->refused = (struct engine_refusal){.tx = UINT32_MAX};
    failed = check_frame(e, header, body, why);
    if (failed != ERR_NONE) {
        engine_note_frame(e, header, *why);
        return failed;
    }
    if (!engine_stands_at(e, &asked)) {
        failed = execute_all(e, &h, txs, header->tx_count, body, why);
        if (failed == ERR_NONE && !hash_eq(&asked, &e->now.block.hash)) {
            *why = difference(&h, header);
            keep_changes(e);
            failed = ERR_MISMATCH;
        }
        if (failed != ERR_NONE) {
            engine_note_difference(e, header, &h, *why);
            engine_begin(e); /* back to the tip */
            engine_note_tip(e);
            return failed;
        }
    }
    *out = &e->now.block;
    *why = "";
    return ERR_NONE;
}
