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
    p->view = 0; /* about none, unless the sender says so */
    p->form = p->seal = NOT_KNOWN;
    p->serial = ++s->packets;
    buf_clear(&p->bytes);
    return p;
}

struct writer sim_packet_writer(struct sim_packet *p, size_t max)
{
    buf_reserve(&p->bytes, max);
    return writer_of(p->bytes.at, max);
}

void sim_packet_done(struct sim_packet *p, const struct writer *w)
{
    ASSERT(writer_ok(w));
    p->bytes.size = w->size;
}

void sim_packet_drop(struct sim *s, struct sim_packet *p)
{
    ASSERT(p->refs > 0);
    if (--p->refs > 0)
        return;
    p->next_free = s->free_packets;
    s->free_packets = p;
}

/* An attacker's links are not disturbed; it has friends everywhere. */
bool sim_reaches(const struct sim *s, uint32_t from, uint32_t to, uint64_t view)
{
    if (s->family != NULL)
        return sim_script_lets(s, from, to, view);
    return ((s->groups >> from & 1) == (s->groups >> to & 1) &&
            (s->nodes[from].cut >> to & 1) == 0) ||
           s->nodes[from].byz != 0 || s->nodes[to].byz != 0;
}

uint64_t sim_delay(struct sim *s)
{
    const uint64_t d =
        sim_between(s, RNG_DELAY, s->params.delay_lo, s->params.delay_hi);

    /* Most messages are quick; a few take the longest. */
    return sim_chance(s, RNG_DELAY, 768) ? s->params.delay_lo + d / 8 : d;
}

/* When a message that leaves now arrives. */
static uint64_t arrival(struct sim *s,
                        uint32_t from,
                        uint32_t to,
                        uint64_t late_us)
{
    uint64_t *latest = &s->nodes[from].sent_at[to];
    const uint64_t takes = sim_delay(s);
    uint64_t at = s->now + takes + late_us;

    if (takes >= 100 * SIM_MS)
        sim_note(s, FAULT_DELAY);
    if (at < *latest) {
        if (s->params.fifo)
            at = *latest;
        else
            sim_note(s, FAULT_REORDER);
    }
    if (at > *latest)
        *latest = at;
    return at;
}

/* Of some views somebody hears nothing: who has heard of all of them is nobody
 * after a while. */
static bool in_hole(const struct sim *s, uint32_t to, uint64_t view)
{
    const uint64_t h = sim_mix(s->seed * 1000003u + view);

    return (h & 1023) < s->params.hole && (h >> 10) % s->params.n == to;
}

static void send_one(struct sim *s,
                     uint32_t from,
                     uint32_t to,
                     struct sim_packet *packet,
                     uint64_t late_us)
{
    struct sim_node *receiver = &s->nodes[to];
    struct sim_ev ev = {.kind = EV_MESSAGE,
                        .node = (uint8_t)to,
                        .from = (uint8_t)from,
                        .life = receiver->life,
                        .sender_life = s->nodes[from].life,
                        .packet = packet};

    if (!receiver->up || !sim_reaches(s, from, to, packet->view))
        return;
    if (s->nodes[from].byz != 0 && sim_byz_withholds(s, from, to, packet->type))
        return;
    if (s->params.hole != 0 && in_hole(s, to, packet->view)) {
        sim_note(s, FAULT_HOLE);
        return;
    }
    if (sim_chance(s, RNG_LOSS, s->params.loss)) {
        sim_note(s, FAULT_LOSS);
        return;
    }
    for (;;) {
        ev.at = arrival(s, from, to, late_us);
        packet->refs++;
        sim_push(s, ev);
        if (!sim_chance(s, RNG_DUP, s->params.dup))
            break;
        sim_note(s, FAULT_DUP);
    }
}

void sim_send(struct sim *s,
              uint32_t from,
              uint32_t to,
              struct sim_packet *packet,
              uint64_t late_us)
{
    const uint8_t me = s->nodes[from].id;

    for (uint32_t i = 0; i < s->instances; i++) {
        const uint8_t id = s->nodes[i].id;

        if (id != me && (to >> id & 1) != 0)
            send_one(s, from, i, packet, late_us);
    }
}

static inline uint64_t fold(uint64_t h, uint64_t v)
{
    h ^= v;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* What is signed, as one number. */
static uint64_t gist(uint8_t kind,
                     uint64_t epoch,
                     const struct candidate *about)
{
    uint64_t part[HASH_BYTES / 8];
    uint64_t h = fold(kind, epoch);

    memcpy(part, about->block.raw, sizeof part);
    h = fold(h, about->view);
    h = fold(h, about->parent_view);
    h = fold(h, about->height);
    for (uint32_t i = 0; i < ARRAY_LEN(part); i++)
        h = fold(h, part[i]);
    return h;
}

void sim_sign(const struct sim_node *node, struct vote *v)
{
    const uint64_t h = fold(node->secret, gist(v->kind, v->epoch, &v->about));

    memset(&v->sig, 0, sizeof v->sig);
    memcpy(v->sig.raw, &h, sizeof h);
}

/* Every byte of it counts. */
static bool sig_ok(const struct sim *s,
                   const struct sim_epoch *e,
                   uint32_t signer,
                   uint64_t about,
                   const struct signature *sig)
{
    const uint64_t h = fold(s->nodes[e->who[signer]].secret, about);
    uint64_t word[SIGNATURE_BYTES / 8];
    uint64_t rest = 0;

    memcpy(word, sig->raw, sizeof word);
    for (uint32_t i = 1; i < ARRAY_LEN(word); i++)
        rest |= word[i];
    return word[0] == h && rest == 0;
}

bool sim_vote_ok(const struct sim *s, const struct vote *v)
{
    const struct sim_epoch *e = sim_epoch(s, v->epoch);

    return e != NULL && v->signer < e->n &&
           sig_ok(s, e, v->signer, gist(v->kind, v->epoch, &v->about), &v->sig);
}

/* Under two mutants a certificate is smaller than it should be. */
static uint32_t signers_needed(const struct sim *s, uint32_t n)
{
    if (s->mutant == MUTANT_SMALL_QUORUM)
        return 2 * valset_faulty(n) + 1;
    if (s->mutant == MUTANT_DUPLICATE_SIGNER)
        return valset_quorum(n) - 1;
    return valset_quorum(n);
}

bool sim_cert_ok(const struct sim *s, const struct cert *c)
{
    const uint32_t count = (uint32_t)__builtin_popcount(c->bitmap);
    const struct sim_epoch *e = sim_epoch(s, c->epoch);
    uint64_t about;
    uint32_t at = 0;

    if (e == NULL || c->bitmap >> e->n != 0 ||
        count < signers_needed(s, e->n) || count > valset_quorum(e->n))
        return false;
    about = gist(c->kind, c->epoch, &c->about);
    for (uint32_t left = c->bitmap; left != 0; left &= left - 1) {
        if (!sig_ok(s, e, (uint32_t)__builtin_ctz(left), about, &c->sigs[at++]))
            return false;
    }
    return true;
}
