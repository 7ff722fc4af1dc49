/* Properties of block archives, for any bytes whatever:
 *   P1  what is read encodes back to the same bytes
 *   P2  an item that is read is not read from a proper prefix of it
 *   P3  what is refused leaves zeros, and the walk where it was
 * Damage is caught by the digests before anything else is looked at; so the
 * input is also taken as the parts of one block, with digests that fit: first
 * byte a selector, then three lengths of 16 bits. */
#include "base/check.h"
#include "chain/archive.h"
#include "crypto/hash.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_walk(const struct archive_walk *a,
                      const struct archive_walk *b)
{
    return hash_eq(&a->chain_id, &b->chain_id) && a->first == b->first &&
           a->next == b->next && hash_eq(&a->last, &b->last) &&
           hash_eq(&a->digest, &b->digest) && a->ended == b->ended;
}

static void check_item(const struct archive_walk *before,
                       const struct archive_walk *after,
                       const struct archive_block *b,
                       struct bytes in)
{
    uint8_t *again = malloc(in.size);
    struct writer w = writer_of(again, in.size);
    struct archive_walk walk = *before;
    struct archive_block part;
    size_t used;

    ASSERT(again != NULL);
    if (after->ended)
        archive_encode_end(&w, &walk);
    else
        archive_encode_block(
            &w, &walk, b->header_bytes, b->cert_bytes, b->body);
    ASSERT(w.size == in.size && memcmp(again, in.at, in.size) == 0);
    ASSERT(same_walk(&walk, after));
    for (size_t cut = 0; cut < in.size; cut += 1 + in.size / 16) {
        walk = *before;
        ASSERT(archive_read_item(&walk, &part, &used, bytes_of(in.at, cut)) ==
               ERR_TRUNCATED);
    }
    free(again);
}

static void check_refused(const struct archive_walk *before,
                          const struct archive_walk *after,
                          const struct archive_block *b)
{
    static const struct archive_block zeros;

    ASSERT(same_walk(before, after));
    ASSERT(memcmp(b, &zeros, sizeof zeros) == 0);
}

static void read_items(struct archive_walk *w, struct bytes in)
{
    while (!w->ended) {
        const struct archive_walk before = *w;
        struct archive_block b;
        size_t used = 0;

        if (archive_read_item(w, &b, &used, in) != ERR_NONE) {
            check_refused(&before, w, &b);
            return;
        }
        check_item(&before, w, &b, bytes_of(in.at, used));
        in = bytes_of(in.at + used, in.size - used);
    }
}

static void read_file(struct bytes in)
{
    struct archive_walk w;
    struct bytes genesis;
    size_t used;

    if (archive_read_head(&w, &genesis, &used, in) == ERR_NONE) {
        uint8_t *again = malloc(used);
        struct writer out = writer_of(again, used);
        struct archive_walk walk;

        ASSERT(again != NULL);
        archive_encode_head(&out, &walk, &w.chain_id, w.first, genesis);
        ASSERT(out.size == used && memcmp(again, in.at, used) == 0);
        ASSERT(same_walk(&walk, &w));
        free(again);
        read_items(&w, bytes_of(in.at + used, in.size - used));
    }
}

static struct bytes part_of(struct reader *r, size_t size)
{
    return reader_take(r, size < r->left ? size : r->left);
}

static void read_parts(struct bytes in)
{
    struct reader r = reader_of(in);
    struct archive_walk w = {.first = 0};
    const bool first = reader_u8(&r) % 2 == 0;
    const size_t header_size = reader_u16(&r);
    const size_t cert_size = reader_u16(&r);
    const struct bytes header = part_of(&r, header_size);
    const struct bytes cert = part_of(&r, cert_size);
    uint8_t *room = malloc(in.size + 64);
    struct writer out = writer_of(room, in.size + 64);
    struct archive_walk walk;
    struct header h;

    ASSERT(room != NULL);
    if (header_decode(&h, header) == ERR_NONE) {
        w.chain_id = h.chain_id;
        w.next = h.height;
        w.first = first || h.height == 0 ? h.height : h.height - 1;
        w.last = h.parent_hash;
    }
    walk = w;
    archive_encode_block(&out, &walk, header, cert, bytes_of(r.next, r.left));
    ASSERT(writer_ok(&out));
    read_items(&w, writer_bytes(&out));
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_file(bytes_of(data, size));
    read_parts(bytes_of(data, size));
    return 0;
}
