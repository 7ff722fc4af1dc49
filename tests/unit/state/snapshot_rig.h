/* snapshot_rig.h - states, and what a node makes of them: a header that four
 * validators certify, after one change of validators, manifest and chunks. */
#ifndef TESTS_SNAPSHOT_RIG_H
#define TESTS_SNAPSHOT_RIG_H

#include "base/check.h"
#include "crypto/hash.h"
#include "state/snapshot.h"
#include "state/state.h"

#include <stdlib.h>

enum {
    RIG_VALIDATORS = 4,
    RIG_SEAL_HEIGHT = 5,
    RIG_HEIGHT = 11,
};

struct rig_row {
    struct row_key key;
    struct bytes row;
};

struct rig {
    struct hash chain_id;
    struct valset sets[2];
    uint32_t row_count, row_cap;
    struct rig_row *rows;
    uint64_t height;
    struct buf manifest;
    struct buf leaves;
    struct hash root;
};

static inline struct secret rig_secret(uint32_t n)
{
    struct secret s = {{0}};

    s.raw[31] = (uint8_t)(n + 1);
    return s;
}

static inline struct pubkey rig_key(uint32_t n)
{
    const struct secret s = rig_secret(n);
    struct pubkey key;
    const enum err e = key_public(&key, &s);

    ASSERT(e == ERR_NONE);
    return key;
}

static inline int rig_by_key(const void *a, const void *b)
{
    return memcmp(a, b, PUBKEY_BYTES);
}

/* Validators first .. first + 3. */
static inline struct valset rig_set(uint64_t epoch, uint32_t first)
{
    struct valset v = {.epoch = epoch, .count = RIG_VALIDATORS};

    for (uint32_t i = 0; i < v.count; i++) {
        v.list[i] = (struct validator){.key = rig_key(first + i),
                                       .institution = (uint16_t)(first + i)};
        v.list[i].spki_hash.raw[0] = (uint8_t)(first + i + 1);
    }
    qsort(v.list, v.count, sizeof v.list[0], rig_by_key);
    return v;
}

static inline void rig_init(struct rig *r)
{
    *r = (struct rig){.chain_id = {{7}},
                      .sets = {rig_set(0, 0), rig_set(1, 2)},
                      .height = RIG_HEIGHT};
}

static inline void rig_deinit(struct rig *r)
{
    free(r->rows);
    buf_deinit(&r->manifest);
    buf_deinit(&r->leaves);
}

/* row is borrowed. */
static inline void rig_put(struct rig *r,
                           uint8_t table,
                           struct hash tree,
                           struct hash key,
                           struct bytes row)
{
    if (r->row_count == r->row_cap) {
        r->row_cap = 2 * r->row_cap + 16;
        r->rows = realloc(r->rows, r->row_cap * sizeof r->rows[0]);
        ASSERT(r->rows != NULL);
    }
    r->rows[r->row_count++] = (struct rig_row){{table, tree, key}, row};
}

static inline int rig_order(const void *a, const void *b)
{
    const struct row_key *x = &((const struct rig_row *)a)->key;
    const struct row_key *y = &((const struct rig_row *)b)->key;
    int c = (int)x->table - (int)y->table;

    if (c == 0)
        c = hash_cmp(&x->tree, &y->tree);
    return c != 0 ? c : hash_cmp(&x->key, &y->key);
}

static inline struct hash rig_number(uint64_t n)
{
    return hash_of(bytes_of(&n, sizeof n));
}

/* A few rows of every kind of table. */
static inline void rig_fill(struct rig *r, uint32_t holders)
{
    static const struct hash none;
    static const char *const codes[] = {"AAA", "BBB", "CCC"};
    static const uint8_t plain[] = {TABLE_INSTITUTIONS,
                                    TABLE_ACCOUNTS,
                                    TABLE_PARAMS,
                                    TABLE_DUE,
                                    TABLE_EVIDENCE};

    for (size_t t = 0; t < ARRAY_LEN(plain); t++) {
        for (uint32_t i = 0; i < 3; i++)
            rig_put(r, plain[t], none, rig_number(i), bytes_of("some row", 8));
    }
    for (uint32_t c = 0; c < ARRAY_LEN(codes); c++) {
        const struct hash security = security_key(codes[c]);

        rig_put(
            r, TABLE_SECURITIES, none, security, bytes_of("a security", 10));
        for (uint32_t i = 0; i < (c == 2 ? 0 : holders); i++)
            rig_put(r,
                    TABLE_HOLDINGS,
                    security,
                    rig_number(i + c),
                    bytes_of("a holding", 9));
    }
    rig_put(r,
            TABLE_PLEDGES,
            security_key("AAA"),
            number_key(1),
            bytes_of("pledge", 6));
    for (uint32_t day = 100; day < 103; day++) {
        for (uint32_t i = 0; i < 4; i++)
            rig_put(r,
                    TABLE_REFERENCES,
                    day_key(day),
                    rig_number(i),
                    bytes_of("reference", 9));
    }
}

static inline struct hash rig_state_root(const struct rig *r)
{
    struct state *s = state_new();
    struct hash root;

    for (uint32_t i = 0; i < r->row_count; i++) {
        const enum err e = state_load(s, &r->rows[i].key, r->rows[i].row);

        ASSERT(e == ERR_NONE);
    }
    root = state_root(s);
    state_free(s);
    return root;
}

/* ---- head ---- */

struct rig_block {
    uint8_t header[HEADER_BYTES_MAX];
    size_t header_size;
    uint8_t cert[CERT_BYTES_MAX];
    size_t cert_size;
};

static inline struct header rig_header(const struct rig *r,
                                       uint64_t epoch,
                                       uint64_t height,
                                       const struct mtree_log *log)
{
    return (struct header){
        .version = HEADER_VERSION,
        .chain_id = r->chain_id,
        .epoch = epoch,
        .view = height + 2,
        .height = height,
        .time_ms = 1000 * height,
        .header_log_size = height,
        .header_log_root = mtree_log_root(log),
        .state_root = r->root,
        .validators_hash = valset_hash(&r->sets[epoch]),
        .next_validators_hash = valset_hash(&r->sets[epoch]),
    };
}

/* Header and a certificate by `signers` of the set. */
static inline void rig_seal(struct rig_block *out,
                            const struct rig *r,
                            const struct header *h,
                            uint32_t signers)
{
    const struct valset *set = &r->sets[h->epoch];
    const struct vote_domain d = {r->chain_id, valset_hash(set), set};
    struct cert c = {.kind = VOTE_FINALIZE, .epoch = h->epoch};
    struct writer w = writer_of(out->cert, sizeof out->cert);

    out->header_size = header_encode(out->header, h);
    c.about = (struct candidate){.view = h->view,
                                 .parent_view = h->view - 1,
                                 .height = h->height,
                                 .block = header_hash(h)};
    for (uint32_t i = 0; i < signers; i++) {
        struct vote v = {.kind = c.kind,
                         .epoch = c.epoch,
                         .about = c.about,
                         .signer = (uint8_t)i};
        enum err e = ERR_NOT_FOUND;

        for (uint32_t n = 0; n < 8 && e != ERR_NONE; n++) {
            const struct secret s = rig_secret(n);
            const struct pubkey key = rig_key(n);

            if (memcmp(&key, &set->list[i].key, sizeof key) == 0)
                e = vote_sign(&v, &d, &s);
        }
        ASSERT(e == ERR_NONE);
        c.bitmap |= 1u << i;
        c.sigs[i] = v.sig;
    }
    cert_encode(&w, &c);
    ASSERT(writer_ok(&w));
    out->cert_size = w.size;
}

/* What a test spoils. */
struct rig_faults {
    uint32_t signers; /* 0: a quorum */
    bool without_epoch;
    bool no_seal;
};

static inline void rig_head(struct rig *r, const struct rig_faults *f)
{
    struct mtree_log log = {0};
    struct mtree_log seal_log = {0};
    struct buf epochs = {0};
    struct rig_block seal;
    struct rig_block block;
    struct snapshot_epoch epoch;
    struct header h;

    for (uint64_t i = 0; i < r->height; i++) {
        const struct hash leaf = rig_number(i);

        if (i == RIG_SEAL_HEIGHT)
            seal_log = log;
        mtree_log_append(&log, &leaf);
    }
    h = rig_header(r, 0, RIG_SEAL_HEIGHT, &seal_log);
    h.flags = f->no_seal ? 0 : HEADER_SEAL;
    h.next_validators_hash = valset_hash(&r->sets[1]);
    rig_seal(&seal, r, &h, 3);
    h = rig_header(r, 1, r->height, &log);
    rig_seal(&block, r, &h, f->signers > 0 ? f->signers : 3);
    epoch = (struct snapshot_epoch){.header =
                                        bytes_of(seal.header, seal.header_size),
                                    .cert = bytes_of(seal.cert, seal.cert_size),
                                    .next = r->sets[1]};
    if (!f->without_epoch)
        snapshot_add_epoch(&epochs, &epoch);
    snapshot_head_encode(&r->manifest,
                         bytes_of(block.header, block.header_size),
                         bytes_of(block.cert, block.cert_size),
                         f->without_epoch ? 0 : 1,
                         buf_bytes(&epochs),
                         &log);
    buf_deinit(&epochs);
}

static inline enum err rig_take_leaf(void *ctx, struct bytes leaf)
{
    struct rig *r = ctx;

    buf_append(&r->leaves, leaf.at, leaf.size);
    return ERR_NONE;
}

/* Manifest and leaves of the rows, which are sorted. */
static inline void rig_make_with(struct rig *r, const struct rig_faults *f)
{
    struct snapshot_builder *b = snapshot_build_new(rig_take_leaf, r);
    struct buf body = {0};
    enum err e;

    if (r->row_count > 0)
        qsort(r->rows, r->row_count, sizeof r->rows[0], rig_order);
    buf_clear(&r->manifest);
    buf_clear(&r->leaves);
    for (uint32_t i = 0; i < r->row_count; i++) {
        e = snapshot_build_row(b, &r->rows[i].key, r->rows[i].row);
        ASSERT(e == ERR_NONE);
    }
    e = snapshot_build_finish(b, &body, &r->root);
    ASSERT(e == ERR_NONE);
    snapshot_build_free(b);
    rig_head(r, f);
    buf_append(&r->manifest, body.at, body.size);
    buf_deinit(&body);
}

static inline void rig_make(struct rig *r)
{
    rig_make_with(r, &(struct rig_faults){0});
}

static inline enum err rig_open_bytes(struct snapshot **out,
                                      const struct rig *r,
                                      struct bytes in,
                                      const struct hash *id)
{
    return snapshot_open(out, in, &r->chain_id, &r->sets[0], id, NULL);
}

static inline struct snapshot *rig_open(const struct rig *r)
{
    struct snapshot *s;
    const enum err e = rig_open_bytes(&s, r, buf_bytes(&r->manifest), NULL);

    ASSERT(e == ERR_NONE);
    return s;
}

static inline struct bytes rig_chunk(const struct rig *r,
                                     const struct snapshot *s,
                                     uint32_t index)
{
    size_t at = 0;

    for (uint32_t i = 0; i < index; i++)
        at += s->chunks[i].bytes;
    ASSERT(at + s->chunks[index].bytes <= r->leaves.size);
    return bytes_of(r->leaves.at + at, s->chunks[index].bytes);
}

#endif /* TESTS_SNAPSHOT_RIG_H */
