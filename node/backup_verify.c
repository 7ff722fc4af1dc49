/* Whether a backup is what it says, found out from its files alone. */
#include "base/check.h"
#include "consensus/msg.h"
#include "crypto/hash.h"
#include "node/backup.h"
#include "node/start.h"
#include "storage/store_import.h"

#include <stdio.h>
#include <stdlib.h>

struct checking {
    const char *dir;
    struct manifest manifest;
    struct genesis *genesis;
    struct store *store;
    struct engine *engine;
    struct header tip;
    struct backup_result *out;
    struct backup_watch *watch;
};

static enum err refuse(struct checking *c, enum err e, const char *why)
{
    snprintf(c->out->why, sizeof c->out->why, "%s", why);
    return e;
}

static enum err check_files(struct checking *c)
{
    enum err e = backup_read(&c->manifest, c->dir);

    if (e == ERR_NOT_FOUND)
        return refuse(c,
                      e,
                      "there is no MANIFEST: this is no backup, or one that "
                      "was interrupted");
    if (e != ERR_NONE)
        return refuse(c, e, "its MANIFEST is damaged");
    e = backup_check(&c->manifest, c->dir, c->watch);
    if (e == ERR_NONE)
        return e;
    snprintf(c->out->why,
             sizeof c->out->why,
             "%s: %s",
             c->watch->name,
             e == ERR_NOT_FOUND  ? "the file is missing"
             : e == ERR_MISMATCH ? "the file is damaged: it has not the size "
                                   "and hash that the manifest says"
             : e == ERR_TRAILING ? "the manifest does not list this file"
             : e == ERR_REFUSED  ? "given up"
                                 : "the file cannot be read");
    return e;
}

static enum err read_genesis(struct checking *c)
{
    char path[CONFIG_TEXT_MAX + 16];
    const char *why;
    uint8_t *at;
    size_t size;
    struct hash id;
    enum err e;

    if (manifest_find(&c->manifest, "genesis") == NULL)
        return refuse(c, ERR_NOT_FOUND, "it has no genesis");
    snprintf(path, sizeof path, "%s/genesis", c->dir);
    e = file_read(&at, &size, path, GENESIS_BYTES_MAX);
    if (e != ERR_NONE)
        return refuse(c, e, "its genesis cannot be read");
    id = hash_tagged(GENESIS_TAG, bytes_of(at, size));
    c->genesis = calloc(1, sizeof *c->genesis);
    ASSERT(c->genesis != NULL);
    e = schema_decode(c->genesis, &genesis_schema, bytes_of(at, size));
    free(at);
    if (e == ERR_NONE)
        e = genesis_check(c->genesis, &why);
    if (e == ERR_NONE && !hash_eq(&id, &c->manifest.chain_id))
        e = ERR_MISMATCH;
    return e == ERR_NONE ? e : refuse(c, e, "its genesis is not the chain's");
}

static enum err open_database(struct checking *c)
{
    const struct store_options options = {.read_only = true};
    char path[CONFIG_TEXT_MAX + 16];
    char message[200];
    struct store_tip tip;
    struct store_view *v;
    uint64_t indexed;
    enum err e;

    snprintf(path, sizeof path, "%s/db", c->dir);
    e = store_open(&c->store,
                   path,
                   &c->manifest.chain_id,
                   &options,
                   message,
                   sizeof message);
    if (e != ERR_NONE)
        return refuse(c, e, message);
    tip = store_tip_of(c->store);
    v = store_view_open(c->store);
    indexed = store_view_height(v);
    store_view_close(v);
    return tip.any && tip.height == c->manifest.height &&
                   hash_eq(&tip.hash, &c->manifest.block_hash) &&
                   indexed == tip.height
               ? ERR_NONE
               : refuse(c,
                        ERR_MISMATCH,
                        "its database ends at another block than the manifest "
                        "says");
}

static enum err rebuild(struct checking *c)
{
    const struct hash *root = &c->manifest.state_root;
    enum err e = load_engine(&c->engine, &c->tip, c->genesis, c->store);
    struct hash hash;

    if (e == ERR_NONE) {
        hash = header_hash(&c->tip);
        if (!hash_eq(&hash, &c->manifest.block_hash) ||
            !hash_eq(root, &c->tip.state_root))
            e = ERR_MISMATCH;
    }
    return e == ERR_NONE
               ? e
               : refuse(c, e, "the state in it is not what its block says");
}

static enum err check_body(struct checking *c, const struct header *h)
{
    struct body *body = malloc(sizeof *body);
    struct store_value v = {0};
    struct hash root;
    enum err e = store_get_block(&v, c->store, h->height, STORE_BODY);

    ASSERT(body != NULL);
    if (e == ERR_NONE)
        e = body_split(body, bytes_of(v.at, v.size));
    if (e == ERR_NONE) {
        root = body_tx_root(body);
        if (v.size != h->body_bytes || body->count != h->tx_count ||
            !hash_eq(&root, &h->tx_root))
            e = ERR_MISMATCH;
    }
    store_value_free(&v);
    free(body);
    return e;
}

/* A block's certificate, by the set that its header names.  The state in the
 * backup says who that is; the headers, from the genesis on, that it is true.
 */
static enum err check_cert(struct checking *c, const struct header *h)
{
    struct valset set;
    struct vote_domain d = {.chain_id = c->manifest.chain_id, .set = &set};
    const struct hash hash = header_hash(h);
    struct store_value v;
    struct cert cert;
    enum err e;

    TRY(engine_validators_of(c->engine, h->epoch, &set));
    d.validators_hash = valset_hash(&set);
    if (!hash_eq(&d.validators_hash, &h->validators_hash))
        return ERR_MISMATCH;
    TRY(store_get_block(&v, c->store, h->height, STORE_CERT));
    e = msg_cert_decode(&cert, bytes_of(v.at, v.size));
    store_value_free(&v);
    TRY(e);
    if (cert.kind != VOTE_FINALIZE || cert.about.height != h->height ||
        !hash_eq(&cert.about.block, &hash))
        return ERR_MISMATCH;
    return cert_check(&cert, &d);
}

/* Where the headers are. */
struct following {
    uint64_t epoch;
    struct hash validators; /* that must be in force */
    struct hash parent;
    struct mtree_log log;
};

static void begin_headers(struct following *f, const struct checking *c)
{
    struct engine *e = engine_new(c->genesis);
    const struct executed_block *b = engine_genesis_block(e);

    *f = (struct following){.validators = b->header.next_validators_hash,
                            .parent = b->hash};
    mtree_log_append(&f->log, &b->hash);
    engine_free(e);
}

/* A database that begins at a snapshot, and has not all blocks before it yet:
 * from one certified change of validators to the next, up to its first block.
 */
static enum err follow_seals(struct following *f,
                             struct checking *c,
                             uint64_t first)
{
    struct header h;

    TRY(load_header(&h, c->store, first));
    while (f->epoch < h.epoch) {
        struct store_view *v = store_view_open(c->store);
        struct validators_row row;
        struct header seal;
        enum err e = load_validators(&row, v, f->epoch + 1);

        store_view_close(v);
        if (e == ERR_NONE)
            e = load_header(&seal, c->store, row.since_height);
        TRY(e);
        if (seal.epoch != f->epoch || (seal.flags & HEADER_SEAL) == 0 ||
            seal.height >= first ||
            !hash_eq(&seal.validators_hash, &f->validators))
            return ERR_MISMATCH;
        TRY(check_cert(c, &seal));
        f->epoch++;
        f->validators = seal.next_validators_hash;
    }
    f->parent = h.parent_hash;
    return ERR_NONE;
}

/* What the snapshot brought of the log of headers is what its header says. */
static enum err take_log(struct following *f,
                         struct checking *c,
                         const struct header *h)
{
    struct hash root;

    TRY(store_get_header_log(&f->log, c->store, h->height));
    root = mtree_log_root(&f->log);
    return hash_eq(&root, &h->header_log_root) ? ERR_NONE : ERR_MISMATCH;
}

/* Each header names its parent and who validates; who comes next is certified
 * by who went before, and so is the newest block. */
static enum err follow_one(struct following *f,
                           struct checking *c,
                           uint64_t height)
{
    const bool newest = height == c->tip.height;
    struct header h;
    struct hash root;
    bool seals;

    TRY(load_header(&h, c->store, height));
    seals = (h.flags & HEADER_SEAL) != 0;
    if (h.height != height || !hash_eq(&h.parent_hash, &f->parent) ||
        h.epoch != f->epoch || !hash_eq(&h.validators_hash, &f->validators) ||
        (!seals && !hash_eq(&h.next_validators_hash, &f->validators)))
        return ERR_MISMATCH;
    if (store_blocks_from(c->store) > 0 && height == store_rows_from(c->store))
        TRY(take_log(f, c, &h));
    root = mtree_log_root(&f->log);
    if (newest && !hash_eq(&root, &h.header_log_root))
        return ERR_MISMATCH;
    if (newest || seals)
        TRY(check_cert(c, &h));
    if (height >= store_bodies_from(c->store))
        TRY(check_body(c, &h));
    f->parent = header_hash(&h);
    mtree_log_append(&f->log, &f->parent);
    if (seals) {
        f->epoch++;
        f->validators = h.next_validators_hash;
    }
    return ERR_NONE;
}

static enum err follow_headers(struct checking *c)
{
    const uint64_t first = store_blocks_from(c->store);
    struct following f;
    struct header zero;
    struct hash hash;

    begin_headers(&f, c);
    TRY(load_header(&zero, c->store, 0));
    hash = header_hash(&zero);
    if (!hash_eq(&hash, &f.parent))
        return ERR_MISMATCH;
    if (first > 0)
        TRY(follow_seals(&f, c, first));
    for (uint64_t height = first > 0 ? first : 1; height <= c->tip.height;
         height++)
        TRY(follow_one(&f, c, height));
    return hash_eq(&f.parent, &c->manifest.block_hash) ? ERR_NONE
                                                       : ERR_MISMATCH;
}

static enum err check_all(struct checking *c)
{
    enum err e;

    TRY(check_files(c));
    TRY(read_genesis(c));
    TRY(open_database(c));
    TRY(rebuild(c));
    e = follow_headers(c);
    return e == ERR_NONE ? e
                         : refuse(c,
                                  e,
                                  "its blocks do not lead from the genesis to "
                                  "the newest, each certified change of "
                                  "validators included");
}

enum err backup_verify(const char *dir,
                       struct backup_result *out,
                       struct backup_watch *watch)
{
    struct checking c = {.dir = dir, .out = out, .watch = watch};
    enum err e;

    memset(out, 0, sizeof *out);
    snprintf(out->path, sizeof out->path, "%s", dir);
    e = check_all(&c);
    out->chain_id = c.manifest.chain_id;
    out->height = c.manifest.height;
    out->block_hash = c.manifest.block_hash;
    out->state_root = c.manifest.state_root;
    out->manifest = manifest_digest(&c.manifest);
    out->from = e == ERR_NONE ? store_blocks_from(c.store) : 0;
    out->files = c.manifest.count;
    for (uint32_t i = 0; i < c.manifest.count; i++)
        out->bytes += c.manifest.files[i].size;
    engine_free(c.engine);
    store_close(c.store);
    free(c.genesis);
    manifest_free(&c.manifest);
    return e;
}
