/* Whatever decodes as a transaction encodes back to the same bytes, and no
 * proper prefix of it decodes. */
#include "base/check.h"
#include "chain/tx.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct tx *tx = malloc(sizeof *tx);

    ASSERT(tx != NULL);
    if (tx_decode(tx, in) == ERR_NONE) {
        uint8_t *again = malloc(size);
        struct writer w = writer_of(again, size);

        tx_encode(&w, tx);
        ASSERT(w.size == size && memcmp(again, data, size) == 0);
        for (size_t cut = 0; cut < size; cut += 7)
            ASSERT(tx_decode(tx, bytes_of(data, cut)) != ERR_NONE);
        free(again);
    }
    free(tx);
    return 0;
}
