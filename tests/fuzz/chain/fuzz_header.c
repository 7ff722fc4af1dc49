/* Headers encode back; a body is exactly as large as its parts say. */
#include "base/check.h"
#include "chain/header.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct header h;
    struct body *body = malloc(sizeof *body);
    uint8_t again[HEADER_BYTES_MAX];

    ASSERT(body != NULL);
    if (header_decode(&h, in) == ERR_NONE) {
        ASSERT(header_encode(again, &h) == size);
        ASSERT(memcmp(again, data, size) == 0);
    }
    if (body_split(body, in) == ERR_NONE) {
        size_t sum = 0;

        for (uint32_t i = 0; i < body->count; i++)
            sum += body->txs[i].size;
        ASSERT(body_bytes_of(body->count, sum) == size);
    }
    free(body);
    return 0;
}
