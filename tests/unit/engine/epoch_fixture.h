/* epoch_fixture.h - a chain of validators 1 to 4 with institutions 1 to 8, and
 * the transactions that change who validates. */
#ifndef TESTS_EPOCH_FIXTURE_H
#define TESTS_EPOCH_FIXTURE_H

#include "base/check.h"
#include "engine/engine.h"
#include "ledger/ops.h"

#include <stdlib.h>

enum {
    EPOCH_DAY = 20000,
    EPOCH_INSTITUTIONS = 8,
    EPOCH_VALIDATORS = 4,
    EPOCH_TXS_MAX = 64,
};

enum epoch_key_use {
    USE_MAKER = 1,
    USE_CHECKER = 2,
    USE_OPERATOR = 3,
    USE_CONSENSUS = 4,
    USE_CONSENSUS_NEW = 5, /* after a rotation */
};

struct epochs {
    struct genesis *genesis;
    struct engine *e;
    struct hash chain_id;
    uint32_t tx_count;
    struct tx *txs[EPOCH_TXS_MAX];
    uint8_t *bytes[EPOCH_TXS_MAX];
};

static inline struct secret epoch_secret(uint16_t institution,
                                         enum epoch_key_use use)
{
    struct secret s = {{0}};

    s.raw[30] = (uint8_t)institution;
    s.raw[31] = (uint8_t)use;
    return s;
}

static inline struct pubkey epoch_pubkey(uint16_t institution,
                                         enum epoch_key_use use)
{
    const struct secret s = epoch_secret(institution, use);
    struct pubkey key;
    const enum err failed = key_public(&key, &s);

    ASSERT(failed == ERR_NONE);
    return key;
}

static inline struct hash epoch_spki(uint16_t institution)
{
    struct hash h = {{(uint8_t)institution, 7}};

    return h;
}

static inline int epoch_order(const void *a, const void *b)
{
    return memcmp(a, b, PUBKEY_BYTES); /* the key is first */
}

static inline struct genesis *epoch_genesis(uint32_t validators)
{
    struct genesis *g = calloc(1, sizeof *g);
    enum err failed;
    const char *why;

    ASSERT(g != NULL);
    g->format = GENESIS_FORMAT;
    g->time_ms = (uint64_t)EPOCH_DAY * 86400000 + 43200000;
    genesis_defaults(&g->params);
    g->institution_count = EPOCH_INSTITUTIONS;
    for (uint16_t i = 1; i <= EPOCH_INSTITUTIONS; i++) {
        struct genesis_institution *x = &g->institutions[i - 1];

        *x = (struct genesis_institution){
            .number = i,
            .code = "I0",
            .roles = ROLE_REGISTRAR,
            .key_count = 3,
            .keys = {{epoch_pubkey(i, USE_MAKER), KEY_MAKER},
                     {epoch_pubkey(i, USE_CHECKER), KEY_CHECKER},
                     {epoch_pubkey(i, USE_OPERATOR), KEY_OPERATOR}}};
        x->code[1] = (char)('0' + i);
    }
    g->validator_count = validators;
    for (uint16_t i = 1; i <= validators; i++)
        g->validators[i - 1] = (struct validator){
            epoch_pubkey(i, USE_CONSENSUS), epoch_spki(i), i};
    qsort(g->validators, validators, sizeof g->validators[0], epoch_order);
    failed = genesis_check(g, &why);
    ASSERT(failed == ERR_NONE);
    return g;
}

static inline void epochs_init(struct epochs *f)
{
    enum err failed;

    memset(f, 0, sizeof *f);
    f->genesis = epoch_genesis(EPOCH_VALIDATORS);
    failed = genesis_chain_id(&f->chain_id, f->genesis);
    ASSERT(failed == ERR_NONE);
    f->e = engine_new(f->genesis);
}

static inline void epochs_deinit(struct epochs *f)
{
    engine_free(f->e);
    for (uint32_t i = 0; i < f->tx_count; i++) {
        free(f->txs[i]);
        free(f->bytes[i]);
    }
    free(f->genesis);
}

/* Adds a principal unless it is there. */
static inline void epoch_principal(struct tx *tx, struct principal p)
{
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], &p) == 0)
            return;
    }
    tx->principals[tx->principal_count++] = p;
}

static inline void epoch_sign(struct tx *tx,
                              struct principal p,
                              const struct secret *secret)
{
    uint8_t at = 0;
    enum err failed;

    while (principal_cmp(&tx->principals[at], &p) != 0)
        at++;
    failed = tx_sign(tx, at, secret);
    ASSERT(failed == ERR_NONE);
}

static inline struct principal epoch_institution(uint16_t number)
{
    return (struct principal){PRINCIPAL_INSTITUTION, institution_id(number)};
}

/* A transaction of one operation, filed for `institution`, signed by the
 * operators of the institutions in the list (ends with 0); an announced
 * validator's own if validator is not NULL.  Owned by f. */
static inline const struct tx *epoch_tx(struct epochs *f,
                                        uint16_t institution,
                                        uint8_t kind,
                                        const void *op,
                                        const uint16_t *operators,
                                        const struct secret *validator)
{
    static uint8_t op_bytes[TX_BYTES_MAX];
    struct tx *tx = calloc(1, sizeof *tx);
    uint8_t *out = malloc(TX_BYTES_MAX);
    struct writer w = writer_of(op_bytes, sizeof op_bytes);
    const struct secret maker = epoch_secret(institution, USE_MAKER);
    struct principal own = {.kind = PRINCIPAL_VALIDATOR};
    enum err failed;

    ASSERT(tx != NULL && out != NULL && f->tx_count < EPOCH_TXS_MAX);
    op_encode(&w, op_find(kind), op);
    tx->chain_id = f->chain_id;
    tx->institution = institution;
    tx->reference.day = EPOCH_DAY;
    memcpy(tx->reference.serial, &f->tx_count, sizeof f->tx_count);
    tx->valid_until = EPOCH_DAY + TX_WINDOW_DAYS;
    tx->op_count = 1;
    tx->ops[0] = writer_bytes(&w);
    if (validator != NULL) {
        struct pubkey key;

        failed = key_public(&key, validator);
        ASSERT(failed == ERR_NONE);
        own.id = validator_id(&key);
        epoch_principal(tx, own);
    } else {
        epoch_principal(tx, epoch_institution(institution));
    }
    for (const uint16_t *i = operators; *i != 0; i++)
        epoch_principal(tx, epoch_institution(*i));
    tx_sort_principals(tx);
    w = writer_of(out, TX_BYTES_MAX);
    tx_encode_unsigned(&w, tx);
    tx->id = tx_id_of(writer_bytes(&w));
    if (validator != NULL)
        epoch_sign(tx, own, validator);
    else
        epoch_sign(tx, epoch_institution(institution), &maker);
    for (const uint16_t *i = operators; *i != 0; i++) {
        const struct secret operator_ = epoch_secret(*i, USE_OPERATOR);

        epoch_sign(tx, epoch_institution(*i), &operator_);
    }
    w = writer_of(out, TX_BYTES_MAX);
    tx_encode(&w, tx);
    ASSERT(writer_ok(&w));
    failed = tx_decode(tx, writer_bytes(&w));
    ASSERT(failed == ERR_NONE);
    f->bytes[f->tx_count] = out;
    f->txs[f->tx_count++] = tx;
    return tx;
}

static inline const struct tx *epoch_announce(struct epochs *f,
                                              uint16_t institution,
                                              enum epoch_key_use use)
{
    const struct op_validator_announce op = {
        institution, epoch_pubkey(institution, use), epoch_spki(institution)};
    const uint16_t operators[] = {institution, 0};

    return epoch_tx(
        f, institution, OP_VALIDATOR_ANNOUNCE, &op, operators, NULL);
}

static inline const struct tx *epoch_ready(struct epochs *f,
                                           uint16_t institution,
                                           enum epoch_key_use use)
{
    const struct op_validator_ready op = {epoch_pubkey(institution, use),
                                          0x10203};
    const struct secret secret = epoch_secret(institution, use);
    const uint16_t none[] = {0};

    return epoch_tx(f, institution, OP_VALIDATOR_READY, &op, none, &secret);
}

/* One leaves (0: none) and one joins (0: none), signed by these operators. */
static inline const struct tx *epoch_change_by(struct epochs *f,
                                               uint16_t leave,
                                               enum epoch_key_use leave_use,
                                               uint16_t join,
                                               enum epoch_key_use join_use,
                                               const uint16_t *operators)
{
    struct op_validators_change *op = calloc(1, sizeof *op);
    const struct tx *tx;

    ASSERT(op != NULL);
    if (leave != 0)
        op->leave[op->leave_count++] =
            (struct validator_item){leave, epoch_pubkey(leave, leave_use)};
    if (join != 0)
        op->join[op->join_count++] =
            (struct validator_item){join, epoch_pubkey(join, join_use)};
    tx = epoch_tx(f, 1, OP_VALIDATORS_CHANGE, op, operators, NULL);
    free(op);
    return tx;
}

/* By the quorum of institutions 1 to 3. */
static inline const struct tx *epoch_change(struct epochs *f,
                                            uint16_t leave,
                                            enum epoch_key_use leave_use,
                                            uint16_t join,
                                            enum epoch_key_use join_use)
{
    static const uint16_t operators[] = {1, 2, 3, 0};

    return epoch_change_by(f, leave, leave_use, join, join_use, operators);
}

#endif /* TESTS_EPOCH_FIXTURE_H */
