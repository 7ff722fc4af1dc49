/* world.h - a small market for tests of the rules: rows in an array, keys with
 * names, every needed signature put on by itself unless a test takes it off. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "base/check.h"
#include "base/num.h"
#include "chain/mtree.h"
#include "crypto/hash.h"
#include "ledger/exec.h"
#include "ledger/ledger.h"
#include "tests/market/told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    WORLD_ROWS = 4096,
    TODAY = 20514, /* 2026-03-02, a Monday */
};

/* Rows are never freed before the world: what a rollback restores is there. */
struct world_bytes {
    struct world_bytes *next;
    uint8_t at[];
};

struct world_row {
    struct row_key key;
    uint8_t *at;
    size_t size;
};

struct world {
    struct world_row rows[WORLD_ROWS];
    uint32_t count;
    struct world_row *saved; /* at begin */
    struct world_bytes *bytes;
    uint32_t saved_count;
    struct ledger_view view;
    struct ledger_block block;
    struct genesis *genesis;
    uint8_t serial;
    uint16_t serial_high;
    struct refusal why;
    struct event events[64];
    uint32_t event_count;
    /* what a test may change before world_do */
    bool skip_account[8]; /* signature of account i left out */
    bool skip_checker;
    bool extra_signature;
    uint32_t date;
};

enum { /* accounts of the world */
       HOLDER_A,
       HOLDER_B,
       HOLDER_C,
       BANK,
       ISSUER,
       PAPER_HOLDER,
       ACCOUNTS,
};

static inline int world_find(const struct world *w, const struct row_key *key)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (memcmp(&w->rows[i].key, key, sizeof *key) == 0)
            return (int)i;
    }
    return -1;
}

static inline struct bytes world_get(void *ctx, const struct row_key *key)
{
    struct world *w = ctx;
    const int i = world_find(w, key);

    return i < 0 ? bytes_of(NULL, 0) : bytes_of(w->rows[i].at, w->rows[i].size);
}

static inline void world_put(void *ctx,
                             const struct row_key *key,
                             struct bytes row)
{
    struct world *w = ctx;
    struct world_bytes *b;
    int i = world_find(w, key);

    if (i < 0) {
        ASSERT(w->count < WORLD_ROWS);
        i = (int)w->count++;
        w->rows[i].key = *key;
    }
    b = malloc(sizeof *b + row.size);
    ASSERT(b != NULL);
    b->next = w->bytes;
    w->bytes = b;
    w->rows[i].at = b->at;
    memcpy(w->rows[i].at, row.at, row.size);
    w->rows[i].size = row.size;
}

static inline void world_erase(void *ctx, const struct row_key *key)
{
    struct world *w = ctx;
    const int i = world_find(w, key);

    if (i >= 0)
        w->rows[i] = w->rows[--w->count];
}

static inline void world_drop(void *ctx, uint8_t table, const struct hash *tree)
{
    struct world *w = ctx;

    for (uint32_t i = 0; i < w->count;) {
        if (w->rows[i].key.table == table &&
            hash_eq(&w->rows[i].key.tree, tree))
            w->rows[i] = w->rows[--w->count];
        else
            i++;
    }
}

/* What stands for the roots of the trees here: every row of the security. */
static inline struct hash world_snapshot(void *ctx, const struct hash *key)
{
    struct world *w = ctx;
    struct hash all = {{0}};

    for (uint32_t i = 0; i < w->count; i++) {
        const struct world_row *r = &w->rows[i];

        if (hash_eq(&r->key.tree, key) || hash_eq(&r->key.key, key))
            all = hash_byte_tagged(0x15,
                                   bytes_of(all.raw, sizeof all.raw),
                                   bytes_of(r->at, r->size));
    }
    return all;
}

static inline void world_begin(void *ctx)
{
    struct world *w = ctx;

    memcpy(w->saved, w->rows, w->count * sizeof w->rows[0]);
    w->saved_count = w->count;
}

static inline void world_rollback(void *ctx)
{
    struct world *w = ctx;

    memcpy(w->rows, w->saved, w->saved_count * sizeof w->rows[0]);
    w->count = w->saved_count;
}

static inline void world_accept(void *ctx)
{
    (void)ctx;
}

static inline void world_event(void *ctx,
                               uint32_t index,
                               const struct event *e,
                               struct bytes bytes)
{
    struct world *w = ctx;

    (void)index;
    (void)bytes;
    if (w->event_count < ARRAY_LEN(w->events))
        w->events[w->event_count++] = *e;
}

/* A key that exists (a point on the curve) for a small number. */
static inline struct pubkey world_key(uint8_t number)
{
    struct secret s = {{0}};
    struct pubkey key;
    enum err e;

    s.raw[31] = number;
    e = key_public(&key, &s);
    ASSERT(e == ERR_NONE);
    return key;
}

enum { /* key numbers */
       KEY_OF_MAKER = 101,
       KEY_OF_CHECKER = 102,
       KEY_OF_OPERATOR = 103,
       KEY_OF_STRANGER = 150,
};

/* The next block, with its due work: of it more may be left. */
static inline void world_block(struct world *w, uint32_t date)
{
    const uint64_t parent = w->block.time_ms;

    w->date = date;
    ledger_begin_block(&w->block,
                       &w->block.chain_id,
                       w->block.height + 1,
                       (uint64_t)date * 86400000 + 3600000,
                       parent,
                       0,
                       &w->view,
                       world_event,
                       w);
}

/* The first block of the date that carries transactions. */
static inline void world_at(struct world *w, uint32_t date)
{
    do
        world_block(w, date);
    while (w->block.due_left);
}

static inline struct hash world_account(const struct world *w, int i)
{
    const uint8_t nonce[16] = {(uint8_t)(i + 1)};

    return account_id_of(&w->block.chain_id, 1, nonce);
}

/* Whether the key is one the test wants left out. */
static inline bool world_skips(const struct world *w, const struct principal *p)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        const struct hash id = world_account(w, i);

        if (w->skip_account[i] && p->kind == PRINCIPAL_ACCOUNT &&
            hash_eq(&p->id, &id))
            return true;
    }
    return false;
}

static inline void world_sign_key(struct tx *tx,
                                  uint32_t p,
                                  const struct pubkey *key)
{
    for (uint32_t i = 0; i < tx->sig_count; i++) {
        if (tx->sigs[i].principal == p &&
            memcmp(&tx->sigs[i].key, key, sizeof *key) == 0)
            return; /* once is enough for two needs */
    }
    tx->sigs[tx->sig_count++] =
        (struct tx_sig){.principal = (uint8_t)p, .key_type = 1, .key = *key};
}

static inline void world_sign(struct world *w,
                              struct tx *tx,
                              uint32_t p,
                              const struct needs *n)
{
    for (uint32_t k = 0; k < n->count; k++) {
        if (n->list[k].how == NEED_KEYS &&
            principal_cmp(&n->list[k].who, &tx->principals[p]) == 0 &&
            !world_skips(w, &n->list[k].who)) {
            const struct need *need = &n->list[k];

            for (uint32_t i = 0; i < need->threshold && i < need->key_count;
                 i++)
                world_sign_key(tx, p, &need->keys[i]);
        }
    }
}

/* Whether the institution's checker is needed, not only the filing maker. */
static inline bool world_checks(const struct needs *n,
                                const struct principal *who)
{
    for (uint32_t k = 0; k < n->count; k++) {
        if (n->list[k].how == NEED_MAKER_CHECKER &&
            principal_cmp(&n->list[k].who, who) == 0)
            return true;
    }
    return false;
}

/* Every row and the count of events, to be compared later. */
struct world_copy {
    struct world_row *rows;
    uint32_t count;
    uint32_t events;
};

static inline struct world_copy world_copy_of(const struct world *w)
{
    struct world_copy c = {
        malloc(sizeof w->rows), w->count, w->block.event_count};

    ASSERT(c.rows != NULL);
    memcpy(c.rows, w->rows, sizeof w->rows);
    return c;
}

/* Frees the copy. */
static inline void world_unchanged(const struct world *w, struct world_copy *c)
{
    assert_int_equal(w->count, c->count);
    assert_int_equal(w->block.event_count, c->events);
    for (uint32_t i = 0; i < c->count; i++) {
        assert_memory_equal(
            &w->rows[i].key, &c->rows[i].key, sizeof w->rows[i].key);
        assert_int_equal(w->rows[i].size, c->rows[i].size);
        assert_memory_equal(w->rows[i].at, c->rows[i].at, c->rows[i].size);
    }
    free(c->rows);
}

/* Applies the transaction.  What is refused changes no row and emits no event.
 *
 * I13: a refused transaction changes nothing. */
static inline enum verdict world_apply(struct world *w, const struct tx *tx)
{
    struct world_copy before = world_copy_of(w);
    const enum verdict v = ledger_apply(&w->block, tx, &w->why);

    told(tx, &w->why, v);
    if (v != V_OK)
        world_unchanged(w, &before);
    else
        free(before.rows);
    return v;
}

/* Makes a transaction of one operation, signed as needed, and applies it. */
static inline enum verdict world_do_full(struct world *w,
                                         uint8_t kind,
                                         const void *op,
                                         struct tx *tx)
{
    static uint8_t bytes[TX_BYTES_MAX];
    struct writer writer = writer_of(bytes, sizeof bytes);
    const struct op_def *def = op_find(kind);
    struct needs n;
    struct hash about;

    memset(tx, 0, sizeof *tx);
    op_encode(&writer, def, op);
    tx->chain_id = w->block.chain_id;
    tx->institution = 1;
    tx->reference.day = w->date;
    tx->reference.serial[0] = ++w->serial;
    tx->reference.serial[1] = (uint8_t)w->serial_high;
    if (w->serial == 255)
        w->serial_high++;
    tx->valid_until = w->date + 30;
    tx->ops[0] = writer_bytes(&writer);
    tx->op_count = 1;
    tx->id.raw[0] = w->serial;
    tx->id.raw[1] = (uint8_t)w->serial_high;
    tx->id.raw[2] = 1;
    (void)needs_principals(tx, &about, &w->view);
    (void)needs_of_op(&n, &about, &w->view, &tx->chain_id, def, op);
    for (uint32_t p = 0; p < tx->principal_count; p++) {
        if (tx->principals[p].kind == PRINCIPAL_INSTITUTION) {
            tx->sigs[tx->sig_count++] =
                (struct tx_sig){.principal = (uint8_t)p,
                                .key_type = 1,
                                .key = world_key(KEY_OF_MAKER)};
            if (!w->skip_checker && world_checks(&n, &tx->principals[p]))
                tx->sigs[tx->sig_count++] =
                    (struct tx_sig){.principal = (uint8_t)p,
                                    .key_type = 1,
                                    .key = world_key(KEY_OF_CHECKER)};
        } else {
            world_sign(w, tx, p, &n);
        }
    }
    if (w->extra_signature)
        tx->sigs[tx->sig_count++] =
            (struct tx_sig){.key_type = 1, .key = world_key(KEY_OF_STRANGER)};
    return world_apply(w, tx);
}

static inline enum verdict world_do(struct world *w,
                                    uint8_t kind,
                                    const void *op)
{
    struct tx *tx = malloc(sizeof *tx);
    enum verdict v;

    ASSERT(tx != NULL);
    v = world_do_full(w, kind, op, tx);
    free(tx);
    return v;
}

static inline void world_open_account(struct world *w, int i)
{
    struct op_account_open op = {
        .custodian = 1,
        .nonce = {(uint8_t)(i + 1)},
        .kind = ACCOUNT_ORDINARY,
        .authority = AUTHORITY_KEYS,
        .policy = {.threshold = 1,
                   .key_count = 1,
                   .keys = {world_key((uint8_t)(i + 1))}},
        .identity = {{(uint8_t)(i + 1), 2}},
        .subject_tag = {{(uint8_t)(i + 1)}}};

    if (i == PAPER_HOLDER) {
        op.authority = AUTHORITY_PAPER;
        op.policy.threshold = 0;
        op.policy.key_count = 0;
        op.document.raw[0] = 1;
    }
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_OK);
}

static inline void world_security(struct world *w,
                                  const char *code,
                                  uint8_t t_plus,
                                  uint32_t cap)
{
    struct op_security_create op = {.issuer = world_account(w, ISSUER),
                                    .registrar = 1,
                                    .class = CLASS_ORDINARY,
                                    .t_plus = t_plus,
                                    .holder_cap = cap,
                                    .document = {{1}}};

    if (cap == 0 || cap > 200)
        op.cap_approval.raw[0] = 1;
    memcpy(op.code, code, strlen(code));
    assert_int_equal(world_do(w, OP_SECURITY_CREATE, &op), V_OK);
}

/* Registers quantities for HOLDER_A, B, C (zeros are left out). */
static inline void world_register(struct world *w,
                                  const char *code,
                                  const uint64_t q[3])
{
    struct op_register_open open = {0};
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct op_register_confirm confirm = {0};
    struct mtree_log log = {0};

    ASSERT(lines != NULL);
    memcpy(open.security, code, strlen(code));
    memcpy(lines->security, code, strlen(code));
    memcpy(confirm.security, code, strlen(code));
    for (int i = 0; i < 3; i++) {
        struct hash leaf;

        if (q[i] == 0)
            continue;
        lines->lines[lines->line_count] =
            (struct register_line){.account = world_account(w, i),
                                   .quantity = {q[i]},
                                   .acquired = 10000};
        leaf = register_line_leaf(&lines->lines[lines->line_count++]);
        mtree_log_append(&log, &leaf);
        open.issued.shares += q[i];
    }
    open.line_count = lines->line_count;
    open.root = mtree_log_root(&log);
    assert_int_equal(world_do(w, OP_REGISTER_OPEN, &open), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_LINES, lines), V_OK);
    assert_int_equal(world_do(w, OP_REGISTER_CONFIRM, &confirm), V_OK);
    free(lines);
}

static inline struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    struct genesis_institution *x;

    ASSERT(w != NULL);
    w->saved = calloc(WORLD_ROWS, sizeof w->saved[0]);
    w->genesis = calloc(1, sizeof *w->genesis);
    ASSERT(w->saved != NULL && w->genesis != NULL);
    w->view = (struct ledger_view){.ctx = w,
                                   .get = world_get,
                                   .put = world_put,
                                   .erase = world_erase,
                                   .drop = world_drop,
                                   .snapshot = world_snapshot,
                                   .begin = world_begin,
                                   .rollback = world_rollback,
                                   .accept = world_accept};
    w->genesis->time_ms = (uint64_t)TODAY * 86400000;
    w->genesis->validator_count = 1;
    w->genesis->validators[0].institution = 1;
    w->genesis->institution_count = 1;
    x = &w->genesis->institutions[0];
    x->number = 1;
    memcpy(x->code, "R1", 3);
    x->roles = ROLE_REGISTRAR;
    x->key_count = 3;
    x->keys[0] = (struct institution_key){world_key(KEY_OF_MAKER), KEY_MAKER};
    x->keys[1] =
        (struct institution_key){world_key(KEY_OF_CHECKER), KEY_CHECKER};
    x->keys[2] =
        (struct institution_key){world_key(KEY_OF_OPERATOR), KEY_OPERATOR};
    w->genesis->authority_count = 3;
    memcpy(w->genesis->authorities[0].code, "COURT-A", 8);
    memcpy(w->genesis->authorities[0].superior, "COURT-HIGH", 11);
    memcpy(w->genesis->authorities[1].code, "COURT-B", 8);
    memcpy(w->genesis->authorities[1].superior, "COURT-HIGH", 11);
    memcpy(w->genesis->authorities[2].code, "COURT-HIGH", 11);
    memcpy(w->genesis->authorities[2].superior, "COURT-HIGH", 11);
    for (int i = 0; i < 3; i++)
        w->genesis->authorities[i].type = AUTHORITY_COURT;
    w->genesis->year_count = 1;
    w->genesis->years[0].year = 2026;
    for (uint32_t day = 0; day < 365; day++) {
        if ((day + 3) % 7 < 5) /* 2026-01-01 was a Thursday */
            w->genesis->years[0].trading[day / 8] |= (uint8_t)(1u << (day % 8));
    }
    ledger_genesis(w->genesis, &w->view);
    world_at(w, TODAY);
    for (int i = 0; i < ACCOUNTS; i++)
        world_open_account(w, i);
    return w;
}

static inline void world_free(struct world *w)
{
    while (w->bytes != NULL) {
        struct world_bytes *next = w->bytes->next;

        free(w->bytes);
        w->bytes = next;
    }
    free(w->saved);
    free(w->genesis);
    free(w);
}

/* Securities in the register that the account issued. */
static inline uint32_t world_issued_by(const struct world *w, int i)
{
    const struct hash id = world_account(w, i);
    uint32_t n = 0;

    for (uint32_t k = 0; k < w->count; k++) {
        const struct world_row *r = &w->rows[k];
        struct security_row s;

        if (r->key.table == TABLE_SECURITIES &&
            schema_decode(&s, &security_row_schema, bytes_of(r->at, r->size)) ==
                ERR_NONE &&
            hash_eq(&s.issuer, &id) && s.status != SECURITY_WITHDRAWN)
            n++;
    }
    return n;
}

static inline struct holding_row *world_holding(struct world *w,
                                                const char *code,
                                                int i)
{
    static struct holding_row rows[ACCOUNTS];
    const struct hash account = world_account(w, i);

    exec_holding(&w->view, &rows[i], code, &account, ACCOUNT_ORDINARY);
    return &rows[i];
}

static inline struct position_totals world_totals(struct world *w,
                                                  const char *code,
                                                  int i)
{
    const struct position_day day = {.date = w->date};

    return position_totals_of(world_holding(w, code, i), &day);
}

/* A governance operation: the operator signs as well. */
static inline enum verdict world_govern(struct world *w,
                                        uint8_t kind,
                                        const void *op)
{
    const bool skip_checker = w->skip_checker;
    struct tx *tx = malloc(sizeof *tx);
    enum verdict v;

    ASSERT(tx != NULL);
    w->skip_checker = true;
    v = world_do_full(w, kind, op, tx);
    w->skip_checker = skip_checker;
    assert_int_equal(v, V_SIG_MISSING);
    tx->sigs[tx->sig_count++] =
        (struct tx_sig){.key_type = 1, .key = world_key(KEY_OF_OPERATOR)};
    v = world_apply(w, tx);
    free(tx);
    return v;
}

/* Institution `number` with the keys of institution 1, so that world_do signs
 * for it too. */
static inline void world_institution(struct world *w,
                                     uint16_t number,
                                     uint16_t roles)
{
    struct op_institution_open op = {
        .number = number,
        .roles = roles,
        .key_count = 2,
        .keys = {{world_key(KEY_OF_MAKER), KEY_MAKER},
                 {world_key(KEY_OF_CHECKER), KEY_CHECKER}}};

    op.code[0] = 'I';
    op.code[1] = (char)('0' + number % 10);
    assert_int_equal(world_govern(w, OP_INSTITUTION_OPEN, &op), V_OK);
}

/* The operation gets this verdict (and so changes no row). */
static inline void world_refused(struct world *w,
                                 uint8_t kind,
                                 const void *op,
                                 enum verdict verdict)
{
    assert_string_equal(verdict_name(world_do(w, kind, op)),
                        verdict_name(verdict));
}

static inline void world_govern_refused(struct world *w,
                                        uint8_t kind,
                                        const void *op,
                                        enum verdict verdict)
{
    assert_string_equal(verdict_name(world_govern(w, kind, op)),
                        verdict_name(verdict));
}

/* Adds up every security and account anew: whether all totals agree. */
static inline bool world_sums_hold(const struct world *w)
{
    const struct bytes none = bytes_of(NULL, 0);
    struct sums_marks by_rows = {0};
    struct sums_marks by_accounts = {0};

    for (uint32_t i = 0; i < w->count; i++) {
        const struct world_row *s = &w->rows[i];
        const struct bytes row = bytes_of(s->at, s->size);
        struct sums_entry e = {.security = s->key.key};

        if (sums_account(&by_accounts, &s->key, none, row) != ERR_NONE)
            return false;
        if (s->key.table != TABLE_SECURITIES)
            continue;
        for (uint32_t k = 0; k < w->count; k++) {
            const struct world_row *r = &w->rows[k];

            if ((r->key.table == TABLE_CLAIMS ||
                 hash_eq(&r->key.tree, &s->key.key)) &&
                sums_of(&e, &r->key, none, bytes_of(r->at, r->size)) !=
                    ERR_NONE)
                return false;
        }
        if (sums_security(&e, none, row) != ERR_NONE)
            return false;
        by_rows.positions += e.marks.positions;
        by_rows.rights += e.marks.rights;
    }
    return by_rows.positions == by_accounts.positions &&
           by_rows.rights == by_accounts.rights;
}

/* A row as the test wants it, past the rules. */
static inline void world_force(struct world *w,
                               uint8_t table,
                               const struct hash *tree,
                               const struct hash *key,
                               const void *row)
{
    static uint8_t buf[ROW_BYTES_MAX];
    const struct row_key k = {table, *tree, *key};
    struct writer writer = writer_of(buf, sizeof buf);

    schema_encode(&writer, row_schema(table), row);
    ASSERT(writer_ok(&writer));
    world_put(w, &k, writer_bytes(&writer));
}

/* Whether two rows have the same canonical bytes. */
static inline bool world_same_row(uint8_t table, const void *a, const void *b)
{
    static uint8_t buf[2][ROW_BYTES_MAX];
    struct writer wa = writer_of(buf[0], ROW_BYTES_MAX);
    struct writer wb = writer_of(buf[1], ROW_BYTES_MAX);

    schema_encode(&wa, row_schema(table), a);
    schema_encode(&wb, row_schema(table), b);
    return bytes_eq(writer_bytes(&wa), writer_bytes(&wb));
}

#endif /* TESTS_WORLD_H */
