/* Who is let in, and what the peers are called: net/ has slots, which stay with
 * a key; the core has the validators' indices, which change with the epoch. */
#include "base/check.h"
#include "base/log.h"
#include "node/node.h"

#include <stdio.h>

const char *const node_role_names[NODE_ROLES] = {
    "validator", "candidate", "observer"};

_Static_assert(CORE_OBSERVER + PEERS_MAX <= CORE_PEERS,
               "every slot has a name in the core");

uint8_t link_id(const struct node *n, uint8_t slot)
{
    const struct pubkey *key = peers_key(n->peers, slot);
    const int index = key != NULL && !peers_is_source(n->peers, slot)
                          ? valset_find(&n->set, key)
                          : -1;

    return (uint8_t)(index >= 0 ? index : CORE_OBSERVER + slot);
}

int link_slot(const struct node *n, uint8_t id)
{
    if (id >= CORE_OBSERVER)
        return id - CORE_OBSERVER;
    return id < n->set.count ? peers_find(n->peers, &n->set.list[id].key) : -1;
}

bool link_is_validator(const struct node *n, uint8_t slot)
{
    return link_id(n, slot) < CORE_OBSERVER;
}

static void send_all(struct node *n,
                     bool observers,
                     uint8_t channel,
                     uint8_t type,
                     struct bytes payload)
{
    for (uint8_t slot = 0; slot < PEERS_MAX; slot++) {
        if (peers_is_up(n->peers, slot, channel) &&
            (observers || link_is_validator(n, slot)))
            (void)peers_send(n->peers, slot, channel, type, payload);
    }
}

void link_send(struct node *n,
               uint8_t id,
               uint8_t channel,
               uint8_t type,
               struct bytes payload)
{
    int slot;

    if (id == CORE_ALL) {
        send_all(n, true, channel, type, payload);
        return;
    }
    slot = link_slot(n, id);
    if (slot >= 0)
        (void)peers_send(n->peers, (uint8_t)slot, channel, type, payload);
}

void link_send_validators(struct node *n,
                          uint8_t channel,
                          uint8_t type,
                          struct bytes payload)
{
    send_all(n, false, channel, type, payload);
}

/* ---- who is let in ---- */

struct known {
    uint32_t count;
    struct peers_identity list[PEERS_MAX];
};

static const char *configured(const struct node *n, uint16_t institution)
{
    const struct config *c = &n->config;

    for (uint32_t i = 0; i < VALIDATORS_MAX; i++) {
        if (c->institution[i].institution == institution)
            return c->institution[i].text;
    }
    for (uint32_t i = 0; i < n->genesis->validator_count; i++) {
        if (n->genesis->validators[i].institution == institution)
            return c->peer[i];
    }
    return "";
}

/* institution 0: nobody dials it. */
static void add(const struct node *n,
                struct known *k,
                const struct pubkey *key,
                const struct hash *spki_hash,
                uint16_t institution)
{
    struct peers_identity *id = &k->list[k->count];

    for (uint32_t i = 0; i < k->count; i++) {
        if (memcmp(&k->list[i].key, key, sizeof *key) == 0)
            return;
    }
    if (k->count == PEERS_MAX) {
        log_unusual("net", "more peers are announced than are let in", NULL);
        return;
    }
    memset(id, 0, sizeof *id);
    id->key = *key;
    id->spki_hash = *spki_hash;
    id->validator = valset_find(&n->set, key) >= 0;
    if (institution != 0 &&
        config_split_address(id->host, &id->port, configured(n, institution)) !=
            ERR_NONE)
        id->port = 0;
    k->count++;
}

static bool runs_a_validator(const struct node *n, uint16_t institution)
{
    for (uint32_t i = 0; i < n->set.count; i++) {
        if (n->set.list[i].institution == institution)
            return true;
    }
    return false;
}

/* What a peer may cost goes with its key and its role, not with its slot or
 * with a connection. */
static void set_budget(struct node *n, uint8_t slot)
{
    static const struct pubkey nobody;
    const struct pubkey *key = peers_key(n->peers, slot);
    const struct link_holder now = {
        .key = key != NULL ? *key : nobody,
        .validator = key != NULL && valset_find(&n->set, key) >= 0};
    const uint32_t share = now.validator ? 1 : PEERS_OBSERVER_SHARE;
    const uint32_t served = (uint32_t)(n->config.peers_serve_mib << 20) / share;
    const uint32_t repairs = REPAIR_BYTES_PER_S / share;
    const uint64_t now_ms = node_now_ms();

    if (memcmp(&n->holders[slot], &now, sizeof now) == 0)
        return;
    n->holders[slot] = now;
    n->served[slot] = bucket_of(served, served, now_ms);
    n->repairs[slot] = bucket_of(repairs, 2 * repairs, now_ms);
    n->proposals[slot] = (struct proposals_seen){0};
}

/* The address of an institution is that of its validator; one that is announced
 * to take its place comes by itself. */
void links_on_refresh(evutil_socket_t fd, short what, void *ctx)
{
    struct node *n = ctx;
    struct known k = {.count = 0};

    (void)fd;
    (void)what;
    for (uint32_t i = 0; i < n->set.count; i++) {
        const struct validator *v = &n->set.list[i];

        add(n, &k, &v->key, &v->spki_hash, v->institution);
    }
    for (uint32_t i = 0; i < n->leaver_count; i++)
        add(n, &k, &n->leavers[i].is.key, &n->leavers[i].is.spki_hash, 0);
    for (uint32_t i = 0; i < n->candidate_count; i++) {
        const struct candidate_row *c = &n->candidates[i];

        add(n,
            &k,
            &c->key,
            &c->spki_hash,
            runs_a_validator(n, c->institution) ? 0 : c->institution);
    }
    peers_know(n->peers,
               k.list,
               k.count,
               n->set.epoch,
               n->me >= 0 ? HELLO_VALIDATOR : HELLO_OBSERVER);
    for (uint8_t slot = 0; slot < PEERS_MAX; slot++)
        set_budget(n, slot);
}

void links_refresh(struct node *n)
{
    if (n->links_event != NULL)
        event_active(n->links_event, EV_TIMEOUT, 0);
}

/* ---- who leaves (E10) ---- */

static bool leaves_already(const struct node *n, const struct pubkey *key)
{
    for (uint32_t i = 0; i < n->leaver_count; i++) {
        if (memcmp(&n->leavers[i].is.key, key, sizeof *key) == 0)
            return true;
    }
    return false;
}

void links_leave(struct node *n,
                 const struct valset *before,
                 const struct valset *after)
{
    for (uint32_t i = 0; i < before->count; i++) {
        const struct validator *v = &before->list[i];

        if (valset_find(after, &v->key) >= 0 || leaves_already(n, &v->key) ||
            n->leaver_count == VALIDATORS_MAX)
            continue;
        n->leavers[n->leaver_count++] =
            (struct leaver){.is = {.key = v->key, .spki_hash = v->spki_hash}};
    }
}

/* E10 leavers serve, and are served: who leaves is let in until f + 1 of the
 * new set are in the new epoch, and a while longer, so that it hears of it too.
 */
void links_tick(struct node *n)
{
    const uint32_t there =
        (uint32_t)__builtin_popcountll(n->claimed) + (n->me >= 0 ? 1u : 0u);
    const uint64_t now = node_now_ms();
    uint32_t kept = 0;

    if (n->leaver_count == 0)
        return;
    for (uint32_t i = 0; i < n->leaver_count; i++) {
        struct leaver l = n->leavers[i];

        if (l.until_ms == 0 && there > valset_faulty(n->set.count))
            l.until_ms = now + LEAVE_GRACE_MS;
        if (l.until_ms == 0 || now < l.until_ms)
            n->leavers[kept++] = l;
    }
    if (kept == n->leaver_count)
        return;
    n->leaver_count = kept;
    links_refresh(n);
}

enum node_role links_role(const struct node *n)
{
    if (n->me >= 0)
        return n->core->observer ? NODE_OBSERVER : NODE_VALIDATOR;
    for (uint32_t i = 0; i < n->candidate_count; i++) {
        if (memcmp(&n->candidates[i].key, &n->key, sizeof n->key) == 0)
            return NODE_CANDIDATE;
    }
    return NODE_OBSERVER;
}
