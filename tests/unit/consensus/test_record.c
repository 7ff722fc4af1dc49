/* The records of the vote journal. */
#include "consensus/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_record_birth_survives_the_disk(void **s)
{
    const struct pubkey key = {{2, 1, 3}};
    struct pubkey got;
    uint64_t epoch;
    uint8_t buf[RECORD_BIRTH_BYTES + 1] = {0};
    struct writer w = writer_of(buf, sizeof buf);

    (void)s;
    record_birth_encode(&w, &key, 12);
    assert_int_equal(w.size, RECORD_BIRTH_BYTES);
    assert_int_equal(record_birth_decode(&got, &epoch, writer_bytes(&w)),
                     ERR_NONE);
    assert_memory_equal(&got, &key, sizeof key);
    assert_int_equal(epoch, 12);
    for (size_t cut = 0; cut < w.size; cut++)
        assert_int_equal(record_birth_decode(&got, &epoch, bytes_of(buf, cut)),
                         ERR_TRUNCATED);
    assert_int_equal(got.raw[0], 0);
    assert_int_equal(
        record_birth_decode(&got, &epoch, bytes_of(buf, w.size + 1)),
        ERR_TRAILING);
}

static enum err checkpoint(uint64_t view, uint64_t base, uint64_t from)
{
    const struct record_checkpoint r = {view, base, from};
    struct record_checkpoint got;
    uint8_t buf[RECORD_CHECKPOINT_BYTES];
    struct writer w = writer_of(buf, sizeof buf);

    record_checkpoint_encode(&w, &r);
    TRY(record_checkpoint_decode(&got, writer_bytes(&w)));
    assert_int_equal(got.view, view);
    assert_int_equal(got.base, base);
    assert_int_equal(got.nullified_from, from);
    return ERR_NONE;
}

static void test_record_checkpoint_survives_the_disk(void **s)
{
    struct record_checkpoint got;
    const uint8_t buf[RECORD_CHECKPOINT_BYTES + 1] = {
        2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};

    (void)s;
    assert_int_equal(checkpoint(1000, 900, 20), ERR_NONE);
    assert_int_equal(checkpoint(1000, 900, 901), ERR_NONE); /* none of them */
    assert_int_equal(checkpoint(1000, 1000, 20), ERR_RANGE);
    assert_int_equal(checkpoint(1000, 900, 0), ERR_RANGE);
    assert_int_equal(checkpoint(1000, 900, 902), ERR_RANGE);
    for (size_t cut = 0; cut < RECORD_CHECKPOINT_BYTES; cut++)
        assert_int_equal(record_checkpoint_decode(&got, bytes_of(buf, cut)),
                         ERR_TRUNCATED);
    assert_int_equal(record_checkpoint_decode(&got, bytes_of(buf, sizeof buf)),
                     ERR_TRAILING);
    assert_int_equal(got.view, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_birth_survives_the_disk),
        cmocka_unit_test(test_record_checkpoint_survives_the_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
