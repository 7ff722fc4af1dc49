/* engine_state.h - what the files of the engine share (private to them). */
#ifndef ENGINE_ENGINE_STATE_H
#define ENGINE_ENGINE_STATE_H

#include "base/buf.h"
#include "engine/engine.h"
#include "engine/totals.h"
#include "ledger/rows.h"

/* The candidate the state stands at, with everything its block is made of. */
struct standing {
    bool any;       /* the state includes it */
    bool committed; /* it is the tip */
    struct executed_block block;
    struct state_undo *undo;
    struct validators_row validators; /* in force after it */
    struct genesis_params params;     /* the same */
    struct buf header_bytes;
    struct buf body;
    size_t tx_bytes; /* in body, without the length prefixes */
    struct buf events;
    struct engine_event *event_list;
    size_t *event_at; /* offset of each event's length in `events` */
    uint32_t event_count;
    uint32_t event_cap;
    struct hash *tx_ids;
    struct hash *tx_hashes;
    uint32_t tx_count;
    uint32_t tx_cap;
};

struct engine {
    struct genesis *genesis;
    struct hash chain_id;
    struct validators_row validators; /* in force after the tip */
    struct hash validators_hash;      /* of it */
    struct genesis_params params;     /* in force after the tip */
    struct hash params_hash;          /* of them */
    struct state *state;
    struct overlay *overlay;
    struct overlay *dry;
    struct header tip;
    struct hash tip_hash;
    struct mtree_log log; /* of headers 0..tip */
    struct totals loaded; /* of the rows of engine_load_row */
    struct standing now;
    struct engine_refusal refused;
    struct engine_row_change *refused_list; /* owned */
    struct buf difference; /* text: why the last block failed */
};

/* engine_begin takes back a candidate that did not become the tip, forgets one
 * that did, and starts an empty block. */
void engine_begin(struct engine *e);

/* engine_finish makes a block of what was executed: checks the sums, applies
 * the changes, fills *h but epoch, view, proposer and time.  event_count is how
 * many of the events seen belong to transactions that were taken.
 * Errors    ERR_MISMATCH, ERR_CORRUPT  of the sums; the state is unchanged */
MUST_USE enum err engine_finish(struct engine *e,
                                struct header *h,
                                uint32_t event_count);

/* engine_read_params decodes a shared row.  Errors  ERR_CORRUPT */
MUST_USE enum err engine_read_params(struct genesis_params *out,
                                     struct bytes row);

/* engine_note_difference keeps what is known of a block that failed, while the
 * state stands where it failed; engine_note_tip adds the tip, after that. */
void engine_note_difference(struct engine *e,
                            const struct header *said,
                            const struct header *got,
                            const char *why);
void engine_note_tip(struct engine *e);
/* engine_note_frame: a block that was not executed at all; engine_note_load:
 * rows that were loaded and do not have tip's root. */
void engine_note_frame(struct engine *e,
                       const struct header *said,
                       const char *why);
void engine_note_load(struct engine *e,
                      const struct header *tip,
                      const struct hash *root);

/* engine_read_validators decodes a row of validators.
 * Errors    ERR_CORRUPT  it does not decode, or names nobody */
MUST_USE enum err engine_read_validators(struct validators_row *out,
                                         struct bytes row);

/* engine_settle makes the standing candidate the tip. */
void engine_settle(struct engine *e);

/* engine_check_changes: each security whose rows changed has totals that
 * changed alike, and so has each account, computed apart from the operations.
 * Errors    ERR_MISMATCH, ERR_CORRUPT */
MUST_USE enum err engine_check_changes(const struct change_set *set);

/* engine_check_all adds up every security and account anew, and finds rows that
 * belong to no security, which no root covers.
 * Errors    ERR_MISMATCH, ERR_CORRUPT */
MUST_USE enum err engine_check_all(const struct state *s);

#endif /* ENGINE_ENGINE_STATE_H */
