/* The JSON beside a document. */
#include "audit/jtext.h"
#include "audit/report.h"
#include "base/check.h"
#include "document/model.h"
#include "ledger/movement.h"

#include <stdlib.h>

static bool speaks(const struct model *m, enum lang lang)
{
    return (m->languages & 1u << lang) != 0;
}

static void put_label(const struct model *m,
                      struct jtext *j,
                      const char *name,
                      enum label label)
{
    jtext_open(j, name, '{');
    if (speaks(m, LANG_EN))
        jtext_word(j, "en", label_in(label, LANG_EN));
    if (speaks(m, LANG_ZH))
        jtext_word(j, "zh", label_in(label, LANG_ZH));
    jtext_close(j, '}');
}

/* Each event of a statement, in the order of the report's. */
static void put_movements(const struct model *m, struct jtext *j)
{
    struct reader r = receipt_items(&m->d->r.of.statement.events);
    uint64_t balance = m->d->control.opening;
    struct receipt_event e;
    struct event event;

    jtext_open(j, "movements", '[');
    while (receipt_next_event(&r, &e) &&
           schema_decode(&event, &event_schema, e.event) == ERR_NONE) {
        const struct movement moved = movement_of(&event, &m->d->f.account);
        const bool added = movement_add(&balance, &moved);

        ASSERT(added); /* document_open added them up before */
        jtext_open(j, NULL, '{');
        jtext_u64(j, "height", e.height);
        jtext_u32(j, "index", e.index);
        jtext_u64(j, "in", moved.in);
        jtext_u64(j, "out", moved.out);
        jtext_u64(j, "balance", balance);
        jtext_close(j, '}');
    }
    jtext_close(j, ']');
}

static void put_control(const struct model *m, struct jtext *j)
{
    const struct control *c = &m->d->control;
    const struct receipt_facts *f = &m->d->f;

    jtext_open(j, "control", '{');
    if (f->kind == RECEIPT_REGISTER) {
        jtext_u32(j, "lines", m->d->r.of.reg.lines.count);
        jtext_u64(j, "total", c->lines.total);
        jtext_u64(j, "pledged", c->lines.pledged);
        jtext_u64(j, "frozen", c->lines.frozen);
        jtext_u64(j, "queued", c->lines.queued);
    } else {
        jtext_u64(j, "opening", c->opening);
        jtext_u64(j, "in", c->in);
        jtext_u64(j, "out", c->out);
        jtext_u64(j, "closing", f->sums.total);
    }
    jtext_bool(j, "equal", true); /* else document_open refuses */
    jtext_close(j, '}');
}

static void put_name(const struct model *m,
                     struct jtext *j,
                     const struct hash *account)
{
    const char *name = m->o->name_of(m->o->names, account);

    if (name == NULL)
        return;
    jtext_open(j, NULL, '{');
    jtext_hash(j, "account", account);
    jtext_word(j, "name", name);
    jtext_close(j, '}');
}

static void put_names(const struct model *m, struct jtext *j)
{
    const struct receipt *r = &m->d->r;
    struct reader lines = receipt_items(&r->of.reg.lines);
    struct receipt_line line;

    if (m->o->name_of == NULL)
        return;
    jtext_word(j, "names_note", label_in(LABEL_NAMES_NOTE, LANG_EN));
    jtext_open(j, "names", '[');
    if (r->kind == RECEIPT_REGISTER) {
        while (receipt_next_line(&lines, &line))
            put_name(m, j, &line.account);
    } else if (receipt_has_position(r->kind)) {
        put_name(m, j, &m->d->f.account);
    }
    jtext_close(j, ']');
}

static void put_document(void *ctx, struct jtext *j)
{
    const struct model *m = ctx;
    const struct receipt_facts *f = &m->d->f;
    char time[FIGURE_TIME_MAX];

    jtext_open(j, "document", '{');
    jtext_u32(j, "format", DOCUMENT_FORMAT);
    put_label(m, j, "title", model_title(f->kind));
    jtext_word(j, "number", m->number);
    jtext_open(j, "receipt", '{');
    jtext_hash(j, "sha256", &m->d->digest);
    jtext_u64(j, "bytes", m->d->file.size);
    jtext_word(j, "attachment", m->attachment);
    jtext_close(j, '}');
    jtext_word(j, "qr", m->qr);
    jtext_open(j, "time", '{');
    jtext_word(j, "utc", figure_time(time, f->block.time_ms, 0));
    jtext_word(j, "local", figure_time(time, f->block.time_ms, f->offset_ms));
    jtext_u32(j, "offset_ms", f->offset_ms);
    jtext_close(j, '}');
    if (f->kind == RECEIPT_REGISTER || f->kind == RECEIPT_STATEMENT)
        put_control(m, j);
    if (f->kind == RECEIPT_STATEMENT)
        put_movements(m, j);
    if (speaks(m, LANG_ZH))
        report_json_sentences(j, "sentences_zh", f, &m->d->r, LANG_ZH);
    put_names(m, j);
    jtext_close(j, '}');
}

void document_json(FILE *out,
                   const struct document *d,
                   const struct document_options *o)
{
    struct model *m = calloc(1, sizeof *m);

    ASSERT(m != NULL && d->f.outcome == RECEIPT_PROVEN);
    model_make(m, d, o);
    report_json_with(out, &d->f, &d->r, put_document, m);
    model_free(m);
    free(m);
}
