/* The RPC methods about transactions, by way of the loop. */
#include "base/check.h"
#include "node/api.h"
#include "rpc/schema_json.h"

#include <stdlib.h>

void api_answer_final(struct rpc_call *call,
                      const struct hash *id,
                      uint64_t height,
                      uint32_t index)
{
    rpc_result(call,
               json_pack("{s:o, s:s, s:o, s:i}",
                         "id",
                         api_hash(id),
                         "state",
                         "FINAL",
                         "height",
                         json_of_u64(height),
                         "index",
                         (int)index));
}

void api_answer_pending(struct rpc_call *call,
                        const struct hash *id,
                        const char *state)
{
    rpc_result(call,
               json_pack("{s:o, s:s}", "id", api_hash(id), "state", state));
}

static json_t *refusal_json(const struct hash *id, const struct refusal *why)
{
    json_t *out = json_pack("{s:o, s:i, s:s}",
                            "id",
                            api_hash(id),
                            "number",
                            (int)why->verdict,
                            "name",
                            verdict_name(why->verdict));

    if (why->op_index != UINT32_MAX)
        json_object_set_new(out, "operation", json_integer(why->op_index));
    if (!hash_is_zero(&why->about))
        json_object_set_new(out, "about", api_hash(&why->about));
    if (why->have != 0 || why->need != 0) {
        json_object_set_new(out, "have", json_of_u64(why->have));
        json_object_set_new(out, "need", json_of_u64(why->need));
    }
    return out;
}

void api_answer_refused(struct rpc_call *call,
                        const struct hash *id,
                        const struct refusal *why)
{
    rpc_error(call,
              (int)why->verdict,
              verdict_name(why->verdict),
              verdict_text(why->verdict),
              why->verdict == V_LIMIT,
              refusal_json(id, why));
}

void api_tx_submit(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    struct mtx *m = mempool_new_tx(ctx, bytes_of(a[0].bytes, a[0].size));

    m->local = true;
    m->submit = call;
    mempool_check(m);
}

/* A question the loop answers. */
struct ask {
    struct task task;
    struct node *node;
    struct rpc_call *call;
    struct hash id;
    uint64_t timeout_ms;
    bool wait;
};

static bool answer_from_store(struct node *n,
                              struct rpc_call *call,
                              const struct hash *id)
{
    uint64_t height;
    uint32_t index;

    if (store_get_tx(&height, &index, n->store, id) != ERR_NONE)
        return false;
    api_answer_final(call, id, height, index);
    return true;
}

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

static void add_waiter(struct node *n, const struct ask *a)
{
    struct waiter *w = calloc(1, sizeof *w);

    ASSERT(w != NULL);
    w->call = a->call;
    w->id = a->id;
    w->deadline_ms = node_now_ms() + a->timeout_ms;
    w->next = n->waiters;
    n->waiters = w;
}

static void ask_done(struct task *task)
{
    struct ask *a = (struct ask *)(void *)task;
    struct node *n = a->node;
    const struct mtx *m = mempool_by_id(n, &a->id);
    const struct kept_refusal *r = m == NULL ? kept(n, &a->id) : NULL;

    if (m == NULL && answer_from_store(n, a->call, &a->id)) {
        free(a);
        return;
    }
    if (m != NULL && m->state == MTX_COMMITTED &&
        m->height <= n->durable_height) {
        api_answer_final(a->call, &a->id, m->height, m->index);
        free(a);
        return;
    }
    if (r != NULL) {
        if (a->wait)
            api_answer_refused(a->call, &a->id, &r->why);
        else
            rpc_result(a->call,
                       json_pack("{s:o, s:s, s:o}",
                                 "id",
                                 api_hash(&a->id),
                                 "state",
                                 "REFUSED",
                                 "refusal",
                                 refusal_json(&a->id, &r->why)));
    } else if (a->wait) {
        add_waiter(n, a);
    } else {
        api_answer_pending(a->call, &a->id, m != NULL ? "PENDING" : "UNKNOWN");
    }
    free(a);
}

static void ask_loop(struct node *n,
                     struct rpc_call *call,
                     const struct hash *id,
                     bool wait,
                     uint64_t timeout_ms)
{
    struct ask *a = calloc(1, sizeof *a);

    ASSERT(a != NULL);
    a->task.done = ask_done;
    a->node = n;
    a->call = call;
    a->id = *id;
    a->wait = wait;
    a->timeout_ms = timeout_ms;
    mail_post(n->mail, &a->task);
}

void api_tx_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    ask_loop(ctx, call, &a[0].hash, false, 0);
}

void api_tx_wait(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    ask_loop(ctx, call, &a[0].hash, true, a[1].number);
}

/* Runs on the executor, so that the verdict is exactly the next block's. */
struct simulate {
    struct task task;
    struct node *node;
    struct rpc_call *call;
    uint8_t *bytes;
    size_t size;
    enum verdict verdict;
    struct refusal why;
    struct hash id;
};

static void run_simulate(struct task *task)
{
    struct simulate *s = (struct simulate *)(void *)task;
    struct tx *tx = &s->node->scratch[0];
    const enum err e = tx_decode(tx, bytes_of(s->bytes, s->size));

    s->id = tx->id;
    s->why = (struct refusal){.op_index = UINT32_MAX};
    if (e != ERR_NONE)
        s->verdict = V_MALFORMED;
    else if (tx_check_sigs(tx, NULL) != ERR_NONE)
        s->verdict = V_SIG_INVALID;
    else
        s->verdict =
            engine_dry_run(s->node->engine, tx, node_wall_ms(), &s->why);
    s->why.verdict = s->verdict;
}

static void simulate_done(struct task *task)
{
    struct simulate *s = (struct simulate *)(void *)task;
    json_t *out = refusal_json(&s->id, &s->why);

    json_object_set_new(out, "text", json_string(verdict_text(s->verdict)));
    rpc_result(s->call, out);
    free(s->bytes);
    free(s);
}

void api_tx_simulate(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    struct node *n = ctx;
    struct simulate *s = calloc(1, sizeof *s);

    ASSERT(s != NULL);
    s->task.run = run_simulate;
    s->task.done = simulate_done;
    s->node = n;
    s->call = call;
    s->bytes = malloc(a[0].size);
    ASSERT(s->bytes != NULL);
    memcpy(s->bytes, a[0].bytes, a[0].size);
    s->size = a[0].size;
    pool_submit(n->executor, &s->task);
}
