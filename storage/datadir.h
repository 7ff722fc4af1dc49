/* datadir.h - a node's data directory: created once, used by one process.
 *
 *   DIR/LOCK        flock, holds the process number
 *   DIR/CHAIN       format version and chain id: refuses another chain's data
 *   DIR/db/         RocksDB
 *   DIR/journal/    the vote journal
 *   DIR/keys/       keystore files
 *   DIR/control     socket of the running process (node/control.h)
 *   DIR/backups/    backups that were given no other place
 *   DIR/snapshots/  storage/snapshot_dir.h
 */
#ifndef STORAGE_DATADIR_H
#define STORAGE_DATADIR_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

enum {
    DATADIR_FORMAT = 1,
};

struct datadir;

/* datadir_create makes dir (0700) and its parts; ERR_EXISTS if CHAIN exists. */
MUST_USE enum err datadir_create(const char *dir, const struct hash *chain_id);
/* datadir_open locks it.
 * Errors    ERR_NOT_FOUND (not initialised), ERR_LOCKED (*holder = process
 *           number), ERR_CHAIN, ERR_VERSION, ERR_IO */
MUST_USE enum err datadir_open(struct datadir **out,
                               const char *dir,
                               const struct hash *chain_id,
                               long *holder);
void datadir_close(struct datadir *d);
/* Free bytes on its file system. */
uint64_t datadir_free_bytes(const char *dir);

/* file_write_synced writes path atomically: temporary, fsync, rename, fsync of
 * the directory. */
MUST_USE enum err file_write_synced(const char *path,
                                    struct bytes content,
                                    unsigned mode);
/* file_read reads at most max bytes into *out (malloc, caller frees). */
MUST_USE enum err file_read(uint8_t **out,
                            size_t *size,
                            const char *path,
                            size_t max);

#endif /* STORAGE_DATADIR_H */
