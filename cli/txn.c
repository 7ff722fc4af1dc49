#include "cli/cli.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "crypto/random.h"

#include <stdio.h>
#include <stdlib.h>

/* Making transactions: who must sign, signing, submitting, waiting. */

/* Asks the node for one row; its canonical bytes, in v->rows. */
static struct bytes ask(struct rpc_view *v,
                        const char *method,
                        json_t *params,
                        const char *member,
                        const struct schema *s)
{
    struct rpc_failure why;
    char path[JSON_PATH_MAX];
    json_t *result = rpc_client_call(v->client, method, params, 10000, &why);
    void *row;
    struct writer w;
    bool ok;

    if (result == NULL)
        return bytes_of(NULL, 0);
    row = calloc(1, s->size);
    ASSERT(row != NULL);
    ok = schema_from_json(row, s, json_object_get(result, member), path) ==
         ERR_NONE;
    json_decref(result);
    buf_clear(&v->rows);
    if (ok) {
        buf_append(&v->rows, NULL, ROW_BYTES_MAX);
        w = writer_of(v->rows.at, v->rows.size);
        schema_encode(&w, s, row);
        v->rows.size = w.size;
    }
    free(row);
    return buf_bytes(&v->rows);
}

static uint64_t number_of(const struct hash *key)
{
    uint64_t n = 0;

    for (int i = 0; i < 8; i++)
        n = n << 8 | key->raw[i];
    return n;
}

static struct bytes view_get(void *ctx, const struct row_key *key)
{
    struct rpc_view *v = ctx;
    char code[HASH_BYTES + 1] = "";
    uint16_t number;

    switch ((enum table)key->table) {
    case TABLE_INSTITUTIONS:
        if (!institution_number(&number, &key->key))
            return bytes_of(NULL, 0);
        return ask(v,
                   "institution_get",
                   json_pack("{s:i}", "number", (int)number),
                   "institution",
                   &institution_row_schema);
    case TABLE_ACCOUNTS:
        return ask(
            v,
            "account_get",
            json_pack("{s:o}", "id", json_of_hex(key->key.raw, HASH_BYTES)),
            "account",
            &account_row_schema);
    case TABLE_SECURITIES:
        memcpy(code, key->key.raw, HASH_BYTES);
        return ask(v,
                   "security_get",
                   json_pack("{s:s}", "security", code),
                   "security",
                   &security_row_schema);
    case TABLE_VALIDATORS:
        if (!hash_is_zero(&key->key))
            return bytes_of(NULL, 0);
        return ask(v,
                   "validators_get",
                   json_object(),
                   "validators",
                   &validators_row_schema);
    case TABLE_CANDIDATES:
        if (!institution_number(&number, &key->key))
            return bytes_of(NULL, 0);
        return ask(v,
                   "candidate_get",
                   json_pack("{s:i}", "institution", (int)number),
                   "candidate",
                   &candidate_row_schema);
    case TABLE_PARAMS:
        return ask(
            v, "params_get", json_object(), "params", &params_row_schema);
    case TABLE_PLEDGES:
        memcpy(code, key->tree.raw, HASH_BYTES);
        return ask(v,
                   "pledge_get",
                   json_pack("{s:s, s:o}",
                             "security",
                             code,
                             "number",
                             json_of_u64(number_of(&key->key))),
                   "pledge",
                   &pledge_row_schema);
    case TABLE_SUBJECTS:
    case TABLE_HOLDINGS:
    case TABLE_FREEZES:
    case TABLE_REFERENCES:
    case TABLE_AUTHORITIES:
    case TABLE_CALENDAR:
    case TABLE_DUE:
    case TABLE_DRAFTS:
    case TABLE_CLAIMS:
    case TABLE_EVIDENCE:
    case TABLES_USED:
    case TABLE_SLOTS:
        break;
    }
    return bytes_of(NULL, 0);
}

struct ledger_view rpc_view_of(struct rpc_view *v)
{
    return (struct ledger_view){.ctx = v, .get = view_get};
}

void draft_begin(struct draft *d,
                 const struct hash *chain_id,
                 uint16_t institution,
                 uint32_t day)
{
    memset(d, 0, sizeof *d);
    d->chain_id = *chain_id;
    d->institution = institution;
    d->day = day;
}

void draft_add(struct draft *d, uint8_t kind, const void *op)
{
    const struct op_def *def = op_find(kind);
    struct writer w;
    uint8_t *at;

    ASSERT(def != NULL && d->op_count < TX_OPS_MAX);
    d->at[d->op_count] = d->ops.size;
    at = buf_append(&d->ops, NULL, TX_BYTES_MAX);
    w = writer_of(at, TX_BYTES_MAX);
    op_encode(&w, def, op);
    ASSERT(writer_ok(&w));
    d->ops.size -= TX_BYTES_MAX - w.size;
    d->size[d->op_count++] = w.size;
}

void draft_end(struct draft *d)
{
    buf_deinit(&d->ops);
}

/* Signs for an institution: a maker, and if needed another, checker. */
static bool sign_institution(struct tx *tx,
                             uint8_t principal,
                             const struct institution_row *row,
                             const struct wallet *w,
                             bool both)
{
    for (uint32_t m = 0; m < row->key_count; m++) {
        const struct secret *maker = wallet_find(w, &row->keys[m].key);

        if (maker == NULL || (row->keys[m].roles & KEY_MAKER) == 0)
            continue;
        if (!both)
            return tx_sign(tx, principal, maker) == ERR_NONE;
        for (uint32_t c = 0; c < row->key_count; c++) {
            const struct secret *checker = wallet_find(w, &row->keys[c].key);

            if (c != m && checker != NULL &&
                (row->keys[c].roles & KEY_CHECKER) != 0)
                return tx_sign(tx, principal, maker) == ERR_NONE &&
                       tx_sign(tx, principal, checker) == ERR_NONE;
        }
    }
    return false;
}

static bool sign_need(struct tx *tx,
                      uint8_t principal,
                      const struct need *n,
                      const struct ledger_view *view,
                      const struct wallet *w)
{
    struct institution_row row;
    uint32_t signed_by = 0;

    if (n->how != NEED_KEYS) {
        const struct row_key key = {.table = TABLE_INSTITUTIONS,
                                    .key = n->who.id};
        const struct bytes bytes = view->get(view->ctx, &key);

        return bytes.size > 0 &&
               schema_decode(&row, &institution_row_schema, bytes) ==
                   ERR_NONE &&
               sign_institution(
                   tx, principal, &row, w, n->how == NEED_MAKER_CHECKER);
    }
    for (uint32_t i = 0; i < n->key_count && signed_by < n->threshold; i++) {
        const struct secret *s = wallet_find(w, &n->keys[i]);
        const enum err e =
            s != NULL ? tx_sign(tx, principal, s) : ERR_NOT_FOUND;

        if (e == ERR_NONE || e == ERR_EXISTS)
            signed_by++;
    }
    return signed_by == n->threshold;
}

static int index_of(const struct tx *tx, const struct principal *p)
{
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], p) == 0)
            return (int)i;
    }
    return -1;
}

/* Signs once for each institution that the operations need, and for each need
 * of an account: a rotation needs its old keys and its new ones. */
static enum err sign_all(struct tx *tx,
                         const struct ledger_view *view,
                         const struct wallet *w,
                         char *why,
                         size_t cap)
{
    bool done[TX_PRINCIPALS_MAX] = {false};
    union op_any *op = malloc(sizeof *op);
    enum err e = ERR_NONE;

    ASSERT(op != NULL);
    for (uint32_t i = 0; i < tx->op_count && e == ERR_NONE; i++) {
        const struct op_def *def;
        struct needs n;
        struct hash about;

        if (op_decode(&def, op, tx->ops[i]) != ERR_NONE ||
            needs_of_op(&n, &about, view, &tx->chain_id, def, op) != V_OK) {
            e = ERR_NOT_FOUND;
            break;
        }
        for (uint32_t k = 0; k < n.count && e == ERR_NONE; k++) {
            const int p = index_of(tx, &n.list[k].who);

            if (p < 0 || done[p])
                continue;
            done[p] = n.list[k].how != NEED_KEYS;
            if (!sign_need(tx, (uint8_t)p, &n.list[k], view, w)) {
                snprintf(
                    why, cap, "no key here to sign for: %s", n.list[k].text);
                e = ERR_SIGNATURE;
            }
        }
    }
    free(op);
    if (e == ERR_NONE) {
        struct need filer = {.how = NEED_MAKER};
        int p;

        filer.who = (struct principal){PRINCIPAL_INSTITUTION,
                                       institution_id(tx->institution)};
        p = index_of(tx, &filer.who);
        if (p >= 0 && !done[p] && !sign_need(tx, (uint8_t)p, &filer, view, w)) {
            snprintf(why, cap, "no maker key of the filing institution");
            e = ERR_SIGNATURE;
        }
    }
    return e;
}

enum err tx_make(struct buf *out,
                 struct hash *id,
                 struct draft *d,
                 struct rpc_view *view,
                 const struct wallet *w,
                 char *why,
                 size_t cap)
{
    const struct ledger_view v = rpc_view_of(view);
    struct tx *tx = calloc(1, sizeof *tx);
    struct hash about;
    struct writer writer;
    enum verdict verdict;
    enum err e = ERR_NONE;

    ASSERT(tx != NULL);
    why[0] = '\0';
    tx->chain_id = d->chain_id;
    tx->institution = d->institution;
    tx->reference.day = d->day;
    random_bytes(tx->reference.serial, sizeof tx->reference.serial);
    tx->valid_until = d->day + TX_WINDOW_DAYS;
    random_bytes(tx->salt, sizeof tx->salt);
    tx->op_count = d->op_count;
    for (uint32_t i = 0; i < d->op_count; i++)
        tx->ops[i] = bytes_of(d->ops.at + d->at[i], d->size[i]);
    verdict = needs_principals(tx, &about, &v);
    if (verdict != V_OK) {
        char hex[2 * HASH_BYTES + 1];

        hex_encode(hex, about.raw, HASH_BYTES);
        snprintf(why,
                 cap,
                 "%s: %s (%s)",
                 verdict_name(verdict),
                 verdict_text(verdict),
                 hex);
        free(tx);
        return ERR_NOT_FOUND;
    }
    buf_clear(out);
    buf_append(out, NULL, 2 * TX_BYTES_MAX);
    writer = writer_of(out->at, out->size);
    tx_encode_unsigned(&writer, tx);
    if (!writer_ok(&writer))
        e = ERR_RANGE;
    if (e == ERR_NONE) {
        tx->id = tx_id_of(writer_bytes(&writer));
        *id = tx->id;
        if (d->partly) {
            bool complete;

            json_decref(tx_sign_partly(&complete, tx, &v, w));
        } else {
            e = sign_all(tx, &v, w, why, cap);
        }
    }
    if (e == ERR_NONE) {
        writer = writer_of(out->at, out->size);
        tx_encode(&writer, tx);
        out->size = writer.size;
        if (writer.size > TX_BYTES_MAX) {
            snprintf(why,
                     cap,
                     "the transaction is larger than %d bytes",
                     TX_BYTES_MAX);
            e = ERR_RANGE;
        }
    }
    free(tx);
    return e;
}

static bool read_final(struct outcome *out, json_t *result)
{
    const char *state = json_string_value(json_object_get(result, "state"));

    out->final = state != NULL && strcmp(state, "FINAL") == 0;
    if (out->final)
        (void)json_u64(&out->height, json_object_get(result, "height"));
    return out->final;
}

enum err tx_send(struct outcome *out,
                 struct rpc_client *client,
                 struct bytes tx,
                 bool wait)
{
    char *hex = malloc(2 * tx.size + 1);
    json_t *result;

    ASSERT(hex != NULL);
    out->final = false;
    out->height = 0;
    memset(&out->why, 0, sizeof out->why);
    hex_encode(hex, tx.at, tx.size);
    result = rpc_client_call(
        client, "tx_submit", json_pack("{s:s}", "tx", hex), 20000, &out->why);
    free(hex);
    if (result == NULL)
        return out->why.code > 0 ? ERR_REFUSED : ERR_NETWORK;
    if (!hex_decode(out->id.raw,
                    HASH_BYTES,
                    json_string_value(json_object_get(result, "id"))))
        memset(&out->id, 0, sizeof out->id);
    if (read_final(out, result) || !wait) {
        json_decref(result);
        return ERR_NONE;
    }
    json_decref(result);
    result = rpc_client_call(client,
                             "tx_wait",
                             json_pack("{s:o, s:s}",
                                       "id",
                                       json_of_hex(out->id.raw, HASH_BYTES),
                                       "timeout_ms",
                                       "60000"),
                             70000,
                             &out->why);
    if (result == NULL)
        return out->why.code > 0 ? ERR_REFUSED : ERR_NETWORK;
    if (!read_final(out, result)) {
        json_decref(result);
        snprintf(out->why.name, sizeof out->why.name, "TIMEOUT");
        snprintf(out->why.message,
                 sizeof out->why.message,
                 "not final after 60 s; ask again with tx_get");
        return ERR_TIMEOUT;
    }
    json_decref(result);
    return ERR_NONE;
}

enum err tx_do(struct outcome *out,
               struct draft *d,
               struct rpc_view *view,
               const struct wallet *w)
{
    struct buf tx = {0};
    char why[250];
    enum err e;

    memset(out, 0, sizeof *out);
    e = tx_make(&tx, &out->id, d, view, w, why, sizeof why);
    if (e == ERR_NONE) {
        e = tx_send(out, view->client, buf_bytes(&tx), true);
    } else {
        snprintf(out->why.name, sizeof out->why.name, "NOT_SENT");
        snprintf(out->why.message, sizeof out->why.message, "%s", why);
    }
    buf_deinit(&tx);
    draft_end(d);
    return e;
}

void print_outcome(const struct outcome *o, const char *what)
{
    char hex[2 * HASH_BYTES + 1];
    uint64_t have;
    uint64_t need;

    hex_encode(hex, o->id.raw, HASH_BYTES);
    if (o->final) {
        printf("%s: final at height %llu, id %.16s…\n",
               what,
               (unsigned long long)o->height,
               hex);
        return;
    }
    printf("%s: refused: %s", what, o->why.name);
    if (o->why.code != 0)
        printf(" (%d)", o->why.code);
    printf(": %s", o->why.message);
    if (json_u64(&have, json_object_get(o->why.details, "have")) &&
        json_u64(&need, json_object_get(o->why.details, "need")))
        printf("; have %llu, need %llu",
               (unsigned long long)have,
               (unsigned long long)need);
    printf("\n");
}

enum err chain_of(struct hash *chain_id,
                  uint32_t *today,
                  struct rpc_client *client)
{
    struct rpc_failure why;
    json_t *status = rpc_client_call(client, "node_status", NULL, 5000, &why);
    const char *hex = json_string_value(json_object_get(status, "chain_id"));
    uint64_t time_ms = 0;
    enum err e = ERR_NONE;

    if (hex == NULL || !hex_decode(chain_id->raw, HASH_BYTES, hex))
        e = status == NULL ? ERR_NETWORK : ERR_VERSION;
    if (e == ERR_NONE &&
        !json_u64(&time_ms, json_object_get(status, "business_day")))
        e = ERR_VERSION;
    *today = (uint32_t)time_ms;
    json_decref(status);
    return e;
}
