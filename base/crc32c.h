/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4), for torn writes. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/bytes.h"

/* crc32c_extend continues crc (0 to start) over in. */
uint32_t crc32c_extend(uint32_t crc, struct bytes in);
/* The same without the processor's instruction; for tests. */
uint32_t crc32c_by_table(uint32_t crc, struct bytes in);

#endif /* BASE_CRC32C_H */
