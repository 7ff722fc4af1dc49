/* equityd - the node of one custody institution. */
#include "base/log.h"
#include "base/num.h"
#include "node/control.h"
#include "node/node.h"
#include "node/trace.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A command: the flags that are its own (each with a value), whether it takes
 * words, and whether it needs a configuration. */
struct command {
    const char *name;
    const char *arguments;
    const char *help;
    const char *flags[4];
    int words_min;
    int words_max;
    bool without_config;
    int (*run)(const struct config *c,
               const char *const *flags,
               const char *const *words,
               int count);
};

enum {
    WORDS_MAX = 16,
};

static int run_init(const struct config *c,
                    const char *const *flags,
                    const char *const *words,
                    int count)
{
    (void)flags;
    (void)words;
    (void)count;
    return node_init(c);
}

static int run_run(const struct config *c,
                   const char *const *flags,
                   const char *const *words,
                   int count)
{
    (void)flags;
    (void)words;
    (void)count;
    return node_run(c);
}

static int run_config(const struct config *c,
                      const char *const *flags,
                      const char *const *words,
                      int count)
{
    (void)flags;
    (void)words;
    (void)count;
    config_print(stdout, c);
    return 0;
}

static int run_backup(const struct config *c,
                      const char *const *flags,
                      const char *const *words,
                      int count)
{
    (void)words;
    (void)count;
    return node_backup(c, flags[0] != NULL ? flags[0] : "");
}

/* It is said when the node is in step: equity gov show tells. */
static int run_ready(const struct config *c,
                     const char *const *flags,
                     const char *const *words,
                     int count)
{
    (void)flags;
    (void)words;
    (void)count;
    if (control_ask_ready(c->dir) == ERR_NONE)
        return 0;
    fprintf(stderr,
            "equityd: no running node answers in %s: start it and ask again\n",
            c->dir);
    return EXIT_NO_INPUT;
}

static int run_verify_backup(const struct config *c,
                             const char *const *flags,
                             const char *const *words,
                             int count)
{
    (void)c;
    (void)flags;
    (void)count;
    return node_verify_backup(words[0]);
}

static int wrong_use(const char *why);

static int run_restore(const struct config *c,
                       const char *const *flags,
                       const char *const *words,
                       int count)
{
    (void)words;
    (void)count;
    if (flags[0] == NULL)
        return wrong_use("restore needs --from DIR");
    return node_restore(c, flags[0]);
}

static int run_prune(const struct config *c,
                     const char *const *flags,
                     const char *const *words,
                     int count)
{
    uint64_t below = UINT64_MAX;

    (void)words;
    (void)count;
    if (flags[1] == NULL)
        return wrong_use("prune needs --archive FILE");
    if (flags[0] != NULL && !num_parse_u64(&below, flags[0]))
        return wrong_use("--below is the number of a block");
    return node_prune(c, below, flags[1]);
}

static int run_import(const struct config *c,
                      const char *const *flags,
                      const char *const *words,
                      int count)
{
    (void)flags;
    return node_import(c, words, count);
}

static void print_line(void *ctx, const char *line)
{
    (void)ctx;
    puts(line);
}

static int print_events(const char *path)
{
    uint8_t *at;
    size_t size;
    enum err e =
        file_read(&at,
                  &size,
                  path,
                  TRACE_HEAD_BYTES + (size_t)TRACE_ENTRIES * TRACE_ENTRY_BYTES);

    if (e == ERR_NONE) {
        e = trace_read(bytes_of(at, size), print_line, NULL);
        free(at);
    }
    if (e != ERR_NONE)
        fprintf(stderr, "equityd: %s: %s\n", path, err_text(e));
    return e == ERR_NONE ? 0 : EXIT_IO;
}

static int run_events(const struct config *c,
                      const char *const *flags,
                      const char *const *words,
                      int count)
{
    (void)c;
    (void)flags;
    (void)count;
    return print_events(words[0]);
}

static const struct command commands[] = {
    {.name = "init",
     .arguments = "--config FILE",
     .help = "make the data directory (once)",
     .run = run_init},
    {.name = "run",
     .arguments = "--config FILE",
     .help = "run until SIGTERM or SIGINT",
     .run = run_run},
    {.name = "config",
     .arguments = "--config FILE",
     .help = "show the effective configuration",
     .run = run_config},
    {.name = "backup",
     .arguments = "--config FILE [--to DIR]",
     .help = "back up the database, the node running or not",
     .flags = {"--to"},
     .run = run_backup},
    {.name = "verify-backup",
     .arguments = "DIR",
     .help = "check every file of a backup, rebuild its state",
     .words_min = 1,
     .words_max = 1,
     .without_config = true,
     .run = run_verify_backup},
    {.name = "restore",
     .arguments = "--config FILE --from DIR",
     .help = "verify a backup, then put its database into place",
     .flags = {"--from"},
     .run = run_restore},
    {.name = "ready",
     .arguments = "--config FILE",
     .help = "have the running validator say READY on the ledger",
     .run = run_ready},
    {.name = "import",
     .arguments = "--config FILE ARCHIVE...",
     .help = "in place of init: fill it from archives, all checked",
     .words_min = 1,
     .words_max = WORDS_MAX,
     .run = run_import},
    {.name = "prune",
     .arguments = "--config FILE [--below H] --archive FILE",
     .help = "remove bodies that an archive holds (node stopped)",
     .flags = {"--below", "--archive"},
     .run = run_prune},
    {.name = "events",
     .arguments = "FILE",
     .help = "read the events.trace of a halt",
     .words_min = 1,
     .words_max = 1,
     .without_config = true,
     .run = run_events},
};

static void usage(void)
{
    printf("equityd - one institution's node of the common register\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char line[120];

        snprintf(line,
                 sizeof line,
                 "%s %s",
                 commands[i].name,
                 commands[i].arguments);
        printf("  equityd %-46s %s\n", line, commands[i].help);
    }
    printf("  equityd --version\n\n"
           "Any key can be set by a flag (--SECTION-KEY VALUE) or by the\n"
           "environment (EQUITYD_SECTION_KEY); a flag wins over the\n"
           "environment, the environment over the file.\n\n"
           "Exit codes: 0 stopped as asked; 2 wrong use; 65 what was given is\n"
           "not what it should be; 66 it is not there; 74 disk; 78\n"
           "configuration; 86 safety halt: do not restart before a person\n"
           "has looked.\n\nKeys:\n");
    config_print_help();
}

static int wrong_use(const char *why)
{
    fprintf(stderr, "equityd: %s\nequityd: --help shows how\n", why);
    return 2;
}

static int bad_config(const char *why)
{
    fprintf(stderr, "equityd: %s\n", why);
    return EXIT_CONFIG;
}

/* --section-key: the part up to the first '-' is the section. */
static enum err take_flag(struct config *c,
                          const char *flag,
                          const char *value,
                          char *why,
                          size_t cap)
{
    char section[32];
    char key[64];
    const char *dash = strchr(flag + 2, '-');
    const size_t size = dash != NULL ? (size_t)(dash - flag - 2) : 0;

    if (size == 0 || size >= sizeof section || strlen(dash + 1) >= sizeof key) {
        snprintf(why, cap, "unknown flag %s", flag);
        return ERR_CONFIG;
    }
    memcpy(section, flag + 2, size);
    section[size] = '\0';
    snprintf(key, sizeof key, "%s", dash + 1);
    for (char *p = key; *p != '\0'; p++) {
        if (*p == '-')
            *p = '_';
    }
    return config_set(c, section, key, value, why, cap);
}

/* What was given to a command. */
struct given {
    const char *config;
    const char *flags[4]; /* as command.flags */
    const char *words[WORDS_MAX];
    int count;
};

static bool take_own(struct given *g,
                     const struct command *command,
                     const char *flag,
                     const char *value)
{
    if (strcmp(flag, "--config") == 0) {
        g->config = value;
        return true;
    }
    for (size_t k = 0; k < ARRAY_LEN(command->flags); k++) {
        if (command->flags[k] != NULL && strcmp(command->flags[k], flag) == 0) {
            g->flags[k] = value;
            return true;
        }
    }
    return false;
}

/* The command's own first: the file must be read before the other flags. */
static enum err read_given(struct given *g,
                           const struct command *command,
                           int argc,
                           char **argv,
                           char *why,
                           size_t cap)
{
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (g->count >= command->words_max) {
                snprintf(why, cap, "unexpected argument %s", argv[i]);
                return ERR_CONFIG;
            }
            g->words[g->count++] = argv[i];
        } else if (i + 1 >= argc) {
            snprintf(why, cap, "%s needs a value", argv[i]);
            return ERR_CONFIG;
        } else {
            if (!take_own(g, command, argv[i], argv[i + 1]) &&
                command->without_config) {
                snprintf(why, cap, "unknown flag %s", argv[i]);
                return ERR_CONFIG;
            }
            i++;
        }
    }
    if (g->count >= command->words_min)
        return ERR_NONE;
    snprintf(why, cap, "%s %s", command->name, command->arguments);
    return ERR_CONFIG;
}

static enum err read_config(struct config *c,
                            const struct command *command,
                            const struct given *g,
                            int argc,
                            char **argv,
                            char *why,
                            size_t cap)
{
    struct given own = {.count = 0};

    config_defaults(c);
    if (command->without_config)
        return ERR_NONE;
    if (g->config != NULL)
        TRY(config_read_file(c, g->config, why, cap));
    TRY(config_read_environment(c, why, cap));
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            continue;
        if (!take_own(&own, command, argv[i], argv[i + 1]))
            TRY(take_flag(c, argv[i], argv[i + 1], why, cap));
        i++;
    }
    return config_check(c, why, cap);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static enum log_level level_of(const char *name)
{
    return strcmp(name, "debug") == 0     ? LOG_DEBUG_
           : strcmp(name, "unusual") == 0 ? LOG_UNUSUAL_
           : strcmp(name, "broken") == 0  ? LOG_BROKEN_
                                          : LOG_INFO_;
}

int main(int argc, char **argv)
{
    static struct config c;
    const struct command *command;
    struct given g = {.count = 0};
    char why[700] = "";

    if (argc < 2)
        return wrong_use("say what to do");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
            (i == 1 && strcmp(argv[i], "help") == 0)) {
            usage();
            return 0;
        }
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("equityd 1\ncommit %s, compiler %s\n"
               "%s, libsecp256k1, RocksDB, libevent %s, jansson %s\n",
               EQUITY_COMMIT,
               __VERSION__,
               OpenSSL_version(OPENSSL_VERSION),
               event_get_version(),
               jansson_version_str());
        return 0;
    }
    command = find_command(argv[1]);
    if (command == NULL)
        return wrong_use("the first word is no command");
    umask(077); /* the database library makes its files for all to read */
    if (read_given(&g, command, argc, argv, why, sizeof why) != ERR_NONE)
        return bad_config(why);
    if (read_config(&c, command, &g, argc, argv, why, sizeof why) != ERR_NONE)
        return bad_config(why);
    log_set(level_of(c.log_level), strcmp(c.log_format, "json") == 0);
    return command->run(&c, g.flags, g.words, g.count);
}
