/* tx.h - the transaction envelope: what is signed, by whom, once.
 *
 * Canonical bytes (Borsh, docs/FORMAT.md):
 *
 *   unsigned   version u8 = 1 | chain_id 32 | institution u16 | day u32 |
 *              serial 12 | valid_until u32 | salt 16 |
 *              u32 count, principals (kind u8, id 32), strictly ascending |
 *              u32 count, operations (u32 length, kind u8, body)
 *   full       unsigned | u32 count, signatures (principal u8, key type u8,
 *              key 33, signature 64), strictly ascending by (principal, key)
 *
 *   tx_id   = tagged hash equity/TX/v1 of the unsigned bytes: what signers sign
 *   tx_hash = tagged hash equity/TXFULL/v1 of the full bytes
 *
 * This file knows nothing of what operations mean: their bytes are opaque. */
#ifndef CHAIN_TX_H
#define CHAIN_TX_H

#include "base/reader.h"
#include "base/writer.h"
#include "chain/limits.h"
#include "crypto/key.h"

#define TX_TAG      "equity/TX/v1"
#define TX_FULL_TAG "equity/TXFULL/v1"

enum {
    TX_VERSION = 1,
};

enum principal_kind {
    PRINCIPAL_INSTITUTION = 1, /* id = institution_id(number) */
    PRINCIPAL_ACCOUNT = 2,     /* id = account id */
    PRINCIPAL_VALIDATOR = 3,   /* id = validator_id(consensus key) */
};

struct principal {
    uint8_t kind; /* enum principal_kind */
    struct hash id;
};

/* A transaction is unique, for ever, by institution and reference. */
struct tx_reference {
    uint32_t day; /* business day on which it was made */
    uint8_t serial[SERIAL_BYTES];
};

struct tx_sig {
    uint8_t principal; /* index into principals */
    uint8_t key_type;  /* KEY_TYPE_… */
    struct pubkey key;
    struct signature sig;
};

struct tx {
    struct hash chain_id;
    uint16_t institution; /* the filing institution's number */
    struct tx_reference reference;
    uint32_t valid_until; /* last business day on which it may take effect */
    uint8_t salt[SALT_BYTES];
    uint32_t principal_count;
    struct principal principals[TX_PRINCIPALS_MAX];
    uint32_t op_count;
    struct bytes ops[TX_OPS_MAX]; /* kind byte and body; borrowed */
    uint32_t sig_count;
    struct tx_sig sigs[TX_SIGS_MAX];

    struct bytes unsigned_bytes; /* borrowed from the decoded input */
    struct bytes full_bytes;
    struct hash id;
    struct hash hash;
};

/* institution_id is the number, big endian, in the first two bytes. */
struct hash institution_id(uint16_t number);
bool institution_number(uint16_t *out, const struct hash *id);

int principal_cmp(const struct principal *a, const struct principal *b);

/* tx_decode reads exactly one transaction from all of in; out borrows in.
 *
 * Errors    ERR_RANGE (also: larger than TX_BYTES_MAX, an empty operation,
 *           no operation, no principal, a signature's principal index out of
 *           range), ERR_VERSION, ERR_ORDER, ERR_TRUNCATED, ERR_TRAILING */
MUST_USE enum err tx_decode(struct tx *out, struct bytes in);

/* tx_encode_unsigned and tx_encode write the bytes of the fields above the
 * blank line; sigs must be sorted (tx_sort_sigs). */
void tx_encode_unsigned(struct writer *w, const struct tx *tx);
void tx_encode(struct writer *w, const struct tx *tx);
void tx_sort_principals(struct tx *tx);
void tx_sort_sigs(struct tx *tx);

/* tx_sign adds secret's signature for principal index `principal`; sorts.
 * Requires  tx->id set (tx_id_of the unsigned bytes).
 * Errors    ERR_EXISTS  this key signed already; ERR_FULL */
MUST_USE enum err tx_sign(struct tx *tx,
                          uint8_t principal,
                          const struct secret *secret);
struct hash tx_id_of(struct bytes unsigned_bytes);
struct hash tx_hash_of(struct bytes full_bytes);

/* tx_check_sigs verifies every ECDSA signature over tx->id, statelessly.
 * Errors    ERR_SIGNATURE (also an unknown key type); *bad, if not NULL, is
 *           the index of the first bad signature. */
MUST_USE enum err tx_check_sigs(const struct tx *tx, uint32_t *bad);

#endif /* CHAIN_TX_H */
