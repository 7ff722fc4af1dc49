/* header.h - the block header and the body it commits to.
 *
 * The header commits to the state after its block.  Encoding: schema_encode of
 * header_schema; block hash: tagged hash equity/BLOCK/v1 of it.  No certificate
 * is inside the hash: which signers one has is accidental. */
#ifndef CHAIN_HEADER_H
#define CHAIN_HEADER_H

#include "base/schema.h"
#include "chain/limits.h"

#define BLOCK_TAG "equity/BLOCK/v1"

enum {
    HEADER_VERSION = 1,
    HEADER_SEAL = 1, /* flags bit 0: last block of its epoch */
    HEADER_BYTES_MAX = 512,
};

struct header {
    uint16_t version;
    uint16_t flags;
    struct hash chain_id;
    uint64_t epoch;
    uint64_t view; /* of the first proposal */
    uint64_t height;
    uint64_t time_ms;
    uint16_t proposer; /* validator index; 0xffff in block 0 */
    struct hash parent_hash;
    uint64_t header_log_size; /* = height: covers blocks 0..height-1 */
    struct hash header_log_root;
    struct hash tx_root;
    uint32_t tx_count;
    uint32_t body_bytes;
    struct hash state_root;
    struct hash change_root;
    struct hash validators_hash;
    struct hash next_validators_hash;
    struct hash params_hash;
};

extern const struct schema header_schema;

struct hash header_hash(const struct header *h);
/* header_encode returns the size written into out[HEADER_BYTES_MAX]. */
size_t header_encode(uint8_t *out, const struct header *h);
MUST_USE enum err header_decode(struct header *out, struct bytes in);

/* A body is u32 count and that many u32-length-prefixed full transactions.
 * body_split borrows each from in.
 * Errors    ERR_RANGE (count, a length, total size), ERR_TRUNCATED,
 *           ERR_TRAILING */
struct body {
    uint32_t count;
    struct bytes txs[BLOCK_TXS_MAX];
};
MUST_USE enum err body_split(struct body *out, struct bytes in);
/* body_bytes_after is the size of a body of `count` transactions whose full
 * bytes sum to tx_bytes: the one size function of builder and verifier. */
size_t body_bytes_of(uint32_t count, size_t tx_bytes);
/* body_tx_root is the RFC 9162 tree root over full transaction bytes. */
struct hash body_tx_root(const struct body *b);

#endif /* CHAIN_HEADER_H */
