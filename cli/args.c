/* Arguments of a command, and what was probably meant. */
#include "cli/cli.h"

#include <stdio.h>

void print_flags(const struct flag *flags)
{
    for (const struct flag *f = flags; f != NULL && f->name != NULL; f++)
        printf("  --%-22s %s\n", f->name, f->help);
}

static void print_help(const struct command *c)
{
    printf("equity %s %s\n\n%s\n\n", c->name, c->arguments, c->help);
    print_flags(c->flags);
    printf("  --%-22s %s\n", "help", "this text");
}

static int unknown_flag(const struct command *c, const char *flag)
{
    struct meant m = {.word = flag};

    for (const struct flag *f = c->flags; f != NULL && f->name != NULL; f++)
        meant_try(&m, f->name);
    if (m.best != NULL)
        return fail(
            EXIT_USAGE, "unknown flag --%s; did you mean --%s?", flag, m.best);
    return fail(EXIT_USAGE,
                "unknown flag --%s; equity %s --help lists the flags",
                flag,
                c->name);
}

static int flag_index(const struct command *c, const char *name, size_t size)
{
    for (int k = 0; c->flags != NULL && c->flags[k].name != NULL; k++) {
        if (strlen(c->flags[k].name) == size &&
            memcmp(c->flags[k].name, name, size) == 0)
            return k;
    }
    return -1;
}

/* One flag at argv[*i]: "--name VALUE", "--name=VALUE" or "--name". */
static int take_flag(
    struct args *out, const struct command *c, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2;
    const size_t size = strcspn(name, "=");
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    const int k = flag_index(c, name, size);

    if (k < 0)
        return unknown_flag(c, name);
    if (!c->flags[k].has_value) {
        if (value != NULL)
            return fail(EXIT_USAGE, "--%s takes no value", c->flags[k].name);
        value = "";
    } else if (value == NULL) {
        if (*i + 1 >= argc)
            return fail(EXIT_USAGE, "--%s needs a value", name);
        value = argv[++*i];
    }
    out->value[k] = value;
    return 0;
}

int args_read(struct args *out, const struct command *c, int argc, char **argv)
{
    bool flags = true; /* until "--" */

    memset(out, 0, sizeof *out);
    for (int i = 0; i < argc; i++) {
        int code = 0;

        if (flags && strcmp(argv[i], "--") == 0) {
            flags = false;
        } else if (flags && (strcmp(argv[i], "-h") == 0 ||
                             strcmp(argv[i], "--help") == 0)) {
            print_help(c);
            return ARGS_HELPED;
        } else if (flags && strncmp(argv[i], "--", 2) == 0) {
            code = take_flag(out, c, argc, argv, &i);
        } else if (strcmp(c->arguments, "[flags]") == 0) {
            code = fail(EXIT_USAGE,
                        "equity %s takes no argument such as %s",
                        c->name,
                        argv[i]);
        } else if (out->words == (int)ARRAY_LEN(out->word)) {
            code = fail(EXIT_USAGE, "too many arguments");
        } else {
            out->word[out->words++] = argv[i];
        }
        if (code != 0)
            return code;
    }
    return 0;
}

const char *args_value(const struct args *a,
                       const struct command *c,
                       const char *name,
                       const char *otherwise)
{
    const int k = flag_index(c, name, strlen(name));

    return k >= 0 && a->value[k] != NULL ? a->value[k] : otherwise;
}

bool args_has(const struct args *a, const struct command *c, const char *name)
{
    return args_value(a, c, name, NULL) != NULL;
}

int args_client(struct rpc_client **out,
                const struct args *a,
                const struct command *c)
{
    *out = NULL;
    return rpc_client_new(out, args_value(a, c, "node", NODE_DEFAULT)) ==
                   ERR_NONE
               ? 0
               : fail(EXIT_USAGE, "--node is http://host:port");
}
