#include "cli/import.h"

#include "base/check.h"
#include "base/hex.h"
#include "chain/mtree.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

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
    e->identity = vault_identity(e->salt, id_type, id_number, name);
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
    o->final = true;
    return ERR_NONE;
}

/* Opens what accounts are missing, 32 a transaction, in waves. */
static enum err open_accounts(struct importer *im,
                              const struct csv_register *r,
                              struct hash *accounts,
                              struct outcome *o)
{
    bool *missing = calloc(r->count, sizeof missing[0]);
    struct wave w = {0};
    struct draft d;
    enum err e = ERR_NONE;
    uint32_t in_draft = 0;

    ASSERT(missing != NULL);
    for (uint32_t i = 0; e == ERR_NONE && i < r->count; i++) {
        const struct csv_line *l = &r->lines[i];
        const struct hash tag =
            vault_tag(im->consortium_key, l->id_type, l->id_number);
        const struct vault_entry *known = vault_by_tag(im->vault, &tag);
        struct vault_entry fresh;

        if (known == NULL) {
            new_entry(
                im, &fresh, l->id_type, l->id_number, l->name, l->contact);
            e = vault_add(im->vault, &fresh, false);
            accounts[i] = fresh.account;
            missing[i] = true;
        } else {
            accounts[i] = known->account;
            missing[i] = !account_exists(im, &known->account);
        }
    }
    if (e == ERR_NONE)
        e = vault_sync(im->vault); /* before anything is submitted */
    for (uint32_t i = 0; e == ERR_NONE && i < r->count; i++) {
        const bool last = i + 1 == r->count;

        if (missing[i]) {
            const struct vault_entry *entry =
                vault_by_account(im->vault, &accounts[i]);
            const struct pubkey *key =
                im->key_of != NULL ? im->key_of(im->ctx, r->lines[i].id_number)
                                   : NULL;
            const struct op_account_open op = open_op(im, entry, key);

            if (in_draft == 0)
                begin(im, &d);
            draft_add(&d, OP_ACCOUNT_OPEN, &op);
            in_draft++;
        }
        if (in_draft == 32 || (last && in_draft > 0)) {
            e = wave_send(im, &w, &d, o);
            in_draft = 0;
        }
        if (e == ERR_NONE && (w.count == 32 || last)) {
            e = wave_end(im, &w, o);
            progress("  accounts", i + 1, r->count);
        }
    }
    if (in_draft > 0)
        draft_end(&d);
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
            e = ERR_NONE; /* open already; or no draft, which the lines tell */
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

/* Columns on a terminal: a CJK character takes two. */
int text_width(const char *utf8)
{
    int width = 0;

    for (const uint8_t *p = (const uint8_t *)utf8; *p != 0; p++) {
        if ((*p & 0xc0) == 0x80)
            continue;
        width += *p >= 0xe2 ? 2 : 1;
    }
    return width;
}

void print_cell(const char *utf8, int width)
{
    int n = text_width(utf8);

    fputs(utf8, stdout);
    for (; n < width; n++)
        putchar(' ');
}

static void print_number(json_t *row, const char *member)
{
    const char *text = json_string_value(json_object_get(row, member));

    printf(" %14s", text != NULL ? text : "-");
}

static void print_holder(json_t *row, const struct vault *vault)
{
    const char *hex = json_string_value(json_object_get(row, "account"));
    const struct vault_entry *e = NULL;
    struct hash id;
    char text[20];

    if (vault != NULL && hex != NULL && hex_decode(id.raw, HASH_BYTES, hex))
        e = vault_by_account(vault, &id);
    snprintf(text, sizeof text, "%.16s", hex != NULL ? hex : "?");
    print_cell(text, 18);
    print_cell(e != NULL ? e->name : "", 30);
    print_number(row, "total");
    print_number(row, "available");
    print_number(row, "pledged");
    print_number(row, "frozen");
    printf("\n");
}

int show_register(struct rpc_client *client,
                  const char *code,
                  json_t *when,
                  const struct vault *vault,
                  uint32_t most)
{
    struct rpc_failure why;
    const char *after = NULL;
    char after_text[2 * HASH_BYTES + 1];
    uint64_t sum = 0;
    uint64_t holders = 0;
    uint64_t issued = 0;
    uint64_t height = 0;
    json_t *params = json_pack("{s:s}", "security", code);
    json_t *security;

    if (when != NULL)
        json_object_update(params, when);
    security = rpc_client_call(client, "security_get", params, 10000, &why);
    if (security == NULL)
        return fail(EXIT_NO_INPUT, "%s: %s", code, why.message);
    (void)json_u64(&height, json_object_get(security, "height"));
    (void)json_u64(
        &issued,
        json_object_get(json_object_get(security, "security"), "issued"));
    json_decref(security);
    print_cell("account", 18);
    print_cell("holder", 30);
    printf(" %14s %14s %14s %14s\n", "total", "available", "pledged", "frozen");
    for (;;) {
        json_t *page;
        json_t *row;
        size_t i;

        params = json_pack("{s:s, s:s, s:o}",
                           "security",
                           code,
                           "limit",
                           "500",
                           "height",
                           json_of_u64(height));

        if (after != NULL)
            json_object_set_new(params, "after", json_string(after));
        page = rpc_client_call(client, "register_list", params, 20000, &why);
        if (page == NULL)
            return fail(EXIT_UNAVAILABLE, "%s", why.message);
        json_array_foreach(json_object_get(page, "holdings"), i, row)
        {
            uint64_t total = 0;

            (void)json_u64(&total, json_object_get(row, "total"));
            sum += total;
            holders += total > 0 ? 1 : 0;
            if (holders <= most)
                print_holder(row, vault);
        }
        after = json_string_value(json_object_get(page, "next"));
        if (after != NULL) {
            snprintf(after_text, sizeof after_text, "%s", after);
            after = after_text;
        }
        json_decref(page);
        if (after == NULL)
            break;
    }
    if (holders > most)
        printf("… %llu more\n", (unsigned long long)(holders - most));
    printf("control total at height %llu: %llu holders, %llu shares, issued "
           "%llu: %s\n",
           (unsigned long long)height,
           (unsigned long long)holders,
           (unsigned long long)sum,
           (unsigned long long)issued,
           sum == issued ? "equal" : "DIFFERENT");
    return sum == issued ? 0 : EXIT_DATA;
}

void print_position(struct rpc_client *client,
                    const char *code,
                    const struct hash *account,
                    const char *name)
{
    struct rpc_failure why;
    json_t *r =
        rpc_client_call(client,
                        "holding_get",
                        json_pack("{s:s, s:o}",
                                  "security",
                                  code,
                                  "account",
                                  json_of_hex(account->raw, HASH_BYTES)),
                        10000,
                        &why);
    json_t *h = json_object_get(r, "holding");
    static const char *const members[] = {
        "total", "available", "pledged", "frozen"};

    printf("    register says: ");
    print_cell(name, 22);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const char *text = json_string_value(json_object_get(h, members[i]));

        printf(" %s %s%s",
               members[i],
               text != NULL ? text : "0",
               i + 1 < ARRAY_LEN(members) ? "," : "");
    }
    printf("\n");
    json_decref(r);
}
