/* Votes, certificates and what must be on disk first (rules M, D, C, H). */
#include "tests/unit/consensus/core_rig.h"

static struct rig rig;

/* M1 cheap first */
static void test_core_vote_that_is_no_news_is_not_wanted(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    struct vote v = {.kind = VOTE_NOTARIZE, .about = a, .signer = 2};

    (void)s;
    rig_start(&rig, 0);
    assert_true(core_wants_vote(&rig.core, &v));
    v.epoch = 1;
    assert_false(core_wants_vote(&rig.core, &v)); /* another epoch */
    v.epoch = 0;
    v.signer = RIG_N;
    assert_false(core_wants_vote(&rig.core, &v)); /* nobody */
    v.signer = 0;
    assert_false(core_wants_vote(&rig.core, &v)); /* ourselves */
    v.signer = 2;
    v.about.view = 1 + CORE_VOTE_WINDOW + 1;
    assert_false(core_wants_vote(&rig.core, &v)); /* too far ahead */
    v.about.view = 1;
    rig_vote(&rig, 2, VOTE_NOTARIZE, a);
    assert_false(core_wants_vote(&rig.core, &v)); /* known */
    v.about.block = rig_hash('B');
    assert_true(core_wants_vote(&rig.core, &v)); /* would be evidence */
    rig_vote(&rig, 2, VOTE_NOTARIZE, v.about);
    v.about.block = rig_hash('C');
    assert_false(core_wants_vote(&rig.core, &v)); /* there is some */
    v.kind = VOTE_FINALIZE;
    assert_true(core_wants_vote(&rig.core, &v));
    rig_vote(&rig, 2, VOTE_FINALIZE, v.about);
    v.about.block = rig_hash('D');
    assert_true(core_wants_vote(&rig.core, &v));
    rig_vote(&rig, 2, VOTE_FINALIZE, v.about);
    v.about.block = rig_hash('E');
    assert_false(core_wants_vote(&rig.core, &v));
}

/* M2 window */
static void test_core_vote_beyond_the_window_is_not_counted(void **s)
{
    const struct candidate far = {.view = 1 + CORE_VOTE_WINDOW + 1};

    (void)s;
    rig_start(&rig, 0);
    for (uint8_t i = 1; i < RIG_N; i++)
        rig_vote(&rig, i, VOTE_NULLIFY, far);
    assert_int_equal(rig.core.view, 1);
}

/* M2 window; B55 */
static void test_core_certificate_at_any_distance_is_taken(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullified(&rig, 5000);
    assert_int_equal(rig.core.view, 5001);
    assert_int_equal(rig_count(&rig, DO_PERSIST_CERT), 1);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 1);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(900000, 0, 1, 'A'));
    assert_int_equal(rig.core.view, 900001);
    assert_int_equal(rig.core.fin.view, 900000);
}

/* M3 first vote counts; EV1 */
static void test_core_second_vote_of_a_kind_is_evidence_once(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_vote(&rig, 2, VOTE_NOTARIZE, rig_candidate(1, 0, 1, 'A'));
    assert_int_equal(rig_count(&rig, DO_EVIDENCE), 0);
    rig_vote(&rig, 2, VOTE_NOTARIZE, rig_candidate(1, 0, 1, 'B'));
    assert_int_equal(rig_count(&rig, DO_EVIDENCE), 1);
    assert_int_equal(rig_find(&rig, DO_EVIDENCE)->vote.about.block.raw[0], 'A');
    assert_int_equal(rig_find(&rig, DO_EVIDENCE)->other.about.block.raw[0],
                     'B');
    rig_vote(&rig, 2, VOTE_NOTARIZE, rig_candidate(1, 0, 1, 'C'));
    assert_int_equal(rig_count(&rig, DO_EVIDENCE), 0);
    rig_vote(&rig, 1, VOTE_NOTARIZE, rig_candidate(1, 0, 1, 'B'));
    rig_vote(&rig, 3, VOTE_NOTARIZE, rig_candidate(1, 0, 1, 'B'));
    assert_int_equal(rig.core.view, 1); /* 2 counts for A only */
}

/* EV2, EV3, EV4; and what is none */
static void test_core_votes_that_exclude_each_other_are_evidence(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate b = rig_candidate(1, 0, 1, 'B');

    (void)s;
    rig_start(&rig, 0);
    rig_vote(&rig, 2, VOTE_NOTARIZE, a);
    rig_nullify(&rig, 2, 1);
    assert_int_equal(rig_count(&rig, DO_EVIDENCE), 0); /* legal */
    rig_vote(&rig, 2, VOTE_FINALIZE, a);
    assert_int_equal(rig_count(&rig, DO_EVIDENCE), 1); /* EV2 */
    rig_vote(&rig, 2, VOTE_FINALIZE, b);
    assert_int_equal(rig_count(&rig, DO_EVIDENCE), 2); /* EV3, EV4 */
    rig_vote(&rig, 3, VOTE_NOTARIZE, a);
    rig_vote(&rig, 3, VOTE_FINALIZE, a);
    assert_int_equal(rig_count(&rig, DO_EVIDENCE), 0); /* legal */
}

/* M4 no relayed vote */
static void test_core_vote_of_its_own_from_a_peer_is_not_counted(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 0, 1);
    rig_nullify(&rig, 2, 1);
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    assert_int_equal(rig.core.view, 1);
}

/* M5 no answer to a certificate */
static void test_core_known_certificate_is_not_answered(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullified(&rig, 1);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 1);
    rig_nullified(&rig, 1);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 0);
    assert_int_equal(rig_count(&rig, DO_PERSIST_CERT), 0);
}

/* M6 other epochs */
static void test_core_other_epochs_do_nothing(void **s)
{
    const struct candidate about = {.view = 1};
    const struct vote v = {
        .kind = VOTE_NULLIFY, .epoch = 7, .about = about, .signer = 1};
    struct cert c = rig_make_cert(&rig, VOTE_NULLIFY, about);
    struct core_event vote = {.kind = ON_VOTE, .from = 1, .vote = &v};
    struct core_event cert = {.kind = ON_CERT, .certs = &c, .cert_count = 1};

    (void)s;
    rig_start(&rig, 0);
    rig_step(&rig, &vote);
    assert_int_equal(rig.fx.count, 0);
    c.epoch = 7;
    assert_false(core_wants_cert(&rig.core, &c));
    rig_step(&rig, &cert);
    assert_int_equal(rig.core.view, 1);
}

static void test_core_vote_in_a_final_view_is_answered_with_the_proof(void **s)
{
    const struct vote v = {
        .kind = VOTE_NULLIFY, .about = {.view = 2}, .signer = 2};

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(3, 0, 1, 'A'));
    assert_true(core_wants_vote(&rig.core, &v));
    rig_nullify(&rig, 2, 2);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 1);
    assert_int_equal(rig_find(&rig, DO_SEND_CERT)->to, 2);
    assert_false(core_wants_vote(&rig.core, &v)); /* not at once again */
    rig_nullify(&rig, 2, 2);
    assert_int_equal(rig_count(&rig, DO_SEND_CERT), 0);
}

/* D2 notarize after disk; D8 own vote when durable; C4 persist then send */
static void test_core_own_vote_is_sent_and_counted_when_durable(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 1));
    assert_true(rig_place(&rig, DO_PERSIST_BODY) <
                rig_place(&rig, DO_PERSIST_VOTE));
    assert_true(rig_place(&rig, DO_PERSIST_VOTE) <
                rig_place(&rig, DO_SEND_VOTE));
    assert_true(rig_find(&rig, DO_SEND_VOTE)->after_sync);
    rig_vote(&rig, 2, VOTE_NOTARIZE, a);
    assert_int_equal(rig.core.view, 1); /* leader and 2; own not durable */
    rig_durable(&rig);
    assert_int_equal(rig.core.view, 2);
    assert_int_equal(rig_count(&rig, DO_PERSIST_CERT), 1);
}

/* D3 nullify after disk */
static void test_core_nullify_is_persisted_before_it_is_sent(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 1, 1); /* the leader's own: N5 */
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
    assert_true(rig_place(&rig, DO_PERSIST_VOTE) <
                rig_place(&rig, DO_SEND_VOTE));
    assert_true(rig_find(&rig, DO_SEND_VOTE)->after_sync);
}

/* D4 finalize after disk, D5 certificates in order; C3 finalise the notarised
 * candidate only */
static void test_core_finalize_comes_after_notarization_and_body(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct block_facts facts = rig_facts(a, 'G');

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_int_equal(rig_place(&rig, DO_PERSIST_CERT), 0);
    assert_int_equal(rig_count(&rig, DO_FETCH), 1);
    assert_false(rig_cast(&rig, VOTE_FINALIZE, 1));
    rig_body(&rig, facts);
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
    assert_false(rig_cast(&rig, VOTE_FINALIZE, 1)); /* C3 */
    rig_executed(&rig, 'A', true);
    assert_true(rig_cast(&rig, VOTE_FINALIZE, 1));
    assert_true(rig_place(&rig, DO_PERSIST_BODY) <
                rig_place(&rig, DO_PERSIST_VOTE));
}

/* C2 give up or finalise; B01 */
static void test_core_nullified_view_is_never_finalised_by_it(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 1, 1);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_int_equal(rig.core.view, 2); /* B25: still accepted */
    rig_body(&rig, rig_facts(a, 'G'));
    rig_executed(&rig, 'A', true);
    assert_false(rig_cast(&rig, VOTE_FINALIZE, 1));
}

/* C3 finalise the notarised; B28 */
static void test_core_who_notarised_the_loser_does_not_finalise(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate b = rig_candidate(1, 0, 1, 'B');

    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 1));
    rig_cert(&rig, VOTE_NOTARIZE, b);
    assert_int_equal(rig.core.view, 2);
    rig_body(&rig, rig_facts(b, 'G'));
    rig_executed(&rig, 'B', true);
    assert_false(rig_cast(&rig, VOTE_FINALIZE, 1));
}

/* D6 one batch a block */
static void test_core_final_block_is_committed_once_with_its_certificate(
    void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct core_effect *e;

    (void)s;
    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    rig_cert(&rig, VOTE_FINALIZE, a);
    e = rig_find(&rig, DO_COMMIT);
    assert_non_null(e);
    assert_int_equal(e->candidate.height, 1);
    assert_true(candidate_eq(&e->cert->about, &a));
    assert_true(rig_place(&rig, DO_PERSIST_CERT) < rig_place(&rig, DO_COMMIT));
    rig_tick(&rig, 10);
    assert_int_equal(rig_count(&rig, DO_COMMIT), 0);
    rig_applied(&rig, 1, 'A');
    assert_int_equal(rig.core.applied_height, 1);
    assert_false(core_is_busy(&rig.core));
}

static void test_core_certificates_form_from_exactly_a_quorum(void **s)
{
    const struct core_effect *e;

    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 3, 1);
    rig_nullify(&rig, 2, 1); /* f + 1: joins (N6) */
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1));
    assert_int_equal(rig.core.view, 1);
    rig_durable(&rig);
    e = rig_find(&rig, DO_PERSIST_CERT);
    assert_non_null(e);
    assert_int_equal(e->cert->bitmap, 0xd); /* 0, 2 and 3 */
    assert_int_equal(e->cert->sigs[0].raw[0], 0x5a);
    assert_int_equal(rig.core.view, 2);
}

/* H1 contradiction */
static void test_core_contradicting_certificates_halt(void **s)
{
    const struct candidate a = rig_candidate(4, 0, 1, 'A');
    const struct candidate b = rig_candidate(4, 0, 1, 'B');

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_NOTARIZE, a);
    rig_cert(&rig, VOTE_NOTARIZE, b);
    assert_int_equal(rig_count(&rig, DO_HALT), 1);
    rig_tick(&rig, 60000);
    assert_int_equal(rig.fx.count, 0); /* it says nothing any more */

    rig_start(&rig, 0);
    rig_nullified(&rig, 4);
    rig_cert(&rig, VOTE_FINALIZE, a);
    assert_int_equal(rig_count(&rig, DO_HALT), 1);

    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, a);
    rig_nullified(&rig, 4);
    assert_int_equal(rig_count(&rig, DO_HALT), 1);

    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, a);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(6, 4, 1, 'B'));
    assert_int_equal(rig_count(&rig, DO_HALT), 1);
}

/* H1 contradiction: two chains, each with a certificate */
static void test_core_final_block_on_another_parent_halts(void **s)
{
    const struct candidate b = rig_candidate(4, 0, 1, 'B');

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, b);
    rig_body(&rig, rig_facts(b, 'X')); /* the state stands on G */
    assert_int_equal(rig_count(&rig, DO_HALT), 1);
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 0);

    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, b);
    rig_body(&rig, rig_facts(b, 'G'));
    assert_int_equal(rig_count(&rig, DO_HALT), 0);
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
}

/* H2 own execution */
static void test_core_invalid_notarised_block_halts(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_NOTARIZE, a);
    rig_body(&rig, rig_facts(a, 'G'));
    rig_executed(&rig, 'A', false);
    assert_int_equal(rig_count(&rig, DO_HALT), 1);
}

static void test_core_bad_block_first_and_notarised_later_halts(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct block_facts facts = rig_facts(a, 'G');

    (void)s;
    rig_start(&rig, 0);
    rig_propose(&rig, a, facts, NULL, 0);
    rig_body(&rig, facts);
    rig_executed(&rig, 'A', false);
    assert_true(rig_cast(&rig, VOTE_NULLIFY, 1)); /* N3 */
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_int_equal(rig_count(&rig, DO_HALT), 1);
}

/* H4 foreign vote */
static void test_core_foreign_own_vote_ends_signing(void **s)
{
    struct core_status st = {.view = 1, .map_from = 1};

    (void)s;
    rig_start(&rig, 0);
    st.held =
        (struct vote){.kind = VOTE_NULLIFY, .about = {.view = 1}, .signer = 0};
    rig_status(&rig, 2, &st);
    assert_int_equal(rig_count(&rig, DO_OBSERVE), 1);
    assert_false(core_may_vote(&rig.core));
    rig_nullify(&rig, 1, 1);
    assert_int_equal(rig_count(&rig, DO_PERSIST_VOTE), 0);
    rig_nullified(&rig, 1);
    assert_int_equal(rig.core.view, 2); /* it goes on observing */
}

/* H4 foreign vote */
static void test_core_certificate_with_foreign_own_vote_ends_signing(void **s)
{
    struct cert c =
        rig_make_cert(&rig, VOTE_NULLIFY, (struct candidate){.view = 1});
    struct core_event e = {.kind = ON_CERT, .certs = &c, .cert_count = 1};

    (void)s;
    rig_start(&rig, 0);
    c.bitmap = 0x7;
    rig_step(&rig, &e);
    assert_int_equal(rig_count(&rig, DO_OBSERVE), 1);
}

/* H4: the journal is older than the view that this key voted in, and that view
 * has long been final. */
static void test_core_old_journal_is_known_by_votes_in_final_views(void **s)
{
    struct core_status st = {.view = 400, .final_view = 399, .map_from = 400};

    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(399, 0, 1, 'A'));
    assert_true(rig.core.base >= 399);
    st.held =
        (struct vote){.kind = VOTE_NULLIFY, .about = {.view = 1}, .signer = 0};
    rig_status(&rig, 2, &st); /* in the view of the start: long checked */
    assert_int_equal(rig_count(&rig, DO_OBSERVE), 0);
    st.held.about.view = 2;
    rig_status(&rig, 2, &st);
    assert_int_equal(rig_count(&rig, DO_OBSERVE), 1);
    assert_false(core_may_vote(&rig.core));
}

/* The newest vote of a peer is kept for it, however old it becomes. */
static void test_core_newest_vote_of_a_peer_outlives_its_view(void **s)
{
    struct core_status st;

    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 2, 1);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(399, 0, 1, 'A'));
    core_status_for(&rig.core, &st, 2);
    assert_int_equal(st.held.kind, VOTE_NULLIFY);
    assert_int_equal(st.held.about.view, 1);
    core_status_for(&rig.core, &st, 1);
    assert_int_equal(st.held.kind, 0);
}

static void test_core_own_vote_held_by_a_peer_is_no_foreign_vote(void **s)
{
    struct core_status st = {.view = 1, .map_from = 1};

    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 1, 1);
    st.held = rig_find(&rig, DO_PERSIST_VOTE)->vote;
    rig_status(&rig, 2, &st);
    assert_int_equal(rig_count(&rig, DO_OBSERVE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_vote_that_is_no_news_is_not_wanted),
        cmocka_unit_test(test_core_vote_beyond_the_window_is_not_counted),
        cmocka_unit_test(test_core_certificate_at_any_distance_is_taken),
        cmocka_unit_test(test_core_second_vote_of_a_kind_is_evidence_once),
        cmocka_unit_test(test_core_votes_that_exclude_each_other_are_evidence),
        cmocka_unit_test(test_core_vote_of_its_own_from_a_peer_is_not_counted),
        cmocka_unit_test(test_core_known_certificate_is_not_answered),
        cmocka_unit_test(test_core_other_epochs_do_nothing),
        cmocka_unit_test(
            test_core_vote_in_a_final_view_is_answered_with_the_proof),
        cmocka_unit_test(test_core_own_vote_is_sent_and_counted_when_durable),
        cmocka_unit_test(test_core_nullify_is_persisted_before_it_is_sent),
        cmocka_unit_test(test_core_finalize_comes_after_notarization_and_body),
        cmocka_unit_test(test_core_nullified_view_is_never_finalised_by_it),
        cmocka_unit_test(test_core_who_notarised_the_loser_does_not_finalise),
        cmocka_unit_test(
            test_core_final_block_is_committed_once_with_its_certificate),
        cmocka_unit_test(test_core_certificates_form_from_exactly_a_quorum),
        cmocka_unit_test(test_core_contradicting_certificates_halt),
        cmocka_unit_test(test_core_final_block_on_another_parent_halts),
        cmocka_unit_test(test_core_invalid_notarised_block_halts),
        cmocka_unit_test(test_core_bad_block_first_and_notarised_later_halts),
        cmocka_unit_test(test_core_foreign_own_vote_ends_signing),
        cmocka_unit_test(
            test_core_certificate_with_foreign_own_vote_ends_signing),
        cmocka_unit_test(
            test_core_old_journal_is_known_by_votes_in_final_views),
        cmocka_unit_test(test_core_newest_vote_of_a_peer_outlives_its_view),
        cmocka_unit_test(test_core_own_vote_held_by_a_peer_is_no_foreign_vote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
