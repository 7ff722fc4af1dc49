/* Operations: what decodes encodes back to the same bytes. */
#include "base/check.h"
#include "ledger/ops.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    union op_any *op = malloc(sizeof *op);
    const struct op_def *def;

    ASSERT(op != NULL);
    if (op_decode(&def, op, in) == ERR_NONE) {
        uint8_t *again = malloc(size);
        struct writer w = writer_of(again, size);

        op_encode(&w, def, op);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
        free(again);
    }
    free(op);
    return 0;
}
