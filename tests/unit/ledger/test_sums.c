/* The sums stand apart from the operations: rows that are wrong in themselves,
 * or do not agree with one another, are found. */
#include "tests/unit/ledger/world.h"

static const char S[] = "100001";
static const struct hash zero;

/* A: 1,000 with pledge 1 of 400 and pledge 2 of 300; B: 500 with freeze 1 of
 * 500 and freeze 2 of 300, queued. */
static struct world *with_security(void)
{
    struct world *w = world_new();
    const uint64_t q[3] = {1000, 500, 7};
    struct op_pledge_create pledge = {.security = "100001",
                                      .pledgor = world_account(w, HOLDER_A),
                                      .pledgee = world_account(w, BANK),
                                      .quantity = {400},
                                      .selector = {NATURE_ANY, 0, 0},
                                      .constitutive_register = REGISTER_THIS,
                                      .document = {{1}}};
    struct op_freeze_create freeze = {.security = "100001",
                                      .account = world_account(w, HOLDER_B),
                                      .authority = "COURT-A",
                                      .service_ms = 1000,
                                      .from = TODAY,
                                      .to = TODAY + 100,
                                      .quantity = {500},
                                      .court_report = true,
                                      .document = {{1}}};

    world_security(w, S, 0, 200);
    world_register(w, S, q);
    assert_int_equal(world_do(w, OP_PLEDGE_CREATE, &pledge), V_OK);
    pledge.quantity.shares = 300;
    assert_int_equal(world_do(w, OP_PLEDGE_CREATE, &pledge), V_OK);
    world_at(w, TODAY);
    assert_int_equal(world_do(w, OP_FREEZE_CREATE, &freeze), V_OK);
    freeze.quantity.shares = 300;
    freeze.court_report = false;
    assert_int_equal(world_do(w, OP_FREEZE_CREATE, &freeze), V_OK);
    assert_true(world_sums_hold(w));
    return w;
}

static struct security_row security_of_world(struct world *w)
{
    struct security_row s = {0};

    assert_true(exec_security(&w->view, &s, S));
    return s;
}

/* R66: After every block the control totals of each security equal the sums
 * over its rows, computed apart from the operations. */
static void test_sums_find_a_total_that_is_off(void **state)
{
    struct world *w = with_security();
    const struct hash key = security_key(S);
    const struct security_row good = security_of_world(w);
    struct security_row s = good;
    uint32_t *const counts[] = {&s.holder_count,
                                &s.positions,
                                &s.pledges_open,
                                &s.freezes_open,
                                &s.court_reports,
                                &s.claims_open};
    uint64_t *const quantities[] = {&s.issued.shares,
                                    &s.pledged.shares,
                                    &s.frozen.shares,
                                    &s.queued.shares};

    (void)state;
    assert_int_equal(good.court_reports, 1);
    assert_int_equal(good.queued.shares, 300);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        s = good;
        ++*counts[i];
        world_force(w, TABLE_SECURITIES, &zero, &key, &s);
        assert_false(world_sums_hold(w));
    }
    for (size_t i = 0; i < ARRAY_LEN(quantities); i++) {
        s = good;
        --*quantities[i];
        world_force(w, TABLE_SECURITIES, &zero, &key, &s);
        assert_false(world_sums_hold(w));
        *quantities[i] = (uint64_t)1 << 63;
        world_force(w, TABLE_SECURITIES, &zero, &key, &s);
        assert_false(world_sums_hold(w));
    }
    world_force(w, TABLE_SECURITIES, &zero, &key, &good);
    assert_true(world_sums_hold(w));
    world_free(w);
}

/* What the sums say to a row that is in no tree before. */
static enum err of_row(uint8_t table, const struct hash *key, const void *row)
{
    static uint8_t buf[ROW_BYTES_MAX];
    const struct row_key k = {table, security_key(S), *key};
    struct sums_entry e = {.security = security_key(S)};
    struct writer writer = writer_of(buf, sizeof buf);

    schema_encode(&writer, row_schema(table), row);
    assert_true(writer_ok(&writer));
    return sums_of(&e, &k, bytes_of(NULL, 0), writer_bytes(&writer));
}

static struct holding_row good_holding(void)
{
    return (struct holding_row){
        .kind = ACCOUNT_ORDINARY,
        .held = true,
        .weight = 1,
        .segment_count = 3,
        .segments = {{.quantity = {10}},
                     {.quantity = {20}, .freeze = 3},
                     {.quantity = {30},
                      .pledge_count = 2,
                      .pledges = {{1}, {2}},
                      .freeze = 4}},
        .freeze_count = 2,
        .freezes =
            {{.number = 4, .rank_ms = 5, .effective = {30}},
             {.number = 3, .rank_ms = 6, .effective = {20}, .queued = {40}}},
    };
}

static enum err holding(const struct holding_row *h)
{
    return of_row(TABLE_HOLDINGS, &zero, h);
}

static void test_sums_find_an_impossible_holding(void **state)
{
    struct holding_row h = good_holding();

    (void)state;
    assert_int_equal(holding(&h), ERR_NONE);
    h.segments[0].quantity.shares = 0;
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h.segments[0].quantity.shares = INT64_MAX; /* with the others: too many */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h.segments[0].quantity.shares = UINT64_MAX;
    assert_int_equal(holding(&h), ERR_CORRUPT);

    h = good_holding();
    h.segments[1].freeze = 0; /* not merged with its neighbour */
    h.freeze_count = 1;
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h = good_holding();
    h.segments[0].nature = 1; /* not in order */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h = good_holding();
    h.segments[2].pledges[1].number = 1; /* one pledge twice */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h.segments[2].pledges[1].number = 0;
    assert_int_equal(holding(&h), ERR_CORRUPT);

    h = good_holding();
    h.held = false;
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h = good_holding();
    h.weight = 0; /* a holder that does not count */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h.kind = ACCOUNT_TREASURY;
    assert_int_equal(holding(&h), ERR_NONE);
    h.weight = 1; /* treasury shares that do */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h = (struct holding_row){.kind = ACCOUNT_ORDINARY, .weight = 1};
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h.weight = 0;
    assert_int_equal(holding(&h), ERR_NONE);
}

static void test_sums_find_an_impossible_list_of_freezes(void **state)
{
    struct holding_row h = good_holding();

    (void)state;
    h.freezes[0].rank_ms = 7; /* ranks descend */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h.freezes[0].rank_ms = 6; /* 4 before 3 */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h = good_holding();
    h.freezes[0].effective.shares = 29;
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h = good_holding();
    h.freezes[1].queued.shares = 41; /* of 40 that it does not hold */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h = good_holding();
    h.freeze_count = 1; /* a segment's freeze is not listed */
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h = good_holding();
    h.freezes[h.freeze_count++] =
        (struct holding_freeze){.number = 5, .rank_ms = 9};
    assert_int_equal(holding(&h), ERR_CORRUPT); /* has nothing */
    h.freezes[2].queued.shares = 60;
    assert_int_equal(holding(&h), ERR_NONE);
    h.freezes[2].number = 0;
    assert_int_equal(holding(&h), ERR_CORRUPT);
    h.freezes[2] = h.freezes[1]; /* listed twice */
    assert_int_equal(holding(&h), ERR_CORRUPT);
}

static void test_sums_find_an_impossible_pledge(void **state)
{
    const struct hash key = number_key(1);
    const struct pledge_row good = {
        .number = 1,
        .status = PLEDGE_ACTIVE,
        .original = {10},
        .outstanding = {7},
        .released = {2},
        .enforced = {1},
        .constitutive_register = REGISTER_THIS,
        .pledgor_count = 2,
        .pledgors = {{.outstanding = {4}}, {{{1}}, {3}}}};
    struct pledge_row p = good;

    (void)state;
    assert_int_equal(of_row(TABLE_PLEDGES, &key, &p), ERR_NONE);
    p.status = PLEDGE_RELEASED; /* shares are left under it */
    assert_int_equal(of_row(TABLE_PLEDGES, &key, &p), ERR_CORRUPT);
    p = good;
    p.original.shares = 11;
    assert_int_equal(of_row(TABLE_PLEDGES, &key, &p), ERR_CORRUPT);
    p.released.shares = UINT64_MAX;
    assert_int_equal(of_row(TABLE_PLEDGES, &key, &p), ERR_CORRUPT);
    p = good;
    p.pledgors[0].outstanding.shares = 5;
    assert_int_equal(of_row(TABLE_PLEDGES, &key, &p), ERR_CORRUPT);
    p = good;
    p.number = 2; /* under another's key */
    assert_int_equal(of_row(TABLE_PLEDGES, &key, &p), ERR_CORRUPT);
    p = (struct pledge_row){.number = 1,
                            .status = PLEDGE_ACTIVE,
                            .original = {10},
                            .released = {10},
                            .constitutive_register = REGISTER_THIS};
    assert_int_equal(of_row(TABLE_PLEDGES, &key, &p), ERR_CORRUPT);
    p.status = PLEDGE_RELEASED;
    assert_int_equal(of_row(TABLE_PLEDGES, &key, &p), ERR_NONE);
}

static void test_sums_find_an_impossible_freeze(void **state)
{
    const struct hash key = number_key(1);
    struct freeze_row f = {.number = 1,
                           .status = FREEZE_ACTIVE,
                           .authority = "COURT-A",
                           .requested = {21},
                           .effective = {1},
                           .queued = {2},
                           .released = {3},
                           .lapsed = {4},
                           .executed = {5},
                           .unfulfilled = {6}};

    (void)state;
    assert_int_equal(of_row(TABLE_FREEZES, &key, &f), ERR_NONE);
    f.requested.shares = 20;
    assert_int_equal(of_row(TABLE_FREEZES, &key, &f), ERR_CORRUPT);
    f.requested.shares = 21;
    f.status = FREEZE_RELEASED; /* still holds shares */
    assert_int_equal(of_row(TABLE_FREEZES, &key, &f), ERR_CORRUPT);
    f.effective.shares = 0;
    f.released.shares = 4;
    assert_int_equal(of_row(TABLE_FREEZES, &key, &f), ERR_CORRUPT);
    f.queued.shares = 0;
    f.lapsed.shares = 6;
    assert_int_equal(of_row(TABLE_FREEZES, &key, &f), ERR_NONE);
    f.number = 2;
    assert_int_equal(of_row(TABLE_FREEZES, &key, &f), ERR_CORRUPT);
}

static void test_sums_find_an_impossible_claim(void **state)
{
    const struct hash key = claim_key(S, 1);
    struct claim_row c = {
        .security = "100001", .number = 1, .quantity = {5}, .open = {5}};

    (void)state;
    assert_int_equal(of_row(TABLE_CLAIMS, &key, &c), ERR_NONE);
    c.open.shares = 6;
    assert_int_equal(of_row(TABLE_CLAIMS, &key, &c), ERR_CORRUPT);
    c.open.shares = 5;
    c.number = 2;
    assert_int_equal(of_row(TABLE_CLAIMS, &key, &c), ERR_CORRUPT);
    memcpy(c.security, "100002", 7); /* another security's: no matter here */
    assert_int_equal(of_row(TABLE_CLAIMS, &key, &c), ERR_NONE);
}

/* R67: Every pledge and every freeze has on the holdings exactly the shares
 * that its own row says. */
static void test_sums_find_a_pledge_on_the_wrong_shares(void **state)
{
    struct world *w = with_security();
    const struct hash tree = security_key(S);
    const struct hash a = world_account(w, HOLDER_A);
    const struct hash b = world_account(w, HOLDER_B);
    const struct hash keys[2] = {number_key(1), number_key(2)};
    struct holding_row h = *world_holding(w, S, HOLDER_A);
    struct pledge_row p;
    struct freeze_row f;

    (void)state;
    /* 50 shares go from one pledge to the other: no total changes. */
    assert_int_equal(h.segments[1].pledges[0].number, 1);
    h.segments[1].quantity.shares -= 50;
    h.segments[2].quantity.shares += 50;
    world_force(w, TABLE_HOLDINGS, &tree, &a, &h);
    assert_false(world_sums_hold(w));
    h.segments[1].quantity.shares += 50;
    h.segments[2].quantity.shares -= 50;
    world_force(w, TABLE_HOLDINGS, &tree, &a, &h);
    assert_true(world_sums_hold(w));

    /* The right quantity, another pledgor. */
    assert_true(exec_pledge(&w->view, &p, S, 1));
    p.pledgors[0].account = b;
    world_force(w, TABLE_PLEDGES, &tree, &keys[0], &p);
    assert_false(world_sums_hold(w));
    p.pledgors[0].account = a;
    world_force(w, TABLE_PLEDGES, &tree, &keys[0], &p);
    assert_true(world_sums_hold(w));

    /* What waits and what is released, exchanged. */
    assert_true(exec_freeze(&w->view, &f, S, 2));
    f.queued.shares -= 1;
    f.released.shares += 1;
    world_force(w, TABLE_FREEZES, &tree, &keys[1], &f);
    assert_false(world_sums_hold(w));
    world_free(w);
}

/* R68: After every block each account's count of positions and of rights equals
 * that of the rows which name it. */
static void test_sums_find_a_wrong_count_of_an_account(void **state)
{
    struct world *w = with_security();
    const struct hash bank = world_account(w, BANK);
    const struct hash a = world_account(w, HOLDER_A);
    struct account_row row;
    struct account_row other;

    (void)state;
    assert_true(exec_account(&w->view, &row, &bank));
    assert_int_equal(row.rights, 2);
    row.rights = 1;
    world_force(w, TABLE_ACCOUNTS, &zero, &bank, &row);
    assert_false(world_sums_hold(w));
    /* Right in sum, but another's. */
    assert_true(exec_account(&w->view, &other, &a));
    other.rights = 1;
    world_force(w, TABLE_ACCOUNTS, &zero, &a, &other);
    assert_false(world_sums_hold(w));
    row.rights = 2;
    other.rights = 0;
    world_force(w, TABLE_ACCOUNTS, &zero, &bank, &row);
    world_force(w, TABLE_ACCOUNTS, &zero, &a, &other);
    assert_true(world_sums_hold(w));
    other.positions = 0;
    world_force(w, TABLE_ACCOUNTS, &zero, &a, &other);
    assert_false(world_sums_hold(w));
    row.positions = 1;
    world_force(w, TABLE_ACCOUNTS, &zero, &bank, &row);
    assert_false(world_sums_hold(w));
    world_free(w);
}

static void test_sums_refuse_what_does_not_decode(void **state)
{
    static const uint8_t tables[] = {
        TABLE_HOLDINGS, TABLE_PLEDGES, TABLE_FREEZES, TABLE_CLAIMS};
    const struct bytes garbage = bytes_of("garbage", 7);
    const struct bytes none = bytes_of(NULL, 0);
    struct row_key k = {.table = TABLE_SUBJECTS};
    struct sums_entry e = {0};
    struct sums_marks m = {0};

    (void)state;
    assert_int_equal(sums_of(&e, &k, garbage, garbage), ERR_NONE);
    assert_int_equal(sums_account(&m, &k, garbage, garbage), ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        k.table = tables[i];
        assert_int_equal(sums_of(&e, &k, garbage, none), ERR_CORRUPT);
        assert_int_equal(sums_of(&e, &k, none, garbage), ERR_CORRUPT);
        assert_int_equal(sums_of(&e, &k, none, none), ERR_NONE);
    }
    k.table = TABLE_ACCOUNTS;
    assert_int_equal(sums_account(&m, &k, none, garbage), ERR_CORRUPT);
    assert_int_equal(sums_account(&m, &k, garbage, none), ERR_CORRUPT);
    assert_int_equal(sums_security(&e, none, garbage), ERR_CORRUPT);
    assert_int_equal(sums_security(&e, garbage, none), ERR_CORRUPT);
}

/* A change counts by its difference: the same row before and after is none. */
static void test_sums_of_a_change_is_the_difference(void **state)
{
    static uint8_t buf[ROW_BYTES_MAX];
    const struct holding_row h = good_holding();
    const struct row_key k = {TABLE_HOLDINGS, security_key(S), zero};
    const struct sums_entry none = {.security = security_key(S)};
    struct sums_entry e = none;
    struct writer writer = writer_of(buf, sizeof buf);
    struct bytes row;

    (void)state;
    schema_encode(&writer, &holding_row_schema, &h);
    row = writer_bytes(&writer);
    assert_int_equal(sums_of(&e, &k, row, row), ERR_NONE);
    assert_memory_equal(&e, &none, sizeof e);
    assert_int_equal(sums_of(&e, &k, bytes_of(NULL, 0), row), ERR_NONE);
    assert_int_equal(e.issued, 60);
    assert_int_equal(e.pledged, 30);
    assert_int_equal(e.frozen, 50);
    assert_int_equal(e.queued, 40);
    assert_int_equal(e.holders, 1);
    assert_int_equal(e.positions, 1);
    assert_int_not_equal(e.links, 0);
    assert_int_equal(sums_of(&e, &k, row, bytes_of(NULL, 0)), ERR_NONE);
    assert_memory_equal(&e, &none, sizeof e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_find_a_total_that_is_off),
        cmocka_unit_test(test_sums_find_an_impossible_holding),
        cmocka_unit_test(test_sums_find_an_impossible_list_of_freezes),
        cmocka_unit_test(test_sums_find_an_impossible_pledge),
        cmocka_unit_test(test_sums_find_an_impossible_freeze),
        cmocka_unit_test(test_sums_find_an_impossible_claim),
        cmocka_unit_test(test_sums_find_a_pledge_on_the_wrong_shares),
        cmocka_unit_test(test_sums_find_a_wrong_count_of_an_account),
        cmocka_unit_test(test_sums_refuse_what_does_not_decode),
        cmocka_unit_test(test_sums_of_a_change_is_the_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
