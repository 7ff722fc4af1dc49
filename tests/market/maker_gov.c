/* Random operations on who validates: see maker.h. */
#include "tests/market/maker.h"

#include <stdlib.h>

static const struct hash zero;

static bool often(struct maker *k, uint32_t percent)
{
    return maker_roll(k, 100) < percent;
}

static bool get(const struct maker *k,
                void *row,
                uint8_t table,
                const struct hash *key)
{
    const struct row_key at = {table, zero, *key};
    const struct bytes bytes = rows_get(k->m->rows, &at);

    return bytes.size > 0 &&
           schema_decode(row, row_schema(table), bytes) == ERR_NONE;
}

static bool get_candidate(const struct maker *k,
                          struct candidate_row *row,
                          uint16_t institution)
{
    const struct hash key = institution_id(institution);

    return get(k, row, TABLE_CANDIDATES, &key);
}

static uint16_t some_institution(struct maker *k)
{
    return (uint16_t)(1 + maker_roll(
                              k, MARKET_INSTITUTIONS + (often(k, 3) ? 1 : 0)));
}

/* An institution has three keys for validators, which it uses in turn. */
static struct pubkey some_key(struct maker *k, uint16_t institution)
{
    return market_key(MARKET_VALIDATOR_KEYS + institution +
                      10 * (uint32_t)maker_roll(k, 3));
}

static void fill_announce(struct maker *k, struct op_validator_announce *op)
{
    op->number = some_institution(k);
    op->key = some_key(k, op->number);
    op->spki_hash =
        institution_id(often(k, 95) ? op->number : some_institution(k));
    if (often(k, 2))
        op->key.raw[0] = 9;
}

/* One that is announced, if it is found soon. */
static uint16_t some_announced(struct maker *k, struct candidate_row *row)
{
    uint16_t number = some_institution(k);

    for (int i = 0; i < 6 && !get_candidate(k, row, number); i++)
        number = some_institution(k);
    return number;
}

static void fill_ready(struct maker *k, struct op_validator_ready *op)
{
    struct candidate_row row;
    const uint16_t number = some_announced(k, &row);

    op->key = get_candidate(k, &row, number) && often(k, 95)
                  ? row.key
                  : some_key(k, number);
    op->version = (uint32_t)maker_roll(k, 1 << 20);
}

/* A rotation, a replacement, one more or one less; seldom something else. */
static void fill_change(struct maker *k, struct op_validators_change *op)
{
    struct validators_row now;
    struct candidate_row row;
    uint16_t joins = 0;

    op->leave_count = 0;
    op->join_count = 0;
    if (!get(k, &now, TABLE_VALIDATORS, &zero))
        return;
    if (often(k, 85)) {
        joins = some_announced(k, &row);
        op->join[op->join_count++] = (struct validator_item){
            joins,
            get_candidate(k, &row, joins) ? row.key : some_key(k, joins)};
    }
    if (often(k, 75)) {
        const struct validator *v = &now.set.list[maker_roll(k, now.set.count)];

        for (uint32_t i = 0; i < now.set.count; i++) {
            if (now.set.list[i].institution == joins && often(k, 90))
                v = &now.set.list[i];
        }
        op->leave[op->leave_count++] =
            (struct validator_item){v->institution, v->key};
    }
    if (often(k, 5) && op->join_count > 0) {
        op->join[op->join_count] = op->join[0];
        op->join_count++;
    }
    if (often(k, 5)) {
        const uint16_t number = some_institution(k);

        op->leave[op->leave_count++] =
            (struct validator_item){number, some_key(k, number)};
    }
}

static struct evidence_vote some_vote(struct maker *k, uint64_t view)
{
    struct evidence_vote v = {.kind = (uint8_t)(1 + maker_roll(k, 3))};

    if (v.kind == VOTE_NULLIFY && often(k, 95))
        return v;
    v.parent_view = view == 0 ? 0 : maker_roll(k, view);
    v.height = maker_roll(k, 3);
    v.block.raw[0] = (uint8_t)maker_roll(k, 3);
    return v;
}

static void fill_evidence(struct maker *k, struct op_evidence *op)
{
    struct validators_row now;
    struct hash past;

    if (!get(k, &now, TABLE_VALIDATORS, &zero))
        return;
    op->epoch = now.set.epoch;
    if (op->epoch > 0 && often(k, 40)) {
        op->epoch -= 1 + maker_roll(k, op->epoch);
        past = epoch_key(op->epoch);
        (void)get(k, &now, TABLE_VALIDATORS, &past);
    }
    op->validators_hash = valset_hash(&now.set);
    if (often(k, 3))
        op->epoch++;
    op->key = often(k, 95) ? now.set.list[maker_roll(k, now.set.count)].key
                           : some_key(k, some_institution(k));
    op->view = maker_roll(k, 6);
    op->first = some_vote(k, op->view);
    op->second = some_vote(k, op->view);
}

void maker_gov(struct maker *k, uint8_t kind, union op_any *op)
{
    struct candidate_row row;

    switch (kind) {
    case OP_VALIDATOR_ANNOUNCE:
        fill_announce(k, &op->op_validator_announce);
        return;
    case OP_VALIDATOR_WITHDRAW:
        op->op_validator_withdraw.number = some_announced(k, &row);
        return;
    case OP_VALIDATOR_READY:
        fill_ready(k, &op->op_validator_ready);
        return;
    case OP_VALIDATORS_CHANGE:
        fill_change(k, &op->op_validators_change);
        return;
    case OP_EVIDENCE:
        fill_evidence(k, &op->op_evidence);
        return;
    case OP_PARAMS_CHANGE:
        genesis_defaults(&op->op_params_change.params);
        op->op_params_change.params.t_view_ms =
            200 + (uint32_t)maker_roll(k, 400); /* 250 is the least */
        return;
    default:
        return;
    }
}
