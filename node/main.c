/* equityd - the node of one custody institution. */
#include "base/log.h"
#include "node/node.h"
#include "node/trace.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(void)
{
    printf("equityd - one institution's node of the common register\n\n"
           "  equityd init --config FILE   make the data directory (once)\n"
           "  equityd run --config FILE    run until SIGTERM or SIGINT\n"
           "  equityd config --config FILE show the effective "
           "configuration\n"
           "  equityd events FILE          read the events.trace of a halt\n"
           "  equityd --version\n\n"
           "Any key can be set by a flag (--SECTION-KEY VALUE) or by the\n"
           "environment (EQUITYD_SECTION_KEY); a flag wins over the\n"
           "environment, the environment over the file.\n\n"
           "Exit codes: 0 stopped as asked; 2 wrong use; 74 disk; 78\n"
           "configuration; 86 safety halt: do not restart before a person\n"
           "has looked.\n\nKeys:\n");
    config_print_help();
}

static int wrong_use(const char *why)
{
    fprintf(stderr, "equityd: %s\nequityd: --help shows how\n", why);
    return 2;
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

static const char *find_flag(int argc, char **argv, const char *name)
{
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    }
    return NULL;
}

static enum err read_config(
    struct config *c, int argc, char **argv, char *why, size_t cap)
{
    const char *file = find_flag(argc, argv, "--config");

    config_defaults(c);
    if (file != NULL)
        TRY(config_read_file(c, file, why, cap));
    TRY(config_read_environment(c, why, cap));
    for (int i = 2; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 >= argc) {
            snprintf(why,
                     cap,
                     strncmp(argv[i], "--", 2) != 0 ? "unexpected argument %s"
                                                    : "%s needs a value",
                     argv[i]);
            return ERR_CONFIG;
        }
        if (strcmp(argv[i], "--config") != 0)
            TRY(take_flag(c, argv[i], argv[i + 1], why, cap));
    }
    return config_check(c, why, cap);
}

static enum log_level level_of(const char *name)
{
    return strcmp(name, "debug") == 0     ? LOG_DEBUG_
           : strcmp(name, "unusual") == 0 ? LOG_UNUSUAL_
           : strcmp(name, "broken") == 0  ? LOG_BROKEN_
                                          : LOG_INFO_;
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

int main(int argc, char **argv)
{
    static struct config c;
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
    if (strcmp(argv[1], "events") == 0)
        return argc == 3 ? print_events(argv[2])
                         : wrong_use("events takes the name of a file");
    if (strcmp(argv[1], "init") != 0 && strcmp(argv[1], "run") != 0 &&
        strcmp(argv[1], "config") != 0)
        return wrong_use("the first word is init, run or config");
    if (read_config(&c, argc, argv, why, sizeof why) != ERR_NONE) {
        fprintf(stderr, "equityd: %s\n", why);
        return EXIT_CONFIG;
    }
    log_set(level_of(c.log_level), strcmp(c.log_format, "json") == 0);
    if (strcmp(argv[1], "config") == 0) {
        config_print(stdout, &c);
        return 0;
    }
    return strcmp(argv[1], "init") == 0 ? node_init(&c) : node_run(&c);
}
