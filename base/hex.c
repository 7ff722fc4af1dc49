#include "base/hex.h"

void hex_encode(char *out, const void *in, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = in;

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * size] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool hex_decode(void *out, size_t size, const char *text)
{
    uint8_t *b = out;

    if (strlen(text) != 2 * size)
        goto bad;
    for (size_t i = 0; i < size; i++) {
        const int high = digit_of(text[2 * i]);
        const int low = digit_of(text[2 * i + 1]);

        if (high < 0 || low < 0)
            goto bad;
        b[i] = (uint8_t)(high << 4 | low);
    }
    return true;
bad:
    memset(out, 0, size);
    return false;
}
