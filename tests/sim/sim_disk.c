/* The journal of one node: what a crash leaves of it. */
#include "base/check.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

enum {
    RECORD_HEAD = 4 + 1 + 8 + 8,
    CUT_BYTES = 48 * 1024,
};

static const struct pubkey no_key;

void sim_append(struct sim_node *node,
                uint8_t type,
                uint64_t view,
                struct bytes payload)
{
    struct writer w = writer_of(
        buf_append(&node->room.journal, NULL, RECORD_HEAD + payload.size),
        RECORD_HEAD + payload.size);

    writer_u32(&w, (uint32_t)payload.size);
    writer_u8(&w, type);
    writer_u64(&w, node->room.core->config.epoch);
    writer_u64(&w, view);
    writer_copy(&w, payload.at, payload.size);
}

void sim_append_body(struct sim *s, struct sim_node *node, uint32_t block)
{
    const struct sim_block *b = &s->blocks[block];
    struct buf out = {0};
    struct writer w;

    buf_append(&out, NULL, 8 + b->header_bytes.size + b->body.size);
    w = writer_of(out.at, out.size);
    msg_block_encode(&w, buf_bytes(&b->header_bytes), buf_bytes(&b->body));
    ASSERT(writer_ok(&w));
    sim_append(node, RECORD_BODY, b->header.view, writer_bytes(&w));
    buf_deinit(&out);
}

/* How long the disk takes now. */
static uint64_t sync_us(struct sim *s, const struct sim_node *node)
{
    uint64_t takes =
        sim_between(s, RNG_DISK, s->params.fsync_lo, s->params.fsync_hi);

    if (s->now < node->slow_until)
        takes += node->slow_us;
    return takes;
}

/* Starts a sync; what comes meanwhile waits for the next one.  A targeted
 * crash falls between write and sync, or after it. */
void sim_sync(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const uint64_t takes = sync_us(s, node);
    struct sim_ev ev = {.kind = EV_SYNCED,
                        .node = (uint8_t)i,
                        .life = node->life,
                        .at = s->now + takes};

    ASSERT(!node->syncing && node->batch_wanted > node->batch_syncing);
    node->syncing = true;
    node->syncing_to = node->room.journal.size;
    node->batch_syncing = node->batch_wanted;
    sim_push(s, ev);
    if (!s->healed && sim_chance(s, RNG_TARGET, s->params.targeted)) {
        ev.kind = EV_CRASH;
        ev.at = s->now + sim_between(s, RNG_TARGET, 0, takes);
        sim_push(s, ev);
    }
}

/* Whether the record is the finalization of a block of this height. */
static bool is_final(struct cert *out,
                     uint8_t type,
                     struct bytes payload,
                     uint64_t height)
{
    return (type == RECORD_CERT || type == RECORD_EPOCH_END) &&
           msg_cert_decode(out, payload) == ERR_NONE &&
           out->kind == VOTE_FINALIZE && out->about.height == height;
}

/* The block that a record holds; 0: it holds none. */
static uint32_t block_in(const struct sim *s,
                         uint8_t type,
                         struct bytes payload)
{
    struct header header;
    struct bytes header_bytes;
    struct bytes body;
    struct hash hash;

    if (type != RECORD_BODY ||
        msg_block_decode(&header_bytes, &body, payload) != ERR_NONE ||
        header_decode(&header, header_bytes) != ERR_NONE)
        return 0;
    hash = header_hash(&header);
    return sim_block_find(s, &hash);
}

/* What the journal knows to be final at this height, and has the body of. */
uint32_t sim_journal_final(const struct sim *s,
                           const struct sim_node *node,
                           uint64_t height,
                           struct cert *out)
{
    uint8_t held[SIM_BLOCKS_MAX / 8] = {0};
    struct reader r = reader_of(buf_bytes(&node->room.journal));
    struct cert cert;
    uint32_t final = 0;

    while (r.left >= RECORD_HEAD) {
        const uint32_t length = reader_u32(&r);
        const uint8_t type = reader_u8(&r);
        struct bytes payload;
        uint32_t block;

        (void)reader_u64(&r);
        (void)reader_u64(&r);
        payload = reader_take(&r, length);
        block = block_in(s, type, payload);
        held[block / 8] |= (uint8_t)(1u << block % 8);
        if (is_final(&cert, type, payload, height)) {
            cert_copy(out, &cert);
            final = sim_block_find(s, &cert.about.block);
        }
    }
    return (held[final / 8] >> final % 8 & 1) != 0 ? final : 0;
}

/* Reads what the journal holds up to size into a core made by core_init. */
bool sim_replay(
    struct sim *s, uint32_t i, struct core *core, size_t size, bool *fresh)
{
    struct sim_node *node = &s->nodes[i];
    struct reader r = reader_of(bytes_of(node->room.journal.at, size));
    const uint64_t stored = sim_stored(s, node);

    *fresh = true;
    while (r.left >= RECORD_HEAD) {
        const uint32_t length = reader_u32(&r);
        const uint8_t type = reader_u8(&r);
        const uint64_t epoch = reader_u64(&r);
        struct bytes payload;
        enum err e;

        (void)reader_u64(&r);
        if (length > r.left)
            break; /* torn: cut off by sim_node_crash */
        payload = reader_take(&r, length);
        if (type == RECORD_START || type == RECORD_VOTE)
            *fresh = false;
        if (epoch > core->config.epoch && core == node->room.core)
            node->later = true;
        e = core_replay_record(core, &no_key, type, epoch, payload);
        if (e != ERR_NONE) {
            sim_fail(s,
                     "node %u: record of type %u is refused: %s",
                     i,
                     type,
                     err_name(e));
            return false;
        }
    }
    if (stored > 0 && node->room.certs[stored].epoch == core->config.epoch)
        core_replay_cert(core, &node->room.certs[stored]);
    return true;
}

/* The end of the last whole record. */
static size_t whole(const struct buf *journal)
{
    size_t at = 0;

    while (at + RECORD_HEAD <= journal->size) {
        uint32_t length;

        memcpy(&length, journal->at + at, sizeof length);
        if (at + RECORD_HEAD + length > journal->size)
            break;
        at += RECORD_HEAD + length;
    }
    return at;
}

/* Keeps so many of the records that are not synced. */
static void keep_records(struct sim *s, struct sim_node *node)
{
    struct buf *journal = &node->room.journal;
    size_t at = node->synced;
    size_t end = at;

    s->watch.records = 0;
    while (at < journal->size) {
        uint32_t length;

        memcpy(&length, journal->at + at, sizeof length);
        at += RECORD_HEAD + length;
        if (s->watch.records++ < s->watch.keep)
            end = at;
    }
    journal->size = node->synced = end;
}

/* A crash: what was not synced is lost, or a part of it is, cut anywhere; or
 * only the process ended and all of it is there.  A record of which the end is
 * missing is no record. */
void sim_lose_unsynced(struct sim *s, struct sim_node *node)
{
    struct buf *journal = &node->room.journal;
    const size_t unsynced = journal->size - node->synced;
    const uint64_t how = sim_between(s, RNG_DISK, 0, 3);

    if (s->watch.crashed && s->watch.keep != SIM_WATCH_ALL &&
        &s->nodes[s->watch.node] == node && !s->healed) {
        keep_records(s, node);
        return;
    }
    if (unsynced > 0 && how < 2 && !sim_is_off(s, FAULT_LOST)) {
        sim_note(s, FAULT_LOST);
        journal->size = node->synced;
    } else if (unsynced > 0 && how == 2 && !sim_is_off(s, FAULT_TORN)) {
        journal->size =
            node->synced + sim_between(s, RNG_DISK, 0, unsynced - 1);
        if (journal->size != whole(journal))
            sim_note(s, FAULT_TORN);
        journal->size = whole(journal);
    }
    node->synced = journal->size;
}

static void put_birth(struct sim *s, struct sim_node *node)
{
    uint8_t buf[RECORD_BIRTH_BYTES];
    struct writer w = writer_of(buf, sizeof buf);

    record_birth_encode(&w, &no_key, s->ops->epoch);
    sim_append(node, RECORD_BIRTH, 0, writer_bytes(&w));
}

static void put_listed(void *ctx, const struct vote *vote, const struct cert *c)
{
    struct sim_node *node = ctx;
    uint8_t buf[CERT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    if (vote != NULL) {
        vote_encode(&w, vote);
        sim_append(node, RECORD_VOTE, vote->about.view, writer_bytes(&w));
    } else {
        cert_encode(&w, c);
        sim_append(node, RECORD_CERT, c->about.view, writer_bytes(&w));
    }
}

/* Starts a new journal segment when the old one is well filled. */
void sim_cut(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    uint8_t buf[RECORD_CHECKPOINT_BYTES];
    struct writer w = writer_of(buf, sizeof buf);
    struct record_checkpoint mark;

    if (node->room.journal.size == 0) {
        put_birth(s, node);
        node->synced = node->room.journal.size;
        return;
    }
    if (node->room.journal.size < CUT_BYTES || node->syncing ||
        sim_stored(s, node) < node->height || node->later ||
        node->room.core->passed ||
        node->room.core->fin.height > node->height + 1 ||
        !core_is_quiet(node->room.core))
        return;
    buf_clear(&node->room.journal);
    put_birth(s, node);
    if (node->started)
        sim_append(node, RECORD_START, 0, bytes_of(NULL, 0));
    if (node->room.core->observer)
        sim_append(node, RECORD_OBSERVER, 0, bytes_of(NULL, 0));
    if (core_checkpoint_mark(node->room.core, &mark)) {
        record_checkpoint_encode(&w, &mark);
        sim_append(node, RECORD_CHECKPOINT, mark.view, writer_bytes(&w));
    }
    core_checkpoint(node->room.core, put_listed, node);
    for (uint32_t b = 1; b < s->block_count; b++) {
        if (node->has_body[b] != 0 && s->blocks[b].header.height > node->height)
            sim_append_body(s, node, b);
    }
    node->synced = node->room.journal.size;
    node->replayed = 0;
    node->started_end = 0;
}

static bool same_own(const struct core_cert_slot *a,
                     const struct core_cert_slot *b)
{
    for (int kind = VOTE_NOTARIZE; kind <= VOTE_FINALIZE; kind++) {
        const struct core_own *x = &a->mine[kind];
        const struct core_own *y = &b->mine[kind];

        if ((x->state == OWN_NONE) != (y->state == OWN_NONE) ||
            (x->state != OWN_NONE &&
             !candidate_eq(&x->vote.about, &y->vote.about)))
            return false;
    }
    return a->has_n == b->has_n && a->has_x == b->has_x;
}

/* S7: the journal as written, synced or not, gives the state in memory. */
void sim_check_replay(struct sim *s, uint32_t i)
{
    struct sim_node *node = &s->nodes[i];
    const struct core *core = node->room.core;
    struct core *again = s->spare_core;
    struct core_config config = core->config;
    const uint64_t stored = sim_stored(s, node);
    bool fresh;

    if (stored < config.genesis.height)
        return; /* a restart would begin in the epoch before */
    s->total.replays++;
    core_init(
        again, &config, stored, &s->blocks[node->room.chain[stored]].hash);
    if (!sim_replay(s, i, again, node->room.journal.size, &fresh))
        return;
    core_start(again, fresh, sim_local_ms(s, node));
    if (again->view != core->view || again->fin.view != core->fin.view ||
        again->base != core->base)
        sim_fail(s,
                 "node %u: replay gives view %llu final %llu, not %llu %llu",
                 i,
                 (unsigned long long)again->view,
                 (unsigned long long)again->fin.view,
                 (unsigned long long)core->view,
                 (unsigned long long)core->fin.view);
    for (uint64_t u = core->base + 1; u <= core->view; u++) {
        const struct core_cert_slot *a = &core->certs[u % CORE_CERT_SLOTS];
        const struct core_cert_slot *b = &again->certs[u % CORE_CERT_SLOTS];
        static const struct core_cert_slot empty;

        if (!same_own(a->view == u ? a : &empty, b->view == u ? b : &empty))
            sim_fail(s,
                     "node %u: replay gives another view %llu",
                     i,
                     (unsigned long long)u);
    }
}
