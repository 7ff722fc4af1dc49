/* client.h - a blocking JSON-RPC client, for the command line and tests. */
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct rpc_client;

/* url is http://host:port (path "/" or none). */
MUST_USE enum err rpc_client_new(struct rpc_client **out, const char *url);
void rpc_client_free(struct rpc_client *c);
const char *rpc_client_url(const struct rpc_client *c);
/* While a long answer comes in, progress hears how much is here. */
void rpc_client_on_progress(struct rpc_client *c,
                            void (*progress)(uint64_t done, uint64_t all));

struct rpc_failure {
    int code;      /* JSON-RPC code; 0: the call itself failed */
    char name[64]; /* E_…, or NETWORK, TIMEOUT, BAD_REPLY */
    char message[256];
    json_t *details; /* borrowed from the failure; freed by the next call */
};

/* rpc_call_method takes params.  NULL on failure; why then says so. */
json_t *rpc_client_call(struct rpc_client *c,
                        const char *method,
                        json_t *params,
                        uint32_t timeout_ms,
                        struct rpc_failure *why);
/* rpc_client_get fetches a page; text (malloc) and HTTP status, 0 if none. */
int rpc_client_get(struct rpc_client *c, const char *path, char **text);

/* What a server sent: a node is a stranger to its clients too.
 * Errors    ERR_TRUNCATED  more has to come
 *           ERR_RANGE      not an answer of HTTP/1.1 with one length, or larger
 *                          than RPC_REPLY_MAX */
enum {
    RPC_REPLY_HEAD_MAX = 16 << 10,
    RPC_REPLY_MAX = 256 << 20,
};
struct rpc_reply {
    int status;
    bool keep;         /* the connection may be used again */
    size_t size;       /* of the whole body, once the head is there */
    struct bytes body; /* what is there of it */
};
MUST_USE enum err rpc_reply_parse(struct rpc_reply *out, struct bytes in);

#endif /* RPC_CLIENT_H */
