#include "base/schema.h"

#include "base/check.h"
#include "base/num.h"

static bool code_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-';
}

bool schema_code_ok(const char *text, uint32_t max)
{
    uint32_t size = 0;

    for (; text[size] != '\0'; size++) {
        if (size >= max || !code_char(text[size]))
            return false;
    }
    return size >= 1;
}

const struct field *schema_field(const struct schema *s, const char *name)
{
    for (uint32_t i = 0; i < s->field_count; i++) {
        if (strcmp(s->fields[i].name, name) == 0)
            return &s->fields[i];
    }
    return NULL;
}

static bool enum_ok(const struct field *f, uint8_t v)
{
    return v < f->max && f->names[v] != NULL;
}

static bool flags_ok(const struct field *f, uint16_t v)
{
    for (uint32_t bit = 0; v != 0; bit++, v = (uint16_t)(v >> 1)) {
        if ((v & 1) != 0 && (bit >= f->max || f->names[bit] == NULL))
            return false;
    }
    return true;
}

static inline void encode_field(struct writer *restrict w,
                                const struct field *restrict f,
                                const void *restrict at)
{
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (f->kind) {
    case FIELD_ENUM:
        ASSERT(enum_ok(f, *(const uint8_t *)at));
        writer_copy(w, at, 1);
        return;
    case FIELD_U8:
        writer_copy(w, at, 1);
        return;
    case FIELD_BOOL:
        writer_u8(w, *(const bool *)at ? 1 : 0);
        return;
    case FIELD_FLAGS:
        memcpy(&v16, at, sizeof v16);
        ASSERT(flags_ok(f, v16));
        writer_u16(w, v16);
        return;
    case FIELD_U16:
        memcpy(&v16, at, sizeof v16);
        writer_u16(w, v16);
        return;
    case FIELD_U32:
    case FIELD_DATE:
        memcpy(&v32, at, sizeof v32);
        writer_u32(w, v32);
        return;
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_MONEY:
    case FIELD_TIME:
        memcpy(&v64, at, sizeof v64);
        writer_u64(w, v64);
        return;
    case FIELD_HASH:
        writer_copy(w, at, HASH_BYTES);
        return;
    case FIELD_FIXED:
        writer_copy(w, at, f->max);
        return;
    case FIELD_CODE:
        ASSERT(schema_code_ok(at, f->max));
        writer_vec(w, bytes_of(at, strlen(at)));
        return;
    case FIELD_STRUCT:
        schema_encode(w, f->sub, at);
        return;
    case FIELD_LIST:
        ASSERT(false); /* handled by the caller, which knows the count */
        return;
    }
}

void schema_encode(struct writer *restrict w,
                   const struct schema *restrict s,
                   const void *restrict record)
{
    const uint8_t *base = record;

    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        uint32_t count;

        if (f->kind != FIELD_LIST) {
            encode_field(w, f, base + f->offset);
            continue;
        }
        memcpy(&count, base + f->count_offset, sizeof count);
        ASSERT(count <= f->max);
        writer_u32(w, count);
        for (uint32_t k = 0; k < count; k++)
            schema_encode(w, f->sub, base + f->offset + k * f->sub->size);
    }
}

static size_t field_bytes_min(const struct field *f)
{
    switch (f->kind) {
    case FIELD_U8:
    case FIELD_BOOL:
    case FIELD_ENUM:
        return 1;
    case FIELD_U16:
    case FIELD_FLAGS:
        return 2;
    case FIELD_U32:
    case FIELD_DATE:
    case FIELD_LIST:
        return 4;
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_MONEY:
    case FIELD_TIME:
        return 8;
    case FIELD_HASH:
        return HASH_BYTES;
    case FIELD_FIXED:
        return f->max;
    case FIELD_CODE:
        return 5;
    case FIELD_STRUCT:
        return schema_bytes_min(f->sub);
    }
    return 0;
}

size_t schema_bytes_min(const struct schema *s)
{
    size_t sum = 0;

    for (uint32_t i = 0; i < s->field_count; i++)
        sum += field_bytes_min(&s->fields[i]);
    return sum;
}

static void read_code(struct reader *r, const struct field *f, char *to)
{
    const struct bytes text = reader_vec(r, f->max);

    memset(to, 0, f->max + 1);
    if (r->err != ERR_NONE)
        return;
    for (size_t i = 0; i < text.size; i++) {
        if (!code_char((char)text.at[i])) {
            reader_fail(r, ERR_RANGE);
            return;
        }
    }
    if (text.size == 0)
        reader_fail(r, ERR_RANGE);
    else
        memcpy(to, text.at, text.size);
}

static inline void read_field(struct reader *restrict r,
                              const struct field *restrict f,
                              uint8_t *restrict at)
{
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;
    bool flag;

    switch (f->kind) {
    case FIELD_U8:
        *at = reader_u8(r);
        return;
    case FIELD_ENUM:
        *at = reader_u8(r);
        if (r->err == ERR_NONE && !enum_ok(f, *at))
            reader_fail(r, ERR_RANGE);
        return;
    case FIELD_BOOL:
        flag = reader_bool(r);
        memcpy(at, &flag, sizeof flag);
        return;
    case FIELD_U16:
    case FIELD_FLAGS:
        v16 = reader_u16(r);
        if (f->kind == FIELD_FLAGS && !flags_ok(f, v16))
            reader_fail(r, ERR_RANGE);
        memcpy(at, &v16, sizeof v16);
        return;
    case FIELD_U32:
    case FIELD_DATE:
        v32 = reader_u32(r);
        if (f->kind == FIELD_DATE && v32 > NUM_DAY_LAST)
            reader_fail(r, ERR_RANGE);
        memcpy(at, &v32, sizeof v32);
        return;
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_MONEY:
    case FIELD_TIME:
        v64 = reader_u64(r);
        memcpy(at, &v64, sizeof v64);
        return;
    case FIELD_HASH:
        reader_copy(r, at, HASH_BYTES);
        return;
    case FIELD_FIXED:
        reader_copy(r, at, f->max);
        return;
    case FIELD_CODE:
        read_code(r, f, (char *)at);
        return;
    case FIELD_STRUCT:
        schema_read(r, f->sub, at);
        return;
    case FIELD_LIST:
        ASSERT(false); /* handled by the caller, which knows the count */
        return;
    }
}

void schema_read(struct reader *restrict r,
                 const struct schema *restrict s,
                 void *restrict record)
{
    uint8_t *base = record;

    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        uint32_t count;

        if (f->kind != FIELD_LIST) {
            read_field(r, f, base + f->offset);
            continue;
        }
        count = reader_count(r, f->max, 0);
        if (count > 0 && count > r->left / schema_bytes_min(f->sub)) {
            reader_fail(r, ERR_TRUNCATED);
            count = 0;
        }
        for (uint32_t k = 0; k < count; k++)
            schema_read(r, f->sub, base + f->offset + k * f->sub->size);
        memcpy(base + f->count_offset, &count, sizeof count);
    }
}

enum err schema_decode(void *record, const struct schema *s, struct bytes in)
{
    struct reader r = reader_of(in);
    enum err e;

    memset(record, 0, s->size);
    schema_read(&r, s, record);
    e = reader_finish(&r);
    if (e != ERR_NONE)
        memset(record, 0, s->size);
    return e;
}
