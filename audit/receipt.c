/* The order of a receipt's sections, and what is common to both directions. */
#include "audit/receipt.h"

#include "audit/sections.h"
#include "crypto/hash.h"

const char *const receipt_kind_names[RECEIPT_KINDS] = {
#define KIND_NAME(id, number, name) [number] = #name,
    RECEIPT_KIND_LIST(KIND_NAME)
#undef KIND_NAME
};

const struct section receipt_sections[SECTIONS] = {
    {"anchor", SECTION_ANCHOR, 0, put_anchor, read_anchor},
    {"epochs", SECTION_EPOCHS, 0, put_epochs, read_epochs},
    {"block", SECTION_BLOCK, 0, put_block, read_block},
    {"link", SECTION_LINK, RECEIPT_LINK, put_link, read_link},
    {"as_of", SECTION_AS_OF, RECEIPT_AS_OF, put_as_of, read_as_of},
    {"statement", SECTION_STATEMENT, 0, put_statement, read_statement},
    {"disclosure",
     SECTION_DISCLOSURE,
     RECEIPT_DISCLOSURE,
     put_disclosure,
     read_disclosure},
};

uint8_t section_id_of(const struct section *s, const struct receipt *r)
{
    return s->id == SECTION_STATEMENT ? (uint8_t)(SECTION_STATEMENT + r->kind)
                                      : s->id;
}

bool receipt_has_position(uint8_t kind)
{
    return kind == RECEIPT_HOLDING || kind == RECEIPT_ABSENCE ||
           kind == RECEIPT_UNENCUMBERED;
}

bool receipt_parts_ok(uint8_t kind, uint8_t parts)
{
    const bool link = (parts & RECEIPT_LINK) != 0;
    const bool as_of = (parts & RECEIPT_AS_OF) != 0;
    const bool position =
        receipt_has_position(kind) || kind == RECEIPT_STATEMENT;

    if (kind == 0 || kind >= RECEIPT_KINDS || receipt_kind_names[kind] == NULL)
        return false;
    return parts <= (RECEIPT_LINK | RECEIPT_AS_OF | RECEIPT_DISCLOSURE) &&
           !(link && as_of) && !(link && kind == RECEIPT_VALIDATORS) &&
           (!as_of || position || kind == RECEIPT_REGISTER) &&
           ((parts & RECEIPT_DISCLOSURE) == 0 || position);
}

/* Reads one character of UTF-8; 0 if there is none (it is no text then). */
static uint32_t next_char(struct reader *r)
{
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    const uint8_t first = reader_u8(r);
    uint32_t more = 0;
    uint32_t c = first;

    if (first >= 0x80) {
        more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc0 || first >= 0xf8)
            return 0;
        c = first & (0x3fu >> more);
    }
    for (uint32_t i = 0; i < more; i++) {
        const uint8_t byte = reader_u8(r);

        if ((byte & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (byte & 0x3f);
    }
    return r->err != ERR_NONE || c < least[more] || c > 0x10ffff ||
                   (c >= 0xd800 && c <= 0xdfff)
               ? 0
               : c;
}

/* What would change how the text around it is read. */
static bool misleads(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool identity_text_ok(struct bytes text)
{
    struct reader r = reader_of(text);

    if (text.size == 0 || text.size > IDENTITY_TEXT_MAX)
        return false;
    while (r.left > 0) {
        if (misleads(next_char(&r)))
            return false;
    }
    return r.err == ERR_NONE;
}

struct hash identity_commitment(const struct hash *account,
                                const struct identity *id)
{
    uint8_t buf[HASH_BYTES + SALT_BYTES + 3 * (4 + IDENTITY_TEXT_MAX)];
    struct writer w = writer_of(buf, sizeof buf);

    writer_hash(&w, account);
    writer_copy(&w, id->salt, sizeof id->salt);
    writer_vec(&w, id->id_type);
    writer_vec(&w, id->id_number);
    writer_vec(&w, id->name);
    if (!writer_ok(&w)) /* no text that long is committed to */
        return (struct hash){{0}};
    return hash_tagged(IDENTITY_TAG, writer_bytes(&w));
}
