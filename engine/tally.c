#include "engine/tally.h"

#include "base/buf.h"
#include "base/check.h"
#include "ledger/ledger.h"

#include <stdlib.h>

/* A security, and where its row is kept. */
struct entry {
    struct sums_entry sums;
    size_t at;
    size_t size;
};

struct tally {
    struct entry *list; /* ascending by security */
    uint32_t count;
    uint32_t cap;
    uint32_t last; /* the one that was found last: rows of one come together */
    struct buf rows;
    struct sums_marks by_accounts;
};

static const struct bytes none;

struct tally *tally_new(void)
{
    struct tally *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    return t;
}

void tally_free(struct tally *t)
{
    if (t == NULL)
        return;
    buf_deinit(&t->rows);
    free(t->list);
    free(t);
}

static void add_security(struct tally *t,
                         const struct hash *security,
                         struct bytes row)
{
    if (t->count == t->cap) {
        t->cap = t->cap == 0 ? 64 : 2 * t->cap;
        t->list = realloc(t->list, t->cap * sizeof t->list[0]);
        ASSERT(t->list != NULL);
    }
    t->list[t->count++] = (struct entry){
        .sums = {.security = *security}, .at = t->rows.size, .size = row.size};
    buf_append(&t->rows, row.at, row.size);
}

static struct entry *find(struct tally *t, const struct hash *security)
{
    uint32_t low = 0;
    uint32_t high = t->count;

    if (t->last < t->count &&
        hash_eq(&t->list[t->last].sums.security, security))
        return &t->list[t->last];
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;

        if (hash_cmp(&t->list[mid].sums.security, security) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == t->count || !hash_eq(&t->list[low].sums.security, security))
        return NULL;
    t->last = low;
    return &t->list[low];
}

static enum err add_to(struct tally *t,
                       const struct hash *security,
                       const struct row_key *key,
                       struct bytes row)
{
    struct entry *e = find(t, security);

    return e != NULL ? sums_of(&e->sums, key, none, row) : ERR_CORRUPT;
}

enum err tally_row(struct tally *t, const struct row_key *key, struct bytes row)
{
    struct hash security = {{0}};

    switch (key->table) {
    case TABLE_ACCOUNTS:
        return sums_account(&t->by_accounts, key, none, row);
    case TABLE_SECURITIES:
        add_security(t, &key->key, row);
        return ERR_NONE;
    case TABLE_HOLDINGS:
    case TABLE_PLEDGES:
    case TABLE_FREEZES:
        return add_to(t, &key->tree, key, row);
    case TABLE_CLAIMS: /* its code is at the front of the key */
        memcpy(security.raw, key->key.raw, CODE_MAX);
        return add_to(t, &security, key, row);
    default:
        return ERR_NONE;
    }
}

enum err tally_finish(struct tally *t)
{
    struct sums_marks by_rows = {0};

    for (uint32_t i = 0; i < t->count; i++) {
        struct entry *e = &t->list[i];

        TRY(sums_security(
            &e->sums, none, bytes_of(t->rows.at + e->at, e->size)));
        by_rows.positions += e->sums.marks.positions;
        by_rows.rights += e->sums.marks.rights;
    }
    return by_rows.positions == t->by_accounts.positions &&
                   by_rows.rights == t->by_accounts.rights
               ? ERR_NONE
               : ERR_MISMATCH;
}
