#include "cli/csv.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/num.h"
#include "crypto/hash.h"

#include <ctype.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

/* The columns, by their Chinese names. */
enum column {
    COL_CODE,
    COL_TITLE,
    COL_NAME,
    COL_ID_TYPE,
    COL_ID_NUMBER,
    COL_QUANTITY,
    COL_NATURE,
    COL_ACQUIRED,
    COL_CONTACT,
    COLUMNS,
};

static const struct {
    const char *name;
    bool required;
} columns[COLUMNS] = {
    [COL_CODE] = {"证券代码", true},
    [COL_TITLE] = {"证券简称", false},
    [COL_NAME] = {"股东名称", true},
    [COL_ID_TYPE] = {"证件类型", true},
    [COL_ID_NUMBER] = {"证件号码", true},
    [COL_QUANTITY] = {"持股数量", true},
    [COL_NATURE] = {"股份性质", true},
    [COL_ACQUIRED] = {"取得日期", true},
    [COL_CONTACT] = {"联系电话", false},
};

/* Natures by the names in use; a plain code is taken as it is. */
static const struct {
    const char *name;
    uint8_t code;
} natures[] = {
    {"流通股", 0},
    {"优先股", 1},
    {"境内法人股", 20},
    {"国有股", 21},
    {"自然人股", 24},
    {"高管锁定股", 45},
    {"股权激励股", 46},
    {"托管股", 50},
};

struct parser {
    struct bytes in;
    size_t at;
    uint32_t line; /* of the field being read */
    uint32_t *line_out;
    char *why;
    size_t cap;
};

static enum err complain(struct parser *p, uint32_t line, const char *why)
{
    *p->line_out = line;
    snprintf(p->why, p->cap, "%s", why);
    return ERR_RANGE;
}

static size_t utf8_length(const uint8_t *s, size_t left)
{
    const size_t n = s[0] < 0x80                    ? 1
                     : s[0] >= 0xc2 && s[0] < 0xe0  ? 2
                     : s[0] >= 0xe0 && s[0] < 0xf0  ? 3
                     : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                    : 0;
    uint32_t code;

    if (n == 0 || n > left)
        return 0;
    code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    if ((n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (n == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    return n;
}

/* The line of the first byte that is not UTF-8; 0 if all is. */
static uint32_t bad_utf8_line(struct bytes in)
{
    uint32_t line = 1;

    for (size_t at = 0; at < in.size;) {
        const size_t n = utf8_length(in.at + at, in.size - at);

        if (n == 0)
            return line;
        line += in.at[at] == '\n' ? 1 : 0;
        at += n;
    }
    return 0;
}

static uint32_t line_of(struct bytes in, size_t at)
{
    uint32_t line = 1;

    for (size_t i = 0; i < at; i++)
        line += in.at[i] == '\n' ? 1 : 0;
    return line;
}

/* Whether the first line names a column in UTF-8: then all of it must be. */
static bool begins_as_utf8(struct bytes in)
{
    const uint8_t *end = memchr(in.at, '\n', in.size);
    const size_t size = end != NULL ? (size_t)(end - in.at) : in.size;

    for (int k = 0; k < COLUMNS; k++) {
        if (memmem(in.at, size, columns[k].name, strlen(columns[k].name)) !=
            NULL)
            return true;
    }
    return false;
}

/* GB18030 to UTF-8; false if the bytes are not GB18030 from *at on. */
static bool convert(struct buf *out, struct bytes in, size_t *at)
{
    iconv_t cd = iconv_open("UTF-8", "GB18030");
    char *from = (char *)(uintptr_t)in.at;
    size_t left = in.size;
    char *to;
    size_t room = in.size * 2 + 16;
    size_t all = room;
    bool ok;

    *at = 0;
    if (cd == (iconv_t)-1)
        return false;
    to = (char *)buf_append(out, NULL, room);
    ok = iconv(cd, &from, &left, &to, &room) != (size_t)-1 && left == 0;
    iconv_close(cd);
    out->size = all - room;
    *at = in.size - left;
    return ok;
}

/* Reads one field; *end: it was the last of its record. */
static enum err read_field(struct parser *p,
                           char out[CSV_TEXT_MAX],
                           bool *end,
                           uint32_t *line)
{
    const bool quoted = p->at < p->in.size && p->in.at[p->at] == '"';
    size_t size = 0;

    memset(out, 0, CSV_TEXT_MAX);
    if (quoted)
        p->at++;
    for (;; p->at++) {
        const bool over = p->at >= p->in.size;
        const char c = over ? '\n' : (char)p->in.at[p->at];

        if (quoted && (over || c == '\n'))
            return complain(
                p, *line, "a quoted field does not end in its line");
        if (quoted && c == '"') {
            if (p->at + 1 < p->in.size && p->in.at[p->at + 1] == '"') {
                p->at++;
            } else {
                p->at++;
                break;
            }
        } else if (!quoted && (c == ',' || c == '\n' || c == '\r')) {
            break;
        } else if (!quoted && c == '"') {
            return complain(p, *line, "a quote inside an unquoted field");
        }
        if ((uint8_t)c < ' ' || c == 0x7f)
            return complain(p, *line, "a control character in a field");
        if (size + 1 >= CSV_TEXT_MAX)
            return complain(p, *line, "a field is longer than 255 bytes");
        out[size++] = c;
    }
    *end = true;
    if (p->at < p->in.size && p->in.at[p->at] == ',') {
        *end = false;
        p->at++;
        return ERR_NONE;
    }
    if (p->at < p->in.size && p->in.at[p->at] == '\r')
        p->at++;
    if (p->at < p->in.size && p->in.at[p->at] != '\n')
        return complain(p, *line, "text after a quoted field");
    p->at++;
    p->line++;
    return ERR_NONE;
}

enum {
    FIELDS_MAX = 32,
};

struct record {
    uint32_t line;
    uint32_t count;
    char fields[FIELDS_MAX][CSV_TEXT_MAX];
};

static enum err read_record(struct parser *p, struct record *r)
{
    bool end = false;

    r->line = p->line;
    for (r->count = 0; !end; r->count++) {
        if (r->count == FIELDS_MAX)
            return complain(p, r->line, "more than 32 columns");
        TRY(read_field(p, r->fields[r->count], &end, &r->line));
    }
    return ERR_NONE;
}

static enum err read_header(struct parser *p,
                            int place[COLUMNS],
                            uint32_t *count)
{
    struct record *r = malloc(sizeof *r);
    enum err e;

    ASSERT(r != NULL);
    for (int k = 0; k < COLUMNS; k++)
        place[k] = -1;
    e = read_record(p, r);
    *count = r->count;
    for (uint32_t i = 0; e == ERR_NONE && i < r->count; i++) {
        for (int k = 0; k < COLUMNS; k++) {
            if (strcmp(r->fields[i], columns[k].name) != 0)
                continue;
            if (place[k] >= 0)
                e = complain(p, 1, "a column stands twice");
            else
                place[k] = (int)i;
        }
    }
    for (int k = 0; e == ERR_NONE && k < COLUMNS; k++) {
        if (place[k] < 0 && columns[k].required) {
            char why[120];

            snprintf(why, sizeof why, "column %s is missing", columns[k].name);
            e = complain(p, 1, why);
        }
    }
    free(r);
    return e;
}

static bool nature_of(uint8_t *out, const char *text)
{
    uint64_t code;

    for (size_t i = 0; i < ARRAY_LEN(natures); i++) {
        if (strcmp(natures[i].name, text) == 0) {
            *out = natures[i].code;
            return true;
        }
    }
    if (!num_parse_u64(&code, text) || code > 99)
        return false;
    *out = (uint8_t)code;
    return true;
}

static enum err fill_line(struct parser *p,
                          struct csv_register *out,
                          struct csv_line *l,
                          const struct record *r,
                          const int place[COLUMNS])
{
    const char *quantity = r->fields[place[COL_QUANTITY]];
    const char *code = r->fields[place[COL_CODE]];

    l->line = r->line;
    if (strlen(code) > 16 || code[0] == '\0')
        return complain(p, r->line, "证券代码 must be 1 to 16 characters");
    if (out->count == 0)
        memcpy(out->code, code, strlen(code));
    else if (strcmp(out->code, code) != 0)
        return complain(p, r->line, "another 证券代码 than the lines before");
    if (place[COL_TITLE] >= 0)
        memcpy(out->title, r->fields[place[COL_TITLE]], CSV_TEXT_MAX);
    memcpy(l->name, r->fields[place[COL_NAME]], CSV_TEXT_MAX);
    if (l->name[0] == '\0')
        return complain(p, r->line, "股东名称 is empty");
    if (strlen(r->fields[place[COL_ID_TYPE]]) >= sizeof l->id_type ||
        strlen(r->fields[place[COL_ID_NUMBER]]) >= sizeof l->id_number ||
        r->fields[place[COL_ID_TYPE]][0] == '\0' ||
        r->fields[place[COL_ID_NUMBER]][0] == '\0')
        return complain(
            p, r->line, "证件类型 and 证件号码 must be 1 to 63 bytes");
    snprintf(
        l->id_type, sizeof l->id_type, "%s", r->fields[place[COL_ID_TYPE]]);
    snprintf(l->id_number,
             sizeof l->id_number,
             "%s",
             r->fields[place[COL_ID_NUMBER]]);
    if (place[COL_CONTACT] >= 0)
        memcpy(l->contact, r->fields[place[COL_CONTACT]], CSV_TEXT_MAX);
    if (!num_parse_u64(&l->quantity, quantity) || l->quantity == 0) {
        char why[120];

        snprintf(why,
                 sizeof why,
                 "持股数量 must be a whole number above 0, not \"%.40s\"",
                 quantity);
        return complain(p, r->line, why);
    }
    if (!nature_of(&l->nature, r->fields[place[COL_NATURE]]))
        return complain(p,
                        r->line,
                        "股份性质 is neither a known name nor a "
                        "code from 0 to 99");
    if (!num_parse_date(&l->acquired, r->fields[place[COL_ACQUIRED]]))
        return complain(p, r->line, "取得日期 must be a date YYYY-MM-DD");
    if (!num_add_u64(&out->total, out->total, l->quantity))
        return complain(p, r->line, "the sum of the quantities is too large");
    return ERR_NONE;
}

/* One person is one person in capitals and without spaces: as in its tag. */
static void normalise(char out[64], const char *text)
{
    size_t n = 0;

    for (; *text != '\0' && n < 63; text++) {
        if (*text != ' ')
            out[n++] = (char)toupper((unsigned char)*text);
    }
    out[n] = '\0';
}

static bool same_identity(const struct csv_line *a, const struct csv_line *b)
{
    char x[64];
    char y[64];

    normalise(x, a->id_type);
    normalise(y, b->id_type);
    if (strcmp(x, y) != 0)
        return false;
    normalise(x, a->id_number);
    normalise(y, b->id_number);
    return strcmp(x, y) == 0;
}

static uint64_t identity_hash(const struct csv_line *l)
{
    struct hash_state s;
    struct hash h;
    uint64_t out;
    char type[64];
    char number[64];

    normalise(type, l->id_type);
    normalise(number, l->id_number);
    hash_begin(&s);
    hash_more(&s, type, strlen(type) + 1);
    hash_more(&s, number, strlen(number));
    h = hash_end(&s);
    memcpy(&out, h.raw, sizeof out);
    return out;
}

/* Finds the same identity twice by a table of hashes. */
static enum err check_duplicates(struct parser *p, const struct csv_register *r)
{
    uint32_t cap = 16;
    uint32_t *table;
    enum err e = ERR_NONE;

    while (cap < r->count * 2)
        cap *= 2;
    table = calloc(cap, sizeof table[0]);
    ASSERT(table != NULL);
    for (uint32_t i = 0; i < r->count && e == ERR_NONE; i++) {
        const struct csv_line *l = &r->lines[i];
        uint32_t at = (uint32_t)identity_hash(l) & (cap - 1);

        for (; table[at] != 0; at = (at + 1) & (cap - 1)) {
            const struct csv_line *other = &r->lines[table[at] - 1];

            if (same_identity(other, l)) {
                char why[100];

                snprintf(why,
                         sizeof why,
                         "the same holder stands in line %u already",
                         other->line);
                e = complain(p, l->line, why);
                break;
            }
        }
        table[at] = i + 1;
    }
    free(table);
    return e;
}

static enum err parse_lines(struct parser *p,
                            struct csv_register *out,
                            uint64_t issued)
{
    struct record *r = malloc(sizeof *r);
    int place[COLUMNS];
    uint32_t header_fields = 0;
    uint32_t cap = 0;
    uint64_t declared = issued;
    enum err e;

    ASSERT(r != NULL);
    e = read_header(p, place, &header_fields);
    while (e == ERR_NONE && p->at < p->in.size) {
        e = read_record(p, r);
        if (e != ERR_NONE || (r->count == 1 && r->fields[0][0] == '\0'))
            continue; /* an empty line */
        if (r->count > header_fields)
            e = complain(p,
                         r->line,
                         "more columns than the header; write numbers without "
                         "commas");
        for (int k = 0; k < COLUMNS && e == ERR_NONE; k++) {
            if (place[k] >= (int)r->count)
                e = complain(p, r->line, "fewer columns than the header");
        }
        if (e != ERR_NONE)
            break;
        if (strcmp(r->fields[place[COL_NAME]], "合计") == 0) {
            if (!num_parse_u64(&declared, r->fields[place[COL_QUANTITY]]))
                e = complain(p, r->line, "合计 must be a whole number");
            if (e == ERR_NONE && declared != out->total)
                e = complain(p, r->line, "合计 is not the sum of the lines");
            continue;
        }
        if (out->count == CSV_ROWS_MAX) {
            e = complain(p, r->line, "more than 1000000 holders");
            break;
        }
        if (out->count == cap) {
            cap = cap == 0 ? 256 : cap * 2;
            out->lines = realloc(out->lines, cap * sizeof out->lines[0]);
            ASSERT(out->lines != NULL);
        }
        memset(&out->lines[out->count], 0, sizeof out->lines[0]);
        e = fill_line(p, out, &out->lines[out->count], r, place);
        if (e == ERR_NONE)
            out->count++;
    }
    free(r);
    if (e == ERR_NONE && out->count == 0)
        e = complain(p, p->line, "there is no holder in it");
    if (e == ERR_NONE && issued != 0 && issued != out->total) {
        char why[120];

        snprintf(why,
                 sizeof why,
                 "the lines add up to %llu, not to %llu",
                 (unsigned long long)out->total,
                 (unsigned long long)issued);
        e = complain(p, p->line, why);
    }
    return e == ERR_NONE ? check_duplicates(p, out) : e;
}

enum err csv_parse(struct csv_register *out,
                   struct bytes in,
                   uint64_t issued,
                   uint32_t *line,
                   char *why,
                   size_t cap)
{
    struct parser p = {
        .in = in, .line = 1, .line_out = line, .why = why, .cap = cap};
    struct buf text = {0};
    uint32_t bad;
    enum err e;

    memset(out, 0, sizeof *out);
    *line = 1;
    if (in.size >= 3 && memcmp(in.at, "\xef\xbb\xbf", 3) == 0)
        p.in = bytes_of(in.at + 3, in.size - 3);
    bad = bad_utf8_line(p.in);
    if (bad != 0) {
        size_t at;

        if (p.in.at != in.at || begins_as_utf8(in))
            return complain(&p, bad, "not UTF-8, as the file is that far");
        if (!convert(&text, in, &at)) {
            buf_deinit(&text);
            return complain(&p, line_of(in, at), "neither UTF-8 nor GB18030");
        }
        p.in = buf_bytes(&text);
    }
    if (memchr(p.in.at, '\0', p.in.size) != NULL)
        e = complain(&p, 1, "a zero byte");
    else
        e = parse_lines(&p, out, issued);
    buf_deinit(&text);
    if (e != ERR_NONE)
        csv_free(out);
    return e;
}

void csv_free(struct csv_register *r)
{
    free(r->lines);
    memset(r, 0, sizeof *r);
}
