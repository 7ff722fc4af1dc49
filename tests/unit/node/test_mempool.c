/* The mempool by itself: peers without limits, and what waits. */
#include "node/node.h"

#include "engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <event2/event.h>

#include <cmocka.h>

/* A node whose pools nobody drains unless asked, and whose core never steps. */
struct rig {
    struct fixture f;
    struct node *n;
};

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
    n->chain_id = r->f.chain_id;
    n->tip = *engine_tip(r->f.e);
    n->stopping = true; /* no step of the core, no misbehaviour told */
    n->config.mempool_txs = 100;
    n->config.mempool_mib = 10;
    n->base = event_base_new();
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

static void test_mempool_a_peer_is_checked_within_limits(void **state)
{
    struct rig *r = *state;
    struct node *n = r->n;
    struct buf small = frame_of(65536, 5);
    struct buf large = frame_of(100, 60000);

    /* The mail is not read: what was checked still counts. */
    mempool_take_frame(n, 3, buf_bytes(&small));
    assert_int_equal(n->pool.checking[3], CHECKING_MAX);
    assert_int_equal(n->dropped_total, 65536 - CHECKING_MAX);
    mempool_take_frame(n, 2, buf_bytes(&large));
    assert_true(n->pool.checking_bytes[2] <= CHECKING_BYTES_MAX);
    assert_int_equal(n->pool.checking[2], CHECKING_BYTES_MAX / 60000);
    settle(n);
    assert_int_equal(n->pool.checking[3], 0);
    assert_int_equal(n->pool.checking_bytes[2], 0);
    assert_int_equal(n->pool.count, 0);
    buf_deinit(&small);
    buf_deinit(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_mempool_a_peer_is_checked_within_limits, open_rig, close_rig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
