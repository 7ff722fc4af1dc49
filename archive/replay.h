/* replay.h - a history executed from the genesis on, on all hardware threads.
 *
 *   push --> [window of blocks] --signatures--> threads
 *                  |  oldest, when all of its signatures have been checked
 *                  v
 *               engine: execute, compare, commit --> done()
 *
 * Blocks are executed in order on the caller's thread, while the signatures of
 * those behind them are checked on others (and on the caller's while it would
 * wait).  A certificate is checked with the set of its epoch once the state
 * before says which that is.
 *
 * Invariants
 *   Y1  a block is executed only if every signature of its transactions, and
 *       every one of its certificate by the set in force, has verified.
 *   Y2  done() is called for each block in order, each once, and for no block
 *       after the first that is wrong.
 *   Y3  what is found wrong is the lowest block that is, and in it the first
 *       transaction, whatever thread is fastest. */
#ifndef ARCHIVE_REPLAY_H
#define ARCHIVE_REPLAY_H

#include "chain/archive.h"
#include "engine/engine.h"

struct replay;

enum {
    REPLAY_THREADS_MAX = 256,
    REPLAY_TEXT_MAX = 256,
};

/* A block that has been checked and executed, and is the engine's tip; cert is
 * NULL for block 0.  An error ends the replay; it is no fault of the block. */
typedef enum err (*replay_done_fn)(void *ctx,
                                   struct engine *e,
                                   const struct executed_block *b,
                                   const struct cert *cert);

/* replay_new begins before block 0 of g.  threads: 0 = all hardware threads. */
struct replay *replay_new(const struct genesis *g,
                          unsigned threads,
                          replay_done_fn done,
                          void *ctx);
void replay_free(struct replay *r);

/* replay_push takes a copy of the next block and may go on with others before
 * it; replay_finish goes on to the end and adds up all totals of the state.
 * Errors    ERR_REFUSED  the history is wrong: replay_failure says where
 *           what done() returned
 *           After an error every call returns it again. */
MUST_USE enum err replay_push(struct replay *r, const struct archive_block *b);
MUST_USE enum err replay_finish(struct replay *r);

struct replay_failure {
    uint64_t height;
    uint32_t tx; /* index in the block; UINT32_MAX: no single one */
    enum err err;
    const char *why; /* of the engine, or a sentence; static */
    bool executed;   /* the engine refused it: see engine_refused */
};
const struct replay_failure *replay_failure(const struct replay *r);
/* replay_say writes it as a sentence for people. */
void replay_say(char out[REPLAY_TEXT_MAX], const struct replay_failure *f);

struct replay_totals {
    uint64_t blocks; /* executed, block 0 included */
    uint64_t txs;
    uint64_t signatures; /* of transactions, evidence and certificates */
};
struct replay_totals replay_totals(const struct replay *r);
struct engine *replay_engine(const struct replay *r);

#endif /* ARCHIVE_REPLAY_H */
