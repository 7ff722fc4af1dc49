/* Securities: created, listed and delisted, suspended and resumed, changed. */
#include "tests/unit/ledger/world.h"

static const char S[] = "100001";
static const struct hash zero;

static struct world *with_security(void)
{
    struct world *w = world_new();
    const uint64_t q[3] = {600, 300, 100};

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

static void force_status(struct world *w, enum security_status status)
{
    const struct hash key = security_key(S);
    struct security_row s = row_of(w);

    s.status = (uint8_t)status;
    world_force(w, TABLE_SECURITIES, &zero, &key, &s);
}

static struct op_security_create new_security(const struct world *w)
{
    return (struct op_security_create){.code = "200001",
                                       .issuer = world_account(w, ISSUER),
                                       .registrar = 1,
                                       .class = CLASS_PREFERRED,
                                       .t_plus = 5,
                                       .features = FEATURE_REPEAT_PLEDGE,
                                       .investors = 1,
                                       .holder_cap = 200,
                                       .terms = {{7}},
                                       .document = {{8}}};
}

/* R42: A security is taken into custody as a draft, by its issuer and one
 * registrar, under a code that is free. */
static void test_security_create_makes_a_draft_with_its_parameters(void **state)
{
    struct world *w = world_new();
    const struct op_security_create op = new_security(w);
    struct security_row s;

    (void)state;
    assert_int_equal(world_do(w, OP_SECURITY_CREATE, &op), V_OK);
    assert_true(exec_security(&w->view, &s, "200001"));
    assert_int_equal(s.status, SECURITY_DRAFT);
    assert_memory_equal(&s.issuer, &op.issuer, sizeof s.issuer);
    assert_int_equal(s.registrar, 1);
    assert_int_equal(s.class, CLASS_PREFERRED);
    assert_int_equal(s.t_plus, 5);
    assert_int_equal(s.features, FEATURE_REPEAT_PLEDGE);
    assert_int_equal(s.investors, 1);
    assert_int_equal(s.holder_cap, 200);
    assert_string_equal(s.successor, "-");
    assert_string_equal(s.predecessor, "-");
    assert_int_equal(s.issued.shares, 0);
    assert_false(hash_is_zero(&s.chain));
    world_refused(w, OP_SECURITY_CREATE, &op, V_EXISTS);
    world_free(w);
}

static void test_security_create_with_wrong_parties_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_security_create op = new_security(w);
    struct account_row a;

    (void)state;
    op.registrar = 9;
    world_refused(w, OP_SECURITY_CREATE, &op, V_UNKNOWN);
    op.registrar = 1;
    op.issuer.raw[0] ^= 1;
    world_refused(w, OP_SECURITY_CREATE, &op, V_UNKNOWN);
    op.issuer.raw[0] ^= 1;
    world_institution(w, 2, ROLE_MEMBER);
    op.registrar = 2;
    world_refused(w, OP_SECURITY_CREATE, &op, V_ROLE);
    op.registrar = 1;
    assert_true(exec_account(&w->view, &a, &op.issuer));
    a.status = ACCOUNT_FROZEN;
    world_force(w, TABLE_ACCOUNTS, &zero, &op.issuer, &a);
    world_refused(w, OP_SECURITY_CREATE, &op, V_ACCOUNT_STATE);
    world_free(w);
}

/* R43: A security with a cap of more than 200 holders, or with none, cites the
 * approval of its exemption. */
static void test_security_cap_beyond_the_law_cites_its_approval(void **state)
{
    struct world *w = world_new();
    struct op_security_create op = new_security(w);

    (void)state;
    op.holder_cap = 0;
    world_refused(w, OP_SECURITY_CREATE, &op, V_POLICY);
    op.holder_cap = 201;
    world_refused(w, OP_SECURITY_CREATE, &op, V_POLICY);
    op.cap_approval.raw[0] = 1;
    assert_int_equal(world_do(w, OP_SECURITY_CREATE, &op), V_OK);
    op.code[0] = '3';
    op.holder_cap = 0;
    assert_int_equal(world_do(w, OP_SECURITY_CREATE, &op), V_OK);
    /* Of two broken rules the lower number is told. */
    memset(&op.cap_approval, 0, sizeof op.cap_approval);
    world_refused(w, OP_SECURITY_CREATE, &op, V_EXISTS);
    world_free(w);
}

/* R44: Between buying and selling a security demands at most 60 trading days.
 */
static void test_security_t_plus_ends_at_60(void **state)
{
    struct world *w = world_new();
    struct op_security_create op = new_security(w);

    (void)state;
    op.t_plus = 61;
    world_refused(w, OP_SECURITY_CREATE, &op, V_POLICY);
    op.t_plus = 60;
    assert_int_equal(world_do(w, OP_SECURITY_CREATE, &op), V_OK);
    world_free(w);
}

/* R45: A registered security is listed on a board of the market, and a listed
 * one is moved to another board, each named by its number from 1. */
static void test_security_list_sets_the_tier(void **state)
{
    struct world *w = with_security();
    struct op_security_list op = {.security = "100001"};

    (void)state;
    world_refused(w, OP_SECURITY_LIST, &op, V_QUANTITY);
    op.tier = 1;
    assert_int_equal(world_do(w, OP_SECURITY_LIST, &op), V_OK);
    assert_int_equal(row_of(w).status, SECURITY_LISTED);
    assert_int_equal(row_of(w).tier, 1);
    op.tier = 255;
    assert_int_equal(world_do(w, OP_SECURITY_LIST, &op), V_OK);
    assert_int_equal(row_of(w).tier, 255);
    assert_int_equal(w->events[w->event_count - 1].number, 255);
    assert_int_equal(w->events[w->event_count - 1].second, 1);
    /* Two broken rules: the state has the lower number. */
    op.tier = 0;
    force_status(w, SECURITY_SUSPENDED);
    world_refused(w, OP_SECURITY_LIST, &op, V_SECURITY_STATE);
    world_free(w);
}

/* R46: A listed security that is taken off its board stays registered. */
static void test_security_delist_leaves_it_registered(void **state)
{
    struct world *w = with_security();
    const struct op_security_list list = {.security = "100001", .tier = 3};
    const struct op_security_delist op = {.security = "100001"};

    (void)state;
    world_refused(w, OP_SECURITY_DELIST, &op, V_SECURITY_STATE);
    assert_int_equal(world_do(w, OP_SECURITY_LIST, &list), V_OK);
    assert_int_equal(world_do(w, OP_SECURITY_DELIST, &op), V_OK);
    assert_int_equal(row_of(w).status, SECURITY_REGISTERED);
    assert_int_equal(row_of(w).tier, 0);
    assert_int_equal(row_of(w).issued.shares, 1000);
    world_free(w);
}

/* R47: A registered or listed security is suspended by its registrar, and
 * resumed as what it was. */
static void test_security_resumes_as_what_it_was(void **state)
{
    struct world *w = with_security();
    const struct op_security_list list = {.security = "100001", .tier = 2};
    const struct op_security_suspend suspend = {.security = "100001"};
    const struct op_security_resume resume = {.security = "100001"};

    (void)state;
    world_refused(w, OP_SECURITY_RESUME, &resume, V_SECURITY_STATE);
    assert_int_equal(world_do(w, OP_SECURITY_SUSPEND, &suspend), V_OK);
    assert_int_equal(row_of(w).status, SECURITY_SUSPENDED);
    world_refused(w, OP_SECURITY_SUSPEND, &suspend, V_SECURITY_STATE);
    assert_int_equal(world_do(w, OP_SECURITY_RESUME, &resume), V_OK);
    assert_int_equal(row_of(w).status, SECURITY_REGISTERED);
    assert_int_equal(world_do(w, OP_SECURITY_LIST, &list), V_OK);
    assert_int_equal(world_do(w, OP_SECURITY_SUSPEND, &suspend), V_OK);
    assert_int_equal(world_do(w, OP_SECURITY_RESUME, &resume), V_OK);
    assert_int_equal(row_of(w).status, SECURITY_LISTED);
    assert_int_equal(row_of(w).tier, 2);
    world_free(w);
}

/* R48: The parameters of a registered, listed or suspended security may be
 * changed; what is done later is judged by the new ones. */
static void test_security_change_replaces_the_parameters(void **state)
{
    struct world *w = with_security();
    struct op_security_change op = {.security = "100001",
                                    .t_plus = 60,
                                    .features = FEATURE_COMPANY_CONSENT,
                                    .investors = 3,
                                    .holder_cap = 50};

    (void)state;
    assert_int_equal(world_do(w, OP_SECURITY_CHANGE, &op), V_OK);
    assert_int_equal(row_of(w).t_plus, 60);
    assert_int_equal(row_of(w).features, FEATURE_COMPANY_CONSENT);
    assert_int_equal(row_of(w).investors, 3);
    assert_int_equal(row_of(w).holder_cap, 50);
    op.t_plus = 61;
    world_refused(w, OP_SECURITY_CHANGE, &op, V_POLICY);
    op.t_plus = 0;
    op.holder_cap = 201;
    world_refused(w, OP_SECURITY_CHANGE, &op, V_POLICY);
    op.cap_approval.raw[3] = 1;
    assert_int_equal(world_do(w, OP_SECURITY_CHANGE, &op), V_OK);
    assert_int_equal(row_of(w).cap_approval.raw[3], 1);
    op.t_plus = 61;
    force_status(w, SECURITY_WITHDRAWN);
    world_refused(w, OP_SECURITY_CHANGE, &op, V_POLICY);
    world_free(w);
}

/* R49: A security that has left the register takes no operation. */
static void test_security_state_allows_or_refuses(void **state)
{
    enum {
        REG = 1u << SECURITY_REGISTERED,
        LIST = 1u << SECURITY_LISTED,
        SUSP = 1u << SECURITY_SUSPENDED,
    };
    const struct op_security_list list = {.security = "100001", .tier = 1};
    const struct op_security_delist delist = {.security = "100001"};
    const struct op_security_suspend suspend = {.security = "100001"};
    const struct op_security_resume resume = {.security = "100001"};
    const struct op_security_change change = {.security = "100001",
                                              .holder_cap = 200};
    const struct op_register_open open = {
        .security = "100001", .issued = {1}, .line_count = 1};
    const struct {
        enum op_kind kind;
        const void *op;
        unsigned allowed; /* bits 1 << state */
    } cases[] = {
        {OP_SECURITY_LIST, &list, REG | LIST},
        {OP_SECURITY_DELIST, &delist, LIST},
        {OP_SECURITY_SUSPEND, &suspend, REG | LIST},
        {OP_SECURITY_RESUME, &resume, SUSP},
        {OP_SECURITY_CHANGE, &change, REG | LIST | SUSP},
        {OP_REGISTER_OPEN, &open, 1u << SECURITY_DRAFT},
    };
    struct world *w = with_security();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int s = SECURITY_DRAFT; s < SECURITY_STATUSES; s++) {
            force_status(w, (enum security_status)s);
            if ((cases[i].allowed >> s & 1) != 0)
                assert_int_equal(
                    world_do(w, (uint8_t)cases[i].kind, cases[i].op), V_OK);
            else
                world_refused(w,
                              (uint8_t)cases[i].kind,
                              cases[i].op,
                              s == SECURITY_WITHDRAWN ? V_WITHDRAWN
                                                      : V_SECURITY_STATE);
        }
    }
    world_free(w);
}

static void test_security_unknown_code_is_refused(void **state)
{
    struct world *w = world_new();
    const struct op_security_list list = {.security = "X", .tier = 1};
    const struct op_security_delist delist = {.security = "X"};
    const struct op_security_suspend suspend = {.security = "X"};
    const struct op_security_resume resume = {.security = "X"};
    const struct op_security_change change = {.security = "X",
                                              .holder_cap = 200};

    (void)state;
    world_refused(w, OP_SECURITY_LIST, &list, V_UNKNOWN);
    world_refused(w, OP_SECURITY_DELIST, &delist, V_UNKNOWN);
    world_refused(w, OP_SECURITY_SUSPEND, &suspend, V_UNKNOWN);
    world_refused(w, OP_SECURITY_RESUME, &resume, V_UNKNOWN);
    world_refused(w, OP_SECURITY_CHANGE, &change, V_UNKNOWN);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_security_create_makes_a_draft_with_its_parameters),
        cmocka_unit_test(test_security_create_with_wrong_parties_is_refused),
        cmocka_unit_test(test_security_cap_beyond_the_law_cites_its_approval),
        cmocka_unit_test(test_security_t_plus_ends_at_60),
        cmocka_unit_test(test_security_list_sets_the_tier),
        cmocka_unit_test(test_security_delist_leaves_it_registered),
        cmocka_unit_test(test_security_resumes_as_what_it_was),
        cmocka_unit_test(test_security_change_replaces_the_parameters),
        cmocka_unit_test(test_security_state_allows_or_refuses),
        cmocka_unit_test(test_security_unknown_code_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
