#include "audit/report.h"

#include "audit/jtext.h"
#include "base/hex.h"
#include "ledger/ops.h"

static const char *const headings[] = {
    [SAY_PROVEN] = "Proven",
    [SAY_WHEN] = "When",
    [SAY_BY_WHOM] = "By whom",
    [SAY_NOTE] = "Note",
    [SAY_NOT_PROVEN] = "Not proven",
};
static const char *const members[] = {
    [SAY_PROVEN] = "proven",
    [SAY_WHEN] = "when",
    [SAY_BY_WHOM] = "by_whom",
    [SAY_NOTE] = "notes",
    [SAY_NOT_PROVEN] = "not_proven",
};

static const char *verdict_of(const struct receipt_facts *f)
{
    switch (f->outcome) {
    case RECEIPT_PROVEN:
        return "proven";
    case RECEIPT_REFUTED:
        return "refuted";
    case RECEIPT_OUT_OF_REACH:
        return "out_of_reach";
    }
    return "refuted";
}

/* ---- text ---- */

struct text {
    FILE *out;
    enum say_what what; /* that is being printed */
    bool any;
};

static void print_sentence(void *ctx, enum say_what what, const char *sentence)
{
    struct text *t = ctx;

    if (what != t->what)
        return;
    if (!t->any)
        (void)fprintf(t->out, "%s\n", headings[what]);
    t->any = true;
    (void)fprintf(t->out, "  %s\n", sentence);
}

static void print_hash(FILE *out, const struct hash *h)
{
    char text[2 * HASH_BYTES + 1];

    hex_encode(text, h->raw, sizeof h->raw);
    (void)fputs(text, out);
}

static uint64_t total_of(const struct holding_row *h)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < h->segment_count; i++)
        sum += h->segments[i].quantity.shares;
    return sum;
}

static void print_lines(FILE *out, const struct receipt_list *lines)
{
    struct reader r = receipt_items(lines);
    struct receipt_line l;
    struct holding_row h;

    (void)fprintf(out, "Entries (account, shares)\n");
    while (receipt_next_line(&r, &l)) {
        if (schema_decode(&h, &holding_row_schema, l.row) != ERR_NONE)
            return;
        (void)fputs("  ", out);
        print_hash(out, &l.account);
        (void)fprintf(out, " %llu\n", (unsigned long long)total_of(&h));
    }
}

static void print_events(FILE *out, const struct receipt_list *events)
{
    struct reader r = receipt_items(events);
    struct receipt_event e;
    struct event x;

    (void)fprintf(out, "Events (height.index, kind, shares, other account)\n");
    while (receipt_next_event(&r, &e)) {
        if (schema_decode(&x, &event_schema, e.event) != ERR_NONE)
            return;
        (void)fprintf(out,
                      "  %llu.%u %s %llu ",
                      (unsigned long long)e.height,
                      e.index,
                      event_kind_names[x.kind],
                      (unsigned long long)x.quantity);
        if (hash_is_zero(&x.other))
            (void)fputc('-', out);
        else
            print_hash(out, &x.other);
        (void)fputc('\n', out);
    }
}

void report_text(FILE *out,
                 const struct receipt_facts *f,
                 const struct receipt *r)
{
    struct text t = {.out = out};

    if (f->outcome != RECEIPT_PROVEN) {
        (void)fprintf(out,
                      "%s: %s%s%s\n  %s\n",
                      f->outcome == RECEIPT_REFUTED ? "REFUTED" : "UNDECIDED",
                      fault_name(f->fault),
                      f->where[0] != '\0' ? ", in section " : "",
                      f->where,
                      fault_text(f->fault));
        return;
    }
    (void)fprintf(out, "PROVEN: %s\n", receipt_kind_names[f->kind]);
    for (t.what = SAY_PROVEN; t.what <= SAY_NOT_PROVEN; t.what++) {
        t.any = false;
        report_sentences(f, r, LANG_EN, print_sentence, &t);
    }
    if (f->kind == RECEIPT_REGISTER)
        print_lines(out, &r->of.reg.lines);
    if (f->kind == RECEIPT_STATEMENT)
        print_events(out, &r->of.statement.events);
}

/* ---- JSON ---- */

struct said {
    struct jtext *j;
    enum say_what what;
};

static void put_sentence(void *ctx, enum say_what what, const char *sentence)
{
    const struct said *s = ctx;

    if (what == s->what)
        jtext_word(s->j, NULL, sentence);
}

void report_json_sentences(struct jtext *j,
                           const char *name,
                           const struct receipt_facts *f,
                           const struct receipt *r,
                           enum lang lang)
{
    struct said s = {.j = j};

    jtext_open(j, name, '{');
    for (s.what = SAY_PROVEN; s.what <= SAY_NOT_PROVEN; s.what++) {
        jtext_open(j, members[s.what], '[');
        report_sentences(f, r, lang, put_sentence, &s);
        jtext_close(j, ']');
    }
    jtext_close(j, '}');
}

static void put_block(struct jtext *j,
                      const char *name,
                      const struct header *h,
                      const struct hash *hash,
                      uint32_t date)
{
    jtext_open(j, name, '{');
    jtext_u64(j, "height", h->height);
    jtext_hash(j, "hash", hash);
    jtext_u64(j, "time_ms", h->time_ms);
    if (date != 0)
        jtext_date(j, "date", date);
    jtext_close(j, '}');
}

static void put_certified(struct jtext *j,
                          const char *name,
                          const struct certified_block *b)
{
    jtext_open(j, name, '{');
    jtext_u64(j, "height", b->header.height);
    jtext_hash(j, "hash", &b->hash);
    jtext_u64(j, "time_ms", b->header.time_ms);
    jtext_u64(j, "epoch", b->set.epoch);
    jtext_u64(j, "view", b->view);
    jtext_u32(j, "signed", b->signers);
    jtext_u32(j, "validators", b->set.count);
    jtext_open(j, "signers", '[');
    for (uint32_t i = 0; i < b->set.count; i++) {
        if ((b->bitmap >> i & 1) != 0)
            jtext_record(j, NULL, &validator_schema, &b->set.list[i]);
    }
    jtext_close(j, ']');
    jtext_close(j, '}');
}

static void put_sums(struct jtext *j,
                     const char *name,
                     const struct holding_sums *s)
{
    jtext_open(j, name, '{');
    jtext_u64(j, "total", s->total);
    jtext_u64(j, "pledged", s->pledged);
    jtext_u64(j, "frozen", s->frozen);
    jtext_u64(j, "queued", s->queued);
    jtext_u64(j, "locked", s->locked);
    jtext_u64(j, "t_plus", s->t_plus);
    jtext_close(j, '}');
}

static void put_position(struct jtext *j, const struct receipt_facts *f)
{
    jtext_hash(j, "account", &f->account);
    jtext_word(j, "security", f->security.code);
    jtext_bool(j, "has_entry", f->has_row);
    put_sums(j, "shares", &f->sums);
    jtext_record(j, "account_row", &account_row_schema, &f->account_row);
    jtext_record(j, "security_row", &security_row_schema, &f->security);
    if (f->has_row)
        jtext_record(j, "holding_row", &holding_row_schema, &f->holding);
}

static void put_register(struct jtext *j,
                         const struct receipt_facts *f,
                         const struct receipt *r)
{
    struct reader lines = receipt_items(&r->of.reg.lines);
    struct receipt_line l;
    struct holding_row h;

    jtext_word(j, "security", f->security.code);
    jtext_record(j, "security_row", &security_row_schema, &f->security);
    jtext_u32(j, "entries", r->of.reg.lines.count);
    jtext_open(j, "lines", '[');
    while (receipt_next_line(&lines, &l) &&
           schema_decode(&h, &holding_row_schema, l.row) == ERR_NONE) {
        jtext_open(j, NULL, '{');
        jtext_hash(j, "account", &l.account);
        jtext_u64(j, "total", total_of(&h));
        jtext_record(j, "holding_row", &holding_row_schema, &h);
        jtext_close(j, '}');
    }
    jtext_close(j, ']');
}

static void put_statement(struct jtext *j,
                          const struct receipt_facts *f,
                          const struct receipt *r)
{
    const struct receipt_statement *x = &r->of.statement;
    struct reader events = receipt_items(&x->events);
    struct receipt_event e;
    struct event event;

    put_position(j, f);
    if (!x->from_start) {
        jtext_open(j, "opening", '{');
        put_block(j, "block", &f->earlier, &f->earlier_hash, 0);
        jtext_word(j, "security", f->earlier_security.code);
        put_sums(j, "shares", &f->earlier_sums);
        jtext_record(
            j, "holding_row", &holding_row_schema, &f->earlier_holding);
        jtext_close(j, '}');
    }
    jtext_open(j, "events", '[');
    while (receipt_next_event(&events, &e) &&
           schema_decode(&event, &event_schema, e.event) == ERR_NONE) {
        jtext_open(j, NULL, '{');
        jtext_u64(j, "height", e.height);
        jtext_u32(j, "index", e.index);
        jtext_record(j, "event", &event_schema, &event);
        jtext_close(j, '}');
    }
    jtext_close(j, ']');
}

static const char *principal_name(uint8_t kind)
{
    switch ((enum principal_kind)kind) {
    case PRINCIPAL_INSTITUTION:
        return "institution";
    case PRINCIPAL_ACCOUNT:
        return "account";
    case PRINCIPAL_VALIDATOR:
        return "validator";
    }
    return "unknown";
}

static void put_transaction(struct jtext *j,
                            const struct receipt_facts *f,
                            const struct receipt *r)
{
    union op_any op;
    const struct tx *tx = &f->tx;
    const struct op_def *def;

    jtext_hash(j, "id", &tx->id);
    jtext_u32(j, "index", r->of.transaction.index);
    jtext_u32(j, "count", f->block.tx_count);
    jtext_u32(j, "institution", tx->institution);
    jtext_date(j, "day", tx->reference.day);
    jtext_hex(j, "serial", tx->reference.serial, SERIAL_BYTES);
    jtext_date(j, "valid_until", tx->valid_until);
    jtext_open(j, "operations", '[');
    for (uint32_t i = 0; i < tx->op_count; i++) {
        if (op_decode(&def, &op, tx->ops[i]) != ERR_NONE)
            break;
        jtext_open(j, NULL, '{');
        jtext_record(j, def->schema->name, def->schema, &op);
        jtext_close(j, '}');
    }
    jtext_close(j, ']');
    jtext_open(j, "signatures", '[');
    for (uint32_t i = 0; i < tx->sig_count; i++) {
        const struct principal *p = &tx->principals[tx->sigs[i].principal];

        jtext_open(j, NULL, '{');
        jtext_word(j, "principal", principal_name(p->kind));
        jtext_hash(j, "id", &p->id);
        jtext_hex(j, "key", tx->sigs[i].key.raw, PUBKEY_BYTES);
        jtext_close(j, '}');
    }
    jtext_close(j, ']');
}

static void put_set(struct jtext *j, const char *name, const struct valset *set)
{
    jtext_record(j, name, &valset_schema, set);
}

static void put_statement_of_kind(struct jtext *j,
                                  const struct receipt_facts *f,
                                  const struct receipt *r)
{
    jtext_open(j, "statement", '{');
    switch ((enum receipt_kind)f->kind) {
    case RECEIPT_TRANSACTION:
        put_transaction(j, f, r);
        break;
    case RECEIPT_HOLDING:
    case RECEIPT_ABSENCE:
    case RECEIPT_UNENCUMBERED:
        put_position(j, f);
        break;
    case RECEIPT_REGISTER:
        put_register(j, f, r);
        break;
    case RECEIPT_STATEMENT:
        put_statement(j, f, r);
        break;
    case RECEIPT_CONSISTENCY:
        put_block(j, "earlier", &f->earlier, &f->earlier_hash, 0);
        break;
    case RECEIPT_VALIDATORS:
        put_set(j, "before", &f->certified.set);
        put_set(j, "after", &r->of.validators);
        break;
    case RECEIPT_KINDS:
        break;
    }
    jtext_close(j, '}');
}

static void put_proven(struct jtext *j,
                       const struct receipt_facts *f,
                       const struct receipt *r)
{
    jtext_word(j, "kind", receipt_kind_names[f->kind]);
    jtext_hash(j, "chain_id", &f->chain_id);
    jtext_open(j, "anchor", '{');
    jtext_word(
        j, "kind", f->anchor_kind == ANCHOR_GENESIS ? "genesis" : "pinned");
    jtext_u64(j, "height", f->anchor_height);
    jtext_hash(j, "hash", &f->anchor_hash);
    jtext_close(j, '}');
    jtext_u32(j, "changes_of_validators", f->changes);
    put_certified(j, "certified", &f->certified);
    put_block(j, "block", &f->block, &f->block_hash, f->date);
    if ((f->parts & RECEIPT_AS_OF) != 0) {
        jtext_open(j, "as_of", '{');
        jtext_date(j, "from", f->date);
        jtext_date(j, "to", f->date_to);
        put_certified(j, "successor", &f->successor);
        jtext_close(j, '}');
    }
    put_statement_of_kind(j, f, r);
    if ((f->parts & RECEIPT_DISCLOSURE) != 0) {
        jtext_open(j, "identity", '{');
        jtext_string(j, "id_type", r->identity.id_type);
        jtext_string(j, "id_number", r->identity.id_number);
        jtext_string(j, "name", r->identity.name);
        jtext_close(j, '}');
    }
}

void report_json_with(FILE *out,
                      const struct receipt_facts *f,
                      const struct receipt *r,
                      report_more_fn more,
                      void *ctx)
{
    struct jtext j = {.out = out};

    jtext_open(&j, NULL, '{');
    jtext_word(&j, "verdict", verdict_of(f));
    if (f->outcome == RECEIPT_PROVEN) {
        put_proven(&j, f, r);
    } else {
        jtext_word(&j, "reason", fault_name(f->fault));
        jtext_word(&j, "section", f->where);
    }
    report_json_sentences(&j, "sentences", f, r, LANG_EN);
    if (more != NULL)
        more(ctx, &j);
    jtext_close(&j, '}');
}

void report_json(FILE *out,
                 const struct receipt_facts *f,
                 const struct receipt *r)
{
    report_json_with(out, f, r, NULL, NULL);
}
