/* Receipts from a store: those of the story byte for byte, the past as it was
 * when it was the present, and what is refused. */
#include "audit/verify.h"
#include "node/prove_parts.h"
#include "tests/receipts/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/receipts/kept.h"

#define S1 "100001"
#define S2 "100002"

static struct story *story;
static struct kept kept;
static struct prover *prover;

static int set_up(void **state)
{
    (void)state;
    story = story_new();
    kept_open(&kept, story->g, story->g->count - 1);
    prover = prover_new(kept.store, 0, PROVE_CACHE_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    prover_free(prover);
    kept_close(&kept);
    story_free(story);
    return 0;
}

static struct prove_request ask(uint8_t kind, uint64_t height)
{
    return (struct prove_request){
        .kind = kind, .by_height = true, .height = height, .from_start = true};
}

static struct prove_request ask_position(uint8_t kind,
                                         uint64_t height,
                                         const char *code,
                                         char name)
{
    struct prove_request q = ask(kind, height);

    snprintf(q.code, sizeof q.code, "%s", code);
    if (name != 0)
        q.account = rig_account(story->g, name);
    return q;
}

static struct prove_request by_date(struct prove_request q)
{
    q.by_height = false;
    q.by_date = true;
    q.date = (uint32_t)(story->g->blocks[q.height].header.time_ms / RIG_DAY_MS);
    return q;
}

/* What the story wrote itself, but for who the holder is. */
static void same_as(const char *name, const struct prove_request *q)
{
    struct receipt r = *story_find(story, name);
    struct prove_answer a;
    struct buf wanted = {0};

    r.parts &= (uint8_t)~RECEIPT_DISCLOSURE;
    assert_int_equal(receipt_encode(&wanted, &r), ERR_NONE);
    assert_int_equal(prove(&a, prover, q, NULL), ERR_NONE);
    assert_int_equal(a.kind, r.kind);
    assert_int_equal(a.as_of, (r.parts & RECEIPT_AS_OF) != 0);
    assert_int_equal(a.receipt.size, wanted.size);
    assert_memory_equal(a.receipt.at, wanted.at, wanted.size);
    buf_deinit(&wanted);
    buf_deinit(&a.receipt);
}

static void test_prove_positions_of_the_story_are_the_same_bytes(void **state)
{
    struct prove_request q;

    (void)state;
    q = ask_position(RECEIPT_HOLDING, story->later, S1, 'A');
    same_as("holding", &q);
    q = by_date(ask_position(RECEIPT_HOLDING, story->first_seal, S1, 'B'));
    same_as("holding-as-of", &q);
    q = ask_position(RECEIPT_HOLDING, story->last, S1, 'Z');
    q.anchor = story->traded;
    same_as("holding-pinned", &q);
    q = ask_position(RECEIPT_HOLDING, story->registered, S1, 'C');
    q.anchor = story->traded;
    same_as("holding-linked", &q);
    q = ask_position(RECEIPT_HOLDING, story->traded, S1, 'Z');
    same_as("absence-leaf", &q);
    q = ask_position(RECEIPT_HOLDING, story->traded, S2, 'A');
    same_as("absence-tree", &q);
    q = ask_position(RECEIPT_HOLDING, story->later, S1, 'C');
    same_as("absence-row", &q);
    q = ask_position(RECEIPT_UNENCUMBERED, story->traded, S1, 'D');
    same_as("unencumbered", &q);
    q = ask_position(RECEIPT_UNENCUMBERED, story->later, "100003", 'A');
    same_as("unencumbered-one", &q);
}

static void test_prove_lists_of_the_story_are_the_same_bytes(void **state)
{
    struct prove_request q;

    (void)state;
    q = ask_position(RECEIPT_REGISTER, story->later, S1, 0);
    same_as("register", &q);
    q = by_date(ask_position(RECEIPT_REGISTER, story->last - 1, S1, 0));
    same_as("register-as-of", &q);
    q = ask_position(RECEIPT_REGISTER, story->traded, S2, 0);
    same_as("register-empty", &q);
    q = ask_position(RECEIPT_STATEMENT, story->last, S1, 'A');
    same_as("statement", &q);
    q.from_start = false;
    q.earlier = story->traded;
    same_as("statement-between", &q);
    q = ask_position(RECEIPT_STATEMENT, story->later, S1, 'D');
    q.from_start = false;
    q.earlier = story->traded;
    same_as("statement-quiet", &q);
}

static void test_prove_blocks_of_the_story_are_the_same_bytes(void **state)
{
    struct prove_request q = ask(RECEIPT_TRANSACTION, 0);
    struct tx *tx = malloc(sizeof *tx);

    (void)state;
    assert_non_null(tx);
    assert_int_equal(tx_decode(tx, story->g->blocks[story->traded].txs[1]),
                     ERR_NONE);
    q.tx = tx->id;
    free(tx);
    same_as("transaction", &q);
    q = ask(RECEIPT_CONSISTENCY, story->last);
    q.earlier = story->traded;
    same_as("consistency", &q);
    q = ask(RECEIPT_VALIDATORS, 0);
    q.epoch = 1;
    same_as("validators", &q);
    q.epoch = 2;
    same_as("validators-second", &q);
}

/* What was taken from the state as it stood after a block, and what the history
 * gives of that block later, are the same bytes. */
static void test_prove_past_is_what_the_state_gave_then(void **state)
{
    static const char names[] = "ABCDFXYZ";
    static const uint8_t kinds[] = {
        RECEIPT_HOLDING, RECEIPT_REGISTER, RECEIPT_STATEMENT};
    struct prover *small = prover_new(kept.store, 0, 100);
    uint32_t compared = 0;

    (void)state;
    for (uint64_t h = story->registered; h < story->g->count; h++) {
        for (size_t i = 0; i < sizeof names - 1; i++) {
            for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
                const struct prove_request q =
                    ask_position(kinds[k], h, S1, names[i]);
                struct prove_live live = {0};
                struct prove_answer then;
                struct prove_answer now;
                enum err e;

                prove_take(&live, rig_state(story->g, h), h, &q);
                assert_true(live.any);
                e = prove(&then, small, &q, &live);
                assert_int_equal(prove(&now, prover, &q, NULL), e);
                if (e == ERR_NONE) {
                    assert_int_equal(now.receipt.size, then.receipt.size);
                    assert_memory_equal(
                        now.receipt.at, then.receipt.at, then.receipt.size);
                    compared++;
                    buf_deinit(&now.receipt);
                    buf_deinit(&then.receipt);
                    /* A prover that keeps no list. */
                    assert_int_equal(prove(&now, small, &q, NULL), ERR_NONE);
                    buf_deinit(&now.receipt);
                }
                prove_live_free(&live);
            }
        }
    }
    assert_in_range(compared, 100, 1000);
    prover_free(small);
}

static void test_prove_live_of_another_height_is_not_used(void **state)
{
    const struct prove_request q =
        ask_position(RECEIPT_HOLDING, story->traded, S1, 'A');
    struct prove_live live = {0};
    struct prove_answer a;

    (void)state;
    prove_take(&live, rig_state(story->g, story->later), story->later, &q);
    assert_int_equal(prove(&a, prover, &q, &live), ERR_NONE);
    assert_int_equal(a.height, story->traded);
    buf_deinit(&a.receipt);
    prove_live_free(&live);
}

static void test_prove_newest_is_what_the_state_serves(void **state)
{
    struct prove_request q =
        ask_position(RECEIPT_HOLDING, story->last, S1, 'A');

    (void)state;
    assert_true(prove_wants_live(prover, &q));
    q.height = story->last - 1;
    assert_false(prove_wants_live(prover, &q));
    q.by_height = false;
    assert_true(prove_wants_live(prover, &q));
    q.by_date = true;
    q.date = UINT32_MAX / 2;
    assert_true(prove_wants_live(prover, &q));
    q.date = RIG_FIRST_DAY;
    assert_false(prove_wants_live(prover, &q));
    q = ask(RECEIPT_CONSISTENCY, story->last);
    assert_false(prove_wants_live(prover, &q));
}

static void fails(const struct prove_request *q, enum err wanted)
{
    struct prove_answer a;

    assert_int_equal(prove(&a, prover, q, NULL), wanted);
    assert_null(a.receipt.at);
    if (wanted == ERR_RANGE)
        assert_int_equal(a.height, story->last);
    else
        assert_true(strlen(a.why) > 0);
}

static void test_prove_what_is_not_there_is_not_found(void **state)
{
    struct prove_request q =
        ask_position(RECEIPT_HOLDING, story->last, S1, 'A');

    (void)state;
    q.height = story->last + 1;
    fails(&q, ERR_RANGE);
    q.height = story->last;
    q.min_height = story->last + 1;
    fails(&q, ERR_RANGE);
    q.min_height = 0;
    q.anchor = story->last;
    fails(&q, ERR_NOT_FOUND);
    q.anchor = story->last + 1;
    fails(&q, ERR_NOT_FOUND);
    q.anchor = 0;
    q.account.raw[0] ^= 1;
    fails(&q, ERR_NOT_FOUND);
    q = ask_position(RECEIPT_HOLDING, story->last, "NONE", 'A');
    fails(&q, ERR_NOT_FOUND);
    q = by_date(ask_position(RECEIPT_HOLDING, 0, S1, 'A'));
    q.date -= 1;
    fails(&q, ERR_NOT_FOUND);
    q = ask(RECEIPT_TRANSACTION, 0);
    fails(&q, ERR_NOT_FOUND);
    q = ask(RECEIPT_VALIDATORS, 0);
    fails(&q, ERR_NOT_FOUND);
    q.epoch = 3;
    fails(&q, ERR_NOT_FOUND);
    q = ask(RECEIPT_CONSISTENCY, story->last);
    q.earlier = story->last;
    fails(&q, ERR_NOT_FOUND);
    q = ask_position(RECEIPT_STATEMENT, story->traded, S1, 'Z');
    fails(&q, ERR_NOT_FOUND);
    q = ask_position(RECEIPT_STATEMENT, story->last, S1, 'Z');
    q.from_start = false;
    q.earlier = story->traded;
    fails(&q, ERR_NOT_FOUND);
}

static void test_prove_encumbered_is_refused(void **state)
{
    struct prove_request q =
        ask_position(RECEIPT_UNENCUMBERED, story->traded, S1, 'A');

    (void)state;
    fails(&q, ERR_REFUSED); /* pledged */
    q = ask_position(RECEIPT_UNENCUMBERED, story->traded, S1, 'B');
    fails(&q, ERR_REFUSED); /* frozen */
    q = ask_position(RECEIPT_UNENCUMBERED, story->traded, S1, 'C');
    fails(&q, ERR_NOT_FOUND); /* sold */
    q = ask_position(RECEIPT_UNENCUMBERED, story->traded, S1, 'Z');
    fails(&q, ERR_NOT_FOUND); /* never there */
}

static void test_prove_genesis_is_linked(void **state)
{
    struct prove_request q = ask(RECEIPT_CONSISTENCY, story->last);
    static struct receipt r;
    static struct receipt_facts f;
    struct prove_answer a;

    (void)state;
    q.earlier = 0;
    assert_int_equal(prove(&a, prover, &q, NULL), ERR_NONE);
    receipt_check(&f, &r, buf_bytes(&a.receipt), &story->trust);
    assert_int_equal(f.outcome, RECEIPT_PROVEN);
    buf_deinit(&a.receipt);
    /* Before the register there was neither account nor security. */
    q = ask_position(RECEIPT_HOLDING, 0, S1, 'A');
    fails(&q, ERR_NOT_FOUND);
}

static void test_prove_damaged_history_gives_nothing(void **state)
{
    struct kept wrong = {.wrong = story->traded};
    struct prover *own = prover;
    struct prove_request q =
        ask_position(RECEIPT_HOLDING, story->traded, S1, 'F');
    struct prove_answer a;

    (void)state;
    kept_open(&wrong, story->g, story->g->count - 1);
    prover = prover_new(wrong.store, 0, PROVE_CACHE_BYTES);
    fails(&q, ERR_CORRUPT);
    q.kind = RECEIPT_REGISTER;
    fails(&q, ERR_CORRUPT);
    q = ask_position(RECEIPT_HOLDING, story->registered, S1, 'F');
    assert_int_equal(prove(&a, prover, &q, NULL), ERR_NONE);
    buf_deinit(&a.receipt);
    prover_free(prover);
    kept_close(&wrong);
    prover = own;
}

/* Every size of the log, 0, 1 and powers of two among them. */
static void test_prove_consistency_of_any_two_heights(void **state)
{
    static struct receipt r;
    static struct receipt_facts f;
    struct prove_answer a;
    uint32_t proven = 0;

    (void)state;
    assert_true(story->last > 8);
    for (uint64_t later = 1; later <= story->last; later++) {
        for (uint64_t earlier = 0; earlier < later; earlier++) {
            struct prove_request q = ask(RECEIPT_CONSISTENCY, later);

            q.earlier = earlier;
            assert_int_equal(prove(&a, prover, &q, NULL), ERR_NONE);
            receipt_check(&f, &r, buf_bytes(&a.receipt), &story->trust);
            assert_int_equal(f.outcome, RECEIPT_PROVEN);
            assert_int_equal(f.earlier.height, earlier);
            assert_int_equal(f.block.height, later);
            buf_deinit(&a.receipt);
            proven++;
        }
    }
    assert_int_equal(proven, story->last * (story->last + 1) / 2);
}

/* What no client would take is refused when that is seen, and the room for it
 * is given back. */
static void test_prove_receipt_too_long_for_an_answer_is_refused(void **state)
{
    struct prove_request q =
        ask_position(RECEIPT_REGISTER, story->later, S1, 0);
    struct prove_answer a;

    (void)state;
    assert_true(2 * (uint64_t)prover->bytes_max < 256u << 20);
    assert_int_equal(prove(&a, prover, &q, NULL), ERR_NONE);
    prover->bytes_max = a.receipt.size - 1;
    buf_deinit(&a.receipt);
    fails(&q, ERR_FULL);
    prover->bytes_max = 200; /* a line or two */
    fails(&q, ERR_FULL);
    q = ask_position(RECEIPT_STATEMENT, story->last, S1, 'A');
    fails(&q, ERR_FULL);
    prover->bytes_max = PROVE_BYTES_MAX;
    buf_reserve(&prover->items, 8u << 20);
    same_as("statement", &q);
    assert_true(prover->items.cap <= 1u << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prove_consistency_of_any_two_heights),
        cmocka_unit_test(test_prove_receipt_too_long_for_an_answer_is_refused),
        cmocka_unit_test(test_prove_positions_of_the_story_are_the_same_bytes),
        cmocka_unit_test(test_prove_lists_of_the_story_are_the_same_bytes),
        cmocka_unit_test(test_prove_blocks_of_the_story_are_the_same_bytes),
        cmocka_unit_test(test_prove_past_is_what_the_state_gave_then),
        cmocka_unit_test(test_prove_live_of_another_height_is_not_used),
        cmocka_unit_test(test_prove_newest_is_what_the_state_serves),
        cmocka_unit_test(test_prove_what_is_not_there_is_not_found),
        cmocka_unit_test(test_prove_encumbered_is_refused),
        cmocka_unit_test(test_prove_genesis_is_linked),
        cmocka_unit_test(test_prove_damaged_history_gives_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
