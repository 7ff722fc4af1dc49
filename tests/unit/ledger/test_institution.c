/* Institutions, authorities, the calendar; who is the registrar. */
#include "tests/unit/ledger/world.h"

static struct op_institution_open second(void)
{
    return (struct op_institution_open){
        .number = 2,
        .code = "R2",
        .roles = ROLE_REGISTRAR,
        .key_count = 2,
        .keys = {{world_key(70), KEY_MAKER}, {world_key(71), KEY_CHECKER}}};
}

static bool institution(struct world *w,
                        struct institution_row *row,
                        uint16_t number)
{
    const struct hash zero = {{0}};
    const struct hash key = institution_id(number);

    return exec_get(&w->view, row, TABLE_INSTITUTIONS, &zero, &key);
}

/* R11: An institution is admitted once under its number, which is not zero. */
static void test_institution_open_number_taken_or_zero_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_institution_open op = second();
    struct institution_row row;

    (void)state;
    op.number = 0;
    world_govern_refused(w, OP_INSTITUTION_OPEN, &op, V_EXISTS);
    op.number = 1;
    op.key_count = 0; /* two at once: the lower number */
    world_govern_refused(w, OP_INSTITUTION_OPEN, &op, V_EXISTS);
    op = second();
    op.number = UINT16_MAX;
    assert_int_equal(world_govern(w, OP_INSTITUTION_OPEN, &op), V_OK);
    world_govern_refused(w, OP_INSTITUTION_OPEN, &op, V_EXISTS);
    assert_true(institution(w, &row, UINT16_MAX));
    assert_false(row.validator);
    assert_int_equal(row.roles, ROLE_REGISTRAR);
    world_refused(w, OP_INSTITUTION_OPEN, &op, V_SIG_MISSING);
    world_free(w);
}

/* R12: The keys of an institution are valid and differ from one another, each
 * has a role, and one key is a maker's while another is a checker's. */
static void test_institution_keys_unsound_are_refused(void **state)
{
    struct world *w = world_new();
    struct op_institution_open op = second();
    struct op_institution_change change = {.number = 1, .roles = 1};

    (void)state;
    op.key_count = 1;
    op.keys[0].roles = KEY_MAKER | KEY_CHECKER; /* one person for both */
    world_govern_refused(w, OP_INSTITUTION_OPEN, &op, V_POLICY);
    op.key_count = 2;
    op.keys[1].roles = KEY_OPERATOR;
    world_govern_refused(w, OP_INSTITUTION_OPEN, &op, V_POLICY);
    op.keys[1].roles = 0;
    world_govern_refused(w, OP_INSTITUTION_OPEN, &op, V_POLICY);
    op = second();
    op.keys[1].key = op.keys[0].key;
    world_govern_refused(w, OP_INSTITUTION_OPEN, &op, V_POLICY);
    op.keys[1].key = (struct pubkey){{9}};
    world_govern_refused(w, OP_INSTITUTION_OPEN, &op, V_POLICY);
    world_govern_refused(w, OP_INSTITUTION_CHANGE, &change, V_POLICY);
    op = second();
    op.keys[0].roles = KEY_MAKER | KEY_CHECKER;
    assert_int_equal(world_govern(w, OP_INSTITUTION_OPEN, &op), V_OK);
    world_free(w);
}

/* R13: A change replaces all roles and keys of an institution; one that runs a
 * validator keeps at least one operator key. */
static void test_institution_change_replaces_roles_and_keys(void **state)
{
    struct world *w = world_new();
    const struct op_institution_open open = second();
    struct op_institution_change op = {
        .number = 2,
        .roles = ROLE_BANK | ROLE_NOTARY,
        .key_count = 2,
        .keys = {{world_key(80), KEY_MAKER}, {world_key(81), KEY_CHECKER}}};
    struct institution_row row;

    (void)state;
    world_govern_refused(w, OP_INSTITUTION_CHANGE, &op, V_UNKNOWN);
    assert_int_equal(world_govern(w, OP_INSTITUTION_OPEN, &open), V_OK);
    world_refused(w, OP_INSTITUTION_CHANGE, &op, V_SIG_MISSING);
    assert_int_equal(world_govern(w, OP_INSTITUTION_CHANGE, &op), V_OK);
    assert_true(institution(w, &row, 2));
    assert_int_equal(row.roles, ROLE_BANK | ROLE_NOTARY);
    assert_string_equal(row.code, "R2");
    assert_int_equal(row.key_count, 2);
    assert_memory_equal(&row.keys[1], &op.keys[1], sizeof row.keys[1]);
    op.number = 1; /* runs the validator */
    op.roles = 0;
    world_govern_refused(w, OP_INSTITUTION_CHANGE, &op, V_POLICY);
    op.key_count = 3;
    op.keys[2] = (struct institution_key){world_key(82), KEY_OPERATOR};
    assert_int_equal(world_govern(w, OP_INSTITUTION_CHANGE, &op), V_OK);
    assert_true(institution(w, &row, 1));
    assert_true(row.validator);
    world_free(w);
}

/* R14: The superior of an authority is an authority on the ledger, or the
 * authority itself. */
static void test_authority_superior_unknown_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_authority_set op = {
        .code = "TAX", .type = AUTHORITY_TAX, .superior = "TAX-HIGH"};
    const struct hash zero = {{0}};
    const struct hash key = security_key("TAX");
    struct genesis_authority row;

    (void)state;
    world_govern_refused(w, OP_AUTHORITY_SET, &op, V_UNKNOWN);
    memcpy(op.superior, "TAX", 4);
    world_refused(w, OP_AUTHORITY_SET, &op, V_SIG_MISSING);
    assert_int_equal(world_govern(w, OP_AUTHORITY_SET, &op), V_OK);
    memcpy(op.superior, "COURT-HIGH", 11);
    assert_int_equal(world_govern(w, OP_AUTHORITY_SET, &op), V_OK);
    assert_true(exec_get(&w->view, &row, TABLE_AUTHORITIES, &zero, &key));
    assert_string_equal(row.superior, "COURT-HIGH");
    assert_int_equal(row.type, AUTHORITY_TAX);
    world_free(w);
}

/* R15: Trading days are set for this year and later ones; the map names no day
 * after the year's last. */
static void test_calendar_past_year_or_day_is_refused(void **state)
{
    static const struct {
        uint16_t year;
        uint16_t day; /* that trades */
        enum verdict expected;
    } cases[] = {
        {2025, 0, V_DATE},
        {2026, 0, V_OK},
        {2026, 364, V_OK},
        {2026, 365, V_DATE},
        {2026, 367, V_DATE},
        {2027, 364, V_OK},
        {2028, 365, V_OK}, /* a leap year */
        {2028, 366, V_DATE},
        {9999, 364, V_OK},
        {10000, 0, V_DATE},
        {UINT16_MAX, 0, V_DATE},
        {0, 0, V_DATE},
    };
    struct world *w = world_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct op_calendar_set op = {.year = cases[i].year};
        const struct hash zero = {{0}};
        const struct hash key = day_key(cases[i].year);
        struct genesis_year row;

        op.trading[cases[i].day / 8] = (uint8_t)(1u << (cases[i].day % 8));
        if (cases[i].expected != V_OK) {
            world_govern_refused(w, OP_CALENDAR_SET, &op, cases[i].expected);
            continue;
        }
        assert_int_equal(world_govern(w, OP_CALENDAR_SET, &op), V_OK);
        assert_true(exec_get(&w->view, &row, TABLE_CALENDAR, &zero, &key));
        assert_memory_equal(row.trading, op.trading, sizeof row.trading);
    }
    world_free(w);
}

/* R16: A void takes effect by using up its reference: no other transaction with
 * that reference ever takes effect. */
static void test_void_takes_the_reference(void **state)
{
    struct world *w = world_new();
    const struct op_void op = {.voided = {{7}}};
    struct tx *tx = malloc(sizeof *tx);

    (void)state;
    w->event_count = 0;
    assert_int_equal(world_do_full(w, OP_VOID, &op, tx), V_OK);
    assert_int_equal(w->events[0].kind, EVENT_TX_VOIDED);
    assert_memory_equal(&w->events[0].document, &op.voided, HASH_BYTES);
    tx->id.raw[9] = 1;
    assert_int_equal(world_apply(w, tx), V_DUPLICATE_SERIAL);
    free(tx);
    world_free(w);
}

/* R17: A transaction filed by a registrar that is not the security's, without
 * any signature of the one that is, is refused as E_NOT_REGISTRAR. */
static void test_other_registrar_files_is_not_registrar(void **state)
{
    struct world *w = world_new();
    const struct op_security_suspend op = {.security = "100001",
                                           .document = {{1}}};
    struct tx *tx = malloc(sizeof *tx);

    (void)state;
    world_security(w, "100001", 0, 200);
    world_institution(w, 2, ROLE_REGISTRAR);
    world_institution(w, 3, ROLE_BANK);
    w->skip_checker = true;
    assert_int_equal(world_do_full(w, OP_SECURITY_SUSPEND, &op, tx),
                     V_SIG_MISSING);
    w->skip_checker = false;
    tx->institution = 2;
    /* Signed by one of the registrar: not wholly absent. */
    assert_int_equal(world_apply(w, tx), V_SIG_MISSING);
    tx->principals[0].id = institution_id(2);
    tx->sigs[tx->sig_count++] =
        (struct tx_sig){.key_type = 1, .key = world_key(KEY_OF_CHECKER)};
    assert_int_equal(world_apply(w, tx), V_NOT_REGISTRAR);
    tx->institution = 3;
    tx->principals[0].id = institution_id(3);
    assert_int_equal(world_apply(w, tx), V_SIG_MISSING);
    free(tx);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_institution_open_number_taken_or_zero_is_refused),
        cmocka_unit_test(test_institution_keys_unsound_are_refused),
        cmocka_unit_test(test_institution_change_replaces_roles_and_keys),
        cmocka_unit_test(test_authority_superior_unknown_is_refused),
        cmocka_unit_test(test_calendar_past_year_or_day_is_refused),
        cmocka_unit_test(test_void_takes_the_reference),
        cmocka_unit_test(test_other_registrar_files_is_not_registrar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
