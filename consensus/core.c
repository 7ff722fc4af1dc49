/* The step: events in, one pass over the rules, effects out. */
#include "consensus/core.h"

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
    "any_nullify_busy",
    "no_back_off",
    "no_recount",
    "body_not_persisted",
    "nullify_forgotten",
    "finalize_unnotarised",
    "own_vote_early",
    "no_sealing_rule",
    "epoch_blind_journal",
};

/* How many effects one step can have, at most.  Certificates arrive in one
 * proposal or are pushed to one peer; the rest comes once a step. */
enum {
    EFFECTS_OF_CERTS = 2 * 66,           /* persist and send each */
    EFFECTS_OF_VOTES = 4 * CORE_PENDING, /* body, vote, send, report */
    EFFECTS_OF_BLOCKS = 2 * CORE_NOTED,  /* execute, fetch */
    EFFECTS_OF_REST = 16,                /* build, commit, sync, status, … */
};
_Static_assert(EFFECTS_OF_CERTS + EFFECTS_OF_VOTES + EFFECTS_OF_BLOCKS +
                       EFFECTS_OF_REST <=
                   CORE_EFFECTS_MAX,
               "the effects of a step fit");
_Static_assert(2 + 2 + CORE_NOTED + 4 + 2 * CORE_PUSH_MAX <= EFFECTS_OF_CERTS,
               "a retry or a push, instead of a proposal, fits too");

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
    struct core_effect *e = emit(c, DO_SEND_CERT);

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
    if (c->observer || c->config.me < 0)
        return;
    c->observer = true;
    emit(c, DO_OBSERVE)->text = text;
}

void wake_at(struct core *c, uint64_t at_ms)
{
    if (at_ms < c->wake_ms)
        c->wake_ms = at_ms;
}

bool due(struct core *c, uint64_t at_ms)
{
    if (c->now_ms >= at_ms)
        return true;
    wake_at(c, at_ms);
    return false;
}

static void hear(struct core *c, uint8_t from)
{
    struct core_peer *p = &c->peers[from];

    p->heard = true;
    p->heard_ms = c->now_ms;
    p->down_ms = 0;
}

static void dispatch(struct core *c, const struct core_event *e)
{
    switch (e->kind) {
    case ON_PROPOSAL:
        take_proposal(c, e);
        break;
    case ON_VOTE:
        take_vote(c, e->vote, false);
        break;
    case ON_CERT:
        for (uint32_t i = 0; i < e->cert_count; i++)
            take_cert(c, &e->certs[i]);
        break;
    case ON_STATUS:
        take_status(c, e);
        break;
    case ON_TICK:
    case ON_HEARD:
        break;
    case ON_DURABLE:
        take_durable(c, e->batch);
        break;
    case ON_BUILT:
        take_built(c, e);
        break;
    case ON_EXECUTED:
        take_executed(c, e);
        break;
    case ON_BODY:
        take_body(c, &e->facts);
        break;
    case ON_WORK:
        c->work = e->yes;
        break;
    case ON_APPLIED:
        take_applied(c, e);
        break;
    case ON_EPOCH:
        take_epoch(c, e);
        break;
    case ON_UP:
        hear(c, e->from);
        emit(c, DO_SEND_STATUS)->to = e->from;
        break;
    case ON_DOWN:
        if (c->peers[e->from].down_ms == 0)
            c->peers[e->from].down_ms = c->now_ms > 0 ? c->now_ms : 1;
        break;
    }
}

/* D45 no second birth: a journal is born once, before its chain has a final
 * block, or before its key is a validator's. */
static void check_birth(struct core *c)
{
    if (c->fin.height > 0)
        observe(c,
                "this validator's journal was just born but the chain has "
                "final blocks: join with a new key");
    c->fresh = !core_may_vote(c);
}

/* E2 end is final: the last block of the epoch is, and it is applied here. */
static bool epoch_is_over(struct core *c)
{
    if (!c->applied_seal || c->fin.height < c->applied_height)
        return false;
    if (!hash_eq(&c->fin.block, &c->applied)) {
        halt(c, "a block is final beyond the last one of its epoch"); /* H1 */
        return false;
    }
    return c->config.mutant != MUTANT_NO_SEALING_RULE || !c->work;
}

/* E4 switch ends the step: when all of it is done, and instead of the rules. */
static void end_epoch(struct core *c)
{
    struct core_effect *e = emit(c, DO_EPOCH_END);

    ASSERT(c->has_final_cert);
    e->candidate = c->fin;
    e->cert = &c->final_cert;
    c->could = core_may_vote(c);
    c->ended = true;
}

/* Every rule that may have become applicable.  Each asks to be woken when it
 * waits for time only, so a tick is never missed and never idle. */
static void run_rules(struct core *c)
{
    const bool busy = core_is_busy(c);

    if (busy && !c->was_busy)
        c->busy_since_ms = c->now_ms;
    c->was_busy = busy;
    if (c->fresh)
        check_birth(c);
    if (c->alone)
        form_own(c);
    want_committed(c);
    want_certified(c);
    if (c->halted)
        return;
    try_notarize(c);
    try_propose(c);
    try_finalize(c);
    run_timers(c);
}

void core_step(struct core *c,
               struct core_effects *out,
               const struct core_event *event,
               uint64_t now_ms)
{
    const uint64_t view_before = c->view;
    const uint64_t final_before = c->fin.view;

    ASSERT(event->from < CORE_PEERS);
    ASSERT(event->cert_count <= EFFECTS_OF_CERTS / 2);
    out->count = 0;
    out->batch = 0;
    if (now_ms > c->now_ms)
        c->now_ms = now_ms;
    if (event->kind == ON_HEARD) { /* often, and it enables no rule */
        hear(c, event->from);
        return;
    }
    c->wake_ms = UINT64_MAX;
    if (c->halted || c->ended)
        return;
    c->wall_ms = event->wall_ms;
    c->fx = out;
    c->batch++;
    dispatch(c, event);
    if (!c->halted && epoch_is_over(c))
        end_epoch(c);
    else if (!c->halted)
        run_rules(c);
    c->fx = NULL;
    ASSERT(c->view >= view_before && c->fin.view >= final_before); /* C5 */
    ASSERT(c->view > c->fin.view && c->base >= c->fin.view);
}

uint64_t core_next_tick_ms(const struct core *c)
{
    return c->wake_ms;
}

uint32_t core_leader(const struct core *c, uint64_t view)
{
    return valset_leader(c->config.n, c->config.leader_seed, view);
}

bool core_may_vote(const struct core *c)
{
    if (c->config.me < 0 || c->observer || c->halted || c->ended || c->passed)
        return false;
    return c->continued ||
           (uint32_t)__builtin_popcount(c->status_from) + 1 >= c->quorum;
}

struct block_facts block_facts_of(const struct header *h,
                                  const struct hash *block)
{
    return (struct block_facts){.block = *block,
                                .height = h->height,
                                .parent_hash = h->parent_hash,
                                .view = h->view,
                                .time_ms = h->time_ms,
                                .proposer = h->proposer,
                                .seal = (h->flags & HEADER_SEAL) != 0};
}

bool core_is_quiet(const struct core *c)
{
    return c->pending_count == 0;
}

void core_init(struct core *c,
               const struct core_config *config,
               uint64_t applied_height,
               const struct hash *applied)
{
    ASSERT(config->n >= 1 && config->n <= VALIDATORS_MAX);
    ASSERT(config->me < (int)config->n);
    /* The two rings are megabytes: only their marks need to be cleared. */
    memset(c, 0, offsetof(struct core, certs));
    for (uint32_t i = 0; i < CORE_CERT_SLOTS; i++)
        c->certs[i].view = 0;
    for (uint32_t i = 0; i < CORE_VOTE_SLOTS; i++)
        c->votes[i].view = 0;
    c->config = *config;
    c->faulty = (uint8_t)valset_faulty(config->n);
    c->quorum = (uint8_t)valset_quorum(config->n);
    if (config->mutant == MUTANT_SMALL_QUORUM)
        c->quorum = (uint8_t)(2 * c->faulty + 1);
    c->fin = config->genesis;
    c->nullified_from = 1;
    c->view = 1;
    c->applied_height = applied_height;
    c->applied = *applied;
}

/* E3 fresh start: nothing of the old epoch but the tip and what is counted. */
void core_next(struct core *c, const struct core_config *config)
{
    const struct hash applied = c->applied;
    const uint64_t height = c->applied_height;
    const uint64_t batch = c->batch;
    const uint64_t views = c->views_entered;
    const uint64_t nullified = c->nullified;
    const uint64_t evidence = c->evidence;
    const bool observer = c->observer;
    const bool could = c->could;

    ASSERT(c->ended && config->epoch == c->config.epoch + 1);
    ASSERT(config->genesis.view == 0 && config->genesis.height == height &&
           hash_eq(&config->genesis.block, &applied));
    core_init(c, config, height, &applied);
    c->batch = batch;
    c->views_entered = views;
    c->nullified = nullified;
    c->evidence = evidence;
    c->observer = observer;
    c->continued = could;
}
