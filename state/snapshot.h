/* snapshot.h - the whole state at one height, in pieces that each verify alone
 * (docs/FORMAT.md, "Snapshots").
 *
 * A manifest leads from the genesis to the header of the height: certified
 * changes of validators, the header's own certificate.  It holds all rows of
 * the small tables and of the securities, and of each other tree its *cut*: the
 * hashes of whole subtrees, called pieces, and the bits that the nodes above
 * them test.  That is hashed up to the header's state root before any other row
 * is asked for; so the path of each piece is in the manifest, once, and a chunk
 * needs none: its leaves, hashed, are the pieces that the manifest names.
 *
 * Invariants
 *   P1  the body of a manifest is a pure function of the state: honest nodes
 *       have the same one, whose hash is the id of the snapshot.  What is
 *       accidental, the signers of certificates, stands before it.
 *   P2  a piece is a whole subtree of at most SNAPSHOT_LEAVES_MAX leaves and
 *       SNAPSHOT_CHUNK_MAX bytes, and the subtree around it is larger; a chunk
 *       is as many consecutive pieces as fit the same limits.
 *   P3  all chunks that verify, and the rows in the manifest, are all rows of
 *       the state: nothing left out, added, doubled or of another height.
 *
 * Trees follow each other by (table, tree id): so do pieces, chunks, leaves. */
#ifndef STATE_SNAPSHOT_H
#define STATE_SNAPSHOT_H

#include "base/buf.h"
#include "chain/cert.h"
#include "chain/header.h"
#include "chain/mtree.h"
#include "state/roots.h"

#define SNAPSHOT_MAGIC "EQSNAP"
#define SNAPSHOT_TAG   "equity/SNAPSHOT/v1"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_LEAVES_MAX = 65536,
    SNAPSHOT_CHUNK_MAX = 1 << 20, /* bytes */
    SNAPSHOT_MANIFEST_MAX = 64 << 20,
    SNAPSHOT_EPOCHS_MAX = 1024,
    SNAPSHOT_NO_BIT = 0xffff, /* of the first piece of a tree */
};

/* A whole subtree. */
struct snapshot_piece {
    struct hash hash;
    uint32_t leaves;
    uint32_t tree; /* index in snapshot.trees */
    uint16_t bit;  /* of the node between the piece before and this one */
};

struct snapshot_tree {
    uint8_t table;
    struct hash id;
    struct hash root; /* zeros: empty */
};

struct snapshot_chunk {
    uint32_t first; /* piece */
    uint32_t pieces;
    uint32_t leaves;
    uint32_t bytes;
};

/* A manifest that has been verified. */
struct snapshot {
    struct header header;
    struct hash hash; /* of the header */
    struct bytes header_bytes;
    struct bytes cert_bytes;
    uint32_t epoch_count;
    struct bytes epochs;  /* snapshot_next_epoch */
    struct mtree_log log; /* of headers 0..height - 1 */
    struct bytes body;
    struct hash id;
    struct hash slots[TABLE_SLOTS];
    uint32_t security_count;
    struct security_roots *securities; /* ascending */
    uint32_t tree_count;
    struct snapshot_tree *trees;
    uint32_t piece_count;
    struct snapshot_piece *pieces;
    uint32_t chunk_count;
    struct snapshot_chunk *chunks;
    uint64_t leaves; /* in chunks */
    uint64_t bytes;  /* of all chunks */
};

/* snapshot_open verifies a manifest against the chain and the validators of its
 * epoch 0, and that it is the one with this id (NULL: any).  *out borrows in,
 * and is to be freed; NULL after an error.  *where (may be NULL) says what is
 * wrong. Errors    ERR_VERSION  not a manifest, or of another version ERR_CHAIN
 * of another chain ERR_TRUNCATED, ERR_TRAILING, ERR_RANGE, ERR_ORDER
 *           ERR_QUORUM, ERR_SIGNATURE  of a certificate
 *           ERR_MISMATCH a hash is not what another one commits to */
MUST_USE enum err snapshot_open(struct snapshot **out,
                                struct bytes in,
                                const struct hash *chain_id,
                                const struct valset *genesis,
                                const struct hash *id,
                                const char **where);
void snapshot_free(struct snapshot *s);

/* The sealing block of each epoch before that of the header, in order; begin
 * with reader_of(s->epochs), false at the end. */
struct snapshot_epoch {
    struct bytes header;
    struct bytes cert;
    struct valset next;
};
bool snapshot_next_epoch(struct reader *r, struct snapshot_epoch *out);

typedef enum err (*snapshot_row_fn)(void *ctx,
                                    const struct row_key *key,
                                    struct bytes row);
/* snapshot_each_row visits the rows in the manifest; returns what visit does.
 */
MUST_USE enum err snapshot_each_row(const struct snapshot *s,
                                    snapshot_row_fn visit,
                                    void *ctx);

/* snapshot_chunk_check hashes every leaf of chunk `index` up to the pieces of
 * the manifest; snapshot_chunk_rows visits the rows of one that was checked.
 * Errors    ERR_RANGE     another size than the manifest says; a row's length
 *           ERR_TRUNCATED, ERR_TRAILING, ERR_ORDER
 *           ERR_MISMATCH  these are not the leaves */
MUST_USE enum err snapshot_chunk_check(const struct snapshot *s,
                                       uint32_t index,
                                       struct bytes in);
MUST_USE enum err snapshot_chunk_rows(const struct snapshot *s,
                                      uint32_t index,
                                      struct bytes in,
                                      snapshot_row_fn visit,
                                      void *ctx);

/* Making one.  Rows are put in the order of (table, tree, key); the bytes of
 * leaves leave through `out`, whose error ends it. */
struct snapshot_builder;
typedef enum err (*snapshot_out_fn)(void *ctx, struct bytes leaf);
struct snapshot_builder *snapshot_build_new(snapshot_out_fn out, void *ctx);
/* Errors    ERR_ORDER, ERR_RANGE  (no such table or tree, length of a row)
 *           what out returned */
MUST_USE enum err snapshot_build_row(struct snapshot_builder *b,
                                     const struct row_key *key,
                                     struct bytes row);
/* snapshot_build_finish appends the body of the manifest; *root is the state
 * root over everything that was put.
 * Errors    ERR_CORRUPT  a row belongs to no security
 *           ERR_FULL     the manifest would be too large */
MUST_USE enum err snapshot_build_finish(struct snapshot_builder *b,
                                        struct buf *body,
                                        struct hash *root);
void snapshot_build_free(struct snapshot_builder *b);

/* What stands before the body.  snapshot_add_epoch appends to epochs. */
void snapshot_add_epoch(struct buf *epochs, const struct snapshot_epoch *e);
void snapshot_head_encode(struct buf *out,
                          struct bytes header,
                          struct bytes cert,
                          uint32_t epoch_count,
                          struct bytes epochs,
                          const struct mtree_log *log);
struct hash snapshot_id(struct bytes body);

#endif /* STATE_SNAPSHOT_H */
