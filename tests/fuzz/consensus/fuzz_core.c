/* Properties of the step, for any events whatever, in any order: also such as a
 * quorum of liars could sign.
 *   P1  it ends, and no assertion of the core is reached
 *   P2  F and v never go back, and a tick is never asked for in the past
 *   P3  the own votes persisted never exclude each other
 *   P4  nothing is sent after the sync without something persisted
 *   P5  an epoch ends with its last effect, and the next one begins afresh */
#include "base/check.h"
#include "base/reader.h"
#include "consensus/core.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    VIEWS = 4096, /* of which own votes are remembered here */
    STEPS_MAX = 400,
};

static struct core core;
static struct core_effects effects;
static struct {
    uint8_t kinds; /* bit per kind cast */
    struct candidate n, f;
} cast[VIEWS];

static void no_sign(void *ctx, struct vote *v)
{
    (void)ctx;
    v->sig.raw[0] = 1;
}

/* Small numbers make things meet; sometimes a large one. */
static uint64_t number(struct reader *r)
{
    const uint8_t b = reader_u8(r);

    return b < 250 ? b % 12 : reader_u64(r) >> (b - 250) * 8;
}

static struct candidate candidate(struct reader *r)
{
    struct candidate c = {.view = number(r)};

    c.parent_view = number(r);
    c.height = number(r) % 4;
    c.block.raw[0] = reader_u8(r) % 5;
    return c;
}

static struct candidate about(struct reader *r, uint8_t kind)
{
    struct candidate c = candidate(r);

    if (c.view == 0)
        c.view = 1;
    if (kind == VOTE_NULLIFY)
        c = (struct candidate){.view = c.view};
    else if (c.parent_view >= c.view)
        c.parent_view = c.view - 1;
    return c;
}

static struct block_facts facts(struct reader *r)
{
    struct block_facts f = {.height = number(r) % 4};

    f.block.raw[0] = reader_u8(r) % 5;
    f.parent_hash.raw[0] = reader_u8(r) % 5;
    f.view = number(r);
    f.proposer = reader_u8(r) % 4;
    f.time_ms = number(r) * 100;
    return f;
}

/* P3 */
static void check_vote(const struct vote *v)
{
    const uint64_t view = v->about.view;
    uint8_t all;

    if (view >= VIEWS)
        return;
    all = cast[view].kinds;
    ASSERT((all & 1 << v->kind) == 0); /* each kind once */
    all |= (uint8_t)(1 << v->kind);
    if (v->kind == VOTE_NOTARIZE) {
        ASSERT((all & 1 << VOTE_NULLIFY) == 0);
        cast[view].n = v->about;
    }
    if (v->kind == VOTE_FINALIZE)
        cast[view].f = v->about;
    ASSERT((all & 1 << VOTE_NULLIFY) == 0 || (all & 1 << VOTE_FINALIZE) == 0);
    if ((all & 1 << VOTE_NOTARIZE) != 0 && (all & 1 << VOTE_FINALIZE) != 0)
        ASSERT(candidate_eq(&cast[view].n, &cast[view].f));
    cast[view].kinds = all;
}

/* P5: the same rules, from view 1, on the block that was applied. */
static void next_epoch(uint64_t now)
{
    struct core_config config = core.config;
    const bool could = core.could;
    struct core_event tick = {.kind = ON_TICK};

    core_step(&core, &effects, &tick, now);
    ASSERT(effects.count == 0); /* it has ended */
    config.epoch++;
    config.genesis = (struct candidate){.height = core.applied_height,
                                        .block = core.applied};
    core_next(&core, &config);
    core_start(&core, false, now);
    ASSERT(core.view == 1 && core.fin.view == 0 &&
           core_may_vote(&core) == could);
    memset(cast, 0, sizeof cast);
}

static void step(struct core_event *e, uint64_t now)
{
    const uint64_t view = core.view;
    const uint64_t final = core.fin.view;
    bool persisted = false;

    core_step(&core, &effects, e, now);
    ASSERT(core.view >= view && core.fin.view >= final); /* P2 */
    ASSERT(core.halted || e->kind == ON_HEARD ||
           core_next_tick_ms(&core) > now);
    ASSERT(!core.ended || effects.list[effects.count - 1].kind == DO_EPOCH_END);
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct core_effect *x = &effects.list[i];

        if (x->kind == DO_PERSIST_VOTE) {
            check_vote(&x->vote);
            persisted = true;
        }
        ASSERT(!x->after_sync || persisted); /* P4 */
        ASSERT(x->kind != DO_EPOCH_END || core.ended);
    }
    if (core.ended)
        next_epoch(now);
}

static void one_event(struct reader *r, uint64_t *now)
{
    struct core_event e = {.kind = ON_TICK, .from = reader_u8(r) % 4};
    struct cert certs[3];
    struct core_status status = {.view = 1};
    struct vote v;
    uint8_t b;

    memset(certs, 0, sizeof certs);
    memset(&v, 0, sizeof v);
    switch (reader_u8(r) % 13) {
    case 0:
        e.kind = ON_PROPOSAL;
        e.candidate = about(r, VOTE_NOTARIZE);
        e.from = (uint8_t)(e.candidate.view % 4);
        v = (struct vote){.kind = VOTE_NOTARIZE,
                          .epoch = core.config.epoch,
                          .about = e.candidate,
                          .signer = e.from};
        e.vote = &v;
        e.facts = facts(r);
        e.facts.block = e.candidate.block;
        e.cert_count = reader_u8(r) % 3;
        break;
    case 1:
    case 2:
        e.kind = ON_VOTE;
        v.kind = (uint8_t)(1 + reader_u8(r) % 3);
        v.epoch = core.config.epoch;
        v.about = about(r, v.kind);
        v.signer = e.from;
        e.vote = &v;
        break;
    case 3:
    case 4:
        e.kind = ON_CERT;
        e.cert_count = 1;
        break;
    case 5:
        e.kind = ON_STATUS;
        status.view = number(r);
        status.final_view = number(r);
        status.final_height = number(r);
        status.map_from = number(r);
        status.map_views = reader_u8(r);
        e.status = &status;
        break;
    case 6:
        *now += number(r) * 50 % 20000;
        break;
    case 7:
        e.kind = ON_DURABLE;
        e.batch = core.batch - number(r) % 3;
        break;
    case 8:
        e.kind = ON_BUILT;
        e.candidate = candidate(r);
        e.candidate.view = core.view;
        e.facts = facts(r);
        break;
    case 9:
        e.kind = ON_EXECUTED;
        e.hash.raw[0] = reader_u8(r) % 5;
        e.yes = reader_u8(r) % 8 != 0;
        e.gone = reader_u8(r) % 8 == 0;
        break;
    case 10:
        e.kind = ON_BODY;
        e.facts = facts(r);
        break;
    case 11:
        b = reader_u8(r);
        e.kind = b >= 192 ? ON_EPOCH : b % 2 == 0 ? ON_WORK : ON_UP;
        e.yes = reader_u8(r) % 2 == 0;
        e.epoch = core.config.epoch + b % 3 - 1;
        break;
    case 12:
        e.kind = reader_u8(r) % 2 == 0 ? ON_APPLIED : ON_DOWN;
        b = reader_u8(r);
        e.height = core.applied_height + b % 2;
        e.seal = b >= 128;
        e.hash.raw[0] = reader_u8(r) % 5;
        break;
    }
    for (uint32_t i = 0; i < e.cert_count; i++) {
        certs[i].kind = (uint8_t)(1 + reader_u8(r) % 3);
        certs[i].epoch = core.config.epoch;
        certs[i].about = about(r, certs[i].kind);
        certs[i].bitmap = 0xe;
    }
    e.certs = certs;
    step(&e, *now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct core_config config = {.n = 4,
                                       .me = 0,
                                       .epoch = 5,
                                       .timers = {.t_leader_ms = 250,
                                                  .t_view_ms = 500,
                                                  .t_retry_ms = 700,
                                                  .t_status_ms = 1000,
                                                  .t_silent_ms = 4000,
                                                  .t_fetch_ms = 250,
                                                  .t_cap_ms = 10000,
                                                  .t_pace_ms = 20},
                                       .sign = no_sign};
    const struct hash tip = {{0}};
    struct reader r = reader_of(bytes_of(data, size));
    uint64_t now = 1000;

    memset(cast, 0, sizeof cast);
    core_init(&core, &config, 0, &tip);
    core_start(&core, false, now);
    core.status_from = 0xe; /* a quorum was heard */
    for (int i = 0; i < STEPS_MAX && r.left > 0 && r.err == ERR_NONE; i++)
        one_event(&r, &now);
    return 0;
}
