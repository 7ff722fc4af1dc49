#include "state/overlay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/property/tree_model.h"

static const struct hash zero;

static struct bytes text(const char *s)
{
    return bytes_of(s, strlen(s));
}

static struct row_key account(const char *name)
{
    return (struct row_key){TABLE_ACCOUNTS, zero, security_key(name)};
}

struct fixture {
    struct state *s;
    struct overlay *o;
    struct ledger_view v;
};

/* A state with the accounts A and B. */
static void set_up(struct fixture *f)
{
    const struct row_key a = account("A");
    const struct row_key b = account("B");

    f->s = state_new();
    assert_int_equal(state_load(f->s, &a, text("a")), ERR_NONE);
    assert_int_equal(state_load(f->s, &b, text("b")), ERR_NONE);
    f->o = overlay_new(f->s);
    f->v = overlay_view(f->o);
}

static void tear_down(struct fixture *f)
{
    overlay_free(f->o);
    state_free(f->s);
}

static void put(struct fixture *f, const char *name, const char *row)
{
    const struct row_key k = account(name);

    f->v.put(f->v.ctx, &k, text(row));
}

static void erase(struct fixture *f, const char *name)
{
    const struct row_key k = account(name);

    f->v.erase(f->v.ctx, &k);
}

static void assert_row(struct fixture *f, const char *name, const char *row)
{
    const struct row_key k = account(name);

    assert_true(bytes_eq(f->v.get(f->v.ctx, &k), text(row)));
}

static void test_overlay_reads_fall_through_and_writes_stay(void **x)
{
    struct fixture f;
    const struct row_key a = account("A");

    (void)x;
    set_up(&f);
    assert_row(&f, "A", "a");
    assert_row(&f, "C", "");
    put(&f, "A", "changed");
    put(&f, "C", "new");
    erase(&f, "B");
    assert_row(&f, "A", "changed");
    assert_row(&f, "B", "");
    assert_row(&f, "C", "new");
    assert_true(bytes_eq(state_get(f.s, &a), text("a")));
    tear_down(&f);
}

static void test_overlay_rollback_restores_what_begin_saw(void **x)
{
    struct fixture f;

    (void)x;
    set_up(&f);
    put(&f, "A", "first");
    f.v.begin(f.v.ctx);
    put(&f, "A", "second");
    put(&f, "A", "third");
    erase(&f, "B");
    put(&f, "C", "new");
    f.v.rollback(f.v.ctx);
    assert_row(&f, "A", "first");
    assert_row(&f, "B", "b");
    assert_row(&f, "C", "");
    f.v.begin(f.v.ctx);
    put(&f, "C", "kept");
    f.v.accept(f.v.ctx);
    f.v.begin(f.v.ctx);
    erase(&f, "C");
    f.v.rollback(f.v.ctx);
    assert_row(&f, "C", "kept");
    assert_int_equal(overlay_changes(f.o).count, 2);
    tear_down(&f);
}

static void test_overlay_changes_are_sorted_and_without_those_undone(void **x)
{
    struct fixture f;
    struct change_set set;
    const struct row_key h = {
        TABLE_HOLDINGS, security_key("S"), security_key("A")};
    const struct row_key i = {TABLE_INSTITUTIONS, zero, security_key("Z")};

    (void)x;
    set_up(&f);
    f.v.put(f.v.ctx, &h, text("h"));
    put(&f, "Q", "q");
    put(&f, "A", "other");
    put(&f, "A", "a"); /* as it was */
    put(&f, "P", "p");
    erase(&f, "P"); /* never there */
    erase(&f, "B");
    f.v.put(f.v.ctx, &i, text("i"));
    set = overlay_changes(f.o);
    assert_int_equal(set.count, 4);
    assert_int_equal(set.drop_count, 0);
    for (uint32_t k = 1; k < set.count; k++)
        assert_true(model_cmp(&set.list[k - 1].key, &set.list[k].key) < 0);
    assert_int_equal(set.list[0].key.table, TABLE_INSTITUTIONS);
    assert_true(bytes_eq(set.list[1].old_row, text("b")));
    assert_int_equal(set.list[1].new_row.size, 0);
    assert_int_equal(set.list[2].old_row.size, 0);
    assert_true(bytes_eq(set.list[2].new_row, text("q")));
    assert_int_equal(set.list[3].key.table, TABLE_HOLDINGS);
    tear_down(&f);
}

static void test_overlay_drop_hides_the_tree_and_is_handed_over(void **x)
{
    struct fixture f;
    struct change_set set;
    const struct row_key old = {TABLE_REFERENCES, day_key(3), {{1}}};
    const struct row_key later = {TABLE_REFERENCES, day_key(9), {{1}}};
    const struct row_key none = {TABLE_REFERENCES, day_key(5), {{1}}};
    struct hash root;
    struct state_undo *undo;

    (void)x;
    set_up(&f);
    assert_int_equal(state_load(f.s, &old, text("r")), ERR_NONE);
    assert_int_equal(state_load(f.s, &later, text("r")), ERR_NONE);
    f.v.drop(f.v.ctx, TABLE_REFERENCES, &later.tree);
    f.v.drop(f.v.ctx, TABLE_REFERENCES, &later.tree); /* once is enough */
    f.v.drop(f.v.ctx, TABLE_REFERENCES, &none.tree);  /* is not there */
    f.v.drop(f.v.ctx, TABLE_REFERENCES, &old.tree);
    assert_int_equal(f.v.get(f.v.ctx, &old).size, 0);
    set = overlay_changes(f.o);
    assert_int_equal(set.count, 0);
    assert_int_equal(set.drop_count, 2);
    assert_memory_equal(set.drops[0].tree.raw, old.tree.raw, 32);
    state_apply(f.s, &root, &undo, &set);
    assert_int_equal(state_get(f.s, &old).size, 0);
    state_undo(f.s, undo);
    assert_int_equal(state_get(f.s, &old).size, 1);
    overlay_reset(f.o, f.s);
    assert_int_equal(f.v.get(f.v.ctx, &old).size, 1);
    tear_down(&f);
}

static void test_overlay_reset_forgets_everything(void **x)
{
    struct fixture f;

    (void)x;
    set_up(&f);
    put(&f, "A", "changed");
    f.v.begin(f.v.ctx);
    put(&f, "B", "changed");
    overlay_reset(f.o, f.s);
    assert_row(&f, "A", "a");
    assert_row(&f, "B", "b");
    assert_int_equal(overlay_changes(f.o).count, 0);
    tear_down(&f);
}

/* Transactions of random writes, kept or rolled back, against the model. */
static void test_overlay_random_transactions_are_as_the_model_says(void **x)
{
    static struct model m;
    static struct model kept;
    struct fixture f;
    struct dice d = {7};
    struct change_set set;
    struct hash root;
    struct hash expected;
    struct state_undo *undo;

    (void)x;
    set_up(&f);
    for (int i = 0; i < 2; i++) {
        const struct row_key k = account(i == 0 ? "A" : "B");

        model_set(&kept, &k, text(i == 0 ? "a" : "b"));
    }
    for (uint32_t tx = 0; tx < 400; tx++) {
        m = kept;
        f.v.begin(f.v.ctx);
        for (uint32_t i = dice_below(&d, 12); i > 0; i--) {
            const struct row_key k = {TABLE_ACCOUNTS, zero, dice_key(&d)};
            uint8_t row[8];
            const struct bytes b = bytes_of(row, dice_below(&d, 8));

            memset(row, (int)dice_below(&d, 256), sizeof row);
            if (b.size == 0)
                f.v.erase(f.v.ctx, &k);
            else
                f.v.put(f.v.ctx, &k, b);
            model_set(&m, &k, b);
            assert_true(bytes_eq(f.v.get(f.v.ctx, &k), model_get(&m, &k)));
        }
        if (dice_below(&d, 3) == 0) {
            f.v.rollback(f.v.ctx);
        } else {
            f.v.accept(f.v.ctx);
            kept = m;
        }
    }
    set = overlay_changes(f.o);
    state_apply(f.s, &root, &undo, &set);
    state_undo_free(undo);
    expected = model_root(&kept);
    assert_memory_equal(root.raw, expected.raw, sizeof root.raw);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlay_reads_fall_through_and_writes_stay),
        cmocka_unit_test(test_overlay_rollback_restores_what_begin_saw),
        cmocka_unit_test(
            test_overlay_changes_are_sorted_and_without_those_undone),
        cmocka_unit_test(test_overlay_drop_hides_the_tree_and_is_handed_over),
        cmocka_unit_test(test_overlay_reset_forgets_everything),
        cmocka_unit_test(
            test_overlay_random_transactions_are_as_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
