/* Epochs: how one ends, how the next begins, and what the journal says of both
 * (E1-E5, E12, C6). */
#include "tests/unit/consensus/core_rig.h"

#include "consensus/msg.h"
#include "consensus/record.h"

static struct rig rig;
static const struct pubkey key = {{2, 7}};

/* Block A of view 1 is final by a certificate, and its body is here. */
static void finalise_a(void)
{
    rig_offer(&rig, rig_candidate(1, 0, 1, 'A'), 'G');
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(1, 0, 1, 'A'));
}

/* A validator of the set that has closed its epoch with block A. */
static void close_epoch(int me)
{
    rig_start(&rig, me);
    finalise_a();
    rig_sealed(&rig, 1, 'A');
    assert_non_null(rig_find(&rig, DO_EPOCH_END));
}

static bool offers_b(void)
{
    rig_offer(&rig, rig_candidate(1, 0, 2, 'B'), 'A');
    return rig_cast(&rig, VOTE_NOTARIZE, 1);
}

/* ---- the end ---- */

/* E2 end is final, E4 switch ends the step */
static void test_core_epoch_ends_when_final_and_applied(void **s)
{
    const struct core_effect *e;

    (void)s;
    rig_start(&rig, 0);
    finalise_a();
    assert_non_null(rig_find(&rig, DO_COMMIT));
    assert_null(rig_find(&rig, DO_EPOCH_END));
    rig_sealed(&rig, 1, 'A');
    e = rig_find(&rig, DO_EPOCH_END);
    assert_non_null(e);
    assert_true(e == &rig.fx.list[rig.fx.count - 1]); /* E4 */
    assert_int_equal(e->cert->kind, VOTE_FINALIZE);
    assert_int_equal(e->candidate.height, 1);
    assert_false(core_may_vote(&rig.core));
}

/* Block sync may apply it first: what is applied is certified, but only the
 * certificate that this core holds ends the epoch. */
static void test_core_epoch_applied_first_ends_with_the_certificate(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_sealed(&rig, 1, 'A');
    assert_null(rig_find(&rig, DO_EPOCH_END));
    assert_false(offers_b()); /* E1: in this epoch nothing stands on A */
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(3, 2, 1, 'A')); /* a CARRY */
    assert_non_null(rig_find(&rig, DO_EPOCH_END));
}

static void test_core_epoch_block_that_does_not_seal_goes_on(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    finalise_a();
    rig_applied(&rig, 1, 'A');
    assert_null(rig_find(&rig, DO_EPOCH_END));
    rig_offer(&rig, rig_candidate(2, 1, 2, 'B'), 'A');
    assert_true(rig_cast(&rig, VOTE_NOTARIZE, 2));
}

/* The leader of view 2 has work and a final parent, and builds nothing. */
static void test_core_epoch_leader_builds_nothing_on_the_last_block(void **s)
{
    (void)s;
    rig_start(&rig, 2);
    rig_work(&rig, true);
    finalise_a();
    rig_tick(&rig, 100);
    rig_sealed(&rig, 1, 'A');
    assert_null(rig_find(&rig, DO_BUILD));
    assert_int_equal(rig.fx.list[rig.fx.count - 1].kind, DO_EPOCH_END);
    rig_tick(&rig, 10000);
    assert_int_equal(rig.fx.count, 0); /* nothing more, whatever comes */
    rig_nullify(&rig, 1, 2);
    rig_nullified(&rig, 2);
    assert_int_equal(rig.fx.count, 0);
    assert_true(core_next_tick_ms(&rig.core) == UINT64_MAX);
}

/* Only a quorum of liars could make it so: H1. */
static void test_core_epoch_final_beyond_the_last_block_halts(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(4, 3, 2, 'B'));
    rig_sealed(&rig, 1, 'A');
    assert_non_null(rig_find(&rig, DO_HALT));
}

/* ---- the beginning ---- */

/* E3 fresh start */
static void test_core_next_starts_afresh_on_the_last_block(void **s)
{
    (void)s;
    close_epoch(0);
    rig_next(&rig, 5, 4);
    assert_int_equal(rig.core.config.epoch, 1);
    assert_int_equal(rig.core.view, 1);
    assert_int_equal(rig.core.fin.view, 0);
    assert_int_equal(rig.core.fin.height, 1);
    assert_int_equal(rig.core.quorum, 4);
    for (uint64_t u = 1; u < 4; u++) /* of the old views nothing is left */
        assert_true(rig.core.certs[u].view == 0 && rig.core.votes[u].view == 0);
}

static void test_core_next_who_voted_votes_on(void **s)
{
    (void)s;
    close_epoch(0);
    rig_next(&rig, RIG_N, 0);
    assert_true(core_may_vote(&rig.core));
    assert_true(offers_b());
}

/* The same journal, but its process never heard a quorum: it still must. */
static void test_core_next_who_had_not_started_must_hear_a_quorum(void **s)
{
    struct core_status st = {.view = 1, .map_from = 1, .final_height = 1};

    (void)s;
    rig_init(&rig, 0);
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(1, 0, 1, 'A'));
    rig_sealed(&rig, 1, 'A');
    rig_next(&rig, RIG_N, 0);
    assert_false(core_may_vote(&rig.core));
    rig_status(&rig, 1, &st);
    assert_false(core_may_vote(&rig.core));
    rig_status(&rig, 2, &st);
    assert_true(core_may_vote(&rig.core));
}

static void test_core_next_who_joins_must_hear_a_quorum(void **s)
{
    struct core_status st = {.view = 1, .map_from = 1, .final_height = 1};

    (void)s;
    close_epoch(-1);
    rig_next(&rig, 5, 2);
    assert_false(core_may_vote(&rig.core));
    for (uint8_t from = 0; from < 4; from++) {
        if (from != 2)
            rig_status(&rig, from, &st);
    }
    assert_true(core_may_vote(&rig.core));
}

static void test_core_next_who_leaves_observes(void **s)
{
    (void)s;
    close_epoch(0);
    rig_next(&rig, RIG_N, -1);
    assert_false(core_may_vote(&rig.core));
    assert_false(offers_b());
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(1, 0, 2, 'B'));
    assert_non_null(rig_find(&rig, DO_EXECUTE)); /* and follows */
    rig_executed(&rig, 'B', true);
    assert_non_null(rig_find(&rig, DO_COMMIT));
}

/* D45: a journal born after its key became a validator's signs nothing. */
static void test_core_next_newborn_among_the_set_observes(void **s)
{
    struct core_status st = {.view = 1, .map_from = 1, .final_height = 1};
    struct core_config config;

    (void)s;
    close_epoch(-1);
    config = rig_next_config(&rig, RIG_N, 2);
    core_next(&rig.core, &config);
    core_start(&rig.core, true, rig.now_ms);
    rig_tick(&rig, 0);
    assert_non_null(rig_find(&rig, DO_OBSERVE));
    rig_status(&rig, 0, &st);
    rig_status(&rig, 1, &st);
    assert_false(core_may_vote(&rig.core));
}

static void test_core_next_forgotten_votes_stay_forgotten(void **s)
{
    (void)s;
    rig_start(&rig, 0);
    rig.core.observer = true;
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(1, 0, 1, 'A'));
    rig_sealed(&rig, 1, 'A');
    rig_next(&rig, RIG_N, 0);
    assert_false(core_may_vote(&rig.core));
}

/* A batch of the old epoch that becomes durable late says nothing of the new
 * one's votes: the numbers go on. */
static void test_core_next_batches_go_on(void **s)
{
    struct core_event late = {.kind = ON_DURABLE};

    (void)s;
    close_epoch(0);
    late.batch = rig.core.batch;
    rig_next(&rig, RIG_N, 0);
    assert_true(offers_b());
    rig_step(&rig, &late);
    assert_false(core_is_quiet(&rig.core));
    assert_int_equal(rig.core.certs[1].mine[VOTE_NOTARIZE].state, OWN_PENDING);
    rig_durable(&rig);
    assert_int_equal(rig.core.certs[1].mine[VOTE_NOTARIZE].state, OWN_DURABLE);
}

/* ---- peers of another epoch ---- */

static void test_core_epoch_votes_of_another_do_not_count(void **s)
{
    (void)s;
    close_epoch(0);
    rig_next(&rig, RIG_N, 0);
    for (uint8_t from = 1; from < RIG_N; from++) {
        struct vote v = {
            .kind = VOTE_NULLIFY, .about = {.view = 1}, .signer = from};
        struct core_event e = {.kind = ON_VOTE, .from = from, .vote = &v};

        assert_false(core_wants_vote(&rig.core, &v));
        rig_step(&rig, &e);
    }
    assert_int_equal(rig.core.view, 1);
    assert_int_equal(rig.core.nullified, 0);
}

static void hears_of(uint8_t from, uint64_t epoch)
{
    struct core_event e = {.kind = ON_EPOCH, .from = from, .epoch = epoch};

    rig_step(&rig, &e);
}

/* E12 old votes get the end */
static void test_core_epoch_older_peer_is_told_once_a_second(void **s)
{
    const struct core_effect *e;

    (void)s;
    close_epoch(0);
    rig_next(&rig, RIG_N, 0);
    assert_true(core_other_epoch(&rig.core, 2, 0));
    hears_of(2, 0);
    e = rig_find(&rig, DO_SEND_EPOCH_END);
    assert_non_null(e);
    assert_int_equal(e->to, 2);
    assert_int_equal(e->epoch, 0);
    assert_false(core_other_epoch(&rig.core, 2, 0));
    hears_of(2, 0);
    assert_null(rig_find(&rig, DO_SEND_EPOCH_END));
    hears_of(CORE_OBSERVER + 3, 0); /* another peer has its own second */
    assert_non_null(rig_find(&rig, DO_SEND_EPOCH_END));
    rig_tick(&rig, 1000);
    hears_of(2, 0);
    assert_non_null(rig_find(&rig, DO_SEND_EPOCH_END));
}

static void test_core_epoch_newer_peer_is_asked(void **s)
{
    const struct core_effect *e;

    (void)s;
    rig_start(&rig, 0);
    hears_of(3, 9);
    assert_int_equal(rig.fx.count, 1);
    e = rig_find(&rig, DO_SEND_STATUS);
    assert_non_null(e);
    assert_int_equal(e->to, 3);
    assert_int_equal(rig.core.view, 1); /* A1: its word moves nothing */
    assert_int_equal(rig.core.fin.height, 0);
}

/* ---- who only observes ---- */

static void test_core_observer_gets_a_tenth(void **s)
{
    struct core_status st = {.view = 1, .map_from = 1};
    uint32_t told = 0;

    (void)s;
    rig_start(&rig, 0);
    finalise_a();
    for (int i = 0; i < 50; i++) { /* 12.5 s */
        rig_status(&rig, CORE_OBSERVER, &st);
        told += rig_count(&rig, DO_SEND_CERT);
        rig_tick(&rig, 250);
    }
    assert_int_equal(told, 5);
    assert_int_equal(rig.core.status_from, 0xe); /* and counts for nothing */
}

/* ---- the journal ---- */

struct written {
    uint8_t buf[CERT_BYTES_MAX];
    struct bytes bytes;
};

static void write_vote(struct written *w,
                       uint64_t epoch,
                       uint8_t kind,
                       struct candidate about)
{
    const struct vote v = {.kind = kind, .epoch = epoch, .about = about};
    struct writer out = writer_of(w->buf, sizeof w->buf);

    vote_encode(&out, &v);
    w->bytes = writer_bytes(&out);
}

static void write_cert(struct written *w,
                       uint64_t epoch,
                       uint8_t kind,
                       struct candidate about)
{
    const struct cert c = {
        .kind = kind, .epoch = epoch, .about = about, .bitmap = 0xe};
    struct writer out = writer_of(w->buf, sizeof w->buf);

    cert_encode(&out, &c);
    w->bytes = writer_bytes(&out);
}

static enum err replay(uint8_t type, uint64_t epoch, const struct written *w)
{
    return core_replay_record(&rig.core, &key, type, epoch, w->bytes);
}

/* A core of epoch 1, whose first block stands on A. */
static void init_second(void)
{
    struct core_config config = rig_config(&rig, 0);
    const struct hash a = rig_hash('A');

    config.epoch = 1;
    config.genesis = rig_candidate(0, 0, 1, 'A');
    rig.now_ms = RIG_START_MS;
    core_init(&rig.core, &config, 1, &a);
}

/* E5, B10: the views of another epoch are other views. */
/* E5 closed epochs */
static void test_core_replay_ignores_closed_epochs(void **s)
{
    const struct record_checkpoint mark = {
        .view = 90, .base = 80, .nullified_from = 3};
    struct written w;
    struct writer out;

    (void)s;
    init_second();
    write_vote(&w, 0, VOTE_NULLIFY, (struct candidate){.view = 1});
    assert_int_equal(replay(RECORD_VOTE, 0, &w), ERR_NONE);
    write_cert(&w, 0, VOTE_NULLIFY, (struct candidate){.view = 40});
    assert_int_equal(replay(RECORD_CERT, 0, &w), ERR_NONE);
    write_cert(&w, 0, VOTE_FINALIZE, rig_candidate(41, 0, 1, 'A'));
    assert_int_equal(replay(RECORD_EPOCH_END, 0, &w), ERR_NONE);
    out = writer_of(w.buf, sizeof w.buf);
    record_checkpoint_encode(&out, &mark);
    w.bytes = writer_bytes(&out);
    assert_int_equal(replay(RECORD_CHECKPOINT, 0, &w), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    assert_int_equal(rig.core.view, 1);
    assert_int_equal(rig.core.fin.view, 0);
    rig.core.status_from = 0xe;
    assert_true(offers_b()); /* the vote of epoch 0 does not stand against it */
}

static void test_core_replay_of_the_own_epoch_counts(void **s)
{
    struct written w;

    (void)s;
    init_second();
    write_vote(&w, 1, VOTE_NULLIFY, (struct candidate){.view = 1});
    assert_int_equal(replay(RECORD_VOTE, 1, &w), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    rig.core.status_from = 0xe;
    assert_false(offers_b());
}

/* A database older than its journal goes through epochs that are closed, and
 * votes in none of them. */
static void test_core_replay_of_a_later_epoch_forbids_this_one(void **s)
{
    struct written w;

    (void)s;
    init_second();
    write_vote(&w, 2, VOTE_NULLIFY, (struct candidate){.view = 7});
    assert_int_equal(replay(RECORD_VOTE, 2, &w), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    rig.core.status_from = 0xe;
    assert_false(core_may_vote(&rig.core));
    assert_false(offers_b());
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(1, 0, 2, 'B'));
    rig_sealed(&rig, 2, 'B');
    assert_non_null(rig_find(&rig, DO_EPOCH_END));
    rig_next(&rig, RIG_N, 0); /* as if nothing of epoch 2 had been kept */
    assert_false(core_may_vote(&rig.core)); /* this is a start */
    rig.core.status_from = 0xe;
    assert_true(core_may_vote(&rig.core));
}

/* The end is in the journal, its block not yet in the database: nothing more
 * is signed in the epoch, and it ends again. */
static void test_core_replay_of_its_end_forbids_the_epoch(void **s)
{
    struct written w;

    (void)s;
    init_second();
    write_cert(&w, 1, VOTE_FINALIZE, rig_candidate(2, 0, 2, 'B'));
    assert_int_equal(replay(RECORD_EPOCH_END, 1, &w), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    rig.core.status_from = 0xe;
    assert_false(core_may_vote(&rig.core));
    assert_int_equal(rig.core.fin.height, 2);
    rig_tick(&rig, 0);
    assert_non_null(rig_find(&rig, DO_FETCH));
    rig_sealed(&rig, 2, 'B');
    assert_non_null(rig_find(&rig, DO_EPOCH_END));
}

static void test_core_replay_born_later_is_not_born_yet(void **s)
{
    struct written w;
    struct writer out = writer_of(w.buf, sizeof w.buf);

    (void)s;
    record_birth_encode(&out, &key, 3);
    w.bytes = writer_bytes(&out);
    init_second();
    assert_int_equal(replay(RECORD_BIRTH, 3, &w), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    rig.core.status_from = 0xe;
    assert_false(core_may_vote(&rig.core));
}

/* A record and what is in it name one epoch. */
static void test_core_replay_of_a_mislabelled_record_is_refused(void **s)
{
    struct written w;

    (void)s;
    init_second();
    write_vote(&w, 0, VOTE_NULLIFY, (struct candidate){.view = 1});
    assert_int_equal(replay(RECORD_VOTE, 1, &w), ERR_MISMATCH);
    write_cert(&w, 2, VOTE_NULLIFY, (struct candidate){.view = 1});
    assert_int_equal(replay(RECORD_CERT, 1, &w), ERR_MISMATCH);
    write_cert(&w, 1, VOTE_NOTARIZE, rig_candidate(2, 0, 2, 'B'));
    assert_int_equal(replay(RECORD_EPOCH_END, 1, &w), ERR_RANGE);
    assert_int_equal(replay(RECORD_EPOCH_END + 1, 1, &w), ERR_VERSION);
    assert_int_equal(replay(0, 1, &w), ERR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_epoch_ends_when_final_and_applied),
        cmocka_unit_test(
            test_core_epoch_applied_first_ends_with_the_certificate),
        cmocka_unit_test(test_core_epoch_block_that_does_not_seal_goes_on),
        cmocka_unit_test(
            test_core_epoch_leader_builds_nothing_on_the_last_block),
        cmocka_unit_test(test_core_epoch_final_beyond_the_last_block_halts),
        cmocka_unit_test(test_core_next_starts_afresh_on_the_last_block),
        cmocka_unit_test(test_core_next_who_voted_votes_on),
        cmocka_unit_test(test_core_next_who_had_not_started_must_hear_a_quorum),
        cmocka_unit_test(test_core_next_who_joins_must_hear_a_quorum),
        cmocka_unit_test(test_core_next_who_leaves_observes),
        cmocka_unit_test(test_core_next_newborn_among_the_set_observes),
        cmocka_unit_test(test_core_next_forgotten_votes_stay_forgotten),
        cmocka_unit_test(test_core_next_batches_go_on),
        cmocka_unit_test(test_core_epoch_votes_of_another_do_not_count),
        cmocka_unit_test(test_core_epoch_older_peer_is_told_once_a_second),
        cmocka_unit_test(test_core_epoch_newer_peer_is_asked),
        cmocka_unit_test(test_core_observer_gets_a_tenth),
        cmocka_unit_test(test_core_replay_ignores_closed_epochs),
        cmocka_unit_test(test_core_replay_of_the_own_epoch_counts),
        cmocka_unit_test(test_core_replay_of_a_later_epoch_forbids_this_one),
        cmocka_unit_test(test_core_replay_of_its_end_forbids_the_epoch),
        cmocka_unit_test(test_core_replay_born_later_is_not_born_yet),
        cmocka_unit_test(test_core_replay_of_a_mislabelled_record_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
