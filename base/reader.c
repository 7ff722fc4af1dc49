#include "base/reader.h"

#include "base/check.h"

struct reader reader_of(struct bytes in)
{
    return (struct reader){.next = in.at, .left = in.size, .err = ERR_NONE};
}

void reader_fail(struct reader *r, enum err e)
{
    ASSERT(e != ERR_NONE);
    if (r->err == ERR_NONE)
        r->err = e;
    r->left = 0;
}

void reader_copy(struct reader *r, void *out, size_t size)
{
    if (r->err == ERR_NONE && size > r->left)
        reader_fail(r, ERR_TRUNCATED);
    if (size == 0)
        return;
    if (r->err != ERR_NONE) {
        memset(out, 0, size);
        return;
    }
    memcpy(out, r->next, size);
    r->next += size;
    r->left -= size;
}

struct bytes reader_take(struct reader *r, size_t size)
{
    struct bytes out;

    if (r->err == ERR_NONE && size > r->left)
        reader_fail(r, ERR_TRUNCATED);
    if (r->err != ERR_NONE)
        return (struct bytes){NULL, 0};
    out = bytes_of(r->next, size);
    if (size == 0)
        return out; /* next may be NULL, to which not even 0 is added */
    r->next += size;
    r->left -= size;
    return out;
}

uint8_t reader_u8(struct reader *r)
{
    uint8_t b[1];

    reader_copy(r, b, sizeof b);
    return b[0];
}

uint16_t reader_u16(struct reader *r)
{
    uint8_t b[2];

    reader_copy(r, b, sizeof b);
    return (uint16_t)(b[0] | b[1] << 8);
}

uint32_t reader_u32(struct reader *r)
{
    uint8_t b[4];

    reader_copy(r, b, sizeof b);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

uint64_t reader_u64(struct reader *r)
{
    const uint64_t low = reader_u32(r);
    const uint64_t high = reader_u32(r);

    return r->err == ERR_NONE ? low | high << 32 : 0;
}

bool reader_bool(struct reader *r)
{
    const uint8_t b = reader_u8(r);

    if (b > 1) {
        reader_fail(r, ERR_RANGE);
        return false;
    }
    return b == 1;
}

struct hash reader_hash(struct reader *r)
{
    struct hash h;

    reader_copy(r, h.raw, sizeof h.raw);
    return h;
}

uint32_t reader_count(struct reader *r, uint32_t max, size_t item_bytes_min)
{
    const uint32_t count = reader_u32(r);

    if (r->err != ERR_NONE)
        return 0;
    if (count > max) {
        reader_fail(r, ERR_RANGE);
        return 0;
    }
    if (item_bytes_min > 0 && count > r->left / item_bytes_min) {
        reader_fail(r, ERR_TRUNCATED);
        return 0;
    }
    return count;
}

struct bytes reader_vec(struct reader *r, uint32_t max)
{
    return reader_take(r, reader_count(r, max, 1));
}

enum err reader_finish(struct reader *r)
{
    if (r->err == ERR_NONE && r->left > 0)
        reader_fail(r, ERR_TRAILING);
    return r->err;
}
