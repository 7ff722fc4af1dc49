/* equity tx: one subcommand for each operation, from the operation table. */
#include "cli/cli.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"

#include <ctype.h>
#include <errno.h>
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

static void op_help(const struct op_def *d)
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
    for (uint32_t i = 0; i < d->schema->field_count; i++) {
        char name[64];

        flag_name(name, d->schema->fields[i].name);
        printf("  --%-22s %s%s\n",
               name,
               d->schema->fields[i].help,
               d->schema->fields[i].kind == FIELD_LIST ||
                       d->schema->fields[i].kind == FIELD_STRUCT
                   ? " (JSON)"
                   : "");
    }
    printf("\nMay be refused with:\n ");
    for (int i = 0; i < OP_VERDICTS_MAX && d->verdicts[i] != V_OK; i++)
        printf(" %s", verdict_name(d->verdicts[i]));
    printf(
        "\n\nAlso: --node URL, --wallet DIR, --passphrase-file FILE, "
        "--institution N,\n      --simulate, --out FILE (do not submit), "
        "--partial (with --out: others\n      add their signatures by equity "
        "tx sign FILE), --json\n");
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

struct tx_run {
    const char *node;
    const char *wallet;
    const char *passphrase_file;
    const char *out;
    uint64_t institution;
    bool simulate;
    bool partial;
    bool json;
};

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

/* Takes one flag of the operation; 0 or an exit code. */
static int set_field(void *op,
                     const struct op_def *d,
                     const char *flag,
                     const char *value)
{
    for (uint32_t i = 0; i < d->schema->field_count; i++) {
        const struct field *f = &d->schema->fields[i];
        char name[64];

        flag_name(name, f->name);
        if (strcmp(name, flag) != 0)
            continue;
        if (f->kind == FIELD_LIST || f->kind == FIELD_STRUCT
                ? set_json(op, d, f, value)
                : field_from_text(op, f, value) == ERR_NONE)
            return 0;
        return fail(EXIT_USAGE,
                    "--%s: \"%s\" is not a value for: %s",
                    flag,
                    value,
                    f->help);
    }
    return fail(EXIT_USAGE,
                "unknown flag --%s; equity tx %s --help lists the fields",
                flag,
                d->schema->name);
}

static int read_flags(
    struct tx_run *t, void *op, const struct op_def *d, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *flag = argv[i] + 2;

        if (strncmp(argv[i], "--", 2) != 0)
            return fail(EXIT_USAGE, "unexpected argument %s", argv[i]);
        if (strcmp(flag, "simulate") == 0) {
            t->simulate = true;
            continue;
        }
        if (strcmp(flag, "partial") == 0) {
            t->partial = true;
            continue;
        }
        if (strcmp(flag, "json") == 0) {
            t->json = true;
            continue;
        }
        if (i + 1 >= argc)
            return fail(EXIT_USAGE, "--%s needs a value", flag);
        i++;
        if (strcmp(flag, "node") == 0)
            t->node = argv[i];
        else if (strcmp(flag, "wallet") == 0)
            t->wallet = argv[i];
        else if (strcmp(flag, "passphrase-file") == 0)
            t->passphrase_file = argv[i];
        else if (strcmp(flag, "out") == 0)
            t->out = argv[i];
        else if (strcmp(flag, "institution") == 0) {
            if (!num_parse_u64(&t->institution, argv[i]) ||
                t->institution == 0 || t->institution > 65535)
                return fail(EXIT_USAGE, "--institution is 1 to 65535");
        } else {
            const int code = set_field(op, d, flag, argv[i]);

            if (code != 0)
                return code;
        }
    }
    return 0;
}

static int finish(const struct tx_run *t,
                  struct rpc_client *client,
                  struct bytes tx,
                  const char *what)
{
    struct outcome o = {0};
    struct rpc_failure why;
    char *hex = malloc(2 * tx.size + 1);
    json_t *r;
    enum err e;

    ASSERT(hex != NULL);
    hex_encode(hex, tx.at, tx.size);
    if (t->out != NULL) {
        FILE *f = fopen(t->out, "we");

        if (f == NULL) {
            free(hex);
            return fail(EXIT_CANNOT_CREATE, "%s: %s", t->out, strerror(errno));
        }
        fprintf(f, "%s\n", hex);
        fclose(f);
        free(hex);
        return 0;
    }
    if (t->simulate) {
        r = rpc_client_call(
            client, "tx_simulate", json_pack("{s:s}", "tx", hex), 20000, &why);
        free(hex);
        return r != NULL ? print_json(r)
                         : fail(EXIT_UNAVAILABLE, "%s", why.message);
    }
    free(hex);
    e = tx_send(&o, client, tx, true);
    if (t->json)
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

static int run_op(const struct op_def *d, int argc, char **argv)
{
    struct tx_run t = {
        .node = "http://127.0.0.1:7500", .wallet = "keys", .institution = 1};
    union op_any *op = calloc(1, sizeof *op);
    struct wallet *w = calloc(1, sizeof *w);
    struct rpc_view view = {0};
    struct draft draft;
    struct buf tx = {0};
    struct hash chain_id;
    struct hash id;
    uint32_t today = 0;
    char passphrase[PASSPHRASE_MAX] = "";
    char why[250];
    struct selector any = {.nature = NATURE_ANY};
    const struct field *selector = schema_field(d->schema, "selector");
    int code;

    ASSERT(op != NULL && w != NULL);
    if (selector != NULL)
        memcpy((uint8_t *)op + selector->offset, &any, sizeof any);
    for (uint32_t i = 0; i < d->schema->field_count; i++) {
        const struct field *f = &d->schema->fields[i];

        if (f->kind == FIELD_ENUM)
            ((uint8_t *)op)[f->offset] = 1; /* the usual kind */
    }
    code = read_flags(&t, op, d, argc, argv);
    for (uint32_t i = 0; code == 0 && i < d->schema->field_count; i++) {
        const struct field *f = &d->schema->fields[i];
        char name[64];

        flag_name(name, f->name);
        if (f->kind == FIELD_CODE && ((const char *)op)[f->offset] == '\0')
            code = fail(EXIT_USAGE, "--%s is missing: %s", name, f->help);
    }
    if (code == 0 && (rpc_client_new(&view.client, t.node) != ERR_NONE ||
                      chain_of(&chain_id, &today, view.client) != ERR_NONE))
        code = fail(EXIT_UNAVAILABLE, "%s cannot be reached", t.node);
    if (code == 0) {
        const enum err e =
            t.passphrase_file == NULL
                ? ERR_NOT_FOUND
                : passphrase_read_file(passphrase, t.passphrase_file);

        if (e != ERR_NONE)
            code = fail(EXIT_NO_INPUT,
                        "--passphrase-file: give a file of mode 0600");
        else if (wallet_open(w, t.wallet, passphrase) != ERR_NONE)
            code =
                fail(EXIT_NO_INPUT, "%s: no keys that this unlocks", t.wallet);
        memset(passphrase, 0, sizeof passphrase);
    }
    if (code == 0) {
        draft_begin(&draft, &chain_id, (uint16_t)t.institution, today);
        draft.partly = t.partial;
        draft_add(&draft, d->kind, op);
        if (tx_make(&tx, &id, &draft, &view, w, why, sizeof why) != ERR_NONE)
            code = fail(EXIT_REFUSED, "%s", why);
        draft_end(&draft);
    }
    if (code == 0)
        code = finish(&t, view.client, buf_bytes(&tx), d->schema->name);
    rpc_client_free(view.client);
    buf_deinit(&view.rows);
    buf_deinit(&tx);
    wallet_wipe(w);
    free(w);
    free(op);
    return code;
}

static int run_submit(int argc, char **argv)
{
    struct tx_run t = {.node = "http://127.0.0.1:7500"};
    struct rpc_client *client;
    struct buf bytes = {0};
    struct tx *tx;
    int code;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            t.json = true;
        else if (strcmp(argv[i], "--simulate") == 0)
            t.simulate = true;
        else if (strcmp(argv[i], "--node") == 0 && i + 1 < argc)
            t.node = argv[++i];
        else
            argc = 0;
    }
    if (argc < 1 || strncmp(argv[0], "--", 2) == 0)
        return fail(EXIT_USAGE,
                    "usage: equity tx submit FILE [--node URL] [--simulate] "
                    "[--json]");
    tx = calloc(1, sizeof *tx);
    ASSERT(tx != NULL);
    code = tx_file_read(&bytes, tx, argv[0]);
    free(tx);
    if (code == 0 && rpc_client_new(&client, t.node) != ERR_NONE)
        code = fail(EXIT_USAGE, "--node is http://host:port");
    if (code == 0) {
        code = finish(&t, client, buf_bytes(&bytes), argv[0]);
        rpc_client_free(client);
    }
    buf_deinit(&bytes);
    return code;
}

static int run_tx(const struct command *c, int argc, char **argv)
{
    const struct op_def *d;

    (void)c;
    if (argc < 1 || strcmp(argv[0], "--help") == 0) {
        list_ops();
        return argc < 1 ? EXIT_USAGE : 0;
    }
    if (strcmp(argv[0], "submit") == 0)
        return run_submit(argc - 1, argv + 1);
    d = op_find_name(argv[0]);
    if (d == NULL)
        return fail(EXIT_USAGE,
                    "there is no operation %s; equity tx --help lists them",
                    argv[0]);
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        op_help(d);
        return 0;
    }
    return run_op(d, argc - 1, argv + 1);
}

const struct command tx_commands[] = {
    {"tx",
     "OPERATION [flags]",
     "Build, sign and submit a transaction; equity tx --help lists the "
     "operations.",
     NULL,
     run_tx},
    {NULL, NULL, NULL, NULL, NULL},
};
