#include "document/document.h"

#include "base/num.h"
#include "crypto/hash.h"
#include "document/model.h"
#include "ledger/movement.h"

#include <stdlib.h>

/* The verifier has compared these sums with the security's; they are taken
 * again from the lines that are printed. */
static enum err sum_lines(struct document *d)
{
    struct reader r = receipt_items(&d->r.of.reg.lines);
    struct holding_sums *s = &d->control.lines;
    const struct security_row *said = &d->f.security;
    struct receipt_line line;
    struct holding_row *h = malloc(sizeof *h);
    enum err e = h != NULL ? ERR_NONE : ERR_NO_MEMORY;

    while (e == ERR_NONE && receipt_next_line(&r, &line)) {
        struct holding_sums one;

        e = schema_decode(h, &holding_row_schema, line.row);
        if (e != ERR_NONE)
            break;
        one = holding_sums_of(h, d->f.date);
        if (!num_add_u64(&s->total, s->total, one.total) ||
            !num_add_u64(&s->pledged, s->pledged, one.pledged) ||
            !num_add_u64(&s->frozen, s->frozen, one.frozen) ||
            !num_add_u64(&s->queued, s->queued, one.queued))
            e = ERR_MISMATCH;
    }
    free(h);
    if (e != ERR_NONE)
        return e;
    return s->total == said->issued.shares &&
                   s->pledged == said->pledged.shares &&
                   s->frozen == said->frozen.shares &&
                   s->queued == said->queued.shares
               ? ERR_NONE
               : ERR_MISMATCH;
}

static enum err add_movements(struct document *d)
{
    const struct receipt_statement *x = &d->r.of.statement;
    struct reader r = receipt_items(&x->events);
    struct control *c = &d->control;
    struct receipt_event e;
    struct event event;
    uint64_t balance;

    c->opening = x->from_start ? 0 : d->f.earlier_sums.total;
    balance = c->opening;
    while (receipt_next_event(&r, &e)) {
        struct movement m;

        TRY(schema_decode(&event, &event_schema, e.event));
        m = movement_of(&event, &d->f.account);
        if (!movement_add(&balance, &m) || !num_add_u64(&c->in, c->in, m.in) ||
            !num_add_u64(&c->out, c->out, m.out))
            return ERR_MISMATCH;
    }
    return balance == d->f.sums.total ? ERR_NONE : ERR_MISMATCH;
}

enum err document_open(struct document **out,
                       const struct receipt_facts **facts,
                       struct bytes receipt,
                       const struct trust *t)
{
    struct document *d = calloc(1, sizeof *d);

    *out = d;
    if (d == NULL)
        return ERR_NO_MEMORY;
    d->file = receipt;
    d->digest = hash_of(receipt);
    receipt_check(&d->f, &d->r, receipt, t);
    *facts = &d->f;
    if (d->f.outcome != RECEIPT_PROVEN)
        return ERR_NONE;
    if (d->f.kind == RECEIPT_REGISTER)
        return sum_lines(d);
    if (d->f.kind == RECEIPT_STATEMENT)
        return add_movements(d);
    return ERR_NONE;
}

void document_close(struct document *d)
{
    free(d);
}

const struct receipt *document_receipt(const struct document *d)
{
    return &d->r;
}
