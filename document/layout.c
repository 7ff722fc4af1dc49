#include "document/layout.h"

static void next_page(struct layout *l)
{
    l->page++;
    l->y = l->top;
}

void layout_need(struct layout *l, double height)
{
    if (l->y + height > l->bottom && l->y > l->top)
        next_page(l);
}

double layout_take(struct layout *l, double height)
{
    double y;

    layout_need(l, height);
    y = l->y;
    l->y += height;
    return y;
}

void layout_gap(struct layout *l, double height)
{
    if (l->y > l->top)
        l->y += height;
}

/* How many rows fit into a height; bounded, so that no number is too large. */
static uint32_t rows_in(double height, double row, uint32_t most)
{
    const double n = height / row + 1e-9;

    if (n < 1)
        return 0;
    return n >= (double)most ? most : (uint32_t)n;
}

bool layout_slice(struct layout_slice *out,
                  struct layout *l,
                  const struct layout_table *t,
                  uint32_t *done,
                  bool *again)
{
    const uint32_t left = t->rows - *done;
    double room;

    if (*again && left == 0)
        return false;
    /* L2, and L3 where the one row left is also the last. */
    layout_need(l,
                t->head + (left > 0 ? t->row : 0) + (left <= 1 ? t->total : 0));
    *out = (struct layout_slice){.page = l->page, .y = l->y, .first = *done};
    room = l->bottom - l->y - t->head;
    out->count = rows_in(room, t->row, left);
    if (out->count == 0 && left > 0)
        out->count = 1; /* higher than a page */
    out->total = t->total > 0 && out->count == left;
    if (out->total && left > 1 &&
        (double)left * t->row + t->total > room + 1e-9) {
        out->count--; /* L3: one goes along with the total */
        out->total = false;
    }
    *done += out->count;
    *again = true;
    l->y += t->head + (double)out->count * t->row + (out->total ? t->total : 0);
    if (*done < t->rows)
        l->y = l->bottom; /* the rest begins a page */
    return true;
}
