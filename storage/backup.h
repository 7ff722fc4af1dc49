/* backup.h - the files of a backup: copied with their hashes, checked, copied
 * back.  What the database in it says is others' to check.
 *
 *   DIR/MANIFEST     storage/manifest.h; written last, so that a directory
 *                    without it is no backup
 *   DIR/genesis      canonical bytes
 *   DIR/db/          the files of the database
 *
 * Neither keys nor the vote journal are ever in it. */
#ifndef STORAGE_BACKUP_H
#define STORAGE_BACKUP_H

#include "storage/manifest.h"

enum {
    BACKUP_NAME_MAX = 256,
};

/* Between pieces of the work; false gives it up (ERR_REFUSED). */
typedef bool (*backup_tick_fn)(void *ctx, uint64_t done, uint64_t all);
struct backup_watch {
    backup_tick_fn tick; /* may be NULL */
    void *ctx;
    char name[BACKUP_NAME_MAX]; /* out: the file that an error is about */
};

/* backup_begin makes dir (0700), which must not exist or be empty.
 * Errors    ERR_EXISTS, ERR_FULL, ERR_IO */
MUST_USE enum err backup_begin(const char *dir);
/* backup_copy copies the database in `db` into dir, each file synced, and lists
 * it in m; backup_put adds a file of these bytes; backup_finish writes the
 * manifest.
 * Errors    ERR_FULL  also: there is not room for all of it and `spare` bytes
 *           more; ERR_REFUSED, ERR_IO, ERR_RANGE (a file of a strange name) */
MUST_USE enum err backup_copy(struct manifest *m,
                              const char *dir,
                              const char *db,
                              uint64_t spare,
                              struct backup_watch *watch);
MUST_USE enum err backup_put(struct manifest *m,
                             const char *dir,
                             const char *name,
                             struct bytes content);
MUST_USE enum err backup_finish(const struct manifest *m, const char *dir);

/* backup_read reads the manifest.
 * Errors    ERR_NOT_FOUND  there is none; those of manifest_decode; ERR_IO */
MUST_USE enum err backup_read(struct manifest *m, const char *dir);
/* backup_check compares every file with the manifest.
 * Errors    ERR_NOT_FOUND  it is missing
 *           ERR_MISMATCH   another size or hash
 *           ERR_TRAILING   a file that the manifest does not list
 *           ERR_REFUSED, ERR_IO */
MUST_USE enum err backup_check(const struct manifest *m,
                               const char *dir,
                               struct backup_watch *watch);
/* backup_restore copies the database to `db`, which must not exist, compares
 * what it copies, and syncs it.
 * Errors    those of backup_begin, backup_copy and backup_check */
MUST_USE enum err backup_restore(const struct manifest *m,
                                 const char *dir,
                                 const char *db,
                                 struct backup_watch *watch);

/* backup_settle gives what was restored in `part` the name db, which must be an
 * empty directory or not be there, and brings that to disk: a journal may be
 * begun beside it, which must not outlive it.
 * Errors    ERR_EXISTS, ERR_FULL, ERR_IO */
MUST_USE enum err backup_settle(const char *part, const char *db);

/* backup_remove removes a directory that one of these made: its files and those
 * in its db/, nothing below.  Not there: nothing is done. */
void backup_remove(const char *dir);

#endif /* STORAGE_BACKUP_H */
