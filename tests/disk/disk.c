#include "tests/disk/disk.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    DISKS_MAX = 16,
    FDS_MAX = 4096,
    PATH_BYTES = 1024,
    SECTOR = 512,
};

/* One write that is not synced: what stood there before. */
struct undo {
    struct undo *next; /* the one before it */
    off_t at;
    size_t size; /* of the write */
    size_t had;  /* bytes of it that the file had */
    off_t file_size;
    uint8_t *old; /* had bytes */
};

struct file {
    struct file *next;
    struct disk *disk;
    ino_t inode;
    bool is_dir;
    bool gone; /* its last name was removed */
    char path[PATH_BYTES];
    struct undo *undo; /* newest first */
    struct undo *lost; /* by a failed sync */
    uint32_t fds;
};

enum op_kind {
    OP_MAKE,
    OP_RENAME,
    OP_REMOVE,
};

/* A change of a folder that is not synced. */
struct op {
    struct op *next; /* the one before it */
    enum op_kind kind;
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    char kept[PATH_BYTES]; /* where what it displaced is; "" = nothing */
};

struct disk {
    bool used;
    char root[PATH_BYTES];
    size_t root_size;
    char trash[PATH_BYTES];
    uint64_t kept; /* number of the next file in the trash */
    struct file *files;
    struct op *ops; /* newest first */
    uint64_t calls, fault_at, after_failure;
    enum disk_fault fault;
    bool happened, failing, full, frozen, lies;
    pid_t alone; /* thread that goes on after a fault; 0: all do */
    void (*on_sync)(void *ctx);
    void *on_sync_ctx;
    void (*on_call)(void *ctx, uint64_t n, size_t write_size);
    void *on_call_ctx;
    uint64_t chance;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk disks[DISKS_MAX];
static struct file *by_fd[FDS_MAX];

/* ---- the real calls ---- */

static int real_open(const char *path, int flags, mode_t mode)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static ssize_t real_pwrite(int fd, const void *from, size_t size, off_t at)
{
    return syscall(SYS_pwrite64, fd, from, size, at);
}

static int real_rename(const char *from, const char *to)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int real_unlink(const char *path)
{
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static int real_close(int fd)
{
    return (int)syscall(SYS_close, fd);
}

static void put_bytes(int fd, const uint8_t *from, size_t size, off_t at)
{
    while (size > 0) {
        const ssize_t n = real_pwrite(fd, from, size, at);

        ASSERT(n > 0);
        from += n;
        size -= (size_t)n;
        at += n;
    }
}

static void get_bytes(int fd, uint8_t *to, size_t size, off_t at)
{
    while (size > 0) {
        const ssize_t n = pread(fd, to, size, at);

        ASSERT(n > 0);
        to += n;
        size -= (size_t)n;
        at += n;
    }
}

/* ---- what is watched ---- */

static struct disk *disk_of(const char *path)
{
    const char *name = strrchr(path, '/');

    if (name != NULL && strncmp(name, "/LOG", 4) == 0)
        return NULL;
    for (int i = 0; i < DISKS_MAX; i++) {
        struct disk *d = &disks[i];

        if (d->used && strncmp(path, d->root, d->root_size) == 0 &&
            (path[d->root_size] == '/' || path[d->root_size] == '\0'))
            return d;
    }
    return NULL;
}

/* A stream closes its descriptor by itself, and another file may have it
 * since. */
static struct file *file_of(int fd)
{
    struct stat st;
    struct file *f = fd >= 0 && fd < FDS_MAX ? by_fd[fd] : NULL;

    if (f == NULL || (fstat(fd, &st) == 0 && st.st_ino == f->inode))
        return f;
    by_fd[fd] = NULL;
    f->fds--;
    return NULL;
}

static void drop_undo(struct undo **list)
{
    while (*list != NULL) {
        struct undo *next = (*list)->next;

        free((*list)->old);
        free(*list);
        *list = next;
    }
}

static struct file *watch(struct disk *d, int fd, const char *path)
{
    struct file *f = d->files;
    struct stat st;

    ASSERT(fstat(fd, &st) == 0 && fd < FDS_MAX);
    while (f != NULL && f->inode != st.st_ino)
        f = f->next;
    if (f == NULL) {
        f = calloc(1, sizeof *f);
        ASSERT(f != NULL);
        f->disk = d;
        f->inode = st.st_ino;
        f->is_dir = S_ISDIR(st.st_mode);
        snprintf(f->path, sizeof f->path, "%s", path);
        f->next = d->files;
        d->files = f;
    }
    if (by_fd[fd] != NULL)
        by_fd[fd]->fds--;
    f->fds++;
    by_fd[fd] = f;
    return f;
}

static void drop_file(struct file *f)
{
    struct file **at = &f->disk->files;

    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    drop_undo(&f->undo);
    drop_undo(&f->lost);
    free(f);
}

static struct file *file_at(struct disk *d, const char *path)
{
    struct file *f = d->files;

    while (f != NULL && (f->gone || strcmp(f->path, path) != 0))
        f = f->next;
    return f;
}

/* Its inode may be another file's soon. */
static void remove_for_good(struct disk *d, const char *path)
{
    struct file *f = file_at(d, path);

    (void)real_unlink(path);
    if (f == NULL)
        return;
    f->gone = true;
    if (f->fds == 0)
        drop_file(f);
}

static void move_file(struct disk *d, const char *from, const char *to)
{
    struct file *f = file_at(d, from);

    ASSERT(real_rename(from, to) == 0);
    if (f != NULL)
        snprintf(f->path, sizeof f->path, "%s", to);
}

static void note_op(struct disk *d,
                    enum op_kind kind,
                    const char *from,
                    const char *to,
                    const char *kept)
{
    struct op *op = calloc(1, sizeof *op);

    ASSERT(op != NULL);
    op->kind = kind;
    snprintf(op->from, sizeof op->from, "%s", from);
    snprintf(op->to, sizeof op->to, "%s", to);
    snprintf(op->kept, sizeof op->kept, "%s", kept);
    op->next = d->ops;
    d->ops = op;
}

/* Moves what has this name out of the way. */
static void keep_aside(struct disk *d, const char *path, char kept[PATH_BYTES])
{
    kept[0] = '\0';
    if (access(path, F_OK) != 0)
        return;
    snprintf(kept,
             PATH_BYTES,
             "%.900s/%llu",
             d->trash,
             (unsigned long long)d->kept++);
    move_file(d, path, kept);
}

/* ---- faults ---- */

/* 0: go on; else what the fault does to this call. */
enum verdict_of_call {
    CALL_GOES_ON,
    CALL_FAILS,   /* errno is set */
    CALL_HALF,    /* a write does half */
    CALL_NOTHING, /* it succeeds and does nothing */
};

static enum verdict_of_call fails(struct disk *d, int error)
{
    d->failing = true;
    errno = error;
    return CALL_FAILS;
}

/* write_size: 0 for another call. */
static enum verdict_of_call judge(struct disk *d, size_t write_size)
{
    const bool is_write = write_size > 0;

    if (d->frozen || (d->alone != 0 && d->happened &&
                      (pid_t)syscall(SYS_gettid) != d->alone))
        return CALL_NOTHING;
    d->calls++;
    if (d->on_call != NULL)
        d->on_call(d->on_call_ctx, d->calls, write_size);
    if (d->failing)
        d->after_failure++;
    if (d->full && is_write)
        return fails(d, ENOSPC);
    if (d->fault_at == 0 || d->calls != d->fault_at)
        return CALL_GOES_ON;
    switch (d->fault) {
    case DISK_EIO:
        d->happened = true;
        return fails(d, EIO);
    case DISK_ENOSPC:
        d->happened = true;
        d->full = true;
        return is_write ? CALL_HALF : fails(d, ENOSPC);
    case DISK_SHORT:
        d->happened = write_size > 1;
        return write_size > 1 ? CALL_HALF : CALL_GOES_ON;
    case DISK_CRASH:
        d->happened = true;
        d->frozen = !is_write;
        return is_write ? CALL_HALF : CALL_NOTHING;
    case DISK_FAULTS:
        break;
    }
    return CALL_GOES_ON;
}

/* ---- calls on files ---- */

static void remember(struct file *f, int fd, off_t at, size_t size)
{
    struct undo *u = calloc(1, sizeof *u);
    struct stat st;

    ASSERT(u != NULL && fstat(fd, &st) == 0);
    u->at = at;
    u->size = size;
    u->file_size = st.st_size;
    if (at < st.st_size) {
        const size_t left = (size_t)(st.st_size - at);

        u->had = left < size ? left : size;
        u->old = malloc(u->had);
        ASSERT(u->old != NULL);
        get_bytes(fd, u->old, u->had, at);
    }
    u->next = f->undo;
    f->undo = u;
}

/* A descriptor may be for writing only; what stands there is read through
 * another. */
static int reader_of_file(int fd)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return real_open(path, O_RDONLY | O_CLOEXEC, 0);
}

static ssize_t write_at(
    struct file *f, int fd, const void *from, size_t size, off_t at)
{
    struct disk *d = f->disk;
    const enum verdict_of_call v = judge(d, size);
    int reader;

    if (v == CALL_FAILS)
        return -1;
    if (v == CALL_NOTHING)
        return (ssize_t)size;
    reader = reader_of_file(fd);
    ASSERT(reader >= 0);
    if (v == CALL_HALF) {
        const size_t whole = size;

        size /= 2;
        remember(f, reader, at, size);
        put_bytes(fd, from, size, at);
        real_close(reader);
        if (d->fault == DISK_CRASH) {
            d->frozen = true;
            return (ssize_t)whole;
        }
        if (size == 0)
            (void)fails(d, ENOSPC);
        return size == 0 ? -1 : (ssize_t)size;
    }
    remember(f, reader, at, size);
    real_close(reader);
    put_bytes(fd, from, size, at);
    return (ssize_t)size;
}

/* What a failed sync was for is lost, whatever comes. */
static void lose(struct file *f)
{
    struct undo **end = &f->undo;

    while (*end != NULL)
        end = &(*end)->next;
    *end = f->lost;
    f->lost = f->undo;
    f->undo = NULL;
}

static bool stands_in(const char *path, const char *dir)
{
    const size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && path[n] == '/' &&
           strchr(path + n + 1, '/') == NULL;
}

/* The changes of this folder are on disk. */
static void settle_dir(struct disk *d, const char *dir)
{
    struct op **at = &d->ops;

    while (*at != NULL) {
        struct op *op = *at;

        if (!stands_in(op->kind == OP_RENAME ? op->to : op->from, dir)) {
            at = &op->next;
            continue;
        }
        if (op->kept[0] != '\0')
            remove_for_good(d, op->kept);
        *at = op->next;
        free(op);
    }
}

static int sync_file(int fd, long call)
{
    struct file *f;
    enum verdict_of_call v;
    void (*on_sync)(void *ctx) = NULL;
    void *ctx = NULL;

    pthread_mutex_lock(&lock);
    f = file_of(fd);
    if (f == NULL) {
        pthread_mutex_unlock(&lock);
        return (int)syscall(call, fd);
    }
    v = judge(f->disk, 0);
    if (f->disk->lies && v == CALL_GOES_ON)
        v = CALL_NOTHING;
    if (v == CALL_FAILS)
        lose(f);
    if (v == CALL_GOES_ON) {
        drop_undo(&f->undo);
        if (f->is_dir)
            settle_dir(f->disk, f->path);
        on_sync = f->disk->on_sync;
        ctx = f->disk->on_sync_ctx;
    }
    pthread_mutex_unlock(&lock);
    if (on_sync != NULL)
        on_sync(ctx);
    return v == CALL_FAILS ? -1 : 0;
}

static ssize_t write_now(
    int fd, const void *from, size_t size, off_t at, bool positioned)
{
    struct file *f;
    ssize_t n;

    pthread_mutex_lock(&lock);
    f = file_of(fd);
    if (f == NULL) {
        pthread_mutex_unlock(&lock);
        return positioned ? real_pwrite(fd, from, size, at)
                          : syscall(SYS_write, fd, from, size);
    }
    if (!positioned)
        at = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? lseek(fd, 0, SEEK_END)
                                                  : lseek(fd, 0, SEEK_CUR);
    n = write_at(f, fd, from, size, at);
    if (!positioned && n > 0)
        (void)lseek(fd, at + n, SEEK_SET);
    pthread_mutex_unlock(&lock);
    return n;
}

static int truncate_now(int fd, off_t size, struct file *f)
{
    const int reader = reader_of_file(fd);
    struct stat st;
    off_t low;
    off_t high;

    ASSERT(reader >= 0 && fstat(fd, &st) == 0);
    low = size < st.st_size ? size : st.st_size;
    high = size < st.st_size ? st.st_size : size;
    remember(f, reader, low, (size_t)(high - low));
    real_close(reader);
    return (int)syscall(SYS_ftruncate, fd, size);
}

static int open_now(const char *path, int flags, mode_t mode)
{
    struct disk *d;
    bool makes;
    int fd;

    pthread_mutex_lock(&lock);
    d = disk_of(path);
    if (d == NULL) {
        pthread_mutex_unlock(&lock);
        return real_open(path, flags, mode);
    }
    makes = (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
    if (makes || (flags & O_TRUNC) != 0) {
        const enum verdict_of_call v = judge(d, 0);

        if (v == CALL_FAILS) {
            pthread_mutex_unlock(&lock);
            return -1;
        }
        if (v == CALL_NOTHING) { /* nobody will see what is written */
            fd = memfd_create("frozen", MFD_CLOEXEC);
            pthread_mutex_unlock(&lock);
            return fd;
        }
    }
    fd = real_open(path, flags & ~O_TRUNC, mode);
    if (fd >= 0) {
        struct file *f = watch(d, fd, path);

        if (makes)
            note_op(d, OP_MAKE, path, "", "");
        if ((flags & O_TRUNC) != 0 && !makes && !f->is_dir)
            (void)truncate_now(fd, 0, f);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

/* ---- in the place of libc's ---- */

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    va_start(args, flags);
    if ((flags & (O_CREAT | O_TMPFILE)) != 0)
        mode = va_arg(args, mode_t);
    va_end(args);
    return open_now(path, flags, mode);
}

int close(int fd)
{
    pthread_mutex_lock(&lock);
    if (file_of(fd) != NULL) {
        struct file *f = by_fd[fd];

        by_fd[fd] = NULL;
        if (--f->fds == 0 && f->gone)
            drop_file(f);
    }
    pthread_mutex_unlock(&lock);
    return real_close(fd);
}

ssize_t write(int fd, const void *from, size_t size)
{
    return write_now(fd, from, size, 0, false);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at)
{
    return write_now(fd, from, size, at, true);
}

int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

int ftruncate(int fd, off_t size)
{
    struct file *f;
    enum verdict_of_call v = CALL_GOES_ON;
    int result = 0;

    pthread_mutex_lock(&lock);
    f = file_of(fd);
    if (f != NULL)
        v = judge(f->disk, 0);
    if (f == NULL)
        result = (int)syscall(SYS_ftruncate, fd, size);
    else if (v == CALL_GOES_ON)
        result = truncate_now(fd, size, f);
    pthread_mutex_unlock(&lock);
    return v == CALL_FAILS ? -1 : result;
}

/* Room that is set aside is no promise of anything. */
int fallocate(int fd, int mode, off_t from, off_t size)
{
    bool watched;

    pthread_mutex_lock(&lock);
    watched = file_of(fd) != NULL;
    pthread_mutex_unlock(&lock);
    return watched && (mode & FALLOC_FL_KEEP_SIZE) != 0
               ? 0
               : (int)syscall(SYS_fallocate, fd, mode, from, size);
}

int rename(const char *from, const char *to)
{
    struct disk *d;
    enum verdict_of_call v = CALL_GOES_ON;
    char kept[PATH_BYTES];
    int result = 0;

    pthread_mutex_lock(&lock);
    d = disk_of(from);
    if (d != NULL)
        v = judge(d, 0);
    if (d == NULL) {
        result = real_rename(from, to);
    } else if (v == CALL_GOES_ON) {
        keep_aside(d, to, kept);
        move_file(d, from, to);
        note_op(d, OP_RENAME, from, to, kept);
    }
    pthread_mutex_unlock(&lock);
    return v == CALL_FAILS ? -1 : result;
}

int unlink(const char *path)
{
    struct disk *d;
    int result = 0;

    pthread_mutex_lock(&lock);
    d = disk_of(path);
    if (d == NULL) {
        result = real_unlink(path);
    } else if (!d->frozen) {
        char kept[PATH_BYTES];

        /* It never fails here: it is how a failed attempt is cleaned up. */
        keep_aside(d, path, kept);
        if (kept[0] == '\0') {
            errno = ENOENT;
            result = -1;
        } else {
            note_op(d, OP_REMOVE, path, "", kept);
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    bool frozen;

    pthread_mutex_lock(&lock);
    frozen = disk_of(path) != NULL && disk_of(path)->frozen;
    pthread_mutex_unlock(&lock);
    return frozen ? 0 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* ---- the owner's side ---- */

struct disk *disk_new(const char *root)
{
    struct disk *d = NULL;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < DISKS_MAX && d == NULL; i++) {
        if (!disks[i].used)
            d = &disks[i];
    }
    if (d != NULL) {
        memset(d, 0, sizeof *d);
        d->used = true;
        d->root_size = strlen(root);
        snprintf(d->root, sizeof d->root, "%s", root);
        snprintf(d->trash, sizeof d->trash, "%.900s.trash", root);
        (void)syscall(SYS_mkdirat, AT_FDCWD, d->trash, 0700);
    }
    pthread_mutex_unlock(&lock);
    return d;
}

static void drop_ops(struct disk *d)
{
    while (d->ops != NULL) {
        struct op *next = d->ops->next;

        if (d->ops->kept[0] != '\0')
            remove_for_good(d, d->ops->kept);
        free(d->ops);
        d->ops = next;
    }
}

static void drop_files(struct disk *d)
{
    while (d->files != NULL) {
        for (int fd = 0; d->files->fds > 0 && fd < FDS_MAX; fd++) {
            if (by_fd[fd] == d->files) {
                by_fd[fd] = NULL;
                d->files->fds--;
            }
        }
        drop_file(d->files);
    }
}

void disk_free(struct disk *d)
{
    if (d == NULL)
        return;
    pthread_mutex_lock(&lock);
    drop_ops(d);
    drop_files(d);
    (void)syscall(SYS_unlinkat, AT_FDCWD, d->trash, AT_REMOVEDIR);
    d->used = false;
    pthread_mutex_unlock(&lock);
}

void disk_plan_fault(struct disk *d, uint64_t n, enum disk_fault fault)
{
    pthread_mutex_lock(&lock);
    d->calls = d->after_failure = 0;
    d->fault_at = n;
    d->fault = fault;
    d->happened = d->failing = d->full = false;
    pthread_mutex_unlock(&lock);
}

uint64_t disk_calls(const struct disk *d)
{
    return d->calls;
}

bool disk_fault_happened(const struct disk *d)
{
    return d->happened;
}

uint64_t disk_touched_after_failure(const struct disk *d)
{
    return d->after_failure;
}

void disk_lie(struct disk *d, bool lies)
{
    pthread_mutex_lock(&lock);
    d->lies = lies;
    pthread_mutex_unlock(&lock);
}

void disk_alone_after_fault(struct disk *d)
{
    pthread_mutex_lock(&lock);
    d->alone = (pid_t)syscall(SYS_gettid);
    pthread_mutex_unlock(&lock);
}

void disk_freeze(struct disk *d)
{
    pthread_mutex_lock(&lock);
    d->frozen = true;
    pthread_mutex_unlock(&lock);
}

void disk_abandon(struct disk *d)
{
    const int nowhere = memfd_create("nowhere", MFD_CLOEXEC);

    pthread_mutex_lock(&lock);
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (by_fd[fd] == NULL || by_fd[fd]->disk != d)
            continue;
        by_fd[fd]->fds--;
        by_fd[fd] = NULL;
        (void)dup3(nowhere, fd, O_CLOEXEC);
    }
    pthread_mutex_unlock(&lock);
    real_close(nowhere);
}

bool disk_is_frozen(const struct disk *d)
{
    return d->frozen;
}

void disk_on_call(struct disk *d,
                  void (*fn)(void *ctx, uint64_t n, size_t write_size),
                  void *ctx)
{
    d->on_call = fn;
    d->on_call_ctx = ctx;
}

void disk_on_sync(struct disk *d, void (*fn)(void *ctx), void *ctx)
{
    d->on_sync = fn;
    d->on_sync_ctx = ctx;
}

/* ---- a crash ---- */

static uint64_t draw(struct disk *d)
{
    uint64_t z = d->chance += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Takes back the writes of the list, newest first. */
static uint64_t take_back(int fd, const struct undo *u)
{
    uint64_t bytes = 0;

    for (; u != NULL; u = u->next) {
        if (u->had > 0)
            put_bytes(fd, u->old, u->had, u->at);
        (void)syscall(SYS_ftruncate, fd, u->file_size);
        bytes += u->size;
    }
    return bytes;
}

/* Of the sectors that a write touched, each keeps what was written or not. */
static void give_sectors(struct disk *d,
                         int fd,
                         const struct undo *u,
                         const uint8_t *now,
                         size_t size)
{
    for (; u != NULL; u = u->next) {
        size_t at = (size_t)u->at / SECTOR * SECTOR;
        const size_t end = (size_t)u->at + u->size;

        for (; at < end && at < size; at += SECTOR) {
            const size_t n = size - at < SECTOR ? size - at : SECTOR;

            if ((draw(d) & 1) != 0)
                put_bytes(fd, now + at, n, (off_t)at);
        }
    }
}

static uint64_t crash_file(struct disk *d,
                           const struct file *f,
                           int fd,
                           enum disk_left left)
{
    uint8_t *now = NULL;
    size_t size = 0;
    uint64_t bytes = 0;
    struct stat st;

    ASSERT(fstat(fd, &st) == 0);
    if (left == DISK_TEAR && f->undo != NULL) {
        size = (size_t)st.st_size;
        now = malloc(size + 1);
        ASSERT(now != NULL);
        get_bytes(fd, now, size, 0);
    }
    if (left != DISK_KEEP)
        bytes += take_back(fd, f->undo);
    if (now != NULL)
        give_sectors(d, fd, f->undo, now, size);
    free(now);
    return bytes + take_back(fd, f->lost);
}

static uint64_t crash_files(struct disk *d, enum disk_left left)
{
    uint64_t bytes = 0;

    for (struct file *f = d->files; f != NULL; f = f->next) {
        int fd;

        if (f->is_dir || f->gone || (f->undo == NULL && f->lost == NULL))
            continue;
        fd = real_open(f->path, O_RDWR | O_CLOEXEC, 0);
        ASSERT(fd >= 0);
        bytes += crash_file(d, f, fd, left);
        real_close(fd);
    }
    return bytes;
}

static void take_back_op(struct disk *d, const struct op *op)
{
    if (op->kind == OP_MAKE)
        remove_for_good(d, op->from);
    if (op->kind == OP_RENAME)
        move_file(d, op->to, op->from);
    if (op->kept[0] != '\0')
        move_file(d, op->kept, op->kind == OP_RENAME ? op->to : op->from);
}

/* Folders lose their newest changes, all of them or a few. */
static void crash_folders(struct disk *d, enum disk_left left)
{
    while (d->ops != NULL && left != DISK_KEEP) {
        struct op *op = d->ops;

        if (left == DISK_TEAR && (draw(d) & 1) != 0)
            break;
        take_back_op(d, op);
        d->ops = op->next;
        free(op);
    }
    drop_ops(d);
}

/* Streams close their descriptors by themselves. */
static void check_closed(struct disk *d)
{
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (by_fd[fd] != NULL && by_fd[fd]->disk == d) {
            ASSERT(fcntl(fd, F_GETFD) < 0);
            by_fd[fd]->fds--;
            by_fd[fd] = NULL;
        }
    }
}

uint64_t disk_crash(struct disk *d, enum disk_left left, uint64_t chance)
{
    uint64_t bytes;

    pthread_mutex_lock(&lock);
    check_closed(d);
    d->chance = chance;
    bytes = crash_files(d, left);
    crash_folders(d, left);
    drop_files(d);
    d->frozen = d->failing = d->full = d->happened = false;
    d->fault_at = 0;
    d->calls = d->after_failure = 0;
    pthread_mutex_unlock(&lock);
    return bytes;
}
