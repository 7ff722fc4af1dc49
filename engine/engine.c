#include "engine/engine_state.h"

#include "base/check.h"
#include "state/roots.h"

#include <stdlib.h>

static struct engine *make(const struct genesis *g)
{
    struct engine *e = calloc(1, sizeof *e);
    enum err failed;

    ASSERT(e != NULL);
    e->genesis = malloc(sizeof *e->genesis);
    ASSERT(e->genesis != NULL);
    *e->genesis = *g;
    failed = genesis_chain_id(&e->chain_id, g);
    ASSERT(failed == ERR_NONE);
    e->params = g->params;
    e->params_hash = genesis_params_hash(&g->params);
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
    totals_deinit(&e->loaded);
    buf_deinit(&e->now.header_bytes);
    buf_deinit(&e->now.body);
    buf_deinit(&e->now.events);
    buf_deinit(&e->difference);
    free(e->now.event_list);
    free(e->now.event_at);
    free(e->now.tx_ids);
    free(e->now.tx_hashes);
    free(e->refused_list);
    free(e->genesis);
    free(e);
}

void engine_settle(struct engine *e)
{
    e->tip = e->now.block.header;
    e->tip_hash = e->now.block.hash;
    mtree_log_append(&e->log, &e->tip_hash);
    e->validators = e->now.validators;
    e->validators_hash = e->tip.next_validators_hash;
    e->params = e->now.params;
    e->params_hash = genesis_params_hash(&e->params);
    e->now.committed = true;
}

/* Block 0: the rows of the genesis, no transactions, no parent. */
static void build_genesis(struct engine *e)
{
    const struct ledger_view view = overlay_view(e->overlay);
    struct header h = {.proposer = 0xffff, .time_ms = e->genesis->time_ms};
    enum err failed;

    e->validators.set = genesis_valset(e->genesis);
    e->validators_hash = valset_hash(&e->validators.set);
    engine_begin(e);
    ledger_genesis(e->genesis, &view);
    e->tip.height = UINT64_MAX; /* so that the next one is 0 */
    failed = engine_finish(e, &h, 0);
    ASSERT(failed == ERR_NONE && h.height == 0);
    engine_settle(e);
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
    TRY(state_load(e->state, key, row));
    totals_add(&e->loaded, key, row);
    return ERR_NONE;
}

void engine_load_hash(struct engine *e)
{
    state_hash_inside(e->state);
}

enum err engine_load_join(struct engine *e, struct engine *part)
{
    TRY(state_join(e->state, part->state));
    totals_join(&e->loaded, &part->loaded);
    return ERR_NONE;
}

static struct bytes validators_in_force(const struct engine *e)
{
    const struct row_key key = {.table = TABLE_VALIDATORS};

    return state_get(e->state, &key);
}

/* Those of the genesis, until they are changed. */
static enum err load_params(struct engine *e)
{
    const struct row_key key = {.table = TABLE_SHARED};
    const struct bytes row = state_get(e->state, &key);

    e->params = e->genesis->params;
    if (row.size > 0)
        TRY(engine_read_params(&e->params, row));
    e->params_hash = genesis_params_hash(&e->params);
    return ERR_NONE;
}

/* The set in force after the tip is the one whose hash the tip names. */
static enum err load_validators(struct engine *e, const struct header *tip)
{
    const uint64_t epoch =
        tip->epoch + ((tip->flags & HEADER_SEAL) != 0 ? 1 : 0);

    TRY(engine_read_validators(&e->validators, validators_in_force(e)));
    TRY(load_params(e));
    e->validators_hash = valset_hash(&e->validators.set);
    return e->validators.set.epoch == epoch &&
                   hash_eq(&e->validators_hash, &tip->next_validators_hash)
               ? ERR_NONE
               : ERR_MISMATCH;
}

enum err engine_load_finish(struct engine *e,
                            const struct header *tip,
                            const struct mtree_log *header_log)
{
    const struct hash root = state_root(e->state);

    engine_note_load(e, tip, &root);
    if (!hash_eq(&root, &tip->state_root) ||
        !hash_eq(&e->chain_id, &tip->chain_id))
        return ERR_MISMATCH;
    if (header_log->size != tip->height + 1 ||
        totals_check(&e->loaded, e->state) != ERR_NONE)
        return ERR_CORRUPT;
    TRY(load_validators(e, tip));
    e->tip = *tip;
    e->tip_hash = header_hash(tip);
    e->log = *header_log;
    totals_deinit(&e->loaded);
    return ERR_NONE;
}

enum err engine_audit(const struct engine *e)
{
    return engine_check_all(e->state);
}

const struct engine_refusal *engine_refused(const struct engine *e)
{
    return &e->refused;
}

struct state *engine_state(struct engine *e)
{
    return e->state;
}

const struct header *engine_tip(const struct engine *e)
{
    return &e->tip;
}

void engine_validators(const struct engine *e, struct valset *out)
{
    *out = e->validators.set;
}

void engine_params(const struct engine *e, struct genesis_params *out)
{
    *out = e->params;
}

uint64_t engine_validators_since(const struct engine *e)
{
    return e->validators.since_height;
}

enum err engine_validators_of(const struct engine *e,
                              uint64_t epoch,
                              struct valset *out)
{
    const struct row_key key = {.table = TABLE_VALIDATORS,
                                .key = epoch_key(epoch)};
    struct validators_row row;
    struct bytes bytes;

    if (epoch == e->validators.set.epoch) {
        *out = e->validators.set;
        return ERR_NONE;
    }
    bytes = state_get(e->state, &key);
    if (bytes.size == 0)
        return ERR_NOT_FOUND;
    TRY(engine_read_validators(&row, bytes));
    *out = row.set;
    return ERR_NONE;
}

struct gather {
    struct candidate_row *out;
    uint32_t count;
    uint32_t max;
};

static bool take_candidate(void *ctx,
                           const struct row_key *key,
                           struct bytes row)
{
    struct gather *g = ctx;

    (void)key;
    if (g->count >= g->max)
        return false;
    if (schema_decode(&g->out[g->count], &candidate_row_schema, row) ==
        ERR_NONE)
        g->count++;
    return true;
}

uint32_t engine_candidates(const struct engine *e,
                           struct candidate_row *out,
                           uint32_t max)
{
    static const struct hash no_tree;
    struct gather g = {.out = out, .max = max};

    state_each(e->state, TABLE_CANDIDATES, &no_tree, take_candidate, &g);
    return g.count;
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

bool engine_is_ahead(const struct engine *e)
{
    return e->now.any && !e->now.committed;
}

const struct executed_block *engine_commit(struct engine *e,
                                           const struct hash *block_hash)
{
    ASSERT(engine_stands_at(e, block_hash));
    engine_settle(e);
    return &e->now.block;
}

void engine_roots(struct engine *e,
                  const struct executed_block *b,
                  struct buf *out)
{
    state_roots_append(out, e->state, &b->changes);
}

struct hash engine_snapshot(struct engine *e,
                            const char *code,
                            uint64_t *height,
                            bool *final)
{
    const struct hash key = security_key(code);

    *final = !e->now.any || e->now.committed;
    *height = *final ? e->tip.height : e->now.block.header.height;
    return state_security_hash(e->state, &key);
}

enum verdict engine_dry_run(struct engine *e,
                            const struct tx *tx,
                            uint64_t time_ms,
                            struct refusal *why)
{
    const struct header *parent =
        engine_is_ahead(e) ? &e->now.block.header : &e->tip;
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
    ledger_fetch(&view, &tx, 1);
    return ledger_apply(&b, tx, why);
}
