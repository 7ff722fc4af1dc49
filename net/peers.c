#include "net/peers.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "crypto/random.h"
#include "crypto/transport.h"
#include "net/conn.h"

#include <errno.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The table of peers: listening, dialling, replacing, bans, sending. */

uint64_t net_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int accept_any(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1; /* the key is compared with the pinned one after the handshake */
}

static SSL_CTX *make_context(EVP_PKEY *key, X509 *certificate)
{
    SSL_CTX *c = SSL_CTX_new(TLS_method());

    if (c == NULL)
        return NULL;
    if (SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate(c, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(c, key) != 1) {
        SSL_CTX_free(c);
        return NULL;
    }
    SSL_CTX_set_verify(
        c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(c, accept_any, NULL);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c, 0);
    SSL_CTX_set_options(c,
                        SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                            SSL_OP_NO_RENEGOTIATION |
                            SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    return c;
}

void net_refused(struct peers *p, int index, const char *reason)
{
    snprintf(p->last_refusal, sizeof p->last_refusal, "%s", reason);
    log_unusual(
        "net", "connection refused", "peer=%d reason=\"%s\"", index, reason);
    if (index >= 0) {
        struct peer *peer = &p->peer[index];

        peer->refused++;
        /* Whoever was refused is dialled again once a second at most. */
        for (int k = 0; k < CHANNELS; k++) {
            struct dialler *d = &peer->dialler[k];

            if (d->not_before_ms < net_now_ms() + 1000)
                d->not_before_ms = net_now_ms() + 1000;
        }
        snprintf(peer->last_refusal, sizeof peer->last_refusal, "%s", reason);
    }
}

static void dial_later(struct peers *p, uint8_t index, uint8_t channel);

bool net_dials(const struct peers *p, int slot)
{
    return memcmp(&p->config.self,
                  &p->peer[slot].is.key,
                  sizeof p->config.self) < 0;
}

static void dial(struct peers *p, uint8_t index, uint8_t channel)
{
    struct peer *peer = &p->peer[index];

    if (peer->conn[channel] != NULL || !peer->known || peer->self ||
        peer->is.port == 0)
        return;
    if (channel == CHANNEL_BULK && net_now_ms() < peer->bulk_ban_until_ms) {
        dial_later(p, index, channel);
        return;
    }
    peer->conn[channel] = conn_dial(p, index, channel);
    if (peer->conn[channel] == NULL)
        dial_later(p, index, channel);
}

static void on_dial_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct dialler *d = ctx;

    (void)fd;
    (void)what;
    dial(d->peers, d->index, d->channel);
}

/* 0.1 s doubling to 5 s, with half of it random; the higher key waits three
 * seconds longer, for the lower to come. */
static void dial_later(struct peers *p, uint8_t index, uint8_t channel)
{
    struct dialler *d = &p->peer[index].dialler[channel];
    uint32_t jitter;
    uint32_t ms;
    struct timeval t;

    random_bytes(&jitter, sizeof jitter);
    ms = d->back_off_ms / 2 + jitter % (d->back_off_ms / 2 + 1);
    if (!net_dials(p, index))
        ms += PEERS_PATIENCE_MS;
    if (d->not_before_ms > net_now_ms() + ms)
        ms = (uint32_t)(d->not_before_ms - net_now_ms());
    d->back_off_ms = d->back_off_ms * 2 > 5000 ? 5000 : d->back_off_ms * 2;
    t = (struct timeval){ms / 1000, (suseconds_t)(ms % 1000) * 1000};
    event_add(d->timer, &t);
}

static void on_accept(struct evconnlistener *l,
                      evutil_socket_t fd,
                      struct sockaddr *from,
                      int size,
                      void *ctx)
{
    struct peers *p = ctx;

    (void)l;
    (void)from;
    (void)size;
    if (p->pending >= PEERS_PENDING_MAX) {
        net_refused(p, -1, "too many handshakes at once");
        evutil_closesocket(fd);
        return;
    }
    conn_accept(p, fd);
}

static void on_ping_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct peers *p = ctx;
    struct timespec wall;
    uint8_t payload[16];
    struct writer w = writer_of(payload, sizeof payload);

    (void)fd;
    (void)what;
    clock_gettime(CLOCK_MONOTONIC, &wall);
    writer_u64(&w,
               (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000);
    clock_gettime(CLOCK_REALTIME, &wall);
    writer_u64(&w,
               (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000);
    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        for (uint8_t k = 0; k < CHANNELS; k++) {
            struct conn *c = p->peer[i].conn[k];

            if (c == NULL || !c->up)
                continue;
            if (net_now_ms() - c->heard_ms > 10000)
                conn_close(c, NULL); /* silent for 10 s: dial again */
            else
                (void)conn_send(c, FRAME_PING, writer_bytes(&w));
        }
    }
}

static enum err start_listening(struct peers *p)
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = EVUTIL_AI_PASSIVE |
                                                EVUTIL_AI_NUMERICHOST};
    struct evutil_addrinfo *found = NULL;
    char port[8];

    snprintf(port, sizeof port, "%u", p->config.listen_port);
    if (evutil_getaddrinfo(p->config.listen_host, port, &hints, &found) != 0 ||
        found == NULL)
        return ERR_CONFIG;
    p->listener = evconnlistener_new_bind(
        p->config.base,
        on_accept,
        p,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
        64,
        found->ai_addr,
        (int)found->ai_addrlen);
    evutil_freeaddrinfo(found);
    if (p->listener == NULL)
        return errno == EADDRINUSE ? ERR_EXISTS : ERR_IO;
    return ERR_NONE;
}

enum err peers_new(struct peers **out,
                   const struct peers_config *config,
                   const struct peers_callbacks *callbacks)
{
    struct peers *p = calloc(1, sizeof *p);
    const struct timeval second = {1, 0};
    enum err e;

    *out = NULL;
    if (p == NULL)
        return ERR_NO_MEMORY;
    p->config = *config;
    p->callbacks = *callbacks;
    p->context = make_context(config->key, config->certificate);
    if (p->context == NULL) {
        free(p);
        return ERR_CONFIG;
    }
    e = start_listening(p);
    if (e != ERR_NONE) {
        peers_free(p);
        return e;
    }
    p->ping = event_new(config->base, -1, EV_PERSIST, on_ping_timer, p);
    event_add(p->ping, &second);
    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        for (uint8_t k = 0; k < CHANNELS; k++) {
            struct dialler *d = &p->peer[i].dialler[k];

            d->timer = event_new(config->base, -1, 0, on_dial_timer, d);
            if (d->timer == NULL) {
                peers_free(p);
                return ERR_NO_MEMORY;
            }
        }
    }
    *out = p;
    return ERR_NONE;
}

int peers_find(const struct peers *p, const struct pubkey *key)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        if (p->peer[i].known &&
            memcmp(&p->peer[i].is.key, key, sizeof *key) == 0)
            return i;
    }
    return -1;
}

const struct pubkey *peers_key(const struct peers *p, uint8_t slot)
{
    const struct peer *peer = &p->peer[slot];

    return peer->known && !peer->self ? &peer->is.key : NULL;
}

bool peers_is_up(const struct peers *p, uint8_t slot, uint8_t channel)
{
    const struct conn *c = p->peer[slot].conn[channel];

    return c != NULL && c->up;
}

bool peers_is_source(const struct peers *p, uint8_t slot)
{
    const struct peer *peer = &p->peer[slot];

    for (int k = 0; k < CHANNELS; k++) {
        if (peer->conn[k] != NULL && peer->conn[k]->source)
            return true;
    }
    return false;
}

/* Its connections end, and nobody is to blame. */
static void hang_up(struct peer *peer)
{
    for (uint8_t k = 0; k < CHANNELS; k++) {
        if (peer->conn[k] != NULL)
            conn_close(peer->conn[k], NULL);
        if (peer->dialler[k].timer != NULL)
            event_del(peer->dialler[k].timer);
    }
}

static void forget(struct peers *p, uint8_t slot)
{
    struct peer *peer = &p->peer[slot];
    struct event *timers[CHANNELS];

    peer->known = false; /* nobody dials it again */
    hang_up(peer);
    for (uint8_t k = 0; k < CHANNELS; k++)
        timers[k] = peer->dialler[k].timer;
    memset(peer, 0, sizeof *peer);
    for (uint8_t k = 0; k < CHANNELS; k++)
        peer->dialler[k].timer = timers[k];
}

static bool listed(const struct peers_identity *list,
                   uint32_t count,
                   const struct pubkey *key)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&list[i].key, key, sizeof *key) == 0)
            return true;
    }
    return false;
}

static int free_slot(const struct peers *p)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        if (!p->peer[i].known)
            return i;
    }
    return -1;
}

static void begin(struct peers *p,
                  uint8_t slot,
                  const struct peers_identity *id)
{
    struct peer *peer = &p->peer[slot];

    peer->known = true;
    peer->self = memcmp(&id->key, &p->config.self, sizeof id->key) == 0;
    peer->is = *id;
    for (uint8_t k = 0; k < CHANNELS; k++) {
        struct dialler *d = &peer->dialler[k];

        *d = (struct dialler){.peers = p,
                              .index = slot,
                              .channel = k,
                              .back_off_ms = 100,
                              .timer = d->timer};
        if (net_dials(p, slot))
            dial(p, slot, k);
        else
            dial_later(p, slot, k);
    }
}

static void change(struct peers *p,
                   uint8_t slot,
                   const struct peers_identity *id)
{
    struct peer *peer = &p->peer[slot];
    bool again = !hash_eq(&peer->is.spki_hash, &id->spki_hash);

    for (uint8_t k = 0; k < CHANNELS; k++)
        again = again || (peer->conn[k] != NULL && peer->conn[k]->source);
    peer->is = *id;
    if (again)
        hang_up(peer);
    for (uint8_t k = 0; k < CHANNELS; k++) {
        if (peer->conn[k] == NULL)
            dial_later(p, slot, k);
    }
}

void peers_know(struct peers *p,
                const struct peers_identity *list,
                uint32_t count,
                uint64_t epoch,
                enum hello_role role)
{
    ASSERT(count <= PEERS_MAX);
    p->epoch = epoch;
    p->role = role;
    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        if (p->peer[i].known && !listed(list, count, &p->peer[i].is.key))
            forget(p, i);
    }
    for (uint32_t i = 0; i < count; i++) {
        const int slot = peers_find(p, &list[i].key);

        if (slot >= 0) {
            change(p, (uint8_t)slot, &list[i]);
        } else {
            const int free = free_slot(p);

            ASSERT(free >= 0);
            begin(p, (uint8_t)free, &list[i]);
        }
    }
}

void peers_free(struct peers *p)
{
    if (p == NULL)
        return;
    p->closing = true;
    if (p->listener != NULL)
        evconnlistener_free(p->listener);
    if (p->ping != NULL)
        event_free(p->ping);
    while (p->all != NULL)
        conn_close(p->all, NULL);
    for (uint32_t i = 0; i < PEERS_MAX; i++) {
        for (uint32_t k = 0; k < CHANNELS; k++) {
            if (p->peer[i].dialler[k].timer != NULL)
                event_free(p->peer[i].dialler[k].timer);
        }
    }
    SSL_CTX_free(p->context);
    free(p);
}

uint16_t peers_port(const struct peers *p)
{
    struct sockaddr_storage a;
    socklen_t size = sizeof a;

    if (getsockname(evconnlistener_get_fd(p->listener),
                    (struct sockaddr *)&a,
                    &size) != 0)
        return 0;
    return ntohs(a.ss_family == AF_INET6
                     ? ((struct sockaddr_in6 *)&a)->sin6_port
                     : ((struct sockaddr_in *)&a)->sin_port);
}

void peers_set_address(struct peers *p,
                       uint8_t slot,
                       const char *host,
                       uint16_t port)
{
    struct peers_identity *is = &p->peer[slot].is;

    snprintf(is->host, sizeof is->host, "%s", host);
    is->port = port;
    for (uint8_t k = 0; k < CHANNELS; k++) {
        if (net_dials(p, slot))
            dial(p, slot, k);
        else
            dial_later(p, slot, k);
    }
}

/* Both sides dialled: both know which of the two connections stays.  True: the
 * older one, quietly. */
static bool gives_way(const struct peers *p,
                      const struct conn *c,
                      const struct conn *old)
{
    return c->dialled != old->dialled && old->up &&
           old->dialled == net_dials(p, c->index);
}

/* An authenticated connection takes its place.  An older one that still speaks
 * stays: two processes with one key are a fault to be told. */
bool net_up(struct conn *c)
{
    struct peers *p = c->peers;
    struct peer *peer = &p->peer[c->index];
    struct conn *old = peer->conn[c->channel];

    if (c->channel == CHANNEL_BULK && net_now_ms() < peer->bulk_ban_until_ms) {
        conn_close(c, "bulk connection is banned");
        return false;
    }
    if (old != NULL && old != c) {
        if (gives_way(p, c, old)) {
            conn_close(c, NULL);
            return false;
        }
        if (old->up && old->dialled == c->dialled &&
            net_now_ms() - old->heard_ms < 2000) {
            conn_close(c,
                       "a second connection with the same identity while "
                       "the first one lives");
            return false;
        }
        peer->conn[c->channel] = NULL;
        conn_close(old, NULL);
    }
    peer->conn[c->channel] = c;
    peer->connects++;
    peer->dialler[c->channel].back_off_ms = 100;
    c->up = true;
    if (c->pending) {
        c->pending = false;
        p->pending--;
    }
    p->callbacks.on_up(p->callbacks.ctx, (uint8_t)c->index, c->channel);
    return true;
}

void net_down(struct conn *c)
{
    struct peers *p = c->peers;

    if (c->index >= 0 && p->peer[c->index].conn[c->channel] == c) {
        p->peer[c->index].conn[c->channel] = NULL;
        if (!p->closing && p->peer[c->index].known)
            dial_later(p, (uint8_t)c->index, c->channel);
    }
    if (c->up && !p->closing)
        p->callbacks.on_down(p->callbacks.ctx, (uint8_t)c->index, c->channel);
}

enum err peers_send(struct peers *p,
                    uint8_t slot,
                    uint8_t channel,
                    uint8_t type,
                    struct bytes payload)
{
    struct conn *c = p->peer[slot].conn[channel];
    enum err e;

    if (c == NULL || !c->up)
        return ERR_NETWORK;
    e = conn_send(c, type, payload);
    if (e == ERR_FULL && channel == CHANNEL_CONSENSUS)
        conn_close(c, "its consensus queue is full");
    return e;
}

void peers_misbehaved(struct peers *p,
                      uint8_t index,
                      uint8_t channel,
                      const char *reason)
{
    struct peer *peer = &p->peer[index];
    struct conn *c = peer->conn[channel];

    if (channel == CHANNEL_BULK) {
        peer->bulk_ban_ms = peer->bulk_ban_ms == 0 ? 60000
                            : peer->bulk_ban_ms >= 1800000
                                ? 3600000
                                : peer->bulk_ban_ms * 2;
        peer->bulk_ban_until_ms = net_now_ms() + peer->bulk_ban_ms;
        peer->dialler[channel].not_before_ms = peer->bulk_ban_until_ms;
    } else {
        peer->dialler[channel].not_before_ms = net_now_ms() + 1000;
    }
    if (c != NULL)
        conn_close(c, reason);
}

void peers_status(const struct peers *p, struct peers_status *out, uint8_t slot)
{
    const struct peer *peer = &p->peer[slot];

    memset(out, 0, sizeof *out);
    out->known = peer->known && !peer->self;
    out->key = peer->is.key;
    out->epoch = peer->epoch;
    out->observer = peer->observer;
    out->source = peers_is_source(p, slot);
    for (int k = 0; k < CHANNELS; k++) {
        out->up[k] = peer->conn[k] != NULL && peer->conn[k]->up;
        if (out->up[k] && peer->conn[k]->heard_ms > out->heard_ms)
            out->heard_ms = peer->conn[k]->heard_ms;
    }
    out->rtt_us = peer->rtt_us;
    out->offset_ms = peer->offset_ms;
    out->bytes_in = peer->bytes_in;
    out->bytes_out = peer->bytes_out;
    out->connects = peer->connects;
    out->refused = peer->refused;
    memcpy(out->last_refusal, peer->last_refusal, sizeof out->last_refusal);
    memcpy(out->software, peer->software, sizeof out->software);
}

const char *peers_last_refusal(const struct peers *p)
{
    return p->last_refusal;
}
