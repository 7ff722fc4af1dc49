/* A holding has room for so many segments: 48 for what its parties do, 128 for
 * what the law or a court does. */
#include "tests/unit/ledger/moves.h"

/* B's position is full; what A gives is like no segment of it. */
static struct world *with_full_receiver(uint32_t segments)
{
    struct world *w = with(1000, 500, 0);

    shatter(w, HOLDER_B, segments);
    return w;
}

static void test_gift_into_48_segments_is_refused(void **state)
{
    struct world *w = with_full_receiver(SEGMENTS_VOLUNTARY_MAX);
    const struct op_transfer_gift op = {.security = "100001",
                                        .from = world_account(w, HOLDER_A),
                                        .to = world_account(w, HOLDER_B),
                                        .quantity = {1},
                                        .selector = {NATURE_ANY, 0, 0},
                                        .document = {{1}}};

    (void)state;
    world_refused(w, OP_TRANSFER_GIFT, &op, V_LIMIT);
    shatter(w, HOLDER_B, SEGMENTS_VOLUNTARY_MAX - 1);
    goes(w, OP_TRANSFER_GIFT, &op);
    world_free(w);
}

static void test_transfer_pledged_into_48_segments_is_refused(void **state)
{
    struct world *w = with_full_receiver(SEGMENTS_VOLUNTARY_MAX);
    const struct op_transfer_pledged op = {.security = "100001",
                                           .number = 1,
                                           .from = world_account(w, HOLDER_A),
                                           .to = world_account(w, HOLDER_B),
                                           .quantity = {1},
                                           .treatment = TREATMENT_CARRY,
                                           .price_fen = 1,
                                           .payment = {{1}},
                                           .proceeds = {{1}}};

    (void)state;
    assert_int_equal(pledge(w, 10), V_OK);
    world_refused(w, OP_TRANSFER_PLEDGED, &op, V_LIMIT);
    shatter(w, HOLDER_B, SEGMENTS_VOLUNTARY_MAX - 1);
    goes(w, OP_TRANSFER_PLEDGED, &op);
    world_free(w);
}

/* A lock on a part of a segment makes two of it. */
static void test_lock_in_48_segments_is_refused(void **state)
{
    struct world *w = with_full_receiver(SEGMENTS_VOLUNTARY_MAX);
    struct op_lock_set set = {.security = "100001",
                              .account = world_account(w, HOLDER_B),
                              .quantity = {25},
                              .until = TODAY + 7,
                              .document = {{1}}};
    struct op_lock_lift lift = {.security = "100001",
                                .account = world_account(w, HOLDER_B),
                                .quantity = {25},
                                .until = TODAY + 5000,
                                .document = {{1}}};
    struct holding_row h;

    (void)state;
    /* The last segment has what is left of the 500; without a lock. */
    h = *world_holding(w, S, HOLDER_B);
    h.segments[h.segment_count - 1].lock_until = 0;
    h.segments[h.segment_count - 1].nature++;
    put_holding(w, HOLDER_B, &h);
    world_refused(w, OP_LOCK_SET, &set, V_LIMIT);
    set.quantity.shares = 24 + 453; /* all that have none: nothing is split */
    goes(w, OP_LOCK_SET, &set);
    for (uint32_t k = 0; k < h.segment_count; k++) {
        h.segments[k].nature = (uint8_t)(k + 1); /* none merges when free */
        h.segments[k].lock_until = TODAY + 5000;
    }
    put_holding(w, HOLDER_B, &h);
    lift.quantity.shares = 48;
    world_refused(w, OP_LOCK_LIFT, &lift, V_LIMIT);
    lift.quantity.shares = 47;
    goes(w, OP_LOCK_LIFT, &lift);
    world_free(w);
}

static void test_corrections_into_128_segments_are_refused(void **state)
{
    struct world *w = with_full_receiver(SEGMENTS_MAX);
    struct op_correct op = {.security = "100001",
                            .wrong_tx = {{9}},
                            .reason = CORRECTION_ACCOUNT,
                            .from = world_account(w, HOLDER_A),
                            .to = world_account(w, HOLDER_B),
                            .quantity = {1},
                            .document = {{1}}};
    const struct op_correct_by_decision by_decision = {.security = "100001",
                                                       .wrong_tx = {{9}},
                                                       .reason =
                                                           CORRECTION_ACCOUNT,
                                                       .from = op.from,
                                                       .to = op.to,
                                                       .quantity = {1},
                                                       .authority = "COURT-A",
                                                       .document = {{1}}};

    (void)state;
    world_at(w, w->date); /* courts first in a block */
    world_refused(w, OP_CORRECT_BY_DECISION, &by_decision, V_LIMIT);
    world_refused(w, OP_CORRECT, &op, V_LIMIT);
    shatter(w, HOLDER_B, SEGMENTS_MAX - 1);
    goes(w, OP_CORRECT, &op);
    world_free(w);
}

static void test_deed_into_128_segments_is_refused(void **state)
{
    struct world *w = with_full_receiver(SEGMENTS_MAX);
    struct op_transfer_deed *op = calloc(1, sizeof *op);

    (void)state;
    memcpy(op->security, S, sizeof S);
    op->from = world_account(w, HOLDER_A);
    op->ground = GROUND_DIVORCE;
    op->part_count = 1;
    op->parts[0].to = world_account(w, HOLDER_B);
    op->parts[0].quantity.shares = 1;
    op->document.raw[0] = 1;
    world_refused(w, OP_TRANSFER_DEED, op, V_LIMIT);
    shatter(w, HOLDER_B, SEGMENTS_MAX - 1);
    goes(w, OP_TRANSFER_DEED, op);
    free(op);
    world_free(w);
}

static void test_merger_into_128_segments_is_refused(void **state)
{
    struct world *w = with_full_receiver(SEGMENTS_MAX);
    const struct op_transfer_merger op = {.security = "100001",
                                          .from = world_account(w, HOLDER_A),
                                          .to = world_account(w, HOLDER_B),
                                          .document = {{1}}};

    (void)state;
    world_refused(w, OP_TRANSFER_MERGER, &op, V_LIMIT);
    shatter(w, HOLDER_B, SEGMENTS_MAX - 1);
    goes(w, OP_TRANSFER_MERGER, &op);
    world_free(w);
}

static void test_court_transfer_into_128_segments_is_refused(void **state)
{
    struct world *w = with_full_receiver(SEGMENTS_MAX);
    const struct op_transfer_judicial op = {.security = "100001",
                                            .from = world_account(w, HOLDER_A),
                                            .to = world_account(w, HOLDER_B),
                                            .quantity = {1},
                                            .authority = "COURT-A",
                                            .document = {{1}}};

    (void)state;
    world_at(w, w->date); /* courts first in a block */
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_LIMIT);
    shatter(w, HOLDER_B, SEGMENTS_MAX - 1);
    goes(w, OP_TRANSFER_JUDICIAL, &op);
    world_free(w);
}

static void test_title_into_128_segments_is_refused(void **state)
{
    struct world *w = with_full_receiver(SEGMENTS_MAX);
    struct account_row a = account_of(w, HOLDER_A);
    struct holding_row h = *world_holding(w, S, HOLDER_A);
    const struct op_title_confirm op = {.security = "100001",
                                        .from = world_account(w, HOLDER_A),
                                        .to = world_account(w, HOLDER_B),
                                        .quantity = {1},
                                        .nature = NATURE_ANY,
                                        .document = {{1}}};
    struct security_row s = security_now(w);

    (void)state;
    a.kind = ACCOUNT_UNCONFIRMED;
    put_account(w, HOLDER_A, &a);
    h.kind = ACCOUNT_UNCONFIRMED;
    s.holder_count -= h.weight;
    h.weight = 0;
    put_holding(w, HOLDER_A, &h);
    put_security(w, &s);
    world_refused(w, OP_TITLE_CONFIRM, &op, V_LIMIT);
    shatter(w, HOLDER_B, SEGMENTS_MAX - 1);
    goes(w, OP_TITLE_CONFIRM, &op);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gift_into_48_segments_is_refused),
        cmocka_unit_test(test_transfer_pledged_into_48_segments_is_refused),
        cmocka_unit_test(test_lock_in_48_segments_is_refused),
        cmocka_unit_test(test_corrections_into_128_segments_are_refused),
        cmocka_unit_test(test_deed_into_128_segments_is_refused),
        cmocka_unit_test(test_merger_into_128_segments_is_refused),
        cmocka_unit_test(test_court_transfer_into_128_segments_is_refused),
        cmocka_unit_test(test_title_into_128_segments_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
