/* engine.h - executes blocks: the ledger's rules over the state, no I/O.
 *
 * The state stands at the last committed block or, while K = 1, at one executed
 * candidate on top of it.  Executing another candidate takes the first one back
 * (bit for bit) and applies the other; committing the one that stands costs
 * nothing more: what was executed for the vote is what is committed.
 *
 * Not thread-safe; the executor thread owns it.  The simulator drives the same
 * engine. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/buf.h"
#include "chain/genesis.h"
#include "chain/header.h"
#include "chain/mtree.h"
#include "ledger/ledger.h"
#include "ledger/rows.h"
#include "state/overlay.h"

struct engine;

/* An event of an executed block. */
struct engine_event {
    struct event event;
    struct bytes bytes;
};

/* A block as executed, ready to be written.  Owned by the engine; valid until
 * the next build or execute, which takes it back unless it was committed. */
struct executed_block {
    struct header header;
    struct hash hash;
    struct bytes header_bytes;
    struct bytes body;   /* the engine's copy */
    struct bytes events; /* u32 count, u32-length-prefixed each */
    const struct engine_event *event_list;
    uint32_t event_count;
    struct change_set changes;
    const struct hash *tx_ids; /* header.tx_count */
    const struct hash *tx_hashes;
};

/* engine_new makes an engine at the genesis block (height 0) of g. */
struct engine *engine_new(const struct genesis *g);
void engine_free(struct engine *e);

/* For a restart: an engine whose state will be loaded row by row and which
 * stands at tip.  Rows may be loaded in parts, each into an empty engine of its
 * own on a thread of its own, a tree whole in one of them: engine_load_hash
 * hashes the part, engine_load_join moves it into e, and it is empty again.
 * Errors of engine_load_row: those of state_load.
 * Errors of engine_load_join: those of state_join.
 * Errors of engine_load_finish
 *   ERR_MISMATCH  the rebuilt root is not tip's state_root, or tip is of
 *                 another chain
 *   ERR_CORRUPT   the full sums of a security disagree with its row, a row
 *                 belongs to no security, or the header log does not end at
 *                 tip */
struct engine *engine_new_empty(const struct genesis *g);
MUST_USE enum err engine_load_row(struct engine *e,
                                  const struct row_key *key,
                                  struct bytes row);
void engine_load_hash(struct engine *part);
MUST_USE enum err engine_load_join(struct engine *e, struct engine *part);
MUST_USE enum err engine_load_finish(struct engine *e,
                                     const struct header *tip,
                                     const struct mtree_log *header_log);

struct state *engine_state(struct engine *e); /* as it stands */
/* engine_snapshot is the snapshot root of a security on the state as it stands
 * and that state's height; *final: it is the tip's.  Zeros: no such security.
 */
struct hash engine_snapshot(struct engine *e,
                            const char *code,
                            uint64_t *height,
                            bool *final);
const struct header *engine_tip(const struct engine *e); /* committed */
/* engine_validators is the set in force for the block after the committed tip:
 * after a sealing block already that of the next epoch. */
void engine_validators(const struct engine *e, struct valset *out);
/* engine_params is the shared parameters in force for that block. */
void engine_params(const struct engine *e, struct genesis_params *out);
/* The height of the block that put it in force; 0 = the genesis. */
uint64_t engine_validators_since(const struct engine *e);
/* engine_validators_of is the set of any epoch up to that one.
 * Errors    ERR_NOT_FOUND  no such epoch; ERR_CORRUPT */
MUST_USE enum err engine_validators_of(const struct engine *e,
                                       uint64_t epoch,
                                       struct valset *out);
/* engine_candidates lists the announced validators in the state as it stands,
 * by institution, up to max; returns how many.  Two may name the same keys: who
 * announces proves nothing until it says READY. */
uint32_t engine_candidates(const struct engine *e,
                           struct candidate_row *out,
                           uint32_t max);
struct hash engine_tip_hash(const struct engine *e);
/* The log of headers 0..tip, tip included. */
const struct mtree_log *engine_header_log(const struct engine *e);
/* The genesis block as executed: header and changes, for the first write. */
const struct executed_block *engine_genesis_block(const struct engine *e);

/* engine_roots appends what the store keeps of the state as it stands after
 * block b (state/roots.h).
 * Requires  the state stands at b. */
void engine_roots(struct engine *e,
                  const struct executed_block *b,
                  struct buf *out);

/* A transaction offered to the builder: decoded, signatures checked. */
struct engine_candidate_tx {
    const struct tx *tx;
    enum verdict verdict; /* out: V_OK if taken */
    struct refusal why;
};

/* engine_build makes a block on the tip from txs in the given order (court
 * transactions are moved to the front), dropping what is refused, up to the
 * limits of the genesis.  *out is NULL when nothing was taken.  A transaction
 * for which there was no room has verdict V_LIMIT and why.verdict V_OK.  While
 * the block leaves due work over, it has no transactions and is built even of
 * none, and there was room for none.
 * time_ms is already max(parent + 1, now). */
void engine_build(struct engine *e,
                  const struct executed_block **out,
                  uint64_t view,
                  uint16_t proposer,
                  uint64_t time_ms,
                  struct engine_candidate_tx *txs,
                  uint32_t tx_count);

/* engine_execute checks a proposed block against the tip and executes it.
 * The signatures of txs (decoded from body in order) are checked already.
 * Errors    ERR_MISMATCH  chain, epoch, height, parent, a root or the body
 *                         differs from what the execution gives; *why says
 * which ERR_RANGE     limits, version, flags, proposer, time not after the
 *                         parent's or after the year 9999
 *           ERR_REFUSED   a transaction is refused (*why: its verdict;
 *                         E_DUE: due work is left, so there must be none)
 *           On an error the state stands at the tip, or, if nothing was
 *           executed, where it stood. */
MUST_USE enum err engine_execute(struct engine *e,
                                 const struct executed_block **out,
                                 const struct header *header,
                                 struct bytes body,
                                 const struct tx *const *txs,
                                 const char **why);

/* What engine_execute refused last, for people: which transaction (UINT32_MAX:
 * no single one) and, if what came out of the execution was not what the header
 * says, the changes of rows that did, in the order in which they are hashed.
 * Row hashes are those of proof_row_hash, zeros: no row.  Valid until the next
 * build or execute. */
struct engine_row_change {
    struct row_key key;
    struct hash old_row;
    struct hash new_row;
};
struct engine_refusal {
    uint32_t tx;
    uint32_t change_count;
    const struct engine_row_change *changes;
};
const struct engine_refusal *engine_refused(const struct engine *e);

/* engine_audit adds up every security and account of the state anew.
 * Errors    ERR_MISMATCH, ERR_CORRUPT */
MUST_USE enum err engine_audit(const struct engine *e);

/* engine_difference is what is known of the last block that failed, as lines of
 * text: its header's fields beside what execution gave, the roots of the
 * tables, the rows it changes.  Valid until the next one fails. */
struct bytes engine_difference(const struct engine *e);

/* engine_commit makes the executed block with this hash the tip.
 * Requires  it is the one that stands (execute it again if displaced).
 * Returns it; valid until the next build or execute. */
const struct executed_block *engine_commit(struct engine *e,
                                           const struct hash *block_hash);
bool engine_stands_at(const struct engine *e, const struct hash *block_hash);
/* Whether the state stands at a candidate, not at the tip. */
bool engine_is_ahead(const struct engine *e);

/* engine_dry_run asks for the verdict tx would get in the next block at
 * time_ms, on the state as it stands; changes nothing.  V_DUE: the next block
 * carries no transaction; ask again after it. */
enum verdict engine_dry_run(struct engine *e,
                            const struct tx *tx,
                            uint64_t time_ms,
                            struct refusal *why);

#endif /* ENGINE_ENGINE_H */
