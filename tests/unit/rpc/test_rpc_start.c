/* A node that comes back has clients at its door: they knock while the server
 * is being made. */
#include "rpc/jsonrpc.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    STARTS = 5,
};

/* The library's, but the thread that starts the server is held up here, as it
 * may be on a busy machine, while the server's own thread runs. */
int pthread_setname_np(pthread_t thread, const char *name)
{
    (void)thread;
    (void)name;
    usleep(50000);
    return 0;
}

static const char request[] =
    "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Content-Length: 47\r\n\r\n"
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node_status\"}";

struct knocker {
    uint16_t port;
    atomic_bool stopping;
    atomic_uint served;
};

static int connect_to(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval limit = {0, 200000};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};

    ASSERT(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static void *knock(void *arg)
{
    struct knocker *k = arg;

    while (!atomic_load(&k->stopping)) {
        const int fd = connect_to(k->port);
        char reply[512] = "";

        if (fd < 0)
            continue;
        if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0 &&
            recv(fd, reply, sizeof reply - 1, 0) > 0 &&
            strstr(reply, "there") != NULL)
            atomic_fetch_add(&k->served, 1);
        close(fd);
    }
    return NULL;
}

static void status(void *ctx, struct rpc_call *call, const struct rpc_arg *a)
{
    (void)ctx;
    (void)a;
    rpc_result(call, json_pack("{s:s}", "hello", "there"));
}

static uint16_t start_once(struct rpc_server **out, uint16_t port)
{
    const struct http_config http = {.host = "127.0.0.1",
                                     .port = port,
                                     .allow_hosts = "",
                                     .body_max = 100000,
                                     .connections_max = 64,
                                     .per_address_max = 64,
                                     .head_deadline_ms = 3000,
                                     .body_deadline_ms = 3000,
                                     .idle_ms = 5000};
    struct rpc_backend backend = {0};

    backend.handlers[RPC_NODE_STATUS] = status;
    assert_int_equal(rpc_start(out, &http, &backend), ERR_NONE);
    return rpc_port(*out);
}

static void test_rpc_start_serves_who_knocks_already(void **state)
{
    struct rpc_server *s;
    struct knocker k = {.port = start_once(&s, 0)};
    pthread_t thread[2];

    (void)state;
    rpc_stop(s);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, knock, &k), 0);
    for (int i = 0; i < STARTS; i++) {
        start_once(&s, k.port);
        rpc_stop(s);
    }
    start_once(&s, k.port);
    for (int t = 0; t < 1000 && atomic_load(&k.served) == 0; t++)
        usleep(10000);
    atomic_store(&k.stopping, true);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    rpc_stop(s);
    assert_true(atomic_load(&k.served) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_start_serves_who_knocks_already),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
