/* STATUS, repair, being behind, being new (rules A and D45). */
#include "tests/unit/consensus/core_rig.h"

static struct rig rig;

/* A1 height needs a certificate; B60 */
static void test_core_claimed_height_without_certificate_does_nothing(void **s)
{
    const struct core_status st = {.view = 1u << 30,
                                   .final_view = 1u << 29,
                                   .final_height = 1u << 28,
                                   .applied_height = 1u << 28,
                                   .map_from = (1u << 29) + 1};

    (void)s;
    rig_start(&rig, 0);
    rig_status(&rig, 1, &st);
    assert_int_equal(rig.fx.count, 0);
    assert_int_equal(rig.core.view, 1);
    assert_false(core_is_busy(&rig.core));
}

/* B27 */
static void test_core_status_is_answered_with_what_is_lacking(void **s)
{
    struct core_status st = {.view = 1, .map_from = 1};

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(1, 0, 0, 'G'));
    rig_cert(&rig, VOTE_NOTARIZE, rig_candidate(2, 1, 0, 'G'));
    rig_nullified(&rig, 2);
    rig_nullified(&rig, 3);
    rig_tick(&rig, 1000);
    rig_status(&rig, 2, &st);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 4);
    assert_int_equal(rig.fx.list[0].cert->kind, VOTE_FINALIZE);
    assert_int_equal(rig.fx.list[0].to, 2);
    st = (struct core_status){.view = 4,
                              .final_view = 1,
                              .map_from = 2,
                              .map_views = 2,
                              .map = {2 | 2 << 2}}; /* lacks cN of view 2 */
    rig_tick(&rig, 1000);
    rig_status(&rig, 2, &st);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 1);
    assert_int_equal(rig_find(&rig, DO_SEND_CERT)->cert->kind, VOTE_NOTARIZE);
}

/* A3 bounded repair; B41 */
static void test_core_repair_is_bounded(void **s)
{
    const struct core_status st = {.view = 1, .map_from = 1};

    (void)s;
    rig_start(&rig, 0);
    for (uint64_t u = 1; u <= 60; u++)
        rig_nullified(&rig, u);
    rig_tick(&rig, 400);
    rig_status(&rig, 2, &st);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), CORE_PUSH_MAX);
    assert_int_equal(rig.fx.list[0].cert->about.view, 1); /* lowest first */
    rig_status(&rig, 2, &st);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 0); /* four a second */
    rig_tick(&rig, 250);
    rig_status(&rig, 2, &st);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), CORE_PUSH_MAX);
}

static void test_core_map_starts_at_the_first_hole_of_a_long_outage(void **s)
{
    struct core_status st;

    (void)s;
    rig_start(&rig, 0);
    for (uint64_t u = 1; u <= 600; u++) {
        if (u != 300)
            rig_nullified(&rig, u);
    }
    core_status_for(&rig.core, &st, 2);
    assert_int_equal(st.map_from, 300);
    assert_int_equal(st.map_views, CORE_STATUS_VIEWS);
    assert_int_equal(st.map[0], 0xa8); /* 300 unknown, the next nullified */
}

static void test_core_status_holds_the_newest_vote_of_the_receiver(void **s)
{
    struct core_status st;

    (void)s;
    rig_start(&rig, 0);
    core_status_for(&rig.core, &st, 2);
    assert_int_equal(st.held.kind, 0);
    rig_vote(&rig, 2, VOTE_NOTARIZE, rig_candidate(1, 0, 1, 'A'));
    rig_nullify(&rig, 2, 1);
    rig_vote(&rig, 3, VOTE_NOTARIZE, rig_candidate(2, 0, 1, 'A'));
    core_status_for(&rig.core, &st, 2);
    assert_int_equal(st.held.kind, VOTE_NULLIFY);
    assert_int_equal(st.held.signer, 2);
    assert_int_equal(st.held.about.view, 1);
}

static void test_core_new_connection_gets_a_status(void **s)
{
    struct core_event up = {.kind = ON_UP, .from = 3};

    (void)s;
    rig_start(&rig, 0);
    rig_step(&rig, &up);
    assert_int_equal(rig_count(&rig, DO_SEND_STATUS), 1);
    assert_int_equal(rig_find(&rig, DO_SEND_STATUS)->to, 3);
}

/* D45 no second birth */
static void test_core_votes_only_after_a_quorum_was_heard(void **s)
{
    const struct core_status st = {.view = 1, .map_from = 1};

    (void)s;
    rig_init(&rig, 0);
    core_start(&rig.core, false, rig.now_ms);
    rig_nullify(&rig, 1, 1);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_status(&rig, 1, &st);
    rig_status(&rig, 1, &st); /* the same one twice */
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_status(&rig, 2, &st);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
}

/* D45 no second birth */
static void test_core_new_journal_in_a_chain_that_has_begun_observes(void **s)
{
    struct core_status st = {
        .view = 9, .final_view = 8, .final_height = 3, .map_from = 9};

    (void)s;
    rig_init(&rig, 0);
    core_start(&rig.core, true, rig.now_ms);
    for (uint8_t i = 1; i < RIG_N; i++)
        rig_status(&rig, i, &st);
    assert_false(core_may_vote(&rig.core)); /* their words do not count … */
    assert_int_equal(rig_count(&rig, DO_OBSERVE), 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(8, 7, 3, 'C'));
    assert_int_equal(rig_count(&rig, DO_OBSERVE), 1); /* the proof does */
    st = (struct core_status){.view = 9, .map_from = 1};
    rig_status(&rig, 1, &st);
    rig_status(&rig, 2, &st);
    assert_false(core_may_vote(&rig.core));
}

/* D45 no second birth: born with the chain, what is final then is ordinary */
static void test_core_new_journal_of_a_new_chain_votes(void **s)
{
    const struct core_status st = {.view = 1, .map_from = 1};

    (void)s;
    rig_init(&rig, 0);
    core_start(&rig.core, true, rig.now_ms);
    rig_status(&rig, 1, &st);
    rig_status(&rig, 2, &st);
    assert_true(core_may_vote(&rig.core));
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(8, 7, 3, 'C'));
    assert_int_equal(rig_count(&rig, DO_OBSERVE), 0);
}

/* A2 vote after executing; A4 one writer */
static void test_core_node_far_behind_syncs_and_does_not_vote(void **s)
{
    const struct candidate next = rig_candidate(9, 8, 4, 'D');

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(8, 7, 3, 'C'));
    assert_int_equal(rig_count(&rig, DO_SYNC), 1);
    assert_int_equal(rig_find(&rig, DO_SYNC)->candidate.height, 3);
    assert_int_equal(rig_count(&rig, DO_COMMIT), 0);
    rig_offer(&rig, next, 'C');
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 0);
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 9));
    rig_applied(&rig, 1, 'A');
    rig_applied(&rig, 2, 'B');
    assert_int_equal(rig_count(&rig, DO_SYNC), 0);
    rig_applied(&rig, 3, 'C');
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
    rig_executed(&rig, 'D', true);
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 9));
}

static void test_core_sync_is_asked_for_again_until_done(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(8, 7, 3, 'C'));
    rig_tick(&rig, 999);
    assert_int_equal(rig_count(&rig, DO_SYNC), 0);
    rig_tick(&rig, 1);
    assert_int_equal(rig_count(&rig, DO_SYNC), 1);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(10, 8, 4, 'D'));
    assert_int_equal(rig_find(&rig, DO_SYNC)->candidate.height, 4);
}

/* The last block before the tip is fetched, executed and committed. */
static void test_core_node_one_block_behind_fetches_it(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, a);
    assert_int_equal(rig_count(&rig, DO_FETCH), 1);
    rig_body(&rig, rig_facts(a, 'G'));
    rig_executed(&rig, 'A', true);
    assert_int_equal(rig_count(&rig, DO_COMMIT), 1);
}

/* Blocks applied beyond what the core knows to be final do no harm. */
static void test_core_state_ahead_of_the_core_is_waited_for(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_applied(&rig, 1, 'A');
    rig_work(&rig, true);
    rig_tick(&rig, 100);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(1, 0, 1, 'A'));
    assert_int_equal(rig_count(&rig, DO_COMMIT), 0);
    assert_int_equal(rig_count(&rig, DO_SYNC), 0);
    assert_int_equal(rig_count(&rig, DO_HALT), 0);
}

/* an outage longer than the rings */
static void test_core_knowledge_survives_the_loss_of_old_certificates(void **s)
{
    const uint64_t last = 3000;
    const struct candidate c = rig_candidate(last + 1, 0, 1, 'C');

    (void)s;
    rig_start(&rig, 0);
    for (uint64_t u = 1; u <= last; u++)
        rig_nullified(&rig, u);
    assert_true(rig.core.base > 1);
    rig_offer(&rig, c, 'G');
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, last + 1));
}

static void test_core_gap_among_old_certificates_is_not_forgotten(void **s)
{
    const uint64_t last = 3000;

    (void)s;
    rig_start(&rig, 0);
    for (uint64_t u = 1; u <= last; u++) {
        if (u != 100)
            rig_nullified(&rig, u);
    }
    rig_offer(&rig, rig_candidate(last + 1, 0, 1, 'C'), 'G');
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, last + 1));
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(last + 1, 0, 1, 'C'));
    assert_int_equal(rig.core.base, last + 1); /* all is well again */
}

static void test_core_old_notarised_parent_is_kept(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const uint64_t last = 3000;
    const struct cert *certs[66];
    struct candidate carry = {.view = last + 1, .parent_view = 1};

    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    rig_cert(&rig, VOTE_NOTARIZE, a);
    for (uint64_t u = 2; u <= last; u++)
        rig_nullified(&rig, u);
    carry.height = 1;
    carry.block = rig_hash('A');
    assert_int_equal(core_justification(&rig.core, &carry, certs, 66), 66);
    assert_true(candidate_eq(&certs[0]->about, &a));
    rig_propose(&rig, carry, rig_facts(carry, 'G'), NULL, 0);
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, last + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_core_claimed_height_without_certificate_does_nothing),
        cmocka_unit_test(test_core_status_is_answered_with_what_is_lacking),
        cmocka_unit_test(test_core_repair_is_bounded),
        cmocka_unit_test(
            test_core_map_starts_at_the_first_hole_of_a_long_outage),
        cmocka_unit_test(
            test_core_status_holds_the_newest_vote_of_the_receiver),
        cmocka_unit_test(test_core_new_connection_gets_a_status),
        cmocka_unit_test(test_core_votes_only_after_a_quorum_was_heard),
        cmocka_unit_test(
            test_core_new_journal_in_a_chain_that_has_begun_observes),
        cmocka_unit_test(test_core_new_journal_of_a_new_chain_votes),
        cmocka_unit_test(test_core_node_far_behind_syncs_and_does_not_vote),
        cmocka_unit_test(test_core_sync_is_asked_for_again_until_done),
        cmocka_unit_test(test_core_node_one_block_behind_fetches_it),
        cmocka_unit_test(test_core_state_ahead_of_the_core_is_waited_for),
        cmocka_unit_test(
            test_core_knowledge_survives_the_loss_of_old_certificates),
        cmocka_unit_test(test_core_gap_among_old_certificates_is_not_forgotten),
        cmocka_unit_test(test_core_old_notarised_parent_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
