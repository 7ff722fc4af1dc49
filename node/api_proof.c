/* The RPC methods that answer with receipts.
 *
 *   RPC thread --> prover --(of the newest block)--> executor --> loop
 *                    ^                                             |
 *                    +------- when that block is indexed ----------+
 *
 * At the newest block the paths come from the state itself, in the moment in
 * which it stands at the tip: while a candidate stands on it, the wait is until
 * that is committed, or for LATE_MS; then the history serves.  The prover
 * thread has nothing else to do: neither the loop nor the readers of the store
 * wait for a long register. */
#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "node/api.h"
#include "node/prove.h"
#include "rpc/client.h"
#include "rpc/schema_json.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PROOFS_MAX = 64, /* at once */
    LATE_MS = 1000,
};
_Static_assert(2 * (uint64_t)PROVE_BYTES_MAX + 4096 <= RPC_REPLY_MAX,
               "a receipt in hex is an answer that clients take");

struct proof {
    struct task task;  /* of the prover, then of the executor, then again */
    struct task taken; /* mailed by the executor if it took later */
    struct proof *next;
    struct node *node;
    struct rpc_call *call;
    struct prove_request request;
    bool wants_live;
    bool asked;     /* the executor, once */
    bool postponed; /* until the state stands at the tip */
    uint64_t late_ms;
    struct prove_live live;
    struct prove_answer answer;
    json_t *result;
    enum err err;
};

static void answer_error(struct proof *x)
{
    const char *why = x->answer.why;

    if (why[0] == '\0')
        why = err_text(x->err);
    if (x->err == ERR_RANGE)
        api_behind(x->call, x->answer.height);
    else if (x->err == ERR_NOT_FOUND)
        api_not_found(x->call, why);
    else if (x->err == ERR_PRUNED)
        api_pruned_why(x->node,
                       x->call,
                       x->answer.why[0] != '\0'
                           ? why
                           : "this node has not got what the receipt is made "
                             "of: its history begins later; ask another node");
    else if (x->err == ERR_REFUSED)
        rpc_error(x->call, RPC_REFUSED, "E_ENCUMBERED", why, false, NULL);
    else if (x->err == ERR_FULL)
        rpc_error(
            x->call, RPC_LIMIT_EXCEEDED, "LIMIT_EXCEEDED", why, false, NULL);
    else
        rpc_error(
            x->call, RPC_INTERNAL_ERROR, err_name(x->err), why, false, NULL);
}

static void end(struct proof *x)
{
    x->node->proofs_open--;
    if (x->result != NULL)
        rpc_result(x->call, x->result);
    else
        answer_error(x);
    prove_live_free(&x->live);
    free(x);
}

static void give_up(struct proof *x)
{
    x->node->proofs_open--;
    rpc_error(x->call,
              RPC_UNAVAILABLE,
              "E_STOPPING",
              "the node is stopping: ask another one",
              true,
              NULL);
    prove_live_free(&x->live);
    free(x);
}

/* ---- on the prover ---- */

static json_t *result_json(struct prove_answer *a)
{
    char *hex = malloc(2 * a->receipt.size + 1);
    char date[11];
    json_t *out;

    ASSERT(hex != NULL);
    hex_encode(hex, a->receipt.at, a->receipt.size);
    buf_deinit(&a->receipt);
    num_format_date(date, a->date);
    out = json_pack("{s:s, s:o, s:s, s:b, s:s}",
                    "kind",
                    receipt_kind_names[a->kind],
                    "height",
                    json_of_u64(a->height),
                    "date",
                    date,
                    "as_of",
                    a->as_of,
                    "receipt",
                    hex);
    free(hex);
    return out;
}

static void run_prove(struct task *task)
{
    struct proof *x = (struct proof *)(void *)task;
    struct prover *p = x->node->prover;

    x->wants_live = !x->asked && prove_wants_live(p, &x->request);
    if (x->wants_live)
        return;
    x->err = prove(&x->answer, p, &x->request, &x->live);
    if (x->err == ERR_NONE)
        x->result = result_json(&x->answer);
}

/* ---- on the executor ---- */

static void take(struct proof *x)
{
    struct engine *e = x->node->engine;
    const uint64_t height = engine_tip(e)->height;

    if (!x->request.by_height || x->request.height == height)
        prove_take(&x->live, engine_state(e), height, &x->request);
}

static void run_take(struct task *task)
{
    struct proof *x = (struct proof *)(void *)task;
    struct node *n = x->node;

    if (!engine_is_ahead(n->engine)) {
        take(x);
        return;
    }
    x->postponed = true;
    x->next = n->takes;
    n->takes = x;
}

void proofs_tip(struct node *n)
{
    while (n->takes != NULL) {
        struct proof *x = n->takes;

        n->takes = x->next;
        take(x);
        mail_post(n->mail, &x->taken);
    }
}

/* A candidate that nobody makes final is no reason to wait for ever. */
struct late {
    struct task task;
    struct node *node;
};

static void run_late(struct task *task)
{
    struct node *n = ((struct late *)(void *)task)->node;
    const uint64_t now = node_now_ms();

    if (!engine_is_ahead(n->engine)) {
        proofs_tip(n);
        return;
    }
    for (struct proof **at = &n->takes; *at != NULL;) {
        struct proof *x = *at;

        if (x->late_ms > now) {
            at = &x->next;
        } else {
            *at = x->next;
            mail_post(n->mail, &x->taken);
        }
    }
}

static void late_done(struct task *task)
{
    free(task);
}

/* ---- on the loop ---- */

static void on_late(evutil_socket_t fd, short what, void *ctx)
{
    struct node *n = ctx;
    struct late *l = calloc(1, sizeof *l);

    (void)fd;
    (void)what;
    ASSERT(l != NULL);
    l->task.run = run_late;
    l->task.done = late_done;
    l->node = n;
    pool_submit(n->executor, &l->task, LANE_CLIENTS);
}

static void submit_prove(struct proof *x);

static void taken(struct proof *x)
{
    struct node *n = x->node;

    if (n->stopping) {
        give_up(x);
    } else if (x->live.any && x->live.height > n->indexed_height) {
        x->next = n->proofs; /* its certificate is not on disk yet */
        n->proofs = x;
    } else {
        submit_prove(x);
    }
}

static void taken_late(struct task *task)
{
    taken(
        (struct proof *)(void *)((char *)task - offsetof(struct proof, taken)));
}

static void take_done(struct task *task)
{
    static const struct timeval wait = {LATE_MS / 1000,
                                        LATE_MS % 1000 * 1000 + 10000};
    struct proof *x = (struct proof *)(void *)task;
    struct node *n = x->node;

    /* What the executor has in its list belongs to it. */
    if (!x->postponed)
        taken(x);
    else if (!n->stopping)
        event_base_once(n->base, -1, EV_TIMEOUT, on_late, n, &wait);
}

void proofs_indexed(struct node *n)
{
    struct proof *list = n->proofs;

    n->proofs = NULL;
    while (list != NULL) {
        struct proof *x = list;

        list = x->next;
        taken(x);
    }
}

static void prove_done(struct task *task)
{
    struct proof *x = (struct proof *)(void *)task;
    struct node *n = x->node;

    if (!x->wants_live) {
        end(x);
        return;
    }
    if (n->stopping) {
        give_up(x);
        return;
    }
    x->asked = true;
    x->late_ms = node_now_ms() + LATE_MS;
    x->task.run = run_take;
    x->task.done = take_done;
    x->taken.done = taken_late;
    pool_submit(n->executor, &x->task, LANE_CLIENTS);
}

static void submit_prove(struct proof *x)
{
    x->task.run = run_prove;
    x->task.done = prove_done;
    pool_submit(x->node->provers, &x->task, LANE_FIRST);
}

void proofs_free(struct node *n)
{
    struct proof **const lists[] = {&n->takes, &n->proofs};

    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        while (*lists[i] != NULL) {
            struct proof *x = *lists[i];

            *lists[i] = x->next;
            give_up(x);
        }
    }
}

/* ---- on the RPC thread ---- */

static void start(struct node *n,
                  struct rpc_call *call,
                  const struct prove_request *q)
{
    struct proof *x;

    if (n->proofs_open++ >= PROOFS_MAX) {
        n->proofs_open--;
        rpc_error(call,
                  RPC_UNAVAILABLE,
                  "E_BUSY",
                  "this node is making as many receipts as it may at once",
                  true,
                  NULL);
        return;
    }
    x = calloc(1, sizeof *x);
    ASSERT(x != NULL);
    x->node = n;
    x->call = call;
    x->request = *q;
    submit_prove(x);
}

/* when is the parameters min_height, height, date. */
static void start_at(struct node *n,
                     struct rpc_call *call,
                     struct prove_request *q,
                     const struct rpc_arg *when)
{
    if (when[1].given && when[2].given) {
        api_bad_param(call, "params.date", "give a height or a date, not both");
        return;
    }
    q->min_height = when[0].number;
    q->by_height = when[1].given;
    q->height = when[1].number;
    q->by_date = when[2].given;
    q->date = (uint32_t)when[2].number;
    start(n, call, q);
}

void api_proof_transaction(void *ctx,
                           struct rpc_call *call,
                           const struct rpc_arg *a)
{
    const struct prove_request q = {
        .kind = RECEIPT_TRANSACTION, .tx = a[0].hash, .anchor = a[1].number};

    start(ctx, call, &q);
}

static void position(struct node *n,
                     struct rpc_call *call,
                     const struct rpc_arg *a,
                     uint8_t kind)
{
    struct prove_request q = {
        .kind = kind, .account = a[1].hash, .anchor = a[5].number};

    memcpy(q.code, a[0].code, sizeof q.code);
    start_at(n, call, &q, &a[2]);
}

void api_proof_holding(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a)
{
    position(ctx, call, a, RECEIPT_HOLDING);
}

void api_proof_unencumbered(void *ctx,
                            struct rpc_call *call,
                            const struct rpc_arg *a)
{
    position(ctx, call, a, RECEIPT_UNENCUMBERED);
}

void api_proof_register(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    struct prove_request q = {.kind = RECEIPT_REGISTER, .anchor = a[4].number};

    memcpy(q.code, a[0].code, sizeof q.code);
    start_at(ctx, call, &q, &a[1]);
}

void api_proof_statement(void *ctx,
                         struct rpc_call *call,
                         const struct rpc_arg *a)
{
    struct prove_request q = {.kind = RECEIPT_STATEMENT,
                              .account = a[1].hash,
                              .from_start = !a[2].given,
                              .earlier = a[2].number,
                              .anchor = a[6].number};

    memcpy(q.code, a[0].code, sizeof q.code);
    start_at(ctx, call, &q, &a[3]);
}

void api_proof_consistency(void *ctx,
                           struct rpc_call *call,
                           const struct rpc_arg *a)
{
    const struct prove_request q = {.kind = RECEIPT_CONSISTENCY,
                                    .earlier = a[0].number,
                                    .by_height = a[1].given,
                                    .height = a[1].number,
                                    .anchor = a[2].number};

    start(ctx, call, &q);
}

void api_proof_validators(void *ctx,
                          struct rpc_call *call,
                          const struct rpc_arg *a)
{
    const struct prove_request q = {.kind = RECEIPT_VALIDATORS,
                                    .epoch = a[0].number,
                                    .anchor = a[1].number};

    start(ctx, call, &q);
}
