/* Keys: signing, checking, and keeping them encrypted. */
#include "crypto/hash.h"
#include "crypto/keystore.h"
#include "crypto/transport.h"

#include "base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cmocka.h>

static void test_hash_known_answers_hold(void **state)
{
    char hex[65];
    struct hash h = hash_of(bytes_of("abc", 3));

    (void)state;
    hex_encode(hex, h.raw, 32);
    assert_string_equal(
        hex,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    h = hash_hmac(bytes_of("Jefe", 4),
                  bytes_of("what do ya want for nothing?", 28));
    hex_encode(hex, h.raw, 32); /* RFC 4231, test case 2 */
    assert_string_equal(
        hex,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_key_signature_is_deterministic_and_bound(void **state)
{
    struct secret s = {{0}};
    struct pubkey key;
    struct hash digest = {{1}};
    struct signature a;
    struct signature b;

    (void)state;
    s.raw[31] = 1;
    assert_int_equal(key_public(&key, &s), ERR_NONE);
    assert_int_equal(key_sign(&a, &s, &digest), ERR_NONE);
    assert_int_equal(key_sign(&b, &s, &digest), ERR_NONE);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(key_verify(&key, &digest, &a));
    for (size_t i = 0; i < sizeof a.raw; i++) {
        b = a;
        b.raw[i] ^= 1;
        assert_false(key_verify(&key, &digest, &b));
    }
    digest.raw[0] = 2;
    assert_false(key_verify(&key, &digest, &a));
}

/* n - s in place of s is the same signature to the curve, not to us. */
static void test_key_high_s_is_refused(void **state)
{
    static const uint8_t order[32] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
        0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    struct secret s = {{0}};
    struct pubkey key;
    const struct hash digest = {{1}};
    struct signature sig;
    int borrow = 0;

    (void)state;
    s.raw[31] = 1;
    assert_int_equal(key_public(&key, &s), ERR_NONE);
    assert_int_equal(key_sign(&sig, &s, &digest), ERR_NONE);
    for (int i = 31; i >= 0; i--) {
        const int d = order[i] - sig.raw[32 + i] - borrow;

        sig.raw[32 + i] = (uint8_t)d;
        borrow = d < 0 ? 1 : 0;
    }
    assert_false(key_verify(&key, &digest, &sig));
}

static void test_keystore_round_trip_and_every_damage(void **state)
{
    char dir[] = "/tmp/equity-keys-XXXXXX";
    char path[64];
    struct keystore_info info = {.kind = KEYSTORE_SECP256K1, .label = "k"};
    struct secret secret;
    struct secret back;
    struct stat st;
    uint8_t file[512];
    size_t size;
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/k.key", dir);
    assert_int_equal(key_new(&secret), ERR_NONE);
    assert_int_equal(keystore_write(path, &info, &secret, ""), ERR_PASSPHRASE);
    assert_int_equal(keystore_write(path, &info, &secret, "pass"), ERR_NONE);
    assert_int_equal(keystore_write(path, &info, &secret, "pass"), ERR_EXISTS);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(keystore_open(&info, &back, path, "pass"), ERR_NONE);
    assert_memory_equal(&secret, &back, sizeof back);
    assert_int_equal(keystore_open(&info, &back, path, "other"),
                     ERR_PASSPHRASE);
    f = fopen(path, "rb");
    size = fread(file, 1, sizeof file, f);
    fclose(f);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(keystore_info_decode(&info, bytes_of(file, cut)),
                             ERR_NONE);
    file[size - 20] ^= 1; /* in the sealed secret */
    f = fopen(path, "wb");
    fwrite(file, 1, size, f);
    fclose(f);
    assert_int_equal(keystore_open(&info, &back, path, "pass"), ERR_PASSPHRASE);
    unlink(path);
    rmdir(dir);
}

static void test_transport_pin_is_the_certificates(void **state)
{
    struct secret s;
    uint8_t public[32];
    EVP_PKEY *key;
    X509 *certificate;
    struct hash pin;
    struct hash found;

    (void)state;
    assert_int_equal(transport_key_new(&s), ERR_NONE);
    assert_int_equal(transport_public(public, &s), ERR_NONE);
    pin = transport_spki_hash(public);
    assert_int_equal(transport_identity(&key, &certificate, &s), ERR_NONE);
    assert_int_equal(transport_spki_of(&found, certificate), ERR_NONE);
    assert_memory_equal(&pin, &found, sizeof pin);
    EVP_PKEY_free(key);
    X509_free(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_known_answers_hold),
        cmocka_unit_test(test_key_signature_is_deterministic_and_bound),
        cmocka_unit_test(test_key_high_s_is_refused),
        cmocka_unit_test(test_keystore_round_trip_and_every_damage),
        cmocka_unit_test(test_transport_pin_is_the_certificates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
