/* equityd backup, verify-backup, restore. */
#include "base/check.h"
#include "base/hex.h"
#include "base/log.h"
#include "node/control.h"
#include "node/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool show_progress(void *ctx, uint64_t done, uint64_t all)
{
    uint64_t *told = ctx;
    const uint64_t tenth = all > 0 ? done * 10 / all : 10;

    if (tenth > *told) {
        *told = tenth;
        log_info("backup",
                 "bytes",
                 "done=%llu all=%llu",
                 (unsigned long long)done,
                 (unsigned long long)all);
    }
    return true;
}

static void tell_done(const char *what, const struct backup_result *r)
{
    char block[2 * HASH_BYTES + 1];
    char root[2 * HASH_BYTES + 1];
    char manifest[2 * HASH_BYTES + 1];

    hex_encode(manifest, r->manifest.raw, HASH_BYTES);
    hex_encode(block, r->block_hash.raw, HASH_BYTES);
    hex_encode(root, r->state_root.raw, HASH_BYTES);
    log_info(
        "backup",
        what,
        "height=%llu block=%s state_root=%s manifest=%s files=%u bytes=%llu "
        "dir=\"%s\"",
        (unsigned long long)r->height,
        block,
        root,
        manifest,
        r->files,
        (unsigned long long)r->bytes,
        r->path);
}

static int tell_failed(const char *what,
                       const struct backup_result *r,
                       const char *do_this,
                       int code)
{
    return start_complain(what, r->why, do_this, code);
}

/* ---- backup ---- */

static enum err checkpoint_here(void *ctx, const char *dir)
{
    struct node *n = ctx;

    return store_checkpoint(n->store, dir);
}

/* Nobody runs on the data directory: it is locked here meanwhile. */
static int backup_alone(struct node *n, const char *to)
{
    uint64_t told = 0;
    uint64_t replayed;
    struct backup_plan p = {.genesis = n->genesis,
                            .chain_id = n->chain_id,
                            .data_dir = n->config.dir,
                            .to = to,
                            .spare = n->config.disk_reserve_mib << 20,
                            .checkpoint = checkpoint_here,
                            .ctx = n,
                            .watch = {.tick = show_progress, .ctx = &told}};
    struct backup_result r;
    int code = start_open_store(n, false);

    if (code != 0)
        return code;
    if (store_index_catch_up(n->store, &replayed) != ERR_NONE)
        return start_complain("the database's indexes cannot be completed",
                              n->config.dir,
                              "start the node once: it says what is wrong",
                              EXIT_IO);
    if (backup_make(&p, &r) != ERR_NONE)
        return tell_failed("no backup was made",
                           &r,
                           "make room, or name another directory with --to",
                           EXIT_IO);
    tell_done("made", &r);
    return 0;
}

/* The node's answer names where it is; the rest is in its manifest. */
static enum err read_made(struct backup_result *r)
{
    struct manifest m;

    TRY(backup_read(&m, r->path));
    r->block_hash = m.block_hash;
    r->state_root = m.state_root;
    r->manifest = manifest_digest(&m);
    r->files = m.count;
    for (uint32_t i = 0; i < m.count; i++)
        r->bytes += m.files[i].size;
    manifest_free(&m);
    return ERR_NONE;
}

static int backup_by_process(struct node *n, const char *to)
{
    uint64_t told = 0;
    struct backup_watch watch = {.tick = show_progress, .ctx = &told};
    struct backup_result r;
    const enum err e = control_ask(n->config.dir, to, &r, &watch);

    if (e == ERR_NOT_FOUND)
        return start_complain("the process that uses the data directory does "
                              "not answer",
                              n->config.dir,
                              "if it is starting, try again when it is ready",
                              EXIT_IO);
    if (e != ERR_NONE)
        return tell_failed("no backup was made",
                           &r,
                           "make room, or name another directory with --to",
                           EXIT_IO);
    if (read_made(&r) != ERR_NONE)
        return start_complain("the node says that it made a backup, but it "
                              "cannot be read",
                              r.path,
                              "check the disk, and make another one",
                              EXIT_IO);
    tell_done("made by the running node", &r);
    return 0;
}

/* The running process has another working directory. */
static bool make_absolute(char out[CONFIG_TEXT_MAX], const char *path)
{
    char here[CONFIG_TEXT_MAX];
    int n;

    if (path[0] == '\0' || path[0] == '/')
        n = snprintf(out, CONFIG_TEXT_MAX, "%s", path);
    else if (getcwd(here, sizeof here) != NULL)
        n = snprintf(out, CONFIG_TEXT_MAX, "%s/%s", here, path);
    else
        return false;
    return n >= 0 && n < CONFIG_TEXT_MAX;
}

int node_backup(const struct config *config, const char *to)
{
    struct node *n = node_new(config);
    int code = start_load_genesis(n);
    char path[CONFIG_TEXT_MAX];
    long holder = 0;

    if (code == 0 && !make_absolute(path, to))
        code = start_complain(
            "the path is too long", to, "name a shorter one", EXIT_CONFIG);
    if (code == 0) {
        const enum err e =
            datadir_open(&n->datadir, config->dir, &n->chain_id, &holder);

        if (e == ERR_LOCKED)
            code = backup_by_process(n, path);
        else if (e == ERR_NONE)
            code = backup_alone(n, path);
        else
            code = start_explain_storage(
                e, "the data directory cannot be used", config->dir);
    }
    node_free(n);
    return code;
}

/* ---- verify-backup ---- */

static int verify(struct backup_result *r, const char *dir)
{
    uint64_t told = 0;
    struct backup_watch watch = {.tick = show_progress, .ctx = &told};
    const enum err e = backup_verify(dir, r, &watch);

    if (e == ERR_NONE) {
        tell_done("is whole: files, state root and totals, blocks", r);
        if (r->from > 0)
            log_unusual("backup",
                        "it is of a node that began at a snapshot: blocks "
                        "before this one are not in it, and are fetched from "
                        "the others once it is restored and runs",
                        "from=%llu",
                        (unsigned long long)r->from);
        return 0;
    }
    if (e == ERR_IO)
        return tell_failed(
            "the backup cannot be read", r, "check the disk it is on", EXIT_IO);
    return tell_failed("this backup is not to be used",
                       r,
                       "take another one",
                       access(dir, F_OK) == 0 ? EXIT_DATA : EXIT_NO_INPUT);
}

int node_verify_backup(const char *dir)
{
    struct backup_result r;

    return verify(&r, dir);
}

/* ---- restore ---- */

static enum err is_any(const char *dir, bool *out)
{
    char path[CONFIG_TEXT_MAX + 16];
    struct stat st;

    snprintf(path, sizeof path, "%s/db/CURRENT", dir);
    *out = stat(path, &st) == 0;
    return *out || errno == ENOENT ? ERR_NONE : ERR_IO;
}

/* Into a name of its own first, so that db/ is there whole or not at all. */
static enum err copy_back(const struct node *n,
                          const struct backup_result *verified,
                          struct backup_watch *watch)
{
    const char *from = verified->path;
    struct hash digest;
    char part[CONFIG_TEXT_MAX + 16];
    char db[CONFIG_TEXT_MAX + 16];
    struct manifest m;
    enum err e;

    snprintf(part, sizeof part, "%s/restore.tmp", n->config.dir);
    snprintf(db, sizeof db, "%s/db", n->config.dir);
    TRY(backup_read(&m, from));
    digest = manifest_digest(&m);
    backup_remove(part);
    e = hash_eq(&digest, &verified->manifest)
            ? backup_restore(&m, from, part, watch)
            : ERR_MISMATCH; /* it was changed meanwhile */
    manifest_free(&m);
    if (e == ERR_NONE)
        e = backup_settle(part, db);
    if (e != ERR_NONE)
        backup_remove(part);
    return e;
}

static int check_free(const struct node *n)
{
    bool any;
    const enum err e = is_any(n->config.dir, &any);

    if (e != ERR_NONE)
        return start_explain_storage(
            e, "the data directory cannot be read", n->config.dir);
    if (any)
        return start_complain("there is a database in the data directory, and "
                              "nothing is written over",
                              n->config.dir,
                              "move db/ away first, and leave journal/ and "
                              "keys/ where they are",
                              EXIT_CONFIG);
    return 0;
}

static int restore_files(struct node *n, const struct backup_result *verified)
{
    uint64_t told = 0;
    struct backup_watch watch = {.tick = show_progress, .ctx = &told};
    const int code = check_free(n); /* again, now that it is locked */
    enum err e;

    if (code != 0)
        return code;
    e = copy_back(n, verified, &watch);
    if (e == ERR_EXISTS)
        return start_complain("there is something in the place of the database",
                              n->config.dir,
                              "move db/ away first",
                              EXIT_CONFIG);
    return e == ERR_NONE ? 0
                         : start_explain_storage(
                               e, "the backup cannot be copied", watch.name);
}

static int restore_journal(struct node *n)
{
    if (start_journal_is_born(n)) {
        log_info("backup",
                 "the vote journal is beside it: whether it is intact and not "
                 "older, the next start tells",
                 "dir=\"%s\"",
                 n->config.dir);
        return 0;
    }
    return start_make_parts(n);
}

int node_restore(const struct config *config, const char *from)
{
    struct node *n = node_new(config);
    struct backup_result r;
    int code = start_load_genesis(n);

    if (code == 0)
        code = start_load_keys(n);
    if (code == 0)
        code = check_free(n);
    if (code == 0)
        code = verify(&r, from);
    if (code == 0 && !hash_eq(&r.chain_id, &n->chain_id))
        code = start_complain("the backup is of another chain",
                              from,
                              "take one of this chain, or the other genesis",
                              EXIT_DATA);
    if (code == 0) {
        const enum err e = datadir_create(config->dir, &n->chain_id);

        if (e != ERR_NONE && e != ERR_EXISTS)
            code = start_explain_storage(
                e, "the data directory cannot be made", config->dir);
    }
    if (code == 0)
        code = start_open_datadir(n);
    if (code == 0)
        code = restore_files(n, &r);
    if (code == 0)
        code = restore_journal(n);
    if (code == 0)
        tell_done("restored: run the node, it goes on from there", &r);
    node_free(n);
    return code;
}
