#include "rpc/http.h"

#include "base/buf.h"
#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    OUTPUT_SMALL = 1 << 20, /* beside which the next request is taken */
    STEP_BYTES = 64 << 10,  /* who reads less in a deadline's time is gone */
};

struct http_conn {
    struct http_request request; /* first: a request is its connection */
    struct http_server *server;
    struct http_conn *next;
    struct http_conn *previous;
    struct bufferevent *bev;
    struct event *deadline;
    struct http_head head;
    struct buf body;
    bool reading_body;
    bool busy;     /* a handler has the request */
    bool gone;     /* the client left while it was busy */
    bool ending;   /* close when the output is out */
    bool full;     /* the next request waits until the output is out */
    size_t unread; /* of the output, when the deadline was set */
    uint32_t address;
};

struct posted {
    struct posted *next;
    void (*fn)(void *ctx);
    void *ctx;
};

struct http_server {
    struct http_config config;
    char allow_hosts[512];
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *wake;
    int wake_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* over posted and stopping */
    struct posted *posted;
    struct posted **posted_end;
    bool stopping;
    bool halted;
    struct http_conn *all;
    uint32_t connections;
    uint16_t port;
};

static void start_request(struct http_conn *c);

static void set_deadline(struct http_conn *c, uint32_t ms)
{
    const struct timeval t = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

    event_add(c->deadline, &t);
}

static void free_conn(struct http_conn *c)
{
    struct http_server *s = c->server;

    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        s->all = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    s->connections--;
    event_free(c->deadline);
    bufferevent_free(c->bev);
    buf_deinit(&c->body);
    free(c);
}

/* A connection whose request is with a handler stays until the answer. */
static void drop(struct http_conn *c)
{
    if (c->busy) {
        c->gone = true;
        bufferevent_disable(c->bev, EV_READ | EV_WRITE);
        bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
        event_del(c->deadline);
        return;
    }
    free_conn(c);
}

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

static size_t output_of(const struct http_conn *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* Whether there is room for an answer beside those that are still unread. */
static bool has_room(const struct http_server *s, size_t size)
{
    size_t sum = size;

    if (size <= OUTPUT_SMALL)
        return true;
    for (const struct http_conn *c = s->all; c != NULL; c = c->next)
        sum += output_of(c);
    return sum <= s->config.output_max;
}

static void write_answer(struct http_conn *c,
                         int status,
                         const char *content_type,
                         struct bytes body)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    const bool close_after = c->ending;

    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    if (content_type != NULL)
        evbuffer_add_printf(out, "Content-Type: %s\r\n", content_type);
    if (status != 204)
        evbuffer_add_printf(out, "Content-Length: %zu\r\n", body.size);
    if (status == 405)
        evbuffer_add_printf(out, "Allow: POST\r\n");
    if (status == 503)
        evbuffer_add_printf(out, "Retry-After: 1\r\n");
    evbuffer_add_printf(out,
                        "X-Content-Type-Options: nosniff\r\n"
                        "Cache-Control: no-store\r\n"
                        "Connection: %s\r\n\r\n",
                        close_after ? "close" : "keep-alive");
    if (status != 204 && c->head.method != HTTP_HEAD && body.size > 0)
        evbuffer_add(out, body.at, body.size);
}

/* Refuses what is not a request of ours, and closes. */
static void refuse(struct http_conn *c, int status)
{
    char text[64];

    snprintf(text, sizeof text, "%d %s\n", status, reason_of(status));
    c->ending = true;
    c->head.method = HTTP_POST;
    bufferevent_disable(c->bev, EV_READ);
    write_answer(c, status, "text/plain", bytes_of(text, strlen(text)));
    set_deadline(c, c->server->config.body_deadline_ms);
}

static bool host_allowed(const struct http_server *s, const char *host)
{
    char name[256];
    char *colon;
    const char *list = s->allow_hosts;

    snprintf(name, sizeof name, "%s", host);
    if (name[0] == '[') {
        colon = strchr(name, ']');
        if (colon != NULL)
            colon[1] = '\0';
    } else if ((colon = strrchr(name, ':')) != NULL) {
        *colon = '\0';
    }
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "127.0.0.1") == 0 ||
        strcmp(name, "[::1]") == 0)
        return true;
    while (*list != '\0') {
        const size_t size = strcspn(list, ",");

        if (size == strlen(name) && strncasecmp(list, name, size) == 0)
            return true;
        list += size + (list[size] == ',' ? 1 : 0);
    }
    return false;
}

static void dispatch(struct http_conn *c)
{
    event_del(c->deadline);
    bufferevent_disable(c->bev, EV_READ);
    c->reading_body = false;
    c->busy = true;
    c->ending = !c->head.keep_alive;
    c->request.head = &c->head;
    c->request.body = buf_bytes(&c->body);
    c->server->config.handler(c->server->config.ctx, &c->request);
}

/* 0: go on to the body; otherwise the status to refuse with. */
static int check_head(const struct http_conn *c)
{
    const struct http_head *h = &c->head;

    if (h->host[0] != '\0' && !host_allowed(c->server, h->host))
        return 403;
    if (h->method == HTTP_POST && !h->has_length)
        return 411;
    if (h->has_length && h->content_length > c->server->config.body_max)
        return 413;
    return 0;
}

static void read_more(struct http_conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);

    if (!c->reading_body) {
        const size_t have = evbuffer_get_length(in);
        const size_t look = have < HTTP_HEAD_MAX + 2 ? have : HTTP_HEAD_MAX + 2;
        const uint8_t *at = evbuffer_pullup(in, (ev_ssize_t)look);
        int status;

        if (have == 0)
            return;
        set_deadline(c, c->server->config.head_deadline_ms);
        status = http_parse_head(&c->head, bytes_of(at, look));
        if (status == 1)
            return;
        if (status == 0)
            status = check_head(c);
        if (status != 0) {
            refuse(c, status);
            return;
        }
        evbuffer_drain(in, c->head.head_bytes);
        buf_clear(&c->body);
        c->reading_body = true;
        set_deadline(c, c->server->config.body_deadline_ms);
        if (c->head.expect_continue && c->head.content_length > 0)
            evbuffer_add_printf(bufferevent_get_output(c->bev),
                                "HTTP/1.1 100 Continue\r\n\r\n");
    }
    {
        const size_t want = (size_t)c->head.content_length - c->body.size;
        const size_t have = evbuffer_get_length(in);
        const size_t take = want < have ? want : have;

        if (take > 0)
            evbuffer_remove(in, buf_append(&c->body, NULL, take), take);
        if (c->body.size == c->head.content_length)
            dispatch(c);
    }
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct http_conn *c = ctx;

    (void)bev;
    if (!c->busy && !c->ending && !c->full)
        read_more(c);
}

static void on_written(struct bufferevent *bev, void *ctx)
{
    struct http_conn *c = ctx;

    (void)bev;
    if (c->busy || output_of(c) > 0)
        return;
    if (c->ending) {
        drop(c);
    } else if (c->full) {
        c->full = false;
        start_request(c);
    }
}

static void on_gone(struct bufferevent *bev, short what, void *ctx)
{
    (void)bev;
    (void)what;
    drop(ctx);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
    struct http_conn *c = ctx;
    const size_t unread = output_of(c);

    (void)fd;
    (void)what;
    if (unread > 0 && unread + STEP_BYTES <= c->unread) {
        c->unread = unread; /* slow, but it reads */
        set_deadline(c,
                     c->ending ? c->server->config.body_deadline_ms
                               : c->server->config.idle_ms);
        return;
    }
    if (c->ending || c->full ||
        (!c->reading_body &&
         evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)) {
        drop(c); /* idle, or it does not read its answer */
        return;
    }
    refuse(c, 408);
}

static uint32_t from_same_address(const struct http_server *s, uint32_t address)
{
    uint32_t n = 0;

    for (const struct http_conn *c = s->all; c != NULL; c = c->next)
        n += c->address == address ? 1 : 0;
    return n;
}

static void on_accept(struct evconnlistener *l,
                      evutil_socket_t fd,
                      struct sockaddr *from,
                      int size,
                      void *ctx)
{
    struct http_server *s = ctx;
    const int one = 1;
    struct http_conn *c;
    uint32_t address = 0;

    (void)l;
    (void)size;
    if (from->sa_family == AF_INET)
        address = ((struct sockaddr_in *)(void *)from)->sin_addr.s_addr;
    if (s->connections >= s->config.connections_max ||
        from_same_address(s, address) >= s->config.per_address_max) {
        evutil_closesocket(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->server = s;
    c->address = address;
    c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    ASSERT(c->bev != NULL);
    c->deadline = event_new(s->base, -1, 0, on_deadline, c);
    ASSERT(c->deadline != NULL);
    evutil_inet_ntop(AF_INET, &address, c->request.peer, 64);
    c->next = s->all;
    if (s->all != NULL)
        s->all->previous = c;
    s->all = c;
    s->connections++;
    bufferevent_setcb(c->bev, on_read, on_written, on_gone, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_HEAD_MAX * 8);
    start_request(c);
}

static void start_request(struct http_conn *c)
{
    c->reading_body = false;
    set_deadline(c, c->server->config.idle_ms);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    read_more(c); /* what was pipelined is here already */
}

struct reply {
    struct http_conn *conn;
    int status;
    const char *content_type;
    struct buf body;
};

static void finish(struct http_conn *c,
                   int status,
                   const char *content_type,
                   struct bytes body)
{
    static const char busy[] = "too many answers are unread: ask again\n";

    ASSERT(c->busy);
    c->busy = false;
    if (c->gone) {
        free_conn(c);
        return;
    }
    if (has_room(c->server, body.size))
        write_answer(c, status, content_type, body);
    else
        write_answer(c, 503, "text/plain", bytes_of(busy, sizeof busy - 1));
    c->unread = output_of(c);
    c->full = !c->ending && c->unread > OUTPUT_SMALL;
    if (c->ending)
        set_deadline(c, c->server->config.body_deadline_ms);
    else if (c->full)
        set_deadline(c, c->server->config.idle_ms);
    else
        start_request(c);
}

static void finish_later(void *ctx)
{
    struct reply *r = ctx;

    finish(r->conn, r->status, r->content_type, buf_bytes(&r->body));
    buf_deinit(&r->body);
    free(r);
}

void http_reply(struct http_request *request,
                int status,
                const char *content_type,
                struct bytes body)
{
    struct http_conn *c = (struct http_conn *)(void *)request;
    struct reply *r = calloc(1, sizeof *r);

    /* Always by the queue: an answer within a handler must not re-enter the
     * reading of its own connection. */
    ASSERT(r != NULL);
    r->conn = c;
    r->status = status;
    r->content_type = content_type;
    buf_append(&r->body, body.at, body.size);
    http_post(c->server, finish_later, r);
}

struct http_server *http_server_of(struct http_request *request)
{
    return ((struct http_conn *)(void *)request)->server;
}

void http_post(struct http_server *s, void (*fn)(void *ctx), void *ctx)
{
    struct posted *p = malloc(sizeof *p);
    const uint64_t one = 1;
    ssize_t n;

    ASSERT(p != NULL);
    *p = (struct posted){NULL, fn, ctx};
    pthread_mutex_lock(&s->lock);
    *s->posted_end = p;
    s->posted_end = &p->next;
    pthread_mutex_unlock(&s->lock);
    n = write(s->wake_fd, &one, sizeof one);
    (void)n;
}

bool http_on_thread(const struct http_server *s)
{
    return pthread_equal(pthread_self(), s->thread) != 0;
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct http_server *s = ctx;
    struct posted *p;
    uint64_t n;
    bool stopping;
    const ssize_t got = read(fd, &n, sizeof n);

    (void)got;
    (void)what;
    pthread_mutex_lock(&s->lock);
    p = s->posted;
    s->posted = NULL;
    s->posted_end = &s->posted;
    stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    while (p != NULL) {
        struct posted *next = p->next;

        p->fn(p->ctx);
        free(p);
        p = next;
    }
    if (stopping)
        event_base_loopbreak(s->base);
}

static void *serve(void *arg)
{
    struct http_server *s = arg;

    event_base_dispatch(s->base);
    return NULL;
}

static enum err listen_on(struct http_server *s)
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = EVUTIL_AI_PASSIVE |
                                                EVUTIL_AI_NUMERICHOST};
    struct evutil_addrinfo *found = NULL;
    struct sockaddr_storage a;
    socklen_t size = sizeof a;
    char port[8];

    snprintf(port, sizeof port, "%u", s->config.port);
    if (evutil_getaddrinfo(s->config.host, port, &hints, &found) != 0 ||
        found == NULL)
        return ERR_CONFIG;
    s->listener = evconnlistener_new_bind(
        s->base,
        on_accept,
        s,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
        256,
        found->ai_addr,
        (int)found->ai_addrlen);
    evutil_freeaddrinfo(found);
    if (s->listener == NULL)
        return errno == EADDRINUSE ? ERR_EXISTS : ERR_IO;
    if (getsockname(evconnlistener_get_fd(s->listener),
                    (struct sockaddr *)&a,
                    &size) == 0)
        s->port = ntohs(((struct sockaddr_in *)&a)->sin_port);
    return ERR_NONE;
}

static void free_server(struct http_server *s)
{
    if (s->listener != NULL)
        evconnlistener_free(s->listener);
    while (s->all != NULL)
        free_conn(s->all);
    while (s->posted != NULL) {
        struct posted *next = s->posted->next;

        free(s->posted);
        s->posted = next;
    }
    if (s->wake != NULL)
        event_free(s->wake);
    if (s->base != NULL)
        event_base_free(s->base);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

enum err http_start(struct http_server **out, const struct http_config *config)
{
    struct http_server *s = calloc(1, sizeof *s);
    enum err e;

    *out = NULL;
    ASSERT(s != NULL);
    evthread_use_pthreads();
    s->config = *config;
    if (s->config.output_max == 0)
        s->config.output_max = HTTP_OUTPUT_MAX;
    snprintf(s->allow_hosts, sizeof s->allow_hosts, "%s", config->allow_hosts);
    s->posted_end = &s->posted;
    pthread_mutex_init(&s->lock, NULL);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->base = event_base_new();
    if (s->wake_fd < 0 || s->base == NULL) {
        free_server(s);
        return ERR_IO;
    }
    s->wake = event_new(s->base, s->wake_fd, EV_READ | EV_PERSIST, on_wake, s);
    event_add(s->wake, NULL);
    e = listen_on(s);
    *out =
        s; /* a client may be waiting: its request needs the server at once */
    if (e == ERR_NONE && pthread_create(&s->thread, NULL, serve, s) != 0)
        e = ERR_IO;
    if (e != ERR_NONE) {
        *out = NULL;
        free_server(s);
        return e;
    }
    pthread_setname_np(s->thread, "rpc");
    return ERR_NONE;
}

void http_halt(struct http_server *s)
{
    const uint64_t one = 1;
    ssize_t n;

    if (s->halted)
        return;
    s->halted = true;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    n = write(s->wake_fd, &one, sizeof one);
    (void)n;
    pthread_join(s->thread, NULL);
}

void http_stop(struct http_server *s)
{
    if (s == NULL)
        return;
    http_halt(s);
    free_server(s);
}

uint16_t http_port(const struct http_server *s)
{
    return s->port;
}
