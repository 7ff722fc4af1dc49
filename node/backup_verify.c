/* Whether a backup is what it says, found out from its files alone. */
#include "base/check.h"
#include "consensus/msg.h"
#include "crypto/hash.h"
#include "node/backup.h"
#include "node/start.h"

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

/* The certificate of the newest block, by the set that the state names. */
static enum err check_cert(struct checking *c)
{
    struct valset set;
    struct vote_domain d = {.chain_id = c->manifest.chain_id, .set = &set};
    const struct hash hash = header_hash(&c->tip);
    struct store_value v;
    struct cert cert;
    enum err e;

    if (c->tip.height == 0)
        return ERR_NONE;
    TRY(engine_validators_of(c->engine, c->tip.epoch, &set));
    d.validators_hash = valset_hash(&set);
    TRY(store_get_block(&v, c->store, c->tip.height, STORE_CERT));
    e = msg_cert_decode(&cert, bytes_of(v.at, v.size));
    store_value_free(&v);
    TRY(e);
    if (cert.kind != VOTE_FINALIZE || cert.about.height != c->tip.height ||
        !hash_eq(&cert.about.block, &hash))
        return ERR_MISMATCH;
    return cert_check(&cert, &d);
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
    if (e != ERR_NONE)
        return refuse(c, e, "the state in it is not what its block says");
    e = check_cert(c);
    return e == ERR_NONE ? e
                         : refuse(c, e, "its newest block is not certified");
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

/* Headers name their parents; the newest one's log is over all of them. */
static enum err follow_headers(struct checking *c)
{
    const uint64_t bodies = store_bodies_from(c->store);
    struct mtree_log log = {0};
    struct hash parent = {{0}};

    for (uint64_t height = 0; height <= c->tip.height; height++) {
        struct header h;
        struct hash root;

        TRY(load_header(&h, c->store, height));
        if (h.height != height || !hash_eq(&h.parent_hash, &parent))
            return ERR_MISMATCH;
        root = mtree_log_root(&log);
        if (height == c->tip.height && !hash_eq(&root, &h.header_log_root))
            return ERR_MISMATCH;
        if (height >= bodies)
            TRY(check_body(c, &h));
        parent = header_hash(&h);
        mtree_log_append(&log, &parent);
    }
    return hash_eq(&parent, &c->manifest.block_hash) ? ERR_NONE : ERR_MISMATCH;
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
                                  "its blocks do not follow one another up to "
                                  "the newest");
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
    out->files = c.manifest.count;
    for (uint32_t i = 0; i < c.manifest.count; i++)
        out->bytes += c.manifest.files[i].size;
    engine_free(c.engine);
    store_close(c.store);
    free(c.genesis);
    manifest_free(&c.manifest);
    return e;
}
