/* Properties of receipts, on random markets and days, for random blocks:
 *   P1  every kind that may be made is proven
 *   P2  what it says is what the market's own state of that block says
 *   P3  made of the state as it stood then, it is the same bytes
 *   P4  what may not be made is refused for the reason that the state gives
 *
 * SEED=n in the environment repeats a run, MARKETS=n says how many. */
#include "audit/verify.h"
#include "ledger/ops.h"
#include "ledger/position.h"
#include "tests/property/dice.h"
#include "tests/receipts/rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/receipts/kept.h"

static const char names[] = "ABCDEFGHLMNO";
static const char *const codes[] = {"100001", "100002"};

enum {
    NAMES = sizeof names - 1,
    BLOCKS = 24,
    QUESTIONS = 250,
};

struct world {
    struct dice dice;
    struct rig *g;
    struct kept kept;
    struct prover *prover;
    uint64_t listed; /* first block with both registers */
    uint64_t made[RECEIPT_KINDS];
};

static char any_name(struct world *w)
{
    return names[dice_below(&w->dice, NAMES)];
}

/* ---- a random market ---- */

static bool entry_now(struct world *w,
                      const char *code,
                      char name,
                      struct holding_row *h)
{
    const struct row_key key = {
        TABLE_HOLDINGS, security_key(code), rig_account(w->g, name)};
    const struct bytes row = w->g->m->view.get(w->g->m->view.ctx, &key);

    return row.size > 0 &&
           schema_decode(h, &holding_row_schema, row) == ERR_NONE;
}

/* What is free without a doubt. */
static uint64_t available(struct world *w, const char *code, char name)
{
    static struct holding_row h;
    uint64_t sum = 0;

    if (!entry_now(w, code, name, &h))
        return 0;
    for (uint32_t i = 0; i < h.segment_count; i++) {
        const struct segment *s = &h.segments[i];

        if (s->pledge_count == 0 && s->freeze == 0 && s->lock_until == 0 &&
            s->trade_day == 0)
            sum += s->quantity.shares;
    }
    return sum;
}

/* Who sold may not buy again for some days. */
static bool may_buy(struct world *w, const char *code, char name)
{
    static struct holding_row h;

    return !entry_now(w, code, name, &h) || h.last_sale_day == 0;
}

static void trade(struct world *w)
{
    const char *code = codes[dice_below(&w->dice, ARRAY_LEN(codes))];
    const char from = any_name(w);
    const char to = any_name(w);
    const uint64_t have = available(w, code, from);
    const uint64_t q = have == 0 || dice_below(&w->dice, 4) == 0
                           ? have
                           : 1 + dice_below(&w->dice, (uint32_t)have);
    struct op_transfer t;
    struct op_pledge_create p;
    struct op_freeze_create f;

    if (q == 0 || from == to)
        return;
    switch (dice_below(&w->dice, 4)) {
    case 0:
        rig_op(w->g, OP_PLEDGE_CREATE, &p, code);
        p.pledgor = rig_account(w->g, from);
        p.pledgee = rig_account(w->g, 'K');
        p.quantity.shares = q;
        rig_do(w->g, OP_PLEDGE_CREATE, &p);
        break;
    case 1: /* the court's transactions are the first of a block */
        if (w->g->blocks[w->g->count].tx_count > 0)
            break;
        rig_op(w->g, OP_FREEZE_CREATE, &f, code);
        f.account = rig_account(w->g, from);
        f.quantity.shares = 2 * q;
        rig_do(w->g, OP_FREEZE_CREATE, &f);
        break;
    default:
        if (!may_buy(w, code, to))
            break;
        rig_op(w->g, OP_TRANSFER, &t, code);
        t.from = rig_account(w->g, from);
        t.to = rig_account(w->g, to);
        t.quantity.shares = q;
        rig_do(w->g, OP_TRANSFER, &t);
        break;
    }
}

static void live(struct world *w)
{
    uint64_t shares[NAMES / 2];
    char some[NAMES / 2 + 1] = "";
    struct rig *g = w->g;
    uint16_t joins = 5;

    for (size_t i = 0; i < NAMES; i++)
        (void)rig_account(g, names[i]);
    (void)rig_account(g, 'K');
    rig_second(g);
    for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
        for (size_t i = 0; i < NAMES / 2; i++) {
            some[i] = names[2 * i + c];
            shares[i] = 1 + dice_below(&w->dice, 100000);
        }
        rig_register(g, codes[c], some, shares);
        rig_second(g);
    }
    w->listed = g->count - 1;
    for (uint32_t b = 0; b < BLOCKS; b++) {
        for (uint32_t i = dice_below(&w->dice, 5); i > 0; i--)
            trade(w);
        if (joins < 7 && dice_below(&w->dice, 6) == 0) {
            rig_candidate(g, joins);
            rig_change(g, joins == 6 ? 1 : 0, joins);
            joins++; /* the rig signs for sets of four and five */
        }
        if (dice_below(&w->dice, 4) == 0)
            rig_day(g, 1 + dice_below(&w->dice, 2));
        else
            rig_second(g);
    }
}

/* ---- questions ---- */

static struct prove_request ask(struct world *w)
{
    static const uint8_t kinds[] = {RECEIPT_HOLDING,
                                    RECEIPT_HOLDING,
                                    RECEIPT_UNENCUMBERED,
                                    RECEIPT_REGISTER,
                                    RECEIPT_STATEMENT,
                                    RECEIPT_STATEMENT,
                                    RECEIPT_TRANSACTION,
                                    RECEIPT_CONSISTENCY,
                                    RECEIPT_VALIDATORS};
    struct rig *g = w->g;
    struct prove_request q = {
        .kind = kinds[dice_below(&w->dice, ARRAY_LEN(kinds))],
        .by_height = true,
        .height = dice_below(&w->dice, g->count),
        .account = rig_account(g, any_name(w)),
        .from_start = dice_below(&w->dice, 2) == 0,
        .earlier = dice_below(&w->dice, g->count),
        .epoch = dice_below(&w->dice, g->epoch + 2),
    };

    snprintf(q.code, sizeof q.code, "%s", codes[dice_below(&w->dice, 2)]);
    if (dice_below(&w->dice, 2) == 0)
        q.anchor = dice_below(&w->dice, g->count);
    if (dice_below(&w->dice, 3) == 0) {
        q.by_height = false;
        q.by_date = true;
        q.date = (uint32_t)(g->blocks[q.height].header.time_ms / RIG_DAY_MS);
    }
    if (q.kind == RECEIPT_TRANSACTION) {
        const struct rig_block *b = &g->blocks[q.height];
        struct tx *tx = malloc(sizeof *tx);

        assert_non_null(tx);
        if (b->tx_count > 0) {
            assert_int_equal(
                tx_decode(tx, b->txs[dice_below(&w->dice, b->tx_count)]),
                ERR_NONE);
            q.tx = tx->id;
        }
        free(tx);
    }
    return q;
}

/* What the state of the block says itself. */
static bool has_entry(struct world *w,
                      const struct prove_request *q,
                      uint64_t height,
                      struct holding_row *h)
{
    const struct row_key key = {
        TABLE_HOLDINGS, security_key(q->code), q->account};
    const struct bytes row = state_get(rig_state(w->g, height), &key);

    return row.size > 0 &&
           schema_decode(h, &holding_row_schema, row) == ERR_NONE;
}

static void check_facts(struct world *w,
                        const struct prove_request *q,
                        const struct receipt_facts *f,
                        const struct receipt *r)
{
    static struct holding_row h;
    const bool entry = has_entry(w, q, f->block.height, &h);
    struct hash root;

    assert_memory_equal(&f->block_hash,
                        &w->g->blocks[f->block.height].hash,
                        sizeof f->block_hash);
    if (q->kind == RECEIPT_HOLDING || q->kind == RECEIPT_UNENCUMBERED ||
        q->kind == RECEIPT_STATEMENT) {
        const struct position_day day = {.date = f->date};
        const struct position_totals t =
            position_totals_of(entry ? &h : &(struct holding_row){0}, &day);

        assert_int_equal(f->has_row, entry);
        assert_int_equal(f->sums.total, t.total);
        assert_int_equal(f->sums.pledged, t.pledged);
        assert_int_equal(f->sums.frozen, t.frozen);
    }
    if (q->kind == RECEIPT_REGISTER) {
        const struct hash tree = security_key(q->code);

        root = state_tree_root(
            rig_state(w->g, f->block.height), TABLE_HOLDINGS, &tree);
        assert_memory_equal(&root, &r->of.reg.security.roots[0], sizeof root);
    }
    if (q->kind == RECEIPT_TRANSACTION)
        assert_memory_equal(&f->tx.id, &q->tx, sizeof q->tx);
    if (q->kind == RECEIPT_CONSISTENCY ||
        (q->kind == RECEIPT_STATEMENT && !q->from_start))
        assert_int_equal(f->earlier.height, q->earlier);
    if (q->kind == RECEIPT_VALIDATORS)
        assert_int_equal(r->of.validators.epoch, q->epoch);
}

static void check_same(struct world *w,
                       const struct prove_request *q,
                       const struct prove_answer *made)
{
    struct prove_live live = {0};
    struct prove_answer a;

    prove_take(&live, rig_state(w->g, made->height), made->height, q);
    assert_true(live.any);
    assert_int_equal(prove(&a, w->prover, q, &live), ERR_NONE);
    assert_int_equal(a.receipt.size, made->receipt.size);
    assert_memory_equal(a.receipt.at, made->receipt.at, made->receipt.size);
    buf_deinit(&a.receipt);
    prove_live_free(&live);
}

/* P4. */
static void check_refused(struct world *w,
                          const struct prove_request *q,
                          enum err e)
{
    static struct holding_row h;
    bool held;

    assert_true(e == ERR_NOT_FOUND || e == ERR_REFUSED);
    if (e != ERR_REFUSED)
        return;
    assert_int_equal(q->kind, RECEIPT_UNENCUMBERED);
    if (q->by_date)
        return;
    held = has_entry(w, q, q->height, &h) && h.held;
    assert_true(held);
}

static void question(struct world *w)
{
    static struct receipt receipt;
    static struct receipt_facts facts;
    const struct prove_request q = ask(w);
    struct trust trust = rig_trust(w->g, q.anchor);
    struct prove_answer a;
    const enum err e = prove(&a, w->prover, &q, NULL);

    if (e != ERR_NONE) {
        check_refused(w, &q, e);
        return;
    }
    receipt_check(&facts, &receipt, buf_bytes(&a.receipt), &trust);
    if (facts.outcome != RECEIPT_PROVEN)
        fail_msg("kind %u height %llu anchor %llu: %s in %s",
                 q.kind,
                 (unsigned long long)a.height,
                 (unsigned long long)q.anchor,
                 fault_name(facts.fault),
                 facts.where);
    assert_int_equal(facts.kind, a.kind);
    assert_int_equal(facts.block.height, a.height);
    w->made[a.kind]++;
    check_facts(w, &q, &facts, &receipt);
    if (q.kind == RECEIPT_HOLDING || q.kind == RECEIPT_UNENCUMBERED ||
        q.kind == RECEIPT_REGISTER || q.kind == RECEIPT_STATEMENT)
        check_same(w, &q, &a);
    buf_deinit(&a.receipt);
}

static void test_receipts_of_random_markets(void **state)
{
    static struct world w;
    const char *text = getenv("MARKETS");
    uint64_t markets = 12;
    uint64_t seed;

    (void)state;
    assert_true(dice_seed(&seed));
    assert_true(text == NULL || num_parse_u64(&markets, text));
    for (uint64_t m = 0; m < markets; m++) {
        w.dice.state = seed + m * 1000003;
        w.g = rig_new(0);
        live(&w);
        kept_open(&w.kept, w.g, w.g->count - 1);
        w.prover = prover_new(w.kept.store, 0, 1 << (10 + m % 12));
        for (uint32_t i = 0; i < QUESTIONS; i++)
            question(&w);
        prover_free(w.prover);
        kept_close(&w.kept);
        rig_free(w.g);
    }
    for (uint8_t k = 1; k < RECEIPT_KINDS; k++) {
        printf("%s: %llu made and proven\n",
               receipt_kind_names[k],
               (unsigned long long)w.made[k]);
        assert_true(w.made[k] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receipts_of_random_markets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
