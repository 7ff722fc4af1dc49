/* The hash chain: state root' = (state root, body), mixed.  Some transactions
 * may change the set of validators by rules like the ledger's. */
#include "base/check.h"
#include "chain/valset.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

enum {
    MEMBERS_MIN = 4,
};

/* What the transactions are. */
struct chain_world {
    uint32_t genesis_members;
    struct {
        uint32_t leave, join; /* bits of nodes; both 0: no change of the set */
    } txs[SIM_TXS_MAX];
};

struct chain_app {
    const struct chain_world *world;
    struct hash root;
    uint32_t members;
    uint8_t has[SIM_TXS_MAX];
};

uint32_t sim_members_after(const struct header *h)
{
    uint32_t members;

    memcpy(&members, h->next_validators_hash.raw, sizeof members);
    return members;
}

static struct hash members_hash(uint32_t members)
{
    struct hash h = {{0}};

    memcpy(h.raw, &members, sizeof members);
    return h;
}

static void *chain_open(uint32_t nodes, struct header *genesis)
{
    struct chain_world *w = calloc(1, sizeof *w);

    ASSERT(w != NULL);
    w->genesis_members = (1u << nodes) - 1;
    *genesis = (struct header){
        .version = HEADER_VERSION,
        .time_ms = 1700000000000u,
        .validators_hash = members_hash(w->genesis_members),
        .next_validators_hash = members_hash(w->genesis_members)};
    return w;
}

static void chain_close(void *world)
{
    free(world);
}

static void *chain_make(void *world)
{
    struct chain_app *a = calloc(1, sizeof *a);

    ASSERT(a != NULL);
    a->world = world;
    a->members = a->world->genesis_members;
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

/* The set after a transaction.  One that does not fit the set, or that could
 * leave too few who know where the new epoch begins, changes nothing. */
static uint32_t members_after_tx(const struct chain_app *a,
                                 uint32_t members,
                                 uint32_t tx)
{
    const uint32_t leave = a->world->txs[tx].leave;
    const uint32_t join = a->world->txs[tx].join;
    const uint32_t after = (members & ~leave) | join;
    const uint32_t n = (uint32_t)__builtin_popcount(members);
    const uint32_t out = (uint32_t)__builtin_popcount(leave);
    const uint32_t in = (uint32_t)__builtin_popcount(join);

    if ((leave & ~members) != 0 || (join & members) != 0 ||
        n - out + in < MEMBERS_MIN ||
        (out > in ? out : in) > valset_change_max(n) ||
        valset_margin_of(n, out, in, 0).margin < 0)
        return members;
    return after;
}

/* The set after the body: the first change counts, a block has no more. */
static uint32_t members_after_body(const struct chain_app *a,
                                   struct bytes body,
                                   uint32_t *changes)
{
    uint32_t members = a->members;

    *changes = 0;
    for (size_t i = 0; i < body.size; i += sizeof(uint32_t)) {
        uint32_t tx;
        uint32_t after;

        memcpy(&tx, body.at + i, sizeof tx);
        after = members_after_tx(a, members, tx);
        *changes += after != members ? 1 : 0;
        members = after;
    }
    return members;
}

static bool chain_build(void *self,
                        struct sim_block *out,
                        const uint32_t *txs,
                        uint32_t tx_count)
{
    struct chain_app *a = self;
    uint32_t members = a->members;
    uint32_t count = 0;

    buf_clear(&out->body);
    for (uint32_t i = 0; i < tx_count; i++) {
        const uint32_t after = members_after_tx(a, members, txs[i]);

        if (a->has[txs[i]] != 0 || (after != members && members != a->members))
            continue;
        members = after;
        buf_append(&out->body, &txs[i], sizeof txs[i]);
        count++;
    }
    out->header.flags = members != a->members ? HEADER_SEAL : 0;
    out->header.validators_hash = members_hash(a->members);
    out->header.next_validators_hash = members_hash(members);
    out->header.tx_count = count;
    out->header.body_bytes = (uint32_t)out->body.size;
    out->header.state_root = root_after(a, buf_bytes(&out->body));
    return count > 0;
}

static bool chain_execute(void *self, const struct sim_block *block)
{
    const struct chain_app *a = self;
    struct hash root;
    uint32_t members;
    uint32_t changes;

    if (block->body.size != block->header.tx_count * sizeof(uint32_t) ||
        block->header.tx_count == 0)
        return false;
    for (size_t i = 0; i < block->body.size; i += sizeof(uint32_t)) {
        uint32_t tx;

        memcpy(&tx, block->body.at + i, sizeof tx);
        if (tx >= SIM_TXS_MAX || a->has[tx] != 0)
            return false;
    }
    members = members_after_body(a, buf_bytes(&block->body), &changes);
    if (changes > 1 || members != sim_members_after(&block->header) ||
        block->header.flags != (changes != 0 ? HEADER_SEAL : 0))
        return false;
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
    a->members = sim_members_after(&block->header);
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

static void chain_change(void *world,
                         uint32_t tx,
                         uint32_t leave,
                         uint32_t join)
{
    struct chain_world *w = world;

    w->txs[tx].leave = leave;
    w->txs[tx].join = join;
}

#define CHAIN                                                                 \
    .epoch = 3, .open = chain_open, .close = chain_close, .make = chain_make, \
    .free = chain_free, .build = chain_build, .execute = chain_execute,       \
    .commit = chain_commit, .has = chain_has, .root = chain_root,             \
    .sound = chain_sound

const struct sim_app_ops sim_chain_app = {.name = "chain", CHAIN};
const struct sim_app_ops sim_epochs_app = {
    .name = "epochs", CHAIN, .change = chain_change};
