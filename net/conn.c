#include "net/conn.h"

#include "base/check.h"
#include "base/log.h"
#include "crypto/transport.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One connection: TLS, HELLO, frames. */

static void on_event(struct bufferevent *bev, short what, void *ctx);
static void on_read(struct bufferevent *bev, void *ctx);

static void link_conn(struct conn *c)
{
    struct peers *p = c->peers;

    c->next = p->all;
    if (p->all != NULL)
        p->all->previous = c;
    p->all = c;
}

void conn_close(struct conn *c, const char *reason)
{
    struct peers *p = c->peers;

    if (c->closing)
        return;
    c->closing = true;
    if (reason != NULL)
        net_refused(p, c->index, reason);
    if (c->pending)
        p->pending--;
    event_free(c->deadline);
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        p->all = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
    net_down(c);
    bufferevent_free(c->bev);
    free(c);
}

static void tune_socket(const struct conn *c)
{
    const int fd = bufferevent_getfd(c->bev);
    const int one = 1;
    const unsigned ten_s = 10000;

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ten_s, sizeof ten_s);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *c = ctx;

    (void)fd;
    (void)what;
    conn_close(c,
               c->unpinned  ? "transport key is not the pinned one"
               : c->dialled ? NULL
                            : "handshake took too long");
}

/* From connecting to a good HELLO, however busy the other side looks. */
static bool start_deadline(struct conn *c)
{
    const uint32_t configured = c->peers->config.handshake_ms;
    const uint32_t ms = configured != 0 ? configured : PEERS_HANDSHAKE_MS;
    const struct timeval t = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

    c->deadline = evtimer_new(c->peers->config.base, on_deadline, c);
    return c->deadline != NULL && evtimer_add(c->deadline, &t) == 0;
}

static void drop_unmade(struct conn *c, SSL *ssl)
{
    if (c->deadline != NULL)
        event_free(c->deadline);
    SSL_free(ssl);
    free(c);
}

static struct conn *make(struct peers *p, int fd, bool dialled)
{
    struct conn *c = calloc(1, sizeof *c);
    SSL *ssl = SSL_new(p->context);

    if (c == NULL || ssl == NULL) {
        free(c);
        SSL_free(ssl);
        return NULL;
    }
    c->peers = p;
    c->index = -1;
    c->dialled = dialled;
    if (!start_deadline(c)) {
        drop_unmade(c, ssl);
        return NULL;
    }
    c->bev = bufferevent_openssl_socket_new(
        p->config.base,
        fd,
        ssl,
        dialled ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING,
        BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (c->bev == NULL) {
        drop_unmade(c, ssl);
        return NULL;
    }
    bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    link_conn(c);
    return c;
}

struct conn *conn_dial(struct peers *p, uint8_t slot, uint8_t channel)
{
    const struct peers_identity *to = &p->peer[slot].is;
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM};
    struct evutil_addrinfo *found = NULL;
    struct conn *c;
    char port[8];
    int failed;

    snprintf(port, sizeof port, "%u", to->port);
    if (evutil_getaddrinfo(to->host, port, &hints, &found) != 0 ||
        found == NULL)
        return NULL;
    c = make(p, -1, true);
    if (c == NULL) {
        evutil_freeaddrinfo(found);
        return NULL;
    }
    c->index = slot;
    c->channel = channel;
    failed = bufferevent_socket_connect(
        c->bev, found->ai_addr, (int)found->ai_addrlen);
    evutil_freeaddrinfo(found);
    if (failed != 0) {
        c->index = -1; /* the caller dials again */
        conn_close(c, NULL);
        return NULL;
    }
    return c;
}

void conn_accept(struct peers *p, int fd)
{
    struct conn *c = make(p, fd, false);

    if (c == NULL) {
        evutil_closesocket(fd);
        return;
    }
    c->pending = true;
    p->pending++;
}

enum err conn_send(struct conn *c, uint8_t type, struct bytes payload)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    const size_t queued = evbuffer_get_length(out);
    uint8_t head[FRAME_HEADER_BYTES];
    struct writer w = writer_of(head, sizeof head);

    if (queued + payload.size > (c->channel == CHANNEL_CONSENSUS
                                     ? (size_t)PEERS_OUT_CONSENSUS_MAX
                                     : (size_t)PEERS_OUT_BULK_MAX))
        return ERR_FULL;
    writer_u32(&w, (uint32_t)payload.size);
    writer_u8(&w, type);
    writer_u8(&w, FRAME_VERSION);
    if (evbuffer_expand(out, sizeof head + payload.size) != 0)
        return ERR_NO_MEMORY;
    evbuffer_add(out, head, sizeof head);
    if (payload.size > 0)
        evbuffer_add(out, payload.at, payload.size);
    if (c->index >= 0)
        c->peers->peer[c->index].bytes_out += sizeof head + payload.size;
    return ERR_NONE;
}

static SSL *ssl_of(const struct conn *c)
{
    return bufferevent_openssl_get_ssl(c->bev);
}

static bool exported(const struct conn *c, uint8_t out[HELLO_EXPORT_BYTES])
{
    static const char label[] = "EXPORTER-equity-hello";

    return SSL_export_keying_material(ssl_of(c),
                                      out,
                                      HELLO_EXPORT_BYTES,
                                      label,
                                      sizeof label - 1,
                                      NULL,
                                      0,
                                      0) == 1;
}

/* False: the connection is gone. */
static bool send_hello(struct conn *c)
{
    struct peers *p = c->peers;
    struct hello h = {.protocol = p->config.protocol,
                      .chain_id = p->config.chain_id,
                      .epoch = p->epoch,
                      .role = (uint8_t)p->role,
                      .key = p->config.self,
                      .channel = c->channel,
                      .dialer = c->dialled ? 1 : 0};
    uint8_t material[HELLO_EXPORT_BYTES];
    uint8_t buf[HELLO_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);
    struct hash digest;

    snprintf(h.software, sizeof h.software, "%s", p->config.software);
    if (!exported(c, material)) {
        conn_close(c, "no keying material from TLS");
        return false;
    }
    digest = hello_digest(&h, material);
    p->callbacks.sign(p->callbacks.ctx, &h.sig, &digest);
    hello_encode(&w, &h);
    (void)conn_send(c, FRAME_HELLO, writer_bytes(&w));
    return true;
}

/* The certificate's key is the one pinned for the peer. */
static bool pinned(const struct conn *c, int slot)
{
    X509 *certificate = SSL_get1_peer_certificate(ssl_of(c));
    struct hash spki;
    bool ok;

    if (certificate == NULL)
        return false;
    ok = transport_spki_of(&spki, certificate) == ERR_NONE &&
         hash_eq(&spki, &c->peers->peer[slot].is.spki_hash);
    X509_free(certificate);
    return ok;
}

/* Whether it is whom we dialled; if not, and it stands in a later epoch, a
 * source.  NULL: it is. */
static const char *check_dialled(struct conn *c, const struct hello *h)
{
    const struct peer *peer = &c->peers->peer[c->index];
    const bool same = memcmp(&h->key, &peer->is.key, sizeof h->key) == 0;

    if (h->channel != c->channel)
        return "wrong channel";
    if (same && !c->unpinned)
        return NULL;
    if (h->epoch > c->peers->epoch && !same) {
        c->source = true;
        return NULL;
    }
    return c->unpinned ? "transport key is not the pinned one"
                       : "another validator than was dialled";
}

static const char *check_hello(struct conn *c, const struct hello *h)
{
    const struct peers *p = c->peers;
    const int slot = peers_find(p, &h->key);
    uint8_t material[HELLO_EXPORT_BYTES];
    struct hash digest;
    const char *bad;

    if (h->protocol != p->config.protocol)
        return "wrong protocol version";
    if (!hash_eq(&h->chain_id, &p->config.chain_id))
        return "wrong chain";
    if (memcmp(&h->key, &p->config.self, sizeof h->key) == 0)
        return "our own identity from another process";
    if (h->dialer == (c->dialled ? 1 : 0))
        return "wrong role";
    bad = c->dialled         ? check_dialled(c, h)
          : slot < 0         ? "neither a validator nor announced"
          : !pinned(c, slot) ? "transport key is not the pinned one"
                             : NULL;
    if (bad != NULL)
        return bad;
    if (!exported(c, material))
        return "no keying material from TLS";
    digest = hello_digest(h, material);
    if (!key_verify(&h->key, &digest, &h->sig))
        return "HELLO is not signed by its key";
    return NULL;
}

/* False: the connection is gone. */
static bool take_hello(struct conn *c, struct bytes payload)
{
    struct hello h;
    const char *reason;
    struct peer *peer;

    if (hello_decode(&h, payload) != ERR_NONE) {
        conn_close(c, "malformed HELLO");
        return false;
    }
    reason = check_hello(c, &h);
    if (reason != NULL) {
        conn_close(c, reason);
        return false;
    }
    if (!c->dialled) {
        c->index = peers_find(c->peers, &h.key);
        c->channel = h.channel;
        /* the listener answers on the dialler's channel */
        if (!send_hello(c))
            return false;
    }
    peer = &c->peers->peer[c->index];
    memcpy(peer->software, h.software, sizeof h.software);
    peer->epoch = h.epoch;
    peer->observer = h.role == HELLO_OBSERVER;
    event_del(c->deadline);
    return net_up(c);
}

static void take_ping(struct conn *c, struct bytes payload)
{
    uint8_t reply[24];
    struct writer w = writer_of(reply, sizeof reply);
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    writer_copy(&w, payload.at, payload.size);
    writer_u64(&w,
               (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000);
    (void)conn_send(c, FRAME_PONG, writer_bytes(&w));
}

static void take_pong(struct conn *c, struct bytes payload)
{
    struct peer *peer = &c->peers->peer[c->index];
    struct reader r = reader_of(payload);
    const uint64_t sent_us = reader_u64(&r);
    const uint64_t sent_wall_ms = reader_u64(&r);
    const uint64_t peer_wall_ms = reader_u64(&r);
    struct timespec t;
    uint64_t now_us;

    clock_gettime(CLOCK_MONOTONIC, &t);
    now_us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    if (sent_us > now_us || now_us - sent_us > 60000000)
        return;
    peer->rtt_us = now_us - sent_us;
    peer->offset_ms =
        (int64_t)(peer_wall_ms - sent_wall_ms - peer->rtt_us / 2000);
}

/* The largest payload of a type on this connection; 0 = not a type of it. */
static uint32_t limit_of(const struct conn *c, uint8_t type)
{
    const struct peers *p = c->peers;

    if (!c->up)
        return type == FRAME_HELLO ? HELLO_BYTES_MAX : 0;
    if (type == FRAME_PING)
        return 16;
    if (type == FRAME_PONG)
        return 24;
    for (uint32_t i = 0; i < p->config.type_count; i++) {
        if (p->config.types[i].type == type &&
            p->config.types[i].channel == c->channel)
            return p->config.types[i].bytes_max;
    }
    return 0;
}

/* False: the connection is gone. */
static bool take_frame(struct conn *c, uint8_t type, struct bytes payload)
{
    struct peers *p = c->peers;

    c->heard_ms = net_now_ms();
    if (c->index >= 0)
        p->peer[c->index].bytes_in += payload.size + FRAME_HEADER_BYTES;
    if (!c->up)
        return take_hello(c, payload);
    if (type == FRAME_PING || type == FRAME_PONG) {
        if (payload.size != limit_of(c, type)) {
            conn_close(c, "malformed ping");
            return false;
        }
        if (type == FRAME_PING)
            take_ping(c, payload);
        else
            take_pong(c, payload);
    } else {
        const int index = c->index;
        const uint8_t channel = c->channel;

        p->callbacks.on_frame(
            p->callbacks.ctx, (uint8_t)index, channel, type, payload);
        return p->peer[index].conn[channel] == c; /* it may have been closed */
    }
    return true;
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct conn *c = ctx;
    struct evbuffer *in = bufferevent_get_input(bev);

    for (;;) {
        uint8_t head[FRAME_HEADER_BYTES];
        struct reader r = reader_of(bytes_of(head, sizeof head));
        uint32_t size;
        uint32_t limit;
        const uint8_t *at;

        if (evbuffer_copyout(in, head, sizeof head) < (ev_ssize_t)sizeof head)
            return;
        size = reader_u32(&r);
        limit = limit_of(c, head[4]);
        if (head[5] != FRAME_VERSION || limit == 0) {
            conn_close(c,
                       c->up ? "unknown frame type or version"
                             : "garbage instead of HELLO");
            return;
        }
        if (size > limit) {
            conn_close(c, "frame is longer than its type allows");
            return;
        }
        if (evbuffer_get_length(in) < sizeof head + size) {
            bufferevent_setwatermark(bev, EV_READ, sizeof head + size, 0);
            return;
        }
        bufferevent_setwatermark(bev, EV_READ, 0, 0);
        at = evbuffer_pullup(in, (ev_ssize_t)(sizeof head + size));
        if (at == NULL) {
            conn_close(c, NULL);
            return;
        }
        if (!take_frame(c, head[4], bytes_of(at + sizeof head, size)))
            return;
        evbuffer_drain(in, sizeof head + size);
    }
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct conn *c = ctx;

    if ((what & BEV_EVENT_CONNECTED) != 0) {
        tune_socket(c);
        if (!c->dialled)
            return;
        c->unpinned = !pinned(c, c->index); /* its HELLO may explain it */
        (void)send_hello(c);
        return;
    }
    if (!c->up && !c->dialled && bufferevent_get_openssl_error(bev) != 0) {
        conn_close(c, "not a TLS 1.3 client with a certificate");
        return;
    }
    conn_close(c,
               c->unpinned && !c->up ? "transport key is not the pinned one"
                                     : NULL);
}
