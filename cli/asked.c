#include "cli/asked.h"

#include "base/hex.h"
#include "base/num.h"

static bool is_number(const char *word, uint64_t is)
{
    uint64_t v;

    return word == NULL || (num_parse_u64(&v, word) && v == is);
}

static bool is_hash(const char *word, const struct hash *is)
{
    struct hash h;

    return hex_decode(h.raw, sizeof h.raw, word) && hash_eq(&h, is);
}

static bool is_kind(uint8_t asked, uint8_t is)
{
    return is == asked || (asked == RECEIPT_HOLDING && is == RECEIPT_ABSENCE);
}

/* The state at the end of a date: of the last block not after it.  Without a
 * successor nothing shows that it is the last; the report then says so. */
static bool is_date(const char *word, const struct receipt_facts *f)
{
    uint32_t day;

    return word == NULL ||
           (num_parse_date(&day, word) && f->date <= day &&
            ((f->parts & RECEIPT_AS_OF) == 0 || day <= f->date_to));
}

static const char *statement_differs(const struct asked *q,
                                     const struct receipt_facts *f,
                                     const struct receipt *r)
{
    const bool opens = !r->of.statement.from_start;

    return opens == (q->from_height != NULL) &&
                   (!opens || is_number(q->from_height, f->earlier.height))
               ? NULL
               : "beginning";
}

static const char *position_differs(const struct asked *q,
                                    const struct receipt_facts *f,
                                    bool has_account)
{
    if (strcmp(q->words[0], f->security.code) != 0)
        return "security";
    return !has_account || is_hash(q->words[1], &f->account) ? NULL : "account";
}

static const char *subject_differs(const struct asked *q,
                                   const struct receipt_facts *f,
                                   const struct receipt *r)
{
    const char *differs;

    switch ((enum receipt_kind)f->kind) {
    case RECEIPT_TRANSACTION:
        return is_hash(q->words[0], &f->tx.id) ? NULL : "transaction";
    case RECEIPT_HOLDING:
    case RECEIPT_ABSENCE:
    case RECEIPT_UNENCUMBERED:
        return position_differs(q, f, true);
    case RECEIPT_REGISTER:
        return position_differs(q, f, false);
    case RECEIPT_STATEMENT:
        differs = position_differs(q, f, true);
        return differs != NULL ? differs : statement_differs(q, f, r);
    case RECEIPT_CONSISTENCY:
        return is_number(q->words[0], f->earlier.height) &&
                       is_number(q->words[1], f->block.height)
                   ? NULL
                   : "block";
    case RECEIPT_VALIDATORS:
        return is_number(q->words[0], r->of.validators.epoch) ? NULL : "epoch";
    case RECEIPT_KINDS:
        break;
    }
    return "kind";
}

const char *asked_differs(const struct asked *q,
                          const struct receipt_facts *f,
                          const struct receipt *r)
{
    if (!is_kind(q->kind, f->kind))
        return "kind";
    if (!is_number(q->height, f->block.height))
        return "height";
    if (!is_date(q->date, f))
        return "date";
    if (!is_number(q->anchor, f->anchor_height))
        return "anchor";
    return subject_differs(q, f, r);
}
