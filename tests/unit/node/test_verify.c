/* Every signature of a transaction: its signers' and those it carries. */
#include "engine/verify.h"

#include "crypto/hash.h"
#include "ledger/evidence.h"
#include "node/own_tx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/engine/epoch_fixture.h"

static struct op_evidence evidence_against(const struct epochs *f,
                                           uint16_t number)
{
    const struct valset set = genesis_valset(f->genesis);
    const struct vote_domain d = {f->chain_id, valset_hash(&set), &set};
    const struct secret secret = epoch_secret(number, USE_CONSENSUS);
    const struct pubkey key = epoch_pubkey(number, USE_CONSENSUS);
    struct vote a = {.kind = VOTE_NOTARIZE,
                     .about = {7, 6, 1, {{1}}},
                     .signer = (uint8_t)valset_find(&set, &key)};
    struct vote b = a;
    struct op_evidence op;

    b.about.block.raw[0] = 2;
    assert_int_equal(vote_sign(&a, &d, &secret), ERR_NONE);
    assert_int_equal(vote_sign(&b, &d, &secret), ERR_NONE);
    assert_int_equal(evidence_op(&op, &d, &a, &b), ERR_NONE);
    return op;
}

static const struct tx *filed(struct epochs *f, const struct op_evidence *op)
{
    static const uint16_t none[] = {0};

    return epoch_tx(f, 6, OP_EVIDENCE, op, none, NULL);
}

static enum verdict take(struct epochs *f, const struct tx *tx)
{
    struct engine_candidate_tx offered[1] = {{.tx = tx}};
    const struct executed_block *b;

    engine_build(f->e, &b, 1, 0, engine_tip(f->e)->time_ms + 5, offered, 1);
    if (b != NULL)
        (void)engine_commit(f->e, &b->hash);
    return offered[0].verdict;
}

static void test_verify_evidence_with_votes_nobody_signed_is_refused(void **x)
{
    struct epochs f;
    struct op_evidence good;

    (void)x;
    epochs_init(&f);
    good = evidence_against(&f, 2);
    assert_int_equal(verify_tx(filed(&f, &good)), ERR_NONE);
    for (int part = 0; part < 9; part++) {
        struct op_evidence bad = good;

        switch (part) {
        case 0:
            bad.first.sig.raw[40] ^= 1;
            break;
        case 1:
            bad.second.sig.raw[40] ^= 1;
            break;
        case 2:
            bad.epoch++;
            break;
        case 3:
            bad.validators_hash.raw[5] ^= 1;
            break;
        case 4:
            bad.view++;
            break;
        case 5:
            bad.key = epoch_pubkey(3, USE_CONSENSUS);
            break;
        case 6:
            bad.first.kind = VOTE_FINALIZE;
            break;
        case 7:
            bad.second.height++;
            break;
        default:
            bad.second.block.raw[0] ^= 1;
            break;
        }
        assert_int_equal(verify_tx(filed(&f, &bad)), ERR_SIGNATURE);
    }
    assert_int_equal(take(&f, filed(&f, &good)), V_OK);
    assert_int_equal(take(&f, filed(&f, &good)), V_EXISTS);
    epochs_deinit(&f);
}

static void test_verify_signature_of_a_signer_is_checked_too(void **x)
{
    struct epochs f;
    struct op_evidence op;
    struct tx tx;

    (void)x;
    epochs_init(&f);
    op = evidence_against(&f, 2);
    tx = *filed(&f, &op);
    tx.sigs[0].sig.raw[40] ^= 1;
    assert_int_equal(verify_tx(&tx), ERR_SIGNATURE);
    epochs_deinit(&f);
}

/* What a node files itself passes every check that a client's does. */
static void test_own_tx_of_a_candidate_and_of_a_validator_are_valid(void **x)
{
    struct epochs f;
    struct secret secret = epoch_secret(5, USE_CONSENSUS);
    struct op_validator_ready ready = {epoch_pubkey(5, USE_CONSENSUS),
                                       SOFTWARE_VERSION};
    struct op_evidence evidence;
    struct buf bytes = {0};
    struct tx *tx = calloc(1, sizeof *tx);

    (void)x;
    assert_non_null(tx);
    epochs_init(&f);
    assert_int_equal(take(&f, epoch_announce(&f, 5, USE_CONSENSUS)), V_OK);
    own_tx_make(
        &bytes, &f.chain_id, 5, EPOCH_DAY, &secret, OP_VALIDATOR_READY, &ready);
    assert_int_equal(tx_decode(tx, buf_bytes(&bytes)), ERR_NONE);
    assert_int_equal(verify_tx(tx), ERR_NONE);
    assert_int_equal(take(&f, tx), V_OK);
    buf_clear(&bytes);
    evidence = evidence_against(&f, 2);
    secret = epoch_secret(3, USE_CONSENSUS);
    own_tx_make(
        &bytes, &f.chain_id, 3, EPOCH_DAY, &secret, OP_EVIDENCE, &evidence);
    assert_int_equal(tx_decode(tx, buf_bytes(&bytes)), ERR_NONE);
    assert_int_equal(verify_tx(tx), ERR_NONE);
    assert_int_equal(take(&f, tx), V_OK);
    buf_deinit(&bytes);
    free(tx);
    epochs_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_verify_evidence_with_votes_nobody_signed_is_refused),
        cmocka_unit_test(test_verify_signature_of_a_signer_is_checked_too),
        cmocka_unit_test(
            test_own_tx_of_a_candidate_and_of_a_validator_are_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
