/* core_rig.h - one core on a bench: four validators, views led in turn.
 *
 * The leader of view v is v mod 4, a quorum is 3, one may be faulty.  Blocks
 * are letters: block 'A' has the hash "A000…".  Signatures are the driver's to
 * check, so here they are empty. */
#ifndef CORE_RIG_H
#define CORE_RIG_H

#include "consensus/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    RIG_N = 4,
    RIG_START_MS = 1000,
};

struct rig {
    uint64_t now_ms;
    uint64_t wall_ms; /* 0: the core checks no time */
    uint64_t signed_votes;
    struct core core;
    struct core_effects fx; /* of the last step */
};

static inline struct hash rig_hash(char letter)
{
    struct hash h = {{0}};

    h.raw[0] = (uint8_t)letter;
    return h;
}

static inline struct candidate rig_candidate(uint64_t view,
                                             uint64_t parent_view,
                                             uint64_t height,
                                             char block)
{
    return (struct candidate){view, parent_view, height, rig_hash(block)};
}

/* The genesis is block 'G' at height 0. */
static inline struct candidate rig_genesis(void)
{
    return rig_candidate(0, 0, 0, 'G');
}

static inline void rig_sign(void *ctx, struct vote *v)
{
    struct rig *r = ctx;

    r->signed_votes++;
    v->sig.raw[0] = 0x5a;
}

static inline struct core_config rig_config(struct rig *r, int me)
{
    struct genesis_params p;

    genesis_defaults(&p);
    return (struct core_config){.n = RIG_N,
                                .me = me,
                                .leader_seed = 0,
                                .timers = {.t_leader_ms = p.t_leader_ms,
                                           .t_view_ms = p.t_view_ms,
                                           .t_retry_ms = p.t_retry_ms,
                                           .t_status_ms = p.t_status_ms,
                                           .t_silent_ms = p.t_silent_ms,
                                           .t_fetch_ms = p.t_fetch_ms,
                                           .t_cap_ms = p.t_cap_ms,
                                           .t_pace_ms = p.t_pace_ms,
                                           .time_drift_ms = p.time_drift_ms},
                                .genesis = rig_genesis(),
                                .sign = rig_sign,
                                .sign_ctx = r};
}

/* Every step also checks what must hold of any list of effects. */
static inline void rig_step(struct rig *r, struct core_event *e)
{
    bool persisted = false;

    e->wall_ms = r->wall_ms;
    core_step(&r->core, &r->fx, e, r->now_ms);
    for (uint32_t i = 0; i < r->fx.count; i++) {
        const struct core_effect *x = &r->fx.list[i];

        persisted = persisted || x->kind == DO_PERSIST_VOTE;
        if (x->after_sync)
            assert_true(persisted); /* C4 */
    }
    if (persisted)
        assert_true(r->fx.batch != 0);
    if (!r->core.halted)
        assert_true(core_next_tick_ms(&r->core) > r->now_ms);
    if (r->core.ended && r->fx.count > 0)
        assert_int_equal(r->fx.list[r->fx.count - 1].kind, DO_EPOCH_END);
}

static inline void rig_tick(struct rig *r, uint64_t later_ms)
{
    struct core_event e = {.kind = ON_TICK};

    r->now_ms += later_ms;
    rig_step(r, &e);
}

static inline void rig_status(struct rig *r,
                              uint8_t from,
                              const struct core_status *status)
{
    struct core_event e = {.kind = ON_STATUS, .from = from, .status = status};

    rig_step(r, &e);
}

/* A core that has just started with an empty journal, not heard of anyone. */
static inline void rig_init(struct rig *r, int me)
{
    const struct core_config config = rig_config(r, me);
    const struct hash g = rig_hash('G');

    r->now_ms = RIG_START_MS;
    r->wall_ms = 0;
    r->signed_votes = 0;
    core_init(&r->core, &config, 0, &g);
}

/* A core that may vote: a quorum has sent STATUS. */
static inline void rig_start(struct rig *r, int me)
{
    struct core_status s = {.view = 1, .map_from = 1};

    rig_init(r, me);
    core_start(&r->core, false, r->now_ms);
    rig_tick(r, 0);
    for (uint8_t i = 0; i < RIG_N; i++) {
        s.final_hash = rig_hash('G');
        if ((int)i != me)
            rig_status(r, i, &s);
    }
}

static inline void rig_vote(struct rig *r,
                            uint8_t from,
                            uint8_t kind,
                            struct candidate about)
{
    const struct vote v = {.kind = kind,
                           .epoch = r->core.config.epoch,
                           .about = about,
                           .signer = from};
    struct core_event e = {.kind = ON_VOTE, .from = from, .vote = &v};

    rig_step(r, &e);
}

static inline void rig_nullify(struct rig *r, uint8_t from, uint64_t view)
{
    rig_vote(r, from, VOTE_NULLIFY, (struct candidate){.view = view});
}

/* A certificate signed by the three others. */
static inline struct cert rig_make_cert(const struct rig *r,
                                        uint8_t kind,
                                        struct candidate about)
{
    const uint32_t me = r->core.config.me < 0 ? 0 : (uint32_t)r->core.config.me;

    return (struct cert){.kind = kind,
                         .epoch = r->core.config.epoch,
                         .about = about,
                         .bitmap = 0xfu & ~(1u << me)};
}

static inline void rig_cert(struct rig *r, uint8_t kind, struct candidate about)
{
    const struct cert c = rig_make_cert(r, kind, about);
    struct core_event e = {.kind = ON_CERT, .certs = &c, .cert_count = 1};

    rig_step(r, &e);
}

static inline void rig_nullified(struct rig *r, uint64_t view)
{
    rig_cert(r, VOTE_NULLIFY, (struct candidate){.view = view});
}

static inline struct block_facts rig_facts(struct candidate about, char parent)
{
    return (struct block_facts){.block = about.block,
                                .height = about.height,
                                .parent_hash = rig_hash(parent),
                                .view = about.view,
                                .time_ms = 1700000000000u,
                                .proposer = (uint16_t)(about.view % RIG_N)};
}

/* The proposal of a view's leader; without its body. */
static inline void rig_propose(struct rig *r,
                               struct candidate about,
                               struct block_facts facts,
                               const struct cert *certs,
                               uint32_t cert_count)
{
    const uint8_t leader = (uint8_t)(about.view % RIG_N);
    const struct vote v = {.kind = VOTE_NOTARIZE,
                           .epoch = r->core.config.epoch,
                           .about = about,
                           .signer = leader};
    struct core_event e = {.kind = ON_PROPOSAL,
                           .from = leader,
                           .candidate = about,
                           .facts = facts,
                           .vote = &v,
                           .certs = certs,
                           .cert_count = cert_count};

    rig_step(r, &e);
}

static inline void rig_body(struct rig *r, struct block_facts facts)
{
    struct core_event e = {.kind = ON_BODY, .facts = facts};

    rig_step(r, &e);
}

static inline void rig_executed(struct rig *r, char block, bool valid)
{
    struct core_event e = {
        .kind = ON_EXECUTED, .hash = rig_hash(block), .yes = valid};

    rig_step(r, &e);
}

static inline void rig_applied(struct rig *r, uint64_t height, char block)
{
    struct core_event e = {
        .kind = ON_APPLIED, .height = height, .hash = rig_hash(block)};

    rig_step(r, &e);
}

/* Applied, and the last block of its epoch. */
static inline void rig_sealed(struct rig *r, uint64_t height, char block)
{
    struct core_event e = {.kind = ON_APPLIED,
                           .height = height,
                           .hash = rig_hash(block),
                           .seal = true};

    rig_step(r, &e);
}

/* The next epoch's core, on the block that was applied; me in its set. */
static inline struct core_config rig_next_config(const struct rig *r,
                                                 uint8_t n,
                                                 int me)
{
    struct core_config config = r->core.config;

    config.epoch++;
    config.n = n;
    config.me = me;
    config.genesis = (struct candidate){.height = r->core.applied_height,
                                        .block = r->core.applied};
    return config;
}

static inline void rig_next(struct rig *r, uint8_t n, int me)
{
    const struct core_config config = rig_next_config(r, n, me);

    core_next(&r->core, &config);
    core_start(&r->core, false, r->now_ms);
    rig_tick(r, 0);
}

static inline void rig_work(struct rig *r, bool any)
{
    struct core_event e = {.kind = ON_WORK, .yes = any};

    rig_step(r, &e);
}

/* The disk has everything. */
static inline void rig_durable(struct rig *r)
{
    struct core_event e = {.kind = ON_DURABLE, .batch = r->core.batch};

    rig_step(r, &e);
}

/* A whole block of a leader: proposal, body, executed and found valid. */
static inline void rig_offer(struct rig *r, struct candidate about, char parent)
{
    const struct block_facts facts = rig_facts(about, parent);

    rig_propose(r, about, facts, NULL, 0);
    rig_body(r, facts);
    rig_executed(r, (char)about.block.raw[0], true);
}

static inline uint32_t rig_count(const struct rig *r,
                                 enum core_effect_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < r->fx.count; i++)
        count += r->fx.list[i].kind == kind ? 1 : 0;
    return count;
}

static inline const struct core_effect *rig_find(const struct rig *r,
                                                 enum core_effect_kind kind)
{
    for (uint32_t i = 0; i < r->fx.count; i++) {
        if (r->fx.list[i].kind == kind)
            return &r->fx.list[i];
    }
    return NULL;
}

/* Whether the last step cast this vote: persisted, and sent after the sync. */
static inline bool rig_cast(const struct rig *r, uint8_t kind, uint64_t view)
{
    for (uint32_t i = 0; i < r->fx.count; i++) {
        const struct core_effect *e = &r->fx.list[i];

        if (e->kind == DO_PERSIST_VOTE && e->vote.kind == kind &&
            e->vote.about.view == view)
            return true;
    }
    return false;
}

/* The place of the first effect of a kind; fails if there is none. */
static inline uint32_t rig_place(const struct rig *r,
                                 enum core_effect_kind kind)
{
    const struct core_effect *e = rig_find(r, kind);

    assert_non_null(e);
    return (uint32_t)(e - r->fx.list);
}

#endif /* CORE_RIG_H */
