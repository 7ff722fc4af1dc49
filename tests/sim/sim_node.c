/* The driver of one node: events in, effects carried out in order. */
#include "base/check.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

/* ---- sending ---- */

static void send_now(struct sim *s,
                     uint32_t i,
                     uint32_t to,
                     const struct vote *own,
                     struct sim_packet *p)
{
    uint64_t late_us = 0;

    if (own != NULL)
        sim_saw_vote(s, i, own);
    if (s->nodes[i].byz != 0) {
        late_us = sim_byz_late_us(s, i, p->type);
        sim_byz_keep(s, i, p);
    }
    sim_send(s, i, to, p, late_us);
    sim_packet_drop(s, p);
}

/* Sends now, or when the batch of this step is on disk. */
static void post(struct sim *s,
                 uint32_t i,
                 const struct core_effect *e,
                 struct sim_packet *p)
{
    struct sim_node *node = &s->nodes[i];
    const bool own = e->kind == DO_SEND_VOTE || e->kind == DO_SEND_PROPOSAL;
    const uint32_t to = sim_whom(s, i, e->to, !own);

    if (!e->after_sync) {
        send_now(s, i, to, own ? &e->vote : NULL, p);
        return;
    }
    ASSERT(node->held_count < SIM_HELD_MAX && s->effects->batch != 0);
    node->room.held[node->held_count++] =
        (struct sim_held){.batch = s->effects->batch,
                          .to = to,
                          .packet = p,
                          .vote = e->vote,
                          .is_own_vote = own};
}

static void send_body_later(struct sim *s, uint32_t i, uint32_t block)
{
    sim_note(s, FAULT_LARGE);
    for (uint32_t to = 0; to < s->instances; to++) {
        if (to == i || !s->nodes[to].up ||
            !sim_reaches(s, i, to, s->blocks[block].header.view) ||
            sim_chance(s, RNG_LOSS, s->params.loss) ||
            (s->nodes[i].byz != 0 && sim_byz_withholds(s, i, to, MSG_BLOCK)))
            continue;
        sim_push(s,
                 (struct sim_ev){.kind = EV_BODY,
                                 .node = (uint8_t)to,
                                 .life = s->nodes[to].life,
                                 .arg = block,
                                 .at = s->now + 2 * sim_delay(s)});
    }
}

static void send_proposal(struct sim *s,
                          uint32_t i,
                          const struct core_effect *e)
{
    const struct cert *certs[MSG_CERTS_MAX];
    const uint32_t count = core_justification(
        s->nodes[i].room.core, &e->candidate, certs, MSG_CERTS_MAX);
    const uint32_t block = sim_block_find(s, &e->candidate.block);
    const struct sim_block *b = &s->blocks[block];
    const bool is_block = block != 0 && b->header.view == e->candidate.view;
    const bool large = is_block && sim_chance(s, RNG_LARGE, s->params.large);
    struct sim_packet *p = sim_packet_new(s, MSG_PROPOSAL);
    struct writer w =
        sim_packet_writer(p, 2048 + b->body.size + count * CERT_BYTES_MAX);

    msg_proposal_encode(
        &w,
        &e->candidate,
        &e->vote,
        is_block ? buf_bytes(&b->header_bytes) : bytes_of(NULL, 0),
        certs,
        count,
        is_block && !large ? buf_bytes(&b->body) : bytes_of(NULL, 0));
    sim_packet_done(p, &w);
    p->view = e->candidate.view;
    post(s, i, e, p);
    if (large)
        send_body_later(s, i, block);
}

static void send_status(struct sim *s, uint32_t i, const struct core_effect *e)
{
    struct sim_node *node = &s->nodes[i];

    const uint32_t to = sim_whom(s, i, e->to, true) & ~(1u << node->id);

    for (uint32_t left = to; left != 0; left &= left - 1) {
        struct core_effect one = *e;
        struct core_status status;
        struct sim_packet *p;
        struct writer w;

        one.to = sim_peer(s, i, (uint8_t)__builtin_ctz(left));
        core_status_for(node->room.core, &status, one.to);
        if ((node->byz & SIM_BIT(BYZ_CLAIMS)) != 0 &&
            sim_chance(s, RNG_BYZ, 512)) {
            sim_note(s, BYZ_CLAIMS); /* A1: only words */
            status.view += sim_between(s, RNG_BYZ, 0, 100);
            status.final_height += 1000;
        }
        p = sim_packet_new(s, MSG_STATUS);
        w = sim_packet_writer(p, MSG_STATUS_MAX);
        msg_status_encode(&w, &status, node->room.core->config.epoch);
        sim_packet_done(p, &w);
        p->view = status.view;
        post(s, i, &one, p);
    }
}

static void send_small(struct sim *s, uint32_t i, const struct core_effect *e)
{
    const bool vote = e->kind == DO_SEND_VOTE;
    struct sim_packet *p = sim_packet_new(s, vote ? MSG_VOTE : MSG_CERT);
    struct writer w = sim_packet_writer(p, vote ? VOTE_BYTES : CERT_BYTES_MAX);

    if (vote)
        vote_encode(&w, &e->vote);
    else
        cert_encode(&w, e->cert);
    sim_packet_done(p, &w);
    p->view = vote ? e->vote.about.view : e->cert->about.view;
    post(s, i, e, p);
}

static void release_held(struct sim *s, uint32_t i, uint64_t batch)
{
    struct sim_node *node = &s->nodes[i];
    struct sim_held *held = node->room.held;

    for (uint32_t k = 0; k < node->held_count;) {
        const struct sim_held h = held[k];

        if (h.batch > batch) {
            k++;
            continue;
        }
        node->held_count--;
        memmove(
            &held[k], &held[k + 1], (node->held_count - k) * sizeof held[0]);
        send_now(s, i, h.to, h.is_own_vote ? &h.vote : NULL, h.packet);
        if (sim_boundary(s, i))
            return;
    }
}

/* ---- effects ---- */

static void persist(struct sim *s, uint32_t i, const struct core_effect *e)
{
    struct sim_node *node = &s->nodes[i];
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    if (e->kind == DO_PERSIST_VOTE) {
        sim_saw_signing(s, i, &e->vote);
        vote_encode(&w, &e->vote);
        sim_append(node, RECORD_VOTE, e->vote.about.view, writer_bytes(&w));
    } else {
        if (node->correct)
            sim_saw_cert(s, e->cert);
        cert_encode(&w, e->cert);
        sim_append(node, RECORD_CERT, e->cert->about.view, writer_bytes(&w));
    }
}

static bool has_block(const struct sim_node *peer,
                      uint32_t block,
                      uint64_t height)
{
    return peer->has_body[block] != 0 ||
           (height <= peer->height && peer->room.chain[height] == block);
}

/* A body from a peer that has it and can be reached. */
static void fetch(struct sim *s, uint32_t i, const struct core_effect *e)
{
    const uint32_t block = sim_block_find(s, &e->hash);
    const uint32_t whom = sim_whom(s, i, e->to, true);
    const uint32_t from = whom == 0 ? i : (uint32_t)__builtin_ctz(whom);
    const struct sim_node *peer = &s->nodes[from];
    const uint64_t view = s->nodes[i].room.core->view;

    if (block == 0 || !peer->up || !sim_reaches(s, i, from, view) ||
        !sim_reaches(s, from, i, view) ||
        sim_chance(s, RNG_LOSS, s->params.loss) ||
        !has_block(peer, block, s->blocks[block].header.height))
        return;
    if (peer->byz != 0 &&
        (!peer->member || sim_byz_withholds(s, from, i, MSG_BLOCK)))
        return;
    sim_push(s,
             (struct sim_ev){.kind = EV_BODY,
                             .node = (uint8_t)i,
                             .life = s->nodes[i].life,
                             .arg = block,
                             .at = s->now + 2 * sim_delay(s)});
}

/* Certified blocks from a peer that is further. */
static void sync_blocks(struct sim *s, uint32_t i, uint64_t to_height)
{
    const uint32_t keys = s->params.n + s->params.spare;
    const uint32_t from = (uint32_t)sim_between(s, RNG_LOAD, 0, keys - 1);
    const struct sim_node *peer = &s->nodes[from];
    const uint64_t view = s->nodes[i].room.core->view;

    if (from == i || peer->byz != 0 || !peer->up ||
        !sim_reaches(s, i, from, view) || !sim_reaches(s, from, i, view) ||
        sim_chance(s, RNG_LOSS, s->params.loss))
        return;
    sim_push(s,
             (struct sim_ev){.kind = EV_BLOCKS,
                             .node = (uint8_t)i,
                             .from = (uint8_t)from,
                             .life = s->nodes[i].life,
                             .arg = to_height,
                             .at = s->now + 2 * sim_delay(s)});
}

static void take_blocks(struct sim *s, uint32_t i, const struct sim_ev *ev)
{
    const struct sim_node *peer = &s->nodes[ev->from];
    const uint64_t stored = sim_stored(s, peer);

    for (uint64_t h = s->nodes[i].height + 1;
         h <= stored && h <= ev->arg && h <= s->nodes[i].height + 16;
         h++) {
        const uint32_t block = peer->room.chain[h];
        const struct cert *cert = &peer->room.certs[h];
        struct sim_task *t = sim_task(s, i, DO_COMMIT);

        if (cert->about.height != h ||
            !hash_eq(&cert->about.block, &s->blocks[block].hash) ||
            !sim_cert_ok(s, cert))
            sim_fail(s,
                     "node %u serves a block without its own certificate",
                     ev->from);
        t->block = block;
        t->with_body = true;
        cert_copy(&t->cert, cert);
        t->journal_size = s->nodes[i].room.journal.size;
    }
}

/* A second copy is told of votes its own journal does not know; a real one
 * stops then (H4).  Here its owner makes it go on. */
static void stopped(struct sim *s, uint32_t i, const struct core_effect *e)
{
    struct sim_node *node = &s->nodes[i];

    if (e->kind == DO_OBSERVE && !node->correct && !node->dead)
        node->room.core->observer = false;
    else if (node->correct)
        sim_fail(s, "node %u stopped: %s", i, e->text);
}

static void accuse(struct sim *s, uint32_t i, const struct core_effect *e)
{
    const uint32_t who =
        (uint32_t)__builtin_ctz(sim_whom(s, i, e->vote.signer, true));

    if (s->nodes[who].correct && s->mutant == MUTANT_NONE)
        sim_fail(s, "evidence against correct node %u", who);
}

static void send_epoch_end(struct sim *s,
                           uint32_t i,
                           const struct core_effect *e)
{
    struct sim_packet *p = sim_epoch_packet(s, i, e->epoch);

    if (p != NULL)
        post(s, i, e, p);
}

static void persist_end(struct sim *s, uint32_t i, const struct core_effect *e)
{
    struct sim_node *node = &s->nodes[i];
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    cert_encode(&w, e->cert);
    sim_append(node, RECORD_EPOCH_END, e->cert->about.view, writer_bytes(&w));
}

static void carry_out(struct sim *s, uint32_t i, const struct core_effect *e)
{
    struct sim_node *node = &s->nodes[i];
    struct sim_task *task;

    if (s->trace)
        sim_tell_effect(s, i, e);
    switch (e->kind) {
    case DO_PERSIST_VOTE:
    case DO_PERSIST_CERT:
        persist(s, i, e);
        break;
    case DO_PERSIST_BODY:
        sim_append_body(s, node, sim_block_find(s, &e->hash));
        break;
    case DO_SEND_PROPOSAL:
        send_proposal(s, i, e);
        break;
    case DO_SEND_VOTE:
    case DO_SEND_CERT:
        send_small(s, i, e);
        break;
    case DO_SEND_STATUS:
        send_status(s, i, e);
        break;
    case DO_BUILD:
        task = sim_task(s, i, DO_BUILD);
        task->candidate = e->candidate;
        break;
    case DO_EXECUTE:
        task = sim_task(s, i, DO_EXECUTE);
        task->block = sim_block_find(s, &e->hash);
        break;
    case DO_FETCH:
        fetch(s, i, e);
        break;
    case DO_SYNC:
        sync_blocks(s, i, e->candidate.height);
        break;
    case DO_COMMIT:
        task = sim_task(s, i, DO_COMMIT);
        task->block = sim_block_find(s, &e->candidate.block);
        cert_copy(&task->cert, e->cert);
        task->journal_size = node->room.journal.size;
        break;
    case DO_SEND_EPOCH_END:
        send_epoch_end(s, i, e);
        break;
    case DO_EPOCH_END:
        persist_end(s, i, e);
        break;
    case DO_EVIDENCE:
        accuse(s, i, e);
        break;
    case DO_OBSERVE:
        if (node->correct)
            sim_append(node, RECORD_OBSERVER, 0, bytes_of(NULL, 0));
        stopped(s, i, e);
        break;
    case DO_HALT:
        stopped(s, i, e);
        break;
    }
}

static void plan_tick(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const uint64_t next_ms = core_next_tick_ms(node->room.core);
    uint64_t at;

    if (next_ms == UINT64_MAX)
        return;
    at = sim_when(s, node, next_ms);
    if (at >= node->tick_at)
        return;
    node->tick_at = at;
    sim_push(
        s,
        (struct sim_ev){
            .kind = EV_TICK, .node = (uint8_t)i, .life = node->life, .at = at});
}

static void note_view(struct sim *s, struct sim_node *node)
{
    if (node->view_seen == node->room.core->view)
        return;
    node->view_seen = node->room.core->view;
    node->entered_at = s->now;
    if (s->family != NULL)
        sim_script_entered(s, node->view_seen);
}

static void end_epoch(struct sim *s, uint32_t i, const struct cert *by)
{
    struct cert cert;

    cert_copy(&cert, by);
    if (!s->healed && s->nodes[i].byz == 0 &&
        sim_chance(s, RNG_TARGET, s->params.at_seal)) {
        sim_crash_at_seal(s, i);
        return;
    }
    sim_epoch_end(s, i, &cert);
}

/* The first start of a validator at the birth of its chain (D45). */
static void note_start(struct sim_node *node)
{
    struct core *core = node->room.core;

    if (node->started || core->config.me < 0 || core->fresh)
        return;
    node->started = true;
    sim_append(node, RECORD_START, 0, bytes_of(NULL, 0));
    node->started_end = node->room.journal.size;
    node->batch_wanted = core->batch;
}

void sim_node_feed(struct sim *s, uint32_t i, struct core_event *e)
{
    struct sim_node *node = &s->nodes[i];
    struct core *core = node->room.core;
    struct core_effects *fx = s->effects;
    const uint64_t now_ms = sim_local_ms(s, node);
    const struct core_effect *last;

    if (s->failed || core->halted || !node->up)
        return;
    e->wall_ms = sim_wall_ms(s, node);
    core_step(core, fx, e, now_ms);
    if (core_next_tick_ms(core) <= now_ms && !core->halted)
        sim_fail(s, "node %u asks for a tick in the past", i);
    for (uint32_t k = 0; k < fx->count && !s->failed; k++) {
        /* Certificates alone wait for the next vote's sync, or a commit's. */
        if (fx->list[k].after_sync || fx->list[k].kind == DO_PERSIST_VOTE)
            node->batch_wanted = fx->batch;
        carry_out(s, i, &fx->list[k]);
        if (sim_boundary(s, i))
            return;
    }
    note_start(node);
    if (node->batch_wanted > node->batch_syncing && !node->syncing)
        sim_sync(s, i);
    last = fx->count > 0 ? &fx->list[fx->count - 1] : NULL;
    if (last != NULL && last->kind == DO_EPOCH_END && !s->failed) {
        end_epoch(s, i, last->cert);
        return;
    }
    note_view(s, node);
    plan_tick(s, i);
}

void sim_node_learn(struct sim *s, uint32_t i, uint32_t tx)
{
    struct sim_node *node = &s->nodes[i];

    if (node->knows_tx[tx] != 0)
        return;
    node->knows_tx[tx] = 1;
    if (s->ops->has(node->app, tx))
        return;
    node->open_txs++;
    if (tx < node->first_open)
        node->first_open = tx;
}

void sim_node_work(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    struct core_event e = {.kind = ON_WORK};

    e.yes = node->open_txs > 0;
    if (e.yes == node->work_told)
        return;
    node->work_told = e.yes;
    sim_node_feed(s, i, &e);
}

/* ---- life ---- */

static void connect(struct sim *s, uint32_t a, uint32_t b)
{
    const uint64_t at = s->now + 2 * sim_delay(s);

    sim_push(s,
             (struct sim_ev){.kind = EV_LINK_UP,
                             .node = (uint8_t)a,
                             .from = (uint8_t)b,
                             .life = s->nodes[a].life,
                             .at = at});
    sim_push(s,
             (struct sim_ev){.kind = EV_LINK_UP,
                             .node = (uint8_t)b,
                             .from = (uint8_t)a,
                             .life = s->nodes[b].life,
                             .at = at});
}

/* The bodies that a replay has found. */
void sim_recover_bodies(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];

    for (uint32_t k = 0; k < CORE_BLOCKS; k++) {
        const struct core_block *b = &node->room.core->blocks[k];

        if (b->used && b->has_body)
            node->has_body[sim_block_find(s, &b->facts.block)] = 1;
    }
}

void sim_node_start(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    struct core *core = node->room.core;
    struct core_config config;
    struct core_event tick = {.kind = ON_TICK};
    bool fresh;

    ASSERT(!node->up);
    node->up = true;
    node->life++;
    sim_load_state(s, node);
    sim_epoch_config(s, i, &config);
    if (s->failed)
        return;
    core_init(core,
              &config,
              node->height,
              &s->blocks[node->room.chain[node->height]].hash);
    if (node->room.journal.size == 0)
        sim_cut(s, i); /* gives a new node its birth */
    node->later = false;
    node->replayed = node->room.journal.size;
    if (!sim_replay(s, i, core, node->room.journal.size, &fresh))
        return;
    core_start(core, fresh, sim_local_ms(s, node));
    if (!node->correct)
        core->observer = false;
    if (s->trace)
        sim_tell(
            s, "node %u starts, view %llu", i, (unsigned long long)core->view);
    memset(node->has_body, 0, sizeof node->has_body);
    sim_recover_bodies(s, i);
    node->started = !fresh;
    node->started_end = 0;
    node->statuses = 0;
    node->work_told = false;
    node->tick_at = SIM_NEVER;
    node->batch_wanted = node->batch_syncing = 0;
    node->syncing = false;
    node->task_count = 0;
    for (uint32_t k = 0; k < s->instances; k++) {
        if (s->nodes[k].id != node->id && s->nodes[k].up)
            connect(s, i, k);
    }
    node->journal_final = core->fin.height;
    sim_node_feed(s, i, &tick);
    sim_node_work(s, i);
    sim_redo(s, i);
}

/* What was not synced is lost, or some of it is not; memory is gone. */
void sim_node_crash(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];

    if (!node->up)
        return;
    node->up = false;
    s->total.crashes++;
    sim_store_lose(s, node);
    sim_lose_unsynced(s, node);
    if (s->trace)
        sim_tell(s, "node %u crashes", i);
    while (node->held_count > 0)
        sim_packet_drop(s, node->room.held[--node->held_count].packet);
    memset(node->knows_tx, 0, sizeof node->knows_tx);
    memset(node->sent_at, 0, sizeof node->sent_at);
    node->open_txs = 0;
    node->paused_until = 0;
    for (uint32_t k = 0; k < s->instances; k++) {
        if (s->nodes[k].id == node->id || !s->nodes[k].up ||
            !sim_chance(s, RNG_LOSS, 768))
            continue;
        sim_push(s,
                 (struct sim_ev){.kind = EV_LINK_DOWN,
                                 .node = (uint8_t)k,
                                 .from = (uint8_t)i,
                                 .life = s->nodes[k].life,
                                 .at = s->now + sim_delay(s)});
    }
}

static void on_synced(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    struct core_event e = {.kind = ON_DURABLE, .batch = node->batch_syncing};

    node->syncing = false;
    node->synced = node->syncing_to;
    if (!s->healed && node->byz == 0 &&
        sim_chance(s, RNG_TARGET, s->params.targeted)) {
        sim_crash_targeted(s, i);
        return; /* on disk, and never sent by this life */
    }
    if (sim_boundary(s, i))
        return;
    release_held(s, i, e.batch);
    sim_node_feed(s, i, &e);
    if (!node->up)
        return;
    if (node->correct && sim_chance(s, RNG_CHECK, 2))
        sim_check_replay(s, i);
    sim_cut(s, i);
}

static void on_body(struct sim *s, uint32_t i, uint32_t block)
{
    const struct sim_block *b = &s->blocks[block];
    struct core_event e = {.kind = ON_BODY,
                           .facts = block_facts_of(&b->header, &b->hash)};

    s->nodes[i].has_body[block] = 1;
    sim_node_feed(s, i, &e);
}

static void on_tick(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    struct core_event e = {.kind = ON_TICK};

    if (node->tick_at > s->now)
        return;
    node->tick_at = SIM_NEVER;
    if (sim_local_ms(s, node) >= core_next_tick_ms(node->room.core))
        sim_node_feed(s, i, &e);
    else
        plan_tick(s, i); /* it was put off meanwhile */
}

void sim_node_event(struct sim *s, const struct sim_ev *ev)
{
    const uint32_t i = ev->node;
    struct core_event e = {.from = sim_peer(s, i, s->nodes[ev->from].id)};

    switch ((int)ev->kind) {
    case EV_TICK:
        on_tick(s, i);
        break;
    case EV_SYNCED:
        on_synced(s, i);
        break;
    case EV_TASK_DONE:
        sim_task_done(s, i);
        break;
    case EV_BODY:
        on_body(s, i, (uint32_t)ev->arg);
        break;
    case EV_BLOCKS:
        take_blocks(s, i, ev);
        break;
    case EV_LINK_UP:
    case EV_LINK_DOWN:
        e.kind = ev->kind == EV_LINK_UP ? ON_UP : ON_DOWN;
        sim_node_feed(s, i, &e);
        break;
    case EV_TX:
        sim_node_learn(s, i, (uint32_t)ev->arg);
        sim_node_work(s, i);
        break;
    }
}
