/* bytes.h - borrowed bytes and 32-byte hashes. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* struct bytes borrows and never owns. */
struct bytes {
    const uint8_t *at;
    size_t size;
};

enum {
    HASH_BYTES = 32,
};

/* Any 32-byte identifier: digests, account ids, keys of state rows. */
struct hash {
    uint8_t raw[HASH_BYTES];
};

static inline struct bytes bytes_of(const void *at, size_t size)
{
    return (struct bytes){(const uint8_t *)at, size};
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

/* hash_eq and hash_cmp are not constant time: never for secrets. */
static inline bool hash_eq(const struct hash *a, const struct hash *b)
{
    return memcmp(a->raw, b->raw, HASH_BYTES) == 0;
}

static inline int hash_cmp(const struct hash *a, const struct hash *b)
{
    return memcmp(a->raw, b->raw, HASH_BYTES);
}

static inline bool hash_is_zero(const struct hash *a)
{
    static const struct hash zero;

    return hash_eq(a, &zero);
}

#endif /* BASE_BYTES_H */
