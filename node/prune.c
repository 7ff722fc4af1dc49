/* equityd prune: bodies of old blocks leave the database, once an archive is
 * shown to hold each of them. */
#include "archive/file.h"
#include "base/check.h"
#include "base/log.h"
#include "node/start.h"
#include "storage/store_import.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

/* What the database takes on its disk. */
static uint64_t disk_of(const struct node *n)
{
    char path[CONFIG_TEXT_MAX + 300];
    struct dirent *entry;
    uint64_t sum = 0;
    DIR *d;

    snprintf(path, sizeof path, "%s/db", n->config.dir);
    d = opendir(path);
    while (d != NULL && (entry = readdir(d)) != NULL) {
        struct stat st;

        snprintf(
            path, sizeof path, "%s/db/%.255s", n->config.dir, entry->d_name);
        if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_blocks * 512;
    }
    if (d != NULL)
        closedir(d);
    return sum;
}

struct pruning {
    struct node *node;
    const char *archive;
    uint64_t from;
    uint64_t below;
};

static int not_proven(const struct pruning *p,
                      uint64_t height,
                      const char *why,
                      int code)
{
    char detail[CONFIG_TEXT_MAX + 200];

    snprintf(detail,
             sizeof detail,
             "%.500s: block %llu: %s",
             p->archive,
             (unsigned long long)height,
             why);
    return start_complain("the archive does not prove that it holds what is to "
                          "be removed; nothing was removed",
                          detail,
                          "export the blocks again, check them with equity "
                          "verify chain",
                          code);
}

static bool part_is(struct store *s,
                    uint64_t height,
                    enum store_block_part part,
                    struct bytes bytes)
{
    struct store_value v;
    bool same;

    if (store_get_block(&v, s, height, part) != ERR_NONE)
        return false;
    same = bytes_eq(bytes_of(v.at, v.size), bytes);
    store_value_free(&v);
    return same;
}

/* Every byte of what will be removed and cannot be made again is compared:
 * events and changes follow from executing the blocks. */
static int compare_blocks(const struct pruning *p, struct archive_reader *r)
{
    for (;;) {
        const uint64_t height = archive_walk_of(r)->next;
        struct archive_block b;
        const enum err e = archive_next(r, &b);

        if (e != ERR_NONE)
            return not_proven(
                p, height, archive_fault(e), e == ERR_IO ? EXIT_IO : EXIT_DATA);
        if (archive_walk_of(r)->ended)
            break;
        if (height < p->from || height >= p->below)
            continue;
        if (!part_is(p->node->store, height, STORE_HEADER, b.header_bytes) ||
            !part_is(p->node->store, height, STORE_BODY, b.body))
            return not_proven(
                p, height, "it is not the block in the database", EXIT_DATA);
    }
    return archive_walk_of(r)->next >= p->below
               ? 0
               : not_proven(p,
                            archive_walk_of(r)->next,
                            "the archive ends before it",
                            EXIT_DATA);
}

static int prove(const struct pruning *p)
{
    struct archive_reader *r;
    const enum err e = archive_open(&r, p->archive);
    int code;

    if (e != ERR_NONE)
        return not_proven(p,
                          p->from,
                          archive_fault(e),
                          e == ERR_NOT_FOUND ? EXIT_NO_INPUT
                          : e == ERR_IO      ? EXIT_IO
                                             : EXIT_DATA);
    if (!hash_eq(&archive_walk_of(r)->chain_id, &p->node->chain_id))
        code = not_proven(p, p->from, "it is of another chain", EXIT_DATA);
    else if (archive_walk_of(r)->first > p->from)
        code = not_proven(p, p->from, "the archive begins after it", EXIT_DATA);
    else
        code = compare_blocks(p, r);
    if (code == 0 && archive_sync(r, p->archive) != ERR_NONE)
        code = not_proven(
            p, p->from, "the archive cannot be brought to its disk", EXIT_IO);
    archive_close(r);
    return code;
}

static int remove_bodies(const struct pruning *p)
{
    struct node *n = p->node;
    const uint64_t before = disk_of(n);
    char message[256];
    enum err e;

    if (store_fill_below(n->store) > 0)
        log_unusual("prune",
                    "the history behind the snapshot at which this node began "
                    "is not filled in any further: what is removed would come "
                    "back",
                    "earliest_height=%llu",
                    (unsigned long long)store_blocks_from(n->store));
    e = store_prune(n->store, p->below);
    if (e != ERR_NONE) {
        store_message(n->store, message, sizeof message);
        return start_explain_storage(e, "bodies cannot be removed", message);
    }
    log_info("prune",
             "removed",
             "earliest_body_height=%llu disk_before=%llu disk_after=%llu",
             (unsigned long long)p->below,
             (unsigned long long)before,
             (unsigned long long)disk_of(n));
    return 0;
}

/* The block from which on bodies stay. */
static int choose_below(struct pruning *p, uint64_t below)
{
    const uint64_t keep = p->node->config.keep_blocks;
    const uint64_t tip = store_tip_of(p->node->store).height;

    if (below == UINT64_MAX && keep == 0)
        return start_complain("nobody says what to remove",
                              "neither --below nor node.keep_blocks is given",
                              "give --below HEIGHT",
                              EXIT_CONFIG);
    p->below = below != UINT64_MAX ? below : tip < keep ? 0 : tip + 1 - keep;
    if (p->below > tip)
        return start_complain("the newest block's body stays",
                              p->node->config.dir,
                              "give --below the newest block at most",
                              EXIT_CONFIG);
    return 0;
}

static int prune(struct pruning *p, uint64_t below)
{
    struct node *n = p->node;
    uint64_t replayed;
    int code;

    if (store_index_catch_up(n->store, &replayed) != ERR_NONE)
        return start_complain("the database's indexes cannot be completed",
                              n->config.dir,
                              "start the node once: it says what is wrong",
                              EXIT_IO);
    code = choose_below(p, below);
    if (code != 0)
        return code;
    p->from = store_bodies_from(n->store);
    if (p->below <= p->from) {
        log_info("prune",
                 "there is nothing to remove; what an interrupted run has "
                 "removed gives its room back",
                 "earliest_body_height=%llu",
                 (unsigned long long)p->from);
        p->below = p->from;
        return p->from > 0 ? remove_bodies(p) : 0;
    }
    code = prove(p);
    if (code != 0)
        return code;
    log_info("prune",
             "each body is in the archive; removing them",
             "from=%llu below=%llu",
             (unsigned long long)p->from,
             (unsigned long long)p->below);
    return remove_bodies(p);
}

int node_prune(const struct config *config, uint64_t below, const char *archive)
{
    struct node *n = node_new(config);
    struct pruning p = {.node = n, .archive = archive};
    int code = start_load_genesis(n);

    if (code == 0)
        code = start_open_datadir(n);
    if (code == 0)
        code = start_open_store(n, false);
    if (code == 0)
        code = prune(&p, below);
    node_free(n);
    return code;
}
