/* words.h - fields of operations and rows by their names, as people write
 * them: accounts by name, days, numbers, lists with commas and colons. */
#ifndef TESTS_MARKET_WORDS_H
#define TESTS_MARKET_WORDS_H

#include "tests/market/market.h"

/* Whoever knows the names.  account: the account of a name; label: a hash that
 * was given a name; false if there is none. */
struct words {
    void *ctx;
    bool (*account)(void *ctx, struct hash *out, const char *name);
    bool (*label)(void *ctx, struct hash *out, const char *name);
    uint32_t today;
};

/* Whether a field of this name holds an account. */
bool words_is_account(const char *field);

/* words_set sets the field at path ("quantity", "selector.pledge") of record.
 * words_differ says whether it is not what text says.
 * Returns NULL, or why it cannot be done. */
const char *words_set(const struct words *w,
                      const struct schema *s,
                      void *record,
                      const char *path,
                      const char *text);
const char *words_differ(const struct words *w,
                         bool *differs,
                         const struct schema *s,
                         const void *record,
                         const char *path,
                         const char *text);
/* words_get writes the field as people do. */
void words_get(char *out,
               size_t size,
               const struct schema *s,
               const void *record,
               const char *path);

/* words_defaults fills what a statement need not say: documents and payments
 * are there, consents are not, orders last a year from today. */
void words_defaults(const struct words *w,
                    const struct op_def *def,
                    void *op,
                    const char *security,
                    uint64_t time_ms);

#endif /* TESTS_MARKET_WORDS_H */
