/* disk.h - a disk that loses, tears and fails, beneath the calls of libc.
 *
 * A folder given to disk_new is watched.  disk.c defines the calls by which
 * files are changed (open, write, fdatasync, rename, ...) and so takes libc's
 * place for the program that links it, its shared libraries included.  What is
 * outside of every watched folder goes straight through.
 *
 * What counts as on disk is what POSIX promises and not more:
 *   K1  bytes of a file, and its size, after fsync or fdatasync of it;
 *   K2  that a file was made, renamed or removed, after fsync of its folder.
 * A crash leaves of the rest everything, nothing, or for each sector of 512
 * bytes the old or the new, and of the folder's changes the first few.
 *
 * A database's own log (LOG, LOG.old) is not watched: nothing reads it.
 *
 *   K3  after a failed fsync, what it was for is lost for good, though a later
 *       one succeeds: the kernel may have marked the pages clean.
 *
 * Calls that change the disk are counted; at the n-th a fault can happen.
 * Thread-safe. */
#ifndef TESTS_DISK_H
#define TESTS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk;

/* root must exist.  NULL if there is no room for another disk. */
struct disk *disk_new(const char *root);
/* Its files stay as they are. */
void disk_free(struct disk *d);

enum disk_fault {
    DISK_EIO,    /* the call fails */
    DISK_ENOSPC, /* a write: half of it is done first, then all fail */
    DISK_SHORT,  /* a write does half of what it was asked for */
    DISK_CRASH,  /* a write is half done, another call is not; then nothing
                    reaches the disk any more (disk_freeze) */
    DISK_FAULTS,
};

/* The call that is the n-th from now (1 = the next) has this fault; n 0: none
 * has.  Also resets what disk_touched_after_failure says. */
void disk_plan_fault(struct disk *d, uint64_t n, enum disk_fault fault);
/* Calls since then. */
uint64_t disk_calls(const struct disk *d);
bool disk_fault_happened(const struct disk *d);
/* Calls after one that failed: nobody may try again what did not get to disk,
 * or write more.  (Removing what was begun, and closing, is no such call.) */
uint64_t disk_touched_after_failure(const struct disk *d);

/* While it lies, a sync succeeds and does nothing: as if it were not called. */
void disk_lie(struct disk *d, bool lies);

/* From a fault on only calls of this thread count; those of others succeed and
 * do nothing.  A database that had no room looks for some on a thread of its
 * own and then tries again: at what time, no seed can say. */
void disk_alone_after_fault(struct disk *d);

/* As if the process were dead: calls succeed and do nothing. */
void disk_freeze(struct disk *d);
bool disk_is_frozen(const struct disk *d);

/* The process has ended, of which this one played the part: what it left open
 * leads nowhere from now on. */
void disk_abandon(struct disk *d);

enum disk_left {
    DISK_KEEP, /* the process ended, the machine did not */
    DISK_LOSE,
    DISK_TEAR, /* by chance */
};
/* disk_crash makes the files what is on disk; all of them must be closed.  The
 * disk is as new afterwards.  Returns what it took, in bytes. */
uint64_t disk_crash(struct disk *d, enum disk_left left, uint64_t chance);

/* fn is called for the n-th call since disk_plan_fault, with the size of a
 * write or 0. */
void disk_on_call(struct disk *d,
                  void (*fn)(void *ctx, uint64_t n, size_t write_size),
                  void *ctx);
/* fn is called for each sync that succeeds, before it returns. */
void disk_on_sync(struct disk *d, void (*fn)(void *ctx), void *ctx);

#endif /* TESTS_DISK_H */
