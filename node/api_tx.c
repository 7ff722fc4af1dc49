/* The RPC methods about transactions, by way of the loop. */
#include "base/check.h"
#include "engine/verify.h"
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
    if (why->verdict == V_MARGIN)
        json_object_set_new(out, "margin", json_of_margin(&why->margin));
    return out;
}

void api_answer_open(struct rpc_call *call,
                     const struct hash *id,
                     const char *state,
                     const struct refusal *last)
{
    json_t *out = json_pack("{s:o, s:s}", "id", api_hash(id), "state", state);

    if (last != NULL) {
        json_t *verdict = refusal_json(id, last);

        json_object_set_new(
            verdict, "text", json_string(verdict_text(last->verdict)));
        json_object_set_new(out, "verdict", verdict);
    }
    rpc_result(call, out);
}

void api_answer_dead(struct rpc_call *call,
                     const struct hash *id,
                     const struct fate *fate,
                     const struct tx_facts *facts)
{
    const bool is_void = fate->kind == FATE_VOID;
    json_t *out = json_pack("{s:o, s:s, s:o}",
                            "id",
                            api_hash(id),
                            "state",
                            is_void ? "VOID" : "EXPIRED",
                            "height",
                            json_of_u64(fate->height));

    if (is_void)
        json_object_set_new(out, "by", api_hash(&fate->by));
    else
        json_object_set_new(out, "last_day", json_of_u64(tx_last_day(facts)));
    rpc_result(call, out);
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

/* The facts a client asks with: from the bytes, which the id binds, or from the
 * reference as it says.  False: answered. */
static bool read_facts(struct tx_facts *out,
                       struct rpc_call *call,
                       const struct hash *id,
                       const struct rpc_arg *a)
{
    const struct rpc_arg *reference = &a[1];
    struct tx *tx;
    enum err e;

    *out = (struct tx_facts){0};
    if (a[0].given) {
        tx = malloc(sizeof *tx);
        ASSERT(tx != NULL);
        e = tx_decode(tx, bytes_of(a[0].bytes, a[0].size));
        if (e == ERR_NONE && hash_eq(&tx->id, id))
            *out = tx_facts_of(tx);
        free(tx);
        if (!out->known)
            api_bad_param(
                call, "params.tx", "not the bytes of a transaction of this id");
        return out->known;
    }
    if (!reference[0].given && !reference[1].given && !reference[2].given &&
        !reference[3].given)
        return true;
    if (!reference[0].given || !reference[1].given ||
        reference[2].size != SERIAL_BYTES) {
        api_bad_param(call,
                      !reference[0].given   ? "params.institution"
                      : !reference[1].given ? "params.day"
                                            : "params.serial",
                      "a reference is institution, day and a serial of 12 "
                      "bytes");
        return false;
    }
    out->known = true;
    out->institution = (uint16_t)reference[0].number;
    out->reference.day = (uint32_t)reference[1].number;
    memcpy(out->reference.serial, reference[2].bytes, SERIAL_BYTES);
    out->valid_until = (uint32_t)reference[3].number;
    return true;
}

void api_tx_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    struct tx_facts facts;

    if (read_facts(&facts, call, &a[0].hash, &a[1]))
        ask_fate(ctx, call, &a[0].hash, &facts, 0);
}

void api_tx_wait(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    struct tx_facts facts;

    if (read_facts(&facts, call, &a[0].hash, &a[2]))
        ask_fate(ctx, call, &a[0].hash, &facts, node_now_ms() + a[1].number);
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
    else if (verify_tx(tx) != ERR_NONE)
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
    pool_submit(n->executor, &s->task, LANE_CLIENTS);
}
