/* equity register: a register in a file, and the same on the ledger. */
#include "cli/import.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

/* Opens the AES key file, or makes it. */
static enum err aes_key(struct secret *out,
                        const char *path,
                        const char *label,
                        const char *passphrase)
{
    struct keystore_info info;
    enum err e = keystore_open(&info, out, path, passphrase);

    if (e == ERR_NONE)
        return info.kind == KEYSTORE_AES256 ? ERR_NONE : ERR_CORRUPT;
    if (e != ERR_NOT_FOUND)
        return e;
    memset(&info, 0, sizeof info);
    info.kind = KEYSTORE_AES256;
    snprintf(info.label, sizeof info.label, "%s", label);
    random_bytes(out->raw, sizeof out->raw);
    return keystore_write(path, &info, out, passphrase);
}

enum err consortium_key(struct secret *out,
                        const char *dir,
                        const char *passphrase)
{
    char path[CLI_PATH_MAX];

    snprintf(path, sizeof path, "%.900s/consortium.aes", dir);
    return aes_key(out, path, "consortium", passphrase);
}

enum err custodian_vault(struct vault **out,
                         const char *dir,
                         const char *name,
                         const char *file,
                         const char *passphrase)
{
    char path[CLI_PATH_MAX];
    struct secret key;
    enum err e;

    snprintf(path, sizeof path, "%.900s/%.64s.aes", dir, name);
    e = aes_key(&key, path, name, passphrase);
    snprintf(path, sizeof path, "%.900s/%.64s.eqv", dir, name);
    if (e == ERR_NONE)
        e = vault_open(out, file != NULL ? file : path, &key);
    secret_wipe(&key);
    return e;
}

int register_read(struct csv_register *r,
                  struct hash *document,
                  const char *path,
                  uint64_t issued)
{
    struct buf text = {0};
    uint32_t line;
    char why[200];
    int code = read_file(&text, path, CSV_FILE_MAX);

    if (code == 0 && text.size > CSV_FILE_MAX)
        code = fail(EXIT_DATA,
                    "%s: larger than %d MiB; split the register",
                    path,
                    CSV_FILE_MAX >> 20);
    if (code == 0) {
        *document = hash_of(buf_bytes(&text));
        if (csv_parse(r, buf_bytes(&text), issued, &line, why, sizeof why) !=
            ERR_NONE) {
            fprintf(
                stderr, "%s:%u: %s; nothing was registered\n", path, line, why);
            code = EXIT_DATA;
        } else if (!schema_code_ok(r->code, CODE_MAX)) {
            fprintf(stderr,
                    "%s:2: 证券代码 must be of A-Z, 0-9, '.' and '-'; nothing "
                    "was registered\n",
                    path);
            csv_free(r);
            code = EXIT_DATA;
        }
    }
    buf_deinit(&text);
    return code;
}

int import_failed(const struct outcome *o, const char *what, enum err e)
{
    if (e == ERR_NONE)
        return 0;
    return fail(e == ERR_NETWORK || e == ERR_TIMEOUT ? EXIT_UNAVAILABLE
                                                     : EXIT_REFUSED,
                "%s: %s: %s",
                what,
                o->why.name[0] != '\0' ? o->why.name : err_name(e),
                o->why.message[0] != '\0' ? o->why.message : err_text(e));
}

/* ---- register import ---- */

static const struct flag import_flags[] = {
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"wallet", true, "folder with the registrar's and issuer's keys"},
    {"passphrase-file", true, "file, mode 0600, that unlocks them"},
    {"institution", true, "number of the registrar (default 1)"},
    {"issuer-key", true, "label of the issuer's key (default issuer)"},
    {"vault", true, "vault file (default WALLET/vault.eqv)"},
    {"issued", true, "shares the lines must add up to"},
    {"holder-cap", true, "most holders, 0 = exempt (default 200)"},
    {"cap-approval", true, "hash of the exemption, for more than 200 or 0"},
    {"check", false, "check the file only; send nothing"},
    {"json", false, "the outcome as JSON"},
    {NULL, false, NULL},
};

struct import_run {
    struct wallet wallet;
    struct rpc_client *client;
    struct rpc_view view;
    struct vault *vault;
    struct secret consortium;
    struct importer im;
};

static int open_vault(struct vault **out,
                      const struct args *a,
                      const struct command *c,
                      const char *dir,
                      const char *passphrase)
{
    const char *file = args_value(a, c, "vault", NULL);
    const enum err e = custodian_vault(out, dir, "vault", file, passphrase);

    return e == ERR_NONE
               ? 0
               : fail(e == ERR_LOCKED ? EXIT_UNAVAILABLE : EXIT_NO_INPUT,
                      "%s: %s%s",
                      file != NULL ? file : dir,
                      e == ERR_LOCKED ? "the vault is in use: " : "",
                      err_text(e));
}

static int open_run(struct import_run *x,
                    const struct args *a,
                    const struct command *c)
{
    const char *dir = args_value(a, c, "wallet", NULL);
    char passphrase[PASSPHRASE_MAX];
    uint64_t number;
    enum err e;
    int code;

    if (dir == NULL)
        return fail(EXIT_USAGE,
                    "--wallet is needed: the folder of the registrar's and "
                    "the issuer's keys");
    if (!num_parse_u64(&number, args_value(a, c, "institution", "1")) ||
        number == 0 || number > 65535)
        return fail(EXIT_USAGE, "--institution is a number from 1 to 65535");
    code = get_passphrase(passphrase, a, c);
    if (code != 0)
        return code;
    e = wallet_open(&x->wallet, dir, passphrase);
    if (e == ERR_NONE)
        e = consortium_key(&x->consortium, dir, passphrase);
    if (e != ERR_NONE)
        code = fail(EXIT_NO_INPUT, "%s: %s", dir, err_text(e));
    else
        code = open_vault(&x->vault, a, c, dir, passphrase);
    OPENSSL_cleanse(passphrase, sizeof passphrase);
    if (code == 0)
        code = args_client(&x->client, a, c);
    if (code == 0 &&
        chain_of(&x->im.chain_id, &x->im.today, x->client) != ERR_NONE)
        code = fail(EXIT_UNAVAILABLE,
                    "%s cannot be reached; is the node running?",
                    args_value(a, c, "node", NODE_DEFAULT));
    x->view.client = x->client;
    x->im.view = &x->view;
    x->im.wallet = &x->wallet;
    x->im.vault = x->vault;
    x->im.consortium_key = &x->consortium;
    x->im.institution = (uint16_t)number;
    return code;
}

/* The key of the issuer's account, and what the flags say of the holders' cap.
 */
static int read_terms(struct pubkey *key,
                      uint32_t *cap,
                      struct hash *cap_approval,
                      const struct import_run *x,
                      const struct args *a,
                      const struct command *c)
{
    const char *label = args_value(a, c, "issuer-key", "issuer");
    const struct secret *secret = wallet_label(&x->wallet, label);
    const char *approval = args_value(a, c, "cap-approval", NULL);
    uint64_t number;

    if (secret == NULL || key_public(key, secret) != ERR_NONE)
        return fail(EXIT_NO_INPUT,
                    "the wallet has no key labelled %s; make one: equity keys "
                    "new %s --dir %s",
                    label,
                    label,
                    args_value(a, c, "wallet", ""));
    if (!num_parse_u64(&number, args_value(a, c, "holder-cap", "200")) ||
        number > UINT32_MAX)
        return fail(EXIT_USAGE, "--holder-cap is a number");
    *cap = (uint32_t)number;
    if (approval != NULL &&
        !hex_decode(cap_approval->raw, sizeof cap_approval->raw, approval))
        return fail(EXIT_USAGE, "--cap-approval is a hash of 64 hex digits");
    return 0;
}

static void tell_import(const struct csv_register *r,
                        uint64_t height,
                        bool json)
{
    if (json)
        print_json(json_pack("{s:s, s:i, s:o, s:o}",
                             "security",
                             r->code,
                             "holders",
                             (int)r->count,
                             "shares",
                             json_of_u64(r->total),
                             "height",
                             height != 0 ? json_of_u64(height) : json_null()));
    else if (height != 0)
        printf("%s: %u holders, %llu shares, confirmed at height %llu\n",
               r->code,
               r->count,
               (unsigned long long)r->total,
               (unsigned long long)height);
}

static int import_now(struct import_run *x,
                      const struct csv_register *r,
                      const struct args *a,
                      const struct command *c)
{
    struct hash cap_approval = {{0}};
    struct pubkey key;
    struct hash issuer;
    struct outcome o;
    char number[64];
    uint32_t cap = 0;
    int code = read_terms(&key, &cap, &cap_approval, x, a, c);

    if (code == 0 && cap != 0 && r->count > cap)
        code = fail(EXIT_DATA,
                    "%u holders are more than the cap of %u: nothing was sent. "
                    "For a register that may have more: --holder-cap N (0 = "
                    "no cap) --cap-approval HASH",
                    r->count,
                    cap);
    snprintf(number, sizeof number, "ISSUER-%s", r->code);
    if (code == 0)
        code = import_failed(&o,
                             "issuer's account",
                             import_account(&x->im,
                                            &issuer,
                                            "统一社会信用代码",
                                            number,
                                            r->title,
                                            &key,
                                            &o));
    if (code == 0)
        code = import_failed(
            &o,
            r->code,
            import_register(&x->im, r, &issuer, cap, &cap_approval, &o));
    if (code == 0)
        tell_import(r, o.height, args_has(a, c, "json"));
    return code;
}

static int run_import(const struct command *c, int argc, char **argv)
{
    struct import_run *x = calloc(1, sizeof *x);
    struct csv_register r = {0};
    struct args a;
    uint64_t issued = 0;
    int code = args_read(&a, c, argc, argv);

    ASSERT(x != NULL);
    if (code == 0 && a.words != 1)
        code = fail(EXIT_USAGE, "name one CSV file");
    if (code == 0 && args_has(&a, c, "issued") &&
        !num_parse_u64(&issued, args_value(&a, c, "issued", "")))
        code = fail(EXIT_USAGE, "--issued is a whole number");
    if (code == 0)
        code = register_read(&r, &x->im.document, a.word[0], issued);
    if (code == 0 && args_has(&a, c, "check")) {
        if (args_has(&a, c, "json"))
            tell_import(&r, 0, true);
        else
            printf("%s: %s, %u holders, %llu shares: sound\n",
                   a.word[0],
                   r.code,
                   r.count,
                   (unsigned long long)r.total);
    } else if (code == 0) {
        code = open_run(x, &a, c);
        if (code == 0)
            code = import_now(x, &r, &a, c);
    }
    csv_free(&r);
    rpc_client_free(x->client);
    vault_close(x->vault);
    buf_deinit(&x->view.rows);
    wallet_wipe(&x->wallet);
    free(x);
    return code;
}

/* ---- register show ---- */

static const struct flag show_flags[] = {
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"height", true, "as it was after this block"},
    {"date", true, "as it was at the end of this business date, YYYY-MM-DD"},
    {"most", true, "most lines (default all)"},
    {"wallet", true, "folder of the custodian's vault: names are shown"},
    {"passphrase-file", true, "file, mode 0600, that unlocks it"},
    {"vault", true, "vault file (default WALLET/vault.eqv)"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

static int run_show(const struct command *c, int argc, char **argv)
{
    struct rpc_view view = {0};
    struct vault *vault = NULL;
    char passphrase[PASSPHRASE_MAX];
    struct args a;
    uint64_t most = UINT64_MAX;
    json_t *when = json_object();
    int code = args_read(&a, c, argc, argv);

    if (code == 0 && a.words != 1)
        code = fail(EXIT_USAGE, "name one security");
    if (code == 0 && args_has(&a, c, "most") &&
        !num_parse_u64(&most, args_value(&a, c, "most", "")))
        code = fail(EXIT_USAGE, "--most is a number");
    if (code == 0)
        code = args_client(&view.client, &a, c);
    if (code == 0 && args_has(&a, c, "wallet")) {
        code = get_passphrase(passphrase, &a, c);
        if (code == 0)
            code = open_vault(
                &vault, &a, c, args_value(&a, c, "wallet", ""), passphrase);
        OPENSSL_cleanse(passphrase, sizeof passphrase);
    }
    if (code == 0) {
        query_when(when, c, &a);
        code = (args_has(&a, c, "json") ? show_register_json : show_register)(
            &view, a.word[0], when, vault, most);
    }
    json_decref(when);
    vault_close(vault);
    rpc_client_free(view.client);
    return code;
}

const struct command register_commands[] = {
    {"register import",
     "FILE.csv [flags]",
     "Check a register and load it: accounts, lines, confirmation.\nAn "
     "interrupted import goes on when repeated.",
     import_flags,
     run_import},
    {"register show",
     "CODE [flags]",
     "The register of a security with its control total.",
     show_flags,
     run_show},
    {NULL, NULL, NULL, NULL, NULL},
};
