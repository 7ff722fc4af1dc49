/* equity document: a receipt as a PDF for people, and JSON beside it. */
#include "cli/document.h"
#include "base/check.h"
#include "cli/trust.h"
#include "document/document.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int args_vault(struct vault **out,
               const struct args *a,
               const struct command *c,
               const char *flag)
{
    const char *file = args_value(a, c, flag, "");
    const size_t size = strlen(file);
    char passphrase[PASSPHRASE_MAX];
    char path[CLI_PATH_MAX];
    struct keystore_info info;
    struct secret key;
    enum err e;
    int code;

    if (size <= 4 || size >= sizeof path ||
        strcmp(file + size - 4, ".eqv") != 0)
        return fail(EXIT_USAGE, "--%s is a vault, NAME.eqv", flag);
    if (access(file, R_OK) != 0) /* vault_open would make one */
        return fail(EXIT_NO_INPUT, "%s: %s", file, strerror(errno));
    snprintf(path, sizeof path, "%.*s.aes", (int)size - 4, file);
    code = get_passphrase(passphrase, a, c);
    if (code != 0)
        return code;
    e = keystore_open(&info, &key, path, passphrase);
    OPENSSL_cleanse(passphrase, sizeof passphrase);
    if (e == ERR_NONE && info.kind != KEYSTORE_AES256)
        e = ERR_CORRUPT;
    if (e == ERR_NONE)
        e = vault_open(out, file, &key);
    secret_wipe(&key);
    return e == ERR_NONE ? 0 : fail(EXIT_NO_INPUT, "%s: %s", path, err_text(e));
}

static const char *name_in_vault(void *ctx, const struct hash *account)
{
    const struct vault_entry *e = vault_by_account(ctx, account);

    return e != NULL ? e->name : NULL;
}

static int take_languages(uint32_t *out,
                          const struct args *a,
                          const struct command *c)
{
    const char *lang = args_value(a, c, "lang", "both");

    if (strcmp(lang, "en") == 0)
        *out = 1u << LANG_EN;
    else if (strcmp(lang, "zh") == 0)
        *out = 1u << LANG_ZH;
    else if (strcmp(lang, "both") == 0)
        *out = LANGUAGES_ALL;
    else
        return fail(EXIT_USAGE, "--lang is en, zh or both, not %s", lang);
    return 0;
}

static void show_rows(uint64_t done, uint64_t all)
{
    if (isatty(STDERR_FILENO) && all > 10000)
        progress("rows", done, all);
}

struct making {
    struct document *d;
    struct document_options o;
    struct buf pdf;
};

/* A name that contradicts what the ledger commits to is not printed. */
static int check_name(const struct receipt_facts *f, const struct vault *v)
{
    const bool of_one =
        receipt_has_position(f->kind) || f->kind == RECEIPT_STATEMENT;
    const struct vault_entry *e =
        of_one ? vault_by_account(v, &f->account) : NULL;

    if (e == NULL || hash_eq(&e->identity, &f->account_row.identity))
        return 0;
    return fail(EXIT_DATA,
                "the vault names another holder than the one to whom the "
                "account is committed on the ledger: its entry is out of date");
}

static int open_proven(struct making *m,
                       struct bytes receipt,
                       const struct trust *t)
{
    const struct receipt_facts *f = NULL;
    const enum err e = document_open(&m->d, &f, receipt, t);

    if (m->d == NULL)
        return fail(EXIT_IO, "%s", err_text(e));
    if (f->outcome != RECEIPT_PROVEN)
        return fail((int)f->outcome,
                    "no document is made of a receipt that is not proven: "
                    "%s%s%s. %s",
                    fault_name(f->fault),
                    f->where[0] != '\0' ? ", in section " : "",
                    f->where,
                    fault_text(f->fault));
    if (e != ERR_NONE)
        return fail(EXIT_DATA,
                    "the receipt is proven, but what is in it does not add up "
                    "as this program knows it; no document is made. Please "
                    "report that as a fault of the program");
    return m->o.names != NULL ? check_name(f, m->o.names) : 0;
}

/* For its owner to read, like the receipt: there may be names in it. */
static int write_json(const struct making *m, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int code;

    ASSERT(f != NULL);
    document_json(f, m->d, &m->o);
    code = fclose(f) == 0 ? write_new_file(path, bytes_of(text, size), 0600)
                          : fail(EXIT_IO, "%s: no memory", path);
    free(text);
    return code;
}

/* Both files, or none. */
static int make(struct making *m, const char *path, const char *json)
{
    char why[200] = "";
    int code;

    if (!document_pdf(&m->pdf, m->d, &m->o, why, sizeof why))
        return fail(EXIT_DATA, "no document is made: %s", why);
    code = write_new_file(path, buf_bytes(&m->pdf), 0600);
    if (code != 0)
        return code;
    if (json != NULL)
        code = write_json(m, json);
    if (code == 0)
        say("%s: %zu bytes", path, m->pdf.size);
    else
        unlink(path); /* made here */
    return code;
}

/* The report's JSON goes to a file only where --json takes one. */
static const char *json_path(const struct args *a, const struct command *c)
{
    const char *path = args_value(a, c, "json", "");

    return path[0] != '\0' ? path : NULL;
}

int document_write(struct bytes receipt,
                   const struct trust *t,
                   const struct args *a,
                   const struct command *c,
                   const char *out)
{
    struct making m = {.o = {.progress = show_rows}};
    struct vault *v = NULL;
    int code = take_languages(&m.o.languages, a, c);

    if (code == 0 && args_has(a, c, "vault")) {
        code = args_vault(&v, a, c, "vault");
        m.o.names = v;
        m.o.name_of = name_in_vault;
    }
    if (code == 0)
        code = open_proven(&m, receipt, t);
    if (code == 0)
        code = make(&m, args_value(a, c, out, ""), json_path(a, c));
    document_close(m.d);
    buf_deinit(&m.pdf);
    vault_close(v);
    return code;
}

static int take_trust(struct trust *t,
                      const struct args *a,
                      const struct command *c)
{
    if (args_has(a, c, "trust"))
        return trust_from_file(t, args_value(a, c, "trust", NULL));
    return trust_from_genesis(t, args_value(a, c, "genesis", NULL));
}

static int run_document(const struct command *c, int argc, char **argv)
{
    struct trust *t = calloc(1, sizeof *t);
    struct buf receipt = {0};
    struct args a;
    int code = args_read(&a, c, argc, argv);

    ASSERT(t != NULL);
    if (code == 0 && (a.words != 1 || !args_has(&a, c, "out") ||
                      args_has(&a, c, "trust") == args_has(&a, c, "genesis")))
        code = fail(EXIT_USAGE, "usage: equity %s %s", c->name, c->arguments);
    if (code == 0)
        code = take_trust(t, &a, c);
    if (code == 0)
        code = read_file(&receipt, a.word[0], RECEIPT_BYTES_MAX);
    if (code == 0)
        code = document_write(buf_bytes(&receipt), t, &a, c, "out");
    buf_deinit(&receipt);
    free(t);
    return code == ARGS_HELPED ? 0 : code;
}

static const struct flag document_flags[] = {
    {"out", true, "the PDF to write, with the receipt attached"},
    {"trust", true, "check the receipt with this trust file; or"},
    {"genesis", true, "with this genesis file"},
    {"lang", true, "en, zh or both (default both)"},
    {"json", true, "also write the same as JSON to this file"},
    {"vault", true, "vault NAME.eqv: adds the custodian's names, marked so"},
    {"passphrase-file", true, "file of mode 0600 with its passphrase"},
    {NULL, false, NULL},
};

const struct command document_commands[] = {
    {"document",
     "RECEIPT --trust TRUST.json --out FILE.pdf [flags]",
     "A proven receipt as a document to print or to hand over.",
     document_flags,
     run_document},
    {NULL, NULL, NULL, NULL, NULL},
};
