/* What a Byzantine node makes of its frames: the node is the shipped one, its
 * network is not.  It signs what it likes with its own key, and it cannot sign
 * with another's. */
#include "tests/whole/whole.h"

#include "base/check.h"

enum {
    KEPT = 64,
    GARBAGE_MAX = 400,
};

static struct {
    uint32_t one_in; /* so many frames are changed */
    uint32_t next;
    struct kept {
        uint8_t channel, type;
        struct buf payload;
    } kept[KEPT];
} byz;

void byz_begin(void)
{
    for (int i = 0; i < KEPT; i++)
        buf_deinit(&byz.kept[i].payload);
    memset(&byz, 0, sizeof byz);
    byz.one_in = 1u << whole_draw(&whole.fault, 0, 5);
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)whole_draw(&whole.fault, 0, n - 1);
}

static struct vote_domain domain(void)
{
    return (struct vote_domain){.chain_id = whole.base->chain_id,
                                .validators_hash =
                                    valset_hash(&whole.base->set),
                                .set = &whole.base->set};
}

static void sign(struct vote *v)
{
    const struct vote_domain d = domain();

    ASSERT(vote_sign(v, &d, &whole.base->keys[whole.byz]) == ERR_NONE);
}

static void keep(uint8_t channel, uint8_t type, struct bytes payload)
{
    struct kept *k = &byz.kept[byz.next++ % KEPT];

    if (payload.size > 20000)
        return;
    k->channel = channel;
    k->type = type;
    buf_clear(&k->payload);
    buf_append(&k->payload, payload.at, payload.size);
}

/* ---- equivocation ---- */

static void other_vote(struct whole_node *w, int to, struct bytes payload)
{
    uint8_t bytes[VOTE_BYTES];
    struct writer out = writer_of(bytes, sizeof bytes);
    struct vote v;

    if (msg_vote_decode(&v, payload) != ERR_NONE || v.signer != whole.byz)
        return;
    switch (below(4)) {
    case 0: /* for a block that nobody has */
        if (v.kind != VOTE_NULLIFY)
            v.about.block.raw[below(HASH_BYTES)] ^= 1;
        break;
    case 1:
        v.kind = VOTE_NULLIFY;
        v.about = (struct candidate){.view = v.about.view};
        break;
    case 2: /* final before it is notarised */
        if (v.kind == VOTE_NOTARIZE)
            v.kind = VOTE_FINALIZE;
        break;
    case 3:
        v.sig.raw[below(SIGNATURE_BYTES)] ^= 1;
        vote_encode(&out, &v);
        net_transmit(w, to, CHANNEL_CONSENSUS, MSG_VOTE, writer_bytes(&out));
        return;
    }
    sign(&v);
    vote_encode(&out, &v);
    net_transmit(w, to, CHANNEL_CONSENSUS, MSG_VOTE, writer_bytes(&out));
}

/* Another block for every second of the others. */
static bool other_proposal(struct whole_node *w, int to, struct bytes payload)
{
    static struct msg_proposal p;
    const struct cert *certs[MSG_CERTS_MAX];
    uint8_t header[HEADER_BYTES_MAX];
    struct header h;
    struct buf out = {0};
    struct writer x;
    size_t size;

    if (to % 2 == 0 || msg_proposal_decode(&p, payload) != ERR_NONE ||
        p.header.size == 0 || header_decode(&h, p.header) != ERR_NONE)
        return false;
    h.time_ms += 1 + below(3);
    size = header_encode(header, &h);
    p.candidate.block = header_hash(&h);
    p.vote.about = p.candidate;
    sign(&p.vote);
    for (uint32_t i = 0; i < p.cert_count; i++)
        certs[i] = &p.certs[i];
    buf_append(&out, NULL, MSG_PROPOSAL_MAX);
    x = writer_of(out.at, out.size);
    msg_proposal_encode(&x,
                        &p.candidate,
                        &p.vote,
                        bytes_of(header, size),
                        certs,
                        p.cert_count,
                        p.body);
    net_transmit(w, to, CHANNEL_CONSENSUS, MSG_PROPOSAL, writer_bytes(&x));
    buf_deinit(&out);
    return true;
}

/* A block of the past as it never was, with a certificate that says so. */
static bool other_history(struct whole_node *w, int to, struct bytes payload)
{
    uint8_t header[HEADER_BYTES_MAX];
    uint8_t cert[CERT_BYTES_MAX];
    struct writer c = writer_of(cert, sizeof cert);
    struct bytes old;
    struct bytes body;
    struct header h;
    struct cert was;
    struct buf out = {0};
    struct writer x;
    size_t size;

    if (msg_sync_block_decode(&old, &was, &body, payload) != ERR_NONE ||
        header_decode(&h, old) != ERR_NONE)
        return false;
    h.time_ms++;
    size = header_encode(header, &h);
    was.about.block = header_hash(&h);
    cert_encode(&c, &was);
    buf_append(&out, NULL, payload.size + 64);
    x = writer_of(out.at, out.size);
    msg_sync_block_encode(&x, bytes_of(header, size), writer_bytes(&c), body);
    net_transmit(w, to, CHANNEL_BULK, MSG_SYNC_BLOCK, writer_bytes(&x));
    buf_deinit(&out);
    return true;
}

/* ---- the rest ---- */

static void spoil(struct whole_node *w,
                  int to,
                  uint8_t channel,
                  uint8_t type,
                  struct bytes payload)
{
    struct buf out = {0};

    buf_append(&out, payload.at, payload.size);
    for (uint32_t i = 0; out.size > 0 && i < 1 + below(3); i++)
        out.at[below((uint32_t)out.size)] ^= (uint8_t)(1u << below(8));
    if (below(4) == 0)
        out.size = below((uint32_t)out.size + 1);
    net_transmit(w, to, channel, type, buf_bytes(&out));
    buf_deinit(&out);
}

/* The last byte of a body: it has the right size. */
static void spoil_body(struct whole_node *w,
                       int to,
                       uint8_t channel,
                       uint8_t type,
                       struct bytes payload)
{
    struct buf out = {0};

    buf_append(&out, payload.at, payload.size);
    out.at[out.size - 1] ^= 1;
    net_transmit(w, to, channel, type, buf_bytes(&out));
    buf_deinit(&out);
}

static void garbage(struct whole_node *w, int to, uint8_t channel)
{
    static const uint8_t types[] = {MSG_PROPOSAL,
                                    MSG_VOTE,
                                    MSG_CERT,
                                    MSG_STATUS,
                                    MSG_EPOCH_END,
                                    MSG_TXS,
                                    MSG_GET_BLOCK,
                                    MSG_BLOCK,
                                    MSG_SYNC_GET,
                                    MSG_SYNC_BLOCK,
                                    MSG_SYNC_END,
                                    99};
    uint8_t bytes[GARBAGE_MAX];

    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)below(256);
    net_transmit(w,
                 to,
                 channel,
                 types[below(ARRAY_LEN(types))],
                 bytes_of(bytes, below(GARBAGE_MAX)));
}

static void replay(struct whole_node *w, int to)
{
    const struct kept *k = &byz.kept[below(KEPT)];

    if (k->type != 0)
        net_transmit(w, to, k->channel, k->type, buf_bytes(&k->payload));
}

static bool equivocate(struct whole_node *w,
                       int to,
                       uint8_t type,
                       struct bytes payload)
{
    if (type == MSG_PROPOSAL)
        return other_proposal(w, to, payload);
    if (type == MSG_SYNC_BLOCK)
        return other_history(w, to, payload);
    if (type == MSG_VOTE)
        other_vote(w, to, payload); /* and its own as well */
    return false;
}

void byz_send(struct whole_node *w,
              int to,
              uint8_t channel,
              uint8_t type,
              struct bytes payload)
{
    bool done = false;

    keep(channel, type, payload);
    if ((type == MSG_BLOCK || type == MSG_SYNC_BLOCK) && below(6) == 0) {
        whole.total.faults[FAULT_BYZ]++;
        if (below(2) == 0 || !equivocate(w, to, type, payload))
            spoil_body(w, to, channel, type, payload);
        return;
    }
    if (below(byz.one_in) == 0) {
        whole.total.faults[FAULT_BYZ]++;
        switch (below(7)) {
        case 0: /* withheld */
            return;
        case 1:
            spoil(w, to, channel, type, payload);
            return;
        case 2:
            if (below(8) == 0)
                garbage(w, to, channel);
            break;
        case 3:
        case 4:
            replay(w, to);
            break;
        default:
            done = equivocate(w, to, type, payload);
            break;
        }
    }
    if (!done)
        net_transmit(w, to, channel, type, payload);
}
