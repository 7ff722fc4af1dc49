/* The RPC methods about who validates, from the store's snapshots. */
#include "node/api.h"
#include "rpc/schema_json.h"

static const struct hash zero;

/* Which of a set said that they are ready, in its order; owned. */
static json_t *list_ready(struct store_view *v, const struct valset *set)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < set->count; i++) {
        const struct row_key key = {.table = TABLE_READY,
                                    .key = validator_id(&set->list[i].key)};
        struct store_value value;
        struct ready_row row;

        if (store_get_row(&value, v, &key) != ERR_NONE)
            continue;
        if (schema_decode(&row,
                          &ready_row_schema,
                          bytes_of(value.at, value.size)) == ERR_NONE)
            json_array_append_new(list,
                                  schema_to_json(&ready_row_schema, &row));
        store_value_free(&value);
    }
    return list;
}

/* The set in force, or that of an epoch: in force still, or past. */
void api_validators_get(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    struct row_key key = {.table = TABLE_VALIDATORS};
    struct store_view *v = api_view_at(ctx, call, &a[1]);
    struct validators_row row;
    struct hash hash;

    if (v == NULL ||
        !api_read_row(call, v, &row, &key, "there are no validators"))
        return;
    if (a[0].given && row.set.epoch != a[0].number) {
        key.key = epoch_key(a[0].number);
        if (!api_read_row(call, v, &row, &key, "there is no such epoch yet"))
            return;
    }
    hash = valset_hash(&row.set);
    rpc_result(call,
               json_pack("{s:o, s:o, s:o, s:i, s:i, s:o}",
                         "height",
                         json_of_u64(store_view_height(v)),
                         "validators",
                         schema_to_json(&validators_row_schema, &row),
                         "hash",
                         api_hash(&hash),
                         "quorum",
                         (int)valset_quorum(row.set.count),
                         "faulty",
                         (int)valset_faulty(row.set.count),
                         "ready",
                         list_ready(v, &row.set)));
    store_view_close(v);
}

void api_candidate_get(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a)
{
    const struct row_key key = {.table = TABLE_CANDIDATES,
                                .key = institution_id((uint16_t)a[0].number)};

    api_one_row(ctx, call, &a[1], &key, "candidate");
}

void api_candidate_list(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a)
{
    const struct hash after = institution_id((uint16_t)a[0].number);

    api_list_rows(ctx,
                  call,
                  &a[2],
                  TABLE_CANDIDATES,
                  &zero,
                  a[0].given ? &after : NULL,
                  a[1].number,
                  "candidates");
}

void api_evidence_list(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a)
{
    api_list_rows(ctx,
                  call,
                  &a[2],
                  TABLE_EVIDENCE,
                  &zero,
                  a[0].given ? &a[0].hash : NULL,
                  a[1].number,
                  "evidence");
}

void api_params_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    static const struct row_key key = {.table = TABLE_PARAMS};
    static const struct row_key shared_key = {.table = TABLE_SHARED};
    const struct node *n = ctx;
    struct store_view *v = api_view_at(ctx, call, &a[0]);
    struct shared_row shared = {.params = n->genesis->params};
    struct params_row row;
    struct store_value value;

    if (v == NULL ||
        !api_read_row(call, v, &row, &key, "there are no parameters"))
        return;
    if (store_get_row(&value, v, &shared_key) == ERR_NONE) {
        if (schema_decode(&shared,
                          &shared_row_schema,
                          bytes_of(value.at, value.size)) != ERR_NONE)
            shared = (struct shared_row){.params = n->genesis->params};
        store_value_free(&value);
    }
    rpc_result(call,
               json_pack("{s:o, s:o, s:o}",
                         "height",
                         json_of_u64(store_view_height(v)),
                         "params",
                         schema_to_json(&params_row_schema, &row),
                         "shared",
                         schema_to_json(&shared_row_schema, &shared)));
    store_view_close(v);
}
