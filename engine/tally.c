#include "engine/tally.h"

#include "base/buf.h"
#include "base/check.h"
#include "engine/totals.h"

#include <stdlib.h>

/* Where the row of a security is kept: its rows come after it. */
struct kept {
    struct hash security;
    size_t at;
    size_t size;
};

struct tally {
    struct totals totals;
    struct buf list; /* struct kept, one after another */
    struct buf rows;
};

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
    totals_deinit(&t->totals);
    buf_deinit(&t->list);
    buf_deinit(&t->rows);
    free(t);
}

enum err tally_row(struct tally *t, const struct row_key *key, struct bytes row)
{
    if (key->table == TABLE_SECURITIES) {
        const struct kept k = {key->key, t->rows.size, row.size};

        buf_append(&t->list, &k, sizeof k);
        buf_append(&t->rows, row.at, row.size);
    } else {
        totals_add(&t->totals, key, row);
    }
    return t->totals.err;
}

enum err tally_finish(struct tally *t)
{
    struct totals_checking c;

    totals_check_begin(&c, &t->totals);
    for (size_t at = 0; at < t->list.size; at += sizeof(struct kept)) {
        struct row_key key = {.table = TABLE_SECURITIES};
        struct kept k;

        memcpy(&k, t->list.at + at, sizeof k);
        key.key = k.security;
        if (!totals_check_security(
                &c, &key, bytes_of(t->rows.at + k.at, k.size)))
            break;
    }
    return totals_check_end(&c);
}
