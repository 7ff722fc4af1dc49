/* trust.h - what an auditor takes on trust: one chain and one or more of its
 * blocks, published where everybody can compare them (docs/FORMAT.md). */
#ifndef AUDIT_TRUST_H
#define AUDIT_TRUST_H

#include "chain/valset.h"

#include <stdio.h>

enum {
    TRUST_FORMAT = 1,
    TRUST_PINS_MAX = 64,
    TRUST_BYTES_MAX = 65536,
};

struct trust_pin {
    uint64_t height;
    struct hash hash;
};

struct trust {
    struct hash chain_id;
    uint32_t offset_ms; /* of business dates from UTC, as in the genesis */
    bool genesis;
    struct hash genesis_hash; /* of block 0 */
    bool validators;          /* the set of epoch 0 is said */
    struct valset set;
    uint32_t pin_count;
    struct trust_pin pins[TRUST_PINS_MAX]; /* ascending by height, from 1 */
};

/* trust_parse reads the JSON of a trust file.
 * Errors    ERR_RANGE  why (size cap) says what is wrong */
MUST_USE enum err trust_parse(struct trust *out,
                              struct bytes in,
                              char *why,
                              size_t cap);

/* trust_write writes what trust_parse reads.  False: the file reports an error.
 */
MUST_USE bool trust_write(FILE *out, const struct trust *t);

/* trust_hash_at is the hash that the trust file names at a height; NULL: none.
 */
const struct hash *trust_hash_at(const struct trust *t, uint64_t height);

#endif /* AUDIT_TRUST_H */
