/* The control totals of a block's changes. */
#include "engine/engine_state.h"
#include "engine/totals.h"
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
        if (totals_of_security(c->key.table))
            rows++;
        if (c->key.table != TABLE_SECURITIES)
            continue;
        for (size_t t = 0; t < TOTALS_TABLES; t++)
            TRY(add_table(&e, set, totals_tables[t], &added));
        TRY(sums_security(&e, c->old_row, c->new_row));
        totals_add_marks(&by_rows, &e.marks);
    }
    /* A row whose security did not change: no operation does that. */
    return added == rows ? totals_compare(&by_rows, &by_accounts)
                         : ERR_MISMATCH;
}
