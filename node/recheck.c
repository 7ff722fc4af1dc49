/* What waits may have become impossible: who is asked again, and when. */
#include "base/check.h"
#include "ledger/ops.h"
#include "node/node.h"

#include <stdlib.h>

static void note(struct mtx *m, const struct hash *key)
{
    if (hash_is_zero(key))
        return;
    for (uint32_t i = 0; i < m->touch_count; i++) {
        if (hash_eq(&m->touches[i], key))
            return;
    }
    if (m->touch_count < TOUCHES_MAX)
        m->touches[m->touch_count++] = *key;
    else
        m->touches_many = true;
}

/* Ids, codes and numbers of institutions, whatever they mean: one too many
 * costs a check, no more. */
static void note_record(struct mtx *m, const struct schema *s, const void *at)
{
    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        const uint8_t *value = (const uint8_t *)at + f->offset;
        uint32_t count = 1;

        if (f->kind == FIELD_U16) {
            uint16_t number;
            struct hash id;

            memcpy(&number, value, sizeof number);
            id = institution_id(number);
            note(m, &id);
        } else if (f->kind == FIELD_HASH) {
            struct hash id;

            memcpy(&id, value, sizeof id);
            note(m, &id);
        } else if (f->kind == FIELD_CODE) {
            const struct hash key = security_key((const char *)value);

            note(m, &key);
        } else if (f->kind == FIELD_STRUCT || f->kind == FIELD_LIST) {
            if (f->kind == FIELD_LIST)
                memcpy(&count,
                       (const uint8_t *)at + f->count_offset,
                       sizeof count);
            for (uint32_t k = 0; k < count && !m->touches_many; k++)
                note_record(m, f->sub, value + k * f->sub->size);
        }
    }
}

void recheck_note(struct mtx *m, const struct tx *tx)
{
    union op_any *op = malloc(sizeof *op);
    const struct hash institution = institution_id(tx->institution);
    const struct row_key reference = tx_reference_row(&m->facts);

    ASSERT(op != NULL);
    note(m, &institution);
    note(m, &reference.key);
    for (uint32_t i = 0; i < tx->op_count && !m->touches_many; i++) {
        const struct op_def *def;

        if (op_decode(&def, op, tx->ops[i]) == ERR_NONE)
            note_record(m, def->schema, op);
    }
    free(op);
}

static int by_hash(const void *a, const void *b)
{
    return hash_cmp(a, b);
}

/* The keys of a block's changed rows, and the securities of its pledges and
 * freezes, which operations name by number.  Sorted; *count of them. */
static struct hash *keys_of(const struct change_set *set, uint32_t *count)
{
    struct hash *keys = calloc((size_t)set->count * 2 + 1, sizeof keys[0]);
    uint32_t n = 0;

    ASSERT(keys != NULL);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct row_key *k = &set->list[i].key;

        keys[n++] = k->key;
        if (k->table == TABLE_PLEDGES || k->table == TABLE_FREEZES)
            keys[n++] = k->tree;
    }
    qsort(keys, n, sizeof keys[0], by_hash);
    *count = n;
    return keys;
}

/* Who signs governance, and may file, changed. */
static bool new_validators(const struct change_set *set)
{
    static const struct row_key in_force = {.table = TABLE_VALIDATORS};

    for (uint32_t i = 0; i < set->count; i++) {
        if (memcmp(&set->list[i].key, &in_force, sizeof in_force) == 0)
            return true;
    }
    return false;
}

static bool is_touched(const struct mtx *m,
                       const struct hash *keys,
                       uint32_t count)
{
    if (m->touches_many)
        return true;
    for (uint32_t i = 0; i < m->touch_count; i++) {
        if (bsearch(&m->touches[i], keys, count, sizeof keys[0], by_hash) !=
            NULL)
            return true;
    }
    return false;
}

static void ask_again(struct node *n, struct mtx *m)
{
    m->stale = false;
    m->doubtful = false;
    m->rechecking = true;
    m->refs++;
    dry_run(n, m);
}

/* Oldest first, those already refused on a candidate before the others.  Who
 * is not reached stays stale until the next block, or until a builder looks at
 * it: the executor is never kept from the next block for long. */
void recheck_after(struct node *n, const struct change_set *set, bool new_day)
{
    struct hash *keys;
    uint32_t count;
    uint32_t left = RECHECK_MAX;

    if (n->pool.ready == 0 || n->executor == NULL) /* the node ends */
        return;
    new_day = new_day || new_validators(set);
    keys = keys_of(set, &count);
    for (struct mtx *m = n->pool.oldest; m != NULL; m = m->newer) {
        if (m->state == MTX_READY && !m->stale)
            m->stale = new_day || m->doubtful || is_touched(m, keys, count);
    }
    free(keys);
    for (int pass = 0; pass < 2; pass++) {
        for (struct mtx *m = n->pool.oldest; m != NULL && left > 0;
             m = m->newer) {
            if (m->state != MTX_READY || m->rechecking || !m->stale ||
                (pass == 0 && !m->doubtful))
                continue;
            ask_again(n, m);
            left--;
        }
    }
}
