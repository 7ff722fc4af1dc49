/* Whether a manifest leads from the genesis to a state root, and that root to
 * every row it holds and every piece it names. */
#include "state/snapshot_parts.h"

#include "base/check.h"
#include "crypto/hash.h"
#include "state/forest.h"

#include <stdlib.h>

/* ---- folding ---- */

enum err snapshot_fold_add(struct snapshot_fold *f,
                           uint16_t bit,
                           const struct hash *hash)
{
    if (!f->any) {
        f->any = true;
        f->last = *hash;
        return bit == SNAPSHOT_NO_BIT ? ERR_NONE : ERR_ORDER;
    }
    if (bit >= PROOF_STEPS_MAX)
        return ERR_ORDER;
    while (f->depth > 0 && f->spine[f->depth - 1].bit > bit) {
        f->depth--;
        f->last = forest_node_hash(f->table,
                                   f->spine[f->depth].bit,
                                   &f->spine[f->depth].left,
                                   &f->last);
    }
    if (f->depth > 0 && f->spine[f->depth - 1].bit == bit)
        return ERR_ORDER;
    ASSERT(f->depth < PROOF_STEPS_MAX); /* bits ascend, each once */
    f->spine[f->depth].bit = bit;
    f->spine[f->depth].left = f->last;
    f->depth++;
    f->last = *hash;
    return ERR_NONE;
}

struct hash snapshot_fold_root(const struct snapshot_fold *f)
{
    struct hash h = f->last;

    for (uint32_t i = f->depth; i > 0; i--)
        h = forest_node_hash(
            f->table, f->spine[i - 1].bit, &f->spine[i - 1].left, &h);
    return h;
}

/* ---- the head: who vouches for the header ---- */

struct trail {
    struct hash chain_id;
    struct valset set;
    struct hash set_hash;
    uint64_t height; /* of the newest block that was certified */
};

static enum err check_header(const struct trail *t,
                             struct header *h,
                             struct hash *hash,
                             struct bytes in)
{
    TRY(header_decode(h, in));
    if (!hash_eq(&h->chain_id, &t->chain_id))
        return ERR_CHAIN;
    if ((h->flags & ~HEADER_SEAL) != 0 || h->header_log_size != h->height ||
        h->height <= t->height ||
        ((h->flags & HEADER_SEAL) == 0 &&
         !hash_eq(&h->validators_hash, &h->next_validators_hash)))
        return ERR_RANGE;
    if (h->epoch != t->set.epoch || !hash_eq(&h->validators_hash, &t->set_hash))
        return ERR_MISMATCH;
    *hash = header_hash(h);
    return ERR_NONE;
}

static enum err check_cert(const struct trail *t,
                           const struct header *h,
                           const struct hash *hash,
                           struct bytes in)
{
    const struct vote_domain d = {t->chain_id, t->set_hash, &t->set};
    struct reader r = reader_of(in);
    struct cert c;

    cert_read(&r, &c);
    TRY(reader_finish(&r));
    if (c.kind != VOTE_FINALIZE || c.about.height != h->height ||
        c.about.view < h->view || !hash_eq(&c.about.block, hash))
        return ERR_MISMATCH;
    return cert_check(&c, &d);
}

static enum err follow_epoch(struct trail *t, const struct snapshot_epoch *e)
{
    struct header h;
    struct hash hash;
    struct hash next;

    TRY(check_header(t, &h, &hash, e->header));
    if ((h.flags & HEADER_SEAL) == 0)
        return ERR_MISMATCH;
    TRY(check_cert(t, &h, &hash, e->cert));
    TRY(valset_check(&e->next));
    next = valset_hash(&e->next);
    if (e->next.epoch != h.epoch + 1 ||
        !hash_eq(&next, &h.next_validators_hash))
        return ERR_MISMATCH;
    t->set = e->next;
    t->set_hash = next;
    t->height = h.height;
    return ERR_NONE;
}

static bool read_epoch(struct reader *r, struct snapshot_epoch *out)
{
    out->header = reader_vec(r, HEADER_BYTES_MAX);
    out->cert = reader_vec(r, CERT_BYTES_MAX);
    schema_read(r, &valset_schema, &out->next);
    return r->err == ERR_NONE;
}

bool snapshot_next_epoch(struct reader *r, struct snapshot_epoch *out)
{
    return r->left > 0 && r->err == ERR_NONE && read_epoch(r, out);
}

static enum err read_log(struct snapshot *s, struct reader *r)
{
    const uint32_t peaks = reader_count(r, MTREE_DEPTH_MAX, HASH_BYTES);
    struct hash root;

    s->log.size = s->header.height;
    if (peaks != mtree_log_peak_count(&s->log))
        return ERR_RANGE;
    for (uint32_t i = 0; i < peaks; i++)
        s->log.peaks[i] = reader_hash(r);
    TRY(r->err);
    root = mtree_log_root(&s->log);
    return hash_eq(&root, &s->header.header_log_root) ? ERR_NONE : ERR_MISMATCH;
}

static enum err read_head(struct snapshot *s,
                          struct reader *r,
                          struct trail *t,
                          const char **where)
{
    uint8_t magic[sizeof SNAPSHOT_MAGIC - 1];
    struct snapshot_epoch e;
    const uint8_t *from;

    *where = "it is no manifest that this release knows";
    reader_copy(r, magic, sizeof magic);
    if (r->err != ERR_NONE ||
        memcmp(magic, SNAPSHOT_MAGIC, sizeof magic) != 0 ||
        reader_u16(r) != SNAPSHOT_VERSION)
        return ERR_VERSION;
    *where = "a change of validators";
    s->header_bytes = reader_vec(r, HEADER_BYTES_MAX);
    s->cert_bytes = reader_vec(r, CERT_BYTES_MAX);
    s->epoch_count = reader_count(r, SNAPSHOT_EPOCHS_MAX, 12);
    TRY(r->err);
    from = r->next;
    for (uint32_t i = 0; i < s->epoch_count; i++) {
        if (!read_epoch(r, &e))
            return r->err;
        TRY(follow_epoch(t, &e));
    }
    s->epochs = bytes_of(from, (size_t)(r->next - from));
    *where = "the header or its certificate";
    TRY(check_header(t, &s->header, &s->hash, s->header_bytes));
    TRY(check_cert(t, &s->header, &s->hash, s->cert_bytes));
    *where = "the log of headers";
    return read_log(s, r);
}

/* ---- the body: what the state root covers ---- */

static void *make_list(uint32_t count, size_t size)
{
    void *list = calloc((size_t)count + 1, size);

    ASSERT(list != NULL);
    return list;
}

static enum err read_inline(struct snapshot *s, struct reader *r, uint8_t table)
{
    const uint32_t count = reader_count(r, UINT32_MAX, HASH_BYTES + 5);
    struct proof_list list;

    proof_list_begin(&list, table);
    for (uint32_t i = 0; i < count; i++) {
        const struct hash key = reader_hash(r);
        const struct bytes row = reader_vec(r, ROW_BYTES_MAX);
        const struct hash hash = proof_row_hash(row);

        TRY(r->err);
        if (row.size == 0)
            return ERR_RANGE;
        TRY(proof_list_add(&list, &key, &hash));
    }
    s->slots[table] = proof_list_root(&list);
    return r->err;
}

static enum err read_securities(struct snapshot *s, struct reader *r)
{
    const uint32_t count = reader_count(
        r, UINT32_MAX, HASH_BYTES + 5 + SECURITY_TREES * HASH_BYTES);
    struct proof_list list;

    TRY(r->err);
    s->securities = make_list(count, sizeof s->securities[0]);
    s->security_count = count;
    proof_list_begin(&list, TABLE_SECURITIES);
    for (uint32_t i = 0; i < count; i++) {
        struct security_roots *one = &s->securities[i];
        struct bytes row;
        struct hash hash;

        one->security = reader_hash(r);
        row = reader_vec(r, ROW_BYTES_MAX);
        for (uint32_t t = 0; t < SECURITY_TREES; t++)
            one->roots[t] = reader_hash(r);
        TRY(r->err);
        if (row.size == 0)
            return ERR_RANGE;
        hash = proof_security_row_hash(row, one->roots);
        TRY(proof_list_add(&list, &one->security, &hash));
    }
    s->slots[TABLE_SECURITIES] = proof_list_root(&list);
    return ERR_NONE;
}

/* Days, each with the root of its tree, are read into *out (to be freed). */
static enum err read_days(struct snapshot *s,
                          struct reader *r,
                          struct snapshot_tree **out,
                          uint32_t *count)
{
    struct proof_list list;

    *count = reader_count(r, UINT32_MAX, 2 * HASH_BYTES);
    TRY(r->err);
    *out = make_list(*count, sizeof **out);
    proof_list_begin(&list, TABLE_REFERENCES);
    for (uint32_t i = 0; i < *count; i++) {
        struct snapshot_tree *t = &(*out)[i];
        struct hash hash;

        t->table = TABLE_REFERENCES;
        t->id = reader_hash(r);
        t->root = reader_hash(r);
        TRY(r->err);
        if (hash_is_zero(&t->root))
            return ERR_RANGE;
        hash = proof_row_hash(bytes_of(t->root.raw, HASH_BYTES));
        TRY(proof_list_add(&list, &t->id, &hash));
    }
    s->slots[TABLE_REFERENCES] = proof_list_root(&list);
    return ERR_NONE;
}

/* The trees that are in pieces, in order.  The roots of those of CUT tables are
 * what their pieces give. */
static void list_trees(struct snapshot *s,
                       const struct snapshot_tree *days,
                       uint32_t day_count)
{
    uint32_t n = 0;

    s->trees =
        make_list(SECURITY_TREES * s->security_count + day_count + TABLES_USED,
                  sizeof s->trees[0]);
    for (uint8_t table = 0; table < TABLES_USED; table++) {
        switch (snapshot_kind_of(table)) {
        case SNAPSHOT_INLINE:
        case SNAPSHOT_SECURITIES:
            break;
        case SNAPSHOT_CUT:
            s->trees[n++].table = table;
            break;
        case SNAPSHOT_INSIDE:
            for (uint32_t i = 0; i < s->security_count; i++)
                s->trees[n++] = (struct snapshot_tree){
                    .table = table,
                    .id = s->securities[i].security,
                    .root = s->securities[i].roots[table - TABLE_HOLDINGS]};
            break;
        case SNAPSHOT_DAYS:
            memcpy(&s->trees[n], days, day_count * sizeof days[0]);
            n += day_count;
            break;
        }
    }
    s->tree_count = n;
}

static enum err read_tree(struct snapshot *s, struct reader *r, uint32_t at)
{
    struct snapshot_tree *t = &s->trees[at];
    const uint32_t count = reader_count(r, UINT32_MAX, SNAPSHOT_PIECE_BYTES);
    struct snapshot_fold fold = {.table = t->table};
    struct hash root;

    TRY(r->err);
    for (uint32_t i = 0; i < count; i++) {
        struct snapshot_piece *p = &s->pieces[s->piece_count++];

        p->bit = reader_u16(r);
        p->leaves = reader_u32(r);
        p->hash = reader_hash(r);
        p->tree = at;
        TRY(r->err);
        if (p->leaves == 0 || p->leaves > SNAPSHOT_LEAVES_MAX)
            return ERR_RANGE;
        TRY(snapshot_fold_add(&fold, p->bit, &p->hash));
    }
    root = snapshot_fold_root(&fold);
    if (snapshot_kind_of(t->table) == SNAPSHOT_CUT) {
        t->root = root;
        s->slots[t->table] = root;
        return ERR_NONE;
    }
    return hash_eq(&t->root, &root) ? ERR_NONE : ERR_MISMATCH;
}

static enum err read_chunks(struct snapshot *s, struct reader *r)
{
    const uint32_t count = reader_count(r, UINT32_MAX, SNAPSHOT_CHUNK_BYTES);
    uint32_t piece = 0;

    TRY(r->err);
    s->chunks = make_list(count, sizeof s->chunks[0]);
    s->chunk_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct snapshot_chunk *c = &s->chunks[i];

        c->first = piece;
        c->pieces = reader_u32(r);
        c->bytes = reader_u32(r);
        TRY(r->err);
        if (c->pieces == 0 || c->pieces > s->piece_count - piece ||
            c->bytes > SNAPSHOT_CHUNK_MAX)
            return ERR_RANGE;
        for (uint32_t k = 0; k < c->pieces; k++) {
            c->leaves += s->pieces[piece++].leaves;
            if (c->leaves > SNAPSHOT_LEAVES_MAX)
                return ERR_RANGE;
        }
        s->leaves += c->leaves;
        s->bytes += c->bytes;
    }
    return piece == s->piece_count ? ERR_NONE : ERR_RANGE;
}

static enum err read_trees(struct snapshot *s, struct reader *r)
{
    struct snapshot_tree *days = NULL;
    uint32_t day_count = 0;
    enum err e = read_days(s, r, &days, &day_count);

    if (e == ERR_NONE)
        list_trees(s, days, day_count);
    free(days);
    TRY(e);
    s->pieces = make_list((uint32_t)(r->left / SNAPSHOT_PIECE_BYTES),
                          sizeof s->pieces[0]);
    for (uint32_t i = 0; i < s->tree_count; i++)
        TRY(read_tree(s, r, i));
    return ERR_NONE;
}

static enum err read_body(struct snapshot *s, const char **where)
{
    struct reader r = reader_of(s->body);
    struct hash root;

    *where = "the rows in the manifest";
    for (uint8_t t = 0; t < TABLES_USED; t++) {
        if (snapshot_kind_of(t) == SNAPSHOT_INLINE)
            TRY(read_inline(s, &r, t));
        else if (snapshot_kind_of(t) == SNAPSHOT_SECURITIES)
            TRY(read_securities(s, &r));
    }
    *where = "the pieces of a tree";
    TRY(read_trees(s, &r));
    *where = "the chunks";
    TRY(read_chunks(s, &r));
    TRY(reader_finish(&r));
    *where = "the state root";
    root = proof_state_root(s->slots);
    return hash_eq(&root, &s->header.state_root) ? ERR_NONE : ERR_MISMATCH;
}

struct hash snapshot_id(struct bytes body)
{
    return hash_tagged(SNAPSHOT_TAG, body);
}

static enum err open_manifest(struct snapshot *s,
                              struct bytes in,
                              const struct hash *chain_id,
                              const struct valset *genesis,
                              const char **where)
{
    struct trail t = {.chain_id = *chain_id, .set = *genesis};
    struct reader r = reader_of(in);

    *where = "its size";
    if (in.size > SNAPSHOT_MANIFEST_MAX)
        return ERR_RANGE;
    t.set_hash = valset_hash(genesis);
    TRY(read_head(s, &r, &t, where));
    s->body = bytes_of(r.next, r.left);
    s->id = snapshot_id(s->body);
    return read_body(s, where);
}

enum err snapshot_open(struct snapshot **out,
                       struct bytes in,
                       const struct hash *chain_id,
                       const struct valset *genesis,
                       const struct hash *id,
                       const char **where)
{
    struct snapshot *s = calloc(1, sizeof *s);
    const char *what;
    enum err e;

    ASSERT(s != NULL);
    if (where == NULL)
        where = &what;
    e = open_manifest(s, in, chain_id, genesis, where);
    if (e == ERR_NONE && id != NULL && !hash_eq(id, &s->id)) {
        *where = "it is not the one that was offered";
        e = ERR_MISMATCH;
    }
    if (e != ERR_NONE) {
        snapshot_free(s);
        s = NULL;
    }
    *out = s;
    return e;
}

void snapshot_free(struct snapshot *s)
{
    if (s == NULL)
        return;
    free(s->securities);
    free(s->trees);
    free(s->pieces);
    free(s->chunks);
    free(s);
}
