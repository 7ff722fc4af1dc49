/* schema.h - one description of a record, from which all its forms derive.
 *
 * A schema is a constant table that says, for each field of a C struct, its
 * name, kind, place and meaning.  From it come the canonical bytes (here), the
 * JSON form (rpc/schema_json.h), command-line flags and help (cli/), the
 * schema served by rpc.discover, and the pages of docs/.
 *
 * Canonical bytes are Borsh: fields in table order, little-endian integers, a
 * u32 count before a list or a code, no optional forms ("none" is zero).  One
 * record has one encoding: the decoder accepts nothing the encoder would not
 * write.
 *
 * Invariants
 *   S1  schema_decode(schema_encode(x)) == x for every valid x.
 *   S2  what schema_decode accepts, schema_encode writes back byte for byte.
 *   S3  after a failed decode the struct is all zeros. */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include "base/reader.h"
#include "base/writer.h"

enum field_kind {
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_BOOL,   /* bool; byte 0 or 1 */
    FIELD_ENUM,   /* uint8_t; names[value], max = number of names */
    FIELD_FLAGS,  /* uint16_t bit set; names[bit], max = number of names */
    FIELD_QTY,    /* struct qty, whole shares; JSON decimal string */
    FIELD_MONEY,  /* int64_t, fen; JSON decimal string */
    FIELD_DATE,   /* uint32_t, days since 1970-01-01 up to the
                     year 9999; 0 = none;
                     JSON "YYYY-MM-DD" or "" for none */
    FIELD_TIME,   /* uint64_t, ms since 1970 UTC; JSON decimal string */
    FIELD_HASH,   /* struct hash; JSON 64 hex digits */
    FIELD_FIXED,  /* uint8_t[max]; JSON hex */
    FIELD_CODE,   /* char[max + 1], zero-filled; 1..max of [A-Z0-9.-];
                     bytes: u32 length, text */
    FIELD_STRUCT, /* nested struct described by sub */
    FIELD_LIST,   /* sub[max] in place; the uint32_t at count_offset counts;
                     bytes: u32 count, items */
};

struct schema;

struct field {
    const char *name; /* snake_case; JSON member, and flag with '-' for '_' */
    enum field_kind kind;
    size_t offset;
    size_t count_offset; /* FIELD_LIST only */
    uint32_t max;        /* see field_kind */
    const struct schema *sub;
    const char *const *names; /* NULL entries are unused values */
    const char *help;         /* one sentence, for people */
};

struct schema {
    const char *name; /* "holding", "pledge_create", … */
    const char *help;
    size_t size; /* sizeof the C struct */
    const struct field *fields;
    uint32_t field_count;
};

/* A program that helps nobody with operations leaves the sentences out. */
#ifdef SCHEMA_WITHOUT_HELP
#define SCHEMA_HELP(text_) ""
#else
#define SCHEMA_HELP(text_) (text_)
#endif

/* The entries of a field table, for struct `s`. */
#define FIELD_OF(s, member, kind_, help_)                                \
    {                                                                    \
        .name = #member, .kind = (kind_), .offset = offsetof(s, member), \
        .help = SCHEMA_HELP(help_)                                       \
    }
#define FIELD_NAMED(s, member, kind_, names_, help_)                     \
    {                                                                    \
        .name = #member, .kind = (kind_), .offset = offsetof(s, member), \
        .names = (names_), .max = ARRAY_LEN(names_),                     \
        .help = SCHEMA_HELP(help_)                                       \
    }
#define FIELD_SIZED(s, member, kind_, max_, help_)                       \
    {                                                                    \
        .name = #member, .kind = (kind_), .offset = offsetof(s, member), \
        .max = (max_), .help = SCHEMA_HELP(help_)                        \
    }
#define FIELD_SUB(s, member, sub_, help_)                                     \
    {                                                                         \
        .name = #member, .kind = FIELD_STRUCT, .offset = offsetof(s, member), \
        .sub = (sub_), .help = SCHEMA_HELP(help_)                             \
    }
#define FIELD_LIST_OF(s, member, count_member, max_, sub_, help_)           \
    {                                                                       \
        .name = #member, .kind = FIELD_LIST, .offset = offsetof(s, member), \
        .count_offset = offsetof(s, count_member), .max = (max_),           \
        .sub = (sub_), .help = SCHEMA_HELP(help_)                           \
    }
#define SCHEMA(name_, s, fields_, help_)                                \
    {                                                                   \
        .name = (name_), .help = SCHEMA_HELP(help_), .size = sizeof(s), \
        .fields = (fields_), .field_count = ARRAY_LEN(fields_)          \
    }

/* schema_encode appends the canonical bytes of record (a struct of s->size
 * bytes that is valid: ASSERTs list counts, enum values and code text). */
void schema_encode(struct writer *w,
                   const struct schema *s,
                   const void *record);

/* schema_read reads one record and leaves r after it; failures are in r.
 * schema_decode reads exactly one record from all of in.
 *
 * Errors    ERR_TRUNCATED, ERR_TRAILING; ERR_RANGE for a count, enum value,
 *           flag bit, bool or code that is not allowed. */
void schema_read(struct reader *r, const struct schema *s, void *record);
MUST_USE enum err schema_decode(void *record,
                                const struct schema *s,
                                struct bytes in);

/* schema_bytes_min returns the size of the smallest encoding. */
size_t schema_bytes_min(const struct schema *s);

/* schema_code_ok says whether text is 1..max characters of [A-Z0-9.-]. */
bool schema_code_ok(const char *text, uint32_t max);

const struct field *schema_field(const struct schema *s, const char *name);

#endif /* BASE_SCHEMA_H */
