/* The mempool by itself: peers without limits, and what waits. */
#include "crypto/transport.h"
#include "node/node.h"

#include "tests/unit/engine/engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cmocka.h>

/* A node whose pools nobody drains unless asked, and whose core never steps. */
struct rig {
    struct fixture f;
    struct node *n;
};

static void no_gossip(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx;
}

static void no_frame(void *ctx,
                     uint8_t index,
                     uint8_t channel,
                     uint8_t type,
                     struct bytes payload)
{
    (void)ctx;
    (void)index;
    (void)channel;
    (void)type;
    (void)payload;
}

/* Links to nobody; slots 0 to 3 are validators. */
static void open_peers(struct node *n)
{
    struct peers_identity known[4] = {{.port = 0}};
    struct peers_config c = {.base = n->base,
                             .self = {.raw = {0xff}},
                             .listen_host = "127.0.0.1",
                             .types = replica_types,
                             .type_count = REPLICA_TYPES,
                             .software = "test",
                             .protocol = HELLO_PROTOCOL};
    const struct peers_callbacks callbacks = {.on_frame = no_frame};
    struct secret secret;

    n->set.count = 4;
    assert_int_equal(transport_key_new(&secret), ERR_NONE);
    assert_int_equal(
        transport_identity(&n->tls_key, &n->tls_certificate, &secret),
        ERR_NONE);
    c.key = n->tls_key;
    c.certificate = n->tls_certificate;
    assert_int_equal(peers_new(&n->peers, &c, &callbacks), ERR_NONE);
    for (uint8_t i = 0; i < 4; i++) {
        n->set.list[i].key.raw[0] = (uint8_t)(i + 1);
        known[i].key = n->set.list[i].key;
        known[i].validator = true;
    }
    peers_know(n->peers, known, 4, 0, HELLO_OBSERVER);
}

static int open_rig(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct node *n = calloc(1, sizeof *n);

    assert_true(r != NULL && n != NULL);
    fixture_init(&r->f);
    fixture_fill(&r->f);
    r->n = n;
    n->engine = r->f.e;
    n->genesis = r->f.genesis;
    n->params = n->genesis->params;
    n->chain_id = r->f.chain_id;
    n->tip = *engine_tip(r->f.e);
    n->stopping = true; /* no step of the core, no misbehaviour told */
    n->config.mempool_txs = 100;
    n->config.mempool_mib = 10;
    n->base = event_base_new();
    n->gossip_event = event_new(n->base, -1, 0, no_gossip, NULL);
    open_peers(n);
    n->mail = mail_new(n->base);
    n->verify = pool_new("verify", 1, n->mail);
    n->executor = pool_new("executor", 1, n->mail);
    n->scratch = calloc(BLOCK_TXS_MAX, sizeof n->scratch[0]);
    n->refusals = calloc(REFUSALS_KEPT, sizeof n->refusals[0]);
    assert_true(n->scratch != NULL && n->refusals != NULL);
    *state = r;
    return 0;
}

/* Everything that is under way ends. */
static void settle(struct node *n)
{
    for (int i = 0; i < 4; i++) {
        pool_stop(n->verify);
        mail_drain(n->mail);
        pool_stop(n->executor);
        mail_drain(n->mail);
        n->verify = pool_new("verify", 1, n->mail);
        n->executor = pool_new("executor", 1, n->mail);
    }
}

static int close_rig(void **state)
{
    struct rig *r = *state;
    struct node *n = r->n;

    settle(n);
    pool_stop(n->verify);
    pool_stop(n->executor);
    mempool_free(n);
    mail_free(n->mail);
    peers_free(n->peers);
    EVP_PKEY_free(n->tls_key);
    X509_free(n->tls_certificate);
    event_free(n->gossip_event);
    event_base_free(n->base);
    free(n->scratch);
    free(n->refusals);
    free(n);
    fixture_deinit(&r->f);
    free(r);
    return 0;
}

/* A frame with count times these bytes, the first four replaced by a number:
 * all are different. */
static struct buf frame_of(uint32_t count, size_t size)
{
    struct buf b = {0};
    struct writer w;

    buf_append(&b, NULL, 4 + count * (4 + size));
    w = writer_of(b.at, 4);
    writer_u32(&w, count);
    for (uint32_t i = 0; i < count; i++) {
        w = writer_of(b.at + 4 + i * (4 + size), 8);
        writer_u32(&w, (uint32_t)size);
        writer_u32(&w, i);
    }
    return b;
}

/* As many signatures as the limit, whatever is in the frame; the rest waits. */
static void test_mempool_a_peer_is_checked_within_limits(void **state)
{
    struct rig *r = *state;
    struct node *n = r->n;
    struct buf small = frame_of(65536, 5);
    struct buf large = frame_of(100, 60000);

    /* The mail is not read: what was checked still counts. */
    intake_take(n, 3, buf_bytes(&small));
    assert_int_equal(n->pool.intake[3].checks, CHECKS_MAX);
    assert_int_equal(n->pool.intake[3].left, 65536 - CHECKS_MAX);
    intake_take(n, 2, buf_bytes(&large));
    assert_in_range(
        n->pool.intake[2].checks, CHECKS_MAX, CHECKS_MAX + TX_SIGS_MAX);
    assert_int_equal(n->pool.intake[2].left, 98);
    /* Another message of it, before this one is through: one too many. */
    intake_take(n, 2, buf_bytes(&large));
    assert_int_equal(n->pool.intake[2].left, 98);
    settle(n); /* it is stopping: nothing more is begun */
    assert_int_equal(n->pool.intake[3].checks, 0);
    assert_int_equal(n->pool.intake[2].checks, 0);
    assert_int_equal(n->pool.count, 0);
    buf_deinit(&small);
    buf_deinit(&large);
}

static void test_mempool_what_waits_is_checked_as_room_comes(void **state)
{
    struct rig *r = *state;
    struct node *n = r->n;
    struct buf frame = frame_of(1000, 200);
    uint64_t turns = 0;

    intake_take(n, 1, buf_bytes(&frame));
    assert_int_equal(n->pool.intake[1].left, 1000 - (CHECKS_MAX + 2) / 3);
    n->refused_total = 0;
    while (n->refused_total < 1000) {
        struct mtx *m;

        settle(n);
        /* As check_done does while the node runs. */
        m = mempool_new_tx(n, bytes_of("", 0));
        m->from = 1;
        n->stopping = false;
        intake_checked(n, m);
        n->stopping = true;
        mempool_release(m);
        assert_true(n->pool.intake[1].checks < CHECKS_MAX + 3);
        assert_true(turns++ < 100);
    }
    assert_int_equal(n->pool.intake[1].left, 0);
    assert_int_equal(n->pool.intake[1].frame.size, 0);
    assert_true(turns >= 1000 / (CHECKS_MAX / 3 + 1));
    buf_deinit(&frame);
}

static struct mtx *submit(struct node *n, const struct tx *tx)
{
    struct mtx *m = mempool_new_tx(n, tx->full_bytes);

    m->local = true;
    mempool_check(m);
    settle(n);
    return mempool_by_id(n, &tx->id);
}

/* The shares of account 1 all go to 2, in a candidate that is not final. */
static const struct executed_block *candidate(struct rig *r)
{
    struct engine_candidate_tx offered = {
        .tx = fixture_transfer(&r->f, 1, 2, 1000)};
    const struct executed_block *b;

    engine_build(r->n->engine,
                 &b,
                 9,
                 0,
                 engine_tip(r->n->engine)->time_ms + 1,
                 &offered,
                 1);
    assert_non_null(b);
    return b;
}

static void make_tip(struct node *n, const struct executed_block *b)
{
    const struct store_block s = {.header = &b->header,
                                  .hash = b->hash,
                                  .changes = b->changes,
                                  .tx_ids = b->tx_ids};

    n->tip = engine_commit(n->engine, &b->hash)->header;
    mempool_committed(n, &s, false);
}

static uint32_t today(void)
{
    return (uint32_t)(node_wall_ms() / FIXTURE_DAY_MS);
}

static const struct tx *open_today(struct rig *r, uint8_t account)
{
    const struct op_account_open op = fixture_account(account);

    return fixture_tx_on(&r->f, today(), OP_ACCOUNT_OPEN, &op);
}

static const struct tx *transfer_today(struct rig *r,
                                       uint8_t from,
                                       uint64_t shares)
{
    struct op_transfer op = {.security = "S",
                             .from = fixture_account_id(&r->f, from),
                             .to = fixture_account_id(&r->f, 3),
                             .quantity = {shares},
                             .selector = {NATURE_ANY, 0, 0},
                             .price_fen = 100,
                             .payment = {{1}}};

    op.document.raw[0] = 1;
    return fixture_tx_on(&r->f, today(), OP_TRANSFER, &op);
}

static void test_mempool_a_refusal_on_a_candidate_does_not_count(void **state)
{
    struct rig *r = *state;
    struct node *n = r->n;
    const struct executed_block *b = candidate(r);
    const struct tx *tx = transfer_today(r, 1, 10);
    struct mtx *m = submit(n, tx);

    assert_non_null(m);
    assert_true(m->judged && m->doubtful);
    assert_int_equal(m->last.verdict, V_AVAILABLE);
    assert_int_equal(m->state, MTX_READY);
    make_tip(n, b);
    settle(n);
    assert_null(mempool_by_id(n, &tx->id));
    assert_int_equal(n->refusals[0].why.verdict, V_AVAILABLE);
}

static void test_mempool_a_refusal_on_the_tip_counts(void **state)
{
    struct rig *r = *state;
    const struct tx *tx = transfer_today(r, 1, 1001);

    assert_null(submit(r->n, tx));
    assert_int_equal(r->n->refusals[0].why.verdict, V_AVAILABLE);
    assert_memory_equal(&r->n->refusals[0].id, &tx->id, HASH_BYTES);
}

/* Account 1 changes: what names it is asked again, what names another not. */
static void test_mempool_what_a_block_touched_is_asked_again(void **state)
{
    struct rig *r = *state;
    struct node *n = r->n;
    struct mtx *touched = submit(n, transfer_today(r, 1, 10));
    struct mtx *other = submit(n, open_today(r, 9));
    struct hash id;

    assert_true(touched != NULL && other != NULL);
    id = touched->id;
    assert_int_equal(n->pool.ready, 2);
    make_tip(n, candidate(r));
    assert_true(touched->rechecking);
    assert_false(other->rechecking);
    settle(n);
    assert_null(mempool_by_id(n, &id));
    assert_int_equal(n->pool.ready, 1);
    recheck_after(n, &(struct change_set){0}, true);
    assert_true(other->rechecking); /* a new day */
}

/* A block that becomes the tip after the executor has ended asks nobody: the
 * node is on its way down. */
static void test_mempool_after_the_executor_nobody_is_asked(void **state)
{
    struct rig *r = *state;
    struct node *n = r->n;
    struct mtx *m = submit(n, transfer_today(r, 1, 10));
    const struct executed_block *b = candidate(r);

    assert_non_null(m);
    pool_stop(n->executor);
    n->executor = NULL;
    make_tip(n, b);
    assert_false(m->rechecking);
    n->executor = pool_new("executor", 1, n->mail);
}

static void test_mempool_half_a_block_while_others_wait(void **state)
{
    struct rig *r = *state;
    struct node *n = r->n;
    struct mtx *offered[BLOCK_TXS_MAX];
    struct mtx *last = NULL;
    uint32_t count;

    n->params.block_txs_max = 4;
    for (uint8_t i = 20; i < 26; i++) {
        last = submit(n, open_today(r, i));
        assert_non_null(last);
    }
    last->facts.institution = 2;
    count = mempool_offer(n, offered);
    assert_int_equal(count, 4);
    assert_ptr_equal(offered[0], n->pool.oldest);
    assert_ptr_equal(offered[2], last); /* the newest of all, of another */
    assert_ptr_equal(offered[3], n->pool.oldest->newer->newer);
    for (uint32_t i = 0; i < count; i++)
        mempool_release(offered[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_mempool_what_waits_is_checked_as_room_comes,
            open_rig,
            close_rig),
        cmocka_unit_test_setup_teardown(
            test_mempool_a_peer_is_checked_within_limits, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(
            test_mempool_a_refusal_on_a_candidate_does_not_count,
            open_rig,
            close_rig),
        cmocka_unit_test_setup_teardown(
            test_mempool_a_refusal_on_the_tip_counts, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(
            test_mempool_what_a_block_touched_is_asked_again,
            open_rig,
            close_rig),
        cmocka_unit_test_setup_teardown(
            test_mempool_after_the_executor_nobody_is_asked,
            open_rig,
            close_rig),
        cmocka_unit_test_setup_teardown(
            test_mempool_half_a_block_while_others_wait, open_rig, close_rig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
