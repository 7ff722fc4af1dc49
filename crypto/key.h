/* key.h - secp256k1 ECDSA keys: sign, verify, generate.
 *
 * Signatures are 64 bytes (r | s, big endian), low-S, with the RFC 6979 nonce;
 * a high-S or otherwise non-canonical signature does not verify.  Public keys
 * are 33 bytes compressed (SEC 1).  Type byte 1; other algorithms may follow
 * under other type bytes. */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

enum {
    KEY_TYPE_SECP256K1 = 1,
    PUBKEY_BYTES = 33,
    SIGNATURE_BYTES = 64,
    SECRET_BYTES = 32,
};

struct pubkey {
    uint8_t raw[PUBKEY_BYTES];
};

struct signature {
    uint8_t raw[SIGNATURE_BYTES];
};

/* A private key or other 32-byte secret.  Wipe with secret_wipe on every way
 * out. */
struct secret {
    uint8_t raw[SECRET_BYTES];
};

void secret_wipe(struct secret *s);
/* secret_eq compares in constant time. */
bool secret_eq(const void *a, const void *b, size_t size);

/* key_new draws a valid private key from the system's generator. */
MUST_USE enum err key_new(struct secret *out);
/* Errors    ERR_RANGE  secret is not a valid private key */
MUST_USE enum err key_public(struct pubkey *out, const struct secret *secret);
bool key_is_valid(const struct pubkey *key);

/* key_sign is deterministic: the same secret and digest give the same bytes. */
MUST_USE enum err key_sign(struct signature *out,
                           const struct secret *secret,
                           const struct hash *digest);

/* key_verify says whether sig is key's canonical (low-S) signature of digest.
 * Stateless and thread-safe; keeps a small per-thread cache of parsed keys. */
bool key_verify(const struct pubkey *key,
                const struct hash *digest,
                const struct signature *sig);

#endif /* CRYPTO_KEY_H */
