/* What is signed, byte by byte (docs/PROTOCOL.md, section 3): the bytes are put
 * together here by hand, and the digests are fixed. */
#include "base/hex.h"
#include "chain/cert.h"
#include "chain/header.h"
#include "chain/tx.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct hash filled(uint8_t byte)
{
    struct hash h;

    memset(h.raw, byte, sizeof h.raw);
    return h;
}

struct bytes_by_hand {
    size_t size;
    uint8_t at[4096];
};

static void put(struct bytes_by_hand *b, const void *from, size_t size)
{
    memcpy(b->at + b->size, from, size);
    b->size += size;
}

/* Little endian, so many bytes. */
static void put_number(struct bytes_by_hand *b, uint64_t v, size_t size)
{
    for (size_t i = 0; i < size; i++)
        b->at[b->size++] = (uint8_t)(v >> 8 * i);
}

static void put_hash(struct bytes_by_hand *b, uint8_t byte)
{
    const struct hash h = filled(byte);

    put(b, h.raw, sizeof h.raw);
}

/* SHA-256(SHA-256(tag) | SHA-256(tag) | bytes) */
static struct hash tagged_by_hand(const char *tag,
                                  const struct bytes_by_hand *b)
{
    const struct hash t = hash_of(bytes_of(tag, strlen(tag)));
    struct hash_state s;

    hash_begin(&s);
    hash_more(&s, t.raw, sizeof t.raw);
    hash_more(&s, t.raw, sizeof t.raw);
    hash_more(&s, b->at, b->size);
    return hash_end(&s);
}

static void assert_hash(const struct hash *h, const char *hex)
{
    char text[2 * HASH_BYTES + 1];

    hex_encode(text, h->raw, sizeof h->raw);
    assert_string_equal(text, hex);
}

static const struct candidate about = {
    .view = 7,
    .parent_view = 5,
    .height = 3,
};

static struct candidate example(void)
{
    struct candidate c = about;

    c.block = filled(0x33);
    return c;
}

static struct vote_domain domain(void)
{
    return (struct vote_domain){.chain_id = filled(0x11),
                                .validators_hash = filled(0x22)};
}

static void test_signed_vote_is_129_bytes(void **state)
{
    const struct vote_domain d = domain();
    const struct candidate c = example();
    const struct candidate none = {.view = 7};
    struct bytes_by_hand b = {0};
    struct hash expected;
    struct hash h;

    (void)state;
    put_hash(&b, 0x11);   /* chain_id */
    put_number(&b, 2, 8); /* epoch */
    put_hash(&b, 0x22);   /* validators_hash */
    put_number(&b, 1, 1); /* kind: NOTARIZE */
    put_number(&b, 7, 8); /* view */
    put_number(&b, 5, 8); /* parent_view */
    put_number(&b, 3, 8); /* height */
    put_hash(&b, 0x33);   /* block */
    assert_int_equal(b.size, 129);
    expected = tagged_by_hand("equity/BFT/VOTE/v1", &b);
    h = vote_digest(&d, VOTE_NOTARIZE, 2, &c);
    assert_memory_equal(&h, &expected, sizeof h);
    assert_hash(
        &h, "19d7973f7f0973cbb8eeccc3ea1ce4a3cfc7ce645b2a3e83c505f965dab5268c");
    h = vote_digest(&d, VOTE_NULLIFY, 2, &none);
    assert_hash(
        &h, "1ab9ec289ad2468d28ac6894db282396e73fc4285fbd3d4137aed4ff589feba3");
}

/* B37: nothing of another chain, epoch or set passes for this one's */
static void test_signed_vote_names_chain_epoch_and_set(void **state)
{
    const struct candidate c = example();
    struct vote_domain d = domain();
    const struct hash h = vote_digest(&d, VOTE_FINALIZE, 2, &c);
    struct hash other = vote_digest(&d, VOTE_FINALIZE, 3, &c);

    (void)state;
    assert_memory_not_equal(&h, &other, sizeof h);
    other = vote_digest(&d, VOTE_NOTARIZE, 2, &c);
    assert_memory_not_equal(&h, &other, sizeof h);
    d.validators_hash.raw[31] ^= 1;
    other = vote_digest(&d, VOTE_FINALIZE, 2, &c);
    assert_memory_not_equal(&h, &other, sizeof h);
    d = domain();
    d.chain_id.raw[31] ^= 1;
    other = vote_digest(&d, VOTE_FINALIZE, 2, &c);
    assert_memory_not_equal(&h, &other, sizeof h);
}

static void test_signed_header_is_342_bytes(void **state)
{
    const struct header x = {.version = 1,
                             .flags = 0x0201,
                             .chain_id = filled(3),
                             .epoch = 4,
                             .view = 5,
                             .height = 6,
                             .time_ms = 7,
                             .proposer = 8,
                             .parent_hash = filled(9),
                             .header_log_size = 10,
                             .header_log_root = filled(11),
                             .tx_root = filled(12),
                             .tx_count = 13,
                             .body_bytes = 14,
                             .state_root = filled(15),
                             .change_root = filled(16),
                             .validators_hash = filled(17),
                             .next_validators_hash = filled(18),
                             .params_hash = filled(19)};
    struct bytes_by_hand b = {0};
    uint8_t encoded[HEADER_BYTES_MAX];
    struct hash expected;
    struct hash h;

    (void)state;
    put_number(&b, 1, 2);
    put_number(&b, 0x0201, 2);
    put_hash(&b, 3);
    for (uint64_t v = 4; v <= 7; v++) /* epoch, view, height, time */
        put_number(&b, v, 8);
    put_number(&b, 8, 2);
    put_hash(&b, 9);
    put_number(&b, 10, 8);
    put_hash(&b, 11);
    put_hash(&b, 12);
    put_number(&b, 13, 4);
    put_number(&b, 14, 4);
    for (uint8_t i = 15; i <= 19; i++)
        put_hash(&b, i);
    assert_int_equal(b.size, 342);
    assert_int_equal(header_encode(encoded, &x), b.size);
    assert_memory_equal(encoded, b.at, b.size);
    expected = tagged_by_hand("equity/BLOCK/v1", &b);
    h = header_hash(&x);
    assert_memory_equal(&h, &expected, sizeof h);
}

static void test_signed_set_is_its_epoch_and_members(void **state)
{
    struct valset set = {.epoch = 2, .count = 2};
    struct bytes_by_hand b = {0};
    struct hash expected;
    struct hash h;

    (void)state;
    put_number(&b, 2, 8);
    put_number(&b, 2, 4);
    for (uint8_t i = 0; i < 2; i++) {
        memset(set.list[i].key.raw, 0x40 + i, PUBKEY_BYTES);
        set.list[i].spki_hash = filled((uint8_t)(0x50 + i));
        set.list[i].institution = (uint16_t)(0x0601 + i);
        put(&b, set.list[i].key.raw, 33);
        put_hash(&b, (uint8_t)(0x50 + i));
        put_number(&b, 0x0601u + i, 2);
    }
    assert_int_equal(b.size, 12 + 2 * 67);
    expected = tagged_by_hand("equity/VALSET/v1", &b);
    h = valset_hash(&set);
    assert_memory_equal(&h, &expected, sizeof h);
}

static void test_signed_transaction_is_its_unsigned_bytes(void **state)
{
    static struct tx x;
    uint8_t op[3] = {30, 1, 2};
    uint8_t encoded[512];
    struct writer w = writer_of(encoded, sizeof encoded);
    struct bytes_by_hand b = {0};
    struct hash expected;
    struct hash h;

    (void)state;
    x.chain_id = filled(0x11);
    x.institution = 9;
    x.reference.day = 20000;
    memset(x.reference.serial, 0x21, SERIAL_BYTES);
    x.valid_until = 20030;
    memset(x.salt, 0x22, SALT_BYTES);
    x.principal_count = 1;
    x.principals[0] = (struct principal){PRINCIPAL_ACCOUNT, filled(0x44)};
    x.op_count = 1;
    x.ops[0] = bytes_of(op, sizeof op);
    put_number(&b, 1, 1);
    put_hash(&b, 0x11);
    put_number(&b, 9, 2);
    put_number(&b, 20000, 4);
    put(&b, x.reference.serial, 12);
    put_number(&b, 20030, 4);
    put(&b, x.salt, 16);
    put_number(&b, 1, 4);
    put_number(&b, PRINCIPAL_ACCOUNT, 1);
    put_hash(&b, 0x44);
    put_number(&b, 1, 4);
    put_number(&b, sizeof op, 4);
    put(&b, op, sizeof op);
    tx_encode_unsigned(&w, &x);
    assert_int_equal(w.size, b.size);
    assert_memory_equal(encoded, b.at, b.size);
    expected = tagged_by_hand("equity/TX/v1", &b);
    h = tx_id_of(writer_bytes(&w));
    assert_memory_equal(&h, &expected, sizeof h);
}

/* B30, B50: chance and certificates have no say in who leads */
static void test_signed_leaders_take_turns(void **state)
{
    const struct hash chain = filled(0x11);
    const struct hash block = filled(0x44);
    const uint64_t seed = valset_leader_seed(&chain, 2, &block);

    (void)state;
    assert_int_equal(seed, 17515475170010355699u);
    for (uint32_t n = 1; n <= VALIDATORS_MAX; n++) {
        for (uint64_t v = UINT64_MAX / 2 - 70; v < UINT64_MAX / 2; v++) {
            const uint32_t leader = valset_leader(n, seed, v);

            assert_true(leader < n);
            assert_int_equal(valset_leader(n, seed, v + 1), (leader + 1) % n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_vote_is_129_bytes),
        cmocka_unit_test(test_signed_vote_names_chain_epoch_and_set),
        cmocka_unit_test(test_signed_header_is_342_bytes),
        cmocka_unit_test(test_signed_set_is_its_epoch_and_members),
        cmocka_unit_test(test_signed_transaction_is_its_unsigned_bytes),
        cmocka_unit_test(test_signed_leaders_take_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
