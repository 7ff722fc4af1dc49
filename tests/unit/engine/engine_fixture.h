/* engine_fixture.h - a small chain: one institution that is registrar and
 * custodian, holders on paper, and transactions signed by its two keys. */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H

#include "base/check.h"
#include "engine/engine.h"
#include "ledger/ops.h"

#include <stdlib.h>

enum {
    FIXTURE_DAY = 20000,
    FIXTURE_DAY_MS = 86400000,
    FIXTURE_TXS_MAX = 512,
};

/* Noon of the first day, without an offset. */
static const uint64_t FIXTURE_TIME =
    (uint64_t)FIXTURE_DAY * FIXTURE_DAY_MS + FIXTURE_DAY_MS / 2;

struct fixture {
    struct genesis *genesis;
    struct engine *e;
    struct hash chain_id;
    struct secret maker;
    struct secret checker;
    uint32_t tx_count;
    struct tx *txs[FIXTURE_TXS_MAX];
    uint8_t *bytes[FIXTURE_TXS_MAX];
};

static inline struct pubkey fixture_key(struct secret *secret, uint8_t n)
{
    struct pubkey key;
    enum err failed;

    memset(secret, 0, sizeof *secret);
    secret->raw[31] = n;
    failed = key_public(&key, secret);
    ASSERT(failed == ERR_NONE);
    return key;
}

static inline void fixture_init(struct fixture *f)
{
    struct genesis *g = calloc(1, sizeof *g);
    struct secret other;
    enum err failed;
    const char *why;

    ASSERT(g != NULL);
    memset(f, 0, sizeof *f);
    g->format = GENESIS_FORMAT;
    g->time_ms = FIXTURE_TIME;
    genesis_defaults(&g->params);
    g->institution_count = 1;
    g->institutions[0] = (struct genesis_institution){
        .number = 1,
        .code = "REG",
        .roles = ROLE_REGISTRAR | ROLE_MEMBER,
        .key_count = 3,
        .keys = {{fixture_key(&f->maker, 1), KEY_MAKER},
                 {fixture_key(&f->checker, 2), KEY_CHECKER},
                 {fixture_key(&other, 3), KEY_OPERATOR}}};
    g->validator_count = 1;
    g->validators[0].key = fixture_key(&other, 4);
    g->validators[0].institution = 1;
    g->authority_count = 1;
    g->authorities[0] = (struct genesis_authority){
        .code = "COURT1", .type = AUTHORITY_COURT, .superior = "COURT1"};
    failed = genesis_check(g, &why);
    ASSERT(failed == ERR_NONE);
    failed = genesis_chain_id(&f->chain_id, g);
    ASSERT(failed == ERR_NONE);
    f->genesis = g;
    f->e = engine_new(g);
}

static inline void fixture_deinit(struct fixture *f)
{
    engine_free(f->e);
    for (uint32_t i = 0; i < f->tx_count; i++) {
        free(f->txs[i]);
        free(f->bytes[i]);
    }
    free(f->genesis);
}

/* A signed transaction of one operation; owned by f. */
static inline const struct tx *fixture_tx_on(struct fixture *f,
                                             uint32_t day,
                                             uint8_t kind,
                                             const void *op)
{
    static uint8_t op_bytes[TX_BYTES_MAX];
    struct tx *tx = calloc(1, sizeof *tx);
    uint8_t *out = malloc(TX_BYTES_MAX);
    struct writer w = writer_of(op_bytes, sizeof op_bytes);
    enum err failed;

    ASSERT(tx != NULL && out != NULL && f->tx_count < FIXTURE_TXS_MAX);
    op_encode(&w, op_find(kind), op);
    ASSERT(writer_ok(&w));
    tx->chain_id = f->chain_id;
    tx->institution = 1;
    tx->reference.day = day;
    memcpy(tx->reference.serial, &f->tx_count, sizeof f->tx_count);
    tx->valid_until = day + TX_WINDOW_DAYS;
    tx->salt[0] = (uint8_t)f->tx_count;
    tx->principal_count = 1;
    tx->principals[0] =
        (struct principal){PRINCIPAL_INSTITUTION, institution_id(1)};
    tx->op_count = 1;
    tx->ops[0] = writer_bytes(&w);
    w = writer_of(out, TX_BYTES_MAX);
    tx_encode_unsigned(&w, tx);
    tx->id = tx_id_of(writer_bytes(&w));
    failed = tx_sign(tx, 0, &f->maker);
    ASSERT(failed == ERR_NONE);
    failed = tx_sign(tx, 0, &f->checker);
    ASSERT(failed == ERR_NONE);
    w = writer_of(out, TX_BYTES_MAX);
    tx_encode(&w, tx);
    ASSERT(writer_ok(&w));
    failed = tx_decode(tx, writer_bytes(&w));
    ASSERT(failed == ERR_NONE);
    f->bytes[f->tx_count] = out;
    f->txs[f->tx_count++] = tx;
    return tx;
}

static inline const struct tx *fixture_tx(struct fixture *f,
                                          uint8_t kind,
                                          const void *op)
{
    return fixture_tx_on(f, FIXTURE_DAY, kind, op);
}

static inline struct op_account_open fixture_account(uint8_t n)
{
    struct op_account_open op = {.custodian = 1,
                                 .nonce = {n},
                                 .kind = ACCOUNT_ORDINARY,
                                 .authority = AUTHORITY_PAPER};

    op.identity.raw[0] = n;
    op.subject_tag.raw[0] = n;
    op.document.raw[0] = 1;
    return op;
}

static inline struct hash fixture_account_id(const struct fixture *f, uint8_t n)
{
    const struct op_account_open op = fixture_account(n);

    return account_id_of(&f->chain_id, op.custodian, op.nonce);
}

static inline const struct tx *fixture_open(struct fixture *f, uint8_t n)
{
    const struct op_account_open op = fixture_account(n);

    return fixture_tx(f, OP_ACCOUNT_OPEN, &op);
}

static inline const struct tx *fixture_transfer(struct fixture *f,
                                                uint8_t from,
                                                uint8_t to,
                                                uint64_t shares)
{
    struct op_transfer op = {.security = "S",
                             .from = fixture_account_id(f, from),
                             .to = fixture_account_id(f, to),
                             .quantity = {shares},
                             .selector = {NATURE_ANY, 0, 0},
                             .price_fen = 100,
                             .payment = {{1}}};

    op.document.raw[0] = 1;
    return fixture_tx(f, OP_TRANSFER, &op);
}

static inline const struct tx *fixture_freeze(struct fixture *f,
                                              uint8_t account,
                                              uint64_t shares)
{
    struct op_freeze_create op = {.security = "S",
                                  .account = fixture_account_id(f, account),
                                  .authority = "COURT1",
                                  .service_ms = FIXTURE_TIME,
                                  .from = FIXTURE_DAY,
                                  .to = FIXTURE_DAY + 100,
                                  .quantity = {shares}};

    op.document.raw[0] = 1;
    return fixture_tx(f, OP_FREEZE_CREATE, &op);
}

/* Builds a block of txs on the tip and makes it the tip; all must be taken. */
static inline void fixture_block(struct fixture *f,
                                 const struct tx *const *txs,
                                 uint32_t count)
{
    struct engine_candidate_tx offered[16] = {{0}};
    const struct executed_block *b;

    ASSERT(count <= 16);
    for (uint32_t i = 0; i < count; i++)
        offered[i].tx = txs[i];
    engine_build(
        f->e, &b, 1, 0, engine_tip(f->e)->time_ms + 1000, offered, count);
    ASSERT(b != NULL && b->header.tx_count == count);
    (void)engine_commit(f->e, &b->hash);
}

/* Accounts 1 to 4; security S with 1,000 shares of 1 and 500 of 2.  Ends at
 * height 4. */
static inline void fixture_fill(struct fixture *f)
{
    const struct tx *txs[4];
    struct op_security_create security = {.code = "S",
                                          .registrar = 1,
                                          .class = CLASS_ORDINARY,
                                          .holder_cap = 200,
                                          .document = {{1}}};
    struct op_register_open open = {
        .security = "S", .issued = {1500}, .line_count = 2};
    struct op_register_confirm confirm = {.security = "S"};
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct hash leaves[2];

    ASSERT(lines != NULL);
    for (uint8_t i = 0; i < 4; i++)
        txs[i] = fixture_open(f, (uint8_t)(i + 1));
    fixture_block(f, txs, 4);
    security.issuer = fixture_account_id(f, 3);
    security.document.raw[0] = 1;
    memcpy(lines->security, "S", 2);
    lines->line_count = 2;
    for (uint8_t i = 0; i < 2; i++) {
        lines->lines[i].account = fixture_account_id(f, (uint8_t)(i + 1));
        lines->lines[i].quantity.shares = i == 0 ? 1000 : 500;
        leaves[i] = register_line_leaf(&lines->lines[i]);
    }
    open.root = mtree_root(leaves, 2);
    open.document.raw[0] = 1;
    confirm.document.raw[0] = 1;
    txs[0] = fixture_tx(f, OP_SECURITY_CREATE, &security);
    fixture_block(f, txs, 1);
    txs[0] = fixture_tx(f, OP_REGISTER_OPEN, &open);
    fixture_block(f, txs, 1);
    txs[0] = fixture_tx(f, OP_REGISTER_LINES, lines);
    txs[1] = fixture_tx(f, OP_REGISTER_CONFIRM, &confirm);
    fixture_block(f, txs, 2);
    free(lines);
}

#endif /* TESTS_ENGINE_FIXTURE_H */
