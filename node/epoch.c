/* From one set of validators to the next, and what is told to who is behind. */
#include "base/check.h"
#include "base/log.h"
#include "ledger/rows.h"
#include "node/replica.h"
#include "node/start.h"

#include <stdlib.h>

enum {
    NEAR_BLOCKS = 16, /* so far behind is in step */
};

static void sign_vote(void *ctx, struct vote *v)
{
    struct node *n = ctx;
    const enum err e = vote_sign(v, &n->domain, &n->consensus_key);

    ASSERT(e == ERR_NONE);
}

struct core_config epoch_config(struct node *n)
{
    const struct genesis_params *p = &n->params;

    return (struct core_config){
        .n = (uint8_t)n->set.count,
        .me = n->me,
        .epoch = n->set.epoch,
        .leader_seed =
            valset_leader_seed(&n->chain_id, n->set.epoch, &n->since_hash),
        .timers = {p->t_leader_ms,
                   p->t_view_ms,
                   p->t_retry_ms,
                   p->t_status_ms,
                   p->t_silent_ms,
                   p->t_fetch_ms,
                   p->t_cap_ms,
                   p->t_pace_ms,
                   p->time_drift_ms},
        .genesis = {.height = n->since_height, .block = n->since_hash},
        .sign = sign_vote,
        .sign_ctx = n,
    };
}

void epoch_adopt(struct node *n,
                 const struct valset *set,
                 uint64_t since_height,
                 const struct hash *since_hash)
{
    n->set = *set;
    n->domain = (struct vote_domain){.chain_id = n->chain_id,
                                     .validators_hash = valset_hash(&n->set),
                                     .set = &n->set};
    n->me = valset_find(&n->set, &n->key);
    n->since_height = since_height;
    n->since_hash = *since_hash;
}

/* ---- the end of an epoch ---- */

/* What the journal held of the new epoch: the state was behind it. */
static enum err replay_later(struct node *n)
{
    struct buf kept = {0};
    struct reader r = reader_of(buf_bytes(&n->later));
    enum err e = ERR_NONE;

    while (e == ERR_NONE && r.left > 0) {
        const struct bytes from =
            bytes_of(n->later.at + n->later.size - r.left, r.left);
        const uint8_t type = reader_u8(&r);
        const uint64_t epoch = reader_u64(&r);
        const struct bytes payload = reader_vec(&r, JOURNAL_PAYLOAD_MAX);

        ASSERT(r.err == ERR_NONE);
        if (epoch > n->set.epoch)
            buf_append(&kept, from.at, from.size - r.left);
        e = recover_record(n, type, epoch, payload);
    }
    buf_deinit(&n->later);
    n->later = kept;
    return e;
}

static void tell(const struct node *n, const struct valset *before)
{
    const bool was = valset_find(before, &n->key) >= 0;

    log_info("consensus",
             n->me >= 0 && !was ? "a new epoch begins: this node joins"
             : n->me < 0 && was ? "a new epoch begins: this node has left"
                                : "a new epoch begins",
             "epoch=%llu height=%llu validators=%u index=%d",
             (unsigned long long)n->set.epoch,
             (unsigned long long)n->since_height,
             n->set.count,
             n->me);
}

/* Nothing of it has happened for this core yet. */
static void tell_core(struct node *n)
{
    struct core_event tick = {.kind = ON_TICK};

    for (uint8_t i = 0; i < n->set.count; i++) {
        const int slot = link_slot(n, i);
        struct core_event down = {.kind = ON_DOWN, .from = i};

        if ((int)i != n->me &&
            (slot < 0 ||
             !peers_is_up(n->peers, (uint8_t)slot, CHANNEL_CONSENSUS)))
            replica_feed(n, &down);
    }
    n->work_told = false;
    replica_tell_work(n);
    replica_feed(n, &tick);
}

void epoch_end(struct node *n, const struct cert *cert)
{
    const struct valset before = n->set;
    struct core_config config;
    enum err e;

    ASSERT((n->tip.flags & HEADER_SEAL) != 0 &&
           cert->about.height == n->tip.height &&
           hash_eq(&cert->about.block, &n->tip_hash) &&
           n->next_set.epoch == before.epoch + 1);
    keep_end(n, cert); /* before any record of the new epoch */
    n->need_sync = true;
    n->end_cert = *cert;
    n->params = n->next_params;
    epoch_adopt(n, &n->next_set, n->tip.height, &n->tip_hash);
    config = epoch_config(n);
    core_next(n->core, &config);
    e = replay_later(n);
    if (e != ERR_NONE) {
        node_fail(
            n,
            EXIT_SAFETY_HALT,
            "what the vote journal holds of the new epoch cannot be used: "
            "keep the data directory and ask for help",
            err_text(e));
        return;
    }
    n->statuses = n->claimed = 0;
    sync_epoch(n);
    links_leave(n, &before, &n->set);
    links_refresh(n);
    tell(n, &before);
    core_start(n->core, !n->journal_started, node_now_ms());
    tell_core(n);
    commit_recovered(n);
}

/* ---- what validators say of where they are ---- */

/* D45: a journal may be born before its chain has a final block, or while its
 * key is not in the set.  Once a quorum has shown that it is so, the journal
 * covers all that this key will sign. */
static void mark_started(struct node *n,
                         uint8_t from,
                         const struct core_status *s)
{
    const uint32_t with_me = n->me >= 0 ? 1 : 0;

    if (n->journal_started ||
        (n->me >= 0 && (n->set.epoch > 0 || s->final_height > 0)))
        return;
    n->statuses |= (uint64_t)1 << from;
    if ((uint32_t)__builtin_popcountll(n->statuses) + with_me <
        valset_quorum(n->set.count))
        return;
    n->journal_started = true;
    keep_record(n, RECORD_START, 0, bytes_of("", 0));
    n->need_sync = true;
}

void epoch_status(struct node *n, uint8_t from, const struct core_status *s)
{
    if (from >= n->set.count)
        return;
    n->claimed |= (uint64_t)1 << from;
    n->claims[from] = s->final_height;
    mark_started(n, from, s);
}

/* A quorum was heard in this epoch, and at most f, who may lie, claim much more
 * than is here: who follows is a few blocks behind while there are many. */
bool epoch_is_synced(const struct node *n)
{
    uint32_t heard = n->me >= 0 ? 1 : 0;
    const uint64_t near = n->tip.height + NEAR_BLOCKS;
    uint32_t beyond = 0;

    for (uint32_t i = 0; i < n->set.count; i++) {
        if ((n->claimed >> i & 1) == 0)
            continue;
        heard++;
        beyond += n->claims[i] > near ? 1 : 0;
    }
    return heard >= valset_quorum(n->set.count) &&
           beyond <= valset_faulty(n->set.count) &&
           n->core->fin.height <= near &&
           (n->journal_started || n->core->observer || n->me >= 0);
}

/* ---- peers of other epochs ---- */

void epoch_other(struct node *n, uint8_t from, uint64_t epoch)
{
    struct core_event e = {.kind = ON_EPOCH, .from = from, .epoch = epoch};

    if (core_other_epoch(n->core, from, epoch))
        replica_feed(n, &e);
}

/* What ended an epoch, read on the reader thread. */
struct end_task {
    struct task task;
    struct node *node;
    uint8_t slot;
    uint64_t epoch;
    bool ok;
    struct buf out;
};

static enum err read_end(struct end_task *t)
{
    struct node *n = t->node;
    struct store_view *v = store_view_open(n->store);
    struct validators_row row;
    struct store_value header = {0};
    struct store_value cert = {0};
    struct writer w;
    enum err e = load_validators(&row, v, t->epoch + 1);

    store_view_close(v);
    TRY(e); /* the index may be a moment behind */
    e = store_get_block(&header, n->store, row.since_height, STORE_HEADER);
    if (e == ERR_NONE)
        e = store_get_block(&cert, n->store, row.since_height, STORE_CERT);
    if (e == ERR_NONE) {
        buf_append(&t->out, NULL, MSG_EPOCH_END_MAX);
        w = writer_of(t->out.at, t->out.size);
        msg_epoch_end_encode(&w,
                             bytes_of(header.at, header.size),
                             bytes_of(cert.at, cert.size),
                             &row.set);
        ASSERT(writer_ok(&w));
        t->out.size = w.size;
    }
    store_value_free(&header);
    store_value_free(&cert);
    return e;
}

static void run_end(struct task *task)
{
    struct end_task *t = (struct end_task *)(void *)task;

    t->ok = read_end(t) == ERR_NONE;
}

static void end_done(struct task *task)
{
    struct end_task *t = (struct end_task *)(void *)task;
    struct node *n = t->node;

    n->ending &= ~((uint64_t)1 << t->slot);
    if (t->ok && !n->stopping)
        (void)peers_send(n->peers,
                         t->slot,
                         CHANNEL_CONSENSUS,
                         MSG_EPOCH_END,
                         buf_bytes(&t->out));
    buf_deinit(&t->out);
    free(t);
}

void epoch_send_end(struct node *n, uint8_t to, uint64_t epoch)
{
    const int slot = link_slot(n, to);
    struct end_task *t;

    if (slot < 0 || epoch >= n->set.epoch || (n->ending >> slot & 1) != 0)
        return;
    n->ending |= (uint64_t)1 << slot;
    t = calloc(1, sizeof *t);
    ASSERT(t != NULL);
    t->task.run = run_end;
    t->task.done = end_done;
    t->node = n;
    t->slot = (uint8_t)slot;
    t->epoch = epoch;
    pool_submit(n->reader, &t->task, LANE_PEERS + (unsigned)slot);
}

/* It is only a finalization; that it ends the epoch shows when its block is
 * applied here.  Header and set are checked all the same: who sends what does
 * not fit together is no correct node. */
void epoch_take_end(struct node *n, uint8_t slot, struct bytes payload)
{
    struct msg_epoch_end *m = malloc(sizeof *m);
    struct core_event e = {
        .kind = ON_CERT, .from = link_id(n, slot), .cert_count = 1};
    bool wanted;
    bool good;

    ASSERT(m != NULL);
    good = msg_epoch_end_decode(m, payload) == ERR_NONE;
    wanted = good && core_wants_cert(n->core, &m->cert);
    if (wanted)
        good = msg_epoch_end_check(m, &n->domain) == ERR_NONE;
    if (good && wanted) {
        e.certs = &m->cert;
        replica_feed(n, &e);
    }
    free(m);
    if (!good)
        peers_misbehaved(n->peers,
                         slot,
                         CHANNEL_CONSENSUS,
                         "a false or malformed end of an epoch");
}
