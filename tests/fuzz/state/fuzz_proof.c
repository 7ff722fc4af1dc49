/* Properties of a path's check, for any path whatever:
 *   P1  it ends and reads nothing outside the path (sanitizers)
 *   P2  what folds to the root of a tree says what that tree says
 *
 * The input: table, count, empty, key, leaf key, row hash, then bits and
 * siblings.  With the first byte's top bit set the path starts as an honest
 * one, and the rest of the input is xored over it. */
#include "state/proof.h"

#include <stdlib.h>

#include "tests/property/tree_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LEAVES = 40,
};

static struct state *the_state(void)
{
    static struct state *s; /* made once, for speed */
    struct dice d = {3};

    if (s != NULL)
        return s;
    s = state_new();
    for (uint32_t i = 0; i < LEAVES; i++) {
        const struct row_key k = {.table = TABLE_ACCOUNTS, .key = dice_key(&d)};

        if (state_get(s, &k).size == 0) {
            const enum err e = state_load(s, &k, bytes_of(&i, sizeof i));

            ASSERT(e == ERR_NONE);
        }
    }
    return s;
}

static void take(void *to, size_t want, const uint8_t **data, size_t *size)
{
    uint8_t *out = to;

    for (size_t i = 0; i<want && * size> 0; i++) {
        out[i] ^= **data;
        ++*data;
        --*size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hash zero;
    static struct tree_path p;
    static struct tree_path honest;
    struct state *s = the_state();
    const struct hash expected = state_tree_root(s, TABLE_ACCOUNTS, &zero);
    struct row_key k = {.table = TABLE_ACCOUNTS};
    struct hash root;
    bool present;
    uint8_t head[3] = {0};
    uint8_t count[2] = {0};

    take(head, sizeof head, &data, &size);
    take(k.key.raw, sizeof k.key, &data, &size);
    memset(&p, 0, sizeof p);
    if (head[0] >= 0x80)
        proof_tree(&p, s, &k);
    take(count, sizeof count, &data, &size);
    p.count ^= (uint32_t)(count[0] | count[1] << 8);
    p.empty = p.empty != ((head[1] & 1) != 0);
    take(p.leaf_key.raw, sizeof p.leaf_key, &data, &size);
    take(p.leaf_row_hash.raw, sizeof p.leaf_row_hash, &data, &size);
    for (uint32_t i = 0; i < PROOF_STEPS_MAX && size > 0; i++) {
        take(&p.bits[i], sizeof p.bits[i], &data, &size);
        take(p.siblings[i].raw, sizeof p.siblings[i], &data, &size);
    }
    if (proof_fold(&root, &present, &p, TABLE_ACCOUNTS, &k.key) != ERR_NONE) {
        ASSERT(hash_is_zero(&root) && !present);
        return 0;
    }
    if (!hash_eq(&root, &expected))
        return 0;
    proof_tree(&honest, s, &k); /* P2 */
    ASSERT(present == (state_get(s, &k).size > 0));
    ASSERT(p.count == honest.count && p.empty == honest.empty);
    ASSERT(hash_eq(&p.leaf_key, &honest.leaf_key));
    ASSERT(hash_eq(&p.leaf_row_hash, &honest.leaf_row_hash));
    return 0;
}
