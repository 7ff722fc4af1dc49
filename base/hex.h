/* hex.h - lower-case hexadecimal text. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/attr.h"
#include "base/bytes.h"

/* hex_encode writes 2 * size digits and a final zero; out has room for
 * 2 * size + 1. */
void hex_encode(char *out, const void *in, size_t size);

/* hex_decode reads exactly 2 * size lower-case digits; false otherwise, and
 * out is zeroed. */
MUST_USE bool hex_decode(void *out, size_t size, const char *text);

#endif /* BASE_HEX_H */
