#include "chain/mtree.h"

#include "base/check.h"
#include "crypto/hash.h"

struct hash mtree_leaf(struct bytes data)
{
    return hash_byte_tagged(0x00, data, bytes_of(NULL, 0));
}

struct hash mtree_node(const struct hash *left, const struct hash *right)
{
    return hash_byte_tagged(0x01,
                            bytes_of(left->raw, sizeof left->raw),
                            bytes_of(right->raw, sizeof right->raw));
}

uint32_t mtree_log_peak_count(const struct mtree_log *log)
{
    return (uint32_t)__builtin_popcountll(log->size);
}

void mtree_log_append(struct mtree_log *log, const struct hash *leaf)
{
    uint32_t count = mtree_log_peak_count(log);
    struct hash h = *leaf;

    ASSERT(log->size < UINT64_MAX);
    for (uint64_t s = log->size; (s & 1) == 1; s >>= 1)
        h = mtree_node(&log->peaks[--count], &h);
    log->peaks[count] = h;
    log->size++;
}

struct hash mtree_log_root(const struct mtree_log *log)
{
    uint32_t i = mtree_log_peak_count(log);
    struct hash h;

    if (i == 0)
        return hash_of(bytes_of(NULL, 0));
    h = log->peaks[--i];
    while (i > 0)
        h = mtree_node(&log->peaks[--i], &h);
    return h;
}

struct hash mtree_root(const struct hash *leaves, uint64_t count)
{
    struct mtree_log log = {0};

    for (uint64_t i = 0; i < count; i++)
        mtree_log_append(&log, &leaves[i]);
    return mtree_log_root(&log);
}

/* The largest power of two smaller than n (n >= 2). */
static uint64_t split_of(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

uint32_t mtree_prove(struct hash *path,
                     const struct hash *leaves,
                     uint64_t count,
                     uint64_t index)
{
    struct hash down[MTREE_DEPTH_MAX];
    uint32_t depth = 0;

    ASSERT(index < count);
    while (count > 1) {
        const uint64_t k = split_of(count);

        ASSERT(depth < MTREE_DEPTH_MAX);
        if (index < k) {
            down[depth++] = mtree_root(leaves + k, count - k);
            count = k;
        } else {
            down[depth++] = mtree_root(leaves, k);
            leaves += k;
            index -= k;
            count -= k;
        }
    }
    for (uint32_t i = 0; i < depth; i++)
        path[i] = down[depth - 1 - i];
    return depth;
}

enum err mtree_check(const struct hash *root,
                     uint64_t count,
                     uint64_t index,
                     const struct hash *leaf,
                     const struct hash *path,
                     uint32_t path_length)
{
    uint64_t fn = index;
    uint64_t sn;
    struct hash h = *leaf;

    if (index >= count)
        return ERR_RANGE;
    sn = count - 1;
    for (uint32_t i = 0; i < path_length; i++) {
        if (sn == 0)
            return ERR_RANGE;
        if ((fn & 1) == 1 || fn == sn) {
            h = mtree_node(&path[i], &h);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            h = mtree_node(&h, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0)
        return ERR_RANGE;
    return hash_eq(&h, root) ? ERR_NONE : ERR_MISMATCH;
}
