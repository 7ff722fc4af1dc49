/* Trees, quorums, envelopes and certificates. */
#include "base/check.h"
#include "chain/cert.h"
#include "chain/mtree.h"
#include "chain/tx.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* RFC 9162 section 2.1.1, as it is written. */
static struct hash defined(const struct hash *leaves, uint64_t n)
{
    uint64_t k = 1;
    struct hash left;
    struct hash right;

    if (n == 1)
        return leaves[0];
    while (k * 2 < n)
        k *= 2;
    left = defined(leaves, k);
    right = defined(leaves + k, n - k);
    return mtree_node(&left, &right);
}

static void test_mtree_equals_its_definition(void **state)
{
    struct hash leaves[130];
    struct hash path[MTREE_DEPTH_MAX];

    (void)state;
    for (uint8_t i = 0; i < 130; i++)
        leaves[i] = mtree_leaf(bytes_of(&i, 1));
    for (uint64_t n = 1; n <= 130; n++) {
        const struct hash root = mtree_root(leaves, n);
        const struct hash expected = defined(leaves, n);

        assert_memory_equal(&root, &expected, sizeof root);
        for (uint64_t i = 0; i < n; i++) {
            const uint32_t length = mtree_prove(path, leaves, n, i);
            struct hash other = leaves[i];

            assert_int_equal(mtree_check(&root, n, i, &leaves[i], path, length),
                             ERR_NONE);
            other.raw[0] ^= 1;
            assert_int_not_equal(mtree_check(&root, n, i, &other, path, length),
                                 ERR_NONE);
            if (n > 1)
                assert_int_not_equal(
                    mtree_check(
                        &root, n, (i + 1) % n, &leaves[i], path, length),
                    ERR_NONE);
        }
    }
}

static void test_mtree_proofs_from_a_source_are_those_of_the_array(void **state)
{
    struct hash leaves[70];
    struct hash path[MTREE_DEPTH_MAX];
    const struct mtree_source source = {leaves, mtree_node_of_leaves};
    struct mtree_proof p;

    (void)state;
    for (uint8_t i = 0; i < 70; i++)
        leaves[i] = mtree_leaf(bytes_of(&i, 1));
    for (uint64_t n = 1; n <= 70; n++) {
        for (uint64_t i = 0; i < n; i++) {
            const uint32_t length = mtree_prove(path, leaves, n, i);

            assert_int_equal(mtree_prove_inclusion(&p, &source, n, i),
                             ERR_NONE);
            assert_int_equal(p.count, length);
            assert_memory_equal(p.steps, path, length * sizeof path[0]);
        }
        assert_int_equal(mtree_prove_inclusion(&p, &source, n, n), ERR_RANGE);
    }
}

static enum err log_of_leaves(void *ctx, uint64_t size, struct mtree_log *out)
{
    const struct hash *leaves = ctx;

    memset(out, 0, sizeof *out);
    for (uint64_t i = 0; i < size; i++)
        mtree_log_append(out, &leaves[i]);
    return ERR_NONE;
}

static enum err leaf_of_leaves(void *ctx, uint64_t index, struct hash *out)
{
    const struct hash *leaves = ctx;

    *out = leaves[index];
    return ERR_NONE;
}

static void test_mtree_nodes_from_peaks_are_those_of_the_leaves(void **state)
{
    struct hash leaves[64];
    struct mtree_peaks peaks = {leaves, log_of_leaves, leaf_of_leaves};

    (void)state;
    for (uint8_t i = 0; i < 64; i++)
        leaves[i] = mtree_leaf(bytes_of(&i, 1));
    for (uint32_t level = 0; level <= 6; level++) {
        for (uint64_t i = 0; i < 64u >> level; i++) {
            struct hash a;
            struct hash b;

            assert_int_equal(mtree_node_of_leaves(leaves, level, i, &a),
                             ERR_NONE);
            assert_int_equal(mtree_node_of_peaks(&peaks, level, i, &b),
                             ERR_NONE);
            assert_memory_equal(&a, &b, sizeof a);
        }
    }
}

static void test_mtree_consistency_holds_for_prefixes_only(void **state)
{
    struct hash leaves[70];
    const struct mtree_source source = {leaves, mtree_node_of_leaves};

    (void)state;
    for (uint8_t i = 0; i < 70; i++)
        leaves[i] = mtree_leaf(bytes_of(&i, 1));
    for (uint64_t n = 0; n <= 70; n++) {
        const struct hash second = mtree_root(leaves, n);

        for (uint64_t m = 0; m <= n; m++) {
            struct hash first = mtree_root(leaves, m);
            struct mtree_proof p;

            assert_int_equal(mtree_prove_consistency(&p, &source, m, n),
                             ERR_NONE);
            assert_int_equal(mtree_check_consistency(m, &first, n, &second, &p),
                             ERR_NONE);
            first.raw[0] ^= 1;
            assert_int_equal(mtree_check_consistency(m, &first, n, &second, &p),
                             ERR_MISMATCH);
            first.raw[0] ^= 1;
            for (uint32_t i = 0; i < p.count; i++) {
                p.steps[i].raw[31] ^= 1;
                assert_int_not_equal(
                    mtree_check_consistency(m, &first, n, &second, &p),
                    ERR_NONE);
                p.steps[i].raw[31] ^= 1;
            }
            if (m > 1) /* another size does not pass for this one */
                assert_int_not_equal(
                    mtree_check_consistency(m - 1, &first, n, &second, &p),
                    ERR_NONE);
            p.count++;
            assert_int_not_equal(
                mtree_check_consistency(m, &first, n, &second, &p), ERR_NONE);
            p.count--;
            if (p.count > 0) {
                p.count--;
                assert_int_not_equal(
                    mtree_check_consistency(m, &first, n, &second, &p),
                    ERR_NONE);
            }
            assert_int_equal(
                mtree_check_consistency(n + 1, &second, n, &second, &p),
                ERR_RANGE);
        }
    }
}

static void test_valset_quorums_are_n_minus_f(void **state)
{
    static const uint8_t q[26] = {0,  1,  2,  3,  3,  4,  5,  5,  6,
                                  7,  7,  8,  9,  9,  10, 11, 11, 12,
                                  13, 13, 14, 15, 15, 16, 17, 17};

    (void)state;
    for (uint32_t n = 1; n <= 25; n++) {
        assert_int_equal(valset_quorum(n), q[n]);
        /* two quorums share a correct validator */
        assert_true(2 * valset_quorum(n) > n + valset_faulty(n));
    }
}

static struct secret secret_of(uint8_t i)
{
    struct secret s = {{0}};

    s.raw[31] = i;
    return s;
}

static void test_tx_every_prefix_and_flip_is_refused_or_another(void **state)
{
    struct tx *tx = calloc(1, sizeof *tx);
    struct tx *back = calloc(1, sizeof *back);
    uint8_t op[3] = {30, 1, 2};
    uint8_t buf[1024];
    struct writer w = writer_of(buf, sizeof buf);
    const struct secret key = secret_of(9);
    struct hash id;

    (void)state;
    tx->institution = 1;
    tx->principal_count = 1;
    tx->principals[0] =
        (struct principal){PRINCIPAL_INSTITUTION, institution_id(1)};
    tx->op_count = 1;
    tx->ops[0] = bytes_of(op, sizeof op);
    tx_encode_unsigned(&w, tx);
    tx->id = tx_id_of(writer_bytes(&w));
    id = tx->id;
    assert_int_equal(tx_sign(tx, 0, &key), ERR_NONE);
    assert_int_equal(tx_sign(tx, 0, &key), ERR_EXISTS);
    w = writer_of(buf, sizeof buf);
    tx_encode(&w, tx);
    assert_int_equal(tx_decode(back, writer_bytes(&w)), ERR_NONE);
    assert_memory_equal(&back->id, &id, sizeof id);
    assert_int_equal(tx_check_sigs(back, NULL), ERR_NONE);
    for (size_t cut = 0; cut < w.size; cut++)
        assert_int_not_equal(tx_decode(back, bytes_of(buf, cut)), ERR_NONE);
    for (size_t i = 0; i < w.size; i++) {
        buf[i] ^= 1;
        if (tx_decode(back, writer_bytes(&w)) == ERR_NONE) {
            uint8_t again[1024];
            struct writer x = writer_of(again, sizeof again);

            tx_encode(&x, back);
            assert_int_equal(x.size, w.size);
            assert_memory_equal(again, buf, w.size);
            assert_int_equal(tx_check_sigs(back, NULL), ERR_SIGNATURE);
        }
        buf[i] ^= 1;
    }
    free(tx);
    free(back);
}

/* A transaction of two principals, signed by keys 1 and 2. */
static void two_of_us(struct tx *tx)
{
    static const uint8_t op[3] = {30, 1, 2};
    uint8_t buf[1024];
    struct writer w = writer_of(buf, sizeof buf);

    memset(tx, 0, sizeof *tx);
    tx->institution = 1;
    tx->principal_count = 2;
    for (uint8_t i = 0; i < 2; i++)
        tx->principals[i] = (struct principal){
            PRINCIPAL_INSTITUTION, institution_id((uint16_t)(i + 1))};
    tx->op_count = 1;
    tx->ops[0] = bytes_of(op, sizeof op);
    tx_encode_unsigned(&w, tx);
    tx->id = tx_id_of(writer_bytes(&w));
    for (uint8_t i = 0; i < 2; i++) {
        const struct secret key = secret_of((uint8_t)(i + 1));

        assert_int_equal(tx_sign(tx, i, &key), ERR_NONE);
    }
}

static enum err taken(const struct tx *tx)
{
    static uint8_t buf[TX_BYTES_MAX + 1024];
    static struct tx back;
    struct writer w = writer_of(buf, sizeof buf);
    enum err e;

    tx_encode(&w, tx);
    assert_true(writer_ok(&w));
    e = tx_decode(&back, writer_bytes(&w));
    return e == ERR_NONE ? tx_check_sigs(&back, NULL) : e;
}

/* One transaction has one encoding: lists are sorted, and nothing is double. */
static void test_tx_that_is_not_canonical_is_refused(void **state)
{
    static struct tx tx;
    struct tx_sig sig;

    (void)state;
    two_of_us(&tx);
    assert_int_equal(taken(&tx), ERR_NONE);
    sig = tx.sigs[0];
    tx.sigs[0] = tx.sigs[1];
    tx.sigs[1] = sig;
    assert_int_equal(taken(&tx), ERR_ORDER);
    two_of_us(&tx);
    tx.sigs[1] = tx.sigs[0];
    assert_int_equal(taken(&tx), ERR_ORDER);
    two_of_us(&tx);
    tx.principals[0] = tx.principals[1];
    assert_int_equal(taken(&tx), ERR_ORDER);
    two_of_us(&tx);
    tx.sigs[1].principal = 2; /* nobody */
    assert_int_equal(taken(&tx), ERR_RANGE);
    two_of_us(&tx);
    tx.op_count = 0;
    assert_int_equal(taken(&tx), ERR_RANGE);
}

/* Whoever does not hold the key could make another encoding of a signature: the
 * one with n - s. */
static void test_tx_with_the_other_s_is_refused(void **state)
{
    static const uint8_t order[32] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
        0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    static struct tx tx;
    int borrow = 0;

    (void)state;
    two_of_us(&tx);
    for (int i = 31; i >= 0; i--) {
        const int d = order[i] - tx.sigs[0].sig.raw[32 + i] - borrow;

        tx.sigs[0].sig.raw[32 + i] = (uint8_t)(d & 0xff);
        borrow = d < 0 ? 1 : 0;
    }
    assert_int_equal(borrow, 0);
    assert_int_equal(taken(&tx), ERR_SIGNATURE);
}

static void test_tx_signed_by_another_key_is_refused(void **state)
{
    static struct tx tx;
    const struct secret other = secret_of(3);

    (void)state;
    two_of_us(&tx);
    assert_int_equal(key_sign(&tx.sigs[1].sig, &other, &tx.id), ERR_NONE);
    assert_int_equal(taken(&tx), ERR_SIGNATURE);
}

static void test_tx_that_is_too_large_is_refused(void **state)
{
    static uint8_t op[TX_BYTES_MAX];
    static struct tx tx;

    (void)state;
    two_of_us(&tx);
    tx.ops[0] = bytes_of(op, sizeof op - 600);
    assert_int_equal(taken(&tx), ERR_SIGNATURE); /* read, but not signed */
    tx.ops[0] = bytes_of(op, sizeof op - 300);
    assert_int_equal(taken(&tx), ERR_RANGE);
}

static void test_cert_needs_exactly_a_quorum_of_members(void **state)
{
    struct valset set = {.count = 4};
    struct vote_domain d = {.set = &set};
    struct cert c = {.kind = VOTE_NOTARIZE,
                     .about = {.view = 3, .height = 2, .block = {{1}}}};
    struct secret keys[4];
    struct signature sigs[4];

    (void)state;
    for (uint8_t i = 0; i < 4; i++) {
        keys[i] = secret_of((uint8_t)(i + 1));
        assert_int_equal(key_public(&set.list[i].key, &keys[i]), ERR_NONE);
    }
    for (uint8_t i = 0; i < 4; i++) {
        struct vote v = {.kind = c.kind, .about = c.about, .signer = i};

        assert_int_equal(vote_sign(&v, &d, &keys[i]), ERR_NONE);
        assert_int_equal(vote_check(&v, &d), ERR_NONE);
        sigs[i] = v.sig;
        v.about.height++;
        assert_int_equal(vote_check(&v, &d), ERR_SIGNATURE);
    }
    c.bitmap = 7;
    memcpy(c.sigs, sigs, 3 * sizeof sigs[0]);
    assert_int_equal(cert_check(&c, &d), ERR_NONE);
    c.bitmap = 3;
    assert_int_equal(cert_check(&c, &d), ERR_QUORUM);
    c.bitmap = 15;
    assert_int_equal(cert_check(&c, &d), ERR_QUORUM);
    c.bitmap = 7 | 1u << 8;
    assert_int_equal(cert_check(&c, &d), ERR_RANGE);
    c.bitmap = 11; /* the third signature is another's */
    assert_int_equal(cert_check(&c, &d), ERR_SIGNATURE);
    c.bitmap = 7;
    c.epoch = 1;
    assert_int_equal(cert_check(&c, &d), ERR_CHAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mtree_equals_its_definition),
        cmocka_unit_test(
            test_mtree_proofs_from_a_source_are_those_of_the_array),
        cmocka_unit_test(test_mtree_nodes_from_peaks_are_those_of_the_leaves),
        cmocka_unit_test(test_mtree_consistency_holds_for_prefixes_only),
        cmocka_unit_test(test_valset_quorums_are_n_minus_f),
        cmocka_unit_test(test_tx_every_prefix_and_flip_is_refused_or_another),
        cmocka_unit_test(test_tx_that_is_not_canonical_is_refused),
        cmocka_unit_test(test_tx_with_the_other_s_is_refused),
        cmocka_unit_test(test_tx_signed_by_another_key_is_refused),
        cmocka_unit_test(test_tx_that_is_too_large_is_refused),
        cmocka_unit_test(test_cert_needs_exactly_a_quorum_of_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
