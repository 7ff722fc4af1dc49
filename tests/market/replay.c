#include "tests/market/replay.h"

#include "base/check.h"

#include <stdlib.h>

/* A block, or a transaction with the bytes of its operations. */
struct entry {
    uint64_t time_ms; /* of a block; 0 for a transaction */
    struct tx *tx;
    uint8_t *bytes;
};

struct replay {
    struct entry *list;
    uint32_t count;
    uint32_t cap;
};

struct replay *replay_new(void)
{
    struct replay *r = calloc(1, sizeof *r);

    ASSERT(r != NULL);
    return r;
}

void replay_free(struct replay *r)
{
    if (r == NULL)
        return;
    for (uint32_t i = 0; i < r->count; i++) {
        free(r->list[i].tx);
        free(r->list[i].bytes);
    }
    free(r->list);
    free(r);
}

static struct entry *next(struct replay *r)
{
    if (r->count >= r->cap) {
        r->cap = r->cap == 0 ? 1024 : r->cap * 2;
        r->list = realloc(r->list, r->cap * sizeof r->list[0]);
        ASSERT(r->list != NULL);
    }
    r->list[r->count] = (struct entry){0};
    return &r->list[r->count++];
}

void replay_block(struct replay *r, uint64_t time_ms)
{
    next(r)->time_ms = time_ms;
}

void replay_tx(struct replay *r, const struct tx *tx)
{
    struct entry *e = next(r);
    size_t size = 0;
    size_t at = 0;

    for (uint32_t i = 0; i < tx->op_count; i++)
        size += tx->ops[i].size;
    e->tx = malloc(sizeof *e->tx);
    e->bytes = malloc(size);
    ASSERT(e->tx != NULL && e->bytes != NULL);
    *e->tx = *tx;
    for (uint32_t i = 0; i < tx->op_count; i++) {
        memcpy(e->bytes + at, tx->ops[i].at, tx->ops[i].size);
        e->tx->ops[i].at = e->bytes + at;
        at += tx->ops[i].size;
    }
}

bool replay_agrees(const struct replay *r, const struct market *m)
{
    struct market *again = market_new();
    bool same = true;

    for (uint32_t i = 0; same && i < r->count; i++) {
        const struct entry *e = &r->list[i];
        struct refusal why;

        if (e->tx == NULL)
            market_block(again, e->time_ms);
        else
            same = ledger_apply(&again->block, e->tx, &why) == V_OK;
    }
    if (same) {
        const struct hash a = rows_root(m->rows);
        const struct hash b = rows_root(again->rows);

        same = hash_eq(&a, &b);
    }
    market_free(again);
    return same;
}
