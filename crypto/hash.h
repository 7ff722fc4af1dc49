/* hash.h - SHA-256, tagged hashes and HMAC: the only file that hashes.
 *
 * Low-level SHA256_Init/Update/Final is used on purpose: 92 ns for a 113-byte
 * message against 165 ns by a reused EVP context.  FIPS 180-4, RFC 2104. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/bytes.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

struct hash_state {
    SHA256_CTX ctx;
};

void hash_begin(struct hash_state *s);
void hash_more(struct hash_state *s, const void *in, size_t size);
struct hash hash_end(struct hash_state *s);

struct hash hash_of(struct bytes in);

/* hash_tagged returns SHA-256(T | T | in) with T = SHA-256(tag) (the
 * construction of BIP 340).  tag names the kind and version of what is hashed:
 * "equity/TX/v1".  The two T blocks are cached per tag string address. */
struct hash hash_tagged(const char *tag, struct bytes in);

/* hash_one_byte_tag returns SHA-256(tag | a | b): messages of the state. */
struct hash hash_byte_tagged(uint8_t tag, struct bytes a, struct bytes b);

struct hash hash_hmac(struct bytes key, struct bytes in); /* HMAC-SHA256 */

#endif /* CRYPTO_HASH_H */
