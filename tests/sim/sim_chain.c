/* The hash chain: state root' = hash of (state root, body). */
#include "tests/sim/sim_app.h"

#include "base/check.h"
#include "crypto/hash.h"

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

static struct hash root_after(const struct chain_app *a, struct bytes body)
{
    return hash_byte_tagged(
        0x7f, bytes_of(a->root.raw, sizeof a->root.raw), body);
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

static void chain_commit(void *self, const struct sim_block *block)
{
    struct chain_app *a = self;

    a->root = root_after(a, buf_bytes(&block->body));
    for (size_t i = 0; i < block->body.size; i += sizeof(uint32_t)) {
        uint32_t tx;

        memcpy(&tx, block->body.at + i, sizeof tx);
        a->has[tx] = 1;
    }
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
