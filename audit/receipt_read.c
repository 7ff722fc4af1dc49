/* A receipt's struct from its bytes, which nobody vouches for. */
#include "audit/sections.h"
#include "crypto/hash.h"
#include "ledger/rows.h"

/* Of 1 to max bytes. */
static struct bytes read_vec(struct reader *in, uint32_t max)
{
    const struct bytes v = reader_vec(in, max);

    if (in->err == ERR_NONE && v.size == 0)
        reader_fail(in, ERR_RANGE);
    return v;
}

static struct bytes read_header(struct reader *in)
{
    return read_vec(in, HEADER_BYTES_MAX);
}

static void read_certified(struct reader *in, struct receipt_block *b)
{
    b->header = read_header(in);
    b->cert = read_vec(in, CERT_BYTES_MAX);
}

static void read_log_path(struct reader *in, struct mtree_proof *p)
{
    p->count = reader_count(in, MTREE_PROOF_MAX, HASH_BYTES);
    for (uint32_t i = 0; i < p->count; i++)
        p->steps[i] = reader_hash(in);
}

static void read_tree_path(struct reader *in, struct tree_path *p)
{
    static const struct hash zero;

    p->leaf_key = zero;
    p->leaf_row_hash = zero;
    p->empty = false;
    p->count = reader_count(in, PROOF_STEPS_MAX, 1 + HASH_BYTES);
    for (uint32_t i = 0; i < p->count; i++) {
        p->bits[i] = reader_u8(in);
        p->siblings[i] = reader_hash(in);
    }
}

static void read_way_up(struct reader *in, struct receipt_row *row)
{
    read_tree_path(in, &row->path);
    for (uint32_t i = 0; i < PROOF_SLOT_STEPS; i++)
        row->slots[i] = reader_hash(in);
}

static void read_row(struct reader *in, struct receipt_row *row)
{
    row->row = read_vec(in, ROW_BYTES_MAX);
    read_way_up(in, row);
}

static void read_security(struct reader *in, struct receipt_security *x)
{
    x->at.row = read_vec(in, ROW_BYTES_MAX);
    for (uint32_t i = 0; i < 3; i++)
        x->roots[i] = reader_hash(in);
    read_way_up(in, &x->at);
}

static void read_holding(struct reader *in, struct receipt_holding *h)
{
    const uint8_t form = reader_u8(in);
    struct hash key;
    struct hash row_hash;

    h->row = bytes_of(NULL, 0);
    switch (form) {
    case HOLDING_ROW:
        h->row = read_vec(in, ROW_BYTES_MAX);
        read_tree_path(in, &h->path);
        return;
    case HOLDING_OTHER_LEAF:
        key = reader_hash(in);
        row_hash = reader_hash(in);
        read_tree_path(in, &h->path);
        h->path.leaf_key = key;
        h->path.leaf_row_hash = row_hash;
        return;
    case HOLDING_NO_TREE:
        memset(&h->path, 0, sizeof h->path);
        h->path.empty = true;
        return;
    default:
        reader_fail(in, ERR_RANGE);
    }
}

static void read_position(struct reader *in, struct receipt_position *p)
{
    p->account = reader_hash(in);
    read_row(in, &p->account_row);
    read_security(in, &p->security);
    read_holding(in, &p->holding);
}

static void read_set(struct reader *in, struct valset *set)
{
    schema_read(in, &valset_schema, set);
    if (in->err == ERR_NONE && set->count == 0)
        reader_fail(in, ERR_RANGE);
}

/* As many items as the list says; skip reads one. */
static void read_list(struct reader *in,
                      struct receipt_list *list,
                      uint32_t max,
                      size_t item_bytes_min,
                      bool (*skip)(struct reader *in))
{
    const uint8_t *from;

    list->count = reader_count(in, max, item_bytes_min);
    from = in->next;
    for (uint32_t i = 0; i < list->count; i++) {
        if (skip(in))
            continue;
        if (in->err == ERR_NONE)
            reader_fail(in, ERR_TRUNCATED);
        break;
    }
    list->items = in->err == ERR_NONE && list->count > 0
                      ? bytes_of(from, (size_t)(in->next - from))
                      : bytes_of(NULL, 0);
}

static bool skip_epoch(struct reader *in)
{
    struct receipt_epoch item;

    return receipt_next_epoch(in, &item);
}

static bool skip_line(struct reader *in)
{
    struct receipt_line item;

    return receipt_next_line(in, &item);
}

static bool skip_event(struct reader *in)
{
    struct receipt_event item;

    return receipt_next_event(in, &item);
}

void read_anchor(struct reader *in, struct receipt *r)
{
    r->anchor.kind = reader_u8(in);
    if (in->err == ERR_NONE &&
        (r->anchor.kind == 0 || r->anchor.kind >= ANCHOR_KINDS))
        reader_fail(in, ERR_RANGE);
    r->anchor.header = read_header(in);
    read_set(in, &r->anchor.set);
}

void read_epochs(struct reader *in, struct receipt *r)
{
    enum {
        EPOCH_BYTES_MIN = 4 + 4 + 12,
    };

    read_list(in, &r->epochs, RECEIPT_EPOCHS_MAX, EPOCH_BYTES_MIN, skip_epoch);
}

void read_block(struct reader *in, struct receipt *r)
{
    read_certified(in, &r->block);
}

void read_link(struct reader *in, struct receipt *r)
{
    r->link_header = read_header(in);
    read_log_path(in, &r->link_path);
}

void read_as_of(struct reader *in, struct receipt *r)
{
    read_certified(in, &r->successor);
}

static void read_account_statement(struct reader *in,
                                   struct receipt_statement *x)
{
    uint8_t opening;

    read_position(in, &x->now);
    opening = reader_u8(in);
    x->from_start = opening == OPENING_START;
    if (opening == OPENING_EARLIER) {
        x->earlier_header = read_header(in);
        read_log_path(in, &x->earlier_path);
        read_security(in, &x->earlier_security);
        read_holding(in, &x->earlier_holding);
        if (in->err == ERR_NONE && x->earlier_holding.row.size == 0)
            reader_fail(in, ERR_RANGE);
    } else if (opening != OPENING_START) {
        reader_fail(in, ERR_RANGE);
    }
    read_list(
        in, &x->events, RECEIPT_EVENTS_MAX, SALT_BYTES + 8 + 4 + 4, skip_event);
}

void read_statement(struct reader *in, struct receipt *r)
{
    switch ((enum receipt_kind)r->kind) {
    case RECEIPT_TRANSACTION:
        r->of.transaction.index = reader_u32(in);
        read_log_path(in, &r->of.transaction.path);
        r->of.transaction.tx = read_vec(in, TX_BYTES_MAX);
        return;
    case RECEIPT_HOLDING:
    case RECEIPT_ABSENCE:
    case RECEIPT_UNENCUMBERED:
        read_position(in, &r->of.position);
        return;
    case RECEIPT_REGISTER:
        read_security(in, &r->of.reg.security);
        read_list(
            in, &r->of.reg.lines, RECEIPT_LINES_MAX, HASH_BYTES + 4, skip_line);
        return;
    case RECEIPT_STATEMENT:
        read_account_statement(in, &r->of.statement);
        return;
    case RECEIPT_CONSISTENCY:
        r->of.consistency.earlier_header = read_header(in);
        read_log_path(in, &r->of.consistency.inclusion);
        read_log_path(in, &r->of.consistency.consistency);
        return;
    case RECEIPT_VALIDATORS:
        read_set(in, &r->of.validators);
        return;
    case RECEIPT_KINDS:
        break;
    }
    reader_fail(in, ERR_RANGE);
}

static struct bytes read_text(struct reader *in)
{
    const struct bytes text = reader_vec(in, IDENTITY_TEXT_MAX);

    if (in->err == ERR_NONE && !identity_text_ok(text))
        reader_fail(in, ERR_RANGE);
    return text;
}

void read_disclosure(struct reader *in, struct receipt *r)
{
    reader_copy(in, r->identity.salt, sizeof r->identity.salt);
    r->identity.id_type = read_text(in);
    r->identity.id_number = read_text(in);
    r->identity.name = read_text(in);
}

/* ---- the whole file ---- */

static enum err read_front(struct receipt *r, struct reader *in)
{
    const struct bytes magic = reader_take(in, RECEIPT_MAGIC_BYTES);
    const uint8_t version = reader_u8(in);

    if (in->err != ERR_NONE)
        return in->err;
    if (memcmp(magic.at, RECEIPT_MAGIC, RECEIPT_MAGIC_BYTES) != 0 ||
        version != RECEIPT_VERSION)
        return ERR_VERSION;
    r->kind = reader_u8(in);
    r->parts = reader_u8(in);
    r->chain_id = reader_hash(in);
    if (in->err == ERR_NONE && !receipt_parts_ok(r->kind, r->parts))
        return ERR_RANGE;
    return in->err;
}

static enum err read_section(struct receipt *r,
                             struct reader *in,
                             const struct section *x)
{
    const uint8_t id = reader_u8(in);
    struct reader body;

    if (in->err == ERR_NONE && id != section_id_of(x, r))
        return ERR_ORDER;
    body = reader_of(reader_vec(in, RECEIPT_BYTES_MAX));
    if (in->err != ERR_NONE)
        return in->err;
    x->read(&body, r);
    return reader_finish(&body);
}

static enum err read_sections(struct receipt *r,
                              const char **where,
                              struct reader *in)
{
    for (uint32_t i = 0; i < SECTIONS; i++) {
        const struct section *x = &receipt_sections[i];

        if (x->part != 0 && (r->parts & x->part) == 0)
            continue;
        *where = x->name;
        TRY(read_section(r, in, x));
    }
    *where = "end";
    return reader_finish(in);
}

enum err receipt_decode(struct receipt *r, const char **where, struct bytes in)
{
    const char *ignored;
    struct reader front = reader_of(in);
    struct bytes body;
    struct hash digest;
    struct sink same = {.compare = true};

    if (where == NULL)
        where = &ignored;
    *where = "front";
    if (in.size > RECEIPT_BYTES_MAX)
        return ERR_RANGE;
    TRY(read_front(r, &front));
    if (front.left < HASH_BYTES)
        return ERR_TRUNCATED;
    body = bytes_of(in.at, in.size - HASH_BYTES);
    digest = hash_of(body);
    *where = "digest";
    if (memcmp(digest.raw, body.at + body.size, HASH_BYTES) != 0)
        return ERR_CORRUPT;
    front.left -= HASH_BYTES;
    TRY(read_sections(r, where, &front));
    same.against = body;
    receipt_put(&same, r);
    *where = "encoding";
    return same.bad || same.differs || same.size != body.size ? ERR_MISMATCH
                                                              : ERR_NONE;
}

/* ---- items of lists ---- */

struct reader receipt_items(const struct receipt_list *list)
{
    return reader_of(list->items);
}

bool receipt_next_epoch(struct reader *r, struct receipt_epoch *out)
{
    if (r->left == 0)
        return false;
    read_certified(r, &out->block);
    read_set(r, &out->next);
    return r->err == ERR_NONE;
}

bool receipt_next_line(struct reader *r, struct receipt_line *out)
{
    if (r->left == 0)
        return false;
    out->account = reader_hash(r);
    out->row = read_vec(r, ROW_BYTES_MAX);
    return r->err == ERR_NONE;
}

bool receipt_next_event(struct reader *r, struct receipt_event *out)
{
    if (r->left == 0)
        return false;
    reader_copy(r, out->salt, sizeof out->salt);
    out->height = reader_u64(r);
    out->index = reader_u32(r);
    out->event = read_vec(r, EVENT_BYTES_MAX);
    return r->err == ERR_NONE;
}
