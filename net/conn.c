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

/* One connection, from the socket to the HELLO and its end; frames.c has what
 * is in between. */

enum {
    LAST_FRAME_MS = 1000,    /* to be read by the other side */
    BULK_SNDBUF = 256 << 10, /* a socket is no second queue */
};

static void on_event(struct bufferevent *bev, short what, void *ctx);

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
    event_free(c->resume);
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        p->all = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
    net_down(c);
    bufferevent_free(c->bev);
    queue_deinit(&c->out);
    free(c);
}

void conn_fault(struct conn *c, const char *reason)
{
    if (c->up)
        net_fault(c->peers, c->index, c->channel);
    conn_close(c, reason);
}

void conn_leave(struct conn *c,
                uint8_t code,
                uint64_t wait_ms,
                const char *reason)
{
    static const struct timeval last = {LAST_FRAME_MS / 1000, 0};
    uint8_t payload[5];
    struct writer w = writer_of(payload, sizeof payload);

    writer_u8(&w, code);
    writer_u32(&w, (uint32_t)wait_ms);
    (void)conn_send(c, CLASS_VOTE, FRAME_REFUSED, writer_bytes(&w));
    net_refused(c->peers, c->index, reason);
    c->leaving = true;
    net_down(c);
    c->up = false;
    /* Read on, to nowhere: closing over unread bytes would take back the last
     * frame. */
    bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
    bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
    bufferevent_enable(c->bev, EV_READ);
    event_add(c->deadline, &last);
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

static void tune_bulk(const struct conn *c)
{
    const int fd = bufferevent_getfd(c->bev);
    const int small = BULK_SNDBUF;

    if (fd >= 0 && c->channel == CHANNEL_BULK)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *c = ctx;

    (void)fd;
    (void)what;
    conn_close(c,
               c->leaving    ? NULL
               : c->unpinned ? "transport key is not the pinned one"
               : c->dialled  ? NULL
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
    if (c->resume != NULL)
        event_free(c->resume);
    queue_deinit(&c->out);
    SSL_free(ssl);
    free(c);
}

/* All of a connection but its bufferevent. */
static bool make_parts(struct conn *c, struct peers *p, bool dialled)
{
    const uint64_t now_ms = net_now_ms();

    c->peers = p;
    c->index = -1;
    c->dialled = dialled;
    c->since_ms = now_ms;
    c->frames = bucket_of(PEERS_FRAMES_PER_S, 2 * PEERS_FRAMES_PER_S, now_ms);
    c->resume = evtimer_new(p->config.base, conn_on_resume, c);
    return c->resume != NULL && queue_init(&c->out) == ERR_NONE &&
           start_deadline(c);
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
    if (!make_parts(c, p, dialled)) {
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
    bufferevent_setcb(c->bev, conn_on_read, conn_on_write, on_event, c);
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

bool conn_send_hello(struct conn *c)
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
    (void)conn_send(c, CLASS_VOTE, FRAME_HELLO, writer_bytes(&w));
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

static const char not_pinned[] = "transport key is not the pinned one";

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
    return c->unpinned ? not_pinned : "another validator than was dialled";
}

static const char *check_caller(const struct conn *c, const struct hello *h)
{
    const int slot = peers_find(c->peers, &h->key);

    if (slot < 0)
        return "neither a validator nor announced";
    return pinned(c, slot) ? NULL : not_pinned;
}

static const char *check_hello(struct conn *c, const struct hello *h)
{
    const struct peers *p = c->peers;
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
    bad = c->dialled ? check_dialled(c, h) : check_caller(c, h);
    if (bad != NULL)
        return bad;
    if (!exported(c, material))
        return "no keying material from TLS";
    digest = hello_digest(h, material);
    if (!key_verify(&h->key, &digest, &h->sig))
        return "HELLO is not signed by its key";
    return NULL;
}

bool conn_take_hello(struct conn *c, struct bytes payload)
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
    }
    peer = &c->peers->peer[c->index];
    memcpy(peer->software, h.software, sizeof h.software);
    peer->epoch = h.epoch;
    peer->observer = h.role == HELLO_OBSERVER;
    event_del(c->deadline);
    tune_bulk(c);
    return net_up(c);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct conn *c = ctx;

    if ((what & BEV_EVENT_CONNECTED) != 0) {
        tune_socket(c);
        tune_bulk(c); /* a dialler knows its channel */
        if (!c->dialled)
            return;
        c->unpinned = !pinned(c, c->index); /* its HELLO may explain it */
        (void)conn_send_hello(c);
        return;
    }
    if (!c->up && !c->dialled && !c->leaving &&
        bufferevent_get_openssl_error(bev) != 0) {
        conn_close(c, "not a TLS 1.3 client with a certificate");
        return;
    }
    conn_close(c, c->unpinned && !c->up && !c->leaving ? not_pinned : NULL);
}
