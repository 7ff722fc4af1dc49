/* Votes: what is counted, what is evidence, and the only place that signs. */
#include "base/check.h"
#include "consensus/core_state.h"

bool may_sign_more(const struct core *c)
{
    return c->pending_count < CORE_PENDING && core_may_vote(c);
}

/* C4 persist then send: signs and persists one own vote; it is sent, and
 * counted, when durable. */
static void cast(struct core *c, uint8_t kind, const struct candidate *about)
{
    struct core_own *own = &cert_slot(c, about->view)->mine[kind];
    const bool leads = core_leader(c, about->view) == (uint32_t)c->config.me;
    const bool persist = kind != VOTE_NULLIFY ||
                         c->config.mutant != MUTANT_NULLIFY_NOT_PERSISTED;
    struct core_effect *e;

    ASSERT(may_sign_more(c));
    if (c->first_own == 0 || about->view < c->first_own)
        c->first_own = about->view;
    own->state = OWN_PENDING;
    own->vote = (struct vote){.kind = kind,
                              .epoch = c->config.epoch,
                              .about = *about,
                              .signer = (uint8_t)c->config.me};
    c->config.sign(c->config.sign_ctx, &own->vote);
    if (persist)
        emit(c, DO_PERSIST_VOTE)->vote = own->vote;
    c->fx->batch = c->batch;
    c->pending[c->pending_count++] = (struct core_pending){own->vote, c->batch};
    e = emit(c,
             kind == VOTE_NOTARIZE && leads ? DO_SEND_PROPOSAL : DO_SEND_VOTE);
    e->candidate = *about;
    e->vote = own->vote;
    e->after_sync = c->config.mutant != MUTANT_SEND_BEFORE_SYNC;
    if (c->config.mutant == MUTANT_OWN_VOTE_EARLY)
        tally(c, &own->vote);
}

/* D1 propose after disk, D2 notarize after disk: the body first. */
void notarize(struct core *c, const struct candidate *about)
{
    ASSERT(own_vote(c, about->view, VOTE_NULLIFY, false) == NULL); /* C1 */
    ASSERT(own_vote(c, about->view, VOTE_NOTARIZE, false) == NULL ||
           c->config.mutant == MUTANT_NOTARIZE_TWICE);
    persist_body(c, &about->block); /* a notarization promises the body */
    cast(c, VOTE_NOTARIZE, about);
}

/* C2 give up or finalise; D3 nullify after disk */
void nullify(struct core *c)
{
    const struct candidate about = {.view = c->view};

    if (!may_sign_more(c) ||
        own_vote(c, c->view, VOTE_NULLIFY, false) != NULL ||
        own_vote(c, c->view, VOTE_FINALIZE, false) != NULL) /* C2 */
        return;
    cast(c, VOTE_NULLIFY, &about);
}

/* D4 finalize after disk: the notarization was persisted when it came. */
void finalize(struct core *c, const struct candidate *about)
{
    ASSERT(own_vote(c, about->view, VOTE_NULLIFY, false) == NULL ||
           c->config.mutant != MUTANT_NONE); /* C2 */
    persist_body(c, &about->block);
    cast(c, VOTE_FINALIZE, about);
}

/* Forms the certificate that a vote may have completed. */
static void try_form(struct core *c, const struct vote *v)
{
    const struct core_vote_slot *s = vote_slot_if(c, v->about.view);
    struct cert cert; /* only what is used of it is set */
    uint32_t found = 0;

    if (s == NULL ||
        (uint32_t)__builtin_popcount(s->have[v->kind]) + 1 < c->quorum)
        return;
    cert.kind = v->kind;
    cert.epoch = v->epoch;
    cert.about = v->about;
    cert.bitmap = 0;
    for (uint32_t i = 0; i < c->config.n && found < c->quorum; i++) {
        if ((s->have[v->kind] >> i & 1) != 0 &&
            candidate_eq(&s->about[v->kind][i], &v->about)) {
            cert.bitmap |= 1u << i;
            cert.sigs[found++] = s->sigs[v->kind][i];
        }
    }
    if (c->config.mutant == MUTANT_DUPLICATE_SIGNER && found + 1 == c->quorum)
        found++; /* as if one of them had counted twice */
    if (found >= c->quorum && core_wants_cert(c, &cert))
        take_cert(c, &cert);
}

/* A single validator: what its journal holds of votes no other vote completes,
 * and the certificate may not have been on disk. */
void form_own(struct core *c)
{
    c->alone = false;
    for (uint64_t u = c->base + 1; u <= c->view; u++) {
        for (uint8_t kind = VOTE_NOTARIZE; kind <= VOTE_FINALIZE; kind++) {
            const struct vote *v = own_vote(c, u, kind, true);

            if (v != NULL)
                try_form(c, v);
        }
    }
}

static struct vote vote_from(const struct core *c,
                             const struct core_vote_slot *s,
                             uint8_t kind,
                             uint8_t signer)
{
    return (struct vote){.kind = kind,
                         .epoch = c->config.epoch,
                         .about = s->about[kind][signer],
                         .signer = signer,
                         .sig = s->sigs[kind][signer]};
}

/* Kinds of evidence, as bits of what was reported. */
enum {
    EV1 = 1,
    EV2 = 2,
    EV3 = 4,
    EV4 = 8,
};

/* The four kinds of evidence: two votes that one validator may not both cast.
 * Each is reported once for a view and validator. */
static void compare(struct core *c,
                    struct core_vote_slot *s,
                    const struct vote *v,
                    uint8_t kind)
{
    const struct vote other = vote_from(c, s, kind, v->signer);
    const bool differ = !candidate_eq(&other.about, &v->about);
    const uint8_t low = kind < v->kind ? kind : v->kind;
    const uint8_t high = kind < v->kind ? v->kind : kind;
    struct core_effect *e;
    uint8_t type;

    if (low == VOTE_NOTARIZE && high == VOTE_NOTARIZE && differ)
        type = EV1;
    else if (low == VOTE_NULLIFY && high == VOTE_FINALIZE)
        type = EV2;
    else if (low == VOTE_FINALIZE && high == VOTE_FINALIZE && differ)
        type = EV3;
    else if (low == VOTE_NOTARIZE && high == VOTE_FINALIZE && differ)
        type = EV4;
    else
        return; /* NOTARIZE and then NULLIFY is legal */
    if ((s->reported[v->signer] & type) != 0)
        return;
    s->reported[v->signer] |= type;
    c->evidence++;
    e = emit(c, DO_EVIDENCE);
    e->vote = other;
    e->other = *v;
}

static void look_for_evidence(struct core *c,
                              struct core_vote_slot *s,
                              const struct vote *v)
{
    for (uint8_t kind = VOTE_NOTARIZE; kind <= VOTE_FINALIZE; kind++) {
        if ((s->have[kind] >> v->signer & 1) != 0)
            compare(c, s, v, kind);
    }
}

/* What a peer's STATUS will tell its signer, should it come back without it. */
static void note_newest(struct core *c, const struct vote *v)
{
    struct vote *newest = &c->peers[v->signer].newest;

    if (newest->kind == 0 || v->about.view > newest->about.view ||
        (v->about.view == newest->about.view && v->kind > newest->kind))
        *newest = *v;
}

/* M3 first vote counts: of a signer and kind; a later one never. */
void tally(struct core *c, const struct vote *v)
{
    struct core_vote_slot *s;

    if (!in_vote_window(c, v->about.view))
        return;
    s = vote_slot(c, v->about.view);
    look_for_evidence(c, s, v);
    if ((s->have[v->kind] >> v->signer & 1) != 0)
        return;
    s->have[v->kind] |= 1u << v->signer;
    s->about[v->kind][v->signer] = v->about;
    s->sigs[v->kind][v->signer] = v->sig;
    note_newest(c, v);
    try_form(c, v);
}

/* Who still votes in a view that is final missed the finalization. */
static bool may_tell(const struct core *c, uint8_t to)
{
    const uint64_t told_ms = c->peers[to].told_ms;

    return c->has_final_cert && (told_ms == 0 || c->now_ms >= told_ms + 200);
}

static void tell_final(struct core *c, uint8_t to)
{
    if (!may_tell(c, to))
        return;
    c->peers[to].told_ms = c->now_ms > 0 ? c->now_ms : 1;
    emit_cert(c, &c->final_cert, to);
}

/* M6 other epochs do not count. */
void take_vote(struct core *c, const struct vote *v, bool own)
{
    if (v->epoch != c->config.epoch || v->signer >= c->config.n ||
        (!own && (int)v->signer == c->config.me))
        return;
    if (v->about.view <= c->fin.view) {
        if (!own)
            tell_final(c, v->signer);
        return;
    }
    tally(c, v);
}

static void mark_durable(struct core *c, const struct vote *v)
{
    struct core_own *own;

    if (cert_slot_if(c, v->about.view) == NULL)
        return;
    own = &cert_slot(c, v->about.view)->mine[v->kind];
    if (own->state == OWN_PENDING && candidate_eq(&own->vote.about, &v->about))
        own->state = OWN_DURABLE;
}

/* D8 own vote when durable: what became so may now be counted. */
void take_durable(struct core *c, uint64_t batch)
{
    struct vote ready[CORE_PENDING];
    uint32_t kept = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->pending_count; i++) {
        if (c->pending[i].batch <= batch)
            ready[count++] = c->pending[i].vote;
        else
            c->pending[kept++] = c->pending[i];
    }
    c->pending_count = kept;
    for (uint32_t i = 0; i < count && !c->halted; i++) {
        mark_durable(c, &ready[i]);
        take_vote(c, &ready[i], true);
    }
}

bool core_wants_proposal(const struct core *c,
                         uint8_t from,
                         const struct vote *v)
{
    const struct core_cert_slot *s = cert_slot_if(c, v->about.view);

    if (v->kind != VOTE_NOTARIZE || v->epoch != c->config.epoch ||
        v->signer != from || (int)from == c->config.me ||
        v->about.view <= c->base ||
        v->about.view > c->view + CORE_VOTE_WINDOW ||
        core_leader(c, v->about.view) != from)
        return false;
    return s == NULL || !s->has_prop || !candidate_eq(&s->prop, &v->about) ||
           (v->about.view >= c->view &&
            s->mine[VOTE_NOTARIZE].state == OWN_NONE &&
            s->mine[VOTE_NULLIFY].state == OWN_NONE);
}

/* A vote of a kind that this signer cast before is wanted as evidence, once:
 * whoever signs candidates without end costs no signature more. */
static bool is_evidence(const struct core_vote_slot *s, const struct vote *v)
{
    const uint8_t pair = v->kind == VOTE_NOTARIZE ? EV1 : EV3;

    return !candidate_eq(&s->about[v->kind][v->signer], &v->about) &&
           (s->reported[v->signer] & pair) == 0;
}

/* M1 cheap first: nothing here costs a signature. */
bool core_wants_vote(const struct core *c, const struct vote *v)
{
    const struct core_cert_slot *s = cert_slot_if(c, v->about.view);
    const struct core_vote_slot *votes = vote_slot_if(c, v->about.view);

    if (v->epoch != c->config.epoch || v->signer >= c->config.n ||
        (int)v->signer == c->config.me)
        return false;
    if (v->about.view <= c->fin.view)
        return may_tell(c, v->signer); /* it gets the finalization */
    if (!in_vote_window(c, v->about.view))
        return false;
    if (votes != NULL && (votes->have[v->kind] >> v->signer & 1) != 0)
        return is_evidence(votes, v);
    return s == NULL || !((v->kind == VOTE_NOTARIZE && s->has_n) ||
                          (v->kind == VOTE_NULLIFY && s->has_x));
}
