/* What the others send: checked, then fed to the core.  Whoever sends what no
 * correct node sends is told so, and its link ends. */
#include "base/check.h"
#include "node/replica.h"
#include "node/snapshots.h"

#include <stdlib.h>

enum {
    PROPOSALS_PER_S = 100,
    STATUS_PER_S = 4,
    GET_PER_S = 20,
    ENDS_PER_S = 4,            /* one a second is asked for */
    PARTS_PER_S = 100,         /* of snapshots */
    PROPOSAL_REPEATS = 3,      /* of a view, looked at */
    PROPOSAL_REPEATS_MAX = 64, /* a capped view has fifteen */
};

/* Votes and certificates need no rate: each is looked at once. */
const struct peers_type replica_types[REPLICA_TYPES] = {
    {MSG_PROPOSAL,
     CHANNEL_CONSENSUS,
     MSG_PROPOSAL_MAX,
     CLASS_BODY,
     PROPOSALS_PER_S},
    {MSG_VOTE, CHANNEL_CONSENSUS, MSG_VOTE_MAX, CLASS_VOTE, 0},
    {MSG_CERT, CHANNEL_CONSENSUS, MSG_CERT_MAX, CLASS_VOTE, 0},
    {MSG_STATUS, CHANNEL_CONSENSUS, MSG_STATUS_MAX, CLASS_VOTE, STATUS_PER_S},
    {MSG_EPOCH_END,
     CHANNEL_CONSENSUS,
     MSG_EPOCH_END_MAX,
     CLASS_VOTE,
     ENDS_PER_S},
    {MSG_TXS, CHANNEL_BULK, MSG_TXS_MAX, CLASS_GOSSIP, 0},
    {MSG_GET_BLOCK, CHANNEL_BULK, MSG_SMALL_MAX, CLASS_BODY, GET_PER_S},
    {MSG_BLOCK, CHANNEL_BULK, MSG_BLOCK_MAX, CLASS_BODY, 0},
    {MSG_SYNC_GET, CHANNEL_BULK, MSG_SMALL_MAX, CLASS_SYNC, GET_PER_S},
    {MSG_SYNC_BLOCK, CHANNEL_BULK, MSG_SYNC_BLOCK_MAX, CLASS_SYNC, 0},
    {MSG_SYNC_END, CHANNEL_BULK, MSG_SMALL_MAX, CLASS_SYNC, 2 * GET_PER_S},
    {MSG_SNAPSHOT_ASK, CHANNEL_BULK, MSG_SMALL_MAX, CLASS_SYNC, GET_PER_S},
    {MSG_SNAPSHOT_OFFERS,
     CHANNEL_BULK,
     MSG_SNAPSHOT_OFFERS_MAX,
     CLASS_SYNC,
     GET_PER_S},
    {MSG_SNAPSHOT_GET, CHANNEL_BULK, MSG_SMALL_MAX, CLASS_SYNC, PARTS_PER_S},
    {MSG_SNAPSHOT_PART, CHANNEL_BULK, MSG_SNAPSHOT_PART_MAX, CLASS_SYNC, 0},
};

/* Who sent a frame: the slot of its link, and what the core calls it. */
struct sender {
    uint8_t slot;
    uint8_t id;
};

static void blame(struct node *n, struct sender by, const char *reason)
{
    peers_misbehaved(n->peers, by.slot, CHANNEL_CONSENSUS, reason);
}

static void feed_certs(struct node *n,
                       const struct cert *certs,
                       uint32_t count,
                       uint8_t from)
{
    struct core_event e = {
        .kind = ON_CERT, .from = from, .certs = certs, .cert_count = count};

    replica_feed(n, &e);
}

/* A proposal, decoded, and what was found of it. */
struct proposal {
    struct msg_proposal m;
    struct header h; /* if m.header is not empty */
    uint32_t kept;   /* certificates that are news, in front */
};

/* Form and fields: what costs nothing.  NULL, or what is wrong. */
static const char *look_at(struct node *n, struct proposal *p, uint8_t from)
{
    struct msg_proposal *m = &p->m;
    struct hash hash;

    if (m->vote.signer != from ||
        core_leader(n->core, m->candidate.view) != from)
        return "a proposal by another than the leader";
    if (!candidate_eq(&m->vote.about, &m->candidate) ||
        m->vote.kind != VOTE_NOTARIZE)
        return "a proposal whose vote is for something else";
    if (m->header.size == 0)
        return NULL;
    if (header_decode(&p->h, m->header) != ERR_NONE)
        return "a proposal with a malformed header";
    if (p->h.view != m->candidate.view || p->h.proposer != from ||
        p->h.epoch != n->set.epoch || p->h.height != m->candidate.height ||
        !hash_eq(&p->h.chain_id, &n->chain_id))
        return "a proposal whose header is for something else";
    hash = header_hash(&p->h);
    if (!hash_eq(&hash, &m->candidate.block))
        return "a proposal whose header is another block's";
    return NULL;
}

/* Only certificates that are news are verified, and kept. */
static const char *check_certs(struct node *n, struct proposal *p)
{
    for (uint32_t i = 0; i < p->m.cert_count; i++) {
        if (!core_wants_cert(n->core, &p->m.certs[i]))
            continue;
        if (cert_check(&p->m.certs[i], &n->domain) != ERR_NONE)
            return "a proposal with a false certificate";
        p->m.certs[p->kept++] = p->m.certs[i];
    }
    return NULL;
}

/* One proposal of a view and a few repeats; false: too many. */
static bool may_repeat(struct node *n, struct sender by, uint64_t view)
{
    struct proposals_seen *seen = &n->proposals[by.slot];

    if (seen->view != view || seen->epoch != n->set.epoch)
        *seen = (struct proposals_seen){.epoch = n->set.epoch, .view = view};
    seen->count++;
    if (seen->count == PROPOSAL_REPEATS_MAX)
        blame(n, by, "the same proposal again and again");
    return seen->count <= 1 + PROPOSAL_REPEATS;
}

/* The core gets it, and the body if it came along. */
static void feed_proposal(struct node *n, struct proposal *p, struct sender by)
{
    const uint8_t from = by.id;
    struct core_event e = {.kind = ON_PROPOSAL, .from = from};
    struct core_event here = {.kind = ON_BODY};
    struct msg_proposal *m = &p->m;
    struct block_entry *b = NULL;
    bool other_body = false;

    if (m->header.size > 0 && p->h.height > n->tip.height &&
        core_wants_proposal(n->core, from, &m->vote)) {
        if (!block_entry_rival(n, &p->h, &m->candidate.block))
            b = block_entry_add(n, &p->h, m->header);
        e.facts = block_facts_of(&p->h, &m->candidate.block);
        /* The block may be sound all the same: its body is then fetched. */
        if (b != NULL && m->body.size > 0)
            other_body = !block_entry_set_body(b, m->body);
    }
    e.candidate = m->candidate;
    e.vote = &m->vote;
    e.certs = m->certs;
    e.cert_count = p->kept;
    if (b != NULL && b->has_body)
        block_entry_verify(n, b);
    replica_feed(n, &e);
    if (b != NULL && b->has_body) {
        here.facts = e.facts;
        replica_feed(n, &here);
    }
    if (other_body)
        blame(n, by, "a proposal with another block's body");
}

/* Cheap checks first (M1): a signature is verified only of what is news. */
static void take_proposal(struct node *n,
                          struct sender by,
                          struct bytes payload)
{
    const uint8_t from = by.id;
    struct proposal *p = calloc(1, sizeof *p);
    const char *bad = NULL;
    bool wanted = false;

    ASSERT(p != NULL);
    if (msg_proposal_decode(&p->m, payload) != ERR_NONE)
        bad = "malformed proposal";
    /* Of another epoch, or of who is in no set that we know. */
    if (bad == NULL &&
        (p->m.vote.epoch != n->set.epoch || from >= CORE_OBSERVER)) {
        epoch_other(n, from, p->m.vote.epoch);
        free(p);
        return;
    }
    if (bad == NULL)
        bad = look_at(n, p, from);
    if (bad == NULL) {
        wanted = core_wants_proposal(n->core, from, &p->m.vote);
        if (wanted && !may_repeat(n, by, p->m.candidate.view)) {
            free(p);
            return;
        }
        bad = check_certs(n, p);
    }
    if (bad == NULL && wanted && vote_check(&p->m.vote, &n->domain) != ERR_NONE)
        bad = "a proposal whose signature does not verify";
    if (bad != NULL)
        blame(n, by, bad);
    else if (wanted)
        feed_proposal(n, p, by);
    else if (p->kept > 0)
        feed_certs(n, p->m.certs, p->kept, from);
    free(p);
}

/* M4 no relayed vote: from its signer only. */
static void take_vote(struct node *n, struct sender by, struct bytes payload)
{
    struct core_event e = {.kind = ON_VOTE, .from = by.id};
    struct vote v;

    if (msg_vote_decode(&v, payload) != ERR_NONE) {
        blame(n, by, "malformed or relayed vote");
        return;
    }
    /* Of another epoch, or of who is in no set that we know. */
    if (v.epoch != n->set.epoch || by.id >= CORE_OBSERVER) {
        epoch_other(n, by.id, v.epoch);
        return;
    }
    if (v.signer != by.id) {
        blame(n, by, "malformed or relayed vote");
        return;
    }
    if (!core_wants_vote(n->core, &v))
        return;
    if (vote_check(&v, &n->domain) != ERR_NONE) {
        blame(n, by, "a vote whose signature does not verify");
        return;
    }
    e.vote = &v;
    replica_feed(n, &e);
}

static void take_cert(struct node *n, struct sender by, struct bytes payload)
{
    struct cert c;

    if (msg_cert_decode(&c, payload) != ERR_NONE) {
        blame(n, by, "malformed certificate");
        return;
    }
    if (c.epoch > n->set.epoch) /* an older one is not answered (M5) */
        epoch_other(n, by.id, c.epoch);
    if (!core_wants_cert(n->core, &c))
        return;
    if (cert_check(&c, &n->domain) != ERR_NONE) {
        blame(n, by, "a false certificate");
        return;
    }
    feed_certs(n, &c, 1, by.id);
}

static void take_status(struct node *n, struct sender by, struct bytes payload)
{
    struct core_event e = {.kind = ON_STATUS, .from = by.id};
    struct core_status s;
    uint64_t epoch;

    if (msg_status_decode(&s, &epoch, payload) != ERR_NONE) {
        blame(n, by, "malformed status");
        return;
    }
    if (epoch != n->set.epoch) {
        epoch_other(n, by.id, epoch);
        return;
    }
    if (s.held.kind != 0 && ((int)s.held.signer != n->me ||
                             vote_check(&s.held, &n->domain) != ERR_NONE)) {
        blame(n, by, "a status with a false vote");
        return;
    }
    epoch_status(n, by.id, &s);
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
    if (h->height <= n->tip.height || h->height > n->tip.height + 2 ||
        h->epoch != n->set.epoch)
        return false;
    return core_wants_body(n->core, hash) ||
           (h->proposer == from && core_leader(n->core, h->view) == from &&
            h->view > n->core->fin.view &&
            h->view <= n->core->view + CORE_VOTE_WINDOW &&
            !block_entry_rival(n, h, hash));
}

static void take_block(struct node *n, struct sender by, struct bytes payload)
{
    struct core_event here = {.kind = ON_BODY};
    struct bytes header;
    struct bytes body;
    struct header h;
    struct hash hash;
    struct block_entry *b;

    if (msg_block_decode(&header, &body, payload) != ERR_NONE ||
        header_decode(&h, header) != ERR_NONE) {
        peers_misbehaved(n->peers, by.slot, CHANNEL_BULK, "malformed block");
        return;
    }
    hash = header_hash(&h);
    if (!is_wanted(n, by.id, &h, &hash))
        return;
    b = block_entry_add(n, &h, header);
    if (b == NULL)
        return;
    if (!block_entry_set_body(b, body)) {
        peers_misbehaved(
            n->peers, by.slot, CHANNEL_BULK, "a body that is not the header's");
        return;
    }
    block_entry_verify(n, b);
    here.facts = block_facts_of(&h, &b->hash);
    replica_feed(n, &here);
}

static void serve_block(struct node *n, struct sender by, struct bytes payload)
{
    struct hash hash;
    const struct block_entry *b;
    struct buf out = {0};
    struct writer w;

    if (msg_get_block_decode(&hash, payload) != ERR_NONE) {
        peers_misbehaved(n->peers, by.slot, CHANNEL_BULK, "malformed request");
        return;
    }
    b = block_entry_find(n, &hash);
    if (b == NULL || !b->has_body ||
        !bucket_take(
            &n->served[by.slot], (uint32_t)b->body.size + 1024, node_now_ms()))
        return; /* it asks another */
    buf_append(&out, NULL, 8 + b->header_bytes.size + b->body.size);
    w = writer_of(out.at, out.size);
    msg_block_encode(&w, buf_bytes(&b->header_bytes), buf_bytes(&b->body));
    (void)peers_send(
        n->peers, by.slot, CHANNEL_BULK, MSG_BLOCK, writer_bytes(&w));
    buf_deinit(&out);
}

void replica_frame(void *ctx,
                   uint8_t slot,
                   uint8_t channel,
                   uint8_t type,
                   struct bytes payload)
{
    struct node *n = ctx;
    const struct sender by = {slot, link_id(n, slot)};
    struct core_event heard = {.kind = ON_HEARD, .from = by.id};

    if (channel == CHANNEL_CONSENSUS)
        replica_feed(n, &heard);
    switch (type) {
    case MSG_PROPOSAL:
        take_proposal(n, by, payload);
        break;
    case MSG_VOTE:
        take_vote(n, by, payload);
        break;
    case MSG_CERT:
        take_cert(n, by, payload);
        break;
    case MSG_STATUS:
        take_status(n, by, payload);
        break;
    case MSG_EPOCH_END:
        epoch_take_end(n, slot, payload);
        break;
    case MSG_TXS:
        intake_take(n, slot, payload);
        break;
    case MSG_BLOCK:
        take_block(n, by, payload);
        break;
    case MSG_GET_BLOCK:
        serve_block(n, by, payload);
        break;
    case MSG_SYNC_GET:
        sync_serve(n, slot, payload);
        break;
    case MSG_SYNC_BLOCK:
        sync_take(n, slot, payload);
        break;
    case MSG_SYNC_END:
        sync_take_end(n, slot, payload);
        break;
    case MSG_SNAPSHOT_ASK:
        snapshots_serve_list(n, slot);
        break;
    case MSG_SNAPSHOT_GET:
        snapshots_serve(n, slot, payload);
        break;
    case MSG_SNAPSHOT_OFFERS:
    case MSG_SNAPSHOT_PART: /* nothing was asked since this link is up */
        peers_misbehaved(n->peers,
                         slot,
                         CHANNEL_BULK,
                         "a part of a snapshot that nobody asked for");
        break;
    default:
        break;
    }
}
