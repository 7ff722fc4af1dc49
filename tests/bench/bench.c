/* bench BUILD: the figures of docs/BENCH.md, in one table and one run.
 *
 * Ratios to one signature verification of the same run are what counts; the
 * machine is named beside them. */
#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "engine/engine.h"
#include "rpc/client.h"
#include "rpc/schema_json.h"
#include "storage/store.h"
#include "tests/load/load.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NODES = 4,
    TRANSFERS = 6000,
    ALONE = 200,
};

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* CPU time of the calling thread. */
static uint64_t thread_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void row(const char *what, const char *figure)
{
    printf("| %-58s | %-28s |\n", what, figure);
    fflush(stdout);
}

/* ---- signatures ---- */

struct verify_run {
    pthread_t thread;
    uint64_t count;
    uint64_t until_us;
    uint64_t cpu_ns;
};

static void *verify_some(void *arg)
{
    struct verify_run *r = arg;
    struct secret secret;
    struct pubkey key;
    struct hash digest = {{1}};
    struct signature sig;

    if (key_new(&secret) != ERR_NONE || key_public(&key, &secret) != ERR_NONE ||
        key_sign(&sig, &secret, &digest) != ERR_NONE)
        abort();
    while (now_us() < r->until_us) {
        for (int i = 0; i < 50; i++)
            r->count += key_verify(&key, &digest, &sig) ? 1 : 0;
    }
    r->cpu_ns = thread_ns();
    return NULL;
}

/* Verifications a second, and the CPU time of one. */
static uint64_t verify_rate(uint32_t threads, uint64_t *cpu_ns)
{
    struct verify_run runs[64] = {0};
    const uint64_t from = now_us();
    uint64_t sum = 0;
    uint64_t cpu = 0;

    if (threads > ARRAY_LEN(runs))
        threads = ARRAY_LEN(runs);
    for (uint32_t i = 0; i < threads; i++) {
        runs[i].until_us = from + 2000000;
        pthread_create(&runs[i].thread, NULL, verify_some, &runs[i]);
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(runs[i].thread, NULL);
        sum += runs[i].count;
        cpu += runs[i].cpu_ns;
    }
    *cpu_ns = cpu / sum;
    return sum * 1000000 / (now_us() - from);
}

/* ---- state root ---- */

static struct hash numbered(uint64_t n)
{
    uint8_t b[8];
    struct writer w = writer_of(b, sizeof b);

    writer_u64(&w, n);
    return hash_of(writer_bytes(&w));
}

static int change_cmp(const void *a, const void *b)
{
    const struct row_key *x = &((const struct change *)a)->key;
    const struct row_key *y = &((const struct change *)b)->key;
    int c = (int)x->table - (int)y->table;

    if (c == 0)
        c = hash_cmp(&x->tree, &y->tree);
    return c != 0 ? c : hash_cmp(&x->key, &y->key);
}

/* As the overlay hands changes over: in order, no key twice. */
static void in_order(struct change_set *set, struct change *list)
{
    uint32_t kept = 0;

    qsort(list, set->count, sizeof list[0], change_cmp);
    for (uint32_t i = 0; i < set->count; i++) {
        if (kept == 0 || change_cmp(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
    }
    set->count = kept;
}

/* Nanoseconds of state root work for one transfer: two holdings, the security,
 * one reference, 1,000 transfers a block. */
static uint64_t root_ns(uint64_t holdings)
{
    enum { PER_BLOCK = 1000, ROW = 90, CHANGES = 4 };
    struct state *s = state_new();
    const uint64_t securities = holdings / 1000;
    struct change *list = calloc(PER_BLOCK * CHANGES, sizeof *list);
    uint8_t bytes[ROW] = {0};
    uint64_t total = 0;
    uint64_t seed = 1;

    for (uint64_t i = 0; i < holdings; i++) {
        const struct row_key k = {
            TABLE_HOLDINGS, numbered(i % securities), numbered(i)};

        if (state_load(s, &k, bytes_of(bytes, ROW)) != ERR_NONE)
            abort();
    }
    for (uint64_t i = 0; i < securities; i++) {
        const struct row_key k = {.table = TABLE_SECURITIES,
                                  .key = numbered(i)};

        if (state_load(s, &k, bytes_of(bytes, ROW)) != ERR_NONE)
            abort();
    }
    (void)state_root(s);
    for (int block = 0; block < 10; block++) {
        struct change_set set = {.list = list};
        struct state_undo *undo;
        struct hash root;
        uint64_t from;

        bytes[0] = (uint8_t)(block + 1);
        for (int t = 0; t < PER_BLOCK; t++) {
            const uint64_t security = seed % securities;

            for (uint64_t h = 0; h < 2; h++) {
                const uint64_t holder =
                    security +
                    securities * ((seed >> 20) % 1000 + h) % holdings;

                list[set.count++] =
                    (struct change){.key = {TABLE_HOLDINGS,
                                            numbered(security),
                                            numbered(holder)},
                                    .new_row = bytes_of(bytes, ROW)};
            }
            list[set.count++] = (struct change){
                .key = {.table = TABLE_SECURITIES, .key = numbered(security)},
                .new_row = bytes_of(bytes, ROW)};
            list[set.count++] = (struct change){
                .key = {TABLE_REFERENCES, day_key(1), numbered(seed)},
                .new_row = bytes_of(bytes, 32)};
            seed = seed * 6364136223846793005u + 1442695040888963407u;
        }
        in_order(&set, list);
        from = thread_ns();
        state_apply(s, &root, &undo, &set);
        total += thread_ns() - from;
        state_undo_free(undo);
    }
    free(list);
    state_free(s);
    return total / (10 * PER_BLOCK);
}

/* ---- block commit ---- */

static void bench_commit(uint64_t *p50, uint64_t *p99)
{
    enum { BLOCKS = 60, TXS = 1000, ROW = 90 };
    char dir[] = "/tmp/equity-bench-XXXXXX";
    const struct hash chain = {{1}};
    const struct store_options options = {.create = true};
    char message[200];
    struct store *s;
    struct change *list = calloc(TXS * 4, sizeof *list);
    struct hash *ids = calloc(TXS, sizeof *ids);
    uint8_t *body = calloc(1, TXS * 600);
    uint8_t bytes[ROW];
    uint64_t took[BLOCKS];
    struct mtree_log log = {0};
    char command[64];

    if (mkdtemp(dir) == NULL ||
        store_open(&s, dir, &chain, &options, message, sizeof message) !=
            ERR_NONE)
        abort();
    for (uint64_t b = 0; b < BLOCKS; b++) {
        struct header h = {.height = b};
        uint8_t none[4] = {0};
        uint8_t head[HEADER_BYTES_MAX];
        const struct hash hash = numbered(b);
        struct store_block block = {.header = &h, .hash = hash};
        uint64_t from;

        random_bytes(bytes, sizeof bytes);
        for (int i = 0; i < TXS * 4; i++)
            list[i] = (struct change){
                .key = {TABLE_HOLDINGS, chain, numbered((uint64_t)i)},
                .old_row = bytes_of(bytes, ROW),
                .new_row = bytes_of(bytes, ROW)};
        mtree_log_append(&log, &hash);
        h.version = HEADER_VERSION;
        block.header_bytes = bytes_of(head, header_encode(head, &h));
        block.body = bytes_of(body, TXS * 600);
        block.events = bytes_of(none, sizeof none);
        block.changes.list = list;
        block.changes.count = TXS * 4;
        block.tx_ids = ids;
        block.header_log = &log;
        from = now_us();
        if (store_put_block(s, &block) != ERR_NONE)
            abort();
        took[b] = now_us() - from;
    }
    store_close(s);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        abort();
    qsort(took, BLOCKS, sizeof took[0], by_size);
    *p50 = took[BLOCKS / 2];
    *p99 = took[BLOCKS * 99 / 100];
    free(list);
    free(ids);
    free(body);
}

/* ---- four validators ---- */

struct net {
    char dir[64];
    int port; /* of the first node; two runs at a time differ */
    pid_t devnet;
    struct rpc_client *client[NODES];
    struct load_market market;
    struct buf tx[TRANSFERS];
};

static bool start_net(struct net *n, const char *build)
{
    char program[300];
    char url[64];

    snprintf(n->dir, sizeof n->dir, "/tmp/equity-bench-net-%d", (int)getpid());
    snprintf(program, sizeof program, "%s/equity", build);
    n->port = 20000 + (int)getpid() % 60 * 200;
    n->devnet = fork();
    if (n->devnet == 0) {
        char port[8];

        snprintf(port, sizeof port, "%d", n->port);
        if (freopen("/dev/null", "w", stdout) == NULL ||
            freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        execl(program,
              "equity",
              "devnet",
              "--dir",
              n->dir,
              "--base-port",
              port,
              (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < NODES; i++) {
        snprintf(url, sizeof url, "http://127.0.0.1:%d", n->port + 100 + i);
        if (rpc_client_new(&n->client[i], url) != ERR_NONE)
            return false;
    }
    for (int t = 0; t < 300; t++) {
        int ready = 0;

        for (int i = 0; i < NODES; i++) {
            char *text = NULL;

            ready += rpc_client_get(n->client[i], "/readyz", &text) == 200;
            free(text);
        }
        if (ready == NODES)
            return true;
        if (waitpid(n->devnet, NULL, WNOHANG) == n->devnet) {
            n->devnet = 0; /* it has said why, to nobody: a port in use? */
            return false;
        }
        usleep(100000);
    }
    return false;
}

/* CPU time of all four nodes by kind of thread, nanoseconds. */
enum cpu_kind {
    CPU_VERIFY,
    CPU_LOOP,
    CPU_EXECUTOR,
    CPU_WRITER,
    CPU_RPC,
    CPU_REST,
    CPU_KINDS,
};

struct cpu {
    uint64_t ns[CPU_KINDS];
};

static enum cpu_kind kind_of_thread(const char *name)
{
    static const struct {
        const char *name;
        enum cpu_kind kind;
    } kinds[] = {{"verify", CPU_VERIFY},
                 {"equityd", CPU_LOOP},
                 {"executor", CPU_EXECUTOR},
                 {"writer", CPU_WRITER},
                 {"rpc", CPU_RPC}};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].kind;
    }
    return CPU_REST;
}

static bool read_line(char *out, size_t cap, const char *path)
{
    FILE *f = fopen(path, "r");
    const bool ok = f != NULL && fgets(out, (int)cap, f) != NULL;

    if (f != NULL)
        fclose(f);
    if (ok)
        out[strcspn(out, "\n")] = '\0';
    return ok;
}

static void add_thread(struct cpu *c, const char *task)
{
    char path[400];
    char name[64];
    char text[128];
    unsigned long long ns = 0;

    snprintf(path, sizeof path, "%s/comm", task);
    if (!read_line(name, sizeof name, path))
        return; /* it has just ended */
    snprintf(path, sizeof path, "%s/schedstat", task);
    if (read_line(text, sizeof text, path) && sscanf(text, "%llu", &ns) == 1)
        c->ns[kind_of_thread(name)] += ns;
}

static struct cpu cpu_of_nodes(const struct net *n)
{
    struct cpu c = {{0}};

    for (int i = 0; i < NODES; i++) {
        char path[128];
        char text[64];
        const struct dirent *e;
        DIR *d;

        snprintf(path, sizeof path, "%s/node%d.pid", n->dir, i);
        if (!read_line(text, sizeof text, path))
            abort();
        snprintf(path, sizeof path, "/proc/%.16s/task", text);
        d = opendir(path);
        if (d == NULL)
            abort();
        while ((e = readdir(d)) != NULL) {
            char task[320];

            snprintf(task, sizeof task, "%.40s/%s", path, e->d_name);
            if (e->d_name[0] != '.')
                add_thread(&c, task);
        }
        closedir(d);
    }
    return c;
}

struct load {
    pthread_t thread;
    struct net *net;
    struct rpc_client *client;
    uint32_t first;
    uint32_t step;
    bool ok;
};

static bool submit(struct rpc_client *c, const struct buf *tx)
{
    struct rpc_failure why;
    const bool ok = load_submit(c, tx, &why);

    if (!ok)
        fprintf(stderr, "bench: %s: %s\n", why.name, why.message);
    return ok;
}

static void *send_load(void *arg)
{
    struct load *l = arg;

    l->ok = true;
    for (uint32_t i = l->first; i < TRANSFERS; i += l->step)
        l->ok = submit(l->client, &l->net->tx[i]) && l->ok;
    return NULL;
}

static uint64_t txs_of(struct rpc_client *c)
{
    char *text = NULL;
    uint64_t n = 0;
    const char *at;

    if (rpc_client_get(c, "/metrics", &text) == 200 &&
        (at = strstr(text, "\nequity_txs_total ")) != NULL) {
        for (at += 18; *at >= '0' && *at <= '9'; at++)
            n = n * 10 + (uint64_t)(*at - '0');
    }
    free(text);
    return n;
}

static void bench_throughput(struct net *n,
                             uint64_t *per_second,
                             struct cpu *per_tx)
{
    enum { SENDERS = 16 };
    struct load loads[SENDERS];
    const uint64_t before = txs_of(n->client[0]);
    struct hash id;
    struct cpu first;
    uint64_t from;

    for (uint32_t i = 0; i < TRANSFERS; i++)
        load_transfer(&n->market, &n->tx[i], &id, i);
    first = cpu_of_nodes(n);
    from = now_us();
    for (uint32_t i = 0; i < SENDERS; i++) {
        char url[64];

        loads[i] = (struct load){.net = n, .first = i, .step = SENDERS};
        snprintf(url,
                 sizeof url,
                 "http://127.0.0.1:%d",
                 n->port + 100 + (int)(i % NODES));
        if (rpc_client_new(&loads[i].client, url) != ERR_NONE)
            abort();
        pthread_create(&loads[i].thread, NULL, send_load, &loads[i]);
    }
    for (uint32_t i = 0; i < SENDERS; i++) {
        pthread_join(loads[i].thread, NULL);
        rpc_client_free(loads[i].client);
    }
    for (int t = 0; t < 6000 && txs_of(n->client[0]) < before + TRANSFERS; t++)
        usleep(5000);
    *per_second = (txs_of(n->client[0]) - before) * 1000000 / (now_us() - from);
    *per_tx = cpu_of_nodes(n);
    for (int k = 0; k < CPU_KINDS; k++)
        per_tx->ns[k] = (per_tx->ns[k] - first.ns[k]) / (NODES * TRANSFERS);
}

static void bench_alone(struct net *n, uint64_t *p50, uint64_t *p99)
{
    uint64_t took[ALONE];
    struct buf tx = {0};
    struct hash id;

    for (uint32_t i = 0; i < ALONE; i++) {
        uint64_t from;

        load_transfer(&n->market, &tx, &id, TRANSFERS + i);
        from = now_us();
        if (!submit(n->client[i % NODES], &tx) ||
            !load_wait_final(n->client[i % NODES], &id, 60000))
            abort();
        took[i] = now_us() - from;
    }
    qsort(took, ALONE, sizeof took[0], by_size);
    *p50 = took[ALONE / 2];
    *p99 = took[ALONE * 99 / 100];
    buf_deinit(&tx);
}

static void *read_some(void *arg)
{
    struct load *l = arg;
    struct rpc_failure why;
    const uint64_t until = now_us() + 2000000;

    l->first = 0;
    while (now_us() < until) {
        json_t *r = rpc_client_call(
            l->client,
            "holding_get",
            json_pack(
                "{s:s, s:o}",
                "security",
                "BENCH",
                "account",
                json_of_hex(l->net->market.account[l->first % LOAD_HOLDERS].raw,
                            HASH_BYTES)),
            5000,
            &why);

        l->first += r != NULL ? 1 : 0;
        json_decref(r);
    }
    return NULL;
}

static uint64_t bench_reads(struct net *n)
{
    struct load loads[NODES];
    uint64_t sum = 0;

    for (int i = 0; i < NODES; i++) {
        loads[i] = (struct load){.net = n, .client = n->client[i]};
        pthread_create(&loads[i].thread, NULL, read_some, &loads[i]);
    }
    for (int i = 0; i < NODES; i++) {
        pthread_join(loads[i].thread, NULL);
        sum += loads[i].first;
    }
    return sum / 2;
}

static void print_machine(void)
{
    struct utsname u;
    char line[256];
    char model[128] = "?";
    FILE *f = fopen("/proc/cpuinfo", "r");

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "model name : %127[^\n]", model) == 1)
            break;
    }
    if (f != NULL)
        fclose(f);
    uname(&u);
    printf("Machine: %s, %ld hardware threads, %s %s, compiler %s\n\n",
           model,
           sysconf(_SC_NPROCESSORS_ONLN),
           u.sysname,
           u.release,
           __VERSION__);
}

static void percent(char out[64],
                    uint64_t part,
                    uint64_t whole,
                    const char *unit)
{
    snprintf(out,
             64,
             "%llu.%02llu %s",
             (unsigned long long)(part / whole),
             (unsigned long long)(part * 100 / whole % 100),
             unit);
}

static void row_us(const char *what, uint64_t p50, uint64_t p99)
{
    char text[64];

    snprintf(text,
             sizeof text,
             "%llu us / %llu us",
             (unsigned long long)p50,
             (unsigned long long)p99);
    row(what, text);
}

static void row_number(const char *what, uint64_t n)
{
    char text[64];

    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    row(what, text);
}

/* A verification: by one thread alone; the rate of all threads together; and
 * the CPU time of one while all are at it, which is what it costs a busy
 * machine whose hardware threads share cores. */
struct verify_speed {
    uint64_t ns;
    uint64_t all;
    uint64_t busy_ns;
};

static struct verify_speed bench_verify(void)
{
    const uint32_t threads = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    struct verify_speed v;

    row_number("signature verifications per second, one thread",
               verify_rate(1, &v.ns));
    v.all = verify_rate(threads, &v.busy_ns);
    row_number("signature verifications per second, all threads", v.all);
    return v;
}

static void bench_parts(const struct verify_speed *v)
{
    char text[64];
    uint64_t p50;
    uint64_t p99;

    percent(text, root_ns(10000), v->ns, "verifications");
    row("state root per transfer, 10 thousand holdings", text);
    percent(text, root_ns(1000000), v->ns, "verifications");
    row("state root per transfer, 1 million holdings", text);
    bench_commit(&p50, &p99);
    row_us("synced commit of a block of 1,000, p50 / p99", p50, p99);
}

static void row_cpu(const struct cpu *c, uint64_t unit_ns)
{
    static const struct {
        enum cpu_kind kind;
        const char *what;
    } parts[] = {{CPU_LOOP, "- peers, consensus, journal, mempool"},
                 {CPU_EXECUTOR, "- dry run, execution, state root"},
                 {CPU_WRITER, "- database and indexes"},
                 {CPU_RPC, "- clients (HTTP, JSON)"},
                 {CPU_REST, "- the rest"}};
    const uint64_t checks = 4 * unit_ns;
    const uint64_t verify = c->ns[CPU_VERIFY];
    uint64_t beside = verify > checks ? verify - checks : 0;
    char text[64];

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        beside += c->ns[parts[i].kind];
    percent(text, beside, unit_ns, "verifications");
    row("CPU per transaction and node beside signature checks", text);
    percent(
        text, verify > checks ? verify - checks : 0, unit_ns, "verifications");
    row("- decoding, hashing, waking (verify threads)", text);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        percent(text, c->ns[parts[i].kind], unit_ns, "verifications");
        row(parts[i].what, text);
    }
}

static void bench_load(struct net *net, const struct verify_speed *v)
{
    const uint64_t limit = v->all / (NODES * 4);
    char text[64];
    uint64_t rate;
    struct cpu cpu;

    bench_throughput(net, &rate, &cpu);
    row_number("committed transfers per second, 4 validators, 4 signatures",
               rate);
    row_number("limit: verifications per second / (nodes x signatures)", limit);
    percent(text, rate, limit, "of the limit");
    row("ratio to the limit", text);
    row_cpu(&cpu, v->busy_ns);
}

/* bench BUILD [parts|alone|load|reads]: everything, or one part of it. */
int main(int argc, char **argv)
{
    static struct net net;
    const char *only = argc > 2 ? argv[2] : NULL;
    struct verify_speed v;
    char command[100];
    uint64_t p50;
    uint64_t p99;
    bool ok;

#define WANTED(name) (only == NULL || strcmp(only, name) == 0)
    if (argc < 2)
        return 2;
    print_machine();
    row("what", "figure");
    printf("|%s|%s|\n",
           "------------------------------------------------------------",
           "------------------------------");
    v = bench_verify();
    if (WANTED("parts"))
        bench_parts(&v);
    ok = start_net(&net, argv[1]) &&
         load_open(&net.market, net.client[0], net.dir) &&
         load_make(&net.market, net.client[0]);
    if (ok && WANTED("alone")) {
        bench_alone(&net, &p50, &p99);
        row_us("finality at one transaction at a time, p50 / p99", p50, p99);
    }
    if (ok && WANTED("load"))
        bench_load(&net, &v);
    if (ok && WANTED("reads"))
        row_number("RPC reads per second (holding_get, 4 connections)",
                   bench_reads(&net));
    if (!ok)
        fprintf(stderr, "bench: the trial network did not start\n");
    if (net.devnet > 0) {
        kill(net.devnet, SIGTERM);
        waitpid(net.devnet, NULL, 0);
    }
    snprintf(command, sizeof command, "rm -rf %s", net.dir);
    return system(command) == 0 && ok ? 0 : 1;
}
