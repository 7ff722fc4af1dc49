/* Journal and executor of one node: what a crash leaves of them. */
#include "base/check.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

enum {
    RECORD_HEAD = 4 + 1 + 8,
    CUT_BYTES = 48 * 1024,
};

static const struct pubkey no_key;

void sim_append(struct sim_node *node,
                uint8_t type,
                uint64_t view,
                struct bytes payload)
{
    struct writer w =
        writer_of(buf_append(&node->journal, NULL, RECORD_HEAD + payload.size),
                  RECORD_HEAD + payload.size);

    writer_u32(&w, (uint32_t)payload.size);
    writer_u8(&w, type);
    writer_u64(&w, view);
    writer_copy(&w, payload.at, payload.size);
}

void sim_append_body(struct sim *s, struct sim_node *node, uint32_t block)
{
    const struct sim_block *b = &s->blocks[block];
    struct buf out = {0};
    struct writer w;

    buf_append(&out, NULL, 8 + b->header_bytes.size + b->body.size);
    w = writer_of(out.at, out.size);
    msg_block_encode(&w, buf_bytes(&b->header_bytes), buf_bytes(&b->body));
    ASSERT(writer_ok(&w));
    sim_append(node, RECORD_BODY, b->header.view, writer_bytes(&w));
    buf_deinit(&out);
}

/* Starts a sync unless one is under way; what comes meanwhile waits for the
 * next one.  A targeted crash falls between write and sync, or after it. */
void sim_sync(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const uint64_t takes =
        sim_between(s, s->params.fsync_lo, s->params.fsync_hi);
    struct sim_ev ev = {.kind = EV_SYNCED,
                        .node = (uint8_t)i,
                        .life = node->life,
                        .at = s->now + takes};

    if (node->syncing || node->batch_wanted <= node->batch_syncing)
        return;
    node->syncing = true;
    node->syncing_to = node->journal.size;
    node->batch_syncing = node->batch_wanted;
    sim_push(s, ev);
    if (!s->healed && sim_chance(s, s->params.targeted)) {
        ev.kind = EV_CRASH;
        ev.at = s->now + sim_between(s, 0, takes);
        sim_push(s, ev);
    }
}

/* Reads what the journal holds up to size into a core made by core_init. */
bool sim_replay(
    struct sim *s, uint32_t i, struct core *core, size_t size, bool *fresh)
{
    struct sim_node *node = &s->nodes[i];
    struct reader r = reader_of(bytes_of(node->journal.at, size));

    *fresh = true;
    while (r.left >= RECORD_HEAD) {
        const uint32_t length = reader_u32(&r);
        const uint8_t type = reader_u8(&r);
        struct bytes payload;
        enum err e;

        (void)reader_u64(&r);
        if (length > r.left)
            break; /* torn: cut off by sim_node_crash */
        payload = reader_take(&r, length);
        if (type == RECORD_START || type == RECORD_VOTE)
            *fresh = false;
        e = core_replay_record(core, &no_key, type, s->config.epoch, payload);
        if (e != ERR_NONE) {
            sim_fail(s,
                     "node %u: record of type %u is refused: %s",
                     i,
                     type,
                     err_name(e));
            return false;
        }
    }
    if (node->stored > 0)
        core_replay_cert(core, &node->certs[node->stored]);
    return true;
}

/* A record of which the end is missing is no record. */
void sim_cut_torn(struct sim_node *node)
{
    size_t at = 0;

    while (at + RECORD_HEAD <= node->journal.size) {
        uint32_t length;

        memcpy(&length, node->journal.at + at, sizeof length);
        if (at + RECORD_HEAD + length > node->journal.size)
            break;
        at += RECORD_HEAD + length;
    }
    node->journal.size = at;
}

static void put_birth(struct sim *s, struct sim_node *node)
{
    uint8_t buf[RECORD_BIRTH_BYTES];
    struct writer w = writer_of(buf, sizeof buf);

    record_birth_encode(&w, &no_key, s->config.epoch);
    sim_append(node, RECORD_BIRTH, 0, writer_bytes(&w));
}

static void put_listed(void *ctx, const struct vote *vote, const struct cert *c)
{
    struct sim_node *node = ctx;
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    if (vote != NULL) {
        vote_encode(&w, vote);
        sim_append(node, RECORD_VOTE, vote->about.view, writer_bytes(&w));
    } else {
        cert_encode(&w, c);
        sim_append(node, RECORD_CERT, c->about.view, writer_bytes(&w));
    }
}

/* Starts a new journal segment when the old one is well filled. */
void sim_cut(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    uint8_t buf[RECORD_CHECKPOINT_BYTES];
    struct writer w = writer_of(buf, sizeof buf);
    struct record_checkpoint mark;

    if (node->journal.size == 0) {
        put_birth(s, node);
        node->synced = node->journal.size;
        return;
    }
    if (node->journal.size < CUT_BYTES || node->syncing || !node->correct ||
        node->stored < node->height || !core_is_quiet(node->core))
        return;
    buf_clear(&node->journal);
    put_birth(s, node);
    sim_append(node, RECORD_START, 0, bytes_of(NULL, 0));
    if (core_checkpoint_mark(node->core, &mark)) {
        record_checkpoint_encode(&w, &mark);
        sim_append(node, RECORD_CHECKPOINT, mark.view, writer_bytes(&w));
    }
    core_checkpoint(node->core, put_listed, node);
    for (uint32_t b = 1; b < s->block_count; b++) {
        if (node->has_body[b] != 0 && s->blocks[b].header.height > node->stored)
            sim_append_body(s, node, b);
    }
    node->synced = node->journal.size;
}

static bool same_own(const struct core_cert_slot *a,
                     const struct core_cert_slot *b)
{
    for (int kind = VOTE_NOTARIZE; kind <= VOTE_FINALIZE; kind++) {
        const struct core_own *x = &a->mine[kind];
        const struct core_own *y = &b->mine[kind];

        if ((x->state == OWN_NONE) != (y->state == OWN_NONE) ||
            (x->state != OWN_NONE &&
             !candidate_eq(&x->vote.about, &y->vote.about)))
            return false;
    }
    return a->has_n == b->has_n && a->has_x == b->has_x;
}

/* S7: the journal as written, synced or not, gives the state in memory. */
void sim_check_replay(struct sim *s, uint32_t i)
{
    static struct core *again; /* one spare core for all checks */
    struct sim_node *node = &s->nodes[i];
    const struct core *core = node->core;
    struct core_config config = core->config;
    bool fresh;

    if (again == NULL)
        again = calloc(1, sizeof *again);
    ASSERT(again != NULL);
    core_init(again,
              &config,
              node->stored,
              &s->blocks[node->chain[node->stored]].hash);
    if (!sim_replay(s, i, again, node->journal.size, &fresh))
        return;
    core_start(again, fresh, s->now / SIM_MS);
    if (again->view != core->view || again->fin.view != core->fin.view ||
        again->base != core->base)
        sim_fail(s,
                 "node %u: replay gives view %llu final %llu, not %llu %llu",
                 i,
                 (unsigned long long)again->view,
                 (unsigned long long)again->fin.view,
                 (unsigned long long)core->view,
                 (unsigned long long)core->fin.view);
    for (uint64_t u = core->base + 1; u <= core->view; u++) {
        const struct core_cert_slot *a = &core->certs[u % CORE_CERT_SLOTS];
        const struct core_cert_slot *b = &again->certs[u % CORE_CERT_SLOTS];
        static const struct core_cert_slot empty;

        if (!same_own(a->view == u ? a : &empty, b->view == u ? b : &empty))
            sim_fail(s,
                     "node %u: replay gives another view %llu",
                     i,
                     (unsigned long long)u);
    }
}

/* ---- executor ---- */

void sim_task(struct sim *s, uint32_t i, const struct sim_task *t)
{
    struct sim_node *node = &s->nodes[i];

    if (node->task_count == SIM_TASKS_MAX)
        return; /* asked for again, as in life */
    node->tasks[(node->task_first + node->task_count++) % SIM_TASKS_MAX] = *t;
    if (node->task_count == 1)
        sim_push(s,
                 (struct sim_ev){.kind = EV_TASK_DONE,
                                 .node = (uint8_t)i,
                                 .life = node->life,
                                 .at = s->now + s->params.execute_us});
}

static uint32_t build(struct sim *s, uint32_t i, const struct sim_task *t)
{
    struct sim_node *node = &s->nodes[i];
    const struct sim_block *tip = &s->blocks[node->chain[node->height]];
    struct sim_block b = {.header = tip->header};
    const uint64_t wall =
        (uint64_t)((int64_t)(s->now / SIM_MS) + node->clock_ms) +
        s->blocks[0].header.time_ms;
    uint32_t txs[SIM_BLOCK_TXS];
    uint32_t count = 0;
    uint32_t id;

    if (t->candidate.height != node->height)
        return 0;
    for (uint32_t tx = 0; tx < s->tx_count && count < SIM_BLOCK_TXS; tx++) {
        if (node->knows_tx[tx] != 0 && !s->ops->has(node->app, tx))
            txs[count++] = tx;
    }
    b.header.view = t->candidate.view;
    b.header.proposer = (uint16_t)i;
    b.header.height = node->height + 1;
    b.header.parent_hash = tip->hash;
    b.header.time_ms =
        wall > tip->header.time_ms ? wall : tip->header.time_ms + 1;
    if (!s->ops->build(node->app, &b, txs, count)) {
        buf_deinit(&b.body);
        return 0;
    }
    id = sim_block_put(s, &b);
    if (id != 0)
        node->has_body[id] = 1;
    return id;
}

static bool executes(struct sim *s, const struct sim_node *node, uint32_t block)
{
    const struct sim_block *b = &s->blocks[block];
    const struct sim_block *tip = &s->blocks[node->chain[node->height]];

    return b->header.height == node->height + 1 &&
           hash_eq(&b->header.parent_hash, &tip->hash) &&
           b->header.time_ms > tip->header.time_ms &&
           s->ops->execute(node->app, b);
}

static void commit(struct sim *s, uint32_t i, const struct sim_task *t)
{
    struct sim_node *node = &s->nodes[i];
    const struct sim_block *b = &s->blocks[t->block];
    struct core_event e = {.kind = ON_APPLIED};

    if (b->header.height != node->height + 1)
        return;
    if (!executes(s, node, t->block)) {
        sim_fail(s, "node %u: a final block does not execute", i);
        return;
    }
    s->ops->commit(node->app, b);
    node->height++;
    ASSERT(node->height < SIM_HEIGHTS_MAX);
    node->chain[node->height] = t->block;
    node->certs[node->height] = t->cert;
    if (node->correct)
        sim_saw_commit(s, i, node->height, t->block);
    sim_push(s,
             (struct sim_ev){.kind = EV_STORED,
                             .node = (uint8_t)i,
                             .life = node->life,
                             .arg = node->height,
                             .at = s->now + sim_between(s,
                                                        s->params.fsync_lo,
                                                        s->params.fsync_hi)});
    e.height = node->height;
    e.hash = b->hash;
    sim_node_feed(s, i, &e);
    sim_node_work(s, i, true);
}

static void answer(struct sim *s, uint32_t i, const struct sim_task *t)
{
    struct sim_node *node = &s->nodes[i];
    struct core_event e = {.kind = ON_EXECUTED,
                           .hash = s->blocks[t->block].hash};
    uint32_t built;

    switch ((int)t->kind) {
    case DO_BUILD:
        e.kind = ON_BUILT;
        e.candidate = t->candidate;
        built = build(s, i, t);
        if (built != 0)
            e.facts = block_facts_of(&s->blocks[built].header,
                                     &s->blocks[built].hash);
        break;
    case DO_EXECUTE:
        e.gone = node->has_body[t->block] == 0;
        e.yes = !e.gone && executes(s, node, t->block);
        break;
    case DO_COMMIT:
        commit(s, i, t);
        return;
    }
    sim_node_feed(s, i, &e);
}

void sim_task_done(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const struct sim_task t = node->tasks[node->task_first];

    ASSERT(node->task_count > 0);
    node->task_first = (node->task_first + 1) % SIM_TASKS_MAX;
    node->task_count--;
    if (node->task_count > 0)
        sim_push(s,
                 (struct sim_ev){.kind = EV_TASK_DONE,
                                 .node = (uint8_t)i,
                                 .life = node->life,
                                 .at = s->now + s->params.execute_us});
    answer(s, i, &t);
}
