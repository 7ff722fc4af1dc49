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

#endif /* CHAIN_MTREE_H */
