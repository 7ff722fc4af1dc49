/* Clients that ask what became of a transaction, and those that wait for it.
 *
 * An answer joins two sources: the store, read on the reader thread, and the
 * mempool, which the loop owns.  A block that was indexed between the two is
 * found by asking once more. */
#include "base/check.h"
#include "ledger/rows.h"
#include "node/api.h"

#include <stdlib.h>

struct ask {
    struct task task;
    struct node *node;
    struct rpc_call *call;
    struct hash id;
    struct tx_facts facts;
    uint64_t deadline_ms; /* 0: answer at once */
    struct fate fate;
    enum err err;
};

/* The newest refusal of this id, NULL if there is none in memory. */
static const struct kept_refusal *kept(const struct node *n,
                                       const struct hash *id)
{
    for (uint32_t i = 0; i < REFUSALS_KEPT; i++) {
        const uint32_t at =
            (n->refusal_next + REFUSALS_KEPT - 1 - i) % REFUSALS_KEPT;

        if (n->refusals[at].why.verdict == V_OK)
            return NULL; /* never used */
        if (hash_eq(&n->refusals[at].id, id))
            return &n->refusals[at];
    }
    return NULL;
}

void refusal_keep(struct node *n, const struct mtx *m)
{
    n->refusals[n->refusal_next] =
        (struct kept_refusal){m->id, m->last, m->facts};
    n->refusal_next = (n->refusal_next + 1) % REFUSALS_KEPT;
}

/* Definite by a block that is the tip, though the store does not show it yet.
 */
static bool will_be_definite(const struct node *n,
                             const struct kept_refusal *r,
                             uint64_t as_of)
{
    if (as_of >= n->tip.height)
        return false;
    return r->why.verdict == V_DUPLICATE_SERIAL ||
           (r->why.verdict == V_EXPIRED &&
            ledger_date(n->tip.time_ms, n->genesis->offset_ms) >
                tx_last_day(&r->facts));
}

static void answer_open(struct node *n,
                        struct rpc_call *call,
                        const struct hash *id)
{
    const struct mtx *m = mempool_by_id(n, id);

    api_answer_open(call,
                    id,
                    m != NULL ? "PENDING" : "UNKNOWN",
                    m != NULL && m->judged ? &m->last : NULL);
}

static void add_waiter(struct node *n, const struct ask *a)
{
    struct waiter *w = calloc(1, sizeof *w);

    ASSERT(w != NULL);
    w->call = a->call;
    w->id = a->id;
    w->facts = a->facts;
    w->deadline_ms = a->deadline_ms;
    w->next = n->waiters;
    n->waiters = w;
}

static void run_ask(struct task *task)
{
    struct ask *a = (struct ask *)(void *)task;
    struct node *n = a->node;

    a->err =
        fate_read(&a->fate, n->store, &a->id, &a->facts, n->genesis->offset_ms);
}

/* What this node knows itself comes before what the asker says; true if that
 * is news to the ask. */
static bool learn(struct ask *a, const struct tx_facts *f)
{
    const bool same =
        a->facts.known && a->facts.valid_until == f->valid_until &&
        a->facts.institution == f->institution &&
        a->facts.reference.day == f->reference.day &&
        memcmp(a->facts.reference.serial, f->reference.serial, SERIAL_BYTES) ==
            0;

    a->facts = *f;
    return !same;
}

/* Nothing is definite: what this node alone can say. */
static void answer_here(struct ask *a,
                        const struct mtx *m,
                        const struct kept_refusal *r)
{
    struct node *n = a->node;
    const bool wait = a->deadline_ms != 0;

    if (m != NULL && m->state == MTX_COMMITTED &&
        m->height <= n->durable_height)
        api_answer_final(a->call, &a->id, m->height, m->index);
    else if (r != NULL && wait && !will_be_definite(n, r, a->fate.as_of))
        api_answer_refused(a->call, &a->id, &r->why);
    else if (wait && !n->stopping)
        add_waiter(n, a);
    else if (r != NULL)
        api_answer_open(a->call, &a->id, "REFUSED", &r->why);
    else
        answer_open(n, a->call, &a->id);
}

static void ask_done(struct task *task)
{
    struct ask *a = (struct ask *)(void *)task;
    struct node *n = a->node;
    const struct mtx *m = mempool_by_id(n, &a->id);
    const struct kept_refusal *r = m == NULL ? kept(n, &a->id) : NULL;
    bool again = a->fate.as_of < n->indexed_height;

    if (a->err == ERR_NONE && a->fate.kind == FATE_FINAL) {
        api_answer_final(a->call, &a->id, a->fate.height, a->fate.index);
        free(a);
        return;
    }
    if (a->err == ERR_PRUNED) {
        api_pruned_why(n,
                       a->call,
                       "it is final, in a block before the snapshot at which "
                       "this node began; another node knows which");
        free(a);
        return;
    }
    if (m != NULL)
        again = learn(a, &m->facts) || again;
    else if (r != NULL)
        again = learn(a, &r->facts) || again;
    if (a->err == ERR_NONE && again && !n->stopping) {
        pool_submit(n->reader, &a->task, LANE_CLIENTS);
        return;
    }
    if (a->err != ERR_NONE)
        rpc_broken(a->call, a->err);
    else if (a->fate.kind != FATE_OPEN && !again)
        api_answer_dead(a->call, &a->id, &a->fate, &a->facts);
    else
        answer_here(a, m, r);
    free(a);
}

void ask_fate(struct node *n,
              struct rpc_call *call,
              const struct hash *id,
              const struct tx_facts *facts,
              uint64_t deadline_ms)
{
    struct ask *a = calloc(1, sizeof *a);

    ASSERT(a != NULL);
    a->task.run = run_ask;
    a->task.done = ask_done;
    a->node = n;
    a->call = call;
    a->id = *id;
    a->facts = *facts;
    a->deadline_ms = deadline_ms;
    pool_submit(n->reader, &a->task, LANE_CLIENTS);
}

/* Unlinks and returns a waiter of this id; NULL if there is none left. */
static struct waiter *take_waiter(struct node *n, const struct hash *id)
{
    for (struct waiter **at = &n->waiters; *at != NULL; at = &(*at)->next) {
        struct waiter *w = *at;

        if (hash_eq(&w->id, id)) {
            *at = w->next;
            return w;
        }
    }
    return NULL;
}

void waiters_final(struct node *n,
                   const struct hash *id,
                   uint64_t height,
                   uint32_t index)
{
    struct waiter *w;

    while (n->waiters != NULL && (w = take_waiter(n, id)) != NULL) {
        api_answer_final(w->call, id, height, index);
        free(w);
    }
}

void waiters_refused(struct node *n, const struct mtx *m)
{
    const bool may_be_definite =
        m->last.verdict == V_DUPLICATE_SERIAL || m->last.verdict == V_EXPIRED;
    struct waiter *w;

    while (n->waiters != NULL && (w = take_waiter(n, &m->id)) != NULL) {
        if (may_be_definite && !n->stopping)
            ask_fate(n, w->call, &w->id, &m->facts, w->deadline_ms);
        else
            api_answer_refused(w->call, &m->id, &m->last);
        free(w);
    }
}

/* Who else used the reference in this block; NULL: nobody. */
static const struct hash *used_by(const struct store_block *b,
                                  const struct tx_facts *f,
                                  struct reference_row *row)
{
    const struct row_key key = tx_reference_row(f);

    for (uint32_t i = 0; i < b->changes.count; i++) {
        const struct change *c = &b->changes.list[i];

        if (c->key.table == TABLE_REFERENCES &&
            hash_eq(&c->key.key, &key.key) &&
            hash_eq(&c->key.tree, &key.tree) &&
            schema_decode(row, &reference_row_schema, c->new_row) == ERR_NONE)
            return &row->tx_id;
    }
    return NULL;
}

/* A block is in the index: what it makes impossible for ever is told.  Those
 * whose own transaction is in it have been answered before. */
void waiters_indexed(struct node *n, const struct store_block *b)
{
    const uint32_t date =
        ledger_date(b->header->time_ms, n->genesis->offset_ms);
    struct waiter **at = &n->waiters;

    while (*at != NULL) {
        struct waiter *w = *at;
        struct fate fate = {.as_of = b->header->height,
                            .height = b->header->height};
        struct reference_row row;
        const struct hash *by =
            w->facts.known ? used_by(b, &w->facts, &row) : NULL;

        if (by != NULL && !hash_eq(by, &w->id)) {
            fate.kind = FATE_VOID;
            fate.by = *by;
        } else if (w->facts.known && date > tx_last_day(&w->facts)) {
            fate.kind = FATE_EXPIRED;
        } else {
            at = &w->next;
            continue;
        }
        *at = w->next;
        api_answer_dead(w->call, &w->id, &fate, &w->facts);
        free(w);
    }
}

void waiters_tick(struct node *n, uint64_t now_ms)
{
    struct waiter **at = &n->waiters;

    while (*at != NULL) {
        struct waiter *w = *at;

        if (now_ms < w->deadline_ms) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        answer_open(n, w->call, &w->id);
        free(w);
    }
}

void waiters_free(struct node *n)
{
    while (n->waiters != NULL) {
        struct waiter *w = n->waiters;

        n->waiters = w->next;
        free(w);
    }
}
