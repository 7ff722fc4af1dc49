/* Block archives: what is written is read; nothing else is. */
#include "chain/archive.h"

#include "base/check.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    BLOCKS = 4,
    FILE_MAX = 8192,
};

struct file {
    uint8_t at[FILE_MAX];
    size_t size;
    struct hash chain_id;
    size_t begins[BLOCKS + 2]; /* each block, the end, and behind it */
};

static struct bytes header_of(struct header *h,
                              uint8_t out[HEADER_BYTES_MAX],
                              const struct file *f,
                              uint64_t height,
                              const struct hash *parent,
                              struct bytes body)
{
    *h = (struct header){.version = HEADER_VERSION,
                         .chain_id = f->chain_id,
                         .view = height,
                         .height = height,
                         .time_ms = 1000 * height,
                         .parent_hash = *parent,
                         .body_bytes = (uint32_t)body.size};
    return bytes_of(out, header_encode(out, h));
}

static struct bytes cert_of(struct cert *c,
                            uint8_t out[CERT_BYTES_MAX],
                            const struct header *h)
{
    struct writer w = writer_of(out, CERT_BYTES_MAX);

    *c = (struct cert){
        .kind = VOTE_FINALIZE,
        .epoch = h->epoch,
        .about = {h->view + 1, h->view, h->height, header_hash(h)},
        .bitmap = 7,
        .sigs = {{{1}}, {{2}}, {{3}}}};
    cert_encode(&w, c);
    return writer_bytes(&w);
}

static const uint8_t genesis[] = "what a chain is born with";

/* Blocks first .. first + count - 1. */
static struct file *make(uint64_t first, uint32_t count)
{
    struct file *f = calloc(1, sizeof *f);
    struct writer w;
    struct archive_walk walk;
    struct hash parent = {{0}};

    assert_non_null(f);
    w = writer_of(f->at, sizeof f->at);
    f->chain_id = hash_tagged(GENESIS_TAG, bytes_of(genesis, sizeof genesis));
    archive_encode_head(
        &w, &walk, &f->chain_id, first, bytes_of(genesis, sizeof genesis));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t header[HEADER_BYTES_MAX];
        uint8_t cert[CERT_BYTES_MAX];
        uint8_t body[8] = {(uint8_t)i};
        const struct bytes b = bytes_of(body, sizeof body - i);
        struct header h;
        struct cert c;
        const struct bytes hb = header_of(&h, header, f, first + i, &parent, b);

        f->begins[i] = w.size;
        archive_encode_block(&w,
                             &walk,
                             hb,
                             first + i == 0 ? bytes_of(NULL, 0)
                                            : cert_of(&c, cert, &h),
                             b);
        parent = header_hash(&h);
    }
    f->begins[count] = w.size;
    archive_encode_end(&w, &walk);
    f->begins[count + 1] = w.size;
    assert_true(writer_ok(&w));
    f->size = w.size;
    return f;
}

/* Reads all of it; *height is the one at which an error came. */
static enum err read_all(struct bytes in, uint64_t *height, uint32_t *blocks)
{
    struct archive_walk w = {.next = 0};
    struct archive_block b;
    struct bytes g;
    size_t used;
    enum err e = archive_read_head(&w, &g, &used, in);

    *height = UINT64_MAX;
    *blocks = 0;
    TRY(e);
    in = bytes_of(in.at + used, in.size - used);
    while (e == ERR_NONE && !w.ended) {
        *height = w.next;
        e = archive_read_item(&w, &b, &used, in);
        if (e == ERR_NONE) {
            in = bytes_of(in.at + used, in.size - used);
            *blocks += w.ended ? 0 : 1;
        }
    }
    return e != ERR_NONE ? e : in.size == 0 ? ERR_NONE : ERR_TRAILING;
}

static void test_archive_written_is_read(void **state)
{
    (void)state;
    for (uint64_t first = 0; first < 3; first++) {
        struct file *f = make(first, BLOCKS);
        uint64_t height;
        uint32_t blocks;

        assert_int_equal(read_all(bytes_of(f->at, f->size), &height, &blocks),
                         ERR_NONE);
        assert_int_equal(blocks, BLOCKS);
        free(f);
    }
}

static void test_archive_of_no_blocks_is_read(void **state)
{
    struct file *f = make(7, 0);
    uint64_t height;
    uint32_t blocks;

    (void)state;
    assert_int_equal(read_all(bytes_of(f->at, f->size), &height, &blocks),
                     ERR_NONE);
    assert_int_equal(blocks, 0);
    free(f);
}

static void test_archive_every_flipped_byte_is_found_where_it_is(void **state)
{
    struct file *f = make(0, BLOCKS);
    uint32_t found_in[BLOCKS + 1] = {0};

    (void)state;
    for (size_t i = 0; i < f->size; i++) {
        uint64_t height;
        uint64_t wanted = UINT64_MAX; /* the head */
        uint32_t blocks;

        for (uint32_t k = 0; k <= BLOCKS && f->begins[k] <= i; k++)
            wanted = k;
        f->at[i] ^= 0x10;
        assert_int_not_equal(
            read_all(bytes_of(f->at, f->size), &height, &blocks), ERR_NONE);
        f->at[i] ^= 0x10;
        assert_true(height == wanted);
        if (wanted <= BLOCKS)
            found_in[wanted]++;
    }
    for (uint32_t k = 0; k <= BLOCKS; k++)
        assert_true(found_in[k] > 64);
    free(f);
}

static void test_archive_cut_short_is_truncated(void **state)
{
    struct file *f = make(0, BLOCKS);

    (void)state;
    for (size_t cut = 0; cut < f->size; cut++) {
        uint64_t height;
        uint32_t blocks;

        assert_int_equal(read_all(bytes_of(f->at, cut), &height, &blocks),
                         ERR_TRUNCATED);
    }
    free(f);
}

static void test_archive_walk_stays_after_an_error(void **state)
{
    struct file *f = make(0, 1);
    struct archive_walk w;
    struct archive_walk before;
    struct archive_block b;
    struct archive_block zeros = {.body = {NULL, 0}};
    struct bytes g;
    size_t used;

    (void)state;
    assert_int_equal(archive_read_head(&w, &g, &used, bytes_of(f->at, f->size)),
                     ERR_NONE);
    assert_true(bytes_eq(g, bytes_of(genesis, sizeof genesis)));
    before = w;
    f->at[used + 9] ^= 1;
    assert_int_not_equal(
        archive_read_item(&w, &b, &used, bytes_of(f->at + used, 900)),
        ERR_NONE);
    assert_true(w.next == before.next && !w.ended &&
                hash_eq(&w.digest, &before.digest) &&
                hash_eq(&w.last, &before.last));
    assert_memory_equal(&b.header, &zeros.header, sizeof b.header);
    assert_int_equal(b.body.size, 0);
    free(f);
}

static void test_archive_of_another_genesis_is_refused(void **state)
{
    struct file *f = calloc(1, sizeof *f);
    struct writer w = writer_of(f->at, sizeof f->at);
    struct archive_walk walk;
    uint64_t height;
    uint32_t blocks;
    const struct hash other = {{1}};

    (void)state;
    archive_encode_head(
        &w, &walk, &other, 0, bytes_of(genesis, sizeof genesis));
    assert_int_equal(read_all(writer_bytes(&w), &height, &blocks), ERR_CHAIN);
    free(f);
}

/* One block whose digests are right and whose content is not: wrong() spoils
 * the parts before they are encoded. */
struct parts {
    struct header h;
    struct cert c;
    struct bytes body;
    size_t cert_cut;
    bool without_cert;
};
typedef void (*spoil_fn)(struct parts *p);

static enum err read_spoilt(spoil_fn spoil)
{
    static uint8_t room[4096];
    static const uint8_t body[5] = {0};
    struct file f = {.size = 0};
    struct writer w = writer_of(room, sizeof room);
    uint8_t header[HEADER_BYTES_MAX];
    uint8_t cert[CERT_BYTES_MAX];
    struct archive_walk walk;
    struct parts p = {.body = {body, 4}};
    struct hash parent = {{0}};
    struct writer cw = writer_of(cert, sizeof cert);
    uint64_t height;
    uint32_t blocks;

    f.chain_id = hash_tagged(GENESIS_TAG, bytes_of(genesis, sizeof genesis));
    archive_encode_head(
        &w, &walk, &f.chain_id, 5, bytes_of(genesis, sizeof genesis));
    header_of(&p.h, header, &f, 5, &parent, p.body);
    cert_of(&p.c, cert, &p.h);
    spoil(&p);
    cert_encode(&cw, &p.c);
    archive_encode_block(
        &w,
        &walk,
        bytes_of(header, header_encode(header, &p.h)),
        bytes_of(cert, p.without_cert ? 0 : cw.size - p.cert_cut),
        p.body);
    archive_encode_end(&w, &walk);
    return read_all(writer_bytes(&w), &height, &blocks);
}

static void nothing(struct parts *p)
{
    (void)p;
}
static void chain(struct parts *p)
{
    p->h.chain_id.raw[0] ^= 1;
}
static void height(struct parts *p)
{
    p->h.height++;
}
static void body(struct parts *p)
{
    p->body.size++;
}
static void version(struct parts *p)
{
    p->h.version = 2;
}
static void kind(struct parts *p)
{
    p->c.kind = VOTE_NOTARIZE;
}
static void epoch(struct parts *p)
{
    p->c.epoch++;
}
static void view(struct parts *p)
{
    p->c.about.view = p->h.view - 1;
    p->c.about.parent_view = 0;
}
static void block(struct parts *p)
{
    p->c.about.block.raw[31] ^= 1;
}
static void about_height(struct parts *p)
{
    p->c.about.height++;
}
static void cut(struct parts *p)
{
    p->cert_cut = 1;
}
static void no_cert(struct parts *p)
{
    p->without_cert = true;
}

static void test_archive_content_that_does_not_fit_is_refused(void **state)
{
    static const struct {
        spoil_fn spoil;
        enum err e;
    } cases[] = {
        {nothing, ERR_NONE},
        {chain, ERR_CHAIN},
        {height, ERR_ORDER},
        {body, ERR_MISMATCH},
        {version, ERR_VERSION},
        {kind, ERR_MISMATCH},
        {epoch, ERR_MISMATCH},
        {view, ERR_MISMATCH},
        {block, ERR_MISMATCH},
        {about_height, ERR_MISMATCH},
        {cut, ERR_RANGE},
        {no_cert, ERR_RANGE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(read_spoilt(cases[i].spoil), cases[i].e);
}

static void test_archive_blocks_out_of_order_are_refused(void **state)
{
    struct file *f = make(0, 3);
    uint8_t room[FILE_MAX];
    struct writer w = writer_of(room, sizeof room);
    struct archive_walk walk;
    struct archive_walk read;
    struct archive_block b[3];
    struct bytes g;
    size_t at;
    uint64_t height_at;
    uint32_t blocks;

    (void)state;
    assert_int_equal(
        archive_read_head(&read, &g, &at, bytes_of(f->at, f->size)), ERR_NONE);
    for (int i = 0; i < 3; i++) {
        size_t used;

        assert_int_equal(
            archive_read_item(
                &read, &b[i], &used, bytes_of(f->at + at, f->size - at)),
            ERR_NONE);
        at += used;
    }
    archive_encode_head(&w, &walk, &f->chain_id, 0, g);
    for (int i = 0; i < 3; i += 2) /* block 1 left out */
        archive_encode_block(
            &w, &walk, b[i].header_bytes, b[i].cert_bytes, b[i].body);
    archive_encode_end(&w, &walk);
    assert_int_equal(read_all(writer_bytes(&w), &height_at, &blocks),
                     ERR_ORDER);
    assert_int_equal(height_at, 1);
    free(f);
}

/* A count of blocks that the file does not have, with a digest that fits. */
static void test_archive_end_of_other_blocks_is_refused(void **state)
{
    struct file *f = make(0, 2);
    struct writer w = writer_of(f->at + f->begins[2], 200);
    struct archive_walk walk = {.first = 0, .next = 3};
    struct archive_walk read;
    struct archive_block b;
    struct bytes g;
    size_t at;
    size_t used;
    uint64_t height_at;
    uint32_t blocks;

    (void)state;
    assert_int_equal(
        archive_read_head(&read, &g, &at, bytes_of(f->at, f->size)), ERR_NONE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            archive_read_item(&read, &b, &used, bytes_of(f->at + at, 2000)),
            ERR_NONE);
        at += used;
    }
    walk.digest = read.digest;
    walk.last = read.last;
    archive_encode_end(&w, &walk);
    assert_int_equal(read_all(bytes_of(f->at, f->size), &height_at, &blocks),
                     ERR_ORDER);
    assert_int_equal(height_at, 2);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archive_written_is_read),
        cmocka_unit_test(test_archive_of_no_blocks_is_read),
        cmocka_unit_test(test_archive_every_flipped_byte_is_found_where_it_is),
        cmocka_unit_test(test_archive_cut_short_is_truncated),
        cmocka_unit_test(test_archive_walk_stays_after_an_error),
        cmocka_unit_test(test_archive_of_another_genesis_is_refused),
        cmocka_unit_test(test_archive_content_that_does_not_fit_is_refused),
        cmocka_unit_test(test_archive_blocks_out_of_order_are_refused),
        cmocka_unit_test(test_archive_end_of_other_blocks_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
