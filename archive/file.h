/* file.h - block archives in files (chain/archive.h), read one item at a time
 * and written so that an interruption costs nothing.
 *
 * A file that is not finished has the name PATH.part; it is gone on with by
 * whoever writes PATH next, and gets its name when it is whole and on disk. */
#ifndef ARCHIVE_FILE_H
#define ARCHIVE_FILE_H

#include "chain/archive.h"

struct archive_reader;

/* Errors    ERR_NOT_FOUND  cannot be opened; ERR_IO; those of archive_read_head
 *           ERR_TRUNCATED  cut short */
MUST_USE enum err archive_open(struct archive_reader **out, const char *path);
void archive_close(struct archive_reader *r);

/* archive_next reads a block (valid until the next call) or, walk->ended, the
 * end of the file.
 * Requires  the walk has not ended
 * Errors    ERR_IO; ERR_TRUNCATED  the file is cut short; ERR_TRAILING  it goes
 *           on after its end; those of archive_read_item */
MUST_USE enum err archive_next(struct archive_reader *r,
                               struct archive_block *out);
const struct archive_walk *archive_walk_of(const struct archive_reader *r);
struct bytes archive_genesis(const struct archive_reader *r); /* borrowed */
/* For progress: how much is read, and the whole. */
uint64_t archive_offset(const struct archive_reader *r);
uint64_t archive_size(const struct archive_reader *r);
/* archive_sync brings the file at path, which r reads, and its name to disk: it
 * may have been copied there a moment ago, and bodies are removed because of
 * it.  What cannot be written (a read-only medium) is there.
 * Errors    ERR_IO, ERR_FULL */
MUST_USE enum err archive_sync(const struct archive_reader *r,
                               const char *path);
/* archive_fault says in words what an error of a reader or writer means. */
const char *archive_fault(enum err e);

struct archive_writer;

/* archive_create begins PATH.part, or goes on with the one that is there;
 * archive_writer_walk says where: next is the height of the next block.
 * Errors    ERR_EXISTS    PATH is there
 *           ERR_MISMATCH  PATH.part is of another chain or first block
 *           ERR_LOCKED    somebody else is writing it
 *           ERR_FULL, ERR_IO */
MUST_USE enum err archive_create(struct archive_writer **out,
                                 const char *path,
                                 const struct hash *chain_id,
                                 uint64_t first,
                                 struct bytes genesis);
const struct archive_walk *archive_writer_walk(const struct archive_writer *w);
/* archive_append adds a block, which is looked at as archive_next does.
 * Errors    of archive_read_item: nothing is added; ERR_FULL, ERR_IO */
MUST_USE enum err archive_append(struct archive_writer *w,
                                 struct bytes header,
                                 struct bytes cert,
                                 struct bytes body);
/* archive_finish ends the file, brings it to disk and gives it its name. */
MUST_USE enum err archive_finish(struct archive_writer *w);
void archive_writer_free(struct archive_writer *w); /* the part stays */

#endif /* ARCHIVE_FILE_H */
