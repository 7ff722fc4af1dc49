/* jsonrpc.h - JSON-RPC 2.0 over HTTP POST, and the plain GET pages.
 *
 * Rules: docs/RPC.md.  A method's handler gets checked arguments and answers
 * with rpc_result or rpc_error, at once or later, from any thread; the call
 * belongs to it until then. */
#ifndef RPC_JSONRPC_H
#define RPC_JSONRPC_H

#include "base/buf.h"
#include "ledger/verdict.h"
#include "rpc/http.h"
#include "rpc/methods.h"

#include <jansson.h>

enum rpc_code {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL_ERROR = -32603,
    RPC_NOT_FOUND = -32001,
    RPC_UNAVAILABLE = -32002,
    RPC_REFUSED = -32003,
    RPC_PRUNED = -32004,
    RPC_LIMIT_EXCEEDED = -32005,
};

struct rpc_call;

typedef void (*rpc_handler_fn)(void *ctx,
                               struct rpc_call *call,
                               const struct rpc_arg *args);

struct rpc_backend {
    rpc_handler_fn handlers[RPC_METHODS]; /* RPC_DISCOVER is ours */
    /* Pages for GET; each appends text.  ready returns false when the node is
     * not ready; the text (JSON) says why. */
    bool (*ready)(void *ctx, struct buf *out);
    void (*metrics)(void *ctx, struct buf *out);
    void (*counted)(void *ctx, enum rpc_method_id method, bool error);
    void *ctx;
    /* Bytes of the answers to one request, at most; of all that wait for the
     * rest of their batches, twice that.  0: RPC_REPLY_MAX. */
    size_t reply_max;
};

struct rpc_server;

/* Errors as http_start. */
MUST_USE enum err rpc_start(struct rpc_server **out,
                            const struct http_config *http,
                            const struct rpc_backend *backend);
/* As http_halt and http_stop. */
void rpc_halt(struct rpc_server *s);
void rpc_stop(struct rpc_server *s);
uint16_t rpc_port(const struct rpc_server *s);

/* rpc_result takes the reference.  rpc_error: name is the stable contract,
 * message for people, details (taken) may be NULL. */
void rpc_result(struct rpc_call *call, json_t *result);
void rpc_error(struct rpc_call *call,
               int code,
               const char *name,
               const char *message,
               bool retryable,
               json_t *details);
/* rpc_broken: the fault is the node's.  What it is stands in the log alone,
 * under the request_id that the client gets. */
void rpc_broken(struct rpc_call *call, enum err e);
/* Runs fn on the server's thread. */
void rpc_post(struct rpc_call *call, void (*fn)(void *ctx), void *ctx);

/* rpc_args_read fills args (RPC_PARAMS_MAX, zeroed) from the params of a call,
 * by name or position; on an error why (160 bytes) names the parameter.  Free
 * args[i].bytes in any case. */
bool rpc_args_read(struct rpc_arg *args,
                   char why[160],
                   const struct rpc_method *m,
                   json_t *params);

/* The OpenRPC document; a new reference. */
json_t *rpc_openrpc(void);

#endif /* RPC_JSONRPC_H */
