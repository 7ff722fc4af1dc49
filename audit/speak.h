/* speak.h - how sentences are made (private to audit/). */
#ifndef AUDIT_SPEAK_H
#define AUDIT_SPEAK_H

#include "audit/report.h"
#include "base/hex.h"

enum {
    HEX_MAX = 2 * HASH_BYTES + 1,
};

struct speaker {
    const struct receipt_facts *f;
    const struct receipt *r;
    say_fn say;
    void *ctx;
};

PRINTF_LIKE(3, 4)
void speak(const struct speaker *s,
           enum say_what what,
           const char *format,
           ...);

/* For %llu. */
static inline unsigned long long ll(uint64_t v)
{
    return v;
}

static inline const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static inline const char *hex(char out[HEX_MAX], const struct hash *h)
{
    hex_encode(out, h->raw, sizeof h->raw);
    return out;
}

/* What the receipt states, by its kind (sentences_kind.c). */
void speak_statement(const struct speaker *s);

#endif /* AUDIT_SPEAK_H */
