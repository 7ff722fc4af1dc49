/* sheet.h - drawing on the pages of a PDF, by cairo and Pango (private to
 * document/).
 *
 * Lengths are points, from the upper left corner of an A4 page.  Fonts are
 * embedded as subsets.  Nothing hangs on the clock or the locale. */
#ifndef DOCUMENT_SHEET_H
#define DOCUMENT_SHEET_H

#include "document/labels.h"
#include "document/qr.h"

#include "base/buf.h"

#define SHEET_WIDTH  595.276
#define SHEET_HEIGHT 841.89

enum face {
    FACE_SANS,
    FACE_MONO, /* digits and letters of one width */
    FACES,
};

enum ink {
    INK_BLACK,
    INK_NAVY,
    INK_GREY,
    INK_RED,
    INK_RULE,  /* light lines */
    INK_SHADE, /* behind the heads of tables */
    INKS,
};

enum side {
    SIDE_LEFT,
    SIDE_RIGHT,
    SIDE_MIDDLE,
};

struct sheet;

/* sheet_open begins a PDF that is appended to out; NULL: why (size cap) says
 * what is missing. */
struct sheet *sheet_open(struct buf *out, char *why, size_t cap);
/* sheet_close ends the PDF and frees s.  False: it is not to be used; why says
 * so. */
MUST_USE bool sheet_close(struct sheet *s, char *why, size_t cap);

/* UTF-8; the date as "2026-03-02T01:02:03Z". */
void sheet_about(struct sheet *s,
                 const char *title,
                 const char *subject,
                 const char *date);
void sheet_next_page(struct sheet *s);

/* A text in one line that keeps within the width: smaller letters if need be.
 */
struct line {
    enum face face;
    double size;
    enum ink ink;
    enum side side;
    double x;
    double y; /* of the base line */
    double width;
};
void sheet_line(struct sheet *s, const struct line *at, const char *text);

/* A text in as many lines as it takes. */
struct paragraph {
    enum lang lang; /* whose rules break lines */
    double size;
    enum ink ink;
    double x;
    double y; /* upper edge */
    double width;
};
double sheet_paragraph_height(struct sheet *s,
                              const struct paragraph *at,
                              const char *text);
void sheet_paragraph(struct sheet *s,
                     const struct paragraph *at,
                     const char *text);

void sheet_rule(struct sheet *s,
                enum ink ink,
                double x,
                double y,
                double width,
                double thickness);
void sheet_box(struct sheet *s,
               enum ink ink,
               double x,
               double y,
               double width,
               double height);
/* side counts the quiet zone. */
void sheet_qr(
    struct sheet *s, const struct qr *code, double x, double y, double side);

#endif /* DOCUMENT_SHEET_H */
