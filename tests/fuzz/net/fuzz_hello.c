/* HELLO: what decodes encodes back to the same bytes. */
#include "base/check.h"
#include "net/hello.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct hello h;

    if (hello_decode(&h, in) == ERR_NONE) {
        uint8_t again[HELLO_BYTES_MAX];
        struct writer w = writer_of(again, sizeof again);

        hello_encode(&w, &h);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
    }
    return 0;
}
