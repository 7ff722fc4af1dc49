/* The control totals: of a block's changes, and of everything. */
#include "engine/engine_state.h"
#include "ledger/rows.h"

static const struct hash zero;

static int change_order(const struct change *c,
                        uint8_t table,
                        const struct hash *tree,
                        const struct hash *key)
{
    int order = (int)c->key.table - (int)table;

    if (order == 0)
        order = hash_cmp(&c->key.tree, tree);
    return order != 0 ? order : hash_cmp(&c->key.key, key);
}

/* The first change at or after (table, tree, key) in a sorted set. */
static uint32_t first_from(const struct change_set *set,
                           uint8_t table,
                           const struct hash *tree,
                           const struct hash *key)
{
    uint32_t low = 0;
    uint32_t high = set->count;

    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;

        if (change_order(&set->list[mid], table, tree, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The rows of one security in one table: all with its tree or, claims, with its
 * code at the front of the key. */
static enum err add_table(struct sums_entry *e,
                          const struct change_set *set,
                          uint8_t table,
                          uint32_t *count)
{
    const bool claims = table == TABLE_CLAIMS;
    const struct hash *tree = claims ? &zero : &e->security;
    const struct hash *from = claims ? &e->security : &zero;

    for (uint32_t k = first_from(set, table, tree, from); k < set->count; k++) {
        const struct change *c = &set->list[k];

        if (c->key.table != table ||
            (claims ? memcmp(c->key.key.raw, e->security.raw, CODE_MAX) != 0
                    : !hash_eq(&c->key.tree, tree)))
            break;
        TRY(sums_of(e, &c->key, c->old_row, c->new_row));
        ++*count;
    }
    return ERR_NONE;
}

static const uint8_t tables[] = {
    TABLE_HOLDINGS, TABLE_PLEDGES, TABLE_FREEZES, TABLE_CLAIMS};

static bool of_security(uint8_t table)
{
    return memchr(tables, table, sizeof tables) != NULL;
}

static void add_marks(struct sums_marks *sum, const struct sums_marks *m)
{
    sum->positions += m->positions;
    sum->rights += m->rights;
}

static enum err compare(const struct sums_marks *a, const struct sums_marks *b)
{
    return a->positions == b->positions && a->rights == b->rights
               ? ERR_NONE
               : ERR_MISMATCH;
}

enum err engine_check_changes(const struct change_set *set)
{
    struct sums_marks by_rows = {0};
    struct sums_marks by_accounts = {0};
    uint32_t rows = 0;
    uint32_t added = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        const struct change *c = &set->list[i];
        struct sums_entry e = {.security = c->key.key};

        TRY(sums_account(&by_accounts, &c->key, c->old_row, c->new_row));
        if (of_security(c->key.table))
            rows++;
        if (c->key.table != TABLE_SECURITIES)
            continue;
        for (size_t t = 0; t < ARRAY_LEN(tables); t++)
            TRY(add_table(&e, set, tables[t], &added));
        TRY(sums_security(&e, c->old_row, c->new_row));
        add_marks(&by_rows, &e.marks);
    }
    /* A row whose security did not change: no operation does that. */
    return added == rows ? compare(&by_rows, &by_accounts) : ERR_MISMATCH;
}

struct audit {
    const struct state *state;
    struct sums_entry sums;
    struct sums_marks by_rows;
    struct sums_marks by_accounts;
    uint64_t rows; /* that belong to a security */
    enum err err;
};

static bool audit_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct audit *a = ctx;

    if (key->table == TABLE_CLAIMS &&
        memcmp(key->key.raw, a->sums.security.raw, CODE_MAX) != 0)
        return true;
    a->rows++;
    a->err = sums_of(&a->sums, key, bytes_of(NULL, 0), row);
    return a->err == ERR_NONE;
}

/* Claims lie in one table: it is gone through for those securities only that
 * ever had one; a claim of another shows in the count of rows. */
static bool has_claims(struct bytes row)
{
    struct security_row s;

    return schema_decode(&s, &security_row_schema, row) == ERR_NONE &&
           s.claim_count > 0;
}

static bool audit_security(void *ctx,
                           const struct row_key *key,
                           struct bytes row)
{
    struct audit *a = ctx;

    a->sums = (struct sums_entry){.security = key->key};
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        const bool claims = tables[t] == TABLE_CLAIMS;

        if (a->err == ERR_NONE && (!claims || has_claims(row)))
            state_each(
                a->state, tables[t], claims ? &zero : &key->key, audit_row, a);
    }
    if (a->err == ERR_NONE)
        a->err = sums_security(&a->sums, bytes_of(NULL, 0), row);
    add_marks(&a->by_rows, &a->sums.marks);
    return a->err == ERR_NONE;
}

static bool audit_account(void *ctx,
                          const struct row_key *key,
                          struct bytes row)
{
    struct audit *a = ctx;

    a->err = sums_account(&a->by_accounts, key, bytes_of(NULL, 0), row);
    return a->err == ERR_NONE;
}

enum err engine_check_all(const struct state *s)
{
    struct audit a = {.state = s};
    uint64_t rows = 0;

    state_each(s, TABLE_SECURITIES, &zero, audit_security, &a);
    if (a.err == ERR_NONE)
        state_each(s, TABLE_ACCOUNTS, &zero, audit_account, &a);
    if (a.err != ERR_NONE)
        return a.err;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        rows += state_row_count(s, tables[t]);
    return rows == a.rows ? compare(&a.by_rows, &a.by_accounts) : ERR_MISMATCH;
}
