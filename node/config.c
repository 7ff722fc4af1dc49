#include "node/config.h"

#include "base/meant.h"
#include "base/num.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVIRONMENT "EQUITYD_"

enum config_type {
    CONFIG_TEXT,
    CONFIG_NUMBER,
    CONFIG_CHOICE,      /* text of one of the words in `choices` */
    CONFIG_PEER,        /* peer.N */
    CONFIG_INSTITUTION, /* institution.N */
};

struct config_key {
    const char *section;
    const char *key;
    enum config_type type;
    size_t offset;
    size_t size;
    const char *initial;
    uint64_t min;
    uint64_t max;
    const char *choices;
    bool required;
    const char *help;
};

#define TEXT(member) \
    offsetof(struct config, member), sizeof(((struct config *)0)->member)

/* The one description: parser, defaults, --help and the example derive. */
static const struct config_key keys[] = {
    {"node",
     "dir",
     CONFIG_TEXT,
     TEXT(dir),
     "",
     0,
     0,
     NULL,
     true,
     "data directory: database, vote journal and keys"},
    {"node",
     "genesis",
     CONFIG_TEXT,
     TEXT(genesis),
     "",
     0,
     0,
     NULL,
     true,
     "genesis file (JSON); its hash is the name of the chain"},
    {"node",
     "passphrase_file",
     CONFIG_TEXT,
     TEXT(passphrase_file),
     "",
     0,
     0,
     NULL,
     false,
     "file, mode 0600, whose first line unlocks DIR/keys; without it the "
     "terminal is asked"},
    {"node",
     "verify_threads",
     CONFIG_NUMBER,
     TEXT(verify_threads),
     "0",
     0,
     256,
     NULL,
     false,
     "signature threads; 0 = one per hardware thread"},
    {"node",
     "cache_mib",
     CONFIG_NUMBER,
     TEXT(cache_mib),
     "64",
     8,
     65536,
     NULL,
     false,
     "database block cache, MiB"},
    {"node",
     "keep_blocks",
     CONFIG_NUMBER,
     TEXT(keep_blocks),
     "0",
     0,
     UINT64_MAX,
     NULL,
     false,
     "newest blocks whose bodies equityd prune leaves when it is run without "
     "--below; 0 = none"},
    {"node",
     "sync",
     CONFIG_CHOICE,
     TEXT(sync),
     "blocks",
     0,
     0,
     "blocks snapshot",
     false,
     "how a node that has only the genesis begins: blocks = executes every "
     "one; "
     "snapshot = fetches a state of its peers, then the blocks after it"},
    {"node",
     "snapshot_blocks",
     CONFIG_NUMBER,
     TEXT(snapshot_blocks),
     "10000",
     0,
     UINT64_MAX,
     NULL,
     false,
     "blocks from one snapshot of the state, by which others can begin, to the "
     "next; 0 = none is taken"},
    {"node",
     "snapshot_mib_s",
     CONFIG_NUMBER,
     TEXT(snapshot_mib_s),
     "32",
     0,
     65536,
     NULL,
     false,
     "MiB a second at which a snapshot is taken; 0 = no limit"},
    {"node",
     "disk_reserve_mib",
     CONFIG_NUMBER,
     TEXT(disk_reserve_mib),
     "64",
     1,
     1048576,
     NULL,
     false,
     "free space below which the node is not ready, MiB"},
    {"peers",
     "listen",
     CONFIG_TEXT,
     TEXT(peers_listen),
     "127.0.0.1:7400",
     0,
     0,
     NULL,
     false,
     "address for other validators"},
    {"peers",
     "peer.N",
     CONFIG_PEER,
     TEXT(peer),
     "",
     0,
     0,
     NULL,
     false,
     "address of the validator whose institution has place N in the genesis"},
    {"peers",
     "institution.N",
     CONFIG_INSTITUTION,
     TEXT(institution),
     "",
     0,
     0,
     NULL,
     false,
     "address of the validator of institution N; goes before peer.N, and is "
     "for those that joined later"},
    {"peers",
     "serve_mib",
     CONFIG_NUMBER,
     TEXT(peers_serve_mib),
     "8",
     1,
     1024,
     NULL,
     false,
     "blocks sent to one peer that asks for them, MiB a second"},
    {"rpc",
     "listen",
     CONFIG_TEXT,
     TEXT(rpc_listen),
     "127.0.0.1:7500",
     0,
     0,
     NULL,
     false,
     "address for clients; keep it on loopback"},
    {"rpc",
     "hosts",
     CONFIG_TEXT,
     TEXT(rpc_hosts),
     "",
     0,
     0,
     NULL,
     false,
     "further host names accepted in the Host header, separated by commas"},
    {"mempool",
     "txs",
     CONFIG_NUMBER,
     TEXT(mempool_txs),
     "20000",
     1,
     1000000,
     NULL,
     false,
     "most transactions waiting"},
    {"mempool",
     "mib",
     CONFIG_NUMBER,
     TEXT(mempool_mib),
     "64",
     1,
     65536,
     NULL,
     false,
     "most bytes waiting, MiB"},
    {"log",
     "level",
     CONFIG_CHOICE,
     TEXT(log_level),
     "info",
     0,
     0,
     "debug info unusual broken",
     false,
     "lowest level shown"},
    {"log",
     "format",
     CONFIG_CHOICE,
     TEXT(log_format),
     "text",
     0,
     0,
     "text json",
     false,
     "form of log lines"},
};

static void put_text(struct config *c,
                     const struct config_key *k,
                     const char *value)
{
    char *to = (char *)c + k->offset;

    memset(to, 0, k->size);
    memcpy(to, value, strlen(value));
}

static enum err put_value(struct config *c,
                          const struct config_key *k,
                          const char *value,
                          char *why,
                          size_t cap)
{
    uint64_t n;

    if (k->type == CONFIG_NUMBER) {
        if (!num_parse_u64(&n, value) || n < k->min || n > k->max) {
            snprintf(why,
                     cap,
                     "%s.%s must be a number from %llu to %llu, not \"%s\"",
                     k->section,
                     k->key,
                     (unsigned long long)k->min,
                     (unsigned long long)k->max,
                     value);
            return ERR_CONFIG;
        }
        memcpy((char *)c + k->offset, &n, sizeof n);
        return ERR_NONE;
    }
    if (strlen(value) >= k->size) {
        snprintf(why, cap, "%s.%s is too long", k->section, k->key);
        return ERR_CONFIG;
    }
    if (k->type == CONFIG_CHOICE) {
        const size_t size = strlen(value);
        const char *at = size > 0 ? strstr(k->choices, value) : NULL;

        if (at == NULL || (at[size] != ' ' && at[size] != '\0') ||
            (at != k->choices && at[-1] != ' ')) {
            snprintf(why,
                     cap,
                     "%s.%s must be one of: %s",
                     k->section,
                     k->key,
                     k->choices);
            return ERR_CONFIG;
        }
    }
    put_text(c, k, value);
    return ERR_NONE;
}

static enum err put_peer(
    struct config *c, const char *key, const char *value, char *why, size_t cap)
{
    uint64_t n;

    if (!num_parse_u64(&n, key + strlen("peer.")) || n >= VALIDATORS_MAX) {
        snprintf(why,
                 cap,
                 "peers.%s: N of peer.N is 0 to %d",
                 key,
                 VALIDATORS_MAX - 1);
        return ERR_CONFIG;
    }
    if (strlen(value) >= CONFIG_TEXT_MAX) {
        snprintf(why, cap, "peers.%s is too long", key);
        return ERR_CONFIG;
    }
    memset(c->peer[n], 0, sizeof c->peer[n]);
    memcpy(c->peer[n], value, strlen(value));
    return ERR_NONE;
}

/* Says so, and where the key stands if it is another section's. */
static void unknown_key(const char *section,
                        const char *key,
                        char *why,
                        size_t cap)
{
    struct meant m = {.word = key};
    const char *where = NULL;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *best = m.best;

        meant_try(&m, keys[i].key);
        if (m.best != best || (best != NULL && strcmp(keys[i].key, best) == 0 &&
                               strcmp(keys[i].section, section) == 0))
            where = keys[i].section;
    }
    if (where != NULL)
        snprintf(why,
                 cap,
                 "unknown key %s.%s; did you mean %s.%s?",
                 section,
                 key,
                 where,
                 m.best);
    else
        snprintf(why,
                 cap,
                 "unknown key %s.%s (equityd --help lists the known ones)",
                 section,
                 key);
}

static enum err put_institution(
    struct config *c, const char *key, const char *value, char *why, size_t cap)
{
    struct config_address *at = NULL;
    uint64_t n;

    if (!num_parse_u64(&n, key + strlen("institution.")) || n < 1 ||
        n > UINT16_MAX) {
        snprintf(why, cap, "peers.%s: N of institution.N is 1 to 65535", key);
        return ERR_CONFIG;
    }
    for (uint32_t i = 0; i < VALIDATORS_MAX && at == NULL; i++) {
        if (c->institution[i].institution == n ||
            c->institution[i].institution == 0)
            at = &c->institution[i];
    }
    if (at == NULL || strlen(value) >= sizeof at->text) {
        snprintf(why,
                 cap,
                 "peers.%s: %s",
                 key,
                 at == NULL ? "too many institutions" : "it is too long");
        return ERR_CONFIG;
    }
    memset(at, 0, sizeof *at);
    at->institution = (uint16_t)n;
    memcpy(at->text, value, strlen(value));
    return ERR_NONE;
}

static bool is_list(const struct config_key *k)
{
    return k->type == CONFIG_PEER || k->type == CONFIG_INSTITUTION;
}

enum err config_set(struct config *c,
                    const char *section,
                    const char *key,
                    const char *value,
                    char *why,
                    size_t cap)
{
    if (strcmp(section, "peers") == 0 && strncmp(key, "peer.", 5) == 0)
        return put_peer(c, key, value, why, cap);
    if (strcmp(section, "peers") == 0 && strncmp(key, "institution.", 12) == 0)
        return put_institution(c, key, value, why, cap);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (!is_list(&keys[i]) && strcmp(keys[i].section, section) == 0 &&
            strcmp(keys[i].key, key) == 0)
            return put_value(c, &keys[i], value, why, cap);
    }
    unknown_key(section, key, why, cap);
    return ERR_CONFIG;
}

void config_defaults(struct config *out)
{
    char why[200];

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (is_list(&keys[i]))
            continue;
        if (put_value(out, &keys[i], keys[i].initial, why, sizeof why) !=
            ERR_NONE)
            abort(); /* the table itself is wrong */
    }
}

struct ini_context {
    struct config *c;
    char *why;
    size_t cap;
    char seen[64][64]; /* section.key read so far: no key twice */
    unsigned seen_count;
};

static int ini_line(void *user,
                    const char *section,
                    const char *name,
                    const char *value)
{
    struct ini_context *x = user;
    char full[64];

    if (x->why[0] != '\0')
        return 0; /* the first error is the one to tell */
    snprintf(full, sizeof full, "%s.%s", section, name);
    for (unsigned i = 0; i < x->seen_count; i++) {
        if (strcmp(x->seen[i], full) == 0) {
            snprintf(x->why, x->cap, "key %s is given twice", full);
            return 0;
        }
    }
    if (x->seen_count < ARRAY_LEN(x->seen))
        memcpy(x->seen[x->seen_count++], full, sizeof full);
    return config_set(x->c, section, name, value, x->why, x->cap) == ERR_NONE;
}

/* inih cuts lines over its limit silently; such a line is refused here. */
static int first_long_line(FILE *f)
{
    int line = 1;
    int width = 0;
    int ch;

    while ((ch = fgetc(f)) != EOF) {
        if (ch == '\n') {
            line++;
            width = 0;
        } else if (++width > 190) {
            return line;
        }
    }
    return 0;
}

enum err config_read_file(struct config *c,
                          const char *path,
                          char *why,
                          size_t cap)
{
    struct ini_context x = {.c = c, .cap = 300};
    char reason[300] = "";
    FILE *f = fopen(path, "r");
    int line;

    if (f == NULL) {
        snprintf(why, cap, "%s: %s", path, strerror(errno));
        return ERR_CONFIG;
    }
    x.why = reason;
    line = first_long_line(f);
    if (line > 0) {
        fclose(f);
        snprintf(
            why, cap, "%s:%d: line is longer than 190 characters", path, line);
        return ERR_CONFIG;
    }
    rewind(f);
    line = ini_parse_file(f, ini_line, &x);
    fclose(f);
    if (line == 0)
        return ERR_NONE;
    snprintf(why,
             cap,
             "%s:%d: %s",
             path,
             line,
             reason[0] != '\0' ? reason : "not an INI line");
    return ERR_CONFIG;
}

/* EQUITYD_SECTION_KEY; peer.N is EQUITYD_PEERS_PEER_N. */
static enum err take_variable(struct config *c,
                              const char *text,
                              char *why,
                              size_t cap)
{
    const char *equals = strchr(text, '=');
    char name[80];
    char *key;
    size_t size = equals != NULL ? (size_t)(equals - text) : sizeof name;

    if (size >= sizeof name)
        size = sizeof name - 1;
    memcpy(name, text, size);
    name[size] = '\0';
    for (char *p = name; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    key = strchr(name + strlen(ENVIRONMENT), '_');
    if (equals == NULL || key == NULL) {
        snprintf(why, cap, "environment: %s names no key", text);
        return ERR_CONFIG;
    }
    *key++ = '\0';
    if (strncmp(key, "peer_", 5) == 0)
        key[4] = '.';
    if (strncmp(key, "institution_", 12) == 0)
        key[11] = '.';
    if (config_set(c, name + strlen(ENVIRONMENT), key, equals + 1, why, cap) ==
        ERR_NONE)
        return ERR_NONE;
    size = strlen(why);
    snprintf(why + size, cap - size, " (%.*s)", (int)(equals - text), text);
    return ERR_CONFIG;
}

/* Strict like the file: a variable with our prefix is a key, or a mistake. */
enum err config_read_environment(struct config *c, char *why, size_t cap)
{
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        if (strncmp(*at, ENVIRONMENT, strlen(ENVIRONMENT)) == 0)
            TRY(take_variable(c, *at, why, cap));
    }
    return ERR_NONE;
}

enum err config_check(const struct config *c, char *why, size_t cap)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (keys[i].required && ((const char *)c)[keys[i].offset] == '\0') {
            snprintf(why,
                     cap,
                     "%s.%s is missing: %s",
                     keys[i].section,
                     keys[i].key,
                     keys[i].help);
            return ERR_CONFIG;
        }
    }
    return ERR_NONE;
}

void config_print_help(void)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        printf("  [%s] %s%s%s\n      %s\n",
               keys[i].section,
               keys[i].key,
               keys[i].initial[0] != '\0' ? " = " : "",
               keys[i].initial,
               keys[i].help);
    }
}

void config_print(FILE *to, const struct config *c)
{
    const char *section = "";

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct config_key *k = &keys[i];

        if (strcmp(section, k->section) != 0) {
            section = k->section;
            fprintf(to, "%s[%s]\n", i > 0 ? "\n" : "", section);
        }
        fprintf(to, "; %s\n", k->help);
        if (k->type == CONFIG_PEER) {
            for (int n = 0; n < VALIDATORS_MAX; n++) {
                if (c->peer[n][0] != '\0')
                    fprintf(to, "peer.%d = %s\n", n, c->peer[n]);
            }
        } else if (k->type == CONFIG_INSTITUTION) {
            for (int n = 0; n < VALIDATORS_MAX; n++) {
                const struct config_address *a = &c->institution[n];

                if (a->institution != 0)
                    fprintf(
                        to, "institution.%u = %s\n", a->institution, a->text);
            }
        } else if (k->type == CONFIG_NUMBER) {
            uint64_t n;

            memcpy(&n, (const char *)c + k->offset, sizeof n);
            fprintf(to, "%s = %llu\n", k->key, (unsigned long long)n);
        } else {
            fprintf(to, "%s = %s\n", k->key, (const char *)c + k->offset);
        }
    }
}

enum err config_split_address(char *host, uint16_t *port, const char *address)
{
    const char *colon = strrchr(address, ':');
    const char *from = address;
    size_t size;
    uint64_t n;

    if (colon == NULL || !num_parse_u64(&n, colon + 1) || n > 65535)
        return ERR_CONFIG;
    size = (size_t)(colon - address);
    if (size >= 2 && from[0] == '[' && from[size - 1] == ']') {
        from++;
        size -= 2;
    }
    if (size == 0 || size > 255)
        return ERR_CONFIG;
    memcpy(host, from, size);
    host[size] = '\0';
    *port = (uint16_t)n;
    return ERR_NONE;
}
