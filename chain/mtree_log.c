/* Proofs about a log that is too large to hold, and that one continues another.
 */
#include "base/check.h"
#include "chain/mtree.h"
#include "crypto/hash.h"

enum err mtree_node_of_leaves(void *ctx,
                              uint32_t level,
                              uint64_t index,
                              struct hash *out)
{
    const struct hash *leaves = ctx;
    const uint64_t size = (uint64_t)1 << level;

    *out = mtree_root(leaves + index * size, size);
    return ERR_NONE;
}

/* A left subtree is a peak when it has just become complete: the last of the
 * log of that size.  A right one is never a peak; its left half was. */
enum err mtree_node_of_peaks(void *ctx,
                             uint32_t level,
                             uint64_t index,
                             struct hash *out)
{
    const struct mtree_peaks *p = ctx;
    struct hash left[MTREE_DEPTH_MAX];
    uint32_t count = 0;
    struct mtree_log log;

    for (; (index & 1) == 1 && level > 0; level--) {
        /* its left half, one level down, is the last peak before the middle */
        index *= 2;
        TRY(p->log_at(p->ctx, (index + 1) << (level - 1), &log));
        left[count++] = log.peaks[mtree_log_peak_count(&log) - 1];
        index++;
    }
    if (level == 0) {
        TRY(p->leaf(p->ctx, index, out));
    } else {
        TRY(p->log_at(p->ctx, (index + 1) << level, &log));
        *out = log.peaks[mtree_log_peak_count(&log) - 1];
    }
    while (count > 0)
        *out = mtree_node(&left[--count], out);
    return ERR_NONE;
}

/* The root over leaves [from, to) of a range that begins a right subtree: from
 * is a multiple of every power of two that a part of it is large. */
static enum err range_root(struct hash *out,
                           const struct mtree_source *s,
                           uint64_t from,
                           uint64_t to)
{
    struct hash parts[MTREE_DEPTH_MAX];
    uint32_t count = 0;

    while (from < to) {
        const uint32_t level = 63 - (uint32_t)__builtin_clzll(to - from);

        ASSERT(count < MTREE_DEPTH_MAX);
        TRY(s->node(s->ctx, level, from >> level, &parts[count++]));
        from += (uint64_t)1 << level;
    }
    ASSERT(count > 0);
    *out = parts[--count];
    while (count > 0)
        *out = mtree_node(&parts[--count], out);
    return ERR_NONE;
}

/* The largest power of two smaller than n (n >= 2). */
static uint64_t split_of(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* The path to [from, from + want) in the tree over [from .. to): down to where
 * the range asked for is a subtree of its own.  whole: that subtree is all that
 * the first tree had, so its root is known and not sent. */
static enum err walk(struct mtree_proof *out,
                     const struct mtree_source *s,
                     uint64_t size,
                     uint64_t place,
                     bool consistency)
{
    struct hash down[MTREE_PROOF_MAX];
    uint32_t depth = 0;
    uint64_t from = 0;
    uint64_t to = size;
    bool whole = true;

    while (consistency ? place != to : to - from > 1) {
        const uint64_t middle = from + split_of(to - from);
        const bool right = consistency ? place > middle : place >= middle;

        ASSERT(depth < MTREE_DEPTH_MAX);
        TRY(right ? range_root(&down[depth], s, from, middle)
                  : range_root(&down[depth], s, middle, to));
        depth++;
        if (right) {
            from = middle;
            whole = false;
        } else {
            to = middle;
        }
    }
    if (consistency && !whole) {
        TRY(range_root(&down[depth], s, from, to));
        depth++;
    }
    out->count = depth;
    for (uint32_t i = 0; i < depth; i++)
        out->steps[i] = down[depth - 1 - i];
    return ERR_NONE;
}

enum err mtree_prove_inclusion(struct mtree_proof *out,
                               const struct mtree_source *from,
                               uint64_t size,
                               uint64_t index)
{
    memset(out, 0, sizeof *out);
    return index < size ? walk(out, from, size, index, false) : ERR_RANGE;
}

enum err mtree_prove_consistency(struct mtree_proof *out,
                                 const struct mtree_source *from,
                                 uint64_t first,
                                 uint64_t second)
{
    memset(out, 0, sizeof *out);
    if (first > second)
        return ERR_RANGE;
    return first == 0 || first == second ? ERR_NONE
                                         : walk(out, from, second, first, true);
}

static enum err check_trivial(uint64_t first,
                              const struct hash *first_root,
                              uint64_t second,
                              const struct hash *second_root,
                              const struct mtree_proof *proof)
{
    const struct hash empty = hash_of(bytes_of(NULL, 0));

    if (first > second || proof->count != 0)
        return ERR_RANGE;
    if (first == 0 && !hash_eq(first_root, &empty))
        return ERR_MISMATCH;
    return first < second || hash_eq(first_root, second_root) ? ERR_NONE
                                                              : ERR_MISMATCH;
}

enum err mtree_check_consistency(uint64_t first,
                                 const struct hash *first_root,
                                 uint64_t second,
                                 const struct hash *second_root,
                                 const struct mtree_proof *proof)
{
    uint64_t fn = first - 1;
    uint64_t sn = second - 1;
    uint32_t at = 0;
    struct hash fr;
    struct hash sr;

    if (first == 0 || first >= second)
        return check_trivial(first, first_root, second, second_root, proof);
    if (proof->count > MTREE_PROOF_MAX)
        return ERR_RANGE;
    /* A first tree that is complete is a subtree itself: its root is where the
     * proof begins. */
    if ((first & (first - 1)) != 0 && proof->count == 0)
        return ERR_RANGE;
    fr = (first & (first - 1)) == 0 ? *first_root : proof->steps[at++];
    sr = fr;
    for (; (fn & 1) == 1; fn >>= 1)
        sn >>= 1;
    for (; at < proof->count; at++) {
        const struct hash *c = &proof->steps[at];

        if (sn == 0)
            return ERR_RANGE;
        if ((fn & 1) == 1 || fn == sn) {
            fr = mtree_node(c, &fr);
            sr = mtree_node(c, &sr);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            sr = mtree_node(&sr, c);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0)
        return ERR_RANGE;
    return hash_eq(&fr, first_root) && hash_eq(&sr, second_root) ? ERR_NONE
                                                                 : ERR_MISMATCH;
}
