/* What has certainly become of a transaction, read from the store alone: any
 * node can say it, also one that never saw the transaction. */
#include "base/check.h"
#include "ledger/rows.h"
#include "node/node.h"
#include "storage/store_import.h"

struct tx_facts tx_facts_of(const struct tx *tx)
{
    return (struct tx_facts){.known = true,
                             .institution = tx->institution,
                             .reference = tx->reference,
                             .valid_until = tx->valid_until};
}

uint32_t tx_last_day(const struct tx_facts *f)
{
    const uint64_t window = (uint64_t)f->reference.day + TX_WINDOW_DAYS;

    return f->valid_until < window ? f->valid_until : (uint32_t)window;
}

struct row_key tx_reference_row(const struct tx_facts *f)
{
    return (struct row_key){TABLE_REFERENCES,
                            day_key(f->reference.day),
                            reference_key(f->institution, f->reference.serial)};
}

static enum err date_of(uint32_t *date,
                        struct store *s,
                        uint64_t height,
                        uint32_t offset_ms)
{
    struct store_value v;
    struct header h;
    enum err e;

    TRY(store_get_block(&v, s, height, STORE_HEADER));
    e = header_decode(&h, bytes_of(v.at, v.size));
    store_value_free(&v);
    if (e == ERR_NONE)
        *date = ledger_date(h.time_ms, offset_ms);
    return e;
}

/* ERR_NOT_FOUND: nobody has used the reference (or its day was dropped). */
static enum err user_of(struct hash *id,
                        struct store_view *v,
                        const struct tx_facts *f)
{
    const struct row_key key = tx_reference_row(f);
    struct reference_row row;
    struct store_value value;
    enum err e;

    TRY(store_get_row(&value, v, &key));
    e = schema_decode(
        &row, &reference_row_schema, bytes_of(value.at, value.size));
    store_value_free(&value);
    if (e == ERR_NONE)
        *id = row.tx_id;
    return e;
}

/* The index is read after the snapshot was taken: what it does not know is in
 * no block up to the snapshot's height, and a later block has no earlier date.
 */
static enum err read_at(struct fate *out,
                        struct store *s,
                        struct store_view *v,
                        const struct hash *id,
                        const struct tx_facts *f,
                        uint32_t offset_ms)
{
    uint32_t date;
    enum err e = store_get_tx(&out->height, &out->index, s, id);

    if (e == ERR_NONE)
        out->kind = FATE_FINAL;
    if (e != ERR_NOT_FOUND || !f->known)
        return e == ERR_NOT_FOUND ? ERR_NONE : e;
    out->height = out->as_of;
    e = user_of(&out->by, v, f);
    if (e == ERR_NONE && !hash_eq(&out->by, id))
        out->kind = FATE_VOID;
    else if (e == ERR_NONE && store_rows_from(s) > 0)
        return ERR_PRUNED; /* final, in a block before the snapshot */
    if (e != ERR_NOT_FOUND)
        return e;
    TRY(date_of(&date, s, out->as_of, offset_ms));
    if (date > tx_last_day(f))
        out->kind = FATE_EXPIRED;
    return ERR_NONE;
}

enum err fate_read(struct fate *out,
                   struct store *s,
                   const struct hash *id,
                   const struct tx_facts *f,
                   uint32_t offset_ms)
{
    struct store_view *v = store_view_open(s);
    enum err e;

    *out = (struct fate){.as_of = store_view_height(v)};
    e = read_at(out, s, v, id, f, offset_ms);
    store_view_close(v);
    return e;
}
