/* ledger.h - the register as a pure function: block facts and transactions in,
 * verdicts, events and changed rows out.
 *
 *   ledger_begin_block -> due work
 *   ledger_apply       -> one transaction, all of it or nothing (I13)
 *
 * Nothing here reads a clock, allocates or calls ECDSA: the caller has checked
 * every signature (tx_check_sigs, and those that evidence_proofs lists), the
 * ledger checks that each key is active in its principal's policy and that
 * exactly the needed principals signed. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "chain/genesis.h"
#include "chain/tx.h"
#include "ledger/event.h"
#include "ledger/verdict.h"
#include "ledger/view.h"

/* Takes each event as it is emitted; bytes are its canonical encoding. */
typedef void (*ledger_event_fn)(void *ctx,
                                uint32_t index,
                                const struct event *event,
                                struct bytes bytes);

struct ledger_block {
    struct hash chain_id;
    uint64_t height;
    uint64_t time_ms;
    uint32_t date; /* business date: day number */
    uint32_t offset_ms;
    uint32_t event_count; /* events of the block so far */
    uint32_t tx_index;    /* of the transaction being applied */
    bool courts_over;     /* a transaction that is not all-court was applied */
    bool due_left;        /* more due work than one block does: it carries no
                             transaction */
    const struct ledger_view *view; /* borrowed */
    ledger_event_fn on_event;       /* may be NULL (dry run) */
    void *on_event_ctx;
};

/* What a refusal is about, for people and programs. */
struct refusal {
    enum verdict verdict;
    uint32_t op_index; /* UINT32_MAX: the envelope or the signatures */
    struct hash about; /* account, security or other id; zeros if none */
    uint64_t have;     /* e.g. available shares */
    uint64_t need;
    struct valset_margin margin; /* of V_MARGIN; else zeros */
};

#define LEDGER_DAY_MS 86400000ull

/* ledger_date is floor((time_ms + offset_ms) / LEDGER_DAY_MS). */
uint32_t ledger_date(uint64_t time_ms, uint32_t offset_ms);

/* ledger_genesis writes the first rows: the validators of epoch 0,
 * institutions, authorities, calendar. */
void ledger_genesis(const struct genesis *g, const struct ledger_view *view);

enum {
    DUE_PER_BLOCK = 1000, /* items of due work, and days looked at */
    RECOVERY_DAYS = 7,    /* that a recovery of keys waits */
    READY_BLOCKS = 10000, /* for which a candidate's READY counts */
    PRODUCTION_VALIDATORS_MIN = 4,
};

/* ledger_begin_block fills *b and applies due work: lapses freezes, ends
 * recoveries, drops reference days that left the window (given the parent's
 * business date). */
void ledger_begin_block(struct ledger_block *b,
                        const struct hash *chain_id,
                        uint64_t height,
                        uint64_t time_ms,
                        uint64_t parent_time_ms,
                        uint32_t offset_ms,
                        const struct ledger_view *view,
                        ledger_event_fn on_event,
                        void *on_event_ctx);

/* ledger_apply applies tx or refuses it; a refusal changes nothing, emits
 * nothing, and fills *why (if not NULL) with the first failing rule: the first
 * failing operation's, within it the lowest number.  A transaction of court
 * operations only after another kind is refused with V_ORDER (validity rule of
 * blocks; the builder sorts them first). */
MUST_USE enum verdict ledger_apply(struct ledger_block *b,
                                   const struct tx *tx,
                                   struct refusal *why);

/* ledger_fetch tells the view which rows these transactions will read, so that
 * the memory has them at hand when they are applied.  Changes nothing. */
enum {
    LEDGER_FETCH_TXS = 8, /* at once */
};
void ledger_fetch(const struct ledger_view *view,
                  const struct tx *const *txs,
                  uint32_t count);

/* ledger_is_court says whether all operations of tx are court operations:
 * those stand first in a block. */
bool ledger_is_court(const struct tx *tx);

/* Sums over accounts, each weighted by a number made of its id, modulo 2^64:
 * two such sums are equal only if every account's part is, but for chance. */
struct sums_marks {
    uint64_t positions; /* securities in which it has a share */
    uint64_t rights;    /* open pledges to it, open claims of it, securities it
                           issued */
};

/* Changes of a security's control totals, summed over its rows. */
struct sums_entry {
    struct hash security; /* security_key */
    int64_t issued;
    int64_t pledged;
    int64_t frozen;
    int64_t queued;
    int64_t holders;
    int64_t positions;
    int64_t pledges_open;
    int64_t freezes_open;
    int64_t court_reports;
    int64_t claims_open;
    int64_t secured_fen;
    uint64_t links; /* what pledge and freeze rows say less what the holdings
                       say, weighted as marks are; 0 if they agree */
    struct sums_marks marks;
};
/* sums_join adds from to *e, of the same security.
 * Errors    ERR_CORRUPT  a sum does not fit */
MUST_USE enum err sums_join(struct sums_entry *e,
                            const struct sums_entry *from);
/* sums_of adds what the change of a holding, pledge, freeze or claim row means
 * to *e (rows may be empty; other tables mean nothing).  sums_security checks
 * that the security row's own change equals *e, and adds the mark of its
 * issuer; pledges and holdings need not agree while a board transfer carries
 * them over.  sums_account adds what the
 * change of an account row says; over all securities the marks must be equal.
 * All are computed apart from the operations' code, so that a mistake in one
 * cannot hide here.
 * Errors    ERR_CORRUPT  a row that does not decode or is impossible in itself
 *           ERR_MISMATCH */
MUST_USE enum err sums_of(struct sums_entry *e,
                          const struct row_key *key,
                          struct bytes old_row,
                          struct bytes new_row);
MUST_USE enum err sums_security(struct sums_entry *e,
                                struct bytes old_row,
                                struct bytes new_row);
MUST_USE enum err sums_account(struct sums_marks *m,
                               const struct row_key *key,
                               struct bytes old_row,
                               struct bytes new_row);

#endif /* LEDGER_LEDGER_H */
