/* Drives the consensus core: events in, effects carried out in order; what is
 * persisted is on disk before anything that depends on it is sent. */
#include "base/check.h"
#include "base/hex.h"
#include "base/log.h"
#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>

/* A message that waits until the journal is synced. */
struct out_message {
    struct out_message *next;
    uint8_t to;
    uint8_t type;
    struct buf payload;
};

enum {
    JOURNAL_CUT_BYTES = 8 << 20,
};

static void journal_failed(struct node *n, enum err e)
{
    if (e == ERR_FULL)
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "the disk is full: free space on the data directory's file "
                  "system, then start the node again; nothing acknowledged "
                  "is lost",
                  n->config.dir);
    else
        node_fail(n,
                  EXIT_SAFETY_HALT,
                  "the vote journal cannot be written: check the disk, then "
                  "start the node again",
                  err_text(e));
}

static void append(struct node *n, uint8_t type, uint64_t view, struct bytes b)
{
    const enum err e = journal_append(n->journal, type, n->set.epoch, view, b);

    if (e != ERR_NONE)
        journal_failed(n, e);
}

static void append_vote(struct node *n, const struct vote *v)
{
    uint8_t buf[VOTE_BYTES];
    struct writer w = writer_of(buf, sizeof buf);

    vote_encode(&w, v);
    append(n, RECORD_VOTE, v->about.view, writer_bytes(&w));
}

static void append_cert(struct node *n, const struct cert *c)
{
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    cert_encode(&w, c);
    append(n, RECORD_CERT, c->about.view, writer_bytes(&w));
}

static void append_body(struct node *n, const struct block_entry *b)
{
    struct buf out = {0};
    struct writer w;

    buf_append(&out, NULL, 8 + b->header_bytes.size + b->body.size);
    w = writer_of(out.at, out.size);
    msg_block_encode(&w, buf_bytes(&b->header_bytes), buf_bytes(&b->body));
    append(n, RECORD_BODY, b->header.view, writer_bytes(&w));
    buf_deinit(&out);
}

static void transmit(struct node *n, uint8_t to, uint8_t type, struct bytes b)
{
    if (to == CORE_ALL)
        peers_broadcast(n->peers, CHANNEL_CONSENSUS, type, b);
    else if (to != n->me)
        (void)peers_send(n->peers, to, CHANNEL_CONSENSUS, type, b);
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
        peers_broadcast(n->peers, CHANNEL_BULK, MSG_BLOCK, writer_bytes(&w));
    }
    buf_deinit(&out);
}

static void send_status(struct node *n, const struct core_effect *e)
{
    for (uint8_t i = 0; i < n->set.count; i++) {
        uint8_t buf[MSG_STATUS_MAX];
        struct writer w = writer_of(buf, sizeof buf);
        struct core_status s;

        if ((int)i == n->me || (e->to != CORE_ALL && e->to != i))
            continue;
        core_status_for(n->core, &s, i);
        msg_status_encode(&w, &s, n->set.epoch);
        ASSERT(writer_ok(&w));
        transmit(n, i, MSG_STATUS, writer_bytes(&w));
    }
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
    /* The journal must never be older than the database: the certificate is on
     * disk before the block is. */
    const enum err failed = journal_sync(n->journal);

    if (failed != ERR_NONE)
        journal_failed(n, failed);
    else if (b != NULL && b->has_body)
        commit_block(n, b, e->cert);
    else
        replica_feed(n, &gone);
}

static void report_evidence(const struct core_effect *e)
{
    uint8_t buf[2 * VOTE_BYTES];
    char text[4 * VOTE_BYTES + 1];
    struct writer w = writer_of(buf, sizeof buf);

    vote_encode(&w, &e->vote);
    vote_encode(&w, &e->other);
    hex_encode(text, buf, w.size);
    log_broken("consensus",
               "a validator signed two votes that exclude each other",
               "validator=%u view=%llu evidence=%s",
               e->vote.signer,
               (unsigned long long)e->vote.about.view,
               text);
}

static void carry_out(struct node *n, const struct core_effect *e)
{
    struct block_entry *b;

    switch (e->kind) {
    case DO_PERSIST_VOTE:
        append_vote(n, &e->vote);
        n->need_sync = true;
        break;
    case DO_PERSIST_CERT:
        append_cert(n, e->cert);
        break;
    case DO_PERSIST_BODY:
        b = block_entry_find(n, &e->hash);
        if (b != NULL && b->has_body)
            append_body(n, b);
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
    case DO_EVIDENCE:
        report_evidence(e);
        break;
    case DO_OBSERVE:
        append(n, RECORD_OBSERVER, 0, bytes_of("", 0));
        n->need_sync = true;
        snprintf(n->observer_why, sizeof n->observer_why, "%s", e->text);
        log_broken("consensus",
                   "this node signs nothing any more; it goes on observing",
                   "why=\"%s\"",
                   e->text);
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

        transmit(n, m->to, m->type, buf_bytes(&m->payload));
        buf_deinit(&m->payload);
        free(m);
        m = next;
    }
}

void replica_free_out(struct node *n)
{
    while (n->out_first != NULL) {
        struct out_message *next = n->out_first->next;

        buf_deinit(&n->out_first->payload);
        free(n->out_first);
        n->out_first = next;
    }
}

/* Events that arise while effects are carried out wait in a short queue: the
 * core is never re-entered. */
struct queued_event {
    struct queued_event *next;
    struct core_event event;
};
struct event_queue {
    struct queued_event *first;
    struct queued_event **last;
};
static _Thread_local struct event_queue queue;

static void step(struct node *n, struct core_event *e)
{
    e->wall_ms = node_wall_ms();
    core_step(n->core, n->effects, e, node_now_ms());
    if (n->effects->batch > 0)
        n->sync_batch = n->effects->batch;
    for (uint32_t i = 0; i < n->effects->count && !n->stopping; i++)
        carry_out(n, &n->effects->list[i]);
}

static void run_queue(struct node *n)
{
    while (queue.first != NULL && !n->stopping) {
        struct queued_event *q = queue.first;

        queue.first = q->next;
        if (queue.first == NULL)
            queue.last = &queue.first;
        step(n, &q->event);
        free(q);
    }
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
        if (queue.last == NULL)
            queue.last = &queue.first;
        *queue.last = q;
        queue.last = &q->next;
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
            journal_failed(n, failed);
            break;
        }
        release_messages(n);
        step(n, &durable);
        run_queue(n);
    }
    n->flushing = false;
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
    struct core_event e = {
        .kind = ON_APPLIED, .height = n->tip.height, .hash = n->tip_hash};

    replica_feed(n, &e);
}

void replica_tick(struct node *n)
{
    struct core_event e = {.kind = ON_TICK};

    replica_feed(n, &e);
}

static void take_proposal(struct node *n, uint8_t from, struct bytes payload)
{
    struct msg_proposal *p = malloc(sizeof *p);
    struct core_event e = {.kind = ON_PROPOSAL, .from = from};
    struct core_event here = {.kind = ON_BODY};
    uint32_t kept = 0;
    const char *bad = NULL;
    struct header h;
    struct block_entry *b = NULL;

    ASSERT(p != NULL);
    if (msg_proposal_decode(p, payload) != ERR_NONE)
        bad = "malformed proposal";
    else if (p->vote.signer != from ||
             core_leader(n->core, p->candidate.view) != from)
        bad = "a proposal by another than the leader";
    else if (!candidate_eq(&p->vote.about, &p->candidate) ||
             p->vote.kind != VOTE_NOTARIZE ||
             vote_check(&p->vote, &n->domain) != ERR_NONE)
        bad = "a proposal whose signature does not verify";
    for (uint32_t i = 0; bad == NULL && i < p->cert_count; i++) {
        if (!core_wants_cert(n->core, &p->certs[i]))
            continue;
        if (cert_check(&p->certs[i], &n->domain) != ERR_NONE)
            bad = "a proposal with a false certificate";
        else
            p->certs[kept++] = p->certs[i];
    }
    if (bad == NULL && p->header.size > 0) {
        if (header_decode(&h, p->header) != ERR_NONE)
            bad = "a proposal with a malformed header";
        else if (h.view != p->candidate.view || h.proposer != from ||
                 h.epoch != n->set.epoch || h.height != p->candidate.height ||
                 !hash_eq(&h.chain_id, &n->chain_id))
            bad = "a proposal whose header is for something else";
    }
    if (bad == NULL && p->header.size > 0) {
        const struct hash hash = header_hash(&h);

        if (!hash_eq(&hash, &p->candidate.block))
            bad = "a proposal whose header is another block's";
    }
    if (bad != NULL) {
        free(p);
        peers_misbehaved(n->peers, from, CHANNEL_CONSENSUS, bad);
        return;
    }
    if (p->header.size > 0 && h.height > n->tip.height &&
        core_wants_proposal(n->core, from, &p->vote)) {
        if (!block_entry_rival(n, &h, &p->candidate.block))
            b = block_entry_add(n, &h, p->header);
        e.facts = block_facts_of(&h, &p->candidate.block);
        if (b != NULL && p->body.size > 0)
            (void)block_entry_set_body(b, p->body);
    }
    e.candidate = p->candidate;
    e.vote = &p->vote;
    e.certs = p->certs;
    e.cert_count = kept;
    if (b != NULL && b->has_body)
        block_entry_verify(n, b);
    replica_feed(n, &e);
    if (b != NULL && b->has_body) {
        here.facts = e.facts;
        replica_feed(n, &here);
    }
    free(p);
}

static void take_vote(struct node *n, uint8_t from, struct bytes payload)
{
    struct core_event e = {.kind = ON_VOTE, .from = from};
    struct vote v;

    if (msg_vote_decode(&v, payload) != ERR_NONE || v.signer != from) {
        peers_misbehaved(
            n->peers, from, CHANNEL_CONSENSUS, "malformed or relayed vote");
        return;
    }
    if (!core_wants_vote(n->core, &v))
        return;
    if (vote_check(&v, &n->domain) != ERR_NONE) {
        peers_misbehaved(n->peers,
                         from,
                         CHANNEL_CONSENSUS,
                         "a vote whose signature does not verify");
        return;
    }
    e.vote = &v;
    replica_feed(n, &e);
}

static void take_cert(struct node *n, uint8_t from, struct bytes payload)
{
    struct core_event e = {.kind = ON_CERT, .from = from, .cert_count = 1};
    struct cert c;

    if (msg_cert_decode(&c, payload) != ERR_NONE) {
        peers_misbehaved(
            n->peers, from, CHANNEL_CONSENSUS, "malformed certificate");
        return;
    }
    if (!core_wants_cert(n->core, &c))
        return;
    if (cert_check(&c, &n->domain) != ERR_NONE) {
        peers_misbehaved(
            n->peers, from, CHANNEL_CONSENSUS, "a false certificate");
        return;
    }
    e.certs = &c;
    replica_feed(n, &e);
}

/* A fresh journal is old enough once a quorum shows that nothing was final
 * before it: from then on it is no longer a new birth. */
static void mark_started(struct node *n, uint8_t from, bool at_genesis)
{
    if (n->journal_started || !at_genesis)
        return;
    n->statuses |= (uint64_t)1 << from;
    if ((uint32_t)__builtin_popcountll(n->statuses) + 1 <
        valset_quorum(n->set.count))
        return;
    n->journal_started = true;
    append(n, RECORD_START, 0, bytes_of("", 0));
    n->need_sync = true;
}

static void take_status(struct node *n, uint8_t from, struct bytes payload)
{
    struct core_event e = {.kind = ON_STATUS, .from = from};
    struct core_status s;
    uint64_t epoch;

    if (msg_status_decode(&s, &epoch, payload) != ERR_NONE) {
        peers_misbehaved(n->peers, from, CHANNEL_CONSENSUS, "malformed status");
        return;
    }
    if (epoch != n->set.epoch)
        return;
    if (s.held.kind != 0 && ((int)s.held.signer != n->me ||
                             vote_check(&s.held, &n->domain) != ERR_NONE)) {
        peers_misbehaved(
            n->peers, from, CHANNEL_CONSENSUS, "a status with a false vote");
        return;
    }
    mark_started(n, from, s.final_height == 0);
    e.status = &s;
    replica_feed(n, &e);
}

/* A body is taken if it was fetched, or if its leader sends it ahead of or
 * beside the proposal, one for a view: nobody fills this node's memory, or its
 * verify threads, with blocks. */
static bool is_wanted(const struct node *n,
                      uint8_t from,
                      const struct header *h,
                      const struct hash *hash)
{
    if (h->height <= n->tip.height || h->height > n->tip.height + 2)
        return false;
    return core_wants_body(n->core, hash) ||
           (h->proposer == from && core_leader(n->core, h->view) == from &&
            h->view > n->core->fin.view &&
            h->view <= n->core->view + CORE_VOTE_WINDOW &&
            !block_entry_rival(n, h, hash));
}

static void take_block(struct node *n, uint8_t from, struct bytes payload)
{
    struct core_event here = {.kind = ON_BODY};
    struct bytes header;
    struct bytes body;
    struct header h;
    struct hash hash;
    struct block_entry *b;

    if (msg_block_decode(&header, &body, payload) != ERR_NONE ||
        header_decode(&h, header) != ERR_NONE) {
        peers_misbehaved(n->peers, from, CHANNEL_BULK, "malformed block");
        return;
    }
    hash = header_hash(&h);
    if (!is_wanted(n, from, &h, &hash))
        return;
    b = block_entry_add(n, &h, header);
    if (b == NULL)
        return;
    if (!block_entry_set_body(b, body)) {
        peers_misbehaved(
            n->peers, from, CHANNEL_BULK, "a body that is not the header's");
        return;
    }
    block_entry_verify(n, b);
    here.facts = block_facts_of(&h, &b->hash);
    replica_feed(n, &here);
}

static void serve_block(struct node *n, uint8_t to, struct bytes payload)
{
    struct reader r = reader_of(payload);
    const struct hash hash = reader_hash(&r);
    const struct block_entry *b;
    struct buf out = {0};
    struct writer w;

    if (reader_finish(&r) != ERR_NONE) {
        peers_misbehaved(n->peers, to, CHANNEL_BULK, "malformed request");
        return;
    }
    b = block_entry_find(n, &hash);
    if (b == NULL || !b->has_body)
        return;
    buf_append(&out, NULL, 8 + b->header_bytes.size + b->body.size);
    w = writer_of(out.at, out.size);
    msg_block_encode(&w, buf_bytes(&b->header_bytes), buf_bytes(&b->body));
    (void)peers_send(n->peers, to, CHANNEL_BULK, MSG_BLOCK, writer_bytes(&w));
    buf_deinit(&out);
}

void replica_frame(void *ctx,
                   uint8_t index,
                   uint8_t channel,
                   uint8_t type,
                   struct bytes payload)
{
    struct node *n = ctx;
    struct core_event heard = {.kind = ON_HEARD, .from = index};

    if (channel == CHANNEL_CONSENSUS)
        replica_feed(n, &heard);
    switch (type) {
    case MSG_PROPOSAL:
        take_proposal(n, index, payload);
        break;
    case MSG_VOTE:
        take_vote(n, index, payload);
        break;
    case MSG_CERT:
        take_cert(n, index, payload);
        break;
    case MSG_STATUS:
        take_status(n, index, payload);
        break;
    case MSG_TXS:
        mempool_take_frame(n, index, payload);
        break;
    case MSG_BLOCK:
        take_block(n, index, payload);
        break;
    case MSG_GET_BLOCK:
        serve_block(n, index, payload);
        break;
    case MSG_SYNC_GET:
        sync_serve(n, index, payload);
        break;
    case MSG_SYNC_BLOCK:
        sync_take(n, index, payload);
        break;
    default:
        break;
    }
}

static void checkpoint_one(void *ctx,
                           const struct vote *vote,
                           const struct cert *cert)
{
    struct node *n = ctx;

    if (vote != NULL)
        append_vote(n, vote);
    else
        append_cert(n, cert);
}

static void append_mark(struct node *n)
{
    uint8_t buf[RECORD_CHECKPOINT_BYTES];
    struct writer w = writer_of(buf, sizeof buf);
    struct record_checkpoint mark;

    if (!core_checkpoint_mark(n->core, &mark))
        return;
    record_checkpoint_encode(&w, &mark);
    append(n, RECORD_CHECKPOINT, mark.view, writer_bytes(&w));
}

/* When a segment is well filled and the store has passed its bodies, a new one
 * starts with what still matters and the old ones go. */
void replica_cut_journal(struct node *n)
{
    uint8_t birth[64];
    struct writer w = writer_of(birth, sizeof birth);
    uint32_t first;
    enum err e;

    if (n->flushing || n->stopping ||
        journal_segment_bytes(n->journal) < JOURNAL_CUT_BYTES ||
        n->durable_height < n->tip.height)
        return;
    e = journal_begin_segment(n->journal);
    first = journal_segment(n->journal);
    if (e == ERR_NONE) {
        record_birth_encode(&w, &n->set.list[n->me].key, n->set.epoch);
        append(n, RECORD_BIRTH, 0, writer_bytes(&w));
        append(n, RECORD_START, 0, bytes_of("", 0));
        if (n->core->observer)
            append(n, RECORD_OBSERVER, 0, bytes_of("", 0));
        append_mark(n);
        core_checkpoint(n->core, checkpoint_one, n);
        for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
            if (n->blocks[i].used && n->blocks[i].has_body &&
                n->blocks[i].header.height > n->durable_height &&
                core_promised_body(n->core, &n->blocks[i].hash))
                append_body(n, &n->blocks[i]);
        }
        e = journal_sync(n->journal);
    }
    if (e == ERR_NONE)
        e = journal_drop_older(n->journal, first);
    if (e != ERR_NONE)
        journal_failed(n, e);
}
