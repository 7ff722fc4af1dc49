#include "tests/market/chains.h"

#include "base/check.h"
#include "ledger/movement.h"
#include "ledger/rows.h"

#include <stdio.h>

static uint64_t shares_of(struct bytes row)
{
    struct holding_row h;
    uint64_t sum = 0;
    const enum err e = schema_decode(&h, &holding_row_schema, row);

    ASSERT(e == ERR_NONE);
    for (uint32_t i = 0; i < h.segment_count; i++)
        sum += h.segments[i].quantity.shares;
    return sum;
}

static struct hash chain_of(struct bytes row)
{
    struct holding_row h;
    const enum err e = schema_decode(&h, &holding_row_schema, row);

    ASSERT(e == ERR_NONE);
    return h.chain;
}

/* The holding's row before the step; a position that a board transfer moved
 * brings its own from the old code.  Empty: there was none. */
static struct bytes row_before(const struct market *m,
                               const struct rows_change *now)
{
    if (now->before.size > 0)
        return now->before;
    for (uint32_t i = 0; i < rows_touched(m->rows); i++) {
        struct rows_change c;

        if (rows_change(m->rows, i, &c) && c.key->table == TABLE_HOLDINGS &&
            hash_eq(&c.key->key, &now->key->key) && c.before.size > 0 &&
            c.after.size == 0)
            return c.before;
    }
    return bytes_of(NULL, 0);
}

static struct hash with_event(const struct market *m,
                              const struct hash *chain,
                              uint32_t i,
                              bool due)
{
    uint8_t buf[EVENT_BYTES_MAX];
    struct writer w = writer_of(buf, sizeof buf);

    schema_encode(&w, &event_schema, &m->events[i]);
    ASSERT(writer_ok(&w));
    return event_chain(chain,
                       due ? NULL : m->tx->salt,
                       m->block.height,
                       m->event_first + i,
                       writer_bytes(&w));
}

static bool holding_ok(const struct market *m,
                       const struct rows_change *c,
                       bool due)
{
    static const struct hash zero;
    const struct bytes before = row_before(m, c);
    char code[CODE_MAX + 1] = {0};
    struct hash chain = before.size > 0 ? chain_of(before) : zero;
    struct hash expected;

    memcpy(code, c->key->tree.raw, CODE_MAX);
    for (uint32_t i = 0; i < m->event_count; i++) {
        if (event_renews_holding(&m->events[i], code, &c->key->key))
            chain = with_event(m, &chain, i, due);
    }
    expected = chain_of(c->after);
    return hash_eq(&chain, &expected);
}

/* ledger/movement.h. */
static bool shares_ok(const struct market *m, const struct rows_change *c)
{
    const struct bytes before = row_before(m, c);
    char code[CODE_MAX + 1] = {0};
    uint64_t balance = before.size > 0 ? shares_of(before) : 0;

    memcpy(code, c->key->tree.raw, CODE_MAX);
    for (uint32_t i = 0; i < m->event_count; i++) {
        const struct event *e = &m->events[i];
        struct movement moved;

        if (!event_renews_holding(e, code, &c->key->key))
            continue;
        moved = movement_of(e, &c->key->key);
        if (!movement_add(&balance, &moved))
            return false;
    }
    return balance == shares_of(c->after);
}

static bool changed(const struct market *m,
                    const char *code,
                    const struct hash *account)
{
    const struct hash tree = security_key(code);

    for (uint32_t i = 0; i < rows_touched(m->rows); i++) {
        struct rows_change c;

        if (rows_change(m->rows, i, &c) && c.key->table == TABLE_HOLDINGS &&
            hash_eq(&c.key->key, account) && hash_eq(&c.key->tree, &tree))
            return true;
    }
    return false;
}

bool chains_step(const struct market *m, bool due, char problem[PROBLEM_MAX])
{
    if (m->event_count > MARKET_EVENTS)
        return true;
    for (uint32_t i = 0; i < rows_touched(m->rows); i++) {
        struct rows_change c;

        if (rows_change(m->rows, i, &c) && c.key->table == TABLE_HOLDINGS &&
            c.after.size > 0 && !(holding_ok(m, &c, due) && shares_ok(m, &c))) {
            (void)snprintf(
                problem,
                PROBLEM_MAX,
                "the events do not make a holding's chain or shares");
            return false;
        }
    }
    for (uint32_t i = 0; i < m->event_count; i++) {
        const struct event *e = &m->events[i];

        if ((event_renews_holding(e, e->security, &e->account) &&
             !changed(m, e->security, &e->account)) ||
            (event_renews_holding(e, e->security, &e->other) &&
             !changed(m, e->security, &e->other))) {
            (void)snprintf(problem,
                           PROBLEM_MAX,
                           "%s renewed no chain",
                           event_kind_names[e->kind]);
            return false;
        }
    }
    return true;
}
