/* history.h - a short history as an archive has it: blocks with certificates of
 * the validators of tests/unit/engine/epoch_fixture.h. */
#ifndef TESTS_ARCHIVE_HISTORY_H
#define TESTS_ARCHIVE_HISTORY_H

#include "chain/archive.h"
#include "tests/unit/engine/epoch_fixture.h"

enum {
    HISTORY_MAX = 40,
};

/* A block that owns its bytes. */
struct history_block {
    uint8_t header[HEADER_BYTES_MAX];
    size_t header_size;
    struct cert cert;
    uint8_t body[16384];
    size_t body_size;
};

struct history {
    struct epochs f;
    uint32_t count;
    struct history_block blocks[HISTORY_MAX];
};

/* The finalization by the first `signers` of set of what the header says. */
static inline struct cert history_cert(const struct history *h,
                                       const struct valset *set,
                                       const struct header *header,
                                       uint32_t signers)
{
    const struct vote_domain d = {h->f.chain_id, valset_hash(set), set};
    struct cert c = {.kind = VOTE_FINALIZE,
                     .epoch = set->epoch,
                     .about = {header->view,
                               header->view - 1,
                               header->height,
                               header_hash(header)},
                     .bitmap = (uint32_t)((1ull << signers) - 1)};

    for (uint32_t i = 0; i < signers; i++) {
        struct vote v = {.kind = c.kind, .epoch = c.epoch, .about = c.about};
        enum err e;

        for (uint16_t k = 1; k <= EPOCH_INSTITUTIONS; k++) {
            for (int use = USE_CONSENSUS; use <= USE_CONSENSUS_NEW; use++) {
                const struct secret s =
                    epoch_secret(k, (enum epoch_key_use)use);
                const struct pubkey p =
                    epoch_pubkey(k, (enum epoch_key_use)use);

                if (memcmp(&p, &set->list[i].key, sizeof p) == 0) {
                    e = vote_sign(&v, &d, &s);
                    ASSERT(e == ERR_NONE);
                }
            }
        }
        c.sigs[i] = v.sig;
    }
    return c;
}

static inline void history_keep(struct history *h,
                                const struct executed_block *b,
                                const struct cert *cert)
{
    struct history_block *k = &h->blocks[h->count++];

    ASSERT(h->count <= HISTORY_MAX && b->body.size <= sizeof k->body);
    memcpy(k->header, b->header_bytes.at, b->header_bytes.size);
    k->header_size = b->header_bytes.size;
    memcpy(k->body, b->body.at, b->body.size);
    k->body_size = b->body.size;
    if (cert != NULL)
        k->cert = *cert;
}

/* Adds a block of txs, certified by a quorum of the set in force. */
static inline void history_add(struct history *h,
                               const struct tx *const *txs,
                               uint32_t count)
{
    struct engine_candidate_tx offered[16] = {{0}};
    const struct executed_block *b;
    struct valset set;
    struct cert cert;

    ASSERT(count <= 16);
    for (uint32_t i = 0; i < count; i++)
        offered[i].tx = txs[i];
    engine_validators(h->f.e, &set);
    engine_build(h->f.e,
                 &b,
                 h->count + 6,
                 0,
                 engine_tip(h->f.e)->time_ms + 5,
                 offered,
                 count);
    ASSERT(b != NULL && b->header.tx_count == count);
    cert = history_cert(h, &set, &b->header, valset_quorum(set.count));
    history_keep(h, b, &cert);
    (void)engine_commit(h->f.e, &b->hash);
}

/* Block 0, and two epochs of blocks of one transaction or several: 20 blocks.
 * Block 8 seals epoch 0. */
static inline struct history *history_new(void)
{
    struct history *h = calloc(1, sizeof *h);
    const struct tx *txs[4];

    ASSERT(h != NULL);
    epochs_init(&h->f);
    history_keep(h, engine_genesis_block(h->f.e), NULL);
    for (uint32_t i = 1; i < 20; i++) {
        uint32_t count = 1;

        if (i == 7)
            txs[0] = epoch_ready(&h->f, 5, USE_CONSENSUS);
        else if (i == 8)
            txs[0] = epoch_change(&h->f, 0, 0, 5, USE_CONSENSUS);
        else if (i == 6)
            txs[0] = epoch_announce(&h->f, 5, USE_CONSENSUS);
        else {
            count = i % 3 + 1;
            for (uint16_t k = 0; k < count; k++)
                txs[k] = epoch_announce(
                    &h->f, (uint16_t)(6 + (i + k) % 3), USE_CONSENSUS);
        }
        history_add(h, txs, count);
    }
    return h;
}

static inline void history_free(struct history *h)
{
    epochs_deinit(&h->f);
    free(h);
}

/* A block as an archive gives it; cert (CERT_BYTES_MAX) gets its bytes. */
static inline struct archive_block history_block(const struct history *h,
                                                 uint32_t i,
                                                 uint8_t cert[CERT_BYTES_MAX])
{
    const struct history_block *k = &h->blocks[i];
    struct archive_block b = {
        .cert = k->cert,
        .header_bytes = bytes_of(k->header, k->header_size),
        .body = bytes_of(k->body, k->body_size),
    };
    struct writer w = writer_of(cert, CERT_BYTES_MAX);
    const enum err e = header_decode(&b.header, b.header_bytes);

    ASSERT(e == ERR_NONE);
    b.hash = header_hash(&b.header);
    if (i > 0)
        cert_encode(&w, &k->cert);
    b.cert_bytes = writer_bytes(&w);
    return b;
}

#endif /* TESTS_ARCHIVE_HISTORY_H */
