/* CRC-32C: the vectors of RFC 3720, and both ways give the same. */
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct bytes filled(uint8_t out[32], int first, int step)
{
    for (int i = 0; i < 32; i++)
        out[i] = (uint8_t)(first + i * step);
    return bytes_of(out, 32);
}

/* RFC 3720, appendix B.4 */
static void test_crc32c_vectors_of_the_standard(void **state)
{
    uint8_t b[32];

    (void)state;
    assert_int_equal(crc32c_extend(0, filled(b, 0, 0)), 0x8a9136aa);
    assert_int_equal(crc32c_extend(0, filled(b, 0xff, 0)), 0x62a8ab43);
    assert_int_equal(crc32c_extend(0, filled(b, 0, 1)), 0x46dd794e);
    assert_int_equal(crc32c_extend(0, filled(b, 31, -1)), 0x113fdb5c);
    assert_int_equal(crc32c_extend(0, bytes_of("123456789", 9)), 0xe3069283);
    assert_int_equal(crc32c_extend(0, bytes_of("", 0)), 0);
}

static void test_crc32c_in_pieces_is_the_same(void **state)
{
    uint8_t b[300];

    (void)state;
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)(i * i + 7);
    for (size_t size = 0; size <= sizeof b; size++) {
        const struct bytes all = bytes_of(b, size);
        const uint32_t whole = crc32c_extend(0, all);
        const size_t cut = size / 3;

        assert_int_equal(crc32c_by_table(0, all), whole);
        assert_int_equal(crc32c_extend(crc32c_extend(0, bytes_of(b, cut)),
                                       bytes_of(b + cut, size - cut)),
                         whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c_vectors_of_the_standard),
        cmocka_unit_test(test_crc32c_in_pieces_is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
