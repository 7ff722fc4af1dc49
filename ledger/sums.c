/* The control totals of a security, computed from its rows alone: apart from
 * the operations, so that a mistake in one of them cannot hide here.
 *
 * R66: After every block the control totals of each security equal the sums
 * over its rows, computed apart from the operations. */
#include "ledger/ledger.h"
#include "ledger/rows.h"

/* What is being weighted by mark_of. */
enum mark {
    MARK_ACCOUNT = 1,
    MARK_PLEDGE,
    MARK_EFFECTIVE,
    MARK_QUEUED,
};

static const struct hash nobody;

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t mark_of(enum mark what,
                        uint64_t number,
                        const struct hash *account)
{
    uint64_t id = 0;

    for (int i = 0; i < 8; i++)
        id = id << 8 | account->raw[i];
    return mix(mix(id + (uint64_t)what) + number * 0x9e3779b97f4a7c15u);
}

/* Adds n with the sign; false: it does not fit. */
MUST_USE static bool add(int64_t *sum, uint64_t n, int sign)
{
    if (n > INT64_MAX)
        return false;
    return sign > 0 ? !__builtin_add_overflow(*sum, (int64_t)n, sum)
                    : !__builtin_sub_overflow(*sum, (int64_t)n, sum);
}

static void weigh(uint64_t *sum, uint64_t mark, uint64_t n, int sign)
{
    *sum += sign > 0 ? mark * n : 0 - mark * n; /* modulo 2^64 */
}

/* ---- holdings ---- */

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int segment_order(const struct segment *a, const struct segment *b)
{
    int c = order(a->nature, b->nature);

    if (c == 0)
        c = order(a->lock_until, b->lock_until);
    if (c == 0)
        c = order(a->trade_day, b->trade_day);
    if (c == 0)
        c = order(a->pledge_count, b->pledge_count);
    for (uint32_t i = 0; c == 0 && i < a->pledge_count; i++)
        c = order(a->pledges[i].number, b->pledges[i].number);
    return c != 0 ? c : order(a->freeze, b->freeze);
}

static bool pledges_ok(const struct segment *s)
{
    for (uint32_t i = 0; i < s->pledge_count; i++) {
        if (s->pledges[i].number == 0)
            return false;
        for (uint32_t k = 0; k < i; k++) {
            if (s->pledges[k].number == s->pledges[i].number)
                return false;
        }
    }
    return true;
}

/* Whether the segments are in canonical order, merged, each of a share. */
static bool segments_ok(const struct holding_row *h, int64_t *total)
{
    *total = 0;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];

        if (s->quantity.shares == 0 || !add(total, s->quantity.shares, 1) ||
            !pledges_ok(s) ||
            (i > 0 && segment_order(&h->segments[i - 1], s) >= 0))
            return false;
    }
    return true;
}

static uint64_t frozen_by(const struct holding_row *h, uint64_t number)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (h->segments[i].freeze == number)
            sum += h->segments[i].quantity.shares;
    }
    return sum;
}

static bool lists_freeze(const struct holding_row *h, uint64_t number)
{
    for (uint32_t i = 0; i < h->freeze_count; i++) {
        if (h->freezes[i].number == number)
            return true;
    }
    return false;
}

static int rank_order(const struct holding_freeze *a,
                      const struct holding_freeze *b)
{
    const int c = order(a->rank_ms, b->rank_ms);

    return c != 0 ? c : order(a->number, b->number);
}

/* Whether the list of freezes is in rank order and says what the segments say;
 * none waits for more than the shares it does not hold. */
static bool freezes_ok(const struct holding_row *h, uint64_t total)
{
    for (uint32_t i = 0; i < h->freeze_count; i++) {
        const struct holding_freeze *f = &h->freezes[i];
        const uint64_t effective = f->effective.shares;

        if (f->number == 0 || effective != frozen_by(h, f->number) ||
            f->queued.shares > total - effective ||
            (effective == 0 && f->queued.shares == 0) ||
            (i > 0 && rank_order(f - 1, f) >= 0))
            return false;
        for (uint32_t k = 0; k < i; k++) {
            if (h->freezes[k].number == f->number)
                return false;
        }
    }
    for (uint32_t i = 0; i < h->segment_count; i++) {
        if (h->segments[i].freeze != 0 &&
            !lists_freeze(h, h->segments[i].freeze))
            return false;
    }
    return true;
}

/* Only ordinary accounts with a share count as holders, as at least one. */
static bool weight_ok(const struct holding_row *h)
{
    return h->held && h->kind == ACCOUNT_ORDINARY ? h->weight > 0
                                                  : h->weight == 0;
}

/* R67: Every pledge and every freeze has on the holdings exactly the shares
 * that its own row says. */
static bool add_segments(struct sums_entry *e,
                         const struct holding_row *h,
                         const struct hash *account,
                         int sign)
{
    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];
        const uint64_t q = s->quantity.shares;

        if (!add(&e->issued, q, sign) ||
            !add(&e->pledged, s->pledge_count > 0 ? q : 0, sign) ||
            !add(&e->frozen, s->freeze != 0 ? q : 0, sign))
            return false;
        for (uint32_t k = 0; k < s->pledge_count; k++)
            weigh(&e->links,
                  mark_of(MARK_PLEDGE, s->pledges[k].number, account),
                  q,
                  -sign);
    }
    for (uint32_t i = 0; i < h->freeze_count; i++) {
        const struct holding_freeze *f = &h->freezes[i];

        if (!add(&e->queued, f->queued.shares, sign))
            return false;
        weigh(&e->links,
              mark_of(MARK_EFFECTIVE, f->number, &nobody),
              f->effective.shares,
              -sign);
        weigh(&e->links,
              mark_of(MARK_QUEUED, f->number, &nobody),
              f->queued.shares,
              -sign);
    }
    return true;
}

static enum err add_holding(struct sums_entry *e,
                            const struct row_key *key,
                            struct bytes row,
                            int sign)
{
    struct holding_row h;
    struct reader r = reader_of(row);
    int64_t total;

    schema_read(&r, &holding_row_schema, &h); /* without zeroing it first */
    if (reader_finish(&r) != ERR_NONE)
        return ERR_CORRUPT;
    if (!segments_ok(&h, &total) || !freezes_ok(&h, (uint64_t)total) ||
        h.held != (total > 0) || !weight_ok(&h) ||
        !add_segments(e, &h, &key->key, sign) ||
        !add(&e->holders, h.weight, sign) || !add(&e->positions, h.held, sign))
        return ERR_CORRUPT;
    weigh(
        &e->marks.positions, mark_of(MARK_ACCOUNT, 0, &key->key), h.held, sign);
    return ERR_NONE;
}

/* ---- pledges, freezes, claims ---- */

static bool pledgors_ok(const struct pledge_row *p)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < p->pledgor_count; i++) {
        if (!add(&sum, p->pledgors[i].outstanding.shares, 1))
            return false;
    }
    return (uint64_t)sum == p->outstanding.shares;
}

static enum err add_pledge(struct sums_entry *e,
                           const struct row_key *key,
                           struct bytes row,
                           int sign)
{
    struct pledge_row p;
    struct hash own;
    int64_t sum = 0;
    bool open;

    if (schema_decode(&p, &pledge_row_schema, row) != ERR_NONE)
        return ERR_CORRUPT;
    own = number_key(p.number);
    open = p.status == PLEDGE_ACTIVE || p.status == PLEDGE_DEFAULTED;
    if (!hash_eq(&own, &key->key) || !add(&sum, p.outstanding.shares, 1) ||
        !add(&sum, p.released.shares, 1) || !add(&sum, p.enforced.shares, 1) ||
        (uint64_t)sum != p.original.shares || !pledgors_ok(&p) ||
        open != (p.outstanding.shares > 0) || p.secured_fen < 0 ||
        !add(&e->pledges_open, open, sign) ||
        !add(&e->secured_fen, open ? (uint64_t)p.secured_fen : 0, sign))
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < p.pledgor_count; i++)
        weigh(&e->links,
              mark_of(MARK_PLEDGE, p.number, &p.pledgors[i].account),
              p.pledgors[i].outstanding.shares,
              sign);
    weigh(&e->marks.rights, mark_of(MARK_ACCOUNT, 0, &p.pledgee), open, sign);
    return ERR_NONE;
}

static enum err add_freeze(struct sums_entry *e,
                           const struct row_key *key,
                           struct bytes row,
                           int sign)
{
    struct freeze_row f;
    struct hash own;
    int64_t sum = 0;
    bool open;

    if (schema_decode(&f, &freeze_row_schema, row) != ERR_NONE)
        return ERR_CORRUPT;
    own = number_key(f.number);
    open = f.status == FREEZE_ACTIVE;
    if (!hash_eq(&own, &key->key) || !add(&sum, f.effective.shares, 1) ||
        !add(&sum, f.queued.shares, 1) || !add(&sum, f.released.shares, 1) ||
        !add(&sum, f.lapsed.shares, 1) || !add(&sum, f.executed.shares, 1) ||
        !add(&sum, f.unfulfilled.shares, 1) ||
        (uint64_t)sum != f.requested.shares ||
        (!open && (f.effective.shares > 0 || f.queued.shares > 0)) ||
        !add(&e->freezes_open, open, sign) ||
        !add(&e->court_reports, open && f.court_report, sign))
        return ERR_CORRUPT;
    weigh(&e->links,
          mark_of(MARK_EFFECTIVE, f.number, &nobody),
          f.effective.shares,
          sign);
    weigh(&e->links,
          mark_of(MARK_QUEUED, f.number, &nobody),
          f.queued.shares,
          sign);
    return ERR_NONE;
}

static enum err add_claim(struct sums_entry *e,
                          const struct row_key *key,
                          struct bytes row,
                          int sign)
{
    struct claim_row c;
    struct hash own;
    bool open;

    if (schema_decode(&c, &claim_row_schema, row) != ERR_NONE)
        return ERR_CORRUPT;
    own = security_key(c.security);
    if (!hash_eq(&own, &e->security))
        return ERR_NONE; /* another's */
    own = claim_key(c.security, c.number);
    open = c.open.shares > 0;
    if (!hash_eq(&own, &key->key) || c.open.shares > c.quantity.shares ||
        c.quantity.shares > INT64_MAX || !add(&e->claims_open, open, sign))
        return ERR_CORRUPT;
    weigh(&e->marks.rights, mark_of(MARK_ACCOUNT, 0, &c.creditor), open, sign);
    return ERR_NONE;
}

static enum err add_row(struct sums_entry *e,
                        const struct row_key *key,
                        struct bytes row,
                        int sign)
{
    if (row.size == 0)
        return ERR_NONE;
    switch (key->table) {
    case TABLE_HOLDINGS:
        return add_holding(e, key, row, sign);
    case TABLE_PLEDGES:
        return add_pledge(e, key, row, sign);
    case TABLE_FREEZES:
        return add_freeze(e, key, row, sign);
    case TABLE_CLAIMS:
        return add_claim(e, key, row, sign);
    default:
        return ERR_NONE;
    }
}

enum err sums_of(struct sums_entry *e,
                 const struct row_key *key,
                 struct bytes old_row,
                 struct bytes new_row)
{
    TRY(add_row(e, key, old_row, -1));
    return add_row(e, key, new_row, 1);
}

enum err sums_join(struct sums_entry *e, const struct sums_entry *from)
{
    if (__builtin_add_overflow(e->issued, from->issued, &e->issued) ||
        __builtin_add_overflow(e->pledged, from->pledged, &e->pledged) ||
        __builtin_add_overflow(e->frozen, from->frozen, &e->frozen) ||
        __builtin_add_overflow(e->queued, from->queued, &e->queued) ||
        __builtin_add_overflow(e->holders, from->holders, &e->holders) ||
        __builtin_add_overflow(e->positions, from->positions, &e->positions) ||
        __builtin_add_overflow(
            e->pledges_open, from->pledges_open, &e->pledges_open) ||
        __builtin_add_overflow(
            e->freezes_open, from->freezes_open, &e->freezes_open) ||
        __builtin_add_overflow(
            e->court_reports, from->court_reports, &e->court_reports) ||
        __builtin_add_overflow(
            e->claims_open, from->claims_open, &e->claims_open) ||
        __builtin_add_overflow(
            e->secured_fen, from->secured_fen, &e->secured_fen))
        return ERR_CORRUPT;
    e->links += from->links; /* modulo 2^64, as all marks */
    e->marks.positions += from->marks.positions;
    e->marks.rights += from->marks.rights;
    return ERR_NONE;
}

/* ---- what the totals themselves say ---- */

static enum err get_security(struct security_row *s, struct bytes row)
{
    memset(s, 0, sizeof *s);
    if (row.size > 0 && schema_decode(s, &security_row_schema, row) != ERR_NONE)
        return ERR_CORRUPT;
    return ERR_NONE;
}

/* Whether the change from before to after is what the rows say. */
static bool agrees(int64_t sum, uint64_t before, uint64_t after)
{
    return before <= INT64_MAX && after <= INT64_MAX &&
           sum == (int64_t)after - (int64_t)before;
}

/* A security is its issuer's as long as it is in the register. */
static void weigh_issuer(struct sums_marks *m,
                         const struct security_row *s,
                         int sign)
{
    const bool there = s->code[0] != '\0' && s->status != SECURITY_WITHDRAWN;

    weigh(&m->rights, mark_of(MARK_ACCOUNT, 0, &s->issuer), there, sign);
}

enum err sums_security(struct sums_entry *e,
                       struct bytes old_row,
                       struct bytes new_row)
{
    struct security_row a;
    struct security_row b;
    bool moving;

    TRY(get_security(&a, old_row));
    TRY(get_security(&b, new_row));
    if (!agrees(e->issued, a.issued.shares, b.issued.shares) ||
        !agrees(e->pledged, a.pledged.shares, b.pledged.shares) ||
        !agrees(e->frozen, a.frozen.shares, b.frozen.shares) ||
        !agrees(e->queued, a.queued.shares, b.queued.shares) ||
        !agrees(e->holders, a.holder_count, b.holder_count) ||
        !agrees(e->positions, a.positions, b.positions) ||
        !agrees(e->pledges_open, a.pledges_open, b.pledges_open) ||
        !agrees(e->freezes_open, a.freezes_open, b.freezes_open) ||
        !agrees(e->court_reports, a.court_reports, b.court_reports) ||
        !agrees(e->claims_open, a.claims_open, b.claims_open) ||
        !agrees(
            e->secured_fen, (uint64_t)a.secured_fen, (uint64_t)b.secured_fen))
        return ERR_MISMATCH;
    weigh_issuer(&e->marks, &a, -1);
    weigh_issuer(&e->marks, &b, 1);
    moving = a.status == SECURITY_MIGRATING || b.status == SECURITY_MIGRATING;
    return moving || e->links == 0 ? ERR_NONE : ERR_MISMATCH;
}

/* R68: After every block each account's count of positions and of rights equals
 * that of the rows which name it. */
static enum err add_account(struct sums_marks *m,
                            const struct row_key *key,
                            struct bytes row,
                            int sign)
{
    struct account_row a;
    const uint64_t mark = mark_of(MARK_ACCOUNT, 0, &key->key);

    if (row.size == 0)
        return ERR_NONE;
    if (schema_decode(&a, &account_row_schema, row) != ERR_NONE)
        return ERR_CORRUPT;
    weigh(&m->positions, mark, a.positions, sign);
    weigh(&m->rights, mark, a.rights, sign);
    return ERR_NONE;
}

enum err sums_account(struct sums_marks *m,
                      const struct row_key *key,
                      struct bytes old_row,
                      struct bytes new_row)
{
    if (key->table != TABLE_ACCOUNTS)
        return ERR_NONE;
    TRY(add_account(m, key, old_row, -1));
    return add_account(m, key, new_row, 1);
}
