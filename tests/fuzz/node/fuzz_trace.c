/* The events of a halt: any file is read to the end or refused, and no line is
 * longer than it may be. */
#include "base/check.h"
#include "node/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *ctx, const char *line)
{
    ASSERT(strlen(line) < 400);
    ++*(uint32_t *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t lines = 0;
    const enum err e = trace_read(bytes_of(data, size), take, &lines);

    ASSERT(lines <= 1 + size / TRACE_ENTRY_BYTES);
    if (e == ERR_NONE)
        ASSERT((size - TRACE_HEAD_BYTES) % TRACE_ENTRY_BYTES == 0);
    return 0;
}
