#include "ledger/evidence.h"

static struct candidate candidate_of(const struct evidence_vote *v,
                                     uint64_t view)
{
    return (struct candidate){view, v->parent_view, v->height, v->block};
}

static void proof_of(struct tx_proof *out,
                     const struct hash *chain_id,
                     const struct op_evidence *op,
                     const struct evidence_vote *v)
{
    const struct vote_domain d = {.chain_id = *chain_id,
                                  .validators_hash = op->validators_hash};
    const struct candidate about = candidate_of(v, op->view);

    out->digest = vote_digest(&d, v->kind, op->epoch, &about);
    out->key = op->key;
    out->sig = v->sig;
}

uint32_t evidence_proofs(struct tx_proof out[TX_PROOFS_MAX],
                         const struct tx *tx)
{
    struct op_evidence op;
    uint32_t count = 0;

    for (uint32_t i = 0; i < tx->op_count; i++) {
        if (tx->ops[i].at[0] != OP_EVIDENCE ||
            schema_decode(&op,
                          op_def_evidence.schema,
                          bytes_of(tx->ops[i].at + 1, tx->ops[i].size - 1)) !=
                ERR_NONE)
            continue;
        proof_of(&out[count++], &tx->chain_id, &op, &op.first);
        proof_of(&out[count++], &tx->chain_id, &op, &op.second);
    }
    return count;
}

static struct evidence_vote vote_of(const struct vote *v)
{
    return (struct evidence_vote){.kind = v->kind,
                                  .parent_view = v->about.parent_view,
                                  .height = v->about.height,
                                  .block = v->about.block,
                                  .sig = v->sig};
}

enum err evidence_op(struct op_evidence *out,
                     const struct vote_domain *d,
                     const struct vote *a,
                     const struct vote *b)
{
    memset(out, 0, sizeof *out);
    if (a->epoch != b->epoch || a->epoch != d->set->epoch ||
        a->about.view != b->about.view || a->signer != b->signer ||
        a->signer >= d->set->count)
        return ERR_RANGE;
    out->epoch = a->epoch;
    out->validators_hash = d->validators_hash;
    out->key = d->set->list[a->signer].key;
    out->view = a->about.view;
    out->first = vote_of(a);
    out->second = vote_of(b);
    return evidence_conflict(out) == CONFLICT_NONE ? ERR_MISMATCH : ERR_NONE;
}

enum vote_conflict evidence_conflict(const struct op_evidence *op)
{
    const struct candidate a = candidate_of(&op->first, op->view);
    const struct candidate b = candidate_of(&op->second, op->view);

    if (!vote_shape_ok(op->first.kind, &a) ||
        !vote_shape_ok(op->second.kind, &b))
        return CONFLICT_NONE;
    return vote_conflict_of(op->first.kind, &a, op->second.kind, &b);
}
