/* What a backup says is found out from its files: a history of two epochs is
 * written into a database as a node does, with one thing wrong or none, and
 * backed up. */
#include "archive/replay.h"
#include "node/backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/archive/history.h"

static char dir[64];

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char command[300];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/equity-verify-XXXXXX");
    assert_non_null(mkdtemp(dir));
    run("mkdir %s/data", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    run("rm -rf %s", dir);
    return 0;
}

/* Changes what is stored of a block. */
typedef void (*spoil_fn)(struct store_block *b, struct cert *cert);

struct writing {
    struct store *store;
    uint64_t height; /* of the block that is spoilt */
    spoil_fn spoil;
};

static enum err write_block(void *ctx,
                            struct engine *e,
                            const struct executed_block *b,
                            const struct cert *cert)
{
    struct writing *w = ctx;
    struct cert copy = cert != NULL ? *cert : (struct cert){.kind = 0};
    struct mtree_log log = *engine_header_log(e);
    struct buf roots = {0};
    struct store_block block = {.header = &b->header,
                                .hash = b->hash,
                                .cert = cert != NULL ? &copy : NULL,
                                .header_bytes = b->header_bytes,
                                .body = b->body,
                                .events = b->events,
                                .changes = b->changes,
                                .tx_ids = b->tx_ids,
                                .header_log = &log};

    engine_roots(e, b, &roots);
    block.roots = buf_bytes(&roots);
    if (w->spoil != NULL && b->header.height == w->height)
        w->spoil(&block, &copy);
    assert_int_equal(store_put_block(w->store, &block), ERR_NONE);
    assert_int_equal(store_index(w->store, &block), ERR_NONE);
    buf_deinit(&roots);
    return ERR_NONE;
}

static enum err checkpoint(void *ctx, const char *path)
{
    return store_checkpoint(ctx, path);
}

/* Writes the first `blocks` of the history, backs them up in dir/b. */
static void make(uint32_t blocks, uint64_t height, spoil_fn spoil)
{
    struct history *h = history_new();
    const struct store_options options = {.cache_bytes = 1 << 20,
                                          .create = true};
    struct writing w = {.height = height, .spoil = spoil};
    struct replay *r = replay_new(h->f.genesis, 1, write_block, &w);
    struct backup_plan p = {.genesis = h->f.genesis,
                            .chain_id = h->f.chain_id,
                            .checkpoint = checkpoint};
    struct backup_result made;
    char data[80];
    char db[90];
    char to[80];
    char message[200];

    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(db, sizeof db, "%s/db", data);
    snprintf(to, sizeof to, "%s/b", dir);
    run("rm -rf %s %s", db, to);
    assert_int_equal(
        store_open(
            &w.store, db, &h->f.chain_id, &options, message, sizeof message),
        ERR_NONE);
    for (uint32_t i = 0; i < blocks; i++) {
        uint8_t cert[CERT_BYTES_MAX];
        const struct archive_block b = history_block(h, i, cert);

        assert_int_equal(replay_push(r, &b), ERR_NONE);
    }
    assert_int_equal(replay_finish(r), ERR_NONE);
    p.data_dir = data;
    p.to = to;
    p.ctx = w.store;
    assert_int_equal(backup_make(&p, &made), ERR_NONE);
    assert_int_equal(made.height, blocks - 1);
    replay_free(r);
    store_close(w.store);
    history_free(h);
}

static enum err verify(struct backup_result *out)
{
    struct backup_watch watch = {.tick = NULL};
    char path[80];

    snprintf(path, sizeof path, "%s/b", dir);
    return backup_verify(path, out, &watch);
}

static void test_backup_of_two_epochs_is_whole(void **state)
{
    static const uint32_t blocks[] = {1, 2, 9, 10, 20}; /* block 8 seals */
    struct backup_result r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        make(blocks[i], 0, NULL);
        if (verify(&r) != ERR_NONE)
            fail_msg("%u blocks: %s", blocks[i], r.why);
        assert_int_equal(r.height, blocks[i] - 1);
    }
}

static void one_short(struct store_block *b, struct cert *cert)
{
    (void)b;
    cert->bitmap &= cert->bitmap - 1;
}
static void other_signature(struct store_block *b, struct cert *cert)
{
    (void)b;
    cert->sigs[0].raw[40] ^= 1;
}
static void other_body(struct store_block *b, struct cert *cert)
{
    static uint8_t body[16384];

    (void)cert;
    assert_true(b->body.size <= sizeof body);
    memcpy(body, b->body.at, b->body.size);
    body[b->body.size - 1] ^= 1;
    b->body = bytes_of(body, b->body.size);
}
static void other_header(struct store_block *b, struct cert *cert)
{
    static uint8_t bytes[HEADER_BYTES_MAX];
    struct header h = *b->header;

    (void)cert;
    h.time_ms ^= 1;
    b->header_bytes = bytes_of(bytes, header_encode(bytes, &h));
}

static void test_backup_that_the_chain_did_not_agree_on_is_refused(void **state)
{
    static const struct {
        spoil_fn spoil;
        uint64_t height;
        const char *why;
    } cases[] = {
        {one_short, 19, "its blocks do not lead"}, /* the newest */
        {other_signature, 19, "its blocks do not lead"},
        {one_short, 8, "its blocks do not lead"}, /* who handed over */
        {other_signature, 8, "its blocks do not lead"},
        {other_body, 5, "its blocks do not lead"},
        {other_header, 5, "its blocks do not lead"},
        {other_header, 0, "its blocks do not lead"},
        {other_header, 19, "the state in it is not"},
    };
    struct backup_result r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make(20, cases[i].height, cases[i].spoil);
        assert_int_not_equal(verify(&r), ERR_NONE);
        if (strstr(r.why, cases[i].why) == NULL)
            fail_msg("case %zu: %s", i, r.why);
    }
}

/* Others' certificates cost nothing: which signers one has is accidental, and
 * the header is certified by what follows. */
static void test_backup_needs_no_certificate_in_between(void **state)
{
    struct backup_result r;

    (void)state;
    make(20, 5, other_signature);
    assert_int_equal(verify(&r), ERR_NONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_backup_of_two_epochs_is_whole),
        TEST(test_backup_that_the_chain_did_not_agree_on_is_refused),
        TEST(test_backup_needs_no_certificate_in_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
