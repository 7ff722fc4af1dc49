/* Blocks that are not the tip yet: executed on the tip, promised, forgotten. */
#include "tests/unit/consensus/core_rig.h"

static struct rig rig;

/* X7 executed elsewhere: an answer about another tip says nothing; the question
 * is asked again */
static void test_core_answer_of_another_tip_is_ignored(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate b = rig_candidate(2, 1, 2, 'B');

    (void)s;
    rig_start(&rig, 0);
    rig_propose(&rig, a, rig_facts(a, 'G'), NULL, 0);
    rig_body(&rig, rig_facts(a, 'G'));
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
    rig_cert(&rig, VOTE_FINALIZE, a);
    rig_applied(&rig, 1, 'A'); /* block sync was faster */
    rig_executed(&rig, 'A', false);
    assert_int_equal(rig_count(&rig, DO_HALT), 0);
    rig_propose(&rig, b, rig_facts(b, 'A'), NULL, 0);
    rig_executed(&rig, 'B', true); /* nobody asked */
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 2));
    rig_body(&rig, rig_facts(b, 'A'));
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
    rig_executed(&rig, 'B', true);
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 2));
}

/* A5 bodies are kept: from the vote that promises it until its height is
 * applied */
static void test_core_promised_body_is_kept_until_its_height_is_final(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate b = rig_candidate(2, 0, 1, 'B');
    const struct hash block = rig_hash('A');

    (void)s;
    rig_start(&rig, 0);
    rig_propose(&rig, a, rig_facts(a, 'G'), NULL, 0);
    rig_body(&rig, rig_facts(a, 'G'));
    assert_false(core_promised_body(&rig.core, &block));
    rig_executed(&rig, 'A', true);
    assert_true(core_promised_body(&rig.core, &block));
    rig_nullified(&rig, 1); /* given up, but it may yet be notarised */
    assert_true(core_promised_body(&rig.core, &block));
    rig_offer(&rig, b, 'G');
    rig_cert(&rig, VOTE_FINALIZE, b);
    assert_true(core_promised_body(&rig.core, &block));
    rig_applied(&rig, 1, 'B');
    assert_false(core_promised_body(&rig.core, &block));
}

/* X2 one on the tip: what does not stand on the tip is not executed */
static void test_core_only_what_stands_on_the_tip_is_executed(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate b = rig_candidate(2, 1, 2, 'B');

    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    rig_cert(&rig, VOTE_NOTARIZE, a);
    rig_propose(&rig, b, rig_facts(b, 'A'), NULL, 0);
    rig_body(&rig, rig_facts(b, 'A'));
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 0);
    rig_cert(&rig, VOTE_NOTARIZE, b);
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 0);
    rig_cert(&rig, VOTE_FINALIZE, a);
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 0);
    rig_applied(&rig, 1, 'A');
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_answer_of_another_tip_is_ignored),
        cmocka_unit_test(
            test_core_promised_body_is_kept_until_its_height_is_final),
        cmocka_unit_test(test_core_only_what_stands_on_the_tip_is_executed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
