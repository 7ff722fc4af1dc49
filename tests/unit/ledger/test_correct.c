/* Corrections and the claims they leave. */
#include "tests/unit/ledger/moves.h"

static struct op_correct correction(struct world *w, uint64_t q)
{
    return (struct op_correct){.security = "100001",
                               .wrong_tx = {{9}},
                               .reason = CORRECTION_ACCOUNT,
                               .from = world_account(w, HOLDER_A),
                               .to = world_account(w, HOLDER_B),
                               .quantity = {q},
                               .document = {{1}}};
}

/* R102: History is not changed: a correction is an entry of its own, with the
 * signature of whoever loses shares by it or a decision.
 *
 * R103: A correction names the transaction that was wrong. */
static void test_correct_moves_back_what_is_there(void **state)
{
    struct world *w = with_t_plus(5, 1000, 0, 0);
    struct op_correct op = correction(w, 400);

    (void)state;
    w->skip_account[HOLDER_A] = true;
    world_refused(w, OP_CORRECT, &op, V_SIG_MISSING);
    w->skip_account[HOLDER_A] = false;
    op.wrong_tx = (struct hash){{0}};
    world_refused(w, OP_CORRECT, &op, V_UNKNOWN);
    op.wrong_tx.raw[0] = 1;
    close_register(w);
    set_status(w, SECURITY_SUSPENDED);
    goes(w, OP_CORRECT, &op);
    assert_int_equal(last_event(w)->kind, EVENT_CORRECTED);
    assert_int_equal(last_event(w)->flags, EVENT_DURING_CLOSURE);
    assert_int_equal(total(w, HOLDER_B), 400);
    world_free(w);
}

/* R104: A correction takes back only shares that the wrong holder still has
 * free of pledge and freeze; nothing is taken from a later holder in good
 * faith, and the rest becomes an open claim if that is asked.
 *
 * R105: A claim is reduced and closed by its creditor and the registrar. */
static void test_correct_leaves_a_claim_for_the_rest(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_correct op = correction(w, 800);
    struct op_claim_close close = {.security = "100001",
                                   .number = 1,
                                   .creditor = world_account(w, HOLDER_B),
                                   .quantity = {401},
                                   .document = {{1}}};

    (void)state;
    sells(w, HOLDER_A, HOLDER_C, 500); /* in good faith */
    assert_int_equal(pledge(w, 100), V_OK);
    world_refused(w, OP_CORRECT, &op, V_CORRECTION_UNRECOVERABLE);
    assert_int_equal(w->why.have, 400);
    op.claim = true;
    goes(w, OP_CORRECT, &op);
    assert_int_equal(total(w, HOLDER_B), 400);
    assert_int_equal(total(w, HOLDER_C), 500);
    assert_int_equal(security_now(w).claims_open, 1);
    assert_int_equal(account_of(w, HOLDER_B).rights, 1);
    goes(w, OP_CORRECT, &op); /* nothing left: only a claim */
    assert_int_equal(security_now(w).claims_open, 2);
    world_refused(w, OP_CLAIM_CLOSE, &close, V_QUANTITY);
    close.quantity.shares = 0;
    world_refused(w, OP_CLAIM_CLOSE, &close, V_QUANTITY);
    close.quantity.shares = 150;
    goes(w, OP_CLAIM_CLOSE, &close);
    assert_int_equal(security_now(w).claims_open, 2);
    close.quantity.shares = 250;
    goes(w, OP_CLAIM_CLOSE, &close);
    assert_int_equal(security_now(w).claims_open, 1);
    assert_int_equal(account_of(w, HOLDER_B).rights, 1);
    close.quantity.shares = 1;
    world_refused(w, OP_CLAIM_CLOSE, &close, V_CLAIM_STATE);
    close.creditor = world_account(w, HOLDER_C);
    world_refused(w, OP_CLAIM_CLOSE, &close, V_UNKNOWN);
    set_status(w, SECURITY_WITHDRAWN);
    close.creditor = world_account(w, HOLDER_B);
    world_refused(w, OP_CLAIM_CLOSE, &close, V_WITHDRAWN);
    world_free(w);
}

static void test_correct_by_decision_needs_no_signature_of_the_loser(
    void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_correct_by_decision op = {.security = "100001",
                                        .wrong_tx = {{9}},
                                        .reason = CORRECTION_FORGED,
                                        .from = world_account(w, HOLDER_A),
                                        .to = world_account(w, HOLDER_B),
                                        .quantity = {1001},
                                        .authority = "COURT-A",
                                        .document = {{1}}};

    (void)state;
    w->skip_account[HOLDER_A] = true;
    world_at(w, w->date);
    world_refused(w, OP_CORRECT_BY_DECISION, &op, V_CORRECTION_UNRECOVERABLE);
    op.quantity.shares = 1000;
    memcpy(op.authority, "COURT-Z", 8);
    world_refused(w, OP_CORRECT_BY_DECISION, &op, V_UNKNOWN);
    memcpy(op.authority, "COURT-A", 8);
    op.document = (struct hash){{0}};
    world_refused(w, OP_CORRECT_BY_DECISION, &op, V_SIG_MISSING);
    op.document.raw[0] = 1;
    goes(w, OP_CORRECT_BY_DECISION, &op);
    assert_int_equal(total(w, HOLDER_B), 1000);
    world_free(w);
}

static void test_correct_refusals(void **state)
{
    struct world *w = with(1000, 0, 0);
    struct op_correct op = correction(w, 0);

    (void)state;
    world_refused(w, OP_CORRECT, &op, V_QUANTITY);
    op.quantity.shares = UINT64_MAX;
    world_refused(w, OP_CORRECT, &op, V_QUANTITY);
    op.quantity.shares = INT64_MAX;
    world_refused(w, OP_CORRECT, &op, V_CORRECTION_UNRECOVERABLE);
    op.to = op.from;
    world_refused(w, OP_CORRECT, &op, V_SELF);
    op.to = world_account(w, HOLDER_B);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_CORRECT, &op, V_WITHDRAWN);
    set_status(w, SECURITY_DRAFT);
    world_refused(w, OP_CORRECT, &op, V_SECURITY_STATE);
    set_account_status(w, HOLDER_B, ACCOUNT_CLOSED);
    world_refused(w, OP_CORRECT, &op, V_ACCOUNT_STATE);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correct_moves_back_what_is_there),
        cmocka_unit_test(test_correct_leaves_a_claim_for_the_rest),
        cmocka_unit_test(
            test_correct_by_decision_needs_no_signature_of_the_loser),
        cmocka_unit_test(test_correct_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
