/* Rows of every table (the first byte): what decodes encodes back. */
#include "base/check.h"
#include "ledger/rows.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    if (size > 1) {
        const struct schema *s = row_schema(data[0]);
        void *row = s != NULL ? malloc(s->size) : NULL;

        if (row != NULL &&
            schema_decode(row, s, bytes_of(in.at + 1, size - 1)) == ERR_NONE) {
            uint8_t *again = malloc(size);
            struct writer w = writer_of(again, size);

            schema_encode(&w, s, row);
            ASSERT(w.size == size - 1 &&
                   memcmp(again, data + 1, size - 1) == 0);
            free(again);
        }
        free(row);
    }
    return 0;
}
