#include "net/peers.h"

#include "base/check.h"
#include "net/conn.h"

#include <stdio.h>

/* Who is let in, and in which slot. */

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
        if (peer->dialler[k].waiting != NULL)
            conn_close(peer->dialler[k].waiting, NULL);
        if (peer->conn[k] != NULL)
            conn_close(peer->conn[k], NULL);
    }
}

/* The last frame of a connection that leaves is sent all the same. */
static void disown(struct peers *p, uint8_t slot)
{
    for (struct conn *c = p->all; c != NULL; c = c->next) {
        if (c->index == slot)
            c->index = -1;
    }
}

static void forget(struct peers *p, uint8_t slot)
{
    struct peer *peer = &p->peer[slot];
    struct event *timers[CHANNELS];
    struct event *probes[CHANNELS];

    peer->known = false; /* nobody dials it again */
    hang_up(peer);
    disown(p, slot);
    for (uint8_t k = 0; k < CHANNELS; k++) {
        timers[k] = peer->dialler[k].timer;
        probes[k] = peer->dialler[k].probe;
        event_del(timers[k]);
        event_del(probes[k]);
    }
    memset(peer, 0, sizeof *peer);
    for (uint8_t k = 0; k < CHANNELS; k++) {
        peer->dialler[k].timer = timers[k];
        peer->dialler[k].probe = probes[k];
    }
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

/* N3 */
static void set_rates(struct peers *p, struct peer *peer)
{
    const uint32_t share = peer->is.validator ? 1 : PEERS_OBSERVER_SHARE;

    for (uint32_t t = 0; t < p->config.type_count; t++) {
        const uint32_t whole = p->config.types[t].per_s;
        const uint32_t per_s = whole / share > 0 ? whole / share : 1;

        if (whole > 0)
            peer->rate[t] = bucket_of(per_s, 2 * per_s, net_now_ms());
    }
}

static void call(struct peers *p, uint8_t slot)
{
    for (uint8_t k = 0; k < CHANNELS; k++) {
        if (p->peer[slot].conn[k] != NULL)
            continue;
        if (net_dials(p, slot))
            net_dial(p, slot, k);
        else
            net_dial_later(p, slot, k);
    }
}

static void begin(struct peers *p,
                  uint8_t slot,
                  const struct peers_identity *id)
{
    struct peer *peer = &p->peer[slot];

    peer->known = true;
    peer->self = memcmp(&id->key, &p->config.self, sizeof id->key) == 0;
    peer->is = *id;
    set_rates(p, peer);
    for (uint8_t k = 0; k < CHANNELS; k++) {
        struct dialler *d = &peer->dialler[k];

        *d = (struct dialler){.peers = p,
                              .index = slot,
                              .channel = k,
                              .back_off_ms = 100,
                              .timer = d->timer,
                              .probe = d->probe};
    }
    call(p, slot);
}

static void change(struct peers *p,
                   uint8_t slot,
                   const struct peers_identity *id)
{
    struct peer *peer = &p->peer[slot];
    const bool same = hash_eq(&peer->is.spki_hash, &id->spki_hash);
    const bool role = peer->is.validator == id->validator;
    const bool moved =
        peer->is.port != id->port || strcmp(peer->is.host, id->host) != 0;

    peer->is = *id;
    if (!role)
        set_rates(p, peer);
    if (!same || peers_is_source(p, slot))
        hang_up(peer); /* dialled again */
    else if (moved)
        call(p, slot);
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
    p->validators = 0;
    for (uint8_t i = 0; i < PEERS_MAX; i++) {
        if (p->peer[i].known && !listed(list, count, &p->peer[i].is.key))
            forget(p, i);
    }
    for (uint32_t i = 0; i < count; i++) {
        const int slot = peers_find(p, &list[i].key);
        const int place = slot >= 0 ? slot : free_slot(p);

        ASSERT(place >= 0);
        p->validators += list[i].validator ? 1 : 0;
        if (slot >= 0)
            change(p, (uint8_t)place, &list[i]);
        else
            begin(p, (uint8_t)place, &list[i]);
    }
}

void peers_set_address(struct peers *p,
                       uint8_t slot,
                       const char *host,
                       uint16_t port)
{
    struct peers_identity *is = &p->peer[slot].is;

    snprintf(is->host, sizeof is->host, "%s", host);
    is->port = port;
    call(p, slot);
}
