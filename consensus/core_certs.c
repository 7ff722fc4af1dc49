/* Certificates: the only thing that moves a view or makes a block final. */
#include "base/check.h"
#include "consensus/core_state.h"

/* A new view starts its timers anew; votes cast stay with their slots. */
void enter(struct core *c, uint64_t view)
{
    ASSERT(view > c->view); /* C5 */
    if (c->config.mutant == MUTANT_NULLIFY_FORGOTTEN &&
        cert_slot_if(c, c->view) != NULL)
        cert_slot(c, c->view)->mine[VOTE_NULLIFY].state = OWN_NONE;
    make_room(c, view);
    c->view = view;
    c->views_entered++;
    c->t_enter_ms = c->now_ms;
    c->busy_since_ms = 0;
    c->was_busy = false;
    c->building = false;
    c->retry_at_ms = c->now_ms + c->config.timers.t_retry_ms;
}

static void want_block(struct core *c, const struct candidate *about)
{
    const struct block_facts facts = block_unknown(&about->block);

    if (about->height > c->applied_height)
        (void)block_add(c, &facts, about->view);
}

static void take_notarization(struct core *c, const struct cert *cert)
{
    struct core_cert_slot *s;

    make_room(c, cert->about.view);
    s = cert_slot(c, cert->about.view);
    if (s->has_n) {
        if (!candidate_eq(&s->n.about, &cert->about))
            halt(c, "two notarizations in one view");
        return;
    }
    s->has_n = true;
    cert_copy(&s->n, cert);
    note_notarised(c, cert->about.view);
    emit(c, DO_PERSIST_CERT)->cert = &s->n;
    emit_cert(c, &s->n, CORE_ALL);
    want_block(c, &cert->about);
    if (cert->about.view >= c->view)
        enter(c, cert->about.view + 1);
}

static void take_nullification(struct core *c, const struct cert *cert)
{
    struct core_cert_slot *s;

    make_room(c, cert->about.view);
    s = cert_slot(c, cert->about.view);
    if (s->has_x)
        return;
    s->has_x = true;
    cert_copy(&s->x, cert);
    c->nullified++;
    emit(c, DO_PERSIST_CERT)->cert = &s->x;
    emit_cert(c, &s->x, CORE_ALL);
    if (cert->about.view >= c->view)
        enter(c, cert->about.view + 1);
}

/* H1 contradiction: what a final candidate cannot stand beside. */
bool contradicts(const struct core *c, const struct candidate *final)
{
    const struct core_cert_slot *s = cert_slot_if(c, final->view);

    if (s != NULL &&
        (s->has_x || (s->has_n && !candidate_eq(&s->n.about, final))))
        return true;
    return final->height < c->fin.height ||
           (final->height == c->fin.height &&
            !hash_eq(&final->block, &c->fin.block));
}

static void take_finalization(struct core *c, const struct cert *cert)
{
    if (contradicts(c, &cert->about)) {
        halt(c, "a finalization contradicts another certificate");
        return;
    }
    move_final(c, cert);
    c->sync_at_ms = 0;
    emit(c, DO_PERSIST_CERT)->cert = &c->final_cert;
    emit_cert(c, &c->final_cert, CORE_ALL);
    want_block(c, &cert->about);
    if (cert->about.view >= c->view)
        enter(c, cert->about.view + 1);
}

/* A certificate in which this validator signed what it does not remember. */
static bool holds_foreign_vote(const struct core *c, const struct cert *cert)
{
    return c->config.me >= 0 && (cert->bitmap >> c->config.me & 1) != 0 &&
           is_foreign(c, cert->kind, &cert->about);
}

static void take_old(struct core *c, const struct cert *cert)
{
    if (cert->about.view != c->fin.view || !c->has_final_cert)
        return;
    if (cert->kind == VOTE_NULLIFY || !candidate_eq(&cert->about, &c->fin))
        halt(c, "a certificate contradicts a finalization");
}

/* M5 no answer to a certificate: a known one does nothing; a new one is kept,
 * persisted, passed on once, and acted upon (D5 certificates in order). */
void take_cert(struct core *c, const struct cert *cert)
{
    if (c->halted || cert->epoch != c->config.epoch || !is_sane(&cert->about))
        return;
    if (cert->about.view <= c->fin.view) {
        take_old(c, cert);
        return;
    }
    if (holds_foreign_vote(c, cert))
        observe_foreign(c);
    switch ((enum vote_kind)cert->kind) {
    case VOTE_NOTARIZE:
        if (cert->about.view > c->base)
            take_notarization(c, cert);
        break;
    case VOTE_NULLIFY:
        if (cert->about.view > c->base)
            take_nullification(c, cert);
        break;
    case VOTE_FINALIZE:
        take_finalization(c, cert);
        break;
    }
}

bool core_wants_cert(const struct core *c, const struct cert *cert)
{
    const struct core_cert_slot *s = cert_slot_if(c, cert->about.view);

    if (cert->epoch != c->config.epoch || cert->about.view < c->fin.view ||
        !is_sane(&cert->about))
        return false;
    if (cert->about.view == c->fin.view)
        return cert->kind == VOTE_NULLIFY ||
               !candidate_eq(&cert->about, &c->fin);
    if (cert->kind == VOTE_FINALIZE)
        return true;
    if (cert->about.view <= c->base)
        return false;
    if (s == NULL)
        return true;
    if (cert->kind == VOTE_NULLIFY)
        return !s->has_x;
    return !s->has_n || !candidate_eq(&s->n.about, &cert->about);
}
