#include "node/engine.h"

#include "base/buf.h"
#include "base/check.h"

#include <stdlib.h>

/* The candidate the state stands at, with everything its block is made of. */
struct standing {
    bool any;       /* the state includes it */
    bool committed; /* it is the tip */
    struct executed_block block;
    struct state_undo *undo;
    struct buf header_bytes;
    struct buf body;
    struct buf events;
    struct engine_event *event_list;
    size_t *event_at; /* offset of each event in `events` */
    uint32_t event_count;
    uint32_t event_cap;
    struct hash *tx_ids;
    struct hash *tx_hashes;
    uint32_t tx_cap;
};

struct engine {
    struct genesis *genesis;
    struct hash chain_id;
    struct hash validators_hash;
    struct hash params_hash;
    struct state *state;
    struct overlay *overlay;
    struct overlay *dry;
    struct header tip;
    struct hash tip_hash;
    struct mtree_log log;
    struct standing now;
};

static const struct hash zero;

static struct engine *make(const struct genesis *g)
{
    struct engine *e = calloc(1, sizeof *e);
    struct valset set = genesis_valset(g);
    enum err failed;

    ASSERT(e != NULL);
    e->genesis = malloc(sizeof *e->genesis);
    ASSERT(e->genesis != NULL);
    *e->genesis = *g;
    failed = genesis_chain_id(&e->chain_id, g);
    ASSERT(failed == ERR_NONE);
    e->validators_hash = valset_hash(&set);
    e->params_hash = genesis_params_hash(g);
    e->state = state_new();
    e->overlay = overlay_new(e->state);
    e->dry = overlay_new(e->state);
    return e;
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    state_undo_free(e->now.undo);
    overlay_free(e->overlay);
    overlay_free(e->dry);
    state_free(e->state);
    buf_deinit(&e->now.header_bytes);
    buf_deinit(&e->now.body);
    buf_deinit(&e->now.events);
    free(e->now.event_list);
    free(e->now.event_at);
    free(e->now.tx_ids);
    free(e->now.tx_hashes);
    free(e->genesis);
    free(e);
}

/* Takes back a candidate that did not become the tip, forgets one that did. */
static void clear(struct engine *e)
{
    struct standing *n = &e->now;

    if (n->any && !n->committed)
        state_undo(e->state, n->undo);
    else
        state_undo_free(n->undo);
    n->undo = NULL;
    n->any = false;
    n->committed = false;
    buf_clear(&n->header_bytes);
    buf_clear(&n->body);
    buf_clear(&n->events);
    n->event_count = 0;
    n->block = (struct executed_block){0};
    overlay_reset(e->overlay, e->state);
}

static void on_event(void *ctx,
                     uint32_t index,
                     const struct event *event,
                     struct bytes bytes)
{
    struct standing *n = ctx;

    if (index < n->event_count) { /* those after it were of a refused one */
        n->events.size = n->event_at[index];
        n->event_count = index;
    }
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
    {
        uint8_t size[4];
        struct writer w = writer_of(size, sizeof size);

        writer_u32(&w, (uint32_t)bytes.size);
        buf_append(&n->events, size, sizeof size);
    }
    buf_append(&n->events, bytes.at, bytes.size);
}

static void begin(struct engine *e,
                  struct ledger_block *b,
                  struct ledger_view *view,
                  uint64_t time_ms)
{
    uint8_t no_count[4] = {0};

    *view = overlay_view(e->overlay);
    buf_append(&e->now.events, no_count, sizeof no_count);
    buf_append(&e->now.body, no_count, sizeof no_count);
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

static void take_tx(struct standing *n, const struct tx *tx, uint32_t index)
{
    uint8_t size[4];
    struct writer w = writer_of(size, sizeof size);

    if (index >= n->tx_cap) {
        n->tx_cap = n->tx_cap == 0 ? 64 : n->tx_cap * 2;
        n->tx_ids = realloc(n->tx_ids, n->tx_cap * sizeof n->tx_ids[0]);
        n->tx_hashes =
            realloc(n->tx_hashes, n->tx_cap * sizeof n->tx_hashes[0]);
        ASSERT(n->tx_ids != NULL && n->tx_hashes != NULL);
    }
    n->tx_ids[index] = tx->id;
    n->tx_hashes[index] = tx->hash;
    writer_u32(&w, (uint32_t)tx->full_bytes.size);
    buf_append(&n->body, size, sizeof size);
    buf_append(&n->body, tx->full_bytes.at, tx->full_bytes.size);
}

static void put_count(struct buf *b, uint32_t count)
{
    struct writer w = writer_of(b->at, 4);

    writer_u32(&w, count);
}

static int change_order(const struct change *c,
                        uint8_t table,
                        const struct hash *tree,
                        const struct hash *key)
{
    int order = (int)c->key.table - (int)table;

    if (order == 0)
        order = hash_cmp(&c->key.tree, tree);
    return order != 0 ? order : hash_cmp(&c->key.key, key);
}

/* The first change at or after (table, tree, key) in a sorted set. */
static uint32_t first_from(const struct change_set *set,
                           uint8_t table,
                           const struct hash *tree,
                           const struct hash *key)
{
    uint32_t low = 0;
    uint32_t high = set->count;

    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;

        if (change_order(&set->list[mid], table, tree, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Every security whose rows changed must have totals that changed alike,
 * computed apart from the operations. */
static enum err check_sums(const struct change_set *set)
{
    uint32_t rows = 0;
    uint32_t rows_seen = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        const struct change *c = &set->list[i];
        struct sums_entry e = {.security = c->key.key};
        uint32_t k;

        if (c->key.table == TABLE_HOLDINGS)
            rows++;
        if (c->key.table != TABLE_SECURITIES)
            continue;
        k = first_from(set, TABLE_HOLDINGS, &e.security, &zero);
        for (; k < set->count && set->list[k].key.table == TABLE_HOLDINGS &&
               hash_eq(&set->list[k].key.tree, &e.security);
             k++, rows_seen++)
            TRY(sums_of(&e,
                        &set->list[k].key,
                        set->list[k].old_row,
                        set->list[k].new_row));
        TRY(sums_security(&e, c->old_row, c->new_row));
    }
    return rows == rows_seen ? ERR_NONE : ERR_MISMATCH;
}

/* Fills what execution decides and puts the block in place. */
static enum err finish(struct engine *e,
                       struct header *h,
                       uint32_t tx_count,
                       uint32_t event_count)
{
    struct standing *n = &e->now;
    const struct change_set changes = overlay_changes(e->overlay);
    struct mtree_log txs = {0};
    struct reader r;

    TRY(check_sums(&changes));
    n->event_count = event_count;
    if (event_count < n->event_cap && n->event_at != NULL && event_count > 0) {
        const size_t last = n->event_at[event_count - 1];
        struct reader size = reader_of(bytes_of(n->events.at + last, 4));

        n->events.size = last + 4 + reader_u32(&size);
    } else if (event_count == 0) {
        n->events.size = 4;
    }
    put_count(&n->events, event_count);
    put_count(&n->body, tx_count);
    h->version = HEADER_VERSION;
    h->flags = 0;
    h->chain_id = e->chain_id;
    h->height = e->tip.height + 1;
    h->parent_hash = e->tip_hash;
    h->header_log_size = e->log.size;
    h->header_log_root = mtree_log_root(&e->log);
    h->tx_count = tx_count;
    h->body_bytes = (uint32_t)n->body.size;
    r = reader_of(buf_bytes(&n->body));
    (void)reader_u32(&r);
    for (uint32_t i = 0; i < tx_count; i++) {
        const struct hash leaf = mtree_leaf(reader_vec(&r, TX_BYTES_MAX));

        mtree_log_append(&txs, &leaf);
    }
    h->tx_root = mtree_log_root(&txs);
    h->change_root = change_set_root(&changes);
    h->validators_hash = e->validators_hash;
    h->next_validators_hash = e->validators_hash;
    h->params_hash = e->params_hash;
    state_apply(e->state, &h->state_root, &n->undo, &changes);
    n->any = true;
    for (uint32_t i = 0; i < event_count; i++) {
        struct reader at = reader_of(bytes_of(n->events.at + n->event_at[i],
                                              n->events.size - n->event_at[i]));

        n->event_list[i].bytes = reader_vec(&at, EVENT_BYTES_MAX);
    }
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

static void settle(struct engine *e)
{
    e->tip = e->now.block.header;
    e->tip_hash = e->now.block.hash;
    mtree_log_append(&e->log, &e->tip_hash);
    e->now.committed = true;
}

/* Block 0: the rows of the genesis, no transactions. */
static void build_genesis(struct engine *e)
{
    struct ledger_view view = overlay_view(e->overlay);
    struct header h = {.proposer = 0xffff, .time_ms = e->genesis->time_ms};
    uint8_t no_count[4] = {0};
    enum err failed;

    buf_append(&e->now.events, no_count, sizeof no_count);
    buf_append(&e->now.body, no_count, sizeof no_count);
    ledger_genesis(e->genesis, &view);
    e->tip.height = UINT64_MAX; /* so that the next one is 0 */
    failed = finish(e, &h, 0, 0);
    ASSERT(failed == ERR_NONE);
    settle(e);
}

struct engine *engine_new(const struct genesis *g)
{
    struct engine *e = make(g);

    build_genesis(e);
    return e;
}

const struct executed_block *engine_genesis_block(const struct engine *e)
{
    ASSERT(e->now.any && e->now.block.header.height == 0);
    return &e->now.block;
}

struct engine *engine_new_empty(const struct genesis *g)
{
    return make(g);
}

enum err engine_load_row(struct engine *e,
                         const struct row_key *key,
                         struct bytes row)
{
    return state_load(e->state, key, row);
}

struct audit {
    struct engine *e;
    struct sums_entry sums;
    enum err err;
};

static bool audit_holding(void *ctx,
                          const struct row_key *key,
                          struct bytes row)
{
    struct audit *a = ctx;

    a->err = sums_of(&a->sums, key, bytes_of(NULL, 0), row);
    return a->err == ERR_NONE;
}

static bool audit_security(void *ctx,
                           const struct row_key *key,
                           struct bytes row)
{
    struct audit *a = ctx;

    a->sums = (struct sums_entry){.security = key->key};
    state_each(a->e->state, TABLE_HOLDINGS, &key->key, audit_holding, a);
    if (a->err == ERR_NONE)
        a->err = sums_security(&a->sums, bytes_of(NULL, 0), row);
    return a->err == ERR_NONE;
}

enum err engine_load_finish(struct engine *e,
                            const struct header *tip,
                            const struct mtree_log *header_log)
{
    const struct hash root = state_root(e->state);
    struct audit a = {.e = e};

    if (!hash_eq(&root, &tip->state_root))
        return ERR_MISMATCH;
    if (header_log->size != tip->height + 1)
        return ERR_CORRUPT;
    state_each(e->state, TABLE_SECURITIES, &zero, audit_security, &a);
    if (a.err != ERR_NONE)
        return ERR_CORRUPT;
    e->tip = *tip;
    e->tip_hash = header_hash(tip);
    e->log = *header_log;
    return ERR_NONE;
}

struct state *engine_state(struct engine *e)
{
    return e->state;
}

const struct header *engine_tip(const struct engine *e)
{
    return &e->tip;
}

struct hash engine_tip_hash(const struct engine *e)
{
    return e->tip_hash;
}

const struct mtree_log *engine_header_log(const struct engine *e)
{
    return &e->log;
}

bool engine_stands_at(const struct engine *e, const struct hash *block_hash)
{
    return e->now.any && !e->now.committed &&
           hash_eq(&e->now.block.hash, block_hash);
}

const struct executed_block *engine_commit(struct engine *e,
                                           const struct hash *block_hash)
{
    ASSERT(engine_stands_at(e, block_hash));
    settle(e);
    return &e->now.block;
}

/* Applies the transactions of one kind (court or not) while they fit. */
static uint32_t build_pass(struct engine *e,
                           struct ledger_block *b,
                           struct engine_candidate_tx *txs,
                           uint32_t tx_count,
                           bool court,
                           uint32_t taken)
{
    const struct genesis_params *p = &e->genesis->params;

    for (uint32_t i = 0; i < tx_count && taken < p->block_txs_max; i++) {
        const struct tx *tx = txs[i].tx;

        if (ledger_is_court(tx) != court)
            continue;
        if (body_bytes_of(1, e->now.body.size - 4 + tx->full_bytes.size) >
            p->block_bytes_max) {
            txs[i].verdict = V_LIMIT;
            txs[i].why.verdict = V_OK; /* not refused: there is no room */
            continue;
        }
        txs[i].verdict = ledger_apply(b, tx, &txs[i].why);
        if (txs[i].verdict == V_OK)
            take_tx(&e->now, tx, taken++);
    }
    return taken;
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
    uint32_t taken = 0;
    enum err failed;

    ASSERT(time_ms > e->tip.time_ms);
    clear(e);
    begin(e, &b, &rows, time_ms);
    for (uint32_t i = 0; i < tx_count; i++) {
        txs[i].verdict = V_LIMIT;
        txs[i].why = (struct refusal){0};
    }
    taken = build_pass(e, &b, txs, tx_count, true, taken);
    taken = build_pass(e, &b, txs, tx_count, false, taken);
    *out = NULL;
    if (taken == 0)
        return;
    failed = finish(e, &h, taken, b.event_count);
    ASSERT(failed == ERR_NONE); /* our own operations broke the sums */
    *out = &e->now.block;
}

static enum err check_frame(const struct engine *e,
                            const struct header *h,
                            struct bytes body,
                            const char **why)
{
    *why = "version, flags or limits of the header";
    if (h->version != HEADER_VERSION || h->flags != 0 || h->tx_count < 1 ||
        h->tx_count > e->genesis->params.block_txs_max ||
        body.size > e->genesis->params.block_bytes_max ||
        h->body_bytes != body.size)
        return ERR_RANGE;
    *why = "time is not after the parent's";
    if (h->time_ms <= e->tip.time_ms)
        return ERR_RANGE;
    *why = "height or parent";
    if (h->height != e->tip.height + 1 ||
        !hash_eq(&h->parent_hash, &e->tip_hash))
        return ERR_MISMATCH;
    return ERR_NONE;
}

enum err engine_execute(struct engine *e,
                        const struct executed_block **out,
                        const struct header *header,
                        struct bytes body,
                        const struct tx *const *txs,
                        const char **why)
{
    struct header h = {.epoch = header->epoch,
                       .view = header->view,
                       .proposer = header->proposer,
                       .time_ms = header->time_ms};
    struct ledger_view rows;
    struct ledger_block b;
    struct hash asked;

    *out = NULL;
    *why = "";
    TRY(check_frame(e, header, body, why));
    asked = header_hash(header);
    if (engine_stands_at(e, &asked)) {
        *out = &e->now.block;
        return ERR_NONE;
    }
    clear(e);
    begin(e, &b, &rows, header->time_ms);
    for (uint32_t i = 0; i < header->tx_count; i++) {
        struct refusal refusal;
        const enum verdict v = ledger_apply(&b, txs[i], &refusal);

        if (v != V_OK) {
            *why = verdict_name(v);
            clear(e);
            return ERR_REFUSED;
        }
        take_tx(&e->now, txs[i], i);
    }
    *why = "control totals of a security";
    if (finish(e, &h, header->tx_count, b.event_count) != ERR_NONE) {
        clear(e);
        return ERR_MISMATCH;
    }
    if (!hash_eq(&asked, &e->now.block.hash)) {
        *why = !hash_eq(&h.state_root, &header->state_root)     ? "state_root"
               : !hash_eq(&h.tx_root, &header->tx_root)         ? "tx_root"
               : !hash_eq(&h.change_root, &header->change_root) ? "change_root"
                                                                : "header";
        clear(e);
        return ERR_MISMATCH;
    }
    *out = &e->now.block;
    *why = "";
    return ERR_NONE;
}

enum verdict engine_dry_run(struct engine *e,
                            const struct tx *tx,
                            uint64_t time_ms,
                            struct refusal *why)
{
    const bool ahead = e->now.any && !e->now.committed;
    const struct header *parent = ahead ? &e->now.block.header : &e->tip;
    struct ledger_view view;
    struct ledger_block b;

    overlay_reset(e->dry, e->state);
    view = overlay_view(e->dry);
    if (time_ms <= parent->time_ms)
        time_ms = parent->time_ms + 1;
    ledger_begin_block(&b,
                       &e->chain_id,
                       parent->height + 1,
                       time_ms,
                       parent->time_ms,
                       e->genesis->offset_ms,
                       &view,
                       NULL,
                       NULL);
    return ledger_apply(&b, tx, why);
}
