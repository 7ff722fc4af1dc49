#include "storage/snapshot_dir.h"

#include "base/check.h"
#include "base/file.h"
#include "base/num.h"
#include "storage/datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_BYTES = 1024,
    ROOM_BYTES = 256 << 10,
};

struct snapshot_writer {
    char dir[PATH_BYTES];
    char part[PATH_BYTES + 8];
    int fd;
    uint64_t bytes;
    size_t used;
    uint8_t room[ROOM_BYTES];
};

static enum err of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT      ? ERR_FULL
           : errno == EEXIST || errno == ENOTEMPTY ? ERR_EXISTS
                                                   : ERR_IO;
}

static void remove_files(const char *dir)
{
    static const char *const names[] = {"manifest", "leaves"};
    char path[2 * PATH_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

enum err snapshot_writer_new(struct snapshot_writer **out, const char *dir)
{
    struct snapshot_writer *w = calloc(1, sizeof *w);
    char path[PATH_BYTES + 64];

    ASSERT(w != NULL);
    *out = NULL;
    w->fd = -1;
    if (snprintf(w->dir, sizeof w->dir, "%s", dir) >= (int)sizeof w->dir) {
        free(w);
        return ERR_RANGE;
    }
    snprintf(w->part, sizeof w->part, "%s/tmp", w->dir);
    (void)mkdir(w->dir, 0700);
    remove_files(w->part);
    snprintf(path, sizeof path, "%s/leaves", w->part);
    if (mkdir(w->part, 0700) == 0)
        w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (w->fd < 0) {
        const enum err e = of_errno();

        snapshot_writer_free(w);
        return e;
    }
    *out = w;
    return ERR_NONE;
}

static enum err flush(struct snapshot_writer *w)
{
    const uint8_t *at = w->room;

    while (w->used > 0) {
        const ssize_t n = write(w->fd, at, w->used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return of_errno();
        at += n;
        w->used -= (size_t)n;
    }
    /* Little by little to the disk, so that the end is no flood. */
    (void)sync_file_range(w->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return ERR_NONE;
}

enum err snapshot_writer_add(struct snapshot_writer *w, struct bytes leaf)
{
    ASSERT(leaf.size <= ROOM_BYTES);
    if (w->used + leaf.size > ROOM_BYTES)
        TRY(flush(w));
    memcpy(w->room + w->used, leaf.at, leaf.size);
    w->used += leaf.size;
    w->bytes += leaf.size;
    return ERR_NONE;
}

uint64_t snapshot_writer_bytes(const struct snapshot_writer *w)
{
    return w->bytes;
}

enum err snapshot_writer_finish(struct snapshot_writer *w,
                                uint64_t height,
                                struct bytes manifest)
{
    char path[PATH_BYTES + 64];

    TRY(flush(w));
    if (fsync(w->fd) != 0)
        return of_errno();
    snprintf(path, sizeof path, "%s/manifest", w->part);
    TRY(file_write_synced(path, manifest, 0600));
    snprintf(path, sizeof path, "%s/%llu", w->dir, (unsigned long long)height);
    if (rename(w->part, path) != 0)
        return of_errno();
    return file_sync_dir(w->dir);
}

void snapshot_writer_free(struct snapshot_writer *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0)
        close(w->fd);
    remove_files(w->part); /* nothing is there after a finish */
    free(w);
}

uint32_t snapshot_dir_list(const char *dir, uint64_t *heights, uint32_t max)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    uint32_t count = 0;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        uint64_t height;
        uint32_t at = count;

        if (!num_parse_u64(&height, entry->d_name))
            continue;
        while (at > 0 && heights[at - 1] < height)
            at--;
        if (at == max)
            continue;
        count += count < max ? 1 : 0;
        memmove(&heights[at + 1],
                &heights[at],
                (count - at - 1) * sizeof heights[0]);
        heights[at] = height;
    }
    if (d != NULL)
        closedir(d);
    return count;
}

void snapshot_dir_remove(const char *dir, uint64_t height)
{
    char path[PATH_BYTES + 64];

    snprintf(path, sizeof path, "%s/%llu", dir, (unsigned long long)height);
    remove_files(path);
}

static void file_path(char out[PATH_BYTES],
                      const char *dir,
                      uint64_t height,
                      const char *name)
{
    snprintf(
        out, PATH_BYTES, "%s/%llu/%s", dir, (unsigned long long)height, name);
}

enum err snapshot_dir_manifest(
    uint8_t **out, size_t *size, const char *dir, uint64_t height, size_t max)
{
    char path[PATH_BYTES];

    file_path(path, dir, height, "manifest");
    return file_read(out, size, path, max);
}

int snapshot_dir_open_manifest(const char *dir, uint64_t height)
{
    char path[PATH_BYTES];

    file_path(path, dir, height, "manifest");
    return open(path, O_RDONLY | O_CLOEXEC);
}

int snapshot_dir_open_leaves(const char *dir, uint64_t height)
{
    char path[PATH_BYTES];

    file_path(path, dir, height, "leaves");
    return open(path, O_RDONLY | O_CLOEXEC);
}
