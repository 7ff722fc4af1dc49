/* Amending, assigning, releasing and revoking pledges, notice of default. */
#include "tests/unit/ledger/encumbered.h"

static struct op_pledge_amend amend_op(struct world *w, uint64_t more)
{
    return (struct op_pledge_amend){.security = "100001",
                                    .number = 1,
                                    .pledgor = world_account(w, HOLDER_A),
                                    .more = {more},
                                    .secured_fen = 900,
                                    .term_end = TODAY + 10,
                                    .document = {{5}}};
}

/* R118: A pledge is amended while it is active, not after a default. */
static void test_pledge_amend_adds_shares_and_changes_terms(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_amend op = amend_op(w, 6000);
    const struct op_pledge_default notice = {
        .security = "100001", .number = 1, .document = {{3}}};

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    done(w, OP_PLEDGE_AMEND, &op);
    assert_int_equal(pledge_of(w, 1).original.shares, 10000);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 10000);
    assert_int_equal(pledge_of(w, 1).secured_fen, 900);
    assert_int_equal(pledge_of(w, 1).term_end, TODAY + 10);
    op.more.shares = 1;
    world_refused(w, OP_PLEDGE_AMEND, &op, V_AVAILABLE);
    op.more.shares = INT64_MAX;
    world_refused(w, OP_PLEDGE_AMEND, &op, V_AVAILABLE);
    op.more.shares = (uint64_t)INT64_MAX + 1;
    world_refused(w, OP_PLEDGE_AMEND, &op, V_QUANTITY);
    op.more.shares = 0;
    op.secured_fen = -1;
    world_refused(w, OP_PLEDGE_AMEND, &op, V_QUANTITY);
    op.term_end = TODAY - 1;
    world_refused(w, OP_PLEDGE_AMEND, &op, V_DATE);
    op = amend_op(w, 0);
    op.secured_fen = 5;
    op.term_end = 0;
    done(w, OP_PLEDGE_AMEND, &op);
    assert_int_equal(pledge_of(w, 1).secured_fen, 5);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 10000);
    assert_int_equal(world_do(w, OP_PLEDGE_DEFAULT, &notice), V_OK);
    world_refused(w, OP_PLEDGE_AMEND, &op, V_PLEDGE_STATE);
    world_free(w);
}

/* R119: More shares come from a pledgor of the pledge whose account is active.
 *
 * R120: Of several pledgors none raises the secured amount without the others.
 */
static void test_pledge_amend_by_whom(void **state)
{
    struct world *w = with(10000, 500, 0);
    struct op_pledge_amend op = amend_op(w, 100);

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    op.pledgor = world_account(w, HOLDER_B);
    world_refused(w, OP_PLEDGE_AMEND, &op, V_UNKNOWN);
    op.number = 2;
    world_refused(w, OP_PLEDGE_AMEND, &op, V_UNKNOWN);
    op.number = 1;
    second_pledgor(w, 1000);
    world_refused(w, OP_PLEDGE_AMEND, &op, V_SIG_MISSING);
    op.secured_fen = 100;
    done(w, OP_PLEDGE_AMEND, &op);
    assert_int_equal(pledge_of(w, 1).pledgors[1].outstanding.shares, 1100);
    set_account_status(w, HOLDER_B, ACCOUNT_FROZEN);
    world_refused(w, OP_PLEDGE_AMEND, &op, V_ACCOUNT_STATE);
    set_account_status(w, HOLDER_B, ACCOUNT_ACTIVE);
    w->skip_account[BANK] = true;
    world_refused(w, OP_PLEDGE_AMEND, &op, V_SIG_MISSING);
    w->skip_account[BANK] = false;
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_AMEND, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_AMEND, &op, V_WITHDRAWN);
    world_free(w);
}

static void test_pledge_amend_beyond_the_limits_is_refused(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_amend op = amend_op(w, 100);
    struct pledge_row p;

    (void)state;
    assert_int_equal(pledge(w, 1), V_OK);
    p = pledge_of(w, 1);
    p.original.shares = (uint64_t)INT64_MAX - 99; /* pledged and released */
    p.released.shares = p.original.shares - 1;
    put_pledge(w, &p);
    world_refused(w, OP_PLEDGE_AMEND, &op, V_LIMIT);
    op.more.shares = 99;
    done(w, OP_PLEDGE_AMEND, &op);
    world_free(w);
}

/* R121: A pledge follows the secured claim to its new creditor, from one active
 * account to another.
 *
 * R122: A pledge is assigned neither to one of its pledgors, nor to who has it,
 * nor to the issuer. */
static void test_pledge_assign_changes_the_pledgee(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_assign op = {.security = "100001",
                                  .number = 1,
                                  .to = world_account(w, HOLDER_A),
                                  .document = {{1}}};
    const struct op_pledge_release full = {.security = "100001", .number = 1};

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_SELF);
    op.to = world_account(w, BANK);
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_SELF);
    op.to = world_account(w, ISSUER);
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_PLEDGE_OWN_SHARES);
    op.to = (struct hash){{9}};
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_UNKNOWN);
    op.to = world_account(w, HOLDER_C);
    op.number = 2;
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_UNKNOWN);
    op.number = 1;
    set_account_status(w, HOLDER_C, ACCOUNT_CLOSED);
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_ACCOUNT_STATE);
    set_account_status(w, HOLDER_C, ACCOUNT_ACTIVE);
    set_account_status(w, BANK, ACCOUNT_FROZEN);
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_ACCOUNT_STATE);
    set_account_status(w, BANK, ACCOUNT_ACTIVE);
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_WITHDRAWN);
    set_status(w, SECURITY_SUSPENDED);
    w->skip_account[HOLDER_C] = true;
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_SIG_MISSING);
    w->skip_account[HOLDER_C] = false;
    done(w, OP_PLEDGE_ASSIGN, &op);
    assert_int_equal(account_of(w, BANK).rights, 0);
    assert_int_equal(account_of(w, HOLDER_C).rights, 1);
    w->skip_account[HOLDER_C] =
        true; /* the new pledgee releases, not the old */
    world_refused(w, OP_PLEDGE_RELEASE, &full, V_SIG_MISSING);
    w->skip_account[HOLDER_C] = false;
    done(w, OP_PLEDGE_RELEASE, &full);
    op.to = world_account(w, HOLDER_A);
    world_refused(w, OP_PLEDGE_ASSIGN, &op, V_PLEDGE_STATE);
    world_free(w);
}

/* W14.  R123: Part of a pledge is released by pledgor and pledgee together:
 * fewer shares than are outstanding, and of that pledgor's only.
 *
 * R125: A whole pledge is released by the pledgee alone, for all its pledgors.
 */
static void test_pledge_release_follows_w14(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_release_part part = {.security = "100001",
                                          .number = 1,
                                          .pledgor = world_account(w, HOLDER_A),
                                          .quantity = {2500}};
    const struct op_pledge_release full = {.security = "100001", .number = 1};

    (void)state;
    assert_int_equal(pledge(w, 6000), V_OK);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 4000);
    done(w, OP_PLEDGE_RELEASE_PART, &part);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 6500);
    assert_int_equal(pledge_of(w, 1).outstanding.shares, 3500);
    part.quantity.shares = 4000;
    world_refused(w, OP_PLEDGE_RELEASE_PART, &part, V_PLEDGE_OVER);
    part.quantity.shares = 3500;
    world_refused(w, OP_PLEDGE_RELEASE_PART, &part, V_PLEDGE_OVER);
    part.quantity.shares = 1000;
    w->skip_account[HOLDER_A] = true;
    world_refused(w, OP_PLEDGE_RELEASE_PART, &part, V_SIG_MISSING);
    w->skip_account[HOLDER_A] = false;
    w->skip_account[BANK] = true;
    world_refused(w, OP_PLEDGE_RELEASE, &full, V_SIG_MISSING);
    w->skip_account[BANK] = false;
    done(w, OP_PLEDGE_RELEASE, &full);
    assert_int_equal(pledge_of(w, 1).status, PLEDGE_RELEASED);
    assert_int_equal(pledge_of(w, 1).released.shares, 6000);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 10000);
    world_refused(w, OP_PLEDGE_RELEASE, &full, V_PLEDGE_STATE);
    world_free(w);
}

static void test_pledge_release_part_refusals(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_release_part op = {.security = "100001",
                                        .number = 2,
                                        .pledgor = world_account(w, HOLDER_A),
                                        .quantity = {1}};
    const struct op_pledge_release full = {.security = "100001", .number = 1};

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_UNKNOWN);
    op.number = 1;
    op.pledgor = world_account(w, HOLDER_B);
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_UNKNOWN);
    op.pledgor = world_account(w, HOLDER_A);
    op.quantity.shares = 0;
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_QUANTITY);
    op.quantity.shares = (uint64_t)INT64_MAX + 1;
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_QUANTITY);
    op.quantity.shares = INT64_MAX;
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_PLEDGE_OVER);
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_WITHDRAWN);
    set_status(w, SECURITY_SUSPENDED);
    op.quantity.shares = 3999;
    done(w, OP_PLEDGE_RELEASE_PART, &op);
    done(w, OP_PLEDGE_RELEASE, &full);
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_PLEDGE_STATE);
    world_free(w);
}

static void test_pledge_release_part_in_too_many_segments_is_refused(
    void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_release_part op = {.security = "100001",
                                        .number = 1,
                                        .pledgor = world_account(w, HOLDER_A),
                                        .quantity = {9000}};
    const struct op_pledge_release full = {.security = "100001", .number = 1};
    struct holding_row h;

    (void)state;
    assert_int_equal(pledge(w, 10000), V_OK);
    shatter(w, HOLDER_A, SEGMENTS_MAX);
    h = *world_holding(w, S, HOLDER_A);
    for (uint32_t i = 0; i < h.segment_count; i++) {
        h.segments[i].pledge_count = 1;
        h.segments[i].pledges[0].number = 1;
    }
    put_holding(w, HOLDER_A, &h);
    sound(w);
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_LIMIT);
    op.quantity.shares = 127; /* whole segments */
    done(w, OP_PLEDGE_RELEASE_PART, &op);
    done(w, OP_PLEDGE_RELEASE, &full);
    world_free(w);
}

/* R124: A partial release takes unfrozen shares first. */
static void test_pledge_release_part_takes_unfrozen_shares_first(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_release_part op = {.security = "100001",
                                        .number = 1,
                                        .pledgor = world_account(w, HOLDER_A),
                                        .quantity = {1500}};

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    assert_int_equal(freeze(w, 8000, 0), V_OK); /* 2,000 of the pledged */
    done(w, OP_PLEDGE_RELEASE_PART, &op);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 1500);
    op.quantity.shares = 1000;
    done(w, OP_PLEDGE_RELEASE_PART, &op);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 2000);
    assert_int_equal(world_totals(w, S, HOLDER_A).frozen, 8000);
    world_free(w);
}

static void test_pledge_of_two_pledgors_is_released_by_parts(void **state)
{
    struct world *w = with(10000, 500, 0);
    struct op_pledge_release_part op = {.security = "100001",
                                        .number = 1,
                                        .pledgor = world_account(w, HOLDER_B),
                                        .quantity = {1001}};
    const struct op_pledge_release full = {.security = "100001", .number = 1};
    uint32_t events;

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    second_pledgor(w, 1000);
    world_refused(w, OP_PLEDGE_RELEASE_PART, &op, V_PLEDGE_OVER);
    assert_int_equal(w->why.have, 1000);
    op.quantity.shares = 400;
    done(w, OP_PLEDGE_RELEASE_PART, &op);
    assert_int_equal(pledge_of(w, 1).pledgors[1].outstanding.shares, 600);
    events = w->event_count;
    done(w, OP_PLEDGE_RELEASE, &full);
    assert_int_equal(w->event_count, events + 2); /* one for each pledgor */
    assert_int_equal(w->events[events].quantity, 3000);
    assert_int_equal(w->events[events].second, 600);
    assert_int_equal(w->events[events + 1].quantity, 600);
    assert_int_equal(w->events[events + 1].second, 0);
    assert_int_equal(world_totals(w, S, HOLDER_B).pledged, 0);
    world_free(w);
}

static void test_pledge_release_refusals(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_release op = {.security = "100001", .number = 2};

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    world_refused(w, OP_PLEDGE_RELEASE, &op, V_UNKNOWN);
    op.number = 1;
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_RELEASE, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_RELEASE, &op, V_WITHDRAWN);
    world_free(w);
}

/* R127: The pledgee gives notice of a default once; nothing moves by it. */
static void test_pledge_default_is_a_flag(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_default op = {.security = "100001", .number = 1};
    const struct op_pledge_release full = {.security = "100001", .number = 1};

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    world_refused(w, OP_PLEDGE_DEFAULT, &op, V_SIG_MISSING); /* no document */
    op.document.raw[0] = 1;
    w->skip_account[BANK] = true;
    world_refused(w, OP_PLEDGE_DEFAULT, &op, V_SIG_MISSING);
    w->skip_account[BANK] = false;
    op.number = 2;
    world_refused(w, OP_PLEDGE_DEFAULT, &op, V_UNKNOWN);
    op.number = 1;
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_DEFAULT, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_DEFAULT, &op, V_WITHDRAWN);
    set_status(w, SECURITY_SUSPENDED);
    done(w, OP_PLEDGE_DEFAULT, &op);
    assert_int_equal(pledge_of(w, 1).status, PLEDGE_DEFAULTED);
    assert_int_equal(pledge_of(w, 1).default_day, TODAY);
    assert_int_equal(world_totals(w, S, HOLDER_A).pledged, 4000);
    world_refused(w, OP_PLEDGE_DEFAULT, &op, V_PLEDGE_STATE);
    done(w, OP_PLEDGE_RELEASE, &full);
    assert_int_equal(pledge_of(w, 1).status, PLEDGE_RELEASED);
    world_free(w);
}

/* R126: A registration that was void from the beginning is revoked on a
 * decision that a pledgor or the pledgee brings. */
static void test_pledge_revoke_by_either_party(void **state)
{
    struct world *w = with(10000, 0, 0);
    struct op_pledge_revoke op = {
        .security = "100001", .number = 1, .party = world_account(w, HOLDER_B)};
    const struct op_pledge_default notice = {
        .security = "100001", .number = 2, .document = {{3}}};

    (void)state;
    assert_int_equal(pledge(w, 4000), V_OK);
    assert_int_equal(pledge(w, 2000), V_OK);
    world_refused(w, OP_PLEDGE_REVOKE, &op, V_SIG_MISSING); /* no document */
    op.document.raw[0] = 1;
    world_refused(w, OP_PLEDGE_REVOKE, &op, V_UNKNOWN);
    op.party = world_account(w, HOLDER_A);
    op.number = 3;
    world_refused(w, OP_PLEDGE_REVOKE, &op, V_UNKNOWN);
    op.number = 1;
    set_status(w, SECURITY_MIGRATING);
    world_refused(w, OP_PLEDGE_REVOKE, &op, V_SECURITY_STATE);
    set_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_PLEDGE_REVOKE, &op, V_WITHDRAWN);
    set_status(w, SECURITY_REGISTERED);
    done(w, OP_PLEDGE_REVOKE, &op);
    assert_int_equal(pledge_of(w, 1).status, PLEDGE_REVOKED);
    assert_int_equal(pledge_of(w, 1).released.shares, 4000);
    assert_int_equal(world_totals(w, S, HOLDER_A).available, 8000);
    op.party = world_account(w, BANK);
    world_refused(w, OP_PLEDGE_REVOKE, &op, V_PLEDGE_STATE);
    assert_int_equal(world_do(w, OP_PLEDGE_DEFAULT, &notice), V_OK);
    op.number = 2;
    done(w, OP_PLEDGE_REVOKE, &op);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pledge_amend_adds_shares_and_changes_terms),
        cmocka_unit_test(test_pledge_amend_by_whom),
        cmocka_unit_test(test_pledge_amend_beyond_the_limits_is_refused),
        cmocka_unit_test(test_pledge_assign_changes_the_pledgee),
        cmocka_unit_test(test_pledge_release_follows_w14),
        cmocka_unit_test(test_pledge_release_part_refusals),
        cmocka_unit_test(
            test_pledge_release_part_in_too_many_segments_is_refused),
        cmocka_unit_test(test_pledge_release_part_takes_unfrozen_shares_first),
        cmocka_unit_test(test_pledge_of_two_pledgors_is_released_by_parts),
        cmocka_unit_test(test_pledge_release_refusals),
        cmocka_unit_test(test_pledge_default_is_a_flag),
        cmocka_unit_test(test_pledge_revoke_by_either_party),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
