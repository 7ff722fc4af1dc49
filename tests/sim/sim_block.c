/* All blocks ever made in a run, by hash. */
#include "base/check.h"
#include "tests/sim/sim.h"

enum {
    INDEX_SLOTS = 4 * SIM_BLOCKS_MAX,
};

static uint32_t slot_of(const struct sim *s, const struct hash *hash)
{
    uint32_t at;

    memcpy(&at, hash->raw, sizeof at);
    at %= INDEX_SLOTS;
    while (s->block_index[at] != 0 &&
           !hash_eq(&s->blocks[s->block_index[at]].hash, hash))
        at = (at + 1) % INDEX_SLOTS;
    return at;
}

uint32_t sim_block_find(const struct sim *s, const struct hash *hash)
{
    return s->block_index[slot_of(s, hash)];
}

/* Takes over the body; 0 when the run has made enough blocks. */
uint32_t sim_block_put(struct sim *s, struct sim_block *b)
{
    uint8_t bytes[HEADER_BYTES_MAX];
    const size_t size = header_encode(bytes, &b->header);
    uint32_t at;

    b->hash = header_hash(&b->header);
    at = slot_of(s, &b->hash);
    if (s->block_index[at] != 0 || s->block_count == SIM_BLOCKS_MAX) {
        buf_deinit(&b->body);
        return s->block_index[at];
    }
    buf_append(&b->header_bytes, bytes, size);
    b->slot = at;
    s->blocks[s->block_count] = *b;
    s->block_index[at] = s->block_count;
    return s->block_count++;
}

/* Only all of them together. */
void sim_block_drop(struct sim *s, uint32_t block)
{
    struct sim_block *b = &s->blocks[block];

    s->block_index[b->slot] = 0;
    buf_deinit(&b->header_bytes);
    buf_deinit(&b->body);
    memset(b, 0, sizeof *b);
}
