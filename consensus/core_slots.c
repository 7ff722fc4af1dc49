/* Slots, blocks, effects and timers of the core. */
#include "base/check.h"
#include "consensus/core_state.h"

const char *const core_mutant_names[MUTANTS] = {
    "none",
    "finalize_after_nullify",
    "nullify_not_persisted",
    "small_quorum",
    "notarize_twice",
    "send_before_sync",
    "no_carry",
    "duplicate_signer",
    "no_repair",
    "no_retry",
    "no_nullify_check",
};

bool in_cert_window(const struct core *c, uint64_t view)
{
    return view > c->fin.view && view - c->fin.view < CORE_CERT_SLOTS;
}

struct core_cert_slot *cert_slot(struct core *c, uint64_t view)
{
    struct core_cert_slot *s = &c->certs[view % CORE_CERT_SLOTS];

    ASSERT(in_cert_window(c, view));
    if (s->view != view) {
        memset(s, 0, sizeof *s);
        s->view = view;
    }
    return s;
}

const struct core_cert_slot *cert_slot_if(const struct core *c, uint64_t view)
{
    const struct core_cert_slot *s = &c->certs[view % CORE_CERT_SLOTS];

    return view > c->fin.view && s->view == view ? s : NULL;
}

/* Votes are accepted for views in (F, v + 64]; those more than 64 behind the
 * current view are no longer counted. */
bool in_vote_window(const struct core *c, uint64_t view)
{
    return view > c->fin.view && view <= c->view + CORE_VOTE_WINDOW &&
           view + CORE_VOTE_WINDOW > c->view;
}

struct core_vote_slot *vote_slot(struct core *c, uint64_t view)
{
    struct core_vote_slot *s = &c->votes[view % CORE_VOTE_SLOTS];

    ASSERT(in_vote_window(c, view));
    if (s->view != view) {
        s->view = view;
        memset(s->have, 0, sizeof s->have);
    }
    return s;
}

const struct core_vote_slot *vote_slot_if(const struct core *c, uint64_t view)
{
    const struct core_vote_slot *s = &c->votes[view % CORE_VOTE_SLOTS];

    return view > c->fin.view && s->view == view ? s : NULL;
}

uint32_t vote_count(const struct core *c, uint64_t view, uint8_t kind)
{
    const struct core_vote_slot *s = vote_slot_if(c, view);

    return s != NULL ? (uint32_t)__builtin_popcount(s->have[kind]) : 0;
}

struct core_block *block_find(struct core *c, const struct hash *block)
{
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        if (c->blocks[i].used && hash_eq(&c->blocks[i].facts.block, block))
            return &c->blocks[i];
    }
    return NULL;
}

/* A full table gives up a block that nothing here certifies. */
static struct core_block *free_block(struct core *c)
{
    struct core_block *worst = NULL;

    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        struct core_block *b = &c->blocks[i];

        if (!b->used)
            return b;
        if (b->exec != EXEC_VALID &&
            (worst == NULL || b->facts.height < worst->facts.height))
            worst = b;
    }
    return worst != NULL ? worst : &c->blocks[0];
}

struct core_block *block_add(struct core *c, const struct block_facts *facts)
{
    struct core_block *b = block_find(c, &facts->block);

    if (b == NULL) {
        b = free_block(c);
        *b = (struct core_block){.used = true};
        b->facts.block = facts->block;
    }
    if (!b->has_facts && facts->height > 0) {
        b->facts = *facts;
        b->has_facts = true;
    }
    return b;
}

bool block_executed(struct core *c, const struct hash *block)
{
    const struct core_block *b;

    if (hash_eq(block, &c->applied))
        return true;
    b = block_find(c, block);
    return b != NULL && b->exec == EXEC_VALID;
}

bool certified(const struct core *c, uint64_t view, struct candidate *out)
{
    const struct core_cert_slot *s;

    if (view == c->fin.view) {
        *out = c->fin;
        return true;
    }
    s = cert_slot_if(c, view);
    if (s == NULL || !s->has_n)
        return false;
    *out = s->n.about;
    return true;
}

struct core_effect *emit(struct core *c, enum core_effect_kind kind)
{
    struct core_effect *e;

    ASSERT(c->fx != NULL && c->fx->count < CORE_EFFECTS_MAX);
    e = &c->fx->list[c->fx->count++];
    memset(e, 0, sizeof *e);
    e->kind = kind;
    e->to = CORE_ALL;
    if (kind == DO_PERSIST_VOTE || kind == DO_PERSIST_CERT ||
        kind == DO_PERSIST_BODY)
        c->fx->batch = c->batch;
    return e;
}

void emit_cert(struct core *c, const struct cert *cert, uint8_t to)
{
    struct core_effect *e;

    if (c->fx->count + 32 > CORE_EFFECTS_MAX)
        return; /* repair goes on with the next STATUS */
    e = emit(c, DO_SEND_CERT);
    e->cert = cert;
    e->to = to;
}

void halt(struct core *c, const char *text)
{
    if (c->halted)
        return;
    c->halted = true;
    emit(c, DO_HALT)->text = text;
}

void observe(struct core *c, const char *text)
{
    if (c->observer)
        return;
    c->observer = true;
    emit(c, DO_OBSERVE)->text = text;
}

/* 1024 * 1.5^b, rounded down: b counts views beyond the one in flight. */
static const uint32_t back_off[13] = {1024,
                                      1536,
                                      2304,
                                      3456,
                                      5184,
                                      7776,
                                      11664,
                                      17496,
                                      26244,
                                      39366,
                                      59049,
                                      88573,
                                      132860};

uint64_t timeout_ms(const struct core *c, uint32_t base_ms)
{
    const uint64_t ahead = c->view - c->fin.view;
    const uint64_t b = ahead > 2 ? ahead - 2 : 0;
    const uint64_t t = (uint64_t)base_ms * back_off[b < 12 ? b : 12] / 1024;

    return t < c->config.timers.t_cap_ms ? t : c->config.timers.t_cap_ms;
}

uint64_t elapsed_ms(const struct core *c)
{
    const uint64_t from =
        c->busy_since_ms > c->t_enter_ms ? c->busy_since_ms : c->t_enter_ms;

    return c->now_ms > from ? c->now_ms - from : 0;
}

uint32_t alive_count(const struct core *c)
{
    const uint64_t limit = (uint64_t)c->config.timers.t_status_ms * 5 / 2;
    uint32_t alive = 1;

    for (uint32_t i = 0; i < c->config.n; i++) {
        if ((int)i != c->config.me && c->heard_ms[i] != 0 &&
            c->now_ms - c->heard_ms[i] <= limit)
            alive++;
    }
    return alive;
}

uint32_t core_leader(const struct core *c, uint64_t view)
{
    return valset_leader(c->config.n, c->config.leader_seed, view);
}

bool core_may_vote(const struct core *c)
{
    if (c->config.me < 0 || c->observer || c->halted)
        return false;
    return (uint32_t)__builtin_popcount(c->status_from) + 1 >= c->quorum;
}

bool core_is_busy(const struct core *c)
{
    const struct core_cert_slot *s = cert_slot_if(c, c->view);

    return c->work || c->view - 1 > c->fin.view ||
           (s != NULL && (s->has_prop || s->my_x)) ||
           vote_count(c, c->view, VOTE_NULLIFY) >= (uint32_t)c->faulty + 1;
}

bool core_wants_vote(const struct core *c, const struct vote *v)
{
    const struct core_cert_slot *s = cert_slot_if(c, v->about.view);
    const struct core_vote_slot *votes = vote_slot_if(c, v->about.view);

    if (v->epoch != c->config.epoch || v->signer >= c->config.n ||
        (int)v->signer == c->config.me)
        return false;
    if (v->about.view <= c->fin.view)
        return true; /* answered with the finalization */
    if (!in_vote_window(c, v->about.view))
        return false;
    if (s != NULL && ((v->kind == VOTE_NOTARIZE && s->has_n) ||
                      (v->kind == VOTE_NULLIFY && s->has_x)))
        return false;
    if (votes == NULL || (votes->have[v->kind] >> v->signer & 1) == 0)
        return true;
    return !candidate_eq(&votes->about[v->kind][v->signer], &v->about);
}

bool core_wants_cert(const struct core *c, const struct cert *cert)
{
    const struct core_cert_slot *s = cert_slot_if(c, cert->about.view);

    if (cert->epoch != c->config.epoch || cert->about.view <= c->fin.view)
        return false;
    if (cert->kind == VOTE_FINALIZE)
        return true;
    if (!in_cert_window(c, cert->about.view))
        return false;
    if (s == NULL)
        return true;
    return cert->kind == VOTE_NOTARIZE ? !s->has_n : !s->has_x;
}
