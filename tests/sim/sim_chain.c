/* The hash chain: state root' = (state root, body), mixed. */
#include "base/check.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

struct chain_app {
    struct hash root;
    uint8_t has[SIM_TXS_MAX];
};

static void *chain_open(uint32_t nodes, struct header *genesis)
{
    (void)nodes;
    *genesis =
        (struct header){.version = HEADER_VERSION, .time_ms = 1700000000000u};
    return NULL;
}

static void chain_close(void *world)
{
    (void)world;
}

static void *chain_make(void *world)
{
    struct chain_app *a = calloc(1, sizeof *a);

    (void)world;
    ASSERT(a != NULL);
    return a;
}

static void chain_free(void *self)
{
    free(self);
}

/* Not a cryptographic hash: nobody here tries to find two bodies with the same
 * root, and this one is asked for ten times a block. */
static struct hash root_after(const struct chain_app *a, struct bytes body)
{
    struct hash out = a->root;
    uint64_t word[HASH_BYTES / 8];

    memcpy(word, out.raw, sizeof word);
    for (size_t i = 0; i < body.size; i += sizeof(uint32_t)) {
        uint32_t tx;

        memcpy(&tx, body.at + i, sizeof tx);
        for (uint32_t k = 0; k < ARRAY_LEN(word); k++)
            word[k] = sim_mix(word[k] ^ ((uint64_t)tx + 1) * (k + 1));
    }
    memcpy(out.raw, word, sizeof word);
    return out;
}

static bool chain_build(void *self,
                        struct sim_block *out,
                        const uint32_t *txs,
                        uint32_t tx_count)
{
    struct chain_app *a = self;
    uint32_t count = 0;

    buf_clear(&out->body);
    for (uint32_t i = 0; i < tx_count; i++) {
        if (a->has[txs[i]] != 0)
            continue;
        buf_append(&out->body, &txs[i], sizeof txs[i]);
        count++;
    }
    out->header.tx_count = count;
    out->header.body_bytes = (uint32_t)out->body.size;
    out->header.state_root = root_after(a, buf_bytes(&out->body));
    return count > 0;
}

static bool chain_execute(void *self, const struct sim_block *block)
{
    const struct chain_app *a = self;
    struct hash root;

    if (block->body.size != block->header.tx_count * sizeof(uint32_t) ||
        block->header.tx_count == 0)
        return false;
    for (size_t i = 0; i < block->body.size; i += sizeof(uint32_t)) {
        uint32_t tx;

        memcpy(&tx, block->body.at + i, sizeof tx);
        if (tx >= SIM_TXS_MAX || a->has[tx] != 0)
            return false;
    }
    root = root_after(a, buf_bytes(&block->body));
    return hash_eq(&root, &block->header.state_root);
}

static uint32_t chain_commit(void *self,
                             const struct sim_block *block,
                             uint32_t *txs)
{
    struct chain_app *a = self;
    uint32_t count = 0;

    a->root = root_after(a, buf_bytes(&block->body));
    for (size_t i = 0; i < block->body.size; i += sizeof(uint32_t)) {
        uint32_t tx;

        memcpy(&tx, block->body.at + i, sizeof tx);
        a->has[tx] = 1;
        txs[count++] = tx;
    }
    return count;
}

static bool chain_has(const void *self, uint32_t tx)
{
    const struct chain_app *a = self;

    return a->has[tx] != 0;
}

static struct hash chain_root(const void *self)
{
    const struct chain_app *a = self;

    return a->root;
}

static bool chain_sound(void *self)
{
    (void)self;
    return true;
}

const struct sim_app_ops sim_chain_app = {
    .name = "chain",
    .epoch = 3,
    .open = chain_open,
    .close = chain_close,
    .make = chain_make,
    .free = chain_free,
    .build = chain_build,
    .execute = chain_execute,
    .commit = chain_commit,
    .has = chain_has,
    .root = chain_root,
    .sound = chain_sound,
};
