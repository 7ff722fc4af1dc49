/* A request head that parses ends where it says, and no prefix of it parses. */
#include "base/check.h"
#include "rpc/http_parse.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct http_head h;
    const int status = http_parse_head(&h, in);

    if (status == 0) {
        ASSERT(h.head_bytes <= size && h.head_bytes <= HTTP_HEAD_MAX);
        ASSERT(h.path[0] == 47);
        /* every proper prefix is incomplete, never something else */
        for (size_t cut = 0; cut < h.head_bytes; cut++) {
            struct http_head part;

            ASSERT(http_parse_head(&part, bytes_of(data, cut)) == 1);
        }
    }
    return 0;
}
