#include "base/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint32_t taken(struct bucket *b, uint32_t tries, uint64_t now_ms)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < tries; i++)
        n += bucket_take(b, 1, now_ms) ? 1 : 0;
    return n;
}

static void test_bucket_full_gives_its_burst_at_once(void **x)
{
    struct bucket b = bucket_of(4, 8, 1000);

    (void)x;
    assert_int_equal(taken(&b, 100, 1000), 8);
    assert_int_equal(taken(&b, 100, 1000), 0);
}

static void test_bucket_empty_refills_at_its_rate(void **x)
{
    struct bucket b = bucket_of(4, 8, 1000);
    uint32_t n = 0;

    (void)x;
    (void)taken(&b, 100, 1000);
    for (uint64_t t = 1001; t <= 11000; t++)
        n += taken(&b, 10, t);
    assert_in_range(n, 39, 41); /* ten seconds of four */
    (void)taken(&b, 100, 60000);
    assert_int_equal(taken(&b, 100, 1000000), 8); /* never more than full */
}

static void test_bucket_debt_waits_until_it_is_paid(void **x)
{
    struct bucket b = bucket_of(1000, 2000, 0);

    (void)x;
    assert_true(bucket_take(&b, 12000, 0)); /* all that one thing costs */
    assert_false(bucket_take(&b, 1, 0));
    assert_int_equal(bucket_wait_ms(&b, 0), 10001);
    assert_false(bucket_take(&b, 1, 10000));
    assert_true(bucket_take(&b, 1, 10001));
}

static void test_bucket_of_a_clock_that_stands_gives_nothing(void **x)
{
    struct bucket b = bucket_of(UINT32_MAX, UINT32_MAX, UINT64_MAX - 10);

    (void)x;
    assert_true(bucket_take(&b, UINT32_MAX, UINT64_MAX - 10));
    assert_false(bucket_take(&b, 1, 5)); /* went back: as if it stood */
    assert_true(bucket_take(&b, 1, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket_full_gives_its_burst_at_once),
        cmocka_unit_test(test_bucket_empty_refills_at_its_rate),
        cmocka_unit_test(test_bucket_debt_waits_until_it_is_paid),
        cmocka_unit_test(test_bucket_of_a_clock_that_stands_gives_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
