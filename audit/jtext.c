#include "audit/jtext.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"

static void begin(struct jtext *j, const char *name)
{
    if (j->depth > 0) {
        (void)fputs(j->any ? ",\n" : "\n", j->out);
        for (uint32_t i = 0; i < j->depth; i++)
            (void)fputs("  ", j->out);
    }
    if (name != NULL)
        (void)fprintf(j->out, "\"%s\": ", name);
    j->any = true;
}

void jtext_open(struct jtext *j, const char *name, char bracket)
{
    begin(j, name);
    (void)fputc(bracket, j->out);
    j->depth++;
    j->any = false;
}

void jtext_close(struct jtext *j, char bracket)
{
    ASSERT(j->depth > 0);
    j->depth--;
    if (j->any) {
        (void)fputc('\n', j->out);
        for (uint32_t i = 0; i < j->depth; i++)
            (void)fputs("  ", j->out);
    }
    (void)fputc(bracket, j->out);
    if (j->depth == 0)
        (void)fputc('\n', j->out);
    j->any = true;
}

void jtext_string(struct jtext *j, const char *name, struct bytes utf8)
{
    begin(j, name);
    (void)fputc('"', j->out);
    for (size_t i = 0; i < utf8.size; i++) {
        const uint8_t c = utf8.at[i];

        if (c == '"' || c == '\\')
            (void)fprintf(j->out, "\\%c", c);
        else if (c < 0x20)
            (void)fprintf(j->out, "\\u%04x", c);
        else
            (void)fputc(c, j->out);
    }
    (void)fputc('"', j->out);
}

void jtext_word(struct jtext *j, const char *name, const char *text)
{
    jtext_string(j, name, bytes_of(text, strlen(text)));
}

void jtext_u64(struct jtext *j, const char *name, uint64_t v)
{
    begin(j, name);
    (void)fprintf(j->out, "\"%llu\"", (unsigned long long)v);
}

void jtext_u32(struct jtext *j, const char *name, uint32_t v)
{
    begin(j, name);
    (void)fprintf(j->out, "%u", v);
}

void jtext_bool(struct jtext *j, const char *name, bool v)
{
    begin(j, name);
    (void)fputs(v ? "true" : "false", j->out);
}

void jtext_hex(struct jtext *j, const char *name, const void *at, size_t size)
{
    char text[2 * 256 + 1];

    ASSERT(size <= 256);
    hex_encode(text, at, size);
    jtext_word(j, name, text);
}

void jtext_hash(struct jtext *j, const char *name, const struct hash *h)
{
    jtext_hex(j, name, h->raw, sizeof h->raw);
}

void jtext_date(struct jtext *j, const char *name, uint32_t day)
{
    char text[11] = "";

    if (day != 0)
        num_format_date(text, day);
    jtext_word(j, name, text);
}

static void put_flags(struct jtext *j, const struct field *f, uint16_t v)
{
    jtext_open(j, f->name, '[');
    for (uint32_t bit = 0; bit < f->max; bit++) {
        if ((v >> bit & 1) != 0 && f->names[bit] != NULL)
            jtext_word(j, NULL, f->names[bit]);
    }
    jtext_close(j, ']');
}

static void put_list(struct jtext *j,
                     const struct field *f,
                     const uint8_t *base)
{
    uint32_t count;

    memcpy(&count, base + f->count_offset, sizeof count);
    jtext_open(j, f->name, '[');
    for (uint32_t i = 0; i < count; i++)
        jtext_record(j, NULL, f->sub, base + f->offset + i * f->sub->size);
    jtext_close(j, ']');
}

static void put_money(struct jtext *j, const char *name, const void *at)
{
    int64_t v;

    memcpy(&v, at, sizeof v);
    begin(j, name);
    (void)fprintf(j->out, "\"%lld\"", (long long)v);
}

static void put_field(struct jtext *j,
                      const struct field *f,
                      const uint8_t *base)
{
    const uint8_t *at = base + f->offset;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (f->kind) {
    case FIELD_U8:
        jtext_u32(j, f->name, *at);
        return;
    case FIELD_U16:
        memcpy(&v16, at, sizeof v16);
        jtext_u32(j, f->name, v16);
        return;
    case FIELD_U32:
        memcpy(&v32, at, sizeof v32);
        jtext_u32(j, f->name, v32);
        return;
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_TIME:
        memcpy(&v64, at, sizeof v64);
        jtext_u64(j, f->name, v64);
        return;
    case FIELD_MONEY:
        put_money(j, f->name, at);
        return;
    case FIELD_BOOL:
        jtext_bool(j, f->name, *(const bool *)at);
        return;
    case FIELD_ENUM:
        jtext_word(j, f->name, f->names[*at]);
        return;
    case FIELD_FLAGS:
        memcpy(&v16, at, sizeof v16);
        put_flags(j, f, v16);
        return;
    case FIELD_DATE:
        memcpy(&v32, at, sizeof v32);
        jtext_date(j, f->name, v32);
        return;
    case FIELD_HASH:
        jtext_hex(j, f->name, at, HASH_BYTES);
        return;
    case FIELD_FIXED:
        jtext_hex(j, f->name, at, f->max);
        return;
    case FIELD_CODE:
        jtext_word(j, f->name, (const char *)at);
        return;
    case FIELD_STRUCT:
        jtext_record(j, f->name, f->sub, at);
        return;
    case FIELD_LIST:
        put_list(j, f, base);
        return;
    }
}

void jtext_record(struct jtext *j,
                  const char *name,
                  const struct schema *s,
                  const void *record)
{
    jtext_open(j, name, '{');
    for (uint32_t i = 0; i < s->field_count; i++)
        put_field(j, &s->fields[i], record);
    jtext_close(j, '}');
}
