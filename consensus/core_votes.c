/* Votes and certificates: what is counted, formed, and acted upon. */
#include "base/check.h"
#include "consensus/core_state.h"

static bool may_sign_more(const struct core *c)
{
    return c->pending_count < ARRAY_LEN(c->pending) && core_may_vote(c);
}

/* Signs and persists one own vote; it is sent, and counted, when durable. */
static struct vote cast(struct core *c,
                        uint8_t kind,
                        const struct candidate *about)
{
    struct vote v = {.kind = kind,
                     .epoch = c->config.epoch,
                     .about = *about,
                     .signer = (uint8_t)c->config.me};
    struct core_effect *e;

    c->config.sign(c->config.sign_ctx, &v);
    if (!(kind == VOTE_NULLIFY &&
          c->config.mutant == MUTANT_NULLIFY_NOT_PERSISTED))
        emit(c, DO_PERSIST_VOTE)->vote = v;
    else
        c->fx->batch = c->batch;
    ASSERT(c->pending_count < ARRAY_LEN(c->pending));
    c->pending[c->pending_count++] = (struct core_pending){v, c->batch};
    if (kind != VOTE_NOTARIZE ||
        core_leader(c, about->view) != (uint32_t)c->config.me) {
        e = emit(c, DO_SEND_VOTE);
        e->vote = v;
        e->after_sync = c->config.mutant != MUTANT_SEND_BEFORE_SYNC;
    }
    return v;
}

static void persist_body(struct core *c, const struct hash *block)
{
    struct core_block *b = block_find(c, block);

    if (b == NULL || b->persisted || !b->has_body)
        return;
    emit(c, DO_PERSIST_BODY)->hash = *block;
    b->persisted = true;
}

void notarize(struct core *c, const struct candidate *about)
{
    struct core_cert_slot *s = cert_slot(c, about->view);

    ASSERT(!s->my_x && (!s->my_n || c->config.mutant != MUTANT_NONE));
    persist_body(c, &about->block); /* a notarization promises the body */
    s->my_n = true;
    s->my_n_durable = false;
    s->my_n_vote = cast(c, VOTE_NOTARIZE, about);
}

void nullify(struct core *c)
{
    const struct candidate about = {.view = c->view};
    struct core_cert_slot *s;

    if (!in_cert_window(c, c->view) || !may_sign_more(c))
        return;
    s = cert_slot(c, c->view);
    if (s->my_x || s->my_f)
        return;
    s->my_x = true;
    s->my_x_durable = false;
    s->my_x_vote = cast(c, VOTE_NULLIFY, &about);
}

static void try_finalize(struct core *c, uint64_t view)
{
    struct core_cert_slot *s;

    if (cert_slot_if(c, view) == NULL || !may_sign_more(c))
        return;
    s = cert_slot(c, view);
    if (!s->has_n || s->my_f)
        return;
    if (s->my_x && c->config.mutant != MUTANT_FINALIZE_AFTER_NULLIFY)
        return;
    if (s->my_n && !candidate_eq(&s->my_n_vote.about, &s->n.about))
        return;
    if (!block_executed(c, &s->n.about.block))
        return;
    persist_body(c, &s->n.about.block);
    s->my_f = true;
    s->my_f_durable = false;
    s->my_f_vote = cast(c, VOTE_FINALIZE, &s->n.about);
}

void enter(struct core *c, uint64_t view)
{
    ASSERT(view > c->view); /* C5 */
    if (view - c->fin.view >= CORE_CERT_SLOTS - CORE_VOTE_WINDOW)
        return; /* see core.h: wait for a finalization */
    c->view = view;
    c->views_entered++;
    c->t_enter_ms = c->now_ms;
    c->busy_since_ms = 0;
    c->was_busy = false;
    c->proposed = false;
    c->building = false;
    c->last_retry_ms = c->now_ms;
}

static void persist_cert(struct core *c, const struct cert *cert)
{
    emit(c, DO_PERSIST_CERT)->cert = cert;
}

static void take_notarization(struct core *c, const struct cert *cert)
{
    struct core_cert_slot *s;
    const struct block_facts unknown = {.block = cert->about.block};

    if (!in_cert_window(c, cert->about.view))
        return;
    s = cert_slot(c, cert->about.view);
    if (s->has_n) {
        if (!candidate_eq(&s->n.about, &cert->about))
            halt(c, "two notarizations in one view");
        return;
    }
    s->has_n = true;
    s->n = *cert;
    persist_cert(c, &s->n);
    emit_cert(c, &s->n, CORE_ALL);
    if (!hash_eq(&cert->about.block, &c->applied) &&
        block_find(c, &cert->about.block) == NULL)
        (void)block_add(c, &unknown);
    if (cert->about.view >= c->view)
        enter(c, cert->about.view + 1);
}

static void take_nullification(struct core *c, const struct cert *cert)
{
    struct core_cert_slot *s;

    if (!in_cert_window(c, cert->about.view))
        return;
    s = cert_slot(c, cert->about.view);
    if (s->has_x)
        return;
    s->has_x = true;
    s->x = *cert;
    c->nullified++;
    persist_cert(c, &s->x);
    emit_cert(c, &s->x, CORE_ALL);
    if (cert->about.view >= c->view)
        enter(c, cert->about.view + 1);
}

void forget_blocks(struct core *c)
{
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        struct core_block *b = &c->blocks[i];

        if (b->used && b->has_facts && b->facts.height <= c->fin.height &&
            !hash_eq(&b->facts.block, &c->fin.block))
            b->used = false;
    }
}

static void take_finalization(struct core *c, const struct cert *cert)
{
    const struct core_cert_slot *s = cert_slot_if(c, cert->about.view);

    if (s != NULL &&
        (s->has_x || (s->has_n && !candidate_eq(&s->n.about, &cert->about)))) {
        halt(c, "a finalization contradicts another certificate");
        return;
    }
    if (cert->about.height < c->fin.height ||
        (cert->about.height == c->fin.height &&
         !hash_eq(&cert->about.block, &c->fin.block))) {
        halt(c, "a finalization contradicts the finalised chain");
        return;
    }
    c->fin = cert->about;
    c->has_final_cert = true;
    c->final_cert = *cert;
    c->commit_asked = false;
    c->last_sync_ms = 0;
    persist_cert(c, &c->final_cert);
    emit_cert(c, &c->final_cert, CORE_ALL);
    {
        const struct block_facts unknown = {.block = cert->about.block};

        if (!hash_eq(&cert->about.block, &c->applied))
            (void)block_add(c, &unknown);
    }
    forget_blocks(c);
    if (cert->about.view >= c->view)
        enter(c, cert->about.view + 1);
}

void take_cert(struct core *c, const struct cert *cert)
{
    if (c->halted || cert->epoch != c->config.epoch ||
        cert->about.view <= c->fin.view)
        return;
    switch ((enum vote_kind)cert->kind) {
    case VOTE_NOTARIZE:
        take_notarization(c, cert);
        break;
    case VOTE_NULLIFY:
        take_nullification(c, cert);
        break;
    case VOTE_FINALIZE:
        take_finalization(c, cert);
        break;
    }
}

static bool has_cert(const struct core *c, uint64_t view, uint8_t kind)
{
    const struct core_cert_slot *s = cert_slot_if(c, view);

    if (s == NULL)
        return false;
    return (kind == VOTE_NOTARIZE && s->has_n) ||
           (kind == VOTE_NULLIFY && s->has_x);
}

/* Forms the certificate that a vote may have completed. */
static void try_form(struct core *c, const struct vote *v)
{
    const struct core_vote_slot *s = vote_slot_if(c, v->about.view);
    struct cert cert = {.kind = v->kind, .epoch = v->epoch, .about = v->about};
    uint32_t found = 0;

    if (s == NULL || has_cert(c, v->about.view, v->kind))
        return;
    for (uint32_t i = 0; i < c->config.n && found < c->quorum; i++) {
        if ((s->have[v->kind] >> i & 1) != 0 &&
            candidate_eq(&s->about[v->kind][i], &v->about)) {
            cert.bitmap |= 1u << i;
            cert.sigs[found++] = s->sigs[v->kind][i];
        }
    }
    if (c->config.mutant == MUTANT_DUPLICATE_SIGNER && found + 1 == c->quorum)
        found++; /* as if the last vote had counted twice */
    if (found >= c->quorum)
        take_cert(c, &cert);
}

static void report(struct core *c, const struct vote *a, const struct vote *b)
{
    struct core_effect *e = emit(c, DO_EVIDENCE);

    e->vote = *a;
    e->other = *b;
    c->evidence++;
}

static struct vote vote_from(const struct core_vote_slot *s,
                             const struct core *c,
                             uint8_t kind,
                             uint8_t signer)
{
    return (struct vote){.kind = kind,
                         .epoch = c->config.epoch,
                         .about = s->about[kind][signer],
                         .signer = signer,
                         .sig = s->sigs[kind][signer]};
}

/* NULLIFY excludes FINALIZE; NOTARIZE binds FINALIZE to its candidate. */
static void look_for_contradiction(struct core *c,
                                   const struct core_vote_slot *s,
                                   const struct vote *v)
{
    static const uint8_t against[4][2] = {{0, 0},
                                          {VOTE_FINALIZE, 0},
                                          {VOTE_FINALIZE, 0},
                                          {VOTE_NULLIFY, VOTE_NOTARIZE}};

    for (int i = 0; i < 2; i++) {
        const uint8_t kind = against[v->kind][i];
        struct vote other;

        if (kind == 0 || (s->have[kind] >> v->signer & 1) == 0)
            continue;
        other = vote_from(s, c, kind, v->signer);
        if (kind == VOTE_NULLIFY || v->kind == VOTE_NULLIFY ||
            !candidate_eq(&other.about, &v->about))
            report(c, v, &other);
    }
}

static void answer_old_vote(struct core *c, const struct vote *v)
{
    if (!c->has_final_cert || c->now_ms - c->reply_ms[v->signer] < 100)
        return;
    c->reply_ms[v->signer] = c->now_ms;
    emit_cert(c, &c->final_cert, v->signer);
}

void take_vote(struct core *c, const struct vote *v, bool own)
{
    struct core_vote_slot *s;

    if (c->halted || v->epoch != c->config.epoch || v->signer >= c->config.n)
        return;
    if (v->about.view <= c->fin.view) {
        if (!own)
            answer_old_vote(c, v);
        return;
    }
    if (!in_vote_window(c, v->about.view))
        return;
    s = vote_slot(c, v->about.view);
    if ((s->have[v->kind] >> v->signer & 1) != 0) {
        if (!candidate_eq(&s->about[v->kind][v->signer], &v->about)) {
            const struct vote first = vote_from(s, c, v->kind, v->signer);

            report(c, &first, v);
        }
        return; /* the first vote of a kind counts */
    }
    if (!own)
        look_for_contradiction(c, s, v);
    s->have[v->kind] |= 1u << v->signer;
    s->about[v->kind][v->signer] = v->about;
    s->sigs[v->kind][v->signer] = v->sig;
    try_form(c, v);
    if (v->kind == VOTE_NULLIFY && v->about.view == c->view) {
        const struct core_cert_slot *mine = cert_slot_if(c, c->view);

        if ((!own && v->signer == core_leader(c, c->view) &&
             (mine == NULL || !mine->has_prop)) || /* N5 */
            vote_count(c, c->view, VOTE_NULLIFY) >=
                (uint32_t)c->faulty + 1) /* N6 */
            nullify(c);
    }
}

static void durable_vote(struct core *c, const struct vote *v)
{
    struct core_cert_slot *s;

    if (cert_slot_if(c, v->about.view) == NULL)
        return;
    s = cert_slot(c, v->about.view);
    switch ((enum vote_kind)v->kind) {
    case VOTE_NOTARIZE:
        s->my_n_durable = true;
        break;
    case VOTE_NULLIFY:
        s->my_x_durable = true;
        break;
    case VOTE_FINALIZE:
        s->my_f_durable = true;
        break;
    }
}

/* What became durable may now be counted. */
void durable(struct core *c, uint64_t batch)
{
    uint32_t kept = 0;
    uint32_t ready = 0;
    struct vote votes[ARRAY_LEN(c->pending)];

    for (uint32_t i = 0; i < c->pending_count; i++) {
        if (c->pending[i].batch <= batch)
            votes[ready++] = c->pending[i].vote;
        else
            c->pending[kept++] = c->pending[i];
    }
    c->pending_count = kept;
    for (uint32_t i = 0; i < ready; i++) {
        durable_vote(c, &votes[i]);
        take_vote(c, &votes[i], true);
    }
}

void finalize_all(struct core *c)
{
    const uint64_t last = c->view;

    for (uint64_t u = c->fin.view + 1; u <= last; u++)
        try_finalize(c, u);
}
