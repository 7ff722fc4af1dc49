/* Envelope, signatures, parties: who may hand in what, once. */
#include "tests/unit/ledger/world.h"

#include "chain/mtree.h"

static struct op_transfer plain(const struct world *w)
{
    return (struct op_transfer){.security = "100001",
                                .from = world_account(w, HOLDER_A),
                                .to = world_account(w, HOLDER_B),
                                .quantity = {10},
                                .selector = {NATURE_ANY, 0, 0},
                                .price_fen = 100,
                                .payment = {{1}},
                                .document = {{1}}};
}

static struct world *market(void)
{
    struct world *w = world_new();
    const uint64_t q[3] = {1000, 1000, 0};

    world_security(w, "100001", 0, 200);
    world_register(w, "100001", q);
    return w;
}

static void test_envelope_repeat_names_the_first(void **state)
{
    struct world *w = market();
    const struct op_transfer op = plain(w);
    struct tx *tx = malloc(sizeof *tx);
    struct hash first;

    (void)state;
    assert_int_equal(world_do_full(w, OP_TRANSFER, &op, tx), V_OK);
    first = tx->id;
    tx->id.raw[5] = 77; /* another transaction, the same reference */
    assert_int_equal(world_apply(w, tx), V_DUPLICATE_SERIAL);
    assert_memory_equal(&w->why.about, &first, sizeof first);
    free(tx);
    world_free(w);
}

/* R3: An institution uses a reference once, for ever; its day lies at most 30
 * days back, and the transaction is valid for at most 30 days from it. */
static void test_envelope_bad_cases_are_refused(void **state)
{
    struct world *w = market();
    const struct op_transfer op = plain(w);
    struct tx *tx = malloc(sizeof *tx);
    struct {
        enum verdict expected;
        uint32_t day;
        uint32_t until;
        bool other_chain;
    } cases[] = {
        {V_CHAIN, TODAY, TODAY + 30, true},
        {V_EXPIRED, TODAY - 31, TODAY + 1, false},
        {V_EXPIRED, TODAY - 5, TODAY - 1, false},
        {V_WINDOW, TODAY + 1, TODAY + 10, false},
        {V_WINDOW, TODAY, TODAY + 31, false},
    };

    (void)state;
    assert_int_equal(world_do_full(w, OP_TRANSFER, &op, tx), V_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        tx->reference.day = cases[i].day;
        tx->reference.serial[3] = (uint8_t)(i + 1);
        tx->valid_until = cases[i].until;
        tx->chain_id.raw[0] = cases[i].other_chain ? 1 : 0;
        assert_int_equal(world_apply(w, tx), cases[i].expected);
    }
    free(tx);
    world_free(w);
}

static void test_envelope_reference_stays_used_until_its_day_is_gone(
    void **state)
{
    struct world *w = market();
    const struct op_transfer op = plain(w);
    struct tx *tx = malloc(sizeof *tx);
    const struct row_key key = {.table = TABLE_REFERENCES,
                                .tree = day_key(TODAY)};
    uint32_t kept = 0;

    (void)state;
    assert_int_equal(world_do_full(w, OP_TRANSFER, &op, tx), V_OK);
    world_at(w, TODAY + 30);
    assert_int_equal(world_apply(w, tx), V_DUPLICATE_SERIAL);
    world_at(w, TODAY + 31);
    assert_int_equal(world_apply(w, tx), V_EXPIRED);
    for (uint32_t i = 0; i < w->count; i++)
        kept += w->rows[i].key.table == TABLE_REFERENCES &&
                        hash_eq(&w->rows[i].key.tree, &key.tree)
                    ? 1
                    : 0;
    assert_int_equal(kept, 0);
    free(tx);
    world_free(w);
}

static void test_void_uses_the_reference_up(void **state)
{
    struct world *w = market();
    const struct op_void op = {.voided = {{7}}};
    const struct op_transfer later = plain(w);
    struct tx *tx = malloc(sizeof *tx);
    struct tx_reference used;

    (void)state;
    assert_int_equal(world_do_full(w, OP_VOID, &op, tx), V_OK);
    used = tx->reference;
    assert_int_equal(world_do_full(w, OP_TRANSFER, &later, tx), V_OK);
    tx->reference = used;
    assert_int_equal(world_apply(w, tx), V_DUPLICATE_SERIAL);
    free(tx);
    world_free(w);
}

/* R6: Every entry in a register is signed by a maker and a checker of its
 * registrar, who are two.
 *
 * R7: Exactly the needed signatures stand under a transaction, none more. */
static void test_signatures_missing_or_needless_are_refused(void **state)
{
    struct world *w = market();
    const struct op_transfer op = plain(w);

    (void)state;
    w->skip_account[HOLDER_A] = true;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_SIG_MISSING);
    w->skip_account[HOLDER_A] = false;
    w->skip_account[HOLDER_B] = true;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_SIG_MISSING);
    w->skip_account[HOLDER_B] = false;
    w->skip_checker = true;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_SIG_MISSING);
    w->skip_checker = false;
    w->extra_signature = true;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_SIG_INVALID);
    w->extra_signature = false;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_OK);
    world_free(w);
}

static void test_signatures_foreign_key_is_refused(void **state)
{
    struct world *w = market();
    const struct op_transfer op = plain(w);
    struct tx *tx = malloc(sizeof *tx);

    (void)state;
    assert_int_equal(world_do_full(w, OP_TRANSFER, &op, tx), V_OK);
    tx->reference.serial[5] = 1;
    for (uint32_t i = 0; i < tx->sig_count; i++) {
        const struct pubkey mine = world_key(HOLDER_A + 1);

        if (memcmp(&tx->sigs[i].key, &mine, sizeof mine) == 0)
            tx->sigs[i].key = world_key(KEY_OF_STRANGER);
    }
    assert_int_equal(world_apply(w, tx), V_SIG_INVALID);
    free(tx);
    world_free(w);
}

/* R5: A holder acts by its keys; one with an account on paper acts by its
 * custodian's maker and checker, who cite a document, and the event says so. */
static void test_paper_holder_needs_a_document(void **state)
{
    struct world *w = market();
    struct op_transfer op = plain(w);

    (void)state;
    op.to = world_account(w, PAPER_HOLDER);
    memset(&op.document, 0, sizeof op.document);
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_SIG_MISSING);
    op.document.raw[0] = 1;
    w->event_count = 0;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_OK);
    assert_int_equal(w->events[0].kind, EVENT_TRANSFERRED);
    assert_true(w->events[0].by_paper);
    world_free(w);
}

static void test_account_rules_are_kept(void **state)
{
    struct world *w = world_new();
    struct op_account_open op = {
        .custodian = 1,
        .nonce = {99},
        .kind = ACCOUNT_ORDINARY,
        .authority = AUTHORITY_KEYS,
        .policy = {.threshold = 1, .key_count = 1, .keys = {world_key(60)}},
        .identity = {{2}},
        .subject_tag = {{1}}};

    (void)state;
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_DUPLICATE_SUBJECT);
    op.subject_tag.raw[0] = 99;
    op.custodian = 9;
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_UNKNOWN);
    op.custodian = 1;
    op.policy.key_count = 2;
    op.policy.keys[1] = op.policy.keys[0]; /* not ascending */
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_POLICY);
    op.policy.key_count = 1;
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_OK);
    op.subject_tag.raw[0] = 98;
    assert_int_equal(world_do(w, OP_ACCOUNT_OPEN, &op), V_EXISTS);
    world_free(w);
}

static void test_transfer_parties_are_checked(void **state)
{
    struct world *w = market();
    struct op_transfer op = plain(w);
    struct op_transfer draft = plain(w);

    (void)state;
    op.to = op.from;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_SELF);
    op = plain(w);
    op.to.raw[0] ^= 1;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_UNKNOWN);
    op = plain(w);
    op.quantity.shares = 0;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_QUANTITY);
    world_security(w, "100009", 0, 200);
    memcpy(draft.security, "100009", 7);
    assert_int_equal(world_do(w, OP_TRANSFER, &draft), V_SECURITY_STATE);
    memcpy(draft.security, "100008", 7);
    assert_int_equal(world_do(w, OP_TRANSFER, &draft), V_UNKNOWN);
    world_free(w);
}

static void test_institution_open_needs_the_operators(void **state)
{
    struct world *w = world_new();
    struct op_institution_open op = {
        .number = 2,
        .code = "R2",
        .roles = ROLE_REGISTRAR,
        .key_count = 2,
        .keys = {{world_key(70), KEY_MAKER}, {world_key(71), KEY_CHECKER}}};
    struct tx *tx = malloc(sizeof *tx);

    (void)state;
    w->skip_checker = true;
    assert_int_equal(world_do_full(w, OP_INSTITUTION_OPEN, &op, tx),
                     V_SIG_MISSING);
    tx->sigs[tx->sig_count++] =
        (struct tx_sig){.key_type = 1, .key = world_key(KEY_OF_OPERATOR)};
    assert_int_equal(world_apply(w, tx), V_OK);
    tx->reference.serial[7] = 1;
    assert_int_equal(world_apply(w, tx), V_EXISTS);
    free(tx);
    world_free(w);
}

static void test_operation_with_other_bytes_is_refused(void **state)
{
    struct world *w = market();
    const struct op_transfer op = plain(w);
    struct tx *tx = malloc(sizeof *tx);
    struct bytes bytes;
    uint8_t copy[512];

    (void)state;
    assert_int_equal(world_do_full(w, OP_TRANSFER, &op, tx), V_OK);
    tx->reference.serial[9] = 1;
    bytes = tx->ops[0];
    assert_true(bytes.size < sizeof copy);
    memcpy(copy, bytes.at, bytes.size);
    copy[bytes.size] = 0;
    tx->ops[0] = bytes_of(copy, bytes.size - 1); /* cut */
    assert_int_equal(world_apply(w, tx), V_MALFORMED);
    tx->ops[0] = bytes_of(copy, bytes.size + 1); /* a byte more */
    assert_int_equal(world_apply(w, tx), V_MALFORMED);
    copy[0] = 0; /* no such operation */
    tx->ops[0] = bytes_of(copy, bytes.size);
    assert_int_equal(world_apply(w, tx), V_MALFORMED);
    copy[0] = OP_TRANSFER;
    assert_int_equal(world_apply(w, tx), V_OK);
    free(tx);
    world_free(w);
}

/* R4: Court operations stand first in a block. */
static void test_court_operations_come_first_in_a_block(void **state)
{
    struct world *w = market();
    const struct op_transfer op = plain(w);
    const struct op_freeze_create freeze = {.security = "100001",
                                            .account =
                                                world_account(w, HOLDER_A),
                                            .authority = "COURT-A",
                                            .document = {{1}},
                                            .service_ms = 1000,
                                            .from = TODAY,
                                            .to = TODAY + 10,
                                            .quantity = {5}};

    (void)state;
    world_at(w, TODAY);
    assert_int_equal(world_do(w, OP_FREEZE_CREATE, &freeze), V_OK);
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_OK);
    assert_int_equal(world_do(w, OP_FREEZE_CREATE, &freeze), V_ORDER);
    world_free(w);
}

/* R1: A transaction takes effect as a whole or not at all; what is refused
 * changes nothing. */
static void test_refused_transaction_changes_no_row(void **state)
{
    struct world *w = market();
    struct op_transfer op = plain(w);
    struct world_row *before = malloc(sizeof w->rows);
    const uint32_t count = w->count;
    const uint32_t events = w->block.event_count;

    (void)state;
    memcpy(before, w->rows, sizeof w->rows);
    op.quantity.shares = 1001;
    assert_int_equal(world_do(w, OP_TRANSFER, &op), V_AVAILABLE);
    assert_int_equal(w->count, count);
    assert_int_equal(w->block.event_count, events);
    assert_memory_equal(before, w->rows, count * sizeof w->rows[0]);
    free(before);
    world_free(w);
}

static void test_verdicts_have_names_and_ascend(void **state)
{
    (void)state;
    for (unsigned i = 1; i < verdict_count; i++) {
        assert_true(verdict_all[i] > verdict_all[i - 1]);
        assert_memory_equal(verdict_name(verdict_all[i]), "E_", 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelope_repeat_names_the_first),
        cmocka_unit_test(test_envelope_bad_cases_are_refused),
        cmocka_unit_test(
            test_envelope_reference_stays_used_until_its_day_is_gone),
        cmocka_unit_test(test_void_uses_the_reference_up),
        cmocka_unit_test(test_signatures_missing_or_needless_are_refused),
        cmocka_unit_test(test_signatures_foreign_key_is_refused),
        cmocka_unit_test(test_paper_holder_needs_a_document),
        cmocka_unit_test(test_account_rules_are_kept),
        cmocka_unit_test(test_transfer_parties_are_checked),
        cmocka_unit_test(test_institution_open_needs_the_operators),
        cmocka_unit_test(test_operation_with_other_bytes_is_refused),
        cmocka_unit_test(test_court_operations_come_first_in_a_block),
        cmocka_unit_test(test_refused_transaction_changes_no_row),
        cmocka_unit_test(test_verdicts_have_names_and_ascend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
