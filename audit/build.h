/* build.h - parts of receipts from what a node has at hand.
 *
 * A state gives rows with their paths; what it stands at must be the block that
 * the receipt is about.  Rows are borrowed from the state until it changes. */
#ifndef AUDIT_BUILD_H
#define AUDIT_BUILD_H

#include "audit/receipt.h"

/* Errors    ERR_NOT_FOUND  there is no such account or security */
MUST_USE enum err receipt_take_account(struct receipt_row *out,
                                       struct state *s,
                                       const struct hash *account);
MUST_USE enum err receipt_take_security(struct receipt_security *out,
                                        struct state *s,
                                        const char *code);
/* The row, or what shows that there is none. */
void receipt_take_holding(struct receipt_holding *out,
                          struct state *s,
                          const char *code,
                          const struct hash *account);
MUST_USE enum err receipt_take_position(struct receipt_position *out,
                                        struct state *s,
                                        const char *code,
                                        const struct hash *account);
/* All holdings of a security, into bytes; lines borrows them. */
void receipt_take_lines(struct receipt_list *lines,
                        struct buf *bytes,
                        struct state *s,
                        const char *code);

/* The kind that a position proves: RECEIPT_HOLDING if it has a share, else
 * RECEIPT_ABSENCE. */
uint8_t receipt_kind_of(const struct receipt_position *p);

/* receipt_follow looks which of a block's events lead a holding from one chain
 * to the next, in the way of event_renews_holding, and adds them to list.
 * Give it the events of a block in their order, with the salt of each one's
 * transaction; chain is zeros for a holding that was not there.
 * Errors    ERR_MISMATCH  they do not lead from *chain to end; nothing is kept
 *           ERR_RANGE     an event does not decode */
MUST_USE enum err receipt_follow(struct receipt_list *list,
                                 struct buf *bytes,
                                 struct hash *chain,
                                 const struct hash *end,
                                 const char *code,
                                 const struct hash *account,
                                 const struct receipt_event *events,
                                 uint32_t event_count);

#endif /* AUDIT_BUILD_H */
