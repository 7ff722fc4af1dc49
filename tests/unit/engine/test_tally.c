#include "engine/tally.h"

#include "base/check.h"
#include "base/writer.h"
#include "ledger/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Two accounts hold 60 and 40 shares of A and 100 of B; the first one issued
 * both. */
enum { ROWS = 7, ROW_MAX = 1024 };

struct rig {
    struct row_key keys[ROWS];
    uint8_t rows[ROWS][ROW_MAX];
    size_t sizes[ROWS];
    uint32_t count;
};

static struct hash named(uint8_t n)
{
    struct hash h = {{0}};

    h.raw[0] = n;
    return h;
}

static void put(struct rig *r,
                const struct row_key *key,
                const struct schema *schema,
                const void *row)
{
    struct writer w = writer_of(r->rows[r->count], ROW_MAX);

    schema_encode(&w, schema, row);
    assert_true(writer_ok(&w));
    r->keys[r->count] = *key;
    r->sizes[r->count++] = w.size;
}

static struct hash key_of(const char *code)
{
    struct hash h = {{0}};

    memcpy(h.raw, code, strlen(code));
    return h;
}

static void put_account(struct rig *r, uint8_t n, uint32_t positions)
{
    const struct row_key key = {.table = TABLE_ACCOUNTS, .key = named(n)};
    const struct account_row a = {.custodian = 1,
                                  .kind = ACCOUNT_ORDINARY,
                                  .status = ACCOUNT_ACTIVE,
                                  .authority = AUTHORITY_PAPER,
                                  .frozen_by = "-",
                                  .investors = 1,
                                  .positions = positions,
                                  .rights = n == 1 ? 2 : 0};

    put(r, &key, &account_row_schema, &a);
}

static void put_security(struct rig *r, const char *code, uint32_t holders)
{
    const struct row_key key = {.table = TABLE_SECURITIES, .key = key_of(code)};
    struct security_row s = {.issuer = named(1),
                             .class = CLASS_ORDINARY,
                             .status = SECURITY_LISTED,
                             .registrar = 1,
                             .successor = "-",
                             .predecessor = "-",
                             .holder_count = holders,
                             .positions = holders,
                             .issued = {100}};

    memcpy(s.code, code, strlen(code) + 1);
    put(r, &key, &security_row_schema, &s);
}

static void put_holding(struct rig *r,
                        const char *code,
                        uint8_t account,
                        uint64_t shares)
{
    const struct row_key key = {
        .table = TABLE_HOLDINGS, .tree = key_of(code), .key = named(account)};
    struct holding_row h = {.kind = ACCOUNT_ORDINARY,
                            .held = true,
                            .weight = 1,
                            .segment_count = 1};

    h.segments[0].quantity.shares = shares;
    put(r, &key, &holding_row_schema, &h);
}

static int make(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    put_account(r, 1, 2);
    put_account(r, 2, 1);
    put_security(r, "A", 2);
    put_security(r, "B", 1);
    put_holding(r, "A", 1, 60);
    put_holding(r, "A", 2, 40);
    put_holding(r, "B", 1, 100);
    assert_int_equal(r->count, ROWS);
    *state = r;
    return 0;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

/* All rows but one (ROWS: all). */
static enum err tally_but(const struct rig *r, uint32_t without)
{
    struct tally *t = tally_new();
    enum err e = ERR_NONE;

    for (uint32_t i = 0; i < ROWS && e == ERR_NONE; i++) {
        if (i != without)
            e = tally_row(t, &r->keys[i], bytes_of(r->rows[i], r->sizes[i]));
    }
    if (e == ERR_NONE)
        e = tally_finish(t);
    tally_free(t);
    return e;
}

static void test_tally_of_all_rows_is_right(void **state)
{
    assert_int_equal(tally_but(*state, ROWS), ERR_NONE);
}

static void test_tally_without_any_one_row_differs(void **state)
{
    for (uint32_t i = 0; i < ROWS; i++)
        assert_int_equal(tally_but(*state, i), ERR_MISMATCH);
}

static void test_tally_of_another_quantity_differs(void **state)
{
    struct rig *r = *state;

    r->count = ROWS - 1;
    put_holding(r, "B", 1, 99);
    assert_int_equal(tally_but(r, ROWS), ERR_MISMATCH);
}

static void test_tally_of_bytes_that_are_no_row_is_refused(void **state)
{
    struct rig *r = *state;

    r->sizes[5]--;
    assert_int_equal(tally_but(r, ROWS), ERR_CORRUPT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
    const struct CMUnitTest tests[] = {
        TEST(test_tally_of_all_rows_is_right),
        TEST(test_tally_without_any_one_row_differs),
        TEST(test_tally_of_another_quantity_differs),
        TEST(test_tally_of_bytes_that_are_no_row_is_refused),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
