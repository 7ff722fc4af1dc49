#include "tests/market/words.h"

#include "base/check.h"
#include "base/num.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WORD_MAX = 4096,
    MINUTE_MS = 60000,
};

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0)
            return true;
    }
    return false;
}

bool words_is_account(const char *field)
{
    static const char *const names[] = {"account",
                                        "from",
                                        "to",
                                        "pledgor",
                                        "pledgee",
                                        "party",
                                        "creditor",
                                        "issuer",
                                        "debtor",
                                        "other"};

    return is_one_of(field, names, ARRAY_LEN(names));
}

static size_t size_of(const struct field *f)
{
    switch (f->kind) {
    case FIELD_U8:
    case FIELD_ENUM:
        return 1;
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_U16:
    case FIELD_FLAGS:
        return 2;
    case FIELD_U32:
    case FIELD_DATE:
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
        return f->max + 1;
    case FIELD_STRUCT:
        return f->sub->size;
    case FIELD_LIST:
        return f->sub->size * f->max;
    }
    return 0;
}

/* Finds the field at a dotted path; *base moves to the struct it is in. */
static const struct field *find(const struct schema *s,
                                const uint8_t **base,
                                const char *path)
{
    const char *dot = strchr(path, '.');
    char first[64];
    const struct field *f;

    if (dot == NULL)
        return schema_field(s, path);
    if ((size_t)(dot - path) >= sizeof first)
        return NULL;
    memcpy(first, path, (size_t)(dot - path));
    first[dot - path] = '\0';
    f = schema_field(s, first);
    if (f == NULL || f->kind != FIELD_STRUCT)
        return NULL;
    *base += f->offset;
    return find(f->sub, base, dot + 1);
}

static bool number(uint64_t *out, const char *text)
{
    if (strcmp(text, "max") == 0) {
        *out = INT64_MAX;
        return true;
    }
    return num_parse_u64(out, text);
}

static bool institution(uint64_t *out, const char *text)
{
    static const char *const names[] = {
        NULL, "R1", "R2", "MEMBER", "BANK", "NOTARY", "COURT"};

    for (uint64_t i = 1; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return number(out, text);
}

/* none, today, 2026-03-02; the last two with days after them: today+3. */
static bool date(const struct words *w, uint32_t *out, const char *text)
{
    const char *plus;
    char day[11];
    uint64_t days = 0;

    if (strcmp(text, "none") == 0) {
        *out = 0;
        return true;
    }
    plus = strchr(text, '+');
    if (plus != NULL) {
        if (plus - text >= (ptrdiff_t)sizeof day ||
            !num_parse_u64(&days, plus + 1) || days > NUM_DAY_LAST)
            return false;
        memcpy(day, text, (size_t)(plus - text));
        day[plus - text] = '\0';
        text = day;
    }
    if (strcmp(text, "today") == 0)
        *out = w->today;
    else if (!num_parse_date(out, text))
        return false;
    *out += (uint32_t)days;
    return true;
}

/* "2026-02-10T10:00" or milliseconds. */
static bool moment(uint64_t *out, const char *text)
{
    char day[11];
    char hour[3];
    char minute[3];
    uint32_t days;
    uint64_t h;
    uint64_t m;

    if (strlen(text) != 16 || text[10] != 'T' || text[13] != ':')
        return number(out, text);
    memcpy(day, text, 10);
    day[10] = '\0';
    memcpy(hour, text + 11, 2);
    hour[2] = '\0';
    memcpy(minute, text + 14, 2);
    minute[2] = '\0';
    if (!num_parse_date(&days, day) ||
        !num_parse_u64(&h, hour[0] == '0' ? hour + 1 : hour) ||
        !num_parse_u64(&m, minute[0] == '0' ? minute + 1 : minute))
        return false;
    *out = (uint64_t)days * 86400000 + (h * 60 + m) * MINUTE_MS;
    return true;
}

static bool named(uint8_t *out, const struct field *f, const char *text)
{
    for (uint32_t i = 0; i < f->max; i++) {
        if (f->names[i] != NULL && strcmp(f->names[i], text) == 0) {
            *out = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool flags(uint16_t *out, const struct field *f, const char *text)
{
    char copy[256];
    char *rest = NULL;

    *out = 0;
    if (strcmp(text, "none") == 0)
        return true;
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *t = strtok_r(copy, "+", &rest); t != NULL;
         t = strtok_r(NULL, "+", &rest)) {
        uint8_t bit;

        if (!named(&bit, f, t))
            return false;
        *out |= (uint16_t)(1u << bit);
    }
    return true;
}

static bool hash(const struct words *w,
                 struct hash *out,
                 const struct field *f,
                 const char *text)
{
    memset(out, 0, sizeof *out);
    if (strcmp(text, "none") == 0)
        return true;
    if (words_is_account(f->name))
        return w->account(w->ctx, out, text);
    if (!w->label(w->ctx, out, text))
        *out = hash_of(bytes_of(text, strlen(text)));
    return true;
}

static bool fixed(uint8_t *out, const struct field *f, const char *text)
{
    uint64_t n;

    if (!number(&n, text))
        return false;
    memset(out, 0, f->max);
    if (f->max == PUBKEY_BYTES) {
        const struct pubkey key = market_key((uint32_t)n);

        memcpy(out, &key, sizeof key);
    } else {
        memcpy(out, &n, f->max < sizeof n ? f->max : sizeof n);
    }
    return true;
}

static const char *set_field(const struct words *w,
                             const struct field *f,
                             uint8_t *base,
                             const char *text);

/* An item is its fields in order with colons, or by name: S:1334:pledge=1. */
static const char *set_item(const struct words *w,
                            const struct schema *s,
                            uint8_t *item,
                            char *text)
{
    char *rest = NULL;
    uint32_t place = 0;

    for (char *t = strtok_r(text, ":", &rest); t != NULL;
         t = strtok_r(NULL, ":", &rest)) {
        char *eq = strchr(t, '=');
        const char *why;

        if (eq != NULL) {
            *eq = '\0';
            why = words_set(w, s, item, t, eq + 1);
        } else {
            if (place >= s->field_count)
                return "too many parts in an item";
            why = set_field(w, &s->fields[place++], item, t);
        }
        if (why != NULL)
            return why;
    }
    return NULL;
}

static int key_cmp(const void *a, const void *b)
{
    return memcmp(a, b, PUBKEY_BYTES);
}

/* An item that ends with *N stands N times. */
static bool many(char *text, uint64_t *times)
{
    char *star = strrchr(text, '*');

    *times = 1;
    if (star == NULL)
        return true;
    *star = '\0';
    return num_parse_u64(times, star + 1) && *times >= 1;
}

static const char *set_list(const struct words *w,
                            const struct field *f,
                            uint8_t *base,
                            const char *text)
{
    static char copy[WORD_MAX];
    char *rest = NULL;
    uint32_t count = 0;
    uint8_t *list = base + f->offset;

    (void)snprintf(copy, sizeof copy, "%s", text);
    memset(list, 0, size_of(f));
    if (strcmp(text, "none") != 0) {
        for (char *t = strtok_r(copy, ",", &rest); t != NULL;
             t = strtok_r(NULL, ",", &rest)) {
            uint8_t *item = list + count * f->sub->size;
            uint64_t times;
            const char *why;

            if (!many(t, &times) || times > f->max - count)
                return "too many items";
            why = set_item(w, f->sub, item, t);
            if (why != NULL)
                return why;
            for (uint64_t i = 1; i < times; i++)
                memcpy(item + i * f->sub->size, item, f->sub->size);
            count += (uint32_t)times;
        }
    }
    if (f->sub->size == PUBKEY_BYTES && count > 0)
        qsort(list, count, PUBKEY_BYTES, key_cmp);
    memcpy(base + f->count_offset, &count, sizeof count);
    return NULL;
}

static bool boolean(bool *out, const char *text)
{
    *out = strcmp(text, "yes") == 0;
    return *out || strcmp(text, "no") == 0;
}

static const char *set_field(const struct words *w,
                             const struct field *f,
                             uint8_t *base,
                             const char *text)
{
    uint8_t *at = base + f->offset;
    uint64_t n = 0;
    uint32_t day = 0;
    uint16_t bits = 0;
    struct hash h;
    bool ok = false;
    bool yes = false;

    switch (f->kind) {
    case FIELD_U8:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_MONEY:
        ok = number(&n, text);
        memcpy(at, &n, size_of(f)); /* little endian, as the formats are */
        break;
    case FIELD_U16:
        ok = institution(&n, text);
        memcpy(at, &n, size_of(f));
        break;
    case FIELD_BOOL:
        ok = boolean(&yes, text);
        memcpy(at, &yes, sizeof yes);
        break;
    case FIELD_ENUM:
        ok = named(at, f, text);
        break;
    case FIELD_FLAGS:
        ok = flags(&bits, f, text);
        memcpy(at, &bits, sizeof bits);
        break;
    case FIELD_DATE:
        ok = date(w, &day, text);
        memcpy(at, &day, sizeof day);
        break;
    case FIELD_TIME:
        ok = moment(&n, text);
        memcpy(at, &n, sizeof n);
        break;
    case FIELD_HASH:
        ok = hash(w, &h, f, text);
        memcpy(at, &h, sizeof h);
        break;
    case FIELD_FIXED:
        ok = fixed(at, f, text);
        break;
    case FIELD_CODE:
        ok = schema_code_ok(text, f->max);
        if (ok) {
            memset(at, 0, f->max + 1);
            memcpy(at, text, strlen(text));
        }
        break;
    case FIELD_STRUCT:
        return "name a field inside it, with a point";
    case FIELD_LIST:
        return set_list(w, f, base, text);
    }
    return ok ? NULL : "this value does not fit the field";
}

const char *words_set(const struct words *w,
                      const struct schema *s,
                      void *record,
                      const char *path,
                      const char *text)
{
    const uint8_t *base = record;
    const struct field *f = find(s, &base, path);
    uint8_t *at = record;

    if (f == NULL)
        return "there is no such field";
    return set_field(w, f, at + (base - (const uint8_t *)record), text);
}

const char *words_differ(const struct words *w,
                         bool *differs,
                         const struct schema *s,
                         const void *record,
                         const char *path,
                         const char *text)
{
    const uint8_t *base = record;
    const struct field *f = find(s, &base, path);
    uint8_t *copy;
    const char *why;

    if (f == NULL)
        return "there is no such field";
    copy = malloc(s->size);
    ASSERT(copy != NULL);
    memcpy(copy, record, s->size);
    why = words_set(w, s, copy, path, text);
    *differs = memcmp(copy + (base - (const uint8_t *)record) + f->offset,
                      base + f->offset,
                      size_of(f)) != 0 ||
               (f->kind == FIELD_LIST &&
                memcmp(copy + f->count_offset, base + f->count_offset, 4) != 0);
    free(copy);
    return why;
}

void words_get(char *out,
               size_t size,
               const struct schema *s,
               const void *record,
               const char *path)
{
    const uint8_t *base = record;
    const struct field *f = find(s, &base, path);
    uint64_t n = 0;
    char day[11];

    (void)snprintf(out, size, "(other)");
    if (f == NULL)
        return;
    switch (f->kind) {
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_FLAGS:
    case FIELD_BOOL:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_MONEY:
    case FIELD_TIME:
        memcpy(&n, base + f->offset, size_of(f));
        (void)snprintf(out, size, "%lu", (unsigned long)n);
        return;
    case FIELD_DATE:
        memcpy(&n, base + f->offset, 4);
        num_format_date(day, (uint32_t)n);
        (void)snprintf(out, size, "%s", n == 0 ? "none" : day);
        return;
    case FIELD_ENUM:
        (void)snprintf(out, size, "%s", f->names[base[f->offset]]);
        return;
    case FIELD_CODE:
        (void)snprintf(out, size, "%s", (const char *)base + f->offset);
        return;
    case FIELD_LIST:
        memcpy(&n, base + f->count_offset, 4);
        (void)snprintf(out, size, "%lu items", (unsigned long)n);
        return;
    case FIELD_HASH:
    case FIELD_FIXED:
    case FIELD_STRUCT:
        return;
    }
}

static bool is_document(const char *name)
{
    static const char *const names[] = {"document",
                                        "payment",
                                        "proceeds",
                                        "terms",
                                        "price_basis",
                                        "case_commitment",
                                        "register_reference",
                                        "identity"};

    return is_one_of(name, names, ARRAY_LEN(names));
}

static void default_of(const struct words *w,
                       const struct field *f,
                       uint8_t *op,
                       const char *security,
                       uint64_t time_ms)
{
    const bool is_code = f->kind == FIELD_CODE;
    const char *text = NULL;

    if (f->kind == FIELD_ENUM)
        op[f->offset] = f->names[0] == NULL ? 1 : 0;
    else if (f->kind == FIELD_MONEY)
        text = "100";
    else if (f->kind == FIELD_BOOL && strcmp(f->name, "covers_fruits") == 0)
        text = "yes";
    else if (f->kind == FIELD_HASH && is_document(f->name))
        text = f->name;
    else if (f->kind == FIELD_DATE && (strcmp(f->name, "from") == 0 ||
                                       strcmp(f->name, "agreed_day") == 0))
        text = "today";
    else if (is_code && strcmp(f->name, "authority") == 0)
        text = "COURT-A";
    else if (is_code && strcmp(f->name, "security") == 0)
        text = security;
    else if (is_code)
        text = "X";
    else if (f->kind == FIELD_TIME && strcmp(f->name, "service_ms") == 0)
        memcpy(op + f->offset, &time_ms, sizeof time_ms);
    if (f->kind == FIELD_DATE && strcmp(f->name, "to") == 0) {
        const uint32_t to = w->today + 364;

        memcpy(op + f->offset, &to, sizeof to);
    }
    if (f->kind == FIELD_STRUCT && f->sub == &selector_schema)
        op[f->offset + offsetof(struct selector, nature)] = NATURE_ANY;
    if (text != NULL) {
        const char *why = set_field(w, f, op, text);

        ASSERT(why == NULL);
    }
}

void words_defaults(const struct words *w,
                    const struct op_def *def,
                    void *op,
                    const char *security,
                    uint64_t time_ms)
{
    memset(op, 0, def->schema->size);
    for (uint32_t i = 0; i < def->schema->field_count; i++)
        default_of(w, &def->schema->fields[i], op, security, time_ms);
}
