/* What may follow what in one view, also over a crash. */
#include "tests/unit/consensus/core_rig.h"

static struct rig rig;

/* The core is made anew and reads these own votes, in this order. */
static void restart_with(const struct vote *votes, uint32_t count)
{
    const struct core_status st = {.view = 1, .map_from = 1};

    rig_init(&rig, 0);
    for (uint32_t i = 0; i < count; i++)
        core_replay_vote(&rig.core, &votes[i]);
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    rig_status(&rig, 1, &st);
    rig_status(&rig, 2, &st);
}

/* A2 vote after executing */
static void test_core_no_vote_before_execution(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct block_facts facts = rig_facts(a, 'G');

    (void)s;
    rig_start(&rig, 0);
    rig_propose(&rig, a, facts, NULL, 0);
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 1));
    rig_body(&rig, facts);
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 1));
    rig_tick(&rig, 100);
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, 1));
    rig_executed(&rig, 'A', true);
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 1));
}

/* N2 no notarization: who voted for the block may give the view up all the
 * same; a protocol in which it may not can hang */
static void test_core_who_notarised_may_give_up(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, rig_candidate(1, 0, 1, 'A'), 'G');
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 1));
    rig_durable(&rig);
    rig_tick(&rig, 500);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
}

/* C2 give up or finalise: nor NULLIFY after FINALIZE, whoever asks for it */
static void test_core_finalised_view_is_never_nullified_by_it(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_true(rig_cast(&rig, VOTE_FINALIZE, 1));
    rig_durable(&rig);
    rig_nullify(&rig, 1, 1);
    rig_nullify(&rig, 2, 1);
    rig_nullify(&rig, 3, 1);
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    for (int i = 0; i < 40; i++) {
        rig_tick(&rig, 250);
        assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    }
}

/* D4 finalize after disk: what is on disk is sent again, and counts */
static void test_core_restart_sends_finalize_again(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct vote votes[] = {{.kind = VOTE_NOTARIZE, .about = a},
                                 {.kind = VOTE_FINALIZE, .about = a}};
    const struct cert n = {
        .kind = VOTE_NOTARIZE, .about = a, .bitmap = 0xe}; /* of the others */
    const struct core_status st = {.view = 1, .map_from = 1};
    bool sent = false;

    (void)s;
    rig_init(&rig, 0);
    core_replay_vote(&rig.core, &votes[0]);
    core_replay_cert(&rig.core, &n);
    core_replay_vote(&rig.core, &votes[1]);
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    for (uint32_t i = 0; i < rig.fx.count; i++)
        sent = sent || (rig.fx.list[i].kind == DO_SEND_VOTE &&
                        rig.fx.list[i].vote.kind == VOTE_FINALIZE);
    assert_true(sent);
    assert_int_equal(rig.signed_votes, 0);
    rig_status(&rig, 1, &st);
    rig_status(&rig, 2, &st);
    rig_vote(&rig, 1, VOTE_FINALIZE, a);
    assert_int_equal(rig.core.fin.view, 0);
    rig_vote(&rig, 2, VOTE_FINALIZE, a);
    assert_int_equal(rig.core.fin.view, 1);
}

/* B05: read twice, it counts once */
static void test_core_restart_counts_a_vote_once(void **s)
{
    const struct vote mine = {.kind = VOTE_NULLIFY, .about = {.view = 1}};
    const struct vote twice[] = {mine, mine};

    (void)s;
    restart_with(twice, ARRAY_LEN(twice));
    rig_nullify(&rig, 0, 1); /* nor does it count from a peer */
    rig_nullify(&rig, 2, 1);
    rig_nullify(&rig, 2, 1);
    assert_int_equal(rig.core.view, 1);
    rig_nullify(&rig, 3, 1);
    assert_int_equal(rig.core.view, 2);
}

/* C1 one NOTARIZE: a leader that proposes something else after our crash finds
 * the first vote in the journal */
static void test_core_restart_does_not_follow_a_second_proposal(void **s)
{
    const struct candidate b = rig_candidate(1, 0, 1, 'B');
    const struct vote mine = {.kind = VOTE_NOTARIZE,
                              .about = rig_candidate(1, 0, 1, 'A')};

    (void)s;
    restart_with(&mine, 1);
    rig_offer(&rig, b, 'G');
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    rig_cert(&rig, VOTE_NOTARIZE, b); /* but builds on it, if a quorum did */
    assert_int_equal(rig.core.view, 2);
    assert_false(rig_cast(&rig, VOTE_FINALIZE, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_no_vote_before_execution),
        cmocka_unit_test(test_core_who_notarised_may_give_up),
        cmocka_unit_test(test_core_finalised_view_is_never_nullified_by_it),
        cmocka_unit_test(test_core_restart_sends_finalize_again),
        cmocka_unit_test(test_core_restart_counts_a_vote_once),
        cmocka_unit_test(test_core_restart_does_not_follow_a_second_proposal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
