/* The change of the set of validators. */
#include "ledger/change.h"

#include "tests/unit/ledger/validators.h"

#define LIST(...) ((const uint16_t[]){__VA_ARGS__, 0})
#define NOBODY    ((const uint16_t[]){0})

/* R157: Those who leave are validators of the set in force, each named once. */
static void test_change_leaver_unknown_or_twice_is_refused(void **state)
{
    struct world *w = gov_world(7, false);
    struct op_validators_change *op = calloc(1, sizeof *op);
    const struct gov_signing s = {.filer = 1, .operators = {1, 2, 3, 4, 5}};

    (void)state;
    assert_non_null(op);
    gov_candidate(w, 8);
    assert_int_equal(gov_change(w, LIST(8), NOBODY, 5), V_UNKNOWN);
    assert_int_equal(gov_change(w, LIST(7, 7), LIST(8), 5), V_UNKNOWN);
    op->leave_count = 1;
    op->leave[0] = (struct validator_item){6, gov_key(7)}; /* another's key */
    op->join_count = 1;
    op->join[0] = (struct validator_item){8, gov_new_key(8)};
    assert_int_equal(gov_apply(w, OP_VALIDATORS_CHANGE, op, &s), V_UNKNOWN);
    op->leave[0].institution = 7;
    assert_int_equal(gov_apply(w, OP_VALIDATORS_CHANGE, op, &s), V_OK);
    free(op);
    world_free(w);
}

/* R158: Those who join are announced by their institutions, which have an
 * operator key. */
static void test_change_joiner_not_announced_is_refused(void **state)
{
    struct world *w = gov_world(4, false);
    struct op_institution_change change = {
        .number = 5,
        .roles = ROLE_REGISTRAR,
        .key_count = 2,
        .keys = {{world_key(KEY_OF_MAKER), KEY_MAKER},
                 {world_key(KEY_OF_CHECKER), KEY_CHECKER}}};
    const struct gov_signing quorum = {.filer = 1, .operators = {1, 2, 3}};

    (void)state;
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_UNKNOWN);
    assert_int_equal(gov_announce_key(w, 5, world_key(99), gov_spki(5)), V_OK);
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_UNKNOWN);
    gov_candidate(w, 5);
    assert_int_equal(gov_apply(w, OP_INSTITUTION_CHANGE, &change, &quorum),
                     V_OK);
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_POLICY);
    change.key_count = 3;
    change.keys[2] = (struct institution_key){world_key(115), KEY_OPERATOR};
    assert_int_equal(gov_apply(w, OP_INSTITUTION_CHANGE, &change, &quorum),
                     V_OK);
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_OK);
    world_free(w);
}

/* R159: The set of validators changes at most once in a block. */
static void test_change_twice_in_a_block_waits_for_the_next(void **state)
{
    struct world *w = gov_world(4, false);

    (void)state;
    gov_candidate(w, 5);
    gov_candidate(w, 6);
    world_at(w, TODAY);
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_OK);
    assert_int_equal(gov_change(w, NOBODY, LIST(6), 4), V_EPOCH);
    assert_int_equal(w->why.have, w->block.height);
    world_at(w, TODAY);
    assert_int_equal(gov_change(w, NOBODY, LIST(6), 4), V_OK);
    world_free(w);
}

/* R160: A key that is in the set, or is named twice, does not join. */
static void test_change_member_joining_is_refused(void **state)
{
    struct world *w = gov_world(7, false);
    struct op_validators_change *op = calloc(1, sizeof *op);
    const struct gov_signing s = {.filer = 1, .operators = {1, 2, 3, 4, 5}};

    (void)state;
    assert_non_null(op);
    gov_candidate(w, 8);
    op->join_count = 1;
    op->join[0] = (struct validator_item){3, gov_key(3)};
    assert_int_equal(gov_apply(w, OP_VALIDATORS_CHANGE, op, &s), V_VALIDATOR);
    op->leave_count = 1; /* and even if it leaves */
    op->leave[0] = op->join[0];
    assert_int_equal(gov_apply(w, OP_VALIDATORS_CHANGE, op, &s), V_VALIDATOR);
    free(op);
    assert_int_equal(gov_change(w, NOBODY, LIST(8, 8), 5), V_VALIDATOR);
    assert_int_equal(gov_change(w, NOBODY, LIST(8), 5), V_OK);
    world_free(w);
}

/* E6 ready first; R161: Who joins has said within the last 10,000 blocks that
 * it is ready. */
static void test_change_joiner_not_ready_or_stale_is_refused(void **state)
{
    struct world *w = gov_world(4, false);
    uint64_t said;

    (void)state;
    assert_int_equal(gov_announce(w, 5), V_OK);
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_NOT_READY);
    assert_int_equal(w->why.have, 0);
    said = w->block.height;
    assert_int_equal(gov_ready(w, 5), V_OK);
    w->block.height = said + READY_BLOCKS + 1;
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_NOT_READY);
    assert_int_equal(w->why.have, said);
    assert_int_equal(w->why.need, said + 1);
    w->block.height = said + READY_BLOCKS;
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_OK);
    world_free(w);
}

/* E7 few at once; E8 rotation; R162: At most as many validators join or leave
 * at once as the set in force tolerates to fail, where it tolerates none one;
 * one that leaves and one that joins count as one. */
static void test_change_of_too_many_at_once_is_refused(void **state)
{
    struct world *w = gov_world(4, false);

    (void)state;
    assert_int_equal(gov_change(w, NOBODY, NOBODY, 3), V_CHANGE_SIZE);
    assert_int_equal(w->why.have, 0);
    for (uint16_t i = 3; i <= 6; i++)
        gov_candidate(w, i);
    assert_int_equal(gov_change(w, NOBODY, LIST(5, 6), 3), V_CHANGE_SIZE);
    assert_int_equal(w->why.have, 2);
    assert_int_equal(w->why.need, 1);
    assert_int_equal(gov_change(w, LIST(3, 4), LIST(5), 3), V_CHANGE_SIZE);
    assert_int_equal(gov_change(w, LIST(3, 4), LIST(3, 4), 3), V_CHANGE_SIZE);
    assert_int_equal(gov_change(w, LIST(3), LIST(3), 3), V_OK); /* rotation */
    world_free(w);
    w = gov_world(7, false);
    for (uint16_t i = 8; i <= 10; i++)
        gov_candidate(w, i);
    assert_int_equal(gov_change(w, NOBODY, LIST(8, 9, 10), 5), V_CHANGE_SIZE);
    assert_int_equal(gov_change(w, LIST(6, 7), LIST(8, 9), 5), V_OK);
    world_free(w);
    w = gov_world(1, false); /* f = 0: one */
    gov_candidate(w, 2);
    gov_candidate(w, 3);
    assert_int_equal(gov_change(w, NOBODY, LIST(2, 3), 1), V_CHANGE_SIZE);
    assert_int_equal(gov_change(w, NOBODY, LIST(2), 1), V_OK);
    world_free(w);
}

/* R163: There are at least one and at most 32 validators, in production at
 * least four. */
static void test_change_to_too_few_or_too_many_is_refused(void **state)
{
    struct world *w = gov_world(1, false);
    struct validators_row row;
    const struct row_key key = {.table = TABLE_VALIDATORS};
    uint8_t bytes[ROW_BYTES_MAX];
    struct writer writer = writer_of(bytes, sizeof bytes);

    (void)state;
    assert_int_equal(gov_change(w, LIST(1), NOBODY, 1), V_VALIDATOR_COUNT);
    assert_int_equal(w->why.have, 0);
    assert_int_equal(w->why.need, 1);
    world_free(w);
    w = gov_world(4, true);
    assert_int_equal(gov_change(w, LIST(4), NOBODY, 3), V_VALIDATOR_COUNT);
    assert_int_equal(w->why.have, 3);
    assert_int_equal(w->why.need, 4);
    world_free(w);
    w = gov_world(4, false); /* 32 that are not institutions of this world */
    assert_true(gov_row(w, &row));
    for (uint16_t i = 0; row.set.count < VALIDATORS_MAX; i++) {
        struct validator *v = &row.set.list[row.set.count++];

        *v = (struct validator){gov_new_key(1), gov_spki(40 + i), 40 + i};
        v->key.raw[0] = 0x10; /* no valid key; nobody looks */
        v->key.raw[1] = (uint8_t)i;
    }
    qsort(row.set.list, row.set.count, sizeof row.set.list[0], gov_order);
    schema_encode(&writer, &validators_row_schema, &row);
    w->view.put(w->view.ctx, &key, writer_bytes(&writer));
    gov_candidate(w, 5);
    {
        struct op_validators_change *op = calloc(1, sizeof *op);
        struct change_plan plan;

        assert_non_null(op);
        op->join_count = 1;
        op->join[0] = (struct validator_item){5, gov_new_key(5)};
        assert_int_equal(change_check(&plan, &w->view, w->block.height, op),
                         V_VALIDATOR_COUNT);
        assert_int_equal(plan.why.have, 33);
        assert_int_equal(plan.why.need, 32);
        op->leave_count = 1;
        op->leave[0] = (struct validator_item){4, gov_key(4)};
        assert_int_equal(change_check(&plan, &w->view, w->block.height, op),
                         V_OK);
        assert_int_equal(plan.next.count, 32);
        free(op);
    }
    world_free(w);
}

/* R164: An institution runs one validator, and no two validators share a
 * transport key. */
static void test_change_to_two_of_one_institution_is_refused(void **state)
{
    struct world *w = gov_world(7, false);

    (void)state;
    gov_candidate(w, 3);
    assert_int_equal(gov_change(w, NOBODY, LIST(3), 5), V_VALIDATOR_TWICE);
    gov_candidate(w, 8);
    assert_int_equal(gov_announce_key(w, 9, gov_new_key(9), gov_spki(8)), V_OK);
    assert_int_equal(gov_ready(w, 9), V_OK);
    assert_int_equal(gov_change(w, NOBODY, LIST(8, 9), 5), V_VALIDATOR_TWICE);
    assert_int_equal(gov_change(w, NOBODY, LIST(9), 5), V_OK);
    world_free(w);
}

/* R165: With as many of those who stay down as the set in force tolerates, but
 * none who has said within the last 10,000 blocks that it is ready, the others
 * and those who join are a quorum of the new set. */
static void test_change_that_thins_the_quorum_shows_the_margin(void **state)
{
    static const struct {
        uint32_t count;
        uint32_t leave;
        uint32_t join;
        uint32_t ready;
        int32_t margin;
    } cases[] = {
        {4, 1, 0, 0, -1},
        {4, 1, 0, 2, -1},
        {4, 1, 0, 3, 0}, /* who is ready needs no allowance */
        {5, 1, 0, 0, 0},
        {5, 1, 0, 4, 1},
        {7, 1, 0, 0, -1},
        {7, 1, 0, 4, -1}, /* the two others may both be down */
        {7, 1, 0, 5, 0},
        {7, 1, 0, 6, 1},
        {7, 2, 0, 0, -1},
        {7, 2, 0, 4, 0},
        {7, 2, 1, 0, -1},
        {7, 2, 2, 0, 0},
        {4, 0, 1, 0, 0},
        {6, 0, 1, 0, 1},
        {1, 0, 1, 0, 0},
        {3, 0, 1, 0, 1},
        {32, 10, 0, 0, -3},
    };
    struct world *w = gov_world(4, false);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(
            valset_margin_of(
                cases[i].count, cases[i].leave, cases[i].join, cases[i].ready)
                .margin,
            cases[i].margin);
    assert_int_equal(gov_change(w, LIST(4), NOBODY, 3), V_MARGIN);
    assert_int_equal(w->why.have, 2);
    assert_int_equal(w->why.need, 3);
    assert_int_equal(w->why.margin.stay, 3);
    assert_int_equal(w->why.margin.faulty, 1);
    assert_int_equal(w->why.margin.join, 0);
    assert_int_equal(w->why.margin.quorum, 3);
    assert_int_equal(w->why.margin.margin, -1);
    assert_int_equal(gov_change(w, LIST(9), NOBODY, 3), V_UNKNOWN);
    assert_int_equal(w->why.margin.stay, 0); /* of another refusal: none */
    gov_candidate(w, 5);
    assert_int_equal(gov_change(w, LIST(4), LIST(5), 3), V_OK);
    world_free(w);
}

/* E7 few at once: a set shrinks in good order when those who stay have proved
 * that they live, and not longer than 10,000 blocks ago. */
static void test_change_shrinks_when_those_who_stay_are_ready(void **state)
{
    struct world *w = gov_world(7, false);
    uint64_t said;

    (void)state;
    for (uint16_t i = 1; i <= 4; i++)
        assert_int_equal(gov_ready_in_force(w, i), V_OK);
    assert_int_equal(gov_ready_in_force(w, 7), V_OK); /* who leaves: no help */
    said = w->block.height;
    assert_int_equal(gov_change(w, LIST(7), NOBODY, 5), V_MARGIN);
    assert_int_equal(w->why.margin.stay, 6);
    assert_int_equal(w->why.margin.ready, 4);
    assert_int_equal(w->why.margin.down, 2);
    assert_int_equal(w->why.margin.quorum, 5);
    assert_int_equal(w->why.margin.margin, -1);
    assert_int_equal(w->why.have, 4);
    assert_int_equal(w->why.need, 5);
    assert_int_equal(gov_ready_in_force(w, 5), V_OK);
    w->block.height = said + READY_BLOCKS + 1;
    assert_int_equal(gov_change(w, LIST(7), NOBODY, 5), V_MARGIN);
    assert_int_equal(w->why.margin.ready, 0);
    w->block.height = said + READY_BLOCKS;
    assert_int_equal(gov_change(w, LIST(7), NOBODY, 5), V_OK);
    assert_false(gov_is_ready(w, gov_key(7))); /* nobody asks it any more */
    world_free(w);
}

/* R166: The set that a change makes is in force from the next block on, in a
 * new epoch; the sets of past epochs stay on the ledger. */
static void test_change_begins_an_epoch_and_keeps_the_past(void **state)
{
    struct world *w = gov_world(4, false);
    const struct hash past = epoch_key(0);
    struct validators_row before;
    struct validators_row after;
    struct validators_row kept;
    struct candidate_row candidate;
    const struct event *e;
    struct pubkey key = gov_key(4);
    struct hash hash;

    (void)state;
    assert_true(gov_row(w, &before));
    assert_int_equal(before.set.epoch, 0);
    assert_int_equal(before.since_height, 0);
    gov_candidate(w, 5);
    gov_candidate(w, 2);
    memset(&kept, 0, sizeof kept);
    assert_false(exec_get(&w->view, &kept, TABLE_VALIDATORS, &gov_zero, &past));
    w->event_count = 0;
    assert_int_equal(gov_change(w, LIST(4), LIST(5), 3), V_OK);
    assert_true(gov_row(w, &after));
    assert_int_equal(after.set.epoch, 1);
    assert_int_equal(after.set.count, 4);
    assert_int_equal(after.since_height, w->block.height);
    assert_int_equal(valset_check(&after.set), ERR_NONE);
    assert_int_equal(valset_find(&after.set, &key), -1);
    key = gov_new_key(5);
    assert_true(valset_find(&after.set, &key) >= 0);
    hash = gov_spki(5);
    assert_memory_equal(
        &after.set.list[valset_find(&after.set, &key)].spki_hash,
        &hash,
        sizeof hash);
    assert_true(exec_get(&w->view, &kept, TABLE_VALIDATORS, &gov_zero, &past));
    assert_memory_equal(&kept, &before, sizeof kept);
    assert_false(gov_runs_validator(w, 4));
    assert_true(gov_runs_validator(w, 5));
    assert_true(gov_runs_validator(w, 1));
    assert_false(gov_candidate_row(w, &candidate, 5));
    assert_true(gov_candidate_row(w, &candidate, 2)); /* it stays one */
    assert_int_equal(w->event_count, 1);
    e = &w->events[0];
    hash = valset_hash(&after.set);
    assert_int_equal(e->kind, EVENT_VALIDATORS_CHANGED);
    assert_int_equal(e->number, 1);
    assert_int_equal(e->quantity, 4);
    assert_memory_equal(&e->document, &hash, sizeof hash);
    world_at(w, TODAY);
    assert_int_equal(gov_change(w, LIST(2), LIST(2), 3), V_OK);
    assert_true(gov_runs_validator(w, 2)); /* rotated */
    key = gov_new_key(2);
    assert_true(gov_row(w, &after));
    assert_int_equal(after.set.epoch, 2);
    assert_true(valset_find(&after.set, &key) >= 0);
    world_free(w);
}

/* R170: Governance is signed by an operator of each of as many institutions as
 * make a quorum of the validators in force, each running one of them. */
static void test_change_needs_a_quorum_of_the_set_in_force(void **state)
{
    struct world *w = gov_world(4, false);
    struct op_validators_change *op = calloc(1, sizeof *op);
    struct gov_signing s = {.filer = 1, .operators = {1, 2}};

    (void)state;
    assert_non_null(op);
    gov_candidate(w, 5);
    op->join_count = 1;
    op->join[0] = (struct validator_item){5, gov_new_key(5)};
    assert_int_equal(gov_apply(w, OP_VALIDATORS_CHANGE, op, &s), V_SIG_MISSING);
    assert_int_equal(w->why.have, 2);
    assert_int_equal(w->why.need, 3);
    s.operators[2] = 5; /* runs none yet */
    assert_int_equal(gov_apply(w, OP_VALIDATORS_CHANGE, op, &s), V_SIG_MISSING);
    s.operators[2] = 4;
    s.no_maker = true; /* who files it signs besides */
    assert_int_equal(gov_apply(w, OP_VALIDATORS_CHANGE, op, &s), V_SIG_MISSING);
    s.no_maker = false;
    assert_int_equal(gov_apply(w, OP_VALIDATORS_CHANGE, op, &s), V_OK);
    free(op);
    world_at(w, TODAY);
    gov_candidate(w, 6);
    assert_int_equal(gov_change(w, NOBODY, LIST(6), 3), V_SIG_MISSING);
    assert_int_equal(w->why.need, 4); /* of five */
    assert_int_equal(gov_change(w, NOBODY, LIST(6), 4), V_OK);
    world_free(w);
}

static enum verdict params_change(struct world *w,
                                  const struct genesis_params *p,
                                  uint16_t signers)
{
    const struct op_params_change op = {*p};
    struct gov_signing s = {.filer = 1};

    for (uint16_t i = 0; i < signers; i++)
        s.operators[i] = (uint16_t)(i + 1);
    return gov_apply(w, OP_PARAMS_CHANGE, &op, &s);
}

/* R184: Shared parameters are within the ranges of a genesis. */
static void test_params_out_of_range_are_refused(void **state)
{
    struct world *w = gov_world(4, false);
    struct genesis_params p;

    (void)state;
    genesis_defaults(&p);
    p.t_view_ms = p.t_leader_ms - 1;
    assert_int_equal(params_change(w, &p, 3), V_PARAMS);
    genesis_defaults(&p);
    p.t_cap_ms = 60001;
    assert_int_equal(params_change(w, &p, 3), V_PARAMS);
    genesis_defaults(&p);
    p.block_txs_max = 0;
    assert_int_equal(params_change(w, &p, 3), V_PARAMS);
    genesis_defaults(&p);
    assert_int_equal(params_change(w, &p, 2), V_SIG_MISSING);
    world_free(w);
}

/* E13 parameters at a start; R185: A change of parameters is in force from the
 * next block on, in a new epoch of the same validators; a block changes either
 * once. */
static void test_params_change_begins_an_epoch_of_the_same_set(void **state)
{
    struct world *w = gov_world(4, false);
    const struct row_key key = {.table = TABLE_SHARED};
    struct genesis_params p;
    struct validators_row before;
    struct validators_row after;
    struct shared_row row;

    (void)state;
    assert_true(gov_row(w, &before));
    gov_candidate(w, 5);
    genesis_defaults(&p);
    p.t_leader_ms = 300;
    assert_int_equal(w->view.get(w->view.ctx, &key).size, 0);
    assert_int_equal(params_change(w, &p, 3), V_OK);
    assert_int_equal(params_change(w, &p, 3), V_EPOCH);
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_EPOCH);
    assert_true(gov_row(w, &after));
    assert_int_equal(after.set.epoch, 1);
    assert_int_equal(after.since_height, w->block.height);
    assert_int_equal(after.set.count, 4);
    assert_memory_equal(after.set.list, before.set.list, sizeof after.set.list);
    assert_true(exec_get(&w->view, &row, TABLE_SHARED, &gov_zero, &gov_zero));
    assert_memory_equal(&row.params, &p, sizeof p);
    assert_int_equal(row.since_height, w->block.height);
    world_at(w, TODAY);
    assert_int_equal(gov_change(w, NOBODY, LIST(5), 3), V_OK);
    assert_int_equal(params_change(w, &p, 4), V_EPOCH);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_change_leaver_unknown_or_twice_is_refused),
        cmocka_unit_test(test_change_joiner_not_announced_is_refused),
        cmocka_unit_test(test_change_twice_in_a_block_waits_for_the_next),
        cmocka_unit_test(test_change_member_joining_is_refused),
        cmocka_unit_test(test_change_joiner_not_ready_or_stale_is_refused),
        cmocka_unit_test(test_change_of_too_many_at_once_is_refused),
        cmocka_unit_test(test_change_to_too_few_or_too_many_is_refused),
        cmocka_unit_test(test_change_to_two_of_one_institution_is_refused),
        cmocka_unit_test(test_change_that_thins_the_quorum_shows_the_margin),
        cmocka_unit_test(test_params_out_of_range_are_refused),
        cmocka_unit_test(test_params_change_begins_an_epoch_of_the_same_set),
        cmocka_unit_test(test_change_shrinks_when_those_who_stay_are_ready),
        cmocka_unit_test(test_change_begins_an_epoch_and_keeps_the_past),
        cmocka_unit_test(test_change_needs_a_quorum_of_the_set_in_force),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
