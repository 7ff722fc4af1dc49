/* What a restart brings back, and what a new journal segment must hold. */
#include "base/check.h"
#include "consensus/core_state.h"
#include "consensus/msg.h"
#include "consensus/record.h"

void core_replay_vote(struct core *c, const struct vote *v)
{
    struct core_cert_slot *s;

    make_room(c, v->about.view);
    if (v->about.view <= c->base)
        return;
    s = cert_slot(c, v->about.view);
    s->mine[v->kind] = (struct core_own){OWN_DURABLE, *v};
    if (v->kind == VOTE_NOTARIZE) {
        s->has_prop = true;
        s->prop = v->about;
    }
    if (v->about.view > c->view)
        c->view = v->about.view;
}

static void want_replayed(struct core *c, const struct candidate *about)
{
    const struct block_facts facts = block_unknown(&about->block);

    if (about->height > c->applied_height)
        (void)block_add(c, &facts, about->view);
}

void core_replay_cert(struct core *c, const struct cert *cert)
{
    const uint64_t view = cert->about.view;
    struct core_cert_slot *s;

    if (view <= c->fin.view)
        return;
    if (cert->kind == VOTE_FINALIZE) {
        move_final(c, cert);
        want_replayed(c, &cert->about);
    } else {
        make_room(c, view);
        if (view <= c->base) {
            if (cert->kind == VOTE_NOTARIZE && view > c->kept.about.view)
                cert_copy(&c->kept, cert);
            return;
        }
        s = cert_slot(c, view);
        if (cert->kind == VOTE_NOTARIZE) {
            s->has_n = true;
            cert_copy(&s->n, cert);
            note_notarised(c, view);
            want_replayed(c, &cert->about);
        } else {
            s->has_x = true;
            cert_copy(&s->x, cert);
        }
    }
    if (view >= c->view)
        c->view = view + 1;
}

void core_replay_body(struct core *c, const struct block_facts *facts)
{
    struct core_block *b;

    if (facts->height <= c->applied_height)
        return;
    b = block_add(c, facts, facts->view);
    b->has_body = true;
    b->persisted = true;
}

static enum err replay_vote(struct core *c,
                            uint64_t epoch,
                            struct bytes payload)
{
    const struct vote *mine;
    struct vote v;

    TRY(msg_vote_decode(&v, payload));
    if (c->config.mutant == MUTANT_EPOCH_BLIND_JOURNAL)
        v.signer = (uint8_t)c->config.me;
    if ((int)v.signer != c->config.me || v.epoch != epoch)
        return ERR_MISMATCH;
    if (!is_sane(&v.about))
        return ERR_RANGE;
    mine = own_vote(c, v.about.view, v.kind, false);
    if (mine != NULL && !candidate_eq(&mine->about, &v.about))
        return ERR_CORRUPT;
    mine = own_vote(c,
                    v.about.view,
                    v.kind == VOTE_FINALIZE ? VOTE_NOTARIZE : VOTE_FINALIZE,
                    false);
    if (mine != NULL && v.kind != VOTE_NULLIFY &&
        !candidate_eq(&mine->about, &v.about))
        return c->config.mutant == MUTANT_NONE ? ERR_CORRUPT : ERR_NONE;
    if ((v.kind == VOTE_NULLIFY &&
         own_vote(c, v.about.view, VOTE_FINALIZE, false) != NULL) ||
        (v.kind == VOTE_FINALIZE &&
         own_vote(c, v.about.view, VOTE_NULLIFY, false) != NULL))
        return c->config.mutant == MUTANT_NONE ? ERR_CORRUPT : ERR_NONE;
    core_replay_vote(c, &v);
    return ERR_NONE;
}

static enum err replay_cert(struct core *c,
                            uint64_t epoch,
                            struct bytes payload)
{
    const struct core_cert_slot *s;
    struct cert cert;

    TRY(msg_cert_decode(&cert, payload));
    if (cert.epoch != epoch)
        return ERR_MISMATCH;
    if (!is_sane(&cert.about))
        return ERR_RANGE;
    s = cert_slot_if(c, cert.about.view);
    if (s != NULL && s->has_n && cert.kind != VOTE_NULLIFY &&
        !candidate_eq(&s->n.about, &cert.about))
        return ERR_CORRUPT;
    if (cert.kind == VOTE_FINALIZE && cert.about.view > c->fin.view &&
        contradicts(c, &cert.about))
        return ERR_CORRUPT;
    core_replay_cert(c, &cert);
    return ERR_NONE;
}

static enum err replay_body(struct core *c, struct bytes payload)
{
    struct header header;
    struct bytes header_bytes;
    struct bytes body;
    struct block_facts facts;
    struct hash block;

    TRY(msg_block_decode(&header_bytes, &body, payload));
    TRY(header_decode(&header, header_bytes));
    block = header_hash(&header);
    facts = block_facts_of(&header, &block);
    core_replay_body(c, &facts);
    return ERR_NONE;
}

/* Of the epochs before its birth a journal knows nothing. */
static enum err replay_birth(struct core *c,
                             const struct pubkey *key,
                             struct bytes payload)
{
    struct pubkey born;
    uint64_t epoch;

    TRY(record_birth_decode(&born, &epoch, payload));
    if (memcmp(&born, key, sizeof born) != 0)
        return ERR_MISMATCH;
    if (epoch > c->config.epoch)
        c->passed = true;
    return ERR_NONE;
}

/* The certificate is the finalization it also is. */
static enum err replay_epoch_end(struct core *c,
                                 uint64_t epoch,
                                 struct bytes payload)
{
    struct cert cert;

    TRY(msg_cert_decode(&cert, payload));
    if (cert.kind != VOTE_FINALIZE)
        return ERR_RANGE;
    TRY(replay_cert(c, epoch, payload));
    c->passed = true;
    return ERR_NONE;
}

static enum err replay_checkpoint(struct core *c, struct bytes payload)
{
    struct record_checkpoint r;

    TRY(record_checkpoint_decode(&r, payload));
    if (r.view >= UINT64_MAX / 2)
        return ERR_RANGE;
    if (r.base > c->base) {
        move_base(c, r.base);
        c->nullified_from = r.nullified_from;
    }
    if (r.view > c->view) {
        make_room(c, r.view);
        c->view = r.view;
    }
    return ERR_NONE;
}

/* Records that are of the epoch they were written in. */
static enum err replay_of_epoch(struct core *c,
                                uint8_t type,
                                uint64_t epoch,
                                struct bytes payload)
{
    switch (type) {
    case RECORD_VOTE:
        return replay_vote(c, epoch, payload);
    case RECORD_CERT:
        return replay_cert(c, epoch, payload);
    case RECORD_BODY:
        return replay_body(c, payload);
    case RECORD_CHECKPOINT:
        return replay_checkpoint(c, payload);
    case RECORD_EPOCH_END:
        return replay_epoch_end(c, epoch, payload);
    }
    return ERR_VERSION;
}

enum err core_replay_record(struct core *c,
                            const struct pubkey *key,
                            uint8_t type,
                            uint64_t epoch,
                            struct bytes payload)
{
    switch (type) {
    case RECORD_BIRTH:
        return replay_birth(c, key, payload);
    case RECORD_START:
        return ERR_NONE;
    case RECORD_OBSERVER:
        c->observer = true;
        return ERR_NONE;
    }
    if (type > RECORD_EPOCH_END)
        return ERR_VERSION;
    if (epoch < c->config.epoch &&
        c->config.mutant != MUTANT_EPOCH_BLIND_JOURNAL)
        return ERR_NONE; /* E5 closed epochs */
    if (epoch > c->config.epoch) {
        c->passed = true;
        return ERR_NONE;
    }
    return replay_of_epoch(c, type, epoch, payload);
}

void core_start(struct core *c, bool fresh, uint64_t now_ms)
{
    c->fresh = fresh && c->config.me >= 0;
    c->now_ms = now_ms;
    c->start_view = c->view;
    c->start_ms = now_ms;
    c->t_enter_ms = now_ms;
    c->retry_at_ms = now_ms;
    c->status_at_ms = now_ms;
    c->wake_ms = now_ms;
    forget_applied(c);
    if (c->config.mutant == MUTANT_NO_RECOUNT || c->config.me < 0)
        return;
    c->alone = c->quorum == 1;
    for (uint64_t u = c->base + 1; u <= c->view; u++) {
        for (uint8_t kind = VOTE_NOTARIZE; kind <= VOTE_FINALIZE; kind++) {
            const struct vote *v = own_vote(c, u, kind, true);
            struct core_vote_slot *s;

            if (v == NULL || !in_vote_window(c, u))
                continue;
            s = vote_slot(c, u);
            s->have[kind] |= 1u << c->config.me;
            s->about[kind][c->config.me] = v->about;
            s->sigs[kind][c->config.me] = v->sig;
        }
    }
}

static void list_slot(const struct core *c,
                      const struct core_cert_slot *s,
                      core_checkpoint_fn each,
                      void *ctx)
{
    if (s->has_n)
        each(ctx, NULL, &s->n);
    if (s->has_x)
        each(ctx, NULL, &s->x);
    for (uint8_t kind = VOTE_NOTARIZE; kind <= VOTE_FINALIZE; kind++) {
        const struct vote *v = own_vote(c, s->view, kind, false);

        if (v != NULL)
            each(ctx, v, NULL);
    }
}

void core_checkpoint(const struct core *c, core_checkpoint_fn each, void *ctx)
{
    if (c->has_final_cert)
        each(ctx, NULL, &c->final_cert);
    if (c->kept.about.view != 0)
        each(ctx, NULL, &c->kept);
    for (uint64_t u = c->base + 1; u <= c->view; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);

        if (s != NULL)
            list_slot(c, s, each, ctx);
    }
}

bool core_checkpoint_mark(const struct core *c, struct record_checkpoint *out)
{
    *out = (struct record_checkpoint){
        .view = c->view, .base = c->base, .nullified_from = c->nullified_from};
    return c->base > c->fin.view;
}
