/* validators.h - a world in which institutions 1 to 8 have an operator and the
 * first few run a validator. */
#ifndef TESTS_VALIDATORS_H
#define TESTS_VALIDATORS_H

#include "tests/unit/ledger/world.h"

enum {
    GOV_INSTITUTIONS = 10,
    GOV_OPERATORS = 110,     /* + number: key of its operator */
    GOV_CONSENSUS = 160,     /* + number: of its validator */
    GOV_CONSENSUS_NEW = 180, /* + number: of the one it announces */
};

static const struct hash gov_zero;

static inline struct pubkey gov_key(uint16_t number)
{
    return world_key((uint8_t)(GOV_CONSENSUS + number));
}

static inline struct pubkey gov_new_key(uint16_t number)
{
    return world_key((uint8_t)(GOV_CONSENSUS_NEW + number));
}

static inline struct hash gov_spki(uint16_t number)
{
    struct hash h = {{(uint8_t)number, 1}};

    return h;
}

static inline int gov_order(const void *a, const void *b)
{
    return memcmp(a, b, PUBKEY_BYTES);
}

/* The genesis rows once more, with n validators. */
static inline struct world *gov_world(uint32_t n, bool production)
{
    struct world *w = world_new();
    struct genesis *g = w->genesis;

    g->production = production;
    g->institution_count = GOV_INSTITUTIONS;
    for (uint16_t i = 1; i <= GOV_INSTITUTIONS; i++) {
        g->institutions[i - 1] = g->institutions[0];
        g->institutions[i - 1].number = i;
        g->institutions[i - 1].keys[2].key =
            world_key((uint8_t)(GOV_OPERATORS + i));
    }
    g->validator_count = n;
    for (uint16_t i = 1; i <= n; i++)
        g->validators[i - 1] = (struct validator){gov_key(i), gov_spki(i), i};
    qsort(g->validators, n, sizeof g->validators[0], gov_order);
    ledger_genesis(g, &w->view);
    world_at(w, TODAY);
    return w;
}

/* How a transaction is signed. */
struct gov_signing {
    uint16_t filer;        /* its maker signs, unless no_maker */
    uint16_t operators[8]; /* of these institutions; 0 ends them */
    struct pubkey own;     /* zeros: no consensus key signs */
    bool no_maker;
};

static inline void gov_principal(struct tx *tx, struct principal p)
{
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], &p) == 0)
            return;
    }
    tx->principals[tx->principal_count++] = p;
}

static inline void gov_sign(struct tx *tx,
                            struct principal p,
                            struct pubkey key)
{
    for (uint8_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], &p) == 0)
            tx->sigs[tx->sig_count++] = (struct tx_sig){
                .principal = i, .key_type = KEY_TYPE_SECP256K1, .key = key};
    }
}

static inline struct principal gov_institution(uint16_t number)
{
    return (struct principal){PRINCIPAL_INSTITUTION, institution_id(number)};
}

static inline enum verdict gov_apply(struct world *w,
                                     uint8_t kind,
                                     const void *op,
                                     const struct gov_signing *s)
{
    static uint8_t bytes[TX_BYTES_MAX];
    struct writer writer = writer_of(bytes, sizeof bytes);
    const struct principal own = {PRINCIPAL_VALIDATOR, validator_id(&s->own)};
    struct tx *tx = calloc(1, sizeof *tx);
    enum verdict v;

    ASSERT(tx != NULL);
    op_encode(&writer, op_find(kind), op);
    tx->chain_id = w->block.chain_id;
    tx->institution = s->filer;
    tx->reference.day = w->date;
    tx->reference.serial[0] = ++w->serial;
    tx->reference.serial[2] = 1;
    tx->valid_until = w->date + 30;
    tx->ops[0] = writer_bytes(&writer);
    tx->op_count = 1;
    tx->id.raw[0] = w->serial;
    tx->id.raw[3] = 1;
    if (!s->no_maker)
        gov_principal(tx, gov_institution(s->filer));
    for (const uint16_t *i = s->operators; *i != 0; i++)
        gov_principal(tx, gov_institution(*i));
    if (s->own.raw[0] != 0)
        gov_principal(tx, own);
    tx_sort_principals(tx);
    if (!s->no_maker)
        gov_sign(tx, gov_institution(s->filer), world_key(KEY_OF_MAKER));
    for (const uint16_t *i = s->operators; *i != 0; i++)
        gov_sign(
            tx, gov_institution(*i), world_key((uint8_t)(GOV_OPERATORS + *i)));
    if (s->own.raw[0] != 0)
        gov_sign(tx, own, s->own);
    tx_sort_sigs(tx);
    v = world_apply(w, tx);
    free(tx);
    return v;
}

static inline enum verdict gov_announce_key(struct world *w,
                                            uint16_t number,
                                            struct pubkey key,
                                            struct hash spki)
{
    const struct op_validator_announce op = {number, key, spki};
    const struct gov_signing s = {.filer = number, .operators = {number}};

    return gov_apply(w, OP_VALIDATOR_ANNOUNCE, &op, &s);
}

static inline enum verdict gov_announce(struct world *w, uint16_t number)
{
    return gov_announce_key(w, number, gov_new_key(number), gov_spki(number));
}

static inline enum verdict gov_ready(struct world *w, uint16_t number)
{
    const struct op_validator_ready op = {gov_new_key(number), 0x10203};
    const struct gov_signing s = {
        .filer = number, .own = gov_new_key(number), .no_maker = true};

    return gov_apply(w, OP_VALIDATOR_READY, &op, &s);
}

/* By a validator of the genesis. */
static inline enum verdict gov_ready_in_force(struct world *w, uint16_t number)
{
    const struct op_validator_ready op = {gov_key(number), 0x10203};
    const struct gov_signing s = {
        .filer = number, .own = gov_key(number), .no_maker = true};

    return gov_apply(w, OP_VALIDATOR_READY, &op, &s);
}

static inline bool gov_is_ready(struct world *w, struct pubkey key)
{
    struct ready_row row;

    return exec_ready(&w->view, &row, &key);
}

/* Announced and ready. */
static inline void gov_candidate(struct world *w, uint16_t number)
{
    assert_int_equal(gov_announce(w, number), V_OK);
    assert_int_equal(gov_ready(w, number), V_OK);
}

/* A change with the lists up to 0, signed by operators 1 to `signers`. */
static inline enum verdict gov_change(struct world *w,
                                      const uint16_t *leave,
                                      const uint16_t *join,
                                      uint32_t signers)
{
    struct op_validators_change *op = calloc(1, sizeof *op);
    struct gov_signing s = {.filer = 1};
    enum verdict v;

    ASSERT(op != NULL && signers < ARRAY_LEN(s.operators));
    for (; *leave != 0; leave++)
        op->leave[op->leave_count++] =
            (struct validator_item){*leave, gov_key(*leave)};
    for (; *join != 0; join++)
        op->join[op->join_count++] =
            (struct validator_item){*join, gov_new_key(*join)};
    for (uint16_t i = 0; i < signers; i++)
        s.operators[i] = (uint16_t)(i + 1);
    v = gov_apply(w, OP_VALIDATORS_CHANGE, op, &s);
    free(op);
    return v;
}

static inline bool gov_row(struct world *w, struct validators_row *row)
{
    memset(row, 0, sizeof *row);
    return exec_get(&w->view, row, TABLE_VALIDATORS, &gov_zero, &gov_zero);
}

static inline bool gov_candidate_row(struct world *w,
                                     struct candidate_row *row,
                                     uint16_t number)
{
    return exec_candidate(&w->view, row, number);
}

static inline bool gov_runs_validator(struct world *w, uint16_t number)
{
    const struct hash key = institution_id(number);
    struct institution_row row;

    assert_true(exec_get(&w->view, &row, TABLE_INSTITUTIONS, &gov_zero, &key));
    return row.validator;
}

#endif /* TESTS_VALIDATORS_H */
