/* encumbered.h - what the tests of pledges and freezes share: rows written as a
 * test needs them, and whether the rows still agree with one another. */
#ifndef TESTS_ENCUMBERED_H
#define TESTS_ENCUMBERED_H

#include "tests/unit/ledger/world.h"

static const char S[] = "100001";

static inline struct world *with(uint64_t a, uint64_t b, uint64_t c)
{
    struct world *w = world_new();
    const uint64_t q[3] = {a, b, c};

    world_security(w, S, 0, 200);
    world_register(w, S, q);
    return w;
}

static inline void put_row(struct world *w,
                           uint8_t table,
                           const struct hash *tree,
                           const struct hash *key,
                           const void *row)
{
    struct exec x = {.b = &w->block};

    exec_put(&x, row, table, tree, key);
}

static inline struct security_row security_now(struct world *w)
{
    struct security_row s;

    assert_true(exec_security(&w->view, &s, S));
    return s;
}

static inline void put_security(struct world *w, const struct security_row *s)
{
    static const struct hash zero;
    const struct hash key = security_key(S);

    put_row(w, TABLE_SECURITIES, &zero, &key, s);
}

/* The issuer's count of securities follows. */
static inline void set_status(struct world *w, enum security_status status)
{
    static const struct hash zero;
    struct security_row s = security_now(w);
    struct account_row issuer;

    assert_true(exec_account(&w->view, &issuer, &s.issuer));
    issuer.rights += (uint32_t)(s.status == SECURITY_WITHDRAWN) -
                     (uint32_t)(status == SECURITY_WITHDRAWN);
    put_row(w, TABLE_ACCOUNTS, &zero, &s.issuer, &issuer);
    s.status = (uint8_t)status;
    put_security(w, &s);
}

static inline void set_features(struct world *w, uint16_t features)
{
    struct security_row s = security_now(w);

    s.features = features;
    put_security(w, &s);
}

static inline struct account_row account_of(struct world *w, int i)
{
    const struct hash id = world_account(w, i);
    struct account_row a;

    assert_true(exec_account(&w->view, &a, &id));
    return a;
}

static inline void put_account(struct world *w,
                               int i,
                               const struct account_row *a)
{
    static const struct hash zero;
    const struct hash id = world_account(w, i);

    put_row(w, TABLE_ACCOUNTS, &zero, &id, a);
}

static inline void set_account_status(struct world *w,
                                      int i,
                                      enum account_status status)
{
    struct account_row a = account_of(w, i);

    a.status = (uint8_t)status;
    put_account(w, i, &a);
}

static inline void put_holding(struct world *w,
                               int i,
                               const struct holding_row *h)
{
    const struct hash tree = security_key(S);
    const struct hash id = world_account(w, i);

    put_row(w, TABLE_HOLDINGS, &tree, &id, h);
}

static inline struct pledge_row pledge_of(struct world *w, uint64_t number)
{
    struct pledge_row p;

    assert_true(exec_pledge(&w->view, &p, S, number));
    return p;
}

static inline void put_pledge(struct world *w, const struct pledge_row *p)
{
    const struct hash tree = security_key(S);
    const struct hash key = number_key(p->number);

    put_row(w, TABLE_PLEDGES, &tree, &key, p);
}

static inline struct freeze_row freeze_of(struct world *w, uint64_t number)
{
    struct freeze_row f;

    assert_true(exec_freeze(&w->view, &f, S, number));
    return f;
}

static inline struct op_pledge_create pledge_op(struct world *w, uint64_t q)
{
    return (struct op_pledge_create){
        .security = "100001",
        .pledgor = world_account(w, HOLDER_A),
        .pledgee = world_account(w, BANK),
        .quantity = {q},
        .selector = {NATURE_ANY, 0, 0},
        .secured_fen = 100,
        .constitutive_register = REGISTER_THIS,
        .document = {{7}},
    };
}

static inline enum verdict pledge(struct world *w, uint64_t q)
{
    const struct op_pledge_create op = pledge_op(w, q);

    return world_do(w, OP_PLEDGE_CREATE, &op);
}

static inline struct op_freeze_create freeze_op(struct world *w, uint64_t q)
{
    return (struct op_freeze_create){
        .security = "100001",
        .account = world_account(w, HOLDER_A),
        .authority = "COURT-A",
        .service_ms = 1000,
        .from = w->date,
        .to = w->date + 100,
        .quantity = {q},
        .document = {{1}},
    };
}

static inline enum verdict freeze(struct world *w,
                                  uint64_t q,
                                  uint64_t publicity_ms)
{
    struct op_freeze_create op = freeze_op(w, q);

    op.publicity_ms = publicity_ms;
    world_at(w, w->date); /* court operations open a block */
    return world_do(w, OP_FREEZE_CREATE, &op);
}

static inline enum verdict unfreeze(struct world *w,
                                    uint64_t number,
                                    uint64_t q,
                                    const char *court)
{
    struct op_freeze_release op = {.security = "100001",
                                   .number = number,
                                   .quantity = {q},
                                   .document = {{2}}};

    memcpy(op.authority, court, strlen(court));
    world_at(w, w->date);
    return world_do(w, OP_FREEZE_RELEASE, &op);
}

static inline void expect_freeze(struct world *w,
                                 uint64_t number,
                                 uint64_t effective,
                                 uint64_t queued)
{
    const struct freeze_row f = freeze_of(w, number);

    assert_int_equal(f.effective.shares, effective);
    assert_int_equal(f.queued.shares, queued);
}

/* Sums over the rows of one holding, of which a pledge or freeze has a part. */
struct sound {
    uint64_t pledged;
    uint64_t frozen;
    uint64_t queued;
    uint32_t pledges_open;
    uint32_t freezes_open;
    uint32_t court_reports;
    uint32_t rights[ACCOUNTS];
};

static inline void sound_holding(struct world *w, struct sound *n, int i)
{
    const struct holding_row *h = world_holding(w, S, i);
    uint64_t total = 0;

    for (uint32_t k = 0; k < h->segment_count; k++) {
        const struct segment *s = &h->segments[k];

        assert_true(s->quantity.shares > 0);
        assert_true(k == 0 || segment_cmp(&h->segments[k - 1], s) < 0);
        total += s->quantity.shares;
        n->pledged += s->pledge_count > 0 ? s->quantity.shares : 0;
        n->frozen += s->freeze != 0 ? s->quantity.shares : 0;
    }
    for (uint32_t k = 0; k < h->freeze_count; k++) {
        const struct holding_freeze *e = &h->freezes[k];
        const struct freeze_row f = freeze_of(w, e->number);
        uint64_t effective = 0;

        for (uint32_t m = 0; m < h->segment_count; m++)
            effective += h->segments[m].freeze == e->number
                             ? h->segments[m].quantity.shares
                             : 0;
        assert_int_equal(effective, e->effective.shares);
        assert_int_equal(f.effective.shares, e->effective.shares);
        assert_int_equal(f.queued.shares, e->queued.shares);
        assert_int_equal(f.status, FREEZE_ACTIVE);
        assert_true(e->effective.shares + e->queued.shares > 0);
        assert_true(e->effective.shares + e->queued.shares <= total);
        assert_true(k == 0 || h->freezes[k - 1].rank_ms < e->rank_ms ||
                    (h->freezes[k - 1].rank_ms == e->rank_ms &&
                     h->freezes[k - 1].number < e->number));
        n->queued += e->queued.shares;
    }
}

static inline void sound_pledge(struct world *w,
                                struct sound *n,
                                uint64_t number)
{
    const struct pledge_row p = pledge_of(w, number);
    const bool open = p.status == PLEDGE_ACTIVE || p.status == PLEDGE_DEFAULTED;
    uint64_t parts = 0;
    uint64_t carried = 0;

    assert_int_equal(p.original.shares,
                     p.outstanding.shares + p.released.shares +
                         p.enforced.shares);
    for (uint32_t k = 0; k < p.pledgor_count; k++)
        parts += p.pledgors[k].outstanding.shares;
    for (int i = 0; i < ACCOUNTS; i++) {
        const struct hash id = world_account(w, i);

        carried += position_pledged_by(world_holding(w, S, i), number);
        n->rights[i] += open && hash_eq(&id, &p.pledgee) ? 1 : 0;
    }
    assert_int_equal(parts, p.outstanding.shares);
    assert_int_equal(carried, p.outstanding.shares);
    assert_int_equal(open, p.outstanding.shares > 0);
    n->pledges_open += open ? 1 : 0;
}

/* Asserts that the rows of the security agree. */
static inline void sound(struct world *w)
{
    const struct security_row s = security_now(w);
    struct sound n = {0};

    for (int i = 0; i < ACCOUNTS; i++)
        sound_holding(w, &n, i);
    for (uint64_t k = 1; k <= s.pledge_count; k++)
        sound_pledge(w, &n, k);
    for (uint64_t k = 1; k <= s.freeze_count; k++) {
        const struct freeze_row f = freeze_of(w, k);

        assert_int_equal(f.requested.shares,
                         f.effective.shares + f.queued.shares +
                             f.released.shares + f.lapsed.shares +
                             f.executed.shares + f.unfulfilled.shares);
        assert_int_equal(f.status == FREEZE_ACTIVE,
                         f.effective.shares + f.queued.shares > 0);
        n.freezes_open += f.status == FREEZE_ACTIVE ? 1 : 0;
        n.court_reports += f.status == FREEZE_ACTIVE && f.court_report ? 1 : 0;
    }
    assert_int_equal(s.pledged.shares, n.pledged);
    assert_int_equal(s.frozen.shares, n.frozen);
    assert_int_equal(s.queued.shares, n.queued);
    assert_int_equal(s.pledges_open, n.pledges_open);
    assert_int_equal(s.freezes_open, n.freezes_open);
    assert_int_equal(s.court_reports, n.court_reports);
    for (int i = 0; i < ACCOUNTS; i++)
        assert_int_equal(account_of(w, i).rights,
                         n.rights[i] + world_issued_by(w, i));
}

/* The operation takes effect and leaves the rows sound. */
static inline void done(struct world *w, uint8_t kind, const void *op)
{
    assert_string_equal(verdict_name(world_do(w, kind, op)), "OK");
    sound(w);
}

/* Gives the holding `count` segments of one share each, of natures from 1 on,
 * with the rest in the last. */
static inline void shatter(struct world *w, int i, uint32_t count)
{
    struct holding_row h = *world_holding(w, S, i);
    const uint64_t total = world_totals(w, S, i).total;

    h.segment_count = count;
    for (uint32_t k = 0; k < count; k++)
        h.segments[k] = (struct segment){
            .quantity = {k + 1 < count ? 1 : total - count + 1},
            .nature = (uint8_t)(k / 2 + 1),
            .lock_until = k % 2 == 0 ? 0 : TODAY + 5000};
    put_holding(w, i, &h);
}

/* Moves q shares under pledge 1 with their pledge from A to B, as succession
 * does. */
static inline void second_pledgor(struct world *w, uint64_t q)
{
    struct pledge_row p = pledge_of(w, 1);
    struct holding_row a = *world_holding(w, S, HOLDER_A);
    struct holding_row b = *world_holding(w, S, HOLDER_B);
    const struct segment s = {
        .quantity = {q}, .pledge_count = 1, .pledges = {{1}}};

    p.pledgor_count = 2;
    p.pledgors[0].outstanding.shares -= q;
    p.pledgors[1] = (struct pledgor){world_account(w, HOLDER_B), {q}};
    put_pledge(w, &p);
    for (uint32_t i = 0; i < a.segment_count; i++) {
        if (a.segments[i].pledge_count == 1)
            a.segments[i].quantity.shares -= q;
    }
    assert_true(position_put(&b, &s, SEGMENTS_MAX));
    put_holding(w, HOLDER_A, &a);
    put_holding(w, HOLDER_B, &b);
    sound(w);
}

/* Locks every share of the holding. */
static inline void lock_all(struct world *w, int i, uint32_t until)
{
    struct holding_row h = *world_holding(w, S, i);

    for (uint32_t k = 0; k < h.segment_count; k++)
        h.segments[k].lock_until = until;
    put_holding(w, i, &h);
}

#endif /* TESTS_ENCUMBERED_H */
