#include "ledger/ledger.h"

#include "base/check.h"
#include "ledger/exec.h"
#include "ledger/sign.h"

static const struct hash zero;

static void put_row(const struct ledger_view *view,
                    uint8_t table,
                    const struct hash *key,
                    const void *row)
{
    const struct row_key k = {table, zero, *key};
    uint8_t buf[ROW_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    schema_encode(&w, row_schema(table), row);
    ASSERT(writer_ok(&w));
    view->put(view->ctx, &k, writer_bytes(&w));
}

static bool runs_validator(const struct genesis *g, uint16_t number)
{
    for (uint32_t i = 0; i < g->validator_count; i++) {
        if (g->validators[i].institution == number)
            return true;
    }
    return false;
}

void ledger_genesis(const struct genesis *g, const struct ledger_view *view)
{
    const struct validators_row validators = {.set = genesis_valset(g)};
    const struct params_row params = {
        .validators_min = g->production ? PRODUCTION_VALIDATORS_MIN : 1,
        .ready_blocks = READY_BLOCKS,
        .recovery_days = RECOVERY_DAYS,
        .due_day = ledger_date(g->time_ms, g->offset_ms),
        .due_next = 1,
    };

    put_row(view, TABLE_PARAMS, &zero, &params);
    put_row(view, TABLE_VALIDATORS, &zero, &validators);
    for (uint32_t i = 0; i < g->institution_count; i++) {
        const struct genesis_institution *x = &g->institutions[i];
        const struct hash key = institution_id(x->number);
        struct institution_row row = {
            .number = x->number,
            .roles = x->roles,
            .validator = runs_validator(g, x->number),
            .key_count = x->key_count,
        };

        memcpy(row.code, x->code, sizeof row.code);
        memcpy(row.keys, x->keys, sizeof row.keys);
        put_row(view, TABLE_INSTITUTIONS, &key, &row);
    }
    for (uint32_t i = 0; i < g->authority_count; i++) {
        const struct hash key = security_key(g->authorities[i].code);

        put_row(view, TABLE_AUTHORITIES, &key, &g->authorities[i]);
    }
    for (uint32_t i = 0; i < g->year_count; i++) {
        const struct hash key = day_key(g->years[i].year);

        put_row(view, TABLE_CALENDAR, &key, &g->years[i]);
    }
}

/* References of days that left the window can never be used again (their day
 * is too old for any transaction), so their trees go. */
static void drop_old_references(const struct ledger_block *b,
                                uint32_t parent_date)
{
    const uint32_t oldest =
        parent_date > TX_WINDOW_DAYS ? parent_date - TX_WINDOW_DAYS : 0;

    for (uint32_t day = oldest;
         day <= parent_date && day + TX_WINDOW_DAYS < b->date;
         day++) {
        const struct hash tree = day_key(day);

        b->view->drop(b->view->ctx, TABLE_REFERENCES, &tree);
    }
}

void ledger_begin_block(struct ledger_block *b,
                        const struct hash *chain_id,
                        uint64_t height,
                        uint64_t time_ms,
                        uint64_t parent_time_ms,
                        uint32_t offset_ms,
                        const struct ledger_view *view,
                        ledger_event_fn on_event,
                        void *on_event_ctx)
{
    *b = (struct ledger_block){
        .chain_id = *chain_id,
        .height = height,
        .time_ms = time_ms,
        .date = ledger_date(time_ms, offset_ms),
        .offset_ms = offset_ms,
        .view = view,
        .on_event = on_event,
        .on_event_ctx = on_event_ctx,
    };
    drop_old_references(b, ledger_date(parent_time_ms, offset_ms));
    due_run(b);
}

bool ledger_is_court(const struct tx *tx)
{
    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def = op_find(tx->ops[i].at[0]);

        if (def == NULL || !def->is_court)
            return false;
    }
    return true;
}

static enum verdict check_envelope(struct exec *x)
{
    const struct tx *tx = x->tx;
    const uint32_t today = x->b->date;
    const struct hash tree = day_key(tx->reference.day);
    const struct hash key =
        reference_key(tx->institution, tx->reference.serial);
    struct reference_row used;

    if (!hash_eq(&tx->chain_id, &x->b->chain_id))
        return exec_refuse(x, V_CHAIN, &tx->chain_id, 0, 0);
    /* R3: An institution uses a reference once, for ever; its day lies at most
     * 30 days back, and the transaction is valid for at most 30 days from it.
     */
    if (tx->valid_until < today ||
        (uint64_t)tx->reference.day + TX_WINDOW_DAYS < today)
        return exec_refuse(x, V_EXPIRED, NULL, tx->valid_until, today);
    if (tx->reference.day > today ||
        tx->valid_until > (uint64_t)tx->reference.day + TX_WINDOW_DAYS)
        return exec_refuse(x, V_WINDOW, NULL, tx->reference.day, today);
    if (exec_get(x->b->view, &used, TABLE_REFERENCES, &tree, &key))
        return exec_refuse(x, V_DUPLICATE_SERIAL, &used.tx_id, 0, 0);
    /* R4: Court operations stand first in a block. */
    if (x->b->courts_over && ledger_is_court(tx))
        return exec_refuse(x, V_ORDER, NULL, 0, 0);
    if (x->b->due_left)
        return exec_refuse(x, V_DUE, NULL, 0, 0);
    return V_OK;
}

static enum verdict apply_rule(struct exec *x, const union op_any *op)
{
    switch ((enum op_kind)x->def->kind) {
#define OP_CASE(id, number, name) \
    case OP_##id:                 \
        return rule_##name(x, &op->op_##name);
        OP_LIST(OP_CASE)
#undef OP_CASE
    }
    return V_MALFORMED;
}

/* R2: Of several broken rules of an operation the one with the lowest number is
 * told, of several entries of a list the first that fails, and of several
 * operations the first that fails. */
static enum verdict apply_ops(struct exec *x)
{
    union op_any op;
    struct needs needs;
    struct institution_row filer;
    const bool filer_known = sign_get_filer(x, &filer);
    uint8_t filing = FILER_NONE;

    x->needs = &needs;
    x->filer = filer_known ? &filer : NULL;

    for (uint32_t i = 0; i < x->tx->op_count; i++) {
        enum verdict v;

        x->op_index = i;
        if (op_decode(&x->def, &op, x->tx->ops[i]) != ERR_NONE)
            return exec_refuse(x, V_MALFORMED, NULL, 0, 0);
        filing = x->def->filer < filing ? x->def->filer : filing;
        v = sign_check_op(x, &op);
        if (v == V_OK)
            v = apply_rule(x, &op);
        if (x->later.verdict != V_OK && (v == V_OK || v > x->later.verdict))
            v = sign_refuse(x, &x->later);
        if (v != V_OK)
            return v;
    }
    x->op_index = UINT32_MAX;
    x->by_paper = false;
    if (filing != FILER_NONE) {
        const enum verdict v = sign_check_filer(x, x->filer, filing);

        if (v != V_OK)
            return v;
    }
    return sign_check_rest(x);
}

void ledger_fetch(const struct ledger_view *view,
                  const struct tx *const *txs,
                  uint32_t count)
{
    struct row_key keys[VIEW_FETCH_MAX];
    union op_any op;
    uint32_t n = 0;

    if (view->fetch == NULL)
        return;
    for (uint32_t i = 0; i < count && n < VIEW_FETCH_MAX; i++) {
        const struct tx *tx = txs[i];
        const struct op_def *def;

        keys[n++] = (struct row_key){
            TABLE_REFERENCES,
            day_key(tx->reference.day),
            reference_key(tx->institution, tx->reference.serial)};
        for (uint32_t k = 0; k < tx->op_count; k++) {
            if (op_decode(&def, &op, tx->ops[k]) == ERR_NONE)
                n += needs_rows(keys + n, VIEW_FETCH_MAX - n, def, &op);
        }
    }
    view->fetch(view->ctx, keys, n);
}

enum verdict ledger_apply(struct ledger_block *b,
                          const struct tx *tx,
                          struct refusal *why)
{
    struct exec x = {.b = b, .tx = tx, .op_index = UINT32_MAX, .why = why};
    const uint32_t events_before = b->event_count;
    enum verdict v;

    if (why != NULL)
        memset(why, 0, sizeof *why);
    b->view->begin(b->view->ctx);
    v = check_envelope(&x);
    if (v == V_OK)
        v = apply_ops(&x);
    /* R1: A transaction takes effect as a whole or not at all; what is refused
     * changes nothing. */
    if (v != V_OK) {
        b->view->rollback(b->view->ctx);
        b->event_count = events_before;
        return v;
    }
    {
        const struct hash tree = day_key(tx->reference.day);
        const struct hash key =
            reference_key(tx->institution, tx->reference.serial);
        const struct reference_row used = {tx->id};

        exec_put(&x, &used, TABLE_REFERENCES, &tree, &key);
    }
    b->view->accept(b->view->ctx);
    if (!ledger_is_court(tx))
        b->courts_over = true;
    b->tx_index++;
    return V_OK;
}
