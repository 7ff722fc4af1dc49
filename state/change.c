/* The root over the changes of a block. */
#include "base/writer.h"
#include "chain/mtree.h"
#include "state/proof.h"

static const struct hash zero;

struct hash change_set_root(const struct change_set *set)
{
    struct mtree_log log = {0};

    for (uint32_t i = 0; i < set->count + set->drop_count; i++) {
        uint8_t buf[1 + 4 * HASH_BYTES] = {0};
        struct writer w = writer_of(buf, sizeof buf);
        struct hash leaf;

        if (i < set->count) {
            const struct change *c = &set->list[i];
            const struct hash old =
                c->old_row.size > 0 ? proof_row_hash(c->old_row) : zero;
            const struct hash new =
                c->new_row.size > 0 ? proof_row_hash(c->new_row) : zero;

            writer_u8(&w, c->key.table);
            writer_hash(&w, &c->key.tree);
            writer_hash(&w, &c->key.key);
            writer_hash(&w, &old);
            writer_hash(&w, &new);
        } else {
            const struct row_key *d = &set->drops[i - set->count];

            writer_u8(&w, d->table);
            writer_hash(&w, &d->tree);
        }
        leaf = mtree_leaf(bytes_of(buf, sizeof buf));
        mtree_log_append(&log, &leaf);
    }
    return mtree_log_root(&log);
}
