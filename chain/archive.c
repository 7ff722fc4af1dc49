#include "chain/archive.h"

#include "crypto/hash.h"

enum {
    ITEM_END = 0,
    ITEM_BLOCK = 1,
};

static const uint8_t magic[7] = {'E', 'Q', 'A', 'R', 'C', 'H', 'V'};

static struct hash digest_of(const struct hash *before, struct bytes item)
{
    struct hash both[2] = {*before, hash_of(item)};

    return hash_tagged(ARCHIVE_TAG, bytes_of(both, sizeof both));
}

/* Reads the digest that ends the item and compares it. */
static enum err take_digest(struct hash *digest,
                            struct reader *r,
                            struct bytes in,
                            const struct hash *before)
{
    const struct bytes item = bytes_of(in.at, in.size - r->left);
    const struct hash said = reader_hash(r);

    TRY(r->err);
    *digest = digest_of(before, item);
    return hash_eq(digest, &said) ? ERR_NONE : ERR_CORRUPT;
}

enum err archive_read_head(struct archive_walk *w,
                           struct bytes *genesis,
                           size_t *used,
                           struct bytes in)
{
    static const struct hash none;
    struct reader r = reader_of(in);
    struct archive_walk walk = {.ended = false};
    uint8_t found[sizeof magic];
    struct bytes bytes;
    struct hash id;

    reader_copy(&r, found, sizeof found);
    if (r.err == ERR_NONE && memcmp(found, magic, sizeof magic) != 0)
        reader_fail(&r, ERR_VERSION);
    if (reader_u8(&r) != ARCHIVE_VERSION)
        reader_fail(&r, ERR_VERSION);
    walk.chain_id = reader_hash(&r);
    walk.first = walk.next = reader_u64(&r);
    bytes = reader_vec(&r, GENESIS_BYTES_MAX);
    TRY(r.err);
    TRY(take_digest(&walk.digest, &r, in, &none));
    id = hash_tagged(GENESIS_TAG, bytes);
    if (!hash_eq(&id, &walk.chain_id))
        return ERR_CHAIN;
    if (walk.first == UINT64_MAX)
        return ERR_RANGE;
    *w = walk;
    *genesis = bytes;
    *used = in.size - r.left;
    return ERR_NONE;
}

static enum err read_cert(struct cert *out, struct bytes in)
{
    struct reader r = reader_of(in);

    cert_read(&r, out);
    return reader_finish(&r);
}

/* What can be seen without a key: it is the next block, and the certificate
 * says that it is final. */
static enum err check_block(const struct archive_walk *w,
                            const struct archive_block *b)
{
    const struct header *h = &b->header;
    const struct cert *c = &b->cert;

    if (!hash_eq(&h->chain_id, &w->chain_id))
        return ERR_CHAIN;
    if (h->height != w->next ||
        (w->next > w->first && !hash_eq(&h->parent_hash, &w->last)))
        return ERR_ORDER;
    if (h->body_bytes != b->body.size)
        return ERR_MISMATCH;
    if (h->height == 0)
        return b->cert_bytes.size == 0 ? ERR_NONE : ERR_MISMATCH;
    return c->kind == VOTE_FINALIZE && c->epoch == h->epoch &&
                   c->about.height == h->height && c->about.view >= h->view &&
                   hash_eq(&c->about.block, &b->hash)
               ? ERR_NONE
               : ERR_MISMATCH;
}

/* ERR_TRUNCATED is said of the file alone: more of it does not help here. */
static enum err of_form(enum err e)
{
    return e == ERR_NONE || e == ERR_VERSION ? e : ERR_RANGE;
}

static enum err decode_block(struct archive_walk *w, struct archive_block *out)
{
    TRY(of_form(header_decode(&out->header, out->header_bytes)));
    out->hash = header_hash(&out->header);
    if (out->header.height > 0)
        TRY(of_form(read_cert(&out->cert, out->cert_bytes)));
    TRY(check_block(w, out));
    if (w->next == UINT64_MAX - 1)
        return ERR_RANGE;
    w->last = out->hash;
    w->next++;
    return ERR_NONE;
}

static enum err read_block(struct archive_walk *w,
                           struct archive_block *out,
                           struct reader *r,
                           struct bytes in)
{
    out->header_bytes = reader_vec(r, HEADER_BYTES_MAX);
    out->cert_bytes = reader_vec(r, CERT_BYTES_MAX);
    out->body = reader_vec(r, BLOCK_BODY_BYTES_MAX);
    TRY(r->err);
    TRY(take_digest(&w->digest, r, in, &w->digest));
    return decode_block(w, out);
}

static enum err read_end(struct archive_walk *w,
                         struct reader *r,
                         struct bytes in)
{
    const uint64_t count = reader_u64(r);
    const struct hash last = reader_hash(r);

    TRY(r->err);
    TRY(take_digest(&w->digest, r, in, &w->digest));
    if (count != w->next - w->first || !hash_eq(&last, &w->last))
        return ERR_ORDER;
    w->ended = true;
    return ERR_NONE;
}

enum err archive_read_item(struct archive_walk *w,
                           struct archive_block *out,
                           size_t *used,
                           struct bytes in)
{
    struct reader r = reader_of(in);
    struct archive_walk walk = *w;
    enum err e;

    memset(out, 0, sizeof *out);
    switch (reader_u8(&r)) {
    case ITEM_BLOCK:
        e = read_block(&walk, out, &r, in);
        break;
    case ITEM_END:
        e = r.err != ERR_NONE ? r.err : read_end(&walk, &r, in);
        break;
    default:
        e = ERR_RANGE;
    }
    if (e != ERR_NONE) {
        memset(out, 0, sizeof *out);
        return e;
    }
    *w = walk;
    *used = in.size - r.left;
    return ERR_NONE;
}

/* Ends an item that began at `from`; does nothing in a writer without room. */
static void put_digest(struct writer *out, struct archive_walk *w, size_t from)
{
    if (writer_ok(out))
        w->digest =
            digest_of(&w->digest, bytes_of(out->buf + from, out->size - from));
    writer_hash(out, &w->digest);
}

void archive_encode_head(struct writer *out,
                         struct archive_walk *w,
                         const struct hash *chain_id,
                         uint64_t first,
                         struct bytes genesis)
{
    const size_t from = out->size;

    *w = (struct archive_walk){
        .chain_id = *chain_id, .first = first, .next = first};
    writer_copy(out, magic, sizeof magic);
    writer_u8(out, ARCHIVE_VERSION);
    writer_hash(out, chain_id);
    writer_u64(out, first);
    writer_vec(out, genesis);
    put_digest(out, w, from);
}

void archive_encode_block(struct writer *out,
                          struct archive_walk *w,
                          struct bytes header,
                          struct bytes cert,
                          struct bytes body)
{
    const size_t from = out->size;

    writer_u8(out, ITEM_BLOCK);
    writer_vec(out, header);
    writer_vec(out, cert);
    writer_vec(out, body);
    put_digest(out, w, from);
    w->last = hash_tagged(BLOCK_TAG, header);
    w->next++;
}

void archive_encode_end(struct writer *out, struct archive_walk *w)
{
    const size_t from = out->size;

    writer_u8(out, ITEM_END);
    writer_u64(out, w->next - w->first);
    writer_hash(out, &w->last);
    put_digest(out, w, from);
    w->ended = true;
}
