/* Tables on pages. */
#include "base/check.h"
#include "document/press.h"

enum {
    PROGRESS_ROWS = 1000,
    TOGETHER_ROWS = 12, /* a table that is not torn apart */
};

/* Points. */
#define TITLE_HEIGHT 19.0
#define ROW_HEIGHT   14.6
#define HALF_HEIGHT  8.6
#define NAME_HEIGHT  9.6

static enum side side_of(enum cell_style style)
{
    return style == CELL_NUMBER ? SIDE_RIGHT : SIDE_LEFT;
}

void press_halves(struct press *p, struct line at, const char *text)
{
    const size_t half = (strlen(text) + 1) / 2;
    char part[QR_TEXT_MAX];

    (void)snprintf(part, sizeof part, "%.*s", (int)half, text);
    sheet_line(p->s, &at, part);
    at.y += HALF_HEIGHT;
    sheet_line(p->s, &at, text + strlen(part));
}

static void draw_cells(struct press *p,
                       const struct doc_table *t,
                       const struct cells *c,
                       double y)
{
    double x = PRESS_LEFT;

    for (uint32_t i = 0; i < t->column_count; i++) {
        const struct column *column = &t->columns[i];
        const bool code =
            column->style == CELL_CODE || column->style == CELL_HALVES;
        struct line at = {code ? FACE_MONO : FACE_SANS,
                          code ? 6.9 : 8.2,
                          INK_BLACK,
                          side_of(column->style),
                          x + 3,
                          y + 10.2,
                          column->width - 6};

        if (column->style == CELL_HALVES) {
            press_halves(p, at, c->text[i]);
            at.y += HALF_HEIGHT;
        } else {
            sheet_line(p->s, &at, c->text[i]);
        }
        if (t->names && i == t->name_column) {
            at.face = FACE_SANS;
            at.size = 7.6;
            at.ink = INK_RED;
            at.y += NAME_HEIGHT;
            sheet_line(p->s, &at, c->name);
        }
        x += column->width;
    }
}

static double head_height(const struct press *p)
{
    return p->m->languages == LANGUAGES_ALL ? 25 : 15;
}

static double row_height(const struct doc_table *t)
{
    double height = t->names ? ROW_HEIGHT + NAME_HEIGHT : ROW_HEIGHT;

    for (uint32_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].style == CELL_HALVES)
            return height + HALF_HEIGHT;
    }
    return height;
}

static void draw_table_head(struct press *p,
                            const struct doc_table *t,
                            double y)
{
    const double height = head_height(p);
    double x = PRESS_LEFT;

    sheet_box(p->s, INK_SHADE, PRESS_LEFT, y, PRESS_WIDTH, height);
    sheet_rule(p->s, INK_NAVY, PRESS_LEFT, y, PRESS_WIDTH, 0.8);
    sheet_rule(p->s, INK_NAVY, PRESS_LEFT, y + height, PRESS_WIDTH, 0.5);
    for (uint32_t i = 0; i < t->column_count; i++) {
        const struct column *column = &t->columns[i];
        struct line at = {FACE_SANS,
                          7.4,
                          INK_NAVY,
                          side_of(column->style),
                          x + 3,
                          y + 10,
                          column->width - 6};

        for (enum lang lang = LANG_EN; lang < LANGS; lang++) {
            if ((p->m->languages & 1u << lang) == 0)
                continue;
            sheet_line(p->s, &at, label_in(column->label, lang));
            at.y += 10;
        }
        x += column->width;
    }
}

/* The title, and which rows stand here if that is not all of them. */
static void draw_title(struct press *p,
                       const struct doc_table *t,
                       const struct layout_slice *s)
{
    const struct line rows = {FACE_SANS,
                              7.5,
                              INK_GREY,
                              SIDE_RIGHT,
                              PRESS_LEFT + 260,
                              s->y + 12,
                              PRESS_WIDTH - 260};
    char first[FIGURE_MAX];
    char last[FIGURE_MAX];
    char all[FIGURE_MAX];
    const struct word words[] = {
        word_of(figure_of(first, (uint64_t)s->first + 1)),
        word_of(figure_of(last, (uint64_t)s->first + s->count)),
        word_of(figure_of(all, t->rows))};
    char text[TITLE_MAX];

    press_text(p, FACE_SANS, 10.5, INK_NAVY, s->y + 12, t->title);
    if (s->count == 0 || (t->of == TABLE_KEPT && s->count == t->rows))
        return;
    label_fill(text, sizeof text, LABEL_ROWS, p->m->languages, words, 3);
    sheet_line(p->s, &rows, text);
}

static void tell_progress(struct press *p, uint32_t rows)
{
    const uint64_t before = p->rows_done / PROGRESS_ROWS;

    p->rows_done += rows;
    if (p->m->o->progress != NULL &&
        (p->rows_done / PROGRESS_ROWS > before || p->rows_done == p->rows_all))
        p->m->o->progress(p->rows_done, p->rows_all);
}

static void draw_slice(struct press *p,
                       const struct doc_table *t,
                       const struct layout_table *l,
                       const struct layout_slice *s,
                       struct table_walk *w)
{
    double y = s->y + TITLE_HEIGHT;
    struct cells row;

    draw_title(p, t, s);
    draw_table_head(p, t, y);
    y += head_height(p);
    for (uint32_t i = 0; i < s->count; i++) {
        const bool more = table_next(w, &row);

        ASSERT(more); /* the verifier has read them all */
        draw_cells(p, t, &row, y);
        y += l->row;
        sheet_rule(p->s, INK_RULE, PRESS_LEFT, y, PRESS_WIDTH, 0.4);
    }
    if (s->total) {
        sheet_box(p->s, INK_SHADE, PRESS_LEFT, y, PRESS_WIDTH, l->total);
        sheet_rule(p->s, INK_NAVY, PRESS_LEFT, y, PRESS_WIDTH, 0.8);
        draw_cells(p, t, t->total, y);
        y += l->total;
    }
    sheet_rule(p->s, INK_NAVY, PRESS_LEFT, y, PRESS_WIDTH, 0.8);
    tell_progress(p, s->count);
}

void press_table(struct press *p, const struct doc_table *t)
{
    const struct layout_table l = {.head = TITLE_HEIGHT + head_height(p),
                                   .row = row_height(t),
                                   .total = t->has_total ? 15.6 : 0,
                                   .rows = t->rows};
    struct layout_slice s;
    struct table_walk walk;
    uint32_t done = 0;
    bool again = false;

    layout_gap(&p->at, 10);
    if (t->rows <= TOGETHER_ROWS)
        layout_need(&p->at, l.head + l.row * l.rows + l.total);
    table_begin(&walk, p->m, t);
    while (layout_slice(&s, &p->at, &l, &done, &again)) {
        if (!p->draw)
            continue;
        press_turn(p);
        draw_slice(p, t, &l, &s, &walk);
    }
}
