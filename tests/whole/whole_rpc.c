/* In the place of rpc/jsonrpc.c and the operator's socket: a client's call is
 * made by calling the handler, and its answer comes back here. */
#include "tests/whole/whole_rpc.h"

#include "base/check.h"
#include "node/control.h"

#include <string.h>

enum err rpc_start(struct rpc_server **out,
                   const struct http_config *http,
                   const struct rpc_backend *backend)
{
    struct rpc_backend *b = malloc(sizeof *b);

    (void)http;
    ASSERT(b != NULL);
    *b = *backend;
    whole.now->backend = b;
    *out = (struct rpc_server *)(void *)whole.now;
    return ERR_NONE;
}

void rpc_halt(struct rpc_server *s)
{
    (void)s;
}

void rpc_stop(struct rpc_server *s)
{
    struct whole_node *w = (struct whole_node *)(void *)s;

    if (w == NULL)
        return;
    free(w->backend);
    w->backend = NULL;
}

static void answer(struct rpc_call *call, const struct client_answer *a)
{
    const struct whole_node *w = call->w;

    /* A dead process answers nobody. */
    if (!call->lost)
        call->done(call->ctx, node_is_dead(w) ? NULL : a);
    free(call);
}

void rpc_result(struct rpc_call *call, json_t *result)
{
    const char *state = json_string_value(json_object_get(result, "state"));
    const json_t *height = json_object_get(result, "height");
    struct client_answer a = {.state = state != NULL ? state : "",
                              .index = (uint32_t)json_integer_value(
                                  json_object_get(result, "index"))};

    if (height != NULL && !num_parse_u64(&a.height, json_string_value(height)))
        whole_fail("an answer's height is no number");
    answer(call, &a);
    json_decref(result);
}

void rpc_error(struct rpc_call *call,
               int code,
               const char *name,
               const char *message,
               bool retryable,
               json_t *details)
{
    const struct client_answer a = {.state = "", .error = name};

    (void)code;
    (void)message;
    (void)retryable;
    answer(call, &a);
    json_decref(details);
}

void rpc_broken(struct rpc_call *call, enum err e)
{
    const struct client_answer a = {.state = "", .error = err_name(e)};

    answer(call, &a);
}

/* ---- the operator's socket: nobody calls ---- */

enum err control_start(struct control **out, struct node *n)
{
    (void)n;
    *out = NULL;
    return ERR_NONE;
}

void control_stop(struct control *c)
{
    (void)c;
}
