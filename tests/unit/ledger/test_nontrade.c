/* Movements that are no trade: gifts, deeds, successions, court transfers. */
#include "tests/unit/ledger/moves.h"

static struct op_transfer_gift gift(struct world *w, uint64_t q)
{
    return (struct op_transfer_gift){.security = "100001",
                                     .from = world_account(w, HOLDER_A),
                                     .to = world_account(w, HOLDER_B),
                                     .quantity = {q},
                                     .selector = {NATURE_ANY, 0, 0},
                                     .document = {{1}}};
}

/* R85: A gift is a transfer at will: by notarised deed, of free shares, to who
 * may acquire them, and it counts against an officer's quota.
 *
 * R84: T+n does not apply to shares that come by a gift, by law or by a court.
 */
static void test_gift_moves_free_shares_without_t_plus(void **state)
{
    struct world *w = with_t_plus(5, 5000, 0, 0);
    struct op_transfer_gift op = gift(w, 2000);

    (void)state;
    assert_int_equal(pledge(w, 1000), V_OK);
    op.document = (struct hash){{0}};
    world_refused(w, OP_TRANSFER_GIFT, &op, V_SIG_MISSING);
    op.document.raw[0] = 1;
    goes(w, OP_TRANSFER_GIFT, &op);
    assert_int_equal(last_event(w)->kind, EVENT_GIVEN);
    sells(w, HOLDER_B, HOLDER_C, 2000); /* the same day */
    op.quantity.shares = 2001;
    world_refused(w, OP_TRANSFER_GIFT, &op, V_AVAILABLE);
    op.quantity.shares = 0;
    world_refused(w, OP_TRANSFER_GIFT, &op, V_QUANTITY);
    world_free(w);
}

static void test_gift_refusals(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct op_transfer_gift op = gift(w, 100);
    struct security_row s;
    struct account_row b = account_of(w, HOLDER_B);

    (void)state;
    op.to = op.from;
    world_refused(w, OP_TRANSFER_GIFT, &op, V_SELF);
    op.to = world_account(w, HOLDER_B);
    assert_int_equal(pledge(w, 1000), V_OK);
    assert_int_equal(freeze(w, 1000, 0), V_OK);
    op.selector.pledge = 1;
    world_refused(w, OP_TRANSFER_GIFT, &op, V_PLEDGED);
    op.selector = (struct selector){NATURE_ANY, 0, 1};
    world_refused(w, OP_TRANSFER_GIFT, &op, V_FROZEN);
    op.selector = (struct selector){NATURE_ANY, 0, 0};
    lock_all(w, HOLDER_A, w->date + 1);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_LOCKED);
    s = security_now(w);
    s.holder_cap = 1;
    put_security(w, &s);
    lock_all(w, HOLDER_A, 0);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_HOLDER_CAP);
    close_register(w);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_REGISTER_CLOSED);
    set_status(w, SECURITY_SUSPENDED);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_SUSPENDED);
    set_features(w, FEATURE_COMPANY_CONSENT);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_RESTRICTED);
    s = security_now(w);
    s.investors = 1;
    put_security(w, &s);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_NOT_QUALIFIED);
    b.class = INVESTOR_FINANCIAL;
    b.class_to = 1;
    put_account(w, HOLDER_B, &b);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_QUALIFICATION_EXPIRED);
    b.pooled = true;
    b.investors = 0;
    put_account(w, HOLDER_B, &b);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_LOOK_THROUGH);
    set_account_status(w, HOLDER_A, ACCOUNT_FROZEN);
    world_refused(w, OP_TRANSFER_GIFT, &op, V_ACCOUNT_STATE);
    world_free(w);
}

static struct op_transfer_deed *deed(uint8_t ground, const struct hash *from)
{
    struct op_transfer_deed *op = calloc(1, sizeof *op);

    assert_non_null(op);
    memcpy(op->security, S, sizeof S);
    op->from = *from;
    op->ground = ground;
    op->document.raw[0] = 1;
    return op;
}

static void part(struct world *w,
                 struct op_transfer_deed *op,
                 int to,
                 uint64_t q,
                 uint64_t of_pledge,
                 uint64_t of_freeze)
{
    op->parts[op->part_count++] =
        (struct deed_part){world_account(w, to), {q}, of_pledge, of_freeze};
}

/* W34. R87: The parts of an inheritance add up to the whole holding, pledged,
 * frozen and free shares each.
 *
 * R86: Locks and pledges follow shares that move by law; the receiver becomes a
 * pledgor. */
static void test_inheritance_follows_w34(void **state)
{
    struct world *w = with(10001, 0, 0);
    const struct hash from = world_account(w, HOLDER_A);
    struct op_transfer_deed *op = deed(GROUND_INHERITANCE, &from);

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    part(w, op, HOLDER_B, 1333, 1, 0);
    part(w, op, HOLDER_B, 2001, 0, 0);
    part(w, op, HOLDER_C, 1333, 1, 0);
    part(w, op, HOLDER_C, 2001, 0, 0);
    part(w, op, ISSUER, 1333, 1, 0);
    part(w, op, ISSUER, 2000, 0, 0);
    world_refused(w, OP_TRANSFER_DEED, op, V_SUM_MISMATCH); /* 3,999 */
    op->parts[0].quantity.shares = 1334;
    op->parts[1].quantity.shares = 2000;
    op->document = (struct hash){{0}};
    world_refused(w, OP_TRANSFER_DEED, op, V_SIG_MISSING);
    op->document.raw[0] = 1;
    done(w, OP_TRANSFER_DEED, op);
    assert_true(world_sums_hold(w));
    assert_int_equal(total(w, HOLDER_A), 0);
    assert_int_equal(total(w, HOLDER_B), 3334);
    assert_int_equal(total(w, HOLDER_C), 3334);
    assert_int_equal(total(w, ISSUER), 3333);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 4000);
    assert_int_equal(world_totals(w, S, HOLDER_B).pledged, 1334);
    assert_int_equal(security_now(w).holder_count, 3);
    free(op);
    world_free(w);
}

static void test_inheritance_of_less_than_all_is_refused(void **state)
{
    struct world *w = with(100, 0, 0);
    const struct hash from = world_account(w, HOLDER_A);
    struct op_transfer_deed *op = deed(GROUND_INHERITANCE, &from);

    (void)state;
    world_refused(w, OP_TRANSFER_DEED, op, V_QUANTITY); /* no parts */
    part(w, op, HOLDER_B, 99, 0, 0);
    world_refused(w, OP_TRANSFER_DEED, op, V_SUM_MISMATCH);
    op->parts[0].quantity.shares = 101;
    world_refused(w, OP_TRANSFER_DEED, op, V_SUM_MISMATCH);
    op->parts[0].quantity.shares = 0;
    world_refused(w, OP_TRANSFER_DEED, op, V_QUANTITY);
    op->parts[0].quantity.shares = 100;
    op->parts[0].to = from;
    world_refused(w, OP_TRANSFER_DEED, op, V_SELF);
    free(op);
    world_free(w);
}

/* W34, divorce. R88: Frozen shares move by deed only if the freezing court
 * consents.
 *
 * R89: Frozen shares that the court lets move stay frozen on the receiver under
 * a number of their own, with the same rank; from the old freeze they count as
 * released. */
static void test_divorce_divides_frozen_shares_with_the_courts_consent(
    void **state)
{
    struct world *w = with(9000, 0, 0);
    const struct hash from = world_account(w, HOLDER_A);
    struct op_transfer_deed *op = deed(GROUND_DIVORCE, &from);

    (void)state;
    assert_int_equal(freeze(w, 600, 1000), V_OK);
    part(w, op, HOLDER_B, 300, 0, 1);
    part(w, op, HOLDER_B, 4200, 0, 0);
    world_refused(w, OP_TRANSFER_DEED, op, V_FROZEN);
    op->court_consent.raw[0] = 1;
    done(w, OP_TRANSFER_DEED, op);
    assert_true(world_sums_hold(w));
    assert_int_equal(world_totals(w, S, HOLDER_A).frozen, 300);
    assert_int_equal(world_totals(w, S, HOLDER_B).frozen, 300);
    assert_int_equal(total(w, HOLDER_B), 4500);
    assert_int_equal(freeze_of(w, 1).released.shares, 300);
    assert_int_equal(freeze_of(w, 2).effective.shares, 300);
    assert_int_equal(freeze_of(w, 2).publicity_ms, 1000);
    op->parts[0].freeze = 7;
    world_refused(w, OP_TRANSFER_DEED, op, V_UNKNOWN);
    op->parts[0].freeze = 2; /* of another holder */
    world_refused(w, OP_TRANSFER_DEED, op, V_UNKNOWN);
    world_at(w, w->date + 101);
    assert_int_equal(freeze_of(w, 2).status, FREEZE_LAPSED);
    sound(w);
    free(op);
    world_free(w);
}

static void test_deed_of_more_than_there_is_is_refused(void **state)
{
    struct world *w = with(100, 0, 0);
    const struct hash from = world_account(w, HOLDER_A);
    struct op_transfer_deed *op = deed(GROUND_DIVORCE, &from);

    (void)state;
    part(w, op, HOLDER_B, 50, 0, 0);
    part(w, op, HOLDER_C, 51, 0, 0);
    world_refused(w, OP_TRANSFER_DEED, op, V_AVAILABLE);
    op->parts[1].quantity.shares = 50;
    goes(w, OP_TRANSFER_DEED, op);
    free(op);
    world_free(w);
}

/* R77: A succession by law is entered though it takes the holders beyond the
 * cap, and says so; until they are back under it no further holder comes in at
 * will. */
static void test_inheritance_beyond_the_cap_is_entered(void **state)
{
    struct world *w = world_new();
    const uint64_t q[3] = {100, 100, 0};
    const struct hash from = world_account(w, HOLDER_A);
    struct op_transfer_deed *op = deed(GROUND_INHERITANCE, &from);

    (void)state;
    world_security(w, S, 0, 2);
    world_register(w, S, q);
    part(w, op, HOLDER_C, 50, 0, 0);
    part(w, op, ISSUER, 50, 0, 0);
    goes(w, OP_TRANSFER_DEED, op);
    assert_int_equal(security_now(w).holder_count, 3);
    assert_int_equal(w->events[w->event_count - 2].flags,
                     EVENT_CAP_EXCEEDED_BY_LAW);
    assert_int_equal(last_event(w)->flags, 0); /* A left */
    sells_not(w, HOLDER_B, PAPER_HOLDER, 10, V_HOLDER_CAP);
    sells(w, HOLDER_B, PAPER_HOLDER, 100); /* no further one */
    free(op);
    world_free(w);
}

static void test_deed_while_closed_or_suspended_depends_on_the_ground(
    void **state)
{
    struct world *w = with(100, 0, 0);
    const struct hash from = world_account(w, HOLDER_A);
    struct op_transfer_deed *op = deed(GROUND_ADMINISTRATIVE, &from);

    (void)state;
    part(w, op, HOLDER_B, 50, 0, 0);
    close_register(w);
    world_refused(w, OP_TRANSFER_DEED, op, V_REGISTER_CLOSED);
    set_status(w, SECURITY_SUSPENDED);
    world_refused(w, OP_TRANSFER_DEED, op, V_SUSPENDED);
    op->ground = GROUND_DIVORCE;
    goes(w, OP_TRANSFER_DEED, op);
    assert_int_equal(last_event(w)->flags, EVENT_DURING_CLOSURE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_TRANSFER_DEED, op, V_WITHDRAWN);
    set_status(w, SECURITY_DRAFT);
    world_refused(w, OP_TRANSFER_DEED, op, V_SECURITY_STATE);
    free(op);
    world_free(w);
}

static struct op_transfer_merger merger(struct world *w)
{
    return (struct op_transfer_merger){.security = "100001",
                                       .from = world_account(w, HOLDER_A),
                                       .to = world_account(w, HOLDER_B),
                                       .document = {{1}}};
}

/* R90: The successor of a company that is no more takes over its whole holding,
 * if none of it is frozen. */
static void test_merger_moves_the_whole_holding(void **state)
{
    struct world *w = with(1000, 10, 0);
    const struct op_transfer_merger op = merger(w);

    (void)state;
    assert_int_equal(pledge(w, 400), V_OK);
    assert_int_equal(freeze(w, 1, 0), V_OK);
    world_refused(w, OP_TRANSFER_MERGER, &op, V_FROZEN);
    assert_int_equal(unfreeze(w, 1, 0, "COURT-A"), V_OK);
    done(w, OP_TRANSFER_MERGER, &op);
    assert_true(world_sums_hold(w));
    assert_int_equal(total(w, HOLDER_A), 0);
    assert_int_equal(total(w, HOLDER_B), 1010);
    assert_int_equal(world_totals(w, S, HOLDER_B).pledged, 400);
    world_refused(w, OP_TRANSFER_MERGER, &op, V_AVAILABLE);
    close_register(w);
    world_refused(w, OP_TRANSFER_MERGER, &op, V_REGISTER_CLOSED);
    set_status(w, SECURITY_SUSPENDED);
    world_refused(w, OP_TRANSFER_MERGER, &op, V_SUSPENDED);
    set_account_status(w, HOLDER_A, ACCOUNT_CLOSED);
    world_refused(w, OP_TRANSFER_MERGER, &op, V_ACCOUNT_STATE);
    world_free(w);
}

static struct op_transfer_judicial order(struct world *w,
                                         uint64_t number,
                                         uint64_t q)
{
    return (struct op_transfer_judicial){.security = "100001",
                                         .from = world_account(w, HOLDER_A),
                                         .to = world_account(w, HOLDER_B),
                                         .quantity = {q},
                                         .number = number,
                                         .authority = "COURT-A",
                                         .document = {{1}}};
}

static void carried_out(struct world *w, const struct op_transfer_judicial *op)
{
    world_at(w, w->date);
    done(w, OP_TRANSFER_JUDICIAL, op);
    assert_true(world_sums_hold(w));
}

/* R91: A court transfer moves exactly shares under the freeze it carries out,
 * or shares under none; lock, T+n, qualification and the articles are no bar.
 *
 * R92: A court transfer uses up the freeze it carries out by the shares that
 * moved, and queues on shares that are gone lapse. */
static void test_court_transfer_uses_up_its_freeze(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct op_transfer_judicial op = order(w, 1, 2000);

    (void)state;
    assert_int_equal(freeze(w, 3000, 1000), V_OK);
    assert_int_equal(freeze(w, 5000, 2000), V_OK);
    expect_freeze(w, 2, 2000, 3000);
    lock_all(w, HOLDER_A, w->date + 9);
    set_features(w, FEATURE_COMPANY_CONSENT);
    carried_out(w, &op);
    assert_int_equal(freeze_of(w, 1).executed.shares, 2000);
    expect_freeze(w, 1, 1000, 0);
    expect_freeze(w, 2, 2000, 1000);
    assert_int_equal(freeze_of(w, 2).lapsed.shares, 2000);
    assert_int_equal(total(w, HOLDER_B), 2000);
    assert_int_equal(world_totals(w, S, HOLDER_B).frozen, 0);
    assert_int_equal(world_holding(w, S, HOLDER_B)->segments[0].lock_until,
                     w->date + 9);
    op.quantity.shares = 1001;
    world_at(w, w->date);
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_AVAILABLE);
    op.quantity.shares = 1000;
    carried_out(w, &op);
    assert_int_equal(freeze_of(w, 1).status, FREEZE_EXECUTED);
    world_at(w, w->date);
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_FREEZE_LAPSED);
    world_free(w);
}

/* R94: The order says whether pledges on the transferred shares end or stay on
 * them. */
static void test_court_transfer_ends_or_carries_pledges(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct op_transfer_judicial op = order(w, 1, 1000);

    (void)state;
    assert_int_equal(pledge(w, 5000), V_OK);
    assert_int_equal(freeze(w, 3000, 0), V_OK);
    carried_out(w, &op);
    assert_int_equal(world_totals(w, S, HOLDER_B).pledged, 1000);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 5000);
    op.pledges_end = true;
    carried_out(w, &op);
    assert_int_equal(world_totals(w, S, HOLDER_B).pledged, 1000);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 4000);
    assert_int_equal(pledge_of(w, 1).enforced.shares, 1000);
    world_free(w);
}

/* R93: Frozen shares are transferred on the order of the authority that froze
 * them or of its superior. */
static void test_court_transfer_refusals(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct op_transfer_judicial op = order(w, 1, 10);

    (void)state;
    world_at(w, w->date);
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_UNKNOWN);
    assert_int_equal(freeze(w, 3000, 0), V_OK);
    world_at(w, w->date);
    op.quantity.shares = 0;
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_QUANTITY);
    op.quantity.shares = 10;
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_WITHDRAWN);
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_SECURITY_STATE);
    memcpy(op.authority, "COURT-B", 8);
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_FREEZE_AUTHORITY);
    op.to = op.from;
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_SELF);
    set_account_status(w, HOLDER_A, ACCOUNT_CLOSED);
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_ACCOUNT_STATE);
    memcpy(op.authority, "COURT-Z", 8);
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_UNKNOWN);
    op.document = (struct hash){{0}};
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_SIG_MISSING);
    world_free(w);
}

/* Nothing keeps a court from what is in a frozen account, or while the register
 * is closed; what is under another court's freeze it does not reach. */
static void test_court_transfer_of_unfrozen_shares(void **state)
{
    struct world *w = with(5000, 0, 0);
    struct op_transfer_judicial op = order(w, 0, 2000);

    (void)state;
    assert_int_equal(freeze(w, 3000, 0), V_OK);
    set_account_status(w, HOLDER_A, ACCOUNT_FROZEN);
    close_register(w);
    carried_out(w, &op);
    assert_int_equal(last_event(w)->flags, EVENT_DURING_CLOSURE);
    world_at(w, w->date);
    op.quantity.shares = 1;
    world_refused(w, OP_TRANSFER_JUDICIAL, &op, V_AVAILABLE);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gift_moves_free_shares_without_t_plus),
        cmocka_unit_test(test_gift_refusals),
        cmocka_unit_test(test_inheritance_follows_w34),
        cmocka_unit_test(test_inheritance_of_less_than_all_is_refused),
        cmocka_unit_test(
            test_divorce_divides_frozen_shares_with_the_courts_consent),
        cmocka_unit_test(test_deed_of_more_than_there_is_is_refused),
        cmocka_unit_test(test_inheritance_beyond_the_cap_is_entered),
        cmocka_unit_test(
            test_deed_while_closed_or_suspended_depends_on_the_ground),
        cmocka_unit_test(test_merger_moves_the_whole_holding),
        cmocka_unit_test(test_court_transfer_uses_up_its_freeze),
        cmocka_unit_test(test_court_transfer_ends_or_carries_pledges),
        cmocka_unit_test(test_court_transfer_refusals),
        cmocka_unit_test(test_court_transfer_of_unfrozen_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
