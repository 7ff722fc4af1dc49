#include "document/sheet.h"

#include "base/check.h"

#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ASCII_FIRST = 0x20,
    ASCII_LAST = 0x7e,
    UNIT = 1000, /* size at which widths are kept */
};

/* Of Debian's fonts-wqy-microhei: Latin and Chinese in one small font. */
static const char *const families[FACES] = {"WenQuanYi Micro Hei",
                                            "WenQuanYi Micro Hei Mono"};

static const double inks[INKS][3] = {
    [INK_BLACK] = {0.08, 0.08, 0.10},
    [INK_NAVY] = {0.08, 0.18, 0.36},
    [INK_GREY] = {0.38, 0.40, 0.44},
    [INK_RED] = {0.58, 0.12, 0.12},
    [INK_RULE] = {0.80, 0.82, 0.86},
    [INK_SHADE] = {0.93, 0.945, 0.965},
};

struct type {
    cairo_font_face_t *face;
    unsigned long glyph[ASCII_LAST + 1]; /* 0: none */
    double advance[ASCII_LAST + 1];      /* at UNIT */
};

struct sheet {
    struct buf *out;
    cairo_surface_t *surface;
    cairo_t *cr;
    PangoFontMap *map;
    PangoContext *context;
    PangoLayout *layout;
    struct type types[FACES];
    const char *refused; /* why a text may not be printed; NULL: all may */
    char text[64];       /* that one */
};

static cairo_status_t write_pdf(void *closure,
                                const unsigned char *at,
                                unsigned int size)
{
    buf_append(closure, at, size);
    return CAIRO_STATUS_SUCCESS;
}

static void use_ink(struct sheet *s, enum ink ink)
{
    cairo_set_source_rgb(s->cr, inks[ink][0], inks[ink][1], inks[ink][2]);
}

/* ---- fonts ---- */

static void measure(struct sheet *s, struct type *t)
{
    cairo_scaled_font_t *font;

    cairo_set_font_face(s->cr, t->face);
    cairo_set_font_size(s->cr, UNIT);
    font = cairo_get_scaled_font(s->cr);
    for (int c = ASCII_FIRST; c <= ASCII_LAST; c++) {
        const char text[2] = {(char)c, '\0'};
        cairo_glyph_t *glyphs = NULL;
        cairo_text_extents_t size;
        int count = 0;

        if (cairo_scaled_font_text_to_glyphs(
                font, 0, 0, text, 1, &glyphs, &count, NULL, NULL, NULL) !=
                CAIRO_STATUS_SUCCESS ||
            count != 1)
            continue;
        t->glyph[c] = glyphs[0].index;
        cairo_scaled_font_glyph_extents(font, glyphs, 1, &size);
        t->advance[c] = size.x_advance;
        cairo_glyph_free(glyphs);
    }
}

/* Fontconfig gives another font for one that is not there: that is refused. */
static bool load_type(struct sheet *s, enum face face)
{
    PangoFontDescription *wanted = pango_font_description_new();
    PangoFontDescription *got = NULL;
    PangoFont *font;
    bool ok;

    pango_font_description_set_family(wanted, families[face]);
    pango_font_description_set_absolute_size(wanted, UNIT * PANGO_SCALE);
    font = pango_font_map_load_font(s->map, s->context, wanted);
    if (font != NULL)
        got = pango_font_describe(font);
    ok = got != NULL && pango_font_description_get_family(got) != NULL &&
         strcmp(pango_font_description_get_family(got), families[face]) == 0;
    if (ok) {
        s->types[face].face =
            cairo_font_face_reference(cairo_scaled_font_get_font_face(
                pango_cairo_font_get_scaled_font(PANGO_CAIRO_FONT(font))));
        measure(s, &s->types[face]);
    }
    if (got != NULL)
        pango_font_description_free(got);
    if (font != NULL)
        g_object_unref(font);
    pango_font_description_free(wanted);
    return ok;
}

static void open_pango(struct sheet *s)
{
    cairo_font_options_t *o = cairo_font_options_create();

    cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(o, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(s->cr, o);
    s->map = pango_cairo_font_map_new();
    s->context = pango_font_map_create_context(s->map);
    pango_cairo_context_set_font_options(s->context, o);
    pango_cairo_context_set_resolution(s->context, 72);
    s->layout = pango_layout_new(s->context);
    pango_layout_set_wrap(s->layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_single_paragraph_mode(s->layout, TRUE);
    pango_layout_set_auto_dir(s->layout, FALSE);
    cairo_font_options_destroy(o);
}

static void free_sheet(struct sheet *s)
{
    for (int i = 0; i < FACES; i++) {
        if (s->types[i].face != NULL)
            cairo_font_face_destroy(s->types[i].face);
    }
    g_object_unref(s->layout);
    g_object_unref(s->context);
    g_object_unref(s->map);
    cairo_destroy(s->cr);
    cairo_surface_destroy(s->surface);
    free(s);
}

struct sheet *sheet_open(struct buf *out, char *why, size_t cap)
{
    struct sheet *s = calloc(1, sizeof *s);

    ASSERT(s != NULL);
    s->out = out;
    s->surface = cairo_pdf_surface_create_for_stream(
        write_pdf, out, SHEET_WIDTH, SHEET_HEIGHT);
    cairo_pdf_surface_restrict_to_version(s->surface, CAIRO_PDF_VERSION_1_5);
    s->cr = cairo_create(s->surface);
    open_pango(s);
    if (!load_type(s, FACE_SANS) || !load_type(s, FACE_MONO)) {
        (void)snprintf(why,
                       cap,
                       "the font %s is not installed (Debian package "
                       "fonts-wqy-microhei)",
                       families[FACE_SANS]);
        free_sheet(s);
        return NULL;
    }
    return s;
}

bool sheet_close(struct sheet *s, char *why, size_t cap)
{
    cairo_status_t status;
    bool ok;

    cairo_show_page(s->cr);
    status = cairo_status(s->cr);
    cairo_surface_finish(s->surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(s->surface);
    ok = status == CAIRO_STATUS_SUCCESS && s->refused == NULL;
    if (s->refused != NULL)
        (void)snprintf(why, cap, "\"%s\": %s", s->text, s->refused);
    else if (!ok)
        (void)snprintf(why, cap, "the PDF: %s", cairo_status_to_string(status));
    free_sheet(s);
    return ok;
}

void sheet_about(struct sheet *s,
                 const char *title,
                 const char *subject,
                 const char *date)
{
    cairo_pdf_surface_set_metadata(s->surface, CAIRO_PDF_METADATA_TITLE, title);
    cairo_pdf_surface_set_metadata(
        s->surface, CAIRO_PDF_METADATA_SUBJECT, subject);
    cairo_pdf_surface_set_metadata(
        s->surface, CAIRO_PDF_METADATA_CREATOR, "equity");
    cairo_pdf_surface_set_metadata(
        s->surface, CAIRO_PDF_METADATA_CREATE_DATE, date);
    cairo_pdf_surface_set_metadata(
        s->surface, CAIRO_PDF_METADATA_MOD_DATE, date);
}

void sheet_next_page(struct sheet *s)
{
    cairo_show_page(s->cr);
}

/* ---- text ---- */

static void set_paragraph(struct sheet *s,
                          const struct paragraph *at,
                          const char *text)
{
    PangoFontDescription *font = pango_font_description_new();

    pango_font_description_set_family(font, families[FACE_SANS]);
    pango_font_description_set_absolute_size(font, at->size * PANGO_SCALE);
    pango_context_set_language(
        s->context,
        pango_language_from_string(at->lang == LANG_ZH ? "zh-cn" : "en"));
    pango_layout_context_changed(s->layout);
    pango_layout_set_font_description(s->layout, font);
    pango_layout_set_width(s->layout,
                           at->width > 0 ? (int)(at->width * PANGO_SCALE) : -1);
    pango_layout_set_line_spacing(s->layout, 1.08F);
    pango_layout_set_text(
        s->layout, g_utf8_validate(text, -1, NULL) ? text : "", -1);
    pango_font_description_free(font);
}

/* Marks that turn the direction of writing, or break a line: with them a name
 * could look like words of the document. */
static bool is_disguise(gunichar c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
           g_unichar_iscntrl(c);
}

/* D4, D5 of document.h.  The layout has the text. */
static void judge_text(struct sheet *s, const char *text)
{
    if (s->refused != NULL)
        return;
    if (!g_utf8_validate(text, -1, NULL)) {
        s->refused = "it is not UTF-8";
    } else {
        const char *at = text;

        for (; *at != '\0'; at = g_utf8_find_next_char(at, NULL)) {
            if (is_disguise(g_utf8_get_char(at)))
                s->refused = "it has marks that turn or break a line";
        }
        if (s->refused == NULL &&
            pango_layout_get_unknown_glyphs_count(s->layout) > 0)
            s->refused = "no installed font has every character of it; install "
                         "one that has (fonts-noto-cjk has the most)";
    }
    if (s->refused != NULL)
        (void)snprintf(s->text, sizeof s->text, "%s", text);
}

double sheet_paragraph_height(struct sheet *s,
                              const struct paragraph *at,
                              const char *text)
{
    int height;

    set_paragraph(s, at, text);
    pango_layout_get_size(s->layout, NULL, &height);
    return (double)height / PANGO_SCALE;
}

void sheet_paragraph(struct sheet *s,
                     const struct paragraph *at,
                     const char *text)
{
    set_paragraph(s, at, text);
    judge_text(s, text);
    use_ink(s, at->ink);
    cairo_move_to(s->cr, at->x, at->y);
    pango_cairo_show_layout(s->cr, s->layout);
}

/* Its width at UNIT; -1 if not all of it is plain. */
static double plain_width(const struct type *t, const char *text)
{
    double width = 0;

    for (const char *at = text; *at != '\0'; at++) {
        const uint8_t c = (uint8_t)*at;

        if (c < ASCII_FIRST || c > ASCII_LAST || t->glyph[c] == 0)
            return -1;
        width += t->advance[c];
    }
    return width;
}

static double start_of(const struct line *at, double width)
{
    switch (at->side) {
    case SIDE_LEFT:
        return at->x;
    case SIDE_RIGHT:
        return at->x + at->width - width;
    case SIDE_MIDDLE:
        return at->x + (at->width - width) / 2;
    }
    return at->x;
}

/* A hundred thousand lines are of this kind: no shaping, no searching. */
static void plain_line(struct sheet *s,
                       const struct line *at,
                       const char *text,
                       double unit_width)
{
    const struct type *t = &s->types[at->face];
    cairo_glyph_t glyphs[512];
    cairo_text_cluster_t clusters[512];
    double size = at->size;
    double x;
    int count = 0;

    if (unit_width * size > at->width * UNIT)
        size = at->width * UNIT / unit_width;
    x = start_of(at, unit_width * size / UNIT);
    for (; text[count] != '\0' && count < 512; count++) {
        const uint8_t c = (uint8_t)text[count];

        glyphs[count] = (cairo_glyph_t){t->glyph[c], x, at->y};
        clusters[count] = (cairo_text_cluster_t){1, 1};
        x += t->advance[c] * size / UNIT;
    }
    cairo_set_font_face(s->cr, t->face);
    cairo_set_font_size(s->cr, size);
    cairo_show_text_glyphs(
        s->cr, text, count, glyphs, count, clusters, count, 0);
}

static void shaped_line(struct sheet *s,
                        const struct line *at,
                        const char *text)
{
    struct paragraph p = {.lang = LANG_ZH, .size = at->size};
    int width;
    double is;

    set_paragraph(s, &p, text);
    pango_layout_get_size(s->layout, &width, NULL);
    is = (double)width / PANGO_SCALE;
    if (is > at->width) {
        p.size *= at->width / is;
        is = at->width;
        set_paragraph(s, &p, text);
    }
    judge_text(s, text);
    cairo_move_to(s->cr,
                  start_of(at, is),
                  at->y - (double)pango_layout_get_baseline(s->layout) /
                              PANGO_SCALE);
    pango_cairo_show_layout(s->cr, s->layout);
}

void sheet_line(struct sheet *s, const struct line *at, const char *text)
{
    const double unit_width = plain_width(&s->types[at->face], text);

    if (text[0] == '\0')
        return;
    use_ink(s, at->ink);
    if (unit_width >= 0 && strlen(text) <= 512)
        plain_line(s, at, text, unit_width);
    else
        shaped_line(s, at, text);
}

/* ---- shapes ---- */

void sheet_box(struct sheet *s,
               enum ink ink,
               double x,
               double y,
               double width,
               double height)
{
    use_ink(s, ink);
    cairo_rectangle(s->cr, x, y, width, height);
    cairo_fill(s->cr);
}

void sheet_rule(struct sheet *s,
                enum ink ink,
                double x,
                double y,
                double width,
                double thickness)
{
    sheet_box(s, ink, x, y - thickness / 2, width, thickness);
}

void sheet_qr(
    struct sheet *s, const struct qr *code, double x, double y, double side)
{
    const double unit = side / (double)(code->width + 2 * QR_QUIET);

    cairo_set_source_rgb(s->cr, 0, 0, 0);
    for (uint32_t row = 0; row < code->width; row++) {
        uint32_t from = 0;

        while (from < code->width) {
            const uint8_t *at = &code->dark[row * code->width];
            uint32_t to = from;

            while (to < code->width && at[to] != 0)
                to++;
            if (to > from)
                cairo_rectangle(s->cr,
                                x + (double)(from + QR_QUIET) * unit,
                                y + (double)(row + QR_QUIET) * unit,
                                (double)(to - from) * unit,
                                unit);
            from = to + 1;
        }
    }
    cairo_fill(s->cr);
}
