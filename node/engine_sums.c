/* The control totals: of a block's changes, and of everything. */
#include "node/engine_state.h"

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

/* Adds the changes of one security's holdings; returns how many there are. */
static enum err add_holdings(struct sums_entry *e,
                             const struct change_set *set,
                             uint32_t *count)
{
    uint32_t k = first_from(set, TABLE_HOLDINGS, &e->security, &zero);

    while (k < set->count && set->list[k].key.table == TABLE_HOLDINGS &&
           hash_eq(&set->list[k].key.tree, &e->security)) {
        const struct change *c = &set->list[k];

        TRY(sums_of(e, &c->key, c->old_row, c->new_row));
        ++*count;
        k++;
    }
    return ERR_NONE;
}

enum err engine_check_changes(const struct change_set *set)
{
    uint32_t holdings = 0;
    uint32_t added = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        const struct change *c = &set->list[i];
        struct sums_entry e = {.security = c->key.key};

        if (c->key.table == TABLE_HOLDINGS)
            holdings++;
        if (c->key.table != TABLE_SECURITIES)
            continue;
        TRY(add_holdings(&e, set, &added));
        TRY(sums_security(&e, c->old_row, c->new_row));
    }
    /* A holding whose security did not change: no operation does that. */
    return added == holdings ? ERR_NONE : ERR_MISMATCH;
}

struct audit {
    const struct state *state;
    struct sums_entry sums;
    uint64_t rows; /* that belong to a security */
    enum err err;
};

static bool audit_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct audit *a = ctx;

    a->rows++;
    a->err = sums_of(&a->sums, key, bytes_of(NULL, 0), row);
    return a->err == ERR_NONE;
}

static bool audit_security(void *ctx,
                           const struct row_key *key,
                           struct bytes row)
{
    struct audit *a = ctx;

    a->sums = (struct sums_entry){.security = key->key};
    for (uint8_t t = TABLE_HOLDINGS; t <= TABLE_FREEZES; t++) {
        if (a->err == ERR_NONE)
            state_each(a->state, t, &key->key, audit_row, a);
    }
    if (a->err == ERR_NONE)
        a->err = sums_security(&a->sums, bytes_of(NULL, 0), row);
    return a->err == ERR_NONE;
}

enum err engine_check_all(const struct state *s)
{
    struct audit a = {.state = s};
    uint64_t rows = 0;

    state_each(s, TABLE_SECURITIES, &zero, audit_security, &a);
    if (a.err != ERR_NONE)
        return a.err;
    for (uint8_t t = TABLE_HOLDINGS; t <= TABLE_FREEZES; t++)
        rows += state_row_count(s, t);
    return rows == a.rows ? ERR_NONE : ERR_MISMATCH;
}
