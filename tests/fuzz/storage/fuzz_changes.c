/* Change sets from the database: what decodes encodes back. */
#include "base/buf.h"
#include "base/check.h"
#include "storage/store.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct store_changes c;

    if (store_changes_decode(&c, in) == ERR_NONE) {
        struct buf again = {0};

        store_changes_encode(&again, &c.set);
        ASSERT(again.size == size && memcmp(again.at, data, size) == 0);
        buf_deinit(&again);
        store_changes_free(&c);
    }
    return 0;
}
