#include "tests/load/load.h"

#include "base/hex.h"
#include "base/num.h"
#include "chain/mtree.h"
#include "chain/tx.h"
#include "crypto/hash.h"
#include "crypto/keystore.h"
#include "crypto/random.h"
#include "ledger/ops.h"
#include "rpc/schema_json.h"

#include <stdio.h>
#include <stdlib.h>

static bool open_key(struct secret *out, const char *dir, const char *role)
{
    struct keystore_info info;
    char path[256];
    char passphrase[PASSPHRASE_MAX];
    enum err e;

    snprintf(path, sizeof path, "%.200s/passphrase", dir);
    e = passphrase_read_file(passphrase, path);
    snprintf(path, sizeof path, "%.200s/wallet/inst1-%s.key", dir, role);
    if (e == ERR_NONE)
        e = keystore_open(&info, out, path, passphrase);
    if (e != ERR_NONE)
        fprintf(stderr, "load: %s: %s\n", path, err_text(e));
    return e == ERR_NONE;
}

bool load_open(struct load_market *m, struct rpc_client *c, const char *dir)
{
    struct rpc_failure why;
    json_t *status;
    uint64_t day = 0;

    if (!open_key(&m->maker, dir, "maker") ||
        !open_key(&m->checker, dir, "checker"))
        return false;
    status = rpc_client_call(c, "node_status", NULL, 5000, &why);
    if (status == NULL ||
        !hex_decode(m->chain_id.raw,
                    HASH_BYTES,
                    json_string_value(json_object_get(status, "chain_id"))) ||
        !json_u64(&day, json_object_get(status, "business_day")))
        return false;
    m->today = (uint32_t)day;
    json_decref(status);
    return true;
}

static void begin(const struct load_market *m, struct tx *tx)
{
    memset(tx, 0, sizeof *tx);
    tx->chain_id = m->chain_id;
    tx->institution = 1;
    tx->reference.day = m->today;
    random_bytes(tx->reference.serial, SERIAL_BYTES);
    tx->valid_until = m->today + 30;
    random_bytes(tx->salt, SALT_BYTES);
    tx->principals[tx->principal_count++] =
        (struct principal){PRINCIPAL_INSTITUTION, institution_id(1)};
}

static void add_op(
    struct tx *tx, struct buf *room, uint8_t kind, const void *op, size_t most)
{
    uint8_t *at = buf_append(room, NULL, most);
    struct writer w = writer_of(at, most);

    op_encode(&w, op_find(kind), op);
    tx->ops[tx->op_count++] = bytes_of(at, w.size);
}

static void sign(struct tx *tx,
                 const struct principal *p,
                 const struct secret *s)
{
    for (uint8_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], p) == 0 &&
            tx_sign(tx, i, s) != ERR_NONE)
            abort();
    }
}

static void finish(const struct load_market *m,
                   struct tx *tx,
                   struct buf *out,
                   struct hash *id,
                   const uint32_t *holders,
                   uint32_t count)
{
    const struct principal registrar = {PRINCIPAL_INSTITUTION,
                                        institution_id(1)};
    struct writer w;

    for (uint32_t i = 0; i < count; i++)
        tx->principals[tx->principal_count++] =
            (struct principal){PRINCIPAL_ACCOUNT, m->account[holders[i]]};
    tx_sort_principals(tx);
    buf_clear(out);
    buf_append(out, NULL, 2 * TX_BYTES_MAX);
    w = writer_of(out->at, out->size);
    tx_encode_unsigned(&w, tx);
    tx->id = tx_id_of(writer_bytes(&w));
    *id = tx->id;
    for (uint32_t i = 0; i < count; i++) {
        const struct principal p = {PRINCIPAL_ACCOUNT, m->account[holders[i]]};

        sign(tx, &p, &m->holder[holders[i]]);
    }
    sign(tx, &registrar, &m->maker);
    sign(tx, &registrar, &m->checker);
    w = writer_of(out->at, out->size);
    tx_encode(&w, tx);
    out->size = w.size;
}

bool load_submit(struct rpc_client *c,
                 const struct buf *tx,
                 struct rpc_failure *why)
{
    char *hex = malloc(2 * tx->size + 1);
    json_t *r;

    hex_encode(hex, tx->at, tx->size);
    r = rpc_client_call(
        c, "tx_submit", json_pack("{s:s}", "tx", hex), 30000, why);
    free(hex);
    json_decref(r);
    return r != NULL;
}

bool load_wait_final(struct rpc_client *c,
                     const struct hash *id,
                     uint32_t timeout_ms)
{
    struct rpc_failure why;
    json_t *r = rpc_client_call(
        c,
        "tx_wait",
        json_pack("{s:o}", "id", json_of_hex(id->raw, HASH_BYTES)),
        timeout_ms,
        &why);
    const char *state = json_string_value(json_object_get(r, "state"));
    const bool final = state != NULL && strcmp(state, "FINAL") == 0;

    json_decref(r);
    return final;
}

static bool settle_by_rpc(void *ctx,
                          const struct buf *tx,
                          const struct hash *id)
{
    struct rpc_client *c = ctx;
    struct rpc_failure why = {0};

    if (load_submit(c, tx, &why) && load_wait_final(c, id, 60000))
        return true;
    fprintf(stderr, "load: %s: %s\n", why.name, why.message);
    return false;
}

/* Accounts with keys, one security, everybody has shares. */
bool load_make_by(struct load_market *m, load_settle_fn settle, void *ctx)
{
    struct tx *tx = malloc(sizeof *tx);
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct op_security_create create = {.code = "BENCH",
                                        .registrar = 1,
                                        .class = CLASS_ORDINARY,
                                        .cap_approval = {{1}},
                                        .document = {{1}}};
    struct op_register_open open = {.security = "BENCH",
                                    .issued = {LOAD_HOLDERS * 1000000u},
                                    .line_count = LOAD_HOLDERS};
    struct op_register_confirm confirm = {.security = "BENCH"};
    struct mtree_log log = {0};
    struct buf room = {0};
    struct buf out = {0};
    const uint32_t issuer[1] = {0};
    struct hash id;
    bool ok = true;

    memcpy(lines->security, "BENCH", 6);
    lines->line_count = LOAD_HOLDERS;
    buf_reserve(&room, 1 << 20);
    for (uint32_t first = 0; first < LOAD_HOLDERS && ok; first += 32) {
        uint32_t who[32];

        begin(m, tx);
        room.size = 0;
        for (uint32_t k = 0; k < 32; k++) {
            struct op_account_open op = {
                .custodian = 1,
                .kind = ACCOUNT_ORDINARY,
                .authority = AUTHORITY_KEYS,
                .policy = {.threshold = 1, .key_count = 1}};
            const uint32_t i = first + k;
            struct hash leaf;

            who[k] = i;
            random_bytes(op.nonce, sizeof op.nonce);
            random_bytes(op.identity.raw, HASH_BYTES);
            random_bytes(op.subject_tag.raw, HASH_BYTES);
            if (key_new(&m->holder[i]) != ERR_NONE ||
                key_public(&op.policy.keys[0], &m->holder[i]) != ERR_NONE)
                abort();
            m->account[i] = account_id_of(&m->chain_id, 1, op.nonce);
            add_op(tx, &room, OP_ACCOUNT_OPEN, &op, 4096);
            lines->lines[i] = (struct register_line){.account = m->account[i],
                                                     .quantity = {1000000}};
            leaf = register_line_leaf(&lines->lines[i]);
            mtree_log_append(&log, &leaf);
        }
        finish(m, tx, &out, &id, who, 32);
        ok = settle(ctx, &out, &id);
    }
    create.issuer = m->account[0];
    open.root = mtree_log_root(&log);
    begin(m, tx);
    room.size = 0;
    add_op(tx, &room, OP_SECURITY_CREATE, &create, 4096);
    add_op(tx, &room, OP_REGISTER_OPEN, &open, 4096);
    add_op(tx, &room, OP_REGISTER_LINES, lines, 60000);
    add_op(tx, &room, OP_REGISTER_CONFIRM, &confirm, 4096);
    finish(m, tx, &out, &id, issuer, 1);
    ok = ok && settle(ctx, &out, &id);
    buf_deinit(&room);
    buf_deinit(&out);
    free(lines);
    free(tx);
    return ok;
}

bool load_make(struct load_market *m, struct rpc_client *c)
{
    return load_make_by(m, settle_by_rpc, c);
}

void load_transfer(const struct load_market *m,
                   struct buf *out,
                   struct hash *id,
                   uint32_t number)
{
    struct tx *tx = malloc(sizeof *tx);
    const uint32_t from = number % LOAD_HOLDERS;
    const uint32_t to =
        (number + 1 + number / LOAD_HOLDERS % (LOAD_HOLDERS - 1)) %
        LOAD_HOLDERS;
    const uint32_t who[2] = {from, to};
    struct op_transfer op = {.security = "BENCH",
                             .from = m->account[from],
                             .to = m->account[to],
                             .quantity = {1 + number % 50},
                             .selector = {NATURE_ANY, 0, 0},
                             .price_fen = 100,
                             .payment = {{1}}};
    struct buf room = {0};

    buf_reserve(&room, 4096);
    begin(m, tx);
    add_op(tx, &room, OP_TRANSFER, &op, 4096);
    finish(m, tx, out, id, who, 2);
    buf_deinit(&room);
    free(tx);
}
