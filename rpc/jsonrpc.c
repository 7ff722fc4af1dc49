#include "rpc/jsonrpc.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/num.h"
#include "rpc/client.h"
#include "rpc/schema_json.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH_MAX = 100,
    ID_BYTES_MAX = 256,
    NODE_BYTES = 16, /* of JSON beside the texts in it */
};

struct rpc_server {
    struct http_server *http;
    struct rpc_backend backend;
    json_t *discover;
    size_t held; /* bytes of answers that wait for others of their batch */
};

/* One HTTP request with one or many calls. */
struct batch {
    struct rpc_server *server;
    struct http_request *request;
    bool is_array;
    uint32_t waiting; /* calls not answered yet, and the reader itself */
    json_t *replies;  /* array, in request order; null = notification */
    size_t held;      /* bytes of them, about */
};

struct rpc_call {
    struct batch *batch;
    uint32_t place;
    enum rpc_method_id method;
    bool notification;
    json_t *id;
    json_t *reply; /* the whole response object */
    struct rpc_arg args[RPC_PARAMS_MAX];
};

static json_t *error_object(int code,
                            const char *name,
                            const char *message,
                            bool retryable,
                            json_t *details)
{
    json_t *data =
        json_pack("{s:s, s:b}", "name", name, "retryable", retryable);

    if (details != NULL)
        json_object_set_new(data, "details", details);
    return json_pack(
        "{s:i, s:s, s:o}", "code", code, "message", message, "data", data);
}

static json_t *response(json_t *id, const char *member, json_t *value)
{
    return json_pack(
        "{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, member, value);
}

static json_t *too_large(json_t *id)
{
    return response(id,
                    "error",
                    error_object(RPC_LIMIT_EXCEEDED,
                                 "REPLY_TOO_LARGE",
                                 "the answers together are too large; ask for "
                                 "less at a time",
                                 false,
                                 NULL));
}

static void send_json(struct batch *b, const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    ASSERT(text != NULL);
    if (strlen(text) > b->server->backend.reply_max) {
        json_t *null = json_null();
        json_t *error = too_large(null);

        free(text);
        text = json_dumps(error, JSON_COMPACT);
        json_decref(error);
        ASSERT(text != NULL);
    }
    http_reply(
        b->request, 200, "application/json", bytes_of(text, strlen(text)));
    free(text);
}

static void send_replies(struct batch *b)
{
    json_t *out = json_array();
    json_t *one;
    size_t i;

    json_array_foreach(b->replies, i, one)
    {
        if (!json_is_null(one))
            json_array_append(out, one);
    }
    if (json_array_size(out) == 0)
        http_reply(b->request, 204, NULL, bytes_of(NULL, 0));
    else
        send_json(b, b->is_array ? out : json_array_get(out, 0));
    json_decref(out);
}

static void one_less(struct batch *b)
{
    if (--b->waiting > 0)
        return;
    send_replies(b);
    json_decref(b->replies);
    b->server->held -= b->held;
    free(b);
}

/* Of our own answers, whose depth is bounded. */
static size_t bytes_of_json(json_t *json)
{
    size_t sum = NODE_BYTES + json_string_length(json);
    const char *name;
    json_t *v;
    size_t i;

    json_array_foreach(json, i, v) sum += bytes_of_json(v);
    json_object_foreach(json, name, v) sum += NODE_BYTES + bytes_of_json(v);
    return sum;
}

/* Keeps an answer until those of its batch are there.  What no reply could hold
 * is let go of at once, not when the last one has come. */
static void keep_reply(struct batch *b, struct rpc_call *call)
{
    struct rpc_server *s = b->server;
    const size_t size = bytes_of_json(call->reply);
    const size_t max = s->backend.reply_max;

    if (b->held + size > max || s->held + size > 2 * max) {
        json_decref(call->reply);
        call->reply = b->held + size > max
                          ? too_large(call->id)
                          : response(call->id,
                                     "error",
                                     error_object(RPC_UNAVAILABLE,
                                                  "E_BUSY",
                                                  "too many large answers wait "
                                                  "here: ask again",
                                                  true,
                                                  NULL));
    } else {
        b->held += size;
        s->held += size;
    }
    json_array_set_new(b->replies, call->place, call->reply);
}

static void finish_call(void *ctx)
{
    struct rpc_call *call = ctx;
    struct batch *b = call->batch;

    if (call->notification)
        json_decref(call->reply);
    else
        keep_reply(b, call);
    json_decref(call->id);
    for (int i = 0; i < RPC_PARAMS_MAX; i++)
        free(call->args[i].bytes);
    free(call);
    one_less(b);
}

static void complete(struct rpc_call *call, json_t *reply, bool error)
{
    struct rpc_server *s = call->batch->server;

    call->reply = reply;
    if (s->backend.counted != NULL)
        s->backend.counted(s->backend.ctx, call->method, error);
    if (http_on_thread(s->http))
        finish_call(call);
    else
        http_post(s->http, finish_call, call);
}

void rpc_result(struct rpc_call *call, json_t *result)
{
    complete(call, response(call->id, "result", result), false);
}

void rpc_error(struct rpc_call *call,
               int code,
               const char *name,
               const char *message,
               bool retryable,
               json_t *details)
{
    complete(call,
             response(call->id,
                      "error",
                      error_object(code, name, message, retryable, details)),
             true);
}

void rpc_broken(struct rpc_call *call, enum err e)
{
    static _Atomic uint64_t count;
    const uint64_t number = ++count;

    log_unusual("rpc",
                "a call could not be answered",
                "request_id=%llu method=%s error=%s",
                (unsigned long long)number,
                rpc_methods[call->method].name,
                err_name(e));
    rpc_error(call,
              RPC_INTERNAL_ERROR,
              "INTERNAL",
              "this node could not answer; its log has the reason under the "
              "request_id",
              false,
              json_pack("{s:o}", "request_id", json_of_u64(number)));
}

void rpc_post(struct rpc_call *call, void (*fn)(void *ctx), void *ctx)
{
    http_post(call->batch->server->http, fn, ctx);
}

static bool id_ok(const json_t *id)
{
    if (json_is_string(id))
        return json_string_length(id) <= ID_BYTES_MAX;
    return json_is_integer(id) || json_is_null(id);
}

static void fail(struct batch *b,
                 uint32_t place,
                 json_t *id,
                 int code,
                 const char *name,
                 const char *message)
{
    json_array_set_new(
        b->replies,
        place,
        response(id, "error", error_object(code, name, message, false, NULL)));
}

static bool cursor_from(struct rpc_arg *a, const char *text)
{
    char height[24];
    const char *dot = strchr(text, '.');
    uint64_t index;

    if (dot == NULL || (size_t)(dot - text) >= sizeof height)
        return false;
    memcpy(height, text, (size_t)(dot - text));
    height[dot - text] = '\0';
    if (!num_parse_u64(&a->number, height) || !num_parse_u64(&index, dot + 1) ||
        index > UINT32_MAX)
        return false;
    a->index = (uint32_t)index;
    return true;
}

static bool hex_from(struct rpc_arg *a, const char *text, uint64_t max)
{
    const size_t size = strlen(text) / 2;

    if (size == 0 || size > max)
        return false;
    a->bytes = malloc(size);
    ASSERT(a->bytes != NULL);
    a->size = size;
    return hex_decode(a->bytes, size, text);
}

static bool arg_from(struct rpc_arg *a,
                     const struct rpc_param *p,
                     const json_t *v)
{
    const char *text = json_string_value(v);
    uint32_t days;

    a->given = true;
    switch (p->kind) {
    case PARAM_U64:
        return json_u64(&a->number, v) && a->number >= p->min &&
               a->number <= p->max;
    case PARAM_HASH:
        return text != NULL && hex_decode(a->hash.raw, HASH_BYTES, text);
    case PARAM_HEX:
        return text != NULL && hex_from(a, text, p->max);
    case PARAM_CODE:
        if (text == NULL || !schema_code_ok(text, CODE_MAX))
            return false;
        memcpy(a->code, text, strlen(text));
        return true;
    case PARAM_CURSOR:
        return text != NULL && cursor_from(a, text);
    case PARAM_DATE:
        if (text == NULL || !num_parse_date(&days, text))
            return false;
        a->number = days;
        return true;
    }
    return false;
}

static const struct rpc_param *find_param(const struct rpc_method *m,
                                          const char *name,
                                          int *index)
{
    for (int i = 0; i < RPC_PARAMS_MAX && m->params[i].name != NULL; i++) {
        if (strcmp(m->params[i].name, name) == 0) {
            *index = i;
            return &m->params[i];
        }
    }
    return NULL;
}

/* A name that a client made up may be long; half a character is no text. */
static void name_param(char why[160], const char *name)
{
    size_t size = strnlen(name, 101);

    if (size > 100) {
        size = 100;
        while (size > 0 && ((uint8_t)name[size] & 0xc0) == 0x80)
            size--;
    }
    snprintf(why, 160, "params.%.*s", (int)size, name);
}

bool rpc_args_read(struct rpc_arg *args,
                   char why[160],
                   const struct rpc_method *m,
                   json_t *params)
{
    const char *name;
    json_t *v;
    size_t at;
    int i = 0;

    for (i = 0; i < RPC_PARAMS_MAX && m->params[i].name != NULL; i++)
        args[i].number = m->params[i].initial;
    if (json_is_array(params)) {
        json_array_foreach(params, at, v)
        {
            if (at >= RPC_PARAMS_MAX || m->params[at].name == NULL ||
                !arg_from(&args[at], &m->params[at], v)) {
                snprintf(why, 160, "params[%zu]", at);
                return false;
            }
        }
    } else if (json_is_object(params)) {
        json_object_foreach(params, name, v)
        {
            const struct rpc_param *p = find_param(m, name, &i);

            if (p == NULL || !arg_from(&args[i], p, v)) {
                name_param(why, name);
                return false;
            }
        }
    }
    for (i = 0; i < RPC_PARAMS_MAX && m->params[i].name != NULL; i++) {
        if (m->params[i].required && !args[i].given) {
            snprintf(why, 160, "params.%s", m->params[i].name);
            return false;
        }
    }
    return true;
}

static int method_of(const char *name)
{
    for (int i = 0; i < RPC_METHODS; i++) {
        if (strcmp(rpc_methods[i].name, name) == 0)
            return i;
    }
    return -1;
}

static void run(struct rpc_server *s, struct rpc_call *call)
{
    if (call->method == RPC_DISCOVER)
        rpc_result(call, json_incref(s->discover));
    else if (s->backend.handlers[call->method] != NULL)
        s->backend.handlers[call->method](s->backend.ctx, call, call->args);
    else
        rpc_error(call,
                  RPC_METHOD_NOT_FOUND,
                  "METHOD_NOT_FOUND",
                  "this node does not serve the method",
                  false,
                  NULL);
}

/* One request object of a batch, or the only one. */
static void take_call(struct batch *b, uint32_t place, json_t *json)
{
    json_t *id = json_object_get(json, "id");
    json_t *version = json_object_get(json, "jsonrpc");
    json_t *method = json_object_get(json, "method");
    json_t *params = json_object_get(json, "params");
    const bool notification = json_is_object(json) && id == NULL;
    json_t *null_id = json_null();
    struct rpc_call *call;
    char why[160] = "";
    int index;

    if (!json_is_object(json) || (id != NULL && !id_ok(id)) ||
        !json_is_string(version) ||
        strcmp(json_string_value(version), "2.0") != 0 ||
        !json_is_string(method) ||
        (params != NULL && !json_is_array(params) && !json_is_object(params) &&
         !json_is_null(params))) {
        fail(b,
             place,
             id != NULL && id_ok(id) ? id : null_id,
             RPC_INVALID_REQUEST,
             "INVALID_REQUEST",
             "not a JSON-RPC 2.0 request");
        return;
    }
    index = method_of(json_string_value(method));
    if (index < 0) {
        if (!notification)
            fail(b,
                 place,
                 id,
                 RPC_METHOD_NOT_FOUND,
                 "METHOD_NOT_FOUND",
                 "there is no such method; rpc.discover lists them");
        return;
    }
    call = calloc(1, sizeof *call);
    ASSERT(call != NULL);
    call->batch = b;
    call->place = place;
    call->method = (enum rpc_method_id)index;
    call->notification = notification;
    call->id = notification ? null_id : json_incref(id);
    b->waiting++;
    if (!rpc_args_read(call->args, why, &rpc_methods[index], params)) {
        rpc_error(call,
                  RPC_INVALID_PARAMS,
                  "INVALID_PARAMS",
                  "a parameter is unknown, missing or ill-typed",
                  false,
                  json_pack("{s:s}", "path", why));
        return;
    }
    run(b->server, call);
}

static void take_body(struct rpc_server *s, struct http_request *request)
{
    struct batch *b = calloc(1, sizeof *b);
    char why[200];
    json_t *json = json_parse(request->body, why, sizeof why);
    const size_t count = json_is_array(json) ? json_array_size(json) : 1;

    ASSERT(b != NULL);
    b->server = s;
    b->request = request;
    b->waiting = 1;
    b->replies = json_array();
    b->is_array = json_is_array(json) && count > 0 && count <= BATCH_MAX;
    for (size_t i = 0; i < (b->is_array ? count : 1); i++)
        json_array_append_new(b->replies, json_null());
    if (json == NULL) {
        fail(b, 0, json_null(), RPC_PARSE_ERROR, "PARSE_ERROR", why);
    } else if (json_is_array(json) && !b->is_array) {
        fail(b,
             0,
             json_null(),
             count == 0 ? RPC_INVALID_REQUEST : RPC_LIMIT_EXCEEDED,
             count == 0 ? "INVALID_REQUEST" : "BATCH_TOO_LARGE",
             count == 0 ? "an empty batch" : "at most 100 calls in a batch");
    } else if (b->is_array) {
        for (size_t i = 0; i < count; i++)
            take_call(b, (uint32_t)i, json_array_get(json, i));
    } else {
        take_call(b, 0, json);
    }
    json_decref(json);
    one_less(b);
}

static void answer_text(struct http_request *r,
                        int status,
                        const char *type,
                        struct buf *text)
{
    http_reply(r, status, type, buf_bytes(text));
    buf_deinit(text);
}

static void take_get(struct rpc_server *s, struct http_request *r)
{
    struct buf text = {0};
    const char *path = r->head->path;

    if (strcmp(path, "/livez") == 0) {
        buf_append(&text, "ok\n", 3);
        answer_text(r, 200, "text/plain", &text);
    } else if (strcmp(path, "/readyz") == 0) {
        const bool ready = s->backend.ready(s->backend.ctx, &text);

        answer_text(r, ready ? 200 : 503, "application/json", &text);
    } else if (strcmp(path, "/metrics") == 0) {
        s->backend.metrics(s->backend.ctx, &text);
        answer_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
    } else if (strcmp(path, "/openrpc.json") == 0) {
        char *dump = json_dumps(s->discover, JSON_INDENT(2));

        buf_append(&text, dump, strlen(dump));
        free(dump);
        answer_text(r, 200, "application/json", &text);
    } else {
        static const char none[] =
            "POST / is JSON-RPC; GET /livez /readyz /metrics "
            "/openrpc.json\n";
        const int status = strcmp(path, "/") == 0 ? 405 : 404;

        buf_append(&text, none, sizeof none - 1);
        answer_text(r, status, "text/plain", &text);
    }
}

static void on_request(void *ctx, struct http_request *r)
{
    struct rpc_server *s = ctx;
    const char *type = r->head->content_type;

    if (r->head->method != HTTP_POST) {
        take_get(s, r);
        return;
    }
    if (strcmp(r->head->path, "/") != 0 && strcmp(r->head->path, "/rpc") != 0) {
        http_reply(r, 404, NULL, bytes_of(NULL, 0));
        return;
    }
    if (strcmp(type, "application/json") != 0 &&
        strcmp(type, "application/json-rpc") != 0 &&
        strcmp(type, "application/jsonrequest") != 0) {
        http_reply(r, 415, NULL, bytes_of(NULL, 0));
        return;
    }
    take_body(s, r);
}

enum err rpc_start(struct rpc_server **out,
                   const struct http_config *http,
                   const struct rpc_backend *backend)
{
    struct rpc_server *s = calloc(1, sizeof *s);
    struct http_config config = *http;
    enum err e;

    *out = NULL;
    ASSERT(s != NULL);
    s->backend = *backend;
    if (s->backend.reply_max == 0)
        s->backend.reply_max = RPC_REPLY_MAX;
    s->discover = rpc_openrpc();
    config.handler = on_request;
    config.ctx = s;
    e = http_start(&s->http, &config);
    if (e != ERR_NONE) {
        json_decref(s->discover);
        free(s);
        return e;
    }
    *out = s;
    return ERR_NONE;
}

void rpc_halt(struct rpc_server *s)
{
    if (s != NULL)
        http_halt(s->http);
}

void rpc_stop(struct rpc_server *s)
{
    if (s == NULL)
        return;
    http_stop(s->http);
    json_decref(s->discover);
    free(s);
}

uint16_t rpc_port(const struct rpc_server *s)
{
    return http_port(s->http);
}
