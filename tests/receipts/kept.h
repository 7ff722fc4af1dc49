/* kept.h - a store with the blocks of a rig, as a node would have written them.
 */
#ifndef TESTS_RECEIPTS_KEPT_H
#define TESTS_RECEIPTS_KEPT_H

#include "base/check.h"
#include "node/prove.h"
#include "tests/receipts/rig.h"
#include "tests/scratch.h"

#include <stdio.h>
#include <stdlib.h>

struct kept {
    char dir[64];
    struct store *store;
    struct mtree_log log;
    uint64_t wrong; /* block with a row that its roots do not have; 0: none */
};

static inline void kept_vec(struct buf *out, struct bytes v)
{
    uint8_t size[4];
    struct writer w = writer_of(size, sizeof size);

    writer_u32(&w, (uint32_t)v.size);
    buf_append(out, size, sizeof size);
    buf_append(out, v.at, v.size);
}

static inline void kept_count(struct buf *out, uint32_t n)
{
    uint8_t size[4];
    struct writer w = writer_of(size, sizeof size);

    writer_u32(&w, n);
    buf_append(out, size, sizeof size);
}

/* The last holding that the block changed becomes another one. */
static inline void kept_spoil(struct change *list, uint32_t count)
{
    static uint8_t row[ROW_BYTES_MAX];

    for (uint32_t i = count; i-- > 0;) {
        struct change *c = &list[i];

        if (c->key.table != TABLE_HOLDINGS || c->new_row.size == 0)
            continue;
        memcpy(row, c->new_row.at, c->new_row.size);
        row[c->new_row.size - 1] ^= 1; /* its chain */
        c->new_row.at = row;
        return;
    }
    ASSERT(false);
}

static inline void kept_put(struct kept *k, struct rig *g, uint64_t height)
{
    const struct rig_block *b = &g->blocks[height];
    struct change *list = calloc(g->row_count + 1, sizeof list[0]);
    struct hash ids[RIG_TXS_MAX];
    struct tx *tx = malloc(sizeof *tx);
    struct buf body = {0};
    struct buf events = {0};
    struct buf roots = {0};
    struct cert cert;
    struct store_block x = {.header = &b->header,
                            .hash = b->hash,
                            .header_bytes = b->header_bytes,
                            .changes = {.list = list},
                            .tx_ids = ids,
                            .header_log = &k->log};
    enum err e = ERR_NONE;

    ASSERT(list != NULL && tx != NULL);
    for (uint32_t i = 0; i < g->row_count; i++) {
        struct change *c = &list[x.changes.count];

        if (g->rows[i].height != height)
            continue;
        *c = (struct change){.key = g->rows[i].key, .new_row = g->rows[i].row};
        if (height > 0)
            c->old_row = state_get(rig_state(g, height - 1), &c->key);
        x.changes.count++;
    }
    kept_count(&body, b->tx_count);
    for (uint32_t i = 0; i < b->tx_count; i++) {
        kept_vec(&body, b->txs[i]);
        e = tx_decode(tx, b->txs[i]);
        ASSERT(e == ERR_NONE);
        ids[i] = tx->id;
    }
    kept_count(&events, b->event_count);
    for (uint32_t i = 0; i < b->event_count; i++)
        kept_vec(&events, b->events[i].event);
    state_roots_append(&roots, rig_state(g, height), &x.changes);
    if (height > 0) {
        struct reader r = reader_of(b->cert);

        cert_read(&r, &cert);
        x.cert = &cert;
    }
    mtree_log_append(&k->log, &b->hash);
    x.body = buf_bytes(&body);
    x.events = buf_bytes(&events);
    x.roots = buf_bytes(&roots);
    if (k->wrong != 0 && k->wrong == height)
        kept_spoil(list, x.changes.count);
    e = store_put_block(k->store, &x);
    ASSERT(e == ERR_NONE);
    e = store_index(k->store, &x);
    ASSERT(e == ERR_NONE);
    buf_deinit(&body);
    buf_deinit(&events);
    buf_deinit(&roots);
    free(list);
    free(tx);
}

/* All blocks up to a height. */
static inline void kept_open(struct kept *k, struct rig *g, uint64_t height)
{
    const struct store_options options = {.cache_bytes = 1 << 20,
                                          .create = true};
    char message[200];
    const char *dir;
    enum err e;

    k->log = (struct mtree_log){0};
    snprintf(k->dir, sizeof k->dir, "/tmp/equity-kept-XXXXXX");
    dir = mkdtemp(k->dir);
    ASSERT(dir != NULL);
    e = store_open(
        &k->store, k->dir, &g->chain_id, &options, message, sizeof message);
    ASSERT(e == ERR_NONE);
    for (uint64_t h = 0; h <= height; h++)
        kept_put(k, g, h);
}

static inline void kept_close(struct kept *k)
{
    store_close(k->store);
    scratch_remove(k->dir);
}

#endif /* TESTS_RECEIPTS_KEPT_H */
