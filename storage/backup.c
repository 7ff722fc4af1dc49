#include "storage/backup.h"

#include "base/check.h"
#include "base/file.h"
#include "crypto/hash.h"
#include "storage/datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096,
    PIECE_BYTES = 1 << 20,
};

static enum err of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL
           : errno == ENOENT                  ? ERR_NOT_FOUND
           : errno == EEXIST                  ? ERR_EXISTS
                                              : ERR_IO;
}

static enum err join(char out[PATH_BYTES], const char *dir, const char *name)
{
    const int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);

    return n > 0 && n < PATH_BYTES ? ERR_NONE : ERR_RANGE;
}

/* The database library writes these while it is open; they are not its data. */
static bool is_scratch(const char *name)
{
    return strncmp(name, "LOG", 3) == 0 || strcmp(name, "LOCK") == 0;
}

/* ---- one file ---- */

/* How far the whole work is. */
struct work {
    struct backup_watch *watch;
    uint64_t done;
    uint64_t all;
    uint8_t *room; /* PIECE_BYTES */
};

static struct work work_of(struct backup_watch *watch, uint64_t all)
{
    struct work w = {.watch = watch, .all = all, .room = malloc(PIECE_BYTES)};

    ASSERT(w.room != NULL);
    return w;
}

static void set_name(struct work *w, const char *name)
{
    snprintf(w->watch->name, sizeof w->watch->name, "%s", name);
}

static enum err write_all(int fd, const uint8_t *at, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(fd, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return of_errno();
        at += n;
        size -= (size_t)n;
    }
    return ERR_NONE;
}

/* Reads `from` to its end and, unless to is -1, writes it there. */
static enum err pump(
    struct work *w, int from, int to, uint64_t *size, struct hash *sha256)
{
    struct hash_state h;

    *size = 0;
    hash_begin(&h);
    for (;;) {
        const ssize_t n = read(from, w->room, PIECE_BYTES);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            break;
        hash_more(&h, w->room, (size_t)n);
        if (to >= 0)
            TRY(write_all(to, w->room, (size_t)n));
        *size += (uint64_t)n;
        w->done += (uint64_t)n;
        if (w->watch->tick != NULL &&
            !w->watch->tick(w->watch->ctx, w->done, w->all))
            return ERR_REFUSED;
    }
    *sha256 = hash_end(&h);
    return ERR_NONE;
}

/* Hashes a file and, unless to is NULL, copies it, synced. */
static enum err take_file(struct work *w,
                          const char *from,
                          const char *to,
                          uint64_t *size,
                          struct hash *sha256)
{
    const int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    int out = -1;
    enum err e = ERR_NONE;

    if (in < 0)
        return of_errno();
    if (fstat(in, &st) != 0 || !S_ISREG(st.st_mode))
        e = ERR_IO;
    if (e == ERR_NONE && to != NULL) {
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (out < 0)
            e = of_errno();
    }
    if (e == ERR_NONE)
        e = pump(w, in, out, size, sha256);
    if (e == ERR_NONE && out >= 0 && fsync(out) != 0)
        e = of_errno();
    close(in);
    if (out >= 0)
        close(out);
    return e;
}

/* ---- making one ---- */

/* Visits the plain names in a directory. */
typedef enum err (*name_fn)(void *ctx, const char *name);

static enum err each_name(const char *dir, name_fn visit, void *ctx)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    enum err e = ERR_NONE;

    if (d == NULL)
        return of_errno();
    while (e == ERR_NONE && (entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            e = visit(ctx, entry->d_name);
    }
    closedir(d);
    return e;
}

static enum err not_empty(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return ERR_EXISTS;
}

enum err backup_begin(const char *dir)
{
    if (mkdir(dir, 0700) == 0)
        return ERR_NONE;
    if (errno != EEXIST)
        return of_errno();
    return each_name(dir, not_empty, NULL);
}

struct copying {
    struct manifest *m;
    struct work work;
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    uint64_t sum;
};

static enum err add_size(void *ctx, const char *name)
{
    struct copying *c = ctx;
    char path[PATH_BYTES];
    struct stat st;

    TRY(join(path, c->from, name));
    if (stat(path, &st) != 0)
        return of_errno();
    c->sum += (uint64_t)st.st_size;
    return ERR_NONE;
}

static enum err copy_one(void *ctx, const char *name)
{
    struct copying *c = ctx;
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    char listed[MANIFEST_NAME_MAX + 64];
    uint64_t size;
    struct hash sha256;

    if (is_scratch(name))
        return ERR_NONE;
    snprintf(listed, sizeof listed, "db/%.100s", name);
    set_name(&c->work, listed);
    TRY(join(from, c->from, name));
    TRY(join(to, c->to, name));
    TRY(take_file(&c->work, from, to, &size, &sha256));
    return manifest_add(c->m, listed, size, &sha256);
}

enum err backup_copy(struct manifest *m,
                     const char *dir,
                     const char *db,
                     uint64_t spare,
                     struct backup_watch *watch)
{
    struct copying c = {.m = m};
    enum err e;

    TRY(join(c.to, dir, "db"));
    snprintf(c.from, sizeof c.from, "%s", db);
    TRY(each_name(db, add_size, &c));
    watch->name[0] = '\0';
    if (c.sum + spare > datadir_free_bytes(dir))
        return ERR_FULL;
    if (mkdir(c.to, 0700) != 0)
        return of_errno();
    c.work = work_of(watch, c.sum);
    e = each_name(db, copy_one, &c);
    free(c.work.room);
    TRY(e);
    return file_sync_dir(c.to);
}

enum err backup_put(struct manifest *m,
                    const char *dir,
                    const char *name,
                    struct bytes content)
{
    char path[PATH_BYTES];
    const struct hash sha256 = hash_of(content);

    TRY(join(path, dir, name));
    TRY(file_write_synced(path, content, 0600));
    return manifest_add(m, name, content.size, &sha256);
}

enum err backup_finish(const struct manifest *m, const char *dir)
{
    struct buf text = {0};
    char path[PATH_BYTES];
    enum err e = join(path, dir, "MANIFEST");

    manifest_encode(&text, m);
    if (e == ERR_NONE)
        e = file_sync_dir(dir); /* all that it lists is there before it is */
    if (e == ERR_NONE)
        e = file_write_synced(path, buf_bytes(&text), 0600);
    buf_deinit(&text);
    if (e == ERR_NONE)
        e = join(path, dir, "..");
    return e == ERR_NONE ? file_sync_dir(path) : e;
}

/* ---- reading one ---- */

enum err backup_read(struct manifest *m, const char *dir)
{
    char path[PATH_BYTES];
    uint8_t *at;
    size_t size;
    enum err e;

    memset(m, 0, sizeof *m);
    TRY(join(path, dir, "MANIFEST"));
    TRY(file_read(&at, &size, path, MANIFEST_BYTES_MAX));
    e = manifest_decode(m, bytes_of(at, size));
    free(at);
    return e;
}

static uint64_t sum_of(const struct manifest *m)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < m->count; i++)
        sum += m->files[i].size;
    return sum;
}

static enum err compare(const struct manifest_file *f,
                        uint64_t size,
                        const struct hash *sha256)
{
    return size == f->size && hash_eq(sha256, &f->sha256) ? ERR_NONE
                                                          : ERR_MISMATCH;
}

struct listing {
    const struct manifest *m;
    const char *prefix;
    struct backup_watch *watch;
};

static enum err must_be_listed(void *ctx, const char *name)
{
    struct listing *l = ctx;
    char full[BACKUP_NAME_MAX];
    const bool in_db = l->prefix[0] != '\0';

    if (in_db ? is_scratch(name)
              : strcmp(name, "db") == 0 || strcmp(name, "MANIFEST") == 0)
        return ERR_NONE;
    snprintf(full, sizeof full, "%s%s", l->prefix, name);
    if (manifest_find(l->m, full) != NULL)
        return ERR_NONE;
    snprintf(l->watch->name, sizeof l->watch->name, "%s", full);
    return ERR_TRAILING;
}

static enum err nothing_else(const struct manifest *m,
                             const char *dir,
                             struct backup_watch *watch)
{
    struct listing l = {.m = m, .prefix = "", .watch = watch};
    char path[PATH_BYTES];

    TRY(each_name(dir, must_be_listed, &l));
    l.prefix = "db/";
    TRY(join(path, dir, "db"));
    return each_name(path, must_be_listed, &l);
}

enum err backup_check(const struct manifest *m,
                      const char *dir,
                      struct backup_watch *watch)
{
    struct work w = work_of(watch, sum_of(m));
    enum err e = ERR_NONE;

    for (uint32_t i = 0; i < m->count && e == ERR_NONE; i++) {
        char path[PATH_BYTES];
        uint64_t size = 0;
        struct hash sha256 = {{0}};

        set_name(&w, m->files[i].name);
        e = join(path, dir, m->files[i].name);
        if (e == ERR_NONE)
            e = take_file(&w, path, NULL, &size, &sha256);
        if (e == ERR_NONE)
            e = compare(&m->files[i], size, &sha256);
    }
    free(w.room);
    TRY(e);
    return nothing_else(m, dir, watch);
}

enum err backup_restore(const struct manifest *m,
                        const char *dir,
                        const char *db,
                        struct backup_watch *watch)
{
    struct work w;
    enum err e = ERR_NONE;

    if (mkdir(db, 0700) != 0)
        return of_errno();
    if (sum_of(m) > datadir_free_bytes(db))
        return ERR_FULL;
    w = work_of(watch, sum_of(m));
    for (uint32_t i = 0; i < m->count && e == ERR_NONE; i++) {
        const struct manifest_file *f = &m->files[i];
        char from[PATH_BYTES];
        char to[PATH_BYTES];
        uint64_t size = 0;
        struct hash sha256 = {{0}};

        if (strncmp(f->name, "db/", 3) != 0)
            continue;
        set_name(&w, f->name);
        e = join(from, dir, f->name);
        if (e == ERR_NONE)
            e = join(to, db, f->name + 3);
        if (e == ERR_NONE)
            e = take_file(&w, from, to, &size, &sha256);
        if (e == ERR_NONE)
            e = compare(f, size, &sha256);
    }
    free(w.room);
    TRY(e);
    return file_sync_dir(db);
}

enum err backup_settle(const char *part, const char *db)
{
    char parent[PATH_BYTES];

    TRY(join(parent, db, ".."));
    if (rmdir(db) != 0 && errno != ENOENT)
        return ERR_EXISTS;
    if (rename(part, db) != 0)
        return of_errno();
    return file_sync_dir(parent);
}

static enum err remove_name(void *ctx, const char *name)
{
    char path[PATH_BYTES];

    if (join(path, ctx, name) == ERR_NONE)
        unlink(path);
    return ERR_NONE;
}

void backup_remove(const char *dir)
{
    char db[PATH_BYTES];
    char copy[PATH_BYTES];

    if (join(db, dir, "db") != ERR_NONE)
        return;
    snprintf(copy, sizeof copy, "%s", dir);
    (void)each_name(db, remove_name, db);
    rmdir(db);
    (void)each_name(dir, remove_name, copy);
    rmdir(dir);
}
