#include "tests/market/invariants.h"

#include "base/check.h"
#include "base/num.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct hash zero;

/* One problem is enough: the first is told. */
PRINTF_LIKE(2, 3)
static void broken(char problem[PROBLEM_MAX], const char *format, ...)
{
    va_list ap;

    if (problem[0] != '\0')
        return;
    va_start(ap, format);
    (void)vsnprintf(problem, PROBLEM_MAX, format, ap);
    va_end(ap);
}

static bool get(const struct rows *r,
                void *row,
                uint8_t table,
                const struct hash *tree,
                const struct hash *key)
{
    const struct row_key k = {table, *tree, *key};
    const struct bytes bytes = rows_get(r, &k);

    return bytes.size > 0 &&
           schema_decode(row, row_schema(table), bytes) == ERR_NONE;
}

/* ---- one position ---- */

static uint32_t year_of(uint32_t day)
{
    uint32_t y;
    uint32_t m;
    uint32_t d;

    num_date_of_days(day, &y, &m, &d);
    return y;
}

/* Whether fewer than n trading days lie after the trade day and up to today. */
static bool too_recent(const struct rows *r,
                       uint32_t trade_day,
                       uint32_t today,
                       uint32_t n)
{
    uint32_t trading = 0;

    if (trade_day == 0 || n == 0)
        return false;
    for (uint32_t day = trade_day + 1; day <= today && trading < n; day++) {
        const uint32_t year = year_of(day);
        const struct hash key = day_key(year);
        struct genesis_year map;
        uint32_t first;

        if (!get(r, &map, TABLE_CALENDAR, &zero, &key) ||
            !num_days_of_date(&first, year, 1, 1))
            return true; /* nobody can say: not available */
        if ((map.trading[(day - first) / 8] >> ((day - first) % 8) & 1) != 0)
            trading++;
    }
    return trading < n;
}

static void add_parts(struct parts *p,
                      const struct rows *r,
                      const struct holding_row *h,
                      uint32_t date,
                      uint8_t t_plus)
{
    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];
        const uint64_t q = s->quantity.shares;
        const bool is_locked = s->lock_until > date;

        p->total += q;
        p->locked += is_locked ? q : 0;
        if (s->pledge_count > 0 && s->freeze != 0)
            p->pledged_frozen += q;
        else if (s->pledge_count > 0)
            p->pledged += q;
        else if (s->freeze != 0)
            p->frozen += q;
        else if (is_locked)
            p->lock += q;
        else if (too_recent(r, s->trade_day, date, t_plus))
            p->t_plus += q;
        else
            p->available += q;
    }
    for (uint32_t i = 0; i < h->freeze_count; i++)
        p->queued += h->freezes[i].queued.shares;
}

void invariants_parts_of(struct parts *out,
                         const struct rows *r,
                         uint32_t date,
                         uint8_t t_plus,
                         struct bytes holding)
{
    static struct holding_row h;

    memset(out, 0, sizeof *out);
    if (holding.size > 0 &&
        schema_decode(&h, &holding_row_schema, holding) == ERR_NONE)
        add_parts(out, r, &h, date, t_plus);
}

bool invariants_parts(struct parts *out,
                      const struct rows *r,
                      uint32_t date,
                      const char *code,
                      const struct hash *account)
{
    static struct holding_row h;
    const struct hash tree = security_key(code);
    struct security_row s;

    memset(out, 0, sizeof *out);
    if (!get(r, &s, TABLE_SECURITIES, &zero, &tree))
        return false;
    if (get(r, &h, TABLE_HOLDINGS, &tree, account))
        add_parts(out, r, &h, date, s.t_plus);
    return true;
}

/* ---- one security ---- */

enum {
    NUMBERS = 1 << 12,
};

/* Shares by pledge number. */
struct number_sum {
    uint64_t number;
    uint64_t shares;
    uint32_t holdings;
};

struct check {
    const struct rows *r;
    uint32_t date;
    char *problem;
    struct security_row s;
    struct hash key;
    uint64_t issued;
    uint64_t pledged;
    uint64_t frozen;
    uint64_t queued;
    uint64_t holders;
    uint64_t positions;
    uint32_t freeze_entries;
    uint32_t pledges_open;
    uint32_t freezes_open;
    uint32_t court_reports;
    uint32_t claims_open;
    struct number_sum pledges[NUMBERS];
};

static struct number_sum *sum_of(struct check *c, uint64_t number)
{
    uint32_t i = (uint32_t)(number * 2654435761u) % NUMBERS;

    while (c->pledges[i].number != 0 && c->pledges[i].number != number)
        i = (i + 1) % NUMBERS;
    c->pledges[i].number = number;
    return &c->pledges[i];
}

/* Field by field, as the order is told: nature, lock, trade day, pledges,
 * freeze. */
static int attributes_cmp(const struct segment *a, const struct segment *b)
{
    if (a->nature != b->nature)
        return a->nature < b->nature ? -1 : 1;
    if (a->lock_until != b->lock_until)
        return a->lock_until < b->lock_until ? -1 : 1;
    if (a->trade_day != b->trade_day)
        return a->trade_day < b->trade_day ? -1 : 1;
    if (a->pledge_count != b->pledge_count)
        return a->pledge_count < b->pledge_count ? -1 : 1;
    for (uint32_t i = 0; i < a->pledge_count; i++) {
        if (a->pledges[i].number != b->pledges[i].number)
            return a->pledges[i].number < b->pledges[i].number ? -1 : 1;
    }
    if (a->freeze != b->freeze)
        return a->freeze < b->freeze ? -1 : 1;
    return 0;
}

static bool carries(const struct segment *s, uint64_t pledge)
{
    for (uint32_t i = 0; i < s->pledge_count; i++) {
        if (s->pledges[i].number == pledge)
            return true;
    }
    return false;
}

static uint64_t pledged_by(const struct holding_row *h, uint64_t pledge)
{
    uint64_t q = 0;

    for (uint32_t i = 0; i < h->segment_count; i++)
        q += carries(&h->segments[i], pledge) ? h->segments[i].quantity.shares
                                              : 0;
    return q;
}

static bool pledge_is_open(const struct pledge_row *p)
{
    return p->status == PLEDGE_ACTIVE || p->status == PLEDGE_DEFAULTED;
}

/* I3, from the holding's side: each pledge on it knows it as pledgor. */
static void check_pledge_here(struct check *c,
                              const struct holding_row *h,
                              const struct hash *account,
                              uint64_t number)
{
    const struct hash key = number_key(number);
    const uint64_t here = pledged_by(h, number);
    struct number_sum *sum = sum_of(c, number);
    struct pledge_row p;
    uint64_t there = 0;

    sum->shares += here;
    sum->holdings++;
    if (c->s.status == SECURITY_MIGRATING)
        return; /* holdings and pledges are on their way to the new code */
    if (!get(c->r, &p, TABLE_PLEDGES, &c->key, &key)) {
        broken(c->problem,
               "I3: segment under pledge %lu that is not there",
               (unsigned long)number);
        return;
    }
    if (!pledge_is_open(&p))
        broken(c->problem,
               "I3: segment under pledge %lu that has ended",
               (unsigned long)number);
    for (uint32_t i = 0; i < p.pledgor_count; i++) {
        if (hash_eq(&p.pledgors[i].account, account))
            there += p.pledgors[i].outstanding.shares;
    }
    if (here != there)
        broken(c->problem,
               "I3: pledge %lu: %lu shares here, %lu in its row for this "
               "pledgor",
               (unsigned long)number,
               (unsigned long)here,
               (unsigned long)there);
}

static void check_segments(struct check *c,
                           const struct holding_row *h,
                           const struct hash *account)
{
    uint64_t seen[SEGMENTS_MAX * SEGMENT_PLEDGES_MAX];
    uint32_t seen_count = 0;

    for (uint32_t i = 0; i < h->segment_count; i++) {
        const struct segment *s = &h->segments[i];

        if (s->quantity.shares == 0 || s->quantity.shares > INT64_MAX)
            broken(c->problem,
                   "I2: a segment of %lu shares",
                   (unsigned long)s->quantity.shares);
        if (i > 0 && attributes_cmp(&h->segments[i - 1], s) >= 0)
            broken(c->problem, "I2: segments out of order or not merged");
        for (uint32_t k = 0; k < s->pledge_count; k++) {
            uint32_t n = 0;

            while (n < seen_count && seen[n] != s->pledges[k].number)
                n++;
            if (n == seen_count)
                seen[seen_count++] = s->pledges[k].number;
            for (uint32_t before = 0; before < k; before++) {
                if (s->pledges[before].number == s->pledges[k].number)
                    broken(c->problem, "I3: a share under one pledge twice");
            }
        }
    }
    for (uint32_t n = 0; n < seen_count; n++)
        check_pledge_here(c, h, account, seen[n]);
}

/* I4, from the holding's side: its list of freezes. */
static void check_freezes_here(struct check *c,
                               const struct holding_row *h,
                               const struct hash *account,
                               uint64_t total)
{
    uint64_t effective_all = 0;

    for (uint32_t i = 0; i < h->freeze_count; i++) {
        const struct holding_freeze *e = &h->freezes[i];
        const struct hash key = number_key(e->number);
        struct freeze_row f;
        uint64_t here = 0;

        for (uint32_t k = 0; k < h->segment_count; k++) {
            if (h->segments[k].freeze == e->number)
                here += h->segments[k].quantity.shares;
        }
        effective_all += here;
        c->queued += e->queued.shares;
        c->freeze_entries++;
        if (here != e->effective.shares)
            broken(c->problem,
                   "I4: freeze %lu: %lu shares here, %lu listed",
                   (unsigned long)e->number,
                   (unsigned long)here,
                   (unsigned long)e->effective.shares);
        if (e->effective.shares == 0 && e->queued.shares == 0)
            broken(c->problem, "I4: an empty freeze is listed");
        if (e->queued.shares > total - here)
            broken(c->problem,
                   "I4: freeze %lu waits for %lu of %lu shares",
                   (unsigned long)e->number,
                   (unsigned long)e->queued.shares,
                   (unsigned long)(total - here));
        if (i > 0 && (h->freezes[i - 1].rank_ms > e->rank_ms ||
                      (h->freezes[i - 1].rank_ms == e->rank_ms &&
                       h->freezes[i - 1].number >= e->number)))
            broken(c->problem, "I4: freezes not in order of rank");
        if (!get(c->r, &f, TABLE_FREEZES, &c->key, &key)) {
            broken(c->problem,
                   "I4: freeze %lu has no row",
                   (unsigned long)e->number);
            continue;
        }
        if (f.status != FREEZE_ACTIVE || !hash_eq(&f.account, account) ||
            f.effective.shares != e->effective.shares ||
            f.queued.shares != e->queued.shares ||
            e->rank_ms != (f.publicity_ms != 0 ? f.publicity_ms : f.service_ms))
            broken(c->problem,
                   "I4: freeze %lu: its row differs from the list",
                   (unsigned long)e->number);
    }
    for (uint32_t k = 0; k < h->segment_count; k++) {
        if (h->segments[k].freeze != 0)
            effective_all -= h->segments[k].quantity.shares;
    }
    if (effective_all != 0)
        broken(c->problem, "I4: frozen shares under a freeze not listed");
}

static void check_available(struct check *c,
                            const struct holding_row *h,
                            const struct parts *p)
{
    if (p->total != p->available + p->pledged + p->frozen + p->pledged_frozen +
                        p->t_plus + p->lock)
        broken(c->problem, "I6: a position's parts are not its total");
    if (h->held != (p->total > 0))
        broken(c->problem, "I10: held does not say whether there is a share");
}

static void visit_holding(void *ctx,
                          const struct row_key *key,
                          struct bytes bytes)
{
    static struct holding_row h;
    struct check *c = ctx;
    struct account_row a;
    struct parts p = {0};
    uint32_t weight = 0;

    if (schema_decode(&h, &holding_row_schema, bytes) != ERR_NONE ||
        !get(c->r, &a, TABLE_ACCOUNTS, &zero, &key->key)) {
        broken(c->problem, "a holding without account, or not readable");
        return;
    }
    add_parts(&p, c->r, &h, c->date, c->s.t_plus);
    check_segments(c, &h, &key->key);
    check_freezes_here(c, &h, &key->key, p.total);
    check_available(c, &h, &p);
    c->issued += p.total;
    c->pledged += p.pledged + p.pledged_frozen;
    c->frozen += p.frozen + p.pledged_frozen;
    c->positions += p.total > 0 ? 1 : 0;
    if (p.total > 0 && a.kind == ACCOUNT_ORDINARY)
        weight = a.investors > 1 ? a.investors : 1;
    if (c->s.status == SECURITY_WITHDRAWN && weight > 0)
        weight = h.weight; /* what was withdrawn stays as it was */
    if (a.kind != ACCOUNT_ORDINARY && h.weight != 0)
        broken(c->problem, "I16: a special account counts as a holder");
    if (h.weight != weight || h.kind != a.kind)
        broken(c->problem,
               "I10: a holding counts as %u holders, not %u",
               h.weight,
               weight);
    c->holders += weight;
}

static void check_pledge_row(struct check *c, const struct pledge_row *p)
{
    uint64_t by_pledgor = 0;

    for (uint32_t i = 0; i < p->pledgor_count; i++)
        by_pledgor += p->pledgors[i].outstanding.shares;
    if (by_pledgor != p->outstanding.shares)
        broken(c->problem,
               "I3: pledge %lu: pledgors do not add up",
               (unsigned long)p->number);
    if (p->original.shares !=
        p->outstanding.shares + p->released.shares + p->enforced.shares)
        broken(c->problem,
               "I3: pledge %lu: shares lost or made",
               (unsigned long)p->number);
    if (pledge_is_open(p) != (p->outstanding.shares > 0))
        broken(c->problem,
               "I3: pledge %lu: status and quantity disagree",
               (unsigned long)p->number);
    if (p->number == 0 || p->number > c->s.pledge_count)
        broken(c->problem,
               "I3: pledge number %lu was never given",
               (unsigned long)p->number);
    if (c->s.status != SECURITY_MIGRATING &&
        sum_of(c, p->number)->shares != p->outstanding.shares)
        broken(c->problem,
               "I3: pledge %lu: %lu outstanding, %lu shares under it",
               (unsigned long)p->number,
               (unsigned long)p->outstanding.shares,
               (unsigned long)sum_of(c, p->number)->shares);
}

static void check_freeze_row(struct check *c, const struct freeze_row *f)
{
    if (f->requested.shares != f->effective.shares + f->queued.shares +
                                   f->released.shares + f->lapsed.shares +
                                   f->executed.shares + f->unfulfilled.shares)
        broken(c->problem,
               "I4: freeze %lu: shares not accounted for",
               (unsigned long)f->number);
    if ((f->status == FREEZE_ACTIVE) !=
        (f->effective.shares + f->queued.shares > 0))
        broken(c->problem,
               "I4: freeze %lu: status and quantity disagree",
               (unsigned long)f->number);
    if (f->number == 0 || f->number > c->s.freeze_count)
        broken(c->problem,
               "I4: freeze number %lu was never given",
               (unsigned long)f->number);
}

static void visit_pledge(void *ctx,
                         const struct row_key *key,
                         struct bytes bytes)
{
    struct check *c = ctx;
    struct pledge_row p;

    (void)key;
    if (schema_decode(&p, &pledge_row_schema, bytes) != ERR_NONE)
        broken(c->problem, "a pledge is not readable");
    check_pledge_row(c, &p);
    c->pledges_open += pledge_is_open(&p) ? 1 : 0;
}

static void visit_freeze(void *ctx,
                         const struct row_key *key,
                         struct bytes bytes)
{
    struct check *c = ctx;
    struct freeze_row f;

    (void)key;
    if (schema_decode(&f, &freeze_row_schema, bytes) != ERR_NONE)
        broken(c->problem, "a freeze is not readable");
    check_freeze_row(c, &f);
    if (f.status == FREEZE_ACTIVE) {
        c->freezes_open++;
        c->court_reports += f.court_report ? 1 : 0;
    }
}

static void check_totals(struct check *c)
{
    const struct security_row *s = &c->s;

    if (c->issued != s->issued.shares)
        broken(c->problem,
               "I1: %s: positions add up to %lu, issued %lu",
               s->code,
               (unsigned long)c->issued,
               (unsigned long)s->issued.shares);
    if (c->pledged != s->pledged.shares || c->frozen != s->frozen.shares ||
        c->queued != s->queued.shares)
        broken(c->problem,
               "%s: pledged %lu, frozen %lu, queued %lu; the row says %lu, "
               "%lu, %lu",
               s->code,
               (unsigned long)c->pledged,
               (unsigned long)c->frozen,
               (unsigned long)c->queued,
               (unsigned long)s->pledged.shares,
               (unsigned long)s->frozen.shares,
               (unsigned long)s->queued.shares);
    if (c->holders != s->holder_count || c->positions != s->positions)
        broken(c->problem,
               "I10: %s: %lu holders and %lu positions; the row says %u, %u",
               s->code,
               (unsigned long)c->holders,
               (unsigned long)c->positions,
               s->holder_count,
               s->positions);
}

static bool begin_check(struct check *c,
                        const struct rows *r,
                        uint32_t date,
                        const struct hash *security,
                        char problem[PROBLEM_MAX])
{
    memset(c, 0, sizeof *c);
    c->r = r;
    c->date = date;
    c->problem = problem;
    c->key = *security;
    if (!get(r, &c->s, TABLE_SECURITIES, &zero, security))
        return false;
    rows_each(r, TABLE_HOLDINGS, security, visit_holding, c);
    check_totals(c);
    return true;
}

static struct check *scratch(void)
{
    static struct check *c;

    if (c == NULL)
        c = malloc(sizeof *c);
    ASSERT(c != NULL);
    return c;
}

bool invariants_security(const struct rows *r,
                         uint32_t date,
                         const struct hash *security,
                         char problem[PROBLEM_MAX])
{
    /* A board transfer that is given up erases the new code. */
    (void)begin_check(scratch(), r, date, security, problem);
    return problem[0] == '\0';
}

/* ---- everything ---- */

struct all {
    const struct rows *r;
    uint32_t date;
    char *problem;
    /* of the account that is counted */
    struct hash account;
    uint32_t positions;
    uint32_t rights;
    struct hash security;
    uint32_t claims;
};

static void visit_claim(void *ctx,
                        const struct row_key *key,
                        struct bytes bytes)
{
    struct all *a = ctx;
    struct claim_row row;
    struct hash code;

    (void)key;
    if (schema_decode(&row, &claim_row_schema, bytes) != ERR_NONE) {
        broken(a->problem, "a claim is not readable");
        return;
    }
    code = security_key(row.security);
    if (row.open.shares > row.quantity.shares)
        broken(a->problem, "a claim has more open than it was for");
    if (row.open.shares > 0 && hash_eq(&code, &a->security))
        a->claims++;
    if (row.open.shares > 0 && hash_eq(&row.creditor, &a->account))
        a->rights++;
}

static void visit_security(void *ctx,
                           const struct row_key *key,
                           struct bytes bytes)
{
    struct all *a = ctx;
    struct check *c = scratch();

    (void)bytes;
    if (!begin_check(c, a->r, a->date, &key->key, a->problem)) {
        broken(a->problem, "a security is not readable");
        return;
    }
    rows_each(a->r, TABLE_PLEDGES, &key->key, visit_pledge, c);
    rows_each(a->r, TABLE_FREEZES, &key->key, visit_freeze, c);
    if (c->freeze_entries != c->freezes_open)
        broken(a->problem,
               "I4: %s: %u freezes listed, %u open",
               c->s.code,
               c->freeze_entries,
               c->freezes_open);
    a->security = key->key;
    a->claims = 0;
    rows_each(a->r, TABLE_CLAIMS, &zero, visit_claim, a);
    if (c->pledges_open != c->s.pledges_open ||
        c->freezes_open != c->s.freezes_open ||
        c->court_reports != c->s.court_reports || a->claims != c->s.claims_open)
        broken(a->problem,
               "%s: %u pledges, %u freezes, %u reports, %u claims open; the "
               "row says %u, %u, %u, %u",
               c->s.code,
               c->pledges_open,
               c->freezes_open,
               c->court_reports,
               a->claims,
               c->s.pledges_open,
               c->s.freezes_open,
               c->s.court_reports,
               c->s.claims_open);
}

static void visit_right(void *ctx,
                        const struct row_key *key,
                        struct bytes bytes)
{
    struct all *a = ctx;
    struct pledge_row p;

    (void)key;
    if (schema_decode(&p, &pledge_row_schema, bytes) == ERR_NONE &&
        pledge_is_open(&p) && hash_eq(&p.pledgee, &a->account))
        a->rights++;
}

static void count_for_account(void *ctx,
                              const struct row_key *key,
                              struct bytes bytes)
{
    static struct holding_row h;
    struct all *a = ctx;
    struct security_row s;

    if (schema_decode(&s, &security_row_schema, bytes) == ERR_NONE &&
        hash_eq(&s.issuer, &a->account) && s.status != SECURITY_WITHDRAWN)
        a->rights++;
    if (get(a->r, &h, TABLE_HOLDINGS, &key->key, &a->account) &&
        h.segment_count > 0)
        a->positions++;
    rows_each(a->r, TABLE_PLEDGES, &key->key, visit_right, a);
}

static void visit_account(void *ctx,
                          const struct row_key *key,
                          struct bytes bytes)
{
    struct all *a = ctx;
    struct account_row row;

    if (schema_decode(&row, &account_row_schema, bytes) != ERR_NONE) {
        broken(a->problem, "an account is not readable");
        return;
    }
    a->account = key->key;
    a->positions = 0;
    a->rights = 0;
    rows_each(a->r, TABLE_SECURITIES, &zero, count_for_account, a);
    rows_each(a->r, TABLE_CLAIMS, &zero, visit_claim, a);
    if (a->positions != row.positions || a->rights != row.rights)
        broken(a->problem,
               "an account has %u positions and %u rights; its row says %u, %u",
               a->positions,
               a->rights,
               row.positions,
               row.rights);
    if (row.status == ACCOUNT_CLOSED && (a->positions > 0 || a->rights > 0))
        broken(a->problem, "a closed account has positions or rights");
}

bool invariants_all(const struct rows *r,
                    uint32_t date,
                    char problem[PROBLEM_MAX])
{
    struct all a = {.r = r, .date = date, .problem = problem};

    rows_each(r, TABLE_SECURITIES, &zero, visit_security, &a);
    rows_each(r, TABLE_ACCOUNTS, &zero, visit_account, &a);
    (void)invariants_gov(r, problem);
    return problem[0] == '\0';
}
