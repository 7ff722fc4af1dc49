/* The one user of the low-level SHA-256 calls; their deprecation is silenced
 * here only (see hash.h for the measured reason). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <openssl/crypto.h>

void hash_begin(struct hash_state *s)
{
    SHA256_Init(&s->ctx);
}

void hash_more(struct hash_state *s, const void *in, size_t size)
{
    if (size > 0)
        SHA256_Update(&s->ctx, in, size);
}

struct hash hash_end(struct hash_state *s)
{
    struct hash out;

    SHA256_Final(out.raw, &s->ctx);
    return out;
}

struct hash hash_of(struct bytes in)
{
    struct hash_state s;

    hash_begin(&s);
    hash_more(&s, in.at, in.size);
    return hash_end(&s);
}

/* Remembers, per thread, the state after the two tag blocks: a tag string has
 * one address for the life of the program. */
enum {
    TAG_SLOTS = 16,
};
struct tag_slot {
    const char *tag;
    struct hash_state after;
};
static _Thread_local struct tag_slot tag_slots[TAG_SLOTS];

static void tag_begin(struct hash_state *s, const char *tag)
{
    const struct hash t = hash_of(bytes_of(tag, strlen(tag)));

    hash_begin(s);
    hash_more(s, t.raw, sizeof t.raw);
    hash_more(s, t.raw, sizeof t.raw);
}

struct hash hash_tagged(const char *tag, struct bytes in)
{
    struct tag_slot *slot = &tag_slots[((uintptr_t)tag >> 3) % TAG_SLOTS];
    struct hash_state s;

    if (slot->tag != tag) {
        tag_begin(&slot->after, tag);
        slot->tag = tag;
    }
    s = slot->after;
    hash_more(&s, in.at, in.size);
    return hash_end(&s);
}

struct hash hash_byte_tagged(uint8_t tag, struct bytes a, struct bytes b)
{
    struct hash_state s;

    hash_begin(&s);
    hash_more(&s, &tag, 1);
    hash_more(&s, a.at, a.size);
    hash_more(&s, b.at, b.size);
    return hash_end(&s);
}

struct hash hash_hmac(struct bytes key, struct bytes in)
{
    uint8_t pad[64] = {0};
    struct hash_state s;
    struct hash inner;
    struct hash outer;

    if (key.size > sizeof pad) {
        const struct hash short_key = hash_of(key);

        memcpy(pad, short_key.raw, sizeof short_key.raw);
    } else if (key.size > 0) {
        memcpy(pad, key.at, key.size);
    }
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    hash_begin(&s);
    hash_more(&s, pad, sizeof pad);
    hash_more(&s, in.at, in.size);
    inner = hash_end(&s);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    hash_begin(&s);
    hash_more(&s, pad, sizeof pad);
    hash_more(&s, inner.raw, sizeof inner.raw);
    outer = hash_end(&s);
    OPENSSL_cleanse(pad, sizeof pad);
    OPENSSL_cleanse(&s, sizeof s);
    return outer;
}
