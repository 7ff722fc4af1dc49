/* What a block may hold of people: nothing that says who they are. */
#include "tests/unit/ledger/world.h"

static const char *const numbers_of_bytes[] = {
    "nonce", "key", "sig", "trading", "serial"};

/* Fixed bytes are nonces, keys, signatures and calendars; text is a code. */
static void no_text(const struct schema *s)
{
    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        bool known = false;

        if (f->sub != NULL)
            no_text(f->sub);
        if (f->kind == FIELD_CODE)
            assert_true(f->max <= CODE_MAX);
        if (f->kind != FIELD_FIXED)
            continue;
        for (size_t k = 0; k < ARRAY_LEN(numbers_of_bytes); k++)
            known = known || strcmp(numbers_of_bytes[k], f->name) == 0;
        if (!known)
            print_message("%s.%s\n", s->name, f->name);
        assert_true(known);
    }
}

/* I14: personal data is not in blocks: no operation, row or event has a field
 * for text but codes of 16 capitals and digits; documents and people are there
 * as hashes. */
static void test_operations_rows_and_events_hold_no_text(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < op_table_count; i++)
        no_text(op_table[i]->schema);
    for (uint8_t t = 0; t < TABLE_SLOTS; t++) {
        if (row_schema(t) != NULL)
            no_text(row_schema(t));
    }
    no_text(&event_schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_rows_and_events_hold_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
