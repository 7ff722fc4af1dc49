/* Proposals: made, checked, carried. */
#include "tests/unit/consensus/core_rig.h"

static struct rig rig;

static void built(struct candidate on, struct block_facts facts)
{
    struct core_event e = {.kind = ON_BUILT, .candidate = on, .facts = facts};

    rig_step(&rig, &e);
}

/* D1 propose after disk; D49 propose at once */
static void test_core_leader_with_work_builds_at_once_and_proposes(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    struct candidate on;

    (void)s;
    rig_start(&rig, 1);
    rig_work(&rig, true);
    assert_int_equal(rig_count(&rig, DO_BUILD), 1);
    on = rig_find(&rig, DO_BUILD)->candidate;
    assert_int_equal(on.view, 1);
    assert_int_equal(on.height, 0);
    assert_int_equal(on.block.raw[0], 'G');
    built(on, rig_facts(a, 'G'));
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 1));
    assert_true(rig_place(&rig, DO_PERSIST_BODY) <
                rig_place(&rig, DO_PERSIST_VOTE));
    assert_true(rig_place(&rig, DO_PERSIST_VOTE) <
                rig_place(&rig, DO_SEND_PROPOSAL));
    assert_true(rig_find(&rig, DO_SEND_PROPOSAL)->after_sync);
    assert_int_equal(rig_count(&rig, DO_SEND_VOTE), 0); /* it is inside */
    rig_work(&rig, true);
    assert_int_equal(rig_count(&rig, DO_BUILD), 0);
}

/* I1 no empty block */
static void test_core_nothing_to_build_is_not_proposed(void **s)
{
    const struct block_facts none = {.height = 0};
    struct candidate on;

    (void)s;
    rig_start(&rig, 1);
    rig_tick(&rig, 5000);
    assert_int_equal(rig_count(&rig, DO_BUILD), 0);
    rig_work(&rig, true);
    on = rig_find(&rig, DO_BUILD)->candidate;
    built(on, none);
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    assert_int_equal(rig_count(&rig, DO_BUILD), 0); /* not in a circle */
    rig_tick(&rig, 40);
    assert_int_equal(rig_count(&rig, DO_BUILD), 1);
}

static void test_core_block_built_too_late_is_dropped(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    struct candidate on;

    (void)s;
    rig_start(&rig, 1);
    rig_work(&rig, true);
    on = rig_find(&rig, DO_BUILD)->candidate;
    rig_nullified(&rig, 1);
    built(on, rig_facts(a, 'G'));
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
}

/* N1 no proposal */
static void test_core_leader_that_gave_up_proposes_nothing(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    struct candidate on;

    (void)s;
    rig_start(&rig, 1);
    rig_work(&rig, true);
    on = rig_find(&rig, DO_BUILD)->candidate;
    rig_tick(&rig, 260); /* N1 holds for the leader too */
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
    built(on, rig_facts(a, 'G'));
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
}

/* T_pace: transactions that wait when the tip is applied are load. */
static void test_core_blocks_under_load_keep_their_distance(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 2);
    rig_offer(&rig, a, 'G');
    rig_work(&rig, true);
    rig_cert(&rig, VOTE_FINALIZE, a);
    rig_tick(&rig, 5);
    rig_applied(&rig, 1, 'A');
    assert_int_equal(rig.core.view, 2);
    assert_int_equal(rig_count(&rig, DO_BUILD), 0);
    assert_int_equal(core_next_tick_ms(&rig.core), rig.now_ms + 15);
    rig_tick(&rig, 15);
    assert_int_equal(rig_count(&rig, DO_BUILD), 1);
}

/* D49 propose at once */
static void test_core_work_on_an_idle_tip_is_built_at_once(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 2);
    rig_offer(&rig, a, 'G');
    rig_work(&rig, true);
    rig_cert(&rig, VOTE_FINALIZE, a);
    rig_work(&rig, false); /* it was all in the block */
    rig_applied(&rig, 1, 'A');
    assert_int_equal(rig_count(&rig, DO_BUILD), 0);
    rig_work(&rig, true);
    assert_int_equal(rig_count(&rig, DO_BUILD), 1);
}

/* I3 carry the tip; X4 carry instead */
static void test_core_leader_carries_a_tip_that_is_not_final(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct core_effect *e;

    (void)s;
    rig_start(&rig, 2);
    rig_offer(&rig, a, 'G');
    rig_work(&rig, true); /* K = 1: no second block on it */
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_int_equal(rig.core.view, 2);
    assert_int_equal(rig_count(&rig, DO_BUILD), 0);
    rig_tick(&rig, 124);
    assert_int_equal(rig_count(&rig, DO_SEND_PROPOSAL), 0);
    rig_tick(&rig, 1); /* T_leader / 2 */
    e = rig_find(&rig, DO_SEND_PROPOSAL);
    assert_non_null(e);
    assert_int_equal(e->candidate.view, 2);
    assert_int_equal(e->candidate.parent_view, 1);
    assert_int_equal(e->candidate.height, 1);
    assert_int_equal(e->candidate.block.raw[0], 'A');
}

/* I3 carry the tip: on a slow link every carried view is final one view late */
static void test_core_final_block_is_not_carried_on_and_on(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 3);
    rig_offer(&rig, a, 'G');
    rig_cert(&rig, VOTE_NOTARIZE, a);
    rig_cert(&rig, VOTE_NOTARIZE, rig_candidate(2, 1, 1, 'A'));
    assert_int_equal(rig.core.view, 3);
    assert_true(core_is_busy(&rig.core));
    rig_cert(&rig, VOTE_FINALIZE, a); /* view 2 is not final, its block is */
    rig_applied(&rig, 1, 'A');
    assert_false(core_is_busy(&rig.core));
    rig_tick(&rig, 10000);
    assert_int_equal(rig_count(&rig, DO_SEND_PROPOSAL), 0);
    rig_work(&rig, true); /* and the next block stands on the carried one */
    assert_int_equal(rig_find(&rig, DO_BUILD)->candidate.parent_view, 2);
}

/* I5 needless carry is legal */
static void test_core_carry_of_the_final_block_is_voted_for(void **s)
{
    const struct block_facts none = {.height = 0};

    (void)s;
    rig_start(&rig, 0);
    rig_propose(&rig, rig_candidate(1, 0, 0, 'G'), none, NULL, 0);
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 1));
}

/* C1 one NOTARIZE */
static void test_core_second_proposal_of_a_leader_is_evidence(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate b = rig_candidate(1, 0, 1, 'B');

    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    rig_propose(&rig, b, rig_facts(b, 'G'), NULL, 0);
    assert_int_equal(rig_count(&rig, DO_EVIDENCE), 1);
    rig_body(&rig, rig_facts(b, 'G'));
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
}

/* C1 one NOTARIZE */
static void test_core_no_notarize_after_own_nullify(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 1, 1);
    rig_offer(&rig, rig_candidate(1, 0, 1, 'A'), 'G');
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 1));
}

static void test_core_proposal_of_another_than_the_leader_is_dropped(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct vote v = {.kind = VOTE_NOTARIZE, .about = a, .signer = 3};
    struct core_event e = {.kind = ON_PROPOSAL,
                           .from = 3,
                           .candidate = a,
                           .facts = rig_facts(a, 'G'),
                           .vote = &v};

    (void)s;
    rig_start(&rig, 0);
    assert_false(core_wants_proposal(&rig.core, 3, &v));
    rig_step(&rig, &e);
    assert_int_equal(rig.fx.count, 0);
    assert_false(core_is_busy(&rig.core));
}

/* N3 bad proposal: what can never become valid ends the view at once */
static void test_core_bad_proposals_are_given_up_at_once(void **s)
{
    struct block_facts facts;
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0); /* height jumps */
    rig_propose(&rig,
                rig_candidate(1, 0, 2, 'A'),
                rig_facts(rig_candidate(1, 0, 2, 'A'), 'G'),
                NULL,
                0);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));

    rig_start(&rig, 0); /* another parent in the header */
    rig_propose(&rig, a, rig_facts(a, 'X'), NULL, 0);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));

    rig_start(&rig, 0); /* the header names another view */
    facts = rig_facts(a, 'G');
    facts.view = 2;
    rig_propose(&rig, a, facts, NULL, 0);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));

    rig_start(&rig, 0); /* … or another proposer */
    facts = rig_facts(a, 'G');
    facts.proposer = 2;
    rig_propose(&rig, a, facts, NULL, 0);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));

    rig_start(&rig, 0); /* a parent before what is final */
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(4, 0, 1, 'A'));
    rig_propose(&rig,
                rig_candidate(5, 3, 2, 'B'),
                rig_facts(rig_candidate(5, 3, 2, 'B'), 'A'),
                NULL,
                0);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 5));
}

/* B23 */
static void test_core_skipped_views_must_be_known_nullified(void **s)
{
    const struct candidate c = rig_candidate(3, 0, 1, 'C');
    const struct block_facts facts = rig_facts(c, 'G');
    struct cert first;

    (void)s;
    rig_start(&rig, 0);
    first = rig_make_cert(&rig, VOTE_NULLIFY, (struct candidate){.view = 1});
    rig_nullified(&rig, 2);
    rig_propose(&rig, c, facts, NULL, 0);
    rig_body(&rig, facts);
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 3));
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 0);
    rig_propose(&rig, c, facts, &first, 1); /* with its justification */
    rig_tick(&rig, 1);
    rig_executed(&rig, 'C', true);
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 3));
}

static void test_core_missing_certificates_are_asked_for(void **s)
{
    const struct candidate c = rig_candidate(3, 0, 1, 'C');
    const struct core_effect *e;

    (void)s;
    rig_start(&rig, 0);
    rig_nullified(&rig, 2);
    rig_propose(&rig, c, rig_facts(c, 'G'), NULL, 0);
    e = rig_find(&rig, DO_SEND_STATUS);
    assert_non_null(e);
    assert_int_equal(e->to, 3); /* the leader has them */
    rig_tick(&rig, 1);
    assert_int_equal(rig_count(&rig, DO_SEND_STATUS), 0);
    rig_tick(&rig, 250);
    assert_true(rig_count(&rig, DO_SEND_STATUS) > 0);
}

/* D44 certified heights */
static void test_core_block_on_a_parent_not_final_waits_for_the_proof(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate b = rig_candidate(2, 1, 2, 'B');
    struct cert final;

    (void)s;
    rig_start(&rig, 0);
    final = rig_make_cert(&rig, VOTE_FINALIZE, a);
    rig_offer(&rig, a, 'G');
    rig_cert(&rig, VOTE_NOTARIZE, a);
    rig_propose(&rig, b, rig_facts(b, 'A'), NULL, 0);
    rig_body(&rig, rig_facts(b, 'A'));
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 0);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 2)); /* it may still come */
    rig_propose(&rig, b, rig_facts(b, 'A'), &final, 1);
    rig_applied(&rig, 1, 'A');
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
    rig_executed(&rig, 'B', true);
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 2));
}

/* D44 certified heights */
static void test_core_proposal_is_justified_for_who_knows_nothing(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate carry = rig_candidate(2, 1, 1, 'A');
    struct candidate next = rig_candidate(5, 2, 2, 'B');
    const struct cert *certs[66];

    (void)s;
    rig_start(&rig, 1);
    rig_cert(&rig, VOTE_FINALIZE, a);
    rig_cert(&rig, VOTE_NOTARIZE, carry);
    rig_nullified(&rig, 3);
    rig_nullified(&rig, 4);
    assert_int_equal(core_justification(&rig.core, &next, certs, 66), 4);
    assert_int_equal(certs[0]->kind, VOTE_FINALIZE);
    assert_int_equal(certs[1]->about.view, 2);
    assert_int_equal(certs[2]->about.view, 3);
    assert_int_equal(certs[3]->about.view, 4);
    assert_int_equal(core_justification(&rig.core, &next, certs, 3), 3);
    assert_int_equal(certs[2]->about.view, 4); /* the newest */
}

/* B24 */
static void test_core_leader_passes_over_a_block_nobody_has(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 2);
    rig_cert(&rig, VOTE_NOTARIZE, a);
    rig_work(&rig, true);
    assert_int_equal(rig_count(&rig, DO_BUILD), 0); /* A is being fetched */
    rig_nullified(&rig, 1);
    assert_int_equal(rig_count(&rig, DO_BUILD), 1);
    assert_int_equal(rig_find(&rig, DO_BUILD)->candidate.parent_view, 0);
}

/* D29 block time */
static void test_core_block_from_the_future_waits(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig.wall_ms = 1700000000000u - 800;
    rig_offer(&rig, a, 'G');
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 1));
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig.wall_ms += 299;
    rig_tick(&rig, 200);
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 1));
    rig.wall_ms += 1; /* 500 ms ahead of us is allowed */
    rig_tick(&rig, 1);
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 1));
}

/* D29 block time */
static void test_core_new_block_with_an_old_time_is_refused(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig.wall_ms = 1700000000000u + 60001;
    rig_offer(&rig, rig_candidate(1, 0, 1, 'A'), 'G');
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));

    rig_start(&rig, 0); /* once it is notarised its age is no matter */
    rig.wall_ms = 1700000000000u + 600000;
    rig_cert(&rig, VOTE_NOTARIZE, rig_candidate(1, 0, 1, 'A'));
    rig_body(&rig, rig_facts(rig_candidate(1, 0, 1, 'A'), 'G'));
    rig_executed(&rig, 'A', true);
    assert_true(rig_cast(&rig, VOTE_FINALIZE, 1));
    assert_int_equal(rig_count(&rig, DO_HALT), 0);
}

static void test_core_body_is_fetched_from_one_peer_after_the_other(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    uint8_t first;

    (void)s;
    rig_start(&rig, 0);
    rig_propose(&rig, a, rig_facts(a, 'G'), NULL, 0);
    assert_int_equal(rig_count(&rig, DO_FETCH), 0); /* it may be on its way */
    rig_tick(&rig, 250);
    first = rig_find(&rig, DO_FETCH)->to;
    assert_int_equal(first, 1); /* its leader */
    rig_tick(&rig, 249);
    assert_int_equal(rig_count(&rig, DO_FETCH), 0);
    rig_tick(&rig, 1);
    assert_int_not_equal(rig_find(&rig, DO_FETCH)->to, first);
}

static void test_core_lost_body_is_fetched_again(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    struct core_event gone = {
        .kind = ON_EXECUTED, .hash = rig_hash('A'), .gone = true};

    (void)s;
    rig_start(&rig, 0);
    rig_propose(&rig, a, rig_facts(a, 'G'), NULL, 0);
    rig_body(&rig, rig_facts(a, 'G'));
    rig_step(&rig, &gone);
    rig_tick(&rig, 250);
    assert_int_equal(rig_count(&rig, DO_FETCH), 1);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
}

/* M2 window; B48: a body far ahead is not kept */
static void test_core_bodies_far_ahead_are_not_kept(void **s)
{
    const struct candidate far = rig_candidate(9, 0, 1, 'Z');
    uint32_t used = 0;

    (void)s;
    rig_start(&rig, 0);
    rig_propose(&rig, far, rig_facts(far, 'G'), NULL, 0);
    rig_body(&rig, rig_facts(far, 'G'));
    for (uint32_t i = 0; i < CORE_BLOCKS; i++)
        used += rig.core.blocks[i].used ? 1 : 0;
    assert_int_equal(used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_core_leader_with_work_builds_at_once_and_proposes),
        cmocka_unit_test(test_core_nothing_to_build_is_not_proposed),
        cmocka_unit_test(test_core_block_built_too_late_is_dropped),
        cmocka_unit_test(test_core_leader_that_gave_up_proposes_nothing),
        cmocka_unit_test(test_core_blocks_under_load_keep_their_distance),
        cmocka_unit_test(test_core_work_on_an_idle_tip_is_built_at_once),
        cmocka_unit_test(test_core_leader_carries_a_tip_that_is_not_final),
        cmocka_unit_test(test_core_final_block_is_not_carried_on_and_on),
        cmocka_unit_test(test_core_carry_of_the_final_block_is_voted_for),
        cmocka_unit_test(test_core_second_proposal_of_a_leader_is_evidence),
        cmocka_unit_test(test_core_no_notarize_after_own_nullify),
        cmocka_unit_test(
            test_core_proposal_of_another_than_the_leader_is_dropped),
        cmocka_unit_test(test_core_bad_proposals_are_given_up_at_once),
        cmocka_unit_test(test_core_skipped_views_must_be_known_nullified),
        cmocka_unit_test(test_core_missing_certificates_are_asked_for),
        cmocka_unit_test(
            test_core_block_on_a_parent_not_final_waits_for_the_proof),
        cmocka_unit_test(test_core_proposal_is_justified_for_who_knows_nothing),
        cmocka_unit_test(test_core_leader_passes_over_a_block_nobody_has),
        cmocka_unit_test(test_core_block_from_the_future_waits),
        cmocka_unit_test(test_core_new_block_with_an_old_time_is_refused),
        cmocka_unit_test(
            test_core_body_is_fetched_from_one_peer_after_the_other),
        cmocka_unit_test(test_core_lost_body_is_fetched_again),
        cmocka_unit_test(test_core_bodies_far_ahead_are_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
