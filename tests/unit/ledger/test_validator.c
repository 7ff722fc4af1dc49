/* Announcements and readiness of future validators, and evidence. */
#include "crypto/hash.h"
#include "ledger/evidence.h"

#include "tests/unit/ledger/validators.h"

/* R153: An institution has one announced validator; a new announcement replaces
 * the one before and what it said of its readiness. */
static void test_validator_announced_again_is_replaced(void **state)
{
    struct world *w = gov_world(4, false);
    const struct pubkey second = world_key(99);
    const struct hash spki = gov_spki(77);
    struct candidate_row row;

    (void)state;
    gov_candidate(w, 5);
    assert_true(gov_candidate_row(w, &row, 5));
    assert_int_equal(row.institution, 5);
    assert_int_equal(row.announced_height, w->block.height);
    assert_int_equal(row.ready_height, w->block.height);
    assert_int_equal(row.version, 0x10203);
    world_at(w, TODAY);
    assert_int_equal(gov_announce_key(w, 5, second, spki), V_OK);
    assert_true(gov_candidate_row(w, &row, 5));
    assert_memory_equal(&row.key, &second, sizeof second);
    assert_memory_equal(&row.spki_hash, &spki, sizeof spki);
    assert_int_equal(row.announced_height, w->block.height);
    assert_int_equal(row.ready_height, 0);
    assert_int_equal(row.version, 0);
    assert_int_equal(gov_ready(w, 5), V_UNKNOWN); /* by the first key */
    assert_int_equal(gov_announce_key(w, 5, second, spki), V_OK);
    world_free(w);
}

/* R154: An announced key is valid and no validator's, and its transport key is
 * no other institution's validator's. */
static void test_validator_announced_with_a_bad_key_is_refused(void **state)
{
    struct world *w = gov_world(4, false);
    const struct pubkey none = {{9}};

    (void)state;
    assert_int_equal(gov_announce_key(w, 5, none, gov_spki(5)), V_POLICY);
    assert_int_equal(gov_announce_key(w, 5, gov_new_key(5), gov_zero),
                     V_POLICY);
    assert_int_equal(gov_announce_key(w, 5, gov_key(2), gov_spki(5)),
                     V_VALIDATOR);
    assert_int_equal(gov_announce_key(w, 2, gov_key(2), gov_spki(2)),
                     V_VALIDATOR);
    assert_int_equal(gov_announce_key(w, 5, gov_new_key(5), gov_spki(2)),
                     V_VALIDATOR);
    /* Its own transport key it may keep. */
    assert_int_equal(gov_announce_key(w, 2, gov_new_key(2), gov_spki(2)), V_OK);
    world_free(w);
}

static void test_validator_is_announced_by_its_operator(void **state)
{
    struct world *w = gov_world(4, false);
    const struct op_validator_announce op = {5, gov_new_key(5), gov_spki(5)};
    const struct op_validator_announce nobody = {
        99, gov_new_key(5), gov_spki(5)};
    struct gov_signing s = {.filer = 5};

    (void)state;
    assert_int_equal(gov_apply(w, OP_VALIDATOR_ANNOUNCE, &op, &s),
                     V_SIG_MISSING); /* a maker is no operator */
    s.filer = 1;
    assert_int_equal(gov_apply(w, OP_VALIDATOR_ANNOUNCE, &op, &s),
                     V_SIG_MISSING);
    s.operators[0] = 6;
    assert_int_equal(gov_apply(w, OP_VALIDATOR_ANNOUNCE, &op, &s),
                     V_SIG_MISSING);
    assert_int_equal(gov_apply(w, OP_VALIDATOR_ANNOUNCE, &nobody, &s),
                     V_UNKNOWN);
    s.operators[0] = 5;
    assert_int_equal(gov_apply(w, OP_VALIDATOR_ANNOUNCE, &op, &s), V_OK);
    world_free(w);
}

/* R155: An announcement is taken back by its institution. */
static void test_validator_withdrawn_is_gone(void **state)
{
    struct world *w = gov_world(4, false);
    const struct op_validator_withdraw op = {5};
    const struct gov_signing own = {.filer = 5, .operators = {5}};
    const struct gov_signing other = {.filer = 6, .operators = {6}};
    struct candidate_row row;

    (void)state;
    assert_int_equal(gov_apply(w, OP_VALIDATOR_WITHDRAW, &op, &own), V_UNKNOWN);
    gov_candidate(w, 5);
    assert_int_equal(gov_apply(w, OP_VALIDATOR_WITHDRAW, &op, &other),
                     V_SIG_MISSING);
    assert_true(gov_candidate_row(w, &row, 5));
    assert_int_equal(gov_apply(w, OP_VALIDATOR_WITHDRAW, &op, &own), V_OK);
    assert_false(gov_candidate_row(w, &row, 5));
    assert_int_equal(gov_ready(w, 5), V_UNKNOWN);
    world_free(w);
}

/* R156: A validator, announced or of the set in force, says itself that it is
 * ready, in a transaction filed for its institution that its consensus key
 * alone signs. */
static void test_validator_ready_is_said_by_its_key_alone(void **state)
{
    struct world *w = gov_world(4, false);
    struct op_validator_ready op = {gov_new_key(5), 7};
    struct gov_signing s = {
        .filer = 5, .own = gov_new_key(5), .no_maker = true};
    struct candidate_row row;

    (void)state;
    assert_int_equal(gov_ready(w, 5), V_UNKNOWN); /* not announced */
    assert_int_equal(gov_announce(w, 5), V_OK);
    s.filer = 6; /* filed for another */
    assert_int_equal(gov_apply(w, OP_VALIDATOR_READY, &op, &s), V_UNKNOWN);
    s.filer = 5;
    s.own = gov_new_key(6); /* another key signs */
    assert_int_equal(gov_apply(w, OP_VALIDATOR_READY, &op, &s), V_SIG_MISSING);
    s.own = gov_new_key(5);
    s.no_maker = false; /* and nobody else */
    assert_int_equal(gov_apply(w, OP_VALIDATOR_READY, &op, &s), V_SIG_INVALID);
    s.own = (struct pubkey){{0}};
    assert_int_equal(gov_apply(w, OP_VALIDATOR_READY, &op, &s), V_SIG_MISSING);
    assert_true(gov_candidate_row(w, &row, 5));
    assert_int_equal(row.ready_height, 0);
    s.own = gov_new_key(5);
    s.no_maker = true;
    assert_int_equal(gov_apply(w, OP_VALIDATOR_READY, &op, &s), V_OK);
    world_at(w, TODAY);
    assert_int_equal(gov_ready(w, 5), V_OK); /* and again, newer */
    assert_true(gov_candidate_row(w, &row, 5));
    assert_int_equal(row.ready_height, w->block.height);
    assert_int_equal(row.announced_height + 1, w->block.height);
    world_free(w);
}

static void test_validator_in_force_says_ready_for_its_institution(void **state)
{
    struct world *w = gov_world(4, false);
    const struct op_validator_ready op = {gov_key(2), 7};
    const struct gov_signing other = {
        .filer = 3, .own = gov_key(2), .no_maker = true};
    const struct pubkey key = gov_key(2);
    struct ready_row row;

    (void)state;
    assert_int_equal(gov_apply(w, OP_VALIDATOR_READY, &op, &other), V_UNKNOWN);
    assert_false(gov_is_ready(w, key));
    assert_int_equal(gov_announce(w, 2), V_OK); /* its next key, meanwhile */
    assert_int_equal(gov_ready_in_force(w, 2), V_OK);
    assert_true(exec_ready(&w->view, &row, &key));
    assert_int_equal(row.institution, 2);
    assert_int_equal(row.ready_height, w->block.height);
    assert_int_equal(row.version, 0x10203);
    world_at(w, TODAY);
    assert_int_equal(gov_ready_in_force(w, 2), V_OK);
    assert_true(exec_ready(&w->view, &row, &key));
    assert_int_equal(row.ready_height, w->block.height);
    world_free(w);
}

/* ---- evidence ---- */

static struct op_evidence double_vote(struct world *w, uint16_t number)
{
    struct validators_row row;
    struct op_evidence op = {.view = 9,
                             .key = gov_key(number),
                             .first = {.kind = VOTE_NOTARIZE,
                                       .parent_view = 8,
                                       .height = 4,
                                       .block = {{1}}},
                             .second = {.kind = VOTE_NOTARIZE,
                                        .parent_view = 8,
                                        .height = 4,
                                        .block = {{2}}}};

    assert_true(gov_row(w, &row));
    op.epoch = row.set.epoch;
    op.validators_hash = valset_hash(&row.set);
    return op;
}

static enum verdict file(struct world *w, const struct op_evidence *op)
{
    const struct gov_signing s = {.filer = 6}; /* anybody */

    return gov_apply(w, OP_EVIDENCE, op, &s);
}

/* R167: Evidence is two votes that one validator of the named set signed and
 * that exclude each other: NOTARIZE for two candidates of a view, FINALIZE for
 * two, each for another one, or NULLIFY and FINALIZE. */
static void test_evidence_of_votes_that_agree_is_refused(void **state)
{
    static const struct {
        uint8_t first;
        uint8_t second;
        bool same; /* candidate */
        enum vote_conflict type;
    } cases[] = {
        {VOTE_NOTARIZE, VOTE_NOTARIZE, false, CONFLICT_NOTARIZE},
        {VOTE_NOTARIZE, VOTE_NOTARIZE, true, CONFLICT_NONE},
        {VOTE_FINALIZE, VOTE_FINALIZE, false, CONFLICT_FINALIZE},
        {VOTE_FINALIZE, VOTE_FINALIZE, true, CONFLICT_NONE},
        {VOTE_NOTARIZE, VOTE_FINALIZE, false, CONFLICT_MIXED},
        {VOTE_FINALIZE, VOTE_NOTARIZE, false, CONFLICT_MIXED},
        {VOTE_NOTARIZE, VOTE_FINALIZE, true, CONFLICT_NONE},
        {VOTE_NULLIFY, VOTE_FINALIZE, false, CONFLICT_NULLIFY},
        {VOTE_FINALIZE, VOTE_NULLIFY, false, CONFLICT_NULLIFY},
        {VOTE_NOTARIZE, VOTE_NULLIFY, false, CONFLICT_NONE},
        {VOTE_NULLIFY, VOTE_NOTARIZE, false, CONFLICT_NONE},
        {VOTE_NULLIFY, VOTE_NULLIFY, true, CONFLICT_NONE},
    };
    static const struct evidence_vote nullify = {.kind = VOTE_NULLIFY};
    struct world *w = gov_world(4, false);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct op_evidence op = double_vote(w, 2);

        op.view = 100 + i;
        if (cases[i].same)
            op.second = op.first;
        op.first.kind = cases[i].first;
        op.second.kind = cases[i].second;
        if (op.first.kind == VOTE_NULLIFY)
            op.first = nullify;
        if (op.second.kind == VOTE_NULLIFY)
            op.second = nullify;
        assert_int_equal(evidence_conflict(&op), cases[i].type);
        assert_int_equal(file(w, &op),
                         cases[i].type != CONFLICT_NONE ? V_OK : V_EVIDENCE);
    }
    world_free(w);
}

static void test_evidence_of_votes_nobody_casts_is_refused(void **state)
{
    struct world *w = gov_world(4, false);
    struct op_evidence op = double_vote(w, 2);

    (void)state;
    op.view = 0; /* there is no such view */
    assert_int_equal(file(w, &op), V_EVIDENCE);
    op = double_vote(w, 2);
    op.second.parent_view = op.view; /* its own parent */
    assert_int_equal(file(w, &op), V_EVIDENCE);
    op = double_vote(w, 2);
    op.first.kind = VOTE_NULLIFY; /* that names a candidate */
    op.second.kind = VOTE_FINALIZE;
    assert_int_equal(file(w, &op), V_EVIDENCE);
    world_free(w);
}

static void test_evidence_against_who_was_no_validator_is_refused(void **state)
{
    struct world *w = gov_world(4, false);
    const struct op_evidence old = double_vote(w, 4);
    struct op_evidence op = double_vote(w, 2);
    const uint16_t leave[] = {4, 0};
    const uint16_t join[] = {5, 0};
    const struct hash key = evidence_key(0, 9, 0, CONFLICT_NOTARIZE);
    struct evidence_row row;
    struct hash found = key;

    (void)state;
    op.epoch = 1;
    assert_int_equal(file(w, &op), V_UNKNOWN);
    op = double_vote(w, 5);
    assert_int_equal(file(w, &op), V_UNKNOWN);
    op = double_vote(w, 2);
    op.validators_hash.raw[0] ^= 1; /* of another set the vote says nothing */
    assert_int_equal(file(w, &op), V_UNKNOWN);
    gov_candidate(w, 5);
    assert_int_equal(gov_change(w, leave, join, 3), V_OK);
    world_at(w, TODAY);
    op = double_vote(w, 4); /* in epoch 1 it is none any more */
    assert_int_equal(file(w, &op), V_UNKNOWN);
    assert_int_equal(file(w, &old), V_OK); /* but it was in epoch 0 */
    for (uint8_t i = 0; i < 4; i++) {
        found = evidence_key(0, 9, i, CONFLICT_NOTARIZE);
        if (exec_get(&w->view, &row, TABLE_EVIDENCE, &gov_zero, &found))
            break;
        assert_true(i < 3);
    }
    assert_int_equal(row.epoch, 0);
    assert_int_equal(row.view, 9);
    assert_int_equal(row.type, CONFLICT_NOTARIZE);
    assert_int_equal(row.institution, 4);
    assert_memory_equal(&row.key, &old.key, sizeof row.key);
    assert_int_equal(row.height, w->block.height);
    assert_int_equal(row.tx_id.raw[0], w->serial);
    world_free(w);
}

/* R168: Evidence of one kind against a validator is recorded once for a view.
 */
static void test_evidence_is_recorded_once(void **state)
{
    struct world *w = gov_world(4, false);
    struct op_evidence op = double_vote(w, 2);
    const struct evidence_vote swap = op.first;

    (void)state;
    assert_int_equal(file(w, &op), V_OK);
    assert_int_equal(file(w, &op), V_EXISTS);
    assert_int_equal(w->why.about.raw[0], w->serial - 1); /* the first */
    op.first = op.second;
    op.second = swap;
    assert_int_equal(file(w, &op), V_EXISTS);
    op.second.block.raw[0] = 3; /* a third candidate: no news */
    assert_int_equal(file(w, &op), V_EXISTS);
    op.second.kind = VOTE_FINALIZE; /* another kind */
    assert_int_equal(file(w, &op), V_OK);
    op.view++;
    assert_int_equal(file(w, &op), V_OK);
    op.key = gov_key(3);
    assert_int_equal(file(w, &op), V_OK);
    world_free(w);
}

/* R169: Evidence may be filed by the validator that an institution runs, with
 * its consensus key in place of a maker's. */
static void test_evidence_is_filed_by_a_validator(void **state)
{
    struct world *w = gov_world(4, false);
    const struct op_evidence op = double_vote(w, 2);
    const struct op_void no_evidence = {{{1}}};
    struct gov_signing s = {.filer = 3, .own = gov_key(3), .no_maker = true};

    (void)state;
    s.own = gov_key(1); /* another's validator */
    assert_int_equal(gov_apply(w, OP_EVIDENCE, &op, &s), V_SIG_MISSING);
    s.own = gov_new_key(3); /* no validator at all */
    assert_int_equal(gov_apply(w, OP_EVIDENCE, &op, &s), V_SIG_MISSING);
    s.own = gov_key(3);
    assert_int_equal(gov_apply(w, OP_VOID, &no_evidence, &s), V_SIG_MISSING);
    s.no_maker = false; /* one of them is one too many */
    assert_int_equal(gov_apply(w, OP_EVIDENCE, &op, &s), V_SIG_INVALID);
    s.no_maker = true;
    assert_int_equal(gov_apply(w, OP_EVIDENCE, &op, &s), V_OK);
    world_free(w);
}

/* What the votes signed is what the operation says. */
static void test_evidence_made_of_votes_verifies(void **state)
{
    struct world *w = gov_world(4, false);
    const struct valset set = genesis_valset(w->genesis);
    const struct vote_domain d = {.chain_id = w->block.chain_id,
                                  .validators_hash = valset_hash(&set),
                                  .set = &set};
    struct vote a = {.kind = VOTE_NULLIFY, .about = {.view = 5}};
    struct vote b = {.kind = VOTE_FINALIZE, .about = {5, 4, 3, {{7}}}};
    struct secret secret = {{0}};
    struct op_evidence op;
    struct tx_proof proofs[TX_PROOFS_MAX];
    struct tx *tx = calloc(1, sizeof *tx);
    uint8_t bytes[512];
    struct writer writer = writer_of(bytes, sizeof bytes);
    const struct pubkey key = gov_key(2);

    (void)state;
    assert_non_null(tx);
    secret.raw[31] = GOV_CONSENSUS + 2;
    a.signer = b.signer = (uint8_t)valset_find(&set, &key);
    assert_int_equal(vote_sign(&a, &d, &secret), ERR_NONE);
    assert_int_equal(vote_sign(&b, &d, &secret), ERR_NONE);
    assert_int_equal(evidence_op(&op, &d, &a, &b), ERR_NONE);
    op_encode(&writer, &op_def_evidence, &op);
    tx->chain_id = d.chain_id;
    tx->op_count = 2;
    tx->ops[0] = writer_bytes(&writer);
    tx->ops[1] = bytes_of("\x02", 1); /* does not decode */
    assert_int_equal(evidence_proofs(proofs, tx), 2);
    for (int i = 0; i < 2; i++) {
        assert_true(
            key_verify(&proofs[i].key, &proofs[i].digest, &proofs[i].sig));
        assert_memory_equal(&proofs[i].key, &key, sizeof key);
    }
    assert_int_equal(file(w, &op), V_OK);
    b.about.view = 6;
    assert_int_equal(evidence_op(&op, &d, &a, &b), ERR_RANGE);
    b = a;
    assert_int_equal(evidence_op(&op, &d, &a, &b), ERR_MISMATCH);
    b.signer = 4;
    a.signer = 4;
    assert_int_equal(evidence_op(&op, &d, &a, &b), ERR_RANGE);
    free(tx);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validator_announced_again_is_replaced),
        cmocka_unit_test(test_validator_announced_with_a_bad_key_is_refused),
        cmocka_unit_test(test_validator_is_announced_by_its_operator),
        cmocka_unit_test(test_validator_withdrawn_is_gone),
        cmocka_unit_test(test_validator_ready_is_said_by_its_key_alone),
        cmocka_unit_test(
            test_validator_in_force_says_ready_for_its_institution),
        cmocka_unit_test(test_evidence_of_votes_that_agree_is_refused),
        cmocka_unit_test(test_evidence_of_votes_nobody_casts_is_refused),
        cmocka_unit_test(test_evidence_against_who_was_no_validator_is_refused),
        cmocka_unit_test(test_evidence_is_recorded_once),
        cmocka_unit_test(test_evidence_is_filed_by_a_validator),
        cmocka_unit_test(test_evidence_made_of_votes_verifies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
