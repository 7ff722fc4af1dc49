/* Key files of any content. */
#include "base/check.h"
#include "crypto/keystore.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct keystore_info info;

    (void)!keystore_info_decode(&info, in);
    return 0;
}
