/* driver_node.h - the real node of the rig: started, watched, killed. */
#ifndef TESTS_DRIVER_NODE_H
#define TESTS_DRIVER_NODE_H

#include "tests/unit/node/driver_rig.h"

#include "base/hex.h"
#include "crypto/keystore.h"
#include "rpc/client.h"
#include "rpc/schema_json.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define WAIT_FOR(condition)                                           \
    do {                                                              \
        const uint64_t until_ = node_now_ms() + WAIT_MS;              \
        while (!(condition)) {                                        \
            if (node_now_ms() > until_)                               \
                rig_give_up("waited in vain: " #condition, __LINE__); \
            rig_pump(&rig);                                           \
        }                                                             \
    } while (0)

static inline void rig_idle(struct rig *r, uint64_t ms)
{
    const uint64_t until = node_now_ms() + ms;

    while (node_now_ms() < until)
        rig_pump(r);
}

static inline void rig_shell(const char *format, ...) PRINTF_LIKE(1, 2);

static inline void rig_shell(const char *format, ...)
{
    char command[600];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

static inline bool rig_logged(const struct rig *r, const char *text)
{
    uint8_t *at;
    size_t size;
    bool found;

    if (file_read(&at, &size, r->log, 64 << 20) != ERR_NONE)
        return false;
    found = memmem(at, size, text, strlen(text)) != NULL;
    free(at);
    return found;
}

static inline void rig_give_up(const char *why, int line)
{
    rig_shell("tail -n 25 %s >&2", rig.log);
    fail_msg("line %d: %s", line, why);
}

/* Runs node_init or node_run in a child. */
static inline pid_t rig_spawn(struct rig *r, int (*what)(const struct config *))
{
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        const int log = open(r->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log, STDERR_FILENO);
        /* The fakes' sockets are the parent's alone. */
        for (int fd = 3; fd < 256; fd++)
            close(fd);
        _exit(what(&r->config));
    }
    return pid;
}

static inline int rig_wait(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void rig_start(struct rig *r)
{
    assert_int_equal(r->pid, 0);
    r->pid = rig_spawn(r, node_run);
}

static inline void rig_kill(struct rig *r)
{
    if (r->pid <= 0)
        return;
    kill(r->pid, SIGKILL);
    assert_int_equal(rig_wait(r->pid), -1); /* it was alive until now */
    r->pid = 0;
}

/* The exit code of a node that must end by itself. */
static inline int rig_ends(struct rig *r)
{
    const uint64_t until = node_now_ms() + WAIT_MS;
    int status;

    while (waitpid(r->pid, &status, WNOHANG) == 0) {
        if (node_now_ms() > until)
            rig_give_up("the node does not end", __LINE__);
        rig_pump(r);
    }
    r->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* GET path; the caller frees.  NULL while nobody answers. */
static inline char *rig_get(struct rig *r, const char *path)
{
    struct rpc_client *c;
    char url[64];
    char *text = NULL;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", r->rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    if (rpc_client_get(c, path, &text) == 0)
        text = NULL;
    rpc_client_free(c);
    return text;
}

static inline bool rig_votes(struct rig *r)
{
    char *text = rig_get(r, "/readyz");
    const bool votes = text != NULL && strstr(text, "\"votes\"") != NULL;

    free(text);
    return votes;
}

static inline bool rig_links_up(const struct rig *r)
{
    for (uint8_t i = 1; i < VALIDATORS; i++) {
        if (!fake_is_up(&r->fakes[i], CHANNEL_CONSENSUS) ||
            !fake_is_up(&r->fakes[i], CHANNEL_BULK))
            return false;
    }
    return true;
}

/* The result of an RPC call without parameters; NULL while nobody answers.
 * The caller owns it. */
static inline json_t *rig_call(const struct rig *r, const char *method)
{
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *json;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", r->rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    json = rpc_client_call(c, method, json_object(), 2000, &why);
    rpc_client_free(c);
    return json;
}

/* A number of node_peers about validator `index`. */
static inline uint64_t rig_peer(const struct rig *r,
                                uint8_t index,
                                const char *name)
{
    json_t *json = rig_call(r, "node_peers");
    uint64_t out = 0;

    (void)!json_u64(
        &out,
        json_object_get(json_array_get(json_object_get(json, "peers"), index),
                        name));
    json_decref(json);
    return out;
}

/* A number of node_status. */
static inline uint64_t rig_status(const struct rig *r, const char *name)
{
    json_t *json = rig_call(r, "node_status");
    const json_t *value = json_object_get(json, name);
    uint64_t out = 0;

    if (json_is_integer(value))
        out = (uint64_t)json_integer_value(value);
    else
        (void)!json_u64(&out, value);
    json_decref(json);
    return out;
}

/* Its durable height; *root is the state's root after its tip. */
static inline uint64_t rig_height(struct rig *r, struct hash *root)
{
    struct rpc_client *c;
    struct rpc_failure why;
    char url[64];
    json_t *json;
    uint64_t height = UINT64_MAX;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", r->rpc_port);
    assert_int_equal(rpc_client_new(&c, url), ERR_NONE);
    json = rpc_client_call(c, "node_status", json_object(), 2000, &why);
    if (json != NULL) {
        const char *hex =
            json_string_value(json_object_get(json, "state_root"));
        uint64_t tip;

        assert_true(json_u64(&height, json_object_get(json, "height")));
        assert_true(json_u64(&tip, json_object_get(json, "tip_height")));
        assert_non_null(hex);
        assert_true(hex_decode(root->raw, sizeof root->raw, hex));
        if (tip != height)
            height = UINT64_MAX; /* between two */
        json_decref(json);
    }
    rpc_client_free(c);
    return height;
}

/* The node stands at this height of the chain, with its root. */
static inline bool rig_is_at(struct rig *r, uint64_t height)
{
    struct hash root;

    return rig_height(r, &root) == height &&
           (height == 0 || hash_eq(&root, &r->chain[height].header.state_root));
}

static inline void rig_announce(struct rig *r, uint64_t height)
{
    r->final_height = height;
    for (uint8_t i = 1; i < VALIDATORS; i++)
        fake_send_cert(&r->fakes[i], &r->chain[height].final);
}

static inline bool rig_notarized(const struct rig *r, uint64_t height)
{
    return hash_eq(&r->heard.about.block, &r->chain[height].about.block);
}

/* Links are up and the node votes. */
static inline void rig_ready(void)
{
    WAIT_FOR(rig_links_up(&rig));
    WAIT_FOR(rig_votes(&rig));
}

/* Whether it knows that this height is final. */
static inline bool rig_knows_final(struct rig *r, uint64_t height)
{
    char line[64];
    char *text = rig_get(r, "/metrics");
    bool knows;

    snprintf(line,
             sizeof line,
             "\nequity_final_height %llu\n",
             (unsigned long long)height);
    knows = text != NULL && strstr(text, line) != NULL;
    free(text);
    return knows;
}

/* kill -9, and up again: the same height, the same root, it votes, and knows
 * without being told that its tip is final. */
static inline void rig_survives(uint64_t height)
{
    rig_kill(&rig);
    rig.answer = NULL;
    rig_start(&rig);
    rig_ready();
    WAIT_FOR(rig_is_at(&rig, height));
    WAIT_FOR(rig_knows_final(&rig, height));
}

/* ---- set up and down ---- */

/* Below the ports that the kernel gives to those who connect: between this look
 * and the node's bind nobody gets it by chance. */
static inline uint16_t rig_free_port(void)
{
    enum { FIRST = 20000, COUNT = 12000 };
    static uint32_t turn;

    for (uint32_t i = 0; i < COUNT; i++) {
        const uint32_t k = (uint32_t)getpid() * 61 + turn++;
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port =
                                    htons((uint16_t)(FIRST + k % COUNT)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool free;

        assert_true(fd >= 0);
        free = bind(fd, (struct sockaddr *)(void *)&a, sizeof a) == 0;
        close(fd);
        if (free)
            return ntohs(a.sin_port);
    }
    fail_msg("no port is free");
    return 0;
}

static inline void rig_keep_key(const struct rig *r,
                                const char *name,
                                uint8_t kind,
                                const struct secret *secret)
{
    struct keystore_info info = {.kind = kind, .label = "rig"};
    char path[2 * RIG_PATH];

    if (kind == KEYSTORE_ED25519)
        assert_int_equal(transport_public(info.public_bytes, secret), ERR_NONE);
    else
        memcpy(info.public_bytes, r->set.list[NODE].key.raw, PUBKEY_BYTES);
    snprintf(path, sizeof path, "%s/keys/%s", r->saved, name);
    assert_int_equal(keystore_write(path, &info, secret, "rig"), ERR_NONE);
}

static inline void rig_write(const char *path, const char *text)
{
    assert_int_equal(
        file_write_synced(path, bytes_of(text, strlen(text)), 0600), ERR_NONE);
}

static inline void rig_use(struct rig *r, const char dir[RIG_PATH])
{
    memcpy(r->config.dir, dir, RIG_PATH);
}

static inline int rig_make(void **state)
{
    struct rig *r = &rig;
    char template[] = "/tmp/equity-driver-XXXXXX";
    json_t *json;
    char *text;

    (void)state;
    signal(SIGPIPE, SIG_IGN); /* links end at any moment */
    assert_non_null(mkdtemp(template));
    snprintf(r->saved, sizeof r->saved, "%s/saved", template);
    snprintf(r->dir, sizeof r->dir, "%s/node", template);
    snprintf(r->log, sizeof r->log, "%s/log", template);
    rig_genesis(r);
    r->base = event_base_new();
    ASSERT(r->base != NULL);
    r->rpc_port = rig_free_port();
    config_defaults(&r->config);
    snprintf(r->config.genesis, CONFIG_TEXT_MAX, "%s/genesis.json", template);
    snprintf(
        r->config.passphrase_file, CONFIG_TEXT_MAX, "%s/passphrase", template);
    snprintf(r->config.peers_listen, CONFIG_TEXT_MAX, "127.0.0.1:0");
    snprintf(
        r->config.rpc_listen, CONFIG_TEXT_MAX, "127.0.0.1:%u", r->rpc_port);
    r->config.verify_threads = 1;
    r->config.cache_mib = 16;
    r->config.disk_reserve_mib = 1;
    json = schema_to_json(&genesis_schema, r->f.genesis);
    text = json_dumps(json, 0);
    json_decref(json);
    rig_write(r->config.genesis, text);
    free(text);
    rig_write(r->config.passphrase_file, "rig\n");
    rig_shell("mkdir -m 700 %s %s/keys", r->saved, r->saved);
    rig_keep_key(r, "consensus.key", KEYSTORE_SECP256K1, &r->consensus[NODE]);
    rig_keep_key(r, "transport.key", KEYSTORE_ED25519, &r->transport[NODE]);
    rig_use(r, r->saved);
    assert_int_equal(rig_wait(rig_spawn(r, node_init)), 0);
    rig_use(r, r->dir);
    return 0;
}

static inline int rig_unmake(void **state)
{
    struct rig *r = &rig;

    (void)state;
    rig_forget_chain(r);
    for (uint8_t i = 0; i < VALIDATORS; i++) {
        EVP_PKEY_free(r->tls_key[i]);
        X509_free(r->certificate[i]);
    }
    fixture_deinit(&r->f);
    event_base_free(r->base);
    rig_shell("rm -rf $(dirname %s)", r->saved);
    return 0;
}

/* A directory as after init, and three honest fakes. */
static inline int rig_setup(void **state)
{
    struct rig *r = &rig;

    (void)state;
    rig_shell("rm -rf %s %s && cp -a %s %s", r->dir, r->log, r->saved, r->dir);
    rig_chain(r);
    r->answer = NULL;
    r->final_height = 0;
    r->lies = 0;
    memset(&r->heard, 0, sizeof r->heard);
    memset(&r->finalized, 0, sizeof r->finalized);
    memset(&r->held, 0, sizeof r->held);
    for (uint8_t i = 1; i < VALIDATORS; i++) {
        memset(&r->fakes[i], 0, sizeof r->fakes[i]);
        fake_listen(r, i);
        snprintf(r->config.peer[i],
                 CONFIG_TEXT_MAX,
                 "127.0.0.1:%u",
                 r->fakes[i].port);
    }
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *r = &rig;

    (void)state;
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        (void)rig_wait(r->pid);
        r->pid = 0;
    }
    for (uint8_t i = 1; i < VALIDATORS; i++)
        peers_free(r->fakes[i].peers);
    return 0;
}

#endif /* TESTS_DRIVER_NODE_H */
