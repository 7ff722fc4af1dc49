#include "crypto/random.h"

#include "base/check.h"

#include <openssl/rand.h>

void random_bytes(void *out, size_t size)
{
    ASSERT(size <= 1 << 20);
    ASSERT(RAND_bytes(out, (int)size) == 1);
}
