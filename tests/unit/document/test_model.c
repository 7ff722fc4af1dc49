/* Documents of the receipts of the story: what is in their tables, what is not
 * made. */
#include "base/hex.h"
#include "document/model.h"
#include "tests/unit/audit/tamper.h"

enum {
    PAPER_WIDTH = 487, /* between the margins */
};

static struct buf file;

static struct bytes bytes_of_story(const char *name)
{
    buf_clear(&file);
    assert_int_equal(receipt_encode(&file, story_find(story, name)), ERR_NONE);
    return buf_bytes(&file);
}

static struct document *open_document(const char *name)
{
    const struct receipt_facts *f = NULL;
    struct document *d = NULL;

    assert_int_equal(document_open(&d, &f, bytes_of_story(name), &story->trust),
                     ERR_NONE);
    assert_int_equal(f->outcome, RECEIPT_PROVEN);
    return d;
}

static const struct doc_table *find_table(const struct model *m,
                                          enum table_of of)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->blocks[i].kind == BLOCK_TABLE && m->blocks[i].of.table.of == of)
            return &m->blocks[i].of.table;
    }
    fail();
    return NULL;
}

static void check_table(const struct model *m, const struct doc_table *t)
{
    struct table_walk w;
    struct cells row;
    uint32_t width = 0;
    uint32_t rows = 0;

    for (uint32_t i = 0; i < t->column_count; i++)
        width += t->columns[i].width;
    assert_int_equal(width, PAPER_WIDTH);
    assert_true(t->title[0] != '\0');
    table_begin(&w, m, t);
    while (table_next(&w, &row))
        rows++;
    assert_int_equal(rows, t->rows);
}

static void test_model_tables_fit_the_paper_and_give_all_rows(void **state)
{
    static const struct document_options o;
    static struct model m;

    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct document *d = open_document(story->list[i].name);
        uint32_t tables = 0;

        model_make(&m, d, &o);
        assert_int_equal(m.languages, LANGUAGES_ALL);
        for (uint32_t k = 0; k < m.count; k++) {
            if (m.blocks[k].kind != BLOCK_TABLE)
                continue;
            check_table(&m, &m.blocks[k].of.table);
            tables++;
        }
        assert_true(tables >= 1); /* who signed */
        model_free(&m);
        document_close(d);
    }
}

static void test_model_register_has_all_lines_and_their_sums(void **state)
{
    static const struct document_options o;
    static struct model m;
    struct document *d = open_document("register");
    const struct doc_table *t;
    struct table_walk w;
    struct cells row;

    (void)state;
    model_make(&m, d, &o);
    t = find_table(&m, TABLE_LINES);
    assert_int_equal(t->rows, 8);
    assert_string_equal(t->total->text[2], "10,749");
    assert_string_equal(t->total->text[3], "1,500");
    assert_string_equal(t->total->text[4], "3,100");
    assert_int_equal(d->control.lines.total, 10749);
    table_begin(&w, &m, t);
    assert_true(table_next(&w, &row));
    assert_string_equal(row.text[0], "1");
    assert_int_equal(strlen(row.text[1]), 64);
    assert_string_equal(row.name, "");
    model_free(&m);
    document_close(d);
}

static void test_model_statement_has_balances_up_to_the_closing(void **state)
{
    static const struct document_options o;
    static const char *const balances[] = {
        "5,000", "4,900", "4,900", "4,890", "4,890"};
    static const char *const moved[] = {"+5,000", "-100", "", "-10", ""};
    static struct model m;
    struct document *d = open_document("statement");
    struct table_walk w;
    struct cells row;

    (void)state;
    model_make(&m, d, &o);
    table_begin(&w, &m, find_table(&m, TABLE_EVENTS));
    for (size_t i = 0; i < ARRAY_LEN(balances); i++) {
        assert_true(table_next(&w, &row));
        assert_string_equal(row.text[5], moved[i]);
        assert_string_equal(row.text[6], balances[i]);
    }
    assert_false(table_next(&w, &row));
    assert_int_equal(d->control.opening, 0);
    assert_int_equal(d->control.in, 5000);
    assert_int_equal(d->control.out, 110);
    model_free(&m);
    document_close(d);
    d = open_document("statement-between");
    assert_int_equal(d->control.opening - d->control.out + d->control.in,
                     d->f.sums.total);
    assert_true(d->control.opening > 0);
    document_close(d);
}

static const char *a_name(void *ctx, const struct hash *account)
{
    (void)account;
    return ctx;
}

static void test_model_names_are_marked(void **state)
{
    char who[] = "李四";
    const struct document_options o = {.name_of = a_name, .names = who};
    static struct model m;
    struct document *d = open_document("register");
    const struct doc_table *t;
    struct table_walk w;
    struct cells row;

    (void)state;
    model_make(&m, d, &o);
    t = find_table(&m, TABLE_LINES);
    assert_true(t->names);
    table_begin(&w, &m, t);
    assert_true(table_next(&w, &row));
    assert_string_equal(row.name, "李四 *");
    model_free(&m);
    document_close(d);
}

static void test_model_says_digest_height_and_chain_in_the_code(void **state)
{
    static const struct document_options o;
    static struct model m;
    struct document *d = open_document("holding");
    static const char head[] = "EQUITY:RECEIPT/HOLDING/";
    char digest[2 * HASH_BYTES + 1];
    char chain[2 * HASH_BYTES + 1];
    struct hash h = hash_of(buf_bytes(&file));

    (void)state;
    model_make(&m, d, &o);
    hex_encode(digest, h.raw, sizeof h.raw);
    for (char *at = digest; *at != '\0'; at++)
        *at = (char)(*at >= 'a' ? *at - 32 : *at);
    hex_encode(chain, story->trust.chain_id.raw, HASH_BYTES);
    for (char *at = chain; *at != '\0'; at++)
        *at = (char)(*at >= 'a' ? *at - 32 : *at);
    assert_memory_equal(m.qr, head, sizeof head - 1);
    assert_memory_equal(m.qr + sizeof head - 1, chain, 16);
    assert_string_equal(m.qr + strlen(m.qr) - 64, digest);
    assert_memory_equal(m.qr + strlen(m.qr) - 67, "/8/", 3);
    model_free(&m);
    document_close(d);
}

static void test_document_of_a_receipt_that_is_not_proven_is_none(void **state)
{
    const struct receipt_facts *f = NULL;
    struct document *d = NULL;
    struct bytes good = bytes_of_story("holding");
    struct trust other = story->trust;
    uint8_t *bad = copy_of(good.at, good.size);

    (void)state;
    bad[good.size / 2] ^= 1;
    assert_int_equal(
        document_open(&d, &f, bytes_of(bad, good.size), &story->trust),
        ERR_NONE);
    assert_int_equal(f->outcome, RECEIPT_REFUTED);
    document_close(d);
    free(bad);
    other.chain_id.raw[0] ^= 1;
    assert_int_equal(document_open(&d, &f, good, &other), ERR_NONE);
    assert_int_equal(f->outcome, RECEIPT_REFUTED);
    assert_int_equal(f->fault, FAULT_CHAIN);
    document_close(d);
}

static void test_document_is_the_same_bytes_twice(void **state)
{
    static const struct document_options o = {.languages = 1u << LANG_ZH};
    struct document *d = open_document("unencumbered");
    struct buf pdf[2] = {{0}};
    char why[200] = "";

    (void)state;
    for (int i = 0; i < 2; i++) {
        if (!document_pdf(&pdf[i], d, &o, why, sizeof why))
            fail_msg("%s", why);
    }
    assert_int_equal(pdf[0].size, pdf[1].size);
    assert_memory_equal(pdf[0].at, pdf[1].at, pdf[0].size);
    assert_memory_equal(pdf[0].at, "%PDF-1.", 7);
    buf_deinit(&pdf[0]);
    buf_deinit(&pdf[1]);
    document_close(d);
}

/* D4, D5: what may not be printed. */
static void test_document_with_a_name_that_misleads_is_not_made(void **state)
{
    static const struct {
        const char *name;
        const char *why;
    } cases[] = {{"a\xf4\x8f\xbf\xbd", "no installed font"},  /* private use */
                 {"a\xe2\x80\xaeno freeze", "turn or break"}, /* U+202E */
                 {"a\xe2\x80\xa9no freeze", "turn or break"}, /* U+2029 */
                 {"a\nno freeze", "turn or break"},
                 {"a\xff", "not UTF-8"}};
    struct document *d = open_document("holding");
    struct buf pdf = {0};
    char why[200] = "";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[32];
        const struct document_options o = {.name_of = a_name, .names = name};

        (void)snprintf(name, sizeof name, "%s", cases[i].name);
        assert_false(document_pdf(&pdf, d, &o, why, sizeof why));
        if (strstr(why, cases[i].why) == NULL)
            fail_msg("%s", why);
        assert_int_equal(pdf.size, 0);
    }
    buf_deinit(&pdf);
    document_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_tables_fit_the_paper_and_give_all_rows),
        cmocka_unit_test(test_model_register_has_all_lines_and_their_sums),
        cmocka_unit_test(test_model_statement_has_balances_up_to_the_closing),
        cmocka_unit_test(test_model_names_are_marked),
        cmocka_unit_test(test_model_says_digest_height_and_chain_in_the_code),
        cmocka_unit_test(test_document_of_a_receipt_that_is_not_proven_is_none),
        cmocka_unit_test(test_document_is_the_same_bytes_twice),
        cmocka_unit_test(test_document_with_a_name_that_misleads_is_not_made),
    };
    const int failed =
        (bad_program = "model", cmocka_run_group_tests(tests, setup, teardown));

    buf_deinit(&file);
    return failed;
}
