/* Bans, clocks and queues, without a network. */
#include "net/queue.h"
#include "net/score.h"
#include "net/skew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"

/* ---- score.h ---- */

static void test_score_bulk_bans_double_from_a_minute_to_an_hour(void **x)
{
    static const uint64_t minutes[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct score s = {0};
    uint64_t now = 5000;

    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
        score_fault(&s, CHANNEL_BULK, now);
        assert_int_equal(score_barred_ms(&s, CHANNEL_BULK, now),
                         minutes[i] * 60000);
        assert_int_equal(score_barred_ms(&s, CHANNEL_CONSENSUS, now), 0);
        now += minutes[i] * 60000;
        assert_int_equal(score_barred_ms(&s, CHANNEL_BULK, now), 0);
        now += 1000;
    }
    assert_int_equal(s.bans, ARRAY_LEN(minutes));
}

static void test_score_faults_at_once_are_one_ban(void **x)
{
    struct score s = {0};

    (void)x;
    for (uint64_t i = 0; i < 500; i++)
        score_fault(&s, CHANNEL_BULK, 1000 + i);
    assert_int_equal(s.bans, 1);
    assert_int_equal(s.faults[CHANNEL_BULK], 500);
    assert_int_equal(score_barred_ms(&s, CHANNEL_BULK, 1000), SCORE_BAN_MS);
}

static void test_score_a_quiet_hour_forgives(void **x)
{
    struct score s = {0};
    uint64_t now = 1000;

    (void)x;
    score_fault(&s, CHANNEL_BULK, now);
    now += SCORE_BAN_MS + 1;
    score_fault(&s, CHANNEL_BULK, now);
    now += 2 * SCORE_BAN_MS + SCORE_QUIET_MS;
    score_fault(&s, CHANNEL_BULK, now);
    assert_int_equal(score_barred_ms(&s, CHANNEL_BULK, now), SCORE_BAN_MS);
}

static void test_score_consensus_is_kept_out_for_a_second(void **x)
{
    struct score s = {0};

    (void)x;
    for (uint64_t i = 0; i < 100; i++) {
        const uint64_t now = 1000 + i * SCORE_PAUSE_MS;

        assert_int_equal(score_barred_ms(&s, CHANNEL_CONSENSUS, now), 0);
        score_fault(&s, CHANNEL_CONSENSUS, now);
        assert_int_equal(score_barred_ms(&s, CHANNEL_CONSENSUS, now),
                         SCORE_PAUSE_MS);
    }
    assert_int_equal(s.bans, 0);
    assert_int_equal(score_barred_ms(&s, CHANNEL_BULK, 101000), 0);
}

/* ---- skew.h ---- */

static void test_skew_the_quickest_answer_counts(void **x)
{
    struct skew s = {0};
    int64_t offset;
    uint64_t error;

    (void)x;
    assert_false(skew_offset(&s, &offset, &error, 1000, 501000));
    /* 400 ms on the way, all of it back: looks 200 ms slow */
    skew_note(&s, 400000, 500600, 1000);
    assert_true(skew_offset(&s, &offset, &error, 1000, 501000));
    assert_int_equal(offset, -200);
    assert_true(error >= 200);
    skew_note(&s, 2000, 501999, 2000);
    assert_true(skew_offset(&s, &offset, &error, 2000, 502000));
    assert_int_equal(offset, 0);
    assert_true(error <= 2);
}

static void test_skew_our_own_jump_shows_at_once(void **x)
{
    struct skew s = {0};
    int64_t offset;
    uint64_t error;

    (void)x;
    for (uint64_t i = 0; i < 20; i++)
        skew_note(&s, 0, 5000000 + i * 1000, i * 1000);
    assert_true(skew_offset(&s, &offset, &error, 19500, 5019500));
    assert_int_equal(offset, 0);
    assert_true(skew_offset(&s, &offset, &error, 19501, 5019501 - 3600000));
    assert_int_equal(offset, 3600000);
}

static void test_skew_nonsense_is_left_out(void **x)
{
    struct skew s = {0};
    int64_t offset;
    uint64_t error;

    (void)x;
    skew_note(&s, 1000, UINT64_MAX, 1000);
    skew_note(&s, UINT64_MAX, 1000, 1000);
    assert_false(skew_offset(&s, &offset, &error, 1000, 1000));
    skew_note(&s, 1000, UINT64_C(1) << 50, 1000);
    assert_true(skew_offset(&s, &offset, &error, 1000, 1000));
    assert_false(skew_offset(&s, &offset, &error, 1000, UINT64_MAX));
}

static void test_skew_median_of_an_even_count_is_the_nearer(void **x)
{
    int64_t none[] = {7};
    int64_t one[] = {-300};
    int64_t two[] = {900000, 3};
    int64_t three[] = {900000, -5, 300};
    int64_t four[] = {-900000, 900000, 40, -30};
    int64_t far[] = {INT64_MIN + 1, INT64_MAX};

    (void)x;
    assert_int_equal(skew_median(none, 0), 0);
    assert_int_equal(skew_median(one, 1), -300);
    assert_int_equal(skew_median(two, 2), 3);
    assert_int_equal(skew_median(three, 3), 300);
    assert_int_equal(skew_median(four, 4), -30);
    assert_int_equal(skew_median(far, 2), INT64_MAX);
}

/* ---- queue.h ---- */

static void put(struct out_queue *q, uint8_t class, uint8_t type, size_t size)
{
    uint8_t *payload = calloc(1, size + 1);

    assert_non_null(payload);
    assert_int_equal(queue_put(q, class, type, bytes_of(payload, size)),
                     ERR_NONE);
    free(payload);
}

/* The types of the frames in b, in order. */
static void types_of(struct evbuffer *b, char *out)
{
    uint8_t head[FRAME_HEADER_BYTES];

    while (evbuffer_remove(b, head, sizeof head) == sizeof head) {
        *out++ = (char)head[4];
        assert_int_equal(head[5], FRAME_VERSION);
        evbuffer_drain(b, (size_t)head[0] | (size_t)head[1] << 8);
    }
    *out = '\0';
}

static void test_queue_gives_whole_frames_the_urgent_first(void **x)
{
    struct evbuffer *to = evbuffer_new();
    struct out_queue q;
    char order[16];

    (void)x;
    assert_int_equal(queue_init(&q), ERR_NONE);
    put(&q, CLASS_GOSSIP, 'g', 100);
    put(&q, CLASS_SYNC, 's', 3000);
    put(&q, CLASS_BODY, 'b', 200);
    put(&q, CLASS_VOTE, 'v', 0);
    put(&q, CLASS_VOTE, 'w', 10);
    put(&q, CLASS_BODY, 'c', 1);
    assert_int_equal(queue_bytes(&q), 3311 + 6 * FRAME_HEADER_BYTES);
    assert_int_equal(queue_bytes_of(&q, CLASS_SYNC), 3006);
    queue_move(&q, to, 300); /* the frame that reaches it goes whole */
    types_of(to, order);
    assert_string_equal(order, "vwbcs");
    assert_int_equal(queue_bytes(&q), 106);
    put(&q, CLASS_VOTE, 'x', 5);
    queue_move(&q, to, 100000);
    types_of(to, order);
    assert_string_equal(order, "xg");
    queue_move(&q, to, 100000);
    assert_int_equal(evbuffer_get_length(to), 0);
    queue_deinit(&q);
    evbuffer_free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_score_bulk_bans_double_from_a_minute_to_an_hour),
        cmocka_unit_test(test_score_faults_at_once_are_one_ban),
        cmocka_unit_test(test_score_a_quiet_hour_forgives),
        cmocka_unit_test(test_score_consensus_is_kept_out_for_a_second),
        cmocka_unit_test(test_skew_the_quickest_answer_counts),
        cmocka_unit_test(test_skew_our_own_jump_shows_at_once),
        cmocka_unit_test(test_skew_nonsense_is_left_out),
        cmocka_unit_test(test_skew_median_of_an_even_count_is_the_nearer),
        cmocka_unit_test(test_queue_gives_whole_frames_the_urgent_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
