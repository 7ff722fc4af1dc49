/* Properties of the state, for any history:
 *   P1  the root is that of the definition after every block
 *   P2  undoing all blocks that were kept for it returns to the first root
 *   P3  what is loaded row by row has the same root
 *
 * The input is a program: each byte pair sets or removes one of few rows; a
 * pair with 0xff ends a block, with 0xfe drops a day. */
#include "state/overlay.h"

#include <stdlib.h>

#include "tests/property/tree_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    BLOCKS_MAX = 16,
};

/* 32 keys that differ in the first, a middle or the last bits. */
static struct row_key key_of(uint8_t n)
{
    static const uint8_t tables[] = {
        TABLE_SECURITIES, TABLE_HOLDINGS, TABLE_REFERENCES, TABLE_ACCOUNTS};
    static const uint8_t places[] = {0, 15, 30, 31};
    struct row_key k = {.table = tables[n & 3]};

    if (k.table == TABLE_HOLDINGS)
        k.tree.raw[places[0]] = (uint8_t)(n >> 6);
    if (k.table == TABLE_REFERENCES)
        k.tree = day_key(n >> 6);
    k.key.raw[places[n >> 2 & 3]] = (uint8_t)(1 << (n >> 4 & 3));
    if (k.table == TABLE_SECURITIES)
        k.key.raw[0] = (uint8_t)(n >> 6);
    return k;
}

static void check(struct state *s, const struct model *m)
{
    const struct hash expected = model_root(m);
    const struct hash root = state_root(s);

    ASSERT(hash_eq(&root, &expected)); /* P1 */
}

static void check_loaded(const struct model *m)
{
    struct state *s = state_new();

    for (uint32_t i = m->count; i > 0; i--) {
        const struct model_row *r = &m->rows[i - 1];
        const enum err e = state_load(s, &r->key, bytes_of(r->row, r->size));

        ASSERT(e == ERR_NONE);
    }
    check(s, m); /* P3 */
    state_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model m;
    struct state *s = state_new();
    struct overlay *o = overlay_new(s);
    const struct ledger_view v = overlay_view(o);
    const struct hash first = state_root(s);
    struct state_undo *undo[BLOCKS_MAX];
    uint32_t blocks = 0;
    bool fresh = true; /* nothing was written in this block */

    m.count = 0;
    for (size_t i = 0; i + 1 < size && i < 512 && blocks < BLOCKS_MAX; i += 2) {
        const struct row_key k = key_of(data[i + 1]);

        if (data[i] == 0xff) {
            const struct change_set set = overlay_changes(o);
            struct hash root;

            state_apply(s, &root, &undo[blocks++], &set);
            overlay_reset(o, s);
            check(s, &m);
            fresh = true;
        } else if (data[i] == 0xfe) {
            if (!fresh || k.table != TABLE_REFERENCES)
                continue;
            v.drop(v.ctx, k.table, &k.tree);
            for (uint32_t r = m.count; r > 0; r--) {
                const struct row_key at = m.rows[r - 1].key;

                if (at.table == k.table && hash_eq(&at.tree, &k.tree))
                    model_set(&m, &at, bytes_of(NULL, 0));
            }
        } else {
            const struct bytes row = bytes_of(&data[i], (data[i] & 1) != 0);
            bool dropped = false;

            for (uint32_t d = 0; d < overlay_changes(o).drop_count; d++)
                dropped = dropped ||
                          (k.table == TABLE_REFERENCES &&
                           hash_eq(&overlay_changes(o).drops[d].tree, &k.tree));
            if (dropped)
                continue; /* a dropped tree has no changes of its own */
            if (row.size > 0)
                v.put(v.ctx, &k, row);
            else
                v.erase(v.ctx, &k);
            model_set(&m, &k, row);
            fresh = false;
        }
    }
    if (blocks > 0 && fresh)
        check_loaded(&m);
    while (blocks > 0)
        state_undo(s, undo[--blocks]);
    {
        const struct hash root = state_root(s);

        ASSERT(hash_eq(&root, &first)); /* P2 */
    }
    overlay_free(o);
    state_free(s);
    return 0;
}
