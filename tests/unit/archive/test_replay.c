/* A history replayed: what is right passes, whatever the threads; the first
 * thing that is wrong is found, and named. */
#include "archive/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/archive/history.h"

struct seen {
    uint64_t next;
    uint64_t stop_at; /* done() fails there */
};

static enum err done(void *ctx,
                     struct engine *e,
                     const struct executed_block *b,
                     const struct cert *cert)
{
    struct seen *s = ctx;

    assert_int_equal(b->header.height, s->next++);
    assert_int_equal(engine_tip(e)->height, b->header.height);
    assert_true((cert == NULL) == (b->header.height == 0));
    return b->header.height == s->stop_at ? ERR_FULL : ERR_NONE;
}

static enum err push_all(struct replay *r, const struct history *h)
{
    uint8_t cert[CERT_BYTES_MAX];

    for (uint32_t i = 0; i < h->count; i++) {
        const struct archive_block b = history_block(h, i, cert);

        TRY(replay_push(r, &b));
    }
    return replay_finish(r);
}

static void test_replay_right_history_passes_on_any_number_of_threads(void **x)
{
    struct history *h = history_new();

    (void)x;
    for (unsigned threads = 0; threads <= 5; threads++) {
        struct seen s = {.stop_at = UINT64_MAX};
        struct replay *r = replay_new(h->f.genesis, threads, done, &s);
        const struct hash tip = engine_tip_hash(h->f.e);
        struct hash got;
        struct replay_totals t;

        assert_int_equal(push_all(r, h), ERR_NONE);
        got = engine_tip_hash(replay_engine(r));
        assert_memory_equal(&got, &tip, sizeof tip);
        t = replay_totals(r);
        assert_int_equal(t.blocks, h->count);
        assert_int_equal(s.next, h->count);
        assert_int_equal(t.txs, h->f.tx_count);
        /* 8 certificates of 3 and 11 of 4; transactions of at least one */
        assert_true(t.signatures >= 8 * 3 + 11 * 4 + t.txs);
        replay_free(r);
    }
    history_free(h);
}

/* What is wrong, in which block and transaction. */
typedef void (*spoil_fn)(struct history *h);
struct wrong {
    spoil_fn spoil;
    uint64_t height;
    uint32_t tx;
    enum err err;
    const char *text;
};

static void reencode(struct history *h, uint32_t i, const struct header *header)
{
    h->blocks[i].header_size = header_encode(h->blocks[i].header, header);
}

static struct header header_at(const struct history *h, uint32_t i)
{
    struct header header;
    const enum err e = header_decode(
        &header, bytes_of(h->blocks[i].header, h->blocks[i].header_size));

    assert_int_equal(e, ERR_NONE);
    return header;
}

/* A certificate that fits what is now in the header, by its true signers. */
static void certify(struct history *h, uint32_t i, uint32_t signers)
{
    const struct header header = header_at(h, i);
    struct valset set;
    const enum err e = engine_validators_of(h->f.e, header.epoch, &set);

    assert_int_equal(e, ERR_NONE);
    h->blocks[i].cert = history_cert(h, &set, &header, signers);
}

static void sig_of_tx(struct history *h)
{
    /* the last byte of the body is one of a signature */
    h->blocks[5].body[h->blocks[5].body_size - 1] ^= 1;
}
static void sig_of_cert(struct history *h)
{
    h->blocks[4].cert.sigs[1].raw[40] ^= 1;
}
static void one_short(struct history *h)
{
    certify(h, 4, 2);
}
static void one_more(struct history *h)
{
    certify(h, 4, 4);
}
static void same_signer_twice(struct history *h)
{
    h->blocks[4].cert.sigs[1] = h->blocks[4].cert.sigs[0];
}
static void old_set(struct history *h)
{
    const struct valset set = genesis_valset(h->f.genesis);
    const struct header header = header_at(h, 9);

    h->blocks[9].cert = history_cert(h, &set, &header, 3);
    h->blocks[9].cert.epoch = 1;
}
static void epoch_ahead(struct history *h)
{
    struct header header = header_at(h, 6);

    header.epoch = 1;
    reencode(h, 6, &header);
    certify(h, 6, 4);
}
static void epoch_behind(struct history *h)
{
    struct header header = header_at(h, 9);

    header.epoch = 0;
    reencode(h, 9, &header);
    certify(h, 9, 3);
}
static void state_root_(struct history *h)
{
    struct header header = header_at(h, 10);

    header.state_root.raw[3] ^= 1;
    reencode(h, 10, &header);
    certify(h, 10, 4);
}
static void left_out(struct history *h)
{
    memmove(&h->blocks[3], &h->blocks[4], (h->count - 4) * sizeof h->blocks[0]);
    h->count--;
}
static void swapped(struct history *h)
{
    const struct history_block b = h->blocks[11];

    h->blocks[11] = h->blocks[12];
    h->blocks[12] = b;
}
static void body_count(struct history *h)
{
    h->blocks[13].body[0] ^= 1;
}
static void genesis_block(struct history *h)
{
    struct header header = header_at(h, 0);

    header.time_ms++;
    reencode(h, 0, &header);
}
/* The body of another block: transactions that took effect before. */
static void twice(struct history *h)
{
    struct header header = header_at(h, 12);
    const struct header other = header_at(h, 11);

    memcpy(h->blocks[12].body, h->blocks[11].body, sizeof h->blocks[11].body);
    h->blocks[12].body_size = h->blocks[11].body_size;
    header.tx_count = other.tx_count;
    header.body_bytes = other.body_bytes;
    reencode(h, 12, &header);
    certify(h, 12, 4);
}
/* Several at once: the first counts, and in it transactions before the
 * certificate. */
static void several(struct history *h)
{
    sig_of_tx(h);
    h->blocks[5].cert.sigs[0].raw[40] ^= 1;
    state_root_(h);
    h->blocks[16].cert.sigs[0].raw[40] ^= 1;
    body_count(h);
}
static void malformed_tx(struct history *h)
{
    h->blocks[5].body[8] ^= 0xff; /* the version of the first transaction */
}

static const struct wrong wrongs[] = {
    {sig_of_tx, 5, 2, ERR_SIGNATURE, "block 5, transaction 2: a signature"},
    {malformed_tx, 5, 0, ERR_VERSION, "transaction 0: it is not well-formed"},
    {sig_of_cert, 4, UINT32_MAX, ERR_SIGNATURE, "block 4: a signature of its"},
    {one_short, 4, UINT32_MAX, ERR_QUORUM, "not exactly a quorum"},
    {one_more, 4, UINT32_MAX, ERR_QUORUM, "not exactly a quorum"},
    {same_signer_twice, 4, UINT32_MAX, ERR_SIGNATURE, "does not verify"},
    {old_set, 9, UINT32_MAX, ERR_QUORUM, "not exactly a quorum"},
    {epoch_ahead, 6, UINT32_MAX, ERR_CHAIN, "its epoch is not"},
    {epoch_behind, 9, UINT32_MAX, ERR_CHAIN, "its epoch is not"},
    {state_root_, 10, UINT32_MAX, ERR_MISMATCH, "does not agree: state_root"},
    {left_out, 4, UINT32_MAX, ERR_ORDER, "block 4: it is not the block that"},
    {swapped, 12, UINT32_MAX, ERR_ORDER, "not the block that follows"},
    {body_count, 13, UINT32_MAX, ERR_MISMATCH, "its body is no list"},
    {genesis_block, 0, UINT32_MAX, ERR_MISMATCH, "that the genesis gives"},
    {twice, 12, 0, ERR_REFUSED, "execution refuses it: E_DUPLICATE"},
    {several, 5, 2, ERR_SIGNATURE, "block 5, transaction 2: a signature"},
};

static void test_replay_first_wrong_thing_is_named(void **x)
{
    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
        for (unsigned threads = 1; threads <= 4; threads++) {
            const struct wrong *w = &wrongs[i];
            struct history *h = history_new();
            struct seen s = {.stop_at = UINT64_MAX};
            struct replay *r = replay_new(h->f.genesis, threads, done, &s);
            const struct replay_failure *f;
            char text[REPLAY_TEXT_MAX];

            w->spoil(h);
            assert_int_equal(push_all(r, h), ERR_REFUSED);
            assert_int_equal(replay_finish(r), ERR_REFUSED); /* stays */
            f = replay_failure(r);
            replay_say(text, f);
            assert_non_null(strstr(text, w->text));
            assert_int_equal(f->height, w->height);
            assert_int_equal(f->tx, w->tx);
            assert_int_equal(f->err, w->err);
            /* Y2; a block left out or moved leaves the ones before it */
            assert_int_equal(s.next,
                             w->spoil == left_out  ? 3
                             : w->spoil == swapped ? 11
                                                   : w->height);
            replay_free(r);
            history_free(h);
        }
    }
}

static void test_replay_error_of_done_ends_it(void **x)
{
    struct history *h = history_new();
    struct seen s = {.stop_at = 6};
    struct replay *r = replay_new(h->f.genesis, 2, done, &s);

    (void)x;
    assert_int_equal(push_all(r, h), ERR_FULL);
    assert_int_equal(s.next, 7);
    assert_int_equal(replay_finish(r), ERR_FULL);
    replay_free(r);
    history_free(h);
}

static void test_replay_differing_state_tells_what_was_changed(void **x)
{
    struct history *h = history_new();
    struct replay *r = replay_new(h->f.genesis, 2, NULL, NULL);
    const struct engine_refusal *refusal;

    (void)x;
    state_root_(h);
    assert_int_equal(push_all(r, h), ERR_REFUSED);
    assert_true(replay_failure(r)->executed);
    refusal = engine_refused(replay_engine(r));
    assert_int_equal(refusal->tx, UINT32_MAX);
    assert_true(refusal->change_count > 0);
    for (uint32_t i = 1; i < refusal->change_count; i++)
        assert_true(refusal->changes[i - 1].key.table <=
                    refusal->changes[i].key.table);
    replay_free(r);
    history_free(h);
}

static void test_replay_given_up_midway_frees_all(void **x)
{
    struct history *h = history_new();
    struct replay *r = replay_new(h->f.genesis, 4, NULL, NULL);
    uint8_t cert[CERT_BYTES_MAX];

    (void)x;
    for (uint32_t i = 0; i < h->count; i++) {
        const struct archive_block b = history_block(h, i, cert);

        assert_int_equal(replay_push(r, &b), ERR_NONE);
    }
    replay_free(r);
    history_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_replay_right_history_passes_on_any_number_of_threads),
        cmocka_unit_test(test_replay_first_wrong_thing_is_named),
        cmocka_unit_test(test_replay_error_of_done_ends_it),
        cmocka_unit_test(test_replay_differing_state_tells_what_was_changed),
        cmocka_unit_test(test_replay_given_up_midway_frees_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
