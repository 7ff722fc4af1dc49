#include "rpc/schema_json.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "chain/valset.h"

#include <stdio.h>
#include <stdlib.h>

json_t *json_of_u64(uint64_t v)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    return json_string(text);
}

json_t *json_of_hex(const void *at, size_t size)
{
    char room[2 * 256 + 1];
    char *text = size <= 256 ? room : malloc(2 * size + 1);
    json_t *json;

    ASSERT(text != NULL);
    hex_encode(text, at, size);
    json = json_stringn_nocheck(text, 2 * size);
    if (text != room)
        free(text);
    return json;
}

bool json_u64(uint64_t *out, const json_t *v)
{
    if (json_is_string(v))
        return num_parse_u64(out, json_string_value(v));
    if (json_is_integer(v) && json_integer_value(v) >= 0 &&
        json_integer_value(v) < (json_int_t)1 << 53) {
        *out = (uint64_t)json_integer_value(v);
        return true;
    }
    return false;
}

/* The depth and the end of the first value, without recursion. */
static bool depth_ok(struct bytes in)
{
    uint32_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < in.size; i++) {
        const uint8_t c = in.at[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

json_t *json_parse(struct bytes in, char *why, size_t cap)
{
    json_error_t error;
    json_t *json;

    if (!depth_ok(in)) {
        snprintf(why, cap, "nested more than %d deep", JSON_DEPTH_MAX);
        return NULL;
    }
    json = json_loadb((const char *)in.at,
                      in.size,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                      &error);
    if (json == NULL)
        snprintf(why,
                 cap,
                 "line %d, column %d: %s",
                 error.line,
                 error.column,
                 error.text);
    return json;
}

static json_t *money_to_json(const void *at)
{
    char text[24];
    int64_t v;

    memcpy(&v, at, sizeof v);
    snprintf(text, sizeof text, "%lld", (long long)v);
    return json_string(text);
}

static json_t *flags_to_json(const struct field *f, const void *at)
{
    json_t *list = json_array();
    uint16_t v;

    memcpy(&v, at, sizeof v);
    for (uint32_t bit = 0; bit < f->max; bit++) {
        if ((v >> bit & 1) != 0 && f->names[bit] != NULL)
            json_array_append_new(list, json_string(f->names[bit]));
    }
    return list;
}

static json_t *field_to_json(const struct field *f, const uint8_t *at)
{
    char date[11] = "";
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (f->kind) {
    case FIELD_U8:
        return json_integer(*at);
    case FIELD_U16:
        memcpy(&v16, at, sizeof v16);
        return json_integer(v16);
    case FIELD_U32:
        memcpy(&v32, at, sizeof v32);
        return json_integer(v32);
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_TIME:
        memcpy(&v64, at, sizeof v64);
        return json_of_u64(v64);
    case FIELD_MONEY:
        return money_to_json(at);
    case FIELD_BOOL:
        return json_boolean(*(const bool *)at);
    case FIELD_ENUM:
        if (*at >= f->max || f->names[*at] == NULL)
            return json_null();
        return json_string(f->names[*at]);
    case FIELD_FLAGS:
        return flags_to_json(f, at);
    case FIELD_DATE:
        memcpy(&v32, at, sizeof v32);
        if (v32 != 0)
            num_format_date(date, v32);
        return json_string(date);
    case FIELD_HASH:
        return json_of_hex(at, HASH_BYTES);
    case FIELD_FIXED:
        return json_of_hex(at, f->max);
    case FIELD_CODE:
        return json_string((const char *)at);
    case FIELD_STRUCT:
        return schema_to_json(f->sub, at);
    case FIELD_LIST:
        break;
    }
    return json_null();
}

json_t *schema_to_json(const struct schema *s, const void *record)
{
    const uint8_t *base = record;
    json_t *out = json_object();

    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        json_t *value;
        uint32_t count;

        if (f->kind == FIELD_LIST) {
            memcpy(&count, base + f->count_offset, sizeof count);
            value = json_array();
            for (uint32_t k = 0; k < count; k++)
                json_array_append_new(
                    value,
                    schema_to_json(f->sub,
                                   base + f->offset + k * f->sub->size));
        } else {
            value = field_to_json(f, base + f->offset);
        }
        json_object_set_new(out, f->name, value);
    }
    return out;
}

static bool put_number(uint8_t *at, const struct field *f, uint64_t v)
{
    const uint8_t v8 = (uint8_t)v;
    const uint16_t v16 = (uint16_t)v;
    const uint32_t v32 = (uint32_t)v;

    if (f->kind == FIELD_U8 && v <= UINT8_MAX)
        memcpy(at, &v8, sizeof v8);
    else if (f->kind == FIELD_U16 && v <= UINT16_MAX)
        memcpy(at, &v16, sizeof v16);
    else if (f->kind == FIELD_U32 && v <= UINT32_MAX)
        memcpy(at, &v32, sizeof v32);
    else if (f->kind == FIELD_U64 || f->kind == FIELD_QTY ||
             f->kind == FIELD_TIME)
        memcpy(at, &v, sizeof v);
    else
        return false;
    return true;
}

static int name_index(const struct field *f, const char *text)
{
    for (uint32_t i = 0; i < f->max; i++) {
        if (f->names[i] != NULL && strcmp(f->names[i], text) == 0)
            return (int)i;
    }
    return -1;
}

static bool put_flags(uint8_t *at, const struct field *f, const char *text)
{
    uint16_t v = 0;

    while (*text != '\0') {
        char word[64];
        const size_t size = strcspn(text, ",");
        int bit;

        if (size >= sizeof word)
            return false;
        memcpy(word, text, size);
        word[size] = '\0';
        bit = name_index(f, word);
        if (bit < 0)
            return false;
        v |= (uint16_t)(1u << bit);
        text += size + (text[size] == ',' ? 1 : 0);
    }
    memcpy(at, &v, sizeof v);
    return true;
}

static bool put_money(uint8_t *at, const char *text)
{
    const bool minus = text[0] == '-';
    uint64_t v;
    int64_t out;

    if (!num_parse_u64(&v, text + (minus ? 1 : 0)) || (minus && v == 0) ||
        v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return false;
    out = (int64_t)(minus ? 0 - v : v);
    memcpy(at, &out, sizeof out);
    return true;
}

static bool put_text(uint8_t *at, const struct field *f, const char *text)
{
    uint64_t v;
    uint32_t day = 0;
    int index;
    bool flag;

    switch (f->kind) {
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_TIME:
        return num_parse_u64(&v, text) && put_number(at, f, v);
    case FIELD_MONEY:
        return put_money(at, text);
    case FIELD_BOOL:
        flag = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
        if (!flag && strcmp(text, "false") != 0 && strcmp(text, "no") != 0)
            return false;
        memcpy(at, &flag, sizeof flag);
        return true;
    case FIELD_ENUM:
        index = name_index(f, text);
        if (index < 0)
            return false;
        *at = (uint8_t)index;
        return true;
    case FIELD_FLAGS:
        return put_flags(at, f, text);
    case FIELD_DATE:
        if (text[0] != '\0' && !num_parse_date(&day, text))
            return false;
        memcpy(at, &day, sizeof day);
        return true;
    case FIELD_HASH:
        return hex_decode(at, HASH_BYTES, text);
    case FIELD_FIXED:
        return hex_decode(at, f->max, text);
    case FIELD_CODE:
        if (!schema_code_ok(text, f->max))
            return false;
        memset(at, 0, f->max + 1);
        memcpy(at, text, strlen(text));
        return true;
    case FIELD_STRUCT:
    case FIELD_LIST:
        return false;
    }
    return false;
}

enum err field_from_text(void *record, const struct field *f, const char *text)
{
    return put_text((uint8_t *)record + f->offset, f, text) ? ERR_NONE
                                                            : ERR_RANGE;
}

/* What a value of the field looks like, for messages. */
static const char *shape_of(const struct field *f)
{
    switch (f->kind) {
    case FIELD_U8:
        return "a number up to 255";
    case FIELD_U16:
        return "a number up to 65535";
    case FIELD_U32:
        return "a number up to 4294967295";
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_TIME:
        return "a whole number, as a decimal string";
    case FIELD_MONEY:
        return "an amount in fen, as a decimal string";
    case FIELD_BOOL:
        return "true or false";
    case FIELD_ENUM:
        return "one of its names";
    case FIELD_FLAGS:
        return "a list of its names";
    case FIELD_DATE:
        return "a date YYYY-MM-DD, or empty";
    case FIELD_HASH:
        return "64 lower-case hex digits";
    case FIELD_FIXED:
        return "lower-case hex digits of the right length";
    case FIELD_CODE:
        return "a code of A-Z, 0-9, '.' and '-'";
    case FIELD_STRUCT:
        return "an object";
    case FIELD_LIST:
        return "an array, not too long";
    }
    return "another value";
}

/* One level of the walk; the path grows to the right. */
static enum err from_json(uint8_t *base,
                          const struct schema *s,
                          const json_t *json,
                          char *path,
                          size_t at);

static enum err complain(char *path,
                         size_t at,
                         const char *name,
                         const char *what)
{
    snprintf(path + at,
             JSON_PATH_MAX - at,
             "%s%s: %s",
             at > 0 && name[0] != '\0' ? "." : "",
             name,
             what);
    return ERR_RANGE;
}

static size_t deeper(char *path, size_t at, const char *name, int index)
{
    int n;

    if (at >= JSON_PATH_MAX - 1)
        return at;
    n = index < 0 ? snprintf(path + at,
                             JSON_PATH_MAX - at,
                             "%s%s",
                             at > 0 ? "." : "",
                             name)
                  : snprintf(path + at,
                             JSON_PATH_MAX - at,
                             "%s%s[%d]",
                             at > 0 ? "." : "",
                             name,
                             index);
    return at + (size_t)n < JSON_PATH_MAX ? at + (size_t)n : JSON_PATH_MAX - 1;
}

static enum err list_from_json(uint8_t *base,
                               const struct field *f,
                               const json_t *value,
                               char *path,
                               size_t at)
{
    const size_t count = json_array_size(value);
    const uint32_t kept = (uint32_t)count;

    if (!json_is_array(value) || count > f->max)
        return complain(path, at, f->name, "must be an array, not too long");
    for (size_t i = 0; i < count; i++)
        TRY(from_json(base + f->offset + i * f->sub->size,
                      f->sub,
                      json_array_get(value, i),
                      path,
                      deeper(path, at, f->name, (int)i)));
    memcpy(base + f->count_offset, &kept, sizeof kept);
    return ERR_NONE;
}

static bool scalar_from_json(uint8_t *to,
                             const struct field *f,
                             const json_t *value)
{
    uint64_t v;
    uint16_t flags = 0;

    if (json_is_string(value))
        return put_text(to, f, json_string_value(value));
    if (json_is_integer(value) && f->kind == FIELD_MONEY) {
        const int64_t money = json_integer_value(value);

        if (money >= (int64_t)1 << 53 || money <= -((int64_t)1 << 53))
            return false;
        memcpy(to, &money, sizeof money);
        return true;
    }
    if (json_is_integer(value))
        return json_u64(&v, value) && put_number(to, f, v);
    if (json_is_boolean(value) && f->kind == FIELD_BOOL) {
        const bool flag = json_is_true(value);

        memcpy(to, &flag, sizeof flag);
        return true;
    }
    if (json_is_array(value) && f->kind == FIELD_FLAGS) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            const char *text = json_string_value(json_array_get(value, i));
            const int bit = text != NULL ? name_index(f, text) : -1;

            if (bit < 0 || (flags >> bit & 1) != 0)
                return false;
            flags |= (uint16_t)(1u << bit);
        }
        memcpy(to, &flags, sizeof flags);
        return true;
    }
    return false;
}

/* Whether a field that is left out has a valid zero value. */
static bool may_be_absent(const struct field *f)
{
    return f->kind != FIELD_CODE && f->kind != FIELD_ENUM;
}

static enum err from_json(uint8_t *base,
                          const struct schema *s,
                          const json_t *json,
                          char *path,
                          size_t at)
{
    const char *name;
    json_t *value;

    if (!json_is_object(json))
        return complain(path, at, "", "must be an object");
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        const struct field *f = schema_field(s, name);

        if (f == NULL)
            return complain(path, at, name, "is not a known member");
        if (f->kind == FIELD_LIST) {
            TRY(list_from_json(base, f, value, path, at));
        } else if (f->kind == FIELD_STRUCT) {
            TRY(from_json(base + f->offset,
                          f->sub,
                          value,
                          path,
                          deeper(path, at, f->name, -1)));
        } else if (!scalar_from_json(base + f->offset, f, value)) {
            char what[80];

            snprintf(what, sizeof what, "must be %s", shape_of(f));
            return complain(path, at, f->name, what);
        }
    }
    for (uint32_t i = 0; i < s->field_count; i++) {
        if (json_object_get(json, s->fields[i].name) == NULL &&
            !may_be_absent(&s->fields[i]))
            return complain(path, at, s->fields[i].name, "is missing");
    }
    return ERR_NONE;
}

enum err schema_from_json(void *record,
                          const struct schema *s,
                          const json_t *json,
                          char path[JSON_PATH_MAX])
{
    enum err e;

    memset(record, 0, s->size);
    path[0] = '\0';
    e = from_json(record, s, json, path, 0);
    if (e != ERR_NONE)
        memset(record, 0, s->size);
    return e;
}

static json_t *text_type(const char *pattern)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *names_type(const struct field *f)
{
    json_t *names = json_array();

    for (uint32_t i = 0; i < f->max; i++) {
        if (f->names[i] != NULL)
            json_array_append_new(names, json_string(f->names[i]));
    }
    return json_pack("{s:s, s:o}", "type", "string", "enum", names);
}

static json_t *number_type(uint64_t max)
{
    return json_pack("{s:s, s:i, s:I}",
                     "type",
                     "integer",
                     "minimum",
                     0,
                     "maximum",
                     (json_int_t)max);
}

static json_t *field_type(const struct field *f)
{
    char pattern[48];

    switch (f->kind) {
    case FIELD_U8:
        return number_type(UINT8_MAX);
    case FIELD_U16:
        return number_type(UINT16_MAX);
    case FIELD_U32:
        return number_type(UINT32_MAX);
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_TIME:
        return text_type("^(0|[1-9][0-9]{0,19})$");
    case FIELD_MONEY:
        return text_type("^(0|-?[1-9][0-9]{0,18})$");
    case FIELD_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case FIELD_ENUM:
        return names_type(f);
    case FIELD_FLAGS:
        return json_pack("{s:s, s:o}", "type", "array", "items", names_type(f));
    case FIELD_DATE:
        return text_type("^([0-9]{4}-[0-9]{2}-[0-9]{2})?$");
    case FIELD_HASH:
        return text_type("^[0-9a-f]{64}$");
    case FIELD_FIXED:
        snprintf(pattern, sizeof pattern, "^[0-9a-f]{%u}$", f->max * 2);
        return text_type(pattern);
    case FIELD_CODE:
        snprintf(pattern, sizeof pattern, "^[A-Z0-9.-]{1,%u}$", f->max);
        return text_type(pattern);
    case FIELD_STRUCT:
        return schema_json_type(f->sub);
    case FIELD_LIST:
        return json_pack("{s:s, s:I, s:o}",
                         "type",
                         "array",
                         "maxItems",
                         (json_int_t)f->max,
                         "items",
                         schema_json_type(f->sub));
    }
    return json_object();
}

json_t *schema_json_type(const struct schema *s)
{
    json_t *properties = json_object();

    for (uint32_t i = 0; i < s->field_count; i++) {
        json_t *type = field_type(&s->fields[i]);

        json_object_set_new(
            type, "description", json_string(s->fields[i].help));
        json_object_set_new(properties, s->fields[i].name, type);
    }
    return json_pack("{s:s, s:s, s:b, s:o}",
                     "type",
                     "object",
                     "description",
                     s->help,
                     "additionalProperties",
                     0,
                     "properties",
                     properties);
}

json_t *json_of_margin(const struct valset_margin *m)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
                     "stay",
                     (int)m->stay,
                     "ready",
                     (int)m->ready,
                     "faulty",
                     (int)m->faulty,
                     "down",
                     (int)m->down,
                     "join",
                     (int)m->join,
                     "quorum",
                     (int)m->quorum,
                     "margin",
                     (int)m->margin);
}
