/* Byzantine nodes.  Some run a core that only observes, so that they know what
 * an attacker would know; some run one that votes, and break rules beside it.
 * Either sends what it likes under its own key. */
#include "base/check.h"
#include "base/num.h"
#include "consensus/core_state.h"
#include "tests/sim/sim.h"

static bool does(const struct sim_node *node, enum sim_fault f)
{
    return (node->byz & SIM_BIT(f)) != 0;
}

/* to: bitmap of keys. */
static void send_vote(struct sim *s, uint32_t i, uint32_t to, struct vote *v)
{
    struct sim_packet *p = sim_packet_new(s, MSG_VOTE);
    struct writer w = sim_packet_writer(p, VOTE_BYTES);

    v->signer = (uint8_t)sim_index(s, i);
    if (v->kind == VOTE_NULLIFY)
        v->about = (struct candidate){.view = v->about.view};
    sim_sign(&s->nodes[i], v);
    vote_encode(&w, v);
    sim_packet_done(p, &w);
    if (s->trace)
        sim_tell_vote(s, i, v, to);
    sim_byz_keep(s, i, p);
    sim_send(s, i, to, p, 0);
    sim_packet_drop(s, p);
}

static uint32_t anyone(struct sim *s, uint32_t i)
{
    const uint32_t n = s->nodes[i].room.core->config.n;

    if (sim_chance(s, RNG_BYZ, 256))
        return sim_everybody(s);
    return sim_whom(s, i, (uint8_t)sim_between(s, RNG_BYZ, 0, n - 1), true);
}

static const struct candidate *anything(struct sim *s,
                                        const struct sim_node *node)
{
    const uint64_t count = num_min_u64(node->seen_count, ARRAY_LEN(node->seen));

    return count == 0 ? NULL
                      : &node->seen[sim_between(s, RNG_BYZ, 0, count - 1)];
}

/* Any kind of vote for what was seen, now or earlier, to anybody. */
static void random_votes(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    struct vote v = {.epoch = node->room.core->config.epoch};

    for (int k = 0; k < 4; k++) {
        const struct candidate *c = anything(s, node);

        if (c == NULL)
            break;
        sim_note(s, BYZ_VOTES);
        v.kind = (uint8_t)sim_between(s, RNG_BYZ, VOTE_NOTARIZE, VOTE_FINALIZE);
        v.about = *c;
        send_vote(s, i, anyone(s, i), &v);
    }
    if (sim_chance(s, RNG_BYZ, 256)) {
        v.kind = VOTE_NULLIFY;
        v.about.view = node->room.core->view + sim_between(s, RNG_BYZ, 0, 3);
        send_vote(s, i, anyone(s, i), &v);
    }
}

/* Far ahead: within the window of votes, at its edge, and beyond. */
static uint64_t far_view(struct sim *s, const struct sim_node *node)
{
    static const uint64_t ahead[] = {1,
                                     2,
                                     3,
                                     CORE_VOTE_WINDOW - 1,
                                     CORE_VOTE_WINDOW,
                                     CORE_VOTE_WINDOW + 1,
                                     CORE_CERT_SLOTS,
                                     1ull << 40,
                                     UINT64_MAX / 4};

    return node->room.core->view +
           ahead[sim_between(s, RNG_BYZ, 0, ARRAY_LEN(ahead) - 1)];
}

static void future_votes(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const struct candidate *c = anything(s, node);
    struct vote v = {.epoch = node->room.core->config.epoch};

    if (c == NULL)
        return;
    sim_note(s, BYZ_FUTURE);
    v.kind = (uint8_t)sim_between(s, RNG_BYZ, VOTE_NOTARIZE, VOTE_FINALIZE);
    v.about = *c;
    v.about.view = far_view(s, node);
    v.about.parent_view =
        sim_chance(s, RNG_BYZ, 512) ? c->view : v.about.view - 1;
    send_vote(s, i, anyone(s, i), &v);
}

static void other_epochs(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const struct candidate *c = anything(s, node);
    struct vote v = {.epoch = node->room.core->config.epoch +
                              (sim_chance(s, RNG_BYZ, 512) ? 1 : UINT64_MAX)};

    sim_note(s, BYZ_EPOCH);
    v.kind = VOTE_NULLIFY;
    v.about.view = node->room.core->view;
    if (c != NULL && sim_chance(s, RNG_BYZ, 512)) {
        v.kind = VOTE_FINALIZE;
        v.about = *c;
    }
    send_vote(s, i, anyone(s, i), &v);
}

/* ---- as leader ---- */

/* A parent the rules allow, or one they do not. */
static struct candidate some_parent(struct sim *s, const struct sim_node *node)
{
    const struct core *c = node->room.core;
    uint64_t p = c->view - 1;

    for (; p > c->fin.view; p--) {
        const struct core_cert_slot *slot = cert_slot_if(c, p);

        if (slot == NULL || !slot->has_n)
            continue;
        if (!does(node, BYZ_OLD_PARENTS) || sim_chance(s, RNG_BYZ, 512))
            return slot->n.about;
        sim_note(s, BYZ_OLD_PARENTS);
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
        core_justification(s->nodes[i].room.core, about, certs, MSG_CERTS_MAX);
    const struct sim_block *b = &s->blocks[block];
    const struct sim_node *node = &s->nodes[i];
    const bool bare = does(node, BYZ_WITHHOLD) && sim_chance(s, RNG_BYZ, 512);
    struct vote v = {.kind = VOTE_NOTARIZE,
                     .epoch = node->room.core->config.epoch,
                     .about = *about,
                     .signer = (uint8_t)sim_index(s, i)};
    struct sim_packet *p = sim_packet_new(s, MSG_PROPOSAL);
    struct writer w =
        sim_packet_writer(p, 2048 + b->body.size + count * CERT_BYTES_MAX);

    sim_sign(node, &v);
    msg_proposal_encode(
        &w,
        about,
        &v,
        block != 0 ? buf_bytes(&b->header_bytes) : bytes_of(NULL, 0),
        certs,
        count,
        block != 0 && !bare ? buf_bytes(&b->body) : bytes_of(NULL, 0));
    sim_packet_done(p, &w);
    if (s->trace)
        sim_tell_vote(s, i, &v, to_mask);
    sim_byz_keep(s, i, p);
    for (uint8_t to = 0; to < node->room.core->config.n; to++) {
        if ((to_mask >> to & 1) != 0)
            sim_send(s,
                     i,
                     sim_whom(s, i, to, true),
                     p,
                     sim_byz_late_us(s, i, MSG_PROPOSAL));
    }
    sim_packet_drop(s, p);
}

/* A block on the parent with one transaction; with a wrong root if bad. */
static uint32_t make_block(struct sim *s,
                           uint32_t i,
                           const struct candidate *parent,
                           uint64_t view,
                           bool bad)
{
    struct sim_node *node = &s->nodes[i];
    const uint32_t parent_block = sim_block_find(s, &parent->block);
    const struct header *on = &s->blocks[parent_block].header;
    struct sim_block b = {.header = *on};
    uint32_t tx;

    if (s->tx_count == 0 || node->height != parent->height)
        return 0;
    tx = (uint32_t)sim_between(s, RNG_BYZ, 0, s->tx_count - 1);
    b.header.view = view;
    b.header.epoch = node->room.core->config.epoch;
    b.header.flags = 0;
    b.header.proposer = (uint16_t)sim_index(s, i);
    b.header.height = parent->height + 1;
    b.header.parent_hash = parent->block;
    b.header.time_ms =
        num_max_u64(sim_wall_ms(s, node) + sim_between(s, RNG_BYZ, 0, 2000),
                    on->time_ms + 1);
    if (!s->ops->build(node->app, &b, &tx, 1)) {
        buf_deinit(&b.body);
        return 0;
    }
    if (bad) {
        sim_note(s, BYZ_BAD_BLOCKS);
        b.header.state_root.raw[0] ^= 1;
    }
    return sim_block_put(s, &b);
}

static void lead(struct sim *s, uint32_t i, uint64_t view)
{
    struct sim_node *node = &s->nodes[i];
    const uint32_t all = (1u << node->room.core->config.n) - 1;
    const bool twice = does(node, BYZ_EQUIVOCATE);
    const uint32_t half =
        twice ? (uint32_t)sim_between(s, RNG_BYZ, 0, all) : all;

    if (twice)
        sim_note(s, BYZ_EQUIVOCATE);
    for (int k = 0; k < (twice ? 2 : 1); k++) {
        const struct candidate parent = some_parent(s, node);
        struct candidate about = {.view = view,
                                  .parent_view = parent.view,
                                  .height = parent.height,
                                  .block = parent.block};
        const bool bad =
            does(node, BYZ_BAD_BLOCKS) && sim_chance(s, RNG_BYZ, 512);
        uint32_t block = 0;

        /* The name of one parent, the block of another. */
        if (does(node, BYZ_OLD_PARENTS) && sim_chance(s, RNG_BYZ, 256)) {
            sim_note(s, BYZ_OLD_PARENTS);
            about.parent_view =
                sim_between(s, RNG_BYZ, node->room.core->fin.view, view - 1);
        }

        if (sim_chance(s, RNG_BYZ, 768))
            block = make_block(s, i, &parent, view, bad);
        if (block != 0) {
            about.height = s->blocks[block].header.height;
            about.block = s->blocks[block].hash;
        }
        send_proposal(s, i, k == 0 ? half : all & ~half, &about, block);
    }
}

/* Its next turn, as if all views until then had been. */
static void lead_early(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    uint64_t view = node->room.core->view + 1;

    while ((int)core_leader(node->room.core, view) != sim_index(s, i))
        view++;
    sim_note(s, BYZ_FUTURE);
    lead(s,
         i,
         view + node->room.core->config.n * sim_between(s, RNG_BYZ, 0, 20));
}

/* ---- the rest ---- */

bool sim_byz_withholds(struct sim *s, uint32_t i, uint32_t to, uint8_t type)
{
    const struct sim_node *node = &s->nodes[i];
    uint64_t victims;

    if (does(node, BYZ_SILENT)) {
        sim_note(s, BYZ_SILENT);
        return true;
    }
    if (!does(node, BYZ_WITHHOLD))
        return false;
    /* Other victims for each kind of message, and every two seconds. */
    victims = sim_mix(s->seed + i * 1000003u + type * 8191u +
                      (s->now >> 21) * 131071u);
    if ((victims >> to & 1) == 0)
        return false;
    sim_note(s, BYZ_WITHHOLD);
    return true;
}

uint64_t sim_byz_late_us(struct sim *s, uint32_t i, uint8_t type)
{
    struct sim_node *node = &s->nodes[i];
    const struct core *c = node->room.core;
    uint64_t at;

    if (type != MSG_PROPOSAL || !does(node, BYZ_LATE))
        return 0;
    at = node->entered_at + timeout_ms(c, c->config.timers.t_leader_ms) *
                                sim_between(s, RNG_BYZ, 800, 1000);
    if (at <= s->now)
        return 0;
    sim_note(s, BYZ_LATE);
    return at - s->now;
}

static void nullify_for_ever(struct sim *s, uint32_t i)
{
    const struct sim_node *node = &s->nodes[i];
    struct vote v = {.kind = VOTE_NULLIFY,
                     .epoch = node->room.core->config.epoch,
                     .about = {.view = s->nodes[i].room.core->view}};

    sim_note(s, BYZ_NULLIFY);
    send_vote(s, i, sim_everybody(s), &v);
}

void sim_byz_tick(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const struct core *c = node->room.core;
    const int me = sim_index(s, i);
    const uint64_t proposes =
        SIM_BIT(BYZ_EQUIVOCATE) | SIM_BIT(BYZ_BAD_BLOCKS) |
        SIM_BIT(BYZ_OLD_PARENTS) | SIM_BIT(BYZ_WITHHOLD) | SIM_BIT(BYZ_LATE);

    if (does(node, BYZ_SILENT) || !node->up)
        return;
    if (does(node, BYZ_REPLAY))
        sim_byz_send_again(s, i);
    if (does(node, BYZ_GARBAGE))
        sim_byz_garbage(s, i);
    if (me < 0)
        return; /* it has nothing to sign with */
    if ((int)core_leader(c, c->view) == me && (node->byz & proposes) != 0 &&
        sim_chance(s, RNG_BYZ, 512))
        lead(s, i, c->view);
    if (does(node, BYZ_VOTES))
        random_votes(s, i);
    if (does(node, BYZ_NULLIFY))
        nullify_for_ever(s, i);
    if (does(node, BYZ_EPOCH) && sim_chance(s, RNG_BYZ, 256))
        other_epochs(s, i);
    if (does(node, BYZ_FUTURE) && sim_chance(s, RNG_BYZ, 512)) {
        future_votes(s, i);
        if (sim_chance(s, RNG_BYZ, 256))
            lead_early(s, i);
    }
}
