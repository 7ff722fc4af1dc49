/* The pages of a document. */
#include "document/attach.h"
#include "document/press.h"

#include "audit/report.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"

#include <stdlib.h>

enum {
    LABEL_WIDTH = 150,
};

void press_text(struct press *p,
                enum face face,
                double size,
                enum ink ink,
                double y,
                const char *text)
{
    const struct line at = {
        face, size, ink, SIDE_LEFT, PRESS_LEFT, y, PRESS_WIDTH};

    sheet_line(p->s, &at, text);
}

/* ---- head and foot of a page ---- */

static void page_number(const struct press *p, char *out, size_t cap)
{
    const struct word words[] = {word_of_number(p->page),
                                 word_of_number(p->pages)};

    label_fill(out, cap, LABEL_PAGE, p->m->languages, words, 2);
}

static void draw_foot(struct press *p)
{
    struct line right = {
        FACE_SANS, 7.5, INK_GREY, SIDE_RIGHT, PRESS_LEFT, 797, PRESS_WIDTH};
    char digest[2 * HASH_BYTES + 1];
    char text[160];

    sheet_rule(p->s, INK_NAVY, PRESS_LEFT, 784, PRESS_WIDTH, 0.6);
    label_text(text, sizeof text, LABEL_RECEIPT_DIGEST, p->m->languages);
    press_text(p, FACE_SANS, 6.5, INK_GREY, 796, text);
    hex_encode(digest, p->m->d->digest.raw, HASH_BYTES);
    press_text(p, FACE_MONO, 6.5, INK_GREY, 806, digest);
    page_number(p, text, sizeof text);
    sheet_line(p->s, &right, text);
    if (p->m->o->name_of == NULL)
        return;
    label_text(text, sizeof text, LABEL_NAMES_NOTE, p->m->languages);
    press_text(p, FACE_SANS, 6.5, INK_RED, 817, text);
}

static void draw_head(struct press *p)
{
    const struct line right = {
        FACE_MONO, 7, INK_GREY, SIDE_RIGHT, PRESS_LEFT + 247, 44, 240};
    char text[160];

    label_text(
        text, sizeof text, model_title(p->m->d->f.kind), p->m->languages);
    press_text(p, FACE_SANS, 8, INK_GREY, 44, text);
    sheet_line(p->s, &right, p->m->number);
    sheet_rule(p->s, INK_NAVY, PRESS_LEFT, 51, PRESS_WIDTH, 0.6);
}

/* Follows the layout to its page. */
void press_turn(struct press *p)
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

    press_turn(p);
    return y;
}

/* ---- the first page's head ---- */

static void put_as_of(struct press *p, double *y, enum lang lang)
{
    const struct receipt_facts *f = &p->m->d->f;
    const bool end = (f->parts & RECEIPT_AS_OF) != 0;
    char text[120];
    char dates[DATES_MAX];
    char day[11];
    struct word words[2];

    if ((p->m->languages & 1u << lang) == 0)
        return;
    words[0] =
        end ? word_of(model_dates(dates, f)) : word_of_number(f->block.height);
    words[1] = word_of(figure_date(day, f->date));
    words_fill(text,
               sizeof text,
               label_in(end ? LABEL_AT_END_OF : LABEL_AT_HEIGHT, lang),
               words,
               2);
    press_text(p, FACE_SANS, 9.5, INK_BLACK, *y, text);
    *y += 14;
}

static void draw_letterhead(struct press *p)
{
    struct line chain = {FACE_SANS,
                         6.5,
                         INK_GREY,
                         SIDE_RIGHT,
                         PRESS_LEFT + 247,
                         41,
                         PRESS_WIDTH - 247};
    const struct line name = {
        FACE_SANS, 11.5, INK_NAVY, SIDE_LEFT, PRESS_LEFT, 50, 235};
    char text[160];

    label_text(text, sizeof text, LABEL_LETTERHEAD, p->m->languages);
    sheet_line(p->s, &name, text);
    label_text(text, sizeof text, LABEL_CHAIN, p->m->languages);
    sheet_line(p->s, &chain, text);
    hex_encode(text, p->m->d->f.chain_id.raw, HASH_BYTES);
    chain.face = FACE_MONO;
    chain.y = 51;
    sheet_line(p->s, &chain, text);
    sheet_rule(p->s, INK_NAVY, PRESS_LEFT, 58, PRESS_WIDTH, 1.6);
    sheet_rule(p->s, INK_NAVY, PRESS_LEFT, 61, PRESS_WIDTH, 0.5);
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
        press_text(p, FACE_SANS, 19, INK_NAVY, y, label_in(title, lang));
        y += 25;
    }
    put_as_of(p, &y, LANG_EN);
    put_as_of(p, &y, LANG_ZH);
    press_text(p, FACE_MONO, 8, INK_GREY, y + 1, p->m->number);
    code = calloc(1, sizeof *code);
    ASSERT(code != NULL);
    made = qr_make(code, p->m->qr);
    ASSERT(made); /* its length is bounded */
    sheet_qr(p->s, code, PRESS_LEFT + PRESS_WIDTH - 104, 68, 108);
    free(code);
}

/* ---- blocks ---- */

static void put_heading(struct press *p,
                        enum label heading,
                        enum ink ink,
                        double with)
{
    char text[TITLE_MAX];
    double y;

    layout_gap(&p->at, 10);
    layout_need(&p->at, 20 + with);
    y = take(p, 20);
    if (!p->draw)
        return;
    label_text(text, sizeof text, heading, p->m->languages);
    press_text(p, FACE_SANS, 10.5, ink, y + 12, text);
    sheet_rule(p->s, ink, PRESS_LEFT, y + 17, PRESS_WIDTH, 0.5);
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
    struct paragraph label = {
        LANG_EN, 8.2, INK_GREY, PRESS_LEFT, 0, LABEL_WIDTH - 8};
    struct paragraph value = {LANG_ZH,
                              8.8,
                              e->marked ? INK_RED : INK_BLACK,
                              PRESS_LEFT + LABEL_WIDTH,
                              0,
                              PRESS_WIDTH - LABEL_WIDTH};
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
    sheet_rule(
        p->s, INK_RULE, PRESS_LEFT, label.y - 2.2 + height, PRESS_WIDTH, 0.4);
}

static void put_entries(struct press *p, const struct entries *e)
{
    put_heading(p, e->heading, INK_NAVY, 30);
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
    struct paragraph at = {
        lang, 8.6, INK_BLACK, PRESS_LEFT + 11, 0, PRESS_WIDTH - 11};
    const double height = sheet_paragraph_height(p->s, &at, text) + 3.2;

    at.y = take(p, height) + 1;
    if (!p->draw)
        return;
    sheet_box(p->s, ink, PRESS_LEFT + 2, at.y + 4, 3, 3);
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
        put_heading(s->p, say_headings[what], ink, 26);
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
    struct line code = {FACE_MONO,
                        6.5,
                        INK_GREY,
                        SIDE_LEFT,
                        PRESS_LEFT + 11,
                        0,
                        PRESS_WIDTH - 11};
    const enum label said[] = {
        LABEL_CHECK_ATTACHED, LABEL_CHECK_QR, LABEL_NAMES_NOTE};
    const uint32_t count = p->m->o->name_of != NULL ? 3 : 2;

    put_heading(p, LABEL_HOW_TO_CHECK, INK_NAVY, 26);
    for (enum lang lang = LANG_EN; lang < LANGS; lang++) {
        for (uint32_t i = 0; i < count; i++) {
            if ((p->m->languages & 1u << lang) != 0)
                put_bullet(p, lang, INK_NAVY, label_in(said[i], lang));
        }
    }
    code.y = take(p, 22) + 8;
    if (p->draw)
        press_halves(p, code, p->m->qr);
}

static void put_blocks(struct press *p)
{
    p->at =
        (struct layout){.top = PRESS_TOP, .bottom = PRESS_BOTTOM, .page = 1};
    p->page = 1;
    put_first_head(p);
    for (uint32_t i = 0; i < p->m->count; i++) {
        const struct block *b = &p->m->blocks[i];

        switch (b->kind) {
        case BLOCK_ENTRIES:
            put_entries(p, &b->of.entries);
            break;
        case BLOCK_TABLE:
            press_table(p, &b->of.table);
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
