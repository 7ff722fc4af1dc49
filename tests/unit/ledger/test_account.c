/* Accounts: opened, qualified, looked through, frozen, thawed, closed. */
#include "tests/unit/ledger/world.h"

static const struct hash zero;

static struct account_row account(struct world *w, int i)
{
    const struct hash id = world_account(w, i);
    struct account_row a;

    assert_true(exec_account(&w->view, &a, &id));
    return a;
}

/* Other operations' work, short-cut. */
static void put_account(struct world *w, int i, const struct account_row *a)
{
    struct exec x = {.b = &w->block};
    const struct hash id = world_account(w, i);

    exec_put(&x, a, TABLE_ACCOUNTS, &zero, &id);
}

static struct security_row security(struct world *w, const char *code)
{
    struct security_row s;

    assert_true(exec_security(&w->view, &s, code));
    return s;
}

static struct op_account_open holder(uint8_t n)
{
    return (struct op_account_open){
        .custodian = 1,
        .nonce = {n},
        .kind = ACCOUNT_ORDINARY,
        .authority = AUTHORITY_KEYS,
        .policy = {.threshold = 1, .key_count = 1, .keys = {world_key(n)}},
        .identity = {{n, 2}},
        .subject_tag = {{n}},
        .document = {{1}}};
}

static struct hash unknown(void)
{
    return (struct hash){{0xff}};
}

/* R18: An account is kept by a registrar or a member institution. */
static void test_account_open_custodian_without_the_role_is_refused(
    void **state)
{
    struct world *w = world_new();
    struct op_account_open op = holder(99);

    (void)state;
    op.custodian = 9;
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_UNKNOWN);
    world_institution(w, 2, ROLE_BANK | ROLE_NOTARY);
    op.custodian = 2;
    op.subject_tag.raw[0] = 1; /* taken too: the lower number is told */
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_ROLE);
    op.subject_tag.raw[0] = 99;
    world_institution(w, 3, ROLE_MEMBER);
    op.custodian = 3;
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_OK);
    world_free(w);
}

/* R19: One person or company has one ordinary account that is not closed; the
 * subject tag tells. */
static void test_account_open_same_subject_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_account_open op = holder(99);

    (void)state;
    op.subject_tag.raw[0] = HOLDER_A + 1;
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_DUPLICATE_SUBJECT);
    op.kind = ACCOUNT_SUSPENSE; /* the registrar's own are not persons */
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_OK);
    op.kind = ACCOUNT_ORDINARY;
    op.subject_tag.raw[0] = 98;
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_EXISTS); /* the number */
    world_free(w);
}

static void test_account_open_pooled_has_declared_nobody(void **state)
{
    struct world *w = world_new();
    struct op_account_open op = holder(99);
    struct hash id;
    struct account_row a;

    (void)state;
    op.pooled = true;
    op.identity.raw[3] = 7;
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_OK);
    id = account_id_of(&w->block.chain_id, 1, op.nonce);
    assert_true(exec_account(&w->view, &a, &id));
    assert_true(a.pooled);
    assert_int_equal(a.investors, 0);
    assert_int_equal(a.identity.raw[3], 7);
    assert_string_equal(a.frozen_by, "-");
    assert_int_equal(account(w, HOLDER_A).investors, 1);
    world_free(w);
}

/* R20: A holder's keys are valid and strictly ascending, and between one and
 * all of them must sign; an account on paper has none. */
static void test_account_open_policy_unsound_is_refused(void **state)
{
    struct world *w = world_new();
    const struct op_account_open good = holder(99);
    struct op_account_open op = good;

    (void)state;
    op.policy.threshold = 0;
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_POLICY);
    op = good;
    op.policy.key_count = 0;
    op.policy.threshold = 0;
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_POLICY);
    op = good;
    op.policy.key_count = 2;
    op.policy.keys[1] = op.policy.keys[0]; /* not ascending */
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_POLICY);
    op.policy.keys[1] = (struct pubkey){{0xff}}; /* no point */
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_POLICY);
    op = good;
    op.authority = AUTHORITY_PAPER;
    world_refused(w, OP_ACCOUNT_OPEN, &op, V_POLICY);
    op.policy = (struct key_policy){0};
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_OK);
    world_free(w);
}

static struct op_account_qualify qualification(const struct world *w)
{
    return (struct op_account_qualify){.account = world_account(w, HOLDER_A),
                                       .certifier = 1,
                                       .class = INVESTOR_PERSON,
                                       .from = TODAY,
                                       .to = TODAY + 100,
                                       .document = {{1}}};
}

/* R21: A qualification is certified by a registrar or a member institution,
 * together with the account's custodian. */
static void test_account_qualify_certifier_without_the_role_is_refused(
    void **state)
{
    struct world *w = world_new();
    struct op_account_qualify op = qualification(w);

    (void)state;
    op.account = unknown();
    world_refused(w, OP_ACCOUNT_QUALIFY, &op, V_UNKNOWN);
    op = qualification(w);
    op.certifier = 9;
    world_refused(w, OP_ACCOUNT_QUALIFY, &op, V_UNKNOWN);
    world_institution(w, 2, ROLE_NOTARY);
    op.certifier = 2;
    op.to = TODAY - 1;
    world_refused(w, OP_ACCOUNT_QUALIFY, &op, V_ROLE);
    op.to = TODAY;
    world_institution(w, 3, ROLE_MEMBER);
    op.certifier = 3;
    w->skip_checker = true;
    world_refused(w, OP_ACCOUNT_QUALIFY, &op, V_SIG_MISSING);
    w->skip_checker = false;
    assert_int_equal(world_do(w, OP_ACCOUNT_QUALIFY, &op), V_OK);
    world_free(w);
}

/* R22: A qualification has not ended before today, and its first day is not
 * after its last; class none ends the one there is. */
static void test_account_qualify_dates_at_their_borders(void **state)
{
    static const struct {
        uint32_t from;
        uint32_t to;
        enum verdict expected;
    } cases[] = {
        {TODAY, TODAY, V_OK},
        {0, TODAY, V_OK},
        {0, TODAY - 1, V_QUALIFICATION_EXPIRED},
        {TODAY, TODAY - 1, V_QUALIFICATION_EXPIRED}, /* both: the lower */
        {TODAY + 1, TODAY, V_DATE},
        {TODAY + 9, TODAY + 9, V_OK},
        {TODAY + 10, TODAY + 9, V_DATE},
    };
    struct world *w = world_new();
    struct op_account_qualify op = qualification(w);
    struct account_row a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        op.from = cases[i].from;
        op.to = cases[i].to;
        if (cases[i].expected != V_OK) {
            world_refused(w, OP_ACCOUNT_QUALIFY, &op, cases[i].expected);
            continue;
        }
        assert_int_equal(world_do(w, OP_ACCOUNT_QUALIFY, &op), V_OK);
        a = account(w, HOLDER_A);
        assert_int_equal(a.class, INVESTOR_PERSON);
        assert_int_equal(a.class_from, cases[i].from);
        assert_int_equal(a.class_to, cases[i].to);
    }
    op.class = INVESTOR_NONE;
    op.from = 5;
    op.to = 4;
    assert_int_equal(world_do(w, OP_ACCOUNT_QUALIFY, &op), V_OK);
    a = account(w, HOLDER_A);
    assert_int_equal(a.class, INVESTOR_NONE);
    assert_int_equal(a.class_from, 0);
    assert_int_equal(a.class_to, 0);
    world_free(w);
}

/* ---- look-through ---- */

/* HOLDER_A is a pooled vehicle with shares in three securities. */
static struct world *vehicle_market(uint32_t cap)
{
    struct world *w = world_new();
    struct account_row a = account(w, HOLDER_A);
    const uint64_t q[3] = {1000, 1000, 0};
    const uint64_t other[3] = {0, 5, 0};

    a.pooled = true;
    a.investors = 0;
    put_account(w, HOLDER_A, &a);
    world_security(w, "100001", 0, cap);
    world_security(w, "100002", 0, 0);
    world_security(w, "100003", 0, 0);
    world_security(w, "100004", 0, 0);
    world_register(w, "100001", q);
    world_register(w, "100002", q);
    world_register(w, "100003", q);
    world_register(w, "100004", other);
    return w;
}

static struct op_account_look_through declaration(const struct world *w)
{
    return (struct op_account_look_through){
        .account = world_account(w, HOLDER_A),
        .investors = 50,
        .security_count = 3,
        .securities = {{"100001"}, {"100002"}, {"100003"}},
        .document = {{1}}};
}

/* R25: A declaration counts at once in each of those securities; one that takes
 * the holders beyond the cap is recorded and says so. */
static void test_look_through_counts_in_every_security(void **state)
{
    struct world *w = vehicle_market(51);
    struct op_account_look_through op = declaration(w);

    (void)state;
    assert_int_equal(security(w, "100001").holder_count, 2);
    w->event_count = 0;
    assert_int_equal(world_do(w, OP_ACCOUNT_LOOK_THROUGH, &op), V_OK);
    assert_int_equal(account(w, HOLDER_A).investors, 50);
    assert_int_equal(security(w, "100001").holder_count, 51);
    assert_int_equal(security(w, "100002").holder_count, 51);
    assert_int_equal(security(w, "100003").holder_count, 51);
    assert_int_equal(security(w, "100004").holder_count, 1);
    assert_int_equal(world_holding(w, "100002", HOLDER_A)->weight, 50);
    assert_int_equal(w->event_count, 4);
    assert_string_equal(w->events[1].security, "100001");
    assert_int_equal(w->events[1].flags, 0);
    op.investors = 51;
    w->event_count = 0;
    assert_int_equal(world_do(w, OP_ACCOUNT_LOOK_THROUGH, &op), V_OK);
    assert_int_equal(security(w, "100001").holder_count, 52);
    assert_int_equal(w->events[1].flags, EVENT_CAP_EXCEEDED_BY_LAW);
    assert_int_equal(w->events[2].flags, 0); /* exempt from a cap */
    op.investors = 1;
    assert_int_equal(world_do(w, OP_ACCOUNT_LOOK_THROUGH, &op), V_OK);
    assert_int_equal(security(w, "100001").holder_count, 2);
    assert_int_equal(security(w, "100001").positions, 2);
    assert_int_equal(account(w, HOLDER_A).positions, 3);
    world_free(w);
}

/* R24: A declaration of final investors names every security in which the
 * vehicle has a share, each once and in ascending order. */
static void test_look_through_incomplete_list_is_refused(void **state)
{
    struct world *w = vehicle_market(0);
    const struct op_account_look_through good = declaration(w);
    struct op_account_look_through op = good;

    (void)state;
    op.security_count = 0;
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_SUM_MISMATCH);
    op.security_count = 2;
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_SUM_MISMATCH);
    op = good;
    op.securities[1] = op.securities[2]; /* twice the same */
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_SUM_MISMATCH);
    op = good;
    op.securities[0] = good.securities[1];
    op.securities[1] = good.securities[0];
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_SUM_MISMATCH);
    op = good;
    memcpy(op.securities[2].code, "100004", 7); /* no share in it */
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_SUM_MISMATCH);
    memcpy(op.securities[2].code, "100009", 7);
    op.investors = 0;
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_UNKNOWN);
    op = good;
    op.account = unknown();
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_UNKNOWN);
    op = good;
    memset(&op.document, 0, sizeof op.document);
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_SIG_MISSING);
    world_free(w);
}

/* R23: Only a pooled vehicle declares final investors, and at least one and at
 * most a million of them. */
static void test_look_through_investors_at_their_borders(void **state)
{
    struct world *w = vehicle_market(0);
    struct op_account_look_through op = declaration(w);
    struct op_account_look_through other = op;
    struct account_row a;

    (void)state;
    op.investors = 0;
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_QUANTITY);
    op.investors = 1000001;
    op.security_count = 1;
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_QUANTITY);
    op.security_count = 3;
    op.investors = UINT32_MAX;
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_QUANTITY);
    op.investors = 1000000;
    assert_int_equal(world_do(w, OP_ACCOUNT_LOOK_THROUGH, &op), V_OK);
    assert_int_equal(security(w, "100001").holder_count, 1000001);
    other.account = world_account(w, HOLDER_B);
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &other, V_ACCOUNT_STATE);
    a = account(w, HOLDER_A);
    a.status = ACCOUNT_CLOSED;
    put_account(w, HOLDER_A, &a);
    world_refused(w, OP_ACCOUNT_LOOK_THROUGH, &op, V_ACCOUNT_STATE);
    world_free(w);
}

/* R26: A declaration changes nothing of a register that was withdrawn. */
static void test_look_through_passes_over_a_withdrawn_register(void **state)
{
    struct world *w = vehicle_market(0);
    const struct op_account_look_through op = declaration(w);
    struct exec x = {.b = &w->block};
    struct security_row s = security(w, "100002");
    const struct hash key = security_key("100002");

    (void)state;
    s.status = SECURITY_WITHDRAWN;
    exec_put(&x, &s, TABLE_SECURITIES, &zero, &key);
    assert_int_equal(world_do(w, OP_ACCOUNT_LOOK_THROUGH, &op), V_OK);
    assert_int_equal(security(w, "100001").holder_count, 51);
    assert_int_equal(security(w, "100002").holder_count, 2);
    assert_int_equal(world_holding(w, "100002", HOLDER_A)->weight, 1);
    world_free(w);
}

/* A vehicle without shares names none. */
static void test_look_through_without_shares_is_recorded(void **state)
{
    struct world *w = world_new();
    struct account_row a = account(w, HOLDER_A);
    struct op_account_look_through op = declaration(w);

    (void)state;
    a.pooled = true;
    a.investors = 0;
    put_account(w, HOLDER_A, &a);
    op.security_count = 0;
    w->event_count = 0;
    assert_int_equal(world_do(w, OP_ACCOUNT_LOOK_THROUGH, &op), V_OK);
    assert_int_equal(w->event_count, 1);
    assert_int_equal(w->events[0].kind, EVENT_LOOK_THROUGH);
    assert_int_equal(w->events[0].number, 50);
    assert_int_equal(account(w, HOLDER_A).investors, 50);
    world_free(w);
}

/* Lists count by rows touched, over the whole transaction. */
static void test_look_through_of_too_many_rows_is_refused(void **state)
{
    struct world *w = vehicle_market(0);
    struct op_account_look_through op = declaration(w);
    struct exec x = {.b = &w->block, .lines = TX_ROWS_MAX - 3};

    (void)state;
    assert_int_equal(rule_account_look_through(&x, &op), V_OK);
    x.lines = TX_ROWS_MAX - 2;
    assert_int_equal(rule_account_look_through(&x, &op), V_LIMIT);
    world_free(w);
}

/* ---- freeze, thaw, close ---- */

/* R27: An account is frozen on the order of an authority on the ledger, if it
 * is active. */
static void test_account_freeze_needs_an_authority_and_an_active_account(
    void **state)
{
    struct world *w = world_new();
    struct op_account_freeze op = {.account = world_account(w, HOLDER_A),
                                   .authority = "COURT-X",
                                   .document = {{1}}};
    struct op_account_close close = {.account = world_account(w, HOLDER_A)};

    (void)state;
    world_at(w, TODAY); /* court operations stand first */
    world_refused(w, OP_ACCOUNT_FREEZE, &op, V_UNKNOWN);
    memcpy(op.authority, "COURT-A", 8);
    op.account = unknown();
    world_refused(w, OP_ACCOUNT_FREEZE, &op, V_UNKNOWN);
    op.account = world_account(w, HOLDER_A);
    memset(&op.document, 0, sizeof op.document);
    world_refused(w, OP_ACCOUNT_FREEZE, &op, V_SIG_MISSING);
    op.document.raw[0] = 1;
    assert_int_equal(world_do(w, OP_ACCOUNT_FREEZE, &op), V_OK);
    assert_int_equal(account(w, HOLDER_A).status, ACCOUNT_FROZEN);
    assert_string_equal(account(w, HOLDER_A).frozen_by, "COURT-A");
    world_refused(w, OP_ACCOUNT_FREEZE, &op, V_ACCOUNT_STATE);
    close.account = world_account(w, HOLDER_B);
    assert_int_equal(world_do(w, OP_ACCOUNT_CLOSE, &close), V_OK);
    op.account = close.account;
    world_at(w, TODAY);
    world_refused(w, OP_ACCOUNT_FREEZE, &op, V_ACCOUNT_STATE);
    world_free(w);
}

/* R28: A frozen account is thawed by the authority that froze it, or by that
 * authority's superior. */
static void test_account_thaw_by_another_authority_is_refused(void **state)
{
    static const char *const who[] = {"COURT-A", "COURT-HIGH"};
    struct world *w = world_new();
    const struct op_account_freeze freeze = {.account =
                                                 world_account(w, HOLDER_A),
                                             .authority = "COURT-A",
                                             .document = {{1}}};
    struct op_account_thaw op = {.account = world_account(w, HOLDER_A),
                                 .authority = "COURT-B",
                                 .document = {{1}}};

    (void)state;
    world_at(w, TODAY);
    world_refused(w, OP_ACCOUNT_THAW, &op, V_ACCOUNT_STATE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world_do(w, OP_ACCOUNT_FREEZE, &freeze), V_OK);
        memset(op.authority, 0, sizeof op.authority);
        memcpy(op.authority, "COURT-B", 8);
        world_refused(w, OP_ACCOUNT_THAW, &op, V_FREEZE_AUTHORITY);
        memcpy(op.authority, "COURT-X", 8);
        world_refused(w, OP_ACCOUNT_THAW, &op, V_UNKNOWN);
        memcpy(op.authority, who[i], strlen(who[i]) + 1);
        assert_int_equal(world_do(w, OP_ACCOUNT_THAW, &op), V_OK);
        assert_int_equal(account(w, HOLDER_A).status, ACCOUNT_ACTIVE);
        assert_string_equal(account(w, HOLDER_A).frozen_by, "-");
    }
    op.account = unknown();
    world_refused(w, OP_ACCOUNT_THAW, &op, V_UNKNOWN);
    world_free(w);
}

/* R29: An account is closed if it is active, has no position, no pledge to it,
 * no open claim and no security of its own in the register, and no recovery of
 * its keys is pending. */
static void test_account_close_with_something_left_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_account_close op = {.account = world_account(w, HOLDER_A)};
    const uint64_t q[3] = {1, 0, 0};
    struct account_row a;

    (void)state;
    world_security(w, "100001", 0, 0);
    world_register(w, "100001", q);
    world_refused(w, OP_ACCOUNT_CLOSE, &op, V_NOT_EMPTY);
    op.account = world_account(w, BANK);
    a = account(w, BANK);
    a.rights = 1;
    a.recovery_day = TODAY + 1; /* both: the lower number */
    put_account(w, BANK, &a);
    world_refused(w, OP_ACCOUNT_CLOSE, &op, V_NOT_EMPTY);
    a.rights = 0;
    put_account(w, BANK, &a);
    world_refused(w, OP_ACCOUNT_CLOSE, &op, V_RECOVERY);
    a.recovery_day = 0;
    a.status = ACCOUNT_FROZEN;
    put_account(w, BANK, &a);
    world_refused(w, OP_ACCOUNT_CLOSE, &op, V_ACCOUNT_STATE);
    a.status = ACCOUNT_ACTIVE;
    put_account(w, BANK, &a);
    assert_int_equal(world_do(w, OP_ACCOUNT_CLOSE, &op), V_OK);
    assert_int_equal(account(w, BANK).status, ACCOUNT_CLOSED);
    world_refused(w, OP_ACCOUNT_CLOSE, &op, V_ACCOUNT_STATE);
    op.account = unknown();
    world_refused(w, OP_ACCOUNT_CLOSE, &op, V_UNKNOWN);
    world_free(w);
}

/* R30: When an ordinary account is closed its person may open another. */
static void test_account_close_lets_the_person_open_another(void **state)
{
    struct world *w = world_new();
    const struct op_account_close op = {.account = world_account(w, HOLDER_C)};
    struct op_account_qualify qualify = qualification(w);
    struct op_account_open open = holder(99);

    (void)state;
    open.subject_tag.raw[0] = HOLDER_C + 1;
    world_refused(w, OP_ACCOUNT_OPEN, &open, V_DUPLICATE_SUBJECT);
    assert_int_equal(world_do(w, OP_ACCOUNT_CLOSE, &op), V_OK);
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &open), V_OK);
    open = holder(98);
    open.subject_tag.raw[0] = HOLDER_C + 1;
    world_refused(w, OP_ACCOUNT_OPEN, &open, V_DUPLICATE_SUBJECT);
    qualify.account = op.account;
    qualify.to = TODAY - 1; /* both: the lower number */
    world_refused(w, OP_ACCOUNT_QUALIFY, &qualify, V_ACCOUNT_STATE);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_account_open_custodian_without_the_role_is_refused),
        cmocka_unit_test(test_account_open_same_subject_is_refused),
        cmocka_unit_test(test_account_open_pooled_has_declared_nobody),
        cmocka_unit_test(test_account_open_policy_unsound_is_refused),
        cmocka_unit_test(
            test_account_qualify_certifier_without_the_role_is_refused),
        cmocka_unit_test(test_account_qualify_dates_at_their_borders),
        cmocka_unit_test(test_look_through_counts_in_every_security),
        cmocka_unit_test(test_look_through_incomplete_list_is_refused),
        cmocka_unit_test(test_look_through_investors_at_their_borders),
        cmocka_unit_test(test_look_through_passes_over_a_withdrawn_register),
        cmocka_unit_test(test_look_through_without_shares_is_recorded),
        cmocka_unit_test(test_look_through_of_too_many_rows_is_refused),
        cmocka_unit_test(
            test_account_freeze_needs_an_authority_and_an_active_account),
        cmocka_unit_test(test_account_thaw_by_another_authority_is_refused),
        cmocka_unit_test(test_account_close_with_something_left_is_refused),
        cmocka_unit_test(test_account_close_lets_the_person_open_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
