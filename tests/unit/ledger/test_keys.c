/* Keys of holders: rotated, recovered, contested, revoked. */
#include "tests/unit/ledger/world.h"

enum {
    NEW_KEY = 41,
    NOTARY = 2,
};

static struct account_row account(struct world *w, int i)
{
    const struct hash id = world_account(w, i);
    struct account_row a;

    assert_true(exec_account(&w->view, &a, &id));
    return a;
}

static bool has_key(const struct pubkey *keys, uint32_t count, uint8_t number)
{
    const struct pubkey key = world_key(number);

    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&keys[i], &key, sizeof key) == 0)
            return true;
    }
    return false;
}

static struct key_policy one_key(uint8_t number)
{
    return (struct key_policy){
        .threshold = 1, .key_count = 1, .keys = {world_key(number)}};
}

/* Threshold of these keys, in their order. */
static struct key_policy keys_of(uint8_t threshold,
                                 const uint8_t *numbers,
                                 uint32_t count)
{
    struct key_policy p = {.threshold = threshold, .key_count = count};

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;

        for (; at > 0; at--) {
            const struct pubkey key = world_key(numbers[i]);

            if (memcmp(&p.keys[at - 1], &key, sizeof key) < 0)
                break;
            p.keys[at] = p.keys[at - 1];
        }
        p.keys[at] = world_key(numbers[i]);
    }
    return p;
}

static struct op_account_rotate rotation(const struct world *w)
{
    return (struct op_account_rotate){.account = world_account(w, HOLDER_A),
                                      .policy = one_key(NEW_KEY),
                                      .document = {{1}}};
}

static struct op_account_recover recovery(const struct world *w)
{
    return (struct op_account_recover){.account = world_account(w, HOLDER_A),
                                       .second = NOTARY,
                                       .policy = one_key(NEW_KEY),
                                       .document = {{1}}};
}

/* As world_do, but these keys sign for account i. */
static enum verdict do_signed_by(struct world *w,
                                 uint8_t kind,
                                 const void *op,
                                 int i,
                                 const uint8_t *numbers,
                                 uint32_t count)
{
    const struct hash id = world_account(w, i);
    struct tx *tx = malloc(sizeof *tx);
    enum verdict v;

    assert_non_null(tx);
    w->skip_account[i] = true;
    assert_int_equal(world_do_full(w, kind, op, tx), V_SIG_MISSING);
    w->skip_account[i] = false;
    for (uint8_t p = 0; p < tx->principal_count; p++) {
        for (uint32_t k = 0; k < count && hash_eq(&tx->principals[p].id, &id);
             k++)
            tx->sigs[tx->sig_count++] = (struct tx_sig){
                .principal = p, .key_type = 1, .key = world_key(numbers[k])};
    }
    v = world_apply(w, tx);
    free(tx);
    return v;
}

#define SIGNED_BY(w, kind, op, i, ...)           \
    do_signed_by(w,                              \
                 kind,                           \
                 op,                             \
                 i,                              \
                 (const uint8_t[]){__VA_ARGS__}, \
                 sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- rotation ---- */

/* R33: Keys that a rotation or a recovery replaces are revoked at once; an
 * account remembers the last eight. */
static void test_rotate_revokes_what_is_replaced(void **state)
{
    struct world *w = world_new();
    struct op_account_rotate op = rotation(w);
    struct account_row a;

    (void)state;
    op.policy = keys_of(1, (const uint8_t[]){HOLDER_A + 1, NEW_KEY}, 2);
    w->event_count = 0;
    assert_int_equal(world_do(w, OP_ACCOUNT_ROTATE, &op), V_OK);
    assert_int_equal(w->events[0].kind, EVENT_KEYS_ROTATED);
    assert_int_equal(account(w, HOLDER_A).revoked_count, 0); /* it stays */
    for (uint8_t n = 1; n <= ACCOUNT_REVOKED_MAX + 2; n++) {
        op.policy = one_key((uint8_t)(NEW_KEY + n));
        assert_int_equal(world_do(w, OP_ACCOUNT_ROTATE, &op), V_OK);
    }
    a = account(w, HOLDER_A);
    assert_int_equal(a.revoked_count, ACCOUNT_REVOKED_MAX);
    assert_false(has_key(a.revoked, a.revoked_count, HOLDER_A + 1));
    assert_false(has_key(a.revoked, 1, NEW_KEY));
    assert_true(has_key(a.revoked + ACCOUNT_REVOKED_MAX - 1,
                        1,
                        NEW_KEY + ACCOUNT_REVOKED_MAX + 1)); /* newest last */
    world_free(w);
}

static void test_rotate_policy_unsound_is_refused(void **state)
{
    struct world *w = world_new();
    const struct op_account_rotate good = rotation(w);
    struct op_account_rotate op = good;

    (void)state;
    /* R32: An account that acts by keys never goes back to paper, and a revoked
     * key it remembers is not enrolled again. */
    op.policy = (struct key_policy){0};
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_POLICY);
    assert_int_equal(world_do(w, OP_ACCOUNT_ROTATE, &good), V_OK);
    op.policy = one_key(HOLDER_A + 1);
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_POLICY);
    op.policy = keys_of(0, (const uint8_t[]){50, 51}, 2);
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_POLICY);
    op.policy.threshold = 3; /* more than there are: nobody can sign that */
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_SIG_MISSING);
    op.policy = one_key(50);
    op.account.raw[0] ^= 1;
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_UNKNOWN);
    world_free(w);
}

/* One principal, two needs: the keys in force and the new ones. */
static void test_rotate_needs_old_and_new_keys(void **state)
{
    struct world *w = world_new();
    struct op_account_rotate op = rotation(w);
    const uint8_t two[] = {NEW_KEY, NEW_KEY + 1};

    (void)state;
    op.policy = keys_of(2, two, 2);
    assert_int_equal(SIGNED_BY(w, OP_ACCOUNT_ROTATE, &op, 0, HOLDER_A + 1),
                     V_SIG_MISSING); /* a new one is not foreign */
    assert_int_equal(
        SIGNED_BY(w, OP_ACCOUNT_ROTATE, &op, 0, NEW_KEY, NEW_KEY + 1),
        V_SIG_MISSING);
    assert_int_equal(
        SIGNED_BY(w, OP_ACCOUNT_ROTATE, &op, 0, HOLDER_A + 1, NEW_KEY),
        V_SIG_MISSING);
    assert_int_equal(
        SIGNED_BY(
            w, OP_ACCOUNT_ROTATE, &op, 0, HOLDER_A + 1, NEW_KEY, NEW_KEY + 9),
        V_SIG_INVALID);
    assert_int_equal(SIGNED_BY(w,
                               OP_ACCOUNT_ROTATE,
                               &op,
                               0,
                               HOLDER_A + 1,
                               NEW_KEY,
                               NEW_KEY + 1,
                               NEW_KEY + 9),
                     V_SIG_INVALID); /* needed by nothing */
    assert_int_equal(
        SIGNED_BY(
            w, OP_ACCOUNT_ROTATE, &op, 0, HOLDER_A + 1, NEW_KEY, NEW_KEY + 1),
        V_OK);
    /* A key that stays signs once for both. */
    op.policy = keys_of(1, two, 2);
    assert_int_equal(
        SIGNED_BY(w, OP_ACCOUNT_ROTATE, &op, 0, NEW_KEY, NEW_KEY + 1), V_OK);
    assert_int_equal(account(w, HOLDER_A).policy.threshold, 1);
    assert_int_equal(SIGNED_BY(w, OP_ACCOUNT_ROTATE, &op, 0, NEW_KEY), V_OK);
    world_free(w);
}

/* R31: A holder on paper enrols its first keys through its custodian's maker
 * and checker citing a document, and acts by keys from then on. */
static void test_rotate_enrols_a_paper_holder(void **state)
{
    struct world *w = world_new();
    struct op_account_rotate op = rotation(w);
    struct account_row a;

    (void)state;
    op.account = world_account(w, PAPER_HOLDER);
    memset(&op.document, 0, sizeof op.document);
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_SIG_MISSING);
    op.document.raw[0] = 1;
    w->skip_checker = true;
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_SIG_MISSING);
    w->skip_checker = false;
    w->skip_account[PAPER_HOLDER] = true; /* the new key */
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_SIG_MISSING);
    w->skip_account[PAPER_HOLDER] = false;
    w->event_count = 0;
    assert_int_equal(world_do(w, OP_ACCOUNT_ROTATE, &op), V_OK);
    assert_true(w->events[0].by_paper);
    a = account(w, PAPER_HOLDER);
    assert_int_equal(a.authority, AUTHORITY_KEYS);
    assert_int_equal(a.revoked_count, 0);
    op.policy = one_key(NEW_KEY + 1);
    w->event_count = 0;
    assert_int_equal(world_do(w, OP_ACCOUNT_ROTATE, &op), V_OK);
    assert_false(w->events[0].by_paper);
    world_free(w);
}

static void test_rotate_in_the_wrong_state_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_account_rotate op = rotation(w);
    const struct op_account_freeze freeze = {.account =
                                                 world_account(w, HOLDER_B),
                                             .authority = "COURT-A",
                                             .document = {{1}}};
    const struct op_account_close close = {.account =
                                               world_account(w, HOLDER_C)};
    const struct op_account_recover recover = recovery(w);

    (void)state;
    world_at(w, TODAY);
    assert_int_equal(world_do(w, OP_ACCOUNT_FREEZE, &freeze), V_OK);
    world_institution(w, NOTARY, ROLE_NOTARY);
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &recover), V_OK);
    /* R35: While a recovery is pending the keys are not rotated and no second
     * recovery is opened. */
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_RECOVERY);
    world_refused(w, OP_ACCOUNT_RECOVER, &recover, V_RECOVERY);
    op.policy.threshold = 0; /* both: the lower number */
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_POLICY);
    op = rotation(w);
    op.account = close.account;
    assert_int_equal(world_do(w, OP_ACCOUNT_CLOSE, &close), V_OK);
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_ACCOUNT_STATE);
    /* R176: The keys of a frozen account are replaced only with the court's
     * consent. */
    op.account = freeze.account;
    world_refused(w, OP_ACCOUNT_ROTATE, &op, V_ACCOUNT_STATE);
    op.court_consent.raw[0] = 1;
    assert_int_equal(world_do(w, OP_ACCOUNT_ROTATE, &op), V_OK);
    assert_int_equal(account(w, HOLDER_B).status, ACCOUNT_FROZEN);
    world_free(w);
}

/* ---- recovery ---- */

/* R36: Lost keys are recovered by the account's custodian together with a
 * second institution, which is a notary or another registrar. */
static void test_recover_second_institution_is_checked(void **state)
{
    struct world *w = world_new();
    struct op_account_recover op = recovery(w);

    (void)state;
    op.second = 9;
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_UNKNOWN);
    op.second = 1; /* a registrar, but the custodian */
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_ROLE);
    world_institution(w, 3, ROLE_MEMBER | ROLE_BANK | ROLE_COURT);
    op.second = 3;
    op.policy.threshold = 0; /* both: the lower number */
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_ROLE);
    op = recovery(w);
    world_institution(w, NOTARY, ROLE_NOTARY);
    op.account.raw[0] ^= 1;
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_UNKNOWN);
    op = recovery(w);
    memset(&op.document, 0, sizeof op.document);
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_SIG_MISSING);
    op.document.raw[0] = 1;
    w->skip_checker = true;
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_SIG_MISSING);
    w->skip_checker = false;
    w->skip_account[HOLDER_A] = true; /* the new key is not there */
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_SIG_MISSING);
    w->skip_account[HOLDER_A] = false;
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &op), V_OK);
    op.account = world_account(w, HOLDER_B);
    op.second = 4;
    world_institution(w, 4, ROLE_REGISTRAR);
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &op), V_OK);
    world_free(w);
}

/* R37: Only an account that acts by keys and is not closed is recovered, a
 * frozen one only with the court's consent. */
static void test_recover_in_the_wrong_state_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_account_recover op = recovery(w);
    const struct op_account_freeze freeze = {.account =
                                                 world_account(w, HOLDER_A),
                                             .authority = "COURT-A",
                                             .document = {{1}}};
    const struct op_account_close close = {.account =
                                               world_account(w, HOLDER_C)};

    (void)state;
    world_at(w, TODAY);
    assert_int_equal(world_do(w, OP_ACCOUNT_FREEZE, &freeze), V_OK);
    assert_int_equal(world_do(w, OP_ACCOUNT_CLOSE, &close), V_OK);
    world_institution(w, NOTARY, ROLE_NOTARY);
    op.policy.threshold = 0; /* both: the lower number */
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_ACCOUNT_STATE);
    op.court_consent.raw[0] = 1;
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_POLICY);
    op.policy = one_key(NEW_KEY);
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &op), V_OK);
    op.account = close.account;
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_ACCOUNT_STATE);
    op.account = world_account(w, PAPER_HOLDER);
    world_refused(w, OP_ACCOUNT_RECOVER, &op, V_ACCOUNT_STATE);
    world_free(w);
}

/* R38: The keys in force end a pending recovery by contesting it. */
static void test_contest_of_nothing_is_refused(void **state)
{
    struct world *w = world_new();
    struct op_account_contest op = {.account = world_account(w, HOLDER_A)};
    const struct op_account_recover recover = recovery(w);

    (void)state;
    world_refused(w, OP_ACCOUNT_CONTEST, &op, V_RECOVERY);
    op.account.raw[0] ^= 1;
    world_refused(w, OP_ACCOUNT_CONTEST, &op, V_UNKNOWN);
    op.account.raw[0] ^= 1;
    world_institution(w, NOTARY, ROLE_NOTARY);
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &recover), V_OK);
    assert_int_equal(SIGNED_BY(w, OP_ACCOUNT_CONTEST, &op, HOLDER_A, NEW_KEY),
                     V_SIG_INVALID); /* not in force yet */
    assert_int_equal(world_do(w, OP_ACCOUNT_CONTEST, &op), V_OK);
    assert_int_equal(account(w, HOLDER_A).recovery_day, 0);
    assert_int_equal(account(w, HOLDER_A).next.key_count, 0);
    world_refused(w, OP_ACCOUNT_CONTEST, &op, V_RECOVERY);
    world_free(w);
}

/* R39: An uncontested recovery gives the account its new keys with the first
 * block of the day on which the waiting period ends, and changes nothing else
 * of it. */
static void test_recover_ends_on_its_day(void **state)
{
    struct world *w = world_new();
    const struct op_account_recover op = recovery(w);
    const struct account_row before = account(w, HOLDER_A);
    struct account_row a;

    (void)state;
    world_institution(w, NOTARY, ROLE_NOTARY);
    w->event_count = 0;
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &op), V_OK);
    assert_int_equal(w->events[0].kind, EVENT_RECOVERY_OPENED);
    assert_int_equal(w->events[0].second, TODAY + RECOVERY_DAYS);
    world_at(w, TODAY + RECOVERY_DAYS - 1);
    a = account(w, HOLDER_A);
    assert_int_equal(a.recovery_day, TODAY + RECOVERY_DAYS);
    assert_true(has_key(a.policy.keys, 1, HOLDER_A + 1));
    w->event_count = 0;
    world_at(w, TODAY + RECOVERY_DAYS);
    assert_int_equal(w->event_count, 1);
    assert_int_equal(w->events[0].kind, EVENT_RECOVERY_DONE);
    assert_int_equal(w->events[0].tx_index, EVENT_NO_TX);
    a = account(w, HOLDER_A);
    assert_int_equal(a.recovery_day, 0);
    assert_int_equal(a.next.key_count, 0);
    assert_int_equal(a.policy.key_count, 1);
    assert_true(has_key(a.policy.keys, 1, NEW_KEY));
    assert_true(has_key(a.revoked, a.revoked_count, HOLDER_A + 1));
    assert_false(hash_eq(&a.chain, &before.chain));
    a.policy = before.policy; /* nothing else changed */
    a.revoked_count = 0;
    a.chain = before.chain;
    memcpy(a.revoked, before.revoked, sizeof a.revoked);
    {
        static uint8_t one[ROW_BYTES_MAX];
        static uint8_t two[ROW_BYTES_MAX];
        struct writer x = writer_of(one, sizeof one);
        struct writer y = writer_of(two, sizeof two);

        schema_encode(&x, &account_row_schema, &a);
        schema_encode(&y, &account_row_schema, &before);
        assert_true(bytes_eq(writer_bytes(&x), writer_bytes(&y)));
    }
    world_free(w);
}

/* One asked for anew after a contest has its own day. */
static void test_recover_contested_and_asked_again_waits_anew(void **state)
{
    struct world *w = world_new();
    const struct op_account_recover op = recovery(w);
    const struct op_account_contest contest = {.account = op.account};

    (void)state;
    world_institution(w, NOTARY, ROLE_NOTARY);
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &op), V_OK);
    world_at(w, TODAY + 3);
    assert_int_equal(world_do(w, OP_ACCOUNT_CONTEST, &contest), V_OK);
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &op), V_OK);
    w->event_count = 0;
    world_at(w, TODAY + 3 + RECOVERY_DAYS - 1);
    assert_int_equal(w->event_count, 0);
    assert_true(has_key(account(w, HOLDER_A).policy.keys, 1, HOLDER_A + 1));
    world_at(w, TODAY + 3 + RECOVERY_DAYS + 20); /* nobody came by before */
    assert_int_equal(w->event_count, 1);
    assert_true(has_key(account(w, HOLDER_A).policy.keys, 1, NEW_KEY));
    world_free(w);
}

/* R34: A transaction that lacks a signature of an account and carries one by a
 * revoked key of it is refused as E_KEY_REVOKED. */
static void test_revoked_key_is_told_from_a_foreign_one(void **state)
{
    struct world *w = world_new();
    const struct op_account_rotate rotate = rotation(w);
    const struct op_account_close op = {.account = rotate.account};

    (void)state;
    assert_int_equal(world_do(w, OP_ACCOUNT_ROTATE, &rotate), V_OK);
    assert_int_equal(
        SIGNED_BY(w, OP_ACCOUNT_CLOSE, &op, HOLDER_A, HOLDER_A + 1),
        V_KEY_REVOKED);
    assert_int_equal(
        SIGNED_BY(
            w, OP_ACCOUNT_CLOSE, &op, HOLDER_A, KEY_OF_STRANGER, HOLDER_A + 1),
        V_KEY_REVOKED);
    assert_int_equal(
        SIGNED_BY(w, OP_ACCOUNT_CLOSE, &op, HOLDER_A, KEY_OF_STRANGER),
        V_SIG_INVALID);
    assert_int_equal(
        SIGNED_BY(w, OP_ACCOUNT_CLOSE, &op, HOLDER_A, NEW_KEY, HOLDER_A + 1),
        V_SIG_INVALID); /* enough, and one that nothing needs */
    assert_int_equal(SIGNED_BY(w, OP_ACCOUNT_CLOSE, &op, HOLDER_A, NEW_KEY),
                     V_OK);
    world_free(w);
}

/* W35: a lost key.  The first request is contested with the old key on the
 * third day, the second is not; then the old key is refused, and the shares
 * are as they were. */
static void test_recover_follows_w35(void **state)
{
    struct world *w = world_new();
    const struct op_account_recover op = recovery(w);
    const struct op_account_contest contest = {.account = op.account};
    const uint64_t q[3] = {10000, 0, 0};
    const struct op_transfer transfer = {.security = "100001",
                                         .from = op.account,
                                         .to = world_account(w, HOLDER_B),
                                         .quantity = {1},
                                         .selector = {NATURE_ANY, 0, 0},
                                         .price_fen = 100,
                                         .payment = {{1}},
                                         .document = {{1}}};
    const struct row_key key = {
        TABLE_HOLDINGS, security_key("100001"), op.account};
    struct bytes before;

    (void)state;
    world_security(w, "100001", 0, 0);
    world_register(w, "100001", q);
    world_institution(w, NOTARY, ROLE_NOTARY);
    before = world_get(w, &key);
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &op), V_OK);
    world_at(w, TODAY + 3);
    assert_int_equal(
        SIGNED_BY(w, OP_ACCOUNT_CONTEST, &contest, HOLDER_A, HOLDER_A + 1),
        V_OK);
    world_at(w, TODAY + RECOVERY_DAYS);
    assert_true(has_key(account(w, HOLDER_A).policy.keys, 1, HOLDER_A + 1));
    assert_int_equal(world_do(w, OP_ACCOUNT_RECOVER, &op), V_OK);
    world_at(w, TODAY + 2 * RECOVERY_DAYS);
    assert_true(has_key(account(w, HOLDER_A).policy.keys, 1, NEW_KEY));
    assert_true(bytes_eq(world_get(w, &key), before));
    assert_int_equal(
        SIGNED_BY(w, OP_TRANSFER, &transfer, HOLDER_A, HOLDER_A + 1),
        V_KEY_REVOKED);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotate_revokes_what_is_replaced),
        cmocka_unit_test(test_rotate_policy_unsound_is_refused),
        cmocka_unit_test(test_rotate_needs_old_and_new_keys),
        cmocka_unit_test(test_rotate_enrols_a_paper_holder),
        cmocka_unit_test(test_rotate_in_the_wrong_state_is_refused),
        cmocka_unit_test(test_recover_second_institution_is_checked),
        cmocka_unit_test(test_recover_in_the_wrong_state_is_refused),
        cmocka_unit_test(test_contest_of_nothing_is_refused),
        cmocka_unit_test(test_recover_ends_on_its_day),
        cmocka_unit_test(test_recover_contested_and_asked_again_waits_anew),
        cmocka_unit_test(test_revoked_key_is_told_from_a_foreign_one),
        cmocka_unit_test(test_recover_follows_w35),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
