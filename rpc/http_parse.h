/* http_parse.h - a small strict HTTP/1.1 request parser.
 *
 * It runs before any authentication, so it accepts little: GET, HEAD and POST;
 * Content-Length only (any Transfer-Encoding is refused); CRLF line ends; no
 * folded lines, no NUL, no space before a colon; at most 64 headers, 4 KiB of
 * request line and 16 KiB in all.  RFC 9112, RFC 9110. */
#ifndef RPC_HTTP_PARSE_H
#define RPC_HTTP_PARSE_H

#include "base/bytes.h"

enum {
    HTTP_LINE_MAX = 4096,
    HTTP_HEAD_MAX = 16384,
    HTTP_HEADERS_MAX = 64,
    HTTP_PATH_MAX = 1024,
};

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
};

struct http_head {
    enum http_method method;
    char path[HTTP_PATH_MAX]; /* without the query */
    char host[256];           /* of the Host header */
    char content_type[128];   /* without parameters, lower case; "" = none */
    bool has_length;
    uint64_t content_length;
    bool keep_alive;
    bool expect_continue;
    size_t head_bytes; /* up to and with the empty line */
};

/* http_parse_head reads the head of a request from the start of in.
 * Returns 0 when it is complete, 1 when more bytes are needed, or the HTTP
 * status to refuse it with (400, 413, 414, 431, 405, 417, 501, 505). */
int http_parse_head(struct http_head *out, struct bytes in);

#endif /* RPC_HTTP_PARSE_H */
