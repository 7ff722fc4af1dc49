/* press.h - a model on its way to paper (private to document/). */
#ifndef DOCUMENT_PRESS_H
#define DOCUMENT_PRESS_H

#include "document/layout.h"
#include "document/model.h"
#include "document/sheet.h"

/* Points. */
#define PRESS_LEFT   54.0
#define PRESS_WIDTH  487.0
#define PRESS_TOP    66.0  /* under the head of a page that is not the first */
#define PRESS_BOTTOM 776.0 /* over the foot */

/* The same work is done twice: first to count the pages, then to draw. */
struct press {
    const struct model *m;
    struct sheet *s;
    struct layout at;
    bool draw;
    uint32_t page;  /* on which is drawn */
    uint32_t pages; /* of the first run */
    uint64_t rows_done;
    uint64_t rows_all;
};

/* A line over the whole width. */
void press_text(struct press *p,
                enum face face,
                double size,
                enum ink ink,
                double y,
                const char *text);
/* press_turn draws on the layout's page from now on. */
void press_turn(struct press *p);
/* A long id in two lines, 8.6 points apart. */
void press_halves(struct press *p, struct line at, const char *text);
void press_table(struct press *p, const struct doc_table *t);

#endif /* DOCUMENT_PRESS_H */
