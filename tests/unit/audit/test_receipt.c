/* The file: one encoding for one meaning, and no byte that may be another. */
#include "tests/unit/audit/tamper.h"

static void test_receipt_of_each_kind_survives_the_round_trip(void **state)
{
    static struct receipt again;

    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct buf a = encoded(story->list[i].receipt);
        struct buf b = {0};
        const char *where;

        assert_int_equal(receipt_decode(&again, &where, buf_bytes(&a)),
                         ERR_NONE);
        assert_int_equal(receipt_encode(&b, &again), ERR_NONE);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.at, b.at, a.size);
        buf_deinit(&a);
        buf_deinit(&b);
    }
}

static void test_receipt_kinds_are_all_in_the_story(void **state)
{
    (void)state;
    for (uint8_t kind = 1; kind < RECEIPT_KINDS; kind++) {
        bool found = false;

        for (uint32_t i = 0; i < story->count; i++)
            found = found || story->list[i].receipt->kind == kind;
        assert_true(found);
        assert_non_null(receipt_kind_names[kind]);
    }
}

static void test_receipt_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct buf b = encoded(story->list[i].receipt);

        for (size_t cut = 0; cut < b.size; cut++) {
            uint8_t *at = copy_of(b.at, cut);

            assert_int_equal(outcome_of(at, cut), RECEIPT_REFUTED);
            if (cut >= HASH_BYTES) {
                fix_digest(at, cut);
                assert_int_equal(outcome_of(at, cut), RECEIPT_REFUTED);
            }
            free(at);
        }
        buf_deinit(&b);
    }
}

static void test_receipt_extended_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct buf b = encoded(story->list[i].receipt);

        buf_append(&b, "\0", 1); /* behind the digest */
        assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
        fix_digest(b.at, b.size); /* before it */
        assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
        assert_string_equal(fault_name(facts.fault), "malformed");
        buf_deinit(&b);
    }
}

static void test_receipt_with_a_byte_more_in_a_section_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct buf b = encoded(story->list[i].receipt);
        size_t at[16];
        const uint32_t count = sections_of(at, &b);

        for (uint32_t s = 0; s < count; s++) {
            struct buf c = {0};
            const uint32_t size = (uint32_t)(at[s + 1] - at[s] - 5 + 1);
            struct writer w;

            buf_append(&c, b.at, at[s + 1]);
            w = writer_of(c.at + at[s] + 1, 4);
            writer_u32(&w, size);
            buf_append(&c, "\0", 1);
            buf_append(&c, b.at + at[s + 1], b.size - at[s + 1]);
            fix_digest(c.at, c.size);
            assert_int_equal(outcome_of(c.at, c.size), RECEIPT_REFUTED);
            assert_string_equal(fault_name(facts.fault), "malformed");
            buf_deinit(&c);
        }
        buf_deinit(&b);
    }
}

static void append_sections(struct buf *out,
                            const struct buf *b,
                            const size_t *at,
                            const uint32_t *order,
                            uint32_t count)
{
    buf_append(out, b->at, FRONT_BYTES);
    for (uint32_t i = 0; i < count; i++)
        buf_append(out, b->at + at[order[i]], at[order[i] + 1] - at[order[i]]);
    buf_append(out, NULL, HASH_BYTES);
    fix_digest(out->at, out->size);
}

static void expect_order_refused(const struct buf *b,
                                 const size_t *at,
                                 const uint32_t *order,
                                 uint32_t count)
{
    struct buf c = {0};

    append_sections(&c, b, at, order, count);
    assert_int_equal(outcome_of(c.at, c.size), RECEIPT_REFUTED);
    assert_string_equal(fault_name(facts.fault), "malformed");
    buf_deinit(&c);
}

static void test_receipt_sections_swapped_repeated_or_gone_are_refused(
    void **state)
{
    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct buf b = encoded(story->list[i].receipt);
        size_t at[16];
        const uint32_t count = sections_of(at, &b);
        uint32_t order[20];

        for (uint32_t s = 0; s < count; s++) {
            for (uint32_t k = s + 1; k < count; k++) {
                for (uint32_t n = 0; n < count; n++)
                    order[n] = n == s ? k : n == k ? s : n;
                expect_order_refused(&b, at, order, count);
            }
            for (uint32_t n = 0; n <= count; n++)
                order[n] = n <= s ? n : n - 1;
            expect_order_refused(&b, at, order, count + 1);
            for (uint32_t n = 0; n + 1 < count; n++)
                order[n] = n < s ? n : n + 1;
            expect_order_refused(&b, at, order, count - 1);
        }
        buf_deinit(&b);
    }
}

static void test_receipt_of_another_version_is_no_receipt(void **state)
{
    struct buf b = encoded(story_find(story, "holding"));

    (void)state;
    b.at[7] = 2;
    fix_digest(b.at, b.size);
    assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
    assert_string_equal(fault_name(facts.fault), "not_a_receipt");
    b.at[7] = 1;
    b.at[0] = 'X';
    assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
    assert_string_equal(fault_name(facts.fault), "not_a_receipt");
    buf_deinit(&b);
}

static void test_receipt_with_a_wrong_digest_says_so(void **state)
{
    struct buf b = encoded(story_find(story, "holding"));

    (void)state;
    b.at[100] ^= 1;
    assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
    assert_string_equal(fault_name(facts.fault), "digest");
    buf_deinit(&b);
}

static void test_receipt_parts_are_bound_to_the_kind(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < 256; kind++) {
        for (uint32_t parts = 0; parts < 256; parts++) {
            const bool ok = receipt_parts_ok((uint8_t)kind, (uint8_t)parts);

            if (kind == 0 || kind >= RECEIPT_KINDS || parts > 7 ||
                (parts & 3) == 3)
                assert_false(ok);
        }
    }
    assert_true(receipt_parts_ok(RECEIPT_HOLDING, 6));
    assert_false(receipt_parts_ok(RECEIPT_VALIDATORS, RECEIPT_LINK));
    assert_false(receipt_parts_ok(RECEIPT_TRANSACTION, RECEIPT_AS_OF));
    assert_false(receipt_parts_ok(RECEIPT_REGISTER, RECEIPT_DISCLOSURE));
}

static void test_receipt_beyond_its_limits_is_not_encoded(void **state)
{
    struct buf b = {0};
    struct receipt *r = take("holding");

    (void)state;
    r->kind = RECEIPT_KINDS;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("holding");
    r->anchor.kind = 0;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("holding");
    r->anchor.set.count = VALIDATORS_MAX + 1;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("holding");
    r->of.position.holding.path.count = PROOF_STEPS_MAX + 1;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("holding");
    r->of.position.holding.path.bits[0] = 256;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("holding");
    r->of.position.account_row.row.size = 0;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("holding");
    r->epochs.count = RECEIPT_EPOCHS_MAX + 1;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("register");
    r->of.reg.lines.count = RECEIPT_LINES_MAX + 1;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("consistency");
    r->of.consistency.consistency.count = MTREE_PROOF_MAX + 1;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    r = take("statement-between");
    r->of.statement.earlier_holding.row.size = 0;
    assert_int_equal(receipt_encode(&b, r), ERR_RANGE);
    assert_int_equal(b.size, 0);
    buf_deinit(&b);
}

static void test_receipt_counts_that_lie_are_refused(void **state)
{
    struct receipt *r = take("register");
    struct buf b;

    (void)state;
    r->of.reg.lines.count++;
    b = encoded(r);
    assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
    assert_string_equal(fault_name(facts.fault), "malformed");
    buf_deinit(&b);
    r->of.reg.lines.count -= 2;
    b = encoded(r);
    assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
    assert_string_equal(fault_name(facts.fault), "malformed");
    buf_deinit(&b);
}

static void test_identity_text_is_what_people_can_read(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        bool ok;
    } cases[] = {
        {"A", 1, true},
        {"", 0, false},
        {"\xe5\xbc\xa0", 3, true},
        {"\xf0\x9f\x8f\x9b", 4, true},
        {"\xe5\xbc", 2, false}, /* cut */
        {"\xc0\x80", 2, false}, /* overlong */
        {"\xe0\x80\x80", 3, false},
        {"\xed\xa0\x80", 3, false},     /* surrogate */
        {"\xf4\x90\x80\x80", 4, false}, /* beyond the last */
        {"\xff", 1, false},
        {"\x80", 1, false},
        {"a\nb", 3, false},
        {"a\0b", 3, false},
        {"a\x1b[31mb", 7, false},
        {"a\x7f", 2, false},
        {"a\xc2\x85", 3, false}, /* C1 */
        {"a\xe2\x80\xae"
         "b",
         5,
         false}, /* right to left override */
        {"a\xe2\x81\xa6"
         "b",
         5,
         false},
    };
    char longest[IDENTITY_TEXT_MAX + 1];

    (void)state;
    memset(longest, 'x', sizeof longest);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct receipt *r = take("unencumbered");
        struct buf b = {0};

        r->identity.name = bytes_of(cases[i].text, cases[i].size);
        assert_int_equal(receipt_encode(&b, r),
                         cases[i].ok ? ERR_NONE : ERR_RANGE);
        buf_deinit(&b);
    }
    for (size_t more = 0; more < 2; more++) {
        struct receipt *r = take("unencumbered");
        struct buf b = {0};

        r->identity.name = bytes_of(longest, IDENTITY_TEXT_MAX + more);
        assert_int_equal(receipt_encode(&b, r),
                         more == 0 ? ERR_NONE : ERR_RANGE);
        buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receipt_of_each_kind_survives_the_round_trip),
        cmocka_unit_test(test_receipt_kinds_are_all_in_the_story),
        cmocka_unit_test(test_receipt_cut_anywhere_is_refused),
        cmocka_unit_test(test_receipt_extended_is_refused),
        cmocka_unit_test(test_receipt_with_a_byte_more_in_a_section_is_refused),
        cmocka_unit_test(
            test_receipt_sections_swapped_repeated_or_gone_are_refused),
        cmocka_unit_test(test_receipt_of_another_version_is_no_receipt),
        cmocka_unit_test(test_receipt_with_a_wrong_digest_says_so),
        cmocka_unit_test(test_receipt_parts_are_bound_to_the_kind),
        cmocka_unit_test(test_receipt_beyond_its_limits_is_not_encoded),
        cmocka_unit_test(test_receipt_counts_that_lie_are_refused),
        cmocka_unit_test(test_identity_text_is_what_people_can_read),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
