/* The control totals of a security, computed from its rows alone: apart from
 * the operations, so that a mistake in one of them cannot hide here. */
#include "ledger/ledger.h"
#include "ledger/rows.h"

static enum err add_holding(struct sums_entry *e,
                            struct bytes row,
                            int64_t sign)
{
    struct holding_row h;
    uint64_t total = 0;
    struct reader r = reader_of(row);

    if (row.size == 0)
        return ERR_NONE;
    schema_read(&r, &holding_row_schema, &h);
    if (reader_finish(&r) != ERR_NONE)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < h.segment_count; i++) {
        const struct segment *s = &h.segments[i];
        const uint64_t q = s->quantity.shares;
        int64_t signed_q;

        if (q == 0 || q > INT64_MAX || __builtin_add_overflow(total, q, &total))
            return ERR_CORRUPT;
        signed_q = sign * (int64_t)q;
        if (__builtin_add_overflow(e->issued, signed_q, &e->issued))
            return ERR_CORRUPT;
        if (s->pledge_count > 0 &&
            __builtin_add_overflow(e->pledged, signed_q, &e->pledged))
            return ERR_CORRUPT;
        if (s->freeze != 0 &&
            __builtin_add_overflow(e->frozen, signed_q, &e->frozen))
            return ERR_CORRUPT;
    }
    if (h.kind == ACCOUNT_ORDINARY && total > 0)
        e->holders += sign;
    return ERR_NONE;
}

enum err sums_of(struct sums_entry *e,
                 const struct row_key *key,
                 struct bytes old_row,
                 struct bytes new_row)
{
    if (key->table != TABLE_HOLDINGS)
        return ERR_NONE;
    TRY(add_holding(e, old_row, -1));
    return add_holding(e, new_row, 1);
}

static enum err change_of(int64_t *out, uint64_t before, uint64_t after)
{
    if (before > INT64_MAX || after > INT64_MAX)
        return ERR_CORRUPT;
    *out = (int64_t)after - (int64_t)before;
    return ERR_NONE;
}

enum err sums_security(const struct sums_entry *e,
                       struct bytes old_row,
                       struct bytes new_row)
{
    struct security_row before = {0};
    struct security_row after = {0};
    int64_t issued;
    int64_t pledged;
    int64_t frozen;
    int64_t holders;

    if (old_row.size > 0 &&
        schema_decode(&before, &security_row_schema, old_row) != ERR_NONE)
        return ERR_CORRUPT;
    if (new_row.size > 0 &&
        schema_decode(&after, &security_row_schema, new_row) != ERR_NONE)
        return ERR_CORRUPT;
    TRY(change_of(&issued, before.issued.shares, after.issued.shares));
    TRY(change_of(&pledged, before.pledged.shares, after.pledged.shares));
    TRY(change_of(&frozen, before.frozen.shares, after.frozen.shares));
    TRY(change_of(&holders, before.holder_count, after.holder_count));
    return issued == e->issued && pledged == e->pledged &&
                   frozen == e->frozen && holders == e->holders
               ? ERR_NONE
               : ERR_MISMATCH;
}
