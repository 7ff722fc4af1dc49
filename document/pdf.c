/* The pages of a document. */
#include "document/attach.h"
#include "document/layout.h"
#include "document/model.h"
#include "document/sheet.h"

#include "audit/report.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"

#include <stdlib.h>

#define LEFT   54.0
#define WIDTH  487.0
#define TOP    66.0  /* under the head of a page that is not the first */
#define BOTTOM 776.0 /* over the foot */

enum {
    LABEL_WIDTH = 150,
    PROGRESS_ROWS = 1000,
};

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

static void left_text(struct press *p,
                      enum face face,
                      double size,
                      enum ink ink,
                      double y,
                      const char *text)
{
    const struct line at = {face, size, ink, SIDE_LEFT, LEFT, y, WIDTH};

    sheet_line(p->s, &at, text);
}

/* ---- head and foot of a page ---- */

static void page_number(const struct press *p, char *out, size_t cap)
{
    char en[40];
    char zh[40];

    (void)snprintf(en, sizeof en, "Page %u of %u", p->page, p->pages);
    (void)snprintf(zh, sizeof zh, "第 %u 页 共 %u 页", p->page, p->pages);
    both_text(out, cap, en, zh, p->m->languages);
}

static void draw_foot(struct press *p)
{
    struct line right = {
        FACE_SANS, 7.5, INK_GREY, SIDE_RIGHT, LEFT, 797, WIDTH};
    char digest[2 * HASH_BYTES + 1];
    char text[160];

    sheet_rule(p->s, INK_NAVY, LEFT, 784, WIDTH, 0.6);
    label_text(text, sizeof text, LABEL_RECEIPT_DIGEST, p->m->languages);
    left_text(p, FACE_SANS, 6.5, INK_GREY, 796, text);
    hex_encode(digest, p->m->d->digest.raw, HASH_BYTES);
    left_text(p, FACE_MONO, 6.5, INK_GREY, 806, digest);
    page_number(p, text, sizeof text);
    sheet_line(p->s, &right, text);
    if (p->m->o->name_of == NULL)
        return;
    label_text(text, sizeof text, LABEL_NAMES_NOTE, p->m->languages);
    left_text(p, FACE_SANS, 6.5, INK_RED, 817, text);
}

static void draw_head(struct press *p)
{
    const struct line right = {
        FACE_MONO, 7, INK_GREY, SIDE_RIGHT, LEFT + 247, 44, 240};
    char text[160];

    label_text(
        text, sizeof text, model_title(p->m->d->f.kind), p->m->languages);
    left_text(p, FACE_SANS, 8, INK_GREY, 44, text);
    sheet_line(p->s, &right, p->m->number);
    sheet_rule(p->s, INK_NAVY, LEFT, 51, WIDTH, 0.6);
}

/* Follows the layout to its page. */
static void turn(struct press *p)
{
    while (p->draw && p->page < p->at.page) {
        draw_foot(p);
        sheet_next_page(p->s);
        p->page++;
        draw_head(p);
    }
}

static double take(struct press *p, double height)
{
    const double y = layout_take(&p->at, height);

    turn(p);
    return y;
}

/* ---- the first page's head ---- */

static void put_as_of(struct press *p, double *y, enum lang lang)
{
    const struct receipt_facts *f = &p->m->d->f;
    char text[120];
    char day[11];

    if ((p->m->languages & 1u << lang) == 0)
        return;
    if ((f->parts & RECEIPT_AS_OF) != 0)
        (void)snprintf(text,
                       sizeof text,
                       "%s %s",
                       label_in(LABEL_AT_END_OF, lang),
                       figure_date(day, f->date_to));
    else
        (void)snprintf(text,
                       sizeof text,
                       "%s %llu (%s)",
                       label_in(LABEL_AT_HEIGHT, lang),
                       (unsigned long long)f->block.height,
                       figure_date(day, f->date));
    left_text(p, FACE_SANS, 9.5, INK_BLACK, *y, text);
    *y += 14;
}

static void draw_letterhead(struct press *p)
{
    const struct receipt_facts *f = &p->m->d->f;
    const struct line chain = {
        FACE_MONO, 6.5, INK_GREY, SIDE_RIGHT, LEFT + 200, 50, WIDTH - 200};
    char text[160];
    char hex[2 * HASH_BYTES + 1];

    label_text(text, sizeof text, LABEL_LETTERHEAD, p->m->languages);
    left_text(p, FACE_SANS, 11, INK_NAVY, 50, text);
    hex_encode(hex, f->chain_id.raw, HASH_BYTES);
    (void)snprintf(text, sizeof text, "%s", hex);
    sheet_line(p->s, &chain, text);
    sheet_rule(p->s, INK_NAVY, LEFT, 58, WIDTH, 1.6);
    sheet_rule(p->s, INK_NAVY, LEFT, 61, WIDTH, 0.5);
}

static void put_first_head(struct press *p)
{
    const enum label title = model_title(p->m->d->f.kind);
    struct qr *code;
    double y = 96;
    bool made;

    p->at.y = 178;
    if (!p->draw)
        return;
    draw_letterhead(p);
    for (enum lang lang = LANG_EN; lang < LANGS; lang++) {
        if ((p->m->languages & 1u << lang) == 0)
            continue;
        left_text(p, FACE_SANS, 19, INK_NAVY, y, label_in(title, lang));
        y += 25;
    }
    put_as_of(p, &y, LANG_EN);
    put_as_of(p, &y, LANG_ZH);
    left_text(p, FACE_MONO, 8, INK_GREY, y + 1, p->m->number);
    code = calloc(1, sizeof *code);
    ASSERT(code != NULL);
    made = qr_make(code, p->m->qr);
    ASSERT(made); /* its length is bounded */
    sheet_qr(p->s, code, LEFT + WIDTH - 104, 68, 108);
    free(code);
}

/* ---- blocks ---- */

static void put_heading(struct press *p,
                        enum label heading,
                        enum ink ink,
                        const char *about,
                        double with)
{
    char text[200];
    int size;
    double y;

    layout_gap(&p->at, 10);
    layout_need(&p->at, 20 + with);
    y = take(p, 20);
    if (!p->draw)
        return;
    label_text(text, sizeof text, heading, p->m->languages);
    size = (int)strlen(text);
    if (about[0] != '\0')
        (void)snprintf(text + size, sizeof text - (size_t)size, "  %s", about);
    left_text(p, FACE_SANS, 10.5, ink, y + 12, text);
    sheet_rule(p->s, ink, LEFT, y + 17, WIDTH, 0.5);
}

static void draw_entry(struct press *p,
                       const struct entry *e,
                       const struct paragraph *label,
                       const struct paragraph *value,
                       const char *text)
{
    const struct line code = {FACE_MONO,
                              7.6,
                              INK_BLACK,
                              SIDE_LEFT,
                              value->x,
                              label->y + 8.5,
                              value->width};

    sheet_paragraph(p->s, label, text);
    if (e->style == CELL_CODE)
        sheet_line(p->s, &code, e->value);
    else
        sheet_paragraph(p->s, value, e->value);
}

static void put_entry(struct press *p, const struct entry *e)
{
    struct paragraph label = {LANG_EN, 8.2, INK_GREY, LEFT, 0, LABEL_WIDTH - 8};
    struct paragraph value = {LANG_ZH,
                              8.8,
                              e->marked ? INK_RED : INK_BLACK,
                              LEFT + LABEL_WIDTH,
                              0,
                              WIDTH - LABEL_WIDTH};
    char text[160];
    double height;
    double is;

    label_text(text, sizeof text, e->label, p->m->languages);
    height = sheet_paragraph_height(p->s, &label, text);
    is = e->style == CELL_CODE ? 11
                               : sheet_paragraph_height(p->s, &value, e->value);
    height = (is > height ? is : height) + 4.6;
    label.y = take(p, height) + 2.2;
    value.y = label.y - 0.4;
    if (!p->draw)
        return;
    draw_entry(p, e, &label, &value, text);
    sheet_rule(p->s, INK_RULE, LEFT, label.y - 2.2 + height, WIDTH, 0.4);
}

static void put_entries(struct press *p, const struct entries *e)
{
    put_heading(p, e->heading, INK_NAVY, "", 30);
    for (uint32_t i = 0; i < e->count; i++)
        put_entry(p, &e->list[i]);
}

struct saying {
    struct press *p;
    enum say_what what;
    enum lang lang;
    enum label heading;
    bool headed;
};

static const enum label say_headings[] = {
    [SAY_PROVEN] = LABEL_PROVEN,
    [SAY_WHEN] = LABEL_WHEN,
    [SAY_BY_WHOM] = LABEL_BY_WHOM,
    [SAY_NOTE] = LABEL_NOTE,
    [SAY_NOT_PROVEN] = LABEL_NOT_PROVEN,
};

static void put_bullet(struct press *p,
                       enum lang lang,
                       enum ink ink,
                       const char *text)
{
    struct paragraph at = {lang, 8.6, INK_BLACK, LEFT + 11, 0, WIDTH - 11};
    const double height = sheet_paragraph_height(p->s, &at, text) + 3.2;

    at.y = take(p, height) + 1;
    if (!p->draw)
        return;
    sheet_box(p->s, ink, LEFT + 2, at.y + 4, 3, 3);
    sheet_paragraph(p->s, &at, text);
}

static void put_sentence(void *ctx, enum say_what what, const char *sentence)
{
    struct saying *s = ctx;
    const enum ink ink =
        what == SAY_NOT_PROVEN || what == SAY_NOTE ? INK_RED : INK_NAVY;

    if (what != s->what)
        return;
    if (!s->headed)
        put_heading(s->p, say_headings[what], ink, "", 26);
    s->headed = true;
    put_bullet(s->p, s->lang, ink, sentence);
}

/* The report's own sentences, in each language under one heading. */
static void put_report(struct press *p)
{
    const struct document *d = p->m->d;
    struct saying s = {.p = p};

    for (s.what = SAY_PROVEN; s.what <= SAY_NOT_PROVEN; s.what++) {
        s.headed = false;
        for (s.lang = LANG_EN; s.lang < LANGS; s.lang++) {
            if ((p->m->languages & 1u << s.lang) != 0)
                report_sentences(&d->f, &d->r, s.lang, put_sentence, &s);
        }
    }
}

static void put_check(struct press *p)
{
    struct line code = {
        FACE_MONO, 6.5, INK_GREY, SIDE_LEFT, LEFT + 11, 0, WIDTH - 11};
    const enum label said[] = {
        LABEL_CHECK_ATTACHED, LABEL_CHECK_QR, LABEL_NAMES_NOTE};
    const uint32_t count = p->m->o->name_of != NULL ? 3 : 2;

    put_heading(p, LABEL_HOW_TO_CHECK, INK_NAVY, "", 26);
    for (enum lang lang = LANG_EN; lang < LANGS; lang++) {
        for (uint32_t i = 0; i < count; i++) {
            if ((p->m->languages & 1u << lang) != 0)
                put_bullet(p, lang, INK_NAVY, label_in(said[i], lang));
        }
    }
    code.y = take(p, 12) + 8;
    if (p->draw)
        sheet_line(p->s, &code, p->m->qr);
}

/* ---- tables ---- */

static enum side side_of(enum cell_style style)
{
    return style == CELL_NUMBER ? SIDE_RIGHT : SIDE_LEFT;
}

static void draw_cells(struct press *p,
                       const struct doc_table *t,
                       const struct cells *c,
                       double y)
{
    double x = LEFT;

    for (uint32_t i = 0; i < t->column_count; i++) {
        const struct column *column = &t->columns[i];
        const bool code = column->style == CELL_CODE;
        const struct line at = {code ? FACE_MONO : FACE_SANS,
                                code ? 6.9 : 8.2,
                                INK_BLACK,
                                side_of(column->style),
                                x + 3,
                                y + 10.2,
                                column->width - 6};

        sheet_line(p->s, &at, c->text[i]);
        if (t->names && i == t->name_column) {
            const struct line name = {FACE_SANS,
                                      7.6,
                                      INK_RED,
                                      SIDE_LEFT,
                                      x + 3,
                                      y + 20,
                                      column->width - 6};

            sheet_line(p->s, &name, c->name);
        }
        x += column->width;
    }
}

static bool bilingual(const struct press *p)
{
    return p->m->languages == LANGUAGES_ALL;
}

static void draw_table_head(struct press *p,
                            const struct doc_table *t,
                            const struct layout_table *l,
                            double y)
{
    double x = LEFT;

    sheet_box(p->s, INK_SHADE, LEFT, y, WIDTH, l->head);
    sheet_rule(p->s, INK_NAVY, LEFT, y, WIDTH, 0.8);
    sheet_rule(p->s, INK_NAVY, LEFT, y + l->head, WIDTH, 0.5);
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

static void draw_title(struct press *p, const struct doc_table *t, double y)
{
    char text[200];
    int size;

    label_text(text, sizeof text, t->heading, p->m->languages);
    size = (int)strlen(text);
    if (t->about[0] != '\0')
        (void)snprintf(
            text + size, sizeof text - (size_t)size, "  %s", t->about);
    left_text(p, FACE_SANS, 10.5, INK_NAVY, y + 12, text);
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
    double y = s->y;
    struct cells row;

    if (s->titled) {
        draw_title(p, t, y);
        y += l->title;
    }
    draw_table_head(p, t, l, y);
    y += l->head;
    for (uint32_t i = 0; i < s->count; i++) {
        const bool more = table_next(w, &row);

        ASSERT(more); /* the verifier has read them all */
        draw_cells(p, t, &row, y);
        y += l->row;
        sheet_rule(p->s, INK_RULE, LEFT, y, WIDTH, 0.4);
    }
    if (s->total) {
        sheet_box(p->s, INK_SHADE, LEFT, y, WIDTH, l->total);
        sheet_rule(p->s, INK_NAVY, LEFT, y, WIDTH, 0.8);
        draw_cells(p, t, t->total, y);
        y += l->total;
    }
    sheet_rule(p->s, INK_NAVY, LEFT, y, WIDTH, 0.8);
    tell_progress(p, s->count);
}

static void put_table(struct press *p, const struct doc_table *t)
{
    const struct layout_table l = {.title = 19,
                                   .head = bilingual(p) ? 25 : 15,
                                   .row = t->names ? 24 : 14.6,
                                   .total = t->has_total ? 15.6 : 0,
                                   .rows = t->rows};
    struct layout_slice s;
    struct table_walk walk;
    uint32_t done = 0;
    bool again = false;

    layout_gap(&p->at, 10);
    table_begin(&walk, p->m, t);
    while (layout_slice(&s, &p->at, &l, &done, &again)) {
        if (!p->draw)
            continue;
        while (p->page < s.page) {
            draw_foot(p);
            sheet_next_page(p->s);
            p->page++;
            draw_head(p);
        }
        draw_slice(p, t, &l, &s, &walk);
    }
}

static void put_blocks(struct press *p)
{
    p->at = (struct layout){.top = TOP, .bottom = BOTTOM, .page = 1};
    p->page = 1;
    put_first_head(p);
    for (uint32_t i = 0; i < p->m->count; i++) {
        const struct block *b = &p->m->blocks[i];

        switch (b->kind) {
        case BLOCK_ENTRIES:
            put_entries(p, &b->of.entries);
            break;
        case BLOCK_TABLE:
            put_table(p, &b->of.table);
            break;
        case BLOCK_REPORT:
            put_report(p);
            break;
        case BLOCK_CHECK:
            put_check(p);
            break;
        }
    }
}

static void put_about(struct press *p)
{
    const struct receipt_facts *f = &p->m->d->f;
    const uint32_t second = (uint32_t)(f->block.time_ms / 1000 % 86400);
    char title[160];
    char day[11];
    char date[40];

    label_text(title, sizeof title, model_title(f->kind), p->m->languages);
    num_format_date(day, (uint32_t)(f->block.time_ms / 86400000));
    (void)snprintf(date,
                   sizeof date,
                   "%sT%02u:%02u:%02uZ",
                   day,
                   second / 3600,
                   second / 60 % 60,
                   second % 60);
    sheet_about(p->s, title, p->m->number, date);
}

static void press_all(struct press *p)
{
    for (uint32_t i = 0; i < p->m->count; i++) {
        if (p->m->blocks[i].kind == BLOCK_TABLE)
            p->rows_all += p->m->blocks[i].of.table.rows;
    }
    put_about(p);
    put_blocks(p);
    p->pages = p->at.page;
    p->draw = true;
    put_blocks(p);
    draw_foot(p);
}

bool document_pdf(struct buf *out,
                  const struct document *d,
                  const struct document_options *o,
                  char *why,
                  size_t cap)
{
    struct model *m = calloc(1, sizeof *m);
    struct buf plain = {0};
    struct press p = {.m = m};
    bool ok = false;

    ASSERT(m != NULL && d->f.outcome == RECEIPT_PROVEN);
    model_make(m, d, o);
    p.s = sheet_open(&plain, why, cap);
    if (p.s != NULL) {
        press_all(&p);
        ok = sheet_close(p.s, why, cap);
    }
    if (ok) {
        const struct attachment a = {
            m->attachment,
            m->number,
            d->file,
            (m->languages & 1u << LANG_ZH) != 0 ? "zh-CN" : "en"};

        ok = attach_file(out, buf_bytes(&plain), &a, why, cap);
    }
    buf_deinit(&plain);
    model_free(m);
    free(m);
    return ok;
}
