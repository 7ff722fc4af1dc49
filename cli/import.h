/* import.h - a CSV register onto the ledger, in waves; resumable. */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "cli/cli.h"
#include "cli/vault.h"

struct importer {
    struct rpc_view *view;
    const struct wallet *wallet;
    struct vault *vault;
    const struct secret *consortium_key;
    struct hash chain_id;
    uint32_t today;
    uint16_t institution; /* registrar and custodian */
    struct hash document; /* hash of the file */
    /* Holders that act by keys: the identity's number -> a key. */
    const struct pubkey *(*key_of)(void *ctx, const char *id_number);
    void *ctx;
};

/* import_account finds or opens the account of one identity (for issuers,
 * banks). */
MUST_USE enum err import_account(struct importer *im,
                                 struct hash *out,
                                 const char *id_type,
                                 const char *id_number,
                                 const char *name,
                                 const struct pubkey *key,
                                 struct outcome *o);
/* import_register creates the security if needed and loads the register.  A cap
 * above 200, or none (0), needs an approval; else it is zeros. */
MUST_USE enum err import_register(struct importer *im,
                                  const struct csv_register *r,
                                  const struct hash *issuer,
                                  uint32_t holder_cap,
                                  const struct hash *cap_approval,
                                  struct outcome *o);
/* register.c.  register_read reads and checks a file; the first fault is told
 * as FILE:LINE: reason.  0, or the exit code; r is then empty. */
int register_read(struct csv_register *r,
                  struct hash *document,
                  const char *path,
                  uint64_t issued);
/* import_failed tells why what was done failed; the exit code, 0 if it did not.
 */
int import_failed(const struct outcome *o, const char *what, enum err e);
/* The key that the custodians share, in dir; and the vault dir/name.eqv (or the
 * file) under the key dir/name.aes.  What is missing is made. */
MUST_USE enum err consortium_key(struct secret *out,
                                 const char *dir,
                                 const char *passphrase);
MUST_USE enum err custodian_vault(struct vault **out,
                                  const char *dir,
                                  const char *name,
                                  const char *file,
                                  const char *passphrase);

/* Shows a register as a table, of one height from the first page to the last;
 * when (borrowed, may be NULL) has the members height or date; names from the
 * vault when given. */
int show_register(struct rpc_view *view,
                  const char *code,
                  json_t *when,
                  const struct vault *vault,
                  uint64_t most);
int show_register_json(struct rpc_view *view,
                       const char *code,
                       json_t *when,
                       const struct vault *vault,
                       uint64_t most);
void print_position(struct rpc_view *view,
                    const char *code,
                    const struct hash *account,
                    const char *name);
int text_width(const char *utf8);
void print_cell(const char *utf8, int width);

#endif /* CLI_IMPORT_H */
