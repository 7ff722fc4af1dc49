#include "crypto/transport.h"

#include "base/check.h"
#include "crypto/hash.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum err transport_key_new(struct secret *out)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    size_t size = sizeof out->raw;
    enum err e = ERR_NONE;

    if (key == NULL ||
        EVP_PKEY_get_raw_private_key(key, out->raw, &size) != 1 ||
        size != sizeof out->raw)
        e = ERR_IO;
    EVP_PKEY_free(key);
    return e;
}

static EVP_PKEY *key_of(const struct secret *secret)
{
    return EVP_PKEY_new_raw_private_key(
        EVP_PKEY_ED25519, NULL, secret->raw, sizeof secret->raw);
}

enum err transport_public(uint8_t out[32], const struct secret *secret)
{
    EVP_PKEY *key = key_of(secret);
    size_t size = 32;
    enum err e = ERR_NONE;

    if (key == NULL || EVP_PKEY_get_raw_public_key(key, out, &size) != 1 ||
        size != 32)
        e = ERR_RANGE;
    EVP_PKEY_free(key);
    return e;
}

struct hash transport_spki_hash(const uint8_t public_bytes[32])
{
    /* RFC 8410: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING } */
    static const uint8_t head[12] = {
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    uint8_t der[44];

    memcpy(der, head, sizeof head);
    memcpy(der + sizeof head, public_bytes, 32);
    return hash_of(bytes_of(der, sizeof der));
}

enum err transport_spki_of(struct hash *out, const X509 *certificate)
{
    uint8_t *der = NULL;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

    if (size <= 0)
        return ERR_RANGE;
    *out = hash_of(bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    return ERR_NONE;
}

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *name;

    if (x == NULL)
        return NULL;
    name = X509_get_subject_name(x);
    /* TLS wants a certificate; nobody reads more than its key. */
    if (X509_set_version(x, 2) != 1 ||
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1) != 1 ||
        ASN1_TIME_set_string(X509_getm_notBefore(x), "20200101000000Z") != 1 ||
        ASN1_TIME_set_string(X509_getm_notAfter(x), "99991231235959Z") != 1 ||
        X509_NAME_add_entry_by_txt(name,
                                   "CN",
                                   MBSTRING_ASC,
                                   (const unsigned char *)"equity node",
                                   -1,
                                   -1,
                                   0) != 1 ||
        X509_set_issuer_name(x, name) != 1 || X509_set_pubkey(x, key) != 1 ||
        X509_sign(x, key, NULL) <= 0) {
        X509_free(x);
        return NULL;
    }
    return x;
}

enum err transport_identity(EVP_PKEY **key,
                            X509 **certificate,
                            const struct secret *secret)
{
    *key = key_of(secret);
    *certificate = NULL;
    if (*key == NULL)
        return ERR_RANGE;
    *certificate = self_signed(*key);
    if (*certificate == NULL) {
        EVP_PKEY_free(*key);
        *key = NULL;
        return ERR_NO_MEMORY;
    }
    return ERR_NONE;
}
