/* prove_parts.h - one receipt being made (private to node/prove*.c). */
#ifndef NODE_PROVE_PARTS_H
#define NODE_PROVE_PARTS_H

#include "base/arena.h"
#include "ledger/rows.h"
#include "node/prove.h"

/* The leaves of a tree of the past. */
struct prove_list {
    uint8_t table;
    struct hash tree;
    uint64_t height;
    struct proof_leaf *leaves; /* NULL: an unused place */
    size_t count;
    uint64_t used; /* when last; counts up */
};

struct prover {
    struct store *store;
    uint32_t offset_ms;
    size_t cache_bytes; /* of the leaves, at most */
    size_t bytes_max;   /* of a receipt */
    struct prove_list lists[PROVE_LISTS_MAX];
    struct prove_list big; /* one that is too long to be kept */
    uint64_t uses;
    /* Of the receipt being made: */
    struct arena arena; /* of all bytes that it borrows */
    struct buf epochs;
    struct buf items;
    struct receipt receipt;
};

struct proving {
    struct prover *p;
    const struct prove_request *q;
    const struct prove_live *live; /* of `height`; else NULL */
    struct store_view *now;
    struct store_view *then; /* as it was after block `height` */
    uint64_t height;         /* that the statement is about */
    bool as_of;              /* there is a successor of a later date */
    struct prove_answer *out;
};

/* Notes why and returns e. */
enum err prove_fail(struct proving *w, enum err e, const char *why)
    __attribute__((warn_unused_result));

/* Copies and frees a value of the store. */
struct bytes prove_keep(struct prover *p, struct store_value *v);
MUST_USE enum err prove_block_part(struct bytes *out,
                                   struct prover *p,
                                   uint64_t height,
                                   enum store_block_part part);
MUST_USE enum err prove_header(struct header *out,
                               struct bytes *bytes,
                               struct prover *p,
                               uint64_t height);

/* prove_state.c: rows with their paths, after any block. */
MUST_USE enum err prove_position(struct receipt_position *out,
                                 struct proving *w);
MUST_USE enum err prove_security_at(struct receipt_security *out,
                                    struct proving *w,
                                    struct store_view *v,
                                    const char *code);
MUST_USE enum err prove_holding_at(struct receipt_holding *out,
                                   struct proving *w,
                                   struct store_view *v,
                                   const struct receipt_security *security,
                                   const char *code);
MUST_USE enum err prove_register(struct receipt_register *out,
                                 struct proving *w);
void prove_forget(struct prover *p);
/* What was too large to be kept after a receipt. */
void prove_forget_big(struct prover *p);

/* prove_log.c: blocks, their log, transactions and events. */
MUST_USE enum err prove_inclusion(struct mtree_proof *out,
                                  struct prover *p,
                                  uint64_t size,
                                  uint64_t index);
MUST_USE enum err prove_transaction(struct receipt_transaction *out,
                                    struct proving *w,
                                    uint32_t index);
MUST_USE enum err prove_consistency(struct receipt_consistency *out,
                                    struct proving *w);
MUST_USE enum err prove_statement(struct receipt_statement *out,
                                  struct proving *w);

#endif /* NODE_PROVE_PARTS_H */
