/* prove.h - receipts made from what a node keeps: the store, and, at the newest
 * block, the state itself.
 *
 * A tree of the past is hashed anew from the rows of its height: all accounts,
 * all securities, all holdings of one security.  The leaves of the last few
 * such lists are kept.  What is rebuilt is compared with the roots that the
 * store has of that block, so that a receipt of a damaged history is never
 * given out.
 *
 * A prover belongs to one thread. */
#ifndef NODE_PROVE_H
#define NODE_PROVE_H

#include "audit/receipt.h"
#include "storage/store.h"

enum {
    PROVE_CACHE_BYTES = 64 << 20,
    PROVE_LISTS_MAX = 16,
    PROVE_CODES_MAX = 16, /* codes that one security had, one after another */
    PROVE_WHY_MAX = 160,
    /* Of a receipt that is answered: in hex it must be an answer that clients
     * take (rpc/client.h). */
    PROVE_BYTES_MAX = 127 << 20,
};

struct prover;
struct prover *prover_new(struct store *s,
                          uint32_t offset_ms,
                          size_t cache_bytes);
void prover_free(struct prover *p);

/* What is to be shown. */
struct prove_request {
    uint8_t kind; /* enum receipt_kind; HOLDING: ABSENCE if that is true */
    uint64_t min_height;
    bool by_height; /* about this block */
    bool by_date;   /* about the last block of this date or before */
    uint64_t height;
    uint32_t date;
    uint64_t anchor; /* height of the block that is trusted */
    char code[CODE_MAX + 1];
    struct hash account;
    struct hash tx;
    bool from_start;  /* STATEMENT */
    uint64_t earlier; /* STATEMENT, CONSISTENCY */
    uint64_t epoch;   /* VALIDATORS */
};

/* What the executor took from the state as it stood after a block. */
struct prove_live {
    bool any;
    uint64_t height;
    struct receipt_position position;
    struct buf rows; /* that the position borrows */
};
/* Requires  s stands at block height. */
void prove_take(struct prove_live *out,
                struct state *s,
                uint64_t height,
                const struct prove_request *q);
void prove_live_free(struct prove_live *l);

/* Whether the state itself could serve: the statement is about rows after the
 * newest block. */
bool prove_wants_live(struct prover *p, const struct prove_request *q);

struct prove_answer {
    uint8_t kind;
    uint64_t height; /* that the statement is about */
    uint32_t date;   /* business date of that block */
    bool as_of;      /* the receipt shows that it is the last of its date */
    struct buf receipt;
    char why[PROVE_WHY_MAX]; /* on an error, a sentence; else "" */
};

/* prove makes a receipt; live (may be NULL) serves if it is of the height that
 * is asked for.
 * Errors    ERR_RANGE      the store is not that high yet; out->height is
 *           ERR_NOT_FOUND  there is nothing to show, or the anchor is too high
 *           ERR_REFUSED    the holding is pledged or frozen (UNENCUMBERED)
 *           ERR_FULL       a list is too long for a receipt, or the receipt
 *                          longer than PROVE_BYTES_MAX
 *           ERR_PRUNED     this node's history begins after what it takes
 *           ERR_CORRUPT    the history disagrees with the roots
 *           others of the store */
MUST_USE enum err prove(struct prove_answer *out,
                        struct prover *p,
                        const struct prove_request *q,
                        const struct prove_live *live);

#endif /* NODE_PROVE_H */
