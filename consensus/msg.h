/* msg.h - the messages of consensus and of the bulk connection, as bytes.
 *
 * Frames are u32 length | u8 type | u8 version | payload (net/); this is the
 * payload, Borsh.  Every decoder is bounded and strict: exactly one message,
 * nothing after it.  Decoding checks form only; signatures are the driver's to
 * check.
 *
 * Invariants
 *   P1  what decode accepts, encode writes back byte for byte.
 *   P2  after a failed decode the fixed fields are all zeros. */
#ifndef CONSENSUS_MSG_H
#define CONSENSUS_MSG_H

#include "chain/header.h"
#include "consensus/core.h"
#include "consensus/record.h"

enum msg_type {
    MSG_PROPOSAL = 10, /* consensus connection */
    MSG_VOTE = 11,
    MSG_CERT = 12,
    MSG_STATUS = 13,
    MSG_EPOCH_END = 14,
    MSG_TXS = 20, /* bulk connection */
    MSG_GET_BLOCK = 21,
    MSG_BLOCK = 22,
    MSG_SYNC_GET = 23,
    MSG_SYNC_BLOCK = 24,
    MSG_SYNC_END = 25,
    MSG_SNAPSHOT_ASK = 26, /* nothing in it */
    MSG_SNAPSHOT_OFFERS = 27,
    MSG_SNAPSHOT_GET = 28,
    MSG_SNAPSHOT_PART = 29,
};

enum {
    MSG_CERTS_MAX = 66,
    MSG_INLINE_BODY_MAX = 65536, /* larger bodies go by the bulk connection */
    MSG_PROPOSAL_MAX = 300000,
    MSG_VOTE_MAX = 256,
    MSG_CERT_MAX = 4096,
    MSG_STATUS_MAX = 512,
    MSG_EPOCH_END_MAX = 8192,
    MSG_SMALL_MAX = 64,
    MSG_TXS_MAX = 1 << 20,
    MSG_TXS_COUNT_MAX = 65536,
    MSG_BLOCK_MAX = (1 << 20) + 1024,
    MSG_SYNC_BLOCK_MAX = (1 << 20) + 8192,
    MSG_OFFERS_MAX = 4,
    MSG_OFFER_BYTES = 8 + 2 * HASH_BYTES + 4 + 4,
    MSG_SNAPSHOT_OFFERS_MAX = 4 + MSG_OFFERS_MAX * MSG_OFFER_BYTES,
    MSG_PART_BYTES_MAX = 1 << 20,
    MSG_SNAPSHOT_PART_MAX = HASH_BYTES + 1 + 4 + 4 + MSG_PART_BYTES_MAX,
};

struct msg_proposal {
    struct candidate candidate;
    struct vote vote;    /* the leader's NOTARIZE */
    struct bytes header; /* empty for a CARRY; borrowed */
    uint32_t cert_count;
    struct cert certs[MSG_CERTS_MAX];
    struct bytes body; /* empty if it follows on the bulk connection */
};

void msg_proposal_encode(struct writer *w,
                         const struct candidate *candidate,
                         const struct vote *vote,
                         struct bytes header,
                         const struct cert *const *certs,
                         uint32_t cert_count,
                         struct bytes body);
/* Errors    ERR_RANGE  also: not a NOTARIZE vote about this candidate, or a
 * body without a header */
MUST_USE enum err msg_proposal_decode(struct msg_proposal *out,
                                      struct bytes in);

MUST_USE enum err msg_vote_decode(struct vote *out, struct bytes in);
MUST_USE enum err msg_cert_decode(struct cert *out, struct bytes in);

void msg_status_encode(struct writer *w,
                       const struct core_status *s,
                       uint64_t epoch);
/* Errors    ERR_RANGE  also: map bits beyond map_views, or map_from not after
 *           final_view */
MUST_USE enum err msg_status_decode(struct core_status *out,
                                    uint64_t *epoch,
                                    struct bytes in);

/* What closed an epoch: the header of its last block, the finalization of that
 * block, and the set it named for the next epoch. */
struct msg_epoch_end {
    struct header header;
    struct cert cert;
    struct valset next;
};

void msg_epoch_end_encode(struct writer *w,
                          struct bytes header,
                          struct bytes cert,
                          const struct valset *next);
/* Errors    ERR_RANGE  also: the header does not seal, the certificate
 * finalises another block, or the set is not sound or not the one named */
MUST_USE enum err msg_epoch_end_decode(struct msg_epoch_end *out,
                                       struct bytes in);
/* msg_epoch_end_check checks it with the set of the epoch it closes.
 * Errors    ERR_CHAIN  another chain, epoch or set; those of cert_check */
MUST_USE enum err msg_epoch_end_check(const struct msg_epoch_end *m,
                                      const struct vote_domain *d);

/* A header and its body: MSG_BLOCK, and the journal's BODY record. */
void msg_block_encode(struct writer *w, struct bytes header, struct bytes body);
MUST_USE enum err msg_block_decode(struct bytes *header,
                                   struct bytes *body,
                                   struct bytes in);

/* Transactions sent around: u32 count, each u32-length-prefixed.  Decoding
 * looks through all of it: *at is where the first one's length stands.
 * Errors    ERR_RANGE  also: a transaction over TX_BYTES_MAX */
MUST_USE enum err msg_txs_decode(uint32_t *count, size_t *at, struct bytes in);

/* MSG_GET_BLOCK: the hash of a block that was proposed or certified. */
MUST_USE enum err msg_get_block_decode(struct hash *out, struct bytes in);

/* A run of heights: what is asked for (from .. to), or, as MSG_SYNC_END, what
 * was asked for from and the first height that was not sent. */
struct msg_range {
    uint64_t from; /* at least 1 */
    uint64_t to;   /* not before from */
};

void msg_range_encode(struct writer *w, const struct msg_range *r);
/* Errors    ERR_RANGE  from is 0, or to is before it */
MUST_USE enum err msg_range_decode(struct msg_range *out, struct bytes in);

/* A final block with its certificate, for a node that was away. */
void msg_sync_block_encode(struct writer *w,
                           struct bytes header,
                           struct bytes cert,
                           struct bytes body);
MUST_USE enum err msg_sync_block_decode(struct bytes *header,
                                        struct cert *cert,
                                        struct bytes *body,
                                        struct bytes in);

/* The snapshots that a node has (state/snapshot.h), the newest first. */
struct msg_offer {
    uint64_t height; /* at least 1 */
    struct hash block;
    struct hash id;
    uint32_t manifest_bytes; /* at least 1 */
    uint32_t chunks;
};
struct msg_offers {
    uint32_t count;
    struct msg_offer list[MSG_OFFERS_MAX]; /* heights descend */
};

void msg_offers_encode(struct writer *w, const struct msg_offers *m);
/* Errors    ERR_RANGE  a height or a size that cannot be; ERR_TRUNCATED,
 *           ERR_TRAILING */
MUST_USE enum err msg_offers_decode(struct msg_offers *out, struct bytes in);

/* A part of one: MSG_PART_BYTES_MAX of its manifest from index times that on,
 * or the chunk of this index.  As an answer, with its bytes; none: it is not
 * here any more. */
enum msg_part_kind {
    MSG_PART_MANIFEST = 0,
    MSG_PART_CHUNK = 1,
    MSG_PARTS,
};
struct msg_part {
    struct hash id;
    uint8_t kind; /* enum msg_part_kind */
    uint32_t index;
};

void msg_part_encode(struct writer *w, const struct msg_part *m);
MUST_USE enum err msg_part_decode(struct msg_part *out, struct bytes in);
void msg_part_bytes_encode(struct writer *w,
                           const struct msg_part *m,
                           struct bytes bytes);
MUST_USE enum err msg_part_bytes_decode(struct msg_part *out,
                                        struct bytes *bytes,
                                        struct bytes in);

#endif /* CONSENSUS_MSG_H */
