#include "cli/import.h"

#include "base/check.h"
#include "base/hex.h"
#include "chain/mtree.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void begin(struct importer *im, struct draft *d)
{
    draft_begin(d, &im->chain_id, im->institution, im->today);
}

/* A new vault entry with fresh salt and nonce. */
static void new_entry(struct importer *im,
                      struct vault_entry *e,
                      const char *id_type,
                      const char *id_number,
                      const char *name,
                      const char *contact)
{
    memset(e, 0, sizeof *e);
    random_bytes(e->nonce, sizeof e->nonce);
    random_bytes(e->salt, sizeof e->salt);
    e->custodian = im->institution;
    e->account = account_id_of(&im->chain_id, e->custodian, e->nonce);
    e->subject_tag = vault_tag(im->consortium_key, id_type, id_number);
    e->identity =
        vault_identity(&e->account, e->salt, id_type, id_number, name);
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->id_type, sizeof e->id_type, "%s", id_type);
    snprintf(e->id_number, sizeof e->id_number, "%s", id_number);
    snprintf(e->contact, sizeof e->contact, "%s", contact);
}

static struct op_account_open open_op(const struct importer *im,
                                      const struct vault_entry *e,
                                      const struct pubkey *key)
{
    struct op_account_open op = {
        .custodian = e->custodian,
        .kind = ACCOUNT_ORDINARY,
        .authority = key != NULL ? AUTHORITY_KEYS : AUTHORITY_PAPER,
        .policy = {.threshold = key != NULL ? 1 : 0,
                   .key_count = key != NULL ? 1 : 0},
        .identity = e->identity,
        .subject_tag = e->subject_tag,
        .document = im->document,
    };

    memcpy(op.nonce, e->nonce, sizeof op.nonce);
    if (key != NULL)
        op.policy.keys[0] = *key;
    return op;
}

static bool account_exists(struct importer *im, const struct hash *id)
{
    const struct ledger_view v = rpc_view_of(im->view);
    const struct row_key key = {.table = TABLE_ACCOUNTS, .key = *id};

    return v.get(v.ctx, &key).size > 0;
}

enum err import_account(struct importer *im,
                        struct hash *out,
                        const char *id_type,
                        const char *id_number,
                        const char *name,
                        const struct pubkey *key,
                        struct outcome *o)
{
    const struct hash tag = vault_tag(im->consortium_key, id_type, id_number);
    const struct vault_entry *known = vault_by_tag(im->vault, &tag);
    struct vault_entry e;
    struct op_account_open op;
    struct draft d;

    memset(o, 0, sizeof *o);
    if (known == NULL) {
        new_entry(im, &e, id_type, id_number, name, "");
        TRY(vault_add(im->vault, &e, true)); /* before it is submitted */
    } else {
        e = *known;
    }
    *out = e.account;
    if (account_exists(im, &e.account))
        return ERR_NONE;
    op = open_op(im, &e, key);
    begin(im, &d);
    draft_add(&d, OP_ACCOUNT_OPEN, &op);
    return tx_do(o, &d, im->view, im->wallet);
}

/* Sends what is drafted and keeps its id for the end of the wave. */
struct wave {
    uint32_t count;
    struct hash ids[64];
};

static enum err wave_send(struct importer *im,
                          struct wave *w,
                          struct draft *d,
                          struct outcome *o)
{
    struct buf tx = {0};
    char why[250];
    enum err e = tx_make(&tx, &o->id, d, im->view, im->wallet, why, sizeof why);

    if (e == ERR_NONE) {
        e = tx_send(o, im->view->client, buf_bytes(&tx), false);
        w->ids[w->count++] = o->id;
    } else {
        snprintf(o->why.name, sizeof o->why.name, "NOT_SENT");
        snprintf(o->why.message, sizeof o->why.message, "%s", why);
    }
    buf_deinit(&tx);
    draft_end(d);
    return e;
}

static enum err wave_end(struct importer *im, struct wave *w, struct outcome *o)
{
    for (uint32_t i = 0; i < w->count; i++) {
        json_t *r =
            rpc_client_call(im->view->client,
                            "tx_wait",
                            json_pack("{s:o, s:s}",
                                      "id",
                                      json_of_hex(w->ids[i].raw, HASH_BYTES),
                                      "timeout_ms",
                                      "60000"),
                            70000,
                            &o->why);
        const char *state = json_string_value(json_object_get(r, "state"));
        const bool final = state != NULL && strcmp(state, "FINAL") == 0;

        if (final)
            (void)json_u64(&o->height, json_object_get(r, "height"));
        json_decref(r);
        if (!final)
            return r == NULL ? ERR_REFUSED : ERR_TIMEOUT;
    }
    w->count = 0;
    if (o->height > im->view->final_height)
        im->view->final_height = o->height;
    o->final = true;
    return ERR_NONE;
}

/* The accounts of the lines, known to the vault or now put into it; which of
 * them the ledger does not have. */
static enum err find_accounts(struct importer *im,
                              const struct csv_register *r,
                              struct hash *accounts,
                              bool *missing,
                              uint32_t *missing_count)
{
    *missing_count = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct csv_line *l = &r->lines[i];
        const struct hash tag =
            vault_tag(im->consortium_key, l->id_type, l->id_number);
        const struct vault_entry *known = vault_by_tag(im->vault, &tag);
        struct vault_entry fresh;

        if (known == NULL) {
            new_entry(
                im, &fresh, l->id_type, l->id_number, l->name, l->contact);
            TRY(vault_add(im->vault, &fresh, false));
            accounts[i] = fresh.account;
            missing[i] = true;
        } else {
            accounts[i] = known->account;
            missing[i] = !account_exists(im, &known->account);
        }
        *missing_count += missing[i] ? 1 : 0;
        progress("  holders", i + 1, r->count);
    }
    return vault_sync(im->vault); /* before anything is submitted */
}

/* Opens what is missing, 32 a transaction, in waves. */
static enum err open_missing(struct importer *im,
                             const struct csv_register *r,
                             const struct hash *accounts,
                             const bool *missing,
                             uint32_t count,
                             struct outcome *o)
{
    struct wave w = {0};
    struct draft d;
    enum err e = ERR_NONE;
    uint32_t in_draft = 0;
    uint32_t done = 0;

    for (uint32_t i = 0; e == ERR_NONE && i < r->count; i++) {
        const struct vault_entry *entry;
        struct op_account_open op;

        if (!missing[i])
            continue;
        entry = vault_by_account(im->vault, &accounts[i]);
        op = open_op(im,
                     entry,
                     im->key_of != NULL
                         ? im->key_of(im->ctx, r->lines[i].id_number)
                         : NULL);
        if (in_draft == 0)
            begin(im, &d);
        draft_add(&d, OP_ACCOUNT_OPEN, &op);
        in_draft++;
        done++;
        if (in_draft == 32 || done == count) {
            e = wave_send(im, &w, &d, o);
            in_draft = 0;
        }
        if (e == ERR_NONE && (w.count == 32 || done == count)) {
            e = wave_end(im, &w, o);
            progress("  accounts", done, count);
        }
    }
    if (in_draft > 0)
        draft_end(&d);
    return e;
}

/* An import that was cut short may have accounts on their way still: then one
 * is refused because it exists by now, and who is missing is found anew. */
static enum err open_accounts(struct importer *im,
                              const struct csv_register *r,
                              struct hash *accounts,
                              struct outcome *o)
{
    enum { ATTEMPTS = 10 };
    bool *missing = calloc(r->count, sizeof missing[0]);
    uint32_t count = 0;
    enum err e;

    ASSERT(missing != NULL);
    for (int attempt = 0;; attempt++) {
        e = find_accounts(im, r, accounts, missing, &count);
        if (e == ERR_NONE)
            e = open_missing(im, r, accounts, missing, count, o);
        if (e != ERR_REFUSED || strcmp(o->why.name, "E_EXISTS") != 0 ||
            attempt == ATTEMPTS)
            break;
        usleep(300000);
    }
    free(missing);
    return e;
}

static struct register_line line_of(const struct csv_line *l,
                                    const struct hash *account)
{
    return (struct register_line){.account = *account,
                                  .nature = l->nature,
                                  .quantity = {l->quantity},
                                  .acquired = l->acquired};
}

static struct hash root_of(const struct csv_register *r,
                           const struct hash *accounts)
{
    struct mtree_log log = {0};

    for (uint32_t i = 0; i < r->count; i++) {
        const struct register_line line = line_of(&r->lines[i], &accounts[i]);
        const struct hash leaf = register_line_leaf(&line);

        mtree_log_append(&log, &leaf);
    }
    return mtree_log_root(&log);
}

/* An import that goes on: the draft has the first *first lines already. Whether
 * they are the same ones, the root tells at the confirmation. */
static bool lines_are_there(const struct outcome *o, uint32_t *first)
{
    uint64_t have;

    if (strcmp(o->why.name, "E_LINES_ORDER") != 0 ||
        !json_u64(&have, json_object_get(o->why.details, "have")) ||
        have <= *first || have > UINT32_MAX)
        return false;
    *first = (uint32_t)have;
    return true;
}

static enum err load_lines(struct importer *im,
                           const struct csv_register *r,
                           const struct hash *accounts,
                           struct outcome *o)
{
    struct op_register_lines *op = malloc(sizeof *op);
    struct wave w = {0};
    enum err e = ERR_NONE;

    ASSERT(op != NULL);
    for (uint32_t first = 0; e == ERR_NONE && first < r->count;) {
        struct draft d;

        memset(op, 0, sizeof *op);
        memcpy(op->security, r->code, sizeof op->security);
        op->first = first;
        while (op->line_count < OP_LINES_MAX &&
               first + op->line_count < r->count) {
            const uint32_t i = first + op->line_count;

            op->lines[op->line_count++] = line_of(&r->lines[i], &accounts[i]);
        }
        begin(im, &d);
        draft_add(&d, OP_REGISTER_LINES, op);
        e = wave_send(im, &w, &d, o);
        if (e == ERR_REFUSED && lines_are_there(o, &first)) {
            e = ERR_NONE;
            w.count = 0;
            continue;
        }
        if (e == ERR_NONE)
            e = wave_end(im, &w, o);
        first += op->line_count;
        progress("  lines", first, r->count);
    }
    free(op);
    return e;
}

/* The draft is open already; unless the register was confirmed before. */
static enum err still_open(struct importer *im,
                           const char *code,
                           struct outcome *o)
{
    const struct ledger_view v = rpc_view_of(im->view);
    const struct row_key key = {.table = TABLE_SECURITIES,
                                .key = security_key(code)};
    struct security_row row;

    if (schema_decode(&row, &security_row_schema, v.get(v.ctx, &key)) !=
        ERR_NONE)
        return ERR_NETWORK;
    if (row.status == SECURITY_DRAFT)
        return ERR_NONE;
    snprintf(o->why.message,
             sizeof o->why.message,
             "its register was confirmed before; nothing was sent. See: equity "
             "register show %s",
             code);
    return ERR_REFUSED;
}

enum err import_register(struct importer *im,
                         const struct csv_register *r,
                         const struct hash *issuer,
                         uint32_t holder_cap,
                         const struct hash *cap_approval,
                         struct outcome *o)
{
    struct op_security_create create = {
        .issuer = *issuer,
        .registrar = im->institution,
        .class = CLASS_ORDINARY,
        .holder_cap = holder_cap,
        .cap_approval = *cap_approval,
        .terms = im->document,
        .document = im->document,
    };
    struct op_register_open open = {
        .issued = {r->total}, .line_count = r->count, .document = im->document};
    struct op_register_confirm confirm = {.document = im->document};
    struct hash *accounts = calloc(r->count, sizeof accounts[0]);
    struct draft d;
    enum err e;

    ASSERT(accounts != NULL);
    memset(o, 0, sizeof *o);
    memcpy(create.code, r->code, sizeof create.code);
    memcpy(open.security, r->code, sizeof open.security);
    memcpy(confirm.security, r->code, sizeof confirm.security);
    begin(im, &d);
    draft_add(&d, OP_SECURITY_CREATE, &create);
    e = tx_do(o, &d, im->view, im->wallet);
    if (e == ERR_REFUSED && strcmp(o->why.name, "E_EXISTS") == 0)
        e = ERR_NONE; /* an import that goes on */
    if (e == ERR_NONE)
        e = open_accounts(im, r, accounts, o);
    if (e == ERR_NONE) {
        open.root = root_of(r, accounts);
        begin(im, &d);
        draft_add(&d, OP_REGISTER_OPEN, &open);
        e = tx_do(o, &d, im->view, im->wallet);
        if (e == ERR_REFUSED && strcmp(o->why.name, "E_SECURITY_STATE") == 0)
            e = still_open(im, r->code, o);
    }
    if (e == ERR_NONE)
        e = load_lines(im, r, accounts, o);
    if (e == ERR_NONE) {
        begin(im, &d);
        draft_add(&d, OP_REGISTER_CONFIRM, &confirm);
        e = tx_do(o, &d, im->view, im->wallet);
    }
    free(accounts);
    return e;
}
