/* When a view is given up, and when nothing happens (rules N and I). */
#include "tests/unit/consensus/core_rig.h"

static struct rig rig;

/* N1 no proposal */
static void test_core_view_without_proposal_ends_after_t_leader(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_tick(&rig, 100000); /* idle: nothing counts */
    rig_work(&rig, true);
    rig_tick(&rig, 249);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_tick(&rig, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
}

/* N2 no notarization */
static void test_core_view_without_notarization_ends_after_t_view(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_work(&rig, true);
    rig_propose(&rig, a, rig_facts(a, 'G'), NULL, 0);
    rig_tick(&rig, 499);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_tick(&rig, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
}

static void hear(uint8_t from)
{
    struct core_event e = {.kind = ON_HEARD, .from = from};

    rig_step(&rig, &e);
}

/* N4, B51: with long view timers only silence can end the view */
static void start_slow(void)
{
    rig_start(&rig, 0);
    rig.core.config.timers.t_leader_ms = 100000;
    rig.core.config.timers.t_view_ms = 100000;
    rig.core.config.timers.t_cap_ms = 100000;
    rig_work(&rig, true);
}

/* N4 silent leader */
static void test_core_silent_leader_is_skipped_while_a_quorum_lives(void **s)
{
    (void)s;
    start_slow();
    rig_tick(&rig, 3999);
    hear(2);
    hear(3);
    rig_tick(&rig, 0);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_tick(&rig, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
}

static void test_core_lonely_node_does_not_run_through_views(void **s)
{
    (void)s;
    start_slow();
    hear(2);
    rig_tick(&rig, 50000);
    hear(2);
    rig_tick(&rig, 0);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
}

static void test_core_leader_with_a_lost_connection_is_silent_soon(void **s)
{
    struct core_event down = {.kind = ON_DOWN, .from = 1};

    (void)s;
    start_slow();
    rig_step(&rig, &down);
    rig_tick(&rig, 999);
    hear(2);
    hear(3);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_tick(&rig, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
}

/* N5 leader gives up */
static void test_core_leader_that_gives_up_is_followed(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 1, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));

    rig_start(&rig, 0); /* not when it has proposed */
    rig_propose(&rig,
                rig_candidate(1, 0, 1, 'A'),
                rig_facts(rig_candidate(1, 0, 1, 'A'), 'G'),
                NULL,
                0);
    rig_nullify(&rig, 1, 1);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
}

/* N6 f + 1 give up; I4 one cannot wake it; B58 */
static void test_core_one_nullify_is_ignored_and_two_are_joined(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 2, 1);
    assert_false(core_is_busy(&rig.core));
    rig_tick(&rig, 60000);
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    rig_nullify(&rig, 3, 1);
    assert_true(core_is_busy(&rig.core));
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
}

/* N6 f + 1 give up, for a view that is entered later */
static void test_core_votes_that_came_early_count_on_entry(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 2, 2);
    rig_nullify(&rig, 3, 2);
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(1, 0, 0, 'G'));
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 2));
}

/* I7 pre-rotation, one view in T_silent */
static void test_core_idle_view_of_a_dead_leader_is_given_up(void **s)
{
    const struct candidate given_up = {.view = 1};

    (void)s;
    rig_start(&rig, 0);
    rig_tick(&rig, 3999);
    hear(2);
    hear(3);
    rig_tick(&rig, 0);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_tick(&rig, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
    /* The leader of the next view has been silent for long; but this view is
     * new. */
    rig_cert(&rig, VOTE_NULLIFY, given_up);
    assert_int_equal(rig.core.view, 2);
    rig.core.peers[2].heard_ms = 0;
    rig_tick(&rig, 3999);
    hear(1);
    hear(3);
    rig_tick(&rig, 0);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 2));
    rig_tick(&rig, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 2));
}

/* I7 pre-rotation ends at the first leader that lives, and a node that is cut
 * off gives nothing up. */
static void test_core_idle_view_of_a_live_leader_stays(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    for (int i = 0; i < 100; i++) {
        hear(1);
        hear(2);
        rig_tick(&rig, 1000);
        assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    }
    for (int i = 0; i < 100; i++) {
        hear(2);
        rig_tick(&rig, 1000);
        assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    }
    assert_int_equal(rig.core.view, 1);
}

/* I2 idle is silent */
static void test_core_idle_node_sends_status_and_nothing_else(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    for (int i = 0; i < 100; i++) {
        const uint64_t next = core_next_tick_ms(&rig.core);

        assert_true(next - rig.now_ms >= 999);
        rig_tick(&rig, next - rig.now_ms);
        assert_int_equal(rig.fx.count, 1);
        assert_int_equal(rig.fx.list[0].kind, DO_SEND_STATUS);
    }
    assert_int_equal(rig.core.view, 1);
}

/* I3 carry the tip: what is not final keeps a node busy, what is does not */
static void test_core_node_is_busy_until_the_tip_is_final(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_true(core_is_busy(&rig.core));
    rig_cert(&rig, VOTE_FINALIZE, a);
    assert_false(core_is_busy(&rig.core));
}

static uint64_t patience(uint64_t view)
{
    rig_start(&rig, 0);
    if (view > 1)
        rig_nullified(&rig, view - 1);
    assert_int_equal(rig.core.view, view);
    rig_work(&rig, true);
    return core_next_tick_ms(&rig.core) - rig.now_ms;
}

/* B18, B42: a pure function of v and F, with a cap */
static void test_core_patience_grows_with_views_since_the_last_final(void **s)
{
    static const uint64_t wanted[] = {250, 250, 375, 562, 843, 1000};

    (void)s;
    for (uint64_t v = 1; v <= ARRAY_LEN(wanted); v++) {
        const uint64_t waits = patience(v);

        if (core_leader(&rig.core, v) != 0)
            assert_int_equal(waits, wanted[v - 1] < 700 ? wanted[v - 1] : 700);
    }
    rig_start(&rig, 0);
    rig_nullified(&rig, 400);
    rig_work(&rig, true);
    rig_tick(&rig, 9999);
    assert_false(rig_cast(&rig, VOTE_NULLIFY, 401));
    rig_tick(&rig, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 401));
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(402, 0, 0, 'G'));
    rig_tick(&rig, 250); /* one finalization: as patient as ever */
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 403));
}

/* B34: a lost message is sent again, and only what is on disk */
static void test_core_retry_sends_durable_votes_again(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 1, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_tick(&rig, 700);
    assert_int_equal(rig_count(&rig, DO_SEND_VOTE), 0);
    rig_durable(&rig);
    rig_tick(&rig, 700);
    assert_int_equal(rig_count(&rig, DO_SEND_VOTE), 1);
    assert_false(rig_find(&rig, DO_SEND_VOTE)->after_sync);
    assert_int_equal(rig.signed_votes, 1); /* the stored bytes */
    rig_tick(&rig, 699);
    assert_int_equal(rig_count(&rig, DO_SEND_VOTE), 0);
    rig_tick(&rig, 1);
    assert_int_equal(rig_count(&rig, DO_SEND_VOTE), 1);
}

static void test_core_retry_of_a_leader_is_its_proposal(void **s)
{
    struct candidate on;
    struct core_event e = {.kind = ON_BUILT};

    (void)s;
    rig_start(&rig, 1);
    rig_work(&rig, true);
    on = rig_find(&rig, DO_BUILD)->candidate;
    e.candidate = on;
    e.facts = rig_facts(rig_candidate(1, 0, 1, 'A'), 'G');
    rig_step(&rig, &e);
    rig_durable(&rig);
    rig_tick(&rig, 400);
    rig_tick(&rig, 300);
    assert_int_equal(rig_count(&rig, DO_SEND_PROPOSAL), 1);
    assert_false(rig_find(&rig, DO_SEND_PROPOSAL)->after_sync);
}

static void test_core_retry_repeats_finalize_and_the_last_certificates(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_true(rig_cast(&rig, VOTE_FINALIZE, 1));
    rig_durable(&rig);
    rig_tick(&rig, 700);
    assert_int_equal(rig_count(&rig, DO_SEND_VOTE), 2); /* and NULLIFY(2) */
    assert_int_equal(rig.fx.list[2].vote.kind, VOTE_FINALIZE);
    assert_false(rig.fx.list[2].after_sync);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 1);
    assert_int_equal(rig_find(&rig, DO_SEND_CERT)->cert->about.view, 1);
}

/* An observer runs the same core and never signs. */
static void test_core_observer_never_signs(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, -1);
    rig_work(&rig, true);
    rig_offer(&rig, a, 'G');
    rig_nullify(&rig, 1, 1);
    rig_nullify(&rig, 2, 1);
    rig_tick(&rig, 60000);
    rig_cert(&rig, VOTE_FINALIZE, a);
    rig_executed(&rig, 'A', true);
    assert_int_equal(rig_count(&rig, DO_COMMIT), 1);
    assert_int_equal(rig.signed_votes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_view_without_proposal_ends_after_t_leader),
        cmocka_unit_test(test_core_view_without_notarization_ends_after_t_view),
        cmocka_unit_test(
            test_core_silent_leader_is_skipped_while_a_quorum_lives),
        cmocka_unit_test(test_core_lonely_node_does_not_run_through_views),
        cmocka_unit_test(
            test_core_leader_with_a_lost_connection_is_silent_soon),
        cmocka_unit_test(test_core_leader_that_gives_up_is_followed),
        cmocka_unit_test(test_core_one_nullify_is_ignored_and_two_are_joined),
        cmocka_unit_test(test_core_votes_that_came_early_count_on_entry),
        cmocka_unit_test(test_core_idle_view_of_a_dead_leader_is_given_up),
        cmocka_unit_test(test_core_idle_view_of_a_live_leader_stays),
        cmocka_unit_test(test_core_idle_node_sends_status_and_nothing_else),
        cmocka_unit_test(test_core_node_is_busy_until_the_tip_is_final),
        cmocka_unit_test(
            test_core_patience_grows_with_views_since_the_last_final),
        cmocka_unit_test(test_core_retry_sends_durable_votes_again),
        cmocka_unit_test(test_core_retry_of_a_leader_is_its_proposal),
        cmocka_unit_test(
            test_core_retry_repeats_finalize_and_the_last_certificates),
        cmocka_unit_test(test_core_observer_never_signs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
