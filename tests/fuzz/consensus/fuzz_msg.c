/* Properties of every message, for any bytes whatever.  The first byte is the
 * type, as in a frame; the rest is the payload.
 *   P1  decoding ends, and reads nothing outside its input (sanitizers)
 *   P2  what is accepted encodes back to exactly the same bytes
 *   P3  what is refused leaves nothing behind
 *   P4  no proper prefix of what is accepted is accepted */
#include "base/check.h"
#include "consensus/msg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ROOM = MSG_SYNC_BLOCK_MAX,
};

static uint8_t again[ROOM];
static struct msg_proposal proposal;

static bool proposal_again(struct writer *w, struct bytes in)
{
    const struct cert *certs[MSG_CERTS_MAX];

    if (msg_proposal_decode(&proposal, in) != ERR_NONE) {
        ASSERT(proposal.vote.kind == 0 &&
               proposal.candidate.view == 0); /* P3 */
        ASSERT(proposal.header.size == 0 && proposal.body.size == 0);
        ASSERT(proposal.cert_count == 0);
        return false;
    }
    for (uint32_t i = 0; i < proposal.cert_count; i++)
        certs[i] = &proposal.certs[i];
    msg_proposal_encode(w,
                        &proposal.candidate,
                        &proposal.vote,
                        proposal.header,
                        certs,
                        proposal.cert_count,
                        proposal.body);
    return true;
}

static bool vote_again(struct writer *w, struct bytes in)
{
    static const struct vote zero;
    struct vote v;

    if (msg_vote_decode(&v, in) != ERR_NONE) {
        ASSERT(memcmp(&v, &zero, sizeof v) == 0);
        return false;
    }
    vote_encode(w, &v);
    return true;
}

static bool cert_again(struct writer *w, struct bytes in)
{
    static const struct cert zero;
    struct cert c;

    if (msg_cert_decode(&c, in) != ERR_NONE) {
        ASSERT(memcmp(&c, &zero, sizeof c) == 0);
        return false;
    }
    cert_encode(w, &c);
    return true;
}

static bool status_again(struct writer *w, struct bytes in)
{
    static const struct core_status zero;
    struct core_status s;
    uint64_t epoch;

    if (msg_status_decode(&s, &epoch, in) != ERR_NONE) {
        ASSERT(memcmp(&s, &zero, sizeof s) == 0);
        return false;
    }
    msg_status_encode(w, &s, epoch);
    return true;
}

static bool block_again(struct writer *w, struct bytes in)
{
    struct bytes header;
    struct bytes body;

    if (msg_block_decode(&header, &body, in) != ERR_NONE) {
        ASSERT(header.size == 0 && body.size == 0);
        return false;
    }
    msg_block_encode(w, header, body);
    return true;
}

static bool sync_block_again(struct writer *w, struct bytes in)
{
    uint8_t cert_bytes[CERT_BYTES_MAX];
    struct writer cw = writer_of(cert_bytes, sizeof cert_bytes);
    struct bytes header;
    struct bytes body;
    struct cert c;

    if (msg_sync_block_decode(&header, &c, &body, in) != ERR_NONE) {
        ASSERT(header.size == 0 && body.size == 0 && c.kind == 0);
        return false;
    }
    cert_encode(&cw, &c);
    msg_sync_block_encode(w, header, writer_bytes(&cw), body);
    return true;
}

static bool epoch_end_again(struct writer *w, struct bytes in)
{
    static const struct msg_epoch_end zero;
    uint8_t cert[CERT_BYTES_MAX];
    uint8_t header[HEADER_BYTES_MAX];
    struct writer cw = writer_of(cert, sizeof cert);
    struct msg_epoch_end m;

    if (msg_epoch_end_decode(&m, in) != ERR_NONE) {
        ASSERT(memcmp(&m, &zero, sizeof m) == 0);
        return false;
    }
    ASSERT(m.next.epoch == m.header.epoch + 1 && m.next.count > 0);
    cert_encode(&cw, &m.cert);
    msg_epoch_end_encode(w,
                         bytes_of(header, header_encode(header, &m.header)),
                         writer_bytes(&cw),
                         &m.next);
    return true;
}

static bool range_again(struct writer *w, struct bytes in)
{
    struct msg_range r;

    if (msg_range_decode(&r, in) != ERR_NONE) {
        ASSERT(r.from == 0 && r.to == 0);
        return false;
    }
    ASSERT(r.from > 0 && r.to >= r.from);
    msg_range_encode(w, &r);
    return true;
}

static bool txs_again(struct writer *w, struct bytes in)
{
    uint32_t count;
    size_t at;

    if (msg_txs_decode(&count, &at, in) != ERR_NONE) {
        ASSERT(count == 0 && at == 0);
        return false;
    }
    writer_u32(w, count);
    for (uint32_t i = 0; i < count; i++) {
        struct reader r = reader_of(bytes_of(in.at + at, in.size - at));
        const struct bytes tx = reader_vec(&r, TX_BYTES_MAX);

        ASSERT(r.err == ERR_NONE); /* it was looked through */
        at = in.size - r.left;
        writer_vec(w, tx);
    }
    return true;
}

static bool get_block_again(struct writer *w, struct bytes in)
{
    struct hash h;

    if (msg_get_block_decode(&h, in) != ERR_NONE) {
        ASSERT(hash_is_zero(&h));
        return false;
    }
    writer_hash(w, &h);
    return true;
}

static bool message_again(struct writer *w, uint8_t type, struct bytes in)
{
    switch (type) {
    case MSG_PROPOSAL:
        return proposal_again(w, in);
    case MSG_VOTE:
        return vote_again(w, in);
    case MSG_CERT:
        return cert_again(w, in);
    case MSG_STATUS:
        return status_again(w, in);
    case MSG_EPOCH_END:
        return epoch_end_again(w, in);
    case MSG_BLOCK:
        return block_again(w, in);
    case MSG_SYNC_BLOCK:
        return sync_block_again(w, in);
    case MSG_TXS:
        return txs_again(w, in);
    case MSG_GET_BLOCK:
        return get_block_again(w, in);
    case MSG_SYNC_GET:
    case MSG_SYNC_END:
        return range_again(w, in);
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct writer w = writer_of(again, sizeof again);
    struct bytes in;

    if (size == 0)
        return 0;
    in = bytes_of(data + 1, size - 1);
    if (!message_again(&w, data[0], in))
        return 0;
    ASSERT(writer_ok(&w) && bytes_eq(writer_bytes(&w), in)); /* P2 */
    if (size > 4096)
        return 0;
    for (size_t cut = 0; cut < in.size; cut++) { /* P4 */
        struct writer shorter = writer_of(again, sizeof again);

        ASSERT(!message_again(&shorter, data[0], bytes_of(data + 1, cut)));
    }
    return 0;
}
