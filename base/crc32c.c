#include "base/crc32c.h"

#include "base/attr.h"

#include <string.h>

/* Nibble table of the reflected polynomial 0x82f63b78: for processors without
 * an instruction for it. */
static const uint32_t table[16] = {0x00000000,
                                   0x105ec76f,
                                   0x20bd8ede,
                                   0x30e349b1,
                                   0x417b1dbc,
                                   0x5125dad3,
                                   0x61c69362,
                                   0x7198540d,
                                   0x82f63b78,
                                   0x92a8fc17,
                                   0xa24bb5a6,
                                   0xb21572c9,
                                   0xc38d26c4,
                                   0xd3d3e1ab,
                                   0xe330a81a,
                                   0xf36e6f75};

uint32_t crc32c_by_table(uint32_t crc, struct bytes in)
{
    crc = ~crc;
    for (size_t i = 0; i < in.size; i++) {
        crc ^= in.at[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

/* SSE 4.2 has the polynomial in hardware, eight bytes at a time. */
__attribute__((target("sse4.2"))) static uint32_t by_instruction(
    uint32_t crc, struct bytes in)
{
    uint64_t wide = (uint32_t)~crc;
    size_t i = 0;

    for (; in.size - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t eight;

        memcpy(&eight, in.at + i, sizeof eight);
        wide = __builtin_ia32_crc32di(wide, eight);
    }
    crc = (uint32_t)wide;
    for (; i < in.size; i++)
        crc = __builtin_ia32_crc32qi(crc, in.at[i]);
    return ~crc;
}

uint32_t crc32c_extend(uint32_t crc, struct bytes in)
{
    return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, in)
                                            : crc32c_by_table(crc, in);
}

#else

uint32_t crc32c_extend(uint32_t crc, struct bytes in)
{
    return crc32c_by_table(crc, in);
}

#endif
