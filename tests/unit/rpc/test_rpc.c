/* HTTP strictness and JSON-RPC conformance over a real socket. */
#include "rpc/client.h"
#include "rpc/jsonrpc.h"
#include "rpc/schema_json.h"

#include "base/check.h"
#include "chain/genesis.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct rpc_server *server;

static void status(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    (void)ctx;
    (void)a;
    rpc_result(call, json_pack("{s:s}", "hello", "there"));
}

static void refuse(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    (void)ctx;
    rpc_error(call,
              601,
              "E_AVAILABLE",
              "too few",
              false,
              json_pack("{s:i}", "size", (int)a[0].size));
}

static void broken(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    (void)ctx;
    (void)a;
    rpc_broken(call, ERR_CORRUPT);
}

static bool ready(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_append(out, "{}", 2);
    return false;
}

static void metrics(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_append(out, "x 1\n", 4);
}

static int start(void **state)
{
    const struct http_config http = {.host = "127.0.0.1",
                                     .allow_hosts = "",
                                     .body_max = 100000,
                                     .connections_max = 64,
                                     .per_address_max = 64,
                                     .head_deadline_ms = 300,
                                     .body_deadline_ms = 600,
                                     .idle_ms = 5000};
    struct rpc_backend backend = {.ready = ready, .metrics = metrics};

    (void)state;
    backend.handlers[RPC_NODE_STATUS] = status;
    backend.handlers[RPC_TX_SUBMIT] = refuse;
    backend.handlers[RPC_CHAIN_GET_HEADER] = status;
    backend.handlers[RPC_CHAIN_GET_BLOCK] = broken;
    return rpc_start(&server, &http, &backend) == ERR_NONE ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    rpc_stop(server);
    return 0;
}

/* Sends bytes (in pieces of `piece`), returns what came back. */
static void talk(
    char *out, size_t cap, const char *text, size_t size, size_t piece)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(rpc_port(server)),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval limit = {0, 300000};
    size_t got = 0;
    ssize_t n;

    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (size_t at = 0; at < size; at += piece) {
        const size_t part = size - at < piece ? size - at : piece;

        if (send(fd, text + at, part, MSG_NOSIGNAL) < 0)
            break;
        if (piece < 10)
            usleep(300);
    }
    while (got + 1 < cap && (n = recv(fd, out + got, cap - 1 - got, 0)) > 0)
        got += (size_t)n;
    out[got] = '\0';
    close(fd);
}

static int http_status(const char *request)
{
    char out[4096];

    talk(out, sizeof out, request, strlen(request), 100000);
    return strlen(out) > 12 ? atoi(out + 9) : 0;
}

static void test_http_strictness_vectors(void **state)
{
#define TYPE "Content-Type: application/json\r\n"
    static const struct {
        int status;
        const char *request;
    } cases[] = {
        {200, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {503, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {200, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {404, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {405, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {405, "PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {400, "get / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {400, "GET /livez HTTP/1.1\r\n\r\n"},
        {400, "GET /livez HTTP/1.1\nHost: localhost\n\n"},
        {400, "GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n"},
        {400, "GET /livez HTTP/1.1\r\nHost: localhost\r\n x\r\n\r\n"},
        {400, "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        {400, "GET /livez HTTP/1.1\r\n: x\r\n\r\n"},
        {400, "GET livez HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {403, "GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n"},
        {505, "GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n"},
        {501,
         "POST / HTTP/1.1\r\nHost: localhost\r\n" TYPE
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {501,
         "POST / HTTP/1.1\r\nHost: localhost\r\n" TYPE
         "Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{}"},
        {400,
         "POST / HTTP/1.1\r\nHost: localhost\r\n" TYPE
         "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
        {400,
         "POST / HTTP/1.1\r\nHost: localhost\r\n" TYPE
         "Content-Length: +2\r\n\r\n{}"},
        {411, "POST / HTTP/1.1\r\nHost: localhost\r\n" TYPE "\r\n"},
        {413,
         "POST / HTTP/1.1\r\nHost: localhost\r\n" TYPE
         "Content-Length: 100001\r\n\r\n"},
        {415,
         "POST / HTTP/1.1\r\nHost: localhost\r\n"
         "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"},
        {417,
         "POST / HTTP/1.1\r\nHost: localhost\r\n" TYPE
         "Expect: magic\r\nContent-Length: 2\r\n\r\n{}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(http_status(cases[i].request), cases[i].status);
}

static void test_http_one_byte_at_a_time_is_a_request(void **state)
{
    static const char request[] =
        "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char out[4096];

    (void)state;
    talk(out, sizeof out, request, sizeof request - 1, 1);
    assert_memory_equal(out, "HTTP/1.1 200", 12);
}

static void test_http_pipelined_requests_are_answered_in_order(void **state)
{
    static const char two[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
                              "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char out[8192];
    const char *first;

    (void)state;
    talk(out, sizeof out, two, sizeof two - 1, 100000);
    first = strstr(out, "HTTP/1.1 200");
    assert_non_null(first);
    assert_non_null(strstr(first, "HTTP/1.1 404"));
}

static void test_http_slow_header_is_cut_off(void **state)
{
    char out[4096];
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(rpc_port(server)),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval limit = {3, 0};
    ssize_t n;

    (void)state;
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(send(fd, "GET /li", 7, 0), 7);
    n = recv(fd, out, sizeof out - 1, 0);
    assert_true(n > 12);
    assert_memory_equal(out, "HTTP/1.1 408", 12);
    close(fd);
}

/* Posts a body; out gets the whole answer.  Where the answer's body begins. */
static const char *post(char *out, size_t cap, const char *body)
{
    char request[8192];
    const char *at;

    snprintf(request,
             sizeof request,
             "POST / HTTP/1.1\r\nHost: localhost\r\n" TYPE
             "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
             strlen(body),
             body);
    talk(out, cap, request, strlen(request), 100000);
    at = strstr(out, "\r\n\r\n");
    assert_non_null(at);
    return at + 4;
}

/* The JSON-RPC code of the answer, 0 for a result, 1 for 204, 1000 + size for a
 * batch. */
static int rpc_code(const char *body)
{
    char out[16384];
    const char *at;
    json_t *json;
    int code;

    at = post(out, sizeof out, body);
    if (memcmp(out, "HTTP/1.1 204", 12) == 0)
        return 1;
    assert_memory_equal(out, "HTTP/1.1 200", 12);
    json = json_loads(at, 0, NULL);
    assert_non_null(json);
    if (json_is_array(json))
        code = (int)json_array_size(json) + 1000;
    else
        code = (int)json_integer_value(
            json_object_get(json_object_get(json, "error"), "code"));
    json_decref(json);
    return code;
}

static void test_jsonrpc_conformance_vectors(void **state)
{
#define R "\"jsonrpc\":\"2.0\","
#define M "\"method\":\"node_status\""
    static const struct {
        int code;
        const char *body;
    } cases[] = {
        {0, "{" R "\"id\":1," M "}"},
        {0, "{" R "\"id\":\"\"," M "}"},
        {0, "{" R "\"id\":-1," M "}"},
        {0, "{" R "\"id\":9223372036854775807," M "}"},
        {0, "{" R "\"id\":0," M "}"},
        {0, "\r\n {" R "\"id\":1,\r\n" M "}\r\n"},
        {0, "{" R "\"id\":1,\"other\":[]," M "}"},
        {0, "{" R "\"id\":null," M "}"},
        {0, "{" R "\"id\":1," M ",\"params\":null}"},
        {0, "{" R "\"id\":1," M ",\"params\":[]}"},
        {1, "{" R M "}"},
        {1, "{" R "\"method\":\"none\"}"},
        {1, "[{" R M "},{" R M "}]"},
        {1, "{" R M ",\"params\":{\"foo\":1}}"},
        {1003,
         "[{" R "\"id\":1," M "},1,{" R M "},{" R
         "\"id\":2,\"method\":\"none\"}]"},
        {1001, "[[]]"},
        {1002, "[{" R "\"id\":1," M "},{" R "\"id\":1," M "}]"},
        {1001, "[{" R "\"id\":1," M "}]"},
        {1002, "[1,2]"},
        {1001, "[{}]"},
        {-32600, "[]"},
        {-32600, "{}"},
        {-32600, "{" R "\"id\":1.5," M "}"},
        {-32600, "{" R "\"id\":1.0," M "}"},
        {-32600, "{" R "\"id\":[]," M "}"},
        {-32600, "1"},
        {-32600, "1.5"},
        {-32600, "\"x\""},
        {-32600, "null"},
        {-32600, "{" R "\"id\":true," M "}"},
        {-32600, "{" R "\"id\":{}," M "}"},
        {-32600, "{\"id\":1," M "}"},
        {-32600, "{\"jsonrpc\":\"1.0\",\"id\":1," M "}"},
        {-32600, "{" R "\"id\":1,\"method\":5}"},
        {-32600, "{" R "\"id\":1," M ",\"params\":\"x\"}"},
        {-32600, "{" R "\"id\":1," M ",\"params\":1}"},
        {-32600, "{" R "\"id\":1," M ",\"params\":true}"},
        {-32601, "{" R "\"id\":1,\"method\":\"\"}"},
        {-32601, "{" R "\"id\":1,\"method\":\"rpc.foo\"}"},
        {-32602, "{" R "\"id\":1," M ",\"params\":{\"foo\":1}}"},
        {-32602, "{" R "\"id\":1,\"method\":\"tx_submit\"}"},
        {-32602, "{" R "\"id\":1," M ",\"params\":[1]}"},
        {-32602,
         "{" R "\"id\":1,\"method\":\"tx_submit\",\"params\":[\"00\",1]}"},
        {601, "{" R "\"id\":1,\"method\":\"tx_submit\",\"params\":[\"00\"]}"},
        {-32602,
         "{" R "\"id\":1,\"method\":\"tx_submit\",\"params\":"
         "{\"tx\":\"0g\"}}"},
        {601,
         "{" R "\"id\":1,\"method\":\"tx_submit\",\"params\":"
         "{\"tx\":\"00\"}}"},
        {-32700, "{" R "\"id\":1,\"id\":2," M "}"},
        {-32700, "{" R "\"id\":9223372036854775808," M "}"},
        {-32700, "{" R "\"id\":1," M ",\"params\":[1e400]}"},
        {-32700, "{" R "\"id\":\"\\ud800\"," M "}"},
        {-32700, "{\"a\\u0000\":1}"},
        {-32700, "{" R "\"id\":\"\\u0000\"," M "}"},
        {-32700, "{" R "\"id\":1," M "}x"},
        {-32700, "{'id':1}"},
        {-32700, "{" R "\"id\":1," M ",}"},
        {-32700, "NaN"},
        {-32700, "{} {}"},
        {-32700, ""},
        {-32700, "   "},
        {-32700, "\xef\xbb\xbf{}"},
        {-32700, "{\"a\":\"\xff\"}"},
        {-32700,
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]"
         "]]]]]]]]]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(rpc_code(cases[i].body), cases[i].code);
}

static int one_call(const char *method, const char *params)
{
    char body[600];

    snprintf(body,
             sizeof body,
             "{" R "\"id\":1,\"method\":\"%s\",\"params\":%s}",
             method,
             params);
    return rpc_code(body);
}

/* 64-bit numbers: text, or an integer that nobody rounds; never a fraction. */
static void test_jsonrpc_numbers_of_parameters(void **state)
{
    static const struct {
        int code;
        const char *number;
    } cases[] = {
        {0, "\"0\""},
        {0, "\"18446744073709551614\""},
        {0, "7"},
        {0, "9007199254740991"},
        {-32602, "9007199254740992"},
        {-32602, "-1"},
        {-32602, "1.0"},
        {-32602, "1e3"},
        {-32602, "\"1.0\""},
        {-32602, "\"+1\""},
        {-32602, "\" 1\""},
        {-32602, "\"01\""},
        {-32602, "\"\""},
        {-32602, "\"18446744073709551616\""},
        {-32602, "true"},
        {-32602, "null"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char params[80];

        snprintf(params, sizeof params, "{\"height\":%s}", cases[i].number);
        assert_int_equal(one_call("chain_getHeader", params), cases[i].code);
    }
}

/* A batch has at most 100 calls. */
static void test_jsonrpc_a_batch_has_a_limit(void **state)
{
    static const char call[] = "{" R "\"id\":1," M "}";
    char body[7000] = "[";
    size_t at = 1;

    (void)state;
    for (int i = 0; i < 100; i++)
        at += (size_t)snprintf(body + at, sizeof body - at, "%s,", call);
    body[at - 1] = ']';
    assert_int_equal(rpc_code(body), 1100);
    snprintf(body + at - 1, sizeof body - at, ",%s]", call);
    assert_int_equal(rpc_code(body), -32005);
}

/* An id comes back exactly. */
static void test_jsonrpc_ids_come_back(void **state)
{
    static const char *const ids[] = {"0",
                                      "-9223372036854775808",
                                      "9223372036854775807",
                                      "\"\"",
                                      "\"0\"",
                                      "\"股\"",
                                      "null"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char body[512];
        char out[4096];
        json_t *sent = json_loads(ids[i], JSON_DECODE_ANY, NULL);
        json_t *json;

        snprintf(body, sizeof body, "{" R "\"id\":%s," M "}", ids[i]);
        json = json_loads(post(out, sizeof out, body), 0, NULL);
        assert_non_null(json);
        assert_true(json_equal(json_object_get(json, "id"), sent));
        json_decref(json);
        json_decref(sent);
    }
}

/* What went wrong inside is the log's; the client gets a number to ask with. */
static void test_jsonrpc_a_broken_node_says_nothing_of_itself(void **state)
{
    char out[4096];

    (void)state;
    (void)post(
        out, sizeof out, "{" R "\"id\":1,\"method\":\"chain_getBlock\"}");
    assert_non_null(strstr(out, "-32603"));
    assert_non_null(strstr(out, "\"request_id\":\"1\""));
    assert_null(strstr(out, "CORRUPT"));
    assert_null(strstr(out, "checksum"));
}

/* What says how to go on: which method, and when to come again. */
static void test_http_answers_say_how_to_go_on(void **state)
{
    char out[4096];

    (void)state;
    talk(out, sizeof out, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 36, 99);
    assert_memory_equal(out, "HTTP/1.1 405", 12);
    assert_non_null(strstr(out, "\r\nAllow: POST\r\n"));
    talk(out,
         sizeof out,
         "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n",
         42,
         99);
    assert_memory_equal(out, "HTTP/1.1 503", 12);
    assert_non_null(strstr(out, "\r\nRetry-After: "));
    talk(out,
         sizeof out,
         "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
         43,
         99);
    assert_non_null(strstr(
        out, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
}

/* The name is cut between characters: the path is told at any length. */
static void test_jsonrpc_a_long_unknown_parameter_is_named(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        char body[600] = "{" R "\"id\":1," M ",\"params\":{\"";
        char out[4096];
        json_t *json;
        const char *path;

        for (size_t i = 0; i < shift; i++)
            strncat(body, "a", 2);
        for (size_t i = 0; i < 60; i++)
            strncat(body, "\xe8\x82\xa1", 4);
        strncat(body, "\":1}}", 7);
        json = json_loads(post(out, sizeof out, body), 0, NULL);
        path = json_string_value(json_object_get(
            json_object_get(
                json_object_get(json_object_get(json, "error"), "data"),
                "details"),
            "path"));
        assert_non_null(path);
        assert_true(strlen(path) > 90 && strlen(path) <= 107);
        json_decref(json);
    }
}

static void test_client_tells_results_errors_and_silence(void **state)
{
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *r;

    (void)state;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", rpc_port(server));
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    r = rpc_client_call(c, "node_status", NULL, 2000, &why);
    assert_non_null(r);
    json_decref(r);
    r = rpc_client_call(
        c, "tx_submit", json_pack("{s:s}", "tx", "00"), 2000, &why);
    assert_null(r);
    assert_int_equal(why.code, 601);
    assert_string_equal(why.name, "E_AVAILABLE");
    rpc_client_free(c);
    assert_int_equal(rpc_client_new(&c, "http://127.0.0.1:1"), ERR_NONE);
    assert_null(rpc_client_call(c, "node_status", NULL, 2000, &why));
    assert_string_equal(why.name, "NETWORK");
    rpc_client_free(c);
    assert_int_equal(rpc_client_new(&c, "ftp://x"), ERR_CONFIG);
}

static enum err reply_of(const char *text, struct rpc_reply *r)
{
    return rpc_reply_parse(r, bytes_of(text, strlen(text)));
}

static void test_client_takes_only_what_a_node_sends(void **state)
{
#define OK "HTTP/1.1 200 OK\r\n"
    static const char *const bad[] = {
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        OK "Content-Length: -1\r\n\r\n",
        OK "Content-Length: 1 \r\n\r\n",
        OK "Content-Length:\r\n\r\n",
        OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
        OK "Content-Length: 268435457\r\n\r\n",
        OK "Content-Length: 18446744073709551615\r\n\r\n",
        OK "Content-Length: 18446744073709551600\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n",
    };
    struct rpc_reply r;
    static char large[RPC_REPLY_HEAD_MAX + 100];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(reply_of(bad[i], &r), ERR_RANGE);
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(reply_of(large, &r), ERR_RANGE);
    assert_int_equal(reply_of("", &r), ERR_TRUNCATED);
    assert_int_equal(reply_of(OK, &r), ERR_TRUNCATED);
    assert_int_equal(reply_of(OK "Content-Length: 3\r\n\r\nab", &r),
                     ERR_TRUNCATED);
    assert_int_equal(
        reply_of(OK "content-length: 3\r\nconnection: close\r\n\r\nabcd", &r),
        ERR_NONE);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.size, 3);
    assert_memory_equal(r.body.at, "abc", 3);
    assert_false(r.keep);
    assert_int_equal(reply_of("HTTP/1.1 204\r\n\r\n", &r), ERR_NONE);
    assert_int_equal(r.status, 204);
    assert_true(r.keep);
}

static void test_discover_names_every_method(void **state)
{
    json_t *doc = rpc_openrpc();

    (void)state;
    assert_int_equal(json_array_size(json_object_get(doc, "methods")),
                     RPC_METHODS);
    assert_string_equal(json_string_value(json_object_get(doc, "openrpc")),
                        "1.3.2");
    json_decref(doc);
}

static void test_schema_json_names_the_bad_member(void **state)
{
    static const struct {
        const char *json;
        const char *path;
    } cases[] = {
        {"{\"formatt\":1}", "formatt"},
        {"{\"format\":70000}", "format: must be a number up to 65535"},
        {"{\"format\":-1}", "format"},
        {"{\"production\":1}", "production: must be true or false"},
        {"{\"institutions\":[{\"number\":1,\"code\":\"a\"}]}",
         "institutions[0].code"},
        {"{\"institutions\":[{\"number\":1}]}", "institutions[0].code"},
        {"{\"years\":[{\"year\":2026,\"trading\":\"zz\"}]}",
         "years[0].trading"},
        {"[]", "must be an object"},
    };
    struct genesis *g = malloc(sizeof *g);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *json = json_loads(cases[i].json, 0, NULL);
        char path[JSON_PATH_MAX];

        assert_non_null(json);
        assert_int_equal(schema_from_json(g, &genesis_schema, json, path),
                         ERR_RANGE);
        assert_non_null(strstr(path, cases[i].path));
        json_decref(json);
    }
    free(g);
}

/* Beyond 2^53 - 1 other programs round an integer: only text is exact there. */
static void test_numbers_that_others_round_are_text(void **state)
{
    static const struct field money = {.name = "m", .kind = FIELD_MONEY};
    const json_int_t edge = (json_int_t)1 << 53;
    json_t *last = json_integer(edge - 1);
    json_t *next = json_integer(edge);
    uint64_t v = 0;
    int64_t fen = 0;

    (void)state;
    assert_true(json_u64(&v, last));
    assert_int_equal(v, edge - 1);
    assert_false(json_u64(&v, next));
    assert_int_equal(field_from_text(&fen, &money, "-9223372036854775808"),
                     ERR_NONE);
    assert_true(fen == INT64_MIN);
    assert_int_equal(field_from_text(&fen, &money, "9223372036854775808"),
                     ERR_RANGE);
    assert_int_equal(field_from_text(&fen, &money, "-0"), ERR_RANGE);
    json_decref(last);
    json_decref(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_strictness_vectors),
        cmocka_unit_test(test_http_one_byte_at_a_time_is_a_request),
        cmocka_unit_test(test_http_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_http_slow_header_is_cut_off),
        cmocka_unit_test(test_jsonrpc_conformance_vectors),
        cmocka_unit_test(test_jsonrpc_numbers_of_parameters),
        cmocka_unit_test(test_jsonrpc_a_batch_has_a_limit),
        cmocka_unit_test(test_jsonrpc_ids_come_back),
        cmocka_unit_test(test_jsonrpc_a_broken_node_says_nothing_of_itself),
        cmocka_unit_test(test_http_answers_say_how_to_go_on),
        cmocka_unit_test(test_jsonrpc_a_long_unknown_parameter_is_named),
        cmocka_unit_test(test_client_tells_results_errors_and_silence),
        cmocka_unit_test(test_client_takes_only_what_a_node_sends),
        cmocka_unit_test(test_discover_names_every_method),
        cmocka_unit_test(test_schema_json_names_the_bad_member),
        cmocka_unit_test(test_numbers_that_others_round_are_text),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
