/* Certificates: kept before they are acted upon, at any distance, whatever a
 * node has signed. */
#include "tests/unit/consensus/core_rig.h"

static struct rig rig;

/* D5 certificates in order */
static void test_core_certificate_is_persisted_before_it_is_used(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');

    (void)s;
    rig_start(&rig, 0);
    rig_nullified(&rig, 1);
    assert_int_equal(rig_place(&rig, DO_PERSIST_CERT), 0);
    assert_true(rig_place(&rig, DO_SEND_CERT) > 0);
    assert_int_equal(rig.core.view, 2);

    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_int_equal(rig_place(&rig, DO_PERSIST_CERT), 0);
    assert_true(rig_place(&rig, DO_SEND_CERT) <
                rig_place(&rig, DO_FETCH)); /* its block is wanted */

    rig_start(&rig, 0);
    rig_offer(&rig, a, 'G');
    rig_cert(&rig, VOTE_FINALIZE, a);
    assert_int_equal(rig_place(&rig, DO_PERSIST_CERT), 0);
    assert_true(rig_place(&rig, DO_COMMIT) > 0);
}

/* M2 window: votes that arrive late, in a view that was left, still count */
static void test_core_late_votes_form_a_certificate(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct core_effect *e;

    (void)s;
    rig_start(&rig, 0);
    rig_nullified(&rig, 1);
    rig_nullified(&rig, 2);
    assert_int_equal(rig.core.view, 3);
    for (uint8_t i = 1; i < RIG_N; i++)
        rig_vote(&rig, i, VOTE_NOTARIZE, a);
    e = rig_find(&rig, DO_PERSIST_CERT);
    assert_non_null(e);
    assert_int_equal(e->cert->kind, VOTE_NOTARIZE);
    assert_int_equal(e->cert->about.view, 1);
    assert_int_equal(rig.core.view, 3);
}

/* B24: a view may be notarised and nullified; both are kept, and served */
static void test_core_both_certificates_of_a_view_are_served(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct core_status st = {.view = 1, .map_from = 1};
    uint32_t kinds = 0;

    (void)s;
    rig_start(&rig, 0);
    rig_nullified(&rig, 1);
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_int_equal(rig_count(&rig, DO_HALT), 0);
    rig_tick(&rig, 1000);
    rig_status(&rig, 2, &st);
    for (uint32_t i = 0; i < rig.fx.count; i++) {
        if (rig.fx.list[i].kind == DO_SEND_CERT)
            kinds |= 1u << rig.fx.list[i].cert->kind;
    }
    assert_int_equal(kinds, 1u << VOTE_NOTARIZE | 1u << VOTE_NULLIFY);
}

/* B46: no arithmetic of views wraps */
static void test_core_absurd_views_do_nothing(void **s)
{
    static const uint64_t views[] = {UINT64_MAX, UINT64_MAX / 2};

    (void)s;
    rig_start(&rig, 0);
    for (size_t i = 0; i < ARRAY_LEN(views); i++) {
        const struct candidate about = rig_candidate(views[i], 0, 1, 'A');
        const struct cert c = rig_make_cert(&rig, VOTE_NOTARIZE, about);
        const struct vote v = {.kind = VOTE_NOTARIZE,
                               .about = about,
                               .signer =
                                   (uint8_t)core_leader(&rig.core, views[i])};

        assert_false(core_wants_cert(&rig.core, &c));
        rig_cert(&rig, VOTE_NOTARIZE, about);
        rig_nullified(&rig, views[i]);
        rig_cert(&rig, VOTE_FINALIZE, about);
        assert_false(core_wants_vote(&rig.core, &v));
        rig_vote(&rig, 2, VOTE_NULLIFY, (struct candidate){.view = views[i]});
        assert_false(core_wants_proposal(&rig.core, v.signer, &v));
        rig_tick(&rig, 1);
        assert_int_equal(rig.core.view, 1);
        assert_int_equal(rig.core.fin.view, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_certificate_is_persisted_before_it_is_used),
        cmocka_unit_test(test_core_late_votes_form_a_certificate),
        cmocka_unit_test(test_core_both_certificates_of_a_view_are_served),
        cmocka_unit_test(test_core_absurd_views_do_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
