#include "rpc/http_parse.h"

#include <ctype.h>
#include <strings.h>

struct line {
    const char *at;
    size_t size;
};

/* Takes the next line that ends in CRLF; false: not complete, or *status. */
static bool next_line(
    struct line *out, struct bytes in, size_t *offset, size_t max, int *status)
{
    for (size_t i = *offset; i < in.size; i++) {
        if (i - *offset > max) {
            *status = *offset == 0 ? 414 : 431;
            return false;
        }
        if (in.at[i] == '\0') {
            *status = 400;
            return false;
        }
        if (in.at[i] != '\n')
            continue;
        if (i == *offset || in.at[i - 1] != '\r') {
            *status = 400; /* a bare LF */
            return false;
        }
        *out = (struct line){(const char *)in.at + *offset, i - 1 - *offset};
        for (size_t k = 0; k < out->size; k++) {
            if (out->at[k] == '\r') {
                *status = 400;
                return false;
            }
        }
        *offset = i + 1;
        return true;
    }
    if (in.size - *offset > max)
        *status = *offset == 0 ? 414 : 431;
    return false;
}

static bool eat(struct line *l, const char *word)
{
    const size_t size = strlen(word);

    if (l->size < size || memcmp(l->at, word, size) != 0)
        return false;
    l->at += size;
    l->size -= size;
    return true;
}

static int parse_request_line(struct http_head *out, struct line l)
{
    size_t size = 0;
    size_t path = 0;

    if (eat(&l, "GET "))
        out->method = HTTP_GET;
    else if (eat(&l, "HEAD "))
        out->method = HTTP_HEAD;
    else if (eat(&l, "POST "))
        out->method = HTTP_POST;
    else
        return l.size > 0 && isupper((unsigned char)l.at[0]) ? 405 : 400;
    while (size < l.size && l.at[size] != ' ')
        size++;
    if (size == 0 || l.at[0] != '/')
        return 400;
    for (size_t i = 0; i < size; i++) {
        if (l.at[i] <= 0x20 || l.at[i] > 0x7e)
            return 400;
        if (l.at[i] == '?')
            break;
        if (path + 1 >= sizeof out->path)
            return 414;
        out->path[path++] = l.at[i];
    }
    out->path[path] = '\0';
    l.at += size;
    l.size -= size;
    if (l.size == 9 && memcmp(l.at, " HTTP/1.1", 9) == 0) {
        out->keep_alive = true;
        return 0;
    }
    if (l.size == 9 && memcmp(l.at, " HTTP/1.0", 9) == 0)
        return 0;
    return l.size > 6 && memcmp(l.at, " HTTP/", 6) == 0 ? 505 : 400;
}

static bool token_char(char c)
{
    return isalnum((unsigned char)c) ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_named(const struct line *name, const char *word)
{
    return name->size == strlen(word) &&
           strncasecmp(name->at, word, name->size) == 0;
}

static bool parse_length(uint64_t *out, const struct line *value)
{
    uint64_t n = 0;

    if (value->size == 0 || value->size > 12)
        return false;
    for (size_t i = 0; i < value->size; i++) {
        if (!isdigit((unsigned char)value->at[i]))
            return false;
        n = n * 10 + (uint64_t)(value->at[i] - '0');
    }
    *out = n;
    return true;
}

static bool copy_value(char *to, size_t cap, const struct line *value)
{
    if (value->size >= cap)
        return false;
    memcpy(to, value->at, value->size);
    to[value->size] = '\0';
    return true;
}

static int take_header(struct http_head *out,
                       const struct line *name,
                       const struct line *value)
{
    if (is_named(name, "Transfer-Encoding"))
        return 501;
    if (is_named(name, "Content-Length")) {
        if (out->has_length || !parse_length(&out->content_length, value))
            return 400;
        out->has_length = true;
    } else if (is_named(name, "Host")) {
        if (out->host[0] != '\0' || value->size == 0 ||
            !copy_value(out->host, sizeof out->host, value))
            return 400;
    } else if (is_named(name, "Content-Type")) {
        struct line type = *value;
        const char *semicolon = memchr(type.at, ';', type.size);

        if (semicolon != NULL)
            type.size = (size_t)(semicolon - type.at);
        while (type.size > 0 && type.at[type.size - 1] == ' ')
            type.size--;
        if (out->content_type[0] != '\0' ||
            !copy_value(out->content_type, sizeof out->content_type, &type))
            return 400;
        for (char *p = out->content_type; *p != '\0'; p++)
            *p = (char)tolower((unsigned char)*p);
    } else if (is_named(name, "Connection")) {
        if (value->size == 5 && strncasecmp(value->at, "close", 5) == 0)
            out->keep_alive = false;
    } else if (is_named(name, "Expect")) {
        if (value->size != 12 ||
            strncasecmp(value->at, "100-continue", 12) != 0)
            return 417;
        out->expect_continue = true;
    }
    return 0;
}

static int parse_header(struct http_head *out, struct line l)
{
    struct line name = l;
    struct line value;
    size_t n = 0;

    while (n < l.size && token_char(l.at[n]))
        n++;
    if (n == 0 || n >= l.size || l.at[n] != ':')
        return 400; /* folded line, empty name, space before the colon */
    name.size = n;
    value = (struct line){l.at + n + 1, l.size - n - 1};
    while (value.size > 0 && (value.at[0] == ' ' || value.at[0] == '\t')) {
        value.at++;
        value.size--;
    }
    while (value.size > 0 && (value.at[value.size - 1] == ' ' ||
                              value.at[value.size - 1] == '\t'))
        value.size--;
    for (size_t i = 0; i < value.size; i++) {
        const unsigned char c = (unsigned char)value.at[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return 400;
    }
    return take_header(out, &name, &value);
}

int http_parse_head(struct http_head *out, struct bytes in)
{
    size_t offset = 0;
    int status = 0;
    struct line l;

    memset(out, 0, sizeof *out);
    if (!next_line(&l, in, &offset, HTTP_LINE_MAX, &status))
        return status != 0 ? status : 1;
    status = parse_request_line(out, l);
    if (status != 0)
        return status;
    for (uint32_t headers = 0;; headers++) {
        if (offset > HTTP_HEAD_MAX || headers > HTTP_HEADERS_MAX)
            return 431;
        if (!next_line(&l, in, &offset, HTTP_HEAD_MAX, &status))
            return status != 0 ? status : 1;
        if (l.size == 0)
            break;
        status = parse_header(out, l);
        if (status != 0)
            return status;
    }
    if (offset > HTTP_HEAD_MAX)
        return 431;
    if (out->host[0] == '\0' && out->keep_alive)
        return 400; /* HTTP/1.1 needs Host */
    if (out->has_length && out->method != HTTP_POST && out->content_length > 0)
        return 400;
    out->head_bytes = offset;
    return 0;
}
