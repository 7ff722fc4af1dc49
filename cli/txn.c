#include "cli/cli.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "crypto/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Making transactions: who must sign, signing, submitting, waiting. */

json_t *rpc_view_call(struct rpc_view *v,
                      const char *method,
                      json_t *params,
                      struct rpc_failure *why)
{
    enum { WAIT_US = 5000, TIMES = 2000 };
    json_t *result = NULL;

    if (v->final_height > 0)
        json_object_set_new(params, "min_height", json_of_u64(v->final_height));
    for (int i = 0; i < TIMES && result == NULL; i++) {
        result =
            rpc_client_call(v->client, method, json_incref(params), 20000, why);
        if (result != NULL || strcmp(why->name, "E_BEHIND") != 0)
            break;
        usleep(WAIT_US);
    }
    json_decref(params);
    return result;
}

static struct bytes keep_row(struct rpc_view *v,
                             const struct schema *s,
                             const void *row)
{
    struct writer w;

    buf_clear(&v->rows);
    buf_append(&v->rows, NULL, ROW_BYTES_MAX);
    w = writer_of(v->rows.at, v->rows.size);
    schema_encode(&w, s, row);
    v->rows.size = w.size;
    return buf_bytes(&v->rows);
}

/* Asks the node for one row; its canonical bytes, in v->rows. */
static struct bytes ask(struct rpc_view *v,
                        const char *method,
                        json_t *params,
                        const char *member,
                        const struct schema *s)
{
    struct rpc_failure why;
    char path[JSON_PATH_MAX];
    json_t *result = rpc_view_call(v, method, params, &why);
    struct bytes out = bytes_of(NULL, 0);
    void *row;

    if (result == NULL)
        return out;
    row = calloc(1, s->size);
    ASSERT(row != NULL);
    if (schema_from_json(row, s, json_object_get(result, member), path) ==
        ERR_NONE)
        out = keep_row(v, s, row);
    json_decref(result);
    free(row);
    return out;
}

static uint64_t number_of(const struct hash *key)
{
    uint64_t n = 0;

    for (int i = 0; i < 8; i++)
        n = n << 8 | key->raw[i];
    return n;
}

/* Of a validator of the set in force. */
static struct bytes ready_row(struct rpc_view *v, const struct hash *id)
{
    struct rpc_failure why;
    json_t *answer = rpc_view_call(v, "validators_get", json_object(), &why);
    const struct schema *s = &ready_row_schema;
    struct ready_row row;
    char path[JSON_PATH_MAX];
    struct bytes out = bytes_of(NULL, 0);
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(answer, "ready"), i, one)
    {
        struct hash is;

        if (schema_from_json(&row, s, one, path) != ERR_NONE)
            continue;
        is = validator_id(&row.key);
        if (hash_eq(&is, id)) {
            out = keep_row(v, s, &row);
            break;
        }
    }
    json_decref(answer);
    return out;
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
    case TABLE_READY:
        return ready_row(v, &key->key);
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
    case TABLE_SHARED:
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

/* Signs; with every signature that is needed, or says which is not there. */
static enum err sign_all(struct tx *tx,
                         const struct ledger_view *view,
                         const struct wallet *w,
                         char *why,
                         size_t cap)
{
    bool complete;
    json_t *list = tx_sign_partly(&complete, tx, view, w);
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (json_is_true(json_object_get(one, "signed")))
            continue;
        snprintf(why,
                 cap,
                 "no key here to sign for: %s",
                 json_string_value(json_object_get(one, "signer")));
        break;
    }
    json_decref(list);
    return complete ? ERR_NONE : ERR_SIGNATURE;
}

static bool has_governance(const struct tx *tx)
{
    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def = op_find(tx->ops[i].at[0]);

        for (int k = 0; def != NULL && k < OP_SIGNERS_MAX; k++) {
            if (def->signers[k].who == SIGNER_GOVERNANCE)
                return true;
        }
    }
    return false;
}

/* The institutions whose operators are to sign governance stand in what is
 * signed: those named, or a quorum of those that run a validator, first the
 * ones that the wallet can sign for. */
static enum verdict add_governors(struct tx *tx,
                                  const struct draft *d,
                                  const struct ledger_view *view,
                                  const struct wallet *w)
{
    const struct row_key key = {.table = TABLE_VALIDATORS};
    struct validators_row row;
    uint16_t list[VALIDATORS_MAX];
    uint32_t count = d->governor_count;

    memcpy(list, d->governors, sizeof list);
    if (count == 0) {
        if (schema_decode(&row,
                          &validators_row_schema,
                          view->get(view->ctx, &key)) != ERR_NONE ||
            row.set.count == 0)
            return V_UNKNOWN;
        count = tx_governors(list, &row.set, view, w);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct principal p = {PRINCIPAL_INSTITUTION,
                                    institution_id(list[i])};
        bool there = false;

        for (uint32_t k = 0; k < tx->principal_count; k++)
            there = there || principal_cmp(&tx->principals[k], &p) == 0;
        if (there)
            continue;
        if (tx->principal_count >= TX_PRINCIPALS_MAX)
            return V_LIMIT;
        tx->principals[tx->principal_count++] = p;
    }
    tx_sort_principals(tx);
    return V_OK;
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
    if (verdict == V_OK && has_governance(tx))
        verdict = add_governors(tx, d, &v, w);
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
        if (out->final && out->height > view->final_height)
            view->final_height = out->height;
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
