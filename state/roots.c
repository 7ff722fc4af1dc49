#include "state/roots.h"

#include "base/check.h"
#include "base/writer.h"

#include <stdlib.h>

static const uint8_t trees[SECURITY_TREES] = {
    TABLE_HOLDINGS, TABLE_PLEDGES, TABLE_FREEZES};

_Static_assert(TABLE_SLOTS <= 32, "the slots fit a u32 of bits");

static int by_hash(const void *a, const void *b)
{
    return hash_cmp(a, b);
}

/* The securities that a change set names, ascending, each once; to be freed.
 * Changes are sorted, so most repetitions stand one after another. */
static struct hash *securities_of(uint32_t *count, const struct change_set *set)
{
    struct hash *list = calloc(set->count + 1, sizeof *list);
    uint32_t n = 0;
    uint32_t kept = 0;

    ASSERT(list != NULL);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct row_key *k = &set->list[i].key;
        const struct hash *at = NULL;

        if (k->table == TABLE_SECURITIES)
            at = &k->key;
        for (uint32_t t = 0; t < SECURITY_TREES; t++) {
            if (k->table == trees[t])
                at = &k->tree;
        }
        if (at != NULL && (n == 0 || !hash_eq(&list[n - 1], at)))
            list[n++] = *at;
    }
    qsort(list, n, sizeof *list, by_hash);
    for (uint32_t i = 0; i < n; i++) {
        if (kept == 0 || !hash_eq(&list[kept - 1], &list[i]))
            list[kept++] = list[i];
    }
    *count = kept;
    return list;
}

static void append_u32(struct buf *out, uint32_t v)
{
    uint8_t b[4];
    struct writer w = writer_of(b, sizeof b);

    writer_u32(&w, v);
    buf_append(out, b, sizeof b);
}

static void append_slots(struct buf *out, const struct hash slots[TABLE_SLOTS])
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < TABLE_SLOTS; i++)
        bits |= hash_is_zero(&slots[i]) ? 0 : (uint32_t)1 << i;
    append_u32(out, bits);
    for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
        if (!hash_is_zero(&slots[i]))
            buf_append(out, slots[i].raw, HASH_BYTES);
    }
}

void state_roots_append_slots(struct buf *out,
                              const struct hash slots[TABLE_SLOTS])
{
    append_slots(out, slots);
    append_u32(out, 0);
}

void state_roots_append(struct buf *out,
                        struct state *s,
                        const struct change_set *set)
{
    struct hash slots[TABLE_SLOTS];
    uint32_t count;
    struct hash *list = securities_of(&count, set);

    state_slot_roots(s, slots);
    append_slots(out, slots);
    append_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_append(out, list[i].raw, HASH_BYTES);
        for (uint32_t t = 0; t < SECURITY_TREES; t++) {
            const struct hash root = state_tree_root(s, trees[t], &list[i]);

            buf_append(out, root.raw, HASH_BYTES);
        }
    }
    free(list);
}

enum err state_roots_open(struct roots_reader *out,
                          struct hash slots[TABLE_SLOTS],
                          struct bytes in)
{
    uint32_t bits;

    *out = (struct roots_reader){.r = reader_of(in)};
    memset(slots, 0, TABLE_SLOTS * sizeof slots[0]);
    bits = reader_u32(&out->r);
    for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
        if ((bits >> i & 1) == 0)
            continue;
        slots[i] = reader_hash(&out->r);
        if (hash_is_zero(&slots[i]))
            reader_fail(&out->r, ERR_RANGE); /* one form only */
    }
    out->left =
        reader_count(&out->r, UINT32_MAX, (1 + SECURITY_TREES) * HASH_BYTES);
    return out->r.err;
}

bool state_roots_next(struct roots_reader *r, struct security_roots *out)
{
    if (r->left == 0 || r->r.err != ERR_NONE)
        return false;
    r->left--;
    out->security = reader_hash(&r->r);
    for (uint32_t t = 0; t < SECURITY_TREES; t++)
        out->roots[t] = reader_hash(&r->r);
    if (r->any && hash_cmp(&r->last, &out->security) >= 0)
        reader_fail(&r->r, ERR_ORDER);
    r->any = true;
    r->last = out->security;
    return r->r.err == ERR_NONE;
}

enum err state_roots_close(const struct roots_reader *r)
{
    ASSERT(r->left == 0 || r->r.err != ERR_NONE);
    return reader_finish(&(struct reader){r->r.next, r->r.left, r->r.err});
}
