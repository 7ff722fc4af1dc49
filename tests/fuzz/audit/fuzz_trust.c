/* Any text as a trust file: what is read is written and read again. */
#include "audit/trust.h"
#include "base/check.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *written(const struct trust *t, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);

    ASSERT(out != NULL);
    ASSERT(trust_write(out, t));
    ASSERT(fclose(out) == 0);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trust t;
    static struct trust again;
    char why[256] = "";
    char *text;
    char *twice;
    size_t n = 0;
    size_t m = 0;

    if (trust_parse(&t, bytes_of(data, size), why, sizeof why) != ERR_NONE) {
        ASSERT(why[0] != '\0');
        return 0;
    }
    text = written(&t, &n);
    ASSERT(trust_parse(&again, bytes_of(text, n), why, sizeof why) == ERR_NONE);
    twice = written(&again, &m);
    ASSERT(n == m && memcmp(text, twice, n) == 0);
    free(text);
    free(twice);
    return 0;
}
