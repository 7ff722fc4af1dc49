/* cert.h - votes and certificates of the consensus, and their check.
 *
 * A vote signs the tagged hash equity/BFT/VOTE/v1 of (Borsh): chain_id 32,
 * epoch u64, validators_hash 32, kind u8, view u64, parent_view u64,
 * height u64, block hash 32; for NULLIFY the last three are zero.  The epoch
 * and the set are signed so that votes of former validators never count. */
#ifndef CHAIN_CERT_H
#define CHAIN_CERT_H

#include "base/reader.h"
#include "base/writer.h"
#include "chain/valset.h"

#define VOTE_TAG "equity/BFT/VOTE/v1"

enum vote_kind {
    VOTE_NOTARIZE = 1,
    VOTE_NULLIFY = 2,
    VOTE_FINALIZE = 3,
};

/* What is proposed, voted on and certified.  A block candidate has height =
 * parent's + 1; a CARRY repeats its parent's height and block. */
struct candidate {
    uint64_t view;
    uint64_t parent_view;
    uint64_t height;
    struct hash block;
};

bool candidate_eq(const struct candidate *a, const struct candidate *b);

/* Two votes of one validator in one view that exclude each other.  NOTARIZE
 * and then NULLIFY is legal. */
enum vote_conflict {
    CONFLICT_NONE = 0,
    CONFLICT_NOTARIZE = 1, /* NOTARIZE for two candidates */
    CONFLICT_NULLIFY = 2,  /* NULLIFY, and FINALIZE */
    CONFLICT_FINALIZE = 3, /* FINALIZE for two candidates */
    CONFLICT_MIXED = 4, /* NOTARIZE for one candidate, FINALIZE for another */
    VOTE_CONFLICTS,
};
extern const char *const vote_conflict_names[VOTE_CONFLICTS];

struct vote {
    uint8_t kind; /* enum vote_kind */
    uint64_t epoch;
    struct candidate about; /* NULLIFY: view only, rest zero */
    uint8_t signer;         /* validator index */
    struct signature sig;
};

/* vote_shape_ok says whether a vote may be about c: a view above its parent's,
 * which is all that NULLIFY names. */
bool vote_shape_ok(uint8_t kind, const struct candidate *c);

/* vote_conflict_of compares kinds and candidates only: that epoch, view and
 * signer are the same is the caller's to know. */
enum vote_conflict vote_conflict_of(uint8_t kind_a,
                                    const struct candidate *a,
                                    uint8_t kind_b,
                                    const struct candidate *b);

/* Exactly a quorum of signatures, in index order; bit i of bitmap is
 * validator i. */
struct cert {
    uint8_t kind;
    uint64_t epoch;
    struct candidate about;
    uint32_t bitmap;
    struct signature sigs[VALIDATORS_MAX]; /* popcount(bitmap) of them */
};

/* Copies what is used of it: there is room for many more signatures. */
static inline void cert_copy(struct cert *to, const struct cert *from)
{
    memcpy(to,
           from,
           offsetof(struct cert, sigs) +
               (size_t)__builtin_popcount(from->bitmap) * SIGNATURE_BYTES);
}

enum {
    VOTE_BYTES = 1 + 8 + 56 + 1 + SIGNATURE_BYTES,
    CERT_BYTES_MAX = 1 + 8 + 56 + 4 + 4 + VALIDATORS_MAX * SIGNATURE_BYTES,
};

/* Where signatures are made and checked: the chain and the set of an epoch. */
struct vote_domain {
    struct hash chain_id;
    struct hash validators_hash;
    const struct valset *set; /* borrowed */
};

struct hash vote_digest(const struct vote_domain *d,
                        uint8_t kind,
                        uint64_t epoch,
                        const struct candidate *about);

MUST_USE enum err vote_sign(struct vote *v,
                            const struct vote_domain *d,
                            const struct secret *secret);
/* Errors    ERR_RANGE (signer, kind), ERR_CHAIN (epoch), ERR_SIGNATURE */
MUST_USE enum err vote_check(const struct vote *v, const struct vote_domain *d);

/* cert_check verifies every signature present, not just a quorum of them.
 * Errors    ERR_RANGE (kind, a bit beyond the set), ERR_CHAIN (epoch),
 *           ERR_QUORUM (not exactly a quorum), ERR_SIGNATURE */
MUST_USE enum err cert_check(const struct cert *c, const struct vote_domain *d);

void vote_encode(struct writer *w, const struct vote *v);
void vote_read(struct reader *r, struct vote *v);
/* Bytes of a certificate: kind u8, epoch u64, candidate, bitmap u32, u32
 * count, signatures; count must equal popcount(bitmap). */
void cert_encode(struct writer *w, const struct cert *c);
void cert_read(struct reader *r, struct cert *c);

#endif /* CHAIN_CERT_H */
