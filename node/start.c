/* From a configuration to a running node, and back down. */
#include "base/check.h"
#include "base/hex.h"
#include "base/log.h"
#include "crypto/keystore.h"
#include "crypto/transport.h"
#include "node/node.h"
#include "rpc/schema_json.h"

#include <errno.h>
#include <event2/thread.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const struct peers_type peer_types[] = {
    {MSG_PROPOSAL, CHANNEL_CONSENSUS, MSG_PROPOSAL_MAX},
    {MSG_VOTE, CHANNEL_CONSENSUS, MSG_VOTE_MAX},
    {MSG_CERT, CHANNEL_CONSENSUS, MSG_CERT_MAX},
    {MSG_STATUS, CHANNEL_CONSENSUS, MSG_STATUS_MAX},
    {MSG_TXS, CHANNEL_BULK, MSG_TXS_MAX},
    {MSG_GET_BLOCK, CHANNEL_BULK, MSG_SMALL_MAX},
    {MSG_BLOCK, CHANNEL_BULK, MSG_BLOCK_MAX},
    {MSG_SYNC_GET, CHANNEL_BULK, MSG_SMALL_MAX},
    {MSG_SYNC_BLOCK, CHANNEL_BULK, MSG_SYNC_BLOCK_MAX},
};

uint64_t node_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t node_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void node_fail(struct node *n, int code, const char *text, const char *detail)
{
    if (n->stopping)
        return;
    n->stopping = true;
    n->exit_code = code;
    log_broken("node", text, "detail=\"%s\" exit=%d", detail, code);
    event_base_loopbreak(n->base);
}

static int complain(const char *what,
                    const char *detail,
                    const char *do_this,
                    int code)
{
    log_broken("node", what, "detail=\"%s\" do=\"%s\"", detail, do_this);
    return code;
}

static bool read_terminal(char out[PASSPHRASE_MAX])
{
    struct termios old;
    struct termios quiet;
    bool ok;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &old) != 0)
        return false;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "Passphrase of this node's keys: ");
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    ok = fgets(out, PASSPHRASE_MAX, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
    fprintf(stderr, "\n");
    if (ok)
        out[strcspn(out, "\n")] = '\0';
    return ok && out[0] != '\0';
}

/* 0, or the exit code after telling why. */
static int get_passphrase(const struct config *c, char out[PASSPHRASE_MAX])
{
    enum err e;

    if (c->passphrase_file[0] == '\0') {
        if (read_terminal(out))
            return 0;
        return complain("no passphrase for the keys",
                        "node.passphrase_file is not set and there is no "
                        "terminal",
                        "set node.passphrase_file to a file of mode 0600",
                        EXIT_CONFIG);
    }
    e = passphrase_read_file(out, c->passphrase_file);
    if (e == ERR_NONE)
        return 0;
    return complain("the passphrase file cannot be used",
                    c->passphrase_file,
                    e == ERR_CONFIG
                        ? "make it readable by its owner alone: chmod 600"
                    : e == ERR_PASSPHRASE ? "write the passphrase in its "
                                            "first line"
                                          : "check that it exists",
                    EXIT_CONFIG);
}

static int load_genesis(struct node *n)
{
    uint8_t *at;
    size_t size;
    char path[JSON_PATH_MAX] = "";
    char why[200] = "";
    const char *sentence = "";
    json_t *json;
    enum err e =
        file_read(&at, &size, n->config.genesis, GENESIS_BYTES_MAX * 4);

    if (e != ERR_NONE)
        return complain("the genesis file cannot be read",
                        n->config.genesis,
                        "check node.genesis",
                        EXIT_CONFIG);
    n->genesis = calloc(1, sizeof *n->genesis);
    ASSERT(n->genesis != NULL);
    json = json_parse(bytes_of(at, size), why, sizeof why);
    free(at);
    if (json == NULL)
        return complain("the genesis file is not JSON",
                        why,
                        "use the file every validator has",
                        EXIT_CONFIG);
    e = schema_from_json(n->genesis, &genesis_schema, json, path);
    json_decref(json);
    if (e != ERR_NONE)
        return complain("the genesis file is not valid",
                        path,
                        "use the file every validator has",
                        EXIT_CONFIG);
    if (genesis_check(n->genesis, &sentence) != ERR_NONE ||
        genesis_chain_id(&n->chain_id, n->genesis) != ERR_NONE)
        return complain("the genesis file is not valid",
                        sentence,
                        "use the file every validator has",
                        EXIT_CONFIG);
    n->set = genesis_valset(n->genesis);
    n->domain.chain_id = n->chain_id;
    n->domain.validators_hash = valset_hash(&n->set);
    n->domain.set = &n->set;
    return 0;
}

static int open_key(const struct config *c,
                    const char *name,
                    const char *passphrase,
                    uint8_t kind,
                    struct secret *out)
{
    char path[CONFIG_TEXT_MAX + 64];
    struct keystore_info info;
    enum err e;

    snprintf(path, sizeof path, "%s/keys/%s", c->dir, name);
    e = keystore_open(&info, out, path, passphrase);
    if (e == ERR_NONE && info.kind != kind)
        e = ERR_CORRUPT;
    if (e == ERR_NONE)
        return 0;
    return complain(
        "a key of this node cannot be opened",
        path,
        e == ERR_PASSPHRASE
            ? "give the right passphrase (node.passphrase_file); if it is "
              "right, the file was changed"
        : e == ERR_NOT_FOUND
            ? "make it: equity keys new, or equity devnet for a trial network"
            : "restore the key file from its backup",
        EXIT_CONFIG);
}

static int load_keys(struct node *n)
{
    char passphrase[PASSPHRASE_MAX];
    struct secret transport;
    struct pubkey public;
    uint8_t transport_public_bytes[32];
    struct hash spki;
    int code = get_passphrase(&n->config, passphrase);

    if (code == 0)
        code = open_key(&n->config,
                        "consensus.key",
                        passphrase,
                        KEYSTORE_SECP256K1,
                        &n->consensus_key);
    if (code == 0)
        code = open_key(&n->config,
                        "transport.key",
                        passphrase,
                        KEYSTORE_ED25519,
                        &transport);
    OPENSSL_cleanse(passphrase, sizeof passphrase);
    if (code != 0)
        return code;
    if (key_public(&public, &n->consensus_key) != ERR_NONE ||
        (n->me = valset_find(&n->set, &public)) < 0)
        return complain("this node's consensus key is not in the genesis",
                        "consensus.key",
                        "use the key whose public part the genesis lists",
                        EXIT_CONFIG);
    if (transport_public(transport_public_bytes, &transport) != ERR_NONE ||
        transport_identity(&n->tls_key, &n->tls_certificate, &transport) !=
            ERR_NONE)
        return complain("the transport key is not valid",
                        "transport.key",
                        "restore the key file from its backup",
                        EXIT_CONFIG);
    secret_wipe(&transport);
    spki = transport_spki_hash(transport_public_bytes);
    if (!hash_eq(&spki, &n->set.list[n->me].spki_hash))
        return complain("this node's transport key is not the pinned one",
                        "transport.key",
                        "use the key whose hash the genesis lists",
                        EXIT_CONFIG);
    return 0;
}

static int explain_storage(enum err e, const char *what, const char *detail)
{
    const char *do_this = "check the disk and the file system";

    if (e == ERR_CHAIN) {
        what = "the data directory belongs to another chain";
        do_this = "use this chain's directory, or the other genesis";
    } else if (e == ERR_NOT_FOUND) {
        what = "the data directory is not initialised";
        do_this = "run: equityd init --config FILE (once)";
    } else if (e == ERR_FULL) {
        what = "the disk is full";
        do_this = "free space on the data directory's file system";
    } else if (e == ERR_VERSION) {
        what = "the data directory has another format";
        do_this = "use the release that wrote it";
    }
    return complain(what,
                    detail,
                    do_this,
                    e == ERR_CHAIN || e == ERR_NOT_FOUND || e == ERR_VERSION
                        ? EXIT_CONFIG
                        : EXIT_IO);
}

static int open_store(struct node *n, bool create)
{
    const struct store_options options = {
        .cache_bytes = n->config.cache_mib << 20, .create = create};
    char path[CONFIG_TEXT_MAX + 8];
    char message[300];
    enum err e;

    if (datadir_free_bytes(n->config.dir) < DISK_ROOM_MIN)
        return explain_storage(ERR_FULL, "", n->config.dir);
    snprintf(path, sizeof path, "%s/db", n->config.dir);
    e = store_open(
        &n->store, path, &n->chain_id, &options, message, sizeof message);
    if (e != ERR_NONE)
        return explain_storage(e, "the database cannot be opened", message);
    return 0;
}

static int open_datadir(struct node *n)
{
    long holder;
    char text[32];
    const enum err e =
        datadir_open(&n->datadir, n->config.dir, &n->chain_id, &holder);

    if (e == ERR_LOCKED) {
        snprintf(text, sizeof text, "process %ld", holder);
        return complain("another process uses the data directory",
                        text,
                        "stop it first; two processes must never share one",
                        EXIT_CONFIG);
    }
    if (e != ERR_NONE)
        return explain_storage(
            e, "the data directory cannot be used", n->config.dir);
    return 0;
}

static void journal_path(const struct node *n, char out[CONFIG_TEXT_MAX + 16])
{
    snprintf(out, CONFIG_TEXT_MAX + 16, "%s/journal", n->config.dir);
}

static enum err never(void *ctx, const struct journal_record *r)
{
    (void)ctx;
    (void)r;
    return ERR_CORRUPT;
}

static enum err count_record(void *ctx, const struct journal_record *r)
{
    (void)r;
    ++*(uint64_t *)ctx;
    return ERR_NONE;
}

/* Whether there is a journal, in whatever state, that was ever written to. */
static bool journal_is_born(const struct node *n)
{
    char path[CONFIG_TEXT_MAX + 16];
    struct journal_place at;
    struct journal *j;
    uint64_t records = 0;
    enum err e;

    journal_path(n, path);
    e = journal_open(&j, path, &n->chain_id, count_record, &records, &at);
    journal_close(j);
    return e != ERR_NOT_FOUND && (e != ERR_NONE || records > 0);
}

/* The first record of a journal says whose it is and from when. */
static enum err write_birth(struct node *n)
{
    char path[CONFIG_TEXT_MAX + 16];
    uint8_t birth[64];
    struct writer w = writer_of(birth, sizeof birth);
    struct journal *j;
    struct journal_place at;
    enum err e;

    journal_path(n, path);
    e = journal_create(path, &n->chain_id);
    if (e != ERR_NONE && e != ERR_EXISTS)
        return e;
    TRY(journal_open(&j, path, &n->chain_id, never, NULL, &at));
    record_birth_encode(&w, &n->set.list[n->me].key, n->set.epoch);
    e = journal_append(j, RECORD_BIRTH, n->set.epoch, 0, writer_bytes(&w));
    if (e == ERR_NONE)
        e = journal_sync(j);
    journal_close(j);
    return e;
}

static enum err write_genesis(struct node *n)
{
    struct engine *engine = engine_new(n->genesis);
    const struct executed_block *b = engine_genesis_block(engine);
    const struct store_block block = {
        .header = &b->header,
        .hash = b->hash,
        .header_bytes = b->header_bytes,
        .body = b->body,
        .events = b->events,
        .changes = b->changes,
        .tx_ids = b->tx_ids,
        .header_log = engine_header_log(engine),
    };
    enum err e = store_put_block(n->store, &block);

    if (e == ERR_NONE)
        e = store_index(n->store, &block);
    engine_free(engine);
    return e;
}

static void node_free(struct node *n)
{
    rpc_stop(n->rpc);
    peers_free(n->peers);
    if (n->tick != NULL)
        event_free(n->tick);
    if (n->gossip_event != NULL)
        event_free(n->gossip_event);
    if (n->on_term != NULL)
        event_free(n->on_term);
    if (n->on_int != NULL)
        event_free(n->on_int);
    mail_free(n->mail);
    if (n->base != NULL)
        event_base_free(n->base);
    engine_free(n->engine);
    /* After a halt nothing is flushed any more: the log is replayed at the
     * next start. */
    if (n->exit_code == 0)
        store_close(n->store);
    journal_close(n->journal);
    datadir_close(n->datadir);
    EVP_PKEY_free(n->tls_key);
    X509_free(n->tls_certificate);
    secret_wipe(&n->consensus_key);
    if (n->blocks != NULL) {
        for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
            buf_deinit(&n->blocks[i].header_bytes);
            buf_deinit(&n->blocks[i].body);
        }
    }
    replica_free_out(n);
    free(n->blocks);
    free(n->refusals);
    free(n->scratch);
    free(n->core);
    free(n->effects);
    free(n->genesis);
    pthread_mutex_destroy(&n->health_lock);
    free(n);
}

static struct node *node_new(const struct config *config)
{
    struct node *n = calloc(1, sizeof *n);

    ASSERT(n != NULL);
    n->config = *config;
    n->out_last = &n->out_first;
    n->started_ms = node_now_ms();
    pthread_mutex_init(&n->health_lock, NULL);
    return n;
}

/* Makes what is missing.  An attempt that was cut short is finished; a database
 * that was moved away is begun again beside its journal; but beside a database
 * with blocks no journal is made: its votes are forgotten (D45). */
static int make_parts(struct node *n)
{
    const bool born = journal_is_born(n);
    int code = open_store(n, true);
    struct store_tip tip;
    enum err e = ERR_NONE;

    if (code != 0)
        return code;
    tip = store_tip_of(n->store);
    if (tip.any && born)
        return complain("the data directory is initialised already",
                        n->config.dir,
                        "run: equityd run --config FILE",
                        EXIT_CONFIG);
    if (tip.any && tip.height > 0)
        return complain("the vote journal is missing",
                        "journal/",
                        "do not make a new one: a validator that forgot its "
                        "votes must join with a new key",
                        EXIT_SAFETY_HALT);
    if (!tip.any)
        e = write_genesis(n);
    if (e == ERR_NONE && !born)
        e = write_birth(n);
    return e == ERR_NONE ? 0
                         : explain_storage(e,
                                           "the first block cannot be written",
                                           n->config.dir);
}

int node_init(const struct config *config)
{
    struct node *n = node_new(config);
    int code = load_genesis(n);
    enum err e;

    if (code == 0)
        code = load_keys(n);
    if (code == 0) {
        e = datadir_create(config->dir, &n->chain_id);
        if (e != ERR_NONE && e != ERR_EXISTS)
            code = explain_storage(
                e, "the data directory cannot be made", config->dir);
    }
    if (code == 0)
        code = open_datadir(n);
    if (code == 0)
        code = make_parts(n);
    if (code == 0) {
        char hex[2 * HASH_BYTES + 1];

        hex_encode(hex, n->chain_id.raw, HASH_BYTES);
        log_info("node", "initialised", "chain=%s validator=%d", hex, n->me);
        if (n->set.count < 4)
            log_unusual("node",
                        "this network tolerates no fault: for development "
                        "only",
                        "validators=%u",
                        n->set.count);
    }
    node_free(n);
    return code;
}

static enum err load_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct node *n = ctx;

    return engine_load_row(n->engine, key, row);
}

/* Rebuilds the state from its rows and compares the root: every start is a
 * self-audit. */
static int load_state(struct node *n)
{
    struct store_value v;
    struct mtree_log log;
    uint64_t replayed;
    const struct store_tip tip = store_tip_of(n->store);
    const uint64_t from = node_now_ms();
    enum err e;

    if (!tip.any)
        return explain_storage(ERR_NOT_FOUND, "", n->config.dir);
    e = store_index_catch_up(n->store, &replayed);
    n->engine = engine_new_empty(n->genesis);
    if (e == ERR_NONE)
        e = store_each_row(n->store, load_row, n);
    if (e == ERR_NONE)
        e = store_get_header_log(&log, n->store, tip.height + 1);
    if (e == ERR_NONE)
        e = store_get_block(&v, n->store, tip.height, STORE_HEADER);
    if (e == ERR_NONE) {
        e = header_decode(&n->tip, bytes_of(v.at, v.size));
        store_value_free(&v);
    }
    if (e == ERR_NONE)
        e = engine_load_finish(n->engine, &n->tip, &log);
    if (e != ERR_NONE)
        return complain("the stored state is not what its block says",
                        err_text(e),
                        "do not repair it: move db/ away, run equityd init, "
                        "then run: the node syncs from the others",
                        EXIT_SAFETY_HALT);
    n->tip_hash = tip.hash;
    n->durable_height = tip.height;
    n->submitted_height = tip.height;
    log_info("node",
             "state rebuilt and its root compared",
             "height=%llu ms=%llu replayed=%llu",
             (unsigned long long)tip.height,
             (unsigned long long)(node_now_ms() - from),
             (unsigned long long)replayed);
    return 0;
}

static void sign_vote(void *ctx, struct vote *v)
{
    struct node *n = ctx;
    const enum err e = vote_sign(v, &n->domain, &n->consensus_key);

    ASSERT(e == ERR_NONE);
}

static void sign_hello(void *ctx,
                       struct signature *out,
                       const struct hash *digest)
{
    struct node *n = ctx;
    const enum err e = key_sign(out, &n->consensus_key, digest);

    ASSERT(e == ERR_NONE);
}

struct replay {
    struct node *node;
    uint64_t records;
    bool born;
};

static enum err replay_body(struct node *n, struct bytes payload)
{
    struct bytes header;
    struct bytes body;
    struct header h;
    struct block_entry *b;
    struct block_facts facts;

    TRY(msg_block_decode(&header, &body, payload));
    TRY(header_decode(&h, header));
    if (h.height <= n->tip.height)
        return ERR_NONE;
    b = block_entry_add(n, &h, header);
    if (b == NULL || !block_entry_set_body(b, body))
        return ERR_CORRUPT;
    facts = block_facts_of(&h, &b->hash);
    core_replay_body(n->core, &facts);
    return ERR_NONE;
}

static enum err replay_birth(struct replay *r, struct bytes payload)
{
    struct pubkey key;
    uint64_t epoch;

    TRY(record_birth_decode(&key, &epoch, payload));
    r->born = true;
    return memcmp(&key, &r->node->set.list[r->node->me].key, sizeof key) == 0
               ? ERR_NONE
               : ERR_CHAIN;
}

static enum err replay_record(void *ctx, const struct journal_record *record)
{
    struct replay *r = ctx;

    r->records++;
    switch ((enum record_type)record->type) {
    case RECORD_BIRTH:
        return replay_birth(r, record->payload);
    case RECORD_START:
        r->node->journal_started = true;
        return ERR_NONE;
    case RECORD_BODY:
        return replay_body(r->node, record->payload);
    case RECORD_VOTE:
        r->node->journal_started = true;
        break;
    case RECORD_CERT: /* others' votes do not show that it was here before */
    case RECORD_CHECKPOINT:
    case RECORD_OBSERVER:
        break;
    default:
        return ERR_VERSION;
    }
    return core_replay_record(r->node->core,
                              &r->node->set.list[r->node->me].key,
                              record->type,
                              record->payload);
}

static int explain_journal(enum err e, const struct journal_place *at)
{
    char where[96];

    snprintf(where,
             sizeof where,
             "segment %u, offset %llu: %s",
             at->segment,
             (unsigned long long)at->offset,
             err_text(e));
    if (e == ERR_NOT_FOUND)
        return complain("the vote journal is missing",
                        "journal/",
                        "do not make a new one: a validator that forgot its "
                        "votes must join with a new key",
                        EXIT_SAFETY_HALT);
    return complain("the vote journal is damaged",
                    where,
                    "do not vote from it: keep the directory, sync as an "
                    "observer and join with a new key",
                    EXIT_SAFETY_HALT);
}

static int recover(struct node *n)
{
    const struct genesis_params *p = &n->genesis->params;
    struct core_config config = {
        .n = (uint8_t)n->set.count,
        .me = n->me,
        .epoch = n->set.epoch,
        .timers = {p->t_leader_ms,
                   p->t_view_ms,
                   p->t_retry_ms,
                   p->t_status_ms,
                   p->t_silent_ms,
                   p->t_fetch_ms,
                   p->t_cap_ms,
                   p->t_pace_ms,
                   p->time_drift_ms},
        .sign = sign_vote,
        .sign_ctx = n,
    };
    char path[CONFIG_TEXT_MAX + 16];
    struct replay r = {.node = n};
    struct journal_place at;
    struct store_value v;
    struct header h;
    enum err e = store_get_block(&v, n->store, 0, STORE_HEADER);

    if (e == ERR_NONE) {
        e = header_decode(&h, bytes_of(v.at, v.size));
        store_value_free(&v);
    }
    if (e != ERR_NONE)
        return explain_storage(e, "block 0 cannot be read", n->config.dir);
    config.genesis.block = header_hash(&h);
    config.leader_seed =
        valset_leader_seed(&n->chain_id, n->set.epoch, &config.genesis.block);
    n->core = calloc(1, sizeof *n->core);
    n->effects = calloc(1, sizeof *n->effects);
    n->blocks = calloc(BLOCKS_MAX, sizeof n->blocks[0]);
    n->refusals = calloc(REFUSALS_KEPT, sizeof n->refusals[0]);
    n->scratch = calloc(BLOCK_TXS_MAX, sizeof n->scratch[0]);
    ASSERT(n->core != NULL && n->effects != NULL && n->blocks != NULL &&
           n->refusals != NULL && n->scratch != NULL);
    core_init(n->core, &config, n->tip.height, &n->tip_hash);
    journal_path(n, path);
    e = journal_open(&n->journal, path, &n->chain_id, replay_record, &r, &at);
    if (e != ERR_NONE || !r.born)
        return explain_journal(e == ERR_NONE ? ERR_CORRUPT : e, &at);
    if (at.torn_bytes > 0)
        log_unusual("node",
                    "a torn last journal record was cut off",
                    "segment=%u offset=%llu",
                    at.segment,
                    (unsigned long long)at.offset);
    if (n->core->fin.height < n->tip.height)
        return complain("the vote journal is older than the database",
                        n->config.dir,
                        "never restore a journal: sync as an observer and "
                        "join with a new key",
                        EXIT_SAFETY_HALT);
    if (n->core->observer) {
        snprintf(n->observer_why,
                 sizeof n->observer_why,
                 "its journal says that it signs nothing any more: join with "
                 "a new key");
        log_broken(
            "node", "this node observes only", "why=\"%s\"", n->observer_why);
    }
    core_start(n->core, !n->journal_started, node_now_ms());
    log_info("node",
             "journal replayed",
             "records=%llu view=%llu final_height=%llu",
             (unsigned long long)r.records,
             (unsigned long long)n->core->view,
             (unsigned long long)n->core->fin.height);
    return 0;
}

static void on_up(void *ctx, uint8_t index, uint8_t channel)
{
    struct node *n = ctx;
    struct core_event connected = {.kind = ON_UP, .from = index};

    if (channel != CHANNEL_CONSENSUS)
        return;
    log_info("net", "validator connected", "validator=%u", index);
    replica_feed(n, &connected);
}

static void on_down(void *ctx, uint8_t index, uint8_t channel)
{
    struct node *n = ctx;
    struct core_event down = {.kind = ON_DOWN, .from = index};

    if (channel != CHANNEL_CONSENSUS)
        return;
    log_info("net", "validator disconnected", "validator=%u", index);
    replica_feed(n, &down);
}

static int start_peers(struct node *n)
{
    struct peers_config c = {
        .base = n->base,
        .set = &n->set,
        .me = (uint8_t)n->me,
        .chain_id = n->chain_id,
        .key = n->tls_key,
        .certificate = n->tls_certificate,
        .types = peer_types,
        .type_count = ARRAY_LEN(peer_types),
        .software = "equityd/1",
        .protocol = HELLO_PROTOCOL,
    };
    const struct peers_callbacks callbacks = {
        .on_frame = replica_frame,
        .on_up = on_up,
        .on_down = on_down,
        .sign = sign_hello,
        .ctx = n,
    };
    char host[256];
    enum err e;

    if (config_split_address(host, &c.listen_port, n->config.peers_listen) !=
        ERR_NONE)
        return complain("peers.listen is not an address",
                        n->config.peers_listen,
                        "write host:port",
                        EXIT_CONFIG);
    c.listen_host = host;
    for (uint32_t i = 0; i < n->set.count; i++) {
        if (n->config.peer[i][0] == '\0')
            continue;
        if (config_split_address(c.address[i].host,
                                 &c.address[i].port,
                                 n->config.peer[i]) != ERR_NONE)
            return complain("a peer's address is not one",
                            n->config.peer[i],
                            "write host:port",
                            EXIT_CONFIG);
    }
    e = peers_new(&n->peers, &c, &callbacks);
    if (e != ERR_NONE)
        return complain(e == ERR_EXISTS ? "the port for peers is in use"
                                        : "the port for peers cannot be "
                                          "opened",
                        n->config.peers_listen,
                        "stop what uses it, or change peers.listen",
                        EXIT_CONFIG);
    return 0;
}

static int start_rpc(struct node *n)
{
    struct http_config http = {
        .allow_hosts = n->config.rpc_hosts,
        .body_max = 2 * TX_BYTES_MAX + (1 << 20),
        .connections_max = 1024,
        .per_address_max = 512,
        .head_deadline_ms = 5000,
        .body_deadline_ms = 15000,
        .idle_ms = 60000,
    };
    struct rpc_backend backend;
    char host[256];
    enum err e;

    if (config_split_address(host, &http.port, n->config.rpc_listen) !=
        ERR_NONE)
        return complain("rpc.listen is not an address",
                        n->config.rpc_listen,
                        "write host:port",
                        EXIT_CONFIG);
    http.host = host;
    api_backend(&backend, n);
    e = rpc_start(&n->rpc, &http, &backend);
    if (e != ERR_NONE)
        return complain(e == ERR_EXISTS
                            ? "the port for clients is in use"
                            : "the port for clients cannot be opened",
                        n->config.rpc_listen,
                        "stop what uses it, or change rpc.listen",
                        EXIT_CONFIG);
    return 0;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct node *n = ctx;
    static const struct timeval interval = {0, 10000};

    (void)fd;
    (void)what;
    if (node_now_ms() >= core_next_tick_ms(n->core) || core_is_busy(n->core))
        replica_tick(n);
    if (node_now_ms() % 1000 < 12)
        mempool_tick(n);
    health_refresh(n);
    if (!n->stopping)
        event_add(n->tick, &interval);
}

static void on_gossip(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    mempool_flush_gossip(ctx);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    struct node *n = ctx;

    (void)what;
    log_info("node", "stopping", "signal=%d", (int)fd);
    n->stopping = true;
    event_base_loopbreak(n->base);
}

static unsigned verify_threads(const struct node *n)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (n->config.verify_threads > 0)
        return (unsigned)n->config.verify_threads;
    return cores > 0 ? (unsigned)cores : 1;
}

static int serve(struct node *n)
{
    static const struct timeval soon = {0, 1000};
    int code;

    evthread_use_pthreads();
    n->base = event_base_new();
    ASSERT(n->base != NULL);
    n->mail = mail_new(n->base);
    n->verify = pool_new("verify", verify_threads(n), n->mail);
    n->executor = pool_new("executor", 1, n->mail);
    n->writer = pool_new("writer", 1, n->mail);
    n->reader = pool_new("reader", 1, n->mail);
    n->gossip_event = event_new(n->base, -1, 0, on_gossip, n);
    n->tick = event_new(n->base, -1, 0, on_tick, n);
    event_add(n->tick, &soon);
    n->on_term = evsignal_new(n->base, SIGTERM, on_signal, n);
    n->on_int = evsignal_new(n->base, SIGINT, on_signal, n);
    event_add(n->on_term, NULL);
    event_add(n->on_int, NULL);
    code = start_peers(n);
    if (code == 0) {
        health_refresh(n);
        code = start_rpc(n);
    }
    if (code == 0) {
        log_info("node",
                 "ready to serve",
                 "rpc=http://%s peers=%s validator=%d",
                 n->config.rpc_listen,
                 n->config.peers_listen,
                 n->me);
        event_base_dispatch(n->base);
        code = n->exit_code;
    }
    n->stopping = true;
    rpc_halt(n->rpc);
    /* What one pool has done may still go on to the next. */
    pool_stop(n->reader);
    pool_stop(n->verify);
    mail_drain(n->mail);
    pool_stop(n->executor);
    mail_drain(n->mail);
    pool_stop(n->writer);
    mail_drain(n->mail);
    mempool_free(n);
    if (code == 0)
        log_info("node",
                 "stopped",
                 "height=%llu",
                 (unsigned long long)n->durable_height);
    return code;
}

int node_run(const struct config *config)
{
    struct node *n = node_new(config);
    int code = load_genesis(n);

    signal(SIGPIPE, SIG_IGN);
    if (code == 0)
        code = load_keys(n);
    if (code == 0)
        code = open_datadir(n);
    if (code == 0)
        code = open_store(n, false);
    if (code == 0)
        code = load_state(n);
    if (code == 0)
        code = recover(n);
    if (code == 0)
        code = serve(n);
    node_free(n);
    return code;
}
