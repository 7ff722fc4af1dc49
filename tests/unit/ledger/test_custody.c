/* Closings of the register, withdrawal and the change of the registrar. */
#include "tests/unit/ledger/world.h"

static const char S[] = "100001";
static const struct hash zero;

static uint32_t day_of(const char *text)
{
    uint32_t day = 0;

    assert_true(num_parse_date(&day, text));
    return day;
}

static struct world *with_security(uint64_t a, uint64_t b, uint64_t c)
{
    struct world *w = world_new();
    const uint64_t q[3] = {a, b, c};

    world_security(w, S, 0, 200);
    world_register(w, S, q);
    return w;
}

static struct security_row row_of(struct world *w)
{
    struct security_row s = {0};

    assert_true(exec_security(&w->view, &s, S));
    return s;
}

static void force(struct world *w, const struct security_row *s)
{
    const struct hash key = security_key(S);

    world_force(w, TABLE_SECURITIES, &zero, &key, s);
}

static void force_status(struct world *w, enum security_status status)
{
    struct security_row s = row_of(w);

    s.status = (uint8_t)status;
    force(w, &s);
}

static struct op_closure_set closing(enum closure_kind kind, uint32_t base)
{
    return (struct op_closure_set){
        .security = "100001", .kind = (uint8_t)kind, .base = base};
}

static bool closed_on(struct world *w, const char *day)
{
    const struct exec x = {.b = &w->block};
    const struct security_row s = row_of(w);

    world_at(w, day_of(day));
    return exec_register_closed(&x, &s);
}

/* W13.  R51: The register is closed from the 5th day before a dividend base
 * date to the base date itself. */
static void test_closure_before_a_dividend_follows_w13(void **state)
{
    struct world *w = with_security(5, 0, 0);
    const struct op_closure_set op =
        closing(CLOSURE_DIVIDEND, day_of("2026-06-30"));

    (void)state;
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &op), V_OK);
    assert_false(closed_on(w, "2026-06-24"));
    assert_true(closed_on(w, "2026-06-25"));
    assert_true(closed_on(w, "2026-06-26"));
    assert_true(closed_on(w, "2026-06-29"));
    assert_true(closed_on(w, "2026-06-30"));
    assert_false(closed_on(w, "2026-07-01"));
    world_free(w);
}

/* W13.  R50: The register is closed from the 20th day before a shareholders'
 * meeting to the day before it. */
static void test_closure_before_a_meeting_follows_w13(void **state)
{
    struct world *w = with_security(5, 0, 0);
    const struct op_closure_set op =
        closing(CLOSURE_MEETING, day_of("2026-06-15"));

    (void)state;
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &op), V_OK);
    assert_false(closed_on(w, "2026-05-25"));
    assert_true(closed_on(w, "2026-05-26"));
    assert_true(closed_on(w, "2026-06-14"));
    assert_false(closed_on(w, "2026-06-15"));
    world_free(w);
}

/* R52: A closing is entered before its base date, once for each kind and date;
 * when it is over it is dropped. */
static void test_closure_set_borders(void **state)
{
    struct world *w = with_security(5, 0, 0);
    struct op_closure_set op = closing(CLOSURE_MEETING, TODAY);

    (void)state;
    world_refused(w, OP_CLOSURE_SET, &op, V_DATE);
    op.base = 0;
    world_refused(w, OP_CLOSURE_SET, &op, V_DATE);
    op.base = TODAY + 1;
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &op), V_OK);
    world_refused(w, OP_CLOSURE_SET, &op, V_EXISTS);
    force_status(w, SECURITY_DRAFT);
    world_refused(w, OP_CLOSURE_SET, &op, V_EXISTS); /* 307 before 400 */
    force_status(w, SECURITY_SUSPENDED);
    op.kind = CLOSURE_DIVIDEND;
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &op), V_OK);
    for (uint32_t i = 2; i < CLOSURES_MAX; i++) {
        op.base = TODAY + i;
        assert_int_equal(world_do(w, OP_CLOSURE_SET, &op), V_OK);
    }
    op.base = TODAY + CLOSURES_MAX;
    world_refused(w, OP_CLOSURE_SET, &op, V_LIMIT);
    op.base = TODAY;
    world_refused(w, OP_CLOSURE_SET, &op, V_DATE); /* 501 before 701 */
    world_at(w, TODAY + 1); /* the meeting is over, its eve was yesterday */
    op.base = TODAY + CLOSURES_MAX;
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &op), V_OK);
    assert_int_equal(row_of(w).closure_count, CLOSURES_MAX);
    world_free(w);
}

/* R53: A closing that is not over may be taken back; the register is open from
 * then on. */
static void test_closure_cancel_opens_the_register(void **state)
{
    struct world *w = with_security(5, 0, 0);
    const struct exec x = {.b = &w->block};
    const struct op_closure_set set = closing(CLOSURE_MEETING, TODAY + 1);
    const struct op_closure_set other = closing(CLOSURE_DIVIDEND, TODAY + 9);
    struct op_closure_cancel op = {
        .security = "100001", .kind = CLOSURE_MEETING, .base = TODAY + 1};
    struct security_row s;

    (void)state;
    world_refused(w, OP_CLOSURE_CANCEL, &op, V_UNKNOWN);
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &set), V_OK);
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &other), V_OK);
    s = row_of(w);
    assert_true(exec_register_closed(&x, &s));
    op.kind = CLOSURE_DIVIDEND;
    world_refused(w, OP_CLOSURE_CANCEL, &op, V_UNKNOWN);
    op.kind = CLOSURE_MEETING;
    force_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_CLOSURE_CANCEL, &op, V_SECURITY_STATE);
    force_status(w, SECURITY_REGISTERED);
    assert_int_equal(world_do(w, OP_CLOSURE_CANCEL, &op), V_OK);
    s = row_of(w);
    assert_false(exec_register_closed(&x, &s));
    assert_int_equal(s.closure_count, 1);
    assert_int_equal(s.closures[0].base, TODAY + 9);
    op.kind = CLOSURE_DIVIDEND;
    op.base = TODAY + 9;
    world_at(w, TODAY + 10); /* over: there is nothing to take back */
    world_refused(w, OP_CLOSURE_CANCEL, &op, V_UNKNOWN);
    world_free(w);
}

static struct hash snapshot_of(struct world *w)
{
    const struct hash key = security_key(S);

    return w->view.snapshot(w->view.ctx, &key);
}

static struct op_security_withdraw withdrawal(struct world *w)
{
    return (struct op_security_withdraw){
        .security = "100001", .root = snapshot_of(w), .document = {{1}}};
}

/* R54: The snapshot root cited when custody ends or passes over is that of the
 * register as it stands; any change of the security since, in the same block
 * too, is a mismatch. */
static void test_withdraw_cites_the_register_as_it_stands(void **state)
{
    struct world *w = with_security(5, 6, 7);
    struct op_security_withdraw op = withdrawal(w);
    const struct op_closure_set change = closing(CLOSURE_MEETING, TODAY + 100);

    (void)state;
    op.document = zero;
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_SIG_MISSING);
    op.document.raw[0] = 1;
    op.root.raw[31] ^= 1;
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_ROOT_MISMATCH);
    op.root = zero;
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_ROOT_MISMATCH);
    op.root = snapshot_of(w);
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &change), V_OK);
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_ROOT_MISMATCH);
    op.root = snapshot_of(w);
    assert_int_equal(world_do(w, OP_SECURITY_WITHDRAW, &op), V_OK);
    assert_int_equal(row_of(w).status, SECURITY_WITHDRAWN);
    world_free(w);
}

static struct hash touched(void *ctx, const struct hash *security)
{
    (void)ctx;
    (void)security;
    return zero;
}

/* As when another operation of the block has touched the security: zeros do
 * not agree with zeros. */
static void test_withdraw_in_the_block_of_a_change_is_refused(void **state)
{
    struct world *w = with_security(5, 6, 7);
    struct op_security_withdraw op = withdrawal(w);

    (void)state;
    w->view.snapshot = touched;
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_ROOT_MISMATCH);
    op.root = zero;
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_ROOT_MISMATCH);
    world_free(w);
}

static enum verdict pledge(struct world *w, int who, uint64_t q)
{
    struct op_pledge_create op = {.security = "100001",
                                  .pledgor = world_account(w, who),
                                  .pledgee = world_account(w, BANK),
                                  .quantity = {q},
                                  .selector = {NATURE_ANY, 0, 0},
                                  .constitutive_register = REGISTER_THIS,
                                  .document = {{1}}};

    return world_do(w, OP_PLEDGE_CREATE, &op);
}

static enum verdict freeze(struct world *w, int who, uint64_t q)
{
    struct op_freeze_create op = {.security = "100001",
                                  .account = world_account(w, who),
                                  .authority = "COURT-A",
                                  .service_ms = 1000,
                                  .from = w->date,
                                  .to = w->date + 100,
                                  .quantity = {q},
                                  .document = {{1}}};

    world_at(w, w->date); /* court operations open a block */
    return world_do(w, OP_FREEZE_CREATE, &op);
}

/* R55: Custody of a security ends only when no claim, pledge or freeze on it is
 * open. */
static void test_withdraw_with_open_rights_is_refused(void **state)
{
    struct world *w = with_security(5, 6, 7);
    struct op_security_withdraw op;
    struct security_row s;

    (void)state;
    assert_int_equal(pledge(w, HOLDER_A, 5), V_OK);
    op = withdrawal(w);
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_NOT_EMPTY);
    force_status(w, SECURITY_SUSPENDED);
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_NOT_EMPTY); /* 316 < 400 */
    world_free(w);

    w = with_security(5, 6, 7);
    assert_int_equal(freeze(w, HOLDER_B, 1), V_OK);
    op = withdrawal(w);
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_NOT_EMPTY);
    world_free(w);

    w = with_security(5, 6, 7);
    s = row_of(w);
    s.claims_open = 1;
    force(w, &s);
    op = withdrawal(w);
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_NOT_EMPTY);
    world_free(w);
}

/* R56: A listed security is taken off its board before it leaves the register.
 *
 * R57: What has left the register stays readable, marked as without legal
 * effect. */
static void test_withdrawn_security_takes_nothing_and_stays(void **state)
{
    struct world *w = with_security(5, 6, 7);
    const struct op_security_list list = {.security = "100001", .tier = 1};
    const struct op_security_delist delist = {.security = "100001"};
    const struct op_closure_set set = closing(CLOSURE_MEETING, TODAY + 9);
    const struct op_custody_transfer transfer = {
        .security = "100001", .registrar = 2, .document = {{1}}};
    struct op_closure_cancel cancel = {
        .security = "100001", .kind = CLOSURE_DIVIDEND, .base = TODAY + 99};
    const struct op_closure_set other = closing(CLOSURE_DIVIDEND, TODAY + 99);
    const struct op_board_open board = {
        .security = "100001", .new_code = "200001", .tier = 1};
    struct op_security_withdraw op;

    (void)state;
    world_institution(w, 2, ROLE_REGISTRAR);
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &other), V_OK);
    assert_int_equal(world_do(w, OP_SECURITY_LIST, &list), V_OK);
    op = withdrawal(w);
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_SECURITY_STATE);
    assert_int_equal(world_do(w, OP_SECURITY_DELIST, &delist), V_OK);
    op = withdrawal(w);
    assert_int_equal(world_do(w, OP_SECURITY_WITHDRAW, &op), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_B).total, 6);
    assert_int_equal(row_of(w).issued.shares, 18);
    assert_true(world_sums_hold(w));
    op = withdrawal(w);
    world_refused(w, OP_SECURITY_WITHDRAW, &op, V_WITHDRAWN);
    world_refused(w, OP_SECURITY_LIST, &list, V_WITHDRAWN);
    world_refused(w, OP_CLOSURE_SET, &set, V_WITHDRAWN);
    world_refused(w, OP_CLOSURE_CANCEL, &cancel, V_WITHDRAWN);
    world_refused(w, OP_CUSTODY_TRANSFER, &transfer, V_WITHDRAWN);
    world_refused(w, OP_BOARD_OPEN, &board, V_WITHDRAWN);
    assert_int_equal(pledge(w, HOLDER_A, 1), V_WITHDRAWN);
    assert_int_equal(freeze(w, HOLDER_A, 1), V_WITHDRAWN);
    world_free(w);
}

/* The register of W37: three pledges of 45,000, freezes of 7,000 and 3,000
 * queued. */
static struct world *encumbered(void)
{
    struct world *w = with_security(600000, 393000, 7000);

    world_institution(w, 2, ROLE_REGISTRAR);
    world_institution(w, 3, ROLE_MEMBER);
    assert_int_equal(pledge(w, HOLDER_A, 20000), V_OK);
    assert_int_equal(pledge(w, HOLDER_A, 15000), V_OK);
    assert_int_equal(pledge(w, HOLDER_B, 10000), V_OK);
    assert_int_equal(freeze(w, HOLDER_C, 7000), V_OK);
    assert_int_equal(freeze(w, HOLDER_C, 3000), V_OK);
    assert_int_equal(row_of(w).pledged.shares, 45000);
    assert_int_equal(row_of(w).pledges_open, 3);
    assert_int_equal(row_of(w).frozen.shares, 7000);
    assert_int_equal(row_of(w).queued.shares, 3000);
    return w;
}

static struct op_custody_transfer handover(struct world *w)
{
    return (struct op_custody_transfer){.security = "100001",
                                        .registrar = 2,
                                        .root = snapshot_of(w),
                                        .document = {{1}}};
}

/* Institution 1 alone files the operation and signs. */
static enum verdict by_the_first(struct world *w, uint8_t kind, const void *op)
{
    struct tx *tx = calloc(1, sizeof *tx);
    enum verdict v;

    assert_non_null(tx);
    w->skip_checker = true; /* not applied yet: a checker lacks */
    assert_int_equal(world_do_full(w, kind, op, tx), V_SIG_MISSING);
    w->skip_checker = false;
    tx->principal_count = 1;
    tx->principals[0] =
        (struct principal){PRINCIPAL_INSTITUTION, institution_id(1)};
    tx->sig_count = 2;
    tx->sigs[0] =
        (struct tx_sig){.key_type = 1, .key = world_key(KEY_OF_MAKER)};
    tx->sigs[1] =
        (struct tx_sig){.key_type = 1, .key = world_key(KEY_OF_CHECKER)};
    v = world_apply(w, tx);
    free(tx);
    return v;
}

/* W37.  R58: A register passes to another registrar with every position,
 * pledge, freeze, queue and mark unchanged; from then on the former registrar
 * cannot act on it. */
static void test_custody_transfer_follows_w37(void **state)
{
    struct world *w = encumbered();
    const struct op_security_suspend suspend = {.security = "100001"};
    const struct op_security_resume resume = {.security = "100001"};
    struct op_custody_transfer op = handover(w);
    const struct security_row before = row_of(w);
    struct security_row after;

    (void)state;
    assert_int_equal(by_the_first(w, OP_SECURITY_SUSPEND, &suspend), V_OK);
    assert_int_equal(world_do(w, OP_SECURITY_RESUME, &resume), V_OK);
    world_refused(w, OP_CUSTODY_TRANSFER, &op, V_ROOT_MISMATCH);
    op.root = zero;
    world_refused(w, OP_CUSTODY_TRANSFER, &op, V_ROOT_MISMATCH);
    op = handover(w);
    assert_int_equal(world_do(w, OP_CUSTODY_TRANSFER, &op), V_OK);
    after = row_of(w);
    assert_int_equal(after.registrar, 2);
    after.registrar = before.registrar;
    memcpy(&after.chain, &before.chain, sizeof after.chain);
    assert_true(world_same_row(TABLE_SECURITIES, &after, &before));
    assert_true(world_sums_hold(w));
    assert_int_equal(by_the_first(w, OP_SECURITY_SUSPEND, &suspend),
                     V_NOT_REGISTRAR);
    assert_int_equal(world_do(w, OP_SECURITY_SUSPEND, &suspend), V_OK);
    world_free(w);
}

static void test_custody_transfer_to_the_wrong_institution_is_refused(
    void **state)
{
    struct world *w = encumbered();
    struct op_custody_transfer op = handover(w);

    (void)state;
    op.registrar = 9;
    world_refused(w, OP_CUSTODY_TRANSFER, &op, V_UNKNOWN);
    op.registrar = 3;
    world_refused(w, OP_CUSTODY_TRANSFER, &op, V_ROLE);
    op.registrar = 1;
    world_refused(w, OP_CUSTODY_TRANSFER, &op, V_SELF);
    op.registrar = 2;
    op.document = zero;
    world_refused(w, OP_CUSTODY_TRANSFER, &op, V_SIG_MISSING);
    op.document.raw[0] = 1;
    memcpy(op.security, "100009", 7);
    world_refused(w, OP_CUSTODY_TRANSFER, &op, V_UNKNOWN);
    world_free(w);
}

/* R59: A register does not pass to another registrar while a claim from a
 * correction is open. */
static void test_custody_transfer_with_an_open_claim_is_refused(void **state)
{
    struct world *w = encumbered();
    struct security_row s = row_of(w);
    struct op_custody_transfer op;

    (void)state;
    s.claims_open = 1;
    force(w, &s);
    op = handover(w);
    world_refused(w, OP_CUSTODY_TRANSFER, &op, V_NOT_EMPTY);
    s.claims_open = 0;
    force(w, &s);
    for (int i = SECURITY_DRAFT; i < SECURITY_STATUSES; i++) {
        force_status(w, (enum security_status)i);
        op = handover(w);
        if (i == SECURITY_DRAFT || i == SECURITY_MIGRATING)
            world_refused(w, OP_CUSTODY_TRANSFER, &op, V_SECURITY_STATE);
        if (i == SECURITY_WITHDRAWN)
            world_refused(w, OP_CUSTODY_TRANSFER, &op, V_WITHDRAWN);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closure_before_a_dividend_follows_w13),
        cmocka_unit_test(test_closure_before_a_meeting_follows_w13),
        cmocka_unit_test(test_closure_set_borders),
        cmocka_unit_test(test_closure_cancel_opens_the_register),
        cmocka_unit_test(test_withdraw_cites_the_register_as_it_stands),
        cmocka_unit_test(test_withdraw_in_the_block_of_a_change_is_refused),
        cmocka_unit_test(test_withdraw_with_open_rights_is_refused),
        cmocka_unit_test(test_withdrawn_security_takes_nothing_and_stays),
        cmocka_unit_test(test_custody_transfer_follows_w37),
        cmocka_unit_test(
            test_custody_transfer_to_the_wrong_institution_is_refused),
        cmocka_unit_test(test_custody_transfer_with_an_open_claim_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
