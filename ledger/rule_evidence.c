/* Evidence against a validator: it is recorded, nothing follows by itself. */
#include "ledger/evidence.h"
#include "ledger/exec.h"

static const struct hash zero;

/* The set of an epoch, in force or past. */
static bool get_set(const struct exec *x,
                    struct validators_row *row,
                    uint64_t epoch)
{
    const struct hash past = epoch_key(epoch);

    return (exec_get(x->b->view, row, TABLE_VALIDATORS, &zero, &zero) &&
            row->set.epoch == epoch) ||
           exec_get(x->b->view, row, TABLE_VALIDATORS, &zero, &past);
}

enum verdict rule_evidence(struct exec *x, const struct op_evidence *op)
{
    const struct hash id = validator_id(&op->key);
    struct evidence_row row = {.epoch = op->epoch,
                               .view = op->view,
                               .type = (uint8_t)evidence_conflict(op),
                               .key = op->key,
                               .height = x->b->height,
                               .tx_id = x->tx->id};
    struct event e = {.kind = EVENT_EVIDENCE_RECORDED,
                      .account = id,
                      .quantity = op->view,
                      .second = row.type};
    struct validators_row validators;
    struct evidence_row before;
    struct hash hash;
    struct hash key;
    int at;

    /* R167: Evidence is two votes that one validator of the named set signed
     * and that exclude each other: NOTARIZE for two candidates of a view,
     * FINALIZE for two, each for another one, or NULLIFY and FINALIZE. */
    if (!get_set(x, &validators, op->epoch))
        return exec_refuse(x, V_UNKNOWN, &op->validators_hash, op->epoch, 0);
    hash = valset_hash(&validators.set);
    at = valset_find(&validators.set, &op->key);
    if (!hash_eq(&hash, &op->validators_hash))
        return exec_refuse(x, V_UNKNOWN, &op->validators_hash, 0, 0);
    if (at < 0)
        return exec_refuse(x, V_UNKNOWN, &id, 0, 0);
    /* R168: Evidence of one kind against a validator is recorded once for a
     * view. */
    key = evidence_key(op->epoch, op->view, (uint8_t)at, row.type);
    if (exec_get(x->b->view, &before, TABLE_EVIDENCE, &zero, &key))
        return exec_refuse(x, V_EXISTS, &before.tx_id, 0, 0);
    if (row.type == CONFLICT_NONE)
        return exec_refuse(x, V_EVIDENCE, &id, 0, 0);
    row.institution = validators.set.list[at].institution;
    e.number = row.institution;
    exec_emit(x, &e);
    exec_put(x, &row, TABLE_EVIDENCE, &zero, &key);
    return V_OK;
}
