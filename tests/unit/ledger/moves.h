/* moves.h - what the tests of transfers share. */
#ifndef TESTS_MOVES_H
#define TESTS_MOVES_H

#include "tests/unit/ledger/encumbered.h"

static inline struct op_transfer sale(struct world *w,
                                      int from,
                                      int to,
                                      uint64_t q)
{
    return (struct op_transfer){.security = "100001",
                                .from = world_account(w, from),
                                .to = world_account(w, to),
                                .quantity = {q},
                                .selector = {NATURE_ANY, 0, 0},
                                .price_fen = 100,
                                .payment = {{1}},
                                .document = {{1}}};
}

/* The operation takes effect, and every total agrees. */
static inline void goes(struct world *w, uint8_t kind, const void *op)
{
    assert_string_equal(verdict_name(world_do(w, kind, op)), "OK");
    assert_true(world_sums_hold(w));
}

static inline void sells(struct world *w, int from, int to, uint64_t q)
{
    const struct op_transfer op = sale(w, from, to, q);

    goes(w, OP_TRANSFER, &op);
}

static inline void sells_not(
    struct world *w, int from, int to, uint64_t q, enum verdict v)
{
    const struct op_transfer op = sale(w, from, to, q);

    world_refused(w, OP_TRANSFER, &op, v);
}

static inline uint64_t total(struct world *w, int i)
{
    return world_totals(w, S, i).total;
}

/* As with(), with T+n. */
static inline struct world *with_t_plus(uint8_t t_plus,
                                        uint64_t a,
                                        uint64_t b,
                                        uint64_t c)
{
    struct world *w = world_new();
    const uint64_t q[3] = {a, b, c};

    world_security(w, S, t_plus, 200);
    world_register(w, S, q);
    return w;
}

/* Closes the register around today. */
static inline void close_register(struct world *w)
{
    struct security_row s = security_now(w);

    s.closures[s.closure_count++] =
        (struct closure){CLOSURE_MEETING, w->date + 1, w->date, w->date};
    put_security(w, &s);
}

static inline const struct event *last_event(const struct world *w)
{
    return &w->events[w->event_count - 1];
}

#endif /* TESTS_MOVES_H */
