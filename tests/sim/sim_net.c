/* Packets, delays, partitions, and signatures that cost nothing. */
#include "base/check.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

struct sim_packet *sim_packet_new(struct sim *s, uint8_t type)
{
    struct sim_packet *p = s->free_packets;

    if (p != NULL)
        s->free_packets = p->next_free;
    else
        p = calloc(1, sizeof *p);
    ASSERT(p != NULL);
    p->refs = 1;
    p->type = type;
    buf_clear(&p->bytes);
    return p;
}

void sim_packet_drop(struct sim *s, struct sim_packet *p)
{
    ASSERT(p->refs > 0);
    if (--p->refs > 0)
        return;
    p->next_free = s->free_packets;
    s->free_packets = p;
}

bool sim_reaches(const struct sim *s, uint32_t a, uint32_t b)
{
    return (s->groups >> a & 1) == (s->groups >> b & 1) ||
           !s->nodes[a].correct || !s->nodes[b].correct;
}

uint64_t sim_delay(struct sim *s)
{
    const uint64_t d = sim_between(s, s->params.delay_lo, s->params.delay_hi);

    /* Most messages are quick; a few take the longest. */
    return sim_chance(s, 768) ? s->params.delay_lo + d / 8 : d;
}

static void send_one(struct sim *s,
                     uint32_t from,
                     uint32_t to,
                     struct sim_packet *packet)
{
    struct sim_node *receiver = &s->nodes[to];
    struct sim_ev ev = {.kind = EV_MESSAGE,
                        .node = (uint8_t)to,
                        .from = (uint8_t)from,
                        .life = receiver->life,
                        .sender_life = s->nodes[from].life,
                        .packet = packet};

    if (!receiver->up || !sim_reaches(s, from, to) ||
        sim_chance(s, s->params.loss))
        return;
    do {
        ev.at = s->now + sim_delay(s);
        packet->refs++;
        sim_push(s, ev);
    } while (sim_chance(s, s->params.dup));
}

void sim_send(struct sim *s,
              uint32_t from,
              uint8_t to,
              struct sim_packet *packet)
{
    for (uint32_t i = 0; i < s->params.n; i++) {
        if (i != from && (to == CORE_ALL || to == i))
            send_one(s, from, i, packet);
    }
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h ^= v;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t seal(uint64_t key,
                     uint8_t kind,
                     uint64_t epoch,
                     const struct candidate *about)
{
    uint64_t h = mix(key, kind + epoch * 7);
    uint64_t part[HASH_BYTES / 8];

    memcpy(part, about->block.raw, sizeof part);
    h = mix(h, about->view);
    h = mix(h, about->parent_view);
    h = mix(h, about->height);
    for (uint32_t i = 0; i < ARRAY_LEN(part); i++)
        h = mix(h, part[i]);
    return h;
}

void sim_sign(const struct sim *s, struct vote *v)
{
    const uint64_t h =
        seal(s->nodes[v->signer].key, v->kind, v->epoch, &v->about);

    memset(&v->sig, 0, sizeof v->sig);
    memcpy(v->sig.raw, &h, sizeof h);
}

static bool sig_ok(const struct sim *s,
                   uint32_t signer,
                   uint8_t kind,
                   uint64_t epoch,
                   const struct candidate *about,
                   const struct signature *sig)
{
    const uint64_t h = seal(s->nodes[signer].key, kind, epoch, about);

    return memcmp(sig->raw, &h, sizeof h) == 0;
}

bool sim_vote_ok(const struct sim *s, const struct vote *v)
{
    return v->signer < s->params.n && v->epoch == s->config.epoch &&
           sig_ok(s, v->signer, v->kind, v->epoch, &v->about, &v->sig);
}

/* Under two mutants a certificate is smaller than it should be. */
static uint32_t signers_needed(const struct sim *s)
{
    const uint32_t n = s->params.n;

    if (s->mutant == MUTANT_SMALL_QUORUM)
        return 2 * valset_faulty(n) + 1;
    if (s->mutant == MUTANT_DUPLICATE_SIGNER)
        return valset_quorum(n) - 1;
    return valset_quorum(n);
}

bool sim_cert_ok(const struct sim *s, const struct cert *c)
{
    const uint32_t count = (uint32_t)__builtin_popcount(c->bitmap);
    uint32_t at = 0;

    if (c->epoch != s->config.epoch || c->bitmap >> s->params.n != 0 ||
        count < signers_needed(s) || count > valset_quorum(s->params.n))
        return false;
    for (uint32_t i = 0; i < s->params.n; i++) {
        if ((c->bitmap >> i & 1) != 0 &&
            !sig_ok(s, i, c->kind, c->epoch, &c->about, &c->sigs[at++]))
            return false;
    }
    return true;
}
