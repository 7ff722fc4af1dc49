/* Blocks and the genesis as bytes, for archives kept elsewhere. */
#include "base/check.h"
#include "node/api.h"
#include "rpc/schema_json.h"
#include "storage/store_import.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    REPLY_BYTES_MAX = 1 << 20, /* the block that reaches it is the last */
};

static const enum store_block_part parts[] = {
    STORE_HEADER, STORE_CERT, STORE_BODY};
static const char *const part_names[] = {"header", "certificate", "body"};

static enum err block_json(json_t **out,
                           size_t *size,
                           struct node *n,
                           uint64_t height)
{
    *out = json_pack("{s:o}", "height", json_of_u64(height));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct store_value v = {0};
        enum err e = store_get_block(&v, n->store, height, parts[i]);

        if (e == ERR_NOT_FOUND && parts[i] == STORE_CERT && height == 0)
            e = ERR_NONE; /* nobody signed it */
        if (e != ERR_NONE) {
            json_decref(*out);
            return e;
        }
        *size += v.size;
        json_object_set_new(*out, part_names[i], json_of_hex(v.at, v.size));
        store_value_free(&v);
    }
    return ERR_NONE;
}

void api_pruned_why(struct node *n, struct rpc_call *call, const char *why)
{
    rpc_error(call,
              RPC_PRUNED,
              "E_PRUNED",
              why,
              false,
              json_pack("{s:o, s:o, s:o}",
                        "earliest_body_height",
                        json_of_u64(store_bodies_from(n->store)),
                        "earliest_height",
                        json_of_u64(store_blocks_from(n->store)),
                        "earliest_state_height",
                        json_of_u64(store_rows_from(n->store))));
}

void api_pruned(struct node *n, struct rpc_call *call, enum api_part part)
{
    static const char *const has[] = {
        [API_BODY] = "keeps bodies",
        [API_BLOCK] = "began at a snapshot and has blocks",
        [API_STATE] = "began at a snapshot and has the state",
        [API_EVENTS] = "began at a snapshot and has events",
    };
    const uint64_t earliest = part == API_BODY    ? store_bodies_from(n->store)
                              : part == API_BLOCK ? store_blocks_from(n->store)
                              : part == API_EVENTS
                                  ? store_rows_from(n->store) + 1
                                  : store_rows_from(n->store);
    char text[200];

    snprintf(text,
             sizeof text,
             "this node %s from block %llu on; ask another node, or who keeps "
             "the archive",
             has[part],
             (unsigned long long)earliest);
    api_pruned_why(n, call, text);
}

void api_get_block_bytes(void *ctx,
                         struct rpc_call *call,
                         const struct rpc_arg *a)
{
    struct node *n = ctx;
    const uint64_t tip = store_tip_of(n->store).height;
    uint64_t height = a[0].number;
    json_t *list;
    size_t size = 0;

    if (height > tip) {
        api_not_found(call, "there is no block of this height yet");
        return;
    }
    list = json_array();
    for (uint64_t i = 0;
         i < a[1].number && height <= tip && size < REPLY_BYTES_MAX;
         i++, height++) {
        json_t *one;
        const enum err e = block_json(&one, &size, n, height);

        if (e != ERR_NONE) {
            json_decref(list);
            if (e == ERR_PRUNED)
                api_pruned(n, call, API_BODY);
            else
                rpc_broken(call, e);
            return;
        }
        json_array_append_new(list, one);
    }
    rpc_result(call,
               json_pack("{s:o, s:o, s:o}",
                         "blocks",
                         list,
                         "next",
                         json_of_u64(height),
                         "height",
                         json_of_u64(tip)));
}

void api_get_genesis(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    struct node *n = ctx;
    uint8_t *room = malloc(GENESIS_BYTES_MAX);
    struct writer w = writer_of(room, GENESIS_BYTES_MAX);

    (void)a;
    ASSERT(room != NULL);
    schema_encode(&w, &genesis_schema, n->genesis);
    ASSERT(writer_ok(&w)); /* the chain id was made of it */
    rpc_result(call,
               json_pack("{s:o, s:o}",
                         "chain_id",
                         api_hash(&n->chain_id),
                         "genesis",
                         json_of_hex(room, w.size)));
    free(room);
}
