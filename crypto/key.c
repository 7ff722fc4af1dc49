#include "crypto/key.h"

#include "base/check.h"
#include "crypto/random.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <secp256k1.h>

void secret_wipe(struct secret *s)
{
    OPENSSL_cleanse(s, sizeof *s);
}

bool secret_eq(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

/* Checking needs no tables or secrets of its own: a program that only checks
 * never makes the context that signs. */
static pthread_once_t checking_once = PTHREAD_ONCE_INIT;

static const secp256k1_context *checking(void)
{
    pthread_once(&checking_once, secp256k1_selftest);
    return secp256k1_context_static;
}

/* Signing is blinded with fresh randomness once per process. */
static secp256k1_context *signing_context;
static pthread_once_t signing_once = PTHREAD_ONCE_INIT;

static void make_signing_context(void)
{
    uint8_t seed[32];

    signing_context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    ASSERT(signing_context != NULL);
    random_bytes(seed, sizeof seed);
    ASSERT(secp256k1_context_randomize(signing_context, seed) == 1);
    OPENSSL_cleanse(seed, sizeof seed);
}

static const secp256k1_context *signing(void)
{
    pthread_once(&signing_once, make_signing_context);
    return signing_context;
}

enum err key_new(struct secret *out)
{
    do {
        random_bytes(out->raw, sizeof out->raw);
    } while (secp256k1_ec_seckey_verify(signing(), out->raw) != 1);
    return ERR_NONE;
}

enum err key_public(struct pubkey *out, const struct secret *secret)
{
    secp256k1_pubkey key;
    size_t size = sizeof out->raw;

    memset(out, 0, sizeof *out);
    if (secp256k1_ec_pubkey_create(signing(), &key, secret->raw) != 1)
        return ERR_RANGE;
    secp256k1_ec_pubkey_serialize(
        signing(), out->raw, &size, &key, SECP256K1_EC_COMPRESSED);
    ASSERT(size == sizeof out->raw);
    return ERR_NONE;
}

bool key_is_valid(const struct pubkey *key)
{
    secp256k1_pubkey parsed;

    return secp256k1_ec_pubkey_parse(
               checking(), &parsed, key->raw, sizeof key->raw) == 1;
}

enum err key_sign(struct signature *out,
                  const struct secret *secret,
                  const struct hash *digest)
{
    secp256k1_ecdsa_signature sig;

    memset(out, 0, sizeof *out);
    if (secp256k1_ecdsa_sign(
            signing(), &sig, digest->raw, secret->raw, NULL, NULL) != 1)
        return ERR_RANGE;
    secp256k1_ecdsa_signature_serialize_compact(signing(), out->raw, &sig);
    return ERR_NONE;
}

/* Parsing a key costs a seventh of a verification, and registrars sign
 * everything: each thread remembers the keys it parsed. */
enum {
    PARSED_SLOTS = 256,
};
struct parsed_slot {
    bool used;
    struct pubkey key;
    secp256k1_pubkey parsed;
};
static _Thread_local struct parsed_slot parsed_slots[PARSED_SLOTS];

static const secp256k1_pubkey *parse(const struct pubkey *key)
{
    struct parsed_slot *slot = &parsed_slots[key->raw[31] % PARSED_SLOTS];

    if (slot->used && memcmp(&slot->key, key, sizeof *key) == 0)
        return &slot->parsed;
    slot->used = false;
    if (secp256k1_ec_pubkey_parse(
            checking(), &slot->parsed, key->raw, sizeof key->raw) != 1)
        return NULL;
    slot->key = *key;
    slot->used = true;
    return &slot->parsed;
}

bool key_verify(const struct pubkey *key,
                const struct hash *digest,
                const struct signature *sig)
{
    const secp256k1_pubkey *parsed = parse(key);
    secp256k1_ecdsa_signature s;

    if (parsed == NULL ||
        secp256k1_ecdsa_signature_parse_compact(checking(), &s, sig->raw) != 1)
        return false;
    /* Refuses high-S by itself. */
    return secp256k1_ecdsa_verify(checking(), &s, digest->raw, parsed) == 1;
}
