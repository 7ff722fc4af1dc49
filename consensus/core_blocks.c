/* The few blocks that are not the tip yet: who has them, are they valid. */
#include "base/check.h"
#include "consensus/core_state.h"

struct core_block *block_find(struct core *c, const struct hash *block)
{
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        if (c->blocks[i].used && hash_eq(&c->blocks[i].facts.block, block))
            return &c->blocks[i];
    }
    return NULL;
}

static const struct core_block *block_peek(const struct core *c,
                                           const struct hash *block)
{
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        if (c->blocks[i].used && hash_eq(&c->blocks[i].facts.block, block))
            return &c->blocks[i];
    }
    return NULL;
}

bool core_wants_body(const struct core *c, const struct hash *block)
{
    const struct core_block *b = block_peek(c, block);

    return b != NULL && !b->has_body;
}

/* A5 bodies are kept */
bool core_promised_body(const struct core *c, const struct hash *block)
{
    const struct core_block *b = block_peek(c, block);

    return b != NULL && b->persisted;
}

struct block_facts block_unknown(const struct hash *block)
{
    return (struct block_facts){.block = *block};
}

/* A block in use is final, noted as notarised, or proposed in this view. */
static bool in_use(const struct core *c, const struct core_block *b)
{
    const struct core_cert_slot *s = cert_slot_if(c, c->view);

    if (hash_eq(&b->facts.block, &c->fin.block) ||
        (s != NULL && s->has_prop && hash_eq(&b->facts.block, &s->prop.block)))
        return true;
    for (uint32_t i = 0; i < CORE_NOTED && c->noted[i] != 0; i++) {
        s = cert_slot_if(c, c->noted[i]);
        if (s != NULL && s->has_n &&
            hash_eq(&b->facts.block, &s->n.about.block))
            return true;
    }
    return false;
}

static struct core_block *free_block(struct core *c)
{
    struct core_block *oldest = NULL;

    _Static_assert(CORE_BLOCKS > CORE_NOTED + 2, "one block is not in use");
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        if (!c->blocks[i].used)
            return &c->blocks[i];
    }
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        struct core_block *b = &c->blocks[i];

        if (!in_use(c, b) && (oldest == NULL || b->view < oldest->view))
            oldest = b;
    }
    ASSERT(oldest != NULL);
    return oldest;
}

struct core_block *block_add(struct core *c,
                             const struct block_facts *facts,
                             uint64_t view)
{
    struct core_block *b = block_find(c, &facts->block);

    if (b == NULL) {
        b = free_block(c);
        *b = (struct core_block){.used = true, .facts = *facts};
    }
    if (b->facts.height == 0)
        b->facts = *facts;
    if (b->view < view)
        b->view = view;
    return b;
}

void forget_applied(struct core *c)
{
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        struct core_block *b = &c->blocks[i];

        if (b->used &&
            ((b->facts.height != 0 && b->facts.height <= c->applied_height) ||
             hash_eq(&b->facts.block, &c->applied)))
            b->used = false;
    }
}

bool block_executed(const struct core *c, const struct hash *block)
{
    const struct core_block *b;

    if (hash_eq(block, &c->applied))
        return true;
    b = block_peek(c, block);
    return b != NULL && b->exec == EXEC_VALID;
}

/* Peers are asked in turn, first the one that proposed it. */
static void fetch(struct core *c, struct core_block *b)
{
    const uint32_t n = c->config.n;
    struct core_effect *e;
    uint32_t from;

    if (!due(c, b->fetch_at_ms))
        return;
    b->fetch_at_ms = c->now_ms + c->config.timers.t_fetch_ms;
    wake_at(c, b->fetch_at_ms);
    from = (core_leader(c, b->view) + b->fetches++) % n;
    if ((int)from == c->config.me)
        from = (from + 1) % n;
    e = emit(c, DO_FETCH);
    e->hash = b->facts.block;
    e->to = (uint8_t)from;
}

/* X2 one on the tip: has a block executed when it stands there; says what came
 * of it. */
enum core_exec want_executed(struct core *c, const struct hash *block)
{
    struct core_block *b = block_find(c, block);

    if (hash_eq(block, &c->applied))
        return EXEC_VALID;
    if (b == NULL) {
        const struct block_facts facts = block_unknown(block);

        b = block_add(c, &facts, c->view);
    }
    if (!b->has_body) {
        fetch(c, b);
    } else if (b->exec == EXEC_NONE &&
               b->facts.height == c->applied_height + 1 &&
               hash_eq(&b->facts.parent_hash, &c->applied)) {
        b->exec = EXEC_ASKED;
        emit(c, DO_EXECUTE)->hash = *block;
    }
    return b->exec;
}

void persist_body(struct core *c, const struct hash *block)
{
    struct core_block *b = block_find(c, block);

    if (b == NULL || b->persisted || !b->has_body ||
        c->config.mutant == MUTANT_BODY_NOT_PERSISTED)
        return;
    emit(c, DO_PERSIST_BODY)->hash = *block;
    b->persisted = true;
}

/* H2 own execution: a quorum found valid what we find invalid; one of us is
 * broken. */
static void halt_invalid(struct core *c)
{
    halt(c, "a notarised block is invalid by our own execution");
}

void want_certified(struct core *c)
{
    for (uint32_t i = 0; i < CORE_NOTED && c->noted[i] != 0; i++) {
        struct candidate about;

        if (!certified(c, c->noted[i], &about) ||
            about.height <= c->applied_height)
            continue;
        if (want_executed(c, &about.block) == EXEC_INVALID) {
            halt_invalid(c);
            return;
        }
    }
}

/* H1 contradiction: a final block whose parent is another than the final block
 * of the height below. */
static bool stands_elsewhere(struct core *c)
{
    const struct core_block *b = block_find(c, &c->fin.block);

    return c->fin.height == c->applied_height + 1 && b != NULL &&
           b->facts.height != 0 && !hash_eq(&b->facts.parent_hash, &c->applied);
}

static void commit(struct core *c)
{
    struct core_effect *e = emit(c, DO_COMMIT);

    c->commit_asked = true;
    e->candidate = c->fin;
    e->cert = &c->final_cert;
}

void want_committed(struct core *c)
{
    const struct core_block *b;

    if (c->fin.height <= c->applied_height || c->commit_asked)
        return;
    if (stands_elsewhere(c)) {
        halt(c, "a final block does not stand on the final block before it");
        return;
    }
    if (c->fin.height == c->applied_height + 1) {
        switch (want_executed(c, &c->fin.block)) {
        case EXEC_VALID:
            commit(c);
            return;
        case EXEC_INVALID:
            halt_invalid(c);
            return;
        case EXEC_ASKED:
        case EXEC_NONE:
            break;
        }
    }
    /* A final block may be gone from the others' memory: it is then asked for
     * by height, from their logs. */
    b = block_find(c, &c->fin.block);
    if ((c->fin.height > c->applied_height + 1 || b == NULL || !b->has_body) &&
        due(c, c->sync_at_ms)) {
        c->sync_at_ms = c->now_ms + c->config.timers.t_status_ms;
        wake_at(c, c->sync_at_ms);
        emit(c, DO_SYNC)->candidate = c->fin;
    }
}

void take_body(struct core *c, const struct block_facts *facts)
{
    struct core_block *b = block_find(c, &facts->block);

    if (b == NULL || facts->height == 0)
        return;
    if (b->facts.height == 0)
        b->facts = *facts;
    b->has_body = true;
}

/* X7 executed elsewhere: the answer counts if it is still asked for. */
void take_executed(struct core *c, const struct core_event *e)
{
    struct core_block *b = block_find(c, &e->hash);

    if (e->gone)
        c->commit_asked = false; /* asked for twice, it is done once */
    if (b == NULL)
        return;
    if (e->gone) {
        b->exec = EXEC_NONE;
        b->has_body = false;
    } else if (b->exec == EXEC_ASKED) {
        b->exec = e->yes ? EXEC_VALID : EXEC_INVALID;
    }
}

void take_applied(struct core *c, const struct core_event *e)
{
    if (e->height <= c->applied_height)
        return;
    c->applied_height = e->height;
    c->applied = e->hash;
    c->applied_seal = e->seal;
    c->commit_asked = false;
    /* D49: on a final tip a leader proposes at once.  Work that waits already
     * comes faster than blocks do: these keep their distance, and are larger.
     */
    c->build_at_ms = c->work ? c->block_at_ms + c->config.timers.t_pace_ms : 0;
    forget_applied(c);
    for (uint32_t i = 0; i < CORE_BLOCKS; i++) {
        struct core_block *b = &c->blocks[i];

        if (b->used && b->exec == EXEC_ASKED)
            b->exec = EXEC_NONE; /* asked on another tip */
    }
}
