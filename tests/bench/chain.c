#include "tests/bench/chain.h"

#include "base/check.h"
#include "crypto/hash.h"
#include "tests/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DAY_MS = 86400000,
    FIRST_DAY = 20000,
};

struct hash chain_hash(uint64_t n)
{
    return hash_of(bytes_of(&n, sizeof n));
}

void chain_code(char out[CODE_MAX + 1], uint64_t n)
{
    snprintf(out, CODE_MAX + 1, "S%010u", (uint32_t)n);
}

/* ---- the store ---- */

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, PUBKEY_BYTES);
}

static void make_keys(struct chain *c)
{
    enum err e;

    memset(c, 0, sizeof *c);
    c->set.count = CHAIN_VALIDATORS;
    for (uint32_t i = 0; i < CHAIN_VALIDATORS; i++) {
        struct secret s = {{0}};

        s.raw[31] = (uint8_t)(i + 1);
        e = key_public(&c->set.list[i].key, &s);
        ASSERT(e == ERR_NONE);
        c->set.list[i].spki_hash = chain_hash(i);
        c->set.list[i].institution = (uint16_t)(i + 1);
    }
    qsort(c->set.list, CHAIN_VALIDATORS, sizeof c->set.list[0], by_key);
    for (uint32_t i = 0; i < CHAIN_VALIDATORS; i++)
        c->secrets[i].raw[31] = (uint8_t)c->set.list[i].institution;
    c->genesis.format = GENESIS_FORMAT;
    genesis_defaults(&c->genesis.params);
    c->genesis.validator_count = c->set.count;
    memcpy(c->genesis.validators, c->set.list, sizeof c->set.list);
    e = genesis_chain_id(&c->trust.chain_id, &c->genesis);
    ASSERT(e == ERR_NONE);
}

void chain_new(struct chain *c, const char *dir)
{
    make_keys(c);
    snprintf(c->dir,
             sizeof c->dir,
             "%s",
             dir != NULL ? dir : "/tmp/equity-bench-XXXXXX");
    if (dir == NULL)
        dir = mkdtemp(c->dir);
    ASSERT(dir != NULL);
}

void chain_open(struct chain *c)
{
    const struct store_options options = {.create = true};
    char message[200];
    const enum err e = store_open(&c->store,
                                  c->dir,
                                  &c->trust.chain_id,
                                  &options,
                                  message,
                                  sizeof message);

    ASSERT(e == ERR_NONE);
}

void chain_close(struct chain *c)
{
    store_close(c->store);
    c->store = NULL;
}

void chain_remove(struct chain *c)
{
    chain_close(c);
    scratch_remove(c->dir);
}

struct cert chain_certify(const struct hash *chain_id,
                          const struct valset *set,
                          const struct secret secrets[CHAIN_VALIDATORS],
                          const struct header *h)
{
    const struct vote_domain d = {*chain_id, valset_hash(set), set};
    struct cert cert = {.kind = VOTE_FINALIZE,
                        .about = {h->view, 0, h->height, header_hash(h)},
                        .bitmap = 7};

    for (uint8_t i = 0; i < 3; i++) {
        struct vote v = {
            .kind = VOTE_FINALIZE, .about = cert.about, .signer = i};
        const enum err e = vote_sign(&v, &d, &secrets[i]);

        ASSERT(e == ERR_NONE);
        cert.sigs[i] = v.sig;
    }
    return cert;
}

void chain_block(struct chain *c, struct state *s, const struct change_set *set)
{
    uint8_t bytes[HEADER_BYTES_MAX];
    const struct hash set_hash = valset_hash(&c->set);
    const uint64_t height = c->log.size;
    struct header h = {.version = HEADER_VERSION,
                       .chain_id = c->trust.chain_id,
                       .view = height,
                       .height = height,
                       .time_ms = (FIRST_DAY + height) * DAY_MS,
                       .proposer = height == 0 ? 0xffff : 0,
                       .parent_hash = c->tip_hash,
                       .header_log_size = height,
                       .header_log_root = mtree_log_root(&c->log),
                       .tx_root = mtree_root(NULL, 0),
                       .state_root = state_root(s),
                       .validators_hash = set_hash,
                       .next_validators_hash = set_hash};
    struct cert cert =
        chain_certify(&c->trust.chain_id, &c->set, c->secrets, &h);
    struct buf roots = {0};
    struct store_block b = {.header = &h,
                            .hash = header_hash(&h),
                            .cert = height > 0 ? &cert : NULL,
                            .body = bytes_of("\0\0\0\0", 4),
                            .events = bytes_of("\0\0\0\0", 4),
                            .changes = *set,
                            .header_log = &c->log};
    enum err e;

    b.header_bytes = bytes_of(bytes, header_encode(bytes, &h));
    mtree_log_append(&c->log, &b.hash);
    state_roots_append(&roots, s, set);
    b.roots = buf_bytes(&roots);
    e = store_put_block(c->store, &b);
    ASSERT(e == ERR_NONE);
    e = store_index(c->store, &b);
    ASSERT(e == ERR_NONE);
    buf_deinit(&roots);
    c->tip = h;
    c->tip_hash = b.hash;
    if (height == 0) {
        c->trust.genesis = true;
        c->trust.genesis_hash = b.hash;
    }
}

/* ---- rows ---- */

static struct bytes encode(uint8_t *at, const struct schema *s, const void *row)
{
    struct writer w = writer_of(at, ROW_BYTES_MAX);

    schema_encode(&w, s, row);
    ASSERT(writer_ok(&w));
    return writer_bytes(&w);
}

struct bytes chain_holding(uint8_t *at, uint64_t n)
{
    static struct holding_row h;

    h = (struct holding_row){.kind = ACCOUNT_ORDINARY,
                             .held = true,
                             .weight = 1,
                             .segment_count = 1,
                             .sequence = n,
                             .chain = chain_hash(~n)};
    h.segments[0].quantity.shares = CHAIN_SHARES;
    return encode(at, &holding_row_schema, &h);
}

struct bytes chain_security(uint8_t *at, uint64_t n, uint32_t holders)
{
    static struct security_row s;

    s = (struct security_row){.class = CLASS_ORDINARY,
                              .status = SECURITY_LISTED,
                              .registrar = 1,
                              .successor = "-",
                              .predecessor = "-",
                              .issuer = chain_hash(n),
                              .holder_count = holders,
                              .positions = holders,
                              .issued = {(uint64_t)holders * CHAIN_SHARES},
                              .chain = chain_hash(n)};
    chain_code(s.code, n);
    return encode(at, &security_row_schema, &s);
}

struct bytes chain_account(uint8_t *at, uint64_t n, uint32_t rights)
{
    static struct account_row a;

    a = (struct account_row){.custodian = 1,
                             .kind = ACCOUNT_ORDINARY,
                             .status = ACCOUNT_ACTIVE,
                             .authority = AUTHORITY_PAPER,
                             .frozen_by = "-",
                             .investors = 1,
                             .positions = CHAIN_SECURITIES,
                             .rights = rights,
                             .identity = chain_hash(n),
                             .chain = chain_hash(n + 1)};
    return encode(at, &account_row_schema, &a);
}

struct bytes chain_validators(uint8_t *at, const struct chain *c)
{
    const struct validators_row row = {.set = c->set};

    return encode(at, &validators_row_schema, &row);
}

void chain_rows(uint64_t holdings,
                uint64_t from,
                uint64_t count,
                chain_row_fn visit,
                void *ctx)
{
    uint8_t row[ROW_BYTES_MAX];
    const uint64_t accounts = holdings / CHAIN_SECURITIES;
    const uint64_t securities = holdings / CHAIN_HOLDERS;
    char code[CODE_MAX + 1];

    for (uint64_t i = from; i < from + count; i++) {
        struct row_key k = {.table = TABLE_HOLDINGS,
                            .key = chain_hash(i % accounts)};

        chain_code(code, i / CHAIN_HOLDERS);
        k.tree = security_key(code);
        visit(ctx, &k, chain_holding(row, i));
        if (i % CHAIN_HOLDERS == 0) {
            const struct row_key own = {.table = TABLE_SECURITIES,
                                        .key = k.tree};
            const uint64_t n = i / CHAIN_HOLDERS;

            visit(ctx, &own, chain_security(row, n, CHAIN_HOLDERS));
        }
        if (i < accounts) {
            const struct row_key own = {.table = TABLE_ACCOUNTS,
                                        .key = chain_hash(i)};

            visit(ctx, &own, chain_account(row, i, i < securities ? 1 : 0));
        }
    }
}

/* ---- a register, block by block ---- */

struct filling {
    struct state *state;
    struct change *list;
    uint32_t count;
    struct buf rows;
};

static void fill_row(void *ctx, const struct row_key *key, struct bytes row)
{
    struct filling *f = ctx;
    const enum err e = state_load(f->state, key, row);

    ASSERT(e == ERR_NONE);
    f->list[f->count++] = (struct change){
        .key = *key,
        .new_row = bytes_of(buf_append(&f->rows, row.at, row.size), row.size)};
}

static int by_row_key(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;

    if (x->key.table != y->key.table)
        return x->key.table < y->key.table ? -1 : 1;
    return memcmp(&x->key.tree, &y->key.tree, 2 * HASH_BYTES);
}

static void put_block(struct chain *c, struct filling *f)
{
    const struct change_set set = {.list = f->list, .count = f->count};

    qsort(f->list, f->count, sizeof f->list[0], by_row_key);
    chain_block(c, f->state, &set);
    f->count = 0;
    f->rows.size = 0;
}

void chain_fill(struct chain *c, struct state *s, uint64_t holdings)
{
    enum {
        BLOCK = 100 * CHAIN_HOLDERS,
    };
    struct filling f = {.state = s};
    const struct row_key own = {.table = TABLE_VALIDATORS};
    uint8_t row[ROW_BYTES_MAX];

    f.list =
        calloc((size_t)2 * BLOCK + BLOCK / CHAIN_HOLDERS + 1, sizeof f.list[0]);
    ASSERT(f.list != NULL);
    buf_reserve(&f.rows, (size_t)BLOCK * 1024);
    fill_row(&f, &own, chain_validators(row, c));
    put_block(c, &f);
    for (uint64_t i = 0; i < holdings; i += BLOCK) {
        chain_rows(holdings,
                   i,
                   holdings - i < BLOCK ? holdings - i : BLOCK,
                   fill_row,
                   &f);
        put_block(c, &f);
    }
    buf_deinit(&f.rows);
    free(f.list);
}
