/* keystore.h - private keys encrypted at rest: scrypt and AES-256-GCM.
 *
 * One file per key, mode 0600, written to a temporary name, fsynced, renamed,
 * directory fsynced.  Layout (docs/FORMAT.md): magic "EQKEY\0\0\1", kind u8,
 * label code, public bytes (33 or 32), scrypt log2(N) u8, r u32, p u32, salt
 * 32, nonce 12, ciphertext 32, tag 16; everything before the ciphertext is
 * authenticated as associated data.  RFC 7914, NIST SP 800-38D. */
#ifndef CRYPTO_KEYSTORE_H
#define CRYPTO_KEYSTORE_H

#include "crypto/key.h"

enum {
    KEYSTORE_LABEL_MAX = 32,
    KEYSTORE_PUBLIC_MAX = 33,
    PASSPHRASE_MAX = 1024,
};

enum keystore_kind {
    KEYSTORE_SECP256K1 = 1, /* public = compressed point */
    KEYSTORE_ED25519 = 2,   /* transport identity; public = 32 bytes */
    KEYSTORE_AES256 = 3,    /* vault key; public = zeros */
};

struct keystore_info {
    uint8_t kind;
    char label[KEYSTORE_LABEL_MAX + 1];
    uint8_t public_bytes[KEYSTORE_PUBLIC_MAX]; /* 33, zero-filled */
};

/* keystore_write creates path (never overwrites: ERR_EXISTS).
 * Errors    ERR_EXISTS, ERR_IO, ERR_PASSPHRASE (empty passphrase) */
MUST_USE enum err keystore_write(const char *path,
                                 const struct keystore_info *info,
                                 const struct secret *secret,
                                 const char *passphrase);

/* keystore_info_read needs no passphrase; what it reads is not authenticated
 * until keystore_open succeeds.
 * Errors    ERR_NOT_FOUND, ERR_IO, ERR_VERSION, ERR_CORRUPT,
 *           ERR_TRUNCATED, ERR_TRAILING */
MUST_USE enum err keystore_info_read(struct keystore_info *out,
                                     const char *path);

/* The same from the bytes of a file. */
MUST_USE enum err keystore_info_decode(struct keystore_info *out,
                                       struct bytes in);

/* keystore_open decrypts.  Errors as keystore_info_read, and
 *           ERR_PASSPHRASE  wrong passphrase, or the file was changed */
MUST_USE enum err keystore_open(struct keystore_info *info,
                                struct secret *secret,
                                const char *path,
                                const char *passphrase);

/* passphrase_read_file reads the first line of path into out[PASSPHRASE_MAX];
 * refuses (ERR_CONFIG) a file others can read.  Wipe out after use. */
MUST_USE enum err passphrase_read_file(char *out, const char *path);

/* passphrase_read_terminal asks on standard error and reads a line from the
 * terminal without echo.  False: no terminal, or nothing was typed. */
bool passphrase_read_terminal(char *out, const char *prompt);

/* seal and open one message with AES-256-GCM under a key: for the vault.
 * Sealed bytes: nonce 12 | ciphertext | tag 16; sealed has room for
 * plain.size + 28.  aead_open: ERR_PASSPHRASE when the tag does not match. */
enum {
    AEAD_OVERHEAD = 28,
};
MUST_USE enum err aead_seal(uint8_t *sealed,
                            const struct secret *key,
                            struct bytes associated,
                            struct bytes plain);
MUST_USE enum err aead_open(uint8_t *plain,
                            const struct secret *key,
                            struct bytes associated,
                            struct bytes sealed);

#endif /* CRYPTO_KEYSTORE_H */
