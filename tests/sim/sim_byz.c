/* Byzantine nodes.  Each runs a core that only observes, so that it knows what
 * an attacker would know, and sends what it likes under its own key. */
#include "base/check.h"
#include "tests/sim/sim.h"

static void send_vote(struct sim *s,
                      uint32_t i,
                      uint8_t to,
                      uint8_t kind,
                      const struct candidate *about)
{
    struct vote v = {.kind = kind,
                     .epoch = s->config.epoch,
                     .about = *about,
                     .signer = (uint8_t)i};
    struct sim_packet *p = sim_packet_new(s, MSG_VOTE);
    struct writer w =
        writer_of(buf_append(&p->bytes, NULL, VOTE_BYTES), VOTE_BYTES);

    if (kind == VOTE_NULLIFY)
        v.about = (struct candidate){.view = about->view};
    sim_sign(s, &v);
    vote_encode(&w, &v);
    p->bytes.size = w.size;
    sim_send(s, i, to, p);
    sim_packet_drop(s, p);
}

static uint8_t anyone(struct sim *s)
{
    return sim_chance(s, 256) ? CORE_ALL
                              : (uint8_t)sim_between(s, 0, s->params.n - 1);
}

static void random_votes(struct sim *s, uint32_t i)
{
    const struct sim_node *node = &s->nodes[i];
    const uint32_t count = node->seen_count < ARRAY_LEN(node->seen)
                               ? node->seen_count
                               : (uint32_t)ARRAY_LEN(node->seen);
    const struct candidate now = {.view =
                                      node->core->view + sim_between(s, 0, 3)};

    for (int k = 0; k < 4 && count > 0; k++) {
        const struct candidate *c = &node->seen[sim_between(s, 0, count - 1)];

        send_vote(s,
                  i,
                  anyone(s),
                  (uint8_t)sim_between(s, VOTE_NOTARIZE, VOTE_FINALIZE),
                  c);
    }
    if (sim_chance(s, 256))
        send_vote(s, i, anyone(s), VOTE_NULLIFY, &now);
}

/* A parent the rules allow, or one they do not. */
static struct candidate some_parent(struct sim *s, const struct sim_node *node)
{
    const struct core *c = node->core;
    uint64_t p = c->view - 1;

    for (; p > c->fin.view; p--) {
        const struct core_cert_slot *slot = &c->certs[p % CORE_CERT_SLOTS];
        const bool usable = slot->view == p && slot->has_n;

        if (usable &&
            ((node->byz & BYZ_OLD_PARENTS) == 0 || sim_chance(s, 512)))
            return slot->n.about;
    }
    return c->fin;
}

static void send_proposal(struct sim *s,
                          uint32_t i,
                          uint32_t to_mask,
                          const struct candidate *about,
                          uint32_t block)
{
    const struct cert *certs[MSG_CERTS_MAX];
    const uint32_t count =
        core_justification(s->nodes[i].core, about, certs, MSG_CERTS_MAX);
    const struct sim_block *b = &s->blocks[block];
    struct vote v = {.kind = VOTE_NOTARIZE,
                     .epoch = s->config.epoch,
                     .about = *about,
                     .signer = (uint8_t)i};
    struct sim_packet *p = sim_packet_new(s, MSG_PROPOSAL);
    struct writer w = writer_of(
        buf_append(
            &p->bytes, NULL, 2048 + b->body.size + count * CERT_BYTES_MAX),
        2048 + b->body.size + count * CERT_BYTES_MAX);

    sim_sign(s, &v);
    msg_proposal_encode(&w,
                        about,
                        &v,
                        block != 0 ? buf_bytes(&b->header_bytes)
                                   : bytes_of(NULL, 0),
                        certs,
                        count,
                        block != 0 ? buf_bytes(&b->body) : bytes_of(NULL, 0));
    ASSERT(writer_ok(&w));
    p->bytes.size = w.size;
    for (uint8_t to = 0; to < s->params.n; to++) {
        if ((to_mask >> to & 1) != 0 && to != i)
            sim_send(s, i, to, p);
    }
    sim_packet_drop(s, p);
}

/* A block on the parent with these transactions; with a wrong root if bad. */
static uint32_t make_block(struct sim *s,
                           uint32_t i,
                           const struct candidate *parent,
                           bool bad)
{
    struct sim_node *node = &s->nodes[i];
    const uint32_t parent_block = sim_block_find(s, &parent->block);
    struct sim_block b = {.header = s->blocks[parent_block].header};
    uint32_t tx;

    if (s->tx_count == 0 || node->height != parent->height)
        return 0;
    tx = (uint32_t)sim_between(s, 0, s->tx_count - 1);
    b.header.view = node->core->view;
    b.header.proposer = (uint16_t)i;
    b.header.height = parent->height + 1;
    b.header.parent_hash = parent->block;
    b.header.time_ms =
        s->blocks[0].header.time_ms + s->now / SIM_MS + sim_between(s, 0, 2000);
    if (b.header.time_ms <= s->blocks[parent_block].header.time_ms)
        b.header.time_ms = s->blocks[parent_block].header.time_ms + 1;
    if (!s->ops->build(node->app, &b, &tx, 1)) {
        buf_deinit(&b.body);
        return 0;
    }
    if (bad)
        b.header.state_root.raw[0] ^= 1;
    return sim_block_put(s, &b);
}

static void lead(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const uint32_t all = (1u << s->params.n) - 1;
    const bool twice = (node->byz & BYZ_EQUIVOCATE) != 0;
    const uint32_t half = twice ? (uint32_t)sim_between(s, 0, all) : all;

    for (int k = 0; k < (twice ? 2 : 1); k++) {
        const struct candidate parent = some_parent(s, node);
        struct candidate about = {.view = node->core->view,
                                  .parent_view = parent.view,
                                  .height = parent.height,
                                  .block = parent.block};
        const bool bad =
            (node->byz & BYZ_BAD_BLOCKS) != 0 && sim_chance(s, 512);
        uint32_t block = 0;

        if (sim_chance(s, 768))
            block = make_block(s, i, &parent, bad);
        if (block != 0) {
            about.height = s->blocks[block].header.height;
            about.block = s->blocks[block].hash;
        }
        send_proposal(s, i, k == 0 ? half : all & ~half, &about, block);
    }
}

void sim_byz_tick(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const struct candidate now = {.view = node->core->view};

    if ((node->byz & BYZ_SILENT) != 0 || !node->up)
        return;
    if (core_leader(node->core, node->core->view) == i &&
        (node->byz & (BYZ_EQUIVOCATE | BYZ_BAD_BLOCKS | BYZ_OLD_PARENTS)) !=
            0 &&
        sim_chance(s, 512))
        lead(s, i);
    if ((node->byz & BYZ_RANDOM_VOTES) != 0)
        random_votes(s, i);
    if ((node->byz & BYZ_NULLIFY) != 0)
        send_vote(s, i, CORE_ALL, VOTE_NULLIFY, &now);
}
