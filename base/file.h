/* file.h - making names durable: a file that was made, renamed or removed is so
 * after a power cut only when its directory was synced (fsync(2)). */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/attr.h"
#include "base/err.h"

/* file_sync_dir syncs a directory; file_sync_dir_of the one that path is in.
 * Errors    ERR_FULL  there is no room
 *           ERR_IO    it cannot be opened or synced
 *           ERR_RANGE path is too long */
MUST_USE enum err file_sync_dir(const char *dir);
MUST_USE enum err file_sync_dir_of(const char *path);

#endif /* BASE_FILE_H */
