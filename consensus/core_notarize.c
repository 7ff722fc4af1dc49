/* Proposals of others: the checks before NOTARIZE, and FINALIZE after it. */
#include "base/check.h"
#include "base/num.h"
#include "consensus/core_state.h"

enum {
    BLOCK_AGE_MS_MAX = 60000, /* a new block's time may lag this much (D29) */
};

void take_proposal(struct core *c, const struct core_event *e)
{
    const uint64_t view = e->candidate.view;
    struct core_cert_slot *s;

    for (uint32_t i = 0; i < e->cert_count && !c->halted; i++)
        take_cert(c, &e->certs[i]);
    if (c->halted || !core_wants_proposal(c, e->from, e->vote) ||
        !candidate_eq(&e->vote->about, &e->candidate))
        return;
    s = cert_slot(c, view);
    if (s->has_prop && !candidate_eq(&s->prop, &e->candidate) &&
        c->config.mutant != MUTANT_NOTARIZE_TWICE) {
        tally(c, e->vote); /* the second of two: evidence */
        return;
    }
    s->has_prop = true;
    s->prop = e->candidate;
    if (e->facts.height != 0 && view <= c->view + 2 &&
        e->candidate.height > c->applied_height &&
        hash_eq(&e->facts.block, &e->candidate.block)) {
        struct core_block *b = block_add(c, &e->facts, view);

        if (b->fetch_at_ms == 0) /* its body is on the way */
            b->fetch_at_ms = c->now_ms + c->config.timers.t_fetch_ms;
        c->block_at_ms = c->now_ms;
    }
    tally(c, e->vote);
}

static void bad(struct core *c, struct core_cert_slot *s)
{
    s->bad = true;
    nullify(c); /* N3 bad proposal */
}

enum finding {
    FINDING_GOOD,
    FINDING_WAIT,
    FINDING_BAD, /* for ever */
};

/* D29 block time: the leader's clock must be near ours when a block is new. */
static enum finding check_time(struct core *c, uint64_t time_ms)
{
    const uint64_t ahead = c->wall_ms + c->config.timers.time_drift_ms;

    if (c->wall_ms == 0)
        return FINDING_GOOD;
    if (time_ms + BLOCK_AGE_MS_MAX < c->wall_ms)
        return FINDING_BAD;
    if (time_ms > ahead) {
        wake_at(c, c->now_ms + num_min_u64(time_ms - ahead, 1000));
        return FINDING_WAIT;
    }
    return FINDING_GOOD;
}

/* A2 vote after executing */
static enum finding check_block(struct core *c,
                                const struct candidate *about,
                                const struct candidate *parent)
{
    const struct core_block *b = block_find(c, &about->block);

    if (about->height != parent->height + 1)
        return FINDING_BAD;
    if (parent->height > c->fin.height)
        return FINDING_WAIT; /* D44 certified heights: it must be final */
    if (!hash_eq(&parent->block, &c->fin.block) || is_sealed(c, parent))
        return FINDING_BAD;
    if (b != NULL && b->facts.height != 0 &&
        (b->facts.height != about->height || b->facts.view != about->view ||
         b->facts.proposer != core_leader(c, about->view) ||
         !hash_eq(&b->facts.parent_hash, &parent->block)))
        return FINDING_BAD;
    switch (want_executed(c, &about->block)) {
    case EXEC_VALID:
        b = block_find(c, &about->block);
        return b != NULL ? check_time(c, b->facts.time_ms) : FINDING_GOOD;
    case EXEC_INVALID:
        return FINDING_BAD;
    case EXEC_ASKED:
    case EXEC_NONE:
        break;
    }
    return FINDING_WAIT;
}

/* A CARRY repeats its parent's block, which must be executed here; I5 needless
 * carry is legal. */
static enum finding check_carry(struct core *c, const struct candidate *parent)
{
    if (block_executed(c, &parent->block))
        return FINDING_GOOD;
    if (parent->height == c->applied_height + 1)
        (void)want_executed(c, &parent->block);
    return FINDING_WAIT;
}

static enum finding check_proposal(struct core *c,
                                   const struct candidate *about)
{
    const uint8_t leader = (uint8_t)core_leader(c, about->view);
    struct candidate parent;

    if (about->parent_view >= about->view || about->parent_view < c->fin.view)
        return FINDING_BAD;
    if (!certified(c, about->parent_view, &parent)) {
        ask_certs(c, leader);
        return FINDING_WAIT;
    }
    if (!nullified_between(c, about->parent_view, about->view) &&
        c->config.mutant != MUTANT_NO_NULLIFY_CHECK) {
        ask_certs(c, leader);
        return FINDING_WAIT;
    }
    if (about->height == parent.height && hash_eq(&about->block, &parent.block))
        return check_carry(c, &parent);
    return check_block(c, about, &parent);
}

static bool voted_for(const struct core *c, const struct candidate *about)
{
    const struct vote *mine = own_vote(c, about->view, VOTE_NOTARIZE, false);

    return mine != NULL && (c->config.mutant != MUTANT_NOTARIZE_TWICE ||
                            candidate_eq(&mine->about, about));
}

void try_notarize(struct core *c)
{
    const struct core_cert_slot *seen = cert_slot_if(c, c->view);
    struct core_cert_slot *s;

    if (seen == NULL || !seen->has_prop || seen->bad || !may_sign_more(c) ||
        voted_for(c, &seen->prop) ||
        own_vote(c, c->view, VOTE_NULLIFY, false) != NULL)
        return;
    s = cert_slot(c, c->view);
    switch (check_proposal(c, &s->prop)) {
    case FINDING_GOOD:
        notarize(c, &s->prop);
        break;
    case FINDING_BAD:
        bad(c, s);
        break;
    case FINDING_WAIT:
        break;
    }
}

/* The rule that pairs with NULLIFY.  C3 finalise the notarised candidate only,
 * only if this view was not given up, never against the own NOTARIZE. */
static void try_finalize_view(struct core *c, const struct core_cert_slot *s)
{
    const struct vote *n = own_vote(c, s->view, VOTE_NOTARIZE, false);

    if (!s->has_n || own_vote(c, s->view, VOTE_FINALIZE, false) != NULL ||
        (own_vote(c, s->view, VOTE_NULLIFY, false) != NULL &&
         c->config.mutant != MUTANT_FINALIZE_AFTER_NULLIFY) ||
        (n != NULL && !candidate_eq(&n->about, &s->n.about)) ||
        !block_executed(c, &s->n.about.block))
        return;
    finalize(c, &s->n.about);
}

void try_finalize(struct core *c)
{
    const struct vote *n = own_vote(c, c->view, VOTE_NOTARIZE, true);

    for (uint32_t i = 0; i < CORE_NOTED && c->noted[i] != 0; i++) {
        const struct core_cert_slot *s = cert_slot_if(c, c->noted[i]);

        if (s != NULL && may_sign_more(c))
            try_finalize_view(c, s);
    }
    if (c->config.mutant == MUTANT_FINALIZE_UNNOTARISED && n != NULL &&
        may_sign_more(c) && own_vote(c, c->view, VOTE_FINALIZE, false) == NULL)
        finalize(c, &n->about);
}
