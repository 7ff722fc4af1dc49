/* valset.h - the validators of one epoch, and how many make a quorum.
 *
 * One node, one vote.  With f = (n - 1) / 3 faulty validators tolerated, the
 * quorum is n - f: two quorums share at least n - 2f >= f + 1 validators, so an
 * honest one.  2f + 1 would be unsafe for every n that is not 3f + 1. */
#ifndef CHAIN_VALSET_H
#define CHAIN_VALSET_H

#include "base/schema.h"
#include "chain/limits.h"
#include "crypto/key.h"

#define VALSET_TAG    "equity/VALSET/v1"
#define LEADER_TAG    "equity/LEADER/v1"
#define VALIDATOR_TAG "equity/VALIDATOR/v1"

struct validator {
    struct pubkey key;     /* consensus */
    struct hash spki_hash; /* transport, pinned */
    uint16_t institution;
};

struct valset {
    uint64_t epoch;
    uint32_t count;                        /* 1..VALIDATORS_MAX */
    struct validator list[VALIDATORS_MAX]; /* strictly ascending by key */
};

extern const struct schema validator_schema;
extern const struct schema valset_schema;

uint32_t valset_faulty(uint32_t n); /* f */
uint32_t valset_quorum(uint32_t n); /* n - f */

struct hash valset_hash(const struct valset *v);
/* valset_check: 1..VALIDATORS_MAX members, keys valid and strictly ascending,
 * transport keys distinct.  Errors ERR_RANGE, ERR_ORDER. */
MUST_USE enum err valset_check(const struct valset *v);
int valset_find(const struct valset *v, const struct pubkey *key); /* or -1 */

/* validator_id names a validator on the ledger: tagged hash
 * equity/VALIDATOR/v1 of its consensus key. */
struct hash validator_id(const struct pubkey *key);

/* Whether a change of the set leaves the quorum thick enough: were f of the old
 * set down, but none of those who have just said that they are ready, those who
 * stay and are up, together with the joiners, must still be a quorum of the new
 * set. */
struct valset_margin {
    uint32_t stay;   /* members of both sets */
    uint32_t ready;  /* of these, who said READY lately */
    uint32_t join;   /* new members */
    uint32_t faulty; /* f of the old set */
    uint32_t down;   /* the smaller of faulty and stay - ready */
    uint32_t quorum; /* of the new set */
    int32_t margin;  /* stay - down + join - quorum; < 0: refused */
};
/* Requires  ready <= count - leave, and a new set of 1..VALIDATORS_MAX. */
struct valset_margin valset_margin_of(uint32_t count,
                                      uint32_t leave,
                                      uint32_t join,
                                      uint32_t ready);
/* How many members of a set of n may change at once: max(1, f). */
uint32_t valset_change_max(uint32_t n);

/* The leader of a view is order[(seed + view) mod n]; the seed is the first 8
 * bytes, little endian, of the tagged hash of (chain_id, epoch, hash of the
 * block that closed the epoch before; the genesis block for epoch 0). */
uint64_t valset_leader_seed(const struct hash *chain_id,
                            uint64_t epoch,
                            const struct hash *sealing_block);
uint32_t valset_leader(uint32_t n, uint64_t seed, uint64_t view);

#endif /* CHAIN_VALSET_H */
