#include "base/writer.h"

void writer_vec(struct writer *w, struct bytes v)
{
    writer_u32(w, (uint32_t)v.size);
    writer_copy(w, v.at, v.size);
}

void writer_be32(struct writer *w, uint32_t v)
{
    const uint8_t b[4] = {
        (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    writer_copy(w, b, sizeof b);
}

void writer_be64(struct writer *w, uint64_t v)
{
    writer_be32(w, (uint32_t)(v >> 32));
    writer_be32(w, (uint32_t)v);
}
