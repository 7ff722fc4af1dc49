/* Drives the consensus core: events in, effects carried out in order; what is
 * persisted is on disk before anything that depends on it is sent. */
#include "node/replica.h"
#include "base/check.h"
#include "base/log.h"
#include "node/bundle.h"
#include "node/own_tx.h"
#include "node/trace.h"

#include <stdio.h>
#include <stdlib.h>

/* A message that waits until the journal is synced.  Recipients are called by
 * the epoch's indices: one for a single peer of an epoch that ended meanwhile
 * is dropped. */
struct out_message {
    struct out_message *next;
    uint64_t epoch;
    uint8_t to;
    uint8_t type;
    struct buf payload;
};

/* Proposals and votes are for validators; what is certified is for all. */
static void transmit(struct node *n, uint8_t to, uint8_t type, struct bytes b)
{
    if (to == CORE_ALL && (type == MSG_PROPOSAL || type == MSG_VOTE))
        link_send_validators(n, CHANNEL_CONSENSUS, type, b);
    else
        link_send(n, to, CHANNEL_CONSENSUS, type, b);
}

/* Sends now, or after the next sync of the journal. */
static void send_message(struct node *n,
                         const struct core_effect *e,
                         uint8_t type,
                         struct bytes payload)
{
    struct out_message *m;

    if (!e->after_sync) {
        transmit(n, e->to, type, payload);
        return;
    }
    m = calloc(1, sizeof *m);
    ASSERT(m != NULL);
    m->epoch = n->set.epoch;
    m->to = e->to;
    m->type = type;
    buf_append(&m->payload, payload.at, payload.size);
    *n->out_last = m;
    n->out_last = &m->next;
}

static void send_proposal(struct node *n, const struct core_effect *e)
{
    const struct cert *certs[MSG_CERTS_MAX];
    const uint32_t count =
        core_justification(n->core, &e->candidate, certs, MSG_CERTS_MAX);
    const struct block_entry *b = block_entry_find(n, &e->candidate.block);
    const bool is_block =
        b != NULL && b->header.view == e->candidate.view && b->has_body;
    const bool inline_body = is_block && b->body.size <= MSG_INLINE_BODY_MAX;
    struct buf out = {0};
    struct writer w;

    buf_append(&out, NULL, MSG_PROPOSAL_MAX);
    w = writer_of(out.at, out.size);
    msg_proposal_encode(&w,
                        &e->candidate,
                        &e->vote,
                        is_block ? buf_bytes(&b->header_bytes)
                                 : bytes_of(NULL, 0),
                        certs,
                        count,
                        inline_body ? buf_bytes(&b->body) : bytes_of(NULL, 0));
    ASSERT(writer_ok(&w));
    send_message(n, e, MSG_PROPOSAL, writer_bytes(&w));
    if (is_block && !inline_body) {
        buf_clear(&out);
        buf_append(&out, NULL, 8 + b->header_bytes.size + b->body.size);
        w = writer_of(out.at, out.size);
        msg_block_encode(&w, buf_bytes(&b->header_bytes), buf_bytes(&b->body));
        link_send_validators(n, CHANNEL_BULK, MSG_BLOCK, writer_bytes(&w));
    }
    buf_deinit(&out);
}

static void send_status(struct node *n, const struct core_effect *e)
{
    for (uint8_t slot = 0; slot < PEERS_MAX; slot++) {
        uint8_t buf[MSG_STATUS_MAX];
        struct writer w = writer_of(buf, sizeof buf);
        struct core_status s;
        uint8_t id;

        if (!peers_is_up(n->peers, slot, CHANNEL_CONSENSUS))
            continue;
        id = link_id(n, slot);
        if (e->to != CORE_ALL && e->to != id)
            continue;
        core_status_for(n->core, &s, id);
        msg_status_encode(&w, &s, n->set.epoch);
        ASSERT(writer_ok(&w));
        (void)peers_send(
            n->peers, slot, CHANNEL_CONSENSUS, MSG_STATUS, writer_bytes(&w));
    }
}

static bool may_repair(struct node *n, uint8_t to, uint32_t bytes)
{
    const int slot = link_slot(n, to);

    return slot >= 0 && bucket_take(&n->repairs[slot], bytes, node_now_ms());
}

static void send_small(struct node *n, const struct core_effect *e)
{
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    if (e->kind == DO_SEND_VOTE) {
        vote_encode(&w, &e->vote);
        send_message(n, e, MSG_VOTE, writer_bytes(&w));
    } else {
        cert_encode(&w, e->cert);
        /* What one peer lacks is pushed within its budget; its next STATUS
         * asks again. */
        if (e->to != CORE_ALL && !may_repair(n, e->to, (uint32_t)w.size))
            return;
        send_message(n, e, MSG_CERT, writer_bytes(&w));
    }
}

static void start_execution(struct node *n, const struct hash *block)
{
    struct block_entry *b = block_entry_find(n, block);
    struct core_event gone = {
        .kind = ON_EXECUTED, .hash = *block, .gone = true};

    if (b != NULL && b->has_body)
        execute_block(n, b);
    else
        replica_feed(n, &gone); /* it was pushed out: fetched again */
}

static void start_commit(struct node *n, const struct core_effect *e)
{
    struct block_entry *b = block_entry_find(n, &e->candidate.block);
    struct core_event gone = {
        .kind = ON_EXECUTED, .hash = e->candidate.block, .gone = true};

    /* The certificate need not be on disk first: the batch of the block has
     * it. */
    if (b != NULL && b->has_body)
        commit_block(n, b, e->cert);
    else
        replica_feed(n, &gone);
}

static void report_evidence(struct node *n,
                            const struct vote *a,
                            const struct vote *b)
{
    log_broken("consensus",
               "a validator signed two votes that exclude each other",
               "validator=%u institution=%u epoch=%llu view=%llu",
               a->signer,
               n->set.list[a->signer].institution,
               (unsigned long long)a->epoch,
               (unsigned long long)a->about.view);
    own_tx_evidence(n, a, b);
}

/* D45, H4: not sure what it signed, it signs nothing any more. */
static void start_observing(struct node *n, const char *why)
{
    static const char sentence[] =
        "this node signs nothing any more; it goes on observing";
    char path[BUNDLE_PATH_MAX];

    keep_record(n, RECORD_OBSERVER, 0, bytes_of("", 0));
    n->need_sync = true;
    snprintf(n->observer_why, sizeof n->observer_why, "%s", why);
    bundle_write(n, sentence, why, path);
    log_broken("consensus", sentence, "why=\"%s\" files=\"%s\"", why, path);
}

static void carry_out(struct node *n, const struct core_effect *e)
{
    struct block_entry *b;

    switch (e->kind) {
    case DO_PERSIST_VOTE:
        keep_vote(n, &e->vote);
        n->need_sync = true;
        break;
    case DO_PERSIST_CERT:
        keep_cert(n, e->cert);
        break;
    case DO_PERSIST_BODY:
        b = block_entry_find(n, &e->hash);
        if (b != NULL && b->has_body)
            keep_body(n, b);
        break;
    case DO_SEND_PROPOSAL:
        send_proposal(n, e);
        break;
    case DO_SEND_VOTE:
    case DO_SEND_CERT:
        send_small(n, e);
        break;
    case DO_SEND_STATUS:
        send_status(n, e);
        break;
    case DO_BUILD:
        build_block(n, &e->candidate);
        break;
    case DO_EXECUTE:
        start_execution(n, &e->hash);
        break;
    case DO_FETCH:
        fetch_want(n, &e->hash);
        break;
    case DO_SYNC:
        sync_want(n, e->candidate.height);
        break;
    case DO_COMMIT:
        start_commit(n, e);
        break;
    case DO_SEND_EPOCH_END:
        epoch_send_end(n, e->to, e->epoch);
        break;
    case DO_EPOCH_END:
        epoch_end(n, e->cert);
        break;
    case DO_EVIDENCE:
        report_evidence(n, &e->vote, &e->other);
        break;
    case DO_OBSERVE:
        start_observing(n, e->text);
        break;
    case DO_HALT:
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "safety is broken: keep the data directory and compare it "
                  "with the other nodes'",
                  e->text);
        break;
    }
}

static void release_messages(struct node *n)
{
    struct out_message *m = n->out_first;

    n->out_first = NULL;
    n->out_last = &n->out_first;
    while (m != NULL) {
        struct out_message *next = m->next;

        if (m->epoch == n->set.epoch || m->to == CORE_ALL)
            transmit(n, m->to, m->type, buf_bytes(&m->payload));
        buf_deinit(&m->payload);
        free(m);
        m = next;
    }
}

/* Events that arise while effects are carried out wait in a short queue: the
 * core is never re-entered. */
struct queued_event {
    struct queued_event *next;
    struct core_event event;
};

void replica_free_out(struct node *n)
{
    while (n->queue_first != NULL) {
        struct queued_event *next = n->queue_first->next;

        free(n->queue_first);
        n->queue_first = next;
    }
    while (n->out_first != NULL) {
        struct out_message *next = n->out_first->next;

        buf_deinit(&n->out_first->payload);
        free(n->out_first);
        n->out_first = next;
    }
}

static void step(struct node *n, struct core_event *e)
{
    const uint64_t now_ms = node_now_ms();

    e->wall_ms = node_wall_ms();
    core_step(n->core, n->effects, e, now_ms);
    trace_step(n->trace, e, n->effects, now_ms);
    for (uint32_t i = 0; i < n->effects->count; i++) {
        if (n->effects->list[i].kind == DO_HALT ||
            n->effects->list[i].kind == DO_OBSERVE)
            bundle_note_event(n, e);
    }
    if (n->effects->batch > 0)
        n->sync_batch = n->effects->batch;
    for (uint32_t i = 0; i < n->effects->count && !n->stopping; i++)
        carry_out(n, &n->effects->list[i]);
}

static void run_queue(struct node *n)
{
    while (n->queue_first != NULL && !n->stopping) {
        struct queued_event *q = n->queue_first;

        n->queue_first = q->next;
        if (n->queue_first == NULL)
            n->queue_last = &n->queue_first;
        step(n, &q->event);
        free(q);
    }
}

/* Sets the timer to when the core wants a tick. */
static void set_timer(struct node *n)
{
    const uint64_t at = core_next_tick_ms(n->core);
    const uint64_t now = node_now_ms();
    const uint64_t wait = at > now ? at - now : 0;
    const struct timeval t = {(time_t)(wait / 1000),
                              (suseconds_t)(wait % 1000 * 1000)};

    if (n->stopping || at == n->core_timer_at_ms)
        return;
    n->core_timer_at_ms = at;
    if (at == UINT64_MAX)
        event_del(n->core_timer);
    else
        event_add(n->core_timer, &t);
}

void replica_feed(struct node *n, struct core_event *e)
{
    if (n->stopping)
        return;
    if (n->flushing) {
        /* Events with borrowed parts never arise within effects. */
        struct queued_event *q = calloc(1, sizeof *q);

        ASSERT(q != NULL && e->vote == NULL && e->certs == NULL &&
               e->status == NULL);
        q->event = *e;
        *n->queue_last = q;
        n->queue_last = &q->next;
        return;
    }
    n->flushing = true;
    step(n, e);
    run_queue(n);
    while (n->need_sync && !n->stopping) {
        struct core_event durable = {.kind = ON_DURABLE,
                                     .batch = n->sync_batch};
        const enum err failed = journal_sync(n->journal);

        n->need_sync = false;
        if (failed != ERR_NONE) {
            keep_failed(n, failed);
            break;
        }
        release_messages(n);
        step(n, &durable);
        run_queue(n);
    }
    n->flushing = false;
    set_timer(n);
}

void replica_tell_work(struct node *n)
{
    const bool work = n->pool.ready > 0;
    struct core_event e = {.kind = ON_WORK, .yes = work};

    if (work == n->work_told)
        return;
    n->work_told = work;
    replica_feed(n, &e);
}

void replica_applied(struct node *n)
{
    struct core_event e = {.kind = ON_APPLIED,
                           .height = n->tip.height,
                           .hash = n->tip_hash,
                           .seal = (n->tip.flags & HEADER_SEAL) != 0};

    replica_feed(n, &e);
}

void replica_tick(struct node *n)
{
    struct core_event e = {.kind = ON_TICK};

    n->core_timer_at_ms = 0; /* it has gone off */
    replica_feed(n, &e);
}
