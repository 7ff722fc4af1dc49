/* bench_ledger [POSITIONS [OPERATION]]: the rules alone, on one core, without
 * signatures, over the real state with a million positions.
 *
 * Each kind of operation is prepared and signed first; then its transactions
 * are applied in blocks of 500, and each block's changes go into the state
 * tree.  What counts is the ratio to one signature verification of this run. */
#include "base/check.h"
#include "base/num.h"
#include "state/overlay.h"
#include "tests/bench/measure.h"
#include "tests/market/market.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SECURITIES = 1000,
    ACCOUNTS = 10000,
    BLOCK = 500,
    ROUNDS = 2,     /* transactions of a kind: ROUNDS for each security */
    MANY = 10,      /* of the one kind that is named */
    MONDAY = 20514, /* 2026-03-02 */
    SHARES = 1000,
};

static const struct hash zero;

struct bench {
    struct market *m;
    struct state *state;
    struct overlay *overlay;
    struct ledger_view view;
    struct hash accounts[ACCOUNTS];
    char codes[SECURITIES][CODE_MAX + 1];
    uint32_t holders; /* of each security */
    uint64_t verify_ns;
};

struct prepared {
    struct tx tx;
    uint8_t *bytes;
};

/* ---- a register of a million positions ---- */

static void load(struct bench *b,
                 uint8_t table,
                 const struct hash *tree,
                 const struct hash *key,
                 const void *row)
{
    const struct row_key k = {table, *tree, *key};
    uint8_t buf[ROW_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);
    enum err e;

    schema_encode(&w, row_schema(table), row);
    e = state_load(b->state, &k, writer_bytes(&w));
    ASSERT(e == ERR_NONE);
}

/* Holder j of security s. */
static const struct hash *holder(const struct bench *b, uint32_t s, uint32_t j)
{
    return &b->accounts[(s * 7 + j) % ACCOUNTS];
}

static void load_accounts(struct bench *b)
{
    const uint32_t each = b->holders * SECURITIES / ACCOUNTS;

    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        struct account_row row = {.custodian = MARKET_R1,
                                  .kind = ACCOUNT_ORDINARY,
                                  .status = ACCOUNT_ACTIVE,
                                  .authority = AUTHORITY_KEYS,
                                  .frozen_by = "-",
                                  .investors = 1,
                                  .positions = each};
        const uint32_t key = 1 + i % 190;
        uint8_t nonce[16] = {0};

        market_keys(&row.policy, &key, 1, 1);
        memcpy(nonce, &i, sizeof i);
        memcpy(row.subject_tag.raw, &i, sizeof i);
        row.subject_tag.raw[31] = 1;
        b->accounts[i] = account_id_of(&b->m->block.chain_id, MARKET_R1, nonce);
        load(b, TABLE_ACCOUNTS, &zero, &b->accounts[i], &row);
    }
}

static void load_security(struct bench *b, uint32_t s)
{
    static struct holding_row h;
    struct security_row row = {.registrar = MARKET_R1,
                               .class = CLASS_ORDINARY,
                               .status = SECURITY_REGISTERED,
                               .t_plus = 5,
                               .features = FEATURE_REPEAT_PLEDGE,
                               .successor = "-",
                               .predecessor = "-"};
    struct hash key;

    (void)snprintf(b->codes[s], sizeof b->codes[s], "S%u", s);
    key = security_key(b->codes[s]);
    memcpy(row.code, b->codes[s], sizeof row.code);
    row.issuer = b->accounts[(s * 7 + ACCOUNTS / 2) % ACCOUNTS];
    row.holder_count = b->holders;
    row.positions = b->holders;
    row.issued.shares = (uint64_t)b->holders * SHARES;
    load(b, TABLE_SECURITIES, &zero, &key, &row);
    h.kind = ACCOUNT_ORDINARY;
    h.held = true;
    h.weight = 1;
    h.segment_count = 1;
    h.segments[0] = (struct segment){.quantity = {SHARES}};
    h.sequence = 1;
    for (uint32_t j = 0; j < b->holders; j++)
        load(b, TABLE_HOLDINGS, &key, holder(b, s, j), &h);
}

static void commit(struct bench *b)
{
    const struct change_set set = overlay_changes(b->overlay);
    struct state_undo *undo;
    struct hash root;

    state_apply(b->state, &root, &undo, &set);
    state_undo_free(undo);
    overlay_reset(b->overlay, b->state);
}

static void begin(struct bench *b, struct ledger_block *block)
{
    const uint64_t parent = b->m->block.time_ms;

    ledger_begin_block(block,
                       &b->m->block.chain_id,
                       b->m->block.height + 1,
                       parent + 1000,
                       parent,
                       0,
                       &b->view,
                       NULL,
                       NULL);
    b->m->block = *block;
}

static void set_up(struct bench *b, uint32_t positions)
{
    struct hash root;

    b->m = market_new();
    market_date(b->m, MONDAY);
    b->holders = positions / SECURITIES;
    b->state = state_new();
    load_accounts(b);
    for (uint32_t s = 0; s < SECURITIES; s++)
        load_security(b, s);
    root = state_root(b->state);
    (void)root;
    b->overlay = overlay_new(b->state);
    b->view = overlay_view(b->overlay);
    ledger_genesis(b->m->genesis, &b->view);
    b->m->view = b->view;
    commit(b);
}

/* ---- operations ---- */

/* Fills the operation of round r on security s; false: there is none.  Each
 * kind has holders and numbers of its own, so that none is in another's way. */
typedef void (*make_fn)(const struct bench *b,
                        uint32_t s,
                        uint32_t r,
                        union op_any *op);

static const struct hash document = {{1}};

static void code(const struct bench *b, uint32_t s, char out[CODE_MAX + 1])
{
    memcpy(out, b->codes[s], CODE_MAX + 1);
}

static void make_transfer(const struct bench *b,
                          uint32_t s,
                          uint32_t r,
                          union op_any *op)
{
    struct op_transfer *o = &op->op_transfer;

    code(b, s, o->security);
    o->from = *holder(b, s, r);
    o->to = *holder(b, s, 10 + r);
    o->quantity.shares = 7;
    o->selector.nature = NATURE_ANY;
    o->price_fen = 100;
    o->payment = document;
    o->document = document;
}

static void make_gift(const struct bench *b,
                      uint32_t s,
                      uint32_t r,
                      union op_any *op)
{
    struct op_transfer_gift *o = &op->op_transfer_gift;

    code(b, s, o->security);
    o->from = *holder(b, s, 20 + r);
    o->to = *holder(b, s, 30 + r);
    o->quantity.shares = 7;
    o->selector.nature = NATURE_ANY;
    o->document = document;
}

static void make_deed(const struct bench *b,
                      uint32_t s,
                      uint32_t r,
                      union op_any *op)
{
    struct op_transfer_deed *o = &op->op_transfer_deed;

    code(b, s, o->security);
    o->from = *holder(b, s, 40 + r);
    o->ground = GROUND_DIVORCE;
    o->part_count = 1;
    o->parts[0].to = *holder(b, s, 50 + r);
    o->parts[0].quantity.shares = 500;
    o->document = document;
}

static void make_pledge(const struct bench *b,
                        uint32_t s,
                        uint32_t r,
                        union op_any *op)
{
    struct op_pledge_create *o = &op->op_pledge_create;

    code(b, s, o->security);
    o->pledgor = *holder(b, s, 60 + r);
    o->pledgee = *holder(b, s, 900 % b->holders);
    o->quantity.shares = 300;
    o->selector.nature = NATURE_ANY;
    o->secured_fen = 100;
    o->constitutive_register = REGISTER_THIS;
    o->document = document;
}

static void make_release_part(const struct bench *b,
                              uint32_t s,
                              uint32_t r,
                              union op_any *op)
{
    struct op_pledge_release_part *o = &op->op_pledge_release_part;

    code(b, s, o->security);
    o->number = 1 + r;
    o->pledgor = *holder(b, s, 60 + r);
    o->quantity.shares = 100;
    o->document = document;
}

static void make_release(const struct bench *b,
                         uint32_t s,
                         uint32_t r,
                         union op_any *op)
{
    struct op_pledge_release *o = &op->op_pledge_release;

    code(b, s, o->security);
    o->number = 1 + r;
    o->document = document;
}

static void make_freeze(const struct bench *b,
                        uint32_t s,
                        uint32_t r,
                        union op_any *op)
{
    struct op_freeze_create *o = &op->op_freeze_create;

    code(b, s, o->security);
    o->account = *holder(b, s, 70 + r);
    memcpy(o->authority, "COURT-A", 8);
    o->service_ms = b->m->block.time_ms;
    o->from = MONDAY;
    o->to = MONDAY + 300;
    o->quantity.shares = 400;
    o->document = document;
}

static void make_freeze_release(const struct bench *b,
                                uint32_t s,
                                uint32_t r,
                                union op_any *op)
{
    struct op_freeze_release *o = &op->op_freeze_release;

    code(b, s, o->security);
    memcpy(o->authority, "COURT-A", 8);
    o->number = 1 + r;
    o->quantity.shares = 100;
    o->document = document;
}

static void make_judicial(const struct bench *b,
                          uint32_t s,
                          uint32_t r,
                          union op_any *op)
{
    struct op_transfer_judicial *o = &op->op_transfer_judicial;

    code(b, s, o->security);
    o->from = *holder(b, s, 70 + r);
    o->to = *holder(b, s, 80 + r);
    o->quantity.shares = 300;
    o->number = 1 + r;
    memcpy(o->authority, "COURT-A", 8);
    o->document = document;
}

static void make_lock(const struct bench *b,
                      uint32_t s,
                      uint32_t r,
                      union op_any *op)
{
    struct op_lock_set *o = &op->op_lock_set;

    code(b, s, o->security);
    o->account = *holder(b, s, 90 + r);
    o->quantity.shares = 100;
    o->until = MONDAY + 100;
    o->document = document;
}

static void make_correct(const struct bench *b,
                         uint32_t s,
                         uint32_t r,
                         union op_any *op)
{
    struct op_correct *o = &op->op_correct;

    code(b, s, o->security);
    o->wrong_tx = document;
    o->reason = CORRECTION_QUANTITY;
    o->from = *holder(b, s, 50 + r);
    o->to = *holder(b, s, 40 + r);
    o->quantity.shares = 5;
    o->document = document;
}

static void make_account(const struct bench *b,
                         uint32_t s,
                         uint32_t r,
                         union op_any *op)
{
    struct op_account_open *o = &op->op_account_open;
    const uint32_t key = 1 + s % 190;

    (void)b;
    o->custodian = MARKET_R1;
    memcpy(o->nonce, &s, sizeof s);
    o->nonce[8] = (uint8_t)(r + 1);
    o->kind = ACCOUNT_ORDINARY;
    o->authority = AUTHORITY_KEYS;
    market_keys(&o->policy, &key, 1, 1);
    memcpy(o->subject_tag.raw, o->nonce, sizeof o->nonce);
    o->identity = document;
    o->document = document;
}

static void make_qualify(const struct bench *b,
                         uint32_t s,
                         uint32_t r,
                         union op_any *op)
{
    struct op_account_qualify *o = &op->op_account_qualify;

    o->account = b->accounts[s * ROUNDS + r];
    o->certifier = MARKET_MEMBER;
    o->class = INVESTOR_PERSON;
    o->from = MONDAY;
    o->to = MONDAY + 300;
    o->document = document;
}

static void make_suspend(const struct bench *b,
                         uint32_t s,
                         uint32_t r,
                         union op_any *op)
{
    (void)r;
    code(b, s, op->op_security_suspend.security);
    op->op_security_suspend.document = document;
}

static void make_void(const struct bench *b,
                      uint32_t s,
                      uint32_t r,
                      union op_any *op)
{
    (void)b;
    op->op_void.voided.raw[0] = (uint8_t)s;
    op->op_void.voided.raw[1] = (uint8_t)r;
}

static const struct {
    uint8_t kind;
    uint32_t rounds;
    make_fn make;
} runs[] = {
    {OP_TRANSFER, ROUNDS, make_transfer},
    {OP_TRANSFER_GIFT, ROUNDS, make_gift},
    {OP_TRANSFER_DEED, ROUNDS, make_deed},
    {OP_CORRECT, ROUNDS, make_correct},
    {OP_PLEDGE_CREATE, ROUNDS, make_pledge},
    {OP_PLEDGE_RELEASE_PART, ROUNDS, make_release_part},
    {OP_PLEDGE_RELEASE, ROUNDS, make_release},
    {OP_FREEZE_CREATE, ROUNDS, make_freeze},
    {OP_FREEZE_RELEASE, ROUNDS, make_freeze_release},
    {OP_TRANSFER_JUDICIAL, ROUNDS, make_judicial},
    {OP_LOCK_SET, ROUNDS, make_lock},
    {OP_ACCOUNT_OPEN, ROUNDS, make_account},
    {OP_ACCOUNT_QUALIFY, ROUNDS, make_qualify},
    {OP_VOID, ROUNDS, make_void},
    {OP_SECURITY_SUSPEND, 1, make_suspend},
};

/* ---- one kind ---- */

static void prepare(struct bench *b,
                    struct prepared *list,
                    uint8_t kind,
                    uint32_t rounds,
                    make_fn make)
{
    static union op_any op;

    for (uint32_t i = 0; i < rounds * SECURITIES; i++) {
        struct prepared *p = &list[i];

        memset(&op, 0, op_find(kind)->schema->size);
        make(b, i % SECURITIES, i / SECURITIES, &op);
        market_begin(b->m);
        market_add(b->m, kind, &op);
        market_prepare(b->m, NULL);
        p->tx = *b->m->tx;
        p->bytes = malloc(p->tx.ops[0].size);
        ASSERT(p->bytes != NULL);
        memcpy(p->bytes, p->tx.ops[0].at, p->tx.ops[0].size);
        p->tx.ops[0].at = p->bytes;
    }
}

static void print_row(const char *name,
                      uint64_t rules_ns,
                      uint64_t root_ns,
                      uint64_t verify_ns)
{
    const uint64_t ratio = rules_ns * 1000 / verify_ns;
    const uint64_t both = (rules_ns + root_ns) * 1000 / verify_ns;

    printf("| %-20s | %9lu | %6lu.%lu | %lu.%03lu | %6lu.%lu | %lu.%03lu |\n",
           name,
           (unsigned long)(1000000000 / rules_ns),
           (unsigned long)(rules_ns / 1000),
           (unsigned long)(rules_ns % 1000 / 100),
           (unsigned long)(ratio / 1000),
           (unsigned long)(ratio % 1000),
           (unsigned long)(root_ns / 1000),
           (unsigned long)(root_ns % 1000 / 100),
           (unsigned long)(both / 1000),
           (unsigned long)(both % 1000));
    (void)fflush(stdout);
}

static void fetch(struct bench *b, const struct prepared *list, uint32_t left)
{
    const struct tx *txs[LEDGER_FETCH_TXS];
    uint32_t n = 0;

    while (n < LEDGER_FETCH_TXS && n < left) {
        txs[n] = &list[n].tx;
        n++;
    }
    ledger_fetch(&b->view, txs, n);
}

static bool run(struct bench *b, uint8_t kind, uint32_t rounds, make_fn make)
{
    const uint32_t count = rounds * SECURITIES;
    struct prepared *list = calloc(count, sizeof *list);
    uint64_t rules = 0;
    uint64_t roots = 0;
    bool ok = true;

    ASSERT(list != NULL);
    prepare(b, list, kind, rounds, make);
    for (uint32_t from = 0; from < count && ok; from += BLOCK) {
        struct ledger_block block;
        uint64_t t;

        const uint32_t end = from + BLOCK < count ? from + BLOCK : count;

        begin(b, &block);
        t = thread_ns();
        for (uint32_t i = from; i < from + BLOCK && i < count; i++) {
            struct refusal why;
            enum verdict v;

            if ((i - from) % LEDGER_FETCH_TXS == 0)
                fetch(b, list + i, end - i);
            v = ledger_apply(&block, &list[i].tx, &why);

            if (v != V_OK && ok) {
                fprintf(stderr,
                        "%s is refused: %s\n",
                        op_find(kind)->schema->name,
                        verdict_name(v));
                ok = false;
            }
        }
        rules += thread_ns() - t;
        t = thread_ns();
        commit(b);
        roots += thread_ns() - t;
    }
    for (uint32_t i = 0; i < count; i++)
        free(list[i].bytes);
    free(list);
    if (ok)
        print_row(op_find(kind)->schema->name,
                  rules / count,
                  roots / count,
                  b->verify_ns);
    return ok;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    uint64_t positions = 1000000;
    bool ok = true;

    if (argc > 1 &&
        (!num_parse_u64(&positions, argv[1]) ||
         positions < 1000 * SECURITIES / 10 || positions > 10000000)) {
        fprintf(stderr,
                "bench_ledger [POSITIONS, 100000 to 10000000 [OPERATION]]\n");
        return 2;
    }
    set_up(&bench, (uint32_t)positions);
    bench.verify_ns = verify_ns();
    printf("The rules alone, one core, %lu positions, no signatures; one "
           "verification takes %lu.%lu us\n\n",
           (unsigned long)positions,
           (unsigned long)(bench.verify_ns / 1000),
           (unsigned long)(bench.verify_ns % 1000 / 100));
    printf("| %-20s | %9s | %8s | %5s | %8s | %5s |\n",
           "operation",
           "a second",
           "rules us",
           "ratio",
           "root us",
           "both");
    for (size_t i = 0; i < ARRAY_LEN(runs) && ok; i++) {
        if (argc > 2 &&
            strcmp(argv[2], op_find(runs[i].kind)->schema->name) != 0)
            continue;
        ok = run(&bench,
                 runs[i].kind,
                 argc > 2 ? MANY : runs[i].rounds,
                 runs[i].make);
    }
    overlay_free(bench.overlay);
    state_free(bench.state);
    market_free(bench.m);
    return ok ? 0 : 1;
}
