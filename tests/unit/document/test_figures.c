#include "document/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *wanted, uint64_t n)
{
    char out[FIGURE_MAX];

    assert_string_equal(figure_of(out, n), wanted);
}

static void test_figures_have_separators_of_thousands(void **state)
{
    (void)state;
    check("0", 0);
    check("7", 7);
    check("999", 999);
    check("1,000", 1000);
    check("100,000", 100000);
    check("1,234,567", 1234567);
    check("18,446,744,073,709,551,615", UINT64_MAX);
}

static void test_figures_signed_say_the_direction(void **state)
{
    char out[FIGURE_MAX];

    (void)state;
    assert_string_equal(figure_signed(out, 1500, false), "+1,500");
    assert_string_equal(figure_signed(out, 1500, true), "-1,500");
    assert_string_equal(figure_signed(out, UINT64_MAX, true),
                        "-18,446,744,073,709,551,615");
    assert_true(strlen(out) < FIGURE_MAX);
}

static void check_time(const char *wanted, uint64_t time_ms, uint32_t offset_ms)
{
    char out[FIGURE_TIME_MAX];

    assert_string_equal(figure_time(out, time_ms, offset_ms), wanted);
}

static void test_figures_time_is_utc_or_with_its_offset(void **state)
{
    (void)state;
    check_time("1970-01-01 00:00:00.000 UTC", 0, 0);
    check_time("2026-03-02 01:02:03.004 UTC", 1772413323004, 0);
    check_time("2026-03-02 09:02:03.004 UTC+08:00", 1772413323004, 28800000);
    check_time("2026-03-03 00:32:03.004 UTC+23:30", 1772413323004, 84600000);
    check_time("2026-03-02 01:02:04.005 UTC+00:00:01.001", 1772413323004, 1001);
}

static void test_figures_time_beyond_the_calendar_is_its_end(void **state)
{
    (void)state;
    check_time(
        "9999-12-31 23:59:59.999 UTC", (uint64_t)2932897 * 86400000 - 1, 0);
    check_time("9999-12-31 23:59:59.999 UTC+08:00",
               (uint64_t)2932897 * 86400000 - 1,
               28800000);
    check_time("9999-12-31 23:59:59.999 UTC+08:00", UINT64_MAX, 28800000);
}

static void test_figures_date_none_is_a_dash(void **state)
{
    char out[11];

    (void)state;
    assert_string_equal(figure_date(out, 0), "-");
    assert_string_equal(figure_date(out, 20514), "2026-03-02");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_have_separators_of_thousands),
        cmocka_unit_test(test_figures_signed_say_the_direction),
        cmocka_unit_test(test_figures_time_is_utc_or_with_its_offset),
        cmocka_unit_test(test_figures_time_beyond_the_calendar_is_its_end),
        cmocka_unit_test(test_figures_date_none_is_a_dash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
