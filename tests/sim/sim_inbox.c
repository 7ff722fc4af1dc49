/* Messages that arrive: decoded, checked as the driver checks them, given to
 * the core.  What an attacker sends may be anything. */
#include "tests/sim/sim.h"

#include "base/check.h"

static void malformed(struct sim *s, const struct sim_ev *ev, const char *what)
{
    if (s->nodes[ev->from].byz == 0)
        sim_fail(s, "node %u sends %s", ev->from, what);
}

static void note_candidate(struct sim_node *node, const struct candidate *c)
{
    if (node->byz != 0 && c->height != 0)
        node->seen[node->seen_count++ % ARRAY_LEN(node->seen)] = *c;
}

static void other_epoch(struct sim *s, uint32_t i, uint8_t from, uint64_t epoch)
{
    struct core_event e = {.kind = ON_EPOCH, .from = from, .epoch = epoch};

    if (core_other_epoch(s->nodes[i].room.core, from, epoch))
        sim_node_feed(s, i, &e);
}

/* ---- proposals ---- */

/* The last proposal stays decoded: the others get the same bytes soon. */
static const struct msg_proposal *read_proposal(struct sim *s,
                                                struct sim_packet *p)
{
    if (p->form == KNOWN_BAD)
        return NULL;
    if (s->proposal_serial == p->serial)
        return s->proposal;
    s->proposal_serial = p->serial;
    p->form = msg_proposal_decode(s->proposal, buf_bytes(&p->bytes)) == ERR_NONE
                  ? KNOWN_GOOD
                  : KNOWN_BAD;
    return p->form == KNOWN_GOOD ? s->proposal : NULL;
}

static bool proposal_sig_ok(struct sim *s,
                            struct sim_packet *packet,
                            const struct msg_proposal *p)
{
    if (packet->seal == NOT_KNOWN)
        packet->seal = sim_vote_ok(s, &p->vote) ? KNOWN_GOOD : KNOWN_BAD;
    return packet->seal == KNOWN_GOOD;
}

/* The registered block whose header this is; 0: none, or a false header. */
static uint32_t block_of(const struct sim *s, const struct msg_proposal *p)
{
    const uint32_t block = sim_block_find(s, &p->candidate.block);

    if (block == 0 ||
        !bytes_eq(p->header, buf_bytes(&s->blocks[block].header_bytes)))
        return 0;
    return block;
}

static void take_proposal(struct sim *s, const struct sim_ev *ev)
{
    const uint32_t i = ev->node;
    struct sim_node *node = &s->nodes[i];
    struct core *core = node->room.core;
    const struct msg_proposal *p = read_proposal(s, ev->packet);
    const uint8_t from = sim_peer(s, i, s->nodes[ev->from].id);
    struct core_event e = {.kind = ON_PROPOSAL, .from = from};
    struct core_event here = {.kind = ON_BODY};
    uint32_t block = 0;

    if (p == NULL) {
        malformed(s, ev, "a malformed proposal");
        return;
    }
    if (p->vote.epoch != core->config.epoch) {
        other_epoch(s, i, from, p->vote.epoch);
        return;
    }
    note_candidate(node, &p->candidate);
    if (!core_wants_proposal(core, from, &p->vote))
        return;
    if (!proposal_sig_ok(s, ev->packet, p)) {
        malformed(s, ev, "a false proposal");
        return;
    }
    for (uint32_t k = 0; k < p->cert_count; k++) {
        if (!core_wants_cert(core, &p->certs[k]))
            continue;
        if (sim_cert_ok(s, &p->certs[k]))
            cert_copy(&s->wanted[e.cert_count++], &p->certs[k]);
        else
            malformed(s, ev, "a false certificate");
    }
    if (p->header.size > 0) {
        block = block_of(s, p);
        if (block == 0)
            return; /* a header that is another's, or nobody's */
        e.facts =
            block_facts_of(&s->blocks[block].header, &s->blocks[block].hash);
    }
    e.candidate = p->candidate;
    e.vote = &p->vote;
    e.certs = s->wanted;
    here.facts = e.facts;
    if (block != 0 && !bytes_eq(p->body, buf_bytes(&s->blocks[block].body)))
        block = 0; /* not here, or not the block's */
    sim_node_feed(s, i, &e);
    if (block != 0) {
        node->has_body[block] = 1;
        sim_node_feed(s, i, &here);
    }
}

/* ---- the small ones ---- */

static bool read_packet(struct sim_packet *p)
{
    const struct bytes in = buf_bytes(&p->bytes);
    enum err e = ERR_VERSION;

    if (p->form != NOT_KNOWN)
        return p->form == KNOWN_GOOD;
    switch ((int)p->type) {
    case MSG_VOTE:
        e = msg_vote_decode(&p->in.vote, in);
        break;
    case MSG_CERT:
    case MSG_EPOCH_END: /* of which the certificate is what is told here */
        e = msg_cert_decode(&p->in.cert, in);
        break;
    case MSG_STATUS:
        e = msg_status_decode(&p->in.said.status, &p->in.said.epoch, in);
        break;
    }
    p->form = e == ERR_NONE ? KNOWN_GOOD : KNOWN_BAD;
    return e == ERR_NONE;
}

static bool ends_epoch(const struct sim *s, const struct cert *c)
{
    const uint32_t block = sim_block_find(s, &c->about.block);

    return sim_cert_ok(s, c) && c->kind == VOTE_FINALIZE && block != 0 &&
           (s->blocks[block].header.flags & HEADER_SEAL) != 0;
}

static bool is_true(const struct sim *s, struct sim_packet *p)
{
    bool ok = true;

    if (p->seal != NOT_KNOWN)
        return p->seal == KNOWN_GOOD;
    switch ((int)p->type) {
    case MSG_VOTE:
        ok = sim_vote_ok(s, &p->in.vote);
        break;
    case MSG_CERT:
        ok = sim_cert_ok(s, &p->in.cert);
        break;
    case MSG_EPOCH_END:
        ok = ends_epoch(s, &p->in.cert);
        break;
    case MSG_STATUS:
        ok = p->in.said.status.held.kind == 0 ||
             sim_vote_ok(s, &p->in.said.status.held);
        break;
    }
    p->seal = ok ? KNOWN_GOOD : KNOWN_BAD;
    return ok;
}

static uint64_t epoch_of(const struct sim_packet *p)
{
    switch ((int)p->type) {
    case MSG_VOTE:
        return p->in.vote.epoch;
    case MSG_STATUS:
        return p->in.said.epoch;
    }
    return p->in.cert.epoch;
}

/* Whether the core would make something of it: looked at before signatures. */
static bool is_news(struct sim *s, const struct sim_ev *ev)
{
    struct sim_node *node = &s->nodes[ev->node];
    const struct core *core = node->room.core;
    const struct sim_packet *p = ev->packet;

    switch ((int)p->type) {
    case MSG_VOTE:
        if (p->in.vote.signer != sim_peer(s, ev->node, s->nodes[ev->from].id)) {
            malformed(s, ev, "a vote of another");
            return false;
        }
        note_candidate(node, &p->in.vote.about);
        return core_wants_vote(core, &p->in.vote);
    case MSG_CERT:
    case MSG_EPOCH_END:
        return core_wants_cert(core, &p->in.cert);
    case MSG_STATUS:
        return p->in.said.status.held.kind == 0 ||
               (int)p->in.said.status.held.signer == core->config.me;
    }
    return false;
}

void sim_node_message(struct sim *s, const struct sim_ev *ev)
{
    const uint32_t i = ev->node;
    struct sim_node *node = &s->nodes[i];
    struct sim_packet *p = ev->packet;
    const uint8_t from = sim_peer(s, i, s->nodes[ev->from].id);
    struct core_event heard = {.kind = ON_HEARD, .from = from};
    struct core_event e = {.from = from};

    core_step(node->room.core, s->effects, &heard, sim_local_ms(s, node));
    if (node->byz != 0)
        sim_byz_keep(s, i, p);
    if (p->type == MSG_PROPOSAL) {
        take_proposal(s, ev);
        return;
    }
    if (!read_packet(p)) {
        malformed(s, ev, "a malformed message");
        return;
    }
    if (epoch_of(p) != node->room.core->config.epoch) {
        if (p->type != MSG_EPOCH_END)
            other_epoch(s, i, from, epoch_of(p));
        return;
    }
    if (!is_news(s, ev))
        return;
    if (!is_true(s, p)) {
        malformed(s, ev, "a false message");
        return;
    }
    if (p->type == MSG_VOTE) {
        e.kind = ON_VOTE;
        e.vote = &p->in.vote;
    } else if (p->type == MSG_STATUS) {
        sim_epoch_status(s, i, from);
        e.kind = ON_STATUS;
        e.status = &p->in.said.status;
    } else {
        e.kind = ON_CERT;
        e.certs = &p->in.cert;
        e.cert_count = 1;
    }
    sim_node_feed(s, i, &e);
}
