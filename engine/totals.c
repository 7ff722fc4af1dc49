#include "engine/totals.h"

#include "base/check.h"
#include "engine/engine_state.h"

#include <stdlib.h>

static const struct hash zero;

const uint8_t totals_tables[TOTALS_TABLES] = {
    TABLE_HOLDINGS, TABLE_PLEDGES, TABLE_FREEZES, TABLE_CLAIMS};

bool totals_of_security(uint8_t table)
{
    return memchr(totals_tables, table, sizeof totals_tables) != NULL;
}

void totals_add_marks(struct sums_marks *sum, const struct sums_marks *m)
{
    sum->positions += m->positions;
    sum->rights += m->rights;
}

enum err totals_compare(const struct sums_marks *a, const struct sums_marks *b)
{
    return a->positions == b->positions && a->rights == b->rights
               ? ERR_NONE
               : ERR_MISMATCH;
}

static void reserve(struct totals *t, uint32_t more)
{
    if (t->cap - t->count >= more)
        return;
    t->cap = t->cap * 2 > t->count + more ? t->cap * 2 : t->count + more;
    t->list = realloc(t->list, t->cap * sizeof t->list[0]);
    ASSERT(t->list != NULL);
}

/* The security of a row: its tree or, of a claim, the code at the front of its
 * key. */
static struct hash security_of(const struct row_key *key)
{
    struct hash security = key->tree;

    if (key->table == TABLE_CLAIMS)
        memcpy(security.raw, key->key.raw, CODE_MAX);
    return security;
}

static struct sums_entry *entry_of(struct totals *t,
                                   const struct hash *security)
{
    if (t->count == 0 || !hash_eq(&t->list[t->count - 1].security, security)) {
        reserve(t, 1);
        t->list[t->count++] = (struct sums_entry){.security = *security};
    }
    return &t->list[t->count - 1];
}

void totals_add(struct totals *t, const struct row_key *key, struct bytes row)
{
    const struct bytes none = bytes_of(NULL, 0);
    enum err e = ERR_NONE;

    if (totals_of_security(key->table)) {
        const struct hash security = security_of(key);

        t->rows++;
        e = sums_of(entry_of(t, &security), key, none, row);
    } else if (key->table == TABLE_ACCOUNTS) {
        e = sums_account(&t->by_accounts, key, none, row);
    }
    if (t->err == ERR_NONE)
        t->err = e;
}

void totals_join(struct totals *t, struct totals *from)
{
    reserve(t, from->count);
    if (from->count > 0)
        memcpy(
            t->list + t->count, from->list, from->count * sizeof from->list[0]);
    t->count += from->count;
    totals_add_marks(&t->by_accounts, &from->by_accounts);
    t->rows += from->rows;
    if (t->err == ERR_NONE)
        t->err = from->err;
    from->count = 0;
    from->rows = 0;
    from->by_accounts = (struct sums_marks){0};
    from->err = ERR_NONE;
}

static int by_security(const void *a, const void *b)
{
    const struct sums_entry *x = a;
    const struct sums_entry *y = b;

    return hash_cmp(&x->security, &y->security);
}

/* Each security once, ascending. */
static enum err merge(struct totals *t)
{
    uint32_t kept = 0;

    if (t->count > 0)
        qsort(t->list, t->count, sizeof t->list[0], by_security);
    for (uint32_t i = 0; i < t->count; i++) {
        if (kept > 0 &&
            hash_eq(&t->list[kept - 1].security, &t->list[i].security))
            TRY(sums_join(&t->list[kept - 1], &t->list[i]));
        else
            t->list[kept++] = t->list[i];
    }
    t->count = kept;
    return ERR_NONE;
}

void totals_check_begin(struct totals_checking *c, struct totals *t)
{
    *c = (struct totals_checking){.totals = t, .err = t->err};
    if (c->err == ERR_NONE)
        c->err = merge(t);
}

bool totals_check_security(void *checking,
                           const struct row_key *key,
                           struct bytes row)
{
    struct totals_checking *c = checking;
    struct sums_entry e = {.security = key->key};
    const struct sums_entry *own = NULL;

    if (c->err != ERR_NONE)
        return false;
    if (c->totals->count > 0)
        own = bsearch(&e,
                      c->totals->list,
                      c->totals->count,
                      sizeof c->totals->list[0],
                      by_security);
    if (own != NULL) {
        e = *own;
        c->found++;
    }
    c->err = sums_security(&e, bytes_of(NULL, 0), row);
    totals_add_marks(&c->by_rows, &e.marks);
    return c->err == ERR_NONE;
}

enum err totals_check_end(const struct totals_checking *c)
{
    TRY(c->err);
    if (c->found != c->totals->count)
        return ERR_MISMATCH;
    return totals_compare(&c->by_rows, &c->totals->by_accounts);
}

enum err totals_check(struct totals *t, const struct state *s)
{
    struct totals_checking c;
    uint64_t rows = 0;

    totals_check_begin(&c, t);
    state_each(s, TABLE_SECURITIES, &zero, totals_check_security, &c);
    TRY(totals_check_end(&c));
    for (size_t i = 0; i < TOTALS_TABLES; i++)
        rows += state_row_count(s, totals_tables[i]);
    return rows == t->rows ? ERR_NONE : ERR_MISMATCH;
}

void totals_deinit(struct totals *t)
{
    free(t->list);
    *t = (struct totals){0};
}

/* ---- everything, from the state ---- */

static bool add_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct totals *t = ctx;

    totals_add(t, key, row);
    return t->err == ERR_NONE;
}

struct walk {
    const struct state *state;
    struct totals totals;
};

static bool add_security(void *ctx, const struct row_key *key, struct bytes row)
{
    struct walk *w = ctx;

    (void)row;
    for (size_t i = 0; i < TOTALS_TABLES; i++) {
        if (totals_tables[i] != TABLE_CLAIMS)
            state_each(
                w->state, totals_tables[i], &key->key, add_row, &w->totals);
    }
    return w->totals.err == ERR_NONE;
}

enum err engine_check_all(const struct state *s)
{
    struct walk w = {.state = s};
    enum err e;

    state_each(s, TABLE_SECURITIES, &zero, add_security, &w);
    state_each(s, TABLE_CLAIMS, &zero, add_row, &w.totals);
    state_each(s, TABLE_ACCOUNTS, &zero, add_row, &w.totals);
    e = totals_check(&w.totals, s);
    totals_deinit(&w.totals);
    return e;
}
