/* equity debug diff: where two nodes first differ. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SIDES = 2,
};

struct side {
    const char *name; /* "A" or "B" */
    struct rpc_client *client;
    uint64_t height; /* newest block */
};

/* NULL after saying why. */
static json_t *ask(const struct side *s, const char *method, json_t *params)
{
    struct rpc_failure why;
    json_t *r = rpc_client_call(s->client, method, params, 20000, &why);

    if (r == NULL)
        (void)fail(EXIT_UNAVAILABLE,
                   "%s (%s): %s: %s",
                   s->name,
                   rpc_client_url(s->client),
                   why.name,
                   why.message);
    return r;
}

static json_t *block_of(const struct side *s, const char *method, uint64_t h)
{
    return ask(s, method, json_pack("{s:o}", "height", json_of_u64(h)));
}

/* The same member of both; false and freed if one is missing. */
static bool ask_both(json_t *out[SIDES],
                     struct side *sides,
                     const char *method,
                     uint64_t height)
{
    for (int i = 0; i < SIDES; i++) {
        out[i] = block_of(&sides[i], method, height);
        if (out[i] == NULL) {
            if (i > 0)
                json_decref(out[0]);
            return false;
        }
    }
    return true;
}

static bool equal_member(json_t *const r[SIDES], const char *name)
{
    return json_equal(json_object_get(r[0], name),
                      json_object_get(r[1], name)) != 0;
}

/* 1: the blocks at height are the same; 0: they differ; -1: no answer. */
static int same_block(struct side *sides, uint64_t height)
{
    json_t *r[SIDES];
    int same;

    if (!ask_both(r, sides, "chain_getHeader", height))
        return -1;
    same = equal_member(r, "hash") ? 1 : 0;
    json_decref(r[0]);
    json_decref(r[1]);
    return same;
}

/* Headers name their parents: from the first difference on all blocks differ,
 * so it is found by halving.  Requires: the blocks at `high` differ. */
static bool first_difference(uint64_t *out, struct side *sides, uint64_t high)
{
    uint64_t low = 0; /* below it all are the same */

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const int same = same_block(sides, middle);

        if (same < 0)
            return false;
        if (same == 1)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return true;
}

static void set_pair(json_t *out, const char *name, json_t *a, json_t *b)
{
    json_object_set_new(out, name, json_pack("{s:O?, s:O?}", "A", a, "B", b));
}

/* Which members of the header differ. */
static json_t *header_members(json_t *const block[SIDES])
{
    json_t *a = json_object_get(block[0], "header");
    json_t *b = json_object_get(block[1], "header");
    json_t *out = json_object();
    const char *name;
    json_t *v;

    json_object_foreach(a, name, v)
    {
        if (!json_equal(v, json_object_get(b, name)))
            set_pair(out, name, v, json_object_get(b, name));
    }
    return out;
}

/* The first transaction that is not the same; null if all are. */
static json_t *first_tx(json_t *const block[SIDES])
{
    json_t *a = json_object_get(block[0], "transactions");
    json_t *b = json_object_get(block[1], "transactions");
    const size_t count = json_array_size(a) > json_array_size(b)
                             ? json_array_size(a)
                             : json_array_size(b);

    for (size_t i = 0; i < count; i++) {
        json_t *x = json_array_get(a, i);
        json_t *y = json_array_get(b, i);
        json_t *out;

        if (x != NULL && y != NULL && json_equal(x, y))
            continue;
        out = json_pack("{s:i}", "index", (int)i);
        set_pair(out, "id", json_object_get(x, "id"), json_object_get(y, "id"));
        return out;
    }
    return json_null();
}

/* Both lists of changes, page by page, until the first pair that differs. */
static json_t *first_change(struct side *sides, uint64_t height)
{
    json_t *after = NULL;
    json_t *found = NULL;

    while (found == NULL) {
        json_t *r[SIDES] = {NULL, NULL};
        json_t *list[SIDES];

        for (int i = 0; i < SIDES; i++) {
            json_t *p = json_pack(
                "{s:o, s:s}", "height", json_of_u64(height), "limit", "1000");

            if (after != NULL)
                json_object_set(p, "after", after);
            r[i] = ask(&sides[i], "chain_getChanges", p);
            list[i] = json_object_get(r[i], "changes");
        }
        for (size_t i = 0; found == NULL && (i < json_array_size(list[0]) ||
                                             i < json_array_size(list[1]));
             i++) {
            json_t *x = json_array_get(list[0], i);
            json_t *y = json_array_get(list[1], i);

            if (x == NULL || y == NULL || !json_equal(x, y)) {
                found = json_object();
                set_pair(found, "change", x, y);
            }
        }
        json_decref(after);
        after = json_incref(json_object_get(r[0], "next"));
        if (found == NULL && !json_is_string(after))
            found = json_null();
        json_decref(r[0]);
        json_decref(r[1]);
    }
    json_decref(after);
    return found;
}

static void print_pairs(const char *what, json_t *pairs)
{
    const char *name;
    json_t *v;

    json_object_foreach(pairs, name, v)
    {
        char *a = json_dumps(json_object_get(v, "A"), JSON_ENCODE_ANY);
        char *b = json_dumps(json_object_get(v, "B"), JSON_ENCODE_ANY);

        printf("%s %s\n  A  %s\n  B  %s\n",
               what,
               name,
               a != NULL ? a : "-",
               b != NULL ? b : "-");
        free(a);
        free(b);
    }
}

static int report(struct side *sides, uint64_t height, bool as_json)
{
    json_t *block[SIDES];
    json_t *out;

    if (!ask_both(block, sides, "chain_getBlock", height))
        return EXIT_UNAVAILABLE;
    out = json_pack("{s:b, s:o, s:o, s:o, s:o}",
                    "same",
                    0,
                    "first_height",
                    json_of_u64(height),
                    "header",
                    header_members(block),
                    "transaction",
                    first_tx(block),
                    "state",
                    first_change(sides, height));
    json_decref(block[0]);
    json_decref(block[1]);
    if (as_json) {
        (void)print_json(out);
        return EXIT_REFUSED;
    }
    printf("the first block that differs is %llu\n",
           (unsigned long long)height);
    print_pairs("header member", json_object_get(out, "header"));
    if (json_is_object(json_object_get(out, "transaction"))) {
        printf("the first transaction that differs is number %lld of it\n",
               (long long)json_integer_value(json_object_get(
                   json_object_get(out, "transaction"), "index")));
        print_pairs("transaction", json_object_get(out, "transaction"));
    } else {
        printf("its transactions are the same\n");
    }
    if (json_is_object(json_object_get(out, "state")))
        print_pairs("the first key of the state that differs:",
                    json_object_get(out, "state"));
    else
        printf("it changed the state alike\n");
    json_decref(out);
    return EXIT_REFUSED;
}

static int compare(struct side *sides, bool as_json)
{
    uint64_t height;
    uint64_t common = UINT64_MAX;
    int same;

    for (int i = 0; i < SIDES; i++) {
        json_t *s = ask(&sides[i], "node_status", NULL);

        if (s == NULL)
            return EXIT_UNAVAILABLE;
        (void)json_u64(&sides[i].height, json_object_get(s, "height"));
        json_decref(s);
        if (sides[i].height < common)
            common = sides[i].height;
    }
    same = same_block(sides, common);
    if (same < 0)
        return EXIT_UNAVAILABLE;
    if (same == 0)
        return first_difference(&height, sides, common)
                   ? report(sides, height, as_json)
                   : EXIT_UNAVAILABLE;
    if (as_json)
        return print_json(json_pack(
            "{s:b, s:o}", "same", 1, "up_to_height", json_of_u64(common)));
    printf("the same up to height %llu (A is at %llu, B at %llu)\n",
           (unsigned long long)common,
           (unsigned long long)sides[0].height,
           (unsigned long long)sides[1].height);
    return 0;
}

static const struct flag flags[] = {
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

static int run_diff(const struct command *c, int argc, char **argv)
{
    struct side sides[SIDES] = {{.name = "A"}, {.name = "B"}};
    struct args a;
    int code = args_read(&a, c, argc, argv);

    if (code != 0)
        return code;
    if (a.words != SIDES)
        return fail(EXIT_USAGE, "name two nodes: URL_A URL_B");
    for (int i = 0; i < SIDES; i++) {
        if (rpc_client_new(&sides[i].client, a.word[i]) != ERR_NONE)
            code = fail(EXIT_USAGE, "%s is not http://host:port", a.word[i]);
    }
    if (code == 0)
        code = compare(sides, args_has(&a, c, "json"));
    rpc_client_free(sides[0].client);
    rpc_client_free(sides[1].client);
    return code;
}

const struct command debug_commands[] = {
    {"debug diff",
     "URL_A URL_B [flags]",
     "The first block, transaction and key of the state in which two nodes\n"
     "differ.  Exit code 0: they do not; 1: they do.",
     flags,
     run_diff},
    {NULL, NULL, NULL, NULL, NULL},
};
