/* The RPC methods about blocks. */
#include "base/check.h"
#include "base/hex.h"
#include "ledger/ops.h"
#include "node/api.h"
#include "rpc/schema_json.h"
#include "state/proof.h"
#include "storage/store_import.h"

#include <stdlib.h>

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
                                        api_hash(&tx->id),
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
    enum err e;

    if (height == UINT64_MAX)
        height = store_tip_of(n->store).height;
    e = store_get_block(&v, n->store, height, STORE_HEADER);
    if (e == ERR_PRUNED) {
        api_pruned(n, call, API_BLOCK);
        return;
    }
    if (e != ERR_NONE) {
        api_not_found(call, "there is no block of this height yet");
        return;
    }
    if (with_body && height < store_bodies_from(n->store)) {
        store_value_free(&v);
        api_pruned(n, call, API_BODY);
        return;
    }
    if (header_decode(&h, bytes_of(v.at, v.size)) != ERR_NONE) {
        store_value_free(&v);
        rpc_broken(call, ERR_CORRUPT);
        return;
    }
    store_value_free(&v);
    hash = header_hash(&h);
    out = json_pack("{s:o, s:o}",
                    "hash",
                    api_hash(&hash),
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

void api_get_block(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    get_block(ctx, call, a[0].number, true);
}

void api_get_header(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    get_block(ctx, call, a[0].number, false);
}

static json_t *row_hash_json(struct bytes row)
{
    const struct hash h =
        row.size > 0 ? proof_row_hash(row) : (struct hash){{0}};

    return api_hash(&h);
}

/* Of changes after the place `after` (UINT64_MAX: from the start). */
static json_t *changes_json(const struct change_set *set,
                            uint64_t after,
                            uint64_t limit,
                            json_t **next)
{
    const uint64_t first = after == UINT64_MAX ? 0 : after + 1;
    json_t *list = json_array();

    *next = json_null();
    for (uint64_t i = first; i < set->count; i++) {
        const struct change *c = &set->list[i];

        if (i - first >= limit) {
            json_decref(*next);
            *next = json_of_u64(i - 1);
            break;
        }
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:o, s:o}",
                                        "table",
                                        table_names[c->key.table],
                                        "tree",
                                        api_hash(&c->key.tree),
                                        "key",
                                        api_hash(&c->key.key),
                                        "old",
                                        row_hash_json(c->old_row),
                                        "new",
                                        row_hash_json(c->new_row)));
    }
    return list;
}

static json_t *table_roots_json(struct node *n, uint64_t height)
{
    struct hash slots[TABLE_SLOTS];
    struct roots_reader r;
    struct store_value v;
    json_t *out = json_object();

    if (store_get_block(&v, n->store, height, STORE_ROOTS) != ERR_NONE)
        return out;
    if (state_roots_open(&r, slots, bytes_of(v.at, v.size)) == ERR_NONE) {
        for (uint8_t i = 0; i < TABLES_USED; i++)
            json_object_set_new(out, table_names[i], api_hash(&slots[i]));
    }
    store_value_free(&v);
    return out;
}

void api_get_changes(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    struct node *n = ctx;
    const uint64_t height = a[0].number;
    struct store_value header = {0};
    struct store_value changes = {0};
    struct store_changes set = {0};
    struct header h;
    enum err e = store_get_block(&header, n->store, height, STORE_HEADER);

    if (e == ERR_NOT_FOUND) {
        api_not_found(call, "there is no block of this height yet");
        return;
    }
    if (e == ERR_NONE)
        e = header_decode(&h, bytes_of(header.at, header.size));
    if (e == ERR_NONE)
        e = store_get_block(&changes, n->store, height, STORE_CHANGES);
    if (e == ERR_NONE)
        e = store_changes_decode(&set, bytes_of(changes.at, changes.size));
    if (e == ERR_NONE) {
        const struct hash hash = header_hash(&h);
        json_t *next;
        json_t *list = changes_json(&set.set, a[1].number, a[2].number, &next);

        rpc_result(call,
                   json_pack("{s:o, s:o, s:o, s:o, s:o}",
                             "height",
                             json_of_u64(height),
                             "hash",
                             api_hash(&hash),
                             "roots",
                             table_roots_json(n, height),
                             "changes",
                             list,
                             "next",
                             next));
    } else if (e == ERR_PRUNED) {
        api_pruned(
            n, call, height < store_rows_from(n->store) ? API_STATE : API_BODY);
    } else {
        rpc_broken(call, e);
    }
    store_changes_free(&set);
    store_value_free(&header);
    store_value_free(&changes);
}
