/* Which transactions a new block is made of. */
#include "base/check.h"
#include "node/node.h"

#include <stdlib.h>

/* What one institution has in the block so far. */
struct share {
    uint32_t txs;
    size_t bytes;
    bool over;
};

struct offer {
    const struct genesis_params *params;
    struct mtx **out;
    uint32_t count;
    struct share *shares; /* by number of the institution */
};

static void take(struct offer *o, struct mtx *m)
{
    m->refs++;
    m->offered = true;
    o->out[o->count++] = m;
}

/* Half a block for each institution.  Who is over stays over: its transactions
 * may build on one another, so none is taken ahead of an older one. */
static bool within_share(struct offer *o, const struct mtx *m)
{
    struct share *s = &o->shares[m->facts.institution];

    s->over = s->over || s->txs + 1 > o->params->block_txs_max / 2 ||
              s->bytes + m->size > o->params->block_bytes_max / 2;
    s->txs++;
    s->bytes += m->size;
    return !s->over;
}

static void offer_pass(struct offer *o,
                       const struct mempool *p,
                       bool court,
                       bool fair)
{
    for (struct mtx *m = p->oldest;
         m != NULL && o->count < o->params->block_txs_max;
         m = m->newer) {
        if (m->state == MTX_READY && !m->offered && m->court == court &&
            (!fair || within_share(o, m)))
            take(o, m);
    }
}

/* A court's order does not stand in the queue.  Of the others what waits
 * longest, up to half a block for an institution; then, if there is room, more:
 * one that files a great deal holds nobody up. */
uint32_t mempool_offer(struct node *n, struct mtx **out)
{
    struct offer o = {.params = &n->params, .out = out};

    o.shares = calloc(UINT16_MAX + 1, sizeof o.shares[0]);
    ASSERT(o.shares != NULL);
    offer_pass(&o, &n->pool, true, false);
    offer_pass(&o, &n->pool, false, true);
    offer_pass(&o, &n->pool, false, false);
    for (uint32_t i = 0; i < o.count; i++)
        out[i]->offered = false;
    free(o.shares);
    return o.count;
}
