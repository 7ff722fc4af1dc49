/* A trial network on this machine: keys, genesis, directories, processes. */
#include "cli/cli.h"

#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"
#include "crypto/random.h"
#include "crypto/transport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static struct devnet *caught; /* whose nodes a signal stops */

/* The nodes are in sessions of their own: Ctrl-C reaches this process alone.
 * They are told at once, so that whatever waits for one of them ends too. */
static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
    for (uint32_t i = 0; i < caught->nodes; i++) {
        if (caught->pids[i] > 0)
            kill(caught->pids[i], SIGTERM);
    }
}

void devnet_catch_signals(struct devnet *d)
{
    const struct sigaction a = {.sa_handler = on_signal};

    caught = d;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

bool devnet_interrupted(void)
{
    return interrupted != 0;
}

static uint32_t peer_port(const struct devnet *d, uint32_t i)
{
    return d->base_port + i;
}

static uint32_t rpc_port(const struct devnet *d, uint32_t i)
{
    return d->base_port + 100 + i;
}

void devnet_url(const struct devnet *d, uint32_t index, char out[64])
{
    snprintf(out, 64, "http://127.0.0.1:%u", rpc_port(d, index));
}

static bool port_free(uint32_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bool ok;

    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ok = bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}

static int make_dir(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail(EXIT_CANNOT_CREATE, "%s: %s", path, strerror(errno));
    return 0;
}

static int write_text(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const size_t size = strlen(text);

    if (fd < 0 || write(fd, text, size) != (ssize_t)size) {
        if (fd >= 0)
            close(fd);
        return fail(EXIT_CANNOT_CREATE, "%s: %s", path, strerror(errno));
    }
    close(fd);
    return 0;
}

/* The keys of one node, before their order in the set is known. */
struct node_keys {
    struct secret consensus;
    struct secret transport;
    struct validator validator;
};

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct node_keys *)a)->validator.key.raw,
                  ((const struct node_keys *)b)->validator.key.raw,
                  PUBKEY_BYTES);
}

static enum err new_node_keys(struct node_keys *k)
{
    uint8_t public[32];

    TRY(key_new(&k->consensus));
    TRY(key_public(&k->validator.key, &k->consensus));
    TRY(transport_key_new(&k->transport));
    TRY(transport_public(public, &k->transport));
    k->validator.spki_hash = transport_spki_hash(public);
    return ERR_NONE;
}

static enum err keep_node_keys(const struct devnet *d,
                               uint32_t i,
                               const struct node_keys *k)
{
    struct keystore_info info = {.kind = KEYSTORE_SECP256K1};
    char path[CLI_PATH_MAX + 64];

    snprintf(info.label, sizeof info.label, "node%u-consensus", i);
    memcpy(info.public_bytes, k->validator.key.raw, PUBKEY_BYTES);
    snprintf(path, sizeof path, "%s/node%u/keys/consensus.key", d->dir, i);
    TRY(keystore_write(path, &info, &k->consensus, d->passphrase));
    memset(&info, 0, sizeof info);
    info.kind = KEYSTORE_ED25519;
    snprintf(info.label, sizeof info.label, "node%u-transport", i);
    TRY(transport_public(info.public_bytes, &k->transport));
    snprintf(path, sizeof path, "%s/node%u/keys/transport.key", d->dir, i);
    return keystore_write(path, &info, &k->transport, d->passphrase);
}

/* Monday to Friday; 1970-01-01 was a Thursday. */
static void trading_days(struct genesis_year *y, uint16_t year)
{
    uint32_t first = 0;
    uint32_t next = 0;

    y->year = year;
    if (!num_days_of_date(&first, year, 1, 1) ||
        !num_days_of_date(&next, year + 1u, 1, 1))
        return;
    for (uint32_t day = first; day < next; day++) {
        const uint32_t weekday = (day + 3) % 7; /* 0 = Monday */

        if (weekday < 5)
            y->trading[(day - first) / 8] |=
                (uint8_t)(1u << ((day - first) % 8));
    }
}

static enum err add_institution(struct devnet *d,
                                struct genesis *g,
                                struct wallet *w,
                                uint16_t number)
{
    static const char *const codes[] = {
        "CUSTODY-EAST", "CUSTODY-SOUTH", "CUSTODY-WEST", "CUSTODY-NORTH"};
    static const char *const roles[] = {"maker", "checker", "operator"};
    struct genesis_institution *x = &g->institutions[number - 1];
    char dir[CLI_PATH_MAX + 16];

    x->number = number;
    if (number <= ARRAY_LEN(codes))
        snprintf(x->code, sizeof x->code, "%s", codes[number - 1]);
    else
        snprintf(x->code, sizeof x->code, "CUSTODY-%u", number);
    x->roles = ROLE_REGISTRAR;
    snprintf(dir, sizeof dir, "%s/wallet", d->dir);
    for (uint32_t k = 0; k < 3; k++) {
        char label[KEYSTORE_LABEL_MAX + 1];

        snprintf(label, sizeof label, "inst%u-%s", number, roles[k]);
        TRY(wallet_add(w, &x->keys[k].key, dir, label, d->passphrase));
        x->keys[k].roles = (uint16_t)(1u << k);
        x->key_count++;
    }
    g->institution_count++;
    return ERR_NONE;
}

static void add_authority(struct genesis *g,
                          const char *code,
                          const char *superior)
{
    struct genesis_authority *a = &g->authorities[g->authority_count++];

    snprintf(a->code, sizeof a->code, "%s", code);
    a->type = AUTHORITY_COURT;
    snprintf(a->superior, sizeof a->superior, "%s", superior);
}

static enum err make_genesis(struct devnet *d,
                             struct genesis *g,
                             struct node_keys *keys)
{
    struct wallet *w = calloc(1, sizeof *w);
    struct timespec now;
    struct tm utc;
    enum err e = ERR_NONE;

    ASSERT(w != NULL);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    g->format = GENESIS_FORMAT;
    g->time_ms = (uint64_t)now.tv_sec * 1000;
    g->offset_ms = 8 * 3600 * 1000;
    genesis_defaults(&g->params);
    g->validator_count = d->nodes;
    for (uint32_t i = 0; e == ERR_NONE && i < d->nodes; i++) {
        keys[i].validator.institution = (uint16_t)(i + 1);
        e = new_node_keys(&keys[i]);
        progress("keys", i + 1, d->nodes);
    }
    qsort(keys, d->nodes, sizeof keys[0], by_key);
    for (uint32_t i = 0; e == ERR_NONE && i < d->nodes; i++) {
        keys[i].validator.institution = (uint16_t)(i + 1);
        g->validators[i] = keys[i].validator;
        e = add_institution(d, g, w, (uint16_t)(i + 1));
    }
    add_authority(g, "COURT-DISTRICT-1", "COURT-HIGH");
    add_authority(g, "COURT-DISTRICT-2", "COURT-HIGH");
    add_authority(g, "COURT-HIGH", "COURT-HIGH");
    g->year_count = 2;
    trading_days(&g->years[0], (uint16_t)(utc.tm_year + 1900));
    trading_days(&g->years[1], (uint16_t)(utc.tm_year + 1901));
    wallet_wipe(w);
    free(w);
    return e;
}

static int write_config(const struct devnet *d, uint32_t i)
{
    char path[CLI_PATH_MAX + 64];
    char text[8192];
    size_t at;

    at = (size_t)snprintf(text,
                          sizeof text,
                          "[node]\ndir = %s/node%u\ngenesis = "
                          "%s/genesis.json\npassphrase_file = "
                          "%s/passphrase\n\n[rpc]\nlisten = "
                          "127.0.0.1:%u\n\n[peers]\nlisten = 127.0.0.1:%u\n",
                          d->dir,
                          i,
                          d->dir,
                          d->dir,
                          rpc_port(d, i),
                          peer_port(d, i));
    for (uint32_t k = 0; k < d->nodes && at < sizeof text; k++)
        at += (size_t)snprintf(text + at,
                               sizeof text - at,
                               "peer.%u = 127.0.0.1:%u\n",
                               k,
                               peer_port(d, k));
    snprintf(path, sizeof path, "%s/node%u.ini", d->dir, i);
    return write_text(path, text);
}

/* The equityd that stands beside this program. */
static void daemon_path(char out[CLI_PATH_MAX])
{
    const ssize_t n = readlink("/proc/self/exe", out, CLI_PATH_MAX - 16);
    char *slash;

    out[n > 0 ? n : 0] = '\0';
    slash = strrchr(out, '/');
    snprintf(slash != NULL ? slash + 1 : out, 16, "equityd");
}

/* What a network was made with, for the next start. */
static int write_shape(const struct devnet *d)
{
    char path[CLI_PATH_MAX + 64];
    char text[64];

    snprintf(path, sizeof path, "%s/devnet", d->dir);
    snprintf(text, sizeof text, "%u %u\n", d->nodes, d->base_port);
    return write_text(path, text);
}

static bool read_shape(struct devnet *d)
{
    char path[CLI_PATH_MAX + 64];
    FILE *f;
    bool ok;

    snprintf(path, sizeof path, "%s/devnet", d->dir);
    f = fopen(path, "re");
    if (f == NULL)
        return false;
    ok = fscanf(f, "%u %u", &d->nodes, &d->base_port) == 2 && d->nodes >= 1 &&
         d->nodes <= VALIDATORS_MAX && d->base_port <= 65000;
    fclose(f);
    return ok;
}

static int check_ports(const struct devnet *d)
{
    for (uint32_t i = 0; i < d->nodes; i++) {
        if (!port_free(peer_port(d, i)) || !port_free(rpc_port(d, i)))
            return fail(EXIT_UNAVAILABLE,
                        "port %u or %u is in use: stop what runs there, or "
                        "make a network with another --base-port",
                        peer_port(d, i),
                        rpc_port(d, i));
    }
    return 0;
}

static int spawn(const struct devnet *d,
                 uint32_t i,
                 const char *command,
                 int *pid)
{
    char program[CLI_PATH_MAX];
    char config[CLI_PATH_MAX + 64];
    char log[CLI_PATH_MAX + 64];

    daemon_path(program);
    snprintf(config, sizeof config, "%s/node%u.ini", d->dir, i);
    snprintf(log, sizeof log, "%s/node%u.log", d->dir, i);
    *pid = fork();
    if (*pid < 0)
        return fail(EXIT_UNAVAILABLE, "fork: %s", strerror(errno));
    if (*pid == 0) {
        const int fd =
            open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        setsid();
        if (d->tied)
            prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(fd, STDERR_FILENO);
        dup2(fd, STDOUT_FILENO);
        execl(program, "equityd", command, "--config", config, (char *)NULL);
        dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
        _exit(127);
    }
    return 0;
}

int devnet_start(struct devnet *d, uint32_t index)
{
    char path[CLI_PATH_MAX + 64];
    char text[32];
    const int code = spawn(d, index, "run", &d->pids[index]);

    if (code != 0)
        return code;
    snprintf(path, sizeof path, "%s/node%u.pid", d->dir, index);
    snprintf(text, sizeof text, "%d\n", d->pids[index]);
    return write_text(path, text);
}

static int init_nodes(struct devnet *d)
{
    for (uint32_t i = 0; i < d->nodes; i++) {
        int pid;
        int status;

        if (spawn(d, i, "init", &pid) != 0)
            return EXIT_UNAVAILABLE;
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
            WEXITSTATUS(status) != 0)
            return fail(EXIT_CANNOT_CREATE,
                        "equityd init failed; see %s/node%u.log",
                        d->dir,
                        i);
        progress("directories", i + 1, d->nodes);
    }
    return 0;
}

int devnet_make(struct devnet *d)
{
    struct genesis *g = calloc(1, sizeof *g);
    struct node_keys *keys = calloc(VALIDATORS_MAX, sizeof *keys);
    char path[CLI_PATH_MAX + 64];
    uint8_t random[16];
    char *text;
    json_t *json;
    int code;
    enum err e = ERR_NONE;

    ASSERT(g != NULL && keys != NULL);
    code = check_ports(d);
    snprintf(path, sizeof path, "%s/genesis.json", d->dir);
    if (code == 0 && access(path, F_OK) == 0)
        code = fail(EXIT_CANNOT_CREATE,
                    "%s holds a network already; start it with equity devnet, "
                    "or choose another --dir",
                    d->dir);
    if (code == 0)
        code = make_dir(d->dir);
    if (code == 0)
        code = write_shape(d);
    snprintf(path, sizeof path, "%s/wallet", d->dir);
    if (code == 0)
        code = make_dir(path);
    for (uint32_t i = 0; code == 0 && i < d->nodes; i++) {
        snprintf(path, sizeof path, "%s/node%u", d->dir, i);
        code = make_dir(path);
        snprintf(path, sizeof path, "%s/node%u/keys", d->dir, i);
        if (code == 0)
            code = make_dir(path);
        if (code == 0)
            code = write_config(d, i);
    }
    random_bytes(random, sizeof random);
    hex_encode(d->passphrase, random, sizeof random);
    snprintf(path, sizeof path, "%s/passphrase", d->dir);
    if (code == 0)
        code = write_text(path, d->passphrase);
    if (code == 0)
        e = make_genesis(d, g, keys);
    for (uint32_t i = 0; code == 0 && e == ERR_NONE && i < d->nodes; i++)
        e = keep_node_keys(d, i, &keys[i]);
    if (code == 0 && e != ERR_NONE)
        code = fail(EXIT_CANNOT_CREATE, "keys: %s", err_text(e));
    if (code == 0) {
        json = schema_to_json(&genesis_schema, g);
        text = json_dumps(json, JSON_INDENT(1));
        snprintf(path, sizeof path, "%s/genesis.json", d->dir);
        code = write_text(path, text);
        free(text);
        json_decref(json);
    }
    memset(keys, 0, VALIDATORS_MAX * sizeof *keys);
    free(keys);
    free(g);
    return code == 0 ? init_nodes(d) : code;
}

static bool is_ready(const struct devnet *d, uint32_t i)
{
    struct rpc_client *c;
    char url[64];
    char *text = NULL;
    int status;

    devnet_url(d, i, url);
    if (rpc_client_new(&c, url) != ERR_NONE)
        return false;
    status = rpc_client_get(c, "/readyz", &text);
    free(text);
    rpc_client_free(c);
    return status == 200;
}

bool devnet_wait_ready(struct devnet *d, uint32_t seconds)
{
    for (uint32_t t = 0; t < seconds * 10 && !interrupted; t++) {
        uint32_t ready = 0;

        for (uint32_t i = 0; i < d->nodes; i++)
            ready += is_ready(d, i) ? 1 : 0;
        if (ready == d->nodes)
            return true;
        usleep(100000);
    }
    return false;
}

void devnet_stop_all(struct devnet *d)
{
    for (uint32_t i = 0; i < d->nodes; i++) {
        if (d->pids[i] > 0)
            kill(d->pids[i], SIGTERM);
    }
    for (uint32_t i = 0; i < d->nodes; i++) {
        int status;

        if (d->pids[i] > 0)
            waitpid(d->pids[i], &status, 0);
        d->pids[i] = 0;
    }
}

static void show(const struct devnet *d)
{
    for (uint32_t i = 0; i < d->nodes; i++) {
        struct rpc_client *c;
        struct rpc_failure why;
        char url[64];
        json_t *s;

        devnet_url(d, i, url);
        if (rpc_client_new(&c, url) != ERR_NONE)
            continue;
        s = rpc_client_call(c, "node_status", NULL, 2000, &why);
        if (s == NULL)
            printf("node%u  %-26s  down\n", i, url);
        else
            printf(
                "node%u  %-26s  height %-8s view %-8s peers %lld  %s\n",
                i,
                url,
                json_string_value(json_object_get(s, "height")),
                json_string_value(json_object_get(s, "view")),
                (long long)json_integer_value(json_object_get(s, "peers_up")),
                json_is_true(json_object_get(s, "ready")) ? "ready"
                                                          : "not ready");
        json_decref(s);
        rpc_client_free(c);
    }
    fflush(stdout);
}

static const struct flag flags[] = {
    {"dir", true, "directory of the network (default ./devnet)"},
    {"nodes", true, "number of nodes, 1 to 10 (default 4)"},
    {"base-port", true, "first port (default 7400); RPC at +100"},
    {NULL, false, NULL},
};

/* Flags; or, for a network that is there, what it was made with. */
static int read_flags(struct devnet *d,
                      const struct args *a,
                      const struct command *c,
                      bool *is_there)
{
    const char *dir = args_value(a, c, "dir", "devnet");
    char here[512] = "";
    char path[CLI_PATH_MAX + 64];
    uint64_t nodes;
    uint64_t port;

    if (dir[0] != '/' && getcwd(here, sizeof here) == NULL)
        return fail(EXIT_USAGE, "no current directory");
    snprintf(d->dir,
             sizeof d->dir,
             "%s%s%.400s",
             here,
             dir[0] == '/' ? "" : "/",
             dir);
    if (!num_parse_u64(&nodes, args_value(a, c, "nodes", "4")) || nodes < 1 ||
        nodes > 10)
        return fail(EXIT_USAGE, "--nodes is 1 to 10");
    if (!num_parse_u64(&port, args_value(a, c, "base-port", "7400")) ||
        port < 1024 || port > 65000)
        return fail(EXIT_USAGE, "--base-port is 1024 to 65000");
    d->nodes = (uint32_t)nodes;
    d->base_port = (uint32_t)port;
    snprintf(path, sizeof path, "%.1000s/genesis.json", d->dir);
    *is_there = access(path, F_OK) == 0;
    if (!*is_there)
        return 0;
    if (!read_shape(d))
        return fail(EXIT_DATA,
                    "%s/devnet does not say how many nodes there are and the "
                    "first port",
                    d->dir);
    if ((args_has(a, c, "nodes") && nodes != d->nodes) ||
        (args_has(a, c, "base-port") && port != d->base_port))
        return fail(EXIT_USAGE,
                    "%s holds a network of %u nodes from port %u on; choose "
                    "another --dir for another one",
                    d->dir,
                    d->nodes,
                    d->base_port);
    return check_ports(d);
}

static int run_devnet(const struct command *c, int argc, char **argv)
{
    struct devnet d = {.tied = true};
    struct args a;
    bool is_there = false;
    int code = args_read(&a, c, argc, argv);

    if (code == 0)
        code = read_flags(&d, &a, c, &is_there);
    if (code == 0 && !is_there)
        code = devnet_make(&d);
    if (code != 0)
        return code;
    devnet_catch_signals(&d);
    for (uint32_t i = 0; code == 0 && i < d.nodes; i++)
        code = devnet_start(&d, i);
    if (code == 0 && !devnet_wait_ready(&d, 30) && !interrupted)
        code =
            fail(EXIT_UNAVAILABLE, "not ready after 30 s; see %s/*.log", d.dir);
    if (code == 0 && !interrupted) {
        show(&d);
        say("running; Ctrl-C stops all nodes");
    }
    while (code == 0 && !interrupted) {
        const struct timespec t = {10, 0};

        nanosleep(&t, NULL);
        if (!interrupted)
            show(&d);
    }
    devnet_stop_all(&d);
    say("stopped");
    return code;
}

const struct command devnet_commands[] = {
    {"devnet",
     "[flags]",
     "Make (if needed) and run a trial network on this machine.",
     flags,
     run_devnet},
    {NULL, NULL, NULL, NULL, NULL},
};
