/* The RPC methods about blocks. */
#include "base/check.h"
#include "base/hex.h"
#include "ledger/ops.h"
#include "node/api.h"
#include "rpc/schema_json.h"

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

    if (height == UINT64_MAX)
        height = store_tip_of(n->store).height;
    if (store_get_block(&v, n->store, height, STORE_HEADER) != ERR_NONE) {
        api_not_found(call, "there is no block of this height yet");
        return;
    }
    if (header_decode(&h, bytes_of(v.at, v.size)) != ERR_NONE) {
        store_value_free(&v);
        api_answer_broken(call, ERR_CORRUPT);
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
