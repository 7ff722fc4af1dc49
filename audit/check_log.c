/* Statements about blocks: what is in one, and that one continues another. */
#include "audit/check.h"
#include "base/num.h"
#include "ledger/ops.h"

static bool check_ops(const struct tx *tx)
{
    union op_any op;
    const struct op_def *def;

    for (uint32_t i = 0; i < tx->op_count; i++) {
        if (op_decode(&def, &op, tx->ops[i]) != ERR_NONE)
            return false;
    }
    return true;
}

bool check_transaction(struct check *c)
{
    const struct receipt_transaction *x = &c->r->of.transaction;
    const struct header *h = &c->f->block;
    const struct hash leaf = mtree_leaf(x->tx);

    if (mtree_check(&h->tx_root,
                    h->tx_count,
                    x->index,
                    &leaf,
                    x->path.steps,
                    x->path.count) != ERR_NONE)
        return check_fail(c, FAULT_TX_PLACE, "statement");
    if (tx_decode(&c->f->tx, x->tx) != ERR_NONE ||
        !hash_eq(&c->f->tx.chain_id, &c->t->chain_id) ||
        c->f->tx.reference.day > NUM_DAY_LAST ||
        c->f->tx.valid_until > NUM_DAY_LAST || !check_ops(&c->f->tx))
        return check_fail(c, FAULT_TX, "statement");
    if (tx_check_sigs(&c->f->tx, NULL) != ERR_NONE)
        return check_fail(c, FAULT_TX_SIGNATURE, "statement");
    return true;
}

bool check_earlier(struct check *c,
                   struct bytes header,
                   const struct mtree_proof *path)
{
    struct receipt_facts *f = c->f;

    if (!check_header(c, &f->earlier, &f->earlier_hash, header, "statement"))
        return false;
    if (f->earlier.height >= f->block.height ||
        mtree_check(&f->block.header_log_root,
                    f->block.header_log_size,
                    f->earlier.height,
                    &f->earlier_hash,
                    path->steps,
                    path->count) != ERR_NONE)
        return check_fail(c, FAULT_EARLIER, "statement");
    return true;
}

bool check_consistency(struct check *c)
{
    const struct receipt_consistency *x = &c->r->of.consistency;
    const struct receipt_facts *f = c->f;

    if (!check_earlier(c, x->earlier_header, &x->inclusion))
        return false;
    return mtree_check_consistency(f->earlier.header_log_size,
                                   &f->earlier.header_log_root,
                                   f->block.header_log_size,
                                   &f->block.header_log_root,
                                   &x->consistency) == ERR_NONE ||
           check_fail(c, FAULT_CONSISTENCY, "statement");
}
