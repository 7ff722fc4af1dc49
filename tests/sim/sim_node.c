/* The driver of one node: events in, effects carried out in order. */
#include "base/check.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

/* ---- sending ---- */

/* Sends now, or when the batch of this step is on disk. */
static void post(struct sim *s,
                 uint32_t i,
                 const struct core_effect *e,
                 struct sim_packet *p)
{
    struct sim_node *node = &s->nodes[i];
    const bool own = e->kind == DO_SEND_VOTE || e->kind == DO_SEND_PROPOSAL;

    if (!e->after_sync) {
        if (own)
            sim_saw_vote(s, i, &e->vote);
        sim_send(s, i, e->to, p);
        sim_packet_drop(s, p);
        return;
    }
    ASSERT(node->held_count < SIM_HELD_MAX && s->effects->batch != 0);
    node->held[node->held_count++] =
        (struct sim_held){.batch = s->effects->batch,
                          .to = e->to,
                          .packet = p,
                          .vote = e->vote,
                          .is_own_vote = own};
}

static struct writer writer_on(struct sim_packet *p, size_t max)
{
    buf_clear(&p->bytes);
    return writer_of(buf_append(&p->bytes, NULL, max), max);
}

static void send_proposal(struct sim *s,
                          uint32_t i,
                          const struct core_effect *e)
{
    const struct cert *certs[MSG_CERTS_MAX];
    const uint32_t count = core_justification(
        s->nodes[i].core, &e->candidate, certs, MSG_CERTS_MAX);
    const uint32_t block = sim_block_find(s, &e->candidate.block);
    const struct sim_block *b = &s->blocks[block];
    const bool is_block = block != 0 && b->header.view == e->candidate.view;
    const bool large = is_block && sim_chance(s, s->params.large);
    struct sim_packet *p = sim_packet_new(s, MSG_PROPOSAL);
    struct writer w =
        writer_on(p, 2048 + b->body.size + count * CERT_BYTES_MAX);

    msg_proposal_encode(
        &w,
        &e->candidate,
        &e->vote,
        is_block ? buf_bytes(&b->header_bytes) : bytes_of(NULL, 0),
        certs,
        count,
        is_block && !large ? buf_bytes(&b->body) : bytes_of(NULL, 0));
    ASSERT(writer_ok(&w));
    p->bytes.size = w.size;
    post(s, i, e, p);
    for (uint32_t to = 0; large && to < s->params.n; to++) {
        if (to != i && sim_reaches(s, i, to) && !sim_chance(s, s->params.loss))
            sim_push(s,
                     (struct sim_ev){.kind = EV_BODY,
                                     .node = (uint8_t)to,
                                     .life = s->nodes[to].life,
                                     .arg = block,
                                     .at = s->now + 2 * sim_delay(s)});
    }
}

static void send_status(struct sim *s, uint32_t i, const struct core_effect *e)
{
    for (uint8_t to = 0; to < s->params.n; to++) {
        struct core_effect one = *e;
        struct core_status status;
        struct sim_packet *p;
        struct writer w;

        if (to == i || (e->to != CORE_ALL && e->to != to))
            continue;
        core_status_for(s->nodes[i].core, &status, to);
        if (s->nodes[i].byz != 0 && sim_chance(s, 512)) {
            status.view += sim_between(s, 0, 100); /* A1: only words */
            status.final_height += 1000;
        }
        p = sim_packet_new(s, MSG_STATUS);
        w = writer_on(p, MSG_STATUS_MAX);
        msg_status_encode(&w, &status, s->config.epoch);
        ASSERT(writer_ok(&w));
        p->bytes.size = w.size;
        one.to = to;
        post(s, i, &one, p);
    }
}

static void send_small(struct sim *s, uint32_t i, const struct core_effect *e)
{
    const bool vote = e->kind == DO_SEND_VOTE;
    struct sim_packet *p = sim_packet_new(s, vote ? MSG_VOTE : MSG_CERT);
    struct writer w = writer_on(p, vote ? VOTE_BYTES : CERT_BYTES_MAX);

    if (vote)
        vote_encode(&w, &e->vote);
    else
        cert_encode(&w, e->cert);
    p->bytes.size = w.size;
    post(s, i, e, p);
}

static void release_held(struct sim *s, uint32_t i, uint64_t batch)
{
    struct sim_node *node = &s->nodes[i];
    uint32_t kept = 0;

    for (uint32_t k = 0; k < node->held_count; k++) {
        struct sim_held *h = &node->held[k];

        if (h->batch > batch) {
            node->held[kept++] = *h;
            continue;
        }
        if (h->is_own_vote)
            sim_saw_vote(s, i, &h->vote);
        sim_send(s, i, h->to, h->packet);
        sim_packet_drop(s, h->packet);
    }
    node->held_count = kept;
}

/* ---- effects ---- */

static void persist(struct sim *s, uint32_t i, const struct core_effect *e)
{
    struct sim_node *node = &s->nodes[i];
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    if (e->kind == DO_PERSIST_VOTE) {
        vote_encode(&w, &e->vote);
        sim_append(node, RECORD_VOTE, e->vote.about.view, writer_bytes(&w));
    } else {
        if (node->correct)
            sim_saw_cert(s, e->cert);
        cert_encode(&w, e->cert);
        sim_append(node, RECORD_CERT, e->cert->about.view, writer_bytes(&w));
    }
}

/* A body from a peer that has it and can be reached. */
static void fetch(struct sim *s, uint32_t i, const struct core_effect *e)
{
    const uint32_t block = sim_block_find(s, &e->hash);
    const struct sim_node *peer = &s->nodes[e->to];
    const uint64_t height = s->blocks[block].header.height;

    if (block == 0 || !peer->correct || !peer->up ||
        !sim_reaches(s, i, e->to) || sim_chance(s, s->params.loss))
        return;
    if (peer->has_body[block] == 0 &&
        (height > peer->height || peer->chain[height] != block))
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
    const uint32_t from = (uint32_t)sim_between(s, 0, s->params.n - 1);
    const struct sim_node *peer = &s->nodes[from];

    if (from == i || !peer->correct || !peer->up || !sim_reaches(s, i, from) ||
        sim_chance(s, s->params.loss))
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

    for (uint64_t h = s->nodes[i].height + 1;
         h <= peer->stored && h <= ev->arg && h <= s->nodes[i].height + 16;
         h++) {
        struct sim_task t = {
            .kind = DO_COMMIT, .block = peer->chain[h], .cert = peer->certs[h]};

        if (t.cert.about.height != h ||
            !hash_eq(&t.cert.about.block, &s->blocks[t.block].hash) ||
            !sim_cert_ok(s, &t.cert))
            sim_fail(s,
                     "node %u serves a block without its own certificate",
                     ev->from);
        sim_task(s, i, &t);
    }
}

static void stopped(struct sim *s, uint32_t i, const struct core_effect *e)
{
    if (!s->nodes[i].correct)
        return;
    sim_fail(s, "node %u stopped: %s", i, e->text);
}

static void carry_out(struct sim *s, uint32_t i, const struct core_effect *e)
{
    struct sim_node *node = &s->nodes[i];
    const bool quiet = node->byz != 0 && sim_chance(s, 512);
    struct sim_task t = {.kind = e->kind, .candidate = e->candidate};

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
        if (!quiet)
            send_small(s, i, e);
        break;
    case DO_SEND_STATUS:
        if (!quiet)
            send_status(s, i, e);
        break;
    case DO_BUILD:
        sim_task(s, i, &t);
        break;
    case DO_EXECUTE:
        t.block = sim_block_find(s, &e->hash);
        sim_task(s, i, &t);
        break;
    case DO_FETCH:
        fetch(s, i, e);
        break;
    case DO_SYNC:
        sync_blocks(s, i, e->candidate.height);
        break;
    case DO_COMMIT:
        t.block = sim_block_find(s, &e->candidate.block);
        t.cert = *e->cert;
        sim_task(s, i, &t);
        break;
    case DO_SEND_EPOCH_END:
    case DO_EPOCH_END:
        sim_fail(s, "an epoch ended that nothing closes");
        break;
    case DO_EVIDENCE:
        if (s->nodes[e->vote.signer].correct && s->mutant == MUTANT_NONE)
            sim_fail(s, "evidence against correct node %u", e->vote.signer);
        break;
    case DO_OBSERVE:
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
    const uint64_t next_ms = core_next_tick_ms(node->core);

    if (next_ms == UINT64_MAX)
        return;
    if (next_ms * SIM_MS < node->tick_at) {
        node->tick_at = next_ms * SIM_MS;
        sim_push(s,
                 (struct sim_ev){.kind = EV_TICK,
                                 .node = (uint8_t)i,
                                 .life = node->life,
                                 .at = node->tick_at});
    }
}

void sim_node_feed(struct sim *s, uint32_t i, struct core_event *e)
{
    struct sim_node *node = &s->nodes[i];
    struct core_effects *fx = s->effects;
    const uint64_t now_ms = s->now / SIM_MS;

    if (s->failed || node->core->halted)
        return;
    e->wall_ms = (uint64_t)((int64_t)now_ms + node->clock_ms) +
                 s->blocks[0].header.time_ms;
    core_step(node->core, fx, e, now_ms);
    if (core_next_tick_ms(node->core) <= now_ms)
        sim_fail(s, "node %u asks for a tick in the past", i);
    if (fx->batch != 0)
        node->batch_wanted = fx->batch;
    for (uint32_t k = 0; k < fx->count && !s->failed; k++)
        carry_out(s, i, &fx->list[k]);
    if (!node->started && !node->core->fresh) {
        node->started = true;
        sim_append(node, RECORD_START, 0, bytes_of(NULL, 0));
        node->batch_wanted = node->core->batch;
    }
    sim_sync(s, i);
    plan_tick(s, i);
}

/* How many transactions this node knows that have not taken effect. */
static void count_open(struct sim *s, struct sim_node *node)
{
    node->open_txs = 0;
    for (uint32_t tx = 0; tx < s->tx_count; tx++)
        node->open_txs +=
            node->knows_tx[tx] != 0 && !s->ops->has(node->app, tx) ? 1 : 0;
}

void sim_node_learn(struct sim *s, uint32_t i, uint32_t tx)
{
    struct sim_node *node = &s->nodes[i];

    if (node->knows_tx[tx] != 0)
        return;
    node->knows_tx[tx] = 1;
    node->open_txs += s->ops->has(node->app, tx) ? 0 : 1;
}

void sim_node_work(struct sim *s, uint32_t i, bool recount)
{
    struct sim_node *node = &s->nodes[i];
    struct core_event e = {.kind = ON_WORK};

    if (recount)
        count_open(s, node);
    e.yes = node->open_txs > 0;
    if (e.yes == node->work_told)
        return;
    node->work_told = e.yes;
    sim_node_feed(s, i, &e);
}

/* ---- messages ---- */

static void note_candidate(struct sim_node *node, const struct candidate *c)
{
    if (node->byz != 0 && c->height != 0)
        node->seen[node->seen_count++ % ARRAY_LEN(node->seen)] = *c;
}

static void take_proposal(struct sim *s, uint32_t i, const struct sim_ev *ev)
{
    struct sim_node *node = &s->nodes[i];
    struct msg_proposal *p = s->proposal;
    struct core_event e = {.kind = ON_PROPOSAL, .from = ev->from};
    struct core_event here = {.kind = ON_BODY};
    struct header h;
    uint32_t block = 0;

    if (msg_proposal_decode(p, buf_bytes(&ev->packet->bytes)) != ERR_NONE) {
        sim_fail(s, "a proposal cannot be read");
        return;
    }
    note_candidate(node, &p->candidate);
    if (!core_wants_proposal(node->core, ev->from, &p->vote) ||
        !sim_vote_ok(s, &p->vote))
        return;
    for (uint32_t k = 0; k < p->cert_count; k++) {
        if (core_wants_cert(node->core, &p->certs[k]) &&
            sim_cert_ok(s, &p->certs[k]))
            p->certs[e.cert_count++] = p->certs[k];
    }
    if (p->header.size > 0) {
        if (header_decode(&h, p->header) != ERR_NONE)
            return;
        block = sim_block_find(s, &p->candidate.block);
        if (block != 0)
            e.facts = block_facts_of(&h, &p->candidate.block);
    }
    e.candidate = p->candidate;
    e.vote = &p->vote;
    e.certs = p->certs;
    here.facts = e.facts;
    sim_node_feed(s, i, &e);
    if (block != 0 && p->body.size > 0) {
        node->has_body[block] = 1;
        sim_node_feed(s, i, &here);
    }
}

void sim_node_message(struct sim *s, const struct sim_ev *ev)
{
    const uint32_t i = ev->node;
    struct sim_node *node = &s->nodes[i];
    struct bytes in = buf_bytes(&ev->packet->bytes);
    struct core_event heard = {.kind = ON_HEARD, .from = ev->from};
    struct core_event e = {.from = ev->from};
    struct core_status status;
    uint64_t epoch;
    struct cert cert;
    struct vote vote;

    core_step(node->core, s->effects, &heard, s->now / SIM_MS);
    switch ((int)ev->packet->type) {
    case MSG_PROPOSAL:
        take_proposal(s, i, ev);
        return;
    case MSG_VOTE:
        if (msg_vote_decode(&vote, in) != ERR_NONE || vote.signer != ev->from)
            return;
        note_candidate(node, &vote.about);
        if (!core_wants_vote(node->core, &vote) || !sim_vote_ok(s, &vote))
            return;
        e.kind = ON_VOTE;
        e.vote = &vote;
        break;
    case MSG_CERT:
        if (msg_cert_decode(&cert, in) != ERR_NONE ||
            !core_wants_cert(node->core, &cert) || !sim_cert_ok(s, &cert))
            return;
        e.kind = ON_CERT;
        e.certs = &cert;
        e.cert_count = 1;
        break;
    case MSG_STATUS:
        if (msg_status_decode(&status, &epoch, in) != ERR_NONE) {
            sim_fail(s, "a status cannot be read");
            return;
        }
        if (status.held.kind != 0 &&
            (status.held.signer != i || !sim_vote_ok(s, &status.held)))
            return;
        e.kind = ON_STATUS;
        e.status = &status;
        break;
    }
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

/* The executor's state as the disk has it. */
static void load_state(struct sim *s, struct sim_node *node)
{
    if (node->app != NULL)
        s->ops->free(node->app);
    node->app = s->ops->make(s->world);
    for (uint64_t h = 1; h <= node->stored; h++)
        s->ops->commit(node->app, &s->blocks[node->chain[h]]);
    node->height = node->stored;
}

static void recover_bodies(struct sim *s, struct sim_node *node)
{
    memset(node->has_body, 0, sizeof node->has_body);
    for (uint32_t k = 0; k < CORE_BLOCKS; k++) {
        const struct core_block *b = &node->core->blocks[k];

        if (b->used && b->has_body)
            node->has_body[sim_block_find(s, &b->facts.block)] = 1;
    }
}

void sim_node_start(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    struct core_config config = s->config;
    struct core_event tick = {.kind = ON_TICK};
    bool fresh;

    ASSERT(!node->up);
    node->up = true;
    node->life++;
    load_state(s, node);
    sim_cut(s, i); /* gives a new node its birth */
    config.me = node->byz == 0 ? (int)i : -1;
    config.sign_ctx = s;
    core_init(node->core,
              &config,
              node->height,
              &s->blocks[node->chain[node->height]].hash);
    if (!sim_replay(s, i, node->core, node->journal.size, &fresh))
        return;
    core_start(node->core, fresh, s->now / SIM_MS);
    recover_bodies(s, node);
    node->started = !fresh;
    node->work_told = false;
    node->tick_at = SIM_NEVER;
    node->batch_wanted = node->batch_syncing = 0;
    node->syncing = false;
    node->task_count = 0;
    for (uint32_t k = 0; k < s->params.n; k++) {
        if (k != i && s->nodes[k].up)
            connect(s, i, k);
    }
    sim_node_feed(s, i, &tick);
    sim_node_work(s, i, true);
}

/* What was not synced is lost, or some of it is not; memory is gone. */
void sim_node_crash(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const size_t unsynced = node->journal.size - node->synced;

    if (!node->up)
        return;
    node->up = false;
    s->total_crashes++;
    node->journal.size = node->synced;
    if (unsynced > 0 && sim_chance(s, 512))
        node->journal.size += sim_between(s, 0, unsynced);
    sim_cut_torn(node);
    node->synced = node->journal.size;
    while (node->held_count > 0)
        sim_packet_drop(s, node->held[--node->held_count].packet);
    memset(node->knows_tx, 0, sizeof node->knows_tx);
    for (uint32_t k = 0; k < s->params.n; k++) {
        if (k != i && s->nodes[k].up && sim_chance(s, 768))
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
    if (!s->healed && sim_chance(s, s->params.targeted) && node->correct) {
        sim_push(s,
                 (struct sim_ev){.kind = EV_CRASH,
                                 .node = (uint8_t)i,
                                 .life = node->life,
                                 .at = s->now});
        return; /* on disk, and never sent by this life */
    }
    release_held(s, i, e.batch);
    sim_node_feed(s, i, &e);
    if (node->correct && sim_chance(s, 8))
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

void sim_node_event(struct sim *s, const struct sim_ev *ev)
{
    const uint32_t i = ev->node;
    struct sim_node *node = &s->nodes[i];
    struct core_event e = {.kind = ON_TICK, .from = ev->from};

    switch ((int)ev->kind) {
    case EV_TICK:
        if (ev->at != node->tick_at)
            return;
        node->tick_at = SIM_NEVER;
        sim_node_feed(s, i, &e);
        break;
    case EV_SYNCED:
        on_synced(s, i);
        break;
    case EV_TASK_DONE:
        sim_task_done(s, i);
        break;
    case EV_STORED:
        if (ev->arg > node->stored)
            node->stored = ev->arg;
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
        sim_node_work(s, i, false);
        break;
    }
}
