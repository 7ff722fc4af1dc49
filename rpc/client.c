#include "rpc/client.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/num.h"
#include "rpc/schema_json.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct rpc_client {
    char url[300];
    char host[256];
    char port[8];
    int fd;
    uint64_t next_id;
    json_t *details;
    struct buf in;
    void (*progress)(uint64_t done, uint64_t all);
};

enum {
    LONG_ANSWER = 4 << 20,
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum err rpc_client_new(struct rpc_client **out, const char *url)
{
    struct rpc_client *c;
    const char *at = url;
    const char *colon;
    size_t size;
    uint64_t port;

    *out = NULL;
    if (strncmp(at, "http://", 7) != 0)
        return ERR_CONFIG;
    at += 7;
    size = strcspn(at, "/");
    colon = memchr(at, ':', size);
    if (colon == NULL || colon == at || (size_t)(colon - at) > 255 ||
        at + size - colon - 1 > 5 || (at[size] == '/' && at[size + 1] != '\0'))
        return ERR_CONFIG;
    c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    memcpy(c->host, at, (size_t)(colon - at));
    memcpy(c->port, colon + 1, (size_t)(at + size - colon - 1));
    if (!num_parse_u64(&port, c->port) || port == 0 || port > 65535) {
        free(c);
        return ERR_CONFIG;
    }
    snprintf(c->url, sizeof c->url, "http://%s:%s", c->host, c->port);
    c->fd = -1;
    *out = c;
    return ERR_NONE;
}

void rpc_client_on_progress(struct rpc_client *c,
                            void (*progress)(uint64_t done, uint64_t all))
{
    c->progress = progress;
}

static void disconnect(struct rpc_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

void rpc_client_free(struct rpc_client *c)
{
    if (c == NULL)
        return;
    disconnect(c);
    json_decref(c->details);
    buf_deinit(&c->in);
    free(c);
}

const char *rpc_client_url(const struct rpc_client *c)
{
    return c->url;
}

static bool wait_for(int fd, short what, uint64_t deadline)
{
    const uint64_t now = now_ms();
    struct pollfd p = {.fd = fd, .events = what};

    return now < deadline && poll(&p, 1, (int)(deadline - now)) == 1;
}

static enum err connect_to(struct rpc_client *c, uint64_t deadline)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const int one = 1;
    int failed = 0;
    socklen_t size = sizeof failed;

    if (getaddrinfo(c->host, c->port, &hints, &found) != 0)
        return ERR_NETWORK;
    c->fd =
        socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd >= 0 && connect(c->fd, found->ai_addr, found->ai_addrlen) != 0 &&
        errno != EINPROGRESS)
        disconnect(c);
    freeaddrinfo(found);
    if (c->fd < 0)
        return ERR_NETWORK;
    if (!wait_for(c->fd, POLLOUT, deadline) ||
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0 ||
        failed != 0) {
        disconnect(c);
        return ERR_NETWORK;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return ERR_NONE;
}

static enum err send_all(struct rpc_client *c,
                         struct bytes out,
                         uint64_t deadline)
{
    while (out.size > 0) {
        const ssize_t n = send(c->fd, out.at, out.size, MSG_NOSIGNAL);

        if (n > 0) {
            out.at += n;
            out.size -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (!wait_for(c->fd, POLLOUT, deadline))
                return ERR_TIMEOUT;
        } else if (n == 0 || errno != EINTR) {
            return ERR_NETWORK;
        }
    }
    return ERR_NONE;
}

static enum err receive_some(struct rpc_client *c, uint64_t deadline)
{
    uint8_t chunk[65536];

    for (;;) {
        const ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);

        if (n > 0) {
            buf_append(&c->in, chunk, (size_t)n);
            return ERR_NONE;
        }
        if (n == 0)
            return ERR_NETWORK;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return ERR_NETWORK;
        if (!wait_for(c->fd, POLLIN, deadline))
            return ERR_TIMEOUT;
    }
}

/* The value of a header line, if it is of this name. */
static bool is_header(struct bytes *value, struct bytes line, const char *name)
{
    const size_t size = strlen(name);

    if (line.size < size || strncasecmp((const char *)line.at, name, size) != 0)
        return false;
    *value = bytes_of(line.at + size, line.size - size);
    while (value->size > 0 && value->at[0] == ' ')
        *value = bytes_of(value->at + 1, value->size - 1);
    return true;
}

static bool read_length(size_t *out, struct bytes value)
{
    *out = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
        *out = *out * 10 + (size_t)(value.at[i] - '0');
        if (*out > RPC_REPLY_MAX)
            return false;
    }
    return value.size > 0;
}

/* "HTTP/1.1 200": three digits, then a space or nothing. */
static bool read_status(int *out, struct bytes line)
{
    static const char version[] = "HTTP/1.1 ";
    const uint8_t *at = line.at + sizeof version - 1;

    if (line.size < sizeof version - 1 + 3 ||
        memcmp(line.at, version, sizeof version - 1) != 0 ||
        (line.size > sizeof version - 1 + 3 && at[3] != ' '))
        return false;
    *out = 0;
    for (int i = 0; i < 3; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *out = *out * 10 + at[i] - '0';
    }
    return true;
}

/* The line at *at without its end; *at moves behind it. */
static struct bytes next_line(struct bytes head, size_t *at)
{
    const uint8_t *from = head.at + *at;
    const uint8_t *end = memmem(from, head.size - *at, "\r\n", 2);
    const size_t size = end != NULL ? (size_t)(end - from) : head.size - *at;

    *at += end != NULL ? size + 2 : size;
    return bytes_of(from, size);
}

enum err rpc_reply_parse(struct rpc_reply *out, struct bytes in)
{
    const uint8_t *end =
        in.size > 0 ? memmem(in.at, in.size, "\r\n\r\n", 4) : NULL;
    const size_t head = end != NULL ? (size_t)(end - in.at) : in.size;
    size_t size = 0;
    size_t at = 0;
    bool has_length = false;

    *out = (struct rpc_reply){.keep = true};
    if (head > RPC_REPLY_HEAD_MAX)
        return ERR_RANGE;
    if (end == NULL)
        return ERR_TRUNCATED;
    if (!read_status(&out->status, next_line(bytes_of(in.at, head), &at)))
        return ERR_RANGE;
    while (at < head) {
        const struct bytes line = next_line(bytes_of(in.at, head), &at);
        struct bytes value;

        if (is_header(&value, line, "Content-Length:")) {
            if (has_length || !read_length(&size, value))
                return ERR_RANGE;
            has_length = true;
        } else if (is_header(&value, line, "Transfer-Encoding:")) {
            return ERR_RANGE; /* ours never send it */
        } else if (is_header(&value, line, "Connection:") && value.size == 5 &&
                   strncasecmp((const char *)value.at, "close", 5) == 0) {
            out->keep = false;
        }
    }
    out->size = size;
    out->body = bytes_of(end + 4, num_min_u64(in.size - head - 4, size));
    return out->body.size < size ? ERR_TRUNCATED : ERR_NONE;
}

/* One exchange; *text (malloc) is the body. */
static enum err exchange(struct rpc_client *c,
                         struct bytes out,
                         uint64_t deadline,
                         int *status,
                         char **text)
{
    const bool reused = c->fd >= 0;
    struct rpc_reply reply;
    enum err e = ERR_NONE;

    *text = NULL;
    if (!reused)
        TRY(connect_to(c, deadline));
    buf_clear(&c->in);
    e = send_all(c, out, deadline);
    while (e == ERR_NONE &&
           (e = rpc_reply_parse(&reply, buf_bytes(&c->in))) == ERR_TRUNCATED) {
        if (c->progress != NULL && reply.size >= LONG_ANSWER)
            c->progress(reply.body.size, reply.size);
        e = receive_some(c, deadline);
    }
    if (e != ERR_NONE) {
        disconnect(c);
        /* A kept connection may have been closed meanwhile: once more. */
        if (e == ERR_NETWORK && reused && c->in.size == 0)
            return exchange(c, out, deadline, status, text);
        return e;
    }
    *status = reply.status;
    *text = malloc(reply.body.size + 1);
    ASSERT(*text != NULL);
    if (reply.body.size > 0)
        memcpy(*text, reply.body.at, reply.body.size);
    (*text)[reply.body.size] = '\0';
    if (!reply.keep)
        disconnect(c);
    return ERR_NONE;
}

static void blame(struct rpc_failure *why,
                  int code,
                  const char *name,
                  const char *message)
{
    why->code = code;
    why->details = NULL;
    snprintf(why->name, sizeof why->name, "%s", name);
    snprintf(why->message, sizeof why->message, "%s", message);
    /* It may be printed: nothing for a terminal to obey. */
    for (char *p = why->name; *p != '\0'; p++)
        *p = (uint8_t)*p < ' ' || *p == 0x7f ? '?' : *p;
    for (char *p = why->message; *p != '\0'; p++)
        *p = (uint8_t)*p < ' ' || *p == 0x7f ? '?' : *p;
}

/* Takes the result out of a response, or fills why. */
static json_t *result_of(struct rpc_client *c,
                         const char *text,
                         struct rpc_failure *why)
{
    char reason[200];
    json_t *json =
        json_parse(bytes_of(text, strlen(text)), reason, sizeof reason);
    json_t *error = json_object_get(json, "error");
    json_t *result = json_object_get(json, "result");
    const json_t *data;
    const char *name;

    if (result != NULL && json_integer_value(json_object_get(json, "id")) !=
                              (json_int_t)c->next_id) {
        blame(why, 0, "BAD_REPLY", "the answer is to another question");
        json_decref(json);
        return NULL;
    }
    if (result != NULL) {
        json_incref(result);
        json_decref(json);
        return result;
    }
    if (!json_is_object(error)) {
        blame(why, 0, "BAD_REPLY", "the answer is not JSON-RPC");
        json_decref(json);
        return NULL;
    }
    data = json_object_get(error, "data");
    name = json_string_value(json_object_get(data, "name"));
    blame(why,
          (int)json_integer_value(json_object_get(error, "code")),
          name != NULL ? name : "ERROR",
          json_string_value(json_object_get(error, "message")) != NULL
              ? json_string_value(json_object_get(error, "message"))
              : "");
    c->details = json_incref(json_object_get(data, "details"));
    why->details = c->details;
    json_decref(json);
    return NULL;
}

json_t *rpc_client_call(struct rpc_client *c,
                        const char *method,
                        json_t *params,
                        uint32_t timeout_ms,
                        struct rpc_failure *why)
{
    json_t *request = json_pack("{s:s, s:I, s:s, s:o}",
                                "jsonrpc",
                                "2.0",
                                "id",
                                (json_int_t)++c->next_id,
                                "method",
                                method,
                                "params",
                                params != NULL ? params : json_object());
    char *body = json_dumps(request, JSON_COMPACT);
    struct buf out = {0};
    char head[512];
    char *text;
    int status = 0;
    json_t *result = NULL;
    enum err e;

    memset(why, 0, sizeof *why);
    json_decref(c->details);
    c->details = NULL;
    ASSERT(body != NULL);
    snprintf(head,
             sizeof head,
             "POST / HTTP/1.1\r\nHost: %s:%s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             c->host,
             c->port,
             strlen(body));
    buf_append(&out, head, strlen(head));
    buf_append(&out, body, strlen(body));
    e = exchange(c, buf_bytes(&out), now_ms() + timeout_ms, &status, &text);
    if (e == ERR_NONE && status != 200) {
        snprintf(head, sizeof head, "HTTP status %d from %s", status, c->url);
        blame(why, 0, "BAD_REPLY", head);
    } else if (e == ERR_NONE) {
        result = result_of(c, text, why);
    } else {
        snprintf(head,
                 sizeof head,
                 "%s: %s",
                 c->url,
                 e == ERR_TIMEOUT ? "no answer in time"
                 : e == ERR_RANGE ? "what answers there is no node"
                                  : "cannot be reached; is the node running?");
        blame(why,
              0,
              e == ERR_TIMEOUT ? "TIMEOUT"
              : e == ERR_RANGE ? "BAD_REPLY"
                               : "NETWORK",
              head);
    }
    free(text);
    free(body);
    buf_deinit(&out);
    json_decref(request);
    return result;
}

int rpc_client_get(struct rpc_client *c, const char *path, char **text)
{
    char head[512];
    int status = 0;

    snprintf(head,
             sizeof head,
             "GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n",
             path,
             c->host,
             c->port);
    if (exchange(
            c, bytes_of(head, strlen(head)), now_ms() + 5000, &status, text) !=
        ERR_NONE)
        return 0;
    return status;
}
