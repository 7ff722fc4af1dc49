/* bench BUILD: the figures of docs/BENCH.md, in one table and one run.
 *
 * Ratios to one signature verification of the same run are what counts; the
 * machine is named beside them. */
#include "base/buf.h"
#include "base/hex.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "crypto/keystore.h"
#include "crypto/random.h"
#include "ledger/ops.h"
#include "node/engine.h"
#include "rpc/client.h"
#include "rpc/schema_json.h"
#include "storage/store.h"

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
    HOLDERS = 128,
    TRANSFERS = 6000,
    ALONE = 200,
};

/* First port of the trial network; BENCH_PORT chooses another. */
static unsigned base_port(void)
{
    const char *text = getenv("BENCH_PORT");
    uint64_t port;

    return text != NULL && num_parse_u64(&port, text) && port >= 1024 &&
                   port <= 65000
               ? (unsigned)port
               : 28400;
}

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
    return NULL;
}

static uint64_t verify_rate(uint32_t threads)
{
    struct verify_run runs[64] = {0};
    const uint64_t from = now_us();
    uint64_t sum = 0;

    for (uint32_t i = 0; i < threads; i++) {
        runs[i].until_us = from + 2000000;
        pthread_create(&runs[i].thread, NULL, verify_some, &runs[i]);
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(runs[i].thread, NULL);
        sum += runs[i].count;
    }
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
        from = now_us();
        state_apply(s, &root, &undo, &set);
        total += now_us() - from;
        state_undo_free(undo);
    }
    free(list);
    state_free(s);
    return total * 1000 / (10 * PER_BLOCK);
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
    pid_t devnet;
    struct rpc_client *client[NODES];
    struct hash chain_id;
    uint32_t today;
    struct secret maker, checker;
    struct secret holder[HOLDERS];
    struct hash account[HOLDERS];
    struct buf tx[TRANSFERS];
    struct hash id;
};

static bool start_net(struct net *n, const char *build)
{
    char program[300];
    char url[64];

    snprintf(n->dir, sizeof n->dir, "/tmp/equity-bench-net-%d", (int)getpid());
    snprintf(program, sizeof program, "%s/equity", build);
    n->devnet = fork();
    if (n->devnet == 0) {
        char port[8];

        snprintf(port, sizeof port, "%u", base_port());
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
        snprintf(url,
                 sizeof url,
                 "http://127.0.0.1:%u",
                 base_port() + 100 + (unsigned)i);
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
        usleep(100000);
    }
    return false;
}

static bool open_keys(struct net *n)
{
    struct keystore_info info;
    char path[128];
    char passphrase[PASSPHRASE_MAX];
    struct rpc_failure why;
    json_t *status;
    uint64_t day = 0;

    snprintf(path, sizeof path, "%s/passphrase", n->dir);
    if (passphrase_read_file(passphrase, path) != ERR_NONE)
        return false;
    snprintf(path, sizeof path, "%s/wallet/inst1-maker.key", n->dir);
    if (keystore_open(&info, &n->maker, path, passphrase) != ERR_NONE)
        return false;
    snprintf(path, sizeof path, "%s/wallet/inst1-checker.key", n->dir);
    if (keystore_open(&info, &n->checker, path, passphrase) != ERR_NONE)
        return false;
    status = rpc_client_call(n->client[0], "node_status", NULL, 5000, &why);
    if (status == NULL ||
        !hex_decode(n->chain_id.raw,
                    HASH_BYTES,
                    json_string_value(json_object_get(status, "chain_id"))) ||
        !json_u64(&day, json_object_get(status, "business_day")))
        return false;
    n->today = (uint32_t)day;
    json_decref(status);
    return true;
}

static void begin(struct net *n, struct tx *tx)
{
    memset(tx, 0, sizeof *tx);
    tx->chain_id = n->chain_id;
    tx->institution = 1;
    tx->reference.day = n->today;
    random_bytes(tx->reference.serial, SERIAL_BYTES);
    tx->valid_until = n->today + 30;
    random_bytes(tx->salt, SALT_BYTES);
    tx->principals[tx->principal_count++] =
        (struct principal){PRINCIPAL_INSTITUTION, institution_id(1)};
}

static void add_op(
    struct tx *tx, struct buf *room, uint8_t kind, const void *op, size_t most)
{
    uint8_t *at = buf_append(room, NULL, most);
    struct writer w = writer_of(at, most);

    op_encode(&w, op_find(kind), op);
    tx->ops[tx->op_count++] = bytes_of(at, w.size);
}

static void sign(struct tx *tx,
                 const struct principal *p,
                 const struct secret *s)
{
    for (uint8_t i = 0; i < tx->principal_count; i++) {
        if (principal_cmp(&tx->principals[i], p) == 0 &&
            tx_sign(tx, i, s) != ERR_NONE)
            abort();
    }
}

static void finish(struct net *n,
                   struct tx *tx,
                   struct buf *out,
                   const uint32_t *holders,
                   uint32_t count)
{
    const struct principal registrar = {PRINCIPAL_INSTITUTION,
                                        institution_id(1)};
    struct writer w;

    for (uint32_t i = 0; i < count; i++)
        tx->principals[tx->principal_count++] =
            (struct principal){PRINCIPAL_ACCOUNT, n->account[holders[i]]};
    tx_sort_principals(tx);
    buf_clear(out);
    buf_append(out, NULL, 2 * TX_BYTES_MAX);
    w = writer_of(out->at, out->size);
    tx_encode_unsigned(&w, tx);
    tx->id = tx_id_of(writer_bytes(&w));
    n->id = tx->id;
    for (uint32_t i = 0; i < count; i++) {
        const struct principal p = {PRINCIPAL_ACCOUNT, n->account[holders[i]]};

        sign(tx, &p, &n->holder[holders[i]]);
    }
    sign(tx, &registrar, &n->maker);
    sign(tx, &registrar, &n->checker);
    w = writer_of(out->at, out->size);
    tx_encode(&w, tx);
    out->size = w.size;
}

static bool submit(struct rpc_client *c, const struct buf *tx)
{
    char *hex = malloc(2 * tx->size + 1);
    struct rpc_failure why;
    json_t *r;

    hex_encode(hex, tx->at, tx->size);
    r = rpc_client_call(
        c, "tx_submit", json_pack("{s:s}", "tx", hex), 30000, &why);
    if (r == NULL)
        fprintf(stderr, "bench: %s: %s\n", why.name, why.message);
    free(hex);
    json_decref(r);
    return r != NULL;
}

static bool wait_final(struct rpc_client *c, const struct hash *id)
{
    struct rpc_failure why;
    json_t *r = rpc_client_call(
        c,
        "tx_wait",
        json_pack("{s:o}", "id", json_of_hex(id->raw, HASH_BYTES)),
        60000,
        &why);
    const char *state = json_string_value(json_object_get(r, "state"));
    const bool final = state != NULL && strcmp(state, "FINAL") == 0;

    json_decref(r);
    return final;
}

/* Accounts with keys, one security, everybody has shares. */
static bool make_market(struct net *n)
{
    struct tx *tx = malloc(sizeof *tx);
    struct op_register_lines *lines = calloc(1, sizeof *lines);
    struct op_security_create create = {.code = "BENCH",
                                        .registrar = 1,
                                        .class = CLASS_ORDINARY,
                                        .cap_approval = {{1}}};
    struct op_register_open open = {.security = "BENCH",
                                    .issued = {HOLDERS * 1000000u},
                                    .line_count = HOLDERS};
    struct op_register_confirm confirm = {.security = "BENCH"};
    struct mtree_log log = {0};
    struct buf room = {0};
    struct buf out = {0};
    const uint32_t issuer[1] = {0};
    bool ok = true;

    memcpy(lines->security, "BENCH", 6);
    lines->line_count = HOLDERS;
    buf_reserve(&room, 1 << 20);
    for (uint32_t first = 0; first < HOLDERS && ok; first += 32) {
        uint32_t who[32];

        begin(n, tx);
        room.size = 0;
        for (uint32_t k = 0; k < 32; k++) {
            struct op_account_open op = {
                .custodian = 1,
                .kind = ACCOUNT_ORDINARY,
                .authority = AUTHORITY_KEYS,
                .policy = {.threshold = 1, .key_count = 1}};
            const uint32_t i = first + k;
            struct hash leaf;

            who[k] = i;
            random_bytes(op.nonce, sizeof op.nonce);
            random_bytes(op.subject_tag.raw, HASH_BYTES);
            if (key_new(&n->holder[i]) != ERR_NONE ||
                key_public(&op.policy.keys[0], &n->holder[i]) != ERR_NONE)
                abort();
            n->account[i] = account_id_of(&n->chain_id, 1, op.nonce);
            add_op(tx, &room, OP_ACCOUNT_OPEN, &op, 4096);
            lines->lines[i] = (struct register_line){.account = n->account[i],
                                                     .quantity = {1000000}};
            leaf = register_line_leaf(&lines->lines[i]);
            mtree_log_append(&log, &leaf);
        }
        finish(n, tx, &out, who, 32);
        ok = submit(n->client[0], &out) && wait_final(n->client[0], &n->id);
    }
    create.issuer = n->account[0];
    open.root = mtree_log_root(&log);
    begin(n, tx);
    room.size = 0;
    add_op(tx, &room, OP_SECURITY_CREATE, &create, 4096);
    add_op(tx, &room, OP_REGISTER_OPEN, &open, 4096);
    add_op(tx, &room, OP_REGISTER_LINES, lines, 60000);
    add_op(tx, &room, OP_REGISTER_CONFIRM, &confirm, 4096);
    finish(n, tx, &out, issuer, 1);
    ok = ok && submit(n->client[0], &out) && wait_final(n->client[0], &n->id);
    buf_deinit(&room);
    buf_deinit(&out);
    free(lines);
    free(tx);
    return ok;
}

static void make_transfer(struct net *n, struct buf *out, uint32_t number)
{
    struct tx *tx = malloc(sizeof *tx);
    const uint32_t from = number % HOLDERS;
    const uint32_t to =
        (number + 1 + number / HOLDERS % (HOLDERS - 1)) % HOLDERS;
    const uint32_t who[2] = {from, to};
    struct op_transfer op = {.security = "BENCH",
                             .from = n->account[from],
                             .to = n->account[to],
                             .quantity = {1 + number % 50},
                             .selector = {NATURE_ANY, 0, 0},
                             .price_fen = 100,
                             .payment = {{1}}};
    struct buf room = {0};

    buf_reserve(&room, 4096);
    begin(n, tx);
    add_op(tx, &room, OP_TRANSFER, &op, 4096);
    finish(n, tx, out, who, 2);
    buf_deinit(&room);
    free(tx);
}

/* CPU of all four nodes, microseconds. */
static uint64_t cpu_of_nodes(const struct net *n)
{
    uint64_t ticks = 0;

    for (int i = 0; i < NODES; i++) {
        char path[128];
        char text[1024];
        unsigned long user = 0;
        unsigned long sys = 0;
        int pid = 0;
        FILE *f;
        char *at;

        snprintf(path, sizeof path, "%s/node%d.pid", n->dir, i);
        f = fopen(path, "r");
        if (f == NULL || fscanf(f, "%d", &pid) != 1)
            abort();
        fclose(f);
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        f = fopen(path, "r");
        if (f == NULL || fgets(text, sizeof text, f) == NULL)
            abort();
        fclose(f);
        at = strrchr(text, ')');
        if (at == NULL ||
            sscanf(at + 2,
                   "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                   &user,
                   &sys) != 2)
            abort();
        ticks += user + sys;
    }
    return ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

struct load {
    pthread_t thread;
    struct net *net;
    struct rpc_client *client;
    uint32_t first;
    uint32_t step;
    bool ok;
};

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
                             uint64_t *cpu_per_tx_ns)
{
    enum { SENDERS = 16 };
    struct load loads[SENDERS];
    const uint64_t before = txs_of(n->client[0]);
    uint64_t from;
    uint64_t cpu;

    for (uint32_t i = 0; i < TRANSFERS; i++)
        make_transfer(n, &n->tx[i], i);
    cpu = cpu_of_nodes(n);
    from = now_us();
    for (uint32_t i = 0; i < SENDERS; i++) {
        char url[64];

        loads[i] = (struct load){.net = n, .first = i, .step = SENDERS};
        snprintf(url,
                 sizeof url,
                 "http://127.0.0.1:%u",
                 base_port() + 100 + i % NODES);
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
    *cpu_per_tx_ns =
        (cpu_of_nodes(n) - cpu) * 1000 / (NODES * (uint64_t)TRANSFERS);
}

static void bench_alone(struct net *n, uint64_t *p50, uint64_t *p99)
{
    uint64_t took[ALONE];
    struct buf tx = {0};

    for (uint32_t i = 0; i < ALONE; i++) {
        uint64_t from;

        make_transfer(n, &tx, TRANSFERS + i);
        from = now_us();
        if (!submit(n->client[i % NODES], &tx) ||
            !wait_final(n->client[i % NODES], &n->id))
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
            json_pack("{s:s, s:o}",
                      "security",
                      "BENCH",
                      "account",
                      json_of_hex(l->net->account[l->first % HOLDERS].raw,
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

/* One thread's time for a verification, and the rate of all. */
struct verify_speed {
    uint64_t ns;
    uint64_t all;
};

static struct verify_speed bench_verify(void)
{
    const uint32_t threads = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    const uint64_t one = verify_rate(1);
    const struct verify_speed v = {1000000000 / one, verify_rate(threads)};

    row_number("signature verifications per second, one thread", one);
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

static void bench_load(struct net *net, const struct verify_speed *v)
{
    const uint64_t limit = v->all / (NODES * 4);
    char text[64];
    uint64_t rate;
    uint64_t cpu_ns;

    bench_throughput(net, &rate, &cpu_ns);
    row_number("committed transfers per second, 4 validators, 4 signatures",
               rate);
    row_number("limit: verifications per second / (nodes x signatures)", limit);
    percent(text, rate, limit, "of the limit");
    row("ratio to the limit", text);
    percent(text,
            cpu_ns > 4 * v->ns ? cpu_ns - 4 * v->ns : 0,
            v->ns,
            "verifications");
    row("CPU per transaction and node beside signature checks", text);
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
    ok = start_net(&net, argv[1]) && open_keys(&net) && make_market(&net);
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
    kill(net.devnet, SIGTERM);
    waitpid(net.devnet, NULL, 0);
    snprintf(command, sizeof command, "rm -rf %s", net.dir);
    return system(command) == 0 && ok ? 0 : 1;
}
