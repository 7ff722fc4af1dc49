/* manifest.h - what a backup says of itself: its MANIFEST, written last.
 *
 * Lines of text, each ended by \n, fields separated by one space:
 *
 *   equity-backup 1
 *   chain HASH
 *   height N                 the newest block in it
 *   block HASH               of that block
 *   state HASH               its state root
 *   file SHA256 SIZE NAME    ascending by NAME, at least one
 *   end SHA256               of all bytes before this line
 *
 * Hashes are 64 lower-case hex digits, numbers decimal without leading zeros,
 * NAME is [A-Za-z0-9._-] of 1 to 63 characters, no '.' in front, with "db/"
 * before it for files of the database.  One manifest has one text: the decoder
 * accepts nothing that the encoder would not write. */
#ifndef STORAGE_MANIFEST_H
#define STORAGE_MANIFEST_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    MANIFEST_NAME_MAX = 66, /* with "db/" */
    MANIFEST_FILES_MAX = 100000,
    MANIFEST_BYTES_MAX = MANIFEST_FILES_MAX * (32 + 64 + 24 + 66),
};

struct manifest_file {
    char name[MANIFEST_NAME_MAX + 1];
    uint64_t size;
    struct hash sha256;
};

struct manifest {
    struct hash chain_id;
    uint64_t height;
    struct hash block_hash;
    struct hash state_root;
    uint32_t count;
    struct manifest_file *files; /* owned; ascending by name */
};

/* manifest_add keeps the files in order.
 * Errors    ERR_RANGE  the name is none a manifest may have; ERR_EXISTS;
 *           ERR_FULL */
MUST_USE enum err manifest_add(struct manifest *m,
                               const char *name,
                               uint64_t size,
                               const struct hash *sha256);
const struct manifest_file *manifest_find(const struct manifest *m,
                                          const char *name);
void manifest_encode(struct buf *out, const struct manifest *m);
/* SHA-256 of its text, as sha256sum says it: whoever compares it has compared
 * every byte of the backup. */
struct hash manifest_digest(const struct manifest *m);
/* Errors    ERR_VERSION  not a manifest, or of another format
 *           ERR_TRUNCATED, ERR_TRAILING, ERR_RANGE, ERR_ORDER
 *           ERR_CORRUPT  the hash at its end does not match
 *           After an error *out is zeros. */
MUST_USE enum err manifest_decode(struct manifest *out, struct bytes in);
void manifest_free(struct manifest *m);

#endif /* STORAGE_MANIFEST_H */
