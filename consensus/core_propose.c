/* Proposals: choosing a parent, asking for a block, offering a candidate. */
#include "base/check.h"
#include "consensus/core_state.h"

/* Asks a peer for the certificates that stop us: its answer to our STATUS is
 * what our map lacks. */
void ask_certs(struct core *c, uint8_t to)
{
    if (c->config.mutant == MUTANT_NO_REPAIR || c->config.n == 1 ||
        !due(c, c->ask_at_ms))
        return;
    c->ask_at_ms = c->now_ms + c->config.timers.t_fetch_ms;
    wake_at(c, c->ask_at_ms);
    if ((int)to == c->config.me)
        to = (uint8_t)((to + 1) % c->config.n);
    emit(c, DO_SEND_STATUS)->to = to;
}

/* The newest notarised candidate, or Fc, with every view above it nullified.
 * False: a certificate is missing. */
static bool newest_parent(const struct core *c, struct candidate *out)
{
    uint64_t p = c->view - 1;

    for (; p > c->base; p--) {
        const struct core_cert_slot *s = cert_slot_if(c, p);

        if (s != NULL && s->has_n) {
            *out = s->n.about;
            return true;
        }
        if (s == NULL || !s->has_x)
            return false;
    }
    if (p > c->fin.view && c->kept.about.view != 0)
        p = c->kept.about.view;
    else
        p = c->fin.view;
    return nullified_between(c, p, c->base + 1) && certified(c, p, out);
}

/* The executed candidate that a proposal in this view stands on.  A notarised
 * one that cannot be had is passed over when it was nullified as well. */
static bool pick_parent(struct core *c, struct candidate *out)
{
    if (!newest_parent(c, out)) {
        ask_certs(c, (uint8_t)(c->now_ms % c->config.n));
        return false;
    }
    while (!block_executed(c, &out->block)) {
        const struct core_cert_slot *s = cert_slot_if(c, out->view);
        uint64_t p = out->view;

        if (s == NULL || !s->has_x)
            return false; /* being fetched or executed */
        do {
            p--;
        } while (p > c->base && !certified(c, p, out));
        if (p <= c->base)
            *out = c->fin;
        if (!nullified_between(c, out->view, c->view))
            return false;
        if (out->view == c->fin.view)
            return block_executed(c, &out->block);
    }
    return true;
}

/* A block needs a final parent, and the certificate that says so (D44), which
 * is not the last one of its epoch (E1). */
static bool parent_is_final(const struct core *c, const struct candidate *p)
{
    return p->height == c->fin.height && hash_eq(&p->block, &c->fin.block) &&
           !is_sealed(c, p);
}

/* D49 propose at once, but under load T_pace after the last block */
static void build(struct core *c, const struct candidate *parent)
{
    struct core_effect *e;

    if (!hash_eq(&c->applied, &parent->block) || !due(c, c->build_at_ms))
        return;
    e = emit(c, DO_BUILD);
    e->candidate = (struct candidate){.view = c->view,
                                      .parent_view = parent->view,
                                      .height = parent->height,
                                      .block = parent->block};
    c->building = true;
}

static void propose(struct core *c, const struct candidate *about)
{
    struct core_cert_slot *s = cert_slot(c, c->view);

    s->has_prop = true;
    s->prop = *about;
    notarize(c, about);
}

static bool may_propose(const struct core *c)
{
    const struct core_cert_slot *s = cert_slot_if(c, c->view);

    return core_leader(c, c->view) == (uint32_t)c->config.me &&
           may_sign_more(c) &&
           (s == NULL ||
            (!s->has_prop && s->mine[VOTE_NOTARIZE].state == OWN_NONE &&
             s->mine[VOTE_NULLIFY].state == OWN_NONE));
}

/* I1 no empty block: without work none is asked for.  X4 carry instead: while
 * the parent is not final. */
void try_propose(struct core *c)
{
    struct candidate parent;

    if (!may_propose(c) || c->building || !c->was_busy ||
        !pick_parent(c, &parent))
        return;
    if (c->work && parent_is_final(c, &parent)) {
        build(c, &parent);
        return;
    }
    if (tip_is_open(c) && c->config.mutant != MUTANT_NO_CARRY &&
        due(c, c->t_enter_ms + c->config.timers.t_leader_ms / 2)) {
        const struct candidate carry = {.view = c->view,
                                        .parent_view = parent.view,
                                        .height = parent.height,
                                        .block = parent.block};

        propose(c, &carry);
    }
}

void take_built(struct core *c, const struct core_event *e)
{
    struct candidate parent;
    struct candidate about;
    struct core_block *b;

    if (!c->building || e->candidate.view != c->view)
        return; /* the view moved on meanwhile */
    c->building = false;
    c->block_at_ms = c->now_ms;
    if (e->facts.height == 0) { /* nothing, or the tip moved on */
        c->build_at_ms = c->now_ms + c->config.timers.t_leader_ms / 8 + 1;
        return;
    }
    if (!may_propose(c) || !pick_parent(c, &parent) ||
        !parent_is_final(c, &parent) || e->facts.height != parent.height + 1 ||
        !hash_eq(&e->facts.parent_hash, &parent.block))
        return;
    b = block_add(c, &e->facts, c->view);
    b->has_body = true;
    b->exec = EXEC_VALID;
    about = (struct candidate){.view = c->view,
                               .parent_view = parent.view,
                               .height = e->facts.height,
                               .block = e->facts.block};
    propose(c, &about);
}

/* What a receiver may lack: the finalization of the block it builds on, the
 * certificate of its parent, and the newest nullifications of what it skips. */
uint32_t core_justification(const struct core *c,
                            const struct candidate *about,
                            const struct cert **out,
                            uint32_t max)
{
    const struct core_cert_slot *p = cert_slot_if(c, about->parent_view);
    uint32_t count = 0;
    uint64_t u = about->parent_view + 1;

    if (c->config.mutant == MUTANT_NO_REPAIR || max < 2)
        return 0;
    if (c->has_final_cert)
        out[count++] = &c->final_cert;
    if (p != NULL && p->has_n)
        out[count++] = &p->n;
    else if (c->kept.about.view != 0 &&
             c->kept.about.view == about->parent_view)
        out[count++] = &c->kept;
    if (u + (max - count) < about->view)
        u = about->view - (max - count);
    for (; u < about->view; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);

        if (s != NULL && s->has_x)
            out[count++] = &s->x;
    }
    return count;
}
