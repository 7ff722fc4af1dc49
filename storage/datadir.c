#include "storage/datadir.h"

#include "base/check.h"
#include "base/file.h"
#include "base/reader.h"
#include "base/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct datadir {
    int lock;
};

enum {
    PATH_BYTES = 4096,
    MARK_BYTES = 8 + 4 + HASH_BYTES,
};

static const uint8_t magic[8] = {'E', 'Q', 'C', 'H', 'A', 'I', 'N', 1};

static enum err join(char out[PATH_BYTES], const char *dir, const char *name)
{
    const int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);

    return n > 0 && n < PATH_BYTES ? ERR_NONE : ERR_RANGE;
}

static enum err of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

static enum err write_all(int fd, struct bytes content)
{
    while (content.size > 0) {
        const ssize_t n = write(fd, content.at, content.size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return of_errno();
        content.at += n;
        content.size -= (size_t)n;
    }
    return ERR_NONE;
}

enum err file_write_synced(const char *path,
                           struct bytes content,
                           unsigned mode)
{
    char temporary[PATH_BYTES];
    int fd;
    enum err e;

    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >=
        (int)sizeof temporary)
        return ERR_RANGE;
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return of_errno();
    e = write_all(fd, content);
    if (e == ERR_NONE && fsync(fd) != 0)
        e = of_errno();
    close(fd);
    if (e == ERR_NONE && rename(temporary, path) != 0)
        e = of_errno();
    if (e != ERR_NONE) {
        unlink(temporary);
        return e;
    }
    return file_sync_dir_of(path);
}

enum err file_read(uint8_t **out, size_t *size, const char *path, size_t max)
{
    struct stat st;
    uint8_t *at;
    size_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    *size = 0;
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return ERR_IO;
    }
    if (st.st_size < 0 || (uint64_t)st.st_size > max) {
        close(fd);
        return ERR_RANGE;
    }
    at = malloc((size_t)st.st_size + 1);
    if (at == NULL) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    while (got < (size_t)st.st_size) {
        const ssize_t n = read(fd, at + got, (size_t)st.st_size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    close(fd);
    if (got < (size_t)st.st_size) {
        free(at);
        return ERR_IO;
    }
    at[got] = 0;
    *out = at;
    *size = got;
    return ERR_NONE;
}

static enum err make_dir(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return ERR_NONE;
    return of_errno();
}

enum err datadir_create(const char *dir, const struct hash *chain_id)
{
    static const char *const parts[] = {"db", "journal", "keys"};
    char path[PATH_BYTES];
    uint8_t mark[MARK_BYTES];
    struct writer w = writer_of(mark, sizeof mark);

    TRY(make_dir(dir));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        TRY(join(path, dir, parts[i]));
        TRY(make_dir(path));
    }
    TRY(join(path, dir, "CHAIN"));
    if (access(path, F_OK) == 0)
        return ERR_EXISTS;
    writer_copy(&w, magic, sizeof magic);
    writer_u32(&w, DATADIR_FORMAT);
    writer_hash(&w, chain_id);
    return file_write_synced(path, writer_bytes(&w), 0600);
}

static enum err check_mark(const char *dir, const struct hash *chain_id)
{
    char path[PATH_BYTES];
    uint8_t *at;
    size_t size;
    struct reader r;
    uint8_t found[sizeof magic];
    struct hash chain;
    uint32_t format;

    TRY(join(path, dir, "CHAIN"));
    TRY(file_read(&at, &size, path, 4096));
    r = reader_of(bytes_of(at, size));
    reader_copy(&r, found, sizeof found);
    format = reader_u32(&r);
    chain = reader_hash(&r);
    free(at);
    if (reader_finish(&r) != ERR_NONE ||
        memcmp(found, magic, sizeof magic) != 0)
        return ERR_CORRUPT;
    if (format != DATADIR_FORMAT)
        return ERR_VERSION;
    return hash_eq(&chain, chain_id) ? ERR_NONE : ERR_CHAIN;
}

enum err datadir_open(struct datadir **out,
                      const char *dir,
                      const struct hash *chain_id,
                      long *holder)
{
    char path[PATH_BYTES];
    char text[32] = "";
    struct datadir *d;
    enum err e;
    int fd;

    *out = NULL;
    *holder = 0;
    TRY(check_mark(dir, chain_id));
    TRY(join(path, dir, "LOCK"));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return of_errno();
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        e = errno == EWOULDBLOCK ? ERR_LOCKED : ERR_IO;
        if (read(fd, text, sizeof text - 1) > 0)
            sscanf(text, "%ld", holder);
        close(fd);
        return e;
    }
    if (snprintf(text, sizeof text, "%ld\n", (long)getpid()) > 0 &&
        ftruncate(fd, 0) == 0 &&
        pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text)) {
        e = of_errno();
        close(fd);
        return e;
    }
    d = malloc(sizeof *d);
    if (d == NULL) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    d->lock = fd;
    *out = d;
    return ERR_NONE;
}

void datadir_close(struct datadir *d)
{
    if (d == NULL)
        return;
    close(d->lock);
    free(d);
}

uint64_t datadir_free_bytes(const char *dir)
{
    struct statvfs s;

    if (statvfs(dir, &s) != 0)
        return 0;
    return (uint64_t)s.f_bavail * s.f_frsize;
}
