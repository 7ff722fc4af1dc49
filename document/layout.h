/* layout.h - where things stand on pages: counting only, nothing is drawn.
 *
 * Lengths are points; y grows downward.
 *
 * Invariants of a table
 *   L1  every row stands on exactly one page, in order.
 *   L2  a head is not alone at the foot of a page: a row, or the total of a
 *       table without rows, stands under it.
 *   L3  the total is not alone on a page: the last row stands over it.
 *   L4  nothing reaches below the bottom, unless it is higher than a page. */
#ifndef DOCUMENT_LAYOUT_H
#define DOCUMENT_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

struct layout {
    double top; /* of the room on every page but the first */
    double bottom;
    uint32_t page; /* from 1 */
    double y;      /* the next thing stands here */
};

/* layout_take finds room of a height, on the next page if need be; returns its
 * upper edge. */
double layout_take(struct layout *l, double height);
/* layout_need goes to the next page if that much room is not left. */
void layout_need(struct layout *l, double height);
void layout_gap(struct layout *l, double height); /* none at the top */

struct layout_table {
    double head; /* with its title; on every page */
    double row;
    double total; /* 0: none */
    uint32_t rows;
};

/* What of a table stands on one page. */
struct layout_slice {
    uint32_t page;
    double y;       /* upper edge of the head */
    uint32_t first; /* row */
    uint32_t count;
    bool total;
};

/* layout_slice finds the next part of a table: begin with *done 0 and again
 * false; it counts in *done and moves l below the slice.  False: all is
 * placed. */
bool layout_slice(struct layout_slice *out,
                  struct layout *l,
                  const struct layout_table *t,
                  uint32_t *done,
                  bool *again);

#endif /* DOCUMENT_LAYOUT_H */
