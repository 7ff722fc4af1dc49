/* The parts of a model, and its rows. */
#include "document/model.h"

#include "base/check.h"
#include "base/hex.h"
#include "ledger/movement.h"

#include <stdlib.h>

static void *grown(void *list, size_t count, size_t size)
{
    void *more = list;

    if (count % 16 == 0)
        more = realloc(list, (count + 16) * size);
    ASSERT(more != NULL);
    memset((uint8_t *)more + count * size, 0, size);
    return more;
}

static struct block *add_block(struct model *m, enum block_kind kind)
{
    struct block *b = &m->blocks[m->count++];

    ASSERT(m->count <= BLOCKS_MAX);
    b->kind = kind;
    return b;
}

/* ---- entries ---- */

struct entries *model_entries(struct model *m, enum label heading)
{
    struct entries *e = &add_block(m, BLOCK_ENTRIES)->of.entries;

    e->heading = heading;
    return e;
}

char *entries_add(struct entries *e, enum label label, enum cell_style style)
{
    struct entry *one;

    e->list = grown(e->list, e->count, sizeof *e->list);
    one = &e->list[e->count++];
    one->label = label;
    one->style = style;
    return one->value;
}

void entries_text(struct entries *e, enum label label, const char *text)
{
    (void)snprintf(entries_add(e, label, CELL_TEXT), VALUE_MAX, "%s", text);
}

void entries_figure(struct entries *e, enum label label, uint64_t n)
{
    char text[FIGURE_MAX];

    entries_text(e, label, figure_of(text, n));
}

void entries_hash(struct entries *e, enum label label, const struct hash *h)
{
    hex_encode(entries_add(e, label, CELL_CODE), h->raw, HASH_BYTES);
}

static const char *name_of(const struct model *m, const struct hash *account)
{
    const char *name =
        m->o->name_of != NULL ? m->o->name_of(m->o->names, account) : NULL;

    return name != NULL ? name : "";
}

void entries_name(struct model *m,
                  struct entries *e,
                  const struct hash *account)
{
    const char *name = name_of(m, account);

    if (name[0] == '\0')
        return;
    entries_text(e, LABEL_NAME, name);
    e->list[e->count - 1].marked = true;
}

/* ---- tables ---- */

struct doc_table *model_table(struct model *m,
                              enum label heading,
                              const struct column *columns,
                              uint32_t column_count)
{
    struct doc_table *t = &add_block(m, BLOCK_TABLE)->of.table;

    ASSERT(column_count <= COLUMNS_MAX);
    label_text(t->title, sizeof t->title, heading, m->languages);
    t->columns = columns;
    t->column_count = column_count;
    return t;
}

struct cells *table_row(struct doc_table *t)
{
    t->kept = grown(t->kept, t->rows, sizeof *t->kept);
    return &t->kept[t->rows++];
}

struct cells *table_total(struct model *m, struct doc_table *t, uint32_t column)
{
    t->total = calloc(1, sizeof *t->total);
    ASSERT(t->total != NULL);
    t->has_total = true;
    label_text(t->total->text[column], CELL_MAX, LABEL_TOTAL, m->languages);
    return t->total;
}

void cell_code(char out[CELL_MAX], const struct hash *h)
{
    hex_encode(out, h->raw, HASH_BYTES);
}

void cell_figure(char out[CELL_MAX], uint64_t n)
{
    (void)figure_of(out, n);
}

void cell_name(const struct model *m,
               struct cells *c,
               const struct hash *account)
{
    const char *name = name_of(m, account);

    c->name[0] = '\0';
    if (name[0] != '\0')
        (void)snprintf(c->name, sizeof c->name, "%s *", name);
}

/* ---- rows ---- */

void table_begin(struct table_walk *w,
                 const struct model *m,
                 const struct doc_table *t)
{
    const struct receipt *r = &m->d->r;

    *w = (struct table_walk){.m = m, .t = t};
    if (t->of == TABLE_LINES)
        w->items = receipt_items(&r->of.reg.lines);
    if (t->of == TABLE_EVENTS)
        w->items = receipt_items(&r->of.statement.events);
    w->balance = m->d->control.opening;
}

static bool next_line(struct table_walk *w, struct cells *out)
{
    const struct receipt_facts *f = &w->m->d->f;
    struct holding_row h;
    struct holding_sums s;
    struct receipt_line line;

    if (!receipt_next_line(&w->items, &line) ||
        schema_decode(&h, &holding_row_schema, line.row) != ERR_NONE)
        return false;
    s = holding_sums_of(&h, f->date);
    cell_figure(out->text[0], (uint64_t)w->next + 1);
    cell_code(out->text[1], &line.account);
    cell_name(w->m, out, &line.account);
    cell_figure(out->text[2], s.total);
    cell_figure(out->text[3], s.pledged);
    cell_figure(out->text[4], s.frozen);
    cell_figure(out->text[5], s.queued);
    return true;
}

/* What an event moved, and what was there after it. */
static void put_movement(struct table_walk *w,
                         struct cells *out,
                         const struct event *e)
{
    const struct movement m = movement_of(e, &w->m->d->f.account);
    const bool added = movement_add(&w->balance, &m);

    ASSERT(added); /* document_open added them up before */
    if (m.in > 0 || m.out > 0)
        (void)figure_signed(out->text[5], m.in > 0 ? m.in : m.out, m.out > 0);
    else
        out->text[5][0] = '\0';
    cell_figure(out->text[6], w->balance);
}

static bool next_event(struct table_walk *w, struct cells *out)
{
    const struct hash *account = &w->m->d->f.account;
    struct receipt_event e;
    struct event x;
    const struct hash *other;

    if (!receipt_next_event(&w->items, &e) ||
        schema_decode(&x, &event_schema, e.event) != ERR_NONE)
        return false;
    other = hash_eq(&x.account, account) ? &x.other : &x.account;
    (void)snprintf(out->text[0],
                   CELL_MAX,
                   "%llu.%u",
                   (unsigned long long)e.height,
                   e.index);
    (void)figure_date(out->text[1], x.day);
    both_text(out->text[2],
              CELL_MAX,
              event_in(x.kind, LANG_EN),
              event_in(x.kind, LANG_ZH),
              w->m->languages);
    out->text[3][0] = '\0';
    out->name[0] = '\0';
    if (!hash_is_zero(other)) {
        cell_code(out->text[3], other);
        cell_name(w->m, out, other);
    }
    cell_figure(out->text[4], x.quantity);
    put_movement(w, out, &x);
    return true;
}

bool table_next(struct table_walk *w, struct cells *out)
{
    if (w->next == w->t->rows)
        return false;
    switch (w->t->of) {
    case TABLE_KEPT:
        *out = w->t->kept[w->next];
        break;
    case TABLE_LINES:
        if (!next_line(w, out))
            return false;
        break;
    case TABLE_EVENTS:
        if (!next_event(w, out))
            return false;
        break;
    }
    w->next++;
    return true;
}

/* ---- the whole ---- */

enum label model_title(uint8_t kind)
{
    switch ((enum receipt_kind)kind) {
    case RECEIPT_TRANSACTION:
        return LABEL_TITLE_TRANSACTION;
    case RECEIPT_HOLDING:
        return LABEL_TITLE_HOLDING;
    case RECEIPT_ABSENCE:
        return LABEL_TITLE_ABSENCE;
    case RECEIPT_UNENCUMBERED:
        return LABEL_TITLE_UNENCUMBERED;
    case RECEIPT_REGISTER:
        return LABEL_TITLE_REGISTER;
    case RECEIPT_STATEMENT:
        return LABEL_TITLE_STATEMENT;
    case RECEIPT_CONSISTENCY:
        return LABEL_TITLE_CONSISTENCY;
    case RECEIPT_VALIDATORS:
        return LABEL_TITLE_VALIDATORS;
    case RECEIPT_KINDS:
        break;
    }
    return LABELS;
}

const char *model_dates(char out[DATES_MAX], const struct receipt_facts *f)
{
    char day[11];
    char to[11];

    (void)snprintf(out,
                   DATES_MAX,
                   f->date_to > f->date ? "%s - %s" : "%s",
                   figure_date(day, f->date),
                   figure_date(to, f->date_to));
    return out;
}

static void put_time(struct model *m)
{
    const struct receipt_facts *f = &m->d->f;
    struct entries *e = model_entries(m, LABEL_AS_OF);
    char time[FIGURE_TIME_MAX];
    char day[11];

    entries_figure(e, LABEL_HEIGHT, f->block.height);
    entries_hash(e, LABEL_BLOCK, &f->block_hash);
    entries_text(e, LABEL_BUSINESS_DATE, figure_date(day, f->date));
    if ((f->parts & RECEIPT_AS_OF) != 0) {
        char dates[DATES_MAX];

        entries_text(e, LABEL_END_OF, model_dates(dates, f));
    }
    entries_text(e, LABEL_BLOCK_TIME, figure_time(time, f->block.time_ms, 0));
    if (f->offset_ms != 0)
        entries_text(e,
                     LABEL_LOCAL_TIME,
                     figure_time(time, f->block.time_ms, f->offset_ms));
    if ((f->parts & RECEIPT_LINK) != 0) {
        entries_figure(e, LABEL_CERTIFIED_BY, f->certified.header.height);
        entries_hash(e, LABEL_BLOCK, &f->certified.hash);
    }
    entries_figure(e, LABEL_TRUST, f->anchor_height);
    entries_hash(e, LABEL_BLOCK, &f->anchor_hash);
    entries_hash(e, LABEL_RECEIPT_DIGEST, &m->d->digest);
}

static const struct column signer_columns[] = {
    {LABEL_INSTITUTION, CELL_NUMBER, 80},
    {LABEL_KEY, CELL_CODE, 327},
    {LABEL_SIGNED, CELL_TEXT, 80},
};

/* Who signed a block: k of n. */
static void put_signers(struct model *m, const struct certified_block *b)
{
    struct doc_table *t = model_table(
        m, LABEL_SIGNATURES, signer_columns, ARRAY_LEN(signer_columns));
    const struct word words[] = {word_of_number(b->header.height),
                                 word_of_number(b->signers),
                                 word_of_number(b->set.count),
                                 word_of_number(valset_quorum(b->set.count))};
    char yes[32];

    label_text(yes, sizeof yes, LABEL_YES, m->languages);
    label_fill(t->title,
               sizeof t->title,
               LABEL_SIGNATURES,
               m->languages,
               words,
               ARRAY_LEN(words));
    for (uint32_t i = 0; i < b->set.count; i++) {
        const struct validator *v = &b->set.list[i];
        struct cells *c = table_row(t);

        cell_figure(c->text[0], v->institution);
        hex_encode(c->text[1], v->key.raw, PUBKEY_BYTES);
        (void)snprintf(
            c->text[2], CELL_MAX, "%s", (b->bitmap >> i & 1) != 0 ? yes : "-");
    }
}

static void put_numbers(struct model *m)
{
    const struct receipt_facts *f = &m->d->f;
    const char *kind = receipt_kind_names[f->kind];
    const unsigned long long height = f->block.height;
    char digest[9];

    hex_encode(digest, m->d->digest.raw, 4);
    (void)snprintf(m->attachment,
                   sizeof m->attachment,
                   "%s-%llu-%s.receipt",
                   kind,
                   height,
                   digest);
    (void)snprintf(
        m->number, sizeof m->number, "%s-%llu-%s", kind, height, digest);
    for (char *at = m->number; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    }
    qr_text(m->qr, f->kind, &f->chain_id, f->block.height, &m->d->digest);
}

static void put_kind(struct model *m)
{
    switch ((enum receipt_kind)m->d->f.kind) {
    case RECEIPT_TRANSACTION:
        model_transaction(m);
        return;
    case RECEIPT_HOLDING:
    case RECEIPT_ABSENCE:
    case RECEIPT_UNENCUMBERED:
        model_position(m);
        return;
    case RECEIPT_REGISTER:
        model_register(m);
        return;
    case RECEIPT_STATEMENT:
        model_statement(m);
        return;
    case RECEIPT_CONSISTENCY:
        model_consistency(m);
        return;
    case RECEIPT_VALIDATORS:
        model_validators(m);
        return;
    case RECEIPT_KINDS:
        return;
    }
}

void model_certify(struct model *m)
{
    const struct receipt_facts *f = &m->d->f;

    put_time(m);
    add_block(m, BLOCK_REPORT);
    put_signers(m, &f->certified);
    if ((f->parts & RECEIPT_AS_OF) != 0)
        put_signers(m, &f->successor);
    add_block(m, BLOCK_CHECK);
}

void model_make(struct model *m,
                const struct document *d,
                const struct document_options *o)
{
    memset(m, 0, sizeof *m);
    m->d = d;
    m->o = o;
    m->languages = o->languages & LANGUAGES_ALL;
    if (m->languages == 0)
        m->languages = LANGUAGES_ALL;
    put_numbers(m);
    put_kind(m);
}

void model_free(struct model *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        struct block *b = &m->blocks[i];

        if (b->kind == BLOCK_ENTRIES)
            free(b->of.entries.list);
        if (b->kind == BLOCK_TABLE) {
            free(b->of.table.kept);
            free(b->of.table.total);
        }
    }
}
