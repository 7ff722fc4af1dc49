/* What a restart brings back: the state from its rows, the core from the vote
 * journal. */
#include "base/check.h"
#include "base/log.h"
#include "node/start.h"
#include "node/trace.h"

#include <stdio.h>
#include <stdlib.h>

static enum err load_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct node *n = ctx;

    return engine_load_row(n->engine, key, row);
}

static void note_difference(struct node *n)
{
    const struct bytes text = engine_difference(n->engine);

    buf_append(&n->difference, text.at, text.size);
}

/* Rebuilds the state from its rows and compares the root: every start is a
 * self-audit. */
int start_load_state(struct node *n)
{
    struct store_value v;
    struct mtree_log log;
    uint64_t replayed;
    const struct store_tip tip = store_tip_of(n->store);
    const uint64_t from = node_now_ms();
    enum err e;

    if (!tip.any)
        return start_explain_storage(ERR_NOT_FOUND, "", n->config.dir);
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
    if (e != ERR_NONE) {
        note_difference(n);
        return start_halt(n,
                          "the stored state is not what its block says",
                          err_text(e),
                          "do not repair it: move db/ away, run equityd init, "
                          "then run: the node syncs from the others");
    }
    n->tip_hash = tip.hash;
    n->durable_height = tip.height;
    n->indexed_height = tip.height;
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

struct replay {
    struct node *node;
    uint64_t records;
    bool born;
    bool contradicts; /* what it says is no journal of one validator */
    struct journal_record bad;
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

static enum err replay_one(struct replay *r,
                           const struct journal_record *record)
{
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
    if (e == ERR_NONE)
        core_replay_cert(n->core, &cert);
    return e;
}

/* Whether this journal, opened, is the one that stood beside the database: each
 * block says how many of its records were on disk.  Where none says it, what
 * the journal knows final must reach the tip. */
static int check_journal_age(struct node *n)
{
    struct store_journal then;
    enum err e = store_journal_of(&then, n->store);
    bool older = n->core->fin.height < n->tip.height;

    if (e == ERR_NONE && then.records > 0 &&
        memcmp(&then.key, &n->set.list[n->me].key, sizeof then.key) == 0)
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

int start_recover(struct node *n)
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
    int code;
    enum err e = store_get_block(&v, n->store, 0, STORE_HEADER);

    if (e == ERR_NONE) {
        e = header_decode(&h, bytes_of(v.at, v.size));
        store_value_free(&v);
    }
    if (e != ERR_NONE)
        return start_explain_storage(
            e, "block 0 cannot be read", n->config.dir);
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
    sync_new(n);
    n->trace = trace_new();
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
    code = check_journal_age(n);
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
             "records=%llu view=%llu final_height=%llu",
             (unsigned long long)r.records,
             (unsigned long long)n->core->view,
             (unsigned long long)n->core->fin.height);
    return 0;
}
