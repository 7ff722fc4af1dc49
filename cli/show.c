/* What a register says, as a table or as JSON. */
#include "cli/import.h"

#include "base/hex.h"

#include <stdio.h>

/* Columns on a terminal: a CJK character takes two. */
int text_width(const char *utf8)
{
    int width = 0;

    for (const uint8_t *p = (const uint8_t *)utf8; *p != 0; p++) {
        if ((*p & 0xc0) == 0x80)
            continue;
        width += *p >= 0xe2 ? 2 : 1;
    }
    return width;
}

void print_cell(const char *utf8, int width)
{
    int n = text_width(utf8);

    fputs(utf8, stdout);
    for (; n < width; n++)
        putchar(' ');
}

static void print_number(json_t *row, const char *member)
{
    const char *text = json_string_value(json_object_get(row, member));

    printf(" %14s", text != NULL ? text : "-");
}

/* Who holds it, if the vault knows. */
static const struct vault_entry *holder_of(json_t *row,
                                           const struct vault *vault)
{
    const char *hex = json_string_value(json_object_get(row, "account"));
    struct hash id;

    return vault != NULL && hex != NULL && hex_decode(id.raw, HASH_BYTES, hex)
               ? vault_by_account(vault, &id)
               : NULL;
}

static void print_holder(json_t *row, const struct vault *vault)
{
    const char *hex = json_string_value(json_object_get(row, "account"));
    const struct vault_entry *e = holder_of(row, vault);
    char text[20];

    snprintf(text, sizeof text, "%.16s", hex != NULL ? hex : "?");
    print_cell(text, 18);
    print_cell(e != NULL ? e->name : "", 30);
    print_number(row, "total");
    print_number(row, "available");
    print_number(row, "pledged");
    print_number(row, "frozen");
    printf("\n");
}

/* A register as it was at one height, page by page. */
struct listing {
    struct rpc_view *view;
    const char *code;
    const struct vault *vault; /* NULL: no names */
    uint64_t most;
    json_t *rows; /* NULL: printed */
    uint64_t height;
    uint64_t issued;
    uint64_t sum;
    uint64_t holders;
};

static void list_row(struct listing *l, json_t *row)
{
    uint64_t total = 0;

    (void)json_u64(&total, json_object_get(row, "total"));
    l->sum += total;
    l->holders += total > 0 ? 1 : 0;
    if (l->holders > l->most)
        return;
    if (l->rows == NULL) {
        print_holder(row, l->vault);
    } else {
        const struct vault_entry *e = holder_of(row, l->vault);

        if (e != NULL)
            json_object_set_new(row, "holder", json_string(e->name));
        json_array_append(l->rows, row);
    }
}

/* One page; *after (malloc'ed by jansson, NULL at first) moves on.  0 or an
 * exit code. */
static int list_page(struct listing *l, json_t **after)
{
    struct rpc_failure why;
    json_t *params = json_pack("{s:s, s:s, s:o}",
                               "security",
                               l->code,
                               "limit",
                               "500",
                               "height",
                               json_of_u64(l->height));
    json_t *page;
    json_t *row;
    size_t i;

    if (*after != NULL)
        json_object_set_new(params, "after", *after);
    *after = NULL;
    page = rpc_view_call(l->view, "register_list", params, &why);
    if (page == NULL)
        return fail(EXIT_UNAVAILABLE, "%s", why.message);
    json_array_foreach(json_object_get(page, "holdings"), i, row)
        list_row(l, row);
    if (json_is_string(json_object_get(page, "next")))
        *after = json_incref(json_object_get(page, "next"));
    json_decref(page);
    return 0;
}

static int list_all(struct listing *l, json_t *when)
{
    struct rpc_failure why;
    json_t *params = json_pack("{s:s}", "security", l->code);
    json_t *after = NULL;
    json_t *security;
    int code;

    if (when != NULL)
        json_object_update(params, when);
    security = rpc_view_call(l->view, "security_get", params, &why);
    if (security == NULL)
        return fail(why.code == 0 ? EXIT_UNAVAILABLE : EXIT_NO_INPUT,
                    "%s: %s",
                    l->code,
                    why.message);
    (void)json_u64(&l->height, json_object_get(security, "height"));
    (void)json_u64(
        &l->issued,
        json_object_get(json_object_get(security, "security"), "issued"));
    json_decref(security);
    if (l->rows == NULL) {
        print_cell("account", 18);
        print_cell("holder", 30);
        printf(" %14s %14s %14s %14s\n",
               "total",
               "available",
               "pledged",
               "frozen");
    }
    do {
        code = list_page(l, &after);
    } while (code == 0 && after != NULL);
    return code;
}

int show_register(struct rpc_view *view,
                  const char *code,
                  json_t *when,
                  const struct vault *vault,
                  uint64_t most)
{
    struct listing l = {
        .view = view, .code = code, .vault = vault, .most = most};
    const int failed = list_all(&l, when);

    if (failed != 0)
        return failed;
    if (l.holders > most)
        printf("… %llu more\n", (unsigned long long)(l.holders - most));
    printf("control total at height %llu: %llu holders, %llu shares, issued "
           "%llu: %s\n",
           (unsigned long long)l.height,
           (unsigned long long)l.holders,
           (unsigned long long)l.sum,
           (unsigned long long)l.issued,
           l.sum == l.issued ? "equal" : "DIFFERENT");
    return l.sum == l.issued ? 0 : EXIT_DATA;
}

int show_register_json(struct rpc_view *view,
                       const char *code,
                       json_t *when,
                       const struct vault *vault,
                       uint64_t most)
{
    struct listing l = {.view = view,
                        .code = code,
                        .vault = vault,
                        .most = most,
                        .rows = json_array()};
    const int failed = list_all(&l, when);

    if (failed != 0) {
        json_decref(l.rows);
        return failed;
    }
    print_json(json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:o}",
                         "security",
                         code,
                         "height",
                         json_of_u64(l.height),
                         "holders",
                         json_of_u64(l.holders),
                         "shares",
                         json_of_u64(l.sum),
                         "issued",
                         json_of_u64(l.issued),
                         "equal",
                         l.sum == l.issued,
                         "holdings",
                         l.rows));
    return l.sum == l.issued ? 0 : EXIT_DATA;
}

void print_position(struct rpc_view *view,
                    const char *code,
                    const struct hash *account,
                    const char *name)
{
    struct rpc_failure why;
    json_t *r = rpc_view_call(view,
                              "holding_get",
                              json_pack("{s:s, s:o}",
                                        "security",
                                        code,
                                        "account",
                                        json_of_hex(account->raw, HASH_BYTES)),
                              &why);
    json_t *h = json_object_get(r, "holding");
    static const char *const members[] = {
        "total", "available", "pledged", "frozen"};

    printf("    register says: ");
    print_cell(name, 22);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const char *text = json_string_value(json_object_get(h, members[i]));

        printf(" %s %s%s",
               members[i],
               text != NULL ? text : "0",
               i + 1 < ARRAY_LEN(members) ? "," : "");
    }
    printf("\n");
    json_decref(r);
}
