/* equity status, block, account, security, snapshot, holding, claim, events. */
#include "cli/import.h"

#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

static const struct flag node_flags[] = {
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

/* Of what has a history. */
static const struct flag row_flags[] = {
    {"node", true, "URL of a node (default " NODE_DEFAULT ")"},
    {"height", true, "as it was after this block"},
    {"date", true, "as it was at the end of this business date, YYYY-MM-DD"},
    {"json", false, "as JSON"},
    {NULL, false, NULL},
};

void query_when(json_t *params, const struct command *c, const struct args *a)
{
    static const char *const names[] = {"height", "date"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (args_has(a, c, names[i]))
            json_object_set_new(
                params, names[i], json_string(args_value(a, c, names[i], "")));
    }
}

/* A value in one line. */
static char *text_of(const json_t *v)
{
    return json_is_string(v) ? strdup(json_string_value(v))
                             : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* Whether a list has rows of plain values: then it is a table. */
static bool is_table(json_t *list)
{
    json_t *row;
    json_t *v;
    const char *name;
    size_t i;

    json_array_foreach(list, i, row)
    {
        if (!json_is_object(row))
            return false;
        json_object_foreach(row, name, v)
        {
            if (json_is_object(v) ||
                (json_is_array(v) && json_array_size(v) > 0))
                return false;
        }
    }
    return json_array_size(list) > 0;
}

static int column_width(json_t *list, const char *name)
{
    int width = text_width(name);
    json_t *row;
    size_t i;

    json_array_foreach(list, i, row)
    {
        char *text = text_of(json_object_get(row, name));

        if (text != NULL && text_width(text) > width)
            width = text_width(text);
        free(text);
    }
    return width;
}

static void print_table(json_t *list, const char *indent)
{
    json_t *first = json_array_get(list, 0);
    json_t *row;
    json_t *v;
    const char *name;
    size_t i;

    printf("%s", indent);
    json_object_foreach(first, name, v)
        print_cell(name, column_width(list, name) + 2);
    printf("\n");
    json_array_foreach(list, i, row)
    {
        printf("%s", indent);
        json_object_foreach(first, name, v)
        {
            char *text = text_of(json_object_get(row, name));

            print_cell(text != NULL ? text : "", column_width(list, name) + 2);
            free(text);
        }
        printf("\n");
    }
}

static void print_plain(json_t *object, const char *indent);

/* A list: a table, or each element below the other. */
static void print_list(json_t *list, const char *name, const char *indent)
{
    char deeper[32];
    json_t *row;
    size_t i;

    snprintf(deeper, sizeof deeper, "%.20s  ", indent);
    printf("%s%s: %zu\n", indent, name, json_array_size(list));
    if (is_table(list)) {
        print_table(list, deeper);
        return;
    }
    json_array_foreach(list, i, row)
    {
        if (json_is_object(row)) {
            printf("%s%zu:\n", deeper, i);
            snprintf(deeper, sizeof deeper, "%.20s    ", indent);
            print_plain(row, deeper);
            snprintf(deeper, sizeof deeper, "%.20s  ", indent);
        } else {
            char *text = text_of(row);

            printf("%s%s\n", deeper, text);
            free(text);
        }
    }
}

/* An object's members, one a line; what is inside them further in. */
static void print_plain(json_t *object, const char *indent)
{
    char deeper[32];
    const char *name;
    json_t *v;

    snprintf(deeper, sizeof deeper, "%.20s  ", indent);
    json_object_foreach(object, name, v)
    {
        if (json_is_object(v)) {
            printf("%s%s\n", indent, name);
            print_plain(v, deeper);
        } else if (json_is_array(v) && json_is_object(json_array_get(v, 0))) {
            print_list(v, name, indent);
        } else {
            char *text = text_of(v);

            printf("%s%-22s %s\n", indent, name, text);
            free(text);
        }
    }
}

/* Which parameter a refusal speaks of, if it does. */
static const char *path_of(const struct rpc_failure *why)
{
    return json_string_value(json_object_get(why->details, "path"));
}

static int ask(const struct command *c,
               const struct args *a,
               const char *method,
               json_t *params)
{
    struct rpc_client *client;
    struct rpc_failure why;
    json_t *result;
    int code = 0;

    code = args_client(&client, a, c);
    if (code != 0) {
        json_decref(params);
        return code;
    }
    result = rpc_client_call(client, method, params, 20000, &why);
    if (result == NULL)
        code = fail(why.code == 0 ? EXIT_UNAVAILABLE : EXIT_NO_INPUT,
                    "%s: %s%s%s",
                    why.name,
                    why.message,
                    path_of(&why) != NULL ? ": " : "",
                    path_of(&why) != NULL ? path_of(&why) : "");
    else if (args_has(a, c, "json"))
        code = print_json(result);
    else {
        print_plain(result, "");
        json_decref(result);
    }
    rpc_client_free(client);
    return code;
}

struct query {
    const char *command;
    const char *method;
    const char *params[2]; /* names of the words */
    int needed;
};

static const struct query queries[] = {
    {"status", "node_status", {NULL, NULL}, 0},
    {"peers", "node_peers", {NULL, NULL}, 0},
    {"snapshots", "snapshot_list", {NULL, NULL}, 0},
    {"block", "chain_getBlock", {"height", NULL}, 0},
    {"account", "account_get", {"id", NULL}, 1},
    {"institution", "institution_get", {"number", NULL}, 1},
    {"security", "security_get", {"security", NULL}, 1},
    {"snapshot", "security_snapshot", {"security", NULL}, 1},
    {"holding", "holding_get", {"security", "account"}, 2},
    {"pledge", "pledge_get", {"security", "number"}, 2},
    {"freezes", "freeze_list", {"security", NULL}, 1},
    {"claim", "claim_get", {"security", "number"}, 2},
    {"events", "events_list", {"after", NULL}, 0},
};

static int run_query(const struct command *c, int argc, char **argv)
{
    struct args a;
    const struct query *q = NULL;
    json_t *params = json_object();
    int code = args_read(&a, c, argc, argv);

    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        if (strcmp(queries[i].command, c->name) == 0)
            q = &queries[i];
    }
    if (code == 0 && (q == NULL || a.words < q->needed ||
                      (a.words > 0 && q->params[a.words - 1] == NULL)))
        code = fail(EXIT_USAGE, "usage: equity %s %s", c->name, c->arguments);
    if (code != 0) {
        json_decref(params);
        return code;
    }
    for (int i = 0; i < a.words; i++)
        json_object_set_new(params, q->params[i], json_string(a.word[i]));
    query_when(params, c, &a);
    return ask(c, &a, q->method, params);
}

const struct command query_commands[] = {
    {"status",
     "[flags]",
     "What a node is and how it is doing.",
     node_flags,
     run_query},
    {"peers",
     "[flags]",
     "A node's links to the other validators.",
     node_flags,
     run_query},
    {"snapshots",
     "[flags]",
     "The snapshots of the state that a node has for nodes that begin.",
     node_flags,
     run_query},
    {"block",
     "[HEIGHT] [flags]",
     "A block with its transactions.",
     node_flags,
     run_query},
    {"account", "ID [flags]", "An account.", row_flags, run_query},
    {"institution", "NUMBER [flags]", "An institution.", row_flags, run_query},
    {"security",
     "CODE [flags]",
     "A security with its control totals.",
     row_flags,
     run_query},
    {"snapshot",
     "CODE [flags]",
     "The root over a security's whole register.",
     node_flags,
     run_query},
    {"holding",
     "CODE ACCOUNT [flags]",
     "What one account has of one security.",
     row_flags,
     run_query},
    {"pledge", "CODE NUMBER [flags]", "A pledge.", row_flags, run_query},
    {"freezes",
     "CODE [flags]",
     "The freezes on a security.",
     row_flags,
     run_query},
    {"claim", "CODE NUMBER [flags]", "A claim.", row_flags, run_query},
    {"events",
     "[AFTER] [flags]",
     "Events after a cursor height.index.",
     node_flags,
     run_query},
    {NULL, NULL, NULL, NULL, NULL},
};
