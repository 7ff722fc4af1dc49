/* The RPC methods: reads from the store's snapshots on the RPC thread,
 * transactions by way of the loop. */
#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "ledger/ops.h"
#include "ledger/position.h"
#include "node/node.h"
#include "rpc/schema_json.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *json_hash(const struct hash *h)
{
    return json_of_hex(h->raw, HASH_BYTES);
}

static json_t *cursor_json(uint64_t height, uint32_t index)
{
    char text[40];

    snprintf(text, sizeof text, "%llu.%u", (unsigned long long)height, index);
    return json_string(text);
}

void api_answer_final(struct rpc_call *call,
                      const struct hash *id,
                      uint64_t height,
                      uint32_t index)
{
    rpc_result(call,
               json_pack("{s:o, s:s, s:o, s:i}",
                         "id",
                         json_hash(id),
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
               json_pack("{s:o, s:s}", "id", json_hash(id), "state", state));
}

static json_t *refusal_json(const struct hash *id, const struct refusal *why)
{
    json_t *out = json_pack("{s:o, s:i, s:s}",
                            "id",
                            json_hash(id),
                            "number",
                            (int)why->verdict,
                            "name",
                            verdict_name(why->verdict));

    if (why->op_index != UINT32_MAX)
        json_object_set_new(out, "operation", json_integer(why->op_index));
    if (!hash_is_zero(&why->about))
        json_object_set_new(out, "about", json_hash(&why->about));
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

static void not_found(struct rpc_call *call, const char *what)
{
    rpc_error(call, RPC_NOT_FOUND, "NOT_FOUND", what, false, NULL);
}

static void broken(struct rpc_call *call, enum err e)
{
    rpc_error(call, RPC_INTERNAL_ERROR, err_name(e), err_text(e), false, NULL);
}

/* A snapshot at least min_height high; NULL after answering that it is not. */
static struct store_view *view_at(struct node *n,
                                  struct rpc_call *call,
                                  const struct rpc_arg *min_height)
{
    struct store_view *v = store_view_open(n->store);

    if (store_view_height(v) < min_height->number) {
        rpc_error(
            call,
            RPC_UNAVAILABLE,
            "E_BEHIND",
            "this node's state is not that high yet",
            true,
            json_pack("{s:o}", "height", json_of_u64(store_view_height(v))));
        store_view_close(v);
        return NULL;
    }
    return v;
}

/* Reads and decodes one row; answers and closes the view when there is none. */
static bool read_row(struct rpc_call *call,
                     struct store_view *v,
                     void *row,
                     const struct row_key *key,
                     const char *what)
{
    struct store_value value;
    enum err e = store_get_row(&value, v, key);

    if (e == ERR_NONE) {
        e = schema_decode(
            row, row_schema(key->table), bytes_of(value.at, value.size));
        store_value_free(&value);
        if (e == ERR_NONE)
            return true;
    }
    store_view_close(v);
    if (e == ERR_NOT_FOUND)
        not_found(call, what);
    else
        broken(call, e);
    return false;
}

/* Answers with the row and, beside it, what *derived has (may be NULL). */
static void answer_row(struct rpc_call *call,
                       struct store_view *v,
                       const char *name,
                       json_t *row,
                       json_t *derived)
{
    json_t *out = json_pack(
        "{s:o, s:o}", "height", json_of_u64(store_view_height(v)), name, row);

    if (derived != NULL)
        json_object_update(out, derived);
    json_decref(derived);
    store_view_close(v);
    rpc_result(call, out);
}

static uint32_t today(const struct node *n)
{
    return ledger_date(node_wall_ms(), n->genesis->offset_ms);
}

/* What follows from a security or an account; not part of the row. */
static json_t *derived_of(const struct node *n, uint8_t table, const void *row)
{
    json_t *out = json_object();

    if (table == TABLE_SECURITIES) {
        const struct security_row *s = row;

        json_object_set_new(
            out, "legal_effect", json_boolean(s->status != SECURITY_WITHDRAWN));
    }
    if (table == TABLE_ACCOUNTS) {
        const struct account_row *a = row;
        const uint32_t day = today(n);

        json_object_set_new(out,
                            "restricted",
                            json_boolean(a->class == INVESTOR_NONE ||
                                         day < a->class_from ||
                                         day > a->class_to));
    }
    return out;
}

/* Whether what is recorded of the security still has effect. */
static bool legal_effect(struct store_view *v, const char *code)
{
    const struct row_key key = {.table = TABLE_SECURITIES,
                                .key = security_key(code)};
    struct store_value value;
    struct security_row s;
    bool has = false;

    if (store_get_row(&value, v, &key) != ERR_NONE)
        return false;
    if (schema_decode(&s,
                      &security_row_schema,
                      bytes_of(value.at, value.size)) == ERR_NONE)
        has = s.status != SECURITY_WITHDRAWN;
    store_value_free(&value);
    return has;
}

static void one_row(struct node *n,
                    struct rpc_call *call,
                    const struct rpc_arg *min_height,
                    const struct row_key *key,
                    const char *name)
{
    struct store_view *v = view_at(n, call, min_height);
    const struct schema *s = row_schema(key->table);
    void *row;
    char what[64];

    if (v == NULL)
        return;
    row = malloc(s->size);
    ASSERT(row != NULL);
    snprintf(what, sizeof what, "there is no such %s", name);
    if (read_row(call, v, row, key, what))
        answer_row(call,
                   v,
                   name,
                   schema_to_json(s, row),
                   derived_of(n, key->table, row));
    free(row);
}

static void institution_get(void *ctx,
                            struct rpc_call *call,
                            const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_INSTITUTIONS,
                                .key = institution_id((uint16_t)a[0].number)};

    one_row(ctx, call, &a[1], &key, "institution");
}

static void account_get(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_ACCOUNTS, .key = a[0].hash};

    one_row(ctx, call, &a[1], &key, "account");
}

static void security_get(void *ctx,
                         struct rpc_call *call,
                         const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_SECURITIES,
                                .key = security_key(a[0].code)};

    one_row(ctx, call, &a[1], &key, "security");
}

static void pledge_get(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a)
{
    const struct row_key key = {
        TABLE_PLEDGES, security_key(a[0].code), number_key(a[1].number)};

    one_row(ctx, call, &a[2], &key, "pledge");
}

static void claim_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_CLAIMS,
                                .key = claim_key(a[0].code, a[1].number)};

    one_row(ctx, call, &a[2], &key, "claim");
}

/* A holding with what is derived from its segments.  T+n is evaluated when
 * shares are used; here a trade day counts as not over. */
static json_t *holding_json(const struct hash *account,
                            const struct holding_row *h,
                            uint32_t date)
{
    const struct position_day day = {.date = date};
    const struct position_totals t = position_totals_of(h, &day);
    json_t *out = schema_to_json(&holding_row_schema, h);

    json_object_set_new(out, "account", json_hash(account));
    json_object_set_new(out, "total", json_of_u64(t.total));
    json_object_set_new(out, "available", json_of_u64(t.available));
    json_object_set_new(out, "pledged", json_of_u64(t.pledged));
    json_object_set_new(out, "frozen", json_of_u64(t.frozen));
    return out;
}

static void holding_get(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    struct node *n = ctx;
    const struct row_key key = {
        TABLE_HOLDINGS, security_key(a[0].code), a[1].hash};
    struct store_view *v = view_at(n, call, &a[2]);
    struct holding_row *h = malloc(sizeof *h);

    ASSERT(h != NULL);
    if (v != NULL && read_row(call, v, h, &key, "there is no such holding")) {
        json_t *mark =
            json_pack("{s:b}", "legal_effect", legal_effect(v, a[0].code));

        answer_row(
            call, v, "holding", holding_json(&a[1].hash, h, today(n)), mark);
    }
    free(h);
}

struct lister {
    json_t *list;
    uint64_t limit;
    bool more;
    struct row_key last;
    const struct node *node;
};

static json_t *listed_json(const struct node *n, uint8_t table, const void *row)
{
    json_t *out = schema_to_json(row_schema(table), row);
    json_t *derived = derived_of(n, table, row);

    json_object_update(out, derived);
    json_decref(derived);
    return out;
}

static bool list_one(void *ctx, const struct row_key *key, struct bytes row)
{
    struct lister *l = ctx;
    const struct schema *s = row_schema(key->table);
    void *record;

    if (json_array_size(l->list) >= l->limit) {
        l->more = true;
        return false;
    }
    record = malloc(s->size);
    ASSERT(record != NULL);
    if (schema_decode(record, s, row) == ERR_NONE)
        json_array_append_new(
            l->list,
            key->table == TABLE_HOLDINGS
                ? holding_json(&key->key, record, today(l->node))
                : listed_json(l->node, key->table, record));
    free(record);
    l->last = *key;
    return true;
}

/* Lists one tree and answers; next is what to go on after, if more follows. */
static void list_rows(struct node *n,
                      struct rpc_call *call,
                      const struct rpc_arg *min_height,
                      uint8_t table,
                      const struct hash *tree,
                      const struct hash *after,
                      uint64_t limit,
                      const char *name)
{
    struct store_view *v = view_at(n, call, min_height);
    struct lister l = {.limit = limit, .node = n};
    json_t *next = json_null();
    json_t *out;
    enum err e;

    if (v == NULL)
        return;
    l.list = json_array();
    e = store_each_row_of(v, table, tree, after, list_one, &l);
    if (e != ERR_NONE) {
        json_decref(l.list);
        store_view_close(v);
        broken(call, e);
        return;
    }
    if (l.more && table == TABLE_HOLDINGS) {
        next = json_hash(&l.last.key);
    } else if (l.more && table == TABLE_SECURITIES) {
        char code[HASH_BYTES + 1] = "";

        memcpy(code, l.last.key.raw, HASH_BYTES);
        next = json_string(code);
    } else if (l.more) {
        uint64_t number = 0;

        for (int i = 0; i < 8; i++)
            number = number << 8 | l.last.key.raw[i];
        next = json_of_u64(number);
    }
    out = json_pack("{s:o, s:o, s:o}",
                    "height",
                    json_of_u64(store_view_height(v)),
                    name,
                    l.list,
                    "next",
                    next);
    if (table == TABLE_HOLDINGS)
        json_object_set_new(
            out,
            "legal_effect",
            json_boolean(legal_effect(v, (const char *)tree->raw)));
    rpc_result(call, out);
    store_view_close(v);
}

static void security_list(void *ctx,
                          struct rpc_call *call,
                          const struct rpc_arg *a)
{
    const struct hash tree = {{0}};
    const struct hash after = security_key(a[0].code);

    list_rows(ctx,
              call,
              &a[2],
              TABLE_SECURITIES,
              &tree,
              a[0].given ? &after : NULL,
              a[1].number,
              "securities");
}

static void register_list(void *ctx,
                          struct rpc_call *call,
                          const struct rpc_arg *a)
{
    const struct hash tree = security_key(a[0].code);

    list_rows(ctx,
              call,
              &a[3],
              TABLE_HOLDINGS,
              &tree,
              a[1].given ? &a[1].hash : NULL,
              a[2].number,
              "holdings");
}

static void freeze_list(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    const struct hash tree = security_key(a[0].code);
    const struct hash after = number_key(a[1].number);

    list_rows(ctx,
              call,
              &a[3],
              TABLE_FREEZES,
              &tree,
              a[1].given ? &after : NULL,
              a[2].number,
              "freezes");
}

struct event_lister {
    json_t *list;
    uint64_t limit;
    uint64_t height;
    uint32_t index;
    bool more;
};

static bool list_event(void *ctx,
                       uint64_t height,
                       uint32_t index,
                       struct bytes bytes)
{
    struct event_lister *l = ctx;
    struct event e;
    json_t *one;

    if (json_array_size(l->list) >= l->limit) {
        l->more = true;
        return false;
    }
    if (schema_decode(&e, &event_schema, bytes) != ERR_NONE)
        return false;
    one = schema_to_json(&event_schema, &e);
    json_object_set_new(one, "cursor", cursor_json(height, index));
    json_array_append_new(l->list, one);
    l->height = height;
    l->index = index;
    return true;
}

static void events_list(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    struct store_view *v = view_at(ctx, call, &a[4]);
    struct store_event_filter f = {.by_security = a[1].given,
                                   .by_account = a[2].given && !a[1].given};
    struct event_lister l = {.limit = a[3].number};
    enum err e;

    if (v == NULL)
        return;
    l.list = json_array();
    f.key = f.by_security ? security_key(a[1].code) : a[2].hash;
    e = store_each_event(
        v, &f, a[0].number, a[0].index, !a[0].given, list_event, &l);
    if (e != ERR_NONE) {
        json_decref(l.list);
        broken(call, e);
    } else {
        rpc_result(call,
                   json_pack("{s:o, s:o, s:o}",
                             "height",
                             json_of_u64(store_view_height(v)),
                             "events",
                             l.list,
                             "next",
                             json_array_size(l.list) > 0
                                 ? cursor_json(l.height, l.index)
                                 : json_null()));
    }
    store_view_close(v);
}

static json_t *cert_json(const struct cert *c)
{
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);
    json_t *signers = json_array();
    char *hex;
    json_t *out;

    cert_encode(&w, c);
    for (int i = 0; i < VALIDATORS_MAX; i++) {
        if ((c->bitmap >> i & 1) != 0)
            json_array_append_new(signers, json_integer(i));
    }
    hex = malloc(2 * w.size + 1);
    ASSERT(hex != NULL);
    hex_encode(hex, buf, w.size);
    out = json_pack("{s:o, s:o, s:o, s:s}",
                    "epoch",
                    json_of_u64(c->epoch),
                    "view",
                    json_of_u64(c->about.view),
                    "signers",
                    signers,
                    "bytes",
                    hex);
    free(hex);
    return out;
}

static json_t *ops_json(const struct tx *tx)
{
    json_t *list = json_array();
    union op_any *op = malloc(sizeof *op);

    ASSERT(op != NULL);
    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def;
        json_t *one;

        if (op_decode(&def, op, tx->ops[i]) != ERR_NONE)
            continue;
        one = schema_to_json(def->schema, op);
        json_object_set_new(one, "op", json_string(def->schema->name));
        json_array_append_new(list, one);
    }
    free(op);
    return list;
}

static json_t *txs_json(struct bytes body_bytes)
{
    struct body *body = malloc(sizeof *body);
    struct tx *tx = malloc(sizeof *tx);
    json_t *list = json_array();

    ASSERT(body != NULL && tx != NULL);
    if (body_split(body, body_bytes) != ERR_NONE)
        body->count = 0;
    for (uint32_t i = 0; i < body->count; i++) {
        if (tx_decode(tx, body->txs[i]) != ERR_NONE)
            continue;
        json_array_append_new(list,
                              json_pack("{s:o, s:i, s:i, s:o}",
                                        "id",
                                        json_hash(&tx->id),
                                        "institution",
                                        (int)tx->institution,
                                        "signatures",
                                        (int)tx->sig_count,
                                        "operations",
                                        ops_json(tx)));
    }
    free(tx);
    free(body);
    return list;
}

static void get_block(struct node *n,
                      struct rpc_call *call,
                      uint64_t height,
                      bool with_body)
{
    struct store_value v;
    struct header h;
    struct hash hash;
    struct cert cert;
    json_t *out;

    if (height == UINT64_MAX)
        height = store_tip_of(n->store).height;
    if (store_get_block(&v, n->store, height, STORE_HEADER) != ERR_NONE) {
        not_found(call, "there is no block of this height yet");
        return;
    }
    if (header_decode(&h, bytes_of(v.at, v.size)) != ERR_NONE) {
        store_value_free(&v);
        broken(call, ERR_CORRUPT);
        return;
    }
    store_value_free(&v);
    hash = header_hash(&h);
    out = json_pack("{s:o, s:o}",
                    "hash",
                    json_hash(&hash),
                    "header",
                    schema_to_json(&header_schema, &h));
    if (store_get_block(&v, n->store, height, STORE_CERT) == ERR_NONE) {
        if (msg_cert_decode(&cert, bytes_of(v.at, v.size)) == ERR_NONE)
            json_object_set_new(out, "certificate", cert_json(&cert));
        store_value_free(&v);
    }
    if (with_body &&
        store_get_block(&v, n->store, height, STORE_BODY) == ERR_NONE) {
        json_object_set_new(
            out, "transactions", txs_json(bytes_of(v.at, v.size)));
        store_value_free(&v);
    }
    rpc_result(call, out);
}

static void chain_get_block(void *ctx,
                            struct rpc_call *call,
                            const struct rpc_arg *a)
{
    get_block(ctx, call, a[0].number, true);
}

static void chain_get_header(void *ctx,
                             struct rpc_call *call,
                             const struct rpc_arg *a)
{
    get_block(ctx, call, a[0].number, false);
}

static void node_status(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    (void)a;
    rpc_result(call, health_status(ctx));
}

static void node_peers(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a)
{
    (void)a;
    rpc_result(call, health_peers(ctx));
}

static void tx_submit(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
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
                                 json_hash(&a->id),
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

static void tx_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    ask_loop(ctx, call, &a[0].hash, false, 0);
}

static void tx_wait(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
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

static void tx_simulate(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
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

/* On the executor, which alone has the roots of the trees. */
struct snapshot {
    struct task task;
    struct node *node;
    struct rpc_call *call;
    char code[CODE_MAX + 1];
    struct hash root;
    uint64_t height;
    bool final;
};

static void run_snapshot(struct task *task)
{
    struct snapshot *s = (struct snapshot *)(void *)task;

    s->root = engine_snapshot(s->node->engine, s->code, &s->height, &s->final);
}

static void snapshot_done(struct task *task)
{
    struct snapshot *s = (struct snapshot *)(void *)task;

    if (hash_is_zero(&s->root))
        not_found(s->call, "there is no such security");
    else
        rpc_result(s->call,
                   json_pack("{s:s, s:o, s:o, s:b}",
                             "security",
                             s->code,
                             "root",
                             json_hash(&s->root),
                             "height",
                             json_of_u64(s->height),
                             "final",
                             s->final));
    free(s);
}

static void security_snapshot(void *ctx,
                              struct rpc_call *call,
                              const struct rpc_arg *a)
{
    struct node *n = ctx;
    struct snapshot *s = calloc(1, sizeof *s);

    ASSERT(s != NULL);
    s->task.run = run_snapshot;
    s->task.done = snapshot_done;
    s->node = n;
    s->call = call;
    memcpy(s->code, a[0].code, sizeof s->code);
    pool_submit(n->executor, &s->task);
}

static void counted(void *ctx, enum rpc_method_id method, bool error)
{
    struct node *n = ctx;

    (void)method;
    n->rpc_requests++;
    if (error)
        n->rpc_errors++;
}

void api_backend(struct rpc_backend *out, struct node *n)
{
    *out = (struct rpc_backend){
        .handlers = {[RPC_NODE_STATUS] = node_status,
                     [RPC_NODE_PEERS] = node_peers,
                     [RPC_CHAIN_GET_BLOCK] = chain_get_block,
                     [RPC_CHAIN_GET_HEADER] = chain_get_header,
                     [RPC_TX_SUBMIT] = tx_submit,
                     [RPC_TX_GET] = tx_get,
                     [RPC_TX_WAIT] = tx_wait,
                     [RPC_TX_SIMULATE] = tx_simulate,
                     [RPC_INSTITUTION_GET] = institution_get,
                     [RPC_ACCOUNT_GET] = account_get,
                     [RPC_SECURITY_GET] = security_get,
                     [RPC_SECURITY_LIST] = security_list,
                     [RPC_SECURITY_SNAPSHOT] = security_snapshot,
                     [RPC_HOLDING_GET] = holding_get,
                     [RPC_REGISTER_LIST] = register_list,
                     [RPC_PLEDGE_GET] = pledge_get,
                     [RPC_FREEZE_LIST] = freeze_list,
                     [RPC_CLAIM_GET] = claim_get,
                     [RPC_EVENTS_LIST] = events_list},
        .ready = health_ready,
        .metrics = health_metrics,
        .counted = counted,
        .ctx = n,
    };
}
