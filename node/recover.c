/* What a restart brings back: the state from its rows, the core from the vote
 * journal. */
#include "base/check.h"
#include "base/log.h"
#include "node/replica.h"
#include "node/start.h"
#include "node/trace.h"

#include <stdio.h>
#include <stdlib.h>

static void note_difference(struct node *n)
{
    struct bytes text;

    if (n->engine == NULL)
        return; /* the indexes could not even be completed */
    text = engine_difference(n->engine);
    buf_append(&n->difference, text.at, text.size);
}

/* The hash of the block that put the set in force, and what made it final. */
static enum err read_since(struct node *n, uint64_t height, struct hash *hash)
{
    struct store_value v;
    struct header h;
    enum err e;

    TRY(store_get_block(&v, n->store, height, STORE_HEADER));
    e = header_decode(&h, bytes_of(v.at, v.size));
    store_value_free(&v);
    if (e != ERR_NONE)
        return e;
    *hash = header_hash(&h);
    if (height == 0)
        return ERR_NONE;
    TRY(store_get_block(&v, n->store, height, STORE_CERT));
    e = msg_cert_decode(&n->end_cert, bytes_of(v.at, v.size));
    store_value_free(&v);
    return e;
}

/* The set of the next block, and who has just left it. */
static enum err adopt_set(struct node *n)
{
    const uint64_t since = engine_validators_since(n->engine);
    struct valset set;
    struct valset before;
    struct hash hash;

    engine_validators(n->engine, &set);
    engine_params(n->engine, &n->params);
    TRY(read_since(n, since, &hash));
    epoch_adopt(n, &set, since, &hash);
    n->candidate_count = engine_candidates(n->engine, n->candidates, PEERS_MAX);
    if (set.epoch > 0) {
        TRY(engine_validators_of(n->engine, set.epoch - 1, &before));
        links_leave(n, &before, &set);
    }
    return ERR_NONE;
}

/* Who this node is, by the state. */
static int check_identity(const struct node *n)
{
    if (n->set.count < 4)
        log_unusual("node",
                    "this network tolerates no fault: for development only",
                    "validators=%u",
                    n->set.count);
    if (n->me >= 0)
        return start_check_pin(n, &n->set.list[n->me].spki_hash);
    for (uint32_t i = 0; i < n->candidate_count; i++) {
        if (memcmp(&n->candidates[i].key, &n->key, sizeof n->key) == 0)
            return start_check_pin(n, &n->candidates[i].spki_hash);
    }
    log_info("node",
             "this key is not in the set and, as far as this node knows, not "
             "announced: the others let it follow once it is",
             "epoch=%llu",
             (unsigned long long)n->set.epoch);
    return 0;
}

/* Rebuilds the state from its rows and compares the root: every start is a
 * self-audit. */
int start_load_state(struct node *n)
{
    uint64_t replayed;
    const struct store_tip tip = store_tip_of(n->store);
    const uint64_t from = node_now_ms();
    int code;
    enum err e;

    if (!tip.any)
        return start_explain_storage(ERR_NOT_FOUND, "", n->config.dir);
    e = store_index_catch_up(n->store, &replayed);
    if (e == ERR_NONE)
        e = load_engine(&n->engine, &n->tip, n->genesis, n->store);
    if (e != ERR_NONE) {
        note_difference(n);
        return start_halt(n,
                          "the stored state is not what its block says",
                          err_text(e),
                          "do not repair it: move db/ away, run equityd init, "
                          "then run: the node syncs from the others");
    }
    n->tip_hash = tip.hash;
    e = adopt_set(n);
    if (e != ERR_NONE)
        return start_explain_storage(
            e,
            "the block that put the validators in force cannot be read",
            n->config.dir);
    n->durable_height = tip.height;
    n->indexed_height = tip.height;
    n->submitted_height = tip.height;
    code = check_identity(n);
    if (code != 0)
        return code;
    log_info("node",
             "state rebuilt and its root compared",
             "height=%llu ms=%llu replayed=%llu",
             (unsigned long long)tip.height,
             (unsigned long long)(node_now_ms() - from),
             (unsigned long long)replayed);
    return 0;
}

struct replay {
    struct node *node;
    uint64_t records;
    uint64_t final_height; /* newest that a certificate in it shows */
    bool born;
    bool contradicts; /* what it says is no journal of one validator */
    struct journal_record bad;
};

static enum err recover_body(struct node *n, struct bytes payload)
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
    if (b == NULL)
        return ERR_NONE; /* no room: it is fetched when it is wanted */
    if (!block_entry_set_body(b, body))
        return ERR_CORRUPT;
    facts = block_facts_of(&h, &b->hash);
    core_replay_body(n->core, &facts);
    return ERR_NONE;
}

static enum err replay_birth(struct replay *r, struct bytes payload)
{
    struct pubkey key;

    TRY(record_birth_decode(&key, &r->node->birth_epoch, payload));
    r->born = true;
    return memcmp(&key, &r->node->key, sizeof key) == 0 ? ERR_NONE : ERR_CHAIN;
}

static enum err note_final(struct replay *r, struct bytes payload)
{
    struct cert cert;

    TRY(msg_cert_decode(&cert, payload));
    if (cert.kind == VOTE_FINALIZE && cert.about.height > r->final_height)
        r->final_height = cert.about.height;
    return ERR_NONE;
}

/* What is final by the journal, and in it, is committed from it: after a power
 * cut everywhere no database may have it. */
static enum err want_final(struct node *n, struct bytes payload)
{
    struct block_entry *b;
    struct cert cert;

    TRY(msg_cert_decode(&cert, payload));
    if (cert.kind != VOTE_FINALIZE || cert.about.height <= n->tip.height)
        return ERR_NONE;
    b = block_entry_find(n, &cert.about.block);
    if (b == NULL || !b->has_body)
        return ERR_NONE;
    b->commit_cert = cert;
    b->commit_wanted = true;
    return ERR_NONE;
}

enum err recover_record(struct node *n,
                        uint8_t type,
                        uint64_t epoch,
                        struct bytes payload)
{
    const bool of_now = epoch == n->set.epoch;

    if (of_now && type == RECORD_BODY)
        return recover_body(n, payload);
    if (of_now && (type == RECORD_CERT || type == RECORD_EPOCH_END))
        TRY(want_final(n, payload));
    return core_replay_record(n->core, &n->key, type, epoch, payload);
}

/* Of an epoch that the state, being older than the journal, has yet to reach:
 * for when it does. */
static void keep_later(struct node *n, const struct journal_record *record)
{
    uint8_t head[13];
    struct writer w = writer_of(head, sizeof head);

    writer_u8(&w, record->type);
    writer_u64(&w, record->epoch);
    writer_u32(&w, (uint32_t)record->payload.size);
    buf_append(&n->later, head, sizeof head);
    buf_append(&n->later, record->payload.at, record->payload.size);
}

static enum err replay_one(struct replay *r,
                           const struct journal_record *record)
{
    struct node *n = r->node;

    r->records++;
    switch ((enum record_type)record->type) {
    case RECORD_BIRTH:
        TRY(replay_birth(r, record->payload));
        break;
    case RECORD_START:
        n->journal_started = true;
        break;
    case RECORD_VOTE:
        n->journal_started = true;
        break;
    case RECORD_CERT: /* others' votes do not show that it was here before */
    case RECORD_EPOCH_END:
        TRY(note_final(r, record->payload));
        break;
    case RECORD_BODY:
    case RECORD_CHECKPOINT:
    case RECORD_OBSERVER:
        break;
    default:
        return ERR_VERSION;
    }
    if (record->epoch > n->set.epoch)
        keep_later(n, record);
    return recover_record(n, record->type, record->epoch, record->payload);
}

/* Its bytes are sound: the journal has been checked as far as this record. */
static enum err replay_record(void *ctx, const struct journal_record *record)
{
    struct replay *r = ctx;
    const enum err e = replay_one(r, record);

    if (e == ERR_CORRUPT || e == ERR_MISMATCH || e == ERR_RANGE) {
        r->contradicts = true;
        r->bad = *record;
        r->bad.payload = bytes_of(NULL, 0);
    }
    return e;
}

/* A validator that lost its votes keeps its blocks, and the register is served
 * on; only a new key may sign. */
#define OBSERVE                                                              \
    "then run equityd init and run: the node keeps its blocks and observes " \
    "only; to vote again, join with a new key"

static int explain_journal(struct node *n,
                           enum err e,
                           const struct journal_place *at,
                           const struct replay *r)
{
    char where[160];

    snprintf(where,
             sizeof where,
             "segment %u, offset %llu: %s",
             at->segment,
             (unsigned long long)at->offset,
             err_text(e));
    if (e == ERR_NOT_FOUND)
        return start_halt(
            n,
            "the vote journal is missing",
            "journal/",
            "put it back if it is elsewhere; if it is lost, " OBSERVE);
    if (r->contradicts) {
        snprintf(where,
                 sizeof where,
                 "record %llu, type %u, view %llu",
                 (unsigned long long)r->records,
                 r->bad.type,
                 (unsigned long long)r->bad.view);
        return start_halt(n,
                          "the vote journal contradicts itself",
                          where,
                          "do not vote from it: move journal/ away, " OBSERVE);
    }
    if (e == ERR_VERSION || e == ERR_CHAIN)
        return start_explain_storage(
            e, "the vote journal cannot be used", where);
    if (e == ERR_IO || e == ERR_FULL || e == ERR_NO_MEMORY)
        return start_explain_storage(
            e, "the vote journal cannot be read", where);
    return start_halt(n,
                      "the vote journal is damaged",
                      where,
                      "do not vote from it: move journal/ away, " OBSERVE);
}

/* The tip's certificate: the batch of its block was on disk before the journal
 * had to be. */
static enum err replay_tip(struct node *n)
{
    struct store_value v;
    struct cert cert;
    enum err e;

    if (n->tip.height == 0)
        return ERR_NONE;
    TRY(store_get_block(&v, n->store, n->tip.height, STORE_CERT));
    e = msg_cert_decode(&cert, bytes_of(v.at, v.size));
    store_value_free(&v);
    if (e == ERR_NONE && (cert.about.height != n->tip.height ||
                          !hash_eq(&cert.about.block, &n->tip_hash)))
        e = ERR_MISMATCH;
    if (e == ERR_NONE && cert.epoch == n->set.epoch)
        core_replay_cert(n->core, &cert);
    return e;
}

/* Whether this journal, opened, is the one that stood beside the database: each
 * block says how many of its records were on disk.  Where none says it, what
 * the journal knows final must reach the tip. */
static int check_journal_age(struct node *n, uint64_t final_height)
{
    struct store_journal then;
    enum err e = store_journal_of(&then, n->store);
    bool older = final_height < n->tip.height;

    if (e == ERR_NONE && then.records > 0 &&
        memcmp(&then.key, &n->key, sizeof then.key) == 0)
        older = journal_durable(n->journal) < then.records;
    if (e == ERR_NONE && older)
        return start_halt(
            n,
            "the vote journal is older than the database",
            n->config.dir,
            "never restore a journal: move journal/ away, " OBSERVE);
    if (e == ERR_NONE)
        e = replay_tip(n);
    return e == ERR_NONE ? 0
                         : start_explain_storage(
                               e,
                               "what the newest block says of its journal and "
                               "its certificate cannot be read",
                               n->config.dir);
}

static void make_room(struct node *n)
{
    n->core = calloc(1, sizeof *n->core);
    n->effects = calloc(1, sizeof *n->effects);
    n->blocks = calloc(BLOCKS_MAX, sizeof n->blocks[0]);
    n->refusals = calloc(REFUSALS_KEPT, sizeof n->refusals[0]);
    n->scratch = calloc(BLOCK_TXS_MAX, sizeof n->scratch[0]);
    ASSERT(n->core != NULL && n->effects != NULL && n->blocks != NULL &&
           n->refusals != NULL && n->scratch != NULL);
    sync_new(n);
    n->trace = trace_new();
}

int start_recover(struct node *n)
{
    const struct core_config config = epoch_config(n);
    char path[CONFIG_TEXT_MAX + 16];
    struct replay r = {.node = n};
    struct journal_place at;
    int code;
    enum err e;

    make_room(n);
    core_init(n->core, &config, n->tip.height, &n->tip_hash);
    start_journal_path(n, path);
    e = journal_open(&n->journal, path, &n->chain_id, replay_record, &r, &at);
    if (e != ERR_NONE || !r.born)
        return explain_journal(n, e == ERR_NONE ? ERR_CORRUPT : e, &at, &r);
    if (at.torn_bytes > 0)
        log_unusual("node",
                    "a torn last journal record was cut off",
                    "segment=%u offset=%llu",
                    at.segment,
                    (unsigned long long)at.offset);
    code = check_journal_age(n, r.final_height);
    if (code != 0)
        return code;
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
             "records=%llu epoch=%llu view=%llu final_height=%llu",
             (unsigned long long)r.records,
             (unsigned long long)n->set.epoch,
             (unsigned long long)n->core->view,
             (unsigned long long)n->core->fin.height);
    return 0;
}
