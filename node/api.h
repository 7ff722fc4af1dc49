/* api.h - what the files of the RPC methods share (private to them).
 *
 *   api.c        rows and events, from the store's snapshots
 *   api_gov.c    validators, candidates, evidence
 *   api_chain.c  blocks
 *   api_snapshot.c  snapshots
 *   api_bytes.c  blocks and the genesis as bytes, for archives
 *   api_tx.c     transactions, by way of the loop
 *   api_proof.c  receipts, by way of the prover and the executor */
#ifndef NODE_API_H
#define NODE_API_H

#include "node/node.h"

json_t *api_hash(const struct hash *h);
void api_not_found(struct rpc_call *call, const char *what);
/* What was asked for was removed, or is before the snapshot at which this node
 * began; names the earliest that is here. */
enum api_part { API_BODY, API_BLOCK, API_STATE, API_EVENTS };
void api_pruned(struct node *n, struct rpc_call *call, enum api_part part);
/* The same in other words. */
void api_pruned_why(struct node *n, struct rpc_call *call, const char *why);
void api_bad_param(struct rpc_call *call, const char *path, const char *why);
/* The state is only this high yet. */
void api_behind(struct rpc_call *call, uint64_t height);

/* A snapshot at least min_height high; NULL after answering that it is not. */
struct store_view *api_view_now(struct node *n,
                                struct rpc_call *call,
                                const struct rpc_arg *min_height);
/* The same, and, if one of them is given, as it was after a height or at the
 * end of a business date: when is the parameters min_height, height, date. */
struct store_view *api_view_at(struct node *n,
                               struct rpc_call *call,
                               const struct rpc_arg *when);
/* Reads and decodes one row; answers and closes the view when there is none. */
bool api_read_row(struct rpc_call *call,
                  struct store_view *v,
                  void *row,
                  const struct row_key *key,
                  const char *what);
/* Answers with one row under its name. */
void api_one_row(struct node *n,
                 struct rpc_call *call,
                 const struct rpc_arg *when,
                 const struct row_key *key,
                 const char *name);
/* Lists one tree and answers; next is what to go on after, if more follows. */
void api_list_rows(struct node *n,
                   struct rpc_call *call,
                   const struct rpc_arg *when,
                   uint8_t table,
                   const struct hash *tree,
                   const struct hash *after,
                   uint64_t limit,
                   const char *name);

/* Handlers. */
void api_snapshot_list(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a);
void api_validators_get(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a);
void api_candidate_get(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a);
void api_candidate_list(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a);
void api_evidence_list(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a);
void api_params_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_get_block(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_get_changes(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_get_block_bytes(void *ctx,
                         struct rpc_call *call,
                         const struct rpc_arg *a);
void api_get_genesis(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_get_header(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_tx_submit(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_tx_get(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_tx_wait(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_tx_simulate(void *ctx, struct rpc_call *call, const struct rpc_arg *a);
void api_proof_transaction(void *ctx,
                           struct rpc_call *call,
                           const struct rpc_arg *a);
void api_proof_holding(void *ctx,
                       struct rpc_call *call,
                       const struct rpc_arg *a);
void api_proof_unencumbered(void *ctx,
                            struct rpc_call *call,
                            const struct rpc_arg *a);
void api_proof_register(void *ctx,
                        struct rpc_call *call,
                        const struct rpc_arg *a);
void api_proof_statement(void *ctx,
                         struct rpc_call *call,
                         const struct rpc_arg *a);
void api_proof_consistency(void *ctx,
                           struct rpc_call *call,
                           const struct rpc_arg *a);
void api_proof_validators(void *ctx,
                          struct rpc_call *call,
                          const struct rpc_arg *a);

#endif /* NODE_API_H */
