/* Any bytes as a receipt: what decodes encodes back, what is checked ends in a
 * verdict with a reason, and what is proven can be told.
 *
 * The input is taken as it is and with the digest that belongs to it.  Trust
 * begins at the receipt's own anchor, so that the checks behind it are met; a
 * receipt that proves something by that is no fault. */
#include "audit/report.h"
#include "base/check.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void trust_its_anchor(struct trust *t, const struct receipt *r)
{
    struct header h;

    memset(t, 0, sizeof *t);
    t->chain_id = r->chain_id;
    if (header_decode(&h, r->anchor.header) != ERR_NONE)
        return;
    t->genesis = h.height == 0;
    t->genesis_hash = header_hash(&h);
    t->pin_count = h.height == 0 ? 0 : 1;
    t->pins[0] = (struct trust_pin){h.height, t->genesis_hash};
}

static void tell(const struct receipt_facts *f, const struct receipt *r)
{
    FILE *out = fopen("/dev/null", "w");

    ASSERT(out != NULL);
    report_text(out, f, r);
    report_json(out, f, r);
    (void)fclose(out);
}

static void one(struct bytes in)
{
    static struct receipt r;
    static struct receipt_facts facts;
    static struct trust trust;
    struct buf again = {0};
    const char *where;
    enum err e = receipt_decode(&r, &where, in);

    ASSERT(where != NULL);
    if (e != ERR_NONE)
        return;
    e = receipt_encode(&again, &r);
    ASSERT(e == ERR_NONE && bytes_eq(buf_bytes(&again), in));
    buf_deinit(&again);
    trust_its_anchor(&trust, &r);
    receipt_verify(&facts, &r, &trust);
    ASSERT((facts.outcome == RECEIPT_PROVEN) == (facts.fault == FAULT_NONE));
    tell(&facts, &r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    struct hash digest;

    ASSERT(copy != NULL);
    one(bytes_of(data, size));
    if (size >= HASH_BYTES) {
        memcpy(copy, data, size);
        digest = hash_of(bytes_of(copy, size - HASH_BYTES));
        memcpy(copy + size - HASH_BYTES, digest.raw, HASH_BYTES);
        one(bytes_of(copy, size));
    }
    free(copy);
    return 0;
}
