#include "crypto/random.h"

#include "base/check.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

void random_bytes(void *out, size_t size)
{
    uint8_t *at = out;

    while (size > 0) {
        const ssize_t n = getrandom(at, size, 0);

        ASSERT(n > 0 || errno == EINTR);
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
}
