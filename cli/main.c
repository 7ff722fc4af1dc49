/* equity - the command for people. */
#include "cli/cli.h"

#include <openssl/crypto.h>
#include <stdio.h>

static const struct command *const tables[] = {
    keys_commands,
    devnet_commands,
    demo_commands,
    tx_file_commands, /* before tx, whose first word they share */
    tx_commands,
    register_commands,
    query_commands,
    receipt_commands,
    document_commands,
    trust_commands,
    gov_commands,
    export_commands,
    verify_commands,
    debug_commands,
    rules_commands,
};

/* One line: the first of its help. */
static void show_command(const struct command *c)
{
    char line[120];

    snprintf(line, sizeof line, "%s %s", c->name, c->arguments);
    printf("  equity %-38s %.*s\n", line, (int)strcspn(c->help, "\n"), c->help);
}

static void print_version(void)
{
    printf("equity 1\ncommit %s, %s\n%s, libsecp256k1, jansson %s\n",
           EQUITY_COMMIT,
           "compiler " __VERSION__,
           OpenSSL_version(OPENSSL_VERSION),
           jansson_version_str());
}

static void usage(void)
{
    printf("equity - registers, transfers, pledges and freezes on a common "
           "ledger\n\n");
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct command *c = tables[t]; c->name != NULL; c++)
            show_command(c);
    }
    printf("\nequity COMMAND --help shows a command's flags.\n"
           "Exit codes: 0 done; 1 refused; 2 wrong use; 65 bad data; 66 input "
           "missing;\n69 a node cannot be reached; 73 cannot create; 74 disk; "
           "78 beyond "
           "the trust file.\n");
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

static bool wants_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

/* `equity keys`, `equity keys --help`: the commands that begin with it. */
static bool show_group(const char *word)
{
    const size_t size = strlen(word);
    bool any = false;

    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct command *c = tables[t]; c->name != NULL; c++) {
            if (strncmp(c->name, word, size) == 0 && c->name[size] == ' ') {
                show_command(c);
                any = true;
            }
        }
    }
    return any;
}

/* Neither a command nor a group: what may have been meant. */
static int unknown_command(int argc, char **argv)
{
    char words[100];
    struct meant m = {.word = words};

    snprintf(words,
             sizeof words,
             "%.40s%s%.40s",
             argv[0],
             argc > 1 && argv[1][0] != '-' ? " " : "",
             argc > 1 && argv[1][0] != '-' ? argv[1] : "");
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct command *c = tables[t]; c->name != NULL; c++)
            meant_try(&m, c->name);
    }
    if (m.best == NULL && strchr(words, ' ') != NULL) {
        *strchr(words, ' ') = '\0'; /* the second word is an argument */
        for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
            for (const struct command *c = tables[t]; c->name != NULL; c++)
                meant_try(&m, c->name);
        }
    }
    if (m.best != NULL)
        return fail(EXIT_USAGE,
                    "unknown command %s; did you mean: equity %s?",
                    words,
                    m.best);
    return fail(
        EXIT_USAGE, "unknown command %s; equity --help lists them", words);
}

static int run(int argc, char **argv)
{
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct command *c = tables[t]; c->name != NULL; c++) {
            const int words = matches(c->name, argc, argv);

            if (words > 0)
                return c->run(c, argc - words, argv + words);
        }
    }
    if ((argc == 1 || wants_help(argv[1])) && show_group(argv[0]))
        return argc == 1 ? EXIT_USAGE : 0;
    return unknown_command(argc, argv);
}

int main(int argc, char **argv)
{
    int code;

    if (argc < 2 || wants_help(argv[1])) {
        usage();
        return argc < 2 ? EXIT_USAGE : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    json_object_seed(0);
    code = run(argc - 1, argv + 1);
    return code == ARGS_HELPED ? 0 : code;
}
