/* equityd import: a fresh data directory filled from archives, every signature
 * checked and every block executed. */
#include "archive/file.h"
#include "archive/replay.h"
#include "base/check.h"
#include "base/log.h"
#include "node/start.h"

#include <stdio.h>

enum {
    TELL_MS = 5000,
};

struct importing {
    struct node *node;
    struct replay *replay;
    uint64_t told_ms;
    enum err store_error;
    bool other; /* what is in the database is another history */
};

static int refuse(const char *file, const char *why, int code)
{
    char detail[CONFIG_TEXT_MAX + REPLAY_TEXT_MAX];

    snprintf(detail, sizeof detail, "%.500s: %s", file, why);
    return start_complain("the archive is not imported beyond this",
                          detail,
                          "get it again from who exported it; equity verify "
                          "chain says what is wrong with it",
                          code);
}

/* What an import that was cut short has written already. */
static enum err compare_stored(struct importing *m,
                               const struct executed_block *b)
{
    struct header h;
    struct hash hash;

    TRY(load_header(&h, m->node->store, b->header.height));
    hash = header_hash(&h);
    m->other = !hash_eq(&hash, &b->hash);
    return m->other ? ERR_MISMATCH : ERR_NONE;
}

static enum err write_block(struct importing *m,
                            struct engine *e,
                            const struct executed_block *b,
                            const struct cert *cert)
{
    struct buf roots = {0};
    struct store_block block = {
        .header = &b->header,
        .hash = b->hash,
        .cert = cert,
        .header_bytes = b->header_bytes,
        .body = b->body,
        .events = b->events,
        .changes = b->changes,
        .tx_ids = b->tx_ids,
        .header_log = engine_header_log(e),
    };
    enum err failed;

    if (datadir_free_bytes(m->node->config.dir) <
        DISK_ROOM_MIN + b->body.size + b->events.size)
        return ERR_FULL;
    engine_roots(e, b, &roots);
    block.roots = buf_bytes(&roots);
    failed = store_put_block_ahead(m->node->store, &block);
    if (failed == ERR_NONE)
        failed = store_index(m->node->store, &block);
    buf_deinit(&roots);
    return failed;
}

static enum err block_done(void *ctx,
                           struct engine *e,
                           const struct executed_block *b,
                           const struct cert *cert)
{
    struct importing *m = ctx;
    const struct store_tip tip = store_tip_of(m->node->store);
    const uint64_t now = node_now_ms();

    m->store_error = tip.any && b->header.height <= tip.height
                         ? compare_stored(m, b)
                         : write_block(m, e, b, cert);
    if (now >= m->told_ms + TELL_MS) {
        m->told_ms = now;
        log_info("import",
                 "blocks checked and written",
                 "height=%llu",
                 (unsigned long long)b->header.height);
    }
    return m->store_error;
}

static int replay_failed(struct importing *m, const char *file)
{
    char why[REPLAY_TEXT_MAX];

    if (m->other)
        return start_complain("the database begins another history",
                              m->node->config.dir,
                              "import into a data directory without db/",
                              EXIT_CONFIG);
    if (m->store_error != ERR_NONE)
        return start_explain_storage(
            m->store_error, "a block cannot be written", m->node->config.dir);
    replay_say(why, replay_failure(m->replay));
    return refuse(file, why, EXIT_DATA);
}

static int import_blocks(struct importing *m,
                         struct archive_reader *r,
                         const char *file)
{
    for (;;) {
        const uint64_t height = archive_walk_of(r)->next;
        struct archive_block b;
        char why[200];
        const enum err e = archive_next(r, &b);

        if (e == ERR_NONE && !archive_walk_of(r)->ended) {
            if (replay_push(m->replay, &b) != ERR_NONE)
                return replay_failed(m, file);
            continue;
        }
        if (replay_finish(m->replay) != ERR_NONE)
            return replay_failed(m, file);
        if (e == ERR_NONE)
            return 0;
        snprintf(why,
                 sizeof why,
                 "block %llu: %s",
                 (unsigned long long)height,
                 archive_fault(e));
        return refuse(file, why, e == ERR_IO ? EXIT_IO : EXIT_DATA);
    }
}

static int import_file(struct importing *m, const char *file)
{
    struct archive_reader *r;
    const enum err e = archive_open(&r, file);
    int code;

    if (e != ERR_NONE)
        return refuse(file,
                      archive_fault(e),
                      e == ERR_NOT_FOUND ? EXIT_NO_INPUT
                      : e == ERR_IO      ? EXIT_IO
                                         : EXIT_DATA);
    if (hash_eq(&archive_walk_of(r)->chain_id, &m->node->chain_id))
        code = import_blocks(m, r, file);
    else
        code = refuse(file, "it is of another chain", EXIT_DATA);
    archive_close(r);
    return code;
}

static int import_all(struct importing *m, const char *const *files, int count)
{
    struct node *n = m->node;
    int code = start_open_store(n, true);

    if (code != 0)
        return code;
    m->replay = replay_new(
        n->genesis, (unsigned)n->config.verify_threads, block_done, m);
    for (int i = 0; i < count && code == 0; i++)
        code = import_file(m, files[i]);
    if (code == 0 && store_flush(n->store) != ERR_NONE)
        code = start_explain_storage(
            ERR_IO, "the blocks cannot be written", n->config.dir);
    if (code == 0) {
        const struct replay_totals t = replay_totals(m->replay);

        log_info("import",
                 "all blocks checked and written",
                 "height=%llu transactions=%llu signatures=%llu",
                 (unsigned long long)store_tip_of(n->store).height,
                 (unsigned long long)t.txs,
                 (unsigned long long)t.signatures);
    }
    replay_free(m->replay);
    store_close(n->store);
    n->store = NULL;
    return code;
}

int node_import(const struct config *config,
                const char *const *files,
                int count)
{
    struct node *n = node_new(config);
    struct importing m = {.node = n};
    int code = start_load_genesis(n);
    enum err e;

    if (code == 0)
        code = start_load_keys(n);
    if (code == 0) {
        e = datadir_create(config->dir, &n->chain_id);
        if (e != ERR_NONE && e != ERR_EXISTS)
            code = start_explain_storage(
                e, "the data directory cannot be made", config->dir);
    }
    if (code == 0)
        code = start_open_datadir(n);
    if (code == 0 && start_journal_is_born(n))
        code = start_complain("the data directory is in use: it has a vote "
                              "journal",
                              config->dir,
                              "import fills a fresh one, in place of init",
                              EXIT_CONFIG);
    if (code == 0)
        code = import_all(&m, files, count);
    if (code == 0)
        code = start_make_parts(n); /* the journal last: now it is whole */
    node_free(n);
    return code;
}
