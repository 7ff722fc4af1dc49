/* The real driver and its clients: what is final is told, nothing else; and a
 * client's transaction reaches every validator. */
#include "tests/unit/node/driver_node.h"

/* The id of the first transaction of a block of the chain. */
static struct hash first_tx(const struct link *b)
{
    struct body *body = malloc(sizeof *body);
    struct tx *tx = malloc(sizeof *tx);
    struct hash id;

    ASSERT(body != NULL && tx != NULL);
    assert_int_equal(body_split(body, buf_bytes(&b->body)), ERR_NONE);
    assert_int_equal(tx_decode(tx, body->txs[0]), ERR_NONE);
    id = tx->id;
    free(tx);
    free(body);
    return id;
}

static json_t *call(const char *method, json_t *params)
{
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *json;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig.rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    json = rpc_client_call(c, method, params, 5000, &why);
    rpc_client_free(c);
    return json;
}

static bool is_final(const struct hash *id)
{
    char hex[2 * HASH_BYTES + 1];
    json_t *json;
    const char *state;
    bool final;

    hex_encode(hex, id->raw, sizeof id->raw);
    json = call("tx_get", json_pack("{s:s}", "id", hex));
    assert_non_null(json);
    state = json_string_value(json_object_get(json, "state"));
    final = state != NULL && strcmp(state, "FINAL") == 0;
    json_decref(json);
    return final;
}

/* X6 readers see final state, D7 final after disk: a block that a quorum may
 * have notarised is executed here and voted for, and no reader sees it; what
 * was told final is still there after kill -9. */
static void test_driver_only_what_is_final_is_told(void **state)
{
    const struct hash id = first_tx(&rig.chain[1]);

    (void)state;
    rig_start(&rig);
    rig_ready();
    fake_propose(&rig.fakes[1], &rig.chain[1], BODY_RIGHT);
    WAIT_FOR(rig_notarized(&rig, 1));
    assert_true(rig_is_at(&rig, 0));
    assert_false(is_final(&id));
    rig_announce(&rig, 1);
    WAIT_FOR(is_final(&id));
    rig_kill(&rig);
    rig_start(&rig);
    rig_ready();
    assert_true(is_final(&id));
    assert_true(rig_is_at(&rig, 1));
}

/* I6 transactions reach all: whoever leads next may take it. */
static void test_driver_client_transaction_goes_to_all(void **state)
{
    const struct op_account_open op = fixture_account(200);
    const struct tx *tx =
        fixture_tx_on(&rig.f,
                      (uint32_t)(node_wall_ms() / FIXTURE_DAY_MS),
                      OP_ACCOUNT_OPEN,
                      &op);
    char *hex = malloc(2 * tx->full_bytes.size + 1);
    json_t *json;

    (void)state;
    ASSERT(hex != NULL);
    hex_encode(hex, tx->full_bytes.at, tx->full_bytes.size);
    rig_start(&rig);
    rig_ready();
    json = call("tx_submit", json_pack("{s:s}", "tx", hex));
    assert_non_null(json);
    json_decref(json);
    free(hex);
    WAIT_FOR(rig.fakes[1].got[MSG_TXS] > 0 && rig.fakes[2].got[MSG_TXS] > 0 &&
             rig.fakes[3].got[MSG_TXS] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
        TEST(test_driver_only_what_is_final_is_told),
        TEST(test_driver_client_transaction_goes_to_all),
#undef TEST
    };

    return cmocka_run_group_tests(tests, rig_make, rig_unmake);
}
