/* Sets of validators: who is which index, and from one epoch to the next. */
#include "base/check.h"
#include "base/num.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

struct sim_epoch *sim_epoch(const struct sim *s, uint64_t epoch)
{
    const uint64_t k = epoch - s->ops->epoch;

    if (epoch < s->ops->epoch || k >= s->epoch_count)
        return NULL;
    return &s->epochs[k];
}

/* ---- who is who ---- */

static struct sim_epoch *epoch_of(const struct sim *s, uint32_t i)
{
    return sim_epoch(s, s->nodes[i].room.core->config.epoch);
}

static int index_in(const struct sim_epoch *e, uint8_t id)
{
    if ((e->members >> id & 1) == 0)
        return -1;
    return __builtin_popcount(e->members & ((1u << id) - 1));
}

int sim_index(const struct sim *s, uint32_t i)
{
    return index_in(epoch_of(s, i), s->nodes[i].id);
}

uint8_t sim_peer(const struct sim *s, uint32_t i, uint8_t id)
{
    const int index = index_in(epoch_of(s, i), id);

    return (uint8_t)(index >= 0 ? index : CORE_OBSERVER + id);
}

uint32_t sim_everybody(const struct sim *s)
{
    return (1u << s->instances) - 1;
}

uint32_t sim_whom(const struct sim *s, uint32_t i, uint8_t to, bool all)
{
    const struct sim_epoch *e = epoch_of(s, i);

    if (to == CORE_ALL)
        return all ? sim_everybody(s) : e->members;
    if (to < e->n)
        return 1u << e->who[to];
    return to >= CORE_OBSERVER ? 1u << (to - CORE_OBSERVER) : 0;
}

uint64_t sim_views_of(const struct sim *s, uint32_t i, uint64_t view)
{
    return epoch_of(s, i)->views_before + view;
}

/* ---- epochs come into force ---- */

static void count_change(struct sim *s, uint32_t before, uint32_t after)
{
    const bool joins = (after & ~before) != 0;
    const bool leaves = (before & ~after) != 0;

    s->total.epochs++;
    s->total.rotations += joins && leaves ? 1 : 0;
    s->total.joins += joins && !leaves ? 1 : 0;
    s->total.leaves += leaves && !joins ? 1 : 0;
}

static void add(struct sim *s, uint32_t members, uint32_t block)
{
    struct sim_epoch *e = &s->epochs[s->epoch_count];
    const struct sim_epoch *before = s->epoch_count > 0 ? e - 1 : NULL;

    ASSERT(s->epoch_count < SIM_EPOCHS_MAX); /* one a transaction */
    s->epoch_count++;
    e->members = members;
    e->n = 0;
    for (uint8_t id = 0; id < SIM_NODES_MAX; id++) {
        if ((members >> id & 1) != 0)
            e->who[e->n++] = id;
    }
    e->block = block;
    e->views_before =
        before == NULL ? 0 : before->views_before + before->views_used;
    if (before != NULL)
        count_change(s, before->members, members);
}

/* S9 */
static struct sim_epoch *enter(struct sim *s, uint32_t i, uint64_t epoch)
{
    const struct sim_node *node = &s->nodes[i];
    const uint32_t tip = node->room.chain[node->height];
    const uint32_t members = sim_members_after(&s->blocks[tip].header);

    if (epoch == s->ops->epoch + s->epoch_count)
        add(s, members, tip);
    return sim_epoch(s, epoch);
}

/* Of the next block, by what the tip and those below it say. */
static uint64_t epoch_on_tip(const struct sim *s, const struct sim_node *node)
{
    uint64_t epoch = s->ops->epoch;

    for (uint64_t h = 1; h <= node->height; h++)
        epoch += s->blocks[node->room.chain[h]].header.flags & HEADER_SEAL;
    return epoch;
}

static void sign(void *ctx, struct vote *v)
{
    sim_sign(ctx, v);
}

void sim_epoch_config(struct sim *s, uint32_t i, struct core_config *out)
{
    struct sim_node *node = &s->nodes[i];
    const uint64_t epoch =
        s->ops->change == NULL ? s->ops->epoch : epoch_on_tip(s, node);
    const struct sim_epoch *e;

    if (s->epoch_count == 0)
        add(s, (1u << s->params.n) - 1, 0);
    e = enter(s, i, epoch);
    ASSERT(e != NULL);
    *out = s->config;
    out->epoch = epoch;
    out->n = e->n;
    out->me = node->byz == 0 || node->member ? index_in(e, node->id) : -1;
    out->sign = sign;
    out->sign_ctx = node;
    if (epoch > s->ops->epoch) {
        out->leader_seed =
            sim_mix(epoch ^ s->blocks[e->block].header.time_ms) >> 32;
        out->genesis =
            (struct candidate){.height = s->blocks[e->block].header.height,
                               .block = s->blocks[e->block].hash};
    }
}

/* ---- the end of an epoch ---- */

/* Who cannot be reached is not waited for. */
static void tell_core(struct sim *s, uint32_t i)
{
    struct core_event tick = {.kind = ON_TICK};

    for (uint32_t k = 0; k < s->instances; k++) {
        struct core_event down = {.kind = ON_DOWN,
                                  .from = sim_peer(s, i, s->nodes[k].id)};

        if (k != i && !s->nodes[k].up && down.from < CORE_OBSERVER)
            sim_node_feed(s, i, &down);
    }
    s->nodes[i].work_told = false;
    sim_node_work(s, i);
    sim_node_feed(s, i, &tick);
}

void sim_epoch_end(struct sim *s, uint32_t i, const struct cert *cert)
{
    struct sim_node *node = &s->nodes[i];
    const struct sim_block *tip = &s->blocks[node->room.chain[node->height]];
    struct core *core = node->room.core;
    struct core_config config;
    bool fresh;

    if ((tip->header.flags & HEADER_SEAL) == 0 ||
        !hash_eq(&tip->hash, &cert->about.block)) {
        sim_fail(s, "node %u ends an epoch that its tip does not end", i);
        return;
    }
    sim_epoch_config(s, i, &config);
    if (s->failed)
        return;
    if (config.genesis.height != node->height ||
        !hash_eq(&config.genesis.block, &tip->hash)) {
        sim_fail(s, "node %u begins an epoch on another block", i);
        return;
    }
    core_next(core, &config);
    if (s->trace)
        sim_tell(s,
                 "node %u enters epoch %llu as %d of %u at height %llu",
                 i,
                 (unsigned long long)config.epoch,
                 config.me,
                 config.n,
                 (unsigned long long)node->height);
    node->later = false;
    if (!sim_replay(s, i, core, node->replayed, &fresh))
        return;
    sim_recover_bodies(s, i);
    node->statuses = 0;
    core_start(core, !node->started, sim_local_ms(s, node));
    node->journal_final = num_max_u64(node->journal_final, core->fin.height);
    tell_core(s, i);
    sim_redo(s, i);
}

/* D45, for who is not in the set: once a quorum of it was heard, the journal
 * covers all that this key will sign. */
void sim_epoch_status(struct sim *s, uint32_t i, uint8_t from)
{
    struct sim_node *node = &s->nodes[i];
    const struct core_config *config = &node->room.core->config;

    if (node->started || config->me >= 0 || from >= config->n)
        return;
    node->statuses |= 1u << from;
    if ((uint32_t)__builtin_popcount(node->statuses) < valset_quorum(config->n))
        return;
    node->started = true;
    sim_append(node, RECORD_START, 0, bytes_of(NULL, 0));
    node->started_end = node->room.journal.size;
    node->batch_wanted = node->room.core->batch;
}

/* What ended an epoch, if this node has it. */
struct sim_packet *sim_epoch_packet(struct sim *s, uint32_t i, uint64_t epoch)
{
    const struct sim_node *node = &s->nodes[i];
    const struct sim_epoch *next = sim_epoch(s, epoch + 1);
    struct sim_packet *p;
    struct writer w;
    uint64_t h;

    if (next == NULL || epoch < s->ops->epoch)
        return NULL;
    h = s->blocks[next->block].header.height;
    if (h > node->height || node->room.chain[h] != next->block)
        return NULL;
    p = sim_packet_new(s, MSG_EPOCH_END);
    w = sim_packet_writer(p, CERT_BYTES_MAX);
    cert_encode(&w, &node->room.certs[h]);
    sim_packet_done(p, &w);
    p->view = node->room.core->view;
    return p;
}

/* ---- what a seed switches on ---- */

void sim_epochs_choose(struct sim *s)
{
    static const uint32_t rates[] = {20, 60, 120, 300, 1024};
    struct sim_params *p = &s->params;
    const bool faulty = p->byz_count > 0;

    if (s->limits.nodes == 0)
        p->n = sim_chance(s, RNG_SHAPE, 768) ? 4 : 5;
    p->spare = (uint32_t)sim_between(
        s, RNG_SHAPE, 1, num_min_u64(4, SIM_VALIDATORS_MAX - p->n));
    p->changes = rates[sim_between(s, RNG_SHAPE, 0, ARRAY_LEN(rates) - 1)];
    /* One is faulty, in every set: the smallest has four. */
    p->twins = 0;
    p->byz_count = faulty ? 1 : 0;
    p->dead_count = faulty || p->dead_count == 0 ? 0 : 1;
    if (sim_chance(s, RNG_SHAPE, 512) && !sim_is_off(s, FAULT_SEAL))
        p->at_seal = (uint32_t)sim_between(s, RNG_SHAPE, 50, 600);
}

static uint32_t some_of(struct sim *s, uint32_t set, uint64_t count)
{
    uint32_t out = 0;

    for (; count > 0 && set != 0; count--) {
        uint64_t k =
            sim_between(s, RNG_LOAD, 0, (uint32_t)__builtin_popcount(set) - 1);
        uint32_t left = set;

        while (k-- > 0)
            left &= left - 1;
        out |= left & -left;
        set &= ~(left & -left);
    }
    return out;
}

/* Who may join has said that it is ready: its journal covers what it will sign,
 * on disk too (D45). */
static bool is_ready(const struct sim_node *node)
{
    return node->up && !node->dead &&
           (node->byz != 0 ||
            (node->started && node->synced >= node->started_end));
}

/* Makes the transaction one that changes the newest set; when it comes to be
 * executed there may be another one, which it may not fit. */
void sim_change_set(struct sim *s, uint32_t tx)
{
    const uint32_t members =
        sim_members_after(&s->blocks[s->decided[s->decided_height]].header);
    const uint32_t most =
        valset_change_max((uint32_t)__builtin_popcount(members));
    const uint64_t what = sim_between(s, RNG_LOAD, 0, 3);
    uint32_t ready = 0;
    uint32_t join = 0;
    uint32_t leave = 0;

    for (uint32_t i = 0; i < s->instances; i++)
        ready |= is_ready(&s->nodes[i]) ? 1u << s->nodes[i].id : 0;
    if (what != 0)
        join = some_of(s, ready & ~members, sim_between(s, RNG_LOAD, 1, most));
    if (what != 1)
        leave = some_of(s, members, sim_between(s, RNG_LOAD, 1, most));
    s->ops->change(s->world, tx, leave, join);
    s->change_count++;
}

void sim_epochs_clear(struct sim *s)
{
    for (uint32_t k = 0; k < s->epoch_count; k++) {
        struct sim_epoch *e = &s->epochs[k];

        if (e->views_used > 0)
            memset(e->views, 0, e->views_used * sizeof e->views[0]);
        e->views_used = 0;
    }
    s->epoch_count = 0;
}
