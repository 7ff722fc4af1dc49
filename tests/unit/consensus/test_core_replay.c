/* Restart: what the journal brings back. */
#include "tests/unit/consensus/core_rig.h"

#include "consensus/msg.h"
#include "consensus/record.h"

static struct rig rig;
static const struct pubkey key = {{2, 7}};

enum {
    JOURNAL_RECORDS = 64,
    JOURNAL_BYTES = 1 << 16,
};

/* A journal as the driver would write it. */
struct journal {
    uint32_t count;
    uint8_t types[JOURNAL_RECORDS];
    struct bytes payloads[JOURNAL_RECORDS];
    uint8_t room[JOURNAL_BYTES];
    size_t used;
};

static struct journal journal;

static struct writer put_begin(void)
{
    return writer_of(journal.room + journal.used,
                     sizeof journal.room - journal.used);
}

static void put_end(uint8_t type, const struct writer *w)
{
    assert_true(writer_ok(w) && journal.count < JOURNAL_RECORDS);
    journal.types[journal.count] = type;
    journal.payloads[journal.count++] = writer_bytes(w);
    journal.used += w->size;
}

static void put_birth(void)
{
    struct writer w;

    memset(&journal, 0, sizeof journal);
    w = put_begin();
    record_birth_encode(&w, &key, 0);
    put_end(RECORD_BIRTH, &w);
}

static void put_vote(const struct vote *v)
{
    struct writer w = put_begin();

    vote_encode(&w, v);
    put_end(RECORD_VOTE, &w);
}

static void put_cert(const struct cert *c)
{
    struct writer w = put_begin();

    cert_encode(&w, c);
    put_end(RECORD_CERT, &w);
}

static struct header header_of(uint64_t view, uint64_t height, char parent)
{
    return (struct header){.version = HEADER_VERSION,
                           .view = view,
                           .height = height,
                           .proposer = (uint16_t)(view % RIG_N),
                           .parent_hash = rig_hash(parent)};
}

static void put_body(const struct header *h)
{
    uint8_t header[HEADER_BYTES_MAX];
    struct writer w = put_begin();

    msg_block_encode(
        &w, bytes_of(header, header_encode(header, h)), bytes_of("body", 4));
    put_end(RECORD_BODY, &w);
}

static void put_own(uint8_t kind, struct candidate about)
{
    const struct vote v = {.kind = kind, .about = about, .signer = 0};

    put_vote(&v);
}

static enum err replay(void)
{
    rig_init(&rig, 0);
    for (uint32_t i = 0; i < journal.count; i++)
        TRY(core_replay_record(
            &rig.core, &key, journal.types[i], 0, journal.payloads[i]));
    return ERR_NONE;
}

/* Restarts from the journal and hears a quorum. */
static void restart(void)
{
    const struct core_status st = {.view = 1, .map_from = 1};

    assert_int_equal(replay(), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    rig_status(&rig, 1, &st);
    rig_status(&rig, 2, &st);
}

/* B09, B18: the view comes from certificates and own votes */
static void test_core_restart_stands_in_the_view_of_the_journal(void **s)
{
    const struct cert x = {
        .kind = VOTE_NULLIFY, .about = {.view = 6}, .bitmap = 0xe};

    (void)s;
    put_birth();
    put_cert(&x);
    restart();
    assert_int_equal(rig.core.view, 7);
    put_own(VOTE_NULLIFY, (struct candidate){.view = 9});
    restart();
    assert_int_equal(rig.core.view, 9);
}

/* B04: 2f + 1 restarts must not keep the network in the view */
static void test_core_restart_counts_its_own_votes_again(void **s)
{
    (void)s;
    put_birth();
    put_own(VOTE_NULLIFY, (struct candidate){.view = 1});
    restart();
    rig_nullify(&rig, 2, 1);
    assert_int_equal(rig.core.view, 1);
    rig_nullify(&rig, 3, 1);
    assert_int_equal(rig.core.view, 2);
}

/* B06 */
static void test_core_restart_sends_its_votes_again_as_they_were(void **s)
{
    (void)s;
    put_birth();
    put_own(VOTE_NULLIFY, (struct candidate){.view = 1});
    assert_int_equal(replay(), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    assert_int_equal(rig_count(&rig, DO_SEND_VOTE), 1);
    assert_int_equal(rig_count(&rig, DO_SEND_STATUS), 1);
    assert_int_equal(rig.signed_votes, 0);
}

/* C2 give up or finalise, over a crash */
static void test_core_restart_remembers_that_it_gave_up(void **s)
{
    const struct header h = header_of(1, 1, 'G');
    const struct hash block = header_hash(&h);
    const struct candidate a = {
        .view = 1, .parent_view = 0, .height = 1, .block = block};
    struct core_event executed = {
        .kind = ON_EXECUTED, .hash = block, .yes = true};

    (void)s;
    put_birth();
    put_body(&h);
    put_own(VOTE_NULLIFY, (struct candidate){.view = 1});
    restart();
    rig_cert(&rig, VOTE_NOTARIZE, a);
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1); /* the body is here */
    rig_step(&rig, &executed);
    assert_false(rig_cast(&rig, VOTE_FINALIZE, 1));
}

/* C1 one NOTARIZE, over a crash: the leader proposes what it proposed, nothing
 * else */
static void test_core_restarted_leader_sends_the_same_proposal(void **s)
{
    const struct header h = header_of(4, 1, 'G');
    const struct candidate a = {
        .view = 4, .parent_view = 0, .height = 1, .block = header_hash(&h)};
    const struct cert x = {
        .kind = VOTE_NULLIFY, .about = {.view = 3}, .bitmap = 0xe};

    (void)s;
    put_birth();
    put_cert(&x);
    put_body(&h);
    put_own(VOTE_NOTARIZE, a);
    assert_int_equal(replay(), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    assert_int_equal(rig_count(&rig, DO_SEND_PROPOSAL), 1);
    assert_true(candidate_eq(&rig_find(&rig, DO_SEND_PROPOSAL)->candidate, &a));
    rig_work(&rig, true);
    assert_int_equal(rig_count(&rig, DO_BUILD), 0);
}

static void test_core_restart_finishes_a_commit_that_was_cut_short(void **s)
{
    const struct header h = header_of(1, 1, 'G');
    const struct cert f = {.kind = VOTE_FINALIZE,
                           .about = {.view = 1,
                                     .parent_view = 0,
                                     .height = 1,
                                     .block = header_hash(&h)},
                           .bitmap = 0xe};
    struct core_event executed = {
        .kind = ON_EXECUTED, .hash = f.about.block, .yes = true};

    (void)s;
    put_birth();
    put_body(&h);
    put_cert(&f);
    assert_int_equal(replay(), ERR_NONE);
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    assert_int_equal(rig_count(&rig, DO_EXECUTE), 1);
    rig_step(&rig, &executed);
    assert_int_equal(rig_count(&rig, DO_COMMIT), 1);
}

/* The state may be further than the journal's last record. */
static void test_core_certificate_of_the_tip_is_taken_from_the_state(void **s)
{
    const struct cert f = {.kind = VOTE_FINALIZE,
                           .about = {.view = 5, .height = 2},
                           .bitmap = 0xe};
    const struct core_config config = rig_config(&rig, 0);

    (void)s;
    rig_init(&rig, 0);
    core_init(&rig.core, &config, 2, &f.about.block);
    core_replay_cert(&rig.core, &f);
    core_start(&rig.core, false, rig.now_ms);
    rig_tick(&rig, 0);
    assert_int_equal(rig.core.view, 6);
    assert_int_equal(rig_count(&rig, DO_SYNC), 0);
    assert_false(core_is_busy(&rig.core));
}

/* H4 foreign vote; D45 no second birth: for good */
static void test_core_observer_record_outlives_a_restart(void **s)
{
    const struct writer none = put_begin();

    (void)s;
    put_birth();
    put_end(RECORD_OBSERVER, &none);
    restart();
    assert_false(core_may_vote(&rig.core));
}

/* D10 records name their epoch; and what must not be in one journal */
static void test_core_records_that_exclude_each_other_are_refused(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct candidate b = rig_candidate(1, 0, 1, 'B');
    const struct vote other = {
        .kind = VOTE_NULLIFY, .about = {.view = 1}, .signer = 1};
    struct cert c = {.kind = VOTE_NOTARIZE, .about = a, .bitmap = 0xe};

    (void)s;
    put_birth();
    put_own(VOTE_NOTARIZE, a);
    put_own(VOTE_NOTARIZE, a); /* twice the same is nothing */
    assert_int_equal(replay(), ERR_NONE);
    put_own(VOTE_NOTARIZE, b);
    assert_int_equal(replay(), ERR_CORRUPT);
    put_birth();
    put_own(VOTE_NULLIFY, (struct candidate){.view = 1});
    put_own(VOTE_FINALIZE, a);
    assert_int_equal(replay(), ERR_CORRUPT);
    put_birth();
    put_own(VOTE_NOTARIZE, a); /* EV4 */
    put_own(VOTE_FINALIZE, b);
    assert_int_equal(replay(), ERR_CORRUPT);
    put_birth();
    put_vote(&other); /* signed by somebody else */
    assert_int_equal(replay(), ERR_MISMATCH);
    put_birth();
    put_cert(&c);
    c.about = b;
    put_cert(&c);
    assert_int_equal(replay(), ERR_CORRUPT);
    put_birth();
    c.epoch = 4; /* D10, B10 */
    put_cert(&c);
    assert_int_equal(replay(), ERR_MISMATCH);
    put_birth();
    journal.types[0] = 99;
    assert_int_equal(replay(), ERR_VERSION);
    put_birth();
    journal.payloads[0].size--;
    assert_int_equal(replay(), ERR_TRUNCATED);
}

/* H1 contradiction, written down: no correct node did */
static void test_core_certificates_that_exclude_each_other_are_refused(void **s)
{
    const struct candidate a = rig_candidate(1, 0, 1, 'A');
    const struct cert nullified = {
        .kind = VOTE_NULLIFY, .about = {.view = 1}, .bitmap = 0xe};
    struct cert final = {.kind = VOTE_FINALIZE, .about = a, .bitmap = 0xe};

    (void)s;
    put_birth();
    put_cert(&nullified);
    put_cert(&final);
    assert_int_equal(replay(), ERR_CORRUPT);
    put_birth();
    put_cert(&final);
    put_cert(&final); /* twice the same is nothing, and so is a carry */
    final.about = rig_candidate(2, 1, 1, 'A');
    put_cert(&final);
    assert_int_equal(replay(), ERR_NONE);
    final.about = rig_candidate(3, 2, 1, 'B'); /* of the same height */
    put_cert(&final);
    assert_int_equal(replay(), ERR_CORRUPT);
}

static void test_core_birth_for_another_key_is_refused(void **s)
{
    const struct pubkey another = {{3}};

    (void)s;
    put_birth();
    rig_init(&rig, 0);
    assert_int_equal(
        core_replay_record(
            &rig.core, &another, RECORD_BIRTH, 0, journal.payloads[0]),
        ERR_MISMATCH);
}

static void put_listed(void *ctx, const struct vote *vote, const struct cert *c)
{
    (void)ctx;
    if (vote != NULL)
        put_vote(vote);
    else
        put_cert(c);
}

/* A new segment holds what is still needed, and says the same. */
static void test_core_checkpoint_gives_the_same_core(void **s)
{
    const uint64_t last = 1500;
    struct record_checkpoint mark;
    struct writer w;

    (void)s;
    rig_start(&rig, 0);
    rig_nullify(&rig, 1, 1);
    rig_durable(&rig);
    for (uint64_t u = 1; u <= last; u++)
        rig_nullified(&rig, u);
    assert_true(core_checkpoint_mark(&rig.core, &mark));
    put_birth();
    w = put_begin();
    record_checkpoint_encode(&w, &mark);
    put_end(RECORD_CHECKPOINT, &w);
    restart();
    assert_int_equal(rig.core.view, last + 1);
    rig_offer(&rig, rig_candidate(last + 1, 0, 1, 'C'), 'G');
    assert_false(rig_cast(&rig, VOTE_NOTARIZE, last + 1)); /* … not alone */

    rig_start(&rig, 0);
    rig_cert(&rig, VOTE_FINALIZE, rig_candidate(2, 0, 0, 'G'));
    rig_nullified(&rig, 3);
    rig_nullify(&rig, 0, 4);
    rig_nullify(&rig, 1, 4);
    rig_nullify(&rig, 2, 4);
    assert_false(core_is_quiet(&rig.core));
    rig_durable(&rig);
    assert_int_equal(rig.core.view, 5);
    assert_true(core_is_quiet(&rig.core));
    assert_false(core_checkpoint_mark(&rig.core, &mark));
    put_birth();
    core_checkpoint(&rig.core, put_listed, NULL);
    restart();
    assert_int_equal(rig.core.view, 5);
    assert_int_equal(rig.core.fin.view, 2);
    rig_cert(&rig, VOTE_NOTARIZE, rig_candidate(4, 2, 0, 'G'));
    assert_false(rig_cast(&rig, VOTE_FINALIZE, 4)); /* it had given up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_restart_stands_in_the_view_of_the_journal),
        cmocka_unit_test(test_core_restart_counts_its_own_votes_again),
        cmocka_unit_test(test_core_restart_sends_its_votes_again_as_they_were),
        cmocka_unit_test(test_core_restart_remembers_that_it_gave_up),
        cmocka_unit_test(test_core_restarted_leader_sends_the_same_proposal),
        cmocka_unit_test(
            test_core_restart_finishes_a_commit_that_was_cut_short),
        cmocka_unit_test(
            test_core_certificate_of_the_tip_is_taken_from_the_state),
        cmocka_unit_test(test_core_observer_record_outlives_a_restart),
        cmocka_unit_test(test_core_records_that_exclude_each_other_are_refused),
        cmocka_unit_test(
            test_core_certificates_that_exclude_each_other_are_refused),
        cmocka_unit_test(test_core_birth_for_another_key_is_refused),
        cmocka_unit_test(test_core_checkpoint_gives_the_same_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
