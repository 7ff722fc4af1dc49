/* check.h - a receipt being checked (private to audit/).
 *
 * Each check returns false after it has noted what is wrong. */
#ifndef AUDIT_CHECK_H
#define AUDIT_CHECK_H

#include "audit/verify.h"

struct check {
    const struct receipt *r;
    const struct trust *t;
    struct receipt_facts *f;
    struct valset set; /* in force after the anchor and the epochs */
    struct hash set_hash;
    struct valset before; /* the set before the last change */
    struct hash before_hash;
    struct hash seal; /* block of the last change; zeros if there was none */
    uint64_t height;  /* of the last block so far */
};

bool check_fail(struct check *c, enum receipt_fault f, const char *where);

/* Reads a header that anybody may have written. */
bool check_header(struct check *c,
                  struct header *h,
                  struct hash *hash,
                  struct bytes in,
                  const char *where);

/* The statement of the receipt, about c->f->block (check_state.c). */
bool check_position(struct check *c, const struct receipt_position *p);
bool check_position_kind(struct check *c);
bool check_register(struct check *c);
bool check_account_statement(struct check *c);
/* Of transactions and histories (check_log.c). */
bool check_transaction(struct check *c);
bool check_consistency(struct check *c);
/* earlier stands in the history of the block that the statement is about. */
bool check_earlier(struct check *c,
                   struct bytes header,
                   const struct mtree_proof *path);

#endif /* AUDIT_CHECK_H */
