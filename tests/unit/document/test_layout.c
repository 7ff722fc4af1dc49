/* Rows on pages: invariants L1 to L4 of document/layout.h. */
#include "document/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    TOP = 50,
    BOTTOM = 250,
};

static struct layout at(double y)
{
    return (struct layout){.top = TOP, .bottom = BOTTOM, .page = 1, .y = y};
}

static void test_layout_take_goes_to_the_next_page_when_full(void **state)
{
    struct layout l = at(100);

    (void)state;
    assert_true(layout_take(&l, 150) == 100);
    assert_int_equal(l.page, 1);
    assert_true(layout_take(&l, 1) == TOP);
    assert_int_equal(l.page, 2);
    layout_need(&l, 198);
    assert_int_equal(l.page, 2);
    layout_need(&l, 200);
    assert_int_equal(l.page, 3);
    /* Higher than a page: it stands at the top of one, not of endless ones. */
    assert_true(layout_take(&l, 500) == TOP);
    assert_int_equal(l.page, 3);
}

static void test_layout_gap_is_none_at_the_top(void **state)
{
    struct layout l = at(TOP);

    (void)state;
    layout_gap(&l, 10);
    assert_true(l.y == TOP);
    l.y = TOP + 1;
    layout_gap(&l, 10);
    assert_true(l.y == TOP + 11);
}

/* Places a table and looks at every invariant; returns the slices. */
static uint32_t place(const struct layout_table *t, double y)
{
    struct layout l = at(y);
    struct layout_slice s;
    uint32_t done = 0;
    bool again = false;
    uint32_t slices = 0;
    uint32_t rows = 0;
    uint32_t totals = 0;
    uint32_t page = 0;

    while (layout_slice(&s, &l, t, &done, &again)) {
        const double end =
            s.y + t->head + s.count * t->row + (s.total ? t->total : 0);

        assert_true(s.page > page);      /* one slice a page */
        assert_int_equal(s.first, rows); /* L1 */
        assert_true(s.count > 0 || t->rows == 0);
        assert_true(!s.total || s.count > 0 || t->rows == 0); /* L2, L3 */
        assert_true(end <= BOTTOM + 1e-6);                    /* L4 */
        assert_true(s.y >= TOP);
        page = s.page;
        rows += s.count;
        totals += s.total ? 1 : 0;
        slices++;
        assert_true(slices <= t->rows + 1);
    }
    assert_int_equal(rows, t->rows);
    assert_int_equal(totals, t->total > 0 ? 1 : 0);
    return slices;
}

static void test_layout_table_keeps_its_invariants(void **state)
{
    (void)state;
    for (uint32_t rows = 0; rows < 70; rows++) {
        for (int total = 0; total < 2; total++) {
            for (int y = TOP; y <= BOTTOM; y += 3) {
                const struct layout_table t = {.head = 30,
                                               .row = 14.6,
                                               .total = total * 15.6,
                                               .rows = rows};

                (void)place(&t, y);
            }
        }
    }
}

static void test_layout_table_fills_pages(void **state)
{
    /* 10 rows of 17 fit under a head of 30, or 9 and the total. */
    struct layout_table t = {.head = 30, .row = 17, .total = 17, .rows = 9};

    (void)state;
    assert_int_equal(place(&t, TOP), 1);
    t.rows = 10; /* the total would be alone: a row goes with it */
    assert_int_equal(place(&t, TOP), 2);
    t.rows = 19;
    assert_int_equal(place(&t, TOP), 2);
    t.rows = 100000;
    assert_int_equal(place(&t, TOP), 10001);
    t.total = 0;
    assert_int_equal(place(&t, TOP), 10000);
}

static void test_layout_rows_higher_than_a_page_end(void **state)
{
    const struct layout_table t = {.head = 30, .row = 400, .rows = 3};
    struct layout l = at(TOP);
    struct layout_slice s;
    uint32_t done = 0;
    bool again = false;
    uint32_t slices = 0;

    (void)state;
    while (layout_slice(&s, &l, &t, &done, &again)) {
        assert_int_equal(s.count, 1);
        assert_true(++slices <= 3);
    }
    assert_int_equal(slices, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_take_goes_to_the_next_page_when_full),
        cmocka_unit_test(test_layout_gap_is_none_at_the_top),
        cmocka_unit_test(test_layout_table_keeps_its_invariants),
        cmocka_unit_test(test_layout_table_fills_pages),
        cmocka_unit_test(test_layout_rows_higher_than_a_page_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
