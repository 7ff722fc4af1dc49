/* What a document of each kind holds. */
#include "base/check.h"
#include "base/hex.h"
#include "document/model.h"
#include "ledger/ops.h"

/* ---- securities, accounts ---- */

static void put_terms(struct model *m,
                      struct entries *e,
                      enum label label,
                      const char *en,
                      const char *zh)
{
    both_text(
        entries_add(e, label, CELL_TEXT), VALUE_MAX, en, zh, m->languages);
}

static void put_security(struct model *m, struct entries *e)
{
    const struct security_row *s = &m->d->f.security;

    entries_text(e, LABEL_SECURITY, s->code);
    put_terms(m,
              e,
              LABEL_SECURITY_CLASS,
              term_security_class(s->class, LANG_EN),
              term_security_class(s->class, LANG_ZH));
    put_terms(m,
              e,
              LABEL_SECURITY_STATUS,
              term_security_status(s->status, LANG_EN),
              term_security_status(s->status, LANG_ZH));
    entries_figure(e, LABEL_REGISTRAR, s->registrar);
    entries_hash(e, LABEL_ISSUER, &s->issuer);
}

static void put_account(struct model *m, struct entries *e)
{
    const struct receipt_facts *f = &m->d->f;
    const struct account_row *a = &f->account_row;
    const struct identity *id = &m->d->r.identity;

    entries_hash(e, LABEL_ACCOUNT, &f->account);
    if ((f->parts & RECEIPT_DISCLOSURE) != 0) {
        (void)snprintf(entries_add(e, LABEL_HOLDER, CELL_TEXT),
                       VALUE_MAX,
                       "%.*s",
                       (int)id->name.size,
                       (const char *)id->name.at);
        (void)snprintf(entries_add(e, LABEL_HOLDER_ID, CELL_TEXT),
                       VALUE_MAX,
                       "%.*s %.*s",
                       (int)id->id_type.size,
                       (const char *)id->id_type.at,
                       (int)id->id_number.size,
                       (const char *)id->id_number.at);
    }
    entries_name(m, e, &f->account);
    entries_figure(e, LABEL_CUSTODIAN, a->custodian);
    put_terms(m,
              e,
              LABEL_ACCOUNT_KIND,
              term_account_kind(a->kind, LANG_EN),
              term_account_kind(a->kind, LANG_ZH));
    put_terms(m,
              e,
              LABEL_ACCOUNT_STATUS,
              term_account_status(a->status, LANG_EN),
              term_account_status(a->status, LANG_ZH));
}

/* ---- a holding ---- */

static const struct column sum_columns[] = {
    {LABEL_ITEM, CELL_TEXT, 327},
    {LABEL_SHARES, CELL_NUMBER, 160},
};

static void put_sum(struct model *m,
                    struct doc_table *t,
                    enum label label,
                    uint64_t n)
{
    struct cells *c = table_row(t);

    label_text(c->text[0], CELL_MAX, label, m->languages);
    cell_figure(c->text[1], n);
}

/* Shares under neither pledge nor freeze. */
static uint64_t unencumbered(const struct holding_row *h)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];

        n += s->pledge_count == 0 && s->freeze == 0 ? s->quantity.shares : 0;
    }
    return n;
}

static void put_sums(struct model *m)
{
    const struct receipt_facts *f = &m->d->f;
    const struct holding_sums *s = &f->sums;
    struct doc_table *t = model_table(
        m, LABEL_SHARES_HEADING, sum_columns, ARRAY_LEN(sum_columns));

    put_sum(m, t, LABEL_PLEDGED, s->pledged);
    put_sum(m, t, LABEL_FROZEN, s->frozen);
    put_sum(m, t, LABEL_UNENCUMBERED, unencumbered(&f->holding));
    put_sum(m, t, LABEL_QUEUED, s->queued);
    put_sum(m, t, LABEL_LOCKED, s->locked);
    put_sum(m, t, LABEL_T_PLUS, s->t_plus);
    cell_figure(table_total(m, t, 0)->text[1], s->total);
}

static const struct column segment_columns[] = {
    {LABEL_NATURE, CELL_NUMBER, 52},
    {LABEL_PLEDGES, CELL_TEXT, 120},
    {LABEL_FREEZE, CELL_TEXT, 75},
    {LABEL_LOCKED_UNTIL, CELL_TEXT, 70},
    {LABEL_BOUGHT_ON, CELL_TEXT, 70},
    {LABEL_SHARES, CELL_NUMBER, 100},
};

static void pledges_text(char out[CELL_MAX], const struct segment *s)
{
    size_t at = 0;

    (void)snprintf(out, CELL_MAX, "-");
    for (uint32_t i = 0; i < s->pledge_count; i++)
        at += (size_t)snprintf(out + at,
                               CELL_MAX - at,
                               "%s%llu",
                               i > 0 ? ", " : "",
                               (unsigned long long)s->pledges[i].number);
}

static void put_segments(struct model *m)
{
    const struct receipt_facts *f = &m->d->f;
    const struct holding_row *h = &f->holding;
    struct doc_table *t;

    if (h->segment_count == 0)
        return;
    t = model_table(
        m, LABEL_COMPOSITION, segment_columns, ARRAY_LEN(segment_columns));
    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];
        struct cells *c = table_row(t);

        cell_figure(c->text[0], s->nature);
        pledges_text(c->text[1], s);
        (void)snprintf(c->text[2], CELL_MAX, "-");
        if (s->freeze != 0)
            (void)snprintf(
                c->text[2], CELL_MAX, "%llu", (unsigned long long)s->freeze);
        (void)figure_date(c->text[3], s->lock_until);
        (void)figure_date(c->text[4], s->trade_day);
        cell_figure(c->text[5], s->quantity.shares);
    }
    cell_figure(table_total(m, t, 1)->text[5], f->sums.total);
}

static const struct column freeze_columns[] = {
    {LABEL_RANK, CELL_NUMBER, 50},
    {LABEL_FREEZE, CELL_NUMBER, 87},
    {LABEL_RANK_TIME, CELL_TEXT, 190},
    {LABEL_EFFECTIVE, CELL_NUMBER, 80},
    {LABEL_QUEUED_SHORT, CELL_NUMBER, 80},
};

static void put_freezes(struct model *m)
{
    const struct receipt_facts *f = &m->d->f;
    const struct holding_row *h = &f->holding;
    char time[FIGURE_TIME_MAX];
    struct doc_table *t;

    if (h->freeze_count == 0)
        return;
    t = model_table(
        m, LABEL_FREEZES_HEADING, freeze_columns, ARRAY_LEN(freeze_columns));
    for (uint32_t i = 0; i < h->freeze_count; i++) {
        const struct holding_freeze *x = &h->freezes[i];
        struct cells *c = table_row(t);

        cell_figure(c->text[0], (uint64_t)i + 1);
        (void)snprintf(
            c->text[1], CELL_MAX, "%llu", (unsigned long long)x->number);
        (void)snprintf(c->text[2],
                       CELL_MAX,
                       "%s",
                       figure_time(time, x->rank_ms, f->offset_ms));
        cell_figure(c->text[3], x->effective.shares);
        cell_figure(c->text[4], x->queued.shares);
    }
}

void model_position(struct model *m)
{
    struct entries *e = model_entries(m, LABEL_SUBJECT);

    put_security(m, e);
    put_account(m, e);
    if (m->d->f.kind == RECEIPT_ABSENCE) {
        entries_figure(e, LABEL_SHARES, 0);
    } else {
        put_sums(m);
        put_segments(m);
        put_freezes(m);
    }
    model_certify(m);
}

/* ---- a register ---- */

static const struct column line_columns[] = {
    {LABEL_NO, CELL_NUMBER, 38},
    {LABEL_ACCOUNT, CELL_CODE, 237},
    {LABEL_SHARES, CELL_NUMBER, 62},
    {LABEL_PLEDGED, CELL_NUMBER, 50},
    {LABEL_FROZEN, CELL_NUMBER, 50},
    {LABEL_QUEUED_SHORT, CELL_NUMBER, 50},
};

static const struct column control_columns[] = {
    {LABEL_ITEM, CELL_TEXT, 167},
    {LABEL_SUM_OF_LINES, CELL_NUMBER, 115},
    {LABEL_SAID_BY_SECURITY, CELL_NUMBER, 115},
    {LABEL_CONTROL, CELL_TEXT, 90},
};

static void put_control(struct model *m,
                        struct doc_table *t,
                        enum label label,
                        uint64_t sum,
                        uint64_t said)
{
    struct cells *c = table_row(t);

    ASSERT(sum == said); /* document_open compared them */
    label_text(c->text[0], CELL_MAX, label, m->languages);
    cell_figure(c->text[1], sum);
    cell_figure(c->text[2], said);
    label_text(c->text[3], CELL_MAX, LABEL_EQUAL, m->languages);
}

static void put_lines(struct model *m)
{
    const struct security_row *s = &m->d->f.security;
    struct doc_table *t = model_table(
        m, LABEL_LINES_HEADING, line_columns, ARRAY_LEN(line_columns));
    struct cells *c;

    t->of = TABLE_LINES;
    t->rows = m->d->r.of.reg.lines.count;
    t->name_column = 1;
    t->names = m->o->name_of != NULL;
    c = table_total(m, t, 1);
    cell_figure(c->text[2], s->issued.shares);
    cell_figure(c->text[3], s->pledged.shares);
    cell_figure(c->text[4], s->frozen.shares);
    cell_figure(c->text[5], s->queued.shares);
}

void model_register(struct model *m)
{
    const struct security_row *s = &m->d->f.security;
    const struct holding_sums *sums = &m->d->control.lines;
    struct entries *e = model_entries(m, LABEL_SUBJECT);
    struct doc_table *t;

    put_security(m, e);
    entries_figure(e, LABEL_ENTRIES, m->d->r.of.reg.lines.count);
    entries_figure(e, LABEL_WITH_SHARES, s->positions);
    entries_figure(e, LABEL_HOLDERS, s->holder_count);
    t = model_table(
        m, LABEL_CONTROL, control_columns, ARRAY_LEN(control_columns));
    put_control(m, t, LABEL_ISSUED, sums->total, s->issued.shares);
    put_control(m, t, LABEL_PLEDGED, sums->pledged, s->pledged.shares);
    put_control(m, t, LABEL_FROZEN, sums->frozen, s->frozen.shares);
    put_control(m, t, LABEL_QUEUED, sums->queued, s->queued.shares);
    model_certify(m);
    put_lines(m);
}

/* ---- a statement of account ---- */

static const struct column event_columns[] = {
    {LABEL_PLACE, CELL_TEXT, 52},
    {LABEL_DATE, CELL_TEXT, 52},
    {LABEL_EVENT, CELL_TEXT, 96},
    {LABEL_OTHER_ACCOUNT, CELL_HALVES, 132},
    {LABEL_QUANTITY, CELL_NUMBER, 51},
    {LABEL_MOVED, CELL_NUMBER, 52},
    {LABEL_BALANCE, CELL_NUMBER, 52},
};

static void put_balance(struct model *m)
{
    const struct control *c = &m->d->control;
    struct doc_table *t =
        model_table(m, LABEL_CONTROL, sum_columns, ARRAY_LEN(sum_columns));

    put_sum(m, t, LABEL_OPENING, c->opening);
    put_sum(m, t, LABEL_SUM_IN, c->in);
    (void)figure_signed(t->kept[1].text[1], c->in, false);
    put_sum(m, t, LABEL_SUM_OUT, c->out);
    (void)figure_signed(t->kept[2].text[1], c->out, true);
    cell_figure(table_total(m, t, 0)->text[1], m->d->f.sums.total);
    label_text(t->total->text[0], CELL_MAX, LABEL_SUM_CLOSING, m->languages);
}

void model_statement(struct model *m)
{
    const struct receipt_facts *f = &m->d->f;
    const struct receipt_statement *x = &m->d->r.of.statement;
    struct entries *e = model_entries(m, LABEL_SUBJECT);
    struct doc_table *t;

    put_security(m, e);
    put_account(m, e);
    if (x->from_start)
        label_text(entries_add(e, LABEL_OPENING_AT, CELL_TEXT),
                   VALUE_MAX,
                   LABEL_FIRST_ENTRY,
                   m->languages);
    else
        entries_figure(e, LABEL_OPENING_AT, f->earlier.height);
    put_balance(m);
    t = model_table(
        m, LABEL_MOVEMENTS, event_columns, ARRAY_LEN(event_columns));
    t->of = TABLE_EVENTS;
    t->rows = x->events.count;
    t->name_column = 3;
    t->names = m->o->name_of != NULL;
    cell_figure(table_total(m, t, 2)->text[6], f->sums.total);
    label_text(t->total->text[2], CELL_MAX, LABEL_CLOSING, m->languages);
    put_sums(m);
    put_segments(m);
    put_freezes(m);
    model_certify(m);
}

/* ---- transactions, blocks ---- */

static const struct column operation_columns[] = {
    {LABEL_NO, CELL_NUMBER, 40},
    {LABEL_OPERATION, CELL_TEXT, 447},
};
static const struct column tx_signature_columns[] = {
    {LABEL_SIGNER, CELL_TEXT, 97},
    {LABEL_SIGNER_ID, CELL_HALVES, 190},
    {LABEL_KEY, CELL_HALVES, 200},
};

static enum label principal_label(uint8_t kind)
{
    switch ((enum principal_kind)kind) {
    case PRINCIPAL_INSTITUTION:
        return LABEL_BY_INSTITUTION;
    case PRINCIPAL_ACCOUNT:
        return LABEL_BY_ACCOUNT;
    case PRINCIPAL_VALIDATOR:
        return LABEL_BY_VALIDATOR;
    }
    return LABELS;
}

static void put_tx_tables(struct model *m)
{
    const struct tx *tx = &m->d->f.tx;
    struct doc_table *t = model_table(
        m, LABEL_OPERATIONS, operation_columns, ARRAY_LEN(operation_columns));

    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct op_def *def = op_find(tx->ops[i].at[0]);
        struct cells *c = table_row(t);

        cell_figure(c->text[0], (uint64_t)i + 1);
        (void)snprintf(c->text[1], CELL_MAX, "%s", def->schema->name);
    }
    t = model_table(m,
                    LABEL_TX_SIGNATURES,
                    tx_signature_columns,
                    ARRAY_LEN(tx_signature_columns));
    for (uint32_t i = 0; i < tx->sig_count; i++) {
        const struct principal *p = &tx->principals[tx->sigs[i].principal];
        struct cells *c = table_row(t);

        label_text(
            c->text[0], CELL_MAX, principal_label(p->kind), m->languages);
        cell_code(c->text[1], &p->id);
        hex_encode(c->text[2], tx->sigs[i].key.raw, PUBKEY_BYTES);
    }
}

void model_transaction(struct model *m)
{
    const struct tx *tx = &m->d->f.tx;
    struct entries *e = model_entries(m, LABEL_SUBJECT);
    char serial[2 * SERIAL_BYTES + 1];
    char day[11];

    hex_encode(serial, tx->reference.serial, SERIAL_BYTES);
    entries_hash(e, LABEL_TX_ID, &tx->id);
    (void)snprintf(entries_add(e, LABEL_TX_PLACE, CELL_TEXT),
                   VALUE_MAX,
                   "%llu / %u",
                   (unsigned long long)m->d->r.of.transaction.index + 1,
                   m->d->f.block.tx_count);
    entries_figure(e, LABEL_INSTITUTION, tx->institution);
    (void)snprintf(entries_add(e, LABEL_TX_REFERENCE, CELL_TEXT),
                   VALUE_MAX,
                   "%s / %s",
                   figure_date(day, tx->reference.day),
                   serial);
    entries_text(e, LABEL_TX_VALID_UNTIL, figure_date(day, tx->valid_until));
    put_tx_tables(m);
    model_certify(m);
}

void model_consistency(struct model *m)
{
    const struct receipt_facts *f = &m->d->f;
    struct entries *e = model_entries(m, LABEL_SUBJECT);
    char time[FIGURE_TIME_MAX];

    entries_figure(e, LABEL_EARLIER_HEIGHT, f->earlier.height);
    entries_hash(e, LABEL_EARLIER_BLOCK, &f->earlier_hash);
    entries_text(e,
                 LABEL_BLOCK_TIME,
                 figure_time(time, f->earlier.time_ms, f->offset_ms));
    model_certify(m);
}

static const struct column set_columns[] = {
    {LABEL_INSTITUTION, CELL_NUMBER, 80},
    {LABEL_KEY, CELL_CODE, 407},
};

static void put_set(struct model *m, enum label heading, const struct valset *s)
{
    struct doc_table *t =
        model_table(m, heading, set_columns, ARRAY_LEN(set_columns));

    for (uint32_t i = 0; i < s->count; i++) {
        struct cells *c = table_row(t);

        cell_figure(c->text[0], s->list[i].institution);
        hex_encode(c->text[1], s->list[i].key.raw, PUBKEY_BYTES);
    }
}

void model_validators(struct model *m)
{
    const struct valset *after = &m->d->r.of.validators;
    struct entries *e = model_entries(m, LABEL_SUBJECT);

    entries_figure(e, LABEL_EPOCH, after->epoch);
    (void)snprintf(entries_add(e, LABEL_QUORUM, CELL_TEXT),
                   VALUE_MAX,
                   "%u / %u",
                   valset_quorum(after->count),
                   after->count);
    put_set(m, LABEL_SET_BEFORE, &m->d->f.certified.set);
    put_set(m, LABEL_SET_AFTER, after);
    model_certify(m);
}
