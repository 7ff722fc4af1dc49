/* mtree.h - RFC 9162 Merkle trees: roots, growing logs, inclusion proofs.
 *
 * leaf = SHA-256(0x00 | data), node = SHA-256(0x01 | left | right); the root of
 * nothing is SHA-256 of the empty string.  RFC 9162 section 2.1. */
#ifndef CHAIN_MTREE_H
#define CHAIN_MTREE_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

enum {
    MTREE_DEPTH_MAX = 64,
    MTREE_PROOF_MAX = MTREE_DEPTH_MAX + 1,
};

/* An inclusion path or a consistency proof. */
struct mtree_proof {
    uint32_t count;
    struct hash steps[MTREE_PROOF_MAX];
};

struct hash mtree_leaf(struct bytes data);
struct hash mtree_node(const struct hash *left, const struct hash *right);

/* A log that only grows, kept as the roots of its complete subtrees: one for
 * each set bit of size, largest first. */
struct mtree_log {
    uint64_t size;
    struct hash peaks[MTREE_DEPTH_MAX];
};

void mtree_log_append(struct mtree_log *log, const struct hash *leaf);
struct hash mtree_log_root(const struct mtree_log *log);
/* Peaks in use: the number of set bits of log->size. */
uint32_t mtree_log_peak_count(const struct mtree_log *log);

/* mtree_root is the root over leaf hashes. */
struct hash mtree_root(const struct hash *leaves, uint64_t count);

/* mtree_prove writes the inclusion path of leaves[index] into path (at most
 * MTREE_DEPTH_MAX) and returns its length (RFC 9162 section 2.1.3.1). */
uint32_t mtree_prove(struct hash *path,
                     const struct hash *leaves,
                     uint64_t count,
                     uint64_t index);
/* mtree_check verifies per RFC 9162 section 2.1.3.2.
 * Errors    ERR_MISMATCH, ERR_RANGE (index >= count, wrong path length) */
MUST_USE enum err mtree_check(const struct hash *root,
                              uint64_t count,
                              uint64_t index,
                              const struct hash *leaf,
                              const struct hash *path,
                              uint32_t path_length);

/* The same from whatever keeps the tree: node answers the root of the complete
 * subtree over leaves [index << level, (index + 1) << level).  A proof asks for
 * at most about 2 * log2(size) of them, none with leaves beyond the size. */
typedef enum err (*mtree_node_fn)(void *ctx,
                                  uint32_t level,
                                  uint64_t index,
                                  struct hash *out);
struct mtree_source {
    void *ctx;
    mtree_node_fn node;
};
/* mtree_node_fn over an array of leaf hashes: ctx is struct hash *. */
enum err mtree_node_of_leaves(void *ctx,
                              uint32_t level,
                              uint64_t index,
                              struct hash *out);

/* mtree_node_fn over a log of which the peaks at every size are kept (the block
 * store keeps them): ctx is struct mtree_peaks *.  log_at answers the log of
 * the first `size` leaves, leaf the hash of one.  A node asks for at most level
 * + 1 of them. */
struct mtree_peaks {
    void *ctx;
    enum err (*log_at)(void *ctx, uint64_t size, struct mtree_log *out);
    enum err (*leaf)(void *ctx, uint64_t index, struct hash *out);
};
enum err mtree_node_of_peaks(void *ctx,
                             uint32_t level,
                             uint64_t index,
                             struct hash *out);

/* Errors    ERR_RANGE (index >= size; first > second), what node returns */
MUST_USE enum err mtree_prove_inclusion(struct mtree_proof *out,
                                        const struct mtree_source *from,
                                        uint64_t size,
                                        uint64_t index);
/* RFC 9162 section 2.1.4.1; empty when first is 0 or equals second. */
MUST_USE enum err mtree_prove_consistency(struct mtree_proof *out,
                                          const struct mtree_source *from,
                                          uint64_t first,
                                          uint64_t second);

/* mtree_check_consistency verifies per RFC 9162 section 2.1.4.2 that the tree
 * of `second` leaves begins with the one of `first` leaves.
 * Errors    ERR_MISMATCH, ERR_RANGE (first > second, wrong proof length) */
MUST_USE enum err mtree_check_consistency(uint64_t first,
                                          const struct hash *first_root,
                                          uint64_t second,
                                          const struct hash *second_root,
                                          const struct mtree_proof *proof);

#endif /* CHAIN_MTREE_H */
