/* A receipt's bytes from its struct. */
#include "audit/sections.h"
#include "base/check.h"
#include "crypto/hash.h"
#include "ledger/rows.h"

static void put(struct sink *s, const void *at, size_t size)
{
    if (s->out != NULL && size > 0)
        buf_append(s->out, at, size);
    if (s->compare && !s->differs)
        s->differs = size > s->against.size - s->size ||
                     !bytes_eq(bytes_of(s->against.at + s->size, size),
                               bytes_of(at, size));
    s->size += size;
}

static void put_u8(struct sink *s, uint8_t v)
{
    put(s, &v, 1);
}

static void put_u32(struct sink *s, uint64_t v)
{
    uint8_t buf[4];
    struct writer w = writer_of(buf, sizeof buf);

    s->bad = s->bad || v > UINT32_MAX;
    writer_u32(&w, (uint32_t)v);
    put(s, buf, sizeof buf);
}

static void put_hash(struct sink *s, const struct hash *h)
{
    put(s, h->raw, sizeof h->raw);
}

/* Of 1 to max bytes. */
static void put_vec(struct sink *s, struct bytes v, size_t max)
{
    s->bad = s->bad || v.size == 0 || v.size > max;
    put_u32(s, v.size);
    put(s, v.at, v.size);
}

static void put_count(struct sink *s, uint32_t count, uint32_t max)
{
    s->bad = s->bad || count > max;
    put_u32(s, count);
}

static void put_list(struct sink *s,
                     const struct receipt_list *list,
                     uint32_t max)
{
    put_count(s, list->count, max);
    put(s, list->items.at, list->items.size);
}

static void put_set(struct sink *s, const struct valset *set)
{
    uint8_t buf[16 + VALIDATORS_MAX * sizeof(struct validator)];
    struct writer w = writer_of(buf, sizeof buf);

    if (set->count == 0 || set->count > VALIDATORS_MAX) {
        s->bad = true;
        return;
    }
    schema_encode(&w, &valset_schema, set);
    ASSERT(writer_ok(&w));
    put(s, buf, w.size);
}

static void put_header(struct sink *s, struct bytes header)
{
    put_vec(s, header, HEADER_BYTES_MAX);
}

static void put_certified(struct sink *s, const struct receipt_block *b)
{
    put_header(s, b->header);
    put_vec(s, b->cert, CERT_BYTES_MAX);
}

static void put_log_path(struct sink *s, const struct mtree_proof *p)
{
    put_count(s, p->count, MTREE_PROOF_MAX);
    for (uint32_t i = 0; i < p->count && !s->bad; i++)
        put_hash(s, &p->steps[i]);
}

static void put_tree_path(struct sink *s, const struct tree_path *p)
{
    put_count(s, p->count, PROOF_STEPS_MAX);
    for (uint32_t i = 0; i < p->count && !s->bad; i++) {
        s->bad = p->bits[i] > UINT8_MAX;
        put_u8(s, (uint8_t)p->bits[i]);
        put_hash(s, &p->siblings[i]);
    }
}

static void put_way_up(struct sink *s, const struct receipt_row *row)
{
    put_tree_path(s, &row->path);
    for (uint32_t i = 0; i < PROOF_SLOT_STEPS; i++)
        put_hash(s, &row->slots[i]);
}

static void put_row(struct sink *s, const struct receipt_row *row)
{
    put_vec(s, row->row, ROW_BYTES_MAX);
    put_way_up(s, row);
}

static void put_security(struct sink *s, const struct receipt_security *x)
{
    put_vec(s, x->at.row, ROW_BYTES_MAX);
    for (uint32_t i = 0; i < 3; i++)
        put_hash(s, &x->roots[i]);
    put_way_up(s, &x->at);
}

static void put_holding(struct sink *s, const struct receipt_holding *h)
{
    if (h->row.size > 0) {
        put_u8(s, HOLDING_ROW);
        put_vec(s, h->row, ROW_BYTES_MAX);
        put_tree_path(s, &h->path);
    } else if (!h->path.empty) {
        put_u8(s, HOLDING_OTHER_LEAF);
        put_hash(s, &h->path.leaf_key);
        put_hash(s, &h->path.leaf_row_hash);
        put_tree_path(s, &h->path);
    } else {
        put_u8(s, HOLDING_NO_TREE);
    }
}

static void put_position(struct sink *s, const struct receipt_position *p)
{
    put_hash(s, &p->account);
    put_row(s, &p->account_row);
    put_security(s, &p->security);
    put_holding(s, &p->holding);
}

void put_anchor(struct sink *s, const struct receipt *r)
{
    s->bad = s->bad || r->anchor.kind == 0 || r->anchor.kind >= ANCHOR_KINDS;
    put_u8(s, r->anchor.kind);
    put_header(s, r->anchor.header);
    put_set(s, &r->anchor.set);
}

void put_epochs(struct sink *s, const struct receipt *r)
{
    put_list(s, &r->epochs, RECEIPT_EPOCHS_MAX);
}

void put_block(struct sink *s, const struct receipt *r)
{
    put_certified(s, &r->block);
}

void put_link(struct sink *s, const struct receipt *r)
{
    put_header(s, r->link_header);
    put_log_path(s, &r->link_path);
}

void put_as_of(struct sink *s, const struct receipt *r)
{
    put_certified(s, &r->successor);
}

static void put_account_statement(struct sink *s,
                                  const struct receipt_statement *x)
{
    put_position(s, &x->now);
    put_u8(s, x->from_start ? OPENING_START : OPENING_EARLIER);
    if (!x->from_start) {
        put_header(s, x->earlier_header);
        put_log_path(s, &x->earlier_path);
        put_security(s, &x->earlier_security);
        s->bad = s->bad || x->earlier_holding.row.size == 0;
        put_holding(s, &x->earlier_holding);
    }
    put_list(s, &x->events, RECEIPT_EVENTS_MAX);
}

void put_statement(struct sink *s, const struct receipt *r)
{
    switch ((enum receipt_kind)r->kind) {
    case RECEIPT_TRANSACTION:
        put_u32(s, r->of.transaction.index);
        put_log_path(s, &r->of.transaction.path);
        put_vec(s, r->of.transaction.tx, TX_BYTES_MAX);
        return;
    case RECEIPT_HOLDING:
    case RECEIPT_ABSENCE:
    case RECEIPT_UNENCUMBERED:
        put_position(s, &r->of.position);
        return;
    case RECEIPT_REGISTER:
        put_security(s, &r->of.reg.security);
        put_list(s, &r->of.reg.lines, RECEIPT_LINES_MAX);
        return;
    case RECEIPT_STATEMENT:
        put_account_statement(s, &r->of.statement);
        return;
    case RECEIPT_CONSISTENCY:
        put_header(s, r->of.consistency.earlier_header);
        put_log_path(s, &r->of.consistency.inclusion);
        put_log_path(s, &r->of.consistency.consistency);
        return;
    case RECEIPT_VALIDATORS:
        put_set(s, &r->of.validators);
        return;
    case RECEIPT_KINDS:
        break;
    }
    s->bad = true;
}

void put_disclosure(struct sink *s, const struct receipt *r)
{
    const struct identity *id = &r->identity;

    s->bad = s->bad || !identity_text_ok(id->id_type) ||
             !identity_text_ok(id->id_number) || !identity_text_ok(id->name);
    put(s, id->salt, sizeof id->salt);
    put_vec(s, id->id_type, IDENTITY_TEXT_MAX);
    put_vec(s, id->id_number, IDENTITY_TEXT_MAX);
    put_vec(s, id->name, IDENTITY_TEXT_MAX);
}

void receipt_put(struct sink *s, const struct receipt *r)
{
    put(s, RECEIPT_MAGIC, RECEIPT_MAGIC_BYTES);
    put_u8(s, RECEIPT_VERSION);
    put_u8(s, r->kind);
    put_u8(s, r->parts);
    put_hash(s, &r->chain_id);
    for (uint32_t i = 0; i < SECTIONS && !s->bad; i++) {
        const struct section *x = &receipt_sections[i];
        struct sink measure = {0};

        if (x->part != 0 && (r->parts & x->part) == 0)
            continue;
        x->put(&measure, r);
        s->bad = s->bad || measure.bad;
        put_u8(s, section_id_of(x, r));
        put_u32(s, measure.size);
        x->put(s, r);
    }
}

enum err receipt_encode(struct buf *out, const struct receipt *r)
{
    const size_t before = out->size;
    struct sink s = {.out = out};
    struct hash digest;

    if (!receipt_parts_ok(r->kind, r->parts))
        return ERR_RANGE;
    receipt_put(&s, r);
    if (s.bad || s.size > RECEIPT_BYTES_MAX - HASH_BYTES) {
        out->size = before;
        return ERR_RANGE;
    }
    digest = hash_of(bytes_of(out->at + before, s.size));
    buf_append(out, digest.raw, sizeof digest.raw);
    return ERR_NONE;
}

/* ---- items of lists ---- */

static void add(struct receipt_list *list, struct buf *bytes)
{
    list->count++;
    list->items = buf_bytes(bytes);
}

void receipt_add_epoch(struct receipt_list *list,
                       struct buf *bytes,
                       const struct receipt_epoch *e)
{
    struct sink s = {.out = bytes};

    put_certified(&s, &e->block);
    put_set(&s, &e->next);
    add(list, bytes);
}

void receipt_add_line(struct receipt_list *list,
                      struct buf *bytes,
                      const struct receipt_line *l)
{
    struct sink s = {.out = bytes};

    put_hash(&s, &l->account);
    put_vec(&s, l->row, ROW_BYTES_MAX);
    add(list, bytes);
}

void receipt_add_event(struct receipt_list *list,
                       struct buf *bytes,
                       const struct receipt_event *e)
{
    uint8_t buf[SALT_BYTES + 8 + 4];
    struct writer w = writer_of(buf, sizeof buf);
    struct sink s = {.out = bytes};

    writer_copy(&w, e->salt, sizeof e->salt);
    writer_u64(&w, e->height);
    writer_u32(&w, e->index);
    put(&s, buf, w.size);
    put_vec(&s, e->event, EVENT_BYTES_MAX);
    add(list, bytes);
}
