/* bench_sync BLOCKS TXS [PORT]: a fresh node catches up with a chain.
 *
 * Builds BLOCKS blocks of TXS transfers, four signatures each, every one final
 * by three of four validators; gives them to three real nodes; starts a fourth
 * one with nothing and waits until it has the same root.  What counts is how
 * many signatures it verified a second (certificates and transactions; each
 * once), against what all hardware threads can do in this run: the three that
 * serve, the rules, the state and the disk use the same threads. */
#include "base/check.h"
#include "base/num.h"
#include "chain/genesis.h"
#include "crypto/keystore.h"
#include "crypto/transport.h"
#include "node/node.h"
#include "rpc/schema_json.h"
#include "tests/load/load.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NODES = 4,
    FRESH = 0, /* dials the others */
    PORT = 29400,
    SIGS_OF_TX = 4,
    MARKET_BLOCKS = LOAD_HOLDERS / 32 + 1, /* before the first transfer */
    RATE_MS = 2000,
    SAMPLES = 256,
};

struct bench {
    char dir[64];
    uint64_t blocks;
    uint32_t txs; /* of a block */
    uint32_t port;
    struct genesis *genesis;
    struct valset set;
    struct hash chain_id;
    struct vote_domain domain;
    struct secret consensus[NODES];
    struct secret transport[NODES];
    struct load_market market;
    struct config config[NODES];
    pid_t pid[NODES];
    uint64_t began_s;
    uint64_t rate;      /* signatures a second, all threads */
    uint64_t verify_ns; /* CPU of one, while all threads do it */

    /* while the chain is built */
    struct engine *engine;
    struct store *store;
    uint64_t height;
    uint64_t view;
    uint64_t parent_view;
    uint32_t number; /* of the next transfer */
    struct cert tip_cert;
    struct tx *decoded;
};

static struct bench bench;

static void die(const char *what)
{
    fprintf(stderr, "bench_sync: %s\n", what);
    exit(1);
}

static void check(enum err e, const char *what)
{
    if (e != ERR_NONE) {
        fprintf(stderr, "bench_sync: %s: %s\n", what, err_text(e));
        exit(1);
    }
}

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void shell(const char *format, ...) PRINTF_LIKE(1, 2);

static void shell(const char *format, ...)
{
    char command[600];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command) != 0)
        die(command);
}

/* ---- how fast this machine verifies, now ---- */

struct sample {
    struct pubkey key;
    struct hash digest;
    struct signature sig;
};

struct verify_run {
    const struct sample *samples;
    pthread_t thread;
    uint64_t until_us;
    uint64_t count;
};

static void *verify_some(void *arg)
{
    struct verify_run *r = arg;

    while (now_us() < r->until_us) {
        for (int i = 0; i < SAMPLES; i++)
            r->count += key_verify(&r->samples[i].key,
                                   &r->samples[i].digest,
                                   &r->samples[i].sig)
                            ? 1
                            : 0;
    }
    return NULL;
}

/* Each signature another one, as in a chain: the same one again and again is
 * verified faster. */
static struct sample *make_samples(void)
{
    struct sample *all = calloc(SAMPLES, sizeof *all);
    struct secret secrets[SAMPLES];

    ASSERT(all != NULL);
    for (int i = 0; i < SAMPLES; i++) {
        /* every second one by one of four keys, as registrars sign */
        const struct secret *by = &secrets[i % 2 == 0 ? i : i % 8];

        check(key_new(&secrets[i]), "key");
        check(key_public(&all[i].key, by), "key");
        memcpy(&all[i].digest, &secrets[i], sizeof all[i].digest);
        check(key_sign(&all[i].sig, by, &all[i].digest), "sign");
    }
    return all;
}

static uint64_t cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void measure_verify(struct bench *b)
{
    const long threads = sysconf(_SC_NPROCESSORS_ONLN);
    struct verify_run runs[64] = {0};
    struct sample *samples = make_samples();
    const uint64_t from = now_us();
    const uint64_t cpu = cpu_us();
    uint64_t sum = 0;

    for (long i = 0; i < threads && i < 64; i++) {
        runs[i].samples = samples;
        runs[i].until_us = from + RATE_MS * 1000;
        pthread_create(&runs[i].thread, NULL, verify_some, &runs[i]);
    }
    for (long i = 0; i < threads && i < 64; i++) {
        pthread_join(runs[i].thread, NULL);
        sum += runs[i].count;
    }
    b->rate = sum * 1000000 / (now_us() - from);
    b->verify_ns = (cpu_us() - cpu) * 1000 / sum;
    free(samples);
}

/* ---- keys, genesis, directories ---- */

static int by_key(const void *a, const void *b)
{
    struct pubkey x;
    struct pubkey y;

    check(key_public(&x, a), "key");
    check(key_public(&y, b), "key");
    return memcmp(x.raw, y.raw, sizeof x.raw);
}

static struct pubkey new_key(struct secret *secret)
{
    struct pubkey key;

    check(key_new(secret), "key");
    check(key_public(&key, secret), "key");
    return key;
}

static void add_validator(struct bench *b, uint8_t i)
{
    struct genesis *g = b->genesis;
    struct validator *v = &g->validators[g->validator_count++];
    uint8_t public_bytes[32];
    struct secret operator;

    check(key_public(&v->key, &b->consensus[i]), "key");
    check(transport_key_new(&b->transport[i]), "transport key");
    check(transport_public(public_bytes, &b->transport[i]), "transport key");
    v->spki_hash = transport_spki_hash(public_bytes);
    v->institution = (uint16_t)(i + 1);
    if (i == 0)
        return;
    g->institutions[g->institution_count++] = (struct genesis_institution){
        .number = v->institution,
        .code = {'M', (char)('0' + i)},
        .roles = ROLE_MEMBER,
        .key_count = 1,
        .keys = {{new_key(&operator), KEY_OPERATOR}}};
}

static void make_genesis(struct bench *b)
{
    struct genesis *g = calloc(1, sizeof *g);
    struct load_market *m = &b->market;
    struct secret operator;
    const char *why = "";

    ASSERT(g != NULL);
    b->genesis = g;
    g->format = GENESIS_FORMAT;
    g->time_ms = node_wall_ms() - 1000 - b->blocks * 2;
    genesis_defaults(&g->params);
    g->institution_count = 1;
    g->institutions[0] = (struct genesis_institution){
        .number = 1,
        .code = "REG",
        .roles = ROLE_REGISTRAR | ROLE_MEMBER,
        .key_count = 3,
        .keys = {{new_key(&m->maker), KEY_MAKER},
                 {new_key(&m->checker), KEY_CHECKER},
                 {new_key(&operator), KEY_OPERATOR}}};
    for (uint8_t i = 0; i < NODES; i++)
        check(key_new(&b->consensus[i]), "key");
    qsort(b->consensus, NODES, sizeof b->consensus[0], by_key);
    for (uint8_t i = 0; i < NODES; i++)
        add_validator(b, i);
    check(genesis_check(g, &why), why);
    check(genesis_chain_id(&b->chain_id, g), "chain id");
    b->set = genesis_valset(g);
    b->domain = (struct vote_domain){.chain_id = b->chain_id,
                                     .validators_hash = valset_hash(&b->set),
                                     .set = &b->set};
    m->chain_id = b->chain_id;
    m->today = ledger_date(g->time_ms, g->offset_ms);
}

static void write_file(const char *path, const char *text)
{
    check(file_write_synced(path, bytes_of(text, strlen(text)), 0600), path);
}

static void write_key(struct bench *b,
                      uint8_t i,
                      const char *name,
                      uint8_t kind,
                      const struct secret *secret)
{
    struct keystore_info info = {.kind = kind, .label = "bench"};
    char path[256];

    if (kind == KEYSTORE_ED25519)
        check(transport_public(info.public_bytes, secret), "transport key");
    else
        memcpy(info.public_bytes, b->set.list[i].key.raw, PUBKEY_BYTES);
    snprintf(path, sizeof path, "%s/node%u/keys/%s", b->dir, i, name);
    check(keystore_write(path, &info, secret, "bench"), path);
}

static void write_node(struct bench *b, uint8_t i)
{
    struct config *c = &b->config[i];

    config_defaults(c);
    snprintf(c->dir, CONFIG_TEXT_MAX, "%s/node%u", b->dir, i);
    snprintf(c->genesis, CONFIG_TEXT_MAX, "%s/genesis.json", b->dir);
    snprintf(c->passphrase_file, CONFIG_TEXT_MAX, "%s/passphrase", b->dir);
    snprintf(c->peers_listen, CONFIG_TEXT_MAX, "127.0.0.1:%u", bench.port + i);
    snprintf(
        c->rpc_listen, CONFIG_TEXT_MAX, "127.0.0.1:%u", bench.port + 100 + i);
    for (uint32_t k = 0; k < NODES; k++)
        snprintf(c->peer[k], CONFIG_TEXT_MAX, "127.0.0.1:%u", bench.port + k);
    shell("mkdir -m 700 -p %s/node%u/keys", b->dir, i);
    write_key(b, i, "consensus.key", KEYSTORE_SECP256K1, &b->consensus[i]);
    write_key(b, i, "transport.key", KEYSTORE_ED25519, &b->transport[i]);
}

static void write_all(struct bench *b)
{
    char template[] = "/tmp/equity-bench-sync-XXXXXX";
    char path[256];
    json_t *json = schema_to_json(&genesis_schema, b->genesis);
    char *text = json_dumps(json, 0);

    if (mkdtemp(template) == NULL)
        die("no directory");
    snprintf(b->dir, sizeof b->dir, "%s", template);
    snprintf(path, sizeof path, "%s/genesis.json", b->dir);
    write_file(path, text);
    free(text);
    json_decref(json);
    snprintf(path, sizeof path, "%s/passphrase", b->dir);
    write_file(path, "bench\n");
    for (uint8_t i = 0; i < NODES; i++)
        write_node(b, i);
}

/* ---- processes ---- */

static pid_t spawn(struct bench *b,
                   uint8_t i,
                   int (*what)(const struct config *))
{
    const pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        char path[256];
        int log;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(path, sizeof path, "%.64s/log%u", b->dir, i);
        log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDERR_FILENO);
        _exit(what(&b->config[i]));
    }
    return pid;
}

static void wait_ok(pid_t pid, const char *what)
{
    int status = 0;

    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0)
        die(what);
}

/* ---- the chain ---- */

static struct cert finalize(struct bench *b, const struct candidate *about)
{
    struct cert c = {.kind = VOTE_FINALIZE, .about = *about};

    for (uint8_t i = 1; i < NODES; i++) {
        struct vote v = {.kind = VOTE_FINALIZE, .about = *about, .signer = i};

        check(vote_sign(&v, &b->domain, &b->consensus[i]), "vote");
        c.bitmap |= 1u << i;
        c.sigs[i - 1] = v.sig;
    }
    return c;
}

static void put(struct bench *b,
                const struct executed_block *block,
                const struct cert *cert)
{
    struct buf roots = {0};
    struct store_block s = {
        .header = &block->header,
        .hash = block->hash,
        .cert = cert,
        .header_bytes = block->header_bytes,
        .body = block->body,
        .events = block->events,
        .changes = block->changes,
        .tx_ids = block->tx_ids,
        .header_log = engine_header_log(b->engine),
    };
    const bool last = block->header.height == b->height;

    engine_roots(b->engine, block, &roots);
    s.roots = buf_bytes(&roots);
    check(last ? store_put_block(b->store, &s)
               : store_put_block_ahead(b->store, &s),
          "store");
    check(store_index(b->store, &s), "store");
    buf_deinit(&roots);
}

/* A final block of these transactions, in the store of node 1. */
static void add_block(struct bench *b, struct buf *txs, uint32_t count)
{
    struct engine_candidate_tx *offered = calloc(count, sizeof *offered);
    const struct executed_block *block;
    struct candidate about;

    ASSERT(offered != NULL);
    for (uint32_t i = 0; i < count; i++) {
        check(tx_decode(&b->decoded[i], buf_bytes(&txs[i])), "transaction");
        offered[i].tx = &b->decoded[i];
    }
    b->view++;
    engine_build(b->engine,
                 &block,
                 b->view,
                 0,
                 engine_tip(b->engine)->time_ms + 1,
                 offered,
                 count);
    if (block == NULL || block->header.tx_count != count) {
        fprintf(stderr, "%s\n", verdict_name(offered[0].why.verdict));
        die("a transaction was refused");
    }
    free(offered);
    about = (struct candidate){
        b->view, b->parent_view, block->header.height, block->hash};
    b->parent_view = b->view;
    b->tip_cert = finalize(b, &about);
    (void)engine_commit(b->engine, &block->hash);
    put(b, block, &b->tip_cert);
}

static bool settle(void *ctx, const struct buf *tx, const struct hash *id)
{
    struct buf copy = *tx;

    (void)id;
    add_block(ctx, &copy, 1);
    return true;
}

static enum err no_record(void *ctx, const struct journal_record *r)
{
    (void)ctx;
    (void)r;
    return ERR_CORRUPT;
}

/* What the validators that have the chain have in their journals. */
static void write_journal(struct bench *b, uint8_t i)
{
    char path[256];
    uint8_t cert[CERT_BYTES_MAX];
    struct writer w = writer_of(cert, sizeof cert);
    struct journal_place at;
    struct journal *j;
    uint8_t birth[RECORD_BIRTH_BYTES];
    struct writer bw = writer_of(birth, sizeof birth);

    snprintf(path, sizeof path, "%s/node%u/journal", b->dir, i);
    shell("rm -rf %s && mkdir -m 700 %s", path, path);
    check(journal_create(path, &b->chain_id), path);
    check(journal_open(&j, path, &b->chain_id, no_record, NULL, &at), path);
    record_birth_encode(&bw, &b->set.list[i].key, 0);
    check(journal_append(j, RECORD_BIRTH, 0, 0, writer_bytes(&bw)), path);
    check(journal_append(j, RECORD_START, 0, 0, bytes_of("", 0)), path);
    cert_encode(&w, &b->tip_cert);
    check(journal_append(
              j, RECORD_CERT, 0, b->tip_cert.about.view, writer_bytes(&w)),
          path);
    check(journal_sync(j), path);
    journal_close(j);
}

/* In a process of its own: the database's threads do not survive a fork. */
static int build(const struct config *config)
{
    struct bench *b = &bench;
    const struct store_options options = {.cache_bytes = 64 << 20};
    struct buf *txs = calloc(b->txs, sizeof *txs);
    char message[200];
    char path[256];
    struct hash id;

    (void)config;
    snprintf(path, sizeof path, "%.64s/node1/db", b->dir);
    check(store_open(
              &b->store, path, &b->chain_id, &options, message, sizeof message),
          message);
    b->engine = engine_new(b->genesis);
    b->decoded = calloc(BLOCK_TXS_MAX, sizeof *b->decoded);
    ASSERT(txs != NULL && b->decoded != NULL);
    if (!load_make_by(&b->market, settle, b))
        die("the market cannot be made");
    while (engine_tip(b->engine)->height < b->blocks) {
        for (uint32_t i = 0; i < b->txs; i++)
            load_transfer(&b->market, &txs[i], &id, b->number++);
        b->height = b->blocks;
        add_block(b, txs, b->txs);
    }
    store_close(b->store);
    for (uint8_t i = 1; i < NODES; i++)
        write_journal(b, i);
    return 0;
}

/* ---- catching up ---- */

struct stand {
    uint64_t height;
    char root[80];
};

static struct stand stand_of(uint8_t i)
{
    struct stand s = {.height = UINT64_MAX};
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *json;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", bench.port + 100 + i);
    check(rpc_client_new(&c, url), url);
    json = rpc_client_call(c, "node_status", json_object(), 2000, &why);
    rpc_client_free(c);
    if (json == NULL)
        return s;
    if (!json_u64(&s.height, json_object_get(json, "height")))
        die("no height");
    snprintf(s.root,
             sizeof s.root,
             "%s",
             json_string_value(json_object_get(json, "state_root")));
    json_decref(json);
    return s;
}

/* User and system time by a stat file of /proc, in milliseconds; its name goes
 * into name[32]. */
static uint64_t stat_ms(const char *path, char *name)
{
    unsigned long user = 0;
    unsigned long sys = 0;
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return 0;
    if (fscanf(f,
               "%*d (%31[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
               "%lu %lu",
               name,
               &user,
               &sys) != 3)
        user = sys = 0;
    fclose(f);
    return (user + sys) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t cpu_ms(pid_t pid)
{
    char path[64];
    char name[32];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return stat_ms(path, name);
}

/* Where the time of the fresh node went, thread by thread. */
static void report_threads(pid_t pid)
{
    char path[300];
    char name[32];
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    d = opendir(path);
    printf("its threads, ms  ");
    while (d != NULL && (e = readdir(d)) != NULL) {
        uint64_t ms;

        snprintf(
            path, sizeof path, "/proc/%d/task/%.20s/stat", (int)pid, e->d_name);
        ms = e->d_name[0] == '.' ? 0 : stat_ms(path, name);
        if (ms >= 50)
            printf(" %s %llu", name, (unsigned long long)ms);
    }
    printf("\n");
    if (d != NULL)
        closedir(d);
}

static void wait_for(struct bench *b, uint8_t i, uint64_t height)
{
    int status;

    while (stand_of(i).height != height) {
        if (waitpid(b->pid[i], &status, WNOHANG) != 0) {
            shell("tail -n 20 %s/log%u >&2", b->dir, i);
            die("a node ended");
        }
        usleep(100000);
    }
}

/* The figures the node itself logs: from its first request to the tip. */
static uint64_t caught_up_ms(struct bench *b)
{
    char path[256];
    char line[400];
    unsigned long long ms = 0;
    FILE *f;

    snprintf(path, sizeof path, "%.64s/log%u", b->dir, FRESH);
    f = fopen(path, "r");
    if (f == NULL)
        die(path);
    while (fgets(line, sizeof line, f) != NULL) {
        const char *at = strstr(line, "caught up");
        const char *is = at != NULL ? strstr(at, " ms=") : NULL;

        if (is != NULL && sscanf(is, " ms=%llu", &ms) != 1)
            ms = 0;
    }
    fclose(f);
    if (ms == 0)
        die("the node did not say that it caught up");
    return ms;
}

static void report(struct bench *b, const uint64_t before[NODES])
{
    const uint64_t ms = caught_up_ms(b);
    const uint64_t txs = (b->blocks - MARKET_BLOCKS) * b->txs;
    const uint64_t sigs = txs * SIGS_OF_TX + b->blocks * valset_quorum(NODES);
    const uint64_t per_s = sigs * 1000 / ms;
    const uint64_t fresh_ms = cpu_ms(b->pid[FRESH]) + 1;
    uint64_t served_ms = 0;

    for (uint8_t i = 1; i < NODES; i++)
        served_ms += cpu_ms(b->pid[i]) - before[i];
    printf("blocks            %llu\n", (unsigned long long)b->blocks);
    printf("transactions      %llu\n", (unsigned long long)txs);
    printf("signatures        %llu\n", (unsigned long long)sigs);
    printf("seconds           %llu.%03llu\n",
           (unsigned long long)(ms / 1000),
           (unsigned long long)(ms % 1000));
    printf("blocks/s          %llu\n",
           (unsigned long long)(b->blocks * 1000 / ms));
    printf("transactions/s    %llu\n", (unsigned long long)(txs * 1000 / ms));
    printf("signatures/s      %llu\n", (unsigned long long)per_s);
    printf("all threads can   %llu\n", (unsigned long long)b->rate);
    printf("ratio             %llu.%02llu\n",
           (unsigned long long)(per_s / b->rate),
           (unsigned long long)(per_s * 100 / b->rate % 100));
    printf("cpu, fresh node   %llu ms, %llu%% of it signatures of %llu ns\n",
           (unsigned long long)fresh_ms,
           (unsigned long long)(sigs * b->verify_ns / 10000 / fresh_ms),
           (unsigned long long)b->verify_ns);
    report_threads(b->pid[FRESH]);
    printf("cpu, three others %llu ms\n", (unsigned long long)served_ms);
}

int main(int argc, char **argv)
{
    struct bench *b = &bench;
    uint64_t before[NODES] = {0};
    uint64_t txs = 0;
    uint64_t port = PORT;

    if (argc < 3 || argc > 4 || (argc == 4 && !num_parse_u64(&port, argv[3])) ||
        port > 65000 || !num_parse_u64(&b->blocks, argv[1]) ||
        !num_parse_u64(&txs, argv[2]) || b->blocks < 10 || txs < 1 ||
        txs > BLOCK_TXS_MAX) {
        fprintf(stderr, "bench_sync BLOCKS TXS [PORT]\n");
        return 2;
    }
    b->txs = (uint32_t)txs;
    b->port = (uint32_t)port;
    signal(SIGPIPE, SIG_IGN);
    make_genesis(b);
    write_all(b);
    for (uint8_t i = 0; i < 2; i++)
        wait_ok(spawn(b, i, node_init), "init");
    fprintf(stderr, "bench_sync: building the chain\n");
    wait_ok(spawn(b, 1, build), "build");
    for (uint8_t i = 2; i < NODES; i++)
        shell("cp -a %s/node1/db %s/node1/CHAIN %s/node%u/",
              b->dir,
              b->dir,
              b->dir,
              i);
    measure_verify(b);
    for (uint8_t i = 1; i < NODES; i++)
        b->pid[i] = spawn(b, i, node_run);
    for (uint8_t i = 1; i < NODES; i++)
        wait_for(b, i, b->blocks);
    /* The others wait while the fresh one opens its keys and database. */
    for (uint8_t i = 1; i < NODES; i++)
        kill(b->pid[i], SIGSTOP);
    b->pid[FRESH] = spawn(b, FRESH, node_run);
    wait_for(b, FRESH, 0);
    for (uint8_t i = 0; i < NODES; i++)
        before[i] = cpu_ms(b->pid[i]);
    for (uint8_t i = 1; i < NODES; i++)
        kill(b->pid[i], SIGCONT);
    wait_for(b, FRESH, b->blocks);
    if (strcmp(stand_of(FRESH).root, stand_of(1).root) != 0)
        die("the roots differ");
    report(b, before);
    for (uint8_t i = 0; i < NODES; i++) {
        kill(b->pid[i], SIGTERM);
        waitpid(b->pid[i], NULL, 0);
    }
    if (getenv("KEEP") == NULL)
        shell("rm -rf %s", b->dir);
    return 0;
}
