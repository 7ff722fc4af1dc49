/* ledger.h - the register as a pure function: block facts and transactions in,
 * verdicts, events and changed rows out.
 *
 *   ledger_begin_block -> due work
 *   ledger_apply       -> one transaction, all of it or nothing (I13)
 *
 * Nothing here reads a clock, allocates or calls ECDSA: the caller has checked
 * every signature (tx_check_sigs), the ledger checks that each key is active in
 * its principal's policy and that exactly the needed principals signed. */
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
};

/* ledger_date is floor((time_ms + offset_ms) / 86,400,000). */
uint32_t ledger_date(uint64_t time_ms, uint32_t offset_ms);

/* ledger_genesis writes the first rows: institutions, authorities, calendar. */
void ledger_genesis(const struct genesis *g, const struct ledger_view *view);

/* ledger_begin_block fills *b and applies due work: drops reference days that
 * left the window (given the parent's business date). */
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

/* ledger_is_court says whether all operations of tx are court operations:
 * those stand first in a block. */
bool ledger_is_court(const struct tx *tx);

/* ledger_check_rows checks one changed row pair against the sums of its
 * security (design: computed apart from the operations' code).  Feed every
 * changed holding and pledge/freeze row of a block, then the security rows. */
struct sums_entry {
    struct hash security; /* security_key */
    int64_t issued;       /* change of Σ totals */
    int64_t pledged;
    int64_t frozen;
    int64_t holders;
};
/* sums_of adds what a row's change means to *e (rows may be empty).
 * sums_security checks that the security row's own change equals *e.
 * Errors    ERR_CORRUPT a row that does not decode; ERR_MISMATCH */
MUST_USE enum err sums_of(struct sums_entry *e,
                          const struct row_key *key,
                          struct bytes old_row,
                          struct bytes new_row);
MUST_USE enum err sums_security(const struct sums_entry *e,
                                struct bytes old_row,
                                struct bytes new_row);

#endif /* LEDGER_LEDGER_H */
