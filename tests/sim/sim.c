#include "tests/sim/sim.h"

#include "base/buf.h"
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

/* The event queue, the network, the journal and the oracles. */

enum {
    QUEUE_MAX = 1 << 18,
    POOL_MAX = 64,
    BODIES_MAX = 256,
};

enum sim_kind {
    SIM_MESSAGE,
    SIM_SYNCED,
    SIM_TICK,
    SIM_RESTART,
    SIM_BODY,
    SIM_BLOCKS, /* a peer's final blocks, for one that was away */
};

struct sim_event {
    uint64_t at;
    uint64_t order;
    enum sim_kind kind;
    uint8_t to;
    uint8_t from;
    uint8_t type;
    uint32_t life; /* of the receiver: an older one is gone */
    uint64_t batch;
    uint32_t records;
    struct hash hash;
    uint8_t *at_bytes; /* owned */
    size_t size;
};

/* One record of a node's journal. */
struct sim_record {
    uint8_t type; /* enum record_type */
    struct vote vote;
    struct cert cert;
    struct hash block;
};

struct sim_body {
    bool used;
    struct hash hash;
    struct header header;
    uint8_t header_bytes[HEADER_BYTES_MAX];
    size_t header_size;
    uint8_t *body;
    size_t size;
    bool kept; /* in the synced journal, or final here */
};

struct sim_node {
    bool up;
    bool byzantine;
    uint32_t life;
    struct core *core;
    struct engine *engine;
    struct sim_record *journal;
    uint32_t records, records_synced, record_cap;
    bool sync_running;
    struct sim_event *held; /* messages that wait for the sync */
    uint32_t held_count, held_cap;
    struct sim_body bodies[BODIES_MAX];
    uint32_t body_next;
    struct bytes pool[POOL_MAX];
    struct hash pool_ids[POOL_MAX];
    uint32_t pool_count;
    struct cert *certs; /* finalization of each height */
    bool work_told;
};

struct sim {
    const struct sim_options *o;
    uint64_t random;
    uint64_t now;
    uint64_t order;
    uint32_t n;
    struct sim_event *queue;
    uint32_t queued;
    struct sim_node nodes[SIM_NODES_MAX];
    struct sim_world *world;
    struct hash chain[SIM_HEIGHTS_MAX];
    struct hash genesis_block;
    struct sim_result r;
    uint32_t loss, duplicate, delay, sync_delay, crash; /* of 1024, or ms */
    uint32_t cut; /* bitmap: one side of a partition */
    bool chaos;
    uint64_t tx_number;
    struct tx *tx;
    struct core_effects *fx;
    /* every vote a correct node ever sent, for ever */
    struct {
        uint64_t view;
        struct hash notarized;
        bool n, x, f;
    } cast[SIM_NODES_MAX][2048];
};

static uint64_t draw(struct sim *s)
{
    uint64_t z = (s->random += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t below(struct sim *s, uint64_t n)
{
    return n == 0 ? 0 : draw(s) % n;
}

static bool chance(struct sim *s, uint32_t of_1024)
{
    return draw(s) % 1024 < of_1024;
}

static void violate(struct sim *s, const char *what)
{
    if (s->r.violation == NULL) {
        s->r.violation = what;
        s->r.at_ms = s->now;
    }
}

/* ---- queue: a binary heap by time, then by order ---- */

static bool sooner(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct sim *s, struct sim_event e)
{
    uint32_t i = s->queued++;

    ASSERT(s->queued < QUEUE_MAX);
    e.order = s->order++;
    for (; i > 0 && sooner(&e, &s->queue[(i - 1) / 2]); i = (i - 1) / 2)
        s->queue[i] = s->queue[(i - 1) / 2];
    s->queue[i] = e;
}

static struct sim_event pop(struct sim *s)
{
    const struct sim_event first = s->queue[0];
    const struct sim_event last = s->queue[--s->queued];
    uint32_t i = 0;

    for (;;) {
        uint32_t k = 2 * i + 1;

        if (k >= s->queued)
            break;
        if (k + 1 < s->queued && sooner(&s->queue[k + 1], &s->queue[k]))
            k++;
        if (!sooner(&s->queue[k], &last))
            break;
        s->queue[i] = s->queue[k];
        i = k;
    }
    s->queue[i] = last;
    return first;
}

/* ---- signatures: bound to signer and content, cheap ---- */

static void seal(struct vote *v)
{
    uint64_t h = 1469598103934665603u;
    const uint64_t parts[] = {v->kind,
                              v->epoch,
                              v->signer,
                              v->about.view,
                              v->about.parent_view,
                              v->about.height};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        h = (h ^ parts[i]) * 1099511628211u;
    for (size_t i = 0; i < HASH_BYTES; i++)
        h = (h ^ v->about.block.raw[i]) * 1099511628211u;
    memset(&v->sig, 0, sizeof v->sig);
    memcpy(v->sig.raw, &h, sizeof h);
}

static bool sealed(const struct vote *v)
{
    struct vote copy = *v;

    seal(&copy);
    return memcmp(&copy.sig, &v->sig, sizeof v->sig) == 0;
}

static bool cert_sealed(const struct sim *s, const struct cert *c)
{
    uint32_t at = 0;

    if (c->bitmap >> s->n != 0)
        return false;
    for (uint8_t i = 0; i < s->n; i++) {
        struct vote v = {
            .kind = c->kind, .epoch = c->epoch, .about = c->about, .signer = i};

        if ((c->bitmap >> i & 1) == 0)
            continue;
        v.sig = c->sigs[at++];
        if (!sealed(&v) && s->o->mutant == MUTANT_NONE)
            return false;
    }
    return true;
}

static void sign_vote(void *ctx, struct vote *v)
{
    (void)ctx;
    seal(v);
}

/* ---- sending ---- */

static void transmit(
    struct sim *s, uint8_t from, uint8_t to, uint8_t type, struct bytes b)
{
    const uint32_t copies = s->chaos && chance(s, s->duplicate) ? 2 : 1;

    s->r.messages++;
    if (s->chaos &&
        (chance(s, s->loss) || ((s->cut >> from & 1) != (s->cut >> to & 1))))
        return;
    for (uint32_t i = 0; i < copies; i++) {
        struct sim_event e = {.kind = SIM_MESSAGE,
                              .to = to,
                              .from = from,
                              .type = type,
                              .size = b.size};

        e.at = s->now + 1 + below(s, s->chaos ? s->delay : 5);
        e.at_bytes = malloc(b.size + 1);
        ASSERT(e.at_bytes != NULL);
        memcpy(e.at_bytes, b.at, b.size);
        push(s, e);
    }
}

static void step(struct sim *s, uint8_t i, struct core_event *e);

/* ---- votes ever cast: the oracle that a crash cannot forget ---- */

static void watch_vote(struct sim *s, const struct vote *v)
{
    const uint64_t view = v->about.view;
    const uint32_t at = (uint32_t)(view % 2048);

    if (s->nodes[v->signer].byzantine)
        return;
    if (s->cast[v->signer][at].view != view) {
        memset(&s->cast[v->signer][at], 0, sizeof s->cast[0][0]);
        s->cast[v->signer][at].view = view;
    }
    if (v->kind == VOTE_NOTARIZE) {
        if (s->cast[v->signer][at].n &&
            !hash_eq(&s->cast[v->signer][at].notarized, &v->about.block))
            violate(s, "a correct node notarized twice in a view");
        s->cast[v->signer][at].n = true;
        s->cast[v->signer][at].notarized = v->about.block;
    } else if (v->kind == VOTE_NULLIFY) {
        if (s->cast[v->signer][at].f)
            violate(s, "a correct node nullified after it finalized");
        s->cast[v->signer][at].x = true;
    } else {
        if (s->cast[v->signer][at].x)
            violate(s, "a correct node finalized after it nullified");
        s->cast[v->signer][at].f = true;
    }
}

static void broadcast(
    struct sim *s, uint8_t from, uint8_t to, uint8_t type, struct bytes b)
{
    struct reader r = reader_of(b);
    struct vote v;

    if (type == MSG_PROPOSAL)
        (void)reader_take(&r, 56); /* the candidate stands first */
    if (type == MSG_PROPOSAL || type == MSG_VOTE) {
        vote_read(&r, &v);
        watch_vote(s, &v); /* sent is sent, whatever happens later */
    }
    for (uint8_t i = 0; i < s->n; i++) {
        if (i != from && (to == CORE_ALL || to == i))
            transmit(s, from, i, type, b);
    }
}

/* ---- bodies ---- */

static struct sim_body *find_body(struct sim_node *n, const struct hash *h)
{
    for (uint32_t i = 0; i < BODIES_MAX; i++) {
        if (n->bodies[i].used && hash_eq(&n->bodies[i].hash, h))
            return &n->bodies[i];
    }
    return NULL;
}

static struct sim_body *add_body(struct sim_node *n,
                                 const struct header *h,
                                 struct bytes body)
{
    const struct hash hash = header_hash(h);
    struct sim_body *b = find_body(n, &hash);

    if (b != NULL)
        return b;
    b = &n->bodies[n->body_next++ % BODIES_MAX];
    free(b->body);
    *b = (struct sim_body){.used = true, .hash = hash, .header = *h};
    b->header_size = header_encode(b->header_bytes, h);
    b->body = malloc(body.size + 1);
    ASSERT(b->body != NULL);
    memcpy(b->body, body.at, body.size);
    b->size = body.size;
    return b;
}

static struct block_facts facts_of(const struct sim_body *b)
{
    return block_facts_of(&b->header, &b->hash);
}

static bool execute(struct sim *s, struct sim_node *n, const struct sim_body *b)
{
    const struct executed_block *done;
    const struct tx *txs[POOL_MAX];
    struct body *split = malloc(sizeof *split);
    const char *why;
    enum err e = body_split(split, bytes_of(b->body, b->size));

    if (e == ERR_NONE && split->count > POOL_MAX)
        e = ERR_RANGE;
    for (uint32_t i = 0; e == ERR_NONE && i < split->count; i++) {
        e = tx_decode(&s->tx[i], split->txs[i]);
        txs[i] = &s->tx[i];
    }
    free(split);
    if (e == ERR_NONE)
        e = engine_execute(n->engine,
                           &done,
                           &b->header,
                           bytes_of(b->body, b->size),
                           txs,
                           &why);
    return e == ERR_NONE;
}

static void pool_forget(struct sim_node *n,
                        const struct hash *ids,
                        uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        for (uint32_t i = 0; i < n->pool_count; i++) {
            if (hash_eq(&n->pool_ids[i], &ids[k])) {
                n->pool[i] = n->pool[--n->pool_count];
                n->pool_ids[i] = n->pool_ids[n->pool_count];
                break;
            }
        }
    }
}

static void tell_work(struct sim *s, uint8_t i)
{
    struct core_event e = {.kind = ON_WORK, .yes = s->nodes[i].pool_count > 0};

    if (s->nodes[i].work_told != e.yes) {
        s->nodes[i].work_told = e.yes;
        step(s, i, &e);
    }
}

/* Makes a final block the tip and checks it against everybody's. */
static bool commit(struct sim *s,
                   uint8_t i,
                   const struct sim_body *b,
                   const struct cert *cert)
{
    struct sim_node *n = &s->nodes[i];
    const struct executed_block *done;
    struct core_event applied = {
        .kind = ON_APPLIED, .height = b->header.height, .hash = b->hash};

    if (engine_tip(n->engine)->height >= b->header.height)
        return true;
    if (engine_tip(n->engine)->height + 1 != b->header.height)
        return false;
    if (!engine_stands_at(n->engine, &b->hash) && !execute(s, n, b)) {
        violate(s, "a final block does not execute");
        return false;
    }
    done = engine_commit(n->engine, &b->hash);
    if (b->header.height >= SIM_HEIGHTS_MAX)
        return false;
    n->certs[b->header.height] = *cert;
    find_body(n, &b->hash)->kept = true;
    if (hash_is_zero(&s->chain[b->header.height])) {
        s->chain[b->header.height] = b->hash;
        s->r.heights++;
        s->r.txs += b->header.tx_count;
    } else if (!hash_eq(&s->chain[b->header.height], &b->hash)) {
        violate(s, "two blocks of one height are final");
    }
    if (b->header.height % 16 == 0 && !sim_world_sums_hold(n->engine))
        violate(s, "shares are not conserved");
    pool_forget(n, done->tx_ids, done->header.tx_count);
    step(s, i, &applied);
    tell_work(s, i);
    return true;
}

static void build(struct sim *s, uint8_t i, const struct candidate *on)
{
    struct sim_node *n = &s->nodes[i];
    struct core_event e = {.kind = ON_BUILT, .candidate = *on};
    struct engine_candidate_tx txs[POOL_MAX];
    const struct executed_block *b = NULL;
    struct hash bad[POOL_MAX];
    uint32_t bad_count = 0;

    if (engine_tip(n->engine)->height == on->height) {
        for (uint32_t k = 0; k < n->pool_count; k++) {
            const enum err err = tx_decode(&s->tx[k], n->pool[k]);

            ASSERT(err == ERR_NONE);
            txs[k].tx = &s->tx[k];
        }
        engine_build(n->engine,
                     &b,
                     on->view,
                     i,
                     engine_tip(n->engine)->time_ms + 1 + below(s, 50),
                     txs,
                     n->pool_count);
        for (uint32_t k = 0; k < n->pool_count; k++) {
            if (txs[k].why.verdict != V_OK)
                bad[bad_count++] = n->pool_ids[k];
        }
    }
    if (b != NULL) {
        const struct sim_body *body = add_body(n, &b->header, b->body);

        e.facts = facts_of(body);
    }
    pool_forget(n, bad, bad_count);
    tell_work(s, i);
    step(s, i, &e);
}

/* ---- crashes ---- */

static void restart(struct sim *s, uint8_t i);

static void crash(struct sim *s, uint8_t i)
{
    struct sim_node *n = &s->nodes[i];

    if (!n->up)
        return;
    s->r.crashes++;
    n->up = false;
    n->life++;
    n->records = n->records_synced; /* what was not flushed is gone */
    n->sync_running = false;
    for (uint32_t k = 0; k < n->held_count; k++)
        free(n->held[k].at_bytes);
    n->held_count = 0;
    for (uint32_t k = 0; k < BODIES_MAX; k++) {
        if (n->bodies[k].used && !n->bodies[k].kept)
            n->bodies[k].used = false;
    }
    push(s,
         (struct sim_event){
             .kind = SIM_RESTART, .to = i, .at = s->now + 10 + below(s, 3000)});
}

static void record(struct sim_node *n, const struct sim_record *r)
{
    if (n->records == n->record_cap) {
        n->record_cap = n->record_cap == 0 ? 64 : n->record_cap * 2;
        n->journal = realloc(n->journal, n->record_cap * sizeof n->journal[0]);
        ASSERT(n->journal != NULL);
    }
    n->journal[n->records++] = *r;
}

static void start_sync(struct sim *s, uint8_t i, uint64_t batch)
{
    struct sim_node *n = &s->nodes[i];

    n->sync_running = true;
    push(s,
         (struct sim_event){.kind = SIM_SYNCED,
                            .to = i,
                            .life = n->life,
                            .batch = batch,
                            .records = n->records,
                            .at = s->now + below(s, s->sync_delay)});
}

/* ---- effects ---- */

static void send_effect(struct sim *s,
                        uint8_t i,
                        const struct core_effect *e,
                        uint8_t type,
                        struct bytes b)
{
    struct sim_node *n = &s->nodes[i];
    struct sim_event *h;

    if (!e->after_sync) {
        broadcast(s, i, e->to, type, b);
        return;
    }
    if (n->held_count == n->held_cap) {
        n->held_cap = n->held_cap == 0 ? 16 : n->held_cap * 2;
        n->held = realloc(n->held, n->held_cap * sizeof n->held[0]);
        ASSERT(n->held != NULL);
    }
    h = &n->held[n->held_count++];
    *h = (struct sim_event){
        .to = e->to, .type = type, .size = b.size, .records = n->records};
    h->at_bytes = malloc(b.size + 1);
    ASSERT(h->at_bytes != NULL);
    memcpy(h->at_bytes, b.at, b.size);
}

static void send_proposal(struct sim *s, uint8_t i, const struct core_effect *e)
{
    static uint8_t out[MSG_PROPOSAL_MAX];
    const struct cert *certs[MSG_CERTS_MAX];
    const uint32_t count = core_justification(
        s->nodes[i].core, &e->candidate, certs, MSG_CERTS_MAX);
    const struct sim_body *b = find_body(&s->nodes[i], &e->candidate.block);
    struct writer w = writer_of(out, sizeof out);
    const bool block = b != NULL && b->header.view == e->candidate.view;

    msg_proposal_encode(&w,
                        &e->candidate,
                        &e->vote,
                        block ? bytes_of(b->header_bytes, b->header_size)
                              : bytes_of(NULL, 0),
                        certs,
                        count,
                        block ? bytes_of(b->body, b->size) : bytes_of(NULL, 0));
    send_effect(s, i, e, MSG_PROPOSAL, writer_bytes(&w));
}

static void send_rest(struct sim *s, uint8_t i, const struct core_effect *e)
{
    uint8_t out[CERT_BYTES_MAX];
    struct writer w = writer_of(out, sizeof out);

    if (e->kind == DO_SEND_VOTE) {
        vote_encode(&w, &e->vote);
        send_effect(s, i, e, MSG_VOTE, writer_bytes(&w));
    } else if (e->kind == DO_SEND_CERT) {
        cert_encode(&w, e->cert);
        send_effect(s, i, e, MSG_CERT, writer_bytes(&w));
    } else {
        for (uint8_t k = 0; k < s->n; k++) {
            struct core_status st;

            if (k == i)
                continue;
            w = writer_of(out, sizeof out);
            core_status_for(s->nodes[i].core, &st, k);
            msg_status_encode(&w, &st, 0);
            transmit(s, i, k, MSG_STATUS, writer_bytes(&w));
        }
    }
}

/* Another node that can help, chosen by chance. */
static int helper(struct sim *s, uint8_t i)
{
    const uint8_t k = (uint8_t)below(s, s->n);

    return k != i && s->nodes[k].up ? (int)k : -1;
}

static void carry_out(struct sim *s, uint8_t i, const struct core_effect *e)
{
    struct sim_node *n = &s->nodes[i];
    struct sim_record r = {0};
    struct sim_body *b;
    int k;

    switch (e->kind) {
    case DO_PERSIST_VOTE:
        r.type = RECORD_VOTE;
        r.vote = e->vote;
        record(n, &r);
        break;
    case DO_PERSIST_CERT:
        r.type = RECORD_CERT;
        r.cert = *e->cert;
        record(n, &r);
        break;
    case DO_PERSIST_BODY:
        r.type = RECORD_BODY;
        r.block = e->hash;
        record(n, &r);
        break;
    case DO_SEND_PROPOSAL:
        send_proposal(s, i, e);
        break;
    case DO_SEND_VOTE:
    case DO_SEND_CERT:
    case DO_SEND_STATUS:
        send_rest(s, i, e);
        break;
    case DO_BUILD:
        build(s, i, &e->candidate);
        break;
    case DO_EXECUTE:
        b = find_body(n, &e->hash);
        {
            struct core_event done = {.kind = ON_EXECUTED, .hash = e->hash};

            done.yes = b != NULL && execute(s, n, b);
            step(s, i, &done);
        }
        break;
    case DO_FETCH:
        k = helper(s, i);
        if (k >= 0 && find_body(&s->nodes[k], &e->hash) != NULL)
            push(s,
                 (struct sim_event){.kind = SIM_BODY,
                                    .to = i,
                                    .from = (uint8_t)k,
                                    .life = n->life,
                                    .hash = e->hash,
                                    .at = s->now + 2 + below(s, 20)});
        break;
    case DO_SYNC:
        k = helper(s, i);
        if (k >= 0)
            push(s,
                 (struct sim_event){.kind = SIM_BLOCKS,
                                    .to = i,
                                    .from = (uint8_t)k,
                                    .life = n->life,
                                    .at = s->now + 2 + below(s, 20)});
        break;
    case DO_COMMIT:
        n->records_synced = n->records; /* as the driver does */
        b = find_body(n, &e->candidate.block);
        if (b != NULL)
            (void)commit(s, i, b, e->cert);
        break;
    case DO_EVIDENCE:
        if (!s->nodes[e->vote.signer].byzantine)
            violate(s, "evidence against a correct node");
        break;
    case DO_OBSERVE:
        if (!n->byzantine) /* others hold votes its journal never saw */
            violate(s, "a correct node stopped voting");
        break;
    case DO_HALT:
        if (!n->byzantine)
            violate(s, e->text);
        break;
    }
}

/* Effects are copied first: carrying one out may step the core again. */
static void step(struct sim *s, uint8_t i, struct core_event *e)
{
    struct sim_node *n = &s->nodes[i];
    struct core_effects *fx;
    struct cert *certs;
    uint32_t cert_count = 0;
    bool votes = false;

    if (!n->up || s->r.violation != NULL)
        return;
    core_step(n->core, s->fx, e, s->now);
    fx = malloc(sizeof *fx);
    certs = malloc((s->fx->count + 1) * sizeof *certs);
    ASSERT(fx != NULL && certs != NULL);
    fx->count = s->fx->count;
    fx->batch = s->fx->batch;
    memcpy(fx->list, s->fx->list, fx->count * sizeof fx->list[0]);
    for (uint32_t k = 0; k < fx->count; k++) {
        votes = votes || fx->list[k].kind == DO_PERSIST_VOTE ||
                (s->o->mutant == MUTANT_NULLIFY_NOT_PERSISTED && fx->batch > 0);
        if (fx->list[k].cert != NULL) {
            certs[cert_count] = *fx->list[k].cert;
            fx->list[k].cert = &certs[cert_count++];
        }
    }
    for (uint32_t k = 0; k < fx->count && n->up; k++)
        carry_out(s, i, &fx->list[k]);
    if (votes && n->up) {
        if (s->chaos && chance(s, s->crash))
            crash(s, i); /* between persist and sync */
        else
            start_sync(s, i, fx->batch);
    }
    free(certs);
    free(fx);
}

static void synced(struct sim *s, const struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->to];
    struct core_event durable = {.kind = ON_DURABLE, .batch = e->batch};
    uint32_t kept = 0;

    if (e->life != n->life)
        return;
    if (e->records > n->records_synced)
        n->records_synced = e->records;
    for (uint32_t k = 0; k < n->records_synced; k++) {
        if (n->journal[k].type == RECORD_BODY) {
            struct sim_body *b = find_body(n, &n->journal[k].block);

            if (b != NULL)
                b->kept = true;
        }
    }
    if (s->chaos && chance(s, s->crash)) {
        crash(s, e->to); /* between sync and send */
        return;
    }
    for (uint32_t k = 0; k < n->held_count; k++) {
        struct sim_event *h = &n->held[k];

        if (h->records > n->records_synced) {
            n->held[kept++] = *h;
            continue;
        }
        broadcast(s, e->to, h->to, h->type, bytes_of(h->at_bytes, h->size));
        free(h->at_bytes);
    }
    n->held_count = kept;
    step(s, e->to, &durable);
}

/* ---- receiving ---- */

/* Votes of every kind for whatever it sees, to some. */
static void misbehave(struct sim *s, uint8_t i, const struct candidate *c)
{
    for (uint8_t kind = VOTE_NOTARIZE; kind <= VOTE_FINALIZE; kind++) {
        struct vote v = {.kind = kind, .signer = i};
        uint8_t out[VOTE_BYTES];
        struct writer w = writer_of(out, sizeof out);

        if (!chance(s, 400))
            continue;
        v.about = *c;
        if (kind == VOTE_NULLIFY)
            v.about = (struct candidate){.view = c->view};
        seal(&v);
        vote_encode(&w, &v);
        for (uint8_t k = 0; k < s->n; k++) {
            if (k != i && chance(s, 700))
                transmit(s, i, k, MSG_VOTE, writer_bytes(&w));
        }
    }
}

static void receive_proposal(struct sim *s, const struct sim_event *e)
{
    static struct msg_proposal p;
    struct core_event ev = {.kind = ON_PROPOSAL, .from = e->from};
    struct core_event here = {.kind = ON_BODY};
    struct header h;

    if (msg_proposal_decode(&p, bytes_of(e->at_bytes, e->size)) != ERR_NONE ||
        !sealed(&p.vote) || p.vote.signer != e->from)
        return;
    for (uint32_t k = 0; k < p.cert_count; k++) {
        if (!cert_sealed(s, &p.certs[k]))
            return;
    }
    if (p.header.size > 0 && header_decode(&h, p.header) == ERR_NONE) {
        const struct hash hash = header_hash(&h);

        if (!hash_eq(&hash, &p.candidate.block))
            return;
        ev.facts = block_facts_of(&h, &hash);
        if (p.body.size > 0 &&
            h.height > engine_tip(s->nodes[e->to].engine)->height) {
            (void)add_body(&s->nodes[e->to], &h, p.body);
            here.facts = ev.facts;
        }
    }
    ev.candidate = p.candidate;
    ev.vote = &p.vote;
    ev.certs = p.certs;
    ev.cert_count = p.cert_count;
    if (s->nodes[e->to].byzantine)
        misbehave(s, e->to, &p.candidate);
    step(s, e->to, &ev);
    if (here.facts.height > 0)
        step(s, e->to, &here);
}

static void receive(struct sim *s, const struct sim_event *e)
{
    const struct bytes in = bytes_of(e->at_bytes, e->size);
    struct core_event ev = {.from = e->from};
    struct core_event heard = {.kind = ON_HEARD, .from = e->from};
    struct vote v;
    struct cert c;
    struct core_status st;
    uint64_t epoch;

    if (!s->nodes[e->to].up)
        return;
    step(s, e->to, &heard);
    if (e->type == MSG_PROPOSAL) {
        receive_proposal(s, e);
    } else if (e->type == MSG_VOTE && msg_vote_decode(&v, in) == ERR_NONE &&
               sealed(&v) && v.signer == e->from) {
        if (s->nodes[e->to].byzantine && chance(s, 200))
            misbehave(s, e->to, &v.about);
        ev.kind = ON_VOTE;
        ev.vote = &v;
        step(s, e->to, &ev);
    } else if (e->type == MSG_CERT && msg_cert_decode(&c, in) == ERR_NONE &&
               cert_sealed(s, &c)) {
        ev.kind = ON_CERT;
        ev.certs = &c;
        ev.cert_count = 1;
        step(s, e->to, &ev);
    } else if (e->type == MSG_STATUS &&
               msg_status_decode(&st, &epoch, in) == ERR_NONE) {
        ev.kind = ON_STATUS;
        ev.status = &st;
        step(s, e->to, &ev);
    }
}

static void receive_blocks(struct sim *s, const struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->to];
    struct sim_node *from = &s->nodes[e->from];

    if (e->life != n->life)
        return;
    for (uint32_t k = 0; k < 16; k++) {
        const uint64_t next = engine_tip(n->engine)->height + 1;
        struct sim_body *b;

        if (next > engine_tip(from->engine)->height || !from->up)
            return;
        b = find_body(from, &s->chain[next]);
        if (b == NULL)
            return;
        b = add_body(n, &b->header, bytes_of(b->body, b->size));
        n->records_synced = n->records;
        if (!commit(s, e->to, b, &from->certs[next]))
            return;
    }
}

static void receive_body(struct sim *s, const struct sim_event *e)
{
    struct sim_node *n = &s->nodes[e->to];
    const struct sim_body *b = find_body(&s->nodes[e->from], &e->hash);
    struct core_event here = {.kind = ON_BODY};

    if (e->life != n->life || b == NULL)
        return;
    b = add_body(n, &b->header, bytes_of(b->body, b->size));
    here.facts = facts_of(b);
    step(s, e->to, &here);
}

/* ---- life of a node ---- */

static void boot(struct sim *s, uint8_t i)
{
    struct sim_node *n = &s->nodes[i];
    const struct genesis_params *p = &sim_world_genesis(s->world)->params;
    struct core_config c = {
        .n = (uint8_t)s->n,
        .me = i,
        .leader_seed = 7,
        .timers = {p->t_leader_ms,
                   p->t_view_ms,
                   p->t_retry_ms,
                   p->t_status_ms,
                   p->t_silent_ms,
                   p->t_fetch_ms,
                   p->t_cap_ms},
        .sign = sign_vote,
        .mutant = n->byzantine ? MUTANT_NONE : s->o->mutant,
    };
    const struct hash tip = engine_tip_hash(n->engine);

    c.genesis.block = s->genesis_block;
    core_init(n->core, &c, engine_tip(n->engine)->height, &tip);
    for (uint32_t k = 0; k < n->records; k++) {
        const struct sim_record *r = &n->journal[k];

        if (r->type == RECORD_VOTE) {
            core_replay_vote(n->core, &r->vote);
        } else if (r->type == RECORD_CERT) {
            core_replay_cert(n->core, &r->cert);
        } else {
            const struct sim_body *b = find_body(n, &r->block);
            struct block_facts f;

            if (b == NULL)
                continue;
            f = facts_of(b);
            core_replay_body(n->core, &f);
        }
    }
    core_start(n->core, false, s->now);
    n->up = true;
    n->work_told = false;
    push(s,
         (struct sim_event){
             .kind = SIM_TICK, .to = i, .life = n->life, .at = s->now + 1});
}

static void restart(struct sim *s, uint8_t i)
{
    boot(s, i);
    tell_work(s, i);
}

static void tick(struct sim *s, const struct sim_event *e)
{
    struct core_event ev = {.kind = ON_TICK};
    struct sim_node *n = &s->nodes[e->to];

    if (e->life != n->life || !n->up)
        return;
    step(s, e->to, &ev);
    if (n->up && e->life == n->life) {
        uint64_t next = core_next_tick_ms(n->core);

        if (next > s->now + 100)
            next = s->now + 100;
        push(s,
             (struct sim_event){
                 .kind = SIM_TICK, .to = e->to, .life = n->life, .at = next});
    }
}

static void offer(struct sim *s, struct bytes tx)
{
    for (uint8_t i = 0; i < s->n; i++) {
        struct sim_node *n = &s->nodes[i];

        if (n->pool_count == POOL_MAX)
            continue;
        ASSERT(tx_decode(&s->tx[0], tx) == ERR_NONE);
        n->pool_ids[n->pool_count] = s->tx[0].id;
        n->pool[n->pool_count++] = tx;
        tell_work(s, i);
    }
}

static void one_event(struct sim *s)
{
    const struct sim_event e = pop(s);

    s->now = e.at;
    switch (e.kind) {
    case SIM_MESSAGE:
        receive(s, &e);
        break;
    case SIM_SYNCED:
        synced(s, &e);
        break;
    case SIM_TICK:
        tick(s, &e);
        break;
    case SIM_RESTART:
        if (!s->nodes[e.to].up)
            restart(s, e.to);
        break;
    case SIM_BODY:
        receive_body(s, &e);
        break;
    case SIM_BLOCKS:
        receive_blocks(s, &e);
        break;
    }
    free(e.at_bytes);
}

static uint64_t highest_view(const struct sim *s)
{
    uint64_t v = 0;

    for (uint32_t i = 0; i < s->n; i++) {
        if (s->nodes[i].core->view > v)
            v = s->nodes[i].core->view;
    }
    return v;
}

/* Swarm: each seed switches kinds of faults on or off. */
static void choose_faults(struct sim *s)
{
    static const uint32_t losses[] = {0, 0, 50, 200, 400};

    s->loss = losses[below(s, ARRAY_LEN(losses))];
    s->duplicate = chance(s, 512) ? 100 : 0;
    s->delay = (uint32_t)(5 + below(s, chance(s, 300) ? 1500 : 60));
    s->sync_delay = (uint32_t)(1 + below(s, chance(s, 300) ? 60 : 4));
    s->crash = chance(s, 600) ? (uint32_t)below(s, 30) : 0;
    s->chaos = true;
    for (uint32_t i = 0; i < valset_faulty(s->n); i++)
        s->nodes[i].byzantine = chance(s, 400);
}

static void disturb(struct sim *s)
{
    if (chance(s, 40))
        s->cut = (uint32_t)below(s, 1u << s->n);
    if (chance(s, 80))
        s->cut = 0;
    if (s->crash > 0 && chance(s, 3)) {
        for (uint8_t i = 0; i < s->n; i++)
            crash(s, i); /* all at once */
    } else if (s->crash > 0 && chance(s, 20)) {
        crash(s, (uint8_t)below(s, s->n));
    }
}

static bool settled(const struct sim *s)
{
    const uint64_t height = engine_tip(s->nodes[0].engine)->height;

    for (uint32_t i = 0; i < s->n; i++) {
        const struct sim_node *n = &s->nodes[i];

        if (!n->up || engine_tip(n->engine)->height != height ||
            (n->pool_count > 0 && !n->byzantine))
            return false;
    }
    return true;
}

static void run_until(struct sim *s, uint64_t end, bool until_settled)
{
    while (s->queued > 0 && s->queue[0].at <= end && s->r.violation == NULL &&
           !(until_settled && settled(s)))
        one_event(s);
    if (s->r.violation == NULL && !(until_settled && settled(s)) &&
        s->now < end)
        s->now = end;
}

/* Room for one more with everybody, and the register is there. */
static bool may_offer(const struct sim *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->nodes[i].pool_count == POOL_MAX)
            return false;
    }
    return !hash_is_zero(&s->chain[1]);
}

static void run_chaos(struct sim *s)
{
    const uint64_t views = s->o->views;

    offer(s, sim_world_setup(s->world, 0));
    while (highest_view(s) < views && s->now < 600000 &&
           s->r.violation == NULL &&
           engine_tip(s->nodes[0].engine)->height < SIM_HEIGHTS_MAX - 80) {
        run_until(s, s->now + 50 + below(s, 200), false);
        disturb(s);
        if (may_offer(s) && chance(s, 700)) {
            const uint64_t number = s->tx_number++;

            offer(s, sim_world_tx(s->world, number, draw(s)));
        }
    }
}

static void run_calm(struct sim *s)
{
    uint64_t view;

    s->chaos = false;
    s->cut = 0;
    run_until(s, s->now + 5000, false); /* everybody is up again */
    run_until(s, s->now + 240000, true);
    if (s->r.violation == NULL && !settled(s))
        violate(s, "transactions known to all are not final everywhere");
    run_until(s, s->now + 15000, false);
    view = highest_view(s);
    run_until(s, s->now + 12000, false);
    if (s->r.violation == NULL && highest_view(s) > view + s->n + 1)
        violate(s, "views turn although there is nothing to do");
    for (uint32_t i = 0; i < s->n && s->r.violation == NULL; i++) {
        if (!sim_world_sums_hold(s->nodes[i].engine))
            violate(s, "shares are not conserved");
    }
}

struct sim_result sim_run(const struct sim_options *o)
{
    static const uint32_t sizes[] = {4, 4, 4, 5, 6, 7};
    struct sim *s = calloc(1, sizeof *s);
    struct sim_result r;

    ASSERT(s != NULL);
    s->o = o;
    s->random = o->seed * 0x2545f4914f6cdd1du + 1;
    s->n = o->nodes != 0 ? o->nodes : sizes[below(s, ARRAY_LEN(sizes))];
    s->queue = malloc(QUEUE_MAX * sizeof s->queue[0]);
    s->tx = malloc(POOL_MAX * sizeof s->tx[0]);
    s->fx = malloc(sizeof *s->fx);
    s->world = sim_world_new(s->n);
    ASSERT(s->queue != NULL && s->tx != NULL && s->fx != NULL);
    choose_faults(s);
    for (uint8_t i = 0; i < s->n; i++) {
        struct sim_node *n = &s->nodes[i];

        n->engine = engine_new(sim_world_genesis(s->world));
        n->core = malloc(sizeof *n->core);
        n->certs = calloc(SIM_HEIGHTS_MAX, sizeof n->certs[0]);
        ASSERT(n->core != NULL && n->certs != NULL);
        s->genesis_block = engine_tip_hash(n->engine);
        boot(s, i);
    }
    run_chaos(s);
    run_calm(s);
    s->r.views = highest_view(s);
    r = s->r;
    while (s->queued > 0)
        free(pop(s).at_bytes);
    for (uint8_t i = 0; i < s->n; i++) {
        struct sim_node *n = &s->nodes[i];

        engine_free(n->engine);
        for (uint32_t k = 0; k < BODIES_MAX; k++)
            free(n->bodies[k].body);
        for (uint32_t k = 0; k < n->held_count; k++)
            free(n->held[k].at_bytes);
        free(n->held);
        free(n->journal);
        free(n->certs);
        free(n->core);
    }
    sim_world_free(s->world);
    free(s->queue);
    free(s->tx);
    free(s->fx);
    free(s);
    return r;
}
