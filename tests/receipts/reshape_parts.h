/* reshape_parts.h - ways to change a receipt (private to reshape*.c). */
#ifndef TESTS_RECEIPTS_RESHAPE_PARTS_H
#define TESTS_RECEIPTS_RESHAPE_PARTS_H

#include "base/buf.h"
#include "tests/receipts/reshape.h"

uint64_t shape_roll(struct reshape *s, uint64_t below);
struct bytes shape_keep(struct reshape *s, struct bytes b);
/* A copy with one bit changed. */
struct bytes shape_flipped(struct reshape *s, struct bytes b);
void shape_swap(struct hash *a, struct hash *b);
/* Takes the items of a list over. */
void shape_put_list(struct receipt_list *list,
                    struct buf *bytes,
                    struct reshape *s);
/* False: it cannot be done to this path. */
bool shape_log_path(struct mtree_proof *p,
                    const struct mtree_proof *o,
                    struct reshape *s);
bool shape_tree_path(struct tree_path *p, struct reshape *s);

/* reshape_state.c */
bool in_security(struct receipt *r, struct receipt *o, struct reshape *s);
bool in_position(struct receipt *r, struct receipt *o, struct reshape *s);
bool in_lines(struct receipt *r, struct receipt *o, struct reshape *s);
bool in_events(struct receipt *r, struct receipt *o, struct reshape *s);
bool in_opening(struct receipt *r, struct receipt *o, struct reshape *s);

#endif /* TESTS_RECEIPTS_RESHAPE_PARTS_H */
