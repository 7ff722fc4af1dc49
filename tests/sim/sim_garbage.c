/* What an attacker sends without thinking: old messages once more, bytes that
 * mean nothing, and messages that nearly mean something. */
#include "tests/sim/sim.h"

static const uint8_t types[] = {
    MSG_PROPOSAL, MSG_VOTE, MSG_CERT, MSG_STATUS, MSG_EPOCH_END};

/* Keeps some of what passes through its hands. */
void sim_byz_keep(struct sim *s, uint32_t i, struct sim_packet *p)
{
    struct sim_node *node = &s->nodes[i];
    struct sim_packet **place;

    if ((node->byz & (SIM_BIT(BYZ_REPLAY) | SIM_BIT(BYZ_GARBAGE))) == 0 ||
        !sim_chance(s, RNG_BYZ, 128))
        return;
    place = &node->old[node->old_count++ % SIM_OLD_MAX];
    if (*place != NULL)
        sim_packet_drop(s, *place);
    *place = p;
    p->refs++;
}

static struct sim_packet *an_old_one(struct sim *s, const struct sim_node *node)
{
    return node->old[sim_between(s, RNG_BYZ, 0, SIM_OLD_MAX - 1)];
}

void sim_byz_send_again(struct sim *s, uint32_t i)
{
    const uint32_t keys = s->params.n + s->params.spare;
    struct sim_packet *p = an_old_one(s, &s->nodes[i]);

    if (p == NULL)
        return;
    sim_note(s, BYZ_REPLAY);
    sim_send(s,
             i,
             1u << sim_between(s, RNG_BYZ, 0, keys - 1),
             p,
             sim_between(s, RNG_BYZ, 0, 3000) * SIM_MS);
}

static void change(struct sim *s, struct buf *b)
{
    const uint64_t changes = sim_between(s, RNG_BYZ, 1, 4);

    for (uint64_t k = 0; k < changes && b->size > 0; k++)
        b->at[sim_between(s, RNG_BYZ, 0, b->size - 1)] ^=
            (uint8_t)(1u << sim_between(s, RNG_BYZ, 0, 7));
    if (sim_chance(s, RNG_BYZ, 200))
        b->size = sim_between(s, RNG_BYZ, 0, b->size);
    if (sim_chance(s, RNG_BYZ, 200))
        buf_append(b, NULL, sim_between(s, RNG_BYZ, 1, 40));
}

void sim_byz_garbage(struct sim *s, uint32_t i)
{
    const struct sim_packet *old = an_old_one(s, &s->nodes[i]);
    struct sim_packet *p =
        sim_packet_new(s, types[sim_between(s, RNG_BYZ, 0, sizeof types - 1)]);

    sim_note(s, BYZ_GARBAGE);
    if (old != NULL && sim_chance(s, RNG_BYZ, 768)) {
        if (sim_chance(s, RNG_BYZ, 900))
            p->type = old->type;
        buf_append(&p->bytes, old->bytes.at, old->bytes.size);
        change(s, &p->bytes);
    } else {
        const uint64_t size = sim_between(s, RNG_BYZ, 0, 400);

        for (uint64_t k = 0; k < size; k++)
            *buf_append(&p->bytes, NULL, 1) = (uint8_t)sim_random(s, RNG_BYZ);
    }
    sim_send(s, i, sim_everybody(s), p, 0);
    sim_packet_drop(s, p);
}
