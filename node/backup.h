/* backup.h - backups of a node's database: made beside the running node,
 * verified, restored (storage/backup.h has their files).
 *
 * A backup is of one block: its database has all of it and of the blocks before
 * it, indexes included.  The running process makes it, asked through
 * DATA/control (control.h); when none runs, the command does it itself. */
#ifndef NODE_BACKUP_H
#define NODE_BACKUP_H

#include "node/node.h"
#include "storage/backup.h"

struct backup_plan {
    const struct genesis *genesis;
    struct hash chain_id;
    const char *data_dir;
    const char *to; /* "": DATA/backups/HEIGHT */
    uint64_t spare; /* bytes that are to stay free */
    /* makes a checkpoint in dir, with its indexes at its tip */
    enum err (*checkpoint)(void *ctx, const char *dir);
    void *ctx;
    struct backup_watch watch;
};

struct backup_result {
    struct hash chain_id;
    uint64_t height;
    struct hash block_hash;
    struct hash state_root;
    struct hash manifest; /* manifest_digest */
    uint64_t from;        /* lowest block in it; 0: all are */
    uint64_t bytes;
    uint32_t files;
    char path[CONFIG_TEXT_MAX];
    char
        why[CONFIG_TEXT_MAX + 300]; /* of an error: what is wrong, for people */
};

/* backup_make blocks; what it began is removed after an error. */
MUST_USE enum err backup_make(struct backup_plan *p, struct backup_result *out);
/* Removes what an interrupted backup left in the data directory. */
void backup_sweep(const char *data_dir);

/* backup_verify checks every file, rebuilds the state, compares its root and
 * all totals, and follows headers and bodies from block to block.
 * Errors    ERR_MISMATCH, ERR_CORRUPT and others: it is not what it says;
 *           ERR_NOT_FOUND  there is no manifest, or a file is missing
 *           ERR_IO         it cannot be read */
MUST_USE enum err backup_verify(const char *dir,
                                struct backup_result *out,
                                struct backup_watch *watch);

#endif /* NODE_BACKUP_H */
