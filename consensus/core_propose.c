/* Proposals: making them, checking them, voting for them. */
#include "base/check.h"
#include "consensus/core_state.h"

/* The parent of a proposal in the current view: Fc or a notarised candidate,
 * with every view between nullified.  False: wait. */
static bool pick_parent(const struct core *c, struct candidate *out)
{
    for (uint64_t p = c->view - 1; p > c->fin.view; p--) {
        const struct core_cert_slot *s = cert_slot_if(c, p);

        if (s == NULL)
            return false; /* its certificate is missing */
        if (s->has_n) {
            *out = s->n.about;
            return true;
        }
        if (!s->has_x)
            return false;
    }
    *out = c->fin;
    return true;
}

static void propose(struct core *c, const struct candidate *about)
{
    struct core_cert_slot *s = cert_slot(c, c->view);
    struct core_effect *e;

    c->proposed = true;
    s->has_prop = true;
    s->prop = *about;
    notarize(c, about);
    e = emit(c, DO_SEND_PROPOSAL);
    e->candidate = *about;
    e->vote = s->my_n_vote;
    e->after_sync = c->config.mutant != MUTANT_SEND_BEFORE_SYNC;
}

/* A block needs a final parent, and the certificate that says so (D44). */
static bool parent_is_final(const struct core *c, const struct candidate *p)
{
    if (!hash_eq(&p->block, &c->fin.block))
        return false;
    return c->fin.height == c->config.genesis.height || c->has_final_cert;
}

void try_propose(struct core *c)
{
    const struct core_cert_slot *s = cert_slot_if(c, c->view);
    struct candidate parent;

    if (core_leader(c, c->view) != (uint32_t)c->config.me ||
        !core_may_vote(c) || c->proposed || c->building ||
        c->pending_count + 2 > ARRAY_LEN(c->pending) ||
        !in_cert_window(c, c->view) ||
        (s != NULL && (s->my_n || s->my_x || s->has_prop)))
        return;
    if (!pick_parent(c, &parent) || !block_executed(c, &parent.block))
        return;
    if (c->work && parent_is_final(c, &parent) &&
        hash_eq(&c->applied, &parent.block)) {
        struct core_effect *e = emit(c, DO_BUILD);

        e->candidate = parent;
        e->candidate.view = c->view;
        e->candidate.parent_view = parent.view;
        c->building = true;
        return;
    }
    if (c->view - 1 > c->fin.view && c->config.mutant != MUTANT_NO_CARRY &&
        elapsed_ms(c) >= c->config.timers.t_leader_ms / 2) {
        const struct candidate carry = {.view = c->view,
                                        .parent_view = parent.view,
                                        .height = parent.height,
                                        .block = parent.block};

        propose(c, &carry);
    }
}

void take_built(struct core *c, const struct core_event *e)
{
    const struct core_cert_slot *s = cert_slot_if(c, c->view);
    struct candidate parent;
    struct core_block *b;
    struct candidate about;

    if (!c->building || e->candidate.view != c->view)
        return; /* the view moved on meanwhile */
    c->building = false;
    if (e->facts.height == 0)
        return; /* nothing to build; the driver has said ON_WORK */
    if ((s != NULL && (s->my_n || s->my_x)) || !core_may_vote(c))
        return;
    if (!pick_parent(c, &parent) || !parent_is_final(c, &parent) ||
        !hash_eq(&e->facts.parent_hash, &parent.block))
        return;
    b = block_add(c, &e->facts);
    b->has_body = true;
    b->exec = EXEC_VALID;
    about = (struct candidate){.view = c->view,
                               .parent_view = parent.view,
                               .height = e->facts.height,
                               .block = e->facts.block};
    propose(c, &about);
}

void take_proposal(struct core *c, const struct core_event *e)
{
    const uint64_t view = e->candidate.view;
    struct core_cert_slot *s;

    for (uint32_t i = 0; i < e->cert_count; i++)
        take_cert(c, &e->certs[i]);
    if (c->halted || view <= c->fin.view || !in_cert_window(c, view) ||
        view > c->view + CORE_VOTE_WINDOW || e->from != core_leader(c, view) ||
        !candidate_eq(&e->vote->about, &e->candidate) ||
        e->vote->kind != VOTE_NOTARIZE || e->vote->signer != e->from)
        return;
    s = cert_slot(c, view);
    if (s->has_prop) {
        if (!candidate_eq(&s->prop, &e->candidate))
            take_vote(c, e->vote, false); /* reports the second one */
        return;
    }
    s->has_prop = true;
    s->prop = e->candidate;
    if (e->facts.height > 0 && hash_eq(&e->facts.block, &e->candidate.block))
        (void)block_add(c, &e->facts);
    take_vote(c, e->vote, false);
}

static void bad(struct core *c, struct core_cert_slot *s)
{
    s->bad = true;
    nullify(c); /* N3 */
}

/* Whether the views between parent and proposal are all known nullified. */
static bool skipped_are_nullified(const struct core *c,
                                  const struct candidate *about)
{
    if (c->config.mutant == MUTANT_NO_NULLIFY_CHECK)
        return true;
    for (uint64_t u = about->parent_view + 1; u < about->view; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);

        if (s == NULL || !s->has_x)
            return false;
    }
    return true;
}

void fetch(struct core *c, struct core_block *b)
{
    struct core_effect *e;

    if (b->last_fetch_ms != 0 &&
        c->now_ms - b->last_fetch_ms < c->config.timers.t_fetch_ms)
        return;
    b->last_fetch_ms = c->now_ms > 0 ? c->now_ms : 1;
    e = emit(c, DO_FETCH);
    e->hash = b->facts.block;
}

/* Asks for execution when the block stands on the tip; true when valid. */
bool want_executed(struct core *c, struct core_block *b)
{
    if (b->exec == EXEC_VALID)
        return true;
    if (!b->has_body) {
        fetch(c, b);
        return false;
    }
    if (b->exec == EXEC_NONE && b->has_facts &&
        hash_eq(&b->facts.parent_hash, &c->applied)) {
        b->exec = EXEC_ASKED;
        emit(c, DO_EXECUTE)->hash = b->facts.block;
    }
    return false;
}

void try_notarize(struct core *c)
{
    struct core_cert_slot *s;
    struct core_block *b;
    struct candidate parent;

    if (cert_slot_if(c, c->view) == NULL || !core_may_vote(c) ||
        c->pending_count >= ARRAY_LEN(c->pending))
        return;
    s = cert_slot(c, c->view);
    if (!s->has_prop || s->my_x || s->bad ||
        (s->my_n && c->config.mutant != MUTANT_NOTARIZE_TWICE))
        return;
    if (s->my_n && s->my_n_durable == false)
        return;
    if (s->my_n && candidate_eq(&s->my_n_vote.about, &s->prop))
        return;
    if (s->prop.parent_view >= s->prop.view ||
        s->prop.parent_view < c->fin.view) {
        bad(c, s);
        return;
    }
    if (!certified(c, s->prop.parent_view, &parent) ||
        !skipped_are_nullified(c, &s->prop))
        return; /* certificates are missing: STATUS repairs it */
    if (s->prop.height == parent.height &&
        hash_eq(&s->prop.block, &parent.block)) { /* CARRY */
        if (block_executed(c, &parent.block)) {
            notarize(c, &s->prop);
        } else {
            b = block_find(c, &parent.block);
            if (b != NULL)
                (void)want_executed(c, b);
        }
        return;
    }
    b = block_find(c, &s->prop.block);
    if (b == NULL || !b->has_facts) {
        const struct block_facts unknown = {.block = s->prop.block};

        fetch(c, block_add(c, &unknown));
        return;
    }
    if (s->prop.height != parent.height + 1 ||
        b->facts.height != s->prop.height ||
        !hash_eq(&b->facts.parent_hash, &parent.block) ||
        !parent_is_final(c, &parent) || b->exec == EXEC_INVALID) {
        bad(c, s);
        return;
    }
    if (want_executed(c, b))
        notarize(c, &s->prop);
}

/* A notarised block that is not executed yet is needed for FINALIZE. */
static void want_certified(struct core *c)
{
    for (uint64_t u = c->fin.view + 1; u < c->view; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);
        struct core_block *b;

        if (s == NULL || !s->has_n || block_executed(c, &s->n.about.block))
            continue;
        b = block_find(c, &s->n.about.block);
        if (b == NULL)
            continue;
        if (b->exec == EXEC_INVALID) {
            halt(c, "a notarised block is invalid by our own execution");
            return;
        }
        (void)want_executed(c, b);
    }
}

/* Makes the final block the tip, or has it fetched. */
static void want_committed(struct core *c)
{
    struct core_block *b;
    struct core_effect *e;

    if (hash_eq(&c->fin.block, &c->applied) || c->commit_asked)
        return;
    b = block_find(c, &c->fin.block);
    if (c->fin.height == c->applied_height + 1 && b != NULL) {
        if (!b->has_body) {
            fetch(c, b);
            return;
        }
        c->commit_asked = true;
        e = emit(c, DO_COMMIT);
        e->candidate = c->fin;
        e->cert = &c->final_cert;
        return;
    }
    if (c->last_sync_ms != 0 &&
        c->now_ms - c->last_sync_ms < 2 * (uint64_t)c->config.timers.t_fetch_ms)
        return;
    c->last_sync_ms = c->now_ms > 0 ? c->now_ms : 1;
    e = emit(c, DO_SYNC);
    e->candidate = c->fin;
}

void try_all(struct core *c)
{
    const bool busy = core_is_busy(c);

    if (c->halted)
        return;
    if (busy && !c->was_busy)
        c->busy_since_ms = c->now_ms;
    c->was_busy = busy;
    want_committed(c);
    want_certified(c);
    if (c->halted)
        return;
    try_notarize(c);
    try_propose(c);
    finalize_all(c);
}

uint32_t core_justification(const struct core *c,
                            const struct candidate *about,
                            const struct cert **out,
                            uint32_t max)
{
    uint32_t count = 0;
    const struct core_cert_slot *p = cert_slot_if(c, about->parent_view);

    if (c->has_final_cert && count < max)
        out[count++] = &c->final_cert;
    if (p != NULL && p->has_n && count < max)
        out[count++] = &p->n;
    for (uint64_t u = about->parent_view + 1; u < about->view && count < max;
         u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);

        if (s != NULL && s->has_x)
            out[count++] = &s->x;
    }
    return count;
}
