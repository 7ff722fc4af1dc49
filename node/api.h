/* api.h - what the files of the RPC methods share (private to them).
 *
 *   api.c        rows and events, from the store's snapshots
 *   api_chain.c  blocks
 *   api_tx.c     transactions, by way of the loop */
#ifndef NODE_API_H
#define NODE_API_H

#include "node/node.h"

json_t *api_hash(const struct hash *h);
void api_not_found(struct rpc_call *call, const char *what);
void api_bad_param(struct rpc_call *call, const char *path, const char *why);

/* Handlers. */
void api_get_block(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_get_header(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_tx_submit(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_tx_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_tx_wait(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_tx_simulate(void *ctx, struct rpc_call *call, const struct rpc_arg *a);

#endif /* NODE_API_H */
