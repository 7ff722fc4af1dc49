#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096,
};

enum err file_sync_dir(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err e = ERR_NONE;

    if (fd < 0)
        return ERR_IO;
    if (fsync(fd) != 0)
        e = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    close(fd);
    return e;
}

enum err file_sync_dir_of(const char *path)
{
    char copy[PATH_BYTES]; /* dirname changes it */

    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return ERR_RANGE;
    return file_sync_dir(dirname(copy));
}
