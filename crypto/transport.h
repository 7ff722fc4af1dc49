/* transport.h - a node's transport identity: an Ed25519 key and the
 * self-signed certificate TLS wants around it.
 *
 * Peers are recognised by the SHA-256 of the certificate's SubjectPublicKey-
 * Info, pinned in the validator set; names, dates and issuers of certificates
 * mean nothing here, so no expiry can stop the network. */
#ifndef CRYPTO_TRANSPORT_H
#define CRYPTO_TRANSPORT_H

#include "crypto/key.h"

#include <openssl/types.h>

/* transport_key_new draws an Ed25519 private key; transport_public derives the
 * 32 public bytes. */
MUST_USE enum err transport_key_new(struct secret *out);
MUST_USE enum err transport_public(uint8_t out[32],
                                   const struct secret *secret);
/* transport_spki_hash is SHA-256 of the DER SubjectPublicKeyInfo (RFC 8410). */
struct hash transport_spki_hash(const uint8_t public_bytes[32]);

/* transport_identity makes the key and a certificate valid for TLS.
 * Owner     caller frees both (EVP_PKEY_free, X509_free). */
MUST_USE enum err transport_identity(EVP_PKEY **key,
                                     X509 **certificate,
                                     const struct secret *secret);
/* transport_spki_of hashes a peer certificate's SubjectPublicKeyInfo. */
MUST_USE enum err transport_spki_of(struct hash *out, const X509 *certificate);

#endif /* CRYPTO_TRANSPORT_H */
