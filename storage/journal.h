/* journal.h - the vote journal: what this validator signed, on disk first.
 *
 * A validator that forgets a vote in a crash may cast a different one when it
 * comes back, and two such validators can fork the register.  So nothing that
 * depends on a record leaves the node before journal_sync has returned.
 *
 *   segment  16 MiB, written with zeros first (as journal.tmp, then renamed),
 *            journal-%08u.log; header (64 bytes): magic "EQJRNL", format u16,
 *            chain_id 32, segment u32, first sequence u64, salt 8 (random),
 *            crc32c u32 of these
 *   record   length u32 | type u8 | zeros 3 | sequence u64 | epoch u64 |
 *            view u64 | batch u64 | previous crc u32 | header crc u32 |
 *            payload | crc32c u32, padded with zeros to 8 bytes.  Sequences
 *            count up by one; batch is the sequence of the first record that
 *            was not known to be on disk when this one was appended.  Each CRC
 *            covers a half of the segment's salt, the header's the first, and
 *            all before it in the record.  Naming the previous record's CRC
 *            makes a chain, so that old bytes cannot pass for new ones.
 *
 * A power cut amid one sync may leave any of its pages written and any not.
 * So an invalid record is damage only if a valid one after it was appended
 * when that place was on disk already: its batch is higher.  Otherwise both
 * belong to a sync that never returned, and nothing was promised.  Payloads
 * come from other nodes: the salt, which never leaves this one, is why no
 * payload can hold what looks like such a later record, nor many headers that
 * make the search for one long.
 *
 * Invariants
 *   J1  journal_sync returns ERR_NONE only after fdatasync has succeeded; what
 *       journal_open reads is on disk before it returns.
 *   J2  a torn tail (an invalid record with no valid one of a later batch
 *       after it) is cut and reported; other damage, and a segment that is
 *       shorter than it was made, refuses the journal.
 *       Damage to the newest batch alone cannot be told from a torn end.
 *   J3  only journal_create makes one; journal_open never does.
 *   J4  after a failed write or sync every later call fails: never retried.
 *
 * One owner; the directory is locked by storage/datadir.h. */
#ifndef STORAGE_JOURNAL_H
#define STORAGE_JOURNAL_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

struct journal;

enum {
    JOURNAL_PAYLOAD_MAX = 2 << 20,
};

struct journal_record {
    uint8_t type; /* enum record_type of consensus/record.h */
    uint64_t sequence;
    uint64_t epoch;
    uint64_t view;
    struct bytes payload;
};

/* journal_create makes an empty journal in dir (ERR_EXISTS if there is one),
 * file and directory synced. */
MUST_USE enum err journal_create(const char *dir, const struct hash *chain_id);

/* journal_open reads every record in order through each() and leaves the
 * journal ready to append.  each() may refuse with an error, which ends it.
 *
 * Errors    ERR_NOT_FOUND  no journal in dir
 *           ERR_CHAIN      it belongs to another chain
 *           ERR_CORRUPT    damage that is no torn tail; *at says segment and
 *                          offset for the message
 *           ERR_IO, ERR_VERSION */
typedef enum err (*journal_each_fn)(void *ctx,
                                    const struct journal_record *record);
struct journal_place {
    uint32_t segment;
    uint64_t offset;
    uint64_t torn_bytes; /* cut from the tail; 0 = clean */
};
MUST_USE enum err journal_open(struct journal **out,
                               const char *dir,
                               const struct hash *chain_id,
                               journal_each_fn each,
                               void *ctx,
                               struct journal_place *at);

/* journal_read_segment is what journal_open does with one segment, the only
 * one, from memory: for tests. */
MUST_USE enum err journal_read_segment(struct bytes in,
                                       const struct hash *chain_id,
                                       journal_each_fn each,
                                       void *ctx,
                                       struct journal_place *at);

/* journal_append buffers a record for the next sync; its sequence is assigned.
 * Errors    ERR_RANGE payload too large; ERR_IO after an earlier failure. */
MUST_USE enum err journal_append(struct journal *j,
                                 uint8_t type,
                                 uint64_t epoch,
                                 uint64_t view,
                                 struct bytes payload);
/* journal_sync writes what was appended and waits for the disk.  Blocks. */
MUST_USE enum err journal_sync(struct journal *j);

/* journal_begin_segment starts a new segment.  Once the checkpoint records the
 * caller appended from there on are synced, journal_drop_older removes what is
 * older than `first`, the segment where the checkpoint begins: it may have
 * filled more than one. */
MUST_USE enum err journal_begin_segment(struct journal *j);
uint32_t journal_segment(const struct journal *j); /* number of the newest */
MUST_USE enum err journal_drop_older(struct journal *j, uint32_t first);
uint64_t journal_segment_bytes(const struct journal *j); /* of the newest */
uint64_t journal_sync_count(const struct journal *j);
/* How many records, from the first one ever, are on disk for certain.  A
 * journal opened later that has fewer is an older one. */
uint64_t journal_durable(const struct journal *j);
void journal_close(struct journal *j);

#endif /* STORAGE_JOURNAL_H */
