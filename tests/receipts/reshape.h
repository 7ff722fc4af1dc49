/* reshape.h - one thing of a receipt changed where it means something: what
 * somebody would try who knows the format and makes the digest anew. */
#ifndef TESTS_RECEIPTS_RESHAPE_H
#define TESTS_RECEIPTS_RESHAPE_H

#include "audit/receipt.h"
#include "base/arena.h"

struct reshape {
    uint64_t (*roll)(void *ctx, uint64_t below);
    void *ctx;
    struct arena *room; /* of the bytes that are made */
    const char *way;    /* out: what was done */
};

/* reshape changes r in a way chosen by chance, with what it needs taken from
 * other, a receipt of any chain.  False: that way does not fit r; it is then
 * as it was. */
bool reshape(struct receipt *r, struct receipt *other, struct reshape *s);

#endif /* TESTS_RECEIPTS_RESHAPE_H */
