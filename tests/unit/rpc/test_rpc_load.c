/* Large answers: what they may take together, and who is slow to read them. */
#include "rpc/jsonrpc.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ANSWER = 7 << 20,    /* bytes of the text in an answer */
    REPLY_MAX = 8 << 20, /* one of them, not two */
    OUTPUT_MAX = 32 << 20,
    DEADLINE_MS = 400,
};

static struct rpc_server *server;
static _Atomic int asked;

/* The test's own; released by the answers' order on the server's thread. */
static void large(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    char *text = malloc(ANSWER + 1);

    (void)ctx;
    (void)a;
    ASSERT(text != NULL);
    memset(text, 'x', ANSWER);
    text[ANSWER] = '\0';
    asked++;
    rpc_result(call, json_pack("{s:s}", "receipt", text));
    free(text);
}

static bool ready(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_append(out, "{}", 2);
    return true;
}

static void metrics(void *ctx, struct buf *out)
{
    (void)ctx;
    (void)out;
}

static int start(void **state)
{
    const struct http_config http = {.host = "127.0.0.1",
                                     .allow_hosts = "",
                                     .body_max = 100000,
                                     .connections_max = 64,
                                     .per_address_max = 64,
                                     .head_deadline_ms = 5000,
                                     .body_deadline_ms = DEADLINE_MS,
                                     .idle_ms = 20000,
                                     .output_max = OUTPUT_MAX};
    struct rpc_backend backend = {
        .ready = ready, .metrics = metrics, .reply_max = REPLY_MAX};

    (void)state;
    asked = 0;
    backend.handlers[RPC_NODE_STATUS] = large;
    return rpc_start(&server, &http, &backend) == ERR_NONE ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    rpc_stop(server);
    return 0;
}

static int dial(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int small = 4096;
    const struct timeval limit = {10, 0};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(rpc_port(server)),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void ask(int fd, const char *body, bool keep)
{
    char text[4096];
    const int size =
        snprintf(text,
                 sizeof text,
                 "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                 "application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
                 strlen(body),
                 keep ? "" : "Connection: close\r\n",
                 body);

    assert_int_equal(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
}

#define CALL "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node_status\"}"

/* Everything up to the end of the connection. */
static char *read_all(int fd, size_t *size)
{
    size_t cap = 64u << 20;
    char *out = malloc(cap);
    ssize_t n;

    assert_non_null(out);
    *size = 0;
    while (*size + 1 < cap &&
           (n = recv(fd, out + *size, cap - 1 - *size, 0)) > 0)
        *size += (size_t)n;
    out[*size] = '\0';
    return out;
}

static void test_load_next_request_waits_until_the_answer_is_read(void **state)
{
    const int fd = dial();
    char *all;
    size_t size;

    (void)state;
    for (int i = 0; i < 7; i++)
        ask(fd, CALL, true);
    ask(fd, CALL, false);
    usleep(500000);
    assert_int_equal(asked, 1); /* the others are not even looked at */
    all = read_all(fd, &size);
    assert_int_equal(asked, 8);
    assert_true(size > 8u * ANSWER);
    free(all);
    close(fd);
}

static void test_load_batch_holds_no_more_than_a_reply(void **state)
{
    const int fd = dial();
    char body[4096] = "[" CALL;
    char *all;
    size_t size;
    json_t *json;
    json_t *one;
    size_t i;
    size_t results = 0;
    size_t refused = 0;

    (void)state;
    for (int n = 1; n < 20; n++)
        strncat(body, "," CALL, sizeof body - strlen(body) - 1);
    strncat(body, "]", sizeof body - strlen(body) - 1);
    ask(fd, body, false);
    all = read_all(fd, &size);
    json = json_loads(strstr(all, "\r\n\r\n") + 4, 0, NULL);
    assert_true(json_is_array(json));
    json_array_foreach(json, i, one)
    {
        results += json_object_get(one, "result") != NULL;
        refused += json_object_get(one, "error") != NULL;
    }
    assert_int_equal(results, 1);
    assert_int_equal(refused, 19);
    json_decref(json);
    free(all);
    close(fd);
}

static void test_load_slow_reader_gets_all_of_its_answer(void **state)
{
    const int fd = dial();
    char *piece = malloc(ANSWER);
    size_t got = 0;
    ssize_t n;

    (void)state;
    assert_non_null(piece);
    ask(fd, CALL, false);
    /* about 3 deadlines for the whole */
    while ((n = recv(fd, piece, 64 << 10, 0)) > 0) {
        got += (size_t)n;
        usleep((useconds_t)((uint64_t)n * 3 * DEADLINE_MS * 1000 / ANSWER));
    }
    assert_int_equal(n, 0);
    assert_true(got > ANSWER);
    free(piece);
    close(fd);
}

static void test_load_who_reads_nothing_is_cut_off(void **state)
{
    const int fd = dial();
    char *all;
    size_t size;

    (void)state;
    ask(fd, CALL, false);
    usleep(4 * DEADLINE_MS * 1000);
    all = read_all(fd, &size);
    assert_true(size < ANSWER);
    free(all);
    close(fd);
}

static void test_load_unread_answers_of_all_are_bounded(void **state)
{
    int fds[16];
    size_t full = 0;
    size_t busy = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        ask(fds[i], CALL, true);
        for (int k = 0; k < 200 && asked <= (int)i; k++)
            usleep(5000);
    }
    usleep(100000);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        char head[16] = "";

        assert_int_equal(recv(fds[i], head, 12, MSG_WAITALL), 12);
        full += strcmp(head, "HTTP/1.1 200") == 0;
        busy += strcmp(head, "HTTP/1.1 503") == 0;
        close(fds[i]);
    }
    assert_int_equal(full + busy, ARRAY_LEN(fds));
    assert_true(full >= 4 && busy > 0); /* the kernel took some of each */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_load_next_request_waits_until_the_answer_is_read),
        TEST(test_load_batch_holds_no_more_than_a_reply),
        TEST(test_load_slow_reader_gets_all_of_its_answer),
        TEST(test_load_who_reads_nothing_is_cut_off),
        TEST(test_load_unread_answers_of_all_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
