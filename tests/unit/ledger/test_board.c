/* The transfer to another board: carried over to the last share and mark. */
#include "tests/unit/ledger/world.h"

static const char OLD[] = "100001";
static const char NEW[] = "200001";
static const struct hash zero;

static struct security_row row_of(struct world *w, const char *code)
{
    struct security_row s = {0};

    assert_true(exec_security(&w->view, &s, code));
    return s;
}

static void force_status(struct world *w,
                         const char *code,
                         enum security_status status)
{
    const struct hash key = security_key(code);
    struct security_row s = row_of(w, code);

    s.status = (uint8_t)status;
    world_force(w, TABLE_SECURITIES, &zero, &key, &s);
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

static enum verdict freeze(struct world *w, int who, uint64_t q, uint32_t days)
{
    struct op_freeze_create op = {.security = "100001",
                                  .account = world_account(w, who),
                                  .authority = "COURT-A",
                                  .service_ms = 1000,
                                  .from = w->date,
                                  .to = w->date + days,
                                  .quantity = {q},
                                  .court_report = days == 10,
                                  .document = {{1}}};

    world_at(w, w->date); /* court operations open a block */
    return world_do(w, OP_FREEZE_CREATE, &op);
}

/* A: 1,000 with pledge 1 of 400; B: 500 with freeze 1 of 500 for 10 days and
 * freeze 2 of 300, queued, for 20; C: 7, with pledge 2, released. */
static struct world *with_security(void)
{
    struct world *w = world_new();
    const uint64_t q[3] = {1000, 500, 7};
    const struct op_closure_set closing = {
        .security = "100001", .kind = CLOSURE_MEETING, .base = TODAY + 90};
    const struct op_security_list list = {.security = "100001", .tier = 4};
    const struct op_pledge_release release = {
        .security = "100001", .number = 2, .document = {{1}}};

    world_security(w, OLD, 5, 150);
    world_register(w, OLD, q);
    assert_int_equal(world_do(w, OP_SECURITY_LIST, &list), V_OK);
    assert_int_equal(world_do(w, OP_CLOSURE_SET, &closing), V_OK);
    assert_int_equal(pledge(w, HOLDER_A, 400), V_OK);
    assert_int_equal(pledge(w, HOLDER_C, 7), V_OK);
    assert_int_equal(world_do(w, OP_PLEDGE_RELEASE, &release), V_OK);
    assert_int_equal(freeze(w, HOLDER_B, 500, 10), V_OK);
    assert_int_equal(freeze(w, HOLDER_B, 300, 20), V_OK);
    assert_true(world_sums_hold(w));
    return w;
}

static const struct op_board_open board_open = {
    .security = "100001", .new_code = "200001", .tier = 9};
static const struct op_board_confirm board_confirm = {.security = "100001"};
static const struct op_board_cancel board_cancel = {.security = "100001"};

static struct op_board_move *a_move(void)
{
    struct op_board_move *op = calloc(1, sizeof *op);

    assert_non_null(op);
    memcpy(op->security, OLD, sizeof OLD);
    return op;
}

static void add_account(struct op_board_move *op, const struct world *w, int i)
{
    op->accounts[op->account_count++].account = world_account(w, i);
}

static void add_pledge(struct op_board_move *op, uint64_t number)
{
    op->pledges[op->pledge_count++].number = number;
}

static void add_freeze(struct op_board_move *op, uint64_t number)
{
    op->freezes[op->freeze_count++].number = number;
}

static void expect_same_totals(const struct security_row *a,
                               const struct security_row *b)
{
    assert_int_equal(a->issued.shares, b->issued.shares);
    assert_int_equal(a->pledged.shares, b->pledged.shares);
    assert_int_equal(a->frozen.shares, b->frozen.shares);
    assert_int_equal(a->queued.shares, b->queued.shares);
    assert_int_equal(a->holder_count, b->holder_count);
    assert_int_equal(a->positions, b->positions);
    assert_int_equal(a->pledges_open, b->pledges_open);
    assert_int_equal(a->freezes_open, b->freezes_open);
    assert_int_equal(a->court_reports, b->court_reports);
}

/* R60: A board transfer begins from a registered or listed security without
 * open claims, towards a code that is free; from then on both codes stand
 * still. */
static void test_board_open_makes_the_new_code_alike(void **state)
{
    struct world *w = with_security();
    const struct security_row before = row_of(w, OLD);
    struct op_register_open open = {
        .security = "200001", .issued = {5}, .line_count = 1};
    struct security_row s;

    (void)state;
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    s = row_of(w, OLD);
    assert_int_equal(s.status, SECURITY_MIGRATING);
    assert_string_equal(s.successor, NEW);
    expect_same_totals(&s, &before);
    s = row_of(w, NEW);
    assert_int_equal(s.status, SECURITY_DRAFT);
    assert_string_equal(s.predecessor, OLD);
    assert_string_equal(s.successor, "-");
    assert_int_equal(s.tier, 9);
    assert_int_equal(s.t_plus, 5);
    assert_int_equal(s.holder_cap, 150);
    assert_int_equal(s.closure_count, 1);
    assert_int_equal(s.closures[0].base, TODAY + 90);
    assert_int_equal(s.pledge_count, 2);
    assert_int_equal(s.freeze_count, 2);
    assert_memory_equal(&s.issuer, &before.issuer, sizeof s.issuer);
    assert_true(world_sums_hold(w));
    world_refused(w, OP_REGISTER_OPEN, &open, V_SECURITY_STATE);
    world_refused(w, OP_BOARD_OPEN, &board_open, V_EXISTS); /* 307 < 400 */
    assert_int_equal(pledge(w, HOLDER_A, 1), V_SECURITY_STATE);
    world_free(w);
}

static void test_board_open_refusals(void **state)
{
    struct world *w = with_security();
    struct op_board_open op = board_open;
    const struct hash key = security_key(OLD);
    struct security_row s;

    (void)state;
    op.tier = 0;
    world_refused(w, OP_BOARD_OPEN, &op, V_QUANTITY);
    memcpy(op.new_code, OLD, sizeof OLD);
    world_refused(w, OP_BOARD_OPEN, &op, V_EXISTS); /* 307 before 600 */
    op = board_open;
    for (int i = SECURITY_DRAFT; i < SECURITY_STATUSES; i++) {
        force_status(w, OLD, (enum security_status)i);
        if (i == SECURITY_WITHDRAWN)
            world_refused(w, OP_BOARD_OPEN, &op, V_WITHDRAWN);
        else if (i != SECURITY_REGISTERED && i != SECURITY_LISTED)
            world_refused(w, OP_BOARD_OPEN, &op, V_SECURITY_STATE);
    }
    s = row_of(w, OLD);
    s.claims_open = 1;
    world_force(w, TABLE_SECURITIES, &zero, &key, &s);
    world_refused(w, OP_BOARD_OPEN, &op, V_NOT_EMPTY); /* 316 before 402 */
    memcpy(op.security, "X", 2);
    world_refused(w, OP_BOARD_OPEN, &op, V_UNKNOWN);
    world_free(w);
}

/* R61: Positions move to the new code whole, pledges and freezes with their
 * numbers; quantities, marks and days stay as they are.
 *
 * R64: A board transfer ends when no share, pledge, freeze or claim is left
 * under the old code; that has then left the register, and the new code is
 * listed on its board. */
static void test_board_move_carries_everything_over(void **state)
{
    struct world *w = with_security();
    const struct security_row before = row_of(w, OLD);
    const struct hash b = world_account(w, HOLDER_B);
    const struct hash old_tree = security_key(OLD);
    struct op_board_move *op = a_move();
    struct security_row s;
    struct account_row account;
    struct holding_row was;
    struct holding_row is;
    struct pledge_row p;
    struct freeze_row f;

    (void)state;
    was = *world_holding(w, OLD, HOLDER_B);
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    world_refused(w, OP_BOARD_CONFIRM, &board_confirm, V_NOT_EMPTY);
    add_account(op, w, HOLDER_A);
    add_account(op, w, HOLDER_B);
    add_account(op, w, ISSUER);   /* holds nothing */
    add_account(op, w, HOLDER_A); /* has moved */
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    assert_true(world_sums_hold(w));
    assert_int_equal(row_of(w, OLD).issued.shares, 7);
    assert_int_equal(row_of(w, OLD).freezes_open, 0);
    assert_int_equal(row_of(w, NEW).status, SECURITY_MIGRATING);
    world_refused(w, OP_BOARD_CONFIRM, &board_confirm, V_NOT_EMPTY);
    world_refused(w, OP_BOARD_CANCEL, &board_cancel, V_NOT_EMPTY);

    is = *world_holding(w, NEW, HOLDER_B);
    assert_int_equal(is.sequence, was.sequence + 1);
    assert_int_equal(is.segment_count, was.segment_count);
    assert_memory_equal(
        is.segments, was.segments, was.segment_count * sizeof was.segments[0]);
    assert_memory_equal(
        is.freezes, was.freezes, was.freeze_count * sizeof was.freezes[0]);
    assert_int_equal(is.weight, was.weight);
    assert_false(exec_get(&w->view, &is, TABLE_HOLDINGS, &old_tree, &b));
    assert_true(exec_account(&w->view, &account, &b));
    assert_int_equal(account.positions, 1);

    memset(op, 0, sizeof *op);
    memcpy(op->security, OLD, sizeof OLD);
    add_account(op, w, HOLDER_C);
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    assert_int_equal(row_of(w, OLD).issued.shares, 0);
    /* Only the pledge is left. */
    world_refused(w, OP_BOARD_CONFIRM, &board_confirm, V_NOT_EMPTY);
    add_pledge(op, 1);
    add_pledge(op, 2); /* closed */
    add_pledge(op, 3); /* unknown */
    add_freeze(op, 1); /* has moved */
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    assert_false(exec_pledge(&w->view, &p, OLD, 2));
    assert_true(exec_pledge(&w->view, &p, NEW, 2));
    assert_int_equal(p.status, PLEDGE_RELEASED);
    assert_true(exec_pledge(&w->view, &p, NEW, 1));
    assert_int_equal(p.outstanding.shares, 400);
    assert_true(exec_freeze(&w->view, &f, NEW, 2));
    assert_int_equal(f.queued.shares, 300);

    assert_int_equal(world_do(w, OP_BOARD_CONFIRM, &board_confirm), V_OK);
    s = row_of(w, NEW);
    assert_int_equal(s.status, SECURITY_LISTED);
    assert_int_equal(s.tier, 9);
    expect_same_totals(&s, &before);
    assert_int_equal(row_of(w, OLD).status, SECURITY_WITHDRAWN);
    assert_true(world_sums_hold(w));
    world_refused(w, OP_BOARD_CONFIRM, &board_confirm, V_WITHDRAWN);
    world_refused(w, OP_BOARD_CANCEL, &board_cancel, V_WITHDRAWN);
    world_refused(w, OP_BOARD_MOVE, op, V_WITHDRAWN);
    free(op);
    world_free(w);
}

/* R62: The freezes on a position move with it, and each is due under the new
 * code on the day on which it was due under the old one. */
static void test_board_move_takes_due_work_along(void **state)
{
    struct world *w = with_security();
    struct op_board_move *op = a_move();
    struct freeze_row f;

    (void)state;
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    add_freeze(op, 1); /* stands on a position: it stays until that moves */
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    assert_true(exec_freeze(&w->view, &f, OLD, 1));
    assert_int_equal(row_of(w, NEW).status, SECURITY_DRAFT);
    add_account(op, w, HOLDER_B);
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    world_at(w, TODAY + 10);
    assert_true(exec_freeze(&w->view, &f, NEW, 1));
    assert_int_equal(f.effective.shares, 500);
    world_at(w, TODAY + 11); /* in the middle of the transfer */
    assert_true(exec_freeze(&w->view, &f, NEW, 1));
    assert_int_equal(f.status, FREEZE_LAPSED);
    assert_true(exec_freeze(&w->view, &f, NEW, 2));
    assert_int_equal(f.effective.shares, 300);
    assert_int_equal(row_of(w, NEW).frozen.shares, 300);
    assert_int_equal(row_of(w, NEW).freezes_open, 1);
    assert_true(world_sums_hold(w));
    world_at(w, TODAY + 21);
    assert_int_equal(row_of(w, NEW).frozen.shares, 0);
    assert_true(world_sums_hold(w));
    free(op);
    world_free(w);
}

/* A freeze that lapses before its position moved does so under the old code,
 * and moves as a closed one. */
static void test_board_freeze_lapses_before_it_moves(void **state)
{
    struct world *w = with_security();
    struct op_board_move *op = a_move();
    struct freeze_row f;

    (void)state;
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    world_at(w, TODAY + 11);
    assert_true(exec_freeze(&w->view, &f, OLD, 1));
    assert_int_equal(f.status, FREEZE_LAPSED);
    add_account(op, w, HOLDER_B);
    add_freeze(op, 1);
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    assert_true(exec_freeze(&w->view, &f, NEW, 1));
    assert_int_equal(f.status, FREEZE_LAPSED);
    assert_int_equal(row_of(w, NEW).freezes_open, 1);
    assert_true(world_sums_hold(w));
    free(op);
    world_free(w);
}

/* R63: One transaction moves at most 1,024 entries to a new code; entries that
 * are not there, or have moved, are passed over. */
static void test_board_move_counts_what_it_touches(void **state)
{
    struct world *w = with_security();
    struct op_board_move *op = a_move();

    (void)state;
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    for (uint32_t i = 0; i < OP_LINES_MAX; i++) {
        op->accounts[i].account.raw[0] = (uint8_t)i;
        op->pledges[i].number = 1000 + i;
    }
    op->account_count = OP_LINES_MAX;
    op->pledge_count = OP_LINES_MAX;
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    add_freeze(op, 1000);
    world_refused(w, OP_BOARD_MOVE, op, V_LIMIT);
    op->freeze_count = 0;
    op->accounts[0].account = world_account(w, HOLDER_B); /* two freezes */
    world_refused(w, OP_BOARD_MOVE, op, V_LIMIT);
    op->pledge_count -= 2;
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    free(op);
    world_free(w);
}

/* R65: A board transfer may be given up as long as nothing has moved; the old
 * code is then what it was, and the new one is free again. */
static void test_board_cancel_leaves_no_trace(void **state)
{
    struct world *w = with_security();
    struct security_row before = row_of(w, OLD);
    struct op_board_move *op = a_move();
    struct security_row s;

    (void)state;
    world_refused(w, OP_BOARD_CANCEL, &board_cancel, V_SECURITY_STATE);
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK); /* of nothing */
    assert_int_equal(world_do(w, OP_BOARD_CANCEL, &board_cancel), V_OK);
    assert_false(exec_security(&w->view, &s, NEW));
    s = row_of(w, OLD);
    memcpy(&s.chain, &before.chain, sizeof s.chain);
    assert_true(world_same_row(TABLE_SECURITIES, &s, &before));
    force_status(w, OLD, SECURITY_REGISTERED);
    before = row_of(w, OLD);
    before.tier = 0;
    {
        const struct hash key = security_key(OLD);

        world_force(w, TABLE_SECURITIES, &zero, &key, &before);
    }
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    assert_int_equal(world_do(w, OP_BOARD_CANCEL, &board_cancel), V_OK);
    assert_int_equal(row_of(w, OLD).status, SECURITY_REGISTERED);
    assert_true(world_sums_hold(w));
    /* A closed pledge alone is something, too. */
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    add_pledge(op, 2);
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    world_refused(w, OP_BOARD_CANCEL, &board_cancel, V_NOT_EMPTY);
    free(op);
    world_free(w);
}

static void test_board_operations_outside_a_transfer_are_refused(void **state)
{
    struct world *w = with_security();
    struct op_board_move *op = a_move();
    struct op_board_confirm confirm = board_confirm;
    struct op_board_cancel cancel = board_cancel;

    (void)state;
    world_refused(w, OP_BOARD_MOVE, op, V_SECURITY_STATE);
    world_refused(w, OP_BOARD_CONFIRM, &confirm, V_NOT_EMPTY); /* 316 < 400 */
    world_security(w, "300001", 0, 200);
    memcpy(confirm.security, "300001", 7);
    world_refused(w, OP_BOARD_CONFIRM, &confirm, V_SECURITY_STATE);
    memcpy(confirm.security, "X", 2);
    world_refused(w, OP_BOARD_CONFIRM, &confirm, V_UNKNOWN);
    memcpy(cancel.security, "X", 2);
    world_refused(w, OP_BOARD_CANCEL, &cancel, V_UNKNOWN);
    memcpy(op->security, "X", 2);
    world_refused(w, OP_BOARD_MOVE, op, V_UNKNOWN);
    /* The new code is migrating as well, but leads nowhere. */
    memcpy(op->security, OLD, sizeof OLD);
    add_account(op, w, HOLDER_C);
    assert_int_equal(world_do(w, OP_BOARD_OPEN, &board_open), V_OK);
    assert_int_equal(world_do(w, OP_BOARD_MOVE, op), V_OK);
    memcpy(op->security, NEW, sizeof NEW);
    world_refused(w, OP_BOARD_MOVE, op, V_SECURITY_STATE);
    free(op);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_board_open_makes_the_new_code_alike),
        cmocka_unit_test(test_board_open_refusals),
        cmocka_unit_test(test_board_move_carries_everything_over),
        cmocka_unit_test(test_board_move_takes_due_work_along),
        cmocka_unit_test(test_board_freeze_lapses_before_it_moves),
        cmocka_unit_test(test_board_move_counts_what_it_touches),
        cmocka_unit_test(test_board_cancel_leaves_no_trace),
        cmocka_unit_test(test_board_operations_outside_a_transfer_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
