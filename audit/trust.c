#include "audit/trust.h"

#include "base/hex.h"
#include "base/num.h"

#include <jansson.h>
#include <stdarg.h>

enum {
    OFFSET_MS_MAX = 86400000,
    DEPTH_MAX = 8, /* the parser recurses */
};

struct parse {
    char *why;
    size_t cap;
};

PRINTF_LIKE(2, 3)
static bool refuse(const struct parse *p, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(p->why, p->cap, format, ap);
    va_end(ap);
    return false;
}

static bool depth_ok(struct bytes in)
{
    uint32_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < in.size; i++) {
        const uint8_t c = in.at[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > DEPTH_MAX)
            return false;
    }
    return true;
}

/* Whether json is an object that has no members but these. */
static bool is_object(const struct parse *p,
                      json_t *json,
                      const char *what,
                      const char *const *names)
{
    const char *name;
    json_t *value;

    if (!json_is_object(json))
        return refuse(p, "%s must be an object", what);
    json_object_foreach(json, name, value)
    {
        uint32_t i = 0;

        while (names[i] != NULL && strcmp(names[i], name) != 0)
            i++;
        if (names[i] == NULL)
            return refuse(p, "%s: a member is not known", what);
    }
    return true;
}

static bool get_hex(const struct parse *p,
                    void *out,
                    size_t size,
                    const json_t *json,
                    const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    if (text == NULL || !hex_decode(out, size, text))
        return refuse(
            p, "%s must be %zu lower-case hex digits", name, 2 * size);
    return true;
}

static bool get_number(const struct parse *p,
                       uint64_t *out,
                       const json_t *json,
                       const char *name,
                       uint64_t max)
{
    const json_t *v = json_object_get(json, name);

    if (!json_is_integer(v) || json_integer_value(v) < 0 ||
        (uint64_t)json_integer_value(v) > max)
        return refuse(p,
                      "%s must be a whole number up to %llu",
                      name,
                      (unsigned long long)max);
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool get_validator(const struct parse *p,
                          struct validator *out,
                          json_t *json)
{
    static const char *const names[] = {
        "key", "spki_hash", "institution", NULL};
    uint64_t institution;

    if (!is_object(p, json, "a validator", names) ||
        !get_hex(p, out->key.raw, sizeof out->key.raw, json, "key") ||
        !get_hex(p,
                 out->spki_hash.raw,
                 sizeof out->spki_hash.raw,
                 json,
                 "spki_hash") ||
        !get_number(p, &institution, json, "institution", UINT16_MAX))
        return false;
    out->institution = (uint16_t)institution;
    return true;
}

static bool get_genesis(const struct parse *p, struct trust *t, json_t *json)
{
    static const char *const names[] = {"hash", "validators", NULL};
    const json_t *list;

    if (!is_object(p, json, "genesis", names) ||
        !get_hex(
            p, t->genesis_hash.raw, sizeof t->genesis_hash.raw, json, "hash"))
        return false;
    t->genesis = true;
    list = json_object_get(json, "validators");
    if (list == NULL)
        return true;
    if (!json_is_array(list) || json_array_size(list) > VALIDATORS_MAX)
        return refuse(
            p, "validators must be an array of at most %d", VALIDATORS_MAX);
    t->validators = true;
    t->set.count = (uint32_t)json_array_size(list);
    for (uint32_t i = 0; i < t->set.count; i++) {
        if (!get_validator(p, &t->set.list[i], json_array_get(list, i)))
            return false;
    }
    if (valset_check(&t->set) != ERR_NONE)
        return refuse(p,
                      "validators must ascend by key, with distinct transport "
                      "keys");
    return true;
}

static bool get_pin(const struct parse *p,
                    struct trust *t,
                    uint32_t i,
                    json_t *json)
{
    static const char *const names[] = {"height", "hash", NULL};
    struct trust_pin *pin = &t->pins[i];
    const char *height;

    if (!is_object(p, json, "a pinned block", names) ||
        !get_hex(p, pin->hash.raw, sizeof pin->hash.raw, json, "hash"))
        return false;
    height = json_string_value(json_object_get(json, "height"));
    if (height == NULL || !num_parse_u64(&pin->height, height))
        return refuse(p, "height must be a decimal number in a string");
    if (pin->height == 0 || (i > 0 && t->pins[i - 1].height >= pin->height))
        return refuse(p, "heights of pinned blocks must ascend from 1");
    return true;
}

static bool get_pins(const struct parse *p, struct trust *t, const json_t *list)
{
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > TRUST_PINS_MAX)
        return refuse(p, "pinned must be an array of 1 to %d", TRUST_PINS_MAX);
    t->pin_count = (uint32_t)json_array_size(list);
    for (uint32_t i = 0; i < t->pin_count; i++) {
        if (!get_pin(p, t, i, json_array_get(list, i)))
            return false;
    }
    return true;
}

static bool get_trust(const struct parse *p, struct trust *t, json_t *json)
{
    static const char *const names[] = {
        "format", "chain_id", "offset_ms", "genesis", "pinned", NULL};
    json_t *genesis;
    json_t *pinned;
    uint64_t format;
    uint64_t offset;

    if (!is_object(p, json, "the trust file", names) ||
        !get_number(p, &format, json, "format", UINT32_MAX))
        return false;
    if (format != TRUST_FORMAT)
        return refuse(p, "format must be %d", TRUST_FORMAT);
    if (!get_hex(
            p, t->chain_id.raw, sizeof t->chain_id.raw, json, "chain_id") ||
        !get_number(p, &offset, json, "offset_ms", OFFSET_MS_MAX))
        return false;
    t->offset_ms = (uint32_t)offset;
    genesis = json_object_get(json, "genesis");
    pinned = json_object_get(json, "pinned");
    if (genesis == NULL && pinned == NULL)
        return refuse(p, "genesis or pinned must be there");
    return (genesis == NULL || get_genesis(p, t, genesis)) &&
           (pinned == NULL || get_pins(p, t, pinned));
}

enum err trust_parse(struct trust *out, struct bytes in, char *why, size_t cap)
{
    const struct parse p = {why, cap};
    json_error_t error;
    json_t *json;
    bool ok;

    memset(out, 0, sizeof *out);
    if (in.size > TRUST_BYTES_MAX || !depth_ok(in)) {
        (void)refuse(&p, "it is too large or nested too deep");
        return ERR_RANGE;
    }
    json = json_loadb(
        (const char *)in.at, in.size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        (void)refuse(
            &p, "line %d, column %d: %s", error.line, error.column, error.text);
        return ERR_RANGE;
    }
    ok = get_trust(&p, out, json);
    json_decref(json);
    if (!ok)
        memset(out, 0, sizeof *out);
    return ok ? ERR_NONE : ERR_RANGE;
}

static void put_hex(FILE *out, const void *at, size_t size)
{
    char text[2 * PUBKEY_BYTES + 1];

    hex_encode(text, at, size);
    (void)fprintf(out, "\"%s\"", text);
}

static void write_genesis(FILE *out, const struct trust *t)
{
    (void)fprintf(out, ",\n  \"genesis\": {\"hash\": ");
    put_hex(out, t->genesis_hash.raw, HASH_BYTES);
    for (uint32_t i = 0; t->validators && i < t->set.count; i++) {
        const struct validator *v = &t->set.list[i];

        (void)fprintf(out, i == 0 ? ", \"validators\": [\n    " : ",\n    ");
        (void)fprintf(out, "{\"key\": ");
        put_hex(out, v->key.raw, PUBKEY_BYTES);
        (void)fprintf(out, ",\n     \"spki_hash\": ");
        put_hex(out, v->spki_hash.raw, HASH_BYTES);
        (void)fprintf(out, ",\n     \"institution\": %u}", v->institution);
    }
    (void)fprintf(out, "%s}", t->validators ? "]" : "");
}

bool trust_write(FILE *out, const struct trust *t)
{
    (void)fprintf(out, "{\n  \"format\": %d,\n  \"chain_id\": ", TRUST_FORMAT);
    put_hex(out, t->chain_id.raw, HASH_BYTES);
    (void)fprintf(out, ",\n  \"offset_ms\": %u", t->offset_ms);
    if (t->genesis)
        write_genesis(out, t);
    for (uint32_t i = 0; i < t->pin_count; i++) {
        (void)fprintf(out,
                      "%s{\"height\": \"%llu\", \"hash\": ",
                      i == 0 ? ",\n  \"pinned\": [\n    " : ",\n    ",
                      (unsigned long long)t->pins[i].height);
        put_hex(out, t->pins[i].hash.raw, HASH_BYTES);
        (void)fprintf(out, "}");
    }
    (void)fprintf(out, "%s\n}\n", t->pin_count > 0 ? "]" : "");
    return ferror(out) == 0;
}

const struct hash *trust_hash_at(const struct trust *t, uint64_t height)
{
    if (height == 0)
        return t->genesis ? &t->genesis_hash : NULL;
    for (uint32_t i = 0; i < t->pin_count; i++) {
        if (t->pins[i].height == height)
            return &t->pins[i].hash;
    }
    return NULL;
}
