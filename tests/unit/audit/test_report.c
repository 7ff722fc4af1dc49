/* What is told of a receipt: everything that must be, nothing that is not so.
 */
#include "tests/unit/audit/tamper.h"

struct told {
    uint32_t count[SAY_NOT_PROVEN + 1];
    struct buf text; /* all sentences, one a line */
};

static void hear(void *ctx, enum say_what what, const char *sentence)
{
    struct told *t = ctx;
    const size_t size = strlen(sentence);

    assert_true(size > 10 && size < 1000);
    assert_null(strstr(sentence, "(null)"));
    assert_true(sentence[size - 1] == '.' ||
                strcmp(sentence + size - strlen("。"), "。") == 0);
    t->count[what]++;
    buf_append(&t->text, sentence, size);
    buf_append(&t->text, "\n", 1);
}

static struct told listen_in(enum lang lang, const struct receipt *r)
{
    struct told t = {0};

    report_sentences(&facts, r, lang, hear, &t);
    buf_append(&t.text, "", 1);
    return t;
}

static struct told listen(const struct receipt *r)
{
    return listen_in(LANG_EN, r);
}

static bool says(const struct told *t, const char *words)
{
    return strstr((const char *)t->text.at, words) != NULL;
}

/* Verifies one of the story and listens. */
static struct told of_story(const char *name)
{
    const struct receipt *r = story_find(story, name);

    receipt_verify(&facts, r, &story->trust);
    assert_int_equal(facts.outcome, RECEIPT_PROVEN);
    return listen(r);
}

static void test_report_says_what_when_by_whom_and_what_not(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct told t = of_story(story->list[i].name);

        assert_true(t.count[SAY_PROVEN] > 0);
        assert_true(t.count[SAY_WHEN] >= 2);
        assert_true(t.count[SAY_BY_WHOM] >= 2);
        assert_true(t.count[SAY_NOT_PROVEN] >= 3);
        assert_true(says(&t, "by the clock of its leader"));
        assert_true(says(&t, "exactly a quorum"));
        assert_true(says(&t, "Anything about heights after"));
        buf_deinit(&t.text);
    }
}

static void test_report_says_the_same_in_chinese(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct told en = of_story(story->list[i].name);
        struct told zh = listen_in(LANG_ZH, story->list[i].receipt);

        assert_memory_equal(en.count, zh.count, sizeof en.count);
        assert_true(says(&zh, "恰为法定数"));
        assert_false(says(&zh, "exactly"));
        buf_deinit(&en.text);
        buf_deinit(&zh.text);
    }
}

static void test_report_tells_absence_without_entry_from_an_empty_one(
    void **state)
{
    struct told t = of_story("absence-row");

    (void)state;
    assert_true(says(&t, "it has an entry in the register, with nothing"));
    buf_deinit(&t.text);
    t = of_story("absence-leaf");
    assert_true(says(&t, "the register has no entry for it"));
    buf_deinit(&t.text);
}

static void test_report_as_of_a_date_names_its_days(void **state)
{
    struct told t = of_story("register-as-of");

    (void)state;
    assert_true(says(&t,
                     "at the end of the business date 2026-03-03 and of every "
                     "day up to 2026-03-05"));
    assert_false(says(&t, "a later block of the same day"));
    buf_deinit(&t.text);
    t = of_story("holding-as-of");
    assert_true(says(&t, "at the end of the business date 2026-03-02: "));
    buf_deinit(&t.text);
    t = of_story("register");
    assert_true(says(&t, "a later block of the same day"));
    buf_deinit(&t.text);
}

static void test_report_of_a_linked_block_gives_its_signers_to_the_other(
    void **state)
{
    struct told t = of_story("holding-linked");

    (void)state;
    assert_true(says(&t, "is in the history of block 11"));
    assert_true(says(&t, "Block 11 is signed by 4 of the 5"));
    assert_true(says(&t, "by 2 changes, each signed by a quorum"));
    buf_deinit(&t.text);
}

static void test_report_notes_what_restrains_free_shares(void **state)
{
    struct told t = of_story("unencumbered");

    (void)state;
    assert_true(says(&t, "No pledge and no freeze rests on any of them"));
    assert_true(says(&t, "5 trading days must pass"));
    assert_int_equal(t.count[SAY_NOTE], 1);
    buf_deinit(&t.text);
    t = of_story("register-empty");
    assert_true(says(&t, "has not confirmed it"));
    buf_deinit(&t.text);
}

/* What it rests on is said of all sets that are relied on. */
static void test_report_rests_on_the_sets_before_too(void **state)
{
    struct told t = of_story("holding"); /* after a change */

    (void)state;
    assert_true(says(&t, "validators before each change were honest"));
    buf_deinit(&t.text);
    t = of_story("unencumbered"); /* of the first set */
    assert_false(says(&t, "validators before each change were honest"));
    buf_deinit(&t.text);
}

static void test_report_of_one_security_leaves_others_open(void **state)
{
    static const char *const names[] = {"holding",
                                        "absence-leaf",
                                        "register",
                                        "statement",
                                        "statement-between"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct told t = of_story(names[i]);

        assert_true(says(&t, "Anything about other securities"));
        assert_true(says(&t, "rights that are not entered in this register"));
        buf_deinit(&t.text);
    }
}

static void test_report_notes_an_account_that_is_nobodys(void **state)
{
    const struct receipt *r = story_find(story, "unencumbered");
    struct told t;

    (void)state;
    for (uint8_t kind = ACCOUNT_ORDINARY; kind <= ACCOUNT_SUSPENSE; kind++) {
        receipt_verify(&facts, r, &story->trust);
        facts.account_row.kind = kind;
        t = listen(r);
        assert_true(says(&t, "one of the registrar's own accounts") ==
                    (kind != ACCOUNT_ORDINARY));
        buf_deinit(&t.text);
    }
}

static void test_report_names_a_validator_that_changed_its_keys(void **state)
{
    struct receipt *r = take("validators");
    struct told t;

    (void)state;
    receipt_verify(&facts, r, &story->trust);
    assert_int_equal(facts.outcome, RECEIPT_PROVEN);
    t = listen(r);
    assert_false(says(&t, "another than before"));
    buf_deinit(&t.text);
    r->of.validators.list[0].spki_hash.raw[0] ^= 1;
    t = listen(r);
    assert_true(says(&t, "its transport key is another than before"));
    buf_deinit(&t.text);
}

/* Facts of a proven receipt, changed: what people must not overlook. */
static void test_report_notes_the_state_of_security_and_account(void **state)
{
    static const struct {
        uint8_t status;
        const char *words;
    } cases[] = {{SECURITY_SUSPENDED, "Dealings in 100001 are suspended"},
                 {SECURITY_MIGRATING, "is being carried over"},
                 {SECURITY_WITHDRAWN, "has left this register"},
                 {SECURITY_DRAFT, "is still being loaded"}};
    const struct receipt *r = story_find(story, "holding");
    struct told t;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        receipt_verify(&facts, r, &story->trust);
        facts.security.status = cases[i].status;
        t = listen(r);
        assert_true(says(&t, cases[i].words));
        buf_deinit(&t.text);
    }
    receipt_verify(&facts, r, &story->trust);
    facts.security.closure_count = 1;
    facts.security.closures[0] = (struct closure){
        .kind = CLOSURE_MEETING, .from = facts.date, .to = facts.date};
    facts.account_row.status = ACCOUNT_FROZEN;
    memcpy(facts.account_row.frozen_by, "COURT-A", 8);
    facts.account_row.recovery_day = facts.date;
    facts.holding.segments[0].lock_until = facts.date + 1;
    facts.holding.insider.term_end = facts.date;
    t = listen(r);
    assert_true(says(&t, "The register of 100001 is closed on this date"));
    assert_true(says(&t, "frozen by authority COURT-A"));
    assert_true(says(&t, "recovery of the account's keys"));
    assert_true(says(&t, "locked until 2026-03-04"));
    assert_true(says(&t, "officer of the issuer"));
    buf_deinit(&t.text);
}

static void test_report_of_a_refuted_receipt_gives_the_reason_alone(
    void **state)
{
    struct receipt *r = take("holding");
    struct told t;

    (void)state;
    r->of.position.holding.path.siblings[0].raw[0] ^= 1;
    receipt_verify(&facts, r, &story->trust);
    t = listen(r);
    assert_int_equal(t.count[SAY_PROVEN], 0);
    assert_int_equal(t.count[SAY_WHEN], 0);
    assert_int_equal(t.count[SAY_NOTE], 1);
    assert_true(says(&t, fault_text(FAULT_POSITION)));
    buf_deinit(&t.text);
}

static void test_report_in_json_escapes_what_people_entered(void **state)
{
    static struct receipt copy;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    copy = *story_find(story, "unencumbered");
    receipt_verify(&facts, &copy, &story->trust);
    copy.identity.name = bytes_of("a\"b\\c", 5);
    report_json(out, &facts, &copy);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\"name\": \"a\\\"b\\\\c\""));
    free(text);
}

static void test_faults_have_distinct_names_and_a_sentence(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAULTS; i++) {
        const char *name = fault_name((enum receipt_fault)i);

        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(name, fault_name((enum receipt_fault)k));
        assert_true(strlen(fault_text((enum receipt_fault)i)) > 10);
    }
    assert_string_equal(fault_name(FAULTS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_says_what_when_by_whom_and_what_not),
        cmocka_unit_test(test_report_says_the_same_in_chinese),
        cmocka_unit_test(
            test_report_tells_absence_without_entry_from_an_empty_one),
        cmocka_unit_test(test_report_as_of_a_date_names_its_days),
        cmocka_unit_test(
            test_report_of_a_linked_block_gives_its_signers_to_the_other),
        cmocka_unit_test(test_report_notes_what_restrains_free_shares),
        cmocka_unit_test(test_report_rests_on_the_sets_before_too),
        cmocka_unit_test(test_report_of_one_security_leaves_others_open),
        cmocka_unit_test(test_report_notes_an_account_that_is_nobodys),
        cmocka_unit_test(test_report_names_a_validator_that_changed_its_keys),
        cmocka_unit_test(test_report_notes_the_state_of_security_and_account),
        cmocka_unit_test(
            test_report_of_a_refuted_receipt_gives_the_reason_alone),
        cmocka_unit_test(test_report_in_json_escapes_what_people_entered),
        cmocka_unit_test(test_faults_have_distinct_names_and_a_sentence),
    };

    bad_program = "report";
    return cmocka_run_group_tests(tests, setup, teardown);
}
