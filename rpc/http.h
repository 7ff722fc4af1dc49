/* http.h - the HTTP server for clients: its own thread, its own event base.
 *
 * Requests are handled one at a time per connection, in order, the next one
 * when the answer before it has been read, but for a little.  A handler runs
 * on the server's thread and must be quick; it answers at once or later, from
 * any thread, with http_reply. */
#ifndef RPC_HTTP_H
#define RPC_HTTP_H

#include "base/attr.h"
#include "base/err.h"
#include "rpc/http_parse.h"

struct http_server;

enum {
    HTTP_OUTPUT_MAX = 512 << 20,
};

/* One request that waits for its answer; dies with http_reply. */
struct http_request {
    const struct http_head *head;
    struct bytes body;
    char peer[64];
};

typedef void (*http_handler_fn)(void *ctx, struct http_request *request);

struct http_config {
    const char *host;
    uint16_t port;           /* 0: the kernel chooses */
    const char *allow_hosts; /* besides loopback names; "," separated */
    uint64_t body_max;
    uint32_t connections_max;
    uint32_t per_address_max;
    uint32_t head_deadline_ms; /* 5000 */
    uint32_t body_deadline_ms; /* 15000 */
    uint32_t idle_ms;          /* between requests: 60000 */
    size_t output_max; /* bytes of answers that clients have yet to read, of all
                          together; beyond it 503.  0: HTTP_OUTPUT_MAX */
    http_handler_fn handler;
    void *ctx;
};

/* Errors    ERR_EXISTS  the address is in use; ERR_CONFIG, ERR_IO */
MUST_USE enum err http_start(struct http_server **out,
                             const struct http_config *config);
/* http_halt ends the server's thread: no handler runs any more, answers still
 * given go nowhere.  http_stop then frees it. */
void http_halt(struct http_server *s);
/* http_stop lets nothing new in, ends the thread and frees everything;
 * requests not answered yet must not be answered any more. */
void http_stop(struct http_server *s);
uint16_t http_port(const struct http_server *s);

/* Thread-safe.  content_type NULL with an empty body: no Content-Type. */
void http_reply(struct http_request *request,
                int status,
                const char *content_type,
                struct bytes body);
/* Runs fn on the server's thread.  Thread-safe. */
void http_post(struct http_server *s, void (*fn)(void *ctx), void *ctx);
bool http_on_thread(const struct http_server *s);
struct http_server *http_server_of(struct http_request *request);

#endif /* RPC_HTTP_H */
