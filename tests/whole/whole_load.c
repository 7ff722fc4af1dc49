/* The clients: each has a transaction, gives it to some node as the API would,
 * waits for it there, and goes to another node when nothing comes of it. */
#include "tests/whole/whole_rpc.h"

#include "base/check.h"

enum {
    WAIT_MS = 2500,
};

struct asked {
    struct whole_tx *tx;
    struct rpc_call *call;
    struct asked *next;
    bool waits; /* tx_wait, not tx_submit */
};

static struct asked *open_calls;

static void unlink_call(struct asked *a)
{
    struct asked **at = &open_calls;

    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
}

static void on_answer(void *ctx, const struct client_answer *answer)
{
    struct asked *a = ctx;
    struct whole_tx *tx = a->tx;
    struct whole_node *w = a->call->w;

    unlink_call(a);
    if (a->waits)
        tx->waiting = false;
    if (answer == NULL) {
        free(a);
        return;
    }
    whole_mix_bytes(bytes_of(answer->state, strlen(answer->state)));
    whole_tell("node %d answers %s of %u: %s %s",
               w->index,
               a->waits ? "tx_wait" : "tx_submit",
               (unsigned)(tx - whole.tx),
               answer->state,
               answer->error != NULL ? answer->error : "");
    if (strcmp(answer->state, "FINAL") == 0) {
        if (tx->final &&
            (tx->height != answer->height || tx->index != answer->index) &&
            w->index != whole.byz)
            whole_fail("W5 two places of one transaction are told");
        if (w->index != whole.byz) {
            if (!tx->final)
                whole.tx_final++;
            tx->final = true;
            tx->height = answer->height;
            tx->index = answer->index;
            whole.total.acks++;
            check_ack(w, answer->height);
        }
    } else if (strcmp(answer->state, "VOID") == 0 ||
               strcmp(answer->state, "EXPIRED") == 0) {
        whole_fail("W5 node %d tells that a transaction is dead", w->index);
    } else if (answer->error != NULL) {
        whole_tell(
            "node %d refuses a transaction: %s", w->index, answer->error);
    }
    free(a);
}

static void call(struct whole_node *w,
                 struct whole_tx *tx,
                 enum rpc_method_id method,
                 const struct rpc_arg *args)
{
    struct rpc_call *c = calloc(1, sizeof *c);
    struct asked *a = calloc(1, sizeof *a);
    struct whole_node *before = whole.now;

    ASSERT(c != NULL && a != NULL && w->backend != NULL);
    *a = (struct asked){tx, c, open_calls, method == RPC_TX_WAIT};
    open_calls = a;
    c->w = w;
    c->done = on_answer;
    c->ctx = a;
    whole.now = w;
    w->lag_us = 0;
    w->backend->handlers[method](w->backend->ctx, c, args);
    whole.now = before;
}

static void give(struct whole_tx *tx, struct whole_node *w)
{
    struct rpc_arg args[RPC_PARAMS_MAX] = {0};

    tx->at = w->index;
    whole_tell("node %d is given %u", w->index, (unsigned)(tx - whole.tx));
    args[0].given = true;
    args[0].bytes = tx->bytes.at;
    args[0].size = tx->bytes.size;
    call(w, tx, RPC_TX_SUBMIT, args);
    if (tx->waiting || tx->final)
        return;
    memset(args, 0, sizeof args);
    args[0].given = true;
    args[0].hash = tx->id;
    args[1].given = true;
    args[1].number = WAIT_MS;
    args[2].given = true;
    args[2].bytes = tx->bytes.at;
    args[2].size = tx->bytes.size;
    tx->waiting = true;
    call(w, tx, RPC_TX_WAIT, args);
}

/* Any that runs; who is known to be Byzantine is asked too, now and then. */
static struct whole_node *somebody(void)
{
    for (int tries = 0; tries < 20; tries++) {
        struct whole_node *w =
            &whole.node[whole_draw(&whole.load, 0, whole.nodes - 1)];

        if (!node_is_dead(w) && !w->node->stopping)
            return w;
    }
    return NULL;
}

static void on_client(void *arg)
{
    struct whole_tx *tx = arg;
    struct whole_node *w;

    if (tx->final)
        return;
    w = somebody();
    if (w != NULL && !tx->waiting)
        give(tx, w);
    (void)item_at(
        whole.us + whole_draw(&whole.load, 600000, 2600000), -1, on_client, tx);
}

static void on_first(void *arg)
{
    struct whole_tx *tx = arg;

    load_transfer(&whole.base->market,
                  &tx->bytes,
                  &tx->id,
                  (uint32_t)whole_draw(&whole.load, 0, 1000000));
    whole.tx_given++;
    on_client(tx);
}

void load_begin(uint32_t txs, uint64_t over_us)
{
    for (uint32_t i = 0; i < txs; i++) {
        ASSERT(whole.tx_count < WHOLE_TXS);
        (void)item_at(whole.us + whole_draw(&whole.load, 0, over_us),
                      -1,
                      on_first,
                      &whole.tx[whole.tx_count++]);
    }
}

void load_hurry(void)
{
    for (uint32_t i = 0; i < whole.tx_count; i++) {
        struct whole_tx *tx = &whole.tx[i];
        struct whole_node *w = somebody();

        if (w != NULL && tx->bytes.size > 0 && !tx->final && !tx->waiting)
            give(tx, w);
    }
}

void load_lost(const struct whole_node *w)
{
    struct asked **at = &open_calls;

    while (*at != NULL) {
        struct asked *a = *at;

        if (a->call->w != w) {
            at = &a->next;
            continue;
        }
        a->call->lost = true; /* the node frees it */
        if (a->waits)
            a->tx->waiting = false;
        *at = a->next;
        free(a);
    }
}

void load_end(void)
{
    for (uint32_t i = 0; i < whole.tx_count; i++)
        buf_deinit(&whole.tx[i].bytes);
    while (open_calls != NULL) {
        struct asked *next = open_calls->next;

        free(open_calls);
        open_calls = next;
    }
}

static bool all_have(uint64_t height)
{
    for (uint32_t i = 0; i < whole.nodes; i++) {
        if (whole.node[i].seen_durable < height)
            return false;
    }
    return true;
}

void load_tell(void)
{
    for (uint32_t i = 0; i < whole.tx_count; i++) {
        const struct whole_tx *tx = &whole.tx[i];

        if (tx->final)
            continue;
        whole_tell("transaction %u is not final: waiting=%d at=%d",
                   i,
                   tx->waiting,
                   tx->at);
        for (uint32_t k = 0; k < whole.nodes; k++) {
            const struct whole_node *w = &whole.node[k];
            const struct mtx *m =
                w->running ? mempool_by_id(w->node, &tx->id) : NULL;

            if (m != NULL)
                whole_tell("  node %u has it: state=%d rechecking=%d "
                           "stale=%d doubtful=%d offered=%d ready=%u",
                           k,
                           (int)m->state,
                           m->rechecking,
                           m->stale,
                           m->doubtful,
                           m->offered,
                           w->node->pool.ready);
        }
    }
}

bool load_settle(void *ctx, const struct buf *bytes, const struct hash *id)
{
    struct whole_tx *tx = &whole.tx[whole.tx_count++];
    const uint64_t until = whole.us + 60000000;

    (void)ctx;
    buf_append(&tx->bytes, bytes->at, bytes->size);
    tx->id = *id;
    on_client(tx);
    while (!whole.failed && whole_step(until) &&
           !(tx->final && all_have(tx->height)))
        ;
    return tx->final && !whole.failed;
}
