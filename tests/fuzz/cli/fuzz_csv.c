/* Registers: what parses adds up; what does not names a line. */
#include "base/check.h"
#include "cli/csv.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct csv_register r;
    uint32_t line;
    char why[200];

    if (csv_parse(&r, in, 0, &line, why, sizeof why) == ERR_NONE) {
        uint64_t sum = 0;

        for (uint32_t i = 0; i < r.count; i++)
            sum += r.lines[i].quantity;
        ASSERT(r.count > 0 && sum == r.total);
        csv_free(&r);
    } else {
        ASSERT(line >= 1);
    }
    return 0;
}
