/* archive.h - a run of blocks as one file: what is taken away, kept elsewhere,
 * checked from the genesis on and read back (docs/FORMAT.md, "Block archive").
 *
 *   head    magic 7 "EQARCHV" | version u8 | chain id 32 | first height u64 |
 *           genesis vec | digest 32
 *   block   u8 1 | header vec | certificate vec | body vec | digest 32
 *   end     u8 0 | blocks u64 | hash of the last block 32 | digest 32
 *
 * The genesis is in its canonical bytes.  Each digest is the tagged hash
 * equity/ARCHIVE/v1 of the digest before it (zeros before the head's) and the
 * SHA-256 of its item without the digest, so that damage is found where it is
 * and a file that was cut short is gone on with.  Digests are against accidents
 * only: they have no key.
 *
 * This file checks form, and that blocks follow one another and fit their
 * certificates' names; signatures and execution are others' to check.
 *
 * Invariants
 *   A1  what is read, the encoders write back byte for byte.
 *   A2  after an error the walk is where it was. */
#ifndef CHAIN_ARCHIVE_H
#define CHAIN_ARCHIVE_H

#include "chain/cert.h"
#include "chain/genesis.h"
#include "chain/header.h"

#define ARCHIVE_TAG "equity/ARCHIVE/v1"

enum {
    ARCHIVE_VERSION = 1,
    ARCHIVE_HEAD_MAX =
        7 + 1 + HASH_BYTES + 8 + 4 + GENESIS_BYTES_MAX + HASH_BYTES,
    ARCHIVE_ITEM_MAX = 1 + 3 * 4 + HEADER_BYTES_MAX + CERT_BYTES_MAX +
                       BLOCK_BODY_BYTES_MAX + HASH_BYTES,
    ARCHIVE_END_BYTES = 1 + 8 + 2 * HASH_BYTES,
};

/* Where a reader or a writer of one archive stands. */
struct archive_walk {
    struct hash chain_id;
    uint64_t first;
    uint64_t next;    /* height of the block that comes next */
    struct hash last; /* hash of the block before it; zeros: none in here */
    struct hash digest;
    bool ended;
};

struct archive_block {
    struct header header;
    struct hash hash;
    struct cert cert; /* zeros for block 0, which has none */
    struct bytes header_bytes;
    struct bytes cert_bytes; /* empty for block 0 */
    struct bytes body;
};

/* archive_read_head begins the walk; genesis borrows from in.  *used is the
 * size of the head.
 * Errors    ERR_TRUNCATED  in ends inside it
 *           ERR_VERSION    no archive, or of another format
 *           ERR_CORRUPT    the digest does not match
 *           ERR_CHAIN      the genesis is not that of the chain
 *           ERR_RANGE      lengths, a first height that cannot be */
MUST_USE enum err archive_read_head(struct archive_walk *w,
                                    struct bytes *genesis,
                                    size_t *used,
                                    struct bytes in);

/* archive_read_item reads what comes next: a block, or the end (w->ended, *out
 * is zeros).  Borrows from in.
 * Requires  !w->ended
 * Errors    ERR_TRUNCATED  in ends inside it
 *           ERR_RANGE      a length, a kind of item that is none, a header or
 *                          certificate that is not well-formed
 *           ERR_CORRUPT    the digest does not match
 *           ERR_VERSION    of the header
 *           ERR_CHAIN      a block of another chain
 *           ERR_ORDER      not the block that follows; the end of other blocks
 *           ERR_MISMATCH   the certificate does not finalise the block, or the
 *                          body has another size */
MUST_USE enum err archive_read_item(struct archive_walk *w,
                                    struct archive_block *out,
                                    size_t *used,
                                    struct bytes in);

/* Encoding.  head begins the walk; block and end go on with it.  The blocks are
 * not looked at: read back what was written. */
void archive_encode_head(struct writer *out,
                         struct archive_walk *w,
                         const struct hash *chain_id,
                         uint64_t first,
                         struct bytes genesis);
void archive_encode_block(struct writer *out,
                          struct archive_walk *w,
                          struct bytes header,
                          struct bytes cert,
                          struct bytes body);
void archive_encode_end(struct writer *out, struct archive_walk *w);

#endif /* CHAIN_ARCHIVE_H */
