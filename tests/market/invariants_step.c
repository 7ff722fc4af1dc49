/* What one step may do: who ends which right, and what a movement moves. */
#include "base/check.h"
#include "tests/market/invariants.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

enum {
    SECURITIES_MAX = 16,
};

struct step {
    const uint8_t *kinds;
    uint32_t kind_count;
    uint32_t date;
    char *problem;
    uint64_t locked_before;
    uint64_t locked_after;
    uint64_t both_before; /* pledged and frozen */
    uint64_t both_after;
    int64_t pledges_open;
    int64_t freezes_open;
    int64_t court_reports;
    int64_t claims_open;
};

static bool is_any(const struct step *s, const uint8_t *kinds, size_t count)
{
    for (uint32_t i = 0; i < s->kind_count; i++) {
        for (size_t k = 0; k < count; k++) {
            if (s->kinds[i] == kinds[k])
                return true;
        }
    }
    return false;
}

/* I7: who may end what.  Due work has no kind. */
static const uint8_t ends_lock[] = {
    OP_LOCK_LIFT, OP_REGISTER_CANCEL, OP_BOARD_MOVE};
static const uint8_t ends_pledge[] = {OP_TRANSFER_PLEDGED,
                                      OP_TRANSFER_JUDICIAL,
                                      OP_PLEDGE_RELEASE_PART,
                                      OP_PLEDGE_RELEASE,
                                      OP_PLEDGE_ENFORCE,
                                      OP_PLEDGE_REVOKE,
                                      OP_BOARD_MOVE};
static const uint8_t ends_freeze[] = {OP_FREEZE_RELEASE,
                                      OP_FREEZE_CREATE, /* displaces */
                                      OP_TRANSFER_JUDICIAL,
                                      OP_TRANSFER_DEED,
                                      OP_TRANSFER_MERGER,
                                      OP_BOARD_MOVE};
static const uint8_t pledges[] = {
    OP_PLEDGE_CREATE, OP_PLEDGE_CREATE_RANKED, OP_PLEDGE_AMEND};

static void count_holding(const struct step *s,
                          struct bytes bytes,
                          uint64_t *locked,
                          uint64_t *both)
{
    static struct holding_row h;

    if (bytes.size == 0)
        return;
    if (schema_decode(&h, &holding_row_schema, bytes) != ERR_NONE) {
        broken(s->problem, "a holding is not readable");
        return;
    }
    for (uint32_t i = 0; i < h.segment_count; i++) {
        const struct segment *g = &h.segments[i];

        *locked += g->lock_until > s->date ? g->quantity.shares : 0;
        *both += g->freeze != 0 ? g->pledge_count * g->quantity.shares : 0;
    }
}

/* Shares that freezes give up go to the queues first: none is free while one
 * waits for them. */
static void step_queue(struct step *s, const struct rows_change *c)
{
    uint64_t unfrozen[2] = {0, 0};
    uint64_t queued[2] = {0, 0};

    if (s->kind_count > 0 &&
        (s->kind_count > 1 || s->kinds[0] != OP_FREEZE_RELEASE))
        return;
    for (int k = 0; k < 2; k++) {
        static struct holding_row h;
        const struct bytes bytes = k == 0 ? c->before : c->after;

        if (bytes.size == 0 ||
            schema_decode(&h, &holding_row_schema, bytes) != ERR_NONE)
            continue;
        for (uint32_t i = 0; i < h.segment_count; i++)
            unfrozen[k] +=
                h.segments[i].freeze == 0 ? h.segments[i].quantity.shares : 0;
        for (uint32_t i = 0; i < h.freeze_count; i++)
            queued[k] += h.freezes[i].queued.shares;
    }
    if (unfrozen[1] > unfrozen[0] && queued[1] > 0)
        broken(s->problem, "I4: shares became free while a freeze waits");
}

static bool pledge_open(const struct pledge_row *p)
{
    return p->status == PLEDGE_ACTIVE || p->status == PLEDGE_DEFAULTED;
}

static void step_pledge(struct step *s, const struct rows_change *c)
{
    struct pledge_row before = {0};
    struct pledge_row after = {0};

    if ((c->before.size > 0 &&
         schema_decode(&before, &pledge_row_schema, c->before) != ERR_NONE) ||
        (c->after.size > 0 &&
         schema_decode(&after, &pledge_row_schema, c->after) != ERR_NONE)) {
        broken(s->problem, "a pledge is not readable");
        return;
    }
    s->pledges_open += (int)pledge_open(&after) - (int)pledge_open(&before);
    if (after.outstanding.shares < before.outstanding.shares &&
        !is_any(s, ends_pledge, sizeof ends_pledge))
        broken(s->problem,
               "I7: pledge %lu shrank by the way",
               (unsigned long)before.number);
    if (c->after.size > 0 &&
        after.original.shares != after.outstanding.shares +
                                     after.released.shares +
                                     after.enforced.shares)
        broken(s->problem,
               "I3: pledge %lu: shares lost or made",
               (unsigned long)after.number);
    if (c->after.size > 0 &&
        pledge_open(&after) != (after.outstanding.shares > 0))
        broken(s->problem,
               "I3: pledge %lu: status and quantity disagree",
               (unsigned long)after.number);
    if (c->before.size > 0 && c->after.size > 0 &&
        (after.released.shares < before.released.shares ||
         after.enforced.shares < before.enforced.shares ||
         after.original.shares < before.original.shares))
        broken(s->problem,
               "I7: pledge %lu forgets what was released",
               (unsigned long)after.number);
}

static uint64_t alive(const struct freeze_row *f)
{
    return f->effective.shares + f->queued.shares;
}

static void step_freeze(struct step *s, const struct rows_change *c)
{
    struct freeze_row before = {0};
    struct freeze_row after = {0};

    if ((c->before.size > 0 &&
         schema_decode(&before, &freeze_row_schema, c->before) != ERR_NONE) ||
        (c->after.size > 0 &&
         schema_decode(&after, &freeze_row_schema, c->after) != ERR_NONE)) {
        broken(s->problem, "a freeze is not readable");
        return;
    }
    s->freezes_open += (int)(after.status == FREEZE_ACTIVE) -
                       (int)(before.status == FREEZE_ACTIVE);
    s->court_reports +=
        (int)(after.status == FREEZE_ACTIVE && after.court_report) -
        (int)(before.status == FREEZE_ACTIVE && before.court_report);
    /* A queue may lapse when the shares it waits for are sold. */
    if (s->kind_count > 0 && after.effective.shares < before.effective.shares &&
        !is_any(s, ends_freeze, sizeof ends_freeze))
        broken(s->problem,
               "I7: freeze %lu shrank by the way",
               (unsigned long)before.number);
    if (s->kind_count == 1 && s->kinds[0] == OP_FREEZE_CREATE &&
        c->before.size > 0 && alive(&after) != alive(&before))
        broken(s->problem,
               "I4: freeze %lu was displaced and lost shares",
               (unsigned long)after.number);
    if (c->after.size > 0 &&
        after.requested.shares !=
            alive(&after) + after.released.shares + after.lapsed.shares +
                after.executed.shares + after.unfulfilled.shares)
        broken(s->problem,
               "I4: freeze %lu: shares not accounted for",
               (unsigned long)after.number);
    if (c->after.size > 0 &&
        (after.status == FREEZE_ACTIVE) != (alive(&after) > 0))
        broken(s->problem,
               "I4: freeze %lu: status and quantity disagree",
               (unsigned long)after.number);
    if (c->before.size > 0 && c->after.size > 0 &&
        (after.requested.shares != before.requested.shares ||
         after.released.shares < before.released.shares ||
         after.lapsed.shares < before.lapsed.shares ||
         after.executed.shares < before.executed.shares ||
         after.unfulfilled.shares != before.unfulfilled.shares))
        broken(s->problem,
               "I4: freeze %lu: its account was rewritten",
               (unsigned long)after.number);
}

static void step_claim(struct step *s, const struct rows_change *c)
{
    struct claim_row before = {0};
    struct claim_row after = {0};

    if ((c->before.size > 0 &&
         schema_decode(&before, &claim_row_schema, c->before) != ERR_NONE) ||
        (c->after.size > 0 &&
         schema_decode(&after, &claim_row_schema, c->after) != ERR_NONE)) {
        broken(s->problem, "a claim is not readable");
        return;
    }
    s->claims_open +=
        (int)(after.open.shares > 0) - (int)(before.open.shares > 0);
}

/* I14: a row on which rights hang renews its chain whenever it changes. */
static void step_chain(struct step *s, const struct rows_change *c)
{
    const uint8_t table = c->key->table;

    if (table != TABLE_ACCOUNTS && table != TABLE_SECURITIES &&
        table != TABLE_HOLDINGS && table != TABLE_PLEDGES &&
        table != TABLE_FREEZES && table != TABLE_CLAIMS)
        return;
    if (c->before.size < HASH_BYTES || c->after.size < HASH_BYTES)
        return;
    if (memcmp(c->before.at + c->before.size - HASH_BYTES,
               c->after.at + c->after.size - HASH_BYTES,
               HASH_BYTES) == 0)
        broken(s->problem,
               "I14: a row of table %s changed without its chain",
               table_names[table]);
}

/* The row of another security that took this one's place, with the same key. */
static bool moved_to(const struct rows *r,
                     const struct rows_change *gone,
                     struct rows_change *out)
{
    for (uint32_t i = 0; i < rows_touched(r); i++) {
        if (rows_change(r, i, out) && out->before.size == 0 &&
            out->key->table == gone->key->table &&
            hash_eq(&out->key->key, &gone->key->key) &&
            !hash_eq(&out->key->tree, &gone->key->tree))
            return true;
    }
    return false;
}

/* I8: what a board transfer carries over is the same under the new code, but
 * for the count of writes and the chain, which stand last. */
static void step_carried(const struct rows *r,
                         const struct step *s,
                         const struct rows_change *gone)
{
    const uint8_t table = gone->key->table;
    const size_t renewed =
        HASH_BYTES + (table == TABLE_HOLDINGS ? sizeof(uint64_t) : 0);
    struct rows_change to;

    if ((table != TABLE_HOLDINGS && table != TABLE_PLEDGES &&
         table != TABLE_FREEZES) ||
        gone->after.size > 0 || s->kind_count != 1 ||
        s->kinds[0] != OP_BOARD_MOVE)
        return;
    if (!moved_to(r, gone, &to) || to.after.size != gone->before.size ||
        memcmp(to.after.at, gone->before.at, to.after.size - renewed) != 0)
        broken(s->problem,
               "I8: a row of table %s changed on its way to another board",
               table_names[table]);
}

static const struct hash *security_of(const struct rows_change *c,
                                      struct hash *space)
{
    struct claim_row claim;

    switch ((enum table)c->key->table) {
    case TABLE_SECURITIES:
        return &c->key->key;
    case TABLE_HOLDINGS:
    case TABLE_PLEDGES:
    case TABLE_FREEZES:
        return &c->key->tree;
    case TABLE_CLAIMS:
        if (schema_decode(&claim,
                          &claim_row_schema,
                          c->after.size > 0 ? c->after : c->before) != ERR_NONE)
            return NULL;
        *space = security_key(claim.security);
        return space;
    case TABLE_INSTITUTIONS:
    case TABLE_ACCOUNTS:
    case TABLE_SUBJECTS:
    case TABLE_REFERENCES:
    case TABLE_AUTHORITIES:
    case TABLE_CALENDAR:
    case TABLE_DUE:
    case TABLE_DRAFTS:
    case TABLE_PARAMS:
    case TABLE_VALIDATORS:
    case TABLE_CANDIDATES:
    case TABLE_EVIDENCE:
    case TABLE_READY:
    case TABLE_SHARED:
    case TABLES_USED:
    case TABLE_SLOTS:
        return NULL;
    }
    return NULL;
}

static void step_row(struct step *s,
                     const struct rows_change *c,
                     struct sums_entry *sums)
{
    const uint8_t table = c->key->table;

    if (table == TABLE_HOLDINGS) {
        count_holding(s, c->before, &s->locked_before, &s->both_before);
        count_holding(s, c->after, &s->locked_after, &s->both_after);
        step_queue(s, c);
    } else if (table == TABLE_PLEDGES) {
        step_pledge(s, c);
    } else if (table == TABLE_FREEZES) {
        step_freeze(s, c);
    } else if (table == TABLE_CLAIMS) {
        step_claim(s, c);
    }
    if (c->key->table != TABLE_SECURITIES &&
        sums_of(sums, c->key, c->before, c->after) != ERR_NONE)
        broken(s->problem, "the sums find a row impossible");
}

/* The counts in the security row follow the rows of its trees. */
static void step_security(struct step *s,
                          const struct rows_change *c,
                          struct sums_entry *sums)
{
    struct security_row before = {0};
    struct security_row after = {0};

    if ((c->before.size > 0 &&
         schema_decode(&before, &security_row_schema, c->before) != ERR_NONE) ||
        (c->after.size > 0 &&
         schema_decode(&after, &security_row_schema, c->after) != ERR_NONE)) {
        broken(s->problem, "a security is not readable");
        return;
    }
    if ((int64_t)after.pledges_open - before.pledges_open != s->pledges_open ||
        (int64_t)after.freezes_open - before.freezes_open != s->freezes_open ||
        (int64_t)after.court_reports - before.court_reports !=
            s->court_reports ||
        (int64_t)after.claims_open - before.claims_open != s->claims_open)
        broken(s->problem,
               "%s: open pledges, freezes, reports or claims not counted",
               after.code);
    if (before.status == SECURITY_WITHDRAWN)
        broken(s->problem, "%s was withdrawn and changed", after.code);
    if (sums_security(sums, c->before, c->after) != ERR_NONE)
        broken(
            s->problem, "%s: the sums over the block do not agree", after.code);
}

static void check_security(const struct rows *r,
                           struct step *s,
                           const struct hash *security,
                           struct sums_marks *marks)
{
    struct sums_entry sums = {.security = *security};
    struct rows_change of_row = {.key = NULL};
    struct hash space;

    for (uint32_t i = 0; i < rows_touched(r); i++) {
        struct rows_change c;
        const struct hash *of;

        if (!rows_change(r, i, &c))
            continue;
        of = security_of(&c, &space);
        if (of == NULL || !hash_eq(of, security))
            continue;
        step_row(s, &c, &sums);
        if (c.key->table == TABLE_SECURITIES)
            of_row = c;
    }
    if (of_row.key == NULL)
        broken(s->problem, "a security changed without its row");
    else
        step_security(s, &of_row, &sums);
    marks->positions += sums.marks.positions;
    marks->rights += sums.marks.rights;
    if (s->locked_after < s->locked_before &&
        !is_any(s, ends_lock, sizeof ends_lock))
        broken(s->problem, "I7: a lock vanished by the way");
    if (s->both_after > s->both_before && s->kind_count == 1 &&
        is_any(s, pledges, sizeof pledges))
        broken(s->problem, "I5: frozen shares were pledged");
}

bool invariants_step(const struct rows *r,
                     uint32_t date,
                     const uint8_t *kinds,
                     uint32_t kind_count,
                     char problem[PROBLEM_MAX])
{
    struct hash done[SECURITIES_MAX];
    uint32_t done_count = 0;
    struct sums_marks by_rows = {0};
    struct sums_marks by_accounts = {0};

    for (uint32_t i = 0; i < rows_touched(r); i++) {
        struct step s = {.kinds = kinds,
                         .kind_count = kind_count,
                         .date = date,
                         .problem = problem};
        struct rows_change c;
        struct hash space;
        const struct hash *of;
        uint32_t k = 0;

        if (!rows_change(r, i, &c))
            continue;
        step_chain(&s, &c);
        step_carried(r, &s, &c);
        if (sums_account(&by_accounts, c.key, c.before, c.after) != ERR_NONE)
            broken(problem, "an account is not readable");
        of = security_of(&c, &space);
        if (of == NULL)
            continue;
        while (k < done_count && !hash_eq(&done[k], of))
            k++;
        if (k < done_count || done_count >= SECURITIES_MAX)
            continue;
        done[done_count++] = *of;
        (void)invariants_security(r, date, of, problem);
        check_security(r, &s, of, &by_rows);
    }
    if (by_rows.positions != by_accounts.positions ||
        by_rows.rights != by_accounts.rights)
        broken(problem, "an account's positions or rights are not counted");
    return problem[0] == '\0';
}

/* ---- what a movement moves ---- */

static uint64_t total_of(struct bytes bytes)
{
    static struct holding_row h;
    uint64_t total = 0;

    if (bytes.size == 0 ||
        schema_decode(&h, &holding_row_schema, bytes) != ERR_NONE)
        return 0;
    for (uint32_t i = 0; i < h.segment_count; i++)
        total += h.segments[i].quantity.shares;
    return total;
}

static bool hash_field(struct hash *out,
                       const struct op_def *def,
                       const void *op,
                       const char *name)
{
    const struct field *f = schema_field(def->schema, name);

    if (f == NULL || f->kind != FIELD_HASH)
        return false;
    memcpy(out, (const uint8_t *)op + f->offset, sizeof *out);
    return true;
}

/* I6: the giver of shares at will had them available, and still has whatever
 * was pledged, frozen, locked or too recent. */
static void check_given(const struct rows *r,
                        uint32_t date,
                        const struct op_def *def,
                        const struct rows_change *c,
                        uint64_t quantity,
                        char problem[PROBLEM_MAX])
{
    const struct row_key key = {.table = TABLE_SECURITIES, .key = c->key->tree};
    struct security_row s;
    struct parts before;
    struct parts after;

    if ((def->kind != OP_TRANSFER && def->kind != OP_TRANSFER_GIFT) ||
        schema_decode(&s, &security_row_schema, rows_get(r, &key)) != ERR_NONE)
        return;
    invariants_parts_of(&before, r, date, s.t_plus, c->before);
    invariants_parts_of(&after, r, date, s.t_plus, c->after);
    if (before.available < quantity ||
        before.available - quantity != after.available ||
        before.pledged != after.pledged || before.frozen != after.frozen ||
        before.pledged_frozen != after.pledged_frozen ||
        before.t_plus != after.t_plus || before.lock != after.lock)
        broken(problem,
               "I6: %s of %lu took what was not available",
               def->schema->name,
               (unsigned long)quantity);
}

bool invariants_moved(const struct rows *r,
                      uint32_t date,
                      const struct op_def *def,
                      const void *op,
                      char problem[PROBLEM_MAX])
{
    const struct field *q = schema_field(def->schema, "quantity");
    struct hash from;
    struct hash to;
    uint64_t quantity;
    uint64_t out = 0;
    uint64_t in = 0;

    if (q == NULL || q->kind != FIELD_QTY ||
        !hash_field(&from, def, op, "from") || !hash_field(&to, def, op, "to"))
        return true;
    memcpy(&quantity, (const uint8_t *)op + q->offset, sizeof quantity);
    for (uint32_t i = 0; i < rows_touched(r); i++) {
        struct rows_change c;
        uint64_t before;
        uint64_t after;

        if (!rows_change(r, i, &c) || c.key->table != TABLE_HOLDINGS)
            continue;
        before = total_of(c.before);
        after = total_of(c.after);
        if (hash_eq(&c.key->key, &from)) {
            out = before - after;
            check_given(r, date, def, &c, quantity, problem);
        } else if (hash_eq(&c.key->key, &to)) {
            in = after - before;
        } else if (before != after) {
            broken(
                problem, "%s: a third party's shares moved", def->schema->name);
        }
    }
    /* What a correction does not find becomes a claim. */
    if (out != in ||
        (out != quantity &&
         !((def->kind == OP_CORRECT || def->kind == OP_CORRECT_BY_DECISION) &&
           out < quantity)))
        broken(problem,
               "%s: %lu shares left, %lu came, %lu were meant",
               def->schema->name,
               (unsigned long)out,
               (unsigned long)in,
               (unsigned long)quantity);
    return problem[0] == '\0';
}
