/* replica.h - records of the vote journal, appended (private to node/).
 *
 * Nothing here waits for the disk but replica_cut_journal; journal_sync does,
 * before what depends on a record leaves the node. */
#ifndef NODE_REPLICA_H
#define NODE_REPLICA_H

#include "node/node.h"

/* persist.c */
void keep_failed(struct node *n, enum err e);
void keep_record(struct node *n, uint8_t type, uint64_t view, struct bytes b);
void keep_vote(struct node *n, const struct vote *v);
void keep_cert(struct node *n, const struct cert *c);
void keep_body(struct node *n, const struct block_entry *b);
/* RECORD_EPOCH_END, of the certificate's epoch. */
void keep_end(struct node *n, const struct cert *c);

/* recover.c */
/* One record: bodies are back among the blocks, and what is final by its
 * certificate is to be committed (commit_recovered). */
MUST_USE enum err recover_record(struct node *n,
                                 uint8_t type,
                                 uint64_t epoch,
                                 struct bytes payload);

#endif /* NODE_REPLICA_H */
