/* equity receipt: fetch a receipt, check it here, and keep it in a file. */
#include "audit/report.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "cli/asked.h"
#include "cli/document.h"
#include "cli/trust.h"
#include "cli/vault.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ANSWER_MS = 600000,
};

struct kind {
    const char *command;
    const char *method;
    uint8_t kind;          /* enum receipt_kind */
    const char *params[2]; /* names of the words */
    bool has_date;
    bool has_holder; /* whose identity may be disclosed */
};

static const struct kind kinds[] = {
    {"receipt transaction",
     "proof_transaction",
     RECEIPT_TRANSACTION,
     {"id", NULL},
     false,
     false},
    {"receipt holding",
     "proof_holding",
     RECEIPT_HOLDING,
     {"security", "account"},
     true,
     true},
    {"receipt unencumbered",
     "proof_unencumbered",
     RECEIPT_UNENCUMBERED,
     {"security", "account"},
     true,
     true},
    {"receipt register",
     "proof_register",
     RECEIPT_REGISTER,
     {"security", NULL},
     true,
     false},
    {"receipt statement",
     "proof_statement",
     RECEIPT_STATEMENT,
     {"security", "account"},
     true,
     true},
    {"receipt consistency",
     "proof_consistency",
     RECEIPT_CONSISTENCY,
     {"from_height", "height"},
     false,
     false},
    {"receipt validators",
     "proof_validators",
     RECEIPT_VALIDATORS,
     {"epoch", NULL},
     false,
     false},
};

struct work {
    const struct command *c;
    const struct kind *kind;
    struct args a;
    struct rpc_client *client;
    struct trust trust;
    struct buf bytes; /* of the receipt */
    struct receipt receipt;
    struct receipt_facts facts;
};

static void show_progress(uint64_t done, uint64_t all)
{
    progress("bytes", done, all);
}

/* ---- trust ---- */

static int take_trust(struct work *w)
{
    const char *file = args_value(&w->a, w->c, "trust", NULL);
    const char *genesis = args_value(&w->a, w->c, "genesis", NULL);

    if (file != NULL)
        return trust_from_file(&w->trust, file);
    if (genesis != NULL)
        return trust_from_genesis(&w->trust, genesis);
    say("No --trust and no --genesis: this checks the receipt against what the "
        "same node says of its genesis. Whoever gets the file checks it "
        "against a trust file of their own.");
    return trust_from_node(&w->trust, w->client);
}

/* The block from which the receipt is to start out: as asked, or the genesis,
 * or the last one that the trust file names. */
static void put_anchor(const struct work *w, json_t *params)
{
    const char *text = args_value(&w->a, w->c, "anchor", NULL);
    const struct trust *t = &w->trust;

    if (text != NULL)
        json_object_set_new(params, "anchor", json_string(text));
    else if (!t->genesis && t->pin_count > 0)
        json_object_set_new(
            params, "anchor", json_of_u64(t->pins[t->pin_count - 1].height));
}

/* ---- fetch ---- */

static int take_bytes(struct buf *out, const json_t *result)
{
    const json_t *hex = json_object_get(result, "receipt");
    const size_t size = json_string_length(hex);

    if (!json_is_string(hex) || size % 2 != 0 || size > 2u * RECEIPT_BYTES_MAX)
        return fail(EXIT_DATA, "the node answers no receipt");
    buf_append(out, NULL, size / 2);
    if (!hex_decode(out->at, size / 2, json_string_value(hex)))
        return fail(EXIT_DATA, "the node answers no receipt");
    return 0;
}

static int fetch(struct work *w)
{
    json_t *params = json_object();
    struct rpc_failure why;
    const char *from = args_value(&w->a, w->c, "from-height", NULL);
    json_t *result;
    int code = 0;

    for (int i = 0; i < w->a.words; i++)
        json_object_set_new(
            params, w->kind->params[i], json_string(w->a.word[i]));
    if (w->kind->has_date)
        query_when(params, w->c, &w->a);
    if (from != NULL)
        json_object_set_new(params, "from_height", json_string(from));
    put_anchor(w, params);
    rpc_client_on_progress(w->client, show_progress);
    result =
        rpc_client_call(w->client, w->kind->method, params, ANSWER_MS, &why);
    if (result == NULL)
        return fail(why.code == 0                           ? EXIT_UNAVAILABLE
                    : strcmp(why.name, "E_ENCUMBERED") == 0 ? EXIT_REFUSED
                                                            : EXIT_NO_INPUT,
                    "%s: %s",
                    why.name,
                    why.message);
    code = take_bytes(&w->bytes, result);
    json_decref(result);
    return code;
}

/* ---- who the holder is ---- */

static struct bytes text_bytes(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* Adds the section that says who the holder is; the bytes are made anew. */
static int disclose(struct work *w)
{
    const struct vault_entry *e;
    struct receipt *r = &w->receipt;
    struct hash account;
    struct vault *v = NULL;
    struct buf made = {0};
    const char *where;
    int code = args_vault(&v, &w->a, w->c, "disclose");

    if (code != 0)
        return code;
    if (receipt_decode(r, &where, buf_bytes(&w->bytes)) != ERR_NONE)
        code = fail(EXIT_DATA, "the node answers no receipt");
    account = r->kind == RECEIPT_STATEMENT ? r->of.statement.now.account
                                           : r->of.position.account;
    e = code == 0 ? vault_by_account(v, &account) : NULL;
    if (code == 0 && e == NULL)
        code = fail(EXIT_NO_INPUT, "the vault does not know the account");
    if (code == 0) {
        r->parts |= RECEIPT_DISCLOSURE;
        memcpy(r->identity.salt, e->salt, SALT_BYTES);
        r->identity.id_type = text_bytes(e->id_type);
        r->identity.id_number = text_bytes(e->id_number);
        r->identity.name = text_bytes(e->name);
        if (receipt_encode(&made, r) != ERR_NONE)
            code = fail(EXIT_DATA, "the identity in the vault is no text");
    }
    vault_close(v);
    if (code == 0) {
        buf_deinit(&w->bytes);
        w->bytes = made;
    }
    return code;
}

/* ---- check and keep ---- */

/* Whether the node has answered what it was asked. */
static int check_asked(const struct work *w)
{
    const struct asked q = {
        .kind = w->kind->kind,
        .words = {w->a.word[0], w->a.words > 1 ? w->a.word[1] : NULL},
        .height = args_value(&w->a, w->c, "height", NULL),
        .date = args_value(&w->a, w->c, "date", NULL),
        .from_height = args_value(&w->a, w->c, "from-height", NULL),
        .anchor = args_value(&w->a, w->c, "anchor", NULL)};
    const char *differs = asked_differs(&q, &w->facts, &w->receipt);

    return differs == NULL
               ? 0
               : fail(EXIT_DATA,
                      "nothing was written: the node's receipt is true, but "
                      "about another %s than was asked for; ask another node",
                      differs);
}

static int check_and_keep(struct work *w)
{
    const char *path = args_value(&w->a, w->c, "out", "");
    int code;

    receipt_check(&w->facts, &w->receipt, buf_bytes(&w->bytes), &w->trust);
    code = (int)w->facts.outcome;
    if (code == 0) {
        code = check_asked(w);
        if (code != 0)
            return code; /* a report of it would only mislead */
        code = write_new_file(path, buf_bytes(&w->bytes), 0600);
    }
    if (args_has(&w->a, w->c, "json"))
        report_json(stdout, &w->facts, &w->receipt);
    else
        report_text(stdout, &w->facts, &w->receipt);
    if (code == 0) {
        say("%s: %zu bytes", path, w->bytes.size);
        if (args_has(&w->a, w->c, "pdf"))
            code = document_write(
                buf_bytes(&w->bytes), &w->trust, &w->a, w->c, "pdf");
    } else if (w->facts.outcome != RECEIPT_PROVEN)
        say("equity: nothing was written: the node's receipt is not proven");
    return code;
}

static int begin(struct work *w)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].command, w->c->name) == 0)
            w->kind = &kinds[i];
    }
    ASSERT(w->kind != NULL);
    if (w->a.words != (w->kind->params[1] != NULL ? 2 : 1) ||
        !args_has(&w->a, w->c, "out"))
        return fail(
            EXIT_USAGE, "usage: equity %s %s", w->c->name, w->c->arguments);
    for (int i = 0; i < w->a.words; i++) {
        const char *name = w->kind->params[i];
        struct hash h;

        if ((strcmp(name, "account") == 0 || strcmp(name, "id") == 0) &&
            !hex_decode(h.raw, sizeof h.raw, w->a.word[i]))
            return fail(EXIT_USAGE,
                        "%s: the %s is needed whole, 64 digits; commands with "
                        "--json give it so",
                        w->a.word[i],
                        strcmp(name, "id") == 0 ? "id of the transaction"
                                                : "id of the account");
    }
    if (args_has(&w->a, w->c, "pdf") && !args_has(&w->a, w->c, "trust") &&
        !args_has(&w->a, w->c, "genesis"))
        return fail(EXIT_USAGE,
                    "--pdf needs --trust or --genesis: a document is not made "
                    "on the word of the node that is asked");
    return args_client(&w->client, &w->a, w->c);
}

static int run_receipt(const struct command *c, int argc, char **argv)
{
    struct work *w = calloc(1, sizeof *w);
    int code;

    ASSERT(w != NULL);
    w->c = c;
    code = args_read(&w->a, c, argc, argv);
    if (code == 0)
        code = begin(w);
    if (code == 0)
        code = take_trust(w);
    if (code == 0)
        code = fetch(w);
    if (code == 0 && args_has(&w->a, c, "disclose"))
        code = disclose(w);
    if (code == 0)
        code = check_and_keep(w);
    rpc_client_free(w->client);
    buf_deinit(&w->bytes);
    free(w);
    return code == ARGS_HELPED ? 0 : code;
}

#define FLAGS_FRONT                                                        \
    {"out", true, "the file to write, once it is checked"},                \
        {"node", true, "URL of a node (default " NODE_DEFAULT ")"},        \
        {"trust", true, "check it with this trust file; or"},              \
        {"genesis", true, "with this genesis file; else with the node's"}, \
    {                                                                      \
        "anchor", true, "height of the trusted block from which it starts" \
    }
#define FLAGS_WHEN                                                             \
    {"height", true, "as it was after this block"},                            \
    {                                                                          \
        "date", true, "as it was at the end of this business date, YYYY-MM-DD" \
    }
#define FLAGS_HOLDER                                                     \
    {                                                                    \
        "disclose", true, "vault NAME.eqv, with which it says who holds" \
    }
#define FLAGS_END                                                           \
    {"pdf", true, "also as a document in this file (see equity document)"}, \
        {"lang", true, "of the document: en, zh or both (default both)"},   \
        {"vault", true, "vault NAME.eqv with names for the document"},      \
        {"passphrase-file",                                                 \
         true,                                                              \
         "file of mode 0600 with a vault's passphrase"},                    \
        {"json", false, "the report as JSON"},                              \
    {                                                                       \
        NULL, false, NULL                                                   \
    }

static const struct flag block_flags[] = {FLAGS_FRONT, FLAGS_END};
static const struct flag list_flags[] = {FLAGS_FRONT, FLAGS_WHEN, FLAGS_END};
static const struct flag holder_flags[] = {
    FLAGS_FRONT, FLAGS_WHEN, FLAGS_HOLDER, FLAGS_END};
static const struct flag statement_flags[] = {
    FLAGS_FRONT,
    FLAGS_WHEN,
    {"from-height", true, "events after this block; else from the first"},
    FLAGS_HOLDER,
    FLAGS_END};

const struct command receipt_commands[] = {
    {"receipt transaction",
     "ID --out FILE [flags]",
     "Proof that a transaction is in the ledger.",
     block_flags,
     run_receipt},
    {"receipt holding",
     "CODE ACCOUNT --out FILE [flags]",
     "Proof of what an account has of a security, or that it has nothing.",
     holder_flags,
     run_receipt},
    {"receipt unencumbered",
     "CODE ACCOUNT --out FILE [flags]",
     "Proof of a holding with no pledge and no freeze.",
     holder_flags,
     run_receipt},
    {"receipt register",
     "CODE --out FILE [flags]",
     "Proof of the complete register of a security.",
     list_flags,
     run_receipt},
    {"receipt statement",
     "CODE ACCOUNT --out FILE [flags]",
     "Proof of every event of a holding.",
     statement_flags,
     run_receipt},
    {"receipt consistency",
     "EARLIER LATER --out FILE [flags]",
     "Proof that a later history continues an earlier one.",
     block_flags,
     run_receipt},
    {"receipt validators",
     "EPOCH --out FILE [flags]",
     "Proof of the change of validators with which an epoch began.",
     block_flags,
     run_receipt},
    {NULL, NULL, NULL, NULL, NULL},
};
