/* equity - the command for people. */
#include "cli/cli.h"

#include <stdio.h>

static const struct command *const tables[] = {
    keys_commands,
    devnet_commands,
    demo_commands,
    tx_file_commands, /* before tx, whose first word they share */
    tx_commands,
    register_commands,
    query_commands,
    gov_commands,
    export_commands,
    verify_commands,
    debug_commands,
    rules_commands,
};

static void usage(void)
{
    printf("equity - registers, transfers, pledges and freezes on a common "
           "ledger\n\n");
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct command *c = tables[t]; c->name != NULL; c++) {
            char line[120];

            snprintf(line, sizeof line, "%s %s", c->name, c->arguments);
            printf("  equity %-38s %.*s\n",
                   line,
                   (int)strcspn(c->help, "\n"),
                   c->help);
        }
    }
    printf("\nequity COMMAND --help shows a command's flags.\n"
           "Exit codes: 0 done; 1 refused; 2 wrong use; 65 bad data; 66 input "
           "missing;\n69 a node cannot be reached; 73 cannot create; 74 disk; "
           "78 not "
           "the trusted chain.\n");
}

/* Whether argv starts with the words of name; how many they are. */
static int matches(const char *name, int argc, char **argv)
{
    const char *space = strchr(name, ' ');
    const size_t first = space != NULL ? (size_t)(space - name) : strlen(name);

    if (argc < 1 || strlen(argv[0]) != first ||
        strncmp(argv[0], name, first) != 0)
        return 0;
    if (space == NULL)
        return 1;
    return argc >= 2 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage();
        return argc < 2 ? EXIT_USAGE : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("equity 1 (%s)\n", __VERSION__);
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    json_object_seed(0);
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct command *c = tables[t]; c->name != NULL; c++) {
            const int words = matches(c->name, argc - 1, argv + 1);

            if (words > 0)
                return c->run(c, argc - 1 - words, argv + 1 + words);
        }
    }
    return fail(
        EXIT_USAGE, "unknown command %s; equity --help lists them", argv[1]);
}
