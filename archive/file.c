#include "archive/file.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096,
    WINDOW_BYTES = 4 << 20, /* more than any head or item */
    SYNC_EVERY_BYTES = 64 << 20,
};
_Static_assert((int)WINDOW_BYTES > (int)ARCHIVE_HEAD_MAX &&
                   (int)WINDOW_BYTES > (int)ARCHIVE_ITEM_MAX,
               "a window holds any item");

struct archive_reader {
    int fd;
    uint64_t size;
    uint64_t offset; /* of what comes next */
    uint8_t *window; /* WINDOW_BYTES */
    size_t from;     /* what comes next begins here */
    size_t to;       /* what is read ends here */
    struct archive_walk walk;
    struct buf genesis;
};

const char *archive_fault(enum err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return "the file cannot be opened";
    case ERR_IO:
        return "the file cannot be read or written: check the disk";
    case ERR_FULL:
        return "the disk is full";
    case ERR_TRUNCATED:
        return "the file is cut short here";
    case ERR_TRAILING:
        return "the file goes on after its end";
    case ERR_VERSION:
        return "this is no block archive that this release can read";
    case ERR_RANGE:
        return "damaged: what stands here is not well-formed";
    case ERR_CORRUPT:
        return "damaged: the digest does not match";
    case ERR_CHAIN:
        return "it belongs to another chain than the archive names";
    case ERR_ORDER:
        return "this is not the block that follows the one before it";
    case ERR_MISMATCH:
        return "its certificate or its body is not this block's";
    case ERR_NONE:
    case ERR_NO_MEMORY:
    case ERR_EXISTS:
    case ERR_LOCKED:
    case ERR_PASSPHRASE:
    case ERR_SIGNATURE:
    case ERR_CONFIG:
    case ERR_NETWORK:
    case ERR_TIMEOUT:
    case ERR_REFUSED:
    case ERR_QUORUM:
    case ERR_PRUNED:
        break;
    }
    return err_text(e);
}

static enum err of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

/* ---- reading ---- */

/* Reads on until the window is full or the file ends. */
static enum err fill(struct archive_reader *r)
{
    memmove(r->window, r->window + r->from, r->to - r->from);
    r->to -= r->from;
    r->from = 0;
    while (r->to < WINDOW_BYTES) {
        const ssize_t n =
            read(r->fd, r->window + r->to, (size_t)WINDOW_BYTES - r->to);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            break;
        r->to += (size_t)n;
    }
    return ERR_NONE;
}

static struct bytes ahead(const struct archive_reader *r)
{
    return bytes_of(r->window + r->from, r->to - r->from);
}

static void advance(struct archive_reader *r, size_t used)
{
    r->from += used;
    r->offset += used;
}

static enum err read_head(struct archive_reader *r)
{
    struct bytes genesis;
    size_t used;

    TRY(fill(r));
    TRY(archive_read_head(&r->walk, &genesis, &used, ahead(r)));
    buf_append(&r->genesis, genesis.at, genesis.size);
    advance(r, used);
    return ERR_NONE;
}

/* Takes over fd. */
static enum err reader_on(struct archive_reader **out, int fd)
{
    struct archive_reader *r = calloc(1, sizeof *r);
    struct stat st;
    enum err e = ERR_NONE;

    *out = NULL;
    ASSERT(r != NULL);
    r->window = malloc(WINDOW_BYTES);
    ASSERT(r->window != NULL);
    r->fd = fd;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        e = ERR_IO;
    else
        r->size = (uint64_t)st.st_size;
    if (e == ERR_NONE)
        e = read_head(r);
    if (e != ERR_NONE) {
        archive_close(r);
        return e;
    }
    *out = r;
    return ERR_NONE;
}

enum err archive_open(struct archive_reader **out, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    return fd < 0 ? ERR_NOT_FOUND : reader_on(out, fd);
}

void archive_close(struct archive_reader *r)
{
    if (r == NULL)
        return;
    close(r->fd);
    buf_deinit(&r->genesis);
    free(r->window);
    free(r);
}

enum err archive_next(struct archive_reader *r, struct archive_block *out)
{
    size_t used;
    enum err e;

    ASSERT(!r->walk.ended);
    e = archive_read_item(&r->walk, out, &used, ahead(r));
    if (e == ERR_TRUNCATED) {
        TRY(fill(r));
        e = archive_read_item(&r->walk, out, &used, ahead(r));
    }
    TRY(e);
    advance(r, used);
    return r->walk.ended && r->offset < r->size ? ERR_TRAILING : ERR_NONE;
}

const struct archive_walk *archive_walk_of(const struct archive_reader *r)
{
    return &r->walk;
}

struct bytes archive_genesis(const struct archive_reader *r)
{
    return buf_bytes(&r->genesis);
}

uint64_t archive_offset(const struct archive_reader *r)
{
    return r->offset;
}

uint64_t archive_size(const struct archive_reader *r)
{
    return r->size;
}

enum err archive_sync(const struct archive_reader *r, const char *path)
{
    if (strlen(path) >= PATH_BYTES)
        return ERR_RANGE;
    if (fsync(r->fd) != 0)
        return errno == EROFS || errno == EINVAL ? ERR_NONE : of_errno();
    return file_sync_dir_of(path);
}

/* ---- writing ---- */

struct archive_writer {
    int fd;
    char path[PATH_BYTES];
    char part[PATH_BYTES];
    struct archive_walk walk;
    uint8_t *room; /* ARCHIVE_HEAD_MAX or an item */
    uint64_t unsynced;
    enum err failed; /* what is on disk is not known: nothing is added */
};

static enum err write_all(struct archive_writer *w, struct bytes content)
{
    while (content.size > 0) {
        const ssize_t n = write(w->fd, content.at, content.size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            w->failed = of_errno();
            return w->failed;
        }
        content.at += n;
        content.size -= (size_t)n;
        w->unsynced += (uint64_t)n;
    }
    return ERR_NONE;
}

static enum err sync_file(struct archive_writer *w)
{
    if (fsync(w->fd) != 0)
        w->failed = of_errno();
    w->unsynced = 0;
    return w->failed;
}

/* Finds the end of what is whole in the part, and cuts the rest off. */
static enum err go_on(struct archive_writer *w,
                      const struct hash *chain_id,
                      uint64_t first)
{
    const int copy = dup(w->fd);
    struct archive_reader *r;
    struct archive_block b;
    enum err e = copy < 0 ? ERR_IO : reader_on(&r, copy);
    uint64_t size;

    if (e != ERR_NONE)
        return e;
    if (!hash_eq(&r->walk.chain_id, chain_id) || r->walk.first != first) {
        archive_close(r);
        return ERR_MISMATCH;
    }
    do { /* an end is written anew: more may come */
        size = r->offset;
        w->walk = r->walk;
        e = archive_next(r, &b);
    } while (e == ERR_NONE && !r->walk.ended);
    archive_close(r);
    if (e == ERR_IO)
        return e;
    return ftruncate(w->fd, (off_t)size) == 0 &&
                   lseek(w->fd, 0, SEEK_END) == (off_t)size
               ? ERR_NONE
               : of_errno();
}

static enum err begin(struct archive_writer *w,
                      const struct hash *chain_id,
                      uint64_t first,
                      struct bytes genesis)
{
    struct writer out = writer_of(w->room, WINDOW_BYTES);

    if (genesis.size > GENESIS_BYTES_MAX)
        return ERR_RANGE;
    archive_encode_head(&out, &w->walk, chain_id, first, genesis);
    TRY(write_all(w, writer_bytes(&out)));
    return sync_file(w);
}

static enum err open_part(struct archive_writer *w,
                          const struct hash *chain_id,
                          uint64_t first,
                          struct bytes genesis)
{
    struct stat st;
    enum err e;

    if (access(w->path, F_OK) == 0)
        return ERR_EXISTS;
    w->fd = open(w->part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (w->fd < 0)
        return of_errno();
    if (flock(w->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? ERR_LOCKED : ERR_IO;
    if (fstat(w->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return ERR_IO;
    e = st.st_size == 0 ? ERR_TRUNCATED : go_on(w, chain_id, first);
    if (e != ERR_TRUNCATED)
        return e == ERR_NONE || e == ERR_IO || e == ERR_FULL ? e : ERR_MISMATCH;
    /* not even a head came to disk */
    return ftruncate(w->fd, 0) == 0 && lseek(w->fd, 0, SEEK_SET) == 0
               ? begin(w, chain_id, first, genesis)
               : of_errno();
}

enum err archive_create(struct archive_writer **out,
                        const char *path,
                        const struct hash *chain_id,
                        uint64_t first,
                        struct bytes genesis)
{
    struct archive_writer *w;
    enum err e;

    *out = NULL;
    if (strlen(path) + sizeof ".part" > PATH_BYTES)
        return ERR_RANGE;
    w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    w->fd = -1;
    w->room = malloc(WINDOW_BYTES);
    ASSERT(w->room != NULL);
    memcpy(w->path, path, strlen(path)); /* the rest is zeros */
    memcpy(w->part, path, strlen(path));
    memcpy(w->part + strlen(path), ".part", sizeof ".part");
    e = open_part(w, chain_id, first, genesis);
    if (e != ERR_NONE) {
        archive_writer_free(w);
        return e;
    }
    *out = w;
    return ERR_NONE;
}

void archive_writer_free(struct archive_writer *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0)
        close(w->fd);
    free(w->room);
    free(w);
}

const struct archive_walk *archive_writer_walk(const struct archive_writer *w)
{
    return &w->walk;
}

enum err archive_append(struct archive_writer *w,
                        struct bytes header,
                        struct bytes cert,
                        struct bytes body)
{
    struct writer out = writer_of(w->room, WINDOW_BYTES);
    struct archive_walk after = w->walk;
    struct archive_walk read = w->walk;
    struct archive_block b;
    size_t used;

    TRY(w->failed);
    if (header.size > HEADER_BYTES_MAX || cert.size > CERT_BYTES_MAX ||
        body.size > BLOCK_BODY_BYTES_MAX)
        return ERR_RANGE;
    archive_encode_block(&out, &after, header, cert, body);
    TRY(archive_read_item(&read, &b, &used, writer_bytes(&out)));
    TRY(write_all(w, writer_bytes(&out)));
    w->walk = read;
    return w->unsynced >= SYNC_EVERY_BYTES ? sync_file(w) : ERR_NONE;
}

/* What has the name meanwhile stays, where the file system can see to that. */
static enum err take_name(const struct archive_writer *w)
{
    if (renameat2(AT_FDCWD, w->part, AT_FDCWD, w->path, RENAME_NOREPLACE) == 0)
        return ERR_NONE;
    if (errno == EEXIST || (errno == EINVAL && access(w->path, F_OK) == 0))
        return ERR_EXISTS;
    return errno == EINVAL && rename(w->part, w->path) == 0 ? ERR_NONE
                                                            : of_errno();
}

enum err archive_finish(struct archive_writer *w)
{
    struct writer out = writer_of(w->room, WINDOW_BYTES);

    TRY(w->failed);
    archive_encode_end(&out, &w->walk);
    TRY(write_all(w, writer_bytes(&out)));
    TRY(sync_file(w));
    TRY(take_name(w));
    return file_sync_dir_of(w->path);
}
