/* The ledger side of the simulation: a small market and its traffic. */
#include "tests/sim/sim_world.h"

#include "base/buf.h"
#include "base/check.h"
#include "ledger/ops.h"
#include "ledger/rows.h"

#include <stdlib.h>

enum {
    HOLDERS = 6,
    SHARES = 1000000,
};

struct sim_world {
    struct genesis *genesis;
    struct hash chain_id;
    struct buf setup;
    uint32_t tx_count;
    struct bytes *txs; /* owned */
};

static struct pubkey key_of(uint8_t number)
{
    static struct pubkey keys[256];
    struct secret s = {{0}};

    s.raw[31] = number;
    if (keys[number].raw[0] == 0)
        ASSERT(key_public(&keys[number], &s) == ERR_NONE);
    return keys[number];
}

static struct hash account(const struct sim_world *w, uint8_t i)
{
    const uint8_t nonce[16] = {(uint8_t)(i + 1)};

    return account_id_of(&w->chain_id, 1, nonce);
}

/* Encodes a transaction whose principals and signatures are given. */
static struct bytes finish(struct tx *tx)
{
    struct buf out = {0};
    struct writer w;

    tx_sort_principals(tx);
    tx_sort_sigs(tx);
    buf_append(&out, NULL, TX_BYTES_MAX);
    w = writer_of(out.at, out.size);
    tx_encode(&w, tx);
    ASSERT(writer_ok(&w));
    return bytes_of(out.at, w.size);
}

static void sign(struct tx *tx, const struct principal *p, uint8_t key)
{
    for (uint32_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], p) == 0)
            tx->sigs[tx->sig_count++] = (struct tx_sig){
                .principal = (uint8_t)i, .key_type = 1, .key = key_of(key)};
    }
}

static void begin(const struct sim_world *w, struct tx *tx, uint64_t number)
{
    memset(tx, 0, sizeof *tx);
    tx->chain_id = w->chain_id;
    tx->institution = 1;
    tx->reference.day = ledger_date(w->genesis->time_ms, 0);
    memcpy(tx->reference.serial, &number, sizeof number);
    tx->valid_until = tx->reference.day + 30;
    tx->principals[0] =
        (struct principal){PRINCIPAL_INSTITUTION, institution_id(1)};
    tx->principal_count = 1;
}

static void add_op(struct tx *tx,
                   struct buf *room,
                   uint8_t kind,
                   const void *op)
{
    uint8_t *at = buf_append(room, NULL, 4096);
    struct writer w = writer_of(at, 4096);

    op_encode(&w, op_find(kind), op);
    ASSERT(writer_ok(&w));
    tx->ops[tx->op_count++] = bytes_of(at, w.size);
}

/* Accounts, security and register in one atomic transaction. */
static void make_setup(struct sim_world *w)
{
    struct tx *tx = calloc(1, sizeof *tx);
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct op_security_create create = {.code = "SIM",
                                        .issuer = account(w, 0),
                                        .registrar = 1,
                                        .class = CLASS_ORDINARY,
                                        .holder_cap = 200,
                                        .document = {{1}}};
    struct op_register_open open = {.security = "SIM",
                                    .issued = {HOLDERS * (uint64_t)SHARES},
                                    .line_count = HOLDERS};
    struct op_register_confirm confirm = {.security = "SIM"};
    struct mtree_log log = {0};
    struct buf room = {0};
    struct bytes bytes;

    ASSERT(tx != NULL && lines != NULL);
    buf_reserve(&room, 4096 * (HOLDERS + 8)); /* so that it never moves */
    begin(w, tx, UINT64_MAX);
    memcpy(lines->security, "SIM", 4);
    lines->line_count = HOLDERS;
    for (uint8_t i = 0; i < HOLDERS; i++) {
        struct op_account_open op = {
            .custodian = 1,
            .nonce = {(uint8_t)(i + 1)},
            .kind = ACCOUNT_ORDINARY,
            .authority = AUTHORITY_KEYS,
            .policy = {.threshold = 1,
                       .key_count = 1,
                       .keys = {key_of((uint8_t)(i + 1))}},
            .identity = {{(uint8_t)(i + 1)}},
            .subject_tag = {{(uint8_t)(i + 1)}}};
        struct hash leaf;

        add_op(tx, &room, OP_ACCOUNT_OPEN, &op);
        lines->lines[i] = (struct register_line){.account = account(w, i),
                                                 .quantity = {SHARES}};
        leaf = register_line_leaf(&lines->lines[i]);
        mtree_log_append(&log, &leaf);
        tx->principals[tx->principal_count++] =
            (struct principal){PRINCIPAL_ACCOUNT, account(w, i)};
    }
    open.root = mtree_log_root(&log);
    add_op(tx, &room, OP_SECURITY_CREATE, &create);
    add_op(tx, &room, OP_REGISTER_OPEN, &open);
    add_op(tx, &room, OP_REGISTER_LINES, lines);
    add_op(tx, &room, OP_REGISTER_CONFIRM, &confirm);
    tx_sort_principals(tx);
    for (uint8_t i = 0; i < HOLDERS; i++) {
        const struct principal p = {PRINCIPAL_ACCOUNT, account(w, i)};

        sign(tx, &p, (uint8_t)(i + 1));
    }
    {
        const struct principal p = {PRINCIPAL_INSTITUTION, institution_id(1)};

        sign(tx, &p, 101);
        sign(tx, &p, 102);
    }
    bytes = finish(tx);
    buf_append(&w->setup, bytes.at, bytes.size);
    free((void *)(uintptr_t)bytes.at);
    buf_deinit(&room);
    free(lines);
    free(tx);
}

struct sim_world *sim_world_new(uint32_t nodes)
{
    struct sim_world *w = calloc(1, sizeof *w);
    struct genesis *g = calloc(1, sizeof *g);
    enum err e;

    ASSERT(w != NULL && g != NULL);
    w->genesis = g;
    g->format = GENESIS_FORMAT;
    g->time_ms = (uint64_t)20514 * 86400000;
    genesis_defaults(&g->params);
    g->validator_count = nodes;
    for (uint32_t i = 0; i < nodes; i++) {
        struct genesis_institution *x = &g->institutions[i];

        g->validators[i].key.raw[0] = (uint8_t)(i + 1);
        g->validators[i].institution = (uint16_t)(i + 1);
        x->number = (uint16_t)(i + 1);
        x->code[0] = (char)('A' + i);
        x->roles = ROLE_REGISTRAR;
        x->key_count = 2;
        x->keys[0] = (struct institution_key){key_of(101), KEY_MAKER};
        x->keys[1] = (struct institution_key){key_of(102), KEY_CHECKER};
    }
    g->institution_count = nodes;
    e = genesis_chain_id(&w->chain_id, g);
    ASSERT(e == ERR_NONE);
    make_setup(w);
    return w;
}

void sim_world_free(struct sim_world *w)
{
    for (uint32_t i = 0; i < w->tx_count; i++)
        free((void *)(uintptr_t)w->txs[i].at);
    free(w->txs);
    buf_deinit(&w->setup);
    free(w->genesis);
    free(w);
}

const struct genesis *sim_world_genesis(const struct sim_world *w)
{
    return w->genesis;
}

uint32_t sim_world_setup_count(const struct sim_world *w)
{
    (void)w;
    return 1;
}

struct bytes sim_world_setup(const struct sim_world *w, uint32_t index)
{
    (void)index;
    return buf_bytes(&w->setup);
}

struct bytes sim_world_tx(struct sim_world *w, uint64_t number, uint64_t random)
{
    const uint8_t from = (uint8_t)(random % HOLDERS);
    const uint8_t to =
        (uint8_t)((from + 1 + random / 8 % (HOLDERS - 1)) % HOLDERS);
    const struct principal parties[3] = {
        {PRINCIPAL_ACCOUNT, account(w, from)},
        {PRINCIPAL_ACCOUNT, account(w, to)},
        {PRINCIPAL_INSTITUTION, institution_id(1)}};
    struct op_transfer op = {.security = "SIM",
                             .from = parties[0].id,
                             .to = parties[1].id,
                             .quantity = {1 + random / 64 % 1000},
                             .selector = {NATURE_ANY, 0, 0},
                             .price_fen = 100,
                             .payment = {{1}}};
    struct tx *tx = calloc(1, sizeof *tx);
    struct buf room = {0};
    struct bytes bytes;

    ASSERT(tx != NULL);
    begin(w, tx, number);
    tx->principals[1] = parties[0];
    tx->principals[2] = parties[1];
    tx->principal_count = 3;
    tx_sort_principals(tx);
    add_op(tx, &room, OP_TRANSFER, &op);
    sign(tx, &parties[0], (uint8_t)(from + 1));
    sign(tx, &parties[1], (uint8_t)(to + 1));
    sign(tx, &parties[2], 101);
    sign(tx, &parties[2], 102);
    bytes = finish(tx);
    buf_deinit(&room);
    free(tx);
    if ((w->tx_count & (w->tx_count + 1)) == 0) {
        w->txs = realloc(w->txs, (2 * w->tx_count + 2) * sizeof w->txs[0]);
        ASSERT(w->txs != NULL);
    }
    w->txs[w->tx_count++] = bytes;
    return bytes;
}

struct sums_check {
    const struct state *state;
    struct sums_entry sums;
    bool ok;
};

static bool add_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct sums_check *c = ctx;

    c->ok = c->ok && sums_of(&c->sums, key, bytes_of(NULL, 0), row) == ERR_NONE;
    return c->ok;
}

static bool add_security(void *ctx, const struct row_key *key, struct bytes row)
{
    struct sums_check *c = ctx;

    c->sums = (struct sums_entry){.security = key->key};
    for (uint8_t t = TABLE_HOLDINGS; t <= TABLE_FREEZES; t++)
        state_each(c->state, t, &key->key, add_row, c);
    c->ok = c->ok &&
            sums_security(&c->sums, bytes_of(NULL, 0), row) == ERR_NONE &&
            c->sums.issued == HOLDERS * (int64_t)SHARES;
    return c->ok;
}

bool sim_world_sums_hold(struct engine *e)
{
    struct sums_check c = {.state = engine_state(e), .ok = true};
    const struct hash zero = {{0}};

    state_each(c.state, TABLE_SECURITIES, &zero, add_security, &c);
    return c.ok;
}
