/* equity tx: one subcommand for each operation, from the operation table. */
#include "cli/cli.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

static void flag_name(char out[64], const char *field)
{
    snprintf(out, 64, "%s", field);
    for (char *p = out; *p != '\0'; p++) {
        if (*p == '_')
            *p = '-';
    }
}

enum {
    FIELDS_MAX = 32, /* of an operation */
};

/* Flags of every operation, beside its fields. */
static const struct flag own_flags[] = {
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"wallet", true, "folder of keys (default ./keys)"},
    {"passphrase-file", true, "file, mode 0600, that unlocks them"},
    {"institution", true, "number of the filing institution (default 1)"},
    {"simulate", false, "say what would become of it; submit nothing"},
    {"out", true, "write the transaction here; submit nothing"},
    {"partial", false, "with --out: others sign it by equity tx sign FILE"},
    {"json", false, "the outcome as JSON"},
};

/* An operation as a command: its fields are flags like the others. */
struct op_command {
    char name[64];
    char names[FIELDS_MAX][64];
    struct flag flags[FIELDS_MAX + ARRAY_LEN(own_flags) + 1];
    struct command command;
};

static void make_command(struct op_command *x, const struct op_def *d)
{
    size_t n = 0;

    ASSERT(d->schema->field_count <= FIELDS_MAX);
    for (uint32_t i = 0; i < d->schema->field_count; i++) {
        flag_name(x->names[i], d->schema->fields[i].name);
        x->flags[n++] =
            (struct flag){x->names[i], true, d->schema->fields[i].help};
    }
    for (size_t i = 0; i < ARRAY_LEN(own_flags); i++)
        x->flags[n++] = own_flags[i];
    x->flags[n] = (struct flag){NULL, false, NULL};
    snprintf(x->name, sizeof x->name, "tx %s", d->schema->name);
    x->command =
        (struct command){x->name, "[flags]", d->schema->help, x->flags, NULL};
}

static void op_help(const struct op_def *d, const struct op_command *x)
{
    printf("equity tx %s [flags]\n\n%s\n\nSigned by:\n",
           d->schema->name,
           d->schema->help);
    for (int i = 0; i < OP_SIGNERS_MAX; i++) {
        if (d->signers[i].who != SIGNER_NONE)
            printf("  %s\n", d->signers[i].text);
    }
    printf("  %s\n", op_filer_texts[d->filer]);
    printf("\nFields:\n");
    for (uint32_t i = 0; i < d->schema->field_count; i++)
        printf("  --%-22s %s%s\n",
               x->names[i],
               d->schema->fields[i].help,
               d->schema->fields[i].kind == FIELD_LIST ||
                       d->schema->fields[i].kind == FIELD_STRUCT
                   ? " (JSON)"
                   : "");
    printf("\nMay be refused with:\n ");
    for (int i = 0; i < OP_VERDICTS_MAX && d->verdicts[i] != V_OK; i++)
        printf(" %s", verdict_name(d->verdicts[i]));
    printf("\n\nFlags:\n");
    print_flags(x->flags + d->schema->field_count);
}

static void list_ops(void)
{
    printf("equity tx OPERATION [flags]    build, sign, submit, wait\n"
           "equity tx sign FILE            add signatures to what --out "
           "wrote\n"
           "equity tx show FILE            what it says and who signed\n"
           "equity tx submit FILE          submit it\n\n"
           "Operations:\n");
    for (uint32_t i = 0; i < op_table_count; i++)
        printf("  %-22s %s\n",
               op_table[i]->schema->name,
               op_table[i]->schema->help);
}

/* A list or struct given as JSON text. */
static bool set_json(void *op,
                     const struct op_def *d,
                     const struct field *f,
                     const char *text)
{
    json_t *whole = schema_to_json(d->schema, op);
    char why[JSON_PATH_MAX];
    json_t *value = json_parse(bytes_of(text, strlen(text)), why, sizeof why);
    bool ok = value != NULL;

    (void)whole;
    if (ok) {
        const struct field one[] = {*f};
        const struct schema only = {.name = d->schema->name,
                                    .help = "",
                                    .size = d->schema->size,
                                    .fields = one,
                                    .field_count = 1};
        json_t *object = json_pack("{s:O}", f->name, value);
        uint8_t *copy = calloc(1, d->schema->size);

        ASSERT(copy != NULL);
        ok = schema_from_json(copy, &only, object, why) == ERR_NONE;
        if (ok && f->kind == FIELD_STRUCT)
            memcpy((uint8_t *)op + f->offset, copy + f->offset, f->sub->size);
        if (ok && f->kind == FIELD_LIST) {
            memcpy((uint8_t *)op + f->offset,
                   copy + f->offset,
                   f->sub->size * f->max);
            memcpy((uint8_t *)op + f->count_offset,
                   copy + f->count_offset,
                   sizeof(uint32_t));
        }
        free(copy);
        json_decref(object);
    }
    json_decref(value);
    json_decref(whole);
    return ok;
}

/* Takes what was given of the operation's fields, in their order. */
static int set_fields(void *op,
                      const struct op_def *d,
                      const struct op_command *x,
                      const struct args *a)
{
    for (uint32_t i = 0; i < d->schema->field_count; i++) {
        const struct field *f = &d->schema->fields[i];
        const char *value = args_value(a, &x->command, x->names[i], NULL);
        const bool json = f->kind == FIELD_LIST || f->kind == FIELD_STRUCT;

        if (value == NULL) {
            if (f->kind == FIELD_CODE)
                return fail(
                    EXIT_USAGE, "--%s is missing: %s", x->names[i], f->help);
        } else if (json ? !set_json(op, d, f, value)
                        : field_from_text(op, f, value) != ERR_NONE) {
            return fail(EXIT_USAGE,
                        "--%s: \"%s\" is not a value for: %s",
                        x->names[i],
                        value,
                        f->help);
        }
    }
    return 0;
}

/* As hex, in a file. */
static int write_hex(const char *path, struct bytes tx)
{
    struct buf hex = {0};
    FILE *f = fopen(path, "we");
    bool ok;

    if (f == NULL)
        return fail(EXIT_CANNOT_CREATE, "%s: %s", path, strerror(errno));
    buf_append(&hex, NULL, 2 * tx.size + 1);
    hex_encode((char *)hex.at, tx.at, tx.size);
    ok = fprintf(f, "%s\n", (const char *)hex.at) > 0;
    ok = fclose(f) == 0 && ok;
    buf_deinit(&hex);
    return ok ? 0 : fail(EXIT_CANNOT_CREATE, "%s: %s", path, strerror(errno));
}

static int simulate(struct rpc_client *client, struct bytes tx)
{
    struct buf hex = {0};
    struct rpc_failure why;
    json_t *r;

    buf_append(&hex, NULL, 2 * tx.size + 1);
    hex_encode((char *)hex.at, tx.at, tx.size);
    r = rpc_client_call(client,
                        "tx_simulate",
                        json_pack("{s:s}", "tx", (const char *)hex.at),
                        20000,
                        &why);
    buf_deinit(&hex);
    return r != NULL ? print_json(r)
                     : fail(EXIT_UNAVAILABLE, "%s", why.message);
}

/* The next command reads what this one did. */
static void settle(struct rpc_client *client, uint64_t height)
{
    struct rpc_view v = {.client = client, .final_height = height};
    struct rpc_failure why;

    json_decref(rpc_view_call(
        &v, "security_list", json_pack("{s:s}", "limit", "1"), &why));
}

/* Submits it, or what the flags say instead. */
static int finish(const struct args *a,
                  const struct command *c,
                  struct rpc_client *client,
                  struct bytes tx,
                  const char *what)
{
    struct outcome o = {0};
    enum err e;

    if (args_has(a, c, "out"))
        return write_hex(args_value(a, c, "out", ""), tx);
    if (args_has(a, c, "simulate"))
        return simulate(client, tx);
    e = tx_send(&o, client, tx, true);
    if (o.final)
        settle(client, o.height);
    if (args_has(a, c, "json"))
        print_json(json_pack("{s:o, s:b, s:o, s:s, s:i}",
                             "id",
                             json_of_hex(o.id.raw, HASH_BYTES),
                             "final",
                             o.final,
                             "height",
                             json_of_u64(o.height),
                             "refusal",
                             o.why.name,
                             "number",
                             o.why.code));
    else
        print_outcome(&o, what);
    return e == ERR_NONE      ? 0
           : e == ERR_NETWORK ? EXIT_UNAVAILABLE
                              : EXIT_REFUSED;
}

/* What is usual, for the fields that are not given. */
static void set_defaults(void *op, const struct op_def *d)
{
    const struct selector any = {.nature = NATURE_ANY};
    const struct field *selector = schema_field(d->schema, "selector");

    if (selector != NULL)
        memcpy((uint8_t *)op + selector->offset, &any, sizeof any);
    for (uint32_t i = 0; i < d->schema->field_count; i++) {
        const struct field *f = &d->schema->fields[i];

        if (f->kind == FIELD_ENUM)
            ((uint8_t *)op)[f->offset] = 1; /* the usual kind */
    }
}

static int open_keys(struct wallet *w,
                     const struct args *a,
                     const struct command *c)
{
    const char *dir = args_value(a, c, "wallet", "keys");
    char passphrase[PASSPHRASE_MAX];
    int code = get_passphrase(passphrase, a, c);
    enum err e;

    if (code != 0)
        return code;
    e = wallet_open(w, dir, passphrase);
    OPENSSL_cleanse(passphrase, sizeof passphrase);
    return e == ERR_NONE
               ? 0
               : fail(EXIT_NO_INPUT, "--wallet %s: %s", dir, err_text(e));
}

/* Builds it, signs it with what the wallet has, and finishes. */
static int make_and_finish(const struct op_def *d,
                           const void *op,
                           const struct args *a,
                           const struct command *c)
{
    struct wallet *w = calloc(1, sizeof *w);
    struct rpc_view view = {0};
    struct draft draft;
    struct buf tx = {0};
    struct hash chain_id;
    struct hash id;
    uint32_t today = 0;
    uint64_t institution;
    char why[250];
    int code = 0;

    ASSERT(w != NULL);
    if (!num_parse_u64(&institution, args_value(a, c, "institution", "1")) ||
        institution == 0 || institution > 65535)
        code = fail(EXIT_USAGE, "--institution is 1 to 65535");
    if (code == 0)
        code = args_client(&view.client, a, c);
    if (code == 0 && chain_of(&chain_id, &today, view.client) != ERR_NONE)
        code = fail(EXIT_UNAVAILABLE,
                    "%s cannot be reached",
                    args_value(a, c, "node", NODE_DEFAULT));
    if (code == 0)
        code = open_keys(w, a, c);
    if (code == 0) {
        draft_begin(&draft, &chain_id, (uint16_t)institution, today);
        draft.partly = args_has(a, c, "partial");
        draft_add(&draft, d->kind, op);
        if (tx_make(&tx, &id, &draft, &view, w, why, sizeof why) != ERR_NONE)
            code = fail(EXIT_REFUSED, "%s", why);
        draft_end(&draft);
    }
    if (code == 0)
        code = finish(a, c, view.client, buf_bytes(&tx), d->schema->name);
    rpc_client_free(view.client);
    buf_deinit(&view.rows);
    buf_deinit(&tx);
    wallet_wipe(w);
    free(w);
    return code;
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static int run_op(const struct op_def *d, int argc, char **argv)
{
    struct op_command *x = calloc(1, sizeof *x);
    union op_any *op = calloc(1, sizeof *op);
    struct args a;
    int code;

    ASSERT(x != NULL && op != NULL);
    make_command(x, d);
    if (asks_help(argc, argv)) {
        op_help(d, x);
        code = 0;
    } else {
        code = args_read(&a, &x->command, argc, argv);
        set_defaults(op, d);
        if (code == 0)
            code = set_fields(op, d, x, &a);
        if (code == 0 && args_has(&a, &x->command, "partial") &&
            !args_has(&a, &x->command, "out"))
            code = fail(EXIT_USAGE, "--partial needs --out FILE");
        if (code == 0)
            code = make_and_finish(d, op, &a, &x->command);
    }
    free(op);
    free(x);
    return code;
}

static const struct flag submit_flags[] = {
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"simulate", false, "say what would become of it; submit nothing"},
    {"json", false, "the outcome as JSON"},
    {NULL, false, NULL},
};

static int run_submit(const struct command *c, int argc, char **argv)
{
    struct rpc_client *client = NULL;
    struct buf bytes = {0};
    struct tx *tx = calloc(1, sizeof *tx);
    struct args a;
    int code = args_read(&a, c, argc, argv);

    ASSERT(tx != NULL);
    if (code == 0 && a.words != 1)
        code = fail(EXIT_USAGE, "usage: equity tx submit FILE [flags]");
    if (code == 0)
        code = tx_file_read(&bytes, tx, a.word[0]);
    if (code == 0)
        code = args_client(&client, &a, c);
    if (code == 0)
        code = finish(&a, c, client, buf_bytes(&bytes), a.word[0]);
    rpc_client_free(client);
    buf_deinit(&bytes);
    free(tx);
    return code;
}

static int unknown_op(const char *name)
{
    struct meant m = {.word = name};

    for (uint32_t i = 0; i < op_table_count; i++)
        meant_try(&m, op_table[i]->schema->name);
    meant_try(&m, "sign");
    meant_try(&m, "show");
    meant_try(&m, "submit");
    if (m.best != NULL)
        return fail(EXIT_USAGE,
                    "there is no operation %s; did you mean: equity tx %s?",
                    name,
                    m.best);
    return fail(EXIT_USAGE,
                "there is no operation %s; equity tx --help lists them",
                name);
}

static int run_tx(const struct command *c, int argc, char **argv)
{
    const struct op_def *d;

    (void)c;
    if (argc < 1 || asks_help(1, argv)) {
        list_ops();
        return argc < 1 ? EXIT_USAGE : 0;
    }
    d = op_find_name(argv[0]);
    return d != NULL ? run_op(d, argc - 1, argv + 1) : unknown_op(argv[0]);
}

const struct command tx_commands[] = {
    {"tx submit",
     "FILE [flags]",
     "Submit a signed transaction and wait until it is final.",
     submit_flags,
     run_submit},
    {"tx",
     "OPERATION [flags]",
     "Build, sign and submit a transaction; equity tx --help lists the "
     "operations.",
     NULL,
     run_tx},
    {NULL, NULL, NULL, NULL, NULL},
};
