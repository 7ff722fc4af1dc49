/* What the other validators send: checked, then fed to the core.  Whoever sends
 * what no correct node sends is told so, and its link ends. */
#include "base/check.h"
#include "node/replica.h"

#include <stdlib.h>

static void take_proposal(struct node *n, uint8_t from, struct bytes payload)
{
    struct msg_proposal *p = malloc(sizeof *p);
    struct core_event e = {.kind = ON_PROPOSAL, .from = from};
    struct core_event here = {.kind = ON_BODY};
    uint32_t kept = 0;
    const char *bad = NULL;
    struct header h;
    struct block_entry *b = NULL;
    bool other_body = false;

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
        /* The block may be sound all the same: its body is then fetched. */
        if (b != NULL && p->body.size > 0)
            other_body = !block_entry_set_body(b, p->body);
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
    if (other_body)
        peers_misbehaved(n->peers,
                         from,
                         CHANNEL_CONSENSUS,
                         "a proposal with another block's body");
}

/* M4 no relayed vote: from its signer only. */
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
    keep_record(n, RECORD_START, 0, bytes_of("", 0));
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
