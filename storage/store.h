/* store.h - the block log and its indexes in RocksDB: log first.
 *
 * One synced batch per block holds the header, certificate, body, events,
 * change set, roots and the tip.  Everything else is derived behind it: current
 * rows, transaction and event indexes, and can be rebuilt from the log. At open
 * the indexes are brought up to the tip from the change sets.
 *
 *   column family  key -> value (integers in keys big endian)
 *   meta           "tip", "index", "format", "chain", "journal";
 *                  "damaged": so many blocks were there (none: all are);
 *                  "bodies": height u64
 *                  from which on there are bodies (none: all); those of
 *                  store_import.h
 *   block          height u64, kind u8 -> header | certificate | roots
 *                  (state/roots.h)
 *   body           height u64, kind u8 -> body | events | changes: what can be
 *                  removed once it is kept elsewhere
 *   headers        size u64 -> peaks of the header log at that size
 *   state          table u8, tree 32, key 32 -> row
 *   history        table u8, tree 32, key 32, ~height u64 -> row, empty when it
 *                  went; 0xff in the table's place: roots of a security's trees
 *   txid           tx id 32 -> height u64, index u32
 *   events         0x01 height u64 index u32 -> event; 0x02 security 32 …,
 *                  0x03 account 32 … -> nothing (positions)
 *
 * Every write error is fatal to the caller (D18): the store refuses all later
 * writes.  Readers are thread-safe; store_put_block and store_index have one
 * caller each (the writer thread). */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include "chain/cert.h"
#include "chain/header.h"
#include "chain/mtree.h"
#include "ledger/event.h"
#include "state/roots.h"

struct store;

struct store_options {
    uint64_t cache_bytes; /* shared block cache; 0 = 256 MiB */
    bool create;          /* make it if absent (init only) */
    bool read_only;       /* for a copy that must stay as it is */
};

/* Errors    ERR_NOT_FOUND, ERR_CHAIN, ERR_VERSION, ERR_LOCKED, ERR_CORRUPT,
 *           ERR_IO; message (size cap) gets RocksDB's own words. */
MUST_USE enum err store_open(struct store **out,
                             const char *dir,
                             const struct hash *chain_id,
                             const struct store_options *options,
                             char *message,
                             size_t cap);
void store_close(struct store *s);

/* How far the vote journal of a key was on disk when a block was written: what
 * tells an older journal from its own.  records 0: it is not known. */
struct store_journal {
    struct pubkey key;
    uint64_t records;
};

/* What is written for one block.  All borrowed for the call. */
struct store_block {
    const struct header *header;
    struct hash hash;
    const struct cert *cert; /* NULL for block 0 */
    struct bytes header_bytes;
    struct bytes body;
    struct bytes events; /* u32 count, u32-prefixed canonical events */
    struct change_set changes;
    struct bytes roots;                 /* state_roots_append after the block */
    const struct hash *tx_ids;          /* header->tx_count */
    const struct mtree_log *header_log; /* of headers 0..height */
    struct store_journal journal;
};

/* store_put_block writes one synced batch (the commit): when it returns, this
 * block and all before it are on disk.  store_put_block_ahead is the same but
 * does not wait for the disk: the next store_put_block brings it there, and a
 * crash before that takes it away whole.  store_index writes the derived rows
 * behind them, unsynced; store_index_catch_up replays change sets above the
 * index marker (at start).
 * Requires  height = tip + 1 (0 for the first), ASSERTed. */
MUST_USE enum err store_put_block(struct store *s, const struct store_block *b);
MUST_USE enum err store_put_block_ahead(struct store *s,
                                        const struct store_block *b);
MUST_USE enum err store_index(struct store *s, const struct store_block *b);
MUST_USE enum err store_index_catch_up(struct store *s, uint64_t *replayed);

struct store_tip {
    bool any;
    uint64_t height;
    struct hash hash;
};
struct store_tip store_tip_of(struct store *s);

/* What the newest block that knew it says of the journal; records 0: none did.
 * store_forget_journal is for a journal that is born anew. */
MUST_USE enum err store_journal_of(struct store_journal *out, struct store *s);
MUST_USE enum err store_forget_journal(struct store *s);

/* Rows of the current state at the index marker, in key order, for the start:
 * from *from on (NULL: the first) up to before *to (NULL: to the end).  Several
 * threads may read at once. */
typedef enum err (*store_row_fn)(void *ctx,
                                 const struct row_key *key,
                                 struct bytes row);
MUST_USE enum err store_each_row(struct store *s,
                                 const struct row_key *from,
                                 const struct row_key *to,
                                 store_row_fn each,
                                 void *ctx);

struct store_view;
/* store_view_each_row visits all rows of the state at the view's height, in the
 * order of (table, tree, key), and keeps none of what it reads in the cache;
 * for work that takes long.
 * Requires  the view is not in the past */
MUST_USE enum err store_view_each_row(struct store_view *v,
                                      store_row_fn each,
                                      void *ctx);

/* Reading.  A store_view is one consistent snapshot of the indexed state: X6
 * readers see final state. */
struct store_view *store_view_open(struct store *s);
void store_view_close(struct store_view *v);
uint64_t store_view_height(const struct store_view *v);
bool store_view_is_past(const struct store_view *v);
/* store_view_go_back has rows of v read as they were after block height, from
 * the history; references of transactions and due work have none.
 * Errors    ERR_RANGE   beyond the view's height
 *           ERR_PRUNED  below store_rows_from */
MUST_USE enum err store_view_go_back(struct store_view *v, uint64_t height);
/* store_height_at is the newest block up to the view's height whose time is not
 * after time_ms.
 * Errors    ERR_NOT_FOUND  time_ms is before block 0
 *           ERR_PRUNED     it is before the lowest header that is here */
MUST_USE enum err store_height_at(uint64_t *out,
                                  struct store_view *v,
                                  uint64_t time_ms);
/* The three roots of a security as they were at the view's height.
 * Errors    ERR_NOT_FOUND  there was no such security */
MUST_USE enum err store_get_security_roots(struct hash out[SECURITY_TREES],
                                           struct store_view *v,
                                           const struct hash *security);

/* Each returns ERR_NOT_FOUND if absent; *out is malloc'ed, caller frees with
 * free(). */
struct store_value {
    uint8_t *at;
    size_t size;
};
void store_value_free(struct store_value *v);
enum store_block_part {
    STORE_HEADER = 1,
    STORE_CERT = 2,
    STORE_BODY = 3,
    STORE_EVENTS = 4,
    STORE_CHANGES = 5,
    STORE_ROOTS = 6,
};
/* store_get_block: also ERR_PRUNED, for body, events and changes below
 * store_bodies_from, and for what else a database that begins at a snapshot has
 * not got yet (store_import.h). */
MUST_USE enum err store_get_block(struct store_value *out,
                                  struct store *s,
                                  uint64_t height,
                                  enum store_block_part part);
MUST_USE enum err store_get_row(struct store_value *out,
                                struct store_view *v,
                                const struct row_key *key);
MUST_USE enum err store_get_tx(uint64_t *height,
                               uint32_t *index,
                               struct store *s,
                               const struct hash *tx_id);
/* Also ERR_PRUNED: below the snapshot it begins at, not filled in yet. */
MUST_USE enum err store_get_header_log(struct mtree_log *out,
                                       struct store *s,
                                       uint64_t size);

/* The lowest height of which the store has the body. */
uint64_t store_bodies_from(struct store *s);
/* store_prune removes body, events and changes of all blocks below a height and
 * gives their disk back; headers, certificates, roots, the header log, rows of
 * all heights, and the indexes of transactions and events stay.  Interrupted,
 * it is finished by calling it again.
 * Errors    ERR_RANGE  the block of this height is not there, or its changes
 *           are not indexed yet */
MUST_USE enum err store_prune(struct store *s, uint64_t below);

/* store_flush brings what is in memory into the files of the database;
 * store_checkpoint makes a database of its own of it in dir, which must not
 * exist, on the same file system: as of one moment, sharing the files that do
 * not change.  Thread-safe; taken by the caller of store_index, index and tip
 * are the same in it. */
MUST_USE enum err store_flush(struct store *s);
MUST_USE enum err store_checkpoint(struct store *s, const char *dir);
/* RocksDB's words on the last error of s, into out (size cap). */
void store_message(struct store *s, char *out, size_t cap);

/* store_each_row_of lists one tree in key order, strictly after `after` (NULL:
 * from the start), until each returns an error or false through *stop. */
typedef bool (*store_visit_fn)(void *ctx,
                               const struct row_key *key,
                               struct bytes row);
MUST_USE enum err store_each_row_of(struct store_view *v,
                                    uint8_t table,
                                    const struct hash *tree,
                                    const struct hash *after,
                                    store_visit_fn visit,
                                    void *ctx);

/* store_each_event visits events in order strictly after (height, index), of
 * all, of one security (filter table SECURITIES) or one account. */
struct store_event_filter {
    bool by_security;
    bool by_account;
    struct hash key;
};
typedef bool (*store_event_fn)(void *ctx,
                               uint64_t height,
                               uint32_t index,
                               struct bytes event);
MUST_USE enum err store_each_event(struct store_view *v,
                                   const struct store_event_filter *filter,
                                   uint64_t after_height,
                                   uint32_t after_index,
                                   bool from_start,
                                   store_event_fn visit,
                                   void *ctx);

/* change sets as bytes, for the log and for a foreign reader:
 * u32 count, (table u8, tree 32, key 32, old vec, new vec), u32 drops … */
struct buf;
void store_changes_encode(struct buf *out, const struct change_set *set);

/* A change set read back; rows borrow from the bytes, lists are owned. */
struct store_changes {
    struct change_set set;
    struct change *list;
    struct row_key *drops;
};
MUST_USE enum err store_changes_decode(struct store_changes *out,
                                       struct bytes in);
void store_changes_free(struct store_changes *c);

#endif /* STORAGE_STORE_H */
