/* snapshot_dir.h - snapshots (state/snapshot.h) as files.
 *
 *   DIR/HEIGHT/manifest   as it is sent
 *   DIR/HEIGHT/leaves     the chunks, one after another
 *   DIR/tmp/              one that is being written: it gets its name when all
 *                         of it is on disk
 */
#ifndef STORAGE_SNAPSHOT_DIR_H
#define STORAGE_SNAPSHOT_DIR_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

struct snapshot_writer;

/* snapshot_writer_new makes DIR if it is not there, and removes what an earlier
 * one left.
 * Errors    ERR_FULL, ERR_IO */
MUST_USE enum err snapshot_writer_new(struct snapshot_writer **out,
                                      const char *dir);
/* snapshot_writer_add appends to the leaves. */
MUST_USE enum err snapshot_writer_add(struct snapshot_writer *w,
                                      struct bytes leaf);
/* snapshot_writer_finish brings everything to disk and names it.
 * Errors    ERR_EXISTS  there is one of this height; ERR_FULL, ERR_IO */
MUST_USE enum err snapshot_writer_finish(struct snapshot_writer *w,
                                         uint64_t height,
                                         struct bytes manifest);
uint64_t snapshot_writer_bytes(const struct snapshot_writer *w);
/* Removes what was not finished. */
void snapshot_writer_free(struct snapshot_writer *w);

/* Heights of those that are there, the newest first; returns how many, at most
 * max. */
uint32_t snapshot_dir_list(const char *dir, uint64_t *heights, uint32_t max);
void snapshot_dir_remove(const char *dir, uint64_t height);
/* The manifest (malloc, caller frees); at most max bytes. */
MUST_USE enum err snapshot_dir_manifest(
    uint8_t **out, size_t *size, const char *dir, uint64_t height, size_t max);
/* File descriptors for reading; -1: cannot be opened. */
int snapshot_dir_open_manifest(const char *dir, uint64_t height);
int snapshot_dir_open_leaves(const char *dir, uint64_t height);

#endif /* STORAGE_SNAPSHOT_DIR_H */
