/* The step, the timers, STATUS, and what a restart brings back. */
#include "consensus/core.h"

#include "base/check.h"
#include "consensus/core_state.h"

void core_status_for(const struct core *c,
                     struct core_status *out,
                     uint8_t recipient)
{
    memset(out, 0, sizeof *out);
    out->view = c->view;
    out->final_view = c->fin.view;
    out->final_height = c->fin.height;
    out->final_hash = c->fin.block;
    out->applied_height = c->applied_height;
    for (uint64_t u = c->fin.view + 1;
         u < c->view && out->map_views < CORE_STATUS_VIEWS;
         u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);
        const uint32_t i = out->map_views++;
        const unsigned bits =
            s == NULL ? 0 : (s->has_n ? 1u : 0u) | (s->has_x ? 2u : 0u);

        out->map[i / 4] |= (uint8_t)(bits << (i % 4 * 2));
    }
    if (recipient >= c->config.n)
        return;
    for (uint64_t u = c->view + CORE_VOTE_WINDOW;
         u > c->fin.view && out->held.kind == 0;
         u--) {
        const struct core_vote_slot *s = vote_slot_if(c, u);

        for (uint8_t kind = VOTE_FINALIZE; s != NULL && kind > 0; kind--) {
            if ((s->have[kind] >> recipient & 1) != 0) {
                out->held = (struct vote){.kind = kind,
                                          .epoch = c->config.epoch,
                                          .about = s->about[kind][recipient],
                                          .signer = recipient,
                                          .sig = s->sigs[kind][recipient]};
                break;
            }
        }
    }
}

/* H4: a vote of ours that our journal does not know means a second instance,
 * or an old journal. */
static void check_held(struct core *c, const struct vote *v)
{
    const struct core_cert_slot *s;
    bool known = false;

    if (v->kind == 0 || (int)v->signer != c->config.me ||
        v->about.view <= c->fin.view || !in_cert_window(c, v->about.view))
        return;
    s = cert_slot_if(c, v->about.view);
    if (s != NULL) {
        known = (v->kind == VOTE_NOTARIZE && s->my_n &&
                 candidate_eq(&s->my_n_vote.about, &v->about)) ||
                (v->kind == VOTE_NULLIFY && s->my_x) ||
                (v->kind == VOTE_FINALIZE && s->my_f &&
                 candidate_eq(&s->my_f_vote.about, &v->about));
    }
    if (!known)
        observe(c,
                "a peer holds a vote of this key that the journal does not "
                "know: a second instance runs, or the journal is old");
}

void send_certs(struct core *c, uint8_t to, uint64_t first, uint64_t count)
{
    uint32_t sent = 0;

    for (uint64_t u = first; u < first + count && sent < CORE_PUSH_MAX; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);

        if (s == NULL)
            continue;
        if (s->has_n) {
            emit_cert(c, &s->n, to);
            sent++;
        }
        if (s->has_x) {
            emit_cert(c, &s->x, to);
            sent++;
        }
    }
}

static void push_missing(struct core *c,
                         uint8_t to,
                         const struct core_status *st)
{
    const uint64_t from =
        (st->final_view > c->fin.view ? st->final_view : c->fin.view) + 1;
    uint32_t sent = 0;

    for (uint64_t u = from; u < c->view && sent < CORE_PUSH_MAX; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);
        const uint64_t i = u - st->final_view - 1;
        const unsigned has =
            i < st->map_views ? st->map[i / 4] >> (i % 4 * 2) & 3u : 0;

        if (s == NULL)
            continue;
        if (s->has_n && (has & 1) == 0) {
            emit_cert(c, &s->n, to);
            sent++;
        }
        if (s->has_x && (has & 2) == 0) {
            emit_cert(c, &s->x, to);
            sent++;
        }
    }
}

void take_status(struct core *c, const struct core_event *e)
{
    const struct core_status *st = e->status;

    c->status_from |= 1u << e->from;
    check_held(c, &st->held);
    if (c->fresh && st->final_height > c->config.genesis.height)
        observe(c,
                "this validator's journal was just born but the chain has "
                "final blocks: join with a new key");
    if (core_may_vote(c))
        c->fresh = false; /* a quorum was at the start together with us */
    if (c->config.mutant == MUTANT_NO_REPAIR)
        return;
    if (st->final_view < c->fin.view && c->has_final_cert)
        emit_cert(c, &c->final_cert, e->from);
    push_missing(c, e->from, st);
}

static void resend_vote(struct core *c, const struct vote *v)
{
    struct core_effect *e = emit(c, DO_SEND_VOTE);

    e->vote = *v;
}

/* Messages may be lost: what is durable is sent again, byte for byte. */
static void retry(struct core *c)
{
    const struct core_cert_slot *s = cert_slot_if(c, c->view);
    uint32_t finalizes = 0;

    if (s != NULL && s->my_n && s->my_n_durable) {
        if (core_leader(c, c->view) == (uint32_t)c->config.me) {
            struct core_effect *e = emit(c, DO_SEND_PROPOSAL);

            e->candidate = s->my_n_vote.about;
            e->vote = s->my_n_vote;
        } else {
            resend_vote(c, &s->my_n_vote);
        }
    }
    if (s != NULL && s->my_x && s->my_x_durable)
        resend_vote(c, &s->my_x_vote);
    for (uint64_t u = c->view; u > c->fin.view && finalizes < 8; u--) {
        s = cert_slot_if(c, u);
        if (s != NULL && s->my_f && s->my_f_durable) {
            resend_vote(c, &s->my_f_vote);
            finalizes++;
        }
    }
    if (c->view > 1)
        send_certs(c, CORE_ALL, c->view - 1, 1);
}

static void tick_view(struct core *c)
{
    const struct core_timers *t = &c->config.timers;
    const struct core_cert_slot *s = cert_slot_if(c, c->view);
    const bool has_prop = s != NULL && s->has_prop;
    const uint32_t leader = core_leader(c, c->view);
    const uint64_t elapsed = elapsed_ms(c);

    if ((!has_prop && elapsed >= timeout_ms(c, t->t_leader_ms)) || /* N1 */
        elapsed >= timeout_ms(c, t->t_view_ms))                    /* N2 */
        nullify(c);
    if (!has_prop && (int)leader != c->config.me && c->heard_ms[leader] != 0 &&
        c->now_ms - c->heard_ms[leader] > t->t_silent_ms &&
        alive_count(c) >= c->quorum) /* N4 */
        nullify(c);
    if (c->now_ms - c->last_retry_ms >= t->t_retry_ms &&
        c->config.mutant != MUTANT_NO_RETRY) {
        c->last_retry_ms = c->now_ms;
        retry(c);
    }
}

void tick(struct core *c)
{
    if (core_is_busy(c))
        tick_view(c);
    if (c->now_ms - c->last_status_ms >= c->config.timers.t_status_ms) {
        c->last_status_ms = c->now_ms;
        emit(c, DO_SEND_STATUS);
    }
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t core_next_tick_ms(const struct core *c)
{
    const struct core_timers *t = &c->config.timers;
    uint64_t next = c->last_status_ms + t->t_status_ms;

    if (core_is_busy(c)) {
        const uint64_t from = c->now_ms - elapsed_ms(c);
        const uint64_t leader = from + timeout_ms(c, t->t_leader_ms);
        const uint64_t carry = from + t->t_leader_ms / 2;

        next = sooner(next, c->last_retry_ms + t->t_retry_ms);
        if (carry > c->now_ms)
            next = sooner(next, carry);
        if (leader > c->now_ms)
            next = sooner(next, leader);
        next = sooner(next, from + timeout_ms(c, t->t_view_ms));
        next = sooner(next, c->now_ms + t->t_fetch_ms);
    }
    if (!hash_eq(&c->fin.block, &c->applied))
        next = sooner(next, c->now_ms + t->t_fetch_ms);
    return next > c->now_ms ? next : c->now_ms + 1;
}

static void take_body(struct core *c, const struct block_facts *facts)
{
    struct core_block *b;

    if (facts->height <= c->applied_height)
        return;
    b = block_add(c, facts);
    if (hash_eq(&b->facts.block, &facts->block))
        b->has_body = true;
}

static void take_executed(struct core *c, const struct hash *block, bool valid)
{
    struct core_block *b = block_find(c, block);

    if (b != NULL && b->exec == EXEC_ASKED)
        b->exec = valid ? EXEC_VALID : EXEC_INVALID;
}

static void take_applied(struct core *c, uint64_t height, const struct hash *h)
{
    if (height < c->applied_height)
        return;
    c->applied_height = height;
    c->applied = *h;
    c->commit_asked = false;
    c->last_sync_ms = 0;
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        struct core_block *b = &c->blocks[i];

        if (b->used && b->has_facts && b->facts.height <= height)
            b->used = false;
        else if (b->used && b->exec == EXEC_ASKED)
            b->exec = EXEC_NONE; /* asked on another tip */
    }
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
    case ON_GET_CERTS:
        send_certs(c, e->from, e->height, CORE_STATUS_VIEWS);
        break;
    case ON_TICK:
        tick(c);
        break;
    case ON_DURABLE:
        durable(c, e->batch);
        break;
    case ON_BUILT:
        take_built(c, e);
        break;
    case ON_EXECUTED:
        take_executed(c, &e->hash, e->yes);
        break;
    case ON_BODY:
        take_body(c, &e->facts);
        break;
    case ON_WORK:
        c->work = e->yes;
        break;
    case ON_APPLIED:
        take_applied(c, e->height, &e->hash);
        break;
    case ON_HEARD:
        c->heard_ms[e->from] = c->now_ms > 0 ? c->now_ms : 1;
        break;
    case ON_DOWN:
        if (c->heard_ms[e->from] + c->config.timers.t_silent_ms > c->now_ms &&
            c->heard_ms[e->from] > c->config.timers.t_silent_ms)
            c->heard_ms[e->from] =
                c->now_ms > c->config.timers.t_silent_ms
                    ? c->now_ms - c->config.timers.t_silent_ms + 1000
                    : 1;
        break;
    }
}

void core_step(struct core *c,
               struct core_effects *out,
               const struct core_event *event,
               uint64_t now_ms)
{
    const uint64_t view_before = c->view;
    const uint64_t final_before = c->fin.view;

    out->count = 0;
    out->batch = 0;
    if (c->halted)
        return;
    ASSERT(event->from < VALIDATORS_MAX);
    if (now_ms > c->now_ms)
        c->now_ms = now_ms;
    c->fx = out;
    c->batch++;
    dispatch(c, event);
    try_all(c);
    c->fx = NULL;
    ASSERT(c->view >= view_before && c->fin.view >= final_before); /* C5 */
}

void core_replay_vote(struct core *c, const struct vote *v)
{
    struct core_cert_slot *s;

    if (!in_cert_window(c, v->about.view))
        return;
    s = cert_slot(c, v->about.view);
    switch ((enum vote_kind)v->kind) {
    case VOTE_NOTARIZE:
        s->my_n = s->my_n_durable = true;
        s->my_n_vote = *v;
        s->has_prop = true;
        s->prop = v->about;
        break;
    case VOTE_NULLIFY:
        s->my_x = s->my_x_durable = true;
        s->my_x_vote = *v;
        break;
    case VOTE_FINALIZE:
        s->my_f = s->my_f_durable = true;
        s->my_f_vote = *v;
        break;
    }
    if (v->about.view > c->view)
        c->view = v->about.view;
}

static void want_block(struct core *c, const struct hash *block)
{
    const struct block_facts unknown = {.block = *block};

    if (!hash_eq(block, &c->applied))
        (void)block_add(c, &unknown);
}

void core_replay_cert(struct core *c, const struct cert *cert)
{
    struct core_cert_slot *s;

    if (cert->about.view <= c->fin.view)
        return;
    if (cert->kind == VOTE_FINALIZE) {
        c->fin = cert->about;
        c->has_final_cert = true;
        c->final_cert = *cert;
        forget_blocks(c);
        want_block(c, &cert->about.block);
    } else if (!in_cert_window(c, cert->about.view)) {
        return;
    } else if (cert->kind == VOTE_NOTARIZE) {
        s = cert_slot(c, cert->about.view);
        s->has_n = true;
        s->n = *cert;
        want_block(c, &cert->about.block);
    } else {
        s = cert_slot(c, cert->about.view);
        s->has_x = true;
        s->x = *cert;
    }
    if (cert->about.view >= c->view)
        c->view = cert->about.view + 1;
}

void core_replay_body(struct core *c, const struct block_facts *facts)
{
    struct core_block *b;

    if (facts->height <= c->applied_height || facts->height < c->fin.height)
        return;
    b = block_add(c, facts);
    b->has_body = true;
    b->persisted = true;
}

void core_start(struct core *c, bool fresh, uint64_t now_ms)
{
    c->fresh = fresh;
    c->now_ms = now_ms;
    c->t_enter_ms = now_ms;
    c->last_status_ms = now_ms;
    c->last_retry_ms = now_ms;
    for (uint64_t u = c->fin.view + 1; u <= c->view; u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);
        const struct vote *mine[3];

        if (s == NULL || !in_vote_window(c, u) || c->config.me < 0)
            continue;
        mine[0] = s->my_n ? &s->my_n_vote : NULL;
        mine[1] = s->my_x ? &s->my_x_vote : NULL;
        mine[2] = s->my_f ? &s->my_f_vote : NULL;
        for (int i = 0; i < 3; i++) {
            struct core_vote_slot *votes = vote_slot(c, u);

            if (mine[i] == NULL)
                continue;
            votes->have[mine[i]->kind] |= 1u << c->config.me;
            votes->about[mine[i]->kind][c->config.me] = mine[i]->about;
            votes->sigs[mine[i]->kind][c->config.me] = mine[i]->sig;
        }
    }
}

void core_init(struct core *c,
               const struct core_config *config,
               uint64_t applied_height,
               const struct hash *applied)
{
    memset(c, 0, sizeof *c);
    ASSERT(config->n >= 1 && config->n <= VALIDATORS_MAX);
    ASSERT(config->me < (int)config->n);
    c->config = *config;
    c->faulty = (uint8_t)valset_faulty(config->n);
    c->quorum = (uint8_t)valset_quorum(config->n);
    if (config->mutant == MUTANT_SMALL_QUORUM)
        c->quorum = (uint8_t)(2 * c->faulty + 1);
    c->fin = config->genesis;
    c->view = 1;
    c->applied_height = applied_height;
    c->applied = *applied;
}

void core_checkpoint(const struct core *c, core_checkpoint_fn each, void *ctx)
{
    if (c->has_final_cert)
        each(ctx, NULL, &c->final_cert);
    for (uint64_t u = c->fin.view + 1;
         u <= c->view + CORE_VOTE_WINDOW && u - c->fin.view < CORE_CERT_SLOTS;
         u++) {
        const struct core_cert_slot *s = cert_slot_if(c, u);

        if (s == NULL)
            continue;
        if (s->has_n)
            each(ctx, NULL, &s->n);
        if (s->has_x)
            each(ctx, NULL, &s->x);
        if (s->my_n)
            each(ctx, &s->my_n_vote, NULL);
        if (s->my_x)
            each(ctx, &s->my_x_vote, NULL);
        if (s->my_f)
            each(ctx, &s->my_f_vote, NULL);
    }
}
