/* Transactions in files: signatures gather outside the ledger, each signer adds
 * its own. */
#include "cli/cli.h"

#include "base/check.h"
#include "base/hex.h"

#include <stdio.h>
#include <stdlib.h>

static int index_of(const struct tx *tx, const struct principal *p)
{
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], p) == 0)
            return (int)i;
    }
    return -1;
}

static bool has_signed(const struct tx *tx, int p, const struct pubkey *key)
{
    for (uint32_t i = 0; i < tx->sig_count; i++) {
        if ((int)tx->sigs[i].principal == p &&
            memcmp(&tx->sigs[i].key, key, sizeof *key) == 0)
            return true;
    }
    return false;
}

static bool may_sign(const struct pubkey *key, const struct wallet *w)
{
    return w != NULL && wallet_find(w, key) != NULL;
}

/* Signs with the wallet's key, if it has it.  w NULL: only looks. */
static bool add(struct tx *tx,
                int p,
                const struct pubkey *key,
                const struct wallet *w)
{
    const struct secret *s = w != NULL ? wallet_find(w, key) : NULL;

    return s != NULL && tx_sign(tx, (uint8_t)p, s) == ERR_NONE;
}

static bool account_signed(struct tx *tx,
                           int p,
                           const struct need *n,
                           const struct wallet *w)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n->key_count; i++)
        count += has_signed(tx, p, &n->keys[i]) ? 1 : 0;
    for (uint32_t i = 0; i < n->key_count && count < n->threshold; i++) {
        if (!has_signed(tx, p, &n->keys[i]) && add(tx, p, &n->keys[i], w))
            count++;
    }
    return count >= n->threshold;
}

/* A key of the role signed, other than `but`; or signs now. */
static const struct pubkey *role_signed(struct tx *tx,
                                        int p,
                                        const struct institution_row *row,
                                        uint16_t role,
                                        const struct pubkey *but,
                                        const struct wallet *w)
{
    for (int adding = 0; adding <= 1; adding++) {
        for (uint32_t i = 0; i < row->key_count; i++) {
            const struct pubkey *key = &row->keys[i].key;

            if ((row->keys[i].roles & role) == 0 ||
                (but != NULL && memcmp(key, but, sizeof *key) == 0))
                continue;
            if (adding == 0 ? has_signed(tx, p, key) : add(tx, p, key, w))
                return key;
        }
    }
    return NULL;
}

static bool read_institution(struct institution_row *row,
                             const struct ledger_view *view,
                             const struct hash *id)
{
    const struct row_key key = {.table = TABLE_INSTITUTIONS, .key = *id};
    const struct bytes bytes = view->get(view->ctx, &key);

    return bytes.size > 0 &&
           schema_decode(row, &institution_row_schema, bytes) == ERR_NONE;
}

/* A maker and another, checker, of those who have signed or can sign here;
 * failing that whoever can. */
static bool pair_signed(struct tx *tx,
                        int p,
                        const struct institution_row *row,
                        const struct wallet *w)
{
    const struct pubkey *maker;

    for (uint32_t m = 0; m < row->key_count; m++) {
        for (uint32_t c = 0; c < row->key_count; c++) {
            const struct pubkey *a = &row->keys[m].key;
            const struct pubkey *b = &row->keys[c].key;

            if (m != c && (row->keys[m].roles & KEY_MAKER) != 0 &&
                (row->keys[c].roles & KEY_CHECKER) != 0 &&
                (has_signed(tx, p, a) || may_sign(a, w)) &&
                (has_signed(tx, p, b) || may_sign(b, w)))
                return (has_signed(tx, p, a) || add(tx, p, a, w)) &&
                       (has_signed(tx, p, b) || add(tx, p, b, w));
        }
    }
    maker = role_signed(tx, p, row, KEY_MAKER, NULL, w);
    (void)role_signed(tx, p, row, KEY_CHECKER, maker, w);
    return false;
}

static bool institution_signed(struct tx *tx,
                               int p,
                               uint8_t how,
                               const struct ledger_view *view,
                               const struct wallet *w)
{
    struct institution_row row;

    if (!read_institution(&row, view, &tx->principals[p].id))
        return false;
    if (how == NEED_MAKER_CHECKER)
        return pair_signed(tx, p, &row, w);
    return role_signed(tx,
                       p,
                       &row,
                       how == NEED_MAKER ? KEY_MAKER : KEY_OPERATOR,
                       NULL,
                       w) != NULL;
}

/* What is known of the signers of a transaction; each is asked for once. */
struct signers {
    struct tx *tx;
    const struct ledger_view *view;
    const struct wallet *w;
    json_t *list;
    bool complete;
    bool asked[TX_PRINCIPALS_MAX][NEED_HOWS];
};

static void report(struct signers *s, const char *who, bool is_there)
{
    json_array_append_new(
        s->list, json_pack("{s:s, s:b}", "signer", who, "signed", is_there));
    s->complete = s->complete && is_there;
}

static void ask_institution(struct signers *s,
                            int p,
                            uint8_t how,
                            const char *text)
{
    if (p >= 0 && s->asked[p][how])
        return;
    report(s, text, p >= 0 && institution_signed(s->tx, p, how, s->view, s->w));
    if (p >= 0)
        s->asked[p][how] = true;
}

static void ask_governor(struct signers *s,
                         uint32_t p,
                         const struct institution_row *row)
{
    char text[160];

    snprintf(text,
             sizeof text,
             "an operator of institution %u (%s)",
             row->number,
             row->code);
    ask_institution(s, (int)p, NEED_OPERATOR, text);
}

/* Whoever runs a validator and is named in the transaction; the filing
 * institution only if there are too few others. */
static void ask_governors(struct signers *s, const struct need *n)
{
    const struct hash filer_id = institution_id(s->tx->institution);
    struct institution_row row;
    struct institution_row filer;
    uint32_t filer_at = UINT32_MAX;
    uint32_t count = 0;
    char text[160];

    for (uint32_t p = 0; p < s->tx->principal_count; p++) {
        const struct principal *who = &s->tx->principals[p];

        if (who->kind != PRINCIPAL_INSTITUTION ||
            !read_institution(&row, s->view, &who->id) || !row.validator)
            continue;
        if (hash_eq(&who->id, &filer_id)) {
            filer_at = p;
            filer = row;
            continue;
        }
        ask_governor(s, p, &row);
        count++;
    }
    if (count < n->threshold && filer_at != UINT32_MAX) {
        ask_governor(s, filer_at, &filer);
        count++;
    }
    if (count < n->threshold) {
        snprintf(text,
                 sizeof text,
                 "%s: %u of %u are named",
                 n->text,
                 count,
                 n->threshold);
        report(s, text, false);
    }
}

static void ask_need(struct signers *s, const struct need *n)
{
    const int p = index_of(s->tx, &n->who);

    switch ((enum need_how)n->how) {
    case NEED_KEYS: /* a rotation needs the old keys and the new ones */
        report(s, n->text, p >= 0 && account_signed(s->tx, p, n, s->w));
        return;
    case NEED_GOVERNANCE:
        ask_governors(s, n);
        return;
    case NEED_MAKER:
    case NEED_MAKER_CHECKER:
    case NEED_OPERATOR:
        ask_institution(s, p, n->how, n->text);
        return;
    case NEED_HOWS:
        return;
    }
}

json_t *tx_sign_partly(bool *complete,
                       struct tx *tx,
                       const struct ledger_view *view,
                       const struct wallet *w)
{
    union op_any *op = malloc(sizeof *op);
    struct signers s = {
        .tx = tx, .view = view, .w = w, .list = json_array(), .complete = true};
    const struct principal filer = {PRINCIPAL_INSTITUTION,
                                    institution_id(tx->institution)};
    uint8_t filing = FILER_NONE;
    int p;

    ASSERT(op != NULL && s.list != NULL);
    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def;
        struct needs n;
        struct hash about;

        if (op_decode(&def, op, tx->ops[i]) != ERR_NONE ||
            needs_of_op(&n, &about, view, &tx->chain_id, def, op) != V_OK) {
            report(&s, "unknown: the node lacks a row it names", false);
            filing = FILER_MAKER;
            continue;
        }
        filing = def->filer < filing ? def->filer : filing;
        for (uint32_t k = 0; k < n.count; k++)
            ask_need(&s, &n.list[k]);
    }
    free(op);
    p = index_of(tx, &filer);
    /* Maker and checker of an operation include the filing maker. */
    if (filing != FILER_NONE && !(p >= 0 && s.asked[p][NEED_MAKER_CHECKER]))
        ask_institution(&s, p, NEED_MAKER, op_filer_texts[FILER_MAKER]);
    *complete = s.complete;
    return s.list;
}

uint32_t tx_governors(uint16_t out[VALIDATORS_MAX],
                      const struct valset *set,
                      const struct ledger_view *view,
                      const struct wallet *w)
{
    const uint32_t quorum = valset_quorum(set->count);
    uint32_t count = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < set->count && count < quorum; i++) {
            const struct hash id = institution_id(set->list[i].institution);
            struct institution_row row;
            bool here = false;

            if (!read_institution(&row, view, &id))
                continue;
            for (uint32_t k = 0; k < row.key_count; k++)
                here = here || ((row.keys[k].roles & KEY_OPERATOR) != 0 &&
                                may_sign(&row.keys[k].key, w));
            if (here == (pass == 0))
                out[count++] = row.number;
        }
    }
    return count;
}

int tx_file_read(struct buf *out, struct tx *tx, const char *path)
{
    static char text[2 * TX_BYTES_MAX + 4];
    FILE *f = fopen(path, "re");
    size_t size;
    bool whole;

    if (f == NULL || fgets(text, sizeof text, f) == NULL) {
        if (f != NULL)
            fclose(f);
        return fail(EXIT_NO_INPUT, "%s: cannot be read", path);
    }
    whole = fgetc(f) == EOF;
    fclose(f);
    text[strcspn(text, "\r\n")] = '\0';
    size = strlen(text) / 2;
    buf_clear(out);
    buf_append(out, NULL, size);
    if (!whole || size == 0 || !hex_decode(out->at, size, text))
        return fail(EXIT_DATA, "%s: not the hex of a transaction", path);
    if (tx_decode(tx, buf_bytes(out)) != ERR_NONE)
        return fail(EXIT_DATA, "%s: not a well-formed transaction", path);
    return 0;
}

/* What it is, for who is about to sign. */
json_t *tx_file_show(const struct tx *tx)
{
    union op_any *op = malloc(sizeof *op);
    json_t *ops = json_array();

    ASSERT(op != NULL && ops != NULL);
    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def;

        if (op_decode(&def, op, tx->ops[i]) == ERR_NONE)
            json_array_append_new(ops,
                                  json_pack("{s:s, s:o}",
                                            "operation",
                                            def->schema->name,
                                            "fields",
                                            schema_to_json(def->schema, op)));
        else
            json_array_append_new(
                ops, json_pack("{s:s}", "operation", "not understood"));
    }
    free(op);
    return json_pack("{s:o, s:i, s:i, s:i, s:o, s:i}",
                     "id",
                     json_of_hex(tx->id.raw, HASH_BYTES),
                     "institution",
                     (int)tx->institution,
                     "reference_day",
                     (int)tx->reference.day,
                     "valid_until",
                     (int)tx->valid_until,
                     "operations",
                     ops,
                     "signatures",
                     (int)tx->sig_count);
}

int tx_file_write(const char *path, const struct tx *tx)
{
    static uint8_t bytes[TX_BYTES_MAX + 1];
    static char hex[2 * TX_BYTES_MAX + 3];
    struct writer w = writer_of(bytes, sizeof bytes);
    FILE *f;
    bool ok;

    tx_encode(&w, tx);
    if (!writer_ok(&w) || w.size > TX_BYTES_MAX)
        return fail(EXIT_DATA, "the transaction is too large");
    hex_encode(hex, bytes, w.size);
    f = fopen(path, "we");
    ok = f != NULL && fprintf(f, "%s\n", hex) > 0;
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    return ok ? 0 : fail(EXIT_CANNOT_CREATE, "%s: cannot be written", path);
}

const struct flag tx_sign_flags[] = {
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"wallet", true, "folder of keys (keys)"},
    {"passphrase-file", true, "file of mode 0600 with the passphrase"},
    {"out", true, "where to write it (the same file)"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};
static const struct flag show_flags[] = {
    {"node", true, "URL of a node, to say whose signatures are missing"},
    {"json", false, "as JSON (it always is)"},
    {NULL, false, NULL},
};

int tx_run_sign(const struct command *c, int argc, char **argv)
{
    struct wallet *w = calloc(1, sizeof *w);
    struct tx *tx = calloc(1, sizeof *tx);
    struct rpc_view view = {0};
    struct buf bytes = {0};
    char passphrase[PASSPHRASE_MAX] = "";
    struct args a;
    bool complete = false;
    const char *path;
    int code = args_read(&a, c, argc, argv);

    ASSERT(w != NULL && tx != NULL);
    if (code == 0 && a.words != 1)
        code = fail(EXIT_USAGE, "usage: equity tx sign FILE [flags]");
    if (code == 0)
        code = tx_file_read(&bytes, tx, a.word[0]);
    if (code == 0)
        code = get_passphrase(passphrase, &a, c);
    if (code == 0 &&
        wallet_open(w, args_value(&a, c, "wallet", "keys"), passphrase) !=
            ERR_NONE)
        code = fail(EXIT_NO_INPUT, "the wallet has no keys that this unlocks");
    memset(passphrase, 0, sizeof passphrase);
    if (code == 0)
        code = args_client(&view.client, &a, c);
    if (code == 0) {
        const struct ledger_view v = rpc_view_of(&view);
        const uint32_t before = tx->sig_count;
        json_t *out = tx_file_show(tx);

        json_object_set_new(
            out, "signers", tx_sign_partly(&complete, tx, &v, w));
        json_object_set_new(out, "added", json_integer(tx->sig_count - before));
        json_object_set_new(out, "complete", json_boolean(complete));
        path = args_value(&a, c, "out", a.word[0]);
        code = tx_file_write(path, tx);
        print_json(out);
        if (code == 0 && tx->sig_count == before)
            code = fail(EXIT_REFUSED, "no key here is needed to sign it");
    }
    rpc_client_free(view.client);
    buf_deinit(&view.rows);
    buf_deinit(&bytes);
    wallet_wipe(w);
    free(w);
    free(tx);
    return code;
}

static int run_show(const struct command *c, int argc, char **argv)
{
    struct tx *tx = calloc(1, sizeof *tx);
    struct rpc_view view = {0};
    struct buf bytes = {0};
    struct args a;
    bool complete = false;
    int code = args_read(&a, c, argc, argv);

    ASSERT(tx != NULL);
    if (code == 0 && a.words != 1)
        code = fail(EXIT_USAGE, "usage: equity tx show FILE [flags]");
    if (code == 0)
        code = tx_file_read(&bytes, tx, a.word[0]);
    if (code == 0) {
        json_t *out = tx_file_show(tx);

        if (args_has(&a, c, "node") &&
            rpc_client_new(&view.client, args_value(&a, c, "node", "")) ==
                ERR_NONE) {
            const struct ledger_view v = rpc_view_of(&view);

            json_object_set_new(
                out, "signers", tx_sign_partly(&complete, tx, &v, NULL));
            json_object_set_new(out, "complete", json_boolean(complete));
        }
        code = print_json(out);
    }
    rpc_client_free(view.client);
    buf_deinit(&view.rows);
    buf_deinit(&bytes);
    free(tx);
    return code;
}

const struct command tx_file_commands[] = {
    {"tx sign",
     "FILE [flags]",
     "Add the signatures that the keys here can give.",
     tx_sign_flags,
     tx_run_sign},
    {"tx show",
     "FILE [flags]",
     "What a transaction in a file says, and who signed.",
     show_flags,
     run_show},
    {NULL, NULL, NULL, NULL, NULL},
};
