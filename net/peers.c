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

/* The table of peers: listening, dialling, sending, and what is told of it. */

enum {
    REFUSALS_TOLD_PER_S = 5, /* lines of log that strangers can cause */
};

uint64_t net_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t net_now_ms(void)
{
    return net_now_us() / 1000;
}

uint64_t net_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
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

static void tell_refusal(struct peers *p, int index, const char *reason)
{
    if (!bucket_take(&p->refusals_told, 1, net_now_ms())) {
        p->refusals_untold++;
        return;
    }
    log_unusual("net",
                "connection refused",
                "peer=%d reason=\"%s\" untold=%llu",
                index,
                reason,
                (unsigned long long)p->refusals_untold);
    p->refusals_untold = 0;
}

void net_refused(struct peers *p, int index, const char *reason)
{
    snprintf(p->last_refusal, sizeof p->last_refusal, "%s", reason);
    tell_refusal(p, index, reason);
    if (index >= 0) {
        struct peer *peer = &p->peer[index];

        peer->refused++;
        /* Whoever was refused is dialled again once a second at most. */
        for (int k = 0; k < CHANNELS; k++) {
            struct dialler *d = &peer->dialler[k];

            if (d->not_before_ms < net_now_ms() + SCORE_PAUSE_MS)
                d->not_before_ms = net_now_ms() + SCORE_PAUSE_MS;
        }
        snprintf(peer->last_refusal, sizeof peer->last_refusal, "%s", reason);
    }
}

bool net_dials(const struct peers *p, int slot)
{
    return memcmp(&p->config.self,
                  &p->peer[slot].is.key,
                  sizeof p->config.self) < 0;
}

void net_dial(struct peers *p, uint8_t slot, uint8_t channel)
{
    struct peer *peer = &p->peer[slot];

    if (peer->conn[channel] != NULL || !peer->known || peer->self ||
        peer->is.port == 0)
        return;
    if (net_now_ms() >= peer->dialler[channel].not_before_ms)
        peer->conn[channel] = conn_dial(p, slot, channel);
    if (peer->conn[channel] == NULL)
        net_dial_later(p, slot, channel);
}

static void on_dial_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct dialler *d = ctx;

    (void)fd;
    (void)what;
    net_dial(d->peers, d->index, d->channel);
}

/* 0.1 s doubling to 5 s, with half of it random; the higher key waits three
 * seconds longer, for the lower to come. */
void net_dial_later(struct peers *p, uint8_t slot, uint8_t channel)
{
    struct dialler *d = &p->peer[slot].dialler[channel];
    uint32_t jitter;
    uint32_t ms;
    struct timeval t;

    random_bytes(&jitter, sizeof jitter);
    ms = d->back_off_ms / 2 + jitter % (d->back_off_ms / 2 + 1);
    if (!net_dials(p, slot))
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
    if (p->pending >= PEERS_PENDING_MAX && !net_make_room(p)) {
        net_refused(p, -1, "too many handshakes at once");
        evutil_closesocket(fd);
        return;
    }
    conn_accept(p, fd);
}

/* Nothing is heard of who is not read. */
static bool is_silent(const struct conn *c, uint64_t now_ms)
{
    const uint32_t configured = c->peers->config.silent_ms;

    return c->paused == 0 &&
           now_ms - c->heard_ms >
               (configured != 0 ? configured : (uint32_t)PEERS_SILENT_MS);
}

static void on_ping_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct peers *p = ctx;
    const uint64_t now_us = net_now_us();

    (void)fd;
    (void)what;
    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        for (uint8_t k = 0; k < CHANNELS; k++) {
            struct conn *c = p->peer[i].conn[k];

            if (c == NULL || !c->up)
                continue;
            if (is_silent(c, now_us / 1000))
                conn_close(c, NULL); /* dialled again */
            else
                conn_ping(c, now_us);
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

static void start_slot(struct peers *p, uint8_t i)
{
    for (uint8_t k = 0; k < CHANNELS; k++) {
        struct dialler *d = &p->peer[i].dialler[k];

        d->timer = event_new(p->config.base, -1, 0, on_dial_timer, d);
        d->probe = event_new(p->config.base, -1, 0, net_on_probe, d);
        ASSERT(d->timer != NULL && d->probe != NULL);
    }
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
    ASSERT(config->type_count <= PEERS_TYPES_MAX);
    p->config = *config;
    p->callbacks = *callbacks;
    p->refusals_told =
        bucket_of(REFUSALS_TOLD_PER_S, 4 * REFUSALS_TOLD_PER_S, net_now_ms());
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
    for (uint8_t i = 0; i < PEERS_MAX; i++)
        start_slot(p, i);
    *out = p;
    return ERR_NONE;
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
            struct dialler *d = &p->peer[i].dialler[k];

            if (d->timer != NULL)
                event_free(d->timer);
            if (d->probe != NULL)
                event_free(d->probe);
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

static uint8_t class_of(const struct peers *p, uint8_t channel, uint8_t type)
{
    uint32_t i = 0;

    while (i < p->config.type_count && (p->config.types[i].type != type ||
                                        p->config.types[i].channel != channel))
        i++;
    ASSERT(i < p->config.type_count);
    return p->config.types[i].class;
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
    e = conn_send(c, class_of(p, channel, type), type, payload);
    if (e == ERR_FULL && channel == CHANNEL_CONSENSUS)
        conn_close(c, "its consensus queue is full");
    else if (e != ERR_NONE)
        p->peer[slot].dropped++;
    return e;
}

void net_fault(struct peers *p, int index, uint8_t channel)
{
    const uint64_t now_ms = net_now_ms();
    struct peer *peer = &p->peer[index];

    score_fault(&peer->score, channel, now_ms);
    peer->dialler[channel].not_before_ms =
        now_ms + score_barred_ms(&peer->score, channel, now_ms);
}

void peers_misbehaved(struct peers *p,
                      uint8_t slot,
                      uint8_t channel,
                      const char *reason)
{
    struct conn *c = p->peer[slot].conn[channel];

    if (c != NULL && c->up) {
        conn_fault(c, reason);
        return;
    }
    /* It has gone meanwhile: found out all the same. */
    net_fault(p, slot, channel);
    net_refused(p, slot, reason);
}

void peers_drop(struct peers *p,
                uint8_t slot,
                uint8_t channel,
                const char *reason)
{
    struct conn *c = p->peer[slot].conn[channel];

    if (c == NULL || !c->up)
        return;
    log_unusual("net",
                "connection dropped",
                "peer=%u channel=%u reason=\"%s\"",
                slot,
                channel,
                reason);
    conn_close(c, NULL);
}

void peers_pause(struct peers *p, uint8_t slot, uint8_t channel, bool on)
{
    struct conn *c = p->peer[slot].conn[channel];

    if (c != NULL && c->up)
        conn_pause(c, PAUSE_CALLER, on);
}
