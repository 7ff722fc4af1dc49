/* random.h - the system's random generator (not for pure layers). */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include <stddef.h>

/* random_bytes fills out; a generator that fails ends the process. */
void random_bytes(void *out, size_t size);

#endif /* CRYPTO_RANDOM_H */
