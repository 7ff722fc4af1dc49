/* The RPC methods: reads from the store's snapshots on the RPC thread. */
#include "node/api.h"
#include "base/check.h"
#include "ledger/position.h"
#include "rpc/schema_json.h"
#include "storage/store_import.h"

#include <stdio.h>
#include <stdlib.h>

json_t *api_hash(const struct hash *h)
{
    return json_of_hex(h->raw, HASH_BYTES);
}

static json_t *cursor_json(uint64_t height, uint32_t index)
{
    char text[40];

    snprintf(text, sizeof text, "%llu.%u", (unsigned long long)height, index);
    return json_string(text);
}

void api_not_found(struct rpc_call *call, const char *what)
{
    rpc_error(call, RPC_NOT_FOUND, "NOT_FOUND", what, false, NULL);
}

void api_bad_param(struct rpc_call *call, const char *path, const char *why)
{
    rpc_error(call,
              RPC_INVALID_PARAMS,
              "INVALID_PARAMS",
              why,
              false,
              json_pack("{s:s}", "path", path));
}

void api_behind(struct rpc_call *call, uint64_t height)
{
    rpc_error(call,
              RPC_UNAVAILABLE,
              "E_BEHIND",
              "this node's state is not that high yet",
              true,
              json_pack("{s:o}", "height", json_of_u64(height)));
}

struct store_view *api_view_now(struct node *n,
                                struct rpc_call *call,
                                const struct rpc_arg *min_height)
{
    struct store_view *v = store_view_open(n->store);

    if (store_view_height(v) < min_height->number) {
        api_behind(call, store_view_height(v));
        store_view_close(v);
        return NULL;
    }
    return v;
}

/* The newest block of a business date, or before it. */
static enum err height_of_date(uint64_t *out,
                               const struct node *n,
                               struct store_view *v,
                               uint64_t date)
{
    return store_height_at(
        out, v, (date + 1) * LEDGER_DAY_MS - n->genesis->offset_ms - 1);
}

/* Why there is no state at a height or date that was asked for. */
static void answer_no_state(struct node *n,
                            struct rpc_call *call,
                            const struct store_view *v,
                            enum err e)
{
    if (e == ERR_RANGE)
        api_behind(call, store_view_height(v));
    else if (e == ERR_NOT_FOUND)
        api_not_found(call, "the ledger began after that date");
    else if (e == ERR_PRUNED)
        api_pruned(n, call, API_STATE);
    else
        rpc_broken(call, e);
}

struct store_view *api_view_at(struct node *n,
                               struct rpc_call *call,
                               const struct rpc_arg *when)
{
    const struct rpc_arg *at_height = &when[1];
    const struct rpc_arg *at_date = &when[2];
    struct store_view *v;
    uint64_t height = at_height->number;
    enum err e = ERR_NONE;

    if (at_height->given && at_date->given) {
        api_bad_param(call, "params.date", "give a height or a date, not both");
        return NULL;
    }
    v = api_view_now(n, call, when);
    if (v == NULL || (!at_height->given && !at_date->given))
        return v;
    if (at_date->given)
        e = height_of_date(&height, n, v, at_date->number);
    if (e == ERR_NONE)
        e = store_view_go_back(v, height);
    if (e == ERR_NONE)
        return v;
    answer_no_state(n, call, v, e);
    store_view_close(v);
    return NULL;
}

bool api_read_row(struct rpc_call *call,
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
        api_not_found(call, what);
    else
        rpc_broken(call, e);
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

/* The business date on which v is looked at: today, or that of its block. */
static uint32_t date_of(const struct node *n, const struct store_view *v)
{
    uint64_t time_ms = node_wall_ms();
    struct store_value bytes;
    struct header h;

    if (store_view_is_past(v) &&
        store_get_block(&bytes, n->store, store_view_height(v), STORE_HEADER) ==
            ERR_NONE) {
        if (header_decode(&h, bytes_of(bytes.at, bytes.size)) == ERR_NONE)
            time_ms = h.time_ms;
        store_value_free(&bytes);
    }
    return ledger_date(time_ms, n->genesis->offset_ms);
}

/* What follows from a security or an account; not part of the row. */
static json_t *derived_of(uint32_t date, uint8_t table, const void *row)
{
    json_t *out = json_object();

    if (table == TABLE_SECURITIES) {
        const struct security_row *s = row;

        json_object_set_new(
            out, "legal_effect", json_boolean(s->status != SECURITY_WITHDRAWN));
    }
    if (table == TABLE_ACCOUNTS) {
        const struct account_row *a = row;
        json_object_set_new(out,
                            "restricted",
                            json_boolean(a->class == INVESTOR_NONE ||
                                         date < a->class_from ||
                                         date > a->class_to));
    }
    return out;
}

static bool has_security(struct store_view *v, const struct hash *key)
{
    const struct row_key row = {.table = TABLE_SECURITIES, .key = *key};
    struct store_value value;
    const bool has = store_get_row(&value, v, &row) == ERR_NONE;

    if (has)
        store_value_free(&value);
    return has;
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

void api_one_row(struct node *n,
                 struct rpc_call *call,
                 const struct rpc_arg *when,
                 const struct row_key *key,
                 const char *name)
{
    struct store_view *v = api_view_at(n, call, when);
    const struct schema *s = row_schema(key->table);
    void *row;
    char what[64];

    if (v == NULL)
        return;
    row = malloc(s->size);
    ASSERT(row != NULL);
    snprintf(what, sizeof what, "there is no such %s", name);
    if (api_read_row(call, v, row, key, what))
        answer_row(call,
                   v,
                   name,
                   schema_to_json(s, row),
                   derived_of(date_of(n, v), key->table, row));
    free(row);
}

static void institution_get(void *ctx,
                            struct rpc_call *call,
                            const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_INSTITUTIONS,
                                .key = institution_id((uint16_t)a[0].number)};

    api_one_row(ctx, call, &a[1], &key, "institution");
}

static void account_get(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_ACCOUNTS, .key = a[0].hash};

    api_one_row(ctx, call, &a[1], &key, "account");
}

static void security_get(void *ctx,
                         struct rpc_call *call,
                         const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_SECURITIES,
                                .key = security_key(a[0].code)};

    api_one_row(ctx, call, &a[1], &key, "security");
}

static void pledge_get(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a)
{
    const struct row_key key = {
        TABLE_PLEDGES, security_key(a[0].code), number_key(a[1].number)};

    api_one_row(ctx, call, &a[2], &key, "pledge");
}

static void claim_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_CLAIMS,
                                .key = claim_key(a[0].code, a[1].number)};

    api_one_row(ctx, call, &a[2], &key, "claim");
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

    json_object_set_new(out, "account", api_hash(account));
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
    struct store_view *v = api_view_at(n, call, &a[2]);
    struct holding_row *h = malloc(sizeof *h);

    ASSERT(h != NULL);
    if (v != NULL &&
        api_read_row(call, v, h, &key, "there is no such holding")) {
        json_t *mark =
            json_pack("{s:b}", "legal_effect", legal_effect(v, a[0].code));

        answer_row(call,
                   v,
                   "holding",
                   holding_json(&a[1].hash, h, date_of(n, v)),
                   mark);
    }
    free(h);
}

struct lister {
    json_t *list;
    uint64_t limit;
    bool more;
    struct row_key last;
    uint32_t date;
};

static json_t *listed_json(uint32_t date, uint8_t table, const void *row)
{
    json_t *out = schema_to_json(row_schema(table), row);
    json_t *derived = derived_of(date, table, row);

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
        json_array_append_new(l->list,
                              key->table == TABLE_HOLDINGS
                                  ? holding_json(&key->key, record, l->date)
                                  : listed_json(l->date, key->table, record));
    free(record);
    l->last = *key;
    return true;
}

void api_list_rows(struct node *n,
                   struct rpc_call *call,
                   const struct rpc_arg *when,
                   uint8_t table,
                   const struct hash *tree,
                   const struct hash *after,
                   uint64_t limit,
                   const char *name)
{
    struct store_view *v = api_view_at(n, call, when);
    struct lister l = {.limit = limit};
    json_t *next = json_null();
    json_t *out;
    enum err e;

    if (v == NULL)
        return;
    /* A mistyped code is not a security without freezes. */
    if ((table == TABLE_HOLDINGS || table == TABLE_FREEZES) &&
        !has_security(v, tree)) {
        json_decref(next);
        store_view_close(v);
        api_not_found(call, "there is no such security");
        return;
    }
    l.date = date_of(n, v);
    l.list = json_array();
    e = store_each_row_of(v, table, tree, after, list_one, &l);
    if (e != ERR_NONE) {
        json_decref(l.list);
        store_view_close(v);
        rpc_broken(call, e);
        return;
    }
    if (l.more && (table == TABLE_HOLDINGS || table == TABLE_EVIDENCE)) {
        next = api_hash(&l.last.key);
    } else if (l.more && table == TABLE_CANDIDATES) {
        uint16_t institution = 0;

        (void)institution_number(&institution, &l.last.key);
        next = json_of_u64(institution);
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

    api_list_rows(ctx,
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

    api_list_rows(ctx,
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

    api_list_rows(ctx,
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

/* Events that this node never saw are not passed over in silence. */
static bool has_events_after(struct node *n, const struct rpc_arg *after)
{
    const uint64_t from = store_rows_from(n->store);

    return from == 0 || (after->given && after->number >= from);
}

static void events_list(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    struct store_view *v;
    struct store_event_filter f = {.by_security = a[1].given,
                                   .by_account = a[2].given};
    struct event_lister l = {.limit = a[3].number};
    enum err e;

    if (a[1].given && a[2].given) {
        api_bad_param(
            call, "params.account", "give a security or an account, not both");
        return;
    }
    if (!has_events_after(ctx, &a[0])) {
        api_pruned(ctx, call, API_EVENTS);
        return;
    }
    v = api_view_now(ctx, call, &a[4]);
    if (v == NULL)
        return;
    l.list = json_array();
    f.key = f.by_security ? security_key(a[1].code) : a[2].hash;
    e = store_each_event(
        v, &f, a[0].number, a[0].index, !a[0].given, list_event, &l);
    if (e != ERR_NONE) {
        json_decref(l.list);
        rpc_broken(call, e);
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
        api_not_found(s->call, "there is no such security");
    else
        rpc_result(s->call,
                   json_pack("{s:s, s:o, s:o, s:b}",
                             "security",
                             s->code,
                             "root",
                             api_hash(&s->root),
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
    pool_submit(n->executor, &s->task, LANE_CLIENTS);
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
                     [RPC_SNAPSHOT_LIST] = api_snapshot_list,
                     [RPC_CHAIN_GET_BLOCK] = api_get_block,
                     [RPC_CHAIN_GET_HEADER] = api_get_header,
                     [RPC_CHAIN_GET_CHANGES] = api_get_changes,
                     [RPC_CHAIN_GET_BLOCK_BYTES] = api_get_block_bytes,
                     [RPC_CHAIN_GET_GENESIS] = api_get_genesis,
                     [RPC_TX_SUBMIT] = api_tx_submit,
                     [RPC_TX_GET] = api_tx_get,
                     [RPC_TX_WAIT] = api_tx_wait,
                     [RPC_TX_SIMULATE] = api_tx_simulate,
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
                     [RPC_VALIDATORS_GET] = api_validators_get,
                     [RPC_CANDIDATE_GET] = api_candidate_get,
                     [RPC_CANDIDATE_LIST] = api_candidate_list,
                     [RPC_EVIDENCE_LIST] = api_evidence_list,
                     [RPC_PARAMS_GET] = api_params_get,
                     [RPC_EVENTS_LIST] = events_list,
                     [RPC_PROOF_TRANSACTION] = api_proof_transaction,
                     [RPC_PROOF_HOLDING] = api_proof_holding,
                     [RPC_PROOF_UNENCUMBERED] = api_proof_unencumbered,
                     [RPC_PROOF_REGISTER] = api_proof_register,
                     [RPC_PROOF_STATEMENT] = api_proof_statement,
                     [RPC_PROOF_CONSISTENCY] = api_proof_consistency,
                     [RPC_PROOF_VALIDATORS] = api_proof_validators},
        .ready = health_ready,
        .metrics = health_metrics,
        .counted = counted,
        .ctx = n,
    };
}
