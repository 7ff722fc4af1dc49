/* vault.h - a custodian's own records: who an account's holder is.
 *
 * Names and identity numbers never enter the ledger.  They are kept here, in an
 * append-only file of AES-256-GCM records, each synced before the transaction
 * that needs it is submitted; an interrupted import goes on from it. */
#ifndef CLI_VAULT_H
#define CLI_VAULT_H

#include "base/writer.h"
#include "cli/csv.h"
#include "crypto/key.h"

struct vault_entry {
    struct hash account;
    struct hash subject_tag;
    struct hash identity; /* the salted commitment on the ledger */
    uint8_t nonce[16];    /* of the account */
    uint8_t salt[16];
    uint16_t custodian;
    char name[CSV_TEXT_MAX];
    char id_type[64];
    char id_number[64];
    char contact[CSV_TEXT_MAX];
};

/* The bytes of an entry, as they are sealed.  VAULT_ENTRY_BYTES_MAX is enough.
 * Errors of decoding  those of the reader */
enum {
    VAULT_ENTRY_BYTES_MAX = 2048,
};
void vault_entry_encode(struct writer *w, const struct vault_entry *e);
MUST_USE enum err vault_entry_decode(struct vault_entry *e, struct bytes in);

struct vault;

/* vault_open makes the file if it is not there; one process has it at a time.
 * A torn end (a record that does not open, and none that does after it: written
 * and never synced, so that nothing relies on it) is cut off and kept in
 * PATH.torn.
 * Errors    ERR_PASSPHRASE  wrong key, or its first record was changed
 *           ERR_CORRUPT     damage before a sound record: nothing is cut
 *           ERR_LOCKED, ERR_VERSION, ERR_FULL, ERR_IO */
MUST_USE enum err vault_open(struct vault **out,
                             const char *path,
                             const struct secret *key);
void vault_close(struct vault *v);
/* vault_add appends and syncs when sync is true. */
MUST_USE enum err vault_add(struct vault *v,
                            const struct vault_entry *e,
                            bool sync);
MUST_USE enum err vault_sync(struct vault *v);
const struct vault_entry *vault_by_account(const struct vault *v,
                                           const struct hash *account);
const struct vault_entry *vault_by_tag(const struct vault *v,
                                       const struct hash *tag);
uint32_t vault_count(const struct vault *v);

/* The tag of a person, and the commitment to the identity behind one account:
 * see identity_commitment.  The salt is that record's own, so that none can be
 * guessed. */
struct hash vault_tag(const struct secret *consortium_key,
                      const char *id_type,
                      const char *id_number);
struct hash vault_identity(const struct hash *account,
                           const uint8_t salt[16],
                           const char *id_type,
                           const char *id_number,
                           const char *name);

#endif /* CLI_VAULT_H */
