/* tree_model.h - the state by its definition: sorted rows, roots by recursion.
 *
 * Slow and small on purpose.  It shares nothing with state/ but SHA-256, so
 * that a mistake there cannot hide here. */
#ifndef TESTS_TREE_MODEL_H
#define TESTS_TREE_MODEL_H

#include "base/check.h"
#include "crypto/hash.h"
#include "state/state.h"
#include "tests/property/dice.h"

enum {
    MODEL_ROWS_MAX = 4096,
    MODEL_ROW_BYTES = 48,
};

struct model_row {
    struct row_key key;
    uint8_t row[MODEL_ROW_BYTES];
    uint32_t size;
};

struct model {
    uint32_t count;
    struct model_row rows[MODEL_ROWS_MAX]; /* by (table, tree, key) */
};

static inline int model_cmp(const struct row_key *a, const struct row_key *b)
{
    int c = (int)a->table - (int)b->table;

    if (c == 0)
        c = hash_cmp(&a->tree, &b->tree);
    return c != 0 ? c : hash_cmp(&a->key, &b->key);
}

static inline struct bytes model_get(const struct model *m,
                                     const struct row_key *key)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (model_cmp(&m->rows[i].key, key) == 0)
            return bytes_of(m->rows[i].row, m->rows[i].size);
    }
    return bytes_of(NULL, 0);
}

/* An empty row removes. */
static inline void model_set(struct model *m,
                             const struct row_key *key,
                             struct bytes row)
{
    uint32_t i = 0;

    ASSERT(row.size <= MODEL_ROW_BYTES);
    while (i < m->count && model_cmp(&m->rows[i].key, key) < 0)
        i++;
    if (i < m->count && model_cmp(&m->rows[i].key, key) == 0) {
        if (row.size == 0) {
            m->count--;
            memmove(&m->rows[i],
                    &m->rows[i + 1],
                    (m->count - i) * sizeof m->rows[0]);
            return;
        }
    } else {
        if (row.size == 0)
            return;
        ASSERT(m->count < MODEL_ROWS_MAX);
        memmove(
            &m->rows[i + 1], &m->rows[i], (m->count - i) * sizeof m->rows[0]);
        m->count++;
    }
    m->rows[i].key = *key;
    memcpy(m->rows[i].row, row.at, row.size);
    m->rows[i].size = (uint32_t)row.size;
}

static inline int model_bit(const struct hash *key, uint32_t bit)
{
    return key->raw[bit / 8] >> (7 - bit % 8) & 1;
}

/* Leaves of one tree: a key and what stands for its row. */
struct model_leaf {
    struct hash key;
    struct hash row_hash;
};

static inline struct hash model_tree(uint8_t table,
                                     const struct model_leaf *leaves,
                                     uint32_t count)
{
    uint8_t message[67] = {(uint8_t)(0x40 + table)};
    uint32_t bit = 0;
    uint32_t split = 0;
    struct hash left;
    struct hash right;

    if (count == 0)
        return (struct hash){{0}};
    if (count == 1) {
        message[0] = (uint8_t)(0x60 + table);
        memcpy(message + 1, leaves[0].key.raw, 32);
        memcpy(message + 33, leaves[0].row_hash.raw, 32);
        return hash_of(bytes_of(message, 65));
    }
    while (model_bit(&leaves[0].key, bit) ==
           model_bit(&leaves[count - 1].key, bit))
        bit++;
    while (model_bit(&leaves[split].key, bit) == 0)
        split++;
    left = model_tree(table, leaves, split);
    right = model_tree(table, leaves + split, count - split);
    message[1] = (uint8_t)(bit >> 8);
    message[2] = (uint8_t)bit;
    memcpy(message + 3, left.raw, 32);
    memcpy(message + 35, right.raw, 32);
    return hash_of(bytes_of(message, 67));
}

static inline struct hash model_row_hash(const uint8_t *row,
                                         size_t size,
                                         const struct hash *roots,
                                         uint32_t root_count)
{
    uint8_t message[1 + MODEL_ROW_BYTES + 96] = {0x15};

    ASSERT(size <= MODEL_ROW_BYTES && root_count <= 3);
    memcpy(message + 1, row, size);
    memcpy(message + 1 + size, roots, (size_t)32 * root_count);
    return hash_of(bytes_of(message, 1 + size + (size_t)32 * root_count));
}

static inline struct hash model_tree_root(const struct model *m,
                                          uint8_t table,
                                          const struct hash *tree)
{
    static struct model_leaf leaves[MODEL_ROWS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[i];

        if (r->key.table != table || !hash_eq(&r->key.tree, tree))
            continue;
        leaves[count].key = r->key.key;
        leaves[count++].row_hash = model_row_hash(r->row, r->size, tree, 0);
    }
    return model_tree(table, leaves, count);
}

static inline struct hash model_slot(const struct model *m, uint8_t table)
{
    struct model_leaf *leaves = calloc(m->count + 1, sizeof *leaves);
    uint32_t count = 0;
    struct hash out;

    ASSERT(leaves != NULL);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[i];
        struct hash roots[3];

        if (r->key.table != table)
            continue;
        if (table == TABLE_REFERENCES) {
            if (count > 0 && hash_eq(&leaves[count - 1].key, &r->key.tree))
                continue;
            roots[0] = model_tree_root(m, table, &r->key.tree);
            leaves[count].key = r->key.tree;
            leaves[count++].row_hash =
                model_row_hash(roots[0].raw, 32, roots, 0);
            continue;
        }
        for (uint8_t k = 0; k < 3; k++)
            roots[k] =
                model_tree_root(m, (uint8_t)(TABLE_HOLDINGS + k), &r->key.key);
        leaves[count].key = r->key.key;
        leaves[count++].row_hash = model_row_hash(
            r->row, r->size, roots, table == TABLE_SECURITIES ? 3 : 0);
    }
    out = model_tree(table, leaves, count);
    free(leaves);
    return out;
}

static inline struct hash model_root(const struct model *m)
{
    struct hash level[TABLE_SLOTS];

    for (uint8_t t = 0; t < TABLE_SLOTS; t++) {
        level[t] = (struct hash){{0}};
        if (t < TABLES_USED &&
            (t < TABLE_HOLDINGS || t > TABLE_FREEZES)) /* inside securities */
            level[t] = model_slot(m, t);
    }
    for (uint32_t n = TABLE_SLOTS / 2; n > 0; n /= 2) {
        for (uint32_t i = 0; i < n; i++) {
            uint8_t message[65] = {0x30};

            memcpy(message + 1, level[2 * i].raw, 32);
            memcpy(message + 33, level[2 * i + 1].raw, 32);
            level[i] = hash_of(bytes_of(message, sizeof message));
        }
    }
    return level[0];
}

/* Keys that agree in long prefixes as often as keys that do not. */
static inline struct hash dice_key(struct dice *d)
{
    struct hash k = {{0}};
    const uint32_t kind = dice_below(d, 4);

    if (kind == 0) {
        k.raw[31] = (uint8_t)dice_below(d, 16);
    } else if (kind == 1) {
        k.raw[dice_below(d, 32)] = (uint8_t)(1u << dice_below(d, 8));
    } else if (kind == 2) {
        memset(k.raw, 0xff, sizeof k.raw);
        k.raw[dice_below(d, 32)] = (uint8_t)dice_u64(d);
    } else {
        for (size_t i = 0; i < sizeof k.raw; i++)
            k.raw[i] = (uint8_t)dice_u64(d);
    }
    return k;
}

#endif /* TESTS_TREE_MODEL_H */
