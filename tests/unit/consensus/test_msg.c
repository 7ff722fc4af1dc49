/* The messages of consensus: one encoding each, and no other accepted. */
#include "consensus/msg.h"

#include "tests/unit/consensus/core_rig.h"

#include <stdlib.h>

enum {
    ROOM = MSG_PROPOSAL_MAX,
};

static uint8_t room[ROOM];
static uint8_t again[ROOM];
static struct msg_proposal proposal;

static struct vote some_vote(uint8_t kind)
{
    struct vote v = {.kind = kind,
                     .epoch = 3,
                     .about = rig_candidate(9, 7, 5, 'A'),
                     .signer = 2};

    memset(v.sig.raw, 0x77, sizeof v.sig.raw);
    if (kind == VOTE_NULLIFY)
        v.about = (struct candidate){.view = 9};
    return v;
}

static struct cert some_cert(uint8_t kind)
{
    struct cert c = {.kind = kind, .epoch = 3, .bitmap = 0xb};

    c.about = some_vote(kind).about;
    memset(c.sigs, 0x55, 3 * sizeof c.sigs[0]);
    return c;
}

/* Every proper prefix is refused, and so is one byte more. */
#define CHECK_LENGTHS(decode_)                                  \
    do {                                                        \
        for (size_t cut_ = 0; cut_ < w.size; cut_++) {          \
            const struct bytes in = bytes_of(room, cut_);       \
            assert_int_equal((decode_), ERR_TRUNCATED);         \
        }                                                       \
        room[w.size] = 0;                                       \
        {                                                       \
            const struct bytes in = bytes_of(room, w.size + 1); \
            assert_int_equal((decode_), ERR_TRAILING);          \
        }                                                       \
    } while (0)

static struct bytes encode_again(void)
{
    struct writer w = writer_of(again, sizeof again);
    const struct cert *certs[MSG_CERTS_MAX];

    for (uint32_t i = 0; i < proposal.cert_count; i++)
        certs[i] = &proposal.certs[i];
    msg_proposal_encode(&w,
                        &proposal.candidate,
                        &proposal.vote,
                        proposal.header,
                        certs,
                        proposal.cert_count,
                        proposal.body);
    return writer_bytes(&w);
}

static struct writer encode_some(uint32_t cert_count,
                                 size_t header_size,
                                 size_t body_size)
{
    static uint8_t fill[MSG_INLINE_BODY_MAX];
    const struct vote v = some_vote(VOTE_NOTARIZE);
    const struct cert c = some_cert(VOTE_NULLIFY);
    const struct cert *certs[MSG_CERTS_MAX];
    struct writer w = writer_of(room, sizeof room);

    for (uint32_t i = 0; i < cert_count; i++)
        certs[i] = &c;
    msg_proposal_encode(&w,
                        &v.about,
                        &v,
                        bytes_of(fill, header_size),
                        certs,
                        cert_count,
                        bytes_of(fill, body_size));
    assert_true(writer_ok(&w));
    return w;
}

static void test_msg_proposal_survives_the_wire(void **s)
{
    static const struct {
        uint32_t certs;
        size_t header, body;
    } sizes[] = {{0, 0, 0},
                 {1, 0, 0},
                 {3, 400, 0},
                 {2, 400, 1000},
                 {MSG_CERTS_MAX, HEADER_BYTES_MAX, MSG_INLINE_BODY_MAX}};

    (void)s;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const struct writer w =
            encode_some(sizes[i].certs, sizes[i].header, sizes[i].body);

        assert_true(w.size <= MSG_PROPOSAL_MAX);
        assert_int_equal(msg_proposal_decode(&proposal, writer_bytes(&w)),
                         ERR_NONE);
        assert_int_equal(proposal.cert_count, sizes[i].certs);
        assert_true(bytes_eq(encode_again(), writer_bytes(&w)));
    }
}

static void test_msg_proposal_with_the_largest_certificates_fits(void **s)
{
    struct cert c = some_cert(VOTE_NULLIFY);
    const struct vote v = some_vote(VOTE_NOTARIZE);
    const struct cert *certs[MSG_CERTS_MAX];
    struct writer w = writer_of(NULL, 0);

    (void)s;
    c.bitmap = UINT32_MAX;
    for (uint32_t i = 0; i < MSG_CERTS_MAX; i++)
        certs[i] = &c;
    msg_proposal_encode(&w,
                        &v.about,
                        &v,
                        bytes_of(room, HEADER_BYTES_MAX),
                        certs,
                        MSG_CERTS_MAX,
                        bytes_of(room, MSG_INLINE_BODY_MAX));
    assert_true(w.size <= MSG_PROPOSAL_MAX);
}

static void test_msg_proposal_of_another_length_is_refused(void **s)
{
    const struct writer w = encode_some(2, 20, 10);

    (void)s;
    CHECK_LENGTHS(msg_proposal_decode(&proposal, in));
}

/* Where the counts stand in an encoding of encode_some. */
enum {
    AT_VOTE = 56,
    AT_HEADER = AT_VOTE + VOTE_BYTES,
};

static void test_msg_proposal_out_of_range_is_refused(void **s)
{
    struct writer w = encode_some(0, 0, 10);

    (void)s;
    assert_int_equal(msg_proposal_decode(&proposal, writer_bytes(&w)),
                     ERR_RANGE); /* a body without a header */
    w = encode_some(1, 20, 0);
    room[AT_VOTE] = VOTE_FINALIZE;
    assert_int_equal(msg_proposal_decode(&proposal, writer_bytes(&w)),
                     ERR_RANGE); /* not the vote of a leader */
    w = encode_some(1, 20, 0);
    room[0] ^= 1;
    assert_int_equal(msg_proposal_decode(&proposal, writer_bytes(&w)),
                     ERR_RANGE); /* the vote is about another candidate */
    w = encode_some(1, 20, 0);
    room[AT_HEADER + 1] = 0xff;
    assert_int_equal(msg_proposal_decode(&proposal, writer_bytes(&w)),
                     ERR_RANGE); /* the header is too long */
    w = encode_some(1, 20, 0);
    room[AT_HEADER + 4 + 20] = MSG_CERTS_MAX + 1;
    assert_int_equal(msg_proposal_decode(&proposal, writer_bytes(&w)),
                     ERR_RANGE); /* too many certificates */
    w = encode_some(1, 20, 0);
    room[AT_HEADER + 4 + 20] = 9;
    assert_int_equal(msg_proposal_decode(&proposal, writer_bytes(&w)),
                     ERR_TRUNCATED); /* more than there are bytes for */
    assert_int_equal(proposal.cert_count, 0);
    assert_int_equal(proposal.header.size, 0);
}

static void test_msg_vote_survives_the_wire(void **s)
{
    (void)s;
    for (uint8_t kind = VOTE_NOTARIZE; kind <= VOTE_FINALIZE; kind++) {
        const struct vote v = some_vote(kind);
        struct writer w = writer_of(room, sizeof room);
        struct vote got;

        vote_encode(&w, &v);
        assert_int_equal(w.size, VOTE_BYTES);
        assert_int_equal(msg_vote_decode(&got, writer_bytes(&w)), ERR_NONE);
        assert_true(candidate_eq(&got.about, &v.about));
        assert_int_equal(got.signer, 2);
        CHECK_LENGTHS(msg_vote_decode(&got, in));
    }
}

static void test_msg_cert_survives_the_wire(void **s)
{
    const struct cert c = some_cert(VOTE_FINALIZE);
    struct writer w = writer_of(room, sizeof room);
    struct cert got;

    (void)s;
    cert_encode(&w, &c);
    assert_int_equal(msg_cert_decode(&got, writer_bytes(&w)), ERR_NONE);
    assert_int_equal(got.bitmap, 0xb);
    assert_memory_equal(got.sigs, c.sigs, 3 * sizeof c.sigs[0]);
    CHECK_LENGTHS(msg_cert_decode(&got, in));
    room[65] = 0xf; /* one signer more than signatures */
    assert_int_equal(msg_cert_decode(&got, writer_bytes(&w)), ERR_RANGE);
    assert_int_equal(got.kind, 0);
}

static struct core_status some_status(void)
{
    struct core_status st = {.view = 20,
                             .final_view = 4,
                             .final_height = 3,
                             .final_hash = rig_hash('F'),
                             .applied_height = 2,
                             .map_from = 5,
                             .map_views = 6,
                             .map = {0xe4, 0x09}};

    st.held = some_vote(VOTE_NULLIFY);
    return st;
}

static void test_msg_status_survives_the_wire(void **s)
{
    struct core_status st = some_status();
    struct core_status got;
    uint64_t epoch;

    (void)s;
    for (int held = 0; held < 2; held++) {
        struct writer w = writer_of(room, sizeof room);

        if (held == 0)
            memset(&st.held, 0, sizeof st.held);
        else
            st.held = some_vote(VOTE_FINALIZE);
        msg_status_encode(&w, &st, 3);
        assert_true(w.size <= MSG_STATUS_MAX);
        assert_int_equal(msg_status_decode(&got, &epoch, writer_bytes(&w)),
                         ERR_NONE);
        assert_int_equal(epoch, 3);
        assert_int_equal(got.map_from, 5);
        assert_memory_equal(got.map, st.map, sizeof st.map);
        assert_int_equal(got.held.kind, st.held.kind);
        CHECK_LENGTHS(msg_status_decode(&got, &epoch, in));
    }
}

static void test_msg_status_out_of_range_is_refused(void **s)
{
    struct core_status st = some_status();
    struct core_status got;
    struct writer w = writer_of(room, sizeof room);
    uint64_t epoch;

    (void)s;
    st.map[1] = 0x19; /* a bit beyond the sixth view */
    msg_status_encode(&w, &st, 3);
    assert_int_equal(msg_status_decode(&got, &epoch, writer_bytes(&w)),
                     ERR_RANGE);
    assert_int_equal(got.view, 0);
    st = some_status();
    st.map_from = 4; /* a view that is final */
    w = writer_of(room, sizeof room);
    msg_status_encode(&w, &st, 3);
    assert_int_equal(msg_status_decode(&got, &epoch, writer_bytes(&w)),
                     ERR_RANGE);
    st = some_status();
    w = writer_of(room, sizeof room);
    msg_status_encode(&w, &st, 3);
    room[81] = 1; /* 6 + 256 views */
    assert_int_equal(msg_status_decode(&got, &epoch, writer_bytes(&w)),
                     ERR_RANGE);
}

static void test_msg_block_survives_the_wire(void **s)
{
    struct writer w = writer_of(room, sizeof room);
    struct bytes header;
    struct bytes body;

    (void)s;
    msg_block_encode(&w, bytes_of("head", 4), bytes_of("a body", 6));
    assert_int_equal(msg_block_decode(&header, &body, writer_bytes(&w)),
                     ERR_NONE);
    assert_true(bytes_eq(header, bytes_of("head", 4)));
    assert_true(bytes_eq(body, bytes_of("a body", 6)));
    CHECK_LENGTHS(msg_block_decode(&header, &body, in));
}

static void test_msg_sync_block_survives_the_wire(void **s)
{
    const struct cert c = some_cert(VOTE_FINALIZE);
    uint8_t cert_bytes[CERT_BYTES_MAX];
    struct writer cw = writer_of(cert_bytes, sizeof cert_bytes);
    struct writer w = writer_of(room, sizeof room);
    struct bytes header;
    struct bytes body;
    struct cert got;

    (void)s;
    cert_encode(&cw, &c);
    msg_sync_block_encode(
        &w, bytes_of("head", 4), writer_bytes(&cw), bytes_of("a body", 6));
    assert_int_equal(
        msg_sync_block_decode(&header, &got, &body, writer_bytes(&w)),
        ERR_NONE);
    assert_true(bytes_eq(body, bytes_of("a body", 6)));
    assert_true(candidate_eq(&got.about, &c.about));
    CHECK_LENGTHS(msg_sync_block_decode(&header, &got, &body, in));
}

/* ---- the end of an epoch ---- */

enum {
    SIGNERS = 4,
};

static struct secret secrets[SIGNERS];

static int by_key(const void *a, const void *b)
{
    struct pubkey x;
    struct pubkey y;

    assert_int_equal(key_public(&x, a), ERR_NONE);
    assert_int_equal(key_public(&y, b), ERR_NONE);
    return memcmp(x.raw, y.raw, sizeof x.raw);
}

/* A set of real keys; its members' secrets in the same order. */
static struct valset some_set(uint64_t epoch)
{
    struct valset set = {.epoch = epoch, .count = SIGNERS};

    for (uint32_t i = 0; i < SIGNERS; i++)
        assert_int_equal(key_new(&secrets[i]), ERR_NONE);
    qsort(secrets, SIGNERS, sizeof secrets[0], by_key);
    for (uint32_t i = 0; i < SIGNERS; i++) {
        struct validator *v = &set.list[i];

        assert_int_equal(key_public(&v->key, &secrets[i]), ERR_NONE);
        v->spki_hash.raw[0] = (uint8_t)(i + 1);
        v->institution = (uint16_t)(i + 1);
    }
    return set;
}

struct end {
    struct valset set, next;
    struct vote_domain domain;
    struct header header;
    struct cert cert;
};

/* Epoch 3 ends with block 20, which names a set without its last member. */
static void make_end(struct end *e)
{
    struct candidate about = {.view = 9, .parent_view = 8, .height = 20};

    memset(e, 0, sizeof *e);
    e->set = some_set(3);
    e->next = e->set;
    e->next.epoch = 4;
    memset(&e->next.list[--e->next.count], 0, sizeof e->next.list[0]);
    e->domain = (struct vote_domain){.chain_id = rig_hash('C'),
                                     .validators_hash = valset_hash(&e->set),
                                     .set = &e->set};
    e->header = (struct header){.version = HEADER_VERSION,
                                .flags = HEADER_SEAL,
                                .chain_id = rig_hash('C'),
                                .epoch = 3,
                                .height = 20,
                                .validators_hash = valset_hash(&e->set),
                                .next_validators_hash = valset_hash(&e->next)};
    about.block = header_hash(&e->header);
    e->cert = (struct cert){
        .kind = VOTE_FINALIZE, .epoch = 3, .about = about, .bitmap = 0xb};
    for (uint8_t i = 0, at = 0; i < SIGNERS; i++) {
        struct vote v = {
            .kind = VOTE_FINALIZE, .epoch = 3, .about = about, .signer = i};

        if ((e->cert.bitmap >> i & 1) == 0)
            continue;
        assert_int_equal(vote_sign(&v, &e->domain, &secrets[i]), ERR_NONE);
        e->cert.sigs[at++] = v.sig;
    }
}

static struct writer write_end(const struct end *e)
{
    uint8_t header[HEADER_BYTES_MAX];
    uint8_t cert[CERT_BYTES_MAX];
    struct writer cw = writer_of(cert, sizeof cert);
    struct writer w = writer_of(room, sizeof room);

    cert_encode(&cw, &e->cert);
    msg_epoch_end_encode(&w,
                         bytes_of(header, header_encode(header, &e->header)),
                         writer_bytes(&cw),
                         &e->next);
    return w;
}

static enum err read_end(struct msg_epoch_end *out, const struct end *e)
{
    const struct writer w = write_end(e);

    return msg_epoch_end_decode(out, writer_bytes(&w));
}

static void test_msg_epoch_end_survives_the_wire(void **s)
{
    struct end e;
    struct writer w;
    struct msg_epoch_end got;

    (void)s;
    make_end(&e);
    w = write_end(&e);
    assert_true(w.size <= MSG_EPOCH_END_MAX);
    assert_int_equal(msg_epoch_end_decode(&got, writer_bytes(&w)), ERR_NONE);
    assert_memory_equal(&got.next, &e.next, sizeof got.next);
    assert_int_equal(got.cert.about.height, 20);
    assert_int_equal(msg_epoch_end_check(&got, &e.domain), ERR_NONE);
    CHECK_LENGTHS(msg_epoch_end_decode(&got, in));
}

static void test_msg_epoch_end_of_32_validators_fits(void **s)
{
    static struct end e;
    static struct msg_epoch_end got;

    (void)s;
    make_end(&e);
    e.cert.bitmap = UINT32_MAX;
    for (uint32_t i = 0; i < VALIDATORS_MAX; i++) {
        struct secret one;

        assert_int_equal(key_new(&one), ERR_NONE);
        assert_int_equal(key_public(&e.next.list[i].key, &one), ERR_NONE);
        memset(&e.next.list[i].spki_hash, (int)i + 1, HASH_BYTES);
    }
    e.next.count = VALIDATORS_MAX;
    assert_true(write_end(&e).size <= MSG_EPOCH_END_MAX);
    assert_int_equal(read_end(&got, &e), ERR_ORDER); /* the keys' */
}

/* Each part names the others. */
static void test_msg_epoch_end_that_disagrees_is_refused(void **s)
{
    struct end e;
    struct msg_epoch_end got;

    (void)s;
    make_end(&e);
    e.header.flags = 0;
    assert_int_equal(read_end(&got, &e), ERR_RANGE);
    make_end(&e);
    e.header.time_ms++; /* another block */
    assert_int_equal(read_end(&got, &e), ERR_RANGE);
    make_end(&e);
    e.cert.kind = VOTE_NOTARIZE;
    assert_int_equal(read_end(&got, &e), ERR_RANGE);
    make_end(&e);
    e.cert.epoch = 4;
    assert_int_equal(read_end(&got, &e), ERR_RANGE);
    make_end(&e);
    e.cert.about.height = 21;
    assert_int_equal(read_end(&got, &e), ERR_RANGE);
    make_end(&e);
    e.next.epoch = 5;
    assert_int_equal(read_end(&got, &e), ERR_RANGE);
    make_end(&e);
    e.next.list[0].institution = 7; /* not the set that was named */
    assert_int_equal(read_end(&got, &e), ERR_RANGE);
    make_end(&e);
    e.next.count = 0;
    assert_int_equal(read_end(&got, &e), ERR_RANGE);
    assert_int_equal(got.header.version, 0);
}

static void test_msg_epoch_end_by_others_is_refused(void **s)
{
    struct end e;
    struct end other;
    struct msg_epoch_end got;

    (void)s;
    make_end(&other);
    make_end(&e);
    assert_int_equal(read_end(&got, &e), ERR_NONE);
    got.cert.sigs[2].raw[40] ^= 1;
    assert_int_equal(msg_epoch_end_check(&got, &e.domain), ERR_SIGNATURE);
    assert_int_equal(msg_epoch_end_check(&got, &other.domain), ERR_CHAIN);
    e.domain.chain_id = rig_hash('D');
    assert_int_equal(msg_epoch_end_check(&got, &e.domain), ERR_CHAIN);
}

static void test_msg_range_survives_the_wire(void **s)
{
    static const struct msg_range bad[] = {{0, 0}, {0, 9}, {9, 8}};
    const struct msg_range ask = {7, UINT64_MAX};
    struct writer w = writer_of(room, sizeof room);
    struct msg_range got;

    (void)s;
    msg_range_encode(&w, &ask);
    assert_int_equal(msg_range_decode(&got, writer_bytes(&w)), ERR_NONE);
    assert_true(got.from == 7 && got.to == UINT64_MAX);
    CHECK_LENGTHS(msg_range_decode(&got, in));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        w = writer_of(room, sizeof room);
        msg_range_encode(&w, &bad[i]);
        assert_int_equal(msg_range_decode(&got, writer_bytes(&w)), ERR_RANGE);
        assert_true(got.from == 0 && got.to == 0);
    }
}

static void test_msg_txs_are_looked_through(void **s)
{
    struct writer w = writer_of(room, sizeof room);
    uint32_t count;
    size_t at;

    (void)s;
    writer_u32(&w, 2);
    writer_vec(&w, bytes_of("first", 5));
    writer_vec(&w, bytes_of("2", 1));
    assert_int_equal(msg_txs_decode(&count, &at, writer_bytes(&w)), ERR_NONE);
    assert_true(count == 2 && at == 4);
    CHECK_LENGTHS(msg_txs_decode(&count, &at, in));
    w = writer_of(room, sizeof room);
    writer_u32(&w, 1);
    writer_u32(&w, TX_BYTES_MAX + 1);
    w.size += TX_BYTES_MAX + 1;
    assert_int_equal(msg_txs_decode(&count, &at, bytes_of(room, w.size)),
                     ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msg_proposal_survives_the_wire),
        cmocka_unit_test(test_msg_proposal_with_the_largest_certificates_fits),
        cmocka_unit_test(test_msg_proposal_of_another_length_is_refused),
        cmocka_unit_test(test_msg_proposal_out_of_range_is_refused),
        cmocka_unit_test(test_msg_vote_survives_the_wire),
        cmocka_unit_test(test_msg_cert_survives_the_wire),
        cmocka_unit_test(test_msg_status_survives_the_wire),
        cmocka_unit_test(test_msg_status_out_of_range_is_refused),
        cmocka_unit_test(test_msg_block_survives_the_wire),
        cmocka_unit_test(test_msg_sync_block_survives_the_wire),
        cmocka_unit_test(test_msg_epoch_end_survives_the_wire),
        cmocka_unit_test(test_msg_epoch_end_of_32_validators_fits),
        cmocka_unit_test(test_msg_epoch_end_that_disagrees_is_refused),
        cmocka_unit_test(test_msg_epoch_end_by_others_is_refused),
        cmocka_unit_test(test_msg_range_survives_the_wire),
        cmocka_unit_test(test_msg_txs_are_looked_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
